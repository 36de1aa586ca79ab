// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// ranElsewhere are commands that no script runs, each with the test that does.
var ranElsewhere = map[string]string{
	"kua relay serve": "TestServeRelay",
}

// shown is a command as a text shows it.
type shown struct {
	where, line string
	args        []string
}

var (
	fence     = regexp.MustCompile("(?m)^```[a-z]*\n((?s:.*?))^```")
	inline    = regexp.MustCompile("`((?:kua|bin/kua) [^`]+)`")
	gap       = regexp.MustCompile(` {2,}|; | \| | < | > `)
	alternate = regexp.MustCompile(`^[a-z-]+(\|[a-z-]+)+$`)
)

// commandsIn are the commands that a text shows: lines of its blocks of code and what stands in a sentence, each of
// several alternatives by itself.
func commandsIn(where, text string) []shown {
	var lines []string
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		lines = append(lines, strings.Split(block[1], "\n")...)
	}
	for _, m := range inline.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		lines = append(lines, m[1])
	}
	var all []shown
	for _, line := range lines {
		command := gap.Split(strings.TrimPrefix(strings.TrimSpace(line), "bin/"), 2)[0]
		words := strings.Fields(command)
		if len(words) < 2 || words[0] != "kua" {
			continue
		}
		several := [][]string{nil}
		for _, w := range words[1:] {
			next := []string{w}
			if alternate.MatchString(w) {
				next = strings.Split(w, "|")
			}
			var more [][]string
			for _, so := range several {
				for _, n := range next {
					more = append(more, append(slices.Clone(so), n))
				}
			}
			several = more
		}
		for _, args := range several {
			all = append(all, shown{where, line, args})
		}
	}
	return all
}

// asked is the command that a call is of, or nil.
func asked(root *cobra.Command, args []string) *cobra.Command {
	found, _, err := root.Find(args)
	if err != nil || found == root {
		return nil
	}
	return found
}

// accepted says whether a command takes a line as it is shown: its flags, with values of their form, and as many names. A
// command that is named alone, in a sentence, is no line to type.
func accepted(args []string) error {
	cmd, rest, err := (&program{}).command().Find(args)
	if err != nil || !cmd.Runnable() || len(rest) == 0 || slices.Contains(rest, "--help") {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

// TestEveryCommandThatIsShownIsRun holds that each command in README, in the handbook and in docs (but for the formats) is one, has the flags it is
// shown with, and is run by a test: by a script, or by the test that is named for it.
func TestEveryCommandThatIsShownIsRun(t *testing.T) {
	root := (&program{}).command()
	ran := map[string]bool{}
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		b, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(b), "\n") {
			words := strings.Fields(line)
			for i, w := range words[:min(3, len(words))] {
				if w == "kua" {
					if cmd := asked(root, words[i+1:]); cmd != nil {
						ran[cmd.CommandPath()] = true
					}
				}
			}
		}
	}
	tests := ""
	names, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tests += string(b)
	}
	for command, test := range ranElsewhere {
		if !strings.Contains(tests, "func "+test+"(") {
			t.Errorf("%s is said to be run by %s, which is not there", command, test)
		}
		if ran[command] {
			t.Errorf("%s is run by a script: take it out of ranElsewhere", command)
		}
	}
	var all []shown
	for _, path := range texts(t) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, commandsIn(path, string(b))...)
	}
	missing := map[string]bool{}
	for _, s := range all {
		cmd := asked(root, s.args)
		if cmd == nil || cmd.HasSubCommands() && !cmd.Runnable() && len(s.args) > len(strings.Fields(cmd.CommandPath())) && !strings.HasPrefix(s.args[len(strings.Fields(cmd.CommandPath()))-1], "-") {
			t.Errorf("%s: there is no command as in %q", s.where, s.line)
			continue
		}
		for _, w := range s.args {
			name, flag := strings.CutPrefix(w, "--")
			name, _, _ = strings.Cut(name, "=")
			if flag && name != "" && name != "help" && cmd.Flags().Lookup(name) == nil && cmd.InheritedFlags().Lookup(name) == nil {
				t.Errorf("%s: %s has no flag --%s, as in %q", s.where, cmd.CommandPath(), name, s.line)
			}
		}
		if err := accepted(s.args); err != nil && !strings.Contains(s.line, "|") { // several alternatives name commands, and are no line to type
			t.Errorf("%s: the command refuses %q as it is shown: %v", s.where, s.line, err)
		}
		path := cmd.CommandPath()
		if cmd.HasSubCommands() && !cmd.Runnable() || path == "kua help" || strings.HasPrefix(path, "kua completion") || slices.Contains(s.args, "--help") {
			continue // it says what its subcommands are
		}
		if _, elsewhere := ranElsewhere[path]; !ran[path] && !elsewhere && !missing[path] {
			missing[path] = true
			t.Errorf("%s: no test runs %s, as in %q: write a script, or name the test in ranElsewhere", s.where, path, s.line)
		}
	}
	if len(all) < 60 {
		t.Fatalf("%d commands are shown: this test finds nothing", len(all))
	}
	t.Logf("%d commands are shown, %d are run by scripts", len(all), len(ran))
}

// texts are the texts that show commands to people; formats are for programs.
func texts(t *testing.T) []string {
	t.Helper()
	all := []string{filepath.Join("..", "..", "README.md")}
	for _, dir := range []string{"handbook", "docs"} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && filepath.Ext(path) == ".md" && !strings.Contains(path, "adr") && !strings.Contains(path, "spec") {
				all = append(all, path)
			}
			return err
		})
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return all
}
