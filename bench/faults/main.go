// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/kua-registry/kua/internal/ledger/pgstore/pgtest"
)

// The forms of a run.
const (
	formRegister = "register" // one register whose ledger is in PostgreSQL
	formMachines = "machines" // two machines of one register on one PostgreSQL
	formLogs     = "ledgers"  // several ledgers of one installation on one PostgreSQL
	formEmbedded = "embedded" // one register whose ledger is in its own directory
)

func main() {
	runs := flag.Int("runs", 200, "how many runs")
	seed := flag.Uint64("seed", 0, "of the first run; 0: drawn")
	one := flag.String("form", "", "only this form: register, machines, ledgers or embedded")
	var h how
	flag.StringVar(&h.form, "node", "", "be a node of this form")
	flag.StringVar(&h.dir, "dir", "", "of the node")
	flag.StringVar(&h.socket, "socket", "", "of the node")
	flag.StringVar(&h.database, "database", "", "of the node")
	flag.Parse()
	ctx := context.Background()
	if h.form != "" {
		if err := h.serve(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if *seed == 0 {
		*seed = rand.Uint64N(1 << 32)
	}
	if bad := all(ctx, *runs, *seed, *one); bad > 0 {
		os.Exit(1)
	}
}

// all makes the runs and says what came of them; it answers how many went wrong.
func all(ctx context.Context, runs int, seed uint64, only string) (bad int) {
	forms := []string{formRegister, formMachines, formLogs, formEmbedded}
	if only != "" {
		forms = []string{only}
	}
	if pgtest.Bin() == "" {
		fmt.Fprintln(os.Stderr, "PostgreSQL is not installed (apt-get install postgresql): only registers that keep their ledger themselves are tried")
		forms = []string{formEmbedded}
	}
	spaces := true
	if l, err := newLine(0); err != nil {
		fmt.Fprintf(os.Stderr, "no network namespaces here, so that no line is cut: %v\n", err)
		spaces = false
	} else {
		l.remove()
	}
	var total tally
	total.faults, total.forms = map[string]int{}, map[string]int{}
	begin := time.Now()
	for i := range runs {
		r := &run{seed: seed + uint64(i), form: forms[(seed+uint64(i))%uint64(len(forms))], spaces: spaces}
		start := time.Now()
		err := r.do(ctx)
		total.add(r)
		fmt.Printf("seed %d  %-8s %4.0f s  %3d acknowledged %3d refused %2d in doubt %4d read %3d told   %v\n",
			r.seed, r.form, time.Since(start).Seconds(), r.acknowledged, r.refused, r.doubted, r.reads, r.told, r.done)
		if err != nil {
			bad++
			fmt.Printf("seed %d  WRONG: %v\n", r.seed, err)
		}
	}
	fmt.Printf("\n%d runs from seed %d in %.0f s, %d wrong: %d entries acknowledged, %d refused, %d in doubt of which %d were kept; %d views read, %d times told that it can't be shown; longest wait for an answer %.1f s\n",
		runs, seed, time.Since(begin).Seconds(), bad, total.acknowledged, total.refused, total.doubted, total.kept, total.reads, total.told, total.longest.Seconds())
	for _, m := range []map[string]int{total.forms, total.faults} {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			fmt.Printf("  %-44s %5d\n", name, m[name])
		}
	}
	return bad
}

// tally sums runs up.
type tally struct {
	acknowledged, refused, doubted, kept, reads, told int
	longest                                           time.Duration
	faults, forms                                     map[string]int
}

func (t *tally) add(r *run) {
	t.acknowledged += r.acknowledged
	t.refused += r.refused
	t.doubted += r.doubted
	t.kept += r.kept
	t.reads += r.reads
	t.told += r.told
	t.longest = max(t.longest, r.longest)
	t.forms["form: "+r.form]++
	for _, f := range r.done {
		t.faults[f]++
	}
}
