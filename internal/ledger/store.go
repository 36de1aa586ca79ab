// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"context"
	"errors"
)

// Store keeps bytes it can't read. Its methods may be called concurrently.
//
// Whatever Append, Forget or Rewrap answers but nil leaves open whether it was
// persisted: the caller reads Head again and decides. Only ErrSize, ErrVersion,
// ErrTurned and ErrNothing are certain: nothing was. Head never answers before a write in
// doubt has ended, one way or the other.
type Store interface {
	// Meta gives a value kept under a name, nil if there is none.
	Meta(ctx context.Context, name string) ([]byte, error)
	// SetMeta keeps a value under a name.
	SetMeta(ctx context.Context, name string, value []byte) error

	// Head gives the number of entries and the checkpoint kept with the last
	// one; 0 and nil where there are no entries.
	Head(ctx context.Context) (size uint64, checkpoint []byte, err error)
	// Append adds rows from position size on, with the wrapped keys and the
	// checkpoint that stand for them, all or nothing, and durably: what it
	// acknowledges survives the loss of power. ErrSize where there are more or
	// fewer than size entries, ErrVersion where a stream already has one of the
	// versions; ErrFull where the disk is full; ErrTurned where a key lies Under
	// another forgetting key than MetaForgetting names, if others write to the
	// store, too. Rows bring the checkpoints of commits that were made one by one
	// elsewhere.
	Append(ctx context.Context, size uint64, rows []Row, keys []WrappedKey, checkpoint []byte) error
	// Scan gives the rows of positions from ≤ pos < to, in order, until fn
	// answers an error. A row and its bytes are valid only during the call.
	Scan(ctx context.Context, from, to uint64, fn func(Row) error) error
	// Stream gives the rows of a stream in the order of versions.
	Stream(ctx context.Context, stream ID, fn func(Row) error) error
	// Last gives the last version of a stream and its leaf hash; 0 if there is none.
	Last(ctx context.Context, stream ID) (version uint64, leaf Hash, err error)

	// Keys gives the wrapped keys of a stream, of all streams if it is zero.
	Keys(ctx context.Context, stream ID, fn func(WrappedKey) error) error
	// Moment gives the wrapped keys of all streams in the order of streams, and
	// the rest of what the store holds at the very same moment, but for the rows:
	// those never change, and Scan gives them afterwards.
	Moment(ctx context.Context, fn func(WrappedKey) error) (Moment, error)
	// AddKeys adds wrapped keys; one that is there is replaced. ErrTurned as in Append.
	AddKeys(ctx context.Context, keys []WrappedKey) error
	// Forget removes the wrapped keys that match one of which, at once, and
	// overwrites their place. Zero fields match everything, but Stream must be set.
	Forget(ctx context.Context, which ...WrappedKey) error
	// Rewrap puts what wrap answers in the place of each wrapped key, and keeps
	// a value under a name: all or nothing, and nothing is left of what was
	// there. A key and its bytes are valid only during the call of wrap.
	Rewrap(ctx context.Context, wrap func(WrappedKey) ([]byte, error), name string, value []byte) error

	// Check verifies what the store keeps beside the rows: indexes, pages.
	Check(ctx context.Context) error
	Close() error
}

// Row is an entry in a Store.
type Row struct {
	Pos     uint64
	Stream  ID
	Version uint64
	Sealed  []byte
	// Hashes are the hashes that the entry adds to the tree: its leaf, then
	// the roots of the perfect subtrees that it completes, from the smallest.
	Hashes []byte
	// Checkpoint is set on the last entry of each commit.
	Checkpoint []byte
}

// WrappedKey is a key of a case as wrapped for a vault. Not in the tree: a
// Store can forget it.
type WrappedKey struct {
	Stream  ID
	Part    uint8 // seal.Part
	Epoch   uint32
	Holder  ID // the vault
	Wrapped []byte
	// Under is the forgetting key it lies under, on its way into a store: the
	// bytes of its id. Empty: it is not asked.
	Under string
}

// Moment is what a Store holds at one moment.
type Moment struct {
	Size       uint64            // entries
	Checkpoint []byte            // kept with the last of them
	Meta       map[string][]byte // values kept under names
}

var (
	// ErrSize says that the store has more or fewer entries than was thought:
	// somebody else wrote to it.
	ErrSize = errors.New("the ledger's store has another size than expected: another program wrote to it")
	// ErrTurned says that the wrapped keys of the store lie under another
	// forgetting key than was thought: another node has turned it.
	ErrTurned = errors.New("the wrapped keys lie under another forgetting key by now")
	// ErrVersion says that the store has an entry of that stream and version.
	ErrVersion = errors.New("the stream has that version already")
	// ErrNothing says that a write failed and certainly left nothing behind.
	ErrNothing = errors.New("nothing was written")
	// ErrNoAnswer says that the store is in a database that can't be reached just now.
	ErrNoAnswer = errors.New("its database does not answer")
	// ErrBusy says that another node has had its turn for long: nothing was written.
	ErrBusy = errors.New("another machine of the register has been writing for some time, as for a large import: wait until it is done, then try again")
	// ErrFull says that the disk is full.
	ErrFull = errors.New("the disk is full: make room and try again; nothing was lost")
	// ErrDamaged says that the store can't be read as what it was written as.
	ErrDamaged = errors.New("it is damaged; restore it from a backup")
	// ErrLocked says that another process writes to the ledger.
	ErrLocked = errors.New("another process has the ledger open for writing: stop it first, or use it")
	// ErrNewer says that a newer program wrote the store.
	ErrNewer = errors.New("written by a newer version of this program: install that version; nothing was changed")
)
