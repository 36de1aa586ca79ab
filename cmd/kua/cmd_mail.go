// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/post"
	"github.com/kua-registry/kua/internal/registry"
)

// post sends letters.
func (p *program) post(words *locale.Catalogue) registry.Post {
	return post.New(words, post.Options{Now: p.now})
}

func (p *program) mailCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mail",
		Short: "Set up the mail server that reminders are sent by",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.mailShowCommand(), p.mailSetCommand(), p.mailOffCommand(), p.mailTestCommand())
	return cmd
}

func (p *program) mailShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Say by what reminders are sent, and how it went",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			v, err := reg.Mail(cmd.Context(), session)
			if err != nil {
				return err
			}
			if p.json {
				out := map[string]any{"on": v.On, "members": v.Members, "sent": v.Sent, "failed": v.Failed, "why": v.Why}
				if v.On {
					out["host"], out["port"], out["tls"], out["user"], out["from"] = v.Server.Host, v.Server.Port, v.Server.TLS, v.Server.User, v.Server.From
				}
				if !v.At.IsZero() {
					out["at"] = v.At.UTC().Format(time.RFC3339)
				}
				return printJSON(p.out, out)
			}
			if !v.On {
				fmt.Fprintln(p.out, "No mail server is set up: 'kua mail set' does so.")
			} else {
				fmt.Fprintf(p.out, "%s:%d, %s, from %s", v.Server.Host, v.Server.Port, v.Server.TLS, v.Server.From)
				if v.Server.User != "" {
					fmt.Fprintf(p.out, ", as %s", v.Server.User)
				}
				fmt.Fprintln(p.out)
			}
			fmt.Fprintf(p.out, "Members who want to be reminded: %d\n", v.Members)
			if !v.At.IsZero() {
				fmt.Fprintf(p.out, "Last time, %s: %d sent, %d not.\n", v.At.UTC().Format("2006-01-02 15:04 UTC"), v.Sent, v.Failed)
			}
			if v.Why != "" {
				fmt.Fprintln(p.out, mailWhy(v.Why))
			}
			return nil
		},
	}
}

// mailWhy says why mail could not be sent, and what to do.
func mailWhy(why string) string {
	switch why {
	case registry.MailUnreachable:
		return "The server did not answer in time: check the host and the port."
	case registry.MailTLS:
		return "There was no protected connection, or the server's certificate is not right: check --tls, and the name of the host."
	case registry.MailSignIn:
		return "The server does not take the user name or the password: set them anew."
	case registry.MailRefused:
		return "The server did not take a message: check the address that reminders come from."
	}
	return "The connection broke off while a message was handed over: it may have arrived, and is not sent again."
}

func (p *program) mailSetCommand() *cobra.Command {
	var m registry.MailServer
	var passwordFile string
	cmd := &cobra.Command{
		Use:   "set --host HOST --from ADDRESS",
		Short: "Set up the mail server that reminders are sent by",
		Long: `Set up the mail server that reminders are sent by. Its password is sealed; it
is read from a file, never from the command line. The server learns the members'
addresses and that they are reminded, and not of what.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if m.Host == "" || m.From == "" {
				return usage("give --host and --from: the mail server, and the address that reminders come from")
			}
			if (m.User == "") != (passwordFile == "") {
				return usage("--user and --password-file belong together: give both, or neither")
			}
			if passwordFile != "" {
				var err error
				if m.Password, err = p.secret(passwordFile, "", "the mail server's password", "--password-file"); err != nil {
					return err
				}
			}
			return p.changed(cmd, func(reg *registry.Registry, s *access.Session) error {
				return reg.SetMail(cmd.Context(), s, m)
			}, "Reminders are sent by "+m.Host+". Try it: kua mail test ADDRESS")
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&m.Host, "host", "", "the mail server's `name`")
	flags.IntVar(&m.Port, "port", 587, "its `port`")
	flags.StringVar(&m.TLS, "tls", registry.StartTLS, "how the way is protected: starttls, tls, or none for a server on this machine")
	flags.StringVar(&m.User, "user", "", "`name` to sign in with")
	flags.StringVar(&passwordFile, "password-file", "", "`file` whose first line is the password")
	flags.StringVar(&m.From, "from", "", "`address` that reminders come from")
	return cmd
}

func (p *program) mailOffCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "off",
		Short: "Let go of the mail server: nobody is reminded any more",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.changed(cmd, func(reg *registry.Registry, s *access.Session) error {
				return reg.EndMail(cmd.Context(), s)
			}, "No reminders are sent any more.")
		},
	}
}

func (p *program) mailTestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "test ADDRESS",
		Short: "Send a test to an address",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			words, err := locale.Load()
			if err != nil {
				return err
			}
			return p.changed(cmd, func(reg *registry.Registry, s *access.Session) error {
				err := reg.TryMail(cmd.Context(), s, args[0], p.post(words))
				var not *registry.MailError
				if errors.As(err, &not) {
					return fmt.Errorf("the test was not sent. %s", mailWhy(not.Why))
				}
				return err
			}, "The server has taken the test.")
		},
	}
}

func (p *program) remindCommand() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "remind",
		Short: "Send the reminders that are due now",
		Long: `Send the reminders that are due now: to each member who wants them, once a day
or once a week, from 7 in the morning. A program that serves the register does
so by itself; this is for one that is not served. Whom a message may have reached
is not written to again: better once too little than twice.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			words, err := locale.Load()
			if err != nil {
				return err
			}
			open, send := p.open, p.post(words)
			if dry {
				open, send = p.read, nil
			}
			reg, session, err := open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			done, err := reg.RemindNow(cmd.Context(), session, send)
			if err != nil {
				return err
			}
			if p.json {
				if err := printJSON(p.out, map[string]any{"sent": done.Sent, "nothing": done.Nothing, "failed": done.Failed, "why": done.Why, "dry": dry}); err != nil {
					return err
				}
			} else if dry {
				fmt.Fprintf(p.out, "Reminders that would be sent: %d. Members with nothing due: %d.\n", done.Sent, done.Nothing)
			} else {
				fmt.Fprintf(p.out, "Reminders sent: %d. Members with nothing due: %d. Not sent: %d.\n", done.Sent, done.Nothing, done.Failed)
			}
			if done.Failed > 0 {
				return fmt.Errorf("%d reminders were not sent. %s", done.Failed, mailWhy(done.Why))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "send nothing, and say how many would be")
	cmd.AddCommand(p.remindMeCommand())
	return cmd
}

func (p *program) remindMeCommand() *cobra.Command {
	var often string
	cmd := &cobra.Command{
		Use:   "me [ADDRESS]",
		Short: "Say how often you are reminded, and where",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if often == "never" {
				often = registry.Never
			}
			if (often == registry.Never) != (len(args) == 0) {
				return usage("give an address with --often daily or weekly, and none with --often never")
			}
			to := ""
			if len(args) == 1 {
				to = args[0]
			}
			done := "You are not reminded any more."
			if often != registry.Never {
				done = "You are reminded at that address: " + often + "."
			}
			return p.changed(cmd, func(reg *registry.Registry, s *access.Session) error {
				return reg.SetReminders(cmd.Context(), s, often, to)
			}, done)
		},
	}
	cmd.Flags().StringVar(&often, "often", registry.Weekly, "how often: daily, weekly or never")
	return cmd
}
