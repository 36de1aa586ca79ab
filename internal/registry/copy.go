// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/safecopy"
)

// copyKind is the kind of what became of a file when it was opened. Such records
// are written here alone.
const copyKind = "copy"

// The forms of copies, codes of list file_form.
const (
	SafeCopy     = "safe"
	RedactedCopy = "redacted"
	thumbnail    = "thumbnail"
	TextOfFile   = "text"
)

// Opener opens a file from outside and writes its copy: safecopy.Run does in a
// child process.
type Opener func(ctx context.Context, job safecopy.Job, in io.Reader, out io.Writer) (safecopy.Report, error)

// What whoever makes copies can be told.
var (
	// ErrNoOpener says that this program opens no files from outside.
	ErrNoOpener = errors.New("this program opens no files from outside: let 'kua serve' do it")
	// ErrNotQuick says that a copy takes longer than anybody waits for unasked.
	ErrNotQuick = errors.New("the copy takes longer: ask for it")
	// ErrBoxes says that nothing, or not what could be, is to be blacked out.
	ErrBoxes = fmt.Errorf("say where: 1 to %d boxes, each on a page that is there, with left, top, width and height from 0 to 100 per cent", MaxBoxes)
)

// MaxBoxes is how many boxes one copy may have.
const MaxBoxes = 500

// quickWait is how long a copy that nobody asked for waits for another to be made.
const quickWait = 2 * time.Second

// quickly are the limits of a copy that is made without being asked for.
func quickly() safecopy.Limits {
	l := safecopy.DefaultLimits()
	l.Bytes, l.Time, l.Pages = 32<<20, 12*time.Second, 20
	return l
}

// FileCopy is what became of a file when it was opened.
type FileCopy struct {
	ID        string
	Original  string         // id of the file
	Form      string         // SafeCopy, RedactedCopy or TextOfFile
	File      string         // id of the copy; empty: there is none
	Media     string         // of the copy, a safecopy.Kind
	Bytes     int64          // of the copy
	Thumbnail string         // id of a small picture; empty: none
	Refused   string         // code of list copy_refused: why there is none
	Need      string         // what to install, where a program is missing
	Have      int64          // of a limit that the file goes beyond, where it is known
	Most      int64          // the limit
	Notes     []string       // codes of list copy_note
	Walls     []string       // codes of list copy_wall: what held the program that opened it
	Missing   []string       // codes of list copy_wall: what did not
	Pages     int            // of a document
	Width     int            // in pixels, of a picture
	Height    int            // in pixels, of a picture
	Boxes     []safecopy.Box // what was blacked out
	Metadata  []safecopy.Fact
	Text      string
	Reason    string // why parts were blacked out
	At        time.Time
	By        string // name of the member who had it made
}

// MayAgain tells whether another try may end otherwise: what was missing then may
// be there now.
func (c FileCopy) MayAgain() bool {
	return c.Form == TextOfFile && slices.Contains(c.Notes, codeOf(string(safecopy.NoReader))) || c.Refused != "" && slices.Contains([]safecopy.Code{safecopy.NeedsProgram, safecopy.TooLong, safecopy.TooMuchRAM, safecopy.Crashed}, safecopy.Code(c.Refused))
}

// FileCopies are what was made of a file of a case, in that order. Those who read
// facts alone are told neither its text nor what it says about itself.
func (r *Registry) FileCopies(ctx context.Context, s *access.Session, caseID, file string) (_ []FileCopy, err error) {
	defer r.refusal(ctx, s, "file", caseID, &err)
	row, err := r.row(ctx, s, caseID, r.clock(Clock{}))
	if err != nil {
		return nil, err
	}
	all, err := r.open(ctx, s, row.ID, Clock{})
	if err != nil {
		return nil, err
	}
	if rec, ok := all.Record(file); !ok || rec.Withdrawn || rec.Kind != fileKind {
		return nil, ErrNotFound
	}
	out := []FileCopy{}
	for _, rec := range all.Of(copyKind) {
		if rec.Get("original") == file {
			out = append(out, r.fileCopy(all, rec))
		}
	}
	slices.SortStableFunc(out, func(a, b FileCopy) int { return a.At.Compare(b.At) })
	return out, r.readsIdentity(ctx, s, actRead, "file", r.whole(s, row)...)
}

// OpenCopy reads a copy of a file of a case; that somebody looks at the case is
// written down. There are no originals here.
func (r *Registry) OpenCopy(ctx context.Context, s *access.Session, caseID, file string) (_ io.ReadSeekCloser, _ FileView, err error) {
	defer r.refusal(ctx, s, "file", caseID, &err)
	return r.openFile(ctx, s, caseID, file, func(rec *casefile.Record) bool { return rec.Get("of") != "" })
}

// fileCopy is a record of a copy as it is shown.
func (r *Registry) fileCopy(of *casefile.Case, rec *casefile.Record) FileCopy {
	view := copyView(rec.Fields)
	view.ID, view.Reason, view.At, view.By = rec.ID, rec.History[0].Reason, rec.History[0].At, nameOf(r.roll(), rec.History[0].Author)
	if made, ok := of.Record(view.File); ok {
		view.Media = made.Get("media")
		view.Bytes, _ = strconv.ParseInt(made.Get("bytes"), 10, 64)
	}
	if original, ok := of.Record(view.Original); ok && view.Refused == string(safecopy.NeedsProgram) {
		view.Need = "ffmpeg"
		if original.Get("media") == string(safecopy.PDF) {
			view.Need = "poppler-utils"
		}
	}
	return view
}

// copyView is what the fields of a copy say, as copyFields has put them.
func copyView(fields casefile.Fields) FileCopy {
	number := func(field string) int64 {
		n, _ := strconv.ParseInt(first(fields[field]), 10, 64)
		return n
	}
	view := FileCopy{
		Original: first(fields["original"]), Form: first(fields["form"]), File: first(fields["file"]), Thumbnail: first(fields["thumbnail"]),
		Refused: first(fields["refused"]), Have: number("have"), Most: number("most"), Notes: fields["notes"], Walls: fields["walls"],
		Pages: int(number("pages")), Width: int(number("width")), Height: int(number("height")), Text: first(fields["text"]),
	}
	for _, wall := range safecopy.Walls() {
		if code := codeOf(wall); !slices.Contains(view.Walls, code) {
			view.Missing = append(view.Missing, code)
		}
	}
	for line := range strings.Lines(first(fields["metadata"])) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		if len(parts) == 3 {
			view.Metadata = append(view.Metadata, safecopy.Fact{Where: parts[0], Name: parts[1], Value: parts[2]})
		}
	}
	for _, text := range fields["boxes"] {
		var b safecopy.Box
		if n, err := fmt.Sscan(text, &b.Page, &b.X, &b.Y, &b.Width, &b.Height); n == 5 && err == nil {
			b.X, b.Y, b.Width, b.Height = b.X/100, b.Y/100, b.Width/100, b.Height/100
			view.Boxes = append(view.Boxes, b)
		}
	}
	return view
}

// codeOf is a word of package safecopy as a code of the codebook.
func codeOf(word string) string {
	return strings.NewReplacer(" ", "_", "-", "_").Replace(word)
}

// MakeCopy makes the copy of an original that is safe to look at, once: where
// there is one it answers that one, and where there is a reason why not, that
// reason. quick: only if it takes no longer than anybody waits for unasked, else
// ErrNotQuick.
func (r *Registry) MakeCopy(ctx context.Context, s *access.Session, caseID, file string, quick bool) (_ FileCopy, err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	limits := safecopy.DefaultLimits()
	if quick {
		limits = quickly()
	}
	return r.makeCopy(ctx, s, caseID, file, SafeCopy, safecopy.Job{Limits: limits}, "", quick)
}

// ReadText reads what is written in an original, in pictures of text too, so that
// its case is found by it; once, and quick, as MakeCopy.
func (r *Registry) ReadText(ctx context.Context, s *access.Session, caseID, file string, quick bool) (_ FileCopy, err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	limits := safecopy.DefaultLimits()
	if quick {
		limits = quickly()
	}
	return r.makeCopy(ctx, s, caseID, file, TextOfFile, safecopy.Job{Do: safecopy.Read, Limits: limits}, "", quick)
}

// Redact makes a copy of an original in which boxes are black: what is under them
// is not in it, nor are text and what the original says about itself. reason is
// why; it may be empty. Each call makes another copy.
func (r *Registry) Redact(ctx context.Context, s *access.Session, caseID, file string, boxes []safecopy.Box, reason string) (_ FileCopy, err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	if len(boxes) == 0 || len(boxes) > MaxBoxes {
		return FileCopy{}, ErrBoxes
	}
	for _, b := range boxes {
		if !inside(b) {
			return FileCopy{}, ErrBoxes
		}
	}
	job := safecopy.Job{Boxes: boxes, Limits: safecopy.DefaultLimits()}
	return r.makeCopy(ctx, s, caseID, file, RedactedCopy, job, strings.Join(strings.Fields(reason), " "), false)
}

// inside tells whether some of a box is on a page.
func inside(b safecopy.Box) bool {
	for _, x := range []float64{b.X, b.Y, b.Width, b.Height} {
		if !(x >= 0 && x <= 1) {
			return false
		}
	}
	return b.Page >= 1 && b.X < 1 && b.Y < 1 && b.Width > 0 && b.Height > 0
}

func (r *Registry) makeCopy(ctx context.Context, s *access.Session, caseID, file, form string, job safecopy.Job, reason string, quick bool) (FileCopy, error) {
	row, err := r.row(ctx, s, caseID, r.clock(Clock{}))
	if err != nil {
		return FileCopy{}, err
	}
	if !r.may(s.Member, access.WriteCase, row.ID) {
		return FileCopy{}, ErrNotAllowed
	}
	if r.opt.Open == nil {
		return FileCopy{}, ErrNoOpener
	}
	if r.beside {
		return FileCopy{}, ledger.ErrLocked
	}
	release, err := r.openingTurn(ctx, quick)
	if err != nil {
		return FileCopy{}, err
	}
	defer release()
	rec, err := r.file(ctx, s, row.ID, file)
	if err != nil {
		return FileCopy{}, err
	}
	if rec.Get("of") != "" {
		return FileCopy{}, ErrNotFound // a copy is safe already
	}
	if form == RedactedCopy {
		pages := 1
		if safe, ok, err := r.copyOf(ctx, row.ID, file, SafeCopy); err != nil {
			return FileCopy{}, err
		} else if ok {
			pages = max(pages, safe.Pages)
		}
		if slices.ContainsFunc(job.Boxes, func(b safecopy.Box) bool { return b.Page > pages }) {
			return FileCopy{}, ErrBoxes
		}
	} else if made, ok, err := r.copyOf(ctx, row.ID, file, form); err != nil || ok && !made.MayAgain() {
		return made, err
	}
	if err := r.readsIdentity(ctx, s, actRead, "file", row.ID); err != nil {
		return FileCopy{}, err
	}
	job.Media = mediaNamed(rec.Get("name"))
	made, report, err := r.openOriginal(ctx, s, row.ID, rec, form, job)
	if err != nil {
		return FileCopy{}, err
	}
	if quick && notQuick(report) {
		return FileCopy{}, ErrNotQuick
	}
	fields := copyFields(rec.ID, form, report, job.Boxes)
	if made != "" {
		fields["file"] = []string{made}
		if len(report.Thumbnail) > 0 {
			small, err := r.addDerived(ctx, s, row.ID, rec.ID, thumbnail, string(safecopy.JPEG), bytes.NewReader(report.Thumbnail))
			if err != nil {
				return FileCopy{}, err
			}
			fields["thumbnail"] = []string{small.ID}
		}
	}
	id := ledger.NewID().String()
	if err := r.putCopy(ctx, s, row.ID, form, Put{Record: id, Kind: copyKind, Fields: fields}, reason); err != nil {
		return FileCopy{}, err
	}
	all, err := r.index.Case(ctx, row.ID, allKnown)
	if err != nil {
		return FileCopy{}, notFound(err)
	}
	if put, ok := all.Record(id); ok {
		return r.fileCopy(all, put), nil
	}
	return FileCopy{}, ErrNotFound
}

// openingTurn waits for the turn to open a file from outside, and no longer than
// quickWait where nobody asked for it. One at a time is opened: each may take a
// gigabyte of memory.
func (r *Registry) openingTurn(ctx context.Context, quick bool) (release func(), err error) {
	wait, cancel := ctx, func() {}
	if quick {
		wait, cancel = context.WithTimeout(ctx, quickWait)
	}
	defer cancel()
	select {
	case r.opening <- struct{}{}:
		return func() { <-r.opening }, nil
	case <-wait.Done():
		if ctx.Err() == nil {
			return nil, ErrNotQuick
		}
		return nil, ctx.Err()
	}
}

// notQuick tells whether it may be otherwise for whoever asks and waits.
func notQuick(report safecopy.Report) bool {
	if slices.Contains(report.Notes, safecopy.NoReader) {
		return true
	}
	return report.Refused != nil && slices.Contains([]safecopy.Code{safecopy.TooLong, safecopy.TooManyBytes, safecopy.TooManyPages, safecopy.TooMuchRAM, safecopy.Crashed}, report.Refused.Code)
}

// copyOf is the latest live record of a copy of that form.
func (r *Registry) copyOf(ctx context.Context, caseID, file, form string) (FileCopy, bool, error) {
	all, err := r.index.Case(ctx, caseID, allKnown)
	if err != nil {
		return FileCopy{}, false, notFound(err)
	}
	var found FileCopy
	for _, rec := range all.Of(copyKind) {
		if rec.Get("original") != file || rec.Get("form") != form {
			continue
		}
		if view := r.fileCopy(all, rec); found.ID == "" || !view.At.Before(found.At) {
			found = view
		}
	}
	return found, found.ID != "", nil
}

// openOriginal has an original of a case opened, and seals the copy into the case
// while it comes. It answers the id of the copy; of none the report says why.
func (r *Registry) openOriginal(ctx context.Context, s *access.Session, caseID string, rec *casefile.Record, form string, job safecopy.Job) (made string, _ safecopy.Report, _ error) {
	file, sealed, ok := sealedOf(rec)
	if !ok {
		return "", safecopy.Report{}, ErrNotFound
	}
	content, err := r.files.Open(ctx, file, sealed)
	if err != nil {
		return "", safecopy.Report{}, notOpened(err, ErrFileDamaged)
	}
	defer content.Close()
	keep := func(media safecopy.Kind, copied io.Reader) error {
		if rec.Get("media") == string(safecopy.Text) {
			media = safecopy.Text // what looks like a page in it was no more than text before
		}
		view, err := r.addDerived(ctx, s, caseID, rec.ID, form, string(media), copied)
		made = view.ID
		return err
	}
	if form == TextOfFile {
		keep = nil
	}
	report, err := r.openOutside(ctx, job, &noted{r: content, why: func(err error) error { return notOpened(err, ErrFileDamaged) }}, keep)
	if err != nil || report.Refused != nil {
		made = ""
	}
	return made, report, err
}

// openOutside has a file opened, and hands its copy to keep while it comes, with
// what it is by its first bytes. A copy that keep has read with no error is
// whole; nil: none is wanted. A refusal is no error.
func (r *Registry) openOutside(ctx context.Context, job safecopy.Job, original *noted, keep func(safecopy.Kind, io.Reader) error) (safecopy.Report, error) {
	if keep == nil {
		report, err := r.opt.Open(ctx, job, original, io.Discard)
		return report, openingFault(original, err)
	}
	in, out := io.Pipe()
	type end struct {
		report safecopy.Report
		err    error
	}
	ended := make(chan end, 1)
	go func() {
		report, err := r.opt.Open(ctx, job, original, out)
		if err == nil {
			err = original.failed() // what can't be read whole has no copy
		}
		out.CloseWithError(err) // nil: its end
		ended <- end{report, err}
	}()
	copied := bufio.NewReaderSize(in, safecopy.HeadSize)
	head, _ := copied.Peek(safecopy.HeadSize)
	err := keep(safecopy.Sniff(head), copied)
	in.CloseWithError(io.ErrClosedPipe)
	was := <-ended
	if fault := openingFault(original, was.err); fault != nil || was.report.Refused != nil {
		return was.report, fault
	}
	return was.report, err
}

// openingFault is what went wrong beside the file itself.
func openingFault(original *noted, err error) error {
	if failed := original.failed(); failed != nil {
		return failed
	}
	var refused *safecopy.RefusedError
	if err == nil || errors.As(err, &refused) {
		return nil
	}
	return fmt.Errorf("the file can't be opened: %w", err)
}

// noted remembers that a file could not be read to its end, and why.
type noted struct {
	r   io.Reader
	why func(error) error // nil: as it is
	mu  sync.Mutex
	err error
}

func (n *noted) Read(p []byte) (int, error) {
	k, err := n.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		if n.why != nil {
			err = n.why(err)
		}
		n.mu.Lock()
		n.err = err
		n.mu.Unlock()
	}
	return k, err
}

func (n *noted) failed() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}

// mediaNamed is what a file calls itself by the ending of its name; empty: it
// doesn't say.
func mediaNamed(name string) string {
	return map[string]string{
		".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif", ".webp": "image/webp", ".tif": "image/tiff", ".tiff": "image/tiff",
		".bmp": "image/bmp", ".heic": "image/heic", ".svg": "image/svg+xml", ".htm": "text/html", ".html": "text/html", ".txt": "text/plain", ".pdf": "application/pdf",
		".mp4": "video/mp4", ".mov": "video/mp4", ".3gp": "video/mp4", ".mkv": "video/x-matroska", ".webm": "video/webm", ".avi": "video/x-msvideo", ".mp3": "audio/mpeg",
		".ogg": "audio/ogg", ".oga": "audio/ogg", ".opus": "audio/ogg", ".wav": "audio/wav", ".flac": "audio/flac", ".amr": "audio/amr", ".m4a": "audio/mp4",
	}[strings.ToLower(path.Ext(name))]
}

// copyFields are the fields of the record of a copy.
func copyFields(original, form string, report safecopy.Report, boxes []safecopy.Box) casefile.Fields {
	fields := casefile.Fields{"original": {original}, "form": {form}}
	for field, n := range map[string]int64{"pages": int64(report.Pages), "width": int64(report.Width), "height": int64(report.Height)} {
		if n > 0 && report.Refused == nil {
			fields[field] = []string{strconv.FormatInt(n, 10)}
		}
	}
	if refused := report.Refused; refused != nil {
		fields["refused"] = []string{string(refused.Code)}
		for field, n := range map[string]int64{"have": refused.Have, "most": refused.Most} {
			if n > 0 {
				fields[field] = []string{strconv.FormatInt(n, 10)}
			}
		}
	}
	for _, n := range report.Notes {
		fields["notes"] = append(fields["notes"], codeOf(string(n)))
	}
	for _, w := range report.Walls {
		fields["walls"] = append(fields["walls"], codeOf(w))
	}
	if report.Text != "" {
		fields["text"] = []string{report.Text}
	}
	var said strings.Builder
	for _, f := range report.Metadata {
		fmt.Fprintf(&said, "%s\t%s\t%s\n", f.Where, f.Name, f.Value)
	}
	if said.Len() > 0 {
		fields["metadata"] = []string{said.String()}
	}
	for _, b := range boxes {
		percent := func(x float64) string { return strconv.FormatFloat(x*100, 'f', 2, 64) }
		fields["boxes"] = append(fields["boxes"], strings.Join([]string{strconv.Itoa(b.Page), percent(b.X), percent(b.Y), percent(b.Width), percent(b.Height)}, " "))
	}
	return fields
}

// putCopy writes the record of a copy, if the member still may and the original
// is still there. What was said of it before, where it may be otherwise now, is
// taken back.
func (r *Registry) putCopy(ctx context.Context, s *access.Session, caseID, form string, put Put, reason string) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	if !r.may(s.Member, access.WriteCase, caseID) {
		return ErrNotAllowed
	}
	all, err := r.index.Case(ctx, caseID, allKnown)
	if err != nil {
		return notFound(err)
	}
	original := first(put.Fields["original"])
	if rec, ok := all.Record(original); !ok || rec.Withdrawn {
		return ErrNotFound
	}
	a := act{stream: caseID, puts: []Put{put}, reason: reason, source: "made of a file"}
	if form != RedactedCopy {
		for _, rec := range all.Of(copyKind) {
			if rec.Get("original") == original && rec.Get("form") == form {
				a.withdraws = append(a.withdraws, Put{Record: rec.ID, Kind: copyKind})
			}
		}
	}
	var after func() error
	if a.handed, after, err = r.lapsed(ctx, s, caseID); err != nil {
		return err
	}
	if err := r.write(ctx, s, []act{a}); err != nil {
		return err
	}
	return after()
}
