// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
)

// receivers keep what they are told, by the path of their address.
type receivers struct {
	mu   sync.Mutex
	told map[string][]Notice
	fail map[string]error
}

func (to *receivers) tell(_ context.Context, n Notice) error {
	to.mu.Lock()
	defer to.mu.Unlock()
	name := n.URL[strings.LastIndexByte(n.URL, '/')+1:]
	if to.told == nil {
		to.told = map[string][]Notice{}
	}
	to.told[name] = append(to.told[name], n)
	return to.fail[name]
}

// of answers what a receiver was told since, and forgets it.
func (to *receivers) of(name string) []Notice {
	to.mu.Lock()
	defer to.mu.Unlock()
	defer delete(to.told, name)
	return to.told[name]
}

const receiverHost = "receiver.sample.example"

// hook makes a webhook to a path, for a key of a member.
func (h *house) hook(who, key, path string) WebhookView {
	h.t.Helper()
	ctx := context.Background()
	if len(h.WebhookHosts(h.session)) == 0 {
		h.prove()
		if err := h.AllowWebhookHost(ctx, h.session, receiverHost, false); err != nil {
			h.t.Fatal(err)
		}
	}
	h.signIn(who)
	v, secret, err := h.MakeWebhook(ctx, h.people[who], NewWebhook{Key: key, URL: "https://" + receiverHost + "/" + path})
	if err != nil || !strings.HasPrefix(secret, "whsec_") || len(secret) != 50 {
		h.t.Fatal(err, secret)
	}
	return v
}

// tells has whoever is to be told be told, after a time.
func (h *house) tells(to *receivers, after time.Duration) (wait time.Duration) {
	h.t.Helper()
	h.clock.t = h.clock.t.Add(after)
	wait, err := h.TellWebhooks(context.Background(), to.tell)
	if err != nil {
		h.t.Fatal(err)
	}
	return wait
}

func (h *house) webhookIs(who, id string) WebhookView {
	h.t.Helper()
	views, err := h.Webhooks(h.people[who])
	if err != nil {
		h.t.Fatal(err)
	}
	for _, v := range views {
		if v.ID == id {
			return v
		}
	}
	return WebhookView{}
}

// TestWebhookTellsOfItsOwn holds that a receiver is told once that there is
// something new of what its key opens, from a cursor on by which it finds it, and
// of nothing that others write: it is not told at all, neither sooner, nor later,
// nor otherwise.
func TestWebhookTellsOfItsOwn(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	north, northText := h.apiKey("asel", "North", access.ReadCases)
	apart, _ := h.apiKey("dana", "", access.ReadFacts)
	h.hook("asel", north, "north")
	h.hook("dana", apart, "apart")
	theirs := h.apartCase()
	var to receivers
	h.tells(&to, 0)
	if n := len(to.of("apart")); n != 1 {
		t.Fatalf("told %d times of a case of their own", n)
	}
	if n := len(to.of("north")); n != 0 {
		t.Errorf("the north is told %d times of a case that is kept apart from it", n)
	}
	h.note("dana", theirs)
	h.note("madina", h.cases[3])
	h.tells(&to, time.Hour)
	if n := len(to.of("north")); n != 0 {
		t.Errorf("the key for the north is told %d times of the south and of those apart", n)
	}
	to.of("apart")
	h.note("asel", h.cases[0])
	h.note("asel", h.cases[1])
	h.tells(&to, time.Hour)
	told := to.of("north")
	if len(told) != 1 {
		t.Fatalf("told %d times of what was written at once", len(told))
	}
	var said struct {
		Type, Timestamp string
		Data            map[string]string
	}
	if err := json.Unmarshal(told[0].Body, &said); err != nil || said.Type != "changes" || said.Timestamp != h.clock.t.UTC().Format(time.RFC3339) || len(said.Data) != 1 {
		t.Errorf("said: %s %v", told[0].Body, err)
	}
	if !regexp.MustCompile(`^\{"type":"changes","timestamp":"[0-9TZ:-]{20}","data":\{"cursor":"c[A-Za-z0-9_-]{48}"\}\}$`).Match(told[0].Body) || !regexp.MustCompile(`^msg_[0-9a-f]{32}$`).MatchString(told[0].ID) {
		t.Errorf("another form: %s %s", told[0].ID, told[0].Body)
	}
	for _, word := range []string{h.cases[0], h.cases[1], h.orgs["North"], h.people["asel"].Member.ID, north, "asel", "North"} {
		if bytes.Contains(told[0].Body, []byte(word)) || strings.Contains(told[0].ID, word) {
			t.Errorf("the notice holds %q", word)
		}
	}
	found, err := h.Changes(ctx, h.program(northText), said.Data["cursor"])
	if err != nil || !slices.Contains(found.Changes, Change{Case: h.cases[0]}) || !slices.Contains(found.Changes, Change{Case: h.cases[1]}) {
		t.Errorf("from its cursor on: %+v %v", found.Changes, err)
	}
	if n := len(to.of("apart")); n != 0 {
		t.Errorf("those apart are told %d times of the north", n)
	}
	h.tells(&to, time.Hour)
	h.again()
	h.tells(&to, time.Hour)
	if len(to.told) > 0 {
		t.Errorf("told again, or of the audit: %v", slices.Collect(maps.Keys(to.told)))
	}
	// What follows soon waits for a pause, and is told once.
	h.note("asel", h.cases[0])
	h.tells(&to, 0)
	h.note("asel", h.cases[0])
	if wait := h.tells(&to, time.Second); wait != tellPause-time.Second || len(to.of("north")) != 1 {
		t.Errorf("a second time within the pause; it waits %s", wait)
	}
	if h.tells(&to, tellPause); len(to.of("north")) != 1 {
		t.Error("not told after the pause")
	}
}

// TestWebhookIsTriedAgain holds that what a receiver does not take is tried again
// after growing pauses, as the same message, also over restarts; that it is given
// up after days, which its member and administrators see; and that what was
// written meanwhile is told.
func TestWebhookIsTriedAgain(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	key, _ := h.apiKey("asel", "", access.ReadCases)
	hook := h.hook("asel", key, "slow")
	other := h.hook("asel", key, "well")
	to := receivers{fail: map[string]error{"slow": &TellError{TellRefused}}}
	h.note("asel", h.cases[0])
	h.tells(&to, 0)
	first := to.of("slow")
	if len(first) != 1 || len(to.of("well")) != 1 {
		t.Fatal(first)
	}
	for i, pause := range tellAgain {
		if wait := h.tells(&to, pause-time.Second); len(to.of("slow")) != 0 || wait != time.Second {
			t.Errorf("before the %dth pause is over; it waits %s", i, wait)
		}
		if i == 3 {
			h.again()
			h.note("asel", h.cases[1])
		}
		if v := h.webhookIs("asel", hook.ID); v.State != WebhookFails || v.Why != TellRefused || v.Again.IsZero() {
			t.Errorf("after the %dth: %+v", i, v)
		}
		h.tells(&to, time.Second)
		again := to.of("slow")
		if len(again) != 1 || again[0].ID != first[0].ID || !bytes.Equal(again[0].Body, first[0].Body) || !bytes.Equal(again[0].Secret, first[0].Secret) || !again[0].At.After(first[0].At) {
			t.Fatalf("the %dth time: %+v", i, again)
		}
	}
	if v := h.webhookIs("asel", hook.ID); v.State != WebhookGivenUp || !v.Again.IsZero() {
		t.Errorf("after all: %+v", v)
	}
	if v := h.webhookIs("asel", other.ID); v.State != WebhookWorks || v.Told.IsZero() {
		t.Errorf("the other: %+v", v)
	}
	h.signIn("zhanna") // who is no member of the north
	if v := h.webhookIs("zhanna", hook.ID); v.State != WebhookGivenUp || v.URL != "https://"+receiverHost {
		t.Errorf("to an administrator: %+v", v)
	}
	if c, err := h.Condition(ctx, h.people["zhanna"]); err != nil || c.Webhooks != 1 {
		t.Errorf("the condition: %+v %v", c, err)
	}
	h.note("asel", h.cases[0])
	if h.tells(&to, time.Hour); len(to.of("slow")) != 0 {
		t.Error("told after it was given up")
	}
	h.signIn("asel")
	if err := h.EndWebhook(ctx, h.people["asel"], hook.ID); err != nil {
		t.Fatal(err)
	}
	if c, err := h.Condition(ctx, h.people["zhanna"]); err != nil || c.Webhooks != 0 {
		t.Errorf("the condition, once it has ended: %+v %v", c, err)
	}
	// One that takes it after all is told of what came meanwhile from where it was.
	to.fail["well"] = errors.New("something else")
	h.note("asel", h.cases[0])
	h.tells(&to, time.Hour)
	failed := to.of("well")
	h.note("asel", h.cases[1])
	delete(to.fail, "well")
	h.tells(&to, time.Minute)
	if taken := to.of("well"); len(failed) == 0 || len(taken) != 1 || taken[0].ID != failed[len(failed)-1].ID {
		t.Errorf("taken after all: %d", len(taken))
	}
	if h.tells(&to, time.Minute); len(to.of("well")) != 0 {
		t.Error("told twice of what came meanwhile")
	}
	// Who is gone is told no more, at once.
	to.fail["well"] = &TellError{TellGone}
	h.note("asel", h.cases[1])
	h.tells(&to, time.Minute)
	if v := h.webhookIs("asel", other.ID); v.State != WebhookGivenUp || v.Why != TellGone {
		t.Errorf("gone: %+v", v)
	}
}

// TestWebhookEnds holds that nobody is told once the webhook, its key or its
// member's membership has ended, its day is over or its host is not allowed any
// more; and who may make, end and allow what.
func TestWebhookEnds(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	key, _ := h.apiKey("asel", "", access.ReadCases)
	figures, _ := h.apiKey("asel", "", access.CountFigures)
	var to receivers
	told := func(what string, want int) {
		t.Helper()
		h.signIn("nurlan")
		h.note("nurlan", h.cases[0])
		if h.tells(&to, time.Hour); len(to.of("x")) != want {
			t.Errorf("%s: not told %d times", what, want)
		}
	}
	hook := h.hook("asel", key, "x")
	told("it works", 1)
	good := NewWebhook{Key: key, URL: "https://" + receiverHost + "/y"}
	make := func(who string, change func(*NewWebhook)) error {
		n := good
		change(&n)
		h.signIn(who)
		_, _, err := h.MakeWebhook(ctx, h.people[who], n)
		return err
	}
	h.signIn("asel")
	for what, tt := range map[string]struct {
		who    string
		change func(*NewWebhook)
		want   error
	}{
		"another's key":       {"nurlan", func(*NewWebhook) {}, ErrWebhookKey},
		"a key that is none":  {"asel", func(n *NewWebhook) { n.Key = "x" }, ErrWebhookKey},
		"a key for figures":   {"asel", func(n *NewWebhook) { n.Key = figures }, ErrWebhookKey},
		"another host":        {"asel", func(n *NewWebhook) { n.URL = "https://other.example/" }, ErrWebhookHost},
		"another port":        {"asel", func(n *NewWebhook) { n.URL = "https://" + receiverHost + ":8443/" }, ErrWebhookHost},
		"in the clear":        {"asel", func(n *NewWebhook) { n.URL = "http://" + receiverHost + "/" }, ErrWebhookURL},
		"here, not allowed":   {"asel", func(n *NewWebhook) { n.URL = "http://localhost:9000/" }, ErrWebhookHost},
		"a name in it":        {"asel", func(n *NewWebhook) { n.URL = "https://a:b@" + receiverHost + "/" }, ErrWebhookURL},
		"a fragment":          {"asel", func(n *NewWebhook) { n.URL += "#" }, ErrWebhookURL},
		"another scheme":      {"asel", func(n *NewWebhook) { n.URL = "file:///etc/passwd" }, ErrWebhookURL},
		"no address":          {"asel", func(n *NewWebhook) { n.URL = "receiver" }, ErrWebhookURL},
		"too long":            {"asel", func(n *NewWebhook) { n.URL += strings.Repeat("y", maxWebhookURL) }, ErrWebhookURL},
		"a line break within": {"asel", func(n *NewWebhook) { n.URL = "https://" + receiverHost + "/\r\nx" }, ErrWebhookURL},
	} {
		if err := make(tt.who, tt.change); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	h.signIn("madina")
	if err := h.EndWebhook(ctx, h.people["madina"], hook.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("ended by another: %v", err)
	}
	if v, err := h.Webhooks(h.people["madina"]); err != nil || len(v) != 0 {
		t.Errorf("seen by another: %v %v", v, err)
	}
	for what, err := range map[string]error{
		"allowed by a case worker": h.AllowWebhookHost(ctx, h.people["asel"], "x.example", false), "taken back by one": h.DisallowWebhookHost(ctx, h.people["asel"], receiverHost),
	} {
		if !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	h.prove()
	for _, bad := range []string{"", "a b", "https://x.example", "x.example:0", "x.example:99999", "x.example:port", "user@x.example", "x.example/path", ".x.example", "fe80::1%eth0"} {
		if err := h.AllowWebhookHost(ctx, h.session, bad, true); !errors.Is(err, ErrHost) {
			t.Errorf("a host %q: %v", bad, err)
		}
	}
	// Nobody makes one for another, for another's key, or allows a host, by whatever record.
	forge := func(who, stream string, kind string, fields casefile.Fields) {
		t.Helper()
		h.signIn(who)
		h.writing.Lock()
		defer h.writing.Unlock()
		if err := h.write(ctx, h.people[who], []act{{stream: stream, puts: []Put{{Record: ledger.NewID().String(), Kind: kind, Fields: fields}}}}); err != nil {
			t.Fatal(err)
		}
	}
	before := len(h.roll().Webhooks) + len(h.roll().WebhookHosts)
	of := func(who string) string { return h.people[who].Member.ID }
	forge("nurlan", of("asel"), webhookKind, casefile.Fields{"key": {key}, "url": {good.URL}})
	forge("nurlan", of("nurlan"), webhookKind, casefile.Fields{"key": {key}, "url": {good.URL}})
	forge("nurlan", of("nurlan"), webhookHostKind, casefile.Fields{"host": {"evil.example:443"}, "inside": {"yes"}})
	forge("nurlan", of("aigerim"), webhookHostKind, casefile.Fields{"host": {"evil.example:443"}, "inside": {"yes"}})
	if n := len(h.roll().Webhooks) + len(h.roll().WebhookHosts); n != before {
		t.Errorf("%d forged records count", n-before)
	}
	// It stops with its host, and goes on with it.
	h.prove()
	if err := h.DisallowWebhookHost(ctx, h.session, receiverHost); err != nil {
		t.Fatal(err)
	}
	told("its host is not allowed any more", 0)
	if v := h.webhookIs("asel", hook.ID); v.State != WebhookRefused {
		t.Errorf("%+v", v)
	}
	h.prove()
	if err := h.AllowWebhookHost(ctx, h.session, strings.ToUpper(receiverHost)+":443", true); err != nil {
		t.Fatal(err)
	}
	told("its host is allowed again", 1)
	h.again()
	told("after a restart", 1)
	if err := h.EndWebhook(ctx, h.people["asel"], hook.ID); err != nil {
		t.Fatal(err)
	}
	told("it has ended", 0)
	h.hook("asel", key, "x")
	if err := h.EndAPIKey(ctx, h.people["asel"], key); err != nil {
		t.Fatal(err)
	}
	told("its key has ended", 0)
	if n := len(h.roll().Webhooks); n != 0 {
		t.Errorf("%d are left without their key", n)
	}
	key, _ = h.apiKey("asel", "", access.ReadCases)
	hook = h.hook("asel", key, "x")
	h.prove()
	if err := h.EndMember(ctx, h.session, of("asel")); err != nil {
		t.Fatal(err)
	}
	told("its member has left", 0)
	key, _ = h.apiKey("nurlan", "", access.ReadCases)
	hook = h.hook("nurlan", key, "x")
	told("another member's", 1)
	h.clock.t = h.clock.t.Add(31 * 24 * time.Hour)
	told("its key's day is over", 0)
	if v := h.webhookIs("nurlan", hook.ID); v.State != WebhookOver {
		t.Errorf("%+v", v)
	}
}

// TestWebhooksTogether holds that a receiver that takes long holds nobody up for
// longer than itself, and that no more are told at once than there may be.
func TestWebhooksTogether(t *testing.T) {
	h := newHouse(t)
	key, _ := h.apiKey("asel", "", access.ReadCases)
	for _, path := range []string{"a", "b", "c", "d", "e", "f"} {
		h.hook("asel", key, path)
	}
	h.note("asel", h.cases[0])
	var mu sync.Mutex
	at, most, told := 0, 0, 0
	full := make(chan struct{})
	tell := func(ctx context.Context, _ Notice) error {
		mu.Lock()
		at++
		if most = max(most, at); most == tellAtOnce && told == 0 {
			told = 1
			close(full)
		}
		mu.Unlock()
		<-full // none is done before as many as may be are at it
		mu.Lock()
		defer mu.Unlock()
		at--
		return nil
	}
	if _, err := h.TellWebhooks(t.Context(), tell); err != nil || most != tellAtOnce {
		t.Errorf("%d at once: %v", most, err)
	}
}

// TestKeepTelling holds that who is to be told is told soon after something is
// written, and that it ends with the context and with the lock.
func TestKeepTelling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		key, _ := h.apiKey("asel", "", access.ReadCases)
		h.hook("asel", key, "x")
		var to receivers
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); h.KeepTelling(ctx, to.tell) }()
		synctest.Wait()
		h.note("asel", h.cases[0])
		time.Sleep(2 * tellGather)
		synctest.Wait()
		if len(to.of("x")) != 1 {
			t.Error("not told soon after")
		}
		cancel()
		<-ended
		ended = make(chan struct{})
		go func() { defer close(ended); h.KeepTelling(t.Context(), to.tell) }()
		synctest.Wait()
		h.EndAll()
		<-ended
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}
