// SPDX-License-Identifier: AGPL-3.0-or-later

package casefile

import (
	"time"
)

// Fields are the values of a record: field id → values, each as text.
// A field that is absent was not recorded; the code "unknown" says it was asked and is not known.
type Fields map[string][]string

// Op is what an entry does to its record.
type Op uint8

// The operations. A put replaces all the fields of the record.
const (
	Put      Op = 1
	Withdraw Op = 2
)

// Entry is one act of writing, opened: what casefile folds.
type Entry struct {
	Pos             uint64    // place in the ledger
	At              time.Time // when it was written (known when), UTC
	Record          string    // record id, 32 hex digits
	Kind            string
	Op              Op
	Fields          Fields // fact and identity together
	IdentityMissing bool   // the identity part exists and could not be opened
	Author          string // member id, 32 hex digits
	Reason          string
	Source          string
}
