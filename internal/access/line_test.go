// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// testLine is a line whose turns are taken one by one.
type testLine struct {
	*Line
	t    testing.TB
	at   time.Time
	have *Turn
}

func newTestLine(t testing.TB) *testLine {
	l := &testLine{t: t, at: time.Date(2022, 6, 24, 9, 0, 0, 0, time.UTC)}
	l.Line = NewLine(func() time.Time { return l.at })
	return l
}

// fail lets a try have a turn at once and fail.
func (l *testLine) fail(try Try, times int) {
	l.t.Helper()
	for range times {
		turn, err := l.Enter(context.Background(), try)
		if err != nil {
			l.t.Fatal(err)
		}
		turn.End(false)
	}
}

// hold takes the turn, so that others wait.
func (l *testLine) hold() {
	l.t.Helper()
	turn, err := l.Enter(context.Background(), Try{From: "198.51.100.1"})
	if err != nil {
		l.t.Fatal(err)
	}
	l.have = turn
}

// wait puts a try into the line.
func (l *testLine) wait(try Try) (*waiter, error) {
	try.From = network(try.From)
	w, _, err := l.stand(try)
	return w, err
}

// turnsUntil gives turns, each of which fails or not as the callback says, until w has one.
func (l *testLine) turnsUntil(w *waiter) int {
	l.t.Helper()
	for n := 1; n < 1000; n++ {
		l.at = l.at.Add(firstGuess)
		l.have.once.Do(func() {})
		l.mu.Lock()
		l.busy = false
		l.call()
		l.mu.Unlock()
		select {
		case yours := <-w.turn:
			if !yours {
				l.t.Fatal("sent away")
			}
			return n
		default:
		}
	}
	l.t.Fatal("a thousand turns and no turn for who waits")
	return 0
}

func address(i int) string { return fmt.Sprintf("%d.%d.%d.7:40000", 20+i>>16&0xff, i>>8&0xff, i&0xff) }

func TestNobodyIsRefusedWhileNobodyWaits(t *testing.T) {
	l := newTestLine(t)
	l.fail(Try{Account: "aigerim", From: "203.0.113.9:5000"}, 200)
	l.fail(Try{Account: "aigerim", From: "203.0.113.9:5000", Known: "device"}, 20)
	l.hold()
}

func TestWhoIsKnownGoesFirst(t *testing.T) {
	l := newTestLine(t)
	for i := range 50 {
		l.fail(Try{Account: "aigerim", From: address(i)}, 1)
	}
	l.hold()
	for i := range 100 {
		_, err := l.wait(Try{Account: "aigerim", From: address(1000 + i)})
		if full := i >= room[laneAttacked]; (err != nil) != full || full && !errors.Is(err, ErrTooMany) {
			t.Fatalf("%d: %v", i, err)
		}
	}
	w, err := l.wait(Try{Account: "aigerim", From: address(5000), Known: "device"})
	if err != nil {
		t.Fatal(err)
	}
	if n := l.turnsUntil(w); n != 1 {
		t.Errorf("the member's own device waited %d turns", n)
	}
	// Five wrong passphrases, and a device is as unknown as any: one that was taken is no battering ram.
	l = newTestLine(t)
	l.fail(Try{Account: "aigerim", From: address(1), Known: "taken"}, knownFails)
	if id := l.laneOf(Try{Account: "aigerim", From: network(address(1)), Known: "taken"}); id == laneKnown {
		t.Error("a device that fails and fails is still known")
	}
	if id := l.laneOf(Try{Account: "aigerim", From: network(address(1)), Known: "other"}); id != laneKnown {
		t.Error("another device pays for it")
	}
	l.at = l.at.Add(2 * failuresHalve)
	if id := l.laneOf(Try{Account: "aigerim", From: network(address(1)), Known: "taken"}); id != laneKnown {
		t.Error("what failed once is never forgotten")
	}
}

func TestWhoFailedGoesLast(t *testing.T) {
	l := newTestLine(t)
	id := func(account string, from int) laneID {
		return l.laneOf(Try{Account: account, From: network(address(from))})
	}
	l.fail(Try{Account: "aigerim", From: address(1)}, networkFails-1)
	if got := id("aigerim", 1); got != laneCalm {
		t.Errorf("a hand that slipped stands in lane %d", got)
	}
	l.fail(Try{Account: "aigerim", From: address(1)}, 1)
	if got := id("dina", 1); got != laneFailed {
		t.Errorf("a network that failed and failed stands in lane %d", got)
	}
	for i := range attackedAccount {
		l.fail(Try{Account: "aigerim", From: address(10 + i)}, 1)
	}
	for who, want := range map[int]laneID{10: laneFailed, 99: laneAttacked} { // one try of each network
		if got := id("aigerim", who); got != want {
			t.Errorf("at an account under attack network %d stands in lane %d, not %d", who, got, want)
		}
	}
	if got := id("dina", 10); got != laneCalm {
		t.Errorf("another account pays for it: lane %d", got)
	}
	l.at = l.at.Add(4 * failuresHalve)
	if got := id("aigerim", 10); got != laneCalm {
		t.Errorf("hours later: lane %d", got)
	}
}

// TestAttackedAccountBound is the bound that the documentation states: the
// account is under attack from many networks, the member has no known device.
func TestAttackedAccountBound(t *testing.T) {
	l := newTestLine(t)
	for i := range 300 {
		l.fail(Try{Account: "aigerim", From: address(i)}, 2)
	}
	l.hold()
	// All lanes are full, of all kinds of tries.
	for i := range 300 {
		_, _ = l.wait(Try{Account: "aigerim", From: address(i)})                                // failed before
		_, _ = l.wait(Try{Account: fmt.Sprint("nobody", i), From: address(9000 + i)})           // other names
		_, _ = l.wait(Try{Account: "aigerim", From: address(1), Known: fmt.Sprint("taken", i)}) // a pile of devices
	}
	before := room[laneAttacked] + 24 // networks that come before the member, more than the lane holds
	places := map[string]bool{}
	for i := range before {
		_, err := l.wait(Try{Account: "aigerim", From: address(1000 + i)})
		var sent *WaitError
		if errors.As(err, &sent) {
			places[sent.Place] = true
		}
	}
	_, err := l.wait(Try{Account: "aigerim", From: "192.0.2.77:1"})
	var sent *WaitError
	if !errors.As(err, &sent) {
		t.Fatalf("the lane holds more than it may: %v", err)
	}
	if sent.Wait < shortestWait || sent.Wait > time.Minute {
		t.Errorf("told to wait %v", sent.Wait)
	}
	// The lane empties, those who were sent away before come back, and newcomers fill it again.
	turns := 0
	for _, w := range append([]*waiter(nil), l.lanes[laneAttacked].waits...) {
		turns += l.turnsUntil(w)
	}
	for i := range room[laneAttacked] {
		_, _ = l.wait(Try{Account: "aigerim", From: address(2000 + i)})
	}
	for place := range places {
		_, _ = l.wait(Try{Account: "aigerim", From: address(3000), Place: place}) // a clean address each would do
	}
	w, err := l.wait(Try{Account: "aigerim", From: "192.0.2.78:1", Place: sent.Place}) // from another address, as in Tor
	for err != nil {
		if !errors.As(err, &sent) {
			t.Fatal(err)
		}
		turns += l.turnsUntil(l.lanes[laneAttacked].waits[0])
		w, err = l.wait(Try{Account: "aigerim", From: "192.0.2.78:1", Place: sent.Place})
	}
	turns += l.turnsUntil(w)
	if most := (before + 2) * 15 / shares[laneAttacked]; turns > most {
		t.Errorf("the member had a turn after %d others, more than %d", turns, most)
	}
}

func TestPlaces(t *testing.T) {
	l := newTestLine(t)
	l.hold()
	var sent *WaitError
	for i := range room[laneCalm] + 1 {
		if _, err := l.wait(Try{Account: "a", From: address(i)}); err != nil && !errors.As(err, &sent) {
			t.Fatal(err)
		}
	}
	if sent == nil {
		t.Fatal("nobody was sent away")
	}
	// A lane full of those who came later makes room for the place, once.
	for len(l.lanes[laneCalm].waits) > 0 {
		l.turnsUntil(l.lanes[laneCalm].waits[0])
	}
	for i := range room[laneCalm] {
		if _, err := l.wait(Try{Account: "a", From: address(100 + i)}); err != nil {
			t.Fatal(err)
		}
	}
	w, err := l.wait(Try{Account: "a", From: address(200), Place: sent.Place})
	if err != nil || l.lanes[laneCalm].waits[0] != w {
		t.Fatalf("a place does not go before those who came later: %v", err)
	}
	if _, err := l.wait(Try{Account: "a", From: address(201), Place: sent.Place}); err == nil {
		t.Error("a place counts twice while it waits")
	}
	l.turnsUntil(w)
	if _, used := l.placed(sent.Place); used {
		t.Error("a place counts again after its turn")
	}
	for _, bad := range []string{"", "x", l.place(1 << 40), NewLine(l.now).place(0), sent.Place + "A"} {
		if _, ok := l.placed(bad); ok {
			t.Errorf("%q is a place", bad)
		}
	}
}

func TestWhoGoesAwayLeavesTheLine(t *testing.T) {
	l := newTestLine(t)
	l.hold()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Enter(ctx, Try{Account: "a", From: address(1)}); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	l.have.End(true)
	l.have.End(true) // twice is once
	turn, err := l.Enter(context.Background(), Try{Account: "a"})
	if err != nil {
		t.Fatal(err)
	}
	turn.End(true)
	if l.busy {
		t.Error("the turn of somebody who is gone is still out")
	}
}

// TestLineProperties: whatever comes in whatever order, one has the turn at a
// time, nobody waits while nobody has it, no lane holds more than its room, and
// everybody who waits has a turn in the end.
func TestLineProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Date(2022, 6, 24, 9, 0, 0, 0, time.UTC)
		l := NewLine(func() time.Time { return at })
		var turns []*waiter // those who wait, and who has the turn
		having := 0
		var places []string
		steps := rapid.IntRange(1, 300).Draw(t, "steps")
		end := func(right bool, try Try) {
			at = at.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "ms")) * time.Millisecond)
			having--
			(&Turn{line: l, try: try, began: at}).End(right)
			kept := turns[:0]
			for _, w := range turns {
				select {
				case yours := <-w.turn:
					if yours {
						having++
					}
				default:
					kept = append(kept, w)
				}
			}
			turns = kept
		}
		for range steps {
			try := Try{
				Account: fmt.Sprint("a", rapid.IntRange(0, 3).Draw(t, "account")),
				From:    network(address(rapid.IntRange(0, 60).Draw(t, "network"))),
			}
			if rapid.IntRange(0, 3).Draw(t, "known") == 0 {
				try.Known = fmt.Sprint("d", rapid.IntRange(0, 5).Draw(t, "device"))
			}
			if len(places) > 0 && rapid.Bool().Draw(t, "placed") {
				try.Place = rapid.SampledFrom(places).Draw(t, "place")
			}
			w, _, err := l.stand(try)
			var sent *WaitError
			switch {
			case errors.As(err, &sent):
				places = append(places, sent.Place)
			case err != nil:
				t.Fatal(err)
			case w == nil:
				having++
			default:
				turns = append(turns, w)
			}
			if rapid.IntRange(0, 2).Draw(t, "end") == 0 && having > 0 {
				end(rapid.Bool().Draw(t, "right"), try)
			}
			if having > 1 {
				t.Fatal("two have the turn")
			}
			for id, lane := range l.lanes {
				if len(lane.waits) > room[id] {
					t.Fatalf("lane %d holds %d", id, len(lane.waits))
				}
				if len(lane.waits) > 0 && having == 0 {
					t.Fatal("somebody waits and nobody has the turn")
				}
			}
		}
		for having > 0 {
			end(true, Try{})
		}
		for _, lane := range l.lanes {
			if len(lane.waits) > 0 {
				t.Fatal("somebody never had a turn")
			}
		}
	})
}

func TestTallyForgetsAndNeverAnswersTooLittle(t *testing.T) {
	at := time.Date(2022, 6, 24, 9, 0, 0, 0, time.UTC)
	c := newTally(failuresHalve)
	for i := range 10_000 {
		c.add(address(i), at)
	}
	over := 0
	for i := range 10_000 {
		if c.of(address(i), at) < 1 {
			t.Fatalf("%d was forgotten at once", i)
		}
		if c.of(address(20_000+i), at) >= 1 {
			over++
		}
	}
	if over > 100 { // one of 200 is expected
		t.Errorf("%d of 10,000 others are taken for one that failed", over)
	}
	if n := c.of(address(1), at.Add(10*failuresHalve)); n > 0.02 {
		t.Errorf("after ten halves %f is left", n)
	}
	if n := c.of(address(1), at.Add(-time.Hour)); n < 1 {
		t.Errorf("a clock set back forgets: %f", n)
	}
}

func TestNetworks(t *testing.T) {
	for from, want := range map[string]string{
		"203.0.113.9:5000": "203.0.113.0/24", "203.0.113.200": "203.0.113.0/24", "[::ffff:203.0.113.9]:1": "203.0.113.0/24",
		"[2001:db8:1:2::3]:443": "2001:db8:1::/48", "[fe80::1%eth0]:1": "fe80::/48", "": "", "@": "", "pipe": "",
	} {
		if got := network(from); got != want {
			t.Errorf("%q: %q, want %q", from, got, want)
		}
	}
}

func TestDevices(t *testing.T) {
	at := time.Date(2022, 6, 24, 9, 0, 0, 0, time.UTC)
	d, other := NewDevices([32]byte{1}), NewDevices([32]byte{2})
	token := d.Token("Aigerim  Invented", "", at)
	id, ok := d.Known("aigerim invented", token, at.Add(time.Hour))
	if !ok || len(id) != 2*deviceID {
		t.Fatalf("%q, %v", id, ok)
	}
	if again, _ := d.Known("Aigerim Invented", d.Token("Aigerim Invented", id, at), at); again != id {
		t.Error("a device loses its id with a new token")
	}
	if one, two := d.Token("a", "not hex", at), d.Token("a", "not hex", at); one == two {
		t.Error("two devices are one")
	}
	for what, known := range map[string]func() (string, bool){
		"another member's name":   func() (string, bool) { return d.Known("dina", token, at) },
		"another node's key":      func() (string, bool) { return other.Known("Aigerim Invented", token, at) },
		"a token that is over":    func() (string, bool) { return d.Known("Aigerim Invented", token, at.Add(DeviceLasts+time.Hour)) },
		"one of days to come":     func() (string, bool) { return d.Known("Aigerim Invented", token, at.Add(-2*time.Hour)) },
		"nothing":                 func() (string, bool) { return d.Known("Aigerim Invented", "", at) },
		"one cut off":             func() (string, bool) { return d.Known("Aigerim Invented", token[:len(token)-4], at) },
		"one with another letter": func() (string, bool) { return d.Known("Aigerim Invented", string(token[0]^1)+token[1:], at) },
	} {
		if _, ok := known(); ok {
			t.Errorf("%s is known", what)
		}
	}
}
