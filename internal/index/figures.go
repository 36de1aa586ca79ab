// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"fmt"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/casefile"
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
	err = ix.read(ctx, func(c *conn) error {
		no, err := scopeNo(c, scope, verified)
		if err != nil {
			return err
		}
		counted := map[string]int{}
		count := func(id string) (int, error) {
			if n, ok := counted[id]; ok {
				return n, nil
			}
			if _, ok := ix.figures[id]; !ok {
				return 0, fmt.Errorf("%w: %q", ErrNoRule, id)
			}
			n, err := countSpans(c, no, ix.ruleNo[id], clock)
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

// InReview answers how many of the cases a reader may see wait for a verdict, as known by a moment (zero: all).
func (ix *Index) InReview(ctx context.Context, knownBy time.Time, see See) (n int, err error) {
	known := moment(knownBy)
	err = ix.read(ctx, func(c *conn) error {
		return c.Run(`SELECT s.id FROM file f JOIN stream s ON s.no = f.stream WHERE f.review = ? AND f.kto > ? AND f.kfrom <= ?`, func(s *sqlite3.Stmt) error {
			if see.of(s.ColumnText(0)) != Nothing {
				n++
			}
			return nil
		}, casefile.InReview, known, known)
	})
	return n, failed("counting", err)
}

// Stats says what the index holds at a moment.
type Stats struct {
	Cases  int            // cases
	Units  int            // clusters: cases of the same person counted once
	ByOrg  map[string]int // organisation → cases
	Latest time.Time      // when the last entry was written
}

// Stats answers what the index holds as known by a moment (zero: all), of the
// cases a reader may know of.
func (ix *Index) Stats(ctx context.Context, knownBy time.Time, see See) (st Stats, err error) {
	st.ByOrg = map[string]int{}
	known := moment(knownBy)
	err = ix.read(ctx, func(c *conn) error {
		clusters := map[int64]bool{}
		err := c.Run(`SELECT f.org, f.cluster, s.id FROM file f JOIN stream s ON s.no = f.stream WHERE f.kto > ? AND f.kfrom <= ?`, func(s *sqlite3.Stmt) error {
			if see.of(s.ColumnText(2)) == Nothing {
				return nil
			}
			st.Cases++
			st.ByOrg[s.ColumnText(0)]++
			clusters[s.ColumnInt64(1)] = true
			return nil
		}, known, known)
		st.Units = len(clusters)
		if err != nil {
			return err
		}
		return c.Run(`SELECT max(known) FROM entry WHERE known <= ?`, func(s *sqlite3.Stmt) error {
			if s.ColumnType(0) != sqlite3.NULL {
				st.Latest = time.UnixMilli(s.ColumnInt64(0)).UTC()
			}
			return nil
		}, known)
	})
	return st, failed("counting", err)
}
