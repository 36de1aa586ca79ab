// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/dossier"
	"github.com/kua-registry/kua/internal/registry"
)

// bundleAnswer is `kua dossier --json`, a contract with scripts.
type bundleAnswer struct {
	File        string      `json:"file,omitempty"`
	Bytes       int64       `json:"bytes,omitempty"`
	SHA256      string      `json:"sha256,omitempty"`
	Fingerprint string      `json:"register_key,omitempty"`
	Sealed      string      `json:"sealed,omitempty"`
	Cases       int         `json:"cases"`
	Events      int         `json:"events"`
	Exhibits    int         `json:"exhibits"`
	Forms       []string    `json:"forms"`
	Entries     int         `json:"entries"`
	Checkpoint  uint64      `json:"checkpoint"`
	Stamped     string      `json:"stamped,omitempty"`
	Gaps        []bundleGap `json:"gaps"`
}

type bundleGap struct {
	Case string `json:"case,omitempty"`
	Text string `json:"text"`
}

func (p *program) dossierCommand() *cobra.Command {
	var q registry.BundleQuery
	var to, files []string
	var out, secret string
	var open, plan, none bool
	cmd := &cobra.Command{
		Use:   "dossier CASE...",
		Short: "Make a bundle of cases for a court, a lawyer or a UN body, sealed to its reader",
		Long: `Make a bundle: one archive with the cases' chronology and its sources, numbered
exhibits, custody, the forms for its reader, proofs that all of it stands in the
register, and time stamps. Its own README says how it is checked with sha256sum
and openssl, without this program.

Names, words and files leave by the person's consent to that very purpose, each
other person's name by their own. What is left out is said, here and in the
bundle. --plan says it without making anything.

It is written sealed: --to takes a public key of age (age1...), as often as there
are readers; or --seal-file takes a file whose first line is a passphrase. They
open it with 'age -d'. Nothing is written in the clear unless you say --open.
That it was made, for whom and why, is written down and stays.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Cases = args
			switch {
			case none:
				q.Files = []string{}
			case len(files) > 0:
				q.Files = files
			}
			if plan {
				reg, session, err := p.read(cmd.Context())
				if err != nil {
					return err
				}
				defer reg.Close()
				planned, err := reg.PlanBundle(cmd.Context(), session, q)
				if err != nil {
					return err
				}
				return p.printBundle(planned, bundleAnswer{})
			}
			seals, err := p.bundleSeals(&q, to, secret, open)
			if err != nil {
				return err
			}
			if out == "" {
				return usage("give --out: the file to write")
			}
			if _, err := os.Lstat(out); err == nil {
				return fmt.Errorf("%s is there already and is not written over: name another file", out)
			}
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			planned, err := reg.PlanBundle(cmd.Context(), session, q)
			if err != nil {
				return err
			}
			made, err := reg.Bundle(cmd.Context(), session, q)
			if err != nil {
				return err
			}
			answer := bundleAnswer{File: out, Sealed: q.Sealed}
			if answer.Bytes, answer.SHA256, err = writeBundle(out, made, seals); err != nil {
				return err
			}
			key := sha256.Sum256(made.Key)
			answer.Fingerprint = hex.EncodeToString(key[:])
			return p.printBundle(planned, answer)
		},
	}
	cmd.Flags().StringVar(&q.For, "for", "", "its `reader`: court, lawyer, cat, srt or wgad")
	cmd.Flags().StringVar(&q.Lang, "lang", "en", "its `language`: en, ru or kk")
	cmd.Flags().StringVar(&q.To, "whom", "", "who gets it, in `words`")
	cmd.Flags().StringVar(&q.Reason, "reason", "", "why, in `words`")
	cmd.Flags().StringArrayVar(&files, "file", nil, "put this file in, by its `id`, and of the others none; again for each; else every original")
	cmd.Flags().BoolVar(&none, "no-files", false, "put no file in")
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write; it must not be there")
	cmd.Flags().StringArrayVar(&to, "to", nil, "seal it to this public `key` of age; again for each reader")
	cmd.Flags().StringVar(&secret, "seal-file", "", "seal it to the passphrase on the first line of this `file` (- is standard input)")
	cmd.Flags().BoolVar(&open, "open", false, "write it in the clear: whoever finds the file reads it")
	cmd.Flags().BoolVar(&plan, "plan", false, "say what would be in it and what would be left out; make nothing")
	return cmd
}

// bundleSeals says to whom a bundle is sealed; nobody: it is written in the clear,
// because that was asked for.
func (p *program) bundleSeals(q *registry.BundleQuery, to []string, secret string, open bool) ([]age.Recipient, error) {
	switch ways := len(to) > 0; {
	case ways && secret == "" && !open:
		q.Sealed = registry.SealedToKey
		return dossier.Recipients(strings.Join(to, " "))
	case !ways && secret != "" && !open:
		passphrase, err := p.secret(secret, "", "the passphrase of the bundle", "--seal-file")
		if err != nil {
			return nil, err
		}
		if err := access.CheckPassphrase(passphrase); err != nil {
			return nil, fmt.Errorf("--seal-file: %w", err)
		}
		q.Sealed = registry.SealedToPassphrase
		seal, err := dossier.Passphrase(passphrase)
		return []age.Recipient{seal}, err
	case !ways && secret == "" && open:
		q.Sealed = registry.SealedOpen
		return nil, nil
	}
	return nil, usage("say how it is sealed: --to KEY, or --seal-file FILE; or --open, to write it in the clear; one of them")
}

// writeBundle writes a bundle beside its file and puts it there when it is whole.
func writeBundle(out string, b dossier.Bundle, to []age.Recipient) (size int64, sum string, err error) {
	f, err := os.CreateTemp(filepath.Dir(out), ".bundle-*")
	if err != nil {
		return 0, "", err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("the bundle was not written: %w", errors.Join(err, os.Remove(f.Name())))
		}
	}()
	hash := sha256.New()
	w := &counting{w: io.MultiWriter(f, hash)}
	if len(to) > 0 {
		err = dossier.Seal(w, b, to...)
	} else {
		err = dossier.Write(w, b)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return 0, "", err
	}
	// A link, unlike a rename, never takes the place of another file.
	if linkErr := os.Link(f.Name(), out); errors.Is(linkErr, os.ErrExist) {
		return 0, "", linkErr
	} else if linkErr != nil { // a file system without links
		return w.n, hex.EncodeToString(hash.Sum(nil)), os.Rename(f.Name(), out)
	}
	return w.n, hex.EncodeToString(hash.Sum(nil)), os.Remove(f.Name())
}

type counting struct {
	w io.Writer
	n int64
}

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// printBundle says what is in a bundle, or would be.
func (p *program) printBundle(plan registry.BundlePlan, a bundleAnswer) error {
	a.Cases, a.Entries, a.Checkpoint, a.Forms, a.Gaps = len(plan.Cases), plan.Entries, plan.Checkpoint, plan.Forms, []bundleGap{}
	if a.Forms == nil {
		a.Forms = []string{}
	}
	if !plan.Stamped.IsZero() {
		a.Stamped = plan.Stamped.UTC().Format(time.RFC3339)
	}
	for _, c := range plan.Cases {
		a.Events += c.Events
	}
	for _, f := range plan.Files {
		if f.In {
			a.Exhibits++
		}
	}
	for _, g := range plan.Gaps {
		a.Gaps = append(a.Gaps, bundleGap(g))
	}
	if p.json {
		return printJSON(p.out, a)
	}
	fmt.Fprintf(p.out, "%s, %s, %s, %s, %s of the ledger under a checkpoint of %d.\n", counted(a.Cases, "case", "cases"), counted(a.Events, "event", "events"),
		counted(a.Exhibits, "exhibit", "exhibits"), counted(len(a.Forms), "form", "forms"), counted(a.Entries, "entry", "entries"), a.Checkpoint)
	for _, g := range a.Gaps {
		line := g.Text
		if g.Case != "" {
			line = g.Case + ": " + line
		}
		fmt.Fprintf(p.out, "- %s\n", line)
	}
	if a.File == "" {
		fmt.Fprintln(p.out, "Nothing was made.")
		return nil
	}
	fmt.Fprintf(p.out, "%s: %d bytes, SHA-256 %s\n", a.File, a.Bytes, a.SHA256)
	fmt.Fprintf(p.out, "The fingerprint of the register's key, for its reader to compare, told by another way:\n%s\n", a.Fingerprint)
	return nil
}
