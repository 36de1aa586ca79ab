// SPDX-License-Identifier: AGPL-3.0-or-later

package linkagetest

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"
)

// Material is the path of a file of the acceptance material. It lies beside the
// repository; without it there is nothing to measure.
func Material(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("../../../shared/acceptance", name) // as seen from a package of internal
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no %s here: the acceptance material lies beside the repository", name)
	}
	return path
}

// Must gives what a call answers, or ends the test.
func Must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// CSV gives the rows of a table as columns by heading.
func CSV(t testing.TB, path string, comma rune, windows1251 bool) []map[string]string {
	t.Helper()
	f := Must[*os.File](t)(os.Open(path))
	defer f.Close()
	r := csv.NewReader(f)
	if windows1251 {
		r = csv.NewReader(charmap.Windows1251.NewDecoder().Reader(f))
	}
	r.Comma = comma
	return byHeading(Must[[][]string](t)(r.ReadAll()))
}

// Sheet gives the rows of a sheet of a workbook likewise.
func Sheet(t testing.TB, path, name string) []map[string]string {
	t.Helper()
	x := Must[*excelize.File](t)(excelize.OpenFile(path))
	defer func() { _ = x.Close() }() // it was only read
	return byHeading(Must[[][]string](t)(x.GetRows(name)))
}

func byHeading(rows [][]string) []map[string]string {
	var out []map[string]string
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, v := range row {
			if i < len(rows[0]) {
				m[strings.TrimPrefix(rows[0][i], "\ufeff")] = v
			}
		}
		out = append(out, m)
	}
	return out
}
