// SPDX-License-Identifier: AGPL-3.0-or-later

package invented

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"iter"
	"math/rand/v2"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
)

// Register is a register that is made up: cases 0 to Cases-1 of Orgs
// organisations, written down from 2018 on. Nothing is written after Until,
// which is not before 1 June 2022.
type Register struct {
	Seed        uint64
	Cases, Orgs int
	Until       edtf.Day
}

// MaxCases is how many cases a register can have: their numbers have seven digits.
const MaxCases = 9_000_000

// LastDay is when the writing ends, where nothing else is wanted; FirstUntil is
// the earliest day on which it may.
var (
	LastDay    = day("2025-12-31")
	FirstUntil = day("2022-06-01")

	firstDay, surgeFrom, surgeTo = day("2018-01-01"), day("2022-01-05"), day("2022-05-15")
)

func day(text string) edtf.Day {
	d, err := edtf.ParseDay(text)
	if err != nil {
		panic(err) // a constant of this package
	}
	return d
}

// FirstDay is the first day on which anything is written.
func (r Register) FirstDay() edtf.Day { return firstDay }

// Written is the day on which a case is first written down: a third of all in
// the months after January 2022, the others before and after.
func (r Register) Written(n int) edtf.Day {
	after := r.Until.Add(-30)
	stretches := []struct {
		share    float64
		from, to edtf.Day
	}{{0.35, firstDay, surgeFrom}, {0.35, surgeFrom, surgeTo}, {0.30, surgeTo, after}}
	if after.Sub(surgeTo) < 90 { // there is hardly any time after it
		stretches[0].share, stretches[1].share = 0.45, 0.55
		stretches = stretches[:2]
	}
	at := (float64(n) + 0.5) / float64(r.Cases)
	for i, s := range stretches {
		if at < s.share || i == len(stretches)-1 {
			return s.from.Add(int(at / s.share * float64(s.to.Sub(s.from))))
		}
		at -= s.share
	}
	return after
}

// Same is the case of the same person that was written first, some days before
// and by another organisation: n itself where there is none. Every eighth is one.
func (r Register) Same(n int) int {
	if r.Orgs < 2 || n%8 != 1 {
		return n
	}
	shift := 1 + 8*(r.Cases/3000)
	for shift%r.Orgs == 0 {
		shift += 8
		if r.Orgs%8 == 0 { // never: shift is odd
			break
		}
	}
	if n < shift {
		return n
	}
	return n - shift
}

// Org is the organisation whose case it is.
func (r Register) Org(n int) int { return n % r.Orgs }

// random is chance that is the same whenever it is asked for.
func (r Register) random(n int, what string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(what))                                                        // it never fails
	return rand.New(rand.NewPCG(r.Seed, h.Sum64()^uint64(n)*0x9e3779b97f4a7c15)) //nolint:gosec // invented people, no secret
}

// id is an id such as the ledger gives.
func (r Register) id(what string, n ...uint64) string {
	h := fnv.New128a()
	h.Write([]byte(what))
	for _, x := range append([]uint64{r.Seed}, n...) {
		h.Write(binary.LittleEndian.AppendUint64(nil, x))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// CaseID is the id of a case.
func (r Register) CaseID(n int) string { return r.id("case", uint64(n)) }

// Number is the number of a case: seven digits that follow no order, as the register draws them.
func (r Register) Number(n int) string {
	return fmt.Sprintf("K-%d", 1_000_000+(uint64(n)*7_654_321+r.Seed%MaxCases*1_234_567)%MaxCases)
}

// Turn is one act of one case: the k-th of Case(n).Acts.
type Turn struct{ Case, Act int }

// Days yields every day on which something is written, with the acts of that
// day: in the order of a ledger.
func (r Register) Days() iter.Seq2[edtf.Day, []Turn] {
	return func(yield func(edtf.Day, []Turn) bool) {
		later := map[edtf.Day][]Turn{}
		next := 0
		for day := r.Written(0); next < r.Cases || len(later) > 0; day++ {
			turns := later[day]
			delete(later, day)
			for ; next < r.Cases && r.Written(next) <= day; next++ {
				for k, act := range r.Case(next).Acts {
					if act.Day <= day {
						turns = append(turns, Turn{next, k})
					} else {
						later[act.Day] = append(later[act.Day], Turn{next, k})
					}
				}
			}
			if len(turns) > 0 && !yield(day, turns) {
				return
			}
		}
	}
}

// fields are the fields of a record, by name and value; those without a value
// are left out. A name that ends in * has many values, with | between them.
func fields(of ...string) casefile.Fields {
	f := make(casefile.Fields, len(of)/2)
	for i := 0; i < len(of); i += 2 {
		put(f, of[i], of[i+1])
	}
	return f
}
