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
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/evidence"
	"github.com/kua-registry/kua/internal/ledger"
)

// evidenceDir is the folder of the sealed files in a register.
const evidenceDir = "evidence"

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
	// ErrCaptureBroken says that a file did not come in whole.
	ErrCaptureBroken = errors.New("the file did not come in whole, and nothing of it was kept: send it again")
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
		return CaptureView{}, fmt.Errorf("%w (%w)", ErrCaptureBroken, err)
	}
	id := ledger.NewID()
	file := evidence.ID(id)
	sealed, err := r.files.Put(ctx, file, io.MultiReader(bytes.NewReader(head), n.Content), CaptureLimit)
	switch {
	case errors.Is(err, evidence.ErrTooLarge):
		return CaptureView{}, ErrCaptureSize
	case err != nil:
		if why := r.whyNot(err); errors.Is(why, ledger.ErrFull) {
			return CaptureView{}, why
		}
		return CaptureView{}, fmt.Errorf("%w (%w)", ErrCaptureBroken, err)
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
	if err := r.keepFile(ctx, s, file, act{stream: id.String(), puts: []Put{{Record: id.String(), Kind: captureKind, Fields: fields}}}); err != nil {
		return CaptureView{}, err
	}
	rec, err := r.capture(ctx, id.String())
	if err != nil {
		return CaptureView{}, err
	}
	return r.captureView(s, rec), nil
}

// keepFile writes the entry that names a file, and lets the file stay. Where
// there is no entry, there is no file either.
func (r *Registry) keepFile(ctx context.Context, s *access.Session, file evidence.ID, a act) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	err := r.write(ctx, s, []act{a})
	if err != nil {
		named, look := r.namesFile(context.WithoutCancel(ctx), file)
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
func (r *Registry) namesFile(ctx context.Context, file evidence.ID) (bool, error) {
	version, _, err := r.log.Last(ctx, ledger.ID(file))
	return version > 0, err
}

// settleFiles sees to the files that a crash has left between two steps.
func (r *Registry) settleFiles(ctx context.Context) error {
	return r.files.Sweep(func(file evidence.ID) (bool, error) { return r.namesFile(ctx, file) })
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

// sealedOf is what is needed to open a stored copy; false: it can't be opened any more.
func sealedOf(rec *casefile.Record) (evidence.Sealed, bool) {
	fields := rec.Fields
	var out evidence.Sealed
	key, keyErr := hex.DecodeString(first(fields["key"]))
	sum, sumErr := hex.DecodeString(first(fields["sha256"]))
	size, sizeErr := strconv.ParseInt(first(fields["bytes"]), 10, 64)
	if errors.Join(keyErr, sumErr, sizeErr) != nil || len(key) != len(out.Key) || len(sum) != len(out.SHA256) {
		return out, false
	}
	copy(out.Key[:], key)
	copy(out.SHA256[:], sum)
	out.Size = size
	return out, true
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
	sealed, ok := sealedOf(rec)
	if !ok || rec.Withdrawn {
		return CaptureView{}, nil, ErrNotFound
	}
	file := evidence.ID(mustID(rec.ID))
	if err := r.files.Verify(ctx, file, sealed); err != nil {
		return CaptureView{}, nil, fmt.Errorf("%w (%w)", ErrCaptureDamaged, err)
	}
	if err := r.TakesOut(ctx, s, "capture", 1); err != nil {
		return CaptureView{}, nil, err
	}
	content, err := r.files.Open(file, sealed)
	if err != nil {
		return CaptureView{}, nil, fmt.Errorf("%w (%w)", ErrCaptureDamaged, err)
	}
	return r.captureView(s, rec), content, nil
}

// mustID reads the id of a record that is there.
func mustID(text string) ledger.ID {
	id, err := ledger.ParseID(text)
	if err != nil { // never: it was read from a ledger
		panic(err)
	}
	return id
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
	ids, err := r.index.Streams(ctx, captureKind) // compared with the ledger before
	if err != nil {
		return 0, "", err
	}
	for _, id := range ids {
		rec, err := r.capture(ctx, id)
		if err != nil {
			return files, "", err
		}
		sealed, ok := sealedOf(rec)
		if !ok {
			continue // its key was destroyed
		}
		switch err := r.files.Verify(ctx, evidence.ID(mustID(id)), sealed); {
		case errors.Is(err, evidence.ErrMissing):
			return files, fmt.Sprintf("the stored copy %s is missing: put %s/%s back from a backup", id, evidenceDir, id), nil
		case errors.Is(err, evidence.ErrAltered):
			return files, fmt.Sprintf("the stored copy %s was altered: put %s/%s back from a backup", id, evidenceDir, id), nil
		case err != nil:
			return files, "", err
		}
		files++
	}
	err = r.files.Each(func(file evidence.ID) error {
		named, err := r.namesFile(ctx, file)
		if err == nil && !named && problem == "" {
			problem = fmt.Sprintf("no entry names the file %s/%s: an older ledger was put back, or the file came from elsewhere", evidenceDir, file)
		}
		return err
	})
	return files, problem, err
}
