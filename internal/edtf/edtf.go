// SPDX-License-Identifier: AGPL-3.0-or-later

package edtf

// Day is a civil day: days since 1970-01-01 in the proleptic Gregorian calendar.
type Day int32

// Bounds of what Earliest and Latest return for an open or unknown end.
const (
	MinDay Day = -1 << 31
	MaxDay Day = 1<<31 - 1
)

// Date is an uncertain date (EDTF, ISO 8601-2 level 1 and what Kua needs of level 2).
type Date struct {
	text     string
	from, to Day
}
