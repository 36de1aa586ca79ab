// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/kua-registry/kua/internal/access"
)

// The file in which a register keeps where its backups are and which of them
// was proven, sealed to the node. It is no part of the ledger: it holds the
// secret of an access key, and what it says is of this machine.
const backupsFile, backupsLabel = "backups", "kua/backups/v1"

// After what a register says that its backups are old.
const (
	BackupOld = 7 * 24 * time.Hour  // since the last backup
	ProofOld  = 35 * 24 * time.Hour // since the backup that was proven last
)

// keptBackups is the file.
type keptBackups struct {
	Places []keptPlace `json:"places"` // the one that was used last stands last
}

// keptPlace is a place of backups.
type keptPlace struct {
	At     BackupPlace `json:"at"`
	Made   backupMark  `json:"made"`   // the last one that was made there
	Proven backupMark  `json:"proven"` // the newest one that was restored from there and found the same
}

// backupMark is a backup as it is remembered.
type backupMark struct {
	Name    string    `json:"name"`
	At      time.Time `json:"at"`          // when it was made
	On      time.Time `json:"on,omitzero"` // when it was proven
	Entries uint64    `json:"entries"`     // of the ledger
	Root    string    `json:"root"`        // of its tree
}

func (r *Registry) keptBackups() (keptBackups, error) {
	var kept keptBackups
	err := r.openSealed(backupsFile, backupsLabel, &kept)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return kept, err
}

// newest is the latest of marks; the zero mark where there is none.
func (k keptBackups) newest(of func(keptPlace) backupMark) (m backupMark) {
	for _, p := range k.Places {
		if is := of(p); is.At.After(m.At) {
			m = is
		}
	}
	return m
}

func (k keptBackups) made() backupMark {
	return k.newest(func(p keptPlace) backupMark { return p.Made })
}

func (k keptBackups) proven() backupMark {
	return k.newest(func(p keptPlace) backupMark { return p.Proven })
}

// LastProvenBackup says when the newest backup was made that was restored as a
// trial and found to hold what the register holds; false: none ever was. It
// tells nothing else and may be asked without a session.
func (r *Registry) LastProvenBackup(context.Context) (time.Time, bool, error) {
	kept, err := r.keptBackups()
	at := kept.proven().At
	return at, !at.IsZero(), err
}

// LastBackup says when the last backup was made; false: there is none. As
// LastProvenBackup it may be asked without a session.
func (r *Registry) LastBackup(context.Context) (time.Time, bool, error) {
	kept, err := r.keptBackups()
	at := kept.made().At
	return at, !at.IsZero(), err
}

// BackupState says how it stands with the backups of a register.
type BackupState struct {
	Made   time.Time `json:"made,omitzero"`   // the last backup; zero: there is none
	Proven time.Time `json:"proven,omitzero"` // when the newest proven one was made; zero: none was
	On     time.Time `json:"on,omitzero"`     // when it was proven
	Where  string    `json:"where,omitempty"` // the place that was used last

	// Why says what is to be done, as a code: "none", "old", "unproven",
	// "proof_old"; empty where nothing is.
	Why string `json:"why,omitempty"`
}

// BackupState says how it stands with the backups, to who looks after the register.
func (r *Registry) BackupState(_ context.Context, s *access.Session) (BackupState, error) {
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return BackupState{}, ErrNotAllowed
	}
	kept, err := r.keptBackups()
	if err != nil {
		return BackupState{}, err
	}
	made, proven := kept.made(), kept.proven()
	v := BackupState{Made: made.At, Proven: proven.At, On: proven.On}
	if n := len(kept.Places); n > 0 {
		v.Where = kept.Places[n-1].At.Where()
	}
	now := r.now()
	switch {
	case made.At.IsZero():
		v.Why = "none"
	case now.Sub(made.At) > BackupOld:
		v.Why = "old"
	case proven.At.IsZero():
		v.Why = "unproven"
	case now.Sub(proven.At) > ProofOld:
		v.Why = "proof_old"
	}
	return v, nil
}

// remember keeps what is to be remembered of a place, which stands last from then on.
func (r *Registry) remember(at BackupPlace, change func(*keptPlace)) error {
	kept, err := r.keptBackups()
	if err != nil {
		return err
	}
	p := keptPlace{}
	kept.Places = slices.DeleteFunc(kept.Places, func(old keptPlace) bool {
		if old.At.Where() != at.Where() {
			return false
		}
		p = old
		return true
	})
	p.At = at
	p.At.Bucket.Secret = cmp.Or(at.Bucket.Secret, p.At.Bucket.Secret)
	change(&p)
	kept.Places = append(kept.Places, p)
	return r.keepSealed(backupsFile, backupsLabel, kept)
}

// BackupPlace is where backups are kept: a folder, or a bucket.
type BackupPlace struct {
	Folder string `json:"folder,omitempty"` // absolute
	Bucket Bucket `json:"bucket,omitzero"`
}

// Where names the place, without what opens it.
func (p BackupPlace) Where() string {
	if p.Folder != "" {
		return p.Folder
	}
	if p.Bucket.Name == "" {
		return ""
	}
	return p.Bucket.Endpoint + "/" + p.Bucket.Name + "/" + p.Bucket.Prefix
}
