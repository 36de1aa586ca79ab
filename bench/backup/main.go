// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	kua := flag.String("kua", "bin/kua", "the `program` that is measured")
	from := flag.String("registry", "", "the `directory` of a register made by 'kua bench generate'")
	cases := flag.Int("cases", 10_000, "how many cases it has")
	day := flag.Int("day", 40, "how many cases come in on a day")
	dir := flag.String("dir", "", "the `folder` to work in; empty: the temporary one")
	flag.Parse()
	if err := run(*kua, *from, *dir, *cases, *day); err != nil {
		fmt.Fprintln(os.Stderr, "bench/backup:", err)
		os.Exit(1)
	}
}

// Of the register that is backed up, some cases have a file.
const (
	files    = 4
	fileSize = 25 << 20
)

// bench is a copy of a register, and the program that is measured on it.
type bench struct {
	kua, dir, pass string
}

func run(kua, from, in string, cases, day int) (err error) {
	dir, err := os.MkdirTemp(in, "kua-backup-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := bench{kua, dir, filepath.Join(dir, "register", "demo-passphrase.txt")}
	for to, from := range map[string]string{"register": from, "register.forgetting": from + ".forgetting"} {
		if err := os.CopyFS(filepath.Join(dir, to), os.DirFS(from)); err != nil {
			return err
		}
	}
	if err := b.addFiles(); err != nil {
		return err
	}
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		return err
	}
	size, err := sizeOf(filepath.Join(dir, "register"))
	if err != nil {
		return err
	}
	fmt.Printf("register: %d cases, %d files of %d MB, %d MB in all\n", cases, files, fileSize>>20, size/1e6)
	if err := b.measured("first backup", "backup", disk); err != nil {
		return err
	}
	if err := b.work(day); err != nil {
		return err
	}
	for _, what := range [][]string{
		{"after a day", "backup", disk},
		{"verify", "backup", "verify", disk},
		{"restore", "restore", disk, "--to", filepath.Join(dir, "restored"), "--keys", filepath.Join(dir, "register.forgetting")},
		{"rehearse", "restore", disk, "--rehearse"},
	} {
		if err := b.measured(what[0], what[1:]...); err != nil {
			return err
		}
	}
	size, err = sizeOf(filepath.Join(dir, "restored"))
	fmt.Printf("restored: %d MB\n", size/1e6)
	return err
}

// addFiles puts files that mean nothing into the first cases.
func (b bench) addFiles() error {
	out, err := b.said("case", "list", "--json")
	if err != nil {
		return err
	}
	var list struct {
		Cases []struct {
			Number string `json:"number"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(out, &list); err != nil || len(list.Cases) < files {
		return fmt.Errorf("%d cases are listed (%w)", len(list.Cases), err)
	}
	draw := rand.NewChaCha8([32]byte{})
	text := make([]byte, fileSize)
	for _, c := range list.Cases[:files] {
		_, _ = draw.Read(text) // it never fails
		file := filepath.Join(b.dir, "film.bin")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return err
		}
		if _, err := b.said("evidence", "add", c.Number, file); err != nil {
			return err
		}
	}
	return nil
}

// listMap says how the rows that come in on a day are read.
const listMap = `mapping: 1
name: invented rows
dates: 2006-01-02
key: No
records:
- kind: report
  fields: {received: Received}
- kind: person
  fields: {role: {const: victim}, family: Family, sex: Sex}
- kind: act
  fields: {date: Day}
`

// work takes in so many invented cases, as a day brings them.
func (b bench) work(cases int) error {
	list := []byte("No,Received,Family,Sex,Day\n")
	for i := range cases {
		list = fmt.Appendf(list, "day-%d,2026-01-07,Invented%d,m,2026-01-05\n", i, i)
	}
	file, how := filepath.Join(b.dir, "list.csv"), filepath.Join(b.dir, "map.yaml")
	if err := errors.Join(os.WriteFile(file, list, 0o600), os.WriteFile(how, []byte(listMap), 0o600)); err != nil {
		return err
	}
	_, err := b.said("import", file, "--map", how, "--org", "Organisation 1 (invented)")
	return err
}

func (b bench) command(args ...string) *exec.Cmd {
	cmd := exec.Command(b.kua, append([]string{"--registry", filepath.Join(b.dir, "register"), "--passphrase-file", b.pass}, args...)...)
	cmd.Stderr = os.Stderr
	return cmd
}

func (b bench) said(args ...string) ([]byte, error) {
	out, err := b.command(args...).Output()
	if err != nil {
		err = fmt.Errorf("kua %s: %w", args[0], err)
	}
	return out, err
}

// measured runs the program and prints what it took.
func (b bench) measured(what string, args ...string) error {
	cmd := b.command(append(args, "--json")...)
	start := time.Now()
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", what, err, out)
	}
	took, most := time.Since(start), int64(0)
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		most = usage.Maxrss >> 10
	}
	var made struct {
		Written int64 `json:"written"`
		Bytes   int64 `json:"bytes"`
		Entries int64 `json:"entries"`
	}
	if err := json.Unmarshal(out, &made); err != nil {
		return err
	}
	fmt.Printf("%-13s %6.1f s, %6.1f s of processor time, %5d MB of memory at the most", what, took.Seconds(), (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), most)
	if made.Entries > 0 {
		fmt.Printf("; %d entries, %d pieces written, %d MB", made.Entries, made.Written, made.Bytes/1e6)
	}
	fmt.Println()
	return nil
}

func sizeOf(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n, err
}
