// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/kua-registry/kua/internal/statement"
)

// TestStatementAgainstTruth rebuilds the statement of 24 June 2022 in three
// languages from the sample register and the outside figures, and holds every
// figure of it against the acceptance material.
func TestStatementAgainstTruth(t *testing.T) {
	text, err := os.ReadFile("../../../shared/acceptance/statement-2022-06-24.yaml")
	if err != nil {
		t.Skipf("the acceptance material is not here: the figures of the statement are not compared (%v)", err)
	}
	var truth struct {
		AsOf      string                         `yaml:"as_of"`
		Coalition map[string]struct{ Value int } `yaml:"coalition"`
		Official  []struct {
			Date  string
			Value int
		} `yaml:"official"`
		Reported []struct {
			Date  string
			Value int
		} `yaml:"reported"`
	}
	if err := yaml.Unmarshal(text, &truth); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "register")
	var made map[string]any
	answer(t, &made, "demo", dir, "--no-serve", "--json")
	open := []string{"--registry", dir, "--passphrase-file", filepath.Join(dir, demoPassphraseFile), "--json"}
	var listed struct{ Statements []statementRow }
	answer(t, &listed, append([]string{"statement", "list"}, open...)...)
	if len(listed.Statements) != 1 {
		t.Fatalf("%d statements in the sample register", len(listed.Statements))
	}
	kept := listed.Statements[0]
	out := filepath.Join(t.TempDir(), "published")
	var done map[string]any
	answer(t, &done, append([]string{"statement", "publish", kept.ID, "--accept", "What the authorities did.", "--out", out}, open...)...)
	signed, err := os.ReadFile(filepath.Join(out, "manifest.txt"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := statement.Peek(signed)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Texts) != 3 {
		t.Errorf("%d languages", len(m.Texts))
	}
	found := map[string]int{}
	for _, f := range m.Figures {
		if f.AsOf != truth.AsOf {
			t.Errorf("%s is as of %s", f.Figure, f.AsOf)
		}
		found[f.Figure] = f.Value
	}
	for figure, want := range truth.Coalition {
		if got, ok := found[figure]; !ok || got != want.Value {
			t.Errorf("%s: %d (%v), must be %d", figure, got, ok, want.Value)
		}
	}
	cited := map[string]int{} // date and value, as often as cited
	for _, o := range m.Outside {
		cited[o.Date+" "+o.Value]++
	}
	for _, list := range [][]struct {
		Date  string
		Value int
	}{truth.Official, truth.Reported} {
		for _, o := range list {
			key := o.Date + " " + strconv.Itoa(o.Value)
			if cited[key]--; cited[key] < 0 {
				t.Errorf("the figure %s of others is not in the statement", key)
			}
		}
	}
	for key, n := range cited {
		if n > 0 {
			t.Errorf("the statement cites %s, which the source does not have", key)
		}
	}
	var verdict verdictAnswer
	answer(t, &verdict, append([]string{"statement", "verify", filepath.Join(out, "manifest.txt")}, open...)...)
	if !verdict.Holds || len(verdict.Figures) != len(m.Figures) {
		t.Errorf("%+v", verdict)
	}
	for _, f := range verdict.Figures {
		if f.State != "same" || f.Then != f.Published {
			t.Errorf("%+v", f)
		}
	}
}
