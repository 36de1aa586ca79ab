// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/evidence"
	"github.com/kua-registry/kua/internal/seal"
)

// UploadLasts is how long a file that was begun waits to be gone on with.
const UploadLasts = 14 * 24 * time.Hour

const (
	uploadsEach = 20               // files that a member may have begun at a time
	uploadsOpen = 16               // files that are open at once; the others are read anew when they go on
	uploadIdle  = 10 * time.Minute // after which one is not kept open any more
)

// What whoever puts a file in piece by piece can be told.
var (
	// ErrUploads says that a member has begun too many files.
	ErrUploads = fmt.Errorf("you have begun %d files that did not come in whole: go on with them, or let go of some", uploadsEach)
	// ErrUploadBusy says that a part of the same file is still coming in.
	ErrUploadBusy = errors.New("a part of this file is still coming in: try again in a minute")
	// ErrUploadSum says that what came in is not the file that was to come.
	ErrUploadSum = errors.New("what came in is not the file that was sent: it may have changed meanwhile. Nothing of it was kept; send it again")
)

// OffsetError says that a part of a file does not begin where the last one ended.
type OffsetError struct{ Offset int64 }

func (e *OffsetError) Error() string {
	return fmt.Sprintf("the part of the file does not go on where the last one ended: go on at byte %d", e.Offset)
}

// NewUpload is a file that is to come in piece by piece.
type NewUpload struct {
	Evidence string // as NewFile
	Name     string
	Bytes    int64  // how many there will be
	Mark     string // by which its sender knows it again, at most 100 bytes, such as when it was last changed
}

// UploadView is how far a file has come.
type UploadView struct {
	ID     string // that the file will have
	Case   string // its id
	Name   string
	Mark   string
	Bytes  int64     // there will be
	Offset int64     // have come; of Uploads: about so many
	Until  time.Time // it is let go of then
	Done   bool      // it is a file of the case
}

// uploads are the files that are coming in.
type uploads struct {
	mu   sync.Mutex
	open map[evidence.ID]*openUpload
}

// openUpload is one of them, in the hand of one request at a time.
type openUpload struct {
	mu   sync.Mutex
	u    *evidence.Upload // nil: not open, or not any more
	used time.Time
}

func (r *Registry) lapsedUpload(b begunFile) bool { return r.now().Sub(b.At) > UploadLasts }

// erasedAfter tells whether something of a case was erased after a moment.
func (r *Registry) erasedAfter(ctx context.Context, caseID string, at time.Time) (bool, error) {
	file, err := r.fromLedger(ctx, caseID)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(file.Of(kindErasure), func(rec *casefile.Record) bool { return !rec.At.Before(at.Truncate(time.Millisecond)) }), nil
}

// BeginUpload begins a file of a case that comes in piece by piece: after a cut
// line, and after the program was killed at any moment, it goes on where it was.
func (r *Registry) BeginUpload(ctx context.Context, s *access.Session, caseID string, n NewUpload) (_ UploadView, err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	row, err := r.row(ctx, s, caseID, r.clock(Clock{}))
	if err != nil {
		return UploadView{}, err
	}
	switch {
	case !r.may(s.Member, access.WriteCase, row.ID):
		return UploadView{}, ErrNotAllowed
	case n.Bytes <= 0:
		return UploadView{}, ErrFileEmpty
	case n.Bytes > FileLimit:
		return UploadView{}, ErrFileSize
	}
	begun := 0
	err = r.eachBegun(func(_ evidence.ID, b begunFile) error {
		if b.Member == s.Member.ID && b.Size > 0 {
			begun++
		}
		return nil
	})
	if err != nil {
		return UploadView{}, err
	}
	if begun >= uploadsEach {
		return UploadView{}, ErrUploads
	}
	b := begunFile{Stream: row.ID, Size: n.Bytes, Mark: n.Mark[:min(len(n.Mark), 100)], Fields: map[string]string{"name": fileName(n.Name), "evidence": n.Evidence}}
	file, u, err := r.beginFile(ctx, s, &b)
	if err != nil {
		return UploadView{}, err
	}
	r.uploads.mu.Lock()
	r.uploads.open[file] = &openUpload{u: u, used: r.now()}
	r.uploads.mu.Unlock()
	r.closeUploads(r.tooMany())
	return uploadView(file, b, 0), nil
}

func uploadView(file evidence.ID, b begunFile, offset int64) UploadView {
	return UploadView{ID: file.String(), Case: b.Stream, Name: b.Fields["name"], Mark: b.Mark, Bytes: b.Size, Offset: offset, Until: b.At.Add(UploadLasts)}
}

// eachBegun calls f with every file that is being put in.
func (r *Registry) eachBegun(f func(evidence.ID, begunFile) error) error {
	return r.files.Notes(func(file evidence.ID) error {
		note, err := r.files.NoteOf(file)
		if errors.Is(err, evidence.ErrMissing) {
			return nil // finished meanwhile
		}
		if err != nil {
			return err
		}
		b, err := r.readBegun(file, note)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return f(file, b)
	})
}

// begunBy finds a file that the member has begun in a case and may go on with.
// What is another's is told like what is not there.
func (r *Registry) begunBy(ctx context.Context, s *access.Session, caseID, id string) (file evidence.ID, b begunFile, err error) {
	row, err := r.row(ctx, s, caseID, r.clock(Clock{}))
	if err != nil {
		return file, b, err
	}
	if !r.may(s.Member, access.WriteCase, row.ID) {
		return file, b, ErrNotAllowed
	}
	if file, err = evidence.ParseID(id); err != nil {
		return file, b, ErrNotFound
	}
	note, err := r.files.NoteOf(file)
	if errors.Is(err, evidence.ErrMissing) {
		return file, b, ErrNotFound
	}
	if err == nil {
		b, err = r.readBegun(file, note)
	}
	if err != nil {
		return file, b, err
	}
	if b.Member != s.Member.ID || b.Stream != row.ID || b.Size <= 0 || r.lapsedUpload(b) {
		return file, b, ErrNotFound
	}
	return file, b, nil
}

// withUpload does something with a file that is coming in, opened where it was left.
func (r *Registry) withUpload(ctx context.Context, file evidence.ID, b begunFile, do func(*openUpload) error) error {
	r.uploads.mu.Lock()
	o := r.uploads.open[file]
	if o == nil {
		o = &openUpload{}
		r.uploads.open[file] = o
	}
	r.uploads.mu.Unlock()
	if !o.mu.TryLock() {
		return ErrUploadBusy
	}
	defer o.mu.Unlock()
	if o.u == nil {
		var key seal.Key
		copy(key[:], b.Key)
		u, err := r.files.Resume(ctx, file, key, b.Size)
		if errors.Is(err, evidence.ErrMissing) {
			return ErrNotFound // finished, or let go of, meanwhile
		}
		if err != nil {
			return fmt.Errorf("%w (%w)", ErrFileBroken, err)
		}
		o.u = u
	}
	o.used = r.now()
	err := do(o)
	if o.u == nil {
		r.uploads.mu.Lock()
		if r.uploads.open[file] == o {
			delete(r.uploads.open, file)
		}
		r.uploads.mu.Unlock()
	}
	return err
}

// Uploads are the files that the member has begun in a case and not finished.
func (r *Registry) Uploads(ctx context.Context, s *access.Session, caseID string) (_ []UploadView, err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	row, err := r.row(ctx, s, caseID, r.clock(Clock{}))
	if err != nil {
		return nil, err
	}
	if !r.may(s.Member, access.WriteCase, row.ID) {
		return nil, nil
	}
	var all []UploadView
	err = r.eachBegun(func(file evidence.ID, b begunFile) error {
		if b.Member == s.Member.ID && b.Stream == row.ID && b.Size > 0 && !r.lapsedUpload(b) {
			all = append(all, uploadView(file, b, r.files.Came(file)))
		}
		return nil
	})
	slices.SortFunc(all, func(a, b UploadView) int { return a.Until.Compare(b.Until) })
	return all, err
}

// Upload is how far a file has come that the member has begun, or that it is done.
func (r *Registry) Upload(ctx context.Context, s *access.Session, caseID, id string) (_ UploadView, err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	file, b, err := r.begunBy(ctx, s, caseID, id)
	if errors.Is(err, ErrNotFound) {
		return r.uploaded(ctx, s, caseID, id)
	}
	if err != nil {
		return UploadView{}, err
	}
	view := uploadView(file, b, 0)
	err = r.withUpload(ctx, file, b, func(o *openUpload) error {
		view.Offset = o.u.Offset()
		return nil
	})
	return view, err
}

// uploaded is what has become a file of the case.
func (r *Registry) uploaded(ctx context.Context, s *access.Session, caseID, id string) (UploadView, error) {
	row, err := r.row(ctx, s, caseID, r.clock(Clock{}))
	if err != nil {
		return UploadView{}, err
	}
	rec, err := r.file(ctx, s, row.ID, id)
	if err != nil || rec.History[0].Author != s.Member.ID {
		return UploadView{}, ErrNotFound
	}
	view, err := r.fileView(row.ID, rec, true)
	return UploadView{ID: id, Case: row.ID, Name: view.Name, Bytes: view.Bytes, Offset: view.Bytes, Done: true}, err
}

// ContinueUpload takes in a part of a file, which begins at offset, and answers
// when it is on the disk but for less than 64 KiB. Of a part that breaks off,
// what came is kept.
func (r *Registry) ContinueUpload(ctx context.Context, s *access.Session, caseID, id string, offset int64, content io.Reader) (_ UploadView, err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	file, b, err := r.begunBy(ctx, s, caseID, id)
	if err != nil {
		return UploadView{}, err
	}
	view := uploadView(file, b, 0)
	err = r.withUpload(ctx, file, b, func(o *openUpload) error {
		if view.Offset = o.u.Offset(); view.Offset != offset {
			return &OffsetError{view.Offset}
		}
		err := o.u.Take(ctx, content, b.Size)
		whole := o.u.Sync()
		view.Offset = o.u.Offset()
		if err = cmp.Or(err, whole); err != nil {
			err = r.notTaken(err, ErrFileSize)
		}
		if whole != nil { // what is on the disk is read anew when it goes on
			err = errors.Join(err, o.u.Close())
			o.u = nil
		}
		return err
	})
	r.closeUploads(r.tooMany())
	return view, err
}

// FinishUpload makes a file of the case of one that has come in whole. sum is
// the SHA-256 that it must have; empty where its sender does not know it.
func (r *Registry) FinishUpload(ctx context.Context, s *access.Session, caseID, id, sum string) (_ FileView, err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	file, b, err := r.begunBy(ctx, s, caseID, id)
	if err != nil {
		return FileView{}, err
	}
	var view FileView
	err = r.withUpload(ctx, file, b, func(o *openUpload) error {
		if came := o.u.Offset(); came != b.Size {
			return &OffsetError{came}
		}
		u := o.u
		o.u = nil
		if sum != "" && subtle.ConstantTimeCompare([]byte(sum), []byte(u.SHA256())) != 1 {
			return errors.Join(ErrUploadSum, u.Close(), r.files.Drop(file))
		}
		view, err = r.finishFile(ctx, s, file, b, u)
		return err
	})
	return view, err
}

// DropUpload lets go of a file that the member has begun.
func (r *Registry) DropUpload(ctx context.Context, s *access.Session, caseID, id string) (err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	file, b, err := r.begunBy(ctx, s, caseID, id)
	if err != nil {
		return err
	}
	return r.withUpload(ctx, file, b, func(o *openUpload) error {
		u := o.u
		o.u = nil
		return errors.Join(u.Close(), r.files.Drop(file))
	})
}

// tooMany picks those that were idle for longest, where too many are open.
func (r *Registry) tooMany() func(*openUpload) bool {
	r.uploads.mu.Lock()
	defer r.uploads.mu.Unlock()
	var idle []*openUpload
	used := map[*openUpload]time.Time{}
	for _, o := range r.uploads.open {
		if o.mu.TryLock() {
			idle, used[o] = append(idle, o), o.used
			o.mu.Unlock()
		}
	}
	slices.SortFunc(idle, func(a, b *openUpload) int { return used[b].Compare(used[a]) })
	idle = idle[min(len(idle), uploadsOpen):]
	return func(o *openUpload) bool { return slices.Contains(idle, o) }
}

// closeUploads closes some of those that nobody adds to at the moment. They go on
// from the disk.
func (r *Registry) closeUploads(which func(*openUpload) bool) {
	r.uploads.mu.Lock()
	defer r.uploads.mu.Unlock()
	for file, o := range r.uploads.open {
		if !o.mu.TryLock() {
			continue
		}
		if o.u == nil || which(o) {
			if o.u != nil {
				_ = o.u.Close() // what it has acknowledged is on the disk
				o.u = nil
			}
			delete(r.uploads.open, file)
		}
		o.mu.Unlock()
	}
}

// tendUploads lets go of what nobody went on with.
func (r *Registry) tendUploads() error {
	now := r.now()
	r.closeUploads(func(o *openUpload) bool { return now.Sub(o.used) > uploadIdle })
	return r.eachBegun(func(file evidence.ID, b begunFile) error {
		if b.Size > 0 && r.lapsedUpload(b) {
			return r.letGo(file)
		}
		return nil
	})
}

// dropUploads lets go of what is coming in of a case.
func (r *Registry) dropUploads(caseID string) error {
	return r.eachBegun(func(file evidence.ID, b begunFile) error {
		if b.Stream != caseID {
			return nil
		}
		return r.letGo(file)
	})
}

// letGo takes away what came of a file. A part that is coming in at the moment
// comes to nothing.
func (r *Registry) letGo(file evidence.ID) error {
	r.uploads.mu.Lock()
	delete(r.uploads.open, file)
	r.uploads.mu.Unlock()
	return r.files.Drop(file)
}
