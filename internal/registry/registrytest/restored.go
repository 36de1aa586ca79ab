// SPDX-License-Identifier: AGPL-3.0-or-later

package registrytest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// ownFiles are the files of a register's folder that a backup does not bring back
// as they are, and why. made: it is made anew, and must be there.
var ownFiles = []struct {
	name *regexp.Regexp
	made bool
	why  string
}{
	{regexp.MustCompile(`^ledger\.db$`), true, "its entries, wrapped keys and values are in the backup; its bytes are under a key of their own"},
	{regexp.MustCompile(`^replica\.db$`), true, "as ledger.db, of the coalition's ledger"},
	{regexp.MustCompile(`^index\.db$`), true, "made anew from the ledger"},
	{regexp.MustCompile(`^drafts\.db$`), true, "the drafts are in the backup"},
	{regexp.MustCompile(`^once\.db$`), false, "what programs asked to be done once, for a day"},
	{regexp.MustCompile(`^[a-z]+\.db-(wal|shm)$`), false, "of a database that is open"},
	{regexp.MustCompile(`\.lock$`), false, "of a program that runs"},
	{regexp.MustCompile(`^keys/(ledger|replica|index|drafts)\.key$`), true, "made anew, with the database whose key it is"},
	{regexp.MustCompile(`^keys/once\.key$`), false, "goes with once.db"},
	{regexp.MustCompile(`^(head|replica\.head)$`), true, "made of the checkpoint in the backup"},
	{regexp.MustCompile(`^rights$`), true, "made anew from the ledger"},
	{regexp.MustCompile(`^store$`), false, "where the ledger was: it is in the folder again"},
	{regexp.MustCompile(`^backups$`), false, "it says which backup was made last: the backup has what it said before"},
	{regexp.MustCompile(`^inbox/shown/`), false, "copies that somebody looked at; who looks again makes them anew"},
}

// Restored holds the folder of a register against the folder of what was restored
// of it: every file is there with its bytes, or is one of which it is known why not.
func Restored(t testing.TB, from, to string) {
	t.Helper()
	same := 0
	err := filepath.WalkDir(from, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, err := filepath.Rel(from, at)
		if err != nil {
			return err
		}
		file = filepath.ToSlash(file)
		was, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		is, err := os.ReadFile(filepath.Join(to, filepath.FromSlash(file)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		there := err == nil
		listed, made := own(file)
		switch {
		case there && bytes.Equal(was, is):
			same++
		case !listed:
			t.Errorf("%s is not restored as it was (there: %v): a backup must have it, or the list of this test must say why not", file, there)
		case made && !there:
			t.Errorf("%s was not made anew", file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if same < 5 {
		t.Fatalf("only %d files are the same: this test finds nothing", same)
	}
}

// own tells whether a file is one that a backup does not bring back as it is, and
// whether it is made anew.
func own(file string) (listed, made bool) {
	for _, own := range ownFiles {
		if own.name.MatchString(file) {
			return true, own.made
		}
	}
	return false, false
}
