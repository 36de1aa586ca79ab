// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/kua-registry/kua/internal/seal"
)

// ErrForgetKey says that wrapped keys are wrapped once more under a forgetting
// key that is not at hand: what they open can't be read, but it is not erased.
var ErrForgetKey = errors.New("the forgetting key under which the keys of the cases lie is not there")

// MetaForgetting is the name of the value in a store that is the id of the
// forgetting key, 8 bytes, under which all wrapped keys are, or all but those
// just added under a newer one.
const MetaForgetting = "forgetting"

// forgetting are the keys that wrap the wrapped keys once more. Not changed
// once it is in a Log.
type forgetting struct {
	newest *seal.ForgetKey
	all    map[seal.ForgetID]*seal.ForgetKey
}

func newForgetting(keys []*seal.ForgetKey) *forgetting {
	if len(keys) == 0 {
		return nil
	}
	f := &forgetting{newest: keys[len(keys)-1], all: map[seal.ForgetID]*seal.ForgetKey{}}
	for _, k := range keys {
		f.all[k.ID()] = k
	}
	return f
}

// about is what a wrapped key is bound to under a forgetting key.
func (w WrappedKey) about() []byte {
	b := append(w.Stream[:], w.Part)
	b = binary.BigEndian.AppendUint32(b, w.Epoch)
	return append(b, w.Holder[:]...)
}

// cover wraps keys once more, on their way into the store. Called with commit
// held, so that no key comes under an old forgetting key after a Rewrap.
func (l *Log) cover(keys []WrappedKey) ([]WrappedKey, error) {
	f := l.forgetting.Load()
	if f == nil || len(keys) == 0 {
		return keys, nil
	}
	covered := make([]WrappedKey, len(keys))
	newest := f.newest.ID()
	for i, w := range keys {
		covered[i] = w
		if l.shared {
			covered[i].Under = string(newest[:])
		}
		var err error
		if covered[i].Wrapped, err = f.newest.WrapAgain(w.about(), w.Wrapped); err != nil {
			return nil, err
		}
	}
	return covered, nil
}

// uncover is the inverse of cover, on their way out of the store: ErrForgetKey
// without the key. What is not covered is given back as it is.
func (l *Log) uncover(w WrappedKey) (WrappedKey, error) {
	id, covered := seal.ForgetIDOf(w.Wrapped)
	if !covered {
		return w, nil
	}
	f := l.forgetting.Load()
	if f == nil || f.all[id] == nil {
		return w, fmt.Errorf("a wrapped key of stream %v: %w", w.Stream, ErrForgetKey)
	}
	wrapped, err := f.all[id].Unwrap(w.about(), w.Wrapped)
	if err != nil {
		return w, fmt.Errorf("a wrapped key of stream %v under its forgetting key: %w", w.Stream, err)
	}
	w.Wrapped = wrapped
	return w, nil
}

// Hold gives the log of a shared store the forgetting keys there are: the one
// under which the store's wrapped keys lie is the newest. ErrForgetKey where
// none of them is.
func (l *Log) Hold(ctx context.Context, keys []*seal.ForgetKey) error {
	now, err := l.store.Meta(ctx, MetaForgetting)
	if err != nil {
		return fmt.Errorf("the ledger: %w", err)
	}
	f := newForgetting(keys)
	if f == nil || len(now) != len(seal.ForgetID{}) || f.all[seal.ForgetID(now)] == nil {
		return ErrForgetKey
	}
	f.newest = f.all[seal.ForgetID(now)]
	l.forgetting.Store(f)
	return nil
}

// turned finds the forgetting key under which the store's wrapped keys lie by
// now: another node has turned it. ErrForgetKey where that one is not here yet;
// nothing was written then.
func (l *Log) turned(ctx context.Context) error {
	f := l.forgetting.Load()
	if f == nil {
		return ErrForgetKey
	}
	return l.Hold(ctx, slices.Collect(maps.Values(f.all)))
}

// openForgetting refuses a store whose keys lie under a forgetting key that is
// not at hand: everything in it would look as if it were erased.
func (l *Log) openForgetting(ctx context.Context) error {
	id, err := l.store.Meta(ctx, MetaForgetting)
	if err != nil {
		return fmt.Errorf("the ledger: %w", err)
	}
	if id == nil {
		return nil
	}
	f := l.forgetting.Load()
	if len(id) != len(seal.ForgetID{}) || f == nil || f.all[seal.ForgetID(id)] == nil {
		return ErrForgetKey
	}
	if l.shared { // another node may not have come to a newer one yet
		l.forgetting.Store(&forgetting{newest: f.all[seal.ForgetID(id)], all: f.all})
	}
	return nil
}

// Under is the forgetting key under which the wrapped keys of the store lie:
// ErrForgetKey where they lie under none.
func (l *Log) Under(ctx context.Context) (seal.ForgetID, error) {
	now, err := l.store.Meta(ctx, MetaForgetting)
	if err != nil {
		return seal.ForgetID{}, fmt.Errorf("the ledger: %w", err)
	}
	if len(now) != len(seal.ForgetID{}) {
		return seal.ForgetID{}, ErrForgetKey
	}
	return seal.ForgetID(now), nil
}

// Rewrap puts all wrapped keys under the newest of the forgetting keys, which
// is the last, and lets go of those that are not given. Each one under which a
// wrapped key may still be must be given. It answers how many wrapped keys it
// had to leave as they were, because no key given opens them.
//
// ErrForgetKey where they lie under a key that nobody here was given: nothing is
// changed then.
//
// It is done at once or not at all. Where it fails, whatever was kept can be
// read with the keys given; do it again.
func (l *Log) Rewrap(ctx context.Context, keys []*seal.ForgetKey) (left int, err error) {
	if !l.writes() {
		return 0, ErrReadOnly
	}
	f := newForgetting(keys)
	if f == nil {
		return 0, errors.New("no forgetting key was given")
	}
	l.commit.Lock() // nothing is added meanwhile
	defer l.commit.Unlock()
	if errors.Is(l.broken, ErrClosed) {
		return 0, ErrClosed
	}
	newest := f.newest.ID()
	now, err := l.store.Meta(ctx, MetaForgetting)
	if err != nil {
		return 0, fmt.Errorf("the ledger: %w", err)
	}
	if string(now) == string(newest[:]) {
		l.forgetting.Store(f)
		return 0, nil
	}
	all := maps.Clone(f.all)
	if old := l.forgetting.Load(); old != nil { // until it is done, all are needed
		maps.Copy(all, old.all)
	}
	// A copy of the register on another machine may have turned to a key of its
	// own. Wrapped under ours by us, what it wrapped would be closed for it, and
	// what it wraps for us.
	if now != nil && (len(now) != len(newest) || all[seal.ForgetID(now)] == nil) {
		return 0, fmt.Errorf("%w: another machine has put them under a key of its own: has the register's directory been copied, and are both in use? Nothing was changed", ErrForgetKey)
	}
	f.all = all
	l.forgetting.Store(f)
	err = l.store.Rewrap(ctx, func(w WrappedKey) ([]byte, error) {
		if id, covered := seal.ForgetIDOf(w.Wrapped); covered && id == newest {
			return w.Wrapped, nil
		}
		bare, err := l.uncover(w)
		if err != nil {
			left++
			return w.Wrapped, nil
		}
		return f.newest.WrapAgain(w.about(), bare.Wrapped)
	}, MetaForgetting, newest[:])
	if err != nil {
		return left, fmt.Errorf("the wrapped keys can't be put under a new forgetting key: %w", err)
	}
	l.forgetting.Store(newForgetting(keys))
	return left, nil
}
