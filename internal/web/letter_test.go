// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"archive/zip"
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/registry"
)

const letterHref = "/cases/" + caseOne + "/letters/ask_copy"

func TestLettersLeaveInWriting(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	const text = "To: the body\r\n\r\nREQUEST\r\nfor a copy\r\n\r\nFinished <by> a person.\r\n"
	took := "took a letter of " + caseOne

	w := b.post(letterHref, "text", text, "in", "ru", "as", "docx")
	if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Content-Type"), "wordprocessingml") || w.Header().Get("Content-Disposition") != `attachment; filename="ask_copy.docx"` {
		t.Fatalf("docx: %d, %v", w.Code, w.Header())
	}
	if _, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len())); err != nil {
		t.Error(err)
	}
	w = b.post(letterHref, "text", text, "in", "ru", "as", "txt")
	if w.Body.String() != text || w.Header().Get("Content-Disposition") != `attachment; filename="ask_copy.txt"` {
		t.Errorf("txt: %d, %q", w.Code, w.Body)
	}
	w = b.post(letterHref, "text", text, "in", "ru", "as", "pdf")
	if file := w.Body.String(); w.Code != http.StatusOK || !strings.HasPrefix(file, "%PDF-") || strings.Contains(file, "K-0001") || strings.Contains(file, "Kua") {
		t.Errorf("pdf: %d, %.40q", w.Code, file)
	}
	if got := len(f.did); got != 3 || f.did[0] != took {
		t.Errorf("what left was written down as %v", f.did)
	}
	w = b.post(letterHref, "text", text, "in", "ru", "as", "edit")
	if page := w.Body.String(); strings.Count(page, "Finished &lt;by&gt; a person.") != 2 || len(f.did) != 3 {
		t.Error("shown anew what was typed is gone, or it was written down as taken out")
	}
	if w = b.post(letterHref, "text", " ", "in", "ru", "as", "docx"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "____") || len(f.did) != 3 {
		t.Error("of nothing a file is made")
	}
}

func TestLettersDoNotLeaveUnwritten(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	for _, path := range []string{letterHref + "x", "/cases/" + strings.Repeat("9", 32) + "/letters/ask_copy"} {
		if w := b.get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
		if w := b.post(path, "text", "x", "as", "txt"); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	// Of another case the register refuses to write down that it leaves.
	if w := b.post("/cases/"+caseTwo+"/letters/ask_copy", "text", "secret", "as", "txt"); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("what was not written down left: %d", w.Code)
	}
	if w := b.post(letterHref, "text", "x", "as", "exe"); w.Code != http.StatusBadRequest {
		t.Errorf("as what is not there: %d", w.Code)
	}
	if w := b.form(letterHref, url.Values{"text": {strings.Repeat("x", letterLimit+1)}, "as": {"txt"}}); w.Code != http.StatusBadRequest {
		t.Errorf("too long: %d", w.Code)
	}
	f.fails = registry.ErrUnaudited
	if w := b.post(letterHref, "text", "secret", "as", "txt"); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("unaudited: %d", w.Code)
	}
	if len(f.did) > 0 {
		t.Errorf("written down: %v", f.did)
	}
}

// TestLetterIsInTheLanguageOfTheAuthorities holds that a letter is in Russian
// unless its writer works in Kazakh, and in the language asked for.
func TestLetterIsInTheLanguageOfTheAuthorities(t *testing.T) {
	for _, one := range []struct{ pages, in, title string }{
		{"en", "", "ХОДАТАЙСТВО"}, {"ru", "", "ХОДАТАЙСТВО"}, {"kk", "", "ӨТІНІШХАТ"}, {"ru", "kk", "ӨТІНІШХАТ"}, {"kk", "en", "REQUEST"}, {"en", "xx", "ХОДАТАЙСТВО"},
	} {
		b := signedIn(t, newFake(t), one.pages)
		if page := b.get(letterHref + "?rule=NOT-01&in=" + one.in).Body.String(); !strings.Contains(page, "\n"+one.title+"\n") {
			t.Errorf("pages in %s, asked for %q: not in the right language", one.pages, one.in)
		}
	}
}

// TestLetterIsRecordedByOneClick holds that what the record of a letter says is filled in.
func TestLetterIsRecordedByOneClick(t *testing.T) {
	page := signedIn(t, newFake(t), "en").get(letterHref + "?rule=NOT-01&record=n1").Body.String()
	if want := "/cases/" + caseOne + "/add/notice?f.date=2022-06-24&amp;f.of=d1"; !strings.Contains(page, want) {
		t.Errorf("no link to %s", want)
	}
}

// TestCasePageLeadsOn holds that what is breached leads to its letters, and the most pressing stands on top.
func TestCasePageLeadsOn(t *testing.T) {
	b := signedIn(t, bigCase(t, 60), "en")
	page := b.get("/cases/" + caseOne).Body.String()
	top, _, _ := strings.Cut(page, `class="jump"`)
	_, next, ok := strings.Cut(top, `id="next"`)
	if !ok || !strings.Contains(next, "/letters/secure_video?") || strings.Count(next, `class="do"`) != stepsShown {
		t.Errorf("next: %s", next)
	}
	for _, want := range []string{"refused (", "overdue (", "/letters/decision_appeal?", "/letters/court_complaint?", "/letters/repeat_examination?", "/add/redress"} {
		if !strings.Contains(page, want) {
			t.Errorf("nothing says %s", want)
		}
	}
}

func TestTimelineIsFiltered(t *testing.T) {
	b := signedIn(t, bigCase(t, 60), "en")
	kinds := func(query string) []string {
		page := b.get("/cases/" + caseOne + query).Body.String()
		_, part, _ := strings.Cut(page, `id="timeline"`)
		part, _, _ = strings.Cut(part, `id="deadlines"`)
		var out []string
		for _, line := range strings.Split(part, `<span class="what"><a href="`)[1:] {
			_, line, _ = strings.Cut(line, ">")
			line, _, _ = strings.Cut(line, "<")
			out = append(out, line)
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	for query, want := range map[string]string{
		"?show=medical":              "Examination Injury",
		"?show=medical&by=state":     "Examination",
		"?show=procedure&by=victim":  "Complaint Request",
		"?show=work":                 "Contact Evidence Task",
		"?show=nothing":              "",
		"?show=consent_risk&by=none": "",
		"?by=coalition":              "Contact Evidence Report to us Task",
	} {
		if got := strings.Join(kinds(query), " "); got != want {
			t.Errorf("%s shows %q, not %q", query, got, want)
		}
	}
	if all := kinds(""); len(all) < 10 {
		t.Errorf("without a filter: %v", all)
	}
}
