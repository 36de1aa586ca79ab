// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

// Range is a number that is known between two others only.
type Range struct {
	Label            string
	Low, Value, High int
	Words            string // of its ends, below the number; empty: the ends alone
	Exact            bool   // it was counted: a bar, and no ends
}

// Ranges draws numbers with how far they may be off, on one scale from zero.
// What was counted is a bar; what is estimated is a band from its lower end to
// its upper one with a mark at the number, so that neither is taken for the other.
func Ranges(f Frame, ranges []Range) string {
	c := &canvas{}
	scale := 0
	for _, r := range ranges {
		scale = max(scale, r.Value, r.High)
	}
	width := f.width()
	for i, r := range ranges {
		if i > 0 {
			c.y += rowGap
		}
		end := c.open("", "chart-row")
		top := c.y
		c.label(0, width-valueWidth, r.Label)
		c.text(width, top+line-4, boldRight, f.number(r.Value))
		c.rect(0, c.y, width, barHeight, "chart-track", colourTrack)
		if r.Exact {
			c.rect(0, c.y, part(r.Value, scale, width), barHeight, "chart-rest", colourRest)
		} else {
			from, to := part(r.Low, scale, width), part(r.High, scale, width)
			c.rect(from, c.y, max(to-from, 2), barHeight, "chart-base", colourBase)
			c.rect(max(part(r.Value, scale, width)-1.5, 0), c.y-2, 3, barHeight+4, "chart-value", colourValue)
		}
		c.y += barHeight
		if r.Words == "" && !r.Exact { // no number that is estimated is written without its ends
			r.Words = f.number(r.Low) + " – " + f.number(r.High)
		}
		if r.Words != "" {
			c.y += line - 2
			c.text(0, c.y-4, softSmall, r.Words)
		}
		c.WriteString(end)
	}
	return f.finish("ranges", c)
}
