// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"encoding/binary"
	"iter"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
)

// A list of a million cases has to fit into memory beside all else: what it is
// not sorted by is packed into one string a case, in which numbers take as many
// bytes as they need and codes are numbers, and is read where it lies.

// listed is a version of a row. It does not change.
type listed struct {
	v, from               int64
	stream, cluster       int64
	updated               int64
	id                    string
	packed                packed
	org                   code
	reported, incidentDay edtf.Day
	flags                 flags
}

// flags are what a row says yes or no to.
type flags uint8

const (
	isChild flags = 1 << iota
	isRestricted
	isChanged  // since the verdict
	isInReview // waits for a verdict
	isVerified // the last verdict
	isTasked   // it has a task that is not done
)

func (l *listed) is(f flags) bool { return l.flags&f != 0 }

// packed is four parts, each with its length before it: the numbers of its
// codes; its stages, each the day from which it holds, the day since which it
// is one and the number of its code; its standings and its terms, as the table
// has them. Then come its texts, each with its length before it.
type packed string

const (
	partCodes = iota
	partStages
	partStands
	partTerms
	partTexts
)

const (
	textNumber = iota
	textExternal
	textName
	textSex
	textRegion
	textPlaceType
	textIncident // EDTF
	textReview
	textVerdict
	allTexts
)

func (p packed) uvarint() (v uint64, rest packed) {
	for i, shift := 0, 0; i < len(p); i, shift = i+1, shift+7 {
		if v |= uint64(p[i]&0x7f) << shift; p[i] < 0x80 {
			return v, p[i+1:]
		}
	}
	return 0, ""
}

func (p packed) varint() (int64, packed) {
	v, rest := p.uvarint()
	return int64(v>>1) ^ -int64(v&1), rest
}

func (p packed) day() (edtf.Day, packed) {
	v, rest := p.varint()
	return edtf.Day(v), rest
}

// cut is the first thing that has its length before it.
func (p packed) cut() (first, rest packed) {
	n, rest := p.uvarint()
	return rest[:n], rest[n:]
}

func (p packed) part(n int) packed {
	for range n {
		_, p = p.cut()
	}
	found, _ := p.cut()
	return found
}

func (l *listed) text(n int) string { return string(l.packed.part(partTexts + n)) }

// codes are the values of facets that the case has.
func (l *listed) codes(yield func(code) bool) {
	for p := l.packed.part(partCodes); p != ""; {
		var no uint64
		if no, p = p.uvarint(); !yield(code(no)) {
			return
		}
	}
}

// stageListed is what a case's stage is from a day on.
type stageListed struct {
	from, since edtf.Day
	code        code
}

// stages are what the stage is, in the order of days.
func (l *listed) stages(yield func(stageListed) bool) {
	for p := l.packed.part(partStages); p != ""; {
		var s stageListed
		var no uint64
		s.from, p = p.day()
		s.since, p = p.day()
		no, p = p.uvarint()
		if s.code = code(no); !yield(s) {
			return
		}
	}
}

// stageOn is the stage that holds on a day.
func (l *listed) stageOn(day edtf.Day) (found stageListed) {
	for s := range l.stages {
		if s.from > day {
			break
		}
		found = s
	}
	return found
}

// stand is a span of days on which a check is breached or a deadline overdue,
// or, with a Due, a term of ours runs.
type stand struct {
	rule          int32 // its number
	from, to, due edtf.Day
}

func (s stand) on(day edtf.Day) bool { return s.from <= day && day < s.to }

// failing are the rules that are breached or overdue on a day, some of them more than once.
func (l *listed) failing(day edtf.Day) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for s := range l.stands {
			if s.due == 0 && s.on(day) && !yield(s.rule) {
				return
			}
		}
	}
}

// stands are how the case stands on all days.
func (l *listed) stands(yield func(stand) bool) {
	for p := l.packed.part(partStands); p != ""; {
		var s stand
		var rule uint64
		rule, p = p.uvarint()
		s.rule = int32(rule)
		s.from, p = p.day()
		s.to, p = p.day()
		if s.due, p = p.day(); !yield(s) {
			return
		}
	}
}

// terms are what has a day in the case.
func (l *listed) terms(yield func(*term) bool) {
	for p := l.packed.part(partTerms); p != ""; {
		var t term
		var rule uint64
		rule, p = p.uvarint()
		t.rule = int32(rule) - 1
		t.due, p = p.day()
		t.arguable, p = p.day()
		if t.rule >= 0 {
			t.from, p = p.day()
			t.to, p = p.day()
		} else {
			for _, text := range [...]*string{&t.kind, &t.record, &t.code, &t.assigned} {
				var found packed
				found, p = p.cut()
				*text = string(found)
			}
		}
		if !yield(&t) {
			return
		}
	}
}

// listedColumns are what scanListed reads.
const listedColumns = `f.v, f.stream, f.kfrom, f.cluster, f.updated, f.org, f.reported, f.incident_day, f.child, f.restricted, f.changed,
	f.facets, f.stages, f.standings, f.terms, f.number, f.external_id, f.name, f.sex, f.region, f.place_type, f.incident, f.review, f.verdict`

// packing packs rows, one after the other.
type packing struct {
	ix        *Index
	ids       []string // of all streams, by number
	buf, part []byte
}

// scanListed packs a row of the table file.
func (k *packing) scanListed(s *sqlite3.Stmt) (*listed, error) {
	l := &listed{v: s.ColumnInt64(0), stream: s.ColumnInt64(1), from: s.ColumnInt64(2), cluster: s.ColumnInt64(3), updated: s.ColumnInt64(4),
		reported: edtf.Day(s.ColumnInt64(6)), incidentDay: edtf.Day(s.ColumnInt64(7))}
	if l.stream >= int64(len(k.ids)) || l.cluster >= int64(len(k.ids)) || l.stream < 0 || l.cluster < 0 {
		return nil, errDamaged
	}
	l.id, l.org = k.ids[l.stream], k.ix.codes.of(facetOrg, s.ColumnText(5))
	for i, f := range [...]flags{isChild, isRestricted, isChanged} {
		if s.ColumnInt64(8+i) == 1 {
			l.flags |= f
		}
	}
	k.part = binary.AppendUvarint(k.part[:0], uint64(l.org))
	for pair := range strings.SplitSeq(s.ColumnText(11), facetSep) {
		if id, value, ok := strings.Cut(pair, "="); ok && value != "" {
			if i := slices.IndexFunc(k.ix.facets, func(f facet) bool { return f.id == id }); i >= 0 {
				k.part = binary.AppendUvarint(k.part, uint64(k.ix.codes.of(facetRest+i, value)))
			}
		}
	}
	k.buf = appendPart(k.buf[:0], k.part)
	stages, err := decodeStages(string(s.ColumnRawBlob(12)))
	if err != nil {
		return nil, err
	}
	k.part = k.part[:0]
	for _, st := range stages {
		k.part = binary.AppendVarint(k.part, int64(st.from))
		k.part = binary.AppendVarint(k.part, int64(st.since))
		k.part = binary.AppendUvarint(k.part, uint64(k.ix.codes.of(facetStage, st.id)))
	}
	k.buf = appendPart(k.buf, k.part)
	stands, terms := s.ColumnRawBlob(13), s.ColumnRawBlob(14)
	if err := k.ix.checkStandings(stands); err != nil {
		return nil, err
	}
	if err := k.ix.checkTerms(terms); err != nil {
		return nil, err
	}
	k.buf = appendPart(appendPart(k.buf, stands), terms)
	for i := range allTexts {
		k.buf = appendPart(k.buf, s.ColumnRawText(15+i))
	}
	if string(s.ColumnRawText(15+textReview)) == casefile.InReview {
		l.flags |= isInReview
	}
	if string(s.ColumnRawText(15+textVerdict)) == casefile.Verified {
		l.flags |= isVerified
	}
	l.packed = packed(k.buf)
	for t := range l.terms {
		if t.kind == kindTask {
			l.flags |= isTasked
			break
		}
	}
	return l, nil
}

// appendPart appends something with its length before it.
func appendPart(b, part []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(part))), part...)
}

// reader reads what is perhaps damaged.
type reader struct {
	b       []byte
	damaged bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.b, r.damaged = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.b, r.damaged = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}

// bytes are the next so many; they lie where they are read.
func (r *reader) bytes(n uint64) (found []byte) {
	if n > uint64(len(r.b)) {
		r.b, r.damaged = nil, true
		return nil
	}
	found, r.b = r.b[:n], r.b[n:]
	return found
}

// part is the next thing that has its length before it.
func (r *reader) part() []byte { return r.bytes(r.uvarint()) }

// checkStandings tells whether they can be read where they lie.
func (ix *Index) checkStandings(b []byte) error {
	for r := (reader{b: b}); len(r.b) > 0; {
		rule := r.uvarint()
		r.varint()
		r.varint()
		r.varint()
		if r.damaged || rule >= uint64(len(ix.rules)) {
			return errDamaged
		}
	}
	return nil
}

// checkTerms tells whether they can be read where they lie.
func (ix *Index) checkTerms(b []byte) error {
	for r := (reader{b: b}); len(r.b) > 0; {
		rule := r.uvarint()
		r.varint()
		r.varint()
		if rule == 0 {
			for range 4 {
				r.part()
			}
		} else {
			r.varint()
			r.varint()
		}
		if r.damaged || rule > uint64(len(ix.rules)) {
			return errDamaged
		}
	}
	return nil
}

// org is the id of the organisation of a case.
func (ix *Index) org(l *listed) string { return ix.codes.all()[l.org].code }
