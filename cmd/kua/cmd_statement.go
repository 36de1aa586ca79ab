// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/paper"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/statement"
)

func (p *program) statementCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "statement",
		Short: "Texts with figures that are asked of the register: check, render, publish, verify",
		Long: `A statement is a Markdown file for each language, with directives for what is
asked of the register: {{figure "reports"}}, {{table "reports" by="region"}}.
It begins with a heading:

  ---
  lang: en
  title: Joint statement
  as_of: 2022-05-17
  ---

The files of one statement in several languages are given together.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.statementListCommand(), p.statementPutCommand(), p.statementCheckCommand(), p.statementRenderCommand(), p.statementPublishCommand(), p.statementVerifyCommand())
	return cmd
}

// statementRow is one statement of `kua statement list --json`.
type statementRow struct {
	ID          string            `json:"id"`
	Titles      map[string]string `json:"titles"`
	AsOf        string            `json:"as_of"`
	Published   string            `json:"published,omitempty"`
	Corrects    string            `json:"corrects,omitempty"`
	CorrectedBy string            `json:"corrected_by,omitempty"`
}

func (p *program) statementListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the statements, drafts and published ones",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			found, err := reg.Statements(cmd.Context(), session)
			if err != nil {
				return err
			}
			rows := make([]statementRow, 0, len(found))
			for _, f := range found {
				row := statementRow{ID: f.ID, Titles: f.Titles, AsOf: f.AsOf.String(), Corrects: f.Corrects, CorrectedBy: f.CorrectedBy}
				if !f.Published.IsZero() {
					row.Published = f.Published.UTC().Format(time.RFC3339)
				}
				rows = append(rows, row)
			}
			if p.json {
				return printJSON(p.out, map[string]any{"statements": rows})
			}
			lines := [][]string{{"ID", "AS OF", "PUBLISHED", "TITLE"}}
			for _, row := range rows {
				lines = append(lines, []string{row.ID, row.AsOf, dash(row.Published), dash(anyTitle(row.Titles))})
			}
			return table(p.out, lines)
		},
	}
}

func anyTitle(titles map[string]string) string {
	for _, lang := range statement.Languages() {
		if titles[lang] != "" {
			return titles[lang]
		}
	}
	return ""
}

// readStatement reads the files of one statement. By language it answers on which
// line of its file a text begins.
func readStatement(files []string) (registry.StatementText, map[string]int, error) {
	t := registry.StatementText{Titles: map[string]string{}, Texts: map[string]string{}}
	begins := map[string]int{}
	var first statement.Source
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return t, nil, fmt.Errorf("the text can't be read: %w", err)
		}
		source, err := statement.ReadSource(file, string(text))
		if err != nil {
			return t, nil, err
		}
		if _, twice := t.Texts[source.Lang]; twice {
			return t, nil, fmt.Errorf("%s: there is another text in the same language (%s): give one file for each", file, source.Lang)
		}
		if i == 0 {
			first = source
		} else if source.AsOf != first.AsOf || source.KnownBy != first.KnownBy || source.K != first.K || source.Corrects != first.Corrects {
			return t, nil, fmt.Errorf("%s: as_of, known_by, k and corrects are not those of %s: one statement in several languages is of one day", file, files[0])
		}
		t.Titles[source.Lang], t.Texts[source.Lang] = source.Title, source.Body
		begins[source.Lang] = source.Line
	}
	t.KnownBy, t.K, t.Corrects = first.KnownBy, first.K, first.Corrects
	if first.AsOf != "" {
		day, err := edtf.ParseDay(first.AsOf)
		if err != nil {
			return t, nil, err
		}
		t.AsOf = day
	}
	return t, begins, nil
}

func (p *program) statementPutCommand() *cobra.Command {
	var id string
	cmd := &cobra.Command{
		Use:   "put FILE…",
		Short: "Keep a statement in the register, new or changed, before it is published",
		Args:  cobra.RangeArgs(1, 3),
		RunE: func(cmd *cobra.Command, files []string) error {
			t, _, err := readStatement(files)
			if err != nil {
				return err
			}
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			change := registry.StatementChange{ID: id, StatementText: t}
			if id != "" {
				view, err := reg.Statement(cmd.Context(), session, id)
				if err != nil {
					return err
				}
				change.Seen = view.Seen
			}
			kept, err := reg.PutStatement(cmd.Context(), session, change)
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, map[string]string{"id": kept})
			}
			fmt.Fprintln(p.out, kept)
			return nil
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "the `id` of the statement to change; else a new one is kept")
	return cmd
}

// findingAnswer is one finding of `kua statement check --json`.
type findingAnswer struct {
	Kind     string   `json:"kind"`
	Lang     string   `json:"lang,omitempty"`
	Line     int      `json:"line,omitempty"`
	Sentence string   `json:"sentence,omitempty"`
	Args     []string `json:"args,omitempty"`
	Text     string   `json:"text"`
	Stops    bool     `json:"stops"`
	Accept   bool     `json:"accept"` // it goes out only with a reason
}

// findings are findings in words; begins says on which line of its file a text begins.
func (p *program) findings(reg *registry.Registry, found []registry.StatementFinding, begins map[string]int) ([]findingAnswer, error) {
	words, err := locale.Load()
	if err != nil {
		return nil, err
	}
	en := words.Lang("en")
	out := make([]findingAnswer, 0, len(found))
	for _, f := range found {
		if f.Line > 0 {
			f.Line += begins[f.Lang]
		}
		out = append(out, findingAnswer{f.Kind, f.Lang, f.Line, f.Sentence, f.Args, f.In(en, reg.Book()), f.Stops, f.Accept})
	}
	return out, nil
}

// printFindings writes a line for each finding.
func printFindings(w io.Writer, found []findingAnswer) {
	for _, f := range found {
		where := ""
		if f.Lang != "" {
			where = f.Lang
		}
		if f.Line > 0 {
			where += ", line " + strconv.Itoa(f.Line)
		}
		if where != "" {
			where += ": "
		}
		fmt.Fprintf(w, "%s%s", where, f.Text)
		if f.Sentence != "" {
			fmt.Fprintf(w, " “%s”", f.Sentence)
		}
		fmt.Fprintln(w)
	}
}

func (p *program) statementCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE…",
		Short: "See what stands in the way of publishing a text: figures, consent, risk, small numbers",
		Args:  cobra.RangeArgs(1, 3),
		RunE: func(cmd *cobra.Command, files []string) error {
			t, begins, err := readStatement(files)
			if err != nil {
				return err
			}
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			checked, err := reg.CheckStatement(cmd.Context(), session, t)
			if err != nil {
				return err
			}
			found, err := p.findings(reg, checked.Findings, begins)
			if err != nil {
				return err
			}
			if p.json {
				if err := printJSON(p.out, map[string]any{"figures": len(checked.Answers), "k": checked.Settings.K, "least": checked.Least, "findings": found}); err != nil {
					return err
				}
			} else {
				printFindings(p.out, found)
				fmt.Fprintf(p.out, "%d figures; no cell of a table tells of fewer than %d; the smallest group told or computed has %d.\n", len(checked.Answers), checked.Settings.K, checked.Least)
			}
			if len(found) > 0 {
				return errFindings
			}
			return nil
		},
	}
}

// format is a way to write a document.
type format struct {
	name  string
	write func(io.Writer, paper.Document) error
}

func formats() []format {
	return []format{{"html", paper.HTML}, {"pdf", paper.PDF}, {"docx", paper.DOCX}, {"md", paper.Markdown}, {"txt", paper.Text}}
}

func chosenFormats(names string) ([]format, error) {
	all := formats()
	if names == "" {
		return all, nil
	}
	var out []format
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(f format) bool { return f.name == strings.TrimSpace(name) })
		if i < 0 {
			var known []string
			for _, f := range all {
				known = append(known, f.name)
			}
			return nil, usage("--formats: %q is none of %s", name, strings.Join(known, ", "))
		}
		out = append(out, all[i])
	}
	return out, nil
}

func (p *program) statementRenderCommand() *cobra.Command {
	var out, names, id string
	cmd := &cobra.Command{
		Use:   "render FILE… --out DIR",
		Short: "Write a statement with its figures as HTML, PDF, DOCX, Markdown and text",
		Long: `Write a text with its figures as they are counted now, in all formats, to a
directory. With --id a published statement is written as it was published: with
what was frozen, its manifest, and the key by which the manifest is verified.`,
		Args: cobra.RangeArgs(0, 3),
		RunE: func(cmd *cobra.Command, files []string) error {
			chosen, err := chosenFormats(names)
			if err != nil {
				return err
			}
			switch {
			case out == "":
				return usage("where to? Give a directory with --out DIR")
			case (len(files) == 0) == (id == ""):
				return usage("give the files of a text, or --id for a published statement")
			}
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			if id != "" {
				return p.writePublished(cmd.Context(), reg, session, id, out, chosen)
			}
			t, begins, err := readStatement(files)
			if err != nil {
				return err
			}
			checked, err := reg.CheckStatement(cmd.Context(), session, t)
			if err != nil {
				return err
			}
			found, err := p.findings(reg, slices.DeleteFunc(slices.Clone(checked.Findings), func(f registry.StatementFinding) bool {
				return f.Kind != registry.FindFault && f.Kind != registry.FindFigure && f.Kind != registry.FindFacet && f.Kind != registry.FindScope &&
					f.Kind != registry.FindOutside && f.Kind != registry.FindAmbiguous
			}), begins)
			if err != nil {
				return err
			}
			if len(found) > 0 { // there is a place that nothing can be put into
				printFindings(p.err, found)
				return errFindings
			}
			if err := reg.TakesOut(cmd.Context(), session, "statement", len(checked.Answers)); err != nil {
				return err
			}
			return p.writeTexts(t, checked.Filling(reg.FigureSet), reg, out, chosen)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "the `directory` to write to; made where it is not there")
	cmd.Flags().StringVar(&names, "formats", "", "which `formats`, with commas between them; all where it is not given")
	cmd.Flags().StringVar(&id, "id", "", "the `id` of a published statement")
	return cmd
}

// writePublished writes a statement as it was published.
func (p *program) writePublished(ctx context.Context, reg *registry.Registry, session *access.Session, id, out string, chosen []format) error {
	view, filling, err := reg.PublishedStatement(ctx, session, id)
	if err != nil {
		return err
	}
	key, err := reg.StatementKey(ctx, session)
	if err != nil {
		return err
	}
	if err := reg.TakesOut(ctx, session, "statement", len(filling.Answers)); err != nil {
		return err
	}
	if err := p.writeTexts(view.Text, filling, reg, out, chosen); err != nil {
		return err
	}
	for name, content := range map[string][]byte{"manifest.txt": view.Manifest, "key.txt": []byte(key + "\n")} {
		if err := os.WriteFile(filepath.Join(out, name), content, 0o600); err != nil {
			return fmt.Errorf("the statement can't be written: %w", err)
		}
	}
	return nil
}

// writeTexts writes a statement in each of its languages and formats.
func (p *program) writeTexts(t registry.StatementText, filling statement.Filling, reg *registry.Registry, out string, chosen []format) error {
	words, err := locale.Load()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o700); err != nil {
		return fmt.Errorf("the statement can't be written: %w", err)
	}
	for _, lang := range statement.Languages() {
		text, ok := t.Texts[lang]
		if !ok {
			continue
		}
		doc, err := statement.Document(text, t.Titles[lang], filling.In(words.Lang(lang), reg.Book()))
		if err != nil {
			return fmt.Errorf("%s: %w", lang, err)
		}
		for _, f := range chosen {
			if err := writeDocument(filepath.Join(out, "statement."+lang+"."+f.name), f, doc); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeDocument writes a document to a file: all of it, or nothing.
func writeDocument(path string, f format, doc paper.Document) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".writing-*")
	if err != nil {
		return fmt.Errorf("the statement can't be written: %w", err)
	}
	defer func() {
		if err != nil {
			os.Remove(file.Name())
			err = fmt.Errorf("the statement can't be written: %w", err)
		}
	}()
	if err := errors.Join(f.write(file, doc), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

func (p *program) statementPublishCommand() *cobra.Command {
	var out, accept string
	cmd := &cobra.Command{
		Use:   "publish ID",
		Short: "Freeze every figure of a statement and sign it; from then on it is never changed",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			view, err := reg.Statement(cmd.Context(), session, args[0])
			if err != nil {
				return err
			}
			_, err = reg.PublishStatement(cmd.Context(), session, args[0], view.Seen, accept)
			var stopped *registry.UnpublishedError
			if errors.As(err, &stopped) {
				found, wordErr := p.findings(reg, stopped.Findings, nil)
				if wordErr != nil {
					return wordErr
				}
				printFindings(p.err, found)
			}
			if err != nil {
				return err
			}
			if err := p.refreshPublic(cmd.Context(), reg); err != nil {
				return fmt.Errorf("it is published; %w", err)
			}
			if out != "" {
				if err := p.writePublished(cmd.Context(), reg, session, args[0], out, formats()); err != nil {
					return fmt.Errorf("it is published; %w", err)
				}
			}
			if p.json {
				return printJSON(p.out, map[string]string{"id": args[0]})
			}
			fmt.Fprintf(p.out, "Published. 'kua statement render --id %s --out DIR' writes it; 'kua statement verify DIR/manifest.txt' verifies it.\n", args[0])
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write it to this `directory` at once")
	cmd.Flags().StringVar(&accept, "accept", "", "why figures that tell of few people are told all the same: a `reason` that stands in the manifest")
	return cmd
}

// verdictAnswer is `kua statement verify --json`.
type verdictAnswer struct {
	Statement   string          `json:"statement"`
	Signed      bool            `json:"signed"`
	Known       bool            `json:"known"`
	Holds       bool            `json:"holds"`
	Ledger      bool            `json:"ledger"`
	Altered     []string        `json:"altered,omitempty"`
	CorrectedBy string          `json:"corrected_by,omitempty"`
	Figures     []figureVerdict `json:"figures"`
	Findings    []findingAnswer `json:"findings,omitempty"`
}

type figureVerdict struct {
	ID         string       `json:"id"`
	Figure     string       `json:"figure"`
	AsOf       string       `json:"as_of"`
	State      string       `json:"state"`
	Published  int          `json:"published"`
	Then       int          `json:"then"`
	Now        int          `json:"now"`
	Definition bool         `json:"definition_same"`
	Came       []caseChange `json:"came,omitempty"`
	Went       []caseChange `json:"went,omitempty"`
	Changed    []caseChange `json:"changed,omitempty"`
	Unseen     int          `json:"not_open_to_you,omitempty"`
}

type caseChange struct {
	Case string `json:"case"`
	Why  string `json:"why"`
}

func (p *program) statementVerifyCommand() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:   "verify MANIFEST",
		Short: "Hold a published statement against the register: each figure the same, changed and why, or tampered",
		Long: `Hold the manifest of a published statement against the register it came from.
Each figure is counted again: at the clocks of its publication, which must give
what was published, and as of the same day by all that is known today.

Without a register, --key KEY or the file key.txt beside a statement tells
whether the manifest was signed by that key and not altered since.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			signed, err := os.ReadFile(args[0])
			if err != nil {
				return fmt.Errorf("the manifest can't be read: %w", err)
			}
			if key != "" {
				return p.verifySignature(signed, key)
			}
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			v, err := reg.VerifyStatement(cmd.Context(), session, signed)
			if err != nil {
				return err
			}
			return p.printVerdict(reg, v)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "only tell whether this `key`, or that in this file, signed it; opens no register")
	return cmd
}

// verifySignature tells whether a key signed a manifest.
func (p *program) verifySignature(signed []byte, key string) error {
	if text, err := os.ReadFile(key); err == nil {
		key = strings.TrimSpace(string(text))
	}
	m, err := statement.Open(signed, key)
	if err != nil {
		return err
	}
	if p.json {
		return printJSON(p.out, m)
	}
	fmt.Fprintf(p.out, "Signed by this key, and not altered: %d figures, published %s.\n", len(m.Figures), m.Published.UTC().Format(time.RFC3339))
	for _, f := range m.Figures {
		fmt.Fprintf(p.out, "%s  %s as of %s: %d\n", f.ID, f.Figure, f.AsOf, f.Value)
	}
	return nil
}

func (p *program) printVerdict(reg *registry.Registry, v registry.StatementVerdict) error {
	findings, err := p.findings(reg, v.Findings, nil)
	if err != nil {
		return err
	}
	answer := verdictAnswer{Statement: v.Manifest.Statement, Signed: v.Signed, Known: v.Known, Holds: v.Holds(), Ledger: v.Ledger, Altered: v.Altered, CorrectedBy: v.CorrectedBy, Findings: findings}
	changes := func(found []registry.CaseChange) (out []caseChange) {
		for _, c := range found {
			out = append(out, caseChange{c.Number, c.Why})
		}
		return out
	}
	for i, f := range v.Figures {
		frozen := v.Manifest.Figures[i]
		answer.Figures = append(answer.Figures, figureVerdict{f.ID, frozen.Figure, frozen.AsOf, f.State, f.Published, f.Then, f.Now, f.Definition,
			changes(f.Came), changes(f.Went), changes(f.Changed), f.Unseen})
	}
	if p.json {
		err = printJSON(p.out, answer)
	} else {
		err = p.printVerdictText(answer, v)
	}
	if err == nil && (!answer.Holds || len(findings) > 0 || slices.ContainsFunc(v.Figures, func(f registry.FigureVerdict) bool { return f.State != registry.FigureSame })) {
		return errFindings
	}
	return err
}

func (p *program) printVerdictText(answer verdictAnswer, v registry.StatementVerdict) error {
	words, err := locale.Load()
	if err != nil {
		return err
	}
	en := words.Lang("en")
	switch {
	case !v.Signed:
		fmt.Fprintln(p.out, "ALTERED: this register did not sign this manifest as it stands.")
	case !v.Known:
		fmt.Fprintln(p.out, "This register signed it, and has no such publication.")
	case !v.Ledger:
		fmt.Fprintln(p.out, "The ledger is not the one that was counted: 'kua verify' says where it differs.")
	case answer.Holds:
		fmt.Fprintln(p.out, "As it was published.")
	}
	if len(v.Altered) > 0 {
		fmt.Fprintf(p.out, "Otherwise than it was published: %s.\n", strings.Join(v.Altered, ", "))
	}
	for _, t := range v.Texts {
		if !t.Same {
			fmt.Fprintf(p.out, "The text in %s is not the one that was published.\n", en.T("statement.lang."+t.Lang))
		}
	}
	if v.CorrectedBy != "" {
		fmt.Fprintf(p.out, "Corrected by statement %s.\n", v.CorrectedBy)
	}
	for _, f := range answer.Figures {
		fmt.Fprintf(p.out, "%s  %s as of %s: %d, %s", f.ID, f.Figure, f.AsOf, f.Published, en.T("statement.state."+f.State))
		if f.State == registry.FigureChanged {
			fmt.Fprintf(p.out, ": %d", f.Now)
		}
		if !f.Definition {
			fmt.Fprint(p.out, " (its definition has changed since)")
		}
		fmt.Fprintln(p.out)
		for _, list := range []struct {
			mark    string
			changes []caseChange
		}{{"+", f.Came}, {"-", f.Went}, {"~", f.Changed}} {
			for _, c := range list.changes {
				fmt.Fprintf(p.out, "    %s %s: %s\n", list.mark, c.Case, en.T("statement.change."+c.Why))
			}
		}
		if f.Unseen > 0 {
			fmt.Fprintf(p.out, "    and %d not open to you\n", f.Unseen)
		}
	}
	for _, o := range v.Outside {
		if !o.Same {
			fmt.Fprintf(p.out, "What was cited of %s (%s) stands otherwise in the register today.\n", o.Publisher.En, o.Indicator)
		}
	}
	printFindings(p.out, answer.Findings)
	return nil
}
