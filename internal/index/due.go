// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/rules"
)

// The kinds of records whose dates somebody has to keep in mind.
const (
	kindTask     = "task"
	kindContact  = "contact"
	kindEvidence = "evidence"
	kindHearing  = "hearing"
)

// term is something of a case that has a day: a deadline that was not kept
// yet, or a record that names one.
type term struct {
	from, to      edtf.Day // of a deadline: the days on which it waits
	due, arguable edtf.Day
	rule          int32 // number of the deadline; -1: of a record
	kind, record  string
	code          string
	assigned      string
}

func (t *term) on(day edtf.Day) bool { return t.rule < 0 || t.from <= day && day < t.to }

// recordTerms are the days that the records of a case name.
func (ix *Index) recordTerms(c *casefile.Case) []term {
	var found []term
	of := func(rec *casefile.Record, field, code string) {
		date, ok := rec.DateOf(field)
		t := term{due: edtf.MaxDay, arguable: edtf.MaxDay, rule: -1, kind: rec.Kind, record: rec.ID, code: rec.Get(code)}
		if ok {
			// The cautious day of one that is not exact is the earliest.
			if t.due, t.arguable = date.Earliest(), date.Latest(); t.due == edtf.MinDay {
				t.due = t.arguable
			}
		}
		if rec.Kind == kindTask {
			t.assigned = rec.Get("assigned")
		} else if t.due.Bound() {
			return
		}
		found = append(found, t)
	}
	for _, rec := range c.Of(kindTask) {
		if status := rec.Get("status"); status != "done" && status != "dropped" {
			of(rec, "due", "kind")
		}
	}
	contacts := c.Of(kindContact)
	for _, rec := range contacts {
		later := slices.ContainsFunc(contacts, func(other *casefile.Record) bool { // it took place
			return !other.Date.IsZero() && !rec.Date.IsZero() && other.Date.Earliest() > rec.Date.Latest() && other.Get("person") == rec.Get("person")
		})
		if !later {
			of(rec, "next", "way")
		}
	}
	for _, rec := range c.Of(kindEvidence) {
		if state := rec.Get("state"); state == "" || ix.book.Is("evidence_state", state, "at_risk") {
			of(rec, "lost_by", "kind")
		}
	}
	for _, rec := range c.Of(kindHearing) {
		of(rec, "date", "kind")
	}
	return found
}

// encodeTerms writes what has a day in a case.
func (ix *Index) encodeTerms(c *casefile.Case, waits []rules.Waiting) string {
	var b []byte
	days := func(days ...edtf.Day) {
		for _, d := range days {
			b = binary.AppendVarint(b, int64(d))
		}
	}
	for _, w := range waits {
		b = binary.AppendUvarint(b, uint64(ix.ruleNo[w.Rule])+1)
		days(w.Due, w.Arguable, w.From, w.To)
	}
	for _, t := range ix.recordTerms(c) {
		b = binary.AppendUvarint(b, 0)
		days(t.due, t.arguable)
		for _, text := range []string{t.kind, t.record, t.code, t.assigned} {
			b = binary.AppendUvarint(b, uint64(len(text)))
			b = append(b, text...)
		}
	}
	return string(b)
}

// Due is something that is due in a case.
type Due struct {
	Case     string   // id
	Day      edtf.Day // the cautious one; edtf.MaxDay: a task without a day
	Arguable edtf.Day // the latest day that can be argued for; equal to Day where nothing is in dispute
	Rule     string   // id of the deadline; empty: it is of a record
	State    string   // of the deadline, as package rules says; of a record: running
	Kind     string   // of the record: task, contact, evidence, hearing
	Record   string   // its id
	Code     string   // what is to be done, how to be contacted, which kind of evidence, which hearing
	Assigned string   // to whom a task was given, as written; only where the reader may read who is in the case
}

// Due answers what is due from one day to another, both included, in the cases
// a reader may see, by day; tasks: nothing but tasks. Of each the program asks
// keep, which is told it without Assigned. A deadline that has expired is due
// no more. What is true now is found by its day, what was in all cases.
func (ix *Index) Due(ctx context.Context, clock Clock, from, to edtf.Day, tasks bool, see See, keep func(Due) bool) (due []Due, err error) {
	err = ix.readList(ctx, func(c *conn, list *listing) error {
		known := moment(clock.KnownBy)
		rows, err := ix.rowsAt(ctx, c, list, known)
		if err != nil {
			return err
		}
		add := func(l *listed) {
			if tasks && !l.is(isTasked) {
				return
			}
			sight, asked := Nothing, false // asked of those cases alone of which something is wanted
			for t := range l.terms {
				if t.due < from || t.due > to || !t.on(clock.AsOf) || tasks && t.kind != kindTask {
					continue
				}
				d := Due{Case: l.id, Day: t.due, Arguable: t.arguable, State: rules.Running, Kind: t.kind, Record: t.record, Code: t.code}
				if t.rule >= 0 {
					d.Rule = ix.rules[t.rule].ID
					if d.State = rules.WaitsAs(ix.rules[t.rule].Kind, clock.AsOf, t.due, t.arguable); d.State == rules.Expired {
						continue
					}
				}
				if !keep(d) {
					continue
				}
				if !asked {
					sight, asked = see.of(l.id), true
				}
				if sight == Nothing {
					return
				}
				if sight == All {
					d.Assigned = t.assigned
				}
				due = append(due, d)
			}
		}
		if known > list.latest && (from > edtf.MinDay || to < edtf.MaxDay) {
			for _, stream := range list.agenda.between(rows, from, to) {
				if stream < int64(len(rows)) && rows[stream] != nil {
					add(rows[stream])
				}
			}
		} else {
			for _, l := range rows {
				if l != nil && l.packed.part(partTerms) != "" {
					add(l)
				}
			}
		}
		slices.SortFunc(due, func(a, b Due) int {
			return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Case, b.Case), cmp.Compare(a.Record, b.Record))
		})
		return nil
	})
	return due, failed("looking for what is due", err)
}
