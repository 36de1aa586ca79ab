// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// ErrTooMany says that too many sign-ins are waiting; nothing was tried. What
// is answered is a *WaitError, which says when to try again.
var ErrTooMany = errors.New("too many people are signing in at this moment")

// WaitError is ErrTooMany with what whoever is sent away needs.
type WaitError struct {
	Wait  time.Duration // after which to try again
	Place string        // to be brought along: it goes before all who came later
}

func (e *WaitError) Error() string {
	return fmt.Sprintf("%v: try again in %d seconds; your place is kept", ErrTooMany, int(e.Wait.Seconds()))
}

// Is makes it an ErrTooMany.
func (e *WaitError) Is(target error) bool { return target == ErrTooMany }

// Try is a passphrase to be tried, as far as the line needs to know it.
type Try struct {
	Account string // the name that was given, whether there is such a member or not
	From    string // the address it comes from, as the server itself sees it
	Known   string // who is known already: a device, a session; empty: nobody
	Place   string // of a WaitError, if it was sent away before
}

// Line decides whose passphrase is stretched next. A stretch takes half a
// second and 128 MiB, so that there is one at a time; whoever guesses would
// take all turns, and must not be able to keep a member out by it.
//
// There are four lanes, by what is known of who stands in it, and turns are
// shared out among those in which somebody waits (shares below):
//
//   - known: a browser that signed in before, or an open session, until it has
//     failed a few times. Nobody who guesses from outside can stand here.
//   - calm: everybody else, where neither the account nor the network has
//     failed much lately.
//   - attacked: the account has failed often lately; the network has not.
//   - failed: the network itself has failed lately.
//
// In a lane, who came first goes first. A lane holds so many that the last has
// a turn within a minute. Where it is full, whoever came last is sent away with
// a place: brought back, it counts as come when it was given. So a member who
// comes from a network that did not fail, without a known device, to an account
// under attack, waits for no more than one try of each network that came
// before, and two turns of fifteen are theirs whatever goes on in the other
// lanes. Nobody is refused while nobody waits: no number of failures locks an
// account.
//
// The line's memory never grows, whatever number of names or addresses come.
type Line struct {
	now func() time.Time
	key [sha256.Size]byte // of the places

	mu       sync.Mutex
	busy     bool
	lanes    [4]lane
	turn     time.Duration // how long a turn takes, smoothed
	next     uint64        // number of the next who comes
	used     []uint64      // a bit for each of the last placeWindow numbers: is it used?
	networks *tally
	accounts *tally
	known    *tally
}

type laneID int

const (
	laneKnown laneID = iota
	laneCalm
	laneAttacked
	laneFailed
)

// lane is those who wait, the first first.
type lane struct {
	waits  []*waiter
	credit int
}

type waiter struct {
	number uint64
	placed bool // it had a place
	turn   chan bool
}

// shares is how many turns of fifteen a lane has while people wait in all of
// them, and room how many it holds: room × 15 / share turns of half a second
// are a minute.
var (
	shares = [...]int{laneKnown: 8, laneCalm: 4, laneAttacked: 2, laneFailed: 1}
	room   = [...]int{laneKnown: 64, laneCalm: 32, laneAttacked: 16, laneFailed: 8}
)

const (
	failuresHalve   = 30 * time.Minute
	knownFails      = 5  // then a device or a session is as unknown as any
	networkFails    = 3  // a hand that slips
	attackedAccount = 10 // failures, from where it may be
	attackedNetwork = 1  // of a network, towards an account under attack

	placeWindow  = 1 << 23 // so many who came later, and a place is over; a bit each: 1 MiB
	firstGuess   = 500 * time.Millisecond
	shortestWait = 5 * time.Second
)

// NewLine makes a line that tells time by now.
func NewLine(now func() time.Time) *Line {
	l := &Line{
		now: now, turn: firstGuess, used: make([]uint64, placeWindow/64),
		networks: newTally(failuresHalve), accounts: newTally(failuresHalve), known: newTally(failuresHalve),
	}
	rand.Read(l.key[:]) // never fails (crypto/rand)
	return l
}

// Turn is the right to stretch one passphrase. It must be ended.
type Turn struct {
	line  *Line
	try   Try
	began time.Time
	once  sync.Once
}

// Enter waits for a turn: a *WaitError where too many wait, or the error of
// the context.
func (l *Line) Enter(ctx context.Context, try Try) (*Turn, error) {
	try.From = network(try.From)
	w, id, err := l.stand(try)
	if err != nil {
		return nil, err
	}
	if w != nil {
		select {
		case yours := <-w.turn:
			if !yours {
				return nil, l.sentAway(w.number, id)
			}
		case <-ctx.Done():
			if l.goAway(w, id) {
				return nil, ctx.Err()
			}
			if !<-w.turn { // sent away at the same moment
				return nil, ctx.Err()
			}
			(&Turn{line: l, try: try, began: l.now()}).End(true)
			return nil, ctx.Err()
		}
	}
	return &Turn{line: l, try: try, began: l.now()}, nil
}

// End ends the turn. right says that it is not to be counted against whoever
// tried: the passphrase was right, or it never came to that.
func (t *Turn) End(right bool) {
	t.once.Do(func() {
		l := t.line
		l.mu.Lock()
		defer l.mu.Unlock()
		now := l.now()
		if took := now.Sub(t.began); took > 0 {
			l.turn += (took - l.turn) / 8
		}
		if !right {
			if t.try.Known != "" {
				l.known.add(t.try.Known, now)
			}
			l.networks.add(t.try.From, now)
			l.accounts.add(t.try.Account, now)
		}
		l.busy = false
		l.call()
	})
}

// stand puts a try into its lane. No waiter and no error: it is its turn.
func (l *Line) stand(try Try) (*waiter, laneID, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := l.laneOf(try)
	w := &waiter{turn: make(chan bool, 1)}
	if w.number, w.placed = l.placed(try.Place); !w.placed {
		w.number = l.next
		l.next++
	}
	l.setUsed(w.number, true)
	if !l.busy { // then nobody waits, either
		l.busy = true
		return nil, id, nil
	}
	lane := &l.lanes[id]
	at, _ := slices.BinarySearchFunc(lane.waits, w.number, func(other *waiter, number uint64) int {
		if other.number < number {
			return -1
		}
		return 1
	})
	lane.waits = slices.Insert(lane.waits, at, w)
	if len(lane.waits) <= room[id] {
		return w, id, nil
	}
	last := lane.waits[len(lane.waits)-1]
	lane.waits = slices.Delete(lane.waits, len(lane.waits)-1, len(lane.waits))
	l.setUsed(last.number, false)
	if last == w {
		return nil, id, l.waitError(w.number, id)
	}
	last.turn <- false
	return w, id, nil
}

// laneOf says in which lane a try stands.
func (l *Line) laneOf(try Try) laneID {
	now := l.now()
	failed, attacked := l.networks.of(try.From, now), l.accounts.of(try.Account, now) >= attackedAccount
	switch {
	case try.Known != "" && l.known.of(try.Known, now) < knownFails:
		return laneKnown
	case failed >= networkFails, attacked && failed >= attackedNetwork:
		return laneFailed
	case attacked:
		return laneAttacked
	}
	return laneCalm
}

// call gives the turn to whoever is next: smooth weighted round-robin over the
// lanes in which somebody waits.
func (l *Line) call() {
	best, total := -1, 0
	for i := range l.lanes {
		lane := &l.lanes[i]
		if len(lane.waits) == 0 {
			lane.credit = 0
			continue
		}
		lane.credit += shares[i]
		total += shares[i]
		if best < 0 || lane.credit > l.lanes[best].credit {
			best = i
		}
	}
	if best < 0 {
		return
	}
	lane := &l.lanes[best]
	lane.credit -= total
	w := lane.waits[0]
	lane.waits = slices.Delete(lane.waits, 0, 1)
	l.busy = true
	w.turn <- true
}

// goAway takes a waiter out of the line: false where it is in it no more.
func (l *Line) goAway(w *waiter, id laneID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.Index(l.lanes[id].waits, w)
	if at < 0 {
		return false
	}
	l.lanes[id].waits = slices.Delete(l.lanes[id].waits, at, at+1)
	l.setUsed(w.number, false)
	return true
}

func (l *Line) sentAway(number uint64, id laneID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waitError(number, id)
}

// waitError says to come back when half of those who now wait will have had
// their turn.
func (l *Line) waitError(number uint64, id laneID) error {
	others := 0
	for i := range l.lanes {
		if len(l.lanes[i].waits) > 0 {
			others += shares[i]
		}
	}
	turns := len(l.lanes[id].waits) * max(others, shares[id]) / shares[id] / 2
	wait := max(shortestWait, time.Duration(turns)*l.turn).Truncate(time.Second)
	return &WaitError{Wait: wait, Place: l.place(number)}
}

const placeMAC = 16

// place writes a number so that nobody makes one up.
func (l *Line) place(number uint64) string {
	b := binary.BigEndian.AppendUint64(nil, number)
	return base64.RawURLEncoding.EncodeToString(append(b, l.mac(b)...))
}

func (l *Line) mac(number []byte) []byte {
	h := hmac.New(sha256.New, l.key[:])
	h.Write(number)
	return h.Sum(nil)[:placeMAC]
}

// placed reads a place: false where it is none, is over, or is in use. One
// place never counts for two.
func (l *Line) placed(place string) (uint64, bool) {
	b, err := base64.RawURLEncoding.DecodeString(place)
	if err != nil || len(b) != 8+placeMAC || !hmac.Equal(b[8:], l.mac(b[:8])) {
		return 0, false
	}
	number := binary.BigEndian.Uint64(b)
	if number >= l.next || l.next-number >= placeWindow || l.used[number%placeWindow/64]>>(number%64)&1 == 1 {
		return 0, false
	}
	return number, true
}

func (l *Line) setUsed(number uint64, used bool) {
	bit := uint64(1) << (number % 64)
	if used {
		l.used[number%placeWindow/64] |= bit
	} else {
		l.used[number%placeWindow/64] &^= bit
	}
}

// network is the part of an address that one party holds: 24 bits of IPv4, 48
// of IPv6. Behind a proxy or an onion service all come from one.
func network(from string) string {
	addr, err := netip.ParseAddr(from)
	if err != nil {
		port, perr := netip.ParseAddrPort(from)
		if perr != nil {
			return ""
		}
		addr = port.Addr()
	}
	addr = addr.Unmap()
	bits := 48
	if addr.Is4() {
		bits = 24
	}
	prefix, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		return ""
	}
	return prefix.String()
}
