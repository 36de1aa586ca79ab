// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// Verification is what Verify found. Problem is the first thing that is wrong,
// in one line; empty where nothing is.
type Verification struct {
	Entries uint64 `json:"entries"`
	Root    string `json:"root"`
	Opened  uint64 `json:"opened"`
	Index   bool   `json:"index"`       // compared with the ledger
	Files   int    `json:"files"`       // sealed files that were read and are what was put in
	Stamps  int    `json:"time_stamps"` // that cover what they did; those whose authority is not known here, too
	Problem string `json:"problem,omitempty"`
	Entry   *int64 `json:"entry,omitempty"` // the position of the first bad entry, where it is one
	// BadFiles says of each sealed file what is wrong with it, in one line each; the first is Problem.
	BadFiles []string `json:"bad_files,omitempty"`
}

// Problems are all that is wrong, as far as it was looked for after the first.
func (v Verification) Problems() []string {
	if v.Problem == "" || len(v.BadFiles) > 0 {
		return v.BadFiles
	}
	return []string{v.Problem}
}

// Verify checks the ledger; deep also opens every entry, makes the index anew
// beside the one in use and compares the two, and reads every sealed file. Time
// stamps are held against what they cover.
func (r *Registry) Verify(ctx context.Context, s *access.Session, deep bool) (_ Verification, err error) {
	defer r.refusal(ctx, s, "verifying", "", &err)
	if !access.Decide(s.Member, access.Verify, access.Thing{}) {
		return Verification{}, ErrNotAllowed
	}
	var options ledger.VerifyOptions
	if deep {
		authors, err := r.authors()
		if err != nil {
			return Verification{}, err
		}
		options.Vaults, options.Author = []*seal.Vault{r.vault}, authors
		options.MayLack = r.mayLack(ctx, authors)
	}
	report, err := r.log.Verify(ctx, options)
	if err != nil {
		return Verification{}, err
	}
	v := Verification{Entries: report.Head.Size, Root: report.Head.Root.String(), Opened: report.Opened}
	if f := report.Fault; f != nil {
		r.faulty.Store(true) // nothing more is added to it
		v.Problem = f.String()
		if f.AtPos {
			pos := int64(f.Pos)
			v.Entry = &pos
		}
		return v, nil
	}
	if deep {
		if v.Problem, err = r.verifyIndex(ctx); err != nil {
			return Verification{}, err
		}
		v.Index = true
		if v.Problem == "" {
			if v.Files, v.BadFiles, err = r.verifyFiles(ctx); err != nil {
				return Verification{}, err
			}
			if len(v.BadFiles) > 0 {
				v.Problem = v.BadFiles[0]
			}
		}
	}
	if v.Problem == "" {
		if v.Stamps, v.Problem, err = r.stampFault(ctx, deep); err != nil {
			return Verification{}, err
		}
	}
	return v, nil
}

// verifyIndex makes the index anew beside the one in use and says where the two differ.
func (r *Registry) verifyIndex(ctx context.Context) (problem string, err error) {
	r.writing.Lock() // the index must not move meanwhile
	defer r.writing.Unlock()
	if err := r.settle(ctx); err != nil && !r.beside {
		return "", err
	}
	path := filepath.Join(r.dir, "index-check.db")
	if err := index.Remove(path); err != nil {
		return "", err
	}
	fresh, err := index.Open(ctx, path, seal.NewKey(), r.book, r.rules)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, fresh.Close(), index.Remove(path)) }()
	if err := r.follow(ctx, fresh); errors.Is(err, errAnew) || errors.Is(err, ledger.ErrReadOnly) {
		return "keys of what was erased were in the database again: close the register and open it, then verify once more", nil
	} else if err != nil {
		return "", err
	}
	table, err := r.index.Differs(ctx, fresh)
	if err != nil || table == "" {
		return "", err
	}
	return fmt.Sprintf("the index does not say what the ledger says (table %s): delete index.db, it is made anew at the next opening", table), nil
}
