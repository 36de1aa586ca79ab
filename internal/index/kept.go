// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/casefile"
)

// Kept is a record of a case that names a sealed file.
type Kept struct{ Case, Record string }

// keeps takes in which sealed file an entry names.
func keeps(c *conn, stream int64, e casefile.Entry) error {
	sealed := first(e.Fields, "sealed")
	if e.Kind != "file" || e.Op != casefile.Put || sealed == "" {
		return nil
	}
	return c.Run(`INSERT OR REPLACE INTO kept(stream, record, sealed, sha256) VALUES(?, ?, ?, ?)`, nil, stream, e.Record, sealed, first(e.Fields, "sha256"))
}

// KeptWith answers the records that name a sealed file whose content has a
// SHA-256 (hex), in the order in which their cases were first written.
func (ix *Index) KeptWith(ctx context.Context, sha256 string) (found []Kept, err error) {
	err = ix.read(ctx, func(c *conn) error {
		return c.Run(`SELECT s.id, k.record FROM kept k JOIN stream s ON s.no = k.stream WHERE k.sha256 = ? ORDER BY s.no, k.record`, func(s *sqlite3.Stmt) error {
			found = append(found, Kept{s.ColumnText(0), s.ColumnText(1)})
			return nil
		}, sha256)
	})
	return found, failed("reading records of files", err)
}

// KeptFiles answers the ids of all sealed files that records of cases name.
func (ix *Index) KeptFiles(ctx context.Context) (named map[string]bool, err error) {
	named = map[string]bool{}
	err = ix.read(ctx, func(c *conn) error {
		return c.Run(`SELECT DISTINCT sealed FROM kept`, func(s *sqlite3.Stmt) error {
			named[s.ColumnText(0)] = true
			return nil
		})
	})
	return named, failed("reading records of files", err)
}
