// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"slices"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/custody"
)

// Handover is one step in the chain of custody of a piece of evidence, with the gaps it leaves.
type Handover = custody.Link

// Custody is the chain of custody of a piece of evidence, in order. A member to
// whom the facts alone are open is told no names.
func (r *Registry) Custody(ctx context.Context, s *access.Session, caseID, evidence string) (_ []Handover, err error) {
	file, err := r.Case(ctx, s, caseID, Clock{}) // asks, and writes down who reads it
	if err != nil {
		return nil, err
	}
	things := custody.Things(file.Records)
	i := slices.IndexFunc(things, func(t custody.Thing) bool { return t.Evidence.ID == evidence })
	if i < 0 {
		return nil, ErrNotFound
	}
	return things[i].Chain.Links, nil
}
