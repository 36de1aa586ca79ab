// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// ErrNoFacet says that a figure can't be broken down by such a facet.
var ErrNoFacet = errors.New("there is no such facet")

// Unit is one person and incident that a figure counts.
type Unit struct {
	Cases      []string   // their ids, in order
	Orgs       []string   // ids of the organisations that have it, in order
	Who        string     // the id of the cluster as it is known now: the same for the same person and incident at all clocks
	Codes      [][]string // of each facet asked for, in order, each once
	Restricted bool       // one of its cases is
}

// Units answers whom a figure counts at a clock in a scope, with their codes of
// some facets, in the order of their first case.
func (ix *Index) Units(ctx context.Context, clock Clock, scope string, verified bool, figure string, by []string) (units []Unit, err error) {
	if _, ok := ix.figures[figure]; !ok {
		return nil, fmt.Errorf("%w: %q", ErrNoRule, figure)
	}
	places := make([]int, len(ix.broken)) // of the breakdowns among by; -1: not asked for
	for i := range places {
		places[i] = slices.Index(by, ix.broken[i].id)
	}
	for _, id := range by {
		if !slices.ContainsFunc(ix.broken, func(f facet) bool { return f.id == id }) {
			return nil, fmt.Errorf("%w: %q", ErrNoFacet, id)
		}
	}
	err = ix.readList(ctx, func(c *conn, list *listing) error {
		no, err := scopeNo(c, scope, verified)
		if err != nil {
			return err
		}
		known := moment(clock.KnownBy)
		rows, err := ix.rowsAt(ctx, c, list, known)
		if err != nil {
			return err
		}
		return ix.eachUnit(ctx, c, list, no, known, func(first int64, unit []byte) error {
			if !holdsOn(unit, ix.ruleNo[figure], clock.AsOf) {
				return nil
			}
			u := Unit{Codes: make([][]string, len(by))}
			codes, p := ix.cellCodes.all(), parts(unit)
			eachOn(p[2], p[3], clock.AsOf, func(key uint16) {
				if place := places[codes[key].facet]; place >= 0 {
					u.Codes[place] = append(u.Codes[place], codes[key].code)
				}
			})
			damaged := false
			eachMember(first, unit, func(stream int64) {
				if stream >= int64(len(rows)) || rows[stream] == nil {
					damaged = true
					return
				}
				row := rows[stream]
				u.Cases = append(u.Cases, row.id)
				if org := ix.org(row); !slices.Contains(u.Orgs, org) {
					u.Orgs = append(u.Orgs, org)
				}
				if who := clusterOf(list, stream, row); u.Who == "" || who < u.Who {
					u.Who = who
				}
				u.Restricted = u.Restricted || row.is(isRestricted)
			})
			if damaged {
				return errDamaged
			}
			units = append(units, u)
			return nil
		})
	})
	for i := range units {
		slices.Sort(units[i].Cases)
		slices.Sort(units[i].Orgs)
		for _, codes := range units[i].Codes {
			slices.Sort(codes)
		}
	}
	slices.SortFunc(units, func(a, b Unit) int { return slices.Compare(a.Cases, b.Cases) })
	return units, failed("counting", err)
}

// clusterOf names the cluster of a case as it is known now; of one that was
// withdrawn, as it was known.
func clusterOf(list *listing, stream int64, row *listed) string {
	if stream < int64(len(list.rows)) && list.rows[stream] != nil {
		row = list.rows[stream]
	}
	return list.ids[row.cluster]
}

// FacetDef says what a facet is of.
type FacetDef struct {
	ID, List    string
	Kind, Field string // the field that names it; empty: of none
}

// FacetDefs are the facets by which a figure can be broken down.
func (ix *Index) FacetDefs() (defs []FacetDef) {
	for _, f := range ix.broken {
		def := FacetDef{ID: f.id, List: f.list}
		if len(f.from) > 0 {
			def.Kind, def.Field = f.from[0].kind, f.from[0].field
		}
		defs = append(defs, def)
	}
	return defs
}
