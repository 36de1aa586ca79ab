// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFileOnAFullDisk fills a small disk with a file of a case: it is said in a
// clear word, what was complete is complete, and with room again it goes on.
func TestFileOnAFullDisk(t *testing.T) {
	disk, err := os.MkdirTemp("", "kua-disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(disk) })
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("no small disk can be mounted here (%v): whoever runs this as root sees it", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	t.Setenv("TMPDIR", disk)
	h := newHouse(t)
	if on, err := filepath.Rel(disk, h.dir); err != nil || on[0] == '.' {
		t.Fatalf("the register is at %s, not on the small disk", h.dir)
	}
	ctx, asel, id := context.Background(), h.people["asel"], h.cases[0]
	first := h.putFile("asel", id, "a.png", fileText)
	large := made(30 << 20)
	if _, err := h.AddFile(ctx, asel, id, NewFile{Name: "film.mp4", Content: bytes.NewReader(large)}); !errors.Is(err, ErrDiskFull) {
		t.Errorf("a file larger than the disk: %v", err)
	}
	if files := h.evidenceFiles(); len(files) != 1 {
		t.Errorf("something is left of it: %v", files)
	}
	up := h.begin("asel", id, len(large))
	if _, err := h.goOn("asel", id, up.ID, 0, large); !errors.Is(err, ErrDiskFull) {
		t.Errorf("in parts: %v", err)
	}
	if err := syscall.Mount("", disk, "tmpfs", syscall.MS_REMOUNT, "size=100m"); err != nil { // there is room again
		t.Fatal(err)
	}
	h.again()
	now, err := h.Upload(ctx, h.people["asel"], id, up.ID)
	if err != nil || now.Offset == 0 || now.Offset > int64(len(large)) {
		t.Fatalf("with room again: %+v, %v", now, err)
	}
	if _, err := h.goOn("asel", id, up.ID, now.Offset, large[now.Offset:]); err != nil {
		t.Fatal(err)
	}
	if view, err := h.FinishUpload(ctx, h.people["asel"], id, up.ID, sumOf(large)); err != nil || view.SHA256 != sumOf(large) {
		t.Errorf("%+v, %v", view, err)
	}
	if text, err := h.readFile("asel", id, first.ID); err != nil || text != fileText {
		t.Errorf("what was complete: %q, %v", text, err)
	}
	if v := h.deep(); v.Problem != "" || v.Files != 2 {
		t.Errorf("%+v", v)
	}
}
