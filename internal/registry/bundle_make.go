// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/custody"
	"github.com/kua-registry/kua/internal/dossier"
	"github.com/kua-registry/kua/internal/evidence"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/timestamp"
	"github.com/kua-registry/kua/internal/wording"
)

// working are the kinds of records that are no part of a bundle: what the
// coalition writes for itself, and what keeps people safe. Steps of custody stand
// beside their things.
var working = []string{"task", "note", "contact", "risk", "consent", custody.Kind}

// remark is the field that many kinds share for what the coalition writes for itself.
const remark = "note"

// making is a bundle that is being made.
type making struct {
	r         *Registry
	s         *access.Session
	q         BundleQuery
	catalogue *locale.Catalogue
	words     wording.Words
	rows      []Row
	plan      BundlePlan
	bundle    dossier.Bundle
	unnamed   unnamed
	files     []string          // ids of those that go along
	rests     map[uint64]string // what the bundle rests on: positions in the ledger, and what is there
	stamps    []TimeStamp       // over its files
	head      ledger.Head
}

// makeBundle makes all of a bundle but its proofs.
func (r *Registry) makeBundle(ctx context.Context, s *access.Session, q BundleQuery) (*making, error) {
	list, ok := r.book.List("bundle_for")
	if ok {
		_, ok = list.Code(q.For)
	}
	if !ok || !slices.Contains([]string{"en", "ru", "kk"}, q.Lang) {
		return nil, ErrBundleFor
	}
	catalogue, err := locale.Load()
	if err != nil {
		return nil, err
	}
	m := &making{r: r, s: s, q: q, catalogue: catalogue, words: wording.New(catalogue.Lang(q.Lang), r.book), rests: map[uint64]string{}}
	if err := m.open(ctx); err != nil {
		return nil, err
	}
	signer, err := ledger.BundleSigner(r.log.ID(), r.node)
	if err != nil {
		return nil, err
	}
	m.bundle = dossier.Bundle{Lang: q.Lang, For: r.book.Label("bundle_for", q.For, q.Lang), Made: r.now(), Key: r.node.Public().Signing(), Signer: signer}
	var titles, from []string
	var cases []*bundled
	for _, row := range m.rows {
		c, err := m.read(ctx, row)
		if err != nil {
			return nil, err
		}
		cases = append(cases, c)
		titles = append(titles, m.words.T("dossier.case", row.Number))
		if !slices.Contains(from, row.OrgName) {
			from = append(from, row.OrgName)
		}
	}
	m.bundle.Title, m.bundle.From = strings.Join(titles, ", "), strings.Join(from, ", ")
	// Whoever may not be named in one of the cases is not named in the others either.
	for _, c := range cases {
		for _, rec := range c.closed {
			m.unnamed.add(rec)
		}
	}
	for _, c := range cases {
		if rec, ok := c.file.Record(victimOf(c.file)); ok && c.whole {
			m.unnamed.except(rec)
		}
	}
	for _, c := range cases {
		if err := m.addCase(ctx, c); err != nil {
			return nil, err
		}
	}
	for _, id := range q.Files {
		if !slices.Contains(m.files, id) {
			return nil, ErrBundleFile
		}
	}
	if err := m.attest(ctx); err != nil {
		return nil, err
	}
	m.gap("", m.words.T("bundle.gap.working"))
	m.plan.Gaps, m.plan.Entries, m.plan.Stamps = m.bundle.Gaps, len(m.rests), len(m.bundle.Stamps)+len(m.bundle.Chained)
	return m, nil
}

// open finds the cases, each of which the member must be one to hand over.
func (m *making) open(ctx context.Context) error {
	if len(m.q.Cases) == 0 || len(m.q.Cases) > MaxBundle {
		return ErrBundleCases
	}
	for _, id := range m.q.Cases {
		row, err := m.r.row(ctx, m.s, id, m.r.clock(Clock{}))
		if err != nil {
			return err
		}
		thing, _ := m.r.thing(row.ID)
		thing.Part = access.Fact
		if !access.Decide(m.s.Member, access.HandOver, thing) {
			return ErrNotAllowed
		}
		if !slices.ContainsFunc(m.rows, func(other Row) bool { return other.ID == row.ID }) {
			m.rows = append(m.rows, row)
		}
	}
	return nil
}

// bundled is a case of a bundle as it is in the ledger, with what of it may leave.
type bundled struct {
	BundleCase
	file     *casefile.Case
	opened   bool // the member may hand over who somebody is
	whole    bool // who somebody is leaves
	closed   []*casefile.Record
	leaving  *leaving
	records  map[string]*casefile.Record // what leaves of each, by id
	outside  map[string]OutsideRecord
	exhibits map[string][]int // by the record of evidence
	hands    map[string]dossier.Custody
}

// read reads a case from the ledger: what a court is handed is never taken from
// the index. Then it looks what may leave.
func (m *making) read(ctx context.Context, row Row) (*bundled, error) {
	c := &bundled{BundleCase: BundleCase{Row: row}, exhibits: map[string][]int{}, hands: map[string]dossier.Custody{}, records: map[string]*casefile.Record{}}
	var err error
	if c.file, err = m.r.fromLedger(ctx, row.ID); err != nil {
		return nil, err
	}
	c.opened = m.r.see(m.s.Member)(row.ID) == index.All && m.r.may(m.s.Member, access.HandOver, row.ID)
	purpose := bundlePurpose(m.q.For)
	victim := victimOf(c.file)
	label := m.r.book.Label("consent_purpose", purpose, m.q.Lang)
	state, _ := casefile.Consent(c.file.Of("consent"), purpose, m.r.Today(), func(named string) bool { return named == "" || named == victim })
	c.Refused = state == casefile.ConsentWithdrawn
	c.whole = c.opened && state == casefile.ConsentGiven
	c.Names = c.whole
	switch {
	case !c.opened:
		m.gap(row.Number, m.words.T("bundle.gap.facts_only"))
	case c.Refused:
		m.gap(row.Number, m.words.T("bundle.gap.refused", label))
	case state == casefile.ConsentExpired:
		m.gap(row.Number, m.words.T("bundle.gap.expired", label))
	case state != casefile.ConsentGiven:
		m.gap(row.Number, m.words.T("bundle.gap.no_consent", label))
	default:
		c.closed = withheld(c.file, purpose, m.r.Today())
		for _, rec := range c.file.Of("consent") {
			if limits := strings.TrimSpace(rec.Get("scope")); rec.Has("purpose", purpose) && limits != "" {
				c.Limits = append(c.Limits, limits)
			}
		}
	}
	c.leaving = &leaving{book: m.r.book, file: c.file, whole: c.whole, closed: map[string]bool{}, unnamed: &m.unnamed, left: func(rec *casefile.Record, f *codebook.Field) {
		if f.ID != remark && !slices.Contains(working, rec.Kind) {
			m.gap(row.Number, m.words.T("bundle.gap.mention", m.words.Kind(rec.Kind), f.Label.In(m.q.Lang)))
		}
	}}
	for _, rec := range c.closed {
		c.leaving.closed[rec.ID] = true
		m.gap(row.Number, m.words.T("bundle.gap.person", m.words.Label("person_role", rec.Get("role")), label))
	}
	if c.outside, err = m.r.referred(ctx, m.s, c.file.Records(), m.r.clock(Clock{})); err != nil {
		return nil, err
	}
	if !c.whole {
		for id, rec := range c.outside {
			rec.Fields, _ = m.r.split(rec.Kind, rec.Fields)
			c.outside[id] = rec
		}
	}
	return c, nil
}

// gap says that something is left out, or lacks.
func (m *making) gap(number, text string) {
	if one := (dossier.Gap{Case: number, Text: text}); !slices.Contains(m.bundle.Gaps, one) {
		m.bundle.Gaps = append(m.bundle.Gaps, one)
	}
}

// rest notes that the bundle rests on the entry that says how a record stands.
func (m *making) rest(rec *casefile.Record) {
	if n := len(rec.History); n > 0 {
		m.rests[rec.History[n-1].Pos] = m.words.Kind(rec.Kind) + " " + wording.Short(rec.ID)
	}
}

func (m *making) addCase(ctx context.Context, c *bundled) error {
	erased := 0
	for _, rec := range c.file.Records() {
		c.records[rec.ID] = c.leaving.record(rec)
		if rec.IdentityMissing && c.whole {
			erased++
		}
	}
	if erased > 0 {
		m.gap(c.Row.Number, m.words.N("bundle.gap.erased", erased))
	}
	m.addThings(c)
	if err := m.addFiles(ctx, c); err != nil {
		return err
	}
	for _, thing := range custody.Things(c.file.Records()) {
		if id := thing.Evidence.ID; len(c.exhibits[id]) == 0 {
			m.rest(thing.Evidence)
			m.bundle.Things = append(m.bundle.Things, dossier.Thing{Title: m.words.Thing(c.records[id]), Case: c.Row.Number, Custody: c.hands[id]})
			c.Things++
		}
	}
	one := dossier.Case{Number: c.Row.Number}
	for _, rec := range c.file.Of("person") {
		m.rest(rec)
		p := dossier.Person{Role: m.words.Label("person_role", rec.Get("role")), Name: m.personName(c, rec)}
		one.People = append(one.People, p)
		c.People++
		if p.Name == "" {
			c.Unnamed++
		}
	}
	for _, e := range c.file.Timeline() {
		if !slices.Contains(working, e.Kind) {
			m.rest(e.Record)
			one.Events = append(one.Events, m.event(c, e))
		}
	}
	if err := m.addForms(ctx, c); err != nil {
		return err
	}
	c.Events = len(one.Events)
	m.bundle.Cases = append(m.bundle.Cases, one)
	m.plan.Cases = append(m.plan.Cases, c.BundleCase)
	return nil
}

// addForms fills the documents of a case for whom the bundle is for, from what
// leaves of it and nothing else.
func (m *making) addForms(ctx context.Context, c *bundled) error {
	if c.Refused {
		return nil
	}
	file, err := m.r.Case(ctx, m.s, c.Row.ID, Clock{})
	if err != nil {
		return err
	}
	file.Outside, file.Records = c.outside, nil
	for _, rec := range c.file.Records() {
		if rec.Kind != grantKind && rec.Kind != casefile.ReviewKind {
			file.Records = append(file.Records, c.records[rec.ID])
		}
	}
	forms, err := m.r.fillForms(file, FormsQuery{Reader: m.q.For, Lang: m.q.Lang, Words: m.catalogue})
	if err != nil {
		return err
	}
	for _, f := range forms {
		name := f.ID
		if len(m.rows) > 1 {
			name = c.Row.Number + "-" + name
		}
		m.bundle.Forms = append(m.bundle.Forms, dossier.Form{Name: name, Document: f.Document})
		m.plan.Forms = append(m.plan.Forms, f.Label.In(m.q.Lang))
	}
	return nil
}

// personName is the name of a person, with other spellings of it; empty: it is
// left out, or not recorded.
func (m *making) personName(c *bundled, rec *casefile.Record) string {
	f := c.records[rec.ID].Fields
	get := func(id string) string {
		if v := first(f[id]); !codebook.Missing(v) {
			return v
		}
		return ""
	}
	name := cmp.Or(get("full_name"), strings.Join(strings.Fields(get("family")+" "+get("given")+" "+get("patronymic")), " "))
	others := slices.DeleteFunc(slices.Clone(f["other_names"]), codebook.Missing)
	if name != "" && len(others) > 0 {
		name += " (" + strings.Join(others, "; ") + ")"
	}
	return name
}

// named names what a record refers to.
func (m *making) named(c *bundled) wording.Namer {
	return func(id string) string {
		if rec, ok := c.records[id]; ok {
			if rec.Kind == "person" {
				return cmp.Or(m.personName(c, rec), m.words.Label("person_role", rec.Get("role")))
			}
			return m.words.Kind(rec.Kind) + " " + wording.Short(id)
		}
		if rec, ok := c.outside[id]; ok {
			return m.words.Outside(rec.Kind, rec.Fields)
		}
		if id == c.Row.Org {
			return c.Row.OrgName
		}
		return ""
	}
}

// event is a line of the chronology: what is recorded, where it stands in the
// ledger, and which exhibits show it.
func (m *making) event(c *bundled, e casefile.Event) dossier.Event {
	rec := c.records[e.Record.ID]
	k, _ := m.r.book.Kind(e.Kind)
	out := dossier.Event{When: m.words.T("case.undated"), What: m.words.Kind(e.Kind)}
	if !e.Date.IsZero() {
		out.When = m.words.Date(e.Date)
	}
	if n := len(e.Record.History); n > 0 {
		out.Sources = []string{m.words.T("bundle.source", wording.Short(rec.ID), e.Record.History[n-1].Pos)}
	}
	if e.Further {
		if f, ok := k.Field(e.Field); ok {
			out.What += ": " + f.Label.In(m.q.Lang)
		}
		return out
	}
	names := m.named(c)
	out.What = wording.Join(out.What, m.words.Title(rec, names))
	for i := range k.Fields {
		f := &k.Fields[i]
		if f.ID == e.Field || f.ID == remark || slices.Contains(k.Title, f.ID) {
			continue
		}
		var values []string
		for _, value := range rec.Fields[f.ID] {
			values = append(values, m.words.Value(f, value, names))
		}
		if len(values) > 0 {
			out.Details = append(out.Details, f.Label.In(m.q.Lang)+": "+strings.Join(values, "; "))
		}
	}
	if rec.Source != "" {
		out.Sources = append(out.Sources, rec.Source)
	}
	out.Exhibits = slices.Clone(c.exhibits[rec.ID])
	for _, id := range rec.Fields["evidence"] {
		out.Exhibits = append(out.Exhibits, c.exhibits[id]...)
		if of, ok := c.records[id]; ok && len(c.exhibits[id]) == 0 {
			out.Sources = append(out.Sources, m.words.Thing(of))
		}
	}
	slices.Sort(out.Exhibits)
	out.Exhibits = slices.Compact(out.Exhibits)
	return out
}

// addThings says who held each piece of evidence.
func (m *making) addThings(c *bundled) {
	cleared := make([]*casefile.Record, 0, len(c.records))
	for _, rec := range c.file.Records() {
		cleared = append(cleared, c.records[rec.ID])
	}
	recorded := custody.Things(c.file.Records())
	for i, thing := range custody.Things(cleared) {
		var hands dossier.Custody
		whole := recorded[i].Chain.Digest(thing.Evidence.ID)
		same := thing.Chain.Digest(thing.Evidence.ID) == whole
		for j, l := range thing.Chain.Links {
			if !same {
				// The gaps are those of what is recorded, but what a missing name would say.
				l.Gaps = slices.DeleteFunc(slices.Clone(recorded[i].Chain.Links[j].Gaps), custody.Gap.OfNames)
			}
			s := m.words.Step(l)
			hands.Hands = append(hands.Hands, dossier.Handover{When: cmp.Or(s.Date, m.words.T("case.undated")), What: s.Event, From: s.From, To: s.To, How: s.How, Place: s.Place, Seal: s.Seal, State: s.State, Gaps: s.Gaps})
			if rec, ok := c.file.Record(l.Record); ok {
				m.rest(rec)
			}
		}
		if same && len(hands.Hands) > 0 {
			hands.Digest = whole
		}
		c.hands[thing.Evidence.ID] = hands
	}
}

// offered are the forms of copies that may go along with a bundle.
var offered = []string{"", "safe", "redacted"}

// addFiles makes exhibits of the files of a case that go along.
func (m *making) addFiles(ctx context.Context, c *bundled) error {
	leftOut, notAsked := 0, 0
	for _, rec := range c.file.Of(fileKind) {
		if !slices.Contains(offered, rec.Get("form")) {
			continue
		}
		view, err := m.r.fileView(c.Row.ID, rec, c.opened)
		if err != nil {
			return err
		}
		asked := slices.Contains(m.q.Files, rec.ID) || m.q.Files == nil && view.OfFile == ""
		id, sealed, ok := sealedOf(rec)
		file := BundleFile{FileView: view, Number: c.Row.Number, In: asked && c.whole && ok && !view.Missing}
		if of, ok := c.records[view.Evidence]; ok {
			file.Thing = m.words.Thing(of)
		}
		if c.opened {
			m.plan.Files = append(m.plan.Files, file)
		}
		switch {
		case !asked:
			if view.OfFile == "" {
				notAsked++
			}
		case !c.whole:
			leftOut++
		case !ok || view.Missing:
			m.gap(c.Row.Number, m.words.T("bundle.gap.missing", view.SHA256))
		default:
			m.addExhibit(ctx, c, rec, file, id, sealed)
		}
	}
	if leftOut > 0 {
		m.gap(c.Row.Number, m.words.N("bundle.gap.files", leftOut))
	}
	if notAsked > 0 {
		m.gap(c.Row.Number, m.words.N("bundle.gap.not_asked", notAsked))
	}
	roots, err := m.r.timeRoots(ctx)
	if err != nil {
		return err
	}
	for _, stamp := range fileStamps(c.file, roots) {
		if c.whole {
			m.stamps = append(m.stamps, stamp)
			if rec, ok := c.file.Record(stamp.ID); ok && !stamp.Bad() {
				m.rest(rec)
			}
		}
	}
	return nil
}

func (m *making) addExhibit(ctx context.Context, c *bundled, rec *casefile.Record, file BundleFile, id evidence.ID, sealed evidence.Sealed) {
	cleared := c.records[rec.ID]
	title := cmp.Or(file.Thing, m.words.Kind(fileKind))
	if file.Form != "" {
		title = m.words.T("bundle.copy", title, m.words.Label("file_form", file.Form))
	}
	files := m.r.files
	m.bundle.Exhibits = append(m.bundle.Exhibits, dossier.Exhibit{
		Title: title, Name: cleared.Get("name"), Case: c.Row.Number, Media: file.Media, SHA256: sealed.SHA256, Size: sealed.Size,
		Open: func() (io.ReadCloser, error) {
			content, err := files.Open(ctx, id, sealed)
			if err != nil {
				return nil, notOpened(err, ErrFileDamaged)
			}
			return content, nil
		},
		Custody: c.hands[file.Evidence],
	})
	if file.Evidence != "" {
		c.exhibits[file.Evidence] = append(c.exhibits[file.Evidence], len(m.bundle.Exhibits))
		if of, ok := c.file.Record(file.Evidence); ok {
			m.rest(of)
		}
	}
	m.files = append(m.files, rec.ID)
	m.plan.Bytes += sealed.Size
	m.rest(rec)
}

// attest chooses the checkpoint under which the bundle stands, the newest with a
// good time stamp that covers all it rests on, else with a proof of OpenTimestamps
// that leads to a block, and puts the time stamps and proofs in.
func (m *making) attest(ctx context.Context) error {
	var last uint64
	for pos := range m.rests {
		last = max(last, pos)
	}
	m.head = m.r.log.Head()
	all, err := m.r.timeStamps(ctx)
	if err != nil {
		return err
	}
	good := func(t TimeStamp) bool {
		return t.Form == RFC3161 && t.Outcome == string(timestamp.Good)
	}
	chained := func(t TimeStamp) bool { return t.Form == OpenTimestamps && !t.Bad() }
	text := string(m.head.Checkpoint)
	for _, fits := range []func(TimeStamp) bool{func(t TimeStamp) bool { return chained(t) && len(t.Blocks) > 0 }, good} {
		for _, t := range all { // the oldest first
			if fits(t) && t.Entries > last {
				head, err := ledger.ParseCheckpoint([]byte(t.Checkpoint), m.bundle.Key)
				if err != nil {
					return err
				}
				m.head, text = head, t.Checkpoint
			}
		}
	}
	m.head.Checkpoint = []byte(text)
	m.bundle.Checkpoint, m.plan.Checkpoint = m.head.Checkpoint, m.head.Size
	for _, t := range all {
		if chained(t) && t.Checkpoint == text {
			m.addChained(0, t)
		}
		if good(t) && t.Checkpoint == text {
			m.addStamp(0, t)
			if m.plan.Stamped.IsZero() || t.At.Before(m.plan.Stamped) {
				m.plan.Stamped = t.At
			}
		}
	}
	if m.plan.Stamped.IsZero() {
		m.gap("", m.words.T("bundle.gap.unstamped"))
	}
	for _, t := range m.stamps {
		for i, e := range m.bundle.Exhibits {
			if hex.EncodeToString(e.SHA256[:]) != strings.ToLower(t.SHA256) {
				continue
			}
			switch {
			case good(t):
				m.addStamp(i+1, t)
			case chained(t):
				m.addChained(i+1, t)
			default:
				m.gap(e.Case, m.words.T("bundle.gap.stamp", i+1))
			}
		}
	}
	return nil
}

// addStamp puts a good time stamp in, with its certificates.
func (m *making) addStamp(exhibit int, t TimeStamp) {
	certs, err := certificates(t.Chain)
	if err != nil || len(certs) == 0 { // never: it was verified
		return
	}
	m.bundle.Stamps = append(m.bundle.Stamps, dossier.Stamp{
		Exhibit: exhibit, Token: t.Token, Time: t.At, Authority: t.Authority,
		Chain: []byte(inPEM(certs[:len(certs)-1])), Root: []byte(inPEM(certs[len(certs)-1:])),
	})
}

// addChained puts a proof of OpenTimestamps in.
func (m *making) addChained(exhibit int, t TimeStamp) {
	c := dossier.Chained{Exhibit: exhibit, Proof: t.Token}
	for _, b := range t.Blocks {
		c.Blocks = append(c.Blocks, dossier.Block(b))
	}
	m.bundle.Chained = append(m.bundle.Chained, c)
}

// prove makes the proofs that what the bundle rests on is under its checkpoint.
func (m *making) prove(ctx context.Context) error {
	positions := make([]uint64, 0, len(m.rests))
	for pos := range m.rests {
		positions = append(positions, pos)
	}
	slices.Sort(positions)
	for _, pos := range positions {
		p, err := m.r.log.Prove(ctx, m.head, pos)
		if errors.Is(err, ledger.ErrAltered) {
			return fmt.Errorf("%w; nothing is handed out", ledger.ErrAltered)
		}
		if err != nil {
			return err
		}
		e := dossier.Entry{Index: p.Pos, Leaf: p.Leaf, About: m.rests[pos]}
		for _, h := range p.Path {
			e.Proof = append(e.Proof, h)
		}
		m.bundle.Entries = append(m.bundle.Entries, e)
	}
	return nil
}
