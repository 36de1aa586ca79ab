// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import (
	"math"
	"slices"
)

// Model is what was learned.
type Model struct {
	Lambda float64 // share of true pairs among all pairs
	Levels []LevelModel
}

// LevelModel is what one level of one field is worth: log2(M/U).
type LevelModel struct {
	Field, Level string
	M, U         float64
}

// How much the expectations count against what is seen, in pairs. Little enough
// to be outvoted by a few hundred pairs, enough to carry a list of forty.
const (
	mPriorPairs = 20
	uPriorPairs = 20
)

const (
	rounds     = 40   // of EM; it settles in about ten
	refits     = 2    // of u without the likely true pairs, which in a small table are not few
	leastShare = 1e-5 // no level is impossible
)

// pattern is a combination of levels and how many pairs have it.
type pattern struct {
	levels []uint8
	count  float64
}

// model holds m and u per ladder and level.
type model struct {
	ladders []ladder
	m, u    [][]float64
	lambda  float64
	weights [][]float64 // log2(m/u)
	agreed  []float64   // log2 of u of the first level
}

func newModel(ladders []ladder) *model {
	m := &model{ladders: ladders}
	for _, l := range ladders {
		m.m = append(m.m, slices.Clone(l.m))
		m.u = append(m.u, slices.Clone(l.u))
	}
	m.weigh()
	return m
}

func (m *model) weigh() {
	m.weights, m.agreed = make([][]float64, len(m.ladders)), make([]float64, len(m.ladders))
	for l := range m.ladders {
		m.weights[l] = make([]float64, len(m.m[l]))
		m.agreed[l] = math.Log2(m.u[l][0])
		for k := range m.m[l] {
			m.weights[l][k] = math.Log2(m.m[l][k] / m.u[l][k])
		}
	}
}

func (m *model) prior() float64 { return math.Log2(m.lambda / (1 - m.lambda)) }

// weight is the log2 of the odds of a pattern, before the frequencies of values.
func (m *model) weight(levels []uint8) float64 {
	w := m.prior()
	for l, k := range levels {
		if k != missing {
			w += m.weights[l][k]
		}
	}
	return w
}

func probability(weight float64) float64 {
	return 1 / (1 + math.Exp2(-weight))
}

// learnU counts the levels of random pairs, each as far as it is not a true pair.
func (m *model) learnU(random []pattern, refit bool) {
	counts := zeros(m.u)
	for _, p := range random {
		n := p.count
		if refit {
			n *= 1 - probability(m.weight(p.levels))
		}
		add(counts, p.levels, n)
	}
	for l := range m.u {
		m.u[l] = blend(counts[l], m.ladders[l].u, uPriorPairs)
	}
	m.weigh()
}

// learnM finds m by EM among the pairs of each blocking rule, u and lambda
// fixed. Lambda must not move here: within a rule's pairs relatives and namesakes
// outnumber true pairs, and EM would settle on them. A field that the rule
// itself uses agrees in all its pairs, so it helps to tell which are true but
// is not learned there. What the rules find is added up, so that each counts by
// the true pairs it holds.
//
// Pairs that people decided to be the same are taught: they count whole, each once.
func (m *model) learnM(byRule [][]pattern, used [][]bool, taught []pattern) {
	for range rounds {
		seen := zeros(m.m)
		for _, p := range taught {
			add(seen, p.levels, p.count)
		}
		for r, pats := range byRule {
			for _, p := range pats {
				n := p.count * probability(m.weight(p.levels))
				for l, k := range p.levels {
					if k != missing && !used[r][l] {
						seen[l][k] += n
					}
				}
			}
		}
		moved := 0.0
		for l := range m.m {
			next := blend(seen[l], m.ladders[l].m, mPriorPairs)
			for k := range next {
				moved = max(moved, math.Abs(next[k]-m.m[l][k]))
			}
			m.m[l] = next
		}
		m.weigh()
		if moved < 1e-4 {
			return
		}
	}
}

// learnLambda finds the share of true pairs for which the candidates' probabilities add up to it.
func (m *model) learnLambda(candidates []pattern, rows int, total float64) {
	if total < 1 {
		total = 1
	}
	least, most := 0.5/total, clamp(2*float64(rows)/total, 0.5/total, 0.5)
	m.lambda = clamp(0.1*float64(rows)/total, least, most)
	for range rounds {
		sum := 0.0
		for _, p := range candidates {
			sum += p.count * probability(m.weight(p.levels))
		}
		next := clamp(sum/total, least, most)
		if math.Abs(next-m.lambda) < 1e-3*m.lambda {
			break
		}
		m.lambda = next
	}
}

func (m *model) report() Model {
	out := Model{Lambda: m.lambda}
	for l, lad := range m.ladders {
		for k, code := range lad.codes {
			out.Levels = append(out.Levels, LevelModel{Field: lad.field, Level: code, M: m.m[l][k], U: m.u[l][k]})
		}
	}
	return out
}

func add(counts [][]float64, levels []uint8, n float64) {
	for l, k := range levels {
		if k != missing {
			counts[l][k] += n
		}
	}
}

// blend joins counts with expected shares that weigh as much as prior pairs.
func blend(counts, expected []float64, prior float64) []float64 {
	sum := prior
	for _, c := range counts {
		sum += c
	}
	out := make([]float64, len(counts))
	for k := range counts {
		out[k] = max((counts[k]+prior*expected[k])/sum, leastShare)
	}
	return out
}

func zeros(like [][]float64) [][]float64 {
	out := make([][]float64, len(like))
	for i := range like {
		out[i] = make([]float64, len(like[i]))
	}
	return out
}

func clamp(x, low, high float64) float64 { return min(max(x, low), high) }
