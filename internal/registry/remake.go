// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/kua-registry/kua/internal/index"
)

// What is said of an index that was made anew without being asked.
const (
	indexDamaged   = "the index (index.db) was damaged or altered: it has been made anew from the ledger, and nothing is missing"
	indexElsewhere = "the index (index.db) was made from another state of the ledger than there is: an older ledger was put back, or another index; it has been made anew from the ledger that is there"
)

// stats asks the index how much it holds, as every opening does.
func (r *Registry) stats(ctx context.Context) (stats Stats, err error) {
	err = r.asked(ctx, func() error {
		stats, err = r.index.Stats(ctx, allKnown, nil)
		return err
	})
	return stats, err
}

// asked asks the index while the register is opened; one that turns out to be
// damaged is made anew and asked again.
func (r *Registry) asked(ctx context.Context, ask func() error) error {
	err := ask()
	if !errors.Is(err, index.ErrUnusable) || r.beside {
		return err
	}
	r.remade = indexDamaged
	r.opt.Log.Warn("the index is damaged and is made anew from the ledger", slog.Any("error", err))
	path := filepath.Join(r.dir, "index.db")
	if err := errors.Join(r.index.Close(), index.Remove(path)); err != nil {
		return fmt.Errorf("the index is damaged and can't be removed: %w", err)
	}
	if err := r.openIndex(ctx); err != nil {
		return err
	}
	return ask()
}

// mend makes the index anew where its files were damaged, or old ones put in
// their place, while the program runs. What decides who may read what is not
// in it; what it says would be old all the same.
func (r *Registry) mend() {
	ctx := context.Background() // whoever asked first may have gone before it is done
	if r.beside || !errors.Is(r.index.Check(ctx), index.ErrUnusable) {
		return
	}
	r.writing.LockHere()
	defer r.writing.Unlock()
	r.settling.Lock()
	defer r.settling.Unlock()
	if !errors.Is(r.index.Check(ctx), index.ErrUnusable) {
		return // somebody else has
	}
	r.remade = indexDamaged
	r.opt.Log.Warn("the index was changed from outside while the program runs and is made anew from the ledger")
	if err := r.makeAnew(ctx); err != nil {
		r.opt.Log.Error("the index could not be made anew", slog.Any("error", err))
	}
}
