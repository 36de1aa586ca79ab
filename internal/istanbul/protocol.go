// SPDX-License-Identifier: AGPL-3.0-or-later

package istanbul

import (
	"slices"

	"github.com/kua-registry/kua/internal/casefile"
)

// Item is one thing that stands in an evaluation.
type Item struct {
	Fields []string // of kind examination: any of them says it; none: it is said by the findings, see Of
	Of     string   // what is asked of the findings: Placed, Graded
	Source string   // where the Protocol asks for it; empty: it doesn't, the register does
	Conf   string   // how sure we are of the source: R text read, K known, U unsure
	part   part
	when   func(exam *casefile.Record) bool // asked for only where this holds; nil: always
}

// What is asked of the findings of an examination.
const (
	Placed = "placed" // each bodily finding has its place on the body
	Graded = "graded" // each finding has its degree of consistency with the account
)

// Section is a part of an evaluation.
type Section struct {
	ID    string
	Items []Item
}

// Fields are the fields of kind examination that belong to the section, in order: what a form of it shows.
func (s Section) Fields() []string {
	var out []string
	for _, i := range s.Items {
		out = append(out, i.Fields...)
	}
	return out
}

// part is what an examination must include for an item to be asked of it.
type part uint8

const (
	always part = iota
	physical
	psychological
)

func asked(source, conf string, fields ...string) Item {
	return Item{Fields: fields, Source: source, Conf: conf}
}

// own are fields of the register's own: a form shows them, the Protocol does not ask for them.
func own(fields ...string) Item { return Item{Fields: fields} }

func (i Item) of(p part) Item { i.part = p; return i }

func (i Item) only(when func(exam *casefile.Record) bool) Item { i.when = when; return i }

func is(field, value string) func(*casefile.Record) bool {
	return func(exam *casefile.Record) bool { return exam.Has(field, value) }
}

// Sections are the parts of an evaluation in the order of annex IV. Together they hold every field of an
// examination once.
func Sections() []Section {
	return []Section{
		{"identification", []Item{
			own("kind", "official"),
			asked("IP 354(i), annex IV", "R", "held"),
			own("ended", "report_no"),
			asked("IP 354(i), annex IV", "R", "by_body"),
			asked("annex IV", "K", "ordered_by"),
			own("requested", "ordered", "order_shown", "conclusion_shown", "conclusion_shown_on", "compared_with", "comparison", "verification", "evidence", "note"),
		}},
		{"circumstances", []Item{
			asked("IP 271, 310-311, 354(i)", "R", "setting"),
			asked("IP 271, 356", "R", "minutes", "minutes_least"),
			asked("IP 529", "R", "sessions").of(psychological),
			asked("IP 356", "R", "time_limit_stated"),
			asked("IP 313", "R", "private"),
			asked("IP 313, 354(i)", "R", "present"),
			asked("IP 400, annex IV", "R", "informed_consent"),
			asked("annex IV", "K", "consent_written"),
			asked("annex IV", "K", "consent_why_not").only(is("informed_consent", "no")),
			asked("IP 298, annex IV", "R", "interpreter"),
			asked("IP 298", "R", "interpreter_kind").only(is("interpreter", "yes")),
			own("language"),
			asked("annex IV", "K", "accompanied_by"),
			asked("annex IV", "K", "restrained"),
			asked("annex IV", "K", "restraint").only(is("restrained", "yes")),
			asked("IP 283, 400", "R", "choice_of_gender"),
			asked("IP 356, 385, annex IV", "R", "limits", "unrestricted"),
			own("limits_account"),
			asked("annex IV", "K", "report_given_to"),
		}},
		{"clinician", []Item{
			asked("IP 354(vi)", "R", "examiner"),
			asked("IP 305-308, annex IV", "R", "examiner_post", "qualifications"),
			asked("IP 305", "R", "protocol_trained"),
			own("dependent", "treating_doctor", "former_specialist"),
		}},
		{"background", []Item{
			asked("IP 360-363, 532, annex IV", "K", "background"),
			asked("IP 394-396, 534", "R", "medical_history"),
			asked("annex IV", "K", "prior_evaluations"),
		}},
		{"allegations", []Item{
			asked("IP 364-372, annex IV", "R", "arrest_account"),
			asked("IP 364-372, annex IV", "R", "detention_account"),
			asked("IP 354(ii), 364-372, 529", "R", "account"),
			asked("IP 354(ii), 372", "R", "methods"),
			asked("IP 397", "K", "lost_consciousness"),
		}},
		{"symptoms", []Item{
			asked("IP 354(ii), 397", "R", "acute_symptoms", "acute_account"),
			asked("IP 354(ii), 398", "R", "chronic_symptoms", "chronic_account"),
		}},
		{"physical", []Item{
			own("physical_part"),
			asked("IP 400, annex IV", "R", "systems").of(physical),
			asked("IP 354(iii), annex IV", "R", "physical_account").of(physical),
			asked("IP 354(iii)", "R", "findings_present"),
			{Of: Placed, Source: "IP 354(iii), annex III", Conf: "R", part: physical},
			asked("IP 354(iii), annex III", "R", "diagram").of(physical),
			asked("IP 354(iii), annex IV", "R", "photographs").of(physical),
			asked("IP 354(iii), annex IV", "R", "imaging", "tests_account").of(physical),
			own("consultations", "gravity"),
		}},
		{"psychological", []Item{
			asked("IP 98, 357", "R", "psych_part"),
			asked("IP 373(a)", "R", "psych_methods").of(psychological),
			asked("IP 373(i)-(j)", "R", "psych_instruments").of(psychological),
			asked("IP 373(b), 530", "R", "psych_symptoms", "psych_account").of(psychological),
			asked("IP 373(c)-(f), 532-536", "R", "psych_history").of(psychological),
			asked("IP 373(g)", "R", "mental_status").of(psychological),
			asked("IP 537", "K", "suicide_risk").of(psychological),
			asked("IP 373(h)", "R", "functioning", "functioning_account").of(psychological),
			asked("IP 540", "R", "diagnosis").of(psychological),
		}},
		{"interpretation", []Item{
			{Of: Graded, Source: "IP 379, 418, 543", Conf: "R"},
			asked("IP 379, 418", "R", "physical_consistency").of(physical),
			asked("IP 541-543", "R", "psych_consistency").of(psychological),
			asked("IP 379, 418", "R", "other_causes_weighed"),
			asked("annex IV", "K", "regional_practice_weighed"),
			asked("IP 354(iv)", "R", "interpretation"),
		}},
		{"conclusion", []Item{
			asked("IP 382-384, 424", "R", "consistency"),
			own("result", "causal_link"),
			asked("IP 354(iv), 385", "R", "conclusion"),
			asked("IP 385", "R", "still_suffers"),
			asked("IP 354(iv), 385", "R", "recommendations", "recommendations_account"),
		}},
		{"statement", []Item{
			asked("IP 385, annex IV", "R", "truth_statement"),
			asked("IP 385, annex IV", "R", "limits_statement"),
			asked("IP 354(vi), 385", "R", "signed"),
		}},
	}
}

// The kinds of examinations that the Protocol speaks of. Of a medical card, a picture or an autopsy (which is the
// matter of the Minnesota Protocol) it does not ask all this.
var (
	evaluations   = []string{"sme", "spe", "sppe", "psych", "repeat_commission", "osvidetelstvovanie", "independent_ip"}
	psychOnly     = []string{"spe", "sppe", "psych"}
	physicalKinds = []string{"first_medical_record", "custody_check", "osvidetelstvovanie", "sme", "repeat_commission", "autopsy", "imaging"}
)

// Evaluation says whether the Protocol's sections are asked of an examination.
func Evaluation(exam *casefile.Record) bool { return slices.Contains(evaluations, exam.Get("kind")) }

// Looks says whether an examination looked at the body, and at the mind: as it says itself, else as its kind does.
func Looks(exam *casefile.Record) (body, mind bool) {
	kind := exam.Get("kind")
	independent := kind == "independent_ip"
	return says(exam, "physical_part", independent || slices.Contains(physicalKinds, kind)),
		says(exam, "psych_part", independent || slices.Contains(psychOnly, kind))
}

func says(exam *casefile.Record, field string, else_ bool) bool {
	switch exam.Get(field) {
	case "yes":
		return true
	case "no":
		return false
	}
	return else_
}

// Side says on whose side an examination stands.
type Side string

// The sides. What is neither, a card of a clinic, a picture, stands beside both.
const (
	Official    Side = "official"
	Independent Side = "independent"
	Other       Side = "other"
)

// SideOf tells official examinations from independent ones: as the record says, else as its kind does.
func SideOf(exam *casefile.Record) Side {
	kind := exam.Get("kind")
	switch {
	case exam.Get("official") == "yes":
		return Official
	case kind == "independent_ip":
		return Independent
	case exam.Get("official") == "no":
		if slices.Contains(evaluations, kind) {
			return Independent
		}
		return Other
	case slices.Contains(evaluations, kind):
		return Official // ordered in the proceedings: nobody else does these
	}
	return Other
}
