// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/serdes"
	"golang.org/x/text/encoding/charmap"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// clock is the time of a test.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

const testPassphrase = "seven good words nobody else would say"

func testOptions(c *clock) Options {
	least := seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1}
	return Options{Now: c.now, Stretch: least, Least: least, Rulebook: testRulebook}
}

// testRulebook is loaded once for all the registers that the tests open.
var testRulebook = Rulebooks(LoadRulebook)

// register is a register of a test, with what is in it.
type register struct {
	*Registry
	t       testing.TB
	clock   *clock
	session *access.Session
	cases   []string // ids, of the north first
}

// The people are invented. What must not be found after an erasure is planted
// in every field that can name somebody.
var planted = []string{
	"Жасампазов", "Ерғазы", "Сейтқалиұлы", "Zhasampazov", "870101399999", "+77019998877",
	"Тұлпар көшесі 93", "A-777", "сказал что его держали в гараже", "источник: тётя Ырыскуль",
}

// emptyRegister is a register with two organisations and no case.
func emptyRegister(t testing.TB) *register {
	t.Helper()
	return emptyRegisterAt(t, time.Date(2022, 6, 24, 9, 0, 0, 0, time.UTC))
}

func emptyRegisterAt(t testing.TB, at time.Time) *register {
	t.Helper()
	ctx := context.Background()
	g := &register{t: t, clock: &clock{at}}
	reg, s, err := Create(ctx, filepath.Join(t.TempDir(), "r"), FirstMember{Name: "aigerim", Lang: "kk", Passphrase: testPassphrase}, testOptions(g.clock))
	if err != nil {
		t.Fatal(err)
	}
	g.Registry, g.session = reg, s
	t.Cleanup(func() { _ = g.Close() })
	for _, name := range []string{"North", "South"} {
		if _, err := reg.AddOrganisation(ctx, s, NewOrganisation{Name: name, Counts: true}); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func newRegister(t testing.TB) *register {
	t.Helper()
	ctx := context.Background()
	g := emptyRegister(t)
	reg, s := g.Registry, g.session
	for i, name := range []string{"North", "South"} {
		org, ok := reg.Organisation(ctx, name)
		if !ok {
			t.Fatal("no " + name)
		}
		var cases []CaseImport
		for j := range 3 {
			who := []string{"Омаров", "Болат", "Т."}
			extra := casefile.Fields{}
			key, told, source := fmt.Sprintf("B-%d%d", i, j), "нечего сказать", "list: people.csv"
			if i == 0 && j == 0 {
				who = planted[:3]
				extra = casefile.Fields{"other_names": {planted[3]}, "iin": {planted[4]}, "phones": {planted[5]}, "address": {planted[6]}}
				key, told, source = planted[7], planted[8], "list: people.csv "+planted[9]
			}
			cases = append(cases, CaseImport{Key: key, Records: func(id string) []Put {
				person := casefile.Fields{"role": {"victim"}, "family": {who[0]}, "given": {who[1]}, "patronymic": {who[2]}, "sex": {"m"}, "child": {"no"}}
				for f, v := range extra {
					person[f] = v
				}
				return []Put{
					{Record: id, Kind: "case", Fields: casefile.Fields{}, Source: source},
					{Record: ledger.NewID().String(), Kind: "report", Fields: casefile.Fields{"received": {"2022-01-12"}, "region": {"KZ-75"}, "summary": {told}}},
					{Record: ledger.NewID().String(), Kind: "person", Fields: person},
				}
			}})
		}
		if _, err := reg.Import(ctx, s, org.ID, "list: people.csv", cases, nil); err != nil {
			t.Fatal(err)
		}
	}
	page, err := reg.Cases(ctx, s, Query{Sort: "number", Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(page.Rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.OrgName, b.OrgName), cmp.Compare(a.ExternalID, b.ExternalID))
	})
	for _, row := range page.Rows {
		g.cases = append(g.cases, row.ID)
	}
	if len(g.cases) != 6 {
		t.Fatalf("%d cases", len(g.cases))
	}
	return g
}

// SignIn signs in from nowhere in particular.
func (g *register) SignIn(ctx context.Context, name, passphrase string) (*access.Session, error) {
	return g.Registry.SignIn(ctx, SignIn{Name: name, Passphrase: passphrase})
}

func (g *register) reopen() {
	g.t.Helper()
	g.reopenAs("aigerim")
}

func (g *register) reopenAs(name string) {
	g.t.Helper()
	id := g.memberID(name)
	if err := g.Close(); err != nil {
		g.t.Fatal(err)
	}
	words := ownWords(name)
	if name == "aigerim" {
		words = testPassphrase
	}
	reg, s, err := Open(context.Background(), g.dir, Unlock{Passphrase: words, Member: id}, testOptions(g.clock))
	if err != nil {
		g.t.Fatal(err)
	}
	g.Registry, g.session = reg, s
}

// figures are all figures as of days and as known by moments, in words.
func (g *register) figures() string {
	g.t.Helper()
	var b strings.Builder
	for _, day := range []string{"2022-02-01", "2022-06-24", "2023-01-01"} {
		asOf, err := edtf.ParseDay(day)
		if err != nil {
			g.t.Fatal(err)
		}
		for _, known := range []time.Time{{}, time.Date(2022, 6, 24, 10, 0, 0, 0, time.UTC)} {
			table, err := g.Figures(context.Background(), g.session, FigureQuery{Clock: Clock{AsOf: asOf, KnownBy: known}})
			if err != nil {
				g.t.Fatal(err)
			}
			for _, v := range table.Values {
				fmt.Fprintf(&b, "%s %s %d\n", day, v.ID, v.Value)
			}
		}
	}
	return b.String()
}

func (g *register) verify() {
	g.t.Helper()
	v, err := g.Verify(context.Background(), g.session, true)
	if err != nil || v.Problem != "" {
		g.t.Errorf("verify: %v %s", err, v.Problem)
	}
}

// spellings are the ways in which a text may lie in a file.
func spellings(text string) map[string][]byte {
	var utf16le []byte
	for _, u := range utf16.Encode([]rune(text)) {
		utf16le = append(utf16le, byte(u), byte(u>>8))
	}
	found := map[string][]byte{"UTF-8": []byte(text), "UTF-16": utf16le}
	if b, err := charmap.Windows1251.NewEncoder().Bytes([]byte(text)); err == nil {
		found["windows-1251"] = b
	}
	return found
}

// holds answers where planted texts are in any file of a register, as it lies
// on the disk and as its databases are once decrypted.
func (g *register) holds(dir string) []string {
	g.t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, texts := filepath.Base(path), [][]byte{raw}
		if filepath.Ext(name) == ".db" {
			key, err := g.sealedKey(strings.TrimSuffix(name, ".db"), false)
			if err != nil {
				return err
			}
			texts = append(texts, decrypted(g.t, path, key))
		}
		for i, text := range texts {
			for _, secret := range planted {
				for how, b := range spellings(secret) {
					if bytes.Contains(text, b) {
						found = append(found, fmt.Sprintf("%s (%s, decrypted: %v): %s", name, how, i > 0, secret))
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		g.t.Fatal(err)
	}
	slices.Sort(found)
	return found
}

// decrypted is every page of a database, also those that are free.
func decrypted(t testing.TB, path string, key [32]byte) []byte {
	t.Helper()
	c, err := sqlite3.Open("file:" + filepath.ToSlash(path) + "?vfs=adiantum")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Exec("PRAGMA hexkey='" + hex.EncodeToString(key[:]) + "'"); err != nil {
		t.Fatal(err)
	}
	b, err := serdes.Serialize(c, "main")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEraseIdentity(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	id := g.cases[0]
	if len(g.holds(g.dir)) < len(planted) {
		t.Fatal("what was planted is not found before the erasure: this test finds nothing")
	}
	before := g.figures()
	g.clock.t = g.clock.t.Add(48 * time.Hour)
	var err error
	if g.session, err = g.SignIn(ctx, "aigerim", testPassphrase); err != nil {
		t.Fatal(err)
	}
	if err := g.Erase(ctx, g.session, id, Erasure{Why: "wish", Reason: "at the wish of the person"}); err != nil {
		t.Fatal(err)
	}
	look := func() {
		t.Helper()
		if now := g.figures(); now != before {
			t.Errorf("the figures changed:\n%s\nwere\n%s", now, before)
		}
		view, err := g.Case(ctx, g.session, id, Clock{})
		if err != nil {
			t.Fatal(err)
		}
		if view.Row.Name != "" || view.Row.ExternalID != "" || view.Row.Number == "" {
			t.Errorf("the row still names somebody, or nothing: %+v", view.Row)
		}
		said := false
		for _, rec := range view.Records {
			if rec.Kind == kindErasure {
				said = rec.Get("what") == erasedIdentity && rec.History[0].Reason == "at the wish of the person" && rec.Author == g.session.Member.ID
			}
			if rec.Kind == "person" && (!rec.IdentityMissing || rec.Get("family") != "" || rec.Get("sex") != "m") {
				t.Errorf("the person: %+v", rec)
			}
		}
		if !said {
			t.Error("the case does not say that it was erased, by whom and why")
		}
		for _, text := range planted {
			page, err := g.Cases(ctx, g.session, Query{Text: text, Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(page.Rows, func(r Row) bool { return r.ID == id }) {
				t.Errorf("%q still finds the case", text)
			}
		}
		g.verify()
	}
	look()
	g.reopen()
	look()
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if found := g.holds(g.dir); len(found) > 0 {
		t.Errorf("still there:\n%s", strings.Join(found, "\n"))
	}
	g.reopen()

	// The case goes on, without a name.
	put := Put{Record: ledger.NewID().String(), Kind: "complaint", Fields: casefile.Fields{"filed": {"yes"}, "date": {"2022-06-26"}}}
	if err := g.Write(ctx, g.session, id, []Put{put}, nil, "came in the post", "letter"); err != nil {
		t.Fatal(err)
	}
	g.verify()
}

func TestEraseWhole(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	id := g.cases[0]
	stream, err := ledger.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Erase(ctx, g.session, id, Erasure{Why: "wish", Reason: "first the name"}); err != nil {
		t.Fatal(err)
	}
	if err := g.Erase(ctx, g.session, id, Erasure{Whole: true, Why: "danger", Reason: "then all"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := g.Case(ctx, g.session, id, Clock{}); !errors.Is(err, ErrNotFound) {
			t.Errorf("the case is still there: %v", err)
		}
		page, err := g.Cases(ctx, g.session, Query{Limit: 50})
		if err != nil || page.Total != 5 {
			t.Errorf("%d cases, %v", page.Total, err)
		}
		authors, err := g.authors()
		if err != nil {
			t.Fatal(err)
		}
		opener := ledger.Opener{Keys: g.keyring.Keys, Author: authors}
		var entries, opened []string
		err = g.log.Stream(ctx, stream, func(e ledger.Entry) error {
			entries = append(entries, fmt.Sprint(e.Header.Version))
			c, err := opener.Open(e)
			if err == nil {
				opened = append(opened, c.Kind+" "+c.Reason)
			} else if !errors.Is(err, ledger.ErrNoKey) {
				t.Error(err)
			}
			return nil
		})
		if err != nil || len(entries) != 5 || strings.Join(opened, "; ") != kindErasure+" then all" {
			t.Errorf("of entries %v these open: %q, %v", entries, opened, err)
		}
		g.verify()
		g.reopen()
	}
	if found := g.holds(g.dir); len(found) > 0 {
		t.Errorf("still there:\n%s", strings.Join(found, "\n"))
	}
}

// An erasure that was cut short is finished at the next opening, and what was
// put back into the table of keys goes again.
func TestEraseIsFinished(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	id := g.cases[0]
	stream, err := ledger.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := g.keyring.Current(ctx, stream)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ledger.WrapCaseKeys(g.vault, stream, keys)
	if err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(filepath.Join(g.dir, "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	indexKey, err := os.ReadFile(filepath.Join(g.dir, keysDir, "index.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Erase(ctx, g.session, id, Erasure{Why: "wish", Reason: "at the wish of the person"}); err != nil {
		t.Fatal(err)
	}
	if err := g.log.AddKeys(ctx, back); err != nil {
		t.Fatal(err)
	}
	if v, err := g.Verify(ctx, g.session, true); err != nil || v.Problem == "" {
		t.Errorf("keys put back behind the program's back are not noticed: %v", err)
	}
	if err := g.log.AddKeys(ctx, back); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	for file, b := range map[string][]byte{"index.db": index, "keys/index.key": indexKey} {
		if err := os.WriteFile(filepath.Join(g.dir, file), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g.reopen()
	if v, err := g.Verify(ctx, g.session, true); err != nil || v.Problem != "" { // a file without its side file has no tables: as good as none, and made anew
		t.Errorf("an index put back makes trouble: %q, %v", v.Problem, err)
	}
	g.verify()
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if found := g.holds(g.dir); len(found) > 0 {
		t.Errorf("still there:\n%s", strings.Join(found, "\n"))
	}
}

func TestEraseNeedsTheRight(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	for name, change := range map[string]func(*access.Member){
		"a case worker":                 func(m *access.Member) { m.Roles = []access.Role{access.CaseWorker} },
		"another organisation's member": func(m *access.Member) { m.Orgs = m.Orgs[1:] },
	} {
		other := *g.session
		change(&other.Member)
		err := g.Erase(ctx, &other, g.cases[0], Erasure{Why: "wish", Reason: "because"})
		if !errors.Is(err, ErrNotAllowed) && !errors.Is(err, ErrNotFound) {
			t.Errorf("%s may erase: %v", name, err)
		}
	}
	for _, e := range []Erasure{{Why: "wish"}, {Why: "nonsense", Reason: "because"}, {Reason: "because"}} {
		if err := g.Erase(ctx, g.session, g.cases[0], e); err == nil {
			t.Errorf("%+v was taken", e)
		}
	}
	// An erasure is written by Erase alone.
	put := Put{Record: ledger.NewID().String(), Kind: kindErasure, Fields: casefile.Fields{"what": {"whole"}, "why": {"wish"}, "date": {"2022-06-24"}}}
	if err := g.Write(ctx, g.session, g.cases[0], []Put{put}, nil, "", ""); err == nil || len(g.erasures(g.cases[0])) > 0 {
		t.Errorf("an erasure was written as a record: %v", err)
	}
}

// erasures are the records of a case that say that something was erased.
func (g *register) erasures(id string) []*casefile.Record {
	g.t.Helper()
	view, err := g.Case(context.Background(), g.session, id, Clock{})
	if err != nil {
		g.t.Fatal(err)
	}
	return slices.DeleteFunc(view.Records, func(rec *casefile.Record) bool { return rec.Kind != kindErasure })
}
