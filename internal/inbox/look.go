// SPDX-License-Identifier: AGPL-3.0-or-later

package inbox

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Look is the store for who only looks at what is there: nothing is made,
// counted or set right, so that it may be asked again and again.
func Look(dir string) *Store { return &Store{dir: dir} }

// Doors are the reports that are there, in the order of their names.
func (s *Store) Doors() (doors []Door, err error) {
	folders, err := os.ReadDir(s.reports())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, f := range folders {
		var d Door
		raw, err := hex.DecodeString(f.Name())
		if err != nil || len(raw) != len(d) {
			continue // one that begins, or ends
		}
		copy(d[:], raw)
		doors = append(doors, d)
	}
	return doors, err
}

// Told tells whether what a report told first is there: it is not once its
// sender took it back.
func (s *Store) Told(d Door) bool {
	for _, path := range s.firsts(d) {
		if _, err := os.Lstat(path); err == nil {
			return true
		}
	}
	return false
}

// First reads what a report told first, sealed: ErrNone once its sender took it back.
func (s *Store) First(d Door) ([]byte, error) {
	for _, path := range s.firsts(d) {
		b, err := os.ReadFile(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return b, err
		}
	}
	return nil, ErrNone
}

func (s *Store) firsts(d Door) []string {
	return []string{filepath.Join(s.report(d), messageName(1, wayTold)), filepath.Join(s.report(d), messageName(1, wayBrought))}
}

// Outline is a report as the names in its folder tell, for lists: without its
// day, to whom answers are sealed, and how large anything is. Withdrawn says
// that it was, and not when.
func (s *Store) Outline(d Door) (Report, error) {
	files, err := os.ReadDir(s.report(d))
	if errors.Is(err, fs.ErrNotExist) {
		return Report{}, ErrNone
	}
	r := Report{Door: d}
	with := map[int][]File{}
	for _, f := range files {
		if f.Name() == withdrawn {
			r.Withdrawn = withdrawn
		}
		if n, u, ok := filesOf(f.Name()); ok {
			with[n] = append(with[n], File{Upload: u})
		}
		if m, ok := messageOf(f.Name()); ok {
			r.Messages = append(r.Messages, m)
		}
	}
	r.inOrder(with)
	return r, err
}
