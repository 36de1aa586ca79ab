// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"fmt"
	"slices"
)

// Node is a figure between which cases flow.
type Node struct {
	ID    string // unique among the nodes
	Label string
	Href  string
	Value int
	Rest  bool // what is not known: drawn as such
}

// Link is how many went from one node to another.
type Link struct {
	From, To string // ids of nodes
	Label    string // what the link counts
	Href     string
	Value    int
}

const (
	flowShare  = 0.33 // of the width, for the flows; the words have the rest
	flowMargin = 12.0 // between the words and the flows
	nodeHeight = 10.0
	nodeGap    = 14.0
	hairline   = 1.0 // the least width of what is not nothing
	flowColour = "#cfe3e6"
)

// flowBar is a node with its place among the flows.
type flowBar struct {
	Node
	x, y, width float64
	in, out     []int   // its links, by place
	from, to    float64 // how much of its width has gone on, and has come
}

// Sankey draws how many went from each figure to the next, from top to bottom.
// The nodes stand under one another in the order given, their words to the
// left; to the right is a bar a node, all on one scale, and bands from bar to
// bar. A stretch of a bar with no band below it went no further; one with no
// band above it came from elsewhere. The number of a link stands under the node
// it leads to, with where it comes from, wherever it is not the node's own; one
// that nobody went is in the table alone. A link that leads upwards is written
// and not drawn; one to or from a node that is not given is left out.
func Sankey(f Frame, nodes []Node, links []Link) string {
	left := f.width() * (1 - flowShare)
	bars, scale := flows(nodes, links, f.width()-left)

	at := nodePlaces(bars)
	numbers := 0.0 // how wide the widest is
	for _, n := range nodes {
		numbers = max(numbers, widthOf(f.number(n.Value), textSize)+gap)
	}
	for _, l := range links {
		numbers = max(numbers, widthOf(f.number(l.Value), smallSize)+gap)
	}
	words := &canvas{} // they say how high each row is
	for i := range bars {
		if i > 0 {
			words.y += nodeGap
		}
		bars[i].y = words.y + (line-nodeHeight)/2
		f.flowWords(words, bars[i], links, left-flowMargin, numbers, func(l Link) string { return bars[at[l.From]].Label })
	}
	c := &canvas{links: words.links, y: words.y}
	for _, n := range bars {
		fmt.Fprintf(c, "<path d=\"M%s %sH%s\" class=\"chart-grid\" fill=\"none\" stroke=\"%s\"/>\n", num(left), num(n.y+nodeHeight/2), num(f.width()), colourLine)
	}
	for i := range bars {
		from := &bars[i]
		for _, l := range from.out {
			to := &bars[at[links[l].To]]
			width := wide(links[l].Value, scale)
			if width > 0 && to.y > from.y {
				f.band(c, links[l], [2]float64{left + from.x + from.from, from.y + nodeHeight}, [2]float64{left + to.x + to.to, to.y}, width)
				to.to += width
			}
			from.from += width
		}
	}
	for _, n := range bars {
		if n.Rest {
			c.rect(left+n.x, n.y, n.width, nodeHeight, "chart-rest", colourRest)
		} else {
			c.rect(left+n.x, n.y, n.width, nodeHeight, "chart-value", colourValue)
		}
	}
	c.WriteString(words.String())
	return f.finish("sankey", c)
}

// flowWords writes what a node is, its number, and the numbers of the links to it that are not the same.
func (f Frame) flowWords(c *canvas, n flowBar, links []Link, width, numbers float64, whence func(Link) string) {
	end := c.open(n.Href, "chart-row")
	c.text(width, c.y+line-4, boldRight, f.number(n.Value))
	c.label(0, width-numbers, n.Label)
	c.WriteString(end)
	came := slices.DeleteFunc(slices.Clone(n.in), func(l int) bool { return links[l].Value == 0 })
	if len(came) == 1 && links[came[0]].Value == n.Value {
		return
	}
	for _, l := range came {
		end := c.open(links[l].Href, "chart-row chart-branch")
		c.text(width, c.y+line-4, softRight, f.number(links[l].Value))
		for _, part := range wrap("← "+whence(links[l]), int((width-numbers)/(smallSize*meanWidth))) {
			c.y += line
			c.text(0, c.y-4, softSmall, part)
		}
		c.WriteString(end)
	}
}

// band draws a link from below one bar to above another, both places its left edge.
func (f Frame) band(c *canvas, l Link, from, to [2]float64, width float64) {
	end := c.open(l.Href, "chart-flow")
	fmt.Fprintf(c, "<title>%s</title>\n", escape(l.Label+": "+f.number(l.Value)))
	middle := num((from[1] + to[1]) / 2)
	fmt.Fprintf(c, "<path d=\"M%s %sC%s %s %s %s %s %sH%sC%s %s %s %s %s %sZ\" class=\"chart-band\" fill=\"%s\" stroke=\"%s\" stroke-width=\"0.5\"/>\n",
		num(from[0]), num(from[1]), num(from[0]), middle, num(to[0]), middle, num(to[0]), num(to[1]),
		num(to[0]+width), num(to[0]+width), middle, num(from[0]+width), middle, num(from[0]+width), num(from[1]), flowColour, colourOn)
	c.WriteString(end)
}

// flows gives each node its links and its place from left to right: below
// where its cases come from, so that bands cross as little as may be. The scale
// is how much of the drawing one case takes.
func flows(nodes []Node, links []Link, area float64) (bars []flowBar, scale float64) {
	for _, n := range nodes {
		bars = append(bars, flowBar{Node: n})
	}
	at := nodePlaces(bars)
	whole := 0 // side by side: what comes from nowhere, and what goes on from it
	for i, l := range links {
		from, ok1 := at[l.From]
		to, ok2 := at[l.To]
		if ok1 && ok2 {
			bars[from].out, bars[to].in = append(bars[from].out, i), append(bars[to].in, i)
		}
	}
	for _, n := range bars {
		in, out := 0, 0
		for _, l := range n.in {
			in += max(links[l].Value, 0)
		}
		for _, l := range n.out {
			out += max(links[l].Value, 0)
		}
		if widest := max(n.Value, in, out); len(n.in) == 0 {
			whole += max(widest, 0)
		} else {
			whole = max(whole, widest)
		}
	}
	if whole > 0 {
		scale = area / float64(whole)
	}
	roots := 0.0
	begin := make([]float64, len(links)) // the left edge of each link
	for i := range bars {
		n := &bars[i]
		n.width = wide(n.Value, scale)
		if len(n.in) == 0 {
			n.x = roots
			roots += n.width
		} else {
			n.x = area
			for _, l := range n.in {
				n.x = min(n.x, begin[l])
			}
		}
		n.x = max(0, min(n.x, area-n.width))
		x := n.x
		for _, l := range n.out {
			begin[l] = x
			x += wide(links[l].Value, scale)
		}
	}
	return bars, scale
}

// nodePlaces says where each node stands.
func nodePlaces(bars []flowBar) map[string]int {
	at := map[string]int{}
	for i, n := range bars {
		if _, taken := at[n.ID]; !taken {
			at[n.ID] = i
		}
	}
	return at
}

// wide is the width of a number of cases.
func wide(value int, scale float64) float64 {
	if value <= 0 || scale == 0 {
		return 0
	}
	return max(hairline, float64(value)*scale)
}

// SankeyTable returns the numbers of the nodes and, under each, of the links to
// it. The head names where cases came to, where from, and how many.
func SankeyTable(f Frame, head [3]string, nodes []Node, links []Link) Table {
	t := Table{Caption: f.Title, Head: head[:]}
	bars, _ := flows(nodes, links, 0)
	at := nodePlaces(bars)
	for _, n := range bars {
		t.Rows = append(t.Rows, []string{n.Label, "", f.number(n.Value)})
		for _, l := range n.in {
			t.Rows = append(t.Rows, []string{n.Label, bars[at[links[l].From]].Label, f.number(links[l].Value)})
		}
	}
	return t
}
