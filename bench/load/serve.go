// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// serve serves the register with the program itself, in a process of its own.
func (d *driver) serve(ctx context.Context) (stop func(), err error) {
	d.addresses, d.pids = nil, nil
	return d.start(ctx, d.dir, filepath.Join(d.dir, "demo-passphrase.txt"))
}

// freeAddress is an address of this machine at which nobody listens.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// start serves a register's directory, one more than are served already.
func (d *driver) start(ctx context.Context, dir, passphrase string) (stop func(), err error) {
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	address := "http://" + listen
	args := []string{"--registry", dir, "--passphrase-file", passphrase, "serve", "--listen", listen, "--lock-after", "0"}
	cmd := exec.Command(d.kua, append(args, d.serveArgs...)...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // or it has ended
		if err := <-ended; err != nil {
			fmt.Fprintln(os.Stderr, "bench/load: the server ended:", err)
		}
	}
	d.addresses, d.pids = append(d.addresses, address), append(d.pids, strconv.Itoa(cmd.Process.Pid))
	start := time.Now()
	for {
		answer, err := http.Get(address + "/sign-in")
		if err == nil {
			answer.Body.Close()
			fmt.Printf("opened and served after %s, %.0f MiB resident\n", time.Since(start).Round(10*time.Millisecond), float64(d.usage().resident)/(1<<20))
			return stop, nil
		}
		select {
		case err := <-ended:
			return nil, fmt.Errorf("kua serve ended: %w", err)
		case <-ctx.Done():
			stop()
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
