// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
)

// answers are what everybody sees of every case, in words.
func (h *house) answers() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h.people)) {
		see, knows := h.see(h.people[name].Member), h.knows(h.people[name].Member)
		for _, id := range h.cases {
			fmt.Fprintln(&b, name, id[:4], see(id), knows(id))
		}
	}
	return b.String()
}

// story grants, takes back and restricts, so that there is something to lose.
func (h *house) story() {
	h.t.Helper()
	h.grant("asel", h.cases[0], "South", access.Fact, "")
	h.grant("asel", h.cases[0], "dana", access.Identity, "2022-07-01")
	h.grant("madina", h.cases[3], "asel", access.Identity, "")
	if err := h.Restrict(context.Background(), h.people["madina"], h.cases[4], true); err != nil {
		h.t.Fatal(err)
	}
	gone := h.grant("asel", h.cases[1], "South", access.Identity, "")
	if err := h.Revoke(context.Background(), h.people["asel"], h.cases[1], gone.ID, "over"); err != nil {
		h.t.Fatal(err)
	}
}

// TestRightsSurviveTheirFile: the file is a help for the start and no more.
func TestRightsSurviveTheirFile(t *testing.T) {
	h := newHouse(t)
	file := filepath.Join(h.dir, rightsFile)
	if err := h.Close(); err != nil { // writes one from before the story
		t.Fatal(err)
	}
	older, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	reg, s, err := Open(context.Background(), h.dir, Unlock{Passphrase: testPassphrase, Member: h.session.Member.ID}, testOptions(h.clock))
	if err != nil {
		t.Fatal(err)
	}
	h.Registry, h.session = reg, s
	for name := range h.people {
		h.signIn(name)
	}
	h.story()
	want := h.answers()
	another := newHouse(t)
	if err := another.Close(); err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(filepath.Join(another.dir, rightsFile))
	if err != nil {
		t.Fatal(err)
	}
	// What only the node could write: of this node, but not of this ledger.
	forged := func(change func(*keptRights)) []byte {
		head := h.log.Head()
		kept := keptRights{Ledger: h.log.ID().String(), Size: head.Size, Root: head.Root.String(), Cases: []keptCases{}, Counts: map[string]bool{}}
		change(&kept)
		text, err := json.Marshal(kept)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := h.node.SealOwn(rightsLabel, text)
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	sealedByOthers, err := h.node.Public().Seal(rightsLabel, []byte(`{"ledger":"","size":0,"root":"","cases":{},"counts":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]func(kept []byte) []byte{
		"as it was":         func(kept []byte) []byte { return kept },
		"missing":           func([]byte) []byte { return nil },
		"empty":             func([]byte) []byte { return []byte{} },
		"cut off":           func(kept []byte) []byte { return kept[:len(kept)/2] },
		"older":             func([]byte) []byte { return older },
		"of another ledger": func([]byte) []byte { return foreign },
		"a later size":      func([]byte) []byte { return forged(func(k *keptRights) { k.Size += 5 }) },
		"another root":      func([]byte) []byte { return forged(func(k *keptRights) { k.Root = strings.Repeat("00", 32) }) },
		"another ledger":    func([]byte) []byte { return forged(func(k *keptRights) { k.Ledger = ledger.NewID().String() }) },
		"nothing in it":     func([]byte) []byte { return forged(func(k *keptRights) { k.Cases, k.Counts, k.Roll = nil, nil, nil }) },
		"not signed":        func([]byte) []byte { return sealedByOthers },
	}
	for i := range 8 {
		files[fmt.Sprintf("bit %d", i)] = func(kept []byte) []byte {
			kept = bytes.Clone(kept)
			kept[len(kept)*i/8] ^= 1 << i
			return kept
		}
	}
	for _, what := range slices.Sorted(maps.Keys(files)) {
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		kept, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("%s: the file was not written again: %v", what, err)
		}
		if b := files[what](kept); b == nil {
			err = os.Remove(file)
		} else {
			err = os.WriteFile(file, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		reg, s, err := Open(context.Background(), h.dir, Unlock{Passphrase: testPassphrase, Member: h.session.Member.ID}, testOptions(h.clock))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		h.Registry, h.session = reg, s
		if got := h.answers(); got != want {
			t.Errorf("%s: other answers", what)
		}
	}
	// The file says nothing to whoever finds it.
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range append([]string{h.people["dana"].Member.ID, h.orgs["South"]}, h.cases...) {
		if bytes.Contains(kept, []byte(secret)) {
			t.Error("the file can be read")
		}
	}
}

// copyIndex copies the index and the rights as they lie there now.
func (h *house) copyIndex() map[string][]byte {
	h.t.Helper()
	files := map[string][]byte{}
	for _, name := range []string{"index.db", "index.db-wal", "index.db-shm", rightsFile} {
		b, err := os.ReadFile(filepath.Join(h.dir, name))
		if err == nil {
			files[name] = b
		} else if !errors.Is(err, os.ErrNotExist) {
			h.t.Fatal(err)
		}
	}
	return files
}

// TestOldIndexPutBack: old pages or an old copy of the index, put back under a
// running or a stopped program, bring no grant back, and the index is made anew.
func TestOldIndexPutBack(t *testing.T) {
	writeOver := func(path string, b []byte) error { // under the program's own open files
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		_, err = f.WriteAt(b, 0)
		return errors.Join(err, f.Truncate(int64(len(b))), f.Close())
	}
	exchange := func(path string, b []byte) error { // another file in its place
		return errors.Join(os.WriteFile(path+".old", b, 0o600), os.Rename(path+".old", path))
	}
	pages := func(path string, b []byte) error { // every other page
		const page = 4096
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		for at := page; at < len(b); at += 2 * page {
			if _, err := f.WriteAt(b[at:min(at+page, len(b))], int64(at)); err != nil {
				return err
			}
		}
		return f.Close()
	}
	for _, tt := range []struct {
		name    string
		running bool
		put     func(string, []byte) error
	}{
		{"stopped, the whole copy", false, exchange},
		{"stopped, some pages", false, pages},
		{"running, another file in its place", true, exchange},
		{"running, written over", true, writeOver},
		{"running, some pages", true, pages},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			ctx, id := context.Background(), h.cases[0]
			g := h.grant("asel", id, "madina", access.Identity, "")
			h.again() // the rights are written, the index folded into its file
			h.note("asel", id)
			if h.sees("madina", id) != "all" {
				t.Fatal("the grant does not hold")
			}
			old := h.copyIndex()
			if err := h.Revoke(ctx, h.people["asel"], id, g.ID, "their phone was taken"); err != nil {
				t.Fatal(err)
			}
			if err := h.Restrict(ctx, h.people["asel"], h.cases[1], true); err != nil {
				t.Fatal(err)
			}
			if !tt.running {
				if err := h.Close(); err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range slices.Sorted(maps.Keys(old)) {
				if name == "index.db-shm" && tt.running {
					continue // the program's own memory
				}
				if err := tt.put(filepath.Join(h.dir, name), old[name]); err != nil {
					t.Fatal(err)
				}
			}
			if !tt.running {
				reg, s, err := Open(ctx, h.dir, Unlock{Passphrase: testPassphrase, Member: h.session.Member.ID}, testOptions(h.clock))
				if err != nil {
					t.Fatal(err)
				}
				h.Registry, h.session = reg, s
				for name := range h.people {
					h.signIn(name)
				}
			}
			look := func(when string) {
				t.Helper()
				if h.see(h.people["madina"].Member)(id) != index.Nothing {
					t.Errorf("%s: a grant that was taken back opens the case", when)
				}
				if _, err := h.Case(ctx, h.people["madina"], id, Clock{}); !errors.Is(err, ErrNotFound) {
					t.Errorf("%s: the case is %v", when, err)
				}
				for name, want := range map[string]int{"madina": 3, "nurlan": 2} {
					page, err := h.Cases(ctx, h.people[name], Query{})
					if err != nil || page.Total != want {
						t.Errorf("%s: %s sees %d cases, want %d: %v", when, name, page.Total, want, err)
					}
				}
			}
			// A request, as the pages make it, finds the index as it should be.
			if _, ok := h.Session(h.people["madina"].Token()); !ok {
				t.Fatal("the session is over")
			}
			look("at once")
			if got, want := h.index.Head(), h.head(); got != want {
				t.Errorf("the index is of %d entries, the ledger of %d", got.Size, want.Size)
			}
			h.note("asel", id) // and it takes in what comes
			if _, ok := h.Session(h.people["asel"].Token()); !ok {
				t.Fatal("the session is over")
			}
			look("after a writing")
			h.again()
			look("after a restart")
			if tt.name != "running, some pages" && tt.name != "stopped, some pages" {
				h.verify()
				return
			}
			// What single pages say may be old: that decides nothing, and is found where it is looked for.
			if _, err := h.Verify(ctx, h.session, true); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// model is who may see what, written down plainly and apart from the program:
// what was said last of each thing.
type model struct {
	today edtf.Day
	org   map[string]string // case → organisation
	quiet map[string]bool   // restricted
	given map[string]map[string]modelGrant
}

type modelGrant struct {
	to    string
	names bool
	until edtf.Day
}

// sees by the words of the design: an organisation's workers its cases; those
// who count the facts of what counts; a restricted case nobody but by name; who
// was granted what they were granted, up to the last day.
func (m *model) sees(who access.Member, counts map[string]bool, id string) index.Sight {
	var worker, counter, analyst bool
	for _, role := range who.Roles {
		switch role {
		case "case_worker", "lawyer", "clinician", "reviewer":
			worker = true
		case "analyst":
			counter, analyst = true, true
		case "coordinator":
			counter = true
		}
	}
	mine := slices.Contains(who.Orgs, m.org[id])
	best := index.Nothing
	if !m.quiet[id] {
		if worker && mine {
			return index.All
		}
		if counter && counts[m.org[id]] || analyst && mine {
			best = index.Facts
		}
	}
	for _, g := range m.given[id] {
		if g.until != 0 && g.until < m.today {
			continue
		}
		byName := g.to == who.ID
		byOrg := slices.Contains(who.Orgs, g.to) && !m.quiet[id]
		switch {
		case !byName && !byOrg:
		case worker && g.names:
			return index.All
		case worker, counter:
			best = index.Facts
		}
	}
	return best
}

// TestSeeIsAsInThePlainModel walks random ways of granting, taking back,
// restricting and passing days, and holds what is seen against the model, as it
// is, after a restart, and after the index was made anew.
func TestSeeIsAsInThePlainModel(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	apart := h.apartCase()
	cases := append(slices.Clone(h.cases[:2]), h.cases[3], apart)
	h.cases = cases
	owners := map[string]string{cases[0]: "asel", cases[1]: "nurlan", cases[2]: "madina", apart: "aigerim"}
	m := &model{today: h.Today(), org: map[string]string{}, quiet: map[string]bool{}, given: map[string]map[string]modelGrant{}}
	for i, name := range []string{"North", "North", "South", "Apart"} {
		m.org[cases[i]] = h.orgs[name]
		m.given[cases[i]] = map[string]modelGrant{}
	}
	counts := map[string]bool{h.orgs["North"]: true, h.orgs["South"]: true}
	names := slices.Sorted(maps.Keys(h.people))
	compare := func(rt *rapid.T, when string) {
		for _, name := range names {
			who := h.people[name].Member
			see := h.see(who)
			for _, id := range cases {
				if got, want := see(id), m.sees(who, counts, id); got != want {
					rt.Fatalf("%s: %s sees %d of case %s, by the model %d", when, name, got, id[:4], want)
				}
			}
		}
	}
	seen := func() map[string]int { // through the index
		out := map[string]int{}
		for _, name := range names {
			page, err := h.Cases(ctx, h.people[name], Query{Limit: 200})
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range page.Rows {
				if slices.Contains(cases, row.ID) {
					out[name]++
				}
			}
		}
		return out
	}
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(1, 6).Draw(rt, "acts") {
			id := rapid.SampledFrom(cases).Draw(rt, "case")
			h.signIn(owners[id])
			by := h.people[owners[id]]
			may := access.Decide(by.Member, access.GrantCase, m.thing(id, counts))
			n++
			switch rapid.SampledFrom([]string{"grant", "grant", "grant", "revoke", "restrict", "lift", "days"}).Draw(rt, "act") {
			case "grant":
				to := h.people[rapid.SampledFrom(names).Draw(rt, "member")].Member.ID
				if rapid.Bool().Draw(rt, "to an organisation") {
					to = h.orgs[rapid.SampledFrom([]string{"North", "South", "Apart"}).Draw(rt, "organisation")]
				}
				g := NewGrant{To: to, Part: rapid.SampledFrom([]access.Part{access.Fact, access.Identity}).Draw(rt, "part")}
				if days := rapid.IntRange(0, 5).Draw(rt, "days"); days > 0 {
					g.Until = h.Today() + edtf.Day(days-1)
				}
				v, err := h.Grant(ctx, by, id, g)
				if err == nil && !may {
					rt.Fatal("granted by somebody who may not")
				}
				if err == nil {
					m.given[id][v.ID] = modelGrant{to, g.Part == access.Identity, g.Until}
				}
			case "revoke":
				if given := slices.Sorted(maps.Keys(m.given[id])); len(given) > 0 {
					which := rapid.SampledFrom(given).Draw(rt, "grant")
					if err := h.Revoke(ctx, by, id, which, "over"); err == nil {
						delete(m.given[id], which)
					} else if may && !errors.Is(err, ErrLastReader) {
						rt.Fatal(err)
					}
				}
			case "restrict":
				if err := h.Restrict(ctx, by, id, true); err == nil {
					m.quiet[id] = true
					for given, g := range h.grants(id) { // whoever restricts a case goes on seeing it
						if _, known := m.given[id][given]; !known && g.To == by.Member.ID {
							m.given[id][given] = modelGrant{g.To, g.Part == access.Identity, 0}
						}
					}
				} else if may {
					rt.Fatal(err)
				}
			case "lift":
				if err := h.Restrict(ctx, by, id, false); err == nil {
					m.quiet[id] = false
				} else if may {
					rt.Fatal(err)
				}
			case "days":
				h.clock.t = h.clock.t.Add(time.Duration(rapid.IntRange(1, 3).Draw(rt, "pass")) * 24 * time.Hour)
				m.today = h.Today()
				for _, name := range names {
					h.signIn(name)
				}
			}
			compare(rt, "after an act")
		}
		if rapid.IntRange(0, 24).Draw(rt, "restart") == 0 {
			before := seen()
			if rapid.Bool().Draw(rt, "without what was kept") {
				if err := h.Close(); err != nil {
					rt.Fatal(err)
				}
				for _, name := range []string{rightsFile, "index.db"} {
					if err := os.Remove(filepath.Join(h.dir, name)); err != nil {
						rt.Fatal(err)
					}
				}
				reg, s, err := Open(ctx, h.dir, Unlock{Passphrase: testPassphrase, Member: h.session.Member.ID}, testOptions(h.clock))
				if err != nil {
					rt.Fatal(err)
				}
				h.Registry, h.session = reg, s
				for _, name := range names {
					h.signIn(name)
				}
			} else {
				h.again()
			}
			compare(rt, "after a restart")
			if after := seen(); !maps.Equal(before, after) {
				rt.Fatalf("the lists show %v after a restart, and %v before", after, before)
			}
		}
	})
	h.verify()
	t.Logf("%d acts, %d entries", n, h.log.Head().Size)
}

func (m *model) thing(id string, counts map[string]bool) access.Thing {
	t := access.Thing{Org: m.org[id], Counts: counts[m.org[id]], Restricted: m.quiet[id], Day: m.today}
	for _, g := range m.given[id] {
		part := access.Fact
		if g.names {
			part = access.Identity
		}
		t.Grants = append(t.Grants, access.Grant{To: g.to, Part: part, Until: g.until})
	}
	return t
}

// TestRestrictedCaseInNoCount looks at every number that somebody gets to whom
// a restricted case is not open, and at every error: they are those of a
// register without it, but for the figures of the whole coalition.
func TestRestrictedCaseInNoCount(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	id := h.cases[0]
	row, err := h.index.Row(ctx, id, h.clockNow(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Restrict(ctx, h.people["asel"], id, true); err != nil {
		t.Fatal(err)
	}
	for name, cases := range map[string]int{"asel": 6, "aigerim": 5, "nurlan": 5, "rustem": 5, "madina": 5, "olga": 5} {
		s := h.people[name]
		north := cases - 3
		orgs, err := h.CountedOrganisations(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range orgs {
			if o.Name == "North" && o.Cases != north {
				t.Errorf("%s: the organisation has %d cases, want %d", name, o.Cases, north)
			}
		}
		over, err := h.Overview(ctx, s, OverviewQuery{})
		if err != nil || over.Cases != cases || over.Units != cases {
			t.Errorf("%s: the overview says %d cases and %d people, want %d: %v", name, over.Cases, over.Units, cases, err)
		}
		info, err := h.Info(ctx, s)
		if err != nil || info.Cases != cases || info.Units != cases {
			t.Errorf("%s: the register holds %d, want %d: %v", name, info.Cases, cases, err)
		}
		stats, err := h.Stats(ctx, s)
		if err != nil || stats.Cases != cases || stats.ByOrg[h.orgs["North"]] != north {
			t.Errorf("%s: counted %+v, want %d: %v", name, stats, cases, err)
		}
		mine, err := h.Cases(ctx, s, Query{Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range append(over.Breaches, over.Overdue...) {
			if c.Cases > mine.Total {
				t.Errorf("%s: a rule counts %d of %d cases", name, c.Cases, mine.Total)
			}
		}
		for _, d := range over.Ours {
			if d.Case.ID == id && name != "asel" {
				t.Errorf("%s: the next deadlines name the case", name)
			}
		}
		behind, err := h.Cases(ctx, s, Query{Figure: "reports", Limit: 200})
		if err != nil || behind.Hidden != 0 {
			t.Errorf("%s: %d cases are said to be hidden behind a figure: %v", name, behind.Hidden, err)
		}
		if name != "madina" {
			figures, err := h.Figures(ctx, s, FigureQuery{Scope: h.orgs["North"]})
			if err != nil {
				t.Fatal(name, err)
			}
			for _, v := range figures.Values {
				if v.ID == "reports" && v.Value != 2 { // also for who sees it: the figure is the same for all
					t.Errorf("%s: the figure of the organisation is %d", name, v.Value)
				}
			}
		}
		// The figures of the coalition are published: they count all, and are the same for all.
		figures, err := h.Figures(ctx, s, FigureQuery{})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range figures.Values {
			if v.ID == "reports" && v.Value != 6 {
				t.Errorf("%s: the figure of the coalition is %d", name, v.Value)
			}
		}
		// It is in no breakdown, not for who sees it either: the analysis is the same for all.
		whole, err := h.Analysis(ctx, s, AnalysisQuery{})
		if err != nil || whole.Figures["reports"].Value != 6 {
			t.Errorf("%s: the analysis counts %d: %v", name, whole.Figures["reports"].Value, err)
		}
		for _, b := range whole.Breakdowns {
			in := 0
			for _, c := range b.Cells {
				in += c.Value
			}
			if in > 5 || b.Rest < 1 {
				t.Errorf("%s: %d cases stand under a %s, and %d do not", name, in, b.Facet, b.Rest)
			}
		}
		if of, err := h.Analysis(ctx, s, AnalysisQuery{Scope: h.orgs["North"]}); name == "madina" && !errors.Is(err, ErrNotFound) || name != "madina" && (err != nil || of.Figures["reports"].Value != 2) {
			t.Errorf("%s: the analysis of the organisation counts %d: %v", name, of.Figures["reports"].Value, err)
		}
		if name == "asel" {
			continue
		}
		for _, ask := range []string{id, row.Number, row.ExternalID} {
			_, err := h.Case(ctx, s, ask, Clock{})
			_, none := h.Case(ctx, s, strings.Repeat("cd", 16), Clock{})
			if err == nil || none == nil || err.Error() != none.Error() {
				t.Errorf("%s: %v of what is not open, %v of what is not there", name, err, none)
			}
		}
	}
	found, err := h.Propose(ctx, h.people["aigerim"])
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range found.Proposals {
		if p.A.ID == id || p.B.ID == id {
			t.Error("a proposal names the case")
		}
	}
	if strings.Contains(strings.Join(found.Warnings, " "), "6") {
		t.Errorf("what was compared counts the case: %v", found.Warnings)
	}
}

// TestRefusedAlike asks the whole registry for a restricted case and for one
// that is not there, by turns: the same error, the same entries in the ledger.
// How long the two take is told and not asserted: it is noise on a machine that
// does other work (internal/index counts the steps).
func TestRefusedAlike(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	id := h.cases[0]
	row, err := h.index.Row(ctx, id, h.clockNow(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Restrict(ctx, h.people["asel"], id, true); err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]string{
		"id": {id, strings.Repeat("cd", 16)}, "number": {row.Number, "K-1234567"}, "own number": {row.ExternalID, "A-999"},
	} {
		var took [2][]time.Duration
		var grew [2]uint64
		for i := range 60 {
			k := i % 2
			h.clock.t = h.clock.t.Add(time.Second)
			before, began := h.log.Head().Size, time.Now() //nolint:forbidigo // a stopwatch
			_, err := h.Case(ctx, h.people["nurlan"], pair[k], Clock{})
			took[k] = append(took[k], time.Since(began))
			grew[k] += h.log.Head().Size - before
			if err == nil || err.Error() != ErrNotFound.Error() {
				t.Fatalf("by its %s the case is %v", what, err)
			}
		}
		for _, list := range took {
			slices.Sort(list)
		}
		// A burst of refusals gets fewer and fewer lines: the two may share one more between them.
		if d := int64(grew[0]) - int64(grew[1]); d < -1 || d > 1 {
			t.Errorf("by its %s: %d entries where it is not open, %d where nothing is there", what, grew[0], grew[1])
		}
		t.Logf("by its %s: not open / not there %.2f", what, float64(took[0][15])/float64(took[1][15]))
	}
}

// TestWhatWasNotOpenedIsKept: an index that is made anew does not check again
// what was opened, and what was not is known from run to run.
func TestWhatWasNotOpenedIsKept(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	if err := h.Erase(ctx, h.session, h.cases[0], Erasure{Why: "wish", Reason: "at the wish of the person"}); err != nil {
		t.Fatal(err)
	}
	again := func(gone ...string) {
		t.Helper()
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		for _, file := range gone {
			if err := os.Remove(filepath.Join(h.dir, file)); err != nil {
				t.Fatal(err)
			}
		}
		reg, s, err := Open(ctx, h.dir, Unlock{Passphrase: testPassphrase, Member: h.session.Member.ID}, testOptions(h.clock))
		if err != nil {
			t.Fatal(err)
		}
		h.Registry, h.session = reg, s
	}
	again(rightsFile)
	if c := h.rights.checked(); c.Size == 0 || c.Size > h.log.Head().Size {
		t.Errorf("read anew, without the file, %d entries of %d count as checked", c.Size, h.log.Head().Size)
	}
	closed := slices.Clone(h.rights.closed)
	if len(closed) == 0 {
		t.Fatal("entries without their identity part count as opened whole")
	}
	head := h.log.Head()
	again("index.db")
	c := h.rights.checked()
	if c.Size < head.Size || !slices.Equal(h.rights.closed, closed) {
		t.Errorf("%d of %d entries count as checked, but %v, not but %v", c.Size, head.Size, h.rights.closed, closed)
	}
	for pos := range c.Size {
		if c.But(pos) != slices.Contains(closed, pos) {
			t.Errorf("entry %d: not checked: %v", pos, c.But(pos))
		}
	}
	if v, err := h.Verify(ctx, h.session, true); err != nil || v.Problem != "" {
		t.Errorf("verify: %v %s", err, v.Problem)
	}
}

// TestRightsAreKeptTogether: what many cases have alike is written once, and
// every other right with its case.
func TestRightsAreKeptTogether(t *testing.T) {
	h := newHouse(t)
	h.story()
	kept, err := h.rights.keep()
	if err != nil || len(kept) >= len(h.rights.cases) {
		t.Fatalf("%d kinds of rights for %d cases: %v", len(kept), len(h.rights.cases), err)
	}
	text, err := json.Marshal(kept)
	if err != nil {
		t.Fatal(err)
	}
	var again []keptCases
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	rs := newRights()
	if err := rs.restore(again); err != nil || !reflect.DeepEqual(rs.cases, h.rights.cases) {
		t.Errorf("read again they are %+v, not %+v: %v", rs.cases, h.rights.cases, err)
	}
	for _, bad := range [][]keptCases{{{nil, make([]byte, 16)}}, {{&caseRights{}, make([]byte, 17)}}} {
		if err := newRights().restore(bad); err == nil {
			t.Errorf("%+v is read", bad)
		}
	}
	// Two cases have their rights together only where no field tells them apart.
	none, _ := new(caseRights).plain()
	for i := range reflect.TypeFor[caseRights]().NumField() {
		var c caseRights
		switch f := reflect.ValueOf(&c).Elem().Field(i); f.Kind() {
		case reflect.String:
			f.SetString("x")
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Map:
			f.Set(reflect.MakeMap(f.Type()))
			f.SetMapIndex(reflect.ValueOf("x"), reflect.Zero(f.Type().Elem()))
		case reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		default:
			t.Fatalf("a field of kind %v", f.Kind())
		}
		if p, ok := c.plain(); ok && p == none {
			t.Errorf("rights with %s are taken for rights without", reflect.TypeFor[caseRights]().Field(i).Name)
		}
	}
}
