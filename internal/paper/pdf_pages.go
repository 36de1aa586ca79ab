// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

// sheet is a page of paper: boxes from the top, notes from the bottom.
type sheet struct {
	boxes []at
	notes []at
	rule  float64 // the line above the notes, from the top margin; 0: there are none
}

// at is a box at its place from the top margin; above is the space before it.
type at struct {
	box
	y, above float64
}

// pager divides boxes among pages.
type pager struct {
	note   func(number int) []box // the lines of a note and of those it refers to
	sheets []sheet
	used   float64 // of the page under way, by the text
	foot   []box   // the notes of the page under way
	over   []box   // lines of notes that the page before had no room for
}

// Heights of what stands between the text and its notes, and how much of a page
// the notes may take when they can't stay with their text.
const (
	noteRule = 16.0
	noteMost = column * 0.6
)

func height(boxes []box) (total float64) {
	for _, b := range boxes {
		total += b.height
	}
	return total
}

// footed is the height of notes with the line above them.
func footed(notes []box) float64 {
	if len(notes) == 0 {
		return 0
	}
	return height(notes) + noteRule
}

// finish puts the notes of the page under way at its foot.
func (p *pager) finish() {
	if len(p.sheets) == 0 {
		return
	}
	s := &p.sheets[len(p.sheets)-1]
	if len(p.foot) == 0 {
		return
	}
	y := column - height(p.foot)
	s.rule = y - noteRule/2
	for _, b := range p.foot {
		s.notes = append(s.notes, at{box: b, y: y})
		y += b.height
	}
	p.foot = nil
}

// empty tells whether the page under way has nothing yet, not even notes of the page before.
func (p *pager) empty() bool { return p.bare() && len(p.foot) == 0 }

// bare tells whether the page under way has no text yet.
func (p *pager) bare() bool { return len(p.sheets[len(p.sheets)-1].boxes) == 0 }

// turn begins a page with what the page before had no room for.
func (p *pager) turn() {
	p.finish()
	p.sheets = append(p.sheets, sheet{})
	p.used = 0
	p.take(nil)
}

// take adds notes to the page under way; what it has no room for goes to the next.
func (p *pager) take(notes []box) {
	p.over = append(p.over, notes...)
	for len(p.over) > 0 {
		next := footed(append(append([]box{}, p.foot...), p.over[0]))
		if p.used+next > column || p.used == 0 && len(p.foot) > 0 && next > noteMost {
			return
		}
		p.foot, p.over = append(p.foot, p.over[0]), p.over[1:]
	}
}

// pages divides boxes among pages. Boxes that keep each other stand on one page
// where they can; what has notes stands with them where it can.
func (p *pager) pages(boxes []box) []sheet {
	p.turn()
	wanted := false // a new page, once there is something to stand on it
	for i := 0; i < len(boxes); {
		if boxes[i].fresh {
			wanted = !p.bare()
			i++
			continue
		}
		end := i + 1
		for end < len(boxes) && boxes[end-1].keep && !boxes[end].fresh {
			end++
		}
		group := boxes[i:end]
		if wanted || !p.room(group) && !p.empty() {
			p.turn()
			wanted = false
		}
		if p.room(group) {
			p.place(group)
		} else { // taller than a page
			for j := range group {
				if !p.room(group[j:j+1]) && !p.empty() {
					p.turn()
				}
				p.place(group[j : j+1])
			}
		}
		i = end
	}
	for len(p.over) > 0 {
		p.turn()
	}
	p.finish()
	return p.sheets
}

// fits tells whether boxes and their notes have room on the page under way.
func (p *pager) fits(group []box) bool {
	tall, notes := 0.0, append([]box{}, p.foot...)
	for i, b := range group {
		if i == 0 && p.bare() {
			tall += height(b.head)
		} else {
			tall += b.before
		}
		tall += b.height
		for _, n := range b.notes {
			if len(p.over) == 0 { // else they wait for the next page behind those
				notes = append(notes, p.note(n)...)
			}
		}
	}
	return p.used+tall+footed(notes) <= column
}

// room tells whether boxes may stand on the page under way: with their notes or,
// on a page that has no text yet, with as much of them as it has room for.
func (p *pager) room(group []box) bool {
	return p.fits(group) || p.bare() && p.fits(bareOf(group))
}

// bareOf are boxes without their notes.
func bareOf(group []box) []box {
	out := append([]box{}, group...)
	for i := range out {
		out[i].notes = nil
	}
	return out
}

// place puts boxes on the page under way.
func (p *pager) place(group []box) {
	for _, b := range group {
		s := &p.sheets[len(p.sheets)-1]
		above := b.before
		if len(s.boxes) == 0 {
			above = 0
			for _, h := range b.head {
				s.boxes = append(s.boxes, at{box: h, y: p.used})
				p.used += h.height
			}
		}
		p.used += above
		s.boxes = append(s.boxes, at{box: b, y: p.used, above: above})
		p.used += b.height
	}
	for _, b := range group { // the notes get what room the text leaves
		for _, n := range b.notes {
			p.take(p.note(n))
		}
	}
}
