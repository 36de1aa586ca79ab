// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

// run is a piece of a line that is set in one way.
type run struct {
	text             string
	strong, emphasis bool
	href             string  // of the link it belongs to, as it was given
	note             int     // the mark of a note, then there is no text
	beside           bool    // the mark stands beside another
	breaks           bool    // a new line, then there is no text
	figure           *Figure // the figure it is
}

// runs lays inlines out flat, one after the other.
func (n *numbering) runs(inlines []Inline) []run { return n.flatten(nil, inlines, run{}) }

func (n *numbering) flatten(out []run, inlines []Inline, like run) []run {
	for _, in := range inlines {
		r := like
		switch in := in.(type) {
		case Plain:
			r.text = clean(string(in))
			if last := len(out) - 1; last >= 0 && joins(out[last], r) {
				out[last].text += r.text
			} else if r.text != "" {
				out = append(out, r)
			}
		case Strong:
			r.strong = true
			out = n.flatten(out, in, r)
		case Emphasis:
			r.emphasis = true
			out = n.flatten(out, in, r)
		case Link:
			r.href = in.Href
			out = n.flatten(out, in.Text, r)
		case Figure:
			r.figure = &in
			if in.Href != "" {
				r.href = in.Href
			}
			r.text = clean(in.Text)
			out = append(out, r)
		case Break:
			out = append(out, run{breaks: true})
		}
		if mark := n.mark(in); mark > 0 {
			beside := len(out) > 0 && out[len(out)-1].note > 0
			out = append(out, run{note: mark, beside: beside, strong: like.strong, emphasis: like.emphasis})
		}
	}
	return out
}

// joins tells whether b is set like a, which stands before it, so that both are one.
func joins(a, b run) bool {
	a.text, b.text = "", ""
	return a == b && a.note == 0 && !a.breaks && a.figure == nil
}
