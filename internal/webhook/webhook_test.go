// SPDX-License-Identifier: AGPL-3.0-or-later

package webhook

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/registry"
)

// TestSignKnown holds the signature against the example of the Standard Webhooks'
// own library (libraries/go/webhook_test.go, TestWebhookSign).
func TestSignKnown(t *testing.T) {
	secret, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := Sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

// receiver is a receiver with TLS in this process, to which the names of a made-up
// resolver lead: no test reaches a network.
type receiver struct {
	*httptest.Server
	t     *testing.T
	names map[string][]string // host → addresses, one after another for each time that it is asked
	asked atomic.Int32
	mu    sync.Mutex
	dials []string
	came  []*http.Request
	body  []string
	says  int
	to    string
}

func receives(t *testing.T) *receiver {
	r := &receiver{t: t, says: http.StatusNoContent, names: map[string][]string{"example.com": {"8.8.8.8"}}}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.came, r.body = append(r.came, req), append(r.body, string(b))
		if r.to != "" {
			w.Header().Set("Location", r.to)
		}
		w.WriteHeader(r.says)
	}))
	r.Config.ErrorLog = nil
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) options() Options {
	roots := x509.NewCertPool()
	roots.AddCert(r.Certificate())
	return Options{
		Roots: roots, Timeout: 10 * time.Second,
		Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			list := r.names[host]
			if len(list) == 0 {
				return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
			}
			var addrs []netip.Addr
			for text := range strings.FieldsSeq(list[min(int(r.asked.Add(1))-1, len(list)-1)]) {
				addrs = append(addrs, netip.MustParseAddr(text))
			}
			return addrs, nil
		},
		Dial: func(ctx context.Context, at netip.AddrPort) (net.Conn, error) {
			r.mu.Lock()
			r.dials = append(r.dials, at.String())
			r.mu.Unlock()
			return new(net.Dialer).DialContext(ctx, "tcp", r.Listener.Addr().String())
		},
	}
}

var sample = registry.Notice{URL: "https://example.com/hook?x=1", ID: "msg_1", At: time.Unix(1655000000, 5), Body: []byte(`{"type":"changes"}`), Secret: []byte("a secret of many bytes, thirty-two")}

func (r *receiver) why(n registry.Notice) string {
	r.t.Helper()
	err := New(r.options())(r.t.Context(), n)
	if err == nil {
		return "told"
	}
	var not *registry.TellError
	if !errors.As(err, &not) {
		r.t.Fatalf("not a TellError: %v", err)
	}
	return not.Why
}

// TestTold holds what a receiver is told, and that nothing else stands in it.
func TestTold(t *testing.T) {
	r := receives(t)
	if why := r.why(sample); why != "told" {
		t.Fatal(why)
	}
	req := r.came[0]
	if req.Method != http.MethodPost || req.URL.String() != "/hook?x=1" || req.Host != "example.com" || r.body[0] != string(sample.Body) {
		t.Errorf("%s %s of %s: %s", req.Method, req.URL, req.Host, r.body[0])
	}
	for name, values := range req.Header {
		switch name {
		case "Content-Type", "Content-Length", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature", "Connection":
		default:
			t.Errorf("a header too many: %s: %q", name, values)
		}
	}
	if got := req.Header.Get("webhook-timestamp"); got != "1655000000" {
		t.Errorf("the time: %s", got)
	}
	if got := req.Header.Get("webhook-signature"); got != Sign(sample.Secret, "msg_1", sample.At, sample.Body) {
		t.Errorf("the signature: %s", got)
	}
}

// TestWhatReceiversSay holds what becomes of answers: a redirect leads nowhere.
func TestWhatReceiversSay(t *testing.T) {
	for says, want := range map[int]string{
		200: "told", 202: "told", 204: "told", 410: registry.TellGone, 400: registry.TellRefused, 404: registry.TellRefused, 429: registry.TellRefused, 500: registry.TellRefused, 503: registry.TellRefused,
		301: registry.TellRefused, 302: registry.TellRefused, 303: registry.TellRefused, 307: registry.TellRefused, 308: registry.TellRefused,
	} {
		r := receives(t)
		r.says, r.to = says, "https://other.example.org/"
		r.names["other.example.org"] = []string{"127.0.0.1"}
		if why := r.why(sample); why != want {
			t.Errorf("%d: %s", says, why)
		}
		if len(r.came) != 1 || len(r.dials) != 1 {
			t.Errorf("%d: %d requests by %d connections", says, len(r.came), len(r.dials))
		}
	}
	r := receives(t)
	opt := r.options()
	opt.Roots = x509.NewCertPool()
	var not *registry.TellError
	if err := New(opt)(t.Context(), sample); !errors.As(err, &not) || not.Why != registry.TellTLS {
		t.Errorf("a certificate nobody knows: %v", err)
	}
	n := sample
	n.URL = "https://nowhere.example.org/"
	if why := r.why(n); why != registry.TellUnreachable {
		t.Errorf("a name that is not there: %s", why)
	}
	r.names["other.example.org"] = []string{"8.8.4.4"}
	n.URL = "https://other.example.org/"
	if why := r.why(n); why != registry.TellTLS {
		t.Errorf("the certificate of another: %s", why)
	}
}

// TestHangingReceivers holds that one that takes a connection and says nothing is
// not waited for without end.
func TestHangingReceivers(t *testing.T) {
	r := receives(t)
	opt := r.options()
	opt.Timeout = 50 * time.Millisecond
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	opt.Dial = func(context.Context, netip.AddrPort) (net.Conn, error) { return ours, nil }
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	var not *registry.TellError
	if err := New(opt)(t.Context(), sample); !errors.As(err, &not) || not.Why != registry.TellUnreachable {
		t.Errorf("%v", err)
	}
}

// inside are addresses that an administrator may allow, never those that nobody may.
var (
	inside = []string{"127.0.0.1", "127.8.8.8", "::1", "10.0.0.5", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.1.2.3"}
	never  = []string{
		"0.0.0.0", "0.1.2.3", "169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fe80::1%eth0", "224.0.0.1", "239.255.255.250", "ff02::1", "255.255.255.255", "240.0.0.1",
		"192.0.0.170", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "::", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1", "5f00::1", "fec0::1",
	}
	outside = []string{"8.8.8.8", "93.184.215.14", "2606:4700::6810:84e5", "100.128.0.1", "172.32.0.1", "192.169.0.1"}
)

// TestNothingInsideIsReachedRegression holds that neither this machine nor its
// network is spoken to, by a number or by a name, alone or among others, unless
// an administrator allows it; what is good on one link alone never is.
func TestNothingInsideIsReachedRegression(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		for _, list := range []struct {
			addrs []string
			want  bool
		}{{inside, allowed}, {never, false}, {outside, true}} {
			for _, text := range list.addrs {
				for _, among := range []string{text, "8.8.8.8 " + text, text + " 8.8.8.8"} {
					r := receives(t)
					r.names["example.com"] = []string{among}
					n := sample
					n.Inside = allowed
					if got := r.why(n) == "told"; got != list.want {
						t.Errorf("%s, allowed %t: told %t", among, allowed, got)
					}
					if !list.want && len(r.dials) > 0 {
						t.Errorf("%s, allowed %t: spoken to %v", among, allowed, r.dials)
					}
				}
				r := receives(t)
				n := sample
				n.URL, n.Inside = "https://"+net.JoinHostPort(text, "8443")+"/", allowed
				if strings.Contains(text, "%") {
					n.URL = strings.Replace(n.URL, "%", "%25", 1)
				}
				if r.why(n); len(r.dials) > 0 != list.want {
					t.Errorf("%s by its number, allowed %t: spoken to %v", text, allowed, r.dials)
				}
			}
		}
	}
	// In the clear to this machine alone, whatever is allowed.
	for text, want := range map[string]bool{"127.0.0.1": true, "::1": true, "10.0.0.5": false, "8.8.8.8": false} {
		r := receives(t)
		r.names["localhost"] = []string{text}
		n := sample
		n.URL, n.Inside = "http://localhost:9000/", true
		if r.why(n); len(r.dials) > 0 != want {
			t.Errorf("in the clear to %s: spoken to %v", text, r.dials)
		}
	}
}

// TestRebindingRegression holds that a name that leads outside when it is looked
// at and inside when it is spoken to leads outside: it is resolved once.
func TestRebindingRegression(t *testing.T) {
	r := receives(t)
	r.names["example.com"] = []string{"8.8.8.8", "127.0.0.1"}
	if why := r.why(sample); why != "told" || r.asked.Load() != 1 || !slices.Equal(r.dials, []string{"8.8.8.8:443"}) {
		t.Errorf("%s; resolved %d times, spoken to %v", why, r.asked.Load(), r.dials)
	}
	if why := r.why(sample); why != registry.TellAddress || len(r.dials) != 1 {
		t.Errorf("the next time: %s, spoken to %v", why, r.dials)
	}
}

// TestOnlyTheInternet holds over addresses drawn at random that one which may be
// spoken to without leave is none of the machine's own or its network's, however
// it is written.
func TestOnlyTheInternet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var addr netip.Addr
		if rapid.Bool().Draw(t, "four") {
			addr = netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "addr")))
		} else {
			addr = netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "addr")))
		}
		addr = addr.Unmap()
		if mayBeSpokenTo(addr, false) && (!addr.IsGlobalUnicast() || addr.IsPrivate() || addr.IsLoopback() || addr.Is4() && addr.As4()[0] >= 224) {
			t.Fatalf("%s may be spoken to", addr)
		}
		if mayBeSpokenTo(addr, false) && !mayBeSpokenTo(addr, true) {
			t.Fatalf("%s may be spoken to without leave only", addr)
		}
	})
}
