// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// memoryFile is a file that lies in memory and nowhere else.
func memoryFile(data []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("original", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("no file can be made in memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), "original")
	if _, err := f.WriteAt(data, 0); err != nil {
		f.Close()
		return nil, fmt.Errorf("the file doesn't fit in memory: %w", err)
	}
	return f, nil
}
