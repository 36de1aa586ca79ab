// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"errors"
	"fmt"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"

	"github.com/kua-registry/kua/internal/sqlfile"
)

// schema is the number of what the tables hold. Change it whenever the tables
// or anything written into them changes its meaning: every index made before
// is then removed and rebuilt.
const schema = 17

// tables makes an empty index.
//
// Known time is in milliseconds: a version is true for kfrom ≤ K < kto, and
// kto is forever where nothing later is known. Effective time is in days:
// dfrom ≤ D < dto.
const tables = `
CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE stream(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL);
CREATE INDEX stream_kind ON stream(kind, no);
CREATE TABLE entry(stream INTEGER NOT NULL, pos INTEGER NOT NULL, known INTEGER NOT NULL, body BLOB NOT NULL,
	PRIMARY KEY(stream, pos)) WITHOUT ROWID;
CREATE TABLE moment(known INTEGER PRIMARY KEY); -- at which there is an entry
CREATE TABLE scope(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);

-- One row of the list of cases.
CREATE TABLE file(v INTEGER PRIMARY KEY, stream INTEGER NOT NULL, kfrom INTEGER NOT NULL, kto INTEGER NOT NULL,
	org TEXT NOT NULL, cluster INTEGER NOT NULL, number TEXT NOT NULL, external_id TEXT NOT NULL, name TEXT NOT NULL,
	child INTEGER NOT NULL, sex TEXT NOT NULL, region TEXT NOT NULL, place_type TEXT NOT NULL,
	incident TEXT NOT NULL, incident_day INTEGER NOT NULL, reported INTEGER NOT NULL, updated INTEGER NOT NULL,
	facets TEXT NOT NULL, stages BLOB NOT NULL, restricted INTEGER NOT NULL,
	review TEXT NOT NULL, verdict TEXT NOT NULL, changed INTEGER NOT NULL, ties BLOB NOT NULL, standings BLOB NOT NULL, terms BLOB NOT NULL);
CREATE INDEX file_stream ON file(stream, kto);
CREATE INDEX file_cluster ON file(cluster, kto);
CREATE INDEX file_known ON file(kto);

-- The list as it is read at once: see pages.go. since: streams that are not as the pages have them.
CREATE TABLE page(no INTEGER PRIMARY KEY, streams INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE since(stream INTEGER PRIMARY KEY);

-- What is counted as one: a cluster's cases within a scope. spans: when each figure holds; cells: under which codes it is broken down.
CREATE TABLE unit(v INTEGER PRIMARY KEY, scope INTEGER NOT NULL, kfrom INTEGER NOT NULL, kto INTEGER NOT NULL, spans BLOB NOT NULL, cells BLOB NOT NULL);
CREATE INDEX unit_scope ON unit(scope, kto);
CREATE TABLE member(v INTEGER NOT NULL, stream INTEGER NOT NULL, PRIMARY KEY(stream, v)) WITHOUT ROWID;
CREATE INDEX member_unit ON member(v, stream);
-- The spans summed up: by how many more units a rule holds in a scope than the day before (month = 0), and in a month,
-- by its first day, than the month before (month = 1): a figure as of any day is a sum over some dozens of rows.
-- n: by what is known now; d, along the diagonal of the two clocks: by what was known at the end of that same day.
CREATE TABLE tally(scope INTEGER NOT NULL, rule INTEGER NOT NULL, month INTEGER NOT NULL, day INTEGER NOT NULL,
	n INTEGER NOT NULL, d INTEGER NOT NULL, PRIMARY KEY(scope, rule, month, day)) WITHOUT ROWID;

-- Search knows the cases as they stand now; rowid is the stream of the case.
CREATE VIRTUAL TABLE search USING fts5(numbers, names, words, factnumbers, facts, content='', contentless_delete=1, tokenize='kua');
CREATE TABLE name(key TEXT NOT NULL, stream INTEGER NOT NULL, PRIMARY KEY(key, stream)) WITHOUT ROWID;
CREATE INDEX name_stream ON name(stream);

-- The sealed files that records of cases name, of those that were taken back too.
CREATE TABLE kept(stream INTEGER NOT NULL, record TEXT NOT NULL, sealed TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY(stream, record)) WITHOUT ROWID;
CREATE INDEX kept_sealed ON kept(sealed);
CREATE INDEX kept_sha256 ON kept(sha256);

-- The audit: one line an entry that says who did what. cases are the ids in a row, 16 bytes each.
CREATE TABLE audit(pos INTEGER PRIMARY KEY, at INTEGER NOT NULL, member TEXT NOT NULL, act TEXT NOT NULL, what TEXT NOT NULL,
	about TEXT NOT NULL, n INTEGER NOT NULL, device TEXT NOT NULL, alarm TEXT NOT NULL, note TEXT NOT NULL, cases BLOB NOT NULL);
CREATE INDEX audit_at ON audit(at);
CREATE INDEX audit_member ON audit(member, at);
CREATE INDEX audit_act ON audit(act, at);
CREATE TABLE audited(id BLOB NOT NULL, at INTEGER NOT NULL, pos INTEGER NOT NULL, PRIMARY KEY(id, at, pos)) WITHOUT ROWID;
`

// drop empties an index.
const drop = `
DROP TABLE audited; DROP TABLE audit; DROP TABLE kept; DROP TABLE name; DROP TABLE search; DROP TABLE tally; DROP TABLE member; DROP TABLE unit; DROP TABLE since; DROP TABLE page; DROP TABLE file;
DROP TABLE scope; DROP TABLE moment; DROP TABLE entry; DROP TABLE stream; DROP TABLE meta;`

const (
	// readers is how many questions are answered at once; each open
	// connection costs some 2 MB.
	readers = 4
	// cacheKiB is the page cache of each connection: decrypted pages of the
	// list and the figures of some ten thousand cases.
	cacheKiB = 16 << 10
)

type conn = sqlfile.Conn

// connect opens a connection.
func connect(path string, key [32]byte) (*conn, error) {
	c, err := sqlfile.Open(path, &key)
	if err != nil {
		return nil, err
	}
	err = fts5.RegisterCustom(c.Conn, func(api *fts5.API) error {
		return api.CreateTokenizer("kua", func([]string) (fts5.Tokenizer, error) { return &tokenizer{map[string]stemmed{}}, nil })
	})
	if err == nil {
		err = c.Exec(fmt.Sprintf("PRAGMA journal_mode=wal; PRAGMA synchronous=normal; PRAGMA cache_size=-%d", cacheKiB))
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Remove deletes the index at path with its side files. It must not be open.
func Remove(path string) error {
	if err := sqlfile.Remove(path); err != nil {
		return fmt.Errorf("index: can't remove the old index: %w", err)
	}
	return nil
}

// failed says what was being done, and whether the index must be rebuilt.
func failed(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sqlite3.INTERRUPT):
		return fmt.Errorf("index: %s: %w", doing, context.Canceled)
	case errors.Is(err, sqlite3.NOTADB), errors.Is(err, sqlite3.CORRUPT), errors.Is(err, errDamaged), errors.Is(err, errOld),
		errors.Is(err, sqlite3.IOERR_SHORT_READ),
		errors.Is(err, sqlite3.CONSTRAINT): // it has what it can't have yet: some of its pages are of another time
		return fmt.Errorf("index: %s: %w (%w)", doing, ErrUnusable, err)
	}
	return fmt.Errorf("index: %s: %w", doing, err)
}

// errDamaged is said of a value that decodes to nothing the program writes.
var errDamaged = errors.New("a value in it is damaged")
