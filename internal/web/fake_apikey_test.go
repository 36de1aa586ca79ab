// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// The keys of the invented register: two of the member's, one of which is over,
// and another member's.
const (
	apiKeyOne = "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
	madeKey   = "kua_" + apiKeyOne + "_AbCdEf0123456789AbCdEf0123456789AbCdEf01234"
)

func (f *fake) APIKeys(s *access.Session) []registry.APIKeyView {
	if f.empty {
		return nil
	}
	today := f.Today()
	views := []registry.APIKeyView{
		{ID: apiKeyOne, Member: s.Member.ID, MemberName: s.Member.Name, Name: "sample: monthly figures", Scopes: []access.Scope{access.ReadFacts, access.CountFigures}, Until: today.Add(40), Since: moment("2022-06-01T08:00:00Z"), Used: moment("2022-06-24T07:30:00Z")},
		{ID: strings.Repeat("b", 32), Member: s.Member.ID, MemberName: s.Member.Name, Name: hostile, Scopes: []access.Scope{access.ReadCases, access.WriteCases}, Org: orgNorth, OrgName: "North (sample)", Until: today.Add(-3), Since: moment("2022-05-01T08:00:00Z"), Over: true},
	}
	if f.May(s, access.Administer) {
		views = append(views, registry.APIKeyView{ID: strings.Repeat("c", 32), Member: strings.Repeat("9", 32), MemberName: "Sample Colleague", Name: "sample: nightly tables", Scopes: []access.Scope{access.ReadFacts}, Until: today.Add(4), Since: moment("2022-04-01T08:00:00Z")})
	}
	return views
}

func (f *fake) MakeAPIKey(_ context.Context, s *access.Session, n registry.NewAPIKey) (registry.APIKeyView, string, error) {
	switch {
	case !f.sessions.Fresh(s):
		return registry.APIKeyView{}, "", registry.ErrProof
	case strings.TrimSpace(n.Name) == "":
		return registry.APIKeyView{}, "", registry.ErrAPIKeyName
	case len(n.Scopes) == 0:
		return registry.APIKeyView{}, "", registry.ErrAPIKeyScope
	case n.Until < f.Today():
		return registry.APIKeyView{}, "", registry.ErrAPIKeyUntil
	case n.Name == "too many":
		return registry.APIKeyView{}, "", registry.ErrAPIKeyMany
	}
	f.did = append(f.did, "api key "+n.Name)
	return registry.APIKeyView{ID: apiKeyOne, Name: n.Name, Scopes: n.Scopes, Until: n.Until}, madeKey, nil
}

func (f *fake) EndAPIKey(_ context.Context, _ *access.Session, id string) error {
	if id != apiKeyOne {
		return registry.ErrNotFound
	}
	f.did = append(f.did, "api key ended")
	return nil
}
