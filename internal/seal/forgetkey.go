// SPDX-License-Identifier: AGPL-3.0-or-later

package seal

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"time"
)

// ForgetKey is a forgetting key: all wrapped keys of a register are wrapped
// once more under it. It changes every month, so that an erasure reaches the
// backups, too: a table of wrapped keys is dead without the forgetting key of
// its month. It does not print itself.
type ForgetKey struct {
	id   ForgetID
	made time.Time
	key  Key
}

// ForgetID names a forgetting key: 64 random bits.
type ForgetID [8]byte

const (
	forgetLabel  = "kua/forget/v1"
	forgetPrefix = "kfk1" // begins what a forgetting key wrapped
	forgetLen    = 8 + 8 + 32
)

// NewForgetKey makes a forgetting key; made is when, kept to the second.
func NewForgetKey(made time.Time) *ForgetKey {
	f := &ForgetKey{made: made.UTC().Truncate(time.Second), key: NewKey()}
	rand.Read(f.id[:])
	return f
}

// ID names the key.
func (f *ForgetKey) ID() ForgetID { return f.id }

// Made is when the key was made, in UTC.
func (f *ForgetKey) Made() time.Time { return f.made }

// Seal seals the key to the node.
func (f *ForgetKey) Seal(node *Identity) ([]byte, error) {
	b := append(f.id[:], binary.BigEndian.AppendUint64(nil, uint64(f.made.Unix()))...)
	return node.SealOwn(forgetLabel, append(b, f.key[:]...))
}

// OpenForgetKey opens what ForgetKey.Seal sealed.
func OpenForgetKey(node *Identity, sealed []byte) (*ForgetKey, error) {
	b, err := node.OpenOwn(forgetLabel, sealed)
	if err != nil {
		return nil, fmt.Errorf("the forgetting key: %w", err)
	}
	if len(b) != forgetLen {
		return nil, fmt.Errorf("the forgetting key: %w", ErrFormat)
	}
	return &ForgetKey{ForgetID(b[:8]), time.Unix(int64(binary.BigEndian.Uint64(b[8:16])), 0).UTC(), Key(b[16:])}, nil
}

// WrapAgain wraps a wrapped key once more. about is what it is bound to: whose
// key it is, of what.
func (f *ForgetKey) WrapAgain(about, wrapped []byte) ([]byte, error) {
	aead, err := gcm(f.key[:])
	if err != nil {
		return nil, err
	}
	out := append([]byte(forgetPrefix), f.id[:]...)
	return aead.Seal(out, nil, wrapped, f.about(about)), nil
}

// Unwrap gives back what WrapAgain wrapped, or answers ErrDamaged.
func (f *ForgetKey) Unwrap(about, again []byte) ([]byte, error) {
	id, ok := ForgetIDOf(again)
	if !ok || id != f.id {
		return nil, ErrDamaged
	}
	aead, err := gcm(f.key[:])
	if err != nil {
		return nil, err
	}
	b, err := aead.Open(nil, nil, again[len(forgetPrefix)+len(id):], f.about(about))
	if err != nil {
		return nil, ErrDamaged
	}
	return b, nil
}

// ForgetIDOf tells under which forgetting key something is wrapped; false:
// under none. What a vault or an identity wrapped is never taken for it: the
// one has another length, the other begins otherwise.
func ForgetIDOf(again []byte) (ForgetID, bool) {
	const least = len(forgetPrefix) + len(ForgetID{}) + gcmOverhead
	if len(again) < least+len(Key{})+gcmOverhead || string(again[:len(forgetPrefix)]) != forgetPrefix {
		return ForgetID{}, false
	}
	return ForgetID(again[len(forgetPrefix):][:len(ForgetID{})]), true
}

// gcmOverhead is by how much gcm makes a text longer.
const gcmOverhead = 12 + 16

// about is what a key wrapped again is bound to.
func (f *ForgetKey) about(of []byte) []byte {
	return append(append([]byte(forgetLabel+"\x00"), f.id[:]...), of...)
}

func (f *ForgetKey) String() string             { return redacted }
func (f *ForgetKey) Format(s fmt.State, _ rune) { fmt.Fprint(s, redacted) }
func (f *ForgetKey) LogValue() slog.Value       { return slog.StringValue(redacted) }
