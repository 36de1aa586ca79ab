// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"fmt"
	"slices"
	"strings"
)

// Combination is how many stand on exactly these lists, and on no other.
type Combination struct {
	In    []bool // of each list, in order
	Value int
}

// CombinationWords are the words of a drawing of combinations, in its reader's language.
type CombinationWords struct {
	Lists string                        // over the lists
	Only  string                        // over the combinations
	Rest  func(combinations int) string // those that are not drawn
}

const (
	dotSize      = 4.0
	dotRow       = 20.0
	mostDrawn    = 24 // combinations; the table has all of them
	leastBar     = 60.0
	widestColumn = 26.0
)

// Combinations draws which combinations of lists have how many people, the most
// first. Above stand the lists, each with its number and with all who are on it;
// below, a row for each combination: a filled dot for each list that it is on,
// joined by a line, a ring for each that it is not on, and a bar.
func Combinations(f Frame, lists []string, all []Combination, w CombinationWords) string {
	c := &canvas{}
	if len(lists) == 0 {
		return f.finish("combinations", c)
	}
	width, k := f.width(), len(lists)
	on := make([]int, k)
	scale := 0
	for _, x := range all {
		for j := range on {
			if j < len(x.In) && x.In[j] {
				on[j] += x.Value
			}
		}
	}
	scale = max(1, slices.Max(on))
	c.label(0, width, w.Lists)
	c.y += 2
	for j, name := range lists {
		end := c.open("", "chart-row")
		top := c.y
		c.label(0, width-valueWidth, fmt.Sprintf("%d  %s", j+1, name))
		c.text(width, top+line-4, boldRight, f.number(on[j]))
		c.rect(0, c.y, width, branchHeight, "chart-track", colourTrack)
		c.rect(0, c.y, part(on[j], scale, width), branchHeight, "chart-base", colourBase)
		c.y += branchHeight + gap
		c.WriteString(end)
	}
	c.y += rowGap
	c.label(0, width, w.Only)
	c.y += 2
	column := min(widestColumn, (width-leastBar-valueWidth)/float64(k))
	left := column * float64(k)
	for j := range lists {
		c.text(column*(float64(j)+.5), c.y+line-6, softSmall+` text-anchor="middle"`, fmt.Sprint(j+1))
	}
	c.y += line
	all = ordered(all)
	most := 1
	if len(all) > 0 {
		most = max(1, all[0].Value)
	}
	rest, left2 := 0, 0
	for i, x := range all {
		if i >= mostDrawn {
			rest, left2 = rest+x.Value, left2+1
			continue
		}
		end := c.open("", "chart-row")
		mid := c.y + dotRow/2
		fmt.Fprintf(c, "<title>%s</title>\n", escape(nameOf(lists, x)+": "+f.number(x.Value)))
		first, last := -1, -1
		for j := range lists {
			if j < len(x.In) && x.In[j] {
				if first < 0 {
					first = j
				}
				last = j
			}
		}
		if last > first {
			fmt.Fprintf(c, "<path d=\"M%s %sH%s\" class=\"chart-dotline\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", num(column*(float64(first)+.5)), num(mid), num(column*(float64(last)+.5)), colourValue)
		}
		for j := range lists {
			class, paint := "chart-ring", `fill="`+colourOn+`" stroke="`+colourRest+`"`
			if j < len(x.In) && x.In[j] {
				class, paint = "chart-value", `fill="`+colourValue+`"`
			}
			fmt.Fprintf(c, "<circle cx=\"%s\" cy=\"%s\" r=\"%s\" class=\"%s\" %s/>\n", num(column*(float64(j)+.5)), num(mid), num(dotSize), class, paint)
		}
		room := width - left - gap - valueWidth
		c.rect(left+gap, mid-barHeight/2, room, barHeight, "chart-track", colourTrack)
		c.rect(left+gap, mid-barHeight/2, part(x.Value, most, room), barHeight, "chart-value", colourValue)
		c.text(width, mid+5, boldRight, f.number(x.Value))
		c.y += dotRow
		c.WriteString(end)
	}
	if left2 > 0 {
		top := c.y
		text := ""
		if w.Rest != nil {
			text = w.Rest(left2)
		}
		c.label(0, width-valueWidth, text)
		c.text(width, top+line-4, boldRight, f.number(rest))
	}
	return f.finish("combinations", c)
}

// ordered are the combinations that anybody is on, the most first; those of
// fewer lists before those of more, and then as they came.
func ordered(all []Combination) []Combination {
	out := slices.DeleteFunc(slices.Clone(all), func(x Combination) bool { return x.Value <= 0 })
	count := func(x Combination) (n int) {
		for _, in := range x.In {
			if in {
				n++
			}
		}
		return n
	}
	slices.SortStableFunc(out, func(a, b Combination) int {
		if a.Value != b.Value {
			return b.Value - a.Value
		}
		return count(a) - count(b)
	})
	return out
}

func nameOf(lists []string, x Combination) string {
	var names []string
	for j, name := range lists {
		if j < len(x.In) && x.In[j] {
			names = append(names, name)
		}
	}
	return strings.Join(names, " + ")
}

// CombinationsTable returns all combinations that anybody is on, the most first.
// The head names the lists, which each row joins with a plus, and the people.
func CombinationsTable(f Frame, head [2]string, lists []string, all []Combination) Table {
	t := Table{Caption: f.Title, Head: head[:]}
	for _, x := range ordered(all) {
		t.Rows = append(t.Rows, []string{nameOf(lists, x), f.number(x.Value)})
	}
	return t
}
