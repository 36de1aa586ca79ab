// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"slices"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

type commitmentsBody struct {
	Clock    clockForm
	Sieve    []filterLink
	Found    string
	Rows     []commitmentRow
	Timeline []commitmentEvent
	New      string
	Filtered bool
}

type commitmentRow struct {
	Href, What, Line, Due string
	Kind                  string
	Tags                  []tag
	Followed              string // how often something followed
	Last                  string // what followed last
}

// commitmentEvent is one line of the timeline.
type commitmentEvent struct {
	Date, Href, Kind, What, Who string
	Vague, Later                bool // Later: it followed on another
}

// What of the commitments a list shows.
const (
	showOverdue = "overdue" // due, and nothing answers it
	showSilent  = "silent"  // nothing answers it
	showAnswer  = "answered"
	showSettled = "settled"
)

var commitmentShows = []string{showOverdue, showSilent, showAnswer, showSettled}

// shows tells whether a commitment belongs to a part of the list.
func shows(st registry.Standing, show string) bool {
	switch show {
	case "":
		return true
	case showOverdue:
		return st.Overdue
	case showSilent:
		return st.Silent
	case showAnswer:
		return !st.Answered.IsZero()
	case showSettled:
		return slices.Contains([]string{"kept", "partly", "not_kept", "withdrawn"}, st.Status)
	}
	return false
}

// commitments are who promised or was asked what, and what followed.
func (s *server) commitments(v *visit) error {
	at, err := v.clock()
	if err != nil {
		return err
	}
	show := v.r.URL.Query().Get("show")
	if show != "" && !slices.Contains(commitmentShows, show) {
		return registry.ErrNotFound
	}
	found, err := s.reg.Commitments(v.r.Context(), v.session, at.Clock)
	if err != nil {
		return err
	}
	body := commitmentsBody{Clock: v.clockForm(at, "show"), Filtered: show != ""}
	if s.mayWriteOutside(v, "commitment") {
		body.New = "/commitments/new"
	}
	for _, one := range append([]string{""}, commitmentShows...) {
		n := 0
		for _, c := range found.List {
			if shows(c.Standing, one) {
				n++
			}
		}
		body.Sieve = append(body.Sieve, filterLink{at.link("/commitments", "show", one), v.T("commit.show."+cmp.Or(one, "all"), v.Number(n)), one == show})
	}
	var list []registry.Commitment
	for _, c := range found.List {
		if shows(c.Standing, show) {
			list = append(list, c)
		}
	}
	body.Found = v.N("commit.found", len(list))
	body.Timeline = v.commitmentEvents(list, at)
	// What is longest overdue stands first, then what nobody answered, then the rest by its day.
	slices.SortStableFunc(list, func(a, b registry.Commitment) int {
		return cmp.Or(cmp.Compare(rank(a.Standing), rank(b.Standing)), cmp.Compare(b.Standing.Days, a.Standing.Days))
	})
	for _, c := range list {
		body.Rows = append(body.Rows, v.commitmentRow(c, at))
	}
	return s.show(v, "commitments", v.T("commit.title"), body)
}

func rank(st registry.Standing) int {
	switch {
	case st.Overdue:
		return 0
	case st.Silent:
		return 1
	}
	return 2
}

func (v *visit) commitmentRow(c registry.Commitment, at clock) commitmentRow {
	row := commitmentRow{
		Href: at.link(outsidePath(c.Record.Kind, c.Record.ID)), What: v.saidName(c.Record), Line: v.commitmentLine(c.Record),
		Kind: v.label("commitment_kind", first(c.Record.Fields, "kind")), Tags: v.standingTags(c.Standing, at.AsOf),
	}
	if c.Standing.Due != 0 {
		row.Due = v.T("commit.due", c.Standing.Due)
	}
	if n := len(c.Followed); n > 0 {
		last := c.Followed[n-1]
		row.Followed = v.N("commit.followed", n)
		row.Last = join([]string{v.label("follow_up_kind", first(last.Fields, "kind")), v.Date(last.Date), v.saidName(last)})
	}
	return row
}

// commitmentLine is who, to whom and when.
func (v *voice) commitmentLine(rec registry.OutsideRecord) string {
	who := v.who(rec, "by")
	if to := v.who(rec, "to"); to != "" {
		who += " → " + to
	}
	return join([]string{v.Date(rec.Date), who})
}

// standingTags say where a commitment stands. Silence is said as such.
func (v *voice) standingTags(st registry.Standing, day edtf.Day) []tag {
	var out []tag
	switch {
	case st.Overdue:
		out = append(out, tag{v.N("commit.overdue", st.Days), "bad"})
	case st.Silent && st.Due != 0:
		out = append(out, tag{v.N("commit.left", st.Due.Sub(day)), "accent"})
	case st.Silent && st.Days > 0:
		out = append(out, tag{v.N("commit.silent", st.Days), "wait"})
	case st.Silent:
		out = append(out, tag{v.T("commit.silent.undated"), "wait"})
	case !st.Answered.IsZero() && st.Late:
		out = append(out, tag{v.T("commit.late"), "wait"})
	case !st.Answered.IsZero():
		out = append(out, tag{v.T("commit.answered"), "accent"})
	}
	tones := map[string]string{"kept": "good", "partly": "wait", "not_kept": "bad"}
	if st.Status != "" && (st.Status != "open" || len(out) == 0) {
		out = append(out, tag{v.label("commitment_status", st.Status), tones[st.Status]})
	}
	return out
}

// commitmentEvents are the commitments and what followed, in the order of time.
func (v *visit) commitmentEvents(list []registry.Commitment, at clock) []commitmentEvent {
	type dated struct {
		commitmentEvent
		day edtf.Day
	}
	var all []dated
	for _, c := range list {
		href := at.link(outsidePath(c.Record.Kind, c.Record.ID))
		all = append(all, dated{commitmentEvent{v.Date(c.Record.Date), href, v.label("commitment_kind", first(c.Record.Fields, "kind")), v.saidName(c.Record), v.who(c.Record, "by"), !c.Record.Date.Exact(), false}, c.Record.Date.Earliest()})
		for _, up := range c.Followed {
			all = append(all, dated{commitmentEvent{v.Date(up.Date), at.link(outsidePath(up.Kind, up.ID)), v.label("follow_up_kind", first(up.Fields, "kind")), v.saidName(up), v.who(up, "by"), !up.Date.Exact(), true}, up.Date.Earliest()})
		}
	}
	slices.SortStableFunc(all, func(a, b dated) int { return cmp.Compare(a.day, b.day) })
	out := make([]commitmentEvent, len(all))
	for i, d := range all {
		out[i] = d.commitmentEvent
	}
	return out
}

type commitmentBody struct {
	saidBody
	Clock    clockForm
	Tags     []tag
	Due      string
	Followed []followedView
	Silence  string // where nothing answers it, that is said in a sentence
	Add, Ask string // forms of what followed
}

type followedView struct {
	Href, Date, Kind, What, By, Quote, QuoteLang, Locus string
	Status                                              string
	Source                                              valueText
	Vague                                               bool
}

// commitment is the page of one commitment with what followed.
func (s *server) commitment(v *visit) error {
	at, err := v.clock()
	if err != nil {
		return err
	}
	said, view, err := s.saidPage(v, "commitment", at)
	if err != nil {
		return err
	}
	rec := view.Record
	body := commitmentBody{saidBody: said, Clock: v.clockForm(at)}
	body.Back, body.BackText = at.link("/commitments"), v.T("commit.title")
	here := registry.OutsideRecord{ID: rec.ID, Kind: rec.Kind, Fields: rec.Fields, Date: rec.Date, At: rec.At}
	body.Line = join([]string{v.label("commitment_kind", first(rec.Fields, "kind")), v.commitmentLine(here)})
	if view.May && !rec.Withdrawn {
		body.Add = link("/followed/new", fieldPrefix+"commitment", rec.ID)
		body.Ask = link("/followed/new", fieldPrefix+"commitment", rec.ID, fieldPrefix+"kind", "asked_again")
	}
	found, err := s.reg.Commitments(v.r.Context(), v.session, at.Clock)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(found.List, func(c registry.Commitment) bool { return c.Record.ID == rec.ID })
	if i < 0 { // withdrawn, or not yet made on that day
		return s.show(v, "commitment", body.Kind, body)
	}
	c := found.List[i]
	body.Tags = v.standingTags(c.Standing, at.AsOf)
	if c.Standing.Due != 0 {
		body.Due = v.T("commit.due", c.Standing.Due)
	}
	if c.Standing.Silent {
		body.Silence = v.T("commit.silence", at.AsOf)
		if c.Standing.Overdue {
			body.Silence = v.T("commit.silence.due", at.AsOf, c.Standing.Due)
		}
	}
	reader := newCaseReader(v, registry.CaseView{Outside: found.Named})
	for _, up := range c.Followed {
		one := followedView{
			Href: at.link(outsidePath(up.Kind, up.ID)), Date: v.Date(up.Date), Kind: v.label("follow_up_kind", first(up.Fields, "kind")), What: v.saidName(up), By: v.who(up, "by"),
			Quote: first(up.Fields, "quote"), QuoteLang: quoteLang(first(up.Fields, "quote_lang")), Locus: first(up.Fields, "locus"),
			Status: v.label("commitment_status", first(up.Fields, "status")), Vague: !up.Date.Exact(),
		}
		if id := first(up.Fields, "publication"); id != "" {
			one.Source = reader.names(id)
		}
		if one.Quote == one.What {
			one.Quote = ""
		}
		body.Followed = append(body.Followed, one)
	}
	return s.show(v, "commitment", body.Kind, body)
}

type followedBody struct {
	saidBody
	Of valueText // the commitment
}

// followed is the page of something that followed on a commitment.
func (s *server) followed(v *visit) error {
	at, err := v.clock()
	if err != nil {
		return err
	}
	said, view, err := s.saidPage(v, "follow_up", at)
	if err != nil {
		return err
	}
	rec := view.Record
	body := followedBody{saidBody: said}
	body.Back, body.BackText = at.link("/commitments"), v.T("commit.title")
	here := registry.OutsideRecord{ID: rec.ID, Kind: rec.Kind, Fields: rec.Fields, Date: rec.Date}
	body.Line = join([]string{v.label("follow_up_kind", first(rec.Fields, "kind")), v.Date(rec.Date), v.who(here, "by")})
	if of, ok := view.Named[first(rec.Fields, "commitment")]; ok {
		body.Of = valueText{v.saidName(of), at.link(outsidePath(of.Kind, of.ID))}
	}
	return s.show(v, "followed", body.Kind, body)
}
