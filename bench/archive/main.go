// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	kua := flag.String("kua", "", "export from registers and take that into empty ones with this `program`, too")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "Usage: archive [flags] [DIR ...]\nDIR is a register to export from, made by 'kua bench generate'.")
		flag.PrintDefaults()
	}
	flag.Parse()
	var err error
	switch *with {
	case "write":
		err = write(*file, *records)
	case "read":
		err = read(*file)
	default:
		err = run(*records, *kua, flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/archive:", err)
		os.Exit(1)
	}
}

func run(records int, kua string, from []string) (err error) {
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
	if records > 0 {
		of := held{entries: int64(records)}
		for _, with := range []string{"write", "read"} {
			took, err := measured(own, "-with", with, "-file", file, "-records", strconv.Itoa(records))
			if err != nil {
				return fmt.Errorf("%s: %w", with, err)
			}
			took.tell(with, of)
		}
		if info, err := os.Stat(file); err == nil {
			fmt.Printf("%-8s %d MB\n", "", info.Size()>>20)
		}
	}
	for _, register := range from {
		if kua == "" {
			return errors.New("to export from a register, say with which program: -kua")
		}
		if err := move(kua, register); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(register), err)
		}
	}
	return nil
}

// held is how much an archive holds. A record is what DESIGN.md calls so, one
// dated fact; an entry is one act of writing, and puts a record or withdraws it,
// so that there are never fewer of them.
type held struct{ cases, records, entries int64 }

// step is what a process took.
type step struct {
	wall, busy time.Duration
	most       int64 // MB that it had resident at the most (VmHWM)
}

func measured(name string, args ...string) (step, error) {
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	begun := time.Now() //nolint:forbidigo // it measures
	if err := cmd.Run(); err != nil {
		return step{}, err
	}
	s := step{wall: time.Since(begun), busy: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.most = usage.Maxrss >> 10
	}
	return s, nil
}

func (s step) tell(what string, of held) {
	n, cases := of.entries, ""
	if of.records > 0 {
		n, cases = of.records, fmt.Sprintf("%d cases, %d records, ", of.cases, of.records)
	}
	fmt.Printf("%-8s %s%d entries: %.1f s, %.1f s of processor; %.0f a second, %.0f µs of processor each; %d MB at the most\n",
		what, cases, of.entries, s.wall.Seconds(), s.busy.Seconds(), float64(n)/s.wall.Seconds(), float64(s.busy.Microseconds())/float64(n), s.most)
}

// move exports a register whole and takes it into an empty one, which must then
// hand out the same. What is told of both takes in signing in.
func move(kua, from string) (err error) {
	dir, err := os.MkdirTemp("", "kua-archive-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	key, words := filepath.Join(dir, "key"), filepath.Join(dir, "words")
	if err := errors.Join(os.WriteFile(key, []byte(identity.String()+"\n"), 0o600), os.WriteFile(words, []byte("seven good words nobody else would say\n"), 0o600)); err != nil {
		return err
	}
	sealed, to := filepath.Join(dir, "register.age"), filepath.Join(dir, "to")
	there := []string{"--registry", from, "--passphrase-file", filepath.Join(from, "demo-passphrase.txt")}
	here := []string{"--registry", to, "--passphrase-file", words}
	if err := exec.Command(kua, append(there, "figures")...).Run(); err != nil { // an index that is not there is made now
		return err
	}
	export := []string{"export", "--all", "--format", "kua", "--purpose", "own", "--reason", "measured", "--to", identity.Recipient().String(), "--out"}
	out, err := measured(kua, slices.Concat(there, export, []string{sealed})...)
	if err != nil {
		return fmt.Errorf("the export: %w", err)
	}
	of, sum, err := count(sealed, identity)
	if err != nil {
		return err
	}
	out.tell("export", of)
	if err := exec.Command(kua, "init", to, "--name", "measurer", "--passphrase-file", words).Run(); err != nil {
		return fmt.Errorf("making a register: %w", err)
	}
	in, err := measured(kua, append(here, "import", sealed, "--format", "kua", "--identity", key, "--org", "Moved")...)
	if err != nil {
		return fmt.Errorf("the import: %w", err)
	}
	in.tell("import", of)
	again := filepath.Join(dir, "again.age")
	if err := exec.Command(kua, slices.Concat(here, export, []string{again})...).Run(); err != nil {
		return fmt.Errorf("the export of what came in: %w", err)
	}
	if _, now, err := count(again, identity); err != nil || !bytes.Equal(now, sum) {
		return errors.Join(errors.New("what came in is not what left"), err)
	}
	return nil
}

// count reads a sealed archive, every digest included. It says how much it holds,
// and answers a digest of its entries but for whose cases they are.
func count(file string, identity age.Identity) (of held, sum []byte, err error) {
	f, err := os.Open(file)
	if err != nil {
		return of, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return of, nil, err
	}
	plain, size, err := age.DecryptReaderAt(f, info.Size(), identity)
	if err != nil {
		return of, nil, err
	}
	a, err := archive.Open(plain, size)
	if err != nil {
		return of, nil, err
	}
	digest := sha256.New()
	lines := json.NewEncoder(digest)
	for _, streams := range []func(func([]archive.Entry, error) bool){a.Cases(), a.Outside()} {
		for entries, err := range streams {
			if err != nil {
				return of, nil, err
			}
			seen := map[string]bool{}
			for i := range entries {
				seen[entries[i].Record] = true
				if entries[i].Kind == "case" {
					delete(entries[i].Fields, "org")
				}
				if err := lines.Encode(&entries[i]); err != nil {
					return of, nil, err
				}
			}
			of.records += int64(len(seen))
			of.entries += int64(len(entries))
		}
	}
	of.cases = a.Manifest.Counts.Cases
	return of, digest.Sum(nil), nil
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
