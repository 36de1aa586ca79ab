// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
)

// storedCopy is one line of `kua evidence list --json`, a contract with scripts.
type storedCopy struct {
	ID          string `json:"id"`
	Publication string `json:"publication"`
	Name        string `json:"name,omitempty"`
	Media       string `json:"media"`
	Bytes       int64  `json:"bytes"`
	SHA256      string `json:"sha256,omitempty"`
	Taken       string `json:"taken,omitempty"`
}

func storedCopyOf(c registry.CaptureView) storedCopy {
	return storedCopy{c.ID, c.Publication, c.Name, c.Media, c.Bytes, c.SHA256, c.Taken.String()}
}

func (p *program) evidenceCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "evidence", Short: "Sealed files: those of cases, and stored copies of publications"}
	cmd.AddCommand(p.evidenceAddCommand(), p.evidenceListCommand(), p.evidenceVerifyCommand(), p.evidenceExportCommand(), p.evidenceCheckCommand(), p.placeCommand())
	return cmd
}

func (p *program) evidenceAddCommand() *cobra.Command {
	var publication, taken, to string
	cmd := &cobra.Command{
		Use:   "add CASE FILE [--to EVIDENCE] | add FILE --publication ID",
		Short: "Put a file into a case, or store a copy of a publication",
		Long: fmt.Sprintf(`Put a file of up to %d GB into a case. It is sealed while it is read, under a key of
its own, and never changed from then on. Whatever stops it, the same command
goes on where it was.

With --publication, store a copy of a publication: a saved page, a document, a
picture of at most %d MB. Nothing is fetched from the network.

The file itself stays where it is: delete it where it must not lie.`, registry.FileLimit>>30, registry.CaptureLimit>>20),
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 2 && publication == "" && taken == "":
				return p.addToCase(cmd.Context(), args[0], args[1], to)
			case len(args) == 2 || to != "" || publication == "":
				return usage("say CASE FILE, or FILE --publication ID; see 'kua evidence add --help'")
			}
			var day edtf.Date
			if taken != "" {
				var err error
				if day, err = locale.ReadDate(taken); err != nil {
					return fmt.Errorf("--taken: %w", err)
				}
			}
			f, _, err := openSource(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			stored, err := reg.AddCapture(cmd.Context(), session, registry.NewCapture{Publication: publication, Name: filepath.Base(args[0]), Taken: day, Content: f})
			if errors.Is(err, registry.ErrNotFound) {
				return errors.New("--publication: there is no such publication; its id is at the end of its page's address")
			}
			if err != nil {
				return err
			}
			defer p.carry(cmd.Context(), reg)
			if p.json {
				return printJSON(p.out, storedCopyOf(stored))
			}
			fmt.Fprintf(p.out, "%s stored: %d bytes, SHA-256 %s\n", stored.ID, stored.Bytes, stored.SHA256)
			return nil
		},
	}
	cmd.Flags().StringVar(&publication, "publication", "", "the `id` of the publication it is a copy of")
	cmd.Flags().StringVar(&taken, "taken", "", "the `day` on which it was saved")
	cmd.Flags().StringVar(&to, "to", "", "the `id` of the record of evidence in the case that it belongs to")
	return cmd
}

func (p *program) evidenceListCommand() *cobra.Command {
	var publication string
	cmd := &cobra.Command{
		Use:   "list [CASE]",
		Short: "List the files of a case, or the stored copies of publications",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return p.listFiles(cmd.Context(), args[0])
			}
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			found, err := reg.Captures(cmd.Context(), session, publication, registry.Clock{})
			if err != nil {
				return err
			}
			copies := []storedCopy{}
			for _, c := range found {
				copies = append(copies, storedCopyOf(c))
			}
			if p.json {
				return printJSON(p.out, map[string]any{"copies": copies})
			}
			var rows [][]string
			for _, c := range copies {
				rows = append(rows, []string{c.ID, c.Media, strconv.FormatInt(c.Bytes, 10), c.Taken, c.Name})
			}
			return table(p.out, rows)
		},
	}
	cmd.Flags().StringVar(&publication, "publication", "", "only copies of the publication with this `id`")
	return cmd
}

func (p *program) evidenceVerifyCommand() *cobra.Command {
	var checkpoints []string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Read every sealed file, and name each that is not what was put in",
		Long: `Check the ledger, the index and the time stamps as 'kua verify --deep' does, and
read every sealed file. Each file that is missing, altered, cut off, of another
place, or named by no entry is named; exit code 3.

` + aboutCheckpoints,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := p.examine(cmd.Context(), true, checkpoints)
			if err != nil {
				return err
			}
			switch {
			case p.json:
				if err := printJSON(p.out, report); err != nil {
					return err
				}
			case report.Problem == "":
				fmt.Fprintf(p.out, "%s read, and as put in; the ledger, the index and the time stamps agree.\n", counted(report.Files, "sealed file", "sealed files"))
			default:
				p.printProblems(report)
			}
			if report.Problem != "" {
				return errFindings
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&checkpoints, "checkpoint", nil, "a `file` with a checkpoint of this register that was kept elsewhere")
	return cmd
}

func (p *program) evidenceExportCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "export CASE FILE --out PATH | export ID --out PATH",
		Short: "Write a file of a case, or a stored copy, to a file as it was put in",
		Long: `Write a file of a case, or a stored copy, to a new file, in the clear, as it was
put in. All of it is checked. Open it where it can do no harm: photographs hold
places and names, a saved page may hold scripts. That it left is written down.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) == 2 {
				return p.exportFile(cmd.Context(), args[0], args[1], out)
			}
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			stored, content, err := reg.OpenCapture(cmd.Context(), session, args[0])
			if errors.Is(err, registry.ErrNotFound) {
				return errors.New("there is no such copy; 'kua evidence list' shows them")
			}
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, content.Close()) }()
			if err := writeOut(out, content); err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, storedCopyOf(stored))
			}
			fmt.Fprintf(p.out, "%s: %d bytes, SHA-256 %s\n", out, stored.Bytes, stored.SHA256)
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write; it must not be there")
	if err := cmd.MarkFlagRequired("out"); err != nil { // never: the flag is there
		panic(err)
	}
	return cmd
}
