// SPDX-License-Identifier: AGPL-3.0-or-later

package pgstore

import (
	"errors"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// giveUp has the system give a connection up on which what was sent is not
// acknowledged: else it tries for a quarter of an hour.
func giveUp(network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var set error
	err := c.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unheard.Milliseconds())) //nolint:gosec // a file descriptor
	})
	return errors.Join(err, set)
}
