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
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/evidence"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// What is the same for all sealed files: stored copies of publications, each in
// a stream of its own that has the id of its file, and the files of cases.

// evidenceDir is the folder of the sealed files in a register.
const evidenceDir = "evidence"

// ErrFileBroken says that a file did not come in whole.
var ErrFileBroken = errors.New("the file did not come in whole, and nothing of it was kept: send it again")

// begunFile is what is known of a file that is being put in. It lies beside the
// file, sealed by the node and by the forgetting key of its time, until the file
// stays: so a file can be gone on with after a crash, and an erasure reaches it.
type begunFile struct {
	Stream string            `json:"stream"` // the case
	Fields map[string]string `json:"fields"` // of the record that will name it
	Key    []byte            `json:"key"`
	Size   int64             `json:"size"` // evidence.Unknown: nobody can go on with it
	Mark   string            `json:"mark,omitempty"`
	Member string            `json:"member"`
	At     time.Time         `json:"at"`
}

// begunLabel says what a begun file is sealed for.
const begunLabel = "kua/file begun/v1"

func begunAbout(file evidence.ID) []byte { return []byte(begunLabel + "\x00" + file.String()) }

// noteBegun keeps what is known of a file that is about to be put in.
func (r *Registry) noteBegun(file evidence.ID, b begunFile) error {
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	sealed, err := r.node.SealOwn(begunLabel, text)
	if err == nil {
		sealed, err = r.newestForgetKey().WrapAgain(begunAbout(file), sealed)
	}
	if err != nil {
		return err
	}
	return r.files.Note(file, sealed)
}

// readBegun reads it back; ErrNotFound: the forgetting key of its time is gone.
func (r *Registry) readBegun(file evidence.ID, note []byte) (b begunFile, err error) {
	sealed, err := r.unwrapBegun(file, note)
	if err != nil {
		return b, err
	}
	text, err := r.node.OpenOwn(begunLabel, sealed)
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	if err != nil {
		return b, fmt.Errorf("what is known of the unfinished file %s can't be read: %w; take the files of that name out of %s", file, err, evidenceDir)
	}
	return b, nil
}

func (r *Registry) unwrapBegun(file evidence.ID, note []byte) ([]byte, error) {
	r.forget.mu.Lock()
	defer r.forget.mu.Unlock()
	for _, k := range r.forget.keys {
		if id, ok := seal.ForgetIDOf(note); ok && id == k.ID() {
			return k.Unwrap(begunAbout(file), note)
		}
	}
	return nil, ErrNotFound
}

// keepFile writes the entry that names a file, and lets the file stay. named says
// whether there is such an entry now: where there is none, the file is its
// caller's to take away. caseID is empty where the file has a stream of its own.
func (r *Registry) keepFile(ctx context.Context, s *access.Session, file evidence.ID, caseID string, a act) (named bool, err error) {
	if err = r.write(ctx, s, []act{a}); err != nil {
		var look error
		if named, look = r.namesFile(context.WithoutCancel(ctx), file, caseID); look != nil {
			return true, errors.Join(err, look) // it is not known: the next opening sees to it
		}
		if !named {
			return false, err
		}
	}
	if caseID != "" && first(a.puts[0].Fields["sealed"]) != file.String() { // the same bytes are sealed already
		return true, errors.Join(err, r.files.Drop(file))
	}
	if err = errors.Join(err, r.files.Keep(file)); err == nil {
		r.hasKept()
	}
	return true, err
}

// namesFile tells whether an entry names a file: by the ledger, not the index.
func (r *Registry) namesFile(ctx context.Context, file evidence.ID, caseID string) (bool, error) {
	if caseID == "" {
		version, _, err := r.log.Last(ctx, ledger.ID(file))
		return version > 0, err
	}
	of, err := r.fromLedger(ctx, caseID)
	if err != nil {
		return false, err
	}
	rec, ok := of.Record(file.String())
	return ok && rec.Kind == fileKind && rec.Get("sealed") != "", nil
}

// isSealedAs tells whether the record of a file names the sealed file of its own id.
func (r *Registry) isSealedAs(ctx context.Context, caseID string, file evidence.ID) bool {
	of, err := r.fromLedger(ctx, caseID)
	if err != nil {
		return true // it stays: nothing is lost
	}
	rec, ok := of.Record(file.String())
	return !ok || rec.Get("sealed") == file.String()
}

// settleFiles sees to the files that a crash has left between two steps.
func (r *Registry) settleFiles(ctx context.Context) error {
	return r.files.Sweep(func(file evidence.ID, note []byte) (evidence.Fate, error) {
		var b begunFile
		if note != nil {
			var err error
			if b, err = r.readBegun(file, note); errors.Is(err, ErrNotFound) {
				return evidence.Goes, nil
			} else if err != nil {
				return evidence.Goes, err
			}
		}
		named, err := r.namesFile(ctx, file, b.Stream)
		switch {
		case err != nil:
			return evidence.Goes, err
		case named && b.Stream != "" && !r.isSealedAs(ctx, b.Stream, file):
			return evidence.Goes, nil // its record names another of the same bytes
		case named:
			return evidence.Stays, nil
		case b.Size > 0 && !r.lapsedUpload(b):
			erased, err := r.erasedAfter(ctx, b.Stream, b.At)
			if err != nil || erased {
				return evidence.Goes, err
			}
			return evidence.Waits, nil
		}
		return evidence.Goes, nil
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
	if blake, err := hex.DecodeString(rec.Get("blake3")); err == nil {
		copy(out.BLAKE3[:], blake)
	}
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

// notOpened says why a file is not handed out: it is damaged, if it is not in a
// bucket that does not answer, and somebody waits for it still.
func notOpened(err, damaged error) error {
	if errors.Is(err, ErrAway) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w (%w)", damaged, err)
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

// verifyFiles reads every file that an entry names, and says of each what is
// wrong with it that is not what was put in, or that no entry names.
func (r *Registry) verifyFiles(ctx context.Context) (files int, bad []string, err error) {
	named := map[evidence.ID]bool{}
	check := func(what string, rec *casefile.Record) error {
		file, sealed, ok := sealedOf(rec)
		if !ok || named[file] {
			return nil // its key was destroyed; or another record names the same file
		}
		named[file] = true
		switch err := r.files.Verify(ctx, file, sealed); {
		case errors.Is(err, evidence.ErrMissing):
			bad = append(bad, fmt.Sprintf("%s %s is missing: put %s/%s back from a backup", what, rec.ID, evidenceDir, file))
		case errors.Is(err, evidence.ErrAltered):
			bad = append(bad, fmt.Sprintf("%s %s was altered: put %s/%s back from a backup", what, rec.ID, evidenceDir, file))
		case err != nil:
			return err
		default:
			files++
		}
		return nil
	}
	ids, err := r.index.Streams(ctx, captureKind) // compared with the ledger before
	if err != nil {
		return 0, nil, err
	}
	for _, id := range ids {
		rec, err := r.capture(ctx, id)
		if err == nil {
			err = check("the stored copy", rec)
		}
		if err != nil {
			return files, bad, err
		}
		named[evidence.ID(mustID(id))] = true
	}
	for of, err := range r.index.Files(ctx, allKnown) {
		if err != nil {
			return files, bad, err
		}
		for _, rec := range fileRecords(of) {
			if sealed, _, ok := sealedOf(rec); ok && r.keptAbroad(of.ID) {
				there, err := r.files.Has(sealed)
				if err != nil {
					return files, bad, err
				}
				if !there {
					continue // with who keeps the case, or on its way from there
				}
			}
			if err := check("the file of a case", rec); err != nil {
				return files, bad, err
			}
		}
	}
	unnamed := func(file evidence.ID) error {
		if !named[file] {
			named[file] = true // once
			bad = append(bad, fmt.Sprintf("no entry names the file %s/%s: an older ledger was put back, or the file came from elsewhere", evidenceDir, file))
		}
		return nil
	}
	if err = r.files.Each(unnamed); err != nil {
		return files, bad, err
	}
	err = r.files.Foreign(ctx, func(name string, inPlace bool) error {
		where := map[bool]string{false: "the folder " + evidenceDir, true: "the bucket"}[inPlace]
		bad = append(bad, fmt.Sprintf("%q in %s is none of the register's files: take it out of there", name, where))
		return nil
	}, unnamed)
	return files, bad, err
}
