// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plain is text from outside as it may stand on a page or a line: at most that
// many letters, one line, and what can't be seen or turns the line around written
// as its number. It doesn't escape for HTML; templates do.
func Plain(s string, most int) string {
	var b strings.Builder
	n, gap := 0, false
	for _, r := range s {
		if n >= most {
			b.WriteString("…")
			break
		}
		switch {
		case unicode.IsSpace(r):
			gap = n > 0
			continue
		case r == utf8.RuneError:
			r = '�'
		}
		if gap {
			b.WriteByte(' ')
			n, gap = n+1, false
		}
		n++
		if unicode.IsPrint(r) && !turns(r) {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, "[U+%04X]", r)
	}
	return b.String()
}

// turns says whether a sign changes the direction of what stands after it, or
// joins letters without being seen.
func turns(r rune) bool {
	return unicode.In(r, unicode.Bidi_Control, unicode.Cf, unicode.Zl, unicode.Zp)
}
