// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook

import (
	"fmt"
	"slices"

	"github.com/kua-registry/kua/internal/edtf"
)

// Pack is what is particular to a jurisdiction. Every entry says on what it rests (basis) and how sure we are of it
// (conf): R the text was read, K known, U unsure, H a rule of the house without a norm. The codes a pack brings
// (regions, bodies, articles, offences, grounds) stand in its lists, with the same two marks.
type Pack struct {
	ID          string       `yaml:"id"`
	Version     string       `yaml:"version"`
	Label       Label        `yaml:"label"`
	Country     string       `yaml:"country"` // ISO 3166-1
	Languages   []string     `yaml:"languages"`
	Timezone    string       `yaml:"timezone"`
	TextAsOf    string       `yaml:"text_as_of"` // the state of the law that was read
	Status      string       `yaml:"status"`     // unreviewed until a lawyer has confirmed every entry
	Warning     Label        `yaml:"warning"`    // what users are told while it is not reviewed
	Counting    Counting     `yaml:"counting"`
	Articles    []Article    `yaml:"articles"`
	Offences    []Offence    `yaml:"offences"`
	Competence  []Competence `yaml:"competence"`
	Bars        []Bar        `yaml:"bars"`
	Terms       []Term       `yaml:"terms"`
	VictimRight []Right      `yaml:"victim_rights"`
	Redress     []Remedy     `yaml:"redress"`
	Treaties    []Treaty     `yaml:"treaties"`
	Territory   Territory    `yaml:"territory"`
	Called      []Called     `yaml:"called"`
	Citation    Citations    `yaml:"citation"`
	Columns     []Column     `yaml:"columns"`
}

// Called is what something of the codebook is called there: the codebook says what it is, the pack the word that people and
// authorities use. It changes a label and nothing else.
type Called struct {
	List    string   `yaml:"list"` // with Code: a code of a list
	Code    string   `yaml:"code"`
	Kind    string   `yaml:"kind"` // with Field: a field of a kind
	Field   string   `yaml:"field"`
	Rule    string   `yaml:"rule"` // a figure, check or deadline
	Label   Label    `yaml:"label"`
	Help    Label    `yaml:"help"`    // of a field or a rule; empty: it stays
	Aliases []string `yaml:"aliases"` // of a code: other ways in which people there write it
}

// Citations are the words that stand in citations of the law there, beside those of Russian and English.
type Citations struct {
	Words CitationWords `yaml:"words"` // as written
	Stems CitationWords `yaml:"stems"` // how words begin that follow their number and come declined
}

// CitationWords are words of a citation by what they say of a number.
type CitationWords struct {
	Article []string `yaml:"article"`
	Part    []string `yaml:"part"`
	Point   []string `yaml:"point"`
	And     []string `yaml:"and"`     // stand between two of a sort
	Ignored []string `yaml:"ignored"` // say nothing of a number: the name of the code, of the country
}

// Column are words by which a spreadsheet's column is known there to hold a field.
type Column struct {
	Kind  string   `yaml:"kind"`
	Field string   `yaml:"field"`
	Words []string `yaml:"words"`
}

// Source is what every entry of a pack carries.
type Source struct {
	Basis string `yaml:"basis"`
	Conf  string `yaml:"conf"`
	Note  string `yaml:"note"`
}

// Counting says how terms are counted.
type Counting struct {
	Unit                string `yaml:"unit"`  // day: calendar days of 24 hours unless a term says otherwise
	Start               string `yaml:"start"` // exclusive: the day on which a term starts is not counted
	RollToWorkingDay    bool   `yaml:"roll_to_working_day"`
	PostedInTimeCounts  bool   `yaml:"posted_in_time_counts"`
	RestoredOnGoodCause bool   `yaml:"restored_on_good_cause"`
	Source              `yaml:",inline"`
}

// Article says how many parts an article of the criminal code had, and when: a citation can be wrong for its day.
type Article struct {
	Article string `yaml:"article"`
	Parts   int    `yaml:"parts"`
	From    string `yaml:"from"`
	Until   string `yaml:"until"`
	Source  `yaml:",inline"`
}

// Offence is a deed under a stable key, with the places where the law put it at different times.
type Offence struct {
	Key      string           `yaml:"key"` // a code of list offence
	Versions []OffenceVersion `yaml:"versions"`
	Role     string           `yaml:"role"` // risk_to_applicant: not what officials did but what the victim may be charged with
}

// OffenceVersion is an offence as the law knew it for a time.
type OffenceVersion struct {
	Cite    string `yaml:"cite"`    // CC 146(2)
	Article string `yaml:"article"` // 146
	Part    int    `yaml:"part"`    // 0: cited without a part
	Points  []int  `yaml:"points"`
	From    string `yaml:"from"`
	Until   string `yaml:"until"`
	Penalty Label  `yaml:"penalty"`
	Source  `yaml:",inline"`
}

// Competence says which bodies may investigate an offence, by the day of the procedural step.
type Competence struct {
	Offences []string `yaml:"offences"` // keys; a key stands for those that belong to it; any
	Bodies   []string `yaml:"bodies"`
	Rule     string   `yaml:"rule"` // not_own_staff, whoever_began, takeover
	Form     string   `yaml:"form"`
	From     string   `yaml:"from"`
	Until    string   `yaml:"until"`
	Source   `yaml:",inline"`
}

// Bar is something the law rules out for torture, or a clock that requalification starts.
type Bar struct {
	Topic  string `yaml:"topic"`
	Rule   Label  `yaml:"rule"`
	Source `yaml:",inline"`
}

// Term is a time limit as the law sets it: the source on which the deadlines in rules rest.
type Term struct {
	ID      string `yaml:"id"`
	From    string `yaml:"from"` // the event it runs from
	To      string `yaml:"to"`   // the event that must or may follow
	N       int    `yaml:"n"`
	Max     int    `yaml:"max"`
	MaxWhen string `yaml:"max_when"`
	Unit    string `yaml:"unit"` // hour, day, month, year, immediate
	Owes    string `yaml:"owes"` // them, us
	Kind    string `yaml:"kind"` // due, window, opens
	When    string `yaml:"when"`
	Until   string `yaml:"until"`
	Restore bool   `yaml:"restorable"`
	Source  `yaml:",inline"`
}

// Right is a right of the victim.
type Right struct {
	Label  Label `yaml:"label"`
	Source `yaml:",inline"`
}

// Remedy is a way to redress.
type Remedy struct {
	ID     string         `yaml:"id"`
	Label  Label          `yaml:"label"`
	MCI    map[string]int `yaml:"amount_mci"` // amounts in monthly calculation indices
	Source `yaml:",inline"`
}

// Treaty is an international obligation with its day.
type Treaty struct {
	Treaty string `yaml:"treaty"`
	Event  string `yaml:"event"` // accession, ratification, declaration, established
	Date   string `yaml:"date"`
	Source `yaml:",inline"`
}

// Territory says how regions came out of others.
type Territory struct {
	Reform string  `yaml:"reform"` // the day on which the splits took effect
	Splits []Split `yaml:"splits"`
	Tiles  []Tile  `yaml:"tiles"`
	Source `yaml:",inline"`
}

// Tile is where a region stands on a map of tiles of one size: column from the west, row from the north, both from 0.
type Tile struct {
	Code   string `yaml:"code"`
	Column int    `yaml:"column"`
	Row    int    `yaml:"row"`
	Short  Label  `yaml:"short"` // what fits into a tile, about six letters; empty: the code without its country
}

// Split is a region that was made out of another.
type Split struct {
	New  string `yaml:"new"`
	From string `yaml:"from"`
	Note string `yaml:"note"`
}

// Banner returns what users are to be told about the pack; ok is false for a reviewed one.
func (p *Pack) Banner() (Label, bool) {
	return p.Warning, p.Status != "reviewed"
}

// Tiles are the places of regions on a map of tiles.
func (b *Book) Tiles() []Tile {
	var out []Tile
	for _, p := range b.packs {
		out = append(out, p.Territory.Tiles...)
	}
	return out
}

// Offence returns the offence with the key.
func (p *Pack) Offence(key string) (*Offence, bool) {
	for i := range p.Offences {
		if p.Offences[i].Key == key {
			return &p.Offences[i], true
		}
	}
	return nil, false
}

// Offence returns the offence with the key from whichever pack knows it.
func (b *Book) Offence(key string) (*Offence, bool) {
	for _, p := range b.packs {
		if o, ok := p.Offence(key); ok {
			return o, true
		}
	}
	return nil, false
}

// Competence returns the rules on who may investigate an offence on a day; those for any offence come last.
func (b *Book) Competence(offence string, day edtf.Day) []Competence {
	own := map[string]bool{offence: true, b.Family("offence", offence): true}
	var out, any []Competence
	for _, p := range b.packs {
		for _, c := range p.Competence {
			switch {
			case !inForce(c.From, c.Until, day):
			case slices.ContainsFunc(c.Offences, func(k string) bool { return own[k] }):
				out = append(out, c)
			case slices.Contains(c.Offences, "any"):
				any = append(any, c)
			}
		}
	}
	return append(out, any...)
}

// inForce says whether a day lies between two days given as ISO texts, empty for open ends.
func inForce(from, until string, day edtf.Day) bool {
	iso := day.String()
	return (from == "" || from <= iso) && (until == "" || iso <= until)
}

// check refuses a pack that names what is not there.
func (p *Pack) check(b *Book) error {
	if p.ID == "" || p.Label == (Label{}) || p.Status == "" {
		return fmt.Errorf("needs id, label and status")
	}
	if _, unreviewed := p.Banner(); unreviewed && p.Warning == (Label{}) {
		return fmt.Errorf("is not reviewed and has no warning that says so")
	}
	var err error
	fail := func(format string, args ...any) {
		if err == nil {
			err = fmt.Errorf(format, args...)
		}
	}
	source := func(place string, s Source) {
		if s.Basis == "" {
			fail("%s: has no basis", place)
		}
		if !slices.Contains([]string{"R", "K", "U", "H"}, s.Conf) {
			fail("%s: conf is R, K, U or H, not %q", place, s.Conf)
		}
	}
	days := func(place string, days ...string) {
		for _, d := range days {
			if _, bad := edtf.ParseDay(d); d != "" && bad != nil {
				fail("%s: %v", place, bad)
			}
		}
		if len(days) == 2 && days[0] != "" && days[1] != "" && days[0] > days[1] {
			fail("%s: ends on %s, before it starts on %s", place, days[1], days[0])
		}
	}
	code := func(place, list, code string) {
		l, ok := b.List(list)
		if !ok {
			fail("%s: there is no list %s", place, list)
			return
		}
		if _, ok := l.Code(code); !ok {
			fail("%s: there is no code %s in list %s", place, code, list)
		}
	}
	source("counting", p.Counting.Source)
	for _, a := range p.Articles {
		place := "article " + a.Article
		source(place, a.Source)
		days(place, a.From, a.Until)
		code(place, "article", a.Article)
	}
	for _, o := range p.Offences {
		code("offences", "offence", o.Key)
		for _, v := range o.Versions {
			place := "offence " + o.Key + ", " + v.Cite
			source(place, v.Source)
			days(place, v.From, v.Until)
			code(place, "article", v.Article)
		}
	}
	for i, c := range p.Competence {
		place := fmt.Sprintf("competence, entry %d", i+1)
		source(place, c.Source)
		days(place, c.From, c.Until)
		for _, o := range c.Offences {
			if o != "any" {
				code(place, "offence", o)
			}
		}
		for _, body := range c.Bodies {
			code(place, "body", body)
		}
		if c.Form != "" {
			code(place, "investigation_form", c.Form)
		}
	}
	for _, x := range p.Bars {
		source("bar "+x.Topic, x.Source)
	}
	seen := map[string]bool{}
	for _, t := range p.Terms {
		place := "term " + t.ID
		source(place, t.Source)
		if seen[t.ID] {
			fail("%s: stands twice", place)
		}
		seen[t.ID] = true
		if t.Unit != "" && !slices.Contains(termUnits, t.Unit) {
			fail("%s: there is no unit %q", place, t.Unit)
		}
		if t.Owes != "them" && t.Owes != "us" {
			fail("%s: owes is them or us, not %q", place, t.Owes)
		}
		if !slices.Contains([]string{"due", "window", "opens"}, t.Kind) {
			fail("%s: kind is due, window or opens, not %q", place, t.Kind)
		}
	}
	for _, r := range p.VictimRight {
		source("right "+r.Basis, r.Source)
	}
	for _, r := range p.Redress {
		source("redress "+r.ID, r.Source)
	}
	for _, t := range p.Treaties {
		place := "treaty " + t.Treaty
		source(place, t.Source)
		if _, bad := edtf.Parse(t.Date); bad != nil {
			fail("%s: %v", place, bad)
		}
	}
	days("territory", p.Territory.Reform)
	for _, s := range p.Territory.Splits {
		code("territory", "region", s.New)
		code("territory", "region", s.From)
	}
	taken := map[Tile]string{}
	for _, t := range p.Territory.Tiles {
		code("territory, tiles", "region", t.Code)
		at := Tile{Column: t.Column, Row: t.Row}
		if t.Column < 0 || t.Column > 11 || t.Row < 0 || t.Row > 11 {
			fail("territory, tiles: %s: column and row are from 0 to 11", t.Code)
		}
		if other := taken[at]; other != "" {
			fail("territory, tiles: %s stands where %s stands", t.Code, other)
		}
		taken[at] = t.Code
	}
	for _, c := range p.Columns {
		k, ok := b.Kind(c.Kind)
		if ok {
			_, ok = k.Field(c.Field)
		}
		if !ok || len(c.Words) == 0 {
			fail("columns: %s.%s is no field, or has no words", c.Kind, c.Field)
		}
	}
	return err
}

// call gives what the codebook has the words that the pack has for it.
func (p *Pack) call(b *Book) error {
	for _, c := range p.Called {
		switch {
		case c.Label == Label{}:
			return fmt.Errorf("called: an entry has no label")
		case c.List != "" && c.Kind == "" && c.Rule == "":
			list := b.list[c.List]
			i := -1
			if list != nil {
				i = slices.IndexFunc(list.Codes, func(x ListCode) bool { return x.Code == c.Code })
			}
			if i < 0 || c.Help != (Label{}) {
				return fmt.Errorf("called: there is no code %s in list %s, or a help, which no code has", c.Code, c.List)
			}
			list.Codes[i].Label = c.Label
			list.Codes[i].Aliases = slices.Concat(list.Codes[i].Aliases, c.Aliases)
		case c.Kind != "" && c.List == "" && c.Rule == "" && c.Aliases == nil:
			kind := b.kind[c.Kind]
			i := -1
			if kind != nil {
				i = slices.IndexFunc(kind.Fields, func(f Field) bool { return f.ID == c.Field })
			}
			if i < 0 {
				return fmt.Errorf("called: there is no field %s of kind %s", c.Field, c.Kind)
			}
			kind.Fields[i].Label = c.Label
			if c.Help != (Label{}) {
				kind.Fields[i].Help = c.Help
			}
		case c.Rule != "" && c.List == "" && c.Kind == "" && c.Aliases == nil:
			i := slices.IndexFunc(b.rules, func(r RuleDef) bool { return r.ID == c.Rule })
			if i < 0 {
				return fmt.Errorf("called: there is no rule %s", c.Rule)
			}
			b.rules[i].Label = c.Label
			if c.Help != (Label{}) {
				b.rules[i].Help = c.Help
			}
		default:
			return fmt.Errorf("called: an entry names a code of a list, a field of a kind or a rule, and only one of them")
		}
	}
	return nil
}
