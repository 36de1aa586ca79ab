// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook_test

import (
	"testing"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/packs/kg"
)

func TestKazakhstan(t *testing.T) {
	b := book(t)
	if len(b.Packs()) != 1 {
		t.Fatalf("%d packs", len(b.Packs()))
	}
	p := b.Packs()[0]
	if warning, ok := p.Banner(); !ok || warning.Kk == "" {
		t.Errorf("the pack is %s and says %q", p.Status, warning.En)
	}
	for name, n := range map[string]int{
		"terms": len(p.Terms), "offences": len(p.Offences), "bars": len(p.Bars), "rights": len(p.VictimRight),
		"treaties": len(p.Treaties), "redress": len(p.Redress), "splits": len(p.Territory.Splits),
	} {
		if n == 0 {
			t.Errorf("no %s", name)
		}
	}
	if len(p.Terms) != 44 {
		t.Errorf("%d terms, the law's list has 44", len(p.Terms))
	}
	regions, _ := b.List("region")
	reform := day(t, p.Territory.Reform)
	for _, s := range p.Territory.Splits {
		c, _ := regions.Code(s.New)
		if c.ValidOn(reform-1) || !c.ValidOn(reform) {
			t.Errorf("%s is valid from %s, the reform took effect on %s", s.New, c.From, p.Territory.Reform)
		}
	}
	// Every ground a decision can cite, and every offence, says where it stands.
	for _, list := range []string{"closure_ground", "interruption_ground"} {
		l, _ := b.List(list)
		for _, c := range l.Codes {
			if c.Basis == "" && !codebook.Missing(c.Code) && c.Code != "other" {
				t.Errorf("list %s: code %s has no basis", list, c.Code)
			}
		}
	}
	offences, _ := b.List("offence")
	for _, c := range offences.Codes {
		if _, ok := b.Offence(c.Code); !ok && !codebook.Missing(c.Code) && c.Code != "other" {
			t.Errorf("offence %s has no version of the law", c.Code)
		}
	}
}

// TestPacks holds of every pack what makes it one: it says that no lawyer has reviewed it, every entry has a source, what is
// law at all is in it, every region has its place on the map, and every article of the list can be cited.
func TestPacks(t *testing.T) {
	each(t, func(t *testing.T, b *codebook.Book) {
		p := b.Packs()[0]
		if warning, ok := p.Banner(); !ok || warning.Ru == "" || warning.Kk == "" {
			t.Errorf("the pack is %s and says %q", p.Status, warning.En)
		}
		if len(p.Offences) == 0 || len(p.Terms) == 0 || len(p.Treaties) == 0 || len(p.VictimRight) == 0 || len(p.Redress) == 0 || len(p.Bars) == 0 || len(p.Called) == 0 {
			t.Error("something is missing that every pack has")
		}
		places := map[string]bool{}
		for _, tile := range b.Tiles() {
			places[tile.Code] = true
		}
		regions, _ := b.List("region")
		for _, c := range regions.Codes {
			if !codebook.Missing(c.Code) && c.Code != "other" && !places[c.Code] {
				t.Errorf("region %s has no place on the map", c.Code)
			}
		}
		for _, list := range []string{"closure_ground", "interruption_ground"} {
			l, _ := b.List(list)
			for _, c := range l.Codes {
				if (c.Basis == "" || c.Conf == "") && !codebook.Missing(c.Code) && c.Code != "other" {
					t.Errorf("list %s: code %s has no basis", list, c.Code)
				}
			}
		}
		offences, _ := b.List("offence")
		for _, c := range offences.Codes {
			if _, ok := b.Offence(c.Code); !ok && !codebook.Missing(c.Code) && c.Code != "other" {
				t.Errorf("offence %s has no version of the law", c.Code)
			}
		}
		articles, _ := b.List("article")
		for _, c := range articles.Codes {
			if codebook.Missing(c.Code) || c.Code == "other" {
				continue
			}
			if got, err := b.ParseArticle(c.Code, day(t, "2022-06-01")); err != nil || got.Article != c.Code || !got.Known {
				t.Errorf("article %s is read as %+v: %v", c.Code, got, err)
			}
		}
		// The country's own words are in the pack and not in the codebook.
		plain, err := codebook.Load(codebook.Data)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range p.Called {
			if c.Code != "" && plain.Label(c.List, c.Code, "ru") == c.Label.Ru {
				t.Errorf("%s %s is called so without the pack", c.List, c.Code)
			}
		}
	})
}

// TestKyrgyzCitations: as people and authorities write it, by the law of the day.
func TestKyrgyzCitations(t *testing.T) {
	b, err := codebook.Load(codebook.Data, kg.Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ text, day, article, offence string }{
		{"ст. 137 УК КР", "2022-02-01", "137", "torture"},
		{"137-берене", "2022-02-01", "137", "torture"},
		{"Кыргыз Республикасынын Кылмыш-жаза кодексинин 137-беренесинин 2-бөлүгү", "2022-02-01", "137", "torture"},
		{"ст. 137 УК КР", "2020-02-01", "137", ""},
		{"143", "2020-02-01", "143", "torture"},
		{"305-1", "2015-02-01", "305-1", "torture"},
		{"п. 4 ч. 2 ст. 338 УК КР", "2025-08-13", "338", "excess_of_power"},
	} {
		if c, err := b.ParseArticle(x.text, day(t, x.day)); err != nil || c.Article != x.article || c.Offence != x.offence {
			t.Errorf("%q on %s: %+v, %v", x.text, x.day, c, err)
		}
	}
	if _, err := b.ParseArticle("146-бап", day(t, "2022-02-01")); err == nil {
		t.Error("a Kazakh word is read in a register of Kyrgyzstan")
	}
}

// TestCompetence: who may investigate torture changed on 1 January 2023.
func TestCompetence(t *testing.T) {
	b := book(t)
	for _, x := range []struct {
		offence, day string
		bodies       []string
		rule         string
	}{
		{"torture_qualified", "2022-04-06", []string{"police", "acs", "prosecutor"}, "not_own_staff"},
		{"torture_qualified", "2022-12-31", []string{"police", "acs", "prosecutor"}, "not_own_staff"},
		{"torture_qualified", "2023-01-01", []string{"prosecutor"}, ""},
		{"cidt_p1", "2024-01-01", []string{"police"}, ""},
		{"misuse_361", "2022-01-01", []string{"prosecutor"}, "takeover"},
	} {
		c := b.Competence(x.offence, day(t, x.day))
		if len(c) == 0 || len(c[0].Bodies) != len(x.bodies) || c[0].Bodies[0] != x.bodies[0] || c[0].Rule != x.rule {
			t.Errorf("%s on %s: %+v", x.offence, x.day, c)
		}
	}
}

// TestTermsAndDeadlines: a deadline that is counted is the term of the law with the same id.
func TestTermsAndDeadlines(t *testing.T) {
	b := book(t)
	rules := map[string]codebook.RuleDef{}
	for _, r := range b.Rules() {
		if r.Use == codebook.Deadline {
			rules[r.ID] = r
		}
	}
	longer := map[string]string{
		"expert_to_judge":         "opens when the three days of expert_request have passed",
		"inquiry":                 "with the extension of 192(4)",
		"prelim":                  "with the extension of 192(4)",
		"court_106_after_silence": "15 days of silence and the 15 days of the window",
	}
	without := map[string]string{
		"prosecutor_answer_3d": "what a complaint is about is not told apart that far",
		"file_to_court":        "between court and prosecutor; the victim does not see it",
	}
	for _, term := range b.Packs()[0].Terms {
		r, ok := rules[term.ID]
		if _, known := without[term.ID]; ok == known {
			t.Errorf("term %s: a deadline counts it: %v", term.ID, ok)
			continue
		}
		if !ok {
			continue
		}
		if r.Conf != term.Conf || r.Owes != term.Owes || r.Kind != term.Kind {
			t.Errorf("term %s is %s, %s, %s; its deadline %s, %s, %s", term.ID, term.Conf, term.Owes, term.Kind, r.Conf, r.Owes, r.Kind)
		}
		if _, ok := longer[term.ID]; !ok && (r.N != term.N || r.Max != term.Max || r.Unit != term.Unit) {
			t.Errorf("term %s is %d to %d %s; its deadline %d to %d %s", term.ID, term.N, term.Max, term.Unit, r.N, r.Max, r.Unit)
		}
	}
}
