// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import "net/url"

// spellings proposes how a name is written in other scripts.
func spellings(typed url.Values, prefix string) []string { return nil }
