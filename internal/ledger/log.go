// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/kua-registry/kua/internal/seal"
)

// Options say how a ledger is opened.
type Options struct {
	// Signer signs the checkpoints; nil opens for reading only.
	Signer *seal.Identity
	// Verifier checks the checkpoints; not needed where there is a Signer.
	Verifier ed25519.PublicKey
	// HeadFile is where the newest checkpoint is kept outside the store.
	HeadFile string
	// TrustStore goes on from the store where the head file is missing or
	// newer than the store: only after a restore from a backup.
	TrustStore bool
}

// Head is a state of the ledger.
type Head struct {
	Ledger     ID
	Size       uint64 // entries
	Root       Hash
	Checkpoint []byte // signed; nil for a ledger without entries
}

// Batch is what is appended together or not at all.
type Batch struct {
	Entries []Entry
	Keys    []WrappedKey
}

// ConflictError says that a stream already has the version that was to be
// appended, or not yet the one before: read it again, then try again.
type ConflictError struct {
	Stream    ID
	Last, Got uint64
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("stream %v is at version %d, version %d can't be added: somebody else wrote to it; read it again and try again", e.Stream, e.Last, e.Got)
}

// Is makes errors.Is(err, ErrConflict) true.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

var (
	// ErrConflict is what every ConflictError is.
	ErrConflict = errors.New("somebody else wrote to the same stream")
	// ErrUnknown says that an append failed and it can't be told whether it
	// was persisted: read the stream again before you try again.
	ErrUnknown = errors.New("it is not known whether the write was kept: read again before you try again")
	// ErrRolledBack says that the store is older than a checkpoint seen before.
	ErrRolledBack = errors.New("the ledger is older than it was: an old database was put back")
	// ErrReadOnly says that the ledger was opened for reading only.
	ErrReadOnly = errors.New("the ledger is open for reading only")
)

// Log is an open ledger.
type Log struct{}

// Create makes a new ledger in an empty store.
func Create(ctx context.Context, store Store, o Options) (*Log, error) {
	return nil, errors.New("not yet")
}

// Open opens the ledger of a store, after it has checked that the store's
// head is what was signed and not older than the head file's.
func Open(ctx context.Context, store Store, o Options) (*Log, error) {
	return nil, errors.New("not yet")
}

// ID is the ledger's id.
func (l *Log) ID() ID { return ID{} }

// Head is the state of the ledger; what follows from it is on the disk.
func (l *Log) Head() Head { return Head{} }

// Append adds a batch and answers the position of its first entry once all of
// it is on the disk. Its entries stand one after the other.
// The context counts until the batch is queued; then it is too late.
func (l *Log) Append(ctx context.Context, b Batch) (first uint64, err error) {
	return 0, errors.New("not yet")
}

// Scan gives the entries of positions from ≤ pos < to, in order. An entry is
// fn's to keep.
func (l *Log) Scan(ctx context.Context, from, to uint64, fn func(Entry) error) error {
	return errors.New("not yet")
}

// ScanOpen is Scan with each entry opened, by all processors; err is what Opener.Open answered.
func (l *Log) ScanOpen(ctx context.Context, from, to uint64, o Opener, fn func(e Entry, c Content, err error) error) error {
	return errors.New("not yet")
}

// Stream gives the entries of a stream in their order.
func (l *Log) Stream(ctx context.Context, stream ID, fn func(Entry) error) error {
	return errors.New("not yet")
}

// Last gives the last version of a stream and its leaf hash: version 0 if
// there is none.
func (l *Log) Last(ctx context.Context, stream ID) (version uint64, leaf Hash, err error) {
	return 0, Hash{}, errors.New("not yet")
}

// AddKeys adds wrapped keys to streams that exist: a grant, a re-wrapping.
func (l *Log) AddKeys(ctx context.Context, keys []WrappedKey) error { return errors.New("not yet") }

// Forget removes the wrapped keys of a stream that match which, where zero
// matches everything.
func (l *Log) Forget(ctx context.Context, which WrappedKey) error { return errors.New("not yet") }

// Close closes the log and its store.
func (l *Log) Close() error { return nil }

// Keyring gives the keys of cases that its vaults can unwrap.
type Keyring struct{}

// Keyring makes a keyring of the ledger's wrapped keys and the vaults.
func (l *Log) Keyring(vaults ...*seal.Vault) *Keyring { return nil }

// Keys gives the keys that a header names: for Opener.Keys.
func (k *Keyring) Keys(h Header) (seal.CaseKeys, error) {
	return seal.CaseKeys{}, errors.New("not yet")
}

// Current gives the newest keys of a stream, for writing: ErrNoKey if there are none.
func (k *Keyring) Current(ctx context.Context, stream ID) (seal.CaseKeys, error) {
	return seal.CaseKeys{}, errors.New("not yet")
}

// WrapCaseKeys wraps both keys of a case for a vault, for Batch.Keys.
func WrapCaseKeys(v *seal.Vault, stream ID, keys seal.CaseKeys) ([]WrappedKey, error) {
	return nil, errors.New("not yet")
}

// Report is what Verify found.
type Report struct {
	Head    Head
	Entries uint64 // looked at
	Opened  uint64 // of them opened, with their author's signature checked
	Streams int
	Keys    int
	Fault   *Fault // the first fault; nil: none
}

// Fault is what is wrong, and where.
type Fault struct {
	Pos   uint64
	AtPos bool // whether Pos is known
	What  string
}

// Verify checks the whole ledger. With an opener it opens every entry too,
// and checks the signatures of the authors. The error says that it could not
// look; what it found is in the report. progress may be nil.
func (l *Log) Verify(ctx context.Context, o *Opener, progress func(done, of uint64)) (Report, error) {
	return Report{}, errors.New("not yet")
}
