// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/evidence"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/safecopy"
	"github.com/kua-registry/kua/internal/seal"
)

// fileKind is the kind of the files of cases. They are written here alone.
const fileKind = "file"

// FileLimit is how large a file of a case may be, in bytes.
const FileLimit = 100 << 30

// What whoever handles files of a case can be told.
var (
	// ErrFileSize says that a file is too large.
	ErrFileSize = fmt.Errorf("the file is larger than %d GB: split it and put the parts in", FileLimit>>30)
	// ErrFileEmpty says that there is nothing in a file.
	ErrFileEmpty = errors.New("the file is empty: choose one with something in it")
	// ErrFileDamaged says that a file is not in the register as it was put in.
	ErrFileDamaged = errors.New("the file is missing or was altered, and nothing more of it is handed out: 'kua verify --deep' says more, a backup has it")
)

// NewFile is a file to be put into a case.
type NewFile struct {
	Evidence string // id of the record of kind evidence that it belongs to; may be empty
	Name     string // as it was called where it came from
	Content  io.Reader
}

// FileView is a file of a case without what is in it. Name and hashes are empty
// for those who read facts alone.
type FileView struct {
	ID, Case string
	Evidence string // record it belongs to; empty: none
	Name     string
	SHA256   string // hex
	BLAKE3   string // hex; empty: not taken
	Media    string // what it is by its first bytes: a safecopy.Kind
	Bytes    int64
	At       time.Time // when it was put in
	By       string    // name of the member who did
	MayOpen  bool
	Missing  bool        // it is not where it should be: a backup has it
	OfFile   string      // id of the file that this is a copy of; empty: an original
	Form     string      // code of list file_form; empty: an original
	Web      *WebCapture // nil: it is no web capture
}

// AddFile puts a file into a case. It is sealed while it comes in, and never
// changed from then on.
func (r *Registry) AddFile(ctx context.Context, s *access.Session, caseID string, n NewFile) (_ FileView, err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	row, err := r.row(ctx, s, caseID, r.clock(Clock{}))
	if err != nil {
		return FileView{}, err
	}
	if !r.may(s.Member, access.WriteCase, row.ID) {
		return FileView{}, ErrNotAllowed
	}
	return r.addFile(ctx, s, begunFile{Stream: row.ID, Size: evidence.Unknown, Fields: map[string]string{"name": fileName(n.Name), "evidence": n.Evidence}}, n.Content)
}

// addDerived puts a copy that the program made of a file into its case. media
// is what it was made as.
func (r *Registry) addDerived(ctx context.Context, s *access.Session, caseID string, of, form string, media string, content io.Reader) (FileView, error) {
	if !r.may(s.Member, access.WriteCase, caseID) {
		return FileView{}, ErrNotAllowed
	}
	return r.addFile(ctx, s, begunFile{Stream: caseID, Size: evidence.Unknown, Fields: map[string]string{"of": of, "form": form, "media": media}}, content)
}

// addFile takes a file in whole, or nothing of it.
func (r *Registry) addFile(ctx context.Context, s *access.Session, b begunFile, content io.Reader) (_ FileView, err error) {
	file, u, err := r.beginFile(ctx, s, &b)
	if err != nil {
		return FileView{}, err
	}
	if err := u.Take(ctx, content, FileLimit); err != nil {
		return FileView{}, errors.Join(r.notTaken(err, ErrFileSize), u.Close(), r.files.Drop(file))
	}
	return r.finishFile(ctx, s, file, b, u)
}

// beginFile begins a file that is sealed while it comes in.
func (r *Registry) beginFile(ctx context.Context, s *access.Session, b *begunFile) (evidence.ID, *evidence.Upload, error) {
	file := evidence.ID(ledger.NewID())
	if r.beside {
		return file, nil, ledger.ErrLocked
	}
	if err := r.belongs(ctx, b.Stream, b.Fields); err != nil {
		return file, nil, err
	}
	key := seal.NewKey()
	b.Key, b.Member, b.At = key[:], s.Member.ID, r.now().UTC()
	if err := r.noteBegun(file, *b); err != nil {
		return file, nil, r.notTaken(err, ErrFileSize)
	}
	u, err := r.files.Begin(file, key, b.Size)
	if err != nil {
		return file, nil, errors.Join(r.notTaken(err, ErrFileSize), r.files.Drop(file))
	}
	return file, u, nil
}

// finishFile seals the end of a file that has come in, and writes the record
// that names it. On any error but a full disk nothing of it is left.
func (r *Registry) finishFile(ctx context.Context, s *access.Session, file evidence.ID, b begunFile, u *evidence.Upload) (FileView, error) {
	fields := casefile.Fields{"media": {string(safecopy.Sniff(u.Head()))}, "sealed": {file.String()}}
	for field, value := range b.Fields {
		if value != "" {
			fields[field] = []string{value}
		}
	}
	if u.Offset() == 0 {
		return FileView{}, errors.Join(ErrFileEmpty, u.Close(), r.files.Drop(file))
	}
	sealed, err := u.Finish()
	if err = errors.Join(err, u.Close()); err != nil {
		if err = r.notTaken(err, ErrFileSize); b.Size < 0 {
			err = errors.Join(err, r.files.Drop(file))
		}
		return FileView{}, err
	}
	fields["bytes"], fields["key"] = []string{strconv.FormatInt(sealed.Size, 10)}, []string{hex.EncodeToString(sealed.Key[:])}
	fields["sha256"], fields["blake3"] = []string{hex.EncodeToString(sealed.SHA256[:])}, []string{hex.EncodeToString(sealed.BLAKE3[:])}
	if err := r.lookInto(ctx, file, sealed, fields); err != nil {
		if b.Size < 0 {
			err = errors.Join(err, r.files.Drop(file))
		}
		return FileView{}, err
	}
	same, err := r.sameFile(ctx, b.Stream, file, sealed)
	if err != nil {
		if err = r.notTaken(err, ErrFileSize); b.Size < 0 {
			err = errors.Join(err, r.files.Drop(file))
		}
		return FileView{}, err
	}
	if err := r.putFile(ctx, s, file, b, fields, same); err != nil {
		return FileView{}, err
	}
	rec, err := r.file(ctx, s, b.Stream, file.String())
	if err != nil {
		return FileView{}, err
	}
	return r.fileView(b.Stream, rec, true)
}

// sameFile finds a record of another file of the same organisation that has the
// same bytes, sealed and whole: nil where there is none. That there is one is
// told to nobody, also not by how long it takes: one file is read whole, and one
// question is asked of the bucket, where there is one.
func (r *Registry) sameFile(ctx context.Context, caseID string, own evidence.ID, sealed evidence.Sealed) (*casefile.Record, error) {
	rec, at, as, err := r.anotherOf(ctx, caseID, sealed)
	if err != nil {
		return nil, err
	}
	if rec == nil {
		at, as = own, sealed
	}
	if r.files.Stands(ctx, at, as) { // in the bucket; what came in is read instead
		return rec, r.files.Verify(ctx, own, sealed)
	}
	switch err := r.files.VerifyHere(ctx, at, as); {
	case rec != nil && errors.Is(err, evidence.ErrMissing): // what has just come in is better
		return nil, r.files.Verify(ctx, own, sealed)
	case rec != nil && errors.Is(err, evidence.ErrAltered):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return rec, nil
}

// anotherOf finds a record of the same organisation that names a file with these bytes.
func (r *Registry) anotherOf(ctx context.Context, caseID string, sealed evidence.Sealed) (rec *casefile.Record, id evidence.ID, as evidence.Sealed, err error) {
	thing, _ := r.thing(caseID)
	found, err := r.index.KeptWith(ctx, hex.EncodeToString(sealed.SHA256[:]))
	if err != nil {
		return nil, id, as, err
	}
	for _, k := range found {
		if other, ok := r.thing(k.Case); !ok || other.Org != thing.Org || thing.Org == "" {
			continue // its key is another organisation's
		}
		of, err := r.fromLedger(ctx, k.Case)
		if err != nil {
			return nil, id, as, err
		}
		rec, ok := of.Record(k.Record)
		if !ok || rec.Kind != fileKind {
			continue
		}
		if id, as, ok = sealedOf(rec); ok && as.SHA256 == sealed.SHA256 && as.Size == sealed.Size {
			return rec, id, as, nil
		}
	}
	return nil, id, as, nil
}

// putFile writes the record of a file that was sealed, if the member still may:
// it names the file that the record same names, where there is one. What can be
// gone on with is kept where that fails.
func (r *Registry) putFile(ctx context.Context, s *access.Session, file evidence.ID, b begunFile, fields casefile.Fields, same *casefile.Record) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	if same != nil {
		if id, _, ok := sealedOf(same); ok {
			if there, err := r.files.Has(id); err == nil && there { // not erased meanwhile
				fields["sealed"], fields["key"] = same.Fields["sealed"], same.Fields["key"]
			}
		}
	}
	named := false
	err := r.belongs(ctx, b.Stream, b.Fields)
	if err == nil && !r.may(s.Member, access.WriteCase, b.Stream) {
		err = ErrNotAllowed
	}
	if err == nil { // what was erased meanwhile took it along
		if _, err = r.files.NoteOf(file); errors.Is(err, evidence.ErrMissing) {
			err = ErrNotFound
		}
	}
	if err == nil {
		a := act{stream: b.Stream, puts: []Put{{Record: file.String(), Kind: fileKind, Fields: fields}}, source: "put in as a file"}
		var after func() error
		if a.handed, after, err = r.lapsed(ctx, s, b.Stream); err == nil {
			if named, err = r.keepFile(ctx, s, file, b.Stream, a); err == nil {
				err = after()
			}
		}
	}
	if !named && b.Size < 0 {
		err = errors.Join(err, r.files.Drop(file))
	}
	return err
}

// belongs answers ErrNotFound where a file is to belong to a record that is not there.
func (r *Registry) belongs(ctx context.Context, caseID string, fields map[string]string) error {
	file, err := r.index.Case(ctx, caseID, allKnown)
	if err != nil {
		return notFound(err)
	}
	for field, kind := range map[string]string{"evidence": "evidence", "of": fileKind} {
		if id := fields[field]; id != "" {
			if rec, ok := file.Record(id); !ok || rec.Withdrawn || rec.Kind != kind {
				return ErrNotFound
			}
		}
	}
	return nil
}

// file is the record of a live file of a case as the member may read it.
func (r *Registry) file(ctx context.Context, s *access.Session, caseID, id string) (*casefile.Record, error) {
	file, err := r.open(ctx, s, caseID, Clock{})
	if err != nil {
		return nil, err
	}
	rec, ok := file.Record(id)
	if !ok || rec.Withdrawn || rec.Kind != fileKind {
		return nil, ErrNotFound
	}
	return rec, nil
}

// fileRecords are the records of the files of a case, of those that were taken back too.
func fileRecords(file *casefile.Case) []*casefile.Record {
	return slices.DeleteFunc(slices.Concat(file.Records(), file.Withdrawn()), func(rec *casefile.Record) bool { return rec.Kind != fileKind })
}

// fileView is a file as it is shown; whole: to those who may read who somebody is.
func (r *Registry) fileView(caseID string, rec *casefile.Record, whole bool) (FileView, error) {
	view := FileView{
		ID: rec.ID, Case: caseID, Evidence: rec.Get("evidence"), Media: rec.Get("media"), OfFile: rec.Get("of"), Form: rec.Get("form"),
		At: rec.History[0].At, By: nameOf(r.roll(), rec.History[0].Author),
	}
	view.Bytes, _ = strconv.ParseInt(rec.Get("bytes"), 10, 64)
	view.Web = webCapture(rec, whole)
	if !whole {
		return view, nil
	}
	view.Name, view.SHA256, view.BLAKE3 = rec.Get("name"), rec.Get("sha256"), rec.Get("blake3")
	file, _, ok := sealedOf(rec)
	if !ok {
		return view, nil // its key was destroyed
	}
	there, err := r.files.Has(file)
	there = there || r.nodes != nil // another machine may have put it into the bucket: this one's folder does not know
	view.Missing, view.MayOpen = !there && !r.keptAbroad(caseID), there
	return view, err
}

// Files are the live files of a case in the order in which they were put in,
// the copies that the program made of them too.
func (r *Registry) Files(ctx context.Context, s *access.Session, caseID string) (_ []FileView, err error) {
	defer r.refusal(ctx, s, "case", caseID, &err)
	row, err := r.row(ctx, s, caseID, r.clock(Clock{}))
	if err != nil {
		return nil, err
	}
	file, err := r.open(ctx, s, row.ID, Clock{})
	if err != nil {
		return nil, err
	}
	whole := r.see(s.Member)(row.ID) == index.All
	out := []FileView{}
	for _, rec := range file.Of(fileKind) {
		view, err := r.fileView(row.ID, rec, whole)
		if err != nil {
			return nil, err
		}
		out = append(out, view)
	}
	slices.SortStableFunc(out, func(a, b FileView) int { return a.At.Compare(b.At) })
	return out, r.readsIdentity(ctx, s, actRead, "file", r.whole(s, row)...)
}

// OpenFile reads a file of a case. Every byte it hands out was put in at that
// place of that file; read from the beginning to the end, all of them are held
// against its hash. That an original leaves the register is written down before
// it does, and of a copy that somebody looks at the case.
func (r *Registry) OpenFile(ctx context.Context, s *access.Session, caseID, id string) (_ io.ReadSeekCloser, _ FileView, err error) {
	defer r.refusal(ctx, s, "file", caseID, &err)
	return r.openFile(ctx, s, caseID, id, func(*casefile.Record) bool { return true })
}

// openFile is OpenFile; what is not among the files that are open to the caller is not there.
func (r *Registry) openFile(ctx context.Context, s *access.Session, caseID, id string, among func(*casefile.Record) bool) (io.ReadSeekCloser, FileView, error) {
	row, err := r.row(ctx, s, caseID, r.clock(Clock{}))
	if err != nil {
		return nil, FileView{}, err
	}
	if !r.may(s.Member, access.ReadCase, row.ID) {
		return nil, FileView{}, ErrNotFound
	}
	rec, err := r.file(ctx, s, row.ID, id)
	if err != nil {
		return nil, FileView{}, err
	}
	file, sealed, ok := sealedOf(rec)
	if !ok || !among(rec) {
		return nil, FileView{}, ErrNotFound
	}
	view, err := r.fileView(row.ID, rec, true)
	if err != nil {
		return nil, FileView{}, err
	}
	content, err := r.files.Open(ctx, file, sealed)
	if err != nil {
		return nil, FileView{}, notOpened(err, ErrFileDamaged)
	}
	if view.OfFile == "" {
		if err = r.audit(ctx, &line{act: actExport, what: "file", by: s.Keys.Identity, n: 1, cases: []string{row.ID}}); err != nil {
			err = fmt.Errorf("%w (%w)", ErrUnaudited, err)
		}
	} else {
		err = r.readsIdentity(ctx, s, actRead, "file", row.ID)
	}
	if err != nil {
		return nil, FileView{}, errors.Join(err, content.Close())
	}
	return content, view, nil
}

// WithdrawFile takes a file back, with the copies that the program made of it.
// The sealed file stays, and its entries: nothing is lost.
func (r *Registry) WithdrawFile(ctx context.Context, s *access.Session, caseID, id, reason string) (err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	row, err := r.row(ctx, s, caseID, r.clock(Clock{}))
	if err != nil {
		return err
	}
	if !r.may(s.Member, access.WriteCase, row.ID) {
		return ErrNotAllowed
	}
	reason = strings.Join(strings.Fields(reason), " ")
	r.writing.Lock()
	defer r.writing.Unlock()
	file, err := r.index.Case(ctx, row.ID, allKnown)
	if err != nil {
		return notFound(err)
	}
	a := act{stream: row.ID, reason: reason}
	if rec, ok := file.Record(id); !ok || rec.Withdrawn || rec.Kind != fileKind {
		return ErrNotFound
	}
	if reason == "" {
		return ErrReason
	}
	gone := map[string]bool{id: true}
	for n := 0; n < len(gone); { // copies of copies, too
		n = len(gone)
		for _, rec := range file.Of(fileKind) {
			if gone[rec.Get("of")] {
				gone[rec.ID] = true
			}
		}
	}
	for _, rec := range file.Of(fileKind) {
		if gone[rec.ID] {
			a.withdraws = append(a.withdraws, Put{Record: rec.ID, Kind: fileKind})
		}
	}
	for _, rec := range file.Of(copyKind) { // its text is found no more either
		if gone[rec.Get("original")] || gone[rec.Get("file")] {
			a.withdraws = append(a.withdraws, Put{Record: rec.ID, Kind: copyKind})
		}
	}
	var after func() error
	if a.handed, after, err = r.lapsed(ctx, s, row.ID); err != nil {
		return err
	}
	if err := r.write(ctx, s, []act{a}); err != nil {
		return err
	}
	return after()
}

// dropFiles takes away the sealed files of what was erased that nothing else
// names. The index was made anew from the ledger when it was erased.
func (r *Registry) dropFiles(ctx context.Context, names []string) error {
	named, err := r.index.KeptFiles(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		id, err := evidence.ParseID(name)
		if err == nil && !named[name] {
			err = r.files.Remove(id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dropErased finishes erasures that a crash has kept from their files.
func (r *Registry) dropErased(ctx context.Context) error {
	named, err := r.index.KeptFiles(ctx)
	if err != nil {
		return err
	}
	unnamed := false
	err = r.files.Each(func(file evidence.ID) error {
		if unnamed || named[file.String()] {
			return nil
		}
		capture, err := r.namesFile(ctx, file, "")
		unnamed = err == nil && !capture
		return err
	})
	if err != nil || !unnamed {
		return err
	}
	for of, err := range r.index.Files(ctx, allKnown) {
		if err != nil {
			return err
		}
		for _, rec := range of.Of(kindErasure) {
			if err := r.dropFiles(ctx, rec.Fields["files"]); err != nil {
				return err
			}
		}
	}
	return nil
}
