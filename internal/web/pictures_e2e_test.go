// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"golang.org/x/image/webp"

	"github.com/kua-registry/kua/handbook"
)

var takePictures = flag.Bool("pictures", false, "take the handbook's pictures anew, of the pages that have changed")

// TestE2EPictures takes the pictures of the handbook ('make pictures'): those of pages that have changed, since no two
// versions of a browser make the same. Without the flag it takes one and keeps nothing.
func TestE2EPictures(t *testing.T) {
	server, _ := goldenPages(t)
	tab := openTab(t, startBrowser(t), server.URL)
	tab.do(chromedp.EmulateViewport(pictureWidth, 740, chromedp.EmulateMobile, chromedp.EmulatePortrait, chromedp.EmulateScale(handbook.PictureScale)))
	if !*takePictures {
		picture := tab.photograph("kk-newcase-worker")
		if size, err := webp.DecodeConfig(bytes.NewReader(picture)); err != nil || size.Width != pictureWidth*handbook.PictureScale || len(picture) > 80_000 {
			t.Errorf("a picture of %d bytes and %d dots across: %v", len(picture), size.Width, err)
		}
		return
	}
	taken, lines := picturesTaken(t), ""
	for _, lang := range languages {
		dir := filepath.Join(handbookDir, lang, "pictures")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range pictured {
			at := lang + "-" + name
			lines += fmt.Sprintf("%s  %s\n", seen(t, at), at)
			file := filepath.Join(dir, name+".webp")
			if _, err := os.Stat(file); err == nil && taken[at] == seen(t, at) {
				continue
			}
			if err := os.WriteFile(file, tab.photograph(at), 0o644); err != nil {
				t.Fatal(err)
			}
			t.Log("taken:", file)
		}
	}
	if err := os.WriteFile(picturesFile, []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
}

// photograph is a picture of the main part of a golden page, or of its beginning.
func (tab *tab) photograph(page string) []byte {
	tab.t.Helper()
	tab.visit("/golden/" + page)
	type box struct{ Top, Height float64 }
	at := evaluate[box](tab, `(() => {
		document.activeElement.blur();
		const all = [...document.querySelectorAll("main > *, main .gate > *")].filter(e => !e.matches(".gate, .langs, .row.first")).map(e => e.getBoundingClientRect()).filter(r => r.height > 0);
		const top = Math.max(0, Math.min(...all.map(r => r.top)) - 16), bottom = Math.max(...all.map(r => r.bottom)) + 16;
		return {Top: top + scrollY, Height: bottom - top};
	})()`)
	quality, beyond := int64(50), true
	got, err := chromedp.Call(tab.ctx, cdpage.CaptureScreenshot, cdpage.CaptureScreenshotParams{
		Format: cdpage.CaptureScreenshotFormatWebp, Quality: &quality, CaptureBeyondViewport: &beyond,
		Clip: &cdpage.Viewport{Y: at.Top, Width: pictureWidth, Height: min(at.Height, pictureHeight), Scale: 1},
	})
	if err != nil {
		tab.t.Fatal(err)
	}
	return got.Data
}
