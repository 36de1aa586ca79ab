// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/names"
)

// What the index answers about what cases have in common is passed on as it is.
type (
	Tie   = index.Tie
	Term  = index.Term
	Tally = index.Tally
)

// SharedKinds are the kinds outside cases that all who work with cases write and
// read: what the State is and where things happened, and nothing a person told
// in confidence; in the order in which they are shown.
func SharedKinds() []string {
	return []string{"facility", "body", "official", "incident", "publication"}
}

// StateKind is how many records of a kind there are.
type StateKind struct {
	Kind    string
	Records int
}

// StateRow is a record with the cases that the reader may see of it.
type StateRow struct {
	Record OutsideRecord
	Tally  Tally
}

// Recurrence is something that several of the cases in question have, with
// what leads to the list of them.
type Recurrence struct {
	Tie   Tie
	Tally Tally
	With  []Term
}

// Possible are cases that name only a kind of place or body and not the record
// itself. They are told apart and never added to its cases.
type Possible struct {
	With  []Term
	Tally Tally
}

// StateView is one record with all of its cases that the reader may see.
type StateView struct {
	Clock    Clock
	Record   *casefile.Record // with its history, as the reader may read it
	May      bool             // they may change it
	Parts    []StateRow       // other records that belong to it
	Tally    Tally
	Alleged  Tally // of an official: as an alleged perpetrator
	With     []Term
	Rows     []Row // the latest of the cases
	Recurs   []Recurrence
	Possible []Possible
	Captures []CaptureView            // of a publication: the stored copies
	Said     []OutsideRecord          // of a publication: the figures, commitments and answers it is the source of
	Named    map[string]OutsideRecord // what it and its ties refer to
}

// stateRows is how many cases the page of a record shows.
const stateRows = 25

// What the cases of a record are asked to have in common.
var recurring = []string{index.TieMethod, index.TieInstrument, index.TieOfficial, index.TieFacility, index.TieIncident, index.TieBody, index.TieForce, index.TieDay}

// meet opens the question of what the cases that a member may see have in common.
func (r *Registry) meet(ctx context.Context, s *access.Session, clock Clock) (*index.Meetings, error) {
	if !access.Decide(s.Member, access.ReadShared, access.Thing{Part: access.Fact}) || !access.Decide(s.Member, access.Count, access.Thing{}) {
		return nil, ErrNotAllowed
	}
	return r.index.Meet(ctx, clock, r.see(s.Member))
}

// State says how many records there are of what the coalition knows of the State.
func (r *Registry) State(ctx context.Context, s *access.Session, clock Clock) (_ []StateKind, err error) {
	defer r.refusal(ctx, s, "outside", "", &err)
	m, err := r.meet(ctx, s, r.clock(clock))
	if err != nil {
		return nil, err
	}
	var out []StateKind
	for _, kind := range SharedKinds() {
		out = append(out, StateKind{kind, len(m.Outside(kind))})
	}
	return out, nil
}

// StateQuery selects records of what the coalition knows of the State.
type StateQuery struct {
	Kind  string // empty: all kinds
	Text  string // names in any script, words
	Clock Clock
}

// StateList are the live records of a kind with the cases that the member may
// see of each, in no order.
func (r *Registry) StateList(ctx context.Context, s *access.Session, q StateQuery) (_ []StateRow, err error) {
	defer r.refusal(ctx, s, "outside", "", &err)
	kinds := SharedKinds()
	if q.Kind != "" {
		kinds = []string{q.Kind}
	}
	if !shared(kinds[0]) {
		return nil, ErrNotFound
	}
	m, err := r.meet(ctx, s, r.clock(q.Clock))
	if err != nil {
		return nil, err
	}
	counted := m.Among(kinds)
	words := strings.Fields(q.Text)
	rows := []StateRow{}
	for _, kind := range kinds {
		for _, rec := range m.Outside(kind) {
			if view := r.sharedView(s, rec); has(view.Fields, words) {
				rows = append(rows, StateRow{view, counted[Tie{Dim: kind, Value: rec.ID}]})
			}
		}
	}
	return rows, nil
}

// has tells whether all words stand in some fields: as parts of words, or as
// names in whatever script.
func has(fields casefile.Fields, words []string) bool {
	if len(words) == 0 {
		return true
	}
	var texts []string
	keys := map[string]bool{}
	for _, values := range fields {
		for _, value := range values {
			texts = append(texts, strings.ToLower(value))
			for _, key := range names.SearchKeys(value) {
				keys[key] = true
			}
		}
	}
	for _, word := range words {
		lower := strings.ToLower(word)
		if !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, lower) }) &&
			!slices.ContainsFunc(names.SearchKeys(word), func(key string) bool { return keys[key] }) {
			return false
		}
	}
	return true
}

// ParseTerm reads what the cases of a list must have, as an address has it;
// false: it is nothing that can be asked for.
func ParseTerm(text string) (Term, bool) { return index.ParseTerm(text) }

// StateRecord is one record of what the coalition knows of the State, with the
// cases that the member may see of it and what they have in common.
func (r *Registry) StateRecord(ctx context.Context, s *access.Session, kind, id string, clock Clock) (_ StateView, err error) {
	defer r.refusal(ctx, s, "outside", "", &err)
	clock = r.clock(clock)
	m, err := r.meet(ctx, s, clock)
	if err != nil {
		return StateView{}, err
	}
	rec, err := r.knownRecord(ctx, s, id, clock)
	if err != nil {
		return StateView{}, err
	}
	if rec.Kind != kind {
		return StateView{}, ErrNotFound
	}
	self := Tie{Dim: kind, Value: id}
	view := StateView{
		Clock: clock, Record: rec, May: access.Decide(s.Member, access.WriteShared, access.Thing{}),
		With: []Term{index.With(self)}, Named: map[string]OutsideRecord{},
	}
	if view.Rows, view.Tally, err = r.index.Met(ctx, clock, r.see(s.Member), stateRows, view.With...); err != nil {
		return StateView{}, err
	}
	if kind == index.TieOfficial {
		view.Alleged = m.Tally(index.With(Tie{Dim: index.TieAlleged, Value: id}))
	}
	for tie, tally := range m.Among(recurring, view.With...) {
		if tally.People > 1 && tie != self {
			view.Recurs = append(view.Recurs, Recurrence{tie, tally, []Term{view.With[0], index.With(tie)}})
		}
	}
	slices.SortFunc(view.Recurs, func(a, b Recurrence) int {
		return cmp.Or(cmp.Compare(slices.Index(recurring, a.Tie.Dim), slices.Index(recurring, b.Tie.Dim)),
			cmp.Compare(b.Tally.People, a.Tally.People), cmp.Compare(a.Tie.Value, b.Tie.Value))
	})
	view.Possible = r.possible(m, rec)
	view.Parts = r.parts(s, m, rec)
	if kind == publicationKind {
		if view.Said, err = r.saidIn(ctx, id, clock); err != nil {
			return StateView{}, err
		}
		if view.Captures, err = r.Captures(ctx, s, id, clock); err != nil {
			return StateView{}, err
		}
	}
	r.named(s, m, rec, view.Named)
	for _, one := range view.Recurs {
		if other, ok := m.Record(one.Tie.Value); ok {
			view.Named[other.ID] = r.sharedView(s, other)
		}
	}
	if err := r.readsIdentity(ctx, s, actList, "outside", r.whole(s, view.Rows...)...); err != nil {
		return StateView{}, err
	}
	return view, nil
}

// named adds the records that a record refers to.
func (r *Registry) named(s *access.Session, m *index.Meetings, rec *casefile.Record, into map[string]OutsideRecord) {
	k, ok := r.book.Kind(rec.Kind)
	if !ok {
		return
	}
	for _, f := range k.Fields {
		if f.Type != codebook.Ref || !shared(f.RefKind) {
			continue
		}
		for _, change := range rec.History {
			for _, id := range change.Fields[f.ID] {
				if other, ok := m.Record(id); ok {
					into[id] = r.sharedView(s, other)
				}
			}
		}
	}
}

// possible are the cases that name only the kind of a record, in its region
// where it has one.
func (r *Registry) possible(m *index.Meetings, rec *casefile.Record) []Possible {
	region := rec.Get("region")
	if codebook.Missing(region) {
		region = ""
	}
	var asked [][]Term
	within := func(ties ...Tie) []Term {
		var terms []Term
		for _, t := range ties {
			terms = append(terms, index.With(t))
		}
		if region != "" {
			terms = append(terms, index.With(Tie{Dim: index.TieRegion, Value: region}))
		}
		return terms
	}
	switch rec.Kind {
	case "facility":
		if kind := rec.Get("kind"); kind != "" && region != "" && !codebook.Missing(kind) {
			asked = append(asked, []Term{index.With(Tie{Dim: index.TiePlace, Value: kind + "@" + region})})
		}
	case "body":
		if code := rec.Get("code"); code != "" && !codebook.Missing(code) {
			asked = append(asked, within(Tie{Dim: index.TieForce, Value: code}), within(Tie{Dim: index.TieAuthority, Value: code}))
		}
	}
	var out []Possible
	for _, terms := range asked {
		if tally := m.Tally(terms...); tally.Cases > 0 {
			out = append(out, Possible{terms, tally})
		}
	}
	return out
}

// parts are the live records that refer to a record: the facilities and
// officials of a body, the incidents of a facility.
func (r *Registry) parts(s *access.Session, m *index.Meetings, rec *casefile.Record) []StateRow {
	var out []StateRow
	for _, kind := range SharedKinds() {
		k, ok := r.book.Kind(kind)
		if !ok {
			continue
		}
		var counted map[Tie]Tally
		for _, other := range m.Outside(kind) {
			if !slices.ContainsFunc(k.Fields, func(f codebook.Field) bool {
				return f.Type == codebook.Ref && f.RefKind == rec.Kind && other.Has(f.ID, rec.ID)
			}) {
				continue
			}
			if counted == nil {
				counted = m.Among([]string{kind})
			}
			out = append(out, StateRow{r.sharedView(s, other), counted[Tie{Dim: kind, Value: other.ID}]})
		}
	}
	return out
}

// Shared are those of some records that are known of the State, by id: what the
// ties of a list are called.
func (r *Registry) Shared(ctx context.Context, s *access.Session, ids []string) (_ map[string]OutsideRecord, err error) {
	defer r.refusal(ctx, s, "outside", "", &err)
	if !access.Decide(s.Member, access.ReadShared, access.Thing{Part: access.Fact}) {
		return nil, ErrNotAllowed
	}
	return r.sharedViews(ctx, s, ids, Clock{})
}

// Pattern is a pair that at least two people have in common.
type Pattern struct {
	Ties  [2]Tie
	Tally Tally
	With  []Term
}

// PatternList is one question with the pairs that most people have in common.
type PatternList struct {
	ID   string
	Rows []Pattern
	More int // pairs that are not shown
}

// Patterns are what recurs over all cases that the member may see.
type Patterns struct {
	Clock Clock
	All   Tally // what was looked at
	Lists []PatternList
	Named map[string]OutsideRecord
}

// patternsShown is how many pairs of each question are shown.
const patternsShown = 25

// patternQuestions are the pairs that are asked for. Where no facility is
// named, a kind of place in a region stands for it, in lists of its own.
var patternQuestions = []struct {
	id  string
	ask index.PairOf
}{
	{"facility_method", index.PairOf{A: index.TieFacility, B: index.TieMethod}},
	{"facility_day", index.PairOf{A: index.TieFacility, B: index.TieDay}},
	{"officer_officer", index.PairOf{A: index.TieAlleged, B: index.TieAlleged, Whole: true}},
	{"officer_facility", index.PairOf{A: index.TieAlleged, B: index.TieFacility, Whole: true}},
	{"place_day", index.PairOf{A: index.TiePlace, B: index.TieDay}},
	{"place_method", index.PairOf{A: index.TiePlace, B: index.TieMethod}},
}

// Patterns counts what recurs: the same place and method, the same officers,
// the same place on the same day.
func (r *Registry) Patterns(ctx context.Context, s *access.Session, clock Clock) (_ Patterns, err error) {
	defer r.refusal(ctx, s, "outside", "", &err)
	clock = r.clock(clock)
	m, err := r.meet(ctx, s, clock)
	if err != nil {
		return Patterns{}, err
	}
	out := Patterns{Clock: clock, All: m.Tally(), Named: map[string]OutsideRecord{}}
	asked := make([]index.PairOf, len(patternQuestions))
	for i, q := range patternQuestions {
		asked[i] = q.ask
	}
	for i, found := range m.Pairs(asked...) {
		list := PatternList{ID: patternQuestions[i].id}
		for pair, tally := range found {
			p := Pattern{Ties: pair, Tally: tally}
			if asked[i].Whole {
				p.With = []Term{index.With(pair[0]), index.With(pair[1])}
			} else {
				p.With = []Term{index.With(pair[:]...)}
			}
			list.Rows = append(list.Rows, p)
		}
		slices.SortFunc(list.Rows, func(a, b Pattern) int {
			return cmp.Or(cmp.Compare(b.Tally.People, a.Tally.People), cmp.Compare(b.Tally.Cases, a.Tally.Cases),
				cmp.Compare(a.Ties[0].Value, b.Ties[0].Value), cmp.Compare(a.Ties[1].Value, b.Ties[1].Value))
		})
		if over := len(list.Rows) - patternsShown; over > 0 {
			list.Rows, list.More = list.Rows[:patternsShown], over
		}
		for _, p := range list.Rows {
			for _, t := range p.Ties {
				if rec, ok := m.Record(t.Value); ok {
					out.Named[rec.ID] = r.sharedView(s, rec)
				}
			}
		}
		out.Lists = append(out.Lists, list)
	}
	return out, nil
}

// RegionRow is one region with what happened in it.
type RegionRow struct {
	Code  string // of list region, or index.NoRegion
	Tally Tally
	With  []Term
	// Undivided are those of the tally who suffered before the region was
	// divided, when its name also meant what are the regions of Now: in which of
	// them is not recorded.
	Undivided     Tally
	UndividedWith []Term
	Now           []string
}

// Regions are the cases that the member may see by the region of what happened.
type Regions struct {
	Clock  Clock
	Old    bool              // by the regions before the reform: new ones are counted in those they were made of
	Reform edtf.Day          // the day from which the new regions are there; 0: there was none
	MadeOf map[string]string // new regions and those they were made of, by code
	All    Tally             // of all rows: a person with cases in two regions is in two rows and counted here once
	Rows   []RegionRow
}

// NoRegion is the region of a case in which none is recorded.
const NoRegion = index.NoRegion

// Regions counts people by the region of what happened. old asks for the
// regions as they were before they were divided; nil: as they were on the day
// of the clock.
func (r *Registry) Regions(ctx context.Context, s *access.Session, clock Clock, old *bool) (_ Regions, err error) {
	defer r.refusal(ctx, s, "outside", "", &err)
	clock = r.clock(clock)
	m, err := r.meet(ctx, s, clock)
	if err != nil {
		return Regions{}, err
	}
	madeOf, into := map[string]string{}, map[string][]string{}
	out := Regions{Clock: clock, MadeOf: madeOf}
	for _, p := range r.book.Packs() {
		day, err := edtf.ParseDay(p.Territory.Reform)
		if err != nil {
			continue
		}
		out.Reform = day
		for _, split := range p.Territory.Splits {
			madeOf[split.New] = split.From
			into[split.From] = append(into[split.From], split.New)
		}
	}
	out.Old = out.Reform != 0 && clock.AsOf < out.Reform
	if old != nil {
		out.Old = *old && out.Reform != 0
	}
	counted := m.Among([]string{index.TieRegion})
	codes := map[string][]string{} // shown as → counted there
	for tie := range counted {
		code := tie.Value
		if out.Old {
			code = cmp.Or(madeOf[code], code)
		}
		codes[code] = append(codes[code], tie.Value)
	}
	var all []string
	for code, of := range codes {
		slices.Sort(of)
		all = append(all, of...)
		term := Term{{Dim: index.TieRegion, Any: of}}
		row := RegionRow{Code: code, With: []Term{term}}
		row.Tally = m.Tally(term)
		if now := into[code]; len(now) > 0 && !out.Old {
			before := Term{{Dim: index.TieRegion, Any: of}, {Dim: "before", Any: []string{out.Reform.String()}}}
			if row.Undivided = m.Tally(before); row.Undivided.Cases > 0 {
				row.UndividedWith, row.Now = []Term{before}, now
			}
		}
		out.Rows = append(out.Rows, row)
	}
	slices.SortFunc(out.Rows, func(a, b RegionRow) int { return cmp.Compare(a.Code, b.Code) })
	if len(all) > 0 {
		out.All = m.Tally(Term{{Dim: index.TieRegion, Any: all}})
	}
	return out, nil
}
