// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
)

// TestE2EMemberPages looks at the pages about members on a phone and on a
// desk, light and dark, with script switched off. The languages take turns:
// what they say is held by the golden pages.
func TestE2EMemberPages(t *testing.T) {
	onScreens(t, func(tab *tab, name, lang string) {
		tab.lookAs(memberPages, name, lang, "Sample Worker", "Sample Office", "Sample Administrator")
		tab.visit("/members/invite")
		tab.do(chromedp.SendKeys("#name", "Umit"), chromedp.Click(`input[value="lawyer"]`))
		tab.do(chromedp.Click(".sheet button"), chromedp.WaitVisible(".groups"))
		tab.look(name + "invited")
		tab.do(chromedp.Click(".foot form button"), chromedp.WaitVisible("form.signin"))
		tab.visit("/join/" + joinCode)
		tab.look(name + "join")
		tab.do(chromedp.Click("form.signin button"), chromedp.WaitVisible("#typed"))
		tab.look(name + "join-confirm")
		tab.do(chromedp.SendKeys("#typed", "something else"), chromedp.Click("form.signin button"), chromedp.WaitVisible("#problem"))
		tab.look(name + "join-differs")
		tab.visit("/join")
		tab.look(name + "join-code")
	})
}

// onScreens looks at pages of the invented register on a phone and on a desk,
// light and dark, with script switched off. name begins what the looks are called.
func onScreens(t *testing.T, look func(tab *tab, name, lang string)) {
	browser := startBrowser(t)
	for _, screen := range []struct {
		name          string
		width, height int64
		langs         map[string]string // by scheme
	}{{"phone", 360, 740, map[string]string{"light": "kk", "dark": "ru"}}, {"desk", 1280, 900, map[string]string{"light": "en", "dark": "kk"}}} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(screen.name+"-"+scheme, func(t *testing.T) {
				lang := screen.langs[scheme]
				server := httptest.NewServer(newPages(t, newFake(t)))
				defer server.Close()
				tab := openTab(t, browser, server.URL)
				tab.do(chromedp.EmulateViewport(screen.width, screen.height))
				tab.scheme(scheme)
				if _, err := chromedp.Call(tab.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
					t.Fatal(err)
				}
				look(tab, screen.name+"-"+scheme+"-"+lang+"-", lang)
			})
		}
	}
}

// lookAs looks at the pages of people, each signed in in turn, and leaves the
// last of them signed in.
func (tab *tab) lookAs(pages []struct{ name, as, path string }, name, lang string, people ...string) {
	for i, as := range people {
		if i > 0 {
			tab.do(chromedp.Click(".foot form button"), chromedp.WaitVisible("form.signin"))
		}
		tab.visit("/sign-in?lang=" + lang)
		tab.do(chromedp.SendKeys("#name", as), chromedp.SendKeys("#passphrase", rightWord))
		tab.do(chromedp.Click("form.signin button"), chromedp.WaitVisible("nav.nav"))
		for _, p := range pages {
			if p.as == as {
				tab.visit(p.path)
				tab.look(name + p.name)
			}
		}
	}
}

// TestE2EMemberComesAndGoes: an administrator asks somebody in; in another
// browser they accept and sign in; the administrator ends them, and the page
// they have open is dead at the next click.
func TestE2EMemberComesAndGoes(t *testing.T) {
	ctx := context.Background()
	least := seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1}
	const founderWords = "seven good words nobody else would say"
	reg, founder, err := registry.Create(ctx, filepath.Join(t.TempDir(), "r"), registry.FirstMember{Name: "founder", Lang: "en", Passphrase: founderWords},
		registry.Options{Now: time.Now, Stretch: least, Least: least, Rulebook: rulebook})
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	if _, err := reg.AddOrganisation(ctx, founder, registry.NewOrganisation{Name: "North", Counts: true}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(pagesOf(t, reg))
	defer server.Close()
	text := func(tab *tab, selector string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(tab.ctx, perPage)
		defer cancel()
		got, err := chromedp.Run(ctx, chromedp.Text(selector))
		if err != nil {
			t.Fatalf("%s: %v", selector, err)
		}
		return strings.TrimSpace(got)
	}
	signIn := func(tab *tab, name, passphrase string) {
		t.Helper()
		tab.visit("/sign-in?lang=en")
		tab.do(chromedp.SendKeys("#name", name), chromedp.SendKeys("#passphrase", passphrase))
		tab.do(chromedp.Click("form.signin button"), chromedp.WaitVisible("nav.nav"))
	}
	admin, dina := openTab(t, startBrowser(t), server.URL), openTab(t, startBrowser(t), server.URL)

	signIn(admin, "founder", founderWords)
	admin.visit("/members")
	admin.do(chromedp.Click(`a[href="/members/invite"]`), chromedp.WaitVisible("#name"))
	admin.do(chromedp.SendKeys("#name", "Dina"), chromedp.Click(`input[value="case_worker"]`), chromedp.Click(`input[name="org"]`))
	admin.do(chromedp.Click(".sheet button"), chromedp.WaitVisible(".groups"))
	admin.look("e2e-invited")
	link := text(admin, ".again code")
	if !strings.HasPrefix(link, server.URL+"/join/") {
		t.Fatalf("the link is %q", link)
	}

	dina.visit(strings.TrimPrefix(link, server.URL) + "?lang=en")
	dina.look("e2e-join")
	made := text(dina, ".made")
	dina.do(chromedp.Click("form.signin button"), chromedp.WaitVisible("#typed"))
	dina.do(chromedp.SendKeys("#typed", made), chromedp.Click("form.signin button"), chromedp.WaitVisible(`a[href="/sign-in"]`))
	dina.look("e2e-joined")
	signIn(dina, "dina", made)
	dina.visit("/cases")
	dina.do(chromedp.WaitVisible("nav.nav"))
	dina.visit("/members")
	if got := text(dina, "#orgs ~ ul"); !strings.Contains(got, "North") {
		t.Errorf("a case worker sees of the organisations %q", got)
	}
	dina.visit("/cases")

	admin.visit("/members")
	// In the order of the alphabet: Dina before founder.
	admin.do(chromedp.Click(`ul.people li:nth-child(1) a`), chromedp.WaitVisible("#end"))
	admin.do(chromedp.Click(`a[href$="/end"]`), chromedp.WaitVisible("button.danger"))
	admin.look("e2e-end")
	admin.do(chromedp.Click("button.danger"), chromedp.WaitVisible(".banner.plain"))
	dina.do(chromedp.Click(`nav.nav a[href^="/figures"]`), chromedp.WaitVisible("form.signin"))
	dina.do(chromedp.SendKeys("#name", "dina"), chromedp.SendKeys("#passphrase", made))
	dina.do(chromedp.Click("form.signin button"), chromedp.WaitVisible("#problem"))
	dina.look("e2e-dead")
	if _, err := reg.SignIn(ctx, registry.SignIn{Name: "Dina", Passphrase: made}); err != access.ErrSignIn { //nolint:errorlint // said at the door as it is
		t.Errorf("she signs in: %v", err)
	}
}
