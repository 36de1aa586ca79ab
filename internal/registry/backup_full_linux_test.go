// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/registry/registrytest"
)

// small mounts a small disk.
func small(t *testing.T, size string) string {
	t.Helper()
	disk, err := os.MkdirTemp("", "kua-disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(disk) })
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("no small disk can be mounted here (%v): whoever runs this as root sees it", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	return disk
}

// TestBackupOnAFullDisk fills the disk of the backups, and the one that is
// restored to: it is said in a clear word, nothing half-written counts or is
// left, what was made before is whole, and with room it goes on.
func TestBackupOnAFullDisk(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	to := BackupPlace{Folder: small(t, "2m")}
	first := h.backUp(to)
	h.putFile("asel", h.cases[0], "film.bin", string(made(6<<20)))
	if _, err := h.BackUp(ctx, h.session, to, BackupOptions{}); err == nil || !strings.Contains(err.Error(), "no room left where the backups are") {
		t.Errorf("a full disk: %v", err)
	}
	if list, err := h.Backups(ctx, h.session, to); err != nil || len(list) != 1 || list[0].Name != first.Name {
		t.Errorf("%+v, %v", list, err)
	}
	h.rehearse(to, RestoreOptions{})
	if err := syscall.Mount("", to.Folder, "tmpfs", syscall.MS_REMOUNT, "size=40m"); err != nil {
		t.Fatal(err)
	}
	h.backUp(to)
	h.rehearse(to, RestoreOptions{})

	// Wherever the disk that is restored to is full: nothing is left, or all is
	// there and has no room to be opened. With room the next try does it.
	disk := small(t, "1m")
	dir := filepath.Join(disk, "r")
	how := RestoreOptions{Keys: h.forget.dir}
	resize := func(size string) {
		t.Helper()
		if err := syscall.Mount("", disk, "tmpfs", syscall.MS_REMOUNT, "size="+size); err != nil {
			t.Fatal(err)
		}
	}
	opened := 0
	for _, size := range []string{"16k", "64k", "160k", "400k", "800k", "2m", "4m", "6100k", "6300k", "6500k", "6700k"} {
		resize(size)
		_, err := Restore(ctx, to, dir, Unlock{Passphrase: testPassphrase}, how, testOptions(h.clock))
		_, statErr := os.Stat(dir)
		switch left, globErr := filepath.Glob(filepath.Join(disk, "*")); {
		case !errors.Is(err, ledger.ErrFull):
			t.Errorf("restored to a disk of %s: %v", size, err)
		case statErr == nil: // whole, and the next try is to open it
			if !strings.Contains(err.Error(), "it is restored, all of it, in "+dir) {
				t.Errorf("a disk of %s: %v", size, err)
			}
			resize("100m")
			h.whole(dir)
			opened++
			for _, gone := range left {
				if err := os.RemoveAll(gone); err != nil {
					t.Fatal(err)
				}
			}
		case len(left) > 0 || globErr != nil:
			t.Errorf("a disk of %s: %v is left (%v)", size, left, globErr)
		case !strings.Contains(err.Error(), "in "+disk+", and the disk is full"):
			t.Errorf("a disk of %s: %v", size, err)
		}
	}
	if opened == 0 {
		t.Error("none was there without room to be opened: this test finds nothing")
	}
	resize("4m")
	how.Free = func(string) (int64, error) { return 4 << 20, nil }
	if _, err := Restore(ctx, to, dir, Unlock{Passphrase: testPassphrase}, how, testOptions(h.clock)); err == nil || !strings.Contains(err.Error(), "in "+disk+", where 5 MB are free") {
		t.Errorf("too small, as is known before: %v", err)
	}
	resize("100m")
	how.Free = func(string) (int64, error) { return 100 << 20, nil }
	if _, err := Restore(ctx, to, disk, Unlock{Passphrase: testPassphrase}, how, testOptions(h.clock)); err == nil || !strings.Contains(err.Error(), "a volume of its own") {
		t.Errorf("in the place of a disk: %v", err)
	}
	if v, err := Restore(ctx, to, dir, Unlock{Passphrase: testPassphrase}, how, testOptions(h.clock)); err != nil || !v.Sound() {
		t.Errorf("with room: %+v, %v", v, err)
	}
}

// TestUpgradeOnAFullDisk opens an older register on a disk with no room: it
// says so and loses nothing, and with room the same opening does it.
func TestUpgradeOnAFullDisk(t *testing.T) {
	for _, archive := range olderRegisters(t) {
		for _, room := range []int64{0, 4 << 10, 40 << 10, 120 << 10, 250 << 10} {
			disk := small(t, "6m")
			dir := registrytest.Unpack(t, archive, disk)
			var at syscall.Statfs_t
			if err := syscall.Statfs(disk, &at); err != nil {
				t.Fatal(err)
			}
			fill := int64(at.Bavail)*at.Bsize - room //nolint:gosec // a small disk
			if err := os.WriteFile(filepath.Join(disk, "full"), make([]byte, fill), 0o600); err != nil {
				t.Fatal(err)
			}
			reg, _, err := Open(context.Background(), dir, Unlock{Passphrase: testPassphrase}, olderOptions())
			if err == nil {
				err = reg.Close()
			}
			t.Logf("%s with %d bytes: %v", filepath.Base(archive), room, err)
			if room == 0 && err == nil {
				t.Error("it was upgraded without room: this test finds nothing")
			}
			if err := os.Remove(filepath.Join(disk, "full")); err != nil {
				t.Fatal(err)
			}
			if reg, _, err = Open(context.Background(), dir, Unlock{Passphrase: testPassphrase}, olderOptions()); err == nil {
				err = reg.Close() // it may have to make a half-made index anew, and says so once
			}
			if err != nil {
				t.Error(err)
			}
			sameAsThen(t, dir)
		}
	}
}
