// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

// bulkRegister is what the pages of saved searches and of work on many cases ask of the registry.
type bulkRegister interface {
	SavedSearches(ctx context.Context, s *access.Session) ([]registry.SavedSearch, error)
	SaveSearch(ctx context.Context, s *access.Session, n registry.NewSearch) (string, error)
	DropSearch(ctx context.Context, s *access.Session, id string) error
	CountCases(ctx context.Context, s *access.Session, q registry.Query) (int, error)
	Selection(ctx context.Context, s *access.Session, q registry.Query) ([]string, error)
	MayBulk(s *access.Session) (tasks, grants bool)
	BulkHolders(ctx context.Context, s *access.Session) ([]registry.Holder, error)
	PlanBulk(ctx context.Context, s *access.Session, b registry.Bulk) (registry.BulkPlan, error)
	DoBulk(ctx context.Context, s *access.Session, b registry.Bulk, set, reason string) (string, error)
	BulkDone(ctx context.Context, s *access.Session, id string) (registry.BulkView, error)
	UndoBulk(ctx context.Context, s *access.Session, id, reason string) (int, error)
	Extent(ctx context.Context, s *access.Session) (uint64, string, error)
}

func (s *server) bulkRoutes() []route {
	return []route{
		{"GET /searches", s.signed(s.searches)},
		{"POST /searches", s.signed(s.saveSearch)},
		{"POST /searches/{id}/drop", s.signed(s.dropSearch)},
		{"GET /bulk/task", s.signed(s.bulkTask)},
		{"POST /bulk/task", s.signed(s.bulkTask)},
		{"GET /bulk/grant", s.signed(s.bulkGrant)},
		{"POST /bulk/grant", s.signed(s.bulkGrant)},
		{"GET /bulk/done/{id}", s.signed(s.bulkDone)},
		{"POST /bulk/done/{id}", s.signed(s.undoBulk)},
	}
}

// bulkBar is below the list: what can be done in the cases that are chosen.
type bulkBar struct {
	Search        string // the list's search, by which all it finds are found again
	All           string // says that all can be chosen; empty: they are all on this page, or too many
	TooMany       string
	Tasks, Grants bool
	Exports       bool
}

func (s *server) bulkBar(v *visit, q url.Values, found registry.Page, query registry.Query) (*bulkBar, error) {
	bar := &bulkBar{}
	bar.Tasks, bar.Grants = s.reg.MayBulk(v.session)
	bar.Exports = s.reg.MayExport(v.session)
	if !bar.Tasks && !bar.Grants && !bar.Exports || len(found.Rows) == 0 {
		return nil, nil
	}
	search := searchOf(q)
	for _, name := range []string{"as_of", "known_by"} {
		if value := q.Get(name); value != "" {
			search.Set(name, value)
		}
	}
	bar.Search = search.Encode()
	switch {
	case found.Total > registry.MaxBulk:
		bar.TooMany = v.T("bulk.too_many", v.Number(registry.MaxBulk))
	case found.Total > len(found.Rows) || query.After != "":
		bar.All = v.N("bulk.all", found.Total)
	}
	return bar, nil
}

type bulkBody struct {
	What, Title, Lead, Action, Back string
	Cases                           string // ids, each after a comma
	Chosen                          string
	Problem                         string
	Wrong                           string // the field that is wrong

	Kinds               []option
	Due, Text, Assigned string
	Holders             []optionGroup
	Parts               []choice
	Until, Other, Today string
	Reason              string

	Plan *bulkPlan
}

// bulkPlan is the preview.
type bulkPlan struct {
	Set, Says         string // what is done
	DoTitle, NotTitle string
	Gone, Button      string
	Do, Not, Named    []bulkLine // Named: restricted ones, which are named by themselves
	Fields            []hiddenField
}

type bulkLine struct {
	ID, Href, Number, Name, Under, Why string
	Chosen                             bool
}

// bulkCases are the cases that a page is about: carried by a form, chosen on
// the list, or all that its search finds.
func (s *server) bulkCases(v *visit) ([]string, error) {
	if v.r.Method == http.MethodPost {
		return strings.FieldsFunc(v.r.PostFormValue("cases"), func(r rune) bool { return r == ',' }), nil
	}
	q := v.r.URL.Query()
	if q.Get("all") == "" {
		return q["case"], nil
	}
	search, err := url.ParseQuery(q.Get("search"))
	if err != nil {
		return nil, errBadRequest
	}
	query, _, err := v.caseQuery(search)
	if err != nil {
		return nil, err
	}
	return s.reg.Selection(v.r.Context(), v.session, query)
}

func (s *server) bulkTask(v *visit) error {
	tasks, _ := s.reg.MayBulk(v.session)
	if !tasks {
		return registry.ErrNotAllowed
	}
	b := registry.Bulk{What: registry.BulkTask}
	form := v.r.PostForm
	b.Task = casefile.Fields{"kind": {form.Get("kind")}, "status": {"open"}, "set": {v.reg.Today().String()}}
	for _, name := range []string{"due", "assigned", "text"} {
		if value := strings.TrimSpace(form.Get(name)); value != "" {
			b.Task[name] = []string{value}
		}
	}
	body := &bulkBody{Due: form.Get("due"), Text: form.Get("text"), Assigned: form.Get("assigned")}
	if list, ok := v.book.List("task_kind"); ok {
		for _, code := range list.Codes {
			if !codebook.Missing(code.Code) {
				body.Kinds = append(body.Kinds, option{code.Code, v.in(code.Label), code.Code == form.Get("kind")})
			}
		}
	}
	check := func() (wrong, problem string) {
		if !slices.ContainsFunc(body.Kinds, func(o option) bool { return o.Selected }) {
			return "kind", v.T("bulk.problem.kind")
		}
		if day := form.Get("due"); day != "" {
			if _, err := edtf.ParseDay(day); err != nil {
				return "due", v.T("bulk.problem.due")
			}
		}
		return "", ""
	}
	return s.bulk(v, b, body, []string{"kind", "due", "assigned", "text"}, check)
}

func (s *server) bulkGrant(v *visit) error {
	holders, err := s.reg.BulkHolders(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	form := v.r.PostForm
	b := registry.Bulk{What: registry.BulkGrant, Also: form["also"], Grant: registry.NewGrant{To: form.Get("to"), Part: access.Part(form.Get("part"))}}
	if other := strings.TrimSpace(form.Get("other")); other != "" {
		b.Grant.To = other
	}
	body := &bulkBody{Until: form.Get("until"), Other: form.Get("other")}
	body.Holders = v.holderGroups(holders, form.Get("to"), v.T("bulk.colleagues"))
	for _, part := range []access.Part{access.Fact, access.Identity} {
		body.Parts = append(body.Parts, choice{string(part), v.T("access.part." + string(part)), v.T("access.part." + string(part) + ".hint"), form.Get("part") == string(part)})
	}
	check := func() (wrong, problem string) {
		switch {
		case b.Grant.To == "":
			return "to", v.T("bulk.problem.to")
		case !slices.ContainsFunc(body.Parts, func(c choice) bool { return c.Chosen }):
			return "part", v.T("bulk.problem.part")
		}
		return "", ""
	}
	if text := form.Get("until"); text != "" {
		if b.Grant.Until, err = edtf.ParseDay(text); err != nil {
			return errBadRequest
		}
	}
	return s.bulk(v, b, body, []string{"to", "other", "part", "until"}, check)
}

// bulkProblems are what a preview can fail with.
var bulkProblems = []struct {
	err        error
	key, field string
}{
	{registry.ErrNoHolder, "no_holder", "to"}, {registry.ErrTwoHolders, "two_holders", "other"}, {registry.ErrUntil, "until", "until"},
	{registry.ErrManyCases, "many", ""}, {registry.ErrNoCases, "none", ""}, {registry.ErrReason, "reason", "reason"}, {registry.ErrConflict, "conflict", ""},
}

// bulk goes through the steps: the form, the preview, the act.
func (s *server) bulk(v *visit, b registry.Bulk, body *bulkBody, fields []string, check func() (wrong, problem string)) error {
	cases, err := s.bulkCases(v)
	if err != nil && !errors.Is(err, registry.ErrManyCases) {
		return err
	}
	b.Cases = cases
	body.What, body.Action, body.Back, body.Today = b.What, "/bulk/"+b.What, "/cases", v.reg.Today().String()
	body.Title, body.Lead = v.T("bulk."+b.What+".title"), v.T("bulk."+b.What+".lead")
	body.Cases, body.Chosen = strings.Join(cases, ","), v.N("bulk.chosen", len(cases))
	body.Reason = v.r.PostFormValue("reason")
	wrong := func(field, problem string) error {
		v.status = http.StatusUnprocessableEntity
		body.Wrong, body.Problem = field, problem
		return s.show(v, "bulk", body.Title, body)
	}
	switch {
	case err != nil, len(cases) > registry.MaxBulk:
		return wrong("", v.T("bulk.problem.many", v.Number(registry.MaxBulk)))
	case len(cases) == 0:
		return wrong("", v.T("bulk.problem.nothing"))
	}
	act := v.r.PostFormValue("act")
	if v.r.Method != http.MethodPost || act == "change" {
		return s.show(v, "bulk", body.Title, body)
	}
	if field, problem := check(); problem != "" {
		return wrong(field, problem)
	}
	if strings.TrimSpace(body.Reason) == "" {
		return wrong("reason", v.T("bulk.problem.reason"))
	}
	problem := ""
	if act == "do" {
		id, err := s.reg.DoBulk(v.r.Context(), v.session, b, v.r.PostFormValue("set"), body.Reason)
		switch {
		case err == nil:
			v.redirect("/bulk/done/" + url.PathEscape(id))
			return nil
		case errors.Is(err, registry.ErrSet):
			v.status = http.StatusConflict
			problem = v.T("bulk.problem.set")
		default:
			if key, field := bulkProblem(err); key != "" {
				return wrong(field, v.T("bulk.problem."+key))
			}
			return err
		}
	}
	plan, err := s.reg.PlanBulk(v.r.Context(), v.session, b)
	if key, field := bulkProblem(err); key != "" {
		return wrong(field, v.T("bulk.problem."+key))
	}
	if err != nil {
		return err
	}
	body.Problem, body.Plan = problem, v.bulkPlan(b, body, plan)
	for _, name := range fields {
		if value := v.r.PostFormValue(name); value != "" {
			body.Plan.Fields = append(body.Plan.Fields, hiddenField{name, value})
		}
	}
	body.Plan.Fields = append(body.Plan.Fields, hiddenField{"cases", body.Cases}, hiddenField{"reason", body.Reason}, hiddenField{"set", plan.Set})
	return s.show(v, "bulk", body.Title, body)
}

func bulkProblem(err error) (key, field string) {
	for _, p := range bulkProblems {
		if errors.Is(err, p.err) {
			return p.key, p.field
		}
	}
	return "", ""
}

func (v *visit) bulkPlan(b registry.Bulk, body *bulkBody, plan registry.BulkPlan) *bulkPlan {
	out := &bulkPlan{
		Set: plan.Set, DoTitle: v.N("bulk.do", len(plan.Do)), NotTitle: v.N("bulk.not", len(plan.Not)),
		Button: v.N("bulk."+b.What+".do", len(plan.Do)),
	}
	if plan.Gone > 0 {
		out.Gone = v.N("bulk.gone", plan.Gone)
	}
	if b.What == registry.BulkTask {
		words := []string{v.label("task_kind", first(b.Task, "kind"))}
		if due, err := edtf.ParseDay(first(b.Task, "due")); err == nil {
			words = append(words, v.T("bulk.task.due", due))
		}
		out.Says = join(append(words, first(b.Task, "assigned"), first(b.Task, "text")))
	} else {
		until := v.T("access.until.open")
		if b.Grant.Until != 0 {
			until = v.T("access.until.day", b.Grant.Until)
		}
		kind := v.T("access.member")
		if plan.ToOrg {
			kind = v.T("access.organisation")
		}
		out.Says = join([]string{plan.To + " (" + kind + ")", v.T("access.part." + string(b.Grant.Part)), until})
	}
	line := func(row registry.BulkRow) bulkLine {
		l := bulkLine{ID: row.Row.ID, Href: casePath(row.Row), Number: row.Row.Number, Name: row.Row.Name, Under: join([]string{row.Row.OrgName, v.label("stage", row.Row.Stage)})}
		if row.Row.FactsOnly {
			l.Name = v.T("access.facts_only")
		}
		if row.Why != "" {
			l.Why = v.T("bulk.why." + row.Why)
		}
		l.Chosen = slices.Contains(b.Also, row.Row.ID)
		return l
	}
	for _, row := range plan.Do {
		out.Do = append(out.Do, line(row))
		if b.What == registry.BulkGrant && row.Restricted {
			out.Named = append(out.Named, line(row))
		}
	}
	for _, row := range plan.Not {
		if row.Why == registry.BulkRestricted {
			out.Named = append(out.Named, line(row))
		}
		out.Not = append(out.Not, line(row))
	}
	return out
}

type bulkDoneBody struct {
	Done, Problem       string
	Title, Reason, Undo string
	Action              string
	Rows                []bulkLine
}

// bulkDone shows what was done, to whoever did it.
func (s *server) bulkDone(v *visit) error { return s.showBulkDone(v, "") }

func (s *server) showBulkDone(v *visit, problem string) error {
	view, err := s.reg.BulkDone(v.r.Context(), v.session, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	body := bulkDoneBody{
		Title: v.T("bulk." + view.What + ".title"), Reason: view.Reason, Problem: problem, Action: "/bulk/done/" + url.PathEscape(view.ID),
		Done: v.N("bulk."+view.What+".done", len(view.Rows)),
	}
	switch {
	case view.Undone && v.r.URL.Query().Has("left"):
		body.Done = v.T("bulk.undone.left")
	case view.Undone:
		body.Done = v.T("bulk.undone")
	case view.Left > 0:
		body.Undo = v.N("bulk.undo", view.Left)
	}
	if problem != "" {
		body.Done = ""
	}
	for _, row := range view.Rows {
		l := bulkLine{Href: casePath(row), Number: row.Number, Name: row.Name, Under: join([]string{row.OrgName, v.label("stage", row.Stage)})}
		if row.FactsOnly {
			l.Name = v.T("access.facts_only")
		}
		body.Rows = append(body.Rows, l)
	}
	return s.show(v, "bulk-done", body.Title, body)
}

// undoBulk takes back what was done, in one act.
func (s *server) undoBulk(v *visit) error {
	id := v.r.PathValue("id")
	left, err := s.reg.UndoBulk(v.r.Context(), v.session, id, v.T("bulk.undo.reason"))
	switch {
	case errors.Is(err, registry.ErrSet), errors.Is(err, registry.ErrNoCases), errors.Is(err, registry.ErrConflict):
		v.status = http.StatusConflict
		return s.showBulkDone(v, v.T("bulk.problem.undo"))
	case err != nil:
		return err
	}
	more := ""
	if left > 0 {
		more = "1"
	}
	v.redirect(link("/bulk/done/"+url.PathEscape(id), "left", more))
	return nil
}
