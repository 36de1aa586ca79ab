// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestFirstStart makes a register in the browser: the code is printed, the
// pages are those of the register as soon as it is made, and a second start
// serves it without asking for a code.
func TestFirstStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "r")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	serve := func() (lines *bufio.Scanner, ended chan int) {
		out, in := io.Pipe()
		ended = make(chan int, 1)
		go func() {
			p := &program{now: func() time.Time { return today }, stretch: quick(), rulebook: rulebook, shut: func() error { return nil }, machine: testMachine}
			ended <- p.run(ctx, []string{"serve", "--locked", "--first-start", "--registry", dir, "--listen", "127.0.0.1:0"}, strings.NewReader(""), in, in)
			in.Close()
		}()
		return bufio.NewScanner(out), ended
	}
	find := func(lines *bufio.Scanner, pattern string) string {
		t.Helper()
		for lines.Scan() {
			if m := regexp.MustCompile(pattern).FindStringSubmatch(lines.Text()); m != nil {
				return m[1]
			}
		}
		t.Fatalf("it ends before it says %s", pattern)
		return ""
	}
	lines, ended := serve()
	address := find(lines, `(http://127[0-9.:]+)`)
	code := find(lines, `((?:[0-9A-Z]{5}-){5}[0-9A-Z]+)`)
	if _, err := os.Stat(dir); err == nil {
		t.Error("something of a register is there before it is made")
	}
	form := url.Values{"code": {code}, "org": {"Invented"}, "name": {"aigerim"}, "pack": {"kg"}, "made": {lockPass}, "typed": {lockPass}, "step": {"confirm"}}
	res, err := http.PostForm(address+"/first", form)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("the register is not made: %s", res.Status)
	}
	find(lines, `(The pages are at )`)
	go func() { _, _ = io.Copy(io.Discard, drained{lines}) }()
	res, err = http.Get(address + "/sign-in")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("the pages of the new register: %s", res.Status)
	}
	cancel()
	if got := <-ended; got != exitDone {
		t.Errorf("it ends with %d", got)
	}
	pass := filepath.Join(filepath.Dir(dir), "pass")
	if err := os.WriteFile(pass, []byte(lockPass+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var found struct{ Organisations []struct{ Name string } }
	answer(t, &found, "--registry", dir, "--passphrase-file", pass, "org", "list", "--json")
	if orgs := found.Organisations; len(orgs) != 1 || orgs[0].Name != "Invented" {
		t.Errorf("its organisations are %v", found)
	}
	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	lines, ended = serve()
	find(lines, `(The register is locked)`)
	go func() { _, _ = io.Copy(io.Discard, drained{lines}) }()
	cancel()
	if got := <-ended; got != exitDone {
		t.Errorf("the second start ends with %d", got)
	}
}

// drained reads what is left of lines, so that whoever writes them goes on.
type drained struct{ lines *bufio.Scanner }

func (d drained) Read([]byte) (int, error) {
	if d.lines.Scan() {
		return 0, nil
	}
	return 0, io.EOF
}
