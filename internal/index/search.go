// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/names"
)

// found is what a case is found by; nothing where it is not live.
type found struct {
	stream int64
	live   bool
	document
}

// documents gathers what the cases of the plan are found by, in their order.
// They are complete when the work of the plan is.
func (p *plan) documents() []found {
	all := make([]found, 0, len(p.dirty))
	for _, no := range slices.Sorted(maps.Keys(p.dirty)) {
		all = append(all, found{stream: no, live: p.st.cases[no].live})
	}
	for i := range all {
		f := &all[i]
		if id, entries := p.dirty[f.stream], p.entries[f.stream]; f.live {
			p.do(func() { f.document = p.ix.document(casefile.Fold(p.ix.book, id, entries)) })
		}
	}
	return all
}

const insertName = `INSERT INTO name(key, stream) VALUES(?, ?)`

// writeNames writes the names that a case is found by, of which it has none.
func (d *found) writeNames(c *conn) error {
	for _, key := range d.keys {
		if err := c.Run(insertName, nil, key, d.stream); err != nil {
			return err
		}
	}
	return nil
}

// writeTexts writes the texts that a case is found by, of which it has none.
func (d *found) writeTexts(c *conn) error {
	if !d.live {
		return nil
	}
	return c.Run(`INSERT INTO search(rowid, numbers, names, words, factnumbers, facts) VALUES(?, ?, ?, ?, ?, ?)`,
		nil, d.stream, d.numbers, d.names, d.words, d.factNumbers, d.facts)
}

// search writes what the cases of the plan are found by.
func (p *plan) search(c *conn, all []found) error {
	for i := range all {
		d := &all[i]
		slices.Sort(d.keys)
		var had []string
		if !p.versions.fresh[d.stream] {
			if err := c.Run(`DELETE FROM search WHERE rowid = ?`, nil, d.stream); err != nil {
				return err
			}
			var err error
			if had, err = nameKeys(c, d.stream); err != nil {
				return err
			}
		}
		if !slices.Equal(had, d.keys) { // most acts change no name
			if len(p.names) <= mostSince { // of more, all are read anew
				p.names[d.stream] = d.keys
			}
			if len(had) > 0 {
				if err := c.Run(`DELETE FROM name WHERE stream = ?`, nil, d.stream); err != nil {
					return err
				}
			}
			if err := d.writeNames(c); err != nil {
				return err
			}
		}
		if err := d.writeTexts(c); err != nil {
			return err
		}
	}
	return nil
}

// nameKeys are the keys of a case's names, in their order.
func nameKeys(c *conn, no int64) (keys []string, err error) {
	err = c.Run(`SELECT key FROM name WHERE stream = ? ORDER BY key`, func(s *sqlite3.Stmt) error {
		keys = append(keys, s.ColumnText(0))
		return nil
	}, no)
	return keys, err
}

const (
	// maxWords is how many words of a search are read.
	maxWords = 16
	// minFuzzy is the shortest key of a name, in letters, that may have a typing
	// error in it, and minFuzzy2 the shortest that may have two.
	minFuzzy, minFuzzy2 = 4, 8
	// minPrefix is the shortest key that also finds the names it begins.
	minPrefix = 4
	// maxFuzzy is how many names a misspelt one is taken for at most.
	maxFuzzy = 24
	// maxBegun is how many names that a key begins are asked for one by one.
	maxBegun = 64
)

// The tiers of what a text finds, the best first. They are all that is said of
// how well a case fits: a rank by how rare a word is would tell, by its very
// number, of cases that the reader may not see.
const (
	tierName = iota // in a number or a name, as it stands
	tierText        // in any text, as it stands
	tierLike        // in what is spelt or sounds nearly like it: and a letter that differs, a tier more
)

// matches finds the cases whose texts have all words of a text: by their stems,
// by the sound of a name, by the beginning of a number. It answers case → tier.
// A case of which the reader may see the facts alone is found by its facts
// alone; and what they may not see at all changes nothing about what is found.
func matches(c *conn, list *listing, text string, see See) (map[int64]int, error) {
	found := map[int64]int{}
	seen := seenBy(list, see)
	names := list.words
	asked, err := ftsQuery(c, names, text, seen)
	if err != nil {
		return found, err
	}
	type query struct {
		text  string
		sight Sight // of the cases it may find
		tier  int
	}
	const telling = "{numbers names factnumbers} : "
	var queries []query
	if asked.named {
		if found, err = named(c, names, asked.words, seen, len(list.rows)); err != nil {
			return found, err
		}
	} else {
		if asked.telling && !asked.nothing {
			queries = append(queries, query{telling + "(" + asked.exact + ")", All, tierName})
		}
		queries = append(queries, query{asked.exact, All, tierText})
		if asked.wide != asked.exact {
			queries = append(queries, query{asked.wide, All, tierLike})
		}
	}
	for _, q := range append(queries, query{asked.facts, Facts, tierText}) {
		if q.text == "" || !seen.any(q.sight) {
			continue
		}
		err := c.Run(`SELECT rowid FROM search WHERE search MATCH ?`, func(s *sqlite3.Stmt) error {
			no := s.ColumnInt64(0)
			if _, ok := found[no]; !ok && seen.of(no) == q.sight {
				found[no] = q.tier
			}
			return nil
		}, q.text)
		if err != nil {
			return found, err
		}
	}
	for no, tier := range found {
		if tier == tierLike {
			apart, err := names.apart(c, asked.words, no)
			if err != nil {
				return found, err
			}
			found[no] += apart
		}
	}
	return found, nil
}

// named finds the cases that have all words of a text, each of which is like a
// name: by their names from memory, so that of a name that tens of thousands
// have nothing is read, and by their texts. Of a word that more texts have than
// cases are called by the rarest of the words, as of a given name, those alone are
// read in which the rarest, or what is like it, is found: no other has all words.
// That is not asked first: looking through the beginnings of a name that very many
// cases have takes longer than the few texts of another word.
func named(c *conn, names *vocabulary, words []nameWord, seen *seen, streams int) (map[int64]int, error) {
	owns, likes := make([]bits, len(words)), make([]bits, len(words))
	rarest, fewest := 0, 0
	for i, w := range words {
		owns[i], likes[i] = make(bits, streams/64+1), make(bits, streams/64+1)
		if err := names.mark(c, w, owns[i], likes[i]); err != nil {
			return nil, err
		}
		if n := owns[i].both(owns[i]) + likes[i].both(likes[i]); i == 0 || n < fewest {
			rarest, fewest = i, n
		}
	}
	var byTier [tierLike + 1]bits
	for i, w := range words {
		text := slices.Clone(owns[i])
		put := func(query string, most int) (n int, err error) {
			err = c.Run(`SELECT rowid FROM search WHERE search MATCH ? LIMIT ?`, func(s *sqlite3.Stmt) error {
				text.put(s.ColumnInt64(0), true)
				n++
				return nil
			}, query, most)
			return n, err
		}
		alone, most := `"`+w.text+`"`, -1
		if i != rarest {
			most = fewest + 1
		}
		n, err := put(alone, most)
		if err == nil && n == most {
			_, err = put(alone+" AND "+words[rarest].wide, -1)
		}
		if err != nil {
			return nil, err
		}
		likes[i].or(text)
		for tier, of := range [...]bits{tierName: owns[i], tierText: text, tierLike: likes[i]} {
			if i == 0 {
				byTier[tier] = of
			} else {
				byTier[tier].and(of)
			}
		}
	}
	found := map[int64]int{}
	for tier, of := range byTier {
		for no := range of.all {
			if _, ok := found[no]; !ok && seen.of(no) == All {
				found[no] = tier
			}
		}
	}
	return found, nil
}

// seen is how much of each case a reader may see, by the case's number; nil: all of all.
type seen struct {
	rows []*listed
	see  See
}

func seenBy(list *listing, see See) *seen {
	if see == nil {
		return nil
	}
	return &seen{list.rows, see}
}

func (all *seen) of(no int64) Sight {
	switch {
	case all == nil:
		return All
	case no < 0 || no >= int64(len(all.rows)) || all.rows[no] == nil:
		return Nothing
	}
	return all.see(all.rows[no].id)
}

// any tells whether there can be cases of such a sight.
func (all *seen) any(s Sight) bool { return s == All || all != nil }

// textQuery is a text as three queries of FTS5: for the words as they are, for
// what is like them, and for the words among the facts.
type textQuery struct {
	exact, wide, facts string
	telling            bool // each word can stand in a name or a number
	named              bool // each is like a name, and none is a number
	nothing            bool // no case that is seen whole has one of the words, or what is like it
	words              []nameWord
}

// nameWord is a word of a text as a name: the keys that it has or begins, and those a letter or two away.
type nameWord struct {
	text string
	wide string // the query that finds it and what is like it
	own  []string
	near []nearKey
}

// ftsQuery writes a text as queries. Only words of letters and digits get into
// them, each quoted: nothing a person types is an operator.
func ftsQuery(c *conn, names *vocabulary, text string, seen *seen) (q textQuery, err error) {
	var exacts, wides, facts []string
	q.telling, q.named = true, true
	for word := range strings.FieldsSeq(clean(text)) {
		if len(exacts) >= maxWords {
			break
		}
		// A number is taken as a whole, with or without its punctuation.
		if tokens := numberTokens(word); len(tokens) > 0 {
			q.named = false
			number := `"` + string(markNumber) + tokens[0] + `"*`
			group := `({numbers factnumbers} : ` + number + ` OR ` + phrase(word) + `)`
			exacts, wides = append(exacts, group), append(wides, group)
			facts = append(facts, `(factnumbers : `+number+` OR facts : `+phrase(word)+`)`)
			continue
		}
		for start, end := range words(word) {
			exact, wide, name, known, err := wordQuery(c, names, word[start:end], seen)
			if err != nil {
				return q, err
			}
			q.nothing = q.nothing || !known
			q.telling = q.telling && len(name.own) > 0
			q.named = q.named && len(name.own)+len(name.near) > 0
			name.wide = wide
			q.words = append(q.words, name)
			exacts, wides = append(exacts, exact), append(wides, wide)
			facts = append(facts, `facts : "`+word[start:end]+`"`)
		}
	}
	q.telling, q.named = q.telling && len(exacts) > 0, q.named && len(exacts) > 0
	q.facts = strings.Join(facts, " AND ")
	if !q.nothing {
		q.exact, q.wide = strings.Join(exacts, " AND "), strings.Join(wides, " AND ")
	}
	return q, nil
}

// phrase quotes the words of a text, one after the other.
func phrase(text string) string {
	var found []string
	for start, end := range words(text) {
		found = append(found, text[start:end])
	}
	return `"` + strings.Join(found, " ") + `"`
}

// wordQuery finds one word: exactly, as a word of a text or a name in any
// script; and widely, with the other spellings of what is a name, and, where
// nothing has the word, with what may be meant if it has a typing error. What
// the reader may not see has nothing and is meant by nothing. known: something has
// the word, or is meant by it.
func wordQuery(c *conn, vocabulary *vocabulary, word string, seen *seen) (exact, wide string, name nameWord, known bool, err error) {
	alternatives := []string{`"` + word + `"`}
	name.text = word
	var strong []string
	for _, key := range names.SearchKeys(word) {
		if strings.HasPrefix(key, weakKey) {
			continue
		}
		strong = append(strong, key)
		begun, err := vocabulary.begun(c, key, seen)
		if err != nil {
			return "", "", name, false, err
		}
		name.own = append(name.own, begun...)
		if len(begun) > maxBegun {
			alternatives = append(alternatives, keyQuery(key)+"*")
			continue
		}
		alternatives = append(alternatives, keyQuery(key))
		for _, k := range begun {
			if k != key {
				alternatives = append(alternatives, keyQuery(k))
			}
		}
	}
	or := func() string { return "(" + strings.Join(alternatives, " OR ") + ")" }
	exact = or()
	known = len(name.own) > 0
	if !known {
		limit := 1
		if seen != nil {
			limit = -1
		}
		err = c.Run(`SELECT rowid FROM search WHERE search MATCH ? LIMIT ?`, func(s *sqlite3.Stmt) error {
			known = known || seen.of(s.ColumnInt64(0)) == All
			return nil
		}, alternatives[0], limit)
		if err != nil {
			return "", "", name, false, err
		}
	}
	for _, key := range strong {
		near, err := nearKeys(c, vocabulary, key, known, seen)
		if err != nil {
			return "", "", name, false, err
		}
		for _, k := range near {
			name.near = append(name.near, k)
			alternatives = append(alternatives, keyQuery(k.key))
		}
	}
	return exact, or(), name, known || len(name.near) > 0, nil
}

// keyQuery finds a key of a name. Keys are letters; anything else would end the quotation.
func keyQuery(key string) string {
	return `names : "` + string(markKey) + strings.ReplaceAll(key, `"`, `""`) + `"`
}

// nearKeys answers the keys of names that are one letter away from a key, or
// two from a long one, the nearest first. Of a known word only those that have the
// same consonants: other spellings, not other names.
func nearKeys(c *conn, vocabulary *vocabulary, key string, known bool, seen *seen) (found []nearKey, err error) {
	limit := 1
	switch letters := utf8.RuneCountInString(key); {
	case letters < minFuzzy:
		return nil, nil
	case letters >= minFuzzy2:
		limit = 2
	}
	near, err := vocabulary.near(c, key, limit, known, seen)
	if err != nil {
		return nil, err
	}
	for letters, keys := range near {
		if letters > 1 && len(found) > 0 && !known {
			break
		}
		for _, k := range keys {
			found = append(found, nearKey{k, letters})
		}
	}
	return found[:min(len(found), maxFuzzy)], nil
}

// distance is the number of letters to put in, take out, change or swap with the next.
type distance struct{ before, last, now []int }

// between answers it, or limit+1 where it is more than limit: what is farther from
// the diagonal than that is not worked out.
func (d *distance) between(a, b []rune, limit int) int {
	if len(a) > len(b)+limit || len(b) > len(a)+limit {
		return limit + 1
	}
	if len(d.now) < len(b)+1 {
		d.before, d.last, d.now = make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	}
	for j := range len(b) + 1 {
		d.now[j] = j
	}
	least := 0
	for i := 1; i <= len(a); i++ {
		d.before, d.last, d.now = d.last, d.now, d.before
		from, to := max(1, i-limit), min(len(b), i+limit)
		if d.now[from-1] = limit + 1; from == 1 {
			d.now[0] = i
		}
		if to < len(b) {
			d.now[to+1] = limit + 1
		}
		before := least
		least = d.now[from-1]
		for j := from; j <= to; j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d.now[j] = min(d.last[j]+1, d.now[j-1]+1, d.last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d.now[j] = min(d.now[j], d.before[j-2]+1)
			}
			least = min(least, d.now[j])
		}
		if least > limit && before >= limit { // a swap goes on from the row before
			return limit + 1
		}
	}
	return min(d.now[len(b)], limit+1)
}

// numberKey writes a number so that its text sorts as people count: K-9 before K-10.
func numberKey(number string) string {
	var b strings.Builder
	digits := 0
	flush := func(end int) {
		if digits > 0 {
			run := strings.TrimLeft(number[end-digits:end], "0")
			b.WriteByte(byte('0' + min(len(run), 70))) // longer numbers sort after shorter ones
			b.WriteString(run)
			digits = 0
		}
	}
	for i, r := range number {
		if r >= '0' && r <= '9' {
			digits++
			continue
		}
		flush(i)
		b.WriteRune(unicode.ToLower(r))
	}
	flush(len(number))
	return b.String()
}
