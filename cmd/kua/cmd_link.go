// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/kua-registry/kua/internal/linkage"
	"github.com/kua-registry/kua/internal/linkcsv"
)

// linkAnswer is `kua link --json`, a contract with scripts.
type linkAnswer struct {
	Rows       int         `json:"rows"`
	Lists      []string    `json:"lists"`
	Compared   int         `json:"pairs_compared"`
	Proposed   int         `json:"pairs_proposed"`
	Clusters   int         `json:"clusters"`
	Duplicates int         `json:"clusters_of_several"`
	Accept     float64     `json:"accept"`
	Fields     []linkField `json:"fields"`
	Rules      []linkRule  `json:"rules"`
	Reach      float64     `json:"reach,omitempty"` // of rules that were found: the share of the likely pairs that they make
	Missed     *linkMissed `json:"missed_by_rules,omitempty"`
	Notes      []string    `json:"notes"`
}

type linkField struct {
	ID      string   `json:"id"`
	Compare string   `json:"compare"`
	From    []string `json:"from,omitempty"`
}

type linkRule struct {
	ID    string `json:"id"`
	Pairs int    `json:"pairs"`
	Split int    `json:"blocks_split,omitempty"`
	Over  int    `json:"blocks_too_large,omitempty"`
	Lost  int    `json:"pairs_not_compared,omitempty"`
}

type linkMissed struct {
	Share float64 `json:"share"`
	A     string  `json:"rule_a"`
	B     string  `json:"rule_b"`
}

func (p *program) linkCommand() *cobra.Command {
	var config, out, clusters, explain, draft, memory, decided, label string
	var sample int
	var across, waterfall, learn, quiet bool
	var seed uint64
	cmd := &cobra.Command{
		Use:   "link A.csv [B.csv]",
		Short: "Find who stands in a list twice, or in two lists, from CSV files",
		Long: `Find which rows of one or two CSV files are the same person. It needs no
register and changes nothing: it writes pairs with a probability and, with
--clusters, who is whom.

Without --config it finds out by itself which columns are names, dates, numbers
and codes, says what it took, and finds the rules that bring rows together.
--draft writes that down for you to look at and finish. Two files are linked
with each other and each in itself; --across pairs only rows of different lists.

--label draws pairs for a person to judge, at the terminal or in a column of the
file, and tells from the answers how many joined pairs are right and how many
true ones are joined. It goes on where it was left; --decided takes the same file.

What it writes is readable by you alone. What does not fit into --memory goes to
a private folder, sealed, and vanishes with the program. - is standard input.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			o := linkcsv.Options{Files: args, In: p.in, Across: across, Seed: seed, Learn: learn}
			if label != "" {
				if _, err := os.Stat(label); err == nil {
					return p.judgeLabels(label)
				}
				o.Propose = linkcsv.LabelPropose
			}
			if out == "" && draft == "" && clusters == "" && explain == "" && label == "" {
				return usage("say where the pairs go: --out pairs.csv (or --draft config.yaml, to see first what would be compared)")
			}
			if learn && decided == "" {
				return usage("--learn learns from what people decided: give --decided, too")
			}
			var err error
			if o.Memory, err = memoryBound(memory); err != nil {
				return err
			}
			if config != "" {
				data, err := os.ReadFile(config)
				if err != nil {
					return fmt.Errorf("the configuration can't be read: %w", err)
				}
				plan, err := linkcsv.ParsePlan(config, data)
				if err != nil {
					return err
				}
				o.Plan = &plan
			}
			if draft != "" {
				return p.draftLink(args[0], draft)
			}
			if decided != "" {
				if o.Decisions, err = p.decisions(decided); err != nil {
					return err
				}
			}
			if o.Memory > 0 {
				defer debug.SetMemoryLimit(debug.SetMemoryLimit(o.Memory))
			}
			if !p.json && !quiet {
				o.Progress = func(what string) { fmt.Fprintf(p.err, "%s …\n", what) }
			}
			linked, err := linkcsv.Link(cmd.Context(), o)
			if err != nil {
				return err
			}
			defer linked.Close() //nolint:errcheck // what it removes has no name any more
			if label != "" {
				labels, err := linked.Draw(sample, seed)
				if err != nil {
					return err
				}
				if len(labels.Pairs) == 0 {
					return fmt.Errorf("there is no pair to judge: nothing looks like one person twice")
				}
				if err := linkcsv.WriteFile(label, labels.Write); err != nil {
					return err
				}
				return p.judgeLabels(label)
			}
			for _, f := range []struct {
				path  string
				write func(io.Writer) error
			}{
				{out, func(w io.Writer) error { return linked.WritePairs(w, waterfall) }},
				{clusters, linked.WriteClusters},
				{explain, linked.WriteExplanations},
			} {
				if f.path == "" {
					continue
				}
				if err := linkcsv.WriteFile(f.path, f.write); err != nil {
					return err
				}
			}
			return p.printLinked(linked)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&out, "out", "", "write the pairs to this `file`: id_a,id_b,probability")
	flags.StringVar(&clusters, "clusters", "", "write who is whom to this `file`: id,cluster")
	flags.StringVar(&explain, "explain", "", "write each pair with its reasons to this `file`, a JSON object a line")
	flags.BoolVar(&waterfall, "waterfall", false, "add the weight of each field to the pairs")
	flags.StringVar(&config, "config", "", "the `file` that says which columns are what, and how they are compared")
	flags.StringVar(&draft, "draft", "", "write what was found of the columns to this `file`, as a configuration, and stop")
	flags.BoolVar(&across, "across", false, "pair only rows of different lists")
	flags.Uint64Var(&seed, "seed", 1, "seed of what is drawn at random: the same one gives the same result")
	flags.StringVar(&memory, "memory", "", "how much memory rows and sorting may `take`, as 4GB; above it the disk is used (default: half of what is free)")
	flags.StringVar(&decided, "decided", "", "a `file` of pairs that people decided: id_a,id_b,same (yes, no or unsure); it binds")
	flags.BoolVar(&learn, "learn", false, "learn the weights from what was decided, too")
	flags.StringVar(&label, "label", "", "draw pairs for a person to judge into this `file`, ask, and tell from the answers how good the linkage is")
	flags.IntVar(&sample, "sample", 200, "how many `pairs` --label draws")
	flags.BoolVar(&quiet, "quiet", false, "do not say what is being done")
	return cmd
}

// memoryBound reads a size; without one it is half of what is free.
func memoryBound(text string) (int64, error) {
	if text == "" {
		if free := freeMemory(); free > 0 {
			return free / 2, nil
		}
		return 2 << 30, nil
	}
	units := []struct {
		name string
		size int64
	}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"kB", 1 << 10}}
	for _, u := range units {
		if n, ok := strings.CutSuffix(text, u.name); ok {
			x, err := strconv.ParseFloat(strings.TrimSpace(n), 64)
			if err == nil && x > 0 && x < 1e6 {
				return int64(x * float64(u.size)), nil
			}
		}
	}
	return 0, usage("--memory %q: write it as 500MB or 4GB", text)
}

// freeMemory is what the system says is free, 0 where it says nothing.
func freeMemory() int64 {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err == nil {
				return n << 10
			}
		}
	}
	return 0
}

func (p *program) draftLink(file, draft string) error {
	plan, columns, err := linkcsv.Look(file, p.in)
	if err != nil {
		return err
	}
	if err := linkcsv.WriteFile(draft, func(w io.Writer) error { _, err := w.Write(plan.YAML(columns)); return err }); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%s says what would be compared. Look at it, finish it, then: kua link %s --config %s --out pairs.csv\n", draft, file, draft)
	return nil
}

// decisions reads what people decided.
func (p *program) decisions(path string) ([]linkcsv.Decision, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the decisions can't be read: %w", err)
	}
	return linkcsv.ReadDecisions(path, bytes.NewReader(data))
}

// labelAnswer is `kua link --label --json`.
type labelAnswer struct {
	Answered  int          `json:"answered"`
	Unsure    int          `json:"unsure"`
	Open      int          `json:"open"`
	Precision *shareAnswer `json:"precision,omitempty"`
	Recall    *shareAnswer `json:"recall,omitempty"`
	Missed    *float64     `json:"missed_by_rules,omitempty"`
	Unseen    []string     `json:"strata_not_judged,omitempty"`
}

type shareAnswer struct {
	Estimate float64 `json:"estimate"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
}

// judgeLabels asks what is not answered yet, and tells what the answers say.
func (p *program) judgeLabels(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%s can't be read: %w", path, errors.Unwrap(err))
	}
	labels, err := linkcsv.ReadLabels(path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	in, ok := p.in.(*os.File)
	if ok && term.IsTerminal(int(in.Fd())) && labels.Open() > 0 && !p.json {
		if err := labels.Ask(in, p.out, func() error { return linkcsv.WriteFile(path, labels.Write) }); err != nil {
			return err
		}
	}
	j := labels.Judge()
	a := labelAnswer{Answered: j.Answered, Unsure: j.Unsure, Open: j.Open, Unseen: j.Unseen}
	if j.Missed >= 0 {
		a.Missed = &j.Missed
	}
	if j.Enough {
		precision, recall := shareAnswer(j.Precision), shareAnswer(j.Recall)
		a.Precision, a.Recall = &precision, &recall
	}
	if p.json {
		return printJSON(p.out, a)
	}
	fmt.Fprintf(p.out, "%d pairs judged, %d unsure, %d not judged yet.\n", a.Answered, a.Unsure, a.Open)
	if !j.Enough {
		fmt.Fprintf(p.out, "Nothing can be said before some pair of each part is judged. Fill the column \"same\" of %s with yes, no or unsure, and call this again.\n", path)
		return nil
	}
	fmt.Fprintf(p.out, "Of the joined pairs %s are one person.\n", percentRange(a.Precision))
	fmt.Fprintf(p.out, "Of the true pairs that were compared %s are joined.\n", percentRange(a.Recall))
	if a.Missed != nil {
		fmt.Fprintf(p.out, "About %.1f %% of the true pairs were never compared, by two rules that look at different columns; more, if slips come together. No answer here can show them.\n", 100**a.Missed)
	} else {
		fmt.Fprintln(p.out, "How many true pairs were never compared is not known: no two rules look at different columns, or they find too little. No answer here can show them.")
	}
	return nil
}

func percentRange(s *shareAnswer) string {
	return fmt.Sprintf("%.1f %% (95 %% interval %.1f to %.1f)", 100*s.Estimate, 100*s.Low, 100*s.High)
}

func (p *program) printLinked(l *linkcsv.Linked) error {
	a := linkAnswer{Rows: l.Rows(), Lists: append([]string{}, l.Lists...), Compared: l.Found.Compared, Proposed: l.Found.Proposed, Reach: l.Found.Reach, Accept: l.Plan.Accept, Notes: append([]string{}, l.Notes...)}
	if a.Accept == 0 {
		a.Accept = linkage.DefaultAccept
	}
	a.Clusters, a.Duplicates = l.Clusters()
	for _, f := range l.Plan.Fields {
		a.Fields = append(a.Fields, linkField{f.ID, string(f.Compare), f.From})
	}
	for _, b := range l.Found.Blocks {
		a.Rules = append(a.Rules, linkRule{b.ID, b.Pairs, b.Split, b.Over, b.LostPairs})
	}
	if m := l.Found.Missed; m.A != "" {
		a.Missed = &linkMissed{m.Share, m.A, m.B}
	}
	if p.json {
		return printJSON(p.out, a)
	}
	fmt.Fprintf(p.out, "%d rows; %d pairs compared; %d pairs to look at; %d people, %d of them in several rows (joined from a probability of %v).\n", a.Rows, a.Compared, a.Proposed, a.Clusters, a.Duplicates, a.Accept)
	for _, r := range a.Rules {
		fmt.Fprintf(p.out, "  rule %s: %d pairs\n", r.ID, r.Pairs)
	}
	if a.Missed != nil {
		fmt.Fprintf(p.out, "Rules bring together what agrees in something. By %q and %q, which look at different columns, about %.1f %% of the true pairs were never compared; more, if slips come together.\n", a.Missed.A, a.Missed.B, 100*a.Missed.Share)
	}
	for _, n := range a.Notes {
		fmt.Fprintf(p.out, "- %s\n", n)
	}
	return nil
}
