// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"filippo.io/age"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/archive"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/takein"
)

// archiveFormat is the name of the own format.
const archiveFormat = "kua"

// archiveGarbage is how much garbage piles up while an archive comes in, in parts
// of a hundred of what is in use: a tenth of the work is saved, and costs some 150 MB
// that are given back at the end.
const archiveGarbage = 200

// takenIn is `kua import --format kua --json`.
type takenIn struct {
	File   string `json:"file"`
	DryRun bool   `json:"dry_run,omitempty"`
	Of     string `json:"register"` // that it is of
	Made   string `json:"made"`
	registry.ArchiveTaken
}

// importArchive takes an archive in.
func (p *program) importArchive(ctx context.Context, reg *registry.Registry, session *access.Session, file, identity, org string, dryRun bool) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), takein.WithoutPath(err))
	}
	defer f.Close()
	a, err := openArchive(f, identity)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	in := registry.ArchiveIn{DryRun: dryRun}
	if org != "" {
		to, ok := reg.Organisation(ctx, org)
		switch {
		case !ok && dryRun:
			return fmt.Errorf("there is no organisation %q here: it is made when the archive is taken in", org)
		case !ok:
			if to, err = reg.AddOrganisation(ctx, session, registry.NewOrganisation{Name: org, Counts: true}); err != nil {
				return err
			}
		}
		in.Org = to.ID
	}
	defer debug.SetGCPercent(debug.SetGCPercent(archiveGarbage))
	bar := p.progress(filepath.Base(file), int(a.Manifest.Counts.Entries+a.Manifest.Counts.OutsideEntries))
	taken, err := reg.ImportArchive(ctx, session, a, in, bar.step)
	bar.end()
	if perr := p.printTaken(takenIn{File: filepath.Base(file), DryRun: dryRun, Of: a.Manifest.About.Register, Made: a.Manifest.About.Made.Format("2006-01-02"), ArchiveTaken: taken}, err); perr != nil {
		return perr
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return nil
}

// openArchive opens an archive, sealed or not. Nothing of it is unpacked to the disk.
func openArchive(f *os.File, identity string) (*archive.Archive, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var from io.ReaderAt = f
	size := info.Size()
	head := make([]byte, len("age-encryption.org/"))
	if _, err := f.ReadAt(head, 0); err == nil && string(head) == "age-encryption.org/" {
		if identity == "" {
			return nil, errors.New("the archive is sealed: give --identity FILE, with the key of age that opens it")
		}
		text, err := readFile(identity, maxTextFile)
		if err != nil {
			return nil, err
		}
		keys, err := age.ParseIdentities(strings.NewReader(string(text)))
		if err != nil {
			return nil, errors.New("--identity: this is no key of age, such as 'age-keygen' makes it")
		}
		if from, size, err = age.DecryptReaderAt(f, size, keys...); err != nil {
			return nil, fmt.Errorf("the archive can't be opened: it is sealed to another key, or damaged (%w)", err)
		}
	}
	return archive.Open(from, size)
}

// why says in words why something of an archive was not taken in.
func why(f registry.ArchiveFound) string {
	switch f.Why {
	case registry.FoundErased:
		return "was erased here and stays so"
	case registry.FoundClosed:
		return "its id is here already, and it is not yours to write"
	case registry.FoundChanged:
		return "was changed here since: that stays"
	case registry.FoundFactsOnly:
		return "is here whole, and the archive has only a part of it"
	case registry.FoundNoMatching:
		return "a decision that two cases are one person: a coordinator takes these in"
	case registry.FoundDecided:
		return "decisions here speak against it, or one of its cases is not here"
	case registry.FoundKind:
		return "can't come in this way"
	case registry.FoundFields:
		return "does not fit the codebook"
	case registry.FoundOther:
		return "the register has this entry, and it says something else: the archive was altered"
	}
	return f.Why
}

func (p *program) printTaken(done takenIn, failed error) error {
	if p.json {
		if done.Findings == nil {
			done.Findings = []registry.ArchiveFound{}
		}
		return printJSON(p.out, done)
	}
	for i, f := range done.Findings {
		if i == findingsShown {
			fmt.Fprintf(p.out, "… and %d more; --json shows all\n", len(done.Findings)-findingsShown)
			break
		}
		severity, what := "warning", "case "+f.Case
		if f.Fatal {
			severity = "error"
		}
		if f.Record != "" {
			what = strings.TrimSpace(f.Kind + " " + f.Record)
		}
		detail := ""
		if f.Detail != "" {
			detail = " (" + f.Detail + ")"
		}
		fmt.Fprintf(p.out, "%s: %s: %s%s\n", severity, what, why(f), detail)
	}
	if failed != nil {
		return nil
	}
	c, o := done.Cases, done.Outside
	fmt.Fprintf(p.out, "%s: %d new cases, %d changed, %d as they were; %d records outside cases new, %d changed; %s; %d entries.\n", done.File, c.New, c.Changed, c.Same, o.New, o.Changed, counted(done.Files, "file", "files"), c.Entries+o.Entries)
	if done.DryRun {
		fmt.Fprintln(p.out, "So it would be. Nothing was changed.")
	}
	return nil
}
