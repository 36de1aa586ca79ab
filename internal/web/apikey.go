// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

// apiKeyRegister is what the page of keys for programs asks of the registry.
type apiKeyRegister interface {
	APIKeys(s *access.Session) []registry.APIKeyView
	MakeAPIKey(ctx context.Context, s *access.Session, n registry.NewAPIKey) (registry.APIKeyView, string, error)
	EndAPIKey(ctx context.Context, s *access.Session, id string) error
}

func (s *server) apiKeyRoutes() []route {
	return []route{
		{"GET /account/programs", s.signed(s.apiKeysPage)},
		{"POST /account/programs", s.signed(s.makeAPIKey)},
		{"POST /account/programs/end", s.signed(s.endAPIKey)},
	}
}

// apiKeyDays is how long a key lasts where its member does not say otherwise.
const apiKeyDays = 90

type apiKeysBody struct {
	Own, Others     []apiKeyRow
	Scopes          []option
	Orgs            []option // one's own, where there are several
	Name, Until     string
	Today, Last     string // between which a key may end
	Done, Problem   string
	Wrong           string // the field that is
	Made, MadeUntil string // the key that was made a moment ago, shown this once
}

type apiKeyRow struct {
	ID, Name, Member, Org, Since, Until, Used string
	Scopes                                    []string
	Over                                      bool
}

// apiKeysPage is where a member makes keys for programs and ends them; an
// administrator ends those of others, too.
func (s *server) apiKeysPage(v *visit) error {
	body := apiKeysBody{Until: s.reg.Today().Add(apiKeyDays).String()}
	if v.r.URL.Query().Get("done") == "ended" {
		body.Done = v.T("apikey.ended")
	}
	return s.showAPIKeys(v, body, nil, "")
}

func (s *server) showAPIKeys(v *visit, body apiKeysBody, scopes []string, org string) error {
	for _, k := range s.reg.APIKeys(v.session) {
		row := apiKeyRow{ID: k.ID, Name: k.Name, Org: k.OrgName, Since: v.moment(k.Since), Until: v.day(k.Until), Used: v.T("apikey.unused"), Over: k.Over}
		if !k.Used.IsZero() {
			row.Used = v.T("apikey.used", v.moment(k.Used))
		}
		for _, scope := range k.Scopes {
			row.Scopes = append(row.Scopes, v.label("api_scope", string(scope)))
		}
		if k.Member == v.session.Member.ID {
			body.Own = append(body.Own, row)
		} else {
			row.Member = k.MemberName
			body.Others = append(body.Others, row)
		}
	}
	for _, scope := range access.Scopes() {
		body.Scopes = append(body.Scopes, option{string(scope), v.label("api_scope", string(scope)), slices.Contains(scopes, string(scope))})
	}
	for _, id := range v.session.Member.Orgs {
		if o, ok := s.reg.Organisation(v.r.Context(), id); ok {
			body.Orgs = append(body.Orgs, option{o.ID, o.Name, o.ID == org})
		}
	}
	today := s.reg.Today()
	body.Today, body.Last = today.String(), today.Add(registry.MaxAPIKeyDays).String()
	return s.show(v, "apikeys", v.T("apikey.title"), body)
}

// makeAPIKey makes a key and shows it, this once.
func (s *server) makeAPIKey(v *visit) error {
	_ = v.r.ParseForm() // it was read already
	body := apiKeysBody{Name: v.r.PostFormValue("name"), Until: strings.TrimSpace(v.r.PostFormValue("until"))}
	scopes, org := v.r.PostForm["scope"], v.r.PostFormValue("org")
	n := registry.NewAPIKey{Name: body.Name, Org: org}
	for _, scope := range scopes {
		n.Scopes = append(n.Scopes, access.Scope(scope))
	}
	n.Until, _ = edtf.ParseDay(body.Until) // what is no day is refused
	made, text, err := s.reg.MakeAPIKey(v.r.Context(), v.session, n)
	switch {
	case err == nil:
		return s.show(v, "apikey", v.T("apikey.made"), apiKeysBody{Made: text, MadeUntil: v.day(made.Until)})
	case errors.Is(err, registry.ErrAPIKeyName):
		body.Wrong = "name"
	case errors.Is(err, registry.ErrAPIKeyScope):
		body.Wrong = "scope"
	case errors.Is(err, registry.ErrAPIKeyUntil):
		body.Wrong = "until"
	case errors.Is(err, registry.ErrAPIKeyMany):
		body.Wrong = "many"
	default:
		return err
	}
	body.Problem = v.T("apikey.problem." + body.Wrong)
	v.status = http.StatusUnprocessableEntity
	return s.showAPIKeys(v, body, scopes, org)
}

func (s *server) endAPIKey(v *visit) error {
	if err := s.reg.EndAPIKey(v.r.Context(), v.session, v.r.PostFormValue("id")); err != nil {
		return err
	}
	v.redirect("/account/programs?done=ended")
	return nil
}
