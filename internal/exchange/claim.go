// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

var (
	// ErrStranger says that a node is not one of the coalition.
	ErrStranger = errors.New("that node is not of this coalition: see whether its key was changed")
	// ErrOwner says that another node owns the stream.
	ErrOwner = errors.New("another organisation keeps this record now: ask it to write, or to hand the record over")
	// ErrClaims says that two chains of ownership of one stream were signed.
	ErrClaims = errors.New("a record was handed to two organisations at once: keep both, and agree who keeps it")
)

// A Claim says who owns a stream after a version, in the words of who owned it
// before. The first one of a stream is after version 0, by the owner itself.
// A chain of claims is in the clear: the relay goes by it and everyone checks it.
type Claim struct {
	Stream ledger.ID
	After  uint64
	Owner  ledger.ID
	By     ledger.ID
	sig    [ed25519.SignatureSize]byte
}

func newClaim(of, stream ledger.ID, after uint64, owner ledger.ID, by *seal.Identity) Claim {
	c := Claim{Stream: stream, After: after, Owner: owner, By: by.ID()}
	copy(c.sig[:], by.Sign(c.message(of)))
	return c
}

func (c Claim) message(of ledger.ID) []byte {
	return signed("kua/claim/1", append(of[:], c.fields()...))
}

func (c Claim) fields() []byte {
	b := binary.BigEndian.AppendUint64(append([]byte(nil), c.Stream[:]...), c.After)
	return append(append(b, c.Owner[:]...), c.By[:]...)
}

// nodes are the keys of the nodes of a coalition.
type nodes map[ledger.ID]ed25519.PublicKey

func (n nodes) key(id ledger.ID) (ed25519.PublicKey, bool) {
	key, ok := n[id]
	return key, ok
}

// check checks a chain of claims of a stream.
func (n nodes) check(of, stream ledger.ID, chain []Claim) error {
	for i, c := range chain {
		key, ok := n[c.By]
		switch {
		case !ok:
			return fmt.Errorf("who claims a stream: %w", ErrStranger)
		case n[c.Owner] == nil:
			return fmt.Errorf("who is to own a stream: %w", ErrStranger)
		case c.Stream != stream, i == 0 && (c.After != 0 || c.Owner != c.By), i > 0 && (c.By != chain[i-1].Owner || c.After <= chain[i-1].After):
			return fmt.Errorf("who owns a stream: %w", ErrOwner)
		case !ed25519.Verify(key, c.message(of), c.sig[:]):
			return fmt.Errorf("who owns a stream: %w", ErrFormat)
		}
	}
	return nil
}

// ownerAt is who may write a version of a stream.
func ownerAt(chain []Claim, version uint64) (owner ledger.ID) {
	for _, c := range chain {
		if c.After < version {
			owner = c.Owner
		}
	}
	return owner
}

// extend puts claims behind a chain; those that it has are passed over.
func extend(chain, more []Claim) []Claim {
	chain = slices.Clone(chain)
	for _, c := range more {
		if !slices.Contains(chain, c) {
			chain = append(chain, c)
		}
	}
	return chain
}

func appendClaims(b []byte, claims []Claim) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(claims)))
	for _, c := range claims {
		b = append(append(b, c.fields()...), c.sig[:]...)
	}
	return b
}

func (r *reader) claims() (claims []Claim) {
	for n := r.uint32(); n > 0 && !r.bad; n-- {
		c := Claim{Stream: r.id(), After: r.uint64(), Owner: r.id(), By: r.id()}
		copy(c.sig[:], r.take(ed25519.SignatureSize))
		claims = append(claims, c)
	}
	return claims
}

// side is what the relay and the nodes have in common: a ledger with the
// claims on its streams, of which they hand out pages.
type side struct {
	log   *ledger.Log
	store ledger.Store // for the claims beside the ledger
	nodes nodes
	relay ed25519.PublicKey
}

func claimName(stream ledger.ID) string { return "exchange/claim/" + stream.String() }

func (s *side) claims(ctx context.Context, stream ledger.ID) ([]Claim, error) {
	b, err := s.store.Meta(ctx, claimName(stream))
	if err != nil || b == nil {
		return nil, err
	}
	r := reader{b: b}
	claims := r.claims()
	if r.bad || len(r.b) > 0 {
		return nil, fmt.Errorf("who owns a stream: %w", ledger.ErrDamaged)
	}
	return claims, nil
}

func (s *side) setClaims(ctx context.Context, stream ledger.ID, claims []Claim) error {
	return s.store.SetMeta(ctx, claimName(stream), appendClaims(nil, claims))
}

// Owner is the node that owns a stream now; zero for a stream that nobody has
// written to.
func (s *side) Owner(ctx context.Context, stream ledger.ID) (ledger.ID, error) {
	claims, err := s.claims(ctx, stream)
	return ownerAt(claims, 1<<63), err
}

// Owners are the nodes that have ever owned a stream, the first one first.
func (s *side) Owners(ctx context.Context, stream ledger.ID) (owners []ledger.ID, err error) {
	claims, err := s.claims(ctx, stream)
	for _, c := range claims {
		owners = append(owners, c.Owner)
	}
	return owners, err
}

// OwnerAt is the node that may write a version of a stream; zero for none.
func (s *side) OwnerAt(ctx context.Context, stream ledger.ID, version uint64) (ledger.ID, error) {
	claims, err := s.claims(ctx, stream)
	return ownerAt(claims, version), err
}

// pageFull is when no further commit is put into a page, in bytes.
const pageFull = 4 << 20

// page is a piece of the ledger, up to a checkpoint.
type page struct {
	Ledger     ledger.ID
	From       uint64
	Checkpoint []byte
	Claims     []Claim
	Entries    [][]byte
	Keys       []ledger.WrappedKey
}

const pageFormat = 1

func (p page) bytes() []byte {
	b := append([]byte{pageFormat}, p.Ledger[:]...)
	b = binary.BigEndian.AppendUint64(b, p.From)
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(p.Checkpoint))), p.Checkpoint...)
	return appendKeys(appendEntries(appendClaims(b, p.Claims), p.Entries), p.Keys)
}

func openPage(b []byte) (page, error) {
	r := reader{b: b}
	format := r.byte()
	p := page{Ledger: r.id(), From: r.uint64(), Checkpoint: r.chunk(), Claims: r.claims(), Entries: r.entries(), Keys: r.keys()}
	if format != pageFormat || r.bad || len(r.b) > 0 || p.From > 1<<62 {
		return page{}, fmt.Errorf("the page: %w", ErrFormat)
	}
	return p, nil
}

// Page gives the entries from a position on, up to a checkpoint: as bytes for
// Node.TakePage. There are none where there is nothing new.
func (s *side) Page(ctx context.Context, from uint64) ([]byte, error) {
	head := s.log.Head()
	p := page{Ledger: s.log.ID(), From: from, Checkpoint: head.Checkpoint}
	if from >= head.Size {
		p.From = head.Size
		return p.bytes(), nil
	}
	size := 0
	var streams []ledger.ID
	var signedTo int
	full := errors.New("full")
	err := s.log.ScanSigned(ctx, from, head.Size, func(e ledger.Entry, checkpoint []byte) error {
		p.Entries = append(p.Entries, e.Sealed)
		streams = append(streams, e.Header.Stream)
		size += len(e.Sealed)
		if checkpoint != nil {
			p.Checkpoint, signedTo = checkpoint, len(p.Entries)
			if size > pageFull {
				return full
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, full) {
		return nil, err
	}
	p.Entries, streams = p.Entries[:signedTo], streams[:signedTo]
	seen := map[ledger.ID]bool{}
	for _, stream := range streams {
		if seen[stream] {
			continue
		}
		seen[stream] = true
		claims, err := s.claims(ctx, stream)
		if err != nil {
			return nil, err
		}
		p.Claims = append(p.Claims, claims...)
		err = s.log.Keys(ctx, stream, func(k ledger.WrappedKey) error {
			if len(k.Wrapped) > 0 {
				p.Keys = append(p.Keys, ledger.WrappedKey{Stream: k.Stream, Part: k.Part, Epoch: k.Epoch, Holder: k.Holder, Wrapped: slices.Clone(k.Wrapped)})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return p.bytes(), nil
}
