// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
)

const lockPass = "planted words that nobody else would say"

// lockedUp makes a register to be locked and opened, with one case in it, and
// the file with its passphrase.
func lockedUp(t *testing.T, names ...string) (dir, pass string) {
	t.Helper()
	work := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(work, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	dir, pass = filepath.Join(work, "reg"), write("pass", lockPass+"\n")
	var list strings.Builder
	list.WriteString("No,Received,Family,Sex,Day\n")
	for i, name := range names {
		fmt.Fprintf(&list, "%d,2022-01-06,%s,m,2022-01-05\n", i+1, name)
	}
	answer(t, &struct{}{}, "init", dir, "--name", "sample", "--passphrase-file", pass, "--json")
	if len(names) > 0 {
		answer(t, &struct{}{}, "--registry", dir, "--passphrase-file", pass, "import", write("list.csv", list.String()), "--map", write("map.yaml", killMapping), "--org", "Invented", "--json")
	}
	return dir, pass
}

// hosted is a host in the test's own process: its clock and its ticks are the test's.
type hosted struct {
	*host
	t     *testing.T
	mu    sync.Mutex
	at    time.Time
	tick  chan time.Time
	ended chan error
	base  string
	http.Client
}

func hosting(t *testing.T, dir string, reg *registry.Registry) *hosted {
	t.Helper()
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := listenOn("127.0.0.1:0", 0)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	h := &hosted{t: t, at: today, tick: make(chan time.Time), ended: make(chan error, 1), Client: http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	p := &program{now: h.now, stretch: quick(), rulebook: rulebook, out: io.Discard, err: io.Discard}
	h.host = newHost(p, dir, service{listen: listener.Addr().String(), lockAfter: defaultLockAfter}, words, listener)
	h.log = slog.New(slog.DiscardHandler)
	h.ticks = func(time.Duration) (<-chan time.Time, func()) { return h.tick, func() {} }
	h.base = "http://" + listener.Addr().String()
	if reg == nil {
		if reg, _, err = registry.Open(context.Background(), dir, registry.Unlock{Passphrase: lockPass}, p.options()); err != nil {
			t.Fatal(err)
		}
	}
	control, err := listenControl(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go h.obey(ctx, control)
	go func() { h.ended <- h.run(ctx, reg) }()
	t.Cleanup(func() {
		cancel()
		if err := <-h.ended; err != nil {
			t.Error(err)
		}
		control.Close()
		listener.Close()
	})
	return h
}

func (h *hosted) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *hosted) pass(d time.Duration) {
	h.mu.Lock()
	h.at = h.at.Add(d)
	h.mu.Unlock()
	h.tick <- h.at
}

// page asks for a page and answers its status and text.
func (h *hosted) page(method, path string, pairs ...string) (int, string) {
	h.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r, err := http.NewRequest(method, h.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Accept-Language", "en")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		h.CloseIdleConnections() // one of them may be of a turn that has ended, and a form is not sent twice
	}
	resp, err := h.Do(r)
	if err != nil && method == http.MethodGet { // a connection that was kept, or made beforehand, ended with its turn: browsers, too, ask again
		h.CloseIdleConnections()
		resp, err = h.Do(r)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSeeOther {
		return h.page(http.MethodGet, resp.Header.Get("Location"))
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (h *hosted) signIn() {
	h.t.Helper()
	if status, text := h.page("POST", "/sign-in", "name", "sample", "passphrase", lockPass); status != 200 || !strings.Contains(text, "/lock-all") {
		h.t.Fatalf("sign-in: %d\n%s", status, text)
	}
}

func (h *hosted) mustBe(locked bool) {
	h.t.Helper()
	status, text := h.page("GET", "/cases")
	if is := status == http.StatusServiceUnavailable && strings.Contains(text, "The register is locked"); is != locked {
		h.t.Fatalf("locked: %v, want %v; status %d", is, locked, status)
	}
}

// TestHostLocksAndOpens takes a served register through all its turns.
func TestHostLocksAndOpens(t *testing.T) {
	dir, _ := lockedUp(t, "Invented")
	h := hosting(t, dir, nil)
	h.mustBe(false)
	h.signIn()
	if _, text := h.page("GET", "/cases"); !strings.Contains(text, "Invented") {
		t.Fatal("the case is not in the list")
	}

	// By the socket. It answers when the register is locked, and a second time at once.
	for range 2 {
		if err := lock(context.Background(), dir); err != nil {
			t.Fatal(err)
		}
		h.mustBe(true)
	}
	if status, text := h.page("POST", "/unlock", "passphrase", "not the words"); status != http.StatusUnprocessableEntity || !strings.Contains(text, "does not open the register") {
		t.Errorf("a wrong passphrase: %d", status)
	}
	h.mustBe(true)
	if status, text := h.page("POST", "/unlock", "passphrase", lockPass, "next", "/cases"); status != 200 || !strings.Contains(text, `value="/cases"`) || strings.Contains(text, "/lock-all") {
		t.Fatalf("opening leads to the sign-in and signs nobody in: %d\n%s", status, text)
	}
	h.mustBe(false)

	// By the button: the old session is over.
	h.signIn()
	if status, _ := h.page("POST", "/lock-all"); status != http.StatusServiceUnavailable {
		t.Errorf("after the button: %d", status)
	}
	h.mustBe(true)
	h.page("POST", "/unlock", "passphrase", lockPass)
	if status, text := h.page("GET", "/cases"); status != 200 || !strings.Contains(text, `name="passphrase"`) {
		t.Errorf("a session outlived the lock: %d", status)
	}

	// By itself: not while somebody is there, and not before its time.
	h.signIn()
	for range 3 {
		h.pass(25 * time.Minute)
		if _, text := h.page("GET", "/cases"); !strings.Contains(text, "Invented") {
			t.Fatal("locked, or signed out, while somebody is there")
		}
	}
	h.pass(defaultLockAfter - time.Second)
	h.mustBe(false) // and who asks without a session is nobody
	h.pass(2 * time.Second)
	h.mustBe(true)
}

// TestHostBesideAnother opens a locked register while another program works on
// it: it stays locked, says so, and can be opened afterwards.
func TestHostBesideAnother(t *testing.T) {
	dir, _ := lockedUp(t)
	h := hosting(t, dir, nil)
	if err := lock(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	other, _, err := registry.Open(context.Background(), dir, registry.Unlock{Passphrase: lockPass}, h.p.options())
	if err != nil {
		t.Fatalf("a locked register holds on to its files: %v", err)
	}
	if status, text := h.page("POST", "/unlock", "passphrase", lockPass); status != http.StatusUnprocessableEntity || !strings.Contains(text, "Another program") {
		t.Errorf("beside another program: %d", status)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	h.page("POST", "/unlock", "passphrase", lockPass)
	h.mustBe(false)
	if _, err := listenControl(dir); err == nil {
		t.Error("a second program may serve the register")
	}
}

// served is the program service a register, in a process of its own.
type lockable struct {
	*hosted
	cmd *exec.Cmd
}

func serveChild(t *testing.T, dir, pass string) *lockable {
	t.Helper()
	cmd := exec.Command(os.Args[0], "--registry", dir, "--passphrase-file", pass, "serve", "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the program does not serve")
	}
	base, _, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "The pages are at "), " ")
	go func() {
		for lines.Scan() { // so that it is never held up
		}
	}()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &lockable{&hosted{t: t, base: base, Client: http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, cmd}
}

// TestKilledWhileLocking kills the program at random moments while it locks.
func TestKilledWhileLocking(t *testing.T) {
	const rounds = 6
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dir, pass := lockedUp(t, "Invented", "Imagined")
	for round := range rounds {
		s := serveChild(t, dir, pass)
		s.signIn()
		ctx, cancel := context.WithCancel(context.Background())
		asked := make(chan error, 1)
		go func() { asked <- lock(ctx, dir) }()
		time.Sleep(time.Duration(r.Int64N(int64(60 * time.Millisecond)))) // the moment of the kill, nothing is waited for
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		cancel()
		<-asked
		var verified struct {
			Problem string
			Index   bool
		}
		answer(t, &verified, "--registry", dir, "--passphrase-file", pass, "--json", "verify", "--deep")
		var listed struct{ Cases []caseRow }
		answer(t, &listed, "--registry", dir, "--passphrase-file", pass, "--json", "case", "list")
		if verified.Problem != "" || !verified.Index || len(listed.Cases) != 2 {
			t.Fatalf("round %d: %+v, %d cases", round, verified, len(listed.Cases))
		}
	}
}

// TestControlInADeepFolder reaches a socket whose path is longer than a socket's may be.
func TestControlInADeepFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 30))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := listenControl(dir)
	if err != nil || l == nil {
		t.Fatal(l, err)
	}
	defer l.Close()
	go (&host{}).obey(context.Background(), l)
	if answer, err := askControl(context.Background(), dir, sayState); err != nil || answer != isLocked {
		t.Errorf("%q, %v", answer, err)
	}
	if info, err := os.Stat(filepath.Join(dir, controlName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}
