// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// ofOrg shows the cases of the people of one organisation of the tests.
func ofOrg(org string) See {
	return func(c string) Sight {
		if (c == id('c', 1) || c == id('c', 2)) == (org == id('o', 1)) {
			return All
		}
		return Nothing
	}
}

// TestSee holds what a reader learns of cases they may not read, or of which
// they may read the facts alone.
func TestSee(t *testing.T) {
	ctx := context.Background()
	l := theLaw(t)
	ix, w := l.empty(t), newTeller()
	people(w)
	w.now = w.now.Add(time.Hour)
	w.match(1, id('c', 1), id('c', 4), "same")
	w.apply(t, ix)
	clock := Clock{AsOf: day(t, "2022-07-01")}
	facts := func(cases ...int) See {
		return func(c string) Sight {
			for _, n := range cases {
				if c == id('c', n) {
					return Facts
				}
			}
			return Nothing
		}
	}
	cases := func(text string, see See) Page {
		t.Helper()
		page, err := ix.Cases(ctx, Query{Text: text, Clock: clock, See: see})
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	t.Run("identity words find nothing among facts", func(t *testing.T) {
		see := facts(1, 2, 3, 4)
		for _, text := range []string{"Жүнісов", "Zhunusov", "Жунмсов", "пытках", "A-001", "a001", "17/22", "Ким", "машине", "lawyer", "22-7510-0031-000123"} {
			if page := cases(text, see); page.Total != 0 || len(page.Rows) != 0 {
				t.Errorf("%q finds %s", text, numbers(page))
			}
		}
		for text, want := range map[string]string{"K-0001": "K-0001", "Алматы": "K-0001 K-0002 K-0009"} {
			page := cases(text, see)
			for _, number := range strings.Fields(want) {
				if !strings.Contains(numbers(page), number) {
					t.Errorf("%q finds %s among the facts, want %s", text, numbers(page), want)
				}
			}
		}
		for _, row := range cases("", see).Rows {
			if row.Name != "" || row.ExternalID != "" {
				t.Errorf("a row of facts has %q %q", row.Name, row.ExternalID)
			}
		}
	})
	t.Run("what is not seen changes nothing", func(t *testing.T) {
		// The same register without the cases of the other organisation.
		alone, story := l.empty(t), newTeller()
		people(story)
		story.acts = story.acts[:len(story.acts)-2]
		story.apply(t, alone)
		for _, text := range []string{"", "Zhunusov", "Жунусова", "Жунмсов", "Kim", "Ким", "Жумусов", "K-0009", "same man", "пытках", "Алматы"} {
			got := cases(text, ofOrg(id('o', 1)))
			want, err := alone.Cases(ctx, Query{Text: text, Clock: clock})
			if err != nil {
				t.Fatal(err)
			}
			if numbers(got) != numbers(want) || got.Total != want.Total || !reflect.DeepEqual(got.Facets, want.Facets) {
				t.Errorf("%q finds %s of %d, and %s of %d where the others are not there", text, numbers(got), got.Total, numbers(want), want.Total)
			}
			for i := range got.Rows {
				got.Rows[i].Updated, want.Rows[i].Updated = time.Time{}, time.Time{}
				if fmt.Sprint(got.Rows[i]) != fmt.Sprint(want.Rows[i]) {
					t.Errorf("the row %+v is %+v where the others are not there", got.Rows[i], want.Rows[i])
				}
			}
		}
	})
	t.Run("a row", func(t *testing.T) {
		see := func(c string) Sight {
			if c == id('c', 4) {
				return All
			}
			return Nothing
		}
		row, err := ix.Row(ctx, id('c', 4), clock, see)
		if err != nil || row.Others != 0 || row.Cluster != id('c', 4) {
			t.Errorf("the row tells of a case that is not seen: %+v %v", row, err)
		}
		if _, err := ix.Row(ctx, id('c', 1), clock, see); !errors.Is(err, ErrNotFound) {
			t.Errorf("a case not seen is %v", err)
		}
		if counted, err := ix.Standing(ctx, clock, false, see, 12); err != nil || counted.Rules["t_no_exam"] != 1 {
			t.Errorf("rules count %v %v", counted, err)
		}
		if stats, err := ix.Stats(ctx, time.Time{}, see); err != nil || stats.Cases != 1 || stats.Units != 1 || len(stats.ByOrg) != 1 {
			t.Errorf("the index holds %+v %v", stats, err)
		}
	})
}

// TestRestrictedCount holds that a restricted case counts in the coalition and
// not in the figures of its organisation, from the moment it is restricted.
func TestRestrictedCount(t *testing.T) {
	ctx := context.Background()
	ix, w := theLaw(t).empty(t), newTeller()
	people(w)
	before := w.now
	w.now = w.now.Add(time.Hour)
	w.act(id('c', 2), rec{id('c', 2), "case", fields("org", id('o', 1), "number", "K-0002", "opened", "2022-01-13", "restricted", "yes")})
	w.apply(t, ix)
	for _, tt := range []struct {
		scope   string
		knownBy time.Time
		want    int
	}{{Coalition, time.Time{}, 4}, {id('o', 1), time.Time{}, 1}, {id('o', 1), before, 2}, {id('o', 2), time.Time{}, 2}} {
		values, err := ix.Figures(ctx, Clock{AsOf: day(t, "2022-07-01"), KnownBy: tt.knownBy}, tt.scope, false, []string{"t_reports"})
		if err != nil || values[0].Value != tt.want {
			t.Errorf("%s counts %v %v, want %d", tt.scope, values, err, tt.want)
		}
	}
}
