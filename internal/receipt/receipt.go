// SPDX-License-Identifier: AGPL-3.0-or-later

package receipt

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/crypto/argon2"
)

// Receipt is the secret behind eight words. Whoever has it reads the answers.
type Receipt [11]byte

// New draws a receipt.
func New() (r Receipt) {
	_, _ = rand.Read(r[:]) // it never fails: crypto/rand
	return r
}

// Format shows no receipt, whatever is asked for.
func (r Receipt) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("receipt")) }

// LogValue shows no receipt.
func (r Receipt) LogValue() slog.Value { return slog.StringValue("receipt") }

// MarshalText refuses: a receipt is written as words, for its owner alone.
func (r Receipt) MarshalText() ([]byte, error) {
	return nil, errors.New("a receipt is not written into anything")
}

// Cost of the stretch: memory in KiB and passes of Argon2id (RFC 9106), one
// lane. With 88 random bits there is nothing to guess; the cost is what an old
// phone does in its browser in a few seconds.
const (
	Memory = 19 * 1024
	Passes = 2
)

// Keys are what a receipt opens at one installation.
type Keys struct {
	Door [16]byte // names the report at the register, which keeps its SHA-256 alone
	Seed [32]byte // of the age identity to which answers are sealed
	Mark [16]byte // stands within the seal of each message: what bears another is of somebody else
}

// Format shows no keys, whatever is asked for.
func (k Keys) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("keys of a receipt")) }

// LogValue shows no keys.
func (k Keys) LogValue() slog.Value { return slog.StringValue("keys of a receipt") }

// Stored is what the register keeps of a door.
func (k Keys) Stored() [32]byte { return sha256.Sum256(k.Door[:]) }

// Stretch makes the keys of a receipt at an installation: Argon2id over the
// receipt, salted with "kua/receipt/v1/" and the installation's id, and
// HKDF-SHA-256 of that under "door", "answers" and "mark".
func (r Receipt) Stretch(installation [16]byte) (Keys, error) {
	salt := append([]byte("kua/receipt/v1/"), installation[:]...)
	master := argon2.IDKey(r[:], salt, Passes, Memory, 1, 32)
	defer clear(master)
	var k Keys
	for label, part := range map[string][]byte{"door": k.Door[:], "answers": k.Seed[:], "mark": k.Mark[:]} {
		b, err := hkdf.Expand(sha256.New, master, label, len(part))
		if err != nil {
			return Keys{}, err
		}
		copy(part, b)
	}
	return k, nil
}
