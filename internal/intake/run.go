// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"errors"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// RunOptions are what Run needs besides the file.
type RunOptions struct {
	Today    edtf.Day              // dates after this day are warned of; zero: no such warning
	Progress func(done, total int) // called every few hundred rows and at the end; may be nil
}

// Run makes records of the rows of t. If any finding is an Error the Import is
// nil: nothing may be half-imported. The error is for what is wrong with the
// whole: a sheet or a column of the mapping that the file does not have.
func (m *Mapping) Run(book *codebook.Book, t *Table, opts RunOptions) (*Import, []Finding, error) {
	return nil, nil, errors.New("not yet")
}
