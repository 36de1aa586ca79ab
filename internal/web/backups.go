// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

// backupRegister is what the pages ask of backups.
type backupRegister interface {
	BackupState(ctx context.Context, s *access.Session) (registry.BackupState, error)
}

// backupWarning says what is to be done about backups, and by which command.
type backupWarning struct{ Text, Command string }

// backupWarning is nil where nothing is to be done, or not by this member.
func (s *server) backupWarning(v *visit) (*backupWarning, error) {
	if !s.reg.May(v.session, access.Administer) {
		return nil, nil
	}
	state, err := s.reg.BackupState(v.r.Context(), v.session)
	if err != nil {
		return nil, err
	}
	switch state.Why {
	case "none":
		return &backupWarning{v.T("backup.none"), "kua backup FOLDER"}, nil
	case "old":
		return &backupWarning{v.T("backup.old", v.Day(edtf.DayOf(state.Made))), "kua backup"}, nil
	case "unproven":
		return &backupWarning{v.T("backup.unproven", v.Day(edtf.DayOf(state.Made))), "kua restore --rehearse"}, nil
	case "proof_old":
		return &backupWarning{v.T("backup.proof_old", v.Day(edtf.DayOf(state.Proven))), "kua restore --rehearse"}, nil
	}
	return nil, nil
}
