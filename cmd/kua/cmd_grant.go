// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

func (p *program) grantCommand() *cobra.Command {
	var to, part, until string
	var despite bool
	cmd := &cobra.Command{
		Use:   "grant CASE",
		Short: "Let another organisation or a member read a case; without --to, list who may",
		Long: `Let another organisation or a member read a case of your organisation: the facts
alone (--part fact: coded values, dates, bodies, stages; the case goes by its
number), or the facts and who the people are (--part identity).

--until is the last day on which it holds. 'kua revoke' takes a grant back.
Without --to the grants of the case are listed. A restricted case ('kua case
restrict') is granted to members by name, never to an organisation.

Where an organisation that kept the case before says that this one is not to read
it, the list shows that, with a reason. Speak with them; --despite grants it then.`,
		Example: `  kua grant K-4821907 --to "Northern Centre" --part fact --until 2022-12-31
  kua grant K-4821907`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if to == "" {
				if part != "" || until != "" {
					return usage("to whom? Give the name of an organisation or a member with --to NAME")
				}
				return p.listGrants(ctx, args[0])
			}
			g := registry.NewGrant{To: to, Part: access.Part(part), Despite: despite}
			if g.Part != access.Fact && g.Part != access.Identity {
				return usage("which part? --part fact (the facts alone) or --part identity (also who the people are)")
			}
			if until != "" {
				day, err := edtf.ParseDay(until)
				if err != nil {
					return usage("--until: %v", err)
				}
				g.Until = day
			}
			reg, session, err := p.open(ctx)
			if err != nil {
				return err
			}
			defer reg.Close()
			view, err := reg.Case(ctx, session, args[0], registry.Clock{})
			if err != nil {
				return fmt.Errorf("case %q: %w", args[0], err)
			}
			made, err := reg.Grant(ctx, session, view.Row.ID, g)
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, grantAnswer(made))
			}
			fmt.Fprintf(p.out, "%s may read %s of case %s%s.\n", made.To, partWords(made.Part), view.Row.Number, untilWords(made.Until))
			return nil
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the `name` or id of an organisation or a member")
	cmd.Flags().StringVar(&part, "part", "", "the `part` of the case: fact or identity")
	cmd.Flags().BoolVar(&despite, "despite", false, "also where an organisation that kept the case before says no")
	cmd.Flags().StringVar(&until, "until", "", "the last `day` on which the grant holds; without it, until it is taken back")
	return cmd
}

// listGrants says who may read a case besides those who work with it.
func (p *program) listGrants(ctx context.Context, caseID string) error {
	reg, session, err := p.read(ctx)
	if err != nil {
		return err
	}
	defer reg.Close()
	view, err := reg.Case(ctx, session, caseID, registry.Clock{})
	if err != nil {
		return fmt.Errorf("case %q: %w", caseID, err)
	}
	if !view.MayGrant && !view.MayRevoke {
		return registry.ErrNotAllowed
	}
	if p.json {
		grants, revoked := []map[string]any{}, []map[string]any{}
		for _, g := range view.Grants {
			grants = append(grants, grantAnswer(g))
		}
		for _, r := range view.Revoked {
			revoked = append(revoked, revocationAnswer(r))
		}
		return printJSON(p.out, map[string]any{"case": view.Row.ID, "number": view.Row.Number, "restricted": view.Restricted, "grants": grants, "revoked": revoked})
	}
	for _, r := range view.Revoked {
		fmt.Fprintf(p.out, "%s, which kept the case before, says since %s that %s is not to read it%s.\n", r.By, r.At.Format("2006-01-02"), r.To, reasonWords(r.Reason))
	}
	if view.Restricted {
		fmt.Fprintf(p.out, "Case %s is restricted: only the members named here know that it is there.\n", view.Row.Number)
	}
	if len(view.Grants) == 0 {
		fmt.Fprintf(p.out, "Case %s was granted to nobody.\n", view.Row.Number)
		return nil
	}
	rows := [][]string{}
	for _, g := range view.Grants {
		kind, state := "member", "holds"
		if g.Org {
			kind = "organisation"
		}
		switch {
		case len(g.Revoked) > 0:
			state = "does not hold: it was given in ignorance of what " + g.Revoked[0].By + " says"
		case g.Over:
			state = "ended " + g.Until.String()
		case g.Org && view.Restricted:
			state = "rests while the case is restricted"
		case g.Until != 0:
			state = "until " + g.Until.String()
		}
		rows = append(rows, []string{g.ID[:8], g.To, kind, partWords(g.Part), state, "by " + g.By})
	}
	return table(p.out, rows)
}

// granted is a case whose grants the member may see.
func granted(ctx context.Context, reg *registry.Registry, s *access.Session, caseID string) (registry.CaseView, error) {
	view, err := reg.Case(ctx, s, caseID, registry.Clock{})
	if err != nil {
		return view, fmt.Errorf("case %q: %w", caseID, err)
	}
	if !view.MayGrant {
		return view, registry.ErrNotAllowed
	}
	return view, nil
}

func (p *program) revokeCommand() *cobra.Command {
	var to, reason string
	cmd := &cobra.Command{
		Use:   "revoke CASE [GRANT]",
		Short: "Take back that an organisation or a member may read a case",
		Long: `Take a grant back: by its id, or the first letters of it, as 'kua grant CASE'
lists them; or with --to all that an organisation or a member was granted of the
case. They see nothing of it from this moment on, and what comes is sealed under
new keys. What they have read, they have read.

Of a case that your organisation has handed over to another node, --to ORGANISATION
says that this one is not to read it: it beats what was granted to it in ignorance
of that. Who keeps the case now reads why, and decides.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case (len(args) == 2) == (to != ""):
				return usage("which grant? Give its id, or --to NAME for all that somebody was granted")
			case strings.TrimSpace(reason) == "":
				return usage("say why in words: --reason TEXT")
			}
			ctx := cmd.Context()
			reg, session, err := p.open(ctx)
			if err != nil {
				return err
			}
			defer reg.Close()
			if to != "" {
				done, err := p.revokeKept(ctx, reg, session, args[0], to, reason)
				if done || err != nil {
					return err
				}
			}
			view, err := granted(ctx, reg, session, args[0])
			if err != nil {
				return err
			}
			var which []registry.GrantView
			for _, g := range view.Grants {
				if to != "" && strings.EqualFold(g.To, to) || len(args) == 2 && strings.HasPrefix(g.ID, args[1]) && len(args[1]) >= 4 {
					which = append(which, g)
				}
			}
			if len(which) == 0 {
				return fmt.Errorf("case %s has no such grant; 'kua grant %s' lists them", view.Row.Number, view.Row.Number)
			}
			if to == "" && len(which) > 1 {
				return fmt.Errorf("several grants begin like this: give more letters of the id")
			}
			answers := []map[string]any{}
			for _, g := range which {
				if err := reg.Revoke(ctx, session, view.Row.ID, g.ID, reason); err != nil {
					return err
				}
				answers = append(answers, grantAnswer(g))
				if !p.json {
					fmt.Fprintf(p.out, "%s may no longer read %s of case %s.\n", g.To, partWords(g.Part), view.Row.Number)
				}
			}
			if p.json {
				return printJSON(p.out, map[string]any{"case": view.Row.ID, "number": view.Row.Number, "revoked": answers})
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "take back all that this organisation or member, by `name`, was granted of the case")
	cmd.Flags().StringVar(&reason, "reason", "", "the reason in `words`")
	return cmd
}

// revokeKept revokes of a case that was handed over; done: it is one.
func (p *program) revokeKept(ctx context.Context, reg *registry.Registry, s *access.Session, caseID, to, reason string) (done bool, err error) {
	view, err := reg.RevokeKept(ctx, s, caseID, to, reason)
	if errors.Is(err, registry.ErrNotKept) || errors.Is(err, registry.ErrNoCoalition) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if p.json {
		return true, printJSON(p.out, map[string]any{"case": caseID, "revoked": []map[string]any{revocationAnswer(view)}})
	}
	fmt.Fprintf(p.out, "Said: %s is not to read case %s. Its keeper and the others are told with the next exchange.\n", view.To, caseID)
	return true, nil
}

// revocationAnswer is what a former keeper has said, as JSON, a contract with scripts.
func revocationAnswer(r registry.RevocationView) map[string]any {
	return map[string]any{"id": r.ID, "to": r.To, "by": r.By, "reason": r.Reason, "at": r.At.UTC()}
}

func reasonWords(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// restrictCommand makes case restrict and case unrestrict.
func (p *program) restrictCommand(restricted bool) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restrict CASE",
		Short: "Hide that a case exists from all but the members it was granted to by name",
		Long: `Restrict a case: in lists, counts, search and links it is as if it were not
there, for everybody but the members it was granted to by name. You are granted
it by this; grant it to others with 'kua grant'. Grants to organisations rest.
The figures of the whole coalition count it as before.`,
		Args: cobra.ExactArgs(1),
	}
	if !restricted {
		cmd.Use, cmd.Short = "unrestrict CASE", "Lift the restriction of a case"
		cmd.Long = "Lift the restriction of a case: its organisation's workers, those who count, and organisations it was granted to see it again."
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		reg, session, err := p.open(ctx)
		if err != nil {
			return err
		}
		defer reg.Close()
		view, err := granted(ctx, reg, session, args[0])
		if err != nil {
			return err
		}
		if err := reg.Restrict(ctx, session, view.Row.ID, restricted); err != nil {
			return err
		}
		if p.json {
			return printJSON(p.out, map[string]any{"case": view.Row.ID, "number": view.Row.Number, "restricted": restricted})
		}
		if restricted {
			fmt.Fprintf(p.out, "Case %s is restricted: only members it is granted to by name know that it is there.\n", view.Row.Number)
		} else {
			fmt.Fprintf(p.out, "Case %s is no longer restricted.\n", view.Row.Number)
		}
		return nil
	}
	return cmd
}

// grantAnswer is a grant as JSON, a contract with scripts.
func grantAnswer(g registry.GrantView) map[string]any {
	until := ""
	if g.Until != 0 {
		until = g.Until.String()
	}
	beaten := []string{}
	for _, r := range g.Revoked {
		beaten = append(beaten, r.ID)
	}
	return map[string]any{"id": g.ID, "to": g.To, "organisation": g.Org, "part": g.Part, "until": until, "over": g.Over, "beaten_by": beaten, "by": g.By, "at": g.At.UTC()}
}

func partWords(part access.Part) string {
	if part == access.Fact {
		return "the facts"
	}
	return "all"
}

func untilWords(day edtf.Day) string {
	if day == 0 {
		return ", until it is taken back"
	}
	return " until " + day.String()
}
