// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"golang.org/x/crypto/argon2"
)

// TestLockedProcessHoldsNothing looks through the memory of the program for
// planted names, the passphrase and the keys: while the register is open, and
// after it was locked.
func TestLockedProcessHoldsNothing(t *testing.T) {
	const name = "Qazplantedov"
	dir, pass := lockedUp(t, name)
	s := serveChild(t, dir, pass)
	s.signIn()
	if _, text := s.page("GET", "/cases"); !strings.Contains(text, name) {
		t.Fatal("the case is not in the list")
	}
	secrets := keysOf(t, dir)
	secrets["a name"], secrets["the passphrase"] = []byte(name), []byte(lockPass)
	for what, secret := range secrets {
		if !inMemory(t, s.cmd.Process.Pid, secret) {
			t.Errorf("%s is not in memory while the register is open: the test would show nothing", what)
		}
	}
	// In the middle of work, with a wrong passphrase tried afterwards.
	if err := lock(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	s.mustBe(true)
	look := func(when string) {
		t.Helper()
		for what, secret := range secrets {
			if inMemory(t, s.cmd.Process.Pid, secret) {
				t.Errorf("%s: %s is still in memory", when, what)
			}
		}
	}
	look("locked")
	s.page("POST", "/unlock", "passphrase", lockPass)
	s.signIn()
	s.page("POST", "/lock-all")
	if err := lock(context.Background(), dir); err != nil { // waits until it is
		t.Fatal(err)
	}
	look("locked by the button")
	s.page("POST", "/unlock", "passphrase", lockPass+" nearly")
	secrets["a passphrase that was nearly right"] = []byte(lockPass + " nearly")
	if err := lock(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	look("locked again after a try")
	t.Logf("%d secrets, three locks", len(secrets))
}

// keysOf opens the keys of a register as docs/spec/ledger.md says, without the
// program's help: by name, what must not stay in the memory of a locked one.
func keysOf(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, "keys", name))
		must(err)
		return b
	}
	open := func(key, about, sealed []byte) []byte {
		block, err := aes.NewCipher(key)
		must(err)
		gcm, err := cipher.NewGCMWithRandomNonce(block)
		must(err)
		b, err := gcm.Open(nil, nil, sealed, about)
		must(err)
		return b
	}
	secrets := map[string][]byte{}
	identity := func(what, name string) *age.HybridIdentity {
		var f struct {
			Format, Purpose string
			Public          struct {
				Recipient string
				Signing   []byte
			}
			Slots []struct {
				Passphrase *struct {
					Memory    uint32 `json:"memory_kib"`
					Passes    uint32
					Lanes     uint8
					Salt, Key []byte
				}
			}
			Sealed []byte
		}
		must(json.Unmarshal(read(name), &f))
		about := []byte(f.Format + "\x00" + f.Purpose + "\x00" + string(f.Public.Signing) + f.Public.Recipient)
		for _, s := range f.Slots {
			p := s.Passphrase
			if p == nil {
				continue
			}
			work := append(bytes.Clone(about), p.Salt...)
			work = binary.BigEndian.AppendUint32(work, p.Memory)
			work = binary.BigEndian.AppendUint32(work, p.Passes)
			work = append(work, p.Lanes)
			stretched := argon2.IDKey([]byte(lockPass), p.Salt, p.Passes, p.Memory, p.Lanes, 32)
			secret := open(open(stretched, work, p.Key), about, f.Sealed)
			secrets["the signing key of "+what] = secret[:32]
			id, err := age.ParseHybridIdentity(string(secret[32:]))
			must(err)
			return id
		}
		t.Fatalf("%s has no slot of a passphrase", name)
		return nil
	}
	members, err := filepath.Glob(filepath.Join(dir, "keys", "member-*.key"))
	must(err)
	identity("the member", filepath.Base(members[0]))
	node := identity("the node", "node.key")
	own := func(what, name, label string, skip int) {
		r, err := age.Decrypt(bytes.NewReader(read(name)), node)
		must(err)
		b, err := io.ReadAll(r)
		must(err)
		secrets[what] = b[len(label)+1+64+skip:] // after the label and the signature
	}
	own("the vault key", "node.vault", "kua/vault/v1", 16)
	own("the key of the ledger's database", "ledger.key", "kua/index/v1", 0)
	own("the key of the index", "index.key", "kua/index/v1", 0)
	return secrets
}

// inMemory looks for a secret in all memory of a process that can be written.
func inMemory(t *testing.T, pid int, secret []byte) bool {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil || !strings.HasPrefix(mode, "rw") {
			continue
		}
		const piece = 1 << 20
		b := make([]byte, piece+len(secret))
		for at := from; at < to; at += piece {
			n, err := mem.ReadAt(b[:min(int64(len(b)), to-at)], at)
			if err != nil && n == 0 {
				continue // reserved, and nothing there
			}
			if bytes.Contains(b[:n], secret) {
				return true
			}
		}
	}
	return false
}
