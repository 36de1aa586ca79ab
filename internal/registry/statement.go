// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/statement"
)

// The kinds of what the coalition publishes.
const (
	statementKind = "statement"
	releaseKind   = "release"
)

// What somebody who works on a statement can be told. Nothing was written.
var (
	ErrPublished   = errors.New("this statement is published: it is never changed; write a new one that corrects it")
	ErrNoText      = errors.New("the statement has no text: write it in at least one language")
	ErrKnownBy     = errors.New("entries up to: write a day (2022-05-17, until its end, UTC) or a moment (2022-05-17T18:00:00Z), or leave it empty for all")
	ErrNoAncestor  = errors.New("a statement corrects one that is published and that no other has corrected yet")
	ErrAccept      = errors.New("some of what this tells is about few people: say why it is told all the same, or change the text")
	ErrUnpublished = errors.New("this statement can't be published as it stands: see what stands in its way")
)

// StatementText is a statement as it is written.
type StatementText struct {
	AsOf     edtf.Day          // facts up to the end of that day, where a figure says nothing else
	KnownBy  string            // a day or a moment; empty: all that is known
	K        int               // no cell of a table tells of fewer people; 0: statement.DefaultK
	Corrects string            // id of the statement this one is a correction of
	Titles   map[string]string // by language
	Texts    map[string]string // by language, Markdown with figures
}

// StatementChange is a statement as a member wants it to stand.
type StatementChange struct {
	ID   string // empty: a new one
	Seen int    // of one that is there: how many changes its history had when it was read
	StatementText
}

// StatementRow is a statement in a list.
type StatementRow struct {
	ID          string
	Titles      map[string]string
	AsOf        edtf.Day
	Changed     time.Time
	Published   time.Time // zero: it is a draft
	Corrects    string    // id
	CorrectedBy string    // id of the published statement that corrects it
}

// StatementView is a statement with all that belongs to it.
type StatementView struct {
	StatementRow
	Text       StatementText
	Seen       int    // changes in its history
	Manifest   []byte // signed; nil: it is a draft
	MayPublish bool
}

// release is a publication.
type release struct {
	statement string
	manifest  []byte
	salt      string
	at        time.Time
}

// releases are all publications, by statement.
func (r *Registry) releases(ctx context.Context) (map[string]release, error) {
	records, err := r.index.Outside(ctx, releaseKind, allKnown)
	if err != nil {
		return nil, err
	}
	found := map[string]release{}
	for _, rec := range records {
		id := first(rec.Fields["statement"])
		if _, twice := found[id]; !twice { // the first is the one that went out
			found[id] = release{id, []byte(first(rec.Fields["manifest"])), first(rec.Fields["salt"]), rec.At}
		}
	}
	return found, nil
}

// statementOf reads a statement from its record.
func statementOf(rec *casefile.Record) StatementText {
	t := StatementText{KnownBy: first(rec.Fields["known_by"]), Corrects: first(rec.Fields["corrects"]), Titles: map[string]string{}, Texts: map[string]string{}}
	if d, err := edtf.Parse(first(rec.Fields["as_of"])); err == nil {
		t.AsOf = d.Latest()
	}
	t.K, _ = strconv.Atoi(first(rec.Fields["k"]))
	for _, lang := range statement.Languages() {
		if title := first(rec.Fields["title_"+lang]); title != "" {
			t.Titles[lang] = title
		}
		if text := first(rec.Fields["text_"+lang]); text != "" {
			t.Texts[lang] = text
		}
	}
	return t
}

// fields is the inverse of statementOf.
func (t StatementText) fields() casefile.Fields {
	f := casefile.Fields{"as_of": {t.AsOf.String()}}
	set := func(id, value string) {
		if value != "" {
			f[id] = []string{value}
		}
	}
	set("known_by", t.KnownBy)
	set("corrects", t.Corrects)
	if t.K != 0 {
		set("k", strconv.Itoa(t.K))
	}
	for _, lang := range statement.Languages() {
		set("title_"+lang, t.Titles[lang])
		set("text_"+lang, t.Texts[lang])
	}
	return f
}

// settings are what the figures of a text take where they say nothing else.
func (t StatementText) settings() (statement.Settings, error) {
	set := statement.Settings{AsOf: t.AsOf, K: max(statement.LeastK, cmp.Or(t.K, statement.DefaultK))}
	if t.KnownBy != "" {
		known, err := statement.ParseMoment(t.KnownBy)
		if err != nil {
			return set, ErrKnownBy
		}
		set.KnownBy = known
	}
	return set, nil
}

// Statements are all statements, those changed last first.
func (r *Registry) Statements(ctx context.Context, s *access.Session) (_ []StatementRow, err error) {
	defer r.refusal(ctx, s, "statement", "", &err)
	if !access.Decide(s.Member, access.WriteText, access.Thing{}) {
		return nil, ErrNotAllowed
	}
	records, err := r.index.Outside(ctx, statementKind, allKnown)
	if err != nil {
		return nil, err
	}
	released, err := r.releases(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]StatementRow, 0, len(records))
	for _, rec := range records {
		rows = append(rows, statementRow(rec, released))
	}
	for i := range rows {
		for _, other := range rows {
			if other.Corrects == rows[i].ID && !other.Published.IsZero() {
				rows[i].CorrectedBy = other.ID
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b StatementRow) int { return b.Changed.Compare(a.Changed) })
	return rows, nil
}

func statementRow(rec *casefile.Record, released map[string]release) StatementRow {
	t := statementOf(rec)
	return StatementRow{ID: rec.ID, Titles: t.Titles, AsOf: t.AsOf, Changed: rec.At, Published: released[rec.ID].at, Corrects: t.Corrects}
}

// Statement is one statement.
func (r *Registry) Statement(ctx context.Context, s *access.Session, id string) (_ StatementView, err error) {
	defer r.refusal(ctx, s, "statement", "", &err)
	if !access.Decide(s.Member, access.WriteText, access.Thing{}) {
		return StatementView{}, ErrNotAllowed
	}
	rows, err := r.Statements(ctx, s)
	if err != nil {
		return StatementView{}, err
	}
	i := slices.IndexFunc(rows, func(row StatementRow) bool { return row.ID == id })
	if i < 0 {
		return StatementView{}, ErrNotFound
	}
	rec, seen, err := r.statementRecord(ctx, id)
	if err != nil {
		return StatementView{}, err
	}
	released, err := r.releases(ctx)
	if err != nil {
		return StatementView{}, err
	}
	return StatementView{StatementRow: rows[i], Text: statementOf(rec), Seen: seen, Manifest: released[id].manifest,
		MayPublish: access.Decide(s.Member, access.Publish, access.Thing{})}, nil
}

// PublishedStatement is a published statement with what its texts are filled
// with: what was frozen, and nothing that was counted since.
func (r *Registry) PublishedStatement(ctx context.Context, s *access.Session, id string) (_ StatementView, _ statement.Filling, err error) {
	view, err := r.Statement(ctx, s, id)
	if err != nil {
		return StatementView{}, statement.Filling{}, err
	}
	if view.Manifest == nil {
		return StatementView{}, statement.Filling{}, ErrNotFound
	}
	m, err := statement.Peek(view.Manifest)
	if err != nil {
		return StatementView{}, statement.Filling{}, err
	}
	filling, err := m.Filling(r.facetsOf, r.FigureSet)
	if err != nil {
		return StatementView{}, statement.Filling{}, err
	}
	filling.Settings.AsOf, filling.Settings.KnownBy = view.Text.AsOf, m.KnownBy
	return view, filling, nil
}

// statementRecord is the record of a statement, with the number of changes in its history.
func (r *Registry) statementRecord(ctx context.Context, id string) (*casefile.Record, int, error) {
	entries, err := r.index.Entries(ctx, id)
	if err != nil {
		return nil, 0, notFound(err)
	}
	if len(entries) == 0 || entries[0].Kind != statementKind {
		return nil, 0, ErrNotFound
	}
	rec, ok := casefile.Fold(r.book, id, entries).Record(id)
	if !ok {
		return nil, 0, ErrNotFound
	}
	return rec, len(entries), nil
}

// PutStatement keeps a statement as it is written, new or changed, and answers
// its id. A text that can't be read is kept all the same: nothing is lost.
func (r *Registry) PutStatement(ctx context.Context, s *access.Session, c StatementChange) (_ string, err error) {
	defer r.refusal(ctx, s, "statement", "", &err)
	if !access.Decide(s.Member, access.WriteText, access.Thing{}) {
		return "", ErrNotAllowed
	}
	if _, err := c.settings(); err != nil {
		return "", err
	}
	if c.AsOf == 0 {
		c.AsOf = r.Today()
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	released, err := r.releases(ctx)
	if err != nil {
		return "", err
	}
	if c.ID == "" {
		c.ID, c.Seen = ledger.NewID().String(), 0
	} else if _, seen, err := r.statementRecord(ctx, c.ID); err != nil {
		return "", err
	} else if _, ok := released[c.ID]; ok {
		return "", ErrPublished
	} else if seen != c.Seen {
		return "", ErrChanged
	}
	if c.Corrects != "" {
		if _, ok := released[c.Corrects]; !ok || c.Corrects == c.ID {
			return "", ErrNoAncestor
		}
	}
	return c.ID, r.write(ctx, s, []act{{stream: c.ID, puts: []Put{{Record: c.ID, Kind: statementKind, Fields: c.fields()}}}})
}

// Release is what was published.
type Release struct {
	Statement string
	Manifest  []byte // signed
}

// PublishStatement freezes every figure of a statement, signs what was frozen,
// and writes it down: from then on the statement is never changed. What stands
// in the way is in the findings of the *UnpublishedError. accept says why whole
// figures that tell of few people are told all the same.
func (r *Registry) PublishStatement(ctx context.Context, s *access.Session, id string, seen int, accept string) (_ Release, err error) {
	defer r.refusal(ctx, s, "statement", "", &err)
	if !access.Decide(s.Member, access.Publish, access.Thing{}) {
		return Release{}, ErrNotAllowed
	}
	if !r.sessions.Fresh(s) {
		return Release{}, ErrProof
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	if err := r.settle(ctx); err != nil {
		return Release{}, err
	}
	rec, now, err := r.statementRecord(ctx, id)
	if err != nil {
		return Release{}, err
	}
	released, err := r.releases(ctx)
	if err != nil {
		return Release{}, err
	}
	if _, ok := released[id]; ok {
		return Release{}, ErrPublished
	}
	if now != seen {
		return Release{}, ErrChanged
	}
	t := statementOf(rec)
	if len(t.Texts) == 0 {
		return Release{}, ErrNoText
	}
	if err := r.mayCorrect(ctx, t.Corrects, released); err != nil {
		return Release{}, err
	}
	set, err := t.settings()
	if err != nil {
		return Release{}, err
	}
	if set.KnownBy.IsZero() || set.KnownBy.After(r.last) {
		// What is written from now on is written later, be it by a thousandth of a second.
		set.KnownBy = r.last
		r.last = r.last.Add(time.Millisecond)
	}
	checked, err := r.checkText(ctx, s, t, set)
	if err != nil {
		return Release{}, err
	}
	for _, f := range checked.Findings {
		if f.Stops {
			return Release{}, &UnpublishedError{checked.Findings, ErrUnpublished}
		}
	}
	if checked.mustAccept() && accept == "" {
		return Release{}, &UnpublishedError{checked.Findings, ErrAccept}
	}
	salt := newSalt()
	m := statement.Manifest{
		Format: statement.ManifestFormat, Register: r.log.ID().String(), Statement: id, Corrects: t.Corrects,
		Published: r.moment(), Entries: checked.Entries, Root: checked.Root, Checkpoint: string(r.log.Head().Checkpoint),
		KnownBy: set.KnownBy, K: set.K, Least: checked.Least,
	}
	if checked.mustAccept() {
		m.Accepted = accept
	}
	for _, lang := range statement.Languages() {
		if text, ok := t.Texts[lang]; ok {
			m.Texts = append(m.Texts, statement.TextSum{Lang: lang, Title: t.Titles[lang], SHA256: statement.Sum(text)})
		}
	}
	for i, a := range checked.Answers {
		m.Figures = append(m.Figures, statement.Freeze("f"+strconv.Itoa(i+1), a, salt))
	}
	for _, a := range checked.Outside {
		m.Outside = append(m.Outside, a.Freeze())
	}
	text, err := m.Text()
	if err != nil {
		return Release{}, err
	}
	signed, err := ledger.SignStatement(r.log.ID(), r.node, text)
	if err != nil {
		return Release{}, err
	}
	record := ledger.NewID().String()
	put := Put{Record: record, Kind: releaseKind, Fields: casefile.Fields{"statement": {id}, "manifest": {string(signed)}, "salt": {fmt.Sprintf("%x", salt)}}}
	if err := r.write(ctx, s, []act{{stream: record, puts: []Put{put}}}); err != nil {
		return Release{}, err
	}
	return Release{id, signed}, nil
}

// mayCorrect tells whether a statement may correct another.
func (r *Registry) mayCorrect(ctx context.Context, ancestor string, released map[string]release) error {
	if ancestor == "" {
		return nil
	}
	if _, ok := released[ancestor]; !ok {
		return ErrNoAncestor
	}
	records, err := r.index.Outside(ctx, statementKind, allKnown)
	if err != nil {
		return err
	}
	for _, rec := range records {
		if _, out := released[rec.ID]; out && first(rec.Fields["corrects"]) == ancestor {
			return ErrNoAncestor
		}
	}
	return nil
}

// StatementKey is the key by which the statements of this register are
// verified, in the form of C2SP signed notes. It is made to be published.
func (r *Registry) StatementKey(ctx context.Context, s *access.Session) (_ string, err error) {
	defer r.refusal(ctx, s, "statement", "", &err)
	if !access.Decide(s.Member, access.WriteText, access.Thing{}) && !access.Decide(s.Member, access.Verify, access.Thing{}) {
		return "", ErrNotAllowed
	}
	return r.statementKey()
}

func (r *Registry) statementKey() (string, error) {
	return ledger.StatementKey(r.log.ID(), r.node.Public().Signing())
}

// UnpublishedError says what stands in the way of a publication.
type UnpublishedError struct {
	Findings []StatementFinding
	why      error
}

func (e *UnpublishedError) Error() string { return e.why.Error() }

// Unwrap answers ErrUnpublished or ErrAccept.
func (e *UnpublishedError) Unwrap() error { return e.why }

// unitsOf are the units of a question to the index, as statements know them.
func unitsOf(units []index.Unit) ([]statement.Unit, map[string]string) {
	out, who := make([]statement.Unit, len(units)), make(map[string]string, len(units))
	for i, u := range units {
		out[i] = statement.Unit{Cases: u.Cases, Codes: u.Codes, Whole: u.Restricted}
		who[u.Cases[0]] = u.Who
	}
	return out, who
}
