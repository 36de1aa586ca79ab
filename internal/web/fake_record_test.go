// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"slices"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/registry"
)

const (
	facilityID = "f0000000000000000000000000000001"
	draftID    = "d0000000000000000000000000000001"
)

// fakeFacility is what all share in the invented register.
func (f *fake) fakeFacility() *casefile.Record {
	at := time.Date(2022, 6, 1, 9, 0, 0, 0, time.UTC)
	fields := casefile.Fields{"name": {"Station " + hostile}, "region": {"KZ-79"}}
	return casefile.Fold(f.book, facilityID, []casefile.Entry{
		{Pos: 1, At: at, Record: facilityID, Kind: "facility", Op: casefile.Put, Fields: casefile.Fields{"name": {"Station"}}},
		{Pos: 2, At: at.Add(time.Hour), Record: facilityID, Kind: "facility", Op: casefile.Put, Fields: fields, Reason: hostile},
	}).Records()[0]
}

func (f *fake) Known(_ context.Context, _ *access.Session, kind string) ([]registry.OutsideRecord, error) {
	if f.fails != nil {
		return nil, f.fails
	}
	if saidKind(kind) {
		return f.saidOf(kind), nil
	}
	if kind != "facility" || f.empty {
		return nil, nil
	}
	rec := f.fakeFacility()
	return []registry.OutsideRecord{{ID: rec.ID, Kind: rec.Kind, Fields: rec.Fields, At: rec.At}}, nil
}

func (f *fake) KnownRecord(_ context.Context, _ *access.Session, id string) (*casefile.Record, error) {
	if rec, ok := f.fakeSaid()[id]; ok && saidKind(rec.Kind) {
		return rec, f.fails
	}
	if id != facilityID {
		return nil, registry.ErrNotFound
	}
	return f.fakeFacility(), f.fails
}

func (f *fake) NewCase(_ context.Context, _ *access.Session, n registry.NewCase) (registry.Row, error) {
	f.opened = &n
	return f.rows()[0], f.fails
}

func (f *fake) PutRecord(_ context.Context, _ *access.Session, c registry.RecordChange) (string, error) {
	if f.refuses != nil {
		return "", f.refuses
	}
	f.put = &c
	if c.Record == "" {
		return "e0000000000000000000000000000009", nil
	}
	return c.Record, nil
}

func (f *fake) WithdrawRecord(_ context.Context, _ *access.Session, _, record string, seen int, reason string) error {
	switch {
	case reason == "":
		return registry.ErrReason
	case seen < 1:
		return registry.ErrChanged
	}
	f.withdrawn = record
	return f.refuses
}

func (f *fake) KeepDraft(_ context.Context, s *access.Session, d registry.Draft) (string, error) {
	if d.ID == "" {
		d.ID = draftID
	}
	d.At = f.at
	f.kept = append(slices.DeleteFunc(f.kept, func(o registry.Draft) bool { return o.ID == d.ID }), d)
	return d.ID, f.refuses
}

func (f *fake) Draft(_ context.Context, _ *access.Session, id string) (registry.Draft, error) {
	for _, d := range f.kept {
		if d.ID == id {
			return d, nil
		}
	}
	return registry.Draft{}, registry.ErrNotFound
}

func (f *fake) Drafts(_ context.Context, _ *access.Session, caseID string) ([]registry.Draft, error) {
	var out []registry.Draft
	for _, d := range f.kept {
		if caseID == "" || d.Case == caseID {
			d.Number = "K-1000001"
			out = append(out, d)
		}
	}
	return out, f.fails
}

func (f *fake) DropDraft(_ context.Context, _ *access.Session, id string) error {
	f.kept = slices.DeleteFunc(f.kept, func(o registry.Draft) bool { return o.ID == id })
	return f.refuses
}
