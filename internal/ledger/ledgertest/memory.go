// SPDX-License-Identifier: AGPL-3.0-or-later

package ledgertest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/kua-registry/kua/internal/ledger"
)

// Memory is a store in memory. Close keeps its content, so that it can be
// opened again.
type Memory struct {
	mu   sync.RWMutex
	meta map[string][]byte
	rows []ledger.Row
	keys []ledger.WrappedKey
}

// NewMemory makes an empty store.
func NewMemory() *Memory { return &Memory{meta: map[string][]byte{}} }

// InMemory makes an empty store in memory for Run.
func InMemory() Keeper { return memoryKeeper{NewMemory()} }

type memoryKeeper struct{ m *Memory }

func (k memoryKeeper) Open(testing.TB) ledger.Store { return k.m }

// Clone copies a store.
func (m *Memory) Clone() *Memory {
	c := NewMemory()
	for name, value := range m.meta {
		c.meta[name] = bytes.Clone(value)
	}
	for _, r := range m.rows {
		r.Sealed, r.Hashes, r.Checkpoint = bytes.Clone(r.Sealed), bytes.Clone(r.Hashes), bytes.Clone(r.Checkpoint)
		c.rows = append(c.rows, r)
	}
	for _, k := range m.keys {
		k.Wrapped = bytes.Clone(k.Wrapped)
		c.keys = append(c.keys, k)
	}
	return c
}

// Rows gives the rows, to be changed behind the ledger's back.
func (m *Memory) Rows() *[]ledger.Row { return &m.rows }

// WrappedKeys gives the wrapped keys, to be changed behind the ledger's back.
func (m *Memory) WrappedKeys() *[]ledger.WrappedKey { return &m.keys }

// Meta implements ledger.Store, as do all methods below.
func (m *Memory) Meta(_ context.Context, name string) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.meta[name], nil
}

func (m *Memory) SetMeta(_ context.Context, name string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.meta[name] = bytes.Clone(value)
	return nil
}

func (m *Memory) Head(context.Context) (uint64, []byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if len(m.rows) == 0 {
		return 0, nil, nil
	}
	return uint64(len(m.rows)), m.rows[len(m.rows)-1].Checkpoint, nil
}

func (m *Memory) Moment(_ context.Context, fn func(ledger.WrappedKey) error) (ledger.Moment, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	c := m.Clone()
	out := ledger.Moment{Size: uint64(len(c.rows)), Meta: c.meta}
	if len(c.rows) > 0 {
		out.Checkpoint = c.rows[len(c.rows)-1].Checkpoint
	}
	slices.SortStableFunc(c.keys, func(a, b ledger.WrappedKey) int { return bytes.Compare(a.Stream[:], b.Stream[:]) })
	for _, k := range c.keys {
		if err := fn(k); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (m *Memory) Append(_ context.Context, size uint64, rows []ledger.Row, keys []ledger.WrappedKey, checkpoint []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if uint64(len(m.rows)) != size {
		return ledger.ErrSize
	}
	for _, r := range rows {
		if slices.ContainsFunc(m.rows, func(o ledger.Row) bool { return o.Stream == r.Stream && o.Version == r.Version }) {
			return ledger.ErrVersion
		}
	}
	if m.turned(keys) {
		return ledger.ErrTurned
	}
	for i, r := range rows {
		r.Sealed, r.Hashes, r.Checkpoint = bytes.Clone(r.Sealed), bytes.Clone(r.Hashes), bytes.Clone(r.Checkpoint)
		if i == len(rows)-1 {
			r.Checkpoint = bytes.Clone(checkpoint)
		}
		m.rows = append(m.rows, r)
	}
	m.addKeys(keys)
	return nil
}

func (m *Memory) Scan(ctx context.Context, from, to uint64, fn func(ledger.Row) error) error {
	m.mu.RLock()
	rows := m.rows
	m.mu.RUnlock()
	to = min(to, uint64(len(rows)))
	for _, r := range rows[min(from, to):to] {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

func (m *Memory) Stream(ctx context.Context, stream ledger.ID, fn func(ledger.Row) error) error {
	return m.Scan(ctx, 0, 1<<63, func(r ledger.Row) error {
		if r.Stream != stream {
			return nil
		}
		return fn(r)
	})
}

func (m *Memory) Last(ctx context.Context, stream ledger.ID) (version uint64, leaf ledger.Hash, err error) {
	err = m.Stream(ctx, stream, func(r ledger.Row) error {
		version, leaf = r.Version, ledger.Hash(r.Hashes)
		return nil
	})
	return version, leaf, err
}

func (m *Memory) Keys(_ context.Context, stream ledger.ID, fn func(ledger.WrappedKey) error) error {
	m.mu.RLock()
	keys := slices.Clone(m.keys)
	m.mu.RUnlock()
	for _, k := range keys {
		if stream.IsZero() || k.Stream == stream {
			if err := fn(k); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *Memory) AddKeys(_ context.Context, keys []ledger.WrappedKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.turned(keys) {
		return ledger.ErrTurned
	}
	m.addKeys(keys)
	return nil
}

// turned tells whether a key lies under another forgetting key than the store's.
// Called with mu held.
func (m *Memory) turned(keys []ledger.WrappedKey) bool {
	return slices.ContainsFunc(keys, func(k ledger.WrappedKey) bool {
		return k.Under != "" && k.Under != string(m.meta[ledger.MetaForgetting])
	})
}

func (m *Memory) addKeys(keys []ledger.WrappedKey) {
	for _, k := range keys {
		k.Wrapped = bytes.Clone(k.Wrapped)
		m.keys = slices.DeleteFunc(m.keys, func(o ledger.WrappedKey) bool { return compareKeys(o, k) == 0 })
		m.keys = append(m.keys, k)
	}
	slices.SortFunc(m.keys, compareKeys)
}

func compareKeys(a, b ledger.WrappedKey) int {
	return cmp.Or(bytes.Compare(a.Stream[:], b.Stream[:]), cmp.Compare(a.Part, b.Part),
		cmp.Compare(a.Epoch, b.Epoch), bytes.Compare(a.Holder[:], b.Holder[:]))
}

func (m *Memory) Forget(_ context.Context, which ...ledger.WrappedKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys = slices.DeleteFunc(m.keys, func(k ledger.WrappedKey) bool {
		return slices.ContainsFunc(which, func(w ledger.WrappedKey) bool {
			return k.Stream == w.Stream && (w.Part == 0 || k.Part == w.Part) &&
				(w.Epoch == 0 || k.Epoch == w.Epoch) && (w.Holder.IsZero() || k.Holder == w.Holder)
		})
	})
	return nil
}

func (m *Memory) Rewrap(_ context.Context, wrap func(ledger.WrappedKey) ([]byte, error), name string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	keys := slices.Clone(m.keys)
	for i := range keys {
		wrapped, err := wrap(keys[i])
		if err != nil {
			return err
		}
		keys[i].Wrapped = bytes.Clone(wrapped)
	}
	m.keys, m.meta[name] = keys, bytes.Clone(value)
	return nil
}

func (m *Memory) Check(context.Context) error { return nil }
func (m *Memory) Close() error                { return nil }

// Faulty is a store whose writes fail on demand, with or without being kept.
type Faulty struct {
	ledger.Store
	mu   sync.Mutex
	plan []Fault
	deaf bool
}

// Fault is how a write fails.
type Fault int

// Faults.
const (
	None         Fault = iota
	NotPersisted       // it fails, and nothing was kept
	Persisted          // it fails, but was kept
	Unreadable         // it fails, was kept, and the store can't be read until Heal
)

// ErrInjected is what writes fail with.
var ErrInjected = errors.New("a fault of the test")

// Plan says how the next writes go; those after them go well.
func (f *Faulty) Plan(faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan = append(f.plan, faults...)
}

// Heal makes the store readable again.
func (f *Faulty) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deaf = false
}

// Append implements ledger.Store.
func (f *Faulty) Append(ctx context.Context, size uint64, rows []ledger.Row, keys []ledger.WrappedKey, checkpoint []byte) error {
	return f.write(func() error { return f.Store.Append(ctx, size, rows, keys, checkpoint) })
}

// Rewrap implements ledger.Store.
func (f *Faulty) Rewrap(ctx context.Context, wrap func(ledger.WrappedKey) ([]byte, error), name string, value []byte) error {
	return f.write(func() error { return f.Store.Rewrap(ctx, wrap, name, value) })
}

// write does what is planned for the next write.
func (f *Faulty) write(do func() error) error {
	f.mu.Lock()
	fault := None
	if len(f.plan) > 0 {
		fault, f.plan = f.plan[0], f.plan[1:]
	}
	f.mu.Unlock()
	if fault == NotPersisted {
		return ErrInjected
	}
	if err := do(); err != nil || fault == None {
		return err
	}
	f.mu.Lock()
	f.deaf = fault == Unreadable
	f.mu.Unlock()
	return ErrInjected
}

// Head implements ledger.Store.
func (f *Faulty) Head(ctx context.Context) (uint64, []byte, error) {
	f.mu.Lock()
	deaf := f.deaf
	f.mu.Unlock()
	if deaf {
		return 0, nil, ErrInjected
	}
	return f.Store.Head(ctx)
}
