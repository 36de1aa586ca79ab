// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
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
	mu      sync.Mutex // guards of
	of      map[int64]*sheet
}

// sheet is the units of a scope at one head of the ledger. It does not change.
type sheet struct {
	head  Head
	pages [][][]byte // by the number of the unit's first stream: see compact; nil: none
}

// sheetPage is how many units lie on a page, which a write copies.
const sheetPage = 1024

// counted names a unit that is true now: no two of a scope share a case.
type counted struct{ scope, stream int64 } // stream: the first of its members

func (s *sheets) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of = nil
}

// kept tells whether there is any.
func (s *sheets) kept() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.of) > 0
}

// at answers the sheet of a scope at a head, if there is one.
func (s *sheets) at(scope int64, head Head) *sheet {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.of[scope]; found != nil && found.head == head {
		return found
	}
	return nil
}

// follow takes the sheets from one head to the next: units are those that
// changed, an empty one is no more; nil: nobody took note, and they are made anew when they are asked for.
func (s *sheets) follow(from, to Head, units map[counted][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := map[int64]*sheet{}
	for scope, old := range s.of {
		if units != nil && old.head == from {
			next[scope] = &sheet{to, slices.Clone(old.pages)}
		}
	}
	own := map[[2]int64]bool{} // pages that are copied
	for u, body := range units {
		sh := next[u.scope]
		if sh == nil {
			continue
		}
		at := [2]int64{u.scope, u.stream / sheetPage}
		for int64(len(sh.pages)) <= at[1] {
			sh.pages = append(sh.pages, nil)
		}
		if !own[at] {
			page := make([][]byte, sheetPage)
			copy(page, sh.pages[at[1]])
			sh.pages[at[1]], own[at] = page, true
		}
		if len(body) == 0 {
			body = nil
		}
		sh.pages[at[1]][u.stream%sheetPage] = body
	}
	s.of = next
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
	made := &sheet{head: list.head, pages: make([][][]byte, len(list.ids)/sheetPage+1)}
	var block []byte // many small ones in one
	err := c.Run(`SELECT (SELECT min(m.stream) FROM member m WHERE m.v = u.v), u.spans, u.cells FROM unit u WHERE u.scope = ? AND u.kto = ?`, func(s *sqlite3.Stmt) error {
		stream := s.ColumnInt64(0)
		if stream <= 0 || stream >= int64(len(list.ids)) {
			return errDamaged
		}
		if cap(block)-len(block) < 1<<12 {
			block = make([]byte, 0, 1<<18)
		}
		from := len(block)
		var err error
		if block, err = ix.compact(block, s.ColumnRawBlob(1), s.ColumnRawBlob(2)); err != nil {
			return err
		}
		page := &made.pages[stream/sheetPage]
		if *page == nil {
			*page = make([][]byte, sheetPage)
			err = ctx.Err()
		}
		(*page)[stream%sheetPage] = block[from:len(block):len(block)]
		return err
	}, scope, forever)
	if err != nil {
		return nil, err
	}
	ix.sheets.mu.Lock()
	defer ix.sheets.mu.Unlock()
	if ix.sheets.of == nil {
		ix.sheets.of = map[int64]*sheet{}
	} else {
		ix.sheets.of = maps.Clone(ix.sheets.of)
	}
	ix.sheets.of[scope] = made
	return made, nil
}

// The close form of a unit: four numbers (how many spans without an end, spans
// with one, cells without, cells with), then these in that order, each a key
// (the rule's number, or the cell's in cellCodes), its first day and, where it has
// an end, the day that is no more of it; little endian, of two bytes, four and four.
const (
	unitHead = 4 * 2
	openSize = 2 + 4
	endsSize = 2 + 4 + 4
)

// compact appends a unit in the close form.
func (ix *Index) compact(b, spans, cells []byte) ([]byte, error) {
	start := len(b)
	b = append(b, make([]byte, unitHead)...)
	var ends [256]byte
	counts := [4]int{}
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
