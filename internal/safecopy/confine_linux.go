// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
)

// isolate has the child start in a network and a user space of its own, where its
// user has no name and no power over what is outside. Not in a process tree of its
// own too: a Go program that is the first of one doesn't end when its memory is over.
func isolate(cmd *exec.Cmd) bool {
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS
	return true
}

// rules is the newest set of landlock's rules that is used; an older kernel has fewer.
var rules = landlock.V7.BestEffort()

// confine shuts the calling process in, for good, and says how far.
func confine(limits Limits) ([]string, error) {
	if err := bound(limits); err != nil {
		return nil, err
	}
	walls := []string{WallLimits}
	// What the programs need that render pages: themselves, their libraries, letters.
	err := rules.Restrict(
		landlock.RODirs("/usr", "/bin", "/lib", "/lib64", "/etc/fonts", "/etc/alternatives", "/var/cache/fontconfig").IgnoreIfMissing(),
		landlock.ROFiles("/etc/ld.so.cache").IgnoreIfMissing(),
		landlock.RWFiles("/dev/null").IgnoreIfMissing(),
	)
	if err != nil {
		return nil, fmt.Errorf("landlock can't be switched on: %w", err)
	}
	// Best effort is no answer: ask for what a kernel without landlock refuses.
	if abi := landlockABI(); abi >= 1 {
		walls = append(walls, WallFiles)
		if abi >= 4 {
			walls = append(walls, WallTCP)
		}
	}
	if refuseSockets() == nil {
		walls = append(walls, WallSockets)
	}
	return walls, nil
}

// closeFiles takes away the files that confine left: none can be opened any more,
// and so no program started.
func closeFiles() error {
	if err := rules.Restrict(); err != nil {
		return fmt.Errorf("landlock can't be switched on: %w", err)
	}
	return nil
}

// landlockABI is the version of landlock that the kernel has, 0 for none.
func landlockABI() int {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(abi)
}

// bound sets the limits that the kernel holds.
func bound(limits Limits) error {
	mapped, data, err := inUse()
	if err != nil {
		return err
	}
	seconds := uint64(max(1, int64(math.Ceil(limits.Time.Seconds()))))
	for _, l := range []struct {
		name        string
		what        int
		soft, above uint64
	}{
		{"core dumps", unix.RLIMIT_CORE, 0, 0},
		{"the size of files", unix.RLIMIT_FSIZE, uint64(max(0, limits.Bytes)), 0},
		{"open files", unix.RLIMIT_NOFILE, 64, 0},
		{"processor time", unix.RLIMIT_CPU, seconds * uint64(runtime.NumCPU()), 1},
		{"memory", unix.RLIMIT_AS, mapped + uint64(max(0, limits.Memory)), 0},
		{"memory", unix.RLIMIT_DATA, data + uint64(max(0, limits.Memory)), 0},
	} {
		var now unix.Rlimit
		if err := unix.Getrlimit(l.what, &now); err != nil {
			return fmt.Errorf("%s can't be bounded: %w", l.name, err)
		}
		soft := min(l.soft, now.Max)
		if err := unix.Setrlimit(l.what, &unix.Rlimit{Cur: soft, Max: min(soft+l.above, now.Max)}); err != nil {
			return fmt.Errorf("%s can't be bounded: %w", l.name, err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("core dumps can't be switched off: %w", err)
	}
	unix.Umask(0o077)
	return nil
}

// inUse is what this process has mapped already, and its data: a Go program maps
// much more than it uses.
func inUse() (mapped, data uint64, err error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, 0, fmt.Errorf("what memory is used can't be read: %w", err)
	}
	fields := strings.Fields(string(text))
	if len(fields) < 6 {
		return 0, 0, fmt.Errorf("what memory is used can't be read: %q", text)
	}
	page := uint64(os.Getpagesize())
	for _, f := range []struct {
		at int
		to *uint64
	}{{0, &mapped}, {5, &data}} {
		n, err := strconv.ParseUint(fields[f.at], 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("what memory is used can't be read: %w", err)
		}
		*f.to = n * page
	}
	return mapped, data, nil
}

// refuseSockets has the kernel refuse this process, and what it starts, every
// socket, and what leads around that or into other processes: a seccomp filter
// over the number of the system call (seccomp(2)).
func refuseSockets() error {
	arch := uint32(0)
	switch runtime.GOARCH {
	case "amd64":
		arch = unix.AUDIT_ARCH_X86_64
	case "arm64":
		arch = unix.AUDIT_ARCH_AARCH64
	default:
		return unix.ENOSYS
	}
	refused := []uint32{unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_IO_URING_SETUP,
		unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_BPF, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT,
		unix.SYS_PIDFD_GETFD, unix.SYS_USERFAULTFD, unix.SYS_KEYCTL, unix.SYS_ADD_KEY}
	const (
		load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		above = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		give  = unix.BPF_RET | unix.BPF_K
		no    = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	)
	program := []unix.SockFilter{
		{Code: load, K: 4}, // the architecture
		{Code: equal, K: arch, Jt: 1},
		{Code: give, K: unix.SECCOMP_RET_KILL_PROCESS},
		{Code: load, K: 0},                         // the number of the call
		{Code: above, K: 0x40000000, Jt: 0, Jf: 1}, // the other numbers that x86-64 has
		{Code: give, K: no},
	}
	for _, n := range refused {
		program = append(program, unix.SockFilter{Code: equal, K: n, Jf: 1}, unix.SockFilter{Code: give, K: no})
	}
	program = append(program, unix.SockFilter{Code: give, K: unix.SECCOMP_RET_ALLOW})
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&filter)))
	if errno != 0 {
		return errno
	}
	return nil
}
