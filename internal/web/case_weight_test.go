// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/rules"
	"github.com/kua-registry/kua/packs/kz"
)

// bigCase is an invented case of many records, of the codebook as it ships.
func bigCase(t testing.TB, records int) *fake {
	t.Helper()
	f := newFake(t)
	var err error
	if f.book, err = codebook.Load(codebook.Data, kz.Data); err != nil {
		t.Fatal(err)
	}
	if f.rules, err = rules.Compile(f.book); err != nil {
		t.Fatal(err)
	}
	var all []casefile.Entry
	put := func(kind string, fields casefile.Fields) {
		i := len(all)
		if i >= records {
			return
		}
		id := fmt.Sprintf("%032x", uint64(i)*0x9e3779b97f4a7c15) // ids look like chance, as they do
		if kind == "case" {
			id = caseOne
		}
		all = append(all, casefile.Entry{Pos: uint64(i + 1), At: moment("2022-05-02T10:30:00Z"), Author: memberID, Record: id, Kind: kind, Op: casefile.Put, Fields: fields, Source: fmt.Sprintf("Sample list, row %d", i)})
	}
	put("case", casefile.Fields{"org": {orgNorth}, "number": {"K-0001"}, "opened": {"2022-01-12"}})
	put("report", casefile.Fields{"received": {"2022-01-12"}, "channel": {"interview"}, "region": {"KZ-27"}, "summary": {strings.Repeat("Invented for the measurement. ", 8)}})
	put("person", casefile.Fields{"role": {"victim"}, "full_name": {"Үлгілі Әбілғазы Қиялұлы"}, "sex": {"m"}, "birth": {"1988-03-04"}})
	put("person", casefile.Fields{"role": {"lawyer"}, "full_name": {"Примерова Сауле"}, "with_coalition": {"yes"}})
	for n := 0; len(all) < records; n++ {
		day := func(i int) []string { return []string{day("2022-01-04").Add(n*11 + i).String()} }
		put("detention", casefile.Fields{"from": day(0), "to": day(1), "how": {"stopped_in_street"}, "place_type": {"police_city"}, "region": {"KZ-27"}, "body": {"police"}, "officers": {"3"}})
		put("act", casefile.Fields{"date": day(0), "methods": {"beat", "beat_object", "humiliation", "threat_death"}, "instruments": {"hands_feet", "truncheon"}, "place_type": {"vehicle"}, "region": {"KZ-27"}, "body": {"police"}, "perpetrators": {"3"}, "account": {strings.Repeat(fmt.Sprintf("Account %d, invented. ", n), 12)}})
		put("injury", casefile.Fields{"date": day(1), "kind": {"bruise"}, "body_region": {"head", "neck_back"}, "recorded_by": {"doctor"}})
		put("complaint", casefile.Fields{"filed": {"yes"}, "date": day(2), "to_body": {"prosecutor"}, "channel": {"lawyer"}, "by_role": {"lawyer"}, "receipt_given": {"no"}})
		put("transfer", casefile.Fields{"date": day(3), "from_body": {"prosecutor"}, "to_body": {"acs"}})
		put("registration", casefile.Fields{"status": {"erdr"}, "date": day(5), "article_written": {"146 part 2"}, "article": {"146"}, "part": {"2"}, "offence": {"torture_qualified"}, "body": {"acs"}, "register_no": {fmt.Sprintf("22%013d", n)}})
		put("examination", casefile.Fields{"kind": {"sme"}, "official": {"yes"}, "ordered": day(6), "held": day(8), "minutes": {"20"}, "setting": {"acs_premises"}, "private": {"no"}})
		put("evidence", casefile.Fields{"kind": {"cctv"}, "date": day(0), "state": {"exists_not_secured"}, "held_by": {"police"}, "shows": {"presence"}, "place_type": {"police_city"}})
		put("request", casefile.Fields{"kind": {"decision_copy"}, "filed": day(9), "by_role": {"lawyer"}, "answer": {"refused"}, "pretexts": {"copy_withheld"}})
		put("decision", casefile.Fields{"kind": {"closed"}, "date": day(9), "ground": {"kz.35-2"}, "reasons_given": {"no"}, "steps_listed": {"no"}})
		put("notice", casefile.Fields{"date": day(9), "channel": {"sms"}, "from_body": {"prosecutor"}, "ground_given": {"yes"}, "copy_given": {"no"}})
		put("contact", casefile.Fields{"date": day(10), "way": {"signal"}, "summary": {fmt.Sprintf("Called, invented, %d.", n)}})
		put("task", casefile.Fields{"kind": {"secure_video"}, "status": {"open"}, "set": day(10), "text": {fmt.Sprintf("Invented task %d", n)}})
		put("consent", casefile.Fields{"purpose": {"complain"}, "state": {"given"}, "given": day(1)})
	}
	file := casefile.Fold(f.book, caseOne, all)
	today := day("2022-06-24")
	f.whole = &registry.CaseView{
		MayWrite: true, Counted: true, Row: f.rows()[0], Review: fakeReviews["draft"], Stage: file.Stage(today), Records: file.Records(), Timeline: file.Timeline(),
		Checks: f.rules.Checks(file, today), Deadlines: f.rules.Deadlines(file, today),
	}
	return f
}

// pageWeight is what a browser takes in to show a page: the page itself and all
// the files it names, each as it is sent.
func pageWeight(t testing.TB, b *browser, path string) (sent, raw int, by string) {
	t.Helper()
	get := func(path string) []byte {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		w := b.ask(r)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d", path, w.Code)
		}
		return w.Body.Bytes()
	}
	zipped := get(path)
	page := b.get(path).Body.Bytes()
	sent, raw = len(zipped), len(page)
	by = fmt.Sprintf("%d the page (%d before it is compressed)", sent, raw)
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`).FindAllSubmatch(page, -1) {
		if href := string(m[1]); !seen[href] {
			seen[href] = true
			n := len(get(href))
			sent += n
			by += fmt.Sprintf(", %d %s", n, href[strings.LastIndexByte(href, '/')+1:])
		}
	}
	if !bytes.HasPrefix(zipped, []byte{0x1f, 0x8b}) {
		t.Errorf("%s is not compressed", path)
	}
	return sent, raw, by
}

// TestPageWeight holds the whole page of a case of 200 records under 100 kB as
// it is sent, and under half a megabyte as a phone has to read it.
//
//	go test ./internal/web -run PageWeight -v
func TestPageWeight(t *testing.T) {
	const most, mostRaw = 100 * 1000, 500 * 1000
	f := bigCase(t, 200)
	if n := len(f.whole.Records); n != 200 {
		t.Fatalf("%d records", n)
	}
	for _, lang := range languages {
		b := signedIn(t, f, lang)
		for _, path := range []string{"/cases/" + caseOne, "/cases/" + caseOne + "?open=all"} {
			sent, raw, by := pageWeight(t, b, path)
			t.Logf("%s %s: %d bytes: %s", lang, path, sent, by)
			if sent > most || raw > mostRaw {
				t.Errorf("%s %s: %d bytes are sent, %d are read: at most %d and %d", lang, path, sent, raw, most, mostRaw)
			}
		}
	}
}

// BenchmarkCasePage is what the pages take for a case of 200 records, without the register behind them.
func BenchmarkCasePage(b *testing.B) {
	f := bigCase(b, 200)
	pages := newPages(b, f)
	who := &browser{pages: pages, cookies: map[string]string{languageCookie: "ru"}}
	s := f.sessions.Begin(f.member("Sample Member"), nil)
	who.cookies["kua"] = s.Token()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodGet, "/cases/"+caseOne, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		for name, value := range who.cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}
