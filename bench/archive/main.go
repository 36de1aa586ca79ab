// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"filippo.io/age"

	"github.com/kua-registry/kua/internal/archive"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/invented"
)

func main() {
	records := flag.Int("records", 1_000_000, "how many entries are written and read")
	with := flag.String("with", "", "of the program itself: write or read")
	file := flag.String("file", "", "of the program itself: the archive")
	kua := flag.String("kua", "", "export from a register and take that into another one with this `program`, too")
	from := flag.String("registry", "", "the `register` to export from, made by 'kua bench generate'")
	flag.Parse()
	var err error
	switch *with {
	case "write":
		err = write(*file, *records)
	case "read":
		err = read(*file)
	default:
		err = run(*records, *kua, *from)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/archive:", err)
		os.Exit(1)
	}
}

func run(records int, kua, from string) (err error) {
	own, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "kua-archive-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, "invented.kua.zip")
	for _, with := range []string{"write", "read"} {
		if err := measure(with, records, own, "-with", with, "-file", file, "-records", strconv.Itoa(records)); err != nil {
			return err
		}
	}
	if info, err := os.Stat(file); err == nil {
		fmt.Printf("%-28s %d MB\n", "the archive", info.Size()>>20)
	}
	if kua == "" {
		return nil
	}
	return register(dir, kua, from)
}

// measure runs a step and tells how fast it was and what it took.
func measure(what string, entries int, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	begun := time.Now() //nolint:forbidigo // it measures
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	took := time.Since(begun)
	if entries == 0 {
		if found := regexp.MustCompile(`(\d+) entries`).FindSubmatch(out.Bytes()); found != nil {
			entries, _ = strconv.Atoi(string(found[1]))
		}
	}
	most := int64(0)
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		most = usage.Maxrss >> 10
	}
	busy := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	fmt.Printf("%-28s %d entries in %.1f s: %.0f a second; %.1f s of processor: %.0f a second; %d MB at the most\n", what, entries, took.Seconds(), float64(entries)/took.Seconds(), busy.Seconds(), float64(entries)/busy.Seconds(), most)
	return nil
}

// register exports a register whole and takes it into an empty one.
func register(dir, kua, from string) error {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	key, words := filepath.Join(dir, "key"), filepath.Join(dir, "words")
	if err := errors.Join(os.WriteFile(key, []byte(identity.String()+"\n"), 0o600), os.WriteFile(words, []byte("seven good words nobody else would say\n"), 0o600)); err != nil {
		return err
	}
	sealed, to := filepath.Join(dir, "register.age"), filepath.Join(dir, "to")
	passphrase := filepath.Join(from, "demo-passphrase.txt")
	if err := measure("export from a register", 0, kua, "--registry", from, "--passphrase-file", passphrase, "export", "--all", "--format", "kua", "--purpose", "own", "--reason", "measured", "--to", identity.Recipient().String(), "--out", sealed); err != nil {
		return err
	}
	if err := exec.Command(kua, "init", to, "--name", "measurer", "--passphrase-file", words).Run(); err != nil {
		return fmt.Errorf("making a register: %w", err)
	}
	return measure("import into an empty register", 0, kua, "--registry", to, "--passphrase-file", words, "import", sealed, "--format", "kua", "--identity", key, "--org", "Moved")
}

// write writes entries of cases that are made up, in the order of their ids.
func write(file string, records int) error {
	book, err := codebook.Load(codebook.Data)
	if err != nil {
		return err
	}
	schema, err := archive.Schema(book)
	if err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	buffer := bufio.NewWriterSize(f, 1<<20)
	made := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	register := strings.Repeat("ab", 16)
	w, err := archive.NewWriter(buffer, archive.About{Made: made, Register: register, By: archive.Person{ID: register}, Pack: "kz"}, schema)
	if err != nil {
		return err
	}
	// A thousand cases, told again and again under other ids: what is measured is
	// the archive, not the making up.
	world := invented.Register{Seed: 1, Cases: 1000, Orgs: 3, Until: invented.LastDay}
	cases := make([]invented.Case, world.Cases)
	for i := range cases {
		cases[i] = world.Case(i)
	}
	for n, written := 0, 0; written < records; n++ {
		c := &cases[n%len(cases)]
		id := fmt.Sprintf("%032x", n)
		for _, act := range c.Acts {
			if act.Stream != c.ID {
				continue
			}
			for _, e := range act.Entries {
				record := e.Record
				if record == c.ID {
					record = id
				}
				one := archive.Entry{Case: id, Record: record, Kind: e.Kind, Op: archive.Put, Fields: e.Fields, At: act.Day.Time(), By: register, Reason: act.Reason, Source: act.Source, Register: register, Entry: uint64(written)}
				if e.Fields == nil {
					one.Op = archive.Withdraw
				}
				if err := w.Add(&one); err != nil {
					return err
				}
				written++
			}
		}
	}
	if _, err := w.Finish(made); err != nil {
		return err
	}
	return errors.Join(buffer.Flush(), f.Close())
}

func read(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	a, err := archive.Open(f, info.Size())
	if err != nil {
		return err
	}
	n := int64(0)
	for _, streams := range slices.Backward([]func(func([]archive.Entry, error) bool){a.Cases(), a.Outside()}) {
		for of, err := range streams {
			if err != nil {
				return err
			}
			n += int64(len(of))
		}
	}
	if want := a.Manifest.Counts.Entries + a.Manifest.Counts.OutsideEntries; n != want {
		return fmt.Errorf("%d entries were read of %d", n, want)
	}
	return nil
}
