// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// result is what was measured, by kind of page.
type result struct {
	mu     sync.Mutex
	times  map[string][]time.Duration
	errors int
	first  error
}

func newResult() *result { return &result{times: map[string][]time.Duration{}} }

func (r *result) answered(page string, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.times[page] = append(r.times[page], took)
}

func (r *result) wrong(page string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.errors++; r.first == nil {
		r.first = fmt.Errorf("%s: %w", page, err)
	}
}

// print says it all. A time is from the request to the last byte of its answer.
func (r *result) print(workers int, think, lasted time.Duration, before, after usage) {
	how := "thinking " + think.String() + " on average"
	if think == 0 {
		how = "not thinking"
	}
	fmt.Printf("\n%d workers, %s, for %s\n%-34s %8s %9s %9s %9s %9s\n", workers, how, lasted, "", "asked", "median", "90 %", "99 %", "worst")
	var all, reads []time.Duration
	writes := 0
	for _, page := range slices.SortedFunc(maps.Keys(r.times), func(a, b string) int { return cmp.Compare(len(r.times[b]), len(r.times[a])) }) {
		line(page, r.times[page])
		all = append(all, r.times[page]...)
		if strings.HasPrefix(page, writing) {
			writes += len(r.times[page])
		} else {
			reads = append(reads, r.times[page]...)
		}
	}
	line("reads", reads)
	line("all", all)
	fmt.Printf("%.1f requests/s, %.1f %% of them writes; %d wrong answers\n", float64(len(all))/lasted.Seconds(), 100*float64(writes)/float64(max(1, len(all))), r.errors)
	if after.resident > 0 {
		fmt.Printf("the server: %.0f MiB resident, %.2f processors at work, %.1f ms a request\n",
			float64(after.resident)/(1<<20), (after.work-before.work).Seconds()/after.at.Sub(before.at).Seconds(), float64((after.work-before.work).Microseconds())/1000/float64(max(1, len(all))))
	}
}

func line(what string, times []time.Duration) {
	if len(times) == 0 {
		return
	}
	slices.Sort(times)
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
	at := func(percent int) time.Duration { return times[min(len(times)-1, len(times)*percent/100)] }
	fmt.Printf("%-34s %8d %9s %9s %9s %9s\n", what, len(times), ms(at(50)), ms(at(90)), ms(at(99)), ms(times[len(times)-1]))
}

// usage is what the serving processes have used (Linux).
type usage struct {
	at       time.Time
	work     time.Duration
	resident int64
}

func (d *driver) usage() usage {
	u := usage{at: time.Now()}
	for _, pid := range d.pids {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 22 {
			continue
		}
		for _, ticks := range fields[11:13] { // in user and in kernel mode, hundredths of a second
			n, _ := strconv.ParseInt(ticks, 10, 64)
			u.work += time.Duration(n) * 10 * time.Millisecond
		}
		pages, _ := strconv.ParseInt(fields[21], 10, 64)
		u.resident += pages * int64(os.Getpagesize())
	}
	return u
}
