// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// Set is the compiled rules of a codebook. It is read-only and safe for use by many goroutines.
type Set struct{}

// Compile compiles all rules of a codebook and its packs.
func Compile(book *codebook.Book) (*Set, error) { return &Set{}, nil }

// Figures returns the definitions of the figures, in order.
func (s *Set) Figures() []FigureDef { return nil }

// Figure returns the definition of a figure.
func (s *Set) Figure(id string) (FigureDef, bool) { return FigureDef{}, false }

// Rule returns a rule as read.
func (s *Set) Rule(id string) (codebook.RuleDef, bool) { return codebook.RuleDef{}, false }

// Intervals returns the spans of days on which the case counts in each figure.
func (s *Set) Intervals(c *casefile.Case) []Interval { return nil }

// Counts returns the ids of the figures in which the case counts on a day.
func (s *Set) Counts(c *casefile.Case, day edtf.Day) []string { return nil }

// Checks answers the checks that apply to a case at the end of a day.
func (s *Set) Checks(c *casefile.Case, asOf edtf.Day) []Finding { return nil }

// Deadlines answers the deadlines that have started in a case by the end of a day.
func (s *Set) Deadlines(c *casefile.Case, asOf edtf.Day) []Deadline { return nil }
