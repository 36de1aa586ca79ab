// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/kua-registry/kua/internal/seal"
)

// ID names a file: 128 random bits, which say nothing of it.
type ID [16]byte

func (id ID) String() string { return hex.EncodeToString(id[:]) }

// ParseID reads an ID as String writes it.
func ParseID(text string) (ID, error) {
	var id ID
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(id) || strings.ToLower(text) != text {
		return id, errors.New("the id of a file has 32 hexadecimal digits in lower case")
	}
	copy(id[:], b)
	return id, nil
}

// What can be wrong with a file.
var (
	// ErrMissing says that a file is not in the vault.
	ErrMissing = errors.New("the file is not in the vault: put it back from a backup")
	// ErrAltered says that a file is not what was put in.
	ErrAltered = errors.New("the file is not what was put into the vault: put it back from a backup")
	// ErrTooLarge says that a file is larger than it may be.
	ErrTooLarge = errors.New("the file is too large")
)

// Endings of what is not yet a file that stays.
const (
	pending = ".new"  // a file that no entry names yet
	noted   = ".note" // where it belongs, sealed by its caller
)

// Vault is a folder of sealed files, and the place where they may stay instead.
// Its methods may be called concurrently.
type Vault struct {
	dir    string
	create func(path string) (sink, error) // a new file; tests have one that fails
	before func(step string)               // of tests: told before each step that reaches the disk

	carrying sync.Mutex // held by whoever takes files to the place or brings them back
	mu       sync.Mutex // guards what follows, and that of one file no two marks are set at once
	place    Place      // nil: files stay in the folder
	onWay    ID         // the file that is on its way to the place
	cancel   func()     // ends that; nil: none is
	halts    int        // how many wait until nothing is
}

// Open opens the vault in dir. The folder is made with the first file.
func Open(dir string) *Vault {
	return &Vault{dir: dir, create: newFile, before: func(string) {}}
}

func newFile(path string) (sink, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

func (v *Vault) path(id ID) string { return filepath.Join(v.dir, id.String()) }

// Note keeps, beside a file that is to be put in, what its caller will want to
// know of it after a crash: sealed, for the vault does not look into it.
func (v *Vault) Note(id ID, sealed []byte) error {
	if err := os.MkdirAll(v.dir, 0o700); err != nil {
		return fmt.Errorf("the folder of the files can't be made: %w", err)
	}
	v.before("note")
	f, err := os.OpenFile(v.path(id)+noted, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("a file can't be written: %w", err)
	}
	_, err = f.Write(sealed)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = syncDir(v.dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("a file can't be written: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// Put seals all that r has, up to limit bytes, under a new key, and answers when
// it is on the disk. It stays only once Keep is called: after the entry that
// names it. Of a file that could not be read to its end nothing is left.
func (v *Vault) Put(ctx context.Context, id ID, r io.Reader, limit int64) (_ Sealed, err error) {
	u, err := v.Begin(id, seal.NewKey(), Unknown)
	if err != nil {
		return Sealed{}, err
	}
	defer func() {
		if err = errors.Join(err, u.Close()); err != nil {
			err = errors.Join(err, os.Remove(v.path(id)+pending))
		}
	}()
	if err := u.Take(ctx, r, limit); err != nil {
		return Sealed{}, err
	}
	return u.Finish()
}

// watched stops reading when nobody waits any more.
type watched struct {
	ctx context.Context
	r   io.Reader
}

func (w *watched) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.r.Read(p)
}

// Keep lets a file stay: an entry names it now. A file that stays already does.
func (v *Vault) Keep(id ID) error {
	v.before("keep")
	err := os.Rename(v.path(id)+pending, v.path(id))
	if errors.Is(err, os.ErrNotExist) {
		_, err = os.Stat(v.path(id))
	}
	if err == nil {
		err = v.forgetNote(id)
	}
	if err == nil {
		err = syncDir(v.dir)
	}
	if err != nil {
		return fmt.Errorf("a file can't be kept: %w", err)
	}
	return nil
}

// Adopt takes over a sealed file that an entry names and that came from elsewhere
// to the same disk, once all of it was read and is what s says: ErrAltered else,
// and it stays where it was.
func (v *Vault) Adopt(ctx context.Context, id ID, path string, s Sealed) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("a file that came can't be read: %w", err)
	}
	r, err := newReader(f, id, s)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if _, err = io.Copy(io.Discard, &watched{ctx, r}); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	if err := os.MkdirAll(v.dir, 0o700); err != nil {
		return fmt.Errorf("the folder of the files can't be made: %w", err)
	}
	v.before("adopt")
	if err = os.Rename(path, v.path(id)); err == nil {
		err = syncDir(v.dir)
	}
	if err != nil {
		return fmt.Errorf("a file can't be kept: %w", err)
	}
	return nil
}

// Drop takes away a file that no entry names. One that stays is not touched.
func (v *Vault) Drop(id ID) error {
	if err := os.Remove(v.path(id) + pending); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("a file can't be taken away: %w", err)
	}
	return v.forgetNote(id)
}

func (v *Vault) forgetNote(id ID) error {
	if err := os.Remove(v.path(id) + noted); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("a note can't be taken away: %w", err)
	}
	return nil
}

// Remove takes away a file that stays, once nothing names it any more. That it
// is to be taken out of the place is noted first: where that can't be done now,
// Carry does it.
func (v *Vault) Remove(id ID) error {
	v.before("remove")
	v.mu.Lock()
	defer v.mu.Unlock()
	var err error
	if v.place != nil || v.there(id, away) { // whatever is known of it: it may have been on its way when the program was killed
		err = v.write(v.path(id)+gone, "")
	}
	for _, ending := range []string{"", away, coming} {
		v.before("remove" + ending)
		if err == nil {
			err = os.Remove(v.path(id) + ending)
		}
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	}
	if err == nil {
		err = syncDir(v.dir)
	}
	if errors.Is(err, os.ErrNotExist) { // no folder: nothing was ever put in
		err = nil
	}
	if err != nil {
		return fmt.Errorf("a file can't be taken away: %w", err)
	}
	if v.cancel != nil && v.onWay == id {
		v.cancel()
	}
	return nil
}

// Has tells whether a file is there, of which an entry says that it is: by the
// folder, which knows what is in the place. Nobody is asked.
func (v *Vault) Has(id ID) (bool, error) {
	for _, path := range []string{v.path(id), v.path(id) + pending, v.path(id) + away} {
		switch _, err := os.Stat(path); {
		case err == nil:
			return true, nil
		case !errors.Is(err, os.ErrNotExist):
			return false, fmt.Errorf("a file can't be read: %w", err)
		}
	}
	return false, nil
}

// Fate is what becomes of a file that has no name yet.
type Fate int

// The fates.
const (
	Goes  Fate = iota // no entry names it, and nobody goes on with it
	Stays             // an entry names it
	Waits             // somebody will go on with it
)

// Sweep sees to what a crash has left. fate is given what Note was given, nil
// where there was nothing. It must run while nothing is put in.
func (v *Vault) Sweep(fate func(id ID, note []byte) (Fate, error)) error {
	waits := map[ID]bool{}
	err := v.each(func(id ID, ending string) error {
		switch ending {
		case coming: // half of a file that is in the place still
			return os.Remove(v.path(id) + coming)
		case pending:
		default:
			return nil
		}
		note, err := v.NoteOf(id)
		if err != nil && !errors.Is(err, ErrMissing) {
			return err
		}
		is, err := fate(id, note)
		switch {
		case err != nil:
			return err
		case is == Stays:
			return v.Keep(id)
		case is == Waits:
			waits[id] = true
			return nil
		}
		return v.Drop(id)
	})
	if err != nil {
		return err
	}
	return v.Notes(func(id ID) error { // of what never began, or was seen to
		if waits[id] {
			return nil
		}
		return v.forgetNote(id)
	})
}

// NoteOf is what Note was given for a file.
func (v *Vault) NoteOf(id ID) ([]byte, error) {
	note, err := os.ReadFile(v.path(id) + noted)
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, fmt.Errorf("a note can't be read: %w", err)
	}
	return note, nil
}

// Notes calls f with the id of every file of which there is a note.
func (v *Vault) Notes(f func(ID) error) error {
	names, err := filepath.Glob(filepath.Join(v.dir, "*"+noted))
	if err != nil {
		return err
	}
	for _, name := range names {
		if id, err := ParseID(strings.TrimSuffix(filepath.Base(name), noted)); err == nil {
			if err := f(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// Each calls f with the id of every file that stays, wherever it is. Nobody is asked.
func (v *Vault) Each(f func(ID) error) error {
	return v.each(func(id ID, ending string) error {
		if ending == "" || ending == away && !v.there(id, "") {
			return f(id)
		}
		return nil
	})
}

// each calls f with all that is in the folder and ours.
func (v *Vault) each(f func(id ID, ending string) error) error {
	entries, err := os.ReadDir(v.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the folder of the files can't be read: %w", err)
	}
	for _, e := range entries {
		id, ending, ok := ours(e.Name())
		if !ok {
			continue
		}
		if err := f(id, ending); err != nil {
			return err
		}
	}
	return nil
}

// All calls f with the id of every file that stays, in the folder or in the
// place, and of every one that is coming in.
func (v *Vault) All(f func(id ID, comes bool) error) error {
	seen := map[ID]bool{}
	return v.each(func(id ID, ending string) error {
		if ending != "" && ending != pending && ending != away || seen[id] || v.there(id, gone) {
			return nil
		}
		seen[id] = true
		return f(id, ending == pending && !v.there(id, "") && !v.there(id, away))
	})
}

// Raw opens a file as it is sealed, wherever it is: ErrMissing where it is not.
func (v *Vault) Raw(ctx context.Context, id ID) (io.ReadSeekCloser, error) { return v.source(ctx, id) }

// Open reads a file back. Every byte it hands out was sealed in that place, and
// at the end all of it is held against s: only after io.EOF is it whole. What is
// in the place is read until ctx ends.
func (v *Vault) Open(ctx context.Context, id ID, s Sealed) (io.ReadSeekCloser, error) {
	f, err := v.source(ctx, id)
	if err != nil {
		return nil, err
	}
	r, err := newReader(f, id, s)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

// Verify reads a whole file and says whether it is what was put in.
func (v *Vault) Verify(ctx context.Context, id ID, s Sealed) error {
	r, err := v.Open(ctx, id, s)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, &watched{ctx, r})
	return errors.Join(err, r.Close())
}

// VerifyHere is Verify of a file in the folder; one in the place is ErrMissing.
func (v *Vault) VerifyHere(ctx context.Context, id ID, s Sealed) error {
	if !v.there(id, "") && !v.there(id, pending) {
		return ErrMissing
	}
	return v.Verify(ctx, id, s)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
