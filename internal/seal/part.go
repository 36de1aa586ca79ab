// SPDX-License-Identifier: AGPL-3.0-or-later

package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"math/bits"
)

const (
	// Overhead is what sealing adds to the padded plain text: a nonce of 12
	// bytes before it, a tag of 16 after it.
	Overhead = 12 + 16

	// minPadded is the least padded length. Most records of a case are shorter,
	// so that their length does not tell of what kind they are.
	minPadded = 512

	// MaxPlain is the greatest length of a part: what is longer is a file, not a record.
	MaxPlain = 16 << 20
)

// PaddedLen is the length to which n bytes of plain text are padded: one byte
// of marker, then Padmé, which hides all but the magnitude of a length and
// costs at most 12 %.
func PaddedLen(n int) int {
	n++ // the marker
	if n <= minPadded {
		return minPadded
	}
	e := bits.Len(uint(n)) - 1 // floor(log2 n)
	s := bits.Len(uint(e))     // floor(log2 e) + 1
	mask := 1<<(e-s) - 1
	return (n + mask) &^ mask
}

// Parts seals and opens parts of entries. It keeps the cipher it made last for
// each part: entries of one case follow each other, and to make a cipher takes
// longer than to seal what most of them say. One goroutine at a time; the zero
// value is ready.
type Parts struct {
	last [2]struct { // of facts, of identities
		part Part
		key  Key
		aead cipher.AEAD
	}
	padded []byte // what is sealed, while it is
}

// Seal seals one part of an entry under the key of its case. The header
// of the entry is bound to it: under another header it does not open.
// The result, PaddedLen(len(plain)) + Overhead bytes, is appended to dst.
func (p *Parts) Seal(dst []byte, key Key, part Part, header, plain []byte) ([]byte, error) {
	if len(plain) > MaxPlain {
		return nil, fmt.Errorf("the %v part has %d bytes, more than %d: attach what is longer as a file", part, len(plain), MaxPlain)
	}
	aead, err := p.cipher(key, part)
	if err != nil {
		return nil, err
	}
	size := PaddedLen(len(plain))
	if cap(p.padded) < size {
		p.padded = make([]byte, size, 2*size)
	}
	p.padded = p.padded[:size]
	clear(p.padded[copy(p.padded, plain):])
	p.padded[len(plain)] = 0x80
	return aead.Seal(dst, nil, p.padded, header), nil
}

// Open opens what Seal made, or answers ErrDamaged.
func (p *Parts) Open(key Key, part Part, header, sealed []byte) ([]byte, error) {
	aead, err := p.cipher(key, part)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, sealed, header)
	if err != nil {
		return nil, ErrDamaged
	}
	n := len(plain) - 1
	for n >= 0 && plain[n] == 0 {
		n--
	}
	if n < 0 || plain[n] != 0x80 || len(plain) != PaddedLen(n) {
		return nil, fmt.Errorf("the padding of the %v part: %w", part, ErrFormat)
	}
	return plain[:n], nil
}

func (p *Parts) cipher(key Key, part Part) (cipher.AEAD, error) {
	last := &p.last[int(part)%len(p.last)]
	if last.aead != nil && last.part == part && last.key == key {
		return last.aead, nil
	}
	aead, err := partCipher(key, part)
	if err == nil {
		last.part, last.key, last.aead = part, key, aead
	}
	return aead, err
}

func partCipher(key Key, part Part) (cipher.AEAD, error) {
	if key.IsZero() {
		return nil, fmt.Errorf("no key for the %v part", part)
	}
	derived, err := hkdf.Key(sha256.New, key[:], nil, "kua/entry/v1/"+part.String(), len(key))
	if err != nil {
		return nil, fmt.Errorf("deriving the key of the %v part: %w", part, err)
	}
	return gcm(derived)
}

// gcm is AES-256-GCM with a random nonce before the text.
func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
