// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/url"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/names"
)

// spellings proposes how a name that was typed is written in other scripts:
// those that are not on the form yet. A person picks; nothing is filled in.
func spellings(typed url.Values, prefix string) []string {
	get := func(field string) string { return strings.TrimSpace(typed.Get(prefix + field)) }
	full := get("full_name")
	if full == "" {
		full = strings.Join(strings.Fields(get("family")+" "+get("given")+" "+get("patronymic")), " ")
	}
	if full == "" {
		return nil
	}
	there := strings.Split(typed.Get(prefix+"other_names"), "\n")
	return slices.DeleteFunc(names.Transliterate(full).Besides(full), func(s string) bool {
		return slices.ContainsFunc(there, func(t string) bool { return sameWords(s, t) })
	})
}
