// SPDX-License-Identifier: AGPL-3.0-or-later

package public

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Write puts the files into a folder, all of them at once: who reads meets the
// old files or the new ones (for a moment none, where the system can't swap two
// folders). What was in the folder before is gone. Nothing is
// left half-written: the files are written beside the folder, and take its place.
func Write(dir string, files map[string][]byte) error {
	fail := func(err error) error {
		return fmt.Errorf("the public page can't be written to %s: %w; see to the disk, then 'kua public write'", dir, err)
	}
	next := dir + newMark + strconv.Itoa(os.Getpid())
	if err := os.RemoveAll(next); err != nil {
		return fail(err)
	}
	if err := os.Mkdir(next, 0o755); err != nil {
		return fail(err)
	}
	defer os.RemoveAll(next)
	tidy(dir, next)
	for name, text := range files {
		path := filepath.Join(next, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fail(err)
		}
		if err := writeFile(path, text); err != nil {
			return fail(err)
		}
	}
	if swap(next, dir) == nil {
		return nil // next is the old one now
	}
	old := next + ".old"
	defer os.RemoveAll(old)
	if err := os.Rename(dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	if err := os.Rename(next, dir); err != nil {
		return fail(err)
	}
	return nil
}

// newMark stands in the name of a folder that is to take the place of another.
const newMark = ".new-"

// leftAfter is how old such a folder is when whoever made it was ended.
const leftAfter = time.Hour

// tidy takes away what a program left that was ended while it wrote.
func tidy(dir, next string) {
	now, err := os.Stat(next)
	if err != nil {
		return
	}
	left, _ := filepath.Glob(dir + newMark + "*") // the pattern is well-formed, or nothing is found
	for _, path := range left {
		if info, err := os.Stat(path); err == nil && now.ModTime().Sub(info.ModTime()) > leftAfter {
			os.RemoveAll(path)
		}
	}
}

func writeFile(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// Remove takes the public page away.
func Remove(dir string) error {
	left, _ := filepath.Glob(dir + newMark + "*")
	for _, d := range append(left, dir) {
		if err := os.RemoveAll(d); err != nil {
			return fmt.Errorf("the public page can't be taken away: %w; delete the folder %s by hand", err, d)
		}
	}
	return nil
}
