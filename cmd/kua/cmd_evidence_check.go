// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/webarchive"
)

func (p *program) evidenceCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check PATH",
		Short: "Hold a web capture against its own hashes; exit code 3 where something is altered, damaged or missing",
		Long: `Hold a web capture against the hashes that its archiver wrote down: a WARC or
WACZ file, a page of SingleFile, a folder of auto-archiver, ArchiveBox or wget,
as it lies or packed as ZIP. No register is opened, and nothing is written,
fetched or shown as a page.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := readCapture(cmd, args[0])
			if err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(args[0]), err)
			}
			verdict := registry.VerdictOf(found)
			if p.json {
				if err := printJSON(p.out, map[string]any{"verdict": verdict, "capture": found}); err != nil {
					return err
				}
			} else {
				fmt.Fprintf(p.out, "%s: %s (%s). Hashes right: %d, wrong: %d, missing: %d, none or not to be checked: %d.\n", filepath.Base(args[0]), verdict, found.Form,
					found.Counts[webarchive.Right], found.Counts[webarchive.Wrong], found.Counts[webarchive.Missing], found.Counts[webarchive.None]+found.Counts[webarchive.Unknown])
				if found.Damaged != "" {
					fmt.Fprintf(p.out, "It can't be read to its end: %s.\n", found.Damaged)
				}
				for _, f := range found.Files {
					if f.Digest == webarchive.Wrong || f.Digest == webarchive.Missing {
						fmt.Fprintf(p.out, "%s: %s\n", f.Digest, f.Path)
					}
				}
				for _, page := range found.Pages {
					if page.Digest == webarchive.Wrong {
						fmt.Fprintf(p.out, "%s: %s\n", page.Digest, page.Address)
					}
				}
			}
			switch verdict {
			case registry.CaptureAltered, registry.CaptureDamaged, registry.CaptureMissing:
				return errFindings
			}
			return nil
		},
	}
}

// readCapture reads a capture that lies on the disk, a file or a folder.
func readCapture(cmd *cobra.Command, path string) (webarchive.Capture, error) {
	info, err := os.Stat(path)
	var pe *os.PathError
	if errors.As(err, &pe) {
		return webarchive.Capture{}, pe.Err
	}
	if err != nil {
		return webarchive.Capture{}, err
	}
	if info.IsDir() {
		return webarchive.ReadFolder(cmd.Context(), os.DirFS(path), webarchive.DefaultLimits())
	}
	f, err := os.Open(path)
	if errors.As(err, &pe) {
		return webarchive.Capture{}, pe.Err
	}
	if err != nil {
		return webarchive.Capture{}, err
	}
	defer f.Close()
	return webarchive.Read(cmd.Context(), f, info.Size(), webarchive.DefaultLimits())
}
