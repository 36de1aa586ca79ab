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
	epochs := map[uint32]bool{}
	err := l.Keys(ctx, stream, func(w WrappedKey) error {
		if w.Part == uint8(part) && w.Epoch < epoch {
			epochs[w.Epoch] = true
			n++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for e := range epochs {
		if err := l.Forget(ctx, WrappedKey{Stream: stream, Part: uint8(part), Epoch: e}); err != nil {
			return n, err
		}
	}
	return n, nil
}

// Keys gives the wrapped keys of a stream.
func (l *Log) Keys(ctx context.Context, stream ID, fn func(WrappedKey) error) error {
	if stream.IsZero() {
		return errors.New("to read keys, say of which stream")
	}
	if err := l.store.Keys(ctx, stream, fn); err != nil {
		return fmt.Errorf("reading the keys of stream %v: %w", stream, err)
	}
	return nil
}

// Drop lets go of the keys of a stream that the keyring holds: they were
// forgotten, or new ones were granted.
func (k *Keyring) Drop(stream ID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.cases, stream)
}
