// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/kua-registry/kua/internal/seal"
)

// ID names a ledger, a stream, a record, an author or a vault: 128 random
// bits; an author's is made from their signing key (seal.IDOf).
type ID [16]byte

// NewID makes a random ID.
func NewID() ID {
	var id ID
	rand.Read(id[:]) // never fails: see crypto/rand
	return id
}

// ParseID reads 32 hexadecimal digits.
func ParseID(s string) (ID, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(ID{}) {
		return ID{}, errors.New("an id has 32 hexadecimal digits")
	}
	return ID(b), nil
}

func (id ID) String() string { return hex.EncodeToString(id[:]) }

// IsZero tells whether there is no id.
func (id ID) IsZero() bool { return id == ID{} }

// Hash is a hash of the Merkle tree (RFC 6962, SHA-256).
type Hash [32]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// IsZero tells whether there is no hash.
func (h Hash) IsZero() bool { return h == Hash{} }

// LeafHash is the hash of an entry in the tree.
func LeafHash(sealed []byte) Hash { return Hash(tlog.RecordHash(sealed)) }

// Header is what everyone sees of an entry.
type Header struct {
	Ledger  ID
	Stream  ID
	Version uint64 // 1 for the first entry of the stream, then without a gap

	FactEpoch, IdentityEpoch uint32 // which keys of the case
	FactLen, IdentityLen     uint32 // padded lengths; IdentityLen is 0 where there is no identity part
}

const (
	// Format is that of the entries this program writes, the first byte of each.
	Format    = 1
	headerLen = 1 + 16 + 16 + 8 + 4*4

	// MaxEntry is the greatest length of an entry.
	MaxEntry = headerLen + 2*(seal.MaxPlain+seal.MaxPlain/8+seal.Overhead)
)

// bytes gives the header as it stands in the entry.
func (h Header) bytes() []byte {
	b := make([]byte, 0, headerLen)
	b = append(b, Format)
	b = append(b, h.Ledger[:]...)
	b = append(b, h.Stream[:]...)
	b = binary.BigEndian.AppendUint64(b, h.Version)
	for _, n := range []uint32{h.FactEpoch, h.IdentityEpoch, h.FactLen, h.IdentityLen} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

// Entry is a sealed entry.
type Entry struct {
	Pos    uint64 // place in the ledger, from 0; meaningless before it was appended
	Header Header
	Sealed []byte // the whole entry: header, fact part, identity part
}

// Hash is the hash of the entry in the tree.
func (e Entry) Hash() Hash { return LeafHash(e.Sealed) }

// ErrFormat says that bytes are not an entry, a content or a checkpoint of this program.
var ErrFormat = errors.New("not in a form this program knows")

// Decode reads an entry. Sealed is kept, not copied.
func Decode(sealed []byte) (Entry, error) {
	bad := func(what string) (Entry, error) { return Entry{}, fmt.Errorf("%s: %w", what, ErrFormat) }
	if len(sealed) < headerLen {
		return bad("the entry is cut off")
	}
	if sealed[0] != Format {
		return bad(fmt.Sprintf("the entry is of format %d, this program knows %d", sealed[0], Format))
	}
	h := Header{Ledger: ID(sealed[1:]), Stream: ID(sealed[17:]), Version: binary.BigEndian.Uint64(sealed[33:])}
	for i, n := range []*uint32{&h.FactEpoch, &h.IdentityEpoch, &h.FactLen, &h.IdentityLen} {
		*n = binary.BigEndian.Uint32(sealed[41+4*i:])
	}
	if h.Version == 0 || h.FactEpoch == 0 || h.FactLen == 0 || (h.IdentityEpoch == 0) != (h.IdentityLen == 0) {
		return bad("the entry's header")
	}
	if uint64(len(sealed)) != uint64(headerLen)+sealedLen(h.FactLen)+sealedLen(h.IdentityLen) {
		return bad("the entry's length")
	}
	return Entry{Header: h, Sealed: sealed}, nil
}

// sealedLen is how many bytes a part of a padded length takes.
func sealedLen(padded uint32) uint64 {
	if padded == 0 {
		return 0
	}
	return uint64(padded) + seal.Overhead
}

func (e Entry) header() []byte { return e.Sealed[:headerLen] }
func (e Entry) fact() []byte {
	return e.Sealed[headerLen : headerLen+sealedLen(e.Header.FactLen)]
}
func (e Entry) identity() []byte {
	return e.Sealed[headerLen+sealedLen(e.Header.FactLen):]
}
