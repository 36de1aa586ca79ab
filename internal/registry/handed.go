// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/ledger/pgstore"
	"github.com/kua-registry/kua/internal/seal"
)

// How forgetting keys come to the other machines of a register. The database
// must never hold what could open them later: its backups would bring back what
// was erased. So each machine has a key pair beside its forgetting keys, its
// hand; keys are put into the database sealed to the hand; and once a machine has
// taken them it makes a new hand and destroys the private half of the old one.

// handLabel says what is sealed to a hand, handPurpose what its file is for.
const (
	handLabel   = "kua/forgetting keys handed/v1"
	handPurpose = "hand"
)

// handedKeys is what is sealed to a hand.
type handedKeys struct {
	Keys [][]byte `json:"keys"` // all that are in use, each sealed to the node
}

// handFiles are the files of this machine's hand: the one in use, and one that
// is about to be.
func (r *Registry) handFiles() (now, next string) {
	now = filepath.Join(r.forget.dir, handFile(r.node.ID(), r.nodes.name))
	return now, now + ".next"
}

// handFile tells the hands of machines apart that share a folder.
func handFile(node [16]byte, name string) string {
	sum := sha256.Sum256([]byte(name)) // a file's name tells nothing of what somebody has called a machine
	return "hand-" + hex.EncodeToString(node[:4]) + "-" + hex.EncodeToString(sum[:4]) + ".key"
}

// writeHand keeps the private half of a hand, sealed to the node.
func (r *Registry) writeHand(path string, hand *seal.Identity) error {
	locked, opened, err := seal.Lock(hand, handPurpose)
	if err == nil {
		err = locked.AddIdentity(opened, r.node.Public())
	}
	if err != nil {
		return err
	}
	b, err := locked.Encode()
	if err != nil {
		return err
	}
	return writeFile(path, unfinished+r.nodeName()+"-*", b)
}

// readHand opens a hand; nil where there is none that opens.
func (r *Registry) readHand(path string) (*seal.Identity, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	locked, err := seal.DecodeLocked(b)
	if err != nil || locked.Purpose() != handPurpose {
		return nil, nil //nolint:nilerr // what is damaged opens nothing; a new one is made
	}
	opened, err := locked.OpenIdentity(r.node)
	if err != nil {
		return nil, nil //nolint:nilerr // as above
	}
	return opened.Identity, nil
}

// newHand makes a new hand, tells the others its public half, and destroys the
// old one. Called with nodes.mu held, in the turn of the forgetting keys.
func (r *Registry) newHand(ctx context.Context) error {
	hand, err := seal.NewIdentity()
	if err != nil {
		return err
	}
	now, next := r.handFiles()
	if err := r.writeHand(next, hand); err != nil {
		return err
	}
	public, err := json.Marshal(hand.Public())
	if err != nil {
		return err
	}
	if err := r.put(ctx, handPart+r.nodes.name, public); err != nil {
		return err
	}
	if err := overwriteAndRemove(now); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(next, now); err != nil {
		return err
	}
	return syncDir(r.forget.dir)
}

// handForgetting puts the forgetting keys into the database for each of the other
// machines. Called with nodes.mu held, in the turn of the forgetting keys.
func (r *Registry) handForgetting(ctx context.Context, keys []*seal.ForgetKey) error {
	for name, p := range r.nodes.parts {
		node, ok := strings.CutPrefix(name, handPart)
		if !ok || node == r.nodes.name || p.value == nil {
			continue
		}
		var hand seal.Public
		if err := json.Unmarshal(p.value, &hand); err != nil {
			return fmt.Errorf("the forgetting keys can't be handed to %s: %w", node, err)
		}
		if err := r.handTo(ctx, node, hand, keys); err != nil {
			return err
		}
	}
	return nil
}

func (r *Registry) handTo(ctx context.Context, node string, hand seal.Public, keys []*seal.ForgetKey) error {
	var out handedKeys
	for _, k := range keys {
		b, err := k.Seal(r.node)
		if err != nil {
			return err
		}
		out.Keys = append(out.Keys, b)
	}
	text, err := json.Marshal(out)
	if err != nil {
		return err
	}
	sealed, err := hand.Seal(handLabel, text)
	if err != nil {
		return err
	}
	return r.put(ctx, handedPart+node, sealed)
}

// takeHanded takes the forgetting keys that were handed to this machine, if any
// were that it has not taken. Called with nodes.mu held.
func (r *Registry) takeHanded(ctx context.Context) error {
	n := r.nodes
	if p := n.parts[handedPart+n.name]; p.value == nil || p.version == n.handed {
		return nil
	}
	turn, err := n.store.Turn(ctx, turnKeys)
	if err != nil {
		return err
	}
	defer turn.End()
	return r.takeHandedNow(ctx)
}

// takeHandedNow is takeHanded in the turn of the forgetting keys.
func (r *Registry) takeHandedNow(ctx context.Context) error {
	n := r.nodes
	if err := r.pull(ctx); err != nil {
		return err
	}
	p := n.parts[handedPart+n.name]
	if p.value == nil || p.version == n.handed {
		return nil
	}
	text, err := r.openHanded(p.value)
	if err != nil {
		return err
	}
	if text == nil { // taken before: its hand is gone
		n.handed = p.version
		return nil
	}
	var in handedKeys
	if err := json.Unmarshal(text, &in); err != nil {
		return fmt.Errorf("the forgetting keys that another machine has handed over: %w", err)
	}
	if err := r.takeForgetKeys(ctx, in); err != nil {
		return err
	}
	if err := r.newHand(ctx); err != nil {
		return err
	}
	n.handed = p.version
	return nil
}

// openHanded opens what was handed over; nil where no hand of this machine does.
func (r *Registry) openHanded(sealed []byte) ([]byte, error) {
	now, next := r.handFiles()
	for _, path := range []string{now, next} {
		hand, err := r.readHand(path)
		if err != nil {
			return nil, err
		}
		if hand == nil {
			continue
		}
		if text, err := hand.Open(handLabel, sealed); err == nil {
			return text, nil
		}
	}
	return nil, nil
}

// takeForgetKeys makes those that are in use elsewhere those that are in use
// here: new ones are kept, and those that have ended elsewhere end here.
func (r *Registry) takeForgetKeys(ctx context.Context, in handedKeys) error {
	f := r.forget
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := r.makeForgettingDir(); err != nil {
		return err
	}
	all := slices.Clone(f.keys)
	used := map[seal.ForgetID]bool{}
	for _, b := range in.Keys {
		key, err := seal.OpenForgetKey(r.node, b)
		if err != nil {
			return fmt.Errorf("the forgetting keys that another machine has handed over: %w", err)
		}
		used[key.ID()] = true
		if !slices.ContainsFunc(all, func(k *seal.ForgetKey) bool { return k.ID() == key.ID() }) {
			if err := r.writeForget(f.dir, key); err != nil {
				return err
			}
			all = append(all, key)
		}
	}
	if len(used) == 0 {
		return errors.New("the forgetting keys that another machine has handed over: there are none")
	}
	r.sortForgetting(all)
	f.keys = all
	kept := slices.DeleteFunc(slices.Clone(all), func(k *seal.ForgetKey) bool { return !used[k.ID()] })
	if r.begun == nil { // drafts may lie under them: they end once those have been put under another
		f.ended = map[seal.ForgetID]bool{}
		for _, k := range all {
			f.ended[k.ID()] = !used[k.ID()]
		}
		return nil
	}
	// Drafts go under the newest of those that stay, and are opened with any.
	ended := slices.DeleteFunc(slices.Clone(all), func(k *seal.ForgetKey) bool { return used[k.ID()] })
	if err := r.turnDrafts(ctx, slices.Concat(ended, kept)); err != nil {
		return err
	}
	if r.log != nil {
		if err := r.log.Hold(ctx, all); err != nil {
			return err
		}
	}
	for _, k := range all {
		if !used[k.ID()] {
			if err := r.destroyForget(f.dir, r.forgetFile(k)); err != nil {
				return err
			}
		}
	}
	f.keys = kept
	r.followCopies()
	return nil
}

// keysTurn begins what is done with the forgetting keys by one machine at a time.
// What it answers ends it. Where no other uses the database it does nothing.
func (r *Registry) keysTurn(ctx context.Context) (end func(), err error) {
	n := r.nodes
	if n == nil {
		return func() {}, nil
	}
	n.mu.Lock()
	var turn *pgstore.Turn
	if turn, err = n.store.Turn(ctx, turnKeys); err == nil {
		err = r.takeHandedNow(ctx)
	}
	end = func() {
		if turn != nil {
			turn.End()
		}
		n.mu.Unlock()
	}
	if err != nil {
		end()
		return nil, err
	}
	return end, nil
}
