// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

// auditAnswer is `kua audit --json`.
type auditAnswer struct {
	Lines  []auditLineAnswer `json:"lines"`
	Alarms []alarmAnswer     `json:"alarms"`
}

type auditLineAnswer struct {
	At      string   `json:"at"`
	Member  string   `json:"member,omitempty"`
	Name    string   `json:"name,omitempty"`
	Act     string   `json:"act"`
	What    string   `json:"what,omitempty"`
	About   string   `json:"about,omitempty"`
	N       int      `json:"n"`
	Cases   []string `json:"cases,omitempty"` // numbers, the first few
	Device  string   `json:"device,omitempty"`
	Note    string   `json:"note,omitempty"`
	Refused bool     `json:"refused,omitempty"`
}

type alarmAnswer struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	Member string `json:"member,omitempty"`
	Name   string `json:"name,omitempty"`
	Day    string `json:"day"`
	Opened int    `json:"opened,omitempty"`
	Named  int    `json:"named,omitempty"`
	N      int    `json:"n,omitempty"`
	Seen   bool   `json:"seen"`
	SeenBy string `json:"seen_by,omitempty"`
	Note   string `json:"note,omitempty"`
}

func (p *program) auditCommand() *cobra.Command {
	var q registry.AuditQuery
	var from, to, lang, see, note string
	var limit int
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show who signed in, read, took out, granted, erased and was refused; and alarms",
		Long: `Show who did what, the newest first. Administrators see the acts of everybody and
no case by their office; those who work with cases see the acts on the cases of
their organisation; everybody sees their own. The exit code is 3 while there are
alarms that nobody has looked after; --see ALARM --note "what came of it" marks one.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			for _, d := range []struct {
				text string
				day  *edtf.Day
				flag string
			}{{from, &q.From, "--from"}, {to, &q.To, "--to"}} {
				if d.text == "" {
					continue
				}
				day, err := edtf.ParseDay(d.text)
				if err != nil {
					return usage("%s: %v", d.flag, err)
				}
				*d.day = day
			}
			if limit < 1 {
				return usage("--limit: at least 1 line")
			}
			open := p.read
			if see != "" {
				open = p.open
			}
			reg, session, err := open(ctx)
			if err != nil {
				return err
			}
			defer reg.Close()
			list, ok := reg.Book().List("audit_act")
			if _, known := list.Code(q.Act); q.Act != "" && (!ok || !known) {
				var codes []string
				for _, c := range list.Codes {
					codes = append(codes, c.Code)
				}
				return usage("--act: there is no act %q; there are: %s", q.Act, strings.Join(codes, ", "))
			}
			if see != "" {
				if err := reg.SeeAlarm(ctx, session, see, note); err != nil {
					return err
				}
			}
			alarms, err := reg.Alarms(ctx, session)
			if err != nil && !errors.Is(err, registry.ErrNotAllowed) {
				return err
			}
			var lines []registry.AuditLine
			for len(lines) < limit {
				q.Limit = min(limit-len(lines), 200)
				page, err := reg.Audit(ctx, session, q)
				if err != nil {
					return err
				}
				lines = append(lines, page.Lines...)
				if q.After = page.Next; q.After == "" {
					break
				}
			}
			if err := p.showAudit(reg, lines, alarms, lang); err != nil {
				return err
			}
			for _, a := range alarms {
				if !a.Seen {
					return errFindings
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&q.Member, "who", "", "only what this `member` did, by name or id; me: yourself")
	cmd.Flags().StringVar(&q.Act, "act", "", "only this `act`, such as read, list, export, refused, grant, erase")
	cmd.Flags().StringVar(&q.Case, "case", "", "only acts on this `case`, by number or id")
	cmd.Flags().BoolVar(&q.Refused, "refused", false, "only what was not let happen")
	cmd.Flags().StringVar(&from, "from", "", "from this `day` on")
	cmd.Flags().StringVar(&to, "to", "", "until the end of this `day`")
	cmd.Flags().IntVar(&limit, "limit", 50, "at most so many `lines`")
	cmd.Flags().StringVar(&see, "see", "", "mark this `alarm` as looked after")
	cmd.Flags().StringVar(&note, "note", "", "what came of it; stays in the ledger, so name nobody whom it endangers")
	cmd.Flags().StringVar(&lang, "lang", "en", "the language: en, ru or kk")
	cmd.MarkFlagsRequiredTogether("see", "note")
	return cmd
}

func (p *program) showAudit(reg *registry.Registry, lines []registry.AuditLine, alarms []registry.Alarm, lang string) error {
	if p.json {
		answer := auditAnswer{Lines: []auditLineAnswer{}, Alarms: []alarmAnswer{}}
		for _, l := range lines {
			a := auditLineAnswer{At: l.At.Format(time.RFC3339Nano), Member: l.Member, Name: l.Name, Act: l.Act, What: l.What, About: l.About, N: l.N, Device: l.Device, Note: l.Note, Refused: l.Refused}
			for _, c := range l.Cases {
				a.Cases = append(a.Cases, c.Number)
			}
			answer.Lines = append(answer.Lines, a)
		}
		for _, a := range alarms {
			answer.Alarms = append(answer.Alarms, alarmAnswer{ID: a.ID, Kind: string(a.Kind), Member: a.Member, Name: a.Name, Day: a.Day.String(), Opened: a.Opened, Named: a.Named, N: a.N, Seen: a.Seen, SeenBy: a.SeenBy, Note: a.Note})
		}
		return printJSON(p.out, answer)
	}
	for _, a := range alarms {
		if !a.Seen {
			fmt.Fprintf(p.out, "ALARM %s  %s\n", a.ID, alarmText(a))
		}
	}
	book := reg.Book()
	rows := [][]string{}
	for _, l := range lines {
		who := l.Name
		switch {
		case l.Program:
			who = "the program"
		case who == "":
			who = "a name nobody has"
		}
		var of []string
		if l.What != "" {
			of = append(of, book.Label("audit_what", l.What, lang))
		}
		for _, c := range l.Cases {
			of = append(of, c.Number)
		}
		if l.About != "" {
			of = append(of, l.About)
		}
		if l.N > 1 {
			of = append(of, "× "+strconv.Itoa(l.N))
		}
		rows = append(rows, []string{l.At.In(p.now().Location()).Format("2006-01-02 15:04:05"), who, book.Label("audit_act", l.Act, lang), strings.Join(of, ", ")})
	}
	if err := table(p.out, rows); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%s\n", counted(len(rows), "line", "lines"))
	return nil
}

// alarmText says what raised an alarm, and what to do next.
func alarmText(a registry.Alarm) string {
	who := a.Name
	if who == "" {
		who = "names that nobody has"
	}
	switch a.Kind {
	case registry.AlarmBulk:
		return fmt.Sprintf("%s, %s: opened %d cases, saw the names of %d. Ask them; if it was not them, end their sessions and take back grants.", who, a.Day, a.Opened, a.Named)
	case registry.AlarmDevice:
		return fmt.Sprintf("%s, %s: signed in at an odd hour from a device not seen before. Ask them; if it was not them, end their sessions and let them change their passphrase.", who, a.Day)
	case registry.AlarmRefusals:
		return fmt.Sprintf("%s, %s: was refused %d times. Ask what they were looking for.", who, a.Day, a.N)
	}
	return fmt.Sprintf("%s, %s: %d failed sign-ins. Ask them; if it was not them, somebody tries their passphrase.", who, a.Day, a.N)
}
