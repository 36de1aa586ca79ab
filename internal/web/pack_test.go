// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/http"
	"strings"
	"testing"
)

// TestAnotherPack holds that the pages of a register of Kyrgyzstan say what its pack says, and that a draft is called one
// wherever the pack's law is used, on letters too.
func TestAnotherPack(t *testing.T) {
	d := newDesktopOf(t, "kg", "ru")
	id := d.open("person.family", "Придуманный", "report.received", "12.01.2022")
	warning, unreviewed := d.reg.Book().Packs()[0].Banner()
	if !unreviewed {
		t.Fatal("the pack claims to be reviewed")
	}
	for _, page := range []string{"/", "/about", "/calendar", "/cases/" + id, "/cases/" + id + "/letters/torture_complaint"} {
		w := d.get(page)
		if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, warning.Ru) {
			t.Errorf("%s: %d, and it does not say that the pack is a draft", page, w.Code)
		}
	}
	letter := d.get("/cases/" + id + "/letters/torture_complaint").Body.String()
	for _, says := range []string{"Кыргызской Республики", "Едином реестре преступлений", "ПИН", "юрист не проверял"} {
		if !strings.Contains(letter, says) {
			t.Errorf("the letter does not say %q", says)
		}
	}
	for _, page := range []string{letter, d.get("/cases/new").Body.String(), d.get("/figures").Body.String(), d.get("/map").Body.String()} {
		for _, kazakh := range []string{"ЕРДР", "КУИ", "Казахстан", "КНБ", "KZ-", "статье 146"} {
			if strings.Contains(page, kazakh) {
				t.Errorf("a page of Kyrgyzstan says %s", kazakh)
			}
		}
	}
}

// TestOnlyAReviewedPackIsCalledSo holds that a pack of any other status is a draft on the pages, as it is in the codebook.
func TestOnlyAReviewedPackIsCalledSo(t *testing.T) {
	f := newFake(t)
	pack := f.book.Packs()[0]
	for status, draft := range map[string]bool{"unreviewed": true, "in part": true, "reviewed": false} {
		pack.Status = status
		page := signedIn(t, f, "en").get("/about").Body.String()
		if got := strings.Contains(page, pack.Warning.En); got != draft {
			t.Errorf("a pack that is %s: it is said to be a draft: %v", status, got)
		}
	}
}
