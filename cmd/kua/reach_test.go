// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/kua-registry/kua/internal/locale"
)

// TestPlainIsRefused holds that nothing is served in the clear but to this
// machine, with the reason.
func TestPlainIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		v    service
		want string // in the refusal; empty: it is served
	}{
		"as it comes":            {service{listen: defaultListen}, ""},
		"localhost":              {service{listen: "localhost:80"}, ""},
		"IPv6":                   {service{listen: "[::1]:80"}, ""},
		"everywhere":             {service{listen: ":8470"}, "--listen :8470 would send everything over the network in the clear"},
		"another address":        {service{listen: "192.0.2.1:80"}, "in the clear"},
		"the public page":        {service{listen: defaultListen, public: "0.0.0.0:80"}, "--public 0.0.0.0:80 would"},
		"reports":                {service{listen: defaultListen, reports: reports{listen: "[::]:80"}}, "--report [::]:80 would"},
		"a name":                 {service{listen: "kua.example.org:80"}, "in the clear"},
		"a certificate":          {service{listen: ":443", public: ":444", reach: reach{tlsCert: "c", tlsKey: "k"}}, ""},
		"half of one":            {service{listen: ":443", reach: reach{tlsCert: "c"}}, "belong together"},
		"an authority":           {service{listen: ":443", reach: reach{acmeHost: "kua.example.org"}}, ""},
		"for an address":         {service{listen: ":443", reach: reach{acmeHost: "192.0.2.1"}}, "--acme is the name"},
		"for a link":             {service{listen: ":443", reach: reach{acmeHost: "https://kua.example.org"}}, "--acme is the name"},
		"both":                   {service{listen: ":443", reach: reach{acmeHost: "kua.example.org", tlsCert: "c", tlsKey: "k"}}, "give one of the two"},
		"a proxy":                {service{listen: defaultListen, origin: "https://kua.example.org", reach: reach{behindProxy: true}}, ""},
		"a proxy that is passed": {service{listen: ":8470", origin: "https://kua.example.org", reach: reach{behindProxy: true}}, "behind a proxy this program listens on loopback alone"},
		"a proxy without TLS":    {service{listen: defaultListen, origin: "http://kua.example.org", reach: reach{behindProxy: true}}, "--behind-proxy needs --origin"},
		"a proxy nobody knows":   {service{listen: defaultListen, reach: reach{behindProxy: true}}, "--behind-proxy needs --origin"},
		"meters for everybody":   {service{listen: defaultListen, metrics: ":9"}, "only programs of this machine"},
		"meters":                 {service{listen: defaultListen, metrics: "127.0.0.1:9"}, ""},
	} {
		err := tc.v.check()
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tc.want != "" && (!errors.Is(err, errUsage) || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

// TestServedAgainAsBefore holds that a program that has replaced itself serves
// as the one before it did.
func TestServedAgainAsBefore(t *testing.T) {
	v := service{
		listen: "127.0.0.1:1", origin: "https://kua.example.org", public: "127.0.0.1:2", lockAfter: time.Hour, metrics: "127.0.0.1:3", logJSON: true,
		reports: reports{listen: "127.0.0.1:4", most: 5, onion: "a.onion", circuits: true},
		reach:   reach{tlsCert: "c", tlsKey: "k", acmeHost: "h", acmeDirectory: "https://ca.example", acmeCache: "folder", behindProxy: true},
	}
	args := v.args(&program{forgetting: "f"}, "dir")
	for _, want := range []string{"dir", "f", v.listen, v.origin, v.public, "1h0m0s", v.metrics, "--log-json", v.reports.listen, "5", "a.onion", "--report-circuits", "c", "k", "h", "https://ca.example", "folder", "--behind-proxy"} {
		if !slices.Contains(args, want) {
			t.Errorf("%q is not among %q", want, args)
		}
	}
	p := &program{}
	cmd, rest, err := p.command().Find(args)
	if err != nil || cmd.Name() != "serve" || cmd.ParseFlags(rest) != nil {
		t.Errorf("%q is not understood: %v", args, err)
	}
}

func TestFromProxy(t *testing.T) {
	for name, tc := range map[string]struct {
		peer string
		said []string
		want string
	}{
		"one":                       {"127.0.0.1:7", []string{"192.0.2.9"}, "192.0.2.9:7"},
		"the last of many":          {"[::1]:7", []string{"10.0.0.1, 192.0.2.8", "127.0.0.1 ,2001:db8::1"}, "[2001:db8::1]:7"},
		"nothing":                   {"127.0.0.1:7", nil, "127.0.0.1:7"},
		"nothing that is one":       {"127.0.0.1:7", []string{"192.0.2.9, unknown"}, "127.0.0.1:7"},
		"IPv4 within IPv6":          {"127.0.0.1:7", []string{"::ffff:192.0.2.9"}, "192.0.2.9:7"},
		"a zone":                    {"127.0.0.1:7", []string{"fe80::1%eth0"}, "[fe80::1]:7"},
		"no proxy of this machine":  {"192.0.2.1:7", []string{"10.0.0.1"}, "192.0.2.1:7"},
		"a peer that is no address": {"@", []string{"10.0.0.1"}, "@"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = tc.peer, tc.said
		if got := fromProxy(r).RemoteAddr; got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

// TestFrontBelievesNobodyUnasked: what a request says of itself counts for
// nothing without --behind-proxy, and browsers are told of TLS where there is some.
func TestFrontBelievesNobodyUnasked(t *testing.T) {
	for _, tc := range []struct {
		v          reach
		from, hsts string
	}{
		{reach{}, "127.0.0.1:7", ""},
		{reach{tlsCert: "c"}, "127.0.0.1:7", "max-age=31536000"},
		{reach{behindProxy: true}, "192.0.2.9:7", "max-age=31536000"},
	} {
		var from string
		pages := tc.v.front(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { from = r.RemoteAddr }))
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		r.RemoteAddr = "127.0.0.1:7"
		r.Header.Set("X-Forwarded-For", "192.0.2.9")
		pages.ServeHTTP(w, r)
		if from != tc.from || w.Header().Get("Strict-Transport-Security") != tc.hsts {
			t.Errorf("%+v: from %s, %q", tc.v, from, w.Header().Get("Strict-Transport-Security"))
		}
	}
}

// authority signs certificates.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	made atomic.Int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "made up"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{key: key, cert: cert}
}

func (a *authority) sign(public any, name string) ([]byte, error) {
	template := &x509.Certificate{SerialNumber: big.NewInt(1 + a.made.Add(1)), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour), DNSNames: []string{name}}
	return x509.CreateCertificate(rand.Reader, template, a.cert, public, a.key)
}

// give writes a certificate and its key to files.
func (a *authority) give(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := a.sign(&own.PublicKey, "kua.example.org")
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(path, kind string, der []byte) {
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(cert, "CERTIFICATE", der)
	write(key, "EC PRIVATE KEY", private)
	return cert, key
}

// TestCertificateIsReadAgain holds that a renewed certificate is used without
// anybody being told, and one that is half replaced is not.
func TestCertificateIsReadAgain(t *testing.T) {
	dir, a := t.TempDir(), newAuthority(t)
	cert, key := a.give(t, dir)
	var said bytes.Buffer
	config, err := (&reach{tlsCert: cert, tlsKey: key}).config(dir, time.Now, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		t.Helper()
		c, err := config.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.SerialNumber.Int64()
	}
	at := time.Now()
	later := func() { // whatever the clock of the disk can tell apart
		t.Helper()
		at = at.Add(time.Minute)
		for _, f := range []string{cert, key} {
			if err := os.Chtimes(f, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	first := serial()
	a.give(t, dir)
	later()
	second := serial()
	if second == first {
		t.Error("the renewed certificate is not used")
	}
	old, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	a.give(t, dir)
	if err := os.WriteFile(key, old, 0o600); err != nil { // of the one before
		t.Fatal(err)
	}
	later()
	if got := serial(); got != second || !strings.Contains(said.String(), "can't be used") {
		t.Errorf("a certificate without its key is used (%d after %d), or nothing is said: %s", got, second, said.String())
	}
	said.Reset()
	if got := serial(); got != second || said.Len() > 0 {
		t.Errorf("it is said at each connection: %s", said.String())
	}
	os.Remove(cert)
	if got := serial(); got != second {
		t.Error("without its files the certificate is not used any more")
	}
	if _, err := (&reach{tlsCert: cert, tlsKey: key}).config(dir, time.Now, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("it starts without a certificate")
	}
}

// TestMissingCertificateIsSaidOnceRegression: while a file of the certificate
// was away, each connection wrote a line into the log.
func TestMissingCertificateIsSaidOnceRegression(t *testing.T) {
	dir, a := t.TempDir(), newAuthority(t)
	cert, key := a.give(t, dir)
	var said bytes.Buffer
	config, err := (&reach{tlsCert: cert, tlsKey: key}).config(dir, time.Now, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	get := func() *tls.Certificate {
		t.Helper()
		c, err := config.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := get()
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if get() != first {
			t.Error("without its file the certificate is not used any more")
		}
	}
	if n := strings.Count(said.String(), "can't be used"); n != 1 {
		t.Errorf("said %d times: %s", n, said.String())
	}
	a.give(t, dir)
	if get() == first {
		t.Error("the certificate that is there again is not used")
	}
}

// acmeServer is as much of an authority of RFC 8555 as gives one certificate:
// it believes whoever asks, but tries by TLS whether the name leads there.
type acmeServer struct {
	*authority
	t       *testing.T
	url     string
	leads   string // the address to which the name leads
	issued  []byte
	orders  int
	refuses bool
}

func (s *acmeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Replay-Nonce", fmt.Sprint(time.Now().UnixNano()))
	w.Header().Set("Content-Type", "application/json")
	answer := func(status int, v any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	var jws struct{ Payload string }
	payload := []byte{}
	if r.Method == http.MethodPost {
		if err := json.NewDecoder(r.Body).Decode(&jws); err != nil {
			s.t.Error(err)
		}
		payload, _ = base64.RawURLEncoding.DecodeString(jws.Payload)
	}
	order := map[string]any{"status": "pending", "authorizations": []string{s.url + "/authz"}, "finalize": s.url + "/finalize"}
	challenge := map[string]any{"type": "tls-alpn-01", "url": s.url + "/challenge", "token": "a-token-of-128-bits-x", "status": "pending"}
	switch r.URL.Path {
	case "/":
		answer(200, map[string]string{"newNonce": s.url + "/nonce", "newAccount": s.url + "/account", "newOrder": s.url + "/order", "revokeCert": s.url + "/revoke", "keyChange": s.url + "/key"})
	case "/nonce":
	case "/account":
		w.Header().Set("Location", s.url+"/account/1")
		answer(201, map[string]string{"status": "valid"})
	case "/order":
		s.orders++
		if s.refuses {
			answer(403, map[string]string{"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "made up"})
			return
		}
		w.Header().Set("Location", s.url+"/order/1")
		answer(201, order)
	case "/authz":
		status := "pending"
		if s.issued != nil {
			status = "valid"
		}
		answer(200, map[string]any{"status": status, "identifier": map[string]string{"type": "dns", "value": "kua.example.org"}, "challenges": []any{challenge}})
	case "/challenge":
		conn, err := tls.Dial("tcp", s.leads, &tls.Config{ServerName: "kua.example.org", NextProtos: []string{acme.ALPNProto}, InsecureSkipVerify: true}) //nolint:gosec // as RFC 8737 has it
		if err != nil {
			s.t.Errorf("the name does not lead to the program: %v", err)
			answer(403, map[string]string{"type": "urn:ietf:params:acme:error:connection"})
			return
		}
		defer conn.Close()
		marked := slices.ContainsFunc(conn.ConnectionState().PeerCertificates[0].Extensions, func(e pkix.Extension) bool {
			return e.Critical && e.Id.String() == "1.3.6.1.5.5.7.1.31"
		})
		if conn.ConnectionState().NegotiatedProtocol != acme.ALPNProto || !marked {
			s.t.Error("the challenge was not answered")
		}
		s.issued = []byte{}
		challenge["status"] = "valid"
		answer(200, challenge)
	case "/finalize":
		var in struct{ CSR string }
		_ = json.Unmarshal(payload, &in)
		der, _ := base64.RawURLEncoding.DecodeString(in.CSR)
		csr, err := x509.ParseCertificateRequest(der)
		if err == nil {
			s.issued, err = s.sign(csr.PublicKey, csr.DNSNames[0])
		}
		if err != nil {
			s.t.Error(err)
		}
		w.Header().Set("Location", s.url+"/order/1")
		order["status"], order["certificate"] = "valid", s.url+"/cert"
		answer(200, order)
	case "/order/1":
		order["status"] = "ready"
		if len(s.issued) > 0 {
			order["status"], order["certificate"] = "valid", s.url+"/cert"
		}
		answer(200, order)
	case "/cert":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_ = pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: s.issued})
		_ = pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: s.cert.Raw})
	default:
		s.t.Errorf("%s %s was not thought of", r.Method, r.URL.Path)
		answer(404, nil)
	}
}

// askedOf serves a page with a certificate that an authority is asked for.
func askedOf(t *testing.T, s *acmeServer, dir string, log io.Writer) (address string) {
	t.Helper()
	directory := httptest.NewServer(s)
	t.Cleanup(directory.Close)
	s.t, s.url = t, directory.URL
	v := &reach{acmeHost: "kua.example.org", acmeDirectory: directory.URL}
	config, err := v.config(dir, time.Now, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: v.front(http.NotFoundHandler()), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)}
	t.Cleanup(func() { _ = server.Close() })
	go func() { _ = serveOn(server, l, config) }()
	s.leads = l.Addr().String()
	return s.leads
}

func (a *authority) visit(address string) error {
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: "kua.example.org", RootCAs: roots})
	if err == nil {
		err = conn.Close()
	}
	return err
}

// TestAuthorityIsAsked holds that a certificate is asked for at the first
// visit, proved over the port of the pages, kept, and not asked for again.
func TestAuthorityIsAsked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "r")
	s := &acmeServer{authority: newAuthority(t)}
	var said bytes.Buffer
	address := askedOf(t, s, dir, &said)
	if err := s.visit(address); err != nil {
		t.Fatalf("%v; %s", err, said.String())
	}
	if err := s.visit(askedOf(t, s, dir, &said)); err != nil || s.orders != 1 {
		t.Errorf("after a start a certificate is asked for again: %d orders, %v", s.orders, err)
	}
	if info, err := os.Stat(dir + acmeEnding); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the folder of the certificate's key: %v, %v", info, err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("something of it lies in the register's folder")
	}
	// Other names are nobody's.
	if conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: "other.example.org", InsecureSkipVerify: true}); err == nil { //nolint:gosec // it must fail before
		conn.Close()
		t.Error("another name is answered")
	}
}

// TestAuthorityRefuses: whoever looks after the machine reads why, once.
func TestAuthorityRefuses(t *testing.T) {
	s := &acmeServer{authority: newAuthority(t), refuses: true}
	var said bytes.Buffer
	address := askedOf(t, s, filepath.Join(t.TempDir(), "r"), &said)
	for range 2 {
		if err := s.visit(address); err == nil {
			t.Fatal("there is a certificate")
		}
	}
	if n := strings.Count(said.String(), "there is no certificate"); n != 1 {
		t.Errorf("said %d times: %s", n, said.String())
	}
}

// TestMeters holds that a program which watches the machine learns how it is,
// and nothing of whom or what.
func TestMeters(t *testing.T) {
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	h := newHost(&program{err: io.Discard, now: time.Now, machine: thisMachine}, t.TempDir(), service{}, words, lasting{})
	pages := h.meters.count(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	r := httptest.NewRequest("GET", "/cases/Zhasampazov?q=planted", nil).WithContext(context.Background())
	pages.ServeHTTP(httptest.NewRecorder(), r)
	ask := func(host, path string) (int, string) {
		r, w := httptest.NewRequest("GET", path, nil), httptest.NewRecorder()
		r.Host = host
		h.watched().ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	_, text := ask("127.0.0.1:9", "/metrics")
	for _, want := range []string{`kua_answers_total{code="418"} 1`, "kua_answer_seconds_count 1", "kua_register_open 0", "kua_disk_free_bytes ", "kua_backup_made_timestamp_seconds -1", "kua_backup_proven_timestamp_seconds -1", "go_goroutines "} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not told", want)
		}
	}
	if strings.Contains(text, "Zhasampazov") || strings.Contains(text, "planted") || strings.Contains(text, "/cases") {
		t.Error("the meters tell of a page")
	}
	if code, body := ask("localhost", "/health"); code != 200 || body != "{\"state\": \"locked\"}\n" {
		t.Errorf("health: %d %q", code, body)
	}
	h.open.Store(true)
	if _, body := ask("[::1]:9", "/health"); body != "{\"state\": \"open\"}\n" {
		t.Errorf("health of an open register: %q", body)
	}
	if code, _ := ask("evil.example:9", "/metrics"); code != http.StatusForbidden {
		t.Errorf("a name that leads here is answered: %d", code)
	}
}
