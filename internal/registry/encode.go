// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/encoded"
	"github.com/kua-registry/kua/internal/index"
)

// MayEncode tells whether a member may hand cases of an organisation of theirs
// over with who somebody is, and so encode them.
func (r *Registry) MayEncode(s *access.Session) bool {
	return slices.ContainsFunc(s.Member.Orgs, func(org string) bool {
		return access.Decide(s.Member, access.HandOver, access.Thing{Org: org, Part: access.Identity, Day: r.Today()})
	})
}

// EncodeCases encodes the cases of the member's own organisations that they may
// hand over with who somebody is. Who has refused to be shared with the
// coalition, or taken that back, is not in the file. Nothing of it is kept.
func (r *Registry) EncodeCases(ctx context.Context, s *access.Session, key encoded.Key, schema encoded.Schema) (_ encoded.List, err error) {
	defer r.refusal(ctx, s, "encoded", "", &err)
	list, _, err := r.encode(ctx, s, key, schema, func(access.Thing) bool { return true })
	return list, err
}

// encode encodes those of these cases that are to be in it, and answers with the
// list which case each of its rows is.
func (r *Registry) encode(ctx context.Context, s *access.Session, key encoded.Key, schema encoded.Schema, wanted func(access.Thing) bool) (encoded.List, []string, error) {
	if !r.MayEncode(s) {
		return encoded.List{}, nil, ErrNotAllowed
	}
	if !r.sessions.Fresh(s) {
		return encoded.List{}, nil, ErrProof
	}
	lister, err := encoded.NewLister(key, schema)
	if err != nil {
		return encoded.List{}, nil, err
	}
	see := r.see(s.Member)
	var ids []string
	for file, err := range r.index.Files(ctx, allKnown) {
		if err != nil {
			return encoded.List{}, nil, err
		}
		t, ok := r.thing(file.ID)
		t.Part = access.Identity
		if ok && see(file.ID) == index.All && wanted(t) && slices.Contains(s.Member.Orgs, t.Org) && access.Decide(s.Member, access.HandOver, t) {
			ids = append(ids, file.ID)
		}
	}
	refused := 0
	var in []string
	for _, id := range ids {
		file, err := r.fromLedger(ctx, id)
		if err != nil {
			return encoded.List{}, nil, err
		}
		if r.refusesCoalition(file) {
			refused++
			continue
		}
		rec := person(file)
		row, err := r.index.Row(ctx, id, Clock{AsOf: r.Today()}, see)
		if err != nil {
			return encoded.List{}, nil, err
		}
		lister.Add(row.Number, func(input string) []string { return rec.Fields[input] })
		in = append(in, id)
	}
	out, order, err := lister.List(rand.Reader)
	if err != nil {
		return encoded.List{}, nil, err
	}
	out.Refused = refused
	var leaving []string
	for _, at := range order {
		leaving = append(leaving, in[at])
	}
	if err := r.readsIdentity(ctx, s, actRead, "encoded", in...); err != nil {
		return encoded.List{}, nil, err
	}
	var lines []*line
	// The audit doesn't tell which row is which.
	for some := range slices.Chunk(slices.Sorted(slices.Values(leaving)), casesPerLine) {
		lines = append(lines, &line{act: actExport, what: "encoded", by: s.Keys.Identity, n: len(some), cases: some})
	}
	if len(lines) > 0 {
		if err := r.audit(ctx, lines...); err != nil {
			return encoded.List{}, nil, fmt.Errorf("%w (%w)", ErrUnaudited, err)
		}
	}
	return out, leaving, nil
}

// refusesCoalition tells whether the person of a case has refused to be shared
// with the coalition, or taken that back.
func (r *Registry) refusesCoalition(file *casefile.Case) bool {
	victim := victimOf(file)
	state, _ := casefile.Consent(file.Of("consent"), "share_coalition", r.Today(), func(named string) bool { return named == "" || named == victim })
	return state == casefile.ConsentWithdrawn
}
