// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/kua-registry/kua/internal/access"
)

// thriftyFrom is the memory of a stretch, in KiB, from which the collector of
// garbage is told to be thrifty meanwhile.
const thriftyFrom = 16 << 10

// enter waits for a turn at stretching a passphrase. The turn must be ended:
// end(false) counts it against whoever tried. Ended twice, the first counts.
//
// A stretch takes 128 MiB. Left to itself the collector would see in that a
// reason to let as much garbage again pile up; while a turn lasts it is held
// to a quarter, and afterwards the memory of the stretch is taken back at once.
func (r *Registry) enter(ctx context.Context, try access.Try) (end func(right bool), err error) {
	turn, err := r.line.Enter(ctx, try)
	if err != nil {
		return nil, err
	}
	if r.opt.Stretch.MemoryKiB < thriftyFrom {
		return turn.End, nil
	}
	before, ended := debug.SetGCPercent(25), false
	return func(right bool) {
		if !ended {
			ended = true
			runtime.GC()
			debug.SetGCPercent(before)
		}
		turn.End(right)
	}, nil
}

// enterAgain waits for a turn in the name of a session that is open: its
// browser is known, and goes before strangers.
func (r *Registry) enterAgain(ctx context.Context, s *access.Session) (end func(right bool), err error) {
	return r.enter(ctx, access.Try{Account: access.FoldName(s.Member.Name), Known: "session " + s.Token()})
}
