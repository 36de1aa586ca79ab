// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// compared are the tables that hold content. Search is made of the same
// entries as they, and has no rows of its own to read.
var compared = []string{"meta", "stream", "entry", "scope", "file", "unit", "member", "span", "name"}

// Differs answers the first table in which two indexes of the same ledger do
// not say the same; empty where they agree.
func (ix *Index) Differs(ctx context.Context, other *Index) (table string, err error) {
	for _, table := range compared {
		a, err := ix.digest(ctx, table)
		if err != nil {
			return "", err
		}
		b, err := other.digest(ctx, table)
		if err != nil {
			return "", err
		}
		if a != b {
			return table, nil
		}
	}
	return "", nil
}

// digest is the hash of all rows of a table, whatever order they were written in.
func (ix *Index) digest(ctx context.Context, table string) (sum [sha256.Size]byte, err error) {
	err = ix.read(ctx, func(c *conn) error {
		var order []string
		if err := c.run(`SELECT name FROM pragma_table_info(?)`, func(s *sqlite3.Stmt) error {
			order = append(order, strconv.Itoa(len(order)+1))
			return nil
		}, table); err != nil {
			return err
		}
		h := sha256.New()
		var length [8]byte
		if err := c.run(`SELECT * FROM `+table+` ORDER BY `+strings.Join(order, ","), func(s *sqlite3.Stmt) error {
			for i := range s.ColumnCount() {
				value := s.ColumnRawBlob(i)
				binary.BigEndian.PutUint64(length[:], uint64(len(value)))
				h.Write(length[:])
				h.Write(value)
			}
			return nil
		}); err != nil {
			return err
		}
		h.Sum(sum[:0])
		return nil
	})
	return sum, err
}
