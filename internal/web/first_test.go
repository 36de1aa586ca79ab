// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/locale"
)

const firstWords = "abbey acorn badge cabin daisy eagle fable gable"

// firstPages are the pages of a place without a register, and what was made by them.
func firstPages(t *testing.T, log *bytes.Buffer, fails error) (http.Handler, access.Code, *[]First) {
	t.Helper()
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	made := &[]First{}
	code := access.NewCode()
	h, err := NewFirst(FirstStart{
		Code: code, Packs: []FirstPack{{ID: "kz", Label: codebook.Label{En: "Sample Land", Ru: "Пример", Kk: "Үлгі"}}, {ID: "kg", Label: codebook.Label{En: hostile, Ru: hostile, Kk: hostile}, Draft: true}},
		Passphrase: func() (string, error) { return firstWords, nil },
		Make: func(_ context.Context, f First) error {
			if fails == nil {
				*made = append(*made, f)
			}
			return fails
		},
	}, words, Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return h, code, made
}

func TestGoldenFirst(t *testing.T) {
	for _, lang := range languages {
		h, code, _ := firstPages(t, &bytes.Buffer{}, nil)
		b := newBrowser(t, h, lang)
		page := func(name string, fields ...string) {
			t.Helper()
			golden(t, lang+"-first-"+name, bytes.ReplaceAll(b.post("/first", fields...).Body.Bytes(), []byte(code.String()), []byte("CODE")))
		}
		golden(t, lang+"-first", b.get("/").Body.Bytes())
		page("nowhere", "code", code.String(), "org", "Sample", "name", "Sample Member")
		page("wrong", "code", "no", "org", "Sample", "name", "Sample Member")
		told := []string{"code", code.String(), "org", "Sample", "name", "Sample Member", "pack", "kg"}
		page("words", told...)
		told = append(told, "made", firstWords)
		page("confirm", append(told, "step", "written")...)
		page("mistyped", append(told, "step", "confirm", "typed", "abbey")...)
		page("done", append(told, "step", "confirm", "typed", " Abbey acorn badge cabin daisy eagle fable  gable")...)
	}
}

// TestFirst holds that nothing is made without the code, without names, or
// before the words were typed from paper; and that nothing typed is logged.
func TestFirst(t *testing.T) {
	log := &bytes.Buffer{}
	h, code, made := firstPages(t, log, nil)
	b := newBrowser(t, h, "ru")
	if w := b.get("/cases"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a page of what is not there: %d", w.Code)
	}
	whole := map[string]string{"code": code.String(), "org": "Sample", "name": "Asel", "pack": "kg", "made": firstWords, "step": "confirm", "typed": firstWords}
	for field, value := range map[string]string{"code": access.NewCode().String(), "org": " ", "pack": "xx", "name": strings.Repeat("a", 81), "typed": "abbey"} {
		var fields []string
		for name, v := range whole {
			if name == field {
				v = value
			}
			fields = append(fields, name, v)
		}
		if w := b.post("/first", fields...); w.Code != http.StatusUnprocessableEntity || len(*made) > 0 {
			t.Errorf("with another %s: %d, made %v", field, w.Code, *made)
		}
	}
	var fields []string
	for name, v := range whole {
		fields = append(fields, name, v)
	}
	if w := b.post("/first", fields...); w.Code != http.StatusOK || len(*made) != 1 {
		t.Fatalf("%d, made %v", w.Code, *made)
	}
	if f := (*made)[0]; f.Org != "Sample" || f.Pack != "kg" || f.Member.Name != "Asel" || f.Member.Lang != "ru" || f.Member.Passphrase != firstWords {
		t.Errorf("made %+v", f)
	}
	h, code, _ = firstPages(t, log, errors.New("made up"))
	w := newBrowser(t, h, "en").post("/first", "code", code.String(), "org", "Sample", "name", "Asel", "pack", "kz", "made", firstWords, "step", "confirm", "typed", firstWords)
	if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "could not be made") {
		t.Errorf("what failed: %d", w.Code)
	}
	if text := log.String(); !strings.Contains(text, "made up") || strings.Contains(text, "Asel") || strings.Contains(text, "abbey") || strings.Contains(text, code.String()) {
		t.Errorf("the log says %s", text)
	}
}
