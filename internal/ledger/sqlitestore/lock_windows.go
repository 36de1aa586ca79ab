// SPDX-License-Identifier: AGPL-3.0-or-later

package sqlitestore

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"

	"github.com/kua-registry/kua/internal/ledger"
)

// Lock takes the lock of whoever writes to the store at path, which holds until
// it is closed or the process ends, however that ends. A register whose ledger
// is elsewhere takes it too. ErrLocked where another process has it.
func Lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	const how = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	if err = windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, new(windows.Overlapped)); errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		err = ledger.ErrLocked
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
