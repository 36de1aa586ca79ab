// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestE2EStatements writes a statement in a browser: the preview follows what
// is typed, a fault is shown with its line while what was readable stays, a
// figure is put in where one writes, what is typed is kept. Without a script
// the button shows the same preview.
func TestE2EStatements(t *testing.T) {
	axe, err := os.ReadFile(filepath.Join("testdata", "axe", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	f := newFake(t)
	server := httptest.NewServer(newPages(t, f))
	defer server.Close()
	tab := openTab(t, startBrowser(t), server.URL)
	tab.do(chromedp.EmulateViewport(1280, 900))
	tab.visit("/sign-in?lang=en")
	tab.do(chromedp.SendKeys("#name", "Sample Member"), chromedp.SendKeys("#passphrase", rightWord))
	tab.submit(`form[action="/sign-in"] button`, "nav.nav")
	for i, p := range statementPages {
		tab.do(chromedp.EmulateViewport([]int64{360, 1280}[i%2], 6000))
		tab.scheme([]string{"light", "dark", "dark", "light"}[i%4])
		tab.visit(p.path)
		tab.axe(string(axe), p.name)
		tab.look(p.name)
	}
	tab.scheme("light")
	tab.do(chromedp.EmulateViewport(1280, 900))
	text := func(of string) string {
		t.Helper()
		return evaluate[string](tab, `document.querySelector(`+"`"+of+"`"+`)?.textContent || ""`)
	}
	shown := func(n string) chromedp.Action[chromedp.Void] {
		return chromedp.WaitVisible(`#preview[data-shown="` + n + `"]`)
	}

	tab.visit("/statements/new")
	tab.axe(string(axe), "the editor")
	tab.do(chromedp.SendKeys("#f-text_en", "We registered "), shown("1"))
	tab.do(chromedp.Click("#insert-figures summary"), chromedp.SendKeys("#find", "complaint"))
	if n := evaluate[int](tab, `[...document.querySelectorAll("#insert-figures li")].filter(li => !li.hidden).length`); n != 1 {
		t.Errorf("%d figures are found by “complaint”", n)
	}
	tab.do(chromedp.Click("#insert-figures li:not([hidden]) button"), shown("2"))
	if got := evaluate[string](tab, `document.getElementById("f-text_en").value`); got != `We registered {{figure "complaint_filed"}}` {
		t.Errorf("put in: %q", got)
	}
	if got := text("#preview article p"); !strings.HasPrefix(got, "We registered 97") {
		t.Errorf("the preview says %q", got)
	}
	if got := text("#preview .paper-notes li"); !strings.Contains(got, "Counted: people and incidents.") {
		t.Errorf("the definition in the note: %q", got)
	}
	tab.axe(string(axe), "the editor with a preview")
	tab.look("statement-preview")
	tab.do(chromedp.SendKeys("#f-text_en", "\n\nand {{figur"), shown("3"))
	if got := text("#preview .findings"); !strings.Contains(got, "English, line 3") {
		t.Errorf("the fault: %q", got)
	}
	if got := text("#preview article.stale p"); !strings.HasPrefix(got, "We registered 97") {
		t.Errorf("what was readable is gone: %q", got)
	}
	tab.do(chromedp.Click("#preview .findings a"))
	if got := evaluate[string](tab, `const a = document.activeElement; a.value.slice(a.selectionStart, a.selectionEnd)`); got != "and {{figur" {
		t.Errorf("the fault leads to %q", got)
	}
	tab.do(chromedp.WaitVisible(`#kept:not(:empty)`))
	if got := text("#kept"); got != "Kept as a draft." || len(f.kept) != 1 || !strings.Contains(f.kept[0].Form[fieldText+"en"][0], "{{figur") {
		t.Errorf("kept: %q, %+v", got, f.kept)
	}

	if _, err := chromedp.Call(tab.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	tab.visit("/statements/new")
	tab.do(chromedp.SendKeys("#f-text_en", `Of {{figure "reports"}} people.`))
	tab.submit(`button[value="preview"]`, "#preview article")
	tab.mustSay("Of 164")
	tab.do(chromedp.EmulateViewport(360, 900))
	tab.look("statement-preview-narrow")
}
