// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"strings"
)

// Code is what the link of an invitation carries: 130 bits of chance that
// nothing keeps, and 20 bits that tell a slip of the hand from a wrong code.
type Code struct{ text string }

// ErrCode says that something is not a code as the program makes them.
var ErrCode = errors.New("the code is not complete, or a letter of it is mistyped: compare it with what you were given")

// codeLetters leaves out I, L, O and U, which are taken for others when a code
// is read out or copied by hand (Crockford's base 32).
const codeLetters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const (
	codeChance = 26
	codeCheck  = 4
	codeGroup  = 5
)

// NewCode makes a code.
func NewCode() Code {
	b := make([]byte, codeChance)
	rand.Read(b) // never fails (crypto/rand)
	for i := range b {
		b[i] = codeLetters[b[i]%byte(len(codeLetters))]
	}
	return Code{string(b) + checkOf(string(b))}
}

func checkOf(chance string) string {
	sum := sha256.Sum256([]byte("kua/invitation/check/v1\x00" + chance))
	check := make([]byte, codeCheck)
	for i := range check {
		check[i] = codeLetters[sum[i]%byte(len(codeLetters))]
	}
	return string(check)
}

// ParseCode reads a code as people write it: in small letters, with spaces or
// hyphens anywhere, with O for 0 and I or L for 1.
func ParseCode(text string) (Code, error) {
	var b strings.Builder
	for _, c := range strings.ToUpper(text) {
		switch c {
		case ' ', '-', '\t', '\n', '\r', '\u00a0', '\u2010', '\u2011', '\u2013':
			continue
		case 'O':
			c = '0'
		case 'I', 'L':
			c = '1'
		}
		if !strings.ContainsRune(codeLetters, c) || b.Len() == codeChance+codeCheck {
			return Code{}, ErrCode
		}
		b.WriteRune(c)
	}
	all := b.String()
	if len(all) != codeChance+codeCheck || checkOf(all[:codeChance]) != all[codeChance:] {
		return Code{}, ErrCode
	}
	return Code{all}, nil
}

// String is the code as it stands in a link.
func (c Code) String() string {
	var groups []string
	for i := 0; i < len(c.text); i += codeGroup {
		groups = append(groups, c.text[i:min(i+codeGroup, len(c.text))])
	}
	return strings.Join(groups, "-")
}

// Secret is what opens the invitation's key file.
func (c Code) Secret() string { return c.text }

// Name is what the register knows the invitation by. It can't be turned back
// into the code.
func (c Code) Name() [16]byte {
	sum := sha256.Sum256([]byte("kua/invitation/name/v1\x00" + c.text))
	return [16]byte(sum[:16])
}
