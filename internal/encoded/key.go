// SPDX-License-Identifier: AGPL-3.0-or-later

package encoded

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Key is the secret that the organisations of one comparison share. Whoever
// compares their files doesn't have it.
type Key struct{ secret [32]byte }

const (
	keyMark   = "kua-encode-1-" // before the groups of a key's text
	keySum    = 3               // bytes of its checksum
	keyGroups = 14              // of four letters
)

// ErrKey says that a text is not a key.
var ErrKey = errors.New("this is not a key of an encoded comparison: it is one line that begins with kua-encode-1- and has fourteen groups of four letters; 'kua encode --new-key' makes one")

// NewKey makes a key of 256 bits from random.
func NewKey(random io.Reader) (Key, error) {
	var k Key
	if _, err := io.ReadFull(random, k.secret[:]); err != nil {
		return Key{}, fmt.Errorf("there is no randomness for a key: %w", err)
	}
	return k, nil
}

// ParseKey reads a key's text. Upper and lower case are the same, and spaces
// and hyphens may stand where the copyist put them; a slip of the pen is found.
func ParseKey(text string) (Key, error) {
	squeeze := strings.NewReplacer(" ", "", "-", "", "\t", "", "\n", "", "\r", "", "\ufeff", "")
	letters, ok := strings.CutPrefix(strings.ToUpper(squeeze.Replace(text)), strings.ToUpper(strings.ReplaceAll(keyMark, "-", "")))
	if !ok || len(letters) != keyGroups*4 {
		return Key{}, ErrKey
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(letters)
	if err != nil {
		return Key{}, ErrKey
	}
	var k Key
	copy(k.secret[:], raw)
	if sum := sha256.Sum256(k.secret[:]); string(sum[:keySum]) != string(raw[len(k.secret):]) {
		return Key{}, errors.New("a letter of the key is wrong: its checksum does not agree; copy it once more")
	}
	return k, nil
}

// Text is the key as it is handed on: by a way of the organisations' own, never
// with an encoded file.
func (k Key) Text() string {
	sum := sha256.Sum256(k.secret[:])
	letters := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(append(k.secret[:], sum[:keySum]...)))
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(keyMark, "-"))
	for i := 0; i < len(letters); i += 4 {
		b.WriteString("-" + letters[i:i+4])
	}
	return b.String()
}

// String keeps a key out of logs.
func (k Key) String() string { return "a key" }

// GoString keeps a key out of logs.
func (k Key) GoString() string { return "encoded.Key" }

// derive makes a key for one purpose. Each part is preceded by its length, so
// that no two lists of parts read the same.
func (k Key) derive(parts ...string) [32]byte {
	return mac(k.secret[:], parts...)
}

func mac(key []byte, parts ...string) (out [32]byte) {
	m := hmac.New(sha256.New, key)
	writeParts(m, parts...)
	m.Sum(out[:0])
	return out
}

func writeParts(w io.Writer, parts ...string) {
	var n [4]byte
	for _, p := range parts {
		binary.BigEndian.PutUint32(n[:], uint32(len(p)))
		_, _ = w.Write(n[:]) // a hash takes all
		_, _ = io.WriteString(w, p)
	}
}

// scaled is a number under n out of 32 random bits. That favours some numbers by
// less than one part in a hundred thousand for the bounds used here.
func scaled(bits []byte, n int) int {
	return int(uint64(binary.BigEndian.Uint32(bits)) * uint64(n) >> 32)
}

// stream gives numbers below a bound, drawn from HMAC-SHA-256 in counter mode.
type stream struct {
	seed  [32]byte
	block [32]byte
	at    int
	count uint32
}

func newStream(seed [32]byte) *stream { return &stream{seed: seed, at: 32} }

// below is a number under n.
func (s *stream) below(n int) int {
	if s.at == len(s.block) {
		var c [4]byte
		binary.BigEndian.PutUint32(c[:], s.count)
		m := hmac.New(sha256.New, s.seed[:])
		m.Write(c[:])
		m.Sum(s.block[:0])
		s.at, s.count = 0, s.count+1
	}
	s.at += 4
	return scaled(s.block[s.at-4:], n)
}
