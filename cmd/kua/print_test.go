// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import "testing"

// TestFormulasInCellsRegression holds that no text leaves in a CSV file so that
// a spreadsheet program works it out.
func TestFormulasInCellsRegression(t *testing.T) {
	for text, want := range map[string]string{
		`=HYPERLINK("http://example.org","here")`: `'=HYPERLINK("http://example.org","here")`,
		"+1": "'+1", "-2": "'-2", "@SUM(1)": "'@SUM(1)", "\t=1": "'\t=1", "\r=1": "'\r=1", " =1": "' =1",
		"": "", "Айгерим": "Айгерим", "146 = 69": "146 = 69", "1-2": "1-2",
	} {
		if got := inCell(text); got != want {
			t.Errorf("%q leaves as %q, want %q", text, got, want)
		}
	}
}
