// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/api"
	"github.com/kua-registry/kua/internal/doctor"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/web"
	"github.com/kua-registry/kua/internal/webhook"
)

// How long a client may take. A slow line is not an attack; a client that
// sends a byte a minute is.
const (
	headerTimeout  = 20 * time.Second
	requestTimeout = 2 * time.Minute
	idleTimeout    = 3 * time.Minute
)

// finishTimeout is how long a request that is being answered has when the
// register is locked or the program ends; closeTimeout is how long the files
// then have. What was acknowledged is on the disk before either.
const (
	finishTimeout = 5 * time.Second
	closeTimeout  = 5 * time.Second
)

// maxUnlocking is how many may wait for the one passphrase that is being tried.
const maxUnlocking = 16

// idleChecks is how often it is looked whether anybody is there, in the time
// after which the register locks.
const idleChecks = 60

// host serves one register, in turns: open, then locked, then open again. A
// turn has a server of its own, and all share the listener.
type host struct {
	p        *program
	dir      string
	how      service
	words    *locale.Catalogue
	log      *slog.Logger
	listener lasting
	config   *tls.Config // nil: this program speaks no TLS
	meters   *meters

	// asks are the wishes to have the register locked. Who asks is answered by
	// closing the channel, when it is.
	asks   chan chan struct{}
	open   atomic.Bool
	opened atomic.Pointer[registry.Registry] // nil: it is locked
	// published says that the public page is to be looked at; publicStamp is
	// that of the page as it was written last.
	published   chan struct{}
	publicStamp string
	// renew puts a process that knows nothing in the place of this one. It
	// returns only where that can't be done.
	renew func() error
	ticks func(time.Duration) (<-chan time.Time, func())
}

func newHost(p *program, dir string, how service, words *locale.Catalogue, listener lasting) *host {
	h := &host{
		p: p, dir: dir, how: how, words: words, listener: listener,
		log:  p.log(how),
		asks: make(chan chan struct{}, maxUnlocking), published: make(chan struct{}, 1),
		publicStamp: "not looked at yet",
		ticks: func(every time.Duration) (<-chan time.Time, func()) {
			t := time.NewTicker(every)
			return t.C, t.Stop
		},
	}
	h.meters = h.newMeters()
	return h
}

// run takes turns until the context ends.
func (h *host) run(ctx context.Context, reg *registry.Registry) error {
	for {
		var asked []chan struct{}
		var err error
		if reg != nil {
			asked, err = h.servePages(ctx, reg)
		} else {
			reg, asked, err = h.serveLocked(ctx)
		}
		if err != nil || ctx.Err() != nil {
			if reg != nil {
				h.close(reg)
			}
			return err
		}
		if asked == nil { // it was opened
			continue
		}
		if reg != nil {
			h.close(reg)
			reg = nil
		}
		if h.renew != nil {
			err := h.renew()
			h.log.Warn("the register is locked, but this process could not be replaced: what it held may stay in its memory until that is used again", slog.Any("error", err))
		}
		debug.FreeOSMemory()
		for _, ack := range asked {
			close(ack)
		}
	}
}

// close closes the register. Where that takes too long it is left as if the
// program had been killed, by which nothing is lost.
func (h *host) close(reg *registry.Registry) {
	done := make(chan error, 1)
	go func() { done <- reg.Close() }()
	select {
	case err := <-done:
		if err != nil {
			h.log.Warn("the register was closed, but not in full: the next start sees to it", slog.Any("error", err))
		}
	case <-time.After(closeTimeout):
		h.log.Warn("the register takes long to close and is left as it is: the next start sees to it")
	}
}

// servePages serves the pages of an open register until it is to be locked:
// then asked is not nil.
func (h *host) servePages(ctx context.Context, reg *registry.Registry) (asked []chan struct{}, err error) {
	turn := h.newTurn(ctx)
	handler, err := web.New(reg, h.words, web.Options{Logger: h.log, Secure: h.how.reach.secure(), Post: h.p.post(h.words), Ask: askAuthority, Published: h.hasPublished, Reports: h.reportsOf, Around: h.around(h.p.now()), LockAll: func() {
		h.ask()
		<-turn.stopped // so that the answer leads to the next turn
	}})
	if err != nil {
		return nil, err
	}
	programs := api.New(reg, api.Options{Logger: h.log, Version: version})
	if err := turn.begin(beside(handler, programs)); err != nil {
		return nil, err
	}
	tending := h.tend(turn.requests, reg)
	h.open.Store(true)
	h.opened.Store(reg)
	defer h.opened.Store(nil)
	fmt.Fprintf(h.p.out, "The pages are at %s — end with Ctrl-C.\n", h.address())
	idle, stop := h.idleTicks()
	defer stop()
	for asked == nil {
		select {
		case err := <-turn.failed:
			return nil, err
		case <-ctx.Done():
			err := turn.finish()
			<-tending
			return nil, err
		case <-idle:
			if reg.Idle() >= h.how.lockAfter {
				asked = []chan struct{}{}
			}
		case ack := <-h.asks:
			asked = []chan struct{}{ack}
		}
	}
	reg.EndAll()
	h.open.Store(false)
	err = turn.finish()
	<-tending
	return h.others(asked), err
}

// beside has programs answered beside the pages.
func beside(pages, programs http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, api.Prefix) {
			programs.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// beThrifty is called once a register is open. What is kept in memory of a big
// one takes most of what a small machine has: as much garbage again, which is
// what is let pile up otherwise, would not fit beside it.
func beThrifty() {
	const big, share = 256 << 20, 40 // bytes; of a hundred
	var memory runtime.MemStats
	if runtime.ReadMemStats(&memory); memory.HeapAlloc > big {
		debug.SetGCPercent(share)
	}
}

// tend looks after a register that stays open: the month may turn, reminders
// be due. What it answers is closed when it has ended.
func (h *host) tend(ctx context.Context, reg *registry.Registry) <-chan struct{} {
	done, carrying := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(carrying)
		reg.KeepCarrying(ctx)
	}()
	abreast := make(chan struct{})
	go func() {
		defer close(abreast)
		reg.KeepAbreast(ctx)
	}()
	exchanging := make(chan struct{})
	go func() {
		defer close(exchanging)
		reg.KeepExchanging(ctx)
	}()
	telling := make(chan struct{})
	go func() {
		defer close(telling)
		reg.KeepTelling(ctx, webhook.New(webhook.Options{}))
	}()
	go func() {
		defer close(done)
		defer func() { <-carrying; <-exchanging; <-abreast; <-telling }()
		ticks := time.NewTicker(tendEvery)
		defer ticks.Stop()
		beThrifty()
		if err := reg.Warm(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("what the analysis needs could not be read beforehand; it is when somebody asks", slog.Any("error", err))
		}
		for {
			if err := h.refreshPublic(ctx, reg); err != nil && ctx.Err() == nil {
				h.log.Error("the public page could not be written", slog.Any("error", err))
			}
			select {
			case <-ctx.Done():
				return
			case <-h.published:
			case <-ticks.C:
				if err := reg.Tend(ctx); err != nil && ctx.Err() == nil {
					h.log.Error("what the clock asks for could not be done", slog.Any("error", err))
				}
				// What could not be sent the registry has said, without content.
				if _, err := reg.Remind(ctx, h.p.post(h.words)); err != nil && ctx.Err() == nil {
					h.log.Error("reminders could not be sent", slog.Any("error", err))
				}
			}
		}
	}()
	return done
}

// around says how it stands around a register that was opened at a moment.
func (h *host) around(since time.Time) func() (web.Around, error) {
	return func() (web.Around, error) {
		a := web.Around{Version: version, Since: since}
		certificate := h.how.reach.certificate(h.dir)
		var err error
		if a.Findings, err = h.p.lookAround(h.dir, certificate); err != nil {
			return web.Around{}, err
		}
		machine := h.p.machine()
		if machine.Disk != nil {
			if a.Disk, err = machine.Disk(h.dir); err != nil {
				return web.Around{}, err
			}
		}
		if certificate != "" {
			a.Certificate, _ = doctor.CertificateEnds(certificate) // that it is not there is a finding
		}
		return a, nil
	}
}

// hasPublished has the public page looked at, and does not wait for it.
func (h *host) hasPublished() {
	select {
	case h.published <- struct{}{}:
	default: // it is to be looked at already
	}
}

// serveLocked serves the page of a locked register until somebody opens it,
// or it is to forget what was tried on it: then asked is not nil.
func (h *host) serveLocked(ctx context.Context) (reg *registry.Registry, asked []chan struct{}, err error) {
	opening, cancel := context.WithCancel(ctx)
	defer cancel()
	waiting, trying := make(chan struct{}, maxUnlocking), make(chan struct{}, 1)
	opened := make(chan *registry.Registry, 1)
	turn := h.newTurn(ctx)
	var tried atomic.Bool // what was typed may be in memory
	unlock := func(asking context.Context, passphrase string) error {
		select {
		case waiting <- struct{}{}:
			defer func() { <-waiting }()
		default:
			return access.ErrTooMany
		}
		select {
		case trying <- struct{}{}:
			defer func() { <-trying }()
		case <-asking.Done():
			return asking.Err()
		case <-opening.Done():
			return opening.Err()
		}
		if err := opening.Err(); err != nil {
			return err
		}
		if len(opened) > 0 {
			return nil // somebody else was faster
		}
		tried.Store(true)
		// Not under the request's context: who goes away while the index is made anew still wants it open.
		reg, session, err := registry.Open(opening, h.dir, registry.Unlock{Passphrase: passphrase}, h.p.options())
		if err != nil {
			return err
		}
		reg.SignOut(session)
		opened <- reg
		<-turn.stopped // so that the answer leads to the next turn
		return nil
	}
	handler, err := web.NewLocked(unlock, h.words, web.Options{Logger: h.log, Secure: h.how.reach.secure()})
	if err != nil {
		return nil, nil, err
	}
	if err := turn.begin(beside(handler, api.Locked())); err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(h.p.out, "The register is locked. It is opened at %s — end with Ctrl-C.\n", h.address())
	idle, stop := h.idleTicks()
	defer stop()
	quiet := h.p.now()
	for {
		select {
		case err := <-turn.failed:
			return nil, nil, err
		case <-ctx.Done():
			err = turn.finish()
			return left(opened), nil, err
		case reg = <-opened:
			return reg, nil, turn.finish()
		case <-idle: // passphrases that were nearly right are not for whoever carries the machine off
			if !tried.Load() {
				quiet = h.p.now()
				continue
			}
			if h.p.now().Sub(quiet) < h.how.lockAfter {
				continue
			}
			asked = []chan struct{}{}
		case ack := <-h.asks:
			asked = []chan struct{}{ack}
		}
		if !tried.Load() { // there is nothing to forget
			for _, ack := range h.others(asked) {
				close(ack)
			}
			continue
		}
		cancel()
		err = turn.finish()
		select {
		case trying <- struct{}{}: // the opening that was cancelled has ended
		case <-time.After(closeTimeout):
		}
		return left(opened), h.others(asked), err
	}
}

// left is a register that was opened at the last moment.
func left(opened chan *registry.Registry) *registry.Registry {
	select {
	case reg := <-opened:
		return reg
	default:
		return nil
	}
}

// ask asks for the register to be locked, and does not wait for it.
func (h *host) ask() {
	select {
	case h.asks <- make(chan struct{}):
	default: // asked for already, many times
	}
}

// others adds who else has asked meanwhile.
func (h *host) others(asked []chan struct{}) []chan struct{} {
	for {
		select {
		case ack := <-h.asks:
			asked = append(asked, ack)
		default:
			return asked
		}
	}
}

func (h *host) idleTicks() (<-chan time.Time, func()) {
	if h.how.lockAfter == 0 {
		return nil, func() {}
	}
	return h.ticks(max(h.how.lockAfter/idleChecks, time.Second))
}

func (h *host) address() string {
	if h.how.reach.secure() && h.how.origin != "" {
		return h.how.origin
	}
	if h.how.reach.tls() {
		return "https://" + h.how.listen
	}
	return "http://" + h.how.listen
}

// turn is one server.
type turn struct {
	host     *host
	server   *http.Server
	listener *accepting
	requests context.Context
	cut      context.CancelFunc // ends what requests are doing
	failed   chan error
	stopped  chan struct{} // closed when no connection is taken any more

	mu     sync.Mutex
	active map[net.Conn]bool // connections on which a request is being answered
	quiet  chan struct{}     // made when the turn ends, closed when there are none
}

func (h *host) newTurn(ctx context.Context) *turn {
	t := &turn{
		host: h, listener: &accepting{lasting: h.listener},
		failed: make(chan error, 1), stopped: make(chan struct{}), active: map[net.Conn]bool{},
	}
	t.requests, t.cut = context.WithCancel(context.WithoutCancel(ctx))
	return t
}

// begin begins to answer requests.
func (t *turn) begin(handler http.Handler) error {
	h := t.host
	if err := h.listener.SetDeadline(time.Time{}); err != nil {
		return err
	}
	t.server = &http.Server{
		Handler:           h.meters.count(h.how.reach.front(handler)),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(h.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return t.requests },
		ConnState:         t.state,
	}
	go func() {
		defer close(t.stopped)
		t.failed <- serveOn(t.server, t.listener, h.config)
	}()
	return nil
}

func (t *turn) state(c net.Conn, s http.ConnState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s == http.StateActive {
		t.active[c] = true
		return
	}
	delete(t.active, c)
	t.tell()
}

// tell tells finish that nothing is being answered. Called with mu held.
func (t *turn) tell() {
	if t.quiet != nil && len(t.active) == 0 {
		close(t.quiet)
		t.quiet = nil
	}
}

// finish takes no more connections, lets requests that are being answered
// finish, and cuts those that take too long. Connections on which nothing was
// asked yet are not waited for, as http.Server.Shutdown would: browsers keep
// some ready. Who connects from now on waits for the next turn.
func (t *turn) finish() error {
	defer t.cut()
	t.server.SetKeepAlivesEnabled(false)
	if err := t.listener.stop(); err != nil {
		return err
	}
	<-t.stopped
	quiet := make(chan struct{})
	t.mu.Lock()
	t.quiet = quiet
	t.tell()
	t.mu.Unlock()
	late := time.NewTimer(finishTimeout)
	defer late.Stop()
	select {
	case <-quiet:
	case <-late.C:
		t.cut()
	}
	return t.server.Close()
}

// lasting is a listener that outlives the servers that listen on it.
type lasting struct{ *net.TCPListener }

// accepting is the listener of one turn: it ends without the other.
type accepting struct {
	lasting
	over atomic.Bool
}

// Accept waits for a connection, until stop.
func (l *accepting) Accept() (net.Conn, error) {
	c, err := l.lasting.Accept()
	if err != nil && l.over.Load() {
		return nil, net.ErrClosed
	}
	return c, err
}

func (l *accepting) stop() error {
	l.over.Store(true)
	return l.SetDeadline(time.Unix(1, 0)) // also for who waits already
}

// Close does nothing: the listener is not the turn's.
func (l *accepting) Close() error { return nil }
