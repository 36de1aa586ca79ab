// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/kua-registry/kua/internal/receipt"
	"github.com/kua-registry/kua/internal/reporting"
	"github.com/kua-registry/kua/internal/submission"
)

// card writes the card of an installation of a test.
func card(t *testing.T, installation [16]byte) (path string, id *age.HybridIdentity) {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(reporting.CardOf(installation, []reporting.Intake{{Name: "Sample Committee (invented)", Recipient: id.Recipient().String()}}))
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "card.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, id
}

// TestSeal seals from the command line, and opens it with the identity of the
// intake and the words that were printed.
func TestSeal(t *testing.T) {
	installation := [16]byte{7}
	to, id := card(t, installation)
	dir := filepath.Dir(to)
	content := bytes.Repeat([]byte("x"), submission.PieceBytes+1)
	if err := os.WriteFile(filepath.Join(dir, "рана.jpg"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, stderr bytes.Buffer
	p := &program{now: time.Now}
	code := p.run(context.Background(), []string{"seal", to, "--lang", "kk", "--who", "ағам", "--consent", "un,store", "--file", filepath.Join(dir, "рана.jpg"), "--out", filepath.Join(dir, "sealed")},
		strings.NewReader("Ұрды\n"), &out, &stderr)
	if code != exitDone || stderr.Len() > 0 {
		t.Fatalf("%d: %s", code, &stderr)
	}
	lists, err := receipt.Load()
	if err != nil {
		t.Fatal(err)
	}
	all, err := lists.Read(out.String())
	if err != nil {
		t.Fatalf("%q: %v", &out, err)
	}
	keys, err := all[0].Stretch(installation)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, "sealed"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var head submission.Head
	var pieces [][]byte
	sealed, err := submission.ReadFile(f, func(h submission.Head) error { head = h; return nil },
		func(_ [16]byte, _ int, piece []byte) error { pieces = append(pieces, piece); return nil })
	if err != nil {
		t.Fatal(err)
	}
	m, err := submission.Open(id, sealed)
	if err != nil {
		t.Fatal(err)
	}
	if head.Door != keys.Stored() || head.Answers != m.Answers || m.Told != "Ұрды" || m.Who != "ағам" || m.Language != "kk" || len(m.Consents) != 2 || len(m.Files) != 1 || len(pieces) != 2 {
		t.Fatalf("%+v, %d pieces, door %x of %x", m, len(pieces), head.Door, keys.Stored())
	}
	sum := sha256.New()
	for n, piece := range pieces {
		plain, err := submission.OpenPiece(id, m.Files[0], n, piece)
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(plain)
	}
	if hex.EncodeToString(sum.Sum(nil)) != m.Files[0].SHA256 || m.Files[0].Name != "рана.jpg" {
		t.Errorf("%+v came back otherwise", m.Files[0])
	}
	b, err := os.ReadFile(filepath.Join(dir, "sealed"))
	if err != nil || bytes.Contains(b, []byte("ағам")) || bytes.Contains(b, []byte("рана")) {
		t.Errorf("the sealed file shows what is in it (%v)", err)
	}
}

// TestPageAndDigests holds what is printed beside what is written.
func TestPageAndDigests(t *testing.T) {
	to, _ := card(t, [16]byte{7})
	page := filepath.Join(t.TempDir(), "page.html")
	var out, stderr bytes.Buffer
	p := &program{now: time.Now}
	if code := p.run(context.Background(), []string{"report", "page", to, "--lang", "ru", "--out", page}, nil, &out, &stderr); code != exitDone {
		t.Fatalf("%d: %s", code, &stderr)
	}
	if code := p.run(context.Background(), []string{"report", "digests", to}, nil, &out, &stderr); code != exitDone {
		t.Fatalf("%d: %s", code, &stderr)
	}
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	if !strings.Contains(out.String(), hex.EncodeToString(sum[:])+"  page-ru.html\n") {
		t.Errorf("the page has %x, and its digest is not among\n%s", sum, &out)
	}
}
