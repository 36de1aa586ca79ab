// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/evidence"
	"github.com/kua-registry/kua/internal/ledger"
)

const fileText = "\x89PNG\r\n\x1a\n a photograph of the wrists of Ойданшығарылғанов"

func (h *house) putFile(who, caseID, name, text string) FileView {
	h.t.Helper()
	view, err := h.AddFile(context.Background(), h.people[who], caseID, NewFile{Name: name, Content: strings.NewReader(text)})
	if err != nil {
		h.t.Fatal(err)
	}
	return view
}

func (h *house) readFile(who, caseID, id string) (string, error) {
	content, _, err := h.OpenFile(context.Background(), h.people[who], caseID, id)
	if err != nil {
		return "", err
	}
	defer content.Close()
	text, err := io.ReadAll(content)
	return string(text), err
}

func TestFiles(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	id := h.cases[0]
	item, err := h.PutRecord(ctx, h.people["asel"], RecordChange{Case: id, Kind: "evidence", Fields: casefile.Fields{"kind": {"photo"}}})
	if err != nil {
		t.Fatal(err)
	}
	n := len(h.lines(0))
	view, err := h.AddFile(ctx, h.people["asel"], id, NewFile{Evidence: item, Name: "/home/x/../руки\n" + "\u202e" + "gnp.png", Content: strings.NewReader(fileText)})
	sum := sha256.Sum256([]byte(fileText))
	if err != nil || view.Name != "рукиgnp.png" || view.Media != "image/png" || view.Bytes != int64(len(fileText)) || view.SHA256 != hex.EncodeToString(sum[:]) || view.By != "asel" || !view.MayOpen || view.Evidence != item || view.Case != id {
		t.Errorf("%+v, %v", view, err)
	}
	other := h.putFile("nurlan", id, "b.txt", "said in words")
	for _, who := range []string{"asel", "nurlan", "rustem"} {
		if text, err := h.readFile(who, id, view.ID); err != nil || text != fileText {
			t.Errorf("%s reads %q: %v", who, text, err)
		}
	}
	if got := acts(h.lines(n)); strings.Count(got, "export/file/1") != 3 {
		t.Errorf("the audit says %q", got)
	}
	list, err := h.Files(ctx, h.people["rustem"], id)
	if err != nil || len(list) != 2 || list[0].ID != view.ID || list[1].By != "nurlan" {
		t.Errorf("%+v, %v", list, err)
	}
	// The records of a case are shown without those that hold keys.
	file, err := h.Case(ctx, h.people["asel"], id, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range append(file.Records, file.Withdrawn...) {
		if rec.Kind == fileKind {
			t.Error("a key is shown among the records of its case")
		}
	}
	// Who reads facts alone is told that there are files, and nothing of them.
	list, err = h.Files(ctx, h.people["olga"], id)
	if err != nil || len(list) != 2 || list[0].Name+list[0].SHA256 != "" || list[0].MayOpen || list[0].Bytes == 0 {
		t.Errorf("an analyst is told %+v, %v", list, err)
	}
	for _, who := range []string{"olga", "madina", "dana", "zhanna"} {
		if _, err := h.readFile(who, id, view.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s opens a file: %v", who, err)
		}
	}
	for _, who := range []string{"madina", "zhanna"} {
		if _, err := h.Files(ctx, h.people[who], id); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s is told of files: %v", who, err)
		}
	}
	if _, err := h.readFile("asel", h.cases[1], view.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("by another case: %v", err)
	}
	size := h.index.Counted()
	if _, err := h.AddFile(ctx, h.people["rustem"], id, NewFile{Content: strings.NewReader("x")}); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a reviewer puts a file in: %v", err)
	}
	for _, none := range []string{ledger.NewID().String(), view.ID, "x"} {
		if _, err := h.AddFile(ctx, h.people["asel"], id, NewFile{Evidence: none, Content: strings.NewReader("x")}); !errors.Is(err, ErrNotFound) {
			t.Errorf("to evidence that is not there: %v", err)
		}
	}
	for what, x := range map[string]struct {
		content io.Reader
		want    error
	}{
		"an empty file":        {strings.NewReader(""), ErrFileEmpty},
		"a line that breaks":   {io.MultiReader(strings.NewReader(fileText), bytes.NewReader(make([]byte, 1<<20)), iotest.ErrReader(errors.New("gone"))), ErrFileBroken},
		"one that breaks soon": {iotest.ErrReader(errors.New("gone")), ErrFileBroken},
	} {
		if _, err := h.AddFile(ctx, h.people["asel"], id, NewFile{Content: x.content}); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if files := h.evidenceFiles(); len(files) != 2 || h.index.Counted() != size {
		t.Errorf("something is left: %v", files)
	}
	if err := h.Write(ctx, h.people["asel"], id, []Put{{Record: ledger.NewID().String(), Kind: fileKind, Fields: casefile.Fields{"media": {"x"}, "bytes": {"1"}, "sha256": {"x"}, "key": {"x"}, "sealed": {"x"}}}}, nil, "", ""); err == nil {
		t.Error("a record of a file is written by hand")
	}

	// A copy that the program made goes with its original.
	made, err := h.addDerived(ctx, h.people["asel"], id, view.ID, "thumbnail", "image/jpeg", strings.NewReader("small"))
	if err != nil || made.OfFile != view.ID || made.Form != "thumbnail" || made.Media != "image/jpeg" || made.Name != "" {
		t.Errorf("%+v, %v", made, err)
	}
	if err := h.WithdrawFile(ctx, h.people["asel"], id, view.ID, " "); !errors.Is(err, ErrReason) {
		t.Errorf("without a reason: %v", err)
	}
	if err := h.WithdrawFile(ctx, h.people["asel"], id, view.ID, "of another case"); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{view.ID, made.ID} {
		if _, err := h.readFile("asel", id, gone); !errors.Is(err, ErrNotFound) {
			t.Errorf("what was taken back opens: %v", err)
		}
	}
	if list, err := h.Files(ctx, h.people["asel"], id); err != nil || len(list) != 1 || list[0].ID != other.ID {
		t.Errorf("%+v, %v", list, err)
	}
	h.again()
	if text, err := h.readFile("asel", id, other.ID); err != nil || text != "said in words" {
		t.Errorf("opened anew: %q, %v", text, err)
	}
	if v := h.deep(); v.Problem != "" || v.Files != 3 {
		t.Errorf("%+v", v)
	}
}

// sealedPath is where the sealed file of a record lies.
func (h *house) sealedPath(caseID, id string) string {
	h.t.Helper()
	file, err := h.fromLedger(context.Background(), caseID)
	if err != nil {
		h.t.Fatal(err)
	}
	rec, _ := file.Record(id)
	return filepath.Join(h.dir, evidenceDir, rec.Get("sealed"))
}

// TestFileAlteredRegression: whatever is done to a file of a case is named by
// verify, and not handed out.
func TestFileAlteredRegression(t *testing.T) {
	h := newHouse(t)
	id := h.cases[0]
	view, other := h.putFile("asel", id, "a.png", fileText), h.putFile("asel", id, "b.png", fileText+".")
	path := h.sealedPath(id, view.ID)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(h.sealedPath(id, other.ID))
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[100] ^= 4
	for what, b := range map[string][]byte{"one bit": flipped, "cut off": whole[:len(whole)-1], "another file": foreign, "empty": {}} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if v := h.deep(); !strings.Contains(v.Problem, view.ID) || !strings.Contains(v.Problem, "altered") {
			t.Errorf("%s: verify says %q", what, v.Problem)
		}
		if text, err := h.readFile("asel", id, view.ID); !errors.Is(err, evidence.ErrAltered) || text != "" {
			t.Errorf("%s: handed out as %q: %v", what, text, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if v := h.deep(); !strings.Contains(v.Problem, view.ID) || !strings.Contains(v.Problem, "missing") {
		t.Errorf("missing: verify says %q", v.Problem)
	}
	if _, err := h.readFile("asel", id, view.ID); !errors.Is(err, ErrFileDamaged) {
		t.Errorf("missing: %v", err)
	}
	list, err := h.Files(context.Background(), h.people["asel"], id)
	if err != nil || !list[0].Missing || list[0].MayOpen || list[1].Missing {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestFileCrash: what a crash leaves between the file and its entry is gone at
// the next opening, and what it leaves between the entry and its name stays.
func TestFileCrash(t *testing.T) {
	h := newHouse(t)
	id := h.cases[0]
	view := h.putFile("asel", id, "a.png", fileText)
	path := h.sealedPath(id, view.ID)
	file, err := evidence.ParseID(filepath.Base(path))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".new"); err != nil { // killed before it was renamed
		t.Fatal(err)
	}
	if err := h.noteBegun(file, begunFile{Stream: id, Size: evidence.Unknown}); err != nil {
		t.Fatal(err)
	}
	if text, err := h.readFile("asel", id, view.ID); err != nil || text != fileText {
		t.Errorf("before it has its name: %q %v", text, err)
	}
	half := evidence.ID(ledger.NewID()) // killed while it came in
	if err := h.noteBegun(half, begunFile{Stream: id, Size: evidence.Unknown}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, evidenceDir, half.String()+".new"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.noteBegun(evidence.ID(ledger.NewID()), begunFile{Stream: id, Size: 100}); err != nil { // before it began
		t.Fatal(err)
	}
	h.again()
	if files := h.evidenceFiles(); len(files) != 1 || files[0] != path {
		t.Errorf("after the crash there are %v", files)
	}
	if v := h.deep(); v.Problem != "" || v.Files != 1 {
		t.Errorf("%+v", v)
	}
}

// TestFileErased: with who it is about the files of a case go, and those of
// others stay.
func TestFileErased(t *testing.T) {
	for _, whole := range []bool{false, true} {
		h := newHouse(t)
		ctx := context.Background()
		gone, stays := h.cases[0], h.cases[1]
		a, b := h.putFile("asel", gone, "a.png", fileText+"a"), h.putFile("asel", stays, "b.png", fileText)
		back := h.putFile("asel", gone, "c.png", fileText+"c")
		if err := h.WithdrawFile(ctx, h.people["asel"], gone, back.ID, "taken by mistake"); err != nil {
			t.Fatal(err)
		}
		left := h.sealedPath(stays, b.ID)
		h.prove()
		if err := h.Erase(ctx, h.session, gone, Erasure{Whole: whole, Why: "wish", Reason: "at the wish of the person"}); err != nil {
			t.Fatal(err)
		}
		if files := h.evidenceFiles(); len(files) != 1 || files[0] != left {
			t.Errorf("whole %v: there are %v", whole, files)
		}
		if _, err := h.readFile("asel", gone, a.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("whole %v: an erased file: %v", whole, err)
		}
		if text, err := h.readFile("asel", stays, b.ID); err != nil || text != fileText {
			t.Errorf("whole %v: the file of another case: %q, %v", whole, text, err)
		}
		if v := h.deep(); v.Problem != "" || v.Files != 1 {
			t.Errorf("whole %v: %+v", whole, v)
		}
		h.again()
		if v := h.deep(); v.Problem != "" || v.Files != 1 {
			t.Errorf("whole %v, opened anew: %+v", whole, v)
		}
	}
}

// TestSameFileRegression: the same bytes twice are one sealed file with two
// references, within one organisation alone, and nobody is told; an erasure
// leaves what another case names, and the last one takes the file along.
func TestSameFileRegression(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	north, second, south := h.cases[0], h.cases[1], h.cases[3]
	a := h.putFile("asel", north, "a.png", fileText)
	if err := h.Restrict(ctx, h.people["asel"], north, true); err != nil { // nurlan is told of it no more
		t.Fatal(err)
	}
	b := h.putFile("nurlan", second, "b.png", fileText)
	if h.sealedPath(north, a.ID) != h.sealedPath(second, b.ID) || len(h.evidenceFiles()) != 1 {
		t.Errorf("the same bytes lie there as %v", h.evidenceFiles())
	}
	if b.Name != "b.png" || b.By != "nurlan" || b.ID == a.ID || !b.MayOpen || b.SHA256 != a.SHA256 {
		t.Errorf("%+v", b)
	}
	c := h.putFile("madina", south, "c.png", fileText) // of another organisation
	if h.sealedPath(south, c.ID) == h.sealedPath(second, b.ID) || len(h.evidenceFiles()) != 2 {
		t.Errorf("two organisations have one file: %v", h.evidenceFiles())
	}
	if v := h.deep(); v.Problem != "" || v.Files != 2 {
		t.Errorf("%+v", v)
	}
	h.again()
	h.prove()
	if err := h.Restrict(ctx, h.people["asel"], north, false); err != nil {
		t.Fatal(err)
	}
	if err := h.Erase(ctx, h.session, north, Erasure{Why: "wish", Reason: "at the wish of the person"}); err != nil {
		t.Fatal(err)
	}
	if text, err := h.readFile("nurlan", second, b.ID); err != nil || text != fileText {
		t.Errorf("what another case names: %q, %v", text, err)
	}
	if v := h.deep(); v.Problem != "" || v.Files != 2 {
		t.Errorf("after the first erasure: %+v", v)
	}
	// What is there is altered: what comes in is kept, not what is there.
	path := h.sealedPath(second, b.ID)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole[:100], 0o600); err != nil {
		t.Fatal(err)
	}
	d := h.putFile("asel", h.cases[2], "d.png", fileText)
	if text, err := h.readFile("asel", h.cases[2], d.ID); err != nil || text != fileText {
		t.Errorf("beside a damaged one: %q, %v", text, err)
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	// The last reference takes the file along, also when the program was killed before it did.
	h.prove()
	h.evidenceKept(func() {
		if err := h.Erase(ctx, h.session, second, Erasure{Whole: true, Why: "wish", Reason: "at the wish of the person"}); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	h.again()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the last reference is gone, and the file is there: %v", err)
	}
	if v := h.deep(); v.Problem != "" || v.Files != 2 {
		t.Errorf("after the second erasure: %+v", v)
	}
}
