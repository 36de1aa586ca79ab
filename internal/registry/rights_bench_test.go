// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"encoding/json"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
)

// BenchmarkRightsOfAMillion reads what is kept of the rights to a million cases
// of four organisations, as an opening does, and beside it a map of them as JSON
// has it: how long each takes, what is read, and what stays in memory.
//
//	go test -run '^$' -bench RightsOfAMillion -benchtime 3x ./internal/registry
func BenchmarkRightsOfAMillion(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	rs, alone := newRights(), map[string]*caseRights{}
	orgs := []string{ledger.NewID().String(), ledger.NewID().String(), ledger.NewID().String(), ledger.NewID().String()}
	for i := range 1_000_000 {
		var id ledger.ID
		for j := range id {
			id[j] = byte(random.UintN(256))
		}
		c := caseRights{Org: orgs[i%len(orgs)], Restricted: i%50 == 0}
		rs.set(id.String(), &c)
		alone[id.String()] = &caseRights{Org: c.Org, Restricted: c.Restricted}
	}
	kept, err := rs.keep()
	if err != nil {
		b.Fatal(err)
	}
	measure := func(name string, wrote any, read func(text []byte) (any, error)) {
		text, err := json.Marshal(wrote)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			var held float64
			for b.Loop() {
				before := heap()
				got, err := read(text)
				if err != nil {
					b.Fatal(err)
				}
				held = heap() - before
				runtime.KeepAlive(got)
			}
			b.ReportMetric(float64(len(text))/1e6, "MB-read")
			b.ReportMetric(held/1e6, "MB-held")
		})
	}
	measure("together", kept, func(text []byte) (any, error) {
		var again []keptCases
		if err := json.Unmarshal(text, &again); err != nil {
			return nil, err
		}
		rs := newRights()
		return rs, rs.restore(again)
	})
	measure("each alone", alone, func(text []byte) (any, error) {
		var again map[string]*caseRights
		err := json.Unmarshal(text, &again)
		return again, err
	})
}

// heap is what is in use once garbage is collected.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkSeeAMillion asks how much a member may see of each of a million cases
// of four organisations, every fiftieth restricted and every hundredth granted to
// somebody, as a page that walks through all of them does; and beside it with
// the rights of each case looked up and put together by themselves.
//
//	go test -run '^$' -bench SeeAMillion -benchtime 5x ./internal/registry
func BenchmarkSeeAMillion(b *testing.B) {
	random := rand.New(rand.NewPCG(3, 4))
	r := &Registry{rights: newRights(), now: time.Now}
	orgs := []string{ledger.NewID().String(), ledger.NewID().String(), ledger.NewID().String(), ledger.NewID().String()}
	ids := make([]string, 1_000_000)
	for i := range ids {
		var id ledger.ID
		for j := range id {
			id[j] = byte(random.UintN(256))
		}
		ids[i] = id.String()
		c := caseRights{Org: orgs[i%len(orgs)], Restricted: i%50 == 0}
		if i%100 == 1 {
			c.Grants = map[string]access.Grant{"g": {Part: access.Fact, To: orgs[1]}}
		}
		r.rights.set(ids[i], &c)
	}
	m := access.Member{ID: "m", Roles: []access.Role{access.CaseWorker}, Orgs: orgs[:2]}
	alone := func(id string) index.Sight {
		t, ok := r.thing(id)
		if !ok {
			return index.Nothing
		}
		return sight(m, t)
	}
	want := 0
	for _, of := range []struct {
		name string
		see  func() index.See
	}{{"together", func() index.See { return r.see(m) }}, {"each alone", func() index.See { return alone }}} {
		b.Run(of.name, func(b *testing.B) {
			for b.Loop() {
				see, n := of.see(), 0
				for _, id := range ids {
					n += int(see(id))
				}
				if want == 0 {
					want = n
				}
				if n != want {
					b.Fatalf("%d, not %d", n, want)
				}
			}
		})
	}
}
