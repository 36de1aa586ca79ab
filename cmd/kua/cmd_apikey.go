// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

// apiKeyDays is how long a key lasts where nobody says until when.
const apiKeyDays = 90

func (p *program) apiKeyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apikey",
		Short: "Keys by which programs read and write in your name",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.apiKeyNewCommand(), p.apiKeyListCommand(), p.apiKeyEndCommand())
	return cmd
}

func (p *program) apiKeyNewCommand() *cobra.Command {
	var name, org, until string
	var scopes []string
	cmd := &cobra.Command{
		Use:   "new --name NAME --scope SCOPE",
		Short: "Make a key, and print it this once",
		Long: `Make a key by which a program reads and writes in your name, and print it: this
once, for nothing keeps it. It opens what you may see, less what its scope leaves
out, until its last day; 'kua apikey end' ends it at once.

Scopes: facts (facts of cases, without names), cases (with names), write (needs
cases), outside (records outside cases), write_outside (needs outside), figures,
audit. --org keeps it to one of your organisations.

Whoever has the key and the register's disk has what your passphrase opens. Give a
program no more than it needs, and keep the key where others cannot read it.`,
		Example: `  kua apikey new --name "monthly figures" --scope figures
  kua apikey new --name import --scope cases,write --org "Northern Centre" --until 2026-12-31`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			n := registry.NewAPIKey{Name: name}
			for _, s := range scopes {
				n.Scopes = append(n.Scopes, access.Scope(s))
			}
			if until != "" {
				day, err := edtf.ParseDay(until)
				if err != nil {
					return usage("--until: %v", err)
				}
				n.Until = day
			}
			reg, session, err := p.open(ctx)
			if err != nil {
				return err
			}
			defer reg.Close()
			if n.Until == 0 {
				n.Until = reg.Today().Add(apiKeyDays)
			}
			if org != "" {
				o, ok := reg.Organisation(ctx, org)
				if !ok {
					return fmt.Errorf("there is no organisation %q: 'kua org list' lists them", org)
				}
				n.Org = o.ID
			}
			made, text, err := reg.MakeAPIKey(ctx, session, n)
			if err != nil {
				return err
			}
			if p.json {
				answer := apiKeyAnswer(made)
				answer["key"] = text
				return printJSON(p.out, answer)
			}
			fmt.Fprintf(p.out, "The key, which nothing keeps. Write it where the program finds it and nobody else:\n\n    %s\n\nIt opens %s until %s.\n", text, strings.Join(scopes, ", "), made.Until)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "a `name` by which you know it again")
	flags.StringSliceVar(&scopes, "scope", nil, "what it is for: `scopes`, separated by commas")
	flags.StringVar(&org, "org", "", "the name or id of the one `organisation` it is for; without it, all of yours")
	flags.StringVar(&until, "until", "", fmt.Sprintf("its last `day`; without it, in %d days", apiKeyDays))
	return cmd
}

func (p *program) apiKeyListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List your keys; an administrator sees those of everybody",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			keys := reg.APIKeys(session)
			if p.json {
				answers := []map[string]any{}
				for _, k := range keys {
					answers = append(answers, apiKeyAnswer(k))
				}
				return printJSON(p.out, map[string]any{"keys": answers})
			}
			if len(keys) == 0 {
				fmt.Fprintln(p.out, "There are no keys for programs.")
			}
			for _, k := range keys {
				var names []string
				for _, s := range k.Scopes {
					names = append(names, string(s))
				}
				state := "until " + k.Until.String()
				if k.Over {
					state = "over since " + k.Until.String()
				}
				org := ""
				if k.Org != "" {
					org = ", only " + k.OrgName
				}
				fmt.Fprintf(p.out, "%s  %s  of %s: %s%s, %s\n", k.ID, k.Name, k.MemberName, strings.Join(names, ", "), org, state)
			}
			return nil
		},
	}
}

func (p *program) apiKeyEndCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "end ID",
		Short: "End a key at once: yours, or as an administrator anybody's",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.changed(cmd, func(reg *registry.Registry, s *access.Session) error {
				return reg.EndAPIKey(cmd.Context(), s, args[0])
			}, "The key has ended: it opens nothing any more.")
		},
	}
}

func apiKeyAnswer(k registry.APIKeyView) map[string]any {
	answer := map[string]any{
		"id": k.ID, "name": k.Name, "member": k.MemberName, "scopes": k.Scopes, "until": k.Until.String(), "over": k.Over,
		"since": k.Since.UTC().Format(time.RFC3339),
	}
	if k.Org != "" {
		answer["org"] = map[string]string{"id": k.Org, "name": k.OrgName}
	}
	return answer
}
