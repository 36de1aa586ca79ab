// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/evidence"
	"github.com/kua-registry/kua/internal/inbox"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/safecopy"
	"github.com/kua-registry/kua/internal/submission"
)

// Files of reports from outside, before there is a case: what a member is shown
// of one is a copy that is safe to look at, made when it is opened. It lies
// sealed, under a key that is with the keys of the session which had it made and
// nowhere else, and goes with them (docs/spec/inbox.md).

// shownDir is the folder of these copies.
const shownDir = inboxDir + "/shown"

// The most that lies in it at a time; what lies there longest goes first.
const (
	shownBytes = 2 << 30
	shownFiles = 500
)

// SubmissionFileView is a file of a report as it is shown to a member.
type SubmissionFileView struct {
	submission.File
	Report   string    // id of the report
	Day      string    // on which it came
	Doubtful bool      // of a message that does not bear the mark of the first
	Copy     *FileCopy // nil: none was made yet
}

// shownCopy is a copy of a file of a report, as a session keeps it.
type shownCopy struct {
	FileCopy
	file   evidence.ID
	sealed evidence.Sealed
}

// shownKey is under what a session keeps it.
type shownKey struct {
	door   inbox.Door
	upload string
}

// forgetShown lets go of what a session has opened of a report's files: without
// their keys the copies can't be opened any more.
func forgetShown(k *access.Keys, door inbox.Door) {
	k.Opened.Range(func(key, _ any) bool {
		if one, ok := key.(shownKey); ok && one.door == door {
			k.Opened.Delete(key)
		}
		return true
	})
}

// shown are the copies that lie in shownDir.
type shown struct {
	files *evidence.Vault
	bytes int64 // that may lie there

	mu  sync.Mutex
	lie []shownFile // the oldest first
	all int64       // bytes
}

type shownFile struct {
	id    evidence.ID
	bytes int64
}

func newShown(dir string) *shown {
	return &shown{files: evidence.Open(filepath.Join(dir, filepath.FromSlash(shownDir))), bytes: shownBytes}
}

// put seals a copy while it comes. What was there before goes where there is too much.
func (sh *shown) put(ctx context.Context, copied io.Reader) (id evidence.ID, sealed evidence.Sealed, err error) {
	id = evidence.ID(ledger.NewID())
	if sealed, err = sh.files.Put(ctx, id, copied, sh.bytes); err != nil {
		return id, sealed, err
	}
	if err := sh.files.Keep(id); err != nil {
		return id, sealed, errors.Join(err, sh.files.Drop(id))
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.lie, sh.all = append(sh.lie, shownFile{id, sealed.Size}), sh.all+sealed.Size
	for len(sh.lie) > shownFiles || len(sh.lie) > 1 && sh.all > sh.bytes {
		err = errors.Join(err, sh.drop())
	}
	return id, sealed, err
}

// drop takes the oldest away. The caller holds mu.
func (sh *shown) drop() error {
	oldest := sh.lie[0]
	sh.lie, sh.all = sh.lie[1:], sh.all-oldest.bytes
	return sh.files.Remove(oldest.id)
}

// clear takes away all that was put.
func (sh *shown) clear() (err error) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for len(sh.lie) > 0 {
		err = errors.Join(err, sh.drop())
	}
	return err
}

// sweepShown takes away what a program that was killed has left: nobody has a key to it.
func (r *Registry) sweepShown() {
	if err := os.RemoveAll(filepath.Join(r.dir, filepath.FromSlash(shownDir))); err != nil {
		r.opt.Log.Warn("sealed copies that nobody can open could not be taken away; the next opening tries again", slog.String("directory", shownDir))
	}
}

// reportFile finds a file of a report by the name of its upload, or by the
// beginning of it, of at least 8 digits.
func (r *Registry) reportFile(ctx context.Context, s *access.Session, id, upload string) (f *found, m SubmissionMessage, of submission.File, err error) {
	if f, err = r.findReport(ctx, s, id); err != nil {
		return nil, m, of, err
	}
	n := 0
	for _, one := range f.Messages {
		for _, file := range one.Files {
			if one.Answer || one.Shut || len(upload) < 8 || !strings.HasPrefix(file.Upload, strings.ToLower(upload)) {
				continue
			}
			m, of = one, file
			n++
		}
	}
	if n != 1 {
		return nil, m, of, ErrNotFound
	}
	return f, m, of, nil
}

// SubmissionFile opens a file of a report as its sender's machine had it: it
// leaves the register, and that is written down. Where a piece is not the one
// that was sent, reading ends with ErrSubmissionFile before the last of it is read.
func (r *Registry) SubmissionFile(ctx context.Context, s *access.Session, id, upload string) (_ io.Reader, _ submission.File, err error) {
	defer r.refusal(ctx, s, "inbox", "", &err)
	f, m, of, err := r.reportFile(ctx, s, id, upload)
	if err != nil {
		return nil, of, err
	}
	content, err := newPieceReader(f, of, m.Number)
	if err != nil {
		return nil, of, err
	}
	if err := r.audit(ctx, &line{act: actExport, what: "inbox", by: s.Keys.Identity, n: 1}); err != nil {
		return nil, of, fmt.Errorf("%w (%w)", ErrUnaudited, err)
	}
	return content, of, nil
}

// SubmissionCopy makes the copy of a file of a report that is safe to look at,
// once in a session: from then on it answers that one, or why there is none.
// quick: only if it takes no longer than anybody waits for unasked, else
// ErrNotQuick. What is known of the file is answered with ErrNotQuick,
// ErrNoOpener and ErrSubmissionFile, too.
func (r *Registry) SubmissionCopy(ctx context.Context, s *access.Session, id, upload string, quick bool) (v SubmissionFileView, err error) {
	defer r.refusal(ctx, s, "inbox", "", &err)
	f, m, of, err := r.reportFile(ctx, s, id, upload)
	if err != nil {
		return v, err
	}
	if err := r.audit(ctx, &line{act: actRead, what: "inbox", by: s.Keys.Identity}); err != nil {
		return v, fmt.Errorf("%w (%w)", ErrUnaudited, err)
	}
	v = SubmissionFileView{File: of, Report: f.ID, Day: m.Day, Doubtful: m.Doubtful}
	limits := safecopy.DefaultLimits()
	if quick {
		limits = quickly()
	}
	if v.Copy = r.shownCopy(s, f, of, quick); v.Copy != nil {
		return v, nil
	}
	switch {
	case r.opt.Open == nil:
		return v, ErrNoOpener
	case quick && of.Bytes > limits.Bytes:
		return v, ErrNotQuick
	}
	release, err := r.openingTurn(ctx, quick)
	if err != nil {
		return v, err
	}
	defer release()
	if v.Copy = r.shownCopy(s, f, of, quick); v.Copy != nil {
		return v, nil
	}
	made, err := r.showCopy(ctx, s, f, m, of, limits, quick)
	if err == nil {
		v.Copy = &made
	}
	return v, err
}

// shownCopy is the copy that a session has; nil: it has none, or, unless quick,
// another try may end otherwise.
func (r *Registry) shownCopy(s *access.Session, f *found, of submission.File, quick bool) *FileCopy {
	known, _ := s.Keys.Opened.Load(shownKey{f.door, of.Upload})
	c, ok := known.(shownCopy)
	if !ok || !quick && c.MayAgain() {
		return nil
	}
	if c.File != "" {
		if there, err := r.shown.files.Has(c.file); err != nil || !there {
			return nil
		}
	}
	return &c.FileCopy
}

// showCopy makes the copy of a file of a report. The caller has the turn.
func (r *Registry) showCopy(ctx context.Context, s *access.Session, f *found, m SubmissionMessage, of submission.File, limits safecopy.Limits, quick bool) (FileCopy, error) {
	content, err := newPieceReader(f, of, m.Number)
	if err != nil {
		return FileCopy{}, err
	}
	var c shownCopy
	var media safecopy.Kind
	report, err := r.openOutside(ctx, safecopy.Job{Media: mediaNamed(of.Name), Limits: limits}, &noted{r: content}, func(kind safecopy.Kind, copied io.Reader) (err error) {
		media = kind
		c.file, c.sealed, err = r.shown.put(ctx, copied)
		return err
	})
	switch {
	case err != nil:
		if why := r.whyNot(err); errors.Is(why, ledger.ErrFull) {
			err = why
		}
		return FileCopy{}, err
	case quick && notQuick(report):
		return FileCopy{}, ErrNotQuick
	}
	c.FileCopy = copyView(copyFields(of.Upload, SafeCopy, report, nil))
	c.At, c.By = r.now().UTC(), s.Member.Name
	switch {
	case report.Refused != nil:
		c.Need = report.Refused.Need
	case report.Kind == safecopy.Text: // what looks like a page in it was no more than text before
		media = safecopy.Text
		fallthrough
	default:
		c.File, c.Media, c.Bytes = c.file.String(), string(media), c.sealed.Size
	}
	s.Keys.Opened.Store(shownKey{f.door, of.Upload}, c)
	return c.FileCopy, nil
}

// OpenSubmissionCopy reads the copy of a file of a report that SubmissionCopy has
// made for the session, which is written down there.
func (r *Registry) OpenSubmissionCopy(ctx context.Context, s *access.Session, id, upload string) (_ io.ReadSeekCloser, _ FileCopy, err error) {
	defer r.refusal(ctx, s, "inbox", "", &err)
	f, _, of, err := r.reportFile(ctx, s, id, upload)
	if err != nil {
		return nil, FileCopy{}, err
	}
	known, _ := s.Keys.Opened.Load(shownKey{f.door, of.Upload})
	c, ok := known.(shownCopy)
	if !ok || c.File == "" {
		return nil, FileCopy{}, ErrNotFound
	}
	content, err := r.shown.files.Open(ctx, c.file, c.sealed)
	if errors.Is(err, evidence.ErrMissing) {
		err = ErrNotFound // others came since, and it went: the page of the file makes it anew
	}
	if err != nil {
		return nil, FileCopy{}, err
	}
	return content, c.FileCopy, nil
}
