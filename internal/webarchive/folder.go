// SPDX-License-Identifier: AGPL-3.0-or-later

package webarchive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// How much of an archiver's own page is read, and at how many pages of a folder
// is looked to tell whose it is.
const (
	maxPage   = 32 << 20
	mostPages = 500
)

// readFolder reads the folder of an archiver, wherever in it its own files lie.
func (c *reader) readFolder(ctx context.Context, folder fs.FS) (Capture, error) {
	f := &folderOf{FS: folder, there: map[string]bool{}, byBase: map[string][]string{}}
	err := fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if f.there[name] = true; !d.Type().IsRegular() {
			return nil // links and the like are not followed
		}
		if len(f.files) == c.left.Files {
			return ErrTooBig
		}
		f.files = append(f.files, name)
		f.byBase[path.Base(name)] = append(f.byBase[path.Base(name)], name)
		return nil
	})
	if err != nil {
		return c.none(ctx, err)
	}
	written, err := c.recognise(ctx, f)
	if c.Form == "" {
		return c.none(ctx, err)
	}
	if err == nil {
		err = c.check(ctx, f, written)
	}
	return c.done(ctx, err)
}

// folderOf is a folder and the paths in it.
type folderOf struct {
	fs.FS
	files  []string
	there  map[string]bool // files and folders
	byBase map[string][]string
}

// hashes are the hashes that an archiver wrote down, by the path of the file in
// the folder; of files that are not there, by the path as it was written. An
// empty hash: it wrote of the file and no hash of it.
type hashes map[string]string

// recognise tells whose folder it is, and what it says of itself.
func (c *reader) recognise(ctx context.Context, f *folderOf) (hashes, error) {
	for _, name := range f.files {
		if path.Base(name) != "index.json" {
			continue
		}
		if written, ok, err := c.archiveBox(f, path.Dir(name)); ok || err != nil {
			return written, err
		}
	}
	pages := 0
	for _, name := range f.files {
		if ext := path.Ext(name); ext != ".html" && ext != ".htm" || pages == mostPages {
			continue
		}
		if pages++; ctx.Err() != nil {
			return nil, ctx.Err()
		}
		head, err := f.read(name, headSize)
		if err != nil {
			return nil, err
		}
		if page, ok := singleFile(head); ok {
			c.single(page)
		}
		if !bytes.Contains(head, []byte("Archived media for")) {
			continue
		}
		whole, err := f.read(name, maxPage)
		if err != nil {
			return nil, err
		}
		if written, ok := c.autoArchiver(f, whole); ok {
			return written, nil
		}
	}
	if c.Form == "" && slices.ContainsFunc(f.files, isWARC) {
		c.Form = WARC
	}
	return nil, nil
}

func (f *folderOf) open(name string) (io.ReadCloser, error) {
	in, err := f.Open(name)
	if err != nil {
		return nil, fmt.Errorf("a file of the capture can't be read: %w", err)
	}
	return in, nil
}

// read reads the beginning of a file.
func (f *folderOf) read(name string, most int64) ([]byte, error) {
	in, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	b, err := io.ReadAll(io.LimitReader(in, most))
	if err != nil {
		return nil, fmt.Errorf("a file of the capture can't be read: %w", err)
	}
	return b, nil
}

// check reads every file once and holds it against its hash; of WARC files the
// records too.
func (c *reader) check(ctx context.Context, f *folderOf, written hashes) error {
	var damaged error
	for _, name := range f.files {
		d := newDigest(written[name])
		n, err := hashed(ctx, func() (io.ReadCloser, error) { return f.open(name) }, d, &c.left)
		if err != nil {
			return err
		}
		c.file(File{Path: name, Size: n, Digest: d.verdict()})
		if !isWARC(name) {
			continue
		}
		in, err := f.open(name)
		if err != nil {
			return err
		}
		err = readWARC(ctx, in, &c.left, c.record)
		in.Close()
		if err != nil && (ctx.Err() != nil || errors.Is(err, ErrTooBig)) {
			return err
		}
		damaged = errors.Join(damaged, err)
	}
	for _, name := range slices.Sorted(maps.Keys(written)) {
		if !f.there[name] {
			c.file(File{Path: name, Digest: Missing})
		}
	}
	return damaged
}

// archiveBox reads the folder of one snapshot of ArchiveBox: index.json, and the
// hashes of its plugin "hashes" where it has run.
func (c *reader) archiveBox(f *folderOf, dir string) (hashes, bool, error) {
	text, err := f.read(path.Join(dir, "index.json"), maxManifest)
	if err != nil {
		return nil, false, err
	}
	var said struct {
		URL       string `json:"url"`
		Timestamp string `json:"timestamp"`
		History   map[string][]struct {
			Status string          `json:"status"`
			Output json.RawMessage `json:"output"`
			Start  string          `json:"start_ts"`
		} `json:"history"`
	}
	if json.Unmarshal(text, &said) != nil || said.URL == "" || said.Timestamp == "" || said.History == nil {
		return nil, false, nil
	}
	c.Form, c.Address, c.Software = ArchiveBox, line1(said.URL), "ArchiveBox"
	if seconds, err := strconv.ParseFloat(said.Timestamp, 64); err == nil && seconds > 0 && seconds < 1e10 {
		c.Taken = time.UnixMilli(int64(seconds * 1000)).UTC()
	}
	written := hashes{}
	var first time.Time
	for method, runs := range said.History {
		for _, run := range runs {
			if t, err := time.Parse(time.RFC3339Nano, strings.Replace(run.Start, " ", "T", 1)); err == nil && (first.IsZero() || t.Before(first)) {
				first = t.UTC()
			}
			var output string
			if slices.Contains(outputsOfBox, method) && run.Status == "succeeded" && json.Unmarshal(run.Output, &output) == nil && fs.ValidPath(output) {
				if name := path.Join(dir, output); !f.there[name] {
					written[name] = ""
				}
			}
		}
	}
	if !first.IsZero() {
		c.Taken = first
	}
	list := path.Join(dir, "hashes", "hashes.json")
	if !f.there[list] {
		return written, true, nil
	}
	if text, err = f.read(list, maxManifest); err != nil {
		return nil, false, err
	}
	var listed struct {
		Files []struct {
			Path string `json:"path"`
			Hash string `json:"hash"`
		} `json:"files"`
	}
	if err := json.Unmarshal(text, &listed); err != nil {
		return nil, false, fmt.Errorf("hashes.json of the capture can't be read: %w", err)
	}
	for _, l := range listed.Files {
		switch l.Path {
		case "index.json", "index.html", "index.jsonl": // ArchiveBox writes them anew each time it looks at the snapshot
			continue
		}
		if fs.ValidPath(l.Path) && strings.Trim(l.Hash, "0") != "" { // it writes zeros where it could not read
			written[path.Join(dir, l.Path)] = "sha256:" + l.Hash
		}
	}
	return written, true, nil
}

// outputsOfBox are the methods of ArchiveBox whose output is one file of the snapshot.
var outputsOfBox = []string{"singlefile", "pdf", "screenshot", "dom"}

// autoArchiver reads the page that auto-archiver writes beside what it has saved:
// each file with its key (the path it was stored under) and its hash.
func (c *reader) autoArchiver(f *folderOf, page []byte) (hashes, bool) {
	type media struct{ key, hash string }
	var (
		all           []*media
		lists         []*media // the open lists, and whose they are
		rows          = map[string]string{}
		name          string // the last words in bold
		cells         []string
		text          strings.Builder
		bold, copied  bool
		cell, heading bool
		address       string
		ours          bool
	)
	z := html.NewTokenizer(bytes.NewReader(page))
	z.SetMaxBuf(1 << 20)
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		t := z.Token()
		switch {
		case kind == html.TextToken:
			if bold || copied || cell {
				text.WriteString(t.Data)
			}
		case kind == html.StartTagToken && t.Data == "a":
			ours = ours || slices.ContainsFunc(t.Attr, func(a html.Attribute) bool {
				return a.Key == "href" && strings.HasSuffix(a.Val, "bellingcat/auto-archiver")
			})
		case t.Data == "h2":
			heading = kind == html.StartTagToken
		case kind == html.StartTagToken && t.Data == "ul":
			if len(lists) > 1000 {
				return nil, false
			}
			lists = append(lists, nil)
		case kind == html.EndTagToken && t.Data == "ul":
			if len(lists) > 0 {
				lists = lists[:len(lists)-1]
			}
		case kind == html.StartTagToken && t.Data == "b":
			bold = true
			text.Reset()
		case kind == html.EndTagToken && t.Data == "b":
			bold, name = false, strings.TrimSpace(text.String())
		case kind == html.StartTagToken && t.Data == "tr":
			cells = nil
		case kind == html.StartTagToken && t.Data == "td":
			cell = true
			text.Reset()
		case kind == html.EndTagToken && t.Data == "td":
			cell = false
			if cells = append(cells, strings.TrimSpace(text.String())); len(cells) == 2 && len(rows) < 1000 {
				rows[cells[0]] = cells[1]
			}
		case kind == html.StartTagToken && t.Data == "span":
			if copied = slices.Contains(t.Attr, html.Attribute{Key: "class", Val: "copy"}); copied && !cell || name != "" {
				text.Reset()
			}
		case kind == html.EndTagToken && t.Data == "span" && copied:
			copied = false
			value := strings.TrimSpace(text.String())
			switch {
			case heading && address == "":
				address = value
			case name == "key:" && len(lists) > 0 && value != "" && value != "None":
				m := &media{key: value}
				all, lists[len(lists)-1] = append(all, m), m
			case name == "hash:" && len(lists) > 0 && lists[len(lists)-1] != nil:
				lists[len(lists)-1].hash = value
			}
			name = ""
		}
	}
	if !ours {
		return nil, false
	}
	c.Form, c.Address, c.Software = AutoArchiver, line1(address), "auto-archiver"
	if taken, ok := pythonTime(rows["_processed_at"]); ok {
		c.Taken = taken
	}
	written := hashes{}
	for _, m := range all {
		name := f.stored(m.key)
		if m.hash != "" || written[name] == "" {
			written[name] = m.hash
		}
	}
	return written, true
}

// stored is the file of the folder that was stored under a key: the one that has
// the most of its path, from the end. Where there is none, it is the key.
func (f *folderOf) stored(key string) string {
	key = strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(key, `\`, "/")), "/")
	want := strings.Split(key, "/")
	best, found, twice := 0, "", false
	for _, name := range f.byBase[path.Base(key)] {
		n := 0
		for have := strings.Split(name, "/"); n < min(len(have), len(want)) && have[len(have)-1-n] == want[len(want)-1-n]; {
			n++
		}
		switch {
		case n < best:
		case n > best:
			best, found, twice = n, name, false
		default:
			twice = true
		}
	}
	if best == 0 || twice {
		return key
	}
	return found
}

// pythonTime reads a moment as Python writes it.
func pythonTime(text string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02 15:04:05.999999-07:00", "2006-01-02 15:04:05.999999"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// singleFile reads the comment that SingleFile writes at the beginning of a page.
func singleFile(head []byte) (Page, bool) {
	for _, mark := range []string{"<!--\n Page saved with SingleFile", "<!--\n Archive processed by SingleFile"} {
		i := bytes.Index(head, []byte(mark))
		if i < 0 || bytes.Contains(head[:i], []byte("<body")) {
			continue
		}
		comment, _, whole := bytes.Cut(head[i:], []byte("-->"))
		if !whole {
			continue
		}
		page := Page{Media: "text/html"}
		for _, l := range strings.Split(string(comment), "\n") {
			l = strings.TrimSpace(l)
			if address, ok := strings.CutPrefix(l, "url: "); ok {
				page.Address = line1(address)
			}
			if date, ok := strings.CutPrefix(l, "saved date: "); ok {
				date, _, _ = strings.Cut(date, " (") // the name of the zone, in some language
				if t, err := time.Parse("Mon Jan 02 2006 15:04:05 GMT-0700", date); err == nil {
					page.Taken = t.UTC()
				}
			}
		}
		return page, page.Address != ""
	}
	return Page{}, false
}
