// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

func (p *program) webhookCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "webhook",
		Short: "Tell programs that there is something new, and nothing else",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.webhookNewCommand(), p.webhookListCommand(), p.webhookEndCommand(), p.webhookAllowCommand(), p.webhookDisallowCommand())
	return cmd
}

func (p *program) webhookNewCommand() *cobra.Command {
	var n registry.NewWebhook
	cmd := &cobra.Command{
		Use:   "new --key ID --url ADDRESS",
		Short: "Have a program told, and print the secret this once",
		Long: `Have a program told, at an address of its own, when something is written that a key
of yours opens: that there is something new, when, and from which cursor on to read
the feed of changes. It learns no more from it; what is new it asks with its key.

Each message is signed with the secret that is printed, this once. What the program
does not take is tried again for three days. The webhook ends with its key.

An administrator allows the host first: 'kua webhook allow'.`,
		Example: `  kua webhook new --key 0123456789abcdef0123456789abcdef --url https://receiver.example.org/kua`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if n.Key == "" || n.URL == "" {
				return usage("give --key and --url: which key it is for, and the address to tell")
			}
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			made, secret, err := reg.MakeWebhook(cmd.Context(), session, n)
			if err != nil {
				return err
			}
			if p.json {
				answer := webhookAnswer(made)
				answer["secret"] = secret
				return printJSON(p.out, answer)
			}
			fmt.Fprintf(p.out, "The secret that its messages are signed with. Write it where the program finds it and nobody else:\n\n    %s\n\nThe program is told while the register is served and open.\n", secret)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&n.Key, "key", "", "the `id` of one of your keys ('kua apikey list')")
	flags.StringVar(&n.URL, "url", "", "the `address` that is told")
	return cmd
}

func (p *program) webhookListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List your webhooks and the hosts that may be told; an administrator sees those of everybody",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			hooks, err := reg.Webhooks(session)
			if err != nil {
				return err
			}
			hosts := reg.WebhookHosts(session)
			if p.json {
				answers, allowed := []map[string]any{}, []map[string]any{}
				for _, w := range hooks {
					answers = append(answers, webhookAnswer(w))
				}
				for _, h := range hosts {
					allowed = append(allowed, map[string]any{"host": h.Host, "inside": h.Inside, "since": h.Since.UTC().Format(time.RFC3339)})
				}
				return printJSON(p.out, map[string]any{"webhooks": answers, "hosts": allowed})
			}
			if len(hooks) == 0 {
				fmt.Fprintln(p.out, "There are no webhooks.")
			}
			for _, w := range hooks {
				fmt.Fprintf(p.out, "%s  %s  of %s, for the key %s: %s\n", w.ID, w.URL, w.MemberName, w.KeyName, webhookState(w))
			}
			if len(hosts) == 0 {
				fmt.Fprintln(p.out, "No host may be told.")
			}
			for _, h := range hosts {
				inside := ""
				if h.Inside {
					inside = ", also inside the own network"
				}
				fmt.Fprintf(p.out, "May be told: %s%s\n", h.Host, inside)
			}
			return nil
		},
	}
}

// webhookState says how it stands with a webhook, and what helps.
func webhookState(w registry.WebhookView) string {
	switch w.State {
	case registry.WebhookOver:
		return "over: its key has ended"
	case registry.WebhookRefused:
		return "its host is not allowed any more"
	case registry.WebhookGivenUp:
		return "given up. " + tellWhy(w.Why) + " End it, and make another once the program takes messages"
	case registry.WebhookFails:
		return "tried again at " + w.Again.UTC().Format(time.RFC3339) + ". " + tellWhy(w.Why)
	}
	if w.Told.IsZero() {
		return "not told yet"
	}
	return "told at " + w.Told.UTC().Format(time.RFC3339)
}

// tellWhy says what a word for a failure means.
func tellWhy(why string) string {
	switch why {
	case registry.TellTLS:
		return "There is no TLS at the address, or its certificate is not right."
	case registry.TellAddress:
		return "The name leads to this machine or its network, which an administrator would have to allow."
	case registry.TellRefused:
		return "The program answers, and does not take the message."
	case registry.TellGone:
		return "The program says that it is gone."
	}
	return "Nobody answers at the address, or too late."
}

func (p *program) webhookEndCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "end ID",
		Short: "End a webhook at once: yours, or as an administrator anybody's",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.changed(cmd, func(reg *registry.Registry, s *access.Session) error {
				return reg.EndWebhook(cmd.Context(), s, args[0])
			}, "The webhook has ended: the program is told no more.")
		},
	}
}

func (p *program) webhookAllowCommand() *cobra.Command {
	var inside bool
	cmd := &cobra.Command{
		Use:   "allow HOST",
		Short: "Say, as an administrator, that a host may be told",
		Long: `Say, as an administrator, that members may have a host told, as receiver.example.org
or receiver.example.org:8443; without a port, 443. Its name must lead to the internet;
with --inside it may lead to this machine or its own network as well.

Who is told learns that there is a register here, and when something is written to
what a key opens. Allow machines that you know alone.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.changed(cmd, func(reg *registry.Registry, s *access.Session) error {
				return reg.AllowWebhookHost(cmd.Context(), s, args[0], inside)
			}, "The host may be told.")
		},
	}
	cmd.Flags().BoolVar(&inside, "inside", false, "it may be this machine, or one of its own network")
	return cmd
}

func (p *program) webhookDisallowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "disallow HOST",
		Short: "Say, as an administrator, that a host may be told no more",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.changed(cmd, func(reg *registry.Registry, s *access.Session) error {
				return reg.DisallowWebhookHost(cmd.Context(), s, args[0])
			}, "The host is told no more.")
		},
	}
}

func webhookAnswer(w registry.WebhookView) map[string]any {
	answer := map[string]any{"id": w.ID, "url": w.URL, "member": w.MemberName, "key": w.Key, "key_name": w.KeyName, "state": w.State, "since": w.Since.UTC().Format(time.RFC3339)}
	if w.Why != "" {
		answer["why"] = w.Why
	}
	for name, at := range map[string]time.Time{"told": w.Told, "again": w.Again} {
		if !at.IsZero() {
			answer[name] = at.UTC().Format(time.RFC3339)
		}
	}
	return answer
}
