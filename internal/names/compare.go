// SPDX-License-Identifier: AGPL-3.0-or-later

package names

import "cmp"

// Threshold is the score from which two names can be the same name.
const Threshold = 0.75

// Level says how one role of two names compares.
type Level uint8

// The levels, from the strongest agreement to the strongest conflict.
const (
	Same      Level = iota // the same after folding: one name in two spellings
	Variant                // sounds that spellings confuse
	Typo                   // one typing error apart
	Initial                // one side has only an initial, and it agrees
	Missing                // at least one side has nothing: no evidence
	Different              // they conflict
)

// String returns the level's code.
func (l Level) String() string {
	return [...]string{"same", "variant", "typo", "initial", "missing", "different"}[min(l, Different)]
}

// Comparison is what Compare found.
type Comparison struct {
	Score      float64 // 0 to 1; the same name can be meant from Threshold on
	Family     Level
	Given      Level
	Patronymic Level
	Swapped    bool // family name and given name stand in each other's place
	Sexes      bool // the patronymics say that one is a man and one a woman
	Reasons    []Reason
}

// What each finding does to the score, which starts at 1.
const (
	perError       = 0.14 // a whole typing error; smaller differences in proportion
	initialOnly    = 0.93
	conflict       = 0.45 // family or given names that differ
	fathers        = 0.40 // patronymics that differ
	noGiven        = 0.72 // a family name alone is nobody's name
	noFamily       = 0.80
	otherSexes     = 0.60
	swappedGuessed = 0.99
	swappedStated  = 0.90 // both sides say which word is which, and disagree
	rejoined       = 0.97
	variantUpTo    = 55 // hundredths of a typing error
)

// Prepared is a name made ready to be compared many times. It is never changed
// after Prepare, so it may be shared.
type Prepared struct {
	name  Name
	forms []form
}

// form is one reading of a name: which word has which role.
type form struct {
	family, given, patronymic *word
	factor                    float64 // what this reading costs
	swapped                   bool
}

// Prepare folds a name once.
func Prepare(n Name) *Prepared {
	p := &Prepared{name: n}
	f := form{family: familyWord(n.Family), given: givenWord(n.Given), patronymic: patronymicWord(n.Patronymic), factor: 1}
	p.forms = append(p.forms, f)
	if f.family == nil || f.given == nil {
		return p
	}
	cost := swappedStated
	if n.Guessed {
		cost = swappedGuessed
	}
	p.forms = append(p.forms, form{family: familyWord(n.Given), given: givenWord(n.Family), patronymic: f.patronymic, factor: cost, swapped: true})
	if f.patronymic != nil && !f.patronymic.suffix && !f.patronymic.initial {
		// No ending says that this is a father's name: it may be half of a compound given name.
		p.forms = append(p.forms, form{family: f.family, given: givenWord(n.Given + n.Patronymic), factor: rejoined})
	}
	return p
}

// Name returns the name as written.
func (p *Prepared) Name() Name { return p.name }

// Words returns the folded family name (as a man bears it), given name and
// father's name, "" for those that are missing or only an initial.
func (p *Prepared) Words() (familyName, givenName, fatherName string) {
	fold := func(w *word, s func(*word) string) string {
		if w == nil || w.initial {
			return ""
		}
		return s(w)
	}
	f := p.forms[0]
	return fold(f.family, func(w *word) string { return w.fold }),
		fold(f.given, func(w *word) string { return w.fold }),
		fold(f.patronymic, func(w *word) string { return w.stem })
}

// Stem returns the folded family name without its ending: the same for Копбай, Копбаев and Копбаева.
func (p *Prepared) Stem() string {
	if f := p.forms[0].family; f != nil && !f.initial {
		return f.stem
	}
	return ""
}

// Compare tells how well two names agree, and why.
func Compare(a, b Name) Comparison { return Prepare(a).Explain(Prepare(b)) }

// Compare tells how well two names agree, without the reasons: those cost more
// than the comparison. It is symmetric, and 1 for a name and itself.
func (p *Prepared) Compare(q *Prepared) Comparison {
	return compareReadings(p.forms, q.forms, nil)
}

func compareReadings(p, q []form, m *Memo) Comparison {
	best := compareForms(&p[0], &q[0], 0, m)
	if best.Score > swappedGuessed {
		return best
	}
	for i := range p {
		for j := range q {
			if i+j == 0 || i > 0 && j > 0 || p[i].swapped && q[j].swapped {
				continue
			}
			if c := compareForms(&p[i], &q[j], Threshold, m); c.Score >= Threshold && c.Better(best) {
				best = c
			}
		}
	}
	return best
}

// Better orders comparisons, so that of several readings of two names the same
// one is taken whichever side asks.
func (c Comparison) Better(than Comparison) bool {
	if c.Score != than.Score {
		return c.Score > than.Score
	}
	return cmp.Or(cmp.Compare(c.Family, than.Family), cmp.Compare(c.Given, than.Given), cmp.Compare(c.Patronymic, than.Patronymic)) < 0
}

// compareForms compares two readings, no further than to a score under least.
func compareForms(a, b *form, least float64, m *Memo) Comparison {
	c := Comparison{Score: a.factor * b.factor, Swapped: a.swapped != b.swapped}
	var s float64
	c.Family, s = compareWords(a.family, b.family, family, m)
	c.Score *= s
	if c.Family == Missing && (a.family != nil || b.family != nil) {
		c.Score *= noFamily
	}
	if c.Score < least {
		return c
	}
	c.Given, s = compareWords(a.given, b.given, given, m)
	c.Score *= s
	if c.Given == Missing && (a.given != nil || b.given != nil) {
		c.Score *= noGiven
	}
	c.Patronymic, s = compareWords(a.patronymic, b.patronymic, patronymic, m)
	c.Score *= s
	if x, y := a.patronymic, b.patronymic; x != nil && y != nil && (x.female && y.male || x.male && y.female) {
		c.Sexes = true
		c.Score *= otherSexes
	}
	if c.Family == Missing && c.Given == Missing && c.Patronymic == Missing {
		c.Score = 0 // nothing to compare
	}
	return c
}

func compareWords(a, b *word, r role, m *Memo) (Level, float64) {
	switch {
	case a == nil || b == nil:
		return Missing, 1
	case a == b:
		return Same, 1
	}
	d := m.apart(a, b, r)
	switch {
	case d == never && r == patronymic:
		return Different, fathers
	case d == never:
		return Different, conflict
	case (a.initial || b.initial) && a.initial != b.initial:
		return Initial, initialOnly
	case d == 0:
		return Same, 1
	case d <= variantUpTo:
		return Variant, 1 - perError*float64(d)/oneError
	default:
		return Typo, 1 - perError*float64(d)/oneError
	}
}
