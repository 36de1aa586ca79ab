// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/registry"
)

func pairPath(a, b string) string { return "/matching/pair?a=" + a + "&b=" + b }

// TestPairIsDecided: after a decision the next pair comes and says what was
// decided; from there it is taken back. After the last one the queue comes.
func TestPairIsDecided(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	w := b.post("/matching/pair", "a", caseOne, "b", caseTwo, "between", orgNorth, "verdict", "different", "reason", " brothers ")
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusSeeOther {
		t.Fatal(w.Code, err)
	}
	if d := f.match.decided; d == nil || d.Verdict != registry.Different || d.A != caseOne || d.B != caseTwo || d.Reason != "brothers" || d.Probability != .87 || len(d.Reasons) != 12 || strings.Contains(strings.Join(d.Reasons, " "), "Айдос") {
		t.Errorf("decided: %+v", d)
	}
	q := to.Query()
	if to.Path != "/matching/pair" || q.Get("a") != caseOne || q.Get("b") != caseThree || q.Get("decision") != fakeDecision || q.Get("between") != orgNorth {
		t.Errorf("then comes %s", to)
	}
	if page := b.get(to.String()).Body.String(); !strings.Contains(page, "Decided: surely different") || !strings.Contains(page, `value="`+caseOne+","+caseTwo+`"`) {
		t.Error("the next page does not say what was decided")
	}
	w = b.post("/matching/undo", "decision", q.Get("decision"), "was", q.Get("was"), "between", orgNorth)
	if to := w.Header().Get("Location"); f.match.undone != fakeDecision+" " || !strings.HasPrefix(to, "/matching/pair?a="+caseOne+"&b="+caseTwo) {
		t.Errorf("taken back: %q, then %s", f.match.undone, to)
	}
	f.match.last, f.match.decided = true, nil
	if to := b.post("/matching/pair", "a", caseOne, "b", caseTwo, "verdict", "later").Header().Get("Location"); to != "/matching?done=last" || f.match.decided != nil {
		t.Errorf("after the last: %s", to)
	}
	if w := b.post("/matching/pair", "a", caseOne, "b", caseTwo, "verdict", "perhaps"); w.Code != http.StatusBadRequest {
		t.Errorf("another verdict: %d", w.Code)
	}
}

// TestPairIsRefusedInWords: what came in between is said, and the reason that was written stays.
func TestPairIsRefusedInWords(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	for err, want := range map[error]string{
		&registry.DecidedError{Decision: f.stands()}: "Somebody decided this pair meanwhile: Surely different (Sample Member",
		registry.ErrApart:    "surely different. Take that decision back first",
		registry.ErrTogether: "Other decisions put these two cases together. Take one",
	} {
		f.match.problem = err
		w := b.post("/matching/pair", "a", caseOne, "b", caseTwo, "verdict", "same", "reason", "the scar")
		if page := w.Body.String(); w.Code != http.StatusConflict || !strings.Contains(page, want) || !strings.Contains(page, `value="the scar"`) {
			t.Errorf("%v: %d", err, w.Code)
		}
	}
	f.match.problem = nil
	f.match.gone = true
	for _, w := range []*httptest.ResponseRecorder{b.get(pairPath(caseOne, caseTwo)), b.post("/matching/pair", "a", caseOne, "b", caseTwo, "verdict", "same")} {
		if w.Code != http.StatusNotFound {
			t.Errorf("a pair that is gone: %d", w.Code)
		}
	}
	if page := b.get(pairPath(caseOne, caseTwo)).Body.String(); !strings.Contains(page, "That pair is no longer here") {
		t.Error("it is not said that the pair is gone")
	}
	if w := b.post("/matching/undo", "decision", caseOne); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "no longer stands") {
		t.Errorf("a decision that is gone: %d", w.Code)
	}
	f.match.gone, f.match.standing = false, true
	if page := b.get(pairPath(caseOne, caseTwo)).Body.String(); strings.Contains(page, `value="same"`) || !strings.Contains(page, "brothers, says &lt;b&gt;") {
		t.Error("a decided pair can be decided again, or does not say why it is decided")
	}
}

// TestSureOnesAreDecidedAsShown: as many as were shown, or none.
func TestSureOnesAreDecidedAsShown(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	if page := b.get("/matching/sure").Body.String(); !strings.Contains(page, `name="n" value="41"`) || strings.Count(page, "<li>") < sureSample {
		t.Error("the page does not say how many, or shows none of them")
	}
	if w := b.post("/matching/sure", "n", "40"); w.Code != http.StatusConflict || f.match.applied != 0 {
		t.Errorf("another number: %d, %d applied", w.Code, f.match.applied)
	}
	if w := b.post("/matching/sure", "n", "41"); w.Header().Get("Location") != "/matching?done=applied&n=41" || f.match.applied != 41 {
		t.Errorf("%d: %s", w.Code, w.Header().Get("Location"))
	}
	f.match.problem = registry.ErrNotFound
	if w := b.post("/matching/sure", "n", "41"); w.Code != http.StatusConflict {
		t.Errorf("a case was erased in between: %d", w.Code)
	}
}

// TestDifferencesAreMarked: letters that differ, whole values that the other side
// lacks; nothing between two scripts.
func TestDifferencesAreMarked(t *testing.T) {
	said := func(all []pieces) string {
		var out []string
		for _, p := range all {
			text := ""
			for _, x := range p {
				if x.Differs {
					text += "[" + x.Text + "]"
				} else {
					text += x.Text
				}
			}
			out = append(out, text)
		}
		return strings.Join(out, "; ")
	}
	for _, c := range []struct{ a, b, want string }{
		{"Жаксыбеков", "Жақсыбеков", "Жа[к]сыбеков"},
		{"14 March 1987", "17 March 1987", "1[4] March 1987"},
		{"Айдос", "айдос", "Айдос"},
		{"Айдос", "Берик", "[Айдос]"},
		{"Zhaksybekov", "Жаксыбеков", "Zhaksybekov"},
		{"beating; suffocation", "beating", "beating; [suffocation]"},
		{"Zhaksybekov; Жаксыбеков", "Жақсыбеков", "Zhaksybekov; Жа[к]сыбеков"},
		{strings.Repeat("a", 300), strings.Repeat("a", 299), "[" + strings.Repeat("a", 300) + "]"},
		{"", "x", ""},
	} {
		if got := said(differing(strings.Split(c.a, "; "), strings.Split(c.b, "; "), true)); got != c.want {
			t.Errorf("%q beside %q: %q, want %q", c.a, c.b, got, c.want)
		}
	}
	if got := said(differing([]string{"14 March 1987", "15 March 1987"}, []string{"15 March 1987"}, false)); got != "[14 March 1987]; 15 March 1987" {
		t.Errorf("of a code or a day: %q", got)
	}
}

// TestKeysAreOnlyOfScript: what a key does is shown by the script alone.
func TestKeysAreOnlyOfScript(t *testing.T) {
	page := signedIn(t, newFake(t), "en").get(pairPath(caseOne, caseTwo)).Body.String()
	if strings.Contains(page, "<kbd>") || strings.Contains(page, "aria-keyshortcuts") || !strings.Contains(page, `data-key="1"`) || !strings.Contains(page, "keys.js") {
		t.Error("keys are shown without the script that makes them work, or are not there at all")
	}
}
