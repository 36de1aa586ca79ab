// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"maps"
	mathbits "math/bits"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/names"
)

// vocabulary is the keys of all names, each with the cases that have it, in
// memory: a misspelt name is held against every one of them. It belongs to a
// listing, and does not change: what was written since the base was read lies
// beside it.
type vocabulary struct {
	base  *nameBase
	since map[int64][]string // the keys of cases whose names are others now
}

// nameBase is read when it is first asked for.
type nameBase struct {
	mu     sync.Mutex
	read   atomic.Bool
	keys   []string
	from   []int32 // of each key, where its cases begin in cases
	cases  []int32
	letter []uint8  // of each key, how many letters it has, 255 at most
	which  []uint32 // of each key, a bit for each letter that it has
}

// mostSince is how many cases lie beside a base before all is read anew.
const mostSince = 2000

func newVocabulary() *vocabulary { return &vocabulary{base: &nameBase{}} }

// with is the vocabulary after the names of some cases changed.
func (v *vocabulary) with(changed map[int64][]string) *vocabulary {
	if len(changed) == 0 {
		return v
	}
	if !v.base.read.Load() || len(v.since)+len(changed) > mostSince {
		return newVocabulary()
	}
	since := maps.Clone(v.since)
	if since == nil {
		since = make(map[int64][]string, len(changed))
	}
	maps.Copy(since, changed)
	return &vocabulary{base: v.base, since: since}
}

// load reads the base, if nobody has, as the connection sees it: at the listing
// that the vocabulary belongs to, or at a later one with the same base.
func (v *vocabulary) load(c *conn) (*nameBase, error) {
	b := v.base
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.read.Load() {
		return b, nil
	}
	b.keys, b.from, b.cases, b.letter, b.which = nil, nil, nil, nil, nil
	err := c.Run(`SELECT key, stream FROM name ORDER BY key, stream`, func(s *sqlite3.Stmt) error {
		if raw := s.ColumnRawText(0); len(b.keys) == 0 || string(raw) != b.keys[len(b.keys)-1] {
			b.keys, b.from = append(b.keys, string(raw)), append(b.from, int32(len(b.cases)))
			b.letter, b.which = append(b.letter, uint8(min(255, utf8.RuneCount(raw)))), append(b.which, lettersOf(string(raw)))
		}
		b.cases = append(b.cases, int32(s.ColumnInt64(1)))
		return nil
	})
	if err != nil {
		return nil, err
	}
	b.from = append(b.from, int32(len(b.cases)))
	b.read.Store(true)
	return b, nil
}

// lettersOf is a bit for each letter of a key.
func lettersOf(key string) (letters uint32) {
	for i := range len(key) {
		letters |= 1 << (key[i] & 31)
	}
	return letters
}

// near answers the keys of names that are so many letters away from a key, and
// of which the reader may see a case: [1] one, [2] two. Of a known word only
// those that have the same consonants.
//
// Every name is looked at, and nothing is asked of the database about any: what
// the reader may not see costs no question of its own.
func (v *vocabulary) near(c *conn, key string, limit int, known bool, seen *seen) (near [3][]string, err error) {
	b, err := v.load(c)
	if err != nil {
		return near, err
	}
	letters, consonants := []rune(key), names.Weak(key)
	var d distance
	away := func(other string, size int) int {
		if size < len(letters)-limit || size > len(letters)+limit {
			return 0
		}
		n := d.between(letters, []rune(other), limit)
		if n > limit || n > 0 && known && names.Weak(other) != consonants {
			return 0
		}
		return n
	}
	found := map[string]bool{}
	own := lettersOf(key)
	for i, other := range b.keys {
		if mathbits.OnesCount32(own^b.which[i]) > 2*limit { // each letter in, out or changed makes two of them differ at the most
			continue
		}
		n := away(other, int(b.letter[i]))
		if n == 0 {
			continue
		}
		for _, no := range b.cases[b.from[i]:b.from[i+1]] {
			if _, other := v.since[int64(no)]; !other && seen.of(int64(no)) == All {
				near[n], found[b.keys[i]] = append(near[n], b.keys[i]), true
				break
			}
		}
	}
	for no, keys := range v.since {
		for _, other := range keys {
			if found[other] {
				continue
			}
			if n := away(other, utf8.RuneCountInString(other)); n > 0 && seen.of(no) == All {
				near[n], found[other] = append(near[n], other), true
			}
		}
	}
	slices.Sort(near[1])
	slices.Sort(near[2])
	return near, nil
}

// nearKey is a key and by how many letters it differs from what was asked for.
type nearKey struct {
	key     string
	letters int
}

// begun answers the keys that a key is, or begins where it is long enough, of the cases that the reader may see whole.
func (v *vocabulary) begun(c *conn, key string, seen *seen) (keys []string, err error) {
	b, err := v.load(c)
	if err != nil {
		return nil, err
	}
	fits := func(other string) bool {
		return other == key || utf8.RuneCountInString(key) >= minPrefix && strings.HasPrefix(other, key)
	}
	i, _ := slices.BinarySearch(b.keys, key)
	for ; i < len(b.keys) && fits(b.keys[i]); i++ {
		for _, no := range b.cases[b.from[i]:b.from[i+1]] {
			if _, other := v.since[int64(no)]; !other && seen.of(int64(no)) == All {
				keys = append(keys, b.keys[i])
				break
			}
		}
	}
	for no, others := range v.since {
		for _, other := range others {
			if fits(other) && seen.of(no) == All {
				keys = append(keys, other)
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// of are the cases that had a key when the base was read, in order.
func (b *nameBase) of(key string) []int32 {
	i, ok := slices.BinarySearch(b.keys, key)
	if !ok {
		return nil
	}
	return b.cases[b.from[i]:b.from[i+1]]
}

// mark sets the cases that have a word as a name, and those that have what is like it.
func (v *vocabulary) mark(c *conn, w nameWord, own, like bits) error {
	b, err := v.load(c)
	if err != nil {
		return err
	}
	of := func(key string, in bits) {
		for _, no := range b.of(key) {
			if _, other := v.since[int64(no)]; !other {
				in.put(int64(no), true)
			}
		}
		for no, keys := range v.since {
			if slices.Contains(keys, key) {
				in.put(no, true)
			}
		}
	}
	for _, key := range w.own {
		of(key, own)
	}
	for _, k := range w.near {
		of(k.key, like)
	}
	return nil
}

// inText is by how many letters a word counts as apart that no name of a case is like.
const inText = 3

// apart answers by how many letters the names of a case are apart from words.
func (v *vocabulary) apart(c *conn, words []nameWord, stream int64) (letters int, err error) {
	b, err := v.load(c)
	if err != nil {
		return 0, err
	}
	keys, other := v.since[stream]
	has := func(key string) bool {
		if other {
			return slices.Contains(keys, key)
		}
		_, ok := slices.BinarySearch(b.of(key), int32(stream))
		return ok
	}
	for _, w := range words {
		if slices.ContainsFunc(w.own, has) {
			continue
		}
		n := inText
		for _, k := range w.near {
			if k.letters < n && has(k.key) {
				n = k.letters
			}
		}
		letters += n
	}
	return letters, nil
}

// Warm reads what searches need and keeps it in memory, so that the first who
// asks does not wait for it.
func (ix *Index) Warm(ctx context.Context) error {
	return failed("reading names", ix.readList(ctx, func(c *conn, list *listing) error {
		_, err := list.words.load(c)
		return err
	}))
}
