// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
)

// twoLists invents n cases in two lists: a fifth of the second list's are people of
// the first, some written otherwise. The same n gives the same people.
func twoLists(n int) (north, south []CaseImport) {
	rng := rand.New(rand.NewPCG(7, uint64(n))) //nolint:gosec // invented people
	part := func(parts ...string) string { return parts[rng.IntN(len(parts))] }
	type somebody struct{ family, given, patronymic, birth, region, day string }
	invent := func() somebody {
		root := part("Жан", "Бек", "Нұр", "Ер", "Ай", "Дос", "Тем", "Сер", "Мұр", "Ораз", "Қай", "Сат")
		return somebody{
			family:     root + part("жан", "бай", "мұрат", "ғали", "хан", "тай", "лан", "тас") + part("ов", "ев", "ин"),
			given:      part("Ер", "Нұр", "Бау", "Да", "Мар", "Ас", "Қа", "Тем") + part("лан", "бол", "жан", "мен", "сат", "рат", "ир"),
			patronymic: part("Сейт", "Жұма", "Ораз", "Бек") + part("қали", "бай", "мұрат") + "ұлы",
			birth:      fmt.Sprintf("%d-%02d-%02d", 1950+rng.IntN(55), 1+rng.IntN(12), 1+rng.IntN(28)),
			region:     part("KZ-75", "KZ-79", "KZ-10", "KZ-63", "KZ-33"),
			day:        fmt.Sprintf("2022-01-%02d", 4+rng.IntN(8)),
		}
	}
	build := func(key string, w somebody) CaseImport {
		return CaseImport{Key: key, Records: func(id string) []Put {
			person := casefile.Fields{"role": {"victim"}, "family": {w.family}, "given": {w.given}, "sex": {"m"}}
			act := casefile.Fields{"region": {w.region}}
			for f, v := range map[string]string{"patronymic": w.patronymic, "birth": w.birth} {
				if v != "" {
					person[f] = []string{v}
				}
			}
			if w.day != "" {
				act["date"] = []string{w.day}
			}
			return []Put{
				{Record: id, Kind: "case", Fields: casefile.Fields{}},
				{Record: ledger.NewID().String(), Kind: "report", Fields: casefile.Fields{"received": {"2022-01-12"}, "region": {w.region}}},
				{Record: ledger.NewID().String(), Kind: "person", Fields: person},
				{Record: ledger.NewID().String(), Kind: "act", Fields: act},
			}
		}}
	}
	var people []somebody
	for i := range n / 2 {
		people = append(people, invent())
		north = append(north, build(fmt.Sprintf("N-%d", i), people[i]))
	}
	for i := range n - n/2 {
		w := invent()
		if i%5 == 0 {
			w = people[i]
			switch i % 20 {
			case 5:
				w.family = strings.Replace(w.family, "ұ", "у", 1) + "а"
			case 10:
				w.birth = w.birth[:4]
				w.patronymic = ""
			case 15:
				w.birth, w.day, w.region = "", "", "KZ-11"
			}
		}
		south = append(south, build(fmt.Sprintf("S-%d", i), w))
	}
	return north, south
}

// twice is a house with two such lists in it.
func twice(t *testing.T, n int) *house {
	t.Helper()
	h := newHouse(t)
	north, south := twoLists(n)
	for name, list := range map[string][]CaseImport{"North": north, "South": south} {
		if _, err := h.Import(context.Background(), h.session, h.orgs[name], "list: people.csv", list, nil); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func (h *house) queueOf(q MatchQuery) MatchList {
	h.t.Helper()
	if q.Limit == 0 {
		q.Limit = 1000
	}
	list, err := h.Matches(context.Background(), h.session, q)
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

// TestMatchesGoesThroughTheQueue: every open pair comes once, the likeliest
// first; what is decided leaves the queue, what is taken back is in it again, and
// the cases are not compared anew for either.
func TestMatchesGoesThroughTheQueue(t *testing.T) {
	h := twice(t, 160)
	ctx := context.Background()
	list := h.queueOf(MatchQuery{})
	if list.Open < 3 || list.Sure < 10 || list.Open != list.Found || len(list.Rows) != list.Open {
		t.Fatalf("%d open, %d sure, %d found, %d shown", list.Open, list.Sure, list.Found, len(list.Rows))
	}
	if !slices.IsSortedFunc(list.Rows, func(a, b MatchRow) int { return int(1e9 * (b.Probability - a.Probability)) }) {
		t.Error("the likeliest are not first")
	}
	sum := 0
	for _, between := range list.Between {
		sum += between.Pairs
		if some := h.queueOf(MatchQuery{Between: between.ID}); some.Found != between.Pairs || some.Open != list.Open {
			t.Errorf("between %v: %d of %d", between.Names, some.Found, between.Pairs)
		}
	}
	if sum != list.Open {
		t.Errorf("%d pairs between organisations, %d open", sum, list.Open)
	}
	made := h.matching.made[len(h.matching.made)-1]
	pair := [2]string{list.Rows[0].A.ID, list.Rows[0].B.ID}
	var walked int
	for at := pair; at != [2]string{}; walked++ {
		view, err := h.Match(ctx, h.session, at[0], at[1], "")
		if err != nil {
			t.Fatal(err)
		}
		if !view.Proposed || view.Sure || view.Decision != nil || view.Probability != list.Rows[walked].Probability || view.Open != list.Open {
			t.Errorf("pair %d: %+v", walked, view)
		}
		at = view.Next
	}
	if walked != list.Open {
		t.Errorf("%d pairs one after the other, %d open", walked, list.Open)
	}
	id, err := h.Decide(ctx, h.session, Decision{A: pair[0], B: pair[1], Verdict: Different, Reason: "brothers"})
	if err != nil {
		t.Fatal(err)
	}
	after := h.queueOf(MatchQuery{})
	if after.Open != list.Open-1 || after.Decided != 1 {
		t.Errorf("after a decision: %d open, %d decided", after.Open, after.Decided)
	}
	view, err := h.Match(ctx, h.session, pair[1], pair[0], "") // the other way round is the same pair
	if err != nil || view.Decision == nil || view.Decision.Reason != "brothers" || view.Decision.Who != "aigerim" || view.Decision.Program || view.Next != [2]string{list.Rows[1].A.ID, list.Rows[1].B.ID} {
		t.Errorf("a decided pair: %+v, next %v: %v", view.Decision, view.Next, err)
	}
	if decided := h.queueOf(MatchQuery{Show: MatchDecided}); len(decided.Rows) != 1 || decided.Rows[0].Decision.ID != id || decided.Rows[0].Decision.At.IsZero() {
		t.Errorf("the list of decisions: %+v", decided.Rows)
	}
	if err := h.Undo(ctx, h.session, id, ""); err != nil {
		t.Fatal(err)
	}
	if again := h.queueOf(MatchQuery{}); again.Open != list.Open || again.Decided != 0 {
		t.Errorf("after it was taken back: %d open, %d decided", again.Open, again.Decided)
	}
	if h.matching.made[len(h.matching.made)-1] != made {
		t.Error("all cases were compared anew because of a decision")
	}
	if _, err := h.Matches(ctx, h.session, MatchQuery{Show: "other"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("another part: %v", err)
	}
}

// TestMatchesKnowsOfNewCases: a case that was written, and one that was erased,
// are compared anew; what was erased is not kept.
func TestMatchesKnowsOfNewCases(t *testing.T) {
	h := twice(t, 60)
	ctx := context.Background()
	before := h.queueOf(MatchQuery{Show: MatchSure})
	gone := before.Rows[0]
	north, _ := twoLists(60)
	again := north[2]
	again.Key = "N-again"
	if _, err := h.Import(ctx, h.session, h.orgs["South"], "list: more.csv", []CaseImport{again}, nil); err != nil {
		t.Fatal(err)
	}
	if after := h.queueOf(MatchQuery{Show: MatchSure}); after.Sure != before.Sure+1 {
		t.Errorf("%d pairs are sure, %d were", after.Sure, before.Sure)
	}
	found, err := h.Propose(ctx, h.session)
	if err != nil {
		t.Fatal(err)
	}
	org := gone.A.Org
	h.join("eraser", map[string]string{h.orgs["North"]: "North", h.orgs["South"]: "South"}[org], access.Coordinator)
	if err := h.Erase(ctx, h.people["eraser"], gone.A.ID, Erasure{Whole: true, Why: "wish", Reason: "asked"}); err != nil {
		t.Fatal(err)
	}
	if len(h.matching.made) != 0 {
		t.Error("what was made of an erased case is kept")
	}
	if _, err := h.Match(ctx, h.session, gone.A.ID, gone.B.ID, ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("a pair of which one was erased: %v", err)
	}
	if _, err := h.Decide(ctx, h.session, Decision{A: gone.A.ID, B: gone.B.ID, Verdict: Same}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a decision about a case that was erased: %v", err)
	}
	if _, err := h.Apply(ctx, h.session, found); !errors.Is(err, ErrNotFound) {
		t.Errorf("proposals of before the erasure are decided: %v", err)
	}
}

// TestDecisionsDoNotContradict: two members decide at once, and what others
// decided stands against what follows from it.
func TestDecisionsDoNotContradict(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	h.join("bolat", "South", access.Coordinator)
	decide := func(who string, a, b int, v Verdict) error {
		_, err := h.Decide(ctx, h.people[who], Decision{A: h.cases[a], B: h.cases[b], Verdict: v})
		return err
	}
	for _, err := range []error{decide("aigerim", 1, 3, Same), decide("aigerim", 4, 1, Different)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, again := range []Verdict{Same, Different} {
		var decided *DecidedError
		if err := decide("bolat", 3, 1, again); !errors.As(err, &decided) || decided.Decision.Verdict != Same || decided.Decision.Who != "aigerim" {
			t.Errorf("a pair is decided twice: %v", err)
		}
	}
	if err := decide("bolat", 3, 4, Same); !errors.Is(err, ErrApart) {
		t.Errorf("what was decided to be different is put together: %v", err)
	}
	view, err := h.Match(ctx, h.session, h.cases[3], h.cases[4], "")
	if err != nil || !view.Apart || view.Sure || len(view.A.With)+len(view.B.With) != 1 || len(view.A.Decisions)+len(view.B.Decisions) != 2 {
		t.Errorf("a pair that decisions keep apart: %+v %v", view, err)
	}
	if err := decide("bolat", 3, 5, Same); err != nil {
		t.Fatal(err)
	}
	if err := decide("bolat", 1, 5, Different); !errors.Is(err, ErrTogether) {
		t.Errorf("what decisions put together is decided to be different: %v", err)
	}
	if err := decide("bolat", 1, 1, Same); !errors.Is(err, ErrItself) {
		t.Errorf("a case and itself: %v", err)
	}
	if err := decide("asel", 0, 1, Same); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a case worker decides: %v", err)
	}
	found := Proposals{Proposals: []Proposal{
		{A: Row{ID: h.cases[1]}, B: Row{ID: h.cases[3]}, Sure: true}, // decided meanwhile
		{A: Row{ID: h.cases[4]}, B: Row{ID: h.cases[5]}, Sure: true}, // contradicted meanwhile
		{A: Row{ID: h.cases[2]}, B: Row{ID: h.cases[5]}, Sure: true},
	}}
	if n, err := h.Apply(ctx, h.session, found); n != 1 || err != nil {
		t.Errorf("%d of the sure ones are decided: %v", n, err)
	}
}

// TestMatchShowsWhatIsOpenRegression: a coordinator to whom two cases are not
// open whole sees how alike they are, and nothing that could name anybody.
func TestMatchShowsWhatIsOpenRegression(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	h.join("bolat", "Apart", access.Coordinator, access.CaseWorker)
	bolat := h.people["bolat"]
	values := []string{"Омаров", "Болат", "B-01", planted[0], planted[1], planted[3], planted[7]}
	said := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	view, err := h.Match(ctx, bolat, h.cases[1], h.cases[3], "")
	if err != nil {
		t.Fatal(err)
	}
	if view.Values || len(view.Fields) == 0 || len(view.A.Values["region"]) == 0 || view.A.Row.Number == "" {
		t.Errorf("how alike two cases are, and their facts: %+v", view)
	}
	list, err := h.Matches(ctx, bolat, MatchQuery{})
	if err != nil || list.Open+list.Sure == 0 {
		t.Fatal(list, err)
	}
	for _, v := range values {
		if strings.Contains(said(view)+said(list), v) {
			t.Errorf("%q is shown to whoever may not read it", v)
		}
	}
	// One side open: what is known of it and "the same" would tell the other.
	h.grant("asel", h.cases[1], bolat.Member.ID, access.Identity, "")
	if view, err = h.Match(ctx, bolat, h.cases[1], h.cases[3], ""); err != nil || view.Values || len(view.A.Values["family"])+len(view.B.Values["family"]) > 0 {
		t.Errorf("one of two is open: %v %v", view.A.Values, err)
	}
	for _, who := range []string{"asel", "olga", "timur", "dana", "zhanna", "rustem"} {
		if _, err := h.Match(ctx, h.people[who], h.cases[1], h.cases[3], ""); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s sees a pair: %v", who, err)
		}
		if _, err := h.Matches(ctx, h.people[who], MatchQuery{}); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s sees the queue: %v", who, err)
		}
	}
	// A restricted case is in no pair, no decision, no count.
	if err := h.Restrict(ctx, h.people["madina"], h.cases[3], true); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Match(ctx, bolat, h.cases[1], h.cases[3], ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("a pair with a restricted case: %v", err)
	}
	if list, err = h.Matches(ctx, bolat, MatchQuery{}); err != nil || strings.Contains(said(list), h.cases[3]) {
		t.Errorf("the queue names a restricted case: %v", err)
	}
}

// TestMatchTellsWeakBridges: who else would be joined is told where they are hardly alike.
func TestMatchTellsWeakBridges(t *testing.T) {
	h := twice(t, 60)
	ctx := context.Background()
	sure := h.queueOf(MatchQuery{Show: MatchSure})
	one, other := sure.Rows[0], sure.Rows[1]
	if _, err := h.Decide(ctx, h.session, Decision{A: other.A.ID, B: other.B.ID, Verdict: Same}); err != nil {
		t.Fatal(err)
	}
	view, err := h.Match(ctx, h.session, one.A.ID, other.A.ID, "")
	if err != nil || view.Proposed || len(view.Weak) != 1 || view.Weak[0].B.ID != other.B.ID && view.Weak[0].A.ID != other.B.ID {
		t.Errorf("%+v %v", view.Weak, err)
	}
	if view, err = h.Match(ctx, h.session, other.A.ID, other.B.ID, ""); err != nil || len(view.Weak) != 0 || !view.Together {
		t.Errorf("what is together already: %+v %v", view.Weak, err)
	}
}

// BenchmarkMatches goes through the queue of 10,000 cases: the first page, for
// which they are compared, a pair, and a decision with the pair after it.
func BenchmarkMatches(b *testing.B) {
	ctx := context.Background()
	c := &clock{time.Date(2022, 6, 24, 9, 0, 0, 0, time.UTC)}
	reg, s, err := Create(ctx, filepath.Join(b.TempDir(), "r"), FirstMember{Name: "aigerim", Lang: "kk", Passphrase: testPassphrase}, testOptions(c))
	if err != nil {
		b.Fatal(err)
	}
	defer reg.Close()
	north, south := twoLists(10_000)
	for name, list := range map[string][]CaseImport{"North": north, "South": south} {
		org, err := reg.AddOrganisation(ctx, s, NewOrganisation{Name: name, Counts: true})
		if err != nil {
			b.Fatal(err)
		}
		for some := range slices.Chunk(list, 1000) {
			if _, err := reg.Import(ctx, s, org.ID, "list: people.csv", some, nil); err != nil {
				b.Fatal(err)
			}
		}
	}
	var list MatchList
	get := func(b *testing.B) {
		if list, err = reg.Matches(ctx, s, MatchQuery{}); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			reg.matching.forget()
			get(b)
		}
	})
	b.Logf("10,000 cases: %d pairs open, %d sure", list.Open, list.Sure)
	b.Run("queue", func(b *testing.B) {
		for b.Loop() {
			get(b)
		}
	})
	b.Run("pair", func(b *testing.B) {
		for b.Loop() {
			if _, err := reg.Match(ctx, s, list.Rows[0].A.ID, list.Rows[0].B.ID, ""); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decision", func(b *testing.B) {
		for b.Loop() {
			id, err := reg.Decide(ctx, s, Decision{A: list.Rows[0].A.ID, B: list.Rows[0].B.ID, Verdict: Different})
			if err != nil {
				b.Fatal(err)
			}
			view, err := reg.Match(ctx, s, list.Rows[0].A.ID, list.Rows[0].B.ID, "")
			if err != nil || view.Decision == nil {
				b.Fatal(err)
			}
			b.StopTimer()
			if err := reg.Undo(ctx, s, id, ""); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
}
