// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"testing"

	"github.com/kua-registry/kua/internal/access"
)

// TestInfoByRole holds that whoever only looks after the register learns what
// it is and not how many cases it has.
func TestInfoByRole(t *testing.T) {
	g := newRegister(t)
	for _, role := range access.Roles() {
		if role == access.Coordinator {
			continue // the founder is one
		}
		info, err := g.Info(context.Background(), g.join(string(role), []access.Role{role}))
		if err != nil {
			t.Errorf("%s: %v", role, err)
			continue
		}
		counts := role != access.Administrator && role != access.Trustee && role != access.Intake
		if info.Counts != counts || (info.Cases > 0) != counts || info.Entries == 0 || info.Organisations != 2 {
			t.Errorf("%s is told %+v", role, info)
		}
	}
	nobody := &access.Session{Member: access.Member{ID: g.session.Member.ID}}
	if _, err := g.Info(context.Background(), nobody); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("somebody without a role is told what the register is: %v", err)
	}
}
