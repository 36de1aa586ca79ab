// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// renew puts this program in the place of this process, with other arguments
// and the same listener. All that the process had in memory is gone with it:
// what a program that collects its garbage can't promise by overwriting.
// Nobody who connects meanwhile is turned away: they wait in the listener.
func renew(args []string, l lasting) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	failed := raw.Control(func(fd uintptr) {
		if _, err = unix.FcntlInt(fd, unix.F_SETFD, 0); err != nil {
			return
		}
		args := append([]string{os.Args[0]}, args...)
		args = append(args, "--listener-fd", fmt.Sprint(fd))
		var self string
		if self, err = os.Executable(); err == nil {
			err = unix.Exec(self, args, os.Environ())
		}
		if _, linux := os.Stat("/proc/self/exe"); linux == nil { // the file was replaced since by another version
			err = unix.Exec("/proc/self/exe", args, os.Environ())
		}
		_, _ = unix.FcntlInt(fd, unix.F_SETFD, unix.FD_CLOEXEC)
	})
	if failed != nil {
		return failed
	}
	return fmt.Errorf("exec: %w", err)
}
