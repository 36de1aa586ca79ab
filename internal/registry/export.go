// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/index"
)

// ExportQuery selects the cases of an export.
type ExportQuery struct {
	Cases []string // ids or numbers; none: those that Query selects
	Query Query    // as in the list of cases; zero: all that the member may hand on

	// Purpose narrows what leaves to what its list names, by the consent to it; nil:
	// as the member may hand it on.
	Purpose *codebook.Purpose

	ids []string // of the cases, looked at already; each is looked at again when it leaves
}

// Export are cases on their way out of the register.
type Export struct {
	// Total is how many cases there are.
	Total int
	// Kept is how many more the query selects that the member may read and not hand on.
	Kept int
	// Cases are the cases, one after the other, each with its history and as far as
	// the member may hand it on: where that is the facts alone, it is folded of the
	// facts alone. Who else reads a case, how its review stands, what was erased by
	// whom, the copies that the program made of its files, and the keys of these are
	// in none. What may leave is asked anew for each, and a case that the
	// member may no longer hand on is left out. That cases leave is written down
	// before the first of them does.
	Cases iter.Seq2[*casefile.Case, error]
	// Files are the files of one of those cases as they were put in, where the case
	// is open to the member whole.
	Files func(caseID string) ([]ExportFile, error)
	// Outside are the records outside cases that some records refer to, and those
	// that these refer to, each with its history as far as the member may read it.
	Outside func(records []*casefile.Record) ([]*casefile.Record, error)
}

// ExportFile is a file that goes along with its case.
type ExportFile struct {
	Record string // id of its record of kind file
	Name   string // as it was called where it came from
	Media  string
	SHA256 string // hex
	Bytes  int64
	Open   func() (io.ReadSeekCloser, error) // read to its end, it was held against its hash
}

// Export hands out cases that the member may hand to somebody outside.
func (r *Registry) Export(ctx context.Context, s *access.Session, q ExportQuery) (_ *Export, err error) {
	defer r.refusal(ctx, s, "cases", "", &err)
	ids, kept, err := r.exportIDs(ctx, s, q)
	if err != nil {
		return nil, err
	}
	clock := r.clock(q.Query.Clock)
	out := &Export{Total: len(ids), Kept: kept}
	out.Cases = func(yield func(*casefile.Case, error) bool) { r.handOut(ctx, s, ids, clock, q.Purpose, yield) }
	out.Files = func(id string) ([]ExportFile, error) { return r.exportFiles(ctx, s, id, clock, q.Purpose) }
	out.Outside = func(records []*casefile.Record) ([]*casefile.Record, error) {
		return r.exportOutside(ctx, s, records, clock, q.Purpose, map[string]bool{})
	}
	return out, nil
}

// exportIDs are the cases of an export, and how many of those that were asked for
// the member may read and not hand on.
func (r *Registry) exportIDs(ctx context.Context, s *access.Session, q ExportQuery) (ids []string, kept int, err error) {
	if q.ids != nil {
		return q.ids, 0, nil
	}
	if len(q.Cases) > 0 {
		clock := r.clock(q.Query.Clock)
		for _, id := range q.Cases {
			row, err := r.row(ctx, s, id, clock)
			if err != nil {
				return nil, 0, err
			}
			if r.leaves(s.Member, row.ID) == index.Nothing {
				return nil, 0, ErrNotAllowed
			}
			if !slices.Contains(ids, row.ID) {
				ids = append(ids, row.ID)
			}
		}
		return ids, 0, nil
	}
	if err := r.abreast(ctx); err != nil {
		return nil, 0, err
	}
	if ids, err = r.selected(ctx, s, q.Query); err != nil {
		return nil, 0, err
	}
	all := len(ids)
	ids = slices.DeleteFunc(ids, func(id string) bool { return r.leaves(s.Member, id) == index.Nothing })
	if all > 0 && len(ids) == 0 {
		return nil, 0, ErrNotAllowed
	}
	return ids, all - len(ids), nil
}

// leaves is how much of a case a member may hand to somebody outside.
func (r *Registry) leaves(m access.Member, id string) index.Sight {
	sight := r.see(m)(id)
	thing, ok := r.thing(id)
	if !ok || sight == index.Nothing {
		return index.Nothing
	}
	if sight == index.All && access.Decide(m, access.HandOver, thing) {
		return index.All
	}
	if thing.Part = access.Fact; access.Decide(m, access.HandOver, thing) {
		return index.Facts
	}
	return index.Nothing
}

// handOut yields cases. Those of a line of the audit leave after it was written.
func (r *Registry) handOut(ctx context.Context, s *access.Session, ids []string, clock Clock, purpose *codebook.Purpose, yield func(*casefile.Case, error) bool) {
	for some := range slices.Chunk(ids, casesPerLine) {
		some = slices.DeleteFunc(slices.Clone(some), func(id string) bool { return r.leaves(s.Member, id) == index.Nothing })
		if len(some) == 0 {
			continue
		}
		if err := r.writtenOut(ctx, s, some); err != nil {
			yield(nil, err)
			return
		}
		for _, id := range some {
			file, err := r.handedOut(ctx, s, id, clock)
			if file != nil {
				file = r.forPurpose(purpose, file, r.leaves(s.Member, id))
			}
			if file == nil && err == nil {
				continue
			}
			if !yield(file, err) || err != nil {
				return
			}
		}
	}
}

// writtenOut writes down that cases leave, and of which of them who somebody is.
func (r *Registry) writtenOut(ctx context.Context, s *access.Session, ids []string) error {
	whole := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return r.leaves(s.Member, id) != index.All })
	if err := r.readsIdentity(ctx, s, actRead, "cases", whole...); err != nil {
		return err
	}
	if err := r.audit(ctx, &line{act: actExport, what: "cases", by: s.Keys.Identity, n: len(ids), cases: ids}); err != nil {
		return fmt.Errorf("%w (%w)", ErrUnaudited, err)
	}
	return nil
}

// fileSecrets are the fields of a file's record that open it: they never leave.
var fileSecrets = []string{"sealed", "key"}

// staysHere tells whether an entry stays when its case leaves: who else reads the
// case, what members of this register said of it and took from it for good, and
// what the program made of its files, which it makes again.
func staysHere(kind string, fields casefile.Fields) bool {
	switch kind {
	case grantKind, casefile.ReviewKind, kindErasure, copyKind:
		return true
	case fileKind:
		return first(fields["form"]) != ""
	}
	return false
}

// handedOut is a case as far as the member may hand it on; nil: not at all.
func (r *Registry) handedOut(ctx context.Context, s *access.Session, id string, clock Clock) (*casefile.Case, error) {
	sight := r.leaves(s.Member, id)
	if sight == index.Nothing {
		return nil, nil
	}
	entries, err := r.index.Entries(ctx, id)
	if err != nil {
		return nil, err
	}
	leaving := make([]casefile.Entry, 0, len(entries))
	for _, e := range entries {
		if staysHere(e.Kind, e.Fields) || !clock.KnownBy.IsZero() && e.At.After(clock.KnownBy) {
			continue
		}
		if sight != index.All {
			e = r.facts(e)
		}
		if e.Kind == fileKind {
			e.Fields = withoutSecrets(e.Fields)
		}
		leaving = append(leaving, e)
	}
	if len(leaving) == 0 {
		return nil, nil
	}
	return casefile.Fold(r.book, id, leaving), nil
}

// withoutSecrets are the fields of a file but for those that open it.
func withoutSecrets(f casefile.Fields) casefile.Fields {
	out := make(casefile.Fields, len(f))
	for id, values := range f {
		if !slices.Contains(fileSecrets, id) {
			out[id] = values
		}
	}
	return out
}

// exportFiles are the files of a case that go along with it.
func (r *Registry) exportFiles(ctx context.Context, s *access.Session, id string, clock Clock, purpose *codebook.Purpose) ([]ExportFile, error) {
	if r.leaves(s.Member, id) != index.All {
		return nil, nil
	}
	of, err := r.index.Case(ctx, id, clock.KnownBy)
	if err != nil {
		return nil, notFound(err)
	}
	leaving := r.forPurpose(purpose, of, index.All)
	var out []ExportFile
	for _, rec := range of.Of(fileKind) {
		if leaving == nil {
			continue
		}
		if with, ok := leaving.Record(rec.ID); !ok || with.Get("sha256") == "" {
			continue // it stays for this purpose
		}
		file, sealed, ok := sealedOf(rec)
		if !ok || staysHere(rec.Kind, rec.Fields) {
			continue // its key was destroyed; or it is no original
		}
		out = append(out, ExportFile{
			Record: rec.ID, Name: rec.Get("name"), Media: rec.Get("media"), SHA256: rec.Get("sha256"), Bytes: sealed.Size,
			Open: func() (io.ReadSeekCloser, error) {
				content, err := r.files.Open(ctx, file, sealed)
				if err != nil {
					return nil, notOpened(err, ErrFileDamaged)
				}
				return content, nil
			},
		})
	}
	return out, nil
}

// exportOutside are the records outside cases that records refer to, but for those seen.
func (r *Registry) exportOutside(ctx context.Context, s *access.Session, records []*casefile.Record, clock Clock, purpose *codebook.Purpose, seen map[string]bool) ([]*casefile.Record, error) {
	var out []*casefile.Record
	for len(records) > 0 {
		var ids []string
		for _, rec := range records {
			ids = append(ids, r.refs(rec.Kind, rec.Fields, shared)...)
		}
		records = nil
		for _, id := range ids {
			if seen[id] {
				continue
			}
			seen[id] = true
			rec, err := r.knownRecord(ctx, s, id, clock)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if rec = r.outsideFor(purpose, rec); rec != nil {
				records = append(records, rec)
			}
		}
		out = append(out, records...)
	}
	return out, nil
}
