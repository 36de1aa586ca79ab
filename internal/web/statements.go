// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"context"
	"errors"
	"html/template"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/paper"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/statement"
)

// statementRegister is what the pages of statements ask of the registry.
type statementRegister interface {
	Statements(ctx context.Context, s *access.Session) ([]registry.StatementRow, error)
	Statement(ctx context.Context, s *access.Session, id string) (registry.StatementView, error)
	PublishedStatement(ctx context.Context, s *access.Session, id string) (registry.StatementView, statement.Filling, error)
	PutStatement(ctx context.Context, s *access.Session, c registry.StatementChange) (string, error)
	CheckStatement(ctx context.Context, s *access.Session, t registry.StatementText) (registry.StatementCheck, error)
	PublishStatement(ctx context.Context, s *access.Session, id string, seen int, accept string) (registry.Release, error)
	VerifyStatement(ctx context.Context, s *access.Session, signed []byte) (registry.StatementVerdict, error)
	StatementKey(ctx context.Context, s *access.Session) (string, error)
	PublicPage(ctx context.Context, s *access.Session) (registry.PublicPage, bool, error)
	SetPublicPage(ctx context.Context, s *access.Session, p registry.PublicPage) error
	FigureSet(set string) []string
	StatementFacets() []statement.Facet
}

func (s *server) statementRoutes() []route {
	return []route{
		{"GET /statements", s.signed(s.statements)},
		{"GET /statements/new", s.signed(s.newStatement)},
		{"POST /statements/new", s.signed(s.writeStatement)},
		{"POST /statements/public", s.signed(s.setPublic)},
		{"POST /statements/preview", s.signed(s.previewStatement)},
		{"GET /statements/verify", s.signed(s.verifyPage)},
		{"POST /statements/verify", s.signed(s.verifyGiven)},
		{"GET /statements/{id}", s.signed(s.statement)},
		{"POST /statements/{id}", s.signed(s.takeStatement)},
		{"GET /statements/{id}/edit", s.signed(s.editStatement)},
		{"POST /statements/{id}/edit", s.signed(s.writeStatement)},
		{"GET /statements/{id}/publish", s.signed(s.publishPage)},
		{"POST /statements/{id}/publish", s.signed(s.publishStatement)},
		{"GET /statements/{id}/verify", s.signed(s.verifyStatement)},
	}
}

func statementPath(id string) string { return "/statements/" + id }

type statementsBody struct {
	May              bool // write one
	MayPublish       bool
	MayPublic        bool // decide about the public page
	Public           registry.PublicPage
	Problem          string
	Drafts, Released []statementLine
}

// statementLine is a statement in a list.
type statementLine struct {
	Href, Title, When, AsOf, Langs string
	Corrects, CorrectedBy          valueText
}

func (s *server) statements(v *visit) error { return s.showStatements(v, nil, "") }

// showStatements shows the list; page is what was typed about the public page, nil: nothing.
func (s *server) showStatements(v *visit, page *registry.PublicPage, problem string) error {
	rows, err := s.reg.Statements(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	body := statementsBody{May: s.reg.May(v.session, access.WriteText), MayPublish: s.reg.May(v.session, access.Publish), Problem: problem}
	if body.Public, body.MayPublic, err = s.reg.PublicPage(v.r.Context(), v.session); err != nil {
		return err
	}
	if page != nil {
		body.Public.Name, body.Public.Address = page.Name, page.Address
	}
	titles := map[string]string{}
	for _, row := range rows {
		titles[row.ID] = v.statementTitle(row.Titles)
	}
	for _, row := range rows {
		line := statementLine{Href: statementPath(row.ID), Title: titles[row.ID], When: v.moment(row.Changed), AsOf: v.Day(row.AsOf), Langs: v.langNames(row.Titles)}
		if row.Corrects != "" {
			line.Corrects = valueText{titles[row.Corrects], statementPath(row.Corrects)}
		}
		if row.CorrectedBy != "" {
			line.CorrectedBy = valueText{titles[row.CorrectedBy], statementPath(row.CorrectedBy)}
		}
		if row.Published.IsZero() {
			body.Drafts = append(body.Drafts, line)
			continue
		}
		line.When = v.moment(row.Published)
		body.Released = append(body.Released, line)
	}
	return s.show(v, "statements", v.T("statements.title"), body)
}

// setPublic switches the public page on or off.
func (s *server) setPublic(v *visit) error {
	page := registry.PublicPage{On: v.r.PostFormValue("on") == "yes", Name: v.r.PostFormValue("name"), Address: v.r.PostFormValue("address")}
	err := s.reg.SetPublicPage(v.r.Context(), v.session, page)
	problem := ""
	switch {
	case err == nil:
		s.published()
		v.redirect("/statements")
		return nil
	case errors.Is(err, registry.ErrPublicName):
		problem = v.T("public.problem.name")
	case errors.Is(err, registry.ErrPublicAddress):
		problem = v.T("public.problem.address")
	default:
		return err
	}
	v.status = http.StatusUnprocessableEntity
	return s.showStatements(v, &page, problem)
}

// statementTitle is the title in the reader's language, or in another where there is none.
func (v *visit) statementTitle(titles map[string]string) string {
	for _, lang := range append([]string{v.Code()}, statement.Languages()...) {
		if titles[lang] != "" {
			return titles[lang]
		}
	}
	return v.T("statements.untitled")
}

// langNames are the languages that something is in.
func (v *visit) langNames(in map[string]string) string {
	var names []string
	for _, lang := range statement.Languages() {
		if in[lang] != "" {
			names = append(names, v.T("statement.lang."+lang))
		}
	}
	return join(names)
}

type statementBody struct {
	Href, Title, Done     string
	Published             bool
	Edit, Publish         string // addresses; empty: not to be done, or not by this member
	Verify, Correct       string
	Corrects, CorrectedBy valueText
	Facts                 []pair
	Texts                 []writtenText
	Findings              []findingLine
	Key                   string
	Figures               []frozenLine
	Accepted              string
	Formats               []string
}

// writtenText is a statement in one language, filled in.
type writtenText struct {
	Lang, Name string
	Open       bool
	Page       template.HTML // of package paper, which lets no text become markup
	Fault      string
	Line       int
}

// statement is one statement: as it went out, or as it would.
func (s *server) statement(v *visit) error {
	ctx := v.r.Context()
	view, err := s.reg.Statement(ctx, v.session, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	body := statementBody{Href: statementPath(view.ID), Title: v.statementTitle(view.Titles), Published: view.Manifest != nil}
	for _, done := range []string{"saved", "published"} {
		if v.r.URL.Query().Get("done") == done {
			body.Done = v.T("statements.done." + done)
		}
	}
	titled := func(id string) (valueText, error) {
		if id == "" {
			return valueText{}, nil
		}
		other, err := s.reg.Statement(ctx, v.session, id)
		return valueText{v.statementTitle(other.Titles), statementPath(id)}, err
	}
	if body.Corrects, err = titled(view.Corrects); err != nil {
		return err
	}
	if body.CorrectedBy, err = titled(view.CorrectedBy); err != nil {
		return err
	}
	var filling statement.Filling
	if !body.Published {
		checked, err := s.reg.CheckStatement(ctx, v.session, view.Text)
		if err != nil {
			return err
		}
		filling = checked.Filling(s.reg.FigureSet)
		body.Findings = v.findings(view.Text, checked.Findings, body.Href+"/edit")
		body.Edit = body.Href + "/edit"
		if view.MayPublish {
			body.Publish = body.Href + "/publish"
		}
		body.Facts = []pair{{v.T("statements.as_of"), v.Day(view.Text.AsOf)}, {v.T("statements.known_by"), v.knownBy(view.Text.KnownBy)}, {v.T("statements.k"), v.Number(checked.Settings.K)}}
		body.Texts = s.writeOut(v, view.Text, filling)
		return s.show(v, "statement", v.T("statements.one"), body)
	}
	if _, filling, err = s.reg.PublishedStatement(ctx, v.session, view.ID); err != nil {
		return err
	}
	m, err := statement.Peek(view.Manifest)
	if err != nil {
		return err
	}
	if body.Key, err = s.reg.StatementKey(ctx, v.session); err != nil {
		return err
	}
	body.Verify, body.Formats = body.Href+"/verify", formatNames()
	if view.CorrectedBy == "" {
		body.Correct = link("/statements/new", "corrects", view.ID)
	}
	body.Accepted = m.Accepted
	body.Facts = []pair{
		{v.T("statements.published"), v.moment(m.Published)}, {v.T("statements.as_of"), v.Day(view.Text.AsOf)}, {v.T("statements.known_by"), v.moment(m.KnownBy)},
		{v.T("statements.k"), v.Number(m.K)}, {v.T("statements.least"), v.least(m.Least)}, {v.T("about.entries"), v.Number(int(m.Entries))},
	}
	for i, f := range m.Figures {
		body.Figures = append(body.Figures, s.frozen(v, f, filling.Answers[i]))
	}
	body.Texts = s.writeOut(v, view.Text, filling)
	return s.show(v, "statement", v.T("statements.one"), body)
}

// least writes the size of the smallest group that is told.
func (v *visit) least(n int) string {
	if n == 0 {
		return v.T("statements.least.none")
	}
	return v.Number(n)
}

// knownBy writes up to when entries count, as it was typed.
func (v *visit) knownBy(text string) string {
	if text == "" {
		return v.T("statements.known_by.all")
	}
	at, err := statement.ParseMoment(text)
	if err != nil {
		return text
	}
	return v.moment(at)
}

// casesBehind is the address of the cases behind a number.
func (s *server) casesBehind(v *visit) func(a statement.Answer, codes []string) string {
	return func(a statement.Answer, codes []string) string {
		scope := a.Scope
		if org, ok := s.reg.Organisation(v.r.Context(), scope); ok {
			scope = org.ID
		}
		pairs := []string{"figure", a.Figure, "scope", scope, "verified", v.verifiedParam(a.Verified), "as_of", a.AsOf.String()}
		if !a.KnownBy.IsZero() {
			pairs = append(pairs, "known_by", a.KnownBy.UTC().Format(momentLayouts[0]))
		}
		for i, code := range codes {
			if !slices.Contains(facetNames, a.By[i]) {
				return ""
			}
			pairs = append(pairs, a.By[i], code)
		}
		return link("/cases", pairs...)
	}
}

// writeOut is a statement filled in, in each of its languages.
func (s *server) writeOut(v *visit, t registry.StatementText, filling statement.Filling) []writtenText {
	filling.Cases = s.casesBehind(v)
	var out []writtenText
	first := ""
	for _, lang := range append([]string{v.Code()}, statement.Languages()...) {
		if first == "" && t.Texts[lang] != "" {
			first = lang
		}
	}
	for _, lang := range statement.Languages() {
		if t.Texts[lang] == "" {
			continue
		}
		w := writtenText{Lang: lang, Name: v.T("statement.lang." + lang), Open: lang == first}
		var b bytes.Buffer
		doc, err := statement.Document(t.Texts[lang], t.Titles[lang], filling.In(s.words.Lang(lang), v.book))
		if err == nil {
			err = paper.HTMLFragment(&b, doc)
		}
		if err != nil {
			w.Fault = v.T("statements.fault")
		}
		w.Page = template.HTML(belowHead(b.String())) //nolint:gosec // written by package paper, which escapes all text
		out = append(out, w)
	}
	return out
}

// belowHead makes the title of a document a heading below that of the page.
func belowHead(page string) string {
	return strings.NewReplacer("<h1>", `<h2 class="paper-title">`, "</h1>", "</h2>").Replace(page)
}

// findingLine is something to know before a text is published.
type findingLine struct {
	Where, Text, Do  string
	Sentence, Source string // the sentence; or the line as it is written, where there is none
	Lang             string
	Line             int
	Href             string
	Stops, Accept    bool
}

// findings are what is to be known of a text, what stops it first. edit is the
// address of the form with the text; empty: the page is it.
func (v *visit) findings(t registry.StatementText, found []registry.StatementFinding, edit string) (lines []findingLine) {
	for _, f := range found {
		if f.Kind == registry.FindLanguages && len(f.Args) > 0 {
			if def, ok := v.reg.Rules().Figure(f.Args[0]); ok {
				f.Args = []string{v.in(def.Label)}
			}
		}
		line := findingLine{Text: f.In(v.Language, v.book), Sentence: f.Sentence, Lang: f.Lang, Line: f.Line, Stops: f.Stops, Accept: f.Accept}
		if key := "statements.do." + f.Kind; v.Has(key) {
			line.Do = v.T(key)
		}
		switch {
		case f.Lang != "" && f.Line > 0:
			line.Where = v.T("statements.where", v.T("statement.lang."+f.Lang), f.Line)
		case f.Lang != "":
			line.Where = v.T("statement.lang." + f.Lang)
		}
		if f.Lang != "" {
			line.Href = edit + "#text-" + f.Lang
		}
		if lines := strings.Split(t.Texts[f.Lang], "\n"); line.Sentence == "" && f.Line > 0 && f.Line <= len(lines) {
			line.Source = clipped(strings.TrimSpace(lines[f.Line-1]))
		}
		lines = append(lines, line)
	}
	rank := func(f findingLine) int {
		switch {
		case f.Stops:
			return 0
		case f.Accept:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(lines, func(a, b findingLine) int { return rank(a) - rank(b) })
	return lines
}

// clipped is the beginning of a line.
func clipped(text string) string {
	const most = 160
	if letters := []rune(text); len(letters) > most {
		return string(letters[:most-1]) + "…"
	}
	return text
}

// format is a way in which a statement leaves.
type format struct {
	name, kind string
	write      func(io.Writer, paper.Document) error
}

func formats() []format {
	return []format{
		{"html", "text/html; charset=utf-8", paper.HTML},
		{"pdf", "application/pdf", paper.PDF},
		{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", paper.DOCX},
		{"md", "text/markdown; charset=utf-8", paper.Markdown},
		{"txt", "text/plain; charset=utf-8", paper.Text},
	}
}

func formatNames() (names []string) {
	for _, f := range formats() {
		names = append(names, f.name)
	}
	return names
}

// takeStatement hands out a published statement in a language and a format, its
// manifest, or the key by which it is verified.
func (s *server) takeStatement(v *visit) error {
	ctx := v.r.Context()
	view, filling, err := s.reg.PublishedStatement(ctx, v.session, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	as := v.r.PostFormValue("as")
	lang, name, _ := strings.Cut(as, ".")
	var file bytes.Buffer
	kind := "text/plain; charset=utf-8"
	switch as {
	case "manifest.txt":
		file.Write(view.Manifest)
	case "key.txt":
		key, err := s.reg.StatementKey(ctx, v.session)
		if err != nil {
			return err
		}
		file.WriteString(key + "\n")
	default:
		all := formats()
		i := slices.IndexFunc(all, func(f format) bool { return f.name == name })
		if i < 0 || view.Text.Texts[lang] == "" {
			return errBadRequest
		}
		kind, as = all[i].kind, "statement."+as
		doc, err := statement.Document(view.Text.Texts[lang], view.Text.Titles[lang], filling.In(s.words.Lang(lang), v.book))
		if err != nil {
			return err
		}
		if err := all[i].write(&file, doc); err != nil {
			return err
		}
	}
	if err := s.reg.TakesOut(ctx, v.session, "statement", len(filling.Answers)); err != nil {
		return err
	}
	v.file(as, kind, file.Bytes())
	return nil
}
