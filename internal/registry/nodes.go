// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/pgstore"
)

// What machines that use one database do one at a time.
const (
	turnWriting   = "writing"
	turnKeys      = "forgetting keys"
	turnReminders = "reminders"
	turnWebhooks  = "webhooks"
)

// partLabel says what a value that machines share is sealed for.
const partLabel = "kua/part/v1"

// Names of shared values that are no files, each with the name of a machine behind it.
const (
	nodePart   = "node/"       // a nodeRecord
	handPart   = "hand/"       // to whom forgetting keys are handed: see newHand
	handedPart = "forgetting/" // forgetting keys, sealed to that
)

// ErrNodeRemoved says that this machine was taken off the register.
var ErrNodeRemoved = errors.New("this machine was taken off the register ('kua node remove'): destroy its directory and its forgetting keys, or have it join anew in an empty one")

// nodes is what this machine shares with others that use the same database: all
// are one installation, with one identity. Each has a copy of the key files in
// its own directory, so that it opens them as if it were alone; what counts is in
// the database, sealed to the node.
type nodes struct {
	name  string // of this machine
	store *pgstore.Store
	key   []byte // of the names of parts

	looks  bool // nothing is taken over: another process of this machine does
	asking sync.Mutex
	next   *flight

	mu     sync.Mutex // all below; held while something is taken over
	state  pgstore.State
	after  uint64                 // parts up to this version are known
	parts  map[string]sharedValue // by name; what was taken away has no value
	names  map[[32]byte]string
	closed bool   // nothing is taken over any more
	turned bool   // key files have changed since the register was opened
	handed uint64 // the version of what was handed to this machine last
	seen   *roll  // whose sessions were looked at
}

// sharedValue is a value that machines share.
type sharedValue struct {
	version uint64
	value   []byte
}

// sealedPart is what is sealed of it. The version is sealed, too: an old value
// put back is no new one.
type sealedPart struct {
	Name    string `json:"name"`
	Version uint64 `json:"version"`
	Value   []byte `json:"value"`
}

// flight is one look at the database, for all who asked before it began.
type flight struct {
	done chan struct{}
	err  error
}

// isShared tells whether a file of the register's directory is the same on all
// its machines.
func isShared(file string) bool {
	switch file {
	case filepath.FromSlash(nodeKeyFile), filepath.FromSlash(nodeVault), placeFile, mailFile, remindedFile, toldFile:
		return true
	}
	if filepath.Dir(file) != keysDir {
		return false
	}
	return slices.ContainsFunc([]string{"member-", "org-", "intake-", "invite-", "recovery-", apiKeyPrefix}, func(begins string) bool {
		return strings.HasPrefix(filepath.Base(file), begins)
	})
}

// newNodes makes ready what machines share. The node is open.
func (r *Registry) newNodes(name string, store *pgstore.Store) *nodes {
	key := r.nodeKey("kua/part name/v1")
	return &nodes{name: name, store: store, key: key[:], parts: map[string]sharedValue{}, names: map[[32]byte]string{}}
}

// openNodes takes over, before the ledger is opened, what other machines have
// changed: key files, and the forgetting keys that were handed to this one.
func (r *Registry) openNodes(ctx context.Context, name string, store *pgstore.Store) error {
	n := r.newNodes(name, store)
	r.nodes = n
	n.mu.Lock()
	defer n.mu.Unlock()
	state, err := store.State(ctx)
	if err != nil {
		return err
	}
	if err := r.pull(ctx); err != nil {
		return err
	}
	n.state.Changes = state.Changes
	if n.parts[nodePart+name].value == nil {
		return ErrNodeRemoved
	}
	return r.takeHanded(ctx)
}

// partName is the name of a part as the database has it.
func (n *nodes) partName(name string) [32]byte {
	h := hmac.New(sha256.New, n.key)
	h.Write([]byte(name))
	return [32]byte(h.Sum(nil))
}

// put keeps a shared value; nil takes it away. Called with mu held.
func (r *Registry) put(ctx context.Context, name string, value []byte) error {
	n := r.nodes
	of := n.partName(name)
	version, err := n.store.PutPart(ctx, of[:], n.parts[name].version, func(version uint64) ([]byte, error) {
		if value == nil {
			return nil, nil
		}
		text, err := json.Marshal(sealedPart{name, version, value})
		if err != nil {
			return nil, err
		}
		return r.node.SealOwn(partLabel, text)
	})
	if err != nil {
		return r.whyNot(err)
	}
	n.parts[name], n.names[of] = sharedValue{version, value}, name
	return nil
}

// share keeps a file in the database, or takes it away, before it is changed
// here, where it is one that machines share.
func (r *Registry) share(file string, b []byte) error {
	n := r.nodes
	if n == nil || !isShared(file) {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if b == nil && n.parts[filepath.ToSlash(file)].value == nil {
		return nil
	}
	return r.put(context.Background(), filepath.ToSlash(file), b)
}

// pull takes over the shared values that have changed. Called with mu held.
func (r *Registry) pull(ctx context.Context) error {
	n := r.nodes
	all, err := n.store.Parts(ctx, n.after)
	if err != nil {
		return err
	}
	for _, p := range all {
		if err := r.takePart(p); err != nil {
			return fmt.Errorf("what the register's machines share can't be taken over: %w", err)
		}
		n.after = p.Version
	}
	return nil
}

func (r *Registry) takePart(p pgstore.Part) error {
	n := r.nodes
	if len(p.Name) != 32 {
		return errors.New("a name in the database is none")
	}
	of := [32]byte(p.Name)
	if p.Value == nil {
		name := n.names[of]
		if name == "" { // not heard of since the start: it may be a file that is here
			name = r.fileOf(of)
		}
		if name == "" {
			return nil
		}
		n.parts[name] = sharedValue{version: p.Version}
		return r.mirror(name, nil)
	}
	text, err := r.node.OpenOwn(partLabel, p.Value)
	if err != nil {
		return err
	}
	var s sealedPart
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	if n.partName(s.Name) != of || s.Version != p.Version {
		return errors.New("a value in the database is in the place of another: an old one was put back")
	}
	n.parts[s.Name], n.names[of] = sharedValue{p.Version, s.Value}, s.Name
	return r.mirror(s.Name, s.Value)
}

// fileOf finds the shared file of this directory whose name the database has.
func (r *Registry) fileOf(of [32]byte) string {
	files := []string{placeFile, mailFile, remindedFile, toldFile}
	entries, _ := os.ReadDir(filepath.Join(r.dir, keysDir)) // what can't be read is not taken away
	for _, e := range entries {
		files = append(files, filepath.Join(keysDir, e.Name()))
	}
	for _, file := range files {
		if name := filepath.ToSlash(file); isShared(file) && r.nodes.partName(name) == of {
			return name
		}
	}
	return ""
}

// mirror makes a file of this directory what it is in the database.
func (r *Registry) mirror(name string, value []byte) error {
	file := filepath.FromSlash(name)
	if !isShared(file) || r.nodes.looks {
		return nil
	}
	path := filepath.Join(r.dir, file)
	now, err := os.ReadFile(path)
	switch {
	case value == nil && errors.Is(err, os.ErrNotExist):
		return nil
	case value == nil:
		if err := os.Remove(path); err != nil {
			return err
		}
		err = syncDir(filepath.Dir(path))
	case err == nil && slices.Equal(now, value):
		return nil
	default:
		err = writeFile(path, unfinished+"*", value)
	}
	r.nodes.turned = true
	r.forgetAuthors()
	if err == nil && file == placeFile && r.log != nil {
		err = r.openPlace()
	}
	return err
}

// Abreast takes over what other machines have written: whoever asks afterwards is
// shown all that anybody was told is kept, on whichever machine. Call it before
// each answer. Where it fails nothing may be shown: it could be the past.
func (r *Registry) Abreast(ctx context.Context) error {
	n := r.nodes
	if n == nil || n.looks {
		return nil
	}
	n.asking.Lock()
	f := n.next
	if f == nil {
		f = &flight{done: make(chan struct{})}
		n.next = f
		go func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.asking.Lock()
			n.next = nil // whoever comes now may know of something newer
			n.asking.Unlock()
			f.err = r.notAbreast(r.takeOverNow(context.WithoutCancel(ctx)))
			close(f.done)
		}()
	}
	n.asking.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// notAbreast says why nothing can be shown, in words that a page has: a disk may
// have been full that is no more when it is looked.
func (r *Registry) notAbreast(err error) error {
	if err == nil {
		return nil
	}
	if err = r.whyNot(err); errors.Is(err, ErrNoAnswer) || errors.Is(err, ErrBusy) || errors.Is(err, ErrDiskFull) {
		return err
	}
	r.opt.Log.Error("what other machines have written could not be taken over, so that nothing is shown", slog.String("type", fmt.Sprintf("%T", err)))
	return fmt.Errorf("%w: %w", ErrUnaudited, err)
}

// takeKeys takes over the forgetting keys that another machine has handed to this one.
func (r *Registry) takeKeys(ctx context.Context) error {
	r.nodes.mu.Lock()
	defer r.nodes.mu.Unlock()
	return r.takeKeysNow(ctx)
}

// takeKeysNow is takeKeys with nodes.mu held: key files are taken over, too.
func (r *Registry) takeKeysNow(ctx context.Context) error {
	if err := r.pull(ctx); err != nil {
		return err
	}
	return r.takeHanded(ctx)
}

// takeOver takes over what other machines have written.
func (r *Registry) takeOver(ctx context.Context) error {
	r.nodes.mu.Lock()
	defer r.nodes.mu.Unlock()
	return r.takeOverNow(ctx)
}

// turnsMet is how many turns of the forgetting keys by another machine something
// may meet, one after the other, before it is given up.
const turnsMet = 3

// takeOverNow is takeOver with nodes.mu held. What can't be read because another
// machine is turning the forgetting keys is read again with the new ones.
func (r *Registry) takeOverNow(ctx context.Context) error {
	err := r.takeOverOnce(ctx)
	for turns := 0; errors.Is(err, ledger.ErrForgetKey) && turns < turnsMet; turns++ {
		err = r.takeOverOnce(ctx)
	}
	return err
}

// takeOverOnce tries takeOverNow.
func (r *Registry) takeOverOnce(ctx context.Context) error {
	n := r.nodes
	if n.closed {
		return ledger.ErrClosed
	}
	state, err := n.store.State(ctx)
	if err != nil {
		return err
	}
	if state.Changes != n.state.Changes {
		if err := r.takeKeysNow(ctx); err != nil {
			return err
		}
		r.keyring.Clear() // keys were granted, forgotten, or put under another forgetting key
		n.state.Changes = state.Changes
	}
	if state.Size != r.log.Head().Size {
		if _, err := r.log.Follow(ctx); err != nil {
			return err
		}
	}
	if r.rights.upTo() < r.log.Head().Size {
		r.appending.Lock()
		err := r.readRights(ctx, r.rights)
		r.appending.Unlock()
		if err != nil {
			return err
		}
	}
	if ro := r.roll(); ro != n.seen {
		n.seen = ro
		r.sessions.EndIf(func(s *access.Session) bool {
			m := ro.member(s.Member.ID)
			return m == nil || m.Left || !sameSet(m.Orgs, s.Member.Orgs) || !sameSet(m.Roles, s.Member.Roles)
		})
	}
	if r.index.Head().Size < r.log.Head().Size {
		if err := r.settle(ctx); err != nil {
			return err
		}
		if r.erasedElsewhere.CompareAndSwap(true, false) {
			r.matching.forget()
			if err := r.dropErased(ctx); err != nil {
				return err
			}
			r.hasKept()
		}
	}
	return nil
}

// KeepAbreast takes over what other machines write as soon as they have, until
// ctx ends. Call it while the register stays open.
func (r *Registry) KeepAbreast(ctx context.Context) {
	if r.nodes == nil {
		return
	}
	again := time.NewTicker(abreastAgain)
	defer again.Stop()
	for ctx.Err() == nil {
		err := r.nodes.store.Watch(ctx, func(uint64) {
			if err := r.Abreast(ctx); err != nil && ctx.Err() == nil {
				r.opt.Log.Warn("what another machine has written could not be taken over; it is before the next page is shown", slog.String("type", fmt.Sprintf("%T", err)))
			}
		})
		if ctx.Err() != nil {
			return
		}
		r.opt.Log.Warn("the line on which other machines tell that they have written is lost; it is asked before each page all the same", slog.String("why", fmt.Sprint(err)))
		select {
		case <-ctx.Done():
		case <-again.C:
		}
	}
}

// abreastAgain is how often it is tried to listen to the other machines anew.
const abreastAgain = 5 * time.Second
