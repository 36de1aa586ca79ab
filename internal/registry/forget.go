// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kua-registry/kua/internal/seal"
)

// replaceIndexKey puts a new key of the index in the place of the old one,
// which is overwritten.
func (r *Registry) replaceIndexKey(key seal.Key) error {
	file := filepath.Join(keysDir, "index.key")
	sealed, err := seal.SealIndexKey(r.node, key)
	if err != nil {
		return err
	}
	return r.replaceKey(file, sealed)
}

// replaceKey puts a key file in the place of an old one, which is overwritten.
func (r *Registry) replaceKey(file string, b []byte) error {
	old, err := os.OpenFile(filepath.Join(r.dir, file), os.O_WRONLY, 0)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("a key file can't be written: %w", err)
	}
	err = r.writeKey(file, b)
	if old != nil {
		if err == nil {
			err = overwrite(old)
		}
		err = errors.Join(err, old.Close())
	}
	return err
}

// overwrite overwrites a file with noise. On a disk that writes elsewhere what
// is written again, a remainder can survive until the disk needs the place.
func overwrite(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	noise := make([]byte, info.Size())
	rand.Read(noise)
	if _, err := f.WriteAt(noise, 0); err != nil {
		return fmt.Errorf("an old key can't be overwritten: %w", err)
	}
	return f.Sync()
}
