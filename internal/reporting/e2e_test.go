// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package reporting

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	devtools "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/kua-registry/kua/internal/browsertest"
	"github.com/kua-registry/kua/internal/receipt"
	"github.com/kua-registry/kua/internal/submission"
)

var shots = flag.String("shots", "", "put a picture of every page into this directory")

// tab is one that is asked for texts by a selector.
type tab struct{ *browsertest.Tab }

// openTab opens a tab of an old phone. Whatever it asks of another host than
// base, is refused or fails with, is a problem.
func openTab(t *testing.T, browser context.Context, base string, scripts bool) tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	tab := tab{&browsertest.Tab{T: t, Base: base, Shots: *shots, Own: []string{"blob:"}, Quiet: []string{"the server responded with a status of", "net::ERR_"}}}
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil { // the tab ends with the context it began with
		t.Fatal(err)
	}
	tab.Watch(ctx)
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts}); err != nil {
		t.Fatal(err)
	}
	return tab
}

func (tab tab) text(selector string) string {
	tab.T.Helper()
	return browsertest.Ask[string](tab.Tab, fmt.Sprintf(`[...document.querySelectorAll(%q)].map(e => e.textContent).join(" ")`, selector))
}

// wire keeps what goes over the line, and cuts it where a test says.
type wire struct {
	next http.Handler

	mu    sync.Mutex
	sent  bytes.Buffer
	calls int                                 // requests that change something, so far
	cut   func(call int) (before, after bool) // the line before the request is done, or after it was
}

func (l *wire) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(b))
	l.mu.Lock()
	l.sent.WriteString(r.URL.String() + "\n")
	l.sent.Write(b)
	before, after := false, false
	if l.cut != nil && (r.Method == http.MethodPut || r.Method == http.MethodPost) {
		before, after = l.cut(l.calls)
		l.calls++
	}
	l.mu.Unlock()
	if before {
		panic(http.ErrAbortHandler)
	}
	if after {
		l.next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	l.next.ServeHTTP(w, r)
}

// serve serves a site over the line.
func serve(t *testing.T, s *site) (*wire, string) {
	t.Helper()
	line := &wire{next: s.pages}
	server := httptest.NewServer(line)
	t.Cleanup(server.Close)
	return line, server.URL
}

// TestE2EWithScript goes the whole way where a script runs, in three languages:
// what goes over the line opens with the intake's identity, and with no other.
func TestE2EWithScript(t *testing.T) {
	chromium, _ := browsertest.Start(t)
	dir := t.TempDir()
	program := filepath.Join(dir, "рана.scr")
	if err := os.WriteFile(program, []byte("MZ"), 0o600); err != nil {
		t.Fatal(err)
	}
	picture := filepath.Join(dir, "рана.jpg")
	content := bytes.Repeat([]byte("wound "), submission.PieceBytes/6+100)
	if err := os.WriteFile(picture, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"en", "ru", "kk"} {
		t.Run(lang, func(t *testing.T) {
			s := newSite(t)
			line, base := serve(t, s)
			tab := openTab(t, chromium, base, true)
			tab.Do(chromedp.Navigate(base+"/"+lang+"/"), chromedp.WaitVisible("#report"))
			tab.Look(lang + "-form")
			tab.Do(chromedp.SendKeys("#told", "Меня били <в камере>"), chromedp.SendKeys("#who", "я"), chromedp.Click(`input[value="un"]`),
				chromedp.SetUploadFiles("#files", []string{program}), chromedp.Click("#send"))
			tab.Until(`document.getElementById("problem").textContent.includes("(рана.scr)")`)
			if got := s.told(); len(got) != 0 {
				t.Errorf("with a program in it, it was sent: %q", got)
			}
			tab.Do(chromedp.SetUploadFiles("#files", []string{picture}), chromedp.Click("#send"), chromedp.WaitVisible("#receipt"))
			words := tab.text("#words-list li")
			tab.Look(lang + "-receipt")
			if len(strings.Fields(words)) != receipt.Words {
				t.Fatalf("the receipt is %q", words)
			}
			want := fmt.Sprintf("Меня били <в камере>|я|un|рана.jpg:%d true", len(content))
			if got := s.told(); len(got) != 1 || got[0] != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			s.onlyTheIntakeOpens(words)
			tab.Do(chromedp.Click("#written"))
			if tab.text("#words-list li") != "" {
				t.Error("the words are still on the page")
			}
			s.answerTo("Мы прочли.\nПриходите <в пятницу>")
			// The second visit, with one letter wrong in a word.
			typed := slipped(t, words)
			tab.Do(chromedp.Navigate(base+"/"+lang+"/"), chromedp.WaitVisible("#words"), chromedp.SendKeys("#words", typed),
				chromedp.Click("#open button"), chromedp.WaitVisible("#opened"))
			if got := tab.text("#answers .told"); got != "Мы прочли.\nПриходите <в пятницу>" {
				t.Errorf("the answer reads %q", got)
			}
			if got, want := tab.text("#found"), s.opts.Words.Lang(lang).T("reporting.found", day(s.opts.Words.Lang(lang), "2026-11-27")); got != want {
				t.Errorf("it is said to have come %q, want %q", got, want)
			}
			tab.Look(lang + "-opened")
			tab.Do(chromedp.SendKeys("#more", "Ещё одно"), chromedp.Click("#add button"))
			tab.Until(`document.getElementById("more").value === "" && !document.getElementById("status").hidden`)
			if got := s.told(); len(got) != 2 || got[1] != "Ещё одно||" {
				t.Errorf("after adding: %q", got)
			}
			tab.Do(chromedp.Click("#ask-withdraw"), chromedp.Click("#withdraw"), chromedp.WaitNotVisible("#opened"))
			if got := s.told(); len(got) != 0 {
				t.Errorf("after taking back: %q", got)
			}
			tab.Look(lang + "-withdrawn")
			line.mu.Lock()
			defer line.mu.Unlock()
			secret := []string{"Меня", "Ещё", "wound", "рана", "Приходите"}
			for _, word := range strings.Fields(words) {
				if len(word) >= 5 { // a shorter one stands by chance in so many sealed bytes
					secret = append(secret, word)
				}
			}
			for _, between := range []string{" ", "+", "%20", "-"} {
				for two := strings.Fields(words); len(two) > 1; two = two[1:] {
					secret = append(secret, two[0]+between+two[1])
				}
			}
			for _, never := range secret {
				if bytes.Contains(line.sent.Bytes(), []byte(never)) {
					t.Errorf("%q went over the line", never)
				}
			}
			if line.sent.Len() < len(content) {
				t.Errorf("%d bytes were looked through", line.sent.Len())
			}
		})
	}
}

// slipped are the words with a slip in one of them that can be put right: where
// a slip is as near to two words, it is asked.
func slipped(t *testing.T, words string) string {
	t.Helper()
	lists, err := receipt.Load()
	if err != nil {
		t.Fatal(err)
	}
	typed := strings.Fields(words)
	for i, w := range typed {
		typed[i] = w + "x"
		if _, err := lists.Read(strings.Join(typed, " ")); err == nil {
			return strings.Join(typed, "  ")
		}
		typed[i] = w
	}
	return words
}

// onlyTheIntakeOpens tries other keys on what lies in the inbox: of another
// identity, and of the receipt, which opens answers alone.
func (s *site) onlyTheIntakeOpens(words string) {
	s.t.Helper()
	other, err := age.GenerateHybridIdentity()
	if err != nil {
		s.t.Fatal(err)
	}
	lists, err := receipt.Load()
	if err != nil {
		s.t.Fatal(err)
	}
	all, err := lists.Read(words)
	if err != nil {
		s.t.Fatal(err)
	}
	keys, err := all[0].Stretch(s.opts.Inbox.Installation())
	if err != nil {
		s.t.Fatal(err)
	}
	own, err := submission.AnswersIdentity(keys.Seed)
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := s.opts.Inbox.Get(keys.Stored())
	if err != nil || r.Answers != own.Recipient().String() {
		s.t.Fatalf("the report does not lie behind the door of its words: %v", err)
	}
	sealed, err := s.opts.Inbox.Message(r.Door, r.Messages[0])
	if err != nil {
		s.t.Fatal(err)
	}
	for _, id := range []age.Identity{other, own} {
		if _, err := submission.Open(id, sealed); !errors.Is(err, submission.ErrOpen) {
			s.t.Errorf("it opened with another key: %v", err)
		}
	}
}

// TestE2EWithoutScript goes the whole way with script switched off.
func TestE2EWithoutScript(t *testing.T) {
	chromium, _ := browsertest.Start(t)
	for _, lang := range []string{"en", "ru", "kk"} {
		t.Run(lang, func(t *testing.T) {
			s := newSite(t)
			_, base := serve(t, s)
			tab := openTab(t, chromium, base, false)
			tab.Do(chromedp.Navigate(base+"/"+lang+"/"), chromedp.WaitVisible("#noscript"))
			tab.Look(lang + "-noscript")
			tab.Do(chromedp.Click("#noscript .button"), chromedp.WaitVisible("#told"))
			s.clock.move(formLeast)
			tab.Look(lang + "-plain")
			tab.Do(chromedp.SendKeys("#told", "Меня били"), chromedp.Click(`input[value="un"]`), chromedp.Click("main form button"), chromedp.WaitVisible("#words-list"))
			words := tab.text("#words-list li")
			tab.Look(lang + "-plain-receipt")
			if got := s.told(); len(got) != 1 || got[0] != "Меня били||un" {
				t.Fatalf("told %q", got)
			}
			s.answerTo("Мы прочли")
			tab.Do(chromedp.Navigate(base+"/"+lang+"/plain/back"), chromedp.WaitVisible("#words"), chromedp.SendKeys("#words", words), chromedp.Click("main form button"), chromedp.WaitVisible("#answers"))
			if got := tab.text("#answers .told"); got != "Мы прочли" {
				t.Errorf("the answer reads %q", got)
			}
			tab.Look(lang + "-plain-opened")
			tab.Do(chromedp.SendKeys("#told", "Ещё"), chromedp.Click("#add button"), chromedp.WaitVisible("p[role=status]"))
			if got := s.told(); len(got) != 2 || got[1] != "Ещё||" {
				t.Errorf("after adding: %q", got)
			}
			tab.Do(chromedp.Click("#ask-withdraw"), chromedp.WaitVisible("#sure"), chromedp.Click("#sure"), chromedp.WaitVisible("p[role=status]"))
			tab.Look(lang + "-plain-withdrawn")
			if got := s.told(); len(got) != 0 {
				t.Errorf("after taking back: %q", got)
			}
			tab.Do(chromedp.Navigate(base+"/"+lang+"/check"), chromedp.WaitVisible("#digests"))
			tab.Look(lang + "-check")
		})
	}
}

// TestE2ECutLine cuts the line at every request of a report with a file of
// three pieces, once before it is done and once after: it goes on, and arrives
// once.
func TestE2ECutLine(t *testing.T) {
	chromium, _ := browsertest.Start(t)
	file := filepath.Join(t.TempDir(), "long.bin")
	content := bytes.Repeat([]byte("0123456789"), submission.PieceBytes/4)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	line, base := serve(t, s)
	tab := openTab(t, chromium, base, true)
	if _, err := chromedp.Call(tab.Ctx, devtools.AddScriptToEvaluateOnNewDocument, devtools.AddScriptToEvaluateOnNewDocumentParams{
		Source: `const wait = setTimeout; setTimeout = (then, ms, ...all) => wait(then, ms <= 2000 ? Math.min(ms, 20) : ms, ...all)`, // it waits as often, and not as long
	}); err != nil {
		t.Fatal(err)
	}
	line.cut = func(call int) (before, after bool) { return call%3 == 0, call%3 == 1 } // each twice, then it goes through
	tab.Do(chromedp.Navigate(base+"/ru/"), chromedp.WaitVisible("#report"), chromedp.SendKeys("#told", "a"), chromedp.SetUploadFiles("#files", []string{file}),
		chromedp.Click("#send"), chromedp.WaitVisible("#receipt"))
	want := fmt.Sprintf("a|||long.bin:%d true", len(content))
	if got := s.told(); len(got) != 1 || got[0] != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if line.calls < 9 {
		t.Errorf("the line was cut at %d requests", line.calls)
	}
	words := tab.text("#words-list li")
	tab.Do(chromedp.Navigate(base+"/ru/"), chromedp.WaitVisible("#words"), chromedp.SendKeys("#words", words), chromedp.Click("#open button"), chromedp.WaitVisible("#opened"),
		chromedp.SetUploadFiles("#more-files", []string{file}), chromedp.Click("#add button"))
	tab.Until(`document.getElementById("more-files").value === "" && !document.getElementById("status").hidden`)
	if got := s.told(); len(got) != 2 || got[1] != "||"+want[3:] {
		t.Errorf("after adding: %q", got)
	}
}

// TestE2EOffline opens the saved page as a file: it sends nothing, and its
// sealed file opens with the intake's identity.
func TestE2EOffline(t *testing.T) {
	chromium, _ := browsertest.Start(t)
	s := newSite(t)
	for _, lang := range []string{"en", "ru", "kk"} {
		t.Run(lang, func(t *testing.T) {
			dir := t.TempDir()
			page := filepath.Join(dir, "page.html")
			b, err := Page(s.opts, lang)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.WriteFile(page, b, 0o600), os.WriteFile(filepath.Join(dir, "a.txt"), []byte("abc"), 0o600)); err != nil {
				t.Fatal(err)
			}
			tab := openTab(t, chromium, "file://"+page, true)
			arrived := make(chan struct{}, 1)
			err = chromedp.Listen(tab.Ctx, func(ev any) {
				if p, ok := ev.(*browser.EventDownloadProgress); ok && p.State == browser.DownloadProgressStateCompleted {
					arrived <- struct{}{}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			into := filepath.Join(dir, "out")
			if _, err := chromedp.Call(tab.Ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: into, EventsEnabled: new(true)}); err != nil {
				t.Fatal(err)
			}
			tab.Do(chromedp.Navigate("file://"+page), chromedp.WaitVisible("#report"))
			tab.Look(lang + "-offline")
			tab.Do(chromedp.SendKeys("#told", "Без связи"), chromedp.SetUploadFiles("#files", []string{filepath.Join(dir, "a.txt")}), chromedp.Click("#send"), chromedp.WaitVisible("#receipt"))
			select {
			case <-arrived:
			case <-time.After(browsertest.PerStep):
				t.Fatal("no file was saved")
			}
			first := savedFile(t, into, "")
			sealed, err := os.ReadFile(first)
			if err != nil {
				t.Fatal(err)
			}
			got, err := openFile(s.intake, sealed)
			if err != nil || got != "Без связи a.txt abc" {
				t.Errorf("%q: %v", got, err)
			}
			tab.Look(lang + "-offline-receipt")

			// With the words it adds to the same report.
			words := tab.text("#words-list li")
			tab.Do(chromedp.Navigate("file://"+page), chromedp.WaitVisible("#earlier-words"), chromedp.SendKeys("#told", "Ещё"), chromedp.SendKeys("#earlier-words", slipped(t, words)),
				chromedp.Click("#send"), chromedp.WaitVisible("#receipt"))
			select {
			case <-arrived:
			case <-time.After(browsertest.PerStep):
				t.Fatal("no second file was saved")
			}
			if again := tab.text("#words-list li"); again != words {
				t.Errorf("the words are %q, and then %q", words, again)
			}
			door, mark := headOf(t, s.intake, first)
			if other, bears := headOf(t, s.intake, savedFile(t, into, first)); other != door || bears != mark || mark == "" {
				t.Errorf("the second file is of report %x and bears %q, not %x and %q", other, bears, door, mark)
			}
		})
	}
}

// savedFile is the one file in a folder beside another.
func savedFile(t *testing.T, dir, beside string) string {
	t.Helper()
	saved, err := filepath.Glob(filepath.Join(dir, "*"))
	saved = slices.DeleteFunc(saved, func(path string) bool { return path == beside })
	if err != nil || len(saved) != 1 {
		t.Fatalf("saved: %v (%v)", saved, err)
	}
	return saved[0]
}

// headOf is of which report a sealed file is, and the mark that it bears within.
func headOf(t *testing.T, id age.Identity, path string) (door [32]byte, mark string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sealed, err := submission.ReadFile(f, func(h submission.Head) error { door = h.Door; return nil }, func([16]byte, int, []byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	m, err := submission.Open(id, sealed)
	if err != nil {
		t.Fatal(err)
	}
	return door, m.Mark
}

// openFile opens a sealed file with one file of one piece in it.
func openFile(id age.Identity, b []byte) (string, error) {
	var pieces [][]byte
	sealed, err := submission.ReadFile(bytes.NewReader(b), func(submission.Head) error { return nil }, func(_ [16]byte, _ int, piece []byte) error {
		pieces = append(pieces, piece)
		return nil
	})
	if err != nil {
		return "", err
	}
	m, err := submission.Open(id, sealed)
	if err != nil || len(m.Files) != 1 || len(pieces) != 1 {
		return "", fmt.Errorf("%d files, %d pieces: %w", len(m.Files), len(pieces), err)
	}
	plain, err := submission.OpenPiece(id, m.Files[0], 0, pieces[0])
	return m.Told + " " + m.Files[0].Name + " " + string(plain), err
}

// TestE2ELeave leaves: the page is gone, and the way back does not lead to it.
func TestE2ELeave(t *testing.T) {
	s := newSite(t, func(o *Options) { o.Away = "/en/check" })
	_, base := serve(t, s)
	chromium, _ := browsertest.Start(t)
	tab := openTab(t, chromium, base, true)
	tab.Do(chromedp.Navigate(base+"/en/"), chromedp.WaitVisible("#report"), chromedp.SendKeys("#told", "secret"), chromedp.Click("#leave"), chromedp.WaitVisible("#digests"))
	if n, err := chromedp.Run(tab.Ctx, chromedp.Evaluate[int](`history.length`)); err != nil || n != 2 { // about:blank and the other page
		t.Errorf("%d pages lie behind (%v)", n, err)
	}
}
