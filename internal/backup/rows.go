// SPDX-License-Identifier: AGPL-3.0-or-later

package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/kua-registry/kua/internal/ledger"
)

const (
	rowsLen   = 1 << 20 // bytes of entries at which a piece is full
	scanned   = 2048    // entries that are read at a time, so that the store is not kept waiting
	keysPiece = 2048    // wrapped keys of a piece, about
	leastHash = sha256.Size

	// What a store keeps for itself alone, and its id.
	metaPlaced  = "placed"
	metaCopying = "copying"
	metaStore   = "pgstore/"
	metaID      = "ledger"
)

// row is an entry as it lies in a piece. Its stream and version stand in its header.
type row struct {
	_          struct{} `cbor:",toarray"`
	Sealed     []byte
	Hashes     []byte
	Checkpoint []byte
}

// wrapped is a wrapped key as it lies in a piece.
type wrapped struct {
	_       struct{} `cbor:",toarray"`
	Stream  []byte
	Part    uint8
	Epoch   uint32
	Holder  []byte
	Wrapped []byte
}

// AddLedger keeps the state that a ledger has at one moment. Of what an earlier
// backup holds, entries are not read again. step is told how many entries are
// done, of how many.
func (w *Writer) AddLedger(ctx context.Context, from *ledger.Log, earlier *Ledger, step func(done, of uint64)) (*Ledger, error) {
	cut := &keyPieces{w: w, ctx: ctx}
	if _, _, err := from.Moment(ctx, cut.count); err != nil { // how many there are says how they are cut
		return nil, err
	}
	cut.begin()
	moment, head, err := from.Moment(ctx, cut.add)
	if err == nil {
		err = cut.flush()
	}
	if err != nil {
		return nil, err
	}
	l := &Ledger{ID: from.ID().String(), Entries: head.Size, Root: head.Root.String(), Checkpoint: string(head.Checkpoint), Keys: cut.pieces}
	for name := range moment.Meta {
		if name == metaPlaced || name == metaCopying || strings.HasPrefix(name, metaStore) {
			delete(moment.Meta, name)
		}
	}
	mode, err := cbor.CanonicalEncOptions().EncMode()
	if err != nil {
		return nil, err
	}
	meta, err := mode.Marshal(moment.Meta)
	if err != nil {
		return nil, err
	}
	if l.Meta, _, err = w.AddFile(ctx, bytes.NewReader(meta)); err != nil {
		return nil, err
	}
	next, err := w.useRows(ctx, from, l, earlier)
	if err != nil {
		return nil, err
	}
	return l, w.addRows(ctx, from, l, next, step)
}

// useRows takes over the full pieces of an earlier state that the ledger went
// through, and answers which entry comes after them.
func (w *Writer) useRows(ctx context.Context, from *ledger.Log, l, earlier *Ledger) (next uint64, err error) {
	if earlier == nil || earlier.Entries == 0 || earlier.Entries > l.Entries || earlier.ID != l.ID {
		return 0, nil
	}
	root, err := hex.DecodeString(earlier.Root)
	if err != nil || len(root) != len(ledger.Hash{}) {
		return 0, nil //nolint:nilerr // then all are read
	}
	if same, err := from.Had(ctx, earlier.Entries, ledger.Hash(root)); err != nil || !same {
		return 0, err
	}
	for _, r := range earlier.Rows {
		if !r.Full || r.First != next || !w.Has(r.Piece) {
			break
		}
		l.Rows = append(l.Rows, r)
		next += r.Count
	}
	return next, nil
}

// addRows keeps the entries from a position on.
func (w *Writer) addRows(ctx context.Context, from *ledger.Log, l *Ledger, next uint64, step func(done, of uint64)) error {
	var rows []row
	length, first := 0, next
	flush := func(full bool) error {
		if len(rows) == 0 {
			return nil
		}
		text, err := cbor.Marshal(rows)
		if err != nil {
			return err
		}
		p, err := w.Add(ctx, text)
		if err != nil {
			return err
		}
		l.Rows = append(l.Rows, Rows{Piece: p, First: first, Count: uint64(len(rows)), Full: full})
		first += uint64(len(rows))
		rows, length = nil, 0
		if step != nil {
			step(first, l.Entries)
		}
		return nil
	}
	for next < l.Entries {
		to := min(next+scanned, l.Entries)
		var pending []row
		err := from.Rows(ctx, next, to, func(r ledger.Row) error {
			pending = append(pending, row{Sealed: bytes.Clone(r.Sealed), Hashes: bytes.Clone(r.Hashes), Checkpoint: bytes.Clone(r.Checkpoint)})
			return nil
		})
		if err == nil && uint64(len(pending)) != to-next {
			err = fmt.Errorf("%w: of the entries %d to %d there are %d", ledger.ErrAltered, next, to-1, len(pending))
		}
		if err != nil {
			return err
		}
		for _, r := range pending {
			rows = append(rows, r)
			if length += len(r.Sealed) + len(r.Hashes) + len(r.Checkpoint); length >= rowsLen {
				if err := flush(true); err != nil {
					return err
				}
			}
		}
		next = to
	}
	return flush(false)
}

// keyPieces cuts wrapped keys, which come in the order of their streams, where
// the first bits of the stream change: a new stream changes the piece it falls
// into and no other.
type keyPieces struct {
	w      *Writer
	ctx    context.Context
	n      uint64
	shift  int // of the first 32 bits of a stream
	at     uint32
	keys   []wrapped
	pieces []Piece
}

func (c *keyPieces) count(ledger.WrappedKey) error { c.n++; return nil }

func (c *keyPieces) begin() { c.shift = 32 - min(24, bits.Len64(c.n/keysPiece)) }

func (c *keyPieces) add(k ledger.WrappedKey) error {
	if at := uint32(uint64(binary.BigEndian.Uint32(k.Stream[:4])) >> c.shift); at != c.at { //nolint:gosec // it has 32 bits
		if err := c.flush(); err != nil {
			return err
		}
		c.at = at
	}
	c.keys = append(c.keys, wrapped{Stream: bytes.Clone(k.Stream[:]), Part: k.Part, Epoch: k.Epoch, Holder: bytes.Clone(k.Holder[:]), Wrapped: bytes.Clone(k.Wrapped)})
	return nil
}

func (c *keyPieces) flush() error {
	if len(c.keys) == 0 {
		return nil
	}
	text, err := cbor.Marshal(c.keys)
	if err != nil {
		return err
	}
	c.keys = nil
	p, err := c.w.Add(c.ctx, text)
	c.pieces = append(c.pieces, p)
	return err
}

// RestoreLedger fills an empty store with the state of a ledger. Its id is
// written last: a store that was cut off while it was filled opens nowhere. step,
// which may be nil, is told after each write how many entries are done, of how
// many; its error ends it.
func (r *Repo) RestoreLedger(ctx context.Context, l *Ledger, to ledger.Store, step func(done, of uint64) error) error {
	if step == nil {
		step = func(uint64, uint64) error { return nil }
	}
	if size, _, err := to.Head(ctx); err != nil || size > 0 {
		return errors.Join(err, ledger.ErrExists)
	}
	next := uint64(0)
	var pending []ledger.Row
	write := func() error {
		if len(pending) == 0 {
			return nil
		}
		at := pending[0].Pos
		if err := to.Append(ctx, at, pending, nil, pending[len(pending)-1].Checkpoint); err != nil {
			return err
		}
		pending = nil
		return step(next, l.Entries)
	}
	for _, piece := range l.Rows {
		rows, err := r.rows(ctx, piece, next)
		if err != nil {
			return fmt.Errorf("entries %d to %d of the ledger: %w", piece.First, piece.First+piece.Count-1, err)
		}
		next += piece.Count
		for _, row := range rows {
			pending = append(pending, row)
			if len(row.Checkpoint) > 0 && len(pending) >= scanned {
				if err := write(); err != nil {
					return err
				}
			}
		}
	}
	if next != l.Entries {
		return fmt.Errorf("the list of the entries: %w", ErrDamaged)
	}
	if err := write(); err != nil {
		return err
	}
	for _, p := range l.Keys {
		keys, err := r.wrapped(ctx, p)
		if err == nil {
			err = to.AddKeys(ctx, keys)
		}
		if err == nil {
			err = step(next, l.Entries)
		}
		if err != nil {
			return fmt.Errorf("keys of the ledger: %w", err)
		}
	}
	meta, err := r.All(ctx, l.Meta)
	if err != nil {
		return fmt.Errorf("what the ledger's store keeps: %w", err)
	}
	var values map[string][]byte
	if err := cbor.Unmarshal(meta, &values); err != nil {
		return fmt.Errorf("what the ledger's store keeps: %w", ErrDamaged)
	}
	for name, value := range values {
		if name == metaID {
			continue
		}
		if value == nil { // an empty one, as it was read
			value = []byte{}
		}
		if err := to.SetMeta(ctx, name, value); err != nil {
			return err
		}
		if err := step(next, l.Entries); err != nil {
			return err
		}
	}
	id, err := hex.DecodeString(l.ID)
	if err != nil || len(id) != len(ledger.ID{}) {
		return fmt.Errorf("the ledger's id: %w", ErrDamaged)
	}
	return to.SetMeta(ctx, metaID, id)
}

// rows reads the entries of a piece.
func (r *Repo) rows(ctx context.Context, p Rows, next uint64) ([]ledger.Row, error) {
	text, err := r.Get(ctx, p.Piece)
	if err != nil {
		return nil, err
	}
	damaged := fmt.Errorf("%s: %w", p.name(), ErrDamaged)
	var in []row
	if err := cbor.Unmarshal(text, &in); err != nil || p.First != next || uint64(len(in)) != p.Count {
		return nil, damaged
	}
	out := make([]ledger.Row, len(in))
	for i, row := range in {
		e, err := ledger.Decode(row.Sealed)
		if err != nil || len(row.Hashes) < leastHash {
			return nil, damaged
		}
		out[i] = ledger.Row{Pos: next + uint64(i), Stream: e.Header.Stream, Version: e.Header.Version, Sealed: row.Sealed, Hashes: row.Hashes}
		if len(row.Checkpoint) > 0 {
			out[i].Checkpoint = row.Checkpoint
		}
	}
	return out, nil
}

// wrapped reads the wrapped keys of a piece.
func (r *Repo) wrapped(ctx context.Context, p Piece) ([]ledger.WrappedKey, error) {
	text, err := r.Get(ctx, p)
	if err != nil {
		return nil, err
	}
	var in []wrapped
	if err := cbor.Unmarshal(text, &in); err != nil {
		return nil, fmt.Errorf("%s: %w", p.name(), ErrDamaged)
	}
	out := make([]ledger.WrappedKey, len(in))
	for i, k := range in {
		if len(k.Stream) != len(ledger.ID{}) || len(k.Holder) != len(ledger.ID{}) {
			return nil, fmt.Errorf("%s: %w", p.name(), ErrDamaged)
		}
		out[i] = ledger.WrappedKey{Stream: ledger.ID(k.Stream), Part: k.Part, Epoch: k.Epoch, Holder: ledger.ID(k.Holder), Wrapped: k.Wrapped}
	}
	return out, nil
}
