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
		var known []int // by rule; nil: by what is known now
		if moment(clock.KnownBy) <= list.latest {
			if known, err = ix.countKnown(ctx, c, no, clock); err != nil {
				return err
			}
		}
		counted := map[string]int{}
		count := func(id string) (n int, err error) {
			if n, ok := counted[id]; ok {
				return n, nil
			}
			if _, ok := ix.figures[id]; !ok {
				return 0, fmt.Errorf("%w: %q", ErrNoRule, id)
			}
			if known != nil {
				return known[ix.ruleNo[id]], nil
			}
			n, err = countTally(c, no, ix.ruleNo[id], clock.AsOf)
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

// countKnown counts the units of a scope for which each rule holds at a clock of
// the past, by the rule's number: all at once, for each unit that was true then
// is read.
func (ix *Index) countKnown(ctx context.Context, c *conn, scope int64, clock Clock) ([]int, error) {
	counts := make([]int, len(ix.rules))
	known, n := moment(clock.KnownBy), 0
	err := c.Run(`SELECT spans FROM unit WHERE scope = ? AND kto > ? AND kfrom <= ?`, func(s *sqlite3.Stmt) error {
		if n++; n%sheetPage == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		return eachSpan(s.ColumnRawBlob(0), func(rule int64, from, to edtf.Day) error {
			if from <= clock.AsOf && clock.AsOf < to && rule < int64(len(counts)) {
				counts[rule]++ // the spans of one rule don't overlap
			}
			return nil
		})
	}, scope, known, known)
	return counts, err
}
