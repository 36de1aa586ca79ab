// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/doctor"
	"github.com/kua-registry/kua/internal/registry"
)

func (f *fake) Condition(ctx context.Context, s *access.Session) (registry.Condition, error) {
	backups, err := f.BackupState(ctx, s)
	if err != nil || f.empty {
		return registry.Condition{Backups: backups}, err
	}
	return registry.Condition{
		Alone: true, WithoutFactor: 2, StaleCopies: 1, Recovery: registry.RecoveryOld, Alarms: 3, Webhooks: 1,
		Backups: registry.BackupState{Made: moment("2022-06-23T22:00:00Z"), Where: "/mnt/" + hostile, Why: "unproven"},
		Stamped: registry.Stamped{Entries: 2200, At: moment("2022-06-20T08:00:00Z")},
	}, nil
}

func (f *fake) Nodes(context.Context, *access.Session) ([]registry.NodeSeen, error) {
	if f.empty {
		return nil, nil
	}
	return []registry.NodeSeen{
		{Name: "desk", Since: moment("2022-01-03T09:00:00Z"), Here: true},
		{Name: "spare", Since: moment("2022-05-01T09:00:00Z"), Waits: true},
	}, nil
}

// fakeAround is a machine on which several things are not as they should be.
func fakeAround() (Around, error) {
	return Around{
		Version: "1.2.3", Since: moment("2022-06-21T06:30:00Z"),
		Findings:    []doctor.Finding{doctor.Found("open", "/var/lib/kua/register/"+hostile, "/var/lib/kua/register", "/var/lib/kua/register.forgetting"), doctor.Found("certificate.soon", "2022-07-01")},
		Disk:        doctor.Disk{Free: 12 << 30, Size: 100 << 30},
		Certificate: moment("2022-07-01T00:00:00Z"),
	}, nil
}

// around is nothing where the register is empty.
func (f *fake) around() (Around, error) {
	if f.empty {
		return nothingAround()
	}
	if f.broken != nil {
		return Around{}, f.broken
	}
	return fakeAround()
}
