// SPDX-License-Identifier: AGPL-3.0-or-later

package casefile

import (
	"cmp"
	"slices"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// Timeline returns the events of the case in order of the day on which they may have begun; what has no date comes
// last. A record stands where its effective date puts it and, marked as Further, at each other date it holds: an
// examination where it was ordered and where it was held.
func (c *Case) Timeline() []Event {
	order := map[string]int{}
	var out []Event
	if c.book == nil {
		return nil
	}
	for i, k := range c.book.Kinds() {
		order[k.ID] = i
	}
	for _, r := range c.live {
		k, ok := c.book.Kind(r.Kind)
		if !ok || k.Group == "register" {
			continue // the case's own number, the row it was imported from: no event of the case
		}
		first := true
		for _, field := range append(k.DateFields(), otherDates(k)...) {
			d, ok := r.DateOf(field)
			if !ok {
				continue
			}
			out = append(out, Event{Record: r, Kind: r.Kind, Field: field, Date: d, From: d.Earliest(), To: d.Latest(), Further: !first})
			first = false
		}
		if first && (k.Date != "" || k.Group != "people") {
			out = append(out, Event{Record: r, Kind: r.Kind, From: edtf.MinDay, To: edtf.MaxDay})
		}
	}
	slices.SortStableFunc(out, func(a, b Event) int {
		if a.Date.IsZero() != b.Date.IsZero() {
			if a.Date.IsZero() {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(order[a.Kind], order[b.Kind]))
	})
	return out
}

// otherDates returns the date fields of a kind that do not give its effective date. A date of class identity, a
// birthday, is about a person, not about what happened.
func otherDates(k *codebook.Kind) []string {
	var out []string
	main := k.DateFields()
	for _, f := range k.Fields {
		if f.Type == codebook.Date && f.Class == codebook.Fact && !f.Many && !slices.Contains(main, f.ID) {
			out = append(out, f.ID)
		}
	}
	return out
}
