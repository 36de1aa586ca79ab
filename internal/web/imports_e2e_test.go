// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/kua-registry/kua/internal/registry"
)

// TestE2EImport takes in a list that somebody has, on a telephone: what does not fit
// is said cell by cell; the mended list is looked at, by its mapping, and taken in;
// a second time it changes nothing. axe-core looks at each page.
func TestE2EImport(t *testing.T) {
	axe, err := os.ReadFile(filepath.Join("testdata", "axe", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join("..", "..", "examples", "own-list")
	path := func(name string) []string {
		whole, err := filepath.Abs(filepath.Join(own, name))
		if err != nil {
			t.Fatal(err)
		}
		return []string{whole}
	}
	d := newDesktop(t, "ru")
	tab := d.served(t)
	tab.visit("/cases?lang=ru")
	tab.do(chromedp.EmulateViewport(360, 780))
	tab.still()
	look := func(where string) {
		t.Helper()
		tab.axe(string(axe), where)
		tab.reach(where)
		for _, wide := range evaluate[[]string](tab, zoomWide) {
			t.Errorf("%s: %s", where, wide)
		}
	}
	send := func(list string) {
		t.Helper()
		tab.visit("/cases")
		tab.submit(`a[href="/imports"]`, "#send")
		tab.do(chromedp.SetUploadFiles("#file", path(list)), chromedp.SetUploadFiles("#mapping", path("map.yaml")))
		tab.submit(`form[action="/imports"] button`, "#what")
	}
	cases := func() int {
		found, err := d.reg.Cases(t.Context(), d.session, registry.Query{Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		return found.Total
	}
	before := cases()
	tab.visit("/imports")
	look("the form")
	send("spisok.xlsx")
	for _, words := range []string{"15 ячеек не подходят", "строка 7, столбец E (Дата задержания)", "ночь на 6 января", "не дата", "у строки нет своего номера"} {
		tab.mustSay(words)
	}
	look("a list that does not fit")
	send("mended.xlsx")
	for _, words := range []string{"Новых дел", "Куда идут столбцы", "№ п/п", "Номер дела, по которому оно узнаётся"} {
		tab.mustSay(words)
	}
	look("a list that fits")
	if n := cases(); n != before {
		t.Errorf("looking changed the register: %d cases", n)
	}
	tab.submit(`form[action="/imports/list"] button`, `[role="status"]`)
	tab.mustSay("Список загружен.")
	look("what was done")
	if n := cases(); n != before+30 {
		t.Errorf("%d cases, of which %d were there before", n, before)
	}
	send("mended.xlsx")
	if same := evaluate[string](tab, `document.querySelectorAll("#what ~ dl dd")[3].textContent`); same != "30" {
		t.Errorf("%q cases as they were", same)
	}
	tab.submit(`form[action="/imports/list/drop"] button`, "#send")
}
