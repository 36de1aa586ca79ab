// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/geo"
	"github.com/kua-registry/kua/internal/registry"
)

// stateRegister is what the pages about the State ask of the registry.
type stateRegister interface {
	State(ctx context.Context, s *access.Session, c registry.Clock) ([]registry.StateKind, error)
	StateList(ctx context.Context, s *access.Session, q registry.StateQuery) ([]registry.StateRow, error)
	StateRecord(ctx context.Context, s *access.Session, kind, id string, c registry.Clock) (registry.StateView, error)
	Shared(ctx context.Context, s *access.Session, ids []string) (map[string]registry.OutsideRecord, error)
	Patterns(ctx context.Context, s *access.Session, c registry.Clock) (registry.Patterns, error)
	Regions(ctx context.Context, s *access.Session, c registry.Clock, old *bool) (registry.Regions, error)
	OwnMap(ctx context.Context, s *access.Session) (geo.Drawing, bool, error)
}

func (s *server) stateRoutes() []route {
	return []route{
		{"GET /state", s.signed(s.state)},
		{"GET /state/{kind}", s.signed(s.stateList)},
		{"GET /state/{kind}/{record}", s.signed(s.stateRecord)},
		{"GET /patterns", s.signed(s.patterns)},
		{"GET /map", s.signed(s.regions)},
	}
}

// statePages are the addresses that stand under one heading in the navigation.
var statePages = []string{"/patterns", "/map", "/outside", "/commitments", "/followed"}

// statePerPage is how many records a list shows at once.
const statePerPage = 100

// tallyText is how many people something concerns, with the list of their cases.
type tallyText struct{ People, Cases, Href, Of string }

// tally writes a number of people, and of cases where that is another number.
func (v *visit) tally(t registry.Tally, at clock, with []registry.Term, of string) tallyText {
	out := tallyText{People: v.Number(t.People), Of: of}
	if t.Cases != t.People {
		out.Cases = v.N("state.in_cases", t.Cases)
	}
	if t.Cases > 0 {
		out.Href = casesWith(at, with)
	}
	return out
}

// casesWith is the address of the list of the cases that have all of some terms.
func casesWith(at clock, terms []registry.Term) string {
	var pairs []string
	for _, term := range terms {
		pairs = append(pairs, "with", term.String())
	}
	return at.link("/cases", pairs...)
}

// tieOf is the term by which the cases of a record are found.
func tieOf(rec registry.OutsideRecord) []registry.Term {
	return []registry.Term{{{Dim: rec.Kind, Any: []string{rec.ID}}}}
}

// stateTitle is what a record outside cases is called: a name in the reader's
// language, else what the reader may know of it.
func (v *voice) stateTitle(rec registry.OutsideRecord) string {
	f := rec.Fields
	title := ""
	switch rec.Kind {
	case "facility", "body":
		title = v.OwnName(f)
	case "official":
		title = strings.Join(strings.Fields(first(f, "family")+" "+first(f, "given")+" "+first(f, "patronymic")), " ")
		title = join([]string{title, first(f, "rank")})
		if title == "" {
			title = join([]string{v.kind(rec.Kind), v.label("perpetrator_body", first(f, "body"))})
		}
	case "incident":
		title = join([]string{v.label("incident_kind", first(f, "kind")), cmp.Or(first(f, "city"), v.label("region", first(f, "region"))), v.Date(rec.Date)})
	case "publication":
		title = join([]string{cmp.Or(first(f, "title"), v.label("publication_kind", first(f, "kind"))), first(f, "outlet"), v.Date(rec.Date)})
	}
	return cmp.Or(title, v.kind(rec.Kind)+" "+short(rec.ID))
}

// stateLine is what stands below the title of a record.
func (v *voice) stateLine(rec registry.OutsideRecord) string {
	f := rec.Fields
	region := v.label("region", first(f, "region"))
	switch rec.Kind {
	case "facility":
		return join([]string{v.label("place_type", first(f, "kind")), region})
	case "body":
		return join([]string{v.label("body_kind", first(f, "kind")), region})
	case "official":
		if first(f, "family")+first(f, "given") == "" {
			return ""
		}
		return join([]string{v.label("perpetrator_body", first(f, "body")), first(f, "post")})
	case "incident":
		return join([]string{v.label("place_type", first(f, "place_type")), v.label("context", first(f, "context"))})
	}
	return v.label("outlet_kind", first(f, "outlet_kind"))
}

// tie is what a tie says, with the page of its record if it is one.
func (v *visit) tie(t registry.Tie, at clock, named map[string]registry.OutsideRecord) valueText {
	if rec, ok := named[t.Value]; ok {
		return valueText{v.stateTitle(rec), at.link(outsidePath(rec.Kind, rec.ID))}
	}
	switch t.Dim {
	case "force":
		return valueText{Text: v.label("perpetrator_body", t.Value)}
	case "authority":
		return valueText{Text: v.label("body", t.Value)}
	case "place":
		place, region, _ := strings.Cut(t.Value, "@")
		return valueText{Text: join([]string{v.label("place_type", place), v.label("region", region)})}
	case "day":
		if day, err := edtf.ParseDay(t.Value); err == nil {
			return valueText{Text: v.Day(day)}
		}
	case "before":
		if day, err := edtf.ParseDay(t.Value); err == nil {
			return valueText{Text: v.T("state.before", day)}
		}
	case "region":
		return valueText{Text: v.regionName(t.Value)}
	case "method", "instrument":
		return valueText{Text: v.label(t.Dim, t.Value)}
	}
	return valueText{Text: short(t.Value)}
}

// regionName is the region of a row of the map.
func (v *voice) regionName(code string) string {
	if code == registry.NoRegion {
		return v.T("map.none")
	}
	return v.label("region", code)
}

// tieName is the heading of a dimension.
func (v *voice) tieName(dim string) string { return v.T("tie." + dim) }

// termText is what the cases of a list have, as a chip says it.
func (v *visit) termText(term registry.Term, named map[string]registry.OutsideRecord) string {
	var parts []string
	for _, p := range term {
		var any []string
		for _, value := range p.Any {
			any = append(any, v.tie(registry.Tie{Dim: p.Dim, Value: value}, clock{}, named).Text)
		}
		text := strings.Join(any, " / ")
		if p.Dim != "before" {
			text = v.tieName(p.Dim) + ": " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " + ")
}

// termsOf reads the terms of an address; what is none is as a page that is not there.
func termsOf(texts []string) ([]registry.Term, error) {
	const most = 6
	if len(texts) > most {
		return nil, errBadRequest
	}
	var out []registry.Term
	for _, text := range texts {
		term, ok := registry.ParseTerm(text)
		if !ok {
			return nil, registry.ErrNotFound
		}
		out = append(out, term)
	}
	return out, nil
}

// termNames are the records that terms name.
func (s *server) termNames(v *visit, terms []registry.Term) (map[string]registry.OutsideRecord, error) {
	var ids []string
	for _, term := range terms {
		for _, p := range term {
			if slices.Contains(registry.SharedKinds(), p.Dim) || p.Dim == "alleged" {
				ids = append(ids, p.Any...)
			}
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return s.reg.Shared(v.r.Context(), v.session, ids)
}

type stateBody struct {
	Text                  string
	Clock                 clockForm
	Kinds                 []stateKind
	Found                 string // how many were found by a search; empty: there was none
	Rows                  []stateRow
	PatternsHref, MapHref string
	OutsideHref           string
	CommitmentsHref       string
	May                   bool
}

type stateKind struct{ Name, Help, Records, Href, New, NewName string }

type stateRow struct {
	Title, Kind, Line, Href string
	Tally                   tallyText
}

// state is the first page: what is known of the State, by kind, and a search through all of it.
func (s *server) state(v *visit) error {
	at, err := v.clock()
	if err != nil {
		return err
	}
	text := strings.TrimSpace(v.r.URL.Query().Get("q"))
	if len(text) > 4*textLimit {
		return errBadRequest
	}
	kinds, err := s.reg.State(v.r.Context(), v.session, at.Clock)
	if err != nil {
		return err
	}
	body := stateBody{Text: text, Clock: v.clockForm(at), PatternsHref: at.link("/patterns"), MapHref: at.link("/map"),
		OutsideHref: at.link("/outside"), CommitmentsHref: at.link("/commitments"), May: s.mayWriteShared(v)}
	for _, k := range kinds {
		kind := stateKind{Records: v.Number(k.Records), Href: at.link("/state/" + k.Kind), New: "/state/" + k.Kind + "/new", NewName: v.kind(k.Kind)}
		if def, ok := v.book.Kind(k.Kind); ok {
			kind.Name = v.in(def.Plural)
		}
		kind.Help = v.T("state.help." + k.Kind)
		body.Kinds = append(body.Kinds, kind)
	}
	if text != "" {
		found, err := s.reg.StateList(v.r.Context(), v.session, registry.StateQuery{Text: text, Clock: at.Clock})
		if err != nil {
			return err
		}
		body.Found = v.N("state.found", len(found))
		body.Rows = v.stateRows(found, at, "", 1)
		body.Clock.Hidden = []pair{{"q", text}}
	}
	return s.show(v, "state", v.T("state.title"), body)
}

// stateRows are records in the order of the reader's alphabet, or of how many
// people they concern, one page of them.
func (v *visit) stateRows(found []registry.StateRow, at clock, sort string, page int) []stateRow {
	type row struct {
		registry.StateRow
		title string
	}
	rows := make([]row, len(found))
	for i, r := range found {
		rows[i] = row{r, v.stateTitle(r.Record)}
	}
	collator := v.Collator()
	slices.SortStableFunc(rows, func(a, b row) int {
		if sort == "people" {
			if n := cmp.Compare(b.Tally.People, a.Tally.People); n != 0 {
				return n
			}
		}
		return cmp.Or(collator.CompareString(a.title, b.title), cmp.Compare(a.Record.ID, b.Record.ID))
	})
	from := min(len(rows), (page-1)*statePerPage)
	var out []stateRow
	for _, r := range rows[from:min(len(rows), from+statePerPage)] {
		out = append(out, stateRow{
			Title: r.title, Kind: v.kind(r.Record.Kind), Line: v.stateLine(r.Record), Href: at.link(outsidePath(r.Record.Kind, r.Record.ID)),
			Tally: v.tally(r.Tally, at, tieOf(r.Record), r.title),
		})
	}
	return out
}

type stateListBody struct {
	Name, Help, Found, Text, Action, Clock string
	Hidden                                 []pair
	Sorts, Regions                         []option
	Rows                                   []stateRow
	New, NewName                           string
	Prev, Next, Back, Clear                string
	Filtered                               bool
}

// stateList is the list of one kind.
func (s *server) stateList(v *visit) error {
	at, err := v.clock()
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	kind, text, region := v.r.PathValue("kind"), strings.TrimSpace(q.Get("q")), q.Get("region")
	if len(text) > 4*textLimit {
		return errBadRequest
	}
	found, err := s.reg.StateList(v.r.Context(), v.session, registry.StateQuery{Kind: kind, Text: text, Clock: at.Clock})
	if err != nil {
		return err
	}
	def, ok := v.book.Kind(kind)
	if !ok {
		return registry.ErrNotFound
	}
	body := stateListBody{
		Name: v.in(def.Plural), Help: v.T("state.help." + kind), Text: text, Action: "/state/" + kind, Clock: v.clockWords(at), Back: at.link("/state"),
		Clear: at.link("/state/" + kind), Filtered: text != "" || region != "",
		Sorts: []option{{"", v.T("state.sort.name"), q.Get("sort") != "people"}, {"people", v.T("state.sort.people"), q.Get("sort") == "people"}},
	}
	for _, name := range []string{"as_of", "known_by"} {
		if value := q.Get(name); value != "" {
			body.Hidden = append(body.Hidden, pair{name, value})
		}
	}
	if _, ok := def.Field("region"); ok {
		body.Regions = v.regionOptions(found, region)
		if region != "" {
			found = slices.DeleteFunc(found, func(r registry.StateRow) bool { return first(r.Record.Fields, "region") != region })
		}
	}
	body.Found = v.N("state.found", len(found))
	page, err := strconv.Atoi(cmp.Or(q.Get("page"), "1"))
	if err != nil || page < 1 || page > 1+len(found)/statePerPage {
		return registry.ErrNotFound
	}
	body.Rows = v.stateRows(found, at, q.Get("sort"), page)
	if page > 1 {
		body.Prev = address("/state/"+kind, with(q, "page", strconv.Itoa(page-1)))
	}
	if page*statePerPage < len(found) {
		body.Next = address("/state/"+kind, with(q, "page", strconv.Itoa(page+1)))
	}
	if s.mayWriteShared(v) {
		body.New, body.NewName = "/state/"+kind+"/new", v.in(def.Label)
	}
	return s.show(v, "state-list", body.Name, body)
}

// regionOptions are the regions that records of a list have.
func (v *visit) regionOptions(rows []registry.StateRow, chosen string) []option {
	seen := map[string]bool{}
	var out []option
	for _, r := range rows {
		if code := first(r.Record.Fields, "region"); code != "" && !seen[code] {
			seen[code] = true
			out = append(out, option{code, v.label("region", code), code == chosen})
		}
	}
	if chosen != "" && !seen[chosen] {
		out = append(out, option{chosen, v.label("region", chosen), true})
	}
	collator := v.Collator()
	slices.SortFunc(out, func(a, b option) int { return collator.CompareString(a.Text, b.Text) })
	return append([]option{{"", v.T("state.region.all"), chosen == ""}}, out...)
}

type stateRecordBody struct {
	Kind, Title, Line, Back, Edit, Withdraw string
	Gone, FactsOnly                         bool
	Clock                                   clockForm
	Values                                  []fieldView
	Entered, Changed                        string
	History                                 []changeView
	Tally                                   tallyText
	Alleged                                 tallyText
	IsOfficial                              bool
	Counted                                 string
	Rows                                    []stateCase
	All                                     string // the list of all its cases, where not all are shown
	AllText                                 string
	Recurs                                  []recurrence
	Possible                                []possibleText
	Parts                                   []statePart
	Said                                    []saidLink // of a publication: what it is the source of
	Captures                                *capturesCard
}

type stateCase struct {
	Href, Number, Org, Name, Incident, Region, Stage, Since string
	FactsOnly                                               bool
}

// recurrence is one heading of what recurs, with its numbers.
type recurrence struct {
	Name       string
	Shown, Off []recurs
	OffLabel   string
}

type recurs struct {
	Text  valueText
	Tally tallyText
}

type possibleText struct {
	Text  string
	Tally tallyText
}

type statePart struct {
	Name string
	Rows []stateRow
}

// recursShown is how many things of one kind are shown before the rest is folded away.
const recursShown = 6

// stateRecord is the page of one record: what it is, its cases, what they have in common.
func (s *server) stateRecord(v *visit) error { return s.showStateRecord(v, v.r.PathValue("kind"), "") }

func (s *server) showStateRecord(v *visit, kind, problem string) error {
	at, err := v.clock()
	if err != nil {
		return err
	}
	id := v.r.PathValue("record")
	view, err := s.reg.StateRecord(v.r.Context(), v.session, kind, id, at.Clock)
	if err != nil {
		return err
	}
	def, ok := v.book.Kind(kind)
	if !ok {
		return registry.ErrNotFound
	}
	rec := registry.OutsideRecord{ID: view.Record.ID, Kind: kind, Fields: view.Record.Fields, Date: view.Record.Date, At: view.Record.At}
	title := v.stateTitle(rec)
	c := newCaseReader(v, registry.CaseView{Outside: view.Named})
	shown := c.record(def, view.Record)
	body := stateRecordBody{
		Kind: v.in(def.Label), Title: title, Line: v.stateLine(rec), Back: at.link("/state/" + kind), Gone: view.Record.Withdrawn,
		FactsOnly: shown.Closed, Clock: v.clockForm(at), Values: shown.Values, Entered: v.T("record.entered", v.moment(view.Record.At)),
		Changed: shown.Changed, IsOfficial: kind == "official",
		Tally:   v.tally(view.Tally, at, view.With, title),
		Alleged: v.tally(view.Alleged, at, []registry.Term{{{Dim: "alleged", Any: []string{id}}}}, v.tieName("alleged")),
		Counted: v.clockWords(at),
	}
	if len(view.Record.History) > 1 {
		body.History = c.history(def, view.Record.History)
	}
	if kind == "publication" {
		body.Captures = v.capturesCard(view, problem)
	}
	for _, rec := range view.Said {
		body.Said = append(body.Said, saidLink{v.saidName(rec), at.link(outsidePath(rec.Kind, rec.ID)), v.kind(rec.Kind)})
	}
	if view.May {
		body.Edit, body.Withdraw = outsidePath(rec.Kind, rec.ID)+"/edit", outsidePath(rec.Kind, rec.ID)+"/withdraw"
	}
	for _, r := range view.Rows {
		body.Rows = append(body.Rows, v.stateCase(r, at))
	}
	if view.Tally.Cases > len(view.Rows) {
		body.All, body.AllText = casesWith(at, view.With), v.N("state.all", view.Tally.Cases)
	}
	for _, one := range view.Recurs {
		n := len(body.Recurs)
		if name := v.tieName(one.Tie.Dim); n == 0 || body.Recurs[n-1].Name != name {
			body.Recurs = append(body.Recurs, recurrence{Name: name})
			n++
		}
		of := &body.Recurs[n-1]
		text := v.tie(one.Tie, at, view.Named)
		line := recurs{text, v.tally(one.Tally, at, one.With, text.Text)}
		if len(of.Shown) < recursShown {
			of.Shown = append(of.Shown, line)
			continue
		}
		of.Off = append(of.Off, line)
		of.OffLabel = v.N("cases.more", len(of.Off))
	}
	for _, p := range view.Possible {
		var texts []string
		for _, term := range p.With {
			texts = append(texts, v.termText(term, view.Named))
		}
		text := join(texts)
		body.Possible = append(body.Possible, possibleText{text, v.tally(p.Tally, at, p.With, text)})
	}
	for i, part := range view.Parts {
		if i == 0 || view.Parts[i-1].Record.Kind != part.Record.Kind {
			next := slices.IndexFunc(view.Parts[i:], func(r registry.StateRow) bool { return r.Record.Kind != part.Record.Kind })
			of := view.Parts[i:]
			if next > 0 {
				of = of[:next]
			}
			name := part.Record.Kind
			if k, ok := v.book.Kind(name); ok {
				name = v.in(k.Plural)
			}
			body.Parts = append(body.Parts, statePart{name, v.stateRows(of, at, "people", 1)})
		}
	}
	// The title stands in the browser's history: the kind, never a name.
	return s.show(v, "state-record", body.Kind, body)
}

func (v *visit) stateCase(r registry.Row, at clock) stateCase {
	out := stateCase{
		Href: at.link(casePath(r)), Number: r.Number, Org: r.OrgName, Name: r.Name, FactsOnly: r.FactsOnly,
		Incident: v.DateShort(r.Incident), Region: v.label("region", r.Region), Stage: v.label("stage", r.Stage),
	}
	if v.day(r.StageSince) != "" {
		out.Since = v.T("cases.since", v.DayShort(r.StageSince))
	}
	return out
}

type patternsBody struct {
	Clock   clockForm
	Counted string
	Lists   []patternList
	Empty   bool
}

type patternList struct {
	ID, Title, Lead, A, B string
	Rows                  []patternRow
	More                  string
}

type patternRow struct {
	A, B  valueText
	Tally tallyText
}

// patterns is the page of what recurs over all cases that the reader may see.
func (s *server) patterns(v *visit) error {
	at, err := v.clock()
	if err != nil {
		return err
	}
	found, err := s.reg.Patterns(v.r.Context(), v.session, at.Clock)
	if err != nil {
		return err
	}
	body := patternsBody{Clock: v.clockForm(at), Empty: true}
	body.Counted = v.T("patterns.counted", v.N("state.people", found.All.People), v.N("state.cases", found.All.Cases))
	for _, l := range found.Lists {
		list := patternList{ID: l.ID, Title: v.T("patterns." + l.ID), Lead: v.T("patterns." + l.ID + ".lead")}
		for _, p := range l.Rows {
			row := patternRow{A: v.tie(p.Ties[0], at, found.Named), B: v.tie(p.Ties[1], at, found.Named)}
			row.Tally = v.tally(p.Tally, at, p.With, join([]string{row.A.Text, row.B.Text}))
			list.A, list.B = v.tieName(p.Ties[0].Dim), v.tieName(p.Ties[1].Dim)
			list.Rows = append(list.Rows, row)
		}
		if l.More > 0 {
			list.More = v.N("patterns.more", l.More)
		}
		body.Empty = body.Empty && len(list.Rows) == 0
		body.Lists = append(body.Lists, list)
	}
	return s.show(v, "patterns", v.T("patterns.title"), body)
}
