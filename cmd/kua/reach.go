// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/kua-registry/kua/internal/doctor"
)

// reach is how the pages are reached over a network: with a certificate of
// one's own, with one that an authority is asked for, behind a proxy of the
// same machine, or not at all but from this machine (so an onion service is).
type reach struct {
	tlsCert, tlsKey string // files; empty: none of one's own
	acmeHost        string // the name a certificate is asked for; empty: none is
	acmeDirectory   string // address of the authority
	acmeCache       string // folder for its certificates; empty: beside the register
	behindProxy     bool
}

// acmeEnding is that of the folder beside the register in which certificates
// lie that an authority gave, and their keys. They are not the register's: a
// backup without them loses nothing.
const acmeEnding = ".tls"

// failureEvery is how often it is said that an authority gives no certificate:
// each connection asks.
const failureEvery = time.Hour

// tls tells whether this program itself speaks TLS.
func (v *reach) tls() bool { return v.tlsCert != "" || v.acmeHost != "" }

// secure tells whether browsers reach the pages by TLS, whoever speaks it.
func (v *reach) secure() bool { return v.tls() || v.behindProxy }

// check answers what can't be meant, and what would send pages in the clear.
func (v *reach) check(origin string, listen map[string]string) error {
	if (v.tlsCert == "") != (v.tlsKey == "") {
		return usage("--tls-cert and --tls-key belong together: give both")
	}
	if v.tlsCert != "" && v.acmeHost != "" {
		return usage("--tls-cert gives a certificate of your own, --acme asks an authority for one: give one of the two")
	}
	if v.behindProxy && v.tls() {
		return usage("with --behind-proxy the proxy speaks TLS: give it the certificate, not this program")
	}
	if v.acmeHost != "" {
		if _, err := netip.ParseAddr(v.acmeHost); err == nil || !strings.Contains(v.acmeHost, ".") || strings.ContainsAny(v.acmeHost, ":/ ") {
			return usage("--acme is the name by which browsers reach this machine, as kua.example.org")
		}
	}
	if v.behindProxy {
		if u, err := url.Parse(origin); err != nil || u.Scheme != "https" || u.Host == "" {
			return usage("--behind-proxy needs --origin https://NAME: where browsers reach the proxy")
		}
	}
	for _, flag := range slices.Sorted(maps.Keys(listen)) { // so that of several the same is named each time
		address := listen[flag]
		if address == "" || v.tls() || onLoopback(address) {
			continue
		}
		if v.behindProxy {
			return usage("%s %s: behind a proxy this program listens on loopback alone, as 127.0.0.1:8470; it believes what the proxy says of a request, and nobody else may say it", flag, address)
		}
		return usage("%s %s would send everything over the network in the clear, passphrases too. Give a certificate (--tls-cert and --tls-key), a name that one is asked for (--acme), or listen on loopback, as 127.0.0.1:8470, and put a proxy (--behind-proxy) or an onion service before it", flag, address)
	}
	return nil
}

// onLoopback tells whether an address to listen on is reached from this machine alone.
func onLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && ofThisMachine(host)
}

// ofThisMachine tells whether a host, a name or an address, is this machine to itself.
func ofThisMachine(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

func (v *reach) args() (args []string) {
	for flag, value := range map[string]string{"--tls-cert": v.tlsCert, "--tls-key": v.tlsKey, "--acme": v.acmeHost, "--acme-directory": v.acmeDirectory, "--acme-cache": v.acmeCache} {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	if v.behindProxy {
		args = append(args, "--behind-proxy")
	}
	return args
}

// config makes the side of the server: nil where this program speaks no TLS.
func (v *reach) config(dir string, now func() time.Time, log *slog.Logger) (*tls.Config, error) {
	switch {
	case v.tlsCert != "":
		files := &certificateFiles{cert: v.tlsCert, key: v.tlsKey, log: log}
		if _, err := files.get(nil); err != nil {
			return nil, fmt.Errorf("the certificate for TLS can't be used: %w", err)
		}
		return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: files.get}, nil
	case v.acmeHost != "":
		return v.asked(dir, now, log)
	}
	return nil, nil
}

// certificate is the file of the certificate by which the pages are reached;
// empty where this program speaks no TLS.
func (v *reach) certificate(dir string) string {
	switch {
	case v.tlsCert != "":
		return v.tlsCert
	case v.acmeHost == "":
		return ""
	case v.acmeCache != "":
		return filepath.Join(v.acmeCache, v.acmeHost)
	}
	return filepath.Join(filepath.Clean(dir)+acmeEnding, v.acmeHost)
}

// givenCertificate is the certificate that an authority gave for the pages of
// the register in dir; empty where there is none beside it.
func givenCertificate(dir string) string {
	all, _ := filepath.Glob(filepath.Join(filepath.Clean(dir)+acmeEnding, "*.*")) // a name has a dot; an account's key has none
	for _, file := range all {
		if _, err := doctor.CertificateEnds(file); err == nil {
			return file
		}
	}
	return ""
}

// asked is the side of a server whose certificate an authority is asked for,
// which tries over this same port whether the name leads here (RFC 8737).
func (v *reach) asked(dir string, now func() time.Time, log *slog.Logger) (*tls.Config, error) {
	cache := v.acmeCache
	if cache == "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return nil, err
		}
		cache = abs + acmeEnding
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return nil, fmt.Errorf("the folder for certificates can't be made: %w", err)
	}
	manager := &autocert.Manager{
		Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(v.acmeHost), Cache: autocert.DirCache(cache),
		Client: &acme.Client{DirectoryURL: v.acmeDirectory, UserAgent: "kua"},
	}
	config := manager.TLSConfig()
	config.MinVersion = tls.VersionTLS12
	var mu sync.Mutex
	var said time.Time
	config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		c, err := manager.GetCertificate(hello)
		if err != nil && strings.EqualFold(strings.TrimSuffix(hello.ServerName, "."), v.acmeHost) {
			mu.Lock()
			defer mu.Unlock()
			if now().Sub(said) >= failureEvery {
				said = now()
				log.Warn("there is no certificate: does the name lead to this machine, and port 443 to this program?", slog.String("name", v.acmeHost), slog.Any("error", err))
			}
		}
		return c, err
	}
	return config, nil
}

// certificateFiles are a certificate of one's own and its key. Whoever renews
// them need tell nobody: they are read again when they have changed.
type certificateFiles struct {
	cert, key string
	log       *slog.Logger

	mu   sync.Mutex
	seen [2]time.Time // when the files had changed that were tried last; zero: one was not there
	held *tls.Certificate
}

func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	changed, err := changedAt(f.cert, f.key)
	if f.held != nil && changed == f.seen {
		return f.held, nil
	}
	f.seen = changed
	var c tls.Certificate
	if err == nil {
		c, err = tls.LoadX509KeyPair(f.cert, f.key)
	}
	switch {
	case err == nil:
		f.held = &c
	case f.held == nil:
		return nil, err
	default: // one of the two is being replaced, perhaps
		f.log.Warn("the certificate's files have changed and can't be used: the one from before is", slog.Any("error", err))
	}
	return f.held, nil
}

// changedAt is when the two files have changed; zero where one is not there.
func changedAt(cert, key string) (at [2]time.Time, err error) {
	for i, path := range []string{cert, key} {
		info, err := os.Stat(path)
		if err != nil {
			return [2]time.Time{}, err
		}
		at[i] = info.ModTime()
	}
	return at, nil
}

// front stands before all pages: it says to browsers that they are reached by
// TLS alone, and believes a proxy of this machine from whom a request comes.
func (v *reach) front(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v.secure() {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		if v.behindProxy {
			r = fromProxy(r)
		}
		pages.ServeHTTP(w, r)
	})
}

// fromProxy is a request as it came to a proxy on this machine. What the proxy
// added stands last; what stands before that anybody may have written.
func fromProxy(r *http.Request) *http.Request {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() {
		return r
	}
	said := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
	last := strings.TrimSpace(said[strings.LastIndex(said, ",")+1:])
	from, err := netip.ParseAddr(last)
	if err != nil {
		return r
	}
	as := new(http.Request)
	*as = *r
	as.RemoteAddr = netip.AddrPortFrom(from.Unmap().WithZone(""), peer.Port()).String()
	return as
}

// serveOn answers requests until the server is closed.
func serveOn(server *http.Server, l net.Listener, config *tls.Config) error {
	var err error
	if config != nil {
		server.TLSConfig = config.Clone()
		err = server.ServeTLS(l, "", "")
	} else {
		err = server.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
