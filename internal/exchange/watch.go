// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/kua-registry/kua/internal/ledger"
)

const metaSeen = "exchange/seen" // the checkpoint of the most entries that was seen

// seen is the newest checkpoint that was seen, wherever it came from.
func (n *Node) seen(ctx context.Context) (ledger.Head, error) {
	b, err := n.store.Meta(ctx, metaSeen)
	if err != nil || b == nil {
		return ledger.Head{}, err
	}
	return ledger.ParseCheckpoint(b, n.relay)
}

// observe holds a checkpoint against the replica, or remembers it for later.
func (n *Node) observe(ctx context.Context, checkpoint []byte) error {
	head, err := ledger.ParseCheckpoint(checkpoint, n.relay)
	if err != nil {
		return err
	}
	if head.Ledger != n.log.ID() {
		return fmt.Errorf("a checkpoint of another coalition: %w", ErrFormat)
	}
	if head.Size <= n.log.Head().Size {
		return n.compare(ctx, head)
	}
	seen, err := n.seen(ctx)
	if err != nil {
		return err
	}
	switch {
	case seen.Size == head.Size && seen.Root != head.Root:
		return n.note(&ledger.ForkError{Ours: seen.Checkpoint, Theirs: head.Checkpoint})
	case seen.Size >= head.Size:
		return nil
	}
	return n.store.SetMeta(ctx, metaSeen, checkpoint)
}

// compare holds a signed state against the replica's own past.
func (n *Node) compare(ctx context.Context, head ledger.Head) error {
	root, err := n.log.RootAt(ctx, head.Size)
	if err != nil {
		return err
	}
	if root != head.Root {
		return n.note(&ledger.ForkError{Ours: n.log.Head().Checkpoint, Theirs: head.Checkpoint})
	}
	return nil
}

var between = []byte("\n--\n")

// note keeps the proof of a fork, and answers the error that it was given.
func (n *Node) note(err error) error {
	var fork *ledger.ForkError
	if !errors.As(err, &fork) {
		return err
	}
	b := bytes.Join([][]byte{fork.Ours, fork.Theirs}, between)
	sum := sha256.Sum256(b)
	return errors.Join(err, n.findings.put(hex.EncodeToString(sum[:8]), b))
}

func (n *Node) fork(name string) error {
	b, err := n.findings.get(name)
	if err != nil {
		return err
	}
	ours, theirs, _ := bytes.Cut(b, between)
	return &ledger.ForkError{Ours: ours, Theirs: theirs}
}

// Cosign signs the newest checkpoint of the replica, and answers nil while it
// has none. All that it stands for was checked.
func (n *Node) Cosign(ctx context.Context) ([]byte, error) {
	head := n.log.Head()
	if head.Size == 0 {
		return nil, nil
	}
	b, err := cosign(head.Checkpoint, n.relay, n.id, n.now())
	if err != nil {
		return nil, err
	}
	return b, n.keepNote(ctx, n.relay, b)
}

// TakeNote takes in a checkpoint that another node has cosigned: a fork is seen
// by it (*ledger.ForkError), or that there are entries which are not here yet.
func (n *Node) TakeNote(ctx context.Context, checkpoint []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, _, _, err := n.nodes.openCosigned(checkpoint, n.relay); err != nil {
		return err
	}
	return errors.Join(n.observe(ctx, checkpoint), n.keepNote(ctx, n.relay, checkpoint))
}

// Refused is an envelope that could not be kept. Its entries lie in the folder
// of the node until somebody has decided what becomes of them.
type Refused struct {
	Stream  ledger.ID
	First   uint64
	Outcome Outcome
}

// Status is how a node stands to the others.
type Status struct {
	Size    uint64                  // entries in the replica
	Missing uint64                  // entries that the relay has signed and that are not here: a gap
	Waiting int                     // envelopes in the outbox
	Carried int                     // of others, to be handed in
	Refused []Refused               // envelopes that could not be kept
	Forks   []*ledger.ForkError     // with the proof
	Seen    map[ledger.ID]time.Time // when each node last signed what it had
	SeenAt  map[ledger.ID]uint64    // how many entries it then had
}

// Status tells how the node stands.
func (n *Node) Status(ctx context.Context) (Status, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := Status{Size: n.log.Head().Size, Seen: map[ledger.ID]time.Time{}, SeenAt: map[ledger.ID]uint64{}}
	seen, err := n.seen(ctx)
	if err != nil {
		return s, err
	}
	if seen.Size > s.Size {
		s.Missing = seen.Size - s.Size
	}
	for d, count := range map[folder]*int{n.outbox: &s.Waiting, n.carried: &s.Carried} {
		names, err := d.names()
		if err != nil {
			return s, err
		}
		*count = len(names)
	}
	refused, err := n.refused.names()
	if err != nil {
		return s, err
	}
	for _, name := range refused {
		b, err := n.refused.get(name)
		if err != nil {
			return s, err
		}
		e, err := OpenEnvelope(b[min(1, len(b)):], n.nodes.key)
		if err != nil {
			return s, fmt.Errorf("what was refused: %w", err)
		}
		s.Refused = append(s.Refused, Refused{e.Stream, e.First, Outcome(b[0])})
	}
	forks, err := n.findings.names()
	if err != nil {
		return s, err
	}
	for _, name := range forks {
		var fork *ledger.ForkError
		if err := n.fork(name); !errors.As(err, &fork) {
			return s, err
		}
		s.Forks = append(s.Forks, fork)
	}
	notes, err := n.Notes(ctx)
	if err != nil {
		return s, err
	}
	for _, b := range notes {
		if head, by, at, err := n.nodes.openCosigned(b, n.relay); err == nil {
			s.Seen[by], s.SeenAt[by] = at, head.Size
		}
	}
	return s, nil
}
