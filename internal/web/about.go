// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

type aboutBody struct {
	Unreviewed []string
	Recovery   recoveryCard
	Facts      []fact
	Exchange   string // where the pages of the coalition are; empty: the register stands alone
	Stamps     string // where the time stamps of the register are, for those who may see them
	Packs      []packLine
}

type fact struct {
	Label, Text string
	Code        bool
}

// recoveryCard says whether the register can be opened when all passphrases are lost.
type recoveryCard struct {
	Status, Text, Todo, Command string
	Wait                        bool
}

type packLine struct {
	Name, Status, Detail string
	Unreviewed           bool
}

func (s *server) about(v *visit) error {
	info, err := s.reg.Info(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	recovery, err := s.reg.Recovery(v.session)
	if err != nil {
		return err
	}
	body := aboutBody{Unreviewed: v.unreviewed(), Recovery: v.recovery(recovery), Facts: []fact{
		{v.T("about.mode"), v.T("about.mode.house"), false},
		{v.T("about.entries"), v.Number(int(info.Entries)), false},
		{v.T("about.latest"), v.moment(info.Latest), false},
		{v.T("about.root"), info.Root, true},
		{v.T("about.id"), info.Ledger, true},
	}}
	if s.reg.May(v.session, access.Verify) || s.reg.LooksAfter(v.session) {
		body.Stamps = "/timestamps"
	}
	if s.reg.Allied() {
		body.Exchange = "/exchange"
	}
	if info.Counts {
		body.Facts = append(body.Facts,
			fact{v.T("about.cases"), v.Number(info.Cases), false},
			fact{v.T("about.people"), v.Number(info.Units), false})
	}
	body.Facts = append(body.Facts,
		fact{v.T("about.organisations"), v.Number(info.Organisations), false},
		fact{v.T("about.members"), v.Number(info.Members), false})
	for _, p := range v.book.Packs() {
		_, draft := p.Banner()
		line := packLine{
			Name: v.in(p.Label), Unreviewed: draft, Status: v.T("about.pack.reviewed"),
			Detail: v.T("about.pack", p.ID, p.Version, p.TextAsOf),
		}
		if line.Unreviewed {
			line.Status = v.T("about.pack.unreviewed")
		}
		body.Packs = append(body.Packs, line)
	}
	return s.show(v, "about", v.T("about.title"), body)
}

// recovery puts into words how it stands with recovery, and what is to be done.
func (v *voice) recovery(r registry.RecoveryView) recoveryCard {
	if r.Warning == registry.RecoveryNone {
		return recoveryCard{
			Status: v.T("about.recovery.none"), Text: v.T("about.recovery.none.text"), Wait: true,
			Todo: v.T("about.recovery.todo.none"), Command: "kua share create",
		}
	}
	card := recoveryCard{Status: v.T("about.recovery.of", r.Need, r.Of), Text: v.T("about.recovery.never"), Wait: r.Warning != ""}
	if !r.Rehearsed.IsZero() {
		card.Text = v.T("about.recovery.last", v.Day(edtf.DayOf(r.Rehearsed)), r.Shares)
	}
	switch r.Warning {
	case registry.RecoveryLeft:
		card.Todo, card.Command = v.T("about.recovery.todo.left"), "kua share replace"
	case registry.RecoveryNever, registry.RecoveryOld:
		card.Todo, card.Command = v.T("about.recovery.todo.rehearse"), "kua recover --rehearse"
	}
	return card
}
