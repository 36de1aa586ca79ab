// SPDX-License-Identifier: AGPL-3.0-or-later

package wholefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Write puts a file at path, in the place of one that is there: what fill
// writes goes to a file of the same folder whose name is of pattern (as
// os.CreateTemp reads it), is synced and gets its name, which is synced too.
// Only its owner may read it. After an error the file before is as it was.
func Write(path, pattern string, fill func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), pattern)
	if err != nil {
		return err
	}
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return SyncDir(filepath.Dir(path))
}

// WriteBytes puts a file that holds b: see [Write].
func WriteBytes(path, pattern string, b []byte) error {
	return Write(path, pattern, func(f *os.File) error {
		_, err := f.Write(b)
		return err
	})
}

// SyncDir makes the names in a folder durable, where the system can.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, fs.ErrInvalid) || errors.Is(err, fs.ErrPermission) { // Windows syncs no folder
		err = nil
	}
	return errors.Join(err, d.Close())
}
