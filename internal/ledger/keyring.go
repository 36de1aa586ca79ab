// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/kua-registry/kua/internal/seal"
)

// cachedCases bounds how many cases' keys a Keyring keeps unwrapped.
const cachedCases = 1 << 15

// Keyring gives the keys of cases that its vaults can unwrap. It may be used
// concurrently. It keeps keys in memory: make a new one when the session ends
// and when keys were granted or forgotten.
type Keyring struct {
	log    *Log
	vaults map[ID]*seal.Vault

	mu    sync.Mutex
	cases map[ID]unwrapped
}

// keyName is which key of a case.
type keyName struct {
	part  seal.Part
	epoch uint32
}

type unwrapped map[keyName]seal.Key

// Keyring makes a keyring of the ledger's wrapped keys and the vaults.
func (l *Log) Keyring(vaults ...*seal.Vault) *Keyring {
	k := &Keyring{log: l, vaults: map[ID]*seal.Vault{}, cases: map[ID]unwrapped{}}
	for _, v := range vaults {
		k.vaults[v.ID()] = v
	}
	return k
}

// Keys gives the keys that a header names: for Opener.Keys.
func (k *Keyring) Keys(h Header) (seal.CaseKeys, error) {
	fact, identity := keyName{seal.FactPart, h.FactEpoch}, keyName{seal.IdentityPart, h.IdentityEpoch}
	k.mu.Lock()
	found := k.cases[h.Stream]
	_, hasFact := found[fact]
	_, hasIdentity := found[identity]
	k.mu.Unlock()
	if !hasFact || !hasIdentity && h.IdentityLen > 0 {
		var err error
		if found, err = k.load(context.Background(), h.Stream, fact, identity); err != nil {
			return seal.CaseKeys{}, err
		}
	}
	return seal.CaseKeys{Fact: found[fact], FactEpoch: h.FactEpoch, Identity: found[identity], IdentityEpoch: h.IdentityEpoch}, nil
}

// Current gives the newest keys of a stream, for writing: ErrNoKey if there
// is no fact key. Without an identity key it is zero.
func (k *Keyring) Current(ctx context.Context, stream ID) (seal.CaseKeys, error) {
	all, err := k.load(ctx, stream)
	if err != nil {
		return seal.CaseKeys{}, err
	}
	var keys seal.CaseKeys
	for name, key := range all {
		switch {
		case key.IsZero():
		case name.part == seal.FactPart && name.epoch > keys.FactEpoch:
			keys.Fact, keys.FactEpoch = key, name.epoch
		case name.part == seal.IdentityPart && name.epoch > keys.IdentityEpoch:
			keys.Identity, keys.IdentityEpoch = key, name.epoch
		}
	}
	if keys.Fact.IsZero() {
		return seal.CaseKeys{}, fmt.Errorf("stream %v: %w", stream, ErrNoKey)
	}
	return keys, nil
}

// HeldKey is one key of a case.
type HeldKey struct {
	Part  seal.Part
	Epoch uint32
	Key   seal.Key
}

// All gives every key of a stream that the vaults can unwrap, the oldest first:
// what there is to be handed over.
func (k *Keyring) All(ctx context.Context, stream ID) ([]HeldKey, error) {
	all, err := k.load(ctx, stream)
	if err != nil {
		return nil, err
	}
	var keys []HeldKey
	for name, key := range all {
		if !key.IsZero() {
			keys = append(keys, HeldKey{name.part, name.epoch, key})
		}
	}
	slices.SortFunc(keys, func(a, b HeldKey) int { return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Part, b.Part)) })
	return keys, nil
}

// load reads the keys of a stream from the store and keeps them, with the
// wanted ones that are not there as zero keys. A map that is kept is never changed.
func (k *Keyring) load(ctx context.Context, stream ID, wanted ...keyName) (unwrapped, error) {
	found := unwrapped{}
	var damaged error
	err := k.log.store.Keys(ctx, stream, func(w WrappedKey) error {
		name := keyName{seal.Part(w.Part), w.Epoch}
		if _, has := found[name]; has || k.vaults[w.Holder] == nil {
			return nil
		}
		w, err := k.log.uncover(w)
		if errors.Is(err, ErrForgetKey) {
			return err // not erased: never to be taken for it
		}
		var key seal.Key
		if err == nil {
			key, err = w.unwrap(k.vaults[w.Holder])
		}
		if err != nil {
			damaged = err
			return nil // another vault may have it too
		}
		found[name] = key
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the keys of stream %v: %w", stream, err)
	}
	if len(found) == 0 && damaged != nil {
		return nil, damaged
	}
	for _, name := range wanted {
		if _, has := found[name]; !has {
			found[name] = seal.Key{}
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.cases) >= cachedCases {
		clear(k.cases)
	}
	k.cases[stream] = found
	return found, nil
}

func (w WrappedKey) unwrap(v *seal.Vault) (seal.Key, error) {
	key, err := v.UnwrapCaseKey(w.Stream, seal.Part(w.Part), w.Epoch, w.Wrapped)
	if err != nil {
		return seal.Key{}, fmt.Errorf("the wrapped %v key of stream %v: %w", seal.Part(w.Part), w.Stream, err)
	}
	return key, nil
}

// WrapCaseKeys wraps the keys of a case for a vault, for Batch.Keys.
func WrapCaseKeys(v *seal.Vault, stream ID, keys seal.CaseKeys) ([]WrappedKey, error) {
	var wrapped []WrappedKey
	for _, k := range []struct {
		part  seal.Part
		epoch uint32
		key   seal.Key
	}{{seal.FactPart, keys.FactEpoch, keys.Fact}, {seal.IdentityPart, keys.IdentityEpoch, keys.Identity}} {
		if k.key.IsZero() {
			continue
		}
		b, err := v.WrapCaseKey(stream, k.part, k.epoch, k.key)
		if err != nil {
			return nil, err
		}
		wrapped = append(wrapped, WrappedKey{Stream: stream, Part: uint8(k.part), Epoch: k.epoch, Holder: v.ID(), Wrapped: b})
	}
	return wrapped, nil
}
