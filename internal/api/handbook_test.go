// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/webhook"
)

var block = regexp.MustCompile("(?m)^```([a-z]*)\n((?s:.*?))^```")

// blocks are the pieces of code that the chapter for those who write programs shows.
func blocks(t *testing.T, lang string) (shell, python []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "handbook", lang, "8-programs.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range block.FindAllStringSubmatch(string(b), -1) {
		if m[1] == "python" {
			python = append(python, m[2])
		} else {
			shell = append(shell, m[2])
		}
	}
	return shell, python
}

// TestHandbookOfPrograms types what the chapter shows, as it stands and in its
// order, and looks at what is answered. All languages show the same.
func TestHandbookOfPrograms(t *testing.T) {
	shell, python := blocks(t, "en")
	for _, lang := range []string{"ru", "kk"} {
		if s, p := blocks(t, lang); !slices.Equal(s, shell) || !slices.Equal(p, python) {
			t.Errorf("%s shows something else", lang)
		}
	}
	for _, program := range []string{"bash", "curl", "python3"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("what the chapter shows is typed with bash, curl and python3 (make test installs them on Debian): %v", err)
		}
	}
	h := newHouse(t)
	h.take(h.signIn("north"), h.north, []string{"Үлгі", "Үлгі", "1", "N-3", "x"}, false)
	key := h.key(h.signIn("north"), "a first program", access.ReadFacts, access.ReadCases, access.WriteCases)
	server := httptest.NewServer(h.api)
	defer server.Close()
	script := "set -eu\n" + strings.Join(shell, "\necho; echo ==\n")
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "KUA=" + server.URL + root, "KEY=" + key, "CASE=" + h.open}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	said := strings.Split(string(out), "\n==\n")
	if len(said) != len(shell) {
		t.Fatalf("%d pieces say %d things:\n%s", len(shell), len(said), out)
	}
	for i, want := range []string{
		`^\s*$`,
		`"member":"[0-9a-f]{32}","scopes":\["cases","facts","write"\](?s:.*)"next":"`,
		`^("number":"[^"]+"\n){3}\s*$`,
		`^304\s*$`,
		`^\s*\{"case":"` + h.open + `","record":"([0-9a-f]{32})","version":1\}`,
		`"version":2\}`,
		`"status":422(?s:.*)"status":404`,
		`"case":"` + h.open + `"(?s:.*)"changes":\[\](?s:.*)id: c`,
	} {
		if !regexp.MustCompile(want).MatchString(said[i]) {
			t.Errorf("this is answered with something else than %s:\n%s\n%s", want, shell[i], said[i])
		}
	}
	if once := regexp.MustCompile(`"record":"([0-9a-f]{32})"`).FindAllStringSubmatch(said[4], -1); len(once) != 2 || once[0][1] != once[1][1] {
		t.Errorf("asked twice it is written %v", once)
	}
	// The check of a signature, over a message as it is sent, and over others.
	secret, id, body, at := []byte("a secret of thirty-two bytes....."), "msg_1", `{"type":"changes"}`, time.Now()
	checked, wanted := strings.Join(python, "\n"), ""
	for _, tt := range []struct {
		what       string
		id, signed string
		at         time.Time
		body       string
		want       string
	}{
		{"as it was sent", id, webhook.Sign(secret, id, at, []byte(body)), at, body, "True"},
		{"with another signature beside", id, "v1,AAAA v2,x " + webhook.Sign(secret, id, at, []byte(body)), at, body, "True"},
		{"another body", id, webhook.Sign(secret, id, at, []byte(body)), at, body + " ", "False"},
		{"another id", "msg_2", webhook.Sign(secret, id, at, []byte(body)), at, body, "False"},
		{"another time", id, webhook.Sign(secret, id, at, []byte(body)), at.Add(time.Second), body, "False"},
		{"another secret", id, webhook.Sign(secret[1:], id, at, []byte(body)), at, body, "False"},
		{"of an hour ago", id, webhook.Sign(secret, id, at.Add(-time.Hour), []byte(body)), at.Add(-time.Hour), body, "False"},
		{"without one", id, "", at, body, "False"},
	} {
		checked += fmt.Sprintf("\nprint(%q, meant(%q, {'webhook-id': %q, 'webhook-timestamp': '%d', 'webhook-signature': %q}, %q.encode()))\n",
			tt.what, "whsec_"+base64.StdEncoding.EncodeToString(secret), tt.id, tt.at.Unix(), tt.signed, tt.body)
		wanted += tt.what + " " + tt.want + "\n"
	}
	if out, err := exec.CommandContext(t.Context(), "python3", "-c", checked).CombinedOutput(); err != nil || string(out) != wanted {
		t.Errorf("%v: it says\n%s, and is to say\n%s", err, out, wanted)
	}
}
