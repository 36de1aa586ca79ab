// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

// wholeRow is the number of lines up to which a row of a table stays on one page.
const wholeRow = 12

func (l *layout) table(t Table, f frame) {
	first := len(l.boxes)
	if len(t.Caption) > 0 {
		l.paragraph(t.Caption, look{face: bold, size: bodySize, colour: ink}, f, 14, true)
		l.boxes = append(l.boxes, box{height: 3, keep: true})
	} else {
		l.boxes = append(l.boxes, box{height: 8, keep: true})
	}
	widths := l.columns(t, f.width)
	start := len(l.boxes)
	headLook := look{face: bold, size: smallSize, colour: soft}
	for _, row := range t.Head {
		l.row(t, row, headLook, widths, f, nil, colour{})
		for j := range l.boxes[start:] {
			l.boxes[start+j].keep = true
		}
	}
	head := append([]box{}, l.boxes[start:]...)
	if height(head) > column/3 { // so much is said once, and may be broken
		head = []box{}
		for i := start + 2; i < len(l.boxes); i++ {
			l.boxes[i].keep = false
		}
	}
	for i := range head {
		head[i].notes = nil
	}
	cells := look{size: tableSize, colour: ink}
	for i, row := range t.Rows {
		rule := thin
		if i == 0 {
			rule = thick
		}
		begin := len(l.boxes)
		l.row(t, row, cells, widths, f, head, rule)
		if i == 0 { // the head is never alone, nor the last row without the one before it
			l.boxes[len(l.boxes)-1].keep = len(t.Rows) > 1 || len(t.Rest) > 0
		}
		if begin > start && i == len(t.Rows)-1 && i > 0 {
			l.boxes[begin-1].keep = true
		}
	}
	if len(t.Rest) > 0 {
		l.boxes[len(l.boxes)-1].keep = true
		l.row(t, t.Rest, look{size: tableSize, colour: soft}, widths, f, head, thick)
	}
	if len(l.boxes) == first {
		return
	}
	l.source(t.Source, f)
}

// row lays out one row; its lines, across the cells, are boxes.
func (l *layout) row(t Table, row []Cell, look look, widths []float64, f frame, head []box, rule colour) {
	first := len(l.boxes)
	x, column := 0.0, 0
	for _, cell := range row {
		width := -cellPad
		for _, w := range widths[column : column+cell.span()] {
			width += w + cellPad
		}
		for i, line := range l.set(cell.Text, look, width) {
			if first+i == len(l.boxes) {
				l.boxes = append(l.boxes, box{height: look.size * leading})
			}
			at := f.x + x
			switch {
			case cell.span() > 1 && head == nil:
				at += (width - line.width) / 2
			case t.Columns[column].Number:
				at += width - line.width + min(line.marks, cellPad-1) // figures stand beneath figures, marks beside them
			}
			b := &l.boxes[first+i]
			b.text(line, at, look.size*1.08)
			b.notes = append(b.notes, line.notes...)
		}
		x += width + cellPad
		column += cell.span()
	}
	if len(l.boxes) == first { // a row of no cells
		l.boxes = append(l.boxes, box{height: look.size * leading})
	}
	last := len(l.boxes) - 1
	if head == nil { // in the head itself
		l.boxes[last].height += 1.5
	} else {
		l.boxes[last].height += rowPad
	}
	top := &l.boxes[first]
	if head != nil {
		top.height += rowPad
		for i := range top.pieces {
			top.pieces[i].y += rowPad
		}
		top.shapes = append(top.shapes, shape{x: f.x, width: f.width, height: 0.5, fill: rule})
	}
	for i := first; i <= last; i++ {
		b := &l.boxes[i]
		b.head = head
		b.keep = i < last && last-first < wholeRow
		for _, x := range f.bars {
			b.shapes = append(b.shapes, shape{x: x, width: 2, height: b.height, fill: faint})
		}
	}
}

// columns divides the width among the columns of a table: by their weights, or
// as much as their longest line needs, and where that is too much, at least
// their longest word.
func (l *layout) columns(t Table, total float64) []float64 {
	n := len(t.Columns)
	room := max(total-cellPad*float64(n-1), float64(n)*8)
	widest, least := make([]float64, n), make([]float64, n)
	rows := append(append(append([][]Cell{}, t.Head...), t.Rows...), t.Rest)
	for i, row := range rows {
		look := look{size: tableSize}
		if i < len(t.Head) {
			look.face, look.size = bold, smallSize
		}
		column := 0
		for _, cell := range row {
			if cell.span() == 1 {
				line := 0.0
				for _, w := range l.textWords(cell.Text, look) {
					if w.new {
						line = 0
					}
					if w.space && line > 0 {
						line += l.faces.width(" ", look.face, look.size)
					}
					line += w.width
					widest[column] = max(widest[column], line)
					least[column] = max(least[column], min(w.width, room/2))
				}
			}
			column += cell.span()
		}
	}
	weights, weighed := 0.0, true
	for i, c := range t.Columns {
		widest[i] = max(widest[i], 12) + 1 // spaces of another face are wider
		least[i] = max(least[i], 12)
		weights += c.Weight
		weighed = weighed && c.Weight > 0
	}
	out := make([]float64, n)
	switch natural, needed := points(widest), points(least); {
	case weighed:
		for i, c := range t.Columns {
			out[i] = room * c.Weight / weights
		}
	case natural <= room: // what is left goes to the columns of words
		texts := 0
		for _, c := range t.Columns {
			if !c.Number {
				texts++
			}
		}
		for i, c := range t.Columns {
			out[i] = widest[i]
			switch {
			case texts == 0:
				out[i] += (room - natural) / float64(n)
			case !c.Number:
				out[i] += (room - natural) / float64(texts)
			}
		}
	case needed <= room:
		share(out, widest, least, room)
	default:
		for i := range out {
			out[i] = least[i] * room / needed
		}
	}
	return out
}

func points(all []float64) (total float64) {
	for _, x := range all {
		total += x
	}
	return total
}

// share divides what room there is evenly, but gives no column more than its
// longest line nor less than its longest word. The words of all have room, the
// lines of all don't.
func share(out, widest, least []float64, room float64) {
	low, high := 0.0, room
	for range 50 { // halving finds the even width to a fraction of a point
		even := (low + high) / 2
		for i := range out {
			out[i] = min(widest[i], max(least[i], even))
		}
		if points(out) > room {
			high = even
		} else {
			low = even
		}
	}
	for i := range out {
		out[i] = min(widest[i], max(least[i], low))
	}
}
