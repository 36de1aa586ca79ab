// SPDX-License-Identifier: AGPL-3.0-or-later

package public

import "golang.org/x/sys/unix"

// swap puts one folder in the place of another, and that in its own: at no
// moment is there none. Not every file system can.
func swap(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}
