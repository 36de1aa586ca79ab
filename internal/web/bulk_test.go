// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// worker signs in somebody who works with cases.
func worker(t *testing.T, f *fake, lang string) *browser {
	t.Helper()
	b := newBrowser(t, newPages(t, f), lang)
	if w := b.post("/sign-in", "name", "Sample Worker", "passphrase", rightWord); w.Code != http.StatusSeeOther {
		t.Fatalf("sign-in: %d", w.Code)
	}
	return b
}

var threeCases = strings.Join([]string{caseOne, caseTwo, caseThree}, ",")

func TestGoldenBulk(t *testing.T) {
	for _, lang := range languages {
		f := newFake(t)
		b := worker(t, f, lang)
		see := func(name, path string) { golden(t, lang+"-"+name, b.get(path).Body.Bytes()) }
		send := func(name, path string, pairs ...string) {
			golden(t, lang+"-"+name, b.post(path, pairs...).Body.Bytes())
		}
		see("cases-worker", "/cases?stage=closed&q=K-1")
		see("searches", "/searches?done=saved")
		see("bulk-task", "/bulk/task?case="+caseOne+"&case="+caseTwo)
		see("bulk-none", "/bulk/task")
		see("bulk-grant", "/bulk/grant?all=1&search="+url.QueryEscape("stage=closed&as_of=2022-05-17"))
		see("bulk-many", "/bulk/grant?all=1&search="+url.QueryEscape("q=everything"))
		send("bulk-task-wrong", "/bulk/task", "cases", threeCases, "act", "look", "kind", "", "text", hostile)
		send("bulk-task-plan", "/bulk/task", "cases", threeCases, "act", "look", "kind", "appeal", "text", hostile, "due", "2022-07-01", "assigned", "Айгүл", "reason", hostile)
		send("bulk-grant-plan", "/bulk/grant", "cases", threeCases, "act", "look", "to", orgSouth, "part", "fact", "until", "2022-12-31", "reason", "they defend them")
		send("bulk-grant-wrong", "/bulk/grant", "cases", threeCases, "act", "look", "to", "nobody", "part", "fact", "reason", "x")
		send("bulk-changed", "/bulk/task", "cases", threeCases, "act", "do", "set", "old", "kind", "appeal", "reason", "why")
		see("bulk-done", "/bulk/done/"+bulkID)
		send("searches-wrong", "/searches", "query", "region=R-1", "name", " ")
		see("keys", "/keys?done=on")
		f.undone = true
		send("bulk-undo-wrong", "/bulk/done/"+bulkID)
		see("bulk-undone", "/bulk/done/"+bulkID+"?left=1")
		see("bulk-not-there", "/bulk/done/"+caseOne)
	}
}

// TestBulkSteps goes from the ticked rows to the act and back, without script.
func TestBulkSteps(t *testing.T) {
	f := newFake(t)
	b := worker(t, f, "en")
	list := b.get("/cases?region=R-1&as_of=2022-05-17").Body.String()
	for _, want := range []string{`form="bulk" name="case" value="` + caseOne + `"`, `name="search" value="as_of=2022-05-17&amp;region=R-1"`, `formaction="/bulk/grant"`} {
		if !strings.Contains(list, want) {
			t.Errorf("the list has no %s", want)
		}
	}
	if page := signedIn(t, f, "en").get("/cases").Body.String(); strings.Contains(page, "bulk/task") || strings.Contains(page, `name="case"`) {
		t.Error("who may do nothing at once is offered it")
	}
	b.get("/bulk/task?all=1&search=" + url.QueryEscape("region=R-1&as_of=2022-05-17"))
	if !slices.Equal(f.asked.Facets["region"], []string{"R-1"}) || f.asked.Clock.AsOf != day("2022-05-17") {
		t.Errorf("all that the search finds was asked for as %+v", f.asked)
	}
	form := url.Values{"cases": {threeCases}, "act": {"do"}, "set": {"the-set"}, "kind": {"appeal"}, "due": {"2022-07-01"}, "reason": {"a round of calls"}}
	if w := b.form("/bulk/task", form); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/bulk/done/"+bulkID {
		t.Fatalf("done: %d %s", w.Code, w.Header().Get("Location"))
	}
	if got := f.did[len(f.did)-1]; !strings.HasPrefix(got, "task 3 a round of calls map[") || !strings.Contains(got, "due:[2022-07-01]") || !strings.Contains(got, "status:[open]") {
		t.Errorf("it did %q", got)
	}
	// A grant asks for the passphrase, and then is what the preview showed.
	f.at = f.at.Add(30 * time.Minute)
	form = url.Values{"cases": {threeCases}, "act": {"do"}, "set": {"the-set" + caseThree}, "to": {orgSouth}, "part": {"fact"}, "also": {caseThree}, "reason": {"they defend them"}}
	w := b.form("/bulk/grant", form)
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `name="also" value="`+caseThree+`"`) {
		t.Fatalf("without fresh proof: %d", w.Code)
	}
	form.Set(proofField, rightWord)
	if w = b.form("/bulk/grant", form); w.Code != http.StatusSeeOther {
		t.Fatalf("with the passphrase: %d", w.Code)
	}
	if got := f.did[len(f.did)-1]; got != "grant 3 they defend them map[] "+orgSouth {
		t.Errorf("it did %q", got)
	}
	if w := b.post("/bulk/done/" + bulkID); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/bulk/done/"+bulkID+"?left=1" || f.did[len(f.did)-1] != "undo Taken back in all cases at once" {
		t.Errorf("taken back: %d %s %v", w.Code, w.Header().Get("Location"), f.did)
	}
	if w := signedIn(t, f, "en").get("/bulk/grant?case=" + caseOne); w.Code != http.StatusForbidden {
		t.Errorf("who may not grant gets the form: %d", w.Code)
	}
}

// TestSavedSearchKeepsNoDay: what is kept is what is looked for, and today is always another day.
func TestSavedSearchKeepsNoDay(t *testing.T) {
	f := newFake(t)
	b := worker(t, f, "en")
	if w := b.post("/searches", "name", "Mine", "query", "q=%D0%B0&region=R-1&as_of=2022-01-01&known_by=2022-01-01&after=x&evil=1", "share", orgSouth); w.Code != http.StatusSeeOther {
		t.Fatalf("saved: %d", w.Code)
	}
	if got := f.did[len(f.did)-1]; got != "save Mine|q=%D0%B0&region=R-1|"+orgSouth {
		t.Errorf("kept %q", got)
	}
	if w := b.post("/searches", "name", "x", "query", "%zz"); w.Code != http.StatusBadRequest {
		t.Errorf("a search that is none: %d", w.Code)
	}
	if w := b.post("/searches/" + searchID + "/drop"); w.Code != http.StatusSeeOther || f.did[len(f.did)-1] != "drop "+searchID {
		t.Errorf("removed: %d %v", w.Code, f.did)
	}
	page := b.get("/searches").Body.String()
	if !strings.Contains(page, "It asks for something that is not there any more.") {
		t.Error("a saved search for a rule that is gone is not told as such")
	}
}

// TestKeysCanBeSwitchedOff: no page has the script of the shortcuts then.
func TestKeysCanBeSwitchedOff(t *testing.T) {
	b := worker(t, newFake(t), "en")
	has := func() bool { return strings.Contains(b.get("/cases").Body.String(), "/keys.js") }
	if !has() {
		t.Fatal("there are no shortcuts")
	}
	if w := b.post("/keys", "keys", "off"); w.Code != http.StatusSeeOther || has() {
		t.Errorf("switched off: %d, they are there: %v", w.Code, has())
	}
	if w := b.post("/keys", "keys", "on"); w.Code != http.StatusSeeOther || !has() {
		t.Errorf("switched on: %d, they are there: %v", w.Code, has())
	}
	nobody := newBrowser(t, b.pages, "en")
	if strings.Contains(nobody.get("/sign-in").Body.String(), "/keys.js") {
		t.Error("the sign-in has shortcuts")
	}
}
