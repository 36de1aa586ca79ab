// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/acme/autocert"

	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/reporting"
)

// defaultListen is loopback: what goes beyond this machine is a decision of the administrator's.
const defaultListen = "127.0.0.1:8470"

// defaultLockAfter is how long nobody need be there for a register to lock
// itself: twice as long as a session lasts without a page opened, so that it
// takes nothing from anybody who is signed in, and a machine carried off in
// the night or over lunch is locked.
const defaultLockAfter = time.Hour

// service is how a register is served.
type service struct {
	listen    string
	reach     reach
	origin    string        // where the pages are reached from a browser; empty: not known, and there are no passkeys
	lockAfter time.Duration // 0: never
	public    string        // where the public page is served; empty: not by this program
	reports   reports       // from outside
	metrics   string        // where programs that watch machines are answered; empty: nowhere
	logJSON   bool          // a line of JSON for each line of the log
	first     bool          // where there is no register, one is made in the browser
	inherited int           // file descriptor of the listener that the process had before it locked itself; 0: none
}

// check answers what can't be meant.
func (v *service) check() error {
	if err := v.reach.check(v.origin, map[string]string{"--listen": v.listen, "--public": v.public, "--report": v.reports.listen}); err != nil {
		return err
	}
	if v.metrics != "" && !onLoopback(v.metrics) {
		return usage("--metrics %s: only programs of this machine are answered: give an address on loopback, as 127.0.0.1:8479", v.metrics)
	}
	if v.origin == "" && v.reach.acmeHost != "" {
		v.origin = "https://" + v.reach.acmeHost
	}
	if v.origin == "" && !v.reach.tls() {
		// Whoever sits at this machine, and in the clear there is nobody else: a browser takes localhost as it takes TLS.
		if _, port, err := net.SplitHostPort(v.listen); err == nil && port != "0" {
			v.origin = "http://localhost:" + port
		}
	}
	if v.lockAfter < 0 {
		return usage("--lock-after is a time, as 30m or 2h; 0 is never")
	}
	return nil
}

// args are the arguments with which the register is served again, locked.
func (v *service) args(p *program, dir string) []string {
	args := []string{"serve", "--locked", "--registry", dir, "--listen", v.listen, "--lock-after", v.lockAfter.String()}
	if v.origin != "" {
		args = append(args, "--origin", v.origin)
	}
	if v.public != "" {
		args = append(args, "--public", v.public)
	}
	args = append(args, v.reports.args()...)
	if p.forgetting != "" {
		args = append(args, "--forgetting", p.forgetting)
	}
	if v.metrics != "" {
		args = append(args, "--metrics", v.metrics)
	}
	if v.logJSON {
		args = append(args, "--log-json")
	}
	return append(args, v.reach.args()...)
}

func (p *program) serveCommand() *cobra.Command {
	var v service
	var locked bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the pages",
		Long: `Serve the pages of the register. It locks itself when nobody who is signed in
has asked for anything for a while, on 'kua lock', and by a button in the pages.
Locked, the program holds no key and no plain text, and goes on answering: a
member who may start the register opens it again with their passphrase.

How the pages are reached:
  from this machine        as it comes; from elsewhere by an SSH tunnel
  over the internet        --listen :443 --acme NAME: an authority gives the certificate
  with one of your own     --listen :443 --tls-cert FILE --tls-key FILE, read again when renewed
  behind a proxy           --behind-proxy --origin https://NAME, the proxy on this machine; it
                           passes Host on and adds who asks to X-Forwarded-For
  as an onion service      on loopback: HiddenServicePort 80 127.0.0.1:8470 in torrc
In the clear, without loopback, they are not served.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := v.check(); err != nil {
				return err
			}
			if err := p.shut(); err != nil {
				return err
			}
			p.origin = v.origin
			dir, err := p.dir()
			if err != nil {
				return err
			}
			if _, err := registry.At(dir, p.options()); err == nil {
				v.first = false
			}
			if locked || v.first {
				return p.serve(cmd.Context(), dir, nil, v)
			}
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			reg.SignOut(session) // whoever started it signs in like everybody
			return p.serve(cmd.Context(), p.registry, reg, v)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&v.listen, "listen", defaultListen, "`address` to listen on")
	flags.BoolVar(&locked, "locked", false, "start locked: without a passphrase, which is asked for in the page")
	flags.BoolVar(&v.first, "first-start", false, "where there is no register, have one made in the browser, by whoever reads the code that is printed")
	flags.DurationVar(&v.lockAfter, "lock-after", defaultLockAfter, "lock the register after so long a `time` without anybody there; 0 is never")
	flags.StringVar(&v.origin, "origin", "", "`address` at which browsers reach the pages, as https://kua.example: passkeys are bound to it")
	flags.StringVar(&v.public, "public", "", "`address` on which everybody may read the public page ('kua public')")
	flags.StringVar(&v.reports.listen, "report", "", "`address` on which everybody may report from outside ('kua report')")
	flags.BoolVar(&v.reports.circuits, "report-circuits", false, "tor says by which circuit each connection to --report came ('kua report onion'); nothing else may reach it")
	flags.IntVar(&v.reports.most, "report-hour", reporting.DefaultMost, "reports that are taken in an hour at the most")
	flags.StringVar(&v.reports.onion, "onion", "", "`host` of the onion service of --report: browsers that can are led there")
	flags.StringVar(&v.reach.tlsCert, "tls-cert", "", "`file` with the certificate, where the pages are reached by TLS; read again when it changes")
	flags.StringVar(&v.reach.tlsKey, "tls-key", "", "`file` with the key of the certificate")
	flags.StringVar(&v.reach.acmeHost, "acme", "", "`name` of this machine, for which an authority is asked for a certificate, whose terms you accept by this")
	flags.StringVar(&v.reach.acmeDirectory, "acme-directory", autocert.DefaultACMEDirectory, "`address` of that authority")
	flags.StringVar(&v.reach.acmeCache, "acme-cache", "", "`folder` for its certificates; else beside the register, its name with .tls after it")
	flags.BoolVar(&v.reach.behindProxy, "behind-proxy", false, "a proxy on this machine speaks TLS, and says from where each request comes")
	flags.StringVar(&v.metrics, "metrics", "", "`address` on loopback for programs that watch machines: /metrics and /health, without content")
	flags.BoolVar(&v.logJSON, "log-json", false, "write the log as lines of JSON")
	flags.IntVar(&v.inherited, "listener-fd", 0, "")
	_ = flags.MarkHidden("listener-fd") // it is there
	return cmd
}

// serve serves a register until the context ends; reg is nil where it is to
// begin locked, and is closed in any case.
func (p *program) serve(ctx context.Context, dir string, reg *registry.Registry, v service) error {
	fail := func(err error) error {
		if reg != nil {
			reg.Close()
		}
		return err
	}
	if _, err := os.Stat(dir); err != nil && !v.first {
		return fail(fmt.Errorf("there is no register in %s: %w; 'kua init %s' makes one, 'kua serve --first-start' has it made in the browser", dir, err, dir))
	}
	log := p.log(v)
	config, err := v.reach.config(dir, p.now, log)
	if err != nil {
		return fail(err)
	}
	words, err := locale.Load()
	if err != nil {
		return fail(err)
	}
	var control net.Listener
	takeControl := func() (err error) {
		if control, err = listenControl(dir); err == nil && control == nil {
			fmt.Fprintln(p.err, "kua: 'kua lock' can't reach this program, because the register's disk has no sockets: lock it in the pages, or end the program")
		}
		return err
	}
	defer func() {
		if control != nil {
			control.Close()
		}
	}()
	if !v.first { // before all else, so that a second program on the same register ends here
		if err := takeControl(); err != nil {
			return fail(err)
		}
	}
	listener, err := listenOn(v.listen, v.inherited)
	if err != nil {
		return fail(fmt.Errorf("the pages can't be served on %s: %w; give another address with --listen", v.listen, err))
	}
	defer listener.Close()
	v.listen = listener.Addr().String() // which may have been any free port
	var readers net.Listener
	if v.public != "" {
		if readers, err = net.Listen("tcp", v.public); err != nil {
			return fail(fmt.Errorf("the public page can't be served on %s: %w; give another address with --public", v.public, err))
		}
		v.public = readers.Addr().String()
	}
	h := newHost(p, dir, v, words, listener)
	h.config, h.log = config, log
	if v.metrics != "" {
		watchers, err := net.Listen("tcp", v.metrics)
		if err != nil {
			return fail(fmt.Errorf("the meters can't be served on %s: %w; give another address with --metrics", v.metrics, err))
		}
		v.metrics = watchers.Addr().String()
		fmt.Fprintf(p.out, "Programs that watch this machine are answered at http://%s/metrics\n", v.metrics)
		go h.serveMeters(ctx, watchers)
	}
	if v.first {
		if reg, err = h.serveFirst(ctx); reg == nil {
			return err // or nobody made one
		}
		if err := takeControl(); err != nil {
			return fail(err)
		}
	}
	if readers != nil {
		fmt.Fprintf(p.out, "The public page is at http%s://%s\n", map[bool]string{true: "s"}[v.reach.tls()], v.public)
		go h.servePublic(ctx, readers)
	}
	if v.reports.listen != "" {
		if err := h.startReports(ctx); err != nil {
			return fail(err)
		}
		v.reports = h.how.reports // whose port may have been any free one
	}
	h.renew = func() error { return renew(v.args(p, dir), listener) }
	if control != nil {
		go h.obey(ctx, control)
	}
	return h.run(ctx, reg)
}

// log is where a program that serves writes what happens to it: never what is in a register.
func (p *program) log(v service) *slog.Logger {
	if v.logJSON {
		return slog.New(slog.NewJSONHandler(p.err, nil))
	}
	return slog.New(slog.NewTextHandler(p.err, nil))
}

// listenOn makes a listener, or takes the one that was handed on.
func listenOn(address string, inherited int) (lasting, error) {
	var l net.Listener
	var err error
	if inherited > 0 {
		f := os.NewFile(uintptr(inherited), "listener")
		l, err = net.FileListener(f)
		f.Close()
	} else {
		l, err = net.Listen("tcp", address)
	}
	if err != nil {
		return lasting{}, err
	}
	t, ok := l.(*net.TCPListener)
	if !ok {
		return lasting{}, fmt.Errorf("%s is not a TCP address", address)
	}
	return lasting{t}, nil
}
