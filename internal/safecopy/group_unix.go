// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package safecopy

import (
	"os/exec"
	"syscall"
)

// group has the child, and the programs it starts, end together.
func group(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.Cancel = func() error { return endGroup(cmd) }
}

// endGroup ends what a child has left behind.
func endGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
