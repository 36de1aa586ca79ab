// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import (
	"context"
	"testing"
)

// findAndJudge links with rules that are found.
func findAndJudge(t *testing.T, records []Record, truth map[string]string, cfg Config) (quality, *Found) {
	t.Helper()
	cfg.Blocks, cfg.FindBlocks = nil, true
	found, err := tableOf(t, records, cfg).Link(context.Background(), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	clusters := map[int][]string{}
	for i, r := range records {
		clusters[found.Cluster(i)] = append(clusters[found.Cluster(i)], r.ID)
	}
	var all [][]string
	for _, c := range clusters {
		all = append(all, c)
	}
	q := judge(all, truth)
	t.Logf("%d rows, %d pairs compared: %v; reach %.4f, missed %+v", len(records), found.Compared, q, found.Reach, found.Missed)
	for _, b := range found.Blocks {
		t.Logf("  %+v", b)
	}
	return q, found
}

// Rules that are found reach what rules that were thought out reach.
func TestRulesAreFound(t *testing.T) {
	records, truth := invented(8400, 7)
	if q, f := findAndJudge(t, records, truth, CaseConfig()); q.recall() < 0.98 || q.precision() < 0.999 || f.Compared > 60*len(records) || f.Reach < 0.98 {
		t.Errorf("%v for %d pairs", q, f.Compared)
	}
}

func TestRulesAreFoundForPublicSets(t *testing.T) {
	records, truth := febrl(t, "febrl3.csv", "")
	if q, _ := findAndJudge(t, records, truth, febrlConfig()); q.f1() < 0.999 {
		t.Errorf("FEBRL 3: %v", q)
	}
	a, truth := febrl(t, "febrl4a.csv", "a:")
	b, more := febrl(t, "febrl4b.csv", "b:")
	for id, p := range more {
		truth[id] = p
	}
	cfg := febrlConfig()
	cfg.AcrossOnly, cfg.OnePerList = true, true
	if q, _ := findAndJudge(t, append(a, b...), truth, cfg); q.f1() < 0.999 {
		t.Errorf("FEBRL 4: %v", q)
	}
}
