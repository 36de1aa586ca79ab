// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
)

// searchKind is the kind of saved searches. Whose one is, and with whom it is
// shared, is taken from the signed entries, as all that decides: see rights.
const searchKind = "saved_search"

const (
	maxSearches    = 100  // of one member
	maxSearchName  = 80   // letters
	maxSearchQuery = 2000 // bytes
)

// What somebody who saves a search can be told.
var (
	ErrSearchName   = errors.New("give the search a name of 1 to 80 letters")
	ErrSearchLong   = errors.New("this search is too long to be kept: leave some of it out")
	ErrManySearches = errors.New("you have a hundred saved searches: let one go first")
)

// savedSearch is a saved search as its entry says.
type savedSearch struct {
	Member string `json:"m"`
	Org    string `json:"o,omitempty"` // shared with; empty: with nobody
	Name   string `json:"n"`
	Query  string `json:"q"`
}

// NewSearch is a search of the list to be kept under a name.
type NewSearch struct {
	Name  string
	Query string // the parameters of the list's address
	Org   string // id of the organisation it is shared with; empty: with nobody
}

// SavedSearch is a saved search that a member may use.
type SavedSearch struct {
	ID, Name, Query string
	Org, OrgName    string // shared with; empty: with nobody
	By              string // whose it is
	Own             bool
}

// thing is what access.Decide asks about it.
func (ss savedSearch) thing(m access.Member) access.Thing {
	return access.Thing{Org: ss.Org, Self: ss.Member == m.ID}
}

// SavedSearches are a member's own and those shared with their organisations, by name.
func (r *Registry) SavedSearches(ctx context.Context, s *access.Session) (_ []SavedSearch, err error) {
	defer r.refusal(ctx, s, "search", "", &err)
	if !access.Decide(s.Member, access.KeepSearch, access.Thing{Self: true}) {
		return nil, ErrNotAllowed
	}
	ro := r.roll()
	r.rights.mu.RLock()
	defer r.rights.mu.RUnlock()
	var found []SavedSearch
	for id, ss := range r.rights.searches {
		if !access.Decide(s.Member, access.KeepSearch, ss.thing(s.Member)) {
			continue
		}
		found = append(found, SavedSearch{ID: id, Name: ss.Name, Query: ss.Query, Org: ss.Org, OrgName: nameOf(ro, ss.Org),
			By: nameOf(ro, ss.Member), Own: ss.Member == s.Member.ID})
	}
	slices.SortFunc(found, func(a, b SavedSearch) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.ID, b.ID))
	})
	return found, nil
}

// SaveSearch keeps a search under a name and answers its id.
func (r *Registry) SaveSearch(ctx context.Context, s *access.Session, n NewSearch) (_ string, err error) {
	defer r.refusal(ctx, s, "search", "", &err)
	if !access.Decide(s.Member, access.KeepSearch, access.Thing{Self: n.Org == "", Org: n.Org}) {
		return "", ErrNotAllowed
	}
	n.Name = strings.Join(strings.Fields(n.Name), " ")
	if letters := utf8.RuneCountInString(n.Name); letters == 0 || letters > maxSearchName {
		return "", ErrSearchName
	}
	if len(n.Query) > maxSearchQuery {
		return "", ErrSearchLong
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	own := 0
	r.rights.mu.RLock()
	for _, ss := range r.rights.searches {
		if ss.Member == s.Member.ID {
			own++
		}
	}
	r.rights.mu.RUnlock()
	if own >= maxSearches {
		return "", ErrManySearches
	}
	id := ledger.NewID().String()
	fields := casefile.Fields{"name": {n.Name}, "member": {s.Member.ID}}
	if n.Query != "" {
		fields["query"] = []string{n.Query}
	}
	if n.Org != "" {
		fields["org"] = []string{n.Org}
	}
	return id, r.write(ctx, s, []act{{stream: id, puts: []Put{{Record: id, Kind: searchKind, Fields: fields}}}})
}

// DropSearch lets a saved search go: one's own, or one shared with one's organisation.
func (r *Registry) DropSearch(ctx context.Context, s *access.Session, id string) (err error) {
	defer r.refusal(ctx, s, "search", "", &err)
	r.writing.Lock()
	defer r.writing.Unlock()
	r.rights.mu.RLock()
	ss, there := r.rights.searches[id]
	r.rights.mu.RUnlock()
	if !there || !access.Decide(s.Member, access.KeepSearch, ss.thing(s.Member)) {
		return ErrNotFound
	}
	return r.write(ctx, s, []act{{stream: id, withdraws: []Put{{Record: id, Kind: searchKind}}}})
}

// CountCases is how many cases the member may see that a query selects.
func (r *Registry) CountCases(ctx context.Context, s *access.Session, q Query) (_ int, err error) {
	defer r.refusal(ctx, s, "search", "", &err)
	ids, err := r.selected(ctx, s, q)
	return len(ids), err
}

// Selection is which cases a query selects, of those the member may see: for
// work on all of them at once, at most MaxBulk.
func (r *Registry) Selection(ctx context.Context, s *access.Session, q Query) (_ []string, err error) {
	defer r.refusal(ctx, s, "search", "", &err)
	ids, err := r.selected(ctx, s, q)
	if err == nil && len(ids) > MaxBulk {
		return nil, ErrManyCases
	}
	return ids, err
}

func (r *Registry) selected(ctx context.Context, s *access.Session, q Query) ([]string, error) {
	if err := r.sift(s, &q); err != nil {
		return nil, err
	}
	return r.index.Selected(ctx, q)
}

// putSearch takes an entry about a saved search: only whoever it is of puts it.
func (rs *rights) putSearch(e casefile.Entry, stream string) bool {
	if e.Record != stream {
		return false
	}
	old, there := rs.searches[stream]
	if e.Op != casefile.Put {
		rs.searches = maps.Clone(rs.searches)
		delete(rs.searches, stream)
		return there
	}
	next := savedSearch{Member: first(e.Fields["member"]), Org: first(e.Fields["org"]), Name: first(e.Fields["name"]), Query: first(e.Fields["query"])}
	if next.Member != e.Author || there && old.Member != e.Author {
		return false
	}
	if rs.searches = maps.Clone(rs.searches); rs.searches == nil {
		rs.searches = map[string]savedSearch{}
	}
	rs.searches[stream] = next
	return true
}
