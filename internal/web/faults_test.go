// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
)

// TestFaultsAreToldRegression: what became of a write is said in words, in each
// language, and nothing is promised that is not so.
func TestFaultsAreToldRegression(t *testing.T) {
	catalogue, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range catalogue.Languages() {
		lang := l.Code()
		f := newFake(t)
		b := signedIn(t, f, lang)
		for _, one := range []struct {
			err    error
			page   string
			status int
		}{
			{registry.ErrNoAnswer, "noanswer", http.StatusServiceUnavailable},
			{fmt.Errorf("writing: %w", registry.ErrBusy), "busy", http.StatusServiceUnavailable},
			{fmt.Errorf("writing: %w", registry.ErrReturned), "restored", http.StatusConflict},
			{fmt.Errorf("writing: %w (%w)", registry.ErrUnknown, registry.ErrNoAnswer), "unknown", http.StatusServiceUnavailable},
			{fmt.Errorf("writing: %w", registry.ErrDiskFull), "full", http.StatusInsufficientStorage},
			{fmt.Errorf("%w: %w", registry.ErrKept, registry.ErrDiskFull), "kept", http.StatusServiceUnavailable},
		} {
			f.fails = one.err
			w := b.post(letterHref, "text", "secret", "as", "txt")
			for _, part := range []string{".title", ".text"} {
				if text := l.T("error." + one.page + part); w.Code != one.status || !strings.Contains(w.Body.String(), text) {
					t.Errorf("%s, %s: %d, and not %q", lang, one.page, w.Code, text)
				}
			}
			f.fails, f.notAbreast = nil, one.err
			if w := b.get("/cases"); w.Code != one.status || !strings.Contains(w.Body.String(), l.T("error."+one.page+".title")) {
				t.Errorf("%s, %s: a page that may be the past is shown: %d", lang, one.page, w.Code)
			}
			f.notAbreast = nil
			if strings.Contains(w.Body.String(), "writing:") || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%s, %s: it shows what is inside", lang, one.page)
			}
		}
	}
}
