// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"runtime"

	"github.com/ncruces/go-sqlite3"
	"golang.org/x/sync/errgroup"

	"github.com/kua-registry/kua/internal/edtf"
)

// A list of a million cases is not read row by row when the index is opened: it
// is kept as pages, too, each the packed rows of a thousand streams, which are
// read in one go. What was written since is noted (the table since) and read
// from its rows; pages are written anew when the index is closed, and when many
// of their rows are others now.

// pageStreams is how many streams lie on a page.
const pageStreams = 1024

// maxNoted is how many streams may be noted when an index is opened before pages are written anew.
const maxNoted = 4096

// A page: the values of facets that it names, each its facet and itself; how
// many streams it has; then each: a tag; its id, 16 bytes or, with a length
// before it, a text; of a row its numbers and what is packed, with codes by
// their places in this page; of another kind than a case the kind and what it
// decides.
const (
	tagRow     = 1 << iota // it is a case that is live
	tagOutside             // it is no case
	tagText                // its id is not 32 hex digits
)

// paging writes pages.
type paging struct {
	codes     []facetCode
	places    map[code]int // of codes in this page
	dict      []byte
	buf, part []byte
}

func (p *paging) place(c code) uint64 {
	at, ok := p.places[c]
	if !ok {
		at = len(p.places)
		p.places[c] = at
		p.dict = binary.AppendUvarint(p.dict, uint64(p.codes[c].facet))
		p.dict = appendPart(p.dict, []byte(p.codes[c].code))
	}
	return uint64(at)
}

// page writes the streams from one number to before another.
func (p *paging) page(list *listing, st *state, from, to int64) []byte {
	p.places, p.dict, p.buf = map[code]int{}, p.dict[:0], p.buf[:0]
	for no := from; no < to; no++ {
		p.stream(list, st, no)
	}
	b := binary.AppendUvarint(nil, uint64(len(p.places)))
	b = append(b, p.dict...)
	b = binary.AppendUvarint(b, uint64(to-from))
	return append(b, p.buf...)
}

func (p *paging) stream(list *listing, st *state, no int64) {
	id, l, kind := list.ids[no], list.rows[no], st.kindOf(no)
	tag := byte(0)
	raw, err := hex.DecodeString(id)
	asText := err != nil || len(raw) != 16 || hex.EncodeToString(raw) != id
	if asText {
		tag |= tagText
	}
	if l != nil {
		tag |= tagRow
	}
	if kind != kindCase {
		tag |= tagOutside
	}
	p.buf = append(p.buf, tag)
	if asText {
		p.buf = appendPart(p.buf, []byte(id))
	} else {
		p.buf = append(p.buf, raw...)
	}
	if kind != kindCase {
		m := st.matches[id]
		for _, text := range [...]string{kind, m.a, m.b} {
			p.buf = appendPart(p.buf, []byte(text))
		}
	}
	if l == nil {
		return
	}
	b := p.buf
	for _, n := range [...]int64{l.v, l.from, l.updated, l.cluster, int64(l.reported), int64(l.incidentDay), int64(p.place(l.org)), int64(l.flags)} {
		b = binary.AppendVarint(b, n)
	}
	p.part = p.part[:0]
	for c := range l.codes {
		p.part = binary.AppendUvarint(p.part, p.place(c))
	}
	b = appendPart(b, p.part)
	p.part = p.part[:0]
	for s := range l.stages {
		p.part = binary.AppendVarint(p.part, int64(s.from))
		p.part = binary.AppendVarint(p.part, int64(s.since))
		p.part = binary.AppendUvarint(p.part, p.place(s.code))
	}
	b = appendPart(b, p.part)
	for part := partStands; part < partTexts+allTexts; part++ {
		b = appendPart(b, []byte(l.packed.part(part)))
	}
	p.buf = b
}

// paged is what a page says.
type paged struct {
	ids     []string
	rows    []*listed
	kinds   map[int64]string // of what is no case
	matches map[int64]match
	since   []int64 // streams that pages do not have as they are now
	behind  int     // how many streams are to be written to pages
}

// readPage reads the page whose first stream is from.
func (ix *Index) readPage(body []byte, from int64) (p paged, err error) {
	r := &reader{b: body}
	var codes []code
	for range r.uvarint() {
		facet := r.uvarint()
		value := r.part()
		if r.damaged || facet >= uint64(facetRest+len(ix.facets)) {
			return p, errDamaged
		}
		codes = append(codes, ix.codes.of(int(facet), string(value)))
	}
	coded := func() (c code) {
		if no := r.uvarint(); no < uint64(len(codes)) {
			return codes[no]
		}
		r.damaged = true
		return 0
	}
	n := r.uvarint()
	if r.damaged || n > pageStreams {
		return p, errDamaged
	}
	p = paged{make([]string, n), make([]*listed, n), map[int64]string{}, map[int64]match{}, nil, 0}
	var buf, part []byte
	ids := make([]byte, 0, 32*n)
	at := make([]int, 0, n+1)
	for i := range int(n) {
		no := from + int64(i)
		tag := r.bytes(1)
		if r.damaged {
			return p, errDamaged
		}
		at = append(at, len(ids))
		if tag[0]&tagText != 0 {
			ids = append(ids, r.part()...)
		} else {
			ids = hex.AppendEncode(ids, r.bytes(16))
		}
		if tag[0]&tagOutside != 0 {
			p.kinds[no] = string(r.part())
			if m := (match{string(r.part()), string(r.part())}); m.a != "" {
				p.matches[no] = m
			}
		}
		if tag[0]&tagRow == 0 {
			continue
		}
		l := &listed{stream: no}
		l.v, l.from, l.updated, l.cluster = r.varint(), r.varint(), r.varint(), r.varint()
		l.reported, l.incidentDay = edtf.Day(r.varint()), edtf.Day(r.varint())
		if org := r.varint(); org >= 0 && org < int64(len(codes)) {
			l.org = codes[org]
		} else {
			r.damaged = true
		}
		l.flags = flags(r.varint())
		part = part[:0]
		whole := r
		r = &reader{b: whole.part()}
		for len(r.b) > 0 {
			part = binary.AppendUvarint(part, uint64(coded()))
		}
		buf, part = appendPart(buf[:0], part), part[:0]
		whole.damaged = whole.damaged || r.damaged
		r = &reader{b: whole.part()}
		for len(r.b) > 0 {
			part = binary.AppendVarint(part, r.varint())
			part = binary.AppendVarint(part, r.varint())
			part = binary.AppendUvarint(part, uint64(coded()))
		}
		buf = appendPart(buf, part)
		whole.damaged = whole.damaged || r.damaged
		r = whole
		stands, terms := r.part(), r.part()
		if r.damaged || ix.checkStandings(stands) != nil || ix.checkTerms(terms) != nil {
			return p, errDamaged
		}
		buf = appendPart(appendPart(buf, stands), terms)
		for range allTexts {
			buf = appendPart(buf, r.part())
		}
		l.packed = packed(buf)
		p.rows[i] = l
	}
	if r.damaged || len(r.b) > 0 {
		return p, errDamaged
	}
	all := string(ids) // all of a page are one text
	at = append(at, len(all))
	for i := range p.ids {
		if p.ids[i] = all[at[i]:at[i+1]]; p.rows[i] != nil {
			p.rows[i].id = p.ids[i]
		}
	}
	return p, nil
}

// readPages reads the list as the pages have it; nothing where there are none.
func (ix *Index) readPages(c *conn) (p paged, err error) {
	var pages []paged
	var work errgroup.Group
	work.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	var into []*paged
	err = c.Run(`SELECT no, streams, body FROM page ORDER BY no`, func(s *sqlite3.Stmt) error {
		no := s.ColumnInt64(0)
		if no != int64(len(into)) {
			return errDamaged
		}
		body, made := s.ColumnBlob(2, nil), new(paged)
		into = append(into, made)
		work.Go(func() (err error) {
			*made, err = ix.readPage(body, no*pageStreams)
			return err
		})
		return nil
	})
	if other := work.Wait(); err == nil {
		err = other
	}
	if err != nil {
		return p, err
	}
	p.kinds, p.matches = map[int64]string{}, map[int64]match{}
	for _, made := range into {
		pages = append(pages, *made)
	}
	p.ids, p.rows = make([]string, 0, len(pages)*pageStreams), make([]*listed, 0, len(pages)*pageStreams)
	for i, page := range pages {
		if i < len(pages)-1 && len(page.ids) != pageStreams {
			return p, errDamaged
		}
		p.ids, p.rows = append(p.ids, page.ids...), append(p.rows, page.rows...)
		for no, kind := range page.kinds {
			p.kinds[no] = kind
		}
		for no, m := range page.matches {
			p.matches[no] = m
		}
	}
	for _, l := range p.rows {
		if l != nil && (l.cluster < 0 || l.cluster >= int64(len(p.ids))) {
			return p, errDamaged
		}
	}
	return p, nil
}

// note notes streams that pages do not have as they are now.
func note(c *conn, streams map[int64]bool) error {
	for no := range streams {
		if err := c.Run(`INSERT OR IGNORE INTO since(stream) VALUES(?)`, nil, no); err != nil {
			return err
		}
	}
	return nil
}

// noted are the streams that pages do not have as they are now.
func noted(c *conn) (streams []int64, err error) {
	err = c.Run(`SELECT stream FROM since ORDER BY stream`, func(s *sqlite3.Stmt) error {
		streams = append(streams, s.ColumnInt64(0))
		return nil
	})
	return streams, err
}

// keepPages writes the pages anew that are not as the list is. The lock of the
// writer must be held.
func (ix *Index) keepPages(ctx context.Context) error {
	list := ix.list.Load()
	err := ix.write(ctx, func(c *conn) error {
		head, _, _, _, err := getHead(c)
		if err != nil || head != list.head { // another process writes, and keeps them
			return err
		}
		streams := int64(len(list.ids))
		stale := make([]bool, (streams+pageStreams-1)/pageStreams)
		for i := range stale {
			stale[i] = true
		}
		end := func(page int64) int64 { return min(streams, (page+1)*pageStreams) }
		err = c.Run(`SELECT no, streams FROM page`, func(s *sqlite3.Stmt) error {
			if no := s.ColumnInt64(0); no < int64(len(stale)) {
				stale[no] = s.ColumnInt64(1) != end(no)-no*pageStreams
			}
			return nil
		})
		if err != nil {
			return err
		}
		since, err := noted(c)
		if err != nil {
			return err
		}
		for _, no := range since {
			if no < streams {
				stale[no/pageStreams] = true
			}
		}
		p := &paging{codes: ix.codes.all()}
		for no := range int64(len(stale)) {
			if !stale[no] {
				continue
			}
			body := p.page(list, ix.state, no*pageStreams, end(no))
			if err := c.Run(`INSERT OR REPLACE INTO page(no, streams, body) VALUES(?, ?, ?)`, nil, no, end(no)-no*pageStreams, body); err != nil {
				return err
			}
		}
		return c.Exec(`DELETE FROM since`)
	})
	if errors.Is(err, sqlite3.BUSY) { // another process writes: the list is as well read without its pages
		return nil
	}
	if err == nil {
		ix.behind = 0
	}
	return err
}
