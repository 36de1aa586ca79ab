// SPDX-License-Identifier: AGPL-3.0-or-later

package linkcsv

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/kua-registry/kua/internal/linkage"
)

// scratch is a private folder for what does not fit into memory. A file in it is
// sealed (AES-256 in counter mode) with a key that only this process has; where
// the system allows it, it has no name any more as soon as it is open, so that
// it vanishes with the process however that ends.
type scratch struct {
	dir   string
	files []*os.File
}

func newScratch() (*scratch, error) {
	dir, err := os.MkdirTemp("", "kua-link-")
	if err != nil {
		return nil, fmt.Errorf("no folder for what does not fit into memory: %w", err)
	}
	return &scratch{dir: dir}, nil
}

func (s *scratch) close() error {
	var all []error
	for _, f := range s.files {
		all = append(all, f.Close())
	}
	return errors.Join(errors.Join(all...), os.RemoveAll(s.dir))
}

func (s *scratch) open() (linkage.Scratch, error) {
	f, err := os.CreateTemp(s.dir, "run-")
	if err != nil {
		return nil, err
	}
	s.files = append(s.files, f)
	os.Remove(f.Name()) // some systems don't: then it goes with the folder
	var key [32]byte
	if _, err := rand.Read(key[:]); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return &sealedFile{f: f, block: block}, nil
}

// sealedFile is a file whose bytes are sealed one by one, so that it can be read at any place.
type sealedFile struct {
	f     *os.File
	block cipher.Block
	end   int64
	buf   []byte
}

func (s *sealedFile) Write(p []byte) (int, error) {
	s.buf = append(s.buf[:0], p...)
	s.turn(s.buf, s.end)
	n, err := s.f.Write(s.buf)
	s.end += int64(n)
	return n, err
}

func (s *sealedFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := s.f.ReadAt(p, at)
	s.turn(p[:n], at)
	if errors.Is(err, io.EOF) && n == len(p) {
		err = nil
	}
	return n, err
}

// turn seals or opens bytes that stand at a place of the file.
func (s *sealedFile) turn(p []byte, at int64) {
	var counter [aes.BlockSize]byte
	binary.BigEndian.PutUint64(counter[8:], uint64(at/aes.BlockSize)) //nolint:gosec // a place in a file
	stream := cipher.NewCTR(s.block, counter[:])
	if skip := at % aes.BlockSize; skip > 0 {
		var before [aes.BlockSize]byte
		stream.XORKeyStream(before[:skip], before[:skip])
	}
	stream.XORKeyStream(p, p)
}
