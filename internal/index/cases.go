// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// The sizes of pages.
const (
	defaultLimit = 50
	maxLimit     = 200
)

// candidate is a case that a query may select, with what it is filtered and sorted by.
type candidate struct {
	v, stream int64
	org       string
	key       string // what it is sorted by
	id        string // last, so that no two are equal
	facets    string
	stage     string
}

// Cases answers a query. Clock.AsOf must be set. Rows are as known at
// Clock.KnownBy; the text is searched in what is known now.
func (ix *Index) Cases(ctx context.Context, q Query) (page Page, err error) {
	err = ix.read(ctx, func(c *conn) error {
		page, err = ix.cases(ctx, c, q)
		return err
	})
	return page, failed("looking for cases", err)
}

func (ix *Index) cases(ctx context.Context, c *conn, q Query) (Page, error) {
	text := strings.TrimSpace(q.Text)
	var ranks map[int64]int
	if text != "" {
		var err error
		if ranks, err = matches(c, text, q.See); err != nil {
			return Page{}, err
		}
	}
	order := q.Sort
	if order == "" {
		order = "reported"
		if text != "" {
			order = "match"
		}
	}
	all, err := ix.candidates(ctx, c, q, ranks, order)
	if err != nil {
		return Page{}, err
	}
	selected, counts := ix.filter(q.Facets, all)
	slices.SortFunc(selected, compareCandidates)

	page := Page{Total: len(selected), Facets: counts}
	if q.After != "" {
		after, err := decodeCursor(q.After, order)
		if err != nil {
			return Page{}, err
		}
		start, same := slices.BinarySearchFunc(selected, after, compareCandidates)
		if same {
			start++
		}
		selected = selected[start:]
	}
	limit := pageSize(q.Limit)
	if len(selected) > limit {
		selected = selected[:limit]
		page.Next = encodeCursor(selected[limit-1], order)
	}
	versions := make([]int64, len(selected))
	for i, cand := range selected {
		versions[i] = cand.v
	}
	page.Rows, err = ix.rows(ctx, c, versions, q.Clock, q.See)
	return page, err
}

// Hidden answers how many cases behind the figure of a query its reader may not see.
func (ix *Index) Hidden(ctx context.Context, q Query) (n int, err error) {
	see := q.See
	q = Query{Figure: q.Figure, Scope: q.Scope, Verified: q.Verified, Clock: q.Clock}
	err = ix.read(ctx, func(c *conn) error {
		all, err := ix.candidates(ctx, c, q, nil, "number")
		for _, cand := range all {
			if see.of(cand.id) == Nothing {
				n++
			}
		}
		return err
	})
	return n, failed("counting", err)
}

// candidates answers the cases a query selects but for its facets.
func (ix *Index) candidates(ctx context.Context, c *conn, q Query, ranks map[int64]int, order string) ([]candidate, error) {
	known := moment(q.Clock.KnownBy)
	sql := `SELECT f.v, f.stream, f.org, f.number, f.incident_day, f.reported, f.updated, f.facets, f.stages, s.id
		FROM file f JOIN stream s ON s.no = f.stream WHERE f.kto > ? AND f.kfrom <= ?`
	args := []any{known, known}
	if q.Verified {
		sql += ` AND f.verdict = ?`
		args = append(args, casefile.Verified)
	}
	if q.Figure != "" {
		scope, err := scopeNo(c, q.Scope, q.Verified)
		if err != nil {
			return nil, err
		}
		if _, ok := ix.figures[q.Figure]; !ok {
			return nil, fmt.Errorf("%w: %q", ErrNoRule, q.Figure)
		}
		sql += ` AND f.stream IN (SELECT m.stream FROM span p JOIN member m ON m.v = p.v WHERE ` + spanAt + `)`
		args = append(args, scope, ix.ruleNo[q.Figure], known, known, int64(q.Clock.AsOf), int64(q.Clock.AsOf))
	}
	var failing map[int64]bool
	if q.Rule != "" {
		var err error
		if failing, err = ix.failing(ctx, c, q.Rule, q.Clock); err != nil {
			return nil, err
		}
	}
	var with map[int64]bool
	if len(q.With) > 0 {
		var err error
		if with, err = ix.with(c, q.Clock, q.See, q.With); err != nil {
			return nil, err
		}
	}
	var stageOrder map[string]int
	if order == "stage" {
		stageOrder = ix.stageOrder()
	}
	var found []candidate
	err := c.Run(sql, func(s *sqlite3.Stmt) error {
		stream := s.ColumnInt64(1)
		rank, ok := ranks[stream]
		if ranks != nil && !ok || failing != nil && !failing[s.ColumnInt64(0)] || with != nil && !with[s.ColumnInt64(0)] {
			return nil
		}
		cand := candidate{v: s.ColumnInt64(0), stream: stream, org: s.ColumnText(2), facets: s.ColumnText(7), id: s.ColumnText(9)}
		if q.See.of(cand.id) == Nothing {
			return nil
		}
		stage, _, err := stageOn(string(s.ColumnRawBlob(8)), q.Clock.AsOf)
		if err != nil {
			return err
		}
		cand.stage = stage
		switch order {
		case "match":
			cand.key = sortable(int64(rank)) + sortable(-s.ColumnInt64(5))
		case "reported":
			cand.key = sortable(-s.ColumnInt64(5))
		case "incident":
			cand.key = sortable(s.ColumnInt64(4))
		case "updated":
			cand.key = sortable(-s.ColumnInt64(6))
		case "stage":
			cand.key = sortable(int64(stageOrder[stage]))
		case "number":
			cand.key = numberKey(s.ColumnText(3))
		default:
			return fmt.Errorf("cases can't be sorted by %q", order)
		}
		found = append(found, cand)
		return nil
	}, args...)
	return found, err
}

// spanAt selects the spans p of a rule in a scope that hold at a clock:
// scope, rule, known, known, day, day.
const spanAt = `p.scope = ? AND p.rule = ? AND p.kto > ? AND p.kfrom <= ? AND p.dfrom <= ? AND p.dto > ?`

// ErrNoRule says that the codebook has no such figure, check or deadline.
var ErrNoRule = errors.New("no such figure, check or deadline")

// scopeNo answers the number of a scope; 0, which none has, where nothing was ever counted in it.
func scopeNo(c *conn, scope string, verified bool) (no int64, err error) {
	scope = cmp.Or(scope, Coalition)
	if verified {
		scope += verifiedOnly
	}
	err = c.Run(`SELECT no FROM scope WHERE id = ?`, func(s *sqlite3.Stmt) error {
		no = s.ColumnInt64(0)
		return nil
	}, scope)
	return no, err
}

func (ix *Index) stageOrder() map[string]int {
	order := map[string]int{}
	if list, ok := ix.book.List("stage"); ok {
		for i, code := range list.Codes {
			order[code.Code] = i
		}
	}
	return order
}

// filter answers the candidates that all facets select, and the counts of each
// facet. A facet's own selection doesn't narrow its own counts, so that a
// second code can be chosen.
func (ix *Index) filter(chosen map[string][]string, all []candidate) ([]candidate, []Facet) {
	type counter struct {
		facet  Facet
		chosen map[string]bool
		counts map[string]int
	}
	defs := append([]facet{{id: "org"}, {id: "stage", list: "stage"}}, facets()...)
	counters := make([]counter, len(defs))
	at := map[string]int{}
	for i, def := range defs {
		counters[i] = counter{Facet{ID: def.id, List: def.list}, map[string]bool{}, map[string]int{}}
		for _, code := range chosen[def.id] {
			counters[i].chosen[code] = true
			counters[i].counts[code] = 0
		}
		at[def.id] = i
	}
	var selected []candidate
	codes := make([][]string, len(defs))
	for _, cand := range all {
		for i := range codes {
			codes[i] = codes[i][:0]
		}
		codes[0] = append(codes[0], cand.org)
		codes[1] = append(codes[1], cand.stage)
		for pair := range strings.SplitSeq(cand.facets, facetSep) {
			if id, code, ok := strings.Cut(pair, "="); ok {
				if i, ok := at[id]; ok {
					codes[i] = append(codes[i], code)
				}
			}
		}
		missed, only := 0, -1
		for i := range counters {
			if len(counters[i].chosen) > 0 && !slices.ContainsFunc(codes[i], func(code string) bool { return counters[i].chosen[code] }) {
				missed, only = missed+1, i
			}
		}
		if missed > 1 {
			continue
		}
		for i := range counters {
			if missed == 1 && i != only {
				continue
			}
			for _, code := range codes[i] {
				if code != "" {
					counters[i].counts[code]++
				}
			}
		}
		if missed == 0 {
			selected = append(selected, cand)
		}
	}
	orgs := *ix.orgs.Load()
	found := make([]Facet, len(counters))
	for i, n := range counters {
		for code, count := range n.counts {
			value := FacetValue{Code: code, Count: count, Selected: n.chosen[code]}
			if n.facet.ID == "org" {
				value.Label = orgs[code]
			}
			n.facet.Values = append(n.facet.Values, value)
		}
		slices.SortFunc(n.facet.Values, func(a, b FacetValue) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code))
		})
		found[i] = n.facet
	}
	return selected, found
}

func compareCandidates(a, b candidate) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.id, b.id))
}

// sortable writes a number so that its text sorts like it.
func sortable(n int64) string { return fmt.Sprintf("%016x", uint64(n)^(1<<63)) }

// ErrCursor says that Query.After is no cursor of such a query.
var ErrCursor = errors.New("this is not the next page of that list")

// A cursor is the sort key of the last row and its id: what comes after it is
// the next page, whatever was added before it meanwhile.
func encodeCursor(c candidate, order string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(order + "\x00" + c.id + "\x00" + c.key))
}

func decodeCursor(cursor, order string) (candidate, error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return candidate{}, ErrCursor
	}
	parts := strings.SplitN(string(raw), "\x00", 3)
	if len(parts) != 3 || parts[0] != order {
		return candidate{}, ErrCursor
	}
	return candidate{id: parts[1], key: parts[2]}, nil
}

// Row answers the list row of one case at a clock. Clock.AsOf must be set.
func (ix *Index) Row(ctx context.Context, id string, clock Clock, see See) (r Row, err error) {
	if see.of(id) == Nothing {
		return Row{}, ErrNotFound
	}
	err = ix.read(ctx, func(c *conn) error {
		known := moment(clock.KnownBy)
		v := int64(0)
		err := c.Run(`SELECT f.v FROM stream s JOIN file f ON f.stream = s.no WHERE s.id = ? AND f.kto > ? AND f.kfrom <= ?`, func(s *sqlite3.Stmt) error {
			v = s.ColumnInt64(0)
			return nil
		}, id, known, known)
		if err != nil {
			return err
		}
		if v == 0 {
			return ErrNotFound
		}
		rows, err := ix.rows(ctx, c, []int64{v}, clock, see)
		if err == nil {
			r = rows[0]
		}
		return err
	})
	return r, failed("reading a case", err)
}

// rows completes versions of rows.
func (ix *Index) rows(ctx context.Context, c *conn, versions []int64, clock Clock, see See) ([]Row, error) {
	rows := make([]Row, len(versions))
	for i, v := range versions {
		var err error
		if rows[i], err = ix.row(c, v, clock, see); err != nil {
			return nil, err
		}
	}
	failures, err := ix.failures(ctx, c, clock.AsOf, versions)
	for i, v := range versions {
		for _, no := range failures[v].fails {
			if ix.rules[no].Use == codebook.Deadline {
				rows[i].Overdue++
			} else {
				rows[i].Breaches++
			}
		}
	}
	return rows, err
}

// row completes one version of a row but for its breaches.
func (ix *Index) row(c *conn, v int64, clock Clock, see See) (Row, error) {
	known := moment(clock.KnownBy)
	var r row
	var out Row
	var cluster int64
	err := c.Run(`SELECT s.id, l.id, f.cluster, `+rowColumns+` FROM file f
		JOIN stream s ON s.no = f.stream JOIN stream l ON l.no = f.cluster WHERE f.v = ?`, func(s *sqlite3.Stmt) error {
		out.ID, out.Cluster = s.ColumnText(0), s.ColumnText(1)
		cluster = s.ColumnInt64(2)
		r = scanRow(s, 3)
		return nil
	}, v)
	if err != nil {
		return Row{}, err
	}
	out.Number, out.Org, out.OrgName, out.ExternalID, out.Name = r.number, r.org, (*ix.orgs.Load())[r.org], r.externalID, r.name
	out.Child, out.Sex, out.Region, out.PlaceType = r.child == 1, r.sex, r.region, r.placeType
	out.Reported, out.Updated = edtf.Day(r.reported), time.UnixMilli(r.updated).UTC()
	if r.incident != "" {
		if out.Incident, err = edtf.Parse(r.incident); err != nil {
			return Row{}, fmt.Errorf("%w: a date", errDamaged)
		}
	}
	out.Review, out.Verdict, out.Changed = r.review, r.verdict, r.changed == 1
	if out.Stage, out.StageSince, err = stageOn(r.stages, clock.AsOf); err != nil {
		return Row{}, err
	}
	if see.of(out.ID) != All {
		out.Name, out.ExternalID, out.FactsOnly = "", "", true
	}
	// A cluster goes by its first case, which the reader may not know of.
	var together []string
	err = c.Run(`SELECT s.id FROM file f JOIN stream s ON s.no = f.stream WHERE f.cluster = ? AND f.kto > ? AND f.kfrom <= ? ORDER BY s.no`, func(s *sqlite3.Stmt) error {
		if id := s.ColumnText(0); see.of(id) != Nothing {
			together = append(together, id)
		}
		return nil
	}, cluster, known, known)
	if err != nil {
		return Row{}, err
	}
	out.Others = len(together) - 1
	if !slices.Contains(together, out.Cluster) {
		out.Cluster = together[0]
	}
	return out, nil
}

// pageSize is how many rows a page has that was asked for so many.
func pageSize(limit int) int {
	if limit <= 0 {
		return defaultLimit
	}
	return min(limit, maxLimit)
}
