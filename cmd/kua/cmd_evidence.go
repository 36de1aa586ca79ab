// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
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
	cmd := &cobra.Command{Use: "evidence", Short: "Sealed files: stored copies of publications"}
	cmd.AddCommand(p.evidenceAddCommand(), p.evidenceListCommand(), p.evidenceExportCommand())
	return cmd
}

func (p *program) evidenceAddCommand() *cobra.Command {
	var publication, taken string
	cmd := &cobra.Command{
		Use:   "add FILE",
		Short: "Store a copy of a publication: a saved page, a document, a picture",
		Long: fmt.Sprintf(`Store a copy of a publication. FILE is sealed while it is read, under a key of
its own, and never changed from then on; at most %d MB. Nothing is fetched from
the network. The file itself stays where it is: delete it where it must not lie.`, registry.CaptureLimit>>20),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var day edtf.Date
			if taken != "" {
				var err error
				if day, err = locale.ReadDate(taken); err != nil {
					return fmt.Errorf("--taken: %w", err)
				}
			}
			f, err := os.Open(args[0])
			if err != nil {
				var pe *os.PathError
				if errors.As(err, &pe) {
					return fmt.Errorf("%s: %w", filepath.Base(args[0]), pe.Err)
				}
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
			if p.json {
				return printJSON(p.out, storedCopyOf(stored))
			}
			fmt.Fprintf(p.out, "%s stored: %d bytes, SHA-256 %s\n", stored.ID, stored.Bytes, stored.SHA256)
			return nil
		},
	}
	cmd.Flags().StringVar(&publication, "publication", "", "the `id` of the publication it is a copy of")
	cmd.Flags().StringVar(&taken, "taken", "", "the `day` on which it was saved")
	if err := cmd.MarkFlagRequired("publication"); err != nil { // never: the flag is there
		panic(err)
	}
	return cmd
}

func (p *program) evidenceListCommand() *cobra.Command {
	var publication string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the stored copies",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
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

func (p *program) evidenceExportCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "export ID",
		Short: "Write a stored copy to a file, as it was put in",
		Long: `Write a stored copy to a new file, in the clear, as it was put in. All of it is
checked before. Open it where it can do no harm: a saved page may hold scripts.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
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
			f, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if errors.Is(err, os.ErrExist) {
				return fmt.Errorf("%s is there already and is not written over: name another file", out)
			}
			if err != nil {
				return err
			}
			_, err = io.Copy(f, content)
			if err = errors.Join(err, f.Close()); err != nil {
				os.Remove(out)
				return fmt.Errorf("%s: %w", filepath.Base(out), err)
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
