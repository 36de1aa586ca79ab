// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/doctor"
	"github.com/kua-registry/kua/internal/inbox"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/pocket"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/reporting"
	"github.com/kua-registry/kua/internal/web"
)

// inboxMost is how many bytes reports from outside may take, on a disk that has
// twice that for them.
const inboxMost = 50 << 30

// tendInboxEvery is how often uploads are looked at that became part of nothing.
const tendInboxEvery = 6 * time.Hour

// reports is how reports from outside are taken.
type reports struct {
	listen   string // address; empty: they are not
	circuits bool
	onion    string
	most     int
}

func (v *reports) args() []string {
	if v.listen == "" {
		return nil
	}
	args := []string{"--report", v.listen, "--report-hour", fmt.Sprint(v.most)}
	if v.circuits {
		args = append(args, "--report-circuits")
	}
	if v.onion != "" {
		args = append(args, "--onion", v.onion)
	}
	return args
}

// readCard reads the card of an installation.
func readCard(path string) (reporting.Card, [16]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return reporting.Card{}, [16]byte{}, fmt.Errorf("the card can't be read: %w", err)
	}
	c, installation, err := reporting.ReadCard(b)
	if err != nil {
		return c, installation, fmt.Errorf("%s: %w", path, err)
	}
	return c, installation, nil
}

// intakesOf are those who read the reports that a register takes, which may be locked.
func intakesOf(dir string) (all []reporting.Intake, err error) {
	keys, err := registry.IntakePublicAt(dir)
	for _, k := range keys {
		all = append(all, reporting.Intake{Name: k.Name, Recipient: k.Recipient, Fingerprint: k.Fingerprint})
	}
	return all, err
}

func ofCard(c reporting.Card) (all []reporting.Intake) {
	for _, t := range c.Intakes {
		all = append(all, reporting.Intake{Name: t.Name, Recipient: t.Recipient, Fingerprint: registry.IntakeFingerprint(t.Recipient)})
	}
	return all
}

// startReports begins to take reports from outside, and ends with the context.
// It knows no register, and goes on while that is locked.
func (h *host) startReports(ctx context.Context) error {
	v := &h.how.reports
	listener, err := net.Listen("tcp", v.listen)
	if err != nil {
		return fmt.Errorf("reports can't be taken on %s: %w; give another address with --report", v.listen, err)
	}
	v.listen = listener.Addr().String()
	store, err := inbox.Open(h.p.inboxOf(h.dir))
	if err != nil {
		listener.Close()
		return err
	}
	options := reporting.Options{
		Inbox: store, Words: h.words, Now: h.p.now, Most: v.most, Onion: v.onion, Logger: h.log,
		Intakes: func() ([]reporting.Intake, error) { return intakesOf(h.dir) },
	}
	pages, err := reporting.New(options)
	if err != nil {
		listener.Close()
		return err
	}
	notes, err := pocket.New(pocket.Options{Options: options})
	if err != nil {
		listener.Close()
		return err
	}
	both := http.NewServeMux()
	both.Handle("/", pages)
	both.Handle(pocket.At, notes)
	scheme := "http"
	if h.how.reach.tls() {
		scheme = "https"
	}
	fmt.Fprintf(h.p.out, "Reports from outside are taken at %s://%s\n", scheme, v.listen)
	if v.circuits {
		listener = reporting.Circuits(listener)
	}
	go h.serveReports(ctx, listener, both)
	go tendInbox(ctx, store, h.log)
	return nil
}

// reportsOf is what is published of the keys to which reports are sealed.
func (h *host) reportsOf() (web.Reports, error) {
	v := web.Reports{Served: h.how.reports.listen != "", Onion: h.how.reports.onion}
	to, err := intakesOf(h.dir)
	if err != nil {
		return v, err
	}
	store, err := inbox.Beside(h.p.inboxOf(h.dir))
	if err != nil {
		return v, err
	}
	card, err := json.Marshal(reporting.CardOf(store.Installation(), to))
	if err != nil {
		return v, err
	}
	v.Card = append(card, '\n')
	all, err := reporting.Digests(reporting.Options{Words: h.words, Installation: store.Installation(), Intakes: func() ([]reporting.Intake, error) { return to, nil }})
	for _, d := range all {
		v.Digests = append(v.Digests, web.Digest{Name: d.Name, Sum: d.Sum})
	}
	return v, err
}

func (h *host) serveReports(ctx context.Context, listener net.Listener, pages http.Handler) {
	server := &http.Server{
		Handler:           h.how.reach.front(pages),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          log.New(io.Discard, "", 0), // it would name addresses
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := serveOn(server, listener, h.config); err != nil {
		h.log.Error("reports from outside are not taken any more: start the program again")
	}
}

func tendInbox(ctx context.Context, store *inbox.Store, log *slog.Logger) {
	ticks := time.NewTicker(tendInboxEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			if err := store.Tend(); err != nil {
				log.Error("the inbox could not be tended", slog.Any("error", err))
			}
		}
	}
}

func (p *program) reportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Reports from outside: their page, its digests, how it is reached through Tor",
		Long: `People outside report on the pages of 'kua serve --report ADDRESS'. The page that
seals on their device is one file, the same for everybody: 'kua report page'
writes it for a stick, 'kua report digests' prints what it can be checked with.
CARD is the file card.json that stands at that address; 'kua report card' writes
it where nothing is served.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.reportCardCommand(), p.reportDigestsCommand(), p.reportPageCommand(), p.reportOnionCommand())
	return cmd
}

func (p *program) reportCardCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "card",
		Short: "Print the card with which others seal reports for this register, which may be locked",
		Long: `Print the card with which 'kua seal' and 'kua report page' seal reports for this
register: its name and the keys to which is sealed. It holds nothing secret, and
the register may be locked. Whoever is handed it compares the fingerprints that
are printed beside it with those on paper. After a key was made anew, hand out a
new card.`,
		Args: cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			dir, err := p.dir()
			if err != nil {
				return err
			}
			if _, err := os.Stat(dir); err != nil {
				return fmt.Errorf("there is no register in %s: %w", dir, err)
			}
			to, err := intakesOf(dir)
			if err != nil {
				return err
			}
			if len(to) == 0 {
				return fmt.Errorf("nobody takes reports in %s yet: an administrator of an organisation makes the key to which is sealed with 'kua intake key new'", dir)
			}
			store, err := inbox.Beside(p.inboxOf(dir))
			if err != nil {
				return err
			}
			if err := json.NewEncoder(p.out).Encode(reporting.CardOf(store.Installation(), to)); err != nil {
				return err
			}
			for _, t := range to {
				fmt.Fprintf(p.err, "%s: %s\n", t.Name, t.Fingerprint)
			}
			return nil
		},
	}
}

// inboxOf is how the inbox of the register in dir is opened.
func (p *program) inboxOf(dir string) inbox.Options {
	o := inbox.Options{Dir: filepath.Join(dir, "inbox"), Most: inboxMost, Now: p.now}
	if free := p.freeOn(); free != nil {
		o.Free = func() (int64, error) { return free(dir) }
	}
	return o
}

// freeOn says how many bytes the disk of a folder has left; nil: this system does not say.
func (p *program) freeOn() func(dir string) (int64, error) {
	disk := doctor.ThisMachine(p.now()).Disk
	if disk == nil {
		return nil
	}
	return func(dir string) (int64, error) {
		d, err := disk(dir)
		return int64(min(d.Free, math.MaxInt64)), err
	}
}

// pagesOf are the options with which the page of a card is made.
func pagesOf(card string) (o reporting.Options, err error) {
	words, err := locale.Load()
	if err != nil {
		return o, err
	}
	c, installation, err := readCard(card)
	if err != nil {
		return o, err
	}
	return reporting.Options{Words: words, Installation: installation, Intakes: func() ([]reporting.Intake, error) { return ofCard(c), nil }}, nil
}

func (p *program) reportDigestsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "digests CARD",
		Short: "Print the SHA-256 of the page that seals, in each language, of the scripts within, and of what a member's phone keeps",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			o, err := pagesOf(args[0])
			if err != nil {
				return err
			}
			all, err := reporting.Digests(o)
			if err != nil {
				return err
			}
			notes, err := pocket.Digests(o)
			for _, d := range append(all, notes...) {
				fmt.Fprintf(p.out, "%s  %s\n", d.Sum, d.Name)
			}
			return err
		},
	}
}

func (p *program) reportPageCommand() *cobra.Command {
	var lang, out string
	cmd := &cobra.Command{
		Use:   "page CARD --lang LANG --out FILE",
		Short: "Write the page that seals as a file, for a stick: it works without any line",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return usage("--out says where the page is written")
			}
			o, err := pagesOf(args[0])
			if err != nil {
				return err
			}
			page, err := reporting.Page(o, lang)
			if err != nil {
				return err
			}
			if err := os.WriteFile(out, page, 0o644); err != nil {
				return fmt.Errorf("the page can't be written: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&lang, "lang", "en", "en, ru or kk")
	cmd.Flags().StringVar(&out, "out", "", "the `file`")
	return cmd
}

func (p *program) reportOnionCommand() *cobra.Command {
	var dir, to string
	cmd := &cobra.Command{
		Use:   "onion",
		Short: "Print the lines for tor's configuration with which the pages are an onion service",
		Long: `Print the lines for tor's configuration (torrc) with which the pages for reports
are an onion service. tor writes its address into the file hostname of its
folder; give it to 'kua serve --onion', and browsers that can are led there.`,
		Args: cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			if _, _, err := net.SplitHostPort(to); err != nil || strings.ContainsAny(dir+to, "\n\"") {
				return usage("--to is the address of 'kua serve --report', as 127.0.0.1:8471")
			}
			fmt.Fprint(p.out, onionLines(dir, to))
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "/var/lib/tor/kua-reports", "tor's `folder` for the service: it holds its key, keep it as you keep the register")
	cmd.Flags().StringVar(&to, "to", "127.0.0.1:8471", "`address` of 'kua serve --report'")
	return cmd
}

// onionLines are the lines for torrc. Which circuit a request came by is told
// to the program alone, so that a flood over one of them keeps nobody out.
func onionLines(dir, to string) string {
	return `# Reports from outside as an onion service. With it:
#   kua serve --report ` + to + ` --report-circuits --onion $(cat ` + filepath.ToSlash(dir) + `/hostname)
HiddenServiceDir "` + filepath.ToSlash(dir) + `"
HiddenServiceVersion 3
HiddenServicePort 80 ` + to + `
HiddenServiceExportCircuitID haproxy
HiddenServiceMaxStreams 16
HiddenServiceMaxStreamsCloseCircuit 0
HiddenServicePoWDefensesEnabled 1
`
}
