// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// metaCopying says that a store holds an unfinished copy of the ledger it names.
const metaCopying = "copying"

// copied is about how many entries a copy writes at a time.
const copied = 4096

var (
	// ErrCopy says that a copy is not what it was made of.
	ErrCopy = errors.New("the copy is not the same as the ledger")
	// ErrUnfinished says that a store holds a copy that was begun and not finished.
	ErrUnfinished = errors.New("it holds an unfinished copy of a ledger")
)

// CopyTo copies the ledger to an empty store and compares every entry and every
// wrapped key with what is there then. Nothing is appended meanwhile. The copy
// can't be opened before it was found the same. Until Settle it is known as one
// that may be thrown away.
func (l *Log) CopyTo(ctx context.Context, to Store, step func(done, of uint64)) error {
	l.commit.Lock()
	defer l.commit.Unlock()
	if err := l.ready(ctx); err != nil {
		return err
	}
	if size, _, err := to.Head(ctx); err != nil {
		return err
	} else if size > 0 {
		return ErrExists
	}
	if err := to.SetMeta(ctx, metaCopying, l.id[:]); err != nil {
		return err
	}
	head := l.Head()
	if err := copyRows(ctx, l.store, to, head.Size, step); err != nil {
		return err
	}
	if err := copyKeys(ctx, l.store, to); err != nil {
		return err
	}
	under, err := l.store.Meta(ctx, MetaForgetting)
	if err == nil && under != nil {
		err = to.SetMeta(ctx, MetaForgetting, under)
	}
	if err == nil {
		err = sameStores(ctx, l.store, to, head)
	}
	if err != nil {
		return err
	}
	return to.SetMeta(ctx, metaLedger, l.id[:])
}

// Settle says that the copy in a store is in use from now on: it is not taken
// for one that may be thrown away any more.
func Settle(ctx context.Context, copy Store) error { return copy.SetMeta(ctx, metaCopying, []byte{}) }

// Holds tells which ledger a store holds: the zero ID where it holds none,
// ErrUnfinished with the ID of one of which it holds a copy that nobody uses.
func Holds(ctx context.Context, store Store) (ID, error) {
	copying, err := store.Meta(ctx, metaCopying)
	if err == nil && len(copying) == len(ID{}) {
		return ID(copying), ErrUnfinished
	}
	var meta []byte
	if err == nil {
		meta, err = store.Meta(ctx, metaLedger)
	}
	if err != nil || len(meta) != len(ID{}) {
		return ID{}, err
	}
	return ID(meta), nil
}

// copyRows copies the entries, and with each commit its checkpoint.
func copyRows(ctx context.Context, from, to Store, size uint64, step func(done, of uint64)) error {
	var rows []Row
	done := uint64(0)
	err := from.Scan(ctx, 0, size, func(r Row) error {
		r.Sealed, r.Hashes, r.Checkpoint = bytes.Clone(r.Sealed), bytes.Clone(r.Hashes), bytes.Clone(r.Checkpoint)
		rows = append(rows, r)
		if len(rows) < copied && r.Pos+1 < size || len(r.Checkpoint) == 0 {
			return nil
		}
		if err := to.Append(ctx, done, rows, nil, r.Checkpoint); err != nil {
			return err
		}
		done += uint64(len(rows))
		rows = rows[:0]
		if step != nil {
			step(done, size)
		}
		return nil
	})
	if err == nil && done != size {
		err = fmt.Errorf("%w: it has %d entries, of which %d could be copied", ErrAltered, size, done)
	}
	return err
}

func copyKeys(ctx context.Context, from, to Store) error {
	var keys []WrappedKey
	write := func() error {
		err := to.AddKeys(ctx, keys)
		keys = keys[:0]
		return err
	}
	err := from.Keys(ctx, ID{}, func(k WrappedKey) error {
		k.Wrapped = bytes.Clone(k.Wrapped)
		if keys = append(keys, k); len(keys) < copied {
			return nil
		}
		return write()
	})
	if err == nil && len(keys) > 0 {
		err = write()
	}
	return err
}

// sameStores compares what two stores hold.
func sameStores(ctx context.Context, a, b Store, head Head) error {
	for _, s := range []Store{a, b} {
		switch size, checkpoint, err := s.Head(ctx); {
		case err != nil:
			return err
		case size != head.Size || size > 0 && !bytes.Equal(checkpoint, head.Checkpoint):
			return fmt.Errorf("%w: its head is another", ErrCopy)
		}
	}
	for from := uint64(0); from < head.Size; from += copied {
		to := min(from+copied, head.Size)
		var want []Hash
		err := a.Scan(ctx, from, to, func(r Row) error {
			want = append(want, rowSum(r))
			return nil
		})
		if err != nil {
			return err
		}
		next := from
		err = b.Scan(ctx, from, to, func(r Row) error {
			if r.Pos != next || next-from >= uint64(len(want)) || rowSum(r) != want[next-from] {
				return fmt.Errorf("%w: entry %d", ErrCopy, next)
			}
			next++
			return nil
		})
		if err == nil && next != to {
			err = fmt.Errorf("%w: entry %d", ErrCopy, next)
		}
		if err != nil {
			return err
		}
	}
	was, err := keySum(ctx, a)
	if err != nil {
		return err
	}
	is, err := keySum(ctx, b)
	if err == nil && is != was {
		err = fmt.Errorf("%w: its wrapped keys are others", ErrCopy)
	}
	return err
}

// rowSum is a hash of all that a row holds.
func rowSum(r Row) Hash {
	h := sha256.New()
	var n [8]byte
	for _, part := range [][]byte{r.Stream[:], r.Sealed, r.Hashes, r.Checkpoint} {
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write(part)
	}
	binary.BigEndian.PutUint64(n[:], r.Version)
	h.Write(n[:])
	return Hash(h.Sum(nil))
}

// keySum is a sum over the hashes of all wrapped keys, in whatever order they
// come, and how many there are.
func keySum(ctx context.Context, s Store) (sum [5]uint64, err error) {
	err = s.Keys(ctx, ID{}, func(k WrappedKey) error {
		text := append(k.Stream[:len(k.Stream):len(k.Stream)], k.Part)
		text = binary.BigEndian.AppendUint32(text, k.Epoch)
		text = append(append(text, k.Holder[:]...), k.Wrapped...)
		h := sha256.Sum256(text)
		for i := range 4 {
			sum[i] += binary.BigEndian.Uint64(h[8*i:])
		}
		sum[4]++
		return nil
	})
	return sum, err
}
