// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/ledger"
)

// A webhook tells a program that there is something new for a key: a request to
// an address of its own, without content. It belongs to a key and ends with it.
// Which hosts may be told at all administrators say. Both are records of the
// signed ledger, in the stream of whoever set them up.
const (
	webhookKind     = "webhook"
	webhookHostKind = "webhook_host"
)

// forProgramsKind tells whether a kind is of what members set up for programs.
func forProgramsKind(kind string) bool {
	return kind == apiKeyKind || kind == webhookKind || kind == webhookHostKind
}

// The bounds of webhooks.
const (
	maxWebhooks     = 8  // of a member
	maxWebhookHosts = 32 // of a register
	maxWebhookURL   = 500
)

// What somebody with a webhook can be told.
var (
	// ErrWebhookURL says that an address can't be one.
	ErrWebhookURL = errors.New("this is no address for a webhook: write it as https://receiver.example.org/path, without a name, a password or a fragment; http:// is for a receiver on this machine alone")
	// ErrWebhookHost says that nobody has allowed the host of an address.
	ErrWebhookHost = errors.New("this host may not be told: an administrator allows it first, with 'kua webhook allow HOST' or on the page Webhooks")
	// ErrWebhookKey says that a key reads nothing that changes are told of.
	ErrWebhookKey = errors.New("a webhook needs a key of yours that has not ended and that reads cases or records outside them")
	// ErrWebhookMany says that a member has as many webhooks as one may.
	ErrWebhookMany = fmt.Errorf("you have %d webhooks: end one before you make another", maxWebhooks)
	// ErrHost says that a host can't be one, or that there are as many as there may be.
	ErrHost = fmt.Errorf("name a host as receiver.example.org or receiver.example.org:8443, and no more than %d of them", maxWebhookHosts)
)

// webhook is a webhook as the ledger has it.
type webhook struct {
	Member, Record, Key string
	URL                 string
	Since               time.Time
	From                uint64 // the place in the ledger behind its record: nothing before it is told
}

// webhookHost is a host that may be told as the ledger has it.
type webhookHost struct {
	Member, Record string
	Host           string // with its port
	Inside         bool   // it may be this machine, or one of its own network
	Since          time.Time
}

// putForPrograms takes in what a member sets up for programs, and answers false
// where its author was not entitled to it.
func (ro *roll) putForPrograms(member string, e casefile.Entry) bool {
	switch e.Kind {
	case webhookKind:
		return ro.putWebhook(member, e)
	case webhookHostKind:
		return ro.putWebhookHost(member, e)
	}
	return ro.putAPIKey(member, e)
}

// putWebhook takes a webhook in: a member makes one for a key of their own; an
// administrator may end one.
func (ro *roll) putWebhook(member string, e casefile.Entry) bool {
	m, author, old := ro.member(member), ro.member(e.Author), ro.webhook(e.Record)
	if m == nil || author == nil || author.Left {
		return false
	}
	if e.Op != casefile.Put {
		if old == nil || old.Member != member || author.ID != member && !author.administers() {
			return false
		}
		ro.Webhooks = slices.DeleteFunc(ro.Webhooks, func(w *webhook) bool { return w == old })
		return true
	}
	k := ro.apiKey(first(e.Fields["key"]))
	if m.Left || author.ID != member || old != nil || k == nil || k.Member != member {
		return false
	}
	ro.Webhooks = append(ro.Webhooks, &webhook{Member: member, Record: e.Record, Key: k.Record, URL: first(e.Fields["url"]), Since: e.At, From: e.Pos + 1})
	return true
}

// putWebhookHost takes in which host may be told: administrators alone say so.
func (ro *roll) putWebhookHost(member string, e casefile.Entry) bool {
	author := ro.member(e.Author)
	if ro.member(member) == nil || !author.administers() {
		return false
	}
	if e.Op == casefile.Put && author.ID != member {
		return false
	}
	ro.WebhookHosts = slices.DeleteFunc(ro.WebhookHosts, func(h *webhookHost) bool { return h.Record == e.Record })
	if e.Op == casefile.Put {
		ro.WebhookHosts = append(ro.WebhookHosts, &webhookHost{Member: member, Record: e.Record, Host: first(e.Fields["host"]), Inside: first(e.Fields["inside"]) == "yes", Since: e.At})
	}
	return true
}

func (ro *roll) webhook(id string) *webhook {
	return find(ro.Webhooks, func(w *webhook) string { return w.Record }, id)
}

func (ro *roll) webhookHost(host string) *webhookHost {
	return find(ro.WebhookHosts, func(h *webhookHost) string { return h.Host }, host)
}

// webhookLives tells whether the key of a webhook opens something on a day.
func (ro *roll) webhookLives(w *webhook, day edtf.Day) bool { return ro.apiKeyLives(w.Key, day) }

// hostAllowed is the host of a webhook's address, if it may be told; nil: it may not.
func (ro *roll) hostAllowed(address string) *webhookHost {
	host, plain, err := webhookAddress(address)
	if err != nil {
		return nil
	}
	if h := ro.webhookHost(host); h != nil && (!plain || h.Inside) {
		return h
	}
	return nil
}

// hostPort reads a host with its port, where none is said 443, as it is compared.
func hostPort(text string) (string, error) {
	host, port := strings.ToLower(strings.TrimSpace(text)), "443"
	if h, p, err := net.SplitHostPort(host); err == nil {
		host, port = h, p
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '0' {
		return "", ErrHost
	}
	addr, err := netip.ParseAddr(host)
	isName := host != "" && len(host) <= 253 && strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-") == "" && !strings.HasPrefix(host, ".") && !strings.HasSuffix(host, ".")
	if err != nil && !isName || addr.Zone() != "" {
		return "", ErrHost
	}
	return net.JoinHostPort(host, port), nil
}

// webhookAddress reads the address of a webhook: host and port as they are
// allowed, and whether it goes without TLS, which it may on this machine alone.
func webhookAddress(text string) (host string, plain bool, err error) {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxWebhookURL || u.Opaque != "" || u.User != nil || u.Fragment != "" || strings.ContainsAny(text, "#\r\n\t ") || u.Host == "" {
		return "", false, ErrWebhookURL
	}
	name := u.Host
	switch u.Scheme {
	case "https":
	case "http":
		plain = true
		if addr, err := netip.ParseAddr(u.Hostname()); u.Hostname() != "localhost" && (err != nil || !addr.IsLoopback()) {
			return "", false, ErrWebhookURL
		}
		if u.Port() == "" {
			name = net.JoinHostPort(u.Hostname(), "80")
		}
	default:
		return "", false, ErrWebhookURL
	}
	if host, err = hostPort(name); err != nil {
		return "", false, ErrWebhookURL
	}
	return host, plain, nil
}

// NewWebhook is a webhook that a member makes.
type NewWebhook struct {
	Key string // id of a key of theirs
	URL string
}

// How it stands with a webhook.
const (
	WebhookWorks   = "works" // what there was to tell was told, or waits for its first try
	WebhookFails   = "fails" // it is tried again
	WebhookGivenUp = "given_up"
	WebhookRefused = "refused" // its host is not allowed any more
	WebhookOver    = "over"    // its key has ended
)

// WebhookView is a webhook, to its member or an administrator.
type WebhookView struct {
	ID, Member, MemberName string
	Key, KeyName           string
	URL                    string // to others than its member without its path
	Since                  time.Time
	State                  string    // one of the words above
	Why                    string    // the last failure, in a word; empty: none since it was last told
	Told                   time.Time // when it last took a message; zero: never
	Again                  time.Time // when it is tried again; zero: nothing waits
}

// WebhookHostView is a host that may be told.
type WebhookHostView struct {
	Host   string // with its port
	Inside bool   // it may be this machine, or one of its own network
	Since  time.Time
}

// webhookSecret is what the messages of a webhook are signed with. It is made of
// the node's key and the webhook's id, so that nothing has to keep it, and all
// machines of a register sign alike.
func (r *Registry) webhookSecret(id string) []byte {
	key := r.nodeKey("kua/webhook secret/v1")
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(id))
	return mac.Sum(nil)
}

// MakeWebhook makes a webhook and answers its secret, which is shown this once.
// ErrProof where the member's passphrase was not given of late.
func (r *Registry) MakeWebhook(ctx context.Context, s *access.Session, n NewWebhook) (_ WebhookView, secret string, err error) {
	defer r.did(ctx, s, actWebhook, "", &err)
	switch {
	case r.beside:
		return WebhookView{}, "", ledger.ErrLocked
	case !r.sessions.Fresh(s):
		return WebhookView{}, "", ErrProof
	}
	n.URL = strings.TrimSpace(n.URL)
	if _, _, err := webhookAddress(n.URL); err != nil {
		return WebhookView{}, "", err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	ro := r.roll()
	k := ro.apiKey(n.Key)
	switch {
	case k == nil || k.Member != s.Member.ID || !ro.apiKeyLives(n.Key, r.Today()) || !(&access.Limit{Scopes: k.Scopes}).Has(access.ChangeScopes()...):
		return WebhookView{}, "", ErrWebhookKey
	case ro.hostAllowed(n.URL) == nil:
		return WebhookView{}, "", ErrWebhookHost
	case len(slices.DeleteFunc(slices.Clone(ro.Webhooks), func(w *webhook) bool { return w.Member != s.Member.ID })) >= maxWebhooks:
		return WebhookView{}, "", ErrWebhookMany
	}
	id := ledger.NewID().String()
	put := Put{Record: id, Kind: webhookKind, Fields: casefile.Fields{"key": {k.Record}, "url": {n.URL}}}
	if err := r.write(ctx, s, []act{{stream: s.Member.ID, puts: []Put{put}, source: "made by the member"}}); err != nil {
		return WebhookView{}, "", err
	}
	view := r.webhookView(r.roll(), r.roll().webhook(id), toldState{}, true)
	return view, "whsec_" + base64.StdEncoding.EncodeToString(r.webhookSecret(id)), nil
}

// EndWebhook ends a webhook at once: one's own, or as an administrator anybody's.
// It needs no passphrase: who is in a hurry must not look for it.
func (r *Registry) EndWebhook(ctx context.Context, s *access.Session, id string) (err error) {
	defer r.did(ctx, s, actWebhook, "", &err)
	r.writing.Lock()
	defer r.writing.Unlock()
	w := r.roll().webhook(id)
	if w == nil || w.Member != s.Member.ID && !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return ErrNotFound
	}
	return r.write(ctx, s, []act{{stream: w.Member, withdraws: []Put{{Record: id, Kind: webhookKind}}, source: "ended"}})
}

// Webhooks are the member's own webhooks, the newest first; to an administrator
// those of everybody, without the paths of their addresses.
func (r *Registry) Webhooks(s *access.Session) ([]WebhookView, error) {
	all := access.Decide(s.Member, access.Administer, access.Thing{})
	ro := r.roll()
	st, err := r.toldState()
	if err != nil {
		return nil, err
	}
	var views []WebhookView
	for _, w := range ro.Webhooks {
		if own := w.Member == s.Member.ID; all || own {
			views = append(views, r.webhookView(ro, w, st, own))
		}
	}
	slices.SortFunc(views, func(a, b WebhookView) int { return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.ID, b.ID)) })
	return views, nil
}

func (r *Registry) webhookView(ro *roll, w *webhook, st toldState, own bool) WebhookView {
	v := WebhookView{ID: w.Record, Member: w.Member, Key: w.Key, URL: w.URL, Since: w.Since, State: WebhookWorks}
	if !own {
		if u, err := url.Parse(w.URL); err == nil {
			v.URL = u.Scheme + "://" + u.Host
		}
	}
	if m := ro.member(w.Member); m != nil {
		v.MemberName = m.Name
	}
	if k := ro.apiKey(w.Key); k != nil {
		v.KeyName = k.Name
	}
	is := st.Webhooks[w.Record]
	v.Why, v.Told = is.Why, is.Told
	if is.Waits != nil {
		v.Again = is.Waits.Due
	}
	switch {
	case !ro.webhookLives(w, r.Today()):
		v.State = WebhookOver
	case ro.hostAllowed(w.URL) == nil:
		v.State = WebhookRefused
	case !is.GivenUp.IsZero():
		v.State = WebhookGivenUp
	case is.Why != "":
		v.State = WebhookFails
	}
	if v.State != WebhookWorks && v.State != WebhookFails {
		v.Again = time.Time{}
	}
	return v
}

// WebhookHosts are the hosts that may be told, by name.
func (r *Registry) WebhookHosts(*access.Session) []WebhookHostView {
	var views []WebhookHostView
	for _, h := range r.roll().WebhookHosts {
		views = append(views, WebhookHostView{h.Host, h.Inside, h.Since})
	}
	slices.SortFunc(views, func(a, b WebhookHostView) int { return cmp.Compare(a.Host, b.Host) })
	return views
}

// AllowWebhookHost has a host told where a member asks for it; inside, also
// where it is this machine or one of its own network.
func (r *Registry) AllowWebhookHost(ctx context.Context, s *access.Session, host string, inside bool) (err error) {
	defer r.did(ctx, s, actWebhook, "", &err)
	if err := r.mayLookAfter(s); err != nil {
		return err
	}
	if host, err = hostPort(host); err != nil {
		return err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	ro := r.roll()
	switch old := ro.webhookHost(host); {
	case old != nil && old.Inside == inside:
		return nil
	case old != nil:
		if err := r.disallow(ctx, s, old); err != nil {
			return err
		}
	case len(ro.WebhookHosts) >= maxWebhookHosts:
		return ErrHost
	}
	put := Put{Record: ledger.NewID().String(), Kind: webhookHostKind, Fields: casefile.Fields{"host": {host}, "inside": {"no"}}}
	if inside {
		put.Fields["inside"] = []string{"yes"}
	}
	return r.write(ctx, s, []act{{stream: s.Member.ID, puts: []Put{put}, source: "allowed by an administrator"}})
}

func (r *Registry) disallow(ctx context.Context, s *access.Session, h *webhookHost) error {
	return r.write(ctx, s, []act{{stream: h.Member, withdraws: []Put{{Record: h.Record, Kind: webhookHostKind}}, source: "not allowed any more"}})
}

// DisallowWebhookHost has a host told no more.
func (r *Registry) DisallowWebhookHost(ctx context.Context, s *access.Session, host string) (err error) {
	defer r.did(ctx, s, actWebhook, "", &err)
	if err := r.mayLookAfter(s); err != nil {
		return err
	}
	if host, err = hostPort(host); err != nil {
		return err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	old := r.roll().webhookHost(host)
	if old == nil {
		return ErrNotFound
	}
	return r.disallow(ctx, s, old)
}
