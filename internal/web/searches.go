// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/kua-registry/kua/internal/registry"
)

// countedSearches is how many saved searches are counted on the list and the
// overview; the page of all of them counts each.
const countedSearches = 6

// searchParams are the parameters of the list that a saved search keeps: what
// it looks for and in which order, and no day. Today is always another one.
var searchParams = append([]string{"q", "figure", "scope", "rule", "verified", "with", "sort"}, facetNames...)

// facetLists are the code lists of what the list is filtered by.
var facetLists = map[string]string{"stage": "stage", "review": "review_state", "region": "region", "place_type": "place_type", "sex": "sex",
	"child": "yesno", "age_band": "age_band", "method": "method", "article": "article", "offence": "offence", "body": "body"}

// searchOf is the part of an address that a saved search keeps.
func searchOf(q url.Values) url.Values {
	out := url.Values{}
	for _, name := range searchParams {
		for _, value := range q[name] {
			if value != "" {
				out.Add(name, value)
			}
		}
	}
	return out
}

// savedCard are the saved searches beside the list, with the form that keeps the present one.
type savedCard struct {
	Links []savedLink
	More  string // how many there are besides
	Query string // the present search; empty: there is none to be kept
	Name  string // of a form that was not taken
	Orgs  []option
}

type savedLink struct {
	Name, Href string
	Shared     string // with which organisation
	Count      string // of cases today; empty: not counted here
	Here       bool
}

func (s *server) savedCard(v *visit, here url.Values) (savedCard, error) {
	card := savedCard{Query: here.Encode()}
	all, err := s.reg.SavedSearches(v.r.Context(), v.session)
	if errors.Is(err, registry.ErrNotAllowed) {
		return savedCard{}, nil
	}
	if err != nil {
		return card, err
	}
	for i, one := range all {
		if len(card.Links) == countedSearches {
			card.More = v.N("searches.more", len(all)-i)
			break
		}
		link := savedLink{Name: one.Name, Shared: one.OrgName, Href: address("/cases", savedQuery(one)), Here: savedQuery(one).Encode() == card.Query}
		if link.Count, err = s.countSearch(v, one); err != nil {
			return card, err
		}
		if link.Count == "" {
			continue // what it asks for is not there any more
		}
		card.Links = append(card.Links, link)
	}
	card.Orgs = s.ownOrgs(v)
	return card, nil
}

// ownOrgs are the member's organisations, to choose from.
func (s *server) ownOrgs(v *visit) []option {
	var out []option
	for _, id := range v.session.Member.Orgs {
		if org, ok := s.reg.Organisation(v.r.Context(), id); ok {
			out = append(out, option{Value: org.ID, Text: org.Name})
		}
	}
	return out
}

// savedQuery is what a saved search asks for.
func savedQuery(one registry.SavedSearch) url.Values {
	q, err := url.ParseQuery(one.Query)
	if err != nil {
		return url.Values{}
	}
	return searchOf(q)
}

// countSearch says how many cases a saved search finds today; nothing where it
// asks for what is not there any more.
func (s *server) countSearch(v *visit, one registry.SavedSearch) (string, error) {
	query, _, err := v.caseQuery(savedQuery(one))
	if err != nil {
		return "", nil
	}
	n, err := s.reg.CountCases(v.r.Context(), v.session, query)
	if errors.Is(err, registry.ErrNotFound) || errors.Is(err, registry.ErrNotAllowed) {
		return "", nil
	}
	return v.Number(n), err
}

type searchesBody struct {
	Done, Problem string
	Name, Query   string // of a form that was not taken
	Words         string
	Orgs          []option
	Rows          []searchRow
}

type searchRow struct {
	savedLink
	ID, Words, By string
}

// searches lists the saved searches with what each finds today.
func (s *server) searches(v *visit) error {
	done := ""
	if what := v.r.URL.Query().Get("done"); what == "saved" || what == "dropped" {
		done = v.T("searches.done." + what)
	}
	return s.showSearches(v, searchesBody{Done: done})
}

func (s *server) showSearches(v *visit, body searchesBody) error {
	all, err := s.reg.SavedSearches(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	orgs, err := s.orgNames(v)
	if err != nil {
		return err
	}
	for _, one := range all {
		row := searchRow{ID: one.ID, savedLink: savedLink{Name: one.Name, Href: address("/cases", savedQuery(one)), Shared: one.OrgName}}
		if !one.Own {
			row.By = one.By
		}
		if row.Count, err = s.countSearch(v, one); err != nil {
			return err
		}
		if row.Count == "" {
			row.Href = ""
		}
		if row.Words, err = s.searchWords(v, savedQuery(one), orgs); err != nil {
			return err
		}
		body.Rows = append(body.Rows, row)
	}
	body.Orgs = s.ownOrgs(v)
	if body.Query != "" {
		if q, err := url.ParseQuery(body.Query); err == nil {
			if body.Words, err = s.searchWords(v, searchOf(q), orgs); err != nil {
				return err
			}
		}
	}
	return s.show(v, "searches", v.T("searches.title"), body)
}

// searchWords says what a search looks for.
func (s *server) searchWords(v *visit, q url.Values, orgs map[string]string) (string, error) {
	query, _, err := v.caseQuery(q)
	if err != nil {
		return v.T("searches.gone"), nil
	}
	named, err := s.termNames(v, query.With)
	if err != nil {
		return "", err
	}
	var words []string
	for _, c := range v.chips(q, query, orgs, named) {
		words = append(words, c.Text)
	}
	if len(words) == 0 {
		return v.T("cases.why.all"), nil
	}
	return join(words), nil
}

// saveSearch keeps a search under a name.
func (s *server) saveSearch(v *visit) error {
	q, err := url.ParseQuery(v.r.PostFormValue("query"))
	if err != nil {
		return errBadRequest
	}
	if _, _, err := v.caseQuery(searchOf(q)); err != nil {
		return err
	}
	n := registry.NewSearch{Name: v.r.PostFormValue("name"), Query: searchOf(q).Encode(), Org: v.r.PostFormValue("share")}
	_, err = s.reg.SaveSearch(v.r.Context(), v.session, n)
	for _, p := range []struct {
		err error
		key string
	}{{registry.ErrSearchName, "name"}, {registry.ErrSearchLong, "long"}, {registry.ErrManySearches, "many"}} {
		if errors.Is(err, p.err) {
			v.status = http.StatusUnprocessableEntity
			return s.showSearches(v, searchesBody{Problem: v.T("searches.problem." + p.key), Name: n.Name, Query: n.Query})
		}
	}
	if err != nil {
		return err
	}
	v.redirect("/searches?done=saved")
	return nil
}

// dropSearch lets a saved search go.
func (s *server) dropSearch(v *visit) error {
	if err := s.reg.DropSearch(v.r.Context(), v.session, v.r.PathValue("id")); err != nil {
		return err
	}
	v.redirect("/searches?done=dropped")
	return nil
}

// paper says of what state of the register a printed page is: the day it was
// printed on, and the register's size and root. Nobody's name stands on paper.
func (s *server) paper(v *visit, at clock) (string, error) {
	entries, root, err := s.reg.Extent(v.r.Context(), v.session)
	if errors.Is(err, registry.ErrNotAllowed) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return v.T("print.state", v.clockWords(at), v.Day(v.reg.Today()), v.N("ledger.foot", int(entries)), short(root)), nil
}
