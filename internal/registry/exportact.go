// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/archive"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/rules"
)

// exportKind is the kind of the record that an export leaves. It is written here alone.
const exportKind = "export"

// How an export stands (list export_state), and that its last day has passed.
const (
	ExportAsked   = "asked"
	ExportOpen    = "open"
	ExportRefused = "refused"
	ExportOver    = "over"
)

// ExportLasts is for how many days an export can be fetched.
const ExportLasts = 7

// What whoever asks for an export, or answers, can be told.
var (
	// ErrExportWords says that an export has no recipient or no reason.
	ErrExportWords = errors.New("say to whom the export goes, to which key it is sealed, and why")
	// ErrExportPurpose says that there is no such purpose.
	ErrExportPurpose = errors.New("say what the export is for: own, litigation, legal_representation, un, share_coalition, research or statistics")
	// ErrExportOwn says that a case can't be taken along whole.
	ErrExportOwn = errors.New("taken along whole are cases of your own organisations alone, and only as an archive (--format kua)")
	// ErrExportWaits says that a second person has not agreed.
	ErrExportWaits = errors.New("an organisation wants a second person to agree to exports of its cases: somebody else of that organisation approves this one first ('kua export approve')")
	// ErrExportClosed says that an export was refused, or is over.
	ErrExportClosed = errors.New("this export was refused or its last day has passed: ask for a new one")
	// ErrExportSelf says that nobody agrees to their own export.
	ErrExportSelf = errors.New("you asked for this export: somebody else has to answer")
	// ErrExportNone says that nothing would leave.
	ErrExportNone = errors.New("nothing would leave: there is no case in it, or nobody in them has not refused this purpose")
)

// NewExport is an export that is asked for.
type NewExport struct {
	Cases   []string // ids or numbers; none with All
	All     bool     // all cases that whoever asks may hand on, as they are when it is fetched
	Format  string   // name of the format
	Purpose string   // code of list export_purpose
	Reason  string   // why, in words
	To      string   // who gets it, in words
	Key     string   // to which it is sealed
}

// ExportAct is an export that was asked for.
type ExportAct struct {
	ID         string
	At         time.Time
	By         string // name of who asked
	Own        bool   // it was the member who reads this
	Cases      []CaseRef
	All        bool
	Format     string
	Purpose    string
	Until      edtf.Day // the last day on which it can be fetched
	Fetched    edtf.Day // on which it was fetched last; none: it was not
	State      string
	AnsweredBy string // name of who approved or refused it
	To, Key    string
	Reason     string
	Answer     string
	MayAnswer  bool
	MayFetch   bool
	Proved     bool // the member has just given their passphrase
}

// ExportFetch is an export that is fetched.
type ExportFetch struct {
	Act     ExportAct
	Export  *Export
	Archive func(w io.Writer, program string) (archive.Manifest, error) // of format kua
}

// AskExport asks for an export. It can be fetched at once, unless an organisation
// of its cases wants a second person to agree.
func (r *Registry) AskExport(ctx context.Context, s *access.Session, n NewExport) (_ ExportAct, err error) {
	defer r.refusal(ctx, s, "cases", "", &err)
	n.To, n.Reason, n.Key = strings.Join(strings.Fields(n.To), " "), strings.TrimSpace(n.Reason), strings.Join(strings.Fields(n.Key), " ")
	purpose, ok := r.book.Purpose(n.Purpose)
	switch {
	case !ok:
		return ExportAct{}, ErrExportPurpose
	case n.To == "" || n.Reason == "" || n.Key == "":
		return ExportAct{}, ErrExportWords
	case n.All == (len(n.Cases) > 0):
		return ExportAct{}, ErrNoCases
	case len(n.Cases) > MaxBulk:
		return ExportAct{}, ErrManyCases
	}
	ids, err := r.idsFor(ctx, s, n.Cases, purpose, n.Format)
	if err != nil {
		return ExportAct{}, err
	}
	fields := casefile.Fields{
		"format": {n.Format}, "purpose": {n.Purpose}, "date": {r.Today().String()}, "until": {r.Today().Add(ExportLasts).String()},
		"state": {ExportOpen}, "to": {n.To}, "key": {n.Key}, "reason": {n.Reason},
	}
	if n.All {
		fields["all"] = []string{"yes"}
	} else {
		fields["case"] = ids
	}
	if slices.ContainsFunc(ids, r.wantsSecond) {
		fields["state"] = []string{ExportAsked}
	}
	if problems := r.book.Validate(exportKind, fields); len(problems) > 0 {
		return ExportAct{}, &InvalidError{Kind: exportKind, Problems: problems}
	}
	if err := r.audit(ctx, &line{act: actExport, what: "export_asked", by: s.Keys.Identity, n: len(ids), cases: ids[:min(len(ids), casesPerLine)]}); err != nil {
		return ExportAct{}, fmt.Errorf("%w (%w)", ErrUnaudited, err)
	}
	id := ledger.NewID().String()
	r.writing.Lock()
	err = r.write(ctx, s, []act{{stream: id, puts: []Put{{Record: id, Kind: exportKind, Fields: fields}}}})
	r.writing.Unlock()
	if err != nil {
		return ExportAct{}, err
	}
	act, _, err := r.exportAct(ctx, s, id)
	return act, err
}

// idsFor are the cases of an export for a purpose.
func (r *Registry) idsFor(ctx context.Context, s *access.Session, cases []string, purpose *codebook.Purpose, format string) ([]string, error) {
	ids, _, err := r.exportIDs(ctx, s, ExportQuery{Cases: cases})
	if err != nil {
		return nil, err
	}
	if purpose.Whole {
		foreign := func(id string) bool {
			thing, _ := r.thing(id)
			return !slices.Contains(s.Member.Orgs, thing.Org) || r.leaves(s.Member, id) != index.All
		}
		if format != ArchiveFormat || len(cases) > 0 && slices.ContainsFunc(ids, foreign) {
			return nil, ErrExportOwn
		}
		ids = slices.DeleteFunc(ids, foreign)
	}
	if len(ids) == 0 {
		return nil, ErrExportNone
	}
	return ids, nil
}

// ArchiveFormat is the name of the own format.
const ArchiveFormat = "kua"

// wantsSecond tells whether the organisation of a case wants a second person to
// agree to exports.
func (r *Registry) wantsSecond(id string) bool {
	thing, _ := r.thing(id)
	o := r.roll().org(thing.Org)
	return o != nil && o.Second
}

// exportAct is an export as its reader may know it, read from the ledger: what it
// says decides what leaves.
func (r *Registry) exportAct(ctx context.Context, s *access.Session, id string) (ExportAct, *casefile.Record, error) {
	file, err := r.fromLedger(ctx, id)
	if err != nil {
		return ExportAct{}, nil, ErrNotFound
	}
	rec, ok := file.Record(id)
	if !ok || rec.Kind != exportKind {
		return ExportAct{}, nil, ErrNotFound
	}
	asker := rec.History[0].Author
	a := ExportAct{
		ID: id, At: rec.History[0].At, By: nameOf(r.roll(), asker), Own: asker == s.Member.ID, All: rec.Get("all") == "yes",
		Format: rec.Get("format"), Purpose: rec.Get("purpose"), State: rec.Get("state"), To: rec.Get("to"), Key: rec.Get("key"), Reason: rec.Get("reason"), Answer: rec.Get("answer"),
	}
	if a.Until, err = edtf.ParseDay(rec.Get("until")); err != nil {
		return ExportAct{}, nil, ErrNotFound
	}
	if day := rec.Get("fetched"); day != "" {
		if a.Fetched, err = edtf.ParseDay(day); err != nil {
			return ExportAct{}, nil, ErrNotFound
		}
	}
	answers := r.mayAnswer(s.Member, asker, rec)
	if !a.Own && !answers {
		return ExportAct{}, nil, ErrNotFound
	}
	if by := answeredBy(rec); by != "" {
		a.AnsweredBy = nameOf(r.roll(), by)
	}
	if a.State != ExportRefused && r.Today() > a.Until {
		a.State = ExportOver
	}
	a.MayAnswer = answers && !a.Own && a.State == ExportAsked
	a.Proved = r.sessions.Fresh(s)
	a.MayFetch = a.Own && a.State == ExportOpen
	for _, id := range rec.Fields["case"] {
		number, err := r.index.NumberOf(ctx, id)
		if err != nil {
			return ExportAct{}, nil, err
		}
		a.Cases = append(a.Cases, CaseRef{id, number})
	}
	return a, rec, nil
}

// answeredBy is the id of who agreed to an export, or refused it; empty: nobody.
func answeredBy(rec *casefile.Record) string {
	if first(rec.History[0].Fields["state"]) != ExportAsked {
		return ""
	}
	for _, ch := range rec.History[1:] {
		if first(ch.Fields["state"]) != ExportAsked {
			return ch.Author
		}
	}
	return ""
}

// MayExport tells whether a member may hand on cases of an organisation of theirs
// to somebody outside, be it the facts alone.
func (r *Registry) MayExport(s *access.Session) bool {
	return slices.ContainsFunc(s.Member.Orgs, func(org string) bool {
		return access.Decide(s.Member, access.HandOver, access.Thing{Org: org, Part: access.Fact, Day: r.Today()})
	})
}

// mayAnswer tells whether a member may agree to an export, or refuse it: one who
// may hand on all its cases themself.
func (r *Registry) mayAnswer(m access.Member, asker string, rec *casefile.Record) bool {
	if rec.Get("all") != "yes" {
		return !slices.ContainsFunc(rec.Fields["case"], func(id string) bool { return r.leaves(m, id) == index.Nothing })
	}
	by := r.roll().member(asker)
	return by != nil && len(by.Orgs) > 0 && !slices.ContainsFunc(by.Orgs, func(org string) bool {
		return !access.Decide(m, access.HandOver, access.Thing{Org: org})
	})
}

// Exports are those that the member asked for, and those they may agree to, the
// newest first.
func (r *Registry) Exports(ctx context.Context, s *access.Session) (_ []ExportAct, err error) {
	defer r.refusal(ctx, s, "cases", "", &err)
	ids, err := r.index.Streams(ctx, exportKind)
	if err != nil {
		return nil, err
	}
	acts := []ExportAct{}
	for _, id := range slices.Backward(ids) {
		a, _, err := r.exportAct(ctx, s, id)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		acts = append(acts, a)
	}
	return acts, nil
}

// exportsFor are the exports that wait for a member to agree or refuse, since the
// day they were asked for.
func (r *Registry) exportsFor(ctx context.Context, m access.Member) (items []DueItem, err error) {
	records, err := r.index.Outside(ctx, exportKind, allKnown)
	if err != nil {
		return nil, err
	}
	today := r.Today().String()
	for _, rec := range records {
		asker := rec.History[0].Author
		if rec.Get("state") != ExportAsked || rec.Get("until") < today || asker == m.ID || !r.mayAnswer(m, asker, rec) {
			continue
		}
		day, err := edtf.ParseDay(rec.Get("date"))
		if err != nil {
			return nil, fmt.Errorf("an export: %w", err)
		}
		items = append(items, DueItem{Due: index.Due{Day: day, Arguable: day, State: rules.Running, Kind: exportKind, Record: rec.ID}, What: DueExport, Export: rec.ID})
	}
	return items, nil
}

// OneExport is an export that the member asked for, or may agree to: ErrNotFound
// where it is another's, or there is none.
func (r *Registry) OneExport(ctx context.Context, s *access.Session, id string) (_ ExportAct, err error) {
	defer r.refusal(ctx, s, "cases", "", &err)
	a, _, err := r.exportAct(ctx, s, id)
	return a, err
}

// AnswerExport agrees to an export that somebody else asked for, or refuses it.
func (r *Registry) AnswerExport(ctx context.Context, s *access.Session, id string, agree bool, words string) (err error) {
	defer r.refusal(ctx, s, "cases", "", &err)
	a, rec, err := r.exportAct(ctx, s, id)
	words = strings.TrimSpace(words)
	switch {
	case err != nil:
		return err
	case a.Own:
		return ErrExportSelf
	case a.State != ExportAsked:
		return ErrExportClosed
	case !agree && words == "":
		return ErrReason
	case !r.sessions.Fresh(s):
		return ErrProof
	}
	fields := maps.Clone(rec.Fields)
	fields["state"] = []string{ExportRefused}
	if agree {
		fields["state"] = []string{ExportOpen}
	}
	if words != "" {
		fields["answer"] = []string{words}
	}
	if err := r.audit(ctx, &line{act: actExport, what: "export_answered", by: s.Keys.Identity, n: max(1, len(rec.Fields["case"])), cases: rec.Fields["case"]}); err != nil {
		return fmt.Errorf("%w (%w)", ErrUnaudited, err)
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	if now, _, err := r.exportAct(ctx, s, id); err != nil || now.State != ExportAsked {
		return errors.Join(err, ErrChanged)
	}
	return r.write(ctx, s, []act{{stream: id, puts: []Put{{Record: id, Kind: exportKind, Fields: fields}}}})
}

// FetchExport hands an export out to whoever asked for it: what may leave at the
// moment it is fetched. Whoever writes it seals it to Act.Key.
func (r *Registry) FetchExport(ctx context.Context, s *access.Session, id string) (_ ExportFetch, err error) {
	defer r.refusal(ctx, s, "cases", "", &err)
	a, rec, err := r.exportAct(ctx, s, id)
	switch {
	case err != nil:
		return ExportFetch{}, err
	case !a.Own:
		return ExportFetch{}, ErrNotAllowed
	case a.State == ExportAsked:
		return ExportFetch{}, ErrExportWaits
	case a.State != ExportOpen:
		return ExportFetch{}, ErrExportClosed
	case !r.sessions.Fresh(s):
		return ExportFetch{}, ErrProof
	}
	purpose, ok := r.book.Purpose(a.Purpose)
	if !ok {
		return ExportFetch{}, ErrExportPurpose
	}
	ids, err := r.idsFor(ctx, s, rec.Fields["case"], purpose, a.Format)
	if err != nil {
		return ExportFetch{}, err
	}
	if !r.agreed(rec, ids) {
		return ExportFetch{}, ErrExportWaits
	}
	if err := r.exportFetched(ctx, s, rec); err != nil {
		return ExportFetch{}, err
	}
	q := ExportQuery{ids: ids, Purpose: purpose}
	a.Fetched = r.Today()
	out := ExportFetch{Act: a}
	if out.Export, err = r.Export(ctx, s, q); err != nil {
		return ExportFetch{}, err
	}
	out.Archive = func(w io.Writer, program string) (archive.Manifest, error) {
		return r.Archive(ctx, s, ArchiveQuery{ExportQuery: q, To: a.To, Reason: a.Reason, Program: program}, w)
	}
	return out, nil
}

// exportFetched writes down that an export is fetched today, before it is.
func (r *Registry) exportFetched(ctx context.Context, s *access.Session, rec *casefile.Record) error {
	today := []string{r.Today().String()}
	if slices.Equal(rec.Fields["fetched"], today) {
		return nil
	}
	fields := maps.Clone(rec.Fields)
	fields["fetched"] = today
	r.writing.Lock()
	defer r.writing.Unlock()
	return r.write(ctx, s, []act{{stream: rec.ID, puts: []Put{{Record: rec.ID, Kind: exportKind, Fields: fields}}}})
}

// agreed tells whether a second person agreed to the export of those cases whose
// organisations want it, and may hand them on themself to this day.
func (r *Registry) agreed(rec *casefile.Record, ids []string) bool {
	wanted := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !r.wantsSecond(id) })
	if len(wanted) == 0 {
		return true
	}
	asker := r.roll().member(rec.History[0].Author)
	second := r.roll().member(answeredBy(rec))
	if asker == nil || second == nil || second.ID == asker.ID || second.Left {
		return false
	}
	return !slices.ContainsFunc(wanted, func(id string) bool { return r.leaves(second.Member, id) < r.leaves(asker.Member, id) })
}

// WantSecond says whether exports of an organisation's cases need a second person
// of it: its own say that.
func (r *Registry) WantSecond(ctx context.Context, s *access.Session, org string, second bool) (err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	if !access.Decide(s.Member, access.LetIn, access.Thing{Org: org}) {
		return ErrNotAllowed
	}
	if !r.sessions.Fresh(s) {
		return ErrProof
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	old := r.roll().org(org)
	if old == nil || old.Node != "" {
		return ErrNotFound
	}
	entries, err := r.index.Entries(ctx, org)
	if err != nil || len(entries) == 0 {
		return errors.Join(err, ErrNotFound)
	}
	fields := maps.Clone(entries[len(entries)-1].Fields)
	fields["name"], fields["counts"], fields["second_for_exports"] = []string{old.Name}, []string{yesNo(old.Counts)}, []string{yesNo(second)}
	return r.write(ctx, s, []act{{stream: org, puts: []Put{{Record: org, Kind: organisationKind, Fields: fields}}, source: "changed by a member"}})
}
