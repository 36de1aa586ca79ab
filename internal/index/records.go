// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"iter"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/casefile"
)

// Entries answers the entries of a stream in the order of the ledger; none: no such stream.
func (ix *Index) Entries(ctx context.Context, stream string) (entries []casefile.Entry, err error) {
	err = ix.read(ctx, func(c *conn) error {
		entries, err = entriesAt(c, stream, time.Time{})
		return err
	})
	return entries, failed("reading entries", err)
}

func entriesAt(c *conn, stream string, knownBy time.Time) ([]casefile.Entry, error) {
	no := int64(0)
	err := c.Run(`SELECT no FROM stream WHERE id = ?`, func(s *sqlite3.Stmt) error {
		no = s.ColumnInt64(0)
		return nil
	}, stream)
	if err != nil || no == 0 {
		return nil, err
	}
	return entriesOf(c, no, moment(knownBy))
}

// Case folds the file of a case as known by a moment (zero: all). A case that
// was withdrawn is answered, too: its history stays readable.
func (ix *Index) Case(ctx context.Context, id string, knownBy time.Time) (file *casefile.Case, err error) {
	err = ix.read(ctx, func(c *conn) error {
		entries, err := entriesAt(c, id, knownBy)
		if err != nil {
			return err
		}
		if len(entries) == 0 || outside(ix.book, entries[0].Kind) {
			return ErrNotFound
		}
		file = casefile.Fold(ix.book, id, entries)
		return nil
	})
	return file, failed("reading a case", err)
}

// Files folds every listed case as known by a moment (zero: all), in the order
// they were first written. The index must not be closed meanwhile.
func (ix *Index) Files(ctx context.Context, knownBy time.Time) iter.Seq2[*casefile.Case, error] {
	return func(yield func(*casefile.Case, error) bool) {
		stopped := false
		err := ix.read(ctx, func(c *conn) error {
			known := moment(knownBy)
			var ids []string
			err := c.Run(`SELECT s.id FROM file f JOIN stream s ON s.no = f.stream WHERE f.kto > ? AND f.kfrom <= ? ORDER BY s.no`, func(s *sqlite3.Stmt) error {
				ids = append(ids, s.ColumnText(0))
				return nil
			}, known, known)
			if err != nil {
				return err
			}
			for _, id := range ids {
				entries, err := entriesAt(c, id, knownBy)
				if err != nil {
					return err
				}
				if !yield(casefile.Fold(ix.book, id, entries), nil) {
					stopped = true
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			yield(nil, failed("reading cases", err))
		}
	}
}

// Outside answers the live records of a kind outside cases, in the order they were first written.
func (ix *Index) Outside(ctx context.Context, kind string, knownBy time.Time) (records []*casefile.Record, err error) {
	err = ix.read(ctx, func(c *conn) error {
		records, err = ix.outsideAt(c, kind, moment(knownBy))
		return err
	})
	return records, failed("reading records", err)
}

// Streams answers the ids of the streams of a kind, in the order they were first written.
func (ix *Index) Streams(ctx context.Context, kind string) (ids []string, err error) {
	err = ix.read(ctx, func(c *conn) error {
		return c.Run(`SELECT id FROM stream WHERE kind = ? ORDER BY no`, func(s *sqlite3.Stmt) error {
			ids = append(ids, s.ColumnText(0))
			return nil
		}, kind)
	})
	return ids, failed("reading records", err)
}

// Same answers the ids of the cases of the same person as case id, itself included, in order.
func (ix *Index) Same(ctx context.Context, id string, knownBy time.Time) (ids []string, err error) {
	known := moment(knownBy)
	err = ix.read(ctx, func(c *conn) error {
		return c.Run(`SELECT o.id FROM stream s
			JOIN file f ON f.stream = s.no AND f.kto > ?2 AND f.kfrom <= ?2
			JOIN file g ON g.cluster = f.cluster AND g.kto > ?2 AND g.kfrom <= ?2
			JOIN stream o ON o.no = g.stream WHERE s.id = ?1 ORDER BY o.id`, func(s *sqlite3.Stmt) error {
			ids = append(ids, s.ColumnText(0))
			return nil
		}, id, known)
	})
	if err == nil && len(ids) == 0 {
		err = ErrNotFound
	}
	return ids, failed("reading cases", err)
}

// Numbers answers the numbers that cases have or had.
func (ix *Index) Numbers(ctx context.Context) (given map[string]bool, err error) {
	given = map[string]bool{}
	err = ix.read(ctx, func(c *conn) error {
		return c.Run(`SELECT DISTINCT number FROM file`, func(s *sqlite3.Stmt) error {
			given[s.ColumnText(0)] = true
			return nil
		})
	})
	return given, failed("reading cases", err)
}

// ExternalIDs answers the cases of an organisation by the number it gave them
// itself, of those a reader may see whole.
func (ix *Index) ExternalIDs(ctx context.Context, org string, see See) (ids map[string]string, err error) {
	ids = map[string]string{}
	err = ix.read(ctx, func(c *conn) error {
		return c.Run(`SELECT f.external_id, s.id FROM file f JOIN stream s ON s.no = f.stream
			WHERE f.kto = ? AND f.org = ? AND f.external_id <> '' ORDER BY f.stream DESC`, func(s *sqlite3.Stmt) error {
			if id := s.ColumnText(1); see.of(id) == All {
				ids[s.ColumnText(0)] = id // the case written first wins
			}
			return nil
		}, forever, org)
	})
	return ids, failed("reading cases", err)
}

// Numbered answers the id of the case that has a number now; empty: none has.
func (ix *Index) Numbered(ctx context.Context, number string) (id string, err error) {
	err = ix.read(ctx, func(c *conn) error {
		return c.Run(`SELECT s.id FROM file f JOIN stream s ON s.no = f.stream WHERE f.kto = ? AND f.number = ?`, func(s *sqlite3.Stmt) error {
			id = s.ColumnText(0)
			return nil
		}, forever, number)
	})
	return id, failed("reading cases", err)
}

// NumberOf answers the number that a case has now; empty: there is none such.
func (ix *Index) NumberOf(ctx context.Context, id string) (number string, err error) {
	err = ix.read(ctx, func(c *conn) error {
		return c.Run(`SELECT f.number FROM stream s JOIN file f ON f.stream = s.no WHERE s.id = ? AND f.kto = ?`, func(s *sqlite3.Stmt) error {
			number = s.ColumnText(0)
			return nil
		}, id, forever)
	})
	return number, failed("reading a case", err)
}
