// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"fmt"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/encoded"
	"github.com/kua-registry/kua/internal/registry"
)

func (f *fake) Allied() bool { return !f.alone }

// Exchange is how the invented node stands: with all that can be wrong, or quiet.
func (f *fake) Exchange(context.Context, *access.Session) (registry.ExchangeView, error) {
	v := registry.ExchangeView{
		Name: "Солтүстік " + hostile, Fingerprint: "0a1b 2c3d 4e5f 6071 8293 a4b5 c6d7 e8f9", Relay: "ffee ddcc bbaa 9988 7766 5544 3322 1100", Address: "https://relay.sample.example:8443",
		Entries: 1234, Nodes: []registry.NodeView{
			{ID: "n1", Name: "Оңтүстік", Fingerprint: "1111 2222 3333 4444 5555 6666 7777 8888", Introduced: true, Seen: moment("2022-06-20T08:00:00Z"), SeenAt: 1200},
			{ID: "n2", Name: hostile, Pack: "kg", Fingerprint: "9999 2222 3333 4444 5555 6666 7777 8888"},
		},
	}
	if f.empty {
		v.Nodes = nil
		return v, f.fails
	}
	v.Waiting, v.Sending, v.Coming, v.Came, v.Missing = 3, 2, 4, 1, 17
	v.Own = registry.OwnView{Waits: true, Back: 12, Closed: 3}
	v.Forks = []registry.Fork{{Ours: "kua\n12\nours", Theirs: "kua\n12\n" + hostile}}
	v.Refused = []registry.RefusedView{{Record: caseOne, Version: 7, Why: "words of commands"}}
	v.Held = []registry.HeldView{{Record: caseTwo, Why: "words of commands"}, {Record: caseThree, Why: "words of commands", Waits: true}}
	return v, f.fails
}

func (f *fake) Sync(ctx context.Context, s *access.Session) (registry.ExchangeView, error) {
	if f.refuses != nil {
		return registry.ExchangeView{}, f.refuses
	}
	f.did = append(f.did, "sync")
	return f.Exchange(ctx, s)
}

func (f *fake) HandedCases(context.Context, *access.Session) ([]registry.Row, error) {
	if f.empty {
		return nil, f.fails
	}
	row := f.rows()[1]
	row.Org, row.OrgName, row.Name = orgSouth, "Южный пример", hostile
	return []registry.Row{row}, f.fails
}

func (f *fake) KeptCases(context.Context, *access.Session) ([]registry.Row, error) {
	if f.empty {
		return nil, f.fails
	}
	row := f.rows()[2]
	row.OrgName = hostile
	return []registry.Row{row}, f.fails
}

func (f *fake) HandCase(_ context.Context, s *access.Session, id, to, reason string) error {
	switch {
	case f.refuses != nil:
		return f.refuses
	case strings.TrimSpace(reason) == "":
		return registry.ErrReason
	case !f.sessions.Fresh(s):
		return registry.ErrProof
	}
	f.did = append(f.did, fmt.Sprintf("handed %s to %s: %s", id, to, reason))
	return nil
}

func (f *fake) TakeCase(_ context.Context, _ *access.Session, id string) error {
	if f.refuses != nil {
		return f.refuses
	}
	f.did = append(f.did, "taken "+id)
	return nil
}

func (f *fake) CommonCases(context.Context, *access.Session, float64) (registry.CommonCases, error) {
	if f.alone {
		return registry.CommonCases{}, registry.ErrNoCoalition
	}
	if f.empty {
		return registry.CommonCases{}, f.fails
	}
	rows := f.rows()
	theirs := registry.Row{ID: caseThree, Number: "K-7777777", OrgName: "Южный пример"}
	at := moment("2022-06-20T08:00:00Z")
	decided := registry.MatchDecision{ID: "d1", A: rows[0].ID, B: theirs.ID, Verdict: registry.Different, Who: hostile, At: at}
	return registry.CommonCases{
		Encodings: []registry.EncodingView{{ID: "e0", Rows: 120, At: at}, {ID: "e1", Node: "Оңтүстік", Rows: 90, At: at, Comparable: true}, {ID: "e2", Node: hostile, Rows: 3, At: at}},
		Found:     []registry.CommonPair{{Case: rows[0], Node: "Оңтүстік", Encoding: "e1", Row: 7, Likeness: .931}},
		Asked: []registry.CommonProposal{
			{ID: "p1", Ours: rows[0], Theirs: theirs, Node: "Оңтүстік", Likeness: .87, At: at},
			{ID: "p2", Theirs: theirs, Node: hostile, Likeness: .71, At: at, Stale: true},
		},
		Proposed: []registry.CommonProposal{
			{ID: "p3", Ours: rows[1], Node: "Оңтүстік", Likeness: .8, At: at},
			{ID: "p4", Ours: rows[0], Theirs: theirs, Node: "Оңтүстік", Likeness: .9, At: at, Decision: &decided},
		},
	}, f.fails
}

func (f *fake) OfferEncoding(_ context.Context, s *access.Session, _ encoded.Key, schema encoded.Schema) (registry.OfferedEncoding, error) {
	switch {
	case f.refuses != nil:
		return registry.OfferedEncoding{}, f.refuses
	case !f.sessions.Fresh(s):
		return registry.OfferedEncoding{}, registry.ErrProof
	}
	f.did = append(f.did, "offered "+schema.Round)
	return registry.OfferedEncoding{ID: "e3"}, nil
}

func (f *fake) WithdrawEncodings(_ context.Context, _ *access.Session, reason string) (int, error) {
	switch {
	case f.refuses != nil:
		return 0, f.refuses
	case strings.TrimSpace(reason) == "":
		return 0, registry.ErrReason
	}
	f.did = append(f.did, "withdrawn: "+reason)
	return 1, nil
}

func (f *fake) ProposeCommon(_ context.Context, _ *access.Session, id, encoding string, row int, reason string) (string, error) {
	if f.refuses != nil {
		return "", f.refuses
	}
	f.did = append(f.did, fmt.Sprintf("proposed %s %s %d %s", id, encoding, row, reason))
	return "p9", nil
}

func (f *fake) AnswerCommon(_ context.Context, _ *access.Session, proposal string, verdict registry.Verdict, reason string) (string, error) {
	if f.refuses != nil {
		return "", f.refuses
	}
	f.did = append(f.did, fmt.Sprintf("answered %s %s %s", proposal, verdict, reason))
	return "d9", nil
}
