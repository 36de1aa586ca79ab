// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"slices"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/archive"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/index"
)

// ArchiveQuery asks for an archive.
type ArchiveQuery struct {
	ExportQuery
	To, Reason string // as its manifest says
	Program    string // that makes it
}

// Archive writes cases as an archive (docs/spec/archive.md): all of them that the
// member may hand on and the query selects, with their history and files, what
// they refer to outside them, and the decisions about two of them.
func (r *Registry) Archive(ctx context.Context, s *access.Session, q ArchiveQuery, w io.Writer) (_ archive.Manifest, err error) {
	defer r.refusal(ctx, s, "cases", "", &err)
	ids, _, err := r.exportIDs(ctx, s, q.ExportQuery)
	if err != nil {
		return archive.Manifest{}, err
	}
	ids = slices.Sorted(slices.Values(ids))
	schema, err := archive.Schema(r.book)
	if err != nil {
		return archive.Manifest{}, err
	}
	head := r.log.Head()
	about := archive.About{
		Made: r.now().UTC(), Program: q.Program, Register: r.log.ID().String(), Entries: head.Size, Root: head.Root.String(),
		By: archive.Person{ID: s.Member.ID, Name: s.Member.Name}, To: q.To, Purpose: purposeID(q.Purpose), Reason: q.Reason, Pack: r.pack(),
	}
	if known := q.Query.Clock.KnownBy; !known.IsZero() {
		about.KnownBy = &known
	}
	about.Organisations = r.organisationsOf(ids)
	out := &archiving{r: r, s: s, ids: ids, clock: r.clock(q.Query.Clock), purpose: q.Purpose, outside: map[string]bool{}}
	if out.w, err = archive.NewWriter(w, about, schema); err != nil {
		return archive.Manifest{}, err
	}
	var failed error
	r.handOut(ctx, s, ids, out.clock, q.Purpose, func(c *casefile.Case, err error) bool {
		if err == nil {
			err = out.addCase(ctx, c)
		}
		failed = err
		return err == nil
	})
	if failed != nil {
		return archive.Manifest{}, failed
	}
	if err := out.others(ctx); err != nil {
		return archive.Manifest{}, err
	}
	if err := out.files(ctx); err != nil {
		return archive.Manifest{}, err
	}
	return out.w.Finish(r.now())
}

// organisationsOf are the organisations whose cases some are.
func (r *Registry) organisationsOf(ids []string) []archive.Organisation {
	of := map[string]bool{}
	for _, id := range ids {
		if t, ok := r.thing(id); ok {
			of[t.Org] = true
		}
	}
	out := []archive.Organisation{}
	for _, o := range r.roll().Orgs {
		if of[o.ID] {
			out = append(out, archive.Organisation{ID: o.ID, Name: o.Name, Counts: o.Counts})
		}
	}
	return out
}

// archiving is an archive that is written.
type archiving struct {
	r         *Registry
	s         *access.Session
	w         *archive.Writer
	ids       []string // of the cases, sorted
	clock     Clock
	purpose   *codebook.Purpose
	outside   map[string]bool // ids that the cases refer to: what they are is read when they are written
	withFiles []string
}

func (a *archiving) addCase(ctx context.Context, c *casefile.Case) error {
	records := slices.Concat(c.Records(), c.Withdrawn())
	var entries []archive.Entry
	factsOnly := a.r.leaves(a.s.Member, c.ID) != index.All
	for _, rec := range records {
		entries = append(entries, a.entries(c.ID, rec, factsOnly)...)
	}
	slices.SortFunc(entries, func(x, y archive.Entry) int { return cmp.Compare(x.Entry, y.Entry) })
	if err := a.add(entries); err != nil {
		return err
	}
	if !factsOnly && len(c.Of(fileKind)) > 0 {
		a.withFiles = append(a.withFiles, c.ID)
	}
	refers := slices.DeleteFunc(records, func(rec *casefile.Record) bool {
		return !slices.ContainsFunc(a.r.refs(rec.Kind, rec.Fields, shared), func(id string) bool { return !a.outside[id] })
	})
	if len(refers) == 0 {
		return nil
	}
	_, err := a.r.exportOutside(ctx, a.s, refers, a.clock, a.purpose, a.outside)
	return err
}

// entries are those of a record, with their places in this ledger: add puts those
// of the register they were first written to.
func (a *archiving) entries(caseID string, rec *casefile.Record, factsOnly bool) (out []archive.Entry) {
	for _, ch := range rec.History {
		e := archive.Entry{
			Case: caseID, Record: rec.ID, Kind: rec.Kind, Op: archive.Put, Fields: ch.Fields, Missing: ch.IdentityMissing && !factsOnly, FactsOnly: factsOnly,
			Partial: a.purpose != nil && !a.purpose.Whole, At: ch.At, By: ch.Author, Reason: ch.Reason, Source: ch.Source, Entry: ch.Pos,
		}
		if ch.Op == casefile.Withdraw {
			e.Op, e.Fields, e.Missing = archive.Withdraw, nil, false
		}
		out = append(out, e)
	}
	return out
}

// add writes entries as the register knows them to which they were first written.
func (a *archiving) add(entries []archive.Entry) error {
	for i := range entries {
		e := &entries[i]
		e.Register = a.r.log.ID().String()
		if c, ok := casefile.ClaimedIn(e.Source); ok {
			e.Register, e.Entry, e.At, e.By, e.Source = c.Register, c.Entry, c.At, c.By, c.Source
			a.w.Name(c.By, c.Name)
		} else {
			a.w.Name(e.By, nameOf(a.r.roll(), e.By))
		}
		if err := a.w.Add(e); err != nil {
			return err
		}
	}
	return nil
}

// others writes what stands outside cases: what these refer to, and the decisions
// about two of them.
func (a *archiving) others(ctx context.Context) error {
	var decisions []string
	var err error
	if a.purpose == nil || a.purpose.Whole {
		if decisions, err = a.r.index.Streams(ctx, "match"); err != nil {
			return err
		}
	}
	all := slices.AppendSeq(decisions, maps.Keys(a.outside))
	slices.Sort(all)
	for _, id := range all {
		read := a.decision
		if a.outside[id] {
			read = a.referredTo
		}
		rec, err := read(ctx, id)
		if err != nil {
			return err
		}
		if rec == nil {
			continue
		}
		if err := a.add(a.entries("", rec, false)); err != nil {
			return err
		}
	}
	return nil
}

// referredTo is a record outside cases; nil: it stays, or there is none.
func (a *archiving) referredTo(ctx context.Context, id string) (*casefile.Record, error) {
	rec, err := a.r.knownRecord(ctx, a.s, id, a.clock)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return a.r.outsideFor(a.purpose, rec), nil
}

// decision is a decision about two cases of the archive; nil: it is about others.
func (a *archiving) decision(ctx context.Context, id string) (*casefile.Record, error) {
	entries, err := a.r.index.Entries(ctx, id)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	if known := a.clock.KnownBy; !known.IsZero() {
		entries = slices.DeleteFunc(entries, func(e casefile.Entry) bool { return e.At.After(known) })
	}
	rec, ok := casefile.Fold(a.r.book, id, entries).Record(id)
	if !ok {
		return nil, nil
	}
	for _, field := range []string{"a", "b"} {
		if _, there := slices.BinarySearch(a.ids, rec.Get(field)); !there || a.r.leaves(a.s.Member, rec.Get(field)) != index.All {
			return nil, nil
		}
	}
	return rec, nil
}

func (a *archiving) files(ctx context.Context) error {
	for _, id := range a.withFiles {
		files, err := a.r.exportFiles(ctx, a.s, id, a.clock, a.purpose)
		if err != nil {
			return err
		}
		for _, f := range files {
			if a.w.Has(f.SHA256) {
				continue
			}
			content, err := f.Open()
			if errors.Is(err, ErrFileDamaged) {
				a.w.Missing()
				continue
			}
			if err != nil {
				return err
			}
			if err := errors.Join(a.w.AddFile(f.SHA256, content), content.Close()); err != nil {
				return err
			}
		}
	}
	return nil
}
