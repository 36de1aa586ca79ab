// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/dossier"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/takein"
	"github.com/kua-registry/kua/internal/takeout"
)

// exported is `kua export --json`.
type exported struct {
	ID      string          `json:"id"`
	State   string          `json:"state"`
	Until   string          `json:"until"`
	File    string          `json:"file,omitempty"`
	Cases   int             `json:"cases"`
	Entries int64           `json:"entries,omitempty"` // of an archive
	Files   int64           `json:"files,omitempty"`
	Report  *foreign.Report `json:"report,omitempty"` // of another system's format: what could not be carried
}

func (p *program) exportCommand() *cobra.Command {
	var n registry.NewExport
	var to []string
	var out, fetch string
	cmd := &cobra.Command{
		Use:   "export [CASE...]",
		Short: "Take cases out: as an archive of Kua or in another system's format, for a purpose, sealed to a recipient",
		Long: `Take cases out of the register. An export is an act: who asks for it, for what,
to whom and why is written down and stays. What leaves for a purpose is a list of
fields in the codebook, by the person's consent to that purpose; of cases whose
people have refused it, nothing. Only --purpose own takes everything of one's own
organisations' cases, with history and files, as an archive (--format kua) that
'kua import --format kua' takes in again.

It is sealed to the public keys of age given with --to, and opens with 'age -d'.
Where an organisation wants a second person to agree ('kua org change --second'),
nothing is written yet: that person runs 'kua export approve ID', and then
'kua export --fetch ID --out FILE' writes it. It can be fetched for 7 days.

Formats: ` + strings.Join(takeout.Formats(), ", ") + `.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			n.Cases, n.Key = args, strings.Join(to, " ")
			if err := mayWriteExport(fetch, out, &n); err != nil {
				return err
			}
			reg, session, err := p.open(ctx)
			if err != nil {
				return err
			}
			defer reg.Close()
			id := fetch
			if id == "" {
				act, err := reg.AskExport(ctx, session, n)
				if err != nil {
					return err
				}
				if id = act.ID; act.State == registry.ExportAsked {
					return p.printExported(exported{ID: id, State: act.State, Until: act.Until.String(), Cases: len(act.Cases)})
				}
			}
			made, err := p.writeExport(ctx, reg, session, id, out)
			if err != nil {
				return err
			}
			return p.printExported(made)
		},
	}
	cmd.Flags().BoolVar(&n.All, "all", false, "all cases that you may hand on")
	cmd.Flags().StringVar(&n.Format, "format", archiveFormat, "the `name` of the format")
	cmd.Flags().StringVar(&n.Purpose, "purpose", "", "what `for`: own, litigation, legal_representation, un, share_coalition, research or statistics")
	cmd.Flags().StringVar(&n.Reason, "reason", "", "why, in `words`")
	cmd.Flags().StringVar(&n.To, "whom", "", "who gets it, in `words`; else the key stands for them")
	cmd.Flags().StringArrayVar(&to, "to", nil, "seal it to this public `key` of age; again for each reader")
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write; it must not be there")
	cmd.Flags().StringVar(&fetch, "fetch", "", "write the export with this `id`, which was asked for before")
	cmd.AddCommand(p.exportListCommand(), p.exportAnswerCommand(true), p.exportAnswerCommand(false))
	return cmd
}

// mayWriteExport looks whether an export can be asked for, or fetched, as it was said.
func mayWriteExport(fetch, out string, n *registry.NewExport) error {
	if out == "" {
		return usage("give --out: the file to write")
	}
	if _, err := os.Lstat(out); err == nil {
		return fmt.Errorf("%s is there already and is not written over: name another file", out)
	}
	if fetch != "" {
		return nil
	}
	if !takeout.Known(n.Format) {
		return usage("there is no format %q to write; there are: %s", n.Format, strings.Join(takeout.Formats(), ", "))
	}
	if n.All == (len(n.Cases) > 0) {
		return usage("name the cases, or say --all")
	}
	if n.Key == "" {
		return usage("nothing leaves in the clear: give --to, the public key of age of who opens it")
	}
	if _, err := dossier.Recipients(n.Key); err != nil {
		return err
	}
	if n.To == "" {
		n.To = n.Key[:min(len(n.Key), 200)]
	}
	return nil
}

// writeExport fetches an export and writes it, sealed. The file is there when it is whole.
func (p *program) writeExport(ctx context.Context, reg *registry.Registry, session *access.Session, id, out string) (made exported, err error) {
	fetched, err := reg.FetchExport(ctx, session, id)
	if err != nil {
		return made, err
	}
	f, err := os.CreateTemp(filepath.Dir(out), ".export-*")
	if err != nil {
		return made, takein.WithoutPath(err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("the export was not written: %w", errors.Join(err, os.Remove(f.Name())))
		}
	}()
	buffer := bufio.NewWriterSize(f, 1<<20)
	written, err := takeout.Write(buffer, fetched, takeout.With{Book: reg.Book(), Today: reg.Today(), Program: "kua " + version})
	made = exported{ID: id, State: fetched.Act.State, Until: fetched.Act.Until.String(), File: out, Cases: written.Cases, Entries: written.Entries, Files: written.Files, Report: written.Report}
	if err = errors.Join(err, buffer.Flush(), f.Sync(), f.Close()); err != nil {
		return made, err
	}
	if linkErr := os.Link(f.Name(), out); errors.Is(linkErr, os.ErrExist) {
		return made, linkErr
	} else if linkErr != nil { // a file system without links
		return made, os.Rename(f.Name(), out)
	}
	return made, os.Remove(f.Name())
}

func (p *program) printExported(made exported) error {
	if p.json {
		return printJSON(p.out, made)
	}
	if made.File == "" {
		fmt.Fprintf(p.out, "Export %s waits for a second person: they run 'kua export approve %s' by %s.\n", made.ID, made.ID, made.Until)
		return nil
	}
	fmt.Fprintf(p.out, "%s: %s", made.File, counted(made.Cases, "case", "cases"))
	if made.Report == nil {
		fmt.Fprintf(p.out, ", %d entries, %s", made.Entries, counted(int(made.Files), "file", "files"))
	}
	fmt.Fprintf(p.out, ", sealed. Export %s, to be fetched until %s.\n", made.ID, made.Until)
	if made.Report == nil {
		return nil
	}
	for _, field := range made.Report.Fields {
		for _, left := range field.Left {
			if left.Values > 0 {
				fmt.Fprintf(p.out, "- %s.%s: %s not carried: %s\n", field.Kind, field.Field, counted(left.Values, "value", "values"), left.Why.Words())
			}
		}
	}
	return nil
}

// exportLine is one export of `kua export list --json`.
type exportLine struct {
	ID         string   `json:"id"`
	Asked      string   `json:"asked"`
	By         string   `json:"by"`
	Cases      []string `json:"cases"`
	All        bool     `json:"all"`
	Format     string   `json:"format"`
	Purpose    string   `json:"purpose"`
	State      string   `json:"state"`
	Until      string   `json:"until"`
	To         string   `json:"to"`
	Reason     string   `json:"reason"`
	AnsweredBy string   `json:"answered_by,omitempty"`
	Answer     string   `json:"answer,omitempty"`
	MayAnswer  bool     `json:"may_answer"`
	MayFetch   bool     `json:"may_fetch"`
	Fetched    string   `json:"fetched,omitempty"`
}

func (p *program) exportListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "The exports you asked for, and those you may agree to",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			acts, err := reg.Exports(cmd.Context(), session)
			if err != nil {
				return err
			}
			lines := []exportLine{}
			for _, a := range acts {
				l := exportLine{ID: a.ID, Asked: a.At.Format("2006-01-02"), By: a.By, Cases: []string{}, All: a.All, Format: a.Format, Purpose: a.Purpose, State: a.State, Until: a.Until.String(), To: a.To, Reason: a.Reason, AnsweredBy: a.AnsweredBy, Answer: a.Answer, MayAnswer: a.MayAnswer, MayFetch: a.MayFetch}
				if a.Fetched != 0 {
					l.Fetched = a.Fetched.String()
				}
				for _, c := range a.Cases {
					l.Cases = append(l.Cases, c.Number)
				}
				lines = append(lines, l)
			}
			if p.json {
				return printJSON(p.out, map[string]any{"exports": lines})
			}
			for _, l := range lines {
				what := strings.Join(l.Cases, " ")
				if l.All {
					what = "all cases"
				}
				fmt.Fprintf(p.out, "%s  %s  %s  %s  %s  %s, to %s: %s\n", l.ID, l.Asked, l.State, l.By, l.Purpose, l.Format, l.To, what)
			}
			if len(lines) == 0 {
				fmt.Fprintln(p.out, "There is none.")
			}
			return nil
		},
	}
}

func (p *program) exportAnswerCommand(agree bool) *cobra.Command {
	var words string
	cmd := &cobra.Command{
		Use:   "refuse ID",
		Short: "Refuse an export that somebody else asked for",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			if err := reg.AnswerExport(cmd.Context(), session, args[0], agree, words); err != nil {
				return err
			}
			if agree {
				fmt.Fprintln(p.out, "Approved: whoever asked for it can fetch it now.")
			} else {
				fmt.Fprintln(p.out, "Refused: nothing leaves.")
			}
			return nil
		},
	}
	if agree {
		cmd.Use, cmd.Short = "approve ID", "Agree to an export that somebody else asked for"
	}
	cmd.Flags().StringVar(&words, "reason", "", "what to say to it, in `words`; needed to refuse")
	return cmd
}
