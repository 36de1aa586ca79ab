// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/kua-registry/kua/internal/seal"
)

// ForgetBefore forgets the wrapped keys of a part of a stream, of all epochs
// before one, for every vault. It answers how many there were. An erasure: the
// entry that says so is sealed under the key of that epoch.
func (l *Log) ForgetBefore(ctx context.Context, stream ID, part seal.Part, epoch uint32) (int, error) {
	if stream.IsZero() || part == 0 {
		return 0, fmt.Errorf("to forget keys, say of which part of which stream")
	}
	n := 0
	var which []WrappedKey // not seldom the same epoch twice, for two vaults
	err := l.store.Keys(ctx, stream, func(w WrappedKey) error {
		if w.Part == uint8(part) && w.Epoch < epoch {
			which = append(which, WrappedKey{Stream: stream, Part: w.Part, Epoch: w.Epoch})
			n++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("reading the keys of stream %v: %w", stream, err)
	}
	if n == 0 {
		return 0, nil
	}
	return n, l.Forget(ctx, which...)
}

// Keys gives the wrapped keys of a stream. One that no forgetting key opens is
// given without its bytes.
func (l *Log) Keys(ctx context.Context, stream ID, fn func(WrappedKey) error) error {
	if stream.IsZero() {
		return errors.New("to read keys, say of which stream")
	}
	err := l.store.Keys(ctx, stream, func(w WrappedKey) error {
		bare, err := l.uncover(w)
		if err != nil {
			bare.Wrapped = nil
		}
		return fn(bare)
	})
	if err != nil {
		return fmt.Errorf("reading the keys of stream %v: %w", stream, err)
	}
	return nil
}

// Clear lets go of all keys that the keyring holds: they are read again.
func (k *Keyring) Clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.cases)
}

// Drop lets go of the keys of a stream that the keyring holds: they were
// forgotten, or new ones were granted.
func (k *Keyring) Drop(stream ID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.cases, stream)
}
