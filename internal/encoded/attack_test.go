// SPDX-License-Identifier: AGPL-3.0-or-later

package encoded

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/linkage/linkagetest"
)

// The attack is a pattern-mining alignment after Christen, Vidanage, Ranbaduge
// and Schnell (PAKDD 2018; IEEE TKDE 31, 2019): bits that come from one piece of
// a value come together, in as many filters as the piece has bearers, and who
// knows how common names are knows which piece it is. It needs no key. The
// attacker here is a strong one: they know the schema and every row in clear
// (not whose filter is whose), and which rows were born in the same year where
// that is said.

// invented is somebody invented.
type invented struct{ family, given, birth, sex, region, incident string }

// population is a skewed one: the names follow Zipf's law, as names do.
func population(rng *rand.Rand, n int) []invented {
	families := strings.Fields("Ахметов Оспанов Иванов Омаров Сулейменов Абдрахманов Касымов Ким Смагулов Ибраев Нурланов Жунусов Искаков Байжанов Сагынтаев Тулегенов Мусин Петров Ермеков Досжанов Калиев Шарипов Турсунов Бекмуханов Алимов Кенжебаев Рахимов Серикбаев Утегенов Молдабеков Жаксылыков Есенов Габдуллин Дюсембаев Сатпаев Кожахметов Лаптев Хасенов Мырзахметов Бейсенов Толеубаев Цой Шаяхметов Исабаев Карибжанов Нуртазин Ормантаев Сыздыков Тастанов Уалиев")
	given := strings.Fields("Айдар Нурлан Ерлан Данияр Асхат Серик Марат Руслан Арман Бауыржан Талгат Азамат Болат Самат Кайрат Дархан Мурат Жанибек Олжас Тимур Саят Ержан Алмас Рустам Ильяс Канат Мейрам Асет Галым Данат")
	zipf := func(list []string) string {
		total := 0.0
		for i := range list {
			total += 1 / float64(i+1)
		}
		u := rng.Float64() * total
		for i, v := range list {
			if u -= 1 / float64(i+1); u <= 0 {
				return v
			}
		}
		return list[len(list)-1]
	}
	out := make([]invented, n)
	for i := range out {
		out[i] = invented{
			family: zipf(families), given: zipf(given),
			birth:    fmt.Sprintf("%d-%02d-%02d", 1960+rng.IntN(45), 1+rng.IntN(12), 1+rng.IntN(28)),
			sex:      zipf([]string{"m", "m", "f"}),
			region:   zipf(strings.Fields("75 79 15 19 23 27 31 35 39 43 47 63")),
			incident: zipf(strings.Fields("2022-01-05 2022-01-06 2022-01-07 2022-01-08 2022-01-04 2022-01-09")),
		}
	}
	return out
}

func (p invented) values(input string) []string {
	return []string{map[string]string{"family": p.family, "given": p.given, "birth": p.birth, "sex": p.sex, "region": p.region, "incident": p.incident}[input]}
}

// rowset is a set of rows.
type rowset []uint64

func (s rowset) len() (n int) {
	for _, x := range s {
		n += bits.OnesCount64(x)
	}
	return n
}

func both(a, b rowset) (n int) {
	for i := range a {
		n += bits.OnesCount64(a[i] & b[i])
	}
	return n
}

// attack guesses the family name of every filter's row, and answers how many
// pieces it believed to have found.
func attack(s Schema, filters [][]uint64, known []invented) (guess []string, found int) {
	n := len(filters)
	columns := make([]rowset, s.Length)
	for i := range columns {
		columns[i] = make(rowset, (n+63)/64)
		for r, f := range filters {
			if f[i/64]>>(i%64)&1 == 1 {
				columns[i][r/64] |= 1 << (r % 64)
			}
		}
	}
	patterns := minePatterns(columns, n)
	pieces := knownPieces(s, known)
	matched := align(patterns, pieces)
	return decode(n, known, pieces, matched), len(matched)
}

// minePatterns finds rows that a set of bits has in common: from each bit on,
// those that go with it best, then the rows that have most of them, then the
// bits that go best with these rows, until nothing changes. It takes a bit that
// is missing now and then, as folding makes them.
func minePatterns(columns []rowset, n int) []rowset {
	const size = 9
	count := make([]int, len(columns))
	for i, c := range columns {
		count[i] = c.len()
	}
	best := func(rows rowset) []int {
		r := rows.len()
		type scored struct {
			at  int
			phi float64
		}
		var all []scored
		pr := float64(r) / float64(n)
		for j, d := range columns {
			if count[j] < 5 || count[j] > n-5 {
				continue
			}
			pj := float64(count[j]) / float64(n)
			all = append(all, scored{j, (float64(both(rows, d))/float64(n) - pr*pj) / math.Sqrt(pr*(1-pr)*pj*(1-pj))})
		}
		slices.SortFunc(all, func(x, y scored) int { return cmp.Or(cmp.Compare(y.phi, x.phi), x.at-y.at) })
		var out []int
		for _, s := range all[:min(size, len(all))] {
			out = append(out, s.at)
		}
		return out
	}
	var out []rowset
	score := make([]int, n)
	for i, c := range columns {
		if count[i] < 5 || count[i] > n-5 {
			continue
		}
		rows, good := slices.Clone(c), false
		for range 4 {
			bitsOf := best(rows)
			clear(score)
			for _, b := range bitsOf {
				for r := range n {
					score[r] += int(columns[b][r/64] >> (r % 64) & 1)
				}
			}
			cut, apart := split(score, len(bitsOf))
			clear(rows)
			for r, s := range score {
				if s >= cut {
					rows[r/64] |= 1 << (r % 64)
				}
			}
			if good = apart >= 0.45*size; rows.len() < 5 || rows.len() > n-5 {
				good = false
				break
			}
		}
		if good && !slices.ContainsFunc(out, func(o rowset) bool {
			x := both(o, rows)
			return float64(x) > 0.8*float64(o.len()+rows.len()-x)
		}) {
			out = append(out, rows)
		}
	}
	return out
}

// split cuts numbers from 0 to size in two (Otsu's way) and says how far the
// means of both parts are apart.
func split(score []int, size int) (cut int, apart float64) {
	hist := make([]float64, size+1)
	for _, s := range score {
		hist[s]++
	}
	bestVariance := -1.0
	for c := 1; c <= size; c++ {
		var n0, n1, s0, s1 float64
		for v, h := range hist {
			if v < c {
				n0, s0 = n0+h, s0+h*float64(v)
			} else {
				n1, s1 = n1+h, s1+h*float64(v)
			}
		}
		if n0 == 0 || n1 == 0 {
			continue
		}
		d := s1/n1 - s0/n0
		if v := n0 * n1 * d * d; v > bestVariance {
			bestVariance, cut, apart = v, c, d
		}
	}
	return cut, apart
}

// piece is a piece of a value under its salt, and who of the known has it.
type piece struct {
	id   string
	rows rowset
}

// knownPieces are the 64 most common pieces of the rows in clear.
func knownPieces(s Schema, known []invented) []piece {
	sets := map[string]rowset{}
	for i, p := range known {
		r := newRow(p.values)
		value := map[string]string{}
		for _, f := range s.Features {
			value[f.ID] = r.value(f)
		}
		for _, f := range s.Features {
			if value[f.ID] == "" || f.Bits+f.PieceBits == 0 {
				continue
			}
			for _, x := range f.pieces(value[f.ID]) {
				id := f.ID + "\x00" + value[f.Salt] + "\x00" + x
				if sets[id] == nil {
					sets[id] = make(rowset, (len(known)+63)/64)
				}
				sets[id][i/64] |= 1 << (i % 64)
			}
		}
	}
	var out []piece
	for id, rows := range sets {
		out = append(out, piece{id, rows})
	}
	slices.SortFunc(out, func(a, b piece) int { return cmp.Or(b.rows.len()-a.rows.len(), cmp.Compare(a.id, b.id)) })
	// Of pieces that always come together one is enough.
	var apart []piece
	for _, p := range out {
		if !slices.ContainsFunc(apart, func(q piece) bool {
			x := both(p.rows, q.rows)
			return float64(x) > 0.8*float64(p.rows.len()+q.rows.len()-x)
		}) {
			apart = append(apart, p)
		}
		if len(apart) == 64 {
			break
		}
	}
	return apart
}

// align says which pattern is which piece: so that the numbers of rows, and of
// rows that two have in common, are as near as can be to those known. It begins
// with the commonest and then exchanges while that helps.
func align(patterns []rowset, pieces []piece) map[int]rowset {
	joint := func(rows func(int) rowset, n int) [][]float64 {
		out := make([][]float64, n)
		for i := range out {
			out[i] = make([]float64, n)
			for j := range out {
				out[i][j] = float64(both(rows(i), rows(j)))
			}
		}
		return out
	}
	seen := joint(func(i int) rowset { return patterns[i] }, len(patterns))
	known := joint(func(i int) rowset { return pieces[i].rows }, len(pieces))
	to := make([]int, len(pieces)) // the pattern, or -1
	for i := range to {
		to[i] = -1
	}
	taken := make([]int, len(patterns)) // the piece, or -1
	for k := range taken {
		taken[k] = -1
	}
	off := func(i, k int) float64 { // of piece i as pattern k, beside the others, by the row
		sum, n := math.Abs(seen[k][k]-known[i][i]), 1.0
		for j, l := range to {
			if j != i && l >= 0 && l != k {
				sum += math.Abs(seen[k][l] - known[i][j])
				n++
			}
		}
		return sum / n / known[i][i]
	}
	for range 12 {
		changed := false
		for i := range pieces {
			old, least := to[i], 0.25 // a quarter off on the whole, and it is none
			if old >= 0 {
				taken[old] = -1
				to[i] = -1
			}
			found := -1
			for k := range patterns {
				if taken[k] >= 0 && off(taken[k], k) <= off(i, k) {
					continue
				}
				if x := off(i, k); x < least {
					found, least = k, x
				}
			}
			if found >= 0 {
				if other := taken[found]; other >= 0 {
					to[other] = -1
				}
				to[i], taken[found] = found, i
			}
			changed = changed || found != old
		}
		if !changed {
			break
		}
	}
	out := map[int]rowset{}
	for i, k := range to {
		if k >= 0 {
			out[i] = patterns[k]
		}
	}
	return out
}

// decode gives each filter the family name that its pieces speak for, the
// common ones by weight of their number.
func decode(n int, known []invented, pieces []piece, matched map[int]rowset) []string {
	has := func(rows rowset, i int) uint64 { return rows[i/64] >> (i % 64) & 1 }
	expect := make([]uint64, len(known))
	for i := range known {
		for j := range matched {
			expect[i] |= has(pieces[j].rows, i) << j
		}
	}
	weight := make([]float64, 65)
	for i := range weight {
		weight[i] = math.Pow(0.05, float64(i))
	}
	index := map[string]int{}
	var families []string
	of := make([]int, len(known))
	for i, p := range known {
		if _, ok := index[p.family]; !ok {
			index[p.family] = len(families)
			families = append(families, p.family)
		}
		of[i] = index[p.family]
	}
	guess := make([]string, n)
	score := make([]float64, len(families))
	for r := range n {
		var seen uint64
		for j, rows := range matched {
			seen |= has(rows, r) << j
		}
		clear(score)
		for i := range known {
			score[of[i]] += weight[bits.OnesCount64(seen^expect[i])]
		}
		best := 0
		for f, x := range score {
			if x > score[best] {
				best = f
			}
		}
		guess[r] = families[best]
	}
	return guess
}

// rightGuesses is the share of family names that the attack guesses, and the
// share that always naming the commonest gets.
func rightGuesses(t testing.TB, s Schema, people []invented) (right, naive float64, found int) {
	t.Helper()
	e := linkagetest.Must[*Encoder](t)(NewEncoder(testKey(t, 7), s))
	var filters [][]uint64
	count := map[string]int{}
	for _, p := range people {
		f, _ := e.Encode(p.values)
		filters = append(filters, f)
		count[p.family]++
	}
	guess, found := attack(s, filters, people)
	hits, most := 0, 0
	for i, p := range people {
		if guess[i] == p.family {
			hits++
		}
		most = max(most, count[p.family])
	}
	return float64(hits) / float64(len(people)), float64(most) / float64(len(people)), found
}

// without is the schema with other hardening, and without salts if asked.
func (s Schema) without(salts bool, harden ...Hardening) Schema {
	s.Features, s.Harden = slices.Clone(s.Features), harden
	if salts {
		for i := range s.Features {
			s.Features[i].Salt = ""
		}
	}
	return s
}

// TestPatternMining: what names a plain encoding gives away without its key, the
// default one doesn't. Each wall stands once alone, so that the test fails when
// either is taken down.
func TestPatternMining(t *testing.T) {
	s := schema(t, string(CaseSchema()))
	people := population(rand.New(rand.NewPCG(2022, 1)), 1000)
	for _, c := range []struct {
		name        string
		schema      Schema
		rows        int
		least, most float64 // of family names, beside always naming the commonest
		pieces      int     // believed found at most
	}{
		{"plain", s.without(true), 1000, 0.5, 1, 64},
		{"balanced", s.without(true, Balance), 1000, 0.2, 1, 64}, // the complement alone is no wall
		{"hardened as cases are, no salt", s.without(true, s.Harden...), 1000, -1, 0.05, 64},
		{"salted as cases are, not hardened", s.without(false), 1000, -1, 0.03, 5},
		{"as cases are encoded", s, 1000, -1, 0.03, 5},
		// Who knows which rows were born in one year has so many without a salt.
		{"one year, not hardened", s.without(true), 100, 0.5, 1, 64},
		{"one year, as cases are encoded", s.without(true, s.Harden...), 30, -1, 0.15, 64},
		{"one year, as cases are encoded", s.without(true, s.Harden...), 100, -1, 0.15, 64},
		{"one year, as cases are encoded", s.without(true, s.Harden...), 300, -1, 0.25, 64},
	} {
		right, naive, found := rightGuesses(t, c.schema, people[:c.rows])
		t.Logf("%-34s %4d rows: %5.1f %% of family names, %.1f %% by always naming the commonest; %d pieces believed found", c.name, c.rows, 100*right, 100*naive, found)
		if right-naive < c.least || right-naive > c.most || found > c.pieces {
			t.Errorf("%s: %.1f %% more than by naming the commonest, %d pieces: from %.1f to %.1f and at most %d pieces were expected", c.name, 100*(right-naive), found, 100*c.least, 100*c.most, c.pieces)
		}
	}
}
