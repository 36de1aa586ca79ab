// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// An erasure is an entry in the stream of its case. It is sealed under a new
// epoch of the keys of what is erased, so it stays readable; the keys of all
// epochs before are forgotten. What it says and what the table of keys lacks
// must agree: an entry that can't be opened is excused by an erasure that can.
const (
	kindErasure    = "erasure"
	erasedIdentity = "identity"
	erasedWhole    = "whole"
)

// errAnew says that the index may hold what was erased, and is to be made anew.
var errAnew = errors.New("the index must be made anew: something was erased")

// Erasure says what is to be erased of a case, and why.
type Erasure struct {
	Whole  bool   // all of the case, not only who it is about
	Why    string // a code of the list erasure_reason
	Reason string // in the member's words; stays readable, so it must name nobody
}

// Erase erases the identity part of a case, or all of it, for good. What the
// case counts for stays as it is, unless all of it is erased.
func (r *Registry) Erase(ctx context.Context, s *access.Session, caseID string, e Erasure) (err error) {
	defer r.refusal(ctx, s, "erasure", caseID, &err)
	row, err := r.row(ctx, s, caseID, Clock{AsOf: r.Today()})
	if err != nil {
		return err
	}
	thing, _ := r.thing(row.ID)
	if !access.Decide(s.Member, access.Erase, thing) {
		return ErrNotAllowed
	}
	if strings.TrimSpace(e.Reason) == "" {
		return ErrReason
	}
	if !r.sessions.Fresh(s) {
		return ErrProof
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	stream, err := ledger.ParseID(row.ID)
	if err != nil {
		return err
	}
	a, err := r.erasure(ctx, s, stream, thing.Org, e)
	if err != nil {
		return err
	}
	return r.write(ctx, s, []act{a})
}

// finishErasure does what the entry that was just written says. The case is
// erased from here on: what fails is finished before the next write, or at the
// next opening.
func (r *Registry) finishErasure(ctx context.Context, caseID string, files []string) error {
	r.matching.forget()
	err := r.catchUp(context.WithoutCancel(ctx))
	if err == nil {
		err = errors.Join(r.dropFiles(context.WithoutCancel(ctx), files), r.dropUploads(caseID))
		r.hasKept()
	}
	if err != nil {
		r.opt.Log.Error("an erasure is not finished", slog.Any("error", err))
		return fmt.Errorf("the case is marked as erased, but not all of it is done: close the register and open it again, which finishes it: %w", err)
	}
	return nil
}

// erasure is the entry, with the new keys it is sealed under.
func (r *Registry) erasure(ctx context.Context, s *access.Session, stream ledger.ID, org string, e Erasure) (act, error) {
	keys, err := r.keyring.Current(ctx, stream)
	if letGo := e.Whole && r.coalition.lacks(stream) && errors.Is(err, ledger.ErrNoKey); err != nil && !letGo { // of a node that came back
		return act{}, err
	}
	// Above every epoch there ever was, also above those not open to this node.
	var fact, identity uint32
	err = r.log.Stream(ctx, stream, func(e ledger.Entry) error {
		fact, identity = max(fact, e.Header.FactEpoch), max(identity, e.Header.IdentityEpoch)
		return nil
	})
	if err != nil {
		return act{}, err
	}
	fresh := seal.CaseKeys{Identity: seal.NewKey(), IdentityEpoch: max(identity, keys.IdentityEpoch) + 1}
	what := erasedIdentity
	if e.Whole {
		what = erasedWhole
		fresh.Fact, fresh.FactEpoch = seal.NewKey(), max(fact, keys.FactEpoch)+1
		keys.Fact, keys.FactEpoch = fresh.Fact, fresh.FactEpoch
	}
	keys.Identity, keys.IdentityEpoch = fresh.Identity, fresh.IdentityEpoch
	fields := casefile.Fields{"what": {what}, "why": {e.Why}, "date": {r.Today().String()}}
	of, err := r.fromLedger(ctx, stream.String())
	if err != nil {
		return act{}, err
	}
	for _, rec := range fileRecords(of) {
		if name := rec.Get("sealed"); name != "" && !slices.Contains(fields["files"], name) {
			fields["files"] = append(fields["files"], name)
		}
	}
	a := act{
		stream: stream.String(), reason: e.Reason, source: "erased by a member", keys: &keys,
		puts: []Put{{Record: ledger.NewID().String(), Kind: kindErasure, Fields: fields}},
	}
	holders := []*seal.Vault{r.vault}
	if v := s.Keys.Vaults[org]; v != nil {
		holders = append(holders, v)
	}
	for _, v := range holders {
		w, err := ledger.WrapCaseKeys(v, stream, fresh)
		if err != nil {
			return act{}, err
		}
		a.wrapped = append(a.wrapped, w...)
	}
	return a, nil
}

// forgetErased sees that the keys are forgotten that an erasure says are. It
// answers whether some were still there: an erasure that is just being made,
// a program that was killed in between, or an old table put back.
func (r *Registry) forgetErased(ctx context.Context, h ledger.Header, what string) (left bool, err error) {
	n, err := r.log.ForgetBefore(ctx, h.Stream, seal.IdentityPart, h.IdentityEpoch)
	if err == nil && what == erasedWhole {
		var m int
		m, err = r.log.ForgetBefore(ctx, h.Stream, seal.FactPart, h.FactEpoch)
		n += m
	}
	r.keyring.Drop(h.Stream)
	if err == nil && r.begun != nil {
		err = r.begun.DropCase(ctx, h.Stream.String())
	}
	return n > 0, err
}

// makeAnew makes the index anew under a new key: nothing of the old one is
// left, and no copy of it can be opened with what is left. The caller holds
// settling, or is the only one.
func (r *Registry) makeAnew(ctx context.Context) error {
	key := seal.NewKey()
	fill := func(fresh *index.Index) error { return r.follow(ctx, fresh) }
	keep := func() error { return r.replaceIndexKey(key) }
	err := r.index.Replace(ctx, key, fill, keep)
	for errors.Is(err, errAnew) { // keys were still there when it began; now they are not
		err = r.index.Replace(ctx, key, fill, keep)
	}
	return err
}

// catchUp brings the index up to the ledger, by the ledger alone.
func (r *Registry) catchUp(ctx context.Context) error {
	r.settling.Lock()
	defer r.settling.Unlock()
	return r.catchUpNow(ctx)
}

// catchUpNow is catchUp with settling held.
func (r *Registry) catchUpNow(ctx context.Context) error {
	err := r.follow(ctx, r.index)
	if errors.Is(err, errAnew) {
		r.erasedElsewhere.Store(true)
		err = r.makeAnew(ctx)
	}
	if err == nil { // it has them from the ledger
		r.appending.Lock()
		defer r.appending.Unlock()
		size := r.index.Head().Size
		r.unapplied = slices.DeleteFunc(r.unapplied, func(e index.Entry) bool { return e.Pos < size })
	}
	return err
}

// mayLack tells of which keys a signed erasure says that they were forgotten.
func (r *Registry) mayLack(ctx context.Context, authors func(ledger.ID) (ed25519.PublicKey, bool)) func(ledger.ID, seal.Part, uint32) bool {
	opener := ledger.Opener{Keys: r.keyring.Keys, Author: authors}
	type epochs struct{ fact, identity uint32 } // of the last erasure: those before may lack
	var mu sync.Mutex
	known := map[ledger.ID]epochs{}
	return func(stream ledger.ID, part seal.Part, epoch uint32) bool {
		mu.Lock()
		defer mu.Unlock()
		before, ok := known[stream]
		if !ok {
			err := r.log.Stream(ctx, stream, func(e ledger.Entry) error {
				c, err := opener.Open(e)
				if err != nil || c.Kind != kindErasure || c.Op != ledger.Put {
					return nil // what can't be opened excuses nothing
				}
				before.identity = e.Header.IdentityEpoch
				if first(c.Fact["what"]) == erasedWhole {
					before.fact = e.Header.FactEpoch
				}
				return nil
			})
			if err != nil {
				return false
			}
			known[stream] = before
		}
		if part == seal.FactPart {
			return epoch < before.fact
		}
		return epoch < before.identity
	}
}
