// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
)

// What a list that comes in pages, or a rule, can answer.
var (
	// ErrCursor says that a cursor is none of that list.
	ErrCursor = index.ErrCursor
	// ErrNoRule says that there is no such figure, check or deadline.
	ErrNoRule = index.ErrNoRule
)

// Change is something that was written to, of what a member may see: which case
// or record, and nothing of what was written.
type Change struct {
	Case   string // id; empty: it is a record outside cases
	Record string // id of a record outside cases
	Kind   string // of that record
}

// Changes are what was written since a place in the ledger.
type Changes struct {
	Changes []Change // each once, in the order of its last write among those looked at
	Next    uint64   // the place to go on from
	More    bool     // there is more already
}

// scannedChanges is how many entries are looked at in one go.
const scannedChanges = 2000

// Changes are what was written since a place in the ledger, of what the member
// may see now. A place that is not yet written answers nothing.
func (r *Registry) Changes(ctx context.Context, s *access.Session, after uint64) (Changes, error) {
	end := r.index.Counted()
	if after >= end {
		return Changes{Next: end}, nil
	}
	out := Changes{}
	if end-after > scannedChanges {
		end, out.More = after+scannedChanges, true
	}
	out.Next = end
	var streams []string
	if err := r.log.Scan(ctx, after, end, func(e ledger.Entry) error {
		id := e.Header.Stream.String()
		streams = append(slices.DeleteFunc(streams, func(other string) bool { return other == id }), id)
		return nil
	}); err != nil {
		return Changes{}, r.whyNot(err)
	}
	see := r.see(s.Member)
	for _, id := range streams {
		if see(id) != index.Nothing {
			out.Changes = append(out.Changes, Change{Case: id})
			continue
		}
		if !mayReadOutside(s.Member, SharedKinds()[0]) && !mayReadOutside(s.Member, SaidKinds()[0]) {
			continue
		}
		entries, err := r.outsideEntries(ctx, id, Clock{})
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return Changes{}, err
		}
		if len(entries) > 0 && mayReadOutside(s.Member, entries[0].Kind) {
			out.Changes = append(out.Changes, Change{Record: id, Kind: entries[0].Kind})
		}
	}
	return out, nil
}

// Newest is the place in the ledger from which Changes answers what is yet to come.
func (r *Registry) Newest() uint64 { return r.index.Counted() }

// AwaitChange waits until something was written after a place in the ledger, by
// whomever, and says nothing of it. It ends with the context, and with
// ErrAPIKey when the register is being locked.
func (r *Registry) AwaitChange(ctx context.Context, after uint64) error {
	for {
		rung := r.bell.wait()
		if r.index.Counted() > after {
			return nil
		}
		select {
		case <-rung:
		case <-r.apiKeys.ended:
			return ErrAPIKey
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// bell tells those who wait that the index has taken something in.
type bell struct {
	mu   sync.Mutex
	next chan struct{} // nil: nobody waits
}

func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}
