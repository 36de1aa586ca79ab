// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestServeTells holds that a served register tells a program on this machine that
// there is something new, and that it finds it by what it was told.
func TestServeTells(t *testing.T) {
	told := make(chan string, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("webhook-id") == "" || !strings.HasPrefix(r.Header.Get("webhook-signature"), "v1,") {
			t.Errorf("%v %v", r.Header, err)
		}
		w.WriteHeader(http.StatusNoContent)
		told <- string(b)
	}))
	defer receiver.Close()
	dir, pass := lockedUp(t, "Сарсенбаева")
	kua := func(into any, args ...string) {
		t.Helper()
		answer(t, into, append(args, "--registry", dir, "--passphrase-file", pass, "--json")...)
	}
	var key struct{ ID, Key string }
	kua(&key, "apikey", "new", "--name", "watcher", "--scope", "cases,write")
	kua(&struct{}{}, "webhook", "allow", strings.TrimPrefix(receiver.URL, "http://"), "--inside")
	kua(&struct{}{}, "webhook", "new", "--key", key.ID, "--url", receiver.URL+"/kua")
	h := hosting(t, dir, nil)
	ask := func(method, path, body string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, h.base+"/api/v1"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+key.Key)
		r.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode >= 300 {
			t.Fatal(resp.StatusCode, string(b), err)
		}
		return string(b)
	}
	_, id, _ := strings.Cut(ask("GET", "/cases", ""), `"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	ask("POST", "/cases/"+id+"/records", `{"kind": "note", "fields": {"text": "Called back."}}`)
	var message string
	select {
	case message = <-told:
	case <-time.After(time.Minute):
		t.Fatal("nobody is told")
	}
	_, cursor, _ := strings.Cut(message, `"cursor":"`)
	cursor, _, _ = strings.Cut(cursor, `"`)
	if changes := ask("GET", "/changes?cursor="+cursor, ""); !strings.Contains(changes, id) || strings.Contains(message, id) {
		t.Errorf("told %s, from there on %s", message, changes)
	}
}
