// SPDX-License-Identifier: AGPL-3.0-or-later

package seal

import "testing"

// BenchmarkStretch measures what one passphrase costs: whoever signs in waits
// so long, and so does whoever guesses.
func BenchmarkStretch(b *testing.B) {
	salt := make([]byte, saltLen)
	for b.Loop() {
		StandardStretch().stretch("seven good words nobody else would say", salt)
	}
}
