// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"slices"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/names"
)

// leaving decides which words of a case leave with a bundle: those of the person
// it is about by their consent, and of anybody else's name by theirs. What is
// left out is said.
type leaving struct {
	book    *codebook.Book
	file    *casefile.Case
	whole   bool            // the words of the case leave
	closed  map[string]bool // persons whose names do not
	unnamed *unnamed
	left    func(rec *casefile.Record, field *codebook.Field) // told of a text that is left out
}

// victimOf is the id of the person whom a case is about; empty: none is recorded.
func victimOf(file *casefile.Case) string {
	for _, rec := range file.Of("person") {
		if rec.Has("role", "victim") {
			return rec.ID
		}
	}
	return ""
}

// withheld are the persons of a case, but whom it is about, who have not
// consented to a purpose. Officials are named by who accuses them: theirs is
// not asked.
func withheld(file *casefile.Case, purpose string, day edtf.Day) []*casefile.Record {
	victim := victimOf(file)
	var out []*casefile.Record
	for _, rec := range file.Of("person") {
		if rec.ID == victim || rec.Has("role", "officer") {
			continue
		}
		if state, _ := casefile.Consent(file.Of("consent"), purpose, day, func(named string) bool { return named == rec.ID }); state != casefile.ConsentGiven {
			out = append(out, rec)
		}
	}
	return out
}

// fields are those of a record that leave.
func (l *leaving) fields(rec *casefile.Record) casefile.Fields {
	k, ok := l.book.Kind(rec.Kind)
	if !ok {
		return nil
	}
	out := casefile.Fields{}
	for id, values := range rec.Fields {
		f, ok := k.Field(id)
		switch {
		case !ok:
		case f.Class == codebook.Fact:
			out[id] = values
		case !l.whole || l.closed[rec.ID]:
		case rec.ID != victimOf(l.file) && slices.ContainsFunc(values, l.unnamed.In):
			l.left(rec, f)
		default:
			out[id] = values
		}
	}
	return out
}

// record is a record of which nothing is left but what leaves.
func (l *leaving) record(rec *casefile.Record) *casefile.Record {
	out := *rec
	out.Fields, out.History = l.fields(rec), nil
	if !l.whole || l.unnamed.In(rec.Source) {
		out.Source = ""
	}
	return &out
}

// unnamed are the names that are not to leave.
type unnamed struct{ names.Hidden }

// add adds the names of a person.
func (u *unnamed) add(rec *casefile.Record) { eachName(rec, u.Add) }

// except takes the names of a person out, who may be named.
func (u *unnamed) except(rec *casefile.Record) { eachName(rec, u.Except) }

func eachName(rec *casefile.Record, do func(name string)) {
	for _, field := range []string{"full_name", "family", "given", "patronymic", "other_names"} {
		for _, value := range rec.Fields[field] {
			if !codebook.Missing(value) {
				do(value)
			}
		}
	}
}
