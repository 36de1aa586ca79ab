// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"testing"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/rules"
	"github.com/kua-registry/kua/packs/kz"
)

// The examinations of the invented register: its case is the third of the
// three stories, with some findings more to be drawn.
const (
	caseExams  = "00000000000000000000000000000005"
	examBody   = "000000000000000000000000000000e1"
	examMind   = "000000000000000000000000000000e2"
	examOwn    = "000000000000000000000000000000e3"
	examCard   = "000000000000000000000000000000e4"
	examsPath  = "/cases/" + caseExams + "/examinations"
	caseNoExam = caseTwo
)

// newExaminationFake is the invented register with the codebook that ships: of
// what the Istanbul Protocol asks the small one of the other tests knows nothing.
func newExaminationFake(t testing.TB) *fake {
	t.Helper()
	f := newFake(t)
	book, err := codebook.Load(codebook.Data, kz.Data)
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Compile(book)
	if err != nil {
		t.Fatal(err)
	}
	f.book, f.rules = book, set
	return f
}

func examEntries() []casefile.Entry {
	at := moment("2022-06-12T10:30:00Z")
	put := func(id, kind string, fields casefile.Fields) casefile.Entry {
		return casefile.Entry{At: at, Record: id, Kind: kind, Op: casefile.Put, Fields: fields, Author: memberID, Source: "A-005, invented"}
	}
	found := func(id, exam string, fields casefile.Fields) casefile.Entry {
		fields["examination"] = []string{exam}
		return put(id, "finding", fields)
	}
	all := []casefile.Entry{
		put(caseExams, "case", casefile.Fields{"org": {orgNorth}, "number": {"K-0005"}, "opened": {"2022-06-12"}}),
		put("x1", "person", casefile.Fields{"role": {"clinician"}, "full_name": {"Sample Clinician " + hostile}}),
		put("x2", "act", casefile.Fields{"date": {"2022-01-06"}, "methods": {"beat", "genital_blows"}}),
		put("x3", "complaint", casefile.Fields{"filed": {"yes"}, "date": {"2022-02-24"}}),
		put(examBody, "examination", casefile.Fields{"kind": {"sme"}, "official": {"yes"}, "held": {"2022-03-15"}, "imaging": {"mri"}, "findings_present": {"yes"}, "photographs": {"no"}, "diagram": {"unknown"}, "present": {"police", "medical_staff"}, "private": {"no"}}),
		found("f1", examBody, casefile.Fields{"date": {"2022-03-15"}, "injury": {"fracture"}, "body_region": {"ribs"}, "side": {"right"}, "imaging": {"mri"}, "consistency": {"ipx"}}),
		put(examMind, "examination", casefile.Fields{"kind": {"sppe"}, "official": {"yes"}, "psych_part": {"yes"}, "setting": {"acs_premises"}, "minutes_least": {"15"}, "minutes": {"20"}}),
		put(examOwn, "examination", casefile.Fields{
			"kind": {"independent_ip"}, "official": {"no"}, "held": {"2022-06-01/2022-06-10"}, "ordered_by": {"coalition"}, "examiner": {"x1"}, "examiner_post": {"psychiatrist"},
			"setting": {"ngo_premises"}, "minutes_least": {"190"}, "sessions": {"2"}, "private": {"yes"}, "present": {"none"}, "informed_consent": {"yes"}, "consent_written": {"yes"},
			"interpreter": {"no"}, "restrained": {"no"}, "psych_part": {"yes"}, "physical_part": {"yes"}, "systems": {"skin", "musculoskeletal"}, "photographs": {"yes"}, "diagram": {"yes"},
			"account": {"Invented for the tests.\n" + hostile}, "methods": {"beat", "genital_blows"}, "lost_consciousness": {"unknown"},
			"chronic_symptoms": {"pain", "limited_movement"}, "psych_symptoms": {"nightmares", "avoidance"}, "psych_methods": {"interview", "testing"}, "psych_instruments": {"pcl5"},
			"functioning": {"severe"}, "suicide_risk": {"none"}, "findings_present": {"yes"}, "diagnosis": {"ptsd"}, "consistency": {"ip2"}, "causal_link": {"yes"}, "result": {"supports"},
			"compared_with": {examBody, examMind}, "comparison": {"goes_beyond"}, "recommendations": {"psych_care", "other"}, "recommendations_other": {"Invented: " + hostile}, "signed": {"yes"},
		}),
		found("f2", examOwn, casefile.Fields{"diagnosis": {"ptsd"}, "consistency": {"ip2"}}),
		found("f3", examOwn, casefile.Fields{"injury": {"fracture"}, "body_region": {"ribs"}, "side": {"right"}, "causal_link": {"yes"}, "consistency": {"ip2"}, "view": {"front"}, "x": {"430"}, "y": {"305"}}),
		found("f4", examOwn, casefile.Fields{"injury": {"scar"}, "body_region": {"thigh"}, "side": {"both"}, "count": {"3"}, "length_mm": {"40"}, "width_mm": {"6"}, "colour": {"pale"}, "shape": {"linear"}, "healing": {"scarred"}, "consistency": {"ip3"}, "description": {hostile}}),
		found("f5", examOwn, casefile.Fields{"injury": {"scar"}, "body_region": {"scalp"}, "view": {"head_back"}, "alternative": {"Invented: a fall in childhood"}}),
		put(examCard, "examination", casefile.Fields{"kind": {"first_medical_record"}, "held": {"2022-01-08"}}),
		found("f6", examCard, casefile.Fields{"injury": {"bruise"}, "body_region": {"upper_back"}, "side": {"left"}}),
	}
	for i := range all {
		all[i].Pos = uint64(i + 1)
	}
	return all
}

// examCase answers the case with examinations; false: it was asked for another.
func (f *fake) examCase(id string, c registry.Clock) (registry.CaseView, bool) {
	if id != caseExams {
		return registry.CaseView{}, false
	}
	file := casefile.Fold(f.book, caseExams, examEntries())
	row := registry.Row{ID: caseExams, Number: "K-0005", Org: orgNorth, OrgName: "Northern Sample Centre", Cluster: caseExams, Sex: "m", Stage: "examined", Reported: day("2022-06-12"), Updated: moment("2022-06-20T08:00:00Z")}
	today := c.AsOf
	if today == 0 {
		today = f.Today()
	}
	return registry.CaseView{
		Row: row, Clock: c, MayWrite: f.access != "reads", Review: fakeReviews["draft"], Stage: file.Stage(today), Records: file.Records(), Timeline: file.Timeline(),
		Checks: f.rules.Checks(file, today), Deadlines: f.rules.Deadlines(file, today),
	}, true
}
