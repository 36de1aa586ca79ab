// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestServePublic serves the public page beside a register that is locked: it
// answers with the files of the folder, and with nothing of the register.
func TestServePublic(t *testing.T) {
	dir := t.TempDir()
	reg := filepath.Join(dir, "register")
	northAndSouth(t, reg, nil)
	pass := filepath.Join(dir, "pass")
	if err := os.WriteFile(pass, []byte(founderPassphrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	program := func(args ...string) *exec.Cmd {
		cmd := exec.Command(os.Args[0], append([]string{"--registry", reg, "--passphrase-file", pass}, args...)...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		return cmd
	}
	if out, err := program("public", "on", "--name", "Sample coalition").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := program("serve", "--locked", "--listen", "127.0.0.1:0", "--public", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	address := regexp.MustCompile(`http://[0-9.:]+`).FindString(line)
	if err != nil || address == "" || !strings.Contains(line, "public page") {
		t.Fatalf("the program does not say where the public page is: %q %v", line, err)
	}
	if line, err = lines.ReadString('\n'); err != nil || !strings.Contains(line, "is locked") {
		t.Fatalf("the register is not locked: %q %v", line, err)
	}
	get := func(path string) (int, string) {
		t.Helper()
		answer, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}
	want, err := os.ReadFile(filepath.Join(reg, "public", "ru", "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	if code, text := get("/ru/"); code != http.StatusOK || text != string(want) {
		t.Errorf("the page: %d %s", code, text)
	}
	for _, path := range []string{"/sign-in", "/unlock", "/cases", "/ledger.db", "/..%2fledger.db", "/keys"} {
		if code, text := get(path); code != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
}
