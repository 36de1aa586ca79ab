// SPDX-License-Identifier: AGPL-3.0-or-later

package pgstore

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/kua-registry/kua/internal/ledger"
)

// Turn is the right to do something that one node at a time does. It ends with
// its connection, so that a node that is gone holds nobody up. What must not be
// done twice is guarded besides by what it writes: Append and PutPart refuse
// who was overtaken.
type Turn struct {
	conn *pgxpool.Conn
	key  string
}

// Turn waits until it is this node's turn at something: ErrBusy where that takes
// too long.
func (s *Store) Turn(ctx context.Context, at string) (*Turn, error) {
	t, _, err := s.turn(ctx, at, "SELECT pg_advisory_lock(hashtextextended($1, 0)) IS NOT NULL")
	return t, err
}

// turnLimit is how long a node waits for its turn.
const turnLimit = time.Minute

// TryTurn answers nil where another node is at it.
func (s *Store) TryTurn(ctx context.Context, at string) (*Turn, error) {
	t, got, err := s.turn(ctx, at, "SELECT pg_try_advisory_lock(hashtextextended($1, 0))")
	if err != nil || got {
		return t, err
	}
	t.conn.Release()
	return nil, nil
}

func (s *Store) turn(ctx context.Context, at, sql string) (t *Turn, got bool, err error) {
	w := waiting(ctx)
	defer w.end()
	w.until(lockLimit)
	conn, err := s.pool.Acquire(w)
	if err != nil {
		return nil, false, w.said("waiting for", err)
	}
	t = &Turn{conn: conn, key: "kua/" + s.options.Schema + "/" + at}
	// The lock is the session's and outlives this transaction; the time limit does not.
	err = pgx.BeginFunc(w, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(w, "SELECT set_config('lock_timeout', $1, true)", strconv.FormatInt(s.turnLimit.Milliseconds(), 10)); err != nil {
			return err
		}
		return tx.QueryRow(w, sql, t.key).Scan(&got)
	})
	if err != nil {
		_ = conn.Conn().Close(context.WithoutCancel(ctx)) // it may hold the lock
		conn.Release()
		if is(err, "55P03") {
			return nil, false, nothing{ledger.ErrBusy}
		}
		return nil, false, w.said("waiting for", err)
	}
	return t, got, nil
}

// End ends it.
func (t *Turn) End() {
	ctx, cancel := context.WithTimeout(context.Background(), pinged)
	defer cancel()
	var was bool
	if err := t.conn.QueryRow(ctx, "SELECT pg_advisory_unlock(hashtextextended($1, 0))", t.key).Scan(&was); err != nil || !was {
		bye, end := context.WithTimeout(context.Background(), time.Second)
		defer end()
		_ = t.conn.Conn().Close(bye) // the lock goes with it
	}
	t.conn.Release()
}
