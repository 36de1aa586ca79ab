// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/http"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/locale"
)

// language is what the reader chose on a page, else the member's own, else the browser's.
func (s *server) language(r *http.Request, session *access.Session) *locale.Language {
	if c, err := r.Cookie(languageCookie); err == nil {
		if l, ok := s.words.Lookup(c.Value); ok {
			return l
		}
	}
	if session != nil {
		if l, ok := s.words.Lookup(session.Member.Lang); ok {
			return l
		}
	}
	return s.words.Match(r.Header.Get("Accept-Language"))
}

// switchLanguage takes ?lang= out of an address, remembers it and leads back to the same page.
func (s *server) switchLanguage(v *visit) bool {
	q := v.r.URL.Query()
	if !q.Has("lang") || v.r.Method != http.MethodGet {
		return false
	}
	if l, ok := s.words.Lookup(q.Get("lang")); ok {
		s.setCookie(v, languageCookie, l.Code(), languageAge)
	}
	q.Del("lang")
	// The path is cleaned by the mux for known pages; an unknown one may be "//elsewhere".
	path := v.r.URL.EscapedPath()
	if !staysInLanguage(path) {
		path = "/"
	}
	v.redirect(address(path, q))
	return true
}

// staysInLanguage tells whether a page is shown again in another language;
// from elsewhere a choice of language leads to the first page.
func staysInLanguage(path string) bool {
	switch path {
	case "/sign-in", "/sign-in/code", "/sign-in/factor", "/account/factor", "/join":
		return true
	}
	code, joins := strings.CutPrefix(path, "/join/")
	return nextPage(path) != "" || joins && code != "" && !strings.ContainsFunc(code, notInNumber)
}

// langLink leads to the same page in another language.
type langLink struct {
	Code, Short, Name, Href string
	Here                    bool
}

// shortNames are what stands in the head of a page, where there is little room.
var shortNames = map[string]string{"en": "Eng", "ru": "Рус", "kk": "Қаз"}

func (s *server) langLinks(v *visit) []langLink {
	var links []langLink
	for _, l := range s.words.Languages() {
		q := v.r.URL.Query()
		path := v.r.URL.EscapedPath()
		if v.r.Method != http.MethodGet && v.r.Method != http.MethodHead { // the answer to a form has no address of its own
			q = nil
		}
		if !staysInLanguage(path) {
			path = "/"
		}
		links = append(links, langLink{
			Code: l.Code(), Short: shortNames[l.Code()], Name: l.Name(),
			Href: address(path, with(q, "lang", l.Code())), Here: l.Code() == v.Code(),
		})
	}
	return links
}
