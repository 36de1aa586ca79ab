// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/exchange"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/wholefile"
)

func (p *program) exchangeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exchange",
		Short: "Exchange with the other organisations of the coalition",
		Long: `Exchange with the other organisations of the coalition, through its relay or by
files on a stick. What you write stands in your own register at once, with a line
or without. The relay and the other nodes get it sealed; the facts of cases that
count are open to the other nodes, who somebody is to nobody. Members, the audit
and settings never leave.`,
	}
	cmd.AddCommand(p.exchangeCardCommand(), p.exchangeAddCommand(), p.exchangeStatusCommand(), p.exchangeSyncCommand(), p.exchangeExportCommand(), p.exchangeImportCommand())
	return cmd
}

func (p *program) exchangeCardCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "card",
		Short: "Write this node's card: for the relay and for each other organisation",
		Long: `Write this node's card: give it to the relay and to each other organisation, by
whatever way. It holds nothing secret. Read the fingerprint that is printed beside
it to them over the telephone or in person: a card that was exchanged on the way
has another.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			card, err := reg.Card(cmd.Context(), session)
			if err != nil {
				return err
			}
			b, err := card.Bytes()
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(p.out, "%s\n", b); err != nil {
				return err
			}
			fmt.Fprintf(p.err, "The card of %q. Its fingerprint, to be compared by voice: %s\n", card.Name, exchange.Fingerprint(card.Key.Signing()))
			return nil
		},
	}
}

func (p *program) exchangeAddCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "add CARD...",
		Short: "Make other nodes known here, by the cards they wrote",
		Long: `Make other nodes known here, by the cards they wrote, or by the relay's file of the
coalition. From then on what they write is taken, and the facts of your cases that
count are open to them: compare each fingerprint by voice first. Nobody is made
known by the relay alone.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var cards []exchange.Card
			for _, name := range args {
				b, err := p.readSmall(name)
				if err != nil {
					return err
				}
				card, err := exchange.OpenCard(b)
				if err == nil {
					cards = append(cards, card)
					continue
				}
				c, wrong := exchange.OpenCoalition(b)
				if wrong != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				cards = append(cards, c.Nodes...)
			}
			return p.exchange(cmd.Context(), func(reg *registry.Registry, s *access.Session) (registry.ExchangeView, error) {
				if err := reg.AddNodes(cmd.Context(), s, cards...); err != nil {
					return registry.ExchangeView{}, err
				}
				return reg.Exchange(cmd.Context(), s)
			})
		},
	}
}

func (p *program) exchangeStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Say what waits, what came, and whether something is wrong",
		Long: `Say how this node stands in its coalition: what waits to be handed in, how far it
and the others have come, and what is to be looked at: a gap (the relay has signed
entries that are not here), a fork (it has signed two histories: both are shown,
keep them), what was refused or could not be taken in. Exit code 3 for any of these.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			v, err := reg.Exchange(cmd.Context(), session)
			if err != nil {
				return err
			}
			return p.showExchange(v)
		},
	}
}

func (p *program) exchangeSyncCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sync",
		Short: "Exchange with the relay now",
		Long: `Exchange with the relay now: hand in what waits, take in what others wrote, sign
what this node has come to. 'kua serve' does so every few minutes by itself. Cut
off anywhere, it goes on the next time where it stood. A proxy is taken from
HTTPS_PROXY, as socks5://127.0.0.1:9050 for Tor.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.exchange(cmd.Context(), func(reg *registry.Registry, s *access.Session) (registry.ExchangeView, error) {
				return reg.Sync(cmd.Context(), s)
			})
		},
	}
}

func (p *program) exchangeExportCommand() *cobra.Command {
	var from uint64
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Write a file for a stick: to the relay, or past it to another node",
		Long: `Write a file for a stick: what waits here and what of the coalition's ledger is
here, all sealed, and the files of cases that were handed over. The relay takes it in with 'kua relay import', another node with
'kua exchange import'; that one hands on what waits.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.exchange(cmd.Context(), func(reg *registry.Registry, s *access.Session) (v registry.ExchangeView, err error) {
				err = writeStick(args[0], func(f *os.File) error {
					v, err = reg.WriteStick(cmd.Context(), s, f, from)
					return err
				})
				return v, err
			})
		},
	}
	cmd.Flags().Uint64Var(&from, "from", 0, "begin with this `entry` of the coalition's ledger: what the other side has already")
	return cmd
}

func (p *program) exchangeImportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "Take in a file from a stick",
		Long: `Take in a file that another node, or the relay, wrote. It is checked whole first:
one that is cut off or altered changes nothing.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			return p.exchange(cmd.Context(), func(reg *registry.Registry, s *access.Session) (registry.ExchangeView, error) {
				return reg.ReadStick(cmd.Context(), s, f)
			})
		},
	}
}

// exchange has something done with the register and shows how it stands then.
func (p *program) exchange(ctx context.Context, do func(*registry.Registry, *access.Session) (registry.ExchangeView, error)) error {
	reg, session, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer reg.Close()
	v, err := do(reg, session)
	if err != nil {
		return err
	}
	return p.showExchange(v)
}

func (p *program) showExchange(v registry.ExchangeView) error {
	if p.json {
		if err := printJSON(p.out, exchangeAnswer(v)); err != nil {
			return err
		}
	} else {
		p.sayExchange(v)
	}
	if v.Finding() {
		return errFindings
	}
	return nil
}

func (p *program) sayExchange(v registry.ExchangeView) {
	fmt.Fprintf(p.out, "%s (fingerprint %s)\nThe relay: %s (fingerprint %s)\nHere are %d entries of the coalition's ledger, root %s.\n",
		v.Name, v.Fingerprint, v.Address, v.Relay, v.Entries, v.Root)
	switch {
	case v.Waiting == 0:
		fmt.Fprintln(p.out, "Nothing waits to be handed in.")
	case v.Carried > 0:
		fmt.Fprintf(p.out, "%d wait to be handed in, %d of them of others.\n", v.Waiting, v.Carried)
	default:
		fmt.Fprintf(p.out, "%d wait to be handed in.\n", v.Waiting)
	}
	if v.Sending > 0 {
		fmt.Fprintf(p.out, "%d files of cases that were handed over are on their way, and stay here until those are taken.\n", v.Sending)
	}
	if v.Coming > 0 {
		fmt.Fprintf(p.out, "%d files of cases that were handed over to you come; %d of them are here whole.\n", v.Coming, v.Came)
	}
	for _, n := range v.Nodes {
		seen := "has not signed anything yet"
		if !n.Seen.IsZero() {
			seen = fmt.Sprintf("had %d entries on %s", n.SeenAt, n.Seen.UTC().Format("2006-01-02 15:04 UTC"))
		}
		if !n.Introduced {
			seen += "; it has not said yet who writes for it"
		}
		fmt.Fprintf(p.out, "%s (fingerprint %s): %s\n", n.Name, n.Fingerprint, seen)
	}
	for _, n := range v.Nodes {
		if n.Pack != "" {
			fmt.Fprintf(p.out, "ANOTHER COUNTRY: %s knows the law of the pack %s, this register another. Its cases are counted here, but offences, bodies and regions that it writes are not known here, and they are checked by the wrong law. Nodes that count together need the same pack, and that is chosen when a register is made.\n", n.Name, n.Pack)
		}
	}
	if v.Own.Waits {
		fmt.Fprintln(p.out, "RESTORED: this register was restored from a backup. What it wrote afterwards is with the coalition: until it has exchanged, nothing is added to a case. kua exchange sync")
	}
	if v.Own.Back > 0 {
		fmt.Fprintf(p.out, "%s written here after the backup came back; in %d of them who they are about can't be opened any more: write it again.\n", counted(v.Own.Back, "entry", "entries"), v.Own.Closed)
	}
	if v.Missing > 0 {
		fmt.Fprintf(p.out, "GAP: the relay has signed %d entries that are not here. Exchange, or bring them on a stick.\n", v.Missing)
	}
	for _, x := range v.Refused {
		fmt.Fprintf(p.out, "REFUSED: record %s from version %d: %s\n", x.Record, x.Version, x.Why)
	}
	for _, x := range v.Held {
		fmt.Fprintf(p.out, "%s: record %s: %s\n", map[bool]string{true: "Not taken in yet", false: "NOT TAKEN IN"}[x.Waits], x.Record, x.Why)
	}
	for _, f := range v.Forks {
		fmt.Fprintf(p.out, "FORK: the relay has signed two histories. Nothing more is taken from it. Keep both and speak with the other organisations:\n%s\n--\n%s\n", f.Ours, f.Theirs)
	}
}

func exchangeAnswer(v registry.ExchangeView) map[string]any {
	nodes, refused, held, forks := []map[string]any{}, []map[string]any{}, []map[string]any{}, []map[string]string{}
	for _, n := range v.Nodes {
		one := map[string]any{"id": n.ID, "name": n.Name, "fingerprint": n.Fingerprint, "introduced": n.Introduced}
		if !n.Seen.IsZero() {
			one["seen"], one["entries"] = n.Seen.UTC().Format(time.RFC3339), n.SeenAt
		}
		if n.Pack != "" {
			one["other_pack"] = n.Pack
		}
		nodes = append(nodes, one)
	}
	for _, x := range v.Refused {
		refused = append(refused, map[string]any{"record": x.Record, "version": x.Version, "why": x.Why})
	}
	for _, x := range v.Held {
		held = append(held, map[string]any{"record": x.Record, "why": x.Why, "waits": x.Waits})
	}
	for _, f := range v.Forks {
		forks = append(forks, map[string]string{"ours": f.Ours, "theirs": f.Theirs})
	}
	return map[string]any{
		"node": v.Node, "name": v.Name, "fingerprint": v.Fingerprint, "relay": v.Relay, "address": v.Address,
		"entries": v.Entries, "root": v.Root, "missing": v.Missing, "waiting": v.Waiting, "carried": v.Carried,
		"sending": v.Sending, "coming": v.Coming, "came": v.Came,
		"restored": map[string]any{"waits": v.Own.Waits, "back": v.Own.Back, "closed": v.Own.Closed},
		"refused":  refused, "held": held, "forks": forks, "nodes": nodes,
	}
}

// maxSmall bounds a file of cards, in bytes: a card has less than 4 kB.
const maxSmall = 8 << 20

func readAtMost(r io.Reader, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(b)) > most {
		err = errors.New("the file is too long: more than " + strconv.FormatInt(most>>20, 10) + " MiB")
	}
	return b, err
}

// writeStick writes a file that is there whole or not at all: one that is cut
// off would be noticed only where it is read, which may be far away.
func writeStick(path string, write func(*os.File) error) error {
	return wholefile.Write(path, ".kua-*", write)
}
