// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/registry"
)

func TestAlarmIsMarkedWithANote(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	if got := b.post("/audit/seen", "id", fakeAlarms[0].ID, "note", ""); got.Code != http.StatusUnprocessableEntity || !strings.Contains(got.Body.String(), "What came of it") {
		t.Errorf("without a note: %d", got.Code)
	}
	if got := b.post("/audit/seen", "id", fakeAlarms[0].ID, "note", "asked them"); got.Code != http.StatusSeeOther || !slices.Contains(f.did, "saw alarm "+fakeAlarms[0].ID) {
		t.Errorf("with a note: %d, %v", got.Code, f.did)
	}
	for _, path := range []string{"/audit?from=yesterday", "/audit?to=2022-99-99"} {
		if got := b.get(path); got.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", path, got.Code)
		}
	}
}

// TestUnauditedPage holds that where nothing can be written down the pages say so, and why.
func TestUnauditedPage(t *testing.T) {
	for _, lang := range languages {
		f := newFake(t)
		b := signedIn(t, f, lang)
		f.fails = registry.ErrUnaudited
		for _, path := range []string{"/", "/cases", "/cases/" + caseOne} {
			if got := b.get(path); got.Code != http.StatusServiceUnavailable {
				t.Errorf("%s: %d", path, got.Code)
			}
		}
	}
}
