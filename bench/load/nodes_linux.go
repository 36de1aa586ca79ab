// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/ledger/pgstore/pgtest"
)

// compareNodes measures what one machine carries, then two on the same
// PostgreSQL, each held to the same share of a processor: what the driver and the
// database need is not taken from either. The register is a copy.
func (d *driver) compareNodes(ctx context.Context) (err error) {
	bin := pgtest.Bin()
	if bin == "" {
		return errors.New("PostgreSQL is not installed: apt-get install postgresql")
	}
	work, err := os.MkdirTemp(filepath.Dir(filepath.Clean(d.dir)), "nodes-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	server, err := pgtest.New(ctx, bin, "synchronous_commit=on", "shared_buffers=512MB")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	first, second := filepath.Join(work, "first"), filepath.Join(work, "second")
	for from, to := range map[string]string{d.dir: first, d.dir + ".forgetting": first + ".forgetting"} {
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			return err
		}
	}
	address, pass, words := filepath.Join(work, "address"), filepath.Join(work, "pass"), filepath.Join(work, "words")
	if err := os.WriteFile(address, []byte(server.URL()+"\n"), 0o600); err != nil {
		return err
	}
	passphrase := filepath.Join(first, "demo-passphrase.txt")
	kua := func(args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, d.kua, append([]string{"--registry", first, "--passphrase-file", passphrase}, args...)...)
		cmd.Stderr = os.Stderr
		return cmd.Output()
	}
	if _, err := kua("move", "postgres", "--database-file", address); err != nil {
		return fmt.Errorf("moving the ledger: %w", err)
	}
	out, err := kua("node", "pass", pass, "--name", "second", "--json")
	if err != nil {
		return fmt.Errorf("making a pass: %w", err)
	}
	var made struct{ Words string }
	if err := json.Unmarshal(out, &made); err != nil {
		return err
	}
	if err := os.WriteFile(words, []byte(made.Words+"\n"), 0o600); err != nil {
		return err
	}
	if _, err := kua("join", second, "--from", pass, "--words-file", words); err != nil {
		return fmt.Errorf("joining: %w", err)
	}
	carried := make([]float64, 3)
	workers := d.eager
	for _, dirs := range [][]string{{first}, {first, second}, {first}} { // one, two, one: what else the machine does is seen
		n := len(dirs)
		fmt.Printf("\n== %d of 2 machines, each with %.0f %% of a processor\n", n, 100*d.share)
		d.workers, d.eager = n*workers, n*workers
		reads, err := d.carry(ctx, dirs, passphrase)
		if err != nil {
			return err
		}
		carried[n] = max(carried[n], reads)
	}
	fmt.Printf("\ntwo machines carry %.2f times the reads of one: %.1f and %.1f a second\n", carried[2]/carried[1], carried[2], carried[1])
	return nil
}

// carry serves the directories and answers how many reads a second were answered.
func (d *driver) carry(ctx context.Context, dirs []string, passphrase string) (float64, error) {
	d.addresses, d.pids = nil, nil
	for i, dir := range dirs {
		stop, err := d.start(ctx, dir, passphrase)
		if err != nil {
			return 0, err
		}
		end, err := confine(fmt.Sprintf("kua-load-%d-%d", os.Getpid(), i), d.pids[i], d.share)
		if err != nil {
			stop()
			return 0, err
		}
		defer func() { stop(); end() }()
	}
	workers, err := d.signIn(ctx)
	if err != nil {
		return 0, err
	}
	result, err := d.measure(ctx, workers, 0)
	if err != nil {
		return 0, err
	}
	reads := 0
	for page, times := range result.times {
		if !strings.HasPrefix(page, writing) {
			reads += len(times)
		}
	}
	return float64(reads) / d.lasts.Seconds(), nil
}

// confine holds a process to a share of a processor, by a control group.
func confine(name, pid string, share float64) (end func(), err error) {
	const period = 20_000 // µs: short, so that a page does not wait long for its turn
	v1, v2 := filepath.Join("/sys/fs/cgroup/cpu", name), filepath.Join("/sys/fs/cgroup", name)
	quota := int(share * period)
	group, files := v2, map[string]string{"cpu.max": fmt.Sprintf("%d %d", quota, period)}
	if _, err := os.Stat("/sys/fs/cgroup/cpu"); err == nil {
		group, files = v1, map[string]string{"cpu.cfs_period_us": strconv.Itoa(period), "cpu.cfs_quota_us": strconv.Itoa(quota)}
	}
	if err := os.Mkdir(group, 0o755); err != nil {
		return nil, fmt.Errorf("a control group can't be made, which takes root: %w", err)
	}
	end = func() { _ = os.Remove(group) } // once its process has ended
	files["cgroup.procs"] = pid
	for _, file := range []string{"cpu.max", "cpu.cfs_period_us", "cpu.cfs_quota_us", "cgroup.procs"} {
		if text, ok := files[file]; ok {
			if err := os.WriteFile(filepath.Join(group, file), []byte(text), 0o600); err != nil {
				end()
				return nil, err
			}
		}
	}
	return end, nil
}
