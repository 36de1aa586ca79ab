// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/kua-registry/kua/internal/evidence"
	"github.com/kua-registry/kua/internal/exchange"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// The files of a case that is handed over go after it, sealed as they lie: who they
// are about, and their keys, stand in the case. Who keeps the case has them until
// it was taken, and it is taken only with all of them, read whole and held against
// their hashes. Then who had it lets go of those that no other case here names.

// keptAbroad tells whether a case is of an organisation of another node.
func (r *Registry) keptAbroad(id string) bool { return r.nodeOfCase(id) != "" }

// sending are the sealed files of cases that were handed over from here and that
// nobody has taken yet.
func (r *Registry) sending(ctx context.Context) ([]exchange.Sending, error) {
	var ids []string
	r.rights.mu.RLock()
	for id, c := range r.rights.cases {
		if c.Handed != "" {
			ids = append(ids, id)
		}
	}
	r.rights.mu.RUnlock()
	slices.Sort(ids)
	var all []exchange.Sending
	for _, id := range ids {
		if !r.handedAbroad(id) || r.keptAbroad(id) {
			continue
		}
		of, err := r.fromLedger(ctx, id)
		if err != nil {
			return nil, err
		}
		stream, err := ledger.ParseID(id)
		if err != nil {
			return nil, err
		}
		version, _, err := r.log.Last(ctx, stream)
		if err != nil {
			return nil, err
		}
		seen := map[evidence.ID]bool{}
		for _, rec := range fileRecords(of) {
			file, sealed, ok := sealedOf(rec)
			if !ok || seen[file] {
				continue
			}
			seen[file] = true
			all = append(all, exchange.Sending{
				Parcel: exchange.Parcel{Stream: stream, Version: version, File: ledger.ID(file), Length: uint64(sealed.Length())},
				Open: func(ctx context.Context) (io.ReadSeekCloser, error) {
					f, err := r.files.Raw(ctx, file)
					if err != nil {
						return nil, fmt.Errorf("a file of a case that was handed over: %w", err)
					}
					return f, nil
				},
			})
		}
	}
	return all, nil
}

// exchangeFiles hands files of cases in that were handed over, and takes over those
// that come, from where the line was cut.
func (r *Registry) exchangeFiles(ctx context.Context) error {
	c := r.coalition
	c.carrying.Lock()
	defer c.carrying.Unlock()
	c.one.Lock()
	node, client := c.node, c.Coalition.Client()
	c.one.Unlock()
	files, err := r.sending(ctx)
	if err != nil {
		return err
	}
	if err := node.SendFiles(ctx, client, files); err != nil {
		return err
	}
	return node.FetchFiles(ctx, client)
}

// adoptFiles takes over the files of a case that was handed over to this node:
// ErrHandFiles where one is not here whole, or not what it should be. Those that
// are, stay.
func (r *Registry) adoptFiles(ctx context.Context, id string) error {
	of, err := r.fromLedger(ctx, id)
	if err != nil {
		return err
	}
	stream, err := ledger.ParseID(id)
	if err != nil {
		return err
	}
	coming, err := r.coalition.node.Coming()
	if err != nil {
		return err
	}
	missing := 0
	for _, rec := range fileRecords(of) {
		file, sealed, ok := sealedOf(rec)
		if !ok {
			continue // its key was destroyed
		}
		there, err := r.files.Has(file)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(coming, func(c exchange.Coming) bool { return c.Stream == stream && c.File == ledger.ID(file) && c.Whole() })
		switch {
		case there:
			continue
		case at < 0:
			missing++
			continue
		}
		err = r.files.Adopt(ctx, file, r.coalition.node.Path(coming[at].Parcel), sealed)
		if errors.Is(err, evidence.ErrAltered) {
			missing++
			err = r.coalition.node.Again(coming[at].Parcel)
		}
		if err != nil {
			return err
		}
	}
	r.hasKept()
	if missing > 0 {
		return fmt.Errorf("%d: %w", missing, ErrHandFiles)
	}
	return nil
}

// noteLeft keeps, before keys of a case are forgotten that another node keeps now,
// which sealed files it has: they are let go of once nothing names them.
func (r *Registry) noteLeft(ctx context.Context, stream ledger.ID, gone []ledger.WrappedKey) error {
	if !slices.ContainsFunc(gone, func(k ledger.WrappedKey) bool { return k.Part == uint8(seal.IdentityPart) }) {
		return nil
	}
	of, err := r.fromLedger(ctx, stream.String())
	if err != nil {
		return err
	}
	b, err := r.coalition.store.Meta(ctx, metaLeft)
	if err != nil {
		return err
	}
	b = slices.Clone(b)
	n := len(b)
	for _, rec := range fileRecords(of) {
		if file, _, ok := sealedOf(rec); ok {
			b = append(b, file[:]...)
		}
	}
	if len(b) == n {
		return nil
	}
	return r.coalition.store.SetMeta(ctx, metaLeft, b)
}

// dropLeft lets go of sealed files that went with their case. The index was made anew.
func (r *Registry) dropLeft(ctx context.Context) error {
	b, err := r.coalition.store.Meta(ctx, metaLeft)
	if err != nil || len(b) == 0 {
		return err
	}
	var names []string
	for ; len(b) >= len(evidence.ID{}); b = b[len(evidence.ID{}):] {
		names = append(names, evidence.ID(b[:len(evidence.ID{})]).String())
	}
	if err := r.dropFiles(ctx, names); err != nil {
		return err
	}
	r.hasKept()
	return r.coalition.store.SetMeta(ctx, metaLeft, []byte{})
}
