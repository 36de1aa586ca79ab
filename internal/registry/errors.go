// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/ledger"
)

// What a caller can be told.
var (
	// ErrNotFound says that there is no such thing, or none that the member may see: the two are told alike.
	ErrNotFound = errors.New("there is no such record, or it is not open to you")
	// ErrNotAllowed says that the member may not do this.
	ErrNotAllowed = errors.New("your role does not allow this")
	// ErrInUse says that another program has the register open to write.
	ErrInUse = ledger.ErrLocked
	// ErrNoAnswer says that the ledger's database can't be reached just now.
	ErrNoAnswer = ledger.ErrNoAnswer
	// ErrBusy says that another machine of the register writes for long; nothing was written.
	ErrBusy = ledger.ErrBusy
	// ErrUnknown says that it can't be told whether a write was kept: read again before you write it again.
	ErrUnknown = ledger.ErrUnknown
	// ErrKept says that a write is kept, and that something after it failed.
	ErrKept = errors.New("what you wrote is kept, but the index could not follow")
	// ErrConflict says that somebody else wrote to the same case meanwhile; nothing was written.
	ErrConflict = errors.New("somebody else has just written to this case: open it again and repeat your change")
)

// InvalidError says which fields of a record do not fit the codebook. Nothing was written.
type InvalidError struct {
	Kind     string
	Problems []codebook.Problem
}

func (e *InvalidError) Error() string {
	parts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		parts[i] = fmt.Sprintf("%s.%s: %s", e.Kind, p.Field, p.Msg)
	}
	return strings.Join(parts, "; ")
}
