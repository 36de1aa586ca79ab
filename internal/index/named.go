// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"

	"github.com/ncruces/go-sqlite3"
)

// Named answers by key (names.SearchKeys) the ids of the cases that have
// somebody of such a name, of those that the reader may see whole.
func (ix *Index) Named(ctx context.Context, keys []string, see See) (found map[string][]string, err error) {
	found = map[string][]string{}
	err = ix.read(ctx, func(c *conn) error {
		for _, key := range keys {
			if _, ok := found[key]; ok {
				continue
			}
			found[key] = nil
			err := c.Run(`SELECT s.id FROM name n JOIN stream s ON s.no = n.stream WHERE n.key = ?`, func(s *sqlite3.Stmt) error {
				if id := s.ColumnText(0); see.of(id) == All {
					found[key] = append(found[key], id)
				}
				return nil
			}, key)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return found, failed("looking for names", err)
}
