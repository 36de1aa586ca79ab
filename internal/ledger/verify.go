// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"

	"github.com/kua-registry/kua/internal/seal"
)

// Report is what Verify found.
type Report struct {
	Head    Head
	Entries uint64 // found whole, before the fault if there is one
	Opened  uint64 // of them opened, with the signature of their author checked
	Streams int
	Keys    int    // wrapped keys
	Foreign int    // of them for vaults that are not at hand, so not checked
	Fault   *Fault // the first fault; nil: none
}

// String is the report in one line.
func (r Report) String() string {
	if r.Fault != nil {
		return r.Fault.String()
	}
	return fmt.Sprintf("%d entries in %d streams are whole, %d of them opened and their signatures checked; %d wrapped keys, %d of them for others; root %v",
		r.Entries, r.Streams, r.Opened, r.Keys, r.Foreign, r.Head.Root)
}

// Fault is what is wrong, and where.
type Fault struct {
	Pos   uint64 // of the first bad entry
	AtPos bool   // whether that is known
	What  string
}

func (f *Fault) String() string {
	if f.AtPos {
		return fmt.Sprintf("entry %d: %s", f.Pos, f.What)
	}
	return f.What
}

// VerifyOptions say how deep Verify looks.
type VerifyOptions struct {
	// Vaults open the entries. Without them, only what is sealed is checked:
	// enough to find any change since the checkpoint was signed, but not who
	// wrote an entry, nor a wrapped key.
	Vaults []*seal.Vault
	// Author gives the public keys of authors; needed with Vaults.
	Author func(ID) (ed25519.PublicKey, bool)
	// MayLack tells whether the key of a part of a case, of an epoch, was never
	// granted or was destroyed. Nil: no key may be missing. It is called
	// concurrently.
	MayLack func(stream ID, part seal.Part, epoch uint32) bool
	// Checked says what was opened before, with the signatures of its authors: of
	// it they and the form are not checked a second time, but that it is the same.
	Checked Checked
	// Progress is told how far it is; may be nil.
	Progress func(done, of uint64)
}

// Verify checks the whole ledger of a store, even of one that can't be opened
// any more: the header and leaf of every entry, versions without a gap, the
// tree, the checkpoints, the head file, the store's own consistency and, with
// vaults, every part, author and wrapped key. What it finds is in the report;
// an error says that it could not look. Others may append meanwhile.
func Verify(ctx context.Context, store Store, o Options, how VerifyOptions) (Report, error) {
	meta, err := store.Meta(ctx, metaLedger)
	if err != nil {
		return Report{}, fmt.Errorf("the ledger: %w", err)
	}
	if len(meta) != len(ID{}) {
		return Report{}, ErrNone
	}
	l, err := newLog(ID(meta), store, o)
	if err != nil {
		return Report{}, err
	}
	return verify(ctx, l, how)
}

func verify(ctx context.Context, l *Log, how VerifyOptions) (Report, error) {
	v := &verifier{log: l, how: how, streams: map[ID]streamState{}}
	v.report.Head = l.Head()
	if len(how.Vaults) > 0 {
		v.opener = &Opener{Keys: l.Keyring(how.Vaults...).Keys, Author: how.Author}
	}
	err := v.run(ctx)
	var fault *faultError
	if errors.As(err, &fault) {
		v.report.Fault, err = (*Fault)(fault), nil
	}
	v.report.Streams = len(v.streams)
	return v.report, err
}

// Verify is the function Verify for an open ledger.
func (l *Log) Verify(ctx context.Context, how VerifyOptions) (Report, error) {
	v, err := newLog(l.id, l.store, Options{Verifier: l.key, HeadFile: l.path})
	if err != nil {
		return Report{}, err
	}
	v.forgetting.Store(l.forgetting.Load())
	return verify(ctx, v, how)
}

// faultError is a fault that ends a scan.
type faultError Fault

func (f *faultError) Error() string { return (*Fault)(f).String() }

type verifier struct {
	log     *Log
	how     VerifyOptions
	opener  *Opener // nil: entries stay sealed
	report  Report
	size    uint64
	seen    Head // the head file's
	tree    tree
	streams map[ID]streamState
	pending []pendingRow
	bytes   int // of pending
}

type streamState struct {
	version uint64
	leaf    Hash
}

// pendingRow is a row that was read and waits to be looked at.
type pendingRow struct {
	Row
	leaf    Hash
	head    Head // of its checkpoint, if it has one
	content Content
	opened  bool
	fault   string // what is wrong with it by itself
}

var errGap = errors.New("entries are missing")

func (v *verifier) run(ctx context.Context) error {
	// The head file first: what is read of the store after it can only be newer.
	headFault := v.readHeadFile()
	var err error
	if v.size, _, err = v.log.store.Head(ctx); err != nil {
		return fmt.Errorf("the ledger: %w", err)
	}
	next := uint64(0)
	err = v.log.store.Scan(ctx, 0, v.size, func(r Row) error {
		if r.Pos != next {
			return errGap
		}
		next++
		r.Sealed, r.Hashes, r.Checkpoint = bytes.Clone(r.Sealed), bytes.Clone(r.Hashes), bytes.Clone(r.Checkpoint)
		v.pending = append(v.pending, pendingRow{Row: r})
		if v.bytes += len(r.Sealed); len(v.pending) < chunkRows && v.bytes < chunkBytes {
			return nil
		}
		return v.flush()
	})
	var fault *faultError
	if errors.As(err, &fault) {
		return fault
	}
	if err := v.flush(); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !errors.Is(err, errGap):
		return &faultError{next, true, "it can't be read: " + err.Error()}
	case next < v.size:
		return &faultError{next, true, "it is missing"}
	case v.size > 0 && v.report.Head.Size != v.size:
		return &faultError{v.size - 1, true, "it is the last one and has no checkpoint: entries after it were cut off"}
	case v.size < v.seen.Size:
		return &faultError{v.size, true, fmt.Sprintf("it is missing: the head file has seen %d entries, the database has %d: an older one was put back; put the newest in its place, or restore it from a backup", v.seen.Size, v.size)}
	}
	if headFault != nil {
		return headFault
	}
	if v.size < v.how.Checked.Size {
		return &faultError{v.size, true, "it is missing, and was opened before"}
	}
	if err := v.keys(ctx); err != nil {
		return err
	}
	if err := v.log.store.Check(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &faultError{What: err.Error()}
	}
	return nil
}

// readHeadFile reads what the head file has seen.
func (v *verifier) readHeadFile() error {
	file, err := openHeadFile(v.log.path, false)
	if errors.Is(err, fs.ErrNotExist) {
		return &faultError{What: ErrNoHead.Error()}
	}
	if err != nil {
		return &faultError{What: "the head file can't be read: " + err.Error()}
	}
	v.seen, err = file.read(v.log.key)
	if err := errors.Join(err, file.close(false)); err != nil {
		return &faultError{What: "the head file: " + err.Error()}
	}
	if v.seen.Ledger != v.log.id {
		return &faultError{What: "the head file is of another ledger"}
	}
	return nil
}

// flush looks at the pending rows: each by itself on all processors, then in their order.
func (v *verifier) flush() error {
	rows := v.pending
	v.pending, v.bytes = nil, 0
	_ = parallel(len(rows), func(i int) error { // faults are kept with the rows
		rows[i].fault = v.alone(&rows[i])
		return nil
	})
	for i := range rows {
		r := &rows[i]
		if what := v.inOrder(r); what != "" {
			return &faultError{r.Pos, true, what}
		}
		v.report.Entries++
	}
	if v.how.Progress != nil {
		v.how.Progress(v.report.Entries, v.size)
	}
	return nil
}

// alone answers what is wrong with a row by itself.
func (v *verifier) alone(r *pendingRow) string {
	r.leaf = LeafHash(r.Sealed)
	e, err := Decode(r.Sealed)
	switch {
	case len(r.Hashes) < 32 || Hash(r.Hashes) != r.leaf:
		return "its bytes or its leaf hash were altered: one is not that of the other"
	case err != nil:
		return "its header: " + err.Error()
	case e.Header.Ledger != v.log.id:
		return "its header: it is of another ledger"
	case e.Header.Stream != r.Stream || e.Header.Version != r.Version:
		return "its header: it is of another stream or version than it is kept under"
	}
	if r.Checkpoint != nil {
		if r.head, err = ParseCheckpoint(r.Checkpoint, v.log.key); err != nil {
			return err.Error()
		}
		if r.head.Ledger != v.log.id || r.head.Size != r.Pos+1 {
			return "the checkpoint: it was signed for another place"
		}
	}
	if v.opener == nil {
		return ""
	}
	c := &v.how.Checked
	r.content, err = v.opener.open(new(seal.Parts), e, r.Pos < c.Size && (c.But == nil || !c.But(r.Pos)))
	switch {
	case errors.Is(err, ErrNoKey) && v.mayLack(r.Stream, seal.FactPart, e.Header.FactEpoch):
		return ""
	case err != nil:
		return err.Error()
	case r.content.IdentityMissing && !v.mayLack(r.Stream, seal.IdentityPart, e.Header.IdentityEpoch):
		return "the identity part: " + ErrNoKey.Error()
	}
	r.opened = true
	return ""
}

func (v *verifier) mayLack(stream ID, part seal.Part, epoch uint32) bool {
	return v.how.MayLack != nil && v.how.MayLack(stream, part, epoch)
}

// inOrder answers what is wrong with a row after those before it.
func (v *verifier) inOrder(r *pendingRow) string {
	if r.fault != "" {
		return r.fault
	}
	before := v.streams[r.Stream]
	hashes := v.tree.add(r.leaf)
	switch {
	case r.Version != before.version+1:
		return fmt.Sprintf("it is version %d of its stream, after version %d: an entry was left out, repeated or moved", r.Version, before.version)
	case r.opened && r.content.Prev != before.leaf:
		return "its author saw another entry before it in its stream"
	case !bytes.Equal(hashes, r.Hashes):
		return "its tree hashes are not those of the entries up to it"
	case r.Checkpoint != nil && r.head.Root != v.tree.root():
		return "the entries up to it are not those that its checkpoint was signed for"
	case v.how.Checked.Size == r.Pos+1 && v.how.Checked.Root != v.tree.root():
		return "the entries up to it are not those that were opened before"
	case v.seen.Size == r.Pos+1 && v.seen.Root != v.tree.root():
		return "the entries up to it are not those that the head file has seen: the database was replaced"
	}
	if r.Checkpoint != nil {
		v.report.Head = r.head
	}
	if r.opened {
		v.report.Opened++
	}
	v.streams[r.Stream] = streamState{r.Version, r.leaf}
	return ""
}

// keys checks the wrapped keys.
func (v *verifier) keys(ctx context.Context) error {
	vaults := map[ID]*seal.Vault{}
	for _, vault := range v.how.Vaults {
		vaults[vault.ID()] = vault
	}
	err := v.log.store.Keys(ctx, ID{}, func(w WrappedKey) error {
		v.report.Keys++
		if _, ok := v.streams[w.Stream]; !ok {
			if version, _, err := v.log.store.Last(ctx, w.Stream); err != nil || version == 0 { // else written meanwhile
				return &faultError{What: fmt.Sprintf("a wrapped key is of stream %v, of which there is no entry", w.Stream)}
			}
		}
		if _, covered := seal.ForgetIDOf(w.Wrapped); !covered && v.log.forgetting.Load() != nil {
			return &faultError{What: fmt.Sprintf("a wrapped key of stream %v is not under a forgetting key: it was put there by another program", w.Stream)}
		}
		w, err := v.log.uncover(w)
		if err != nil {
			return &faultError{What: err.Error()}
		}
		vault := vaults[w.Holder]
		if vault == nil {
			v.report.Foreign++
			return nil
		}
		if _, err := w.unwrap(vault); err != nil {
			return &faultError{What: err.Error()}
		}
		return nil
	})
	var fault *faultError
	if err != nil && !errors.As(err, &fault) && ctx.Err() == nil {
		return &faultError{What: "the wrapped keys can't be read: " + err.Error()}
	}
	return err
}
