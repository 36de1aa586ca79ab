// SPDX-License-Identifier: AGPL-3.0-or-later

package custody_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/custody"
	"github.com/kua-registry/kua/internal/edtf"
)

func date(t interface{ Fatal(...any) }, text string) edtf.Date {
	if text == "" {
		return edtf.Date{}
	}
	d, err := edtf.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func named(name string) custody.Party { return custody.Party{Name: name} }

// honest draws a chain in which everything was written down: a thing goes from
// hand to hand, is sealed, opened and sealed anew by who holds it.
func honest(t *rapid.T) []custody.Step {
	day := time.Date(2022, 1, 6, 0, 0, 0, 0, time.UTC)
	n := rapid.IntRange(1, 12).Draw(t, "steps")
	holder, seal := named("person 0"), ""
	steps := []custody.Step{{Record: "0", Date: date(t, day.Format("2006-01-02")), Event: "received", From: named("victim"), To: holder, State: "unchanged"}}
	for i := 1; i <= n; i++ {
		day = day.AddDate(0, 0, rapid.IntRange(1, 30).Draw(t, "days"))
		s := custody.Step{Record: fmt.Sprint(i), Date: date(t, day.Format("2006-01-02")), From: holder, Event: rapid.SampledFrom([]string{"transferred", "transferred", "sealed", "opened", "hashed"}).Draw(t, "event"), Seal: seal, State: "unchanged"}
		switch s.Event {
		case "transferred":
			s.To = named(fmt.Sprintf("person %d", i))
			holder = s.To
		case "sealed":
			if seal == "" {
				seal = fmt.Sprintf("S-%d", i)
			}
			s.Seal = seal
		case "opened":
			s.Seal, seal = "", ""
		}
		steps = append(steps, s)
	}
	return steps
}

func TestHonestChainHasNoGap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := honest(t)
		c := custody.Of(steps)
		if c.Gaps() != 0 || !c.Holder.Known() {
			t.Fatalf("%+v", c)
		}
		mixed := rapid.Permutation(steps).Draw(t, "written in this order")
		if again := custody.Of(mixed); again.Digest("thing") != c.Digest("thing") || again.Holder != c.Holder {
			t.Fatal("the order in which it was written down changes the chain")
		}
	})
}

// TestMissingStepShows takes one hand-over out of an honest chain: who gives it
// on next is then somebody who did not hold it.
func TestMissingStepShows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		handedOn := func(steps []custody.Step) (passed []int) {
			for i, s := range steps {
				if s.Event == "transferred" && slices.ContainsFunc(steps[i+1:], func(s custody.Step) bool { return s.From.Known() }) {
					passed = append(passed, i)
				}
			}
			return passed
		}
		steps := rapid.Custom(honest).Filter(func(steps []custody.Step) bool { return len(handedOn(steps)) > 0 }).Draw(t, "steps")
		passed := handedOn(steps)
		whole := custody.Of(steps)
		i := rapid.SampledFrom(passed).Draw(t, "missing")
		c := custody.Of(slices.Delete(slices.Clone(steps), i, i+1))
		if !slices.ContainsFunc(c.Links, func(l custody.Link) bool { return slices.Contains(l.Gaps, custody.NotHolder) }) {
			t.Fatalf("step %d is missing and nothing shows it: %+v", i, c)
		}
		if c.Digest("thing") == whole.Digest("thing") {
			t.Fatal("a chain without one step has the same digest")
		}
	})
}

func TestGaps(t *testing.T) {
	received := custody.Step{Record: "1", Date: date(t, "2022-01-06"), Event: "received", From: named("victim"), To: named("Aigerim")}
	next := func(change func(*custody.Step)) []custody.Step {
		s := custody.Step{Record: "2", Date: date(t, "2022-01-10"), Event: "transferred", From: named("aigerim "), To: named("Expert")}
		change(&s)
		return []custody.Step{received, s}
	}
	sealed := custody.Step{Record: "s", Date: date(t, "2022-01-08"), Event: "sealed", From: named("Aigerim"), Seal: "A-1"}
	for _, c := range []struct {
		what  string
		steps []custody.Step
		want  []custody.Gap
	}{
		{"whole", next(func(*custody.Step) {}), nil},
		{"not the holder", next(func(s *custody.Step) { s.From = named("Daniyar") }), []custody.Gap{custody.NotHolder}},
		{"by role alone", next(func(s *custody.Step) { s.From = custody.Party{Role: "lawyer"} }), []custody.Gap{custody.GiverUnclear}},
		{"no giver", next(func(s *custody.Step) { s.From = custody.Party{} }), []custody.Gap{custody.NoGiver}},
		{"no receiver", next(func(s *custody.Step) { s.To = custody.Party{} }), []custody.Gap{custody.NoReceiver}},
		{"no date", next(func(s *custody.Step) { s.Date = edtf.Date{} }), []custody.Gap{custody.NoDate}},
		{"unclear order", []custody.Step{{Event: "received", Date: date(t, "2022-01"), From: named("victim"), To: named("A")}, {Event: "transferred", Date: date(t, "2022-01-10"), From: named("A"), To: named("B")}}, []custody.Gap{custody.OrderUnclear}},
		{"damaged", next(func(s *custody.Step) { s.State = "damaged" }), []custody.Gap{custody.StateChanged}},
		{"no start", []custody.Step{{Event: "transferred", Date: date(t, "2022-01-06"), From: named("A"), To: named("B")}}, []custody.Gap{custody.NoStart}},
		{"another seal", []custody.Step{received, sealed, next(func(s *custody.Step) { s.Seal = "A-2" })[1]}, []custody.Gap{custody.SealChanged}},
		{"a broken seal", []custody.Step{received, sealed, next(func(s *custody.Step) { s.Seal, s.SealState = "A-1", "broken" })[1]}, []custody.Gap{custody.SealBroken}},
		{"a seal that is gone", []custody.Step{received, sealed, next(func(s *custody.Step) { s.SealState = "none" })[1]}, []custody.Gap{custody.SealBroken}},
		{"opened by who holds it", []custody.Step{received, sealed, next(func(s *custody.Step) { s.Event, s.To = "opened", custody.Party{} })[1]}, nil},
		{"opened by another", []custody.Step{received, next(func(s *custody.Step) { s.Event, s.From = "opened", named("Daniyar") })[1]}, []custody.Gap{custody.NotHolder}},
		{"after its end", []custody.Step{received, {Event: "destroyed", Date: date(t, "2022-01-07"), From: named("Aigerim")}, next(func(*custody.Step) {})[1]}, []custody.Gap{custody.AfterEnd}},
	} {
		var got []custody.Gap
		for _, l := range custody.Of(c.steps).Links {
			got = append(got, l.Gaps...)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

func TestThings(t *testing.T) {
	records := []*casefile.Record{
		{ID: "h", Kind: custody.Kind, Date: date(t, "2022-01-06"), Fields: casefile.Fields{"evidence": {"e"}, "event": {"received"}, "from_role": {"victim"}, "to": {" Aigerim "}, "to_role": {"unknown"}, "seal": {"A-1"}}},
		{ID: "e", Kind: "evidence", Fields: casefile.Fields{"kind": {"clothing"}}},
		{ID: "o", Kind: "evidence", Fields: casefile.Fields{"kind": {"video"}}},
	}
	things := custody.Things(records)
	if len(things) != 2 || len(things[0].Chain.Links) != 1 || things[0].Chain.Holder != named("Aigerim") || things[0].Chain.Seal != "A-1" || len(things[1].Chain.Links) != 0 {
		t.Errorf("%+v", things)
	}
}

// TestDigestAsWritten holds the digest to docs/spec/custody.md: each text with
// its length before it, thirteen for a step.
func TestDigestAsWritten(t *testing.T) {
	const thing = "00000000000000000000000000000001"
	if got, want := custody.Of(nil).Digest(thing), "7aa06a6513ecb367316b1034d150f2995d034333d84460a34e2f2db73db154dd"; got != want {
		t.Errorf("of no step: %s, want %s", got, want)
	}
	c := custody.Of([]custody.Step{{
		Record: "r", Date: date(t, "2022-01-04/2022-01-05"), Event: "received", From: custody.Party{Name: "Сәуле", Role: "victim"}, To: custody.Party{Name: "B", Role: "us"},
		How: "in_person", Place: "safe", Seal: "A-17", SealState: "intact", State: "unchanged", Words: "дұрыс",
	}})
	var text []byte
	for _, one := range []string{"kua/custody/v1", thing, "r", "2022-01-04/2022-01-05", "received", "Сәуле", "victim", "B", "us", "in_person", "safe", "A-17", "intact", "unchanged", "дұрыс"} {
		text = append(binary.BigEndian.AppendUint64(text, uint64(len(one))), one...)
	}
	if got, want := c.Digest(thing), fmt.Sprintf("%x", sha256.Sum256(text)); got != want {
		t.Errorf("of one step: %s, want %s", got, want)
	}
}
