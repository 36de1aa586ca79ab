// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// The secrets of calendar links in the invented register: one of a link, and
// one that asks too often.
const (
	feedSecret = "AbCdEf0123456789AbCdEf0123456789AbCdEf01234"
	feedBusy   = "busybusybusybusybusybusybusybusybusybusybus"
)

func (f *fake) Feed(s *access.Session) registry.FeedView {
	if s.Member.Name == withFactor {
		return registry.FeedView{}
	}
	return registry.FeedView{On: true, Since: moment("2022-06-01T08:00:00Z"), Asked: moment("2022-06-24T07:30:00Z")}
}

func (f *fake) MakeFeed(_ context.Context, s *access.Session) (string, error) {
	if !f.sessions.Fresh(s) {
		return "", registry.ErrProof
	}
	return feedSecret, nil
}

func (f *fake) EndFeed(_ context.Context, s *access.Session) error {
	f.did = append(f.did, "feed ended")
	if s.Member.Name == withFactor {
		return registry.ErrNoFeed
	}
	return nil
}

// feedLang is in which language the member of the link is spoken to.
func (f *fake) FeedOf(_ context.Context, secret string) (registry.FeedContent, error) {
	switch {
	case secret == feedBusy:
		return registry.FeedContent{}, &access.WaitError{Wait: 600e9}
	case !strings.HasPrefix(secret, feedSecret):
		return registry.FeedContent{}, registry.ErrNotFound
	}
	c := registry.FeedContent{Lang: strings.TrimPrefix(secret, feedSecret), Now: f.at}
	for i, d := range f.dueItems() {
		if d.Day.Bound() {
			continue
		}
		c.Events = append(c.Events, registry.FeedEvent{UID: strings.Repeat(string(rune('a'+i)), 32), Day: d.Day, What: d.What, Rule: d.Rule, Code: d.Code, N: 1 + i%2})
	}
	return c, nil
}

func (f *fake) Reminders(s *access.Session) registry.RemindersView {
	if s.Member.Name == withFactor {
		return registry.RemindersView{}
	}
	return registry.RemindersView{Often: registry.Weekly, Address: "member@sample.example", Mail: true}
}

func (f *fake) SetReminders(_ context.Context, _ *access.Session, often, address string) error {
	switch {
	case often != registry.Never && often != registry.Daily && often != registry.Weekly:
		return registry.ErrOften
	case often != registry.Never && !strings.Contains(address, "@"):
		return registry.ErrAddress
	}
	f.did = append(f.did, "reminders "+often+" "+address)
	return nil
}

func (f *fake) Mail(_ context.Context, s *access.Session) (registry.MailView, error) {
	if !f.May(s, access.Administer) {
		return registry.MailView{}, registry.ErrNotAllowed
	}
	if f.empty {
		return registry.MailView{}, nil
	}
	return registry.MailView{
		On: true, Server: registry.MailServer{Host: "mail.sample.example", Port: 465, TLS: registry.WithTLS, User: hostile, From: "office@sample.example"},
		Password: true, Members: 3, Sent: 2, Failed: 1, Why: registry.MailRefused, At: moment("2022-06-20T07:00:00Z"),
	}, nil
}

func (f *fake) SetMail(_ context.Context, s *access.Session, m registry.MailServer) error {
	switch {
	case !f.May(s, access.Administer):
		return registry.ErrNotAllowed
	case !f.sessions.Fresh(s):
		return registry.ErrProof
	case m.Host == "" || m.Port == 0:
		return registry.ErrMailServer
	}
	f.did = append(f.did, "mail by "+m.Host+" "+m.TLS+" "+m.User+" "+m.Password+" "+m.From)
	return nil
}

func (f *fake) EndMail(_ context.Context, s *access.Session) error {
	if !f.May(s, access.Administer) {
		return registry.ErrNotAllowed
	}
	f.did = append(f.did, "mail ended")
	return nil
}

func (f *fake) Place(_ context.Context, _ *access.Session, _ bool) (registry.PlaceView, error) {
	return registry.PlaceView{On: true, Bucket: registry.Bucket{Name: "north-files"}, Away: 212, Here: 3, Going: 1}, nil
}

func (f *fake) TryMail(ctx context.Context, s *access.Session, to string, post registry.Post) error {
	if !f.May(s, access.Administer) {
		return registry.ErrNotAllowed
	}
	return post(ctx, registry.MailServer{}, registry.Letter{To: to})
}
