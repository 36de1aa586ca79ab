// SPDX-License-Identifier: AGPL-3.0-or-later

package foreign

import (
	"fmt"
	"testing"

	"github.com/kua-registry/kua/internal/intake"
)

// TestHeadings holds that no two headings of a sheet are one to a mapping.
func TestHeadings(t *testing.T) {
	s := NewSheet("x", "id")
	s.Row(1).Set("ID", "a")
	s.Row(2).Set("", "b")
	s.Row(3).Set("id", "c")
	table, err := Table("f", "test", intake.Limits{}, s)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(table.Sheets[0].Rows[0].Cells[0].Text, table.Sheets[0].Rows[0].Cells[1].Text, table.Sheets[0].Rows[0].Cells[2].Text); got != "idID (2)(2)" {
		t.Error(got)
	}
}
