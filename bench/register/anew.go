// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/registry"
)

// anew opens a register that kua bench generate made, without its index, so that
// the index is made from the ledger, and once more with it. It writes profiles
// of the first of them where they are asked for.
func anew(ctx context.Context, dir, profile, memory string) error {
	text, err := os.ReadFile(filepath.Join(dir, "invented.json"))
	if err != nil {
		return fmt.Errorf("-of must be a register that kua bench generate made: %w", err)
	}
	var of struct{ Cases, Entries int }
	if err := json.Unmarshal(text, &of); err != nil {
		return err
	}
	words, err := os.ReadFile(filepath.Join(dir, "demo-passphrase.txt"))
	if err != nil {
		return err
	}
	open := func(what string) (time.Duration, time.Duration, error) {
		start, work := time.Now(), worked()
		reg, session, err := registry.Open(ctx, dir, registry.Unlock{Passphrase: strings.TrimSpace(string(words))}, options())
		if err != nil {
			return 0, 0, err
		}
		took, work := time.Since(start), worked()-work
		said(what, took)
		said("  of the processors' time", work)
		start = time.Now()
		if _, err := reg.Figures(ctx, session, registry.FigureQuery{Clock: registry.Clock{AsOf: reg.Today()}}); err != nil {
			return 0, 0, errors.Join(err, reg.Close())
		}
		said("  the first answer after that: all figures", time.Since(start))
		resident()
		return took, work, reg.Close()
	}
	// Once before: what is kept of the grants is of this version of the program then.
	if _, _, err := open("opening it as it is"); err != nil {
		return err
	}
	if err := index.Remove(filepath.Join(dir, "index.db")); err != nil {
		return err
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
	}
	took, work, err := open("opening with the index made anew")
	pprof.StopCPUProfile()
	if err == nil && memory != "" {
		var f *os.File
		if f, err = os.Create(memory); err == nil {
			err = errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
		}
	}
	if err != nil {
		return err
	}
	fmt.Printf("%-48s %10.0f entries/s; %.0f µs of the processors' time an entry\n", fmt.Sprintf("  of %d cases, %d entries", of.Cases, of.Entries),
		float64(of.Entries)/took.Seconds(), float64(work.Microseconds())/float64(of.Entries))
	if info, err := os.Stat(filepath.Join(dir, "index.db")); err == nil {
		fmt.Printf("%-48s %7.0f MiB\n", "  the index on the disk", float64(info.Size())/(1<<20))
	}
	_, _, err = open("opening with its index")
	return err
}

// resident says how much memory the process has and had (Linux).
func resident() {
	status, _ := os.ReadFile("/proc/self/status") // not there: nothing of it is said
	var has, had float64
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			_, _ = fmt.Sscan(rest, &has)
		}
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			_, _ = fmt.Sscan(rest, &had)
		}
	}
	fmt.Printf("%-48s %7.0f MiB resident, %.0f at the most\n", "  memory", has/1024, had/1024)
}
