// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/access"
)

// visit is one request with who makes it and in which language.
type visit struct {
	*voice
	w       http.ResponseWriter
	r       *http.Request
	session *access.Session // nil: nobody has signed in
	zips    *sync.Pool
	status  int
	scripts []string // of the page, from static/
}

func (s *server) visit(w http.ResponseWriter, r *http.Request) *visit {
	v := &visit{w: w, r: r, status: http.StatusOK, zips: &s.zips}
	if c, err := r.Cookie(s.cookieName()); err == nil && s.reg != nil {
		v.session, _ = s.reg.Session(c.Value)
	}
	v.voice = s.voice(s.language(r, v.session))
	return v
}

// scriptPolicy is the policy of the pages that have a script. All else is as everywhere.
const scriptPolicy = "script-src 'self'; connect-src 'self'; "

// script lets one of the pages' own scripts run on this page. Every page works
// without; no other script ever runs.
func (v *visit) script(name string) {
	v.w.Header().Set(headers[0][0], scriptPolicy+headers[0][1])
	v.scripts = append(v.scripts, name)
}

func (v *visit) redirect(to string) { http.Redirect(v.w, v.r, to, http.StatusSeeOther) }

// The header of every answer. The policy allows no script at all: no page needs
// any; see visit.script for those that have one.
// Referrer-Policy is same-origin and not no-referrer: nothing leaves this
// origin by either, but under no-referrer a browser says "Origin: null" of the
// pages' own forms, and where it has no Sec-Fetch-Site (old phones) no form
// would be taken.
var headers = [][2]string{
	{"Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "same-origin"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Permissions-Policy", "accelerometer=(), camera=(), clipboard-read=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"},
	{"X-Robots-Tag", "noindex, nofollow"},
	{"Cache-Control", "no-store"},
}

// guard sets the header of every answer and turns a panic into a plain 500.
func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, h := range headers {
			w.Header().Set(h[0], h[1])
		}
		defer func() {
			if p := recover(); p != nil {
				if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(p)
				}
				// What it panicked with may hold a name; where it did holds none.
				s.log.Error("a page panicked", slog.String("route", r.Pattern), slog.String("type", fmt.Sprintf("%T", p)))
				s.log.Debug("a page panicked", slog.String("stack", string(debug.Stack())))
				s.showError(s.visit(w, r), oops{http.StatusInternalServerError, "500"})
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// gzipFrom is the size from which compression saves a packet.
const gzipFrom = 1200

// write sends a finished page. That a page holds both secrets and words from
// its address is no opening for guesses by its compressed size: the session's
// cookie is SameSite=Strict, so that no other site can make the request.
func (v *visit) write(page []byte) {
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Code())
	h.Set("Vary", "Accept-Encoding")
	if len(page) >= gzipFrom && acceptsGzip(v.r) {
		var b bytes.Buffer
		zip, ok := v.zips.Get().(*gzip.Writer) // each takes most of a megabyte
		if !ok {
			zip = gzip.NewWriter(nil)
		}
		zip.Reset(&b)
		_, err := zip.Write(page)
		cerr := zip.Close()
		v.zips.Put(zip)
		if err == nil && cerr == nil {
			h.Set("Content-Encoding", "gzip")
			page = b.Bytes()
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(page)))
	v.w.WriteHeader(v.status)
	_, _ = v.w.Write(page) // who has gone needs no answer
}

func acceptsGzip(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" && strings.ReplaceAll(quality, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

// Cookies.
const (
	languageCookie = "kua-lang"
	languageAge    = 365 * 24 * time.Hour
)

// cookieName is the name of the session's cookie. With the prefix a browser
// takes it only by TLS and only from this very host.
func (s *server) cookieName() string {
	if s.secure {
		return "__Host-kua"
	}
	return "kua"
}

func (s *server) setCookie(v *visit, name, value string, age time.Duration) {
	c := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteStrictMode}
	switch {
	case age > 0:
		c.MaxAge = int(age / time.Second)
	case age < 0:
		c.MaxAge = -1
	}
	http.SetCookie(v.w, c)
}

// link makes an address of a path and its parameters, name after value; empty values are left out.
func link(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Add(pairs[i], pairs[i+1])
		}
	}
	return address(path, q)
}

func address(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}
