// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/chromedp/chromedp"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/inbox"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/reporting"
	"github.com/kua-registry/kua/internal/safecopy"
	"github.com/kua-registry/kua/internal/seal"
	"github.com/kua-registry/kua/internal/submission"
)

// TestE2EInboxPages looks at the pages of reports from outside on a phone and
// on a desk, light and dark, with script switched off. The languages take
// turns: what they say is held by the golden pages.
func TestE2EInboxPages(t *testing.T) {
	t.Parallel()
	onScreens(t, func(tab *tab, name, lang string) {
		tab.lookAs(inboxPages, name, lang, "Sample Taker", "Sample Administrator", "Sample Worker", "Sample Intake")
		files := sealedFiles(tab.t, tab.t.TempDir(), sealedOne, notSealed)
		tab.visit("/inbox")
		tab.do(chromedp.SetUploadFiles("#file", files), chromedp.Click("form.drop button"), chromedp.WaitVisible("#taken"))
		tab.look(name + "inbox-add-wrong")
	})
}

// sealedFiles are files on the disk, by their names.
func sealedFiles(t *testing.T, dir string, files ...[2]string) (paths []string) {
	t.Helper()
	for _, f := range files {
		path := filepath.Join(dir, f[0])
		if err := os.WriteFile(path, []byte(f[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// TestE2EReportGoesItsWay: somebody outside reports in the browser; a member
// finds the report in the inbox on a phone, sees its photograph as a copy without
// what hides in it, marks it, answers; the sender comes back and reads the
// answer; it becomes a case; the sender takes it back. What a stick brings is
// taken in once.
func TestE2EReportGoesItsWay(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	least := seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1}
	const passphrase = "seven good words nobody else would say"
	dir := filepath.Join(t.TempDir(), "r")
	reg, founder, err := registry.Create(ctx, dir, registry.FirstMember{Name: "founder", Lang: "en", Passphrase: passphrase},
		registry.Options{Now: time.Now, Stretch: least, Least: least, Rulebook: rulebook, Open: safecopy.Make})
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	org, err := reg.AddOrganisation(ctx, founder, registry.NewOrganisation{Name: "North", Counts: true})
	if err != nil {
		t.Fatal(err)
	}
	code, _, err := reg.Invite(ctx, founder, registry.NewInvitation{Name: "dina", Lang: "en", Orgs: []string{org.ID}, Roles: []access.Role{access.Intake, access.CaseWorker}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := reg.Accept(ctx, code, registry.Acceptance{Passphrase: passphrase}); err != nil {
		t.Fatal(err)
	}
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	store, err := inbox.Open(inbox.Options{Dir: filepath.Join(dir, "inbox"), Most: 1 << 30, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	outside := reporting.Options{Inbox: store, Words: words, Now: time.Now, Logger: slog.New(slog.DiscardHandler), Intakes: func() (all []reporting.Intake, err error) {
		keys, err := registry.IntakePublicAt(dir)
		for _, k := range keys {
			all = append(all, reporting.Intake{Name: k.Name, Recipient: k.Recipient, Fingerprint: k.Fingerprint})
		}
		return all, err
	}}
	form, err := reporting.New(outside)
	if err != nil {
		t.Fatal(err)
	}
	public := httptest.NewServer(form)
	defer public.Close()
	pages, err := New(reg, words, Options{Logger: slog.New(slog.DiscardHandler), Reports: func() (Reports, error) {
		to, err := outside.Intakes()
		if err != nil {
			return Reports{}, err
		}
		card, err := json.Marshal(reporting.CardOf(store.Installation(), to))
		return Reports{Served: true, Card: card}, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(pages)
	defer server.Close()

	browser := startBrowser(t)
	admin, dina, sender := openTab(t, startBrowser(t), server.URL), openTab(t, browser, server.URL), openTab(t, startBrowser(t), public.URL)
	dina.do(chromedp.EmulateViewport(360, 800))
	lang := words.Lang("ru")
	say := func(tab *tab, key string, args ...any) { t.Helper(); tab.mustSay(lang.T(key, args...)) }
	signIn := func(tab *tab, name string) {
		t.Helper()
		tab.visit("/sign-in?lang=ru")
		tab.do(chromedp.SendKeys("#name", name), chromedp.SendKeys("#passphrase", passphrase))
		tab.do(chromedp.Click("form.signin button"), chromedp.WaitVisible("nav.nav"))
	}
	// The key.
	signIn(admin, "founder")
	admin.visit("/inbox")
	say(admin, "inbox.state.office")
	admin.visit("/inbox/keys")
	admin.do(chromedp.SendKeys("input[name='label']", "North, for those who were hurt"), chromedp.Click("form[action$='/new'] button"), chromedp.WaitVisible("#publish"))
	say(admin, "inbox.keys.done.made")
	keys, err := registry.IntakePublicAt(dir)
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	admin.mustSay(keys[0].Fingerprint)
	signIn(dina, "dina")
	dina.visit("/inbox")
	say(dina, "inbox.empty")

	// The report.
	sender.visit("/kk/")
	sender.do(chromedp.WaitVisible("#report"), chromedp.SendKeys("#told", "Інімді алып кетті (ойдан шығарылған)"), chromedp.SendKeys("#where", "Talapker"), chromedp.Click(`input[value="complain"]`),
		chromedp.SetUploadFiles("#files", sealedFiles(t, t.TempDir(), [2]string{"қол.jpg", photograph(t)})))
	sender.do(chromedp.Click("#send"), chromedp.WaitVisible("#receipt"))
	receipt := strings.Join(strings.Fields(evaluate[string](sender, `[...document.querySelectorAll("#words-list li")].map(e => e.textContent).join(" ")`)), " ")
	if len(strings.Fields(receipt)) != 8 {
		t.Fatalf("the receipt is %q", receipt)
	}
	sender.visit("/kk/") // what the page held is gone with it

	// The inbox.
	dina.visit("/")
	dina.mustSay(lang.N("inbox.new", 1))
	dina.do(chromedp.Click("nav.nav a[href='/inbox']"), chromedp.WaitVisible("table.fold"))
	dina.look("e2e-inbox")
	dina.do(chromedp.Click("table.fold th a"), chromedp.WaitVisible("#thread"))
	dina.mustSay("Інімді алып кетті (ойдан шығарылған)")
	say(dina, "reporting.consent.complain")
	dina.look("e2e-submission")

	// Its file.
	dina.do(chromedp.Click("#m1 .items a"), chromedp.WaitVisible(".shown img"))
	drawn, stopDrawing := context.WithTimeout(dina.ctx, perPage)
	defer stopDrawing()
	if _, err := chromedp.Run(drawn, chromedp.Poll[bool](`document.querySelector(".shown img").naturalWidth === 60`)); err != nil {
		t.Fatal(err)
	}
	say(dina, "copies.tag.comment")
	dina.mustSay("taken by Sample Sender")
	say(dina, "inbox.file.what")
	dina.look("e2e-submission-file")
	dina.do(chromedp.Click("#original summary"), chromedp.WaitVisible("#original form button"))
	dina.look("e2e-submission-file-itself")
	dina.do(chromedp.Click(".crumbs a:last-child"), chromedp.WaitVisible("#thread"))
	dina.do(chromedp.Click("button[name='urgent']"), chromedp.WaitVisible(".banner.plain"))
	dina.mustSay(lang.N("inbox.urgent", 1))
	dina.visit("/tasks")
	dina.do(chromedp.Click("#reports ~ ul a"), chromedp.WaitVisible("#answer"))
	dina.do(chromedp.SendKeys("#answer-text", "Сіз қауіпсізсіз бе? (ойдан шығарылған)"), chromedp.Click("form[action$='/answer'] button"), chromedp.WaitVisible(".banner.plain"))
	say(dina, "inbox.done.answered")
	dina.look("e2e-submission-answered")

	// The second visit.
	sender.visit("/kk/")
	sender.do(chromedp.WaitVisible("#words"), chromedp.SendKeys("#words", receipt), chromedp.Click("#open button"))
	stretched, cancel := context.WithTimeout(sender.ctx, 4*perPage) // the words are stretched in the browser, as slowly as an old phone can bear
	defer cancel()
	if err := chromedp.Do(stretched, chromedp.WaitVisible("#opened")); err != nil {
		t.Fatal(err)
	}
	if got := evaluate[string](sender, `document.querySelector("#answers .told").textContent`); got != "Сіз қауіпсізсіз бе? (ойдан шығарылған)" {
		t.Errorf("the sender reads %q", got)
	}
	sender.do(chromedp.SendKeys("#more", "Иә, үйдемін"), chromedp.Click("#add button"))
	waiting, stop := context.WithTimeout(sender.ctx, perPage)
	defer stop()
	if _, err := chromedp.Run(waiting, chromedp.Poll[bool](`document.getElementById("more").value === "" && !document.getElementById("status").hidden`)); err != nil {
		t.Fatal(err)
	}

	// The case.
	dina.visit("/inbox")
	say(dina, "inbox.again")
	dina.do(chromedp.Click("table.fold th a"), chromedp.WaitVisible("#case"))
	dina.mustSay("Иә, үйдемін")
	dina.do(chromedp.Click("form[action$='/case'] button"), chromedp.WaitVisible("#case-title"))
	dina.mustSay("Інімді алып кетті (ойдан шығарылған)")
	dina.visit("/inbox?show=handled")
	dina.do(chromedp.Click("table.fold th a"), chromedp.WaitVisible("section[aria-labelledby='case'] a"))
	say(dina, "inbox.case.is")

	// The sender takes it back.
	sender.do(chromedp.Click("#ask-withdraw"), chromedp.Click("#withdraw"), chromedp.WaitNotVisible("#opened"))
	dina.visit("/inbox?show=handled")
	dina.do(chromedp.Click("table.fold th a"), chromedp.WaitVisible("h1"))
	say(dina, "inbox.withdrawn")
	if text := evaluate[string](dina, `document.body.textContent`); strings.Contains(text, "Інімді") {
		t.Error("taken back, it is still shown")
	}
	dina.look("e2e-submission-gone")

	// What a stick brings, twice.
	stick := sealedStick(t, t.TempDir(), keys[0].Recipient, "from a stick (invented)")
	for _, says := range []string{"inbox.add.fresh", "inbox.add.same"} {
		dina.visit("/inbox")
		dina.do(chromedp.SetUploadFiles("#file", []string{stick}), chromedp.Click("form.drop button"), chromedp.WaitVisible("#taken"))
		say(dina, says)
	}
	dina.mustSay("from a stick (invented)")
	dina.look("e2e-inbox-stick")

	// Locked, nothing is shown.
	dina.do(chromedp.Click(".tools form button"), chromedp.WaitVisible("form.signin"))
	dina.visit("/inbox")
	dina.do(chromedp.WaitVisible("form.signin"))
	if text := evaluate[string](dina, `document.documentElement.textContent`); strings.Contains(text, "Інімді") || strings.Contains(text, "stick") {
		t.Error("a locked session shows a report")
	}
	for name, tab := range map[string]*tab{"admin": admin, "dina": dina, "sender": sender} {
		tab.calm(name)
	}
}

// photograph is a picture that says about itself who took it; nobody is real.
func photograph(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 60, 40)), nil); err != nil {
		t.Fatal(err)
	}
	said := "taken by Sample Sender"
	return b.String()[:2] + "\xff\xfe\x00" + string(rune(len(said)+2)) + said + b.String()[2:]
}

// sealedStick writes a sealed report as the saved page does.
func sealedStick(t *testing.T, dir, recipient, told string) string {
	t.Helper()
	reads, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	to, err := submission.Recipients(recipient)
	if err != nil {
		t.Fatal(err)
	}
	answers := reads.Recipient().String()
	sealed, err := submission.Seal(to, submission.Message{Format: 1, Language: "en", Told: told, Answers: answers})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "report.kua")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	head := submission.Head{Door: [32]byte{7}, Answers: answers}
	w, err := submission.WriteFile(f, head)
	if err := errors.Join(err, w.Message(sealed), f.Close()); err != nil {
		t.Fatal(fmt.Errorf("a stick: %w", err))
	}
	return path
}
