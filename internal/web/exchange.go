// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/encoded"
	"github.com/kua-registry/kua/internal/registry"
)

// exchangeRegister is what the pages of the coalition ask of the registry.
type exchangeRegister interface {
	Allied() bool
	Exchange(ctx context.Context, s *access.Session) (registry.ExchangeView, error)
	Sync(ctx context.Context, s *access.Session) (registry.ExchangeView, error)
	HandedCases(ctx context.Context, s *access.Session) ([]registry.Row, error)
	KeptCases(ctx context.Context, s *access.Session) ([]registry.Row, error)
	HandCase(ctx context.Context, s *access.Session, caseID, to, reason string) error
	TakeCase(ctx context.Context, s *access.Session, caseID string) error
	CommonCases(ctx context.Context, s *access.Session, likeness float64) (registry.CommonCases, error)
	OfferEncoding(ctx context.Context, s *access.Session, key encoded.Key, schema encoded.Schema) (registry.OfferedEncoding, error)
	WithdrawEncodings(ctx context.Context, s *access.Session, reason string) (int, error)
	ProposeCommon(ctx context.Context, s *access.Session, caseID, encoding string, row int, reason string) (string, error)
	AnswerCommon(ctx context.Context, s *access.Session, proposal string, verdict registry.Verdict, reason string) (string, error)
}

func (s *server) exchangeRoutes() []route {
	return []route{
		{"GET /exchange", s.signed(s.exchangePage)},
		{"POST /exchange/sync", s.signed(s.syncNow)},
		{"POST /exchange/take", s.signed(s.takeCase)},
		{"POST /exchange/back", s.signed(s.handBack)},
		{"POST /exchange/revoke", s.signed(s.revokeKept)},
		{"POST /cases/{id}/hand", s.signed(s.handCase)},
		{"GET /common", s.signed(s.commonPage)},
		{"POST /common/offer", s.signed(s.offerCommon)},
		{"POST /common/propose", s.signed(s.proposeCommon)},
		{"POST /common/answer", s.signed(s.answerCommon)},
		{"POST /common/withdraw", s.signed(s.withdrawCommon)},
	}
}

type exchangeBody struct {
	Problem, Done string
	Alone         bool
	State         *exchangeState // only for those who look after the register
	Common        bool           // a link to common cases
	Incoming      []handedRow
	Kept          []handedRow
}

// exchangeState is how this node stands to the others.
type exchangeState struct {
	Facts    []fact
	Findings []exchangeFinding
	Nodes    []exchangeNode
}

// exchangeFinding is something to look at, and what to do about it.
type exchangeFinding struct {
	Title, Text, Do string
	Details         []string
	Bad             bool
}

type exchangeNode struct {
	Name, Fingerprint, Seen string
	Tag                     tag
}

type handedRow struct{ ID, Href, Number, Name, Org, OrgID string }

// exchangeProblem says why something was not done; empty: that is not for the page to say.
func (v *visit) exchangeProblem(err error) string {
	for _, p := range []struct {
		err error
		key string
	}{
		{registry.ErrNotAbroad, "not_abroad"}, {registry.ErrHandRestricted, "restricted"}, {registry.ErrHandCounts, "counts"},
		{registry.ErrHanded, "handed"}, {registry.ErrNotHanded, "not_handed"}, {registry.ErrHandClosed, "closed"}, {registry.ErrHandFiles, "files"},
		{registry.ErrFileDamaged, "damaged"}, {registry.ErrNoHolder, "no_holder"}, {registry.ErrTwoHolders, "no_holder"}, {registry.ErrOwner, "owner"},
		{registry.ErrNotOrganisation, "no_holder"}, {registry.ErrNotKept, "not_kept"}, {registry.ErrElsewhere, "handed"}, {registry.ErrReason, "reason"}, {registry.ErrConflict, "conflict"},
		{registry.ErrNoEncoding, "no_encoding"}, {registry.ErrEncodingLong, "long"}, {registry.ErrNoRows, "no_rows"},
		{registry.ErrEncodingGone, "gone"}, {registry.ErrProposed, "proposed"},
	} {
		if errors.Is(err, p.err) {
			return v.T("exchange.problem." + p.key)
		}
	}
	return v.pairProblem(err)
}

// exchangeDone is what was done, of those words that a page knows.
func (v *visit) exchangeDone(words ...string) string {
	if done := v.r.URL.Query().Get("done"); slices.Contains(words, done) {
		return v.T("exchange.done." + done)
	}
	return ""
}

func (s *server) exchangePage(v *visit) error {
	return s.showExchange(v, exchangeBody{Done: v.exchangeDone("synced", "taken", "back", "handed", "revoked")})
}

func (s *server) showExchange(v *visit, body exchangeBody) error {
	ctx := v.r.Context()
	if body.Alone = !s.reg.Allied(); body.Alone {
		return s.show(v, "exchange", v.T("exchange.title"), body)
	}
	if body.Problem != "" {
		v.status = http.StatusUnprocessableEntity
	}
	if s.reg.May(v.session, access.Administer) {
		view, err := s.reg.Exchange(ctx, v.session)
		if err != nil {
			return err
		}
		body.State = v.exchangeState(&view)
	}
	body.Common = s.reg.May(v.session, access.Match)
	incoming, err := s.reg.HandedCases(ctx, v.session)
	if err != nil {
		return err
	}
	for _, row := range incoming {
		body.Incoming = append(body.Incoming, handedRow{row.ID, casePath(row), row.Number, row.Name, row.OrgName, row.Org})
	}
	kept, err := s.reg.KeptCases(ctx, v.session)
	if err != nil {
		return err
	}
	for _, row := range kept {
		body.Kept = append(body.Kept, handedRow{ID: row.ID, Number: row.Number, Org: row.OrgName})
	}
	return s.show(v, "exchange", v.T("exchange.title"), body)
}

func (v *visit) exchangeState(x *registry.ExchangeView) *exchangeState {
	waiting := v.T("exchange.waiting.none")
	if x.Waiting > 0 {
		waiting = v.N("exchange.waiting", x.Waiting)
	}
	state := &exchangeState{Facts: []fact{
		{v.T("exchange.name"), x.Name, false},
		{v.T("exchange.fingerprint"), x.Fingerprint, true},
		{v.T("exchange.relay"), x.Address, false},
		{v.T("exchange.relay.fingerprint"), x.Relay, true},
		{v.T("exchange.entries"), v.Number(int(x.Entries)), false},
		{v.T("exchange.waits"), waiting, false},
	}}
	if x.Sending > 0 {
		state.Facts = append(state.Facts, fact{v.T("exchange.sending"), v.Number(x.Sending), false})
	}
	if x.Coming > 0 {
		state.Facts = append(state.Facts, fact{v.T("exchange.coming"), v.T("exchange.coming.of", v.Number(x.Came), v.Number(x.Coming)), false})
	}
	if x.Own.Back > 0 {
		state.Facts = append(state.Facts, fact{v.T("exchange.cameback"), v.T("exchange.cameback.of", v.Number(x.Own.Back), v.Number(x.Own.Closed)), false})
	}
	add := func(key string, bad bool, details []string, of ...any) {
		state.Findings = append(state.Findings, exchangeFinding{v.T("exchange." + key), v.T("exchange."+key+".text", of...), v.T("exchange." + key + ".do"), details, bad})
	}
	if len(x.Forks) > 0 {
		var details []string
		for _, fork := range x.Forks {
			details = append(details, fork.Ours+"\n--\n"+fork.Theirs)
		}
		add("fork", true, details)
	}
	if x.Own.Waits {
		add("restored", true, nil)
	}
	if x.Missing > 0 {
		add("gap", true, nil, v.Number(int(x.Missing)))
	}
	for _, n := range x.Nodes {
		if n.Pack != "" {
			add("pack", true, nil, n.Name, n.Pack)
		}
	}
	var refused, held, later []string
	for _, r := range x.Refused {
		refused = append(refused, r.Record)
	}
	for _, h := range x.Held {
		if h.Waits {
			later = append(later, h.Record)
		} else {
			held = append(held, h.Record)
		}
	}
	if len(refused) > 0 {
		add("refused", true, refused)
	}
	if len(held) > 0 {
		add("held", true, held)
	}
	if len(later) > 0 {
		add("later", false, nil, v.Number(len(later)))
	}
	for _, n := range x.Nodes {
		row := exchangeNode{Name: n.Name, Fingerprint: n.Fingerprint, Seen: v.T("exchange.seen.never"), Tag: tag{v.T("exchange.node.met"), "good"}}
		if !n.Seen.IsZero() {
			row.Seen = v.T("exchange.seen", v.moment(n.Seen), v.Number(int(n.SeenAt)))
		}
		if !n.Introduced {
			row.Tag = tag{v.T("exchange.node.unknown"), "wait"}
		}
		state.Nodes = append(state.Nodes, row)
	}
	return state
}

// syncNow exchanges with the relay.
func (s *server) syncNow(v *visit) error {
	ctx, cancel := v.patient()
	defer cancel()
	_, err := s.reg.Sync(ctx, v.session)
	switch {
	case errors.Is(err, registry.ErrNotAllowed), errors.Is(err, registry.ErrNoCoalition):
		return err
	case err != nil: // most often the line; what it was the state below says
		return s.showExchange(v, exchangeBody{Problem: v.T("exchange.problem.line")})
	}
	v.redirect("/exchange?done=synced")
	return nil
}

// acted answers an act: where it was done, or the page again with why it was not.
func (v *visit) acted(err error, to string, again func(problem string) error) error {
	if err == nil {
		v.redirect(to)
		return nil
	}
	if problem := v.exchangeProblem(err); problem != "" {
		return again(problem)
	}
	return err
}

// exchanged answers an act of the page of the coalition.
func (s *server) exchanged(v *visit, err error, done string) error {
	return v.acted(err, "/exchange?done="+done, func(problem string) error {
		return s.showExchange(v, exchangeBody{Problem: problem})
	})
}

func (s *server) takeCase(v *visit) error {
	ctx, cancel := v.patient() // its files are read whole
	defer cancel()
	return s.exchanged(v, s.reg.TakeCase(ctx, v.session, v.r.PostFormValue("case")), "taken")
}

func (s *server) handBack(v *visit) error {
	return s.exchanged(v, s.reg.HandCase(v.r.Context(), v.session, v.r.PostFormValue("case"), v.r.PostFormValue("to"), v.r.PostFormValue("reason")), "back")
}

func (s *server) revokeKept(v *visit) error {
	_, err := s.reg.RevokeKept(v.r.Context(), v.session, v.r.PostFormValue("case"), v.r.PostFormValue("to"), v.r.PostFormValue("reason"))
	return s.exchanged(v, err, "revoked")
}

// handCase hands a case over; what is not done is told on the page of the case.
func (s *server) handCase(v *visit) error {
	id := v.r.PathValue("id")
	form := accessForm{act: "hand", to: v.r.PostFormValue("to"), reason: v.r.PostFormValue("reason")}
	err := s.reg.HandCase(v.r.Context(), v.session, id, form.to, form.reason)
	return v.acted(err, "/exchange?done=handed", func(string) error {
		form.refused, v.status = err, http.StatusUnprocessableEntity
		return s.showCase(v, caseForms{access: form})
	})
}

// commonLikeness is from which likeness on two rows are shown.
const commonLikeness = 0.7

type commonBody struct {
	Problem, Done string
	Round         string
	MayOffer      bool
	Own, Others   []string
	Found         []commonRow
	Asked         []commonRow
	Proposed      []commonRow
}

// commonRow is a pair, or what was said of one.
type commonRow struct {
	ID, Row          string // of the proposal; encoding and row
	Case, Href, Node string
	Theirs           string
	Likeness         string
	Said             string // what was decided, or that it can't be any more
	Open             bool
}

func (s *server) commonPage(v *visit) error {
	return s.showCommon(v, commonBody{Done: v.exchangeDone("offered", "proposed", "same", "different", "withdrawn")})
}

func (s *server) showCommon(v *visit, body commonBody) error {
	if body.Problem != "" {
		v.status = http.StatusUnprocessableEntity
	}
	c, err := s.reg.CommonCases(v.r.Context(), v.session, commonLikeness)
	if errors.Is(err, registry.ErrNoCoalition) {
		return s.showExchange(v, exchangeBody{})
	}
	if err != nil {
		return err
	}
	body.MayOffer = s.reg.MayEncode(v.session)
	for _, e := range c.Encodings {
		line := v.T("common.list", v.Number(e.Rows), v.moment(e.At))
		switch {
		case e.Node == "":
			body.Own = append(body.Own, line)
		case e.Comparable:
			body.Others = append(body.Others, e.Node+": "+line)
		default:
			body.Others = append(body.Others, e.Node+": "+line+" "+v.T("common.not_comparable"))
		}
	}
	alike := func(p float64) string { return v.T("common.alike", v.chance(p)) }
	for _, p := range c.Found {
		body.Found = append(body.Found, commonRow{Row: p.Encoding + "/" + strconv.Itoa(p.Row), Case: caseName(p.Case), Href: casePath(p.Case), ID: p.Case.ID, Node: p.Node, Likeness: alike(p.Likeness)})
	}
	proposals := func(list []registry.CommonProposal) (rows []commonRow) {
		for _, p := range list {
			row := commonRow{ID: p.ID, Node: p.Node, Likeness: alike(p.Likeness), Theirs: caseName(p.Theirs)}
			if p.Ours.ID != "" {
				row.Case, row.Href = caseName(p.Ours), casePath(p.Ours)
			}
			switch {
			case p.Decision != nil:
				text, _, who := v.verdict(*p.Decision)
				row.Said = join([]string{text, who})
			case p.Stale:
				row.Said = v.T("common.stale")
			default:
				row.Open = true
			}
			rows = append(rows, row)
		}
		return rows
	}
	body.Asked, body.Proposed = proposals(c.Asked), proposals(c.Proposed)
	return s.show(v, "common", v.T("common.title"), body)
}

// commonDone answers an act of the page of common cases.
func (s *server) commonDone(v *visit, err error, done string) error {
	return v.acted(err, "/common?done="+done, func(problem string) error {
		return s.showCommon(v, commonBody{Problem: problem})
	})
}

// offerCommon offers the own cases as rows. The key is used and not kept.
func (s *server) offerCommon(v *visit) error {
	key, schema, problem, err := v.encodingForm()
	if err != nil {
		return err
	}
	if problem != "" {
		return s.showCommon(v, commonBody{Problem: v.T(problem), Round: schema.Round})
	}
	ctx, cancel := v.patient()
	defer cancel()
	_, err = s.reg.OfferEncoding(ctx, v.session, key, schema)
	return s.commonDone(v, err, "offered")
}

func (s *server) proposeCommon(v *visit) error {
	encoding, row, ok := strings.Cut(v.r.PostFormValue("row"), "/")
	n, err := strconv.Atoi(row)
	if !ok || err != nil {
		return errBadRequest
	}
	_, err = s.reg.ProposeCommon(v.r.Context(), v.session, v.r.PostFormValue("case"), encoding, n, v.r.PostFormValue("reason"))
	return s.commonDone(v, err, "proposed")
}

func (s *server) answerCommon(v *visit) error {
	verdict := registry.Verdict(v.r.PostFormValue("verdict"))
	if verdict != registry.Same && verdict != registry.Different {
		return errBadRequest
	}
	_, err := s.reg.AnswerCommon(v.r.Context(), v.session, v.r.PostFormValue("proposal"), verdict, v.r.PostFormValue("reason"))
	return s.commonDone(v, err, string(verdict))
}

func (s *server) withdrawCommon(v *visit) error {
	_, err := s.reg.WithdrawEncodings(v.r.Context(), v.session, v.r.PostFormValue("reason"))
	return s.commonDone(v, err, "withdrawn")
}
