// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Cluster is a running PostgreSQL.
type Cluster struct {
	dir    string
	bin    string
	as     *syscall.SysProcAttr
	set    []string
	server *exec.Cmd
	gone   chan struct{} // closed when the server has gone
}

// Bin is the folder of the newest PostgreSQL that Debian's packages have
// installed, "" if there is none.
func Bin() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is right
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 for what is none
		return n
	}
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) }))
}

// New makes a cluster with the programs in bin and starts it; set are lines of
// its configuration, such as "fsync=off".
func New(ctx context.Context, bin string, set ...string) (_ *Cluster, err error) {
	c := &Cluster{bin: bin, set: set, as: &syscall.SysProcAttr{}}
	if c.dir, err = os.MkdirTemp("", "kua-pg-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if os.Geteuid() == 0 { // it refuses to run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			return nil, fmt.Errorf("PostgreSQL refuses to run as root, and there is no user postgres: run this as another user: %w", err)
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2, os.Chown(c.dir, int(uid), int(gid))); err != nil { //nolint:gosec // of 32 bits
			return nil, err
		}
		c.as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	made := c.Command(ctx, "initdb", "-D", c.data(), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "--locale=C")
	if said, err := made.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, said)
	}
	return c, c.Start()
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// Dir is the folder of its socket; the user is postgres, as is the database.
func (c *Cluster) Dir() string { return c.dir }

// URL is the address of its database.
func (c *Cluster) URL() string {
	return "host=" + c.dir + " user=postgres dbname=postgres sslmode=disable"
}

// Command is one of PostgreSQL's own programs, run as the server's user in its folder.
func (c *Cluster) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, name), args...)
	cmd.SysProcAttr, cmd.Dir = c.as, c.dir
	return cmd
}

// ready is what the server says when it takes connections; it is told to speak English.
const ready = "database system is ready to accept connections"

// Start starts the server and answers when it takes connections.
func (c *Cluster) Start() error {
	args := []string{"-D", c.data(), "-c", "listen_addresses=", "-c", "unix_socket_directories=" + c.dir, "-c", "lc_messages=C"}
	for _, s := range c.set {
		args = append(args, "-c", s)
	}
	c.server = c.Command(context.Background(), "postgres", args...)
	said, err := c.server.StderrPipe()
	if err != nil {
		return err
	}
	if err := c.server.Start(); err != nil {
		c.server = nil
		return fmt.Errorf("postgres: %w", err)
	}
	c.gone = make(chan struct{})
	var lines []string
	in := bufio.NewReader(said)
	for {
		line, err := in.ReadString('\n')
		lines = append(lines, line)
		if strings.Contains(line, ready) {
			break
		}
		if err != nil {
			c.reap(in)
			return fmt.Errorf("postgres did not start: %s", strings.Join(lines, ""))
		}
	}
	go c.reap(in)
	return nil
}

// reap reads what the server says until it goes.
func (c *Cluster) reap(said io.Reader) {
	_, _ = io.Copy(io.Discard, said) // whatever it says, it is not asked
	_ = c.server.Wait()              // it was told to go, or killed
	close(c.gone)
}

// Kill ends the server as a loss of power would, all its processes at once.
func (c *Cluster) Kill() error { return c.end(syscall.SIGKILL) }

// Stop ends the server, cutting all connections.
func (c *Cluster) Stop() error { return c.end(syscall.SIGQUIT) }

func (c *Cluster) end(signal syscall.Signal) error {
	if c.server == nil {
		return nil
	}
	err := c.server.Process.Signal(signal)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-c.gone
	c.server = nil
	return err
}

// Close ends the server and takes its folder away.
func (c *Cluster) Close() error {
	return errors.Join(c.Stop(), os.RemoveAll(c.dir))
}
