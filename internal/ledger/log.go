// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/mod/sumdb/note"

	"github.com/kua-registry/kua/internal/seal"
)

// Options say how a ledger is opened.
type Options struct {
	// Signer signs the checkpoints; nil opens for reading only.
	Signer *seal.Identity
	// Verifier checks the checkpoints; not needed where there is a Signer.
	Verifier ed25519.PublicKey
	// HeadFile is where the newest checkpoint is kept outside the store.
	HeadFile string
	// TrustStore goes on from the store where the head file is missing,
	// newer or of another history: only after a restore from a backup.
	TrustStore bool
	// Shared says that other nodes of the same identity append to the store, too:
	// what they have appended is taken over before the own is.
	Shared bool
	// Replica says that the ledger is a copy of one that Verifier signs: it takes
	// over entries with their checkpoints (Log.Take), and signs none.
	Replica bool
	// ID is what a ledger that is made is called; zero: drawn. Entries of a
	// coalition are of one ledger, wherever they are kept.
	ID ID
	// Forgetting are the forgetting keys, the newest last: wrapped keys are
	// wrapped once more under it. None: they are kept as they are, and a store
	// where they are not can't be opened (ErrForgetKey).
	Forgetting []*seal.ForgetKey
}

// Head is a state of the ledger.
type Head struct {
	Ledger     ID
	Size       uint64 // entries
	Root       Hash
	Checkpoint []byte // signed; nil for a ledger without entries
}

// Batch is what is appended together or not at all.
type Batch struct {
	Entries []Entry
	Keys    []WrappedKey
}

// ConflictError says that a stream already has the version that was to be
// appended, or not yet the one before: read it again, then try again.
type ConflictError struct {
	Stream    ID
	Last, Got uint64
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("stream %v is at version %d, version %d can't be added: somebody else wrote to it; read it again and try again", e.Stream, e.Last, e.Got)
}

// Is makes errors.Is(err, ErrConflict) true.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

var (
	// ErrConflict is what every ConflictError is.
	ErrConflict = errors.New("somebody else wrote to the same stream")
	// ErrUnknown says that an append failed and it can't be told whether it
	// was kept: read the stream again before you try again.
	ErrUnknown = errors.New("it is not known whether the write was kept: read again before you try again")
	// ErrRolledBack says that the store is older than a checkpoint seen before.
	ErrRolledBack = errors.New("the ledger is older than it was: an old database was put back; put the newest one in its place, or restore it from a backup")
	// ErrForked says that the store has another history than a checkpoint seen before.
	ErrForked = errors.New("the ledger has another history than it had: its database was replaced; put the right one in its place")
	// ErrNoHead says that the head file is missing.
	ErrNoHead = errors.New("the head file is missing, so it can't be told whether the ledger is the newest; put it back, or restore the register from a backup")
	// ErrAltered says that the store does not hold what was signed.
	ErrAltered = errors.New("the ledger was altered: see kua verify")
	// ErrExists says that the store already holds a ledger.
	ErrExists = errors.New("there is a ledger already")
	// ErrNone says that the store holds no ledger.
	ErrNone = errors.New("there is no ledger")
	// ErrReadOnly says that the ledger was opened for reading only.
	ErrReadOnly = errors.New("the ledger is open for reading only")
	// ErrClosed says that the log was closed.
	ErrClosed = errors.New("the ledger is closed")
)

const metaLedger = "ledger" // the ledger's id, 16 bytes

// cachedStreams bounds how many last versions of streams are kept in memory.
const cachedStreams = 1 << 16

// yields is how often a leader lets others run before it takes the queue, when
// the last write had several batches.
const yields = 4

// turns is how often a write is tried again because another node turned the
// forgetting key meanwhile, which it does once a month.
const turns = 3

// Log is an open ledger. Its methods may be called concurrently.
//
// Many writers share one write to the disk: the first one leads, the others
// queue up meanwhile; then the first of them leads, and takes all along. One
// writer alone waits for nobody.
type Log struct {
	id      ID
	store   Store
	signer  *noteSigner // nil: reading only
	key     ed25519.PublicKey
	path    string // of the head file
	shared  bool
	replica bool
	seen    Head // the head file's, when it was opened
	head    atomic.Pointer[Head]

	forgetting atomic.Pointer[forgetting] // nil: wrapped keys are kept as they are

	queueing sync.Mutex
	queue    []*request
	leading  bool // somebody commits, and will look at the queue again

	commit   sync.Mutex // all below is of the goroutine that holds it
	crowd    int        // batches in the last write
	file     *headFile
	tree     tree
	versions map[ID]uint64 // last versions of streams, as far as known
	doubt    *attempt      // a write of which it is not known whether it was kept
	broken   error         // why nothing can be appended any more
}

// request is a batch in the queue.
type request struct {
	rows []Row // without position
	keys []WrappedKey

	wake  chan struct{} // closed when it was dealt with; a value: lead
	first uint64
	err   error
}

// attempt is what the state is once a write is known to be kept.
type attempt struct {
	tree tree
	head Head
}

// Create makes a new ledger in an empty store.
func Create(ctx context.Context, store Store, o Options) (*Log, error) {
	if o.Signer == nil || o.HeadFile == "" {
		return nil, errors.New("a new ledger needs who signs its checkpoints, and a head file")
	}
	id := o.ID
	if id.IsZero() {
		id = NewID()
	}
	l, err := newLog(id, store, o)
	if err != nil {
		return nil, err
	}
	first, err := l.sign(&l.tree)
	if err != nil {
		return nil, err
	}
	if err := l.begin(ctx, first); err != nil {
		return nil, err
	}
	return l, nil
}

// begin makes the head file and names the ledger in a store that must be empty.
func (l *Log) begin(ctx context.Context, first Head) error {
	old, err := l.store.Meta(ctx, metaLedger)
	if err != nil {
		return fmt.Errorf("the ledger: %w", err)
	}
	size, _, err := l.store.Head(ctx)
	if err != nil {
		return fmt.Errorf("the ledger: %w", err)
	}
	if old != nil || size > 0 {
		return ErrExists
	}
	if l.file, err = createHeadFile(l.path, first.Checkpoint); err != nil {
		return fmt.Errorf("the head file: %w", err)
	}
	if f := l.forgetting.Load(); f != nil {
		newest := f.newest.ID()
		err = l.store.SetMeta(ctx, MetaForgetting, newest[:])
	}
	if err == nil {
		err = l.store.SetMeta(ctx, metaLedger, l.id[:])
	}
	if err != nil {
		return errors.Join(fmt.Errorf("the ledger: %w", err), l.file.close(false))
	}
	l.seen = first
	return nil
}

// writes tells whether the log writes to its store.
func (l *Log) writes() bool { return l.signer != nil || l.replica }

// Open opens the ledger of a store, after it has checked that the store's
// head is what was signed and not older than the head file's.
func Open(ctx context.Context, store Store, o Options) (*Log, error) {
	meta, err := store.Meta(ctx, metaLedger)
	if err != nil {
		return nil, fmt.Errorf("the ledger: %w", err)
	}
	if len(meta) != len(ID{}) {
		return nil, ErrNone
	}
	l, err := newLog(ID(meta), store, o)
	if err != nil {
		return nil, err
	}
	if err := l.openForgetting(ctx); err != nil {
		return nil, err
	}
	// The head file first: what is read of the store after it can only be newer.
	l.file, err = openHeadFile(o.HeadFile, l.writes())
	switch {
	case err == nil:
		l.seen, err = l.file.read(l.key)
		if err != nil {
			err = fmt.Errorf("the head file can't be used: %w", err)
		}
	case errors.Is(err, fs.ErrNotExist):
		err = ErrNoHead
	}
	if err == nil {
		err = l.load(ctx)
	}
	if err == nil {
		err = l.compare(ctx)
	}
	trusted := o.TrustStore && (errors.Is(err, ErrNoHead) || errors.Is(err, ErrRolledBack) || errors.Is(err, ErrForked))
	if trusted && l.signer != nil {
		err = l.trust(ctx, o.HeadFile)
	}
	if err != nil {
		if l.file != nil {
			err = errors.Join(err, l.file.close(false))
		}
		return nil, err
	}
	return l, nil
}

func newLog(id ID, store Store, o Options) (*Log, error) {
	l := &Log{id: id, store: store, key: o.Verifier, path: o.HeadFile, shared: o.Shared, replica: o.Replica && o.Signer == nil, versions: map[ID]uint64{}}
	if o.Signer != nil {
		l.key = o.Signer.Public().Signing()
	}
	verifier, err := CheckpointVerifier(id, l.key)
	if err != nil {
		return nil, fmt.Errorf("who signs the checkpoints: %w", err)
	}
	if o.Signer != nil {
		l.signer = &noteSigner{verifier, o.Signer}
	}
	l.forgetting.Store(newForgetting(o.Forgetting))
	l.head.Store(&Head{Ledger: id, Root: l.tree.root()})
	return l, nil
}

// load reads the state of the store and checks it against its signed checkpoint.
func (l *Log) load(ctx context.Context) error {
	size, checkpoint, err := l.store.Head(ctx)
	if err != nil {
		return fmt.Errorf("the ledger: %w", err)
	}
	is, err := l.state(ctx, size, checkpoint)
	if err != nil {
		return err
	}
	l.tree = is.tree
	l.head.Store(&is.head)
	return nil
}

// state is that of the entries which the store holds up to a size, as the signed
// checkpoint that is kept with the last of them says.
func (l *Log) state(ctx context.Context, size uint64, checkpoint []byte) (*attempt, error) {
	t, err := loadTree(ctx, l.store, size)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAltered, err)
	}
	head := Head{Ledger: l.id, Root: t.root()}
	if size > 0 {
		if head, err = ParseCheckpoint(checkpoint, l.key); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrAltered, err)
		}
		if head.Ledger != l.id || head.Size != size || head.Root != t.root() {
			return nil, fmt.Errorf("%w: the newest checkpoint is of %d entries of ledger %v, and not of the %d that are there", ErrAltered, head.Size, head.Ledger, size)
		}
	}
	return &attempt{t, head}, nil
}

// Follow takes over what other nodes have appended to a shared store, and
// answers the state that the ledger then has. It refuses a store that is older
// than what was seen of it, or that has another history.
func (l *Log) Follow(ctx context.Context) (Head, error) {
	l.commit.Lock()
	defer l.commit.Unlock()
	if err := l.ready(ctx); err != nil {
		return l.Head(), err
	}
	_, err := l.follow(ctx)
	return l.Head(), err
}

// goesOn bounds how many entries a ledger follows one by one; more are followed
// by the roots of their subtrees.
const goesOn = 1024

// onward is the state of a store that has a few more entries than the log, made
// of what the log knows and of theirs: so it goes through what was seen. nil
// where it can't be told that way.
func (l *Log) onward(ctx context.Context, size uint64, checkpoint []byte) (*attempt, error) {
	if size <= l.tree.size || size-l.tree.size > goesOn {
		return nil, nil
	}
	t, whole := l.tree, true
	err := l.store.Scan(ctx, t.size, size, func(r Row) error {
		if whole = whole && r.Pos == t.size && len(r.Hashes) >= len(Hash{}); whole {
			whole = bytes.Equal(t.add(Hash(r.Hashes)), r.Hashes)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("the ledger: %w", err)
	}
	head, err := ParseCheckpoint(checkpoint, l.key)
	if err != nil || !whole || t.size != size || head.Ledger != l.id || head.Size != size || head.Root != t.root() {
		return nil, nil //nolint:nilerr // what is wrong is said by who looks at all of it
	}
	return &attempt{t, head}, nil
}

// follow answers whether there was something to take over. Called with commit held.
func (l *Log) follow(ctx context.Context) (bool, error) {
	size, checkpoint, err := l.store.Head(ctx)
	if err != nil {
		return false, fmt.Errorf("the ledger: %w", err)
	}
	if is, err := l.onward(ctx, size, checkpoint); err != nil {
		return false, err
	} else if is != nil {
		clear(l.versions)
		l.adopt(is)
		return true, l.broken
	}
	is, err := l.state(ctx, size, checkpoint)
	if err != nil {
		return false, err
	}
	now := l.head.Load()
	if is.head.Size == now.Size && is.head.Root == now.Root {
		return false, nil
	}
	if is.head.Size < now.Size {
		l.broken = fmt.Errorf("it has %d entries and had %d: %w", is.head.Size, now.Size, ErrRolledBack)
		return false, l.broken
	}
	if same, err := l.Had(ctx, now.Size, now.Root); err != nil || !same {
		if err == nil {
			l.broken = ErrForked
			err = ErrForked
		}
		return false, err
	}
	clear(l.versions)
	l.adopt(is)
	return true, l.broken
}

// compare refuses a store older than, or other than, what the head file has seen.
func (l *Log) compare(ctx context.Context) error {
	switch {
	case l.seen.Ledger != l.id:
		return fmt.Errorf("the head file is of ledger %v, this is %v: %w", l.seen.Ledger, l.id, ErrForked)
	case l.seen.Size > l.tree.size:
		return fmt.Errorf("it has %d entries and had %d: %w", l.tree.size, l.seen.Size, ErrRolledBack)
	}
	same, err := l.Had(ctx, l.seen.Size, l.seen.Root)
	if err == nil && !same {
		err = ErrForked
	}
	return err
}

// trust makes the store's state the newest seen.
func (l *Log) trust(ctx context.Context, path string) (err error) {
	if err := l.load(ctx); err != nil {
		return err
	}
	if l.file != nil {
		if err := l.file.close(false); err != nil {
			return err
		}
	}
	if l.seen, err = l.sign(&l.tree); err != nil {
		return err
	}
	if l.file, err = createHeadFile(path, l.seen.Checkpoint); err != nil {
		return fmt.Errorf("the head file: %w", err)
	}
	return nil
}

// sign makes the head of a tree.
func (l *Log) sign(t *tree) (Head, error) {
	head := Head{Ledger: l.id, Size: t.size, Root: t.root()}
	var err error
	head.Checkpoint, err = note.Sign(&note.Note{Text: checkpointText(l.id, head.Size, head.Root)}, l.signer)
	if err != nil {
		return Head{}, fmt.Errorf("signing a checkpoint: %w", err)
	}
	return head, nil
}

// ID is the ledger's id.
func (l *Log) ID() ID { return l.id }

// Head is the state of the ledger; all that it stands for is on the disk.
func (l *Log) Head() Head { return *l.head.Load() }

// Append adds a batch and answers the position of its first entry once all of
// it is on the disk. Its entries stand one after the other.
// The context counts until the batch is queued; then it is too late.
func (l *Log) Append(ctx context.Context, b Batch) (first uint64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	r, err := l.request(b)
	if err != nil {
		return 0, err
	}
	l.queueing.Lock()
	l.queue = append(l.queue, r)
	lead := !l.leading
	l.leading = true
	l.queueing.Unlock()
	if !lead {
		_, lead = <-r.wake
	}
	if lead {
		l.lead(context.WithoutCancel(ctx))
	}
	return r.first, r.err
}

// lead commits what has queued, the leader's own batch among it, and hands the
// lead on if more has come.
func (l *Log) lead(ctx context.Context) {
	l.commit.Lock()
	if l.crowd > 1 {
		// Those whose batches were in the last write are awake by now and may
		// be about to queue again: let them, it takes a hundredth of a write.
		for range yields {
			runtime.Gosched()
		}
	}
	l.queueing.Lock()
	group := l.queue
	l.queue = nil
	l.queueing.Unlock()

	l.crowd = len(group)
	l.commitGroup(ctx, group)
	l.commit.Unlock()

	l.queueing.Lock()
	l.leading = len(l.queue) > 0
	if l.leading {
		l.queue[0].wake <- struct{}{}
	}
	l.queueing.Unlock()
	for _, r := range group {
		close(r.wake)
	}
}

// request checks a batch and hashes its entries, while others commit.
func (l *Log) request(b Batch) (*request, error) {
	if l.signer == nil {
		return nil, ErrReadOnly
	}
	if len(b.Entries) == 0 {
		return nil, errors.New("a batch without an entry")
	}
	r := &request{rows: make([]Row, len(b.Entries)), keys: b.Keys, wake: make(chan struct{}, 1)}
	for i, e := range b.Entries {
		e, err := Decode(e.Sealed)
		if err != nil {
			return nil, err
		}
		if e.Header.Ledger != l.id {
			return nil, fmt.Errorf("an entry of ledger %v can't be added to ledger %v", e.Header.Ledger, l.id)
		}
		leaf := e.Hash()
		r.rows[i] = Row{Stream: e.Header.Stream, Version: e.Header.Version, Sealed: e.Sealed, Hashes: leaf[:]}
	}
	return r, checkKeys(b.Keys)
}

func checkKeys(keys []WrappedKey) error {
	for _, k := range keys {
		if k.Stream.IsZero() || k.Holder.IsZero() || k.Part == 0 || k.Epoch == 0 || len(k.Wrapped) == 0 {
			return errors.New("a wrapped key needs its stream, part, epoch and holder")
		}
	}
	return nil
}

// commitGroup commits the batches that fit, in one write. Called with commit held.
func (l *Log) commitGroup(ctx context.Context, group []*request) {
	err := l.ready(ctx)
	for lookUp, turned := false, 0; err == nil; {
		// A stream not heard of is taken for a new one, which spares looking it
		// up; the store knows better.
		err = l.try(ctx, group, lookUp)
		switch {
		case err == nil:
			return
		case errors.Is(err, ErrVersion) && !lookUp:
			lookUp, err = true, nil
		case errors.Is(err, ErrTurned) && turned < turns:
			turned++
			err = l.turned(ctx)
		case errors.Is(err, ErrSize) && l.shared:
			// Another node was faster. It can't be for ever: each time one has written.
			var came bool
			if came, err = l.follow(ctx); err == nil && !came {
				err = ErrSize
			}
			lookUp = true
		}
	}
	if err != nil {
		clear(l.versions)
		for _, r := range group {
			if r.err == nil {
				r.err = err
			}
		}
	}
}

// try commits the batches of a group that fit. It answers why those that fit
// were not written, or may not have been. Called with commit held.
func (l *Log) try(ctx context.Context, group []*request, lookUp bool) error {
	next := l.tree
	var rows []Row
	var keys []WrappedKey
	for _, r := range group {
		if r.err = l.reserve(ctx, r.rows, lookUp); errors.Is(r.err, ErrSize) {
			return ErrSize
		}
		if r.err != nil {
			continue
		}
		r.first = next.size
		for _, row := range r.rows {
			row.Pos = next.size
			row.Hashes = next.add(Hash(row.Hashes))
			rows = append(rows, row)
		}
		keys = append(keys, r.keys...)
	}
	if len(rows) == 0 {
		return nil
	}
	head, err := l.sign(&next)
	if err != nil {
		return err
	}
	if keys, err = l.cover(keys); err != nil {
		return err
	}
	err = l.store.Append(ctx, l.tree.size, rows, keys, head.Checkpoint)
	switch {
	case err == nil:
		l.adopt(&attempt{next, head})
		return nil
	case errors.Is(err, ErrVersion), errors.Is(err, ErrTurned), errors.Is(err, ErrSize) && l.shared:
		clear(l.versions)
		return err
	case errors.Is(err, ErrNothing):
		return fmt.Errorf("writing to the ledger: %w", err)
	}
	return l.inDoubt(ctx, &attempt{next, head}, err)
}

// inDoubt finds out what became of a write that answered err: nil where it was
// kept all the same. Called with commit held.
func (l *Log) inDoubt(ctx context.Context, a *attempt, err error) error {
	l.doubt = a
	kept, unsure := l.resolve(ctx)
	if kept {
		return nil
	}
	return fmt.Errorf("writing to the ledger: %w", errors.Join(err, unsure))
}

// reserve checks that rows are the next versions of their streams, and counts
// them as written. Called with commit held.
func (l *Log) reserve(ctx context.Context, rows []Row, lookUp bool) error {
	if len(l.versions) > cachedStreams {
		clear(l.versions)
	}
	was := map[ID]uint64{}
	for _, row := range rows {
		last, ok := l.versions[row.Stream]
		if !ok && (lookUp || row.Version > 1) {
			var err error
			if last, _, err = l.store.Last(ctx, row.Stream); err != nil {
				return fmt.Errorf("reading the ledger: %w", err)
			}
		}
		if _, ok := was[row.Stream]; !ok {
			was[row.Stream] = last
		}
		if row.Version != last+1 {
			if l.shared && ok {
				// Another node may have written what this one has not taken over.
				switch now, _, err := l.store.Last(ctx, row.Stream); {
				case err != nil:
					return fmt.Errorf("reading the ledger: %w", err)
				case now > last:
					return ErrSize
				}
			}
			for stream, version := range was {
				l.versions[stream] = version
			}
			return &ConflictError{Stream: row.Stream, Last: was[row.Stream], Got: row.Version}
		}
		l.versions[row.Stream] = row.Version
	}
	return nil
}

// ready settles what is in doubt. Called with commit held.
func (l *Log) ready(ctx context.Context) error {
	if l.broken == nil && l.doubt != nil {
		if _, err := l.resolve(ctx); err != nil {
			return err
		}
	}
	return l.broken
}

// resolve reads the store again and decides whether the write in doubt was
// kept. Called with commit held.
func (l *Log) resolve(ctx context.Context) (kept bool, err error) {
	size, checkpoint, err := l.store.Head(ctx)
	if err != nil {
		return false, fmt.Errorf("%w (%w)", ErrUnknown, err)
	}
	now := l.head.Load()
	switch {
	case size == l.doubt.head.Size && bytes.Equal(checkpoint, l.doubt.head.Checkpoint):
		l.adopt(l.doubt)
		kept = true
	case size == now.Size && bytes.Equal(checkpoint, now.Checkpoint):
	case l.shared: // another node has written since, after it or in its place
		doubt := l.doubt.head
		if _, err := l.follow(ctx); err != nil {
			return false, fmt.Errorf("%w (%w)", ErrUnknown, err)
		}
		if size >= doubt.Size {
			if kept, err = l.Had(ctx, doubt.Size, doubt.Root); err != nil {
				return false, fmt.Errorf("%w (%w)", ErrUnknown, err)
			}
		}
	default:
		l.broken = ErrSize
		return false, fmt.Errorf("%w: %w", ErrUnknown, ErrSize)
	}
	l.doubt = nil
	return kept, nil
}

// adopt takes a state over that is on the disk. Called with commit held.
func (l *Log) adopt(a *attempt) {
	l.tree = a.tree
	l.head.Store(&a.head)
	if err := l.file.write(a.head.Checkpoint); err != nil {
		// What was written is safe; but an older database could now be put back unseen.
		l.broken = fmt.Errorf("the head file can't be written, nothing more is taken until it can: %w", err)
	}
}

// Last gives the last version of a stream and its leaf hash: version 0 if
// there is none.
func (l *Log) Last(ctx context.Context, stream ID) (version uint64, leaf Hash, err error) {
	version, leaf, err = l.store.Last(ctx, stream)
	if err != nil {
		err = fmt.Errorf("reading the ledger: %w", err)
	}
	return version, leaf, err
}

// AddKeys adds wrapped keys to streams that exist: a grant, a re-wrapping.
func (l *Log) AddKeys(ctx context.Context, keys []WrappedKey) error {
	if !l.writes() {
		return ErrReadOnly
	}
	if err := checkKeys(keys); err != nil {
		return err
	}
	l.commit.Lock()
	defer l.commit.Unlock()
	for turned := 0; ; turned++ {
		covered, err := l.cover(keys)
		if err == nil {
			err = l.store.AddKeys(ctx, covered)
		}
		if errors.Is(err, ErrTurned) && turned < turns {
			if err = l.turned(ctx); err == nil {
				continue
			}
		}
		if err != nil {
			return fmt.Errorf("writing to the ledger: %w", err)
		}
		return nil
	}
}

// Forget removes the wrapped keys that match one of which, where zero matches
// everything; Stream must be set. Close keyrings that may hold them.
func (l *Log) Forget(ctx context.Context, which ...WrappedKey) error {
	if !l.writes() {
		return ErrReadOnly
	}
	for _, w := range which {
		if w.Stream.IsZero() {
			return errors.New("to forget keys, say of which stream")
		}
	}
	if err := l.store.Forget(ctx, which...); err != nil {
		return fmt.Errorf("writing to the ledger: %w", err)
	}
	return nil
}

// Close waits for the write under way, then closes the log and its store.
func (l *Log) Close() error {
	l.commit.Lock()
	defer l.commit.Unlock()
	if errors.Is(l.broken, ErrClosed) {
		return nil
	}
	l.broken = ErrClosed
	return errors.Join(l.file.close(l.writes()), l.store.Close())
}
