// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestTorTakesTheLines gives the lines of 'kua report onion' to a real tor: it
// takes them, and makes the service's key and address. Without a network it
// goes no further.
func TestTorTakesTheLines(t *testing.T) {
	tor, err := exec.LookPath("tor")
	if err != nil {
		t.Skip("tor is not installed, and its configuration is not tried: apt-get install tor")
	}
	dir := t.TempDir()
	service := filepath.Join(dir, "service")
	config := filepath.Join(dir, "torrc")
	lines := onionLines(service, "127.0.0.1:8471") + "DataDirectory \"" + filepath.Join(dir, "data") + "\"\nSocksPort 0\nDisableNetwork 1\nLog notice stdout\n"
	if err := os.WriteFile(config, []byte(lines), 0o600); err != nil {
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
	defer func() { cancel(); _ = cmd.Wait() }()          // it was ended
	for lines := bufio.NewScanner(said); lines.Scan(); { // it begins its work, which it says, with the address made
		b, err := os.ReadFile(filepath.Join(service, "hostname"))
		if err != nil {
			continue
		}
		if !regexp.MustCompile(`^[a-z2-7]{56}\.onion\n$`).Match(b) {
			t.Errorf("the address is %q", b)
		}
		return
	}
	t.Error("tor has made no address")
}
