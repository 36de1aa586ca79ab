// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// matchingRegister is what the pages about the same person listed twice ask of the registry.
type matchingRegister interface {
	Matches(ctx context.Context, s *access.Session, q registry.MatchQuery) (registry.MatchList, error)
	Match(ctx context.Context, s *access.Session, a, b, between string) (registry.MatchView, error)
	Propose(ctx context.Context, s *access.Session) (registry.Proposals, error)
	Apply(ctx context.Context, s *access.Session, found registry.Proposals) (int, error)
	Decide(ctx context.Context, s *access.Session, d registry.Decision) (string, error)
	Undo(ctx context.Context, s *access.Session, decision, reason string) error
}

func (s *server) matchingRoutes() []route {
	return []route{
		{"GET /matching", s.signed(s.matching)},
		{"GET /matching/pair", s.signed(s.pair)},
		{"POST /matching/pair", s.signed(s.decidePair)},
		{"POST /matching/undo", s.signed(s.undoPair)},
		{"GET /matching/sure", s.signed(s.surePairs)},
		{"POST /matching/sure", s.signed(s.applySure)},
	}
}

// matchesShown is how many pairs stand on a page of the queue.
const matchesShown = 30

type matchingBody struct {
	Done, Problem string
	Chips         []matchChip
	Between       selectField
	Show          string
	Rows          []matchLine
	First         string // the address of the first open pair
	Found         string
	Prev, Next    string
	Warnings      []string
	SureHref      string
	Sure          string
	Empty         bool
}

type matchChip struct {
	Text, N, Href string
	Here          bool
}

// matchLine is a pair in the queue.
type matchLine struct {
	Href, A, B, Orgs string
	How, Number      string // how likely
	Verdict, Tone    string // of a decision
	Who, Reason      string
	ID               string // of the decision
}

// matching is the queue of pairs that nobody has decided, and what was decided.
func (s *server) matching(v *visit) error {
	return s.showMatching(v, "")
}

func (s *server) showMatching(v *visit, problem string) error {
	query := v.r.URL.Query()
	q := registry.MatchQuery{Show: query.Get("show"), Between: query.Get("between"), Limit: matchesShown}
	if q.Show == "" {
		q.Show = registry.MatchOpen
	}
	q.Skip, _ = strconv.Atoi(query.Get("skip")) // what is no number is none
	list, err := s.reg.Matches(v.r.Context(), v.session, q)
	if err != nil {
		return err
	}
	body := matchingBody{
		Problem: problem, Show: q.Show, Warnings: list.Warnings, Empty: len(list.Rows) == 0,
		Found: v.N("matching.found", list.Found),
	}
	switch query.Get("done") {
	case "undone", "last":
		body.Done = v.T("matching.done." + query.Get("done"))
	case "applied":
		n, _ := strconv.Atoi(query.Get("n"))
		body.Done = v.N("matching.applied", max(n, 0))
	}
	for _, c := range []struct {
		show string
		n    int
	}{{registry.MatchOpen, list.Open}, {registry.MatchSure, list.Sure}, {registry.MatchDecided, list.Decided}} {
		body.Chips = append(body.Chips, matchChip{v.T("matching.show." + c.show), v.Number(c.n), link("/matching", "show", c.show), c.show == q.Show})
	}
	if list.Sure > 0 {
		body.Sure, body.SureHref = v.N("matching.sure.n", list.Sure), "/matching/sure"
	}
	body.Between = selectField{Name: "between", Label: v.T("matching.between"), Options: []option{{"", v.T("matching.between.all"), q.Between == ""}}}
	for _, o := range list.Between {
		names := v.T("matching.between.own", strings.Join(o.Names, ""))
		if len(o.Names) == 2 {
			names = v.T("matching.between.two", o.Names[0], o.Names[1])
		}
		body.Between.Options = append(body.Between.Options, option{o.ID, names + " (" + v.Number(o.Pairs) + ")", o.ID == q.Between})
	}
	for _, row := range list.Rows {
		line := matchLine{
			Href: pairLink(row.A.ID, row.B.ID, q.Between), A: caseName(row.A), B: caseName(row.B),
			Orgs: join([]string{row.A.OrgName, row.B.OrgName}),
		}
		if row.A.Org == row.B.Org {
			line.Orgs = row.A.OrgName
		}
		if row.Probability > 0 {
			line.How, line.Number = v.likely(row.Probability), v.chance(row.Probability)
		}
		if d := row.Decision; d != nil {
			line.ID, line.Reason = d.ID, d.Reason
			line.Verdict, line.Tone, line.Who = v.verdict(*d)
		}
		body.Rows = append(body.Rows, line)
	}
	if q.Show == registry.MatchOpen && len(body.Rows) > 0 {
		body.First = body.Rows[0].Href
	}
	at := func(skip int) string {
		text := ""
		if skip > 0 {
			text = strconv.Itoa(skip)
		}
		return link("/matching", "show", q.Show, "between", q.Between, "skip", text)
	}
	if q.Skip > 0 {
		body.Prev = at(max(0, q.Skip-matchesShown))
	}
	if q.Skip+matchesShown < list.Found {
		body.Next = at(max(0, q.Skip) + matchesShown)
	}
	return s.show(v, "matching", v.T("matching.title"), body)
}

// caseName is a case in a line: its number, and who it is where that is open.
func caseName(r registry.Row) string { return join([]string{r.Number, r.Name}) }

func pairLink(a, b, between string) string {
	return link("/matching/pair", "a", a, "b", b, "between", between)
}

// likely says a probability in words.
func (v *visit) likely(p float64) string {
	for _, step := range []struct {
		from float64
		key  string
	}{{.99, "sure"}, {.9, "very"}, {.6, "rather"}, {.4, "open"}, {0, "little"}} {
		if p >= step.from {
			return v.T("matching.likely." + step.key)
		}
	}
	return ""
}

// chance writes a probability; what is not certain is never written as certain.
func (v *visit) chance(p float64) string {
	const whole = 1_000_000
	return v.Percent(min(int(p*whole), whole-1), whole)
}

// verdict says what was decided, by whom and when.
func (v *visit) verdict(d registry.MatchDecision) (text, tone, who string) {
	text, tone = v.T("matching.verdict."+string(d.Verdict)), "accent"
	if d.Verdict == registry.Different {
		tone = ""
	}
	who = join([]string{d.Who, v.moment(d.At)})
	if d.Program {
		who = join([]string{v.T("matching.by.program", d.Who), v.moment(d.At)})
	}
	return text, tone, who
}

// decidePair takes a verdict on a pair, or leaves it for later, and goes on to the next.
func (s *server) decidePair(v *visit) error {
	a, b, between := v.r.PostFormValue("a"), v.r.PostFormValue("b"), v.r.PostFormValue("between")
	verdict, reason := v.r.PostFormValue("verdict"), strings.TrimSpace(v.r.PostFormValue("reason"))
	if !slices.Contains([]string{"same", "different", "later"}, verdict) {
		return errBadRequest
	}
	view, err := s.reg.Match(v.r.Context(), v.session, a, b, between)
	if errors.Is(err, registry.ErrNotFound) {
		return s.pairGone(v)
	}
	if err != nil {
		return err
	}
	id := ""
	if verdict != "later" {
		d := registry.Decision{A: view.A.Row.ID, B: view.B.Row.ID, Verdict: registry.Verdict(verdict), Probability: view.Probability, Reason: reason}
		for _, f := range view.Fields {
			d.Reasons = append(d.Reasons, f.Field+" "+f.Level+" "+strconv.FormatFloat(f.Weight, 'f', 1, 64))
		}
		if id, err = s.reg.Decide(v.r.Context(), v.session, d); err != nil {
			if errors.Is(err, registry.ErrNotFound) {
				return s.pairGone(v)
			}
			if problem := v.pairProblem(err); problem != "" {
				v.status = http.StatusConflict
				return s.showPair(v, a, b, between, pairSaid{problem: problem, reason: reason})
			}
			return err
		}
	}
	if view.Next == [2]string{} {
		v.redirect(link("/matching", "between", between, "done", "last"))
		return nil
	}
	v.redirect(link("/matching/pair", "a", view.Next[0], "b", view.Next[1], "between", between, "done", verdict, "decision", id, "was", a+","+b))
	return nil
}

// pairGone says that a pair is no longer there: a case was erased meanwhile, or is not open.
func (s *server) pairGone(v *visit) error {
	v.status = http.StatusNotFound
	return s.showMatching(v, v.T("matching.problem.gone"))
}

// pairProblem says why a decision was not taken; empty: that is not for the page to say.
func (v *visit) pairProblem(err error) string {
	var decided *registry.DecidedError
	switch {
	case errors.As(err, &decided):
		text, _, who := v.verdict(decided.Decision)
		return v.T("matching.problem.decided", text, who)
	case errors.Is(err, registry.ErrApart):
		return v.T("matching.problem.apart")
	case errors.Is(err, registry.ErrTogether):
		return v.T("matching.problem.together")
	}
	return ""
}

// undoPair takes a decision back, and shows the pair again.
func (s *server) undoPair(v *visit) error {
	err := s.reg.Undo(v.r.Context(), v.session, v.r.PostFormValue("decision"), strings.TrimSpace(v.r.PostFormValue("reason")))
	if errors.Is(err, registry.ErrNotFound) { // somebody took it back meanwhile, or a case is no longer open
		v.status = http.StatusNotFound
		return s.showMatching(v, v.T("matching.problem.undone"))
	}
	if err != nil {
		return err
	}
	if a, b, ok := strings.Cut(v.r.PostFormValue("was"), ","); ok {
		v.redirect(link("/matching/pair", "a", a, "b", b, "between", v.r.PostFormValue("between"), "done", "undone"))
		return nil
	}
	v.redirect(link("/matching", "show", registry.MatchDecided, "done", "undone"))
	return nil
}

// sureSample is how many of the sure pairs are shown before they are decided.
const sureSample = 12

type sureBody struct {
	Problem string
	N       int
	Title   string
	Sample  []matchLine
	More    string
}

// surePairs says how many pairs the program is sure of, and shows some.
func (s *server) surePairs(v *visit) error { return s.showSure(v, "") }

func (s *server) showSure(v *visit, problem string) error {
	found, err := s.reg.Propose(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	sure := sureOnes(found)
	body := sureBody{Problem: problem, N: len(sure), Title: v.N("matching.sure.n", len(sure))}
	// The least sure first: those are the ones to look at.
	slices.SortStableFunc(sure, func(a, b registry.Proposal) int {
		switch {
		case a.Probability < b.Probability:
			return -1
		case a.Probability > b.Probability:
			return 1
		}
		return 0
	})
	for _, p := range sure[:min(len(sure), sureSample)] {
		body.Sample = append(body.Sample, matchLine{
			Href: pairLink(p.A.ID, p.B.ID, ""), A: caseName(p.A), B: caseName(p.B), Orgs: join([]string{p.A.OrgName, p.B.OrgName}),
			How: v.likely(p.Probability), Number: v.chance(p.Probability),
		})
	}
	if n := len(sure) - len(body.Sample); n > 0 {
		body.More = v.N("matching.sure.more", n)
	}
	return s.show(v, "matching-sure", v.T("matching.sure.title"), body)
}

func sureOnes(found registry.Proposals) []registry.Proposal {
	return slices.DeleteFunc(slices.Clone(found.Proposals), func(p registry.Proposal) bool { return !p.Sure || p.Verdict != "" })
}

// applySure decides what the program is sure of, if it is still as many as was shown.
func (s *server) applySure(v *visit) error {
	found, err := s.reg.Propose(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	if strconv.Itoa(len(sureOnes(found))) != v.r.PostFormValue("n") {
		v.status = http.StatusConflict
		return s.showSure(v, v.T("matching.problem.changed"))
	}
	n, err := s.reg.Apply(v.r.Context(), v.session, found)
	if errors.Is(err, registry.ErrNotFound) { // erased in between
		v.status = http.StatusConflict
		return s.showSure(v, v.T("matching.problem.changed"))
	}
	if err != nil {
		return err
	}
	v.redirect(link("/matching", "done", "applied", "n", strconv.Itoa(n)))
	return nil
}
