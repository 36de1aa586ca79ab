// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
)

const e2ePass = "seven good words nobody else would say"

// withPasskeys serves a register at an address that can have passkeys, and
// answers it with the session of its first member.
func withPasskeys(t *testing.T) (reg *registry.Registry, session *access.Session, base string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	base = "http://localhost:" + port
	cheap := seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1}
	reg, session, err = registry.Create(context.Background(), filepath.Join(t.TempDir(), "reg"),
		registry.FirstMember{Name: "sample", Lang: "en", Passphrase: e2ePass},
		registry.Options{Now: time.Now, Stretch: cheap, Least: cheap, Rulebook: rulebook, Origin: base})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reg.Close() })
	server := &http.Server{Handler: pagesOf(t, reg)}
	go server.Serve(listener) //nolint:errcheck // ends with the test
	t.Cleanup(func() { _ = server.Close() })
	return reg, session, base
}

// TestE2EPasskey makes a passkey in Chromium, signs in with it alone, and sees
// that one that was copied and one that was removed are refused.
func TestE2EPasskey(t *testing.T) {
	reg, session, base := withPasskeys(t)
	reg.SignOut(session)
	browser := startBrowser(t)
	// On any other address the page says so and offers nothing.
	elsewhere := openTab(t, browser, strings.Replace(base, "localhost", "127.0.0.1", 1))
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
		tab.submit(`form[action="/sign-in"] button`, "nav.nav")
	}
	leave := func() {
		t.Helper()
		tab.submit(`form[action="/sign-out"] button`, `form[data-passkey="open"] button`)
	}
	open := func(want string) {
		t.Helper()
		tab.submit(`form[data-passkey="open"] button`, want)
	}
	makeOne := func(name, want string) {
		t.Helper()
		tab.visit("/account/passkeys")
		tab.do(chromedp.WaitVisible("#name"), chromedp.SendKeys("#name", name), chromedp.SendKeys("#passphrase", e2ePass))
		tab.submit(`form[data-passkey="make"] button`, want)
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
		tab.submit(`form[action="/account/passkeys/remove"] button`, "div.banner.plain")
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

// TestE2EPasskeyStep makes a passkey on a device that gives no secret, in
// Chromium: it is a second step after the passphrase, in the place of a code,
// for its member alone and until it is removed.
func TestE2EPasskeyStep(t *testing.T) {
	ctx := context.Background()
	reg, session, base := withPasskeys(t)
	const otherPass = "plenty of unsuspicious gravel for dina"
	invited, _, err := reg.Invite(ctx, session, registry.NewInvitation{Name: "dina", Lang: "en", Roles: []access.Role{access.Administrator}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := reg.Accept(ctx, invited, registry.Acceptance{Passphrase: otherPass}); err != nil {
		t.Fatal(err)
	}
	dina, err := reg.SignIn(ctx, registry.SignIn{Name: "dina", Passphrase: otherPass})
	if err != nil {
		t.Fatal(err)
	}
	code := func(secret string) string {
		t.Helper()
		code, err := totp.GenerateCode(secret, time.Now().Add(30*time.Second)) // of the time after the program was started
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	// withCodes sets one-time codes up and answers the recovery codes.
	withCodes := func(s *access.Session) []string {
		t.Helper()
		if err := reg.BeginFactor(ctx, s); err != nil {
			t.Fatal(err)
		}
		s, _ = reg.Session(s.Token())
		recovery, err := reg.ConfirmFactor(ctx, s, code(s.Offer()))
		if err != nil {
			t.Fatal(err)
		}
		return recovery
	}
	recovery, others := withCodes(session), withCodes(dina)

	tab := openTab(t, startBrowser(t), base)
	if _, err := chromedp.Call(tab.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	stick := addAuthenticator(t, tab, false)
	const useKey = `form[data-passkey="step"] button`
	passphrase := func(name, words, want string) {
		t.Helper()
		tab.visit("/sign-in?lang=en")
		tab.do(chromedp.SendKeys("#name", name), chromedp.SendKeys("#passphrase", words))
		tab.submit(`form[action="/sign-in"] button`, "#code")
		tab.do(chromedp.WaitVisible(want))
	}
	giveCode := func(code string) {
		t.Helper()
		tab.do(chromedp.SendKeys("#code", code))
		tab.submit(`form[action="/sign-in/code"] button`, "nav.nav")
	}
	makeOne := func(words string) {
		t.Helper()
		tab.visit("/account/passkeys")
		tab.do(chromedp.WaitVisible("#name"), chromedp.SendKeys("#name", "plain stick"), chromedp.SendKeys("#passphrase", words))
		tab.submit(`form[data-passkey="make"] button`, "ul.items")
		tab.mustSay("second step only")
	}
	leave := func() {
		t.Helper()
		tab.submit(`form[action="/sign-out"] button`, "#name")
	}
	useIt := func(want string) {
		t.Helper()
		tab.submit(useKey, want)
	}

	passphrase("sample", e2ePass, "#code")
	giveCode(recovery[0])
	makeOne(e2ePass)
	tab.look("passkeys-second-step")
	tab.do(chromedp.Click("ul.items details summary"), chromedp.WaitVisible("ul.items details input[name=name]"))
	tab.look("passkeys-rename")
	tab.do(chromedp.SetValue(`ul.items details input[name="name"]`, "plain stick of mine"))
	tab.submit("ul.items details button", "ul.items")
	tab.mustSay("plain stick of mine")
	leave()

	// By itself it opens nothing.
	tab.submit(`form[data-passkey="open"] button`, "#problem")
	tab.mustSay("can be your second step")

	passphrase("sample", e2ePass, useKey)
	tab.look("code-passkey")
	useIt("nav.nav")
	leave()
	passphrase("sample", e2ePass, useKey)
	useIt("nav.nav") // it counts, and the count goes on
	leave()

	// Another member's is not offered by the browser, and refused where it is
	// given all the same. The sign-in stays half open.
	removeAuthenticator(t, tab, stick)
	hers := addAuthenticator(t, tab, false)
	passphrase("dina", otherPass, "#code")
	giveCode(others[0])
	makeOne(otherPass)
	leave()
	passphrase("sample", e2ePass, useKey)
	tab.do(chromedp.Click(useKey), chromedp.WaitVisible(`form[data-passkey="step"] [data-say="stopped"]`)) // said on the same page
	force := `const get = navigator.credentials.get.bind(navigator.credentials);
		navigator.credentials.get = (asked) => { delete asked.publicKey.allowCredentials; return get(asked); }; true`
	if done, err := chromedp.Run(tab.ctx, chromedp.Evaluate[bool](force)); err != nil || !done {
		t.Fatal(err)
	}
	useIt("#problem")
	tab.mustSay("was not taken")
	tab.look("code-passkey-refused")
	tab.visit("/cases")
	tab.mustSay("Sign in") // nothing is open
	tab.visit("/sign-in/code")
	giveCode(recovery[1])
	leave()
	removeAuthenticator(t, tab, hers)

	// Removed while the page waits, it is refused, and then not offered.
	addAuthenticator(t, tab, false)
	passphrase("sample", e2ePass, "#code")
	giveCode(recovery[2])
	makeOne(e2ePass)
	leave()
	passphrase("sample", e2ePass, useKey)
	for _, k := range reg.Passkeys(session) {
		if err := reg.RemovePasskey(ctx, session, k.ID); err != nil {
			t.Fatal(err)
		}
	}
	useIt("#problem")
	tab.mustSay("was removed")
	tab.do(chromedp.WaitNotPresent(useKey))
	giveCode(recovery[3])
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

// submit clicks what leads to another page and waits for something on that one:
// the page that is being left may have the same.
func (tab *tab) submit(click, want string) {
	tab.t.Helper()
	if _, err := chromedp.Run(tab.ctx, chromedp.Evaluate[string](`document.documentElement.dataset.left = "yes"`)); err != nil {
		tab.t.Fatal(err)
	}
	tab.do(chromedp.Click(click), chromedp.WaitVisible("html:not([data-left]) "+want))
	tab.settled()
}

// mustSay sees that words stand on the page.
func (tab *tab) mustSay(words string) {
	tab.t.Helper()
	said, err := chromedp.Run(tab.ctx, chromedp.Evaluate[string](`document.body.innerText`))
	if err != nil || !strings.Contains(said, words) {
		tab.t.Fatalf("%q is not on the page (%v):\n%s", words, err, said)
	}
}
