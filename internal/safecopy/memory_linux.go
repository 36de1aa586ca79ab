// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// memoryFile is a new file that lies in memory and nowhere else.
func memoryFile(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("no file can be made in memory: %w", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}
