// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/evidence"
	"github.com/kua-registry/kua/internal/ledger"
)

// What is the same for all sealed files: stored copies of publications, each in
// a stream of its own that has the id of its file, and the files of cases.

// evidenceDir is the folder of the sealed files in a register.
const evidenceDir = "evidence"

// ErrFileBroken says that a file did not come in whole.
var ErrFileBroken = errors.New("the file did not come in whole, and nothing of it was kept: send it again")

// place is where the record of a file stands that is being put in. It lies
// beside the file, sealed by the node, until the file stays.
type place struct {
	Stream string `json:"stream"`
	Record string `json:"record"`
}

// placeLabel says what a place is sealed for.
const placeLabel = "kua/file place/v1"

// notePlace keeps the place of a file that is about to be put in.
func (r *Registry) notePlace(file evidence.ID, at place) error {
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	sealed, err := r.node.SealOwn(placeLabel, text)
	if err != nil {
		return err
	}
	return r.files.Note(file, sealed)
}

// keepFile writes the entry that names a file, and lets the file stay. Where
// there is no entry, there is no file either. at is nil where the file has a
// stream of its own.
func (r *Registry) keepFile(ctx context.Context, s *access.Session, file evidence.ID, at *place, a act) error {
	err := r.write(ctx, s, []act{a})
	if err != nil {
		named, look := r.namesFile(context.WithoutCancel(ctx), file, at)
		switch {
		case look != nil:
			return errors.Join(err, look) // the next opening sees to it
		case !named:
			return errors.Join(err, r.files.Drop(file))
		}
	}
	return errors.Join(err, r.files.Keep(file))
}

// namesFile tells whether an entry names a file: by the ledger, not the index.
func (r *Registry) namesFile(ctx context.Context, file evidence.ID, at *place) (bool, error) {
	if at == nil {
		version, _, err := r.log.Last(ctx, ledger.ID(file))
		return version > 0, err
	}
	of, err := r.fromLedger(ctx, at.Stream)
	if err != nil {
		return false, err
	}
	rec, ok := of.Record(at.Record)
	return ok && rec.Kind == fileKind && rec.Get("sealed") == file.String(), nil
}

// settleFiles sees to the files that a crash has left between two steps.
func (r *Registry) settleFiles(ctx context.Context) error {
	return r.files.Sweep(func(file evidence.ID, note []byte) (bool, error) {
		var at *place
		if note != nil {
			text, err := r.node.OpenOwn(placeLabel, note)
			if err != nil {
				return false, fmt.Errorf("what is said of the unfinished file %s can't be read: %w; take the files of that name out of %s", file, err, evidenceDir)
			}
			at = &place{}
			if err := json.Unmarshal(text, at); err != nil {
				return false, err
			}
		}
		return r.namesFile(ctx, file, at)
	})
}

// notTaken says why a file was not taken in.
func (r *Registry) notTaken(err, tooLarge error) error {
	if errors.Is(err, evidence.ErrTooLarge) {
		return tooLarge
	}
	if why := r.whyNot(err); errors.Is(why, ledger.ErrFull) {
		return why
	}
	return fmt.Errorf("%w (%w)", ErrFileBroken, err)
}

// sealedOf is what is needed to open the file of a record; false: it can't be
// opened any more, or not by those to whom the facts alone are open.
func sealedOf(rec *casefile.Record) (file evidence.ID, out evidence.Sealed, ok bool) {
	id := rec.ID
	if rec.Kind == fileKind {
		id = rec.Get("sealed")
	}
	file, idErr := evidence.ParseID(id)
	key, keyErr := hex.DecodeString(rec.Get("key"))
	sum, sumErr := hex.DecodeString(rec.Get("sha256"))
	size, sizeErr := strconv.ParseInt(rec.Get("bytes"), 10, 64)
	if errors.Join(idErr, keyErr, sumErr, sizeErr) != nil || len(key) != len(out.Key) || len(sum) != len(out.SHA256) {
		return file, out, false
	}
	copy(out.Key[:], key)
	copy(out.SHA256[:], sum)
	out.Size = size
	return file, out, true
}

// mustID reads the id of a record that is there.
func mustID(text string) ledger.ID {
	id, err := ledger.ParseID(text)
	if err != nil { // never: it was read from a ledger
		panic(err)
	}
	return id
}

// fileName is the name of a file without what leads elsewhere or looks like
// something else: no folders, no control characters, no marks that turn the
// direction of writing, at most 120 letters.
func fileName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(c rune) rune {
		if c == utf8.RuneError || unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || unicode.Is(unicode.Zl, c) || unicode.Is(unicode.Zp, c) || strings.ContainsRune(`<>:"|?*`, c) {
			return -1
		}
		return c
	}, name)
	name = strings.Trim(strings.Join(strings.Fields(name), " "), ". ")
	const most = 120
	if letters := []rune(name); len(letters) > most {
		ending := []rune(filepath.Ext(name))
		if len(ending) > 10 {
			ending = nil
		}
		name = string(letters[:most-len(ending)]) + string(ending)
	}
	return name
}

// verifyFiles reads every file that an entry names, and says which is the first
// that is not what was put in, or that no entry names.
func (r *Registry) verifyFiles(ctx context.Context) (files int, problem string, err error) {
	named := map[evidence.ID]bool{}
	check := func(what string, rec *casefile.Record) error {
		file, sealed, ok := sealedOf(rec)
		if !ok || named[file] {
			return nil // its key was destroyed; or another record names the same file
		}
		named[file] = true
		switch err := r.files.Verify(ctx, file, sealed); {
		case errors.Is(err, evidence.ErrMissing):
			problem = fmt.Sprintf("%s %s is missing: put %s/%s back from a backup", what, rec.ID, evidenceDir, file)
		case errors.Is(err, evidence.ErrAltered):
			problem = fmt.Sprintf("%s %s was altered: put %s/%s back from a backup", what, rec.ID, evidenceDir, file)
		case err != nil:
			return err
		default:
			files++
		}
		return nil
	}
	ids, err := r.index.Streams(ctx, captureKind) // compared with the ledger before
	if err != nil {
		return 0, "", err
	}
	for _, id := range ids {
		rec, err := r.capture(ctx, id)
		if err == nil {
			err = check("the stored copy", rec)
		}
		if err != nil || problem != "" {
			return files, problem, err
		}
		named[evidence.ID(mustID(id))] = true
	}
	for of, err := range r.index.Files(ctx, allKnown) {
		if err != nil {
			return files, "", err
		}
		for _, rec := range fileRecords(of) {
			if err := check("the file of a case", rec); err != nil || problem != "" {
				return files, problem, err
			}
		}
	}
	err = r.files.Each(func(file evidence.ID) error {
		if !named[file] && problem == "" {
			problem = fmt.Sprintf("no entry names the file %s/%s: an older ledger was put back, or the file came from elsewhere", evidenceDir, file)
		}
		return nil
	})
	return files, problem, err
}
