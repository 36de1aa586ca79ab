// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/registry"
)

// northern is what stands in a case of the north; the people are invented.
type northern struct {
	planted    []string // family, given, latin, iin, phone, address, number of the list, words
	restricted bool
	id, number string
	records    []string
}

const founderPassphrase = "seven more words only the founder knows"

// northAndSouth makes a register of two organisations with the cases of the
// north, and answers the passphrases of a worker of each, who may start it.
func northAndSouth(t *testing.T, dir string, cases []*northern) map[string]string {
	t.Helper()
	ctx := context.Background()
	p := &program{now: func() time.Time { return today }, stretch: quick(), rulebook: rulebook, err: os.Stderr}
	passphrases := map[string]string{"north": "seven good words only northerners know", "south": "seven other words only southerners know"}
	reg, founder, err := registry.Create(ctx, dir, registry.FirstMember{Name: "founder", Lang: "en", Passphrase: founderPassphrase}, p.options())
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	members := map[string]*access.Session{}
	for _, name := range []string{"North", "South"} {
		org, err := reg.AddOrganisation(ctx, founder, registry.NewOrganisation{Name: name, Counts: true})
		if err != nil {
			t.Fatal(err)
		}
		who := strings.ToLower(name)
		code, _, err := reg.Invite(ctx, founder, registry.NewInvitation{Name: who, Lang: "en", Orgs: []string{org.ID}, Roles: []access.Role{access.CaseWorker}, Starts: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := reg.Accept(ctx, code, registry.Acceptance{Passphrase: passphrases[who]}); err != nil {
			t.Fatal(err)
		}
		if members[who], err = reg.SignIn(ctx, registry.SignIn{Name: who, Passphrase: passphrases[who]}); err != nil {
			t.Fatal(err)
		}
		take := func(s *access.Session, c *northern) {
			_, err := reg.Import(ctx, s, org.ID, "list: people.csv", []registry.CaseImport{{Key: c.planted[6], Records: func(id string) []registry.Put {
				head := casefile.Fields{}
				if c.restricted {
					head["restricted"] = []string{"yes"}
				}
				return []registry.Put{
					{Record: id, Kind: "case", Fields: head},
					{Record: ledger.NewID().String(), Kind: "report", Fields: casefile.Fields{"received": {"2022-01-12"}, "summary": {c.planted[7]}}},
					{Record: ledger.NewID().String(), Kind: "person", Fields: casefile.Fields{
						"role": {"victim"}, "family": {c.planted[0]}, "given": {c.planted[1]}, "sex": {"m"}, "other_names": {c.planted[2]},
						"iin": {c.planted[3]}, "phones": {c.planted[4]}, "address": {c.planted[5]}}},
				}
			}}}, nil)
			if err != nil {
				t.Fatal(err)
			}
		}
		if who == "south" {
			take(members[who], &northern{planted: []string{"Омаров", "Болат", "Omarov", "1", "2", "3", "S-1", "ничего"}})
			continue
		}
		for _, c := range cases {
			take(members[who], c)
			view, err := reg.Case(ctx, members[who], c.planted[6], registry.Clock{})
			if err != nil {
				t.Fatal(err)
			}
			c.id, c.number = view.Row.ID, view.Row.Number
			for _, rec := range view.Records {
				if rec.ID != c.id {
					c.records = append(c.records, rec.ID)
				}
			}
		}
	}
	return passphrases
}
