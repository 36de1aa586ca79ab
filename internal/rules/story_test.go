// SPDX-License-Identifier: AGPL-3.0-or-later

package rules_test

import (
	"crypto/md5"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/rules"
	"github.com/kua-registry/kua/packs/kg"
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

// each runs a test with the rules of each of the packs that ship with the program.
func each(t *testing.T, test func(t *testing.T, b *codebook.Book, s *rules.Set)) {
	t.Helper()
	for id, data := range map[string]fs.FS{"kz": kz.Data, "kg": kg.Data} {
		b, err := codebook.Load(codebook.Data, data)
		if err != nil {
			t.Fatal(err)
		}
		s, err := rules.Compile(b)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(id, func(t *testing.T) { test(t, b, s) })
	}
}

func compiled(t testing.TB) (*codebook.Book, *rules.Set) {
	t.Helper()
	b := book(t)
	s, err := rules.Compile(b)
	if err != nil {
		t.Fatal(err)
	}
	return b, s
}

func day(t testing.TB, s string) edtf.Day {
	t.Helper()
	d, err := edtf.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// id makes the id of a record from the name it has in a story.
func id(name string) string {
	sum := md5.Sum([]byte(name))
	return hex.EncodeToString(sum[:])
}

// written is the day on which everything in these tests was entered.
var written = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// story folds one of the three stories.
func story(t testing.TB, b *codebook.Book, file string) *casefile.Case {
	t.Helper()
	return casefile.Fold(b, id("case"), storyEntries(t, b, file))
}

func storyEntries(t testing.TB, b *codebook.Book, file string) []casefile.Entry {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "examples", "stories", file))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Cases []struct {
			Records []struct {
				Kind, ID string
				Fields   map[string]yaml.Node
			}
		}
	}
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	var entries []casefile.Entry
	for i, r := range doc.Cases[0].Records {
		k, ok := b.Kind(r.Kind)
		if !ok {
			t.Fatalf("%s: no kind %s", file, r.Kind)
		}
		fields := casefile.Fields{}
		for name, node := range r.Fields {
			values := []string{node.Value}
			if node.Kind == yaml.SequenceNode {
				values = nil
				for _, n := range node.Content {
					values = append(values, n.Value)
				}
			}
			if f, ok := k.Field(name); ok && f.Type == codebook.Ref {
				for i := range values {
					values[i] = id(values[i])
				}
			}
			fields[name] = values
		}
		if r.Kind == "case" {
			fields["org"], fields["number"] = []string{id("org")}, []string{"K-1"}
		}
		if problems := b.Validate(r.Kind, fields); problems != nil {
			t.Errorf("%s: %s: %v", file, r.ID, problems)
		}
		entries = append(entries, casefile.Entry{Pos: uint64(i + 1), At: written, Record: id(r.ID), Kind: r.Kind, Op: casefile.Put, Fields: fields})
	}
	return entries
}

type want struct {
	state    string
	severity rules.Severity
	records  []string // names
	shown    []string
}

func findings(t *testing.T, got []rules.Finding, wants map[string]want) map[string]rules.Finding {
	t.Helper()
	by := map[string]rules.Finding{}
	for _, f := range got {
		by[f.Rule] = f
	}
	for rule, w := range wants {
		f, ok := by[rule]
		if !ok {
			t.Errorf("%s: no finding, want %s", rule, w.state)
			continue
		}
		if f.State != w.state || w.severity != "" && f.Severity != w.severity {
			t.Errorf("%s is %s (%s), want %s (%s); missing %v", rule, f.State, f.Severity, w.state, w.severity, f.Missing)
		}
		for _, name := range w.records {
			if !slices.Contains(f.Records, id(name)) {
				t.Errorf("%s: record %s is not named", rule, name)
			}
		}
		var shown []string
		for _, m := range f.Shown {
			shown = append(shown, m.Text)
		}
		if w.shown != nil && !slices.Equal(shown, w.shown) {
			t.Errorf("%s shows %v, want %v", rule, shown, w.shown)
		}
	}
	return by
}

func TestStorySquare(t *testing.T) {
	b, s := compiled(t)
	c := story(t, b, "1-square.yaml")
	asOf := day(t, "2022-06-24")
	findings(t, s.Checks(c, asOf), map[string]want{
		"CMP-01": {state: rules.Breached, severity: rules.Info, records: []string{"no-complaint"}, shown: []string{"no_trust"}},
		"REP-01": {state: rules.Breached, records: []string{"police-at-hospital"}},
		"VIC-03": {state: rules.Breached, records: []string{"police-at-hospital"}},
		"DET-02": {state: rules.Breached, records: []string{"questioning"}, shown: []string{"witness"}},
	})
	st := c.Stage(asOf)
	if st.ID != "not_complained" || st.Branch != "not_complained" || st.Reason != "no_trust" || st.Since != asOf {
		t.Errorf("stage %+v", st)
	}
}

func TestStoryVan(t *testing.T) {
	b, s := compiled(t)
	c := story(t, b, "2-van.yaml")
	asOf := day(t, "2022-06-24")
	by := findings(t, s.Checks(c, asOf), map[string]want{
		"DEC-01": {state: rules.Breached, severity: rules.Breach, records: []string{"message"}, shown: []string{"sms"}},
		"DEC-02": {state: rules.Breached, severity: rules.Breach, records: []string{"closure"}},
		"DEC-03": {state: rules.Breached, severity: rules.Breach, records: []string{"closure"}},
		"DEC-04": {state: rules.Breached, severity: rules.Warning, records: []string{"closure"}},
		"DEC-05": {state: rules.Met},
		"DEC-07": {state: rules.Breached},
		"EVD-02": {state: rules.Breached, records: []string{"cameras"}},
		"EVD-03": {state: rules.Breached, records: []string{"phone"}},
		"INV-01": {state: rules.Met}, // the Anti-Corruption Service, and policemen
		"REG-01": {state: rules.CannotTell},
		"REG-07": {state: rules.CannotTell}, // part 2 of which code? the day is not known
	})
	if f, ok := by["APP-03"]; ok {
		t.Errorf("APP-03 is %s, and the year is still running", f.State)
	}
	deadlines := map[string]rules.Deadline{}
	for _, d := range s.Deadlines(c, asOf) {
		deadlines[d.Rule] = d
	}
	court := deadlines["court_106"]
	if court.Start != day(t, "2022-04-06") || court.Due != day(t, "2022-04-21") || court.DueArguable != edtf.MaxDay || court.State != rules.Open || court.Owes != rules.Us {
		t.Errorf("court: %+v", court)
	}
	year := deadlines["complaint_closure"]
	if year.Due != day(t, "2023-04-06") || year.DueArguable != year.Due || year.State != rules.Open || year.Days != 286 {
		t.Errorf("year: %+v", year)
	}
	if d := deadlines["closure_copy"]; d.State != rules.CannotTell && d.State != rules.Overdue {
		t.Errorf("copy: %+v", d)
	}
	// Once the year is over and nothing was filed, the check says so, and since when.
	later := findings(t, s.Checks(c, day(t, "2023-05-01")), map[string]want{"APP-03": {state: rules.Breached, records: []string{"closure"}}})
	if f := later["APP-03"]; f.Since != day(t, "2023-04-07") || !f.Ours {
		t.Errorf("APP-03: %+v", f)
	}
	st := c.Stage(asOf)
	if st.ID != "closed" || st.Branch != "closed" || st.Since != day(t, "2022-04-06") || st.Reason != "kz.35-2" {
		t.Errorf("stage %+v", st)
	}
}

func TestStoryStation(t *testing.T) {
	b, s := compiled(t)
	c := story(t, b, "3-station.yaml")
	asOf := day(t, "2022-06-24")
	by := findings(t, s.Checks(c, asOf), map[string]want{
		"MED-01": {state: rules.CannotTell}, // when it was ordered is not known
		"MED-14": {state: rules.Breached, records: []string{"forensic"}, shown: []string{"68", "19"}},
		"MED-04": {state: rules.Breached, severity: rules.Breach, records: []string{"psychological"}, shown: []string{"20"}},
		"MED-05": {state: rules.Breached, severity: rules.Breach, records: []string{"psychological"}, shown: []string{"acs_premises"}},
		"MED-13": {state: rules.Breached, severity: rules.Info, records: []string{"independent"}, shown: []string{"goes_beyond"}},
		"DET-01": {state: rules.Breached, records: []string{"no-care"}},
		"EVD-02": {state: rules.Breached, records: []string{"video"}},
		"MED-03": {state: rules.Met},
	})
	if missing := by["MED-01"].Missing; !slices.Contains(missing, "examination.ordered") {
		t.Errorf("MED-01 does not say what is missing: %v", missing)
	}
	if by["MED-14"].Since != day(t, "2022-03-15") {
		t.Errorf("MED-14 since %v", by["MED-14"].Since)
	}
	// Before the independent report there was nothing to compare.
	for _, f := range s.Checks(c, day(t, "2022-04-01")) {
		if f.Rule == "MED-13" {
			t.Errorf("MED-13 in April is %s", f.State)
		}
	}
	if st := c.Stage(asOf); st.ID != "examined" {
		t.Errorf("stage %+v", st)
	}
}

// TestStoriesOnTheTimeline: every fact of the stories that has a day stands on it.
func TestStoriesOnTheTimeline(t *testing.T) {
	b := book(t)
	for _, file := range []string{"1-square.yaml", "2-van.yaml", "3-station.yaml"} {
		c := story(t, b, file)
		on := map[string]bool{}
		last := edtf.MinDay
		undated := false
		for _, e := range c.Timeline() {
			on[e.Record.ID] = true
			if e.Date.IsZero() {
				undated = true
				continue
			}
			if undated || e.From < last {
				t.Errorf("%s: %s %s out of order", file, e.Kind, e.Date)
			}
			last = e.From
		}
		for _, r := range c.Records() {
			switch r.Kind {
			case "case", "person", "import_row":
				continue
			}
			if !on[r.ID] {
				t.Errorf("%s: %s is not on the timeline", file, r.Kind)
			}
		}
	}
}

// facts are the numbered facts of the stories, each with what records it: the
// record by its name in the story, its field, and the code, day or number there.
var facts = map[string][]string{
	"1.1":  {"victim.role_then=activist", "at-the-square.activity=attending_protest", "square.date=2022-01-06", "square.place_type=street"},
	"1.2":  {"shot.body=security_forces", "shot.methods=gunshot", "shot.activity=fleeing", "shot.activity=helping_injured", "girl.role=bystander", "wound.body_region=spine"},
	"1.3":  {"treatment.treatment=surgery", "paralysis.kind=paralysis", "paralysis.permanent=yes", "paralysis.aid=wheelchair"},
	"1.4":  {"police-at-hospital.kind=visit_hospital", "police-at-hospital.body=police", "police-at-hospital.outcome=prevented", "police-at-hospital.prevented_by=clinician", "police-at-hospital.verification=single_source"},
	"1.5":  {"treatment.discharged=2022-01-17", "questioning.from=2022-01-17", "questioning.how=from_hospital", "questioning.place_type=police_station", "questioning.questioned=yes"},
	"1.6":  {"status.status=witness", "status.outcome=pending", "questioning.questioned_as=witness"},
	"1.7":  {"no-complaint.filed=no", "no-complaint.no_complaint_reason=no_trust"},
	"1.8":  {"no-complaint.reason_source=interview", "interview.kind=interview", "interview.outlet_kind=broadcaster", "interview.date=unknown", "interview-evidence.publication=interview"},
	"2.1":  {"in-the-van.from=2022-01-04/2022-01-05", "in-the-van.activity=on_way_to_protest", "in-the-van.officers=3", "in-the-van.place_type=vehicle", "in-the-van.reason_given=no", "three-who-detained.count=3"},
	"2.2":  {"three-others.count=3", "beating.suspects=three-others", "beating.methods=beat_object", "beating.instruments=hands_feet", "beating.instruments=truncheon", "beating.body_region=head", "beating.body_region=legs", "beating.body_region=body", "beating.methods=humiliation", "beating.methods=threat_death", "beating.words_quoted=*"},
	"2.3":  {"in-the-department.facility=city-department", "in-the-department.place=*", "city-department.cameras=yes", "cameras.kind=cctv", "cameras.state=exists_not_secured", "cameras.verification=single_source", "get-video.kind=secure_video"},
	"2.4":  {"signing.methods=forced_signature", "documents.kind=signed_document", "in-the-department.release=released_same_night"},
	"2.5":  {"in-the-department.property=phone_erased", "phone.kind=phone_data", "phone.state=destroyed", "phone.destroyed_by=police"},
	"2.6":  {"doctor.held=2022-01-05", "doctor.kind=first_medical_record", "head.kind=bruise", "head.body_region=head", "neck.body_region=neck_back", "head.examination=doctor"},
	"2.7":  {"lawyer.role=lawyer", "lawyer.with_coalition=yes", "complaint.to_body=prosecutor", "complaint.by=lawyer", "transfer.from_body=prosecutor", "transfer.to_body=acs"},
	"2.8":  {"registration.article=146", "registration.part=2", "registration.article_written=*", "registration.status=erdr"},
	"2.9":  {"message.channel=sms", "message.date=2022-04-06", "message.from_body=prosecutor", "closure.kind=closed", "closure.ground=kz.35-2", "closure.date=2022-04-06"},
	"2.10": {"message.copy_given=no", "ask-copy.kind=decision_copy", "ask-copy.answer=refused", "ask-file.kind=case_file", "ask-file.pretexts=various"},
	"2.11": {"appeal.kind=appeal", "appeal.decision=closure", "appeal.grounds=no_reasons", "appeal.grounds=steps_not_described", "closure.reasons_given=no", "closure.steps_listed=no"},
	"3.1":  {"detention.how=came_voluntarily", "detention.activity=handing_in_weapons", "detention.from=2022-01-06"},
	"3.2":  {"with-others.incident=group", "group.methods=sexual", "detention.with_group=yes", "detention.place_type=police_district", "beating.methods=under_furniture", "beating.methods=nudity", "beating.methods=genital_blows", "bleeding.kind=bleeding"},
	"3.3":  {"filming.methods=filming", "filming.methods=threat_publish", "filming.methods=threat_transfer", "video.kind=video", "video.state=held_by_suspects"},
	"3.4":  {"no-care.methods=medical_denied"},
	"3.5":  {"complaint.date=2022-02-24", "forensic.kind=sme", "forensic.held=2022-03-15", "forensic.imaging=mri", "ribs.injury=fracture", "ribs.body_region=ribs"},
	"3.6":  {"psychological.kind=sppe", "psychological.setting=acs_premises", "psychological.minutes_least=15", "psychological.minutes=20"},
	"3.7":  {"organised.kind=independent_examination", "independent.held=2022-06-01~/2022-06-10~", "independent.ordered_by=coalition", "ptsd.diagnosis=ptsd", "independent.causal_link=yes", "independent.comparison=goes_beyond"},
}

// TestEveryFactOfTheStories: each stands in a field of its own, none in free
// remarks only, and the record says which fact it holds.
func TestEveryFactOfTheStories(t *testing.T) {
	b := book(t)
	held := map[string]map[string]map[string][]string{} // story, record, field
	told := map[string][]string{}                       // fact: records
	for n, file := range []string{"1-square.yaml", "2-van.yaml", "3-station.yaml"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "examples", "stories", file))
		if err != nil {
			t.Fatal(err)
		}
		type record struct {
			Kind, ID string
			Facts    []string
			Fields   map[string]yaml.Node
		}
		var doc struct {
			Outside []record
			Cases   []struct{ Records []record }
		}
		if err := yaml.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		story := string(rune('1' + n))
		held[story] = map[string]map[string][]string{}
		for _, r := range append(doc.Outside, doc.Cases[0].Records...) {
			k, _ := b.Kind(r.Kind)
			fields := map[string][]string{}
			for name, node := range r.Fields {
				f, ok := k.Field(name)
				if !ok {
					t.Fatalf("%s: %s has no field %s", file, r.Kind, name)
				}
				if name == "note" {
					t.Errorf("%s: %s says something in a remark", file, r.ID)
				}
				for _, v := range append(node.Content, &node) {
					if v.Kind == yaml.ScalarNode {
						fields[f.ID] = append(fields[f.ID], v.Value)
					}
				}
			}
			held[story][r.ID] = fields
			for _, fact := range r.Facts {
				told[fact] = append(told[fact], r.ID)
			}
		}
	}
	for fact, places := range facts {
		for _, place := range places {
			at, want, _ := strings.Cut(place, "=")
			record, field, _ := strings.Cut(at, ".")
			if values := held[fact[:1]][record][field]; want == "*" && len(values) == 0 || want != "*" && !slices.Contains(values, want) {
				t.Errorf("fact %s: %s.%s is %q, want %s", fact, record, field, values, want)
			}
		}
		if len(told[fact]) == 0 {
			t.Errorf("fact %s: no record says that it holds it", fact)
		}
		delete(told, fact)
	}
	for fact := range told {
		t.Errorf("fact %s is of no story", fact)
	}
}
