// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/rules"
	"github.com/kua-registry/kua/packs/kz"
)

// testRules are rules of every kind: that begin with a record, end with another, and turn with the clock alone.
const testRules = `
use: figure
counted: {en: People}
rules:
- {id: t_reports, label: {en: Reports}, help: {en: Reports}, norm: H, conf: H, expr: 'size(report) > 0'}
- {id: t_children, label: {en: Children}, help: {en: Children}, norm: H, conf: H, base: t_reports, expr: 'person.exists(p, p.role == "victim" && p.child == "yes")'}
- {id: t_146, label: {en: Article}, help: {en: Article}, norm: H, conf: H, base: t_reports, expr: 'registration.exists(r, r.article == "146")'}
- {id: t_unregistered, label: {en: None}, help: {en: None}, norm: H, conf: H, expr: 'registration.exists(r, r.status == "kui_only") && !registration.exists(r, r.status == "erdr")'}
- {id: t_silence, label: {en: Silence}, help: {en: Silence}, norm: H, conf: H, expr: 'size(report) > 0 && after(today, first(report), 30) && size(examination) == 0'}
- {id: t_no_exam, use: check, severity: B, label: {en: Not examined}, help: {en: Not examined}, norm: H, conf: H, when: 'size(report) > 0', expr: 'after(today, first(report), 30) && size(examination) == 0'}
- {id: t_register, use: deadline, owes: them, kind: due, label: {en: Registered}, help: {en: Registered}, norm: H, conf: H, each: report, from: it.received, n: 1, unit: day, by: registration, done: 'by.status == "erdr"', on: by.when}
`

// law is the codebook and its rules, as the program has them.
type law struct {
	book *codebook.Book
	set  *rules.Set
}

func theLaw(t testing.TB) law {
	t.Helper()
	book, err := codebook.Load(codebook.Data, kz.Data, fstest.MapFS{"rules/index.yaml": {Data: []byte(testRules)}})
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Compile(book)
	if err != nil {
		t.Fatal(err)
	}
	return law{book, set}
}

var testKey = [32]byte{7, 7, 7}

func (l law) open(t testing.TB, path string) *Index {
	t.Helper()
	ix, err := Open(context.Background(), path, testKey, l.book, l.set)
	if err != nil {
		t.Fatal(err)
	}
	return ix
}

// empty opens a new index that the test closes.
func (l law) empty(t testing.TB) *Index {
	t.Helper()
	ix := l.open(t, filepath.Join(t.TempDir(), "index.db"))
	t.Cleanup(func() {
		if err := ix.Close(); err != nil {
			t.Error(err)
		}
	})
	return ix
}

// id makes a record id out of a letter and a number.
func id(letter byte, n int) string { return fmt.Sprintf("%02x%030x", letter, n) }

// teller tells a story: acts in the order of a ledger.
type teller struct {
	acts []Act
	pos  uint64
	now  time.Time
	by   string // who writes; empty: the first member
}

func newTeller() *teller {
	return &teller{now: time.Date(2022, 1, 10, 9, 0, 0, 0, time.UTC)}
}

// rec is one entry to be: a put, or with no fields a withdrawal.
type rec struct {
	id, kind string
	fields   casefile.Fields
}

// fields reads "name=value" pairs; a name that comes again has several values.
func fields(pairs ...string) casefile.Fields {
	f := casefile.Fields{}
	for i := 0; i < len(pairs); i += 2 {
		f[pairs[i]] = append(f[pairs[i]], pairs[i+1])
	}
	return f
}

func (w *teller) act(stream string, recs ...rec) {
	var act Act
	for _, r := range recs {
		op := casefile.Put
		if r.fields == nil {
			op = casefile.Withdraw
		}
		act.Entries = append(act.Entries, Entry{Stream: stream, Entry: casefile.Entry{
			Pos: w.pos, At: w.now, Record: r.id, Kind: r.kind, Op: op, Fields: r.fields, Author: cmp.Or(w.by, id('m', 1)),
		}})
		w.pos++
	}
	w.acts = append(w.acts, act)
}

func (w *teller) org(n int, counts string) string {
	w.act(id('o', n), rec{id('o', n), "organisation", fields("name", fmt.Sprintf("Organisation %d (invented)", n), "counts", counts)})
	return id('o', n)
}

func (w *teller) match(n int, a, b, verdict string) {
	w.act(id('p', n), rec{id('p', n), "match", fields("a", a, "b", b, "verdict", verdict)})
}

// someone is a case as the tests tell it.
type someone struct {
	org, number, external, name, sex, child, region, received, incident, place, method, article, register, summary string
}

func (w *teller) someone(n int, s someone) string {
	stream := id('c', n)
	at := func(k int) string { return fmt.Sprintf("%02x%014x%016x", 'r', n, k) }
	recs := []rec{
		{stream, "case", fields("org", s.org, "number", s.number, "external_id", s.external, "opened", s.received)},
		{at(1), "report", fields("received", s.received, "region", s.region, "summary", s.summary)},
		{at(2), "person", fields("role", "victim", "full_name", s.name, "sex", s.sex, "child", s.child)},
		{at(3), "act", fields("date", s.incident, "methods", s.method, "place_type", s.place, "region", s.region)},
	}
	if s.article != "" {
		recs = append(recs, rec{at(4), "registration", fields("status", "erdr", "date", s.received, "article", s.article, "register_no", s.register)})
	}
	w.act(stream, recs...)
	return stream
}

func (w *teller) apply(t testing.TB, ix *Index) {
	t.Helper()
	if err := ix.Apply(context.Background(), w.acts, Head{Size: w.pos}); err != nil {
		t.Fatal(err)
	}
}

func day(t testing.TB, s string) edtf.Day {
	t.Helper()
	d, err := edtf.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
