// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// What somebody who adds or removes machines can be told.
var (
	// ErrOtherNodes says that other machines use the ledger where it is.
	ErrOtherNodes = errors.New("other machines use the register, and what they use can't be taken from under them: remove them first ('kua node remove NAME'); nothing was changed")
	// ErrNoDatabase says that the ledger is not in a database.
	ErrNoDatabase = errors.New("the ledger is in a file of the register's folder, which one machine alone can use: move it to PostgreSQL first ('kua move postgres')")
	// ErrNodeCoalition says that a register of a coalition has one machine.
	ErrNodeCoalition = errors.New("this register exchanges with a coalition, and what it exchanges lies on this machine: it can't have a second one")
	// ErrNodeFiles says that sealed files lie where another machine can't read them.
	ErrNodeFiles = errors.New("sealed files lie in a folder of this machine: let them stay in a bucket first ('kua evidence place bucket'), so that each machine can read them")
	// ErrNodeName says that a name can't be a machine's.
	ErrNodeName = errors.New("a machine's name has 1 to 30 small Latin letters, digits and -, and is no other machine's")
	// ErrPassFile says that a file is no pass, or not a whole one.
	ErrPassFile = errors.New("this is no pass for a machine ('kua node pass'), or not a whole one")
	// ErrPassCode says that the words do not open a pass.
	ErrPassCode = errors.New("these words do not open the pass: look at each and their order")
)

var nodeNames = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,29}$`)

// firstNode is how the machine is called that had the register before others.
const firstNode = "first"

// passLabel and passPurpose say what a pass is for.
const (
	passLabel   = "kua/node pass/v1"
	passPurpose = "node pass"
	passFormat  = 1
	headName    = "head"
)

// nodeRecord is what is shared of a machine.
type nodeRecord struct {
	Since time.Time `json:"since"`
}

// NodeSeen is a machine that uses the register's database.
type NodeSeen struct {
	Name  string
	Since time.Time
	Here  bool
	// Waits: it has not opened the register since forgetting keys were handed to
	// it, or since it was given its pass.
	Waits bool
}

// passFile is a pass: the sealed part opens with an identity that the words open.
type passFile struct {
	Format int             `json:"format"`
	Locked json.RawMessage `json:"locked"`
	Sealed []byte          `json:"sealed"`
}

// passContent is what a machine needs to open the register. Keys are in it as they
// are in the register's directory: opened by passphrases.
type passContent struct {
	Name     string            `json:"name"`
	Files    map[string][]byte `json:"files"` // by path below the register's directory, with /
	Database Database          `json:"database"`
}

// others are the names of the other machines.
func (n *nodes) others() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var names []string
	for part, p := range n.parts {
		if name, ok := strings.CutPrefix(part, nodePart); ok && name != n.name && p.value != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Nodes are the machines that use the register's database; none where it is in a
// file, or where this machine alone was ever meant to use it.
func (r *Registry) Nodes(ctx context.Context, s *access.Session) (_ []NodeSeen, err error) {
	defer r.refusal(ctx, s, "ledger", "", &err)
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return nil, ErrNotAllowed
	}
	kept, err := r.stored()
	if err != nil || kept.Node == "" {
		return nil, err
	}
	n := r.nodes
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := r.pull(ctx); err != nil {
		return nil, err
	}
	var all []NodeSeen
	for part, p := range n.parts {
		name, ok := strings.CutPrefix(part, nodePart)
		if !ok || p.value == nil {
			continue
		}
		var rec nodeRecord
		if err := json.Unmarshal(p.value, &rec); err != nil {
			return nil, err
		}
		handed, hand := n.parts[handedPart+name], n.parts[handPart+name]
		all = append(all, NodeSeen{Name: name, Since: rec.Since, Here: name == n.name, Waits: name != n.name && handed.version > hand.version})
	}
	slices.SortFunc(all, func(a, b NodeSeen) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// PassNode makes a pass with which another machine joins: a file, and the words
// that open it, which nothing keeps. From the first pass on the register is shared:
// close it and open it again before anything else is written.
func (r *Registry) PassNode(ctx context.Context, s *access.Session, name string) (file []byte, words string, err error) {
	fail := func(err error) ([]byte, string, error) { return nil, "", err }
	defer r.did(ctx, s, actPlace, "node", &err)
	if err := r.mayLookAfter(s); err != nil {
		return fail(err)
	}
	if r.beside {
		return fail(ledger.ErrLocked)
	}
	kept, err := r.stored()
	if err != nil {
		return fail(err)
	}
	switch files, err := r.files.Count(); {
	case err != nil:
		return fail(err)
	case kept.Database == (Database{}) || kept.Left:
		return fail(ErrNoDatabase)
	case r.coalition != nil:
		return fail(ErrNodeCoalition)
	case !nodeNames.MatchString(name):
		return fail(ErrNodeName)
	case files.Here > 0:
		return fail(ErrNodeFiles)
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	if r.nodes == nil {
		if err := r.becomeShared(ctx, kept); err != nil {
			return fail(err)
		}
	}
	end, err := r.keysTurn(ctx)
	if err != nil {
		return fail(err)
	}
	defer end()
	if r.nodes.parts[nodePart+name].value != nil {
		return fail(ErrNodeName)
	}
	if words, err = seal.NewPassphrase(); err != nil {
		return fail(err)
	}
	pass, err := seal.NewIdentity()
	if err != nil {
		return fail(err)
	}
	if file, err = r.makePass(pass, words, name, kept.Database); err != nil {
		return fail(err)
	}
	public, err := json.Marshal(pass.Public())
	if err != nil {
		return fail(err)
	}
	// The pass is the machine's first hand; it makes its own when it joins.
	if err := r.put(ctx, handPart+name, public); err != nil {
		return fail(err)
	}
	if err := r.handTo(ctx, name, pass.Public(), r.forget.keys); err != nil {
		return fail(err)
	}
	if err := r.putNode(ctx, name); err != nil {
		return fail(err)
	}
	return file, words, nil
}

func (r *Registry) putNode(ctx context.Context, name string) error {
	rec, err := json.Marshal(nodeRecord{Since: r.now().UTC()})
	if err != nil {
		return err
	}
	return r.put(ctx, nodePart+name, rec)
}

// becomeShared puts what machines share into the database. Cut off, it is done
// again. Called with writing held.
func (r *Registry) becomeShared(ctx context.Context, kept stored) error {
	store := r.shared
	if store == nil {
		return ErrNoDatabase
	}
	n := r.newNodes(firstNode, store)
	n.mu.Lock()
	defer n.mu.Unlock()
	r.nodes = n
	turn, err := store.Turn(ctx, turnWriting)
	if err == nil {
		r.writing.turn = turn
		err = r.pull(ctx)
	}
	var files []string
	if err == nil {
		files, err = r.sharedFiles()
	}
	for _, file := range files {
		var b []byte
		if b, err = os.ReadFile(filepath.Join(r.dir, file)); err != nil {
			break
		}
		if now := n.parts[filepath.ToSlash(file)]; !slices.Equal(now.value, b) {
			if err = r.put(ctx, filepath.ToSlash(file), b); err != nil {
				break
			}
		}
	}
	if err == nil {
		err = r.newHand(ctx)
	}
	if err == nil {
		err = r.putNode(ctx, firstNode)
	}
	if err == nil {
		kept.Node = firstNode
		err = r.keepSealed(storeFile, storeLabel, kept)
	}
	if err != nil {
		r.nodes = nil
	}
	return err
}

// sharedFiles are the files of this directory that machines share.
func (r *Registry) sharedFiles() ([]string, error) {
	var files []string
	for _, dir := range []string{"", keysDir} {
		entries, err := os.ReadDir(filepath.Join(r.dir, dir))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if file := filepath.Join(dir, e.Name()); e.Type().IsRegular() && isShared(file) {
				files = append(files, file)
			}
		}
	}
	return files, nil
}

// makePass makes the file of a pass.
func (r *Registry) makePass(pass *seal.Identity, words, name string, at Database) ([]byte, error) {
	files, err := r.sharedFiles()
	if err != nil {
		return nil, err
	}
	in := passContent{Name: name, Files: map[string][]byte{}, Database: at}
	for _, file := range append(files, headName) {
		if in.Files[filepath.ToSlash(file)], err = os.ReadFile(filepath.Join(r.dir, file)); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	locked, err := seal.LockPassphrase(pass, passPurpose, words, r.opt.Stretch)
	if err != nil {
		return nil, err
	}
	out := passFile{Format: passFormat}
	if out.Locked, err = locked.Encode(); err != nil {
		return nil, err
	}
	if out.Sealed, err = pass.SealOwn(passLabel, text); err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// Join makes the directory of a machine that joins a register, by the pass that
// another has made for it and the passphrase of a member who may start it, and
// answers how it is called. Open it then, as any register: that takes over all
// else. The pass is of no use after that. Options.Database is how the database is
// reached from here, if not as from the other machine.
func Join(dir string, file []byte, words string, unlock Unlock, opt Options) (name string, err error) {
	opt = opt.orStandard()
	var in passFile
	if err := json.Unmarshal(file, &in); err != nil || in.Format != passFormat {
		return "", ErrPassFile
	}
	locked, err := seal.DecodeLocked(in.Locked)
	if err != nil || locked.Purpose() != passPurpose {
		return "", ErrPassFile
	}
	opened, err := locked.OpenPassphrase(words, opt.Least)
	if errors.Is(err, seal.ErrPassphrase) {
		return "", ErrPassCode
	}
	if err != nil {
		return "", ErrPassFile
	}
	text, err := opened.Identity.OpenOwn(passLabel, in.Sealed)
	if err != nil {
		return "", ErrPassFile
	}
	var content passContent
	if err := json.Unmarshal(text, &content); err != nil || !nodeNames.MatchString(content.Name) {
		return "", ErrPassFile
	}
	for path := range content.Files {
		if file := filepath.FromSlash(path); !filepath.IsLocal(file) || !isShared(file) && file != headName {
			return "", ErrPassFile
		}
	}
	node, err := seal.DecodeLocked(content.Files[nodeKeyFile])
	if err != nil {
		return "", ErrPassFile
	}
	if err := newDir(dir); err != nil {
		return "", err
	}
	r, err := prepare(dir, opt)
	if err != nil {
		return "", err
	}
	if opt.Database != (Database{}) {
		content.Database = opt.Database
	}
	if err := os.MkdirAll(filepath.Join(dir, keysDir), 0o700); err != nil {
		return "", fmt.Errorf("the machine has not joined: %w", err)
	}
	forgetting, err := r.forgettingDir()
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	hand := filepath.Join(forgetting, handFile(node.Public().ID(), content.Name))
	if err := r.join(content, unlock, opened.Identity, node.Public(), hand); err != nil {
		if err := os.Remove(hand); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		return "", errors.Join(fmt.Errorf("the machine has not joined: %w", err), os.RemoveAll(dir))
	}
	return content.Name, nil
}

func (r *Registry) join(content passContent, unlock Unlock, pass *seal.Identity, node seal.Public, hand string) error {
	r.forget = &forgetKeys{dir: filepath.Dir(hand)}
	if err := r.makeForgettingDir(); err != nil {
		return err
	}
	// The pass is the hand to which the forgetting keys are sealed.
	locked, opened, err := seal.Lock(pass, handPurpose)
	if err == nil {
		err = locked.AddIdentity(opened, node)
	}
	if err != nil {
		return err
	}
	b, err := locked.Encode()
	if err != nil {
		return err
	}
	if err := writeFile(hand, unfinished+"*", b); err != nil {
		return err
	}
	for path, b := range content.Files {
		if err := writeFile(filepath.Join(r.dir, filepath.FromSlash(path)), unfinished+"*", b); err != nil {
			return err
		}
	}
	if _, err := r.unlock(unlock); err != nil {
		return err
	}
	return r.keepSealed(storeFile, storeLabel, stored{Database: content.Database, Node: content.Name})
}

// RemoveNode takes another machine off the register: nothing is handed to it any
// more, and it does not open. It can't take away what that machine has: where it
// was lost, change the database's password, and the passphrases that open it.
func (r *Registry) RemoveNode(ctx context.Context, s *access.Session, name string) (err error) {
	defer r.did(ctx, s, actPlace, "node", &err)
	if err := r.mayLookAfter(s); err != nil {
		return err
	}
	if r.beside {
		return ledger.ErrLocked
	}
	n := r.nodes
	if n == nil || !slices.Contains(n.others(), name) {
		return ErrNotFound
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	if err := r.writing.ours(); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, part := range []string{handPart, handedPart, nodePart} {
		if n.parts[part+name].value != nil {
			if err := r.put(ctx, part+name, nil); err != nil {
				return err
			}
		}
	}
	return nil
}
