// SPDX-License-Identifier: AGPL-3.0-or-later

package systems

import (
	"regexp"
	"slices"
	"testing"
)

// TestFormats holds that each format is found by its name, says what it is, and
// is read with a ready mapping or written.
func TestFormats(t *testing.T) {
	var names []string
	for _, f := range All() {
		names = append(names, f.Name)
		if got, err := Named(f.Name); err != nil || got.Name != f.Name {
			t.Errorf("%s: %v", f.Name, err)
		}
		if !regexp.MustCompile(`^[a-z][a-z0-9-]*$`).MatchString(f.Name) || f.About == "" {
			t.Errorf("%q is called %q", f.Name, f.About)
		}
		if f.Read == nil && f.Write == nil || (f.Read == nil) != (f.Map == nil) {
			t.Errorf("%s is neither read with a mapping nor written", f.Name)
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("not sorted: %v", names)
	}
	if _, err := Named("nothing"); err == nil {
		t.Error("a format that is not there is found")
	}
}
