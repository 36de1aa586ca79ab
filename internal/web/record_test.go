// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/safecopy"
	"github.com/kua-registry/kua/internal/seal"
	"github.com/kua-registry/kua/internal/wording"
)

// desktop is a register of its own with its pages, and a browser that has signed in.
type desktop struct {
	*browser
	t       *testing.T
	reg     *registry.Registry
	session *access.Session
	caseID  string
}

// rulebook is loaded once for all the registers that the tests open.
var rulebook = registry.Rulebooks(registry.LoadRulebook)

func newDesktop(t *testing.T, lang string) *desktop {
	t.Helper()
	return newDesktopOf(t, registry.DefaultPack, lang)
}

// newDesktopOf is a desktop at a register with a pack.
func newDesktopOf(t *testing.T, pack, lang string) *desktop {
	t.Helper()
	cheap := seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1}
	now := time.Date(2022, 7, 1, 9, 0, 0, 0, time.UTC)
	reg, s, err := registry.Create(context.Background(), filepath.Join(t.TempDir(), "reg"), registry.FirstMember{Name: "Sample Member", Lang: lang, Passphrase: rightWord},
		registry.Options{Now: func() time.Time { return now }, Stretch: cheap, Least: cheap, Rulebook: rulebook, Pack: pack, Open: safecopy.Make})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reg.Close() })
	if _, err := reg.AddOrganisation(context.Background(), s, registry.NewOrganisation{Name: "North", Counts: true}); err != nil {
		t.Fatal(err)
	}
	d := &desktop{browser: newBrowser(t, pagesOf(t, reg), lang), t: t, reg: reg}
	if w := d.post("/sign-in", "name", "Sample Member", "passphrase", rightWord); w.Code != http.StatusSeeOther {
		t.Fatalf("sign-in: %d", w.Code)
	}
	d.session, _ = reg.Session(d.cookies["kua"])
	if d.session == nil {
		t.Fatal("no session")
	}
	d.caseID = d.open("person.family", "Асанов", "report.received", "12.01.2022")
	return d
}

// pagesOf are the pages of a register.
func pagesOf(t *testing.T, reg *registry.Registry) http.Handler {
	t.Helper()
	words, err := loadedWords()
	if err != nil {
		t.Fatal(err)
	}
	pages, err := New(reg, words, Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// open opens a case through its page and answers its id.
func (d *desktop) open(pairs ...string) string {
	d.t.Helper()
	w := d.post("/cases/new", pairs...)
	to := w.Header().Get("Location")
	id, ok := strings.CutPrefix(to, "/cases/")
	if w.Code != http.StatusSeeOther || !ok {
		d.t.Fatalf("%d to %q: %s", w.Code, to, problemsOn(w.Body.String()))
	}
	id, _, _ = strings.Cut(id, "/")
	return id
}

// problemsOn is what a page says is wrong.
func problemsOn(page string) string {
	_, rest, _ := strings.Cut(page, `id="problems"`)
	text, _, _ := strings.Cut(rest, "</div></div>")
	return text
}

// save sends a form and answers the id of the record it made.
func (d *desktop) save(path string, pairs ...string) string {
	d.t.Helper()
	w := d.post(path, pairs...)
	to := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.Contains(to, "?saved=1") {
		d.t.Fatalf("%s: %d to %q: %s", path, w.Code, to, problemsOn(w.Body.String()))
	}
	to, _, _ = strings.Cut(to, "?")
	return to[strings.LastIndex(to, "/")+1:]
}

func (d *desktop) record(id string) *casefile.Record {
	d.t.Helper()
	file, err := d.reg.Case(context.Background(), d.session, d.caseID, registry.Clock{})
	if err != nil {
		d.t.Fatal(err)
	}
	for _, rec := range slices.Concat(file.Records, file.Withdrawn) {
		if rec.ID == id {
			return rec
		}
	}
	d.t.Fatalf("no record %s", id)
	return nil
}

func TestFormsTakeWhatPeopleWrite(t *testing.T) {
	d := newDesktop(t, "ru")
	add := "/cases/" + d.caseID + "/add/"
	id := d.save(add+"detention", "f.from", "в ночь с 4 на 5 января 2022", "f.body", "Полиция", "f.reason_given", "no", "f.officers", "неизвестно", "f.lawyer_access", "unknown")
	rec := d.record(id)
	for field, want := range map[string]string{"from": "2022-01-04/2022-01-05", "body": "police", "reason_given": "no", "officers": "unknown", "lawyer_access": "unknown", "to": ""} {
		if got := rec.Get(field); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
	page := d.get("/cases/" + d.caseID + "/records/" + id + "?saved=1").Body.String()
	if !strings.Contains(page, "4–5 января 2022") && !strings.Contains(page, "с 4 на 5 января 2022") {
		t.Error("the page after saving does not show the date as it was understood")
	}
	id = d.save(add+"act", "f.date", "январь 2022", "f.methods", "beating", "f.methods.more", "Угрозы ; иное", "f.methods_other", "кусали собаки")
	if got := strings.Join(d.record(id).Fields["methods"], " "); !strings.Contains(got, "beat") || !strings.Contains(got, "other") || d.record(id).Get("methods_other") != "кусали собаки" {
		t.Errorf("methods: %v", d.record(id).Fields)
	}
	// What is not understood comes back as it was typed, with the reason.
	w := d.post(add+"detention", "f.from", "05/01/2022", "f.body", "полицяи", "f.place", "за «складом»")
	body := w.Body.String()
	if w.Code != http.StatusUnprocessableEntity || !strings.Contains(body, `value="05/01/2022"`) || !strings.Contains(body, `aria-invalid="true"`) || !strings.Contains(body, "за «складом»") {
		t.Errorf("%d: %s", w.Code, problemsOn(body))
	}
	if !strings.Contains(problemsOn(body), `href="#f-from"`) || !strings.Contains(problemsOn(body), `href="#f-body"`) {
		t.Errorf("the summary does not lead to the fields: %s", problemsOn(body))
	}
	if w := d.post(add + "detention"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("an empty form: %d", w.Code)
	}
	for _, path := range []string{add + "grant", add + "review", add + "nothing", "/state/organisation/new", "/state/match/new", "/cases/none/add/act"} {
		if w := d.get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
		if w := d.post(path, "f.date", "2022"); w.Code != http.StatusNotFound {
			t.Errorf("POST %s: %d", path, w.Code)
		}
	}
}

func TestTwoWriteAtOnce(t *testing.T) {
	d := newDesktop(t, "en")
	id := d.save("/cases/"+d.caseID+"/add/complaint", "f.filed", "yes", "f.date", "20 January 2022", "f.summary", "first")
	edit := "/cases/" + d.caseID + "/records/" + id + "/edit"
	// Somebody else changes the day and the summary.
	d.save(edit, "seen", "1", "reason", "news", "f.filed", "yes", "f.date", "21 January 2022", "f.summary", "second")
	// Whoever began before: changed the summary and the article.
	w := d.post(edit, "seen", "1", "reason", "mine", "f.filed", "yes", "f.date", "20 January 2022", "f.summary", "third", "f.article_written", "146 part 2")
	page := w.Body.String()
	if w.Code != http.StatusUnprocessableEntity || len(d.record(id).History) != 2 {
		t.Fatalf("%d, %d changes", w.Code, len(d.record(id).History))
	}
	for _, want := range []string{"Somebody", "third", "146 part 2", `value="21 January 2022"`, "second", `name="theirs.summary"`, `name="seen" value="2"`} {
		if !strings.Contains(strings.ToLower(page), strings.ToLower(want)) {
			t.Errorf("the page does not have %q", want)
		}
	}
	// Mine, with their day.
	d.save(edit, "seen", "2", "reason", "mine", "f.filed", "yes", "f.date", "21 January 2022", "f.summary", "third", "f.article_written", "146 part 2")
	rec := d.record(id)
	if rec.Get("summary") != "third" || rec.Get("date") != "2022-01-21" || rec.Get("article_written") != "146 part 2" {
		t.Errorf("%v", rec.Fields)
	}
	// Theirs, on demand.
	w = d.post(edit, "seen", "2", "reason", "mine", "f.filed", "yes", "f.date", "21 January 2022", "f.summary", "fourth", "theirs.summary", "1")
	if !strings.Contains(w.Body.String(), ">third</textarea>") {
		t.Error("their summary was asked for and is not in the form")
	}
	// Taken back meanwhile: saving brings it back, and says so.
	if w := d.post("/cases/"+d.caseID+"/records/"+id+"/withdraw", "seen", "3", "reason", "twice"); w.Code != http.StatusSeeOther {
		t.Fatalf("withdraw: %d", w.Code)
	}
	if page := d.get(edit).Body.String(); !strings.Contains(page, "was taken back") {
		t.Error("the form does not say that the record was taken back")
	}
	if w := d.post("/cases/"+d.caseID+"/records/"+id+"/withdraw", "seen", "4", "reason", "again"); w.Code != http.StatusNotFound && w.Code != http.StatusSeeOther {
		t.Errorf("withdrawn twice: %d", w.Code)
	}
	d.save(edit, "seen", "4", "reason", "it was right", "f.filed", "yes", "f.date", "20 January 2022")
	if d.record(id).Withdrawn {
		t.Error("it was not brought back")
	}
	page = d.get("/cases/" + d.caseID + "/records/" + id).Body.String()
	if strings.Count(page, "version=") < 3 || !strings.Contains(page, "it was right") {
		t.Error("the history is not whole")
	}
	page = d.get(edit + "?version=1").Body.String()
	if !strings.Contains(page, `value="20 January 2022"`) || !strings.Contains(page, ">first</textarea>") {
		t.Error("an earlier version is not in the form")
	}
	if w := d.post(edit, "seen", "5", "f.filed", "no"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("without a reason: %d", w.Code)
	}
}

func TestDraftsAndRecordsOnTheSpot(t *testing.T) {
	d := newDesktop(t, "en")
	add := "/cases/" + d.caseID + "/add/act"
	w := d.post(add, "f.date", "6 January 2022", "f.place", "the yard", "then", "new.facility")
	to := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/state/facility/new?back=") {
		t.Fatalf("%d to %q", w.Code, to)
	}
	at, _ := url.Parse(to)
	w = d.post("/state/facility/new", "f.name", "Station 5", "f.region", "Almaty city", "back", at.Query().Get("back"))
	to = w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(to, add+"?draft=") || !strings.HasSuffix(to, "#f-facility") {
		t.Fatalf("%d to %q: %s", w.Code, to, problemsOn(w.Body.String()))
	}
	page := d.get(strings.TrimSuffix(to, "#f-facility")).Body.String()
	for _, want := range []string{"6 January 2022", "the yard", "selected>Station 5"} {
		if !strings.Contains(page, want) {
			t.Errorf("the form that was put aside lacks %q", want)
		}
	}
	draft := at.Query().Get("back")[:32]
	known, err := d.reg.Known(context.Background(), d.session, "facility")
	if err != nil || len(known) != 1 {
		t.Fatal(known, err)
	}
	if page := d.get("/drafts").Body.String(); !strings.Contains(page, draft) {
		t.Error("the draft is not on the list")
	}
	id := d.save(add, "f.date", "6 January 2022", "f.facility", known[0].ID, "draft", draft)
	if d.record(id).Get("facility") != known[0].ID {
		t.Errorf("%v", d.record(id).Fields)
	}
	if page := d.get("/drafts").Body.String(); strings.Contains(page, draft) {
		t.Error("the draft is there after it was saved")
	}
	// The script's own way.
	w = d.post(add, "f.date", "early June 2022", "then", "autosave")
	var kept autosaved
	if err := json.Unmarshal(w.Body.Bytes(), &kept); err != nil || kept.Draft == "" || !strings.Contains(kept.Read["f-date"], "une 2022") && kept.Read["f-date"] != "" {
		t.Fatalf("%s: %v", w.Body, err)
	}
	w = d.post(add, "f.date", "5/1/22", "then", "autosave", "draft", kept.Draft)
	var again autosaved
	if err := json.Unmarshal(w.Body.Bytes(), &again); err != nil || again.Draft != kept.Draft || again.Problem["f-date"] == "" {
		t.Fatalf("%s: %v", w.Body, err)
	}
	if page := d.get(add + "?draft=" + kept.Draft).Body.String(); !strings.Contains(page, `value="5/1/22"`) {
		t.Error("a draft does not keep what was not understood")
	}
	d.post("/drafts/drop", "draft", kept.Draft)
	if w := d.get(add + "?draft=" + kept.Draft); w.Code != http.StatusNotFound {
		t.Errorf("a dropped draft: %d", w.Code)
	}
}

func TestSpellingsAreProposed(t *testing.T) {
	d := newDesktop(t, "kk")
	w := d.post("/cases/"+d.caseID+"/add/person", "f.role", "witness", "f.family", "Қасымова", "f.given", "Әлия", "then", "spell")
	page := w.Body.String()
	if !strings.Contains(page, `name="spelt" value="Касымова Алия"`) || !strings.Contains(page, "Kassymova") {
		t.Error("no spellings are proposed")
	}
	id := d.save("/cases/"+d.caseID+"/add/person", "f.role", "witness", "f.family", "Қасымова", "f.given", "Әлия", "spelt", "Kassymova Aliya", "f.other_names", "Aliya apa")
	if got := d.record(id).Fields["other_names"]; !slices.Equal(got, []string{"Aliya apa", "Kassymova Aliya"}) {
		t.Errorf("%q", got)
	}
}

// TestFormRoundTrip holds that a form gives back what it was filled in with,
// for every kind that has one, whatever valid values a record has.
func TestFormRoundTrip(t *testing.T) {
	book, err := registry.LoadBook(registry.DefaultPack)
	if err != nil {
		t.Fatal(err)
	}
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	var kinds []*codebook.Kind
	for _, k := range book.Kinds() {
		if formable(k) || sharedKind(k.ID) {
			kinds = append(kinds, k)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		k := kinds[rapid.IntRange(0, len(kinds)-1).Draw(rt, "kind")]
		lang := rapid.SampledFrom([]string{"en", "ru", "kk"}).Draw(rt, "lang")
		f := &fieldForm{visit: &visit{voice: &voice{Words: wording.New(words.Lang(lang), book), book: book}}, kind: k, prefix: fieldPrefix, refs: map[string]referable{}}
		fields := casefile.Fields{}
		for _, field := range f.all() {
			if !field.Required && rapid.IntRange(0, 2).Draw(rt, "skip") > 0 {
				continue
			}
			var values []string
			switch field.Type {
			case codebook.Code:
				list, _ := book.List(field.List)
				values = []string{list.Codes[rapid.IntRange(0, len(list.Codes)-1).Draw(rt, field.ID)].Code}
			case codebook.Date:
				values = []string{rapid.SampledFrom([]string{"2022-01-05", "2022-01-04/2022-01-05", "2022-06~", "2022-01", "2022-01-XX", "2022-06-01~/2022-06-10~", "2022-01-05/..", "unknown"}).Draw(rt, field.ID)}
			case codebook.YesNo:
				values = []string{rapid.SampledFrom([]string{"yes", "no", "unknown", "declined"}).Draw(rt, field.ID)}
			case codebook.Number:
				values = []string{rapid.SampledFrom([]string{"0", "12", "unknown"}).Draw(rt, field.ID)}
			case codebook.Share:
				values = []string{"0.5"}
			case codebook.Ref:
				id := strings.Repeat(rapid.SampledFrom([]string{"a", "b"}).Draw(rt, field.ID), 32)
				f.refs[field.RefKind] = referable{ids: []string{strings.Repeat("a", 32), strings.Repeat("b", 32)}, titles: map[string]string{strings.Repeat("a", 32): "One", strings.Repeat("b", 32): "Two"}}
				values = []string{id}
			default:
				values = []string{rapid.StringMatching(`[a-zа-яәқ0-9«»<"&]{1,12}( [a-zа-яәқ]{1,5})?`).Draw(rt, field.ID)}
				if _, missing := locale.ReadMissing(values[0]); missing {
					values = []string{"text"}
				}
			}
			fields[field.ID] = values
		}
		typed := f.typed(fields)
		f.read(typed)
		for _, field := range f.all() {
			if !slices.Equal(f.fields[field.ID], fields[field.ID]) {
				rt.Fatalf("%s.%s in %s: %q became %q (typed %q)", k.ID, field.ID, lang, fields[field.ID], f.fields[field.ID], typed[f.name(field.ID)])
			}
		}
		// And by the words that the page shows, where it is searched for by typing.
		for _, sec := range f.sections(typed) {
			for _, in := range sec.Inputs {
				if in.Widget == "find" && in.Value != "" {
					typed.Set(in.Name, in.Value)
				}
			}
		}
		f.read(typed)
		for _, field := range f.all() {
			if !slices.Equal(f.fields[field.ID], fields[field.ID]) {
				rt.Fatalf("%s.%s in %s by words: %q became %q (typed %q)", k.ID, field.ID, lang, fields[field.ID], f.fields[field.ID], typed[f.name(field.ID)])
			}
		}
	})
}

// TestNothingIsLostWhenTheSessionEnds holds that what somebody wrote comes back
// to them when they send it after their session has ended, and that a form
// with nothing written in it does not.
func TestNothingIsLostWhenTheSessionEnds(t *testing.T) {
	d := newDesktop(t, "en")
	d.reg.LockOwn(d.session)
	path := "/cases/" + d.caseID + "/add/note"
	w := d.post(path, "f.text", "an hour's work <b>", "proof", "never", "then", "draft")
	page := w.Body.String()
	if w.Code != http.StatusUnauthorized || !strings.Contains(page, `name="f.text" value="an hour&#39;s work &lt;b&gt;"`) || !strings.Contains(page, `action="`+path+`"`) {
		t.Fatalf("%d: %s", w.Code, page)
	}
	if strings.Contains(page, "never") {
		t.Error("a passphrase stands in the page")
	}
	if w := d.post(path, "f.text", ""); w.Code != http.StatusSeeOther {
		t.Errorf("with nothing written: %d", w.Code)
	}
	if w := d.post("/sign-in", "name", "Sample Member", "passphrase", rightWord); w.Code != http.StatusSeeOther {
		t.Fatalf("sign-in: %d", w.Code)
	}
	d.session, _ = d.reg.Session(d.cookies["kua"])
	id := d.save(path, "f.text", "an hour's work <b>")
	if d.record(id).Get("text") != "an hour's work <b>" {
		t.Error("it was not saved")
	}
}

// TestNewCaseTellsOfOneAlike holds that a second case of a name is opened only
// by whoever has seen the first.
func TestNewCaseTellsOfOneAlike(t *testing.T) {
	d := newDesktop(t, "en")
	w := d.post("/cases/new", "person.family", "Асанова", "report.received", "12.01.2022")
	page := w.Body.String()
	if w.Code != http.StatusConflict || !strings.Contains(problemsOn(page), "/cases/"+d.caseID) || !strings.Contains(page, `name="sure"`) {
		t.Fatalf("%d: %s", w.Code, problemsOn(page))
	}
	if id := d.open("person.family", "Асанова", "report.received", "12.01.2022", "sure", "1"); id == d.caseID {
		t.Error("no second case")
	}
	d.open("person.family", "Бекова", "report.received", "12.01.2022")
	d.open("report.received", "12.01.2022") // without a name
	d.open("person.family", "unknown", "report.received", "12.01.2022")
}
