// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
)

// followed is how many entries the index takes in at a time when it is made anew.
const followed = 8192

// openIndex opens the index and brings it up to the ledger. What can't be
// used, or does not come from this ledger, is made anew.
func (r *Registry) openIndex(ctx context.Context) error {
	path := filepath.Join(r.dir, "index.db")
	key, err := r.sealedKey("index", false)
	if r.beside {
		if err != nil {
			return err
		}
		r.index, err = index.Open(ctx, path, key, r.book, r.rules)
		if errors.Is(err, index.ErrUnusable) {
			return errors.New("another process has the register open and its index can't be used from here: ask that process, or stop it first")
		}
		return err
	}
	if err != nil { // none yet, or it can't be opened: the index is nothing without it
		if key, err = r.sealedKey("index", true); err != nil {
			return err
		}
	}
	ix, err := index.Open(ctx, path, key, r.book, r.rules)
	if errors.Is(err, index.ErrUnusable) {
		if !errors.Is(err, index.ErrOtherVersion) && !errors.Is(err, index.ErrUnfinished) {
			r.remade = indexDamaged
		}
		r.opt.Log.Warn("the index can't be used and is made anew from the ledger", slog.Any("error", err))
		if err = index.Remove(path); err == nil {
			ix, err = index.Open(ctx, path, key, r.book, r.rules)
		}
	}
	if err != nil {
		return err
	}
	r.index = ix
	ok, err := r.fromThisLedger(ctx, ix.Head())
	if err == nil && !ok {
		r.remade = indexElsewhere
		r.opt.Log.Warn("the index was made from another state of the ledger and is made anew")
		err = ix.Reset(ctx)
	}
	if err == nil {
		err = r.catchUp(ctx)
	}
	if errors.Is(err, index.ErrUnusable) { // found while it was brought up: some of its pages are old
		r.remade = indexDamaged
		r.opt.Log.Warn("the index can't be used and is made anew from the ledger", slog.Any("error", err))
		err = r.makeAnew(ctx)
	}
	if err != nil {
		return errors.Join(err, r.index.Close())
	}
	return nil
}

// fromThisLedger tells whether the ledger once had the head the index says it was made from.
func (r *Registry) fromThisLedger(ctx context.Context, at index.Head) (bool, error) {
	head := r.log.Head()
	if at == (index.Head{}) {
		return true, nil
	}
	if at.Ledger != [16]byte(r.log.ID()) || at.Size > head.Size {
		return false, nil
	}
	root, err := r.log.RootAt(ctx, at.Size)
	if err != nil {
		return false, err
	}
	return at.Root == [32]byte(root), nil
}

// follow brings an index up to the ledger: errAnew where something was erased
// that the index may hold.
func (r *Registry) follow(ctx context.Context, ix *index.Index) error {
	authors, err := r.authors()
	if err != nil {
		return err
	}
	opener := ledger.Opener{Keys: r.keyring.Keys, Author: authors}
	head := r.log.Head()
	from := ix.Head().Size
	if from == 0 && head.Size > 0 {
		return ix.Build(ctx, func(add func([]index.Act) error) (index.Head, error) {
			err := r.read(ctx, r.fromFirst(ctx, head, opener), head, false, func(acts []index.Act, _ uint64) error { return add(acts) })
			return indexHead(head), err
		})
	}
	if from == head.Size {
		return nil
	}
	since := func(fn opening) error { return r.log.ScanOpen(ctx, from, head.Size, opener, fn) }
	return r.read(ctx, since, head, true, func(acts []index.Act, size uint64) error {
		at := head
		if size != head.Size {
			root, err := r.log.RootAt(ctx, size)
			if err != nil {
				return err
			}
			at.Size, at.Root = size, root
		}
		return ix.Apply(ctx, acts, indexHead(at))
	})
}

// opening is told of entries as they are opened.
type opening = func(e ledger.Entry, c ledger.Content, err error) error

// fromFirst opens the whole ledger up to a head. What was opened for the rights,
// by this run of the program or an earlier one, is not checked a second time,
// but that it is the same.
func (r *Registry) fromFirst(ctx context.Context, head ledger.Head, opener ledger.Opener) func(opening) error {
	return func(fn opening) error { return r.log.ScanChecked(ctx, r.rights.checked(), head.Size, opener, fn) }
}

// read hands over in acts what scan opens, at last those that lead to the head
// itself. further: the index has taken entries in before.
func (r *Registry) read(ctx context.Context, scan func(opening) error, head ledger.Head, further bool, apply func(acts []index.Act, size uint64) error) error {
	var pending []index.Entry
	anew := false // there is an erasure
	err := scan(func(e ledger.Entry, c ledger.Content, err error) error {
		if errors.Is(err, ledger.ErrNoKey) { // erased, or never granted: it counts nowhere
			return nil
		}
		if err == nil {
			err = r.mayBeBy(c)
		}
		if err != nil {
			return fmt.Errorf("entry %d can't be read: %w; 'kua verify' says more", e.Pos, err)
		}
		if c.Kind == kindErasure {
			left, err := r.forgetErased(ctx, e.Header, first(c.Fact["what"]))
			if err != nil {
				return err
			}
			r.noteErasure(e.Header, c)
			// What the index took in before may hold what was erased.
			anew = anew || left || further
		}
		if anew {
			return nil // only other erasures matter now
		}
		next := opened(e, c)
		next.From = r.from(c.Author)
		// An act is never cut in two.
		if len(pending) >= followed {
			if last := pending[len(pending)-1]; last.Stream != next.Stream || !last.At.Equal(next.At) {
				if err := apply(group(pending), e.Pos); err != nil {
					return err
				}
				pending = pending[:0]
			}
		}
		pending = append(pending, next)
		return nil
	})
	if err != nil {
		return err
	}
	if anew {
		return errAnew
	}
	return apply(group(pending), head.Size)
}

// opened is an entry of the ledger as the index takes it.
func opened(e ledger.Entry, c ledger.Content) index.Entry {
	return index.Entry{Stream: e.Header.Stream.String(), Entry: casefile.Entry{
		Pos: e.Pos, At: c.At, Record: c.Record.String(), Kind: c.Kind, Op: casefile.Op(c.Op),
		Fields: join(c.Fact, c.Identity), IdentityMissing: c.IdentityMissing,
		Author: c.Author.String(), Reason: c.Reason, Source: c.Source,
	}}
}

func indexHead(h ledger.Head) index.Head {
	return index.Head{Ledger: h.Ledger, Size: h.Size, Root: h.Root}
}

func (r *Registry) head() index.Head { return indexHead(r.log.Head()) }
