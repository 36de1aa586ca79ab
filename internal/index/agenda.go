// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/kua-registry/kua/internal/edtf"
)

// agenda is in which cases something is due on which days, so that a fortnight
// of a million cases is not looked for in all of them. It belongs to a listing
// and does not change: what was written since the base was made lies beside it.
type agenda struct {
	base  *agendaBase
	since map[int64]bool // streams whose rows are others now
}

// agendaBase is made when it is first asked for.
type agendaBase struct {
	mu   sync.Mutex
	made atomic.Bool
	at   []uint64 // days with streams, in order, each once: see agendaAt
}

// agendaAt writes a day and a stream so that they sort by day.
func agendaAt(day edtf.Day, stream int64) uint64 {
	return uint64(int64(day)-math.MinInt32)<<32 | uint64(uint32(stream))
}

func newAgenda() *agenda { return &agenda{base: &agendaBase{}} }

// with is the agenda after the rows of some streams changed.
func (a *agenda) with(changed map[int64]bool) *agenda {
	if len(changed) == 0 {
		return a
	}
	if !a.base.made.Load() || len(a.since)+len(changed) > mostSince {
		return newAgenda()
	}
	since := make(map[int64]bool, len(a.since)+len(changed))
	maps.Copy(since, a.since)
	maps.Copy(since, changed)
	return &agenda{a.base, since}
}

// make makes the base of rows, which are those of a listing that it belongs to.
func (b *agendaBase) make(rows []*listed) []uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.made.Load() {
		return b.at
	}
	var at []uint64
	for _, l := range rows {
		if l == nil {
			continue
		}
		from := len(at)
		for t := range l.terms {
			if key := agendaAt(t.due, l.stream); !slices.Contains(at[from:], key) {
				at = append(at, key)
			}
		}
	}
	slices.Sort(at)
	b.at = slices.Clip(at)
	b.made.Store(true)
	return b.at
}

// between are the streams in which something may be due from one day to
// another, both included, in order.
func (a *agenda) between(rows []*listed, from, to edtf.Day) []int64 {
	at := a.base.make(rows)
	i, _ := slices.BinarySearch(at, agendaAt(from, 0))
	var streams []int64
	for ; i < len(at) && at[i] <= agendaAt(to, math.MaxUint32); i++ {
		if stream := int64(at[i] & math.MaxUint32); !a.since[stream] {
			streams = append(streams, stream)
		}
	}
	streams = slices.AppendSeq(streams, maps.Keys(a.since))
	slices.Sort(streams)
	return slices.Compact(streams)
}
