// SPDX-License-Identifier: AGPL-3.0-or-later

package web

type aboutBody struct {
	Unreviewed []string
	Facts      []fact
	Packs      []packLine
}

type fact struct {
	Label, Text string
	Code        bool
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
	body := aboutBody{Unreviewed: v.unreviewed(), Facts: []fact{
		{v.T("about.mode"), v.T("about.mode.house"), false},
		{v.T("about.entries"), v.Number(int(info.Entries)), false},
		{v.T("about.latest"), v.moment(info.Latest), false},
		{v.T("about.root"), info.Root, true},
		{v.T("about.id"), info.Ledger, true},
		{v.T("about.cases"), v.Number(info.Cases), false},
		{v.T("about.people"), v.Number(info.Units), false},
		{v.T("about.organisations"), v.Number(info.Organisations), false},
		{v.T("about.members"), v.Number(info.Members), false},
	}}
	for _, p := range v.book.Packs() {
		line := packLine{
			Name: v.in(p.Label), Unreviewed: p.Status == packUnreviewed, Status: v.T("about.pack.reviewed"),
			Detail: v.T("about.pack", p.ID, p.Version, p.TextAsOf),
		}
		if line.Unreviewed {
			line.Status = v.T("about.pack.unreviewed")
		}
		body.Packs = append(body.Packs, line)
	}
	return s.show(v, "about", v.T("about.title"), body)
}
