// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/pgstore/pgtest"
)

// machines is a register that two machines use.
type machines struct {
	a, b   *house
	server *pgtest.Cluster
}

// twoMachines makes a house, moves it to a database, and has a second machine join.
func twoMachines(t *testing.T) machines {
	t.Helper()
	server, there := testDatabase(t)
	a := newHouse(t)
	a.moves(there)
	return machines{a, a.joined("second"), server}
}

// joined has another machine join the register.
func (h *house) joined(as string) *house {
	h.t.Helper()
	ctx := context.Background()
	h.prove()
	file, words, err := h.PassNode(ctx, h.session, as)
	if err != nil {
		h.t.Fatal(err)
	}
	h.reopen()
	h.people["aigerim"] = h.session
	dir, unlock := filepath.Join(h.t.TempDir(), as), Unlock{Passphrase: testPassphrase, Member: h.memberID("aigerim")}
	if name, err := Join(dir, file, words, unlock, testOptions(h.clock)); err != nil || name != as {
		h.t.Fatal(name, err)
	}
	b := &house{
		register: &register{t: h.t, clock: h.clock, cases: h.cases}, orgs: h.orgs,
		people: map[string]*access.Session{}, secrets: h.secrets,
	}
	if b.Registry, b.session, err = Open(ctx, dir, unlock, testOptions(h.clock)); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = b.Close() }) // some tests have closed it
	b.people["aigerim"] = b.session
	return b
}

// abreast has a machine take over what the other has written.
func (h *house) isAbreast() {
	h.t.Helper()
	if err := h.Abreast(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

// TestTwoMachines: what is written on one is there on the other with the next
// answer, in cases, rights, members, sessions and keys; both say the same, and
// the ledger verifies on both.
func TestTwoMachines(t *testing.T) {
	ctx := context.Background()
	m := twoMachines(t)
	a, b := m.a, m.b
	for _, h := range []*house{a, b} {
		for _, who := range []string{"asel", "madina"} {
			h.signIn(who)
		}
	}
	if g, w := b.figures(), a.figures(); g != w {
		t.Errorf("the second machine counts otherwise:\n%s\n%s", g, w)
	}
	// Turn about, each upon what the other has just written.
	for i := range 6 {
		h, other := a, b
		if i%2 == 1 {
			h, other = b, a
		}
		h.isAbreast()
		id := h.cases[0]
		put := Put{Record: fmt.Sprintf("%032x", 0xabc0+i), Kind: "note", Fields: map[string][]string{"text": {fmt.Sprint("written at turn ", i)}}}
		if err := h.Write(ctx, h.people["asel"], id, []Put{put}, nil, "", "by hand"); err != nil {
			t.Fatal(err)
		}
		other.isAbreast()
		v, err := other.Case(ctx, other.people["asel"], id, Clock{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(v.Records, func(rec *casefile.Record) bool { return rec.ID == put.Record }) {
			t.Fatalf("turn %d is not seen on the other machine", i)
		}
	}
	// A grant on one is open on the other; taken back there, it is closed here.
	if got := b.sees("madina", a.cases[0]); got != "nothing" {
		t.Errorf("before the grant: %s", got)
	}
	g := a.grant("asel", a.cases[0], "madina", access.Identity, "")
	b.isAbreast()
	if got := b.sees("madina", a.cases[0]); got != "all" {
		t.Errorf("granted on the other machine: %s", got)
	}
	if err := b.Revoke(ctx, b.people["asel"], a.cases[0], g.ID, "no longer needed"); err != nil {
		t.Fatal(err)
	}
	a.isAbreast()
	if got := a.sees("madina", a.cases[0]); got != "nothing" {
		t.Errorf("taken back on the other machine: %s", got)
	}
	// Somebody is ended on one: their session on the other is over.
	a.prove()
	b.signIn("timur")
	if err := a.EndMember(ctx, a.session, a.memberID("timur")); err != nil {
		t.Fatal(err)
	}
	b.isAbreast()
	if _, ok := b.Session(b.people["timur"].Token()); ok {
		t.Error("a member who was ended on one machine is signed in on the other")
	}
	if _, err := b.SignIn(ctx, "timur", b.secrets["timur"]); err == nil {
		t.Error("a member who was ended on one machine signs in on the other")
	}
	// Somebody joins on one and signs in on the other; a passphrase is changed on the other.
	b.prove()
	b.join("erlan", "North", access.CaseWorker)
	a.isAbreast()
	a.signIn("erlan")
	// An erasure on one leaves nothing on the other.
	a.prove()
	if err := a.Erase(ctx, a.session, a.cases[1], Erasure{Whole: true, Why: "wish", Reason: "asked for it"}); err != nil {
		t.Fatal(err)
	}
	b.isAbreast()
	if _, err := b.Case(ctx, b.people["aigerim"], a.cases[1], Clock{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("erased on one machine, on the other: %v", err)
	}
	a.isAbreast()
	if g, w := b.figures(), a.figures(); g != w {
		t.Errorf("the machines count otherwise:\n%s\n%s", g, w)
	}
	for _, h := range []*house{a, b} {
		h.isAbreast()
		h.verify()
	}
	nodes, err := b.Nodes(ctx, b.people["aigerim"])
	if err != nil || len(nodes) != 2 || nodes[0].Name != "first" || nodes[0].Here || !nodes[1].Here || nodes[0].Waits || nodes[1].Waits {
		t.Errorf("%+v, %v", nodes, err)
	}
	if _, err := b.MoveLedger(ctx, b.session, Database{}, nil); !errors.Is(err, ErrOtherNodes) {
		t.Errorf("moved the ledger away under the other machine: %v", err)
	}
}

// TestMachinesAtOnce has both write to the same case and to their own at once:
// nothing is lost, and who was slower writes after it.
func TestMachinesAtOnce(t *testing.T) {
	ctx := context.Background()
	m := twoMachines(t)
	var wg sync.WaitGroup
	const each = 20
	for i, h := range []*house{m.a, m.b} {
		h.signIn("asel")
		wg.Go(func() {
			for j := range each {
				put := Put{Record: fmt.Sprintf("%031x%x", j+1, i+1), Kind: "note", Fields: map[string][]string{"text": {"at once"}}}
				if err := h.Write(ctx, h.people["asel"], h.cases[0], []Put{put}, nil, "", "by hand"); err != nil {
					t.Errorf("machine %d, %d: %v", i, j, err)
					return
				}
				if err := h.Abreast(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i, h := range []*house{m.a, m.b} {
		h.isAbreast()
		v, err := h.Case(ctx, h.people["asel"], h.cases[0], Clock{})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, rec := range v.Records {
			if rec.Get("text") == "at once" {
				n++
			}
		}
		if n != 2*each {
			t.Errorf("machine %d has %d of %d", i, n, 2*each)
		}
		h.verify()
	}
}

// TestBackupOfMachines backs a register up while two machines write to it, from
// one and then from the other. What is restored has all that was acknowledged
// before; it moves to a database again, and a second machine joins it there.
func TestBackupOfMachines(t *testing.T) {
	ctx := context.Background()
	m := twoMachines(t)
	to := m.a.disk()
	var wg sync.WaitGroup
	var written atomic.Int64
	begun, done := make(chan struct{}, 2), make(chan struct{})
	for i, h := range []*house{m.a, m.b} {
		h.signIn("asel")
		wg.Go(func() {
			for n := 1; ; n++ {
				put := Put{Record: fmt.Sprintf("%030x%x%x", n, i, 0xb), Kind: "note", Fields: map[string][]string{"text": {"meanwhile"}}}
				if err := h.Write(ctx, h.people["asel"], h.cases[i], []Put{put}, nil, "", "by hand"); err != nil {
					t.Errorf("machine %d, %d: %v", i, n, err)
				}
				written.Add(1)
				if n == 1 {
					begun <- struct{}{}
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	<-begun
	<-begun
	before := written.Load()
	busy := m.a.backUp(to)
	after := written.Load() + 2 // of which each may not have counted one yet
	close(done)
	wg.Wait()
	for _, h := range []*house{m.a, m.b} {
		h.isAbreast()
	}
	m.b.prove()
	last := m.b.backUp(to) // another machine makes the next, where the first did
	notes := func(r *Registry, s *access.Session) (n int64) {
		for _, id := range m.a.cases[:2] {
			v, err := r.Case(ctx, s, id, Clock{})
			if err != nil {
				t.Fatal(err)
			}
			for _, rec := range v.Records {
				if rec.Get("text") == "meanwhile" {
					n++
				}
			}
		}
		return n
	}
	r, _ := m.a.restored(to, busy.Name)
	if n := notes(r.Registry, r.session); n < before || n > after {
		t.Errorf("the backup that was made meanwhile has %d notes: %d were written before it, %d when it was made", n, before, after)
	}
	r.verify()
	r, _ = m.a.restored(to, last.Name)
	m.a.isAbreast()
	if n := notes(r.Registry, r.session); n != written.Load() || r.figures() != m.a.figures() {
		t.Errorf("%d of %d notes are restored, and the figures are those of the register: %v", n, written.Load(), r.figures() == m.a.figures())
	}
	if v, err := r.LedgerPlace(ctx, r.session); err != nil || v.Database {
		t.Errorf("it was restored to %+v, %v", v, err)
	}
	if nodes, err := r.Nodes(ctx, r.session); err != nil || len(nodes) > 0 {
		t.Errorf("it still thinks of other machines: %+v, %v", nodes, err)
	}

	h := &house{register: r, orgs: m.a.orgs, people: map[string]*access.Session{"aigerim": r.session}, secrets: m.a.secrets}
	server := m.server
	h.moves(Database{URL: server.URL() + " password=words-of-the-database", Schema: "again"})
	h.verify()
	second := h.joined("second")
	if second.figures() != m.a.figures() {
		t.Error("the machine that joined counts otherwise")
	}
	second.signIn("asel")
	if err := second.Write(ctx, second.people["asel"], h.cases[0], []Put{{Record: fmt.Sprintf("%032x", 0xcafe), Kind: "note", Fields: map[string][]string{"text": {"meanwhile"}}}}, nil, "", "by hand"); err != nil {
		t.Fatal(err)
	}
	h.isAbreast()
	if n := notes(h.Registry, h.session); n != written.Load()+1 {
		t.Errorf("what the new machine writes is not seen: %d notes", n)
	}
	second.verify()
	// The machine of the old database is still one register with it, and apart from this one.
	m.b.isAbreast()
	m.b.verify()
	if n := notes(m.b.Registry, m.b.session); n != written.Load() {
		t.Errorf("the old database has %d notes", n)
	}
}

// TestMachinesTurnForgettingKeys: the month's turn is made by one, handed to the
// other through the database, and what was handed opens with nothing that is left.
func TestMachinesTurnForgettingKeys(t *testing.T) {
	ctx := context.Background()
	m := twoMachines(t)
	a, b := m.a, m.b
	hand := func(h *house) []byte {
		now, _ := h.handFiles()
		file, err := os.ReadFile(now)
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	before := hand(b)
	a.clock.t = a.clock.t.Add(32 * 24 * time.Hour)
	if err := a.Tend(ctx); err != nil {
		t.Fatal(err)
	}
	b.isAbreast()
	same := func() {
		t.Helper()
		x, y := a.forget.keys, b.forget.keys
		if len(x) != len(y) || x[len(x)-1].ID() != y[len(y)-1].ID() {
			t.Errorf("%d and %d forgetting keys, or other ones", len(x), len(y))
		}
	}
	same()
	if string(hand(b)) == string(before) {
		t.Error("the second machine can still open what was handed to it")
	}
	if err := b.Tend(ctx); err != nil { // it has nothing to do
		t.Fatal(err)
	}
	same()
	// At once, on the other machine: all older ones go on both.
	b.prove()
	if err := b.ForgetNow(ctx, b.session); err != nil {
		t.Fatal(err)
	}
	a.isAbreast()
	same()
	if len(a.forget.keys) != 1 {
		t.Errorf("%d forgetting keys are left", len(a.forget.keys))
	}
	for _, h := range []*house{a, b} {
		h.signIn("asel")
		h.note("asel", h.cases[0])
		h.isAbreast()
		h.verify()
	}
	// One that was closed meanwhile takes them when it opens.
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	a.clock.t = a.clock.t.Add(32 * 24 * time.Hour)
	if err := a.Tend(ctx); err != nil {
		t.Fatal(err)
	}
	a.prove()
	if err := a.ForgetNow(ctx, a.session); err != nil {
		t.Fatal(err)
	}
	var err error
	if b.Registry, b.session, err = Open(ctx, b.dir, Unlock{Passphrase: testPassphrase, Member: a.memberID("aigerim")}, testOptions(a.clock)); err != nil {
		t.Fatal(err)
	}
	a.isAbreast()
	same()
	b.verify()
}

// TestMachinesDatabaseSeesNoKey: no file of the keys, no name of a member and no
// address stands in the database, and no forgetting key opens with what is there.
func TestMachinesDatabaseSeesNoKey(t *testing.T) {
	ctx := context.Background()
	m := twoMachines(t)
	c, err := pgx.Connect(ctx, m.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx) //nolint:errcheck // a test
	rows, err := c.Query(ctx, "SELECT name, value FROM kua.part")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for rows.Next() {
		var name, value []byte
		if err := rows.Scan(&name, &value); err != nil {
			t.Fatal(err)
		}
		n++
		for _, word := range []string{"member", "org-", "node", "hand", "passphrase", "slots", "public", "keys/"} {
			if bytes.Contains(name, []byte(word)) || bytes.Contains(value, []byte(word)) {
				t.Errorf("a part holds %q", word)
			}
		}
		if _, err := m.b.openHanded(value); err != nil {
			t.Error(err)
		}
	}
	if n < 10 {
		t.Errorf("%d parts", n)
	}
	p := m.b.nodes.parts[handedPart+"second"]
	if text, err := m.b.openHanded(p.value); err != nil || text != nil {
		t.Errorf("what was handed over opens again: %v", err)
	}
}

// TestMachineRemoved: it opens no more; the other goes on.
func TestMachineRemoved(t *testing.T) {
	ctx := context.Background()
	m := twoMachines(t)
	if err := m.b.Close(); err != nil {
		t.Fatal(err)
	}
	m.a.prove()
	if err := m.a.RemoveNode(ctx, m.a.session, "third"); !errors.Is(err, ErrNotFound) {
		t.Errorf("removed one that is not there: %v", err)
	}
	if err := m.a.RemoveNode(ctx, m.a.session, "second"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(ctx, m.b.dir, Unlock{Passphrase: testPassphrase, Member: m.a.memberID("aigerim")}, testOptions(m.a.clock)); !errors.Is(err, ErrNodeRemoved) {
		t.Errorf("a machine that was removed opens: %v", err)
	}
	m.a.signIn("asel")
	m.a.note("asel", m.a.cases[0])
	m.a.verify()
}

// TestPassRefused: what is no pass, wrong words, and where no second machine can be.
func TestPassRefused(t *testing.T) {
	ctx := context.Background()
	_, there := testDatabase(t)
	h := newHouse(t)
	h.prove()
	if _, _, err := h.PassNode(ctx, h.session, "second"); !errors.Is(err, ErrNoDatabase) {
		t.Errorf("a second machine on a file: %v", err)
	}
	h.moves(there)
	h.prove()
	for _, name := range []string{"", "Second", "first", "a b", "../x"} {
		if _, _, err := h.PassNode(ctx, h.session, name); !errors.Is(err, ErrNodeName) {
			t.Errorf("a machine called %q: %v", name, err)
		}
	}
	h.reopen() // the try with "first" has made it shared
	h.people["aigerim"] = h.session
	h.prove()
	file, words, err := h.PassNode(ctx, h.session, "second")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "x")
	mine := Unlock{Passphrase: testPassphrase, Member: h.memberID("aigerim")}
	if _, err := Join(dir, file, words, Unlock{Passphrase: "of nobody", Member: mine.Member}, testOptions(h.clock)); !errors.Is(err, ErrUnlock) {
		t.Errorf("joined by a passphrase of nobody: %v", err)
	}
	if _, err := Join(dir, file, "other words than these were", mine, testOptions(h.clock)); !errors.Is(err, ErrPassCode) {
		t.Errorf("wrong words: %v", err)
	}
	for _, bad := range [][]byte{nil, []byte("{}"), file[:len(file)/2]} {
		if _, err := Join(dir, bad, words, mine, testOptions(h.clock)); !errors.Is(err, ErrPassFile) {
			t.Errorf("no pass: %v", err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir+".forgetting", "hand-*")); err != nil || len(left) > 0 {
		t.Errorf("a hand was left behind: %v, %v", left, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was made: %v", err)
	}
	if _, err := Join(h.dir, file, words, mine, testOptions(h.clock)); err == nil {
		t.Error("joined in a directory that is not empty")
	}
}

// TestOldPartPutBackRegression: whoever has the database can't make an earlier
// key file count again, nor one in the place of another.
func TestOldPartPutBackRegression(t *testing.T) {
	ctx := context.Background()
	m := twoMachines(t)
	a, b := m.a, m.b
	c, err := pgx.Connect(ctx, m.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx) //nolint:errcheck // a test
	file := filepath.ToSlash(memberFile(mustID(a.memberID("asel"))))
	name := a.nodes.partName(file)
	var old []byte
	if err := c.QueryRow(ctx, "SELECT value FROM kua.part WHERE name=$1", name[:]).Scan(&old); err != nil {
		t.Fatal(err)
	}
	a.signIn("asel")
	if _, err := a.ChangePassphrase(ctx, a.people["asel"], a.secrets["asel"], "quite other words, long enough to be hers"); err != nil {
		t.Fatal(err)
	}
	b.isAbreast()
	if _, err := b.SignIn(ctx, "asel", a.secrets["asel"]); err == nil {
		t.Error("the former passphrase opens on the other machine")
	}
	now, err := os.ReadFile(filepath.Join(b.dir, file))
	if err != nil {
		t.Fatal(err)
	}
	other := a.nodes.partName(filepath.ToSlash(memberFile(mustID(a.memberID("nurlan")))))
	for what, sql := range map[string]string{
		"an old one":              "UPDATE kua.part SET value=$1, version=(SELECT max(version)+1 FROM kua.part) WHERE name=$2",
		"another's in its place":  "UPDATE kua.part SET value=(SELECT value FROM kua.part WHERE name=$1), version=(SELECT max(version)+1 FROM kua.part) WHERE name=$2",
		"what nobody has written": "UPDATE kua.part SET value=$1::bytea||'x'::bytea, version=(SELECT max(version)+1 FROM kua.part) WHERE name=$2",
	} {
		first := old
		if what == "another's in its place" {
			first = other[:]
		}
		if _, err := c.Exec(ctx, sql, first, name[:]); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Exec(ctx, "UPDATE kua.meta SET value=convert_to((convert_from(value, 'UTF8')::bigint+1)::text, 'UTF8') WHERE name='pgstore/changes'"); err != nil {
			t.Fatal(err)
		}
		if err := b.Abreast(ctx); !errors.Is(err, ErrUnaudited) { // which a page has words for
			t.Errorf("%s is taken over: %v", what, err)
		}
		if is, err := os.ReadFile(filepath.Join(b.dir, file)); err != nil || !bytes.Equal(is, now) {
			t.Errorf("%s is on the other machine: %v", what, err)
		}
	}
}

// TestMachinesRemindOnce: one machine sends, whichever asks first; the other
// knows it, also where both ask at once.
func TestMachinesRemindOnce(t *testing.T) {
	ctx := context.Background()
	m := twoMachines(t)
	m.a.signIn("asel")
	if err := m.a.SetReminders(ctx, m.a.people["asel"], Daily, "asel@example.org"); err != nil {
		t.Fatal(err)
	}
	m.a.prove()
	if err := m.a.SetMail(ctx, m.a.session, MailServer{Host: "mail.example.org", Port: 587, TLS: StartTLS, From: "kua@example.org"}); err != nil {
		t.Fatal(err)
	}
	m.a.task("asel", m.a.cases[0], m.a.Today().String(), "")
	m.a.clock.t = m.a.clock.t.Truncate(24 * time.Hour).Add(10 * time.Hour)
	m.b.isAbreast()
	var sent atomic.Int32
	post := func(context.Context, MailServer, Letter) error {
		sent.Add(1)
		return nil
	}
	var wg sync.WaitGroup
	for range 4 {
		for _, h := range []*house{m.a, m.b} {
			wg.Go(func() {
				if _, err := h.Remind(ctx, post); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if sent.Load() != 1 {
		t.Errorf("%d letters were sent", sent.Load())
	}
}

// TestMachinesTellOnce: one machine tells a receiver, whichever asks first; the
// other knows it, signs alike, and makes cursors that are good on both.
func TestMachinesTellOnce(t *testing.T) {
	ctx := context.Background()
	m := twoMachines(t)
	key, text := m.a.apiKey("asel", "", access.ReadCases)
	m.a.hook("asel", key, "x")
	m.b.isAbreast()
	var to receivers
	round := func() []Notice {
		t.Helper()
		m.a.note("asel", m.a.cases[0])
		m.b.isAbreast()
		m.a.clock.t = m.a.clock.t.Add(time.Hour)
		var wg sync.WaitGroup
		for range 3 {
			for _, h := range []*house{m.b, m.a} {
				wg.Go(func() {
					if _, err := h.TellWebhooks(ctx, to.tell); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Wait()
		return to.of("x")
	}
	for i := range 2 {
		told := round()
		if len(told) != 1 {
			t.Fatalf("told %d times in round %d", len(told), i)
		}
		if want := m.b.webhookSecret(m.b.roll().Webhooks[0].Record); !bytes.Equal(told[0].Secret, want) {
			t.Error("the machines sign otherwise")
		}
		cursor := string(told[0].Body[bytes.LastIndex(told[0].Body, []byte(`":"`))+3 : len(told[0].Body)-3])
		for _, h := range []*house{m.a, m.b} {
			if found, err := h.Changes(ctx, h.program(text), cursor); err != nil || len(found.Changes) == 0 {
				t.Errorf("from its cursor on: %+v %v", found, err)
			}
		}
	}
}

// TestMachineBlindShowsNothing: where the database can't be asked nothing is
// shown, and all goes on when it answers again.
func TestMachineBlindShowsNothing(t *testing.T) {
	ctx := context.Background()
	m := twoMachines(t)
	if err := m.server.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := m.b.Abreast(ctx); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("without its database: %v", err)
	}
	if err := m.server.Start(); err != nil {
		t.Fatal(err)
	}
	m.b.isAbreast()
	m.a.signIn("asel")
	m.a.note("asel", m.a.cases[0])
	m.b.isAbreast()
	m.b.verify()
}

// TestMachineClosesRegression: a machine that closes while it takes over what the
// other writes ends with an answer, and not in the middle of its index.
func TestMachineClosesRegression(t *testing.T) {
	ctx := context.Background()
	m := twoMachines(t)
	m.a.signIn("asel")
	for range 5 {
		ending, end := context.WithCancel(ctx)
		var wg sync.WaitGroup
		wg.Go(func() { m.b.KeepAbreast(ending) })
		for range 4 {
			wg.Go(func() {
				for {
					if err := m.b.Abreast(ctx); err != nil {
						if !errors.Is(err, ledger.ErrClosed) {
							t.Errorf("asked while it closes: %v", err)
						}
						return
					}
				}
			})
		}
		for range 3 {
			m.a.note("asel", m.a.cases[0])
		}
		if err := m.b.Close(); err != nil {
			t.Error(err)
		}
		end()
		wg.Wait()
		var err error
		if m.b.Registry, m.b.session, err = Open(ctx, m.b.dir, Unlock{Passphrase: testPassphrase, Member: m.a.memberID("aigerim")}, testOptions(m.a.clock)); err != nil {
			t.Fatal(err)
		}
	}
	m.b.verify()
}

// TestMachineWritesWhileKeysTurnRegression: lines of the audit are appended and
// pages asked for while the other machine turns the forgetting keys. Who appends
// and who takes over waited for each other.
func TestMachineWritesWhileKeysTurnRegression(t *testing.T) {
	ctx := context.Background()
	m := twoMachines(t)
	m.a.prove()
	m.b.signIn("asel")
	ended := make(chan struct{})
	var wg sync.WaitGroup
	meanwhile := func(do func() error) {
		wg.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				if err := do(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	meanwhile(func() error { return m.b.Abreast(ctx) })
	for range 2 {
		meanwhile(func() error {
			m.b.auditor.writing.Lock()
			m.b.auditor.stream = [16]byte{} // so that each line brings a wrapped key
			m.b.auditor.writing.Unlock()
			return m.b.TakesOut(ctx, m.b.people["asel"], "figures", 1)
		})
	}
	for range 12 {
		m.b.isAbreast() // each turn meets what is under way, and not many turns the same
		if err := m.a.ForgetNow(ctx, m.a.session); err != nil {
			t.Error(err)
			break
		}
	}
	close(ended)
	wg.Wait()
	for _, h := range []*house{m.a, m.b} {
		h.isAbreast()
		h.verify()
	}
}
