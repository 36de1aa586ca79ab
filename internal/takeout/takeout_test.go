// SPDX-License-Identifier: AGPL-3.0-or-later

package takeout

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"filippo.io/age"

	"github.com/kua-registry/kua/internal/archive"
	"github.com/kua-registry/kua/internal/foreign/systems"
	"github.com/kua-registry/kua/internal/registry"
)

// TestWriteSeals: what is written opens with the key alone, and what broke off
// does not open as a whole file.
func TestWriteSeals(t *testing.T) {
	key, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	const planted = "somebody’s name"
	var fails error
	fetched := registry.ExportFetch{Act: registry.ExportAct{Format: registry.ArchiveFormat, Key: key.Recipient().String()}}
	fetched.Archive = func(w io.Writer, program string) (archive.Manifest, error) {
		_, err := io.WriteString(w, planted+program)
		return archive.Manifest{}, errors.Join(err, fails)
	}
	write := func() ([]byte, error) {
		var b bytes.Buffer
		_, err := Write(&b, fetched, With{Program: " by kua"})
		return b.Bytes(), err
	}
	opened := func(sealed []byte) (string, error) {
		r, err := age.Decrypt(bytes.NewReader(sealed), key)
		if err != nil {
			return "", err
		}
		text, err := io.ReadAll(r)
		return string(text), err
	}
	sealed, err := write()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := opened(sealed); err != nil || text != planted+" by kua" || bytes.Contains(sealed, []byte(planted)) {
		t.Errorf("%q, %v", text, err)
	}
	fails = io.ErrUnexpectedEOF
	if sealed, err = write(); !errors.Is(err, fails) {
		t.Errorf("broken off: %v", err)
	}
	if text, err := opened(sealed); err == nil {
		t.Errorf("what broke off opens as a whole file: %q", text)
	}
	fetched.Act.Key = "age1nobody"
	if sealed, err := write(); err == nil || len(sealed) > 0 {
		t.Errorf("without a key %d bytes come: %v", len(sealed), err)
	}
}

// TestFormats: the own format first, then those that are written, and no other.
func TestFormats(t *testing.T) {
	if Formats()[0] != registry.ArchiveFormat || Known("") {
		t.Errorf("%q", Formats())
	}
	for _, f := range systems.All() {
		if Known(f.Name) != (f.Write != nil) {
			t.Errorf("%s", f.Name)
		}
	}
}
