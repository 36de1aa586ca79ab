// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package doctor

import (
	"io/fs"
	"syscall"
)

func owner(info fs.FileInfo) (uint32, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return st.Uid, true
}
