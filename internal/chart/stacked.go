// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import "fmt"

// Stack is one bar made of parts, in the order of the parts' names.
type Stack struct {
	Label  string
	Href   string
	Values []int
}

func (s Stack) total() int {
	sum := 0
	for _, v := range s.Values {
		sum += max(v, 0)
	}
	return sum
}

// shade is how a part of a stack, or a line, is told from the others.
type shade struct {
	fill, on string // colour, and that of text on it
	dash     string // of a line
}

// shades alternate between dark and light, so that neighbours differ without colour too.
var shades = [...]shade{
	{"#0d5763", "#ffffff", ""},
	{"#a9cdd2", "#1c1e22", "7 4"},
	{"#6f4800", "#ffffff", "2 4"},
	{"#e3c384", "#1c1e22", "10 4 2 4"},
	{"#5b4a86", "#ffffff", "4 2"},
	{"#c9bfe3", "#1c1e22", "1 3"},
}

const stackHeight = 20.0

// StackedBars draws what each of several counts is made of, on the scale of
// the largest. The parts are named above, in their order; from the seventh on
// the shades come round again.
func StackedBars(f Frame, parts []string, stacks []Stack) string {
	c := &canvas{}
	for i, name := range parts {
		y := c.y
		c.rect(0, y+4, 12, 12, shadeClass(i), shades[i%len(shades)].fill)
		c.label(20, f.width()-20, name)
	}
	scale := 0
	for _, s := range stacks {
		scale = max(scale, s.total())
	}
	for _, s := range stacks {
		c.y += rowGap
		end := c.open(s.Href, "chart-row")
		c.text(f.width(), c.y+line-4, boldRight, f.number(s.total()))
		c.label(0, f.width()-valueWidth, s.Label)
		c.rect(0, c.y, f.width(), stackHeight, "chart-track", colourTrack)
		x := 0.0
		for i, v := range s.Values {
			if v <= 0 || scale == 0 {
				continue
			}
			// Not part: a least width for each would make the whole longer than it is.
			length := f.width() * float64(v) / float64(scale)
			name := ""
			if i < len(parts) {
				name = parts[i] + ": "
			}
			fmt.Fprintf(c, "<g><title>%s</title>\n", escape(name+f.number(v)))
			c.rect(x, c.y, length, stackHeight, shadeClass(i), shades[i%len(shades)].fill)
			if text := f.number(v); widthOf(text, smallSize)+4 <= length {
				c.text(x+length/2, c.y+14, fmt.Sprintf(`class="%s-on" fill="%s" font-size="12" text-anchor="middle"`, shadeClass(i), shades[i%len(shades)].on), text)
			}
			c.WriteString("</g>\n")
			x += length
		}
		c.y += stackHeight
		c.WriteString(end)
	}
	return f.finish("stacked", c)
}

func shadeClass(i int) string { return fmt.Sprintf("chart-shade%d", i%len(shades)+1) }

// StacksTable returns the numbers of stacked bars: a row a stack, a column a
// part, and the total under the name given for it.
func StacksTable(f Frame, label, total string, parts []string, stacks []Stack) Table {
	t := Table{Caption: f.Title, Head: append(append([]string{label}, parts...), total)}
	for _, s := range stacks {
		row := []string{s.Label}
		for i := range parts {
			value := 0
			if i < len(s.Values) {
				value = s.Values[i]
			}
			row = append(row, f.number(value))
		}
		t.Rows = append(t.Rows, append(row, f.number(s.total())))
	}
	return t
}
