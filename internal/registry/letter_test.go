// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"testing"

	"github.com/kua-registry/kua/internal/ledger"
)

// TestLettersLeaveInWriting holds that a letter leaves with a line that names
// the case, and that of a case that is not open none leaves.
func TestLettersLeaveInWriting(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	n := len(g.lines(0))
	if err := g.TakesLetter(ctx, g.session, g.cases[0]); err != nil {
		t.Fatal(err)
	}
	lines := g.lines(n)
	if got := acts(lines); got != "export/letter/1" || lines[0].Cases[0] != g.cases[0] {
		t.Errorf("the audit says %q", got)
	}
	if err := g.TakesLetter(ctx, g.session, ledger.NewID().String()); !errors.Is(err, ErrNotFound) {
		t.Errorf("a letter of a case that is not there: %v", err)
	}
	if got := acts(g.lines(n + 1)); got != "refused/letter/0" {
		t.Errorf("the audit says %q", got)
	}
}
