// SPDX-License-Identifier: AGPL-3.0-or-later

package seal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
)

var (
	// ErrPassphrase says that the passphrase does not open the key file.
	ErrPassphrase = errors.New("the passphrase is not right")
	// ErrNotSealedToYou says that this identity can't open what it was given.
	ErrNotSealedToYou = errors.New("not sealed to this identity")
	// ErrDamaged says that something sealed can't be opened: a bit of it was
	// changed, it was cut, it belongs elsewhere, or the key is another one.
	ErrDamaged = errors.New("altered, cut off, or sealed under another key")
	// ErrFormat says that something is not in the form this program writes.
	ErrFormat = errors.New("not in a form this program knows")
)

const redacted = "[sealed]"

// Key is a 256 bit key. The zero Key means: none. It does not print itself.
type Key [32]byte

// NewKey makes a random key.
func NewKey() Key {
	var k Key
	rand.Read(k[:]) // never fails: see crypto/rand
	return k
}

// IsZero tells whether there is no key.
func (k Key) IsZero() bool { return k == Key{} }

// String, Format, LogValue and the Marshal methods keep keys out of output.
func (k Key) String() string               { return redacted }
func (k Key) Format(f fmt.State, _ rune)   { fmt.Fprint(f, redacted) }
func (k Key) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (k Key) MarshalText() ([]byte, error) { return nil, errWrittenOut }
func (k Key) MarshalBinary() ([]byte, error) {
	return nil, errWrittenOut
}

var errWrittenOut = errors.New("seal: a key is never written out unsealed")

// CaseKeys are the two keys of a case with their epochs. A zero key is one
// that is not at hand: never granted, or destroyed.
type CaseKeys struct {
	Fact, Identity           Key
	FactEpoch, IdentityEpoch uint32
}

// NewCaseKeys makes the keys of a new case, of epoch 1.
func NewCaseKeys() CaseKeys {
	return CaseKeys{Fact: NewKey(), Identity: NewKey(), FactEpoch: 1, IdentityEpoch: 1}
}

// Part says which of the two parts of an entry, and so which of the two keys of a case.
type Part uint8

// The parts of an entry. The numbers are in the format.
const (
	FactPart     Part = 1 // coded values, dates, bodies, stages
	IdentityPart Part = 2 // whatever could name a person
)

func (p Part) String() string {
	switch p {
	case FactPart:
		return "fact"
	case IdentityPart:
		return "identity"
	}
	return fmt.Sprintf("part %d", uint8(p))
}
