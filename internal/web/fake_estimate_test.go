// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/estimate"
	"github.com/kua-registry/kua/internal/registry"
)

func (f *fake) CountsAll(s *access.Session) bool { return f.May(s, access.Count) }

// Estimate is made from an invented table by the exact method alone, so that it
// is quick, and has a method that did not converge.
func (f *fake) Estimate(_ context.Context, s *access.Session, q registry.OverlapQuery) (registry.Estimation, error) {
	if !f.CountsAll(s) {
		return registry.Estimation{}, registry.ErrNotAllowed
	}
	if f.fails != nil {
		return registry.Estimation{}, f.fails
	}
	table := estimate.NewTable("North", `O'Hara & <b>Co</b>`, "Apart")
	if !f.empty {
		copy(table.Counts, []int{0, 84, 63, 12, 41, 7, 9, 3})
	}
	e := registry.Estimation{Overlap: registry.Overlap{Clock: q.Clock, Figure: "reports", By: q.By, Verified: q.Verified, Entries: 2381, Root: strings.Repeat("5a1c0f", 10) + "77ee", Table: table}}
	run := func(t estimate.Table) (estimate.Report, *estimate.RefusedError) {
		r, err := estimate.Run(t, estimate.Options{Methods: []estimate.Method{estimate.Graphs, estimate.LogLinear}, Graph: estimate.GraphPrior{Bound: 4000}})
		refused, _ := errors.AsType[*estimate.RefusedError](err)
		return r, refused
	}
	if e.Report, e.Refused = run(table); e.Refused == nil {
		e.Report.Estimates = append([]estimate.Estimate{{Method: estimate.Latent, Observed: 219, Median: 700, Low: 300, High: 9000, Chains: 4, Convergence: estimate.Convergence{RHat: 1.3, Bulk: 11, Tail: 9}}}, e.Report.Estimates...)
		e.Report.Findings = append(e.Report.Findings,
			estimate.Finding{Code: estimate.NotConverged, Method: estimate.Latent, Values: []float64{1.3, 9}},
			estimate.Finding{Code: estimate.TwoModes, Method: estimate.Graphs, Values: []float64{612, 1804}},
			estimate.Finding{Code: estimate.PairDepends, Lists: table.Names(3), Values: []float64{0.9987}},
			estimate.Finding{Code: estimate.ListInside, Lists: table.Names(6)},
			estimate.Finding{Code: estimate.PairEmpty, Lists: table.Names(5)},
			estimate.Finding{Code: estimate.BoundDecides, Method: estimate.Graphs, Values: []float64{4000, 5211, 20933}},
			estimate.Finding{Code: estimate.PoorFit, Method: estimate.LogLinear, Values: []float64{8.03}})
	}
	if f.many {
		e.Table, e.Report = estimate.Table{}, estimate.Report{}
		e.Refused = &estimate.RefusedError{Code: estimate.TooManyLists, Count: 14}
		return e, nil
	}
	if q.By == registry.ByMonth {
		for _, month := range []string{"2022-01", "2022-02"} {
			one := registry.StratumEstimate{Code: month}
			one.Report, one.Refused = run(table)
			e.Strata = append(e.Strata, one)
		}
		e.Sums = estimate.Sum([]estimate.Report{e.Strata[0].Report, e.Strata[1].Report})
	}
	if q.By == "region" {
		few := estimate.NewTable(table.Lists...)
		copy(few.Counts, []int{0, 4, 3, 1, 2, 0, 0, 0})
		for _, part := range []estimate.Stratum{{Name: "KZ-75", Table: table}, {Name: "KZ-79", Table: few}} {
			one := registry.StratumEstimate{Code: part.Name}
			one.Report, one.Refused = run(part.Table)
			e.Strata = append(e.Strata, one)
		}
	}
	return e, nil
}
