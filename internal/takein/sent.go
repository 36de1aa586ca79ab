// SPDX-License-Identifier: AGPL-3.0-or-later

package takein

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
)

// ErrSent says that a file that was sent can't be kept: it has no name, or that of another.
var ErrSent = errors.New("each file needs a name of its own")

// Sent are files that were sent, in memory: a folder for readers, and nothing of
// it on the disk.
type Sent struct {
	packed bytes.Buffer
	zip    *zip.Writer
	names  map[string]bool
}

// Add adds a file and answers its name in the folder.
func (s *Sent) Add(name string, content io.Reader) (string, error) {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if s.zip == nil {
		s.zip, s.names = zip.NewWriter(&s.packed), map[string]bool{}
	}
	if name == "/" || !fs.ValidPath(name) || name == "." || s.names[name] {
		return "", ErrSent
	}
	s.names[name] = true
	w, err := s.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	if err != nil {
		return "", err
	}
	_, err = io.Copy(w, content)
	return name, err
}

// Folder is the folder with all that was added. Nothing can be added to it any more.
func (s *Sent) Folder() (fs.FS, error) {
	if s.zip == nil {
		return nil, ErrSent
	}
	if err := s.zip.Close(); err != nil {
		return nil, err
	}
	return zip.NewReader(bytes.NewReader(s.packed.Bytes()), int64(s.packed.Len()))
}

// Size is how many bytes it takes in memory.
func (s *Sent) Size() int { return s.packed.Len() }

// Digest is the SHA-256 of all that was added, their names, and the mapping.
func (s *Sent) Digest(mapping []byte) string {
	h := sha256.New()
	h.Write(s.packed.Bytes())
	h.Write(mapping)
	return hex.EncodeToString(h.Sum(nil))
}
