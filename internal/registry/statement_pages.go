// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import "github.com/kua-registry/kua/internal/statement"

// StatementFacets are the facets by which a statement can break a figure down.
func (r *Registry) StatementFacets() []statement.Facet {
	var ids []string
	for _, def := range r.index.FacetDefs() {
		ids = append(ids, def.ID)
	}
	return r.facetsOf(ids)
}
