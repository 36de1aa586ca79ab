// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/kua-registry/kua/internal/ledger/pgstore/pgtest"
)

// disk is a small one of its own, which can be filled; "" where none can be made.
type disk struct{ dir string }

// newDisk makes a disk. Where it can't be mounted it is a directory, and is never full.
func newDisk(size string) (disk, bool, error) {
	dir, err := os.MkdirTemp("", "kua-disk-")
	if err != nil {
		return disk{}, false, err
	}
	err = syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size)
	return disk{dir}, err == nil, os.Chmod(dir, 0o755) //nolint:gosec // PostgreSQL runs as another user
}

func (d disk) ballast() string { return filepath.Join(d.dir, "ballast") }

// fill leaves no room on it.
func (d disk) fill() error {
	f, err := os.Create(d.ballast())
	if err != nil {
		return err
	}
	for chunk := 1 << 20; chunk > 0; chunk /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, chunk))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			break
		}
	}
	f.Close()
	if errors.Is(err, syscall.ENOSPC) {
		return nil
	}
	return err
}

func (d disk) empty() error {
	err := os.Remove(d.ballast())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (d disk) remove() {
	_ = syscall.Unmount(d.dir, syscall.MNT_DETACH) // it may be none
	_ = os.RemoveAll(d.dir)
}

// line is the line between a node and the database: a pair of devices, of which
// one end is in a namespace of the node's own.
type line struct{ ns, device, node, host string }

func ip(args ...string) error {
	said, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(said))
	}
	return nil
}

// newLine lays one; n tells the lines of a run apart.
func newLine(n int) (*line, error) {
	pid := os.Getpid()
	net := fmt.Sprintf("10.%d.%d.", 100+pid%100, n*50+pid/100%50)
	l := &line{ns: fmt.Sprintf("kf%d-%d", pid, n), device: fmt.Sprintf("kf%dn%d", pid, n), host: net + "1", node: net + "2"}
	for _, args := range [][]string{
		{"netns", "add", l.ns},
		{"link", "add", l.device, "type", "veth", "peer", "name", "line", "netns", l.ns},
		{"addr", "add", l.host + "/24", "dev", l.device},
		{"link", "set", l.device, "up"},
		{"-n", l.ns, "addr", "add", l.node + "/24", "dev", "line"},
		{"-n", l.ns, "link", "set", "line", "up"},
		{"-n", l.ns, "link", "set", "lo", "up"},
	} {
		if err := ip(args...); err != nil {
			l.remove()
			return nil, err
		}
	}
	return l, nil
}

// drop lets nothing through, and nobody is told.
func (l *line) drop() error { return ip("link", "set", l.device, "down") }

func (l *line) mend() error { return ip("link", "set", l.device, "up") }

// reset hangs up what goes over it.
func (l *line) reset() error {
	return exec.Command("ip", "netns", "exec", l.ns, "ss", "-K", "dst", l.host).Run()
}

func (l *line) remove() {
	_ = ip("netns", "del", l.ns)    // it may not be there
	_ = ip("link", "del", l.device) // it goes with the namespace
}

// database is the PostgreSQL of a run.
type database struct {
	*pgtest.Cluster
	disk  disk
	hosts []string
	small bool // its disk can be filled
}

func newDatabase(ctx context.Context, lines []*line) (*database, error) {
	d := &database{}
	var err error
	if d.disk, d.small, err = newDisk("400m"); err != nil {
		return nil, err
	}
	hba := filepath.Join(d.disk.dir, "hba")
	if err := os.WriteFile(hba, []byte("local all all trust\nhost all all 0.0.0.0/0 trust\n"), 0o644); err != nil { //nolint:gosec // it says nothing
		return nil, err
	}
	set := []string{"hba_file=" + hba, "max_wal_size=64MB", "min_wal_size=32MB", "max_connections=60"}
	for _, l := range lines {
		d.hosts = append(d.hosts, l.host)
	}
	if len(d.hosts) > 0 {
		set = append(set, "listen_addresses="+strings.Join(d.hosts, ","))
	}
	before, had := os.LookupEnv("TMPDIR")
	_ = os.Setenv("TMPDIR", d.disk.dir) // where it is made
	d.Cluster, err = pgtest.New(ctx, pgtest.Bin(), set...)
	if had {
		_ = os.Setenv("TMPDIR", before)
	} else {
		_ = os.Unsetenv("TMPDIR")
	}
	if err != nil {
		d.disk.remove()
	}
	return d, err
}

// address is how a node reaches it.
func (d *database) address(l *line) string {
	if l == nil {
		return d.URL()
	}
	return "host=" + l.host + " user=postgres dbname=postgres sslmode=disable"
}

func (d *database) data() string { return filepath.Join(d.Dir(), "data") }

// start starts it again, with room to do so.
func (d *database) start() error {
	for n := 0; ; n++ {
		err := d.Start()
		if err == nil || n == 5 {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// up makes sure that it runs.
func (d *database) up(ctx context.Context) error {
	if d.ask(ctx, "SELECT 1") == nil {
		return nil
	}
	return errors.Join(d.Stop(), d.start())
}

func (d *database) ask(ctx context.Context, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return d.Command(ctx, "psql", "-X", "-q", "-h", d.Dir(), "-U", "postgres", "-c", sql, "postgres").Run()
}

// signal sends a signal to all of its processes.
func (d *database) signal(s syscall.Signal) error {
	b, err := os.ReadFile(filepath.Join(d.data(), "postmaster.pid"))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.SplitN(string(b), "\n", 2)[0])
	if err != nil {
		return err
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return err
	}
	for _, one := range append([]string{strconv.Itoa(pid)}, strings.Fields(string(children))...) {
		if n, err := strconv.Atoi(one); err == nil {
			_ = syscall.Kill(n, s) // it may have gone
		}
	}
	return nil
}

// copyTo copies what it holds while it is stopped.
func (d *database) copyTo(dir string) error {
	return exec.Command("cp", "-a", d.data(), dir).Run()
}

// shows says whether a word stands anywhere in its files.
func (d *database) shows(word string) (file string, err error) {
	err = filepath.WalkDir(d.data(), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil && bytes.Contains(b, []byte(word)) {
			file = path
		}
		return err
	})
	return file, err
}

func (d *database) close() error {
	err := d.Close()
	d.disk.remove()
	return err
}

// process is that of a node.
type process struct {
	how    how
	line   *line
	disk   *disk // its own; nil: it has none
	client *http.Client
	said   *bytes.Buffer

	mu   sync.Mutex
	cmd  *exec.Cmd
	gone chan struct{}
}

func newProcess(h how, l *line) *process {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", h.socket)
	}
	return &process{how: h, line: l, said: &bytes.Buffer{}, client: &http.Client{
		Transport:     &http.Transport{DialContext: dial, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// start starts it and answers when it serves, or why it does not.
func (p *process) start(ctx context.Context) error {
	own, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{own, "-node", p.how.form, "-dir", p.how.dir, "-socket", p.how.socket, "-database", p.how.database}
	if p.line != nil {
		args = append([]string{"ip", "netns", "exec", p.line.ns}, args...)
	}
	_ = os.Remove(p.how.socket)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.said.Reset()
	cmd.Stderr = p.said
	if err := cmd.Start(); err != nil {
		return err
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed in the end
		close(gone)
	}()
	p.mu.Lock()
	p.cmd, p.gone = cmd, gone
	p.mu.Unlock()
	for {
		select {
		case <-gone:
			return fmt.Errorf("the node did not start: %s", bytes.TrimSpace(p.said.Bytes()))
		case <-ctx.Done():
			p.signal(syscall.SIGQUIT) // it says where it hangs
			<-gone
			return fmt.Errorf("the node did not start: %w: %s", ctx.Err(), p.said)
		case <-time.After(20 * time.Millisecond):
			if c, err := net.Dial("unix", p.how.socket); err == nil {
				c.Close()
				return nil
			}
		}
	}
}

func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(s) // it may have gone
	}
}

func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	p.mu.Lock()
	gone := p.gone
	p.mu.Unlock()
	if gone != nil {
		<-gone
	}
}

// answered is an answer of a node.
type answered struct {
	status int
	text   []byte
}

// ask asks a node; an error says that no answer came.
func (p *process) ask(ctx context.Context, method, path string) (answered, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://node"+path, nil)
	if err != nil {
		return answered{}, err
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return answered{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answered{resp.StatusCode, text}, err
}
