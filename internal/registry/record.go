// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"slices"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
)

// ErrChanged says that a record is not what it was when its form was opened.
var ErrChanged = errors.New("somebody else has changed this record since you opened it: nothing was written; look at both and save again")

// RecordChange is one record as a member wants it to stand.
type RecordChange struct {
	Case   string // id or number; empty: a record outside cases
	Record string // 32 hex digits; empty: a new one
	Kind   string
	Fields casefile.Fields // all of them, as they will stand
	Seen   int             // of a record that is there: how many changes its history had when it was read; anything else is ErrChanged
	Reason string          // of a record that is there: why it is changed
	Source string          // who says so
}

// NewCase is a case that a member opens by hand.
type NewCase struct {
	ID         string // 32 hex digits; empty: one is drawn
	Org        string // whose case it is
	ExternalID string // the organisation's own number
	Context    string // code of list context
	Restricted bool
	Records    []Put // what is known of it from the start; an empty Record gets an id
}

// shared tells whether a kind is one of SharedKinds.
func shared(kind string) bool { return slices.Contains(SharedKinds(), kind) }

// NewCase opens a case.
func (r *Registry) NewCase(ctx context.Context, s *access.Session, n NewCase) (_ Row, err error) {
	defer r.refusal(ctx, s, "writing", "", &err)
	if !access.Decide(s.Member, access.WriteCase, access.Thing{Org: n.Org}) {
		return Row{}, ErrNotAllowed
	}
	r.writing.Lock()
	id, err := r.openCase(ctx, s, n)
	r.writing.Unlock()
	if err != nil {
		return Row{}, err
	}
	return r.row(ctx, s, id, r.clock(Clock{}))
}

// openCase writes a new case. The caller holds r.writing.
func (r *Registry) openCase(ctx context.Context, s *access.Session, n NewCase) (string, error) {
	a, err := r.caseAct(ctx, s, n)
	if err != nil {
		return "", err
	}
	return a.stream, r.write(ctx, s, []act{a})
}

// caseAct is the act that opens a case. The caller holds r.writing.
func (r *Registry) caseAct(ctx context.Context, s *access.Session, n NewCase) (act, error) {
	numbers, err := r.index.Numbers(ctx)
	if err != nil {
		return act{}, err
	}
	id := n.ID
	if id == "" {
		id = ledger.NewID().String()
	}
	head := Put{Record: id, Kind: "case", Fields: casefile.Fields{
		"org": {n.Org}, "number": {newNumber(numbers)}, "opened": {r.Today().String()},
	}}
	set := func(field, value string) {
		if value != "" {
			head.Fields[field] = []string{value}
		}
	}
	set("external_id", n.ExternalID)
	set("context", n.Context)
	if n.Restricted {
		set("restricted", "yes")
	}
	puts := slices.Clone(n.Records)
	for i := range puts {
		if puts[i].Record == "" {
			puts[i].Record = ledger.NewID().String()
		}
	}
	if err := r.ordinary(puts, id); err != nil {
		return act{}, err
	}
	puts = append([]Put{head}, puts...)
	if n.Restricted {
		puts = append(puts, r.ownGrant(s.Member, id)...)
	}
	return act{stream: id, newFor: n.Org, puts: puts}, nil
}

// PutRecord puts one record, new or changed, and answers its id.
func (r *Registry) PutRecord(ctx context.Context, s *access.Session, c RecordChange) (_ string, err error) {
	defer r.refusal(ctx, s, "writing", c.Case, &err)
	if c.Record == "" {
		c.Record, c.Seen = ledger.NewID().String(), 0
	} else if c.Reason == "" {
		return "", ErrReason
	}
	put := Put{Record: c.Record, Kind: c.Kind, Fields: clean(c.Fields)}
	if c.Case == "" {
		return c.Record, r.writeOutside(ctx, s, c.Seen, act{stream: c.Record, puts: []Put{put}, reason: c.Reason, source: c.Source})
	}
	err = r.writeCase(ctx, s, c.Case, act{puts: []Put{put}, reason: c.Reason, source: c.Source}, unchanged(c.Record, c.Seen))
	return c.Record, err
}

// WithdrawRecord takes a record back: it counts no more, and its history stays
// readable. Putting it again restores it. An empty caseID is a record outside cases.
func (r *Registry) WithdrawRecord(ctx context.Context, s *access.Session, caseID, record string, seen int, reason string) (err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	if reason == "" {
		return ErrReason
	}
	if caseID == "" {
		return r.writeOutside(ctx, s, seen, act{stream: record, withdraws: []Put{{Record: record}}, reason: reason})
	}
	return r.writeCase(ctx, s, caseID, act{withdraws: []Put{{Record: record}}, reason: reason}, unchanged(record, seen))
}

// unchanged answers ErrChanged where a record is not what its writer saw.
func unchanged(record string, seen int) func(*casefile.Case) error {
	return func(file *casefile.Case) error {
		changes := 0
		if rec, ok := file.Record(record); ok {
			changes = len(rec.History)
		}
		if changes != seen {
			return ErrChanged
		}
		return nil
	}
}

// Write puts and withdraws records of one case, in one act.
func (r *Registry) Write(ctx context.Context, s *access.Session, caseID string, puts, withdraws []Put, reason, source string) (err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	return r.writeCase(ctx, s, caseID, act{puts: puts, withdraws: withdraws, reason: reason, source: source}, nil)
}

// writeCase writes an act to one case, if it is still what check wants it to be.
func (r *Registry) writeCase(ctx context.Context, s *access.Session, caseID string, a act, check func(*casefile.Case) error) error {
	row, err := r.row(ctx, s, caseID, Clock{AsOf: r.Today()})
	if err != nil {
		return err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	after, err := r.prepareCase(ctx, s, row.ID, &a, check)
	if err != nil {
		return err
	}
	if err := r.write(ctx, s, []act{a}); err != nil {
		return err
	}
	return after()
}

// prepareCase sees that an act may be written to one case, and completes it.
// after is to be done once it is written. The caller holds r.writing.
func (r *Registry) prepareCase(ctx context.Context, s *access.Session, id string, a *act, check func(*casefile.Case) error) (after func() error, err error) {
	file, err := r.index.Case(ctx, id, allKnown)
	if err != nil {
		return nil, notFound(err)
	}
	allowed := r.may(s.Member, access.WriteCase, id)
	if comments(file, a.puts, a.withdraws) {
		allowed = r.may(s.Member, access.CommentCase, id)
	}
	if !allowed {
		return nil, ErrNotAllowed
	}
	for i, w := range a.withdraws {
		old, ok := file.Record(w.Record)
		if !ok || old.Withdrawn || w.Record == id {
			return nil, ErrNotFound
		}
		if w.Kind == "" {
			a.withdraws[i].Kind = old.Kind
		}
	}
	if err := r.fits(file, id, slices.Concat(a.puts, a.withdraws)); err != nil {
		return nil, err
	}
	if check != nil {
		if err := check(file); err != nil {
			return nil, err
		}
	}
	if a.handed, after, err = r.lapsed(ctx, s, id); err != nil {
		return nil, err
	}
	a.stream = id
	return after, nil
}

// fits refuses what may not be written into a case this way.
func (r *Registry) fits(file *casefile.Case, caseID string, all []Put) error {
	if err := r.ordinary(all, caseID); err != nil {
		return err
	}
	thing, _ := r.thing(caseID)
	for _, p := range all {
		old, ok := file.Record(p.Record)
		if ok && old.Kind != p.Kind || !ok && p.Kind == "case" {
			return &InvalidError{Kind: p.Kind}
		}
		if p.Kind != "case" {
			continue
		}
		// Whose a case is, its number, and who may know of it do not change by
		// an edit: by what the ledger says, not the index.
		if !slices.Equal(p.Fields["org"], []string{thing.Org}) || (first(p.Fields["restricted"]) == "yes") != thing.Restricted ||
			!slices.Equal(p.Fields["number"], old.Fields["number"]) {
			return ErrNotAllowed
		}
	}
	return nil
}

// comments tells whether an act adds notes and does nothing else.
func comments(file *casefile.Case, puts, withdraws []Put) bool {
	return len(puts) > 0 && len(withdraws) == 0 && !slices.ContainsFunc(puts, func(p Put) bool {
		_, there := file.Record(p.Record)
		return there || p.Kind != "note"
	})
}

// writeOutside writes one record outside cases, if its history is still as long
// as its writer saw it.
func (r *Registry) writeOutside(ctx context.Context, s *access.Session, seen int, a act) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	if err := r.prepareOutside(ctx, s, seen, &a); err != nil {
		return err
	}
	return r.write(ctx, s, []act{a})
}

// prepareOutside sees that an act may be written to a record outside cases, and
// completes it. The caller holds r.writing.
func (r *Registry) prepareOutside(ctx context.Context, s *access.Session, seen int, a *act) error {
	for _, p := range a.puts {
		if !shared(p.Kind) && !said(p.Kind) {
			return &InvalidError{Kind: p.Kind}
		}
		if !mayWriteOutside(s.Member, p.Kind) {
			return ErrNotAllowed
		}
	}
	entries, err := r.index.Entries(ctx, a.stream)
	if err != nil && !errors.Is(err, index.ErrNotFound) {
		return err
	}
	if len(entries) > 0 && !mayWriteOutside(s.Member, entries[0].Kind) {
		if mayReadOutside(s.Member, entries[0].Kind) {
			return ErrNotAllowed
		}
		return ErrNotFound // another's stream, which may be a case
	}
	for i := range a.withdraws {
		if len(entries) == 0 || entries[len(entries)-1].Op == casefile.Withdraw {
			return ErrNotFound
		}
		a.withdraws[i].Kind = entries[0].Kind
	}
	for _, p := range a.puts {
		if len(entries) > 0 && entries[0].Kind != p.Kind {
			return &InvalidError{Kind: p.Kind}
		}
	}
	if len(entries) != seen {
		return ErrChanged
	}
	return nil
}

// Known are the live records of one of the kinds that all share, or of what
// others said, as the member may read them: who counts never reads who somebody is.
func (r *Registry) Known(ctx context.Context, s *access.Session, kind string) ([]OutsideRecord, error) {
	if !mayReadOutside(s.Member, kind) {
		return nil, ErrNotFound
	}
	records, err := r.index.Outside(ctx, kind, allKnown)
	if err != nil {
		return nil, err
	}
	out := make([]OutsideRecord, 0, len(records))
	for _, rec := range records {
		out = append(out, r.sharedView(s, rec))
	}
	return out, nil
}

// KnownRecord is one record that all share or of what others said, live or
// withdrawn, with its history.
func (r *Registry) KnownRecord(ctx context.Context, s *access.Session, id string) (*casefile.Record, error) {
	return r.knownRecord(ctx, s, id, Clock{})
}

// knownRecord is KnownRecord as known at a clock.
func (r *Registry) knownRecord(ctx context.Context, s *access.Session, id string, clock Clock) (*casefile.Record, error) {
	entries, err := r.outsideEntries(ctx, id, clock)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 || !mayReadOutside(s.Member, entries[0].Kind) {
		return nil, ErrNotFound
	}
	if !access.Decide(s.Member, access.ReadShared, access.Thing{}) {
		for i := range entries {
			entries[i] = r.facts(entries[i])
		}
	}
	rec, ok := casefile.Fold(r.book, id, entries).Record(id)
	if !ok {
		return nil, ErrNotFound
	}
	return rec, nil
}

// outsideEntries are the entries of a record that all share, or of what others said.
func (r *Registry) outsideEntries(ctx context.Context, id string, clock Clock) ([]casefile.Entry, error) {
	entries, err := r.index.Entries(ctx, id)
	if err != nil {
		return nil, notFound(err)
	}
	if len(entries) == 0 || !shared(entries[0].Kind) && !said(entries[0].Kind) {
		return nil, ErrNotFound
	}
	if !clock.KnownBy.IsZero() {
		entries = slices.DeleteFunc(entries, func(e casefile.Entry) bool { return e.At.After(clock.KnownBy) })
	}
	return entries, nil
}

// sharedRecord is a record that all share or of what others said, whole.
func (r *Registry) sharedRecord(ctx context.Context, id string, clock Clock) (*casefile.Record, error) {
	entries, err := r.outsideEntries(ctx, id, clock)
	if err != nil {
		return nil, err
	}
	rec, ok := casefile.Fold(r.book, id, entries).Record(id)
	if !ok {
		return nil, ErrNotFound
	}
	return rec, nil
}

// sharedView is a record that all share as the member may read it.
func (r *Registry) sharedView(s *access.Session, rec *casefile.Record) OutsideRecord {
	out := OutsideRecord{ID: rec.ID, Kind: rec.Kind, Fields: rec.Fields, Date: rec.Date, At: rec.At}
	if !access.Decide(s.Member, access.ReadShared, access.Thing{}) {
		out.Fields, _ = r.split(rec.Kind, rec.Fields)
	}
	return out
}

// refs are the ids that the fields of a record refer to, of some kinds.
func (r *Registry) refs(kind string, fields casefile.Fields, of func(kind string) bool) (ids []string) {
	k, ok := r.book.Kind(kind)
	if !ok {
		return nil
	}
	for _, f := range k.Fields {
		if f.Type == codebook.Ref && of(f.RefKind) {
			ids = append(ids, fields[f.ID]...)
		}
	}
	return ids
}

// referred are the records outside cases that the records of a case refer to,
// as known at the clock.
func (r *Registry) referred(ctx context.Context, s *access.Session, records []*casefile.Record, clock Clock) (map[string]OutsideRecord, error) {
	if !access.Decide(s.Member, access.ReadShared, access.Thing{Part: access.Fact}) {
		return nil, nil
	}
	var ids []string
	for _, rec := range records {
		ids = append(ids, r.refs(rec.Kind, rec.Fields, shared)...)
	}
	return r.sharedViews(ctx, s, ids, clock)
}

// sharedViews are those of some ids that are records that all share, as the
// member may read them at a clock.
func (r *Registry) sharedViews(ctx context.Context, s *access.Session, ids []string, clock Clock) (map[string]OutsideRecord, error) {
	out := map[string]OutsideRecord{}
	for _, id := range ids {
		if _, ok := out[id]; ok || codebook.Missing(id) {
			continue
		}
		rec, err := r.sharedRecord(ctx, id, clock)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if mayReadOutside(s.Member, rec.Kind) {
			out[id] = r.sharedView(s, rec)
		}
	}
	return out, nil
}
