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
	_, err := os.Lstat(filepath.Join(s.report(d), messageName(1, false)))
	return err == nil
}
