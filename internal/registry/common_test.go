// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/encoded"
	"github.com/kua-registry/kua/internal/ledger"
)

// met adds cases of invented people to a node: "family given birth" each. It
// answers their ids.
func (a *allied) met(i int, people ...string) (ids []string) {
	a.t.Helper()
	var cases []CaseImport
	for k, who := range people {
		f := strings.Fields(who)
		cases = append(cases, CaseImport{Key: fmt.Sprintf("met-%d", k), Records: func(id string) []Put {
			ids = append(ids, id)
			return []Put{
				{Record: id, Kind: "case", Fields: casefile.Fields{}},
				{Record: ledger.NewID().String(), Kind: "person", Fields: casefile.Fields{"role": {"victim"}, "family": {f[0]}, "given": {f[1]}, "birth": {f[2]}, "sex": {"m"}}},
				{Record: ledger.NewID().String(), Kind: "report", Fields: casefile.Fields{"received": {"2022-05-10"}}},
			}
		}})
	}
	if _, err := a.nodes[i].Import(context.Background(), a.members[i], a.orgs[i], "met", cases, nil); err != nil {
		a.t.Fatal(err)
	}
	return ids
}

// offer has a node offer its cases, under the key that all share.
func (a *allied) offer(i int) string {
	a.t.Helper()
	key, err := encoded.NewKey(bytes.NewReader(make([]byte, 32)))
	if err != nil {
		a.t.Fatal(err)
	}
	schema, err := encoded.ReadSchema(bytes.NewReader(encoded.CaseSchema()))
	if err != nil {
		a.t.Fatal(err)
	}
	schema.Round = "spring"
	a.prove(i)
	offered, err := a.nodes[i].OfferEncoding(context.Background(), a.members[i], key, schema)
	if err != nil {
		a.t.Fatal(err)
	}
	return offered.ID
}

func (a *allied) common(i int) CommonCases {
	a.t.Helper()
	c, err := a.nodes[i].CommonCases(context.Background(), a.members[i], 0.7)
	if err != nil {
		a.t.Fatal(err)
	}
	return c
}

// people is how many the coalition counts.
func (a *allied) people(i int) int {
	a.t.Helper()
	stats, err := a.nodes[i].Stats(context.Background(), a.members[i])
	if err != nil {
		a.t.Fatal(err)
	}
	return stats.Units
}

// TestCommonCases holds that nodes find a person they have in common without a
// name, that both sides have their word, that all then count them once, and that
// nobody but the two learns anything on the way.
func TestCommonCases(t *testing.T) {
	ctx := context.Background()
	a := newAllied(t, 3)
	ours := a.met(0, "Жақсыбеков Нұржан 1988-03-04", "Алиев Тимур 1979-11-30")
	theirs := a.met(1, "Мұратова Әсем 1991-01-01", "Жаксыбеков Нуржан 1988-03-04")
	a.met(2, "Қасымов Ерлан 1990-06-06")
	a.settled()
	for i := range a.nodes {
		if a.people(i) != 5 || a.reports(i) != 5 {
			t.Fatalf("node %d: %d people, %d reports of 5", i, a.people(i), a.reports(i))
		}
	}
	for i := range a.nodes {
		a.offer(i)
	}
	a.settled()
	found := a.common(0)
	if len(found.Found) != 1 || found.Found[0].Case.ID != ours[0] || found.Found[0].Node != "Node 1" || len(found.Encodings) != 3 {
		t.Fatalf("%+v", found)
	}
	p := found.Found[0]
	id, err := a.nodes[0].ProposeCommon(ctx, a.members[0], p.Case.ID, p.Encoding, p.Row, "spoke with them")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.nodes[0].ProposeCommon(ctx, a.members[0], p.Case.ID, p.Encoding, p.Row, ""); !errors.Is(err, ErrProposed) {
		t.Errorf("proposed twice: %v", err)
	}
	a.settled()
	if n := a.people(0); n != 5 {
		t.Errorf("one side alone has proposed, and %d people are counted", n)
	}
	if c := a.common(2); len(c.Asked)+len(c.Proposed)+len(c.Found) > 0 {
		t.Errorf("the third learns of it: %+v", c)
	}
	asked := a.common(1).Asked
	if len(asked) != 1 || asked[0].ID != id || asked[0].Ours.ID != theirs[1] || asked[0].Theirs.ID != ours[0] || asked[0].Stale || asked[0].Likeness < 0.7 {
		t.Fatalf("%+v", asked)
	}
	if asked[0].Theirs.Name != "" {
		t.Errorf("the other's name is told: %q", asked[0].Theirs.Name)
	}
	if _, err := a.nodes[0].AnswerCommon(ctx, a.members[0], id, Same, ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("who proposed has answered: %v", err)
	}
	decision, err := a.nodes[1].AnswerCommon(ctx, a.members[1], id, Same, "born on that day, both say so")
	if err != nil {
		t.Fatal(err)
	}
	a.settled()
	for i := range a.nodes {
		if a.people(i) != 4 || a.reports(i) != 4 {
			t.Errorf("node %d counts %d people and %d reports of 4", i, a.people(i), a.reports(i))
		}
	}
	mine := a.common(0)
	if len(mine.Found) != 0 || len(mine.Proposed) != 1 || mine.Proposed[0].Decision == nil || mine.Proposed[0].Theirs.ID != theirs[1] {
		t.Errorf("%+v", mine)
	}
	// Whoever is wrong can say so.
	if err := a.nodes[1].Undo(ctx, a.members[1], decision, "another man of that name"); err != nil {
		t.Fatal(err)
	}
	a.settled()
	for i := range a.nodes {
		if a.people(i) != 5 {
			t.Errorf("taken back, and node %d counts %d people", i, a.people(i))
		}
		a.reopen(i)
		if v, err := a.nodes[i].Verify(ctx, a.members[i], true); err != nil || len(v.Problems) > 0 {
			t.Errorf("node %d: %v %v", i, err, v.Problems)
		}
	}
}

// TestCommonEncodingIsSealed holds that the rows are open to the nodes of the
// coalition alone, that which case a row is never leaves, and that withdrawing
// them takes them from all.
func TestCommonEncodingIsSealed(t *testing.T) {
	ctx := context.Background()
	a := newAllied(t, 2)
	a.met(0, "Жақсыбеков Нұржан 1988-03-04")
	a.met(1, "Жақсыбеков Нұржан 1988-03-04")
	offered := a.offer(0)
	a.offer(1)
	a.settled()
	stream, err := ledger.ParseID(offered)
	if err != nil {
		t.Fatal(err)
	}
	holders := func(log *ledger.Log) (all []ledger.ID) {
		if err := log.Keys(ctx, stream, func(k ledger.WrappedKey) error {
			all = append(all, k.Holder)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return all
	}
	for _, h := range holders(a.nodes[1].coalition.log) { // as at the relay
		if h != ledger.ID(a.nodes[1].node.ID()) {
			t.Errorf("a key is for %v, which is no node", h)
		}
	}
	rows, err := a.nodes[1].index.Outside(ctx, encodingRowsKind, allKnown)
	if err != nil || len(rows) != 1 || first(rows[0].Fields["encoding"]) == offered {
		t.Errorf("whose row is whose came along: %+v, %v", rows, err)
	}
	if c := a.common(1); len(c.Found) != 1 {
		t.Fatalf("%+v", c)
	}
	if n, err := a.nodes[0].WithdrawEncodings(ctx, a.members[0], "the comparison is over"); err != nil || n != 1 {
		t.Fatalf("%d, %v", n, err)
	}
	a.settled()
	if c := a.common(1); len(c.Found) != 0 || len(c.Encodings) != 1 {
		t.Errorf("withdrawn, and still there: %+v", c)
	}
	for name, log := range map[string]*ledger.Log{"own": a.nodes[1].log, "replica": a.nodes[1].coalition.log} {
		if h := holders(log); len(h) > 0 {
			t.Errorf("%s ledger: withdrawn, and keys are left for %v", name, h)
		}
	}
	if v, err := a.nodes[1].Verify(ctx, a.members[1], true); err != nil || len(v.Problems) > 0 {
		t.Errorf("%v %v", err, v.Problems)
	}
	// Nothing of it lies open in any file of the relay or the nodes.
	err = filepath.WalkDir(a.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("kua encoded 1")) || bytes.Contains(b, []byte("a3VhIGVuY29kZWQg")) {
			t.Errorf("%s holds encoded rows in the open", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCommonEncodingIsRetired holds that a list with a case in it that may not be
// shared any more is withdrawn by the next exchange.
func TestCommonEncodingIsRetired(t *testing.T) {
	ctx := context.Background()
	for name, change := range map[string]func(a *allied, id string) error{
		"erased": func(a *allied, id string) error {
			a.prove(0)
			return a.nodes[0].Erase(ctx, a.members[0], id, Erasure{Why: "wish", Reason: "asked for"})
		},
		"taken back": func(a *allied, id string) error {
			return a.nodes[0].Write(ctx, a.members[0], id, []Put{{Record: ledger.NewID().String(), Kind: "consent", Fields: casefile.Fields{"purpose": {"share_coalition"}, "state": {"refused"}}}}, nil, "", "told")
		},
		"hidden": func(a *allied, id string) error { return a.nodes[0].Restrict(ctx, a.members[0], id, true) },
		"changed otherwise": func(a *allied, id string) error {
			return a.nodes[0].Write(ctx, a.members[0], id, []Put{{Record: ledger.NewID().String(), Kind: "report", Fields: casefile.Fields{"received": {"2022-05-11"}}}}, nil, "", "told")
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAllied(t, 2)
			ids := a.met(0, "Жақсыбеков Нұржан 1988-03-04", "Алиев Тимур 1979-11-30")
			a.met(1, "Жақсыбеков Нұржан 1988-03-04")
			a.offer(0)
			a.offer(1)
			a.settled()
			a.clock.t = a.clock.t.Add(time.Hour)
			if err := change(a, ids[1]); err != nil {
				t.Fatal(err)
			}
			a.settled()
			left := 1
			if name == "changed otherwise" {
				left = 2
			}
			for i := range a.nodes {
				if c := a.common(i); len(c.Encodings) != left {
					t.Errorf("node %d has %d lists, not %d", i, len(c.Encodings), left)
				}
				a.reopen(i)
				if v, err := a.nodes[i].Verify(ctx, a.members[i], true); err != nil || len(v.Problems) > 0 {
					t.Errorf("node %d: %v %v", i, err, v.Problems)
				}
			}
		})
	}
}

// TestCommonBelievesNobodyBeyondTheirOwn holds that a proposal about a case that is
// not its node's is not taken in, and that a node can't write in its own name what
// only people write.
func TestCommonBelievesNobodyBeyondTheirOwn(t *testing.T) {
	ctx := context.Background()
	a := newAllied(t, 2)
	ids := a.met(0, "Жақсыбеков Нұржан 1988-03-04")
	a.met(1, "Жақсыбеков Нұржан 1988-03-04")
	offered := a.offer(0)
	a.settled()
	evil := a.nodes[1]
	proposal, planted := ledger.NewID().String(), ledger.NewID().String()
	evil.writing.Lock()
	err := errors.Join(
		evil.write(ctx, a.members[1], []act{{stream: proposal, puts: []Put{{Record: proposal, Kind: commonKind, Fields: casefile.Fields{
			"a": ids, "node": {ledger.ID(a.nodes[0].node.ID()).String()}, "encoding": {offered}, "row": {"0"},
		}}}}}),
		evil.write(ctx, evil.asNode(), []act{{stream: planted, puts: []Put{{Record: planted, Kind: encodingKind, Fields: casefile.Fields{"rows": {"1"}, "data": {"AAAA"}}}}}}),
	)
	evil.writing.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	a.sync(1)
	if v := a.sync(0); len(v.Held) != 2 || !v.Finding() {
		t.Errorf("%+v", v.Held)
	}
	if c := a.common(0); len(c.Asked) != 0 || len(c.Encodings) != 1 {
		t.Errorf("%+v", c)
	}
	a.reopen(0) // and it opens none the worse
	if held, err := a.nodes[0].keyring.All(ctx, mustID(planted)); err != nil || len(held) > 0 {
		t.Errorf("%v, %v", held, err)
	}
}
