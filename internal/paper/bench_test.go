// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// twentyPages is a statement with a table over five pages, sixty parts and
// figures with their notes.
func twentyPages() Document {
	d := sample("ru")
	table := Table{Caption: Words("По регионам"), Columns: []Column{{}, {}, {Number: true}}, Head: [][]Cell{Row("Регион", "Что известно", "Число дел")}, RowHeads: true}
	for i := range 70 {
		table.Rows = append(table.Rows, Row(fmt.Sprint("Область ", i), strings.Repeat("Сообщений о пытках стало больше. ", i%5), fmt.Sprint(i*37)))
	}
	d.Blocks = append(d.Blocks, table)
	for i := range 60 {
		d.Blocks = append(d.Blocks, Heading{Level: 1 + i%3, Text: Words(fmt.Sprint("Раздел ", i))}, Paragraph{Text: []Inline{
			Plain(strings.Repeat("Длинный текст о том, что произошло в январе 2022 года. ", 3+i%9)),
			Figure{ID: fmt.Sprint(i), Text: fmt.Sprint(i), Definition: fmt.Sprint("Определение показателя номер ", i, strings.Repeat(" и ещё слова", i%20))}, Plain("."),
		}})
	}
	return d
}

// BenchmarkTwentyPages writes a document of some twenty pages in each format.
func BenchmarkTwentyPages(b *testing.B) {
	d := twentyPages()
	sheets, _, err := paginate(d)
	if err != nil {
		b.Fatal(err)
	}
	for name, to := range map[string]writer{"PDF": PDF, "DOCX": DOCX, "HTML": HTML, "Markdown": Markdown, "Text": Text} {
		b.Run(name, func(b *testing.B) {
			var size counter
			for b.Loop() {
				size = 0
				if err := to(&size, d); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(sheets)), "pages")
			b.ReportMetric(float64(size)/1024, "KiB")
		})
	}
}

// counter counts what is written.
type counter int

var _ io.Writer = (*counter)(nil)

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
