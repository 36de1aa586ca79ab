// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"fmt"
	"slices"
	"strings"
)

// Tile is the count of one region.
type Tile struct {
	Code    string // ISO 3166-2, "KZ-75"; any other is written below the map
	Label   string // in full
	Short   string // what fits into a tile, about six letters; empty: the code without its country
	Href    string
	Value   int
	Unknown bool // there is no count, which is not the same as none
}

// Place is where a region stands on the map: column from the west, row from the
// north. All are the same size, because people are counted, not square
// kilometres; neighbours stand together as far as a grid allows.
type Place struct {
	Code        string
	Column, Row int
}

const (
	leastColumns = 7 // a country of few regions has no larger tiles
	tileGap      = 3.0
)

// level is how deep a tile is coloured.
type level struct{ fill, on string }

// levels go from none to the most; from the fourth on, text is light.
var levels = [...]level{
	{"#f1efea", "#1c1e22"},
	{"#dcebed", "#1c1e22"},
	{"#a9cdd2", "#1c1e22"},
	{"#7fb0b7", "#1c1e22"},
	{"#2f7480", "#ffffff"},
	{"#0d5763", "#ffffff"},
}

// Placed tells whether a region has its place on the tile map.
func Placed(places []Place, code string) bool {
	return slices.ContainsFunc(places, func(p Place) bool { return p.Code == code })
}

// Tiles draws the regions that have a place as tiles, the deeper the more. A region
// that is not given is an outline; what has no place on the map, or has been
// given twice, is listed below it.
func Tiles(f Frame, places []Place, tiles []Tile) string {
	c := &canvas{}
	columns, rows := leastColumns, 0
	for _, p := range places {
		columns, rows = max(columns, p.Column+1), max(rows, p.Row+1)
	}
	size := (f.width() - float64(columns-1)*tileGap) / float64(columns)
	placed := map[string]Tile{}
	most := 0
	var below []Tile
	for _, t := range tiles {
		if _, taken := placed[t.Code]; taken || !Placed(places, t.Code) {
			below = append(below, t)
			continue
		}
		placed[t.Code] = t
		most = max(most, t.Value)
	}
	for _, p := range places {
		x, y := float64(p.Column)*(size+tileGap), float64(p.Row)*(size+tileGap)
		if t, ok := placed[p.Code]; ok {
			f.tile(c, t, x, y, size, most)
			continue
		}
		fmt.Fprintf(c, "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" rx=\"4\" class=\"chart-absent\" fill=\"none\" stroke=\"%s\"/>\n", num(x), num(y), num(size), num(size), colourLine)
	}
	if rows > 0 {
		c.y = float64(rows)*(size+tileGap) - tileGap
	}
	for _, t := range below {
		f.below(c, t)
	}
	return f.finish("tiles", c)
}

// below writes a line of what has no place on a map.
func (f Frame) below(c *canvas, t Tile) {
	c.y += gap
	end := c.open(t.Href, "chart-row chart-below")
	c.text(f.width(), c.y+line-4, boldRight, f.tileValue(t))
	c.label(0, f.width()-valueWidth, t.Label)
	c.WriteString(end)
}

// depth is how deep a tile is coloured, beside the one with the most.
func depth(t Tile, most int) (class string, l level) {
	n := 0
	if t.Value > 0 && most > 0 {
		n = min((t.Value*(len(levels)-1)+most-1)/most, len(levels)-1)
	}
	if t.Unknown {
		return "chart-unknown", levels[0]
	}
	return fmt.Sprintf("chart-level%d", n), levels[n]
}

func (f Frame) tile(c *canvas, t Tile, x, y, size float64, most int) {
	end := c.open(t.Href, "chart-tile")
	value := f.tileValue(t)
	class, l := depth(t, most)
	fmt.Fprintf(c, "<title>%s</title>\n", escape(t.Label+": "+value))
	dash := ""
	if t.Unknown {
		dash = ` stroke="` + colourRest + `" stroke-dasharray="3 3"`
	}
	fmt.Fprintf(c, "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" rx=\"4\" class=\"%s\" fill=\"%s\"%s/>\n", num(x), num(y), num(size), num(size), class, l.fill, dash)
	short := t.Short
	if short == "" {
		_, short, _ = strings.Cut(t.Code, "-")
	}
	letter, small := 7.2, "11" // what a letter of the short name takes
	if size < 46 {
		letter, small = 6.4, "10"
	}
	on := fmt.Sprintf(`class="%s-on" fill="%s" text-anchor="middle"`, class, l.on)
	c.text(x+size/2, y+size*0.36, on+` font-size="`+small+`"`, cut(short, int(size/letter)))
	c.text(x+size/2, y+size*0.76, on+` font-size="16" font-weight="600"`, value)
	c.WriteString(end)
}

func (f Frame) tileValue(t Tile) string {
	if t.Unknown {
		return "?"
	}
	return f.number(t.Value)
}

// TilesTable returns the numbers of the map, in the order given.
func TilesTable(f Frame, head [2]string, tiles []Tile) Table {
	t := Table{Caption: f.Title, Head: head[:]}
	for _, tile := range tiles {
		t.Rows = append(t.Rows, []string{tile.Label, f.tileValue(tile)})
	}
	return t
}
