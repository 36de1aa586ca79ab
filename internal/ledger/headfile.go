// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kua-registry/kua/internal/wholefile"
)

// headFile keeps the newest checkpoint outside the store, so that an older
// store put back is noticed. It has two slots, written in turn: a write that
// was cut short leaves the other one whole. It is not synced with each commit:
// after a loss of power it may be some seconds old, but never newer than the
// store, which is always synced first.
type headFile struct {
	f    *os.File
	next int64 // the slot to be written
}

const slotLen = 4096

// openHeadFile opens the head file.
func openHeadFile(path string, write bool) (*headFile, error) {
	flag := os.O_RDONLY
	if write {
		flag = os.O_RDWR
	}
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, err
	}
	return &headFile{f: f}, nil
}

// createHeadFile makes the head file, in place of one that is there.
func createHeadFile(path string, checkpoint []byte) (*headFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	h := &headFile{f: f}
	err = errors.Join(h.write(checkpoint), h.write(checkpoint), f.Sync(), wholefile.SyncDir(filepath.Dir(path)))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return h, nil
}

// WriteHeadFile makes the head file of a ledger that is put together from what
// was kept of it: the checkpoint is the newest that has been seen.
func WriteHeadFile(path string, checkpoint []byte) error {
	h, err := createHeadFile(path, checkpoint)
	if err != nil {
		return fmt.Errorf("the head file: %w", err)
	}
	return h.close(true)
}

// read gives the newest checkpoint that key signed.
func (h *headFile) read(key ed25519.PublicKey) (Head, error) {
	var newest Head
	var failure error
	for slot := range int64(2) {
		b := make([]byte, slotLen)
		n, err := h.f.ReadAt(b, slot*slotLen)
		if err != nil && !errors.Is(err, io.EOF) {
			return Head{}, err
		}
		head, err := ParseCheckpoint(bytes.TrimRight(b[:n], "\x00"), key)
		if err != nil {
			failure = err
			continue
		}
		if newest.Checkpoint == nil || head.Size >= newest.Size {
			newest, h.next = head, 1-slot
		}
	}
	if newest.Checkpoint == nil {
		return Head{}, failure
	}
	return newest, nil
}

// write writes the older slot.
func (h *headFile) write(checkpoint []byte) error {
	if len(checkpoint) > slotLen {
		return fmt.Errorf("a checkpoint of %d bytes", len(checkpoint))
	}
	b := make([]byte, slotLen)
	copy(b, checkpoint)
	if _, err := h.f.WriteAt(b, h.next*slotLen); err != nil {
		return err
	}
	h.next = 1 - h.next
	return nil
}

func (h *headFile) close(sync bool) error {
	var err error
	if sync {
		err = h.f.Sync()
	}
	return errors.Join(err, h.f.Close())
}
