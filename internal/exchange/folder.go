// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// folder keeps files that are whole or not there, whenever the power goes.
type folder string

func (d folder) put(name string, b []byte) (err error) {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(string(d), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(string(d), name)); err != nil {
		return err
	}
	return d.sync()
}

// sync makes the names durable, where the system can.
func (d folder) sync() error {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, fs.ErrInvalid) || errors.Is(err, fs.ErrPermission) {
		err = nil
	}
	return errors.Join(err, f.Close())
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
