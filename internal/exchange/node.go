// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// Node follows a relay: its replica, and what it has not handed in yet.
type Node struct {
	side
	id  *seal.Identity
	now func() time.Time

	outbox, carried, refused, findings, again folder
	parcels                                   parcels

	mu sync.Mutex // one change of the folders and of the claims at a time
}

// Options say how a node is opened.
type Options struct {
	Node  *seal.Identity
	Relay ed25519.PublicKey   // signs the checkpoints
	Nodes []ed25519.PublicKey // of the coalition, the own among them
	Dir   string              // for outbox and findings; made where it is missing
	Now   func() time.Time
}

// NewNode makes a node of its open replica and the replica's store.
func NewNode(log *ledger.Log, store ledger.Store, o Options) *Node {
	in := func(name string) folder { return folder(filepath.Join(o.Dir, name)) }
	return &Node{
		side: side{log: log, store: store, nodes: nodesOf(o.Nodes), relay: o.Relay}, id: o.Node, now: o.Now,
		outbox: in("outbox"), carried: in("carried"), refused: in("refused"), findings: in("findings"), again: in("again"),
		parcels: parcels{dir: in("files")},
	}
}

// Hand puts the next entries of a stream into the outbox, durably, with the
// keys that go with them. Where next is another node, that one owns the stream
// from then on. ErrOwner where another one does already.
func (n *Node) Hand(ctx context.Context, entries []ledger.Entry, keys []ledger.WrappedKey, next ledger.ID) error {
	if len(entries) == 0 {
		return errors.New("nothing to hand in")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	h := entries[0].Header
	last, chain, err := n.ahead(ctx, h.Stream)
	if err != nil {
		return err
	}
	if h.Version != last+1 {
		return &ledger.ConflictError{Stream: h.Stream, Last: last, Got: h.Version}
	}
	if len(chain) > 0 && ownerAt(chain, h.Version) != n.id.ID() {
		return ErrOwner
	}
	e := Envelope{Ledger: n.log.ID(), Stream: h.Stream, First: h.Version, Keys: keys}
	for _, one := range entries {
		e.Entries = append(e.Entries, one.Sealed)
	}
	e = e.Close(n.id, next)
	if _, err := OpenEnvelope(e.bytes, n.nodes.key); err != nil {
		return err
	}
	return n.outbox.put(envelopeName(e), e.bytes)
}

// envelopeName puts the envelopes of a stream in their order.
func envelopeName(e Envelope) string {
	sum := sha256.Sum256(e.bytes)
	return fmt.Sprintf("%v-%016x-%s", e.Stream, e.First, hex.EncodeToString(sum[:8]))
}

// Ahead is the last version of a stream, with what waits in the outbox counted.
func (n *Node) Ahead(ctx context.Context, stream ledger.ID) (uint64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	last, _, err := n.ahead(ctx, stream)
	return last, err
}

// ahead is the last version of a stream and its owners, with what waits in the
// outbox counted.
func (n *Node) ahead(ctx context.Context, stream ledger.ID) (uint64, []Claim, error) {
	last, _, err := n.log.Last(ctx, stream)
	if err != nil {
		return 0, nil, err
	}
	chain, err := n.claims(ctx, stream)
	if err != nil {
		return 0, nil, err
	}
	waiting, err := n.waitingOf(n.outbox, stream.String())
	for _, e := range waiting {
		last = max(last, e.Last())
		chain = extend(chain, e.Claims)
	}
	return last, chain, err
}

func (n *Node) waiting(d folder) (all []Envelope, err error) { return n.waitingOf(d, "") }

// waitingOf gives the envelopes whose names begin with a stream.
func (n *Node) waitingOf(d folder, stream string) (all []Envelope, err error) {
	names, err := d.names()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !strings.HasPrefix(name, stream) {
			continue
		}
		b, err := d.get(name)
		if err != nil {
			return nil, err
		}
		e, err := OpenEnvelope(b, n.nodes.key)
		if err != nil {
			return nil, fmt.Errorf("the outbox: %w", err)
		}
		all = append(all, e)
	}
	return all, nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Outbox gives the envelopes that are to be handed in, in their order.
func (n *Node) Outbox() ([][]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all [][]byte
	for _, d := range []folder{n.outbox, n.carried} {
		waiting, err := n.waiting(d)
		if err != nil {
			return nil, err
		}
		// Who a node is goes before what it wrote: else that would have to wait
		// at the others.
		slices.SortStableFunc(waiting, func(a, b Envelope) int {
			return cmp.Compare(btoi(a.Stream != a.Node), btoi(b.Stream != b.Node))
		})
		for _, e := range waiting {
			all = append(all, e.bytes)
		}
	}
	return all, nil
}

// Carry keeps an envelope of another node, to hand it in.
func (n *Node) Carry(ctx context.Context, envelope []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	e, err := OpenEnvelope(envelope, n.nodes.key)
	if err != nil {
		return err
	}
	if e.Ledger != n.log.ID() {
		return fmt.Errorf("an envelope of another coalition: %w", ErrFormat)
	}
	if e.Node == ledger.ID(n.id.ID()) {
		return nil
	}
	if kept, err := n.holds(ctx, e); err != nil || kept {
		return err
	}
	return n.carried.put(envelopeName(e), envelope)
}

// Answered takes in what the relay has said of an envelope of the outbox. A
// refused one of the own is put aside and shown. A kept one leaves when its
// entries are in the replica: what a relay says is not yet so.
func (n *Node) Answered(envelope []byte, o Outcome) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	e, err := OpenEnvelope(envelope, n.nodes.key)
	if err != nil {
		return err
	}
	if o == Early || o == Kept && e.Node == ledger.ID(n.id.ID()) {
		return nil
	}
	if e.Node != ledger.ID(n.id.ID()) {
		return n.carried.drop(envelopeName(e))
	}
	return n.refuse(e, o)
}

// refuse puts an envelope aside, and those that were to follow it in its
// stream, the last one first: first there, then away from here.
func (n *Node) refuse(e Envelope, o Outcome) error {
	waiting, err := n.waiting(n.outbox)
	if err != nil {
		return err
	}
	for _, later := range slices.Backward(waiting) {
		if later.Stream != e.Stream || later.First < e.First {
			continue
		}
		if err := n.refused.put(envelopeName(later), append([]byte{byte(o)}, later.bytes...)); err != nil {
			return err
		}
		if err := n.outbox.drop(envelopeName(later)); err != nil {
			return err
		}
	}
	return nil
}

// TakePage takes a page of the relay's ledger into the replica, all or nothing,
// and settles what of the outbox has arrived. A fork is kept with both
// checkpoints and answered as *ledger.ForkError, from then on to every page.
func (n *Node) TakePage(ctx context.Context, b []byte) (ledger.Head, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.log.Head()
	p, err := openPage(b)
	if err != nil {
		return now, err
	}
	if p.Ledger != n.log.ID() {
		return now, fmt.Errorf("a page of another coalition: %w", ErrFormat)
	}
	if found, err := n.findings.names(); err != nil || len(found) > 0 {
		if err == nil {
			err = n.fork(found[0])
		}
		return now, err
	}
	if len(p.Checkpoint) == 0 { // an empty ledger
		return now, nil
	}
	chains := map[ledger.ID][]Claim{}
	for _, c := range p.Claims {
		chains[c.Stream] = append(chains[c.Stream], c)
	}
	for stream, chain := range chains {
		had, err := n.claims(ctx, stream)
		if err != nil {
			return now, err
		}
		if err := n.nodes.check(n.log.ID(), stream, chain); err != nil {
			return now, err
		}
		least := min(len(had), len(chain))
		if !slices.Equal(had[:least], chain[:least]) {
			return now, ErrClaims
		}
		if len(chain) <= len(had) {
			delete(chains, stream)
		}
	}
	if err := n.owned(ctx, p, chains); err != nil {
		return now, err
	}
	if err := n.observe(ctx, p.Checkpoint); err != nil {
		return now, err
	}
	// The claims first: they are true whether or not the entries follow.
	for stream, chain := range chains {
		if err := n.setClaims(ctx, stream, chain); err != nil {
			return now, err
		}
	}
	if err := n.forget(ctx, p, now.Size); err != nil {
		return now, err
	}
	head, err := n.log.Take(ctx, p.From, p.Entries, p.Keys, p.Checkpoint)
	if err != nil {
		return head, n.note(err)
	}
	if seen, err := n.seen(ctx); err != nil {
		return head, err
	} else if seen.Size > 0 && seen.Size <= head.Size {
		if err := n.compare(ctx, seen); err != nil {
			return head, err
		}
	}
	return head, n.settle(ctx)
}

// forget lets go of the keys of the streams of which a page brings something
// new: those of the page are all that they have from then on.
func (n *Node) forget(ctx context.Context, p page, size uint64) error {
	seen := map[ledger.ID]bool{}
	for i, sealed := range p.Entries {
		e, err := ledger.Decode(sealed)
		if err != nil {
			return fmt.Errorf("the page: %w", err)
		}
		if p.From+uint64(i) >= size && !seen[e.Header.Stream] {
			seen[e.Header.Stream] = true
			if err := n.forgetOthers(ctx, e.Header.Stream, p.Keys); err != nil {
				return err
			}
		}
	}
	return nil
}

// owned refuses a page with entries of a stream that nobody has claimed.
func (n *Node) owned(ctx context.Context, p page, chains map[ledger.ID][]Claim) error {
	for _, sealed := range p.Entries {
		e, err := ledger.Decode(sealed)
		if err != nil {
			return fmt.Errorf("the page: %w", err)
		}
		if len(chains[e.Header.Stream]) > 0 {
			continue
		}
		had, err := n.claims(ctx, e.Header.Stream)
		if err != nil {
			return err
		}
		if len(had) == 0 {
			return fmt.Errorf("the page has an entry of a stream that no node claims: %w", ErrFormat)
		}
	}
	return nil
}

// settle lets envelopes go whose entries have arrived, and puts those aside in
// whose place others have.
func (n *Node) settle(ctx context.Context) error {
	for _, d := range []folder{n.outbox, n.carried} {
		waiting, err := n.waiting(d)
		if err != nil {
			return err
		}
		for _, e := range waiting {
			kept, err := n.holds(ctx, e)
			if err != nil {
				return err
			}
			last, _, err := n.log.Last(ctx, e.Stream)
			if err != nil {
				return err
			}
			switch {
			case kept, last >= e.First && d == n.carried:
				err = d.drop(envelopeName(e))
			case last >= e.First:
				err = n.refuse(e, Conflict)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
