// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"slices"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
)

// Kinds of streams the index treats apart.
const (
	kindCase         = "case"
	kindOrganisation = "organisation"
	kindMatch        = "match"
)

// state is what Apply has to know of all cases at once. It is derived from the
// tables, and derived again after a transaction that failed.
type state struct {
	streams map[string]int64    // id → number
	kinds   map[int64]string    // of the streams that are no cases
	cases   map[int64]caseState // by the number of the stream
	orgs    map[string]org
	matches map[string]match
	same    map[string][]string // case → those that live decisions say are the same person, one as often as they say so
	scopes  map[string]int64
	latest  int64 // latest known time
	counted int64 // entries of the ledger with the last that is no line of the audit
	next    int64 // number of the next version
}

// caseState is a case as far as units depend on it.
type caseState struct {
	org        string
	live       bool
	restricted bool // no figure of its organisation alone counts it
	verified   bool // its last verdict
}

type org struct {
	name   string
	counts bool
}

type match struct{ a, b string }

func newState() *state {
	return &state{streams: map[string]int64{}, kinds: map[int64]string{}, cases: map[int64]caseState{}, orgs: map[string]org{},
		matches: map[string]match{}, same: map[string][]string{}, scopes: map[string]int64{}}
}

// kindOf is the kind of a stream that there is.
func (st *state) kindOf(no int64) string {
	if kind, ok := st.kinds[no]; ok {
		return kind
	}
	return kindCase
}

// member is a case of a cluster.
type member struct {
	id string
	no int64
	caseState
}

// caseOf answers a case that was ever written to, or is live.
func (st *state) caseOf(id string) (*member, bool) {
	no, ok := st.streams[id]
	if !ok {
		return nil, false
	}
	cs, ok := st.cases[no]
	return &member{id, no, cs}, ok
}

// load derives the state from the tables.
func (ix *Index) load(context.Context) error {
	c := ix.writer
	st := newState()
	head, latest, counted, next, err := getHead(c)
	if err != nil {
		return err
	}
	st.latest, st.counted, st.next = latest, counted, next
	list, p, err := ix.readListing(c, head, latest)
	if err != nil {
		return err
	}
	st.streams, st.cases, st.kinds = make(map[string]int64, len(list.ids)), make(map[int64]caseState, len(list.ids)), p.kinds
	for no, id := range list.ids[1:] {
		st.streams[id] = int64(no) + 1
	}
	codes := ix.codes.all()
	for _, l := range list.rows {
		if l != nil {
			st.cases[l.stream] = caseState{codes[l.org].code, true, l.is(isRestricted), l.is(isVerified)}
		}
	}
	later := map[int64]bool{}
	for _, no := range p.since {
		later[no] = true
	}
	for no, m := range p.matches {
		if !later[no] {
			st.matches[list.ids[no]] = m
			st.link(m, 1)
		}
	}
	for no, kind := range p.kinds {
		if kind != kindOrganisation && (kind != kindMatch || !later[no]) {
			continue
		}
		entries, err := entriesOf(c, no, forever)
		if err != nil {
			return err
		}
		if kind == kindMatch {
			st.setMatch(list.ids[no], entries)
		} else {
			st.setOrg(list.ids[no], entries)
		}
	}
	err = c.Run(`SELECT id, no FROM scope`, func(s *sqlite3.Stmt) error {
		st.scopes[s.ColumnText(0)] = s.ColumnInt64(1)
		return nil
	})
	if err != nil {
		return err
	}
	ix.state, ix.behind = st, p.behind
	ix.list.Store(list)
	ix.head.Store(&head)
	ix.counted.Store(uint64(counted))
	ix.publishOrgs()
	return nil
}

// restricted tells by the fields of a case whether its existence is shown only
// to those who were granted it by name.
func restricted(f casefile.Fields) bool { return first(f, "restricted") == "yes" }

func (ix *Index) publishOrgs() {
	names := make(map[string]string, len(ix.state.orgs))
	for id, o := range ix.state.orgs {
		names[id] = o.name
	}
	ix.orgs.Store(&names)
}

// last answers the fields of a stream's first record as the entries leave it;
// nil where it is withdrawn. The first record of a case is the case itself, of
// any other stream its only one; its id is the id of the stream.
func last(entries []casefile.Entry) casefile.Fields {
	for _, e := range slices.Backward(entries) {
		if e.Record != entries[0].Record {
			continue
		}
		if e.Op != casefile.Put {
			return nil
		}
		if e.Fields == nil {
			return casefile.Fields{}
		}
		return e.Fields
	}
	return nil
}

// first answers the first value of a field, or nothing.
func first(f casefile.Fields, field string) string {
	if values := f[field]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func (st *state) setOrg(id string, entries []casefile.Entry) {
	delete(st.orgs, id)
	if f := last(entries); f != nil {
		st.orgs[id] = org{name: first(f, "name"), counts: first(f, "counts") == "yes"}
	}
}

func (st *state) setMatch(id string, entries []casefile.Entry) {
	if m, ok := st.matches[id]; ok {
		st.link(m, -1)
		delete(st.matches, id)
	}
	f := last(entries)
	if f == nil || first(f, "verdict") != "same" {
		return
	}
	m := match{first(f, "a"), first(f, "b")}
	if m.a == "" || m.b == "" || m.a == m.b {
		return
	}
	st.matches[id] = m
	st.link(m, 1)
}

func (st *state) link(m match, n int) {
	for _, pair := range [...]match{m, {m.b, m.a}} {
		same := st.same[pair.a]
		if n > 0 {
			same = append(same, pair.b)
		} else if i := slices.Index(same, pair.b); i >= 0 {
			same = slices.Delete(same, i, i+1)
		}
		if st.same[pair.a] = same; len(same) == 0 {
			delete(st.same, pair.a)
		}
	}
}

// cluster answers the ids of the cases of the same person as case id, itself
// included, in order. Decisions about cases this node doesn't know connect, too.
func (st *state) cluster(id string) []string {
	if len(st.same[id]) == 0 {
		return []string{id}
	}
	seen := map[string]bool{id: true}
	found := []string{id}
	for i := 0; i < len(found); i++ {
		for _, other := range st.same[found[i]] {
			if !seen[other] {
				seen[other] = true
				found = append(found, other)
			}
		}
	}
	slices.Sort(found)
	return found
}

// outside tells whether records of a kind have streams of their own.
func outside(book *codebook.Book, kind string) bool {
	k, ok := book.Kind(kind)
	return ok && k.Scope == codebook.Outside
}
