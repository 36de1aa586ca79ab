// SPDX-License-Identifier: AGPL-3.0-or-later

package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/kua-registry/kua/internal/registry"
)

// Timeout is how long a receiver may take for all of a notice.
const Timeout = 20 * time.Second

// mostHeader bounds the head of an answer, in bytes; its body is not read.
const mostHeader = 16 << 10

// Options are what telling needs of the world outside. What is not set is the
// system's.
type Options struct {
	Roots   *x509.CertPool // whose certificates are taken
	Timeout time.Duration  // of all of a notice; zero: Timeout
	Lookup  func(ctx context.Context, host string) ([]netip.Addr, error)
	Dial    func(ctx context.Context, at netip.AddrPort) (net.Conn, error)
}

// New answers what tells receivers.
func New(opt Options) registry.Tell {
	if opt.Timeout == 0 {
		opt.Timeout = Timeout
	}
	if opt.Lookup == nil {
		opt.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if opt.Dial == nil {
		opt.Dial = func(ctx context.Context, at netip.AddrPort) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", at.String())
		}
	}
	return opt.tell
}

// Sign is the signature of a message, as the header webhook-signature has it.
func Sign(secret []byte, id string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (o Options) tell(ctx context.Context, n registry.Notice) error {
	u, err := url.Parse(n.URL)
	if err != nil {
		return &registry.TellError{Why: registry.TellAddress}
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.URL, bytes.NewReader(n.Body))
	if err != nil {
		return &registry.TellError{Why: registry.TellAddress}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "") // which program this is stands nowhere
	req.Header.Set("webhook-id", n.ID)
	req.Header.Set("webhook-timestamp", strconv.FormatInt(n.At.Unix(), 10))
	req.Header.Set("webhook-signature", Sign(n.Secret, n.ID, n.At, n.Body))
	way := &http.Transport{
		DialContext:     func(ctx context.Context, _, at string) (net.Conn, error) { return o.dial(ctx, at, u.Scheme, n.Inside) },
		TLSClientConfig: &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},

		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: mostHeader,
	}
	answer, err := way.RoundTrip(req) // one request: a redirect is an answer as any other
	if err != nil {
		return &registry.TellError{Why: whyNot(err)}
	}
	_ = answer.Body.Close() // nothing of it is wanted
	switch {
	case answer.StatusCode >= 200 && answer.StatusCode < 300:
		return nil
	case answer.StatusCode == http.StatusGone:
		return &registry.TellError{Why: registry.TellGone}
	}
	return &registry.TellError{Why: registry.TellRefused}
}

// errAddress says that a name leads where nothing may be sent.
var errAddress = errors.New("the address may not be spoken to")

// dial resolves a host once and speaks to an address that was looked at.
func (o Options) dial(ctx context.Context, at, scheme string, inside bool) (net.Conn, error) {
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	if addr, err := netip.ParseAddr(host); err == nil {
		addrs = []netip.Addr{addr}
	} else if addrs, err = o.Lookup(ctx, host); err != nil {
		return nil, err
	}
	for i, addr := range addrs {
		addrs[i] = addr.Unmap()
		if !mayBeSpokenTo(addrs[i], inside) || scheme != "https" && !addrs[i].IsLoopback() {
			return nil, errAddress // one of several is enough: the name is not what it says it is
		}
	}
	failed := errors.New("the name has no address")
	for _, addr := range addrs {
		conn, err := o.Dial(ctx, netip.AddrPortFrom(addr, uint16(number)))
		if err == nil {
			return conn, nil
		}
		failed = err
	}
	return nil, failed
}

// apart are the addresses that are set aside for purposes of their own: the
// registries of special-purpose addresses at IANA (RFC 6890), without those that
// package netip knows by itself. Several of them lead on to an address of IPv4
// that stands in them, and so inside.
var apart = prefixes(
	"0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
)

// shared is a network of its own as well (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// mayBeSpokenTo tells whether an address may be: one of the internet, or inside
// this machine's own and those of its own network. An address that is good on one
// link alone may never: clouds keep the secrets of their machines behind it.
func mayBeSpokenTo(addr netip.Addr, inside bool) bool {
	if addr.Zone() != "" || addr.IsUnspecified() || addr.IsMulticast() || addr.IsLinkLocalUnicast() {
		return false
	}
	if addr.IsLoopback() || addr.IsPrivate() || shared.Contains(addr) {
		return inside
	}
	for _, p := range apart {
		if p.Contains(addr) {
			return false
		}
	}
	return addr.IsGlobalUnicast()
}

func whyNot(err error) string {
	var wrong *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.Is(err, errAddress):
		return registry.TellAddress
	case errors.As(err, &wrong), errors.As(err, &record), errors.As(err, &alert):
		return registry.TellTLS
	}
	return registry.TellUnreachable
}
