// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/kua-registry/kua/internal/seal"
)

const (
	// hangs is after how long a node that does not answer has failed.
	hangs = 75 * time.Second
	// settles is how long all may take to be well again after the last fault.
	settles = 90 * time.Second
	writers = 3
	// marked is in every word that is written, to look for it where it must not be.
	marked = "zhasyryn"
)

// run is one run.
type run struct {
	seed   uint64
	form   string
	spaces bool

	rng     *rand.Rand
	dir     string
	journal *os.File // what was acknowledged, synced
	small   bool     // the disks of registers can be filled
	db      *database
	lines   []*line
	nodes   []*process

	mu      sync.Mutex
	tried   map[string]bool
	kepts   map[string]bool // acknowledged
	never   map[string]bool // said to be certainly not written
	wrong   error
	seen    map[*process]uint64
	stopped chan struct{}

	acknowledged, refused, doubted, kept, reads, told int
	longest                                           time.Duration
	done                                              []string // faults
}

func (r *run) fail(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wrong == nil {
		r.wrong = fmt.Errorf(format, args...)
	}
}

// do makes the run.
func (r *run) do(ctx context.Context) (err error) {
	r.rng = rand.New(rand.NewPCG(r.seed, 12)) //nolint:gosec // to be repeated
	r.tried, r.kepts, r.never, r.seen = map[string]bool{}, map[string]bool{}, map[string]bool{}, map[*process]uint64{}
	r.stopped = make(chan struct{})
	defer func() { err = errors.Join(err, r.end()) }()
	if err := r.begin(ctx); err != nil {
		return fmt.Errorf("before any fault: %w", err)
	}
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() { r.writer(ctx, i) })
	}
	for _, p := range r.nodes {
		all.Go(func() { r.reader(ctx, p) })
	}
	if r.form != formLogs {
		for _, p := range r.nodes {
			all.Go(func() { r.visitor(ctx, p) })
		}
	}
	err = r.breaks(ctx)
	if err == nil {
		err = r.heal(ctx)
	}
	close(r.stopped)
	all.Wait()
	if err == nil {
		r.mu.Lock()
		err = r.wrong
		r.mu.Unlock()
	}
	if err == nil {
		err = r.judge(ctx)
	}
	return err
}

// begin starts all of it.
func (r *run) begin(ctx context.Context) (err error) {
	if r.dir, err = os.MkdirTemp("", "kua-faults-"); err != nil {
		return err
	}
	if r.journal, err = os.Create(filepath.Join(r.dir, "acknowledged")); err != nil {
		return err
	}
	n := 1
	if r.form == formMachines {
		n = 2
	}
	if r.form == formLogs {
		n = 2 + r.rng.IntN(2)
		if err := r.keys(); err != nil {
			return err
		}
	}
	if r.form != formEmbedded {
		for i := range n {
			if !r.spaces {
				r.lines = append(r.lines, nil)
				continue
			}
			l, err := newLine(i)
			if err != nil {
				return err
			}
			r.lines = append(r.lines, l)
		}
		laid := r.lines
		if !r.spaces {
			laid = nil
		}
		if r.db, err = newDatabase(ctx, laid); err != nil {
			return err
		}
	}
	for i := range n {
		var own *disk
		h := how{form: r.form, dir: filepath.Join(r.dir, fmt.Sprint(i)), socket: filepath.Join(r.dir, fmt.Sprint(i, ".sock"))}
		if err := os.Mkdir(h.dir, 0o700); err != nil {
			return err
		}
		if r.form != formLogs {
			d, full, err := newDisk("64m")
			if err != nil {
				return err
			}
			h.dir, own, r.small = d.dir, &d, full
		}
		var l *line
		if r.db != nil {
			l = r.lines[i]
			h.database = r.db.address(l)
		}
		p := newProcess(h, l)
		p.disk = own
		r.nodes = append(r.nodes, p)
		within, cancel := context.WithTimeout(ctx, settles)
		err := p.start(within)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// keys makes those of an installation whose ledger several nodes share.
func (r *run) keys() error {
	id, err := seal.NewIdentity()
	if err != nil {
		return err
	}
	locked, err := seal.LockPassphrase(id, "node", passphrase, weak())
	if err != nil {
		return err
	}
	b, err := locked.Encode()
	if err != nil {
		return err
	}
	vault, err := seal.NewVault().Seal(id)
	return errors.Join(err, os.WriteFile(filepath.Join(r.dir, "node.key"), b, 0o600), os.WriteFile(filepath.Join(r.dir, "vault.key"), vault, 0o600))
}

// end takes all of it away.
func (r *run) end() error {
	for _, p := range r.nodes {
		p.signal(syscall.SIGCONT)
		p.kill()
		if p.disk != nil {
			p.disk.remove()
		}
	}
	var err error
	if r.db != nil && r.db.Cluster != nil {
		_ = r.db.signal(syscall.SIGCONT) // it may have gone
		err = r.db.close()
	}
	for _, l := range r.lines {
		if l != nil {
			l.remove()
		}
	}
	if r.journal != nil {
		r.journal.Close()
	}
	return errors.Join(err, os.RemoveAll(r.dir))
}

func (r *run) over() bool {
	select {
	case <-r.stopped:
		return true
	default:
		return false
	}
}

// asked asks a node and takes down how long that took.
func (r *run) asked(ctx context.Context, p *process, method, path string) (answered, error) {
	within, cancel := context.WithTimeout(ctx, hangs)
	defer cancel()
	start := time.Now()
	a, err := p.ask(within, method, path)
	r.mu.Lock()
	r.longest = max(r.longest, time.Since(start))
	r.mu.Unlock()
	if within.Err() != nil && ctx.Err() == nil {
		r.fail("%s %s: no answer within %v", method, strings.SplitN(path, "?", 2)[0], hangs)
	}
	return a, err
}

// writer writes words, each once, and notes what it was told of each.
func (r *run) writer(ctx context.Context, i int) {
	for n := 0; !r.over(); n++ {
		word := fmt.Sprintf("%s-%d-%d", marked, i, n)
		p := r.nodes[(i+n)%len(r.nodes)]
		r.mu.Lock()
		r.tried[word] = true
		r.mu.Unlock()
		a, err := r.asked(ctx, p, http.MethodPost, "/fault/write?word="+word)
		r.mu.Lock()
		switch {
		case err == nil && a.status == http.StatusOK:
			_, err1 := fmt.Fprintln(r.journal, word)
			if err := errors.Join(err1, r.journal.Sync()); err != nil && r.wrong == nil {
				r.wrong = err
			}
			r.kepts[word] = true
			r.acknowledged++
		case err == nil && a.status == http.StatusConflict:
			r.never[word] = true
			r.refused++
		default:
			r.doubted++
		}
		r.mu.Unlock()
		pause := 2 * time.Millisecond
		if err != nil || a.status != http.StatusOK {
			pause = 50 * time.Millisecond
		}
		time.Sleep(pause)
	}
}

// reader reads at a node, and holds what it is shown against what it knows.
func (r *run) reader(ctx context.Context, p *process) {
	for !r.over() {
		if err := r.look(ctx, p); err != nil {
			r.fail("a reader: %w", err)
		}
		time.Sleep(30 * time.Millisecond)
	}
}

func (r *run) look(ctx context.Context, p *process) error {
	r.mu.Lock()
	known := make([]string, 0, len(r.kepts))
	for w := range r.kepts {
		known = append(known, w)
	}
	last := r.seen[p]
	r.mu.Unlock()
	a, err := r.asked(ctx, p, http.MethodGet, "/fault/read")
	if err != nil || a.status != http.StatusOK {
		r.mu.Lock()
		r.told++
		r.mu.Unlock()
		return nil // it was told
	}
	var st state
	if err := json.Unmarshal(a.text, &st); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	if st.Size < last {
		return fmt.Errorf("it is shown %d entries after %d", st.Size, last)
	}
	r.seen[p] = st.Size
	for _, w := range known {
		if st.Words[w] == 0 {
			return fmt.Errorf("%s was acknowledged and is not shown", w)
		}
	}
	for w, n := range st.Words {
		if n > 1 || !r.tried[w] {
			return fmt.Errorf("%s is there %d times", w, n)
		}
	}
	return nil
}

// visitor asks for pages: each that fails must say why in words.
func (r *run) visitor(ctx context.Context, p *process) {
	cookie := ""
	for !r.over() {
		if err := r.visit(ctx, p, &cookie); err != nil {
			r.fail("a page: %w", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (r *run) visit(ctx context.Context, p *process, cookie *string) error {
	within, cancel := context.WithTimeout(ctx, hangs)
	defer cancel()
	var req *http.Request
	var err error
	if *cookie == "" {
		b, err := os.ReadFile(filepath.Join(p.how.dir, "made"))
		if err != nil {
			return err
		}
		var made [2]string
		if err := json.Unmarshal(b, &made); err != nil {
			return err
		}
		form := url.Values{"name": {"worker"}, "passphrase": {made[0]}}.Encode()
		if req, err = http.NewRequestWithContext(within, http.MethodPost, "http://node/sign-in", strings.NewReader(form)); err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		if req, err = http.NewRequestWithContext(within, http.MethodGet, "http://node/cases", nil); err != nil {
			return err
		}
		req.Header.Set("Cookie", *cookie)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		*cookie = ""
		if within.Err() != nil {
			return fmt.Errorf("no answer within %v", hangs)
		}
		return nil // the node is away
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil // it was killed meanwhile
	}
	if *cookie == "" {
		for _, c := range resp.Cookies() {
			*cookie += c.Name + "=" + c.Value + "; "
		}
	} else if resp.StatusCode == http.StatusSeeOther {
		*cookie = "" // the session went with the node
	}
	switch {
	case resp.StatusCode == http.StatusInternalServerError:
		return fmt.Errorf("%s %s says only that something went wrong: %s", req.Method, req.URL.Path, p.said.String())
	case resp.StatusCode >= 500 && (!bytes.Contains(text, []byte("<h1")) || bytes.Contains(text, []byte("goroutine"))):
		return fmt.Errorf("%s %s: %d without words", req.Method, req.URL.Path, resp.StatusCode)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if resp.StatusCode >= 500 {
		r.told++
	} else {
		r.reads++
	}
	return nil
}
