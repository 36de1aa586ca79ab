// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/registry/registrytest"
	"github.com/kua-registry/kua/internal/seal"
	"github.com/kua-registry/kua/internal/sqlfile"
)

// olderRegisters are registers as programs of their time wrote them: see
// testdata/registers/make.sh. One is added with each change of a format.
func olderRegisters(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("testdata/registers/*.tgz")
	if err != nil || len(all) < 2 {
		t.Fatalf("%v, %v", all, err)
	}
	return all
}

// olderOptions open a register that was made in November 2026 with the usual stretch.
func olderOptions() Options {
	o := testOptions(&clock{time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)})
	o.Least = seal.LeastStretch()
	return o
}

// sameAsThen verifies an older register with this program and counts what was
// counted then: every figure that there was is the same.
func sameAsThen(t *testing.T, dir string) {
	t.Helper()
	ctx := context.Background()
	reg, s, err := Open(ctx, dir, Unlock{Passphrase: testPassphrase}, olderOptions())
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	if v, err := reg.Verify(ctx, s, true); err != nil || v.Problem != "" || v.Opened < 15 {
		t.Errorf("%+v, %v", v, err)
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(dir), "figures.json"))
	if err != nil {
		t.Fatal(err)
	}
	var then struct {
		Figures map[string]struct{ Value int } `json:"figures"`
	}
	if err := json.Unmarshal(text, &then); err != nil || len(then.Figures) < 10 {
		t.Fatalf("%d figures, %v", len(then.Figures), err)
	}
	day, err := edtf.ParseDay("2022-05-17")
	if err != nil {
		t.Fatal(err)
	}
	now, err := reg.Figures(ctx, s, FigureQuery{Clock: Clock{AsOf: day}})
	if err != nil {
		t.Fatal(err)
	}
	is := map[string]int{}
	for _, v := range now.Values {
		is[v.ID] = v.Value
	}
	for id, was := range then.Figures {
		if got, ok := is[id]; ok && got != was.Value {
			t.Errorf("%s is %d, and was %d", id, got, was.Value)
		}
	}
	if then.Figures["reports"].Value != 3 || is["reports"] != 3 {
		t.Errorf("%d reports, and were %d", is["reports"], then.Figures["reports"].Value)
	}
}

// TestOlderRegisters opens what older programs wrote, works in it, backs it up
// and restores it.
func TestOlderRegisters(t *testing.T) {
	for _, archive := range olderRegisters(t) {
		t.Run(strings.TrimSuffix(filepath.Base(archive), ".tgz"), func(t *testing.T) {
			ctx := context.Background()
			dir := registrytest.Unpack(t, archive, t.TempDir())
			sameAsThen(t, dir)
			reg, s, err := Open(ctx, dir, Unlock{Passphrase: testPassphrase}, olderOptions())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := reg.AddOrganisation(ctx, s, NewOrganisation{Name: "Another"}); err != nil {
				t.Error(err)
			}
			to := BackupPlace{Folder: t.TempDir()}
			if _, err := reg.BackUp(ctx, s, to, BackupOptions{}); err != nil {
				t.Error(err)
			}
			if v, err := reg.RehearseRestore(ctx, s, to, Unlock{Passphrase: testPassphrase}, RestoreOptions{}); err != nil || !v.Sound() {
				t.Errorf("%+v, %v", v, err)
			}
			if err := reg.Close(); err != nil {
				t.Error(err)
			}
			sameAsThen(t, dir)
		})
	}
}

// everything are all files below a directory, and what is in them.
func everything(t *testing.T, dirs ...string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(at, ".lock") {
				return err
			}
			b, err := os.ReadFile(at)
			all[at] = b
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestNewerRegisterIsLeftAlone has a register of a newer program: this one says
// so, however it is opened, and changes no byte of it.
func TestNewerRegisterIsLeftAlone(t *testing.T) {
	ctx := context.Background()
	g := newRegister(t)
	key, err := g.sealedKey(ledgerKey, false)
	if err == nil {
		err = g.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	raw := [32]byte(key)
	c, err := sqlfile.Open(filepath.Join(g.dir, ledgerFile), &raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Exec("PRAGMA user_version=2"), c.Close()); err != nil {
		t.Fatal(err)
	}
	before := everything(t, g.dir, g.dir+forgettingEnding)
	later := *g.clock
	later.t = later.t.AddDate(0, 2, 0) // the forgetting key would be turned
	for _, readOnly := range []bool{false, true} {
		o := testOptions(&later)
		o.ReadOnly = readOnly
		if _, _, err := Open(ctx, g.dir, Unlock{Passphrase: testPassphrase}, o); !errors.Is(err, ledger.ErrNewer) || !strings.Contains(err.Error(), "nothing was changed") {
			t.Errorf("opened: %v", err)
		}
	}
	after := everything(t, g.dir, g.dir+forgettingEnding)
	// To read a file SQLite makes two beside it; the format is known only then. A
	// log that says nothing changes nothing when the newer program finds it.
	log := filepath.Join(g.dir, ledgerFile)
	if len(after[log+"-wal"]) == 0 {
		delete(after, log+"-wal")
		delete(after, log+"-shm")
	}
	if !maps.EqualFunc(before, after, bytes.Equal) {
		for name := range after {
			if !bytes.Equal(before[name], after[name]) {
				t.Errorf("%s was changed", name)
			}
		}
		t.Errorf("%d files, and were %d", len(after), len(before))
	}
}
