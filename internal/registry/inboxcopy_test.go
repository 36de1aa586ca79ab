// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/backup"
	"github.com/kua-registry/kua/internal/evidence"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/safecopy"
	"github.com/kua-registry/kua/internal/submission"
)

// filesOf are the files that came with the first message of a report.
func (h *house) filesOf(who, id string) []submission.File {
	h.t.Helper()
	view, err := h.Submission(context.Background(), h.people[who], id)
	if err != nil || len(view.Messages) == 0 {
		h.t.Fatalf("%+v (%v)", view, err)
	}
	return view.Messages[0].Files
}

// readShown reads the copy of a file of a report.
func (h *house) readShown(who, id, upload string) (string, error) {
	content, _, err := h.OpenSubmissionCopy(context.Background(), h.people[who], id, upload)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(content)
	return string(text), errors.Join(err, content.Close())
}

// shownFiles are the names of what lies in the folder of these copies.
func (h *house) shownFiles() (names []string) {
	h.t.Helper()
	err := filepath.WalkDir(filepath.Join(h.dir, shownDir), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, d.Name())
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.t.Fatal(err)
	}
	return names
}

// TestReportFilesAreShownAsCopies holds that a file of a report is shown as a
// copy without what hides in it, to the session that asked and to no other, and
// that nothing of it is on the disk in the clear.
func TestReportFilesAreShownAsCopies(t *testing.T) {
	h := takes(t)
	ctx := context.Background()
	o := h.outside(1)
	id := o.sends(t, "with files", named("hands.jpg", photograph(t)), named("letter.jpg", "<!doctype html><script>alert(1)</script>"), named("said.txt", "Ойдан: бір нәрсе болды"))
	erlan, saule := h.people["erlan"], h.people["saule"]
	files := h.filesOf("erlan", id)
	photo, page, said := files[0].Upload, files[1].Upload, files[2].Upload

	v, err := h.SubmissionCopy(ctx, erlan, id, photo, false)
	if !errors.Is(err, ErrNoOpener) || v.Name != "hands.jpg" || v.Report != id || v.Day != "2022-06-24" || v.Copy != nil {
		t.Errorf("a program that opens nothing: %+v (%v)", v, err)
	}
	h.opens()
	n := len(h.lines(0))
	v, err = h.SubmissionCopy(ctx, erlan, id, photo[:8], true)
	if err != nil || v.Copy == nil || v.Copy.Media != "image/jpeg" || v.Copy.Refused != "" || v.Copy.Width != 60 || v.Copy.By != "erlan" || v.Copy.Bytes == 0 || len(v.Copy.Walls) != 2 || len(v.Copy.Missing) != 3 {
		t.Fatalf("%+v (%v)", v, err)
	}
	if want := (safecopy.Fact{Where: "JPEG", Name: "Comment", Value: "taken by Ойданшығарылғанов"}); !slices.Equal(v.Copy.Metadata, []safecopy.Fact{want}) {
		t.Errorf("it says about itself %q", v.Copy.Metadata)
	}
	copied, err := h.readShown("erlan", id, photo)
	if err != nil || strings.Contains(copied, "Ойдан") || safecopy.Sniff([]byte(copied)) != safecopy.JPEG || int64(len(copied)) != v.Copy.Bytes {
		t.Errorf("the copy: %d bytes (%v)", len(copied), err)
	}
	if got := acts(h.lines(n)); got != "read/inbox/0" {
		t.Errorf("looking at a copy is written down as %q", got)
	}
	again, err := h.SubmissionCopy(ctx, erlan, id, photo, false)
	if err != nil || again.Copy.File != v.Copy.File {
		t.Errorf("made twice: %+v (%v)", again.Copy, err)
	}
	if v, err := h.SubmissionCopy(ctx, erlan, id, page, false); err != nil || v.Copy.Refused != "html" || v.Copy.File != "" || !slices.Equal(v.Copy.Notes, []string{"other_media"}) {
		t.Errorf("a page that calls itself a picture: %+v (%v)", v.Copy, err)
	}
	if _, err := h.readShown("erlan", id, page); !errors.Is(err, ErrNotFound) {
		t.Errorf("a copy that there is not: %v", err)
	}
	if v, err := h.SubmissionCopy(ctx, erlan, id, said, true); err != nil || v.Copy.Media != "text/plain" || v.Copy.Text != "Ойдан: бір нәрсе болды" {
		t.Errorf("a text: %+v (%v)", v.Copy, err)
	}

	// Nobody else has it, without the role or with it, until they ask.
	if _, err := h.readShown("saule", id, photo); !errors.Is(err, ErrNotFound) {
		t.Errorf("what another session had made: %v", err)
	}
	for who, s := range h.people {
		if who == "saule" || who == "erlan" {
			continue
		}
		_, made := h.SubmissionCopy(ctx, s, id, photo, false)
		_, opened := h.readShown(who, id, photo)
		if !errors.Is(made, ErrNotAllowed) || !errors.Is(opened, ErrNotAllowed) {
			t.Errorf("%s makes one (%v) and opens it (%v)", who, made, opened)
		}
	}
	if _, err := h.SubmissionCopy(ctx, saule, id, photo, false); err != nil {
		t.Error(err)
	}

	// On the disk it is sealed, and the key nowhere.
	if names := h.shownFiles(); len(names) != 3 {
		t.Errorf("%d sealed copies, not 3: %q", len(names), names)
	}
	err = filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(copied[:64])) || bytes.Contains(b, []byte("Ойдан")) {
			t.Errorf("%s holds some of a file in the clear", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}

	// Its sender takes the report back: nothing opens any more, and the keys are gone.
	if err := o.store.Withdraw(o.door); err != nil {
		t.Fatal(err)
	}
	if _, err := h.readShown("erlan", id, photo); !errors.Is(err, ErrNotFound) {
		t.Errorf("taken back, the copy is shown: %v", err)
	}
	erlan.Keys.Opened.Range(func(key, _ any) bool {
		if _, ok := key.(shownKey); ok {
			t.Error("taken back, the session still has the key of a copy")
		}
		return true
	})
}

// TestShownCopiesGo holds that copies go with the program, with one that was
// killed too, and the oldest when there are too many; and that a backup has none.
func TestShownCopiesGo(t *testing.T) {
	h := takes(t)
	h.opens()
	ctx := context.Background()
	id := h.outside(1).sends(t, "with photographs", named("1.jpg", photograph(t)), named("2.txt", strings.Repeat("not a photograph ", 60)))
	files := h.filesOf("erlan", id)
	show := func(i int) {
		t.Helper()
		if v, err := h.SubmissionCopy(ctx, h.people["erlan"], id, files[i].Upload, true); err != nil || v.Copy.File == "" {
			t.Fatalf("%+v (%v)", v, err)
		}
		if _, err := h.readShown("erlan", id, files[i].Upload); err != nil {
			t.Error(err)
		}
	}
	h.shown.bytes = 1100 // of which the text has 1020, and the picture more than the rest
	show(0)
	show(1)
	if names := h.shownFiles(); len(names) != 1 {
		t.Errorf("%d lie there, and there is room for one", len(names))
	}
	show(0) // anew
	if _, err := h.readShown("erlan", id, files[1].Upload); !errors.Is(err, ErrNotFound) {
		t.Errorf("one that went: %v", err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, shownDir, evidence.ID(ledger.NewID()).String()), []byte("left by a kill"), 0o600); err != nil {
		t.Fatal(err)
	}
	to := h.disk()
	v := h.backUp(to)
	_, _, repo, err := h.backups(h.session, to)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := repo.Read(ctx, v.Name)
	has := func(under string) bool {
		return slices.ContainsFunc(kept.Files, func(f backup.File) bool { return strings.HasPrefix(f.Path, under+"/") })
	}
	if err != nil || !has(inboxDir) || has(shownDir) {
		t.Errorf("a backup has reports: %v, and copies: %v (%v)", has(inboxDir), has(shownDir), err)
	}
	h.again()
	if names := h.shownFiles(); len(names) != 0 {
		t.Errorf("after the program ended there are %q", names)
	}
}

// TestShownCopyTakesTooLong holds that unasked nobody waits, and that what could
// be otherwise is tried again when somebody asks.
func TestShownCopyTakesTooLong(t *testing.T) {
	h := takes(t)
	ctx := context.Background()
	id := h.outside(1).sends(t, "with a document", named("a.pdf", "%PDF-1.7 of many pages"))
	upload := h.filesOf("erlan", id)[0].Upload
	refused := &safecopy.RefusedError{Code: safecopy.TooLong}
	h.opt.Open = func(_ context.Context, _ safecopy.Job, _ io.Reader, out io.Writer) (safecopy.Report, error) {
		if refused == nil {
			_, err := io.WriteString(out, "%PDF-1.4 drawn anew")
			return safecopy.Report{Kind: safecopy.PDF, Copy: safecopy.PDF, Pages: 2, Notes: []safecopy.Note{safecopy.HadScript}}, err
		}
		_, _ = io.WriteString(out, "%PDF-1.4 half of it")
		return safecopy.Report{Kind: safecopy.PDF, Refused: refused}, refused
	}
	show := func(quick bool) (*FileCopy, error) {
		v, err := h.SubmissionCopy(ctx, h.people["erlan"], id, upload, quick)
		if v.Name != "a.pdf" {
			t.Errorf("of a file it is said %+v", v)
		}
		return v.Copy, err
	}
	if _, err := show(true); !errors.Is(err, ErrNotQuick) {
		t.Errorf("unasked for: %v", err)
	}
	for range 2 {
		if c, err := show(false); err != nil || c.Refused != "time" || !c.MayAgain() {
			t.Errorf("asked for: %+v (%v)", c, err)
		}
	}
	if c, err := show(true); err != nil || c.Refused != "time" {
		t.Errorf("why there is none is forgotten: %+v (%v)", c, err)
	}
	if names := h.shownFiles(); len(names) != 0 {
		t.Errorf("something is left of what was no copy: %q", names)
	}
	refused = nil
	if c, err := show(false); err != nil || c.Pages != 2 || c.Media != "application/pdf" || !slices.Equal(c.Notes, []string{"had_script"}) {
		t.Errorf("tried again: %+v (%v)", c, err)
	}
	h.opening <- struct{}{} // another file is being opened
	id = h.outside(2).sends(t, "with another", named("b.pdf", "%PDF-1.7"))
	if _, err := h.SubmissionCopy(ctx, h.people["erlan"], id, h.filesOf("erlan", id)[0].Upload, true); !errors.Is(err, ErrNotQuick) {
		t.Errorf("while another is opened: %v", err)
	}
	<-h.opening
}

// TestReportFilesBecomeEvidence holds that in a case the files of a report are
// there as they came, each with its copy.
func TestReportFilesBecomeEvidence(t *testing.T) {
	h := takes(t)
	h.opens()
	ctx := context.Background()
	photo := photograph(t)
	id := h.outside(1).sends(t, "with files", named("hands.jpg", photo), named("letter.jpg", "<!doctype html><script>alert(1)</script>"))
	yes := true
	urgent := func(tasks int) {
		t.Helper()
		if err := h.SortSubmission(ctx, h.people["saule"], id, SubmissionSort{Urgent: &yes}); err != nil {
			t.Fatal(err)
		}
		if open, err := h.urgentTasks(ctx); err != nil || len(open) != tasks {
			t.Errorf("%d tasks, not %d (%v)", len(open), tasks, err)
		}
	}
	urgent(2)
	row, err := h.CaseOfSubmission(ctx, h.people["saule"], id)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := h.Submission(ctx, h.people["saule"], id); err != nil || v.Urgent {
		t.Errorf("its tasks have ended with the case, and it is said to be urgent: %+v (%v)", v, err)
	}
	urgent(2) // what comes later can be
	files, err := h.Files(ctx, h.people["saule"], row.ID)
	if err != nil {
		t.Fatal(err)
	}
	var forms []string
	for _, f := range files {
		forms = append(forms, f.Form)
		if f.OfFile != "" {
			continue
		}
		copies, err := h.FileCopies(ctx, h.people["saule"], row.ID, f.ID)
		if want := map[string]string{"hands.jpg": "", "letter.jpg": "html"}[f.Name]; err != nil || len(copies) != 1 || copies[0].Refused != want {
			t.Errorf("of %s there is %+v (%v)", f.Name, copies, err)
		}
		if text, err := h.readFile("saule", row.ID, f.ID); err != nil || f.Name == "hands.jpg" && text != photo {
			t.Errorf("%s is not as it came (%v)", f.Name, err)
		}
	}
	if slices.Sort(forms); !slices.Equal(forms, []string{"", "", SafeCopy, thumbnail}) {
		t.Errorf("in the case there are %q", forms)
	}
}

// TestSubmissionFile holds that a file of a report opens as it was sent, and
// that one that was altered never comes out whole.
func TestSubmissionFile(t *testing.T) {
	h := takes(t)
	ctx := context.Background()
	o := h.outside(1)
	id := o.sends(t, "with a photograph", "one photograph", "two photographs")
	view, err := h.Submission(ctx, h.people["erlan"], id)
	if err != nil || len(view.Messages) != 1 || len(view.Messages[0].Files) != 2 || view.Files != 2 || view.Language != "kk" || len(view.Takers) != 2 {
		t.Fatalf("%+v (%v)", view, err)
	}
	files := view.Messages[0].Files
	n := len(h.lines(0))
	content, f, err := h.SubmissionFile(ctx, h.people["erlan"], id, files[1].Upload)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(content); err != nil || string(text) != "two photographs" || f.Name != "two.jpg" {
		t.Errorf("%q of %s (%v)", text, f.Name, err)
	}
	if got := acts(h.lines(n)); got != "export/inbox/0" {
		t.Errorf("that it left is written down as %q", got)
	}
	for who, want := range map[string]error{"asel": ErrNotAllowed, "erlan": ErrNotFound} {
		if _, _, err := h.SubmissionFile(ctx, h.people[who], id, "00000000000000000000000000000000"); !errors.Is(err, want) {
			t.Errorf("%s opens a file that is not there: %v", who, err)
		}
	}
	// The piece of one in the place of that of the other: it opens, and is another.
	at := func(f int) string {
		return filepath.Join(h.dir, inboxDir, "reports", id, "000001."+files[f].Upload, "000000")
	}
	if err := os.Rename(at(0), at(1)); err != nil {
		t.Fatal(err)
	}
	h.opens()
	for _, f := range files {
		if v, err := h.SubmissionCopy(ctx, h.people["erlan"], id, f.Upload, false); !errors.Is(err, ErrSubmissionFile) || v.Name != f.Name || len(h.shownFiles()) != 0 {
			t.Errorf("a copy of it: %+v (%v)", v, err)
		}
		content, _, err := h.SubmissionFile(ctx, h.people["erlan"], id, f.Upload)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(content); !errors.Is(err, ErrSubmissionFile) || len(text) != 0 {
			t.Errorf("%q comes out (%v)", text, err)
		}
	}
	if !access.Decide(h.people["erlan"].Member, access.OpenInbox, access.Thing{Org: h.orgs["North"]}) {
		t.Error("erlan takes no reports: this test finds nothing")
	}
}
