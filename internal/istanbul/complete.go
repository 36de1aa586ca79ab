// SPDX-License-Identifier: AGPL-3.0-or-later

package istanbul

import (
	"slices"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
)

// State says how an item stands.
type State string

// The states of an item.
const (
	Recorded State = "recorded" // it says something
	Unknown  State = "unknown"  // it was asked and is not known, was not asked, the person declined
	Missing  State = "missing"  // nothing was recorded
	Closed   State = "closed"   // it stands in the part of the record that is not open to the reader
)

// Answer is how an item of the Protocol stands in one examination.
type Answer struct {
	Item  Item
	State State
	Done  int // of the findings: how many have it
	All   int // of the findings: how many there are
}

// Part is how a section stands in one examination: only what the Protocol asks of that examination.
type Part struct {
	ID      string
	Answers []Answer
}

// Count counts the answers of a part: asked, and of them recorded and said to be unknown.
func (p Part) Count() (asked, recorded, unknown int) {
	for _, a := range p.Answers {
		switch a.State {
		case Recorded:
			recorded++
		case Unknown:
			unknown++
		}
	}
	return len(p.Answers), recorded, unknown
}

// Completeness is what the Protocol asks of an examination and how it stands, section by section. Findings are those
// of the examination: Findings. It is empty for what the Protocol does not speak of: Evaluation.
func Completeness(book *codebook.Book, exam *casefile.Record, findings []*casefile.Record) []Part {
	if !Evaluation(exam) {
		return nil
	}
	kind, ok := book.Kind(exam.Kind)
	if !ok {
		return nil
	}
	body, mind := Looks(exam)
	var out []Part
	for _, section := range Sections() {
		p := Part{ID: section.ID}
		for _, item := range section.Items {
			if item.Source == "" || item.part == physical && !body || item.part == psychological && !mind || item.when != nil && !item.when(exam) {
				continue
			}
			if item.Of != "" {
				if a, ok := ofFindings(item, findings); ok {
					p.Answers = append(p.Answers, a)
				}
				continue
			}
			p.Answers = append(p.Answers, Answer{Item: item, State: state(kind, exam, item.Fields)})
		}
		out = append(out, p)
	}
	return out
}

// state is the best of what the fields of an item say.
func state(kind *codebook.Kind, exam *casefile.Record, fields []string) State {
	best := Missing
	for _, id := range fields {
		f, ok := kind.Field(id)
		values := exam.Fields[id]
		switch {
		case slices.ContainsFunc(values, func(v string) bool { return v != "" && !codebook.Missing(v) }):
			return Recorded
		case len(values) > 0:
			best = Unknown
		case ok && f.Class == codebook.Identity && exam.IdentityMissing && best == Missing:
			best = Closed
		}
	}
	return best
}

// ofFindings counts the findings that have what the item asks; false: there are none of which it is asked.
func ofFindings(item Item, findings []*casefile.Record) (Answer, bool) {
	a := Answer{Item: item, State: Missing}
	for _, f := range findings {
		ok := false
		switch item.Of {
		case Placed:
			if !bodily(f) {
				continue
			}
			ok = f.Get("view") != "" || slices.ContainsFunc(f.Fields["body_region"], known)
		case Graded:
			ok = known(f.Get("consistency")) && f.Get("consistency") != notAssessed
		}
		a.All++
		if ok {
			a.Done++
		}
	}
	if a.Done == a.All {
		a.State = Recorded
	}
	return a, a.All > 0
}

// notAssessed is the code of a finding whose consistency was not assessed.
const notAssessed = "ipx"

func known(value string) bool { return value != "" && !codebook.Missing(value) }

// bodily says whether a finding is of the body and can have a place on it.
func bodily(f *casefile.Record) bool {
	return known(f.Get("injury")) && f.Get("injury") != noneVisible || slices.ContainsFunc(f.Fields["body_region"], known)
}

// noneVisible is the injury that says that none was seen.
const noneVisible = "none_visible"

// Findings are the findings of an examination, in the order of the case.
func Findings(records []*casefile.Record, exam string) []*casefile.Record {
	var out []*casefile.Record
	for _, r := range records {
		if r.Kind == "finding" && r.Has("examination", exam) {
			out = append(out, r)
		}
	}
	return out
}
