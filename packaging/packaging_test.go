// SPDX-License-Identifier: AGPL-3.0-or-later

package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestUnitShutsIn holds each line of the unit that the threat model or the
// handbook relies on.
func TestUnitShutsIn(t *testing.T) {
	unit := strings.Split(read(t, "kua.service"), "\n")
	for _, line := range []string{
		"User=kua",
		"ExecStart=/usr/bin/kua serve --locked --first-start $KUA_SERVE", // no passphrase is kept anywhere
		"StateDirectoryMode=0700",
		"UMask=0077",
		"ProtectSystem=strict",
		"ProtectHome=yes",
		"MemorySwapMax=0",
		"LimitCORE=0",
		"NoNewPrivileges=yes",
		"PrivateDevices=yes",
		"MemoryDenyWriteExecute=yes",
		"CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
		"RestrictNamespaces=user net ipc uts",
		"RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
		"SystemCallFilter=~@privileged @debug @mount @obsolete",
	} {
		if !slices.Contains(unit, line) {
			t.Errorf("kua.service has no line %s", line)
		}
	}
	for _, line := range unit {
		if strings.HasPrefix(line, "LoadCredential") || strings.Contains(line, "passphrase-file") {
			t.Errorf("kua.service: %s: whoever starts the machine is not whoever opens the register", line)
		}
	}
}

// TestSystemdUnderstandsTheUnit has systemd read it, where there is one.
func TestSystemdUnderstandsTheUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not here: that systemd knows every setting of kua.service by its name and value is not seen, only that those of TestUnitShutsIn are there")
	}
	unit := filepath.Join(t.TempDir(), "kua.service")
	text := strings.Replace(read(t, "kua.service"), "/usr/bin/kua", "/bin/true", 1) // which is there
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyze, "verify", "--man=no", unit).CombinedOutput()
	if err != nil || strings.Contains(string(out), unit) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// TestScriptsLeaveRegisters holds that no script of the package can take a
// register away, or hand it to somebody else.
func TestScriptsLeaveRegisters(t *testing.T) {
	forbidden := regexp.MustCompile(`\b(rm|rmdir|mv|deluser|userdel|chown|chmod|find|shred|truncate)\b`)
	for _, name := range []string{"postinst", "prerm", "postrm"} {
		text := read(t, name)
		if found := forbidden.FindString(text); found != "" {
			t.Errorf("%s uses %s: a script of the package could reach a register by it", name, found)
		}
		if out, err := exec.Command("sh", "-n", name).CombinedOutput(); err != nil {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// TestPackageIsWhole holds that what the package is to be made of is there, and
// that what an administrator changes stays theirs.
func TestPackageIsWhole(t *testing.T) {
	var p struct {
		Contents []struct{ Src, Dst, Type string }
		Scripts  map[string]string
	}
	if err := yaml.Unmarshal([]byte(read(t, "nfpm.yaml")), &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Contents) == 0 || len(p.Scripts) != 3 {
		t.Fatalf("nfpm.yaml: %d files and %d scripts", len(p.Contents), len(p.Scripts))
	}
	for _, c := range p.Contents {
		if strings.HasPrefix(c.Dst, "/etc/") != (c.Type == "config|noreplace") {
			t.Errorf("%s has the type %q: what lies in /etc is a conffile, nothing else is", c.Dst, c.Type)
		}
		if strings.HasPrefix(c.Dst, "/var/") {
			t.Errorf("%s: a package owns nothing where registers are", c.Dst)
		}
		if strings.HasPrefix(c.Src, "$") { // made by release.sh
			continue
		}
		if _, err := os.Stat(filepath.Join("..", c.Src)); err != nil {
			t.Error(err)
		}
	}
	for _, src := range p.Scripts {
		if info, err := os.Stat(filepath.Join("..", src)); err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s: %v, or it can't be run", src, err)
		}
	}
}

// TestContainerIsNobody holds that a container runs as no user who owns anything.
func TestContainerIsNobody(t *testing.T) {
	text := read(t, "Containerfile")
	for _, line := range []string{"\nFROM scratch\n", "\nUSER 65532:65532\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("Containerfile has no line %s", strings.TrimSpace(line))
		}
	}
}
