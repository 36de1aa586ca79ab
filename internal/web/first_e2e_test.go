// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
)

// startFirst serves the pages of a place in which there is no register yet, and then those of the one that is made, in
// which an organisation is as 'kua serve --first-start' adds it.
func startFirst(t *testing.T) (address string, code access.Code) {
	t.Helper()
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	least := seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1}
	dir, quiet := filepath.Join(t.TempDir(), "r"), slog.New(slog.DiscardHandler)
	code = access.NewCode()
	var pages atomic.Pointer[http.Handler]
	var made atomic.Pointer[registry.Registry]
	first, err := NewFirst(FirstStart{
		Code: code, Passphrase: func() (string, error) { return firstWords, nil },
		Packs: []FirstPack{{ID: "kg", Label: codebook.Label{Ru: "Кыргызстан"}, Draft: true}, {ID: "kz", Label: codebook.Label{Ru: "Казахстан"}}},
		Make: func(ctx context.Context, f First) error {
			ctx = context.WithoutCancel(ctx)
			reg, s, err := registry.Create(ctx, dir, f.Member, registry.Options{Now: time.Now, Stretch: least, Least: least, Rulebook: rulebook, Pack: f.Pack})
			if err != nil {
				return err
			}
			made.Store(reg)
			if _, err := reg.AddOrganisation(ctx, s, registry.NewOrganisation{Name: f.Org, Counts: true}); err != nil {
				return err
			}
			reg.SignOut(s)
			h, err := New(reg, words, Options{Logger: quiet})
			if err == nil {
				pages.Store(&h)
			}
			return err
		},
	}, words, Options{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	pages.Store(&first)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*pages.Load()).ServeHTTP(w, r) }))
	t.Cleanup(func() {
		server.Close()
		if reg := made.Load(); reg != nil {
			_ = reg.Close()
		}
	})
	return server.URL, code
}

// TestE2EFirstStart goes the whole first start in Chromium, on a phone, in
// Russian: the code, the country, the words for the paper, typed wrongly and
// rightly, and then the first sign-in with them to the register that was made.
func TestE2EFirstStart(t *testing.T) {
	address, code := startFirst(t)
	tab := openTab(t, startBrowser(t), address)
	tab.do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait))
	tab.visit("/?lang=ru")
	tab.look("first-who")
	tab.do(chromedp.SendKeys("#code", strings.ToLower(code.String())), chromedp.SendKeys("#org", "Ойдан шығарылған"), chromedp.SendKeys("#name", "айгерим"), chromedp.SetValue("#pack", "kg"))
	const next = "form.signin button"
	tab.submit(next, ".made")
	tab.mustSay(firstWords)
	tab.mustSay("на второй листок")
	tab.look("first-words")
	tab.submit(next, "#typed")
	tab.do(chromedp.SendKeys("#typed", "abbey acorn"))
	tab.submit(next, "#problem")
	tab.mustSay("Слова не те")
	tab.look("first-mistyped")
	tab.submit("form.more button", ".made") // have them shown once more
	tab.submit(next, "#typed")
	tab.do(chromedp.SendKeys("#typed", firstWords))
	tab.submit(next, `a[href="/sign-in"]`)
	tab.look("first-done")
	tab.submit(`a[href="/sign-in"]`, "#passphrase")
	tab.do(chromedp.SendKeys("#name", "айгерим"), chromedp.SendKeys("#passphrase", firstWords))
	tab.submit(`form[action="/sign-in"] button`, "nav.nav")
	tab.mustSay("Кыргызстан") // whose pack is a draft
	tab.visit("/status")
	tab.mustSay("Резервной копии этого реестра нет")
	tab.look("first-status")
}
