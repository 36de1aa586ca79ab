// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"fmt"
	"math"
)

// Weight is one step on the way from what is thought beforehand to what is
// thought in the end: it moves to the right or to the left.
type Weight struct {
	Label string
	Words string  // what it is, below it
	Value float64 // how far it moves, to the right where it is above zero
	Text  string  // the value, written
	Sum   bool    // it moves nothing: it tells where all those above have led
}

const (
	weightHeight = 12.0
	weightTip    = 5.0 // of the arrow that says to which side
)

// Weights draws how one step after the other adds up, as a waterfall: each
// begins where the one before it ended. What moves to the right and what moves
// to the left are arrows, so that their colour is not needed. The line is where
// neither side outweighs the other.
func Weights(f Frame, weights []Weight) string {
	c := &canvas{}
	low, high, at := 0.0, 0.0, 0.0
	for _, w := range weights {
		if !w.Sum {
			at += finite(w.Value)
		}
		low, high = min(low, at), max(high, at)
	}
	width := f.width()
	span := max(high-low, 1)
	xOf := func(v float64) float64 { return 2 + (width-4)*(v-low)/span }
	at = 0
	for i, w := range weights {
		if i > 0 {
			c.y += rowGap - 4
		}
		class := "chart-row"
		if w.Sum {
			class = "chart-row chart-sum"
		}
		end := c.open("", class)
		top := c.y
		c.label(0, width-valueWidth, w.Label)
		c.text(width, top+line-4, boldRight, w.Text)
		c.rect(0, c.y, width, weightHeight, "chart-track", colourTrack)
		zero := xOf(0)
		from, to := xOf(at), xOf(at+finite(w.Value))
		if w.Sum {
			from, to = zero, xOf(at)
		} else {
			at += finite(w.Value)
		}
		arrow(c, from, to, w.Sum)
		fmt.Fprintf(c, "<path d=\"M%s %sV%s\" class=\"chart-elbow\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"/>\n", num(zero), num(c.y-2), num(c.y+weightHeight+2), colourRest)
		c.y += weightHeight
		if w.Words != "" {
			for _, part := range wrap(w.Words, int(width/(smallSize*meanWidth))) {
				c.y += line - 2
				c.text(0, c.y-4, softSmall, part)
			}
		}
		c.WriteString(end)
	}
	return f.finish("weights", c)
}

// arrow draws a bar with a tip on the side to which it leads.
func arrow(c *canvas, from, to float64, sum bool) {
	class, fill := "chart-value", colourValue
	tip := min(weightTip, math.Abs(to-from))
	if to < from {
		class, fill, tip = "chart-rest", colourRest, -tip
	}
	if sum {
		tip = 0
	}
	if math.Abs(to-from) < 1 { // what is not nothing is seen
		c.rect(to-1, c.y, 2, weightHeight, class, fill)
		return
	}
	fmt.Fprintf(c, "<path d=\"M%s %sH%sL%s %sL%s %sH%sZ\" class=\"%s\" fill=\"%s\"/>\n", num(from), num(c.y), num(to-tip), num(to), num(c.y+weightHeight/2), num(to-tip), num(c.y+weightHeight), num(from), class, fill)
}

// finite keeps what can't be drawn from a drawing.
func finite(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return max(-1000, min(x, 1000))
}

// WeightsTable returns the numbers of a waterfall. The head names the steps,
// what they are, and how far they move.
func WeightsTable(f Frame, head [3]string, weights []Weight) Table {
	t := Table{Caption: f.Title, Head: head[:]}
	for _, w := range weights {
		t.Rows = append(t.Rows, []string{w.Label, w.Words, w.Text})
	}
	return t
}
