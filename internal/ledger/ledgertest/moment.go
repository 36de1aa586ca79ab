// SPDX-License-Identifier: AGPL-3.0-or-later

package ledgertest

import (
	"bytes"
	"context"
	"testing"

	"github.com/kua-registry/kua/internal/ledger"
)

// momentWrites is how much is written while moments are taken.
const momentWrites = 40

// testMoment takes moments while somebody writes: each is of one state. Every
// stream of a wrapped key has its entry before the moment's end, and every entry
// up to there has the keys that open it.
func testMoment(t *testing.T, l *Ledger) {
	ctx := context.Background()
	var batches []ledger.Batch
	for range momentWrites {
		batches = append(batches, l.Batch(t, l.Draft(ledger.NewID(), 1, "written meanwhile")))
	}
	written := make(chan error, 1)
	go func() {
		for _, b := range batches {
			if _, err := l.Append(ctx, b); err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()
	look := func() ledger.Head {
		keyed := map[ledger.ID]int{}
		var last ledger.ID
		m, head, err := l.Moment(ctx, func(k ledger.WrappedKey) error {
			if bytes.Compare(k.Stream[:], last[:]) < 0 {
				t.Error("the keys are not in the order of their streams")
			}
			last = k.Stream
			keyed[k.Stream]++
			return nil
		})
		must(t, err)
		if id := l.ID(); !bytes.Equal(m.Meta["ledger"], id[:]) || head.Size != m.Size || !bytes.Equal(head.Checkpoint, m.Checkpoint) {
			t.Errorf("a moment of %d entries: %q", m.Size, m.Meta)
		}
		if had, err := l.Had(ctx, head.Size, head.Root); err != nil || !had {
			t.Errorf("the ledger never was as its moment says: %v", err)
		}
		n := 0
		must(t, l.Rows(ctx, 0, m.Size, func(r ledger.Row) error {
			if keyed[r.Stream] == 0 {
				t.Errorf("entry %d has no key in the moment it is part of", r.Pos)
			}
			delete(keyed, r.Stream)
			n++
			return nil
		}))
		if uint64(n) != m.Size || len(keyed) > 0 {
			t.Errorf("%d of %d entries; keys of %d streams that had no entry", n, m.Size, len(keyed))
		}
		return head
	}
	for {
		look()
		select {
		case err := <-written:
			must(t, err)
			for i, b := range batches {
				l.Expect(t, uint64(i), b)
			}
			if head := look(); head.Size != l.Head().Size || head.Root != l.Head().Root {
				t.Errorf("the last moment is of %d entries, there are %d", head.Size, l.Head().Size)
			}
			return
		default:
		}
	}
}
