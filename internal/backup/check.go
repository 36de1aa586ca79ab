// SPDX-License-Identifier: AGPL-3.0-or-later

package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"
)

// Fault is something in a store that is not what it should be.
type Fault struct {
	Place   string   `json:"place"` // the name in the store
	What    string   `json:"what"`
	Of      string   `json:"of,omitempty"`      // what of the register it holds
	Backups []string `json:"backups,omitempty"` // that need it
}

// Report is what Verify found.
type Report struct {
	Backups int     `json:"backups"`
	Pieces  int     `json:"pieces"`
	Bytes   int64   `json:"bytes"`
	Faults  []Fault `json:"faults"`
}

// need is a piece, what it holds, and the backups that need it.
type need struct {
	piece Piece
	of    string
	by    []string
}

// Verify reads every piece that backups need and names each that is not what
// was put there. quick only sees that they are there in their length. step is
// told how many are done, of how many.
func (r *Repo) Verify(ctx context.Context, quick bool, step func(done, all int)) (Report, error) {
	var report Report
	names, err := Names(ctx, r.store)
	if err != nil {
		return report, err
	}
	needs, order := map[string]*need{}, []string{}
	keys := map[string][]string{}
	fault := func(place string, err error, of string, by ...string) {
		what := "it is damaged"
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errMissing) {
			what = "it is missing"
		}
		report.Faults = append(report.Faults, Fault{place, what, of, by})
	}
	for _, name := range names {
		b, err := r.Read(ctx, name)
		if errors.Is(err, ErrDamaged) || errors.Is(err, fs.ErrNotExist) {
			fault(path.Join(kindBackup, name), err, "the list of a backup", name)
			continue
		}
		if err != nil {
			return report, err
		}
		report.Backups++
		keys[b.Keys] = append(keys[b.Keys], name)
		b.Pieces(func(p Piece, of string) {
			n := needs[p.ID]
			if n == nil {
				n = &need{piece: p, of: of}
				needs[p.ID], order = n, append(order, p.ID)
			}
			if !slices.Contains(n.by, name) {
				n.by = append(n.by, name)
			}
		})
	}
	for _, id := range slices.Sorted(maps.Keys(keys)) { // the same report each time
		if _, err := keyFiles(ctx, r.store, id); errors.Is(err, ErrDamaged) {
			fault(path.Join(kindKeys, id), err, "the key files that open backups", keys[id]...)
		} else if err != nil {
			return report, err
		}
	}
	there := map[string]int64{}
	if quick {
		if err := r.store.Each(ctx, kindPiece, func(name string, size int64) error { there[name] = size; return nil }); err != nil {
			return report, err
		}
	}
	for i, id := range order {
		n := needs[id]
		err := error(nil)
		if quick {
			switch size, ok := there[n.piece.name()]; {
			case !ok:
				err = errMissing
			case size != n.piece.Size+overhead:
				err = ErrDamaged
			}
		} else {
			_, err = r.Get(ctx, n.piece)
		}
		switch {
		case errors.Is(err, ErrDamaged):
			fault(n.piece.name(), err, n.of, n.by...)
		case err != nil:
			return report, err
		default:
			report.Pieces++
			report.Bytes += n.piece.Size + overhead
		}
		if step != nil {
			step(i+1, len(order))
		}
	}
	return report, nil
}

// Keep says which backups are kept: the newest of so many days, weeks and
// months that have one. The newest of all is always kept.
type Keep struct {
	Daily, Weekly, Monthly int
}

// kept are the names of those that are kept, of backups with the newest last.
func (k Keep) kept(all []*Backup) map[string]bool {
	kept := map[string]bool{}
	rules := []struct {
		most int
		of   func(time.Time) string
	}{
		{k.Daily, func(t time.Time) string { return t.Format(time.DateOnly) }},
		{k.Weekly, func(t time.Time) string { y, w := t.ISOWeek(); return fmt.Sprintf("%d-%d", y, w) }},
		{k.Monthly, func(t time.Time) string { return t.Format("2006-01") }},
	}
	for _, rule := range rules {
		seen := map[string]bool{}
		for _, b := range slices.Backward(all) {
			if of := rule.of(b.At); !seen[of] && len(seen) < rule.most {
				seen[of], kept[b.Name] = true, true
			}
		}
	}
	if len(all) > 0 {
		kept[all[len(all)-1].Name] = true
	}
	return kept
}

// Pruned is what was taken away.
type Pruned struct {
	Kept    []string `json:"kept"`
	Backups []string `json:"removed"`
	Pieces  int      `json:"pieces"`
	Bytes   int64    `json:"bytes"`
}

// Prune takes away the backups that are not kept, those that have ended, and
// then the pieces that no kept backup needs. Nothing goes where the list of one
// backup can't be read: what that one needs is not known. The store is locked.
// dry takes nothing away.
func (r *Repo) Prune(ctx context.Context, keep Keep, now time.Time, dry bool) (out Pruned, err error) {
	names, err := Names(ctx, r.store)
	if err != nil {
		return out, err
	}
	var all []*Backup
	for _, name := range names {
		b, err := r.Read(ctx, name)
		if err != nil {
			return out, fmt.Errorf("nothing was taken away, because it is not known what this backup needs: %w", err)
		}
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *Backup) int { return a.At.Compare(b.At) })
	kept, needed := keep.kept(all), map[string]bool{}
	for i, b := range all {
		dead := !now.Before(b.Ends) && i < len(all)-1
		if !kept[b.Name] || dead {
			out.Backups = append(out.Backups, b.Name)
			continue
		}
		out.Kept = append(out.Kept, b.Name)
		needed[path.Join(kindKeys, b.Keys)] = true
		b.Pieces(func(p Piece, _ string) { needed[p.name()] = true })
	}
	if !dry {
		for _, name := range out.Backups { // their lists first: a piece that is gone is then missed by nobody
			if err := r.store.Remove(ctx, path.Join(kindBackup, name)); err != nil {
				return out, err
			}
		}
	}
	for _, kind := range []string{kindPiece, kindKeys} {
		var loose []string
		err := r.store.Each(ctx, kind, func(name string, size int64) error {
			if named(kind, name) && !needed[name] {
				loose = append(loose, name)
				out.Bytes += size
			}
			return nil
		})
		for _, name := range loose {
			if err == nil && !dry {
				err = r.store.Remove(ctx, name)
			}
			if err == nil && kind == kindPiece {
				out.Pieces++
			}
		}
		if err != nil {
			return out, err
		}
	}
	return out, nil
}
