// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// Figures answers figures at a clock in a scope; no ids: all figures of the rules, in their order.
// An id that is no figure is an error; a scope in which nothing was ever counted answers zero.
func (ix *Index) Figures(ctx context.Context, clock Clock, scope string, ids []string) (values []FigureValue, err error) {
	if len(ids) == 0 {
		for _, f := range ix.set.Figures() {
			ids = append(ids, f.ID)
		}
	}
	err = ix.read(ctx, func(c *conn) error {
		no := ix.scopeNo(c, scope)
		counted := map[string]int{}
		count := func(id string) (int, error) {
			if n, ok := counted[id]; ok {
				return n, nil
			}
			rule := ix.rule(id, false)
			if rule < 0 {
				return 0, fmt.Errorf("there is no figure %q", id)
			}
			n, err := countSpans(c, no, rule, clock)
			counted[id] = n
			return n, err
		}
		for _, id := range ids {
			value := FigureValue{ID: id, Base: -1}
			var err error
			if value.Value, err = count(id); err != nil {
				return err
			}
			if def, ok := ix.set.Figure(id); ok && def.Base != "" {
				if value.Base, err = count(def.Base); err != nil {
					return err
				}
			}
			values = append(values, value)
		}
		return nil
	})
	return values, failed("counting", err)
}

// countSpans counts the units of a scope for which a rule holds at a clock. The
// spans of one unit and rule don't overlap, nor do the units of one scope share
// a case, so a count of spans is a count of units.
func countSpans(c *conn, scope, rule int64, clock Clock) (n int, err error) {
	known := moment(clock.KnownBy)
	err = c.run(`SELECT count(*) FROM span p WHERE `+spanAt, func(s *sqlite3.Stmt) error {
		n = s.ColumnInt(0)
		return nil
	}, scope, rule, known, known, int64(clock.AsOf), int64(clock.AsOf))
	return n, err
}

// RuleCounts answers for each check and deadline in how many cases of orgs
// (nil: all) it is breached or overdue at a clock. Rules without a case are absent.
func (ix *Index) RuleCounts(ctx context.Context, clock Clock, orgs []string) (counts map[string]int, err error) {
	counts = map[string]int{}
	known := moment(clock.KnownBy)
	err = ix.read(ctx, func(c *conn) error {
		for no, id := range ix.ruleID {
			if !ix.isRule[no] {
				continue
			}
			n := 0
			if orgs == nil {
				if n, err = countSpans(c, caseScope, int64(no), clock); err != nil {
					return err
				}
			} else {
				err := c.run(`SELECT f.org FROM span p JOIN member m ON m.v = p.v JOIN file f ON f.stream = m.stream AND f.kto > ? AND f.kfrom <= ? WHERE `+spanAt, func(s *sqlite3.Stmt) error {
					if slices.Contains(orgs, s.ColumnText(0)) {
						n++
					}
					return nil
				}, known, known, caseScope, int64(no), known, known, int64(clock.AsOf), int64(clock.AsOf))
				if err != nil {
					return err
				}
			}
			if n > 0 {
				counts[id] = n
			}
		}
		return nil
	})
	return counts, failed("counting", err)
}

// Stats says what the index holds at a moment.
type Stats struct {
	Cases  int            // cases
	Units  int            // clusters: cases of the same person counted once
	ByOrg  map[string]int // organisation → cases
	Latest time.Time      // when the last entry was written
}

// Stats answers what the index holds as known by a moment (zero: all).
func (ix *Index) Stats(ctx context.Context, knownBy time.Time) (st Stats, err error) {
	st.ByOrg = map[string]int{}
	known := moment(knownBy)
	err = ix.read(ctx, func(c *conn) error {
		clusters := map[int64]bool{}
		err := c.run(`SELECT org, cluster FROM file WHERE kto > ? AND kfrom <= ?`, func(s *sqlite3.Stmt) error {
			st.Cases++
			st.ByOrg[s.ColumnText(0)]++
			clusters[s.ColumnInt64(1)] = true
			return nil
		}, known, known)
		st.Units = len(clusters)
		if err != nil {
			return err
		}
		return c.run(`SELECT max(known) FROM entry WHERE known <= ?`, func(s *sqlite3.Stmt) error {
			if s.ColumnType(0) != sqlite3.NULL {
				st.Latest = time.UnixMilli(s.ColumnInt64(0)).UTC()
			}
			return nil
		}, known)
	})
	return st, failed("counting", err)
}
