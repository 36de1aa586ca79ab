// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package pocket

import (
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"filippo.io/age"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/kua-registry/kua/internal/browsertest"
)

var shots = flag.String("shots", "", "put a picture of every page into this directory")

// phone is a browser whose memory outlives it: it can be killed and started again.
type phone struct {
	*browsertest.Tab
	dir  string // all that it keeps
	stop func()
}

func newPhone(t *testing.T, base string) *phone {
	t.Helper()
	p := &phone{dir: t.TempDir(), Tab: &browsertest.Tab{T: t, Base: base, Shots: *shots, Quiet: []string{"net::ERR_", "Failed to load resource", "fetching the script"}}}
	p.start()
	return p
}

func (p *phone) start() {
	p.T.Helper()
	ctx, stop := browsertest.Start(p.T, chromedp.UserDataDir(p.dir))
	p.stop = stop
	p.Watch(ctx)
}

// kill ends the browser at once, as a phone whose battery is taken out.
func (p *phone) kill() {
	p.T.Helper()
	process := chromedp.FromContext(p.Ctx).Browser.Process()
	if err := process.Kill(); err != nil {
		p.T.Fatal(err)
	}
	p.stop()
	for _, name := range []string{"SingletonLock", "SingletonCookie", "SingletonSocket"} {
		_ = os.Remove(filepath.Join(p.dir, name)) // what the killed one held
	}
}

func (p *phone) text(id string) string {
	p.T.Helper()
	return browsertest.Ask[string](p.Tab, fmt.Sprintf(`document.getElementById(%q).textContent`, id))
}

// types puts something into a field as if it was typed.
func types(id, text string) chromedp.Action[chromedp.Void] { return chromedp.SendKeys("#"+id, text) }

// line is the line to the server: there or not, or cut where a test says.
type line struct {
	next http.Handler

	mu    sync.Mutex
	off   bool
	after int // cut once after so many reports were taken; 0: not
	bad   int // so many reports are refused first
	posts int
	gone  chan struct{} // closed when it was cut
}

func (l *line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	off := l.off
	l.mu.Unlock()
	if off {
		panic(http.ErrAbortHandler)
	}
	if r.Method != http.MethodPost {
		l.next.ServeHTTP(w, r)
		return
	}
	l.mu.Lock()
	refuse := l.bad > 0
	if refuse {
		l.bad--
	}
	l.mu.Unlock()
	if refuse {
		http.Error(w, "{}", http.StatusBadRequest)
		return
	}
	said := httptest.NewRecorder()
	l.next.ServeHTTP(said, r)
	l.mu.Lock()
	l.posts++
	cut := l.posts == l.after
	if cut {
		l.off = true
		close(l.gone)
	}
	l.mu.Unlock()
	if cut {
		panic(http.ErrAbortHandler) // it was taken, and nobody hears of it
	}
	for k, v := range said.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(said.Code)
	_, _ = w.Write(said.Body.Bytes())
}

func (l *line) set(off bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.off = off
}

func serve(t *testing.T, s *site) (*line, string) {
	t.Helper()
	l := &line{next: s.pages, gone: make(chan struct{})}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	return l, server.URL
}

const phrase = "heron under seven grey bridges"

// settles opens the page for the first time, until it is kept.
func (p *phone) settles(lang string) {
	p.T.Helper()
	p.Do(chromedp.Navigate(p.Base+At+lang+"/"), chromedp.WaitVisible("#setup"))
	p.Look(lang + "-setup")
	p.Do(types("phrase", phrase), types("again", phrase), chromedp.Click("#choose button"), chromedp.WaitVisible("#home"))
	p.Until(`document.getElementById("digest").textContent.length === 64 && document.getElementById("status").hidden`)
}

// nowhere looks for words in all that the phone keeps, byte by byte: in what the
// page can read back of its stores, and in every file of the browser.
func (p *phone) nowhere(words ...string) {
	p.T.Helper()
	const dump = `(async () => {
		const all = [];
		const bytes = (v) => {
			if (v instanceof Uint8Array) { let s = ""; for (const b of v) s += String.fromCharCode(b); all.push(s); }
			else if (v && typeof v === "object") for (const k of Object.keys(v)) { all.push(k); bytes(v[k]); }
			else all.push(unescape(encodeURIComponent(String(v))));
		};
		for (const d of await indexedDB.databases()) await new Promise((done, failed) => {
			const r = indexedDB.open(d.name);
			r.onerror = () => failed(r.error);
			r.onsuccess = () => {
				const db = r.result, names = Array.from(db.objectStoreNames);
				if (!names.length) { db.close(); done(); return; }
				const t = db.transaction(names);
				for (const name of names) { t.objectStore(name).getAll().onsuccess = (e) => bytes(e.target.result); t.objectStore(name).getAllKeys().onsuccess = (e) => bytes(e.target.result); }
				t.oncomplete = () => { db.close(); done(); };
			};
		});
		for (const name of await caches.keys()) for (const q of await (await caches.open(name)).keys()) {
			all.push(name, q.url);
			bytes(new Uint8Array(await (await (await caches.open(name)).match(q)).arrayBuffer()));
		}
		for (const s of [localStorage, sessionStorage]) for (const k of Object.keys(s)) all.push(k, s.getItem(k));
		all.push(document.title, document.cookie, location.href, JSON.stringify(history.state), String(history.length));
		return btoa(all.join("\n").replace(/[^\x00-\xff]/g, "?"));
	})()`
	kept, err := base64.StdEncoding.DecodeString(browsertest.Ask[string](p.Tab, dump))
	if err != nil {
		p.T.Fatal(err)
	}
	if len(kept) < 400<<10 || !bytes.Contains(kept, []byte("age-encryption.org/v1")) {
		p.T.Errorf("%d bytes were looked through", len(kept))
	}
	for _, w := range words {
		if bytes.Contains(kept, []byte(w)) {
			p.T.Errorf("%q lies in what the page keeps", w)
		}
	}
	p.notOnDisk(words...)
}

// notOnDisk looks for words in every file of the browser, as UTF-8 and UTF-16.
func (p *phone) notOnDisk(words ...string) {
	p.T.Helper()
	var forms [][]byte
	for _, w := range words {
		var wide []byte
		for _, u := range utf16.Encode([]rune(w)) {
			wide = append(wide, byte(u), byte(u>>8))
		}
		forms = append(forms, []byte(w), wide)
	}
	looked := 0
	err := filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // it goes while the browser works
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		looked += len(b)
		for i, f := range forms {
			if bytes.Contains(b, f) {
				p.T.Errorf("%q lies in %s", words[i/2], path)
			}
		}
		return nil
	})
	if err != nil || looked < 200<<10 {
		p.T.Errorf("%d bytes of the browser were looked through (%v)", looked, err)
	}
}

// TestE2EPhone goes with a phone where there is no line: it is installed, cut
// off, written on, killed, opened again with a wrong and the right passphrase,
// finished, and hands over when the line is back. Nothing of what was typed lies
// on it at any time.
func TestE2EPhone(t *testing.T) {
	for _, lang := range []string{"en", "ru", "kk"} {
		t.Run(lang, func(t *testing.T) {
			s := newSite(t)
			l, base := serve(t, s)
			p := newPhone(t, base)
			p.settles(lang)
			p.Look(lang + "-home")
			l.set(true)
			told := "Меня держали в подвале, zeppelin"
			never := []string{"подвале", "zeppelin", "Қайраткерова", "dirigible", phrase, "bridges", "oystercatcher"}
			p.Do(chromedp.Navigate(base+At+lang+"/"), chromedp.WaitVisible("#home"), chromedp.Click("#new"), chromedp.WaitVisible("#note"))
			p.Look(lang + "-form")
			p.Do(types("told", told), types("who", "Қайраткерова"), types("known", "oystercatcher"), chromedp.SetValue("#speaker", "relative"), chromedp.SetValue("#complaint", "yes"), chromedp.Click(`input[value="un"]`))
			p.Until(`document.getElementById("saved").textContent !== ""`)
			p.nowhere(never...)
			p.kill()
			p.notOnDisk(never...)
			p.start()
			p.Do(chromedp.Navigate(base+At+lang+"/"), chromedp.WaitVisible("#home"), chromedp.Click("#drafts button"), chromedp.WaitVisible("#unlock"))
			p.Look(lang + "-unlock")
			p.Do(types("secret", phrase+"s"), chromedp.Click("#open button"))
			p.Until(`!document.getElementById("problem").hidden`)
			if got := browsertest.Ask[string](p.Tab, `document.getElementById("told").value + document.getElementById("secret").value`); got != "" {
				t.Errorf("with a wrong passphrase the page holds %q", got)
			}
			p.Do(types("secret", "  "+strings.ReplaceAll(phrase, " ", "   ")), chromedp.Evaluate[chromedp.Void](`window.asked = performance.now(); document.getElementById("note").addEventListener("focusin", () => { window.took = window.took || performance.now() - window.asked; }); 0`),
				chromedp.Click("#open button"), chromedp.WaitVisible("#note"))
			t.Logf("%s: the page has %d kB, %d kB over the line; a passphrase opened a draft after %d ms", lang,
				s.get(At+lang+"/").Body.Len()/1000, packedLen(s, At+lang+"/")/1000, browsertest.Ask[int](p.Tab, `Math.round(window.took)`))
			p.Until(`document.getElementById("status").hidden`)
			if got := browsertest.Ask[string](p.Tab, `document.getElementById("told").value + document.getElementById("who").value + document.getElementById("speaker").value + document.getElementById("complaint").value`); got != told+"Қайраткероваrelativeyes" {
				t.Errorf("it comes back as %q", got)
			}
			p.Do(types("by", "dirigible"), chromedp.Click("#finish"), chromedp.WaitVisible("#home"))
			p.Until(`document.getElementById("line").textContent === ` + quoted(s, lang, "noline"))
			if got, want := p.text("waits"), s.opts.Words.Lang(lang).T("pocket.waits", 1); got != want {
				t.Errorf("waiting: %q, want %q", got, want)
			}
			if got := browsertest.Ask[string](p.Tab, `document.getElementById("told").value + document.getElementById("drafts").querySelectorAll("button").length`); got != "0" {
				t.Errorf("after it was finished the page holds %q", got)
			}
			p.Look(lang + "-waits")
			p.nowhere(never...)
			if len(s.told()) != 0 {
				t.Fatal("something came through a line that was cut")
			}
			l.set(false)
			p.Do(chromedp.Click("#hand"))
			p.Until(`document.getElementById("waits").textContent === ` + quoted(s, lang, "none"))
			if !strings.Contains(p.text("handed"), "(1)") {
				t.Errorf("handed over: %q", p.text("handed"))
			}
			p.Look(lang + "-handed")
			got := s.told()
			if len(got) != 1 {
				t.Fatalf("%d reports", len(got))
			}
			c := got[0].Conversation
			if got[0].Told != told || got[0].Who != "Қайраткерова" || got[0].By != "dirigible" || got[0].Language != lang || fmt.Sprint(got[0].Consents) != "[un]" ||
				c == nil || c.Speaker != "relative" || c.Complaint != "yes" || c.Known != "oystercatcher" || c.Registered != "" {
				t.Errorf("%+v, %+v", got[0], c)
			}
			p.nowhere(never...)
			if sealedLeft := browsertest.Ask[int](p.Tab, `new Promise(d => { const r = indexedDB.open("notes"); r.onsuccess = () => { const t = r.result.transaction(["drafts", "waiting"]); let n = 0; for (const s of ["drafts", "waiting"]) t.objectStore(s).count().onsuccess = e => { n += e.target.result; }; t.oncomplete = () => { r.result.close(); d(n); }; }; })`); sealedLeft != 0 {
				t.Errorf("%d sealed things are left after handing over", sealedLeft)
			}
			cookies, err := chromedp.Call(p.Ctx, network.GetCookies, network.GetCookiesParams{})
			if err != nil || len(cookies.Cookies) != 0 {
				t.Errorf("cookies: %v (%v)", cookies, err)
			}
		})
	}
}

// packedLen is how long a page is as it goes over the line.
func packedLen(s *site, path string) int {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	s.pages.ServeHTTP(w, r)
	return w.Body.Len()
}

func quoted(s *site, lang, key string) string {
	return fmt.Sprintf("%q", s.opts.Words.Lang(lang).T("pocket."+key))
}

// finishes takes down something short, and seals it.
func (p *phone) finishes(text string) {
	p.T.Helper()
	p.Do(chromedp.Click("#new"), chromedp.WaitVisible("#note"), types("told", text), chromedp.Click("#finish"), chromedp.WaitVisible("#home"))
	p.Until(`document.getElementById("status").textContent !== "" && !document.querySelector("main button[disabled]")`)
}

// TestE2ECutWhileHandingOver cuts the line when the server has the second of
// three and the phone has not heard of it: each arrives once.
func TestE2ECutWhileHandingOver(t *testing.T) {
	s := newSite(t)
	l, base := serve(t, s)
	p := newPhone(t, base)
	p.settles("en")
	l.set(true)
	for _, text := range []string{"one", "two", "three"} {
		p.finishes(text)
	}
	l.mu.Lock()
	l.off, l.after = false, 2
	l.mu.Unlock()
	p.Do(chromedp.Click("#hand"))
	select {
	case <-l.gone:
	case <-time.After(browsertest.PerStep):
		t.Fatal("the line was not cut")
	}
	p.Until(`document.getElementById("line").textContent === ` + quoted(s, "en", "noline") + ` && document.getElementById("waits").textContent.endsWith("2")`)
	p.kill()
	p.start()
	l.set(false)
	p.Do(chromedp.Navigate(base+At+"en/"), chromedp.WaitVisible("#home"))
	p.Until(`document.getElementById("waits").textContent === ` + quoted(s, "en", "none"))
	seen := map[string]int{}
	for _, m := range s.told() {
		seen[m.Told]++
	}
	if len(seen) != 3 || seen["one"] != 1 || seen["two"] != 1 || seen["three"] != 1 {
		t.Errorf("arrived: %v", seen)
	}
	if got := p.text("handed"); !strings.Contains(got, "(3)") {
		t.Errorf("handed over: %q", got)
	}
}

// TestE2ERefusedKeepsNoneBackRegression: one that the server refuses stays on the
// phone, and the others go.
func TestE2ERefusedKeepsNoneBackRegression(t *testing.T) {
	s := newSite(t)
	l, base := serve(t, s)
	p := newPhone(t, base)
	p.settles("kk")
	l.set(true)
	for _, text := range []string{"one", "two"} {
		p.finishes(text)
	}
	l.mu.Lock()
	l.off, l.bad = false, 1
	l.mu.Unlock()
	p.Do(chromedp.Click("#hand"))
	p.Until(`document.getElementById("line").textContent === ` + quoted(s, "kk", "refused"))
	if got := s.told(); len(got) != 1 || got[0].Told != "two" || !strings.Contains(p.text("waits"), "1") {
		t.Errorf("%d arrived, and %q", len(got), p.text("waits"))
	}
	p.Do(chromedp.Click("#hand"))
	p.Until(`document.getElementById("waits").textContent === ` + quoted(s, "kk", "none"))
	if got := s.told(); len(got) != 2 {
		t.Errorf("%d arrived", len(got))
	}
}

// TestE2EEmpty empties the phone, without a line, while another window has it
// open with something typed: nothing of it is left, in either window.
func TestE2EEmpty(t *testing.T) {
	s := newSite(t)
	l, base := serve(t, s)
	p := newPhone(t, base)
	p.settles("ru")
	l.set(true)
	p.finishes("aerostat")
	other, cancel := chromedp.NewContext(p.Ctx)
	defer cancel()
	for _, step := range []chromedp.Action[chromedp.Void]{
		chromedp.Navigate(base + At + "ru/"), chromedp.WaitVisible("#home"), chromedp.Click("#new"), chromedp.WaitVisible("#note"), types("told", "montgolfier"),
	} {
		if err := chromedp.Do(other, step); err != nil {
			t.Fatal(err)
		}
	}
	p.Do(chromedp.Click("#ask-empty"), chromedp.WaitVisible("#sure"))
	p.Look("ru-sure")
	p.Do(chromedp.Click("#not-empty"), chromedp.WaitVisible("#home"), chromedp.Click("#ask-empty"), chromedp.Click("#empty"), chromedp.WaitVisible("#emptied"))
	left := `(async () => [(await indexedDB.databases()).length, (await caches.keys()).length, (await navigator.serviceWorker.getRegistrations()).length, localStorage.length, sessionStorage.length].join(" "))()`
	p.Until(`document.title !== "" && !document.getElementById("emptied").hidden`)
	deadline := time.Now().Add(browsertest.PerStep)
	for browsertest.Ask[string](p.Tab, left) != "0 0 0 0 0" {
		if time.Now().After(deadline) {
			t.Fatalf("left: %s", browsertest.Ask[string](p.Tab, left))
		}
	}
	if got := browsertest.Ask[bool](p.Tab, `document.getElementById("problem").hidden`); !got {
		t.Errorf("it says that something was left: %q", p.text("problem"))
	}
	p.Look("ru-emptied")
	if got, err := chromedp.Run(other, chromedp.Evaluate[string](`[document.getElementById("emptied").hidden, document.getElementById("told").value].join("|")`)); err != nil || got != "false|" {
		t.Errorf("the other window: %q (%v)", got, err)
	}
	cancel()
	if err := chromedp.Do(p.Ctx, chromedp.Navigate(base+At+"ru/")); err == nil {
		t.Error("without a line the page opens after the phone was emptied")
	}
	p.kill()
	p.notOnDisk("aerostat", "montgolfier", phrase)
	p.start()
	l.set(false)
	p.Do(chromedp.Navigate(base+At+"ru/"), chromedp.WaitVisible("#setup"))
	if len(s.told()) != 0 {
		t.Error("what was emptied away was handed over")
	}
}

// TestE2ECloses: a draft is kept and closed when the page is hidden, and when
// nobody types for a while; it needs the passphrase then.
func TestE2ECloses(t *testing.T) {
	s := newSite(t, func(s *site) { s.opts.Idle = 4 * time.Second })
	_, base := serve(t, s)
	p := newPhone(t, base)
	p.settles("kk")
	open := []chromedp.Action[chromedp.Void]{chromedp.Click("#drafts button"), chromedp.WaitVisible("#unlock"), types("secret", phrase), chromedp.Click("#open button"), chromedp.WaitVisible("#note")}
	p.Do(chromedp.Click("#new"), chromedp.WaitVisible("#note"), types("told", "idle"))
	p.Until(`!document.getElementById("home").hidden && document.getElementById("status").textContent === ` + quoted(s, "kk", "closed"))
	if got := browsertest.Ask[string](p.Tab, `document.getElementById("told").value`); got != "" {
		t.Errorf("closed, it shows %q", got)
	}
	p.Do(open...)
	p.Do(types("told", "!"))
	hide := `(() => { Object.defineProperty(document, "visibilityState", { value: %q, configurable: true }); document.dispatchEvent(new Event("visibilitychange")); return getComputedStyle(document.documentElement).display; })()`
	if got := browsertest.Ask[string](p.Tab, fmt.Sprintf(hide, "hidden")); got != "none" {
		t.Errorf("hidden, the page shows: %s", got)
	}
	p.Until(`document.getElementById("told").value === ""`)
	if got := browsertest.Ask[string](p.Tab, fmt.Sprintf(hide, "visible")); got != "block" {
		t.Errorf("shown again: %s", got)
	}
	p.Until(`!document.getElementById("home").hidden`)
	p.Do(open...)
	if got := browsertest.Ask[string](p.Tab, `document.getElementById("told").value`); got != "idle!" && got != "!idle" {
		t.Errorf("it comes back as %q", got)
	}
	p.Do(chromedp.Click("#note summary"), chromedp.Click("#throw"), chromedp.WaitVisible("#home"))
	if n := browsertest.Ask[int](p.Tab, `document.querySelectorAll("#drafts button").length`); n != 0 {
		t.Errorf("%d drafts after it was thrown away", n)
	}
	p.Look("kk-closed")
}

// TestE2ENewerPage: a newer page is used when its bearer takes it, not before,
// and another file than was published is not kept.
func TestE2ENewerPage(t *testing.T) {
	s := newSite(t)
	l, base := serve(t, s)
	p := newPhone(t, base)
	p.settles("en")
	first := p.text("digest")
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	old := s.intake
	s.intake = id
	p.Do(chromedp.Navigate(base+At+"en/"), chromedp.WaitVisible("#home"))
	p.Until(`!document.getElementById("newer").hidden`)
	p.Look("en-newer")
	for range 2 {
		if got := p.text("digest"); got != first {
			t.Errorf("before it was taken, the page is %s, not %s", got, first)
		}
		p.Do(chromedp.Navigate(base+At+"en/"), chromedp.WaitVisible("#home"))
		p.Until(`document.getElementById("digest").textContent.length === 64`)
	}
	p.finishes("to the older key")
	p.Until(`document.getElementById("waits").textContent === ` + quoted(s, "en", "none"))
	s.intake = old
	if got := s.told(); len(got) != 1 || got[0].Told != "to the older key" {
		t.Errorf("%+v", got)
	}
	s.intake = id
	p.Do(chromedp.Click("#take"))
	p.Until(`document.getElementById("digest").textContent.length === 64 && document.getElementById("digest").textContent !== "` + first + `"`)
	published := s.get(At + "digests.txt").Body.String()
	if got := p.text("digest"); !strings.Contains(published, got+"  notes-en.html") {
		t.Errorf("the page taken is %s, and published is\n%s", got, published)
	}
	// Somebody on the way gives another page than was published.
	whole := l.next
	l.next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == At+"en/" {
			http.Error(w, "another page", http.StatusOK)
			return
		}
		whole.ServeHTTP(w, r)
	})
	taken := p.text("digest")
	if s.intake, err = age.GenerateHybridIdentity(); err != nil {
		t.Fatal(err)
	}
	if got := browsertest.Ask[string](p.Tab, `(async () => { const r = await navigator.serviceWorker.getRegistration("/notes/"); let ended = "none"; await r.update().then(() => { const w = r.installing; return w && new Promise(d => w.addEventListener("statechange", () => { ended = w.state; d(); })); }).catch(() => { ended = "failed"; }); return ended; })()`); got != "redundant" && got != "failed" {
		t.Errorf("the worker with another page is %s", got)
	}
	p.Do(chromedp.Navigate(base+At+"en/"), chromedp.WaitVisible("#home"))
	p.Until(`document.getElementById("digest").textContent === "` + taken + `"`)
	if browsertest.Ask[bool](p.Tab, `!document.getElementById("newer").hidden`) {
		t.Error("a page that was not published is offered")
	}
}

// TestE2EAxe: axe-core finds nothing on what the page shows, light and dark.
func TestE2EAxe(t *testing.T) {
	for i, lang := range []string{"en", "ru", "kk"} {
		s := newSite(t)
		l, base := serve(t, s)
		p := newPhone(t, base)
		see := func(name string) {
			t.Helper()
			for n, scheme := range []string{"light", "dark"} {
				p.Scheme(scheme, []int64{360, 1280}[(n+i)%2])
				p.Axe(lang + "-" + name + "-" + scheme)
			}
		}
		p.Do(chromedp.Navigate(base+At+lang+"/"), chromedp.WaitVisible("#setup"))
		see("setup")
		p.Do(types("phrase", "short"), chromedp.Click("#choose button"))
		p.Until(`!document.getElementById("problem").hidden`)
		see("setup-short")
		p.Do(types("phrase", phrase), types("again", "short"+phrase), chromedp.SetValue("#phrase", phrase), chromedp.SetValue("#again", phrase), chromedp.Click("#choose button"), chromedp.WaitVisible("#home"))
		p.Until(`document.getElementById("digest").textContent.length === 64 && document.getElementById("status").hidden`)
		l.set(true)
		p.Do(chromedp.Click("#new"), chromedp.WaitVisible("#note"))
		see("form")
		p.Do(chromedp.Click("#finish"))
		p.Until(`!document.getElementById("problem").hidden`)
		see("form-empty")
		p.Do(types("told", "told"), chromedp.Click("#aside"), chromedp.WaitVisible("#home"))
		p.finishes("another")
		p.Until(`document.getElementById("line").textContent !== ""`)
		see("home")
		p.Do(chromedp.Click("#drafts button"), chromedp.WaitVisible("#unlock"))
		see("unlock")
		p.Do(chromedp.Click("#ask-empty"), chromedp.WaitVisible("#sure"))
		see("sure")
		p.Do(chromedp.Click("#empty"), chromedp.WaitVisible("#emptied"))
		see("emptied")
	}
}
