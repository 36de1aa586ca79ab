// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"fmt"
	"strings"
)

// Table has the numbers of a chart, written as the chart writes them.
type Table struct {
	Caption string
	Head    []string // the first names the rows
	Rows    [][]string
}

// HTML returns the table as markup for a page.
func (t Table) HTML() string {
	var b strings.Builder
	fmt.Fprintf(&b, "<table class=\"chart-data\">\n<caption>%s</caption>\n<thead><tr>", escape(t.Caption))
	for i, head := range t.Head {
		fmt.Fprintf(&b, `<th scope="col"%s>%s</th>`, numeric(i), escape(head))
	}
	b.WriteString("</tr></thead>\n<tbody>\n")
	for _, row := range t.Rows {
		b.WriteString("<tr>")
		for i, cell := range row {
			if i == 0 {
				fmt.Fprintf(&b, `<th scope="row">%s</th>`, escape(cell))
				continue
			}
			fmt.Fprintf(&b, `<td%s>%s</td>`, numeric(i), escape(cell))
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody>\n</table>\n")
	return b.String()
}

// numeric gives all columns but the first the class of numbers.
func numeric(column int) string {
	if column == 0 {
		return ""
	}
	return ` class="n"`
}
