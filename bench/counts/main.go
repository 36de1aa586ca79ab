// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/rules"
)

func main() {
	cases := flag.Int("cases", 1_000_000, "how many cases")
	seed := flag.Uint64("seed", 1, "seed of the made-up people and of the days")
	days := flag.Int("days", 50, "how many random days are asked about")
	peer := flag.Int("peer", 10, "about how many of them PostgreSQL is asked, too; 0: not at all")
	bin := flag.String("postgres", "/usr/lib/postgresql/15/bin", "where initdb, postgres and psql are")
	profile := flag.String("cpuprofile", "", "write a profile of making the index, or of the twelve questions asked of it, to this file")
	batch := flag.Int("batch", 8192, "how many entries the index takes in at a time, as the registry hands them over")
	keep := flag.String("keep", "", "keep the index in this directory, and use one that is there")
	questions := flag.Bool("questions", false, "ask the twelve questions of a day's work rather than for counts")
	times := flag.Int("times", 200, "how many times each of the twelve is asked at the most")
	most := flag.Duration("most", time.Minute, "and for how long; six times at the least")
	only := flag.String("only", "", "ask only these of the twelve, by their numbers: 1,4")
	flag.Parse()
	b := bench{register: register{*cases, *seed}, days: *days, peer: *peer, bin: *bin, profile: *profile, keep: *keep, batch: *batch,
		asking: *questions, times: *times, most: *most}
	if *only != "" {
		b.only = strings.Split(*only, ",")
	}
	if err := b.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench/counts:", err)
		os.Exit(1)
	}
}

type bench struct {
	register
	days, peer, batch  int
	bin, profile, keep string

	asking bool // the twelve questions
	times  int
	most   time.Duration
	only   []string
}

func (b bench) run(ctx context.Context) (err error) {
	dir := b.keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "kua-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	book, err := registry.LoadBook(registry.DefaultPack)
	if err != nil {
		return err
	}
	set, err := rules.Compile(book)
	if err != nil {
		return err
	}
	fmt.Printf("%d cases, seed %d, %d processors, %s\n", b.cases, b.seed, runtime.NumCPU(), runtime.Version())
	path := filepath.Join(dir, "index.db")
	open := func() (*index.Index, error) { return index.Open(ctx, path, [32]byte{1}, book, set) }
	start := time.Now()
	ix, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ix.Close()) }()
	if ix.Head().Size > 0 {
		said("opening it, the list of cases read", time.Since(start))
	} else {
		if err := b.fill(ctx, ix, path); err != nil {
			return err
		}
		if err := ix.Close(); err != nil {
			return err
		}
		start = time.Now()
		if ix, err = open(); err != nil {
			return err
		}
		said("opening it again, the list of cases read", time.Since(start))
	}
	memory("memory with the list of cases")
	beThrifty()

	start = time.Now()
	if err := ix.Warm(ctx); err != nil {
		return err
	}
	said("the names read", time.Since(start))
	ours := &asked{ix: ix, set: set, book: book, owes: owed(book)}
	if b.asking {
		return b.ask(ctx, ours)
	}
	random := rand.New(rand.NewPCG(b.seed, 3))
	from, to := mustDay("2018-06-01"), mustDay("2025-03-01")
	var days []edtf.Day
	for range b.days {
		days = append(days, from.Add(random.IntN(to.Sub(from))))
	}
	start = time.Now()
	if _, err := ours.analysis(ctx, days[0]); err != nil {
		return err
	}
	said("the first analysis, the units of the coalition read", time.Since(start))
	memory("memory with the units, too")

	questions := []struct {
		name string
		ask  func(asker, edtf.Day) (map[string]int, error)
	}{
		{"one figure: registered_146", func(a asker, d edtf.Day) (map[string]int, error) { return a.figures(ctx, d, "registered_146") }},
		{"every figure of the statement", func(a asker, d edtf.Day) (map[string]int, error) { return a.figures(ctx, d, "") }},
		{"the analysis", func(a asker, d edtf.Day) (map[string]int, error) { return a.analysis(ctx, d) }},
	}
	answers := make([][]map[string]int, len(questions))
	medians := make([]time.Duration, len(questions))
	for i, q := range questions {
		var times []time.Duration
		for _, d := range days {
			start := time.Now()
			answer, err := q.ask(ours, d)
			if err != nil {
				return err
			}
			times = append(times, time.Since(start))
			answers[i] = append(answers[i], answer)
		}
		medians[i] = median(times)
		fmt.Printf("%-64s %10s median, %s at the 99th percentile of %d days\n", q.name, round(medians[i]), round(times[len(times)*99/100]), len(days))
	}
	if err := ours.page(ctx, days); err != nil {
		return err
	}
	if b.keep == "" { // what is kept stays what the register made
		if err := b.write(ctx, ours, days[0]); err != nil {
			return err
		}
	}
	if b.peer == 0 {
		return nil
	}
	theirs, err := b.postgres(ctx, ours)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, theirs.close()) }()
	for i, q := range questions {
		var times []time.Duration
		numbers := 0
		for j, d := range days[:min(b.peer, len(days))] {
			start := time.Now()
			answer, err := q.ask(theirs, d)
			if err != nil {
				return err
			}
			times = append(times, time.Since(start))
			n, err := agree(q.name, d, answers[i][j], answer)
			if err != nil {
				return err
			}
			numbers += n
		}
		m := median(times)
		fmt.Printf("%-64s %10s median of %d days in PostgreSQL, %.1f times as long; %d numbers agree\n", q.name, round(m), len(times), float64(m)/float64(medians[i]), numbers)
	}
	return nil
}

// ask asks the twelve questions.
func (b bench) ask(ctx context.Context, ours *asked) (err error) {
	var theirs *postgres
	if b.peer > 0 {
		if theirs, err = b.postgres(ctx, ours); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, theirs.close()) }()
	}
	if b.profile != "" && b.peer == 0 {
		f, err := os.Create(b.profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	if err := b.twelve(ctx, ours, theirs); err != nil {
		return err
	}
	memory("memory once they were asked")
	return nil
}

// beThrifty has garbage pile up as it may in 'kua serve'.
func beThrifty() {
	const big, share = 256 << 20, 40
	var mem runtime.MemStats
	if runtime.ReadMemStats(&mem); mem.HeapAlloc > big {
		debug.SetGCPercent(share)
	}
}

// fill makes the index.
func (b bench) fill(ctx context.Context, ix *index.Index, path string) (err error) {
	if b.profile != "" {
		f, err := os.Create(b.profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	size, acts := uint64(0), 0
	start := time.Now()
	err = ix.Build(ctx, func(add func([]index.Act) error) (index.Head, error) {
		var pending []index.Act
		waiting := 0
		for act := range b.acts() {
			pending, waiting, acts = append(pending, act), waiting+len(act.Entries), acts+1
			if waiting >= b.batch {
				if err := add(pending); err != nil {
					return index.Head{}, err
				}
				size += uint64(waiting)
				pending, waiting = pending[:0], 0
			}
		}
		size += uint64(waiting)
		return index.Head{Ledger: [16]byte{1}, Size: size}, add(pending)
	})
	if err != nil {
		return err
	}
	took := time.Since(start)
	said(fmt.Sprintf("making the index of %d acts, %d entries", acts, size), took)
	fmt.Printf("%-64s %10.0f entries/s\n", "  of it", float64(size)/took.Seconds())
	bytes := int64(0)
	for _, ending := range []string{"", "-wal"} {
		info, err := os.Stat(path + ending)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil {
			bytes += info.Size()
		}
	}
	fmt.Printf("%-64s %7.0f MiB\n", "  on the disk, encrypted", float64(bytes)/(1<<20))
	return nil
}

// write adds acts to cases one by one, and asks again after each.
func (b bench) write(ctx context.Context, a *asked, day edtf.Day) error {
	var writes, asks []time.Duration
	size := a.ix.Head().Size
	at := mustDay("2026-01-01").Time()
	for k := range 20 {
		no := (k*7919 + 5) % b.cases
		at = at.Add(time.Minute)
		size++
		m := b.one(no)
		act := index.Act{Entries: []index.Entry{{Stream: caseID(no)}}}
		act.Entries[0].Pos, act.Entries[0].At, act.Entries[0].Author = size-1, at, "bench"
		act.Entries[0].Record, act.Entries[0].Kind = m.recordID(100+k), "registration"
		act.Entries[0].Fields = fields("status", "erdr", "date", text(m.received.Add(400)), "article", "146")
		head := a.ix.Head()
		head.Size = size
		start := time.Now()
		if err := a.ix.Apply(ctx, []index.Act{act}, head); err != nil {
			return err
		}
		writes = append(writes, time.Since(start))
		start = time.Now()
		if _, err := a.analysis(ctx, day); err != nil {
			return err
		}
		asks = append(asks, time.Since(start))
	}
	fmt.Printf("%-64s %10s median\n", "a registration added to a case", round(median(writes)))
	fmt.Printf("%-64s %10s median\n", "the analysis right after it", round(median(asks)))
	return nil
}

// asker answers in numbers by name.
type asker interface {
	// figures answers one figure, or all of the statement.
	figures(ctx context.Context, day edtf.Day, id string) (map[string]int, error)
	analysis(ctx context.Context, day edtf.Day) (map[string]int, error)
}

// asked is the index.
type asked struct {
	ix   *index.Index
	set  *rules.Set
	book *codebook.Book
	owes map[string]string // deadline → who owes it
}

func (a *asked) of(sets ...string) []string {
	var ids []string
	for _, def := range a.set.Figures() {
		if slices.ContainsFunc(sets, func(s string) bool { return slices.Contains(def.Sets, s) }) {
			ids = append(ids, def.ID)
		}
	}
	return ids
}

func (a *asked) figures(ctx context.Context, day edtf.Day, id string) (map[string]int, error) {
	ids := []string{id}
	if id == "" {
		ids = a.of("statement")
	}
	return a.count(ctx, day, ids)
}

func (a *asked) count(ctx context.Context, day edtf.Day, ids []string) (map[string]int, error) {
	values, err := a.ix.Figures(ctx, index.Clock{AsOf: day}, index.Coalition, false, ids)
	found := map[string]int{}
	for _, v := range values {
		found[v.ID] = v.Value
	}
	return found, err
}

// spread asks for the series, the breakdowns and the curves of a figure.
func (a *asked) spread(ctx context.Context, clock index.Clock, figure string) (index.Spread, error) {
	return a.ix.Spread(ctx, index.SpreadQuery{Clock: clock, Scope: index.Coalition, Figure: figure, Waits: []index.Wait{
		{ID: "registration", Start: "reports", Event: "registered"},
		{ID: "examination", Start: "reports", Event: "examined"},
		{ID: "decision", Start: "reports", Event: "decided"},
	}})
}

// analysis asks what the registry's analysis asks.
func (a *asked) analysis(ctx context.Context, day edtf.Day) (map[string]int, error) {
	found, err := a.count(ctx, day, a.of("way", "flow"))
	if err != nil {
		return nil, err
	}
	spread, err := a.spread(ctx, index.Clock{AsOf: day}, "reports")
	if err != nil {
		return nil, err
	}
	for _, p := range spread.Series {
		found["now "+p.Day.String()], found["then "+p.Day.String()] = p.Now, p.Then
	}
	for _, facet := range spread.Breakdowns {
		if facet.Facet == "stage" {
			continue // derived by the program alone; it is counted and not compared
		}
		for _, c := range facet.Cells {
			found[facet.Facet+" "+c.Code] = c.Value
		}
		found[facet.Facet] = facet.Rest
	}
	for _, s := range spread.Survivals {
		for _, step := range s.Steps {
			found[fmt.Sprint(s.ID, " came ", step.Day)] = step.Events
			found[fmt.Sprint(s.ID, " open ", step.Day)] = step.Censored
		}
	}
	return found, nil
}

// agree holds two answers against one another: what one lacks is zero. It answers how many numbers were compared.
func agree(what string, day edtf.Day, ours, theirs map[string]int) (int, error) {
	var wrong []string
	n := 0
	for _, all := range []map[string]int{ours, theirs} {
		for name := range all {
			n++
			if ours[name] != theirs[name] {
				wrong = append(wrong, name+": "+strconv.Itoa(ours[name])+" and "+strconv.Itoa(theirs[name]))
			}
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		wrong = slices.Compact(wrong)
		return 0, fmt.Errorf("%s as of %s: %d numbers differ from PostgreSQL's: %s", what, day, len(wrong), strings.Join(wrong[:min(12, len(wrong))], "; "))
	}
	return len(theirs), nil
}

// memory says how much is in use, and how much the process has and had of the machine.
func memory(what string) {
	status, _ := os.ReadFile("/proc/self/status") // not there: nothing of it is said
	of := func(field string) (kib float64) {
		for line := range strings.Lines(string(status)) {
			if rest, ok := strings.CutPrefix(line, field+":"); ok {
				_, _ = fmt.Sscan(rest, &kib)
			}
		}
		return kib / 1024
	}
	resident, most := of("VmRSS"), of("VmHWM")
	var mem runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&mem)
	fmt.Printf("%-64s %7.0f MiB; resident %.0f MiB, %.0f at the most\n", what, float64(mem.HeapAlloc)/(1<<20), resident, most)
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

func said(what string, took time.Duration) { fmt.Printf("%-64s %10s\n", what, round(took)) }

func round(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}
