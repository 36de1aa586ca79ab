// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// MaxEnvelope is the greatest length of an envelope and of a page, in bytes: an
// entry of the greatest length fits, with its keys.
const MaxEnvelope = ledger.MaxEntry + 8<<20

// ErrFormat says that bytes are not what this program hands between nodes.
var ErrFormat = errors.New("cut off, altered, or not of this program: have it sent again")

// Envelope is what a node hands in: the next entries of one stream. All but
// the entries and keys, which are sealed, can be read on the way.
type Envelope struct {
	Ledger  ledger.ID
	Node    ledger.ID // who hands it in
	Stream  ledger.ID
	Claims  []Claim // what it says about who owns the stream
	First   uint64  // version of the first entry
	Entries [][]byte
	Keys    []ledger.WrappedKey

	bytes []byte // signed
}

const envelopeFormat = 1

func signed(about string, b []byte) []byte {
	sum := sha256.Sum256(b)
	return append([]byte(about+"\n"), sum[:]...)
}

// Close signs the envelope in the name of a node. Where next is another node,
// that one owns the stream after the last entry.
func (e Envelope) Close(node *seal.Identity, next ledger.ID) Envelope {
	e.Node = node.ID()
	e.Claims = nil
	if e.First == 1 {
		e.Claims = append(e.Claims, newClaim(e.Ledger, e.Stream, 0, e.Node, node))
	}
	if next != e.Node && !next.IsZero() {
		e.Claims = append(e.Claims, newClaim(e.Ledger, e.Stream, e.Last(), next, node))
	}
	b := []byte{envelopeFormat}
	for _, id := range []ledger.ID{e.Ledger, e.Node, e.Stream} {
		b = append(b, id[:]...)
	}
	b = binary.BigEndian.AppendUint64(b, e.First)
	b = appendClaims(b, e.Claims)
	b = appendEntries(b, e.Entries)
	b = appendKeys(b, e.Keys)
	e.bytes = append(b, node.Sign(signed("kua/envelope/1", b))...)
	return e
}

// Bytes is the envelope as it was signed.
func (e Envelope) Bytes() []byte { return e.bytes }

// Last is the version of the last entry.
func (e Envelope) Last() uint64 { return e.First + uint64(len(e.Entries)) - 1 }

// OpenEnvelope reads an envelope. keyOf gives the public key of a node of the
// coalition: ErrStranger if it knows none.
func OpenEnvelope(b []byte, keyOf func(ledger.ID) (ed25519.PublicKey, bool)) (Envelope, error) {
	r := reader{b: b}
	if len(b) > MaxEnvelope || r.byte() != envelopeFormat {
		return Envelope{}, fmt.Errorf("the envelope: %w", ErrFormat)
	}
	e := Envelope{Ledger: r.id(), Node: r.id(), Stream: r.id(), First: r.uint64(), bytes: b}
	e.Claims = r.claims()
	e.Entries = r.entries()
	e.Keys = r.keys()
	body := b[:len(b)-len(r.b)]
	signature := r.take(ed25519.SignatureSize)
	if r.bad || len(r.b) > 0 || len(e.Entries) == 0 || e.First == 0 || e.First > 1<<62 || e.Stream.IsZero() {
		return Envelope{}, fmt.Errorf("the envelope: %w", ErrFormat)
	}
	key, ok := keyOf(e.Node)
	if !ok || ledger.ID(seal.IDOf(key)) != e.Node {
		return Envelope{}, fmt.Errorf("the envelope of node %v: %w", e.Node, ErrStranger)
	}
	if !ed25519.Verify(key, signed("kua/envelope/1", body), signature) {
		return Envelope{}, fmt.Errorf("the envelope is not signed by its node: %w", ErrFormat)
	}
	for i, sealed := range e.Entries {
		one, err := ledger.Decode(sealed)
		if err != nil {
			return Envelope{}, fmt.Errorf("the envelope: %w", err)
		}
		if one.Header.Ledger != e.Ledger || one.Header.Stream != e.Stream || one.Header.Version != e.First+uint64(i) {
			return Envelope{}, fmt.Errorf("the envelope holds an entry that it does not name: %w", ErrFormat)
		}
	}
	for _, c := range e.Claims {
		if c.Stream != e.Stream || c.By != e.Node || (c.After != 0 || e.First != 1) && c.After != e.Last() {
			return Envelope{}, fmt.Errorf("the envelope holds a claim of something else: %w", ErrFormat)
		}
	}
	for _, k := range e.Keys {
		if k.Stream != e.Stream {
			return Envelope{}, fmt.Errorf("the envelope holds a key of another stream: %w", ErrFormat)
		}
	}
	return e, nil
}

func appendEntries(b []byte, entries [][]byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(entries)))
	for _, e := range entries {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(e))), e...)
	}
	return b
}

func appendKeys(b []byte, keys []ledger.WrappedKey) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(keys)))
	for _, k := range keys {
		b = append(append(b, k.Stream[:]...), k.Part)
		b = append(binary.BigEndian.AppendUint32(b, k.Epoch), k.Holder[:]...)
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(k.Wrapped))), k.Wrapped...)
	}
	return b
}

// reader reads what was written by append; bad once something was missing.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n uint64) []byte {
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) id() (id ledger.ID) {
	copy(id[:], r.take(16))
	return id
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) chunk() []byte { return r.take(uint64(r.uint32())) }

func (r *reader) entries() (entries [][]byte) {
	for n := r.uint32(); n > 0 && !r.bad; n-- {
		entries = append(entries, r.chunk())
	}
	return entries
}

func (r *reader) keys() (keys []ledger.WrappedKey) {
	for n := r.uint32(); n > 0 && !r.bad; n-- {
		keys = append(keys, ledger.WrappedKey{Stream: r.id(), Part: r.byte(), Epoch: r.uint32(), Holder: r.id(), Wrapped: r.chunk()})
	}
	return keys
}
