// SPDX-License-Identifier: AGPL-3.0-or-later

package seal

import (
	"bytes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"filippo.io/age"
	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Stretch says how much work a passphrase costs: Argon2id's parameters.
type Stretch struct {
	MemoryKiB uint32 `json:"memory_kib"`
	Passes    uint32 `json:"passes"`
	Lanes     uint8  `json:"lanes"`
}

// StandardStretch is what key files are locked with: some 0.4 s on a small server.
func StandardStretch() Stretch { return Stretch{MemoryKiB: 128 << 10, Passes: 4, Lanes: 2} }

// LeastStretch is the least that a key file may ask for. Below it, somebody
// has changed the file or made it with another program.
func LeastStretch() Stretch { return Stretch{MemoryKiB: 64 << 10, Passes: 3, Lanes: 1} }

// mostStretch is the most that a key file may ask for, so that a file altered
// by a stranger can't take all memory or an hour.
func mostStretch() Stretch { return Stretch{MemoryKiB: 1 << 20, Passes: 16, Lanes: 16} }

// within answers what is wrong with s, if anything.
func (s Stretch) within(least, most Stretch) error {
	switch {
	case s.MemoryKiB < least.MemoryKiB || s.Passes < least.Passes || s.Lanes < max(least.Lanes, 1):
		return fmt.Errorf("the key file asks for too little work on the passphrase (%d KiB, %d passes): it was altered: %w", s.MemoryKiB, s.Passes, ErrDamaged)
	case s.MemoryKiB > most.MemoryKiB || s.Passes > most.Passes || s.Lanes > most.Lanes:
		return fmt.Errorf("the key file asks for too much work on the passphrase (%d KiB, %d passes): it was altered: %w", s.MemoryKiB, s.Passes, ErrDamaged)
	}
	return nil
}

// stretch makes a key of a passphrase. The same words typed on another system, with
// other spaces between them, give the same key.
func (s Stretch) stretch(passphrase string, salt []byte) []byte {
	words := strings.Join(strings.Fields(norm.NFKC.String(passphrase)), " ")
	return argon2.IDKey([]byte(words), salt, s.Passes, s.MemoryKiB, s.Lanes, 32)
}

// Locked is a key file: the public half of an identity in the clear, its
// secret half sealed under a file key, and the file key in slots that a
// passphrase, another identity or a passkey opens.
type Locked struct {
	purpose string
	public  Public
	slots   []slot
	sealed  []byte
}

// slot holds the file key once more. One of the three ways is set.
type slot struct {
	Passphrase *passphraseSlot `json:"passphrase,omitempty"`
	Identity   *identitySlot   `json:"identity,omitempty"`
	Passkey    *passkeySlot    `json:"passkey,omitempty"`
}

type passphraseSlot struct {
	Stretch
	Salt []byte `json:"salt"`
	Key  []byte `json:"key"`
}

type identitySlot struct {
	ID  []byte `json:"id"` // whose
	Key []byte `json:"key"`
}

// passkeySlot is opened by what the pseudo-random function of a passkey's
// authenticator gives (WebAuthn Level 3, 10.1.4): 32 bytes that nobody can
// guess, so that no work is put on them.
type passkeySlot struct {
	Credential []byte `json:"credential"` // the passkey's id
	Salt       []byte `json:"salt"`
	Key        []byte `json:"key"`
}

// lockedFile is the form of Locked in files.
type lockedFile struct {
	Format  string `json:"format"`
	Purpose string `json:"purpose"`
	Public  Public `json:"public"`
	Slots   []slot `json:"slots"`
	Sealed  []byte `json:"sealed"`
}

const (
	lockedFormat = "kua key file 1"
	slotLabel    = "kua/slot/v1"
	passkeyLabel = "kua/passkey/v1"
	saltLen      = 16
	maxSecret    = 64   // of what a passkey gives: 32, or 64 where two were asked for
	minSecret    = 32   // less is not what a pseudo-random function gives
	maxCredID    = 1023 // WebAuthn Level 3, 4: a credential id has at most so many bytes
	maxSlots     = 256
	maxLocked    = 4 << 20
)

// ways is in how many ways the slot opens.
func (s slot) ways() int {
	n := 0
	for _, is := range []bool{s.Passphrase != nil, s.Identity != nil, s.Passkey != nil} {
		if is {
			n++
		}
	}
	return n
}

// Opened is an identity with the file key of its key file, with which slots
// can be added and replaced.
type Opened struct {
	Identity *Identity
	fileKey  Key
}

// Lock makes a key file without a slot: add one before you write it. The
// purpose ("member", "node") is bound to it.
func Lock(id *Identity, purpose string) (*Locked, *Opened, error) {
	l := &Locked{purpose: purpose, public: id.Public()}
	o := &Opened{id, NewKey()}
	aead, err := gcm(o.fileKey[:])
	if err != nil {
		return nil, nil, err
	}
	secret := append(bytes.Clone(id.sign.Seed()), id.age.String()...)
	l.sealed = aead.Seal(nil, nil, secret, l.about())
	return l, o, nil
}

// LockPassphrase makes a key file that a passphrase opens.
func LockPassphrase(id *Identity, purpose, passphrase string, work Stretch) (*Locked, error) {
	l, o, err := Lock(id, purpose)
	if err != nil {
		return nil, err
	}
	return l, l.SetPassphrase(o, passphrase, work)
}

// LockKey makes a key file that a key opens, which is kept elsewhere: split
// into shares.
func LockKey(id *Identity, purpose string, key Key) (*Locked, error) {
	l, o, err := Lock(id, purpose)
	if err != nil {
		return nil, err
	}
	return l, l.SetPassphrase(o, hex.EncodeToString(key[:]), keyWork())
}

// OpenKey opens a key file that LockKey made: ErrPassphrase if the key is another one.
func (l *Locked) OpenKey(key Key) (*Opened, error) {
	return l.OpenPassphrase(hex.EncodeToString(key[:]), keyWork())
}

// keyWork is the work on what has 256 bits of chance: none is needed.
func keyWork() Stretch { return Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1} }

// about is what the secret half and the slots are bound to.
func (l *Locked) about() []byte {
	return []byte(lockedFormat + "\x00" + l.purpose + "\x00" + string(l.public.signing) + l.public.written)
}

// aboutPassphrase is what the file key in a passphrase slot is bound to.
func (l *Locked) aboutPassphrase(s Stretch, salt []byte) []byte {
	b := append(l.about(), salt...)
	b = binary.BigEndian.AppendUint32(b, s.MemoryKiB)
	b = binary.BigEndian.AppendUint32(b, s.Passes)
	return append(b, s.Lanes)
}

// Public is the public half of the identity in the file. The file is not to
// be trusted: compare Public.ID with a name that is.
func (l *Locked) Public() Public { return l.public }

// Purpose is what the key file is for.
func (l *Locked) Purpose() string { return l.purpose }

// Identities lists the identities that have a slot.
func (l *Locked) Identities() [][16]byte {
	var ids [][16]byte
	for _, s := range l.slots {
		if s.Identity != nil {
			ids = append(ids, [16]byte(s.Identity.ID))
		}
	}
	return ids
}

// SetPassphrase adds a passphrase slot, in place of one that is there.
func (l *Locked) SetPassphrase(o *Opened, passphrase string, work Stretch) error {
	if strings.TrimSpace(passphrase) == "" {
		return errors.New("the passphrase is empty: give one, or let the program make one")
	}
	if err := work.within(Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1}, mostStretch()); err != nil {
		return err
	}
	salt := make([]byte, saltLen)
	rand.Read(salt)
	aead, err := gcm(work.stretch(passphrase, salt))
	if err != nil {
		return err
	}
	key := aead.Seal(nil, nil, o.fileKey[:], l.aboutPassphrase(work, salt))
	l.remove(func(s slot) bool { return s.Passphrase != nil })
	l.slots = append(l.slots, slot{Passphrase: &passphraseSlot{work, salt, key}})
	return nil
}

// AddIdentity lets another identity open the file.
func (l *Locked) AddIdentity(o *Opened, to Public) error {
	key, err := to.Seal(slotLabel, append(l.about(), o.fileKey[:]...))
	if err != nil {
		return err
	}
	id := to.ID()
	l.RemoveIdentity(id)
	l.slots = append(l.slots, slot{Identity: &identitySlot{id[:], key}})
	return nil
}

// RemoveIdentity takes the slot of an identity away. Whoever kept the file
// and once opened it still can: make a new identity where that matters.
func (l *Locked) RemoveIdentity(id [16]byte) {
	l.remove(func(s slot) bool { return s.Identity != nil && [16]byte(s.Identity.ID) == id })
}

// SetPasskey lets a passkey open the file, by the secret that its
// authenticator gives. Another slot of the same passkey is replaced.
func (l *Locked) SetPasskey(o *Opened, credential, secret []byte) error {
	if len(credential) == 0 || len(credential) > maxCredID || len(secret) < minSecret || len(secret) > maxSecret {
		return fmt.Errorf("the passkey: %w", ErrFormat)
	}
	p := &passkeySlot{Credential: bytes.Clone(credential), Salt: make([]byte, saltLen)}
	rand.Read(p.Salt)
	aead, err := l.passkeyCipher(p, secret)
	if err != nil {
		return err
	}
	p.Key = aead.Seal(nil, nil, o.fileKey[:], l.aboutPasskey(p))
	l.RemovePasskey(credential)
	l.slots = append(l.slots, slot{Passkey: p})
	return nil
}

// RemovePasskey takes the slot of a passkey away. Whoever kept the file and
// has the passkey can still open that copy.
func (l *Locked) RemovePasskey(credential []byte) {
	l.remove(func(s slot) bool { return s.Passkey != nil && bytes.Equal(s.Passkey.Credential, credential) })
}

// OpenPasskey opens the file with the secret that a passkey gives:
// ErrNotSealedToYou where the passkey has no slot, ErrPassphrase where the
// secret is another one.
func (l *Locked) OpenPasskey(credential, secret []byte) (*Opened, error) {
	for _, s := range l.slots {
		p := s.Passkey
		if p == nil || !bytes.Equal(p.Credential, credential) {
			continue
		}
		aead, err := l.passkeyCipher(p, secret)
		if err != nil {
			return nil, err
		}
		key, err := aead.Open(nil, nil, p.Key, l.aboutPasskey(p))
		if err != nil || len(key) != len(Key{}) {
			return nil, ErrPassphrase
		}
		return l.open(Key(key))
	}
	return nil, fmt.Errorf("the key file: %w", ErrNotSealedToYou)
}

// aboutPasskey is what the file key in a passkey's slot is bound to.
func (l *Locked) aboutPasskey(p *passkeySlot) []byte {
	return append(append(l.about(), p.Salt...), p.Credential...)
}

func (l *Locked) passkeyCipher(p *passkeySlot, secret []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret, p.Salt, passkeyLabel, len(Key{}))
	if err != nil {
		return nil, err
	}
	return gcm(key)
}

func (l *Locked) remove(which func(slot) bool) {
	var kept []slot
	for _, s := range l.slots {
		if !which(s) {
			kept = append(kept, s)
		}
	}
	l.slots = kept
}

// Weaker tells whether a passphrase opens the file with less work than want.
func (l *Locked) Weaker(want Stretch) bool {
	return slices.ContainsFunc(l.slots, func(s slot) bool {
		return s.Passphrase != nil && (s.Passphrase.MemoryKiB < want.MemoryKiB || s.Passphrase.Passes < want.Passes)
	})
}

// OpenPassphrase opens the file with a passphrase: ErrPassphrase if it is
// wrong. Slots that ask for less work than least are refused.
func (l *Locked) OpenPassphrase(passphrase string, least Stretch) (*Opened, error) {
	for _, s := range l.slots {
		p := s.Passphrase
		if p == nil {
			continue
		}
		if err := p.within(least, mostStretch()); err != nil {
			return nil, err
		}
		aead, err := gcm(p.stretch(passphrase, p.Salt))
		if err != nil {
			return nil, err
		}
		key, err := aead.Open(nil, nil, p.Key, l.aboutPassphrase(p.Stretch, p.Salt))
		if err != nil || len(key) != len(Key{}) {
			return nil, ErrPassphrase
		}
		return l.open(Key(key))
	}
	return nil, errors.New("no passphrase opens this key file: it opens with the key of a member")
}

// OpenIdentity opens the file with another identity that has a slot in it.
func (l *Locked) OpenIdentity(by *Identity) (*Opened, error) {
	id := by.ID()
	for _, s := range l.slots {
		if s.Identity == nil || [16]byte(s.Identity.ID) != id {
			continue
		}
		b, err := by.Open(slotLabel, s.Identity.Key)
		if err != nil {
			return nil, fmt.Errorf("the key file: %w", err)
		}
		key, ok := bytes.CutPrefix(b, l.about())
		if !ok || len(key) != len(Key{}) {
			return nil, fmt.Errorf("the key file: %w", ErrDamaged)
		}
		return l.open(Key(key))
	}
	return nil, fmt.Errorf("the key file: %w", ErrNotSealedToYou)
}

func (l *Locked) open(fileKey Key) (*Opened, error) {
	aead, err := gcm(fileKey[:])
	if err != nil {
		return nil, err
	}
	secret, err := aead.Open(nil, nil, l.sealed, l.about())
	if err != nil || len(secret) < ed25519.SeedSize {
		return nil, fmt.Errorf("the key file: %w", ErrDamaged)
	}
	a, err := age.ParseHybridIdentity(string(secret[ed25519.SeedSize:]))
	if err != nil {
		return nil, fmt.Errorf("the key file: %w", ErrFormat)
	}
	id := newIdentity(a, ed25519.NewKeyFromSeed(secret[:ed25519.SeedSize]))
	if !bytes.Equal(id.pub.signing, l.public.signing) || id.pub.written != l.public.written {
		return nil, fmt.Errorf("the key file: its halves do not belong together: %w", ErrDamaged)
	}
	return &Opened{id, fileKey}, nil
}

// Encode writes the key file.
func (l *Locked) Encode() ([]byte, error) {
	if len(l.slots) == 0 {
		return nil, errors.New("the key file has no slot: nobody could open it")
	}
	b, err := json.MarshalIndent(lockedFile{lockedFormat, l.purpose, l.public, l.slots, l.sealed}, "", "  ")
	return append(b, '\n'), err
}

// DecodeLocked reads a key file.
func DecodeLocked(b []byte) (*Locked, error) {
	bad := func(what string) (*Locked, error) {
		return nil, fmt.Errorf("the key file: %s: %w", what, ErrFormat)
	}
	if len(b) > maxLocked {
		return bad("too long")
	}
	var head struct{ Format string }
	if err := json.Unmarshal(b, &head); err != nil {
		return bad("not a key file, or cut off")
	}
	if head.Format != lockedFormat {
		return bad("not a key file, or one of a newer program")
	}
	var f lockedFile
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		if errors.Is(err, ErrDamaged) {
			return nil, fmt.Errorf("the key file: %w", ErrDamaged)
		}
		return bad("a field is missing, unknown or altered")
	}
	if f.Public.recipient == nil || len(f.Slots) == 0 || len(f.Slots) > maxSlots {
		return bad("a field is missing")
	}
	for _, s := range f.Slots {
		switch {
		case s.ways() != 1:
			return bad("a slot is not of one kind: a passphrase's, an identity's or a passkey's")
		case s.Passphrase != nil && len(s.Passphrase.Salt) != saltLen:
			return bad("the salt of the passphrase")
		case s.Identity != nil && len(s.Identity.ID) != 16:
			return bad("the owner of a slot")
		case s.Passkey != nil && (len(s.Passkey.Salt) != saltLen || len(s.Passkey.Credential) == 0 || len(s.Passkey.Credential) > maxCredID):
			return bad("the slot of a passkey")
		}
	}
	return &Locked{f.Purpose, f.Public, f.Slots, f.Sealed}, nil
}

func (o *Opened) String() string             { return redacted }
func (o *Opened) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }
