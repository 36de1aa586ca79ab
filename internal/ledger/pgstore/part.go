// SPDX-License-Identifier: AGPL-3.0-or-later

package pgstore

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// Part is a small value that nodes share besides the ledger: a key file, what
// one of them hands to another. It comes sealed.
type Part struct {
	Name    []byte // a keyed hash: the database learns no name
	Version uint64 // no two that were ever kept have the same
	Value   []byte // nil: it was taken away
}

// ErrPart says that another node has changed a part meanwhile.
var ErrPart = errors.New("another node has changed the same keys meanwhile: try again")

// PutPart keeps a part in the place of the one that has the version was; 0: there
// is none. A nil value takes it away. It answers the version it has now. seal
// makes the value for the version that it gets: an old value is not to pass for
// a new one.
func (s *Store) PutPart(ctx context.Context, name []byte, was uint64, seal func(version uint64) ([]byte, error)) (version uint64, err error) {
	err = s.write(ctx, short, func(ctx context.Context, tx pgx.Tx) error {
		var now, last int64
		err := tx.QueryRow(ctx, "SELECT coalesce((SELECT version FROM part WHERE name=$1), 0), (SELECT coalesce(max(version), 0) FROM part)", name).Scan(&now, &last)
		if err != nil {
			return err
		}
		if now != signed(was) {
			return ErrPart
		}
		version = uint64(last) + 1 //nolint:gosec // none is below zero
		value, err := seal(version)
		if err != nil {
			return err
		}
		var b pgx.Batch
		b.Queue("INSERT INTO part VALUES($1, $2, $3) ON CONFLICT(name) DO UPDATE SET version=excluded.version, value=excluded.value", name, signed(version), value)
		s.changed(&b)
		return tx.SendBatch(ctx, &b).Close()
	})
	return version, err
}

// Parts gives the parts whose version is greater than after, the oldest change first.
func (s *Store) Parts(ctx context.Context, after uint64) ([]Part, error) {
	w := waiting(ctx)
	defer w.end()
	rows, err := s.pool.Query(w, "SELECT name, version, value FROM part WHERE version>$1 ORDER BY version", signed(after))
	if err != nil {
		return nil, w.said("reading", err)
	}
	defer rows.Close()
	var all []Part
	for rows.Next() {
		var p Part
		var version int64
		if err := rows.Scan(&p.Name, &version, &p.Value); err != nil {
			return nil, said("reading", err)
		}
		p.Version = uint64(version) //nolint:gosec // none is below zero
		all = append(all, p)
		w.until(limit)
	}
	return all, w.said("reading", rows.Err())
}
