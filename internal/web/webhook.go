// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// webhookRegister is what the page of webhooks asks of the registry.
type webhookRegister interface {
	Webhooks(s *access.Session) ([]registry.WebhookView, error)
	WebhookHosts(s *access.Session) []registry.WebhookHostView
	MakeWebhook(ctx context.Context, s *access.Session, n registry.NewWebhook) (registry.WebhookView, string, error)
	EndWebhook(ctx context.Context, s *access.Session, id string) error
	AllowWebhookHost(ctx context.Context, s *access.Session, host string, inside bool) error
	DisallowWebhookHost(ctx context.Context, s *access.Session, host string) error
}

const webhooksPath = "/account/webhooks"

func (s *server) webhookRoutes() []route {
	return []route{
		{"GET " + webhooksPath, s.signed(s.webhooksPage)},
		{"POST " + webhooksPath, s.signed(s.makeWebhook)},
		{"POST " + webhooksPath + "/end", s.signed(s.endWebhook)},
		{"POST " + webhooksPath + "/allow", s.signed(s.allowWebhookHost)},
		{"POST " + webhooksPath + "/disallow", s.signed(s.disallowWebhookHost)},
	}
}

type webhooksBody struct {
	Own, Others   []webhookRow
	Keys          []option // of one's own that can have one
	Hosts         []webhookHostRow
	Administers   bool
	URL, Host     string
	Inside        bool
	Done, Problem string
	Wrong         string // the field that is
	Secret        string // of the webhook that was made a moment ago, shown this once
}

type webhookRow struct {
	ID, URL, Member, Key, State string
	Bad                         bool // its member has something to do
}

type webhookHostRow struct {
	Host   string
	Inside bool
}

// webhooksPage is where a member has programs told that there is something new,
// and an administrator says which hosts may be.
func (s *server) webhooksPage(v *visit) error {
	var body webhooksBody
	switch done := v.r.URL.Query().Get("done"); done {
	case "ended", "allowed", "disallowed":
		body.Done = v.T("webhook.done." + done)
	}
	return s.showWebhooks(v, body, "")
}

func (s *server) showWebhooks(v *visit, body webhooksBody, key string) error {
	hooks, err := s.reg.Webhooks(v.session)
	if err != nil {
		return err
	}
	for _, w := range hooks {
		row := webhookRow{ID: w.ID, URL: w.URL, Key: v.T("webhook.for", w.KeyName), State: v.webhookState(w)}
		row.Bad = w.State == registry.WebhookGivenUp || w.State == registry.WebhookRefused
		if w.Member == v.session.Member.ID {
			body.Own = append(body.Own, row)
		} else {
			row.Member, row.Key = w.MemberName, ""
			body.Others = append(body.Others, row)
		}
	}
	for _, k := range s.reg.APIKeys(v.session) {
		if k.Member == v.session.Member.ID && !k.Over && (&access.Limit{Scopes: k.Scopes}).Has(access.ChangeScopes()...) {
			body.Keys = append(body.Keys, option{k.ID, k.Name, k.ID == key})
		}
	}
	for _, h := range s.reg.WebhookHosts(v.session) {
		body.Hosts = append(body.Hosts, webhookHostRow{h.Host, h.Inside})
	}
	body.Administers = s.reg.May(v.session, access.Administer)
	return s.show(v, "webhooks", v.T("webhook.title"), body)
}

// webhookState says how it stands with a webhook, and what helps.
func (v *voice) webhookState(w registry.WebhookView) string {
	var said []string
	switch w.State {
	case registry.WebhookWorks:
		if w.Told.IsZero() {
			return v.T("webhook.state.never")
		}
		return v.T("webhook.state.told", v.moment(w.Told))
	case registry.WebhookFails:
		said = append(said, v.T("webhook.state.fails", v.moment(w.Again)))
	default:
		said = append(said, v.T("webhook.state."+w.State))
	}
	if w.Why != "" && (w.State == registry.WebhookFails || w.State == registry.WebhookGivenUp) {
		said = append(said, v.T("webhook.why."+w.Why))
	}
	return strings.Join(said, " ")
}

// makeWebhook makes a webhook and shows its secret, this once.
func (s *server) makeWebhook(v *visit) error {
	n := registry.NewWebhook{Key: v.r.PostFormValue("key"), URL: v.r.PostFormValue("url")}
	body := webhooksBody{URL: n.URL}
	_, secret, err := s.reg.MakeWebhook(v.r.Context(), v.session, n)
	switch {
	case err == nil:
		return s.show(v, "webhook", v.T("webhook.made"), webhooksBody{Secret: secret})
	case errors.Is(err, registry.ErrWebhookURL):
		body.Wrong = "url"
	case errors.Is(err, registry.ErrWebhookHost):
		body.Wrong = "host"
	case errors.Is(err, registry.ErrWebhookKey):
		body.Wrong = "key"
	case errors.Is(err, registry.ErrWebhookMany):
		body.Wrong = "many"
	default:
		return err
	}
	body.Problem = v.T("webhook.problem." + body.Wrong)
	v.status = http.StatusUnprocessableEntity
	return s.showWebhooks(v, body, n.Key)
}

func (s *server) endWebhook(v *visit) error {
	if err := s.reg.EndWebhook(v.r.Context(), v.session, v.r.PostFormValue("id")); err != nil {
		return err
	}
	v.redirect(webhooksPath + "?done=ended")
	return nil
}

func (s *server) allowWebhookHost(v *visit) error {
	body := webhooksBody{Host: v.r.PostFormValue("host"), Inside: v.r.PostFormValue("inside") != ""}
	err := s.reg.AllowWebhookHost(v.r.Context(), v.session, body.Host, body.Inside)
	if errors.Is(err, registry.ErrHost) {
		body.Wrong, body.Problem = "name", v.T("webhook.problem.name")
		v.status = http.StatusUnprocessableEntity
		return s.showWebhooks(v, body, "")
	}
	if err != nil {
		return err
	}
	v.redirect(webhooksPath + "?done=allowed")
	return nil
}

func (s *server) disallowWebhookHost(v *visit) error {
	if err := s.reg.DisallowWebhookHost(v.r.Context(), v.session, v.r.PostFormValue("host")); err != nil {
		return err
	}
	v.redirect(webhooksPath + "?done=disallowed")
	return nil
}
