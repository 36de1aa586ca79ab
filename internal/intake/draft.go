// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import "github.com/kua-registry/kua/internal/codebook"

// DraftMapping drafts a mapping for a table from its headings and the look of
// its cells, with comments where a person has to decide.
func DraftMapping(t *Table, book *codebook.Book) []byte { return nil }
