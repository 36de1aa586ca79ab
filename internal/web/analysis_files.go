// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"path"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/chart"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/sheet"
)

// allParts is the name of the file with the tables of all parts.
const allParts = "all"

// pictureScale is how many pixels a unit of a picture takes: 1,176 across, as
// wide as a column of print at 300 to the inch.
const pictureScale = 3

// analysisFile sends a part of the analysis as a file, and writes down before
// that it leaves.
func (s *server) analysisFile(v *visit) error {
	format := strings.TrimPrefix(path.Ext(v.r.PathValue("file")), ".")
	name := strings.TrimSuffix(v.r.PathValue("file"), "."+format)
	x, err := s.analyse(v)
	if err != nil {
		return err
	}
	x.file = true
	parts := x.parts()
	chosen := parts
	if name != allParts || format != "xlsx" {
		chosen = nil
		for _, p := range parts {
			if p.id == name {
				chosen = []part{p}
			}
		}
	}
	if len(chosen) == 0 {
		return registry.ErrNotFound
	}
	data, kind, err := x.written(format, chosen)
	if err != nil {
		return err
	}
	rows := 0
	for _, p := range chosen {
		rows += len(p.leaving().Rows)
	}
	if err := s.reg.TakesOut(v.r.Context(), v.session, "figures", rows); err != nil {
		return err
	}
	v.file("kua-"+name+"-"+x.at.AsOf.String()+"."+format, kind, data)
	return nil
}

// written is what parts are as a file of a format.
func (x *analysed) written(format string, parts []part) (data []byte, kind string, err error) {
	var b bytes.Buffer
	p := parts[0]
	switch {
	case format == "csv":
		b.WriteString(sheet.ByteOrderMark)
		err = sheet.CSV(&b, x.sheet(p, true))
		return b.Bytes(), "text/csv; charset=utf-8", err
	case format == "xlsx":
		var sheets []sheet.Sheet
		for _, p := range parts {
			sheets = append(sheets, x.sheet(p, false))
		}
		err = sheet.XLSX(&b, append(sheets, x.cover())...)
		return b.Bytes(), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", err
	case p.draw == nil || format != "svg" && format != "png":
		return nil, "", registry.ErrNotFound
	}
	f := x.frame(p)
	f.Width = 0
	f.File, f.Notes = true, append(p.notes, x.source()...)
	if p.lead != "" {
		f.Notes = append([]string{p.lead}, f.Notes...)
	}
	drawn := p.draw(f, false)
	if format == "svg" {
		return []byte(drawn), "image/svg+xml", nil
	}
	picture, err := chart.Read(drawn)
	if err != nil {
		return nil, "", err
	}
	data, err = picture.PNG(pictureScale)
	return data, "image/png", err
}

// leaving is the table of a part as it leaves.
func (p part) leaving() analysisTable {
	if p.whole != nil {
		return *p.whole
	}
	return p.table
}

// sheet is a part's table for programs. In a file that has nothing else, each
// row says what it was counted from.
func (x *analysed) sheet(p part, alone bool) sheet.Sheet {
	t := p.leaving()
	out := sheet.Sheet{Name: p.title, Head: append([]string{x.T("analysis.code")}, t.Head...)}
	var from []any
	if alone {
		for _, c := range x.counted() {
			out.Head, from = append(out.Head, c.name), append(from, c.value)
		}
	}
	for _, row := range t.Rows {
		cells := []any{row.Code, row.Name}
		for _, cell := range row.Cells {
			value := cell.Value
			if value == nil && cell.Text != "" {
				value = cell.Text
			}
			cells = append(cells, value)
		}
		out.Rows = append(out.Rows, append(cells, from...))
	}
	return out
}

// counted says what was counted, by which clocks and from which entries, by the
// names that `kua figures` has.
type counted struct {
	name  string
	value any
}

func (x *analysed) counted() []counted {
	known, cases := "", "all"
	if !x.at.KnownBy.IsZero() {
		known = x.at.KnownBy.UTC().Format(time.RFC3339Nano)
	}
	if x.Verified {
		cases = "verified"
	}
	return []counted{
		{"as_of", x.at.AsOf.String()}, {"known_by", known}, {"scope", x.scope}, {"cases", cases}, {"figure", x.Figure},
		{"entries", int(x.Entries)}, {"root", x.Root},
	}
}

// cover is the sheet of a workbook that says so.
func (x *analysed) cover() sheet.Sheet {
	out := sheet.Sheet{Name: x.T("analysis.counted"), Head: []string{x.T("analysis.counted"), ""}}
	for _, c := range x.counted() {
		out.Rows = append(out.Rows, []any{c.name, c.value})
	}
	return out
}

// source says it in the lines below a picture.
func (x *analysed) source() []string {
	lines := []string{join([]string{x.scope, x.clockWords(x.at)})}
	if x.Verified {
		lines[0] = join([]string{lines[0], x.T("figures.cases.verified")})
	}
	return append(lines, join([]string{x.N("ledger.foot", int(x.Entries)), x.T("ledger.root", short(x.Root)+"…")}))
}
