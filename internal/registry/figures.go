// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"slices"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/rules"
)

// countsOrg tells whether a member may ask for the figures of one organisation.
func (r *Registry) countsOrg(m access.Member, org string) bool {
	r.rights.mu.RLock()
	counts := r.rights.counts[org]
	r.rights.mu.RUnlock()
	return access.Decide(m, access.CountOrg, access.Thing{Org: org, Counts: counts})
}

// countsScope tells whether a member may ask for the figures of a scope: the
// coalition, or an organisation by its id.
func (r *Registry) countsScope(ctx context.Context, m access.Member, scope string) bool {
	if scope == index.Coalition { // a key for one organisation is no key to what all have together
		return m.Limit == nil || m.Limit.Org == ""
	}
	_, ok := r.Organisation(ctx, scope)
	return ok && r.countsOrg(m, scope)
}

// Figures counts. The answer says from which state of the ledger, so that the
// same question asked again can be held against it.
func (r *Registry) Figures(ctx context.Context, s *access.Session, q FigureQuery) (_ FigureTable, err error) {
	defer r.refusal(ctx, s, "figures", "", &err)
	if !access.Decide(s.Member, access.Count, access.Thing{}) {
		return FigureTable{}, ErrNotAllowed
	}
	if q.Scope == "" {
		q.Scope = index.Coalition
	}
	if !r.countsScope(ctx, s.Member, q.Scope) {
		return FigureTable{}, ErrNotFound
	}
	q.Clock = r.clock(q.Clock)
	table := FigureTable{Clock: q.Clock, Scope: q.Scope, Verified: q.Verified, Defs: map[string]rules.FigureDef{}}
	var ids []string
	for _, def := range r.rules.Figures() {
		if q.Set == "" || slices.Contains(def.Sets, q.Set) {
			ids = append(ids, def.ID)
			table.Defs[def.ID] = def
		}
	}
	if len(ids) == 0 {
		return FigureTable{}, ErrNotFound
	}
	size, root, err := r.counted(ctx)
	if err != nil {
		return FigureTable{}, err
	}
	table.Entries, table.Root = size, root.String()
	values, err := r.index.Figures(ctx, q.Clock, q.Scope, q.Verified, ids)
	if err != nil {
		return FigureTable{}, err
	}
	table.Values = values
	return table, nil
}
