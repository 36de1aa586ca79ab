// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// A node that was restored from a backup has forgotten what it wrote after it, and
// the coalition has not. Would it go on writing, others would have something else
// in the same places. So what was written here before the backup was made can't be
// added to until what is with the coalition has come back: entries as they were
// signed here, with the keys that others were given. What nobody was given, which
// is who somebody is, stays closed.

// metaReturned keeps in the replica's store that this node came back from a backup.
const metaReturned = "registry/returned"

// ErrReturned says that a node that was restored has not exchanged yet.
var ErrReturned = errors.New("this register was restored from a backup, and what it wrote afterwards is with the coalition: exchange first ('kua exchange sync', or 'kua exchange import' a file that the relay wrote since), or two histories come about; nothing was written")

// returned is what is kept of it.
type returned struct {
	Waits  bool      `json:"waits"`           // nothing came back yet
	At     time.Time `json:"at,omitzero"`     // when it last did
	Back   int       `json:"back"`            // entries that came back
	Closed int       `json:"closed"`          // of them, those of which not all is open any more
	Lacks  []string  `json:"lacks,omitempty"` // streams of which keys may be missing, without an erasure that says so
}

func (c *coalition) keepReturned(ctx context.Context, next returned) error {
	b, err := json.Marshal(next)
	if err == nil {
		err = c.store.SetMeta(ctx, metaReturned, b)
	}
	if err == nil {
		c.back.Store(&next)
	}
	return err
}

func (c *coalition) readReturned(ctx context.Context) error {
	var is returned
	b, err := c.store.Meta(ctx, metaReturned)
	if err == nil && len(b) > 0 {
		err = json.Unmarshal(b, &is)
	}
	c.back.Store(&is)
	return err
}

// marksReturned notes in a replica that was restored that its node came back, and
// has all be looked at again: own ledger and replica are of two moments.
func marksReturned(ctx context.Context, replica ledger.Store) error {
	var is returned
	b, err := replica.Meta(ctx, metaReturned)
	if err == nil && len(b) > 0 { // it came back before
		err = json.Unmarshal(b, &is)
	}
	is.Waits = true
	if err == nil {
		b, err = json.Marshal(is)
	}
	if err == nil {
		err = replica.SetMeta(ctx, metaReturned, b)
	}
	for _, name := range []string{metaHanded, metaTaken} {
		if err == nil {
			err = replica.SetMeta(ctx, name, []byte{})
		}
	}
	return err
}

// waits tells whether this node came back and has not exchanged yet.
func (c *coalition) waits() bool { return c != nil && c.back.Load().Waits }

// lacks tells whether keys of a stream may be missing because it came back.
func (c *coalition) lacks(stream ledger.ID) bool {
	return c != nil && slices.Contains(c.back.Load().Lacks, stream.String())
}

// mayGoOn refuses what goes to the coalition while it may have more than is here:
// also what is new, which would get the number of something that is there.
func (r *Registry) mayGoOn(ctx context.Context, stream ledger.ID, kind string) error {
	if !r.coalition.waits() {
		return nil
	}
	version, _, err := r.log.Last(ctx, stream)
	if err != nil {
		return err
	}
	if version > 0 {
		authors, err := r.authors()
		if err != nil {
			return err
		}
		if kind, err = r.kindOf(ctx, stream, ledger.Opener{Keys: r.keyring.Keys, Author: authors}); err != nil {
			return err
		}
	}
	if kind == "" || goesAbroad(kind) {
		return ErrReturned
	}
	return nil
}

// cameBack ends the waiting: what the others have is here. What they have not is
// handed to them. The caller holds r.writing.
func (r *Registry) cameBack(ctx context.Context) error {
	c := r.coalition
	if !c.waits() {
		return nil
	}
	next := *c.back.Load()
	next.Waits, next.At = false, r.now().UTC()
	if err := c.keepReturned(ctx, next); err != nil {
		return err
	}
	return r.handOn(ctx)
}

// closeUntilExchanged closes, on a node, what was erased and is here all the same:
// the entries that say so are with the coalition and come with the next exchange. An
// erasure of its own that is missing says that an older ledger was put back. Those
// that are to be written again it answers: they were not with the coalition either.
func (r *Registry) closeUntilExchanged(ctx context.Context, all []erasedCase) (write []erasedCase, err error) {
	c := r.coalition
	var here []erasedCase // of this node
	for _, e := range all {
		stream, err := ledger.ParseID(e.Stream)
		if err != nil {
			return nil, err
		}
		err = r.mayWrite(ctx, stream)
		if err != nil && !errors.Is(err, ErrElsewhere) {
			return nil, err
		}
		if err == nil && !e.Elsewhere {
			here = append(here, e)
		}
	}
	if !c.waits() {
		for _, e := range here {
			if !e.At.After(c.back.Load().At) {
				write = append(write, e)
			}
		}
		if len(write) == len(here) {
			return write, nil // what was taken back elsewhere may have been given again
		}
		if err := marksReturned(ctx, c.store); err != nil {
			return nil, err
		}
		if err := c.readReturned(ctx); err != nil {
			return nil, err
		}
	}
	closed := false
	for _, e := range all {
		stream, err := ledger.ParseID(e.Stream)
		if err != nil {
			return nil, err
		}
		n, err := r.closeErased(ctx, stream, e)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			closed = true
			r.erasedAgain++
		}
	}
	if closed {
		err = r.seeAnew(ctx)
	}
	return nil, err
}

// closeErased forgets the keys of what was erased, and answers how many there were.
func (r *Registry) closeErased(ctx context.Context, stream ledger.ID, e erasedCase) (int, error) {
	c := r.coalition
	var fact, identity uint32
	err := r.log.Stream(ctx, stream, func(e ledger.Entry) error {
		fact, identity = max(fact, e.Header.FactEpoch), max(identity, e.Header.IdentityEpoch)
		return nil
	})
	if err != nil {
		return 0, err
	}
	if next := *c.back.Load(); !slices.Contains(next.Lacks, stream.String()) {
		next.Lacks = append(slices.Clone(next.Lacks), stream.String())
		if err := c.keepReturned(ctx, next); err != nil {
			return 0, err
		}
	}
	// A program that is ended in between makes the index anew when it is opened.
	if err := c.store.SetMeta(ctx, metaAnew, []byte{1}); err != nil {
		return 0, err
	}
	n, err := r.log.ForgetBefore(ctx, stream, seal.IdentityPart, identity+1)
	if err == nil && e.Whole {
		var m int
		m, err = r.log.ForgetBefore(ctx, stream, seal.FactPart, fact+1)
		n += m
	}
	r.keyring.Drop(stream)
	if err == nil && r.begun != nil {
		err = r.begun.DropCase(ctx, stream.String())
	}
	return n, err
}

// noteGone notes beside the forgetting keys that keys of another node's stream went:
// a backup from before holds them.
func (r *Registry) noteGone(stream ledger.ID, gone []ledger.WrappedKey) {
	e := erasedCase{Stream: stream.String(), At: r.now().UTC().Truncate(time.Millisecond), Elsewhere: true}
	for _, k := range gone {
		e.Whole = e.Whole || k.Part == uint8(seal.FactPart)
	}
	r.noteErased(e)
}

// ownSigners are the keys of those who have written for this node, as it has
// introduced itself: a member who came after the backup has no key file here.
func (r *Registry) ownSigners(ctx context.Context) error {
	own := &partner{signers: map[ledger.ID]ed25519.PublicKey{}, orgs: map[string]seal.Public{}}
	alone := func(by ledger.ID) (ed25519.PublicKey, bool) {
		return r.node.Public().Signing(), by == ledger.ID(r.node.ID())
	}
	opener := ledger.Opener{Keys: r.keyring.Keys, Author: alone}
	err := r.log.Stream(ctx, r.node.ID(), func(e ledger.Entry) error {
		c, err := opener.Open(e)
		if err == nil {
			own.introduce(c)
		}
		if errors.Is(err, ledger.ErrNoKey) {
			err = nil
		}
		return err
	})
	if err == nil {
		r.coalition.own.Store(&own.signers)
	}
	return err
}

// takeBack takes back what this node has written to its own streams and does not
// have any more, of the streams in order.
func (in *taking) takeBack(ctx context.Context, order []ledger.ID) (held []heldStream, err error) {
	me := ledger.ID(in.r.node.ID())
	// Who writes here comes first.
	for _, streams := range [][]ledger.ID{{me}, slices.DeleteFunc(slices.Clone(order), func(s ledger.ID) bool { return s == me })} {
		var all []comingBack
		for _, stream := range streams {
			b, why, err := in.back(ctx, stream)
			if err != nil {
				return nil, err
			}
			if why != 0 {
				held = append(held, heldStream{stream, why})
			}
			if b != nil {
				all = append(all, *b)
			}
		}
		if err := in.putBack(ctx, all); err != nil {
			return nil, err
		}
	}
	return held, nil
}

// comingBack is what comes back of a stream.
type comingBack struct {
	stream  ledger.ID
	batch   ledger.Batch
	gone    []ledger.WrappedKey
	content []index.Entry
	closed  int
	erased  bool
}

// back finds what comes back of a stream of this node; nil: nothing does.
func (in *taking) back(ctx context.Context, stream ledger.ID) (*comingBack, whyHeld, error) {
	r, c := in.r, in.r.coalition
	newest, theirs, err := c.log.Last(ctx, stream)
	if err != nil || newest == 0 {
		return nil, 0, err
	}
	me := ledger.ID(r.node.ID())
	if owner, err := c.node.OwnerAt(ctx, stream, newest); err != nil || owner != me {
		return nil, 0, err
	}
	last, ours, err := r.log.Last(ctx, stream)
	if err != nil || last > newest {
		return nil, 0, err // the rest is on its way; what does not fit is refused by the relay
	}
	if last == newest {
		if ours != theirs {
			return nil, heldOurs, nil
		}
		return nil, 0, nil
	}
	b := &comingBack{stream: stream}
	same := true
	err = c.log.Stream(ctx, stream, func(e ledger.Entry) error {
		if e.Header.Version > last {
			b.batch.Entries = append(b.batch.Entries, e)
		} else if e.Header.Version == last {
			same = e.Hash() == ours
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	if !same {
		return nil, heldOurs, nil
	}
	held, err := r.keyring.All(ctx, stream)
	if err != nil {
		return nil, 0, err
	}
	have := map[seal.Part]map[uint32]bool{seal.FactPart: {}, seal.IdentityPart: {}}
	for _, k := range held {
		have[k.Part][k.Epoch] = true
	}
	offered, why, err := in.ownKeys(ctx, b, have)
	if err != nil || why != 0 {
		return nil, why, err
	}
	if b.content, why, err = in.open(ctx, stream, me, b.batch.Entries, offered); err != nil || why != 0 {
		return nil, why, err
	}
	for _, e := range b.content {
		b.erased = b.erased || e.Kind == kindErasure
	}
	var fact, identity uint32
	for _, e := range b.batch.Entries {
		h := e.Header
		fact, identity = max(fact, h.FactEpoch), max(identity, h.IdentityEpoch)
		if !have[seal.FactPart][h.FactEpoch] || h.IdentityLen > 0 && !have[seal.IdentityPart][h.IdentityEpoch] {
			b.closed++
		}
	}
	if b.erased {
		b.closed = 0 // what is closed of it was closed on purpose
	}
	// Who somebody is can be written again, under a new key.
	if b.closed > 0 && have[seal.FactPart][fact] && !have[seal.IdentityPart][identity] {
		wrapped, err := r.vault.WrapCaseKey(stream, seal.IdentityPart, identity+1, seal.NewKey())
		if err != nil {
			return nil, 0, err
		}
		b.batch.Keys = append(b.batch.Keys, ledger.WrappedKey{Stream: stream, Part: uint8(seal.IdentityPart), Epoch: identity + 1, Holder: r.vault.ID(), Wrapped: wrapped})
	}
	return b, 0, nil
}

// ownKeys finds the keys of a stream of this node that others were given: those
// with which it counts, for itself; those of organisations elsewhere, which stay
// theirs, and no others do.
func (in *taking) ownKeys(ctx context.Context, b *comingBack, have map[seal.Part]map[uint32]bool) (offered []ledger.WrappedKey, why whyHeld, err error) {
	r := in.r
	counting, err := r.countingVault(ctx, r.node.ID())
	if errors.Is(err, ledger.ErrNoKey) {
		counting, err = nil, nil
	}
	if err != nil {
		return nil, 0, err
	}
	abroad := map[ledger.ID]bool{}
	for _, p := range r.met() {
		for _, key := range p.orgs {
			abroad[key.ID()] = true
		}
	}
	type name struct {
		part   uint8
		epoch  uint32
		holder ledger.ID
	}
	still := map[name]ledger.WrappedKey{}
	var all []ledger.WrappedKey
	err = r.coalition.log.Keys(ctx, b.stream, func(k ledger.WrappedKey) error {
		k.Wrapped = slices.Clone(k.Wrapped)
		all = append(all, k)
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	for _, k := range all {
		part := seal.Part(k.Part)
		switch {
		case abroad[k.Holder]:
			still[name{k.Part, k.Epoch, k.Holder}] = k
		case counting != nil && k.Holder == counting.ID() && part == seal.FactPart && !have[part][k.Epoch]:
			key, err := counting.UnwrapCaseKey(b.stream, part, k.Epoch, k.Wrapped)
			if err != nil {
				return nil, heldDamaged, nil
			}
			k.Holder = r.vault.ID()
			if k.Wrapped, err = r.vault.WrapCaseKey(b.stream, part, k.Epoch, key); err != nil {
				return nil, 0, err
			}
			have[part][k.Epoch] = true
			offered = append(offered, k)
		}
	}
	err = r.log.Keys(ctx, b.stream, func(k ledger.WrappedKey) error {
		n := name{k.Part, k.Epoch, k.Holder}
		if _, is := still[n]; abroad[k.Holder] && !is {
			b.gone = append(b.gone, ledger.WrappedKey{Stream: b.stream, Part: k.Part, Epoch: k.Epoch, Holder: k.Holder})
		}
		delete(still, n)
		return nil
	})
	b.batch.Keys = append(b.batch.Keys, offered...)
	for _, k := range still {
		b.batch.Keys = append(b.batch.Keys, k)
	}
	return offered, 0, err
}

// putBack writes what comes back. What may be missing of it is noted first.
func (in *taking) putBack(ctx context.Context, all []comingBack) error {
	if len(all) == 0 {
		return nil
	}
	r, c := in.r, in.r.coalition
	next := *c.back.Load()
	next.Lacks = slices.Clone(next.Lacks)
	for _, b := range all {
		next.Back += len(b.batch.Entries)
		next.Closed += b.closed
		if b.closed > 0 && !slices.Contains(next.Lacks, b.stream.String()) {
			next.Lacks = append(next.Lacks, b.stream.String())
		}
		in.anew = in.anew || b.erased
	}
	if err := c.keepReturned(ctx, next); err != nil {
		return err
	}
	if in.anew {
		if err := c.store.SetMeta(ctx, metaAnew, []byte{1}); err != nil {
			return err
		}
	}
	if err := in.arrived(ctx); err != nil {
		return err
	}
	for _, b := range all {
		if len(b.gone) > 0 {
			if err := r.log.Forget(ctx, b.gone...); err != nil {
				return err
			}
		}
		if err := r.appendOthers(ctx, b.batch, b.content); err != nil {
			return err
		}
		r.keyring.Drop(b.stream)
		in.took++
	}
	if err := r.ownSigners(ctx); err != nil {
		return err
	}
	var err error
	in.authors, err = r.authors()
	return err
}

// OwnView is how a register stands that was restored from a backup as a node of a
// coalition.
type OwnView struct {
	Waits  bool // it must exchange before what it had is added to
	Back   int  // entries that it had written after the backup, and that came back
	Closed int  // of them, those of which who somebody is can't be opened any more
}
