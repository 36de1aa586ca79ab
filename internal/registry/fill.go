// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// FilledAct is an act of a register that is made up: what a member wrote, and
// when. Its stream is a case of Org or, where Org is empty, a record outside
// cases that all share, or a decision that two cases are one person.
type FilledAct struct {
	By        *access.Session
	Stream    string // 32 hex digits
	Org       string
	Before    uint64 // how many entries the stream has before it; where it has more, the act is there already
	At        time.Time
	Puts      []Put
	Withdraws []Put // their kinds, too
	Reason    string
	Source    string
	Ends      bool // nothing follows in the stream
}

// Fill writes acts that are made up into a register that holds nothing else,
// such as a measurement needs: sealed, signed and in the ledger as if members
// had typed them in at the times they say, which must not run backwards. Each
// batch is written whole or not at all; acts that are there already are passed
// over, so that filling that was cut short can be done again.
//
// It answers how many entries it has written, and how many the ledger then has.
// The index does not follow: the next write, or the next opening, brings it up.
func (r *Registry) Fill(ctx context.Context, s *access.Session, batches iter.Seq[[]FilledAct]) (written, entries uint64, err error) {
	defer r.refusal(ctx, s, "import", "", &err)
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return 0, 0, ErrNotAllowed
	}
	if r.beside {
		return 0, 0, ledger.ErrLocked
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	r.filled = true
	f := &filling{r: r, tails: map[string]*tail{}, again: true, from: r.last}
	sealed := make(chan sealedBatch, 1)
	var g errgroup.Group
	g.Go(func() error {
		var failed error
		for b := range sealed { // to its end, so that nobody waits for ever
			if failed == nil {
				failed = f.append(ctx, b)
				f.failed.Store(failed != nil)
			}
		}
		return failed
	})
	for acts := range batches {
		var next sealedBatch
		if err = ctx.Err(); err == nil && !f.failed.Load() {
			next, err = f.seal(ctx, acts)
		}
		if err != nil || f.failed.Load() {
			break
		}
		if len(next.batch.Entries) > 0 {
			sealed <- next
		}
	}
	close(sealed)
	err = errors.Join(err, g.Wait())
	return f.written, r.log.Head().Size, err
}

// filling is a register while it is filled.
type filling struct {
	r     *Registry
	tails map[string]*tail // of streams that go on
	again bool             // acts may be there already: until one was not
	from  time.Time        // of the last entry that was there before
	last  time.Time

	written uint64
	failed  atomic.Bool
}

// tail is where a stream stands.
type tail struct {
	org     string // whose case it is; empty: no case
	version uint64
	prev    ledger.Hash
	keys    seal.CaseKeys
}

// sealedBatch is what is appended together.
type sealedBatch struct {
	batch   ledger.Batch
	decides []decides // what of it decides who may do what
	last    time.Time
}

// decides is an entry that decides, by its place in the batch.
type decides struct {
	at      int
	content ledger.Content
}

// seal makes the entries of a batch, with all processors.
func (f *filling) seal(ctx context.Context, acts []FilledAct) (sealedBatch, error) {
	var out sealedBatch
	of := map[string][]int{} // a stream's acts, in their order
	var streams []string
	for i, a := range acts {
		t := f.tails[a.Stream]
		if t == nil {
			there := uint64(0)
			id, err := ledger.ParseID(a.Stream)
			if err != nil {
				return out, err
			}
			t = &tail{}
			if f.again || a.Before > 0 {
				if there, t.prev, err = f.r.log.Last(ctx, id); err != nil {
					return out, err
				}
			}
			if there > a.Before {
				continue
			}
			if t.version, t.org = there, a.Org; there > 0 {
				thing, ok := f.r.thing(a.Stream)
				if !ok {
					return out, ErrNotFound // it is no case
				}
				t.org = thing.Org
				if t.keys, err = f.r.keyring.Current(ctx, id); err != nil {
					return out, err
				}
			}
			f.tails[a.Stream] = t
		}
		if a.At.Before(f.from) || a.At.Before(f.last) {
			return out, errors.New("the acts do not stand in the order of their times, or something else was written before")
		}
		f.again, f.last = false, a.At
		if of[a.Stream] == nil {
			streams = append(streams, a.Stream)
		}
		of[a.Stream] = append(of[a.Stream], i)
	}
	made := make([]sealedBatch, len(acts))
	var g errgroup.Group
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			for {
				k := int(next.Add(1)) - 1
				if k >= len(streams) {
					return nil
				}
				for _, i := range of[streams[k]] {
					var err error
					if made[i], err = f.r.sealFilled(acts[i], f.tails[streams[k]]); err != nil {
						return err
					}
				}
			}
		})
	}
	if err := g.Wait(); err != nil {
		return out, err
	}
	for i, m := range made {
		for _, d := range m.decides {
			out.decides = append(out.decides, decides{len(out.batch.Entries) + d.at, d.content})
		}
		out.batch.Entries, out.batch.Keys = append(out.batch.Entries, m.batch.Entries...), append(out.batch.Keys, m.batch.Keys...)
		if acts[i].Ends {
			delete(f.tails, acts[i].Stream)
		}
	}
	out.last = f.last
	return out, nil
}

// sealFilled makes the entries of one act, and moves the tail of its stream on.
func (r *Registry) sealFilled(a FilledAct, t *tail) (out sealedBatch, err error) {
	if a.Before != t.version {
		return out, fmt.Errorf("an act was to be entry %d of its stream, and is entry %d", a.Before+1, t.version+1)
	}
	if err := r.mayFill(a); err != nil {
		return out, err
	}
	if t.org != a.Org {
		return out, ErrNotAllowed
	}
	stream, err := ledger.ParseID(a.Stream)
	if err != nil {
		return out, err
	}
	if t.version == 0 {
		t.keys = seal.NewCaseKeys()
		holders := []*seal.Vault{r.vault}
		if a.Org != "" {
			holders = append(holders, a.By.Keys.Vaults[a.Org])
		}
		for _, v := range holders {
			w, err := ledger.WrapCaseKeys(v, stream, t.keys)
			if err != nil {
				return out, err
			}
			out.batch.Keys = append(out.batch.Keys, w...)
		}
	}
	add := func(op ledger.Op, p Put) error {
		record, err := ledger.ParseID(p.Record)
		if err != nil {
			return err
		}
		c := ledger.Content{Kind: p.Kind, Record: record, Op: op, Reason: a.Reason, Source: a.Source, At: a.At, Prev: t.prev}
		c.Fact, c.Identity = r.split(p.Kind, p.Fields)
		e, err := ledger.Seal(r.log.ID(), a.By.Keys.Identity, ledger.Draft{Stream: stream, Version: t.version + 1, Keys: t.keys, Content: c})
		if err != nil {
			return err
		}
		if p.Kind == "case" || p.Kind == grantKind {
			c.Author = ledger.ID(a.By.Keys.Identity.ID())
			out.decides = append(out.decides, decides{len(out.batch.Entries), c})
		}
		out.batch.Entries = append(out.batch.Entries, e)
		t.version, t.prev = t.version+1, e.Hash()
		return nil
	}
	for _, p := range a.Puts {
		if problems := r.book.Validate(p.Kind, p.Fields); len(problems) > 0 {
			return out, &InvalidError{Kind: p.Kind, Problems: problems}
		}
		if err := add(ledger.Put, p); err != nil {
			return out, err
		}
		if p.Kind == "case" && t.version == 1 && first(p.Fields["restricted"]) == "yes" {
			for _, g := range r.ownGrant(a.By.Member, a.Stream) {
				if err := add(ledger.Put, g); err != nil {
					return out, err
				}
			}
		}
	}
	for _, p := range a.Withdraws {
		if err := add(ledger.Withdraw, Put{Record: p.Record, Kind: p.Kind}); err != nil {
			return out, err
		}
	}
	return out, nil
}

// mayFill tells whether whoever writes an act may, and whether it is one that
// can be written this way.
func (r *Registry) mayFill(a FilledAct) error {
	if a.Org == "" {
		for _, p := range append(a.Puts, a.Withdraws...) {
			if p.Kind != "match" && !shared(p.Kind) || p.Record != a.Stream {
				return fmt.Errorf("a record of kind %s can't be put this way", p.Kind)
			}
			if p.Kind == "match" && !access.Decide(a.By.Member, access.Match, access.Thing{}) || p.Kind != "match" && !mayWriteOutside(a.By.Member, p.Kind) {
				return ErrNotAllowed
			}
		}
		return nil
	}
	if !access.Decide(a.By.Member, access.WriteCase, access.Thing{Org: a.Org}) || a.By.Keys.Vaults[a.Org] == nil {
		return ErrNotAllowed
	}
	for _, p := range append(a.Puts, a.Withdraws...) {
		if k, ok := r.book.Kind(p.Kind); !ok || k.Scope == codebook.Outside || (p.Kind == "case") != (p.Record == a.Stream) ||
			p.Kind == "case" && first(p.Fields["org"]) != a.Org {
			return &InvalidError{Kind: p.Kind}
		}
	}
	return r.ordinary(a.Puts, a.Stream)
}

// append appends a batch, and hands on what of it decides.
func (f *filling) append(ctx context.Context, b sealedBatch) error {
	r := f.r
	r.appending.Lock()
	defer r.appending.Unlock()
	pos, err := r.log.Append(ctx, b.batch)
	if errors.Is(err, ledger.ErrConflict) {
		return ErrConflict
	}
	if err != nil {
		return r.whyNot(err)
	}
	decided := make([]index.Entry, len(b.decides))
	for i, d := range b.decides {
		e := b.batch.Entries[d.at]
		e.Pos = pos + uint64(d.at)
		decided[i] = opened(e, d.content)
	}
	r.takeNew(ctx, decided, pos, pos+uint64(len(b.batch.Entries)))
	r.last, f.written = b.last, f.written+uint64(len(b.batch.Entries))
	return nil
}
