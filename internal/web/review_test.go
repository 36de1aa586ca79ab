// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/registry"
)

// TestReviewForms holds what becomes of a step of a review that is sent from the page of a case.
func TestReviewForms(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	path, other := "/cases/"+caseOne+"/review", "/cases/"+caseTwo+"/review"
	for _, tt := range []struct {
		name, path string
		form       []string
		code       int
		says       string
	}{
		{"a verdict", path, []string{"step", "verified", "comment", "read", "seen", "14"}, http.StatusSeeOther, ""},
		{"without a comment", path, []string{"step", "rejected", "comment", " ", "seen", "14"}, http.StatusUnprocessableEntity, "Say in a few words"},
		{"without a verdict", path, []string{"comment", "kept words", "seen", "14"}, http.StatusUnprocessableEntity, "kept words"},
		{"changed meanwhile", path, []string{"step", "rejected", "comment", "kept words", "seen", "9"}, http.StatusUnprocessableEntity, "kept words"},
		{"on nothing seen", path, []string{"step", "rejected", "comment", "x"}, http.StatusBadRequest, ""},
		{"on nonsense", path, []string{"step", "rejected", "comment", "x", "seen", "-1"}, http.StatusBadRequest, ""},
		{"not in review any more", other, []string{"step", "rejected", "comment", "kept words", "seen", "14"}, http.StatusUnprocessableEntity, "<blockquote>kept words</blockquote>"},
		{"asked", other, []string{"step", "ask"}, http.StatusSeeOther, ""},
		{"asked twice", path, []string{"step", "ask"}, http.StatusUnprocessableEntity, "in review already"},
		{"taken back", path, []string{"step", "take_back"}, http.StatusSeeOther, ""},
		{"hostile words", path, []string{"step", "rejected", "comment", hostile, "seen", "9"}, http.StatusUnprocessableEntity, "&lt;script&gt;alert(1)&lt;/script&gt;"},
	} {
		w := b.post(tt.path, tt.form...)
		body := w.Body.String()
		if w.Code != tt.code || !strings.Contains(body, tt.says) || strings.Contains(body, "<script>") {
			t.Errorf("%s: %d, and %q is there: %v", tt.name, w.Code, tt.says, strings.Contains(body, tt.says))
		}
		if to := w.Header().Get("Location"); tt.code == http.StatusSeeOther && to != strings.TrimSuffix(tt.path, "/review")+"#review" {
			t.Errorf("%s: leads to %q", tt.name, to)
		}
	}
	b.post(path, "step", "falsely_attributed", "comment", "another night", "seen", "20")
	if f.review != (registry.ReviewVerdict{Verdict: "falsely_attributed", Comment: "another night", Seen: 20}) {
		t.Errorf("the register was handed %+v", f.review)
	}
	if w := b.get(path); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/cases/"+caseOne+"#review" {
		t.Errorf("the address of the form leads to %d %q", w.Code, w.Header().Get("Location"))
	}
	f.fails = registry.ErrNotAllowed
	if w := b.post(path, "step", "take_back"); w.Code != http.StatusForbidden {
		t.Errorf("who may not is told %d", w.Code)
	}
}

// TestVerifiedReachesTheRegister: the limit is asked for and goes along to the cases behind a figure.
func TestVerifiedReachesTheRegister(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	for _, page := range []string{"/?verified=1", "/figures?verified=1&set=way"} {
		body := b.get(page).Body.String()
		for link := range strings.SplitSeq(body, `href="`) {
			link, _, _ = strings.Cut(link, `"`)
			if strings.Contains(link, "figure=") && !strings.Contains(link, "verified=1") {
				t.Errorf("%s: %s loses the limit", page, link)
			}
		}
		if !strings.Contains(body, "Only cases whose last verdict is") {
			t.Errorf("%s does not say what is counted", page)
		}
	}
	if body := b.get("/figures?verified=1&set=way").Body.String(); !strings.Contains(body, "--set way --verified") {
		t.Error("the command does not ask the same")
	}
	if b.get("/cases?figure=closed&scope=coalition&verified=1"); !f.asked.Verified {
		t.Error("the list is of all cases")
	}
	if b.get("/cases?figure=closed&scope=coalition"); f.asked.Verified {
		t.Error("the list is limited unasked")
	}
}
