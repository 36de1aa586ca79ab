// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/custody"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
)

func TestGoldenCustody(t *testing.T) {
	for _, lang := range []string{"en", "ru", "kk"} {
		golden(t, lang+"-custody", signedIn(t, newExaminationFake(t), lang).get(custodyPath).Body.Bytes())
	}
}

func TestCustodyPage(t *testing.T) {
	f := newExaminationFake(t)
	page := signedIn(t, f, "en").get(custodyPath).Body.String()
	for _, want := range []string{"by somebody who did not hold it", "another seal than before", "its state changed", "Gaps: 3",
		"/add/handover?f.event=transferred&amp;f.evidence=" + jacket + "&amp;f.from=Sample", "/add/handover?f.event=received&amp;f.evidence=" + bullet, "Nothing is recorded yet"} {
		if !strings.Contains(page, want) {
			t.Errorf("nothing says %s", want)
		}
	}
	if strings.Contains(page, "<script>alert") {
		t.Error("what is recorded is markup")
	}
	f.access = "reads"
	if page := signedIn(t, f, "en").get(custodyPath).Body.String(); strings.Contains(page, "/add/") {
		t.Error("who may only read is asked to write")
	}
	if w := signedIn(t, f, "en").get("/cases/" + strings.Repeat("9", 32) + "/custody"); w.Code != http.StatusNotFound {
		t.Errorf("of no case: %d", w.Code)
	}
}

func TestCustodyForm(t *testing.T) {
	f := newExaminationFake(t)
	b := signedIn(t, f, "en")
	texts := func(blank, in string) string {
		t.Helper()
		w := b.post(custodyPath+"/"+jacket+"/form", "in", in, "blank", blank)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/pdf" || !bytes.HasPrefix(w.Body.Bytes(), []byte("%PDF-")) {
			t.Fatalf("%s: %d, %q", in, w.Code, w.Header())
		}
		tool, err := exec.LookPath("pdftotext")
		if err != nil {
			return ""
		}
		cmd := exec.Command(tool, "-layout", "-", "-")
		cmd.Stdin = bytes.NewReader(w.Body.Bytes())
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	for in, title := range map[string]string{"en": "Record of custody", "ru": "Лист хранения и передач", "kk": "Сақтау және беру парағы"} {
		filled, blank := texts("", in), texts("1", in)
		if filled == "" {
			continue // the words of a PDF can't be read here; that it is one was looked at
		}
		if !strings.Contains(filled, title) || !strings.Contains(filled, "A-17") || !strings.Contains(blank, title) || strings.Contains(blank, "A-17") {
			t.Errorf("%s:\n%s\n%s", in, filled, blank)
		}
		if strings.Contains(filled, "K-0006") {
			t.Errorf("%s: the number of the case goes with the thing", in)
		}
	}
	if len(f.did) != 6 {
		t.Errorf("what left was written down as %v", f.did)
	}
	f.fails = registry.ErrUnaudited
	if w := b.post(custodyPath+"/"+jacket+"/form", "in", "en"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("unaudited: %d", w.Code)
	}
	f.fails = nil
	if w := b.post(custodyPath+"/"+strings.Repeat("9", 32)+"/form", "in", "en"); w.Code != http.StatusNotFound {
		t.Errorf("of no thing: %d", w.Code)
	}
}

// TestCustodyMessages: what is put together from a code has its words.
func TestCustodyMessages(t *testing.T) {
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, gap := range []custody.Gap{custody.NoStart, custody.NotHolder, custody.GiverUnclear, custody.NoGiver, custody.NoReceiver, custody.NoDate, custody.OrderUnclear, custody.StateChanged, custody.SealChanged, custody.SealBroken, custody.AfterEnd} {
		for _, lang := range []string{"en", "ru", "kk"} {
			key := "custody.gap." + string(gap)
			if text := words.Lang(lang).T(key); text == "" || text == key {
				t.Errorf("%s: no words for %s", lang, key)
			}
		}
	}
}
