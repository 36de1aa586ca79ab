// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Use is what a rule is for.
type Use string

// The uses of a rule.
const (
	Figure   Use = "figure"
	Check    Use = "check"
	Deadline Use = "deadline"
	Calendar Use = "calendar" // which days are no working days, and how a term is counted
)

// RuleDef is a check, a deadline or a figure, as read. The expressions are CEL (docs/spec/rules.md); package rules
// compiles them.
type RuleDef struct {
	ID     string  `yaml:"id"`
	Use    Use     `yaml:"use"` // by default the file's
	Label  Label   `yaml:"label"`
	Help   Label   `yaml:"help"`    // the definition in words
	Source Label   `yaml:"-"`       // the norm or the method it rests on, in three languages; made from Norm
	Norm   string  `yaml:"norm"`    // as written: CPC 289(2); CAT 12, with the abbreviations of the file's acts
	Conf   string  `yaml:"conf"`    // R text read, K known, U unsure, H house rule
	Next   Label   `yaml:"next"`    // the next sensible step
	Stage  string  `yaml:"stage"`   // the station of the way it belongs to: a code of list stage; empty: none
	Urgent bool    `yaml:"urgent"`  // what it is about may vanish any day: before all else
	Form   string  `yaml:"form"`    // the kind of record whose form is the next step, where no letter is
	ByHand Label   `yaml:"by_hand"` // why neither a letter nor a form is the next step
	Each   string  `yaml:"each"`    // the kind of which every record is asked, as it; empty: the case is asked once
	When   string  `yaml:"when"`    // whether the rule applies; empty: always
	Shown  []Shown `yaml:"shown"`   // what is measured, to be shown with the answer

	// A figure or a check.
	Expr     string   `yaml:"expr"`     // a figure: counts; a check: is breached
	Severity string   `yaml:"severity"` // B breach, W warning, I for information
	Grave    string   `yaml:"grave"`    // when true, a warning is a breach
	Records  string   `yaml:"records"`  // the records that cause a breach, where the check is asked once
	Of       []string `yaml:"of"`       // a check that follows deadlines: breached when one was missed
	Base     string   `yaml:"base"`     // the figure this one is a share of: it counts only where that one does
	Place    int      `yaml:"place"`    // where a figure stands among the others
	Sets     []string `yaml:"sets"`     // the sets a figure stands in
	Flow     []string `yaml:"flow"`     // the two figures, from and to, between which this one is a link of the way; empty: it is none
	Counted  Label    `yaml:"counted"`  // what a figure counts; by default the file's

	// A deadline.
	From     string `yaml:"from"`     // the day from which it runs
	Arguable string `yaml:"arguable"` // the later day from which it can be argued to run
	N        int    `yaml:"n"`
	Max      int    `yaml:"max"` // the longest term where it may be prolonged
	Unit     string `yaml:"unit"`
	Until    string `yaml:"until"` // in place of a term: the day on which a window closes
	Owes     string `yaml:"owes"`  // them, us
	Kind     string `yaml:"kind"`  // due, window, opens
	By       string `yaml:"by"`    // the kind of record by which it is done, as by; empty: the record itself
	Done     string `yaml:"done"`  // whether that record does it
	On       string `yaml:"on"`    // the day on which it was done

	// A calendar.
	Weekend    []string  `yaml:"weekend"`
	Holidays   []Holiday `yaml:"holidays"`
	Moved      []Moved   `yaml:"moved"`
	Roll       bool      `yaml:"roll"`       // a term that ends on no working day ends on the next working day
	Substitute bool      `yaml:"substitute"` // a holiday on a weekend makes the next working day free

	File string `yaml:"-"`
}

// Shown is a measure that is shown with an answer.
type Shown struct {
	Label Label  `yaml:"label"`
	Expr  string `yaml:"expr"`
}

// Holiday is a day that is no working day: every year by month and day (03-22), or once (2022-07-09).
type Holiday struct {
	Day   string `yaml:"day"`
	Label Label  `yaml:"label"`
	Alone bool   `yaml:"alone"` // not made up for when it falls on a weekend
	From  int    `yaml:"from"`  // first year
	Until int    `yaml:"until"` // last year
	Conf  string `yaml:"conf"`  // as of a rule; by default the calendar's
}

// Moved is a day of rest that was moved: one is worked on the first day and rests on the other.
type Moved struct {
	From string `yaml:"from"`
	To   string `yaml:"to"`
	Norm string `yaml:"norm"` // by what it was moved
	Conf string `yaml:"conf"` // as of a rule; by default the calendar's

	Source Label `yaml:"-"` // made of Norm
}

// The units of a term.
var termUnits = []string{"hour", "day", "working_day", "month", "year", "immediate"}

// parseRules reads a file of rules.
func parseRules(file string, data []byte) ([]RuleDef, error) {
	var f struct {
		Use     Use              `yaml:"use"`
		Acts    map[string]Label `yaml:"acts"` // abbreviations that stand in norms
		Counted Label            `yaml:"counted"`
		Rules   []RuleDef        `yaml:"rules"`
	}
	if err := decode(file, data, &f); err != nil {
		return nil, err
	}
	for i := range f.Rules {
		r := &f.Rules[i]
		r.File = file
		r.Use = cmp.Or(r.Use, f.Use)
		r.Source = translate(r.Norm, f.Acts)
		for j := range r.Moved {
			r.Moved[j].Source = translate(r.Moved[j].Norm, f.Acts)
		}
		if r.Use == Figure && r.Counted == (Label{}) {
			r.Counted = f.Counted
		}
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("%s: rule %s: %w", file, r.ID, err)
		}
	}
	return f.Rules, nil
}

// translate puts the abbreviations of a norm into the three languages.
func translate(norm string, acts map[string]Label) Label {
	in := func(lang string) string {
		var b strings.Builder
		word := func(w string) {
			if l, ok := acts[w]; ok {
				w = l.In(lang)
			}
			b.WriteString(w)
		}
		rest := norm
		for rest != "" {
			n := strings.IndexFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) })
			if n < 0 {
				n = len(rest)
			}
			word(rest[:n])
			rest = rest[n:]
			n = strings.IndexFunc(rest, unicode.IsLetter)
			if n < 0 {
				n = len(rest)
			}
			b.WriteString(rest[:n])
			rest = rest[n:]
		}
		return b.String()
	}
	return Label{En: in("en"), Ru: in("ru"), Kk: in("kk")}
}

func (r *RuleDef) check() error {
	one := func(what, value string, of ...string) error {
		if !slices.Contains(of, value) {
			return fmt.Errorf("%s is one of %s, not %q", what, strings.Join(of, ", "), value)
		}
		return nil
	}
	if err := one("use", string(r.Use), string(Figure), string(Check), string(Deadline), string(Calendar)); err != nil {
		return err
	}
	if r.Label == (Label{}) {
		return fmt.Errorf("needs a label")
	}
	if err := one("conf", r.Conf, "R", "K", "U", "H"); err != nil {
		return err
	}
	if r.Norm == "" {
		return fmt.Errorf("needs a norm: where it comes from")
	}
	switch r.Use {
	case Calendar:
		for i := range r.Holidays {
			h := &r.Holidays[i]
			h.Conf = cmp.Or(h.Conf, r.Conf)
			if h.Label == (Label{}) {
				return fmt.Errorf("holidays: %s needs a label", h.Day)
			}
			if err := one("holidays: conf", h.Conf, "R", "K", "U", "H"); err != nil {
				return err
			}
		}
		for i := range r.Moved {
			m := &r.Moved[i]
			m.Conf = cmp.Or(m.Conf, r.Conf)
			if m.Norm == "" {
				return fmt.Errorf("moved: %s needs a norm: by what it was moved", m.From)
			}
			if err := one("moved: conf", m.Conf, "R", "K", "U", "H"); err != nil {
				return err
			}
		}
	case Figure:
		if r.Expr == "" || r.Help == (Label{}) || r.Counted == (Label{}) {
			return fmt.Errorf("a figure needs expr, help and counted: the expression, its meaning in words, what is counted")
		}
		if len(r.Flow) != 0 && len(r.Flow) != 2 {
			return fmt.Errorf("flow: a link leads from one figure to one other: write both")
		}
	case Check:
		if (r.Expr == "") == (r.Of == nil) {
			return fmt.Errorf("a check has either expr or of: what breaches it, or the deadline it follows")
		}
		return one("severity", r.Severity, "B", "W", "I")
	case Deadline:
		if err := one("owes", r.Owes, "them", "us"); err != nil {
			return err
		}
		if err := one("kind", r.Kind, "due", "window", "opens"); err != nil {
			return err
		}
		if r.From == "" {
			return fmt.Errorf("a deadline needs from: the day from which it runs")
		}
		if r.Kind == "window" && r.Unit == "" {
			return nil // an event closes it, or nothing does
		}
		return one("unit", r.Unit, termUnits...)
	}
	return nil
}

// checkStep refuses a station or a form that is not there.
func (b *Book) checkStep(r *RuleDef) error {
	if r.Stage != "" {
		list, ok := b.List("stage")
		if !ok {
			return fmt.Errorf("stage: there is no list stage")
		}
		if _, ok := list.Code(r.Stage); !ok {
			return fmt.Errorf("stage: there is no code %s in list stage", r.Stage)
		}
	}
	if r.Form == "" || r.Form == formOfIt && r.Each != "" {
		return nil
	}
	if k, ok := b.Kind(r.Form); !ok || k.Scope != InCase {
		return fmt.Errorf("form: there is no kind %q of records in a case", r.Form)
	}
	return nil
}

// formOfIt stands for the form of the record that was found.
const formOfIt = "it"
