// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/exchange"
	"github.com/kua-registry/kua/internal/ledger"
)

// ask is a request as a node signs it.
func (w *world) ask(i int, method, uri string, body []byte) *http.Request {
	q := httptest.NewRequest(method, uri, bytes.NewReader(body))
	at := strconv.FormatInt(noon.Unix(), 10)
	sum := sha256.Sum256(append([]byte(w.id.String()+"\n"+method+"\n"+uri+"\n"+at+"\n"), body...))
	q.Header.Set("Kua-Node", ledger.ID(ids[i].ID()).String())
	q.Header.Set("Kua-Time", at)
	q.Header.Set("Kua-Signed", base64.StdEncoding.EncodeToString(ids[i].Sign(append([]byte("kua/request/1\n"), sum[:]...))))
	return q
}

// FuzzRequests gives the relay what a node of the coalition has signed, whatever it
// is, and what nobody has: it answers, keeps nothing that is not whole and its
// sender's, and writes no file elsewhere.
func FuzzRequests(f *testing.F) {
	w := newWorld(f, f.TempDir(), inMemory)
	stream := w.handed(f)
	parcel := exchange.Parcel{Stream: stream, Version: 2, File: ledger.ID{1}, Length: 9}
	name := hex.EncodeToString(append(append(append(append([]byte{}, stream[:]...), 0, 0, 0, 0, 0, 0, 0, 2), parcel.File[:]...), 0, 0, 0, 0, 0, 0, 0, 9))
	to := ids[1].ID()
	raw, err := hex.DecodeString(name)
	piece := append(append(append([]byte{}, to[:]...), must(f, raw, err)...), 0, 0, 0, 0, 0, 0, 0, 0, 'p', 'i', 'e', 'c', 'e')
	for _, s := range []struct {
		node      byte
		path      string
		body      []byte
		post, own bool
	}{
		{0, "/file", piece, true, true}, {1, "/file?parcel=" + name + "&from=2", nil, false, true}, {1, "/again?parcel=" + name, nil, true, true},
		{2, "/files", nil, false, true}, {0, "/page?from=0", nil, false, true}, {0, "/submit", piece, true, true}, {1, "/cosigned", []byte("x"), true, true},
		{1, "/notes", nil, false, false}, {2, "/file?parcel=../../head&from=-1", nil, false, true},
	} {
		f.Add(s.node, s.path, s.body, s.post, s.own)
	}
	handler := w.relay.Handler(func() time.Time { return noon })
	size := w.log.Head().Size
	f.Fuzz(func(t *testing.T, node byte, path string, body []byte, post, own bool) {
		method := http.MethodGet
		if post {
			method = http.MethodPost
		}
		if _, err := http.NewRequest(method, "http://relay"+path, nil); err != nil || len(path) == 0 || path[0] != '/' {
			return
		}
		q, err := http.NewRequest(method, "http://relay"+path, bytes.NewReader(body))
		if err != nil || q.URL.RequestURI() == "" {
			return
		}
		i := int(node) % 3
		signed := w.ask(i, method, "/", nil)
		signed.URL, signed.RequestURI = q.URL, q.URL.RequestURI()
		signed.Body = q.Body
		if own {
			at := signed.Header.Get("Kua-Time")
			sum := sha256.Sum256(append(fmt.Appendf(nil, "%v\n%s\n%s\n%s\n", w.id, method, q.URL.RequestURI(), at), body...))
			signed.Header.Set("Kua-Signed", base64.StdEncoding.EncodeToString(ids[i].Sign(append([]byte("kua/request/1\n"), sum[:]...))))
		}
		a := httptest.NewRecorder()
		handler.ServeHTTP(a, signed)
		switch {
		case !own && a.Code != http.StatusForbidden:
			t.Fatalf("what nobody signed was answered: %d", a.Code)
		case own && a.Code != http.StatusOK && a.Code != http.StatusServiceUnavailable && a.Code != http.StatusBadRequest:
			t.Fatalf("status %d", a.Code)
		case w.log.Head().Size != size:
			t.Fatal("an entry that no node has sealed into an envelope")
		}
		files, err := os.ReadDir(filepath.Join(w.dir, "relay-files"))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, file := range files {
			info, err := file.Info()
			if b, bad := hex.DecodeString(file.Name()); err != nil || bad != nil || len(b) != 48 || [16]byte(b) != [16]byte(stream) || uint64(info.Size()) > 1<<20 {
				t.Fatalf("%s lies there", file.Name())
			}
		}
	})
}
