// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/registry"
)

func (s *server) newCaseRoutes() []route {
	return []route{
		{"GET /cases/new", s.signed(s.newCasePage)},
		{"POST /cases/new", s.signed(s.newCase)},
	}
}

// What is asked when a case is opened: no more than the first conversation gives.
var (
	firstPerson = []string{"family", "given", "patronymic", "sex", "birth", "phones"}
	firstReport = []string{"received", "channel", "by_role", "region", "city", "summary"}
	// What is written down next, in the order in which it is told.
	firstKinds = []string{"detention", "act", "injury", "complaint", "consent"}
)

// newCaseBody is the page on which a case is opened.
type newCaseBody struct {
	Orgs       []option
	ExternalID string
	Restricted bool
	Person     []input
	Report     []input
	Lists      []proposals
	Problem    string
	Problems   []formProblem
	Alike      []alikeCase
}

// alikeCase is a case that may be of the same person.
type alikeCase struct{ Href, Number, Name, Org, Incident string }

// newCaseForm is what somebody sent who opens a case.
type newCaseForm struct {
	orgs           []option
	person, report *fieldForm
	typed          url.Values
	problem        string
	alike          []registry.Row
}

// openCaseForm finds in which organisations the member may open cases.
func (s *server) openCaseForm(v *visit) (*newCaseForm, error) {
	if !s.mayOpenCases(v) {
		return nil, registry.ErrNotAllowed
	}
	form := &newCaseForm{orgs: s.ownOrgs(v)}
	if len(form.orgs) == 0 {
		return nil, registry.ErrNotAllowed
	}
	person, _ := v.book.Kind("person")
	report, _ := v.book.Kind("report")
	form.person = &fieldForm{visit: v, kind: person, prefix: "person.", only: firstPerson, refs: map[string]referable{}}
	form.report = &fieldForm{visit: v, kind: report, prefix: "report.", only: firstReport, refs: map[string]referable{}}
	return form, nil
}

// mayOpenCases tells whether a member can open a case in some organisation.
func (s *server) mayOpenCases(v *visit) bool {
	return len(v.session.Member.Orgs) > 0 && v.session.Member.Is(access.CaseWorker, access.Lawyer, access.Clinician)
}

func (s *server) newCasePage(v *visit) error {
	form, err := s.openCaseForm(v)
	if err != nil {
		return err
	}
	form.typed = url.Values{"report.received": {v.Day(v.reg.Today())}}
	return s.showNewCase(v, form)
}

func (s *server) newCase(v *visit) error {
	form, err := s.openCaseForm(v)
	if err != nil {
		return err
	}
	form.typed = v.r.PostForm
	n := registry.NewCase{Org: form.typed.Get("org"), ExternalID: form.typed.Get("external_id"), Restricted: form.typed.Get("restricted") == "yes"}
	if n.Org == "" && len(form.orgs) == 1 {
		n.Org = form.orgs[0].Value
	}
	if !slices.ContainsFunc(form.orgs, func(o option) bool { return o.Value == n.Org }) {
		form.problem = v.T("newcase.problem.org")
	}
	form.person.read(form.typed)
	form.report.read(form.typed)
	delete(form.person.problems, "role") // it is the victim
	if form.problem != "" || len(form.person.problems)+len(form.report.problems) > 0 {
		v.status = http.StatusUnprocessableEntity
		return s.showNewCase(v, form)
	}
	if form.typed.Get("sure") == "" {
		if form.alike, err = s.alike(v, form.person); err != nil {
			return err
		}
		if len(form.alike) > 0 {
			v.status = http.StatusConflict
			form.problem = v.N("newcase.alike", len(form.alike))
			return s.showNewCase(v, form)
		}
	}
	form.person.fields["role"] = []string{"victim"}
	n.Records = []registry.Put{{Kind: "person", Fields: form.person.fields}, {Kind: "report", Fields: form.report.fields}}
	row, err := s.reg.NewCase(v.r.Context(), v.session, n)
	if err != nil {
		return err
	}
	v.redirect(casePath(row) + "/add?opened=1")
	return nil
}

// alike are the cases open to the member that bear the name that was typed.
func (s *server) alike(v *visit, person *fieldForm) ([]registry.Row, error) {
	name := strings.TrimSpace(first(person.fields, "family") + " " + first(person.fields, "given"))
	if name == "" || codebook.Missing(first(person.fields, "family")) {
		return nil, nil
	}
	const most = 5
	page, err := s.reg.Cases(v.r.Context(), v.session, registry.Query{Text: name, Limit: most})
	return page.Rows, err
}

func (s *server) showNewCase(v *visit, form *newCaseForm) error {
	body := newCaseBody{ExternalID: form.typed.Get("external_id"), Restricted: form.typed.Get("restricted") == "yes", Problem: form.problem}
	for _, org := range form.orgs {
		body.Orgs = append(body.Orgs, option{org.Value, org.Text, form.typed.Get("org") == org.Value})
	}
	for _, row := range form.alike {
		body.Alike = append(body.Alike, alikeCase{casePath(row), row.Number, row.Name, row.OrgName, v.DateShort(row.Incident)})
	}
	if len(body.Orgs) == 1 {
		body.Orgs = nil
	}
	for _, part := range []struct {
		form *fieldForm
		to   *[]input
	}{{form.person, &body.Person}, {form.report, &body.Report}} {
		if part.form.problems == nil {
			part.form.problems = map[string]string{}
		}
		sections := part.form.sections(form.typed)
		for _, sec := range sections {
			*part.to = append(*part.to, sec.Inputs...)
		}
		slices.SortStableFunc(*part.to, func(a, b input) int {
			at := func(i input) int {
				return slices.IndexFunc(part.form.only, func(f string) bool { return i.Name == part.form.name(f) || i.Name == part.form.name(f)+"_other" })
			}
			return at(a) - at(b)
		})
		body.Lists = append(body.Lists, part.form.proposalLists()...)
		body.Problems = append(body.Problems, part.form.problemLines(sections)...)
	}
	v.script("form.js")
	return s.show(v, "newcase", v.T("newcase.title"), body)
}
