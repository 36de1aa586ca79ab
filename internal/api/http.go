// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// writeProblem answers with an error (RFC 9457).
func writeProblem(w http.ResponseWriter, status int, detail string) {
	b, _ := json.Marshal(&huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail}) // of texts and a number
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // who has gone needs no answer
}

// streamPath is the address whose answer comes piece by piece.
const streamPath = "/changes/stream"

// conditional gives each answer to GET an ETag, where it has none, and answers
// 304 to whoever has it already (RFC 9110, 13).
func conditional(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path == root+streamPath {
			next.ServeHTTP(w, r)
			return
		}
		held := &held{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(held, r)
		if held.status == http.StatusOK {
			tag := w.Header().Get("ETag")
			if tag == "" {
				sum := sha256.Sum256(held.body.Bytes())
				tag = `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
				w.Header().Set("ETag", tag)
			}
			if hasTag(r.Header.Get("If-None-Match"), tag) {
				w.Header().Del("Content-Type")
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		w.WriteHeader(held.status)
		_, _ = w.Write(held.body.Bytes()) // who has gone needs no answer
	})
}

// held keeps an answer until it is known whether it is wanted.
type held struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader keeps the status.
func (h *held) WriteHeader(status int) { h.status = status }

// Write keeps a piece of the answer.
func (h *held) Write(b []byte) (int, error) { return h.body.Write(b) }

// hasTag tells whether a list of tags, as a header has it, holds one. Weak tags
// are compared weakly.
func hasTag(list, tag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == "*" || one == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}
