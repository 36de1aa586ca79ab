// SPDX-License-Identifier: AGPL-3.0-or-later

package public

import (
	"io"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/paper"
)

// kinds are the types of the files, by the ends of their names. No other is served.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".json": "application/json",
	".jsonld": "application/ld+json", ".csv": "text/csv; charset=utf-8", ".txt": "text/plain; charset=utf-8", ".md": "text/markdown; charset=utf-8",
	".pdf": "application/pdf", ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}

// header is set on every answer. A statement's own HTML has its style within.
func header(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self' "+paper.StyleHash()+"; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "accelerometer=(), camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "public, max-age=300")
}

// Handler serves the files of a folder, and nothing else: it has no register,
// no session and no cookie. The folder is opened anew for each request, because
// it is replaced as a whole when something is published; nothing outside it can
// be reached, by no link in it either.
func Handler(dir string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header(w.Header())
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "405", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(r.URL.Path, "/")
		if name == "" || strings.HasSuffix(name, "/") {
			name += "index.html"
		}
		kind, ok := kinds[path.Ext(name)]
		text, found := read(dir, name)
		if !ok || !found {
			http.Error(w, "404", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(text) // who has gone needs no answer
		}
	})
}

// read reads a file of the folder.
func read(dir, name string) ([]byte, bool) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, false
	}
	defer root.Close()
	f, err := root.Open(name)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, false
	}
	text, err := io.ReadAll(f)
	return text, err == nil
}
