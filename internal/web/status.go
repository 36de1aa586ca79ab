// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/doctor"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

// statusRegister is what the page about how it stands asks of the registry.
type statusRegister interface {
	Condition(ctx context.Context, s *access.Session) (registry.Condition, error)
	Nodes(ctx context.Context, s *access.Session) ([]registry.NodeSeen, error)
}

// Around is what a program that serves the pages knows of itself and of its machine.
type Around struct {
	Version     string
	Since       time.Time        // the register is open
	Findings    []doctor.Finding // of the register's folders and of the machine
	Disk        doctor.Disk      // of the register; no size: not known
	Certificate time.Time        // until when that of the pages is good; zero: there is none
}

type statusBody struct {
	Findings []statusFinding
	Beside   string // what was not looked at
	Parts    []statusPart
}

type statusFinding struct{ Says, Remedy string }

// statusPart is a card of the page.
type statusPart struct {
	ID, Title      string
	Facts          []fact
	Href, LinkText string
}

// status shows administrators how it stands with what somebody must look
// after: numbers, days and names of machines, and nothing of a case.
func (s *server) status(v *visit) error {
	ctx := v.r.Context()
	condition, err := s.reg.Condition(ctx, v.session)
	if err != nil {
		return err
	}
	info, err := s.reg.Info(ctx, v.session)
	if err != nil {
		return err
	}
	recovery, err := s.reg.Recovery(v.session)
	if err != nil {
		return err
	}
	mail, err := s.reg.Mail(ctx, v.session)
	if err != nil {
		return err
	}
	nodes, err := s.reg.Nodes(ctx, v.session)
	if err != nil {
		return err
	}
	var body statusBody
	var around Around
	found := condition.Findings(func(at time.Time) string { return v.Day(edtf.DayOf(at)) })
	switch around, err = s.around(); {
	case errors.Is(err, errNotAround):
		body.Beside = v.T("status.beside.none")
	case err != nil:
		s.log.Error("how it stands with the machine could not be looked at", slog.Any("error", err)) // of folders and disks
		body.Beside = v.T("status.beside.failed")
	case len(nodes) > 1:
		body.Beside = v.T("status.beside.others")
	}
	for _, f := range append(found, around.Findings...) {
		body.Findings = append(body.Findings, statusFinding{f.Says(v.Language), f.Remedy(v.Language)})
	}
	body.Parts = []statusPart{
		v.statusProgram(around, info),
		v.statusRegister(info, condition),
		v.statusSafe(condition, recovery),
		v.statusMachines(around, nodes),
		v.statusMail(mail),
	}
	if s.reg.Allied() {
		part, err := s.statusCoalition(v)
		if err != nil {
			return err
		}
		body.Parts = append(body.Parts, part)
	}
	return s.show(v, "status", v.T("status.title"), body)
}

// errNotAround says that whoever serves the pages does not say what is around them.
var errNotAround = errors.New("not known")

func nothingAround() (Around, error) { return Around{}, errNotAround }

// dayOr writes the day of a moment, and other words for none.
func (v *voice) dayOr(at time.Time, none string) string {
	if at.IsZero() {
		return v.T(none)
	}
	return v.Day(edtf.DayOf(at))
}

func (v *voice) statusProgram(a Around, info registry.Info) statusPart {
	p := statusPart{ID: "program", Title: v.T("status.program")}
	if a.Version != "" {
		p.Facts = append(p.Facts, fact{v.T("status.version"), a.Version, true}, fact{v.T("status.since"), v.moment(a.Since), false})
	}
	p.Facts = append(p.Facts, fact{v.T("status.format"), v.Number(info.Format), false})
	if !a.Certificate.IsZero() {
		p.Facts = append(p.Facts, fact{v.T("status.certificate"), v.Day(edtf.DayOf(a.Certificate)), false})
	}
	return p
}

func (v *voice) statusRegister(info registry.Info, c registry.Condition) statusPart {
	p := statusPart{ID: "register", Title: v.T("status.register"), Href: "/about", LinkText: v.T("about.title")}
	p.Facts = []fact{{v.T("about.entries"), v.Number(int(info.Entries)), false}, {v.T("about.latest"), v.moment(info.Latest), false}}
	if info.Counts {
		p.Facts = append(p.Facts, fact{v.T("about.cases"), v.Number(info.Cases), false})
	}
	stamped := v.T("stamp.none")
	if c.Stamped.Entries > 0 {
		stamped = join([]string{v.Day(edtf.DayOf(c.Stamped.At)), v.T("stamp.over.register", v.Number(int(c.Stamped.Entries)))})
	}
	p.Facts = append(p.Facts,
		fact{v.T("about.organisations"), v.Number(info.Organisations), false},
		fact{v.T("about.members"), v.Number(info.Members), false},
		fact{v.T("status.factor"), v.Number(c.WithoutFactor), false},
		fact{v.T("status.stamp"), stamped, false},
		fact{v.T("about.root"), info.Root, true})
	return p
}

func (v *voice) statusSafe(c registry.Condition, r registry.RecoveryView) statusPart {
	card := v.recovery(r)
	p := statusPart{ID: "safe", Title: v.T("status.safe"), Facts: []fact{
		{v.T("status.backup"), v.dayOr(c.Backups.Made, "status.never"), false},
		{v.T("status.proven"), v.dayOr(c.Backups.Proven, "status.never"), false},
	}}
	if c.Backups.Where != "" {
		p.Facts = append(p.Facts, fact{v.T("status.where"), c.Backups.Where, true})
	}
	p.Facts = append(p.Facts, fact{v.T("about.recovery"), join([]string{card.Status, card.Text}), false})
	return p
}

func (v *voice) statusMachines(a Around, nodes []registry.NodeSeen) statusPart {
	p := statusPart{ID: "machines", Title: v.T("status.machines")}
	if a.Disk.Size > 0 {
		p.Facts = append(p.Facts, fact{v.T("status.disk"), v.T("status.disk.of", v.size(int64(a.Disk.Free)), v.size(int64(a.Disk.Size))), false})
	}
	if len(nodes) == 0 {
		p.Facts = append(p.Facts, fact{v.T("status.nodes"), v.T("status.nodes.one"), false})
	}
	for _, n := range nodes {
		said := []string{v.T("status.node.since", v.Day(edtf.DayOf(n.Since)))}
		if n.Here {
			said = append(said, v.T("status.node.here"))
		}
		if n.Waits {
			said = append(said, v.T("status.node.waits"))
		}
		p.Facts = append(p.Facts, fact{n.Name, join(said), false})
	}
	return p
}

func (v *voice) statusMail(m registry.MailView) statusPart {
	p := statusPart{ID: "mail", Title: v.T("told.reminders"), Href: "/mail", LinkText: v.T("mail.title")}
	state := v.T("mail.never")
	switch {
	case !m.On:
		state = v.T("mail.off")
	case !m.At.IsZero():
		state = v.T("mail.last", v.moment(m.At), v.Number(m.Sent), v.Number(m.Failed))
	}
	if m.Why != "" {
		state = strings.TrimSpace(state + ". " + v.T("mail.why."+m.Why))
	}
	p.Facts = []fact{
		{v.T("status.mail.members"), v.Number(m.Members), false},
		{v.T("status.mail.waiting"), v.Number(m.Waiting), false},
		{v.T("status.mail.last"), state, false},
	}
	return p
}

func (s *server) statusCoalition(v *visit) (statusPart, error) {
	e, err := s.reg.Exchange(v.r.Context(), v.session)
	if err != nil {
		return statusPart{}, err
	}
	waiting := v.T("exchange.waiting.none")
	if e.Waiting > 0 {
		waiting = v.N("exchange.waiting", e.Waiting)
	}
	state := v.T("exchange.fine")
	if e.Finding() {
		state = v.T("exchange.look")
	}
	return statusPart{
		ID: "coalition", Title: v.T("exchange.title"), Href: "/exchange", LinkText: v.T("exchange.title"),
		Facts: []fact{
			{v.T("exchange.state"), state, false},
			{v.T("exchange.waits"), waiting, false},
			{v.T("exchange.nodes"), v.Number(len(e.Nodes)), false},
		},
	}, nil
}
