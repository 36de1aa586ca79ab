// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/evidence"
	"github.com/kua-registry/kua/internal/ledger"
)

// CaptureLimit is how large a stored copy may be, in bytes.
const CaptureLimit = 50 << 20

// ErrDiskFull says that there is no room for what is to be written.
var ErrDiskFull = ledger.ErrFull

// What whoever stores a copy can be told.
var (
	// ErrCaptureSize says that a copy is too large.
	ErrCaptureSize = fmt.Errorf("the file is larger than %d MiB: store the page without its videos, or in parts", CaptureLimit>>20)
	// ErrCaptureEmpty says that there is nothing to store.
	ErrCaptureEmpty = errors.New("the file is empty: choose the page, document or picture that you saved")
	// ErrCaptureDamaged says that a copy is not in the register as it was put in.
	ErrCaptureDamaged = errors.New("the stored copy is missing or was altered, and nothing of it is handed out: 'kua verify --deep' says more, a backup has it")
)

// NewCapture is a copy of a publication as a member saved it. Nothing is ever
// fetched by the program: whoever watches the line would see what is read here.
type NewCapture struct {
	Publication string // id
	Name        string // of the file
	Taken       edtf.Date
	Content     io.Reader
}

// CaptureView is a stored copy without what is in it.
type CaptureView struct {
	ID, Publication string
	Name            string // of the file; empty for those who read facts alone
	SHA256          string // hex; empty for those who read facts alone
	Media           string // code of list media
	Bytes           int64
	Taken           edtf.Date
	At              time.Time
	MayOpen         bool
}

// AddCapture stores a copy. It is sealed while it comes in.
func (r *Registry) AddCapture(ctx context.Context, s *access.Session, n NewCapture) (_ CaptureView, err error) {
	defer r.refusal(ctx, s, "outside", "", &err)
	if !access.Decide(s.Member, access.WriteShared, access.Thing{}) {
		return CaptureView{}, ErrNotAllowed
	}
	if r.beside {
		return CaptureView{}, ledger.ErrLocked
	}
	of, err := r.sharedRecord(ctx, n.Publication, Clock{})
	if err != nil {
		return CaptureView{}, err
	}
	if of.Kind != publicationKind || of.Withdrawn {
		return CaptureView{}, ErrNotFound
	}
	head := make([]byte, 1024)
	k, err := io.ReadFull(n.Content, head)
	head = head[:k]
	switch {
	case errors.Is(err, io.EOF):
		return CaptureView{}, ErrCaptureEmpty
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return CaptureView{}, fmt.Errorf("%w (%w)", ErrFileBroken, err)
	}
	id := ledger.NewID()
	file := evidence.ID(id)
	sealed, err := r.files.Put(ctx, file, io.MultiReader(bytes.NewReader(head), n.Content), CaptureLimit)
	if err != nil {
		return CaptureView{}, r.notTaken(err, ErrCaptureSize)
	}
	fields := casefile.Fields{
		"publication": {n.Publication}, "media": {mediaOf(head)}, "bytes": {strconv.FormatInt(sealed.Size, 10)},
		"sha256": {hex.EncodeToString(sealed.SHA256[:])}, "key": {hex.EncodeToString(sealed.Key[:])},
	}
	if name := fileName(n.Name); name != "" {
		fields["name"] = []string{name}
	}
	if !n.Taken.IsZero() {
		fields["taken"] = []string{n.Taken.String()}
	}
	r.writing.Lock()
	named, err := r.keepFile(ctx, s, file, "", act{stream: id.String(), puts: []Put{{Record: id.String(), Kind: captureKind, Fields: fields}}})
	r.writing.Unlock()
	if !named {
		err = errors.Join(err, r.files.Drop(file))
	}
	if err != nil {
		return CaptureView{}, err
	}
	rec, err := r.capture(ctx, id.String())
	if err != nil {
		return CaptureView{}, err
	}
	return r.captureView(s, rec), nil
}

// capture is the record of a stored copy, live or withdrawn, from the ledger.
func (r *Registry) capture(ctx context.Context, id string) (*casefile.Record, error) {
	if _, err := ledger.ParseID(id); err != nil {
		return nil, ErrNotFound
	}
	file, err := r.fromLedger(ctx, id)
	if err != nil {
		return nil, err
	}
	rec, ok := file.Record(id)
	if !ok || rec.Kind != captureKind {
		return nil, ErrNotFound
	}
	return rec, nil
}

// captureView is a stored copy as the member may know of it.
func (r *Registry) captureView(s *access.Session, rec *casefile.Record) CaptureView {
	view := CaptureView{
		ID: rec.ID, Publication: first(rec.Fields["publication"]), Media: first(rec.Fields["media"]), Taken: rec.Date, At: rec.At,
	}
	view.Bytes, _ = strconv.ParseInt(first(rec.Fields["bytes"]), 10, 64)
	if access.Decide(s.Member, access.ReadShared, access.Thing{}) {
		view.Name, view.SHA256, view.MayOpen = first(rec.Fields["name"]), first(rec.Fields["sha256"]), true
	}
	return view
}

// Captures are the live stored copies of a publication, the latest first; of
// all publications where none is named.
func (r *Registry) Captures(ctx context.Context, s *access.Session, publication string, clock Clock) (_ []CaptureView, err error) {
	defer r.refusal(ctx, s, "outside", "", &err)
	if !access.Decide(s.Member, access.ReadShared, access.Thing{Part: access.Fact}) {
		return nil, ErrNotAllowed
	}
	records, err := r.index.Outside(ctx, captureKind, clock.KnownBy)
	if err != nil {
		return nil, err
	}
	out := []CaptureView{}
	for _, rec := range records {
		if publication == "" || rec.Has("publication", publication) {
			out = append(out, r.captureView(s, rec))
		}
	}
	slices.Reverse(out)
	slices.SortStableFunc(out, func(a, b CaptureView) int { return b.At.Compare(a.At) })
	return out, nil
}

// OpenCapture reads a stored copy, once all of it was found to be what was put
// in. That it leaves the register is written down before it does.
func (r *Registry) OpenCapture(ctx context.Context, s *access.Session, id string) (_ CaptureView, _ io.ReadCloser, err error) {
	defer r.refusal(ctx, s, "outside", "", &err)
	if !access.Decide(s.Member, access.ReadShared, access.Thing{}) {
		return CaptureView{}, nil, ErrNotFound
	}
	rec, err := r.capture(ctx, id)
	if err != nil {
		return CaptureView{}, nil, err
	}
	file, sealed, ok := sealedOf(rec)
	if !ok || rec.Withdrawn {
		return CaptureView{}, nil, ErrNotFound
	}
	if err := r.files.Verify(ctx, file, sealed); err != nil {
		return CaptureView{}, nil, notOpened(err, ErrCaptureDamaged)
	}
	if err := r.TakesOut(ctx, s, "capture", 1); err != nil {
		return CaptureView{}, nil, err
	}
	content, err := r.files.Open(ctx, file, sealed)
	if err != nil {
		return CaptureView{}, nil, notOpened(err, ErrCaptureDamaged)
	}
	return r.captureView(s, rec), content, nil
}

// WithdrawCapture takes a stored copy back. The file stays, and its entry: what
// was once shown can be shown again.
func (r *Registry) WithdrawCapture(ctx context.Context, s *access.Session, id, reason string) (_ CaptureView, err error) {
	defer r.refusal(ctx, s, "outside", "", &err)
	if !access.Decide(s.Member, access.WriteShared, access.Thing{}) {
		return CaptureView{}, ErrNotAllowed
	}
	reason = strings.Join(strings.Fields(reason), " ")
	r.writing.Lock()
	defer r.writing.Unlock()
	rec, err := r.capture(ctx, id)
	if err != nil {
		return CaptureView{}, err
	}
	if rec.Withdrawn {
		return CaptureView{}, ErrNotFound
	}
	view := r.captureView(s, rec)
	if reason == "" {
		return view, ErrReason
	}
	return view, r.write(ctx, s, []act{{stream: id, withdraws: []Put{{Record: id, Kind: captureKind}}, reason: reason}})
}

// mediaOf tells the kind of a file by its first bytes, whatever its name says.
func mediaOf(head []byte) string {
	media := http.DetectContentType(head)
	switch {
	case media == "application/pdf":
		return "pdf"
	case strings.HasPrefix(media, "text/html"), strings.HasPrefix(media, "text/xml"):
		return "html"
	case strings.HasPrefix(media, "image/"):
		return "image"
	case strings.HasPrefix(media, "text/plain"):
		if lower := bytes.ToLower(head); bytes.Contains(lower, []byte("content-type: multipart/related")) { // a page saved with all it shows
			return "html"
		}
		return "text"
	}
	return "other"
}
