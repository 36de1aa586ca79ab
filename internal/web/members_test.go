// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

func signedInAs(t *testing.T, f *fake, name, lang string) *browser {
	t.Helper()
	b := newBrowser(t, newPages(t, f), lang)
	if w := b.post("/sign-in", "name", name, "passphrase", rightWord); w.Code != http.StatusSeeOther {
		t.Fatalf("sign-in: %d", w.Code)
	}
	return b
}

// memberPages are the pages of somebody who looks after members.
var memberPages = []struct{ name, as, path string }{
	{"members", "Sample Administrator", "/members"},
	{"members-done", "Sample Administrator", "/members?done=ended"},
	{"status", "Sample Office", "/status"},
	{"members-worker", "Sample Worker", "/members"},
	{"invite", "Sample Administrator", "/members/invite"},
	{"member", "Sample Administrator", "/members/" + memberID},
	{"member-own", "Sample Administrator", "/members/" + adminID},
	{"member-end", "Sample Administrator", "/members/" + workerID + "/end"},
	{"organisation", "Sample Worker", "/organisations/" + orgSouth},
	{"organisation-other", "Sample Office", "/organisations/" + orgApart},
	{"organisation-new", "Sample Office", "/organisations/" + orgNew},
}

// memberForms are pages that answer a form.
func memberForms(t *testing.T, lang string) map[string]*httptest.ResponseRecorder {
	f := newFake(t)
	admin, worker := signedInAs(t, f, "Sample Administrator", lang), signedInAs(t, f, "Sample Worker", lang)
	nobody := newBrowser(t, admin.pages, lang)
	join := func(pairs ...string) *httptest.ResponseRecorder { return nobody.post("/join/"+joinCode, pairs...) }
	answers := map[string]*httptest.ResponseRecorder{
		"invited":       admin.form("/members/invite", url.Values{"name": {hostile}, "lang": {"kk"}, "role": {"lawyer", "trustee"}, "org": {orgNorth}}),
		"join":          nobody.get("/join/" + joinCode),
		"join-code":     nobody.get("/join"),
		"join-mistyped": nobody.post("/join", "typed", hostile),
		"join-over":     nobody.get("/join/" + usedCode),
		"join-confirm":  join("step", "written", "made", madeWords),
		"join-differs":  join("step", "confirm", "made", madeWords, "typed", "something else"),
		"join-weak":     join("step", "own", "made", madeWords, "own", "password password", "again", "password password"),
		"join-done":     join("step", "confirm", "made", madeWords, "typed", strings.ToUpper(madeWords)),
	}
	f.refuses = registry.ErrGive
	answers["invite-refused"] = admin.form("/members/invite", url.Values{"name": {hostile}, "lang": {"kk"}, "role": {"lawyer"}, "org": {orgNorth}, "starts": {"yes"}})
	f.refuses = registry.ErrLastOne
	answers["member-end-refused"] = admin.post("/members/" + workerID + "/end")
	answers["organisation-refused"] = worker.post("/organisations/"+orgSouth+"/let-in", "who", "nobody <b>")
	return answers
}

func TestGoldenMemberPages(t *testing.T) {
	for _, lang := range languages {
		for _, p := range memberPages {
			golden(t, lang+"-"+p.name, signedInAs(t, newFake(t), p.as, lang).get(p.path).Body.Bytes())
		}
		for name, w := range memberForms(t, lang) {
			golden(t, lang+"-"+name, w.Body.Bytes())
		}
		empty := newFake(t)
		empty.empty = true
		golden(t, lang+"-empty-status", signedInAs(t, empty, "Sample Office", lang).get("/status").Body.Bytes())
		golden(t, lang+"-empty-members", signedInAs(t, empty, "Sample Administrator", lang).get("/members").Body.Bytes())
	}
}

// TestMemberPagesInEveryLanguage holds the pages to the same shape in every
// language, with no message missing and no script.
func TestMemberPagesInEveryLanguage(t *testing.T) {
	shapes := map[string]string{}
	see := func(lang, name string, w *httptest.ResponseRecorder) {
		t.Helper()
		doc, err := html.Parse(bytes.NewReader(w.Body.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		var shape strings.Builder
		heads := 0
		each(doc, func(n *html.Node) {
			switch {
			case n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style"):
				t.Errorf("%s: a <%s>", name, n.Data)
			case n.Type == html.ElementNode:
				if n.Data == "h1" {
					heads++
				}
				if _, styled := attr(n, "style"); styled {
					t.Errorf("%s: a style on <%s>", name, n.Data)
				}
				shape.WriteString(n.Data + " ")
			case n.Type == html.TextNode && strings.TrimSpace(n.Data) != "":
				shape.WriteString("… ")
			}
		})
		if heads != 1 {
			t.Errorf("%s: %d h1", name, heads)
		}
		if old, ok := shapes[name]; ok && old != shape.String() {
			t.Errorf("%s in %s has another shape than in English", name, lang)
		}
		shapes[name] = shape.String()
	}
	for _, lang := range languages {
		for _, p := range memberPages {
			w := signedInAs(t, newFake(t), p.as, lang).get(p.path)
			if w.Code != http.StatusOK {
				t.Errorf("%s: %d", p.name, w.Code)
			}
			see(lang, p.name, w)
		}
		for name, w := range memberForms(t, lang) {
			see(lang, name, w)
		}
	}
}

// TestMemberForms sends every form of the pages and sees what reaches the register.
func TestMemberForms(t *testing.T) {
	f := newFake(t)
	admin, worker := signedInAs(t, f, "Sample Administrator", "en"), signedInAs(t, f, "Sample Worker", "en")
	for _, tt := range []struct {
		by   *browser
		path string
		form url.Values
		did  string
		to   string
	}{
		{admin, "/members/invite", url.Values{"name": {"Dina"}, "lang": {"ru"}, "role": {"lawyer", "trustee"}, "org": {orgNorth}, "starts": {"yes"}}, "invite Dina ru " + orgNorth + " starts lawyer trustee", ""},
		{admin, "/invitations/" + inviteID + "/take-back", nil, "take back " + inviteID, "/members?done=taken_back"},
		{admin, "/members/" + workerID + "/roles", url.Values{"role": {"lawyer", "reviewer"}}, "roles " + workerID + " lawyer reviewer", "/members/" + workerID + "?done=roles"},
		{admin, "/members/" + adminID + "/roles", url.Values{"role": {"administrator"}}, "roles " + adminID + " administrator", "/sign-in"},
		{admin, "/members/" + workerID + "/second-factor", url.Values{"compulsory": {"yes"}}, "factor " + workerID + " on", "/members/" + workerID + "?done=factor"},
		{admin, "/members/" + workerID + "/second-factor", url.Values{"compulsory": {"no"}}, "factor " + workerID + " off", "/members/" + workerID + "?done=factor"},
		{admin, "/members/" + workerID + "/name", url.Values{"name": {"Saule"}}, "rename " + workerID + " Saule", "/members/" + workerID + "?done=name"},
		{admin, "/members/" + workerID + "/end", nil, "end " + workerID, "/members?done=ended"},
		{admin, "/organisations", url.Values{"name": {"West"}, "counts": {"yes"}}, "add West counts for others", "/organisations/" + orgNew + "?done=added"},
		{admin, "/organisations", url.Values{"name": {"East"}, "ours": {"yes"}}, "add East apart ours", "/organisations/" + orgNew + "?done=added"},
		{worker, "/organisations/" + orgSouth, url.Values{"name": {"South"}, "counts": {"yes"}}, "change " + orgSouth + " South counts", "/organisations/" + orgSouth + "?done=changed"},
		{worker, "/organisations/" + orgSouth, url.Values{"name": {"South"}}, "change " + orgSouth + " South apart", "/organisations/" + orgSouth + "?done=changed"},
		{worker, "/organisations/" + orgSouth + "/second", url.Values{"second": {"yes"}}, "second " + orgSouth + " wanted", "/organisations/" + orgSouth + "?done=second"},
		{worker, "/organisations/" + orgSouth + "/second", url.Values{"second": {""}}, "second " + orgSouth + " not wanted", "/organisations/" + orgSouth + "?done=second"},
		{worker, "/organisations/" + orgSouth + "/let-in", url.Values{"who": {"Sample Administrator"}}, "let in " + orgSouth + " " + adminID, "/organisations/" + orgSouth + "?done=let_in"},
		{worker, "/organisations/" + orgSouth + "/let-out", url.Values{"member": {adminID}}, "let out " + orgSouth + " " + adminID, "/organisations/" + orgSouth + "?done=let_out"},
		{worker, "/organisations/" + orgSouth + "/let-out", url.Values{"member": {workerID}}, "let out " + orgSouth + " " + workerID, "/sign-in"},
	} {
		f.did = nil
		w := tt.by.form(tt.path, tt.form)
		if strings.Join(f.did, "; ") != tt.did || w.Header().Get("Location") != tt.to {
			t.Errorf("%s %v: did %q, leads to %q (%d)", tt.path, tt.form, f.did, w.Header().Get("Location"), w.Code)
		}
		// What was typed stands in the form again where it is refused.
		for _, refusal := range memberProblems {
			f.refuses = refusal.err
			w := tt.by.form(tt.path, tt.form)
			if strings.Contains(tt.path, "take-back") {
				continue
			}
			page := w.Body.String()
			if w.Code != http.StatusUnprocessableEntity || !strings.Contains(page, `role="alert"`) {
				t.Errorf("%s refused as %q: %d", tt.path, refusal.key, w.Code)
			}
			if name := tt.form.Get("name"); name != "" && !strings.Contains(page, `value="`+name+`"`) {
				t.Errorf("%s refused: what was typed is gone", tt.path)
			}
		}
		f.refuses = nil
	}
	// Five minutes later each of them asks for the passphrase, and says what for.
	f.at = f.at.Add(access.ProofLimit + 1)
	for pattern, act := range proofActs {
		_, path, ok := strings.Cut(pattern, " ")
		if !ok || !strings.HasPrefix(path, "/members") && !strings.HasPrefix(path, "/organisations") && !strings.HasPrefix(path, "/invitations") {
			continue
		}
		f.did = nil
		id := workerID
		if strings.HasPrefix(path, "/organisations") {
			id = orgNorth
		}
		w := admin.post(strings.ReplaceAll(path, "{id}", id), "name", "Dina", "who", "Sample Worker", "member", workerID)
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `name="proof"`) || len(f.did) > 0 {
			t.Errorf("%s (%s): %d, did %q", pattern, act, w.Code, f.did)
		}
	}
}

// TestMemberPagesAreClosed holds that who does not look after members gets
// nothing of their pages, and no link to them.
func TestMemberPagesAreClosed(t *testing.T) {
	f := newFake(t)
	member, worker, office := signedIn(t, f, "en"), signedInAs(t, f, "Sample Worker", "en"), signedInAs(t, f, "Sample Office", "en")
	for _, path := range []string{"/members", "/members/invite", "/members/" + workerID, "/members/" + workerID + "/end", "/organisations/" + orgSouth} {
		if w := member.get(path); w.Code != http.StatusForbidden && w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "Sample Worker") {
			t.Errorf("%s is open to a coordinator: %d", path, w.Code)
		}
	}
	for _, path := range []string{"/members/invite", "/members/" + adminID, "/members/" + adminID + "/end", "/organisations/" + orgNorth} {
		if w := worker.get(path); w.Code != http.StatusForbidden && w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "Sample Administrator") {
			t.Errorf("%s is open to a case worker: %d", path, w.Code)
		}
	}
	if w := member.get("/"); strings.Contains(w.Body.String(), `href="/members"`) {
		t.Error("a link to what is closed")
	}
	if page := office.get("/members").Body.String(); strings.Contains(page, `href="/cases"`) || strings.Contains(page, `href="/figures"`) {
		t.Error("an administrator is led to cases")
	}
	if w := office.get("/"); w.Header().Get("Location") != "/members" {
		t.Errorf("an administrator lands on %d %s", w.Code, w.Header().Get("Location"))
	}
	for _, path := range []string{"/members/" + goneID, "/members/none", "/members/" + goneID + "/end", "/organisations/none"} {
		if w := office.get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestJoinKeepsItsSecrets holds that a code and a passphrase come into no log,
// no title and no address but their own, and that no step makes a member whose
// passphrase nobody has seen.
func TestJoinKeepsItsSecrets(t *testing.T) {
	f := newFake(t)
	var log bytes.Buffer
	b := newBrowser(t, newPagesLogging(t, f, &log), "ru")
	path := "/join/" + joinCode
	for _, form := range []url.Values{
		{"step": {"confirm"}, "typed": {""}, "made": {""}},
		{"step": {"confirm"}, "typed": {" "}, "made": {"  "}},
		{"step": {"own"}, "own": {""}, "again": {""}},
		{"step": {"own"}, "own": {"one of a kind gravel boats"}, "again": {"another of a kind gravel boats"}},
		{"step": {"confirm"}, "typed": {"short"}, "made": {"short"}},
		{"step": {"nonsense"}}, {},
	} {
		if w := b.form(path, form); w.Code != http.StatusUnprocessableEntity && w.Code != http.StatusBadRequest || len(f.did) > 0 {
			t.Errorf("%v: %d, did %q", form, w.Code, f.did)
		}
	}
	f.refuses = registry.ErrInvitation // somebody else was quicker
	if w := b.post(path, "step", "confirm", "typed", madeWords, "made", madeWords); w.Code != http.StatusNotFound {
		t.Errorf("used meanwhile: %d", w.Code)
	}
	f.refuses = errInside
	if w := b.post(path, "step", "confirm", "typed", madeWords, "made", madeWords); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("broken: %d", w.Code)
	}
	f.refuses = nil
	if w := b.post(path, "step", "own", "own", "one of a kind gravel boats", "again", " one of a  kind gravel boats"); w.Code != http.StatusOK || f.did[0] != "accept ru one of a kind gravel boats" {
		t.Errorf("one of their own: %d, %q", w.Code, f.did)
	}
	if w := b.get(path + "?lang=kk"); w.Header().Get("Location") != path {
		t.Errorf("another language leads to %q", w.Header().Get("Location"))
	}
	if w := b.get("/join/..%2Fevil?lang=kk"); w.Header().Get("Location") != "/" {
		t.Errorf("a strange address leads to %q", w.Header().Get("Location"))
	}
	if w := b.post("/join", "typed", strings.ToLower(strings.ReplaceAll(joinCode, "-", " "))); w.Header().Get("Location") != path {
		t.Errorf("a typed code leads to %q", w.Header().Get("Location"))
	}
	if text := log.String(); strings.Contains(text, "gravel") || strings.Contains(text, joinCode[:5]) {
		t.Errorf("the log says too much: %s", text)
	}
	for _, w := range memberForms(t, "en") {
		title, _, _ := strings.Cut(w.Body.String(), "</title>")
		if strings.Contains(title, "Sample") || strings.Contains(title, joinCode[:5]) {
			t.Error("a title holds a name or a code")
		}
	}
}
