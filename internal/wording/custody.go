// SPDX-License-Identifier: AGPL-3.0-or-later

package wording

import (
	"cmp"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/custody"
)

// thingWords is how many characters of the description of a thing name it.
const thingWords = 80

// Thing names a piece of evidence.
func (w Words) Thing(rec *casefile.Record) string {
	name := w.Title(rec, func(string) string { return "" })
	if words := strings.Join(strings.Fields(rec.Get("description")), " "); words != "" {
		if runes := []rune(words); len(runes) > thingWords {
			words = string(runes[:thingWords]) + "…"
		}
		name = cmp.Or(w.Label("evidence_kind", rec.Get("kind")), name) + ": " + words
	}
	return name
}

// Party is who held a thing.
func (w Words) Party(p custody.Party) string {
	role := ""
	if p.Role != "" {
		role = w.Label("evidence_holder", p.Role)
	}
	switch {
	case p.Name != "" && role != "":
		return p.Name + " (" + role + ")"
	case p.Name != "":
		return p.Name
	}
	return role
}

// Step is one step of a chain of custody.
type Step struct {
	Date, Event, From, To, How, Place, Seal, State string
	Gaps                                           []string
}

// Step says one step of a chain of custody.
func (w Words) Step(l custody.Link) Step {
	s := Step{
		Event: w.Label("custody_event", l.Event), From: w.Party(l.From), To: w.Party(l.To), How: w.Label("handover_how", l.How), Place: l.Place,
		Seal:  join(", ", l.Seal, w.Label("seal_state", l.SealState)),
		State: join(". ", w.Label("item_state", l.State), l.Words),
	}
	if !l.Date.IsZero() {
		s.Date = w.DateShort(l.Date)
	}
	for _, g := range l.Gaps {
		s.Gaps = append(s.Gaps, w.T("custody.gap."+string(g)))
	}
	return s
}
