// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// Outcome is what became of an envelope.
type Outcome uint8

// Outcomes. The numbers are in the format.
const (
	Kept     Outcome = 1 // it is in the ledger, now or from before
	Early    Outcome = 2 // entries before it are missing: send those first
	Conflict Outcome = 3 // the stream has another entry in its place
	NotOwner Outcome = 4 // another node owns the stream
	Unusable Outcome = 5 // not in a form that the relay takes, or of a stranger
)

// String says what is to be done.
func (o Outcome) String() string {
	switch o {
	case Kept:
		return "kept"
	case Early:
		return "entries before it are missing: they go first"
	case Conflict:
		return "somebody else wrote to the same record: read it and write again"
	case NotOwner:
		return ErrOwner.Error()
	default:
		return "the relay can't take it: see whether both programs are of the same version"
	}
}

// Relay orders the ledger of a coalition. It opens nothing.
type Relay struct {
	side
	id  *seal.Identity
	one sync.Mutex // one envelope at a time: its claims and its entries are of one mind

	parcels parcels
}

// NewRelay makes a relay of its open ledger, which id signs; store is the
// ledger's, and dir for files that are on their way. The keys are those of the
// nodes of the coalition.
func NewRelay(log *ledger.Log, store ledger.Store, id *seal.Identity, keys []ed25519.PublicKey, dir string) *Relay {
	return &Relay{side: side{log: log, store: store, nodes: nodesOf(keys), relay: id.Public().Signing()}, id: id, parcels: parcels{dir: folder(dir)}}
}

func nodesOf(keys []ed25519.PublicKey) nodes {
	n := nodes{}
	for _, key := range keys {
		n[seal.IDOf(key)] = key
	}
	return n
}

// Submit takes an envelope in, once, however often it comes. An error says that
// it is not known whether it was kept: send it again.
func (r *Relay) Submit(ctx context.Context, envelope []byte) (Outcome, error) {
	e, err := OpenEnvelope(envelope, r.nodes.key)
	if err != nil || e.Ledger != r.log.ID() {
		return Unusable, nil
	}
	r.one.Lock()
	defer r.one.Unlock()
	last, _, err := r.log.Last(ctx, e.Stream)
	if err != nil {
		return 0, err
	}
	switch {
	case e.First > last+1:
		return Early, nil
	case e.First <= last:
		same, err := r.holds(ctx, e)
		if err != nil {
			return 0, err
		}
		if !same {
			return Conflict, nil
		}
		return Kept, nil
	}
	had, err := r.claims(ctx, e.Stream)
	if err != nil {
		return 0, err
	}
	chain := extend(had, e.Claims)
	if r.nodes.check(r.log.ID(), e.Stream, chain) != nil {
		return NotOwner, nil
	}
	for version := e.First; version <= e.Last(); version++ {
		if ownerAt(chain, version) != e.Node {
			return NotOwner, nil
		}
	}
	// The claims first: a crash between the two is mended when it is sent again.
	if len(chain) > len(had) {
		if err := r.setClaims(ctx, e.Stream, chain); err != nil {
			return 0, fmt.Errorf("keeping who owns a stream: %w", err)
		}
	}
	// What is not kept goes first, what is comes with the entries at once: no page
	// that is read meanwhile has entries without their keys, whatever is cut off.
	if err := r.forgetOthers(ctx, e.Stream, e.Keys); err != nil {
		return 0, err
	}
	batch := ledger.Batch{Keys: e.Keys}
	for _, sealed := range e.Entries {
		batch.Entries = append(batch.Entries, ledger.Entry{Sealed: sealed}) // its header is read when it is appended
	}
	_, err = r.log.Append(ctx, batch)
	if errors.Is(err, ledger.ErrConflict) {
		return Conflict, nil
	}
	if err != nil {
		return 0, err
	}
	if _, err := r.tidy(ctx, e.Stream.String()); err != nil { // its files, where it was taken; the next exchange tries again
		return 0, err
	}
	return Kept, nil
}

// forgetOthers lets go of the keys of a stream that are not among those that it
// has from now on: what was taken back or erased is not kept here either.
func (s *side) forgetOthers(ctx context.Context, stream ledger.ID, keep []ledger.WrappedKey) error {
	type name struct {
		part   uint8
		epoch  uint32
		holder ledger.ID
	}
	stays := map[name]bool{}
	for _, k := range keep {
		if k.Stream == stream {
			stays[name{k.Part, k.Epoch, k.Holder}] = true
		}
	}
	var gone []ledger.WrappedKey
	err := s.log.Keys(ctx, stream, func(k ledger.WrappedKey) error {
		if !stays[name{k.Part, k.Epoch, k.Holder}] {
			gone = append(gone, ledger.WrappedKey{Stream: stream, Part: k.Part, Epoch: k.Epoch, Holder: k.Holder})
		}
		return nil
	})
	if err != nil || len(gone) == 0 {
		return err
	}
	return s.log.Forget(ctx, gone...)
}

// holds tells whether the ledger has the very entries of an envelope.
func (s *side) holds(ctx context.Context, e Envelope) (bool, error) {
	found := 0
	err := s.log.Stream(ctx, e.Stream, func(kept ledger.Entry) error {
		v := kept.Header.Version
		if v >= e.First && v <= e.Last() && kept.Hash() == ledger.LeafHash(e.Entries[v-e.First]) {
			found++
		}
		return nil
	})
	return found == len(e.Entries), err
}
