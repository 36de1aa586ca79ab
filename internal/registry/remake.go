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

// stats asks the index how much it holds, as every opening does: one that
// turns out to be damaged is made anew.
func (r *Registry) stats(ctx context.Context) (Stats, error) {
	stats, err := r.index.Stats(ctx, allKnown, nil)
	if !errors.Is(err, index.ErrUnusable) || r.beside {
		return stats, err
	}
	r.opt.Log.Warn("the index is damaged and is made anew from the ledger", slog.Any("error", err))
	path := filepath.Join(r.dir, "index.db")
	if err := errors.Join(r.index.Close(), index.Remove(path)); err != nil {
		return Stats{}, fmt.Errorf("the index is damaged and can't be removed: %w", err)
	}
	if err := r.openIndex(ctx); err != nil {
		return Stats{}, err
	}
	return r.index.Stats(ctx, allKnown, nil)
}
