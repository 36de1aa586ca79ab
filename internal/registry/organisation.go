// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
)

// What somebody who looks after organisations can be told.
var (
	// ErrOrgName says that a name can't be an organisation's.
	ErrOrgName = errors.New("an organisation's name has 1 to 160 letters")
	// ErrOrgTaken says that another organisation has the name.
	ErrOrgTaken = errors.New("another organisation has this name already: choose another")
	// ErrCounts says who may say whether an organisation counts.
	ErrCounts = errors.New("whether its cases count with the coalition, an organisation says itself: one of its own case workers or administrators does it")
)

// NewOrganisation is an organisation to be added.
type NewOrganisation struct {
	Name   string
	Counts bool // its cases count in the coalition's figures
	// ForOthers: whoever adds it does not become a member of it. It has no keys
	// until its first member is invited, and then they are open to them alone.
	ForOthers bool
}

// AddOrganisation adds an organisation. Whoever adds it becomes a member of
// it, unless it is for others. One that is there under this name is answered
// as it is.
func (r *Registry) AddOrganisation(ctx context.Context, s *access.Session, org NewOrganisation) (_ Org, err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return Org{}, ErrNotAllowed
	}
	if r.beside {
		return Org{}, ledger.ErrLocked
	}
	name, err := orgName(org.Name)
	if err != nil {
		return Org{}, err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	if old, ok := r.Organisation(ctx, name); ok {
		return old, nil
	}
	id := ledger.NewID().String()
	acts := []act{{stream: id, puts: []Put{{Record: id, Kind: organisationKind, Fields: casefile.Fields{"name": {name}, "counts": {yesNo(org.Counts)}}}}, source: "added by a member"}}
	member, keys := s.Member, s.Keys
	if !org.ForOthers {
		vault, err := r.makeVault(s.Keys.Identity.Public(), id)
		if err != nil {
			return Org{}, err
		}
		next := *r.roll().member(member.ID)
		next.Orgs = append(slices.Clone(next.Orgs), id)
		member, keys = next.Member, s.Keys.With(id, vault)
		acts = append(acts, act{stream: member.ID, puts: []Put{{Record: member.ID, Kind: memberKind, Fields: next.fields()}}, source: "added by a member"})
	}
	if err := r.write(ctx, s, acts); err != nil && r.roll().org(id) == nil { // it stands in the ledger otherwise, and the index follows later
		return Org{}, errors.Join(err, r.sweep(false))
	}
	s.Member, s.Keys = member, keys
	r.sessions.Update(s)
	return Org{ID: id, Name: name, Counts: org.Counts}, nil
}

// ChangeOrganisation gives an organisation another name, and says whether its
// cases count with the coalition: that opens their facts to the coalition's
// analysts and coordinators, so the organisation's own say it, with fresh proof.
func (r *Registry) ChangeOrganisation(ctx context.Context, s *access.Session, id, name string, counts bool) (err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	own := access.Decide(s.Member, access.LetIn, access.Thing{Org: id})
	if !own && !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return ErrNotAllowed
	}
	name, err = orgName(name)
	if err != nil {
		return err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	ro := r.roll()
	old := ro.org(id)
	switch {
	case old == nil:
		return ErrNotFound
	case old.Name == name && old.Counts == counts:
		return nil
	case !ro.mayChange(s.Member, *old, name, counts):
		return ErrCounts
	case old.Counts != counts && r.coalition != nil:
		return ErrCountsSettled
	case old.Counts != counts && !r.sessions.Fresh(s):
		return ErrProof
	case slices.ContainsFunc(ro.Orgs, func(o *rollOrg) bool { return o.ID != id && strings.EqualFold(o.Name, name) }):
		return ErrOrgTaken
	}
	records, err := r.index.Outside(ctx, organisationKind, allKnown)
	if err != nil {
		return err
	}
	fields := casefile.Fields{}
	for _, rec := range records {
		if rec.ID == id {
			fields = maps.Clone(rec.Fields) // its contacts and regions stay as they are
		}
	}
	fields["name"], fields["counts"] = []string{name}, []string{yesNo(counts)}
	return r.write(ctx, s, []act{{stream: id, puts: []Put{{Record: id, Kind: organisationKind, Fields: fields}}, source: "changed by a member"}})
}

func orgName(name string) (string, error) {
	name = strings.Join(strings.Fields(norm.NFC.String(name)), " ")
	if name == "" || utf8.RuneCountInString(name) > 160 {
		return "", ErrOrgName
	}
	return name, nil
}

// Organisation finds an organisation by its name, without regard to case, or by its id.
func (r *Registry) Organisation(_ context.Context, nameOrID string) (Org, bool) {
	nameOrID = strings.TrimSpace(nameOrID)
	for _, o := range r.roll().Orgs {
		if o.ID == nameOrID || strings.EqualFold(o.Name, nameOrID) {
			return Org{ID: o.ID, Name: o.Name, Counts: o.Counts}, true
		}
	}
	return Org{}, false
}

// OrgView is an organisation as those see it who look after it.
type OrgView struct {
	Org
	Members   []access.Member // who have not left
	Waiting   []InvitationView
	MayLetIn  bool // open it to a member, and close it
	MayAsk    bool // ask somebody new into it
	MayCounts bool // say whether it counts
	MayRename bool
	Second    bool // exports of its cases need a second person of it
	MaySecond bool // say whether they do
}

// LookedAfter are the organisations that the member looks after: an
// administrator all of them, others those into which they may let somebody.
// Numbers of cases are not in it.
func (r *Registry) LookedAfter(ctx context.Context, s *access.Session) (_ []OrgView, err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	ro, now := r.roll(), r.now()
	office := access.Decide(s.Member, access.Administer, access.Thing{})
	var views []OrgView
	for _, o := range ro.Orgs {
		own := access.Decide(s.Member, access.LetIn, access.Thing{Org: o.ID})
		if !own && !office {
			continue
		}
		v := OrgView{
			Org:      Org{ID: o.ID, Name: o.Name, Counts: o.Counts},
			MayLetIn: own, MayAsk: office && ro.mayOpen(s.Member, o.ID, now),
			Second: o.Second, MaySecond: own && o.Node == "",
			MayCounts: ro.mayChange(s.Member, *o, o.Name, !o.Counts), MayRename: ro.mayChange(s.Member, *o, o.Name+"x", o.Counts),
		}
		for _, m := range ro.Members {
			if !m.Left && slices.Contains(m.Orgs, o.ID) {
				v.Members = append(v.Members, m.Member)
			}
		}
		for _, i := range ro.Invitations {
			if i.Open(now) && slices.Contains(i.Orgs, o.ID) {
				v.Waiting = append(v.Waiting, *i)
			}
		}
		views = append(views, v)
	}
	if len(views) == 0 && !office {
		return nil, ErrNotAllowed
	}
	slices.SortStableFunc(views, func(a, b OrgView) int { return cmp.Compare(a.Name, b.Name) })
	return views, nil
}

// Organisations are all organisations. How many cases they have is not in it,
// since every page asks for their names: see CountedOrganisations.
func (r *Registry) Organisations(ctx context.Context, s *access.Session) ([]Org, error) {
	if !access.Decide(s.Member, access.Count, access.Thing{}) {
		return nil, ErrNotAllowed
	}
	return r.organisations(ctx, time.Time{})
}

// CountedOrganisations are all organisations with the number of their cases.
func (r *Registry) CountedOrganisations(ctx context.Context, s *access.Session) ([]Org, error) {
	orgs, err := r.Organisations(ctx, s)
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
