// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/sqlitestore"
	"github.com/kua-registry/kua/internal/seal"
)

// Verification is what Verify found. Problem is the first thing that is wrong,
// in one line; empty where nothing is.
type Verification struct {
	Entries uint64 `json:"entries"`
	Root    string `json:"root"`
	Opened  uint64 `json:"opened"`
	Index   bool   `json:"index"`       // compared with the ledger, or just made from it
	Files   int    `json:"files"`       // sealed files that were read and are what was put in
	Stamps  int    `json:"time_stamps"` // that cover what they did; those whose authority is not known here, too
	Seen    int    `json:"checkpoints"` // kept elsewhere, that the ledger goes on from
	Problem string `json:"problem,omitempty"`
	Entry   *int64 `json:"entry,omitempty"` // the position of the first bad entry, where it is one
	// BadFiles says of each sealed file what is wrong with it, in one line each.
	BadFiles []string `json:"bad_files,omitempty"`
	// Backups says how it stands with the backups, to an administrator.
	Backups *BackupState `json:"backups,omitempty"`
	// Problems are all that is wrong, as far as it could be looked for after the first.
	Problems []string `json:"problems,omitempty"`
}

// wrong takes down what is wrong.
func (v *Verification) wrong(what ...string) {
	v.Problems = append(v.Problems, what...)
	if len(v.Problems) > 0 {
		v.Problem = v.Problems[0]
	}
}

// Verify checks the ledger; deep also opens every entry, makes the index anew
// beside the one in use and compares the two, and reads every sealed file. Time
// stamps are held against what they cover. seen are checkpoints of this register
// that were kept elsewhere: a ledger that does not go on from one of them was
// replaced by an older copy or another, which nothing in the register itself can
// tell; ErrNotCheckpoint where one is none of this register.
//
// An index that is not what it should be is made anew, unless another process
// has it, and named all the same.
func (r *Registry) Verify(ctx context.Context, s *access.Session, deep bool, seen ...[]byte) (Verification, error) {
	return r.verify(ctx, s, deep, false, seen...)
}

// verify is Verify. opened says that this run of the program has read the whole
// ledger and made the index from it: that entries are signed by their authors is
// not checked a second time, but that they are the same entries; and there is no
// older index that could say something else.
func (r *Registry) verify(ctx context.Context, s *access.Session, deep, opened bool, seen ...[]byte) (_ Verification, err error) {
	defer r.refusal(ctx, s, "verifying", "", &err)
	if !access.Decide(s.Member, access.Verify, access.Thing{}) {
		return Verification{}, ErrNotAllowed
	}
	for _, checkpoint := range seen {
		if _, err := r.checkpoint(checkpoint); err != nil {
			return Verification{}, err
		}
	}
	var options ledger.VerifyOptions
	if deep {
		authors, err := r.authors()
		if err != nil {
			return Verification{}, err
		}
		options.Vaults, options.Author = []*seal.Vault{r.vault}, authors
		if opened {
			options.Checked = r.rights.checked()
		}
		erased := r.mayLack(ctx, authors)
		options.MayLack = func(stream ledger.ID, part seal.Part, epoch uint32) bool {
			// What another node owns is open here as far as it was granted.
			return errors.Is(r.mayWrite(ctx, stream), ErrElsewhere) || r.coalition.lacks(stream) || erased(stream, part, epoch)
		}
	}
	report, err := r.log.Verify(ctx, options)
	if err != nil {
		return Verification{}, err
	}
	v := verified(report)
	if v.Problem != "" {
		r.faulty.Store(true) // nothing more is added to it
		return v, nil
	}
	for _, checkpoint := range seen {
		if why := r.checkpointFault(ctx, checkpoint); why != "" {
			v.wrong(why)
		} else {
			v.Seen++
		}
	}
	if deep {
		problem, usable, err := r.verifyIndex(ctx, !opened)
		if err != nil {
			return Verification{}, err
		}
		v.Index = true
		if problem != "" {
			v.wrong(problem)
		}
		if !usable {
			return v, nil
		}
		if v.Files, v.BadFiles, err = r.verifyFiles(ctx); err != nil {
			return Verification{}, err
		}
		v.wrong(v.BadFiles...)
	}
	stamps, problem, err := r.stampFault(ctx, deep)
	if err != nil {
		return Verification{}, err
	}
	if v.Stamps = stamps; problem != "" {
		v.wrong(problem)
	}
	return v, nil
}

// verified is what was found in the ledger.
func verified(report ledger.Report) Verification {
	v := Verification{Entries: report.Head.Size, Root: report.Head.Root.String(), Opened: report.Opened}
	if f := report.Fault; f != nil {
		what := f.String()
		if !strings.Contains(what, "backup") {
			what += "; restore the register from its newest backup"
		}
		v.wrong(what)
		if f.AtPos {
			pos := int64(f.Pos)
			v.Entry = &pos
		}
	}
	return v
}

// checkpoint reads a checkpoint of this register.
func (r *Registry) checkpoint(signed []byte) (ledger.Head, error) {
	head, err := ledger.ParseCheckpoint(signed, r.node.Public().Signing())
	if err != nil || r.log != nil && head.Ledger != r.log.ID() {
		return ledger.Head{}, ErrNotCheckpoint
	}
	return head, nil
}

// verifyIndex looks whether the index is whole and, to compare, makes one anew
// beside it and says where the two differ, or that it was not what it should be
// when the register was opened. usable tells whether it can be asked now.
func (r *Registry) verifyIndex(ctx context.Context, compare bool) (problem string, usable bool, err error) {
	r.writing.LockHere() // the index must not move meanwhile
	defer r.writing.Unlock()
	r.settling.Lock()
	defer r.settling.Unlock()
	err = r.settleNow(ctx)
	if err != nil && !r.beside && !errors.Is(err, index.ErrUnusable) {
		return "", false, err
	}
	table := ""
	if err = r.index.Sound(ctx); err == nil && compare {
		table, err = r.differs(ctx)
	}
	if errors.Is(err, errAnew) || errors.Is(err, ledger.ErrReadOnly) {
		return "keys of what was erased were in the database again: close the register and open it, then verify once more", true, nil
	}
	if err != nil && !errors.Is(err, index.ErrUnusable) {
		return "", false, err
	}
	remade := r.remade
	r.remade = ""
	switch {
	case err == nil && table == "":
		return remade, true, nil
	case r.beside:
		return "the index (index.db) does not say what the ledger says: end the program that has the register open and delete index.db, it is made anew at the next opening; then verify once more", false, nil
	case err == nil:
		problem = fmt.Sprintf("the index (index.db) did not say what the ledger says (table %s): it has been made anew from the ledger, and nothing is missing", table)
	default:
		problem = indexDamaged
	}
	return problem, true, r.makeAnew(ctx)
}

// differs makes an index from the ledger beside the one in use and answers the
// first table in which the two do not say the same: errAnew where something was
// erased that an index may hold.
func (r *Registry) differs(ctx context.Context) (table string, err error) {
	path := filepath.Join(r.dir, "index-check.db")
	if err := index.Remove(path); err != nil {
		return "", err
	}
	defer func() {
		if err != nil { // while what fills the disk is there
			err = r.whyNot(err)
		}
		err = errors.Join(err, index.Remove(path))
	}()
	fresh, err := index.Open(ctx, path, seal.NewKey(), r.book, r.rules)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, fresh.Close()) }()
	if err := r.follow(ctx, fresh); err != nil {
		return "", err
	}
	return r.index.Differs(ctx, fresh)
}

// Examine is Verify for the register in dir, which it opens and closes; also of
// one that can't be opened any more because its ledger is not what it was.
func Examine(ctx context.Context, dir string, unlock Unlock, opt Options, deep bool, seen ...[]byte) (_ Verification, err error) {
	opt.ReadOnly = true
	r, s, err := Open(ctx, dir, unlock, opt)
	if err == nil {
		defer func() { err = errors.Join(err, r.Close()) }()
		v, err := r.Verify(ctx, s, deep, seen...)
		if state, other := r.BackupState(ctx, s); err == nil && other == nil {
			v.Backups = &state
		}
		return v, err
	}
	if errors.Is(err, ledger.ErrForgetKey) { // it says what to bring back
		return Verification{}, err
	}
	r, other := prepare(dir, opt.orStandard())
	if other == nil {
		_, other = r.unlock(unlock)
	}
	if other != nil {
		return Verification{}, err // nobody who may open it
	}
	v, found := r.examine(ctx)
	if !found {
		return Verification{}, err
	}
	return v, nil
}

// examine looks at the ledger of a register that was not opened: false where
// nothing is wrong with that.
func (r *Registry) examine(ctx context.Context) (v Verification, found bool) {
	key, err := r.sealedKey("ledger", false)
	if err == nil {
		err = r.openForgetting(false)
	}
	if err != nil {
		return v, false
	}
	raw := [32]byte(key)
	store, err := sqlitestore.Open(ctx, filepath.Join(r.dir, "ledger.db"), sqlitestore.Options{Key: &raw, ReadOnly: true})
	if err == nil {
		defer func() { _ = store.Close() }() // only read
		var report ledger.Report
		report, err = ledger.Verify(ctx, store, ledger.Options{Verifier: r.node.Public().Signing(), HeadFile: filepath.Join(r.dir, "head"), Forgetting: r.forget.keys}, ledger.VerifyOptions{})
		v = verified(report)
	}
	if errors.Is(err, ledger.ErrDamaged) {
		v.wrong(err.Error())
	}
	return v, v.Problem != ""
}
