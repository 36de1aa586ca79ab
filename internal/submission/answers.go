// SPDX-License-Identifier: AGPL-3.0-or-later

package submission

import (
	"encoding/hex"
	"fmt"
	"strings"

	"filippo.io/age"
)

// Bear makes a message one of the receipt of which these are keys: answers are
// sealed to it, and it bears its mark.
func (m *Message) Bear(seed [32]byte, mark [16]byte) error {
	id, err := AnswersIdentity(seed)
	if err != nil {
		return err
	}
	m.Answers, m.Mark = id.Recipient().String(), hex.EncodeToString(mark[:])
	return nil
}

// AnswersIdentity is the identity to which answers are sealed, of the seed that
// a receipt gives. Its Recipient is Message.Answers.
func AnswersIdentity(seed [32]byte) (*age.HybridIdentity, error) {
	id, err := age.ParseHybridIdentity(strings.ToUpper(bech32("age-secret-key-pq-", seed[:])))
	if err != nil {
		return nil, fmt.Errorf("the key of a receipt: %w", err)
	}
	return id, nil
}

// bech32 writes bytes as BIP 173 has it, without its limit of length: the form
// of age keys, which package age reads and does not write.
func bech32(name string, b []byte) string {
	const letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	var five []byte // the bytes in groups of five bits
	acc, bits := 0, 0
	for _, c := range b {
		acc, bits = acc<<8|int(c), bits+8
		for ; bits >= 5; bits -= 5 {
			five = append(five, byte(acc>>(bits-5)&31))
		}
		acc &= 1<<bits - 1
	}
	if bits > 0 {
		five = append(five, byte(acc<<(5-bits)&31))
	}
	sum := 1
	add := func(v byte) {
		top := sum >> 25
		sum = sum&0x1ffffff<<5 ^ int(v)
		for i, g := range []int{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	for i := range len(name) {
		add(name[i] >> 5)
	}
	add(0)
	for i := range len(name) {
		add(name[i] & 31)
	}
	for _, v := range five {
		add(v)
	}
	for range 6 {
		add(0)
	}
	sum ^= 1
	for i := range 6 {
		five = append(five, byte(sum>>(5*(5-i))&31))
	}
	var out strings.Builder
	out.WriteString(name + "1")
	for _, v := range five {
		out.WriteByte(letters[v])
	}
	return out.String()
}
