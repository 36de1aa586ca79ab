// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestHandOverKilled kills the programs, as kill -9 does, at random moments while a
// case with a file goes from one node to another by the relay, the relay's too, and
// while it is taken. In the end the file is where the case is, with the right hash,
// and nowhere else, and both registers verify.
func TestHandOverKilled(t *testing.T) {
	const size, kills = 11 << 20, 8
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
	pass, hubPass := write("pass", "words for two registers that will be killed\n"), write("hubpass", "words for a relay that will be killed\n")
	mapping := write("map.yaml", killMapping)
	list := write("list.csv", "No,Received,Family,Sex,Day\n1,2022-01-06,Invented,m,2022-01-05\n")
	at := func(name string) string { return filepath.Join(dir, name) }
	child := func(after time.Duration, args ...string) ([]byte, error) {
		ctx, cancel := context.WithTimeout(context.Background(), after)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0], args...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		cmd.WaitDelay = time.Second
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		if err != nil {
			err = fmt.Errorf("%q: %w: %s", args, err, errs.Bytes())
		}
		return out.Bytes(), err
	}
	must := func(args ...string) []byte {
		t.Helper()
		out, err := child(time.Hour, args...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	in := func(node string, args ...string) []string {
		return append([]string{"--registry", at(node), "--passphrase-file", pass}, args...)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	must("relay", "init", at("hub"), "--passphrase-file", hubPass, "--address", "https://"+address)
	for _, node := range []string{"north", "south"} {
		must("init", at(node), "--passphrase-file", pass, "--coalition", filepath.Join(at("hub"), "coalition.json"), "--node", node)
		write(node+".card", string(must(in(node, "exchange", "card")...)))
		must(in(node, "org", "add", "Org "+node)...)
	}
	must("relay", "add", at("hub"), at("north.card"), at("south.card"), "--passphrase-file", hubPass)
	must(in("north", "exchange", "add", at("south.card"))...)
	must(in("south", "exchange", "add", at("north.card"))...)
	must(in("north", "import", list, "--map", mapping, "--org", "Org north")...)
	film := at("film.mp4")
	want := makeUp(t, film, size, seed)
	must(in("north", "evidence", "add", "1", film)...)

	var hub *exec.Cmd
	serve := func() {
		hub = exec.Command(os.Args[0], "relay", "serve", at("hub"), "--passphrase-file", hubPass)
		hub.Env = append(os.Environ(), asProgram+"=1")
		if err := hub.Start(); err != nil {
			t.Fatal(err)
		}
		for tries := 0; ; tries++ { // until it listens
			c, err := net.Dial("tcp", address)
			if err == nil {
				_ = c.Close()
				return
			}
			if tries > 600 {
				t.Fatal("the relay does not listen")
			}
			<-time.After(100 * time.Millisecond)
		}
	}
	end := func() { _ = hub.Process.Kill(); _ = hub.Wait() }
	serve()
	defer func() { end() }()
	for range 2 {
		must(in("north", "exchange", "sync")...)
		must(in("south", "exchange", "sync")...)
	}
	must(in("north", "case", "hand-over", "1", "--to", "Org south", "--reason", "moved")...)
	start := time.Now()
	must(in("south", "exchange", "status")...)
	whole := 2*time.Since(start) + time.Second // some exchanges end, most don't
	killed := 0
	for killed < kills {
		node := []string{"north", "south"}[r.IntN(2)]
		if r.IntN(4) == 0 {
			end()
			serve()
		}
		if _, err := child(time.Duration(r.Int64N(int64(whole))), in(node, "exchange", "sync")...); err != nil {
			killed++
		} else {
			whole = whole * 3 / 4
		}
	}
	for _, node := range []string{"north", "south", "north", "south"} {
		must(in(node, "exchange", "sync")...)
	}
	var handed []caseRow
	if err := json.Unmarshal(must(in("south", "case", "take", "--json")...), &handed); err != nil || len(handed) != 1 {
		t.Fatalf("%d cases wait: %v", len(handed), err)
	}
	number := handed[0].Number
	for range kills / 2 {
		_, _ = child(time.Duration(r.Int64N(int64(whole))), in("south", "case", "take", number)...)
	}
	if err := json.Unmarshal(must(in("south", "case", "take", "--json")...), &handed); err != nil {
		t.Fatal(err)
	}
	if len(handed) > 0 {
		must(in("south", "case", "take", number)...)
	}
	for _, node := range []string{"south", "north", "south"} {
		must(in(node, "exchange", "sync")...)
	}
	var listed struct{ Files []sealedFile }
	if err := json.Unmarshal(must(in("south", "evidence", "list", number, "--json")...), &listed); err != nil {
		t.Fatal(err)
	}
	if len(listed.Files) != 1 || listed.Files[0].SHA256 != want || listed.Files[0].Bytes != size {
		t.Errorf("after %d kills: %+v, and its SHA-256 is %s", killed, listed.Files, want)
	}
	for _, node := range []string{"north", "south"} {
		must(in(node, "verify", "--deep")...)
	}
	for _, left := range []string{filepath.Join(at("north"), "evidence"), filepath.Join(at("hub"), "files"), filepath.Join(at("south"), "exchange", "files")} {
		if entries, err := os.ReadDir(left); err == nil && len(entries) > 0 {
			t.Errorf("%s: %d files are left", left, len(entries))
		}
	}
}
