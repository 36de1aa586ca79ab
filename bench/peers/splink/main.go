// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// peer is the program that runs Splink.
//
//go:embed peer.py
var peer []byte

func main() {
	var b bench
	flag.IntVar(&b.rows, "rows", 1_000_000, "`rows` that are made up")
	flag.Uint64Var(&b.seed, "seed", 1, "seed of the rows")
	flag.StringVar(&b.python, "python", "", "the `python` that has splink; empty: kua alone")
	flag.StringVar(&b.kua, "kua", "bin/kua", "the `program`")
	flag.StringVar(&b.memory, "memory", "4GB", "what kua may take")
	flag.StringVar(&b.sets, "sets", "../shared/acceptance/linkage", "the `folder` of the public sets; empty or not there: none")
	flag.StringVar(&b.dir, "dir", "", "the `folder` to work in; empty: the temporary one")
	flag.Parse()
	if err := b.run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench/peers/splink:", err)
		os.Exit(1)
	}
}

type bench struct {
	rows                           int
	seed                           uint64
	python, kua, memory, sets, dir string
}

// took is what one side took and found.
type took struct {
	Seconds   float64 `json:"seconds"`
	Kilobytes int64   `json:"kilobytes"`
	Pairs     int     `json:"pairs"`
	quality   quality
	threshold string
}

// quality counts pairs in clusters against the truth.
type quality struct{ right, found, all int64 }

func (q quality) precision() float64 { return float64(q.right) / float64(max(1, q.found)) }
func (q quality) recall() float64    { return float64(q.right) / float64(max(1, q.all)) }
func (q quality) f1() float64        { return 2 * float64(q.right) / float64(max(1, q.found+q.all)) }

func (b *bench) run() error {
	dir, err := os.MkdirTemp(b.dir, "kua-peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if b.sets != "" {
		if err := b.public(dir); err != nil {
			return err
		}
	}
	file := filepath.Join(dir, "people.csv")
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	who, err := newInventor(b.seed).write(f, b.rows)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	truth := make(map[string]string, b.rows)
	for i, p := range who {
		truth["r"+strconv.Itoa(i)] = strconv.Itoa(int(p))
	}
	fmt.Printf("%d rows of invented people, seed %d\n", b.rows, b.seed)
	return b.both("people", dir, []string{file}, truth)
}

// public runs both on the public sets, as far as they are there.
func (b *bench) public(dir string) error {
	for _, set := range []struct {
		what  string
		files []string
	}{{"rldata500", []string{"rldata500.csv"}}, {"febrl3", []string{"febrl3.csv"}}, {"febrl4", []string{"febrl4a.csv", "febrl4b.csv"}}} {
		truth := map[string]string{}
		var files []string
		for n, name := range set.files {
			in := filepath.Join(b.sets, name)
			if _, err := os.Stat(in); err != nil {
				fmt.Printf("%s is not here: left out\n", name)
				break
			}
			out := filepath.Join(dir, name)
			if err := prepare(in, out, strconv.Itoa(n)+":", truth); err != nil {
				return err
			}
			files = append(files, out)
		}
		if len(files) < len(set.files) {
			continue
		}
		fmt.Printf("%s, %d rows\n", set.what, len(truth))
		if err := b.both(set.what, dir, files, truth); err != nil {
			return err
		}
	}
	return nil
}

// prepare copies a public set, with ids that no other file has and without the truth.
func prepare(in, out, prefix string, truth map[string]string) error {
	data, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	rows, err := csv.NewReader(strings.NewReader(string(data))).ReadAll()
	if err != nil {
		return err
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	for n, row := range rows {
		switch id, rl := at["rec_id"]; {
		case rl: // FEBRL: the truth is in the id
			if n > 0 {
				row[id] = prefix + row[id]
				truth[row[id]] = strings.Split(row[id], "-")[1]
			}
		case n == 0:
			row = []string{"id", "fname_c1", "fname_c2", "lname_c1", "lname_c2", "birth", "by", "bm", "bd"}
		default:
			two := func(s string) string { return strings.Repeat("0", max(0, 2-len(s))) + s }
			get := func(c string) string { return row[at[c]] }
			truth[prefix+get("id")] = get("cluster")
			row = []string{prefix + get("id"), get("fname_c1"), get("fname_c2"), get("lname_c1"), get("lname_c2"), get("by") + "-" + two(get("bm")) + "-" + two(get("bd")), get("by"), get("bm"), get("bd")}
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return errors.Join(w.Error(), f.Close())
}

// both runs Splink, then kua, and prints what they took.
func (b *bench) both(what, dir string, files []string, truth map[string]string) error {
	var other took
	if b.python != "" {
		var err error
		if other, err = b.splink(what, filepath.Join(dir, "peer"), files, truth); err != nil {
			return fmt.Errorf("splink: %w", err)
		}
		show("Splink at "+other.threshold, other)
	}
	own, err := b.link(what, dir, files, truth)
	if err != nil {
		return fmt.Errorf("kua link: %w", err)
	}
	show("kua link", own)
	if b.python != "" {
		fmt.Printf("  kua link: %.1f times as fast, %.2f of the memory, F1 %+.4f\n", other.Seconds/own.Seconds, float64(own.Kilobytes)/float64(other.Kilobytes), own.quality.f1()-other.quality.f1())
	}
	return nil
}

func show(who string, t took) {
	q := t.quality
	fmt.Printf("  %-15s %8.1f s %8d MB %12d pairs  precision %.4f  recall %.4f  F1 %.4f\n", who, t.Seconds, t.Kilobytes>>10, t.Pairs, q.precision(), q.recall(), q.f1())
}

func (b *bench) splink(what, out string, files []string, truth map[string]string) (took, error) {
	source := out + ".py"
	if err := os.WriteFile(source, peer, 0o600); err != nil {
		return took{}, err
	}
	cmd := exec.Command(b.python, append([]string{source, what, out}, files...)...)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return took{}, err
	}
	data, err := os.ReadFile(out + ".json")
	if err != nil {
		return took{}, err
	}
	var best took
	if err := json.Unmarshal(data, &best); err != nil {
		return took{}, err
	}
	for _, threshold := range []string{"0.5", "0.9", "0.95", "0.99"} {
		q, err := judge(out+"."+threshold+".csv", truth)
		if err != nil {
			return took{}, err
		}
		if best.threshold == "" || q.f1() > best.quality.f1() {
			best.quality, best.threshold = q, threshold
		}
	}
	return best, nil
}

func (b *bench) link(what, dir string, files []string, truth map[string]string) (took, error) {
	config, clusters := filepath.Join(dir, what+".yaml"), filepath.Join(dir, "clusters.csv")
	if err := os.WriteFile(config, []byte(configs[what]), 0o600); err != nil {
		return took{}, err
	}
	args := append([]string{"link"}, files...)
	cmd := exec.Command(b.kua, append(args, "--config", config, "--out", filepath.Join(dir, "pairs.csv"), "--clusters", clusters, "--memory", b.memory, "--json")...)
	cmd.Stderr = os.Stderr
	started := time.Now()
	out, err := cmd.Output()
	if err != nil {
		return took{}, err
	}
	t := took{Seconds: time.Since(started).Seconds()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		t.Kilobytes = usage.Maxrss
	}
	var answer struct {
		Compared int `json:"pairs_compared"`
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return took{}, err
	}
	t.Pairs = answer.Compared
	t.quality, err = judge(clusters, truth)
	return t, err
}

// judge counts the pairs of a file of clusters.
func judge(path string, truth map[string]string) (quality, error) {
	f, err := os.Open(path)
	if err != nil {
		return quality{}, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.ReuseRecord = true
	if _, err := r.Read(); err != nil {
		return quality{}, err
	}
	pairs := func(n int64) int64 { return n * (n - 1) / 2 }
	type both struct{ cluster, person string }
	clusters, people, shared := map[string]int64{}, map[string]int64{}, map[both]int64{}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return quality{}, err
		}
		person, ok := truth[row[0]]
		if !ok {
			return quality{}, fmt.Errorf("%s has a row that is not in the truth", filepath.Base(path))
		}
		cluster := strings.Clone(row[1])
		clusters[cluster]++
		shared[both{cluster, person}]++
	}
	for _, person := range truth {
		people[person]++
	}
	var q quality
	for _, n := range clusters {
		q.found += pairs(n)
	}
	for _, n := range shared {
		q.right += pairs(n)
	}
	for _, n := range people {
		q.all += pairs(n)
	}
	return q, nil
}
