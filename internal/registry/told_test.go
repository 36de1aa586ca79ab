// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
)

func (h *house) feedOf(who string) string {
	h.t.Helper()
	secret, err := h.MakeFeed(context.Background(), h.people[who])
	if err != nil {
		h.t.Fatal(err)
	}
	return secret
}

// TestFeedShowsWhatItsMemberMaySee holds that a calendar link needs no session,
// shows what is due in its member's own cases and nothing else, and ends with
// its member, its replacement and its withdrawal.
func TestFeedShowsWhatItsMemberMaySee(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	today := h.Today()
	h.task("asel", h.cases[0], today.Add(3).String(), "asel")
	h.task("asel", h.cases[1], today.Add(3).String(), "")
	h.task("asel", h.cases[1], today.Add(400).String(), "") // too far off
	h.task("madina", h.cases[3], today.Add(2).String(), "")
	h.task("madina", h.cases[4], today.Add(2).String(), "")
	h.grant("madina", h.cases[3], "asel", access.Identity, "") // of another organisation: not hers to keep in mind
	if err := h.Restrict(ctx, h.people["madina"], h.cases[4], true); err != nil {
		t.Fatal(err)
	}
	told := func(secret string) string {
		t.Helper()
		c, err := h.FeedOf(ctx, secret)
		if err != nil {
			return "none"
		}
		var out []string
		for _, e := range c.Events {
			if e.What == DueTask {
				out = append(out, fmt.Sprint(e.Day.Sub(today), " ", e.Code, " ", e.N))
			}
		}
		return c.Lang + ": " + strings.Join(out, ", ")
	}
	asel, madina, timur := h.feedOf("asel"), h.feedOf("madina"), h.feedOf("timur")
	for secret, want := range map[string]string{asel: "ru: 3 appeal 2", madina: "ru: 2 appeal 2", timur: "ru: 2 appeal 1", "": "none", "x": "none", asel[1:]: "none", asel + " ": "none"} {
		if got := told(secret); got != want {
			t.Errorf("the link %.4s… shows %q, want %q", secret, got, want)
		}
	}
	if got := told(h.roll().Feeds[0].Mark); got != "none" {
		t.Error("what is kept of a secret opens it")
	}
	// It is the same link after the register was opened anew.
	h.again()
	if got := told(asel); got != "ru: 3 appeal 2" {
		t.Errorf("opened anew: %q", got)
	}
	if err := os.Remove(filepath.Join(h.dir, rightsFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	h.again()
	if got := told(asel); got != "ru: 3 appeal 2" {
		t.Errorf("read from the ledger anew: %q", got)
	}
	next := h.feedOf("asel")
	if told(asel) != "none" || told(next) != "ru: 3 appeal 2" {
		t.Error("a link that was replaced shows something, or the new one nothing")
	}
	if v := h.Feed(h.people["asel"]); !v.On || v.Asked.IsZero() {
		t.Errorf("asel's link: %+v", v)
	}
	if err := h.EndFeed(ctx, h.people["asel"]); err != nil || told(next) != "none" || h.Feed(h.people["asel"]).On {
		t.Errorf("withdrawn: %q %v", told(next), err)
	}
	if err := h.EndFeed(ctx, h.people["asel"]); !errors.Is(err, ErrNoFeed) {
		t.Errorf("withdrawn twice: %v", err)
	}
	h.prove()
	if err := h.EndMember(ctx, h.people["aigerim"], h.people["timur"].Member.ID); err != nil {
		t.Fatal(err)
	}
	if got := told(timur); got != "none" {
		t.Errorf("who has left is still shown %q", got)
	}
	delete(h.people, "timur")
	h.later(10 * time.Minute)
	h.clock.t = h.clock.t.Add(access.ProofLimit + time.Minute)
	if _, err := h.MakeFeed(ctx, h.people["asel"]); !errors.Is(err, ErrProof) {
		t.Errorf("a link without a passphrase: %v", err)
	}
	if _, err := h.MakeFeed(ctx, h.people["zhanna"]); err == nil {
		t.Error("a link for somebody who sees no case")
	}
	h.verify()
}

// TestFeedNamesAreStable holds that an event keeps its name, that another
// link's event has another one, and that none can be made from what it is of.
func TestFeedNamesAreStable(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	h.task("asel", h.cases[0], h.Today().Add(3).String(), "")
	asel, nurlan := h.feedOf("asel"), h.feedOf("nurlan")
	uids := func(secret string) []string {
		c, err := h.FeedOf(ctx, secret)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, e := range c.Events {
			out = append(out, e.UID)
		}
		return out
	}
	first := uids(asel)
	h.again()
	h.clock.t = h.clock.t.Add(time.Hour)
	if second := uids(asel); len(first) == 0 || !slices.Equal(first, second) {
		t.Errorf("names change: %v, then %v", first, second)
	}
	for _, uid := range uids(nurlan) {
		if slices.Contains(first, uid) {
			t.Error("two links have the same name for an event")
		}
		if strings.Contains(uid, h.cases[0]) || len(uid) != 32 {
			t.Errorf("a name says something: %s", uid)
		}
	}
}

// TestFeedAskedTooOften holds that one link can't be asked for without end.
func TestFeedAskedTooOften(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	secret := h.feedOf("asel")
	for range asksAnHour {
		if _, err := h.FeedOf(ctx, secret); err != nil {
			t.Fatal(err)
		}
	}
	var wait *access.WaitError
	if _, err := h.FeedOf(ctx, secret); !errors.As(err, &wait) || wait.Wait <= 0 || wait.Wait > time.Hour {
		t.Errorf("asked too often: %v", err)
	}
	if _, err := h.FeedOf(ctx, secret+"x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("another: %v", err)
	}
	h.clock.t = h.clock.t.Add(time.Hour)
	if _, err := h.FeedOf(ctx, secret); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

// TestToldIsTheMembersOwnRegression holds that nobody makes a calendar link or
// sets an address for another, by whatever record.
func TestToldIsTheMembersOwnRegression(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	asel, aigerim := h.people["asel"].Member.ID, h.people["aigerim"]
	forged := func(kind string, fields casefile.Fields) {
		t.Helper()
		h.writing.Lock()
		defer h.writing.Unlock()
		if err := h.write(ctx, aigerim, []act{{stream: asel, puts: []Put{{Record: ledger.NewID().String(), Kind: kind, Fields: fields}}}}); err != nil {
			t.Fatal(err)
		}
	}
	forged(feedKind, casefile.Fields{"mark": {feedMark("mine")}})
	forged(remindersKind, casefile.Fields{"often": {Daily}, "address": {"spy@example.org"}})
	if _, err := h.FeedOf(ctx, "mine"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a link that another made: %v", err)
	}
	if v := h.Reminders(h.people["asel"]); v.Often != Never || v.Address != "" {
		t.Errorf("reminders that another set: %+v", v)
	}
	for _, kind := range []string{feedKind, remindersKind} {
		if _, err := h.PutOutside(ctx, aigerim, "list: x", []Put{{Record: ledger.NewID().String(), Kind: kind, Fields: casefile.Fields{"mark": {"x"}, "often": {Daily}, "address": {"a@b.example"}}}}); err == nil {
			t.Errorf("a %s by a list", kind)
		}
	}
}

var sampleServer = MailServer{Host: "mail.sample.example", Port: 587, TLS: StartTLS, User: "u", Password: "seven good words", From: "office@sample.example"}

// office sets the mail server up.
func (h *house) office() {
	h.t.Helper()
	h.prove()
	if err := h.SetMail(context.Background(), h.people["aigerim"], sampleServer); err != nil {
		h.t.Fatal(err)
	}
}

// letters keeps what is sent.
type letters struct {
	sent []Letter
	fail error
}

func (l *letters) post(_ context.Context, by MailServer, one Letter) error {
	if by != sampleServer {
		return errors.New("another server")
	}
	if l.fail == nil {
		l.sent = append(l.sent, one)
	}
	return l.fail
}

// at sets the clock to an hour of a day after the house was made, a Friday.
func (h *remindedHouse) at(days, hour int) {
	y, m, d := h.start.Date()
	h.clock.t = time.Date(y, m, d+days, hour, 0, 0, 0, h.start.Location())
}

func (h *remindedHouse) remind(l *letters) Reminded {
	h.t.Helper()
	done, err := h.Remind(context.Background(), l.post)
	if err != nil {
		h.t.Fatal(err)
	}
	return done
}

func remindersHouse(t *testing.T) *remindedHouse {
	h := &remindedHouse{house: newHouse(t)}
	h.office()
	h.start = h.clock.t
	return h
}

// TestRemindOnce holds that each member is reminded once a day or a week, of
// what is due in their own cases, also over restarts.
func TestRemindOnce(t *testing.T) {
	h := remindersHouse(t)
	ctx := context.Background()
	today := h.Today()
	for who, often := range map[string]string{"asel": Weekly, "nurlan": Daily, "madina": Daily, "olga": Weekly} {
		if err := h.SetReminders(ctx, h.people[who], often, who+"@sample.example"); err != nil {
			t.Fatal(err)
		}
	}
	h.task("asel", h.cases[0], today.Add(-1).String(), "") // overdue
	h.task("asel", h.cases[0], today.Add(4).String(), "")  // Tuesday
	h.task("asel", h.cases[1], today.Add(20).String(), "") // not this week
	monday := 3
	if today.Weekday() != time.Friday {
		t.Fatal("the house was not made on a Friday")
	}
	var l letters
	h.at(monday, 6)
	if done := h.remind(&l); done != (Reminded{}) {
		t.Errorf("before 7: %+v", done)
	}
	h.at(monday, 7)
	done := h.remind(&l)
	slices.SortFunc(l.sent, func(a, b Letter) int { return strings.Compare(a.To, b.To) })
	want := []Letter{
		{To: "asel@sample.example", Lang: "ru", Weekly: true, Tasks: 1, Overdue: 1},
		{To: "nurlan@sample.example", Lang: "ru", Overdue: 1},
	}
	if done.Sent != 2 || done.Nothing != 2 || !slices.Equal(l.sent, want) {
		t.Errorf("on Monday: %+v %+v", done, l.sent)
	}
	for _, hour := range []int{7, 8, 23} {
		h.at(monday, hour)
		if h.remind(&l); len(l.sent) != 2 {
			t.Errorf("at %d o'clock again: %+v", hour, l.sent)
		}
	}
	h.reopenAs("aigerim")
	if h.remind(&l); len(l.sent) != 2 {
		t.Errorf("after a restart again: %+v", l.sent)
	}
	h.at(monday+1, 9)
	l.sent = nil
	if h.remind(&l); len(l.sent) != 1 || l.sent[0] != (Letter{To: "nurlan@sample.example", Lang: "ru", Tasks: 1, Overdue: 1}) {
		t.Errorf("on Tuesday: %+v", l.sent)
	}
	l.sent = nil
	h.at(monday+9, 12) // the program was off on Monday
	if h.remind(&l); len(l.sent) != 2 {
		t.Errorf("in the week after: %+v", l.sent)
	}
	// Who wants none any more, or has left, is written to no more.
	h.later(0)
	if err := h.SetReminders(ctx, h.people["asel"], Never, ""); err != nil {
		t.Fatal(err)
	}
	h.prove()
	if err := h.EndMember(ctx, h.people["aigerim"], h.people["nurlan"].Member.ID); err != nil {
		t.Fatal(err)
	}
	l.sent = nil
	h.at(monday+21, 12)
	if h.remind(&l); len(l.sent) != 0 {
		t.Errorf("who does not want it, or has left: %+v", l.sent)
	}
}

// TestUrgentIsToldAtOnceRegression: whoever is reminded once a week heard of a
// report in which life is at risk on Monday. It is told at once, at any hour,
// once, and again where the server did not take it.
func TestUrgentIsToldAtOnceRegression(t *testing.T) {
	h := &remindedHouse{house: takes(t)}
	h.office()
	h.start = h.clock.t
	ctx := context.Background()
	for who, often := range map[string]string{"saule": Weekly, "asel": Daily} {
		if err := h.SetReminders(ctx, h.people[who], often, who+"@sample.example"); err != nil {
			t.Fatal(err)
		}
	}
	id := h.outside(1).sends(t, "he is in danger")
	var l letters
	h.at(1, 12)
	h.remind(&l) // those of the day and the week
	l.sent = nil
	h.at(2, 3)
	sorted := func(yes bool) {
		t.Helper()
		if err := h.SortSubmission(ctx, h.people["erlan"], id, SubmissionSort{Urgent: &yes}); err != nil {
			t.Fatal(err)
		}
	}
	sorted(true)
	l.fail = &MailError{Why: MailUnreachable}
	if done := h.remind(&l); done.Failed != 1 {
		t.Errorf("the server takes none: %+v", done)
	}
	l.fail = nil
	if h.remind(&l); len(l.sent) != 0 {
		t.Errorf("tried again without a pause: %+v", l.sent)
	}
	if done, err := h.RemindNow(ctx, h.people["aigerim"], nil); err != nil || done.Sent != 0 {
		t.Errorf("what would be sent meanwhile: %+v (%v)", done, err)
	}
	h.clock.t = h.clock.t.Add(urgentAgain)
	for range 2 {
		if h.remind(&l); len(l.sent) != 1 || l.sent[0] != (Letter{To: "saule@sample.example", Lang: h.people["saule"].Member.Lang, Urgent: 1}) {
			t.Errorf("at three in the night: %+v", l.sent)
		}
	}
	sorted(false)
	h.remind(&l)
	sorted(true)
	if h.remind(&l); len(l.sent) != 2 {
		t.Errorf("in danger again: %+v", l.sent)
	}
}

// TestRemindAtMostOnceRegression holds that a crash between writing down and
// sending, or a connection that breaks off, makes no second message; and that
// one which the server certainly did not take is tried again, a few times.
func TestRemindAtMostOnceRegression(t *testing.T) {
	h := remindersHouse(t)
	ctx := context.Background()
	if err := h.SetReminders(ctx, h.people["asel"], Daily, "asel@sample.example"); err != nil {
		t.Fatal(err)
	}
	h.task("asel", h.cases[0], h.Today().Add(-1).String(), "")
	h.at(1, 8)
	func() {
		defer func() { _ = recover() }()
		_, _ = h.Remind(ctx, func(context.Context, MailServer, Letter) error { panic("the power fails") })
	}()
	h.reminding.TryLock()
	h.reminding.Unlock()
	h.reopenAs("aigerim")
	var l letters
	if done := h.remind(&l); len(l.sent) != 0 || done.Sent != 0 {
		t.Errorf("after a crash it was sent: %+v", l.sent)
	}
	h.at(2, 8)
	l.fail = &MailError{Why: MailUnclear, Maybe: true}
	if done := h.remind(&l); done.Failed != 1 || done.Why != MailUnclear {
		t.Errorf("broken off: %+v", done)
	}
	l.fail = nil
	h.at(2, 20)
	if h.remind(&l); len(l.sent) != 0 {
		t.Error("what may have arrived was sent again")
	}
	h.at(3, 8)
	tried := 0
	l.fail = &MailError{Why: MailUnreachable}
	for i := range 100 {
		h.clock.t = h.clock.t.Add(time.Duration(i%2) * 20 * time.Minute)
		if h.clock.t.Hour() > 22 {
			break
		}
		tried += h.remind(&l).Failed
	}
	if tried != mailTries {
		t.Errorf("tried %d times, want %d", tried, mailTries)
	}
	h.at(4, 8)
	h.remind(&l)
	h.at(4, 9)
	l.fail = nil
	if done := h.remind(&l); done.Sent != 1 || len(l.sent) != 1 {
		t.Errorf("an hour later: %+v", done)
	}
	h.prove()
	v, err := h.Mail(ctx, h.people["aigerim"])
	if err != nil || v.Sent != 1 || v.Failed != 0 || v.Why != "" || v.Members != 1 || v.Server.Password != "" || !v.Password {
		t.Errorf("what the administrator is shown: %+v %v", v, err)
	}
}

// TestMailIsTheOffices holds who sets the mail server up, that it is sealed,
// and what is refused.
func TestMailIsTheOffices(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	if _, err := h.Mail(ctx, h.people["asel"]); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("who does not administer sees the mail server: %v", err)
	}
	if err := h.SetMail(ctx, h.people["asel"], sampleServer); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("who does not administer sets it: %v", err)
	}
	var l letters
	if done := (&remindedHouse{house: h}).remind(&l); done != (Reminded{}) {
		t.Errorf("without a mail server: %+v", done)
	}
	if _, err := h.RemindNow(ctx, h.people["aigerim"], l.post); !errors.Is(err, ErrNoMail) {
		t.Errorf("without a mail server: %v", err)
	}
	h.office()
	text, err := os.ReadFile(filepath.Join(h.dir, mailFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{sampleServer.Host, sampleServer.Password, sampleServer.From, "587"} {
		if strings.Contains(string(text), word) {
			t.Errorf("the file holds %q", word)
		}
	}
	for what, change := range map[string]func(*MailServer){
		"no host": func(m *MailServer) { m.Host = "" }, "a host with a line break": func(m *MailServer) { m.Host = "a\r\nb" },
		"no port": func(m *MailServer) { m.Port = 0 }, "port 70000": func(m *MailServer) { m.Port = 70000 },
		"no TLS to another machine": func(m *MailServer) { m.TLS = NoTLS }, "unknown TLS": func(m *MailServer) { m.TLS = "ssl3" },
		"a header in the address": func(m *MailServer) { m.From = "a@b.example\r\nBcc: x@y.example" }, "no address": func(m *MailServer) { m.From = "" },
		"a password without a user":          func(m *MailServer) { m.User = "" },
		"the password kept for another host": func(m *MailServer) { m.Host, m.Password = "other.example", "" },
	} {
		m := sampleServer
		change(&m)
		if err := h.SetMail(ctx, h.people["aigerim"], m); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	m := sampleServer
	m.Password, m.Port = "", 465
	if err := h.SetMail(ctx, h.people["aigerim"], m); err != nil {
		t.Fatal(err)
	}
	if kept, err := h.mailServer(); err != nil || kept.Password != sampleServer.Password || kept.Port != 465 {
		t.Errorf("kept: %+v %v", kept, err)
	}
	for _, bad := range []string{"", "a", "a@", "a@b.example\n", "a@b.example, c@d.example", "A <a@b.example>", "a@b.example\r\nX: y", "\"a b\"@c.example", strings.Repeat("a", 300) + "@b.example"} {
		if err := h.SetReminders(ctx, h.people["asel"], Daily, bad); !errors.Is(err, ErrAddress) && bad != "a@b.example\n" {
			t.Errorf("the address %q is %v", bad, err)
		}
	}
	if err := h.SetReminders(ctx, h.people["asel"], "hourly", "a@b.example"); !errors.Is(err, ErrOften) {
		t.Errorf("hourly: %v", err)
	}
	if err := h.EndMail(ctx, h.people["aigerim"]); err != nil {
		t.Fatal(err)
	}
	if _, err := h.mailServer(); !errors.Is(err, ErrNoMail) {
		t.Errorf("let go of: %v", err)
	}
}

// remindedHouse is a house that remembers when it was made.
type remindedHouse struct {
	*house
	start time.Time
}
