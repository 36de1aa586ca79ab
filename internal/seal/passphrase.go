// SPDX-License-Identifier: AGPL-3.0-or-later

package seal

import (
	"crypto/rand"
	_ "embed"
	"math/big"
	"strings"
)

// wordList has 1024 short words, easy to say and to write: 10 bits each.
//
//go:embed words.txt
var wordList string

// passphraseWords is the number of words of a passphrase made by the program:
// 8 words are 80 bits, each of which costs a guesser a stretch.
const passphraseWords = 8

// NewPassphrase makes a passphrase of 8 words, 80 bits.
func NewPassphrase() (string, error) { return Passphrase(passphraseWords) }

// Passphrase makes a passphrase of n words, 10 bits each.
func Passphrase(n int) (string, error) {
	words := strings.Fields(wordList)
	chosen := make([]string, n)
	for i := range chosen {
		k, err := rand.Int(rand.Reader, big.NewInt(int64(len(words))))
		if err != nil {
			return "", err
		}
		chosen[i] = words[k.Int64()]
	}
	return strings.Join(chosen, " "), nil
}
