// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"fmt"
	"strings"
)

// Tile is the count of one region.
type Tile struct {
	Code    string // ISO 3166-2, "KZ-75"; any other is written below the map
	Label   string // in full
	Short   string // what fits into a tile, about seven letters; empty: the code without its country
	Href    string
	Value   int
	Unknown bool // there is no count, which is not the same as none
}

// tileAt says where a region of Kazakhstan stands: column from the west, row
// from the north. All twenty are the same size, because people are counted, not
// square kilometres; neighbours stand together as far as a grid allows.
var tileAt = map[string][2]int{
	"KZ-59": {3, 0},
	"KZ-27": {0, 1}, "KZ-15": {1, 1}, "KZ-39": {2, 1}, "KZ-11": {3, 1}, "KZ-71": {4, 1}, "KZ-55": {5, 1},
	"KZ-23": {0, 2}, "KZ-62": {3, 2}, "KZ-35": {4, 2}, "KZ-10": {5, 2}, "KZ-63": {6, 2},
	"KZ-47": {0, 3}, "KZ-43": {2, 3}, "KZ-61": {3, 3}, "KZ-31": {4, 3}, "KZ-19": {5, 3}, "KZ-33": {6, 3},
	"KZ-79": {3, 4}, "KZ-75": {5, 4},
}

const (
	tileColumns = 7
	tileRows    = 5
	tileGap     = 3.0
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

// Tiles draws the regions of Kazakhstan as tiles, the deeper the more. A region
// that is not given stays empty; what has no place on the map is listed below it.
func Tiles(f Frame, tiles []Tile) string {
	c := &canvas{}
	size := (f.width() - (tileColumns-1)*tileGap) / tileColumns
	most := 0
	for _, t := range tiles {
		if _, ok := tileAt[t.Code]; ok {
			most = max(most, t.Value)
		}
	}
	var below []Bar
	for _, t := range tiles {
		at, ok := tileAt[t.Code]
		if !ok {
			below = append(below, Bar{Label: t.Label, Href: t.Href, Value: t.Value, Rest: true})
			continue
		}
		f.tile(c, t, float64(at[0])*(size+tileGap), float64(at[1])*(size+tileGap), size, most)
	}
	c.y = tileRows*(size+tileGap) - tileGap
	for _, b := range below {
		c.y += gap
		end := c.open(b.Href, "chart-row chart-below")
		c.text(f.width(), c.y+line-4, boldRight, f.number(b.Value))
		c.label(0, f.width()-valueWidth, b.Label)
		c.WriteString(end)
	}
	return f.finish("tiles", c)
}

func (f Frame) tile(c *canvas, t Tile, x, y, size float64, most int) {
	end := c.open(t.Href, "chart-tile")
	n := 0
	if t.Value > 0 && most > 0 {
		n = min((t.Value*(len(levels)-1)+most-1)/most, len(levels)-1)
	}
	value, class, l := f.number(t.Value), fmt.Sprintf("chart-level%d", n), levels[n]
	if t.Unknown {
		value, class, l = "?", "chart-unknown", levels[0]
	}
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
	const shortSize = 11.0
	on := fmt.Sprintf(`class="%s-on" fill="%s" text-anchor="middle"`, class, l.on)
	c.text(x+size/2, y+size*0.36, on+` font-size="11"`, cut(short, int(size/(shortSize*meanWidth))))
	c.text(x+size/2, y+size*0.76, on+` font-size="16" font-weight="600"`, value)
	c.WriteString(end)
}

// TilesTable returns the numbers of the map, in the order given.
func TilesTable(f Frame, head [2]string, tiles []Tile) Table {
	t := Table{Caption: f.Title, Head: head[:]}
	for _, tile := range tiles {
		value := f.number(tile.Value)
		if tile.Unknown {
			value = "?"
		}
		t.Rows = append(t.Rows, []string{tile.Label, value})
	}
	return t
}
