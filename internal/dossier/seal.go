// SPDX-License-Identifier: AGPL-3.0-or-later

package dossier

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// ErrRecipient says that a text is no public key of age.
var ErrRecipient = errors.New("this is no public key of age: it begins with age1, and whoever is to open the bundle makes it with 'age-keygen' or 'age-keygen -pq' and gives you the public one")

// Recipients reads the public keys of those who are to open a bundle: words
// that begin with age1. age does not seal to hybrid and classic ones together.
func Recipients(text string) ([]age.Recipient, error) {
	var to []age.Recipient
	for _, word := range strings.Fields(text) {
		found, err := age.ParseRecipients(strings.NewReader(word))
		if err != nil || len(found) != 1 {
			return nil, ErrRecipient
		}
		to = append(to, found[0])
	}
	if len(to) == 0 {
		return nil, ErrRecipient
	}
	if _, err := age.Encrypt(io.Discard, to...); err != nil {
		return nil, fmt.Errorf("these keys can't be used together: take keys of one sort, all with or all without -pq (%w)", err)
	}
	return to, nil
}

// Passphrase is whoever has a passphrase.
func Passphrase(passphrase string) (age.Recipient, error) { return age.NewScryptRecipient(passphrase) }

// Seal writes a bundle as Write does, as an age file to those who are to open
// it: recipients, or one age.ScryptRecipient, whose passphrase opens it.
func Seal(w io.Writer, b Bundle, to ...age.Recipient) error {
	if len(to) == 0 {
		return errors.New("a sealed bundle has no recipient: name one, or a passphrase")
	}
	sealed, err := age.Encrypt(w, to...)
	if err != nil {
		return fmt.Errorf("sealing the bundle: %w", err)
	}
	if err := Write(sealed, b); err != nil {
		return err
	}
	return sealed.Close()
}
