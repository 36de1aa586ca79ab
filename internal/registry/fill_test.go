// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/invented"
	"github.com/kua-registry/kua/internal/ledger"
)

// filledActs are the acts of a register that is made up, in batches of a few.
func (g *register) filledActs(world invented.Register) [][]FilledAct {
	orgs := []string{g.org("North"), g.org("South")}
	var batches [][]FilledAct
	var batch []FilledAct
	for _, s := range world.Shared() {
		batch = append(batch, FilledAct{By: g.session, Stream: s.ID, At: g.clock.t, Puts: []Put{{Record: s.ID, Kind: s.Kind, Fields: s.Fields}}, Ends: true})
	}
	batches, batch = append(batches, batch), nil
	before := map[string]uint64{}
	for day, turns := range world.Days() {
		for i, turn := range turns {
			c := world.Case(turn.Case)
			made := c.Acts[turn.Act]
			a := FilledAct{By: g.session, Stream: made.Stream, Org: orgs[c.Org], Before: before[made.Stream], Reason: made.Reason, Source: made.Source,
				At: day.Time().Add(8*time.Hour + time.Duration(i)*time.Second)}
			if made.Stream != c.ID {
				a.Org = ""
			}
			for _, e := range made.Entries {
				if e.Fields == nil {
					a.Withdraws = append(a.Withdraws, Put{Record: e.Record, Kind: e.Kind})
					continue
				}
				if e.Kind == "case" {
					e.Fields["org"] = []string{a.Org}
				}
				a.Puts = append(a.Puts, Put{Record: e.Record, Kind: e.Kind, Fields: e.Fields})
			}
			before[made.Stream] += uint64(len(made.Entries))
			if c.Restricted && turn.Act == 0 {
				before[made.Stream]++
			}
			if batch = append(batch, a); len(batch) == 40 {
				batches, batch = append(batches, batch), nil
			}
		}
	}
	return append(batches, batch)
}

// TestFilledIsAsIfItHadBeenTypedIn holds a register that was filled, in two
// runs of which the first was cut short, against one of which every act was
// written by its door: the same cases, the same figures as of any day.
func TestFilledIsAsIfItHadBeenTypedIn(t *testing.T) {
	ctx := context.Background()
	world := invented.Register{Seed: 5, Cases: 48, Orgs: 2, Until: invented.LastDay}
	t.Logf("seed %d", world.Seed)

	typed := emptyRegisterAt(t, time.Date(2018, 1, 1, 6, 0, 0, 0, time.UTC))
	for _, batch := range typed.filledActs(world) {
		for _, a := range batch {
			typed.clock.t = a.At
			typed.writing.Lock()
			puts := slices.Clone(a.Puts)
			if a.Before == 0 && a.Org != "" && first(a.Puts[0].Fields["restricted"]) == "yes" {
				puts = append(puts, typed.ownGrant(typed.session.Member, a.Stream)...)
			}
			err := typed.write(ctx, typed.session, []act{{stream: a.Stream, newFor: a.Org, puts: puts, withdraws: a.Withdraws, reason: a.Reason, source: a.Source}})
			typed.writing.Unlock()
			if err != nil {
				t.Fatal(err)
			}
		}
	}

	filled := emptyRegisterAt(t, time.Date(2018, 1, 1, 6, 0, 0, 0, time.UTC))
	batches := filled.filledActs(world)
	first, _, err := filled.Fill(ctx, filled.session, slices.Values(batches[:4]))
	if err != nil {
		t.Fatal(err)
	}
	filled.reopen()
	for _, b := range batches {
		for i := range b {
			b[i].By = filled.session
		}
	}
	rest, entries, err := filled.Fill(ctx, filled.session, slices.Values(batches))
	if err != nil {
		t.Fatal(err)
	}
	if want := typed.log.Head().Size; first == 0 || rest == 0 || entries < want {
		t.Errorf("%d and then %d entries were written; the other register has %d", first, rest, want)
	}
	filled.clock.t = typed.clock.t
	filled.reopen()
	filled.verify()

	if got, want := filled.figures(), typed.figures(); got != want {
		t.Errorf("filled:\n%s\ntyped in:\n%s", got, want)
	}
	for n := range world.Cases {
		a, err := filled.Case(ctx, filled.session, world.CaseID(n), Clock{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := typed.Case(ctx, typed.session, world.CaseID(n), Clock{})
		if err != nil {
			t.Fatal(err)
		}
		recorded := func(v CaseView) (all []any) {
			for _, rec := range v.Records {
				if rec.Kind != grantKind && rec.Kind != "case" { // ids by chance
					all = append(all, rec.ID, rec.Kind, rec.Fields, rec.Withdrawn, len(rec.History))
				}
			}
			return all
		}
		for what, pair := range map[string][2]any{
			"the records": {recorded(a), recorded(b)}, "the stage": {a.Stage, b.Stage}, "what was withdrawn": {len(a.Withdrawn), len(b.Withdrawn)},
			"the checks": {a.Checks, b.Checks}, "the deadlines": {a.Deadlines, b.Deadlines}, "the timeline": {len(a.Timeline), len(b.Timeline)},
			"the number": {a.Row.Number, b.Row.Number}, "the same person": {len(a.Same), len(b.Same)},
		} {
			if !reflect.DeepEqual(pair[0], pair[1]) {
				t.Errorf("case %d: %s: %v, and typed in: %v", n, what, pair[0], pair[1])
			}
		}
	}
}

// TestFillRefuses holds that filling opens no way around what the doors refuse.
func TestFillRefuses(t *testing.T) {
	ctx := context.Background()
	g := emptyRegisterAt(t, time.Date(2018, 1, 1, 6, 0, 0, 0, time.UTC))
	north, south := g.org("North"), g.org("South")
	worker := g.comes(g.session, NewInvitation{Name: "south", Lang: "ru", Orgs: []string{south}, Roles: []access.Role{access.CaseWorker}})
	at := g.clock.t.Add(time.Hour)
	opens := func(by *access.Session, org string, puts ...Put) FilledAct {
		id := ledger.NewID().String()
		head := Put{Record: id, Kind: "case", Fields: casefile.Fields{"org": {org}, "number": {"K-" + id[:7]}}}
		return FilledAct{By: by, Stream: id, Org: org, At: at, Puts: append([]Put{head}, puts...)}
	}
	there := opens(g.session, north)
	if _, _, err := g.Fill(ctx, g.session, slices.Values([][]FilledAct{{there}})); err != nil {
		t.Fatal(err)
	}
	note := func(f FilledAct) FilledAct {
		f.Puts, f.Before = []Put{{Record: ledger.NewID().String(), Kind: "note", Fields: casefile.Fields{"text": {"x"}}}}, 1
		return f
	}
	for what, a := range map[string]FilledAct{
		"a case of an organisation they are not of": opens(worker, north),
		"a note in a case of another organisation":  func() FilledAct { f := note(there); f.By, f.Org = worker, south; return f }(),
		"a verdict": opens(g.session, north, Put{Record: ledger.NewID().String(), Kind: casefile.ReviewKind, Fields: casefile.Fields{"step": {"verified"}}}),
		"a grant":   opens(g.session, north, grantPut(holder{id: worker.Member.ID}, NewGrant{Part: access.Identity})),
		"a member":  {By: g.session, Stream: ledger.NewID().String(), At: at, Puts: []Put{{Record: ledger.NewID().String(), Kind: memberKind}}},
		"a match by a case worker": func() FilledAct {
			id := ledger.NewID().String()
			return FilledAct{By: worker, Stream: id, At: at, Puts: []Put{{Record: id, Kind: "match"}}}
		}(),
		"a case of one organisation for another":     func() FilledAct { f := opens(g.session, north); f.Org = south; return f }(),
		"what the codebook does not know":            opens(g.session, north, Put{Record: ledger.NewID().String(), Kind: "report", Fields: casefile.Fields{"received": {"yesterday"}}}),
		"before what was written last":               func() FilledAct { f := note(there); f.At = at.Add(-2 * time.Hour); return f }(),
		"over an entry that it does not know of":     func() FilledAct { f := note(there); f.Before = 7; return f }(),
		"a record outside cases in another's stream": {By: g.session, Stream: there.Stream, Before: 1, At: at, Puts: []Put{{Record: there.Stream, Kind: "facility", Fields: casefile.Fields{"name": {"x"}}}}},
		"a second record of the case under a new id": func() FilledAct {
			f := note(there)
			f.Puts[0] = Put{Record: ledger.NewID().String(), Kind: "case", Fields: there.Puts[0].Fields}
			return f
		}(),
		"a case taken over by the record of the case": func() FilledAct { f := there; f.By, f.Org, f.Before = worker, south, 1; return f }(),
	} {
		if n, _, err := g.Fill(ctx, g.session, slices.Values([][]FilledAct{{a}})); err == nil || n > 0 {
			t.Errorf("%s was taken: %d entries", what, n)
		}
	}
	if _, _, err := g.Fill(ctx, worker, slices.Values([][]FilledAct{{opens(worker, south)}})); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a case worker fills a register: %v", err)
	}
	if _, _, err := g.Fill(ctx, g.session, slices.Values([][]FilledAct{{note(there)}})); err != nil {
		t.Errorf("what may be written is refused: %v", err)
	}
	g.reopen()
	g.verify()
}
