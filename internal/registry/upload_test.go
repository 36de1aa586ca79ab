// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// made is a file that means nothing.
func made(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(uint64(n), 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (h *house) begin(who, caseID string, n int) UploadView {
	h.t.Helper()
	up, err := h.BeginUpload(context.Background(), h.people[who], caseID, NewUpload{Name: "film.mp4", Bytes: int64(n), Mark: "2022-01-06"})
	if err != nil {
		h.t.Fatal(err)
	}
	return up
}

func (h *house) goOn(who, caseID, id string, offset int64, b []byte) (UploadView, error) {
	return h.ContinueUpload(context.Background(), h.people[who], caseID, id, offset, bytes.NewReader(b))
}

// evidenceKept does something that does not reach the sealed files.
func (h *house) evidenceKept(do func()) {
	h.t.Helper()
	here, away := filepath.Join(h.dir, evidenceDir), filepath.Join(h.t.TempDir(), "away")
	if err := os.Rename(here, away); err != nil {
		h.t.Fatal(err)
	}
	do()
	if err := errors.Join(os.RemoveAll(here), os.Rename(away, here)); err != nil {
		h.t.Fatal(err)
	}
}

func TestUploadGoesOn(t *testing.T) {
	h := newHouse(t)
	ctx, asel := context.Background(), h.people["asel"]
	id, text := h.cases[0], made(700_000)
	up := h.begin("asel", id, len(text))
	if up.Offset != 0 || up.Bytes != 700_000 || up.Name != "film.mp4" || up.Done {
		t.Errorf("begun: %+v", up)
	}
	var off *OffsetError
	if _, err := h.goOn("asel", id, up.ID, 5, text[5:]); !errors.As(err, &off) || off.Offset != 0 {
		t.Errorf("at the wrong place: %v", err)
	}
	if up, err := h.goOn("asel", id, up.ID, 0, text[:300_001]); err != nil || up.Offset != 300_001 {
		t.Errorf("%+v, %v", up, err)
	}
	// A line that breaks: what came is kept.
	_, err := h.ContinueUpload(ctx, asel, id, up.ID, 300_001, io.MultiReader(bytes.NewReader(text[300_001:400_000]), iotest.ErrReader(errors.New("gone"))))
	if !errors.Is(err, ErrFileBroken) {
		t.Errorf("a line that breaks: %v", err)
	}
	now, err := h.Upload(ctx, asel, id, up.ID)
	if err != nil || now.Offset > 400_000 || now.Offset < 400_000-64<<10 {
		t.Errorf("after a line that broke: %+v, %v", now, err)
	}
	if _, err := h.FinishUpload(ctx, asel, id, up.ID, ""); !errors.As(err, &off) || off.Offset != now.Offset {
		t.Errorf("finished too early: %v", err)
	}
	h.again() // as after a crash
	asel = h.people["asel"]
	list, err := h.Uploads(ctx, asel, id)
	if err != nil || len(list) != 1 || list[0].ID != up.ID || list[0].Mark != "2022-01-06" {
		t.Errorf("%+v, %v", list, err)
	}
	if now, err = h.Upload(ctx, asel, id, up.ID); err != nil || now.Offset < 300_001-64<<10 {
		t.Errorf("opened anew: %+v, %v", now, err)
	}
	if now, err = h.goOn("asel", id, up.ID, now.Offset, text[now.Offset:]); err != nil || now.Offset != now.Bytes {
		t.Errorf("%+v, %v", now, err)
	}
	if _, err := h.goOn("asel", id, up.ID, now.Offset, []byte("more")); !errors.Is(err, ErrFileSize) {
		t.Errorf("more than there is to be: %v", err)
	}
	view, err := h.FinishUpload(ctx, asel, id, up.ID, sumOf(text))
	if err != nil || view.ID != up.ID || view.SHA256 != sumOf(text) || view.Bytes != 700_000 {
		t.Errorf("%+v, %v", view, err)
	}
	if now, err := h.Upload(ctx, asel, id, up.ID); err != nil || !now.Done || now.Offset != now.Bytes {
		t.Errorf("asked again: %+v, %v", now, err)
	}
	if got, err := h.readFile("asel", id, view.ID); err != nil || got != string(text) {
		t.Errorf("it comes back as %d bytes: %v", len(got), err)
	}
	if list, err := h.Uploads(ctx, asel, id); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if v := h.deep(); v.Problem != "" || v.Files != 1 {
		t.Errorf("%+v", v)
	}
	if files := h.evidenceFiles(); len(files) != 1 {
		t.Errorf("there are %v", files)
	}
}

func TestUploadsAreTheirOwners(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	id, text := h.cases[0], made(100_000)
	up := h.begin("asel", id, len(text))
	for _, who := range []string{"nurlan", "rustem", "madina", "olga", "zhanna"} {
		if _, err := h.goOn(who, id, up.ID, 0, text); !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s goes on with it: %v", who, err)
		}
		if list, _ := h.Uploads(ctx, h.people[who], id); len(list) != 0 {
			t.Errorf("%s is told of it: %+v", who, list)
		}
		if _, err := h.Upload(ctx, h.people[who], id, up.ID); err == nil {
			t.Errorf("%s is told how far it is", who)
		}
	}
	if _, err := h.goOn("asel", h.cases[1], up.ID, 0, text); !errors.Is(err, ErrNotFound) {
		t.Errorf("by another case: %v", err)
	}
	for range uploadsEach - 1 {
		h.begin("asel", id, 1)
	}
	if _, err := h.BeginUpload(ctx, h.people["asel"], id, NewUpload{Bytes: 1}); !errors.Is(err, ErrUploads) {
		t.Errorf("one more than may be: %v", err)
	}
	if len(h.uploads.open) > uploadsOpen {
		t.Errorf("%d are open at once", len(h.uploads.open))
	}
	for n, want := range map[int64]error{0: ErrFileEmpty, -1: ErrFileEmpty, FileLimit + 1: ErrFileSize} {
		if _, err := h.BeginUpload(ctx, h.people["nurlan"], id, NewUpload{Bytes: n}); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	// What came in is not what was sent.
	if _, err := h.goOn("asel", id, up.ID, 0, text); err != nil {
		t.Fatal(err)
	}
	if _, err := h.FinishUpload(ctx, h.people["asel"], id, up.ID, sumOf(text[1:])); !errors.Is(err, ErrUploadSum) {
		t.Errorf("another hash: %v", err)
	}
	if _, err := h.Upload(ctx, h.people["asel"], id, up.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("after another hash: %v", err)
	}
	other := h.begin("nurlan", id, 10)
	if err := h.DropUpload(ctx, h.people["asel"], id, other.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("another's is let go of: %v", err)
	}
	if err := h.DropUpload(ctx, h.people["nurlan"], id, other.ID); err != nil {
		t.Error(err)
	}
	for _, file := range h.evidenceFiles() {
		if strings.Contains(file, other.ID) || strings.Contains(file, up.ID) {
			t.Errorf("%s is left", file)
		}
	}
}

// TestUploadsEnd: what nobody goes on with is let go of, and an erasure takes
// along what is coming in.
func TestUploadsEnd(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	id, other := h.cases[0], h.cases[1]
	h.begin("asel", id, 10)
	h.later(UploadLasts / 2)
	young := h.begin("asel", other, 100_000)
	h.later(UploadLasts/2 + 1)
	h.signIn("asel")
	if err := h.Tend(ctx); err != nil {
		t.Fatal(err)
	}
	if files := h.evidenceFiles(); len(files) != 2 {
		t.Errorf("there are %v", files)
	}
	if _, err := h.goOn("asel", other, young.ID, 0, made(100_000)); err != nil {
		t.Error(err)
	}
	h.prove()
	if err := h.Erase(ctx, h.session, other, Erasure{Why: "wish", Reason: "at the wish of the person"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.FinishUpload(ctx, h.people["asel"], other, young.ID, ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("what came in before an erasure: %v", err)
	}
	if files := h.evidenceFiles(); len(files) != 0 {
		t.Errorf("after the erasure there are %v", files)
	}
	// As if the program had been killed before the erasure reached it.
	file := h.begin("asel", other, 10)
	h.later(time.Second)
	h.prove()
	h.evidenceKept(func() {
		if err := h.Erase(ctx, h.session, other, Erasure{Why: "wish", Reason: "once more"}); err != nil {
			t.Fatal(err)
		}
	})
	h.again()
	if files := h.evidenceFiles(); len(files) != 0 {
		t.Errorf("%s is left: %v", file.ID, files)
	}
	late := h.begin("asel", id, 10)
	h.later(UploadLasts + 1)
	h.again()
	if files := h.evidenceFiles(); len(files) != 0 {
		t.Errorf("%s is left: %v", late.ID, files)
	}
	if v := h.deep(); v.Problem != "" {
		t.Errorf("%+v", v)
	}
}
