// SPDX-License-Identifier: AGPL-3.0-or-later

package webarchive

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

const page = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Three days.</p>"

// record is a record of a page with the right digests.
func record(kind, block string) string {
	_, payload, _ := strings.Cut(block, "\r\n\r\n")
	b, p := sha1.Sum([]byte(block)), sha256.Sum256([]byte(payload))
	return fmt.Sprintf("WARC/1.1\r\nWARC-Type: %s\r\nWARC-Target-URI: https://example.org/a\r\nWARC-Date: 2022-01-07T10:00:00.5Z\r\nContent-Type: application/http; msgtype=response\r\nWARC-Block-Digest: sha1:%s\r\nWARC-Payload-Digest: sha-256:%x\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n",
		kind, base32.StdEncoding.EncodeToString(b[:]), p, len(block), block)
}

func packed(t *testing.T, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, m := range members {
		z := gzip.NewWriter(&b)
		if _, err := io.WriteString(z, m); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func listed(file []byte, limits Limits) (all []Record, err error) {
	err = ReadWARC(context.Background(), bytes.NewReader(file), limits, func(r Record) error {
		all = append(all, r)
		return nil
	})
	return all, err
}

func TestWARC(t *testing.T) {
	want := Record{Type: "response", Target: "https://example.org/a", Date: time.Date(2022, 1, 7, 10, 0, 0, 5e8, time.UTC), Status: 200, Media: "text/html; charset=utf-8", Size: int64(len(page)), Block: Right, Payload: Right}
	for _, file := range [][]byte{[]byte(record("response", page) + record("response", page)), packed(t, record("response", page), record("response", page))} {
		all, err := listed(file, DefaultLimits())
		if err != nil || len(all) != 2 || all[0] != want || all[1] != want {
			t.Errorf("%+v, %v", all, err)
		}
	}
	// One letter changed in the page: both digests say so.
	changed := strings.Replace(record("response", page), "Three", "Throe", 1)
	if all, err := listed([]byte(changed), DefaultLimits()); err != nil || all[0].Block != Wrong || all[0].Payload != Wrong {
		t.Errorf("changed: %+v, %v", all, err)
	}
	// One in what the server said about it: the block's digest does.
	changed = strings.Replace(record("response", page), "200 OK", "404 OK", 1)
	if all, err := listed([]byte(changed), DefaultLimits()); err != nil || all[0].Block != Wrong || all[0].Payload != Right || all[0].Status != 404 {
		t.Errorf("changed: %+v, %v", all, err)
	}
	if all, err := listed([]byte(record("revisit", page)), DefaultLimits()); err != nil || all[0].Payload != Unknown {
		t.Errorf("revisit: %+v, %v", all, err)
	}
	if all, err := listed([]byte(strings.ReplaceAll(record("response", page), "sha1:", "sha9:")), DefaultLimits()); err != nil || all[0].Block != Unknown {
		t.Errorf("another digest: %+v, %v", all, err)
	}
	whole := record("response", page)
	for n := range len(whole) {
		if all, err := listed([]byte(whole[:n]), DefaultLimits()); err == nil || len(all) != 0 {
			t.Fatalf("cut at %d: %+v, %v", n, all, err)
		}
	}
}

func TestCaptureBombRegression(t *testing.T) {
	bomb := packed(t, record("response", "HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("a", 4<<20)))
	limits := DefaultLimits()
	limits.Bytes = 1 << 20
	if _, err := listed(bomb, limits); !errors.Is(err, ErrTooBig) {
		t.Errorf("unpacked: %v", err)
	}
	limits = DefaultLimits()
	limits.Records = 1
	if _, err := listed([]byte(record("response", page)+record("response", page)), limits); !errors.Is(err, ErrTooBig) {
		t.Errorf("records: %v", err)
	}
	if _, err := listed([]byte("WARC/1.0\r\n"+strings.Repeat("a", 1<<20)), DefaultLimits()); err == nil {
		t.Error("a line without an end is read")
	}
}

// wacz is a package of files whose manifest is right.
func wacz(t *testing.T, files map[string]string, change map[string]string) []byte {
	t.Helper()
	var resources []string
	for _, path := range slices.Sorted(maps.Keys(files)) {
		resources = append(resources, fmt.Sprintf(`{"path":%q,"hash":"sha256:%x","bytes":%d}`, path, sha256.Sum256([]byte(files[path])), len(files[path])))
	}
	all := maps.Clone(files)
	all["datapackage.json"] = `{"profile":"data-package","title":"Pages","created":"2022-01-07T10:00:00Z","resources":[` + strings.Join(resources, ",") + `]}`
	all["datapackage-digest.json"] = fmt.Sprintf(`{"path":"datapackage.json","hash":"sha256:%x"}`, sha256.Sum256([]byte(all["datapackage.json"])))
	maps.Copy(all, change)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if all[path] == "gone" {
			continue
		}
		w, err := z.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, all[path]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWACZ(t *testing.T) {
	files := map[string]string{"archive/data.warc.gz": string(packed(t, record("response", page))), "pages/pages.jsonl": "{}", "indexes/index.cdx": "x"}
	read := func(file []byte) (Package, int, error) {
		n := 0
		p, err := ReadWACZ(context.Background(), bytes.NewReader(file), int64(len(file)), DefaultLimits(), func(_ string, r Record) error {
			if r.Payload == Right {
				n++
			}
			return nil
		})
		return p, n, err
	}
	verdicts := func(p Package) string {
		var s []string
		for _, f := range p.Files {
			s = append(s, f.Path+" "+string(f.Digest))
		}
		return strings.Join(s, ", ")
	}
	p, n, err := read(wacz(t, files, nil))
	if err != nil || n != 1 || p.Title != "Pages" || p.Manifest != Right || verdicts(p) != "archive/data.warc.gz right, indexes/index.cdx right, pages/pages.jsonl right" {
		t.Errorf("%+v, %d, %v", p, n, err)
	}
	p, _, err = read(wacz(t, files, map[string]string{"indexes/index.cdx": "y", "pages/pages.jsonl": "gone", "more.txt": "put in"}))
	if err != nil || p.Manifest != Right || verdicts(p) != "archive/data.warc.gz right, indexes/index.cdx wrong, pages/pages.jsonl missing, more.txt none" {
		t.Errorf("%+v, %v", p, err)
	}
	if p, _, err = read(wacz(t, files, map[string]string{"datapackage.json": `{"title":"Other","resources":[]}`})); err != nil || p.Manifest != Wrong {
		t.Errorf("another manifest: %+v, %v", p, err)
	}
	if _, _, err = read(wacz(t, files, map[string]string{"datapackage.json": "gone"})); err == nil {
		t.Error("no manifest, and no word")
	}
	file := wacz(t, files, nil)
	limits := DefaultLimits()
	limits.Files = 2
	if _, err := ReadWACZ(context.Background(), bytes.NewReader(file), int64(len(file)), limits, nil); !errors.Is(err, ErrTooBig) {
		t.Errorf("files: %v", err)
	}
}

func FuzzWARC(f *testing.F) {
	f.Add([]byte(record("response", page)))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = listed(data, Limits{Bytes: 1 << 20, Records: 100})
	})
}

func FuzzWACZ(f *testing.F) {
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = ReadWACZ(context.Background(), bytes.NewReader(data), int64(len(data)), Limits{Bytes: 1 << 20, Records: 100, Files: 100}, func(string, Record) error { return nil })
	})
}
