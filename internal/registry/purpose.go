// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"slices"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/index"
)

func purposeID(p *codebook.Purpose) string {
	if p == nil {
		return ""
	}
	return p.ID
}

// forPurpose is what of a case leaves for a purpose: of each record as it stands
// the fields that the purpose names, without history; nil: the person has refused
// it. Who somebody is leaves by consent, as in a bundle.
func (r *Registry) forPurpose(p *codebook.Purpose, file *casefile.Case, sight index.Sight) *casefile.Case {
	if p == nil || p.Whole {
		return file
	}
	victim := victimOf(file)
	state, _ := casefile.Consent(file.Of("consent"), p.Consent, r.Today(), func(named string) bool { return named == "" || named == victim })
	if state == casefile.ConsentWithdrawn {
		return nil
	}
	hidden := &unnamed{}
	l := &leaving{book: r.book, file: file, whole: sight == index.All && state == casefile.ConsentGiven, closed: map[string]bool{}, unnamed: hidden, left: func(*casefile.Record, *codebook.Field) {}}
	for _, rec := range withheld(file, p.Consent, r.Today()) {
		l.closed[rec.ID] = true
		hidden.add(rec)
	}
	if rec, ok := file.Record(victim); ok && l.whole {
		hidden.except(rec)
	}
	var entries []casefile.Entry
	for _, rec := range file.Records() {
		k, ok := r.book.Kind(rec.Kind)
		if !ok || rec.Kind != "case" && len(p.Fields[rec.Kind]) == 0 {
			continue
		}
		fields := l.fields(rec)
		for id := range fields {
			if !p.Takes(k, id) {
				delete(fields, id)
			}
		}
		last := rec.History[len(rec.History)-1]
		entries = append(entries, casefile.Entry{Pos: last.Pos, At: last.At, Record: rec.ID, Kind: rec.Kind, Op: casefile.Put, Fields: fields, IdentityMissing: len(fields) < len(rec.Fields), Author: last.Author})
	}
	return casefile.Fold(r.book, file.ID, entries)
}

// outsideFor is what of a record outside cases leaves for a purpose; nil: nothing.
func (r *Registry) outsideFor(p *codebook.Purpose, rec *casefile.Record) *casefile.Record {
	if p == nil || p.Whole {
		return rec
	}
	k, ok := r.book.Kind(rec.Kind)
	if !ok || len(p.Fields[rec.Kind]) == 0 || rec.Withdrawn {
		return nil
	}
	out := *rec
	out.Fields, out.Source = casefile.Fields{}, ""
	for id, values := range rec.Fields {
		if p.Takes(k, id) {
			out.Fields[id] = slices.Clone(values)
		}
	}
	last := rec.History[len(rec.History)-1]
	last.Fields, last.Reason, last.Source = out.Fields, "", ""
	out.History = []casefile.Change{last}
	return &out
}
