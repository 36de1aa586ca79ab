// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/exchange"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// How far the own ledger was handed on, and the replica taken in: positions, in
// the store of the replica. Lost ones only make the next exchange look again.
const (
	metaHanded = "registry/handed"
	metaTaken  = "registry/taken"
	metaAnew   = "registry/anew"    // keys of entries that are here came or went: rights and index are to be made anew
	metaOpen   = "registry/granted" // streams with keys that are sealed to organisations here
	metaHeld   = "registry/held"    // streams that could not be taken in yet
	metaLeft   = "registry/left"    // sealed files of which another node may be the keeper now
)

const (
	// exchangeEvery is how often a register that is open looks to the relay.
	exchangeEvery = 5 * time.Minute
	// handedAtOnce bounds how much of the own ledger is read at a time.
	handedAtOnce = 4096
	// envelopeFull is when no further entry is put into an envelope, in bytes.
	envelopeFull = 1 << 20
)

// NodeView is another node as this one sees it.
type NodeView struct {
	ID, Name, Fingerprint string
	Introduced            bool // it has said who writes for it
	// Pack is the id of the pack whose law it knows, where that is another than
	// here: what it writes of offences, bodies and regions means nothing here, and
	// its cases are checked and counted by the wrong law. Empty: the same, or it
	// has not said.
	Pack   string
	Seen   time.Time
	SeenAt uint64 // entries that it had then
}

// RefusedView is what the relay could not keep.
type RefusedView struct {
	Record, Why string
	Version     uint64
}

// HeldView is what came and was not taken in.
type HeldView struct {
	Record, Why string
	Waits       bool // for its node to say who it is: nothing is wrong
}

// Fork is the proof that the relay has signed two histories.
type Fork struct{ Ours, Theirs string }

// ExchangeView is how this register stands in its coalition.
type ExchangeView struct {
	Node, Name, Fingerprint string
	Relay                   string // the fingerprint of its key
	Address                 string
	Entries                 uint64 // of the coalition's ledger that are here
	Root                    string
	Missing                 uint64 // that the relay has signed and are not here: a gap
	Waiting                 int    // envelopes that are to be handed in
	Carried                 int    // of them, of others
	Sending                 int    // files of cases that were handed over from here and not taken yet
	Coming                  int    // files that go to this node and are not taken over yet
	Came                    int    // of them, those that are here whole
	Refused                 []RefusedView
	Held                    []HeldView
	Forks                   []Fork
	Nodes                   []NodeView
	Own                     OwnView // of a node that was restored from a backup
}

// Finding tells whether something is to be looked at by a person.
func (v *ExchangeView) Finding() bool {
	return v.Own.Waits || v.Missing > 0 || len(v.Refused) > 0 || len(v.Forks) > 0 ||
		slices.ContainsFunc(v.Held, func(h HeldView) bool { return !h.Waits }) ||
		slices.ContainsFunc(v.Nodes, func(n NodeView) bool { return n.Pack != "" })
}

// mayExchange tells whether a session may look after the exchange.
func (r *Registry) mayExchange(s *access.Session) error {
	switch {
	case !access.Decide(s.Member, access.Administer, access.Thing{}):
		return ErrNotAllowed
	case r.coalition == nil:
		return ErrNoCoalition
	}
	return nil
}

// Exchange is how the register stands in its coalition.
func (r *Registry) Exchange(ctx context.Context, s *access.Session) (_ ExchangeView, err error) {
	defer r.refusal(ctx, s, "exchange", "", &err)
	if err := r.mayExchange(s); err != nil {
		return ExchangeView{}, err
	}
	return r.exchangeView(ctx)
}

func (r *Registry) exchangeView(ctx context.Context) (ExchangeView, error) {
	c := r.coalition
	status, err := c.node.Status(ctx)
	if err != nil {
		return ExchangeView{}, err
	}
	v := ExchangeView{
		Node: ledger.ID(r.node.ID()).String(), Name: c.Name, Fingerprint: exchange.Fingerprint(r.node.Public().Signing()),
		Relay: exchange.Fingerprint(c.Coalition.Relay), Address: c.Coalition.Address,
		Entries: status.Size, Root: c.log.Head().Root.String(), Missing: status.Missing, Waiting: status.Waiting + status.Carried, Carried: status.Carried,
	}
	back := c.back.Load()
	v.Own = OwnView{Waits: back.Waits, Back: back.Back, Closed: back.Closed}
	for _, refused := range status.Refused {
		v.Refused = append(v.Refused, RefusedView{Record: refused.Stream.String(), Version: refused.First, Why: refused.Outcome.String()})
	}
	for _, fork := range status.Forks {
		v.Forks = append(v.Forks, Fork{Ours: string(fork.Ours), Theirs: string(fork.Theirs)})
	}
	sending, err := r.sending(ctx)
	if err != nil {
		return v, err
	}
	coming, err := c.node.Coming()
	if err != nil {
		return v, err
	}
	v.Sending, v.Coming = len(sending), len(coming)
	for _, file := range coming {
		if file.Whole() {
			v.Came++
		}
	}
	held, err := r.held(ctx)
	if err != nil {
		return v, err
	}
	for _, h := range held {
		v.Held = append(v.Held, HeldView{Record: h.stream.String(), Why: h.why.String(), Waits: h.why == heldStranger || h.why == heldCase})
	}
	for _, card := range c.Coalition.Nodes {
		id := ledger.ID(card.Key.ID())
		if id == ledger.ID(r.node.ID()) {
			continue
		}
		p := r.met()[id]
		other := ""
		if p != nil && p.pack != r.pack() {
			other = p.pack
		}
		v.Nodes = append(v.Nodes, NodeView{
			Pack: other,
			ID:   id.String(), Name: card.Name, Fingerprint: exchange.Fingerprint(card.Key.Signing()),
			Introduced: p != nil && p.vault != nil && len(p.signers) > 0, Seen: status.Seen[id], SeenAt: status.SeenAt[id],
		})
	}
	return v, nil
}

// Sync hands what was written here to the relay, and takes in what others wrote.
// Cut off anywhere, it goes on the next time where it stood.
func (r *Registry) Sync(ctx context.Context, s *access.Session) (_ ExchangeView, err error) {
	defer r.did(ctx, s, actExchange, "exchange", &err)
	if err := r.mayExchange(s); err != nil {
		return ExchangeView{}, err
	}
	err = r.exchangeByLine(ctx)
	r.openGranted(ctx, s)
	return r.viewAfter(ctx, err)
}

// ReadStick takes in what another node or the relay wrote to a file.
func (r *Registry) ReadStick(ctx context.Context, s *access.Session, f io.ReadSeeker) (_ ExchangeView, err error) {
	defer r.did(ctx, s, actExchange, "exchange", &err)
	if err := r.mayExchange(s); err != nil {
		return ExchangeView{}, err
	}
	err = r.exchange(ctx, func(n *exchange.Node) error { return n.ReadStick(ctx, f) })
	err = errors.Join(err, r.caughtUp(ctx, err))
	r.openGranted(ctx, s)
	return r.viewAfter(ctx, err)
}

// WriteStick writes a file that another node, or the relay, reads: the
// coalition's entries from a position on, and all that waits here.
func (r *Registry) WriteStick(ctx context.Context, s *access.Session, w io.Writer, from uint64) (_ ExchangeView, err error) {
	defer r.did(ctx, s, actExchange, "exchange", &err)
	if err := r.mayExchange(s); err != nil {
		return ExchangeView{}, err
	}
	err = r.exchange(ctx, func(n *exchange.Node) error {
		if _, err := n.Cosign(ctx); err != nil {
			return err
		}
		files, err := r.sending(ctx)
		if err != nil {
			return err
		}
		return n.WriteStick(ctx, w, from, files...)
	})
	return r.viewAfter(ctx, err)
}

// viewAfter is how it stands after an exchange. A fork or a gap is no failure of
// the program: it is shown as what it is.
func (r *Registry) viewAfter(ctx context.Context, err error) (ExchangeView, error) {
	if err != nil && !errors.Is(err, ledger.ErrForked) {
		return ExchangeView{}, err
	}
	return r.exchangeView(ctx)
}

// KeepExchanging exchanges with the relay until the context ends. That nobody
// answers is no fault: all waits.
func (r *Registry) KeepExchanging(ctx context.Context) {
	if r.coalition == nil || r.beside {
		return
	}
	ticks := time.NewTicker(exchangeEvery)
	defer ticks.Stop()
	for {
		err := r.exchangeByLine(ctx)
		if err != nil && ctx.Err() == nil {
			r.opt.Log.Info("nothing was exchanged with the coalition; all waits, and 'kua exchange status' says more", slog.String("type", fmt.Sprintf("%T", err)))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// exchangeByLine exchanges entries with the relay, and then the files of cases that
// were handed over.
func (r *Registry) exchangeByLine(ctx context.Context) error {
	err := r.exchange(ctx, func(n *exchange.Node) error { return n.Follow(ctx, r.coalition.Coalition.Client()) })
	if err == nil {
		err = r.caughtUp(ctx, nil)
	}
	if err == nil {
		err = r.exchangeFiles(ctx)
	}
	return err
}

// caughtUp notes that a node that came back from a backup has exchanged, where it has.
func (r *Registry) caughtUp(ctx context.Context, exchanged error) error {
	if exchanged != nil {
		return nil
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	return r.whyNot(r.cameBack(ctx))
}

// exchange puts what was written here into the outbox, has something done with
// others, and takes in what came, also where that was cut off.
func (r *Registry) exchange(ctx context.Context, with func(*exchange.Node) error) error {
	if r.beside {
		return ledger.ErrLocked
	}
	c := r.coalition
	c.one.Lock()
	defer c.one.Unlock()
	locked := func(do func(context.Context) error) error {
		r.writing.Lock()
		defer r.writing.Unlock()
		return do(ctx)
	}
	if !c.waits() { // else others may have more of what is written here
		if err := locked(r.handOn); err != nil {
			return r.whyNot(err)
		}
	}
	err := with(c.node)
	if in := locked(r.takeIn); in != nil { // taken in is also what came before the line was cut
		err = errors.Join(err, r.whyNot(in))
	}
	return err
}

func (c *coalition) position(ctx context.Context, name string) (uint64, error) {
	b, err := c.store.Meta(ctx, name)
	if err != nil || len(b) != 8 {
		return 0, err
	}
	return binary.BigEndian.Uint64(b), nil
}

func (c *coalition) setPosition(ctx context.Context, name string, pos uint64) error {
	return c.store.SetMeta(ctx, name, binary.BigEndian.AppendUint64(nil, pos))
}

// handOn puts what the own ledger has and the coalition has not into the outbox:
// organisations, cases, links, and who this node is. Members, the audit and
// settings stay at home. The caller holds r.writing.
func (r *Registry) handOn(ctx context.Context) error {
	c := r.coalition
	if err := r.introduce(ctx); err != nil {
		return err
	}
	authors, err := r.authors()
	if err != nil {
		return err
	}
	opener := ledger.Opener{Keys: r.keyring.Keys, Author: authors}
	pos, err := c.position(ctx, metaHanded)
	if err != nil {
		return err
	}
	for end := r.log.Head().Size; pos < end; end = r.log.Head().Size { // what is withdrawn for it, too
		to := min(pos+handedAtOnce, end)
		var order []ledger.ID
		waiting := map[ledger.ID][]ledger.Entry{}
		err := r.log.Scan(ctx, pos, to, func(e ledger.Entry) error {
			if len(waiting[e.Header.Stream]) == 0 {
				order = append(order, e.Header.Stream)
			}
			waiting[e.Header.Stream] = append(waiting[e.Header.Stream], e)
			return nil
		})
		if err != nil {
			return err
		}
		for _, stream := range order {
			if err := r.handStream(ctx, stream, waiting[stream], opener); err != nil {
				return err
			}
		}
		if err := r.retireEncodings(ctx, order); err != nil {
			return err
		}
		if err := c.setPosition(ctx, metaHanded, to); err != nil {
			return err
		}
		pos = to
	}
	return nil
}

// handStream puts entries of a stream into the outbox, but for those that are there.
func (r *Registry) handStream(ctx context.Context, stream ledger.ID, entries []ledger.Entry, opener ledger.Opener) error {
	c := r.coalition
	owner, err := c.node.Owner(ctx, stream)
	if err != nil {
		return err
	}
	if !owner.IsZero() && owner != ledger.ID(r.node.ID()) {
		return nil
	}
	last, err := c.node.Ahead(ctx, stream)
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e ledger.Entry) bool { return e.Header.Version <= last })
	if len(entries) == 0 {
		return nil
	}
	kind, err := r.kindOf(ctx, stream, opener)
	if err != nil {
		return err
	}
	if last == 0 && !goesAbroad(kind) {
		return nil
	}
	keys, err := r.sharedKeys(ctx, stream, kind, opener)
	if err != nil {
		return err
	}
	newest, _, err := r.log.Last(ctx, stream)
	if err != nil {
		return err
	}
	next, _ := r.abroadOrg(r.handedTo(stream.String())) // with the last entry here the other node owns it
	for len(entries) > 0 {
		n, size := 0, 0
		for n < len(entries) && (n == 0 || size+len(entries[n].Sealed) <= envelopeFull) {
			size += len(entries[n].Sealed)
			n++
		}
		to := ledger.ID{}
		if entries[n-1].Header.Version == newest {
			to = next
		}
		if err := c.node.Hand(ctx, entries[:n], keys, to); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// goesAbroad tells of the first record of a stream whether the stream goes to the
// coalition.
func goesAbroad(kind string) bool {
	switch kind {
	case "case", "match", organisationKind, nodeKind, encodingKind, commonKind, revocationKind:
		return true
	}
	return false
}

// errFound ends a reading.
var errFound = errors.New("found")

// kindOf is the kind of the first entry of a stream; empty where it can't be read.
func (r *Registry) kindOf(ctx context.Context, stream ledger.ID, opener ledger.Opener) (kind string, err error) {
	err = r.log.Stream(ctx, stream, func(e ledger.Entry) error {
		c, err := opener.Open(e)
		if errors.Is(err, ledger.ErrNoKey) {
			return errFound
		}
		if err != nil {
			return err
		}
		kind = c.Kind
		return errFound
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return kind, err
}

// sharedKeys are all the keys of a stream that others are given: to the other
// nodes who this one is; under the vault that it counts with, the organisations
// and the facts of cases and links that count; and what grants open.
func (r *Registry) sharedKeys(ctx context.Context, stream ledger.ID, kind string, opener ledger.Opener) (keys []ledger.WrappedKey, err error) {
	held, err := r.keyring.All(ctx, stream)
	if err != nil {
		return nil, err
	}
	switch kind {
	case nodeKind, encodingKind, commonKind, revocationKind:
		to, err := r.sealedTo(ctx, stream, opener)
		if err != nil {
			return nil, err
		}
		for node, p := range r.met() {
			for _, k := range held {
				if !to(node, k.Part) {
					continue
				}
				sealed, err := p.card.Key.Seal(grantLabel(r.log.ID(), stream, k.Part, k.Epoch), k.Key[:])
				if err != nil {
					return nil, err
				}
				keys = append(keys, ledger.WrappedKey{Stream: stream, Part: uint8(k.Part), Epoch: k.Epoch, Holder: p.card.Key.ID(), Wrapped: sealed})
			}
		}
		return keys, nil
	}
	counts, err := r.countsWith(ctx, stream, kind, opener)
	if err != nil {
		return nil, err
	}
	if counts {
		vault, err := r.countingVault(ctx, r.node.ID())
		if err != nil {
			return nil, err
		}
		for _, k := range held {
			if k.Part != seal.FactPart {
				continue
			}
			wrapped, err := vault.WrapCaseKey(stream, k.Part, k.Epoch, k.Key)
			if err != nil {
				return nil, err
			}
			keys = append(keys, ledger.WrappedKey{Stream: stream, Part: uint8(k.Part), Epoch: k.Epoch, Holder: vault.ID(), Wrapped: wrapped})
		}
	}
	abroad := map[ledger.ID]bool{}
	for _, p := range r.met() {
		for _, key := range p.orgs {
			abroad[key.ID()] = true
		}
	}
	err = r.log.Keys(ctx, stream, func(k ledger.WrappedKey) error {
		if abroad[k.Holder] && len(k.Wrapped) > 0 {
			k.Wrapped = slices.Clone(k.Wrapped)
			keys = append(keys, k)
		}
		return nil
	})
	return keys, err
}

// sealedTo tells to which other nodes a stream that is for nodes alone is sealed:
// who this one is, and its encoded cases, to all; what is proposed to one, to that
// one; a revocation to all, and its reason to the one that keeps the case; what
// was withdrawn, to nobody.
func (r *Registry) sealedTo(ctx context.Context, stream ledger.ID, opener ledger.Opener) (func(ledger.ID, seal.Part) bool, error) {
	var last ledger.Content
	err := r.log.Stream(ctx, stream, func(e ledger.Entry) (err error) {
		last, err = opener.Open(e)
		return err
	})
	if err != nil {
		return nil, err
	}
	var keeper ledger.ID
	if last.Kind == revocationKind {
		if keeper, err = r.keeperOf(ctx, first(last.Fact["case"])); err != nil {
			return nil, err
		}
	}
	return func(node ledger.ID, part seal.Part) bool {
		switch {
		case last.Op != ledger.Put:
			return false
		case last.Kind == commonKind:
			return first(last.Fact["node"]) == node.String()
		case last.Kind == revocationKind:
			return part == seal.FactPart || node == keeper
		}
		return true
	}, nil
}

// countsWith tells whether the facts of a stream are for all nodes to count.
func (r *Registry) countsWith(ctx context.Context, stream ledger.ID, kind string, opener ledger.Opener) (bool, error) {
	counts := func(id string) bool {
		r.rights.mu.RLock()
		defer r.rights.mu.RUnlock()
		c := r.rights.cases[id]
		return c != nil && r.rights.counts[c.Org]
	}
	switch kind {
	case organisationKind:
		return true, nil
	case "case":
		return counts(stream.String()), nil
	case "match":
		both := false
		err := r.log.Stream(ctx, stream, func(e ledger.Entry) error {
			c, err := opener.Open(e)
			if err != nil {
				return err
			}
			both = counts(first(c.Fact["a"])) && counts(first(c.Fact["b"]))
			return nil
		})
		return both, err
	}
	return false, nil
}

// whyHeld is why something that came is not taken in. The numbers are kept.
type whyHeld byte

const (
	heldStranger  whyHeld = 1 // its node has not said yet who it is, or who writes for it
	heldNotTheirs whyHeld = 2 // of a kind, or about something, that is not its node's to write
	heldDamaged   whyHeld = 3
	heldOurs      whyHeld = 4 // the own ledger has something else in its place
	heldCase      whyHeld = 5 // the case that it is about has not come yet
)

func (w whyHeld) String() string {
	switch w {
	case heldStranger:
		return "its node has not yet said who writes for it: it is taken in when that comes"
	case heldCase:
		return "the case that it is about has not come yet: it is taken in when that comes"
	case heldNotTheirs:
		return "it is not for that node to write: speak with its organisation"
	case heldDamaged:
		return "it can't be opened with the key that came with it: speak with its organisation"
	default:
		return "something else was written here in its place: both are kept, agree which one holds"
	}
}

type heldStream struct {
	stream ledger.ID
	why    whyHeld
}

func (r *Registry) held(ctx context.Context) (all []heldStream, err error) {
	b, err := r.coalition.store.Meta(ctx, metaHeld)
	for ; err == nil && len(b) >= 17; b = b[17:] {
		all = append(all, heldStream{ledger.ID(b[:16]), whyHeld(b[16])})
	}
	return all, err
}

// takeIn takes in from the replica what other nodes wrote. The caller holds r.writing.
func (r *Registry) takeIn(ctx context.Context) error {
	c := r.coalition
	from, err := c.position(ctx, metaTaken)
	if err != nil {
		return err
	}
	head := c.log.Head()
	was, err := r.held(ctx)
	if err != nil {
		return err
	}
	if from == head.Size && len(was) == 0 {
		return nil
	}
	var order []ledger.ID
	seen := map[ledger.ID]bool{}
	add := func(stream ledger.ID) {
		if !seen[stream] {
			seen[stream] = true
			order = append(order, stream)
		}
	}
	for _, h := range was {
		add(h.stream)
	}
	err = c.log.Scan(ctx, from, head.Size, func(e ledger.Entry) error {
		add(e.Header.Stream)
		return nil
	})
	if err != nil {
		return err
	}
	in, err := r.taking()
	if err != nil {
		return err
	}
	// Who a node is comes before what it wrote, and an organisation before its
	// cases: what can't be taken in yet is tried again as long as something is.
	var held []heldStream
	own, err := in.takeBack(ctx, order)
	if err != nil {
		return err
	}
	for {
		held = slices.Clone(own)
		took := in.took
		for _, stream := range order {
			why, err := in.stream(ctx, stream)
			if err != nil {
				return err
			}
			if why != 0 {
				held = append(held, heldStream{stream, why})
			}
		}
		if len(held) == len(own) || in.took == took {
			break
		}
		order = order[:0]
		for _, h := range held[len(own):] {
			order = append(order, h.stream)
		}
	}
	if in.anew {
		err = r.seeAnew(ctx)
	} else if in.took > 0 {
		err = r.settle(ctx)
	}
	if err != nil {
		return err
	}
	b := []byte{}
	for _, h := range held {
		b = append(append(b, h.stream[:]...), byte(h.why))
	}
	return errors.Join(c.store.SetMeta(ctx, metaHeld, b), c.setPosition(ctx, metaTaken, head.Size))
}

// taking is one taking in from the replica.
type taking struct {
	r    *Registry
	head ledger.Head
	// Read once, for members and organisations of this node don't change meanwhile.
	authors func(ledger.ID) (ed25519.PublicKey, bool)
	orgs    map[ledger.ID]string // of this node, by the id of their identity
	took    int
	said    bool // that something arrived
	anew    bool // keys of entries that were there before came, or went
}

func (r *Registry) taking() (in *taking, err error) {
	in = &taking{r: r, head: r.coalition.log.Head()}
	if in.authors, err = r.authors(); err == nil {
		in.orgs, err = r.orgIdentities()
	}
	return in, err
}

// arrived writes that something came from the coalition, and up to where it is
// known: the moment from which this node knows what follows.
func (in *taking) arrived(ctx context.Context) error {
	if in.said {
		return nil
	}
	in.said = true
	id := ledger.NewID().String()
	return in.r.write(ctx, in.r.asNode(), []act{{stream: id, puts: []Put{{Record: id, Kind: arrivalKind, Fields: casefile.Fields{
		"entries": {strconv.FormatUint(in.head.Size, 10)}, "root": {in.head.Root.String()},
	}}}}})
}

// stream takes in what is new of a stream of another node, and answers why it
// could not; 0: all is in.
func (in *taking) stream(ctx context.Context, stream ledger.ID) (whyHeld, error) {
	r, c := in.r, in.r.coalition
	newest, _, err := c.log.Last(ctx, stream)
	if err != nil {
		return 0, err
	}
	// Who wrote last says who has which keys: a stream that was handed over is still
	// as the one before left it, until the next owner writes.
	owner, err := c.node.OwnerAt(ctx, stream, newest)
	if err != nil || owner == ledger.ID(r.node.ID()) {
		return 0, err
	}
	last, leaf, err := r.log.Last(ctx, stream)
	if err != nil {
		return 0, err
	}
	var entries []ledger.Entry
	same := true
	err = c.log.Stream(ctx, stream, func(e ledger.Entry) error {
		if e.Header.Version > last {
			entries = append(entries, e)
		} else if e.Header.Version == last {
			same = e.Hash() == leaf
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if !same {
		return heldOurs, nil
	}
	offered, sealed, why, err := in.keys(ctx, stream, owner)
	if err != nil || why != 0 {
		return why, err
	}
	opened, why, err := in.open(ctx, stream, owner, entries, offered)
	if err != nil || why != 0 {
		return why, err
	}
	fresh, gone, err := in.changed(ctx, stream, offered, sealed)
	if err != nil {
		return 0, err
	}
	if len(entries) == 0 && len(fresh) == 0 && len(gone) == 0 {
		return 0, nil
	}
	if err := in.keysOfOld(ctx, stream, append(slices.Clone(fresh), gone...)); err != nil {
		return 0, err
	}
	if in.anew { // first: a program that is killed in between goes on with it when it is opened
		if err := c.store.SetMeta(ctx, metaAnew, []byte{1}); err != nil {
			return 0, err
		}
	}
	if err := in.arrived(ctx); err != nil {
		return 0, err
	}
	if len(gone) > 0 {
		if err := r.noteLeft(ctx, stream, gone); err != nil {
			return 0, err
		}
		r.noteGone(stream, gone)
		if err := r.log.Forget(ctx, gone...); err != nil {
			return 0, err
		}
	}
	if len(entries) > 0 {
		err = r.appendOthers(ctx, ledger.Batch{Entries: entries, Keys: fresh}, opened)
	} else if len(fresh) > 0 {
		err = r.log.AddKeys(ctx, fresh)
	}
	if err != nil {
		return 0, err
	}
	r.keyring.Drop(stream)
	in.took++
	if len(sealed) > 0 {
		if err := r.noteGranted(ctx, stream); err != nil {
			return 0, err
		}
	}
	if stream == owner {
		return 0, r.meetPartners(ctx)
	}
	return 0, nil
}

// keysOfOld notes whether keys that came or went are of entries that are here already.
func (in *taking) keysOfOld(ctx context.Context, stream ledger.ID, keys []ledger.WrappedKey) error {
	vault := ledger.ID(in.r.vault.ID())
	// Of another holder they are not open yet, or what is open by them goes too.
	keys = slices.DeleteFunc(keys, func(k ledger.WrappedKey) bool { return k.Holder != vault })
	if in.anew || len(keys) == 0 {
		return nil
	}
	return in.r.log.Stream(ctx, stream, func(e ledger.Entry) error {
		in.anew = in.anew || slices.ContainsFunc(keys, func(k ledger.WrappedKey) bool {
			return k.Part == uint8(seal.FactPart) && k.Epoch == e.Header.FactEpoch || k.Part == uint8(seal.IdentityPart) && k.Epoch == e.Header.IdentityEpoch
		})
		return nil
	})
}

// keys are the keys of a stream that the coalition's ledger gives this node, by
// its own vault; those that are sealed to organisations here stay as they are
// until one of their members opens them.
func (in *taking) keys(ctx context.Context, stream, owner ledger.ID) (offered, sealed []ledger.WrappedKey, why whyHeld, err error) {
	r := in.r
	p := r.met()[owner]
	if p == nil || p.vault == nil && stream != owner {
		return nil, nil, heldStranger, nil
	}
	wrap := func(k ledger.WrappedKey, key seal.Key) error {
		wrapped, err := r.vault.WrapCaseKey(stream, seal.Part(k.Part), k.Epoch, key)
		k.Holder, k.Wrapped = r.vault.ID(), wrapped
		offered = append(offered, k)
		return err
	}
	var all []ledger.WrappedKey
	err = r.coalition.log.Keys(ctx, stream, func(k ledger.WrappedKey) error {
		k.Wrapped = slices.Clone(k.Wrapped)
		all = append(all, k)
		return nil
	})
	if err != nil {
		return nil, nil, 0, err
	}
	for _, k := range all {
		switch {
		case stream != owner && in.orgs[k.Holder] != "":
			sealed = append(sealed, k)
		case k.Holder == ledger.ID(r.node.ID()):
			b, err := r.node.Open(grantLabel(r.log.ID(), stream, seal.Part(k.Part), k.Epoch), k.Wrapped)
			if err != nil || len(b) != len(seal.Key{}) {
				return nil, nil, heldDamaged, nil
			}
			if err := wrap(k, seal.Key(b)); err != nil {
				return nil, nil, 0, err
			}
		case p.vault != nil && k.Holder == p.vault.ID() && k.Part == uint8(seal.FactPart):
			key, err := p.vault.UnwrapCaseKey(stream, seal.FactPart, k.Epoch, k.Wrapped)
			if err != nil {
				return nil, nil, heldDamaged, nil
			}
			if err := wrap(k, key); err != nil {
				return nil, nil, 0, err
			}
		}
	}
	if stream == owner && len(offered) == 0 {
		return nil, nil, heldStranger, nil // it does not know this node yet
	}
	return offered, sealed, 0, nil
}

// open opens what came of a stream, as far as it is open to this node, and
// refuses what is not its node's to write.
func (in *taking) open(ctx context.Context, stream, owner ledger.ID, entries []ledger.Entry, offered []ledger.WrappedKey) ([]index.Entry, whyHeld, error) {
	r := in.r
	authors := in.authors
	me := ledger.ID(r.node.ID())
	switch stream {
	case me:
		authors = nodeAlone(exchange.Card{Key: r.node.Public()})
	case owner: // who a node is, itself says
		authors = nodeAlone(r.met()[owner].card)
	}
	opener := ledger.Opener{Author: authors, Keys: func(h ledger.Header) (seal.CaseKeys, error) {
		keys, err := r.keyring.Keys(h)
		for _, k := range offered {
			var to *seal.Key
			switch {
			case k.Part == uint8(seal.FactPart) && k.Epoch == h.FactEpoch:
				to = &keys.Fact
			case k.Part == uint8(seal.IdentityPart) && k.Epoch == h.IdentityEpoch:
				to = &keys.Identity
			default:
				continue
			}
			if to.IsZero() && err == nil {
				*to, err = r.vault.UnwrapCaseKey(stream, seal.Part(k.Part), k.Epoch, k.Wrapped)
			}
		}
		keys.FactEpoch, keys.IdentityEpoch = h.FactEpoch, h.IdentityEpoch
		return keys, err
	}}
	kind, err := r.kindOf(ctx, stream, opener)
	if err != nil {
		return nil, 0, err
	}
	var all []index.Entry
	for _, e := range entries {
		content, err := opener.Open(e)
		switch {
		case errors.Is(err, ledger.ErrNoKey):
			continue
		case errors.Is(err, ledger.ErrAuthor):
			return nil, heldStranger, nil
		case err != nil:
			return nil, heldDamaged, nil
		}
		if e.Header.Version == 1 {
			kind = content.Kind
		}
		writer, err := r.coalition.node.OwnerAt(ctx, stream, e.Header.Version)
		if err != nil {
			return nil, 0, err
		}
		if r.mayBeBy(content) != nil || r.authorNode(content.Author) != writer || writer != me && !r.theirs(writer, stream, kind, content) {
			return nil, heldNotTheirs, nil
		}
		if content.Kind == revocationKind {
			switch kept, known, err := r.everKept(ctx, first(content.Fact["case"]), writer); {
			case err != nil:
				return nil, 0, err
			case !known:
				return nil, heldCase, nil
			case !kept:
				return nil, heldNotTheirs, nil
			}
		}
		next := opened(e, content)
		if writer != me {
			next.From = writer.String()
		}
		all = append(all, next)
	}
	return all, 0, nil
}

// theirs tells whether an entry of a stream is for its node to write.
func (r *Registry) theirs(owner, stream ledger.ID, kind string, c ledger.Content) bool {
	ofTheirs := func(id string) bool {
		o := r.roll().org(id)
		return o != nil && o.Node == owner.String()
	}
	// What is taken back was theirs: nobody else writes to the stream.
	if back := c.Op == ledger.Withdraw && c.Kind == kind && c.Record == stream; back {
		return kind == "case" || kind == "match" || kind == encodingKind || kind == commonKind
	}
	switch kind {
	case nodeKind:
		return c.Kind == nodeKind && stream == owner && c.Author == owner && c.Record == owner
	case organisationKind:
		o := r.roll().org(stream.String())
		return c.Kind == organisationKind && c.Record == stream && (o == nil || o.Node == owner.String())
	case "case":
		if c.Kind == "case" {
			return c.Record == stream && ofTheirs(first(c.Fact["org"]))
		}
		k, known := r.book.Kind(c.Kind)
		return !known || k.Scope != codebook.Outside
	case "match":
		if c.Kind != "match" || c.Record != stream {
			return false
		}
		r.rights.mu.RLock()
		a, b := r.rights.cases[first(c.Fact["a"])], r.rights.cases[first(c.Fact["b"])]
		r.rights.mu.RUnlock()
		return a != nil && b != nil && (ofTheirs(a.Org) || ofTheirs(b.Org))
	case encodingKind, revocationKind:
		return c.Kind == kind && c.Record == stream
	case commonKind:
		a, there := r.thing(first(c.Fact["a"]))
		return c.Kind == commonKind && c.Record == stream && there && ofTheirs(a.Org) && first(c.Fact["node"]) == ledger.ID(r.node.ID()).String()
	}
	return false
}

// changed are the keys of a stream that came, and those that went: what is
// neither offered to the node nor sealed to one of its organisations any more was
// erased or taken back.
func (in *taking) changed(ctx context.Context, stream ledger.ID, offered, sealed []ledger.WrappedKey) (fresh, gone []ledger.WrappedKey, err error) {
	type name struct {
		part  uint8
		epoch uint32
	}
	type wrapped struct {
		name
		holder ledger.ID
	}
	had, still := map[wrapped]bool{}, map[name]bool{}
	err = in.r.log.Keys(ctx, stream, func(k ledger.WrappedKey) error {
		had[wrapped{name{k.Part, k.Epoch}, k.Holder}] = true
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for _, k := range append(slices.Clone(offered), sealed...) {
		n := name{k.Part, k.Epoch}
		still[n] = true
		if !had[wrapped{n, k.Holder}] {
			fresh = append(fresh, k)
		}
	}
	for w := range had {
		if !still[w.name] {
			gone = append(gone, ledger.WrappedKey{Stream: stream, Part: w.part, Epoch: w.epoch, Holder: w.holder})
		}
	}
	return fresh, gone, nil
}

// appendOthers appends entries of another node, and hands those that are open on
// to what decides and to the index.
func (r *Registry) appendOthers(ctx context.Context, batch ledger.Batch, opened []index.Entry) error {
	r.appending.Lock()
	defer r.appending.Unlock()
	begin, err := r.log.Append(ctx, batch)
	if err != nil {
		return err
	}
	at := map[uint64]uint64{} // by what they had in the coalition's ledger
	for i, e := range batch.Entries {
		at[e.Pos] = begin + uint64(i)
	}
	whole := map[uint64]bool{}
	for i := range opened {
		opened[i].Pos = at[opened[i].Pos]
		whole[opened[i].Pos] = !opened[i].IdentityMissing
	}
	var closed []uint64
	for i := range batch.Entries {
		if pos := begin + uint64(i); !whole[pos] {
			closed = append(closed, pos)
		}
	}
	r.unapplied = append(r.unapplied, opened...)
	r.rights.notOpened(closed)
	r.takeNew(ctx, opened, begin, begin+uint64(len(batch.Entries)))
	return nil
}
