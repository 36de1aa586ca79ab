// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/pgstore"
	"github.com/kua-registry/kua/internal/ledger/sqlitestore"
)

// The file that says where the ledger is, sealed to the node: the address of a
// database may hold a password. There is none where the ledger is in the register's directory.
const storeFile, storeLabel = "store", "kua/store/v1"

// The ledger in the register's directory, and the key of its file.
const ledgerFile, ledgerKey = "ledger.db", "ledger"

// What somebody who moves the ledger can be told.
var (
	// ErrSamePlace says that the ledger is there already.
	ErrSamePlace = errors.New("the ledger is there already: nothing was moved")
	// ErrDatabaseTaken says that a database holds another ledger.
	ErrDatabaseTaken = errors.New("there is a ledger already in that schema of the database: give another one with --schema; nothing was changed")
)

// Database is a database of PostgreSQL, or what speaks its protocol, that keeps
// a ledger. It is given sealed entries and wrapped keys.
type Database struct {
	URL    string `json:"url"`              // as libpq reads it; it may hold a password and is shown to nobody
	Schema string `json:"schema,omitempty"` // of the ledger's tables; empty: kua
}

func (d Database) options() pgstore.Options { return pgstore.Options{URL: d.URL, Schema: d.Schema} }

// stored is what is kept of where the ledger is.
type stored struct {
	Database Database `json:"database"`
	// Left: the ledger is in the register's directory again, and what is still
	// in the database is to be taken away.
	Left bool `json:"left,omitempty"`
	// Node is how this machine is called among those that use the database; empty:
	// no other does.
	Node string `json:"node,omitempty"`
}

// LedgerPlace is where the ledger is, as administrators see it.
type LedgerPlace struct {
	Database bool   // in PostgreSQL; else in a file of the register's directory
	Where    string // the database, without what opens it
	Schema   string
	Entries  uint64
	Root     string
}

// stored reads where the ledger is.
func (r *Registry) stored() (stored, error) {
	var kept stored
	err := r.openSealed(storeFile, storeLabel, &kept)
	if errors.Is(err, fs.ErrNotExist) {
		return stored{}, nil
	}
	return kept, err
}

// ValidSchema tells whether a database's schema may have this name.
func ValidSchema(name string) bool { return pgstore.ValidSchema(name) }

// empty opens a database that holds no ledger: ErrDatabaseTaken where it does.
// An unfinished copy of this one is thrown away.
func (d Database) empty(ctx context.Context, this ledger.ID) (*pgstore.Store, error) {
	o := d.options()
	o.Create = true
	store, err := pgstore.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	id, err := ledger.Holds(ctx, store)
	switch {
	case errors.Is(err, ledger.ErrUnfinished) && id == this:
		if err := errors.Join(store.Close(), pgstore.Remove(ctx, o)); err != nil {
			return nil, err
		}
		return pgstore.Open(ctx, o)
	case !id.IsZero():
		err = ErrDatabaseTaken
	}
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

// takes tells whether a new ledger can be kept in a database; one that is not
// given takes everything.
func (d Database) takes(ctx context.Context) error {
	if d == (Database{}) {
		return nil
	}
	store, err := d.empty(ctx, ledger.ID{})
	if err != nil {
		return err
	}
	return store.Close()
}

// held is a store that is elsewhere, with the lock of the register's directory.
type held struct {
	ledger.Store
	shared *pgstore.Store // the same
	lock   *os.File
}

func (h held) Close() error { return errors.Join(h.Store.Close(), h.lock.Close()) }

// openStore opens the store of the ledger, or makes it, for reading alone where
// another process has the register and that is enough.
func (r *Registry) openStore(ctx context.Context, kept stored, create bool, options *ledger.Options) (ledger.Store, error) {
	readOnly := func() {
		r.beside = true
		options.Signer, options.Verifier = nil, r.node.Public().Signing()
	}
	path := filepath.Join(r.dir, ledgerFile)
	if kept.Database != (Database{}) && !kept.Left {
		o := kept.Database.options()
		o.Create = create
		lock, err := sqlitestore.Lock(path)
		if errors.Is(err, ledger.ErrLocked) && r.opt.ReadOnly {
			readOnly()
			o.ReadOnly = true
			return pgstore.Open(ctx, o)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.dir, err)
		}
		store, err := pgstore.Open(ctx, o)
		if err != nil {
			return nil, errors.Join(err, lock.Close())
		}
		return held{store, store, lock}, nil
	}
	key, err := r.sealedKey(ledgerKey, create)
	if err != nil {
		return nil, err
	}
	raw := [32]byte(key)
	store, err := sqlitestore.Open(ctx, path, sqlitestore.Options{Key: &raw, Create: create})
	if errors.Is(err, ledger.ErrLocked) && r.opt.ReadOnly {
		readOnly()
		store, err = sqlitestore.Open(ctx, path, sqlitestore.Options{Key: &raw, ReadOnly: true})
	}
	if err != nil {
		return nil, err // not the pointer, which would be no nil
	}
	return store, nil
}

// LedgerPlace says where the ledger is.
func (r *Registry) LedgerPlace(ctx context.Context, s *access.Session) (_ LedgerPlace, err error) {
	defer r.refusal(ctx, s, "ledger", "", &err)
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return LedgerPlace{}, ErrNotAllowed
	}
	kept, err := r.stored()
	if err != nil {
		return LedgerPlace{}, err
	}
	return r.ledgerPlace(kept)
}

func (r *Registry) ledgerPlace(kept stored) (LedgerPlace, error) {
	head := r.log.Head()
	v := LedgerPlace{Entries: head.Size, Root: head.Root.String()}
	if kept.Left || kept.Database == (Database{}) {
		return v, nil
	}
	var err error
	v.Database, v.Schema = true, kept.Database.Schema
	if v.Schema == "" {
		v.Schema = pgstore.DefaultSchema
	}
	v.Where, err = pgstore.Where(kept.Database.URL)
	return v, err
}

// MoveLedger moves the ledger to a database, or, to none, into the register's
// directory: it is copied, every entry and wrapped key is compared, and only then
// is the register told. Whatever stops it before that leaves all as it was. From
// then on nothing is written here any more: close the register and open it
// again, which takes away what is left at the old place. No other program may
// write to the ledger meanwhile. step is told how many entries are copied.
func (r *Registry) MoveLedger(ctx context.Context, s *access.Session, to Database, step func(done, of uint64)) (_ LedgerPlace, err error) {
	defer r.refusal(ctx, s, "ledger", "", &err)
	if err := r.mayLookAfter(s); err != nil {
		return LedgerPlace{}, err
	}
	if r.beside {
		return LedgerPlace{}, ledger.ErrLocked
	}
	now, err := r.stored()
	if err != nil {
		return LedgerPlace{}, err
	}
	if now.Left {
		return LedgerPlace{}, errors.New("what was left in the database by the last move is not taken away yet: open the register once while the database answers, then move it")
	}
	if now.Database == to {
		return LedgerPlace{}, ErrSamePlace
	}
	// Written before it is moved: afterwards nothing is.
	if err := r.audit(ctx, &line{act: actPlace, what: "ledger", by: s.Keys.Identity}); err != nil {
		return LedgerPlace{}, err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	if err := r.settle(ctx); err != nil {
		return LedgerPlace{}, err
	}
	r.appending.Lock()
	defer r.appending.Unlock()
	if n := r.nodes; n != nil && len(n.others()) > 0 {
		return LedgerPlace{}, ErrOtherNodes
	}
	next := stored{Database: to}
	if to == (Database{}) {
		next = stored{Database: now.Database, Left: true}
	}
	if err := r.copyLedger(ctx, to, step); err != nil {
		return LedgerPlace{}, fmt.Errorf("the ledger was not moved, and stays where it is: %w", r.whyNot(err))
	}
	if err := r.keepSealed(storeFile, storeLabel, next); err != nil {
		return LedgerPlace{}, err
	}
	r.beside = true
	return r.ledgerPlace(next)
}

// copyLedger makes the copy. What an earlier one has left unfinished goes first.
func (r *Registry) copyLedger(ctx context.Context, to Database, step func(done, of uint64)) error {
	if to == (Database{}) {
		path := filepath.Join(r.dir, ledgerFile)
		if err := sqlitestore.Remove(path); err != nil {
			return err
		}
		key, err := r.sealedKey(ledgerKey, true)
		if err != nil {
			return err
		}
		raw := [32]byte(key)
		store, err := sqlitestore.Open(ctx, path, sqlitestore.Options{Key: &raw, Create: true, Unlocked: true})
		if err != nil {
			return err
		}
		err = errors.Join(r.log.CopyTo(ctx, store, step), store.Close())
		if err != nil {
			err = errors.Join(r.whyNot(err), r.removeLedgerFile()) // asked before there is room again
		}
		return err
	}
	store, err := to.empty(ctx, r.log.ID())
	if err != nil {
		return err
	}
	err = errors.Join(r.log.CopyTo(ctx, store, step), store.Close())
	if err != nil { // also where the caller has gone
		err = errors.Join(err, pgstore.Remove(context.WithoutCancel(ctx), to.options()))
	}
	return err
}

// finishMove does what is left of a move once the ledger has opened at its
// new place: what is at the old one goes. It holds keys of cases that an erasure
// would not find.
func (r *Registry) finishMove(ctx context.Context, kept stored, store ledger.Store) error {
	if kept == (stored{}) {
		return nil
	}
	_, err := ledger.Holds(ctx, store)
	if errors.Is(err, ledger.ErrUnfinished) {
		err = ledger.Settle(ctx, store)
	}
	if err != nil {
		return err
	}
	if !kept.Left {
		return r.removeLedgerFile()
	}
	if err := pgstore.Remove(ctx, kept.Database.options()); err != nil && !errors.Is(err, ledger.ErrNone) {
		return err
	}
	return os.Remove(filepath.Join(r.dir, storeFile))
}

// removeLedgerFile takes away the ledger in the register's directory, its key
// overwritten.
func (r *Registry) removeLedgerFile() error {
	err := overwriteAndRemove(filepath.Join(r.dir, keysDir, ledgerKey+".key"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return sqlitestore.Remove(filepath.Join(r.dir, ledgerFile))
}
