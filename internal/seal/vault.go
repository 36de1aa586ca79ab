// SPDX-License-Identifier: AGPL-3.0-or-later

package seal

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
)

// Vault is the key of an organisation or a node under which the keys of cases
// are wrapped: a microsecond each, where an age recipient would take a hundred
// and 1.5 kB. It does not print itself.
type Vault struct {
	id  [16]byte
	key Key
}

const vaultLabel = "kua/vault/v1"

// NewVault makes a vault.
func NewVault() *Vault {
	v := &Vault{key: NewKey()}
	rand.Read(v.id[:])
	return v
}

// VaultOf is the vault of a key: whoever has the key has the vault, and nobody
// who sees what is wrapped for the vault learns of which key it is.
func VaultOf(key Key) (*Vault, error) {
	b, err := hkdf.Key(sha256.New, key[:], nil, vaultOfLabel, 16+32)
	if err != nil {
		return nil, fmt.Errorf("the vault of a key: %w", err)
	}
	return &Vault{[16]byte(b[:16]), Key(b[16:])}, nil
}

const vaultOfLabel = "kua/vault of/v1"

// ID is the holder under which the vault's wrapped keys are kept.
func (v *Vault) ID() [16]byte { return v.id }

// Seal seals the vault to its owner.
func (v *Vault) Seal(owner *Identity) ([]byte, error) {
	return owner.SealOwn(vaultLabel, append(v.id[:], v.key[:]...))
}

// OpenVault opens a vault that its owner sealed.
func OpenVault(owner *Identity, sealed []byte) (*Vault, error) {
	b, err := owner.OpenOwn(vaultLabel, sealed)
	if err != nil {
		return nil, fmt.Errorf("the vault: %w", err)
	}
	if len(b) != 16+32 {
		return nil, fmt.Errorf("the vault: %w", ErrFormat)
	}
	return &Vault{[16]byte(b[:16]), Key(b[16:])}, nil
}

// WrapCaseKey wraps one key of a case for the vault.
func (v *Vault) WrapCaseKey(stream [16]byte, part Part, epoch uint32, key Key) ([]byte, error) {
	if key.IsZero() {
		return nil, fmt.Errorf("no %v key to wrap", part)
	}
	aead, err := gcm(v.key[:])
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, key[:], v.about(stream, part, epoch)), nil
}

// UnwrapCaseKey gives back what WrapCaseKey wrapped, or answers ErrDamaged.
func (v *Vault) UnwrapCaseKey(stream [16]byte, part Part, epoch uint32, wrapped []byte) (Key, error) {
	aead, err := gcm(v.key[:])
	if err != nil {
		return Key{}, err
	}
	b, err := aead.Open(nil, nil, wrapped, v.about(stream, part, epoch))
	if err != nil || len(b) != len(Key{}) {
		return Key{}, ErrDamaged
	}
	return Key(b), nil
}

// about is what a wrapped key is bound to.
func (v *Vault) about(stream [16]byte, part Part, epoch uint32) []byte {
	b := append([]byte("kua/wrap/v1\x00"), v.id[:]...)
	b = append(b, stream[:]...)
	b = append(b, byte(part))
	return binary.BigEndian.AppendUint32(b, epoch)
}

func (v *Vault) String() string             { return redacted }
func (v *Vault) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }
func (v *Vault) LogValue() slog.Value       { return slog.StringValue(redacted) }

const indexLabel = "kua/index/v1"

// SealIndexKey seals the key of the index, or of another database of the
// node, to the node.
func SealIndexKey(node *Identity, key Key) ([]byte, error) {
	return node.SealOwn(indexLabel, key[:])
}

// OpenIndexKey opens what SealIndexKey sealed.
func OpenIndexKey(node *Identity, sealed []byte) (Key, error) {
	b, err := node.OpenOwn(indexLabel, sealed)
	if err != nil {
		return Key{}, fmt.Errorf("the index key: %w", err)
	}
	if len(b) != len(Key{}) {
		return Key{}, fmt.Errorf("the index key: %w", ErrFormat)
	}
	return Key(b), nil
}
