// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"fmt"

	"github.com/kua-registry/kua/internal/access"
)

// TakesLetter writes down that a member takes a letter out of the register that
// was drafted from a case, before it leaves.
func (r *Registry) TakesLetter(ctx context.Context, s *access.Session, caseID string) (err error) {
	defer r.refusal(ctx, s, "letter", caseID, &err)
	row, err := r.row(ctx, s, caseID, r.clock(Clock{}))
	if err != nil {
		return err
	}
	if err := r.audit(ctx, &line{act: actExport, what: "letter", by: s.Keys.Identity, n: 1, cases: []string{row.ID}}); err != nil {
		return fmt.Errorf("%w (%w)", ErrUnaudited, err)
	}
	return nil
}
