// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix && !linux

package doctor

import (
	"io/fs"
	"syscall"
	"time"
)

// ThisMachine is the machine on which the program runs, at a moment by its clock, as far as it is known.
func ThisMachine(now time.Time) Machine {
	return Machine{Now: now, Owner: func(info fs.FileInfo) (uint32, bool) {
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return 0, false
		}
		return st.Uid, true
	}}
}
