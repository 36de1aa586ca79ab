// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

// comparedAnswer is `kua outside compare --json`, a contract with scripts.
type comparedAnswer struct {
	AsOf     string           `json:"as_of"`
	KnownBy  string           `json:"known_by,omitempty"`
	Verified bool             `json:"verified,omitempty"`
	Entries  uint64           `json:"entries"`
	Root     string           `json:"root"`
	Figures  []comparedFigure `json:"figures"`
}

type comparedFigure struct {
	saidFigure
	Day        string          `json:"day,omitempty"` // up to which it counts, and as of which ours does
	Ours       string          `json:"ours,omitempty"`
	Now        *comparedBeside `json:"now,omitempty"`  // by what is known at the clock
	Then       *comparedBeside `json:"then,omitempty"` // by what was known at the end of that day
	Compares   []string        `json:"compares,omitempty"`
	ReplacedBy string          `json:"replaced_by,omitempty"`
}

type comparedBeside struct {
	Value int  `json:"value"`
	Base  *int `json:"base,omitempty"`
	Gap   int  `json:"gap"` // theirs less ours; percentage points where theirs is a share
	None  bool `json:"nothing_known,omitempty"`
}

type saidFigure struct {
	ID        string `json:"id"`
	Indicator string `json:"indicator,omitempty"`
	Value     string `json:"value"`
	AtLeast   bool   `json:"at_least,omitempty"`
	Unit      string `json:"unit,omitempty"`
	Source    string `json:"source,omitempty"`
	By        string `json:"by,omitempty"`
	Published string `json:"published,omitempty"`
	AsOf      string `json:"as_of,omitempty"`
	Says      string `json:"says,omitempty"`
	Quote     string `json:"quote,omitempty"`
}

type saidCommitment struct {
	ID       string       `json:"id"`
	Kind     string       `json:"kind"`
	Date     string       `json:"date,omitempty"`
	By       string       `json:"by,omitempty"`
	To       string       `json:"to,omitempty"`
	Says     string       `json:"says"`
	Due      string       `json:"due,omitempty"`
	Status   string       `json:"status,omitempty"`
	Answered string       `json:"answered,omitempty"`
	Silent   bool         `json:"silent,omitempty"`
	Overdue  bool         `json:"overdue,omitempty"`
	Days     int          `json:"days,omitempty"`
	Followed []saidFollow `json:"followed,omitempty"`
}

type saidFollow struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	Date string `json:"date,omitempty"`
	By   string `json:"by,omitempty"`
	Says string `json:"says"`
}

// publicationAnswer is a source, without what its reader may not read.
type publicationAnswer struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Date  string `json:"date,omitempty"`
	Title string `json:"title,omitempty"`
	URL   string `json:"url,omitempty"`
}

func (p *program) outsideCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "outside", Short: "What others have published: figures, promises and demands"}
	cmd.AddCommand(p.outsideListCommand(), p.outsideCompareCommand())
	return cmd
}

// besideFlags choose what is listed.
type besideFlags struct {
	clock clockFlags
	lang  string
}

func (f *besideFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.clock.asOf, "as-of", "", "what was published up to the end of this `day` (2022-05-17); today where it is not given")
	cmd.Flags().StringVar(&f.clock.knownBy, "known-by", "", "entries up to this `moment`; all where it is not given")
	cmd.Flags().StringVar(&f.lang, "lang", "en", "the language of what they say: en, ru or kk")
}

func (p *program) outsideListCommand() *cobra.Command {
	var flags besideFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the figures, promises and demands, what followed on them, and their sources",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := p.clock(flags.clock)
			if err != nil {
				return err
			}
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			figures, err := reg.Comparison(cmd.Context(), session, registry.ComparisonQuery{Clock: at})
			if err != nil {
				return err
			}
			commitments, err := reg.Commitments(cmd.Context(), session, at)
			if err != nil {
				return err
			}
			sources, err := reg.Known(cmd.Context(), session, "publication")
			if err != nil {
				return err
			}
			said, asked, published := []saidFigure{}, []saidCommitment{}, []publicationAnswer{}
			for _, rec := range sources {
				f := rec.Fields
				published = append(published, publicationAnswer{rec.ID, one(f, "kind"), one(f, "date"), one(f, "title"), one(f, "url")})
			}
			for _, f := range figures.Figures {
				said = append(said, saidFigureOf(f.Record, flags.lang))
			}
			for _, c := range commitments.List {
				asked = append(asked, saidCommitmentOf(c, flags.lang))
			}
			if p.json {
				return printJSON(p.out, map[string]any{"as_of": commitments.Clock.AsOf.String(), "figures": said, "commitments": asked, "publications": published})
			}
			var rows [][]string
			for _, f := range said {
				rows = append(rows, []string{f.Published, f.shown(), f.By, f.Says})
			}
			if err := table(p.out, rows); err != nil {
				return err
			}
			rows = nil
			for _, s := range published {
				rows = append(rows, []string{s.Date, s.Kind, s.ID, s.Title})
			}
			if err := table(p.out, rows); err != nil {
				return err
			}
			rows = nil
			for _, c := range asked {
				state := c.Status
				switch {
				case c.Overdue:
					state = fmt.Sprintf("no answer, %s overdue", counted(c.Days, "day", "days"))
				case c.Silent:
					state = "no answer"
				}
				rows = append(rows, []string{c.Date, c.Kind, state, c.By, c.To, c.Says})
			}
			return table(p.out, rows)
		},
	}
	flags.add(cmd)
	return cmd
}

func (p *program) outsideCompareCommand() *cobra.Command {
	var flags besideFlags
	var indicator string
	var verified bool
	cmd := &cobra.Command{
		Use:   "compare",
		Short: "Set the figures of others beside ours, each as of the day to which it counts",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := p.clock(flags.clock)
			if err != nil {
				return err
			}
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			found, err := reg.Comparison(cmd.Context(), session, registry.ComparisonQuery{Clock: at, Indicator: indicator, Verified: verified})
			if err != nil {
				return err
			}
			if p.json {
				if err := reg.TakesOut(cmd.Context(), session, "figures", len(found.Figures)); err != nil {
					return err
				}
				return printJSON(p.out, comparedJSON(found, flags.lang))
			}
			rows := [][]string{{"up to", "theirs", "ours", "gap", "", ""}}
			for _, f := range found.Figures {
				row := []string{f.Day.String(), saidFigureOf(f.Record, flags.lang).shown(), "", "", f.Ours, says(f.Record.Fields, flags.lang)}
				if f.Beside() {
					row[2], row[3] = strconv.Itoa(f.Now.Value), strconv.Itoa(f.Now.Gap)
				}
				rows = append(rows, row)
			}
			return table(p.out, rows)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&indicator, "indicator", "", "only figures of this `code` of what is counted")
	cmd.Flags().BoolVar(&verified, "verified", false, "count only cases whose last verdict is that they are verified")
	return cmd
}

func comparedJSON(found registry.Comparison, lang string) comparedAnswer {
	answer := comparedAnswer{AsOf: found.Clock.AsOf.String(), Verified: found.Verified, Entries: found.Entries, Root: found.Root, Figures: []comparedFigure{}}
	if !found.Clock.KnownBy.IsZero() {
		answer.KnownBy = found.Clock.KnownBy.UTC().Format(time.RFC3339Nano)
	}
	for _, f := range found.Figures {
		one := comparedFigure{saidFigure: saidFigureOf(f.Record, lang), Compares: f.Record.Fields["compares"], ReplacedBy: f.Next, Day: dayOrNone(f.Day)}
		if f.Beside() {
			one.Ours, one.Now, one.Then = f.Ours, comparedBesideOf(f.Now), comparedBesideOf(f.Then)
		}
		answer.Figures = append(answer.Figures, one)
	}
	return answer
}

func comparedBesideOf(b registry.Beside) *comparedBeside {
	out := &comparedBeside{Value: b.Value, Gap: b.Gap, None: b.None}
	if b.Base >= 0 {
		out.Base = &b.Base
	}
	return out
}

func saidFigureOf(rec registry.OutsideRecord, lang string) saidFigure {
	f := rec.Fields
	return saidFigure{
		ID: rec.ID, Indicator: one(f, "indicator"), Value: one(f, "value"), AtLeast: one(f, "at_least") == "yes", Unit: one(f, "unit"),
		Source: one(f, "source_kind"), By: one(f, "by"), Published: one(f, "date"), AsOf: one(f, "as_of"), Says: says(f, lang), Quote: one(f, "quote"),
	}
}

// shown is the figure as a person reads it.
func (f saidFigure) shown() string {
	text := f.Value
	if f.Unit == "percent" {
		text += "%"
	}
	if f.AtLeast {
		text = "≥" + text
	}
	return text
}

func saidCommitmentOf(c registry.Commitment, lang string) saidCommitment {
	f := c.Record.Fields
	out := saidCommitment{
		ID: c.Record.ID, Kind: one(f, "kind"), Date: one(f, "date"), By: one(f, "by"), To: one(f, "to"), Says: says(f, lang), Due: dayOrNone(c.Standing.Due),
		Status: c.Standing.Status, Answered: c.Standing.Answered.String(), Silent: c.Standing.Silent, Overdue: c.Standing.Overdue, Days: c.Standing.Days,
	}
	for _, up := range c.Followed {
		out.Followed = append(out.Followed, saidFollow{up.ID, one(up.Fields, "kind"), one(up.Fields, "date"), one(up.Fields, "by"), says(up.Fields, lang)})
	}
	return out
}

// one is the only or first value of a field.
func one(f casefile.Fields, field string) string {
	if values := f[field]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// says is what somebody said, in a language where it was translated.
func says(f casefile.Fields, lang string) string {
	if text := one(f, "says_"+lang); text != "" {
		return text
	}
	return one(f, "says")
}

func dayOrNone(d edtf.Day) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
