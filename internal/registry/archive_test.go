// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/archive"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/invented"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/ledgertest"
)

// inventedRegister is a register of two organisations, filled over some years by
// people who do not exist.
func inventedRegister(t testing.TB, seed uint64, cases int) *register {
	t.Helper()
	ctx := context.Background()
	world := invented.Register{Seed: seed, Cases: cases, Orgs: 2, Until: invented.LastDay}
	g := emptyRegisterAt(t, world.FirstDay().Time().Add(-time.Hour))
	batch := func(yield func([]FilledAct) bool) {
		var shared []FilledAct
		for _, s := range world.Shared() {
			shared = append(shared, FilledAct{By: g.session, Stream: s.ID, At: world.FirstDay().Time(), Ends: true, Puts: []Put{{Record: s.ID, Kind: s.Kind, Fields: s.Fields}}})
		}
		if !yield(shared) {
			return
		}
		for day, turns := range world.Days() {
			var acts []FilledAct
			for _, turn := range turns {
				c := world.Case(turn.Case)
				of := c.Acts[turn.Act]
				a := FilledAct{By: g.session, Stream: of.Stream, At: day.Time(), Reason: of.Reason, Source: of.Source}
				if of.Stream == c.ID {
					a.Org = g.session.Member.Orgs[c.Org]
					for k, other := range c.Acts[:turn.Act] {
						if other.Stream == c.ID {
							a.Before += uint64(len(c.Acts[k].Entries))
						}
					}
					if c.Restricted && a.Before > 0 {
						a.Before++
					}
				}
				for _, e := range of.Entries {
					p := Put{Record: e.Record, Kind: e.Kind, Fields: e.Fields}
					switch {
					case e.Fields == nil:
						a.Withdraws = append(a.Withdraws, p)
						continue
					case e.Kind == "case":
						p.Fields["org"] = []string{a.Org}
					}
					a.Puts = append(a.Puts, p)
				}
				acts = append(acts, a)
			}
			if !yield(acts) {
				return
			}
		}
	}
	if _, _, err := g.Fill(ctx, g.session, batch); err != nil {
		t.Fatal(err)
	}
	g.clock.t = invented.LastDay.Time().Add(30 * time.Hour)
	g.writing.Lock()
	err := g.settle(ctx)
	g.writing.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	g.session = g.sessions.Begin(g.session.Member, g.session.Keys)
	return g
}

// archived is an archive of all that somebody may hand on.
func (g *register) archived(s *access.Session, q ArchiveQuery) *archive.Archive {
	g.t.Helper()
	var b bytes.Buffer
	if _, err := g.Archive(context.Background(), s, q, &b); err != nil {
		g.t.Fatal(err)
	}
	a, err := archive.Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		g.t.Fatal(err)
	}
	return a
}

// spoken is all that an archive says, with the organisations under their names.
func spoken(t testing.TB, a *archive.Archive) (entries []archive.Entry) {
	t.Helper()
	names := map[string]string{}
	for _, o := range a.Manifest.About.Organisations {
		names[o.ID] = o.Name
	}
	add := func(of []archive.Entry) {
		for _, e := range of {
			if e.Kind == "case" && e.Op == archive.Put {
				e.Fields["org"] = []string{names[e.Fields["org"][0]]}
			}
			entries = append(entries, e)
		}
	}
	for of, err := range a.Cases() {
		if err != nil {
			t.Fatal(err)
		}
		add(of)
	}
	for of, err := range a.Outside() {
		if err != nil {
			t.Fatal(err)
		}
		add(of)
	}
	return entries
}

func (g *register) figuresAsOf(days ...string) (out [][]FigureValue) {
	g.t.Helper()
	for _, text := range days {
		day, err := edtf.ParseDay(text)
		if err != nil {
			g.t.Fatal(err)
		}
		table, err := g.Figures(context.Background(), g.session, FigureQuery{Clock: Clock{AsOf: day}})
		if err != nil {
			g.t.Fatal(err)
		}
		out = append(out, table.Values)
	}
	return out
}

// TestArchiveMovesARegister: what one register hands out, another takes in and
// hands out again: the same cases, the same history, the same figures.
func TestArchiveMovesARegister(t *testing.T) {
	for seed := range uint64(*moves) {
		moveARegister(t, seed+1, 2+int(seed*5%11))
	}
}

var moves = flag.Int("moves", 2, "how many registers TestArchiveMovesARegister makes up and moves")

func moveARegister(t *testing.T, seed uint64, cases int) {
	ctx := context.Background()
	from := inventedRegister(t, seed, cases)
	defer from.Close()
	out := from.archived(from.session, ArchiveQuery{})
	told := spoken(t, out)
	if int(out.Manifest.Counts.Cases) == 0 || len(told) == 0 {
		t.Fatal("nothing is handed out")
	}
	to := emptyRegisterAt(t, from.clock.t)
	defer to.Close()
	empty := to.log.Head().Size
	looked, err := to.ImportArchive(ctx, to.session, out, ArchiveIn{DryRun: true}, nil)
	if err != nil {
		t.Fatalf("%v: %+v", err, looked.Findings)
	}
	if n := to.log.Head().Size; n != empty {
		t.Fatalf("a dry run wrote %d entries", n-empty)
	}
	taken, err := to.ImportArchive(ctx, to.session, out, ArchiveIn{}, nil)
	if err != nil || len(taken.Findings) > 0 || taken.Cases != looked.Cases || taken.Outside != looked.Outside || taken.Cases.New != int(out.Manifest.Counts.Cases) {
		t.Fatalf("taken in %+v, would be %+v: %v", taken, looked, err)
	}
	again := to.archived(to.session, ArchiveQuery{})
	if got := spoken(t, again); !reflect.DeepEqual(got, told) {
		for i := range min(len(got), len(told)) {
			if !reflect.DeepEqual(got[i], told[i]) {
				t.Fatalf("handed out again, an entry is\n%+v\nand was\n%+v", got[i], told[i])
			}
		}
		t.Fatalf("%d entries are handed out again, %d were", len(got), len(told))
	}
	days := []string{"2019-06-30", "2022-01-20", "2022-05-17", "2025-12-31"}
	if a, b := from.figuresAsOf(days...), to.figuresAsOf(days...); !reflect.DeepEqual(a, b) {
		t.Fatalf("figures are\n%v\nand were\n%v", b, a)
	}
	size := to.log.Head().Size
	if taken, err := to.ImportArchive(ctx, to.session, again, ArchiveIn{}, nil); err != nil || taken.Cases.New+taken.Cases.Changed+taken.Outside.New+taken.Outside.Changed+len(taken.Findings) > 0 {
		t.Fatalf("a second import does %+v: %v", taken, err)
	}
	if taken, err := from.ImportArchive(ctx, from.session, again, ArchiveIn{}, nil); err != nil || taken.Cases.New+taken.Cases.Changed+taken.Outside.New+taken.Outside.Changed > 0 {
		t.Fatalf("come home again, it does %+v: %v", taken, err)
	}
	if now := to.log.Head().Size; now > size+2 { // lines of the audit
		t.Errorf("imports of what is there wrote %d entries", now-size)
	}
	to.verify()
}

// TestArchiveUpdates: a newer archive adds what was written since, and what was
// changed or erased here stays.
func TestArchiveUpdates(t *testing.T) {
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	from, to := newRegister(t), emptyRegister(t)
	_, err := from.AddFile(ctx, from.session, from.cases[0], NewFile{Name: "a photo.txt", Content: strings.NewReader("what is in the photo")})
	must(err)
	to.clock.t = to.clock.t.Add(48 * time.Hour)
	to.session, err = to.SignIn(ctx, "aigerim", testPassphrase)
	must(err)
	first := from.archived(from.session, ArchiveQuery{})
	taken, err := to.ImportArchive(ctx, to.session, first, ArchiveIn{}, nil)
	if err != nil || taken.Cases.New != 6 || taken.Files != 1 {
		t.Fatalf("%+v %v", taken, err)
	}

	// The file is here as it was, under a key of its own.
	files, err := to.Files(ctx, to.session, from.cases[0])
	if err != nil || len(files) != 1 || files[0].Missing {
		t.Fatalf("%+v %v", files, err)
	}
	content, _, err := to.OpenFile(ctx, to.session, from.cases[0], files[0].ID)
	must(err)
	text, err := io.ReadAll(content)
	if err = errors.Join(err, content.Close()); err != nil || string(text) != "what is in the photo" {
		t.Errorf("the file is %q: %v", text, err)
	}

	// Its times and authors are told as what the archive says, its own entries' are of now.
	report := func(g *register, n int) *casefile.Record {
		t.Helper()
		view, err := g.Case(ctx, g.session, from.cases[n], Clock{})
		must(err)
		return view.Records[slices.IndexFunc(view.Records, func(r *casefile.Record) bool { return r.Kind == "report" })]
	}
	rec, was := report(to, 0), report(from, 0)
	claimed, ok := rec.History[0].Claimed()
	if !ok || !claimed.At.Equal(was.At) || claimed.By != was.Author || claimed.Name != "aigerim" || claimed.Register != from.log.ID().String() || claimed.Source != was.Source {
		t.Errorf("the archive is said to say %+v", claimed)
	}
	if !rec.At.Equal(to.clock.t) || rec.Author != to.session.Member.ID {
		t.Errorf("what came in is said to be of %v by %s", rec.At, rec.Author)
	}
	known, err := to.Figures(ctx, to.session, FigureQuery{Clock: Clock{KnownBy: to.clock.t.Add(-time.Hour)}})
	must(err)
	if i := slices.IndexFunc(known.Values, func(v FigureValue) bool { return v.Value > 0 }); i >= 0 {
		t.Errorf("%+v was known before it came in", known.Values[i])
	}

	// Changed there; changed in both; erased here.
	from.later()
	for n := range 3 {
		_, err = from.PutRecord(ctx, from.session, RecordChange{Case: from.cases[n], Record: report(from, n).ID, Kind: "report", Seen: 1, Reason: "heard again", Fields: casefile.Fields{"received": {"2022-01-20"}}})
		must(err)
	}
	_, err = to.PutRecord(ctx, to.session, RecordChange{Case: from.cases[1], Record: report(to, 1).ID, Kind: "report", Seen: 1, Reason: "heard here", Fields: casefile.Fields{"received": {"2022-02-02"}}})
	must(err)
	must(to.Erase(ctx, to.session, from.cases[2], Erasure{Why: "wish", Reason: "asked for"}))
	newer := from.archived(from.session, ArchiveQuery{})
	compared, err := to.linked(ctx, to.see(to.session.Member), false)
	must(err)
	taken, err = to.ImportArchive(ctx, to.session, newer, ArchiveIn{}, nil)
	must(err)
	if now, err := to.linked(ctx, to.see(to.session.Member), false); err != nil || now == compared {
		t.Errorf("cases that came in otherwise are compared as they were: %v", err)
	}
	var whys []string
	for _, f := range taken.Findings {
		whys = append(whys, f.Why)
	}
	if slices.Sort(whys); taken.Cases.Changed != 1 || taken.Cases.New != 0 || !slices.Equal(whys, []string{FoundChanged, FoundErased}) {
		t.Errorf("a newer archive does %+v", taken)
	}
	for n, want := range []string{"2022-01-20", "2022-02-02"} {
		if got := report(to, n).Get("received"); got != want {
			t.Errorf("report %d says %s, want %s", n, got, want)
		}
	}
	if view, err := to.Case(ctx, to.session, from.cases[2], Clock{}); err != nil || view.Row.Name != "" {
		t.Errorf("what was erased is %q again: %v", view.Row.Name, err)
	}
	to.verify()
}

// dying is the store of a machine that stops at one of its writes: before it is
// kept, or after that and before anybody hears of it.
type dying struct {
	ledger.Store
	least int // rows of a write that counts: lines of the audit do not
	mu    sync.Mutex
	left  int // of these that go well
	kept  bool
	dead  bool
}

func (d *dying) Append(ctx context.Context, size uint64, rows []ledger.Row, keys []ledger.WrappedKey, checkpoint []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return ledgertest.ErrInjected
	}
	if len(rows) >= d.least {
		d.dead = d.left == 0
		d.left--
	}
	if d.dead && !d.kept {
		return ledgertest.ErrInjected
	}
	return errors.Join(d.Store.Append(ctx, size, rows, keys, checkpoint), d.gone())
}

func (d *dying) gone() error {
	if d.dead {
		return ledgertest.ErrInjected
	}
	return nil
}

func (d *dying) Head(ctx context.Context) (uint64, []byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.gone(); err != nil {
		return 0, nil, err
	}
	return d.Store.Head(ctx)
}

// TestArchiveGoesOn: a machine that stops while an archive is taken in has every
// case whole or not at all, and the same import goes on, time after time, until
// the register is as if it had never stopped.
func TestArchiveGoesOn(t *testing.T) {
	ctx := context.Background()
	from, to := newRegister(t), emptyRegister(t)
	for _, n := range []int{0, 3} {
		if _, err := from.AddFile(ctx, from.session, from.cases[n], NewFile{Name: "a photo.txt", Content: strings.NewReader("what is in photo " + from.cases[n])}); err != nil {
			t.Fatal(err)
		}
	}
	a := from.archived(from.session, ArchiveQuery{})
	told, most := spoken(t, a), map[string]int{}
	for _, e := range told {
		most[e.Stream()]++
	}
	whole := func() (there int) {
		t.Helper()
		for id, want := range most {
			entries, err := to.index.Entries(ctx, id)
			if err != nil || len(entries) != 0 && len(entries) != want {
				t.Fatalf("of %d entries of a case, %d are here: %v", want, len(entries), err)
			}
			there += min(len(entries), 1)
		}
		return there
	}
	before, stops := 0, 0
	for {
		machine := &dying{least: 2, left: stops % 2, kept: stops%3 != 0}
		to.onStore(func(store ledger.Store) ledger.Store {
			machine.Store = store
			return machine
		})
		_, err := to.ImportArchive(ctx, to.session, a, ArchiveIn{batch: 2}, nil)
		if err == nil {
			break
		}
		if !errors.Is(err, ledgertest.ErrInjected) {
			t.Fatal(err)
		}
		stops++
		_ = to.Close() // it says what became of it
		reg, s, err := Open(ctx, to.dir, Unlock{Passphrase: testPassphrase}, testOptions(to.clock))
		if err != nil {
			t.Fatal(err)
		}
		to.Registry, to.session = reg, s
		now := whole()
		if now < before || stops > 2*len(most) {
			t.Fatalf("after %d stops %d cases and records are here, of %d", stops, now, len(most))
		}
		before = now
	}
	if stops < 3 || whole() != len(most) {
		t.Errorf("stopped %d times, and %d are here of %d", stops, whole(), len(most))
	}
	to.reopen()
	if got := spoken(t, to.archived(to.session, ArchiveQuery{})); !reflect.DeepEqual(got, told) {
		t.Error("what is handed out again is not what came")
	}
	for _, n := range []int{0, 3} {
		files, err := to.Files(ctx, to.session, from.cases[n])
		if err != nil || len(files) != 1 || files[0].Missing {
			t.Fatalf("%+v %v", files, err)
		}
		content, _, err := to.OpenFile(ctx, to.session, from.cases[n], files[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(content)
		if err = errors.Join(err, content.Close()); err != nil || string(text) != "what is in photo "+from.cases[n] {
			t.Errorf("the file is %q: %v", text, err)
		}
	}
	to.verify()
}

// TestArchiveOfFacts: where the facts alone are open, they alone move, and what
// is here whole is not made less by them.
func TestArchiveOfFacts(t *testing.T) {
	ctx := context.Background()
	g, to := newRegister(t), emptyRegister(t)
	coordinator := g.join("coordinator", []access.Role{access.Coordinator}, g.session.Member.Orgs[1])
	a := g.archived(coordinator, ArchiveQuery{})
	for _, e := range spoken(t, a) {
		if !e.FactsOnly || e.Source != "" || e.Reason != "" || len(e.Fields["family"]) > 0 {
			t.Fatalf("more than the facts move: %+v", e)
		}
	}
	if taken, err := to.ImportArchive(ctx, to.session, a, ArchiveIn{}, nil); err != nil || taken.Cases.New != 3 {
		t.Fatalf("%+v %v", taken, err)
	}
	if a, b := g.figuresAsOf("2022-06-01"), to.figuresAsOf("2022-06-01"); a[0][0].Value != 2*b[0][0].Value {
		t.Errorf("the half of the cases counts %+v of %+v", b[0][0], a[0][0])
	}
	before := g.log.Head().Size
	if taken, err := g.ImportArchive(ctx, g.session, a, ArchiveIn{}, nil); err != nil || taken.Cases.Same != 3 || g.log.Head().Size > before+1 {
		t.Errorf("the facts of what is here do %+v: %v", taken, err)
	}
}

// TestArchiveThatDoesNotFit: of an archive of which something can't come in,
// nothing does.
func TestArchiveThatDoesNotFit(t *testing.T) {
	ctx := context.Background()
	from, to := newRegister(t), emptyRegister(t)
	honest := from.archived(from.session, ArchiveQuery{})
	entries := slices.Collect(func(yield func(archive.Entry) bool) {
		for of := range honest.Cases() {
			for _, e := range of {
				if !yield(e) {
					return
				}
			}
		}
	})
	last := maps.Clone(entries[len(entries)-1].Fields)
	forge := func(change func(e *archive.Entry)) *archive.Archive {
		entries[len(entries)-1].Fields = maps.Clone(last)
		var b bytes.Buffer
		w, err := archive.NewWriter(&b, honest.Manifest.About, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range entries {
			if i == len(entries)-1 {
				change(&e)
			}
			if err := w.Add(&e); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Finish(honest.Manifest.Finished); err != nil {
			t.Fatal(err)
		}
		a, err := archive.Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	size := to.index.Counted()
	for what, change := range map[string]func(e *archive.Entry){
		"a field nobody knows": func(e *archive.Entry) { e.Fields["nobody_knows"] = []string{"x"} },
		"a kind nobody knows":  func(e *archive.Entry) { e.Kind = "nobody_knows" },
		"a grant": func(e *archive.Entry) {
			e.Kind, e.Record, e.Fields = grantKind, strings.Repeat("c", 32), casefile.Fields{"member": {from.session.Member.ID}, "part": {"identity"}}
		},
		"a verdict": func(e *archive.Entry) {
			e.Kind, e.Record, e.Fields = casefile.ReviewKind, strings.Repeat("c", 32), casefile.Fields{"step": {"verified"}, "comment": {"x"}}
		},
		"an erasure": func(e *archive.Entry) {
			e.Kind, e.Record, e.Fields = kindErasure, strings.Repeat("c", 32), casefile.Fields{"what": {"whole"}}
		},
		"a copy said to be safe": func(e *archive.Entry) {
			e.Kind, e.Record, e.Fields = fileKind, strings.Repeat("c", 32), casefile.Fields{"form": {"safe"}, "media": {"image/png"}, "bytes": {"1"}}
		},
		"a member": func(e *archive.Entry) {
			e.Kind, e.Record, e.Fields = memberKind, strings.Repeat("c", 32), casefile.Fields{"name": {"x"}}
		},
		"a record of another kind": func(e *archive.Entry) { e.Record = e.Case },
	} {
		taken, err := to.ImportArchive(ctx, to.session, forge(change), ArchiveIn{}, nil)
		if !errors.Is(err, ErrArchiveUnfit) || len(taken.Findings) != 1 || !taken.Findings[0].Fatal {
			t.Errorf("%s: %v %+v", what, err, taken)
		}
	}
	if now := to.index.Counted(); now != size {
		t.Errorf("%d entries were written", now-size)
	}
	// What the ledger has is not said otherwise by an archive that names its entries.
	lie := forge(func(e *archive.Entry) {
		e.Fields = casefile.Fields{"role": {"victim"}, "family": {"Другой"}, "received": {"2020-01-01"}}
	})
	if taken, err := from.ImportArchive(ctx, from.session, lie, ArchiveIn{}, nil); !errors.Is(err, ErrArchiveUnfit) || taken.Findings[0].Why != FoundOther {
		t.Errorf("an altered archive does %+v: %v", taken, err)
	}
	// A source that reads like an archive's can't be written by hand.
	if err := from.Write(ctx, from.session, from.cases[0], []Put{act1(strings.Repeat("d", 32), "2022-01-06")}, nil, "", "archive: x"); !errors.Is(err, ErrClaims) {
		t.Errorf("a claim written by hand: %v", err)
	}
	other := to.join("other", []access.Role{access.CaseWorker}, to.session.Member.Orgs[1])
	if _, err := to.ImportArchive(ctx, other, honest, ArchiveIn{}, nil); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("cases of another organisation: %v", err)
	}
	if taken, err := to.ImportArchive(ctx, other, honest, ArchiveIn{Org: to.session.Member.Orgs[1]}, nil); err != nil || taken.Cases.New != 6 {
		t.Errorf("%+v: %v", taken, err)
	}
}
