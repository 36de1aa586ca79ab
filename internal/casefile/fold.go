// SPDX-License-Identifier: AGPL-3.0-or-later

package casefile

import (
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// Case is the file of one case, or of several cases of the same person read as one.
type Case struct {
	ID string

	book *codebook.Book
}

// Fold makes the file of case id from its entries.
func Fold(book *codebook.Book, id string, entries []Entry) *Case { return &Case{ID: id, book: book} }

// Merge reads several cases of the same person as one file.
func Merge(id string, cases ...*Case) *Case { return &Case{ID: id} }

// Members returns the ids of the cases in the file.
func (c *Case) Members() []string { return nil }

// Records returns the live records.
func (c *Case) Records() []*Record { return nil }

// Of returns the live records of a kind.
func (c *Case) Of(kind string) []*Record { return nil }

// Record returns a record, live or withdrawn.
func (c *Case) Record(id string) (*Record, bool) { return nil, false }

// Withdrawn returns the records that have been withdrawn.
func (c *Case) Withdrawn() []*Record { return nil }

// Reported returns the day of the earliest report.
func (c *Case) Reported() (edtf.Day, bool) { return 0, false }

// Timeline returns the events of the case in order; what has no date comes last.
func (c *Case) Timeline() []Event { return nil }

// Stage derives where the case stands at the end of a day.
func (c *Case) Stage(asOf edtf.Day) Stage { return Stage{} }
