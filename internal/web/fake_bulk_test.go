// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"fmt"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

const (
	searchID = "50000000000000000000000000000001"
	bulkID   = "60000000000000000000000000000001"
)

func (f *fake) SavedSearches(_ context.Context, s *access.Session) ([]registry.SavedSearch, error) {
	if !f.May(s, access.Count) {
		return nil, registry.ErrNotAllowed
	}
	if f.empty || f.fails != nil {
		return nil, f.fails
	}
	return []registry.SavedSearch{
		{ID: searchID, Name: "Closed in R-1 " + hostile, Query: "region=R-1&stage=closed&sort=number", Own: true},
		{ID: "50000000000000000000000000000002", Name: "Әбілғазы", Query: "q=%D3%98%D0%B1%D1%96%D0%BB&verified=1", Org: orgNorth, OrgName: "Northern Sample Centre", By: "Sample Worker"},
		{ID: "50000000000000000000000000000003", Name: "A rule that is gone", Query: "rule=NO-99", Own: true},
	}, nil
}

func (f *fake) SaveSearch(_ context.Context, _ *access.Session, n registry.NewSearch) (string, error) {
	if strings.TrimSpace(n.Name) == "" {
		return "", registry.ErrSearchName
	}
	f.did = append(f.did, fmt.Sprintf("save %s|%s|%s", n.Name, n.Query, n.Org))
	return searchID, f.refuses
}

func (f *fake) DropSearch(_ context.Context, _ *access.Session, id string) error {
	if id != searchID {
		return registry.ErrNotFound
	}
	f.did = append(f.did, "drop "+id)
	return nil
}

func (f *fake) CountCases(_ context.Context, _ *access.Session, q registry.Query) (int, error) {
	return 7 + len(q.Facets), f.fails
}

func (f *fake) Selection(_ context.Context, _ *access.Session, q registry.Query) ([]string, error) {
	f.asked = q
	if q.Text == "everything" {
		return nil, registry.ErrManyCases
	}
	return []string{caseOne, caseTwo, caseThree}, f.fails
}

func (f *fake) MayBulk(s *access.Session) (tasks, grants bool) {
	return s.Member.Is(access.CaseWorker, access.Lawyer, access.Clinician), s.Member.Is(access.CaseWorker)
}

func (f *fake) BulkHolders(ctx context.Context, s *access.Session) ([]registry.Holder, error) {
	if !s.Member.Is(access.CaseWorker) {
		return nil, registry.ErrNotAllowed
	}
	return f.Holders(ctx, s, "")
}

func (f *fake) PlanBulk(_ context.Context, _ *access.Session, b registry.Bulk) (registry.BulkPlan, error) {
	if f.fails != nil {
		return registry.BulkPlan{}, f.fails
	}
	if b.What == registry.BulkGrant && b.Grant.To == "nobody" {
		return registry.BulkPlan{}, registry.ErrNoHolder
	}
	rows := f.rows()
	plan := registry.BulkPlan{Gone: 1, To: "Южный пример", ToOrg: true, Set: "the-set" + strings.Join(b.Also, "")}
	why := ""
	for i, row := range rows {
		why = ""
		switch {
		case i == 1:
			why = registry.BulkThere
		case i == 2 && b.What == registry.BulkGrant && len(b.Also) == 0:
			why = registry.BulkRestricted
		case i > 2:
			why = registry.BulkNotAllowed
		}
		one := registry.BulkRow{Row: row, Restricted: i == 2, Why: why}
		if why == "" {
			plan.Do = append(plan.Do, one)
		} else {
			plan.Not = append(plan.Not, one)
		}
	}
	return plan, nil
}

func (f *fake) DoBulk(ctx context.Context, s *access.Session, b registry.Bulk, set, reason string) (string, error) {
	plan, err := f.PlanBulk(ctx, s, b)
	switch {
	case err != nil:
		return "", err
	case plan.Set != set:
		return "", registry.ErrSet
	case b.What == registry.BulkGrant && !f.sessions.Fresh(s):
		return "", registry.ErrProof
	}
	f.did = append(f.did, fmt.Sprintf("%s %d %s %v %s", b.What, len(b.Cases), reason, b.Task, b.Grant.To))
	return bulkID, f.refuses
}

func (f *fake) BulkDone(_ context.Context, _ *access.Session, id string) (registry.BulkView, error) {
	if id != bulkID {
		return registry.BulkView{}, registry.ErrNotFound
	}
	return registry.BulkView{ID: bulkID, What: registry.BulkTask, Reason: "a round of calls " + hostile, Rows: f.rows()[:3], Left: 2, Undone: f.undone}, f.fails
}

func (f *fake) UndoBulk(_ context.Context, _ *access.Session, id, reason string) (int, error) {
	if id != bulkID {
		return 0, registry.ErrNotFound
	}
	if f.undone {
		return 0, registry.ErrSet
	}
	f.undone = true
	f.did = append(f.did, "undo "+reason)
	return 1, f.refuses
}

func (f *fake) Extent(_ context.Context, s *access.Session) (uint64, string, error) {
	if !f.May(s, access.Count) {
		return 0, "", registry.ErrNotAllowed
	}
	return 2043, "9f3c0d1e2b4a5968778695a4b3c2d1e0f9e8d7c6b5a4938271605f4e3d2c1b0a", f.fails
}
