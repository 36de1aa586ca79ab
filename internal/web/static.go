// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"sync"

	"github.com/kua-registry/kua/internal/bodymap"
	"github.com/kua-registry/kua/internal/chart"
	"github.com/kua-registry/kua/internal/paper"
)

//go:embed static
var staticFiles embed.FS

// assets are the files the pages refer to. Each stands at an address that
// holds its hash, so that a browser may keep it for ever.
type assets struct {
	byName map[string]asset
}

type asset struct {
	href, hash, kind string
	plain            []byte
	zipped           func() []byte // made when it is first asked for; nil: it would be no smaller
}

func loadAssets() (*assets, error) {
	all := &assets{byName: map[string]asset{}}
	entries, err := fs.ReadDir(staticFiles, "static")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"chart.css": []byte(chart.Stylesheet()), "paper.css": []byte(paper.Stylesheet())}
	for _, v := range bodymap.Views() {
		files[picture(v.ID)] = v.Picture()
	}
	for _, e := range entries {
		if files[e.Name()], err = fs.ReadFile(staticFiles, "static/"+e.Name()); err != nil {
			return nil, err
		}
	}
	for name, text := range files {
		sum := sha256.Sum256(text)
		a := asset{hash: hex.EncodeToString(sum[:8]), kind: mime.TypeByExtension(path.Ext(name)), plain: text}
		a.href = "/static/" + a.hash + "/" + name
		a.zipped = sync.OnceValue(func() []byte { return zipped(text) })
		all.byName[name] = a
	}
	return all, nil
}

// zipped packs a text as small as gzip can; nil where that is no smaller.
func zipped(text []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := w.Write(text); err != nil {
		return nil
	}
	if err := w.Close(); err != nil || b.Len() >= len(text) {
		return nil
	}
	return b.Bytes()
}

// href is the address of a file, for templates.
func (all *assets) href(name string) (string, error) {
	a, ok := all.byName[name]
	if !ok {
		return "", fmt.Errorf("there is no static file %q", name)
	}
	return a.href, nil
}

func (all *assets) serve(w http.ResponseWriter, r *http.Request) {
	a, ok := all.byName[r.PathValue("name")]
	if !ok || r.PathValue("hash") != a.hash {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := a.plain
	if acceptsGzip(r) {
		if small := a.zipped(); small != nil {
			h.Set("Content-Encoding", "gzip")
			body = small
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // who has gone needs no answer
}
