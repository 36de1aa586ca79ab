// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// acceptance is where the material lies that says what must come out of the
// sample. It is not part of the repository.
const acceptance = "../../../shared/acceptance/january-2022"

func needsAcceptance(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(acceptance); err != nil {
		t.Skipf("the acceptance material is not here (%s): what must come out of the sample is not compared", acceptance)
	}
}

// answer runs the program and reads its JSON.
func answer(t *testing.T, into any, args ...string) {
	t.Helper()
	var out, stderr bytes.Buffer
	p := &program{now: func() time.Time { return today }, stretch: quick(), rulebook: rulebook}
	if code := p.run(context.Background(), args, nil, &out, &stderr); code != exitDone {
		t.Fatalf("kua %v: exit %d: %s", args, code, stderr.String())
	}
	if err := json.Unmarshal(out.Bytes(), into); err != nil {
		t.Fatalf("kua %v: %v in %s", args, err, out.String())
	}
}

// TestSampleAgainstTruth holds the sample register against what must be
// counted at three cut-off days, and against who is the same person.
func TestSampleAgainstTruth(t *testing.T) {
	needsAcceptance(t)
	dir := filepath.Join(t.TempDir(), "register")
	var made map[string]any
	answer(t, &made, "demo", dir, "--no-serve", "--json")
	open := []string{"--registry", dir, "--passphrase-file", filepath.Join(dir, demoPassphraseFile), "--json"}

	t.Run("figures", func(t *testing.T) {
		text, err := os.ReadFile(filepath.Join(acceptance, "truth-figures.json"))
		if err != nil {
			t.Fatal(err)
		}
		var truth map[string]json.RawMessage
		if err := json.Unmarshal(text, &truth); err != nil {
			t.Fatal(err)
		}
		days, compared := 0, 0
		for day, raw := range truth {
			var figures map[string]int
			if json.Unmarshal(raw, &figures) != nil {
				continue // the totals, not a day
			}
			days++
			var got figuresAnswer
			answer(t, &got, append([]string{"figures", "--as-of", day}, open...)...)
			for id, want := range figures {
				f, ok := got.Figures[id]
				if !ok {
					t.Errorf("%s: there is no figure %s", day, id)
					continue
				}
				compared++
				if f.Value != want {
					t.Errorf("%s: %s is %d, must be %d", day, id, f.Value, want)
				}
			}
		}
		if days != 3 {
			t.Errorf("%d cut-off days were compared, not 3", days)
		}
		t.Logf("%d figures agree at %d cut-off days", compared, days)
	})

	t.Run("clusters", func(t *testing.T) {
		f, err := os.Open(filepath.Join(acceptance, "truth-clusters.csv"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rows, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]string{"northern-bureau": "Northern Bureau", "legal-aid": "Legal Aid", "detention-watch": "Detention Watch", "family-line": "Family Line"}
		truth := map[[2]string]string{}
		for _, row := range rows[1:] {
			truth[[2]string{names[row[0]], row[1]}] = row[2]
		}
		var got struct{ Cases []caseRow }
		answer(t, &got, append([]string{"case", "list"}, open...)...)
		type pair struct{ a, b [2]string }
		var cases [][2]string
		cluster := map[[2]string]string{}
		for _, c := range got.Cases {
			key := [2]string{c.Org, c.ExternalID}
			if _, ok := truth[key]; ok {
				cases = append(cases, key)
				cluster[key] = c.Cluster
			}
		}
		if len(cases) != len(truth) {
			t.Fatalf("%d of the %d rows are in the register", len(cases), len(truth))
		}
		var both, only, missed int
		for i, a := range cases {
			for _, b := range cases[i+1:] {
				is, must := cluster[a] == cluster[b], truth[a] == truth[b]
				switch {
				case is && must:
					both++
				case is:
					only++
					t.Errorf("joined and are different people: %v", pair{a, b})
				case must:
					missed++
					t.Errorf("the same person and not joined: %v", pair{a, b})
				}
			}
		}
		t.Logf("%d pairs are the same person; %d found, %d wrongly joined, %d missed", both+missed, both, only, missed)
	})
}
