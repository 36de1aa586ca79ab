// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// invented makes rows about people nobody has met: n people, of whom every
// fifth is listed by a second member too, in another script, without the
// patronymic or with a slip. It returns who is who.
func invented(n int, seed uint64) ([]Record, map[string]string) {
	rng := rand.New(rand.NewPCG(seed, 1))
	pick := func(s []string) string { return s[rng.IntN(len(s))] }
	heads := strings.Fields("Абди Алим Байжан Бекен Досжан Ермек Ерғали Жақсы Жұма Кенже Қожа Құрман Мырза Нұрма Нұрға Ора Өтен Сарсен Сейіт Сүлей Тілеу Тоқта Төле Шайма Шоқ Ыбы")
	tails := strings.Fields("баев беков галиев канов маганов мухамедов насыров рахманов сеитов таев ханов шаров ырбаев")
	given := strings.Fields("Айбек Айдар Айдос Алмас Асхат Бауыржан Болат Данияр Дәурен Ерлан Ержан Жандос Жәнібек Қайрат Қанат Марат Мұрат Нұрлан Олжас Рүстем Самат Серік Талғат Тимур Үмбет Шыңғыс")
	latin := strings.NewReplacer("Ж", "Zh", "ж", "zh", "Х", "Kh", "х", "kh", "Ш", "Sh", "ш", "sh", "ы", "y", "і", "i", "и", "i", "й", "i", "А", "A", "а", "a", "ә", "a",
		"Б", "B", "б", "b", "в", "v", "г", "g", "ғ", "g", "Д", "D", "д", "d", "Е", "E", "е", "e", "К", "K", "к", "k", "Қ", "K", "қ", "k", "л", "l", "М", "M", "м", "m", "Н", "N", "н", "n",
		"ң", "ng", "О", "O", "о", "o", "Ө", "O", "ө", "o", "п", "p", "р", "r", "Р", "R", "С", "S", "с", "s", "Т", "T", "т", "t", "Ұ", "U", "ұ", "u", "Ү", "U", "ү", "u", "у", "u", "Ы", "Y", "Ғ", "G", "з", "z", "З", "Z", "я", "ya", "Я", "Ya", "Ә", "A")
	slip := func(s string) string {
		r := []rune(s)
		if len(r) < 6 {
			return s
		}
		k := 2 + rng.IntN(len(r)-5)
		r[k], r[k+1] = r[k+1], r[k]
		return string(r)
	}
	var out []Record
	truth := map[string]string{}
	for p := range n {
		f := map[string][]string{
			"family": {pick(heads) + pick(tails)}, "given": {pick(given)}, "patronymic": {pick(given) + "ұлы"},
			"birth":  {fmt.Sprintf("%d-%02d-%02d", 1955+rng.IntN(50), 1+rng.IntN(12), 1+rng.IntN(28))},
			"region": {fmt.Sprintf("KZ-%d", 10+rng.IntN(17))}, "incident": {fmt.Sprintf("2022-01-%02d", 2+rng.IntN(10))}, "sex": {"m"},
			"place_type": {pick([]string{"street", "ivs", "sizo", "police"})},
		}
		id := fmt.Sprintf("a%d", p)
		out = append(out, Record{ID: id, List: "a", Fields: f})
		truth[id] = id
		if p%5 != 0 {
			continue
		}
		g := map[string][]string{}
		for k, v := range f {
			g[k] = v
		}
		g["family"], g["given"] = []string{latin.Replace(f["family"][0])}, []string{latin.Replace(f["given"][0])}
		delete(g, "patronymic")
		switch rng.IntN(3) {
		case 0:
			g["birth"] = []string{f["birth"][0][:4]}
		case 1:
			g["family"] = []string{slip(g["family"][0])}
		}
		out = append(out, Record{ID: "b" + id, List: "b", Fields: g})
		truth["b"+id] = id
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out, truth
}

func link(t testing.TB, records []Record, cfg Config) Result {
	t.Helper()
	r, err := Link(context.Background(), records, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTenThousandRows(t *testing.T) {
	records, truth := invented(8400, 7)
	start := time.Now()
	r := link(t, records, CaseConfig())
	q := judge(r.Clusters, truth)
	t.Logf("%d rows in %v: %v", len(records), time.Since(start).Round(time.Millisecond), q)
	for _, w := range r.Warnings {
		t.Log(w)
	}
	if q.precision() < 0.999 || q.recall() < 0.98 {
		t.Errorf("%v", q)
	}
}

// Where blocks are split by further keys, agreement in those keys must not be
// taken for a sign of true pairs.
func TestSplitBlocksTeachNothingFalse(t *testing.T) {
	records, truth := invented(4000, 11)
	cfg := CaseConfig()
	cfg.MaxBlock = 40
	r := link(t, records, cfg)
	q := judge(r.Clusters, truth)
	t.Logf("%v; %d rules lost pairs", q, len(r.Warnings))
	if len(r.Warnings) == 0 || q.precision() < 0.999 || q.recall() < 0.97 {
		t.Errorf("%v, %v", q, r.Warnings)
	}
}

// Registers without any duplicate, small and large: namesakes there are, and nobody is joined.
func TestNobodyTwice(t *testing.T) {
	for _, n := range []int{5, 20, 100, 500, 2000} {
		for seed := range uint64(min(3, max(1, 1500/n))) {
			all, _ := invented(n, 20+seed)
			records := slices.DeleteFunc(all, func(r Record) bool { return r.List == "b" })
			for i := range records { // two lists, so that a list is no hint
				records[i].List = fmt.Sprint(i % 2)
			}
			r := link(t, records, CaseConfig())
			if len(r.Clusters) != len(records) {
				for _, p := range r.Pairs {
					if p.Accepted {
						t.Log(show(p))
					}
				}
				t.Errorf("%d people in %d clusters", len(records), len(r.Clusters))
			}
			if n >= 100 && len(r.Pairs) > n/20 {
				t.Errorf("%d people, %d pairs to look at", n, len(r.Pairs))
			}
		}
	}
}

// A small register with a few people twice.
func TestSmallRegisters(t *testing.T) {
	var sum quality
	for _, n := range []int{5, 10, 20, 40, 80} {
		for seed := range uint64(5) {
			records, truth := invented(n, 40+seed)
			q := judge(link(t, records, CaseConfig()).Clusters, truth)
			sum.tp, sum.fp, sum.fn = sum.tp+q.tp, sum.fp+q.fp, sum.fn+q.fn
		}
	}
	t.Logf("%v", sum)
	if sum.fp > 0 || sum.recall() < 0.98 {
		t.Errorf("%v", sum)
	}
}

func BenchmarkTenThousandRows(b *testing.B) {
	records, _ := invented(8400, 7)
	for b.Loop() {
		link(b, records, CaseConfig())
	}
}

func TestSameSeedSameResult(t *testing.T) {
	records, _ := invented(1500, 3)
	a, b := link(t, records, CaseConfig()), link(t, records, CaseConfig())
	if !reflect.DeepEqual(a, b) {
		t.Error("two runs over the same records differ")
	}
}

// TestWaterfallAddsUp: what a person is shown must be what decided.
func TestWaterfallAddsUp(t *testing.T) {
	records, _ := invented(600, 4)
	r := link(t, records, CaseConfig())
	if len(r.Pairs) == 0 {
		t.Fatal("no pairs")
	}
	for _, p := range r.Pairs {
		sum := 0.0
		for _, f := range p.Fields {
			sum += f.Weight
		}
		if math.Abs(sum-p.Weight) > 1e-9 || math.Abs(probability(sum)-p.Probability) > 1e-9 {
			t.Errorf("%s and %s: fields add up to %v, the weight is %v", p.A, p.B, sum, p.Weight)
		}
	}
}

func TestEveryLevelHasTexts(t *testing.T) {
	ladders := append(slices.Clone(personLadders), listLadder)
	for _, l := range comparers {
		ladders = append(ladders, l)
	}
	for _, l := range ladders {
		if len(l.codes) != len(l.m) || len(l.codes) != len(l.u) {
			t.Errorf("%s: %d levels, %d of m, %d of u", l.field, len(l.codes), len(l.m), len(l.u))
		}
		for _, c := range l.codes {
			if _, ok := levelTexts[c]; !ok {
				t.Errorf("level %s has no text", c)
			}
		}
	}
}

func person(id, list, family, given, birth string) Record {
	return Record{ID: id, List: list, Fields: map[string][]string{
		"family": {family}, "given": {given}, "birth": {birth}, "region": {"KZ-75"}, "incident": {"2022-01-05"}, "sex": {"m"},
	}}
}

// few adds three rows to a crowd, so that there is something to learn from.
func few(rows ...Record) []Record {
	records, _ := invented(300, 9)
	return append(records, rows...)
}

func clusterOf(r Result, id string) []string {
	for _, c := range r.Clusters {
		if slices.Contains(c, id) {
			return c
		}
	}
	return nil
}

func TestDecisionsBind(t *testing.T) {
	rows := few(person("x", "a", "Копбаев", "Сункар", "1971-03-02"), person("y", "b", "Көпбаев", "Сұңқар", "1971-03-02"), person("z", "c", "Kopbaev", "Sunkar", "1971-03-02"))
	if c := clusterOf(link(t, rows, CaseConfig()), "x"); len(c) != 3 {
		t.Fatalf("without decisions: %v", c)
	}
	cfg := CaseConfig()
	cfg.Decided = []Decision{{"x", "y", false}}
	r := link(t, rows, cfg)
	if c := clusterOf(r, "x"); slices.Contains(c, "y") {
		t.Errorf("decided to be different and in one cluster: %v", c)
	}
	for _, p := range r.Pairs {
		if p.A == "x" && p.B == "y" && (p.Probability != 0 || !p.Decided || p.Accepted) {
			t.Errorf("a decided pair is proposed again: %+v", p)
		}
	}
	cfg.Decided = []Decision{{"x", "a7", true}}
	if c := clusterOf(link(t, rows, cfg), "a7"); !slices.Contains(c, "x") {
		t.Errorf("decided to be the same and apart: %v", c)
	}
	cfg.Decided = []Decision{{"x", "y", true}, {"y", "z", true}, {"z", "x", false}, {"gone", "x", true}}
	r = link(t, rows, cfg)
	if c := clusterOf(r, "x"); slices.Contains(c, "z") {
		t.Errorf("decided to be different and chained into one cluster: %v", c)
	}
	if len(r.Warnings) != 2 {
		t.Errorf("contradiction and unknown record are not both said: %v", r.Warnings)
	}
}

// Different numbers of one person's document keep clusters apart whatever else agrees.
func TestNumbersKeepApart(t *testing.T) {
	x, y := person("x", "a", "Копбаев", "Сункар", "1971-03-02"), person("y", "b", "Копбаев", "Сункар", "1971-03-02")
	x.Fields["iin"], y.Fields["iin"] = []string{"710302300111"}, []string{"710302388888"}
	cfg := CaseConfig()
	cfg.Fields = append(cfg.Fields, Field{ID: "iin", Compare: Identifier, Apart: true})
	if c := clusterOf(link(t, few(x, y), cfg), "x"); len(c) != 1 {
		t.Errorf("two numbers in one cluster: %v", c)
	}
}

// One person in two incidents is two cases: shown to a person, not joined.
func TestTwoIncidentsAreProposed(t *testing.T) {
	x, y := person("x", "a", "Копбаев", "Сункар", "1971-03-02"), person("y", "b", "Копбаев", "Сункар", "1971-03-02")
	y.Fields["incident"] = []string{"2022-06-20"}
	r := link(t, few(x, y), CaseConfig())
	if c := clusterOf(r, "x"); len(c) != 1 {
		t.Errorf("joined: %v", c)
	}
	if !slices.ContainsFunc(r.Pairs, func(p Pair) bool { return p.A == "x" && p.B == "y" && !p.Accepted }) {
		t.Error("not proposed")
	}
}

// Father and son, brothers, and a namesake in another region stay apart; they may be proposed.
func TestRelativesStayApart(t *testing.T) {
	father := person("father", "a", "Рысбеков", "Ерлан", "1971-03-02")
	son := person("son", "b", "Рысбеков", "Данияр", "1999-03-02")
	son.Fields["patronymic"] = []string{"Ерланұлы"}
	brother := person("brother", "c", "Рысбеков", "Дамир", "2001-11-20")
	brother.Fields["patronymic"] = []string{"Ерланович"}
	namesake := person("namesake", "c", "Рысбеков", "Ерлан", "1980-07-09")
	namesake.Fields["region"], namesake.Fields["incident"] = []string{"KZ-10"}, []string{"2022-01-09"}
	r := link(t, few(father, son, brother, namesake), CaseConfig())
	for _, id := range []string{"father", "son", "brother", "namesake"} {
		if c := clusterOf(r, id); len(c) != 1 {
			t.Errorf("%s: %v", id, c)
		}
	}
}

// A block too large to compare is split, and what falls between is said.
func TestLargeBlocksAreReported(t *testing.T) {
	var rows []Record
	for i := range 300 {
		rows = append(rows, person(fmt.Sprint(i), "", "Ким", "Алексей", fmt.Sprintf("%d", 1960+i%40)))
	}
	cfg := Config{
		MaxBlock: 50,
		Fields:   []Field{{ID: "name", Compare: Person, From: []string{"family", "given"}}, {ID: "birth", Compare: Birth}},
		Blocks:   []Block{{ID: "names", Keys: []Key{{"name", Names}}, Split: []Key{{"birth", Year}}}, {ID: "family", Keys: []Key{{"name", Family}}}},
	}
	r := link(t, rows, cfg)
	if b := r.Blocks[0]; b.Split != 1 || b.Over != 0 || b.Pairs+b.LostPairs != 300*299/2 {
		t.Errorf("%+v", b)
	}
	if b := r.Blocks[1]; b.Over != 1 || b.LostPairs != 300*299/2 {
		t.Errorf("%+v", b)
	}
	if len(r.Warnings) != 2 {
		t.Errorf("%v", r.Warnings)
	}
}

func TestSmallTables(t *testing.T) {
	for n := range 4 {
		var rows []Record
		for i := range n {
			rows = append(rows, person(fmt.Sprint(i), "", "Ким", "Алексей", "1971-01-02"))
		}
		r := link(t, rows, CaseConfig())
		total := 0
		for _, c := range r.Clusters {
			total += len(c)
		}
		if total != n {
			t.Errorf("%d rows: clusters %v", n, r.Clusters)
		}
	}
	r := link(t, []Record{{ID: "a"}, {ID: "b", Fields: map[string][]string{"family": {""}, "birth": {"no date", "31.31"}}}}, CaseConfig())
	if len(r.Clusters) != 2 {
		t.Errorf("rows with nothing in them: %v", r.Clusters)
	}
}

func TestErrorsSayWhat(t *testing.T) {
	ok := CaseConfig()
	with := func(change func(*Config)) Config {
		c := CaseConfig()
		change(&c)
		return c
	}
	for want, c := range map[string]struct {
		rows []Record
		cfg  Config
	}{
		"row 2 has no id":                     {[]Record{{ID: "a"}, {}}, ok},
		"two rows have the id a":              {[]Record{{ID: "a"}, {ID: "a"}}, ok},
		"no fields to compare":                {nil, Config{}},
		"no blocks":                           {nil, with(func(c *Config) { c.Blocks = nil })},
		"no comparer \"soundex\"":             {nil, with(func(c *Config) { c.Fields[0].Compare = "soundex" })},
		"no field \"town\"":                   {nil, with(func(c *Config) { c.Blocks[0].Keys[0].Field = "town" })},
		"cannot be read as \"family\"":        {nil, with(func(c *Config) { c.Blocks[0].Keys[0] = Key{"sex", Family} })},
		"wanted 0 < propose ≤ accept < 1":     {nil, with(func(c *Config) { c.Propose, c.Accept = 0.9, 0.5 })},
		"field sex stands twice":              {nil, with(func(c *Config) { c.Fields = append(c.Fields, Field{ID: "sex", Compare: Exact}) })},
		"only one field can compare names":    {nil, with(func(c *Config) { c.Fields = append(c.Fields, Field{ID: "mother", Compare: Person}) })},
		"m needs a share between 0 and 1 for": {nil, with(func(c *Config) { c.Fields[1].M = []float64{1} })},
	} {
		if _, err := Link(context.Background(), c.rows, c.cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	records, _ := invented(200, 1)
	if _, err := Link(ctx, records, ok); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Whatever the rows hold, every record is in one cluster, and both sides of a comparison see the same.
func TestAnyRows(t *testing.T) {
	value := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"Ким", "Көпбаев Сұңқар", "1971", "1971-02-30", "2022-01-XX", "2022-01-04/2022-01-06", "../2022", "9999999", "unknown", "", "А."}))
	rapid.Check(t, func(t *rapid.T) {
		cfg := CaseConfig()
		n := rapid.IntRange(0, 12).Draw(t, "rows")
		var rows []Record
		for i := range n {
			r := Record{ID: fmt.Sprint(i), List: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "list"), Fields: map[string][]string{}}
			for _, f := range []string{"family", "given", "patronymic", "other_names", "sex", "birth", "region", "incident", "register_no", "methods"} {
				r.Fields[f] = rapid.SliceOfN(value, 0, 3).Draw(t, f)
			}
			rows = append(rows, r)
		}
		res, err := Link(context.Background(), rows, cfg)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, c := range res.Clusters {
			for _, id := range c {
				if seen[id] {
					t.Fatalf("%s is in two clusters", id)
				}
				seen[id] = true
			}
		}
		if len(seen) != n {
			t.Fatalf("%d of %d records are in clusters", len(seen), n)
		}
		l, err := newLinker(tableOf(t, rows, cfg), Options{})
		if err != nil {
			t.Fatal(err)
		}
		m := newMemos()
		x, y := make([]uint8, len(l.ladders)), make([]uint8, len(l.ladders))
		for i := range n {
			for j := range n {
				l.compare(i, j, x, m)
				l.compare(j, i, y, m)
				if !slices.Equal(x, y) {
					t.Fatalf("%v and %v: %v one way, %v the other", rows[i], rows[j], x, y)
				}
			}
		}
	})
}

// coded gives rows with these values to a column that reads one field.
func coded(c column, values ...[]string) [][]uint32 {
	var rows [][]uint32
	for _, v := range values {
		row := make([]uint32, c.width())
		c.code([][]string{v}, row)
		rows = append(rows, row)
	}
	c.full()
	return rows
}

// tableOf fills a table with records.
func tableOf(t interface{ Fatal(...any) }, records []Record, cfg Config) *Table {
	table, err := NewTable(cfg)
	if err != nil {
		t.Fatal(err)
	}
	values := make([][]string, len(table.Inputs()))
	for _, r := range records {
		for k, id := range table.Inputs() {
			values[k] = r.Fields[id]
		}
		if err := table.Add(r.List, values); err != nil {
			t.Fatal(err)
		}
	}
	return table
}

func TestDates(t *testing.T) {
	level := func(kind Comparer, a, b string) string {
		c := newColumn(Field{ID: "d", Compare: kind}, 0)
		rows := coded(c, []string{a}, []string{b})
		var k [1]uint8
		c.compare(rows[0], rows[1], k[:], nil)
		if k[0] == missing {
			return "missing"
		}
		return c.ladders()[0].codes[k[0]]
	}
	for _, c := range []struct {
		kind       Comparer
		a, b, want string
	}{
		{Birth, "1971-05-06", "1971-05-06", "day"}, {Birth, "1971", "1971-05-06", "year"}, {Birth, "1971-XX-XX", "1971-05", "year"},
		{Birth, "1971-05-06", "1971-06-05", "slip"}, {Birth, "1971-05-06", "1971-05-08", "slip"}, {Birth, "1971-05-06", "1917-05-06", "slip"},
		{Birth, "1971-05-06", "1985-05-06", "day_month"}, {Birth, "1971-05-06", "1971-11-29", "near"}, {Birth, "1970", "1971-05-06", "near"},
		{Birth, "1971-05-06", "1985-11-29", "different"}, {Birth, "1950", "1971", "different"}, {Birth, "1971-02-30", "1971-02-20", "slip"}, {Birth, "", "1971", "missing"},
		{Event, "2022-01-05", "2022-01-05", "day"}, {Event, "2022-01-XX", "2022-01-05", "overlap"}, {Event, "2022-01-04/2022-01-06", "2022-01-05", "overlap"},
		{Event, "2022-01-05", "2022-01-07", "near"}, {Event, "2022-01-05", "2022-03-07", "different"}, {Event, "soon", "2022-03-07", "missing"},
	} {
		if got := level(c.kind, c.a, c.b); got != c.want {
			t.Errorf("%s %s, %s: %s, want %s", c.kind, c.a, c.b, got, c.want)
		}
	}
}

// Of several dates those that agree best are compared: sources differ.
func TestSeveralDates(t *testing.T) {
	c := newColumn(Field{ID: "d", Compare: Event}, 0)
	rows := coded(c, []string{"2022-01-04", "2022-01-06"}, []string{"soon", "2022-01-06"}, []string{"../2022-01-05"})
	var k [1]uint8
	if c.compare(rows[0], rows[1], k[:], nil); k[0] != 0 {
		t.Errorf("level %d", k[0])
	}
	if c.compare(rows[1], rows[2], k[:], nil); k[0] != 2 {
		t.Errorf("level %d", k[0])
	}
	if keys := c.key(Whole, rows[0]); len(keys) != 2 {
		t.Errorf("keys %v", keys)
	}
}

func TestJaroWinkler(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64
	}{{"martha", "marhta", 0.9611}, {"dwayne", "duane", 0.84}, {"dixon", "dicksonx", 0.8133}, {"", "a", 0}, {"abc", "abc", 1}, {"қайрат", "қайырат", 0.9667}} {
		if got := jaroWinkler(c.a, c.b); math.Abs(got-c.want) > 1e-3 {
			t.Errorf("%s, %s: %.4f, want %.4f", c.a, c.b, got, c.want)
		}
	}
}
