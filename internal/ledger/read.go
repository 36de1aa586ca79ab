// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"bytes"
	"context"
	"fmt"
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
	var chunk []Entry
	size := 0
	flush := func() error {
		contents, errs := o.openAll(chunk)
		for i, e := range chunk {
			if err := fn(e, contents[i], errs[i]); err != nil {
				return err
			}
		}
		chunk, size = chunk[:0], 0
		return nil
	}
	err := l.Scan(ctx, from, to, func(e Entry) error {
		chunk = append(chunk, e)
		if size += len(e.Sealed); len(chunk) < chunkRows && size < chunkBytes {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// openAll opens entries with all processors.
func (o Opener) openAll(entries []Entry) ([]Content, []error) {
	contents, errs := make([]Content, len(entries)), make([]error, len(entries))
	_ = parallel(len(entries), func(i int) error { // never fails: each error stands for itself
		contents[i], errs[i] = o.Open(entries[i])
		return nil
	})
	return contents, errs
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
