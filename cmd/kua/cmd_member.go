// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

func (p *program) memberCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "member",
		Short: "The members: who works with the register, as what",
		Long: `The members: who works with the register, as what.

An administrator asks people in, gives roles and ends members; that opens no
case to them. An organisation is opened to a member by one of its own: its case
workers and those of its members who administer.`,
	}
	cmd.AddCommand(
		p.memberListCommand(), p.memberInviteCommand(), p.memberAcceptCommand(), p.memberTakeBackCommand(),
		p.memberRolesCommand(), p.memberOrgCommand(), p.memberFactorCommand(), p.memberLostPhoneCommand(), p.memberRenameCommand(), p.memberLanguageCommand(), p.memberEndCommand(),
	)
	return cmd
}

func (p *program) memberListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the members, and the invitations that wait",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			reg, session, err := p.read(ctx)
			if err != nil {
				return err
			}
			defer reg.Close()
			members, waiting, err := reg.Members(ctx, session)
			if err != nil {
				return err
			}
			orgs := func(ids []string) []string {
				names := []string{}
				for _, id := range ids {
					o, _ := reg.Organisation(ctx, id)
					names = append(names, o.Name)
				}
				return names
			}
			names := map[string]string{}
			for _, m := range members {
				names[m.ID] = m.Name
			}
			if p.json {
				answer := map[string][]map[string]any{"members": {}, "invitations": {}}
				for _, m := range members {
					answer["members"] = append(answer["members"], map[string]any{
						"id": m.ID, "name": m.Name, "lang": m.Lang, "roles": m.Roles, "organisations": orgs(m.Orgs),
						"second_factor": m.SecondFactor, "since": m.Since, "left": m.Left,
					})
				}
				for _, v := range waiting {
					answer["invitations"] = append(answer["invitations"], invitationAnswer(v, orgs(v.Orgs), names[v.By]))
				}
				return printJSON(p.out, answer)
			}
			rows := [][]string{}
			for _, m := range members {
				note := "since " + m.Since.Format(time.DateOnly)
				if m.SecondFactor {
					note += ", second factor compulsory"
				}
				if m.Left {
					note = "has left"
				}
				rows = append(rows, []string{m.Name, roleWords(m.Roles), dash(strings.Join(orgs(m.Orgs), ", ")), note, m.ID})
			}
			for _, v := range waiting {
				rows = append(rows, []string{v.Name, roleWords(v.Roles), dash(strings.Join(orgs(v.Orgs), ", ")), "invited, until " + minute(v.Ends), v.ID})
			}
			return table(p.out, rows)
		},
	}
}

func invitationAnswer(v registry.InvitationView, orgs []string, by string) map[string]any {
	return map[string]any{
		"id": v.ID, "name": v.Name, "lang": v.Lang, "roles": v.Roles, "organisations": orgs,
		"starts": v.Starts, "by": by, "ends": v.Ends,
	}
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func roleWords(roles []access.Role) string {
	words := make([]string, len(roles))
	for i, role := range roles {
		words[i] = string(role)
	}
	return strings.Join(words, ", ")
}

// roleList are the roles as they are given on the command line.
func roleList() string { return roleWords(access.Roles()) }

func parseRoles(words []string) ([]access.Role, error) {
	var roles []access.Role
	for _, word := range words {
		role := access.Role(strings.ReplaceAll(word, "-", "_"))
		if !slices.Contains(access.Roles(), role) {
			return nil, usage("there is no role %q; the roles are %s", word, roleList())
		}
		roles = append(roles, role)
	}
	return roles, nil
}

func (p *program) memberInviteCommand() *cobra.Command {
	var n registry.NewInvitation
	var roles, orgs []string
	cmd := &cobra.Command{
		Use:   "invite NAME",
		Short: "Ask somebody in, by a code that can be used once",
		Long: `Ask somebody in, by a code that can be used once and for 72 hours. It is shown
once and kept nowhere. Give it to them in person or by a way you both trust:
whoever has it becomes the member. They accept it at the address of the pages
followed by /join/ and the code, or with 'kua member accept'.

The roles: ` + roleList() + `.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			n.Name = args[0]
			var err error
			if n.Roles, err = parseRoles(roles); err != nil {
				return err
			}
			if len(n.Roles) == 0 {
				return usage("as what? Give at least one --role: %s", roleList())
			}
			ctx := cmd.Context()
			reg, session, err := p.open(ctx)
			if err != nil {
				return err
			}
			defer reg.Close()
			var names []string
			for _, name := range orgs {
				org, err := findOrg(ctx, reg, name)
				if err != nil {
					return err
				}
				n.Orgs, names = append(n.Orgs, org.ID), append(names, org.Name)
			}
			code, v, err := reg.Invite(ctx, session, n)
			if err != nil {
				return err
			}
			if p.json {
				answer := invitationAnswer(v, append([]string{}, names...), session.Member.Name)
				answer["code"], answer["path"] = code.String(), "/join/"+code.String()
				return printJSON(p.out, answer)
			}
			fmt.Fprintf(p.out, "%s is invited, until %s.\n\n    %s\n\nThis is the code. It is shown once and kept nowhere. It is accepted at the address of\nthe pages followed by /join/ and the code, or with 'kua member accept'.\n", v.Name, minute(v.Ends), code)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&roles, "role", nil, "what they will be; may be given several times: `ROLE`")
	flags.StringSliceVar(&orgs, "org", nil, "an organisation they will belong to; may be given several times: `NAME`")
	flags.StringVar(&n.Lang, "lang", "ru", "in which language they are spoken to: en, ru or kk")
	flags.BoolVar(&n.Starts, "starts", false, "they may start the register, and with it open all that this machine holds")
	return cmd
}

func (p *program) memberAcceptCommand() *cobra.Command {
	var codeFile, ownFile, lang string
	cmd := &cobra.Command{
		Use:   "accept",
		Short: "Become a member, by the code of an invitation",
		Long: `Become a member, by the code of an invitation, at the machine where the
register lies. A passphrase is made and printed once: write it on paper.

A code that was not given to start the register needs somebody beside you who
may start it: give their --passphrase-file.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			dir, err := p.dir()
			if err != nil {
				return err
			}
			text, err := p.secret(codeFile, "Code: ", "the code", "--code-file")
			if err != nil {
				return err
			}
			code, err := access.ParseCode(text)
			if err != nil {
				return err
			}
			a := registry.Acceptance{Lang: lang}
			if ownFile != "" {
				if a.Passphrase, err = p.secret(ownFile, "", "the passphrase", "--own-passphrase-file"); err != nil {
					return err
				}
			}
			var reg *registry.Registry
			if p.passphraseFile == "" {
				reg, err = registry.OpenInvited(ctx, dir, code, p.options())
			} else {
				reg, _, err = p.open(ctx)
			}
			if err != nil {
				return err
			}
			defer reg.Close()
			member, made, err := reg.Accept(ctx, code, a)
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, map[string]any{"id": member.ID, "name": member.Name, "lang": member.Lang, "roles": member.Roles, "passphrase": made})
			}
			fmt.Fprintf(p.out, "%s is a member now: %s.\n", member.Name, roleWords(member.Roles))
			if made != "" {
				fmt.Fprintf(p.out, "\n    %s\n\nThis is the passphrase. It is shown once and kept nowhere: write it on paper.\nNobody can make it again, the administrator neither.\n", made)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&codeFile, "code-file", "", "`file` whose first line is the code (- is standard input)")
	flags.StringVar(&ownFile, "own-passphrase-file", "", "`file` whose first line is a passphrase of your own, instead of one that is made")
	flags.StringVar(&lang, "lang", "", "your language: en, ru or kk (default: as invited)")
	return cmd
}

func (p *program) memberTakeBackCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "take-back NAME",
		Short: "Take an invitation back that waits",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			reg, session, err := p.open(ctx)
			if err != nil {
				return err
			}
			defer reg.Close()
			_, waiting, err := reg.Members(ctx, session)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(waiting, func(v registry.InvitationView) bool {
				return v.ID == args[0] || strings.EqualFold(v.Name, args[0])
			})
			if i < 0 {
				return fmt.Errorf("no invitation of %q waits; 'kua member list' lists those that do", args[0])
			}
			if err := reg.TakeBack(ctx, session, waiting[i].ID); err != nil {
				return err
			}
			return p.done(map[string]any{"invitation": waiting[i].ID}, "The invitation of %s is taken back: its code opens nothing any more.", waiting[i].Name)
		},
	}
}

// done says that a change was made.
func (p *program) done(answer map[string]any, format string, args ...any) error {
	if p.json {
		return printJSON(p.out, answer)
	}
	fmt.Fprintf(p.out, format+"\n", args...)
	return nil
}

// withMember opens the register and finds a member in it.
func (p *program) withMember(ctx context.Context, nameOrID string, change func(*registry.Registry, *access.Session, registry.MemberView) error) error {
	reg, session, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer reg.Close()
	m, err := reg.FindMember(ctx, session, nameOrID)
	if errors.Is(err, registry.ErrNotFound) {
		return fmt.Errorf("there is no member %q; 'kua member list' lists them", nameOrID)
	}
	if err != nil {
		return err
	}
	return change(reg, session, m)
}

func (p *program) memberRolesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "roles MEMBER ROLE...",
		Short: "Give a member these roles, and no others",
		Long:  "Give a member these roles, and no others. Their sessions end.\n\nThe roles: " + roleList() + ".",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			roles, err := parseRoles(args[1:])
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			return p.withMember(ctx, args[0], func(reg *registry.Registry, s *access.Session, m registry.MemberView) error {
				if err := reg.SetRoles(ctx, s, m.ID, roles); err != nil {
					return err
				}
				return p.done(map[string]any{"id": m.ID, "roles": roles}, "%s: %s.", m.Name, roleWords(roles))
			})
		},
	}
}

func (p *program) memberOrgCommand() *cobra.Command {
	var out bool
	cmd := &cobra.Command{
		Use:   "org MEMBER ORG",
		Short: "Let a member into your organisation, or out of it",
		Long: `Let a member into an organisation, or with --out close it to them. One of its
own lets them in; an administrator can close it to them, too. Their sessions end.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return p.withMember(ctx, args[0], func(reg *registry.Registry, s *access.Session, m registry.MemberView) error {
				org, err := findOrg(ctx, reg, args[1])
				if err != nil {
					return err
				}
				if out {
					if err := reg.LetOut(ctx, s, org.ID, m.ID); err != nil {
						return err
					}
					return p.done(map[string]any{"id": m.ID, "organisation": org.ID, "in": false}, "%s is closed to %s.", org.Name, m.Name)
				}
				if err := reg.LetIn(ctx, s, org.ID, m.ID); err != nil {
					return err
				}
				return p.done(map[string]any{"id": m.ID, "organisation": org.ID, "in": true}, "%s is open to %s.", org.Name, m.Name)
			})
		},
	}
	cmd.Flags().BoolVar(&out, "out", false, "close it to them")
	return cmd
}

func (p *program) memberFactorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "second-factor MEMBER yes|no",
		Short: "Make a second factor compulsory for a member, or lift that",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[1] != "yes" && args[1] != "no" {
				return usage("say yes or no, not %q", args[1])
			}
			yes, ctx := args[1] == "yes", cmd.Context()
			return p.withMember(ctx, args[0], func(reg *registry.Registry, s *access.Session, m registry.MemberView) error {
				if err := reg.SetSecondFactor(ctx, s, m.ID, yes); err != nil {
					return err
				}
				words := "%s is not let in without a one-time code."
				if !yes {
					words = "%s is let in without a one-time code."
				}
				return p.done(map[string]any{"id": m.ID, "second_factor": yes}, words, m.Name)
			})
		},
	}
}

func (p *program) memberLostPhoneCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "lost-phone MEMBER",
		Short: "Take the second factor of a member off",
		Long: `Take the second factor of a member off, whose phone is lost and whose recovery
codes are gone, too. Their sessions end. Be sure that it is them who ask: look
at them, or call them. Where a second factor is compulsory for them they set up
another at the next sign-in.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return p.withMember(ctx, args[0], func(reg *registry.Registry, s *access.Session, m registry.MemberView) error {
				if err := reg.EndFactorOf(ctx, s, m.ID); err != nil {
					return err
				}
				return p.done(map[string]any{"id": m.ID}, "The second factor of %s is taken off.", m.Name)
			})
		},
	}
}

func (p *program) memberRenameCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rename MEMBER NAME",
		Short: "Give a member another name to sign in under",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return p.withMember(ctx, args[0], func(reg *registry.Registry, s *access.Session, m registry.MemberView) error {
				if err := reg.Rename(ctx, s, m.ID, args[1]); err != nil {
					return err
				}
				return p.done(map[string]any{"id": m.ID, "name": args[1]}, "%s signs in as %s from now on.", m.Name, args[1])
			})
		},
	}
}

func (p *program) memberLanguageCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "language MEMBER LANG",
		Short: "In which language a member is spoken to: en, ru or kk",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return p.withMember(ctx, args[0], func(reg *registry.Registry, s *access.Session, m registry.MemberView) error {
				if err := reg.SetLanguage(ctx, s, m.ID, args[1]); err != nil {
					return err
				}
				return p.done(map[string]any{"id": m.ID, "lang": args[1]}, "%s is spoken to in %s.", m.Name, args[1])
			})
		},
	}
}

func (p *program) memberEndCommand() *cobra.Command {
	var sure bool
	cmd := &cobra.Command{
		Use:   "end MEMBER --yes",
		Short: "End a member: at once, and for good",
		Long: `End a member. Their sessions end at once, the register and the organisations'
keys are closed to them, and invitations they gave open nothing any more. What
they wrote stays, signed by them. It can't be undone: they can be asked in anew.

The last one who can administer the register, start it or open an organisation
is not ended. If there is no time to ask another in, leave them the role of a
trustee alone ('kua member roles MEMBER trustee'): it opens no case.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !sure {
				return usage("this can't be undone: give --yes if you mean it")
			}
			ctx := cmd.Context()
			return p.withMember(ctx, args[0], func(reg *registry.Registry, s *access.Session, m registry.MemberView) error {
				if err := reg.EndMember(ctx, s, m.ID); err != nil {
					return err
				}
				return p.done(map[string]any{"id": m.ID, "left": true}, "%s is no member any more.", m.Name)
			})
		},
	}
	cmd.Flags().BoolVar(&sure, "yes", false, "I mean it")
	return cmd
}
