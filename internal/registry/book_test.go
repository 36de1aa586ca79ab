// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// TestRulebooksAreLoadedOneAtATime holds that each is loaded once whoever asks, never two at a time, for what surrounds
// loading is the whole process's; and that one that could not be loaded is tried again.
func TestRulebooksAreLoadedOneAtATime(t *testing.T) {
	var loading, loads atomic.Int32
	broken := true
	known := Rulebooks(func(pack string) (*Rulebook, error) {
		if loading.Add(1) > 1 {
			t.Error("two are loaded at a time")
		}
		defer loading.Add(-1)
		loads.Add(1)
		if pack == "broken" && broken {
			return nil, errors.New("broken")
		}
		return &Rulebook{}, nil
	})
	var asked sync.WaitGroup
	for range 20 {
		for _, pack := range Packs() {
			asked.Go(func() {
				if book, err := known(pack); book == nil || err != nil {
					t.Errorf("%s: %v", pack, err)
				}
			})
		}
	}
	asked.Wait()
	if n := loads.Load(); int(n) != len(Packs()) {
		t.Errorf("%d packs were loaded %d times", len(Packs()), n)
	}
	if book, err := known("broken"); book != nil || err == nil {
		t.Errorf("what is broken is loaded: %v", err)
	}
	broken = false
	if book, err := known("broken"); book == nil || err != nil {
		t.Errorf("what was broken is not tried again: %v", err)
	}
}
