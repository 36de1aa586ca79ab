// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
)

// TestAnotherPack holds that the pages of a register of Kyrgyzstan say what its pack says, and that a draft is called one
// wherever the pack's law is used, on letters too.
func TestAnotherPack(t *testing.T) {
	cheap := seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1}
	now := time.Date(2022, 7, 1, 9, 0, 0, 0, time.UTC)
	reg, s, err := registry.Create(context.Background(), filepath.Join(t.TempDir(), "reg"), registry.FirstMember{Name: "Sample Member", Lang: "ru", Passphrase: rightWord},
		registry.Options{Now: func() time.Time { return now }, Stretch: cheap, Least: cheap, Rulebook: rulebook, Pack: "kg"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reg.Close() })
	if _, err := reg.AddOrganisation(context.Background(), s, registry.NewOrganisation{Name: "North", Counts: true}); err != nil {
		t.Fatal(err)
	}
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	pages, err := New(reg, words, Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	d := &desktop{browser: newBrowser(t, pages, "ru"), t: t, reg: reg}
	if w := d.post("/sign-in", "name", "Sample Member", "passphrase", rightWord); w.Code != http.StatusSeeOther {
		t.Fatalf("sign-in: %d", w.Code)
	}
	id := d.open("person.family", "Придуманный", "report.received", "12.01.2022")
	warning, unreviewed := reg.Book().Packs()[0].Banner()
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
