// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// The sizes of pages.
const (
	defaultLimit = 50
	maxLimit     = 200
)

// candidate is a case that a query may select, with what it is sorted by.
type candidate struct {
	*listed
	key sortKey
}

// sortKey is what a list is sorted by; where all of it is equal, by the case's id.
type sortKey struct {
	a, b int64
	text string
}

func compareCandidates(a, b candidate) int {
	return cmp.Or(cmp.Compare(a.key.a, b.key.a), cmp.Compare(a.key.b, b.key.b), cmp.Compare(a.key.text, b.key.text), cmp.Compare(a.id, b.id))
}

// Cases answers a query. Clock.AsOf must be set. Rows are as known at
// Clock.KnownBy; the text is searched in what is known now.
func (ix *Index) Cases(ctx context.Context, q Query) (page Page, err error) {
	err = ix.readList(ctx, func(c *conn, list *listing) error {
		page, err = ix.cases(ctx, c, list, q)
		return err
	})
	return page, failed("looking for cases", err)
}

func (ix *Index) cases(ctx context.Context, c *conn, list *listing, q Query) (Page, error) {
	text := strings.TrimSpace(q.Text)
	order := q.Sort
	if order == "" {
		order = "reported"
		if text != "" {
			order = "match"
		}
	}
	key, err := ix.sorting(order, q.Clock.AsOf)
	if err != nil {
		return Page{}, err
	}
	var after *candidate
	if q.After != "" {
		if after, err = decodeCursor(q.After, order); err != nil {
			return Page{}, err
		}
	}
	var ranks map[int64]int
	if text != "" {
		if ranks, err = matches(c, list, text, q.See); err != nil {
			return Page{}, err
		}
	}
	rows, err := ix.rowsAt(ctx, c, list, moment(q.Clock.KnownBy))
	if err != nil {
		return Page{}, err
	}
	all, whole, err := ix.candidates(ctx, c, list, rows, q, ranks)
	if err != nil {
		return Page{}, err
	}
	selected, counts := ix.filter(q.Facets, list, rows, all, whole, q.Clock.AsOf)
	limit := pageSize(q.Limit)
	page := Page{Total: len(selected), Facets: counts}
	first := nearest[candidate]{most: limit + 1, compare: compareCandidates}
	for _, l := range selected {
		cand := candidate{l, key(l, ranks[l.stream])}
		if after == nil || compareCandidates(cand, *after) > 0 {
			first.add(cand)
		}
	}
	shown := first.sorted()
	if len(shown) > limit {
		shown = shown[:limit]
		page.Next = encodeCursor(shown[limit-1], order)
	}
	found := make([]*listed, len(shown))
	for i, cand := range shown {
		found[i] = cand.listed
	}
	page.Rows, err = ix.complete(list, found, rows, q.Clock.AsOf, q.See)
	return page, err
}

// Hidden answers how many cases behind the figure of a query its reader may not see.
func (ix *Index) Hidden(ctx context.Context, q Query) (n int, err error) {
	see := q.See
	q = Query{Figure: q.Figure, Scope: q.Scope, Verified: q.Verified, Clock: q.Clock}
	err = ix.readList(ctx, func(c *conn, list *listing) error {
		rows, err := ix.rowsAt(ctx, c, list, moment(q.Clock.KnownBy))
		if err != nil {
			return err
		}
		all, whole, err := ix.candidates(ctx, c, list, rows, q, nil)
		if whole {
			all = rows
		}
		for _, l := range all {
			if l != nil && see.of(l.id) == Nothing {
				n++
			}
		}
		return err
	})
	return n, failed("counting", err)
}

// Selected answers the ids of all cases a query selects, of those its reader
// may see, in the order they were first written.
func (ix *Index) Selected(ctx context.Context, q Query) (ids []string, err error) {
	err = ix.readList(ctx, func(c *conn, list *listing) error {
		var ranks map[int64]int
		if text := strings.TrimSpace(q.Text); text != "" {
			if ranks, err = matches(c, list, text, q.See); err != nil {
				return err
			}
		}
		rows, err := ix.rowsAt(ctx, c, list, moment(q.Clock.KnownBy))
		if err != nil {
			return err
		}
		all, whole, err := ix.candidates(ctx, c, list, rows, q, ranks)
		if err != nil {
			return err
		}
		selected, _ := ix.filter(q.Facets, list, rows, all, whole, q.Clock.AsOf)
		for _, l := range selected {
			ids = append(ids, l.id)
		}
		return nil
	})
	return ids, failed("looking for cases", err)
}

// candidates answers the cases a query selects but for its facets; whole: all that
// are live now, which are not walked through then.
func (ix *Index) candidates(ctx context.Context, c *conn, list *listing, rows []*listed, q Query, ranks map[int64]int) (found []*listed, whole bool, err error) {
	if q.Figure == "" && !q.Verified && q.Rule == "" && len(q.With) == 0 && q.See == nil && ranks == nil && now(list, rows) {
		return nil, true, nil
	}
	var counted []bool // by stream: behind the figure
	if q.Figure != "" {
		scope, err := scopeNo(c, q.Scope, q.Verified)
		if err != nil {
			return nil, false, err
		}
		if _, ok := ix.figures[q.Figure]; !ok {
			return nil, false, fmt.Errorf("%w: %q", ErrNoRule, q.Figure)
		}
		counted = make([]bool, len(rows))
		err = ix.eachUnit(ctx, c, list, scope, moment(q.Clock.KnownBy), func(first int64, unit []byte) error {
			if holdsOn(unit, ix.ruleNo[q.Figure], q.Clock.AsOf) {
				eachMember(first, unit, func(stream int64) {
					if stream < int64(len(counted)) {
						counted[stream] = true
					}
				})
			}
			return nil
		})
		if err != nil {
			return nil, false, err
		}
	}
	var with map[int64]bool
	if len(q.With) > 0 {
		var err error
		if with, err = ix.with(c, rows, q.Clock, q.See, q.With); err != nil {
			return nil, false, err
		}
	}
	var failing bits // where the rule asked about is breached or overdue
	if q.Rule != "" {
		no, ok := ix.ruleNo[q.Rule]
		if !ok || ix.rules[no].Use != codebook.Check && ix.rules[no].Use != codebook.Deadline {
			return nil, false, fmt.Errorf("%w: %q", ErrNoRule, q.Rule)
		}
		if now(list, rows) {
			failing = list.shelf.failing(rows, int32(no), q.Clock.AsOf)
		} else {
			failing = failingIn(rows, int32(no), q.Clock.AsOf)
		}
	}
	add := func(no int64) {
		l := rows[no]
		if l == nil || counted != nil && !counted[no] || with != nil && !with[l.v] || q.Verified && !l.is(isVerified) {
			return
		}
		if q.See.of(l.id) != Nothing {
			found = append(found, l)
		}
	}
	switch {
	case ranks != nil: // of many cases a few
		for _, no := range slices.Sorted(maps.Keys(ranks)) {
			if no < int64(len(rows)) && (q.Rule == "" || failing.has(no)) {
				add(no)
			}
		}
	case q.Rule != "":
		for no := range failing.all {
			add(no)
		}
	default:
		found = make([]*listed, 0, len(rows))
		for no := range int64(len(rows)) {
			add(no)
		}
	}
	return found, false, ctx.Err()
}

// now tells whether rows are those of a list as it stands now.
func now(list *listing, rows []*listed) bool {
	return len(rows) > 0 && &rows[0] == &list.rows[0]
}

// sorting answers by what a list is sorted in an order.
func (ix *Index) sorting(order string, day edtf.Day) (func(l *listed, rank int) sortKey, error) {
	switch order {
	case "match":
		return func(l *listed, rank int) sortKey { return sortKey{a: int64(rank), b: -int64(l.reported)} }, nil
	case "reported":
		return func(l *listed, _ int) sortKey { return sortKey{a: -int64(l.reported)} }, nil
	case "incident":
		return func(l *listed, _ int) sortKey { return sortKey{a: int64(l.incidentDay)} }, nil
	case "updated":
		return func(l *listed, _ int) sortKey { return sortKey{a: -l.updated} }, nil
	case "number":
		return func(l *listed, _ int) sortKey { return sortKey{text: numberKey(l.text(textNumber))} }, nil
	case "stage":
		place := ix.stageOrder()
		return func(l *listed, _ int) sortKey {
			return sortKey{a: int64(place[ix.codes.all()[l.stageOn(day).code].code])}
		}, nil
	}
	return nil, fmt.Errorf("cases can't be sorted by %q", order)
}

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
func (ix *Index) filter(chosen map[string][]string, list *listing, rows, all []*listed, whole bool, day edtf.Day) ([]*listed, []Facet) {
	// By sets where there are many: a few are counted sooner one by one than every code's set is looked through.
	sets := now(list, rows) && (whole || len(all) > len(rows)/64)
	ids := []string{facetOrg: "org", facetStage: "stage"}
	for _, f := range ix.facets {
		ids = append(ids, f.id)
	}
	narrowed := make([]bool, len(ids))
	var chosenCodes []code
	for i, id := range ids {
		for _, value := range chosen[id] {
			chosenCodes = append(chosenCodes, ix.codes.of(i, value))
			narrowed[i] = true
		}
	}
	codes := ix.codes.all()
	wanted, counts := make([]bool, len(codes)), make([]int, len(codes))
	for _, c := range chosenCodes {
		wanted[c] = true
	}
	var selected []*listed
	if sets {
		var live bits
		if whole {
			live = list.shelf.live
		}
		selected = shelved(live, list.shelf.of, list.shelf.stages(rows, day), rows, all, codes, wanted, narrowed, counts)
	} else {
		selected = walked(all, codes, wanted, narrowed, counts, len(chosenCodes) > 0, day)
	}
	orgs := *ix.orgs.Load()
	found := make([]Facet, len(ids))
	found[facetOrg], found[facetStage] = Facet{ID: "org"}, Facet{ID: "stage", List: "stage"}
	for i, f := range ix.facets {
		found[facetRest+i] = Facet{ID: f.id, List: f.list}
	}
	for no, n := range counts {
		c := codes[no]
		if n == 0 && !wanted[no] || c.code == "" {
			continue
		}
		value := FacetValue{Code: c.code, Count: n, Selected: wanted[no]}
		if c.facet == facetOrg {
			value.Label = orgs[c.code]
		}
		found[c.facet].Values = append(found[c.facet].Values, value)
	}
	for _, f := range found {
		slices.SortFunc(f.Values, func(a, b FacetValue) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code))
		})
	}
	return selected, found
}

// walked counts and selects case by case, as is done of the past and of a few.
func walked(all []*listed, codes []facetCode, wanted, narrowed []bool, counts []int, any bool, day edtf.Day) (selected []*listed) {
	hit := make([]bool, len(narrowed))
	for _, l := range all {
		stage := l.stageOn(day).code
		missed, only := 0, -1
		if any {
			clear(hit)
			for c := range l.codes {
				hit[codes[c].facet] = hit[codes[c].facet] || wanted[c]
			}
			hit[facetStage] = wanted[stage]
			for i := range narrowed {
				if narrowed[i] && !hit[i] {
					missed, only = missed+1, i
				}
			}
		}
		if missed > 1 {
			continue
		}
		for c := range l.codes {
			if missed == 0 || codes[c].facet == only {
				counts[c]++
			}
		}
		if missed == 0 || only == facetStage {
			counts[stage]++
		}
		if missed == 0 {
			selected = append(selected, l)
		}
	}
	return selected
}

// shelved counts and selects by sets of cases, as is done of what is true now; live are all there are, where all are meant.
func shelved(live bits, of, stages []bits, rows, all []*listed, codes []facetCode, wanted, narrowed []bool, counts []int) []*listed {
	sets := func(c int) bits {
		switch {
		case codes[c].facet == facetStage && c < len(stages):
			return stages[c]
		case codes[c].facet != facetStage && c < len(of):
			return of[c]
		}
		return nil
	}
	base := live
	if base == nil {
		base = make(bits, len(rows)/64+1)
		for _, l := range all {
			base.put(l.stream, true)
		}
	}
	chosen := make([]bits, len(narrowed)) // by facet: the cases that have one of the codes chosen of it
	for c, is := range wanted {
		if f := codes[c].facet; is {
			if chosen[f] == nil {
				chosen[f] = make(bits, len(base))
			}
			chosen[f].or(sets(c))
		}
	}
	but := func(facet int) bits { // what all facets select, or all but one
		found := slices.Clone(base)
		for f, set := range chosen {
			if narrowed[f] && f != facet {
				found.and(set)
			}
		}
		return found
	}
	every := but(-1)
	others := make([]bits, len(narrowed))
	for f := range narrowed {
		if others[f] = every; narrowed[f] {
			others[f] = but(f)
		}
	}
	for c := range codes {
		counts[c] = others[codes[c].facet].both(sets(c))
	}
	var selected []*listed
	for no := range every.all {
		selected = append(selected, rows[no])
	}
	return selected
}

// ErrCursor says that Query.After is no cursor of such a query.
var ErrCursor = errors.New("this is not the next page of that list")

// A cursor is the sort key of the last row and its id: what comes after it is
// the next page, whatever was added before it meanwhile.
func encodeCursor(c candidate, order string) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s\x00%s\x00%d\x00%d\x00%s", order, c.id, c.key.a, c.key.b, c.key.text))
}

func decodeCursor(cursor, order string) (*candidate, error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, ErrCursor
	}
	parts := strings.SplitN(string(raw), "\x00", 5)
	if len(parts) != 5 || parts[0] != order {
		return nil, ErrCursor
	}
	a, err1 := strconv.ParseInt(parts[2], 10, 64)
	b, err2 := strconv.ParseInt(parts[3], 10, 64)
	if err1 != nil || err2 != nil {
		return nil, ErrCursor
	}
	return &candidate{&listed{id: parts[1]}, sortKey{a, b, parts[4]}}, nil
}

// Row answers the list row of one case at a clock. Clock.AsOf must be set.
func (ix *Index) Row(ctx context.Context, id string, clock Clock, see See) (Row, error) {
	if see.of(id) == Nothing {
		return Row{}, ErrNotFound
	}
	rows, err := ix.Rows(ctx, []string{id}, clock, see)
	if err == nil && len(rows) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Row{}, failed("reading a case", err)
	}
	return rows[0], nil
}

// Rows answers the list rows of some cases at a clock, in the order in which
// they were first written; what the reader may not see is left out.
func (ix *Index) Rows(ctx context.Context, ids []string, clock Clock, see See) (rows []Row, err error) {
	err = ix.readList(ctx, func(c *conn, list *listing) error {
		all, err := ix.rowsAt(ctx, c, list, moment(clock.KnownBy))
		if err != nil {
			return err
		}
		wanted := map[int64]bool{}
		for _, id := range ids {
			err := c.Run(`SELECT no FROM stream WHERE id = ?`, func(s *sqlite3.Stmt) error {
				wanted[s.ColumnInt64(0)] = true
				return nil
			}, id)
			if err != nil {
				return err
			}
		}
		var some []*listed
		for _, no := range slices.Sorted(maps.Keys(wanted)) {
			if no < int64(len(all)) && all[no] != nil && see.of(all[no].id) != Nothing {
				some = append(some, all[no])
			}
		}
		rows, err = ix.complete(list, some, all, clock.AsOf, see)
		return err
	})
	return rows, failed("reading cases", err)
}

// complete makes rows of a list as their reader may see them, on a day, among all that are true then.
func (ix *Index) complete(list *listing, some, all []*listed, day edtf.Day, see See) ([]Row, error) {
	orgs := *ix.orgs.Load()
	mates := list.mates
	if len(some) > 0 && &all[0] != &list.rows[0] { // of another time
		mates = matesOf(all)
	}
	rows := make([]Row, len(some))
	for i, l := range some {
		r, org := &rows[i], ix.org(l)
		*r = Row{
			ID: l.id, Number: l.text(textNumber), Org: org, OrgName: orgs[org], ExternalID: l.text(textExternal), Name: l.text(textName),
			Child: l.is(isChild), Sex: l.text(textSex), Region: l.text(textRegion), PlaceType: l.text(textPlaceType),
			Reported: l.reported, Updated: time.UnixMilli(l.updated).UTC(),
			Review: l.text(textReview), Verdict: l.text(textVerdict), Changed: l.is(isChanged),
			Cluster: list.ids[l.cluster],
		}
		var together []string // the cases of the cluster that the reader may see: it goes by its first case, which they may not know of
		for _, stream := range mates.at(l.cluster) {
			if mate := all[stream]; mate != nil && see.of(mate.id) != Nothing {
				together = append(together, mate.id)
			}
		}
		r.Others = max(0, len(together)-1)
		if len(together) > 0 && !slices.Contains(together, r.Cluster) {
			r.Cluster = together[0]
		}
		if incident := l.text(textIncident); incident != "" {
			var err error
			if r.Incident, err = edtf.Parse(incident); err != nil {
				return nil, fmt.Errorf("%w: a date", errDamaged)
			}
		}
		stage := l.stageOn(day)
		r.Stage, r.StageSince = ix.codes.all()[stage.code].code, stage.since
		if see.of(l.id) != All {
			r.Name, r.ExternalID, r.FactsOnly = "", "", true
		}
		counted := map[int32]bool{}
		for s := range l.stands {
			if s.due != 0 || counted[s.rule] || !s.on(day) {
				continue
			}
			counted[s.rule] = true
			if ix.rules[s.rule].Use == codebook.Deadline {
				r.Overdue++
			} else {
				r.Breaches++
			}
		}
	}
	return rows, nil
}

// compareTerms sorts terms of ours: the soonest first, then by case and rule.
func compareTerms(a *listed, s stand, b *listed, t stand) int {
	return cmp.Or(cmp.Compare(s.due, t.due), cmp.Compare(a.stream, b.stream), cmp.Compare(s.rule, t.rule))
}

// pageSize is how many rows a page has that was asked for so many.
func pageSize(limit int) int {
	if limit <= 0 {
		return defaultLimit
	}
	return min(limit, maxLimit)
}
