// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"errors"
	"os"
	"time"
)

// Replace makes the index anew, by fill, in a file of its own under another
// key, and puts that in the place of the old one: nothing of what the old one
// held is left, in no page, in no side file. keep is called between the two,
// to keep the new key. Until then questions are answered from the old one.
//
// An error after keep leaves an index that answers nothing: open it again.
func (ix *Index) Replace(ctx context.Context, key [32]byte, fill func(*Index) error, keep func() error) error {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	path := ix.path + ".new"
	if err := Remove(path); err != nil {
		return err
	}
	fresh, err := Open(ctx, path, key, ix.book, ix.set)
	if err != nil {
		return err
	}
	err = fill(fresh)
	if err = errors.Join(err, fresh.Close()); err != nil {
		return errors.Join(err, Remove(path))
	}
	// A question may ask another one on its way: those that begin meanwhile are
	// let through, the place is taken when there is none.
	for !ix.swap.TryLock() {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), Remove(path))
		}
	}
	defer ix.swap.Unlock()
	if err := keep(); err != nil {
		return errors.Join(err, Remove(path))
	}
	for range len(ix.idle) {
		err = errors.Join(err, (<-ix.idle).Close())
	}
	err = errors.Join(err, ix.writer.Close(), Remove(ix.path), os.Rename(path, ix.path))
	if err != nil {
		return failed("replacing", err)
	}
	if ix.writer, err = connect(ix.path, key); err != nil {
		return failed("replacing", err)
	}
	ix.key = key
	ix.meeting.forget()
	ix.pasts.forget()
	ix.sheets.forget()
	return failed("replacing", ix.load(ctx))
}
