// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// tenThousand is the list of Northern Bureau, written on until it has 10,000 rows.
func tenThousand(b *testing.B) (mapping, csv, xlsx []byte) {
	b.Helper()
	mapping, err := os.ReadFile(filepath.Join(samples, "northern-bureau.map.yaml"))
	must(b, err)
	data, err := os.ReadFile(filepath.Join(samples, "northern-bureau.xlsx"))
	must(b, err)
	rows := read(b, data, ReadOptions{Name: "x.xlsx"}).Sheets[0].Rows
	var text strings.Builder
	f := excelize.NewFile()
	must(b, f.SetSheetName("Sheet1", "Cases"))
	w, err := f.NewStreamWriter("Cases")
	must(b, err)
	for i := range 10_001 {
		row := rows[0]
		if i > 0 {
			row = rows[1+(i-1)%(len(rows)-1)]
		}
		var cells []any
		for j, c := range row.Cells {
			s := c.Text
			if i > 0 && j == 0 {
				s = fmt.Sprintf("%s-%d", s, i)
			}
			if j > 0 {
				text.WriteByte(';')
			}
			fmt.Fprintf(&text, "%q", s)
			cells = append(cells, s)
		}
		text.WriteByte('\n')
		must(b, w.SetRow(fmt.Sprintf("A%d", i+1), cells))
	}
	must(b, w.Flush())
	var out bytes.Buffer
	must(b, f.Write(&out))
	return mapping, []byte(text.String()), out.Bytes()
}

func BenchmarkTenThousandRows(b *testing.B) {
	mapping, csv, xlsx := tenThousand(b)
	book := testBook(b)
	m, err := ParseMapping(mapping, book)
	must(b, err)
	for _, c := range []struct {
		name string
		data []byte
	}{{"csv", csv}, {"xlsx", xlsx}} {
		b.Run(c.name+"/read", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				read(b, c.data, ReadOptions{Name: "x." + c.name})
			}
		})
		table := read(b, c.data, ReadOptions{Name: "x." + c.name})
		b.Run(c.name+"/run", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				imp, findings, err := m.Run(book, table, RunOptions{Today: day(b, "2022-07-31")})
				if err != nil || imp == nil || len(imp.Rows) != 10_000 {
					b.Fatal(err, findings[:min(3, len(findings))])
				}
			}
		})
	}
}
