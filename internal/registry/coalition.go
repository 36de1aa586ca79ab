// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/exchange"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/sqlitestore"
	"github.com/kua-registry/kua/internal/seal"
)

// A register of a coalition has two ledgers of one id. Its own is the order in
// which this node came to know things: what is written here stands in it at once,
// what others wrote from the moment it arrived, and nothing in it ever moves. So
// a question of what was known when has the same answer for ever. Beside it lies
// the replica of the ledger that the relay orders, which is the same on all
// nodes. See ADR 29.

// What a node of a coalition keeps in the register's directory.
const (
	coalitionFile, coalitionLabel = "coalition", "kua/coalition/v1"

	replicaFile, replicaKey = "replica.db", "replica"
	replicaHead             = "replica.head"
	exchangeDir             = "exchange"
)

// The kinds of record that a node writes in its own name.
const (
	nodeKind    = "node"
	arrivalKind = "arrival"
)

// What somebody who works with a coalition can be told.
var (
	// ErrNoCoalition says that the register stands alone.
	ErrNoCoalition = errors.New("this register is of no coalition: one that is to be is made with 'kua init DIR --coalition FILE'")
	// ErrElsewhere says that another node owns a record.
	ErrElsewhere = errors.New("another organisation keeps this record: ask it to write it")
	// ErrCountsSettled says that an organisation's counting is settled.
	ErrCountsSettled = errors.New("in a coalition it is said when an organisation is added whether its cases count: the keys of its cases go with it")
)

// JoinCoalition is what a register that is made joins.
type JoinCoalition struct {
	Coalition exchange.Coalition
	Name      string // the node's own
}

// joined is the file.
type joined struct {
	Name      string             `json:"name"`
	Coalition exchange.Coalition `json:"coalition"` // with the nodes that were added here by hand, this one not among them
}

// coalition is what an open register has of its coalition.
type coalition struct {
	joined
	log   *ledger.Log // the replica
	store ledger.Store
	node  *exchange.Node

	one      sync.Mutex // one exchange at a time
	carrying sync.Mutex // files, which may take long, one exchange of them at a time
	partners atomic.Pointer[map[ledger.ID]*partner]
	own      atomic.Pointer[map[ledger.ID]ed25519.PublicKey] // who has written for this node
	back     atomic.Pointer[returned]                        // never nil
}

// partner is another node as it has introduced itself in the ledger.
type partner struct {
	card    exchange.Card
	signers map[ledger.ID]ed25519.PublicKey
	orgs    map[string]seal.Public // by the id of the organisation
	pack    string                 // whose law it knows; empty: it has not said
	vault   *seal.Vault            // what it counts with; nil: it is not introduced yet
}

// openCoalition opens what the register has of a coalition, if it is of one.
func (r *Registry) openCoalition(ctx context.Context, create bool) error {
	c := &coalition{}
	if create {
		if r.opt.Coalition == nil {
			return nil
		}
		c.joined = joined{Name: r.opt.Coalition.Name, Coalition: r.opt.Coalition.Coalition}
		if err := r.keepSealed(coalitionFile, coalitionLabel, c.joined); err != nil {
			return err
		}
	} else if err := r.openSealed(coalitionFile, coalitionLabel, &c.joined); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if err := c.Coalition.Check(); err != nil {
		return err
	}
	key, err := r.sealedKey(replicaKey, create)
	if err != nil {
		return err
	}
	raw := [32]byte(key)
	store, err := sqlitestore.Open(ctx, filepath.Join(r.dir, replicaFile), sqlitestore.Options{Key: &raw, Create: create, ReadOnly: r.beside})
	if err != nil {
		return fmt.Errorf("the coalition's ledger: %w", err)
	}
	options := ledger.Options{Verifier: c.Coalition.Relay, Replica: !r.beside, HeadFile: filepath.Join(r.dir, replicaHead)}
	if create {
		c.log, err = ledger.CreateReplica(ctx, store, []byte(c.Coalition.Origin), options)
	} else {
		c.log, err = ledger.Open(ctx, store, options)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("the coalition's ledger: %w", err), store.Close())
	}
	c.store = store
	if err := c.readReturned(ctx); err != nil {
		return errors.Join(err, c.log.Close())
	}
	r.coalition = c
	r.renewNode()
	return r.meetPartners(ctx)
}

// renewNode makes the node with the partners that are known.
func (r *Registry) renewNode() {
	c := r.coalition
	c.node = exchange.NewNode(c.log, c.store, exchange.Options{
		Node: r.node, Relay: c.Coalition.Relay, Nodes: append(c.Coalition.Keys(), r.node.Public().Signing()),
		Dir: filepath.Join(r.dir, exchangeDir), Now: r.now,
	})
}

// coalitionLedger is the id that the ledger of a new register must have; zero: any.
func (o Options) coalitionLedger() (ledger.ID, error) {
	if o.Coalition == nil {
		return ledger.ID{}, nil
	}
	return o.Coalition.Coalition.Ledger()
}

// closeCoalition closes the replica.
func (r *Registry) closeCoalition() error {
	if r.coalition == nil {
		return nil
	}
	return r.coalition.log.Close()
}

// meetPartners reads from the own ledger how the other nodes have introduced
// themselves: only what a node signed itself, in its own stream, counts.
func (r *Registry) meetPartners(ctx context.Context) error {
	c := r.coalition
	if c == nil {
		return nil
	}
	met := map[ledger.ID]*partner{}
	for _, card := range c.Coalition.Nodes {
		id := ledger.ID(card.Key.ID())
		if id == ledger.ID(r.node.ID()) {
			continue
		}
		p := &partner{card: card, signers: map[ledger.ID]ed25519.PublicKey{}, orgs: map[string]seal.Public{}}
		met[id] = p
		opener := ledger.Opener{Keys: r.keyring.Keys, Author: nodeAlone(card)}
		err := r.log.Stream(ctx, id, func(e ledger.Entry) error {
			content, err := opener.Open(e)
			if errors.Is(err, ledger.ErrNoKey) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("how a node introduced itself: %w", err)
			}
			p.introduce(content)
			return nil
		})
		if err != nil {
			return err
		}
		if p.vault, err = r.countingVault(ctx, id); err != nil && !errors.Is(err, ledger.ErrNoKey) {
			return err
		}
	}
	c.partners.Store(&met)
	return r.ownSigners(ctx)
}

// introduce takes in what a node says of itself. Signers stay: what they have
// signed stays signed.
func (p *partner) introduce(c ledger.Content) {
	if c.Kind != nodeKind || c.Op != ledger.Put {
		return
	}
	for _, text := range c.Fact["signer"] {
		if key, err := hex.DecodeString(text); err == nil && len(key) == ed25519.PublicKeySize {
			p.signers[seal.IDOf(key)] = key
		}
	}
	p.pack = first(c.Fact["pack"])
	for _, text := range c.Identity["org_key"] {
		id, public, ok := strings.Cut(text, " ")
		var key seal.Public
		if ok && json.Unmarshal([]byte(public), &key) == nil {
			p.orgs[id] = key
		}
	}
}

// countingVault is the vault under which a node wraps the fact keys that the
// coalition counts with: it is made of the first key of the node's own stream,
// which is sealed to each of the other nodes.
func (r *Registry) countingVault(ctx context.Context, node ledger.ID) (*seal.Vault, error) {
	keys, err := r.keyring.All(ctx, node)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if k.Part == seal.FactPart && k.Epoch == 1 {
			return seal.VaultOf(k.Key)
		}
	}
	return nil, ledger.ErrNoKey
}

// met are the other nodes; none where the register stands alone.
func (r *Registry) met() map[ledger.ID]*partner {
	if r.coalition == nil {
		return nil
	}
	if met := r.coalition.partners.Load(); met != nil {
		return *met
	}
	return nil
}

// Allied tells whether the register is one node of several.
func (r *Registry) Allied() bool { return r.coalition != nil }

// from is the node of an author; empty: this one.
func (r *Registry) from(author ledger.ID) string {
	if id := r.authorNode(author); id != ledger.ID(r.node.ID()) {
		return id.String()
	}
	return ""
}

// authorNode is the node of an author; this one's where no other knows them.
func (r *Registry) authorNode(author ledger.ID) ledger.ID {
	for id, p := range r.met() {
		if author == id || p.signers[author] != nil {
			return id
		}
	}
	return r.node.ID()
}

// partnerKey is the public key of an author of another node.
func (r *Registry) partnerKey(author ledger.ID) (ed25519.PublicKey, bool) {
	for id, p := range r.met() {
		if key := p.signers[author]; key != nil {
			return key, true
		}
		if author == id {
			return p.card.Key.Signing(), true
		}
	}
	if r.coalition != nil {
		if own := r.coalition.own.Load(); own != nil && (*own)[author] != nil {
			return (*own)[author], true
		}
	}
	return nil, false
}

// mayWrite refuses what another node owns.
func (r *Registry) mayWrite(ctx context.Context, stream ledger.ID) error {
	if r.coalition == nil {
		return nil
	}
	owner, err := r.coalition.node.Owner(ctx, stream)
	if err == nil && (!owner.IsZero() && owner != ledger.ID(r.node.ID()) || r.handedAbroad(stream.String())) {
		err = ErrElsewhere
	}
	return err
}

// asNode is a session in the node's own name, for what it may write (see mayBeBy).
func (r *Registry) asNode() *access.Session {
	return &access.Session{Keys: &access.Keys{Identity: r.node, Vaults: map[string]*seal.Vault{}}}
}

// Card is this node's card, to be given to the relay and the other organisations.
func (r *Registry) Card(ctx context.Context, s *access.Session) (_ exchange.Card, err error) {
	defer r.refusal(ctx, s, "exchange", "", &err)
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return exchange.Card{}, ErrNotAllowed
	}
	if r.coalition == nil {
		return exchange.Card{}, ErrNoCoalition
	}
	return exchange.Card{Name: r.coalition.Name, Key: r.node.Public()}, nil
}

// AddNodes makes other nodes of the coalition known: from then on the facts of
// cases that count are open to them, and what they write is taken. So it needs
// fresh proof, and a fingerprint that was compared.
func (r *Registry) AddNodes(ctx context.Context, s *access.Session, cards ...exchange.Card) (err error) {
	defer r.refusal(ctx, s, "exchange", "", &err)
	if err := r.mayLookAfter(s); err != nil {
		return err
	}
	c := r.coalition
	switch {
	case c == nil:
		return ErrNoCoalition
	case r.beside:
		return ledger.ErrLocked
	}
	c.one.Lock()
	defer c.one.Unlock()
	r.writing.Lock()
	defer r.writing.Unlock()
	next := c.joined
	for _, card := range cards {
		if card.Key.ID() == r.node.ID() {
			continue
		}
		if next.Coalition, err = next.Coalition.With(card); err != nil {
			return err
		}
	}
	if err := r.audit(ctx, &line{act: actNodes, what: "exchange", by: s.Keys.Identity, n: len(cards)}); err != nil {
		return err
	}
	if err := r.keepSealed(coalitionFile, coalitionLabel, next); err != nil {
		return err
	}
	c.joined = next
	r.renewNode()
	return r.meetPartners(ctx)
}

// introduce writes who this node is for the others, where that has changed.
func (r *Registry) introduce(ctx context.Context) error {
	me := ledger.ID(r.node.ID()).String()
	want := casefile.Fields{"pack": {r.pack()}}
	for _, m := range r.roll().Members {
		want["signer"] = append(want["signer"], hex.EncodeToString(m.SignKey))
	}
	for _, o := range r.roll().Orgs {
		if o.Node != "" {
			continue
		}
		locked, err := r.readLocked(orgFile(o.ID, ".key"))
		if errors.Is(err, os.ErrNotExist) {
			continue // it has nobody yet
		}
		if err != nil {
			return err
		}
		public, err := json.Marshal(locked.Public())
		if err != nil {
			return err
		}
		want["org_key"] = append(want["org_key"], o.ID+" "+string(public))
	}
	for _, card := range r.coalition.Coalition.Nodes {
		if card.Key.ID() != r.node.ID() {
			want["sealed_to"] = append(want["sealed_to"], ledger.ID(card.Key.ID()).String())
		}
	}
	for _, values := range want {
		slices.Sort(values)
	}
	entries, err := r.index.Entries(ctx, me)
	if err != nil {
		return err
	}
	if n := len(entries); n > 0 && equal(clean(entries[n-1].Fields), clean(want)) {
		return nil
	}
	return r.write(ctx, r.asNode(), []act{{stream: me, puts: []Put{{Record: me, Kind: nodeKind, Fields: want}}}})
}

// nodeAlone lets a node alone be an author.
func nodeAlone(card exchange.Card) func(ledger.ID) (ed25519.PublicKey, bool) {
	return func(by ledger.ID) (ed25519.PublicKey, bool) {
		return card.Key.Signing(), by == ledger.ID(card.Key.ID())
	}
}
