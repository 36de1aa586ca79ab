// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// What another node grants to an organisation here comes sealed to the
// organisation's identity, which its members alone open. So it lies unopened
// until one of them signs in; then it is wrapped for the organisation's vault and
// the node's, as in a house.

// orgIdentities are the organisations of this node by the id of their identity.
func (r *Registry) orgIdentities() (map[ledger.ID]string, error) {
	files, err := filepath.Glob(filepath.Join(r.dir, keysDir, "org-*.key"))
	if err != nil {
		return nil, err
	}
	ids := map[ledger.ID]string{}
	for _, o := range r.roll().Orgs {
		if name := orgFile(o.ID, ".key"); slices.Contains(files, filepath.Join(r.dir, name)) {
			locked, err := r.readLocked(name)
			if err != nil {
				return nil, err
			}
			ids[locked.Public().ID()] = o.ID
		}
	}
	return ids, nil
}

// noteGranted keeps that a stream has keys that somebody here is to open.
func (r *Registry) noteGranted(ctx context.Context, stream ledger.ID) error {
	c := r.coalition
	b, err := c.store.Meta(ctx, metaOpen)
	if err != nil {
		return err
	}
	for at := 0; at+len(stream) <= len(b); at += len(stream) {
		if ledger.ID(b[at:at+len(stream)]) == stream {
			return nil
		}
	}
	return c.store.SetMeta(ctx, metaOpen, append(slices.Clone(b), stream[:]...))
}

// openGranted opens what other nodes granted to the organisations of a member.
// That it can't is no reason not to let them in.
func (r *Registry) openGranted(ctx context.Context, s *access.Session) {
	if r.coalition == nil || r.beside {
		return
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	if err := r.openGrantedTo(ctx, s); err != nil {
		r.opt.Log.Error("what other organisations granted could not be opened", slog.String("type", fmt.Sprintf("%T", err)))
	}
}

func (r *Registry) openGrantedTo(ctx context.Context, s *access.Session) error {
	c := r.coalition
	b, err := c.store.Meta(ctx, metaOpen)
	if err != nil || len(b) == 0 {
		return err
	}
	ids, err := r.orgIdentities()
	if err != nil {
		return err
	}
	identities := map[ledger.ID]*seal.Identity{}
	for id, org := range ids {
		locked, err := r.readLocked(orgFile(org, ".key"))
		if err != nil {
			return err
		}
		opened, err := locked.OpenIdentity(s.Keys.Identity)
		if errors.Is(err, seal.ErrNotSealedToYou) {
			continue
		}
		if err != nil {
			return err
		}
		identities[id] = opened.Identity
	}
	var left []byte
	took := false
	for ; len(b) >= len(ledger.ID{}); b = b[len(ledger.ID{}):] {
		stream := ledger.ID(b[:len(ledger.ID{})])
		var keys []ledger.WrappedKey
		waits := false
		err := r.log.Keys(ctx, stream, func(k ledger.WrappedKey) error {
			org := ids[k.Holder]
			switch {
			case org == "" || len(k.Wrapped) == 0:
				return nil
			case identities[k.Holder] == nil:
				waits = true
				return nil
			}
			key, err := identities[k.Holder].Open(grantLabel(r.log.ID(), stream, seal.Part(k.Part), k.Epoch), k.Wrapped)
			if err != nil || len(key) != len(seal.Key{}) {
				return nil // damaged on the other side: it opens nothing
			}
			for _, v := range []*seal.Vault{r.vault, s.Keys.Vaults[org]} {
				if v == nil {
					continue
				}
				wrapped, err := v.WrapCaseKey(stream, seal.Part(k.Part), k.Epoch, seal.Key(key))
				if err != nil {
					return err
				}
				keys = append(keys, ledger.WrappedKey{Stream: stream, Part: k.Part, Epoch: k.Epoch, Holder: v.ID(), Wrapped: wrapped})
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			if err := c.store.SetMeta(ctx, metaAnew, []byte{1}); err != nil {
				return err
			}
			if err := r.log.AddKeys(ctx, keys); err != nil {
				return err
			}
			r.keyring.Drop(stream)
			took = true
		}
		if waits {
			left = append(left, stream[:]...)
		}
	}
	if took {
		if err := r.seeAnew(ctx); err != nil {
			return err
		}
	}
	return c.store.SetMeta(ctx, metaOpen, append([]byte{}, left...))
}

// seeAnew makes rights and index anew: keys of entries came that are here already.
func (r *Registry) seeAnew(ctx context.Context) error {
	r.appending.Lock()
	err := r.rightsAnew(ctx)
	r.appending.Unlock()
	r.settling.Lock()
	if err == nil {
		err = r.makeAnew(ctx)
	}
	if err == nil {
		err = r.catchUpNow(ctx)
	}
	r.settling.Unlock()
	if err == nil {
		err = r.dropLeft(ctx)
	}
	if err == nil {
		err = r.coalition.store.SetMeta(ctx, metaAnew, []byte{})
	}
	return err
}

// finishIntake makes rights and index anew where a program was ended before it
// had done so: the index may hold what was erased or taken back elsewhere.
func (r *Registry) finishIntake(ctx context.Context) error {
	if r.coalition == nil || r.beside {
		return nil
	}
	marked, err := r.coalition.store.Meta(ctx, metaAnew)
	if err != nil || len(marked) == 0 {
		return err
	}
	return r.seeAnew(ctx)
}
