// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Area is a tile with the outline of its region: rings of a drawing, filled by
// the even-odd rule.
type Area struct {
	Tile
	Rings [][][2]int // x to the right, y downwards
}

// Areas draws regions by their outlines on a drawing of that size, the deeper
// the more. What has no outline is listed below.
func Areas(f Frame, width, height int, areas []Area) string {
	c := &canvas{}
	scale := f.width() / float64(max(width, 1))
	most := 0
	var below []Area
	for _, a := range areas {
		if len(a.Rings) == 0 {
			below = append(below, a)
			continue
		}
		most = max(most, a.Value)
	}
	fmt.Fprintf(c, "<g transform=\"scale(%s)\">\n", strconv.FormatFloat(scale, 'f', 4, 64))
	for _, a := range areas {
		if len(a.Rings) > 0 {
			f.area(c, a, most)
		}
	}
	// The numbers come last, so that no region lies on one.
	for _, a := range areas {
		if len(a.Rings) == 0 || a.Value == 0 && !a.Unknown {
			continue
		}
		x, y, room := inside(a.Rings)
		size := 12 / scale
		text := f.tileValue(a.Tile)
		if widthOf(text, size) > room {
			continue // the table has it
		}
		class, l := depth(a.Tile, most)
		c.text(x, y+size*0.35, fmt.Sprintf(`class="%s-on chart-over" fill="%s" text-anchor="middle" font-size="%s" font-weight="600" pointer-events="none"`, class, l.on, num(size)), text)
	}
	c.WriteString("</g>\n")
	c.y = float64(height) * scale
	for _, a := range below {
		f.below(c, a.Tile)
	}
	return f.finish("areas", c)
}

// area draws one region.
func (f Frame) area(c *canvas, a Area, most int) {
	end := c.open(a.Href, "chart-tile")
	class, l := depth(a.Tile, most)
	var d strings.Builder
	for _, ring := range a.Rings {
		last := [2]int{}
		for i, p := range ring {
			step := "l"
			if i == 0 {
				step = "M"
				d.WriteString(step + strconv.Itoa(p[0]) + " " + strconv.Itoa(p[1]))
			} else {
				if i > 1 {
					step = " "
				}
				d.WriteString(step + strconv.Itoa(p[0]-last[0]) + " " + strconv.Itoa(p[1]-last[1]))
			}
			last = p
		}
		d.WriteString("z")
	}
	fmt.Fprintf(c, "<title>%s</title>\n", escape(a.Label+": "+f.tileValue(a.Tile)))
	fmt.Fprintf(c, "<path class=\"%s chart-border\" fill=\"%s\" stroke=\"%s\" fill-rule=\"evenodd\" stroke-linejoin=\"round\" vector-effect=\"non-scaling-stroke\" d=\"%s\"/>\n", class, l.fill, colourRest, d.String())
	c.WriteString(end)
}

// inside is the middle of a wide stretch within some rings, and how wide it is:
// where a number has room, the nearer to the middle of them the better.
func inside(rings [][][2]int) (x, y, room float64) {
	low, high := rings[0][0][1], rings[0][0][1]
	for _, ring := range rings {
		for _, p := range ring {
			low, high = min(low, p[1]), max(high, p[1])
		}
	}
	x, y = float64(rings[0][0][0]), float64(low)
	const lines, much = 24, 1.15 // so much wider is worth going away from the middle
	for i := range lines - 1 {
		step := float64((i + 1) / 2)
		if i%2 == 1 {
			step = -step
		}
		at := float64(low) + float64(high-low)*(0.5+step/lines)
		var crossings []float64
		for _, ring := range rings {
			for j, p := range ring {
				q := ring[(j+1)%len(ring)]
				if (float64(p[1]) <= at) != (float64(q[1]) <= at) {
					crossings = append(crossings, float64(p[0])+float64(q[0]-p[0])*(at-float64(p[1]))/float64(q[1]-p[1]))
				}
			}
		}
		slices.Sort(crossings)
		for j := 0; j+1 < len(crossings); j += 2 {
			if wide := crossings[j+1] - crossings[j]; wide > room*much {
				x, y, room = (crossings[j]+crossings[j+1])/2, at, wide
			}
		}
	}
	return x, y, room
}
