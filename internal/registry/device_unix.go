// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package registry

import (
	"os"
	"syscall"
)

// device names the file system that a path is on; false where that is not known.
func device(path string) (uint64, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return uint64(st.Dev), true
}
