// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"fmt"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/edtf"
)

// Figures answers figures at a clock in a scope; no ids: all figures of the rules, in their order.
// verified counts only units of cases whose last verdict, as known at the clock, is that they are verified.
// An id that is no figure is an error; a scope in which nothing was ever counted answers zero.
func (ix *Index) Figures(ctx context.Context, clock Clock, scope string, verified bool, ids []string) (values []FigureValue, err error) {
	if len(ids) == 0 {
		for _, f := range ix.set.Figures() {
			ids = append(ids, f.ID)
		}
	}
	err = ix.readList(ctx, func(c *conn, list *listing) error {
		no, err := scopeNo(c, scope, verified)
		if err != nil {
			return err
		}
		now := moment(clock.KnownBy) > list.latest
		counted := map[string]int{}
		count := func(id string) (n int, err error) {
			if n, ok := counted[id]; ok {
				return n, nil
			}
			if _, ok := ix.figures[id]; !ok {
				return 0, fmt.Errorf("%w: %q", ErrNoRule, id)
			}
			if now {
				n, err = countTally(c, no, ix.ruleNo[id], clock.AsOf)
			} else {
				n, err = countSpans(c, no, ix.ruleNo[id], clock)
			}
			counted[id] = n
			return n, err
		}
		for _, id := range ids {
			value := FigureValue{ID: id, Base: -1}
			if value.Value, err = count(id); err != nil {
				return err
			}
			if base := ix.figures[id].Base; base != "" {
				if value.Base, err = count(base); err != nil {
					return err
				}
			}
			values = append(values, value)
		}
		return nil
	})
	return values, failed("counting", err)
}

// countTally counts the units of a scope for which a rule holds on a day, by what is known now.
func countTally(c *conn, scope, rule int64, day edtf.Day) (n int, err error) {
	month := int64(monthOf(day))
	err = c.Run(`SELECT (SELECT coalesce(sum(n), 0) FROM tally WHERE scope = ?1 AND rule = ?2 AND month = 1 AND day < ?3) +
		(SELECT coalesce(sum(n), 0) FROM tally WHERE scope = ?1 AND rule = ?2 AND month = 0 AND day >= ?3 AND day <= ?4)`, func(s *sqlite3.Stmt) error {
		n = s.ColumnInt(0)
		return nil
	}, scope, rule, month, int64(day))
	return n, err
}

// countSpans counts the units of a scope for which a rule holds at a clock. The
// spans of one unit and rule don't overlap, nor do the units of one scope share
// a case, so a count of spans is a count of units.
func countSpans(c *conn, scope, rule int64, clock Clock) (n int, err error) {
	known := moment(clock.KnownBy)
	err = c.Run(`SELECT count(*) FROM span p WHERE `+spanAt, func(s *sqlite3.Stmt) error {
		n = s.ColumnInt(0)
		return nil
	}, scope, rule, known, known, int64(clock.AsOf), int64(clock.AsOf))
	return n, err
}
