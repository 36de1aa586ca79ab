// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"bytes"
	"context"
	"fmt"

	"github.com/kua-registry/kua/internal/seal"
)

// What is read at once, to be opened by all processors.
const (
	chunkRows  = 1024
	chunkBytes = 8 << 20
)

// Scan gives the entries of positions from ≤ pos < to, in order. An entry is
// fn's to keep.
func (l *Log) Scan(ctx context.Context, from, to uint64, fn func(Entry) error) error {
	return l.scan(ctx, from, to, func(e Entry, _ []byte) error { return fn(e) })
}

// ScanSigned is Scan with the checkpoint that stands behind an entry, nil where
// none was kept there. It is fn's to keep, too.
func (l *Log) ScanSigned(ctx context.Context, from, to uint64, fn func(e Entry, checkpoint []byte) error) error {
	return l.scan(ctx, from, to, func(e Entry, checkpoint []byte) error { return fn(e, bytes.Clone(checkpoint)) })
}

// scan is ScanSigned with checkpoints that are valid only during the call.
func (l *Log) scan(ctx context.Context, from, to uint64, fn func(e Entry, checkpoint []byte) error) error {
	next := from
	err := l.store.Scan(ctx, from, min(to, l.Head().Size), func(r Row) error {
		if r.Pos != next {
			return fmt.Errorf("entry %d is missing: %w", next, ErrAltered)
		}
		next++
		e, err := l.entry(r)
		if err != nil {
			return err
		}
		return fn(e, r.Checkpoint)
	})
	if err != nil {
		return fmt.Errorf("reading the ledger: %w", err)
	}
	return nil
}

// ScanOpen is Scan with each entry opened, by all processors; err is what
// Opener.Open answered.
func (l *Log) ScanOpen(ctx context.Context, from, to uint64, o Opener, fn func(e Entry, c Content, err error) error) error {
	return l.scanOpen(ctx, from, to, o, Checked{}, fn)
}

// Checked says what of a ledger was opened before, with the signatures of its authors.
type Checked struct {
	Size uint64                // its first entries
	Root Hash                  // of the tree that they make
	But  func(pos uint64) bool // those among them that were not opened; nil: none
}

// ScanChecked is ScanOpen from the first entry on, where entries were opened
// before: their signatures and their form are not checked a second time. That
// they are the same entries the root says, which is held against what was read
// when the last of them was: until then, and where it answers ErrAltered, fn may
// have been told something else.
func (l *Log) ScanChecked(ctx context.Context, c Checked, to uint64, o Opener, fn func(e Entry, c Content, err error) error) error {
	if c.Size > to {
		return fmt.Errorf("reading the ledger: %d entries were read before, of %d", c.Size, to)
	}
	return l.scanOpen(ctx, 0, to, o, c, fn)
}

// chunk is what is opened at once.
type chunk struct {
	entries  []Entry
	contents []Content
	errs     []error
	leaves   []Hash
}

// scanOpen is ScanOpen; from must be 0 where something was checked before.
// While fn is told of some entries, those after them are read and opened.
func (l *Log) scanOpen(ctx context.Context, from, to uint64, o Opener, c Checked, fn func(e Entry, c Content, err error) error) error {
	ahead, stop := context.WithCancel(ctx)
	defer stop()
	opened, ended := make(chan chunk), make(chan error, 1)
	go func() {
		defer close(opened)
		ended <- l.openChunks(ahead, from, to, o, c, opened)
	}()
	var read tree
	var failed error
	for part := range opened {
		if failed == nil {
			failed = part.tell(c, &read, fn)
		}
		if failed != nil {
			stop()
		}
	}
	err := <-ended
	switch {
	case failed != nil:
		return failed
	case err != nil:
		return err
	case read.size < c.Size:
		return fmt.Errorf("reading the ledger: it ends after %d of %d entries that were read before: %w", read.size, c.Size, ErrAltered)
	}
	return nil
}

// openChunks reads and opens entries, and sends them off.
func (l *Log) openChunks(ctx context.Context, from, to uint64, o Opener, c Checked, opened chan<- chunk) error {
	var entries []Entry
	size := 0
	send := func() error {
		part := o.openAll(entries, c)
		entries, size = nil, 0
		select {
		case opened <- part:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := l.Scan(ctx, from, to, func(e Entry) error {
		entries = append(entries, e)
		if size += len(e.Sealed); len(entries) < chunkRows && size < chunkBytes {
			return nil
		}
		return send()
	})
	if err != nil {
		return err
	}
	return send()
}

// tell tells fn of what was opened, and adds to a tree what was checked before.
func (part chunk) tell(c Checked, read *tree, fn func(e Entry, c Content, err error) error) error {
	for i, e := range part.entries {
		if err := fn(e, part.contents[i], part.errs[i]); err != nil {
			return err
		}
		if e.Pos >= c.Size {
			continue
		}
		if read.add(part.leaves[i]); read.size == c.Size && read.root() != c.Root {
			return fmt.Errorf("reading the ledger: entries up to %d are not those that were read before: %w", e.Pos, ErrAltered)
		}
	}
	return nil
}

// openAll opens entries with all processors. Of those that were checked before
// it gives the leaves of the tree, too.
func (o Opener) openAll(entries []Entry, c Checked) chunk {
	contents, errs, leaves := make([]Content, len(entries)), make([]error, len(entries)), make([]Hash, len(entries))
	var streams []int // where those of another stream begin
	for i, e := range entries {
		if i == 0 || e.Header.Stream != entries[i-1].Header.Stream {
			streams = append(streams, i)
		}
	}
	_ = parallel(len(streams), func(s int) error { // never fails: each error stands for itself
		end := len(entries)
		if s+1 < len(streams) {
			end = streams[s+1]
		}
		var parts seal.Parts
		for i := streams[s]; i < end; i++ {
			e := entries[i]
			checked := e.Pos < c.Size
			if checked {
				leaves[i] = e.Hash()
			}
			contents[i], errs[i] = o.open(&parts, e, checked && (c.But == nil || !c.But(e.Pos)))
		}
		return nil
	})
	return chunk{entries, contents, errs, leaves}
}

// Stream gives the entries of a stream in their order.
func (l *Log) Stream(ctx context.Context, stream ID, fn func(Entry) error) error {
	next := uint64(1)
	err := l.store.Stream(ctx, stream, func(r Row) error {
		if r.Version != next || r.Stream != stream {
			return fmt.Errorf("version %d of stream %v is missing: %w", next, stream, ErrAltered)
		}
		next++
		e, err := l.entry(r)
		if err != nil {
			return err
		}
		return fn(e)
	})
	if err != nil {
		return fmt.Errorf("reading the ledger: %w", err)
	}
	return nil
}

// entry makes an entry of a row, and checks that the row tells what the entry says.
func (l *Log) entry(r Row) (Entry, error) {
	e, err := Decode(bytes.Clone(r.Sealed))
	if err != nil {
		return Entry{}, fmt.Errorf("entry %d: %w", r.Pos, err)
	}
	if e.Header.Ledger != l.id || e.Header.Stream != r.Stream || e.Header.Version != r.Version {
		return Entry{}, fmt.Errorf("entry %d is not the one that was written there: %w", r.Pos, ErrAltered)
	}
	e.Pos = r.Pos
	return e, nil
}
