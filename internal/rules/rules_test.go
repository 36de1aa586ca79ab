// SPDX-License-Identifier: AGPL-3.0-or-later

package rules_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/rules"
	"github.com/kua-registry/kua/packs/kz"
)

// file folds a case from records written as kind, field=value, field=value …
func file(b *codebook.Book, caseID string, records ...[]string) *casefile.Case {
	var entries []casefile.Entry
	for i, r := range records {
		fields := casefile.Fields{}
		name := fmt.Sprint(i)
		for _, f := range r[1:] {
			k, v, _ := strings.Cut(f, "=")
			if k == "#" {
				name = v
				continue
			}
			fields[k] = append(fields[k], v)
		}
		entries = append(entries, casefile.Entry{Pos: uint64(i + 1), At: written, Record: id(caseID + name), Kind: r[0], Op: casefile.Put, Fields: fields})
	}
	return casefile.Fold(b, id(caseID), entries)
}

func TestFiguresCountUnits(t *testing.T) {
	b, s := compiled(t)
	// One organisation holds the registration, another the examination: true of the person, of neither file alone.
	a := file(b, "a",
		[]string{"report", "received=2022-02-01"},
		[]string{"person", "role=victim", "sex=m", "child=yes"},
		[]string{"complaint", "filed=yes", "date=2022-01-20"},
		[]string{"registration", "status=erdr", "article=146", "date=2022-02-10"})
	c := file(b, "c",
		[]string{"report", "received=2022-03-01"},
		[]string{"examination", "kind=sme", "ordered=2022-02-20"},
		[]string{"registration", "status=unregistered_check"},
		[]string{"decision", "kind=closed", "date=2022-04-06"},
		[]string{"appeal", "date=2022-04-20"})
	unit := casefile.Merge("u", c, a)
	holds := func(c *casefile.Case, figure, on string) bool {
		return slices.Contains(s.Counts(c, day(t, on)), figure)
	}
	for _, x := range []struct {
		c       *casefile.Case
		figure  string
		on      string
		holds   bool
		because string
	}{
		{unit, "reports", "2022-01-31", false, "not reported yet"},
		{unit, "reports", "2022-02-01", true, "the earliest report"},
		{unit, "complaint_filed", "2022-01-31", false, "the complaint is there, the report is not"},
		{unit, "complaint_filed", "2022-02-01", true, ""},
		{unit, "children", "2022-02-01", true, "an undated fact counts from the report"},
		{unit, "registered_146", "2022-02-09", false, ""},
		{unit, "registered_146", "2022-02-10", true, ""},
		{unit, "registered_146_exam_ordered", "2022-02-19", false, ""},
		{unit, "registered_146_exam_ordered", "2022-02-20", true, ""},
		{a, "registered_146_exam_ordered", "2022-12-31", false, "the other file holds the examination"},
		{c, "registered_146_exam_ordered", "2022-12-31", false, "the other file holds the registration"},
		{unit, "investigated_unregistered", "2022-02-28", false, "undated: from the report to its own organisation"},
		{unit, "investigated_unregistered", "2022-03-01", true, ""},
		{unit, "closed", "2022-04-06", true, ""},
		{unit, "closed_appealed", "2022-04-19", false, ""},
		{unit, "closed_appealed", "2022-04-20", true, ""},
		{unit, "no_status_known", "2022-02-05", true, ""},
		{unit, "no_status_known", "2022-02-10", false, "the remainder empties"},
		{unit, "women_and_girls", "2022-12-31", false, ""},
		{unit, "sex_not_known", "2022-12-31", false, ""},
	} {
		if got := holds(x.c, x.figure, x.on); got != x.holds {
			t.Errorf("%s on %s: %v, want %v %s", x.figure, x.on, got, x.holds, x.because)
		}
	}
}

// TestStatementFigures holds the ids that statements rely on.
func TestStatementFigures(t *testing.T) {
	_, s := compiled(t)
	for _, id := range []string{"reports", "children", "women_and_girls", "men_and_boys", "complaint_filed", "not_complained",
		"registered_146", "registered_362", "registered_other", "investigated_unregistered", "registered_146_exam_ordered",
		"closed", "closed_appealed", "no_status_known", "exam_held", "independent_exam", "psychological_exam",
		"psychological_exam_under_60", "notified_by_text", "copy_withheld", "victim_status_granted", "in_court", "convicted", "compensated"} {
		d, ok := s.Figure(id)
		if !ok || !slices.Contains(d.Sets, "statement") {
			t.Errorf("figure %s is not in the set statement", id)
		}
	}
	var way []string
	for _, d := range s.Figures() {
		if slices.Contains(d.Sets, "way") {
			way = append(way, d.ID)
		}
		for _, text := range []string{d.Label.Ru, d.Label.Kk, d.Help.En, d.Help.Ru, d.Help.Kk, d.Unit.Kk, d.Source.Ru} {
			if text == "" {
				t.Errorf("figure %s lacks a text", d.ID)
			}
		}
	}
	if want := []string{"reports", "complaint_filed", "registered", "examined", "decided", "closed", "appealed", "in_court", "tried", "redressed"}; !slices.Equal(way, want) {
		t.Errorf("way %v, want %v", way, want)
	}
}

// TestEveryRuleSpeaksThreeLanguages: what a person reads is there in all three.
func TestEveryRuleSpeaksThreeLanguages(t *testing.T) {
	each(t, everyRuleSpeaksThreeLanguages)
}

func everyRuleSpeaksThreeLanguages(t *testing.T, b *codebook.Book, _ *rules.Set) {
	for _, r := range b.Rules() {
		for what, l := range map[string]codebook.Label{"label": r.Label, "help": r.Help, "next": r.Next, "norm": r.Source} {
			if l != (codebook.Label{}) && (l.En == "" || l.Ru == "" || l.Kk == "") {
				t.Errorf("%s %s: %+v", r.ID, what, l)
			}
		}
		if r.Use == codebook.Check && r.Next == (codebook.Label{}) {
			t.Errorf("%s: a check says what to do next", r.ID)
		}
	}
}

// anyCase draws a case of a few records with dates that may be missing, uncertain or open.
func anyCase(b *codebook.Book, name string) *rapid.Generator[*casefile.Case] {
	dates := rapid.SampledFrom([]string{"", "2022-01-05", "2022-01-06", "2022-01-20", "2022-02-24", "2022-03-15", "2022-04-06",
		"2022-01-04/2022-01-05", "2022-03", "2022-02~", "2022-03-01/..", "unknown", "2023-01-10", "2022"})
	kinds := []string{"report", "person", "complaint", "registration", "examination", "decision", "notice", "request", "appeal",
		"act", "suspect", "redress", "verdict", "investigation", "reprisal", "health_outcome", "detention", "hearing", "intervention", "consent"}
	return rapid.Custom(func(t *rapid.T) *casefile.Case {
		var records [][]string
		for range rapid.IntRange(0, 12).Draw(t, "records") {
			kind, _ := b.Kind(rapid.SampledFrom(kinds).Draw(t, "kind"))
			r := []string{kind.ID}
			for _, f := range kind.Fields {
				if f.Class != codebook.Fact {
					continue
				}
				v := ""
				switch f.Type {
				case codebook.Date:
					v = dates.Draw(t, f.ID)
				case codebook.YesNo:
					v = rapid.SampledFrom([]string{"", "yes", "no", "unknown"}).Draw(t, f.ID)
				case codebook.Number:
					v = rapid.SampledFrom([]string{"", "2", "20", "150"}).Draw(t, f.ID)
				case codebook.Code:
					if l, _ := b.List(f.List); rapid.Bool().Draw(t, f.ID) && len(l.Codes) > 0 {
						v = rapid.SampledFrom(l.Codes).Draw(t, f.ID+" code").Code
					}
				}
				if v != "" {
					r = append(r, f.ID+"="+v)
				}
			}
			records = append(records, r)
		}
		return file(b, name, records...)
	})
}

// TestIntervalsAgreeWithEveryDay: the intervals say for each day what asking on that day says.
func TestIntervalsAgreeWithEveryDay(t *testing.T) {
	b, s := compiled(t)
	from, to := day(t, "2021-12-30"), day(t, "2023-02-01")
	rapid.Check(t, func(t *rapid.T) {
		c := casefile.Merge("u", anyCase(b, "a").Draw(t, "a"), anyCase(b, "b").Draw(t, "b"))
		intervals := s.Intervals(c)
		for i, iv := range intervals {
			if iv.From >= iv.To {
				t.Fatalf("empty interval %+v", iv)
			}
			for _, other := range intervals[i+1:] {
				if other.Rule == iv.Rule && other.From <= iv.To && iv.From <= other.To {
					t.Fatalf("intervals touch: %+v %+v", iv, other)
				}
			}
		}
		for d := from; d < to; d += edtf.Day(rapid.IntRange(1, 5).Draw(t, "step")) {
			var in []string
			for _, f := range s.Figures() {
				if slices.ContainsFunc(intervals, func(iv rules.Interval) bool { return iv.Rule == f.ID && iv.From <= d && d < iv.To }) {
					in = append(in, f.ID)
				}
			}
			on := s.Counts(c, d)
			slices.Sort(in)
			slices.Sort(on)
			if !slices.Equal(in, on) {
				t.Fatalf("on %s the intervals say %v, asking says %v", d, in, on)
			}
		}
	})
}

// TestSinceIsTheFirstDay: a breach has held on every day since, and not on the day before.
func TestSinceIsTheFirstDay(t *testing.T) {
	b, s := compiled(t)
	asOf := day(t, "2022-12-01")
	state := func(c *casefile.Case, rule string, d edtf.Day) string {
		for _, f := range s.Checks(c, d) {
			if f.Rule == rule {
				return f.State
			}
		}
		return ""
	}
	rapid.Check(t, func(t *rapid.T) {
		c := anyCase(b, "a").Draw(t, "a")
		for _, f := range s.Checks(c, asOf) {
			def, _ := s.Rule(f.Rule)
			if f.State != rules.Breached || def.Of != nil {
				continue
			}
			if got := state(c, f.Rule, f.Since); got != rules.Breached {
				t.Fatalf("%s since %s, and on that day it is %q", f.Rule, f.Since, got)
			}
			if got := state(c, f.Rule, f.Since-1); got == rules.Breached {
				t.Fatalf("%s since %s, and it was breached the day before", f.Rule, f.Since)
			}
		}
	})
}

// TestDeadlinesHangTogether: days are in order, and a state fits them.
func TestDeadlinesHangTogether(t *testing.T) { each(t, deadlinesHangTogether) }

func deadlinesHangTogether(t *testing.T, b *codebook.Book, s *rules.Set) {
	rapid.Check(t, func(t *rapid.T) {
		c := casefile.Merge("u", anyCase(b, "a").Draw(t, "a"), anyCase(b, "b").Draw(t, "b"))
		asOf := edtf.MustParse("2022-01-01").Earliest().Add(rapid.IntRange(0, 500).Draw(t, "day"))
		for _, d := range s.Deadlines(c, asOf) {
			def, _ := s.Rule(d.Rule)
			if d.State == rules.CannotTell && d.Due == 0 {
				continue
			}
			if d.Due > d.DueArguable || def.Unit != "" && d.Due < d.Start {
				t.Fatalf("days out of order: %+v", d)
			}
			switch d.State {
			case rules.Overdue, rules.Expired:
				if asOf <= d.DueArguable {
					t.Fatalf("%s on %s: %+v", d.State, asOf, d)
				}
			case rules.Running:
				if asOf > d.Due {
					t.Fatalf("running on %s: %+v", asOf, d)
				}
			case rules.Kept, rules.Late:
				if d.By == "" {
					t.Fatalf("kept by nothing: %+v", d)
				}
			}
		}
	})
}

func TestTermsAreCountedByTheCalendar(t *testing.T) {
	b, s := compiled(t)
	for _, x := range []struct{ asked, due, why string }{
		{"2022-02-01", "2022-02-04", "three days, the first not counted"},
		{"2022-02-02", "2022-02-07", "ends on a Saturday: the next working day"},
		{"2022-03-18", "2022-03-24", "ends on Nauryz"},
		{"2022-05-06", "2022-05-11", "ends on 9 May; 7 May fell on a Saturday: 10 May is free instead"},
		{"2022-04-27", "2022-05-03", "ends on a Saturday before 1 May, a Sunday: 2 May is free instead"},
		{"2023-01-04", "2023-01-09", "ends on 7 January, a Saturday: Christmas is not made up for"},
		{"2021-12-30", "2022-01-05", "1 and 2 January fell on a weekend: 3 and 4 are free instead"},
		{"2022-03-02", "2022-03-05", "ends on a Saturday that is worked"},
		{"2022-03-03", "2022-03-09", "ends on a Sunday; the Monday after it is free in place of that Saturday, and then comes 8 March"},
		{"2022-02-01/2022-02-03", "2022-02-04", "uncertain: from the first day it can be"},
	} {
		c := file(b, "a", []string{"report", "received=2022-01-01"}, []string{"request", "kind=examination", "filed=" + x.asked})
		got := edtf.MinDay
		for _, d := range s.Deadlines(c, day(t, "2024-06-01")) {
			if d.Rule == "expert_request" {
				got = d.Due
			}
		}
		if got != day(t, x.due) {
			t.Errorf("asked %s: due %s, want %s: %s", x.asked, got, x.due, x.why)
		}
	}
}

func TestDeadlineStates(t *testing.T) {
	b, s := compiled(t)
	appeal := []string{"appeal", "#=x", "to=prosecutor", "date=2022-03-01"} // due in 7 days, at the very latest in 15
	for _, x := range []struct {
		rule, on string
		more     []string
		state    string
	}{
		{"prosecutor_answer", "2022-03-05", nil, rules.Running},
		{"prosecutor_answer", "2022-03-14", nil, rules.CannotTell}, // it may have been prolonged
		{"prosecutor_answer", "2022-03-17", nil, rules.Overdue},
		{"prosecutor_answer", "2022-06-01", []string{"answer_date=2022-03-04"}, rules.Kept},
		{"prosecutor_answer", "2022-03-03", []string{"answer_date=2022-03-04"}, rules.Running}, // it has not come yet
		{"prosecutor_answer", "2022-06-01", []string{"answer_date=2022-03-25"}, rules.Late},
		{"prosecutor_answer", "2022-06-01", []string{"answer_date=2022-03"}, rules.CannotTell},
		{"court_106_after_silence", "2022-03-20", nil, rules.Open},
		{"court_106_after_silence", "2022-04-20", nil, rules.Expired},
		{"court_106_after_refusal", "2022-03-10", []string{"answer_date=2022-03-04", "outcome=refused"}, rules.Open},
	} {
		c := file(b, "a", []string{"report", "received=2022-01-01"}, append(slices.Clone(appeal), x.more...))
		got := "none"
		for _, d := range s.Deadlines(c, day(t, x.on)) {
			if d.Rule == x.rule {
				got = d.State
			}
		}
		if got != x.state {
			t.Errorf("%s on %s with %v: %s, want %s", x.rule, x.on, x.more, got, x.state)
		}
	}
}

func TestChecksAreThreeValued(t *testing.T) {
	b, s := compiled(t)
	for _, x := range []struct {
		rule    string
		records [][]string
		state   string
	}{
		{"MED-01", [][]string{{"complaint", "filed=yes", "date=2022-02-01"}, {"examination", "kind=sme", "ordered=2022-02-05"}}, rules.Met},
		{"MED-01", [][]string{{"complaint", "filed=yes", "date=2022-02-01"}, {"examination", "kind=sme", "ordered=2022-02"}}, rules.CannotTell},
		{"MED-01", [][]string{{"complaint", "filed=yes", "date=2022-02-01"}, {"examination", "kind=sme", "ordered=2022-03"}}, rules.Breached},
		{"MED-01", [][]string{{"complaint", "filed=yes", "date=2022-02-01"}}, rules.Breached},
		{"MED-01", [][]string{{"complaint", "filed=yes", "date=2022-05-30"}}, ""},                                                                  // the ten days are not over
		{"MED-01", [][]string{{"complaint", "filed=yes", "date=2022-02-01"}, {"examination", "kind=sme", "requested=2022-02-05"}}, rules.Breached}, // asked for, not ordered
		{"MED-04", [][]string{{"examination", "kind=sppe", "minutes=130"}}, rules.Met},
		{"MED-04", [][]string{{"examination", "kind=sppe", "minutes=20", "time_limit_stated=yes"}}, rules.Met},
		{"MED-04", [][]string{{"examination", "kind=sppe"}}, rules.CannotTell},
		{"MED-06", [][]string{{"examination", "kind=sme", "present=police"}}, rules.Breached},
		{"MED-06", [][]string{{"examination", "kind=sme", "private=yes"}}, rules.Met},
		{"MED-06", [][]string{{"examination", "kind=sme", "private=unknown"}}, rules.CannotTell},
		{"INV-01", [][]string{{"act", "body=sobr"}, {"investigation", "body=police"}}, rules.Breached}, // parents counted
		{"INV-01", [][]string{{"act", "body=police"}, {"registration", "status=erdr", "body=police_osb"}}, rules.Breached},
		{"INV-01", [][]string{{"act", "body=police"}, {"investigation", "body=acs"}}, rules.Met},
		{"INV-02", [][]string{{"registration", "status=erdr", "article=146"}, {"investigation", "body=police", "from=2022-02-01", "to=2022-05-01"}}, ""},
		{"REG-03", [][]string{{"registration", "status=refused"}}, rules.Breached}, // acceptance refused is no refusal to answer
		{"REG-04", [][]string{{"registration", "status=unregistered_check"}}, rules.Breached},
		{"REG-07", [][]string{{"registration", "status=erdr", "article=146", "part=4", "date=2022-02-01"}}, rules.Breached},
		{"REG-07", [][]string{{"registration", "status=erdr", "article=146", "part=4", "date=2023-05-01"}}, ""},
		{"REG-07", [][]string{{"registration", "status=erdr", "article=146", "part=2", "date=2022-02-01"}}, rules.Met},
		{"DEC-05", [][]string{{"registration", "status=erdr", "article=146"}, {"decision", "kind=closed", "ground=kz.35-1-4"}}, rules.Breached},
		{"DEC-05", [][]string{{"registration", "status=erdr", "article=146"}, {"decision", "kind=closed"}}, rules.CannotTell},
		{"CON-01", [][]string{{"intervention", "kind=un_communication", "date=2022-03-01"}, {"consent", "purpose=un", "state=given", "given=2022-02-01"}}, rules.Met},
		{"CON-01", [][]string{{"intervention", "kind=un_communication", "date=2022-03-01"}, {"consent", "purpose=un", "state=given", "given=2022-02-01", "withdrawn=2022-02-20"}}, rules.Breached},
		{"CON-01", [][]string{{"intervention", "kind=un_communication", "date=2022-03-01"}, {"consent", "purpose=complain", "state=given", "given=2022-02-01"}}, rules.Breached},
		{"RSK-01", [][]string{{"contact", "date=2022-04-01"}}, rules.Breached},
		{"RSK-01", [][]string{{"contact", "date=2022-05-20"}}, rules.Met},
	} {
		c := file(b, "a", append([][]string{{"report", "received=2022-01-01"}}, x.records...)...)
		got := ""
		for _, f := range s.Checks(c, day(t, "2022-06-01")) {
			if f.Rule == x.rule {
				got = f.State
			}
		}
		if got != x.state {
			t.Errorf("%s with %v: %q, want %q", x.rule, x.records, got, x.state)
		}
	}
}

// TestProsecutorOwesOnlyWhatWasOpenIn2023: before 1 January 2023 torture was
// not the prosecutor's alone, so a case closed by then breaches nothing.
func TestProsecutorOwesOnlyWhatWasOpenIn2023(t *testing.T) {
	b, s := compiled(t)
	base := [][]string{{"report", "received=2022-01-01"}, {"registration", "status=erdr", "article=146", "date=2022-02-01"}, {"investigation", "body=police", "from=2022-02-01"}}
	for _, x := range []struct {
		more  [][]string
		state string
	}{
		{nil, rules.Breached},
		{[][]string{{"decision", "kind=closed", "date=2022-04-06"}}, ""},
		{[][]string{{"decision", "kind=closed", "date=2022-04-06"}, {"decision", "kind=resumed", "date=2023-02-01"}}, rules.Breached},
	} {
		got := ""
		for _, f := range s.Checks(file(b, "a", append(base, x.more...)...), day(t, "2024-01-01")) {
			if f.Rule == "INV-02" {
				got = f.State
			}
		}
		if got != x.state {
			t.Errorf("INV-02 with %v: %q, want %q", x.more, got, x.state)
		}
	}
}

// TestCompileNamesWhatIsNotThere: a rule that asks for what the codebook does not have is refused, and named.
func TestCompileNamesWhatIsNotThere(t *testing.T) {
	const head = "use: check\nrules:\n- {id: X-01, severity: B, conf: H, norm: ours, label: [a, b, c], "
	for _, x := range []struct{ rule, says string }{
		{`expr: 'decision.exists(d, d.knd == "closed")'`, "undefined field 'knd'"},
		{`expr: 'decision.exists(d, d.kind == "closd")'`, `list decision has no code "closd"`},
		{`expr: 'decision.exists(d, d.kind in ["closed", "clsd"])'`, `list decision has no code "clsd"`},
		{`expr: 'act.exists(a, "beatt" in a.methods)'`, `list method has no code "beatt"`},
		{`expr: 'person.exists(p, p.family == "x")'`, "undefined field 'family'"}, // names are not facts
		{`expr: 'notice.exists(n, n.copy_given == "maybe")'`, "yes or no"},
		{`expr: 'person.exists(p, p.sex == "unknown")'`, "not known"},
		{`expr: 'size(decision)'`, "expected bool"},
		{`expr: 'it.kind == "closed"'`, "undeclared reference to 'it'"},
		{`expr: 'true', each: desicion`, `no kind "desicion"`},
		{`of: [no_such]`, "no such deadline"},
		{`expr: 'is("exam_setting", "x", "polise")'`, `no code of list exam_setting is "polise"`},
		{`expr: 'decision.exists(a, decision.exists(b, decision.exists(c, a.id == c.id)))'`, "nest"},
		{`expr: 'date("2022-13-01") == today'`, "date takes a date"},
	} {
		b, err := codebook.Load(codebook.Data, kz.Data, fstest.MapFS{"rules/x.yaml": {Data: []byte(head + x.rule + "}\n")}})
		if err != nil {
			t.Fatalf("%s: %v", x.rule, err)
		}
		_, err = rules.Compile(b)
		if err == nil || !strings.Contains(err.Error(), x.says) || !strings.Contains(err.Error(), "rules/x.yaml: rule X-01") {
			t.Errorf("%s: got %v, want %q", x.rule, err, x.says)
		}
	}
}

// TestWithoutAPack: the codebook's own rules hold without any jurisdiction.
func TestWithoutAPack(t *testing.T) {
	b, err := codebook.Load(codebook.Data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rules.Compile(b); err != nil {
		t.Fatal(err)
	}
}

// TestChecksOfTheNotes: every check of the legal notes is there but the one about publications, which is no matter
// of a case.
func TestChecksOfTheNotes(t *testing.T) {
	_, s := compiled(t)
	ids := map[string]int{"REG": 7, "INV": 7, "VIC": 3, "MED": 14, "DEC": 7, "APP": 4, "LIM": 1, "RED": 1, "CON": 1, "RSK": 1, "EVD": 3, "CMP": 1, "DET": 2, "REP": 1}
	for _, group := range slices.Sorted(maps.Keys(ids)) {
		for n := 1; n <= ids[group]; n++ {
			if _, ok := s.Rule(fmt.Sprintf("%s-%02d", group, n)); !ok {
				t.Errorf("%s-%02d is missing", group, n)
			}
		}
	}
}

func BenchmarkIntervals(b *testing.B) {
	bk, s := compiled(b)
	c := casefile.Merge("u", story(b, bk, "2-van.yaml"), story(b, bk, "3-station.yaml"))
	b.ReportAllocs()
	for b.Loop() {
		s.Intervals(c)
	}
}

func BenchmarkIntervalsOfARow(b *testing.B) {
	bk, s := compiled(b)
	c := file(bk, "a", []string{"report", "received=2022-02-01"}, []string{"person", "role=victim", "sex=m", "child=no"},
		[]string{"act", "date=2022-01-06", "methods=beat", "body=police"}, []string{"complaint", "filed=yes", "date=2022-02-03"},
		[]string{"registration", "status=erdr", "article=146", "date=2022-02-10"}, []string{"examination", "kind=sme", "ordered=2022-02-20"},
		[]string{"decision", "kind=closed", "date=2022-04-06"}, []string{"notice", "channel=sms", "date=2022-04-07"})
	b.ReportAllocs()
	for b.Loop() {
		s.Intervals(c)
	}
}

func BenchmarkChecks(b *testing.B) {
	bk, s := compiled(b)
	c := story(b, bk, "2-van.yaml")
	on := day(b, "2022-06-24")
	b.ReportAllocs()
	for b.Loop() {
		s.Checks(c, on)
	}
}

func BenchmarkDeadlines(b *testing.B) {
	bk, s := compiled(b)
	c := story(b, bk, "2-van.yaml")
	on := day(b, "2022-06-24")
	b.ReportAllocs()
	for b.Loop() {
		s.Deadlines(c, on)
	}
}

func BenchmarkCompile(b *testing.B) {
	bk := book(b)
	for b.Loop() {
		if _, err := rules.Compile(bk); err != nil {
			b.Fatal(err)
		}
	}
}

// TestDeadlinesSayWhatThePackSays: the pack lists its terms with their sources; the rules that run them agree with it.
func TestDeadlinesSayWhatThePackSays(t *testing.T) { each(t, deadlinesSayWhatThePackSays) }

func deadlinesSayWhatThePackSays(t *testing.T, b *codebook.Book, s *rules.Set) {
	notRun := map[string]string{
		"prosecutor_answer_3d": "whether an appeal is about a detention or a search is not recorded",
		"file_to_court":        "when the court asked for the materials is not recorded",
	}
	for _, p := range b.Packs() {
		for _, term := range p.Terms {
			r, ok := s.Rule(term.ID)
			if _, no := notRun[term.ID]; no || !ok {
				if no == ok {
					t.Errorf("term %s: run by a rule: %v, excused: %v", term.ID, ok, no)
				}
				continue
			}
			n, unit := term.N, term.Unit
			switch term.ID {
			case "court_106_after_silence":
				n += 15 // counted from the complaint: fifteen days of silence and fifteen to go to court
			case "expert_to_judge":
				n, unit = 3, "day" // the term whose end opens it (expert_request)
			}
			if r.N != n || r.Unit != unit || r.Owes != term.Owes || r.Kind != term.Kind || r.Conf != term.Conf || r.Max < term.Max {
				t.Errorf("%s: the rule has %d %s (at most %d) %s %s %s, the pack %d %s (%d) %s %s %s", term.ID,
					r.N, r.Unit, r.Max, r.Owes, r.Kind, r.Conf, n, unit, term.Max, term.Owes, term.Kind, term.Conf)
			}
		}
		if r, ok := s.Rule(p.ID + "_calendar"); !ok || r.Roll != p.Counting.RollToWorkingDay {
			t.Errorf("the calendar of %s and its way of counting differ", p.ID)
		}
	}
}

func TestAWarningTurnsGrave(t *testing.T) {
	b, s := compiled(t)
	for ordered, want := range map[string]rules.Severity{"2022-02-20": rules.Warning, "2022-04-20": rules.Breach, "": rules.Breach} {
		c := file(b, "a", []string{"report", "received=2022-02-01"}, []string{"complaint", "filed=yes", "date=2022-02-01"})
		if ordered != "" {
			c = file(b, "a", []string{"report", "received=2022-02-01"}, []string{"complaint", "filed=yes", "date=2022-02-01"}, []string{"examination", "kind=sme", "ordered=" + ordered})
		}
		for _, f := range s.Checks(c, day(t, "2022-06-01")) {
			if f.Rule == "MED-01" && (f.State != rules.Breached || f.Severity != want) {
				t.Errorf("ordered %q: %s %s, want %s", ordered, f.State, f.Severity, want)
			}
		}
	}
}

// TestOneSetServesMany: a set is read-only; answers do not depend on who else is asking.
func TestOneSetServesMany(t *testing.T) {
	b, s := compiled(t)
	on := day(t, "2022-06-24")
	var cases []*casefile.Case
	for _, c := range sample(t, b) {
		cases = append(cases, c)
	}
	want := make([]string, len(cases))
	for i, c := range cases {
		want[i] = fmt.Sprint(s.Intervals(c), s.Checks(c, on), s.Deadlines(c, on))
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for i, c := range cases {
				if got := fmt.Sprint(s.Intervals(c), s.Checks(c, on), s.Deadlines(c, on)); got != want[i] {
					t.Errorf("case %d answers otherwise", i)
				}
			}
		})
	}
	wait.Wait()
}
