// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/letter"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/rules"
)

// letterRegister is what the letters ask of the registry.
type letterRegister interface {
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
	Langs                    []langLink
	Action, In, Rule, Record string
	Text                     string
	Blanks                   []blankView
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
	if !slices.Contains(letter.Languages(), a.in) {
		a.in = letter.Languages()[0] // that of the authorities
		if v.Code() == "kk" {
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
	words := s.voice(s.words.Lang(a.in))
	a.filled = letter.Case{
		Records: file.Records, Start: a.record, Today: s.reg.Today(), Due: dueOf(file, s.reg.Rules(), a.rule, a.record),
		Outside: func(id string) string { return words.Outside(file.Outside[id].Kind, file.Outside[id].Fields) },
	}
	return a, nil
}

// dueOf is the last day of the term that calls for a letter: of the deadline
// itself, or of one that the check follows; 0 where there is none.
func dueOf(file registry.CaseView, set *rules.Set, rule, record string) edtf.Day {
	def, ok := set.Rule(rule)
	if !ok {
		return 0
	}
	of := append([]string{rule}, def.Of...)
	for _, exact := range []bool{true, false} {
		for _, d := range file.Deadlines {
			if slices.Contains(of, d.Rule) && d.Due != 0 && !d.Due.Bound() && (d.Record == record || !exact) {
				return d.Due
			}
		}
	}
	return 0
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
	words := s.voice(s.words.Lang(a.in))
	draft := a.letter.Fill(words.Language, a.filled)
	here := v.r.URL.Path
	body := letterBody{
		Unreviewed: v.unreviewed(), CaseHref: casePath(a.file.Row), Number: a.file.Row.Number,
		Title: v.in(a.letter.Label), Help: v.in(a.letter.Help), Norm: v.in(a.letter.Source), Unchecked: unchecked(a.letter.Conf),
		Action: here, In: a.in, Rule: a.rule, Record: a.record, Text: text, Touched: text != "",
	}
	if !body.Touched {
		body.Text = draft.Text()
	}
	if def, ok := s.reg.Rules().Rule(a.rule); ok {
		body.Why = v.in(def.Label)
	}
	for _, code := range letter.Languages() {
		body.Langs = append(body.Langs, langLink{
			Code: code, Name: v.T("letter.in." + code), Href: link(here, "rule", a.rule, "record", a.record, "in", code), Here: code == a.in,
		})
	}
	for _, b := range draft.Blanks {
		view := blankView{Label: b.Label}
		switch {
		case !a.file.MayWrite || b.Kind == "":
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
	if !slices.Contains([]string{"docx", "txt", "print"}, as) {
		return errBadRequest
	}
	if err := s.reg.TakesLetter(v.r.Context(), v.session, a.file.Row.ID); err != nil {
		return err
	}
	switch as {
	case "docx":
		var b bytes.Buffer
		if err := letter.Docx(&b, letter.Lay(text), a.in); err != nil {
			return err
		}
		v.file(a.letter.ID+".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", b.Bytes())
		return nil
	case "txt":
		v.file(a.letter.ID+".txt", "text/plain; charset=utf-8", []byte(strings.ReplaceAll(text, "\n", "\r\n")))
		return nil
	}
	return s.show(v, "letter-print", v.in(a.letter.Label), letterPrint{
		In: a.in, Action: v.r.URL.Path, Rule: a.rule, Record: a.record, Text: text, Passages: letter.Lay(text),
	})
}

// letterPrint is a finished letter as it lies on paper.
type letterPrint struct {
	In, Action, Rule, Record, Text string
	Passages                       []letter.Passage
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
