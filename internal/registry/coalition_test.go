// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/relay"
	"github.com/kua-registry/kua/internal/seal"
)

// allied is a coalition of registers and a relay that serves. All people are invented.
type allied struct {
	t       *testing.T
	dir     string
	clock   *clock
	nodes   []*Registry
	members []*access.Session
	orgs    []string
}

func (a *allied) relayOptions() relay.Options {
	quick := seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1}
	return relay.Options{Now: a.clock.now, Stretch: quick, Least: quick}
}

// newAllied makes n registers that know each other, each with an organisation that counts.
func newAllied(t *testing.T, n int) *allied {
	t.Helper()
	return newAlliedOf(t, make([]string, n)...)
}

// newAlliedOf makes one of each pack; empty: the one that is taken where none is said.
func newAlliedOf(t *testing.T, packs ...string) *allied {
	t.Helper()
	ctx := context.Background()
	a := &allied{t: t, dir: t.TempDir(), clock: &clock{t: time.Date(2022, 6, 1, 9, 0, 0, 0, time.UTC)}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(a.dir, "relay")
	r, err := relay.Create(ctx, home, testPassphrase, "https://"+listener.Addr().String(), false, a.relayOptions())
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- r.Serve(running, listener) }()
	t.Cleanup(func() {
		stop()
		<-done
		r.Close()
	})
	known := r.Coalition()
	for i, pack := range packs {
		o := testOptions(a.clock)
		o.Pack = pack
		o.Coalition = &JoinCoalition{Coalition: known, Name: fmt.Sprintf("Node %d", i)}
		reg, s, err := Create(ctx, a.path(i), FirstMember{Name: fmt.Sprintf("Ерғазы%d", i), Lang: "kk", Passphrase: testPassphrase}, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { a.nodes[i].Close() })
		a.nodes, a.members = append(a.nodes, reg), append(a.members, s)
		card, err := reg.Card(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		if known, err = relay.Add(home, testPassphrase, a.relayOptions(), card); err != nil {
			t.Fatal(err)
		}
		org, err := reg.AddOrganisation(ctx, s, NewOrganisation{Name: fmt.Sprintf("Organisation %d", i), Counts: true})
		if err != nil {
			t.Fatal(err)
		}
		a.orgs = append(a.orgs, org.ID)
	}
	for i := range packs {
		a.prove(i)
		if err := a.nodes[i].AddNodes(ctx, a.members[i], known.Nodes...); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// TestPacksOfNodes: that another node knows the law of another country is found
// as soon as it has introduced itself, and only there.
func TestPacksOfNodes(t *testing.T) {
	a := newAlliedOf(t, "", "kg", DefaultPack)
	for i := range a.nodes {
		a.sync(i)
	}
	for i, want := range []string{"kg", DefaultPack + " " + DefaultPack, "kg"} {
		v := a.sync(i)
		var found []string
		for _, n := range v.Nodes {
			if n.Pack != "" {
				found = append(found, n.Pack)
			}
		}
		if got := strings.Join(found, " "); got != want || !v.Finding() {
			t.Errorf("node %d finds %q, want %q; a finding: %v", i, got, want, v.Finding())
		}
	}
}

func (a *allied) path(i int) string { return filepath.Join(a.dir, fmt.Sprintf("node%d", i)) }

func (a *allied) prove(i int) {
	a.t.Helper()
	s, err := a.nodes[i].SignIn(context.Background(), SignIn{Name: fmt.Sprintf("Ерғазы%d", i), Passphrase: testPassphrase})
	if err != nil {
		a.t.Fatal(err)
	}
	a.members[i] = s
}

// add puts cases into a node's register, of people whose names nobody else may learn.
func (a *allied) add(i, n int, prefix string) {
	a.t.Helper()
	var cases []CaseImport
	for k := range n {
		cases = append(cases, CaseImport{Key: fmt.Sprintf("%s-%d", prefix, k), Records: func(id string) []Put {
			return []Put{
				{Record: id, Kind: "case", Fields: casefile.Fields{}},
				{Record: ledger.NewID().String(), Kind: "person", Fields: casefile.Fields{"role": {"victim"}, "family": {fmt.Sprintf("Құпиясынов%d", i)}, "given": {fmt.Sprintf("Тест%d", k)}}},
				{Record: ledger.NewID().String(), Kind: "report", Fields: casefile.Fields{"received": {"2022-05-10"}}},
			}
		}})
	}
	if _, err := a.nodes[i].Import(context.Background(), a.members[i], a.orgs[i], prefix, cases, nil); err != nil {
		a.t.Fatal(err)
	}
}

func (a *allied) sync(i int) ExchangeView {
	a.t.Helper()
	v, err := a.nodes[i].Sync(context.Background(), a.members[i])
	if err != nil {
		a.t.Fatalf("node %d: %v", i, err)
	}
	return v
}

// settled exchanges until nobody brings anything new any more, and holds that
// all have the same ledger.
func (a *allied) settled() ExchangeView {
	a.t.Helper()
	for range 3 {
		for i := range a.nodes {
			a.sync(i)
		}
	}
	var first ExchangeView
	for i := range a.nodes {
		v := a.sync(i)
		if v.Finding() || v.Waiting > 0 {
			a.t.Fatalf("node %d: %+v", i, v)
		}
		if i == 0 {
			first = v
		} else if v.Entries != first.Entries || v.Root != first.Root {
			a.t.Fatalf("node %d has %d entries, root %s, and node 0 %d, root %s", i, v.Entries, v.Root, first.Entries, first.Root)
		}
	}
	return first
}

func (a *allied) reports(i int) int {
	a.t.Helper()
	table, err := a.nodes[i].Figures(context.Background(), a.members[i], FigureQuery{})
	if err != nil {
		a.t.Fatal(err)
	}
	for _, v := range table.Values {
		if v.ID == "reports" {
			return v.Value
		}
	}
	a.t.Fatal("there is no figure of reports")
	return 0
}

func (a *allied) reopen(i int) {
	a.t.Helper()
	if err := a.nodes[i].Close(); err != nil {
		a.t.Fatal(err)
	}
	reg, s, err := Open(context.Background(), a.nodes[i].dir, Unlock{Passphrase: testPassphrase}, testOptions(a.clock))
	if err != nil {
		a.t.Fatal(err)
	}
	a.nodes[i], a.members[i] = reg, s
}

// TestCoalitionCountsTheSame holds that what each node wrote, also while it was
// away, is counted alike by all, that the own register is unharmed by what came,
// and that nobody has another organisation's names.
func TestCoalitionCountsTheSame(t *testing.T) {
	ctx := context.Background()
	a := newAllied(t, 3)
	a.add(0, 3, "early")
	a.settled()
	for i := range a.nodes {
		if n := a.reports(i); n != 3 {
			t.Errorf("node %d counts %d reports of 3", i, n)
		}
	}
	// Weeks apart: each writes what the others can't see.
	a.add(1, 4, "apart")
	a.clock.t = a.clock.t.Add(20 * 24 * time.Hour)
	a.add(0, 2, "later")
	a.add(2, 5, "third")
	if n := a.reports(1); n != 7 {
		t.Errorf("what was written offline is not there at once: %d", n)
	}
	a.settled()
	for i := range a.nodes {
		if n := a.reports(i); n != 14 {
			t.Errorf("node %d counts %d reports of 14", i, n)
		}
	}
	for i := range a.nodes { // another start, with what was kept and without, gives the same
		if i == 1 {
			if err := a.nodes[1].Close(); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"index.db", "rights"} {
				if err := os.Remove(filepath.Join(a.path(1), name)); err != nil {
					t.Fatal(err)
				}
			}
		}
		a.reopen(i)
		if n := a.reports(i); n != 14 {
			t.Errorf("node %d counts %d reports of 14 when it is opened anew", i, n)
		}
		v, err := a.nodes[i].Verify(ctx, a.members[i], true)
		if err != nil || len(v.Problems) > 0 {
			t.Errorf("node %d: %v %v", i, err, v.Problems)
		}
		for file := range a.nodes[i].index.Files(ctx, allKnown) {
			own := a.nodes[i].rights.cases[file.ID].Org == a.orgs[i]
			text := ""
			for _, rec := range file.Records() {
				text += fmt.Sprint(rec.Fields)
			}
			if strings.Contains(text, fmt.Sprintf("Құпиясынов%d", i)) != own || strings.Contains(text, "Құпиясынов") && !own {
				t.Errorf("node %d opens who somebody is in a case of another, or not in its own", i)
			}
		}
	}
	v := a.settled()
	if len(v.Nodes) != 2 || !v.Nodes[0].Introduced || v.Nodes[0].SeenAt != v.Entries {
		t.Errorf("%+v", v.Nodes)
	}
}

// TestCoalitionByStick holds that a node without a line is carried by files.
func TestCoalitionByStick(t *testing.T) {
	ctx := context.Background()
	a := newAllied(t, 2)
	a.settled()
	a.add(1, 3, "valley")
	var there, back bytes.Buffer
	if _, err := a.nodes[1].WriteStick(ctx, a.members[1], &there, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := a.nodes[0].ReadStick(ctx, a.members[0], bytes.NewReader(there.Bytes())); err != nil {
		t.Fatal(err)
	}
	a.add(0, 2, "town")
	a.sync(0)
	if n := a.reports(0); n != 5 {
		t.Errorf("what was carried is not counted: %d", n)
	}
	if _, err := a.nodes[0].WriteStick(ctx, a.members[0], &back, 0); err != nil {
		t.Fatal(err)
	}
	v, err := a.nodes[1].ReadStick(ctx, a.members[1], bytes.NewReader(back.Bytes()))
	if err != nil || v.Waiting != 0 || v.Finding() {
		t.Fatalf("%+v, %v", v, err)
	}
	if n := a.reports(1); n != 5 {
		t.Errorf("node 1 counts %d reports of 5", n)
	}
	if _, err := a.nodes[1].ReadStick(ctx, a.members[1], bytes.NewReader(back.Bytes()[:back.Len()-1])); err == nil {
		t.Error("a file that is cut off was taken")
	}
}

// TestCoalitionBelievesNobodyBeyondTheirOwn holds that a node whose program was
// changed can't put a case into another's organisation, nor say that two cases of
// others are one person: it is shown, and counts nowhere else.
func TestCoalitionBelievesNobodyBeyondTheirOwn(t *testing.T) {
	ctx := context.Background()
	a := newAllied(t, 2)
	a.add(0, 2, "town")
	a.settled()
	var ids []string
	for id := range a.nodes[1].rights.cases {
		ids = append(ids, id)
	}
	if len(ids) != 2 {
		t.Fatalf("%d cases came", len(ids))
	}
	planted, link := ledger.NewID().String(), ledger.NewID().String()
	evil := a.nodes[1]
	evil.writing.Lock()
	err := evil.write(ctx, a.members[1], []act{
		{stream: planted, newFor: a.orgs[1], puts: []Put{
			{Record: planted, Kind: "case", Fields: casefile.Fields{"org": {a.orgs[0]}, "number": {"K-1000001"}}},
			{Record: ledger.NewID().String(), Kind: "report", Fields: casefile.Fields{"received": {"2022-05-10"}}},
		}},
		{stream: link, puts: []Put{{Record: link, Kind: "match", Fields: casefile.Fields{"a": {ids[0]}, "b": {ids[1]}, "verdict": {"same"}}}}},
	})
	evil.writing.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	a.sync(1)
	v := a.sync(0)
	if len(v.Held) != 2 || !v.Finding() {
		t.Fatalf("%+v", v.Held)
	}
	if n := a.reports(0); n != 2 {
		t.Errorf("%d reports", n)
	}
	if a.nodes[0].rights.cases[planted] != nil {
		t.Error("a case of another node is in the organisation")
	}
	// What is refused holds nothing else up.
	a.add(1, 3, "honest")
	a.sync(1)
	a.sync(0)
	if n := a.reports(0); n != 5 {
		t.Errorf("%d reports of 5", n)
	}
	// Nobody writes to what another node owns.
	evil.writing.Lock()
	err = evil.write(ctx, a.members[1], []act{{stream: ids[0], puts: []Put{{Record: ledger.NewID().String(), Kind: "report", Fields: casefile.Fields{"received": {"2022-05-10"}}}}}})
	evil.writing.Unlock()
	if !errors.Is(err, ErrElsewhere) {
		t.Errorf("%v", err)
	}
}

// TestCoalitionErasure holds that an erasure reaches what other nodes and the
// relay hold of a case.
func TestCoalitionErasure(t *testing.T) {
	ctx := context.Background()
	a := newAllied(t, 2)
	a.add(0, 2, "town")
	a.settled()
	var id string
	for id = range a.nodes[0].rights.cases {
	}
	a.prove(0)
	if err := a.nodes[0].Erase(ctx, a.members[0], id, Erasure{Whole: true, Why: "wish", Reason: "asked for"}); err != nil {
		t.Fatal(err)
	}
	a.settled()
	for i := range a.nodes {
		if n := a.reports(i); n != 1 {
			t.Errorf("node %d counts %d reports of 1", i, n)
		}
	}
	stream, err := ledger.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	for name, log := range map[string]*ledger.Log{"own": a.nodes[1].log, "replica": a.nodes[1].coalition.log} {
		keys := 0
		if err := log.Keys(ctx, stream, func(k ledger.WrappedKey) error {
			if k.Epoch == 1 {
				keys++
			}
			return nil
		}); err != nil || keys > 0 {
			t.Errorf("%s ledger of the other node: %d keys are left, %v", name, keys, err)
		}
	}
	if v, err := a.nodes[1].Verify(ctx, a.members[1], true); err != nil || len(v.Problems) > 0 {
		t.Errorf("%v %v", err, v.Problems)
	}
}

// TestCoalitionGrants holds that what one organisation grants to another is opened
// by a member of that one and by nobody else, and closed when it is taken back.
func TestCoalitionGrants(t *testing.T) {
	ctx := context.Background()
	a := newAllied(t, 3)
	a.add(0, 2, "town")
	a.settled()
	var id string
	for id = range a.nodes[0].rights.cases {
	}
	names := func(i int) bool {
		t.Helper()
		v, err := a.nodes[i].Case(ctx, a.members[i], id, Clock{})
		if err != nil && !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
		text := ""
		for _, rec := range v.Records {
			text += fmt.Sprint(rec.Fields)
		}
		return strings.Contains(text, "Құпиясынов0")
	}
	a.prove(0)
	g, err := a.nodes[0].Grant(ctx, a.members[0], id, NewGrant{To: "Organisation 1", Part: access.Identity})
	if err != nil {
		t.Fatal(err)
	}
	a.settled()
	if !names(0) || !names(1) || names(2) {
		t.Errorf("granted to node 1, and open to 0: %v, 1: %v, 2: %v", names(0), names(1), names(2))
	}
	for i := range a.nodes { // kept, and by its own key
		a.reopen(i)
	}
	if !names(1) || names(2) {
		t.Errorf("opened anew, it is open to 1: %v, 2: %v", names(1), names(2))
	}
	a.prove(0)
	if err := a.nodes[0].Revoke(ctx, a.members[0], id, g.ID, "no longer needed"); err != nil {
		t.Fatal(err)
	}
	a.settled()
	if names(1) {
		t.Error("taken back, and still open")
	}
	stream, err := ledger.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	held, err := a.nodes[1].keyring.All(ctx, stream)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range held {
		if k.Part == seal.IdentityPart {
			t.Error("taken back, and a key is left")
		}
	}
	for i := range a.nodes {
		if v, err := a.nodes[i].Verify(ctx, a.members[i], true); err != nil || len(v.Problems) > 0 {
			t.Errorf("node %d: %v %v", i, err, v.Problems)
		}
		if n := a.reports(i); n != 2 {
			t.Errorf("node %d counts %d", i, n)
		}
	}
}

// TestCoalitionErasureKilledRegression holds that a node which is ended after it
// has let go of the keys of what another one erased, and before its index has,
// sees to that when it is opened.
func TestCoalitionErasureKilledRegression(t *testing.T) {
	ctx := context.Background()
	a := newAllied(t, 2)
	a.add(0, 2, "town")
	a.settled()
	var id string
	for id = range a.nodes[0].rights.cases {
	}
	a.prove(0)
	if err := a.nodes[0].Erase(ctx, a.members[0], id, Erasure{Whole: true, Why: "wish", Reason: "asked for"}); err != nil {
		t.Fatal(err)
	}
	a.sync(0)
	// The page is here, and the intake ends where a kill would end it.
	r := a.nodes[1]
	if err := r.coalition.node.Follow(ctx, r.coalition.Coalition.Client()); err != nil {
		t.Fatal(err)
	}
	stream, err := ledger.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	r.writing.Lock()
	in, err := r.taking()
	if err == nil {
		_, err = in.stream(ctx, stream)
	}
	r.writing.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	a.reopen(1)
	if n := a.reports(1); n != 1 {
		t.Errorf("%d reports of 1", n)
	}
	if a.nodes[1].rights.cases[id] != nil {
		t.Error("the case is still there")
	}
	if v, err := a.nodes[1].Verify(ctx, a.members[1], true); err != nil || len(v.Problems) > 0 {
		t.Errorf("%v %v", err, v.Problems)
	}
	a.settled()
}
