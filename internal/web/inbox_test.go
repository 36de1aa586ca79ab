// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/kua-registry/kua/internal/registry"
)

// inboxPages are the pages of who takes reports from outside.
var inboxPages = []struct{ name, as, path string }{
	{"inbox", "Sample Intake", "/inbox"},
	{"inbox-handled", "Sample Taker", "/inbox?show=handled"},
	{"inbox-office", "Sample Administrator", "/inbox"},
	{"inbox-norole", "Sample Worker", "/inbox"},
	{"submission", "Sample Intake", "/inbox/" + reportUrgent + "?done=answered"},
	{"submission-new", "Sample Taker", "/inbox/" + reportNew},
	{"submission-part", "Sample Intake", "/inbox/" + reportPart},
	{"submission-gone", "Sample Intake", "/inbox/" + reportGone},
	{"submission-case", "Sample Intake", "/inbox/" + reportCase},
	{"submission-shut", "Sample Taker", "/inbox/" + reportShut},
	{"submission-taken-down", "Sample Taker", "/inbox/" + reportMore},
	{"submission-file", "Sample Intake", "/inbox/" + reportUrgent + "/files/" + fakeUpload},
	{"submission-file-cut", "Sample Taker", "/inbox/" + reportUrgent + "/files/" + cutUpload},
	{"submission-file-refused", "Sample Taker", "/inbox/" + reportUrgent + "/files/" + docUpload},
	{"submission-file-scan", "Sample Taker", "/inbox/" + reportUrgent + "/files/" + scanUpload + "?page=2"},
	{"submission-file-slow", "Sample Taker", "/inbox/" + reportPart + "/files/" + filmUpload},
	{"submission-merge", "Sample Taker", "/inbox/" + reportNew + "/merge"},
	{"inbox-keys", "Sample Intake", "/inbox/keys?done=made"},
	{"inbox-keys-taker", "Sample Taker", "/inbox/keys"},
	{"tasks-urgent", "Sample Intake", "/tasks"},
	{"tasks-taker", "Sample Taker", "/tasks"},
	{"calendar-urgent", "Sample Taker", "/calendar"},
	{"agenda-urgent", "Sample Taker", "/calendar?view=agenda&from=2022-06-20"},
}

// sealedForm puts sealed files into the form of the inbox, by their names.
func sealedForm(b *browser, files ...[2]string) *httptest.ResponseRecorder {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, f := range files {
		part, err := w.CreateFormFile("file", f[0])
		if err != nil {
			b.t.Fatal(err)
		}
		_, _ = part.Write([]byte(f[1]))
	}
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/inbox/add", &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.ask(r)
}

var (
	sealedOne  = [2]string{"one.kua", "kua-report/1\nsample"}
	sealedElse = [2]string{hostile, "kua-report/1\nof somebody else"}
	notSealed  = [2]string{"holiday.jpg", "a picture"}
	tooMuch    = [2]string{"large.kua", "too much"}
)

// inboxForms are pages that answer a form, and those of an inbox that has no
// key or nothing in it.
func inboxForms(t *testing.T, lang string) map[string]*httptest.ResponseRecorder {
	f := newFake(t)
	all, taker := signedInAs(t, f, "Sample Intake", lang), signedInAs(t, f, "Sample Taker", lang)
	empty, shut, none := newFake(t), newFake(t), newFake(t)
	empty.empty, shut.inbox.keys, none.inbox.keys = true, registry.ErrIntakeShut, registry.ErrNoIntakeKey
	answers := map[string]*httptest.ResponseRecorder{
		"inbox-empty":               signedInAs(t, empty, "Sample Taker", lang).get("/inbox"),
		"inbox-shut":                signedInAs(t, shut, "Sample Taker", lang).get("/inbox"),
		"inbox-nokey":               signedInAs(t, none, "Sample Taker", lang).get("/inbox"),
		"inbox-keys-none":           signedInAs(t, none, "Sample Administrator", lang).get("/inbox/keys"),
		"inbox-keys-ask":            signedInAs(t, none, "Sample Taker", lang).get("/inbox/keys"),
		"inbox-keys-label":          all.post("/inbox/keys/"+orgNorth+"/new", "label", strings.Repeat("a", 161)),
		"inbox-add":                 sealedForm(all, sealedOne, sealedElse),
		"inbox-add-again":           sealedForm(all, sealedOne),
		"inbox-add-wrong":           sealedForm(all, sealedOne, notSealed, tooMuch),
		"inbox-add-none":            sealedForm(all),
		"submission-answer-empty":   taker.post("/inbox/"+reportNew+"/answer", "answer.text", " ", "answer.language", "kk"),
		"submission-sorted-not":     taker.post("/inbox/"+reportNew+"/sort", "assigned", adminID),
		"submission-case-file":      all.post("/inbox/" + reportCase + "/case"),
		"submission-merge-not":      taker.post("/inbox/"+reportNew+"/sort", "into", reportNew),
		"submission-gone-meanwhile": taker.post("/inbox/"+reportGone+"/sort", "urgent", "yes"),
	}
	return answers
}

func TestGoldenInboxPages(t *testing.T) {
	for _, lang := range languages {
		for _, p := range inboxPages {
			golden(t, lang+"-"+p.name, signedInAs(t, newFake(t), p.as, lang).get(p.path).Body.Bytes())
		}
		for name, w := range inboxForms(t, lang) {
			golden(t, lang+"-"+name, w.Body.Bytes())
		}
	}
}

// TestInboxPagesInEveryLanguage holds the pages to the same shape in every
// language, with no address that leads nowhere.
func TestInboxPagesInEveryLanguage(t *testing.T) {
	shapes := map[string]string{}
	see := func(lang, name string, w *httptest.ResponseRecorder) {
		t.Helper()
		doc, err := html.Parse(bytes.NewReader(w.Body.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		var shape strings.Builder
		each(doc, func(n *html.Node) {
			switch {
			case n.Type == html.ElementNode:
				if _, styled := attr(n, "style"); styled || n.Data == "style" {
					t.Errorf("%s: a style on <%s>", name, n.Data)
				}
				shape.WriteString(n.Data + " ")
			case n.Type == html.TextNode && strings.TrimSpace(n.Data) != "":
				shape.WriteString("… ")
			}
		})
		if old, ok := shapes[name]; ok && old != shape.String() {
			t.Errorf("%s in %s has another shape than in English", name, lang)
		}
		shapes[name] = shape.String()
		if strings.Contains(w.Body.String(), "<script>alert") || strings.Contains(w.Body.String(), "<b>Co") {
			t.Errorf("%s: what somebody sent broke out of the page", name)
		}
	}
	for _, lang := range languages {
		for _, p := range inboxPages {
			b := signedInAs(t, newFake(t), p.as, lang)
			w := b.get(p.path)
			if want := map[bool]int{true: http.StatusForbidden, false: http.StatusOK}[p.name == "inbox-norole"]; w.Code != want {
				t.Errorf("%s: %d", p.name, w.Code)
			}
			see(lang, p.name, w)
			doc, err := html.Parse(bytes.NewReader(w.Body.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			each(doc, func(n *html.Node) {
				href, _ := attr(n, "href")
				if !strings.HasPrefix(href, "/inbox") || strings.Contains(href, "lang=") {
					return
				}
				if got := b.get(href); got.Code != http.StatusOK && p.name != "inbox-norole" {
					t.Errorf("%s: %s answers %d", p.name, href, got.Code)
				}
			})
		}
		for name, w := range inboxForms(t, lang) {
			see(lang, name, w)
		}
	}
}

// TestInboxActs sends every form of the pages and sees what reaches the register.
func TestInboxActs(t *testing.T) {
	f := newFake(t)
	all, taker, worker := signedInAs(t, f, "Sample Intake", "en"), signedInAs(t, f, "Sample Taker", "en"), signedInAs(t, f, "Sample Worker", "en")
	sort := "/inbox/" + reportNew + "/sort"
	for _, tt := range []struct {
		by   *browser
		path string
		form url.Values
		did  string
		code int
		to   string
	}{
		{taker, sort, url.Values{"urgent": {"yes"}}, "sorted b2b2b2b2", 303, "/inbox/" + reportNew + "?done=sorted"},
		{taker, sort, url.Values{"status": {"spam"}}, "sorted b2b2b2b2", 303, "/inbox/" + reportNew + "?done=sorted"},
		{taker, sort, url.Values{"assigned": {takerID}}, "sorted b2b2b2b2", 303, "/inbox/" + reportNew + "?done=sorted"},
		{taker, sort, url.Values{"into": {reportMore}}, "sorted b2b2b2b2", 303, "/inbox/" + reportNew + "?done=merged"},
		{taker, sort, url.Values{"status": {"case"}}, "", 422, ""},
		{taker, sort, url.Values{}, "", 400, ""},
		{taker, "/inbox/" + reportCase + "/sort", url.Values{"status": {"spam"}}, "", 422, ""},
		{taker, "/inbox/" + reportNew + "/answer", url.Values{"answer.text": {" Сәлем "}, "answer.language": {"kk"}}, "answered b2b2b2b2 in kk: Сәлем", 303, "/inbox/" + reportNew + "?done=answered"},
		{taker, "/inbox/" + reportNew + "/answer", url.Values{"answer.text": {"x"}, "answer.language": {"de"}}, "", 400, ""},
		{taker, "/inbox/" + reportGone + "/answer", url.Values{"answer.text": {"x"}, "answer.language": {"kk"}}, "", 422, ""},
		{taker, "/inbox/" + reportNew + "/case", nil, "", 403, ""},
		{all, "/inbox/" + reportNew + "/case", nil, "case of b2b2b2b2", 303, "/cases/" + caseOne},
		{all, "/inbox/" + reportGone + "/case", nil, "", 422, ""},
		{all, "/inbox/keys/" + orgNorth + "/new", url.Values{"label": {"For you"}}, "made the key For you", 303, "/inbox/keys?done=made"},
		{taker, "/inbox/keys/" + orgNorth + "/new", url.Values{"label": {"For you"}}, "", 403, ""},
		{taker, "/inbox/keys/" + orgNorth + "/share", nil, "shared the key", 303, "/inbox/keys?done=shared"},
		{worker, sort, url.Values{"urgent": {"yes"}}, "", 403, ""},
		{worker, "/inbox/" + reportNew + "/answer", url.Values{"answer.text": {"x"}, "answer.language": {"kk"}}, "", 403, ""},
		{worker, "/inbox/" + reportNew + "/case", nil, "", 403, ""},
	} {
		f.did = nil
		w := tt.by.form(tt.path, tt.form)
		if got := strings.Join(f.did, "; "); got != tt.did || w.Code != tt.code || w.Header().Get("Location") != tt.to {
			t.Errorf("%s %v: %d to %q, and the register did %q", tt.path, tt.form, w.Code, w.Header().Get("Location"), got)
		}
	}
	// One decision at a time: what the form does not say stays as it is.
	all.form(sort, url.Values{"urgent": {"no"}, "status": {"spam"}})
	if to := f.inbox.took; to.Urgent == nil || *to.Urgent || to.Status != nil || to.Assigned != nil || to.Into != nil {
		t.Errorf("a form that ends the danger says %+v", to)
	}
	// What was written is not lost where there was nothing to send.
	w := taker.post("/inbox/"+reportGone+"/answer", "answer.text", "long thought of", "answer.language", "kk")
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("an answer to what was taken back: %d", w.Code)
	}
	// A dangerous act asks for the passphrase.
	f.at = f.at.Add(6 * 60e9)
	if w := all.post("/inbox/keys/"+orgNorth+"/new", "label", "x"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "make a key for reports from outside") {
		t.Errorf("a new key without a passphrase: %d", w.Code)
	}
}

// TestSubmissionNotDoneSaysWhyRegression: a report that somebody else made part
// of another one, and an inbox that is full, were shown as a fault of the program.
func TestSubmissionNotDoneSaysWhyRegression(t *testing.T) {
	all := signedInAs(t, newFake(t), "Sample Intake", "en")
	if w := all.post("/inbox/" + reportPart + "/case"); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "made part of another one meanwhile") {
		t.Errorf("a case of a part: %d", w.Code)
	}
	w := all.post("/inbox/"+reportNew+"/answer", "answer.text", "too much", "answer.language", "en")
	if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "no room in the inbox for the answer") || !strings.Contains(w.Body.String(), ">too much</textarea>") {
		t.Errorf("an answer to a full inbox: %d", w.Code)
	}
}

// TestInboxFiles holds that a file of a report is shown as a copy, that the file
// itself goes out to who asks for it by the form with the warning alone, to be
// kept and as nothing that a browser would show, that one that breaks off is not
// taken for whole, and that others get none.
func TestInboxFiles(t *testing.T) {
	f := newFake(t)
	taker, worker := signedInAs(t, f, "Sample Taker", "en"), signedInAs(t, f, "Sample Worker", "en")
	path := "/inbox/" + reportUrgent + "/files/"
	page := taker.get(path + fakeUpload)
	if text := page.Body.String(); page.Code != 200 || !strings.Contains(text, `<img src="`+path+fakeUpload+`/shown"`) || !strings.Contains(text, "43.2565 76.9285") || !strings.Contains(text, "in the clear") || len(f.did) != 0 {
		t.Errorf("the page of a file: %d, and the register did %q", page.Code, f.did)
	}
	for at, want := range map[string][2]string{
		fakeUpload + "/shown":             {"image/jpeg", ""},
		scanUpload + "/shown?page=2":      {"image/jpeg", ""},
		scanUpload + "/shown?save=1":      {"application/octet-stream", `attachment; filename=copy-cccccccc.pdf`},
		scanUpload + "/shown":             {"", ""},
		docUpload + "/shown":              {"", ""},
		fakeUpload[:31] + "x/shown":       {"", ""},
		fakeUpload + "/shown?save=1&a=.x": {"application/octet-stream", `attachment; filename=copy-cccccccc.jpg`},
	} {
		w := taker.get(path + at)
		h := w.Header()
		if want[0] == "" {
			if w.Code != http.StatusNotFound {
				t.Errorf("%s: %d", at, w.Code)
			}
			continue
		}
		if w.Code != 200 || h.Get("Content-Type") != want[0] || h.Get("Content-Disposition") != want[1] || h.Get("Content-Security-Policy") != filePolicy || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", at, w.Code, h)
		}
	}
	if w := taker.get(path + fakeUpload + "/original"); w.Code < 400 {
		t.Errorf("a link leads to the file itself: %d", w.Code)
	}
	w := taker.post(path + fakeUpload + "/original")
	h := w.Header()
	if w.Code != 200 || w.Body.String() != "a sample of it." || h.Get("Content-Type") != "application/octet-stream" || h.Get("Content-Length") != "15" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment; ") || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %v", w.Code, w.Body, h)
	}
	for b, want := range map[*browser]int{taker: http.StatusNotFound, worker: http.StatusForbidden} {
		none := path + "00000000000000000000000000000000"
		for what, w := range map[string]*httptest.ResponseRecorder{"page": b.get(none), "copy": b.get(none + "/shown"), "wait": b.post(none + "/copy"), "original": b.post(none + "/original")} {
			if w.Code != want {
				t.Errorf("%s: %d, want %d", what, w.Code, want)
			}
		}
	}
	func() {
		defer func() {
			if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
				t.Errorf("a file that broke off ends with %v", err)
			}
		}()
		taker.post(path + cutUpload + "/original")
	}()
	// A copy that takes long is made for who asks, and is there from then on.
	film := "/inbox/" + reportPart + "/files/" + filmUpload
	if w := taker.get(film); !strings.Contains(w.Body.String(), `action="`+film+`/copy"`) || strings.Contains(w.Body.String(), "<video") {
		t.Errorf("a film nobody has asked for: %d", w.Code)
	}
	if w := taker.post(film + "/copy"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != film+"?made=copy#copy" {
		t.Errorf("asked for: %d to %q", w.Code, w.Header().Get("Location"))
	}
	if w := taker.get(film + "?made=copy"); !strings.Contains(w.Body.String(), "<video") || !strings.Contains(w.Header().Get("Content-Security-Policy"), mediaPolicy) || !strings.Contains(w.Body.String(), "The safe copy is made.") {
		t.Errorf("made: %d", w.Code)
	}
	f.refuses = registry.ErrNoOpener
	if w := taker.get(path + docUpload); w.Code != 200 || !strings.Contains(w.Body.String(), "opens no files from outside") {
		t.Errorf("a program that opens nothing: %d", w.Code)
	}
	f.refuses = nil
	for b, want := range map[*browser]int{taker: http.StatusOK, worker: http.StatusNotFound} {
		if w := b.get("/inbox/keys/card.json"); w.Code != want || want == 200 && w.Body.String() != "{\"format\":1}\n" {
			t.Errorf("the card: %d, want %d", w.Code, want)
		}
	}
}

// TestInboxIsMarkedForTheRoleAlone holds that who takes reports is told in the
// head of each page how many wait, in words, and nobody else.
func TestInboxIsMarkedForTheRoleAlone(t *testing.T) {
	f := newFake(t)
	for name, want := range map[string][2]bool{"Sample Intake": {true, true}, "Sample Taker": {true, true}, "Sample Administrator": {true, false}, "Sample Worker": {}, "Sample Member": {}} {
		page := signedInAs(t, f, name, "en").get("/account").Body.String()
		link, marked := strings.Contains(page, `<a href="/inbox"`), strings.Contains(page, "1 urgent report: life at risk") && strings.Contains(page, "3 new reports")
		if link != want[0] || marked != want[1] {
			t.Errorf("%s sees a link: %v, marked: %v", name, link, marked)
		}
	}
	// Who only takes reports comes to them from the sign-in.
	if w := signedInAs(t, f, "Sample Taker", "en").get("/"); w.Header().Get("Location") != "/inbox" {
		t.Errorf("the first page leads to %q (%d)", w.Header().Get("Location"), w.Code)
	}
}

// TestInboxShowsNothingWithoutASession holds that a session that ended or was
// locked shows nothing of a report, and carries no word of it in an address.
func TestInboxShowsNothingWithoutASession(t *testing.T) {
	f := newFake(t)
	b := signedInAs(t, f, "Sample Taker", "en")
	b.post("/lock", "next", "/inbox/"+reportUrgent)
	for _, path := range []string{"/inbox", "/inbox/" + reportUrgent, "/inbox/" + reportUrgent + "/files/" + fakeUpload, "/inbox/" + reportNew + "/merge", "/inbox/keys", "/inbox/keys/card.json"} {
		w := b.get(path)
		if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/sign-in") || strings.Contains(w.Body.String(), "Үлгі") {
			t.Errorf("%s: %d to %q", path, w.Code, w.Header().Get("Location"))
		}
	}
	// What somebody wrote to a sender comes back to them, and nothing else.
	w := b.post("/inbox/"+reportUrgent+"/answer", "answer.text", "long thought of", "answer.language", "kk")
	if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "long thought of") || strings.Contains(w.Body.String(), "Үлгі") {
		t.Errorf("an answer after the lock: %d", w.Code)
	}
}

// TestInboxInPages shows a long list page by page, the urgent first, each once.
func TestInboxInPages(t *testing.T) {
	f := newFake(t)
	words, err := loadedWords()
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(f, words, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var list []registry.SubmissionView
	for i := range 2*inboxPerPage + 1 {
		list = append(list, registry.SubmissionView{ID: fmt.Sprintf("%064x", i), Day: "2022-06-24", Status: registry.SubmissionNew, Urgent: i == 0, Gist: "x"})
	}
	var seen []string
	next := "/inbox"
	for pages := 0; next != ""; pages++ {
		if pages == 3 {
			t.Fatal("more pages than there are reports")
		}
		v := s.visit(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, next, nil))
		var body inboxBody
		s.inboxList(v, &body, list, showWaiting)
		for _, row := range body.Rows {
			seen = append(seen, row.Href)
		}
		next = body.Next
	}
	if len(seen) != len(list) || len(slices.Compact(slices.Sorted(slices.Values(seen)))) != len(list) || seen[0] != inboxPath(list[0].ID) {
		t.Errorf("%d rows of %d reports", len(seen), len(list))
	}
}
