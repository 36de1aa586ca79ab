// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/draft"
	"github.com/kua-registry/kua/internal/evidence"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/pgstore"
	"github.com/kua-registry/kua/internal/letter"
	"github.com/kua-registry/kua/internal/once"
	"github.com/kua-registry/kua/internal/rules"
	"github.com/kua-registry/kua/internal/seal"
)

// Options are what a register needs of the world outside.
type Options struct {
	Now      func() time.Time
	Log      *slog.Logger
	Stretch  seal.Stretch // how new passphrases are stretched; zero: seal.StandardStretch
	Least    seal.Stretch // the least a key file may ask for; zero: seal.LeastStretch
	ReadOnly bool         // open beside a process that writes, where there is one

	// Forgetting is the directory of the forgetting keys; empty: the register's
	// name with ".forgetting" after it. Never below the register's own.
	Forgetting string

	// Database is where a register that is made keeps its ledger; none: in a file
	// of its directory. One that is opened knows it.
	Database Database

	// Coalition is what a register that is made joins; nil: it stands alone. One
	// that is opened knows it.
	Coalition *JoinCoalition

	// Open opens files from outside to make copies of them; nil: none are made.
	Open Opener

	// Origin is where the pages are reached, as https://kua.example: passkeys
	// are bound to it. Empty, or with an IP address as its host: there are none.
	Origin string

	// Pack is the pack of a register that is made: whose law and bodies it knows;
	// empty: DefaultPack. One that is opened knows it.
	Pack string

	// Rulebook gives the rulebook with a pack, the same to every register that is
	// opened with these options; nil: loaded for it alone.
	Rulebook func(pack string) (*Rulebook, error)
}

func (o Options) orStandard() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Stretch == (seal.Stretch{}) {
		o.Stretch = seal.StandardStretch()
	}
	if o.Least == (seal.Stretch{}) {
		o.Least = seal.LeastStretch()
	}
	if o.Rulebook == nil {
		o.Rulebook = Rulebooks(LoadRulebook)
	}
	if o.Pack == "" {
		o.Pack = DefaultPack
	}
	return o
}

// Registry is an open register. Its methods may be called concurrently.
type Registry struct {
	dir   string
	opt   Options
	now   func() time.Time
	book  *codebook.Book
	rules *rules.Set

	letters func() (*letter.Set, error) // compiled when first asked for

	node      *seal.Identity
	vault     *seal.Vault // the node's: what it counts with and, in a house, reads
	log       *ledger.Log
	files     *evidence.Vault
	forget    *forgetKeys
	keyring   *ledger.Keyring
	index     *index.Index
	coalition *coalition   // nil: the register stands alone
	remade    string       // why the index was made anew without being asked, until Verify has said so; guarded by writing
	begun     *draft.Store // nil: another process writes
	rights    *rights

	faulty atomic.Bool       // the ledger was found altered: nothing is added to it
	behind atomic.Bool       // the index could not follow a write: it does before it is asked
	beside bool              // another process writes: nothing is written here, the index neither
	filled bool              // the ledger was filled, and the index waits for the next opening; guarded by writing
	before func(file string) // of tests: told before a key file is written or taken away, to end the program there

	sessions *access.Sessions
	passkeys *passkeys       // nil: the address of the pages can't have any
	line     *access.Line    // one stretch of a passphrase at a time
	codes    *access.Codes   // of second factors
	devices  *access.Devices // of members, by a key that only the open node can make

	opening chan struct{} // holds as many as open a file from outside: one
	shown   *shown        // copies of files of reports that members look at

	writing  writing      // held by whoever writes to a case: the index follows the ledger in its order
	last     time.Time    // of the last entry that is no line of the audit; guarded by writing
	latest   atomic.Int64 // of such an entry that was read from the ledger, in ms: another machine may have written it
	settling sync.Mutex   // held while the index takes in entries

	shared          *pgstore.Store // where the ledger is, if it is in a database and open for writing
	nodes           *nodes         // nil: this is the only machine that uses the ledger
	erasedAgain     int            // erasures that were done again when it was opened
	erasedElsewhere atomic.Bool    // the index was made anew because of an erasure, perhaps another machine's
	signing         atomic.Pointer[map[ledger.ID]ed25519.PublicKey]

	appending sync.Mutex    // held while entries are appended and handed on: so they are in the order of the ledger
	unapplied []index.Entry // on the disk, and not yet in the index; guarded by appending
	auditor   auditor
	alarmed   alarmed
	feeds     feeds
	apiKeys   apiKeys
	bell      bell
	once      *once.Store // what programs were answered; nil: another process writes
	estimates estimates
	matching  matching
	uploads   uploads
	reminding sync.Mutex    // held by whoever sends reminders
	telling   telling       // of webhooks
	kept      chan struct{} // of one: a file was kept since it was last looked
}

// FirstMember is the member a register is made with.
type FirstMember struct {
	Name, Lang, Passphrase string
}

// Unlock is what opens a register. Member is needed only where the register
// has more than a few: the id of the key file to try.
type Unlock struct {
	Passphrase string
	Member     string
}

// Create makes a register in dir, which must be new or empty, and signs its
// first member in.
func Create(ctx context.Context, dir string, who FirstMember, opt Options) (*Registry, *access.Session, error) {
	opt = opt.orStandard()
	if _, err := opt.Rulebook(opt.Pack); err != nil {
		return nil, nil, err
	}
	if err := newDir(dir); err != nil {
		return nil, nil, err
	}
	r, err := prepare(dir, opt)
	if err != nil {
		return nil, nil, err
	}
	if err := opt.Database.takes(ctx); err != nil {
		return nil, nil, fmt.Errorf("the register was not made: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, keysDir), 0o700); err != nil {
		return nil, nil, fmt.Errorf("the register can't be made: %w", err)
	}
	keys, err := r.makeKeys(who.Passphrase)
	if err != nil {
		return nil, nil, err
	}
	if opt.Database != (Database{}) {
		if err := r.keepSealed(storeFile, storeLabel, stored{Database: opt.Database}); err != nil {
			return nil, nil, err
		}
	}
	if err := r.openLedger(ctx, true); err != nil {
		return nil, nil, r.whyNot(err)
	}
	id := keys.Identity.ID()
	member := access.Member{
		ID: ledger.ID(id).String(), Name: who.Name, Lang: who.Lang,
		Roles: []access.Role{access.Coordinator, access.CaseWorker, access.Administrator},
	}
	session := r.sessions.Begin(member, keys)
	r.writing.Lock()
	acts := []act{{stream: member.ID, puts: []Put{memberPut(member, keys.Identity)}, source: "made with the register"}}
	if opt.Pack != DefaultPack { // a register that does not say is of the pack that was once the only one
		acts = append(acts, packAct(opt.Pack))
	}
	err = r.write(ctx, session, acts)
	r.writing.Unlock()
	if err != nil {
		return nil, nil, errors.Join(err, r.Close())
	}
	return r, session, nil
}

func newDir(dir string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file: a register is made in a directory that is new or empty", dir)
	}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("the register can't be made there: give a directory that this user may write to (%w)", err)
	case len(entries) > 0:
		return fmt.Errorf("%s is not empty: a register is made in a directory that is new or empty", dir)
	}
	return nil
}

// errNoRegister says that a directory is not one of a register.
var errNoRegister = errors.New("there is no " + nodeKeyFile + " in it")

// isRegister sees that dir is the directory of a register.
func isRegister(dir string) error {
	_, err := os.Stat(filepath.Join(dir, nodeKeyFile))
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("this user may not look into %s: run the program as the user whom the register belongs to, as with 'sudo -u kua kua …' (%w)", dir, err)
	}
	if err != nil {
		return fmt.Errorf("%s is not a register: %w", dir, errNoRegister)
	}
	return nil
}

// Open opens the register in dir with a member's passphrase and signs the
// member in. An index that is missing, damaged or behind is made anew or
// brought up to the ledger.
func Open(ctx context.Context, dir string, unlock Unlock, opt Options) (*Registry, *access.Session, error) {
	opt = opt.orStandard()
	if err := isRegister(dir); errors.Is(err, errNoRegister) {
		return nil, nil, fmt.Errorf("%w; 'kua init %s' makes one", err, dir)
	} else if err != nil {
		return nil, nil, err
	}
	r, err := prepare(dir, opt)
	if err != nil {
		return nil, nil, err
	}
	keys, err := r.unlock(unlock)
	if err != nil {
		return nil, nil, err
	}
	if err := r.openLedger(ctx, false); err != nil {
		return nil, nil, r.whyNot(err)
	}
	if !r.beside { // whoever opens it: a member who was ended, too
		r.writing.Lock()
		err := r.sweep(true)
		r.writing.Unlock()
		if err != nil {
			return nil, nil, errors.Join(err, r.Close())
		}
	}
	if r.nodes != nil && r.nodes.turned { // on another machine their passphrase may be another by now
		if keys, err = r.unlock(unlock); err != nil {
			return nil, nil, errors.Join(err, r.Close())
		}
	}
	member, err := r.member(ledger.ID(keys.Identity.ID()).String())
	if err != nil {
		return nil, nil, errors.Join(err, r.Close())
	}
	r.openToRecovery(keys)
	s := r.sessions.Begin(member, keys)
	r.signedIn(ctx, s, "command", commandLine, !opt.ReadOnly)
	if err := r.eraseAgain(ctx, s); err != nil {
		return nil, nil, errors.Join(err, r.Close())
	}
	return r, s, nil
}

func prepare(dir string, opt Options) (*Registry, error) {
	if opt.Now == nil {
		return nil, errors.New("registry: Options.Now is not set")
	}
	keys, err := newPasskeys(opt.Origin)
	if err != nil {
		return nil, err
	}
	r := &Registry{
		dir: dir, opt: opt, now: opt.Now, passkeys: keys,
		opening:  make(chan struct{}, 1),
		shown:    newShown(dir),
		files:    evidence.Open(filepath.Join(dir, evidenceDir)),
		sessions: access.NewSessions(opt.Now),
		line:     access.NewLine(opt.Now),
		auditor:  auditor{seen: map[string]map[string]glance{}, crowds: map[string]*crowd{}},
		codes:    access.NewCodes(opt.Now),
		uploads:  uploads{open: map[evidence.ID]*openUpload{}},
		kept:     make(chan struct{}, 1),
		apiKeys:  newAPIKeys(),
	}
	r.writing.of = r
	return r, nil
}

// openLedger opens or makes the ledger, then the index.
func (r *Registry) openLedger(ctx context.Context, create bool) error {
	if err := r.openForgetting(create); err != nil {
		return err
	}
	options := ledger.Options{Signer: r.node, HeadFile: filepath.Join(r.dir, "head"), Forgetting: r.forget.keys}
	open := ledger.Open
	if create {
		open = ledger.Create
		var err error
		if options.ID, err = r.opt.coalitionLedger(); err != nil {
			return err
		}
	}
	kept, err := r.stored()
	if err != nil {
		return err
	}
	store, err := r.openStore(ctx, kept, create, &options)
	if err != nil {
		return err
	}
	if at, ok := store.(held); ok {
		if r.shared = at.shared; kept.Node != "" {
			if err := r.openNodes(ctx, kept.Node, at.shared); err != nil {
				return errors.Join(err, store.Close())
			}
			options.Shared, options.Forgetting = true, r.forget.keys
		}
	}
	if beside, ok := store.(*pgstore.Store); ok && kept.Node != "" {
		r.nodes = r.newNodes(kept.Node, beside)
		r.nodes.looks = true
	}
	log, err := open(ctx, store, options)
	if err != nil {
		return errors.Join(r.whyForgotten(err), store.Close())
	}
	r.log = log
	if !r.beside {
		if err := r.finishMove(ctx, kept, store); err != nil {
			r.opt.Log.Warn("the ledger has moved, but what was left at its old place could not be taken away; the next opening tries again", slog.Any("error", err))
		}
	}
	if err := r.openPlace(); err != nil {
		r.opt.Log.Error("the bucket of the sealed files can't be used, so that those in it can't be read: set it up anew", slog.String("type", fmt.Sprintf("%T", err)))
	}
	r.devices = access.NewDevices(r.nodeKey("kua/device key/v1"))
	if err := errors.Join(r.openDrafts(), r.openOnce()); err != nil {
		return errors.Join(err, log.Close())
	}
	if !r.beside {
		if err := r.turnForgetting(ctx, false); err != nil {
			return errors.Join(err, r.begun.Close(), r.once.Close(), log.Close())
		}
	}
	r.keyring = log.Keyring(r.vault)
	if err := r.openCoalition(ctx, create); err != nil {
		return errors.Join(err, r.begun.Close(), r.once.Close(), log.Close())
	}
	if err := r.openRights(ctx); err != nil {
		return errors.Join(err, r.begun.Close(), r.once.Close(), log.Close())
	}
	pack := r.rights.pack
	if create {
		pack = r.opt.Pack
	}
	if err := r.openBook(pack); err != nil {
		return errors.Join(err, r.begun.Close(), r.once.Close(), log.Close())
	}
	if err := r.openIndex(ctx); err != nil {
		return errors.Join(err, r.begun.Close(), r.once.Close(), log.Close())
	}
	if err := r.finishIntake(ctx); err != nil {
		return errors.Join(err, r.Close())
	}
	if !r.beside {
		r.sweepShown()
		if err := errors.Join(r.settleFiles(ctx), r.asked(ctx, func() error { return r.dropErased(ctx) })); err != nil {
			return errors.Join(err, r.Close())
		}
	}
	stats, err := r.stats(ctx)
	if err != nil {
		return errors.Join(err, r.Close())
	}
	r.last = stats.Latest
	return nil
}

// Close ends all sessions and closes the register.
func (r *Registry) Close() error {
	r.sessions.EndAll()
	r.apiKeys.endAll()
	r.closeUploads(func(*openUpload) bool { return true })
	if r.rights != nil && r.log != nil {
		r.finishAudit(context.Background())
	}
	if n := r.nodes; n != nil { // what is being taken over is, and then nothing more: nobody may be waiting for it
		n.mu.Lock()
		n.closed = true
		n.mu.Unlock()
	}
	r.writing.LockHere()
	defer r.writing.Unlock()
	errs := []error{r.shown.clear()}
	if r.rights != nil && r.log != nil {
		if r.index != nil && !r.beside && !r.filled {
			if err := r.settle(context.Background()); err != nil {
				r.opt.Log.Warn("the index could not follow the ledger; it will at the next opening", slog.String("type", fmt.Sprintf("%T", err)))
			}
		}
		r.keepRights()
	}
	if r.index != nil {
		errs = append(errs, r.index.Close())
	}
	if r.begun != nil {
		errs = append(errs, r.begun.Close())
	}
	errs = append(errs, r.once.Close())
	errs = append(errs, r.closeCoalition())
	if r.log != nil {
		errs = append(errs, r.log.Close())
	}
	return errors.Join(errs...)
}

// Info says what this register is.
func (r *Registry) Info(ctx context.Context, s *access.Session) (Info, error) {
	may := func(a access.Action) bool { return access.Decide(s.Member, a, access.Thing{}) }
	counts := may(access.Count)
	if !counts && !may(access.Administer) && !may(access.Recover) && !s.Member.Is(access.Intake) { // they must find their way to the inbox
		return Info{}, ErrNotAllowed
	}
	stats, err := r.index.Stats(ctx, allKnown, r.knows(s.Member))
	if err != nil {
		return Info{}, err
	}
	if !counts { // how many cases there are is not an office's to know
		stats.Cases, stats.Units = 0, 0
	}
	orgs, err := r.organisations(ctx, allKnown)
	if err != nil {
		return Info{}, err
	}
	size, root, err := r.counted(ctx)
	if err != nil {
		return Info{}, err
	}
	return Info{
		Counts: counts, Cases: stats.Cases, Units: stats.Units, Latest: stats.Latest,
		Entries: size, Format: ledger.Format, Root: root.String(), Ledger: r.log.ID().String(),
		Organisations: len(orgs), Members: len(r.roll().Members),
	}, nil
}

// Extent names the state of the register that is counted from: how many entries
// of the ledger, and the root hash of its tree at that size, hex. It stands on
// what is printed, so that it can be said later what a paper was of.
func (r *Registry) Extent(ctx context.Context, s *access.Session) (entries uint64, root string, err error) {
	if !access.Decide(s.Member, access.Count, access.Thing{}) {
		return 0, "", ErrNotAllowed
	}
	size, hash, err := r.counted(ctx)
	return size, hash.String(), err
}

// Stats says how much the register holds.
func (r *Registry) Stats(ctx context.Context, s *access.Session) (Stats, error) {
	if !access.Decide(s.Member, access.Count, access.Thing{}) {
		return Stats{}, ErrNotAllowed
	}
	return r.index.Stats(ctx, allKnown, r.knows(s.Member))
}

// CoalitionSaid is what the coalition's own statement said, by the id of the
// figure it stands beside.
func (r *Registry) CoalitionSaid(ctx context.Context, s *access.Session) (map[string]int, error) {
	if !access.Decide(s.Member, access.Count, access.Thing{}) {
		return nil, ErrNotAllowed
	}
	records, err := r.outside(ctx, "official_figure", Clock{AsOf: r.Today()})
	if err != nil {
		return nil, err
	}
	said := map[string]int{}
	for _, rec := range records {
		if first(rec.Fields["by_body"]) != "coalition" {
			continue
		}
		var n int
		if _, err := fmt.Sscan(first(rec.Fields["value"]), &n); err == nil {
			said[first(rec.Fields["beside"])] = n
		}
	}
	return said, nil
}

// memberPut is the record of a member.
func memberPut(m access.Member, id *seal.Identity) Put {
	roles := make([]string, len(m.Roles))
	for i, role := range m.Roles {
		roles[i] = string(role)
	}
	return Put{Record: m.ID, Kind: "member", Fields: casefile.Fields{
		"name": {m.Name}, "lang": {m.Lang}, "org": m.Orgs, "roles": roles,
		"sign_key": {fmt.Sprintf("%x", id.Public().Signing())},
	}}
}
