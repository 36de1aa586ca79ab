// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/paper"
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

// TestFormsAreFilledFromTheCase holds that the forms for a reader come filled,
// in the language asked for or that of their reader, and that reading the case
// for them is written down.
func TestFormsAreFilledFromTheCase(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	n := len(g.lines(0))
	forms, err := g.Forms(ctx, g.session, g.cases[0], FormsQuery{Reader: "court", ID: "torture_complaint", Lang: "kk", Words: words})
	if err != nil {
		t.Fatal(err)
	}
	if len(forms) != 1 || forms[0].Lang != "kk" || len(forms[0].Blanks) == 0 {
		t.Fatalf("the forms are %+v", forms)
	}
	var text, pdf bytes.Buffer
	if err := paper.Text(&text, forms[0].Document); err != nil {
		t.Fatal(err)
	}
	if err := paper.PDF(&pdf, forms[0].Document); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "АРЫЗ") || !strings.Contains(text.String(), "____") {
		t.Errorf("the complaint says %s", &text)
	}
	if got := acts(g.lines(n)); !strings.HasPrefix(got, "read/case") {
		t.Errorf("the audit says %q", got)
	}
	if _, err := g.Forms(ctx, g.session, ledger.NewID().String(), FormsQuery{Words: words}); !errors.Is(err, ErrNotFound) {
		t.Errorf("forms of a case that is not there: %v", err)
	}
}
