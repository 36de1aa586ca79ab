// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/kua-registry/kua/internal/index"
)

// fault is something that goes wrong, and is right again when it answers.
type fault struct {
	name string
	do   func(ctx context.Context, p *process) error
}

// some is a random time.
func (r *run) some(from, to time.Duration) time.Duration {
	return from + time.Duration(r.rng.Int64N(int64(to-from)))
}

// faults are those that the form of the run knows.
func (r *run) faults() []fault {
	all := []fault{
		{"a node killed", func(ctx context.Context, p *process) error {
			p.kill()
			time.Sleep(r.some(0, 300*time.Millisecond))
			return r.again(ctx, p)
		}},
		{"a node stopped for some seconds", func(_ context.Context, p *process) error {
			p.signal(syscall.SIGSTOP)
			time.Sleep(r.some(100*time.Millisecond, 2*time.Second))
			p.signal(syscall.SIGCONT)
			return nil
		}},
	}
	if r.form != formLogs {
		all = append(all, fault{"the clock of a node set", func(ctx context.Context, p *process) error {
			off := time.Duration(r.rng.Int64N(int64(800*24*time.Hour))) - 400*24*time.Hour
			_, err := r.asked(ctx, p, http.MethodPost, fmt.Sprintf("/fault/clock?off=%d", off))
			time.Sleep(r.some(50*time.Millisecond, 400*time.Millisecond))
			return err
		}})
	}
	if r.small {
		all = append(all, fault{"the disk of a register full", func(_ context.Context, p *process) error {
			err := p.disk.fill()
			time.Sleep(r.some(100*time.Millisecond, time.Second))
			return errors.Join(err, p.disk.empty())
		}})
	}
	if r.db == nil {
		return all
	}
	all = append(all,
		fault{"PostgreSQL killed", func(context.Context, *process) error {
			err := r.db.Kill()
			time.Sleep(r.some(0, 500*time.Millisecond))
			return errors.Join(err, r.db.start())
		}},
		fault{"PostgreSQL ended in the middle", func(context.Context, *process) error {
			err := r.db.Stop()
			time.Sleep(r.some(0, 300*time.Millisecond))
			return errors.Join(err, r.db.start())
		}},
		fault{"PostgreSQL stopped for some seconds", func(context.Context, *process) error {
			err := r.db.signal(syscall.SIGSTOP)
			time.Sleep(r.some(100*time.Millisecond, 3*time.Second))
			return errors.Join(err, r.db.signal(syscall.SIGCONT))
		}},
		fault{"connections ended by the database", func(ctx context.Context, _ *process) error {
			return r.db.ask(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name='kua'")
		}},
	)
	if r.db.small {
		all = append(all, fault{"the disk of PostgreSQL full", func(ctx context.Context, _ *process) error {
			err := r.db.disk.fill()
			time.Sleep(r.some(100*time.Millisecond, time.Second))
			return errors.Join(err, r.db.disk.empty(), r.db.up(ctx))
		}})
	}
	if r.spaces {
		all = append(all,
			fault{"the line cut, nothing comes through", func(_ context.Context, p *process) error {
				err := p.line.drop()
				long := r.some(200*time.Millisecond, 4*time.Second)
				if r.rng.IntN(12) == 0 {
					long = 30 * time.Second // so that both ends give it up
				}
				time.Sleep(long)
				return errors.Join(err, p.line.mend())
			}},
			fault{"the line hung up", func(_ context.Context, p *process) error {
				_ = p.line.reset() // the system may not know how: then nothing happens
				return nil
			}},
		)
	}
	return all
}

// again starts a node until it can be: what it stands on may be away.
func (r *run) again(ctx context.Context, p *process) error {
	within, cancel := context.WithTimeout(ctx, settles)
	defer cancel()
	var why error
	for {
		err := p.start(within)
		if err == nil {
			return nil
		}
		if within.Err() != nil {
			return errors.Join(why, err)
		}
		why = err
		time.Sleep(200 * time.Millisecond)
	}
}

// breaks does one fault after the other.
func (r *run) breaks(ctx context.Context) error {
	known := r.faults()
	time.Sleep(r.some(200*time.Millisecond, 600*time.Millisecond))
	for range 2 + r.rng.IntN(3) {
		f := known[r.rng.IntN(len(known))]
		r.done = append(r.done, f.name)
		if err := f.do(ctx, r.nodes[r.rng.IntN(len(r.nodes))]); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		time.Sleep(r.some(50*time.Millisecond, 500*time.Millisecond))
	}
	return nil
}

// heal waits until every node takes a write again, by itself.
func (r *run) heal(ctx context.Context) error {
	if r.db != nil {
		if err := r.db.up(ctx); err != nil {
			return err
		}
	}
	within, cancel := context.WithTimeout(ctx, settles)
	defer cancel()
	for i, p := range r.nodes {
		last := ""
		for {
			r.mu.Lock()
			word := fmt.Sprintf("%s-after-%d-%d", marked, i, len(r.tried))
			r.tried[word] = true
			r.mu.Unlock()
			a, err := r.asked(within, p, http.MethodPost, "/fault/write?word="+word)
			if err == nil && a.status == http.StatusOK {
				r.mu.Lock()
				r.kepts[word] = true
				r.acknowledged++
				r.mu.Unlock()
				break
			}
			if strings.Contains(string(a.text), "the head file can't be written") {
				// It says so and stops until it is started anew.
				p.kill()
				if err := r.again(within, p); err != nil {
					return err
				}
			}
			if err == nil {
				last = string(a.text)
			}
			if within.Err() != nil {
				return fmt.Errorf("node %d does not write again after the faults: %s %w", i, last, err)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	return nil
}

// judge looks at what is there in the end.
func (r *run) judge(ctx context.Context) error {
	var first verdict
	for i, p := range r.nodes {
		if err := r.look(ctx, p); err != nil {
			return fmt.Errorf("node %d, in the end: %w", i, err)
		}
		v, err := r.verdict(ctx, p)
		if err != nil {
			return fmt.Errorf("node %d: %w", i, err)
		}
		switch { // machines have written lines of the audit since, one of the other
		case i > 0 && r.form == formLogs && (v.Root != first.Root || v.Entries != first.Entries):
			return fmt.Errorf("node %d has %d entries, the first one %d: not the same ledger", i, v.Entries, first.Entries)
		case i > 0 && v.Figures != first.Figures:
			return fmt.Errorf("node %d has other figures than the first one", i)
		}
		first = v
	}
	a, err := r.asked(ctx, r.nodes[0], http.MethodGet, "/fault/read")
	if err != nil {
		return err
	}
	var st state
	if err := json.Unmarshal(a.text, &st); err != nil {
		return fmt.Errorf("in the end: %s", a.text)
	}
	for w := range r.kepts {
		if st.Words[w] != 1 {
			return fmt.Errorf("%s was acknowledged and is there %d times", w, st.Words[w])
		}
	}
	for w, n := range st.Words {
		switch {
		case n != 1 || !r.tried[w]:
			return fmt.Errorf("%s is there %d times", w, n)
		case r.never[w]:
			return fmt.Errorf("%s is there, and its writer was told that nothing was written", w)
		case !r.kepts[w]:
			r.kept++
		}
	}
	if r.form != formLogs {
		if err := r.remade(ctx, first); err != nil {
			return err
		}
	}
	if r.db == nil {
		return nil
	}
	if file, err := r.db.shows(marked); err != nil || file != "" {
		return fmt.Errorf("a word stands in the database's file %s: %w", file, err)
	}
	if r.rng.IntN(3) == 0 {
		r.done = append(r.done, "an older copy of the database put back")
		return r.older(ctx)
	}
	return nil
}

func (r *run) verdict(ctx context.Context, p *process) (verdict, error) {
	a, err := r.asked(ctx, p, http.MethodGet, "/fault/verify")
	if err != nil {
		return verdict{}, err
	}
	var v verdict
	if err := json.Unmarshal(a.text, &v); err != nil {
		return v, fmt.Errorf("verifying: %s", a.text)
	}
	if v.Problem != "" {
		return v, fmt.Errorf("it does not verify: %s", v.Problem)
	}
	return v, nil
}

// remade makes the index of a register anew: it says the same.
func (r *run) remade(ctx context.Context, before verdict) error {
	p := r.nodes[0]
	_, _ = r.asked(ctx, p, http.MethodPost, "/fault/end") // it ends, perhaps before it has answered
	p.kill()
	if err := index.Remove(filepath.Join(p.how.dir, "register", "index.db")); err != nil {
		return err
	}
	if err := r.again(ctx, p); err != nil {
		return err
	}
	v, err := r.verdict(ctx, p)
	if err == nil && v.Figures != before.Figures {
		err = errors.New("an index that is made anew has other figures")
	}
	return errors.Join(err, r.look(ctx, p))
}

// older puts an older copy of the database in its place: it must be refused, by
// those that run and by those that start.
func (r *run) older(ctx context.Context) error {
	p := r.nodes[0]
	old, newest := filepath.Join(r.db.Dir(), "old"), filepath.Join(r.db.Dir(), "newest")
	if err := errors.Join(r.db.Stop(), r.db.copyTo(old), r.db.start()); err != nil {
		return err
	}
	if err := r.heal(ctx); err != nil { // which writes
		return err
	}
	if err := errors.Join(r.db.Stop(), os.Rename(r.db.data(), newest), os.Rename(old, r.db.data()), r.db.start()); err != nil {
		return err
	}
	for range 3 {
		a, err := r.asked(ctx, p, http.MethodPost, "/fault/write?word="+marked+"-onto-the-old")
		if err == nil && a.status == http.StatusOK {
			return errors.New("a node that runs wrote onto an older copy of its database")
		}
	}
	if err := r.look(ctx, p); err != nil {
		return fmt.Errorf("with an older copy of the database: %w", err)
	}
	p.kill()
	within, cancel := context.WithTimeout(ctx, settles)
	err := p.start(within)
	cancel()
	if err == nil || !strings.Contains(err.Error(), "older") {
		return fmt.Errorf("a node that starts took an older copy of its database: %w", err)
	}
	if err := errors.Join(r.db.Stop(), os.RemoveAll(r.db.data()), os.Rename(newest, r.db.data()), r.db.start(), r.again(ctx, p)); err != nil {
		return err
	}
	_, err = r.verdict(ctx, p)
	return errors.Join(err, r.look(ctx, p))
}
