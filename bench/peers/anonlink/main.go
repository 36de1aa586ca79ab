// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/encoded"
)

//go:embed peer.py
var peer string

func main() {
	python := flag.String("python", "python3", "a Python that has anonlink")
	rows := flag.Int("rows", 20_000, "rows of either list")
	flag.Parse()
	if err := run(*python, *rows); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// setups are what is compared: filters as the field makes them, and as cases are
// encoded. The thresholds are those from which people are told apart.
var setups = []struct {
	name, harden string
	threshold    float64
}{
	{"plain filters", "[]", 0.8},
	{"plain filters", "[]", 0.7},
	{"folded, rule 90, balanced", "[fold, rule90, balance]", 0.7},
}

const rounds = 3

func run(python string, rows int) error {
	fmt.Printf("%d × %d filters of 1,024 bits, %d processors, seed 1; millions of pairs a second\n", rows, rows, runtime.NumCPU())
	fmt.Printf("%-26s %9s %10s %8s %10s %10s %8s\n", "", "threshold", "processors", "pairs", "kua", "anonlink", "times")
	for _, s := range setups {
		a, b, err := lists(s.harden, rows)
		if err != nil {
			return err
		}
		for _, workers := range []int{1, runtime.NumCPU()} {
			own, other, found := math.Inf(1), math.Inf(1), 0
			for range rounds { // by turns, the best of each: others may be at work on the machine
				began := time.Now()
				pairs, err := encoded.Compare(context.Background(), a, b, s.threshold, workers)
				if err != nil {
					return err
				}
				own = min(own, time.Since(began).Seconds())
				seconds, theirs, err := compareWith(python, a, b, s.threshold, workers)
				if err != nil {
					return err
				}
				other = min(other, seconds)
				if found = len(pairs); theirs != found {
					return fmt.Errorf("anonlink found %d pairs and kua %d", theirs, found)
				}
			}
			all := float64(rows) * float64(rows) / 1e6
			fmt.Printf("%-26s %9.2f %10d %8d %10.1f %10.1f %8.1f\n", s.name, s.threshold, workers, found, all/own, all/other, other/own)
		}
	}
	return nil
}

// lists makes two lists of invented people that have a tenth in common, some of
// them with a slip in the name.
func lists(harden string, rows int) (a, b *encoded.File, err error) {
	schema, err := encoded.ReadSchema(strings.NewReader(`
version: 1
round: bench
length: 1024
harden: ` + harden + `
features:
  - {identifier: family, read: text, input: family, ngram: 2, bits: 120}
  - {identifier: given, read: text, input: given, ngram: 2, bits: 120}
  - {identifier: birth, read: text, input: birth, ngram: 1, positional: true, bits: 80}
`))
	if err != nil {
		return nil, nil, err
	}
	rng := rand.New(rand.NewPCG(1, 1))
	random := rand.NewChaCha8([32]byte{1})
	key, err := encoded.NewKey(random)
	if err != nil {
		return nil, nil, err
	}
	people := make([]map[string]string, rows*2)
	for i := range people {
		people[i] = map[string]string{"family": word(rng, 5+rng.IntN(7)), "given": word(rng, 3+rng.IntN(6)), "birth": strconv.Itoa(19300101 + rng.IntN(800000))}
	}
	file := func(from int) (*encoded.File, error) {
		e, err := encoded.NewEncoder(key, schema)
		if err != nil {
			return nil, err
		}
		filters := make([][]uint64, rows)
		for i := range filters {
			p := people[from+i]
			if from > 0 && i < rows/10 { // whom the first list has, too
				p = map[string]string{"family": people[i]["family"], "given": people[i]["given"], "birth": people[i]["birth"]}
				if i%3 == 0 {
					p["given"] += "a"
				}
			}
			filters[i], _ = e.Encode(func(input string) []string { return []string{p[input]} })
		}
		f, _, err := encoded.NewFile(key, schema, filters, random)
		return f, err
	}
	if a, err = file(0); err != nil {
		return nil, nil, err
	}
	b, err = file(rows)
	return a, b, err
}

func word(rng *rand.Rand, n int) string {
	var w strings.Builder
	for i := range n {
		from := "bdgklmnrstvzh"
		if i%2 == 1 {
			from = "aaeiouy"
		}
		w.WriteByte(from[rng.IntN(len(from))])
	}
	return w.String()
}

// compareWith has anonlink compare the same filters, and answers how long that
// took it, without reading them.
func compareWith(python string, a, b *encoded.File, threshold float64, workers int) (seconds float64, pairs int, err error) {
	dir, err := os.MkdirTemp("", "kua-bench-*")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	for name, f := range map[string]*encoded.File{"a": a, "b": b} {
		if err := writeFilters(filepath.Join(dir, name), f); err != nil {
			return 0, 0, err
		}
	}
	var stderr bytes.Buffer
	cmd := exec.Command(python, "-c", peer, dir, strconv.FormatFloat(threshold, 'g', -1, 64), strconv.Itoa(workers))
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w\n%s", python, err, stderr.String())
	}
	var answer struct {
		Seconds float64 `json:"seconds"`
		Pairs   int     `json:"pairs"`
	}
	err = json.Unmarshal(out, &answer)
	return answer.Seconds, answer.Pairs, err
}

func writeFilters(path string, f *encoded.File) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(file)
	for i := range f.Rows {
		if err := binary.Write(w, binary.LittleEndian, f.Filter(i)); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return file.Close()
}
