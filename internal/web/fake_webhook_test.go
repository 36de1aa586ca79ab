// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// The webhooks of the invented register: one in each state, and another member's.
const (
	webhookOne = "d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1"
	madeSecret = "whsec_AbCdEf0123456789AbCdEf0123456789AbCdEf01234="
)

func (f *fake) Webhooks(s *access.Session) ([]registry.WebhookView, error) {
	if f.empty {
		return nil, nil
	}
	own := func(id, path, state, why string) registry.WebhookView {
		return registry.WebhookView{ID: id, Member: s.Member.ID, MemberName: s.Member.Name, Key: apiKeyOne, KeyName: "sample: " + hostile, URL: "https://receiver.example.org/" + path, State: state, Why: why, Since: moment("2022-06-01T08:00:00Z"), Again: moment("2022-06-24T12:30:00Z")}
	}
	works, fails := own(webhookOne, "sample", registry.WebhookWorks, ""), own(strings.Repeat("e", 32), hostile, registry.WebhookFails, registry.TellTLS)
	works.Told = moment("2022-06-24T07:30:00Z")
	views := []registry.WebhookView{
		works, fails,
		own(strings.Repeat("1", 32), "new", registry.WebhookWorks, ""), own(strings.Repeat("2", 32), "silent", registry.WebhookGivenUp, registry.TellUnreachable),
		own(strings.Repeat("3", 32), "forbidden", registry.WebhookRefused, ""), own(strings.Repeat("4", 32), "over", registry.WebhookOver, ""),
		own(strings.Repeat("5", 32), "inside", registry.WebhookFails, registry.TellAddress), own(strings.Repeat("6", 32), "answers", registry.WebhookFails, registry.TellRefused),
		own(strings.Repeat("7", 32), "gone", registry.WebhookGivenUp, registry.TellGone),
	}
	if f.May(s, access.Administer) {
		views = append(views, registry.WebhookView{ID: strings.Repeat("9", 32), Member: strings.Repeat("9", 32), MemberName: "Sample Colleague", URL: "https://other.example.org", State: registry.WebhookGivenUp, Why: registry.TellUnreachable})
	}
	return views, nil
}

func (f *fake) WebhookHosts(*access.Session) []registry.WebhookHostView {
	if f.empty {
		return nil
	}
	return []registry.WebhookHostView{{Host: "office.sample.example:8443", Inside: true}, {Host: "receiver.example.org:443"}}
}

func (f *fake) MakeWebhook(_ context.Context, s *access.Session, n registry.NewWebhook) (registry.WebhookView, string, error) {
	switch {
	case !f.sessions.Fresh(s):
		return registry.WebhookView{}, "", registry.ErrProof
	case n.Key != apiKeyOne && n.Key != "many":
		return registry.WebhookView{}, "", registry.ErrWebhookKey
	case !strings.HasPrefix(n.URL, "https://"):
		return registry.WebhookView{}, "", registry.ErrWebhookURL
	case !strings.HasPrefix(n.URL, "https://receiver.example.org"):
		return registry.WebhookView{}, "", registry.ErrWebhookHost
	case n.Key == "many":
		return registry.WebhookView{}, "", registry.ErrWebhookMany
	}
	f.did = append(f.did, "webhook "+n.URL)
	return registry.WebhookView{ID: webhookOne, URL: n.URL}, madeSecret, nil
}

func (f *fake) EndWebhook(_ context.Context, _ *access.Session, id string) error {
	if id != webhookOne {
		return registry.ErrNotFound
	}
	f.did = append(f.did, "webhook ended")
	return nil
}

func (f *fake) AllowWebhookHost(_ context.Context, s *access.Session, host string, _ bool) error {
	switch {
	case !f.May(s, access.Administer):
		return registry.ErrNotAllowed
	case !f.sessions.Fresh(s):
		return registry.ErrProof
	case strings.Contains(host, "/"):
		return registry.ErrHost
	}
	f.did = append(f.did, "host "+host)
	return nil
}

func (f *fake) DisallowWebhookHost(ctx context.Context, s *access.Session, host string) error {
	return f.AllowWebhookHost(ctx, s, host, false)
}
