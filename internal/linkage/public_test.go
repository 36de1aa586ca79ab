// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/linkage/linkagetest"
)

// The public sets know their truth; floors are what is reached, so that a change that costs quality is seen.

func linkAndJudge(t *testing.T, records []Record, truth map[string]string, cfg Config, floor float64) {
	t.Helper()
	start := time.Now()
	res, err := Link(context.Background(), records, cfg)
	if err != nil {
		t.Fatal(err)
	}
	q := judge(res.Clusters, truth)
	t.Logf("%d rows, %d clusters in %v: %v", len(records), len(res.Clusters), time.Since(start).Round(time.Millisecond), q)
	for _, p := range res.Pairs {
		if (truth[p.A] == truth[p.B]) != p.Accepted {
			t.Logf("wrong: %s", show(p))
		}
	}
	if q.f1() < floor {
		t.Errorf("F1 %.4f, it was at least %v", q.f1(), floor)
	}
}

func isoDate(digits string) string {
	if len(digits) == 8 {
		return digits[:4] + "-" + digits[4:6] + "-" + digits[6:]
	}
	return digits
}

func TestRLdata500(t *testing.T) {
	var records []Record
	truth := map[string]string{}
	pad := func(s string) string {
		if len(s) == 1 {
			return "0" + s
		}
		return s
	}
	for _, r := range linkagetest.CSV(t, linkagetest.Material(t, "linkage/rldata500.csv"), ',', false) {
		records = append(records, Record{ID: r["id"], Fields: map[string][]string{
			"given": {r["fname_c1"]}, "given2": {r["fname_c2"]}, "family": {r["lname_c1"]}, "family2": {r["lname_c2"]},
			"birth": {r["by"] + "-" + pad(r["bm"]) + "-" + pad(r["bd"])},
		}})
		truth[r["id"]] = r["cluster"]
	}
	cfg := Config{
		Accept: 0.5,
		Fields: []Field{{ID: "given", Compare: Text}, {ID: "given2", Compare: Text}, {ID: "family", Compare: Text}, {ID: "family2", Compare: Text}, {ID: "birth", Compare: Birth}},
		Blocks: []Block{
			{ID: "birth", Keys: []Key{{"birth", Whole}}},
			{ID: "names", Keys: []Key{{"given", Whole}, {"family", Whole}}},
			{ID: "year, family", Keys: []Key{{"birth", Year}, {"family", First3}}},
			{ID: "year, given", Keys: []Key{{"birth", Year}, {"given", First3}}},
			{ID: "family", Keys: []Key{{"family", Sounds}}},
			{ID: "given", Keys: []Key{{"given", Sounds}}},
		},
	}
	linkAndJudge(t, records, truth, cfg, 0.985)
}

func febrl(t *testing.T, file, list string) ([]Record, map[string]string) {
	var records []Record
	truth := map[string]string{}
	for _, r := range linkagetest.CSV(t, linkagetest.Material(t, "linkage/"+file), ',', false) {
		id := list + r["rec_id"]
		fields := map[string][]string{}
		for _, f := range []string{"given_name", "surname", "street_number", "address_1", "address_2", "suburb", "postcode", "state", "soc_sec_id"} {
			fields[f] = []string{r[f]}
		}
		fields["birth"] = []string{isoDate(r["date_of_birth"])}
		records = append(records, Record{ID: id, List: list, Fields: fields})
		truth[id] = strings.Split(r["rec_id"], "-")[1]
	}
	return records, truth
}

func febrlConfig() Config {
	return Config{
		Accept: 0.5,
		Fields: []Field{
			{ID: "given_name", Compare: Text}, {ID: "surname", Compare: Text}, {ID: "street_number", Compare: Exact}, {ID: "address_1", Compare: Text},
			{ID: "address_2", Compare: Text}, {ID: "suburb", Compare: Text}, {ID: "postcode", Compare: Text}, {ID: "state", Compare: Exact},
			{ID: "birth", Compare: Birth}, {ID: "soc_sec_id", Compare: Identifier},
		},
		Blocks: []Block{
			{ID: "soc_sec_id", Keys: []Key{{"soc_sec_id", Whole}}},
			{ID: "birth", Keys: []Key{{"birth", Whole}}},
			{ID: "names", Keys: []Key{{"given_name", First3}, {"surname", First3}}},
			{ID: "address", Keys: []Key{{"postcode", Whole}, {"street_number", Whole}}},
			{ID: "street", Keys: []Key{{"address_1", Whole}, {"street_number", Whole}}},
			{ID: "surname and postcode", Keys: []Key{{"surname", First3}, {"postcode", Whole}}},
			{ID: "given name and year", Keys: []Key{{"given_name", First3}, {"birth", Year}}},
		},
	}
}

func TestFEBRL3(t *testing.T) {
	records, truth := febrl(t, "febrl3.csv", "")
	linkAndJudge(t, records, truth, febrlConfig(), 0.999)
}

func TestFEBRL4(t *testing.T) {
	a, truth := febrl(t, "febrl4a.csv", "a:")
	b, more := febrl(t, "febrl4b.csv", "b:")
	for id, p := range more {
		truth[id] = p
	}
	cfg := febrlConfig()
	cfg.AcrossOnly, cfg.OnePerList = true, true
	linkAndJudge(t, append(a, b...), truth, cfg, 0.999)
}
