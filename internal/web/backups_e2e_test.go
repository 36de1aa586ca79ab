// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
)

// TestE2EBackupWarning lets the weeks go by over a real register: its pages say
// that there is no backup, that nobody has tried it, that the last one is old,
// that the last one that was tried is, each in three languages, on a phone and on
// a desk; and nothing once it has been seen to.
func TestE2EBackupWarning(t *testing.T) {
	ctx := context.Background()
	least := seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1}
	var now atomic.Int64
	clock := func() time.Time { return time.Unix(now.Load(), 0).UTC() }
	now.Store(time.Date(2022, 7, 1, 9, 0, 0, 0, time.UTC).Unix())
	dir := t.TempDir()
	reg, founder, err := registry.Create(ctx, filepath.Join(dir, "r"), registry.FirstMember{Name: "Sample Member", Lang: "en", Passphrase: rightWord},
		registry.Options{Now: clock, Stretch: least, Least: least, Rulebook: rulebook})
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	to := registry.BackupPlace{Folder: filepath.Join(dir, "stick")}
	if err := os.Mkdir(to.Folder, 0o700); err != nil {
		t.Fatal(err)
	}
	words, err := loadedWords()
	if err != nil {
		t.Fatal(err)
	}
	axe, err := os.ReadFile(filepath.Join("testdata", "axe", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(pagesOf(t, reg))
	defer server.Close()
	tab := openTab(t, startBrowser(t), server.URL)
	shown := func(page string) string {
		tab.visit(page)
		return evaluate[string](tab, `(document.querySelector(".banner.backup") || {innerText: ""}).innerText.trim()`)
	}
	// warns looks at what both pages say, and where it is asked for in every way of looking.
	warns := func(every bool, id, command string, of time.Time) {
		t.Helper()
		for i, lang := range languages {
			l, ok := words.Lookup(lang)
			if !ok {
				t.Fatal(lang)
			}
			want := ""
			if id != "" {
				want = l.T("backup."+id, l.Day(edtf.DayOf(of))) + " " + command
			}
			tab.enter(lang)
			for j, width := range []int64{360, 1280} {
				if !every && i%2 != j {
					continue
				}
				tab.do(chromedp.EmulateViewport(width, 800))
				for _, page := range []string{"/", "/members"} {
					if text := shown(page + "?lang=" + lang); text != want {
						t.Errorf("%s in %s, %s: the page says %q, not %q", page, lang, clock().Format(time.DateOnly), text, want)
					}
					tab.look(fmt.Sprintf("backup-%s-%d-%s-%s", lang, width, id, page[1:]))
				}
				if every {
					tab.axe(string(axe), "/members")
				}
			}
		}
	}
	backUp := func() time.Time {
		t.Helper()
		v, err := reg.BackUp(ctx, founder, to, registry.BackupOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return v.At
	}
	warns(false, "none", "kua backup FOLDER", time.Time{})
	first := backUp()
	warns(false, "unproven", "kua restore --rehearse", first)
	if v, err := reg.RehearseRestore(ctx, founder, to, registry.Unlock{Passphrase: rightWord}, registry.RestoreOptions{}); err != nil || !v.Sound() {
		t.Fatalf("%+v, %v", v, err)
	}
	warns(false, "", "", first)
	now.Add(int64((registry.BackupOld + time.Hour) / time.Second))
	warns(false, "old", "kua backup", first)
	backUp()
	warns(false, "", "", first)
	now.Add(int64((registry.ProofOld - registry.BackupOld) / time.Second))
	backUp()
	warns(true, "proof_old", "kua restore --rehearse", first)
}
