// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
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

// signedText is what an author signs.
func signedText(header, body []byte) []byte {
	const opens = "kua/entry/v1\x00"
	b := append(make([]byte, 0, len(opens)+len(header)+len(body)), opens...)
	return append(append(b, header...), body...)
}

// identityHash stands for the identity part in the fact part. The salt in the
// identity part keeps those who hold only the fact key from guessing a name
// and trying it.
func identityHash(plain []byte) []byte {
	h := sha256.New()
	h.Write([]byte("kua/identity/v1\x00"))
	h.Write(plain)
	return h.Sum(nil)
}

// Seal makes an entry: signed by its author, each part under its key.
func Seal(ledger ID, author *seal.Identity, d Draft) (Entry, error) {
	return sealWith(new(seal.Parts), ledger, author, d)
}

func sealWith(parts *seal.Parts, ledger ID, author *seal.Identity, d Draft) (Entry, error) {
	c := d.Content
	if err := c.check(); err != nil {
		return Entry{}, err
	}
	if d.Version == 0 || d.Stream.IsZero() || ledger.IsZero() || (d.Version == 1) != c.Prev.IsZero() {
		return Entry{}, errors.New("an entry needs a ledger, a stream, a version from 1, and from version 2 on the hash of the one before")
	}
	h := Header{Ledger: ledger, Stream: d.Stream, Version: d.Version, FactEpoch: d.Keys.FactEpoch}
	id := author.ID()
	fact := factBody{Kind: c.Kind, Record: c.Record[:], Op: c.Op, Fields: c.Fact, Author: id[:], At: c.At.UnixMilli()}
	if !c.Prev.IsZero() {
		fact.Prev = c.Prev[:]
	}
	var identity []byte
	if len(c.Identity) > 0 || c.Reason != "" || c.Source != "" {
		salt := make([]byte, saltLen)
		rand.Read(salt)
		var err error
		if identity, err = encMode.Marshal(identityBody{salt, c.Identity, c.Reason, c.Source}); err != nil {
			return Entry{}, fmt.Errorf("encoding an entry: %w", err)
		}
		fact.Identity = identityHash(identity)
		h.IdentityEpoch, h.IdentityLen = d.Keys.IdentityEpoch, uint32(seal.PaddedLen(len(identity)))
	}
	body, err := encMode.Marshal(fact)
	if err != nil {
		return Entry{}, fmt.Errorf("encoding an entry: %w", err)
	}
	h.FactLen = uint32(seal.PaddedLen(ed25519.SignatureSize + len(body)))
	header := h.bytes()

	out := make([]byte, 0, headerLen+sealedLen(h.FactLen)+sealedLen(h.IdentityLen))
	out, err = parts.Seal(append(out, header...), d.Keys.Fact, seal.FactPart, header, append(author.Sign(signedText(header, body)), body...))
	if err == nil && identity != nil {
		out, err = parts.Seal(out, d.Keys.Identity, seal.IdentityPart, header, identity)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("sealing an entry: %w", err)
	}
	return Decode(out)
}

// check answers what of a content can't be written.
func (c Content) check() error {
	switch {
	case c.Kind == "" || c.Record.IsZero() || c.Op == 0:
		return errors.New("an entry needs a kind, a record and an operation")
	case c.At.Before(earliest) || c.At.After(latest):
		return errors.New("an entry needs the time at which it is made")
	case !utf8.ValidString(c.Kind) || !utf8.ValidString(c.Reason) || !utf8.ValidString(c.Source):
		return errors.New("an entry's texts must be UTF-8")
	}
	for _, fields := range []map[string][]string{c.Fact, c.Identity} {
		if len(fields) > maxItems {
			return fmt.Errorf("an entry has at most %d fields", maxItems)
		}
		for name, values := range fields {
			if len(values) > maxItems {
				return fmt.Errorf("field %q: at most %d values", name, maxItems)
			}
			if !utf8.ValidString(name) || slices.ContainsFunc(values, func(v string) bool { return !utf8.ValidString(v) }) {
				return fmt.Errorf("field %q: the text must be UTF-8", name)
			}
		}
	}
	return nil
}

// maxItems bounds fields and values, for the decoder's sake.
const maxItems = 1 << 16

// An entry's time lies in the years 1970 to 9999.
var (
	earliest = time.UnixMilli(0)
	latest   = time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)
)

// The CBOR of RFC 8949, core deterministic encoding; never nil for empty.
var encMode = must(func() (cbor.EncMode, error) {
	o := cbor.CoreDetEncOptions()
	o.NilContainers = cbor.NilContainerAsEmpty
	return o.EncMode()
}())

var decMode = must(cbor.DecOptions{
	DupMapKey:         cbor.DupMapKeyEnforcedAPF,
	IndefLength:       cbor.IndefLengthForbidden,
	TagsMd:            cbor.TagsForbidden,
	ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	UTF8:              cbor.UTF8RejectInvalid,
	MaxArrayElements:  maxItems,
	MaxMapPairs:       maxItems,
	MaxNestedLevels:   4,
}.DecMode())

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // a mistake in the options above
	}
	return v
}

// unmarshal reads CBOR and refuses any but the one encoding of what it reads,
// unless that was checked before.
func unmarshal[T any](b []byte, v *T, checked bool) error {
	if err := decMode.Unmarshal(b, v); err != nil || checked {
		return err
	}
	again, err := encMode.Marshal(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(b, again) {
		return errors.New("not in deterministic form")
	}
	return nil
}

// SealAll makes entries of drafts in their order, with all processors. Where
// a draft follows another one of the same stream, its Prev is filled in.
func SealAll(ledger ID, author *seal.Identity, drafts []Draft) ([]Entry, error) {
	var streams [][]int // places of the drafts of each stream: they must be made one after the other
	place := map[ID]int{}
	for i, d := range drafts {
		at, ok := place[d.Stream]
		if !ok {
			at = len(streams)
			place[d.Stream] = at
			streams = append(streams, nil)
		}
		streams[at] = append(streams[at], i)
	}
	entries := make([]Entry, len(drafts))
	return entries, parallel(len(streams), func(s int) error {
		before, parts := -1, new(seal.Parts)
		for _, i := range streams[s] {
			d := drafts[i]
			if before >= 0 && drafts[before].Version+1 == d.Version {
				d.Content.Prev = entries[before].Hash()
			}
			var err error
			if entries[i], err = sealWith(parts, ledger, author, d); err != nil {
				return err
			}
			before = i
		}
		return nil
	})
}

// parallel calls f with 0 to n-1, on all processors.
func parallel(n int, f func(int) error) error {
	var g errgroup.Group
	var next atomic.Int64
	for range min(n, runtime.GOMAXPROCS(0)) {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := f(i); err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
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
func (o Opener) Open(e Entry) (Content, error) { return o.open(new(seal.Parts), e, false) }

// open is Open; of an entry that was opened before, to the bit, neither
// signature nor form is checked a second time.
func (o Opener) open(parts *seal.Parts, e Entry, checked bool) (Content, error) {
	keys, err := o.Keys(e.Header)
	if err != nil {
		return Content{}, err
	}
	if keys.Fact.IsZero() {
		return Content{}, ErrNoKey
	}
	plain, err := parts.Open(keys.Fact, seal.FactPart, e.header(), e.fact())
	if err != nil {
		return Content{}, fmt.Errorf("the fact part: %w", err)
	}
	if len(plain) < ed25519.SignatureSize {
		return Content{}, fmt.Errorf("the fact part: %w", ErrFormat)
	}
	signature, body := plain[:ed25519.SignatureSize], plain[ed25519.SignatureSize:]
	var fact factBody
	if err := unmarshal(body, &fact, checked); err != nil {
		return Content{}, fmt.Errorf("the fact part (%w): %w", err, ErrFormat)
	}
	if len(fact.Record) != len(ID{}) || len(fact.Author) != len(ID{}) ||
		len(fact.Prev) != 0 && len(fact.Prev) != len(Hash{}) ||
		(fact.Prev == nil) != (e.Header.Version == 1) ||
		(fact.Identity == nil) != (e.Header.IdentityLen == 0) {
		return Content{}, fmt.Errorf("the fact part: %w", ErrFormat)
	}
	c := Content{
		Kind: fact.Kind, Record: ID(fact.Record), Op: fact.Op, Fact: fact.Fields,
		Author: ID(fact.Author), At: time.UnixMilli(fact.At).UTC(),
	}
	copy(c.Prev[:], fact.Prev)
	if !checked {
		key, ok := o.Author(c.Author)
		if !ok || len(key) != ed25519.PublicKeySize || ID(seal.IDOf(key)) != c.Author {
			return Content{}, fmt.Errorf("the author %v is not known: %w", c.Author, ErrAuthor)
		}
		if !ed25519.Verify(key, signedText(e.header(), body), signature) {
			return Content{}, ErrAuthor
		}
	}
	if e.Header.IdentityLen > 0 {
		if keys.Identity.IsZero() {
			c.IdentityMissing = true
		} else if err := c.openIdentity(parts, e, keys.Identity, fact.Identity, checked); err != nil {
			return Content{}, fmt.Errorf("the identity part: %w", err)
		}
	}
	if checked {
		return c, nil
	}
	if err := c.check(); err != nil {
		return Content{}, fmt.Errorf("%w: %w", err, ErrFormat)
	}
	return c, nil
}

func (c *Content) openIdentity(parts *seal.Parts, e Entry, key seal.Key, hash []byte, checked bool) error {
	plain, err := parts.Open(key, seal.IdentityPart, e.header(), e.identity())
	if err != nil {
		return err
	}
	if !checked && !bytes.Equal(identityHash(plain), hash) {
		return ErrAuthor
	}
	var identity identityBody
	if err := unmarshal(plain, &identity, checked); err != nil {
		return fmt.Errorf("%w: %w", err, ErrFormat)
	}
	if len(identity.Salt) != saltLen {
		return ErrFormat
	}
	c.Identity, c.Reason, c.Source = identity.Fields, identity.Reason, identity.Source
	return nil
}
