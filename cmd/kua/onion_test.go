// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestOnionService gives the lines of 'kua report onion' to a real tor: it takes
// them without a warning, and makes the service's key and address. Without a
// network it goes no further, so the rest of the way is gone as tor goes it: each
// connection begins with the line that names its circuit. The pages then lead to
// that address, and set no cookie; what does not come through tor gets no answer.
func TestOnionService(t *testing.T) {
	tor, err := exec.LookPath("tor")
	if err != nil {
		t.Skip("tor is not installed, and its configuration is not tried: apt-get install tor")
	}
	dir := t.TempDir()
	service := filepath.Join(dir, "service")
	config := filepath.Join(dir, "torrc")
	var lines, stderr bytes.Buffer
	p := &program{now: time.Now}
	if code := p.run(context.Background(), []string{"report", "onion", "--dir", service, "--to", "127.0.0.1:8471"}, nil, &lines, &stderr); code != exitDone {
		t.Fatal(stderr.String())
	}
	lines.WriteString("DataDirectory \"" + filepath.Join(dir, "data") + "\"\nSocksPort 0\nDisableNetwork 1\nLog notice stdout\n")
	if err := os.WriteFile(config, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	none := []string{"-f", config, "--defaults-torrc", filepath.Join(dir, "none"), "--ignore-missing-torrc"}
	out, err := exec.CommandContext(ctx, tor, append(none, "--verify-config")...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "[warn]") && !strings.Contains(line, "running Tor as root") { // whoever runs the test may be
			t.Errorf("tor takes the lines, and warns: %s", line)
		}
	}
	cmd := exec.CommandContext(ctx, tor, none...)
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = cmd.Wait() }() // it was ended
	host := ""
	for lines := bufio.NewScanner(said); host == "" && lines.Scan(); { // it begins its work, which it says, with the address made
		if b, err := os.ReadFile(filepath.Join(service, "hostname")); err == nil {
			host = strings.TrimSpace(string(b))
		}
	}
	if !regexp.MustCompile(`^[a-z2-7]{56}\.onion$`).MatchString(host) {
		t.Fatalf("the address that tor has made is %q", host)
	}

	server := newTaking(t).serve("--report-circuits", "--onion", host)
	const circuit = "PROXY TCP6 fc00:dead:beef:4dad::0:29 ::1 65535 80\r\n"
	for _, way := range []struct{ begins, host, leads string }{{circuit, host, ""}, {circuit, "kua.example", "http://" + host + "/kk/"}, {"", host, ""}} {
		c, err := net.Dial("tcp", strings.TrimPrefix(server.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.WriteString(c, way.begins+"GET /kk/ HTTP/1.1\r\nHost: "+way.host+"\r\nConnection: close\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		switch {
		case err != nil && way.begins != "":
			t.Errorf("to %s: %v", way.host, err)
		case err == nil:
			if way.begins == "" {
				t.Errorf("what does not come through tor was answered: %s", answer.Status)
			} else if answer.StatusCode != http.StatusOK || len(answer.Cookies()) > 0 || answer.Header.Get("Onion-Location") != way.leads {
				t.Errorf("to %s: %s, %v", way.host, answer.Status, answer.Header)
			}
			_ = answer.Body.Close() // of a test
		}
		_ = c.Close() // of a test
	}
}
