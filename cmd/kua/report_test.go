// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// saulePassphrase is that of the case worker of takeReports who opens reports.
const saulePassphrase = "seven good words only northerners know"

// takeReports makes a register in dir with an organisation that takes reports.
func takeReports(dir string) (intake registry.IntakePublic, err error) {
	ctx := context.Background()
	p := &program{now: func() time.Time { return today }, stretch: quick(), rulebook: rulebook, err: os.Stderr}
	reg, founder, err := registry.Create(ctx, dir, registry.FirstMember{Name: "founder", Lang: "en", Passphrase: founderPassphrase}, p.options())
	if err != nil {
		return intake, err
	}
	defer func() { err = errors.Join(err, reg.Close()) }()
	org, err := reg.AddOrganisation(ctx, founder, registry.NewOrganisation{Name: "North", Counts: true})
	if err != nil {
		return intake, err
	}
	code, _, err := reg.Invite(ctx, founder, registry.NewInvitation{Name: "saule", Lang: "kk", Orgs: []string{org.ID}, Roles: []access.Role{access.Intake, access.CaseWorker}, Starts: true})
	if err != nil {
		return intake, err
	}
	if _, _, err := reg.Accept(ctx, code, registry.Acceptance{Passphrase: saulePassphrase}); err != nil {
		return intake, err
	}
	if err := reg.Prove(ctx, founder, founderPassphrase); err != nil {
		return intake, err
	}
	return reg.TurnIntake(ctx, founder, org.ID, "North, for those who were hurt")
}

// TestServeReports takes reports beside a register that is locked: the page
// seals to the intake key of the organisation, and is the one whose digest the
// command line prints; the card is the one it prints.
func TestServeReports(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "register")
	intake, err := takeReports(dir)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "--registry", dir, "serve", "--locked", "--listen", "127.0.0.1:0", "--report", "127.0.0.1:0", "--onion", "sample.onion")
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	address := regexp.MustCompile(`http://[0-9.:]+`).FindString(line)
	if err != nil || address == "" || !strings.Contains(line, "Reports from outside") {
		t.Fatalf("the program does not say where reports are taken: %q %v", line, err)
	}
	get := func(path string) string {
		t.Helper()
		answer, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK || len(answer.Cookies()) > 0 {
			t.Fatalf("%s: %d, %v", path, answer.StatusCode, err)
		}
		if answer.Header.Get("Onion-Location") != "http://sample.onion"+path {
			t.Errorf("%s: Onion-Location %q", path, answer.Header.Get("Onion-Location"))
		}
		return string(b)
	}
	page := get("/kk/")
	if !strings.Contains(page, intake.Recipient) || !strings.Contains(page, "North, for those who were hurt") {
		t.Error("the page does not seal to the intake key of the register")
	}
	if !strings.Contains(get("/ru/check"), intake.Fingerprint) {
		t.Error("the fingerprint of the intake key can't be checked")
	}
	card := filepath.Join(filepath.Dir(dir), "card.json")
	if err := os.WriteFile(card, []byte(get("/card.json")), 0o600); err != nil {
		t.Fatal(err)
	}
	printed := exec.Command(os.Args[0], "--registry", dir, "report", "card")
	printed.Env = append(os.Environ(), asProgram+"=1")
	if b, err := printed.Output(); err != nil || string(b) != get("/card.json") {
		t.Errorf("the card is served as %s, and the command line says %s (%v)", get("/card.json"), b, err)
	}
	digests := exec.Command(os.Args[0], "report", "digests", card)
	digests.Env = append(os.Environ(), asProgram+"=1")
	sums, err := digests.Output()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(page))
	if !strings.Contains(string(sums), hex.EncodeToString(sum[:])+"  page-kk.html\n") || string(sums) != get("/digests.txt")+get("/notes/digests.txt") {
		t.Errorf("the page has %x, and the command line says\n%s", sum, sums)
	}
}
