// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
	"github.com/kua-registry/kua/internal/web"
)

// errMade says that the register is made already, or just being made.
var errMade = errors.New("the register is made already")

// serveFirst serves the pages on which a register is made, until it is, or the
// context ends: then there is none, and no error.
func (h *host) serveFirst(ctx context.Context) (*registry.Registry, error) {
	packs, err := firstPacks()
	if err != nil {
		return nil, err
	}
	turn := h.newTurn(ctx)
	code := access.NewCode()
	made, making := make(chan *registry.Registry, 1), make(chan struct{}, 1)
	handler, err := web.NewFirst(web.FirstStart{
		Code: code, Packs: packs, Passphrase: seal.NewPassphrase,
		Make: func(_ context.Context, f web.First) error {
			select {
			case making <- struct{}{}:
			default:
				return errMade
			}
			// Not under the request's context: half a register would be left.
			reg, err := h.makeFirst(context.WithoutCancel(ctx), f)
			if err != nil {
				<-making
				return err
			}
			made <- reg
			return nil
		},
	}, h.words, web.Options{Logger: h.log, Secure: h.how.reach.secure()})
	if err != nil {
		return nil, err
	}
	if err := turn.begin(handler); err != nil {
		return nil, err
	}
	fmt.Fprintf(h.p.out, "There is no register in %s yet. It is made at %s, with this code:\n\n    %s\n\n", h.dir, h.address(), code)
	var reg *registry.Registry
	select {
	case err = <-turn.failed:
		reg = left(made)
	case <-ctx.Done():
		err = turn.finish()
		reg = left(made)
	case reg = <-made:
		err = turn.finish()
	}
	if reg != nil && (err != nil || ctx.Err() != nil) {
		h.close(reg)
		return nil, err
	}
	return reg, err
}

// firstPacks are the packs that a register can be made with.
func firstPacks() (all []web.FirstPack, err error) {
	for _, id := range registry.Packs() {
		book, err := registry.LoadBook(id)
		if err != nil {
			return nil, err
		}
		pack := web.FirstPack{ID: id}
		for _, known := range book.Packs() {
			if known.ID == id {
				pack.Label = known.Label
				_, pack.Draft = known.Banner()
			}
		}
		all = append(all, pack)
	}
	return all, nil
}

// makeFirst makes a register with its first organisation.
func (h *host) makeFirst(ctx context.Context, f web.First) (*registry.Registry, error) {
	options := h.p.options()
	options.Pack = f.Pack
	reg, session, err := registry.Create(ctx, h.dir, f.Member, options)
	if err != nil {
		return nil, err
	}
	if _, err := reg.AddOrganisation(ctx, session, registry.NewOrganisation{Name: f.Org, Counts: true}); err != nil {
		// The register is there: its first member adds the organisation in the pages.
		h.log.Warn("the first organisation could not be added: add it in the pages", slog.Any("error", err))
	}
	reg.SignOut(session) // whoever made it signs in like everybody
	return reg, nil
}
