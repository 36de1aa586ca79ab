// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"sync"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/edtf"
)

// What is broken down and timed is added up unit by unit. For what is true now
// the units of a scope that was asked about are kept in memory in a close form,
// some 200 bytes each: a million are added up in a fraction of a second, and a
// write replaces those it changed and no other (docs/adr/0017).

// sheets are the units that are true now, of the scopes that were asked about.
type sheets struct {
	loading sync.Mutex // held while one is made, so that it is made once

	mu     sync.Mutex // guards what follows
	of     map[int64][]*sheet
	making bool       // what is written meanwhile is noted
	since  []followed // that, in its order
}

// sheet is the units of a scope at one head of the ledger. It does not change.
type sheet struct {
	head  Head
	pages [][][]byte // by the number of the unit's first stream: see compact; nil: none
}

// followed is what a write changed of what is true now.
type followed struct {
	from, to Head
	units    map[counted][]byte // an empty one is no more
}

// sheetPage is how many units lie on a page, which a write copies.
const sheetPage = 1024

// sheetHeads is at how many heads, up to the last, the units of a scope are
// kept: who began to read before the last writes finds theirs. They share all
// pages but those that were copied.
const sheetHeads = 64

// counted names a unit that is true now: no two of a scope share a case.
type counted struct{ scope, stream int64 } // stream: the first of its members

func (s *sheets) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of, s.making, s.since = nil, false, nil
}

// kept tells whether there is any, or will be.
func (s *sheets) kept() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.of) > 0 || s.making
}

// at answers the sheet of a scope at a head, if there is one.
func (s *sheets) at(scope int64, head Head) *sheet {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, found := range slices.Backward(s.of[scope]) {
		if found.head == head {
			return found
		}
	}
	return nil
}

// begin says that a sheet is being made. It takes long where there are many
// cases, and is no use where others write if it is not taken to their heads.
func (s *sheets) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.making, s.since = true, nil
}

// done keeps what was made since begin, with what was written meanwhile; nil:
// nothing was made.
func (s *sheets) done(scope int64, sh *sheet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	since, making := s.since, s.making
	s.making, s.since = false, nil
	if sh == nil || !making { // it was said meanwhile that all is to be forgotten
		return
	}
	if len(s.of[scope]) > 0 { // who made it began to read before those were
		return
	}
	heads := []*sheet{sh}
	for _, ch := range since {
		if last := heads[len(heads)-1]; ch.units != nil && ch.from == last.head {
			heads = append(heads, last.next(scope, ch))
		}
	}
	if len(since) > 0 && heads[len(heads)-1].head != since[len(since)-1].to { // not all was noted
		return
	}
	if s.of == nil {
		s.of = map[int64][]*sheet{}
	}
	s.of[scope] = heads[max(0, len(heads)-sheetHeads):]
}

// follow takes the sheets from one head to the next: units are those that
// changed, an empty one is no more; nil: nobody took note, and they are made anew when they are asked for.
func (s *sheets) follow(from, to Head, units map[counted][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := followed{from, to, units}
	if s.making {
		s.since = append(s.since, ch)
	}
	for scope, heads := range s.of {
		last := heads[len(heads)-1]
		if units == nil || last.head != from {
			delete(s.of, scope)
			continue
		}
		if len(heads) == sheetHeads {
			heads = slices.Clone(heads[1:])
		}
		s.of[scope] = append(heads, last.next(scope, ch))
	}
}

// next is the sheet after a change.
func (sh *sheet) next(scope int64, ch followed) *sheet {
	next := &sheet{ch.to, slices.Clone(sh.pages)}
	own := map[int64]bool{} // pages that are copied
	for u, body := range ch.units {
		if u.scope != scope {
			continue
		}
		at := u.stream / sheetPage
		for int64(len(next.pages)) <= at {
			next.pages = append(next.pages, nil)
		}
		if !own[at] {
			page := make([][]byte, sheetPage)
			copy(page, next.pages[at])
			next.pages[at], own[at] = page, true
		}
		if len(body) == 0 {
			body = nil
		}
		next.pages[at][u.stream%sheetPage] = body
	}
	return next
}

// sheet answers the units of a scope that are true at the head of a list.
func (ix *Index) sheet(ctx context.Context, c *conn, list *listing, scope int64) (*sheet, error) {
	if found := ix.sheets.at(scope, list.head); found != nil {
		return found, nil
	}
	ix.sheets.loading.Lock()
	defer ix.sheets.loading.Unlock()
	if found := ix.sheets.at(scope, list.head); found != nil {
		return found, nil
	}
	ix.sheets.begin()
	made, err := ix.makeSheet(ctx, c, list, scope)
	ix.sheets.done(scope, made)
	return made, err
}

// makeSheet reads the units of a scope; nil where it fails.
func (ix *Index) makeSheet(ctx context.Context, c *conn, list *listing, scope int64) (*sheet, error) {
	made := &sheet{head: list.head, pages: make([][][]byte, len(list.ids)/sheetPage+1)}
	var block []byte // many small ones in one
	err := ix.unitsAt(ctx, c, scope, forever-1, func(stream int64, unit []byte) error {
		if stream <= 0 || stream >= int64(len(list.ids)) {
			return errDamaged
		}
		if cap(block)-len(block) < len(unit) {
			block = make([]byte, 0, max(1<<18, len(unit)))
		}
		from := len(block)
		block = append(block, unit...)
		page := &made.pages[stream/sheetPage]
		if *page == nil {
			*page = make([][]byte, sheetPage)
		}
		(*page)[stream%sheetPage] = block[from:len(block):len(block)]
		return nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// The close form of a unit: five numbers (how many spans without an end, spans
// with one, cells without, cells with, further members), then these in that
// order; spans and cells each a key (the rule's number, or the cell's in
// cellCodes), the first day and, where there is an end, the day that is no more
// of it; members the numbers of their streams, but for the first one's. Little
// endian; keys and numbers of two bytes, the others of four.
const (
	unitHead   = 5 * 2
	openSize   = 2 + 4
	endsSize   = 2 + 4 + 4
	memberSize = 4
)

// parts are the parts of a unit in the close form, in their order.
func parts(unit []byte) (p [5][]byte) {
	rest := unit[unitHead:]
	for i, size := range [5]int{openSize, endsSize, openSize, endsSize, memberSize} {
		n := size * int(binary.LittleEndian.Uint16(unit[2*i:]))
		p[i], rest = rest[:n:n], rest[n:]
	}
	return p
}

// eachOn hands over the keys of spans or cells that hold on a day.
func eachOn(open, ends []byte, day edtf.Day, f func(key uint16)) {
	for ; len(open) >= openSize; open = open[openSize:] {
		if edtf.Day(binary.LittleEndian.Uint32(open[2:])) <= day {
			f(binary.LittleEndian.Uint16(open))
		}
	}
	for ; len(ends) >= endsSize; ends = ends[endsSize:] {
		if edtf.Day(binary.LittleEndian.Uint32(ends[2:])) <= day && day < edtf.Day(binary.LittleEndian.Uint32(ends[6:])) {
			f(binary.LittleEndian.Uint16(ends))
		}
	}
}

// holdsOn tells whether a rule holds for a unit on a day.
func holdsOn(unit []byte, rule int64, day edtf.Day) (holds bool) {
	p := parts(unit)
	eachOn(p[0], p[1], day, func(key uint16) { holds = holds || int64(key) == rule })
	return holds
}

// eachMember hands over the streams of a unit's cases.
func eachMember(first int64, unit []byte, f func(stream int64)) {
	f(first)
	for others := parts(unit)[4]; len(others) >= memberSize; others = others[memberSize:] {
		f(int64(binary.LittleEndian.Uint32(others)))
	}
}

// eachUnit hands over the units of a scope that are true at a known time, each
// with the stream of its first case: what is true now from memory. The bytes
// are good until the next one.
func (ix *Index) eachUnit(ctx context.Context, c *conn, list *listing, scope, known int64, f func(stream int64, unit []byte) error) error {
	if known <= list.latest {
		return ix.unitsAt(ctx, c, scope, known, f)
	}
	sh, err := ix.sheet(ctx, c, list, scope)
	if err != nil {
		return err
	}
	for i, page := range sh.pages {
		for j, unit := range page {
			if unit != nil {
				if err := f(int64(i*sheetPage+j), unit); err != nil {
					return err
				}
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// unitsAt hands over the units of a scope as known at a moment, read from the tables.
func (ix *Index) unitsAt(ctx context.Context, c *conn, scope, known int64, f func(stream int64, unit []byte) error) error {
	var v, first int64
	var spans, cells, unit []byte
	var others []int64
	n := 0
	hand := func() (err error) {
		if v == 0 {
			return nil
		}
		if unit, err = ix.compact(unit[:0], spans, cells, others); err != nil {
			return err
		}
		if n++; n%sheetPage == 0 {
			err = ctx.Err()
		}
		return errors.Join(err, f(first, unit))
	}
	// The members of a unit come one after the other, in their order.
	err := c.Run(`SELECT u.v, m.stream, u.spans, u.cells FROM unit u CROSS JOIN member m ON m.v = u.v WHERE u.scope = ? AND u.kto > ? AND u.kfrom <= ?`, func(s *sqlite3.Stmt) error {
		if next := s.ColumnInt64(0); next == v {
			others = append(others, s.ColumnInt64(1))
			return nil
		}
		if err := hand(); err != nil {
			return err
		}
		v, first, others = s.ColumnInt64(0), s.ColumnInt64(1), others[:0]
		spans, cells = s.ColumnBlob(2, spans[:0]), s.ColumnBlob(3, cells[:0])
		return nil
	}, scope, known, known)
	return errors.Join(err, hand())
}

// compact appends a unit in the close form; members are those after the first.
func (ix *Index) compact(b, spans, cells []byte, members []int64) ([]byte, error) {
	start := len(b)
	b = append(b, make([]byte, unitHead)...)
	var ends [256]byte
	counts := [5]int{}
	half := func(of int, each func(add func(key uint64, from, to edtf.Day) error) error) error {
		last := ends[:0]
		err := each(func(key uint64, from, to edtf.Day) error {
			if key > math.MaxUint16 {
				return errors.New("there are more codes than a breakdown can tell apart")
			}
			if to == edtf.MaxDay {
				b = binary.LittleEndian.AppendUint16(b, uint16(key))
				b = binary.LittleEndian.AppendUint32(b, uint32(from))
				counts[of]++
				return nil
			}
			last = binary.LittleEndian.AppendUint16(last, uint16(key))
			last = binary.LittleEndian.AppendUint32(last, uint32(from))
			last = binary.LittleEndian.AppendUint32(last, uint32(to))
			counts[of+1]++
			return nil
		})
		b = append(b, last...)
		return err
	}
	err := half(0, func(add func(uint64, edtf.Day, edtf.Day) error) error {
		return eachSpan(spans, func(rule int64, from, to edtf.Day) error { return add(uint64(rule), from, to) })
	})
	if err != nil {
		return nil, err
	}
	err = half(2, func(add func(uint64, edtf.Day, edtf.Day) error) error {
		return ix.eachCell(cells, func(facet int, code string, from, to edtf.Day) error {
			return add(uint64(ix.cellCodes.of(facet, code)), from, to)
		})
	})
	if err != nil {
		return nil, err
	}
	for _, stream := range members {
		if stream > math.MaxUint32 {
			return nil, errDamaged
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(stream))
		counts[4]++
	}
	for i, n := range counts {
		if n > math.MaxUint16 {
			return nil, errDamaged
		}
		binary.LittleEndian.PutUint16(b[start+2*i:], uint16(n))
	}
	return b, nil
}

// encodeCells writes the cells of a file in their order.
func encodeCells(cells []cell) []byte {
	b := []byte{} // not nil: that would be a NULL
	for _, c := range cells {
		b = binary.AppendUvarint(b, uint64(c.facet))
		b = binary.AppendUvarint(b, uint64(len(c.code)))
		b = append(b, c.code...)
		b = binary.AppendVarint(b, int64(c.from))
		b = binary.AppendVarint(b, int64(c.to))
	}
	return b
}

// eachCell decodes cells.
func (ix *Index) eachCell(b []byte, f func(facet int, code string, from, to edtf.Day) error) error {
	for len(b) > 0 {
		facet, n := binary.Uvarint(b)
		if n <= 0 || facet >= uint64(len(ix.broken)) {
			return errDamaged
		}
		size, m := binary.Uvarint(b[n:])
		if m <= 0 || uint64(len(b)-n-m) < size {
			return errDamaged
		}
		code := string(b[n+m : n+m+int(size)])
		b = b[n+m+int(size):]
		from, n := binary.Varint(b)
		if n <= 0 {
			return errDamaged
		}
		to, m := binary.Varint(b[n:])
		if m <= 0 {
			return errDamaged
		}
		b = b[n+m:]
		if err := f(int(facet), code, edtf.Day(from), edtf.Day(to)); err != nil {
			return err
		}
	}
	return nil
}
