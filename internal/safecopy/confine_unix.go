// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix && !linux

package safecopy

import (
	"fmt"
	"math"
	"os/exec"

	"golang.org/x/sys/unix"
)

// isolate has nothing to offer here.
func isolate(*exec.Cmd) bool { return false }

// confine sets the limits there are: this system has no landlock.
func confine(limits Limits) ([]string, error) {
	seconds := uint64(max(1, int64(math.Ceil(limits.Time.Seconds()))))
	for _, l := range []struct {
		what int
		most uint64
	}{{unix.RLIMIT_CORE, 0}, {unix.RLIMIT_FSIZE, uint64(max(0, limits.Bytes))}, {unix.RLIMIT_CPU, seconds}} {
		if err := unix.Setrlimit(l.what, &unix.Rlimit{Cur: l.most, Max: l.most}); err != nil {
			return nil, fmt.Errorf("the process can't be bounded: %w", err)
		}
	}
	unix.Umask(0o077)
	return []string{WallLimits}, nil
}

func closeFiles() error { return nil }
