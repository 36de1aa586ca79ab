// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// cosigner verifies and makes cosignatures of one node as C2SP
// tlog-cosignature, "cosignature/v1", has them. It implements note.Verifier.
type cosigner struct {
	name string
	key  ed25519.PublicKey
	hash uint32
}

const cosignatureV1 = 4

func cosignerOf(key ed25519.PublicKey) cosigner {
	id := ledger.ID(seal.IDOf(key))
	c := cosigner{name: "kua/node/" + id.String(), key: key}
	sum := sha256.Sum256(append([]byte(c.name+"\n"+string(rune(cosignatureV1))), key...))
	c.hash = binary.BigEndian.Uint32(sum[:])
	return c
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }

func (c cosigner) Verify(message, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(signature)
	return ed25519.Verify(c.key, cosigned(at, message), signature[8:])
}

func cosigned(at uint64, message []byte) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, message)
}

// cosigning signs at a time. It implements note.Signer.
type cosigning struct {
	cosigner
	id *seal.Identity
	at time.Time
}

func (c cosigning) Sign(message []byte) ([]byte, error) {
	at := uint64(c.at.Unix())
	return append(binary.BigEndian.AppendUint64(nil, at), c.id.Sign(cosigned(at, message))...), nil
}

// cosign adds a node's signature to a checkpoint.
func cosign(checkpoint []byte, relay ed25519.PublicKey, id *seal.Identity, at time.Time) ([]byte, error) {
	n, err := openNote(checkpoint, relay, nil)
	if err != nil {
		return nil, err
	}
	n.UnverifiedSigs = nil
	return note.Sign(n, cosigning{cosignerOf(id.Public().Signing()), id, at})
}

func openNote(checkpoint []byte, relay, by ed25519.PublicKey) (*note.Note, error) {
	head, err := ledger.ParseCheckpoint(checkpoint, relay)
	if err != nil {
		return nil, err
	}
	verifier, err := ledger.CheckpointVerifier(head.Ledger, relay)
	if err != nil {
		return nil, err
	}
	verifiers := []note.Verifier{verifier}
	if by != nil {
		verifiers = append(verifiers, cosignerOf(by))
	}
	return note.Open(checkpoint, note.VerifierList(verifiers...))
}

// errCosign says that a note has no cosignature of a node of the coalition.
var errCosign = errors.New("the checkpoint is not signed by a node of this coalition")

// openCosigned reads a checkpoint that the relay and one node have signed.
func (n nodes) openCosigned(checkpoint []byte, relay ed25519.PublicKey) (ledger.Head, ledger.ID, time.Time, error) {
	head, err := ledger.ParseCheckpoint(checkpoint, relay)
	if err != nil {
		return ledger.Head{}, ledger.ID{}, time.Time{}, err
	}
	for id, key := range n {
		signed, err := openNote(checkpoint, relay, key)
		if err != nil {
			continue
		}
		for _, s := range signed.Sigs {
			if s.Name == cosignerOf(key).name {
				at, err := cosignedAt(s)
				return head, id, at, err
			}
		}
	}
	return ledger.Head{}, ledger.ID{}, time.Time{}, errCosign
}

func cosignedAt(s note.Signature) (time.Time, error) {
	b, err := base64.StdEncoding.DecodeString(s.Base64)
	if err != nil || len(b) < 12 {
		return time.Time{}, ErrFormat
	}
	return time.Unix(int64(binary.BigEndian.Uint64(b[4:])), 0).UTC(), nil
}

func noteName(node ledger.ID) string { return "exchange/cosigned/" + node.String() }

// keepNote keeps the newest checkpoint that each node has cosigned.
func (s *side) keepNote(ctx context.Context, relay ed25519.PublicKey, checkpoint []byte) error {
	head, by, _, err := s.nodes.openCosigned(checkpoint, relay)
	if err != nil {
		return err
	}
	old, err := s.store.Meta(ctx, noteName(by))
	if err != nil {
		return err
	}
	if old != nil {
		if was, err := ledger.ParseCheckpoint(old, relay); err == nil && was.Size >= head.Size {
			return nil
		}
	}
	return s.store.SetMeta(ctx, noteName(by), checkpoint)
}

// Notes are the newest checkpoints that the nodes have cosigned.
func (s *side) Notes(ctx context.Context) (notes [][]byte, err error) {
	for id := range s.nodes {
		b, err := s.store.Meta(ctx, noteName(id))
		if err != nil {
			return nil, err
		}
		if b != nil {
			notes = append(notes, b)
		}
	}
	return notes, nil
}

// Cosigned takes in a checkpoint that a node has cosigned. One that the relay
// has signed, but that is not of its history, is kept and handed on all the
// same: the nodes see the fork by it.
func (r *Relay) Cosigned(ctx context.Context, checkpoint []byte) error {
	return r.keepNote(ctx, r.id.Public().Signing(), checkpoint)
}
