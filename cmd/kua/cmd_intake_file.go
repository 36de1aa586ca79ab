// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/safecopy"
)

func (p *program) intakeFileCommand() *cobra.Command {
	var out string
	var original bool
	cmd := &cobra.Command{
		Use:   "file REPORT FILE [--out PATH] [--original]",
		Short: "Open a file of a report as a safe copy: what it is, what it says about itself",
		Long: `Open a file of a report, by the digits before its name in 'kua intake show', as a
copy that is safe to look at: drawn anew in a process that is shut in, without a
program, a link or anything the file says about itself, which is told beside it.
--out writes the copy to a new file, in the clear.

--original writes the file itself instead, as its sender's device had it. It may
harm the machine on which it is opened; that it left is written down.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if original && out == "" {
				return usage("--original writes the file as it came: say where to with --out PATH")
			}
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			if original {
				err = p.writeOriginal(cmd.Context(), reg, session, args[0], args[1], out)
			} else {
				err = p.showCopy(cmd.Context(), reg, session, args[0], args[1], out)
			}
			if errors.Is(err, registry.ErrNotFound) {
				return errors.New("there is no such file in such a report; 'kua intake show REPORT' lists its files")
			}
			return err
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write; it must not be there")
	cmd.Flags().BoolVar(&original, "original", false, "the file itself, as it came, in place of the safe copy")
	return cmd
}

// writeOriginal writes a file of a report as its sender's machine had it.
func (p *program) writeOriginal(ctx context.Context, reg *registry.Registry, s *access.Session, report, file, out string) error {
	content, f, err := reg.SubmissionFile(ctx, s, report, file)
	if err != nil {
		return err
	}
	if err := writeOut(out, content); err != nil {
		return err
	}
	if p.json {
		return printJSON(p.out, map[string]any{"file": f.Upload, "name": f.Name, "bytes": f.Bytes, "sha256": f.SHA256})
	}
	fmt.Fprintf(p.out, "%s: %d bytes, SHA-256 %s\nIt is as it was on its sender's device. Open it only on a machine on which nothing else lies and that has no network.\n", out, f.Bytes, f.SHA256)
	return nil
}

// showCopy tells what came of opening a file of a report, and writes the copy.
func (p *program) showCopy(ctx context.Context, reg *registry.Registry, s *access.Session, report, file, out string) error {
	v, err := reg.SubmissionCopy(ctx, s, report, file, false)
	if err != nil {
		return err
	}
	c := v.Copy
	if out != "" && c.Refused != "" {
		return fmt.Errorf("there is no safe copy of %s: %s", v.Name, whyRefused(c))
	}
	if out != "" {
		content, _, err := reg.OpenSubmissionCopy(ctx, s, report, file)
		if err != nil {
			return err
		}
		if err := errors.Join(writeOut(out, content), content.Close()); err != nil {
			return err
		}
	}
	if p.json {
		said := []map[string]string{}
		for _, f := range c.Metadata {
			said = append(said, map[string]string{"where": f.Where, "name": f.Name, "value": f.Value})
		}
		return printJSON(p.out, map[string]any{
			"report": v.Report, "file": v.Upload, "name": v.Name, "type": v.Type, "bytes": v.Bytes, "sha256": v.SHA256, "doubtful": v.Doubtful,
			"copy": map[string]any{"media": c.Media, "bytes": c.Bytes, "refused": c.Refused, "notes": c.Notes, "walls": c.Walls, "missing": c.Missing, "pages": c.Pages, "metadata": said, "text": c.Text},
		})
	}
	fmt.Fprintf(p.out, "%s, %d bytes, SHA-256 %s\n", v.Name, v.Bytes, v.SHA256)
	if c.Refused != "" {
		fmt.Fprintf(p.out, "No safe copy: %s\n", whyRefused(c))
	} else {
		fmt.Fprintf(p.out, "Safe copy: %s, %d bytes\n", c.Media, c.Bytes)
	}
	for _, part := range []struct {
		name, list string
		codes      []string
	}{{"Good to know", "copy_note", c.Notes}, {"Opened", "copy_wall", c.Walls}, {"But not", "copy_wall", c.Missing}} {
		if len(part.codes) == 0 {
			continue
		}
		var labels []string
		for _, code := range part.codes {
			labels = append(labels, strings.ToLower(reg.Book().Label(part.list, code, "en")))
		}
		fmt.Fprintf(p.out, "%s: %s\n", part.name, strings.Join(labels, "; "))
	}
	for _, f := range c.Metadata {
		fmt.Fprintf(p.out, "It says about itself: %s %s: %s\n", f.Where, f.Name, f.Value)
	}
	if c.Text != "" {
		fmt.Fprintf(p.out, "\n  %s\n", strings.ReplaceAll(strings.TrimSpace(c.Text), "\n", "\n  "))
	}
	return nil
}

func whyRefused(c *registry.FileCopy) string {
	return (&safecopy.RefusedError{Code: safecopy.Code(c.Refused), Need: c.Need, Have: c.Have, Most: c.Most}).Error()
}
