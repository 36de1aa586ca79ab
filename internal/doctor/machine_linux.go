// SPDX-License-Identifier: AGPL-3.0-or-later

package doctor

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// networks are file systems that are reached over a network, by their numbers
// in statfs(2).
var networks = map[int64]string{
	unix.NFS_SUPER_MAGIC: "NFS", unix.SMB_SUPER_MAGIC: "SMB", unix.CIFS_SUPER_MAGIC: "CIFS",
	unix.SMB2_SUPER_MAGIC: "SMB", unix.CODA_SUPER_MAGIC: "Coda", unix.AFS_SUPER_MAGIC: "AFS",
	unix.CEPH_SUPER_MAGIC: "Ceph", unix.V9FS_MAGIC: "9P",
}

// ThisMachine is the machine on which the program runs, at a moment by its clock.
func ThisMachine(now time.Time) Machine {
	m := Machine{Now: now, Proc: os.DirFS("/proc"), Sys: os.DirFS("/sys"), Synced: synced, Disk: diskOf, Owner: owner}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_CORE, &limit) == nil {
		m.CoreLimit = limit.Cur
	}
	return m
}

// synced asks the kernel whether something keeps its clock right.
func synced() (bool, error) {
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err != nil {
		return false, err
	}
	return t.Status&unix.STA_UNSYNC == 0, nil
}

func diskOf(path string) (Disk, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return Disk{}, fmt.Errorf("the disk of %s: %w", path, err)
	}
	d := Disk{Free: s.Bavail * uint64(s.Bsize), Size: s.Blocks * uint64(s.Bsize), Network: networks[int64(s.Type)]}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return Disk{}, fmt.Errorf("the disk of %s: %w", path, err)
	}
	if major := unix.Major(st.Dev); major != 0 {
		d.Device = fmt.Sprintf("%d:%d", major, unix.Minor(st.Dev))
	}
	return d, nil
}
