// SPDX-License-Identifier: AGPL-3.0-or-later

package sqlitestore

import (
	"context"
	"errors"

	"github.com/kua-registry/kua/internal/ledger"
)

// Options say how a store is opened.
type Options struct {
	// Key encrypts the file; nil leaves it as it is, with the sealed entries
	// in the clear: their sizes, streams and order.
	Key *[32]byte
	// ReadOnly opens it for reading beside a process that writes.
	ReadOnly bool
	// Create makes the file; without it, the file must be there.
	Create bool
}

// Open opens the store at path.
func Open(ctx context.Context, path string, o Options) (ledger.Store, error) {
	return nil, errors.New("not yet")
}
