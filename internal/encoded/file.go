// SPDX-License-Identifier: AGPL-3.0-or-later

package encoded

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// File is a list of filters as it is handed to whoever compares: nobody's name,
// in an order that tells nothing. It must not be published, and is deleted when
// the comparison is over.
type File struct {
	Schema [32]byte // the hash of the schema
	Check  [16]byte // the same for files of one key and one schema
	Length int      // bits of a filter
	Rows   int
	bits   []uint64 // row by row; bit i of a filter is bit i%64 of its word i/64
}

// The format, see docs/spec/encoded.md.
const (
	magic      = "kua encoded 1\n\x00\x00"
	headerSize = len(magic) + 32 + 16 + 4 + 4
	maxRows    = 1 << 26
)

// Filter is the filter of a row, counted from 0. It is not to be changed.
func (f *File) Filter(row int) []uint64 {
	w := f.Length / 64
	return f.bits[row*w : (row+1)*w : (row+1)*w]
}

// NewFile makes a file of the filters of an organisation's rows, shuffled, and
// says which of the rows each row of the file is: file row i is rows[order[i]].
// Rows without a filter are left out.
func NewFile(key Key, schema Schema, rows [][]uint64, random io.Reader) (*File, []int, error) {
	if err := schema.check(); err != nil {
		return nil, nil, err
	}
	if len(rows) > maxRows {
		return nil, nil, fmt.Errorf("more than %d rows", maxRows)
	}
	var order []int
	for i, filter := range rows {
		if filter != nil {
			order = append(order, i)
		}
	}
	var seed [32]byte
	if _, err := io.ReadFull(random, seed[:]); err != nil {
		return nil, nil, fmt.Errorf("there is no randomness to shuffle the rows: %w", err)
	}
	s := newStream(seed)
	for i := len(order) - 1; i > 0; i-- {
		j := s.below(i + 1)
		order[i], order[j] = order[j], order[i]
	}
	f := &File{Schema: schema.Hash(), Check: Check(key, schema), Length: schema.Length, Rows: len(order)}
	for _, at := range order {
		if len(rows[at]) != f.Length/64 {
			return nil, nil, fmt.Errorf("a filter has %d bits, and the schema asks for %d", len(rows[at])*64, f.Length)
		}
		f.bits = append(f.bits, rows[at]...)
	}
	return f, order, nil
}

// Write writes a file.
func (f *File) Write(w io.Writer) error {
	hash := sha256.New()
	out := bufio.NewWriter(io.MultiWriter(w, hash))
	head := append([]byte(magic), f.Schema[:]...)
	head = append(head, f.Check[:]...)
	head = binary.BigEndian.AppendUint32(head, uint32(f.Length))
	head = binary.BigEndian.AppendUint32(head, uint32(f.Rows))
	if _, err := out.Write(head); err != nil {
		return err
	}
	var word [8]byte
	for _, x := range f.bits {
		binary.LittleEndian.PutUint64(word[:], x)
		if _, err := out.Write(word[:]); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := w.Write(hash.Sum(nil))
	return err
}

// ErrNotEncoded says that a file is none of these.
var ErrNotEncoded = errors.New("this is not an encoded file of 'kua encode', or one of another version")

// ReadFile reads a file, whole or not at all.
func ReadFile(r io.Reader) (*File, error) {
	hash := sha256.New()
	in := io.TeeReader(r, hash)
	head := make([]byte, headerSize)
	if _, err := io.ReadFull(in, head); err != nil || string(head[:len(magic)]) != magic {
		return nil, ErrNotEncoded
	}
	rest := head[len(magic):]
	f := &File{Schema: [32]byte(rest[:32]), Check: [16]byte(rest[32:48])}
	length, rows := binary.BigEndian.Uint32(rest[48:]), binary.BigEndian.Uint32(rest[52:])
	if length < minLength || length > maxLength || length%64 != 0 || rows > maxRows {
		return nil, ErrNotEncoded
	}
	f.Length, f.Rows = int(length), int(rows)
	words := f.Length / 64 * f.Rows
	buf := make([]byte, 1<<16)
	for len(f.bits) < words { // as it comes in: a header can promise more than there is
		part := buf[:min(len(buf), (words-len(f.bits))*8)]
		if _, err := io.ReadFull(in, part); err != nil {
			return nil, errors.New("the encoded file is cut off: it has fewer rows than its head says; have it sent again")
		}
		for i := 0; i < len(part); i += 8 {
			f.bits = append(f.bits, binary.LittleEndian.Uint64(part[i:]))
		}
	}
	want := hash.Sum(nil)
	got := make([]byte, len(want)+1)
	if n, _ := io.ReadFull(r, got); n != len(want) || !bytes.Equal(got[:n], want) {
		return nil, errors.New("the encoded file was changed on its way or is not whole: its checksum is wrong; have it sent again")
	}
	return f, nil
}

// Comparable says why two files can't be compared; nil: they can.
func Comparable(a, b *File) error {
	switch {
	case a.Schema != b.Schema || a.Length != b.Length:
		return errors.New("they were made by different schemas, or for different rounds: all take the same schema file")
	case a.Check != b.Check:
		return errors.New("they were made with different keys: all take the same key")
	}
	return nil
}
