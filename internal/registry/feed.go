// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/ledger"
)

// What a member is told outside the register. Like a second factor these
// records stand in the stream of their member and are taken from the ledger.
const (
	feedKind      = "feed"
	remindersKind = "reminders"
)

// told tells whether a kind is of what a member is told outside the register.
func told(kind string) bool { return kind == feedKind || kind == remindersKind }

// feed is a calendar link as the ledger has it.
type feed struct {
	Member, Record string
	Mark           string
	Since          time.Time
}

// reminders are a member's wish to be reminded as the ledger has it.
type reminders struct {
	Member, Record string
	Often, Address string
}

// putTold takes in what a member wants to be told, and answers false where its
// author was not entitled to it: a member says so for themself and nobody else.
func (ro *roll) putTold(member string, e casefile.Entry) bool {
	m := ro.member(member)
	if m == nil || m.Left || e.Author != member {
		return false
	}
	switch e.Kind {
	case feedKind:
		ro.Feeds = slices.DeleteFunc(ro.Feeds, func(f *feed) bool { return f.Member == member })
		if e.Op == casefile.Put {
			ro.Feeds = append(ro.Feeds, &feed{Member: member, Record: e.Record, Mark: first(e.Fields["mark"]), Since: e.At})
		}
	case remindersKind:
		ro.Reminders = slices.DeleteFunc(ro.Reminders, func(w *reminders) bool { return w.Member == member })
		if e.Op == casefile.Put {
			ro.Reminders = append(ro.Reminders, &reminders{Member: member, Record: e.Record, Often: first(e.Fields["often"]), Address: first(e.Fields["address"])})
		}
	}
	return true
}

func (ro *roll) feed(member string) *feed {
	return find(ro.Feeds, func(f *feed) string { return f.Member }, member)
}

func (ro *roll) reminders(member string) *reminders {
	return find(ro.Reminders, func(w *reminders) string { return w.Member }, member)
}

// ErrNoFeed says that there is no calendar link.
var ErrNoFeed = errors.New("there is no calendar link to be withdrawn")

// FeedView is a member's own calendar link. The link itself nobody has but the member.
type FeedView struct {
	On    bool
	Since time.Time
	Asked time.Time // when a program last asked for it, since the register was opened; zero: not yet
}

// feedMark is what is kept of the secret of a calendar link. The secret has 256
// bits of chance, so that a plain hash can't be turned back.
func feedMark(secret string) string {
	sum := sha256.Sum256([]byte("kua/feed/v1\x00" + secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Feed is the calendar link of the member of a session.
func (r *Registry) Feed(s *access.Session) FeedView {
	f := r.roll().feed(s.Member.ID)
	if f == nil {
		return FeedView{}
	}
	return FeedView{On: true, Since: f.Since, Asked: r.feeds.last(f.Mark)}
}

// MakeFeed makes a calendar link, in the place of the one there was, and
// answers its secret, which nothing keeps.
func (r *Registry) MakeFeed(ctx context.Context, s *access.Session) (secret string, err error) {
	defer r.did(ctx, s, actFeed, "", &err)
	if !r.sessions.Fresh(s) {
		return "", ErrProof
	}
	if !hasDue(s.Member) {
		return "", ErrNotAllowed // nothing is due for them
	}
	chance := make([]byte, 32)
	rand.Read(chance) // never fails (crypto/rand)
	secret = base64.RawURLEncoding.EncodeToString(chance)
	put := Put{Record: ledger.NewID().String(), Kind: feedKind, Fields: casefile.Fields{"mark": {feedMark(secret)}}}
	r.writing.Lock()
	defer r.writing.Unlock()
	if old := r.roll().feed(s.Member.ID); old != nil {
		put.Record = old.Record
	}
	if err := r.write(ctx, s, []act{{stream: s.Member.ID, puts: []Put{put}, source: "made by the member"}}); err != nil {
		return "", err
	}
	return secret, nil
}

// EndFeed withdraws the calendar link of the member: from then on it shows
// nothing. It needs no passphrase: who is in a hurry must not look for it.
func (r *Registry) EndFeed(ctx context.Context, s *access.Session) (err error) {
	defer r.did(ctx, s, actFeed, "", &err)
	r.writing.Lock()
	defer r.writing.Unlock()
	f := r.roll().feed(s.Member.ID)
	if f == nil {
		return ErrNoFeed
	}
	return r.write(ctx, s, []act{{stream: s.Member.ID, withdraws: []Put{{Record: f.Record, Kind: feedKind}}, source: "withdrawn by the member"}})
}

// FeedEvent is something that is due on a day, as a calendar outside may know
// it: nothing tells in which case it is, or in how many of which.
type FeedEvent struct {
	UID  string // the same as long as the link and the event are; says nothing
	Day  edtf.Day
	What string // of DueKinds
	Rule string // id of the deadline; empty: of a record
	Code string // of the record: what is to be done
	N    int    // how many there are of it
}

// FeedContent is what a calendar link shows.
type FeedContent struct {
	Lang   string // of the member
	Now    time.Time
	Events []FeedEvent
}

// The days that a calendar link shows, counted from today.
const feedBefore, feedAfter = 7, 120

// mostFeedEvents bounds what a calendar program is given.
const mostFeedEvents = 2000

// FeedOf is what the calendar link with a secret shows: ErrNotFound where there
// is no such link, or its member has left or may see nothing any more. It says
// only what that member may see themself, of their own organisations, and
// nothing that names a case or a person. An *access.WaitError tells a program
// that it asks too often.
func (r *Registry) FeedOf(ctx context.Context, secret string) (FeedContent, error) {
	mark := []byte(feedMark(secret))
	ro := r.roll()
	var found *feed
	for _, f := range ro.Feeds { // each is compared, in the same time
		if subtle.ConstantTimeCompare([]byte(f.Mark), mark) == 1 {
			found = f
		}
	}
	if found == nil {
		return FeedContent{}, ErrNotFound
	}
	m := ro.member(found.Member)
	if m == nil || m.Left || !hasDue(m.Member) {
		return FeedContent{}, ErrNotFound
	}
	now := r.now()
	if wait := r.feeds.ask(found.Mark, now); wait > 0 {
		return FeedContent{}, &access.WaitError{Wait: wait}
	}
	today := r.Today()
	items, err := r.dueItems(ctx, m.Member, DueQuery{From: today.Add(-feedBefore), To: today.Add(feedAfter), Own: len(m.Orgs) > 0})
	if err != nil {
		return FeedContent{}, err
	}
	key := r.nodeKey("kua/feed uid/v1")
	content := FeedContent{Lang: m.Lang, Now: now}
	at := map[string]int{}
	for _, d := range items {
		of := fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%s", found.Mark, d.Day, d.What, d.Rule, d.Code)
		if i, ok := at[of]; ok {
			content.Events[i].N++
			continue
		}
		if len(content.Events) == mostFeedEvents {
			continue
		}
		mac := hmac.New(sha256.New, key[:])
		mac.Write([]byte(of))
		at[of] = len(content.Events)
		content.Events = append(content.Events, FeedEvent{
			UID: hex.EncodeToString(mac.Sum(nil)[:16]), Day: d.Day, What: d.What, Rule: d.Rule, Code: d.Code, N: 1,
		})
	}
	return content, nil
}

// asksAnHour is how often a calendar link may be asked for in an hour: programs
// do so a few times, several devices included.
const asksAnHour = 60

// feeds remembers how often calendar links are asked for.
type feeds struct {
	mu    sync.Mutex
	asked map[string]*asks // by mark
}

// asks counts how often something was asked for lately.
type asks struct {
	from, last time.Time
	n          int
}

// wait counts once more, and answers how long to wait where there were most of
// them since a time of one length began.
func (a *asks) wait(now time.Time, length time.Duration, most int) time.Duration {
	if passed := now.Sub(a.from); passed >= length || passed < 0 {
		a.from, a.n = now, 0
	}
	if a.n >= most {
		return a.from.Add(length).Sub(now)
	}
	a.n++
	a.last = now
	return 0
}

// ask counts, and answers how long to wait where it was too often.
func (f *feeds) ask(mark string, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asked == nil {
		f.asked = map[string]*asks{}
	}
	a := f.asked[mark]
	if a == nil {
		a = &asks{}
		f.asked[mark] = a
	}
	return a.wait(now, time.Hour, asksAnHour)
}

func (f *feeds) last(mark string) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a := f.asked[mark]; a != nil {
		return a.last
	}
	return time.Time{}
}
