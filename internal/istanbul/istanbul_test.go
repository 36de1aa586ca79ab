// SPDX-License-Identifier: AGPL-3.0-or-later

package istanbul

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/packs/kz"
)

func book(t testing.TB) *codebook.Book {
	t.Helper()
	b, err := codebook.Load(codebook.Data, kz.Data)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func exam(id string, pairs ...string) *casefile.Record { return record("examination", id, pairs...) }

func finding(id, exam string, pairs ...string) *casefile.Record {
	r := record("finding", id, pairs...)
	r.Fields["examination"] = []string{exam}
	return r
}

func record(kind, id string, pairs ...string) *casefile.Record {
	r := &casefile.Record{ID: id, Kind: kind, Fields: casefile.Fields{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		r.Fields[pairs[i]] = append(r.Fields[pairs[i]], pairs[i+1])
	}
	return r
}

// TestSectionsHoldEveryField: a field nobody put into a section would never be asked for, nor shown.
func TestSectionsHoldEveryField(t *testing.T) {
	kind, _ := book(t).Kind("examination")
	var have []string
	for _, s := range Sections() {
		for _, i := range s.Items {
			if (i.Source == "") != (i.Conf == "") {
				t.Errorf("section %s: %v has a source without confidence, or the other way round", s.ID, i.Fields)
			}
			if (len(i.Fields) == 0) == (i.Of == "") {
				t.Errorf("section %s: an item is of fields or of findings: %+v", s.ID, i.Fields)
			}
		}
		have = append(have, s.Fields()...)
	}
	for _, f := range kind.Fields {
		if !slices.Contains(have, f.ID) {
			t.Errorf("the field %s of an examination stands in no section", f.ID)
		}
	}
	slices.Sort(have)
	for i, f := range have {
		if _, ok := kind.Field(f); !ok {
			t.Errorf("an examination has no field %s", f)
		}
		if i > 0 && have[i-1] == f {
			t.Errorf("the field %s stands in two sections", f)
		}
	}
}

// TestKinds: the codes the program asks for are those of the codebook.
func TestKinds(t *testing.T) {
	kinds, _ := book(t).List("exam_kind")
	for _, code := range slices.Concat(evaluations, psychOnly, physicalKinds) {
		if _, ok := kinds.Code(code); !ok {
			t.Errorf("there is no examination of kind %s", code)
		}
	}
	for _, x := range [][2]string{{"injury", noneVisible}, {"consistency", notAssessed}} {
		if l, _ := book(t).List(x[0]); l == nil {
			t.Errorf("no list %s", x[0])
		} else if _, ok := l.Code(x[1]); !ok {
			t.Errorf("list %s has no code %s", x[0], x[1])
		}
	}
}

func answers(parts []Part) map[string]State {
	out := map[string]State{}
	for _, p := range parts {
		for _, a := range p.Answers {
			key := a.Item.Of
			if key == "" {
				key = a.Item.Fields[0]
			}
			out[key] = a.State
		}
	}
	return out
}

func TestCompleteness(t *testing.T) {
	b := book(t)
	e := exam("e", "kind", "independent_ip", "setting", "ngo_premises", "private", "unknown", "informed_consent", "yes", "minutes_least", "180", "chronic_symptoms", "pain", "account", "words")
	got := answers(Completeness(b, e, []*casefile.Record{
		finding("f1", "e", "injury", "bruise", "body_region", "thigh", "consistency", "ip2"),
		finding("f2", "e", "injury", "bruise", "consistency", "ipx"),
		finding("f3", "e", "diagnosis", "ptsd"),
	}))
	for field, want := range map[string]State{
		"setting": Recorded, "private": Unknown, "minutes": Recorded, "informed_consent": Recorded, "present": Missing, "account": Recorded,
		"acute_symptoms": Missing, "chronic_symptoms": Recorded, "psych_methods": Missing, "systems": Missing, Placed: Missing, Graded: Missing,
	} {
		if got[field] != want {
			t.Errorf("%s is %q, want %q", field, got[field], want)
		}
	}
	for _, field := range []string{"consent_why_not", "restraint", "interpreter_kind", "note"} {
		if s, ok := got[field]; ok {
			t.Errorf("%s was asked for and is %q", field, s)
		}
	}
	e.Fields["informed_consent"], e.Fields["restrained"] = []string{"no"}, []string{"yes"}
	if got = answers(Completeness(b, e, nil)); got["consent_why_not"] != Missing || got["restraint"] != Missing {
		t.Error("why there was no consent, and how the person was restrained, was not asked for")
	}
	if _, ok := got[Placed]; ok {
		t.Error("of findings that are not there a place was asked for")
	}

	mind := answers(Completeness(b, exam("p", "kind", "sppe"), nil))
	if _, ok := mind["systems"]; ok {
		t.Error("a psychological examination was asked for a physical one")
	}
	if mind["psych_methods"] != Missing {
		t.Error("a psychological examination was not asked for its methods")
	}
	body := answers(Completeness(b, exam("s", "kind", "sme"), nil))
	if _, ok := body["mental_status"]; ok || body["systems"] != Missing || body["psych_part"] != Missing {
		t.Errorf("a forensic medical examination: %v", body) // but that it has no psychological part is asked for
	}
	if parts := Completeness(b, exam("m", "kind", "imaging"), nil); parts != nil {
		t.Error("of a picture an evaluation was asked for")
	}
	closed := exam("c", "kind", "sme")
	closed.IdentityMissing = true
	if got := answers(Completeness(b, closed, nil)); got["account"] != Closed || got["setting"] != Missing {
		t.Errorf("where only facts are open: account %q, setting %q", got["account"], got["setting"])
	}
}

func TestSides(t *testing.T) {
	for _, tt := range []struct {
		kind, official string
		want           Side
	}{
		{"sme", "", Official}, {"sme", "unknown", Official}, {"sme", "no", Independent}, {"independent_ip", "", Independent}, {"independent_ip", "yes", Official},
		{"imaging", "", Other}, {"imaging", "yes", Official}, {"imaging", "no", Other}, {"first_medical_record", "", Other}, {"", "", Other},
	} {
		if got := SideOf(exam("e", "kind", tt.kind, "official", tt.official)); got != tt.want {
			t.Errorf("%q, official %q: %s, want %s", tt.kind, tt.official, got, tt.want)
		}
	}
}

// TestStory is the third of the three stories: an official examination of the body with MRI, an official one of the
// mind of which nothing is told but that it took 15 to 20 minutes, and an independent one of both.
func TestStory(t *testing.T) {
	c := Compare([]*casefile.Record{
		exam("e3", "kind", "independent_ip", "official", "no", "held", "2022-06-01/2022-06-10", "psych_part", "yes", "diagnosis", "ptsd", "causal_link", "yes"),
		finding("f3", "e3", "diagnosis", "ptsd"),
		finding("f4", "e3", "injury", "fracture", "body_region", "ribs", "causal_link", "yes"),
		exam("e1", "kind", "sme", "official", "yes", "held", "2022-03-15", "imaging", "mri", "findings_present", "yes"),
		finding("f1", "e1", "injury", "fracture", "body_region", "ribs", "imaging", "mri"),
		exam("e2", "kind", "sppe", "official", "yes", "psych_part", "yes", "setting", "acs_premises", "minutes_least", "15", "minutes", "20"),
	})
	if ids := ids(c.Exams); ids != "e1 e3 e2" {
		t.Errorf("the examinations stand as %s", ids)
	}
	if len(c.Lines) != 2 {
		t.Fatalf("%d lines: %+v", len(c.Lines), c.Lines)
	}
	mind, ribs := c.Lines[0], c.Lines[1]
	if mind.Code != "ptsd" || mind.Independent != Saw || mind.Official != NotTold || !mind.OneOnly() {
		t.Errorf("PTSD: %+v", mind)
	}
	if !ribs.Both() || ribs.Unsure || !slices.Equal(ribs.Differs, []string{"causal_link", "imaging"}) {
		t.Errorf("ribs: %+v", ribs)
	}
}

func ids(records []*casefile.Record) string {
	out := ""
	for i, r := range records {
		if i > 0 {
			out += " "
		}
		out += r.ID
	}
	return out
}

func TestSame(t *testing.T) {
	official, independent := exam("o", "kind", "sme"), exam("i", "kind", "independent_ip")
	type f = []string
	at := func(exam string, fields f) *casefile.Record {
		return finding(exam+fmt.Sprint(fields), exam, fields...)
	}
	for _, tt := range []struct {
		name   string
		o, i   []f
		lines  int
		both   int
		unsure int
	}{
		{"same place and side", []f{{"injury", "bruise", "body_region", "thigh", "side", "left"}}, []f{{"injury", "bruise", "body_region", "thigh", "side", "left"}}, 1, 1, 0},
		{"both sides hold the left one", []f{{"injury", "bruise", "body_region", "thigh", "side", "both"}}, []f{{"injury", "bruise", "body_region", "thigh", "side", "left"}}, 1, 1, 0},
		{"other side", []f{{"injury", "bruise", "body_region", "thigh", "side", "left"}}, []f{{"injury", "bruise", "body_region", "thigh", "side", "right"}}, 2, 0, 0},
		{"other injury", []f{{"injury", "burn", "body_region", "thigh"}}, []f{{"injury", "bruise", "body_region", "thigh"}}, 2, 0, 0},
		{"other place", []f{{"injury", "bruise", "body_region", "calf"}}, []f{{"injury", "bruise", "body_region", "thigh"}}, 2, 0, 0},
		{"one without side", []f{{"injury", "bruise", "body_region", "thigh"}}, []f{{"injury", "bruise", "body_region", "thigh", "side", "right"}}, 1, 1, 1},
		{"one without side, two it could be", []f{{"injury", "bruise", "body_region", "thigh"}}, []f{{"injury", "bruise", "body_region", "thigh", "side", "right"}, {"injury", "bruise", "body_region", "thigh", "side", "left"}}, 3, 0, 0},
		{"one without place", []f{{"injury", "fracture"}}, []f{{"injury", "fracture", "body_region", "ribs"}}, 1, 1, 1},
		{"neither with place", []f{{"injury", "fracture"}}, []f{{"injury", "fracture"}}, 1, 1, 1},
		{"not known is not said", []f{{"injury", "fracture", "body_region", "unknown"}}, []f{{"injury", "fracture", "body_region", "ribs"}}, 1, 1, 1},
		{"a diagnosis has no place", []f{{"diagnosis", "ptsd", "body_region", "head"}}, []f{{"diagnosis", "ptsd"}}, 1, 1, 0},
		{"none visible is no finding", []f{{"injury", "none_visible", "body_region", "thigh"}}, []f{{"injury", "bruise", "body_region", "thigh"}}, 1, 0, 0},
		{"a mark of two places joins", []f{{"injury", "bruise", "body_region", "thigh", "body_region", "hip"}}, []f{{"injury", "bruise", "body_region", "hip"}, {"injury", "bruise", "body_region", "thigh"}}, 1, 1, 0},
		{"a place alone", []f{{"body_region", "thigh"}}, []f{{"body_region", "thigh"}}, 1, 1, 0},
		{"nothing to compare", []f{{"consistency", "ip1"}}, nil, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			records := []*casefile.Record{official, independent}
			for _, x := range tt.o {
				records = append(records, at("o", x))
			}
			for _, x := range tt.i {
				records = append(records, at("i", x))
			}
			c := Compare(records)
			both, unsure := 0, 0
			for _, l := range c.Lines {
				if l.Both() {
					both++
				}
				if l.Unsure {
					unsure++
				}
			}
			if len(c.Lines) != tt.lines || both != tt.both || unsure != tt.unsure {
				t.Errorf("%d lines, %d seen by both, %d unsure: %+v", len(c.Lines), both, unsure, c.Lines)
			}
		})
	}
}

func TestSeen(t *testing.T) {
	bruise := finding("f", "i", "injury", "bruise", "body_region", "thigh")
	independent := exam("i", "kind", "independent_ip")
	for _, tt := range []struct {
		name     string
		official []*casefile.Record
		want     Seen
	}{
		{"none held", nil, NoneHeld},
		{"only the mind", []*casefile.Record{exam("o", "kind", "psych", "result", "supports")}, NotExamined},
		{"nothing told", []*casefile.Record{exam("o", "kind", "sme")}, NotTold},
		{"found nothing", []*casefile.Record{exam("o", "kind", "sme", "findings_present", "no")}, NotSeen},
		{"said not to be known", []*casefile.Record{exam("o", "kind", "sme", "findings_present", "unknown")}, NotTold},
		{"found something else", []*casefile.Record{exam("o", "kind", "sme"), finding("g", "o", "injury", "burn", "body_region", "palm")}, NotSeen},
		{"says itself that it did not look", []*casefile.Record{exam("o", "kind", "sme", "physical_part", "no", "result", "no_injury")}, NotExamined},
		{"the strongest of two", []*casefile.Record{exam("o", "kind", "sme"), exam("p", "kind", "repeat_commission", "result", "no_injury")}, NotSeen},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, l := range Compare(append(tt.official, independent, bruise)).Lines {
				if l.Code == "bruise" && (l.Official != tt.want || l.Independent != Saw) {
					t.Errorf("official %s, independent %s", l.Official, l.Independent)
				}
			}
		})
	}
}

// draw makes examinations and findings of few values, so that they often meet.
func draw(t *rapid.T) []*casefile.Record {
	var out []*casefile.Record
	exams := rapid.IntRange(0, 4).Draw(t, "exams")
	for i := range exams {
		e := exam(fmt.Sprintf("e%d", i), "kind", rapid.SampledFrom([]string{"sme", "sppe", "independent_ip", "imaging", "other"}).Draw(t, "kind"))
		if day := rapid.SampledFrom([]string{"", "2022-01-05", "2022-06~", "unknown"}).Draw(t, "held"); day != "" {
			e.Fields["held"] = []string{day}
		}
		if rapid.Bool().Draw(t, "names it") {
			e.Fields["diagnosis"] = []string{"ptsd"}
		}
		out = append(out, e)
	}
	for i := range rapid.IntRange(0, 9).Draw(t, "findings") {
		f := finding(fmt.Sprintf("f%d", i), fmt.Sprintf("e%d", rapid.IntRange(0, 4).Draw(t, "of")))
		if code := rapid.SampledFrom([]string{"", "bruise", "fracture", "unknown", "none_visible"}).Draw(t, "injury"); code != "" {
			f.Fields["injury"] = []string{code}
		}
		if rapid.Bool().Draw(t, "mind") {
			f.Fields["diagnosis"] = []string{"ptsd"}
		}
		if regions := rapid.SliceOfN(rapid.SampledFrom([]string{"thigh", "ribs", "palm", "unknown"}), 0, 2).Draw(t, "regions"); len(regions) > 0 {
			f.Fields["body_region"] = regions
		}
		if side := rapid.SampledFrom([]string{"", "left", "right", "both", "middle", "unknown"}).Draw(t, "side"); side != "" {
			f.Fields["side"] = []string{side}
		}
		out = append(out, f)
	}
	return out
}

// TestCompareHolds: every finding stands in one line, whatever the order; a side that saw it has a finding or a
// diagnosis in it; two findings that are surely the same are never apart.
func TestCompareHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := draw(t)
		c := Compare(records)
		in := map[string]int{}
		side := map[string]Side{}
		for _, e := range c.Exams {
			side[e.ID] = SideOf(e)
		}
		for i, l := range c.Lines {
			sees := map[Side]bool{}
			for _, id := range l.Exams {
				sees[side[id]] = true
			}
			if (l.Official == Saw) != sees[Official] || (l.Independent == Saw) != sees[Independent] {
				t.Fatalf("line %+v is seen by %v", l, sees)
			}
			for _, f := range l.Findings {
				in[f.ID]++
				m, _ := markOf(f)
				for j, other := range c.Lines {
					for _, g := range other.Findings {
						if n, _ := markOf(g); j != i && surely(m, n) {
							t.Fatalf("%v and %v are the same and stand apart", f.Fields, g.Fields)
						}
					}
				}
			}
		}
		for _, r := range records {
			if r.Kind != "finding" {
				continue
			}
			want := 0
			if _, ok := markOf(r); ok {
				want = 1
			}
			if in[r.ID] != want {
				t.Fatalf("the finding %v stands in %d lines", r.Fields, in[r.ID])
			}
		}
		again := slices.Clone(records)
		slices.Reverse(again)
		if got, want := fmt.Sprintf("%+v", tell(Compare(again))), fmt.Sprintf("%+v", tell(c)); got != want {
			t.Fatalf("in another order it says\n%s\nand not\n%s", got, want)
		}
	})
}

// tell is a comparison without the addresses of its records.
func tell(c Comparison) []string {
	out := []string{ids(c.Exams)}
	for _, l := range c.Lines {
		found := ids(l.Findings)
		l.Findings = nil
		out = append(out, fmt.Sprintf("%+v %s", l, found))
	}
	return out
}

// TestCompletenessHolds: an answer more never makes an evaluation less complete, and every count adds up.
func TestCompletenessHolds(t *testing.T) {
	b := book(t)
	kind, _ := b.Kind("examination")
	rapid.Check(t, func(t *rapid.T) {
		e := exam("e", "kind", rapid.SampledFrom(evaluations).Draw(t, "kind"))
		for _, f := range kind.Fields {
			// What decides on what is asked stays as it is.
			if slices.Contains([]string{"kind", "physical_part", "psych_part", "informed_consent", "restrained", "interpreter"}, f.ID) {
				continue
			}
			if v := rapid.SampledFrom([]string{"", "", "x", "unknown", "declined"}).Draw(t, f.ID); v != "" {
				e.Fields[f.ID] = []string{v}
			}
		}
		count := func() (asked, recorded, unknown int) {
			for _, p := range Completeness(b, e, nil) {
				a, r, u := p.Count()
				asked, recorded, unknown = asked+a, recorded+r, unknown+u
			}
			return
		}
		a, r, u := count()
		if r+u > a || a == 0 {
			t.Fatalf("of %d asked %d are recorded and %d not known", a, r, u)
		}
		f := rapid.SampledFrom(kind.Fields).Draw(t, "more")
		if slices.Contains([]string{"kind", "physical_part", "psych_part"}, f.ID) || len(e.Fields[f.ID]) > 0 && !codebook.Missing(e.Get(f.ID)) {
			return
		}
		e.Fields[f.ID] = []string{"x"}
		if _, more, _ := count(); more < r {
			t.Fatalf("with %s said, %d are recorded and no longer %d", f.ID, more, r)
		}
	})
}
