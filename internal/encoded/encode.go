// SPDX-License-Identifier: AGPL-3.0-or-later

package encoded

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/names"
)

// Encoder turns rows into filters. It is for one goroutine.
type Encoder struct {
	schema Schema
	macs   []hash.Hash // HMAC-SHA-256 under each feature's key
	saltOf []int       // by feature: the index of the feature that salts it, or -1
	place  []int       // of each bit of a balanced filter
	seen   map[string][]int
	groups map[string]int // rows of each value that salts, by feature and value
}

// NewEncoder prepares the keys of each feature. The key, the schema and the
// feature's identifier together make its salt, so that one word has different
// bits in two fields, two schemas or two rounds.
func NewEncoder(key Key, schema Schema) (*Encoder, error) {
	if err := schema.check(); err != nil {
		return nil, err
	}
	sum := schema.Hash()
	e := &Encoder{schema: schema, seen: map[string][]int{}, groups: map[string]int{}}
	for _, f := range schema.Features {
		own := key.derive("kua/encoded/v1/feature", string(sum[:]), f.ID)
		e.macs = append(e.macs, hmac.New(sha256.New, own[:]))
		salt := -1
		for i, g := range schema.Features {
			if f.Salt != "" && g.ID == f.Salt {
				salt = i
			}
		}
		e.saltOf = append(e.saltOf, salt)
	}
	if schema.Has(Balance) {
		e.place = make([]int, schema.Length)
		for i := range e.place {
			e.place[i] = i
		}
		s := newStream(key.derive("kua/encoded/v1/balance", string(sum[:])))
		for i := len(e.place) - 1; i > 0; i-- {
			j := s.below(i + 1)
			e.place[i], e.place[j] = e.place[j], e.place[i]
		}
	}
	return e, nil
}

// Check is what tells that two files were made with one key and one schema, and
// nothing else of the key.
func Check(key Key, schema Schema) (out [16]byte) {
	sum := schema.Hash()
	check := key.derive("kua/encoded/v1/check", string(sum[:]))
	copy(out[:], check[:])
	return out
}

// Encode makes the filter of a row, given the values of each input, and says
// which features had nothing to read. Without one that is required there is no
// filter: rows that say little would be alike because they say little.
func (e *Encoder) Encode(values func(input string) []string) (filter []uint64, missing []string) {
	row := newRow(values)
	n := e.schema.raw()
	raw := make([]uint64, n/64)
	whole := make([]string, len(e.schema.Features)) // the values that may salt others
	out := false
	for i, f := range e.schema.Features {
		if whole[i] = row.value(f); whole[i] == "" {
			missing = append(missing, f.ID)
			out = out || f.Required
		}
	}
	if out {
		return nil, missing
	}
	for i, f := range e.schema.Features {
		if slices.Contains(e.saltOf, i) {
			e.groups[f.ID+"\x00"+whole[i]]++
		}
	}
	for i, f := range e.schema.Features {
		if whole[i] == "" || f.Bits+f.PieceBits == 0 {
			continue
		}
		salt := ""
		if e.saltOf[i] >= 0 {
			salt = whole[e.saltOf[i]]
		}
		pieces := f.pieces(whole[i])
		each, more := f.PieceBits, 0
		if f.Bits > 0 {
			each, more = f.Bits/len(pieces), f.Bits%len(pieces)
		}
		for p, piece := range pieces {
			k := each
			if p < more {
				k++
			}
			for _, at := range e.positions(i, salt, piece, k, n) {
				raw[at/64] |= 1 << (at % 64)
			}
		}
	}
	return e.harden(raw), missing
}

// positions are the first k places of a piece. They are drawn one by one and
// not by double hashing: with two numbers a and b for each piece and the places
// a, a+b, a+2b… there are so few patterns that they were read back (Niedermeyer,
// Steinmetzer, Kroll and Schnell, Journal of Privacy and Confidentiality 6,
// 2014; Schnell and Borgs propose to draw each).
func (e *Encoder) positions(feature int, salt, piece string, k, n int) []int {
	id := strconv.Itoa(feature) + "\x00" + salt + "\x00" + piece
	known := e.seen[id]
	if len(known) < k {
		known = make([]int, 0, (k+7)/8*8)
		m := e.macs[feature]
		var block [sha256.Size]byte
		for c := uint32(0); len(known) < k; c++ {
			m.Reset()
			writeParts(m, salt, piece)
			_ = binary.Write(m, binary.BigEndian, c)
			m.Sum(block[:0])
			for at := 0; at < len(block); at += 4 {
				known = append(known, scaled(block[at:], n))
			}
		}
		const keep = 1 << 18 // pieces; a list has far fewer
		if len(e.seen) < keep {
			e.seen[id] = known
		}
	}
	return known[:k]
}

// MaxGroup is how many rows of one salt the hardening was seen to protect from
// somebody who knows which rows they are (docs/spec/encoded.md).
const MaxGroup = 100

// Largest is the largest number of filters so far that have one salt, and of
// which feature; 0 where the schema has no salt.
func (e *Encoder) Largest() (feature string, rows int) {
	for id, n := range e.groups {
		if f, _, _ := strings.Cut(id, "\x00"); n > rows || n == rows && f < feature {
			feature, rows = f, n
		}
	}
	return feature, rows
}

func (e *Encoder) harden(raw []uint64) []uint64 {
	out := raw
	if e.schema.Has(Fold) {
		half := len(out) / 2
		folded := make([]uint64, half)
		for i := range folded {
			folded[i] = out[i] ^ out[half+i]
		}
		out = folded
	}
	if e.schema.Has(Rule90) {
		n := len(out) * 64
		mixed := make([]uint64, len(out))
		bit := func(i int) uint64 { return out[i/64] >> (i % 64) & 1 }
		for i := range n {
			mixed[i/64] |= (bit((i+n-1)%n) ^ bit((i+1)%n)) << (i % 64)
		}
		out = mixed
	}
	if e.schema.Has(Balance) {
		n := len(out) * 64
		both := make([]uint64, 2*len(out))
		for i := range n {
			one := out[i/64] >> (i % 64) & 1
			a, b := e.place[i], e.place[n+i]
			both[a/64] |= one << (a % 64)
			both[b/64] |= (one ^ 1) << (b % 64)
		}
		out = both
	}
	return out
}

// row is what is read of a table's row.
type row struct {
	values                func(string) []string
	family, given, father string
}

func newRow(values func(string) []string) row {
	r := row{values: values}
	one := func(input string) string {
		for _, v := range values(input) {
			if v = strings.TrimSpace(v); v != "" {
				return v
			}
		}
		return ""
	}
	name := names.New(one("family"), one("given"), one("patronymic"))
	if full := one("full_name"); full != "" && name.Family == "" && name.Given == "" {
		patronymic := name.Patronymic
		if name = names.Parse(full); name.Patronymic == "" {
			name.Patronymic = patronymic
		}
	}
	r.family, r.given, r.father = names.Prepare(name).Words()
	return r
}

// value is a feature's value of a row: the first that can be read, "" for none.
func (r row) value(f Feature) string {
	switch f.Read {
	case Family:
		return r.family
	case Given:
		return r.given
	case Father:
		return r.father
	}
	for _, v := range r.values(f.Input) {
		if v = f.read(v); v != "" {
			return v
		}
	}
	return ""
}

func (f Feature) read(text string) string {
	switch f.Read {
	case Name:
		var folded []string
		for word := range strings.FieldsSeq(text) {
			if w := names.Fold(word); w != "" {
				folded = append(folded, w)
			}
		}
		return strings.Join(folded, " ")
	case Text:
		return plain(text)
	}
	d, ok := date(text)
	if !ok {
		return ""
	}
	from, to := d.Earliest().String(), d.Latest().String() // 2022-01-05
	if len(from) != 10 || len(to) != 10 {
		return "" // before the year 0, or open
	}
	switch f.Read {
	case Year:
		if from[:4] == to[:4] {
			return from[:4]
		}
	case Month:
		if from[:7] == to[:7] {
			return from[5:7]
		}
	case Day:
		if from == to {
			return from[8:]
		}
	case MonthDay:
		if from == to {
			return from[5:]
		}
	case Date:
		if from == to {
			return from
		}
	}
	return ""
}

// date reads EDTF, and the ways that tables have: 05.01.2022, 19460930.
func date(text string) (edtf.Date, bool) {
	text = strings.TrimSpace(text)
	digits := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' }) < 0
	switch {
	case len(text) == 10 && text[2] == '.' && text[5] == '.':
		text = text[6:] + "-" + text[3:5] + "-" + text[:2]
	case len(text) == 8 && digits:
		text = text[:4] + "-" + text[4:6] + "-" + text[6:]
	}
	d, err := edtf.Parse(text)
	return d, err == nil
}

func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

// pieces cuts a value. No piece stands twice: the second has a mark of its own.
func (f Feature) pieces(value string) []string {
	var out []string
	switch {
	case f.NGram > 0:
		runes := []rune(value)
		if f.NGram > 1 { // the ends count as letters
			runes = append(append([]rune{'_'}, runes...), '_')
		}
		for i := 0; i+f.NGram <= len(runes); i++ {
			piece := string(runes[i : i+f.NGram])
			if f.Positional {
				piece = strconv.Itoa(i) + " " + piece
			}
			out = append(out, piece)
		}
		if len(out) == 0 {
			out = []string{value}
		}
	case f.Near > 0:
		out = f.near(value)
	default:
		return []string{value}
	}
	times := map[string]int{}
	for i, p := range out {
		times[p]++
		if n := times[p]; n > 1 {
			out[i] = p + "\x01" + strconv.Itoa(n)
		}
	}
	return out
}

// near is a number or a day with those beside it.
func (f Feature) near(value string) []string {
	var out []string
	if f.Read == Date {
		day, err := edtf.ParseDay(value)
		if err != nil {
			return []string{value}
		}
		for i := -f.Near; i <= f.Near; i++ {
			out = append(out, (day + edtf.Day(i)).String())
		}
		return out
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return []string{value}
	}
	for i := -f.Near; i <= f.Near; i++ {
		out = append(out, strconv.Itoa(n+i))
	}
	return out
}
