// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/ncruces/go-sqlite3"
	"golang.org/x/sync/errgroup"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/rules"
)

// Which checks a case breaches and which deadlines are overdue in it depends on
// the day, and no table holds it: it is asked of the rules for each version of
// a case when a list or an overview first wants it for a day, and remembered in
// memory. A version never changes, so what is remembered never gets old.

// maxDays is how many days are remembered at once: today's, and some looked back at.
const maxDays = 4

// days remembers, for the days asked last, what fails in versions of cases.
type days struct {
	mu   sync.Mutex
	last []failuresOn // the newest last
}

type failuresOn struct {
	day edtf.Day
	of  map[int64]standing // version of a case → how it stands
}

// standing is how a version of a case stands at the end of a day.
type standing struct {
	fails []int32   // numbers of checks breached and deadlines overdue
	ours  []ownTerm // terms of ours that run
}

// ownTerm is a term of ours that runs: the number of its deadline, and the cautious day on which it ends.
type ownTerm struct {
	rule int32
	due  edtf.Day
}

// on answers what is remembered of a day. The lock must be held.
func (d *days) on(day edtf.Day) map[int64]standing {
	i := slices.IndexFunc(d.last, func(f failuresOn) bool { return f.day == day })
	found := failuresOn{day, map[int64]standing{}}
	if i >= 0 {
		found = d.last[i]
		d.last = slices.Delete(d.last, i, i+1)
	} else if len(d.last) == maxDays {
		d.last = slices.Delete(d.last, 0, 1)
	}
	d.last = append(d.last, found)
	return found.of
}

func (d *days) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = nil
}

// failuresAtOnce is how many cases are read before they are evaluated on all cores.
const failuresAtOnce = 512

// failures answers how versions of cases stand on a day.
func (ix *Index) failures(ctx context.Context, c *conn, day edtf.Day, versions []int64) (map[int64]standing, error) {
	ix.days.mu.Lock()
	defer ix.days.mu.Unlock()
	known := ix.days.on(day)
	found := make(map[int64]standing, len(versions))
	var missing []int64
	for _, v := range versions {
		if f, ok := known[v]; ok {
			found[v] = f
		} else {
			missing = append(missing, v)
		}
	}
	for some := range slices.Chunk(missing, failuresAtOnce) {
		answers := make([]standing, len(some))
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(runtime.GOMAXPROCS(0))
		for i, v := range some {
			p, err := versionOf(c, v)
			if err != nil {
				return nil, err
			}
			g.Go(func() error {
				answers[i] = ix.stands(casefile.Fold(ix.book, p.id, p.entries), day)
				return ctx.Err()
			})
		}
		if err := g.Wait(); err != nil {
			return nil, err
		}
		for i, v := range some {
			known[v], found[v] = answers[i], answers[i]
		}
	}
	if len(known) > 2*len(found)+failuresAtOnce && len(missing) > 0 {
		clear(known) // most of it is of versions that have ended
		for v, f := range found {
			known[v] = f
		}
	}
	return found, nil
}

// versionOf reads a case as it was while a version of it was true.
func versionOf(c *conn, v int64) (p part, err error) {
	var stream, until int64
	err = c.Run(`SELECT f.stream, f.kto, s.id FROM file f JOIN stream s ON s.no = f.stream WHERE f.v = ?`, func(s *sqlite3.Stmt) error {
		stream, until, p.id = s.ColumnInt64(0), s.ColumnInt64(1), s.ColumnText(2)
		return nil
	}, v)
	if err == nil {
		p.entries, err = entriesOf(c, stream, until-1)
	}
	return p, err
}

// stands answers how a case stands at the end of a day.
func (ix *Index) stands(c *casefile.Case, day edtf.Day) standing {
	found := []int32{}
	var ours []ownTerm
	for _, f := range ix.set.Checks(c, day) {
		if f.State == rules.Breached && f.Severity != rules.Info {
			found = append(found, int32(ix.ruleNo[f.Rule]))
		}
	}
	for _, d := range ix.set.Deadlines(c, day) {
		if d.State == rules.Overdue {
			found = append(found, int32(ix.ruleNo[d.Rule]))
		}
		runs := d.Kind == rules.Due && d.State == rules.Running || d.Kind == rules.Window && d.State == rules.Open
		if d.Owes == rules.Us && runs && d.Due >= day && d.Due != edtf.MaxDay {
			ours = append(ours, ownTerm{int32(ix.ruleNo[d.Rule]), d.Due})
		}
	}
	slices.Sort(found)
	return standing{slices.Compact(found), ours}
}

// all answers the versions of all cases at a clock, or of the verified ones alone, and the cases' ids.
func all(c *conn, clock Clock, verified bool) (versions []int64, ids map[int64]string, err error) {
	known := moment(clock.KnownBy)
	ids = map[int64]string{}
	sql, args := `SELECT f.v, s.id FROM file f JOIN stream s ON s.no = f.stream WHERE f.kto > ? AND f.kfrom <= ?`, []any{known, known}
	if verified {
		sql, args = sql+` AND f.verdict = ?`, append(args, casefile.Verified)
	}
	err = c.Run(sql, func(s *sqlite3.Stmt) error {
		versions = append(versions, s.ColumnInt64(0))
		ids[s.ColumnInt64(0)] = s.ColumnText(1)
		return nil
	}, args...)
	return versions, ids, err
}

// failing answers the versions of cases in which a check is breached or a deadline overdue at a clock.
func (ix *Index) failing(ctx context.Context, c *conn, rule string, clock Clock) (map[int64]bool, error) {
	no, ok := ix.ruleNo[rule]
	if !ok || ix.rules[no].Use != codebook.Check && ix.rules[no].Use != codebook.Deadline {
		return nil, fmt.Errorf("%w: %q", ErrNoRule, rule)
	}
	versions, _, err := all(c, clock, false)
	if err != nil {
		return nil, err
	}
	failures, err := ix.failures(ctx, c, clock.AsOf, versions)
	found := map[int64]bool{}
	for v, of := range failures {
		if slices.Contains(of.fails, int32(no)) {
			found[v] = true
		}
	}
	return found, err
}

// RuleCounts answers for each check and deadline in how many of the cases a
// reader may see, or in how many verified ones of them, it is breached or
// overdue at a clock. Rules without a case are absent. The first question about a day evaluates every case.
func (ix *Index) RuleCounts(ctx context.Context, clock Clock, verified bool, see See) (counts map[string]int, err error) {
	counts = map[string]int{}
	err = ix.read(ctx, func(c *conn) error {
		versions, ids, err := all(c, clock, verified)
		if err != nil {
			return err
		}
		versions = slices.DeleteFunc(versions, func(v int64) bool { return see.of(ids[v]) == Nothing })
		failures, err := ix.failures(ctx, c, clock.AsOf, versions)
		for _, of := range failures {
			for _, no := range of.fails {
				counts[ix.rules[no].ID]++
			}
		}
		return err
	})
	return counts, failed("counting", err)
}

// OwnTerm is a term of the coalition's own that runs in a case.
type OwnTerm struct {
	Case string // id
	Rule string // id of the deadline
	Due  edtf.Day
}

// OwnTerms answers the terms of ours that end next in the cases a reader may
// see, soonest first, at most so many. The first question about a day
// evaluates every case.
func (ix *Index) OwnTerms(ctx context.Context, clock Clock, see See, most int) (terms []OwnTerm, err error) {
	err = ix.read(ctx, func(c *conn) error {
		versions, ids, err := all(c, clock, false)
		if err != nil {
			return err
		}
		versions = slices.DeleteFunc(versions, func(v int64) bool { return see.of(ids[v]) == Nothing })
		failures, err := ix.failures(ctx, c, clock.AsOf, versions)
		if err != nil {
			return err
		}
		type found struct {
			version int64
			ownTerm
		}
		var next []found
		for v, of := range failures {
			for _, t := range of.ours {
				next = append(next, found{v, t})
			}
		}
		slices.SortFunc(next, func(a, b found) int {
			return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.version, b.version), cmp.Compare(a.rule, b.rule))
		})
		for _, f := range next[:min(len(next), most)] {
			p, err := versionOf(c, f.version)
			if err != nil {
				return err
			}
			terms = append(terms, OwnTerm{p.id, ix.rules[f.rule].ID, f.due})
		}
		return nil
	})
	return terms, failed("looking for terms", err)
}
