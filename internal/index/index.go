// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/rules"
)

// ErrUnusable is wrapped by every error that says the index can't be used and
// must be removed and rebuilt: a wrong key, damage, another schema, another codebook.
var ErrUnusable = errors.New("the index can't be used and must be rebuilt from the ledger")

// ErrOtherVersion says of an index that can't be used that nothing is wrong with
// it: another version of the program, the codebook or the rules made it.
var ErrOtherVersion = fmt.Errorf("%w: it was made by another version of the program, the codebook or the rules", ErrUnusable)

// ErrUnfinished says of an index that can't be used that its making was cut off.
var ErrUnfinished = fmt.Errorf("%w: its making was cut off", ErrUnusable)

// ErrNotFound says that no such case is known (at that moment).
var ErrNotFound = errors.New("no such case")

// Coalition is the scope of the figures of all organisations that count together.
const Coalition = "coalition"

// verifiedOnly ends the name of the scope in which only verified cases of
// another scope are counted. No id of an organisation ends so.
const verifiedOnly = " verified"

// Head is the place in the ledger an index was made from.
// An index never written to has the zero Head.
type Head struct {
	Ledger [16]byte // the ledger's id
	Size   uint64   // entries
	Root   [32]byte // root hash of the tree at that size
}

// Entry is an opened entry of the ledger with its stream (32 hex digits).
type Entry struct {
	Stream string
	From   string // the node of the coalition that it came from; empty: written here
	casefile.Entry
}

// Act is one act of writing: consecutive entries of one stream with the same At.
type Act struct {
	Entries []Entry
}

// Index is an open index. Its methods may be called concurrently.
type Index struct {
	path string
	key  [32]byte
	book *codebook.Book
	set  *rules.Set

	figures map[string]rules.FigureDef
	rules   []codebook.RuleDef
	ruleNo  map[string]int64 // rule → its place in the codebook, which is its number in unit and span

	writing   sync.Mutex // held by Apply, Reset and Close
	writer    *conn
	state     *state // what Apply knows of the cases; only while writing is held
	held      int    // bytes of entries that are kept in memory while it is made: see runs
	wrote     bool   // something was applied; only while writing is held
	behind    int    // about how many streams are not as the pages of the list have them; only while writing is held
	idle      chan *conn
	swap      sync.RWMutex // held for reading while the files are read, for writing while they are replaced
	head      atomic.Pointer[Head]
	counted   atomic.Uint64
	orgs      atomic.Pointer[map[string]string] // names of the organisations
	meeting   meeting
	sheets    sheets
	list      atomic.Pointer[listing]
	publish   sync.RWMutex // held while a transaction is committed and its list put in place: who begins to read sees both or neither
	facets    []facet
	codes     facetCodes
	broken    []facet    // the breakdowns
	cellCodes facetCodes // facet: its place among the breakdowns
	pasts     pasts
}

// Open opens the index at path, or makes an empty one where there is none.
// It answers ErrUnusable where the file can't be opened with key, is damaged,
// or was made by another schema, codebook or set of rules: Remove it then, and
// open it again for a rebuild.
func Open(ctx context.Context, path string, key [32]byte, book *codebook.Book, set *rules.Set) (*Index, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	ix := &Index{path: path, key: key, book: book, set: set, rules: book.Rules(), held: mostHeld, facets: facets(), broken: breakdowns(),
		figures: map[string]rules.FigureDef{}, ruleNo: map[string]int64{}, idle: make(chan *conn, readers)}
	for _, f := range set.Figures() {
		ix.figures[f.ID] = f
	}
	for i, def := range ix.rules {
		ix.ruleNo[def.ID] = int64(i)
	}
	// Made here, so that nobody else may read it.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	info, err := f.Stat()
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	fresh := info.Size() == 0
	if ix.writer, err = connect(path, key); err != nil {
		return nil, failed("opening", err)
	}
	if fresh {
		err = ix.create(ctx)
	} else {
		err = ix.check(ctx)
	}
	if err == nil && ix.behind > maxNoted {
		err = ix.keepPages(ctx)
	}
	if err != nil {
		return nil, errors.Join(failed("opening", err), ix.writer.Close())
	}
	return ix, nil
}

// create makes the tables of an empty index.
func (ix *Index) create(ctx context.Context) error {
	print, err := ix.fingerprint()
	if err != nil {
		return err
	}
	err = ix.write(ctx, func(c *conn) error {
		if err := c.Exec(tables); err != nil {
			return err
		}
		if err := c.Run(`INSERT INTO scope(no, id) VALUES(1, ?)`, nil, Coalition); err != nil {
			return err
		}
		if err := c.Run(`INSERT INTO meta(key, value) VALUES('made by', ?)`, nil, print); err != nil {
			return err
		}
		return putHead(c, Head{}, 0, 0, 1)
	})
	if err != nil {
		return err
	}
	return ix.load(ctx)
}

// check tells whether an index that exists can be used by this program.
func (ix *Index) check(ctx context.Context) error {
	print, err := ix.fingerprint()
	if err != nil {
		return err
	}
	ix.writer.SetInterrupt(ctx)
	defer ix.writer.SetInterrupt(context.Background())
	var found []byte
	unfinished := false
	err = ix.writer.Run(`SELECT key, value FROM meta WHERE key IN ('made by', 'building')`, func(s *sqlite3.Stmt) error {
		if s.ColumnText(0) == "building" {
			unfinished = true
			return nil
		}
		found = s.ColumnBlob(1, nil)
		return nil
	})
	if errors.Is(err, sqlite3.ERROR) { // no such table
		empty := true
		if err := ix.writer.Run(`SELECT 1 FROM sqlite_schema`, func(*sqlite3.Stmt) error { empty = false; return nil }); err != nil {
			return err
		}
		if empty { // the program ended between making the file and its tables: as good as no file
			return ix.create(ctx)
		}
		return fmt.Errorf("%w: it has no tables of this program", ErrUnusable)
	}
	if err != nil {
		return err
	}
	if !bytes.Equal(found, print) {
		return ErrOtherVersion
	}
	if unfinished {
		return ErrUnfinished
	}
	return ix.load(ctx)
}

// fingerprint identifies all that the content depends on besides the ledger.
func (ix *Index) fingerprint() ([]byte, error) {
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, part := range []any{schema, ix.book.Kinds(), ix.book.Lists(), ix.book.Rules(), ix.book.Packs()} {
		if err := enc.Encode(part); err != nil {
			return nil, fmt.Errorf("the codebook has no fingerprint: %w", err)
		}
	}
	return h.Sum(nil), nil
}

// Close closes the index. Nothing else of it may be in use or used afterwards.
func (ix *Index) Close() error {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	var errs []error
	for range cap(ix.idle) {
		select {
		case c := <-ix.idle:
			errs = append(errs, c.Close())
		default:
		}
	}
	if ix.wrote && ix.behind > 0 {
		errs = append(errs, failed("keeping the list", ix.keepPages(context.Background())))
	}
	errs = append(errs, ix.writer.Close()) // last: it folds the write-ahead log into the file
	return errors.Join(errs...)
}

// Head tells which place in the ledger the index was made from.
func (ix *Index) Head() Head { return *ix.head.Load() }

// Counted is how many entries of the ledger there were with the last one that
// something is counted of: reading adds lines to the audit, and a figure asked
// again meanwhile is of the same state.
func (ix *Index) Counted() uint64 { return ix.counted.Load() }

// Reset empties the index for a rebuild; its Head is zero afterwards. Nothing
// else of the index may be in use meanwhile.
func (ix *Index) Reset(ctx context.Context) error {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	err := ix.write(ctx, func(c *conn) error {
		if err := c.Forget(); err != nil {
			return err
		}
		return c.Exec(drop)
	})
	ix.meeting.forget()
	ix.pasts.forget()
	ix.sheets.forget()
	if err == nil {
		err = ix.create(ctx)
	}
	return failed("emptying", err)
}

// write runs f in one transaction of the writer.
func (ix *Index) write(ctx context.Context, f func(*conn) error) error {
	return ix.writeAnd(ctx, f, func() {})
}

// writeAnd runs f in one transaction of the writer, and where that is kept,
// before anybody reads what was written, after.
func (ix *Index) writeAnd(ctx context.Context, f func(*conn) error, after func()) error {
	c := ix.writer
	c.SetInterrupt(ctx)
	defer c.SetInterrupt(context.Background())
	if err := c.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := f(c)
	if err == nil {
		ix.publish.Lock()
		if err = c.Exec("COMMIT"); err == nil {
			after()
		}
		ix.publish.Unlock()
	}
	if err != nil {
		c.SetInterrupt(context.Background()) // a context that is done must not stop the way back
		if !c.GetAutocommit() {
			err = errors.Join(err, c.Exec("ROLLBACK"))
		}
	}
	return err
}

// read runs f on one state of the index.
func (ix *Index) read(ctx context.Context, f func(*conn) error) error {
	return ix.readList(ctx, func(c *conn, _ *listing) error { return f(c) })
}

// readList runs f on one state of the index, with the list of that state.
func (ix *Index) readList(ctx context.Context, f func(*conn, *listing) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	ix.swap.RLock()
	defer ix.swap.RUnlock()
	at := ix.Head()
	var c *conn
	select {
	case c = <-ix.idle:
	default:
		if c, err = connect(ix.path, ix.key); err != nil {
			return err
		}
	}
	c.SetInterrupt(ctx)
	ix.publish.RLock()
	err = c.Exec("BEGIN")
	var head Head
	var latest int64
	if err == nil {
		head, latest, err = notBefore(c, at)
	}
	list := ix.list.Load()
	ix.publish.RUnlock()
	if !c.GetAutocommit() {
		if err == nil && list.head != head { // another process writes
			if list, _, err = ix.readListing(c, head, latest); err == nil {
				ix.list.Store(list)
				ix.pasts.forget()
			}
		}
		if err == nil {
			err = f(c, list)
		}
		c.SetInterrupt(context.Background()) // a context that is done must not stop the way back
		if end := c.Exec("ROLLBACK"); end != nil {
			return errors.Join(err, end, c.Close())
		}
	}
	c.SetInterrupt(context.Background())
	select {
	case ix.idle <- c:
		return err
	default:
		return errors.Join(err, c.Close())
	}
}

// notBefore refuses a state of the files from before a head that the index had
// already: somebody put old ones back under the running program. A later one is
// what another process wrote, which serves the register this one reads beside.
func notBefore(c *conn, at Head) (head Head, latest int64, err error) {
	head, latest, _, _, err = getHead(c)
	if err == nil && (head.Size < at.Size || head.Size == at.Size && head != at) {
		err = errOld
	}
	return head, latest, err
}

// errOld says that the files are not those the program wrote last.
var errOld = errors.New("an older index was put in its place")

// Check tells whether the index can still be used: ErrUnusable where its files
// were damaged, or old ones put in their place, while it was open.
func (ix *Index) Check(ctx context.Context) error {
	return failed("checking", ix.read(ctx, func(*conn) error { return nil }))
}

// Sound looks at every page that is in use: ErrUnusable where one is damaged.
func (ix *Index) Sound(ctx context.Context) error {
	return failed("checking", ix.read(ctx, func(c *conn) error {
		return c.Run("PRAGMA integrity_check(1)", func(s *sqlite3.Stmt) error {
			if s.ColumnText(0) != "ok" {
				return errDamaged
			}
			return nil
		})
	}))
}

// putHead keeps the head, the latest known time and where what is counted ends,
// and beside them the number of the next version.
func putHead(c *conn, head Head, latest, counted, next int64) error {
	value := append(bytes.Clone(head.Ledger[:]), head.Root[:]...)
	value = binary.BigEndian.AppendUint64(value, head.Size)
	value = binary.BigEndian.AppendUint64(value, uint64(latest))
	value = binary.BigEndian.AppendUint64(value, uint64(counted))
	return c.Run(`INSERT OR REPLACE INTO meta(key, value) VALUES('head', ?), ('next', ?)`, nil,
		value, binary.BigEndian.AppendUint64(nil, uint64(next)))
}

func getHead(c *conn) (head Head, latest, counted, next int64, err error) {
	err = c.Run(`SELECT h.value, n.value FROM meta h, meta n WHERE h.key='head' AND n.key='next'`, func(s *sqlite3.Stmt) error {
		value, number := s.ColumnRawBlob(0), s.ColumnRawBlob(1)
		if len(value) != 16+32+8+8+8 || len(number) != 8 {
			return errDamaged
		}
		copy(head.Ledger[:], value)
		copy(head.Root[:], value[16:])
		head.Size = binary.BigEndian.Uint64(value[48:])
		latest = int64(binary.BigEndian.Uint64(value[56:]))
		counted = int64(binary.BigEndian.Uint64(value[64:]))
		next = int64(binary.BigEndian.Uint64(number))
		return nil
	})
	if err == nil && next == 0 {
		err = errDamaged // the row is not there
	}
	return head, latest, counted, next, err
}

// forever is the known time at which what is true now ends.
const forever = int64(253402300799999) // the last millisecond of the year 9999

// moment is a known time in the index's measure; zero: now, and all that is known.
func moment(knownBy time.Time) int64 {
	if knownBy.IsZero() {
		return forever - 1
	}
	return min(knownBy.UnixMilli(), forever-1)
}
