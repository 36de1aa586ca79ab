// SPDX-License-Identifier: AGPL-3.0-or-later

package pgstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"regexp"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/kua-registry/kua/internal/ledger"
)

// DefaultSchema holds the tables of a ledger where no other is given.
const DefaultSchema = "kua"

const (
	// format is the number of the tables below. A schema with a greater one is
	// refused; what a lesser one lacks is made when it is opened for writing. 2: part.
	format = 2

	metaFormat  = "pgstore/format"  // decimal
	metaChanges = "pgstore/changes" // decimal, see State

	tables = `
CREATE TABLE meta(name text PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE entry(pos bigint PRIMARY KEY, stream bytea NOT NULL, version bigint NOT NULL,
	sealed bytea NOT NULL, hashes bytea NOT NULL, checkpoint bytea,
	CONSTRAINT entry_place UNIQUE (stream, version));
ALTER TABLE entry ALTER sealed SET STORAGE EXTERNAL;
CREATE TABLE wrapped(stream bytea NOT NULL, part smallint NOT NULL, epoch bigint NOT NULL, holder bytea NOT NULL,
	wrapped bytea NOT NULL, PRIMARY KEY (stream, part, epoch, holder));` + partTable

	partTable = `
CREATE TABLE part(name bytea PRIMARY KEY, version bigint NOT NULL UNIQUE, value bytea);`

	// connections is how many of them a node opens at the most.
	connections = 8
)

// Options say how a store is opened.
type Options struct {
	// URL says where the database is, as libpq reads it: postgres://…, or
	// keywords and values. It may hold a password and is never shown.
	URL string
	// Schema holds the tables of one ledger; "" is DefaultSchema.
	Schema string
	// ReadOnly opens it for reading.
	ReadOnly bool
	// Create makes the schema and its tables; without it, they must be there.
	Create bool
}

// Store is an open store. It implements ledger.Store.
type Store struct {
	pool    *pgxpool.Pool
	config  *pgx.ConnConfig // of connections outside the pool
	channel string          // on which a node tells the others that it wrote
	options Options

	turnLimit time.Duration // how long a Turn is waited for

	doubtful atomic.Bool // a write may still be under way that this node waits for no longer
}

var _ ledger.Store = (*Store)(nil)

// names are those that need no quoting in any statement.
var names = regexp.MustCompile(`^[a-z][a-z0-9_]{0,50}$`)

// ValidSchema tells whether a schema may have this name.
func ValidSchema(name string) bool { return names.MatchString(name) }

// errAddress does not say what is wrong with an address: that may show a password.
var errAddress = errors.New("the address of the ledger's database can't be read: it looks like postgres://user@host:5432/database")

// Open opens the store.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Schema == "" {
		o.Schema = DefaultSchema
	}
	if !ValidSchema(o.Schema) {
		return nil, errors.New("the schema of the ledger's database: its name may have small Latin letters, digits and _, and begins with a letter")
	}
	config, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, errAddress
	}
	config.MaxConns = connections
	// A connection that was cut meanwhile is seen before it is used, not by its user.
	config.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return true }
	config.PingTimeout = pinged
	set := config.ConnConfig.RuntimeParams
	set["application_name"] = "kua"
	set["search_path"] = o.Schema
	set["default_transaction_isolation"] = "read committed"
	if o.ReadOnly {
		set["default_transaction_read_only"] = "on"
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = patience
	}
	lookAfter(&config.ConnConfig.Config)
	s := &Store{config: config.ConnConfig.Copy(), channel: "kua_" + o.Schema, options: o, turnLimit: turnLimit}
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, said("opening", err)
	}
	if err := s.prepare(ctx); err != nil {
		s.pool.Close()
		return nil, said("opening", err)
	}
	return s, nil
}

// prepare makes the tables where it may, and refuses those of a newer program.
func (s *Store) prepare(ctx context.Context) error {
	var there *string
	w := waiting(ctx)
	defer w.end()
	if err := s.pool.QueryRow(w, "SELECT to_regclass($1)::text", s.options.Schema+".meta").Scan(&there); err != nil {
		return w.said("opening", err)
	}
	if there == nil {
		if !s.options.Create || s.options.ReadOnly {
			return ledger.ErrNone
		}
		// Two nodes may begin at once: the second finds what the first has made.
		if err := s.create(ctx); err != nil && !is(err, "23505", "42P06", "42P07") {
			return err
		}
	}
	value, err := s.Meta(ctx, metaFormat)
	if err != nil {
		return err
	}
	switch n, err := strconv.Atoi(string(value)); {
	case err != nil:
		return errors.New("its schema holds the tables of another program")
	case n > format:
		return fmt.Errorf("it has format %d, this program knows %d: %w", n, format, ledger.ErrNewer)
	case n < format && !s.options.ReadOnly:
		return s.upgrade(ctx)
	}
	return nil
}

// upgrade makes what the tables of an older program lack.
func (s *Store) upgrade(ctx context.Context) error {
	return s.write(ctx, short, func(ctx context.Context, tx pgx.Tx) error {
		var value []byte // read again: another node may have been faster
		if err := tx.QueryRow(ctx, "SELECT value FROM meta WHERE name=$1", metaFormat).Scan(&value); err != nil {
			return err
		}
		if string(value) != "1" {
			return nil
		}
		if _, err := tx.Exec(ctx, partTable); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, setMeta, metaFormat, []byte(strconv.Itoa(format)))
		return err
	})
}

func (s *Store) create(ctx context.Context) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// The schema may be there, made by whoever runs the database.
		if _, err := tx.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+s.options.Schema+";"+tables); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO meta VALUES($1, $2)", metaFormat, []byte(strconv.Itoa(format)))
		return err
	})
}

// Close closes the store. It waits for what is being read.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}

// Remove removes the tables of a ledger and all that is in them. The schema
// stays: it may have been made by whoever runs the database.
func Remove(ctx context.Context, o Options) error {
	o.Create, o.ReadOnly = false, false
	s, err := Open(ctx, o)
	if err != nil {
		return err
	}
	err = s.write(ctx, long, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "DROP TABLE entry, wrapped, part, meta")
		return err
	})
	return errors.Join(err, s.Close())
}

// Where says where a database is, without what opens it.
func Where(url string) (string, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return "", errAddress
	}
	return fmt.Sprintf("%s, port %d, database %s", config.Host, config.Port, config.Database), nil
}

// Meta implements ledger.Store, as do all methods below.
func (s *Store) Meta(ctx context.Context, name string) (value []byte, err error) {
	w := waiting(ctx)
	defer w.end()
	err = s.pool.QueryRow(w, "SELECT value FROM meta WHERE name=$1", name).Scan(&value)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return value, w.said("reading", err)
}

const setMeta = "INSERT INTO meta VALUES($1, $2) ON CONFLICT(name) DO UPDATE SET value=excluded.value"

// SetMeta implements ledger.Store.
func (s *Store) SetMeta(ctx context.Context, name string, value []byte) error {
	return s.write(ctx, short, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, setMeta, name, value)
		return err
	})
}

// Head implements ledger.Store. Where it is not known what became of a write it
// waits for it: a connection can be lost while the database still commits, and
// a head read meanwhile would say that nothing was written.
func (s *Store) Head(ctx context.Context) (size uint64, checkpoint []byte, err error) {
	if s.doubtful.CompareAndSwap(true, false) {
		// Whoever writes holds the line of meta, to the very end.
		if err := s.write(ctx, short, func(context.Context, pgx.Tx) error { return nil }); err != nil {
			s.doubtful.Store(true)
			return 0, nil, err
		}
	}
	w := waiting(ctx)
	defer w.end()
	size, checkpoint, err = head(w, s.pool)
	return size, checkpoint, w.said("reading", err)
}

func head(ctx context.Context, q asker) (size uint64, checkpoint []byte, err error) {
	var last int64
	err = q.QueryRow(ctx, "SELECT pos, checkpoint FROM entry ORDER BY pos DESC LIMIT 1").Scan(&last, &checkpoint)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil, nil
	}
	return uint64(last) + 1, checkpoint, err //nolint:gosec // none is below zero
}

// Append implements ledger.Store. One node writes at a time: it holds the line
// of meta that all have. After the write it tells the others.
func (s *Store) Append(ctx context.Context, size uint64, rows []ledger.Row, keys []ledger.WrappedKey, checkpoint []byte) error {
	n := len(rows)
	pos, version := make([]int64, n), make([]int64, n)
	stream, sealed, hashes, cp := make([][]byte, n), make([][]byte, n), make([][]byte, n), make([][]byte, n)
	for i, r := range rows {
		pos[i], version[i] = signed(size)+int64(i), signed(r.Version)
		stream[i], sealed[i], hashes[i], cp[i] = r.Stream[:], r.Sealed, r.Hashes, r.Checkpoint
	}
	if n > 0 {
		cp[n-1] = checkpoint
	}
	return s.write(ctx, short, func(ctx context.Context, tx pgx.Tx) error {
		var now int64
		if err := tx.QueryRow(ctx, "SELECT coalesce(max(pos)+1, 0) FROM entry").Scan(&now); err != nil {
			return err
		}
		if now != signed(size) {
			return ledger.ErrSize
		}
		if err := untouched(ctx, tx, keys); err != nil {
			return err
		}
		var b pgx.Batch
		b.Queue("INSERT INTO entry SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[])",
			pos, stream, version, sealed, hashes, cp)
		queueKeys(&b, keys)
		b.Queue("SELECT pg_notify($1, $2)", s.channel, strconv.FormatInt(signed(size)+int64(n), 10))
		return tx.SendBatch(ctx, &b).Close()
	})
}

// queueKeys adds the keys; of several of one name the last one stays.
func queueKeys(b *pgx.Batch, keys []ledger.WrappedKey) {
	if len(keys) == 0 {
		return
	}
	at := make(map[string]int, len(keys))
	var streams, holders, wrapped [][]byte
	var parts []int16
	var epochs []int64
	for _, k := range keys {
		name := fmt.Sprintf("%s/%d/%d/%s", k.Stream, k.Part, k.Epoch, k.Holder)
		if i, ok := at[name]; ok {
			wrapped[i] = k.Wrapped
			continue
		}
		at[name] = len(parts)
		streams, parts, epochs = append(streams, k.Stream[:]), append(parts, int16(k.Part)), append(epochs, int64(k.Epoch))
		holders, wrapped = append(holders, k.Holder[:]), append(wrapped, k.Wrapped)
	}
	b.Queue(`INSERT INTO wrapped SELECT * FROM unnest($1::bytea[], $2::smallint[], $3::bigint[], $4::bytea[], $5::bytea[])
		ON CONFLICT(stream, part, epoch, holder) DO UPDATE SET wrapped=excluded.wrapped`, streams, parts, epochs, holders, wrapped)
}

// chunk is how many rows are asked for at a time: a reader that has enough
// leaves no more than these on their way.
const chunk = 4096

// Scan implements ledger.Store.
func (s *Store) Scan(ctx context.Context, from, to uint64, fn func(ledger.Row) error) error {
	for next := signed(from); next < signed(to); {
		end := min(next+chunk, signed(to))
		n, err := s.each(ctx, fn, "SELECT pos, stream, version, sealed, hashes, checkpoint FROM entry WHERE pos>=$1 AND pos<$2 ORDER BY pos", next, end)
		if err != nil || n == 0 {
			return err
		}
		next = end
	}
	return nil
}

// Stream implements ledger.Store.
func (s *Store) Stream(ctx context.Context, stream ledger.ID, fn func(ledger.Row) error) error {
	_, err := s.each(ctx, fn, "SELECT pos, stream, version, sealed, hashes, checkpoint FROM entry WHERE stream=$1 ORDER BY version", stream[:])
	return err
}

// each hands rows to fn as they come in and says how many there were. A row's
// bytes are those of the connection's buffer.
func (s *Store) each(ctx context.Context, fn func(ledger.Row) error, sql string, args ...any) (n int, err error) {
	w := waiting(ctx)
	defer w.end()
	rows, err := s.pool.Query(w, sql, args...)
	if err != nil {
		return 0, w.said("reading", err)
	}
	defer rows.Close()
	for ; rows.Next(); n++ {
		w.pause()
		var pos, version int64
		var stream, sealed, hashes, checkpoint pgtype.DriverBytes
		if err := rows.Scan(&pos, &stream, &version, &sealed, &hashes, &checkpoint); err != nil {
			return n, said("reading", err)
		}
		r := ledger.Row{Pos: uint64(pos), Version: uint64(version), Sealed: sealed, Hashes: hashes, Checkpoint: checkpoint} //nolint:gosec // none is below zero
		if err := idOf(&r.Stream, stream); err != nil {
			return n, said("reading", err)
		}
		if err := fn(r); err != nil {
			return n, err
		}
		w.until(limit)
	}
	return n, w.said("reading", rows.Err())
}

// Last implements ledger.Store.
func (s *Store) Last(ctx context.Context, stream ledger.ID) (version uint64, leaf ledger.Hash, err error) {
	var last int64
	var hashes []byte
	w := waiting(ctx)
	defer w.end()
	err = s.pool.QueryRow(w, "SELECT version, hashes FROM entry WHERE stream=$1 ORDER BY version DESC LIMIT 1", stream[:]).Scan(&last, &hashes)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, leaf, nil
	case err == nil && len(hashes) < len(leaf):
		err = errDamaged
	}
	if err != nil {
		return 0, leaf, w.said("reading", err)
	}
	return uint64(last), ledger.Hash(hashes), nil //nolint:gosec // none is below zero
}

// Keys implements ledger.Store.
func (s *Store) Keys(ctx context.Context, stream ledger.ID, fn func(ledger.WrappedKey) error) error {
	return eachKey(ctx, s.pool, stream, fn)
}

// Moment implements ledger.Store.
func (s *Store) Moment(ctx context.Context, fn func(ledger.WrappedKey) error) (m ledger.Moment, err error) {
	m.Meta = map[string][]byte{}
	w := waiting(ctx)
	defer w.end()
	err = pgx.BeginTxFunc(w, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		if m.Size, m.Checkpoint, err = head(w, tx); err != nil {
			return err
		}
		rows, err := tx.Query(w, "SELECT name, value FROM meta")
		if err != nil {
			return err
		}
		var name string
		var value []byte
		if _, err := pgx.ForEachRow(rows, []any{&name, &value}, func() error {
			m.Meta[name] = bytes.Clone(value)
			return nil
		}); err != nil {
			return err
		}
		w.pause()
		return eachKey(ctx, tx, ledger.ID{}, fn)
	})
	return m, w.said("reading", err)
}

// asker is a pool, or a transaction of one of its connections.
type asker interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func eachKey(ctx context.Context, q asker, stream ledger.ID, fn func(ledger.WrappedKey) error) error {
	where, args := "", []any(nil)
	if !stream.IsZero() {
		where, args = " WHERE stream=$1", []any{stream[:]}
	}
	w := waiting(ctx)
	defer w.end()
	rows, err := q.Query(w, "SELECT stream, part, epoch, holder, wrapped FROM wrapped"+where+" ORDER BY stream, part, epoch, holder", args...)
	if err != nil {
		return w.said("reading", err)
	}
	defer rows.Close()
	for rows.Next() {
		w.pause()
		var of, holder, wrapped pgtype.DriverBytes
		var part int16
		var epoch int64
		if err := rows.Scan(&of, &part, &epoch, &holder, &wrapped); err != nil {
			return said("reading", err)
		}
		k := ledger.WrappedKey{Part: uint8(part), Epoch: uint32(epoch), Wrapped: wrapped} //nolint:gosec // as they were written
		if err := errors.Join(idOf(&k.Stream, of), idOf(&k.Holder, holder)); err != nil {
			return said("reading", err)
		}
		if err := fn(k); err != nil {
			return err
		}
		w.until(limit)
	}
	return w.said("reading", rows.Err())
}

// AddKeys implements ledger.Store.
func (s *Store) AddKeys(ctx context.Context, keys []ledger.WrappedKey) error {
	return s.write(ctx, short, func(ctx context.Context, tx pgx.Tx) error {
		if err := untouched(ctx, tx, keys); err != nil {
			return err
		}
		var b pgx.Batch
		queueKeys(&b, keys)
		s.changed(&b)
		return tx.SendBatch(ctx, &b).Close()
	})
}

// untouched answers ErrTurned where keys lie under another forgetting key than
// those that are there.
func untouched(ctx context.Context, tx pgx.Tx, keys []ledger.WrappedKey) error {
	i := slices.IndexFunc(keys, func(k ledger.WrappedKey) bool { return k.Under != "" })
	if i < 0 {
		return nil
	}
	var now []byte
	if err := tx.QueryRow(ctx, "SELECT value FROM meta WHERE name=$1", ledger.MetaForgetting).Scan(&now); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if slices.ContainsFunc(keys[i:], func(k ledger.WrappedKey) bool { return k.Under != "" && k.Under != string(now) }) {
		return ledger.ErrTurned
	}
	return nil
}

// changed counts a change that is no entry, and tells the other nodes of it.
func (s *Store) changed(b *pgx.Batch) {
	b.Queue("INSERT INTO meta VALUES($1, '1') ON CONFLICT(name) DO UPDATE SET value=convert_to((convert_from(meta.value, 'UTF8')::bigint+1)::text, 'UTF8')", metaChanges)
	b.Queue("SELECT pg_notify($1, '')", s.channel)
}

// State is what tells a node whether there is something new to it.
type State struct {
	Size    uint64 // entries
	Changes uint64 // of wrapped keys and parts: how many there were
}

// State asks for both at once. Unlike Head it does not wait for a write in doubt.
func (s *Store) State(ctx context.Context) (State, error) {
	w := waiting(ctx)
	defer w.end()
	var size int64
	var changes []byte
	err := s.pool.QueryRow(w, "SELECT (SELECT coalesce(max(pos)+1, 0) FROM entry), (SELECT value FROM meta WHERE name=$1)", metaChanges).Scan(&size, &changes)
	if err != nil {
		return State{}, w.said("reading", err)
	}
	n, _ := strconv.ParseUint(string(changes), 10, 63) // none yet is 0
	return State{Size: uint64(size), Changes: n}, nil  //nolint:gosec // none is below zero
}

// Forget implements ledger.Store. The table is made anew without the keys, so
// that no dead row of them is left in its file.
func (s *Store) Forget(ctx context.Context, which ...ledger.WrappedKey) error {
	return s.write(ctx, long, func(ctx context.Context, tx pgx.Tx) error {
		n := int64(0)
		for _, w := range which {
			tag, err := tx.Exec(ctx, "DELETE FROM wrapped WHERE stream=$1 AND ($2=0 OR part=$2) AND ($3=0 OR epoch=$3) AND ($5 OR holder=$4)",
				w.Stream[:], int16(w.Part), int64(w.Epoch), w.Holder[:], w.Holder.IsZero())
			if err != nil {
				return err
			}
			n += tag.RowsAffected()
		}
		if n == 0 {
			return nil
		}
		err := remake(ctx, tx, func() error {
			_, err := tx.Exec(ctx, "INSERT INTO rewrapped SELECT * FROM wrapped ORDER BY stream, part, epoch, holder")
			return err
		})
		if err != nil {
			return err
		}
		var b pgx.Batch
		s.changed(&b)
		return tx.SendBatch(ctx, &b).Close()
	})
}

// remake puts a new table in the place of that of the wrapped keys; fill fills
// it. Not TRUNCATE: who reads meanwhile would find it empty, as if all were erased.
func remake(ctx context.Context, tx pgx.Tx, fill func() error) error {
	if _, err := tx.Exec(ctx, "CREATE TABLE rewrapped (LIKE wrapped INCLUDING ALL)"); err != nil {
		return err
	}
	if err := fill(); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DROP TABLE wrapped"); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "ALTER TABLE rewrapped RENAME TO wrapped")
	return err
}

// Rewrap implements ledger.Store.
func (s *Store) Rewrap(ctx context.Context, wrap func(ledger.WrappedKey) ([]byte, error), name string, value []byte) error {
	return s.write(ctx, long, func(ctx context.Context, tx pgx.Tx) error {
		// A grant of another node must come before this or after it.
		if _, err := tx.Exec(ctx, "LOCK TABLE wrapped IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return err
		}
		var again [][]any
		err := eachKey(ctx, tx, ledger.ID{}, func(k ledger.WrappedKey) error {
			wrapped, err := wrap(k)
			if err != nil {
				return err
			}
			again = append(again, []any{bytes.Clone(k.Stream[:]), int16(k.Part), int64(k.Epoch), bytes.Clone(k.Holder[:]), wrapped})
			return nil
		})
		if err != nil {
			return err
		}
		err = remake(ctx, tx, func() error {
			_, err := tx.CopyFrom(ctx, pgx.Identifier{"rewrapped"}, []string{"stream", "part", "epoch", "holder", "wrapped"}, pgx.CopyFromRows(again))
			return err
		})
		if err != nil {
			return err
		}
		var b pgx.Batch
		b.Queue(setMeta, name, value)
		s.changed(&b)
		return tx.SendBatch(ctx, &b).Close()
	})
}

// Check implements ledger.Store: no position is left out, and the index of
// places finds as many entries as there are.
func (s *Store) Check(ctx context.Context) error {
	var entries, end, short, lost int64
	err := s.pool.QueryRow(ctx, `SELECT count(*), coalesce(max(pos)+1, 0), count(*) FILTER (WHERE length(stream)<>16 OR length(hashes)<32) FROM entry`).Scan(&entries, &end, &short)
	if err == nil {
		err = s.pool.QueryRow(ctx, `SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid=i.indrelid WHERE c.relnamespace=$1::regnamespace AND NOT i.indisvalid`, s.options.Schema).Scan(&lost)
	}
	switch {
	case err != nil:
		return said("reading", err)
	case entries != end:
		return fmt.Errorf("the database is damaged: it has %d entries, and the last of them is number %d", entries, end-1)
	case short > 0:
		return fmt.Errorf("the database is damaged: %d entries have no whole id or hash", short)
	case lost > 0:
		return fmt.Errorf("the database is damaged: %d of its indexes can't be used; make them anew with REINDEX", lost)
	}
	return nil
}

// Watch calls wrote with the size that the ledger has, at once and whenever a
// node has written to it or changed anything else, until the context ends or the line to the database
// is lost, which it answers: whoever still wants to know calls it again. What was
// written between two calls is seen by the first of the second.
func (s *Store) Watch(ctx context.Context, wrote func(size uint64)) error {
	c, err := pgx.ConnectConfig(ctx, s.config)
	if err != nil {
		return said("watching", err)
	}
	defer func() {
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = c.Close(bye) // it is given up
	}()
	w := waiting(ctx)
	defer w.end()
	if _, err := c.Exec(w, "LISTEN "+s.channel); err != nil {
		return w.said("watching", err)
	}
	w.pause()
	size, _, err := s.Head(ctx)
	if err != nil {
		return err
	}
	for {
		wrote(size)
		n, err := c.WaitForNotification(ctx)
		if err != nil {
			return errors.Join(ctx.Err(), said("watching", err))
		}
		if size, err = strconv.ParseUint(n.Payload, 10, 63); err != nil {
			if size, _, err = s.Head(ctx); err != nil { // no entry was written
				return err
			}
		}
	}
}

// How long a write may take once it has its turn.
const (
	short = limit
	long  = 0 // as long as it takes
)

// write runs f in a transaction that no other node writes beside.
func (s *Store) write(ctx context.Context, takes time.Duration, f func(context.Context, pgx.Tx) error) error {
	if s.options.ReadOnly {
		return ledger.ErrReadOnly
	}
	w := waiting(ctx)
	defer w.end()
	asked := false // to commit
	err := pgx.BeginFunc(w, s.pool, func(tx pgx.Tx) error {
		w.until(lockLimit)
		// A lock on a line, not an advisory one: all that speak the protocol know it.
		if _, err := tx.Exec(w, "SELECT 1 FROM meta WHERE name=$1 FOR UPDATE", metaFormat); err != nil {
			return err
		}
		if w.pause(); takes > 0 {
			w.until(takes)
		}
		err := f(w, tx)
		asked = err == nil
		return err
	})
	switch {
	case err == nil, errors.Is(err, ledger.ErrSize), errors.Is(err, ledger.ErrTurned), errors.Is(err, ErrPart):
		return err
	case !asked || refused(err):
		return nothing{w.said("writing", err)}
	}
	s.doubtful.Store(true)
	return w.said("writing", err)
}

// refused says whether the database has answered that it did nothing. A
// connection that it ends with an error may have committed.
func refused(err error) bool {
	var of *pgconn.PgError
	return errors.As(err, &of) && of.Severity == "ERROR"
}

// nothing is an error of which it is certain that nothing was written.
type nothing struct{ error }

func (n nothing) Unwrap() error { return n.error }

// Is makes errors.Is(err, ledger.ErrNothing) true.
func (n nothing) Is(target error) bool { return target == ledger.ErrNothing }

var errDamaged = errors.New("an entry has no whole id or hash")

func idOf(id *ledger.ID, b []byte) error {
	if len(b) != len(id) {
		return errDamaged
	}
	copy(id[:], b)
	return nil
}

// signed is a number as PostgreSQL counts.
func signed(n uint64) int64 { return int64(min(n, math.MaxInt64)) } //nolint:gosec // bounded

// is says whether an error of the database has one of these codes.
func is(err error, codes ...string) bool {
	var of *pgconn.PgError
	return errors.As(err, &of) && slices.Contains(codes, of.Code)
}

// said puts errors of the database into words that say what to do. What it says
// of values is left out: codes and the names of tables are enough.
func said(doing string, err error) error {
	var of *pgconn.PgError
	var none *pgconn.ConnectError
	var line net.Error
	away := func(why string) error {
		return fmt.Errorf("%s the ledger: %w: %s: %w", doing, ledger.ErrNoAnswer, why, err)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ledger.ErrNoAnswer), errors.Is(err, ledger.ErrFull): // it is said already
		return err
	case errors.Is(err, errSilent):
		return away("see that PostgreSQL runs, and that the line to it is up")
	case errors.As(err, &none):
		return away("PostgreSQL does not take the connection; see that it runs, and that the address and the password are right")
	case !errors.As(err, &of):
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, pgconn.ErrConnClosed) || errors.As(err, &line) {
			return away("PostgreSQL has hung up; see that it runs")
		}
		return err
	case of.Code == "23505" && of.ConstraintName == "entry_place":
		return ledger.ErrVersion
	case of.Code == "23505" && of.ConstraintName == "entry_pkey":
		return ledger.ErrSize
	case of.Code == "53100":
		return fmt.Errorf("%s the ledger's database: %w", doing, ledger.ErrFull)
	case of.Code == "25006":
		return fmt.Errorf("%s the ledger's database: it takes no writes; is this a standby? %w", doing, ledger.ErrReadOnly)
	}
	err = fmt.Errorf("PostgreSQL says %s %s (%s)", of.Severity, of.Code, of.Message)
	if of.Severity != "ERROR" { // it has ended the connection
		return away("see that it runs")
	}
	return fmt.Errorf("%s the ledger's database: %w", doing, err)
}
