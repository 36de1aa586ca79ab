// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/invented"
	"github.com/kua-registry/kua/internal/submission"
)

func main() {
	var d driver
	flag.StringVar(&d.dir, "registry", "", "the register, made by kua bench generate")
	flag.StringVar(&d.kua, "kua", "", "the program that serves it; empty: it is served already, at -addresses")
	addresses := flag.String("addresses", "http://127.0.0.1:8470", "where it is served: several nodes with commas between them")
	pids := flag.String("pids", "", "the processes that serve it, with commas between them: their memory and work are told")
	flag.IntVar(&d.workers, "workers", 500, "how many case workers are signed in")
	thinks := flag.String("think", "10s", "how long a worker thinks between two pages, on average; several with commas between them: one after the other; 0: not at all")
	flag.IntVar(&d.eager, "eager", 8, "how many workers ask where they do not think")
	flag.DurationVar(&d.lasts, "lasts", time.Minute, "how long each is measured")
	flag.DurationVar(&d.warm, "warm", 10*time.Second, "how long the workers work before it is measured")
	flag.Float64Var(&d.writes, "writes", 5, "how many of a hundred requests write")
	flag.BoolVar(&d.programs, "programs", false, "programs with keys, at the interface for programs, in the place of workers")
	flag.Uint64Var(&d.seed, "seed", 1, "seed of what the workers do")
	flag.BoolVar(&d.pause, "pause", false, "wait for a line on standard input before it is measured, once all are signed in")
	flag.BoolVar(&d.machines, "machines", false, "measure what one machine carries and what two on one PostgreSQL do, of a copy of the register; needs -kua, and root")
	flag.Float64Var(&d.share, "share", 0.35, "which share of a processor each machine has, with -machines")
	flag.IntVar(&d.reports, "reports", 0, "how many reports come from outside while it is measured; needs -kua")
	flag.IntVar(&d.reportBytes, "report-bytes", 1<<20, "how many bytes the file of a report has, up to 4 MiB")
	flag.Parse()
	d.addresses = strings.Split(*addresses, ",")
	if d.reading, d.writing = reads, writes; d.programs {
		d.reading, d.writing = programReads, programWrites
	}
	for _, t := range strings.Split(*thinks, ",") {
		think, err := time.ParseDuration(t)
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench/load: -think:", err)
			os.Exit(2)
		}
		d.thinks = append(d.thinks, think)
	}
	if *pids != "" {
		d.pids = strings.Split(*pids, ",")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := d.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/load:", err)
		os.Exit(1)
	}
}

type driver struct {
	dir, kua  string
	addresses []string
	pids      []string
	workers   int
	eager     int
	thinks    []time.Duration
	lasts     time.Duration
	warm      time.Duration
	writes    float64
	seed      uint64
	pause     bool
	programs  bool
	reading   []page
	writing   []page
	machines  bool
	share     float64

	reports, reportBytes int
	serveArgs            []string // of the server, beside the usual

	world invented.Register
	of    inventedAs
}

// inventedAs is what kua bench generate says of a register.
type inventedAs struct {
	Seed       uint64   `json:"seed"`
	Cases      int      `json:"cases"`
	Orgs       int      `json:"organisations"`
	Until      edtf.Day `json:"until"`
	Members    []string `json:"members"`
	Passphrase string   `json:"passphrase"`
	Entries    uint64   `json:"entries"`
	Whole      bool     `json:"whole"`
}

func (d *driver) run(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(d.dir, "invented.json"))
	if err != nil {
		return fmt.Errorf("-registry must be a register that kua bench generate made: %w", err)
	}
	if err := json.Unmarshal(text, &d.of); err != nil {
		return err
	}
	if !d.of.Whole {
		return errors.New("the register is not whole: call kua bench generate again")
	}
	d.world = invented.Register{Seed: d.of.Seed, Cases: d.of.Cases, Orgs: d.of.Orgs, Until: d.of.Until}
	fmt.Printf("%d cases, %d entries, %d members; seed %d; %d processors, %s\n", d.of.Cases, d.of.Entries, len(d.of.Members), d.seed, runtime.NumCPU(), runtime.Version())
	if d.machines {
		return d.compareNodes(ctx)
	}
	if d.reports > 0 {
		if d.kua == "" || d.reportBytes < 1 || d.reportBytes > submission.PieceBytes {
			return errors.New("-reports needs -kua, and files of one piece")
		}
		return d.withReports(ctx)
	}
	if d.kua != "" {
		stop, err := d.serve(ctx)
		if err != nil {
			return err
		}
		defer stop()
	}
	workers, err := d.signIn(ctx)
	if err != nil {
		return err
	}
	if d.pause {
		fmt.Println("all are signed in: press Enter")
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			return err
		}
	}
	for _, think := range d.thinks {
		if _, err = d.measure(ctx, workers, think); err != nil {
			break
		}
	}
	for _, w := range workers {
		err = errors.Join(err, w.endKeys())
	}
	return err
}

// signIn signs the workers in, one after the other, each at their node.
func (d *driver) signIn(ctx context.Context) ([]*worker, error) {
	start := time.Now()
	members := len(d.of.Members)
	perOrg := members / d.of.Orgs
	var workers []*worker
	for i := range d.workers {
		// The first of each organisation first; more workers than members sign in twice.
		org := i % d.of.Orgs
		name := d.of.Members[org*perOrg+(i/d.of.Orgs)%perOrg]
		w, err := d.worker(i, org, d.addresses[(i/d.of.Orgs)%len(d.addresses)])
		if err != nil {
			return nil, err
		}
		if err := w.signIn(ctx, name, d.of.Passphrase); err != nil {
			return nil, fmt.Errorf("signing %s in: %w", name, err)
		}
		if d.programs {
			if err := w.makeKeys(ctx); err != nil {
				return nil, fmt.Errorf("a key of %s: %w", name, err)
			}
		}
		workers = append(workers, w)
	}
	fmt.Printf("%d workers signed in, %d to %d nodes, in %s\n", len(workers), members, len(d.addresses), time.Since(start).Round(time.Second))
	return workers, nil
}

// measure lets the workers work and prints how they were answered.
func (d *driver) measure(ctx context.Context, workers []*worker, think time.Duration) (*result, error) {
	if think == 0 {
		workers = workers[:min(d.eager, len(workers))]
	}
	ctx, end := context.WithTimeout(ctx, d.warm+d.lasts)
	defer end()
	from := time.Now().Add(d.warm)
	result := newResult()
	var all sync.WaitGroup
	for _, w := range workers {
		w.think = think
		all.Go(func() { w.work(ctx, from, result) })
	}
	var before usage
	select {
	case <-time.After(d.warm):
		before = d.usage()
	case <-ctx.Done():
	}
	all.Wait()
	after := d.usage()
	result.print(len(workers), think, d.lasts, before, after)
	if result.errors > 0 {
		return nil, fmt.Errorf("%d answers were wrong, the first: %w", result.errors, result.first)
	}
	return result, nil
}
