// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
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

// Changes are what was written since a cursor.
type Changes struct {
	Changes []Change // each once, in the order of its last write among those looked at
	Next    string   // the cursor to go on from
	More    bool     // there may be more already
}

// FromTheStart is the cursor before all that was written.
const FromTheStart = "start"

const (
	scannedAtOnce  = 2000    // entries that are looked at in one go
	scannedChanges = 100_000 // and at most for one answer, where nothing is found
)

// cursorStart begins a cursor of changes.
const cursorStart = "c"

// cursorSeal seals cursors: a place in the ledger says how much everybody has
// written, and two of them how much in between. All machines of a register have
// the same key, so that a cursor is good on each.
func (r *Registry) cursorSeal() (cipher.AEAD, error) {
	key := r.nodeKey("kua/change cursor/v1")
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// cursorAt is a place in the ledger as a cursor, which says nothing of it: not
// even whether it is the place of another cursor.
func (r *Registry) cursorAt(place uint64) (string, error) {
	aead, err := r.cursorSeal()
	if err != nil {
		return "", err
	}
	return cursorStart + base64.RawURLEncoding.EncodeToString(aead.Seal(nil, nil, binary.BigEndian.AppendUint64(nil, place), nil)), nil
}

// placeOf is the place that a cursor stands for; none: the end.
func (r *Registry) placeOf(cursor string) (uint64, error) {
	switch cursor {
	case "":
		return r.index.Counted(), nil
	case FromTheStart:
		return 0, nil
	}
	text, ok := strings.CutPrefix(cursor, cursorStart)
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if !ok || err != nil {
		return 0, ErrCursor
	}
	aead, err := r.cursorSeal()
	if err != nil {
		return 0, err
	}
	place, err := aead.Open(nil, nil, sealed, nil)
	if err != nil || len(place) != 8 {
		return 0, ErrCursor
	}
	return binary.BigEndian.Uint64(place), nil
}

// Changes are what was written since a cursor, of what the member may see now;
// without a cursor, since now.
func (r *Registry) Changes(ctx context.Context, s *access.Session, cursor string) (Changes, error) {
	at, err := r.placeOf(cursor)
	if err != nil {
		return Changes{}, err
	}
	out := Changes{More: true}
	for first := at; out.More && len(out.Changes) == 0 && at-first < scannedChanges; {
		if out.Changes, at, out.More, err = r.changes(ctx, s.Member, at); err != nil {
			return Changes{}, err
		}
	}
	out.Next, err = r.cursorAt(at)
	return out, err
}

// changes are what was written from a place on, of some entries, and the place
// to go on from. A place that is not yet written answers nothing.
func (r *Registry) changes(ctx context.Context, m access.Member, after uint64) (found []Change, next uint64, more bool, err error) {
	end := r.index.Counted()
	if after >= end {
		return nil, end, false, nil
	}
	if end-after > scannedAtOnce {
		end, more = after+scannedAtOnce, true
	}
	var streams []string
	if err := r.log.Scan(ctx, after, end, func(e ledger.Entry) error {
		id := e.Header.Stream.String()
		streams = append(slices.DeleteFunc(streams, func(other string) bool { return other == id }), id)
		return nil
	}); err != nil {
		return nil, 0, false, r.whyNot(err)
	}
	see := r.see(m)
	for _, id := range streams {
		if see(id) != index.Nothing {
			found = append(found, Change{Case: id})
			continue
		}
		if !mayReadOutside(m, SharedKinds()[0]) && !mayReadOutside(m, SaidKinds()[0]) {
			continue
		}
		entries, err := r.outsideEntries(ctx, id, Clock{})
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, 0, false, err
		}
		if len(entries) > 0 && mayReadOutside(m, entries[0].Kind) {
			found = append(found, Change{Record: id, Kind: entries[0].Kind})
		}
	}
	return found, end, more, nil
}

// AwaitChange waits until something was written after a cursor, by whomever, and
// says nothing of it. It ends with the context, and with ErrAPIKey when the
// register is being locked.
func (r *Registry) AwaitChange(ctx context.Context, cursor string) error {
	after, err := r.placeOf(cursor)
	if err != nil {
		return err
	}
	return r.awaitWrite(ctx, after)
}

// awaitWrite is AwaitChange from a place in the ledger on.
func (r *Registry) awaitWrite(ctx context.Context, after uint64) error {
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
