// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"context"
	"html/template"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/letter"
	"github.com/kua-registry/kua/internal/paper"
	"github.com/kua-registry/kua/internal/registry"
)

// letterRegister is what the letters ask of the registry.
type letterRegister interface {
	Letters() (*letter.Set, error)
	TakesLetter(ctx context.Context, s *access.Session, caseID string) error
}

func (s *server) letterRoutes() []route {
	return []route{
		{"GET /cases/{id}/letters/{letter}", s.signed(s.letterPage)},
		{"POST /cases/{id}/letters/{letter}", s.signed(s.takeLetter)},
	}
}

// letterLimit is how many bytes a finished letter may have.
const letterLimit = 256 << 10

type letterBody struct {
	Unreviewed               []string
	CaseHref, Number         string
	Title, Help, Why, Norm   string
	Unchecked                bool
	Exam                     string // the page of the examination it is about; empty: of something else
	Langs                    []langLink
	About                    []langLink // the records it may be about
	Action, In, Rule, Record string
	Text                     string
	Look                     template.HTML // what it will look like
	Blanks                   []blankView
	Purpose                  string // for which people are named in it
	Sent, SentKind           string // where it is written down that it was sent, for those who may
	Touched                  bool   // a person has worked on the text: it is shown as they left it
}

// blankView is something the case does not hold, with where it is written down.
type blankView struct{ Label, Href string }

// letterAsked is a letter with what calls for it.
type letterAsked struct {
	letter       *letter.Letter
	file         registry.CaseView
	rule, record string
	in           string // the language it is written in
	filled       letter.Case
}

// asked reads which letter is meant, for which rule and record, in which language.
func (s *server) asked(v *visit, q url.Values) (*letterAsked, error) {
	l, ok := s.letters.Letter(v.r.PathValue("letter"))
	if !ok {
		return nil, registry.ErrNotFound
	}
	file, err := s.reg.Case(v.r.Context(), v.session, v.r.PathValue("id"), registry.Clock{})
	if err != nil {
		return nil, err
	}
	a := &letterAsked{letter: l, file: file, in: q.Get("in")}
	if !slices.Contains(l.Langs, a.in) {
		a.in = l.Langs[0] // that of its reader
		if v.Code() == "kk" && slices.Contains(l.Langs, "kk") {
			a.in = "kk"
		}
	}
	if _, ok := s.reg.Rules().Rule(q.Get("rule")); ok {
		a.rule = q.Get("rule")
	}
	for _, rec := range file.Records {
		if rec.ID == q.Get("record") {
			a.record = rec.ID
		}
	}
	if about := l.Records(file.Records); a.record == "" && len(about) > 0 {
		a.record = about[len(about)-1]
	}
	a.filled = registry.LetterCase(file, s.reg.Rules(), s.reg.Today(), a.rule, a.record)
	return a, nil
}

func (s *server) letterPage(v *visit) error {
	a, err := s.asked(v, v.r.URL.Query())
	if err != nil {
		return err
	}
	return s.showLetter(v, a, "")
}

// showLetter shows a letter to be finished: as the case fills it, or as a person left it.
func (s *server) showLetter(v *visit, a *letterAsked, text string) error {
	draft := a.letter.Fill(s.words.Lang(a.in), a.filled)
	here := v.r.URL.Path
	body := letterBody{
		Unreviewed: v.unreviewed(), CaseHref: casePath(a.file.Row), Number: a.file.Row.Number,
		Title: v.in(a.letter.Label), Help: v.in(a.letter.Help), Norm: v.in(a.letter.Source), Unchecked: unchecked(a.letter.Conf),
		Action: here, In: a.in, Rule: a.rule, Record: a.record, Text: text, Touched: text != "",
		Purpose: v.label("consent_purpose", a.letter.Purpose),
	}
	if !body.Touched {
		body.Text = draft.Text()
	}
	var look strings.Builder
	if err := paper.HTMLFragment(&look, a.letter.Finished(a.in, letter.Lay(body.Text), draft.Maps)); err != nil {
		return err
	}
	body.Look = template.HTML(look.String()) // #nosec G203 -- package paper escapes all that is not its own
	if def, ok := s.reg.Rules().Rule(a.rule); ok {
		body.Why = v.in(def.Label)
	}
	for _, code := range a.letter.Langs {
		body.Langs = append(body.Langs, langLink{
			Code: code, Name: v.T("letter.in." + code), Href: link(here, "rule", a.rule, "record", a.record, "in", code), Here: code == a.in,
		})
	}
	for _, id := range a.letter.Records(a.file.Records) {
		rec := a.file.Records[slices.IndexFunc(a.file.Records, func(rec *casefile.Record) bool { return rec.ID == id })]
		body.About = append(body.About, langLink{
			Name: join([]string{v.title(rec, func(string) valueText { return valueText{} }), v.DateShort(rec.Date)}), Href: link(here, "rule", a.rule, "record", id, "in", a.in), Here: id == a.record,
		})
	}
	if slices.ContainsFunc(a.file.Records, func(rec *casefile.Record) bool { return rec.ID == a.record && rec.Kind == "examination" }) {
		body.Exam = casePath(a.file.Row) + "/examinations/" + a.record
	}
	for _, b := range draft.Blanks {
		view := blankView{Label: b.Label}
		switch {
		case !a.file.MayWrite || b.Kind == "":
		case b.Kind == letter.Consents:
			view.Href = link(casePath(a.file.Row)+"/add/"+b.Kind, "f.purpose", a.letter.Purpose, "f.person", b.Record)
		case b.Record != "":
			view.Href = recordPath(a.file.Row, b.Record) + "/edit"
		default:
			view.Href = casePath(a.file.Row) + "/add/" + b.Kind
		}
		body.Blanks = append(body.Blanks, view)
	}
	if a.file.MayWrite {
		sent := a.letter.Sent(a.filled)
		pairs := []string{}
		for _, field := range slices.Sorted(maps.Keys(sent)) {
			pairs = append(pairs, "f."+field, sent[field])
		}
		body.Sent = link(casePath(a.file.Row)+"/add/"+a.letter.Record, pairs...)
		body.SentKind = v.kind(a.letter.Record)
	}
	return s.show(v, "letter", a.file.Row.Number+" · "+body.Title, body)
}

// takeLetter hands out a finished letter, after it was written down that it leaves.
func (s *server) takeLetter(v *visit) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, postLimit)
	if err := v.r.ParseForm(); err != nil {
		return errBadRequest
	}
	a, err := s.asked(v, v.r.PostForm)
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(v.r.PostFormValue("text"), "\r\n", "\n")
	as := v.r.PostFormValue("as")
	switch {
	case len(text) > letterLimit:
		return errBadRequest
	case strings.TrimSpace(text) == "":
		return s.showLetter(v, a, "")
	case as == "edit":
		return s.showLetter(v, a, text)
	}
	if as == "txt" {
		return s.handOut(v, a, "text/plain; charset=utf-8", as, []byte(strings.ReplaceAll(text, "\n", "\r\n")))
	}
	for _, f := range letterFormats {
		if f.as != as {
			continue
		}
		draft := a.letter.Fill(s.words.Lang(a.in), a.filled)
		var b bytes.Buffer
		if err := f.write(&b, a.letter.Finished(a.in, letter.Lay(text), draft.Maps)); err != nil {
			return err
		}
		return s.handOut(v, a, f.media, as, b.Bytes())
	}
	return errBadRequest
}

// letterFormats are the files as which a letter leaves, beside its text.
var letterFormats = []struct {
	as, media string
	write     func(io.Writer, paper.Document) error
}{
	{"pdf", "application/pdf", paper.PDF},
	{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", paper.DOCX},
}

// handOut gives out a letter as a file, after it was written down that it leaves.
func (s *server) handOut(v *visit, a *letterAsked, media, ext string, data []byte) error {
	if err := s.reg.TakesLetter(v.r.Context(), v.session, a.file.Row.ID); err != nil {
		return err
	}
	v.file(a.letter.ID+"."+ext, media, data)
	return nil
}

// formGroup are the forms for a reader.
type formGroup struct {
	Name  string
	Links []stepLink
}

// forms are those that the case can be put into, by who reads them. A form
// about a record stands there only where there is such a record.
func (c *caseReader) forms() []formGroup {
	var out []formGroup
	for _, reader := range []string{"court", "lawyer", "srt", "cat", "wgad"} {
		g := formGroup{Name: c.T("letter.reader." + reader)}
		for _, l := range c.letters.Forms(reader) {
			if l.Readers[0] == reader && (l.About == "" || len(l.Records(c.file.Records)) > 0) {
				g.Links = append(g.Links, stepLink{casePath(c.file.Row) + "/letters/" + l.ID, c.in(l.Label)})
			}
		}
		if len(g.Links) > 0 {
			out = append(out, g)
		}
	}
	return out
}

// recordPath is the address of one record of a case.
func recordPath(r registry.Row, id string) string {
	return casePath(r) + "/records/" + url.PathEscape(id)
}

// file sends a file to be kept. Its name says nothing of the case.
func (v *visit) file(name, kind string, data []byte) {
	h := v.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, _ = v.w.Write(data) // who has gone needs no answer
}
