// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"time"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
	"golang.org/x/sync/errgroup"

	"github.com/kua-registry/kua/internal/seal"
)

// Op says what an entry does to its record. The numbers are in the format.
type Op uint8

// Operations.
const (
	Put      Op = 1 // the record is as this entry says
	Withdraw Op = 2 // the record was a mistake
)

func (op Op) String() string {
	switch op {
	case Put:
		return "put"
	case Withdraw:
		return "withdraw"
	}
	return fmt.Sprintf("operation %d", uint8(op))
}

// Content is what an entry says. Fact, kind, record, operation, author, time
// and previous entry are in its fact part; Identity, Reason and Source in its
// identity part.
type Content struct {
	Kind     string
	Record   ID
	Op       Op
	Fact     map[string][]string
	Identity map[string][]string
	Reason   string
	Source   string
	Author   ID        // set by Seal
	At       time.Time // UTC, to the millisecond: Seal cuts the rest off
	Prev     Hash      // leaf hash of the previous entry of the stream, as its author saw it; zero for the first

	// IdentityMissing is set by Open where there is an identity part whose
	// key is not at hand: never granted, or destroyed.
	IdentityMissing bool
}

// factBody is the fact part without the signature that stands before it.
type factBody struct {
	Kind     string              `cbor:"1,keyasint"`
	Record   []byte              `cbor:"2,keyasint"`
	Op       Op                  `cbor:"3,keyasint"`
	Fields   map[string][]string `cbor:"4,keyasint,omitempty"`
	Author   []byte              `cbor:"5,keyasint"`
	At       int64               `cbor:"6,keyasint"` // milliseconds since 1970
	Prev     []byte              `cbor:"7,keyasint,omitempty"`
	Identity []byte              `cbor:"8,keyasint,omitempty"` // hash of the identity part
}

// identityBody is the identity part.
type identityBody struct {
	Salt   []byte              `cbor:"1,keyasint"`
	Fields map[string][]string `cbor:"2,keyasint,omitempty"`
	Reason string              `cbor:"3,keyasint,omitempty"`
	Source string              `cbor:"4,keyasint,omitempty"`
}

const saltLen = 32

var (
	// ErrNoKey says that the fact key of the case is not at hand: never
	// granted, or destroyed.
	ErrNoKey = errors.New("no key at hand opens it")
	// ErrAuthor says that the author is unknown, or did not sign this.
	ErrAuthor = errors.New("not signed by its author")
)

// Draft is an entry to be made.
type Draft struct {
	Stream  ID
	Version uint64
	Keys    seal.CaseKeys
	Content Content
}

// Seal makes an entry: signed by its author, each part under its key.
func Seal(ledger ID, author *seal.Identity, d Draft) (Entry, error) {
	return Entry{}, errors.New("not yet")
}

var _ = []any{bytes.Clone, ed25519.Sign, rand.Read, sha256.Sum256, maps.Keys[map[int]int], runtime.NumCPU, utf8.Valid, cbor.Marshal, errgroup.Group{}}

// SealAll makes entries of drafts in their order, with all processors. Where
// a draft follows another one of the same stream, its Prev is filled in.
func SealAll(ledger ID, author *seal.Identity, drafts []Draft) ([]Entry, error) {
	return nil, errors.New("not yet")
}

// Opener opens entries.
type Opener struct {
	// Keys gives the keys of the epochs a header names; a zero key is one
	// not at hand. See Keyring.
	Keys func(Header) (seal.CaseKeys, error)
	// Author gives the public key of an author. It need not be trusted: it
	// must hash to the author's id.
	Author func(ID) (ed25519.PublicKey, bool)
}

// Open opens an entry and checks that its author signed it: ErrNoKey,
// ErrAuthor, seal.ErrDamaged or ErrFormat if not. Where only the identity key
// is missing it opens the rest.
func (o Opener) Open(e Entry) (Content, error) {
	return Content{}, errors.New("not yet")
}
