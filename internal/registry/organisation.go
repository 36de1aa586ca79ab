// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"sort"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
)

// NewOrganisation is an organisation to be added.
type NewOrganisation struct {
	Name   string
	Counts bool // its cases count in the coalition's figures
}

// AddOrganisation adds an organisation, of which the member becomes a member:
// its vault key is made now and sealed to its members.
func (r *Registry) AddOrganisation(ctx context.Context, s *access.Session, org NewOrganisation) (Org, error) {
	if !access.Decide(s.Member, access.WriteOutside, access.Thing{}) || !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return Org{}, ErrNotAllowed
	}
	name := strings.Join(strings.Fields(org.Name), " ")
	r.writing.Lock()
	defer r.writing.Unlock()
	if old, ok := r.Organisation(ctx, name); ok {
		return old, nil
	}
	id := ledger.NewID().String()
	if err := r.makeVault(s, id); err != nil {
		return Org{}, err
	}
	counts := "no"
	if org.Counts {
		counts = "yes"
	}
	member := s.Member
	member.Orgs = append(append([]string{}, member.Orgs...), id)
	err := r.write(ctx, s, []act{
		{stream: id, puts: []Put{{Record: id, Kind: "organisation", Fields: casefile.Fields{"name": {name}, "counts": {counts}}}}, source: "added by a member"},
		{stream: member.ID, puts: []Put{memberPut(member, s.Keys.Identity)}, source: "added by a member"},
	})
	if err != nil {
		return Org{}, err
	}
	s.Member = member
	return Org{ID: id, Name: name, Counts: org.Counts}, nil
}

// Organisation finds an organisation by its name, without regard to case, or by its id.
func (r *Registry) Organisation(ctx context.Context, nameOrID string) (Org, bool) {
	orgs, err := r.organisations(ctx, time.Time{})
	if err != nil {
		return Org{}, false
	}
	for _, o := range orgs {
		if o.ID == nameOrID || strings.EqualFold(o.Name, nameOrID) {
			return o, true
		}
	}
	return Org{}, false
}

// Organisations are all organisations with the number of their cases.
func (r *Registry) Organisations(ctx context.Context, s *access.Session) ([]Org, error) {
	if !access.Decide(s.Member, access.Count, access.Thing{}) {
		return nil, ErrNotAllowed
	}
	orgs, err := r.organisations(ctx, time.Time{})
	if err != nil {
		return nil, err
	}
	stats, err := r.index.Stats(ctx, time.Time{}, r.knows(s.Member))
	if err != nil {
		return nil, err
	}
	for i := range orgs {
		orgs[i].Cases = stats.ByOrg[orgs[i].ID]
	}
	return orgs, nil
}

func (r *Registry) organisations(ctx context.Context, knownBy time.Time) ([]Org, error) {
	records, err := r.index.Outside(ctx, "organisation", knownBy)
	if err != nil {
		return nil, err
	}
	orgs := make([]Org, 0, len(records))
	for _, rec := range records {
		orgs = append(orgs, Org{ID: rec.ID, Name: first(rec.Fields["name"]), Counts: first(rec.Fields["counts"]) == "yes"})
	}
	sort.SliceStable(orgs, func(i, j int) bool { return orgs[i].Name < orgs[j].Name })
	return orgs, nil
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
