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
	streams map[string]int64 // id → number
	kinds   map[int64]string
	cases   map[string]*caseState
	orgs    map[string]org
	matches map[string]match
	same    map[string]map[string]int // case → case → how many live decisions say it is the same person
	scopes  map[string]int64
	latest  int64 // latest known time
	counted int64 // entries of the ledger with the last that is no line of the audit
	next    int64 // number of the next version
}

// caseState is a case as far as units depend on it.
type caseState struct {
	id   string
	no   int64
	org  string
	live bool

	restricted bool // no figure of its organisation alone counts it
	verified   bool // its last verdict
}

type org struct {
	name   string
	counts bool
}

type match struct{ a, b string }

// load derives the state from the tables.
func (ix *Index) load(context.Context) error {
	c := ix.writer
	st := &state{
		streams: map[string]int64{}, kinds: map[int64]string{}, cases: map[string]*caseState{},
		orgs: map[string]org{}, matches: map[string]match{}, same: map[string]map[string]int{},
		scopes: map[string]int64{},
	}
	head, latest, counted, next, err := getHead(c)
	if err != nil {
		return err
	}
	st.latest, st.counted, st.next = latest, counted, next
	byNo := map[int64]*caseState{}
	var outside []string
	err = c.Run(`SELECT no, id, kind FROM stream`, func(s *sqlite3.Stmt) error {
		no, id, kind := s.ColumnInt64(0), s.ColumnText(1), s.ColumnText(2)
		st.streams[id], st.kinds[no] = no, kind
		switch kind {
		case kindCase:
			st.cases[id] = &caseState{id: id, no: no}
			byNo[no] = st.cases[id]
		case kindOrganisation, kindMatch:
			outside = append(outside, id)
		}
		return nil
	})
	if err != nil {
		return err
	}
	list, err := ix.readListing(c, head, latest)
	if err != nil {
		return err
	}
	for _, l := range list.rows {
		if l == nil {
			continue
		}
		if cs := byNo[l.stream]; cs != nil {
			cs.org, cs.live, cs.restricted, cs.verified = l.org, true, l.restricted == 1, l.verdict == casefile.Verified
		}
	}
	for _, id := range outside {
		entries, err := entriesOf(c, st.streams[id], forever)
		if err != nil {
			return err
		}
		if st.kinds[st.streams[id]] == kindMatch {
			st.setMatch(id, entries)
		} else {
			st.setOrg(id, entries)
		}
	}
	err = c.Run(`SELECT id, no FROM scope`, func(s *sqlite3.Stmt) error {
		st.scopes[s.ColumnText(0)] = s.ColumnInt64(1)
		return nil
	})
	if err != nil {
		return err
	}
	ix.state = st
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
		if st.same[pair.a] == nil {
			st.same[pair.a] = map[string]int{}
		}
		if st.same[pair.a][pair.b] += n; st.same[pair.a][pair.b] == 0 {
			delete(st.same[pair.a], pair.b)
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
		for other := range st.same[found[i]] {
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
