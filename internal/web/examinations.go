// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/istanbul"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/rules"
)

func (s *server) examinationRoutes() []route {
	return []route{
		{"GET /cases/{id}/examinations", s.signed(s.examinations)},
		{"GET /cases/{id}/examinations/new", s.signed(s.newExamination)},
		{"GET /cases/{id}/examinations/{record}", s.signed(s.examination)},
	}
}

// examReader writes the examinations of one case.
type examReader struct {
	*caseReader
	base string // the address of the case
	kind *codebook.Kind
}

// openExaminations reads the case of the address.
func (s *server) openExaminations(v *visit) (*examReader, error) {
	file, err := s.reg.Case(v.r.Context(), v.session, v.r.PathValue("id"), registry.Clock{})
	if err != nil {
		return nil, err
	}
	c := newCaseReader(v, file)
	c.letters = s.letters
	kind, ok := v.book.Kind("examination")
	if !ok {
		return nil, registry.ErrNotFound
	}
	return &examReader{caseReader: c, base: casePath(file.Row), kind: kind}, nil
}

// names names a record that another refers to.
func (e *examReader) names(id string) valueText {
	rec, ok := e.byID[id]
	switch {
	case !ok:
		return valueText{}
	case rec.Kind == "examination":
		return valueText{Text: e.examName(rec), Href: e.examPath(id)}
	case rec.Kind == "person" && first(rec.Fields, "full_name") != "":
		return valueText{Text: first(rec.Fields, "full_name"), Href: recordPath(e.file.Row, id)}
	}
	return valueText{Text: cmp.Or(e.title(rec, func(string) valueText { return valueText{} }), e.caseReader.kind(rec.Kind)), Href: recordPath(e.file.Row, id)}
}

func (e *examReader) examPath(id string) string { return e.base + "/examinations/" + id }

// examName is an examination in a line: its kind and its day.
func (e *examReader) examName(exam *casefile.Record) string {
	name := cmp.Or(e.label("exam_kind", exam.Get("kind")), e.in(e.kind.Label))
	if d, ok := examDay(exam); ok {
		name += ", " + e.DateShort(d)
	}
	return name
}

// sideTag says on whose side an examination stands.
func (e *examReader) sideTag(exam *casefile.Record) string {
	return e.T("exam.side." + string(istanbul.SideOf(exam)))
}

// examOf is the page of the examination that a record is, or is a finding of.
func (c *caseReader) examOf(rec *casefile.Record) string {
	base := casePath(c.file.Row) + "/examinations/"
	switch {
	case rec.Withdrawn:
	case rec.Kind == "examination":
		return base + rec.ID
	case rec.Kind == "finding":
		if exam, ok := c.byID[rec.Get("examination")]; ok {
			return base + exam.ID + "#" + anchor(rec.ID)
		}
	}
	return ""
}

type examinationsBody struct {
	Number, Back, New string
	FactsOnly         bool
	Heads             []examHead
	Rows              []compareRow
	Groups            []lineGroup
	Many              bool // more columns than a page is broad
}

type examHead struct {
	N                      int
	Href, Name, Date, Side string
}

type compareRow struct {
	Label string
	Cells []compareCell
}

type compareCell struct {
	Of    string // which examination, where the table is folded
	Texts []string
	Flags []tag
}

type lineGroup struct {
	ID, Name, Lead string
	Lines          []compareLine
}

type compareLine struct {
	Title, Unsure         string
	Official, Independent seenView
	Others                []valueText
	Differs               []string
}

type seenView struct {
	Text  string
	Saw   bool
	Exams []valueText
}

// examinations are those of a case side by side.
func (s *server) examinations(v *visit) error {
	e, err := s.openExaminations(v)
	if err != nil {
		return err
	}
	c := istanbul.Compare(e.file.Records)
	slices.SortStableFunc(c.Exams, func(a, b *casefile.Record) int { return cmp.Compare(sideOrder(a), sideOrder(b)) })
	body := examinationsBody{Number: e.file.Row.Number, Back: e.base, FactsOnly: e.file.Row.FactsOnly, Many: len(c.Exams) > 4}
	if e.file.MayWrite {
		body.New = e.base + "/examinations/new"
	}
	for i, exam := range c.Exams {
		head := examHead{N: i + 1, Href: e.examPath(exam.ID), Name: cmp.Or(e.label("exam_kind", exam.Get("kind")), e.in(e.kind.Label)), Side: e.sideTag(exam)}
		if d, ok := examDay(exam); ok {
			head.Date = e.Date(d)
		}
		body.Heads = append(body.Heads, head)
	}
	body.Rows = e.compareRows(c.Exams)
	body.Groups = e.lineGroups(c)
	return s.show(v, "examinations", e.file.Row.Number+" · "+v.T("exam.title"), body)
}

func sideOrder(exam *casefile.Record) int {
	return slices.Index([]istanbul.Side{istanbul.Official, istanbul.Independent, istanbul.Other}, istanbul.SideOf(exam))
}

// compared are the fields that stand beside each other, and whether they do so
// even where nobody recorded them: what is silent there is told by its absence.
var compared = []struct {
	field  string
	always bool
}{
	{"held", true}, {"ordered", false}, {"ordered_by", false}, {"by_body", false}, {"examiner_post", false}, {"setting", true}, {"minutes", true}, {"sessions", false},
	{"private", true}, {"present", true}, {"restrained", false}, {"informed_consent", true}, {"interpreter", false}, {"order_shown", false}, {"conclusion_shown", false},
	{"psych_part", true}, {"photographs", false}, {"diagram", false}, {"imaging", false},
	{"findings_present", false}, {"diagnosis", false}, {"consistency", true}, {"causal_link", true}, {"gravity", false}, {"result", true},
}

// flagged are the checks that say something of one row.
var flagged = map[string]string{
	"MED-04": "minutes", "MED-05": "setting", "MED-06": "private", "MED-07": "informed_consent", "MED-08": "examiner_post", "MED-09": "diagram",
	"MED-10": "result", "MED-11": "conclusion_shown", "MED-14": "held",
}

func (e *examReader) compareRows(exams []*casefile.Record) []compareRow {
	var out []compareRow
	for _, c := range compared {
		f, ok := e.kind.Field(c.field)
		if !ok {
			continue
		}
		row := compareRow{Label: e.in(f.Label)}
		if c.field == "minutes" {
			row.Label = e.T("exam.duration")
		}
		said := c.always
		for i, exam := range exams {
			cell := compareCell{Of: e.numbered(i, exam), Texts: e.fieldTexts(exam, f), Flags: e.flags(exam, c.field)}
			said = said || len(cell.Texts) > 0 || len(cell.Flags) > 0
			row.Cells = append(row.Cells, cell)
		}
		if said {
			out = append(out, row)
		}
	}
	row := compareRow{Label: e.T("exam.complete")}
	for i, exam := range exams {
		cell := compareCell{Of: e.numbered(i, exam)}
		if asked, recorded, _ := e.counts(exam); asked > 0 {
			cell.Texts = []string{e.T("exam.of", recorded, asked)}
		} else {
			cell.Texts = []string{e.T("exam.not_asked")}
		}
		row.Cells = append(row.Cells, cell)
	}
	return append(out, row)
}

// numbered is an examination by its number and side: enough beside the list of them.
func (e *examReader) numbered(i int, exam *casefile.Record) string {
	return e.Number(i+1) + " · " + e.sideTag(exam)
}

func (e *examReader) counts(exam *casefile.Record) (asked, recorded, unknown int) {
	for _, p := range istanbul.Completeness(e.book, exam, istanbul.Findings(e.file.Records, exam.ID)) {
		a, r, u := p.Count()
		asked, recorded, unknown = asked+a, recorded+r, unknown+u
	}
	return asked, recorded, unknown
}

// fieldTexts writes what an examination says in a field.
func (e *examReader) fieldTexts(exam *casefile.Record, f *codebook.Field) []string {
	if f.ID == "minutes" {
		if text := e.duration(exam); text != "" {
			return []string{text}
		}
	}
	var out []string
	for _, t := range e.texts(f, exam.Fields[f.ID], e.names) {
		out = append(out, t.Text)
	}
	return out
}

// duration says how long an examination took; empty: no number is recorded.
func (e *examReader) duration(exam *casefile.Record) string {
	most, errMost := strconv.Atoi(exam.Get("minutes"))
	least, errLeast := strconv.Atoi(exam.Get("minutes_least"))
	switch {
	case errMost == nil && errLeast == nil && least < most:
		return e.Number(least) + "–" + e.Unit("minute", most)
	case errMost == nil && errLeast == nil:
		return e.Unit("minute", most)
	case errMost == nil:
		return e.T("exam.duration.most", e.Unit("minute", most))
	case errLeast == nil:
		return e.T("exam.duration.least", e.Unit("minute", least))
	}
	return ""
}

// breached are the checks that an examination breaks.
func (e *examReader) breached(exam *casefile.Record) []rules.Finding {
	var out []rules.Finding
	for _, f := range e.file.Checks {
		if f.State == rules.Breached && slices.Contains(f.Records, exam.ID) {
			out = append(out, f)
		}
	}
	return out
}

func (e *examReader) flags(exam *casefile.Record, field string) []tag {
	var out []tag
	for _, f := range e.breached(exam) {
		if flagged[f.Rule] == field {
			out = append(out, tag{e.in(f.Label), tone(f)})
		}
	}
	return out
}

func tone(f rules.Finding) string {
	if f.Severity == rules.Breach {
		return "bad"
	}
	return "wait"
}

// lineGroups are the findings of both sides: what one alone saw stands first.
func (e *examReader) lineGroups(c istanbul.Comparison) []lineGroup {
	groups := []lineGroup{
		{ID: "one", Name: e.T("exam.lines.one"), Lead: e.T("exam.lines.one.lead")},
		{ID: "both", Name: e.T("exam.lines.both")},
		{ID: "rest", Name: e.T("exam.lines.rest")},
	}
	for _, l := range c.Lines {
		view := compareLine{Title: e.lineTitle(l), Official: e.seen(l, l.Official, istanbul.Official), Independent: e.seen(l, l.Independent, istanbul.Independent)}
		if l.Unsure {
			view.Unsure = e.T("exam.unsure")
		}
		view.Others = e.lineExams(l, istanbul.Other)
		view.Differs = e.differs(l)
		i := 2
		switch {
		case l.OneOnly():
			i = 0
		case l.Both():
			i = 1
		}
		groups[i].Lines = append(groups[i].Lines, view)
	}
	return slices.DeleteFunc(groups, func(g lineGroup) bool { return len(g.Lines) == 0 })
}

// lineTitle is what a line is of, and where.
func (e *examReader) lineTitle(l istanbul.Line) string {
	lists := map[string]string{istanbul.Injury: "injury", istanbul.Diagnosis: "psych", istanbul.Symptom: "psych_symptom", istanbul.Imaging: "imaging"}
	return join([]string{e.label(lists[l.Kind], l.Code), e.regions(l.Regions, l.Sides)})
}

// regions are parts of the body with their sides.
func (e *examReader) regions(codes, sides []string) string {
	var parts []string
	for _, code := range codes {
		parts = append(parts, e.label("body_region", code))
	}
	text := strings.Join(parts, ", ")
	var at []string
	for _, side := range sides {
		at = append(at, strings.ToLower(e.label("side", side)))
	}
	if len(at) > 0 && text != "" {
		text += " (" + strings.Join(at, ", ") + ")"
	}
	return text
}

func (e *examReader) lineExams(l istanbul.Line, side istanbul.Side) []valueText {
	var out []valueText
	for _, id := range l.Exams {
		if exam, ok := e.byID[id]; ok && istanbul.SideOf(exam) == side {
			out = append(out, e.names(id))
		}
	}
	return out
}

func (e *examReader) seen(l istanbul.Line, how istanbul.Seen, side istanbul.Side) seenView {
	view := seenView{Text: e.T("exam.seen." + string(how)), Saw: how == istanbul.Saw}
	if view.Saw {
		view.Exams = e.lineExams(l, side)
	}
	return view
}

// differs says for each field in which the sides differ what each of them says.
func (e *examReader) differs(l istanbul.Line) []string {
	kind, ok := e.book.Kind("finding")
	if !ok {
		return nil
	}
	var out []string
	for _, id := range l.Differs {
		f, ok := kind.Field(id)
		if !ok {
			continue
		}
		says := map[istanbul.Side][]string{}
		for _, rec := range l.Findings {
			exam, ok := e.byID[rec.Get("examination")]
			if !ok {
				continue
			}
			side := istanbul.SideOf(exam)
			for _, t := range e.texts(f, rec.Fields[id], e.names) {
				if !slices.Contains(says[side], t.Text) {
					says[side] = append(says[side], t.Text)
				}
			}
		}
		said := func(side istanbul.Side) string {
			return cmp.Or(strings.Join(says[side], "; "), e.T("exam.not_stated"))
		}
		out = append(out, e.T("exam.differs", e.in(f.Label), said(istanbul.Official), said(istanbul.Independent)))
	}
	return out
}

type newExaminationBody struct {
	Number, Back string
	Groups       []newExamGroup
}

type newExamGroup struct {
	Name, Lead string
	Kinds      []valueText
}

// newExamination lets one choose what kind of examination it was: the form
// comes filled in with it.
func (s *server) newExamination(v *visit) error {
	e, err := s.openExaminations(v)
	if err != nil {
		return err
	}
	if !e.file.MayWrite {
		return registry.ErrNotAllowed
	}
	list, ok := v.book.List("exam_kind")
	if !ok {
		return registry.ErrNotFound
	}
	body := newExaminationBody{Number: e.file.Row.Number, Back: e.base + "/examinations"}
	for _, side := range []istanbul.Side{istanbul.Official, istanbul.Independent, istanbul.Other} {
		g := newExamGroup{Name: v.T("exam.new." + string(side)), Lead: v.T("exam.new." + string(side) + ".lead")}
		for _, code := range list.Codes {
			if codebook.Missing(code.Code) || istanbul.SideOf(&casefile.Record{Fields: casefile.Fields{"kind": {code.Code}}}) != side {
				continue
			}
			official := map[istanbul.Side]string{istanbul.Official: "yes", istanbul.Independent: "no"}[side]
			g.Kinds = append(g.Kinds, valueText{v.in(code.Label), link(e.base+"/add/examination", "f.kind", code.Code, "f.official", official)})
		}
		body.Groups = append(body.Groups, g)
	}
	return s.show(v, "examination-new", e.file.Row.Number+" · "+v.T("exam.new"), body)
}
