// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/kua-registry/kua/internal/ledger"
)

// probeSize is what must still fit on a disk that is not full.
const probeSize = 256 << 10

// whyNot says of a write that failed that the disk is full, where it is: the
// database itself often knows only that it could not write.
func (r *Registry) whyNot(err error) error {
	if errors.Is(err, ledger.ErrFull) || !diskFull(r.dir) {
		return err
	}
	return fmt.Errorf("writing to %s: %w", r.dir, ledger.ErrFull)
}

// diskFull tries whether there is room in a folder.
func diskFull(dir string) bool {
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return isFull(err)
	}
	_, err = f.Write(make([]byte, probeSize))
	if err == nil {
		err = f.Sync()
	}
	f.Close()
	os.Remove(f.Name())
	return isFull(err)
}

// isFull tells whether a disk, whichever, has no room left.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, ledger.ErrFull)
}
