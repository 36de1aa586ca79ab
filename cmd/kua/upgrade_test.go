// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/registry/registrytest"
)

// kills is at how many moments something is killed. Each costs openings of a
// register, so many are tried with -thorough alone.
func kills(few, many int) int {
	if *thorough {
		return many
	}
	return few
}

// killed runs the program and ends it with SIGKILL after a while; it answers
// whether it was still running, and what it said.
func killed(t *testing.T, after time.Duration, args ...string) (cut bool, said string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), after)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.CombinedOutput()
	if ctx.Err() == nil && err != nil {
		t.Fatalf("%v: %v: %s", args, err, out)
	}
	return ctx.Err() != nil, string(out)
}

// TestUpgradeKilled kills the first opening of an older register at many moments.
// Whenever it was, the next opening finishes it and nothing is lost.
func TestUpgradeKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute of processes that are killed")
	}
	const archive = "../../internal/registry/testdata/registers/1-before-forgetting.tgz"
	opening := func(dir string) []string {
		return []string{"--registry", filepath.Join(dir, "register"), "--passphrase-file", filepath.Join(dir, "passphrase"), "verify", "--deep"}
	}
	whole := t.TempDir()
	registrytest.Unpack(t, archive, whole)
	start := time.Now()
	killed(t, time.Minute, opening(whole)...)
	takes := time.Since(start)
	cuts, moments := 0, kills(8, 50)
	for i := range moments {
		dir := t.TempDir()
		registrytest.Unpack(t, archive, dir)
		if cut, _ := killed(t, takes*time.Duration(i+1)/time.Duration(moments), opening(dir)...); cut {
			cuts++
		}
		if _, said := killed(t, time.Minute, opening(dir)...); !strings.Contains(said, "nothing was altered") || !strings.Contains(said, "entries opened") {
			t.Fatalf("killed at moment %d of %d: %s", i+1, moments, said)
		}
	}
	t.Logf("%d of %d were cut off, over %v", cuts, moments, takes)
}

// TestBackupAndRestoreKilled kills backups and restores of a real process at many
// moments: a backup counts or is not there, the next one goes on, and a register
// that is restored is there whole or not at all.
func TestBackupAndRestoreKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute of processes that are killed")
	}
	dir := t.TempDir()
	registrytest.Unpack(t, "../../internal/registry/testdata/registers/2-backups.tgz", dir)
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	register := []string{"--registry", filepath.Join(dir, "register"), "--passphrase-file", filepath.Join(dir, "passphrase")}
	with := func(args ...string) []string { return append(register[:len(register):len(register)], args...) }
	start := time.Now()
	killed(t, time.Minute, with("backup", disk)...)
	takes := time.Since(start)
	moments := kills(4, 12)
	for i := range moments {
		killed(t, takes*time.Duration(i+1)/time.Duration(moments), with("backup", disk, "--anew")...)
		if _, said := killed(t, time.Minute, with("backup", "verify", disk)...); !strings.Contains(said, "are as they were put there") {
			t.Fatalf("killed at moment %d: %s", i+1, said)
		}
	}
	killed(t, time.Minute, with("backup", disk)...)
	to := filepath.Join(dir, "restored")
	restore := with("restore", disk, "--to", to, "--keys", filepath.Join(dir, "register.forgetting"))
	start = time.Now()
	if _, said := killed(t, time.Minute, restore...); !strings.Contains(said, "All of it is as it was") {
		t.Fatal(said)
	}
	takes = time.Since(start)
	for i := range moments {
		for _, left := range []string{to, to + ".forgetting"} {
			if err := os.RemoveAll(left); err != nil {
				t.Fatal(err)
			}
		}
		killed(t, takes*time.Duration(i+1)/time.Duration(moments), restore...)
		_, err := os.Stat(to)
		if errors.Is(err, os.ErrNotExist) {
			if _, said := killed(t, time.Minute, restore...); !strings.Contains(said, "All of it is as it was") {
				t.Fatalf("killed at moment %d, then done again: %s", i+1, said)
			}
		}
		args := []string{"--registry", to, "--passphrase-file", filepath.Join(dir, "passphrase"), "verify", "--deep"}
		if _, said := killed(t, time.Minute, args...); !strings.Contains(said, "nothing was altered") {
			t.Fatalf("killed at moment %d: %s", i+1, said)
		}
	}
}
