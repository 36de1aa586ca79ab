// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
)

const e2ePass = "seven good words nobody else would say"

// TestE2EPasskey makes a passkey in Chromium, signs in with it alone, and sees
// that one that was copied and one that was removed are refused.
func TestE2EPasskey(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	base := "http://localhost:" + port
	cheap := seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1}
	reg, session, err := registry.Create(context.Background(), filepath.Join(t.TempDir(), "reg"),
		registry.FirstMember{Name: "sample", Lang: "en", Passphrase: e2ePass},
		registry.Options{Now: time.Now, Stretch: cheap, Least: cheap, Origin: base})
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	reg.SignOut(session)
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	pages, err := New(reg, words, Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: pages}
	go server.Serve(listener) //nolint:errcheck // ends with the test
	defer server.Close()

	browser := startBrowser(t)
	// On any other address the page says so and offers nothing.
	elsewhere := openTab(t, browser, "http://127.0.0.1:"+port)
	elsewhere.visit("/sign-in?lang=en")
	elsewhere.do(chromedp.WaitVisible("#name"), chromedp.WaitNotVisible(`form[data-passkey] button`))
	elsewhere.look("signin-elsewhere")

	tab := openTab(t, browser, base)
	if _, err := chromedp.Call(tab.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	stick := addAuthenticator(t, tab, true)

	signIn := func() {
		t.Helper()
		tab.visit("/sign-in?lang=en")
		tab.do(chromedp.SendKeys("#name", "sample"), chromedp.SendKeys("#passphrase", e2ePass))
		tab.do(chromedp.Click(`form[action="/sign-in"] button`), chromedp.WaitVisible("nav.nav"))
	}
	leave := func() {
		t.Helper()
		tab.do(chromedp.Click(`form[action="/sign-out"] button`), chromedp.WaitVisible(`form[data-passkey="open"] button`))
	}
	open := func(want string) {
		t.Helper()
		tab.do(chromedp.Click(`form[data-passkey="open"] button`), chromedp.WaitVisible(want))
	}
	makeOne := func(name, want string) {
		t.Helper()
		tab.visit("/account/passkeys")
		tab.do(chromedp.WaitVisible("#name"), chromedp.SendKeys("#name", name), chromedp.SendKeys("#passphrase", e2ePass))
		tab.do(chromedp.Click(`form[data-passkey="make"] button`), chromedp.WaitVisible(want))
	}

	signIn()
	tab.visit("/account/passkeys")
	tab.look("passkeys-empty")
	makeOne("blue stick", "ul.items")
	tab.look("passkeys-one")
	leave()
	tab.look("signin-passkey")
	open("nav.nav")
	tab.look("signed-in-by-passkey")
	leave()
	open("nav.nav") // it counts, and the count goes on
	leave()

	// A copy: the same key, in another device, that has counted less.
	kept, err := chromedp.Call(tab.ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: stick})
	if err != nil || len(kept.Credentials) != 1 {
		t.Fatalf("%d credentials in the device, %v", len(kept.Credentials), err)
	}
	copied := *kept.Credentials[0]
	t.Logf("the passkey has counted to %v", copied.SignCount)
	if copied.SignCount < 2 {
		t.Error("the device does not count: a copy can't be noticed")
	}
	copied.SignCount, copied.ActiveCmtgKeyIndex = 0, nil
	removeAuthenticator(t, tab, stick)
	clone := addAuthenticator(t, tab, true)
	if _, err := chromedp.Call(tab.ctx, webauthn.AddCredential, webauthn.AddCredentialParams{AuthenticatorID: clone, Credential: &copied}); err != nil {
		t.Fatal(err)
	}
	tab.visit("/sign-in")
	tab.do(chromedp.WaitVisible(`form[data-passkey="open"] button`))
	open("#problem")
	tab.mustSay("there seem to be two of it")
	tab.look("passkey-copied")

	// Removed, it opens nothing, wherever it is.
	removeAuthenticator(t, tab, clone)
	stick = addAuthenticator(t, tab, true)
	signIn()
	makeOne("green stick", "ul.items")
	for range 2 {
		tab.visit("/account/passkeys")
		tab.do(chromedp.Click(`form[action="/account/passkeys/remove"] button`), chromedp.WaitVisible("div.banner.plain"))
		tab.mustSay("is removed")
	}
	leave()
	open("#problem")
	tab.mustSay("does not open the register")

	// A device without a secret to give is told so, and nothing is kept.
	removeAuthenticator(t, tab, stick)
	addAuthenticator(t, tab, false)
	signIn()
	makeOne("plain", "#problem")
	tab.mustSay("can’t open the register by a passkey alone")
	tab.look("passkey-plain")
}

func addAuthenticator(t *testing.T, tab *tab, prf bool) webauthn.AuthenticatorID {
	t.Helper()
	made, err := chromedp.Call(tab.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: "ctap2", Ctap2version: "ctap2_1", Transport: "internal", HasResidentKey: true, HasUserVerification: true, HasPrf: prf, HasCmtgKey: true,
		AutomaticPresenceSimulation: true, IsUserVerified: true,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return made.AuthenticatorID
}

func removeAuthenticator(t *testing.T, tab *tab, id webauthn.AuthenticatorID) {
	t.Helper()
	if _, err := chromedp.Call(tab.ctx, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: id}); err != nil {
		t.Fatal(err)
	}
}

// mustSay sees that words stand on the page.
func (tab *tab) mustSay(words string) {
	tab.t.Helper()
	said, err := chromedp.Run(tab.ctx, chromedp.Evaluate[string](`document.body.innerText`))
	if err != nil || !strings.Contains(said, words) {
		tab.t.Fatalf("%q is not on the page (%v):\n%s", words, err, said)
	}
}
