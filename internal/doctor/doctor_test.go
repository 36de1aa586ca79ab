// SPDX-License-Identifier: AGPL-3.0-or-later

package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/kua-registry/kua/internal/locale"
)

var now = time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC)

func text(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

// well is a machine on which nothing is found.
func well() Machine {
	return Machine{
		Now: now,
		Proc: fstest.MapFS{
			"swaps":                   text("Filename Type Size Used Priority\n/dev/zram0 partition 1 0 100\n/dev/dm-1 partition 1 0 -2\n"),
			"sys/kernel/core_pattern": text("core\n"),
			"net/tcp":                 text("  sl  local_address rem_address   st\n   0: 0100007F:2116 00000000:0000 0A\n   1: 00000000:0016 00000000:0000 0A\n   2: 0A000001:9C40 0B000001:0050 01\n"),
			"net/tcp6":                text("  sl  local_address st\n   0: 00000000000000000000000001000000:1538 00000000000000000000000000000000:0000 0A\n   1: 0000000000000000FFFF00000100007F:1539 00000000000000000000000000000000:0000 0A\n"),
		},
		Sys: fstest.MapFS{
			"class/block/dm-1/dm/uuid":             text("CRYPT-PLAIN-swap\n"),
			"dev/block/253:0/dm/uuid":              text("LVM-abc\n"),
			"dev/block/253:0/slaves/dm-2/dm/uuid":  text("CRYPT-LUKS2-abc\n"),
			"dev/block/8:1/partition":              text("1\n"),
			"dev/block/253:3/slaves/dm-2/dm/uuid":  text("CRYPT-LUKS2-abc\n"),
			"dev/block/253:3/slaves/sdb/partition": text("1\n"),
		},
		Synced: func() (bool, error) { return true, nil },
		Disk:   func(string) (Disk, error) { return Disk{Free: 50 << 30, Size: 100 << 30, Device: "253:0"}, nil },
		Owner:  func(fs.FileInfo) (uint32, bool) { return 7, true },
	}
}

// kept makes the folders of a register on which nothing is found.
func kept(t *testing.T) Place {
	t.Helper()
	dir := t.TempDir()
	p := Place{Dir: filepath.Join(dir, "r"), Forgetting: filepath.Join(dir, "r.forgetting"), Public: filepath.Join(dir, "r", "public"), Passphrase: "passphrase.txt"}
	for _, name := range []string{"r/node.key", "r/keys/a.key", "r.forgetting/2026-07-a.key", "r.forgetting/copies-a"} {
		write(t, filepath.Join(dir, name), 0o600)
	}
	write(t, filepath.Join(p.Public, "index.html"), 0o644)
	return p
}

func write(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, mode); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{os.Chmod(path, mode), os.Chtimes(path, now, now)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for dir := filepath.Dir(path); len(dir) > 1 && strings.Contains(dir, string(filepath.Separator)+"r"); dir = filepath.Dir(dir) {
		if err := os.Chtimes(dir, now, now); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLook(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(*testing.T, *Machine, *Place)
		want  Finding
	}{
		"well":           {func(*testing.T, *Machine, *Place) {}, Finding{}},
		"a file is open": {func(t *testing.T, _ *Machine, p *Place) { write(t, filepath.Join(p.Dir, "ledger.db"), 0o640) }, Found("open", "DIR/ledger.db", "DIR", "DIR.forgetting")},
		"many are": {func(t *testing.T, _ *Machine, p *Place) {
			for _, n := range []string{"d", "b", "c", "a"} {
				write(t, filepath.Join(p.Dir, n), 0o604)
			}
		}, Found("open", "DIR/a, DIR/b, DIR/c, … +1", "DIR", "DIR.forgetting")},
		"modes mean nothing": {func(t *testing.T, m *Machine, p *Place) { m.Owner = nil; write(t, filepath.Join(p.Dir, "a"), 0o644) }, Finding{}},
		"another's file": {func(_ *testing.T, m *Machine, _ *Place) {
			m.Owner = func(i fs.FileInfo) (uint32, bool) {
				if i.Name() == "node.key" {
					return 0, true
				}
				return 7, true
			}
		}, Found("foreign", "DIR/node.key", "DIR", "DIR.forgetting")},
		"clock behind":       {func(_ *testing.T, m *Machine, _ *Place) { m.Now = now.Add(-48 * time.Hour) }, Found("behind", "DIR, DIR.forgetting, DIR.forgetting/2026-07-a.key, … +4")},
		"a passphrase":       {func(t *testing.T, _ *Machine, p *Place) { write(t, filepath.Join(p.Dir, "passphrase.txt"), 0o600) }, Found("passphrase", "DIR/passphrase.txt")},
		"no forgetting keys": {func(t *testing.T, _ *Machine, p *Place) { p.Forgetting += "-elsewhere" }, Found("forgetting", "DIR.forgetting-elsewhere")},
		"no copy of them": {func(t *testing.T, _ *Machine, p *Place) {
			_ = os.Remove(filepath.Join(p.Forgetting, "copies-a"))
			_ = os.Chtimes(p.Forgetting, now, now)
		}, Found("copy")},
		"full by bytes": {func(_ *testing.T, m *Machine, _ *Place) { m.Disk = isDisk(Disk{Free: 900 << 20, Size: 2 << 30}) }, Found("full", "900")},
		"full by share": {func(_ *testing.T, m *Machine, _ *Place) { m.Disk = isDisk(Disk{Free: 2 << 30, Size: 100 << 30}) }, Found("full", "2048")},
		"on a network": {func(_ *testing.T, m *Machine, _ *Place) {
			m.Disk = isDisk(Disk{Free: 2 << 30, Size: 3 << 30, Network: "NFS"})
		}, Found("network", "NFS")},
		"not encrypted": {func(_ *testing.T, m *Machine, _ *Place) {
			m.Disk = isDisk(Disk{Free: 2 << 30, Size: 3 << 30, Device: "8:1"})
		}, Found("plain")},
		"half encrypted": {func(_ *testing.T, m *Machine, _ *Place) {
			m.Disk = isDisk(Disk{Free: 2 << 30, Size: 3 << 30, Device: "253:3"})
		}, Found("plain")},
		"of no known device": {func(_ *testing.T, m *Machine, _ *Place) {
			m.Disk = isDisk(Disk{Free: 2 << 30, Size: 3 << 30, Device: "9:9"})
		}, Finding{}},
		"swap on a partition": {proc("swaps", "Filename Type\n/dev/sda2 partition 1\n"), Found("swap", "/dev/sda2")},
		"swap in a file": {func(t *testing.T, m *Machine, p *Place) {
			proc("swaps", "Filename Type\n/swapfile file 1\n")(t, m, p)
			m.Disk = func(path string) (Disk, error) {
				if path == "/swapfile" {
					return Disk{Device: "8:1"}, nil
				}
				return Disk{Free: 2 << 30, Size: 3 << 30}, nil
			}
		}, Found("swap", "/swapfile")},
		"swap in an encrypted file":  {proc("swaps", "Filename Type\n/swapfile file 1\n"), Finding{}},
		"dumps to a program":         {proc("sys/kernel/core_pattern", "|/usr/lib/systemd/systemd-coredump %P\n"), Found("core", "|/usr/lib/systemd/systemd-coredump %P")},
		"dumps to nowhere":           {proc("sys/kernel/core_pattern", "|/bin/false\n"), Finding{}},
		"dumps to a file":            {func(_ *testing.T, m *Machine, _ *Place) { m.CoreLimit = 1 }, Found("core", "core")},
		"clock adrift":               {func(_ *testing.T, m *Machine, _ *Place) { m.Synced = func() (bool, error) { return false, nil } }, Found("clock")},
		"a database for everybody":   {proc("net/tcp6", "0: 00000000000000000000000000000000:1538 0:0 0A\n1: 00000000000000000000000000000000:0050 0:0 0A\n2: x\n"), Found("ports", "5432")},
		"two of them":                {proc("net/tcp", "0: 0101A8C0:18EB 0:0 0A\n1: 00000000:1538 0:0 0A\n1: 0101A8C0:1538 0:0 0A\n"), Found("ports", "5432, 6379")},
		"a certificate that is good": {ending(40 * 24 * time.Hour), Finding{}},
		"one that ends soon":         {ending(13 * 24 * time.Hour), Found("certificate.soon", "2026-07-14")},
		"one that has ended":         {ending(-time.Hour), Found("certificate.over", "2026-07-01")},
		"none where one should be":   {func(_ *testing.T, _ *Machine, p *Place) { p.Certificate = "DIR/none.pem" }, Found("certificate.none", "DIR/none.pem")},
		"nothing is known":           {func(_ *testing.T, m *Machine, _ *Place) { *m = Machine{} }, Finding{}},
	} {
		t.Run(name, func(t *testing.T) {
			m, p := well(), kept(t)
			dir := p.Dir
			tc.spoil(t, &m, &p)
			found, err := Look(m, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				for i := range f.Args {
					f.Args[i] = strings.ReplaceAll(f.Args[i], dir, "DIR")
				}
			}
			var want []Finding
			if tc.want.ID != "" {
				want = []Finding{tc.want}
			}
			if !reflect.DeepEqual(found, want) {
				t.Errorf("found %v, want %v", found, want)
			}
		})
	}
}

func isDisk(d Disk) func(string) (Disk, error) { return func(string) (Disk, error) { return d, nil } }

// ending gives the pages a certificate that ends so long from now, its key before it.
func ending(left time.Duration) func(*testing.T, *Machine, *Place) {
	return func(t *testing.T, _ *Machine, p *Place) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: now.Add(left)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		p.Certificate = filepath.Join(t.TempDir(), "kua.example.org")
		text := append(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte("not looked at")}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
		if err := os.WriteFile(p.Certificate, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// proc changes a file of /proc.
func proc(name, content string) func(*testing.T, *Machine, *Place) {
	return func(_ *testing.T, m *Machine, _ *Place) { m.Proc.(fstest.MapFS)[name] = text(content) }
}

// TestNoRegister: what is not there is an error, and not a register in which all is well.
func TestNoRegister(t *testing.T) {
	if _, err := Look(Machine{}, Place{Dir: filepath.Join(t.TempDir(), "nowhere")}); err == nil {
		t.Error("a folder that is not there was found well")
	}
}

// TestThisMachine: what is asked of the real machine is answered.
func TestThisMachine(t *testing.T) {
	p := kept(t)
	if _, err := Look(ThisMachine(now), p); err != nil {
		t.Error(err)
	}
}

// TestEveryFindingIsSaid: each that there is, those of an open register too, is
// said, with what helps, in every language.
func TestEveryFindingIsSaid(t *testing.T) {
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{"open", "foreign", "behind", "passphrase", "forgetting", "copy", "full", "network", "plain", "swap", "core", "clock", "ports", "weak", "alone", "factor", "stale", "recovery.none", "recovery.left", "recovery.never", "recovery.old", "backup.none", "backup.old", "backup.unproven", "backup.proof_old", "alarms", "certificate.none", "certificate.over", "certificate.soon"}
	for _, l := range words.Languages() {
		for _, id := range ids {
			f := Found(id, "a", "b", "c")
			if !l.Has("doctor."+id) || !l.Has("doctor."+id+".do") || strings.ContainsAny(f.Says(l)+f.Remedy(l), "{}") {
				t.Errorf("%s: %s: %q, %q", l.Code(), id, f.Says(l), f.Remedy(l))
			}
		}
	}
	if !slices.IsSorted(expected) {
		t.Error("the ports are out of order")
	}
}

func FuzzListening(f *testing.F) {
	f.Add("   0: 0100007F:2116 00000000:0000 0A")
	f.Add("   0: 00000000:1538 00000000:0000 0A")
	f.Fuzz(func(t *testing.T, line string) {
		if port, ok := listening(line); ok && (port < 0 || port > 65535) {
			t.Errorf("%q: port %d", line, port)
		}
	})
}
