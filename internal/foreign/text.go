// SPDX-License-Identifier: AGPL-3.0-or-later

package foreign

import (
	"strings"
	"unicode"
)

// ComesBack says whether a text is read again as it was written: a table keeps
// no space around a text and none of the signs that people don't see.
func ComesBack(s string) bool {
	return s == strings.TrimSpace(s) && !strings.ContainsFunc(s, func(c rune) bool {
		return c != '\n' && (unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || unicode.IsSpace(c) && c != ' ') || c == unicode.ReplacementChar
	})
}
