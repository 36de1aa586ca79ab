// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestManual holds that every command has a page with all its flags and what its help says, that man understands each page,
// and that each shell can complete every command.
func TestManual(t *testing.T) {
	root := (&program{}).command()
	dir := t.TempDir()
	if err := writeManual(root, dir); err != nil {
		t.Fatal(err)
	}
	commands := documented(root)
	for _, cmd := range commands {
		file := filepath.Join(dir, "man1", manName(cmd)+".1")
		b, err := os.ReadFile(file)
		if err != nil {
			t.Errorf("%s: %v", cmd.CommandPath(), err)
			continue
		}
		page := string(b)
		if cmd.Short == "" || !strings.Contains(page, roffLine(cmd.Short)) {
			t.Errorf("%s: its page does not say what it does", cmd.CommandPath())
		}
		for _, l := range strings.Split(cmd.Long, "\n") {
			if !strings.Contains(page, roffLine(l)) && !strings.Contains(page, roffWord(l)) {
				t.Errorf("%s: its page lacks %q", cmd.CommandPath(), l)
			}
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && !strings.Contains(page, roffWord("--"+f.Name)) {
				t.Errorf("%s: its page lacks --%s", cmd.CommandPath(), f.Name)
			}
		})
		for _, sub := range cmd.Commands() {
			if len(documented(sub)) > 0 && !strings.Contains(page, roffWord(manName(sub))) {
				t.Errorf("%s: its page lacks %s", cmd.CommandPath(), sub.Name())
			}
		}
		if strings.Contains(page, os.TempDir()) {
			t.Errorf("%s: its page names a place of this machine", cmd.CommandPath())
		}
	}
	if len(commands) < 60 {
		t.Fatalf("%d commands: this test finds nothing", len(commands))
	}
	if groff, err := exec.LookPath("groff"); err == nil {
		pages, err := filepath.Glob(filepath.Join(dir, "man1", "*.1"))
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(groff, append([]string{"-man", "-Tutf8", "-ww", "-z"}, pages...)...).CombinedOutput()
		if err != nil || len(bytes.TrimSpace(out)) > 0 {
			t.Errorf("groff: %v: %s", err, out)
		}
	}
	for _, shell := range []string{"bash/kua", "zsh/_kua", "fish/kua.fish"} {
		b, err := os.ReadFile(filepath.Join(dir, "completions", filepath.FromSlash(shell)))
		if err != nil || !bytes.Contains(b, []byte("kua")) || !bytes.Contains(b, []byte("__complete")) {
			t.Errorf("%s: %v, %d bytes", shell, err, len(b))
		}
	}
}

// TestCompletion holds that what the completions ask the program names the commands and the flags.
func TestCompletion(t *testing.T) {
	var out bytes.Buffer
	if code := run(t.Context(), []string{"__complete", "rel"}, nil, &out, &bytes.Buffer{}); code != exitDone || !strings.HasPrefix(out.String(), "relay\t") {
		t.Errorf("%d: %q", code, out.String())
	}
	out.Reset()
	if code := run(t.Context(), []string{"__complete", "init", "--pa"}, nil, &out, &bytes.Buffer{}); code != exitDone || !strings.Contains(out.String(), "--pack\t") {
		t.Errorf("%d: %q", code, out.String())
	}
}
