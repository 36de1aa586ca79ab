// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kua-registry/kua/internal/ledger"
)

// Notice is what a receiver is told: that there is something new for a key, and
// from where on to read the feed of changes. Nothing in it says of what.
type Notice struct {
	URL    string
	Inside bool      // an administrator allows this machine and its own network
	ID     string    // the same each time that it is tried
	At     time.Time // of this try
	Body   []byte    // JSON: the same each time
	Secret []byte    // that it is signed with
}

// Tell tells a receiver: nil when it has taken the notice, else a *TellError.
type Tell func(ctx context.Context, n Notice) error

// Why a receiver can't be told, in a word that may stand in a log.
const (
	TellUnreachable = "unreachable" // nobody answers, or too late
	TellTLS         = "tls"         // no TLS, or a certificate that is not right
	TellAddress     = "address"     // its name leads where nothing may be sent
	TellRefused     = "refused"     // it answers, and does not take it
	TellGone        = "gone"        // it wants to be told no more
)

// TellError says that a receiver was not told.
type TellError struct{ Why string } // one of the words above

func (e *TellError) Error() string { return "the receiver was not told: " + e.Why }

// toldFile keeps what was told, sealed to the node. It is no part of the ledger:
// an older one put back has something told again, and no more.
const toldFile, toldLabel = "told", "kua/told/v1"

type toldState struct {
	Webhooks map[string]toldTo `json:"webhooks"` // by id
}

// toldTo is what was told by a webhook.
type toldTo struct {
	At      uint64    `json:"at"`              // what was written before is told, or not of what the key opens
	Waits   *notice   `json:"waits,omitempty"` // nil: there is nothing to tell
	Why     string    `json:"why,omitempty"`   // the last failure since it was last told
	Told    time.Time `json:"told,omitzero"`   // when it was told last
	GivenUp time.Time `json:"given_up,omitzero"`
}

// notice is what is being told.
type notice struct {
	ID    string    `json:"id"`
	Body  []byte    `json:"body"`
	Upto  uint64    `json:"upto"` // what it tells of was written before, at its last try
	Tries int       `json:"tries"`
	Due   time.Time `json:"due"` // of its next try
}

// tellAgain are the pauses between tries, as the Standard Webhooks suggest them:
// after the last, three days later, a webhook is given up.
var tellAgain = [...]time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}

const (
	// tellPause is how long after a notice that was taken the next may come: what
	// is written meanwhile is told at once.
	tellPause = 10 * time.Second
	// tellCheck is after how long it is looked again although nothing was written.
	tellCheck = time.Minute
	// tellGather is how long what is written is waited for before it is looked at.
	tellGather = time.Second
	// tellAtOnce is how many are told at the same time.
	tellAtOnce = 4
	// tellUnkept is how much may be looked through anew after a restart.
	tellUnkept = 20_000
)

// telling is what is known of webhooks in memory alone.
type telling struct {
	mu     sync.Mutex        // held by whoever tells
	looked map[string]uint64 // up to where there was nothing to tell, by id
}

func (r *Registry) toldState() (toldState, error) {
	var st toldState
	err := r.openSealed(toldFile, toldLabel, &st)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if st.Webhooks == nil {
		st.Webhooks = map[string]toldTo{}
	}
	return st, err
}

// KeepTelling tells programs that there is something new for their keys, until
// the context ends.
func (r *Registry) KeepTelling(ctx context.Context, tell Tell) {
	for ctx.Err() == nil {
		at := r.index.Counted()
		wait, err := r.TellWebhooks(ctx, tell)
		if err != nil && ctx.Err() == nil {
			r.opt.Log.Error("programs could not be told that there is something new", slog.Any("error", err)) // of files and the database
		}
		if !r.beforeTelling(ctx, at, wait) {
			return
		}
	}
}

// beforeTelling waits until something was written after a place in the ledger,
// and what is written with it, or for a time; false: the register is being locked.
func (r *Registry) beforeTelling(ctx context.Context, at uint64, wait time.Duration) bool {
	waiting, done := context.WithTimeout(ctx, wait)
	defer done()
	err := r.awaitWrite(waiting, at)
	if err == nil {
		gather, done := context.WithTimeout(ctx, tellGather)
		defer done()
		<-gather.Done()
	}
	return !errors.Is(err, ErrAPIKey)
}

// TellWebhooks tells all who are to be told now, and answers after how long it is
// to be called again although nothing is written. What was not taken is tried
// again after growing pauses, and given up after days.
func (r *Registry) TellWebhooks(ctx context.Context, tell Tell) (wait time.Duration, err error) {
	if r.beside {
		return tellCheck, ledger.ErrLocked
	}
	r.telling.mu.Lock()
	defer r.telling.mu.Unlock()
	if len(r.roll().Webhooks) == 0 {
		return tellCheck, nil
	}
	if n := r.nodes; n != nil {
		turn, err := n.store.TryTurn(ctx, turnWebhooks)
		if turn == nil || err != nil { // another machine is at it
			return tellCheck, err
		}
		defer turn.End()
		if err := r.takeOver(ctx); err != nil { // what it has told is known from here on
			return tellCheck, err
		}
	}
	st, err := r.toldState()
	if err != nil {
		return tellCheck, err
	}
	round := &tellRound{r: r, st: st, now: r.now(), wait: tellCheck}
	if err := round.prepare(ctx); err != nil {
		return tellCheck, err
	}
	if len(round.due) == 0 {
		return round.wait, nil
	}
	if err := round.tell(ctx, tell); err != nil {
		return tellCheck, err
	}
	return round.wait, nil
}

// tellRound is one round of telling.
type tellRound struct {
	r    *Registry
	st   toldState
	now  time.Time
	due  []*webhook
	wait time.Duration
	lost int
	why  string
}

// again has the round come back by a moment.
func (t *tellRound) again(at time.Time) { t.wait = max(0, min(t.wait, at.Sub(t.now))) }

// prepare looks for what there is to tell, and writes down what is about to be
// tried before it is: after a crash it is tried again after its pause.
func (t *tellRound) prepare(ctx context.Context) error {
	r := t.r
	ro, today := r.roll(), r.Today()
	if r.telling.looked == nil {
		r.telling.looked = map[string]uint64{}
	}
	gone := len(t.st.Webhooks)
	maps.DeleteFunc(t.st.Webhooks, func(id string, _ toldTo) bool { return ro.webhook(id) == nil })
	maps.DeleteFunc(r.telling.looked, func(id string, _ uint64) bool { return ro.webhook(id) == nil })
	changed := gone != len(t.st.Webhooks)
	for _, w := range ro.Webhooks {
		is := t.st.Webhooks[w.Record]
		if !is.GivenUp.IsZero() || !ro.webhookLives(w, today) || ro.hostAllowed(w.URL) == nil {
			continue
		}
		is.At = max(is.At, w.From)
		if is.Waits == nil {
			if next := is.Told.Add(tellPause); !is.Told.IsZero() && t.now.Before(next) && !t.now.Before(is.Told) {
				t.again(next)
				continue
			}
			kept := is.At
			if err := t.look(ctx, ro, w, &is); err != nil {
				return err
			}
			changed = changed || is.Waits != nil || is.At-kept > tellUnkept
		}
		if is.Waits != nil && t.now.Before(is.Waits.Due) {
			t.again(is.Waits.Due)
		} else if is.Waits != nil {
			tried := *is.Waits
			tried.Upto = r.index.Counted()
			tried.Due = t.now.Add(tellAgain[min(tried.Tries, len(tellAgain)-1)])
			tried.Tries++
			is.Waits = &tried
			t.due, changed = append(t.due, w), true
		}
		t.st.Webhooks[w.Record] = is
	}
	if !changed {
		return nil
	}
	if err := r.keepSealed(toldFile, toldLabel, t.st); err != nil {
		return fmt.Errorf("nobody was told, because it could not be written down: %w", err)
	}
	return nil
}

// look looks whether something was written that a webhook's key opens.
func (t *tellRound) look(ctx context.Context, ro *roll, w *webhook, is *toldTo) error {
	from := max(is.At, t.r.telling.looked[w.Record])
	for more := true; more; {
		found, next, rest, err := t.r.changes(ctx, ro.limited(ro.apiKey(w.Key)), from)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			is.Waits, err = t.r.newNotice(from, t.now)
			return err
		}
		from, more = next, rest
	}
	t.r.telling.looked[w.Record] = from
	if from-is.At > tellUnkept {
		is.At = from
	}
	return nil
}

// newNotice is a notice that something was written from a place on.
func (r *Registry) newNotice(from uint64, now time.Time) (*notice, error) {
	cursor, err := r.cursorAt(from)
	if err != nil {
		return nil, err
	}
	type data struct {
		Cursor string `json:"cursor"`
	}
	body, err := json.Marshal(struct {
		Type      string `json:"type"`
		Timestamp string `json:"timestamp"`
		Data      data   `json:"data"`
	}{"changes", now.UTC().Format(time.RFC3339), data{cursor}})
	return &notice{ID: "msg_" + ledger.NewID().String(), Body: body, Due: now}, err
}

// tell tells all whose turn it is, several at once, and writes down what came of it.
func (t *tellRound) tell(ctx context.Context, tell Tell) error {
	ro := t.r.roll()
	failed := make([]error, len(t.due))
	var g errgroup.Group
	g.SetLimit(tellAtOnce)
	for i, w := range t.due {
		host, is := ro.hostAllowed(w.URL), t.st.Webhooks[w.Record]
		if host == nil {
			failed[i] = &TellError{TellAddress}
			continue
		}
		g.Go(func() error {
			failed[i] = tell(ctx, Notice{URL: w.URL, Inside: host.Inside, ID: is.Waits.ID, At: t.now, Body: is.Waits.Body, Secret: t.r.webhookSecret(w.Record)})
			return nil
		})
	}
	_ = g.Wait() // what failed is in failed
	for i, w := range t.due {
		if failed[i] != nil && ctx.Err() != nil { // broken off by who ends the program: it is tried again
			continue
		}
		t.st.Webhooks[w.Record] = t.after(t.st.Webhooks[w.Record], failed[i])
	}
	if t.lost > 0 {
		t.r.opt.Log.Warn("programs could not be told that there is something new", slog.Int("failed", t.lost), slog.Int("told", len(t.due)-t.lost), slog.String("why", t.why))
	}
	return t.r.keepSealed(toldFile, toldLabel, t.st)
}

// after is what is known of a webhook after a try.
func (t *tellRound) after(is toldTo, err error) toldTo {
	if err == nil {
		t.again(t.now.Add(tellPause))
		return toldTo{At: is.Waits.Upto, Told: t.now}
	}
	is.Why = TellUnreachable
	var not *TellError
	if errors.As(err, &not) {
		is.Why = not.Why
	}
	t.lost++
	t.why = is.Why
	if is.Why == TellGone || is.Waits.Tries > len(tellAgain) {
		is.GivenUp, is.Waits = t.now, nil
		return is
	}
	t.again(is.Waits.Due)
	return is
}
