// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/webarchive"
)

// fakeCapture is a web capture that was altered, with all that can be said of one.
func fakeCapture() *registry.WebCapture {
	at := moment("2022-01-07T10:00:00Z")
	return &registry.WebCapture{
		Form: "wacz", Verdict: registry.CaptureAltered, Day: edtf.MustParse("2022-01-07"), Address: "https://news.sample.example/" + hostile,
		Found: webarchive.Capture{
			Form: webarchive.WACZ, Taken: at, Software: "Sample crawler", PageCount: 250, FileCount: 5,
			Pages: []webarchive.Page{
				{Address: "https://news.sample.example/" + hostile, Taken: at, Status: 200, Media: "text/html", Digest: webarchive.Right},
				{Address: "javascript:alert(1)", Media: hostile, Digest: webarchive.Wrong},
			},
			Files: []webarchive.File{
				{Path: "archive/data.warc.gz", Size: 5 << 20, Digest: webarchive.Wrong}, {Path: "pages/pages.jsonl", Digest: webarchive.Missing},
				{Path: "datapackage.json", Size: 900, Digest: webarchive.Right}, {Path: hostile, Size: 1, Digest: webarchive.None}, {Path: "x", Size: 1, Digest: webarchive.Unknown},
			},
			Counts: map[webarchive.Verdict]int{webarchive.Right: 250, webarchive.Wrong: 2, webarchive.Missing: 1, webarchive.None: 1, webarchive.Unknown: 1},
		},
	}
}
