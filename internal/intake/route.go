// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import "slices"

// Route is one way by which what stands in a list comes into a case.
type Route struct {
	Sheet  string   // empty: the first
	Column string   // its heading, or its letter as "=F"; empty: no column, but a value that is always the same
	Kind   string   // of the record that is made; empty: the column is the number of the case, or is left as it is
	Field  string   // of that record
	Always []string // the value that is always the same
	Left   bool     // the column is kept in the row as it stands, and nowhere else
}

// Routes are where the columns of a list go by the mapping, in its order.
func (m *Mapping) Routes() []Route {
	var out []Route
	add := func(r Route) {
		if !slices.ContainsFunc(out, func(o Route) bool {
			return o.Sheet == r.Sheet && o.Column == r.Column && o.Kind == r.Kind && o.Field == r.Field && slices.Equal(o.Always, r.Always)
		}) {
			out = append(out, r)
		}
	}
	sheet := func(name string, key column, records []recordSpec, ignored []column) {
		add(Route{Sheet: name, Column: key.name})
		for _, rec := range records {
			for _, f := range rec.fields {
				if f.constant != nil {
					add(Route{Sheet: name, Kind: rec.kind, Field: f.field.ID, Always: f.constant})
				}
				for _, c := range fieldColumns(&f) {
					add(Route{Sheet: name, Column: c.name, Kind: rec.kind, Field: f.field.ID})
				}
			}
		}
		for _, c := range ignored {
			add(Route{Sheet: name, Column: c.name, Left: true})
		}
	}
	sheet(m.sheet, m.key, m.records, m.ignore)
	for _, s := range m.steps {
		records := slices.Clone(s.records)
		for _, action := range s.actions {
			records = append(records, s.cases[fold(action)]...)
		}
		sheet(s.sheet, s.key, records, s.ignore)
	}
	return out
}
