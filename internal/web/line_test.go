// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
)

// realStretch makes TestTenThousandWrongPassphrases stretch as an installation
// does, and hold the memory of the process to its bound: it takes an hour and a half.
var (
	realStretch = flag.Bool("real-stretch", false, "stretch the ten thousand wrong passphrases as an installation does")
	attackers   = flag.Int("attackers", 10_000, "how many wrong passphrases come, each from an address of its own")
)

const (
	samplePassphrase = "seven good words nobody else would say"
	memoryBound      = 300 << 20
)

// realRegister is a register as an installation has it, with its pages.
func realRegister(t *testing.T, stretch seal.Stretch) (*registry.Registry, http.Handler) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "r")
	reg, _, err := registry.Create(context.Background(), dir,
		registry.FirstMember{Name: "aigerim", Lang: "kk", Passphrase: samplePassphrase},
		registry.Options{Now: time.Now, Stretch: stretch, Least: stretch, Rulebook: rulebook})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reg.Close() })
	return reg, pagesOf(t, reg)
}

// fromElsewhere serves pages on loopback as if each request came from the
// address its X-Test-From names: what the server sees as RemoteAddr.
func fromElsewhere(t *testing.T, pages http.Handler) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = r.Header.Get("X-Test-From")
		r.Header.Del("X-Test-From")
		pages.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server
}

var placeInPage = regexp.MustCompile(`name="place" value="([^"]+)"`)

// knock sends the sign-in form until it is tried, as a person does who is told
// to come back, but does not wait as long: only until somebody else has been
// tried. It answers what came of it, and how often it was sent away.
func knock(t *testing.T, client *http.Client, passed chan struct{}, server, from, name, passphrase string, cookies ...*http.Cookie) (status int, set []*http.Cookie, away int) {
	form := url.Values{"name": {name}, "passphrase": {passphrase}}
	for ; ; away++ {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server+"/sign-in", strings.NewReader(form.Encode()))
		if err != nil {
			t.Error(err)
			return 0, nil, away
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("X-Test-From", from)
		r.Header.Set("X-Forwarded-For", "192.0.2.1") // whatever a request says of itself counts for nothing
		for _, c := range cookies {
			r.AddCookie(c)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Error(err)
			return 0, nil, away
		}
		page, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusTooManyRequests {
			select {
			case passed <- struct{}{}:
			default:
			}
			return answer.StatusCode, answer.Cookies(), away
		}
		place := placeInPage.FindSubmatch(page)
		if place == nil || answer.Header.Get("Retry-After") == "" {
			t.Error("whoever is sent away is told neither when to come back nor with what")
			return 0, nil, away
		}
		form.Set("place", string(place[1]))
		select {
		case <-passed:
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestTenThousandWrongPassphrases: ten thousand wrong passphrases for one
// member, each from another network, at once. The member signs in all the
// while, with a browser that is known and with one that is not.
//
//	go test ./internal/web -run TenThousand -real-stretch -attackers 10000 -timeout 3h -v
func TestTenThousandWrongPassphrases(t *testing.T) {
	stretch := seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1}
	if *realStretch {
		stretch = seal.StandardStretch()
	}
	reg, pages := realRegister(t, stretch)
	server := fromElsewhere(t, pages)
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: 300, DisableCompression: !*realStretch},
	}
	passed := make(chan struct{}, 64)
	enter := func(from string, cookies ...*http.Cookie) ([]*http.Cookie, time.Duration) {
		t.Helper()
		begun := time.Now()
		status, set, _ := knock(t, client, passed, server.URL, from, "aigerim", samplePassphrase, cookies...)
		if status != http.StatusSeeOther {
			t.Fatalf("the member is not let in: %d", status)
		}
		return set, time.Since(begun)
	}
	cookies, _ := enter("192.0.2.10:1000")
	var device *http.Cookie
	for _, c := range cookies {
		if c.Name == "kua-device" {
			device = c
		}
	}
	if device == nil || !device.HttpOnly || device.SameSite != http.SameSiteStrictMode || device.MaxAge < int((90*24*time.Hour).Seconds()) {
		t.Fatalf("the browser is given no token to be known by: %v", device)
	}

	var tried, refused atomic.Int64
	work := make(chan int)
	var attack sync.WaitGroup
	for range 28 { // more than the lanes they stand in hold
		attack.Go(func() {
			for i := range work {
				from := fmt.Sprintf("%d.%d.%d.9:4000", 11+i/65536, i/256%256, i%256)
				name := "aigerim"
				if i%10 == 9 {
					name = fmt.Sprint("nobody ", i) // some guess at the name, too
				}
				status, _, away := knock(t, client, passed, server.URL, from, name, fmt.Sprint("wrong words ", i))
				if status != http.StatusUnprocessableEntity {
					t.Errorf("a wrong passphrase is answered %d", status)
				}
				tried.Add(1)
				refused.Add(int64(away))
			}
		})
	}
	go func() {
		defer close(work)
		for i := range *attackers {
			work <- i
		}
	}()
	done := make(chan struct{})
	go func() { attack.Wait(); close(done) }()

	var known, unknown []time.Duration
	most := memory(t)
	for i := 0; ; i++ {
		_, took := enter("198.51.100.7:2000", device)
		known = append(known, took)
		if i%4 == 0 {
			_, took = enter(fmt.Sprintf("203.0.%d.7:3000", i%256)) // another browser each time
			unknown = append(unknown, took)
		}
		most = max(most, memory(t))
		select {
		case <-done:
		default:
			continue
		}
		break
	}
	if n := tried.Load(); n != int64(*attackers) {
		t.Errorf("%d of %d wrong passphrases were tried", n, *attackers)
	}
	worst := func(all []time.Duration) (longest time.Duration) {
		for _, d := range all {
			longest = max(longest, d)
		}
		return longest
	}
	t.Logf("%d tried, %d sent away meanwhile; the member signed in %d times with a known browser (at most %v) and %d times with another (at most %v); memory at most %d MiB",
		tried.Load(), refused.Load(), len(known), worst(known), len(unknown), worst(unknown), most>>20)
	if len(known) < 3 || len(unknown) < 1 {
		t.Error("the member hardly signed in while it lasted")
	}
	if *realStretch && most > memoryBound {
		t.Errorf("the process held %d MiB, more than %d", most>>20, memoryBound>>20)
	}
	// And afterwards nothing is left of it.
	if _, err := reg.SignIn(t.Context(), registry.SignIn{Name: "aigerim", Passphrase: samplePassphrase, From: "11.0.0.9:4000"}); err != nil {
		t.Errorf("after the attack: %v", err)
	}
	if _, err := reg.SignIn(t.Context(), registry.SignIn{Name: "aigerim", Passphrase: "wrong words", From: "11.0.0.9:4000"}); err == nil || err.Error() != access.ErrSignIn.Error() {
		t.Errorf("a wrong passphrase: %v", err)
	}
}

// memory is what the process holds: VmRSS where the system says it, 0 elsewhere.
func memory(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	return 0
}
