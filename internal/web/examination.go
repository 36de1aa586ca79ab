// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/istanbul"
	"github.com/kua-registry/kua/internal/registry"
)

type examinationBody struct {
	Number, Back, All string
	Title, Side       string
	FactsOnly         bool
	Glance            []examFact
	Complete          string
	Bar               *examBar
	Breached          []checkView
	Map               mapView
	Findings          []findingView
	AddFinding        string
	Sections          []examSection
	Opinion           *anchorText // the medical opinion that is written from it; nil: from another
	Whole             string      // the record as a whole, with its history
	MayWrite          bool
	Missed            bool // a place was chosen at which there is nothing
}

// opinionLetter is the medical opinion after an evaluation under the Istanbul Protocol.
const opinionLetter = "ip_opinion"

type examFact struct {
	Label, Text string
	Flags       []tag
}

// examBar draws how much is recorded; in hundredths.
type examBar struct{ Recorded, Known int }

type findingView struct {
	N                   int
	Anchor, Title, Edit string
	Lines               []string
	Tag                 string
}

type examSection struct {
	ID, Title, Count, Edit string
	Rows                   []examRow
}

type examRow struct {
	Label, State, Source string
	Tone                 string
	Texts                []valueText
}

// examDay is the day of an examination: when it was held, else when it was ordered.
func examDay(exam *casefile.Record) (edtf.Date, bool) {
	if d, ok := exam.DateOf("held"); ok {
		return d, true
	}
	return exam.DateOf("ordered")
}

// oneExamination finds the examination of the address.
func (s *server) oneExamination(v *visit) (*examReader, *casefile.Record, error) {
	e, err := s.openExaminations(v)
	if err != nil {
		return nil, nil, err
	}
	exam, ok := e.byID[v.r.PathValue("record")]
	if !ok || exam.Kind != "examination" {
		return nil, nil, registry.ErrNotFound
	}
	return e, exam, nil
}

// examination is one examination as the Istanbul Protocol reads it: the body
// map with what was found, and section by section what is recorded.
func (s *server) examination(v *visit) error {
	e, exam, err := s.oneExamination(v)
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	if q.Has("p.x") || q.Has("p.y") { // the picture was clicked
		return s.markPlace(e, exam)
	}
	findings := istanbul.Findings(e.file.Records, exam.ID)
	body := examinationBody{
		Number: e.file.Row.Number, Back: e.base, All: e.base + "/examinations", FactsOnly: e.file.Row.FactsOnly,
		Title: cmp.Or(v.label("exam_kind", exam.Get("kind")), v.in(e.kind.Label)), Side: e.sideTag(exam),
		Glance: e.glanceOf(exam), Sections: e.sections(exam, findings), Whole: recordPath(e.file.Row, exam.ID),
		MayWrite: e.file.MayWrite, Missed: q.Get("missed") != "",
	}
	if l, ok := s.letters.Letter(opinionLetter); ok && slices.Contains(l.Records(e.file.Records), exam.ID) {
		body.Opinion = &anchorText{link(e.base+"/letters/"+l.ID, "record", exam.ID), v.in(l.Label)}
	}
	asked, recorded, unknown := e.counts(exam)
	if asked > 0 {
		body.Complete = v.T("exam.complete.of", recorded, asked)
		if unknown > 0 {
			body.Complete = join([]string{body.Complete, v.N("exam.complete.unknown", unknown)})
		}
		body.Bar = &examBar{100 * recorded / asked, 100 * (recorded + unknown) / asked}
	}
	for _, f := range e.breached(exam) {
		view := e.check(f)
		view.Records = nil // all are of this examination
		body.Breached = append(body.Breached, view)
	}
	for i, f := range findings {
		body.Findings = append(body.Findings, e.finding(i+1, f))
	}
	if e.file.MayWrite {
		body.AddFinding = link(e.base+"/add/finding", "f.examination", exam.ID, "f.date", exam.Get("held"))
	}
	body.Map = e.bodyMap(s.views, exam, findings, q.Get("view"))
	v.script("bodymap.js")
	return s.show(v, "examination", e.file.Row.Number+" · "+v.T("exam.one"), body)
}

// glanceOf is when, where, how long and with whom.
func (e *examReader) glanceOf(exam *casefile.Record) []examFact {
	var out []examFact
	for _, id := range []string{"held", "setting", "minutes", "private", "present", "consistency"} {
		field, ok := e.kind.Field(id)
		if !ok {
			continue
		}
		fact := examFact{Label: e.in(field.Label), Text: strings.Join(e.fieldTexts(exam, field), "; "), Flags: e.flags(exam, id)}
		if id == "minutes" {
			fact.Label = e.T("exam.duration")
		}
		if fact.Text == "" {
			fact.Text = e.T("exam.state.missing")
		}
		out = append(out, fact)
	}
	return out
}

// finding is a line of the list beside the map.
func (e *examReader) finding(n int, f *casefile.Record) findingView {
	view := findingView{N: n, Anchor: anchor(f.ID), Title: e.findingTitle(f), Tag: e.label("consistency", f.Get("consistency"))}
	kind, ok := e.book.Kind("finding")
	if !ok {
		return view
	}
	var small []string
	size := strings.Join(slices.DeleteFunc([]string{f.Get("length_mm"), f.Get("width_mm")}, func(s string) bool { return !isNumber(s) }), " × ")
	if size != "" {
		small = append(small, size+" "+e.T("exam.mm"))
	}
	for _, id := range []string{"count", "colour", "shape", "healing", "imaging", "method", "causal_link", "photographed", "painful"} {
		field, ok := kind.Field(id)
		if !ok || id == "imaging" && f.Get("injury") == "" && f.Get("diagnosis") == "" {
			continue
		}
		for _, t := range e.texts(field, f.Fields[id], e.names) {
			small = append(small, e.in(field.Label)+": "+t.Text)
		}
	}
	view.Lines = append(view.Lines, strings.Join(small, " · "), f.Get("description"))
	if text := f.Get("alternative"); text != "" {
		field, _ := kind.Field("alternative")
		view.Lines = append(view.Lines, e.in(field.Label)+": "+text)
	}
	view.Lines = slices.DeleteFunc(view.Lines, func(s string) bool { return s == "" })
	if e.file.MayWrite {
		view.Edit = recordPath(e.file.Row, f.ID) + "/edit"
	}
	return view
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// findingTitle is what a finding is of, and where.
func (e *examReader) findingTitle(f *casefile.Record) string {
	var what []string
	for _, x := range [][2]string{{"injury", "injury"}, {"diagnosis", "psych"}, {"symptom", "psych_symptom"}} {
		what = append(what, e.label(x[1], f.Get(x[0])))
	}
	if join(what) == "" {
		what = append(what, e.label("imaging", f.Get("imaging")))
	}
	var side []string
	if s := f.Get("side"); s != "" {
		side = []string{s}
	}
	return cmp.Or(join(append(what, e.regions(f.Fields["body_region"], side))), e.caseReader.kind("finding"))
}

// sections are the parts of an evaluation: what the Protocol asks for and how
// it stands, and what else is recorded.
func (e *examReader) sections(exam *casefile.Record, findings []*casefile.Record) []examSection {
	parts := map[string]istanbul.Part{}
	for _, p := range istanbul.Completeness(e.book, exam, findings) {
		parts[p.ID] = p
	}
	var out []examSection
	for _, section := range istanbul.Sections() {
		view := examSection{ID: "s-" + section.ID, Title: e.T("exam.section." + section.ID)}
		part, asked := parts[section.ID]
		for _, item := range section.Items {
			view.Rows = append(view.Rows, e.rows(exam, item, part)...)
		}
		if n, recorded, _ := part.Count(); asked && n > 0 {
			view.Count = e.T("exam.of", recorded, n)
		}
		if e.file.MayWrite {
			view.Edit = link(recordPath(e.file.Row, exam.ID)+"/edit", "fields", strings.Join(section.Fields(), ","))
		}
		if len(view.Rows) > 0 || view.Edit != "" && asked {
			out = append(out, view)
		}
	}
	return out
}

// rows are an item of a section: what its fields say, or that they say nothing.
func (e *examReader) rows(exam *casefile.Record, item istanbul.Item, part istanbul.Part) []examRow {
	var out []examRow
	i := slices.IndexFunc(part.Answers, func(a istanbul.Answer) bool { return a.Item.Of == item.Of && slices.Equal(a.Item.Fields, item.Fields) })
	source := ""
	if i >= 0 {
		source = e.protocol(item)
	}
	if item.Of != "" {
		if i < 0 {
			return nil
		}
		a := part.Answers[i]
		row := examRow{Label: e.T("exam.item." + item.Of), Texts: []valueText{{Text: e.T("exam.of", a.Done, a.All)}}, Source: source}
		if a.State != istanbul.Recorded {
			row.State, row.Tone = e.T("exam.state.partly"), "wait"
		}
		return []examRow{row}
	}
	for _, id := range item.Fields {
		f, ok := e.kind.Field(id)
		if !ok || len(exam.Fields[id]) == 0 {
			continue
		}
		row := examRow{Label: e.in(f.Label), Texts: e.texts(f, exam.Fields[id], e.names), Source: source}
		if words := exam.Fields[id+"_other"]; len(words) > 0 {
			row.Texts = append(row.Texts, valueText{Text: strings.Join(words, "; ")})
		}
		out = append(out, row)
	}
	if len(out) > 0 || i < 0 {
		return out
	}
	f, ok := e.kind.Field(item.Fields[0])
	if !ok {
		return nil
	}
	row := examRow{Label: e.in(f.Label), Source: source, State: e.T("exam.state." + string(part.Answers[i].State))}
	if part.Answers[i].State == istanbul.Missing {
		row.Tone = "wait"
	}
	return []examRow{row}
}

// protocol is where the Protocol asks for an item, and how sure we are of it.
func (e *examReader) protocol(item istanbul.Item) string {
	text := strings.NewReplacer("IP ", e.T("exam.source.ip")+" ", "annex ", e.T("exam.source.annex")+" ").Replace(item.Source)
	if item.Conf != "R" {
		text = join([]string{text, e.T("exam.source.unread")})
	}
	return text
}
