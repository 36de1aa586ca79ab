// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"os"
	"syscall"
)

// mostMemory is the most that a process that ended had, in MiB.
func mostMemory(p *os.ProcessState) int {
	if usage, ok := p.SysUsage().(*syscall.Rusage); ok {
		return int(usage.Maxrss >> 10)
	}
	return 0
}
