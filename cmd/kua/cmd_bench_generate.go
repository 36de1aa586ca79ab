// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/invented"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
)

// inventedFile says, beside a register that was made up, of what it was made.
const inventedFile = "invented.json"

// inventedAs is that file. Programs that measure read it.
type inventedAs struct {
	Invented string   `json:"invented"` // a word to whoever finds it
	Seed     uint64   `json:"seed"`
	Cases    int      `json:"cases"`
	Orgs     int      `json:"organisations"`
	Until    string   `json:"until"`
	Members  []string `json:"members,omitempty"`    // case workers, by the names under which they sign in
	Words    string   `json:"passphrase,omitempty"` // theirs: one for all
	Entries  uint64   `json:"entries"`              // of the ledger, once it is whole
	Whole    bool     `json:"whole"`
}

// inventedWord is for whoever finds such a register.
const inventedWord = "Nobody in this register exists. It was made up by 'kua bench generate' to measure the program; its passphrases lie here in the clear, which a register of real cases must never have."

// authors is how many case workers of an organisation write its cases.
const authors = 3

func (p *program) benchGenerateCommand() *cobra.Command {
	var of inventedAs
	var members int
	var pack string
	var noIndex bool
	cmd := &cobra.Command{
		Use:   "generate DIR",
		Short: "Make a register of people who do not exist, of any size",
		Long: `Make a register in DIR that has the size you ask for and the shape of real
ones: cases of people who do not exist, in Russian, Kazakh and Latin letters,
written by several organisations over years, some twenty entries a case. It is
a register like any other, sealed, signed and open to its passphrase, which
lies beside it in ` + demoPassphraseFile + `. The same seed makes the same cases.
What is made up happens in Kazakhstan: its articles, bodies and regions are those
of the pack kz, and there is no other.

Cut short it goes on where it was, when it is called again in the same way.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			until, err := edtf.ParseDay(of.Until)
			if of.Until == "" {
				until, err = min(invented.LastDay, edtf.DayOf(p.now())), nil
			}
			switch {
			case pack != registry.DefaultPack:
				return usage("--pack %s: cases are made up for %s alone, whose articles, bodies and regions they use; a register of another pack is made by 'kua init --pack', and empty", pack, registry.DefaultPack)
			case of.Cases < 1 || of.Cases > invented.MaxCases:
				return usage("--cases is a number from 1 to %d", invented.MaxCases)
			case of.Orgs < 1 || of.Orgs > 50:
				return usage("--orgs is a number from 1 to 50")
			case members < 1 || members > 1000:
				return usage("--members is a number from 1 to 1000, for each organisation")
			case err != nil || until < invented.FirstUntil || until > edtf.DayOf(p.now()):
				return usage("--until is a day from %v to today", invented.FirstUntil)
			}
			of.Until = until.String()
			for k := range of.Orgs {
				for i := range members {
					of.Members = append(of.Members, fmt.Sprintf("worker-%d-%d", k+1, i+1))
				}
			}
			return p.generate(cmd.Context(), args[0], of, members, !noIndex)
		},
	}
	cmd.Flags().IntVar(&of.Cases, "cases", 1000, "how many cases")
	packFlag(cmd, &pack)
	cmd.Flags().Uint64Var(&of.Seed, "seed", 1, "seed of what is made up")
	cmd.Flags().IntVar(&of.Orgs, "orgs", 4, "how many organisations")
	cmd.Flags().IntVar(&members, "members", authors, "how many case workers each organisation has")
	cmd.Flags().StringVar(&of.Until, "until", "", "the last `day` on which anything is written (default 2025-12-31, or today if that is earlier)")
	cmd.Flags().BoolVar(&noIndex, "no-index", false, "leave the index to the first opening")
	return cmd
}

// generated is the answer of kua bench generate --json.
type generated struct {
	inventedAs
	Registry string  `json:"registry"`
	Ledger   int64   `json:"ledger_bytes"`
	Seconds  float64 `json:"seconds"`         // of the writing, in this run
	Index    float64 `json:"index_seconds"`   // of making the index, in this run
	Written  uint64  `json:"written_entries"` // in this run
}

// generate makes the register, or goes on with it.
func (p *program) generate(ctx context.Context, dir string, of inventedAs, members int, index bool) error {
	of.Invented = inventedWord
	begun, err := readInvented(dir)
	if err != nil {
		return err
	}
	if begun != nil && (begun.Seed != of.Seed || begun.Cases != of.Cases || begun.Orgs != of.Orgs || begun.Until != of.Until || len(begun.Members) != len(of.Members)) {
		return fmt.Errorf("%s was begun with other numbers (--seed %d --cases %d --orgs %d --members %d --until %s): give the same, or another directory",
			dir, begun.Seed, begun.Cases, begun.Orgs, len(begun.Members)/begun.Orgs, begun.Until)
	}
	answer := generated{inventedAs: of, Registry: dir}
	if begun != nil {
		answer.inventedAs = *begun
	}
	if !answer.Whole {
		start := p.now()
		if answer.Written, err = p.fill(ctx, dir, &answer.inventedAs, members, begun != nil); err != nil {
			return err
		}
		answer.Seconds = p.now().Sub(start).Seconds()
	}
	if index {
		start := p.now()
		reg, _, err := p.openInvented(ctx, dir, p.now)
		if err != nil {
			return err
		}
		if err := reg.Close(); err != nil {
			return err
		}
		answer.Index = p.now().Sub(start).Seconds()
	}
	if info, err := os.Stat(filepath.Join(dir, "ledger.db")); err == nil {
		answer.Ledger = info.Size()
	}
	if p.json {
		answer.Members, answer.Words = nil, "" // they stand in the file
		return printJSON(p.out, answer)
	}
	fmt.Fprintf(p.out, "%d cases of people who do not exist, %d entries, seed %d, are in %s.\n", answer.Cases, answer.Entries, answer.Seed, dir)
	if answer.Written > 0 {
		fmt.Fprintf(p.out, "%d entries were written in %.0f s, %.0f a second; the ledger takes %.0f bytes a case.\n",
			answer.Written, answer.Seconds, float64(answer.Written)/max(answer.Seconds, 0.001), float64(answer.Ledger)/float64(answer.Cases))
	}
	fmt.Fprintf(p.out, "Sign in as %q with the passphrase in %s, or as %q and %d others with that in %s.\n",
		demoMember, filepath.Join(dir, demoPassphraseFile), answer.Members[0], len(answer.Members)-1, filepath.Join(dir, inventedFile))
	return nil
}

// readInvented reads of what the register in dir was made: nil where there is nothing yet.
func readInvented(dir string) (*inventedAs, error) {
	text, err := os.ReadFile(filepath.Join(dir, inventedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, newDir(dir)
	}
	if err != nil {
		return nil, err
	}
	var of inventedAs
	if err := json.Unmarshal(text, &of); err != nil || of.Orgs < 1 {
		return nil, fmt.Errorf("%s can't be read as what this command wrote: take the directory away, or give another", filepath.Join(dir, inventedFile))
	}
	return &of, nil
}

// writeInvented writes it, whole or not at all.
func writeInvented(dir string, of inventedAs) error {
	text, err := json.MarshalIndent(of, "", "  ")
	if err != nil {
		return err
	}
	tmp := filepath.Join(dir, inventedFile+".new")
	if err := os.WriteFile(tmp, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, inventedFile))
}

// fillOptions are those of a register that is made up: as little work on its
// passphrase as a key file may ask for, since it lies beside it.
func (p *program) fillOptions(now func() time.Time) registry.Options {
	options := p.options()
	options.Now = now
	if options.Stretch == (seal.Stretch{}) {
		options.Stretch = seal.LeastStretch()
	}
	return options
}

// openInvented opens a register that was made up.
func (p *program) openInvented(ctx context.Context, dir string, now func() time.Time) (*registry.Registry, *access.Session, error) {
	unlock, err := besideIt(dir)
	if err != nil {
		return nil, nil, err
	}
	return registry.Open(ctx, dir, unlock, p.fillOptions(now))
}

// fill writes the register, or what of it is not there yet. It answers how many
// entries it has written.
func (p *program) fill(ctx context.Context, dir string, of *inventedAs, members int, begun bool) (written uint64, err error) {
	world := invented.Register{Seed: of.Seed, Cases: of.Cases, Orgs: of.Orgs}
	if world.Until, err = edtf.ParseDay(of.Until); err != nil {
		return 0, err
	}
	// What is set up is set up on the morning of the first day.
	now := func() time.Time { return world.FirstDay().Time().Add(6 * time.Hour) }
	var reg *registry.Registry
	var founder *access.Session
	if begun {
		reg, founder, err = p.openInvented(ctx, dir, now)
	} else {
		reg, founder, err = p.createInvented(ctx, dir, of, now)
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, reg.Close()) }()
	f := &filler{world: world, founder: founder, reg: reg}
	if err := f.people(ctx, *of, members); err != nil {
		return 0, err
	}
	bar := p.progress("writing", of.Cases)
	written, of.Entries, err = reg.Fill(ctx, founder, f.batches(func(done int) { bar.step(done, of.Cases) }))
	bar.end()
	if err != nil {
		return written, err
	}
	of.Whole = true
	return written, writeInvented(dir, *of)
}

// createInvented makes the empty register and says what it is.
func (p *program) createInvented(ctx context.Context, dir string, of *inventedAs, now func() time.Time) (*registry.Registry, *access.Session, error) {
	passphrase, err := seal.NewPassphrase()
	if err == nil { // not the same: by it is told who opens the register
		of.Words, err = seal.NewPassphrase()
	}
	if err != nil {
		return nil, nil, err
	}
	reg, founder, err := registry.Create(ctx, dir, registry.FirstMember{Name: demoMember, Lang: "ru", Passphrase: passphrase}, p.fillOptions(now))
	if err != nil {
		return nil, nil, err
	}
	err = os.WriteFile(filepath.Join(dir, demoPassphraseFile), []byte(passphrase+"\n"), 0o600)
	if err == nil {
		err = writeInvented(dir, *of)
	}
	if err != nil {
		return nil, nil, errors.Join(err, reg.Close())
	}
	return reg, founder, nil
}

// filler writes a register.
type filler struct {
	world   invented.Register
	reg     *registry.Registry
	founder *access.Session
	orgs    []registry.Org
	workers [][]*access.Session // of each organisation, those who write
}

// people makes the organisations and their case workers, as far as they are not there.
func (f *filler) people(ctx context.Context, of inventedAs, members int) error {
	there := map[string]bool{}
	known, waiting, err := f.reg.Members(ctx, f.founder)
	if err != nil {
		return err
	}
	for _, m := range known {
		there[m.Name] = true
	}
	for _, v := range waiting { // cut short before it was accepted: nothing keeps its code
		if err := f.reg.TakeBack(ctx, f.founder, v.ID); err != nil {
			return err
		}
	}
	for k := range of.Orgs {
		org, err := f.reg.AddOrganisation(ctx, f.founder, registry.NewOrganisation{Name: invented.OrgName(k), Counts: true})
		if err != nil {
			return err
		}
		f.orgs = append(f.orgs, org)
		var workers []*access.Session
		for i, name := range of.Members[k*members : (k+1)*members] {
			if !there[name] {
				code, _, err := f.reg.Invite(ctx, f.founder, registry.NewInvitation{Name: name, Lang: "ru", Orgs: []string{org.ID}, Roles: []access.Role{access.CaseWorker}})
				if err != nil {
					return err
				}
				if _, _, err := f.reg.Accept(ctx, code, registry.Acceptance{Passphrase: of.Words}); err != nil {
					return err
				}
			}
			if i < authors {
				session, err := f.reg.SignIn(ctx, registry.SignIn{Name: name, Passphrase: of.Words})
				if err != nil {
					return err
				}
				workers = append(workers, session)
			}
		}
		f.workers = append(f.workers, workers)
	}
	return nil
}

// perBatch is about how many entries are written at once.
const perBatch = 8192

// batches are the acts of the register in the order of its ledger.
func (f *filler) batches(step func(cases int)) iter.Seq[[]registry.FilledAct] {
	return func(yield func([]registry.FilledAct) bool) {
		var shared []registry.FilledAct
		for _, s := range f.world.Shared() {
			shared = append(shared, registry.FilledAct{By: f.founder, Stream: s.ID, At: f.world.FirstDay().Time().Add(7 * time.Hour), Ends: true,
				Puts: []registry.Put{{Record: s.ID, Kind: s.Kind, Fields: s.Fields}}, Source: "invented"})
		}
		if !yield(shared) {
			return
		}
		var waiting []registry.FilledAct
		entries, done := 0, 0
		for day, turns := range f.world.Days() {
			acts := f.acts(day, turns)
			for i, a := range acts {
				waiting = append(waiting, a)
				if entries += len(a.Puts) + len(a.Withdraws); turns[i].Act == 0 {
					done++
				}
				if entries >= perBatch {
					if step(done); !yield(waiting) {
						return
					}
					waiting, entries = nil, 0
				}
			}
		}
		if len(waiting) > 0 {
			yield(waiting)
		}
		step(done)
	}
}

// acts makes the acts of a day, with all processors.
func (f *filler) acts(day edtf.Day, turns []invented.Turn) []registry.FilledAct {
	out := make([]registry.FilledAct, len(turns))
	const from, to = 8 * time.Hour, 19 * time.Hour
	var next atomic.Int64
	var g errgroup.Group
	for range min(len(turns), runtime.GOMAXPROCS(0)) {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(turns) {
					return nil
				}
				out[i] = f.act(turns[i])
				out[i].At = day.Time().Add(from + (to-from)*time.Duration(i)/time.Duration(len(turns))).Truncate(time.Millisecond)
			}
		})
	}
	_ = g.Wait() // none of them fails
	return out
}

// act is one act of one case as it is to be written.
func (f *filler) act(turn invented.Turn) registry.FilledAct {
	c := f.world.Case(turn.Case)
	act := c.Acts[turn.Act]
	org := f.orgs[c.Org]
	a := registry.FilledAct{Stream: act.Stream, Org: org.ID, By: f.workers[c.Org][act.Worker%len(f.workers[c.Org])], Reason: act.Reason, Source: act.Source}
	if act.Stream != c.ID {
		a.By, a.Org, a.Ends = f.founder, "", true
	} else {
		a.Ends = true
		for k, other := range c.Acts {
			if other.Stream != c.ID {
				continue
			}
			if k < turn.Act {
				a.Before += uint64(len(other.Entries))
			}
			a.Ends = a.Ends && k <= turn.Act
		}
		if c.Restricted && a.Before > 0 {
			a.Before++ // the grant to whoever opened it
		}
	}
	for _, e := range act.Entries {
		p := registry.Put{Record: e.Record, Kind: e.Kind, Fields: e.Fields}
		switch {
		case e.Fields == nil:
			a.Withdraws = append(a.Withdraws, p)
			continue
		case e.Kind == "case":
			p.Fields["org"] = []string{org.ID}
		}
		a.Puts = append(a.Puts, p)
	}
	return a
}
