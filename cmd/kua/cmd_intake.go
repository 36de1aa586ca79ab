// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/submission"
)

func (p *program) intakeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "intake",
		Short: "Reports from outside: open, sort and answer them, turn them into cases",
		Long: `Reports that people outside have sealed and sent ('kua serve --report') open to
the members with the role intake in the organisation they were sent to, and to
nobody else. A report goes by its id, or by the first 8 or more digits of it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.intakeListCommand(), p.intakeShowCommand(), p.intakeFileCommand(), p.intakeSortCommand(), p.intakeAnswerCommand(),
		p.intakeCaseCommand(), p.intakeAddCommand(), p.intakeKeyCommand())
	return cmd
}

func submissionAnswer(v registry.SubmissionView) map[string]any {
	return map[string]any{
		"id": v.ID, "org": v.Org, "day": v.Day, "withdrawn": v.Withdrawn, "status": v.Status, "urgent": v.Urgent, "mine": v.Mine,
		"assigned": v.Assigned, "into": v.Into, "case": v.Case, "number": v.CaseNumber, "gist": v.Gist,
	}
}

// standing says in words where a report stands.
func standing(v registry.SubmissionView) string {
	words := []string{strings.ReplaceAll(v.Status, "_", " ")}
	if v.Urgent {
		words = append([]string{"LIFE AT RISK"}, words...)
	}
	if v.CaseNumber != "" {
		words = append(words, v.CaseNumber)
	}
	if v.Into != "" {
		words = append(words, "of "+v.Into[:12])
	}
	if v.AssignedName != "" {
		words = append(words, "for "+v.AssignedName)
	}
	if v.Withdrawn != "" {
		words = append(words, "withdrawn by its sender on "+v.Withdrawn)
	}
	return strings.Join(words, ", ")
}

func (p *program) intakeListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the reports that you can open, the urgent ones first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			views, err := reg.Submissions(cmd.Context(), session)
			if err != nil {
				return err
			}
			if p.json {
				answers := []map[string]any{}
				for _, v := range views {
					answers = append(answers, submissionAnswer(v))
				}
				return printJSON(p.out, map[string]any{"submissions": answers})
			}
			if len(views) == 0 {
				fmt.Fprintln(p.out, "Nothing was sent.")
				return nil
			}
			rows := [][]string{}
			for _, v := range views {
				rows = append(rows, []string{v.ID[:12], v.Day, v.OrgName, standing(v), v.Gist})
			}
			return table(p.out, rows)
		},
	}
}

func (p *program) intakeShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show REPORT",
		Short: "Show what a report tells, and what was answered",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			v, err := reg.Submission(cmd.Context(), session, args[0])
			if err != nil {
				return err
			}
			if p.json {
				answer := submissionAnswer(v)
				messages := []map[string]any{}
				for _, m := range v.Messages {
					messages = append(messages, map[string]any{"number": m.Number, "answer": m.Answer, "day": m.Day, "shut": m.Shut, "brought": m.Brought, "doubtful": m.Doubtful, "message": m.Message})
				}
				answer["messages"] = messages
				return printJSON(p.out, answer)
			}
			p.showSubmission(v)
			return nil
		},
	}
}

func (p *program) showSubmission(v registry.SubmissionView) {
	fmt.Fprintf(p.out, "Report %s to %s, %s: %s\n", v.ID[:12], v.OrgName, v.Day, standing(v))
	for _, m := range v.Messages {
		who := "told"
		if m.Answer {
			who = "answered"
		}
		if m.Brought {
			who = "told in a sealed file"
		}
		fmt.Fprintf(p.out, "\n%s, %s:\n", m.Day, who)
		if m.Doubtful {
			fmt.Fprintln(p.out, "  It does not bear the mark of the first message: somebody else who held a sealed file may have written it. It goes into no case.")
		}
		if m.Shut {
			fmt.Fprintln(p.out, "  It does not open with your keys, or is not written as a report is.")
			continue
		}
		c := m.Conversation
		if c == nil {
			c = &submission.Conversation{}
		}
		for _, part := range []struct{ name, text string }{
			{"A member took this down on", c.Day}, {"Who took it down, as they say", c.Known}, {"Who spoke", c.Speaker},
			{"", m.Told}, {"Who is hurt", m.Who}, {"Where", m.Where}, {"When", m.When}, {"By whom", m.By},
			{"A complaint was filed", c.Complaint}, {"It was registered", c.Registered}, {"There was an examination", c.Examined}, {"The State so far", c.State}, {"What is to happen", m.Wish}, {"A safe way to reach them", m.Contact},
			{"They agree to", strings.Join(m.Consents, ", ")},
		} {
			if part.text == "" {
				continue
			}
			if part.name != "" {
				part.name += ": "
			}
			fmt.Fprintf(p.out, "  %s%s\n", part.name, strings.ReplaceAll(part.text, "\n", "\n  "))
		}
		for _, f := range m.Files {
			fmt.Fprintf(p.out, "  File %s: %s, %d bytes\n", f.Upload[:8], f.Name, f.Bytes)
		}
	}
}

func (p *program) intakeSortCommand() *cobra.Command {
	var status, into, assign string
	var urgent bool
	cmd := &cobra.Command{
		Use:   "sort REPORT",
		Short: "Say where a report stands, that life is at risk, or who looks after it",
		Long: `Say where a report stands: --status new, more_needed or spam, or --into another
report of which it is a part. --urgent says that life is at risk: everybody with
the role intake in the organisation gets a task at once; --urgent=false ends it.
--assign gives it to a member with the role.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var to registry.SubmissionSort
			flags := cmd.Flags()
			if flags.Changed("status") {
				to.Status = &status
			}
			if flags.Changed("urgent") {
				to.Urgent = &urgent
			}
			if flags.Changed("into") {
				to.Into = &into
			}
			if to == (registry.SubmissionSort{}) && !flags.Changed("assign") {
				return usage("say how: --status, --urgent, --into or --assign")
			}
			if to.Status != nil && to.Into != nil {
				return usage("a part of another report has no status of its own: --status or --into")
			}
			return p.written(cmd.Context(), func(ctx context.Context, reg *registry.Registry, s *access.Session) error {
				if flags.Changed("assign") {
					id, err := reg.Taker(ctx, s, args[0], assign)
					if err != nil {
						return err
					}
					to.Assigned = &id
				}
				if err := reg.SortSubmission(ctx, s, args[0], to); err != nil {
					return err
				}
				return p.saidOf(ctx, reg, s, args[0])
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&status, "status", "", "new, more_needed or spam")
	flags.BoolVar(&urgent, "urgent", false, "life is at risk")
	flags.StringVar(&into, "into", "", "the `report` that it is a part of")
	flags.StringVar(&assign, "assign", "", "the `name` of a member with the role intake; empty: nobody")
	return cmd
}

// saidOf says where a report stands now.
func (p *program) saidOf(ctx context.Context, reg *registry.Registry, s *access.Session, id string) error {
	v, err := reg.Submission(ctx, s, id)
	if err != nil {
		return err
	}
	if p.json {
		return printJSON(p.out, submissionAnswer(v))
	}
	fmt.Fprintf(p.out, "Report %s: %s.\n", v.ID[:12], standing(v))
	return nil
}

func (p *program) intakeAnswerCommand() *cobra.Command {
	var lang string
	cmd := &cobra.Command{
		Use:   "answer REPORT < TEXT",
		Short: "Answer a report: the answer is read from standard input",
		Long: `Answer a report. The answer is read from standard input and sealed to the receipt
of the sender, who reads it with their eight words when they come back; those
with the role intake can read it, too.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if lang != "" && !slices.Contains([]string{"en", "ru", "kk"}, lang) {
				return usage("--lang is en, ru or kk")
			}
			text, err := io.ReadAll(io.LimitReader(p.in, 1<<20))
			if err != nil {
				return fmt.Errorf("the answer can't be read: %w", err)
			}
			return p.written(cmd.Context(), func(ctx context.Context, reg *registry.Registry, s *access.Session) error {
				if err := reg.AnswerSubmission(ctx, s, args[0], strings.TrimSpace(string(text)), lang); err != nil {
					return err
				}
				fmt.Fprintln(p.out, "The answer waits for who sent the report.")
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&lang, "lang", "", "language of the answer: en, ru or kk; else that of the report")
	return cmd
}

func (p *program) intakeCaseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "case REPORT",
		Short: "Turn a report into a case, with its consents and its files",
		Long: `Turn a report into a case of the organisation it was sent to: what was told, the
consents as they were given, the files as evidence with their chain of custody
and, where that is quick, a copy that is safe to look at, and where it came from;
also of the reports that were made part of it. Interrupted, it goes on when it is
asked again, takes what came since, and nothing is there twice. The report stays,
and can be answered.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.written(cmd.Context(), func(ctx context.Context, reg *registry.Registry, s *access.Session) error {
				row, err := reg.CaseOfSubmission(ctx, s, args[0])
				if err != nil {
					return err
				}
				if p.json {
					return printJSON(p.out, map[string]any{"id": row.ID, "number": row.Number})
				}
				fmt.Fprintf(p.out, "It is case %s.\n", row.Number)
				return nil
			})
		},
	}
}

func (p *program) intakeAddCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "add FILE...",
		Short: "Take in sealed files of where there was no line",
		Long: `Take in sealed files that were made without a line, by 'kua seal' or by the page
on a stick. One that bears the receipt of a report that is there adds to it. The
same file twice is one.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.written(cmd.Context(), func(ctx context.Context, reg *registry.Registry, s *access.Session) error {
				answers := []map[string]any{}
				for _, path := range args {
					id, fresh, err := addSealed(ctx, reg, s, path)
					if err != nil {
						return fmt.Errorf("%s: %w", path, err)
					}
					answers = append(answers, map[string]any{"file": path, "id": id, "new": fresh})
					if p.json {
						continue
					}
					if fresh {
						fmt.Fprintf(p.out, "%s is report %s.\n", path, id[:12])
					} else {
						fmt.Fprintf(p.out, "%s is in the inbox already: report %s.\n", path, id[:12])
					}
				}
				if p.json {
					return printJSON(p.out, map[string]any{"added": answers})
				}
				return nil
			})
		},
	}
}

func addSealed(ctx context.Context, reg *registry.Registry, s *access.Session, path string) (id string, fresh bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", false, err
	}
	id, fresh, err = reg.AddSealed(ctx, s, f)
	return id, fresh, errors.Join(err, f.Close())
}

func (p *program) intakeKeyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Show the keys to which reports are sealed, with their fingerprints for paper",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			keys, err := reg.IntakeKeys(cmd.Context(), session)
			if err != nil {
				return err
			}
			if p.json {
				answers := []map[string]any{}
				for _, k := range keys {
					answers = append(answers, map[string]any{
						"org": k.Public.Org, "name": k.Public.Name, "recipient": k.Public.Recipient, "fingerprint": k.Public.Fingerprint,
						"made": k.Made, "older": k.Older, "holders": k.Holders, "waiting": k.Waiting,
					})
				}
				return printJSON(p.out, map[string]any{"keys": answers})
			}
			for _, k := range keys {
				if k.Public.Recipient == "" {
					fmt.Fprintf(p.out, "%s takes no reports: give a member the role intake, then 'kua intake key new %q'.\n", k.OrgName, k.OrgName)
					continue
				}
				fmt.Fprintf(p.out, "%s, on the form %q\n  fingerprint  %s\n  made on      %s\n  opens to     %s\n", k.OrgName, k.Public.Name, k.Public.Fingerprint, k.Made, strings.Join(k.Holders, ", "))
				if len(k.Waiting) > 0 {
					fmt.Fprintf(p.out, "  not yet to   %s: 'kua intake key share'\n", strings.Join(k.Waiting, ", "))
				}
			}
			return nil
		},
	}
	var label string
	made := &cobra.Command{
		Use:   "new ORG",
		Short: "Make the key of an organisation, or a new one; the older ones open what came before",
		Long: `Make the key to which reports to an organisation are sealed, or a new one. It opens
to the members with the role intake, and to nobody else: not to this machine, not
to the trustees, not to you unless you have the role. Write its fingerprint on
the paper by which people learn of the form.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.written(cmd.Context(), func(ctx context.Context, reg *registry.Registry, s *access.Session) error {
				org, err := findOrg(ctx, reg, args[0])
				if err != nil {
					return err
				}
				key, err := reg.TurnIntake(ctx, s, org.ID, label)
				if err != nil {
					return err
				}
				if p.json {
					return printJSON(p.out, map[string]any{"org": key.Org, "name": key.Name, "recipient": key.Recipient, "fingerprint": key.Fingerprint})
				}
				fmt.Fprintf(p.out, "Reports to %s are sealed to a new key: %s\n", key.Name, key.Fingerprint)
				return nil
			})
		},
	}
	made.Flags().StringVar(&label, "label", "", "`name` of the organisation on the form, which everybody may read; else its name in the register")
	share := &cobra.Command{
		Use:   "share ORG",
		Short: "Open the keys that you have to the others who have the role",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.written(cmd.Context(), func(ctx context.Context, reg *registry.Registry, s *access.Session) error {
				org, err := findOrg(ctx, reg, args[0])
				if err != nil {
					return err
				}
				if err := reg.ShareIntake(ctx, s, org.ID); err != nil {
					return err
				}
				fmt.Fprintf(p.out, "All who have the role in %s can open what was sent to it.\n", org.Name)
				return nil
			})
		},
	}
	cmd.AddCommand(made, share)
	return cmd
}
