// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/statement"
)

// statementKind is the kind of a statement's record, by which its drafts are known.
const statementKind = "statement"

// The names of the fields of the form: as those of records, so that what was
// written survives a session that ends.
const (
	fieldAsOf     = fieldPrefix + "as_of"
	fieldKnownBy  = fieldPrefix + "known_by"
	fieldK        = fieldPrefix + "k"
	fieldCorrects = fieldPrefix + "corrects"
	fieldTitle    = fieldPrefix + "title_"
	fieldText     = fieldPrefix + "text_"
)

type editBody struct {
	Here, Title, Cancel string
	Problem, Ask        string
	Problems            []formProblem
	Theirs              []theirText
	Drafted             string
	Hidden              []hiddenField
	AsOf, KnownBy, K    string
	Wrong               map[string]string // by field: why it was not understood
	CorrectsTitle       string
	CorrectsHref        string
	Texts               []editText
	Preview             previewBody
	Insert              []insertList
	LeastK, DefaultK    int
}

// editText are the fields of one language.
type editText struct {
	Lang, Name, Title, Text string
	Open                    bool
}

// theirText is what somebody else has written meanwhile.
type theirText struct{ Name, Text string }

type previewBody struct {
	Texts    []writtenText
	Findings []findingLine
	Problem  string
	K, Least string
}

// insertList is a list of what can be put into a text.
type insertList struct {
	ID, Name, Lead string
	Open           bool
	Rows           []insertRow
}

// insertRow is a directive with what it says at present.
type insertRow struct{ Name, Value, Help, Directive string }

// typedStatement is a statement as the form shows it.
func typedStatement(t registry.StatementText) url.Values {
	form := url.Values{fieldAsOf: {t.AsOf.String()}, fieldKnownBy: {t.KnownBy}, fieldCorrects: {t.Corrects}}
	if t.AsOf == 0 {
		form.Del(fieldAsOf)
	}
	if t.K != 0 {
		form.Set(fieldK, strconv.Itoa(t.K))
	}
	for _, lang := range statement.Languages() {
		form.Set(fieldTitle+lang, t.Titles[lang])
		form.Set(fieldText+lang, t.Texts[lang])
	}
	return form
}

// readStatement is the inverse of typedStatement. What was not understood is
// answered by its field, and is as if it had not been typed.
func (v *visit) readStatement(form url.Values) (registry.StatementText, map[string]string) {
	t := registry.StatementText{Corrects: strings.TrimSpace(form.Get(fieldCorrects)), Titles: map[string]string{}, Texts: map[string]string{}}
	wrong := map[string]string{}
	if text := strings.TrimSpace(form.Get(fieldAsOf)); text != "" {
		d, err := locale.ReadDate(text)
		if err != nil || d.Latest().Bound() {
			wrong[fieldAsOf] = v.T("form.problem.date", text)
		} else {
			t.AsOf = d.Latest()
		}
	}
	if text := strings.TrimSpace(form.Get(fieldKnownBy)); text != "" {
		if _, err := statement.ParseMoment(text); err != nil {
			wrong[fieldKnownBy] = v.T("statements.problem.known_by", text)
		} else {
			t.KnownBy = text
		}
	}
	if text := strings.TrimSpace(form.Get(fieldK)); text != "" {
		k, err := strconv.Atoi(text)
		if err != nil || k < statement.LeastK || k > 1000 {
			wrong[fieldK] = v.T("statements.problem.k", statement.LeastK)
		} else {
			t.K = k
		}
	}
	for _, lang := range statement.Languages() {
		if title := strings.TrimSpace(form.Get(fieldTitle + lang)); title != "" {
			t.Titles[lang] = title
		}
		if text := strings.ReplaceAll(form.Get(fieldText+lang), "\r\n", "\n"); strings.TrimSpace(text) != "" {
			t.Texts[lang] = text
		}
	}
	return t, wrong
}

// writing is a statement at which a member writes.
type writing struct {
	id, draftID  string
	typed        url.Values
	problem, ask string
	theirs       []theirText
	previews     bool
}

func (s *server) newStatement(v *visit) error {
	if !s.reg.May(v.session, access.WriteText) {
		return registry.ErrNotAllowed
	}
	w := &writing{typed: url.Values{}}
	if of := v.r.URL.Query().Get("corrects"); of != "" {
		old, err := s.reg.Statement(v.r.Context(), v.session, of)
		if err != nil {
			return err
		}
		if old.Manifest == nil {
			return registry.ErrNotFound
		}
		text := old.Text
		text.Corrects, text.KnownBy = old.ID, ""
		w.typed = typedStatement(text)
		w.ask = v.T("statements.correction")
	}
	return s.continueWriting(v, w)
}

func (s *server) editStatement(v *visit) error {
	view, err := s.reg.Statement(v.r.Context(), v.session, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if view.Manifest != nil {
		v.redirect(statementPath(view.ID))
		return nil
	}
	w := &writing{id: view.ID, typed: typedStatement(view.Text)}
	w.typed.Set("seen", strconv.Itoa(view.Seen))
	return s.continueWriting(v, w)
}

// continueWriting shows the form, with a draft where one is asked for.
func (s *server) continueWriting(v *visit, w *writing) error {
	if id := v.r.URL.Query().Get("draft"); id != "" {
		kept, err := s.reg.Draft(v.r.Context(), v.session, id)
		if err != nil {
			return err
		}
		if kept.Case != "" || kept.Kind != statementKind || kept.Record != w.id {
			return registry.ErrNotFound
		}
		w.typed, w.draftID = kept.Form, id
	}
	w.previews = true
	return s.showWriting(v, w)
}

// here is the address of the form.
func (w *writing) here() string {
	if w.id == "" {
		return "/statements/new"
	}
	return statementPath(w.id) + "/edit"
}

func (s *server) showWriting(v *visit, w *writing) error {
	ctx := v.r.Context()
	t, wrong := v.readStatement(w.typed)
	body := editBody{
		Here: w.here(), Title: v.T("statements.new"), Cancel: "/statements", Problem: w.problem, Ask: w.ask, Theirs: w.theirs,
		AsOf: w.typed.Get(fieldAsOf), KnownBy: w.typed.Get(fieldKnownBy), K: w.typed.Get(fieldK), Wrong: wrong,
		LeastK: statement.LeastK, DefaultK: statement.DefaultK,
	}
	if body.AsOf == "" {
		body.AsOf = s.reg.Today().String()
	}
	if w.id != "" {
		body.Title, body.Cancel = v.statementTitle(t.Titles), statementPath(w.id)
	}
	if w.draftID != "" {
		body.Drafted = v.T("form.drafted")
	}
	for _, field := range []string{fieldAsOf, fieldKnownBy, fieldK} {
		if wrong[field] != "" {
			body.Problems = append(body.Problems, formProblem{inputID(field), wrong[field]})
		}
	}
	body.Hidden = []hiddenField{{"draft", w.draftID}, {"seen", w.typed.Get("seen")}, {fieldCorrects, t.Corrects}}
	if t.Corrects != "" {
		old, err := s.reg.Statement(ctx, v.session, t.Corrects)
		if err != nil && !errors.Is(err, registry.ErrNotFound) {
			return err
		}
		body.CorrectsTitle, body.CorrectsHref = v.statementTitle(old.Titles), statementPath(t.Corrects)
	}
	for _, lang := range statement.Languages() {
		text := editText{Lang: lang, Name: v.T("statement.lang." + lang), Title: w.typed.Get(fieldTitle + lang), Text: w.typed.Get(fieldText + lang)}
		text.Open = text.Text != "" || text.Title != "" || len(t.Texts) == 0 && lang == v.Code()
		body.Texts = append(body.Texts, text)
	}
	var err error
	if w.previews {
		if body.Preview, err = s.preview(v, t); err != nil {
			return err
		}
	}
	if body.Insert, err = s.insertable(v, t); err != nil {
		return err
	}
	v.script("form.js")
	v.script("statement.js")
	return s.show(v, "statement-edit", v.T("statements.one"), body)
}

// preview is a statement as it would go out today.
func (s *server) preview(v *visit, t registry.StatementText) (previewBody, error) {
	if len(t.Texts) == 0 {
		return previewBody{}, nil
	}
	checked, err := s.reg.CheckStatement(v.r.Context(), v.session, t)
	if err != nil {
		return previewBody{}, err
	}
	return previewBody{
		Texts: s.writeOut(v, t, checked.Filling(s.reg.FigureSet)), Findings: v.findings(t, checked.Findings, ""),
		K: v.Number(checked.Settings.K), Least: v.least(checked.Least),
	}, nil
}

// previewStatement answers the script of the editor with what stands beside the text.
func (s *server) previewStatement(v *visit) error {
	if !s.reg.May(v.session, access.WriteText) {
		return registry.ErrNotAllowed
	}
	t, _ := v.readStatement(v.r.PostForm)
	body, err := s.preview(v, t)
	if err != nil {
		return err
	}
	text, err := s.fill(v, "statement-edit", "preview", body)
	if err != nil {
		return err
	}
	v.write(text)
	return nil
}

// writeStatement keeps a statement, previews it, or keeps what was typed as a draft.
func (s *server) writeStatement(v *visit) error {
	if !s.reg.May(v.session, access.WriteText) {
		return registry.ErrNotAllowed
	}
	ctx := v.r.Context()
	w := &writing{id: v.r.PathValue("id"), typed: v.r.PostForm, draftID: v.r.PostForm.Get("draft")}
	then := w.typed.Get("then")
	w.typed.Del("then")
	if w.id != "" {
		view, err := s.reg.Statement(ctx, v.session, w.id)
		if err != nil {
			return err
		}
		w.id = view.ID
	}
	switch then {
	case "autosave":
		return s.autosaveStatement(v, w)
	case "preview":
		w.previews = true
		return s.showWriting(v, w)
	case "draft":
		if _, err := s.keepStatement(v, w); err != nil {
			key := draftProblem(err)
			if key == "" {
				return err
			}
			return s.refuseWriting(v, w, v.T(key))
		}
		v.redirect("/drafts")
		return nil
	}
	t, wrong := v.readStatement(w.typed)
	switch {
	case len(wrong) > 0:
		return s.refuseWriting(v, w, v.T("form.problems"))
	case len(t.Texts) == 0 && len(t.Titles) == 0:
		return s.refuseWriting(v, w, v.T("form.problem.empty"))
	}
	id, err := s.reg.PutStatement(ctx, v.session, registry.StatementChange{ID: w.id, Seen: seenOf(w.typed), StatementText: t})
	switch {
	case errors.Is(err, registry.ErrChanged):
		if err := s.meetStatement(v, w, t); err != nil {
			return err
		}
		return s.refuseWriting(v, w, v.T("form.problem.changed"))
	case errors.Is(err, registry.ErrPublished):
		return s.refuseWriting(v, w, v.T("statements.problem.published"))
	case errors.Is(err, registry.ErrNoAncestor):
		return s.refuseWriting(v, w, v.T("statements.problem.ancestor"))
	case err != nil:
		return err
	}
	if w.draftID != "" {
		if err := s.reg.DropDraft(ctx, v.session, w.draftID); err != nil {
			return err
		}
	}
	v.redirect(link(statementPath(id), "done", "saved"))
	return nil
}

func (s *server) refuseWriting(v *visit, w *writing, problem string) error {
	v.status = http.StatusUnprocessableEntity
	w.problem, w.previews = problem, true
	return s.showWriting(v, w)
}

// meetStatement shows what somebody else has written since the form was
// opened, beside one's own. Saved once more, one's own stands.
func (s *server) meetStatement(v *visit, w *writing, mine registry.StatementText) error {
	view, err := s.reg.Statement(v.r.Context(), v.session, w.id)
	if err != nil {
		return err
	}
	w.typed.Set("seen", strconv.Itoa(view.Seen))
	differ := func(name, mine, theirs string) {
		if mine != theirs {
			w.theirs = append(w.theirs, theirText{name, theirs})
		}
	}
	if mine.AsOf != view.Text.AsOf {
		differ(v.T("statements.as_of"), "", v.Day(view.Text.AsOf))
	}
	differ(v.T("statements.known_by"), mine.KnownBy, view.Text.KnownBy)
	for _, lang := range statement.Languages() {
		name := v.T("statement.lang." + lang)
		differ(join([]string{name, v.T("statements.field.title")}), mine.Titles[lang], view.Text.Titles[lang])
		differ(join([]string{name, v.T("statements.field.text")}), mine.Texts[lang], view.Text.Texts[lang])
	}
	return nil
}

// keepStatement keeps what was typed as a draft.
func (s *server) keepStatement(v *visit, w *writing) (string, error) {
	kept := registry.Draft{ID: w.draftID, Kind: statementKind, Record: w.id, Form: maps.Clone(map[string][]string(w.typed))}
	delete(kept.Form, "draft")
	id, err := s.reg.KeepDraft(v.r.Context(), v.session, kept)
	if errors.Is(err, registry.ErrNotFound) && w.draftID != "" { // dropped meanwhile in another window
		kept.ID = ""
		id, err = s.reg.KeepDraft(v.r.Context(), v.session, kept)
	}
	return id, err
}

// autosaveStatement keeps what is being typed.
func (s *server) autosaveStatement(v *visit, w *writing) error {
	_, wrong := v.readStatement(w.typed)
	out := autosaved{Read: map[string]string{}, Problem: map[string]string{}}
	for _, field := range []string{fieldAsOf, fieldKnownBy, fieldK} {
		out.Problem[inputID(field)] = wrong[field]
	}
	id, err := s.keepStatement(v, w)
	switch {
	case err == nil:
		out.Draft, out.Words = id, v.T("form.autosaved")
	case draftProblem(err) != "":
		out.Words = v.T(draftProblem(err))
	default:
		return err
	}
	v.w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(v.w).Encode(out)
}

// insertable are the directives that can be put into a text, with what they say at present.
func (s *server) insertable(v *visit, t registry.StatementText) ([]insertList, error) {
	ctx := v.r.Context()
	clock := registry.Clock{AsOf: t.AsOf}
	if clock.AsOf == 0 {
		clock.AsOf = s.reg.Today()
	}
	if t.KnownBy != "" {
		if at, err := statement.ParseMoment(t.KnownBy); err == nil {
			clock.KnownBy = at
		}
	}
	table, err := s.reg.Figures(ctx, v.session, registry.FigureQuery{Clock: clock, Scope: coalition})
	if err != nil {
		return nil, err
	}
	figures := insertList{ID: "figures", Name: v.T("statements.insert.figures"), Lead: v.T("statements.insert.figures.lead"), Open: true}
	for _, value := range table.Values {
		def := table.Defs[value.ID]
		figures.Rows = append(figures.Rows, insertRow{v.in(def.Label), v.Number(value.Value), v.in(def.Help), directive("figure", value.ID)})
	}
	known, err := s.reg.Known(ctx, v.session, "official_figure")
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		return nil, err
	}
	outside := insertList{ID: "outside", Name: v.T("statements.insert.outside"), Lead: v.T("statements.insert.outside.lead")}
	for _, rec := range known {
		if first(rec.Fields, "indicator") == "" {
			continue
		}
		by, publisher := first(rec.Fields, "by"), first(rec.Fields, "by")
		if body := first(rec.Fields, "by_body"); body != "" {
			by, publisher = body, v.label("body", body)
		}
		day := first(rec.Fields, "date")
		when := ""
		if d, err := edtf.Parse(day); err == nil && !d.IsZero() {
			when = v.DateShort(d)
		}
		outside.Rows = append(outside.Rows, insertRow{
			v.label("indicator", first(rec.Fields, "indicator")), first(rec.Fields, "value"), join([]string{publisher, when}),
			directive("outside", first(rec.Fields, "indicator"), "by", by, "on", day),
		})
	}
	parts := insertList{ID: "parts", Name: v.T("statements.insert.parts"), Lead: v.T("statements.insert.parts.lead"), Rows: []insertRow{
		{v.T("statements.insert.way"), "", v.T("statements.insert.way.help"), directive("chart", "", "set", "way")},
		{v.T("statements.insert.table"), "", v.T("statements.insert.table.help"), directive("table", "", "set", "way")},
		{v.T("statements.insert.map"), "", v.T("statements.insert.map.help"), directive("map", "reports")},
	}}
	for _, f := range s.reg.StatementFacets() {
		label := v.in(f.Label)
		parts.Rows = append(parts.Rows,
			insertRow{v.T("statements.insert.by", label), "", v.T("statements.insert.by.help"), directive("table", "reports", "by", f.ID)},
			insertRow{v.T("statements.insert.bars", label), "", v.T("statements.insert.bars.help"), directive("chart", "reports", "by", f.ID)})
	}
	end := " … {{end}}"
	people := insertList{ID: "people", Name: v.T("statements.insert.people"), Lead: v.T("statements.insert.people.lead"), Rows: []insertRow{
		{v.T("statements.insert.story"), "", v.T("statements.insert.story.help"), directive("story", "", "case", "…") + end},
		{v.T("statements.insert.quote"), "", v.T("statements.insert.quote.help"), directive("quote", "", "case", "…") + end},
		{v.T("statements.insert.name"), "", v.T("statements.insert.name.help"), directive("name", "", "case", "…") + end},
	}}
	share := "reports"
	for _, value := range table.Values {
		if value.Base >= 0 {
			share = value.ID
			break
		}
	}
	ways := insertList{ID: "ways", Name: v.T("statements.insert.ways"), Lead: v.T("statements.insert.ways.lead"), Rows: []insertRow{
		{v.T("statements.insert.words"), "", v.T("statements.insert.words.help"), directive("figure", "reports", "as", "words")},
		{v.T("statements.insert.share"), "", v.T("statements.insert.share.help"), directive("figure", share, "show", "share")},
		{v.T("statements.insert.day"), "", v.T("statements.insert.day.help"), directive("figure", "reports", "asof", clock.AsOf.String())},
		{v.T("statements.insert.verified"), "", v.T("statements.insert.verified.help"), "{{figure \"reports\" verified}}"},
	}}
	lists := []insertList{figures, outside, parts, people, ways}
	return slices.DeleteFunc(lists, func(l insertList) bool { return len(l.Rows) == 0 }), nil
}

// directive writes a directive; empty arguments are left out.
func directive(name, what string, args ...string) string {
	text := "{{" + name
	if what != "" {
		text += ` "` + what + `"`
	}
	for i := 0; i+1 < len(args); i += 2 {
		if args[i+1] != "" {
			text += " " + args[i] + `="` + strings.ReplaceAll(args[i+1], `"`, "”") + `"`
		}
	}
	return text + "}}"
}
