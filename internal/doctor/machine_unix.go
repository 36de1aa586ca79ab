// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix && !linux

package doctor

import "time"

// ThisMachine is the machine on which the program runs, at a moment by its clock, as far as it is known.
func ThisMachine(now time.Time) Machine { return Machine{Now: now, Owner: owner} }
