// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !linux

package safecopy

import "os"

// memoryFile has no way here that would leave nothing on the disk.
func memoryFile(string) (*os.File, error) {
	return nil, &RefusedError{Code: NeedsProgram, Need: "Linux"}
}
