// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/kua-registry/kua/internal/codebook"
)

const examples = "../../examples"

// file is a record file as package intake reads it; here only as far as these tests look.
type file struct {
	About, Organisation string
	Counts              bool
	Outside             []written
	Cases               []struct {
		Key     string
		Records []written
	}
}

type written struct {
	Kind, ID, Source string
	Facts            []string
	Fields           map[string]values
}

type values []string

func (v *values) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.SequenceNode {
		*v = values{n.Value}
		return nil
	}
	for _, x := range n.Content {
		*v = append(*v, x.Value)
	}
	return nil
}

func recordFile(t testing.TB, path string) *file {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f file
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil {
		t.Fatalf("%s: %v", filepath.Base(path), err)
	}
	return &f
}

// check holds a record file against the codebook; what the register itself gives to a case need not be in it.
func (f *file) check(t *testing.T, b *codebook.Book) {
	t.Helper()
	outside := map[string]string{}
	for _, r := range f.Outside {
		outside[r.ID] = r.Kind
	}
	checkWritten(t, b, f.Outside, codebook.Outside, outside)
	for _, c := range f.Cases {
		all := maps.Clone(outside)
		for _, r := range c.Records {
			if _, ok := all[r.ID]; ok {
				t.Errorf("record %s stands twice", r.ID)
			}
			all[r.ID] = r.Kind
		}
		checkWritten(t, b, c.Records, codebook.InCase, all)
	}
}

func checkWritten(t *testing.T, b *codebook.Book, records []written, scope codebook.Scope, kinds map[string]string) {
	t.Helper()
	for _, r := range records {
		k, ok := b.Kind(r.Kind)
		if !ok || k.Scope != scope {
			t.Errorf("record %s: no kind %s there", r.ID, r.Kind)
			continue
		}
		fields := map[string][]string{}
		for id, vs := range r.Fields {
			fields[id] = vs
			if def, ok := k.Field(id); ok && def.Type == codebook.Ref {
				fields[id] = nil
				for _, v := range vs {
					if kinds[v] != def.RefKind {
						t.Errorf("record %s: %s: there is no %s with the label %q", r.ID, id, def.RefKind, v)
					}
					fields[id] = append(fields[id], strings.Repeat("0", 32))
				}
			}
		}
		for _, p := range b.Validate(r.Kind, fields) {
			if r.Kind != "case" || p.What != codebook.Required {
				t.Errorf("record %s: %s", r.ID, p.Msg)
			}
		}
	}
}

// TestStories: every numbered fact of the three stories is held by fields of records, and they are valid.
func TestStories(t *testing.T) {
	b := book(t)
	claimed := map[string]bool{}
	paths, err := filepath.Glob(examples + "/stories/*.yaml")
	if err != nil || len(paths) != 3 {
		t.Fatalf("%d stories, %v", len(paths), err)
	}
	for _, path := range paths {
		f := recordFile(t, path)
		f.check(t, b)
		if f.Counts {
			t.Errorf("%s: the stories do not count in the coalition's figures", path)
		}
		if len(f.Cases) != 1 {
			t.Fatalf("%s: %d cases", path, len(f.Cases))
		}
		records := append(slices.Clone(f.Outside), f.Cases[0].Records...)
		for _, r := range records {
			if r.Kind == "case" || r.Kind == "note" {
				if len(r.Facts) > 0 {
					t.Errorf("%s: record %s: a fact must stand in a field of its own", path, r.ID)
				}
				continue
			}
			if r.Source == "" {
				t.Errorf("%s: record %s has no source", path, r.ID)
			}
			if _, ok := r.Fields["note"]; ok {
				t.Errorf("%s: record %s: what is in a remark cannot be counted", path, r.ID)
			}
			for _, fact := range r.Facts {
				claimed[fact] = true
			}
		}
	}
	var missing []string
	for story, n := range map[int]int{1: 8, 2: 11, 3: 7} {
		for i := 1; i <= n; i++ {
			if id := fmt.Sprintf("%d.%d", story, i); !claimed[id] {
				missing = append(missing, id)
			}
		}
	}
	if missing != nil {
		t.Errorf("facts that no record holds: %v", missing)
	}
}

// storyFact is a fact of a story, told by the field that holds it.
type storyFact struct {
	fact, record, field, value string
}

// TestStoryFacts: what each fact says stands where it can be counted and checked.
func TestStoryFacts(t *testing.T) {
	for story, facts := range map[string][]storyFact{
		"1-square": {
			{"1.1", "square", "date", "2022-01-06"}, {"1.1", "at-the-square", "activity", "attending_protest"},
			{"1.1", "victim", "role_then", "activist"}, {"1.1", "square", "place_type", "street"},
			{"1.2", "shot", "body", "security_forces"}, {"1.2", "shot", "methods", "gunshot"}, {"1.2", "shot", "body_region", "spine"},
			{"1.2", "shot", "activity", "fleeing"}, {"1.2", "shot", "activity", "helping_injured"}, {"1.2", "girl", "role", "bystander"},
			{"1.3", "treatment", "treatment", "surgery"}, {"1.3", "paralysis", "kind", "paralysis"},
			{"1.3", "paralysis", "permanent", "yes"}, {"1.3", "paralysis", "aid", "wheelchair"},
			{"1.4", "police-at-hospital", "kind", "visit_hospital"}, {"1.4", "police-at-hospital", "body", "police"},
			{"1.4", "police-at-hospital", "outcome", "prevented"}, {"1.4", "police-at-hospital", "prevented_by", "clinician"},
			{"1.5", "treatment", "discharged", "2022-01-17"}, {"1.5", "questioning", "from", "2022-01-17"},
			{"1.5", "questioning", "how", "from_hospital"}, {"1.5", "questioning", "questioned", "yes"},
			{"1.6", "status", "status", "witness"}, {"1.6", "status", "outcome", "pending"},
			{"1.7", "no-complaint", "filed", "no"}, {"1.7", "no-complaint", "no_complaint_reason", "no_trust"},
			{"1.8", "no-complaint", "reason_source", "interview"}, {"1.8", "interview", "outlet_kind", "broadcaster"},
			{"1.8", "interview", "date", "unknown"},
		},
		"2-van": {
			{"2.1", "in-the-van", "from", "2022-01-04/2022-01-05"}, {"2.1", "in-the-van", "activity", "on_way_to_protest"},
			{"2.1", "in-the-van", "officers", "3"}, {"2.1", "in-the-van", "place_type", "vehicle"}, {"2.1", "in-the-van", "reason_given", "no"},
			{"2.2", "beating", "perpetrators", "3"}, {"2.2", "beating", "methods", "beat"}, {"2.2", "beating", "instruments", "truncheon"},
			{"2.2", "beating", "body_region", "head"}, {"2.2", "beating", "body_region", "legs"}, {"2.2", "beating", "body_region", "body"},
			{"2.2", "beating", "methods", "humiliation"}, {"2.2", "beating", "methods", "threat_death"},
			{"2.3", "in-the-department", "place_type", "police_city"}, {"2.3", "in-the-department", "place", "An office on the second floor"},
			{"2.3", "cameras", "kind", "cctv"}, {"2.3", "cameras", "state", "exists_not_secured"}, {"2.3", "city-department", "cameras", "yes"},
			{"2.4", "signing", "methods", "forced_signature"}, {"2.4", "in-the-department", "release", "released_same_night"},
			{"2.5", "phone", "state", "destroyed"}, {"2.5", "in-the-department", "property", "phone_erased"},
			{"2.6", "doctor", "held", "2022-01-05"}, {"2.6", "head", "body_region", "head"}, {"2.6", "neck", "body_region", "neck_back"},
			{"2.7", "complaint", "to_body", "prosecutor"}, {"2.7", "complaint", "by_role", "lawyer"}, {"2.7", "lawyer", "with_coalition", "yes"},
			{"2.7", "transfer", "from_body", "prosecutor"}, {"2.7", "transfer", "to_body", "acs"},
			{"2.8", "registration", "article", "146"}, {"2.8", "registration", "part", "2"}, {"2.8", "registration", "offence", "torture_qualified"},
			{"2.9", "message", "date", "2022-04-06"}, {"2.9", "message", "channel", "sms"}, {"2.9", "closure", "kind", "closed"},
			{"2.9", "closure", "ground_written", "lack of evidence of a crime"}, {"2.9", "message", "from_body", "prosecutor"},
			{"2.10", "message", "copy_given", "no"}, {"2.10", "ask-file", "kind", "case_file"}, {"2.10", "ask-file", "answer", "pretext"},
			{"2.11", "closure", "reasons_given", "no"}, {"2.11", "closure", "steps_listed", "no"}, {"2.11", "appeal", "kind", "appeal"},
			{"2.11", "appeal", "grounds", "steps_not_described"},
		},
		"3-station": {
			{"3.1", "detention", "from", "2022-01-06"}, {"3.1", "detention", "how", "came_voluntarily"},
			{"3.1", "detention", "activity", "handing_in_weapons"},
			{"3.2", "with-others", "incident", "group"}, {"3.2", "beating", "place_type", "police_district"},
			{"3.2", "beating", "methods", "beat"}, {"3.2", "beating", "methods", "under_furniture"}, {"3.2", "beating", "methods", "nudity"},
			{"3.2", "beating", "methods", "genital_blows"}, {"3.2", "bleeding", "kind", "bleeding"}, {"3.2", "group", "methods", "sexual"},
			{"3.3", "filming", "filmed", "yes"}, {"3.3", "filming", "methods", "threat_publish"}, {"3.3", "video", "state", "held_by_suspects"},
			{"3.4", "no-care", "methods", "medical_denied"},
			{"3.5", "complaint", "date", "2022-02-24"}, {"3.5", "forensic", "held", "2022-03-15"}, {"3.5", "ribs", "imaging", "mri"},
			{"3.5", "ribs", "injury", "fracture"},
			{"3.6", "psychological", "setting", "acs_premises"}, {"3.6", "psychological", "minutes", "20"},
			{"3.6", "psychological", "minutes_least", "15"},
			{"3.7", "independent", "held", "2022-06-01~/2022-06-10~"}, {"3.7", "independent", "diagnosis", "ptsd"},
			{"3.7", "independent", "causal_link", "yes"}, {"3.7", "independent", "comparison", "goes_beyond"},
		},
	} {
		f := recordFile(t, examples+"/stories/"+story+".yaml")
		byID := map[string]written{}
		for _, r := range append(slices.Clone(f.Outside), f.Cases[0].Records...) {
			byID[r.ID] = r
		}
		for _, x := range facts {
			r := byID[x.record]
			if !slices.Contains(r.Fields[x.field], x.value) {
				t.Errorf("fact %s: record %s: %s is %v, not %s", x.fact, x.record, x.field, r.Fields[x.field], x.value)
			}
			if !slices.Contains(r.Facts, x.fact) {
				t.Errorf("fact %s: record %s holds it and does not say so", x.fact, x.record)
			}
		}
	}
}

// TestStatement: the outside figures and promises are valid, and they are those of the statement.
func TestStatement(t *testing.T) {
	f := recordFile(t, examples+"/statement-2022-06-24.yaml")
	f.check(t, book(t))
	path := "../../../shared/acceptance/statement-2022-06-24.yaml"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("the acceptance material is not here: %s", filepath.Base(path))
	}
	var want struct {
		Coalition map[string]struct{ Value string }
		Official  []struct{ Date, Value string }
		Reported  []struct{ Date, Value string }
		Promises  []struct{ Date string } `yaml:"commitments"`
	}
	if err := yaml.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	has := func(match map[string]string) bool {
		return slices.ContainsFunc(f.Outside, func(r written) bool {
			for field, value := range match {
				if field == "kind" && r.Kind == value {
					continue
				}
				if !slices.Contains(r.Fields[field], value) {
					return false
				}
			}
			return true
		})
	}
	for id, v := range want.Coalition {
		if !has(map[string]string{"beside": id, "value": v.Value, "by_body": "coalition"}) {
			t.Errorf("the coalition's %s = %s is not there", id, v.Value)
		}
	}
	for _, x := range want.Official {
		if !has(map[string]string{"date": x.Date, "value": x.Value, "source_kind": "official"}) {
			t.Errorf("official: %+v is not there", x)
		}
	}
	for _, x := range want.Reported {
		if !has(map[string]string{"date": x.Date, "value": x.Value, "source_kind": "reported"}) {
			t.Errorf("reported: %+v is not there", x)
		}
	}
	n := 0
	for _, r := range f.Outside {
		if r.Kind == "commitment" {
			n++
		}
	}
	if n != len(want.Promises) {
		t.Errorf("%d commitments, the statement has %d", n, len(want.Promises))
	}
	for _, x := range want.Promises {
		if !has(map[string]string{"kind": "commitment", "date": x.Date}) && !has(map[string]string{"kind": "commitment", "date": x.Date + "~"}) {
			t.Errorf("commitment of %s is not there", x.Date)
		}
	}
}

// TestNoNames: the stories carry no name but a letter.
func TestNoNames(t *testing.T) {
	letter := regexp.MustCompile(`^[A-Z]\.$`)
	paths, _ := filepath.Glob(examples + "/stories/*.yaml")
	for _, path := range paths {
		for _, r := range recordFile(t, path).Cases[0].Records {
			for _, field := range []string{"family", "given", "patronymic", "other_names", "iin", "phones", "address", "name"} {
				if v, ok := r.Fields[field]; ok {
					t.Errorf("%s: record %s: %s is %v", path, r.ID, field, v)
				}
			}
			for _, n := range r.Fields["full_name"] {
				if !letter.MatchString(n) {
					t.Errorf("%s: record %s: the name %s", path, r.ID, n)
				}
			}
		}
	}
}
