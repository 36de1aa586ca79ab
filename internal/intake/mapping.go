// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"errors"

	"github.com/kua-registry/kua/internal/codebook"
)

// Mapping says what the columns of a list mean.
type Mapping struct {
	Name      string
	Encoding  string
	Delimiter string
}

// ParseMapping reads a mapping and checks it against the codebook; an error
// names the line of the mapping and what is expected there.
func ParseMapping(data []byte, book *codebook.Book) (*Mapping, error) {
	return nil, errors.New("not yet")
}

// ReadOptions are how the mapping says the file is to be read.
func (m *Mapping) ReadOptions(file string) ReadOptions {
	return ReadOptions{Name: file, Encoding: m.Encoding, Delimiter: m.Delimiter}
}
