// SPDX-License-Identifier: AGPL-3.0-or-later

package ledgertest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// newForgetKey makes a forgetting key; when it was made decides nothing here.
func newForgetKey() *seal.ForgetKey {
	return seal.NewForgetKey(time.Date(2022, 6, 1, 0, 0, 0, 0, time.UTC))
}

// rewrap puts all keys under a new forgetting key, the only one from then on.
func (l *Ledger) rewrap(t testing.TB) {
	t.Helper()
	l.Options.Forgetting = append(l.Options.Forgetting, newForgetKey())
	if left, err := l.Rewrap(context.Background(), l.Options.Forgetting); err != nil || left > 0 {
		t.Fatalf("%d left, %v", left, err)
	}
	l.Options.Forgetting = l.Options.Forgetting[len(l.Options.Forgetting)-1:]
}

// under counts the wrapped keys in the store by their forgetting key.
func (l *Ledger) under(t testing.TB) map[seal.ForgetID]int {
	t.Helper()
	n := map[seal.ForgetID]int{}
	must(t, l.Store.Keys(context.Background(), ledger.ID{}, func(w ledger.WrappedKey) error {
		id, _ := seal.ForgetIDOf(w.Wrapped)
		n[id]++
		return nil
	}))
	return n
}

// testForgetting puts a ledger without forgetting keys under one, then under
// another: each time all wrapped keys are under the newest, and open.
func testForgetting(t *testing.T, l *Ledger) {
	ctx := context.Background()
	a := ledger.NewID()
	must(t, l.Write(t, l.Draft(a, 1, "a1"), l.Draft(ledger.NewID(), 1, "b1")))
	for range 2 {
		l.rewrap(t)
		must(t, l.Write(t, l.Draft(ledger.NewID(), 1, "c1")))
		other := seal.NewVault()
		keys, err := l.Keyring(l.Vault).Current(ctx, a)
		must(t, err)
		granted, err := ledger.WrapCaseKeys(other, a, keys)
		must(t, err)
		must(t, l.AddKeys(ctx, granted))
		newest := l.Options.Forgetting[0].ID()
		if n := l.under(t); len(n) != 1 || n[newest] == 0 {
			t.Errorf("not all under the newest: %v", n)
		}
		if got, err := l.Keyring(other).Current(ctx, a); err != nil || got != keys {
			t.Errorf("granted: %v", err)
		}
		l.Check(t)
		l.Reopen(t)
		l.Check(t)
	}
	// What no key opens is left, and does not stand in the way; but it is seen.
	key := newForgetKey()
	stray := ledger.WrappedKey{Stream: a, Part: 1, Epoch: 9, Holder: l.Vault.ID()}
	var err error
	stray.Wrapped, err = key.WrapAgain(nil, make([]byte, 60))
	must(t, err)
	must(t, l.Store.AddKeys(ctx, []ledger.WrappedKey{stray}))
	l.Options.Forgetting = append(l.Options.Forgetting, newForgetKey())
	if left, err := l.Rewrap(ctx, l.Options.Forgetting); err != nil || left != 1 {
		t.Errorf("%d left, %v", left, err)
	}
	if report, err := l.Verify(ctx, ledger.VerifyOptions{}); err != nil || report.Fault == nil {
		t.Errorf("a key under an unknown forgetting key is not seen: %v, %v", report, err)
	}
	must(t, l.Forget(ctx, ledger.WrappedKey{Stream: a, Epoch: 9}))
	bare, err := ledger.WrapCaseKeys(l.Vault, a, seal.CaseKeys{Fact: seal.NewKey(), FactEpoch: 9})
	must(t, err)
	must(t, l.Store.AddKeys(ctx, bare))
	if report, err := l.Verify(ctx, ledger.VerifyOptions{}); err != nil || report.Fault == nil {
		t.Errorf("a key under no forgetting key is not seen: %v, %v", report, err)
	}
	must(t, l.Forget(ctx, ledger.WrappedKey{Stream: a, Epoch: 9}))
}

// testForgettingLost opens a ledger without its forgetting key: it must not
// look like one where everything was erased.
func testForgettingLost(t *testing.T, l *Ledger) {
	ctx := context.Background()
	must(t, l.Write(t, l.Draft(ledger.NewID(), 1, "a1")))
	l.rewrap(t)
	right := l.Options.Forgetting
	reader := l.Options
	reader.Signer, reader.Verifier = nil, l.Node.Public().Signing()
	for what, keys := range map[string][]*seal.ForgetKey{"none": nil, "another": {newForgetKey()}} {
		reader.Forgetting = keys
		if _, err := ledger.Open(ctx, l.Store, reader); !errors.Is(err, ledger.ErrForgetKey) {
			t.Errorf("opened with %s: %v", what, err)
		}
	}
	// Nor while it is open: the entry is not said to be erased.
	reader.Forgetting = right
	log, err := ledger.Open(ctx, l.Store, reader)
	must(t, err)
	l.rewrap(t)
	opener := ledger.Opener{Keys: log.Keyring(l.Vault).Keys, Author: l.Authors}
	must(t, log.ScanOpen(ctx, 0, 1, opener, func(_ ledger.Entry, _ ledger.Content, err error) error {
		if !errors.Is(err, ledger.ErrForgetKey) || errors.Is(err, ledger.ErrNoKey) {
			t.Errorf("%v", err)
		}
		return nil
	}))
	// The old key does not open what the new one covers, nor the new one what is moved.
	if _, err := log.Rewrap(ctx, right); !errors.Is(err, ledger.ErrReadOnly) {
		t.Errorf("a reader wrapped again: %v", err)
	}
	if _, err := l.Rewrap(ctx, nil); err == nil {
		t.Error("wrapped under no key")
	}
	// A copy of the register that is in use elsewhere turned to a key of its own:
	// what it wrapped is left as it is (a regression: it was put under a key that
	// the copy does not have, and what neither could open was passed over).
	mine := l.Options.Forgetting
	before := l.under(t)
	must(t, l.Store.Rewrap(ctx, func(w ledger.WrappedKey) ([]byte, error) { return w.Wrapped, nil }, "forgetting", []byte("theirs..")))
	if left, err := l.Rewrap(ctx, append(slices.Clone(mine), newForgetKey())); !errors.Is(err, ledger.ErrForgetKey) || left != 0 {
		t.Errorf("wrapped although another has turned: %d left, %v", left, err)
	}
	if after := l.under(t); !maps.Equal(after, before) {
		t.Errorf("keys were wrapped again: %v, before %v", after, before)
	}
	own := mine[0].ID()
	must(t, l.Store.SetMeta(ctx, "forgetting", own[:]))
}

// testForgettingModel adds, forgets, wraps again and reopens at random, with
// writes that fail whether or not they were kept, and holds the keys that open
// against a list.
func testForgettingModel(t *testing.T, fresh func(t testing.TB) Keeper) {
	type name struct {
		stream, holder int
		part           seal.Part
	}
	rapid.Check(t, func(r *rapid.T) {
		ctx := context.Background()
		l := New(t, fresh(t))
		vaults := []*seal.Vault{l.Vault, seal.NewVault()}
		streams := make([]ledger.ID, 3)
		var all []seal.CaseKeys
		have := map[name]bool{}
		for i := range streams {
			streams[i] = ledger.NewID()
			must(t, l.Write(t, l.Draft(streams[i], 1, "x")))
			keys, err := l.Keyring(l.Vault).Current(ctx, streams[i])
			must(t, err)
			all = append(all, keys)
			have[name{i, 0, seal.FactPart}], have[name{i, 0, seal.IdentityPart}] = true, true
		}
		check := func() {
			for i, stream := range streams {
				for h, v := range vaults {
					got, err := l.Keyring(v).Keys(ledger.Header{Stream: stream, FactEpoch: 1, IdentityEpoch: 1, IdentityLen: 1})
					must(t, err)
					want := all[i]
					if !have[name{i, h, seal.FactPart}] {
						want.Fact = seal.Key{}
					}
					if !have[name{i, h, seal.IdentityPart}] {
						want.Identity = seal.Key{}
					}
					if got != want {
						r.Fatalf("stream %d, vault %d: fact %v, identity %v", i, h, !got.Fact.IsZero(), !got.Identity.IsZero())
					}
				}
			}
		}
		for range rapid.IntRange(1, 8).Draw(r, "steps") {
			i, h := rapid.IntRange(0, len(streams)-1).Draw(r, "stream"), rapid.IntRange(0, 1).Draw(r, "vault")
			switch rapid.IntRange(0, 3).Draw(r, "step") {
			case 0:
				w, err := ledger.WrapCaseKeys(vaults[h], streams[i], all[i])
				must(t, err)
				must(t, l.AddKeys(ctx, w))
				have[name{i, h, seal.FactPart}], have[name{i, h, seal.IdentityPart}] = true, true
			case 1:
				part := rapid.SampledFrom([]seal.Part{seal.FactPart, seal.IdentityPart}).Draw(r, "part")
				must(t, l.Forget(ctx, ledger.WrappedKey{Stream: streams[i], Part: uint8(part), Holder: vaults[h].ID()}))
				delete(have, name{i, h, part})
			case 2:
				fault := rapid.SampledFrom([]Fault{None, NotPersisted, Persisted}).Draw(r, "fault")
				l.Store.Plan(fault)
				l.Options.Forgetting = append(l.Options.Forgetting, newForgetKey())
				_, err := l.Rewrap(ctx, l.Options.Forgetting)
				if (err == nil) != (fault == None) {
					r.Fatalf("%v, %v", fault, err)
				}
				if err == nil {
					l.Options.Forgetting = l.Options.Forgetting[len(l.Options.Forgetting)-1:]
				}
			case 3:
				l.Reopen(t)
				if n := len(l.Options.Forgetting); n > 1 { // as a program does that finds an older key
					_, err := l.Rewrap(ctx, l.Options.Forgetting)
					must(t, err)
					l.Options.Forgetting = l.Options.Forgetting[n-1:]
				}
			}
			check()
		}
		must(t, l.Close())
	})
}
