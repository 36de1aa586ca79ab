// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// asProgram makes the test binary be the program: the tests kill it.
const asProgram = "KUA_TEST_AS_PROGRAM"

// sayMemory has it write into a file of that name how much memory it had at
// the most: what the system says of a process that ended has that of the tests
// in it, which began it.
const sayMemory = "KUA_TEST_SAY_MEMORY"

// killRounds is how many imports are killed.
const killRounds = 8

const killMapping = `
mapping: 1
name: made up
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

// TestImportKilled kills an import at random moments. Whenever it was, all of
// the list is in the register or nothing of it, nothing is damaged, and the
// import done again completes it.
func TestImportKilled(t *testing.T) {
	const rows = 600
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pass := write("pass", "words for a register that will be killed\n")
	mapping := write("map.yaml", killMapping)
	var list bytes.Buffer
	list.WriteString("No,Received,Family,Sex,Day\n")
	for i := range rows {
		fmt.Fprintf(&list, "%d,2022-01-%02d,Invented%d,m,2022-01-05\n", i+1, 6+i%20, i)
	}
	csv := write("list.csv", list.String())

	// How long the whole takes is measured once, so that the kills fall all over it.
	child := func(ctx context.Context, args ...string) error {
		cmd := exec.CommandContext(ctx, os.Args[0], args...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		return cmd.Run()
	}
	importing := func(reg string) []string {
		return []string{"--registry", reg, "--passphrase-file", pass, "import", csv, "--map", mapping, "--org", "Invented"}
	}
	fresh := func(name string) string {
		reg := filepath.Join(dir, name)
		if err := child(context.Background(), "init", reg, "--passphrase-file", pass); err != nil {
			t.Fatal(err)
		}
		return reg
	}
	start := time.Now()
	if err := child(context.Background(), importing(fresh("whole"))...); err != nil {
		t.Fatal(err)
	}
	whole := time.Since(start)

	killed := 0
	for round := range killRounds {
		reg := fresh(fmt.Sprint("r", round))
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.Int64N(int64(whole))))
		if child(ctx, importing(reg)...) != nil {
			killed++
		}
		cancel()
		open := []string{"--registry", reg, "--passphrase-file", pass, "--json"}
		var verified struct {
			Problem string
			Index   bool
		}
		answer(t, &verified, append([]string{"verify", "--deep"}, open...)...)
		if verified.Problem != "" || !verified.Index {
			t.Fatalf("round %d: %+v", round, verified)
		}
		var listed struct{ Cases []caseRow }
		answer(t, &listed, append([]string{"case", "list"}, open...)...)
		if n := len(listed.Cases); n != 0 && n != rows {
			t.Fatalf("round %d: %d of %d cases are in the register: half of a list", round, n, rows)
		}
		var again imported
		answer(t, &again, append(importing(reg), "--json")...)
		if again.Result == nil || again.Result.New+again.Result.Same != rows || again.Result.Changed != 0 {
			t.Fatalf("round %d: the import done again: %+v", round, again.Result)
		}
	}
	t.Logf("%d of %d imports were killed, the others had ended", killed, killRounds)
}

// TestUploadKilled kills the program while it stores a copy. Whenever it was,
// the copy is there whole or not at all, nothing of it is left over, and it can
// be stored again.
func TestUploadKilled(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pass := write("pass", []byte("words for a register that will be killed\n"))
	source := write("source.yaml", []byte("about: invented\noutside:\n- kind: publication\n  id: film\n  source: invented\n  fields: {kind: broadcast, date: 2022-03-14}\n"))
	film := make([]byte, 40<<20)
	for i := range film {
		film[i] = byte(r.Uint32())
	}
	file := write("film.bin", film)
	child := func(ctx context.Context, args ...string) error {
		cmd := exec.CommandContext(ctx, os.Args[0], args...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		return cmd.Run()
	}
	reg := filepath.Join(dir, "r")
	open := []string{"--registry", reg, "--passphrase-file", pass, "--json"}
	for _, args := range [][]string{{"init", reg, "--passphrase-file", pass}, append([]string{"import", source}, open...)} {
		if err := child(context.Background(), args...); err != nil {
			t.Fatal(err)
		}
	}
	var listed struct{ Publications []publicationAnswer }
	answer(t, &listed, append([]string{"outside", "list"}, open...)...)
	adding := append([]string{"evidence", "add", file, "--publication", listed.Publications[0].ID}, open...)
	start := time.Now()
	if err := child(context.Background(), adding...); err != nil {
		t.Fatal(err)
	}
	whole := time.Since(start)

	stored, killed := 1, 0
	for round := range killRounds {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.Int64N(int64(whole))))
		if child(ctx, adding...) != nil {
			killed++
		}
		cancel()
		var verified struct {
			Problem string
			Files   int
		}
		answer(t, &verified, append([]string{"verify", "--deep"}, open...)...)
		if verified.Problem != "" || verified.Files < stored {
			t.Fatalf("round %d: %+v of %d", round, verified, stored)
		}
		stored = verified.Files
		files, err := os.ReadDir(filepath.Join(reg, "evidence"))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) != stored {
			t.Fatalf("round %d: %d files, and %d of them are named", round, len(files), stored)
		}
	}
	if stored+killed < killRounds+1 {
		t.Errorf("%d stored, %d killed of %d", stored, killed, killRounds+1)
	}
	t.Logf("%d of %d were killed, %d copies are there", killed, killRounds, stored)
}

// TestForgettingKilled kills the program while it puts all wrapped keys under a
// new forgetting key. Whenever it was, the register opens and nothing is lost.
func TestForgettingKilled(t *testing.T) {
	const rows = 300
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pass := write("pass", "words for a register that will be killed\n")
	var list bytes.Buffer
	list.WriteString("No,Received,Family,Sex,Day\n")
	for i := range rows {
		fmt.Fprintf(&list, "%d,2022-01-%02d,Invented%d,m,2022-01-05\n", i+1, 6+i%20, i)
	}
	reg := filepath.Join(dir, "r")
	open := []string{"--registry", reg, "--passphrase-file", pass}
	child := func(ctx context.Context, args ...string) error {
		cmd := exec.CommandContext(ctx, os.Args[0], args...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		return cmd.Run()
	}
	for _, args := range [][]string{
		{"init", reg, "--passphrase-file", pass},
		append([]string{"import", write("list.csv", list.String()), "--map", write("map.yaml", killMapping), "--org", "Invented"}, open...),
	} {
		if err := child(context.Background(), args...); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	if err := child(context.Background(), append([]string{"forget", "now", "--yes"}, open...)...); err != nil {
		t.Fatal(err)
	}
	whole := time.Since(start)
	killed := 0
	for round := range 2 * killRounds {
		// Late, most often: opening takes the longer part of it.
		ctx, cancel := context.WithTimeout(context.Background(), whole/3+time.Duration(r.Int64N(int64(whole*2/3))))
		if child(ctx, append([]string{"forget", "now", "--yes"}, open...)...) != nil {
			killed++
		}
		cancel()
		var verified struct {
			Problem string
			Opened  int
		}
		answer(t, &verified, append([]string{"verify", "--deep", "--json"}, open...)...)
		if verified.Problem != "" || verified.Opened < 3*rows {
			t.Fatalf("round %d: %+v", round, verified)
		}
	}
	t.Logf("%d of %d were killed", killed, 2*killRounds)
}
