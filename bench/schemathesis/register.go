// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
)

// madeUp is a register of people who do not exist: an organisation whose member
// has the keys, with cases of its own and one that is restricted to somebody
// else; and one that is apart from it.
type madeUp struct {
	reg                  *registry.Registry
	whole, second, third string            // keys for everything: one may ask so often a minute
	small, ended, never  string            // other keys
	own, others          map[string]string // ids: case, record, outside
	markers              map[string]string // what must be in no answer → what it is
}

const passphrase = "seven good words nobody else would say"

func makeUp(ctx context.Context, dir string) (*madeUp, error) {
	least := seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1}
	reg, founder, err := registry.Create(ctx, dir, registry.FirstMember{Name: "founder", Lang: "en", Passphrase: passphrase}, registry.Options{Now: time.Now, Stretch: least, Least: least})
	if err != nil {
		return nil, err
	}
	m := &madeUp{reg: reg, markers: map[string]string{}}
	orgs := map[string]string{}
	for _, name := range []string{"Own", "Apart"} {
		org, err := reg.AddOrganisation(ctx, founder, registry.NewOrganisation{Name: name})
		if err != nil {
			return nil, err
		}
		orgs[name] = org.ID
	}
	people := map[string]*access.Session{}
	for who, org := range map[string]string{"asker": "Own", "colleague": "Own", "other": "Apart"} {
		if people[who], err = m.join(ctx, who, orgs[org]); err != nil {
			return nil, err
		}
	}
	for i := range 12 {
		id, record, err := m.take(ctx, people["asker"], orgs["Own"], fmt.Sprintf("own-%d", i), false, "")
		if err != nil {
			return nil, err
		}
		m.own = map[string]string{"case": id, "record": record}
	}
	for i := range 6 {
		who, org := "other", "Apart"
		if i%2 == 1 {
			who, org = "colleague", "Own"
		}
		id, record, err := m.take(ctx, people[who], orgs[org], fmt.Sprintf("KUAHIDDEN%04d", i), true, fmt.Sprintf("KUASECRET%04d", i))
		if err != nil {
			return nil, err
		}
		m.others = map[string]string{"case": id, "record": record}
		m.markers[id], m.markers[record] = "the id of a case that is not open", "the id of a record that is not open"
	}
	m.markers["KUAHIDDEN"], m.markers["KUASECRET"] = "the number of a case that is not open", "words of a case that is not open"
	outside := ledger.NewID().String()
	if err := reg.WritePrograms(ctx, people["asker"], []registry.ProgramWrite{{Record: outside, Kind: "facility", Fields: casefile.Fields{"name": {"A made-up place"}}}}, "", "made up", false); err != nil {
		return nil, err
	}
	m.own["outside"], m.others["outside"] = outside, outside
	asker, err := reg.SignIn(ctx, registry.SignIn{Name: "asker", Passphrase: passphrase})
	if err != nil {
		return nil, err
	}
	for into, scopes := range map[*string][]access.Scope{&m.whole: access.Scopes(), &m.second: access.Scopes(), &m.third: access.Scopes(), &m.small: {access.ReadFacts}, &m.ended: access.Scopes()} {
		made, text, err := reg.MakeAPIKey(ctx, asker, registry.NewAPIKey{Name: "schemathesis", Scopes: scopes, Until: reg.Today().Add(1)})
		if err != nil {
			return nil, err
		}
		*into = text
		if into == &m.ended {
			if err := reg.EndAPIKey(ctx, asker, made.ID); err != nil {
				return nil, err
			}
		}
	}
	m.never = "kua_0123456789abcdef0123456789abcdef_" + m.whole[len(m.whole)-43:]
	return m, nil
}

// join lets somebody in as a case worker, and signs them in.
func (m *madeUp) join(ctx context.Context, who, org string) (*access.Session, error) {
	founder, err := m.reg.SignIn(ctx, registry.SignIn{Name: "founder", Passphrase: passphrase})
	if err != nil {
		return nil, err
	}
	code, _, err := m.reg.Invite(ctx, founder, registry.NewInvitation{Name: who, Lang: "en", Orgs: []string{org}, Roles: []access.Role{access.CaseWorker}})
	if err != nil {
		return nil, err
	}
	if _, _, err := m.reg.Accept(ctx, code, registry.Acceptance{Passphrase: passphrase}); err != nil {
		return nil, err
	}
	return m.reg.SignIn(ctx, registry.SignIn{Name: who, Passphrase: passphrase})
}

// take takes in a case, restricted or not, with a word in each field that could
// name somebody.
func (m *madeUp) take(ctx context.Context, s *access.Session, org, number string, restricted bool, word string) (id, record string, err error) {
	record = ledger.NewID().String()
	row, err := m.reg.NewCase(ctx, s, registry.NewCase{Org: org, ExternalID: number, Restricted: restricted, Records: []registry.Put{
		{Record: record, Kind: "report", Fields: casefile.Fields{"received": {"2022-01-12"}, "region": {"KZ-75"}, "summary": {"made up " + word}}},
		{Record: ledger.NewID().String(), Kind: "person", Fields: casefile.Fields{"role": {"victim"}, "family": {"Madeup" + word}, "given": {"Given" + word}, "sex": {"m"}, "child": {"no"}}},
		{Record: ledger.NewID().String(), Kind: "complaint", Fields: casefile.Fields{"filed": {"yes"}, "date": {"2022-01-20"}}},
		{Record: ledger.NewID().String(), Kind: "note", Fields: casefile.Fields{"text": {"a note " + word}}},
	}})
	return row.ID, record, err
}
