// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"io/fs"
	"strconv"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/doctor"
)

// Condition is how it stands with what somebody must look after: numbers, and no name.
type Condition struct {
	Alone         bool        // whoever asks is the only one who can administer the register
	WithoutFactor int         // members who are let in with a passphrase alone
	StaleCopies   int         // of the forgetting keys, that lack the newest key
	Recovery      string      // what is to be done about recovery, as RecoveryNone; empty: nothing
	Backups       BackupState // and what is to be done about them
	Alarms        int         // that nobody has looked at; 0 for whoever may not see them
	Webhooks      int         // that were given up, or whose host is not allowed any more
	Stamped       Stamped     // the time stamp over the newest checkpoint that has one
}

// Stamped is a time stamp that was kept, and not verified again.
type Stamped struct {
	Entries uint64    // of the checkpoint; 0: there is no time stamp
	At      time.Time // when it was kept
}

// Findings are what is not as it should be, each with what helps; day writes a day.
func (c Condition) Findings(day func(time.Time) string) []doctor.Finding {
	var all []doctor.Finding
	found := func(is bool, id string, args ...string) {
		if is {
			all = append(all, doctor.Found(id, args...))
		}
	}
	found(c.Alone, "alone")
	found(c.WithoutFactor > 0, "factor", strconv.Itoa(c.WithoutFactor))
	found(c.StaleCopies > 0, "stale", strconv.Itoa(c.StaleCopies))
	found(c.Recovery != "", "recovery."+c.Recovery)
	switch b := c.Backups; b.Why {
	case "none":
		found(true, "backup.none")
	case "old", "unproven":
		found(true, "backup."+b.Why, day(b.Made))
	case "proof_old":
		found(true, "backup.proof_old", day(b.Proven))
	}
	found(c.Alarms > 0, "alarms", strconv.Itoa(c.Alarms))
	found(c.Webhooks > 0, "webhooks", strconv.Itoa(c.Webhooks))
	return all
}

// Condition says how it stands, to those who administer the register.
func (r *Registry) Condition(ctx context.Context, s *access.Session) (_ Condition, err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return Condition{}, ErrNotAllowed
	}
	ro := r.roll()
	c := Condition{Alone: !ro.anotherAdministers(s.Member.ID)}
	for _, m := range ro.Members {
		if !m.Left && !m.SecondFactor && ro.factor(m.ID) == nil {
			c.WithoutFactor++
		}
	}
	keys, err := r.Forgetting(s)
	if err != nil {
		return Condition{}, err
	}
	for _, copied := range keys.Copies {
		if copied.Stale {
			c.StaleCopies++
		}
	}
	recovery, err := r.Recovery(s)
	if err != nil {
		return Condition{}, err
	}
	c.Recovery = recovery.Warning
	if c.Backups, err = r.BackupState(ctx, s); err != nil {
		return Condition{}, err
	}
	stamps, err := r.index.Outside(ctx, stampKind, allKnown)
	if err != nil {
		return Condition{}, err
	}
	for _, rec := range stamps {
		if entries, err := strconv.ParseUint(rec.Get("entries"), 10, 64); err == nil && entries > c.Stamped.Entries {
			c.Stamped = Stamped{entries, rec.At}
		}
	}
	hooks, err := r.Webhooks(s)
	if err != nil {
		return Condition{}, err
	}
	for _, w := range hooks {
		if w.State == WebhookGivenUp || w.State == WebhookRefused {
			c.Webhooks++
		}
	}
	if access.Decide(s.Member, access.Audit, access.Thing{}) {
		alarms, err := r.Alarms(ctx, s)
		if err != nil {
			return Condition{}, err
		}
		for _, a := range alarms {
			if !a.Seen {
				c.Alarms++
			}
		}
	}
	return c, nil
}

// WeakKeys counts the key files, in the register in dir, on which a passphrase
// is stretched less than on new ones. It needs no key: what a passphrase costs
// stands beside what it opens.
func WeakKeys(dir string, opt Options) (int, error) {
	r := &Registry{dir: dir, opt: opt.orStandard()}
	files, err := r.memberFiles()
	if err != nil {
		return 0, err
	}
	weak := 0
	for _, file := range append(files, nodeKeyFile) {
		locked, err := r.readLocked(file)
		if errors.Is(err, fs.ErrNotExist) { // a member left meanwhile
			continue
		}
		if err != nil {
			return 0, err
		}
		if locked.Weaker(r.opt.Stretch) {
			weak++
		}
	}
	return weak, nil
}

// At says where a register lies: whether there is one in dir, and where its
// forgetting keys are. It needs no key.
func At(dir string, opt Options) (forgetting string, err error) {
	if err := isRegister(dir); err != nil {
		return "", err
	}
	return (&Registry{dir: dir, opt: opt}).forgettingDir()
}
