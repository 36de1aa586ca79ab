// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kua-registry/kua/internal/wholefile"
)

// folder keeps files that are whole or not there, whenever the power goes.
type folder string

func (d folder) put(name string, b []byte) error {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return err
	}
	return wholefile.WriteBytes(filepath.Join(string(d), name), ".new-*", b)
}

// names are those of the files, in order.
func (d folder) names() (names []string, err error) {
	files, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), ".") {
			names = append(names, f.Name())
		}
	}
	return names, err
}

func (d folder) get(name string) ([]byte, error) { return os.ReadFile(filepath.Join(string(d), name)) }

func (d folder) drop(name string) error {
	err := os.Remove(filepath.Join(string(d), name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
