// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// Where the keys lie, below the register's directory.
const (
	keysDir     = "keys"
	nodeKeyFile = "keys/node.key"
	nodeVault   = "keys/node.vault"
)

// unfinished begins the name of a key file that is being written.
const unfinished = ".new-"

// ErrUnlock says that a passphrase does not open the register.
var ErrUnlock = errors.New("the passphrase is not right, or not one that starts the register: check the words and their order; nothing was changed")

// ErrMayNotStart says that a member's key does not open the node's.
var ErrMayNotStart = errors.New("the passphrase is right, but this member may not start the register: somebody who may must do it")

// ErrManyStart says that it must be said whose passphrase it is.
var ErrManyStart = errors.New("many members may start the register")

// maxTried is how many key files a passphrase is tried on where nobody says
// whose it is: each costs a stretch.
const maxTried = 8

// makeKeys makes the keys of a new register: the node's, opened by the first
// member or by the passphrase, and the first member's.
func (r *Registry) makeKeys(passphrase string) (*access.Keys, error) {
	var err error
	if r.node, err = seal.NewIdentity(); err != nil {
		return nil, err
	}
	member, err := seal.NewIdentity()
	if err != nil {
		return nil, err
	}
	file, err := seal.LockPassphrase(member, "member", passphrase, r.opt.Stretch)
	if err != nil {
		return nil, err
	}
	if err := r.writeLocked(memberFile(member.ID()), file); err != nil {
		return nil, err
	}
	node, opened, err := seal.Lock(r.node, "node")
	if err != nil {
		return nil, err
	}
	if err := node.SetPassphrase(opened, passphrase, r.opt.Stretch); err != nil {
		return nil, err
	}
	if err := node.AddIdentity(opened, member.Public()); err != nil {
		return nil, err
	}
	r.vault = seal.NewVault()
	sealed, err := r.vault.Seal(r.node)
	if err != nil {
		return nil, err
	}
	if err := r.writeKey(nodeVault, sealed); err != nil {
		return nil, err
	}
	if err := r.writeLocked(nodeKeyFile, node); err != nil {
		return nil, err
	}
	return &access.Keys{Identity: member, Vaults: map[string]*seal.Vault{}}, nil
}

func memberFile(id [16]byte) string {
	return filepath.Join(keysDir, "member-"+ledger.ID(id).String()+".key")
}

// memberFiles are the key files of all members, as memberFile names them.
func (r *Registry) memberFiles() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(r.dir, keysDir, "member-*.key"))
	for i, file := range files {
		files[i] = filepath.Join(keysDir, filepath.Base(file))
	}
	return files, err
}

func orgFile(id, ending string) string { return filepath.Join(keysDir, "org-"+id+ending) }

// unlock opens a member with the passphrase, and the node with the member.
func (r *Registry) unlock(u Unlock) (*access.Keys, error) {
	files, err := r.memberFiles()
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	if u.Member != "" {
		files = slices.DeleteFunc(files, func(f string) bool {
			return !strings.HasPrefix(filepath.Base(f), "member-"+u.Member)
		})
	} else if len(files) > maxTried { // those of members who may start the register are enough
		locked, err := r.readLocked(nodeKeyFile)
		if err != nil {
			return nil, err
		}
		start := map[string]bool{}
		for _, id := range locked.Identities() {
			start[memberFile(id)] = true
		}
		files = slices.DeleteFunc(files, func(f string) bool { return !start[f] })
	}
	switch {
	case len(files) == 0:
		return nil, errors.New("there is no key file of that member in the register's keys")
	case len(files) > maxTried:
		return nil, fmt.Errorf("%w (%d): say with --member whose passphrase it is", ErrManyStart, len(files))
	}
	var member *seal.Identity
	for _, f := range files {
		id, err := r.openMember(f, u.Passphrase)
		if errors.Is(err, seal.ErrPassphrase) {
			continue
		}
		if err != nil {
			return nil, err
		}
		member = id
		break
	}
	if member == nil {
		return nil, ErrUnlock
	}
	if err := r.openNode(member); errors.Is(err, errMayNotStart) {
		return nil, ErrMayNotStart
	} else if err != nil {
		return nil, err
	}
	return r.openVaults(member)
}

// errMayNotStart says that an identity has no slot in the node's key file.
var errMayNotStart = errors.New("not sealed to this identity")

// openNode opens the node with an identity that has a slot in its key file:
// errMayNotStart where it has none.
func (r *Registry) openNode(by *seal.Identity) error {
	locked, err := r.readLocked(nodeKeyFile)
	if err != nil {
		return err
	}
	node, err := locked.OpenIdentity(by)
	if errors.Is(err, seal.ErrNotSealedToYou) {
		return errMayNotStart
	}
	if err != nil {
		return err
	}
	r.node = node.Identity
	sealed, err := os.ReadFile(filepath.Join(r.dir, nodeVault))
	if err != nil {
		return fmt.Errorf("a key of the register is missing: %w", err)
	}
	if r.vault, err = seal.OpenVault(r.node, sealed); err != nil {
		return fmt.Errorf("%s: %w", nodeVault, err)
	}
	return nil
}

// openMember opens a member's key file and sees that it is the one its name says.
func (r *Registry) openMember(file, passphrase string) (*seal.Identity, error) {
	_, opened, err := r.unlockMember(file, passphrase)
	if err != nil {
		return nil, err
	}
	return opened.Identity, nil
}

// unlockMember is openMember for who wants to change the file.
func (r *Registry) unlockMember(file, passphrase string) (*seal.Locked, *seal.Opened, error) {
	locked, err := r.readLocked(file)
	if err != nil {
		return nil, nil, err
	}
	if file != memberFile(locked.Public().ID()) || locked.Purpose() != "member" {
		return nil, nil, fmt.Errorf("%s: its name and its content do not belong together: %w", file, seal.ErrDamaged)
	}
	opened, err := locked.OpenPassphrase(passphrase, r.opt.Least)
	return locked, opened, err
}

// openVaults opens the vaults of the organisations a member belongs to.
func (r *Registry) openVaults(member *seal.Identity) (*access.Keys, error) {
	keys := &access.Keys{Identity: member, Vaults: map[string]*seal.Vault{}}
	files, err := filepath.Glob(filepath.Join(r.dir, keysDir, "org-*.key"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		id := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "org-"), ".key")
		locked, err := r.readLocked(orgFile(id, ".key"))
		if err != nil {
			return nil, err
		}
		org, err := locked.OpenIdentity(member)
		if errors.Is(err, seal.ErrNotSealedToYou) {
			continue
		}
		if err != nil {
			return nil, err
		}
		sealed, err := os.ReadFile(filepath.Join(r.dir, orgFile(id, ".vault")))
		if err != nil {
			return nil, fmt.Errorf("a key of an organisation is missing: %w", err)
		}
		if keys.Vaults[id], err = seal.OpenVault(org.Identity, sealed); err != nil {
			return nil, fmt.Errorf("%s: %w", orgFile(id, ".vault"), err)
		}
	}
	return keys, nil
}

// makeVault makes the identity and the vault of an organisation that has none,
// open to its first member and to nobody else.
func (r *Registry) makeVault(to seal.Public, org string) (*seal.Vault, error) {
	id, err := seal.NewIdentity()
	if err != nil {
		return nil, err
	}
	locked, opened, err := seal.Lock(id, "organisation")
	if err != nil {
		return nil, err
	}
	if err := locked.AddIdentity(opened, to); err != nil {
		return nil, err
	}
	if recovery, ok := r.recoveryPublic(); ok {
		if err := locked.AddIdentity(opened, recovery); err != nil {
			return nil, err
		}
	}
	vault := seal.NewVault()
	sealed, err := vault.Seal(id)
	if err != nil {
		return nil, err
	}
	if err := r.writeKey(orgFile(org, ".vault"), sealed); err != nil {
		return nil, err
	}
	return vault, r.writeLocked(orgFile(org, ".key"), locked)
}

// nodeKey is a key of the node's for one purpose, which its label names: all
// machines of a register have the same, and nothing has to keep it.
func (r *Registry) nodeKey(label string) [32]byte {
	return sha256.Sum256(r.node.Sign([]byte(label + "\x00")))
}

// sealedKey is the key of one of the node's own databases, sealed to the node.
func (r *Registry) sealedKey(name string, create bool) (seal.Key, error) {
	file := filepath.Join(keysDir, name+".key")
	if create {
		key := seal.NewKey()
		sealed, err := seal.SealIndexKey(r.node, key)
		if err != nil {
			return seal.Key{}, err
		}
		return key, r.writeKey(file, sealed)
	}
	sealed, err := os.ReadFile(filepath.Join(r.dir, file))
	if err != nil {
		return seal.Key{}, fmt.Errorf("a key of the register is missing: %w", err)
	}
	key, err := seal.OpenIndexKey(r.node, sealed)
	if err != nil {
		return seal.Key{}, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil
}

func (r *Registry) readLocked(file string) (*seal.Locked, error) {
	b, err := os.ReadFile(filepath.Join(r.dir, file))
	if err != nil {
		return nil, fmt.Errorf("a key file can't be read: %w", err)
	}
	locked, err := seal.DecodeLocked(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return locked, nil
}

func (r *Registry) writeLocked(file string, locked *seal.Locked) error {
	b, err := locked.Encode()
	if err != nil {
		return err
	}
	return r.writeKey(file, b)
}

// writeKey writes a key file so that it is there whole or not at all, also
// after the power fails.
func (r *Registry) writeKey(file string, b []byte) error {
	if r.before != nil {
		r.before(file)
	}
	if err := r.share(file, b); err != nil {
		return err
	}
	r.forgetAuthors()
	return writeFile(filepath.Join(r.dir, file), unfinished+"*", b)
}

// writeFile is writeKey at any path; until it is whole the file has a name of the pattern.
func writeFile(path, pattern string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), pattern)
	if err != nil {
		return fmt.Errorf("a key file can't be written: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("a key file can't be written: %w", err)
	}
	return nil
}

// removeKey takes a key file away, if it is there.
func (r *Registry) removeKey(file string) error {
	if r.before != nil {
		r.before(file)
	}
	if err := r.share(file, nil); err != nil {
		return err
	}
	r.forgetAuthors()
	if err := os.Remove(filepath.Join(r.dir, file)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("a key file can't be taken away: %w", err)
	}
	return syncDir(filepath.Join(r.dir, filepath.Dir(file)))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// authors gives the public signing keys of members, from their key files: a
// key that does not hash to the author's id is refused by the opener.
func (r *Registry) authors() (func(ledger.ID) (ed25519.PublicKey, bool), error) {
	keys, err := r.authorKeys()
	if err != nil {
		return nil, err
	}
	return func(id ledger.ID) (ed25519.PublicKey, bool) {
		if key, ok := keys[id]; ok {
			return key, true
		}
		return r.partnerKey(id)
	}, nil
}

// forgetAuthors has the keys read again: a key file has changed.
func (r *Registry) forgetAuthors() { r.signing.Store(nil) }

// authorKeys reads the key files once, until one changes.
func (r *Registry) authorKeys() (map[ledger.ID]ed25519.PublicKey, error) {
	if known := r.signing.Load(); known != nil {
		return *known, nil
	}
	files, err := r.memberFiles()
	if err != nil {
		return nil, err
	}
	keys := map[ledger.ID]ed25519.PublicKey{}
	for _, f := range files {
		locked, err := r.readLocked(f)
		if err != nil {
			return nil, err
		}
		keys[locked.Public().ID()] = locked.Public().Signing()
	}
	// The node signs the lines of the audit that nobody has signed in for; mayBeBy holds it to that.
	keys[r.node.ID()] = r.node.Public().Signing()
	r.signing.Store(&keys)
	return keys, nil
}

// member is a member as they stand in the ledger.
func (r *Registry) member(id string) (access.Member, error) {
	m := r.roll().member(id)
	if m == nil || m.Left {
		return access.Member{}, errors.New("the passphrase is right, but the ledger knows no such member, or they have left")
	}
	return m.Member, nil
}

// members are the members who have not left.
func (r *Registry) members() []access.Member {
	var members []access.Member
	for _, m := range r.roll().Members {
		if !m.Left {
			members = append(members, m.Member)
		}
	}
	return members
}
