// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import "github.com/kua-registry/kua/internal/edtf"

// ReadDate reads a date as it is written. Until people's words are read, that is EDTF.
func ReadDate(s string) (edtf.Date, error) { return edtf.Parse(s) }

// ReadMissing reads the words for what is not known.
func ReadMissing(s string) (string, bool) {
	return s, s == "unknown" || s == "not_asked" || s == "declined"
}
