// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"slices"
	"strings"
)

// sorted returns items by their texts in the order of the alphabet of the
// reader's language: in Kazakh ә after а, K-2 before K-10. Code lists are not
// sorted: their order is that of the codebook, in which steps of a ladder
// follow each other and "other" is last.
func sorted[T any](v *voice, items []T, text func(T) string) []T {
	order := v.Collator()
	out := slices.Clone(items)
	slices.SortStableFunc(out, func(a, b T) int {
		if c := order.CompareString(text(a), text(b)); c != 0 {
			return c
		}
		return strings.Compare(text(a), text(b))
	})
	return out
}
