// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// ErrGap says that entries between what a replica has and what came are missing.
var ErrGap = errors.New("entries between what is here and what came are missing: bring those first")

// ErrInconsistent says that entries do not lead from what a replica has to what
// was signed: they were altered on the way, or the signer has another history.
var ErrInconsistent = errors.New("what came does not lead from what is here to what was signed")

// ForkError says that whoever signs the checkpoints has signed two that no one
// history leads through. Both are the proof: keep them.
type ForkError struct {
	Ours, Theirs []byte // checkpoints, as they were signed
}

func (e *ForkError) Error() string {
	return "two histories of the ledger were signed: keep both checkpoints, take nothing more from this relay, and speak with the other organisations"
}

// Is makes errors.Is(err, ErrForked) true.
func (e *ForkError) Is(target error) bool { return target == ErrForked }

// Origin is the signed checkpoint of the ledger before its first entry: what a
// replica begins with.
func (l *Log) Origin() ([]byte, error) {
	if l.signer == nil {
		return nil, ErrReadOnly
	}
	head, err := l.sign(&tree{})
	return head.Checkpoint, err
}

// CreateReplica makes an empty replica of the ledger of an origin in an empty
// store. Options need Replica, Verifier and HeadFile.
func CreateReplica(ctx context.Context, store Store, origin []byte, o Options) (*Log, error) {
	if o.Signer != nil || !o.Replica || o.HeadFile == "" {
		return nil, errors.New("a replica needs who verifies its checkpoints, and a head file; it signs none")
	}
	first, err := ParseCheckpoint(origin, o.Verifier)
	if err != nil {
		return nil, err
	}
	if first.Size != 0 || first.Root != (&tree{}).root() {
		return nil, fmt.Errorf("what a replica begins with has %d entries: %w", first.Size, ErrFormat)
	}
	l, err := newLog(first.Ledger, store, o)
	if err != nil {
		return nil, err
	}
	if err := l.begin(ctx, first); err != nil {
		return nil, err
	}
	return l, nil
}

// Take adds the entries of a page to a replica: those from a position on, up
// to those that a checkpoint signs. It answers the state that the replica has
// then. What is there already is passed over; an older page changes nothing.
//
// It takes all or nothing: ErrAuthor and ErrFormat where the checkpoint is not
// of this ledger, ErrGap where entries are missing, ErrInconsistent where
// the entries are not those that were signed, *ForkError where what is here can't
// have become what was signed.
func (l *Log) Take(ctx context.Context, from uint64, entries [][]byte, keys []WrappedKey, checkpoint []byte) (Head, error) {
	if !l.replica {
		return l.Head(), ErrReadOnly
	}
	head, err := ParseCheckpoint(checkpoint, l.key)
	if err != nil {
		return l.Head(), err
	}
	if head.Ledger != l.id {
		return l.Head(), fmt.Errorf("a checkpoint of ledger %v can't be taken into ledger %v: %w", head.Ledger, l.id, ErrFormat)
	}
	if head.Checkpoint, err = bare(checkpoint, l); err != nil {
		return l.Head(), err
	}
	if err := checkKeys(keys); err != nil {
		return l.Head(), err
	}
	l.commit.Lock()
	defer l.commit.Unlock()
	if err := l.ready(ctx); err != nil {
		return l.Head(), err
	}
	now := l.Head()
	if head.Size <= now.Size {
		same, err := l.Had(ctx, head.Size, head.Root)
		if err == nil && !same {
			err = &ForkError{now.Checkpoint, head.Checkpoint}
		}
		return now, err
	}
	if from > now.Size || from+uint64(len(entries)) < head.Size {
		return now, fmt.Errorf("here are %d, entries %d to %d came, %d are signed: %w", now.Size, from, from+uint64(len(entries)), head.Size, ErrGap)
	}
	next := l.tree
	var rows []Row
	for i, sealed := range entries[now.Size-from : head.Size-from] {
		e, err := Decode(sealed)
		if err != nil {
			return now, err
		}
		if e.Header.Ledger != l.id {
			return now, fmt.Errorf("an entry of ledger %v can't be taken into ledger %v: %w", e.Header.Ledger, l.id, ErrFormat)
		}
		rows = append(rows, Row{Pos: now.Size + uint64(i), Stream: e.Header.Stream, Version: e.Header.Version, Sealed: sealed, Hashes: next.add(e.Hash())})
	}
	if next.root() != head.Root {
		return now, fmt.Errorf("entries %d to %d: %w", now.Size, head.Size, ErrInconsistent)
	}
	if err := l.reserve(ctx, rows, true); err != nil {
		clear(l.versions)
		return now, fmt.Errorf("%w: a stream with a gap was signed: %w", ErrAltered, err)
	}
	if keys, err = l.cover(keys); err != nil {
		return now, err
	}
	if err := l.store.Append(ctx, now.Size, rows, keys, head.Checkpoint); err != nil {
		clear(l.versions)
		if err := l.inDoubt(ctx, &attempt{next, head}, err); err != nil {
			return l.Head(), err
		}
		return l.Head(), l.broken
	}
	l.adopt(&attempt{next, head})
	return l.Head(), l.broken
}

// bare is a checkpoint with the signature of the ledger's signer and no other.
func bare(checkpoint []byte, l *Log) ([]byte, error) {
	verifier, err := CheckpointVerifier(l.id, l.key)
	if err != nil {
		return nil, err
	}
	n, err := note.Open(checkpoint, note.VerifierList(verifier))
	if err != nil {
		return nil, err
	}
	return note.Sign(&note.Note{Text: n.Text, Sigs: n.Sigs})
}
