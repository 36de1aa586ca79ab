// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/edtf"
)

// benchCases is how many cases the register has that the design's limits are given for.
const benchCases = 10_000

// register tells of n cases of four organisations, every eighth the same person
// as one of another organisation, and of a later act in every second.
func register(n int) *teller {
	w := newTeller()
	random := rand.New(rand.NewPCG(20220104, 164))
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	var orgs []string
	for i := range 4 {
		orgs = append(orgs, w.org(i+1, "yes"))
	}
	families := []string{"Есенов", "Жүнісов", "Нүрпейісов", "Ахметов", "Оразбаев", "Қалиев", "Сейітов", "Ким", "Иванов", "Тлеубаев"}
	given := []string{"Саят", "Ерлан", "Қайрат", "Алексей", "Дәурен", "Марат", "Әлия", "Гүлнар", "Санжар", "Тимур"}
	words := []string{"пытки", "в", "отделе", "полиции", "шағымдар", "қабылданбады", "избили", "прокуратура", "отказала", "сот", "экспертиза", "адвокат", "не", "допустили", "ұрды", "камерада"}
	start := edtf.DayOf(time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC))
	for i := range n {
		w.now = w.now.Add(time.Minute)
		happened := start.Add(random.IntN(1800))
		after := func(days int) string { return happened.Add(random.IntN(days)).String() }
		text := ""
		for range 60 {
			text += pick(words...) + " "
		}
		stream := id('c', i)
		at := func(k int) string { return fmt.Sprintf("%02x%014x%016x", 'r', i, k) }
		w.act(stream,
			rec{stream, "case", fields("org", orgs[i%4], "number", fmt.Sprintf("K-%05d", i), "external_id", fmt.Sprintf("A-%d", i), "opened", after(60))},
			rec{at(1), "report", fields("received", after(30), "region", pick("KZ-75", "KZ-10", "KZ-71"), "summary", text)},
			rec{at(2), "person", fields("role", "victim", "full_name", pick(families...)+fmt.Sprintf("%c ", 'а'+rune(random.IntN(30)))+pick(given...), "sex", pick("m", "m", "f"), "child", pick("no", "no", "no", "yes"))},
			rec{at(3), "act", fields("date", happened.String(), "methods", pick("beating", "electric"), "methods", pick("strangle", "threat"), "place_type", pick("police_city", "sizo"), "region", "KZ-75")},
			rec{at(4), "complaint", fields("filed", "yes", "date", after(40), "to_body", "prosecutor_city")},
			rec{at(5), "registration", fields("status", pick("erdr", "erdr", "kui_only"), "date", after(50), "article", pick("146", "362", "361"), "register_no", fmt.Sprintf("22%010d", i))},
			rec{at(6), "examination", fields("kind", "sme", "official", "yes", "ordered", after(90))},
		)
		if i%2 == 0 {
			w.now = w.now.Add(time.Second)
			w.act(stream, rec{at(7), "decision", fields("kind", pick("closed", "suspended", "overturned"), "date", after(300))},
				rec{at(8), "notice", fields("date", after(300))})
		}
		if i%8 == 1 {
			w.match(i, stream, id('c', i-1), "same")
		}
	}
	return w
}

// benchIndex is the register of benchCases, made once for all benchmarks of a run and kept open.
func benchIndex(b *testing.B) (*Index, Clock) {
	l := theLaw(b)
	ix := l.open(b, filepath.Join(b.TempDir(), "index.db"))
	w := register(benchCases)
	begun := time.Now()
	err := ix.Build(context.Background(), func(add func([]Act) error) (Head, error) { return Head{Size: w.pos}, add(w.acts) })
	if err != nil {
		b.Fatal(err)
	}
	took := time.Since(begun)
	info, err := os.Stat(ix.path)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("rebuilt %d cases, %d acts, %d entries in %.1f s: %.0f entries/s; %.0f MiB", benchCases, len(w.acts), w.pos,
		took.Seconds(), float64(w.pos)/took.Seconds(), float64(info.Size())/(1<<20))
	return ix, Clock{AsOf: day(b, "2022-06-01")}
}

// BenchmarkIndex measures a register of 10,000 cases:
//
//	go test ./internal/index -run '^$' -bench Index -benchtime 20x -v
func BenchmarkIndex(b *testing.B) {
	ix, now := benchIndex(b)
	ctx := context.Background()
	past := Clock{AsOf: day(b, "2021-03-01"), KnownBy: newTeller().now.Add(benchCases / 2 * time.Minute)}
	b.Run("figure", func(b *testing.B) {
		for b.Loop() {
			if v, err := ix.Figures(ctx, now, "", false, []string{"t_reports"}); err != nil || v[0].Value < benchCases/2 {
				b.Fatal(v, err)
			}
		}
	})
	b.Run("figure known by", func(b *testing.B) {
		for b.Loop() {
			if v, err := ix.Figures(ctx, past, "", false, []string{"t_reports"}); err != nil || v[0].Value == 0 {
				b.Fatal(v, err)
			}
		}
	})
	b.Run("all figures", func(b *testing.B) {
		for b.Loop() {
			if _, err := ix.Figures(ctx, now, "", false, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, q := range map[string]Query{
		"list":             {},
		"list, filtered":   {Facets: map[string][]string{"region": {"KZ-10"}, "child": {"yes"}}, Sort: "reported"},
		"list, by figure":  {Figure: "t_146"},
		"search, rare":     {Text: "Жүнісова Ерлан"},
		"search, misspelt": {Text: "Жунмсов"},
		"search, common":   {Text: "пытка"},
		"search, number":   {Text: "2200000012"},
	} {
		b.Run(name, func(b *testing.B) {
			q.Clock = now
			for b.Loop() {
				if page, err := ix.Cases(ctx, q); err != nil || page.Total == 0 {
					b.Fatal(page.Total, err)
				}
			}
		})
	}
	b.Run("how all stand", func(b *testing.B) {
		for b.Loop() {
			if _, err := ix.Standing(ctx, now, false, nil, 12); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("apply one act", func(b *testing.B) {
		w := &teller{pos: 1 << 20, now: now.AsOf.Time().AddDate(3, 0, 0)}
		for b.Loop() {
			w.acts, w.now = nil, w.now.Add(time.Second)
			w.act(id('c', int(w.pos)%benchCases), rec{fmt.Sprintf("%032x", w.pos), "note", fields("text", "шағым")})
			if err := ix.Apply(ctx, w.acts, Head{Size: w.pos}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		if err := ix.Close(); err != nil {
			b.Fatal(err)
		}
		law := law{ix.book, ix.set}
		for b.Loop() {
			again := law.open(b, ix.path)
			b.StopTimer()
			if err := again.Close(); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
}
