// SPDX-License-Identifier: AGPL-3.0-or-later

package wholefile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestWholeOrAsItWas(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "name")
	put := func(text string, fails error) error {
		return Write(path, ".new-*", func(f *os.File) error {
			_, err := f.WriteString(text)
			return errors.Join(err, fails)
		})
	}
	if err := put("first", nil); err != nil {
		t.Fatal(err)
	}
	no := errors.New("no")
	if err := put("sec", no); !errors.Is(err, no) {
		t.Errorf("an error is not told: %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "first" {
		t.Errorf("after an error: %q, %v", b, err)
	}
	if err := put("second", nil); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("%d files are left (%v)", len(files), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others may read it: %v %v", info.Mode(), err)
	}
}
