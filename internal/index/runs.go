// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"cmp"
	"slices"

	"github.com/ncruces/go-sqlite3"
)

// An index that is made from the whole ledger takes its entries in the order of
// the ledger and needs them by stream. What is said of one case lies far apart
// there: put into the table as it comes, each entry would go to another page,
// and of a big table hardly any is in memory. So they are kept in memory, and
// put away when they are too many, sorted, as a run, in the same encrypted file;
// the second pass takes from all runs what is of some streams and writes the
// table from its beginning to its end.

// staged is an entry as the first pass leaves it.
type staged struct {
	no, pos, known int64 // no: of its stream
	body           []byte
}

func (a staged) compare(b staged) int {
	return cmp.Or(cmp.Compare(a.no, b.no), cmp.Compare(a.pos, b.pos))
}

// runs are the entries between the two passes.
type runs struct {
	c     *conn
	most  int // bytes that are kept in memory
	put   int64
	held  []staged
	bytes int
	block []byte // of bodies: many small ones in one
	table int64  // the entries of streams before it are in the table of entries
}

// mostHeld is how many bytes of entries are kept in memory; stagedSize is what
// an entry takes besides its body.
const (
	mostHeld   = 48 << 20
	stagedSize = 48
	blockSize  = 1 << 20
)

// add takes an entry; body is copied.
func (r *runs) add(e staged) error {
	if len(r.block)+len(e.body) > cap(r.block) {
		r.block = make([]byte, 0, max(blockSize, len(e.body)))
	}
	from := len(r.block)
	r.block = append(r.block, e.body...)
	e.body = r.block[from:len(r.block):len(r.block)]
	r.held = append(r.held, e)
	if r.bytes += len(e.body) + stagedSize; r.bytes < r.most {
		return nil
	}
	return r.putAway()
}

// putAway writes what is in memory as a run.
func (r *runs) putAway() error {
	if r.put == 0 {
		if err := r.c.Exec(`CREATE TABLE run(n INTEGER NOT NULL, stream INTEGER NOT NULL, pos INTEGER NOT NULL, known INTEGER NOT NULL, body BLOB NOT NULL,
			PRIMARY KEY(n, stream, pos)) WITHOUT ROWID`); err != nil {
			return err
		}
	}
	slices.SortFunc(r.held, staged.compare)
	for _, e := range r.held {
		if err := r.c.Run(`INSERT INTO run(n, stream, pos, known, body) VALUES(?, ?, ?, ?, ?)`, nil, r.put, e.no, e.pos, e.known, e.body); err != nil {
			return err
		}
	}
	r.put++
	clear(r.held)
	r.held, r.bytes, r.block = r.held[:0], 0, nil
	return nil
}

// all says that the last entry was added.
func (r *runs) all() { slices.SortFunc(r.held, staged.compare) }

// read answers the entries of streams, both included, in the order of streams
// and of the ledger.
func (r *runs) read(from, to int64) (found []staged, err error) {
	take := func(s *sqlite3.Stmt) error {
		found = append(found, staged{s.ColumnInt64(0), s.ColumnInt64(1), s.ColumnInt64(2), s.ColumnBlob(3, nil)})
		return nil
	}
	if from < r.table {
		err = r.c.Run(`SELECT stream, pos, known, body FROM entry WHERE stream >= ? AND stream <= ? ORDER BY stream, pos`, take, from, to)
		return found, err
	}
	for n := range r.put {
		if err := r.c.Run(`SELECT stream, pos, known, body FROM run WHERE n = ? AND stream >= ? AND stream <= ? ORDER BY stream, pos`, take, n, from, to); err != nil {
			return nil, err
		}
	}
	at, _ := slices.BinarySearchFunc(r.held, staged{no: from}, staged.compare)
	end, _ := slices.BinarySearchFunc(r.held, staged{no: to + 1}, staged.compare)
	if r.put == 0 {
		return r.held[at:end:end], nil
	}
	found = append(found, r.held[at:end]...)
	slices.SortFunc(found, staged.compare)
	return found, nil
}

// write writes to the table of entries all that is of streams up to one: those
// that follow what it has.
func (r *runs) write(entries []staged, to int64) error {
	for _, e := range entries {
		if err := r.c.Run(`INSERT INTO entry(stream, pos, known, body) VALUES(?, ?, ?, ?)`, nil, e.no, e.pos, e.known, e.body); err != nil {
			return err
		}
	}
	for n := range r.put { // their pages are used again
		if err := r.c.Run(`DELETE FROM run WHERE n = ? AND stream < ?`, nil, n, to+1); err != nil {
			return err
		}
	}
	r.table = to + 1
	return nil
}

// end takes away what the index does not need.
func (r *runs) end() error {
	r.held, r.block = nil, nil
	if r.put == 0 {
		return nil
	}
	return r.c.Exec(`DROP TABLE run`)
}

// nameRow is a key of a name with the stream of a case that has it.
type nameRow struct {
	key    string
	stream int64
}

// heldNames are names that are written in the order of their table.
type heldNames []nameRow

// mostNames is how many of them are kept in memory.
const mostNames = 1 << 18

func (h *heldNames) write(c *conn) error {
	slices.SortFunc(*h, func(a, b nameRow) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.stream, b.stream)) })
	for _, n := range *h {
		if err := c.Run(insertName, nil, n.key, n.stream); err != nil {
			return err
		}
	}
	clear(*h)
	*h = (*h)[:0]
	return nil
}
