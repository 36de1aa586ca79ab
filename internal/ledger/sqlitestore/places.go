// SPDX-License-Identifier: AGPL-3.0-or-later

package sqlitestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/ledger"
)

// tailMax is how many entries may wait to be put into the table of places.
// Streams have random names: an index kept with every commit would write a
// page of its own for each entry, three times what the entries need.
const tailMax = 4096

const metaPlaced = "placed" // how many entries, from the first, are in the table of places; 8 bytes

// place is where an entry of a stream is.
type place struct {
	version, pos uint64
}

// places knows where the entries of streams are: the older ones by the table
// "place", the newest, the tail, by what has been read of the entries themselves.
type places struct {
	mu     sync.Mutex
	placed uint64 // the tail begins here
	read   uint64 // and ends here
	tail   map[ledger.ID][]place
}

// snapshot begins to read on c and brings the tail to the state that c sees.
// Then it gives what the tail has of a stream.
func (p *places) snapshot(c *conn, stream ledger.ID) ([]place, error) {
	p.mu.Lock() // so that no tail is ever newer than what its reader sees
	defer p.mu.Unlock()
	if err := c.Run("BEGIN", nil); err != nil {
		return nil, err
	}
	if err := p.catchUp(c); err != nil {
		return nil, err
	}
	return slices.Clone(p.tail[stream]), nil
}

// catchUp reads what was written since. Called with mu held and c in a transaction.
func (p *places) catchUp(c *conn) error {
	placed := uint64(0)
	err := c.Run("SELECT value FROM meta WHERE name=?", func(st *sqlite3.Stmt) error {
		b := st.ColumnRawBlob(0)
		if len(b) != 8 {
			return sqlite3.CORRUPT
		}
		placed = binary.BigEndian.Uint64(b)
		return nil
	}, metaPlaced)
	if err != nil {
		return err
	}
	if p.tail == nil || placed != p.placed {
		p.placed, p.read, p.tail = placed, placed, map[ledger.ID][]place{}
	}
	return c.Run("SELECT pos, stream, version FROM entry WHERE pos>=? ORDER BY pos", func(st *sqlite3.Stmt) error {
		var stream ledger.ID
		if err := idOf(&stream, st.ColumnRawBlob(1)); err != nil {
			return err
		}
		p.add(stream, place{uint64(st.ColumnInt64(2)), uint64(st.ColumnInt64(0))})
		return nil
	}, signed(p.read))
}

func (p *places) add(stream ledger.ID, at place) {
	p.tail[stream] = append(p.tail[stream], at)
	p.read = at.pos + 1
}

// reserve answers ErrVersion where one of the rows is there already, and puts
// the tail and the rows into the table where the tail has become long. Called
// in a transaction of the writer, before the rows are written.
func (p *places) reserve(c *conn, size uint64, rows []ledger.Row) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tail == nil || p.read != size { // else nothing can have come: this is the only writer
		if err := p.catchUp(c); err != nil {
			return err
		}
	}
	last := make(map[ledger.ID]uint64, len(rows))
	for _, r := range rows {
		version, ok := last[r.Stream]
		if !ok {
			if tail := p.tail[r.Stream]; len(tail) > 0 {
				version = tail[len(tail)-1].version
			} else if err := c.Run("SELECT version FROM place WHERE stream=? ORDER BY version DESC LIMIT 1", func(st *sqlite3.Stmt) error {
				version = uint64(st.ColumnInt64(0))
				return nil
			}, r.Stream[:]); err != nil {
				return err
			}
		}
		if r.Version <= version {
			return ledger.ErrVersion
		}
		last[r.Stream] = r.Version
	}
	if size+uint64(len(rows))-p.placed < tailMax {
		return nil
	}
	return p.put(c, size, rows)
}

// put puts the tail and the rows into the table, in its order.
func (p *places) put(c *conn, size uint64, rows []ledger.Row) error {
	type line struct {
		stream ledger.ID
		place
	}
	lines := make([]line, 0, size-p.placed+uint64(len(rows)))
	for stream, all := range p.tail {
		for _, at := range all {
			lines = append(lines, line{stream, at})
		}
	}
	for i, r := range rows {
		lines = append(lines, line{r.Stream, place{r.Version, size + uint64(i)}})
	}
	slices.SortFunc(lines, func(a, b line) int { return bytes.Compare(a.stream[:], b.stream[:]) })
	for _, l := range lines {
		if err := c.Run("INSERT INTO place VALUES(?, ?, ?)", nil, l.stream[:], int64(l.version), int64(l.pos)); err != nil {
			return err
		}
	}
	return c.Run("INSERT OR REPLACE INTO meta VALUES(?, ?)", nil, metaPlaced, binary.BigEndian.AppendUint64(nil, size+uint64(len(rows))))
}

// committed adds rows to the tail that were written at size.
func (p *places) committed(size uint64, rows []ledger.Row) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.read != size || size+uint64(len(rows))-p.placed >= tailMax {
		return // a reader was faster, or they were put into the table: catchUp will see
	}
	for i, r := range rows {
		p.add(r.Stream, place{r.Version, size + uint64(i)})
	}
}

// of gives the places of a stream in the order of versions, and leaves c in a
// transaction that sees the state they are of.
func (s *Store) of(c *conn, stream ledger.ID) (all []place, err error) {
	tail, err := s.places.snapshot(c, stream)
	if err != nil {
		return nil, err
	}
	err = c.Run("SELECT version, pos FROM place WHERE stream=? ORDER BY version", func(st *sqlite3.Stmt) error {
		all = append(all, place{uint64(st.ColumnInt64(0)), uint64(st.ColumnInt64(1))})
		return nil
	}, stream[:])
	return append(all, tail...), err
}

// readStream runs f on the places of a stream and the state that they are of.
func (s *Store) readStream(ctx context.Context, stream ledger.ID, f func(*conn, []place) error) error {
	return s.read(ctx, func(c *conn) error {
		all, err := s.of(c, stream)
		if err == nil {
			err = f(c, all)
		}
		if !c.GetAutocommit() {
			err = errors.Join(err, c.Run("COMMIT", nil))
		}
		return err
	})
}

// checkPlaces verifies the table of places against the entries.
func (s *Store) checkPlaces(c *conn) error {
	wrong, counted := int64(-1), int64(0)
	const placed = `ifnull((SELECT hex(value) FROM meta WHERE name='placed'), '0000000000000000')`
	err := c.Run(`SELECT pos FROM entry e WHERE pos<(SELECT count(*) FROM place) AND NOT EXISTS(
		SELECT 1 FROM place p WHERE p.stream=e.stream AND p.version=e.version AND p.pos=e.pos) LIMIT 1`,
		func(st *sqlite3.Stmt) error { wrong = st.ColumnInt64(0); return nil })
	if err == nil {
		err = c.Run("SELECT printf('%016X', (SELECT count(*) FROM place))="+placed, func(st *sqlite3.Stmt) error { counted = st.ColumnInt64(0); return nil })
	}
	switch {
	case err != nil:
		return err
	case wrong >= 0:
		return fmt.Errorf("the table of places is damaged: entry %d is not where it should be", wrong)
	case counted != 1:
		return errors.New("the table of places is damaged: it has not as many lines as it should")
	}
	return nil
}
