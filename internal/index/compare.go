// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/ncruces/go-sqlite3"
)

// content says what an index holds: for each table the question whose rows,
// in their order, are all of its content. Numbers of versions and scopes are
// left out: they depend on how entries were cut into acts, which content does not.
func content() []struct{ table, sql string } {
	return []struct{ table, sql string }{
		{"meta", `SELECT key, value FROM meta WHERE key <> 'next' ORDER BY key`},
		{"stream", `SELECT no, id, kind FROM stream ORDER BY no`},
		{"entry", `SELECT stream, pos, known, body FROM entry ORDER BY stream, pos`},
		{"moment", `SELECT known FROM moment ORDER BY known`},
		{"file", `SELECT stream, kfrom, kto, cluster, ` + rowColumns + ` FROM file ORDER BY stream, kfrom`},
		{"unit", `SELECT s.id, u.kfrom, u.kto, u.spans, u.cells, (SELECT group_concat(m.stream, ' ' ORDER BY m.stream) FROM member m WHERE m.v = u.v)
			FROM unit u JOIN scope s ON s.no = u.scope ORDER BY 1, 2, 6`},
		{"tally", `SELECT s.id, t.rule, t.month, t.day, t.n, t.d FROM tally t JOIN scope s ON s.no = t.scope WHERE t.n <> 0 OR t.d <> 0 ORDER BY 1, 2, 3, 4`},
		{"name", `SELECT key, stream FROM name ORDER BY key, stream`},
		{"kept", `SELECT stream, record, sealed, sha256 FROM kept ORDER BY stream, record`},
		{"audit", `SELECT pos, at, member, act, what, about, n, device, alarm, note, cases FROM audit ORDER BY pos`},
		{"audited", `SELECT id, at, pos FROM audited ORDER BY id, at, pos`},
		// A term's places come as they stand in the index, by document, column and
		// offset: were they sorted too, all tokens would be in memory at once.
		{"search", `SELECT term, doc, col, offset FROM temp.tokens ORDER BY term`},
	}
}

// eachRow hands over all content, row by row. It adds a view of the search's
// tokens to the connection, which can't go on to be used for anything else.
func eachRow(c *conn, row func(table string, s *sqlite3.Stmt) error) error {
	if err := c.Exec(`CREATE VIRTUAL TABLE IF NOT EXISTS temp.tokens USING fts5vocab(main, search, instance)`); err != nil {
		return err
	}
	for _, part := range content() {
		if err := c.Run(part.sql, func(s *sqlite3.Stmt) error { return row(part.table, s) }); err != nil {
			return err
		}
	}
	return nil
}

// Differs answers the first table in which two indexes of the same ledger do
// not say the same; empty where they agree.
func (ix *Index) Differs(ctx context.Context, other *Index) (table string, err error) {
	ours, err := ix.digests(ctx)
	if err != nil {
		return "", failed("comparing", err)
	}
	theirs, err := other.digests(ctx)
	if err != nil {
		return "", failed("comparing", err)
	}
	for _, part := range content() {
		if ours[part.table] != theirs[part.table] {
			return part.table, nil
		}
	}
	return "", nil
}

// digests are the hashes of the rows of each table.
func (ix *Index) digests(ctx context.Context) (sums map[string][sha256.Size]byte, err error) {
	c, err := connect(ix.path, ix.key)
	if err != nil {
		return nil, err
	}
	defer func() {
		if end := c.Close(); err == nil {
			err = end
		}
	}()
	c.SetInterrupt(ctx)
	defer c.SetInterrupt(context.Background())
	sums = map[string][sha256.Size]byte{}
	hashes := map[string]hash.Hash{}
	for _, part := range content() {
		hashes[part.table] = sha256.New()
	}
	var length [8]byte
	err = eachRow(c, func(table string, s *sqlite3.Stmt) error {
		h := hashes[table]
		for i := range s.ColumnCount() {
			value := s.ColumnRawBlob(i)
			binary.BigEndian.PutUint64(length[:], uint64(len(value)))
			h.Write(length[:])
			h.Write(value)
		}
		return nil
	})
	for table, h := range hashes {
		sums[table] = [sha256.Size]byte(h.Sum(nil))
	}
	return sums, err
}
