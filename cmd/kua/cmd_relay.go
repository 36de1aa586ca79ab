// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/exchange"
	"github.com/kua-registry/kua/internal/relay"
)

func (p *program) relayCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "relay",
		Short: "The relay of a coalition: it orders what it cannot open",
		Long: `The relay of a coalition stores and orders what the organisations' nodes hand in,
and gives it to the others. It holds no key that opens any of it.

To begin a coalition: 'kua relay init DIR --address https://HOST:8443' writes
DIR/coalition.json. Give that file to each organisation: they make their register
with 'kua init DIR --coalition coalition.json', write their card with
'kua exchange card > card.json', and give it to you and to each other. Compare
fingerprints by voice, never by the way the files came. Then 'kua relay add DIR
card.json ...'.`,
	}
	cmd.AddCommand(p.relayInitCommand(), p.relayAddCommand(), p.relayShowCommand(), p.relayServeCommand(), p.relayExportCommand(), p.relayImportCommand())
	return cmd
}

func (p *program) relayOptions() relay.Options {
	return relay.Options{Now: p.now, Stretch: p.stretch, Least: p.stretch}
}

// coalitionName is the file that a relay writes for its nodes, in its folder.
const coalitionName = "coalition.json"

func (p *program) relayInitCommand() *cobra.Command {
	var address string
	var plain bool
	cmd := &cobra.Command{
		Use:   "init DIR --address https://HOST:PORT",
		Short: "Make a relay, and the file that the organisations get",
		Long: `Make a relay in DIR, and DIR/coalition.json, the file that each organisation
makes its register with. The relay has a certificate of its own, which that file
names: no authority is asked. With --plain it has none, because something in front
of it has, or because it is reached as an onion service (http://….onion).

Without --passphrase-file a passphrase is made and printed once. The relay does not
start without it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := exchange.CheckAddress(address); err != nil {
				return usage("--address: %v", err)
			}
			passphrase, made, err := p.firstPassphrase()
			if err != nil {
				return err
			}
			r, err := relay.Create(cmd.Context(), args[0], passphrase, address, plain, p.relayOptions())
			if err != nil {
				return err
			}
			c := r.Coalition()
			if err := r.Close(); err != nil {
				return err
			}
			path, err := writeCoalition(args[0], c)
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, map[string]string{"relay": args[0], "coalition": path, "fingerprint": exchange.Fingerprint(c.Relay), "passphrase": made})
			}
			fmt.Fprintf(p.out, "The relay is in %s. Give %s to each organisation.\nThe relay's fingerprint, to be compared by voice: %s\n", args[0], path, exchange.Fingerprint(c.Relay))
			if made != "" {
				fmt.Fprintf(p.out, "\n    %s\n\nThis is the passphrase. It is shown once and kept nowhere: the relay does not start without it.\n", made)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&address, "address", "", "`address` at which the nodes reach it, as https://relay.example:8443")
	cmd.Flags().BoolVar(&plain, "plain", false, "without a certificate of its own: something in front of it has one")
	return cmd
}

func writeCoalition(dir string, c exchange.Coalition) (string, error) {
	b, err := c.Bytes()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, coalitionName)
	return path, os.WriteFile(path, append(b, '\n'), 0o600)
}

// readSmall reads a file of cards; - is standard input.
func (p *program) readSmall(name string) ([]byte, error) {
	if name == "-" {
		return readAtMost(p.in, maxSmall)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAtMost(f, maxSmall)
}

func (p *program) relayAddCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "add DIR CARD...",
		Short: "Make nodes known to the relay, by the cards they wrote",
		Long: `Make nodes known to the relay, by the cards that 'kua exchange card' wrote. Compare
each fingerprint by voice first: whoever is added can hand in, and gets all that is
sealed. A relay that serves takes it over at once.`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			var cards []exchange.Card
			for _, name := range args[1:] {
				b, err := p.readSmall(name)
				if err != nil {
					return err
				}
				card, err := exchange.OpenCard(b)
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				cards = append(cards, card)
			}
			passphrase, err := p.passphrase("Passphrase of the relay: ")
			if err != nil {
				return err
			}
			c, err := relay.Add(args[0], passphrase, p.relayOptions(), cards...)
			if err != nil {
				return err
			}
			if _, err := writeCoalition(args[0], c); err != nil {
				return err
			}
			return p.showCoalition(c)
		},
	}
}

func (p *program) relayShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show DIR",
		Short: "Say which nodes the relay knows",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			passphrase, err := p.passphrase("Passphrase of the relay: ")
			if err != nil {
				return err
			}
			c, err := relay.Known(args[0], passphrase, p.relayOptions())
			if err != nil {
				return err
			}
			return p.showCoalition(c)
		},
	}
}

func (p *program) showCoalition(c exchange.Coalition) error {
	if p.json {
		nodes := []map[string]string{}
		for _, card := range c.Nodes {
			nodes = append(nodes, map[string]string{"name": card.Name, "fingerprint": exchange.Fingerprint(card.Key.Signing())})
		}
		return printJSON(p.out, map[string]any{"address": c.Address, "fingerprint": exchange.Fingerprint(c.Relay), "nodes": nodes})
	}
	fmt.Fprintf(p.out, "The relay is at %s, fingerprint %s.\n", c.Address, exchange.Fingerprint(c.Relay))
	rows := [][]string{}
	for _, card := range c.Nodes {
		rows = append(rows, []string{card.Name, exchange.Fingerprint(card.Key.Signing())})
	}
	return table(p.out, rows)
}

func (p *program) openRelay(ctx context.Context, dir string) (*relay.Relay, error) {
	passphrase, err := p.passphrase("Passphrase of the relay: ")
	if err != nil {
		return nil, err
	}
	return relay.Open(ctx, dir, passphrase, p.relayOptions())
}

func (p *program) relayServeCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "serve DIR",
		Short: "Answer the nodes of the coalition",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.shut(); err != nil {
				return err
			}
			r, err := p.openRelay(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer closing(r)
			if listen == "" { // where the nodes look for it
				if listen, err = r.Port(); err != nil {
					return err
				}
			}
			listener, err := net.Listen("tcp", listen)
			if err != nil {
				return fmt.Errorf("the relay can't be served on %s: %w; give another address with --listen", listen, err)
			}
			fmt.Fprintf(p.out, "The relay answers on %s — end with Ctrl-C.\n", listener.Addr())
			return r.Serve(cmd.Context(), listener)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "", "`address` to listen on; else the port of the address that the nodes were given")
	return cmd
}

// closing closes a relay whose work is done: all that was acknowledged is on the disk.
func closing(r *relay.Relay) { _ = r.Close() }

func (p *program) relayExportCommand() *cobra.Command {
	var from uint64
	cmd := &cobra.Command{
		Use:   "export DIR FILE",
		Short: "Write a file for nodes that have no line",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := p.openRelay(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer closing(r)
			if err := writeStick(args[1], func(f *os.File) error { return r.WriteStick(cmd.Context(), f, from) }); err != nil {
				return err
			}
			return p.showRelayHead(r, "Written: entries "+strconv.FormatUint(from, 10)+" to the last.\n")
		},
	}
	cmd.Flags().Uint64Var(&from, "from", 0, "begin with this `entry`: what the other side has already")
	return cmd
}

func (p *program) relayImportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import DIR FILE",
		Short: "Hand in what a node wrote to a file",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := os.Open(args[1])
			if err != nil {
				return err
			}
			defer f.Close()
			r, err := p.openRelay(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer closing(r)
			if err := r.ReadStick(cmd.Context(), f); err != nil {
				return err
			}
			return p.showRelayHead(r, "Taken.\n")
		},
	}
}

func (p *program) showRelayHead(r *relay.Relay, begin string) error {
	head := r.Head()
	if p.json {
		return printJSON(p.out, map[string]any{"entries": head.Size, "root": head.Root.String()})
	}
	fmt.Fprintf(p.out, "%sThe relay has %d entries, root %s.\n", begin, head.Size, head.Root)
	return nil
}
