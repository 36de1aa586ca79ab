// SPDX-License-Identifier: AGPL-3.0-or-later

package custody

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
)

// Kind is the kind of the records that are the steps of a chain.
const Kind = "handover"

// Party is who held a thing: by name, or by what they are. Both may be empty.
type Party struct {
	Name string
	Role string // code of list evidence_holder
}

// Known tells whether it says who it is.
func (p Party) Known() bool { return p.Name != "" || p.Role != "" }

// Step is one thing that happened to a thing, as it was written down.
type Step struct {
	Record    string    // id
	Date      edtf.Date // zero: not recorded
	Event     string    // code of list custody_event
	From, To  Party
	How       string // code of list handover_how
	Place     string // where it is kept from then on
	Seal      string // number of the seal it has then
	SealState string // code of list seal_state
	State     string // code of list item_state
	Words     string // its state in words
}

// Gap is something that a chain lacks, or that speaks against it.
type Gap string

// The gaps.
const (
	NoStart      Gap = "no_start"      // how it came into anybody's hands is not recorded
	NotHolder    Gap = "not_holder"    // handed over, or opened, by somebody who did not hold it
	GiverUnclear Gap = "giver_unclear" // whether who gave it is who held it can't be told
	NoGiver      Gap = "no_giver"      // who gave it is not recorded
	NoReceiver   Gap = "no_receiver"   // who got it is not recorded
	NoDate       Gap = "no_date"
	OrderUnclear Gap = "order_unclear" // by their dates this could be before the step before it
	StateChanged Gap = "state_changed" // damaged, changed, or a part missing
	SealChanged  Gap = "seal_changed"  // another seal than before, and nobody opened it in between
	SealBroken   Gap = "seal_broken"   // broken, or gone, and nobody opened it
	AfterEnd     Gap = "after_end"     // it had been destroyed before
)

// OfNames tells whether a gap says that a name is missing: for those who are
// shown no names it says nothing.
func (g Gap) OfNames() bool { return g == GiverUnclear || g == NoGiver || g == NoReceiver }

// Link is a step with its gaps.
type Link struct {
	Step
	Gaps []Gap
}

// Chain is what happened to a thing, in order.
type Chain struct {
	Links  []Link
	Holder Party  // now; not known: it can't be told
	Place  string // where it is kept now; empty: not recorded
	Seal   string // number of the seal it has now; empty: none, or not recorded
	Ended  bool   // it is destroyed
}

// Gaps is how many gaps a chain has.
func (c Chain) Gaps() (n int) {
	for _, l := range c.Links {
		n += len(l.Gaps)
	}
	return n
}

// hands tells whether an event gives a thing from one to another.
func hands(event string) bool {
	return event == "received" || event == "transferred" || event == "returned"
}

// Of derives a chain of steps, which stand in the order in which they were
// written down. What has a date comes by its earliest day, the rest after it.
func Of(steps []Step) Chain {
	steps = slices.Clone(steps)
	slices.SortStableFunc(steps, func(a, b Step) int {
		switch {
		case a.Date.IsZero() != b.Date.IsZero():
			if a.Date.IsZero() {
				return 1
			}
			return -1
		case a.Date.IsZero():
			return 0
		}
		return int(a.Date.Earliest()) - int(b.Date.Earliest())
	})
	var c Chain
	for i, s := range steps {
		l := Link{Step: s}
		if i == 0 && s.Event != "received" && s.Event != "created" {
			l.Gaps = append(l.Gaps, NoStart)
		}
		if c.Ended {
			l.Gaps = append(l.Gaps, AfterEnd)
		}
		l.Gaps = append(l.Gaps, c.order(s)...)
		l.Gaps = append(l.Gaps, c.pass(i == 0, s)...)
		l.Gaps = append(l.Gaps, c.condition(s)...)
		if s.Place != "" {
			c.Place = s.Place
		} else if hands(s.Event) {
			c.Place = ""
		}
		c.Ended = c.Ended || s.Event == "destroyed"
		c.Links = append(c.Links, l)
	}
	return c
}

// order says what a date leaves open.
func (c *Chain) order(s Step) []Gap {
	if s.Date.IsZero() {
		return []Gap{NoDate}
	}
	if len(c.Links) == 0 {
		return nil
	}
	before := c.Links[len(c.Links)-1].Date
	if before.IsZero() || before.Latest() <= s.Date.Earliest() {
		return nil
	}
	return []Gap{OrderUnclear}
}

// pass gives a thing on, and says what is wrong with who gave it to whom.
func (c *Chain) pass(first bool, s Step) (gaps []Gap) {
	giver := s.From
	if !hands(s.Event) && !giver.Known() {
		giver = s.To // of what one does alone, either says who did it
	}
	switch {
	case s.Event == "created":
	case !giver.Known():
		if hands(s.Event) {
			gaps = append(gaps, NoGiver)
		}
	case first:
	default:
		same, comparable := equal(c.Holder, giver)
		if !comparable {
			gaps = append(gaps, GiverUnclear)
		} else if !same {
			gaps = append(gaps, NotHolder)
		}
	}
	switch {
	case hands(s.Event):
		if !s.To.Known() {
			gaps = append(gaps, NoReceiver)
		}
		c.Holder = s.To
	case !c.Holder.Known() || s.Event == "created":
		c.Holder = giver
	}
	return gaps
}

// condition follows the state of a thing and its seal.
func (c *Chain) condition(s Step) (gaps []Gap) {
	switch s.State {
	case "damaged", "changed", "incomplete":
		gaps = append(gaps, StateChanged)
	}
	switch opened := s.Event == "opened"; {
	case (s.SealState == "broken" || s.SealState == "none" && c.Seal != "") && !opened:
		gaps = append(gaps, SealBroken)
	case s.Seal != "" && c.Seal != "" && s.Seal != c.Seal && !opened:
		gaps = append(gaps, SealChanged)
	}
	switch {
	case s.Seal != "":
		c.Seal = s.Seal
	case s.Event == "opened" || s.SealState == "broken" || s.SealState == "none":
		c.Seal = ""
	}
	return gaps
}

// equal tells whether two are the same, and whether that can be told: by name
// where both have one, else by what they are.
func equal(a, b Party) (same, comparable bool) {
	switch {
	case a.Name != "" && b.Name != "":
		return strings.EqualFold(strings.Join(strings.Fields(a.Name), " "), strings.Join(strings.Fields(b.Name), " ")), true
	case a.Role != "" && b.Role != "":
		return a.Role == b.Role, true
	}
	return false, false
}

// Digest is the SHA-256 of a chain in hexadecimal, as it stands on a printed
// form: of the word "kua/custody/v1", the id of the thing, and for each step in
// order its record, date, event, giver and role, receiver and role, way, place,
// seal, state of the seal, state, words; each text with its length in bytes
// before it, 8 bytes with the greatest first.
func (c Chain) Digest(thing string) string {
	h := sha256.New()
	put := func(texts ...string) {
		for _, text := range texts {
			var n [8]byte
			binary.BigEndian.PutUint64(n[:], uint64(len(text)))
			h.Write(n[:])
			h.Write([]byte(text))
		}
	}
	put("kua/custody/v1", thing)
	for _, l := range c.Links {
		put(l.Record, l.Date.String(), l.Event, l.From.Name, l.From.Role, l.To.Name, l.To.Role, l.How, l.Place, l.Seal, l.SealState, l.State, l.Words)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Thing is a record of evidence with its chain.
type Thing struct {
	Evidence *casefile.Record
	Chain    Chain
}

// Things are the records of evidence of a case, each with its chain. Those
// without a hand-over have an empty one.
func Things(records []*casefile.Record) []Thing {
	steps := map[string][]Step{}
	for _, rec := range records {
		if rec.Kind == Kind {
			of := rec.Get("evidence")
			steps[of] = append(steps[of], StepOf(rec))
		}
	}
	var things []Thing
	for _, rec := range records {
		if rec.Kind == "evidence" {
			things = append(things, Thing{Evidence: rec, Chain: Of(steps[rec.ID])})
		}
	}
	return things
}

// StepOf reads a step from its record.
func StepOf(rec *casefile.Record) Step {
	known := func(field string) string {
		switch v := strings.TrimSpace(rec.Get(field)); v {
		case "unknown":
			return ""
		default:
			return v
		}
	}
	return Step{
		Record: rec.ID, Date: rec.Date, Event: known("event"),
		From: Party{known("from"), known("from_role")}, To: Party{known("to"), known("to_role")},
		How: known("how"), Place: known("place"), Seal: known("seal"), SealState: known("seal_state"), State: known("state"), Words: known("state_words"),
	}
}
