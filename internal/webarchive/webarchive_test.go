// SPDX-License-Identifier: AGPL-3.0-or-later

package webarchive

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
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
	err = readWARC(context.Background(), bytes.NewReader(file), &limits, func(r Record) error {
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

func read(t *testing.T, file []byte) Capture {
	t.Helper()
	c, err := Read(context.Background(), bytes.NewReader(file), int64(len(file)), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// verdicts are the files of a capture with what is said of each.
func verdicts(c Capture) string {
	var s []string
	for _, f := range c.Files {
		s = append(s, f.Path+" "+string(f.Digest))
	}
	return strings.Join(s, ", ")
}

func TestWACZ(t *testing.T) {
	files := map[string]string{"archive/data.warc.gz": string(packed(t, record("response", page))), "pages/pages.jsonl": "{}", "indexes/index.cdx": "x"}
	c := read(t, wacz(t, files, nil))
	if c.Form != WACZ || c.Verdict != Right || c.Damaged != "" || c.Address != "https://example.org/a" || c.Taken.Format(time.DateTime) != "2022-01-07 10:00:00" ||
		len(c.Pages) != 1 || c.Pages[0].Status != 200 || verdicts(c) != "datapackage.json right, archive/data.warc.gz right, indexes/index.cdx right, pages/pages.jsonl right" {
		t.Errorf("%+v", c)
	}
	c = read(t, wacz(t, files, map[string]string{"indexes/index.cdx": "y", "pages/pages.jsonl": "gone", "more.txt": "put in"}))
	if c.Verdict != Wrong || verdicts(c) != "indexes/index.cdx wrong, pages/pages.jsonl missing, datapackage.json right, archive/data.warc.gz right, more.txt none" {
		t.Errorf("%+v", c)
	}
	if c = read(t, wacz(t, files, map[string]string{"datapackage.json": `{"title":"Other","resources":[]}`})); c.Verdict != Wrong || c.Files[0].Path != "datapackage.json" {
		t.Errorf("another manifest: %+v", c)
	}
	file := wacz(t, files, nil)
	limits := DefaultLimits()
	limits.Files = 2
	if _, err := Read(context.Background(), bytes.NewReader(file), int64(len(file)), limits); !errors.Is(err, ErrNoCapture) || !errors.Is(err, ErrTooBig) {
		t.Errorf("files: %v", err)
	}
	limits = DefaultLimits()
	limits.Bytes = 100
	if c, err := Read(context.Background(), bytes.NewReader(file), int64(len(file)), limits); err != nil || !strings.Contains(c.Damaged, "bigger than is allowed") {
		t.Errorf("unpacked: %+v, %v", c, err)
	}
}

func TestReadWARC(t *testing.T) {
	c := read(t, packed(t, record("response", page), strings.Replace(record("response", page), "Three", "Throe", 1), record("request", page)))
	if c.Form != WARC || c.Verdict != Wrong || c.PageCount != 2 || c.Pages[1].Digest != Wrong || c.Counts[Right] != 2 || c.Address != "https://example.org/a" {
		t.Errorf("%+v", c)
	}
	c = read(t, []byte(record("response", page)+"WARC/1.1\r\ncut"))
	if c.Verdict != Right || !strings.HasPrefix(c.Damaged, "record 2: ") || c.PageCount != 1 {
		t.Errorf("cut off: %+v", c)
	}
	odd := strings.Replace(record("response", page), "https://example.org/a", "https://example.org/\u202e\x07<b>", 1)
	if c = read(t, []byte(odd)); c.Address != "https://example.org/ <b>" {
		t.Errorf("%q", c.Address)
	}
	many := strings.Repeat(record("response", page), MostListed+5) + strings.Replace(record("response", page), "Three", "Throe", 1)
	if c = read(t, []byte(many)); c.PageCount != MostListed+6 || len(c.Pages) != MostListed || c.Pages[MostListed-1].Digest != Wrong {
		t.Errorf("of many, the altered one is not named: %+v", c.Pages[len(c.Pages)-1])
	}
	for _, none := range []string{"", "x", "PK", "PK\x03\x04", "\x1f\x8b\x08", "<html><body>Page saved with SingleFile"} {
		if c, err := Read(context.Background(), strings.NewReader(none), int64(len(none)), DefaultLimits()); !errors.Is(err, ErrNoCapture) {
			t.Errorf("%q: %+v, %v", none, c, err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Read(ctx, strings.NewReader(many), int64(len(many)), DefaultLimits()); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: %v", err)
	}
}

// saved is a page as SingleFile saves it.
const saved = "<!DOCTYPE html> <html lang=kk><!--\n Page saved with SingleFile \n url: https://example.org/kk/ \n saved date: Fri Jan 07 2022 16:00:05 GMT+0600 (Восточный Казахстан)\n--><meta charset=utf-8><body>Three days."

func TestSingleFile(t *testing.T) {
	c := read(t, []byte(saved))
	if c.Form != SingleFile || c.Address != "https://example.org/kk/" || c.Taken.Format(time.RFC3339) != "2022-01-07T10:00:05Z" || c.Verdict != None || c.PageCount != 1 {
		t.Errorf("%+v", c)
	}
	if c = read(t, []byte(strings.Replace(saved, "Fri Jan 07", "some day", 1))); !c.Taken.IsZero() {
		t.Errorf("%+v", c)
	}
}

// zipped is an archive of files in their order.
func zipped(t testing.TB, files ...[2]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		w, err := z.Create(f[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// archived is the page of auto-archiver over media, each with its key, the lines
// that follow in its list, and its hash.
func archived(media ...[3]string) string {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html><html lang="en"><head><title>x</title></head><body><h2>Archived media for <span class="copy"><a href="https://t.example/1">https://t.example/1</a></span> - <a href="https://t.example/1">open</a></h2>
<h2 class="center">content 2 item(s)</h2><table class="content"><tr><th>about</th><th>files and preview</th></tr><tbody>`)
	for _, m := range media {
		fmt.Fprintf(&b, "<tr><td>\n<ul>\n<li><b>key:</b> <span class=\"copy\">%s</span></li>\n<li><b>type:</b> <span class=\"copy\">video/mp4</span></li>\n%s\n", m[0], m[1])
		if m[2] != "" {
			fmt.Fprintf(&b, "<li><b>hash:</b> \n\n\n<span class=\"copy\">%s</span>\n\n</li>", m[2])
		}
		fmt.Fprintf(&b, "</ul></td><td><a href=\"%s\">open</a> or <span class=\"copy\" copy-value=\"x\">copy</span></td></tr>", m[0])
	}
	b.WriteString(`</tbody></table><h2 class="center">metadata</h2><table class="metadata"><tr><th>key</th><th>value</th></tr>
<tr><td>_processed_at</td><td>
<span class="copy">2022-01-07 10:00:00.250000+00:00</span>
</td></tr><tr><td>url</td><td><span class="copy">https://t.example/1</span></td></tr></table>
<p class="center">Made with <a href="https://github.com/bellingcat/auto-archiver">bellingcat/auto-archiver</a> v1.1</p></body></html>`)
	return b.String()
}

func TestAutoArchiver(t *testing.T) {
	film, picture := "a film", "a picture"
	thumbs := "<p></p><div><b class=\"collapsible\" title=\"expand\">thumbnails (1):</b><p></p><div class=\"collapsible-content\"><ul><li><b>key:</b> <span class=\"copy\">./local_archive/u/thumb.jpg</span></li></ul></div></div>"
	about := archived([3]string{"./local_archive/u/film.mp4", thumbs, fmt.Sprintf("SHA-256:%x", sha256.Sum256([]byte(film)))},
		[3]string{"./local_archive/u/picture.jpg", "", fmt.Sprintf("SHA3-512:%x", sha3.Sum512([]byte(picture)))}, [3]string{"./local_archive/u/lost.jpg", "", "SHA-256:00"}, [3]string{"None", "", ""})
	folder := func(film string) []byte {
		return zipped(t, [2]string{"u/film.mp4", film}, [2]string{"u/picture.jpg", picture}, [2]string{"u/thumb.jpg", "small"}, [2]string{"u/index.html", about}, [2]string{"other/film.mp4", "of another"})
	}
	c := read(t, folder(film))
	if c.Form != AutoArchiver || c.Address != "https://t.example/1" || c.Taken.Format(time.RFC3339Nano) != "2022-01-07T10:00:00.25Z" || c.Verdict != Missing ||
		verdicts(c) != "local_archive/u/lost.jpg missing, other/film.mp4 none, u/film.mp4 right, u/index.html none, u/picture.jpg right, u/thumb.jpg none" {
		t.Errorf("%+v", c)
	}
	if c = read(t, folder("another film")); c.Verdict != Wrong || c.Files[0] != (File{"u/film.mp4", 12, Wrong}) {
		t.Errorf("%+v", c)
	}
}

func TestArchiveBox(t *testing.T) {
	index := `{"schema":"Link","url":"https://example.org/box","timestamp":"1641549600.5","history":{"title":[{"status":"succeeded","output":"A title"}],
"singlefile":[{"status":"succeeded","output":"singlefile.html","start_ts":"2022-01-07T10:00:01.5+00:00"}],"pdf":[{"status":"failed","output":null}],"screenshot":[{"status":"succeeded","output":"screenshot.png","start_ts":"2022-01-07T10:00:00+00:00"}]}}`
	warc := string(packed(t, record("response", page)))
	files := [][2]string{{"1641549600.5/index.json", index}, {"1641549600.5/singlefile.html", saved}, {"1641549600.5/warc/1.warc.gz", warc}}
	c := read(t, zipped(t, files...))
	if c.Form != ArchiveBox || c.Address != "https://example.org/box" || c.Taken.Format(time.DateTime) != "2022-01-07 10:00:00" || c.Verdict != Missing || c.PageCount != 1 ||
		verdicts(c) != "1641549600.5/screenshot.png missing, 1641549600.5/index.json none, 1641549600.5/singlefile.html none, 1641549600.5/warc/1.warc.gz none" {
		t.Errorf("%+v", c)
	}
	list := fmt.Sprintf(`{"files":[{"path":"singlefile.html","hash":"%x","size":1},{"path":"index.json","hash":"00ff","size":1},{"path":"../../etc/passwd","hash":"00ff"},{"path":"warc/1.warc.gz","hash":"%x"}]}`,
		sha256.Sum256([]byte(saved)), sha256.Sum256([]byte("other")))
	c = read(t, zipped(t, append(files, [2]string{"1641549600.5/hashes/hashes.json", list}, [2]string{"1641549600.5/screenshot.png", "x"})...))
	if c.Verdict != Wrong || verdicts(c) != "1641549600.5/warc/1.warc.gz wrong, 1641549600.5/hashes/hashes.json none, 1641549600.5/index.json none, 1641549600.5/screenshot.png none, 1641549600.5/singlefile.html right" {
		t.Errorf("%s %s", c.Verdict, verdicts(c))
	}
}

func TestFolders(t *testing.T) {
	folder := fstest.MapFS{"w/page.warc.gz": {Data: packed(t, record("response", page))}, "w/page.cdx": {Data: []byte("x")}, "w/link": {Mode: fs.ModeSymlink}}
	c, err := ReadFolder(context.Background(), folder, DefaultLimits())
	if err != nil || c.Form != WARC || c.Verdict != Right || c.PageCount != 1 || c.FileCount != 2 {
		t.Errorf("%+v, %v", c, err)
	}
	for what, file := range map[string][]byte{
		"letters": zipped(t, [2]string{"a.txt", "x"}), "two of one name": zipped(t, [2]string{"a.warc", "x"}, [2]string{"a.warc", "y"}), "nothing": zipped(t),
		"an index of something else": zipped(t, [2]string{"index.json", `{"url":"x","timestamp":"1"}`}),
		"a page about it":            zipped(t, [2]string{"index.html", "Archived media for"}),
	} {
		if c, err := Read(context.Background(), bytes.NewReader(file), int64(len(file)), DefaultLimits()); !errors.Is(err, ErrNoCapture) {
			t.Errorf("%s: %+v, %v", what, c, err)
		}
	}
	locked := zipped(t, [2]string{"a.warc", record("response", page)})
	i := bytes.LastIndex(locked, []byte("PK\x01\x02"))
	locked[i+8] |= 1
	if _, err := Read(context.Background(), bytes.NewReader(locked), int64(len(locked)), DefaultLimits()); !errors.Is(err, errLocked) {
		t.Errorf("locked: %v", err)
	}
}

// TestDirectoryBombRegression lists an archive whose directory alone would fill the memory.
func TestDirectoryBombRegression(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range 70_000 {
		if _, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%d-%0100d.warc", i, i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := openZIP(bytes.NewReader(b.Bytes()), int64(b.Len()), DefaultLimits()); !errors.Is(err, ErrTooBig) {
		t.Errorf("%v", err)
	}
}

func FuzzWARC(f *testing.F) {
	f.Add([]byte(record("response", page)))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = listed(data, Limits{Bytes: 1 << 20, Records: 100})
	})
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte(saved))
	f.Add(zipped(f, [2]string{"datapackage.json", `{"resources":[{"path":"archive/a.warc","hash":"sha256:00"}]}`}, [2]string{"archive/a.warc", record("response", page)}))
	f.Add(zipped(f, [2]string{"index.json", `{"url":"x","timestamp":"1","history":{}}`}, [2]string{"a.warc", record("response", page)}))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Read(context.Background(), bytes.NewReader(data), int64(len(data)), Limits{Bytes: 1 << 20, Records: 100, Files: 100})
		if err == nil && (c.Form == "" || c.Verdict == "" || len(c.Pages) > MostListed || len(c.Files) > MostListed) {
			t.Fatalf("%+v", c)
		}
	})
}

func FuzzSingleFile(f *testing.F) {
	f.Add([]byte(saved))
	f.Fuzz(func(t *testing.T, data []byte) { _, _ = singleFile(data) })
}

func FuzzAutoArchiver(f *testing.F) {
	f.Add([]byte(archived([3]string{"a.mp4", "", "SHA-256:00"})))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newReader(DefaultLimits())
		if written, ok := c.autoArchiver(&folderOf{byBase: map[string][]string{"a.mp4": {"a.mp4"}}}, data); ok && len(written) > len(data) {
			t.Fatal("more files than there are letters")
		}
	})
}

func FuzzArchiveBox(f *testing.F) {
	f.Add([]byte(`{"url":"x","timestamp":"1","history":{"pdf":[{"status":"succeeded","output":"a.pdf"}]}}`), []byte(`{"files":[{"path":"a","hash":"00"}]}`))
	f.Fuzz(func(t *testing.T, index, list []byte) {
		_, _ = ReadFolder(context.Background(), fstest.MapFS{"index.json": {Data: index}, "hashes/hashes.json": {Data: list}}, Limits{Bytes: 1 << 20, Records: 100, Files: 100})
	})
}
