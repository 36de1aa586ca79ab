// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/dossier"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/takeout"
)

// exportRegister is what the pages of exports ask of the registry.
type exportRegister interface {
	MayExport(s *access.Session) bool
	Exports(ctx context.Context, s *access.Session) ([]registry.ExportAct, error)
	OneExport(ctx context.Context, s *access.Session, id string) (registry.ExportAct, error)
	AskExport(ctx context.Context, s *access.Session, n registry.NewExport) (registry.ExportAct, error)
	AnswerExport(ctx context.Context, s *access.Session, id string, agree bool, words string) error
	FetchExport(ctx context.Context, s *access.Session, id string) (registry.ExportFetch, error)
}

func (s *server) exportRoutes() []route {
	return []route{
		{"GET /exports", s.signed(s.exportsPage)},
		{"GET /exports/new", s.signed(s.newExport)},
		{"POST /exports/new", s.signed(s.askExport)},
		{"GET /exports/{id}", s.signed(s.exportPage)},
		{"POST /exports/{id}/answer", s.signed(s.answerExport)},
		{"POST /exports/{id}/fetch", s.signed(s.fetchExport)},
	}
}

// takenOut are the reports of the exports that were fetched last: counts by field,
// and nothing of a case. They are kept in memory, and gone when the register locks.
type takenOut struct {
	mu   sync.Mutex
	last []tookOut
}

type tookOut struct {
	id      string
	written takeout.Written
}

// mostTakenOut is of how many exports the report is kept.
const mostTakenOut = 64

func (c *takenOut) add(id string, w takeout.Written) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = slices.DeleteFunc(c.last, func(e tookOut) bool { return e.id == id })
	if len(c.last) == mostTakenOut {
		c.last = slices.Delete(c.last, 0, 1)
	}
	c.last = append(c.last, tookOut{id, w})
}

func (c *takenOut) of(id string) (takeout.Written, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.last {
		if e.id == id {
			return e.written, true
		}
	}
	return takeout.Written{}, false
}

type exportsBody struct {
	MayAsk  bool
	Waiting []exportRow // for an answer of the member's
	Own     []exportRow
	Others  []exportRow // which they could answer, and are answered or over
}

type exportRow struct {
	Href, Title, Line, State, Tone string
}

func (s *server) exportsPage(v *visit) error {
	acts, err := s.reg.Exports(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	body := exportsBody{MayAsk: s.reg.MayExport(v.session)}
	for _, a := range acts {
		state, tone := v.exportState(a)
		row := exportRow{
			Href: "/exports/" + a.ID, Title: v.label("export_purpose", a.Purpose), State: state, Tone: tone,
			Line: join([]string{v.moment(a.At), v.exportCases(a), v.T("export.to.whom", a.To)}),
		}
		if !a.Own {
			row.Line = join([]string{a.By, row.Line})
		}
		switch {
		case a.MayAnswer:
			body.Waiting = append(body.Waiting, row)
		case a.Own:
			body.Own = append(body.Own, row)
		default:
			body.Others = append(body.Others, row)
		}
	}
	return s.show(v, "exports", v.T("export.title"), body)
}

// exportState is how an export stands, in words, and the tone of these.
func (v *visit) exportState(a registry.ExportAct) (words, tone string) {
	switch {
	case a.State == registry.ExportOver && a.Fetched != 0:
		return v.T("export.fetched", v.day(a.Fetched)), ""
	case a.State == registry.ExportOver:
		return v.T("export.over"), ""
	case a.State == registry.ExportOpen && a.Fetched != 0:
		return v.T("export.fetched", v.day(a.Fetched)), "good"
	case a.State == registry.ExportRefused:
		tone = "bad"
	case a.State == registry.ExportAsked:
		tone = "wait"
	default:
		tone = "accent"
	}
	return v.label("export_state", a.State), tone
}

// exportCases says which cases an export has, in a few words.
func (v *visit) exportCases(a registry.ExportAct) string {
	if a.All {
		return v.T("export.all")
	}
	if len(a.Cases) == 1 {
		return a.Cases[0].Number
	}
	return v.N("export.cases", len(a.Cases))
}

type exportBody struct {
	ID, Problem, Done string
	State, Tone       string
	Facts             []fact
	Cases             []linkText
	MayAnswer         bool
	MayFetch, Waits   bool
	Proved            bool
	Words             string // of the answer, as they were typed
	Report            *exportReport
	Fetched           bool
}

type exportReport struct {
	Line   string
	Whole  bool // an archive
	Fields []exportedField
}

type exportedField struct {
	Kind, Field, Carried string
	Left                 []string
}

func (s *server) exportPage(v *visit) error { return s.showExport(v, "") }

func (s *server) showExport(v *visit, problem string) error {
	a, err := s.reg.OneExport(v.r.Context(), v.session, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	body := exportBody{
		ID: a.ID, Problem: problem, MayAnswer: a.MayAnswer, MayFetch: a.MayFetch, Proved: a.Proved,
		Waits: a.Own && a.State == registry.ExportAsked, Words: v.r.PostForm.Get("words"), Fetched: a.Own && a.Fetched != 0,
	}
	switch done := v.r.URL.Query().Get("done"); done {
	case "asked", "approved", "refused":
		body.Done = v.T("export.done." + done)
	}
	body.State, body.Tone = v.exportState(a)
	row := func(label, text string) {
		if text != "" {
			body.Facts = append(body.Facts, fact{Label: label, Text: text})
		}
	}
	row(v.T("export.purpose"), v.label("export_purpose", a.Purpose))
	row(v.T("export.format"), v.T("export.format."+a.Format))
	row(v.T("export.whom"), a.To)
	row(v.T("export.reason"), a.Reason)
	row(v.T("export.key"), a.Key)
	row(v.T("export.by"), join([]string{a.By, v.moment(a.At)}))
	row(v.T("export.until"), v.day(a.Until))
	row(v.T("export.answered"), a.AnsweredBy)
	row(v.T("export.words"), a.Answer)
	if a.Fetched != 0 {
		row(v.T("export.fetched.last"), v.day(a.Fetched))
	}
	if a.All {
		row(v.T("export.which"), v.T("export.all"))
	}
	for _, c := range a.Cases {
		body.Cases = append(body.Cases, linkText{c.Number, "/cases/" + c.ID})
	}
	if w, ok := s.takenOut.of(a.ID); ok && a.Own {
		body.Report = v.exportReport(w)
	}
	return s.show(v, "export", v.T("export.one"), body)
}

// exportReport is what of an export was carried and what not, by field.
func (v *visit) exportReport(w takeout.Written) *exportReport {
	out := &exportReport{Line: v.N("export.cases", w.Cases), Whole: w.Report == nil}
	if w.Report == nil {
		out.Line = join([]string{out.Line, v.N("export.entries", int(w.Entries)), v.N("export.files", int(w.Files))})
		return out
	}
	for _, f := range w.Report.Fields {
		row := exportedField{Kind: f.Kind, Field: f.Field, Carried: v.Number(f.Carried)}
		if k, ok := v.book.Kind(f.Kind); ok {
			row.Kind = v.in(k.Label)
			if field, ok := k.Field(f.Field); ok {
				row.Field = v.in(field.Label)
			}
		}
		for _, l := range f.Left {
			row.Left = append(row.Left, v.T("export.left."+string(l.Why), v.Number(l.Values)))
		}
		out.Fields = append(out.Fields, row)
	}
	return out
}

type exportAskBody struct {
	Problem, Wrong string
	Purposes       []option
	Carry          []hiddenField // which cases the list chose, for the form that chooses a purpose

	Purpose, PurposeName string // empty: none is chosen
	Whole                bool
	Consent              string // the purpose of the consent, in words
	Kinds                []exportKind
	Cases, Picked        string // ids, each after a comma, and how many
	Which, Numbers       string
	Formats              []option
	Whom, Reason, Key    string
	Written              string // what asking means
}

// exportKind is what of the records of a kind leaves for a purpose.
type exportKind struct {
	Kind           string
	Facts, Consent []string // fields; those that leave by consent alone
}

// newExport shows what may leave for a purpose, and asks for an export.
func (s *server) newExport(v *visit) error {
	cases, err := s.bulkCases(v)
	if err != nil {
		return err
	}
	return s.showNewExport(v, exportAskBody{Purpose: v.r.URL.Query().Get("purpose"), Cases: strings.Join(cases, ",")})
}

func (s *server) showNewExport(v *visit, body exportAskBody) error {
	if !s.reg.MayExport(v.session) {
		return registry.ErrNotAllowed
	}
	body.Written = v.N("export.written", registry.ExportLasts)
	for _, p := range v.book.Purposes() {
		body.Purposes = append(body.Purposes, option{p.ID, v.label("export_purpose", p.ID), p.ID == body.Purpose})
	}
	if body.Cases != "" {
		ids := strings.Split(body.Cases, ",")
		body.Picked = v.N("export.picked", len(ids))
		q := v.r.URL.Query()
		if q.Get("all") != "" {
			body.Carry = []hiddenField{{"all", "1"}, {"search", q.Get("search")}}
		} else {
			for _, id := range ids {
				body.Carry = append(body.Carry, hiddenField{"case", id})
			}
		}
	}
	p, ok := v.book.Purpose(body.Purpose)
	if !ok {
		body.Purpose = ""
		return s.show(v, "export-new", v.T("export.new"), body)
	}
	body.PurposeName, body.Whole = v.label("export_purpose", p.ID), p.Whole
	body.Kinds = v.exportKinds(p)
	if p.Consent != "" {
		body.Consent = v.label("consent_purpose", p.Consent)
	}
	chosen := v.r.PostForm.Get("format")
	for _, name := range takeout.Formats() {
		if p.Whole && name != registry.ArchiveFormat {
			continue
		}
		body.Formats = append(body.Formats, option{name, v.T("export.format." + name), name == chosen})
	}
	return s.show(v, "export-new", v.T("export.new"), body)
}

// exportKinds is the list of a purpose, in the words of the codebook.
func (v *visit) exportKinds(p *codebook.Purpose) []exportKind {
	var out []exportKind
	for _, k := range v.book.Kinds() {
		row := exportKind{Kind: v.in(k.Label)}
		for _, f := range k.Fields {
			switch {
			case p.Whole || f.OtherOf != "" || !p.Takes(k, f.ID):
			case f.Class == codebook.Identity:
				row.Consent = append(row.Consent, v.in(f.Label))
			default:
				row.Facts = append(row.Facts, v.in(f.Label))
			}
		}
		if len(row.Facts)+len(row.Consent) > 0 {
			out = append(out, row)
		}
	}
	return out
}

// exportProblems are what asking for an export can fail with: the field that is
// wrong, by which the message is called.
var exportProblems = []struct {
	err   error
	field string
}{
	{registry.ErrExportPurpose, "purpose"},
	{registry.ErrExportWords, "words"},
	{registry.ErrNoCases, "cases"},
	{registry.ErrManyCases, "many"},
	{registry.ErrNotFound, "unknown"},
	{registry.ErrNotAllowed, "not_yours"},
	{registry.ErrExportOwn, "own"},
	{registry.ErrExportNone, "none"},
}

func (s *server) askExport(v *visit) error {
	f := v.r.PostForm
	body := exportAskBody{Purpose: f.Get("purpose"), Cases: f.Get("cases"), Which: f.Get("which"), Numbers: f.Get("numbers"), Whom: f.Get("whom"), Reason: f.Get("reason"), Key: f.Get("key")}
	again := func(wrong string) error {
		body.Wrong, body.Problem = wrong, v.T("export.problem."+wrong)
		v.status = http.StatusUnprocessableEntity
		return s.showNewExport(v, body)
	}
	n := registry.NewExport{Format: f.Get("format"), Purpose: body.Purpose, Reason: body.Reason, To: body.Whom, Key: strings.Join(strings.Fields(body.Key), " ")}
	switch {
	case body.Cases != "":
		n.Cases = strings.Split(body.Cases, ",")
	case body.Which == "all":
		n.All = true
	default:
		n.Cases = strings.FieldsFunc(body.Numbers, func(r rune) bool { return r == ',' || r == ';' || r <= ' ' })
	}
	if !takeout.Known(n.Format) {
		return again("format")
	}
	if _, err := dossier.Recipients(n.Key); err != nil {
		return again("key")
	}
	act, err := s.reg.AskExport(v.r.Context(), v.session, n)
	var invalid *registry.InvalidError
	if errors.As(err, &invalid) {
		return again("words")
	}
	for _, p := range exportProblems {
		if errors.Is(err, p.err) && s.reg.MayExport(v.session) {
			return again(p.field)
		}
	}
	if err != nil {
		return err
	}
	v.redirect(link("/exports/"+act.ID, "done", "asked"))
	return nil
}

func (s *server) answerExport(v *visit) error {
	f := v.r.PostForm
	agree := f.Get("answer") == "approve"
	err := s.reg.AnswerExport(v.r.Context(), v.session, v.r.PathValue("id"), agree, f.Get("words"))
	if err != nil {
		return s.exportProblem(v, err)
	}
	done := "refused"
	if agree {
		done = "approved"
	}
	v.redirect(link("/exports/"+v.r.PathValue("id"), "done", done))
	return nil
}

// exportProblem says why an export can't be answered or fetched.
func (s *server) exportProblem(v *visit, err error) error {
	for _, p := range []struct {
		err   error
		words string
	}{
		{registry.ErrReason, "reason"}, {registry.ErrExportSelf, "self"}, {registry.ErrExportClosed, "closed"}, {registry.ErrChanged, "closed"},
		{registry.ErrExportWaits, "waits"}, {registry.ErrExportNone, "none"}, {registry.ErrExportOwn, "own"},
	} {
		if errors.Is(err, p.err) {
			v.status = http.StatusUnprocessableEntity
			return s.showExport(v, v.T("export.problem."+p.words))
		}
	}
	return err
}

// fetchExport hands out what an export holds as it is written, sealed: nothing of
// it is ever on the disk of the register. Its name says nothing of the cases.
func (s *server) fetchExport(v *visit) error {
	id := v.r.PathValue("id")
	fetched, err := s.reg.FetchExport(v.r.Context(), v.session, id)
	if err != nil {
		return s.exportProblem(v, err)
	}
	around, err := s.around()
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set(headers[0][0], filePolicy)
	h.Set("Content-Disposition", `attachment; filename="export.age"`)
	out := bufio.NewWriterSize(v.moving(), 64<<10)
	written, err := takeout.Write(out, fetched, takeout.With{Book: v.book, Today: s.reg.Today(), Program: strings.TrimSpace("kua " + around.Version)})
	if err = errors.Join(err, out.Flush()); err != nil {
		s.log.Error("an export did not go out whole: 'kua verify --deep' says whether a file was altered", slog.String("type", types(err)))
		panic(http.ErrAbortHandler) // the browser sees that the file is not whole
	}
	s.takenOut.add(id, written)
	return nil
}
