// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// allKnown asks for all that is known.
var allKnown time.Time

// act is what one write does to one stream.
type act struct {
	stream    string // hex id
	newFor    string // the organisation that holds the keys of a new stream; empty: the node alone
	puts      []Put
	withdraws []Put
	reason    string
	source    string

	keys    *seal.CaseKeys      // of an erasure: what it is sealed under, with new epochs of what is erased
	wrapped []ledger.WrappedKey // the new ones of them

	handed []ledger.WrappedKey // of the stream, for others or of a new epoch: what comes after this act is sealed under the newest
}

// write validates, seals, signs and appends the acts as one: all of them are
// persisted or none. Then the index follows. The caller holds r.writing.
func (r *Registry) write(ctx context.Context, s *access.Session, acts []act) error {
	if len(acts) == 0 {
		return nil
	}
	if r.beside {
		return ledger.ErrLocked
	}
	if err := r.valid(acts); err != nil {
		return err
	}
	if err := r.writing.ours(); err != nil {
		return r.whyNot(err)
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	ready, err := r.readied(ctx, s, acts, r.moment())
	if err != nil {
		return err
	}
	return r.keep(ctx, s, ready)
}

// valid tells whether acts may be written, but for by whom.
func (r *Registry) valid(acts []act) error {
	for _, a := range acts {
		for _, p := range a.puts {
			if p.Kind == kindErasure && a.keys == nil {
				return &InvalidError{Kind: p.Kind}
			}
			if problems := r.problems(p); len(problems) > 0 {
				return &InvalidError{Kind: p.Kind, Problems: problems}
			}
			if p.came == nil && casefile.Claims(p.Source) {
				return ErrClaims
			}
		}
		if casefile.Claims(a.source) {
			return ErrClaims
		}
	}
	return nil
}

// readyActs are acts that are sealed and signed, and not appended yet.
type readyActs struct {
	acts   []act
	at     time.Time
	batch  ledger.Batch
	drafts []ledger.Draft
}

// readied seals and signs acts, which are valid, as of a moment.
func (r *Registry) readied(ctx context.Context, s *access.Session, acts []act, at time.Time) (readyActs, error) {
	drafts, keys, err := r.drafts(ctx, s, acts, at)
	if err != nil {
		return readyActs{}, err
	}
	entries, err := ledger.SealAll(r.log.ID(), s.Keys.Identity, drafts)
	return readyActs{acts: acts, at: at, batch: ledger.Batch{Entries: entries, Keys: keys}, drafts: drafts}, err
}

// keep appends acts that are ready, and the index follows. The caller, or who
// waits for it, holds r.writing.
func (r *Registry) keep(ctx context.Context, s *access.Session, ready readyActs) error {
	if err := r.append(ctx, s, ready.batch, ready.drafts); err != nil {
		return err
	}
	r.last = ready.at
	if acts := ready.acts; len(acts) == 1 && acts[0].keys != nil { // an erasure: the index is not added to, but made anew
		return r.finishErasure(ctx, acts[0].stream, acts[0].puts[0].Fields["files"])
	}
	// From here on the write is done, whatever becomes of the caller: an index
	// that can't follow now is brought up to the ledger before the next write.
	if err := r.settle(context.WithoutCancel(ctx)); err != nil {
		r.behind.Store(true)
		return fmt.Errorf("%w: %w", ErrKept, r.whyNot(err))
	}
	return nil
}

// problems are what keeps a record from being put.
func (r *Registry) problems(p Put) []codebook.Problem {
	if p.came != nil && p.came.withdraw {
		return nil
	}
	problems := r.book.Validate(p.Kind, p.Fields)
	if p.came != nil && p.came.lacking {
		problems = slices.DeleteFunc(problems, func(p codebook.Problem) bool { return p.What == codebook.Required })
	}
	return problems
}

// abreast brings an index that could not follow an earlier write up to the ledger,
// and answers ErrUnaudited where it can't: else the past would be shown as the present.
func (r *Registry) abreast(ctx context.Context) error {
	if !r.behind.Load() {
		return nil
	}
	if !r.writing.TryLock() { // somebody is at it
		return ErrUnaudited
	}
	defer r.writing.Unlock()
	if err := r.settle(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("%w: %w", ErrUnaudited, err)
	}
	r.behind.Store(false)
	return nil
}

// appendBatch appends a batch, and hands its entries on to what decides and to
// the index; their places are set. It is done again where another machine has
// turned the forgetting keys meanwhile: nothing was written then.
func (r *Registry) appendBatch(ctx context.Context, batch ledger.Batch, entries []index.Entry) error {
	err := r.appendOnce(ctx, batch, entries)
	for turns := 0; r.nodes != nil && errors.Is(err, ledger.ErrForgetKey) && turns < turnsMet; turns++ {
		if err = r.takeKeys(ctx); err == nil {
			err = r.appendOnce(ctx, batch, entries)
		}
	}
	return err
}

// appendOnce tries appendBatch. Who takes over what another machine
// has written waits for appending: with it held, nothing is taken over.
func (r *Registry) appendOnce(ctx context.Context, batch ledger.Batch, entries []index.Entry) error {
	r.appending.Lock()
	defer r.appending.Unlock()
	first, err := r.log.Append(ctx, batch)
	if err != nil {
		return err
	}
	for i := range entries {
		entries[i].Pos = first + uint64(i)
	}
	r.unapplied = append(r.unapplied, entries...)
	r.takeNew(ctx, entries, first, first+uint64(len(entries)))
	return nil
}

// append appends the entries of drafts, and hands them on to what decides and
// to the index.
func (r *Registry) append(ctx context.Context, s *access.Session, batch ledger.Batch, drafts []ledger.Draft) error {
	entries := make([]index.Entry, len(drafts))
	for i, d := range drafts {
		d.Content.Author = ledger.ID(s.Keys.Identity.ID())
		entries[i] = opened(batch.Entries[i], d.Content)
	}
	err := r.appendBatch(ctx, batch, entries)
	if errors.Is(err, ledger.ErrConflict) {
		return ErrConflict
	}
	if err != nil {
		return r.whyNot(err)
	}
	return nil
}

// drafts are the entries of acts, with the wrapped keys of new streams.
func (r *Registry) drafts(ctx context.Context, s *access.Session, acts []act, at time.Time) ([]ledger.Draft, []ledger.WrappedKey, error) {
	var drafts []ledger.Draft
	var wrapped []ledger.WrappedKey
	for _, a := range acts {
		stream, err := ledger.ParseID(a.stream)
		if err != nil {
			return nil, nil, err
		}
		kind := ""
		if len(a.puts) > 0 {
			kind = a.puts[0].Kind
		}
		if err := errors.Join(r.mayWrite(ctx, stream), r.mayGoOn(ctx, stream, kind)); err != nil {
			return nil, nil, err
		}
		version, prev, err := r.log.Last(ctx, stream)
		if err != nil {
			return nil, nil, err
		}
		wrapped = append(wrapped, a.handed...)
		var keys seal.CaseKeys
		if version == 0 {
			keys = seal.NewCaseKeys()
			holders := []*seal.Vault{r.vault}
			if a.newFor != "" {
				vault, ok := s.Keys.Vaults[a.newFor]
				if !ok {
					return nil, nil, ErrNotAllowed
				}
				holders = append(holders, vault)
			}
			for _, v := range holders {
				w, err := ledger.WrapCaseKeys(v, stream, keys)
				if err != nil {
					return nil, nil, err
				}
				wrapped = append(wrapped, w...)
			}
		} else if a.keys != nil {
			keys, wrapped = *a.keys, append(wrapped, a.wrapped...)
		} else if keys, err = r.keyring.Current(ctx, stream); err != nil {
			return nil, nil, err
		}
		add := func(op ledger.Op, p Put) error {
			record, err := ledger.ParseID(p.Record)
			if err != nil {
				return err
			}
			version++
			c := ledger.Content{Kind: p.Kind, Record: record, Op: op, Reason: a.reason, Source: a.source, At: at, Prev: prev}
			if p.Source != "" {
				c.Source += ": " + p.Source
			}
			if p.came != nil {
				c.Reason, c.Source = p.came.reason, p.came.source
			}
			c.Fact, c.Identity = r.split(p.Kind, p.Fields)
			drafts = append(drafts, ledger.Draft{Stream: stream, Version: version, Keys: keys, Content: c})
			return nil
		}
		for _, p := range a.puts {
			op := ledger.Put
			if p.came != nil && p.came.withdraw {
				op = ledger.Withdraw
			}
			if err := add(op, p); err != nil {
				return nil, nil, err
			}
		}
		for _, p := range a.withdraws {
			if err := add(ledger.Withdraw, Put{Record: p.Record, Kind: p.Kind}); err != nil {
				return nil, nil, err
			}
		}
	}
	return drafts, wrapped, nil
}

// moment is now, and never before the last entry: time does not run backwards along the ledger.
func (r *Registry) moment() time.Time {
	now := r.now().UTC().Truncate(time.Millisecond)
	if now.Before(r.last) {
		return r.last
	}
	return now
}

// split divides fields by their class. A field the codebook does not know is
// treated as identity: closed by default.
func (r *Registry) split(kind string, fields casefile.Fields) (fact, identity map[string][]string) {
	fact, identity = map[string][]string{}, map[string][]string{}
	k, known := r.book.Kind(kind)
	for id, values := range fields {
		if len(values) == 0 {
			continue
		}
		if known {
			if f, ok := k.Field(id); ok && f.Class == codebook.Fact {
				fact[id] = values
				continue
			}
		}
		identity[id] = values
	}
	return fact, identity
}

// join is the inverse of split.
func join(fact, identity map[string][]string) casefile.Fields {
	fields := make(casefile.Fields, len(fact)+len(identity))
	maps.Copy(fields, fact)
	maps.Copy(fields, identity)
	return fields
}

// group makes acts of entries: consecutive ones of one stream with one time.
func group(entries []index.Entry) []index.Act {
	var acts []index.Act
	for start := 0; start < len(entries); {
		end := start + 1
		for end < len(entries) && entries[end].Stream == entries[start].Stream && entries[end].At.Equal(entries[start].At) {
			end++
		}
		acts = append(acts, index.Act{Entries: slices.Clone(entries[start:end])})
		start = end
	}
	return acts
}
