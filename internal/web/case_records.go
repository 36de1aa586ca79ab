// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
)

// section is a part of the case: its people, what happened, the proceedings …
type section struct {
	ID, Name, Digest string
	Open             bool
	Count            int
	Records          []recordView
	Add              []stepLink // what can be added here
	Beside           []stepLink // other pages about this part
	Raw              []rawView
}

type recordView struct {
	Anchor, Kind, Date, Entered, Changed string
	Href, Edit, Exam                     string
	Closed                               bool
	Values                               []fieldView
}

// rawView is the row of a spreadsheet from which records were made, as it came.
type rawView struct {
	Anchor, Title string
	Cells         []pair
}

type fieldView struct {
	Label string
	Texts []valueText
}

type changeView struct {
	When, What, Reason string
	Diff               []diffView
}

type diffView struct{ Label, Old, New string }

// rawRow is the kind of the row of a spreadsheet as it came: kept, and shown last and folded.
const rawRow = "import_row"

// fewRecords is how many records a case may have and still be shown unfolded.
const fewRecords = 40

// folded tells whether the sections of the case are folded when it is opened.
func (c *caseReader) folded() bool { return len(c.file.Records) > fewRecords && !c.all }

// recordHref leads to a record: on this page, where it is seen there at once, else to its own.
func (c *caseReader) recordHref(id string) string {
	if c.away != "" || c.folded() {
		return recordPath(c.file.Row, id)
	}
	return "#" + anchor(id)
}

// apart are kinds that have a section of their own, after the group of the codebook they belong to is told.
var apart = []string{"evidence", "task"}

// sections are the records under the headings of the codebook, in its order:
// evidence and tasks apart, what the register itself keeps last.
func (c *caseReader) sections() []section {
	type of struct {
		id, name string
		kinds    []*codebook.Kind
	}
	var all, last []of
	for _, g := range c.book.Groups() {
		one := of{id: g.ID, name: c.in(g.Label)}
		var own []of
		for _, k := range c.book.Kinds() {
			switch {
			case k.Group != g.ID || k.Scope != codebook.InCase:
			case slices.Contains(apart, k.ID):
				own = append(own, of{k.ID, c.in(k.Plural), []*codebook.Kind{k}})
			default:
				one.kinds = append(one.kinds, k)
			}
		}
		if g.ID == "register" {
			last = append(last, one)
			continue
		}
		all = append(append(all, own...), one)
	}
	// Evidence is told before consent and our own work: it belongs to what happened.
	slices.SortStableFunc(all, func(a, b of) int { return sectionRank(a.id) - sectionRank(b.id) })
	var out []section
	for _, one := range append(all, last...) {
		s := section{ID: "s-" + one.id, Name: one.name, Open: !c.folded()}
		var digest []string
		for _, k := range one.kinds {
			n := 0
			for _, rec := range c.file.Records {
				if rec.Kind != k.ID || rec.Kind == rawRow {
					continue
				}
				n++
				s.Records = append(s.Records, c.record(k, rec))
			}
			if n > 0 {
				digest = append(digest, c.in(k.Plural)+" "+strconv.Itoa(n))
			}
			if c.file.MayWrite && k.Group != "register" {
				s.Add = append(s.Add, stepLink{casePath(c.file.Row) + "/add/" + k.ID, c.in(k.Label)})
			}
		}
		switch one.id {
		case "register":
			s.Raw = c.raw()
		case "evidence":
			s.Beside = append(s.Beside, stepLink{casePath(c.file.Row) + "/custody", c.T("custody.title")}, stepLink{filesPath(c.file.Row, ""), c.T("file.title")})
			if c.file.MayHandOver {
				s.Beside = append(s.Beside, stepLink{casePath(c.file.Row) + "/bundle", c.T("bundle.title")})
			}
		case "medical":
			s.Beside = append(s.Beside, stepLink{casePath(c.file.Row) + "/examinations", c.T("exam.title")})
		}
		s.Count = len(s.Records)
		if len(digest) > 1 {
			s.Digest = strings.Join(digest, " · ")
		}
		if s.Count+len(s.Raw) > 0 || len(s.Add) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// sectionRank is where a section stands among the others.
func sectionRank(id string) int {
	i := slices.Index([]string{"people", "incident", "medical", "procedure", "evidence", "consent_risk", "task", "work"}, id)
	if i < 0 {
		return 100
	}
	return i
}

// raw are the rows as they came, for whoever doubts what was made of them.
func (c *caseReader) raw() []rawView {
	var out []rawView
	for _, rec := range c.file.Records {
		if rec.Kind != rawRow || len(rec.Fields["cells"]) == 0 {
			continue
		}
		view := rawView{Anchor: anchor(rec.ID), Title: join([]string{c.kind(rec.Kind), c.title(rec, c.names)})}
		heads := rec.Fields["columns"]
		for i, cell := range rec.Fields["cells"] {
			name := strconv.Itoa(i + 1)
			if i < len(heads) && heads[i] != "" {
				name = heads[i]
			}
			if cell != "" {
				view.Cells = append(view.Cells, pair{name, cell})
			}
		}
		out = append(out, view)
	}
	return out
}

func (c *caseReader) record(k *codebook.Kind, rec *casefile.Record) recordView {
	view := recordView{
		Anchor: anchor(rec.ID), Kind: c.in(k.Label), Closed: rec.IdentityMissing,
		Entered: c.T("record.entered", c.moment(rec.At)), Href: recordPath(c.file.Row, rec.ID), Exam: c.examOf(rec),
	}
	if c.file.MayWrite && rec.Kind != rawRow {
		view.Edit = view.Href + "/edit"
	}
	if !rec.Date.IsZero() {
		view.Date = c.Date(rec.Date)
	}
	if rec.Source != "" {
		view.Entered += " · " + c.T("record.source", rec.Source)
	}
	for _, f := range k.Fields {
		if values := rec.Fields[f.ID]; len(values) > 0 {
			view.Values = append(view.Values, fieldView{c.in(f.Label), c.texts(&f, values, c.names)})
		}
	}
	if len(rec.History) > 1 {
		view.Changed = c.N("record.changed", len(rec.History)-1)
	}
	return view
}

// change is one act of writing in the history of a record.
func (v *voice) change(ch casefile.Change) changeView {
	view := changeView{When: v.moment(ch.At), What: v.T("record.put"), Reason: ch.Reason}
	if ch.Op == casefile.Withdraw {
		view.What = v.T("record.withdrawn")
	}
	return view
}

// history are the changes of a record, the latest first, each with what it changed.
func (c *caseReader) history(k *codebook.Kind, changes []casefile.Change) []changeView {
	var out []changeView
	var before casefile.Fields
	for i, ch := range changes {
		view := c.change(ch)
		if i > 0 && ch.Op == casefile.Put && !ch.IdentityMissing {
			for _, f := range k.Fields {
				if !slices.Equal(before[f.ID], ch.Fields[f.ID]) {
					view.Diff = append(view.Diff, diffView{c.in(f.Label), c.line(&f, before[f.ID]), c.line(&f, ch.Fields[f.ID])})
				}
			}
		}
		if ch.Op == casefile.Put {
			before = ch.Fields
		}
		out = append(out, view)
	}
	slices.Reverse(out)
	return out
}

func (c *caseReader) line(f *codebook.Field, values []string) string {
	if len(values) == 0 {
		return c.T("record.empty")
	}
	var parts []string
	for _, t := range c.texts(f, values, c.names) {
		parts = append(parts, t.Text)
	}
	return strings.Join(parts, "; ")
}
