// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// shutProcess keeps what this process has in memory from being written to a
// core dump or read by another process of the same user, and what it writes
// from being read by others.
func shutProcess() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("core dumps can't be switched off: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("core dumps can't be switched off: %w", err)
	}
	unix.Umask(0o077)
	return nil
}
