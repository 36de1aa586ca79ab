// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// TestServeRelay holds that a relay answers, and to whom it does not know nothing, and ends when it is told to.
func TestServeRelay(t *testing.T) {
	dir := t.TempDir()
	pass := filepath.Join(dir, "pass")
	if err := os.WriteFile(pass, []byte(founderPassphrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	relay := func(ctx context.Context, out io.Writer, args ...string) (int, string) {
		var stderr bytes.Buffer
		p := &program{now: func() time.Time { return today }, stretch: quick(), rulebook: rulebook, shut: func() error { return nil }}
		return p.run(ctx, append([]string{"relay", args[0], filepath.Join(dir, "hub"), "--passphrase-file", pass}, args[1:]...), nil, out, &stderr), stderr.String()
	}
	if code, said := relay(t.Context(), io.Discard, "init", "--address", "https://127.0.0.1:1"); code != exitDone {
		t.Fatalf("%d: %s", code, said)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan string, 1)
	go func() {
		code, said := relay(ctx, in, "serve", "--listen", "127.0.0.1:0")
		in.Close()
		if code != exitDone {
			said = "it failed: " + said
		}
		ended <- said
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	found := regexp.MustCompile(`answers on ([0-9.:]+)`).FindStringSubmatch(line)
	if err != nil || found == nil {
		t.Fatalf("%q, %v: %s", line, err, <-ended)
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // nodes know its certificate from coalition.json
	answer, err := client.Get("https://" + found[1] + "/")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode < 400 {
		t.Errorf("whoever asks is answered %s", answer.Status)
	}
	client.CloseIdleConnections()
	stop()
	if said := <-ended; said != "" {
		t.Errorf("at its end it said %q", said)
	}
}
