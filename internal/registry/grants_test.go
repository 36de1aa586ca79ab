// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// house is a register with organisations and several members in each. All
// people are invented.
type house struct {
	*register
	orgs    map[string]string // name → id
	people  map[string]*access.Session
	secrets map[string]string // passphrases
}

// newHouse adds to the two organisations of newRegister, which count, a third
// that is kept apart, and people to all of them. aigerim coordinates and is a
// member of all; the others are of one each.
func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{register: newRegister(t), orgs: map[string]string{}, people: map[string]*access.Session{}, secrets: map[string]string{}}
	if _, err := h.AddOrganisation(context.Background(), h.session, NewOrganisation{Name: "Apart"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"North", "South", "Apart"} {
		org, ok := h.Organisation(context.Background(), name)
		if !ok {
			t.Fatalf("no organisation %s", name)
		}
		h.orgs[name] = org.ID
	}
	h.people["aigerim"], h.secrets["aigerim"] = h.session, testPassphrase
	h.join("asel", "North", access.CaseWorker)
	h.join("nurlan", "North", access.CaseWorker)
	h.join("rustem", "North", access.Reviewer)
	h.join("madina", "South", access.CaseWorker)
	h.join("timur", "South", access.Lawyer)
	h.join("olga", "South", access.Analyst)
	h.join("dana", "Apart", access.Clinician)
	h.join("zhanna", "Apart", access.Administrator)
	return h
}

// join invites somebody, who accepts.
func (h *house) join(name, org string, roles ...access.Role) {
	h.t.Helper()
	ctx := context.Background()
	h.prove()
	code, _, err := h.Invite(ctx, h.people["aigerim"], NewInvitation{Name: name, Lang: "ru", Orgs: []string{h.orgs[org]}, Roles: roles})
	if err != nil {
		h.t.Fatal(err)
	}
	_, passphrase, err := h.Accept(ctx, code, Acceptance{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.secrets[name] = passphrase
	h.signIn(name)
}

// prove makes the coordinator's session fresh, whatever day it is by now.
func (h *house) prove() {
	h.t.Helper()
	h.signIn("aigerim")
	h.session = h.people["aigerim"]
}

func (h *house) signIn(name string) {
	h.t.Helper()
	s, err := h.SignIn(context.Background(), name, h.secrets[name])
	if err != nil {
		h.t.Fatalf("%s can't sign in: %v", name, err)
	}
	h.people[name] = s
}

// again opens the register anew and signs everybody in who had signed in.
func (h *house) again() {
	h.t.Helper()
	h.reopen()
	for name := range h.people {
		h.signIn(name)
	}
	h.session = h.people["aigerim"]
}

// later lets time pass; everybody signs in again.
func (h *house) later(d time.Duration) {
	h.t.Helper()
	h.clock.t = h.clock.t.Add(d)
	for name := range h.people {
		h.signIn(name)
	}
	h.session = h.people["aigerim"]
}

func (h *house) grant(by, caseID, to string, part access.Part, until string) GrantView {
	h.t.Helper()
	g := NewGrant{To: to, Part: part}
	if until != "" {
		d, err := edtf.ParseDay(until)
		if err != nil {
			h.t.Fatal(err)
		}
		g.Until = d
	}
	h.clock.t = h.clock.t.Add(time.Second)
	h.signIn(by)
	v, err := h.Grant(context.Background(), h.people[by], caseID, g)
	if err != nil {
		h.t.Fatalf("%s can't grant to %s: %v", by, to, err)
	}
	return v
}

// sees is what somebody gets of a case by every way there is: nothing, facts,
// all. Ways that do not agree fail the test.
func (h *house) sees(name, caseID string) string {
	h.t.Helper()
	ctx, s := context.Background(), h.people[name]
	ways := map[string]string{}
	say := func(way string, there, named bool) {
		switch {
		case named:
			ways[way] = "all"
		case there:
			ways[way] = "facts"
		default:
			ways[way] = "nothing"
		}
	}
	has := func(rows []Row) (there, named bool) {
		for _, row := range rows {
			if row.ID == caseID {
				return true, row.Name != "" || row.ExternalID != ""
			}
		}
		return false, false
	}
	must := func(err error) {
		if err != nil {
			h.t.Helper()
			h.t.Fatal(err)
		}
	}
	truth, err := h.index.Row(ctx, caseID, h.clockNow(), nil)
	must(err)
	list, err := h.Cases(ctx, s, Query{Limit: 200})
	must(err)
	there, named := has(list.Rows)
	say("list", there, named)
	facet := 0
	for _, f := range list.Facets {
		if f.ID == "region" {
			for _, v := range f.Values {
				facet += v.Count
			}
		}
	}
	if facet != len(list.Rows) || list.Total != len(list.Rows) { // every case of the tests has one region
		h.t.Errorf("%s: the list has %d rows, of a total of %d, and its facet counts %d", name, len(list.Rows), list.Total, facet)
	}
	byID, err := h.Case(ctx, s, caseID, Clock{})
	if err != nil && !errors.Is(err, ErrNotFound) {
		h.t.Fatal(err)
	}
	text := fmt.Sprintf("%+v", byID.Row) + texts(byID)
	say("case", err == nil, strings.Contains(text, "Болат") || strings.Contains(text, "Омаров") || strings.Contains(text, planted[0]) || strings.Contains(text, "list: people.csv"))
	byNumber, err := h.Case(ctx, s, truth.Number, Clock{})
	if (err == nil) != (ways["case"] != "nothing") || err == nil && byNumber.Row.ID != caseID {
		h.t.Errorf("%s: by its number the case answers %v", name, err)
	}
	if _, err := h.Case(ctx, s, truth.ExternalID, Clock{}); (err == nil) != (ways["case"] == "all") {
		h.t.Errorf("%s: by the organisation's own number the case answers %v", name, err)
	}
	for way, q := range map[string]Query{
		"search by number": {Text: truth.Number}, "search by part of the number": {Text: truth.Number[:6]},
	} {
		page, err := h.Cases(ctx, s, q)
		must(err)
		there, named := has(page.Rows)
		say(way, there, named)
	}
	for _, q := range []Query{{Text: truth.Name}, {Text: truth.ExternalID}, {Text: strings.Fields(truth.Name)[0]}} {
		page, err := h.Cases(ctx, s, q)
		must(err)
		if there, _ := has(page.Rows); there != (ways["case"] == "all") {
			h.t.Errorf("%s: search by who it is about finds the case: %v, and it is open: %s", name, there, ways["case"])
		}
	}
	figure, err := h.Cases(ctx, s, Query{Figure: "reports", Scope: index.Coalition, Limit: 200})
	switch {
	case errors.Is(err, ErrNotAllowed) && !access.Decide(s.Member, access.Count, access.Thing{}):
	case err != nil:
		h.t.Fatal(err)
	case h.rights.counts[truth.Org]:
		there, named := has(figure.Rows)
		say("behind a figure", there, named)
	}
	for way, got := range ways {
		if got != ways["case"] {
			h.t.Errorf("%s sees by the %s %s of a case, by its page %s", name, way, got, ways["case"])
		}
	}
	return ways["case"]
}

// texts are all words of a case's view.
func texts(v CaseView) string {
	var b strings.Builder
	for _, rec := range v.Records {
		fmt.Fprintln(&b, rec.Kind, rec.Fields, rec.Source)
		for _, c := range rec.History {
			fmt.Fprintln(&b, c.Fields, c.Reason, c.Source)
		}
	}
	for _, row := range v.Same {
		fmt.Fprintf(&b, "%+v\n", row)
	}
	return b.String()
}

func (g *register) clockNow() Clock { return Clock{AsOf: g.Today()} }

// everybody holds what each person sees of a case; who is not named sees nothing.
func (h *house) everybody(what, caseID string, want map[string]string) {
	h.t.Helper()
	for name := range h.people {
		expected := want[name]
		if expected == "" {
			expected = "nothing"
		}
		if got := h.sees(name, caseID); got != expected {
			h.t.Errorf("%s: %s sees %s, want %s", what, name, got, expected)
		}
	}
}

// apartCase enters a case of the organisation that is kept apart.
func (h *house) apartCase() string {
	h.t.Helper()
	ctx := context.Background()
	if _, err := h.Import(ctx, h.people["dana"], h.orgs["Apart"], "list: people.csv", []CaseImport{oneCase("Q-1", "Омаров", "no")}, nil); err != nil {
		h.t.Fatal(err)
	}
	page, err := h.Cases(ctx, h.people["dana"], Query{})
	if err != nil || len(page.Rows) != 1 {
		h.t.Fatal(page.Total, err)
	}
	return page.Rows[0].ID
}

func oneCase(key, family, restricted string) CaseImport {
	return CaseImport{Key: key, Records: func(id string) []Put {
		return []Put{
			{Record: id, Kind: "case", Fields: casefile.Fields{"restricted": {restricted}}},
			{Record: ledger.NewID().String(), Kind: "report", Fields: casefile.Fields{"received": {"2022-01-12"}, "region": {"KZ-75"}}},
			{Record: ledger.NewID().String(), Kind: "person", Fields: casefile.Fields{"role": {"victim"}, "family": {family}, "given": {"Болат"}, "sex": {"m"}, "child": {"no"}}},
		}
	}}
}

func TestWithoutAGrant(t *testing.T) {
	h := newHouse(t)
	apart := h.apartCase()
	h.everybody("a case of the north", h.cases[0], map[string]string{"aigerim": "all", "asel": "all", "nurlan": "all", "rustem": "all", "olga": "facts"})
	h.everybody("a case of the south", h.cases[3], map[string]string{"aigerim": "all", "madina": "all", "timur": "all", "olga": "facts"})
	h.everybody("a case kept apart", apart, map[string]string{"aigerim": "all", "dana": "all"})
}

func TestGrantOpensItsPartAndNoMore(t *testing.T) {
	h := newHouse(t)
	own := map[string]string{"aigerim": "all", "asel": "all", "nurlan": "all", "rustem": "all", "olga": "facts"}
	with := func(more ...string) map[string]string {
		out := map[string]string{}
		for k, v := range own {
			out[k] = v
		}
		for i := 0; i < len(more); i += 2 {
			out[more[i]] = more[i+1]
		}
		return out
	}
	id, other := h.cases[0], h.cases[1]
	h.grant("asel", id, "South", access.Fact, "")
	h.everybody("facts to an organisation", id, with("madina", "facts", "timur", "facts"))
	h.grant("asel", id, "dana", access.Identity, "2022-06-26")
	h.everybody("all to a member", id, with("madina", "facts", "timur", "facts", "dana", "all"))
	h.grant("asel", id, "timur", access.Identity, "")
	h.everybody("more to one of them", id, with("madina", "facts", "timur", "all", "dana", "all"))
	h.everybody("another case", other, own)

	view, err := h.Case(context.Background(), h.people["nurlan"], id, Clock{})
	if err != nil || !view.MayGrant || len(view.Grants) != 3 || view.Grants[0].To != "South" || view.Grants[0].By != "asel" || !view.Grants[0].Org {
		t.Fatalf("the grants are %+v %v", view.Grants, err)
	}

	h.later(24 * time.Hour) // the day before the last
	h.everybody("a day before the end", id, with("madina", "facts", "timur", "all", "dana", "all"))
	h.later(24*time.Hour + 14*time.Hour) // 26 June, 23:00
	h.everybody("on the last day", id, with("madina", "facts", "timur", "all", "dana", "all"))
	h.later(time.Hour)
	h.everybody("the day after", id, with("madina", "facts", "timur", "all"))
	view, err = h.Case(context.Background(), h.people["asel"], id, Clock{})
	if err != nil || len(view.Grants) != 3 || !view.Grants[1].Over {
		t.Errorf("a grant that is over is shown as %+v %v", view.Grants, err)
	}

	h.again()
	h.everybody("after a restart", id, with("madina", "facts", "timur", "all"))
	if err := h.Revoke(context.Background(), h.people["nurlan"], id, view.Grants[2].ID, "the client wishes it"); err != nil {
		t.Fatal(err)
	}
	h.everybody("after one was taken back", id, with("madina", "facts", "timur", "facts"))
	if err := h.Revoke(context.Background(), h.people["nurlan"], id, view.Grants[2].ID, "twice"); !errors.Is(err, ErrNotFound) {
		t.Errorf("taken back twice: %v", err)
	}
	if err := h.Revoke(context.Background(), h.people["asel"], id, view.Grants[0].ID, "no longer needed"); err != nil {
		t.Fatal(err)
	}
	h.everybody("after all were taken back", id, own)
	h.again()
	h.everybody("after another restart", id, own)
	h.verify()

	// A grant to an organisation is to those who belong to it.
	h.grant("asel", id, "South", access.Fact, "")
	h.everybody("granted once more", id, with("madina", "facts", "timur", "facts"))
	h.prove()
	if err := h.LetOut(context.Background(), h.session, h.orgs["South"], h.people["timur"].Member.ID); err != nil {
		t.Fatal(err)
	}
	h.signIn("timur")
	h.everybody("one has left the organisation", id, with("madina", "facts"))
	if err := h.Revoke(context.Background(), h.people["asel"], id, grantTo(t, h, id, "South"), "no longer needed"); err != nil {
		t.Fatal(err)
	}

	// Whoever leaves sees nothing, by no session they still hold.
	h.grant("asel", id, "madina", access.Identity, "")
	h.prove()
	held := h.people["madina"]
	if err := h.EndMember(context.Background(), h.session, held.Member.ID); err != nil {
		t.Fatal(err)
	}
	if _, ok := h.Session(held.Token()); ok {
		t.Error("the session of somebody who has left is still open")
	}
	view, err = h.Case(context.Background(), h.people["asel"], id, Clock{})
	if err != nil || len(view.Grants) != 2 || view.Grants[1].To != held.Member.ID[:8] {
		t.Errorf("the grant of somebody who has left is shown as %+v %v", view.Grants, err)
	}
}

func TestWhoMayGrant(t *testing.T) {
	h := newHouse(t)
	ctx, id := context.Background(), h.cases[0]
	g := NewGrant{To: "dana", Part: access.Fact}
	for name := range h.people {
		asked := id
		want := error(ErrNotFound)
		switch name {
		case "aigerim", "asel", "nurlan":
			asked, want = h.cases[1], nil
		case "rustem", "olga":
			want = ErrNotAllowed
		}
		if _, err := h.Grant(ctx, h.people[name], asked, g); !errors.Is(err, want) {
			t.Errorf("%s grants: %v, want %v", name, err, want)
		}
	}
	h.grant("asel", id, "madina", access.Identity, "")
	h.grant("asel", id, "dana", access.Fact, "")
	view, err := h.Case(ctx, h.people["asel"], id, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"madina", "dana", "olga", "rustem"} { // what was granted is not theirs to hand on, or to see
		s := h.people[name]
		if _, err := h.Grant(ctx, s, id, NewGrant{To: "timur", Part: access.Fact}); err == nil {
			t.Errorf("%s hands on what was granted", name)
		}
		if err := h.Revoke(ctx, s, id, view.Grants[0].ID, "because"); err == nil {
			t.Errorf("%s takes a grant back", name)
		}
		if err := h.Restrict(ctx, s, id, true); err == nil {
			t.Errorf("%s restricts the case", name)
		}
		if _, err := h.Holders(ctx, s, id); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s is told whom the case can be granted to: %v", name, err)
		}
		if v, err := h.Case(ctx, s, id, Clock{}); err != nil || v.MayGrant || v.Grants != nil || strings.Contains(texts(v), grantKind) {
			t.Errorf("%s is told who else reads the case: %+v %v", name, v.Grants, err)
		}
	}
	for want, g := range map[error]NewGrant{
		ErrNoHolder:     {To: "nobody", Part: access.Fact},
		ErrPart:         {To: "dana", Part: "names"},
		ErrUntil:        {To: "dana", Part: access.Fact, Until: h.Today() - 1},
		ErrOwner:        {To: "North", Part: access.Fact},
		ErrOpensNothing: {To: "olga", Part: access.Identity},
	} {
		if _, err := h.Grant(ctx, h.people["asel"], id, g); !errors.Is(err, want) {
			t.Errorf("%+v: %v, want %v", g, err, want)
		}
	}
	if _, err := h.Grant(ctx, h.people["asel"], id, NewGrant{To: "zhanna", Part: access.Fact}); !errors.Is(err, ErrOpensNothing) {
		t.Errorf("facts to an administrator: %v", err)
	}
	if err := h.Revoke(ctx, h.people["asel"], id, view.Grants[0].ID, " "); !errors.Is(err, ErrReason) {
		t.Errorf("taken back without a reason: %v", err)
	}
	holders, err := h.Holders(ctx, h.people["asel"], id)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range holders {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	if got := strings.Join(names, " "); got != "Apart South aigerim nurlan rustem" {
		t.Errorf("the case can be granted to %s", got)
	}
	h.later(access.ProofLimit + time.Minute)
	h.clock.t = h.clock.t.Add(access.ProofLimit + time.Second)
	if _, err := h.Grant(ctx, h.people["asel"], id, g); !errors.Is(err, ErrProof) {
		t.Errorf("granted by a session that is not fresh: %v", err)
	}
	if err := h.Erase(ctx, h.people["aigerim"], id, Erasure{Why: "wish", Reason: "because"}); !errors.Is(err, ErrProof) {
		t.Errorf("erased by a session that is not fresh: %v", err)
	}
	if err := h.Revoke(ctx, h.people["asel"], id, view.Grants[0].ID, "it is urgent"); err != nil {
		t.Errorf("what is urgent waits for a passphrase: %v", err)
	}
}

// node is a node of an organisation's own: it has its identity and what was
// wrapped for it, and nothing else.
type node struct {
	h     *house
	id    *seal.Identity
	taken []ledger.WrappedKey // keys it took along earlier
}

func (h *house) nodeOf(org string) *node {
	h.t.Helper()
	locked, err := h.readLocked(orgFile(h.orgs[org], ".key"))
	if err != nil {
		h.t.Fatal(err)
	}
	opened, err := locked.OpenIdentity(h.people["aigerim"].Keys.Identity)
	if err != nil {
		h.t.Fatal(err)
	}
	return &node{h: h, id: opened.Identity}
}

// take takes along all wrapped keys of a case.
func (n *node) take(caseID string) {
	n.h.t.Helper()
	stream, err := ledger.ParseID(caseID)
	if err != nil {
		n.h.t.Fatal(err)
	}
	n.taken = nil
	err = n.h.log.Keys(context.Background(), stream, func(w ledger.WrappedKey) error {
		w.Wrapped = bytes.Clone(w.Wrapped)
		n.taken = append(n.taken, w)
		return nil
	})
	if err != nil {
		n.h.t.Fatal(err)
	}
}

// opens answers how many entries of a case the node opens with the keys it
// took, and of how many it opens who they are about.
func (n *node) opens(caseID string) (facts, identities int) {
	n.h.t.Helper()
	stream, err := ledger.ParseID(caseID)
	if err != nil {
		n.h.t.Fatal(err)
	}
	vault := seal.NewVault() // the node's own, under which it wraps what was granted at the first opening
	held := map[string]seal.Key{}
	name := func(part seal.Part, epoch uint32) string { return fmt.Sprint(part, epoch) }
	for _, w := range n.taken {
		if w.Holder != ledger.ID(n.id.ID()) {
			continue
		}
		raw, err := n.id.Open(grantLabel(n.h.log.ID(), stream, seal.Part(w.Part), w.Epoch), w.Wrapped)
		if err != nil {
			n.h.t.Fatalf("what was handed over does not open: %v", err)
		}
		wrapped, err := vault.WrapCaseKey(stream, seal.Part(w.Part), w.Epoch, seal.Key(raw))
		if err != nil {
			n.h.t.Fatal(err)
		}
		if held[name(seal.Part(w.Part), w.Epoch)], err = vault.UnwrapCaseKey(stream, seal.Part(w.Part), w.Epoch, wrapped); err != nil {
			n.h.t.Fatal(err)
		}
	}
	authors, err := n.h.authors()
	if err != nil {
		n.h.t.Fatal(err)
	}
	opener := ledger.Opener{Author: authors, Keys: func(h ledger.Header) (seal.CaseKeys, error) {
		return seal.CaseKeys{
			Fact: held[name(seal.FactPart, h.FactEpoch)], FactEpoch: h.FactEpoch,
			Identity: held[name(seal.IdentityPart, h.IdentityEpoch)], IdentityEpoch: h.IdentityEpoch,
		}, nil
	}}
	err = n.h.log.Stream(context.Background(), stream, func(e ledger.Entry) error {
		c, err := opener.Open(e)
		if errors.Is(err, ledger.ErrNoKey) {
			return nil
		}
		if err != nil {
			return err
		}
		facts++
		if !c.IdentityMissing && e.Header.IdentityLen > 0 {
			identities++
		}
		return nil
	})
	if err != nil {
		n.h.t.Fatal(err)
	}
	return facts, identities
}

// note adds a note to a case.
func (h *house) note(by, caseID string) {
	h.t.Helper()
	put := Put{Record: ledger.NewID().String(), Kind: "note", Fields: casefile.Fields{"text": {"Болат called"}}}
	if err := h.Write(context.Background(), h.people[by], caseID, []Put{put}, nil, "", "by hand"); err != nil {
		h.t.Fatal(err)
	}
}

// TestKeysHandedOver simulates nodes of the organisations' own.
func TestKeysHandedOver(t *testing.T) {
	h := newHouse(t)
	ctx, id := context.Background(), h.cases[0]
	south, apart := h.nodeOf("South"), h.nodeOf("Apart")
	look := func(what string, n *node, facts, identities int) {
		t.Helper()
		n.take(id)
		if f, i := n.opens(id); f != facts || i != identities {
			t.Errorf("%s: opens %d entries and %d identities, want %d and %d", what, f, i, facts, identities)
		}
	}
	look("before", south, 0, 0)
	h.grant("asel", id, "South", access.Fact, "2022-06-30") // entry 4, after the case's three
	look("facts", south, 4, 0)
	look("and nothing for others", apart, 0, 0)
	all := h.grant("asel", id, "Apart", access.Identity, "")
	h.note("asel", id)
	look("all", apart, 6, 6)
	look("facts still", south, 6, 0)

	// Taken back: what comes does not open with what they had; the others go on.
	if err := h.Revoke(ctx, h.people["asel"], id, all.ID, "their server was seized"); err != nil {
		t.Fatal(err)
	}
	h.note("asel", id)
	before := apart.taken
	look("forgotten", apart, 0, 0)
	apart.taken = before
	if f, i := apart.opens(id); f != 7 || i != 7 { // the taking back is sealed under the old keys, with its reason
		t.Errorf("with the keys they kept they open %d entries and %d identities, want 7 of each", f, i)
	}
	look("facts go on", south, 8, 0)

	// The last day passes: the next writing makes new keys.
	h.later(7 * 24 * time.Hour)
	look("nobody has written since", south, 8, 0)
	kept := south.taken
	h.note("asel", id) // this one is still sealed under the keys they have
	h.note("asel", id)
	look("the last day has passed", south, 0, 0)
	south.taken = kept
	if f, _ := south.opens(id); f != 9 {
		t.Errorf("with the keys they kept they open %d entries, want 9", f)
	}
	h.note("asel", id)
	if f, _ := south.opens(id); f != 9 {
		t.Errorf("later writings open, too: %d", f)
	}

	// While it is restricted an organisation gets nothing new; then all again.
	h.grant("asel", id, "Apart", access.Fact, "")
	look("granted once more", apart, 12, 0)
	h.signIn("asel")
	if err := h.Restrict(ctx, h.people["asel"], id, true); err != nil {
		t.Fatal(err)
	}
	h.note("asel", id)
	look("restricted", apart, 14, 0) // the restricting and the own grant, and not the note
	if err := h.Restrict(ctx, h.people["asel"], id, false); err != nil {
		t.Fatal(err)
	}
	look("lifted", apart, 16, 0)

	// After an erasure what is left can still be granted.
	h.prove()
	if err := h.Erase(ctx, h.session, id, Erasure{Why: "wish", Reason: "the person asked for it"}); err != nil {
		t.Fatal(err)
	}
	h.grant("asel", id, "South", access.Identity, "")
	south.take(id)
	if f, i := south.opens(id); f != 18 || i != 2 { // the erasure with its reason, and the grant itself
		t.Errorf("after an erasure a grant opens %d entries and %d identities", f, i)
	}
	h.verify()
	h.again()
	h.verify()
}

func TestRestricted(t *testing.T) {
	h := newHouse(t)
	ctx, id := context.Background(), h.cases[0]
	h.grant("asel", id, "South", access.Identity, "")
	h.grant("asel", id, "timur", access.Fact, "")
	if err := h.Restrict(ctx, h.people["asel"], id, true); err != nil {
		t.Fatal(err)
	}
	named := map[string]string{"asel": "all", "timur": "facts"}
	h.everybody("restricted", id, named)
	h.again()
	h.everybody("restricted, after a restart", id, named)
	if _, err := h.Grant(ctx, h.people["asel"], id, NewGrant{To: "Apart", Part: access.Fact}); !errors.Is(err, ErrByName) {
		t.Errorf("a restricted case is granted to an organisation: %v", err)
	}
	view, err := h.Case(ctx, h.people["asel"], id, Clock{})
	if err != nil || !view.Restricted {
		t.Fatal(view.Restricted, err)
	}
	var own string
	for _, g := range view.Grants {
		if g.To == "asel" {
			own = g.ID
		}
	}
	if err := h.Revoke(ctx, h.people["asel"], id, own, "I leave"); !errors.Is(err, ErrLastReader) {
		t.Errorf("the last who sees a case lets go of it: %v", err)
	}
	h.prove()
	north := h.orgs["North"]
	for what, err := range map[string]error{
		"ended":   h.EndMember(ctx, h.session, h.people["asel"].Member.ID),
		"let out": h.LetOut(ctx, h.session, north, h.people["asel"].Member.ID),
	} {
		if !errors.Is(err, ErrLastOne) {
			t.Errorf("the last who sees a case is %s: %v", what, err)
		}
	}
	h.signIn("asel")
	h.grant("asel", id, "nurlan", access.Identity, "2022-12-31")
	if err := h.Revoke(ctx, h.people["asel"], id, own, "I leave"); !errors.Is(err, ErrLastReader) {
		t.Errorf("the last who sees a case without an end lets go of it: %v", err)
	}
	h.grant("asel", id, "nurlan", access.Identity, "")
	if err := h.Revoke(ctx, h.people["asel"], id, own, "I leave"); err != nil {
		t.Error(err)
	}
	h.prove()
	if err := h.LetOut(ctx, h.session, h.orgs["Apart"], h.people["dana"].Member.ID); err != nil {
		t.Errorf("somebody with no such case can't be let out: %v", err)
	}
	h.signIn("dana")
	h.everybody("handed on", id, map[string]string{"nurlan": "all", "timur": "facts"})
	if err := h.Restrict(ctx, h.people["asel"], id, false); !errors.Is(err, ErrNotFound) {
		t.Errorf("who does not see it lifts the restriction: %v", err)
	}
	h.signIn("nurlan")
	h.clock.t = h.clock.t.Add(access.ProofLimit + time.Second)
	if err := h.Restrict(ctx, h.people["nurlan"], id, false); !errors.Is(err, ErrProof) {
		t.Errorf("lifted by a session that is not fresh: %v", err)
	}
	h.signIn("nurlan")
	if err := h.Restrict(ctx, h.people["nurlan"], id, false); err != nil {
		t.Fatal(err)
	}
	h.everybody("lifted", id, map[string]string{"aigerim": "all", "asel": "all", "nurlan": "all", "rustem": "all", "olga": "facts", "madina": "all", "timur": "all"})
}

// TestHistoryReChecksAccessRegression: the history of a record is no way past
// who may read it.
func TestHistoryReChecksAccessRegression(t *testing.T) {
	h := newHouse(t)
	ctx, id := context.Background(), h.cases[0]
	view, err := h.Case(ctx, h.people["asel"], id, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range view.Records {
		if rec.Kind != "person" {
			continue
		}
		fields := casefile.Fields{}
		for f, v := range rec.Fields {
			fields[f] = v
		}
		fields["family"] = []string{"Zhangirov"}
		if err := h.Write(ctx, h.people["asel"], id, []Put{{Record: rec.ID, Kind: "person", Fields: fields}}, nil, "Болат told us himself", "by hand of Болат"); err != nil {
			t.Fatal(err)
		}
		if err := h.Write(ctx, h.people["asel"], id, nil, []Put{{Record: rec.ID, Kind: "person"}}, "Болат wishes it", "by hand"); err != nil {
			t.Fatal(err)
		}
	}
	h.grant("asel", id, "South", access.Fact, "")
	for _, name := range []string{"madina", "olga"} {
		for _, known := range []time.Time{{}, h.clock.t} {
			view, err := h.Case(ctx, h.people[name], id, Clock{KnownBy: known})
			if err != nil {
				t.Fatal(err)
			}
			said := fmt.Sprintf("%+v", view) + texts(view)
			for _, secret := range append([]string{"Болат", "Zhangirov", "by hand"}, planted...) {
				if strings.Contains(said, secret) {
					t.Errorf("%s reads %q in the history", name, secret)
				}
			}
			if !strings.Contains(said, "KZ-75") {
				t.Error("nothing was looked at")
			}
		}
	}
	// What was known while a grant held is no grant now.
	before := h.clock.t
	if err := h.Revoke(ctx, h.people["asel"], id, grantTo(t, h, id, "South"), "over"); err != nil {
		t.Fatal(err)
	}
	h.later(time.Hour)
	if _, err := h.Case(ctx, h.people["madina"], id, Clock{KnownBy: before}); !errors.Is(err, ErrNotFound) {
		t.Errorf("as known while the grant held the case is open: %v", err)
	}
	if page, err := h.Cases(ctx, h.people["madina"], Query{Clock: Clock{KnownBy: before}}); err != nil || page.Total != 3 {
		t.Errorf("as known while the grant held the list has %d: %v", page.Total, err)
	}
}

func grantTo(t *testing.T, h *house, id, to string) string {
	t.Helper()
	view, err := h.Case(context.Background(), h.people["asel"], id, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range view.Grants {
		if g.To == to {
			return g.ID
		}
	}
	t.Fatalf("no grant to %s", to)
	return ""
}

// TestRelationsDoNotRevealTheirTargetRegression: what points to a case that is
// not open says nothing about it, not that it is there.
func TestRelationsDoNotRevealTheirTargetRegression(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	one, two, three := h.cases[0], h.cases[3], h.cases[4]
	for _, pair := range [][2]string{{one, two}, {two, three}} {
		if _, err := h.Decide(ctx, h.session, Decision{A: pair[0], B: pair[1], Verdict: Same, Reason: "the same man"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Restrict(ctx, h.people["madina"], two, true); err != nil {
		t.Fatal(err)
	}
	numbers := map[string]string{}
	for _, id := range h.cases {
		row, err := h.index.Row(ctx, id, h.clockNow(), nil)
		if err != nil {
			t.Fatal(err)
		}
		numbers[id] = row.Number
	}
	for name, sees := range map[string][]string{"asel": {one}, "timur": {three}, "olga": {one, three}, "aigerim": {one, three}, "madina": {two, three}} {
		for _, id := range sees {
			view, err := h.Case(ctx, h.people[name], id, Clock{})
			if err != nil {
				t.Fatal(name, err)
			}
			if view.Row.Others != len(sees)-1 || len(view.Same) != len(sees)-1 || !slices.Contains(sees, view.Row.Cluster) {
				t.Errorf("%s: %d others, %d links, cluster %s", name, view.Row.Others, len(view.Same), view.Row.Cluster)
			}
			said, err := json.Marshal(view)
			if err != nil {
				t.Fatal(err)
			}
			for _, other := range []string{one, two, three} {
				if !slices.Contains(sees, other) && (strings.Contains(string(said), other) || strings.Contains(string(said), numbers[other])) {
					t.Errorf("%s: the page of a case names another that is not open", name)
				}
			}
		}
	}
	found, err := h.Propose(ctx, h.people["aigerim"])
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range found.Proposals {
		if p.A.ID == two || p.B.ID == two {
			t.Error("a proposal names a case that is not open")
		}
	}
	if _, err := h.Decide(ctx, h.session, Decision{A: one, B: two, Verdict: Different}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a decision about a case that is not open: %v", err)
	}
	if _, err := h.Decide(ctx, h.session, Decision{A: one, B: strings.Repeat("ab", 16), Verdict: Different}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a decision about no case: %v", err)
	}
	records, err := h.index.Outside(ctx, "match", allKnown)
	if err != nil || len(records) != 2 {
		t.Fatal(len(records), err)
	}
	for _, m := range records {
		if err := h.Undo(ctx, h.session, m.ID, "no"); !errors.Is(err, ErrNotFound) {
			t.Errorf("a decision about a case that is not open is taken back: %v", err)
		}
	}
}

// TestBulkEditKeepsAccessRegression: neither a list nor an edit changes whose a
// case is, who may know of it, or who reads it.
func TestBulkEditKeepsAccessRegression(t *testing.T) {
	h := newHouse(t)
	ctx, id := context.Background(), h.cases[1]
	south, asel := h.orgs["South"], h.people["asel"]
	if err := h.Restrict(ctx, asel, id, true); err != nil {
		t.Fatal(err)
	}
	before := h.see(asel.Member)(id)
	view, err := h.Case(ctx, asel, id, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	row := view.Row
	caseFields := func(change func(casefile.Fields)) casefile.Fields {
		f := casefile.Fields{"org": {h.orgs["North"]}, "number": {row.Number}, "restricted": {"yes"}, "external_id": {row.ExternalID}}
		change(f)
		return f
	}
	grant := casefile.Fields{"member": {h.people["madina"].Member.ID}, "part": {"identity"}}
	for what, put := range map[string]Put{
		"the organisation":    {Record: id, Kind: "case", Fields: caseFields(func(f casefile.Fields) { f["org"] = []string{south} })},
		"two organisations":   {Record: id, Kind: "case", Fields: caseFields(func(f casefile.Fields) { f["org"] = append(f["org"], south) })},
		"the number":          {Record: id, Kind: "case", Fields: caseFields(func(f casefile.Fields) { f["number"] = []string{"K-1"} })},
		"the restriction":     {Record: id, Kind: "case", Fields: caseFields(func(f casefile.Fields) { delete(f, "restricted") })},
		"a second case":       {Record: ledger.NewID().String(), Kind: "case", Fields: caseFields(func(f casefile.Fields) { f["org"] = []string{south} })},
		"a grant":             {Record: ledger.NewID().String(), Kind: grantKind, Fields: grant},
		"a grant as the case": {Record: id, Kind: grantKind, Fields: grant},
		"a member":            {Record: ledger.NewID().String(), Kind: "member", Fields: casefile.Fields{"name": {"mallory"}}},
		"a promise":           {Record: ledger.NewID().String(), Kind: "commitment", Fields: casefile.Fields{"says": {"nothing"}}},
	} {
		if err := h.Write(ctx, asel, id, []Put{put}, nil, "", ""); err == nil {
			t.Errorf("an edit put %s", what)
		}
		if put.Kind == "case" && put.Record == id {
			continue // what a list says of the case itself is not taken in again
		}
		list := []CaseImport{oneCase("fresh", "Омаров", "no"), {Key: row.ExternalID, Records: func(caseID string) []Put { return []Put{put} }}}
		if _, err := h.Import(ctx, asel, h.orgs["North"], "list: evil.csv", list, nil); err == nil {
			t.Errorf("a list put %s", what)
		}
	}
	// Neither can a grant be withdrawn by an edit.
	own := grantTo(t, h, id, "asel")
	if err := h.Write(ctx, asel, id, nil, []Put{{Record: own, Kind: grantKind}}, "", ""); err == nil {
		t.Error("an edit took a grant back")
	}
	// The whole list again, by somebody to whom the restricted case is not open:
	// it is taken in as another case, and the one that is there stays as it is.
	result, err := h.Import(ctx, h.people["nurlan"], h.orgs["North"], "list: people.csv", []CaseImport{oneCase(row.ExternalID, "Омаров", "no")}, nil)
	if err != nil || result.New != 1 || result.Changed+result.Same != 0 {
		t.Errorf("a list with the number of a restricted case is %+v %v: it tells that the case is there", result, err)
	}
	if now, _ := h.thing(id); !now.Restricted || now.Org != h.orgs["North"] || len(now.Grants) != 1 || h.see(asel.Member)(id) != before {
		t.Errorf("who may read the case has changed: %+v", now)
	}
	// A list may restrict what it brings new; its importer sees it, others do not.
	if _, err := h.Import(ctx, asel, h.orgs["North"], "list: quiet.csv", []CaseImport{oneCase("quiet", "Омаров", "yes")}, nil); err != nil {
		t.Fatal(err)
	}
	page, err := h.Cases(ctx, asel, Query{Text: "quiet"})
	if err != nil || page.Total != 1 {
		t.Fatal(page.Total, err)
	}
	h.everybody("a case restricted by its list", page.Rows[0].ID, map[string]string{"asel": "all"})
}

// TestAssigneeNamesInListsRegression: who works with a case, and who else reads
// it, is told to those alone who may say so.
func TestAssigneeNamesInListsRegression(t *testing.T) {
	h := newHouse(t)
	ctx, id := context.Background(), h.cases[0]
	h.grant("asel", id, "dana", access.Fact, "")
	h.grant("asel", id, "South", access.Identity, "")
	ids := map[string]string{}
	for name, s := range h.people {
		ids[name] = s.Member.ID
	}
	for _, reader := range []string{"rustem", "madina", "dana", "olga"} {
		s := h.people[reader]
		view, err := h.Case(ctx, s, id, Clock{})
		if err != nil {
			t.Fatal(err)
		}
		page, err := h.Cases(ctx, s, Query{Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		var over any
		if reader != "dana" || access.Decide(s.Member, access.Count, access.Thing{}) {
			if over, err = h.Overview(ctx, s, OverviewQuery{}); err != nil {
				t.Fatal(err)
			}
		}
		said := fmt.Sprintf("%+v %+v %+v %s", view.Row, page, over, texts(view))
		for name := range ids {
			if strings.Contains(said, name) {
				t.Errorf("%s is told of %s", reader, name)
			}
		}
		if _, _, err := h.Members(ctx, s); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s is told who the members are: %v", reader, err)
		}
		for _, rec := range view.Records {
			if rec.Kind == grantKind {
				t.Errorf("%s is shown a grant", reader)
			}
		}
		for name, other := range ids { // and nobody finds the cases of a member
			for _, q := range []string{name, other} {
				if page, err := h.Cases(ctx, s, Query{Text: q}); err != nil || page.Total != 0 {
					t.Errorf("%s finds %d cases by a member's name or id: %v", reader, page.Total, err)
				}
			}
		}
	}
}

// TestObjectIdsInFormsRegression: an id that somebody knows opens nothing that
// is not open to them; what is not open is told like what is not there.
func TestObjectIdsInFormsRegression(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	mine, theirs, none := h.cases[3], h.cases[0], strings.Repeat("ab", 16)
	g := h.grant("asel", theirs, "Apart", access.Fact, "")
	madina := h.people["madina"]
	view, err := h.Case(ctx, h.people["asel"], theirs, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	var person *casefile.Record
	for _, rec := range view.Records {
		if rec.Kind == "person" {
			person = rec
		}
	}
	for _, id := range []string{theirs, view.Row.Number, view.Row.ExternalID, none, "K-1", "", " ", person.ID, g.ID} {
		for what, err := range map[string]error{
			"read":     second(h.Case(ctx, madina, id, Clock{})),
			"write":    h.Write(ctx, madina, id, []Put{{Record: ledger.NewID().String(), Kind: "note", Fields: casefile.Fields{"text": {"x"}}}}, nil, "", ""),
			"grant":    second(h.Grant(ctx, madina, id, NewGrant{To: "timur", Part: access.Fact})),
			"revoke":   h.Revoke(ctx, madina, id, g.ID, "because"),
			"restrict": h.Restrict(ctx, madina, id, true),
			"erase":    h.Erase(ctx, madina, id, Erasure{Why: "wish", Reason: "because"}),
			"holders":  second(h.Holders(ctx, madina, id)),
		} {
			if !errors.Is(err, ErrNotFound) || err.Error() != ErrNotFound.Error() {
				t.Errorf("%s by %q: %v", what, id, err)
			}
		}
	}
	// In one's own case, the ids of another's.
	for what, err := range map[string]error{
		"a grant of another case":    h.Revoke(ctx, madina, mine, g.ID, "because"),
		"a record of another case":   h.Write(ctx, madina, mine, nil, []Put{{Record: person.ID, Kind: "person"}}, "", ""),
		"another case as the record": h.Write(ctx, madina, mine, nil, []Put{{Record: theirs, Kind: "case"}}, "", ""),
	} {
		if err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	// A record with another's id is a record of its own and changes nothing there.
	if err := h.Write(ctx, madina, mine, []Put{{Record: person.ID, Kind: "note", Fields: casefile.Fields{"text": {"x"}}}}, nil, "", ""); err != nil {
		t.Fatal(err)
	}
	again, err := h.Case(ctx, h.people["asel"], theirs, Clock{})
	if err != nil || texts(again) != texts(view) {
		t.Errorf("a record of another case was changed: %v", err)
	}
	// Ids in filters select nothing more; cursors neither.
	for _, q := range []Query{
		{Facets: map[string][]string{"org": {h.orgs["North"]}}}, {Facets: map[string][]string{"org": {h.orgs["North"], h.orgs["South"]}}},
		{Sort: "number", After: cursorOf(t, h)}, {Text: theirs}, {Text: g.ID},
	} {
		page, err := h.Cases(ctx, madina, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Rows {
			if row.Org != h.orgs["South"] {
				t.Errorf("%+v selects a case of another organisation", q)
			}
		}
	}
	if _, err := h.Cases(ctx, h.people["dana"], Query{Figure: "reports", Scope: h.orgs["North"]}); !errors.Is(err, ErrNotFound) {
		t.Errorf("the figures of another organisation: %v", err)
	}
	if _, err := h.Cases(ctx, h.people["zhanna"], Query{Figure: "reports"}); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("who may not count is told how many cases there are: %v", err)
	}
	// Where a text is searched, the next page's name says nothing about what is not open.
	for _, text := range []string{"Омаров", "Болат"} {
		var cursors []string
		for range 2 {
			page, err := h.Cases(ctx, madina, Query{Text: text, Limit: 1})
			if err != nil || page.Next == "" {
				t.Fatal(page.Total, err)
			}
			cursors = append(cursors, page.Next)
			if _, err := h.Import(ctx, h.people["asel"], h.orgs["North"], "list: more.csv", []CaseImport{oneCase(ledger.NewID().String(), text, "no")}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if cursors[0] != cursors[1] {
			t.Errorf("a case that is not open changes the name of the next page")
		}
	}
}

func second[T any](_ T, err error) error { return err }

// cursorOf is a cursor of a list of somebody else.
func cursorOf(t *testing.T, h *house) string {
	t.Helper()
	page, err := h.Cases(context.Background(), h.people["asel"], Query{Sort: "number", Limit: 1})
	if err != nil || page.Next == "" {
		t.Fatal(err)
	}
	return page.Next
}
