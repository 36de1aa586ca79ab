// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/rules"
)

type caseBody struct {
	Unreviewed                    []string
	Name, Number                  string
	FactsOnly                     bool
	Readers                       *readersCard // as Access
	Access                        *accessCard  // only for those who may say who else reads the case
	Erase                         string       // where it is erased, for those who may
	Tags                          []tag
	Glance                        []fact
	StageName, StageSince, Reason string
	Path                          []pathStep
	Jump                          []jump
	Timeline, Undated             []timelineLine
	Groups                        []recordGroup
	Raw                           []rawView
	Deadlines                     []deadlineGroup
	Checks                        []checkGroup
	Same                          []sameCase
	Clock                         clockForm
	Review                        reviewCard
}

type tag struct{ Text, Tone string }

type jump struct{ ID, Text, Count string }

type pathStep struct {
	Name, Branch, When   string
	Reached, Failed, Now bool
}

type timelineLine struct {
	Date, Anchor, Kind, Field, Detail string
	Vague, Further                    bool
}

type recordGroup struct {
	Name    string
	Records []recordView
}

type recordView struct {
	Anchor, Kind, Date, Entered, Changed string
	Closed                               bool
	Values                               []fieldView
	History                              []changeView
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

type deadlineGroup struct {
	Name   string
	Folded bool
	Items  []deadlineView
}

type deadlineView struct {
	Label, State, Tone, When, Arguable, Next, Norm string
	Unchecked                                      bool
}

type checkGroup struct {
	Name, Tone string
	Folded     bool
	Items      []checkView
}

type checkView struct {
	Label, Help, Severity, Since, Next, Norm string
	Records                                  []anchorText
	Unchecked                                bool
}

type anchorText struct{ Anchor, Text string }

type sameCase struct{ Href, Number, Org, Name, Stage string }

func (s *server) oneCase(v *visit) error { return s.showCase(v, caseForms{}) }

// caseForms are what was sent to a case and not taken.
type caseForms struct {
	review reviewForm
	access accessForm
}

// showCase shows a case, with the form that was not taken, if one was not.
func (s *server) showCase(v *visit, form caseForms) error {
	at, err := v.clock()
	if err != nil {
		return err
	}
	file, err := s.reg.Case(v.r.Context(), v.session, v.r.PathValue("id"), at.Clock)
	if err != nil {
		return err
	}
	c := &caseReader{visit: v, file: file, byID: map[string]*casefile.Record{}}
	for _, rec := range file.Records {
		c.byID[rec.ID] = rec
	}
	body := caseBody{
		Unreviewed: v.unreviewed(), Name: file.Row.Name, Number: file.Row.Number, FactsOnly: file.Row.FactsOnly,
		Tags: c.tags(), Glance: c.glance(), Path: c.path(),
		Review: c.review(form.review), Groups: c.groups(), Raw: c.raw(), Deadlines: c.deadlines(), Checks: c.checks(), Clock: v.clockForm(at),
	}
	body.StageName, body.StageSince, body.Reason = c.stage()
	body.Timeline, body.Undated = c.timeline()
	for _, other := range file.Same {
		body.Same = append(body.Same, sameCase{at.link(casePath(other)), other.Number, other.OrgName, other.Name, v.label("stage", other.Stage)})
	}
	if file.MayGrant {
		holders, err := s.reg.Holders(v.r.Context(), v.session, file.Row.ID)
		if err != nil {
			return err
		}
		body.Access = c.access(holders, form.access)
		body.Readers = v.readers(file)
	}
	if file.MayErase {
		body.Erase = casePath(file.Row) + "/erase"
	}
	if form != (caseForms{}) { // answered at the address of the form
		body.Clock.Action = casePath(file.Row)
		body.Clock.Reset = body.Clock.Action
	}
	body.Jump = []jump{
		{"timeline", v.T("case.timeline"), count(len(body.Timeline))},
		{"deadlines", v.T("case.deadlines"), count(len(file.Deadlines))},
		{"checks", v.T("case.checks"), count(len(file.Checks))},
		{"records", v.T("case.records"), ""},
		{"same", v.T("case.same"), count(len(file.Same))},
		{"review", v.T("facet.review"), ""},
	}
	if body.Access != nil {
		body.Jump = append(body.Jump, jump{"access", v.T("access.title"), count(len(body.Access.Grants))})
	}
	// The title stands in the browser's history: the number, never the name.
	return s.show(v, "case", file.Row.Number, body)
}

func count(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// caseReader writes the parts of one case's page.
type caseReader struct {
	*visit
	file registry.CaseView
	byID map[string]*casefile.Record
	away string // the address of the case, on another page than its own
}

// anchor is the place of a record on the page.
func anchor(id string) string { return "r-" + id }

// names names a record that another refers to, in the case or outside it.
func (c *caseReader) names(id string) valueText {
	if rec, ok := c.byID[id]; ok {
		return valueText{Text: c.kind(rec.Kind), Href: c.away + "#" + anchor(id)}
	}
	if rec, ok := c.file.Outside[id]; ok {
		return valueText{Text: c.outsideName(rec), Href: sharedPath(rec.Kind, id)}
	}
	if id == c.file.Row.Org {
		return valueText{Text: c.file.Row.OrgName}
	}
	return valueText{}
}

func (c *caseReader) tags() []tag {
	r := c.file.Row
	var out []tag
	if c.file.Restricted {
		out = append(out, tag{c.T("access.restricted"), "wait"})
	}
	if r.FactsOnly {
		out = append(out, tag{c.T("access.facts_only"), ""})
	}
	if r.Child {
		out = append(out, tag{c.T("case.child"), "accent"})
	}
	if r.Breaches > 0 {
		out = append(out, tag{c.N("cases.breaches", r.Breaches), "bad"})
	}
	if r.Overdue > 0 {
		out = append(out, tag{c.N("cases.overdue", r.Overdue), "wait"})
	}
	for _, text := range c.reviewTags(r) {
		out = append(out, tag{Text: text})
	}
	return out
}

// glance is who and what in a row.
func (c *caseReader) glance() []fact {
	r := c.file.Row
	org := r.OrgName
	if r.ExternalID != "" {
		org += " · " + r.ExternalID
	}
	all := []fact{
		{Label: c.T("case.incident"), Text: c.Date(r.Incident)},
		{Label: c.T("case.region"), Text: c.label("region", r.Region)},
		{Label: c.T("case.place"), Text: c.label("place_type", r.PlaceType)},
		{Label: c.T("case.sex"), Text: c.label("sex", r.Sex)},
		{Label: c.T("case.reported"), Text: c.day(r.Reported)},
		{Label: c.T("case.org"), Text: org},
	}
	return slices.DeleteFunc(all, func(f fact) bool { return f.Text == "" })
}

func (c *caseReader) stage() (name, since, reason string) {
	st := c.file.Stage
	name = c.label("stage", st.ID)
	if day := c.day(st.Since); day != "" {
		since = c.T("case.stage.since", day)
	}
	if st.Reason != "" {
		text := st.Reason
		for _, list := range []string{"no_complaint_reason", "closure_ground"} {
			if text = c.label(list, st.Reason); text != st.Reason {
				break
			}
		}
		reason = c.T("case.stage.reason", text)
	}
	return name, since, reason
}

func (c *caseReader) path() []pathStep {
	var out []pathStep
	st := c.file.Stage
	now := -1
	for i, step := range st.Path {
		view := pathStep{Name: c.label("stage", step.ID), Reached: step.Reached, Failed: step.Failed, When: c.T("case.stage.none")}
		if step.Reached || step.Failed {
			if view.When = c.T("case.stage.undated"); step.Since != 0 {
				view.When = c.DayShort(step.Since)
			}
			now = i
		}
		if step.Branch != "" {
			view.Branch = c.label("stage", step.Branch)
		}
		out = append(out, view)
	}
	for i := range out { // what was passed over on the way may have happened: it is not recorded
		if i < now && !out[i].Reached && !out[i].Failed {
			out[i].When = c.T("case.stage.unknown")
		}
	}
	for i, step := range st.Path {
		if step.ID == st.ID || step.Branch != "" && step.Branch == st.ID {
			now = i
		}
	}
	if now >= 0 {
		out[now].Now = true
	}
	return out
}

// timeline is what happened when; what has no date stands apart.
func (c *caseReader) timeline() (dated, undated []timelineLine) {
	for _, e := range c.file.Timeline {
		if e.Record == nil || e.Record.Kind == rawRow {
			continue
		}
		line := timelineLine{Anchor: anchor(e.Record.ID), Kind: c.kind(e.Record.Kind), Further: e.Further}
		if !e.Further {
			line.Detail = c.title(e.Record, c.names)
		} else {
			if k, ok := c.book.Kind(e.Record.Kind); ok {
				if f, ok := k.Field(e.Field); ok {
					line.Field = c.in(f.Label)
				}
			}
		}
		if e.Date.IsZero() {
			line.Date = c.T("case.undated")
			undated = append(undated, line)
			continue
		}
		line.Date, line.Vague = c.Date(e.Date), !e.Date.Exact()
		dated = append(dated, line)
	}
	return dated, undated
}

// rawRow is the kind of the row of a spreadsheet as it came: kept, and shown last and folded.
const rawRow = "import_row"

// groups are the records under the headings of the codebook, in its order.
func (c *caseReader) groups() []recordGroup {
	var out []recordGroup
	for _, g := range c.book.Groups() {
		group := recordGroup{Name: c.in(g.Label)}
		for _, k := range c.book.Kinds() {
			if k.Group != g.ID || k.ID == rawRow {
				continue
			}
			for _, rec := range c.file.Records {
				if rec.Kind == k.ID {
					group.Records = append(group.Records, c.record(k, rec))
				}
			}
		}
		if len(group.Records) > 0 {
			out = append(out, group)
		}
	}
	// What the register itself keeps about the case (numbers, who entered it) comes after what happened.
	slices.SortStableFunc(out, func(a, b recordGroup) int { return cmp.Compare(c.rank(a), c.rank(b)) })
	return out
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

func (c *caseReader) rank(g recordGroup) int {
	for _, group := range c.book.Groups() {
		if group.ID == "register" && c.in(group.Label) == g.Name {
			return 1
		}
	}
	return 0
}

func (c *caseReader) record(k *codebook.Kind, rec *casefile.Record) recordView {
	view := recordView{
		Anchor: anchor(rec.ID), Kind: c.in(k.Label), Closed: rec.IdentityMissing,
		Entered: c.T("record.entered", c.moment(rec.At)),
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
		view.History = c.history(k, rec.History)
	}
	return view
}

// history are the changes of a record, the latest first, each with what it changed.
func (c *caseReader) history(k *codebook.Kind, changes []casefile.Change) []changeView {
	var out []changeView
	var before casefile.Fields
	for i, ch := range changes {
		view := changeView{When: c.moment(ch.At), What: c.T("record.put"), Reason: ch.Reason}
		if ch.Op == casefile.Withdraw {
			view.What = c.T("record.withdrawn")
		}
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

// deadlines: what is ours comes first; what is over is folded away.
func (c *caseReader) deadlines() []deadlineGroup {
	ours, theirs := deadlineGroup{Name: c.T("deadline.ours")}, deadlineGroup{Name: c.T("deadline.theirs")}
	past := deadlineGroup{Name: c.T("deadline.past"), Folded: true}
	all := slices.Clone(c.file.Deadlines)
	slices.SortStableFunc(all, func(a, b rules.Deadline) int {
		return cmp.Or(cmp.Compare(urgency(a.State), urgency(b.State)), cmp.Compare(a.Due, b.Due))
	})
	for _, d := range all {
		view := c.deadline(d)
		switch {
		case d.State == rules.Kept || d.State == rules.Late || d.State == rules.Expired:
			past.Items = append(past.Items, view)
		case d.Owes == rules.Us:
			ours.Items = append(ours.Items, view)
		default:
			theirs.Items = append(theirs.Items, view)
		}
	}
	return slices.DeleteFunc([]deadlineGroup{ours, theirs, past}, func(g deadlineGroup) bool { return len(g.Items) == 0 })
}

func urgency(state string) int {
	return slices.Index([]string{rules.Overdue, rules.Running, rules.Open, rules.CannotTell, rules.Late, rules.Expired, rules.Kept}, state)
}

func (c *caseReader) deadline(d rules.Deadline) deadlineView {
	view := deadlineView{Label: c.in(d.Label), Next: c.in(d.Next), Norm: c.norm(d.Norm), Unchecked: unchecked(d.Conf)}
	view.State, view.Tone = c.deadlineState(d)
	switch {
	case d.State == rules.CannotTell:
		view.When = c.T("deadline.when.cannot_tell")
	case d.State == rules.Overdue:
		view.When = c.T("deadline.when.overdue", d.Due)
	case d.State == rules.Expired:
		view.When = c.T("deadline.when.expired", d.Due)
	case d.State == rules.Kept || d.State == rules.Late:
		view.When = c.T("deadline.when.done", d.Due, d.Done)
		view.Next = ""
	case d.Kind == rules.Opens && d.State == rules.Open:
		view.When = c.T("deadline.when.opened", d.Due)
	case d.Kind == rules.Opens:
		view.When = c.T("deadline.when.opens", d.Due)
	case d.Due == edtf.MaxDay:
		view.When = c.T("deadline.when.noend")
	case d.Kind == rules.Window:
		view.When = c.T("deadline.when.open", d.Due)
	default:
		view.When = c.T("deadline.when.running", d.Due)
	}
	over := d.State == rules.CannotTell || d.State == rules.Kept
	switch {
	case over || d.DueArguable == d.Due:
	case d.DueArguable == edtf.MaxDay:
		view.Arguable = c.T("deadline.arguable.never")
	case d.Owes == rules.Us:
		view.Arguable = c.T("deadline.arguable", d.DueArguable)
	default:
		view.Arguable = c.T("deadline.arguable.theirs", d.DueArguable)
	}
	return view
}

// checks: breached, then what can't be told, then what was kept, folded away.
func (c *caseReader) checks() []checkGroup {
	groups := []checkGroup{
		{Name: c.T("check.breached"), Tone: "bad"},
		{Name: c.T("check.cannot_tell"), Tone: "wait"},
		{Name: c.T("check.met"), Tone: "good", Folded: true},
	}
	all := slices.Clone(c.file.Checks)
	slices.SortStableFunc(all, func(a, b rules.Finding) int {
		return strings.Index("BWI", string(a.Severity)) - strings.Index("BWI", string(b.Severity))
	})
	for _, f := range all {
		switch f.State {
		case rules.Breached:
			groups[0].Items = append(groups[0].Items, c.check(f))
		case rules.CannotTell:
			groups[1].Items = append(groups[1].Items, c.check(f))
		default:
			groups[2].Items = append(groups[2].Items, c.check(f))
		}
	}
	return slices.DeleteFunc(groups, func(g checkGroup) bool { return len(g.Items) == 0 })
}

func (c *caseReader) check(f rules.Finding) checkView {
	view := checkView{Label: c.in(f.Label), Help: c.in(f.Help), Norm: c.norm(f.Norm), Unchecked: unchecked(f.Conf)}
	if key := "check.severity." + string(f.Severity); c.Has(key) {
		view.Severity = c.T(key)
	}
	if f.Ours {
		view.Severity = join([]string{view.Severity, c.T("check.ours")})
	}
	if f.State != rules.Met {
		view.Next = c.in(f.Next)
	}
	if day := c.day(f.Since); day != "" && f.State == rules.Breached {
		view.Since = c.T("check.since", day)
	}
	for _, id := range f.Records {
		if rec, ok := c.byID[id]; ok && f.State != rules.Met {
			text := c.kind(rec.Kind)
			if !rec.Date.IsZero() {
				text += " (" + c.DateShort(rec.Date) + ")"
			}
			view.Records = append(view.Records, anchorText{anchor(id), text})
		}
	}
	return view
}
