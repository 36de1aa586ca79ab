// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package sqlitestore

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

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
	if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		err = ledger.ErrLocked
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
