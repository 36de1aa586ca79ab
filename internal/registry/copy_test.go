// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/safecopy"
)

// opens lets a register open files, within the process of the test.
func (h *house) opens() {
	h.opt.Open = func(ctx context.Context, job safecopy.Job, in io.Reader, out io.Writer) (safecopy.Report, error) {
		report, err := safecopy.Make(ctx, job, in, out)
		report.Walls = []string{safecopy.WallLimits, safecopy.WallFiles}
		return report, err
	}
}

// photograph is a picture that says about itself who took it; nobody is real.
func photograph(t *testing.T) string {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 60, 40))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.RGBA{200, 0, 0, 255}), image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	said := "taken by Ойданшығарылғанов"
	return string(b.Bytes()[:2]) + "\xff\xfe\x00" + string(rune(len(said)+2)) + said + string(b.Bytes()[2:])
}

func (h *house) makeFileCopy(who, caseID, file string) FileCopy {
	h.t.Helper()
	made, err := h.MakeCopy(context.Background(), h.people[who], caseID, file, false)
	if err != nil {
		h.t.Fatal(err)
	}
	return made
}

func TestSafeCopies(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	id := h.cases[0]
	file := h.putFile("asel", id, "DSC_1.jpg", photograph(t))
	if _, err := h.MakeCopy(ctx, h.people["asel"], id, file.ID, false); !errors.Is(err, ErrNoOpener) {
		t.Errorf("a program that opens nothing: %v", err)
	}
	h.opens()
	n := len(h.lines(0))
	made := h.makeFileCopy("asel", id, file.ID)
	if made.Original != file.ID || made.Form != SafeCopy || made.Media != "image/jpeg" || made.Refused != "" || made.Width != 60 || made.Height != 40 || made.By != "asel" || made.Bytes == 0 ||
		!slices.Equal(made.Walls, []string{"limits", "landlock_files"}) || len(made.Missing) != 3 || len(made.Notes) != 0 {
		t.Errorf("%+v", made)
	}
	want := safecopy.Fact{Where: "JPEG", Name: "Comment", Value: "taken by Ойданшығарылғанов"}
	if len(made.Metadata) != 1 || made.Metadata[0] != want {
		t.Errorf("it says about itself %q", made.Metadata)
	}
	for _, copied := range []string{made.File, made.Thumbnail} {
		text, err := h.readFile("rustem", id, copied)
		if err != nil || strings.Contains(text, "Ойдан") || safecopy.Sniff([]byte(text)) != safecopy.JPEG {
			t.Errorf("the copy: %d bytes, %v", len(text), err)
		}
	}
	if got := acts(h.lines(n)); strings.Contains(got, "export") || !strings.Contains(got, "read/file/1") {
		t.Errorf("looking at a copy is written down as %q", got)
	}
	// Once is enough, whoever asks.
	files, err := h.Files(ctx, h.people["asel"], id)
	if err != nil || len(files) != 3 || files[1].OfFile != file.ID || files[1].Form != SafeCopy || files[2].Form != "thumbnail" {
		t.Fatalf("%+v, %v", files, err)
	}
	if again := h.makeFileCopy("nurlan", id, file.ID); again.ID != made.ID || again.By != "asel" {
		t.Errorf("made twice: %+v", again)
	}
	if files, err := h.Files(ctx, h.people["asel"], id); err != nil || len(files) != 3 {
		t.Errorf("%d files, %v", len(files), err)
	}
	if _, err := h.MakeCopy(ctx, h.people["asel"], id, made.File, false); !errors.Is(err, ErrNotFound) {
		t.Errorf("a copy of a copy: %v", err)
	}
	// The records of the case are shown without it.
	view, err := h.Case(ctx, h.people["asel"], id, Clock{})
	if err != nil || slices.ContainsFunc(view.Records, func(rec *casefile.Record) bool { return rec.Kind == copyKind }) {
		t.Errorf("the copy stands among the records: %v", err)
	}
	// Another organisation doesn't know of it; a reviewer looks and makes none; who
	// reads facts is told facts.
	for _, try := range []func(*access.Session) error{
		func(s *access.Session) error { _, err := h.FileCopies(ctx, s, id, file.ID); return err },
		func(s *access.Session) error { _, err := h.MakeCopy(ctx, s, id, file.ID, false); return err },
		func(s *access.Session) error { _, err := h.ReadText(ctx, s, id, file.ID, false); return err },
		func(s *access.Session) error { _, err := h.Redact(ctx, s, id, file.ID, oneBox, ""); return err },
		func(s *access.Session) error { _, _, err := h.OpenCopy(ctx, s, id, made.File); return err },
	} {
		if err := try(h.people["madina"]); !errors.Is(err, ErrNotFound) {
			t.Errorf("another organisation: %v", err)
		}
	}
	if copies, err := h.FileCopies(ctx, h.people["rustem"], id, file.ID); err != nil || len(copies) != 1 || len(copies[0].Metadata) != 1 {
		t.Errorf("a reviewer: %+v, %v", copies, err)
	}
	if _, err := h.MakeCopy(ctx, h.people["rustem"], id, file.ID, false); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a reviewer makes one: %v", err)
	}
	copies, err := h.FileCopies(ctx, h.people["olga"], id, file.ID)
	if err != nil || len(copies) != 1 || len(copies[0].Metadata) != 0 || copies[0].Text != "" || copies[0].Width != 60 {
		t.Errorf("who reads facts is told %+v, %v", copies, err)
	}
	if _, _, err := h.OpenCopy(ctx, h.people["olga"], id, made.File); !errors.Is(err, ErrNotFound) {
		t.Errorf("who reads facts opens it: %v", err)
	}
	// An original is never opened where copies are.
	if _, _, err := h.OpenCopy(ctx, h.people["asel"], id, file.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("an original among the copies: %v", err)
	}
	if content, _, err := h.OpenCopy(ctx, h.people["asel"], id, made.File); err != nil {
		t.Error(err)
	} else {
		content.Close()
	}
	if _, err := h.FileCopies(ctx, h.people["asel"], h.cases[1], file.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("in another case: %v", err)
	}
}

var oneBox = []safecopy.Box{{Page: 1, X: 0.25, Y: 0.25, Width: 0.5, Height: 0.5}}

func TestCopyRefused(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	id := h.cases[0]
	h.opens()
	file := h.putFile("asel", id, "hands.jpg", "<!doctype html><script>alert(1)</script>")
	made := h.makeFileCopy("asel", id, file.ID)
	if made.Refused != "html" || made.File != "" || made.Thumbnail != "" || !slices.Equal(made.Notes, []string{"other_media"}) || made.MayAgain() {
		t.Errorf("%+v", made)
	}
	if again := h.makeFileCopy("asel", id, file.ID); again.ID != made.ID {
		t.Error("tried twice in vain")
	}
	if files, err := h.Files(ctx, h.people["asel"], id); err != nil || len(files) != 1 {
		t.Errorf("something is left of what was no copy: %+v, %v", files, err)
	}
	// What a missing program is the reason of can be asked for again.
	missing := true
	h.opt.Open = func(ctx context.Context, job safecopy.Job, in io.Reader, out io.Writer) (safecopy.Report, error) {
		if missing {
			_, _ = io.WriteString(out, "%PDF-1.4 half of it")
			refused := &safecopy.RefusedError{Code: safecopy.NeedsProgram, Need: "poppler-utils"}
			return safecopy.Report{Kind: safecopy.PDF, Refused: refused}, refused
		}
		_, err := io.WriteString(out, "%PDF-1.4 drawn anew")
		return safecopy.Report{Kind: safecopy.PDF, Copy: safecopy.PDF, Pages: 2}, err
	}
	file = h.putFile("asel", id, "a.pdf", "%PDF-1.7 of the police")
	if made = h.makeFileCopy("asel", id, file.ID); made.Refused != "program" || made.Need != "poppler-utils" || !made.MayAgain() {
		t.Errorf("%+v", made)
	}
	missing = false
	if made = h.makeFileCopy("asel", id, file.ID); made.Refused != "" || made.Pages != 2 || made.Media != "application/pdf" {
		t.Errorf("%+v", made)
	}
	if copies, err := h.FileCopies(ctx, h.people["asel"], id, file.ID); err != nil || len(copies) != 1 {
		t.Errorf("what was said before still stands: %+v, %v", copies, err)
	}
	// Unasked for, nobody waits long, and nothing is said of it.
	h.opt.Open = func(_ context.Context, job safecopy.Job, _ io.Reader, _ io.Writer) (safecopy.Report, error) {
		if job.Limits.Time >= safecopy.DefaultLimits().Time {
			t.Error("somebody waits for minutes unasked")
		}
		refused := &safecopy.RefusedError{Code: safecopy.TooLong}
		return safecopy.Report{Kind: safecopy.PDF, Refused: refused}, refused
	}
	file = h.putFile("asel", id, "b.pdf", "%PDF-1.7 of many pages")
	if _, err := h.MakeCopy(ctx, h.people["asel"], id, file.ID, true); !errors.Is(err, ErrNotQuick) {
		t.Errorf("unasked for: %v", err)
	}
	if copies, err := h.FileCopies(ctx, h.people["asel"], id, file.ID); err != nil || len(copies) != 0 {
		t.Errorf("%+v, %v", copies, err)
	}
	// Nor while another file is being opened.
	h.opening <- struct{}{}
	if _, err := h.ReadText(ctx, h.people["asel"], id, file.ID, true); !errors.Is(err, ErrNotQuick) {
		t.Errorf("while another is opened: %v", err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := h.ReadText(gone, h.people["asel"], id, file.ID, false); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits: %v", err)
	}
	<-h.opening
	// Where scans can't be read yet it may be asked again.
	h.opt.Open = func(context.Context, safecopy.Job, io.Reader, io.Writer) (safecopy.Report, error) {
		return safecopy.Report{Kind: safecopy.PDF, Notes: []safecopy.Note{safecopy.NoReader}}, nil
	}
	if _, err := h.ReadText(ctx, h.people["asel"], id, file.ID, true); !errors.Is(err, ErrNotQuick) {
		t.Errorf("no reader, unasked for: %v", err)
	}
	if read, err := h.ReadText(ctx, h.people["asel"], id, file.ID, false); err != nil || !read.MayAgain() {
		t.Errorf("no reader: %+v, %v", read, err)
	}
	if err := h.WithdrawFile(ctx, h.people["asel"], id, file.ID, "done with"); err != nil {
		t.Fatal(err)
	}
	file = h.putFile("asel", id, "c.pdf", "%PDF-1.7 of few pages")
	// A child that doesn't start is no fault of the file.
	h.opt.Open = func(context.Context, safecopy.Job, io.Reader, io.Writer) (safecopy.Report, error) {
		return safecopy.Report{}, errors.New("no memory")
	}
	if _, err := h.MakeCopy(ctx, h.people["asel"], id, file.ID, false); err == nil || errors.Is(err, ErrFileBroken) {
		t.Errorf("no child: %v", err)
	}
	if copies, err := h.FileCopies(ctx, h.people["asel"], id, file.ID); err != nil || len(copies) != 0 {
		t.Errorf("%+v, %v", copies, err)
	}
}

// TestCopyOfAnAlteredOriginalRegression: what was altered has no copy, even where
// the altered part is the last and the picture is whole without it.
func TestCopyOfAnAlteredOriginalRegression(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	id := h.cases[0]
	h.opens()
	file := h.putFile("asel", id, "a.jpg", photograph(t)+strings.Repeat("\x00", 300<<10))
	sealed, err := filepath.Glob(filepath.Join(h.dir, evidenceDir, "*"))
	if err != nil || len(sealed) != 1 {
		t.Fatal(sealed, err)
	}
	b, err := os.ReadFile(sealed[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-20] ^= 1
	if err := os.WriteFile(sealed[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.MakeCopy(ctx, h.people["asel"], id, file.ID, false); !errors.Is(err, ErrFileDamaged) {
		t.Errorf("an altered original: %v", err)
	}
	if files, err := h.Files(ctx, h.people["asel"], id); err != nil || len(files) != 1 {
		t.Errorf("a copy was kept: %+v, %v", files, err)
	}
}

func TestRedactedCopies(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	id := h.cases[0]
	h.opens()
	file := h.putFile("asel", id, "a.jpg", photograph(t))
	made, err := h.Redact(ctx, h.people["asel"], id, file.ID, oneBox, " the face\nof a bystander ")
	if err != nil || made.Form != RedactedCopy || made.Reason != "the face of a bystander" || made.By != "asel" || made.At.IsZero() || len(made.Metadata) != 0 || made.Text != "" || len(made.Boxes) != 1 || made.Boxes[0] != oneBox[0] {
		t.Errorf("%+v, %v", made, err)
	}
	text, err := h.readFile("asel", id, made.File)
	if err != nil {
		t.Fatal(err)
	}
	img, _, err := image.Decode(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct {
		x, y  int
		black bool
	}{{30, 20, true}, {18, 14, true}, {5, 5, false}, {55, 35, false}} {
		if r, _, _, _ := img.At(p.x, p.y).RGBA(); (r < 30<<8) != p.black {
			t.Errorf("at %d, %d red is %d", p.x, p.y, r>>8)
		}
	}
	// Another box makes another copy; both are linked to their original.
	if _, err := h.Redact(ctx, h.people["nurlan"], id, file.ID, []safecopy.Box{{Page: 1, Width: 0.1, Height: 0.1}}, ""); err != nil {
		t.Error(err)
	}
	copies, err := h.FileCopies(ctx, h.people["asel"], id, file.ID)
	if err != nil || len(copies) != 2 || copies[0].File == copies[1].File || copies[1].By != "nurlan" || copies[1].Original != file.ID {
		t.Errorf("%+v, %v", copies, err)
	}
	for what, boxes := range map[string][]safecopy.Box{
		"none": nil, "too many": make([]safecopy.Box, MaxBoxes+1), "on no page": {{Page: 0, Width: 1, Height: 1}}, "on a page that is not there": {{Page: 2, Width: 1, Height: 1}},
		"of no width": {{Page: 1, Height: 1}}, "beyond the page": {{Page: 1, X: 1, Width: 1, Height: 1}}, "too wide": {{Page: 1, Width: 1.5, Height: 1}}, "below nothing": {{Page: 1, X: -0.1, Width: 1, Height: 1}},
	} {
		if _, err := h.Redact(ctx, h.people["asel"], id, file.ID, boxes, ""); !errors.Is(err, ErrBoxes) {
			t.Errorf("boxes %s: %v", what, err)
		}
	}
	// One taken back takes nothing else along.
	if err := h.WithdrawFile(ctx, h.people["asel"], id, made.File, "the box was too small"); err != nil {
		t.Fatal(err)
	}
	if copies, err := h.FileCopies(ctx, h.people["asel"], id, file.ID); err != nil || len(copies) != 1 || copies[0].By != "nurlan" {
		t.Errorf("%+v, %v", copies, err)
	}
}

// TestTextOfFilesIsFound: by those who may read who somebody is, by nobody else,
// and not once the file was taken back.
func TestTextOfFilesIsFound(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	id := h.cases[0]
	h.opens()
	find := func(who, text string) bool {
		t.Helper()
		page, err := h.Cases(ctx, h.people[who], Query{Text: text, Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(page.Rows, func(row Row) bool { return row.ID == id })
	}
	only := func(text string, may ...string) {
		t.Helper()
		for _, who := range []string{"asel", "nurlan", "rustem", "madina", "timur", "olga", "dana"} {
			if found := find(who, text); found != slices.Contains(may, who) {
				t.Errorf("%s finds the case by %q: %v", who, text, found)
			}
		}
	}
	// The text of a plain file, with its copy.
	plain := h.putFile("asel", id, "a.txt", "Его держали в тринадцатой камере, рядом шумел трансформатор.")
	only("трансформатор")
	h.makeFileCopy("asel", id, plain.ID)
	only("трансформатора", "asel", "nurlan", "rustem")
	// The text of a picture, once somebody asks for it.
	calls := 0
	open := h.opt.Open
	h.opt.Open = func(ctx context.Context, job safecopy.Job, in io.Reader, out io.Writer) (safecopy.Report, error) {
		if job.Do != safecopy.Read {
			return open(ctx, job, in, out)
		}
		calls++
		_, err := io.Copy(io.Discard, in)
		return safecopy.Report{Kind: safecopy.PNG, Text: "Сот-медициналық сараптама қорытындысы № 4711"}, err
	}
	var drawn bytes.Buffer
	if err := png.Encode(&drawn, image.NewGray(image.Rect(0, 0, 9, 9))); err != nil {
		t.Fatal(err)
	}
	scan := h.putFile("asel", id, "a.png", drawn.String())
	h.makeFileCopy("asel", id, scan.ID)
	only("қорытындысы")
	for range 2 {
		read, err := h.ReadText(ctx, h.people["asel"], id, scan.ID, false)
		if err != nil || read.Form != TextOfFile || !strings.Contains(read.Text, "сараптама") || read.File != "" {
			t.Errorf("%+v, %v", read, err)
		}
	}
	if calls != 1 {
		t.Errorf("read %d times", calls)
	}
	only("қорытынды", "asel", "nurlan", "rustem")
	only("4711", "asel", "nurlan", "rustem")
	// A grant of the facts finds nothing, one of who somebody is does.
	if _, err := h.Grant(ctx, h.people["asel"], id, NewGrant{To: "timur", Part: access.Fact}); err != nil {
		t.Fatal(err)
	}
	only("сараптама", "asel", "nurlan", "rustem")
	if _, err := h.Grant(ctx, h.people["asel"], id, NewGrant{To: "madina", Part: access.Identity}); err != nil {
		t.Fatal(err)
	}
	only("сараптама", "asel", "nurlan", "rustem", "madina")
	// The index made anew finds the same.
	if err := h.WithdrawFile(ctx, h.people["asel"], id, scan.ID, "of another person"); err != nil {
		t.Fatal(err)
	}
	only("сараптама")
	only("трансформатор", "asel", "nurlan", "rustem", "madina")
	// Nothing of a text lies on the disk in the clear.
	err := filepath.WalkDir(h.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("трансформатор")) {
			t.Errorf("the text lies in %s", d.Name())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestCodesOfCopies: every word of package safecopy has its code in the codebook.
func TestCodesOfCopies(t *testing.T) {
	h := newRegister(t)
	var refused, notes []string
	for _, c := range safecopy.Codes() {
		refused = append(refused, string(c))
	}
	for _, n := range safecopy.Notes() {
		notes = append(notes, string(n))
	}
	for list, words := range map[string][]string{"copy_refused": refused, "copy_note": notes, "copy_wall": safecopy.Walls()} {
		l, ok := h.Book().List(list)
		if !ok || len(l.Codes) != len(words) {
			t.Errorf("list %s has %d codes, not %d", list, len(l.Codes), len(words))
		}
		for _, w := range words {
			if _, ok := l.Code(codeOf(w)); !ok {
				t.Errorf("list %s has no code %s", list, codeOf(w))
			}
		}
	}
}
