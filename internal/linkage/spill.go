// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// Scratch is a place for what does not fit into memory: it is written to the
// end and read at any place. Nothing of it is of use after the run.
type Scratch interface {
	io.Writer
	io.ReaderAt
}

// item is what is sorted: a row under a key, or a pair under its weight.
type item struct {
	key  uint64
	a, b uint32
}

func (x item) compare(y item) int {
	return cmp.Or(cmp.Compare(x.key, y.key), cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b))
}

const itemBytes = 16

// sorter sorts items, in memory as long as there are no more than most, then in
// runs that are written out sorted and merged when they are read.
type sorter struct {
	most    int
	open    func() (Scratch, error) // nil: everything stays in memory
	buf     []item
	scratch Scratch
	end     int64
	runs    []span64
	sorted  bool
	total   int
}

type span64 struct{ from, to int64 }

func (s *sorter) add(items ...item) error {
	for len(items) > 0 {
		n := len(items)
		if s.open != nil {
			n = min(n, max(1, s.most-len(s.buf)))
		}
		s.buf = append(s.buf, items[:n]...)
		items = items[n:]
		s.total += n
		s.sorted = false
		if s.open != nil && len(s.buf) >= s.most {
			if err := s.spill(); err != nil {
				return err
			}
		}
	}
	return nil
}

// spill writes a sorted run.
func (s *sorter) spill() error {
	sortItems(s.buf)
	if s.scratch == nil {
		f, err := s.open()
		if err != nil {
			return fmt.Errorf("linkage: what does not fit into memory can't be put on the disk: %w", err)
		}
		s.scratch = f
	}
	run := span64{from: s.end}
	piece := make([]byte, 0, pieceBytes)
	flush := func() error {
		n, err := s.scratch.Write(piece)
		s.end += int64(n)
		piece = piece[:0]
		if err != nil {
			return fmt.Errorf("linkage: what does not fit into memory can't be put on the disk: %w", err)
		}
		return nil
	}
	for _, x := range s.buf {
		piece = binary.LittleEndian.AppendUint64(piece, x.key)
		piece = binary.LittleEndian.AppendUint32(piece, x.a)
		piece = binary.LittleEndian.AppendUint32(piece, x.b)
		if len(piece) == pieceBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(piece) > 0 {
		if err := flush(); err != nil {
			return err
		}
	}
	run.to = s.end
	s.runs = append(s.runs, run)
	s.buf = s.buf[:0]
	return nil
}

const pieceBytes = 64 << 10

// each gives the items in order, as often as it is called.
func (s *sorter) each(give func(item) error) error {
	if !s.sorted {
		sortItems(s.buf)
		s.sorted = true
	}
	if len(s.runs) == 0 {
		for _, x := range s.buf {
			if err := give(x); err != nil {
				return err
			}
		}
		return nil
	}
	sources := []*source{{buf: s.buf}}
	for _, r := range s.runs {
		sources = append(sources, &source{from: s.scratch, at: r.from, to: r.to})
	}
	return mergeSources(sources, give)
}

// source reads one sorted run.
type source struct {
	from   io.ReaderAt
	at, to int64
	raw    []byte
	buf    []item
}

// next makes sure that buf has an item; false at the end.
func (s *source) next() (bool, error) {
	if len(s.buf) > 0 {
		return true, nil
	}
	if s.at == s.to {
		return false, nil
	}
	n := min(pieceBytes, s.to-s.at)
	if s.raw == nil {
		s.raw = make([]byte, pieceBytes)
	}
	if _, err := s.from.ReadAt(s.raw[:n], s.at); err != nil {
		return false, fmt.Errorf("linkage: what was put on the disk can't be read back: %w", err)
	}
	s.at += n
	items := make([]item, 0, n/itemBytes)
	for b := s.raw[:n]; len(b) >= itemBytes; b = b[itemBytes:] {
		items = append(items, item{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])})
	}
	s.buf = items
	return true, nil
}

// mergeSources gives the items of sorted runs in order, by a heap of the runs.
func mergeSources(sources []*source, give func(item) error) error {
	var heap []*source
	for _, s := range sources {
		ok, err := s.next()
		if err != nil {
			return err
		}
		if ok {
			heap = append(heap, s)
		}
	}
	slices.SortFunc(heap, func(x, y *source) int { return x.buf[0].compare(y.buf[0]) })
	for len(heap) > 0 {
		top := heap[0]
		if err := give(top.buf[0]); err != nil {
			return err
		}
		top.buf = top.buf[1:]
		ok, err := top.next()
		if err != nil {
			return err
		}
		if !ok {
			heap[0] = heap[len(heap)-1]
			heap = heap[:len(heap)-1]
		}
		sink(heap)
	}
	return nil
}

// sink moves the first of a heap to its place.
func sink(heap []*source) {
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(heap); c++ {
			if heap[c].buf[0].compare(heap[least].buf[0]) < 0 {
				least = c
			}
		}
		if least == i {
			return
		}
		heap[i], heap[least] = heap[least], heap[i]
		i = least
	}
}

// sortItems sorts by key, byte after byte, and the few of one key by the rest.
func sortItems(items []item) {
	const few = 2048
	if len(items) < few {
		slices.SortFunc(items, item.compare)
		return
	}
	const digits, digitBits = 6, 11
	other := make([]item, len(items))
	from, to := items, other
	for d := range digits {
		shift := d * digitBits
		var count [1 << digitBits]int
		for i := range from {
			count[from[i].key>>shift&(1<<digitBits-1)]++
		}
		if count[from[0].key>>shift&(1<<digitBits-1)] == len(from) {
			continue // all alike in this digit
		}
		at := 0
		for i, n := range count {
			count[i] = at
			at += n
		}
		for i := range from {
			c := &count[from[i].key>>shift&(1<<digitBits-1)]
			to[*c] = from[i]
			*c++
		}
		from, to = to, from
	}
	if &from[0] != &items[0] {
		copy(items, from)
	}
	for start := 0; start < len(items); {
		end := start + 1
		ordered := true
		for ; end < len(items) && items[end].key == items[start].key; end++ {
			ordered = ordered && items[end-1].compare(items[end]) <= 0
		}
		if !ordered {
			slices.SortFunc(items[start:end], item.compare)
		}
		start = end
	}
}
