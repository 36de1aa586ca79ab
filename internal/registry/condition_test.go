// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"testing"
)

// TestCondition: how it stands is counted over those who are here, and told to
// who administers alone.
func TestCondition(t *testing.T) {
	ctx := context.Background()
	g := newRegister(t)
	if c, err := g.Condition(ctx, g.session); err != nil || !c.Alone || c.WithoutFactor != 1 || c.Recovery != RecoveryNone || c.Backups.Why != "none" || c.StaleCopies != 0 || c.Stamped != (Stamped{}) {
		t.Errorf("of one member: %+v, %v", c, err)
	}
	h := newHouse(t)
	if c, err := h.Condition(ctx, h.people["aigerim"]); err != nil || c.Alone || c.WithoutFactor != len(h.people) {
		t.Errorf("of a house of %d: %+v, %v", len(h.people), c, err)
	}
	if _, err := h.Condition(ctx, h.people["asel"]); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a case worker is told: %v", err)
	}
}

// TestWeakKeys: each key file is counted whose passphrase costs less than that
// of a new one does, and no other.
func TestWeakKeys(t *testing.T) {
	h := newHouse(t)
	opt := testOptions(h.clock)
	if n, err := WeakKeys(h.dir, opt); err != nil || n != 0 {
		t.Errorf("as they are made: %d, %v", n, err)
	}
	files := len(h.people) + 1 // each member's, and the node's own
	opt.Stretch.Passes++
	if n, err := WeakKeys(h.dir, opt); err != nil || n != files {
		t.Errorf("of %d key files %d are weak, %v", files, n, err)
	}
	if n, err := WeakKeys(h.dir, Options{}); err != nil || n != files {
		t.Errorf("against the standard: %d, %v", n, err)
	}
}
