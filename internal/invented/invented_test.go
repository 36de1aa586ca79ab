// SPDX-License-Identifier: AGPL-3.0-or-later

package invented

import (
	"reflect"
	"testing"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/names"
	"github.com/kua-registry/kua/packs/kz"
)

const seed = 7

func register(cases int) Register {
	return Register{Seed: seed, Cases: cases, Orgs: 4, Until: LastDay}
}

func book(t testing.TB) *codebook.Book {
	t.Helper()
	b, err := codebook.Load(codebook.Data, kz.Data)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestWhatIsInventedFitsTheCodebook holds that everything is such as a member
// could have typed it in: kinds, fields, codes, dates.
func TestWhatIsInventedFitsTheCodebook(t *testing.T) {
	b, r := book(t), register(3000)
	t.Logf("seed %d", seed)
	entries, corrections, withdrawn, letters := 0, 0, 0, 0
	kinds := map[string]int{}
	for n := range r.Cases {
		c := r.Case(n)
		last, seen := edtf.Day(0), map[string]string{}
		if e := c.Acts[0].Entries[0]; e.Kind != "case" || e.Record != c.ID || c.Acts[0].Day != r.Written(n) {
			t.Fatalf("case %d: it begins with a %s", n, e.Kind)
		}
		for _, act := range c.Acts {
			if act.Day < last || act.Day > r.Until || act.Day < r.Written(n) || len(act.Entries) == 0 {
				t.Fatalf("case %d: an act on %v after one on %v", n, act.Day, last)
			}
			last = act.Day
			in := map[string]bool{}
			for _, e := range act.Entries {
				entries++
				if in[e.Record] {
					t.Fatalf("case %d: a %s twice in one act", n, e.Kind)
				}
				in[e.Record] = true
				if kind, ok := seen[e.Record]; ok {
					corrections++
					if kind != e.Kind {
						t.Fatalf("case %d: a %s becomes a %s", n, kind, e.Kind)
					}
				} else if e.Fields == nil {
					t.Fatalf("case %d: a %s is withdrawn before it is put", n, e.Kind)
				}
				seen[e.Record] = e.Kind
				if e.Fields == nil {
					withdrawn++
					continue
				}
				kinds[e.Kind]++
				for _, p := range b.Validate(e.Kind, e.Fields) {
					t.Fatalf("case %d: a %s: %s", n, e.Kind, p.Msg)
				}
				if k, _ := b.Kind(e.Kind); k.ID == "act" && len(e.Fields["account"]) > 0 {
					letters += len([]rune(e.Fields["account"][0]))
				}
				for name, values := range e.Fields {
					f, _ := must(b.Kind(e.Kind)).Field(name)
					if f.Type == codebook.Ref && f.RefKind != "organisation" && f.RefKind != "facility" && f.RefKind != "official" && f.RefKind != "case" && seen[values[0]] != f.RefKind {
						t.Fatalf("case %d: field %s of a %s names a %q, not a %s", n, name, e.Kind, seen[values[0]], f.RefKind)
					}
				}
			}
		}
	}
	for _, s := range r.Shared() {
		for _, p := range b.Validate(s.Kind, s.Fields) {
			t.Fatalf("a %s: %s", s.Kind, p.Msg)
		}
	}
	per := float64(entries) / float64(r.Cases)
	t.Logf("%.1f entries a case, %d corrections, %d withdrawn, %d letters an account; %v", per, corrections, withdrawn, letters/kinds["act"], kinds)
	if per < 18 || per > 23 || corrections < entries/40 || withdrawn < r.Cases/50 {
		t.Errorf("%.1f entries a case, %d corrections, %d withdrawn", per, corrections, withdrawn)
	}
}

func must[T any](v T, _ bool) T { return v }

// TestSharesOfTheStatement holds the shares of the statement of 24 June 2022,
// within what so many cases let vary.
func TestSharesOfTheStatement(t *testing.T) {
	r := register(8000)
	got := map[string]float64{}
	of := 0.0
	for n := range r.Cases {
		if r.Same(n) != n {
			continue // a person counts once
		}
		of++
		seen := map[string]bool{}
		for _, e := range r.Case(n).Records() {
			first := func(field string) string {
				if v := e.Fields[field]; len(v) > 0 {
					return v[0]
				}
				return ""
			}
			switch e.Kind {
			case "person":
				if first("role") == "victim" {
					seen["children"], seen["women"] = first("child") == "yes", first("sex") == "f"
				}
			case "complaint":
				seen["complained"] = first("filed") == "yes"
			case "registration":
				seen["registered 146"] = first("status") == "erdr" && first("article") == "146"
			case "examination":
				seen["examined"] = seen["examined"] || first("kind") == "sme"
			}
		}
		seen["examined"] = seen["examined"] && seen["registered 146"]
		for what, is := range seen {
			if is {
				got[what]++
			}
		}
	}
	// Of 175 people: 13 children, 22 women, 102 complained, 69 registered under 146, 52 of them examined.
	for what, want := range map[string]float64{"children": 7.4, "women": 12.6, "complained": 58, "registered 146": 33, "examined": 25} {
		if share := 100 * got[what] / of; share < want-5 || share > want+5 {
			t.Errorf("%s: %.1f of a hundred, the statement has about %.0f", what, share, want)
		} else {
			t.Logf("%s: %.1f of a hundred", what, share)
		}
	}
}

// TestACaseIsTheSameWhenever holds that a case needs none of the others, and
// that the order of the ledger has each act once.
func TestACaseIsTheSameWhenever(t *testing.T) {
	r := register(400)
	made := make([]int, r.Cases)
	last := edtf.Day(0)
	for day, turns := range r.Days() {
		if day <= last {
			t.Fatalf("%v after %v", day, last)
		}
		last = day
		for _, turn := range turns {
			c := r.Case(turn.Case)
			if made[turn.Case] != turn.Act || c.Acts[turn.Act].Day != day {
				t.Fatalf("case %d: act %d on %v, after %d", turn.Case, turn.Act, day, made[turn.Case])
			}
			made[turn.Case]++
		}
	}
	ids := map[string]bool{}
	for n := r.Cases - 1; n >= 0; n-- {
		c := r.Case(n)
		if made[n] != len(c.Acts) {
			t.Fatalf("case %d: %d of %d acts", n, made[n], len(c.Acts))
		}
		if !reflect.DeepEqual(c, r.Case(n)) {
			t.Fatalf("case %d is another the second time", n)
		}
		if ids[c.ID] || ids[c.Number] {
			t.Fatalf("case %d has the id or the number of another", n)
		}
		ids[c.ID], ids[c.Number] = true, true
	}
	other := r
	other.Seed++
	if reflect.DeepEqual(r.Case(5), other.Case(5)) {
		t.Error("another seed makes the same case")
	}
}

// TestTheSamePersonTwice holds that two organisations' cases of one person are
// of two organisations, and that their names can be told to be one.
func TestTheSamePersonTwice(t *testing.T) {
	for orgs := 2; orgs <= 9; orgs++ {
		r := Register{Seed: seed, Cases: 4000, Orgs: orgs, Until: LastDay}
		pairs, alike := 0, 0
		for n := range r.Cases {
			first := r.Same(n)
			if first == n {
				continue
			}
			pairs++
			if r.Org(first) == r.Org(n) || r.Same(first) != first || r.Written(first) > r.Written(n) {
				t.Fatalf("%d organisations: cases %d and %d", orgs, first, n)
			}
			if orgs == 4 {
				a, b := victim(r.Case(first)), victim(r.Case(n))
				if names.Compare(a, b).Score >= names.Threshold {
					alike++
				}
			}
		}
		if pairs < r.Cases/10 {
			t.Errorf("%d organisations: %d pairs", orgs, pairs)
		}
		if orgs == 4 && alike < pairs*9/10 {
			t.Errorf("%d of %d pairs have names that are alike", alike, pairs)
		}
	}
}

func victim(c Case) names.Name {
	for _, e := range c.Acts[0].Entries {
		if e.Kind == "person" && e.Fields["role"][0] == "victim" {
			p := ""
			if v := e.Fields["patronymic"]; len(v) > 0 {
				p = v[0]
			}
			return names.New(e.Fields["family"][0], e.Fields["given"][0], p)
		}
	}
	return names.Name{}
}

func BenchmarkCase(b *testing.B) {
	r := register(1_000_000)
	for i := range b.N {
		r.Case(i % r.Cases)
	}
}
