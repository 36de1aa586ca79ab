// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/registry/registrytest"
)

// fileNames are the names that a register's files may have: fixed ones, and
// ids that are drawn or hashes of keys.
var fileNames = regexp.MustCompile(`^(register(\.forgetting)?|keys|evidence|[0-9a-f]{32}(\.away|\.gone)?|place|backups|store|coalition|exchange|replica\.head|head|rights|mail|reminded|(ledger|index|drafts|once|replica)\.db(-wal|-shm|\.lock)?|node\.(key|vault)|api-[0-9a-f]{32}\.key|(ledger|index|drafts|once|replica)\.key|` +
	`(member|invite)-[0-9a-f]{32}\.key|org-[0-9a-f]{32}\.(key|vault)|intake-[0-9a-f]{32}\.key|[0-9]{4}-[0-9]{2}(-[0-9a-f]+)*\.key|hand(-[0-9a-f]{8}){2}\.key|erased-[0-9a-f]{8}|README\.txt)$`)

// publicNames are the names on the public page.
var publicNames = regexp.MustCompile(`^register/public(/(index\.html|site\.css|key\.txt|figures\.(json|csv)|dataset\.jsonld|(en|ru|kk)(/(index|[0-9a-f]{32})\.html)?|[0-9a-f]{32}(/(manifest\.txt|(en|ru|kk)\.(html|pdf|docx|md|txt)|f[0-9]+\.(en|ru|kk)\.svg))?))?$`)

// TestFileNamesTellNothingRegression holds that the name of no file tells who
// works with a register or which organisation, that none can be guessed from
// what an outsider knows, and that nobody else may read them.
func TestFileNamesTellNothingRegression(t *testing.T) {
	dir := t.TempDir()
	cases := []*northern{{planted: []string{"Жасампазов", "Ерғазы", "Zhasampazov", "870101399999", "+77019998877", "Тұлпар көшесі 93", "N-777-open", "сказал"}}}
	store(t, filepath.Join(dir, "register"), northAndSouth(t, filepath.Join(dir, "register"), cases)["north"])
	page := exec.Command(os.Args[0], "--registry", filepath.Join(dir, "register"), "--passphrase-file", "-", "public", "on", "--name", "Sample coalition")
	page.Env = append(os.Environ(), asProgram+"=1")
	page.Stdin = strings.NewReader(founderPassphrase + "\n")
	if out, err := page.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	n, public := 0, 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if rel, err := filepath.Rel(dir, path); err == nil && strings.HasPrefix(filepath.ToSlash(rel), "register/public") {
			// What was published is for everybody, and its names are ids, languages and what the program calls them.
			if !publicNames.MatchString(filepath.ToSlash(rel)) {
				t.Errorf("%s: a name of a new shape on the public page", rel)
			}
			public++
			return nil
		}
		if !fileNames.MatchString(d.Name()) {
			t.Errorf("%s: a name of a new shape: does it tell who or whose?", d.Name())
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s may be read by others: %v", d.Name(), info.Mode())
		}
		n++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 12 || public < 9 {
		t.Fatalf("only %d files, and %d of the public page: this test finds nothing", n, public)
	}
	// And a backup brings each of them back, or it is known why not.
	disk := t.TempDir()
	for _, args := range [][]string{
		{"--registry", filepath.Join(dir, "register"), "backup", disk},
		{"restore", disk, "--to", filepath.Join(dir, "restored"), "--keys", filepath.Join(dir, "register.forgetting")},
	} {
		cmd := exec.Command(os.Args[0], append(args, "--passphrase-file", "-")...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		cmd.Stdin = strings.NewReader(founderPassphrase + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	registrytest.Restored(t, filepath.Join(dir, "register"), filepath.Join(dir, "restored"))
}

// store adds a stored copy of a publication to a register.
func store(t *testing.T, dir, passphrase string) {
	t.Helper()
	ctx := context.Background()
	p := &program{now: func() time.Time { return today }, stretch: quick(), rulebook: rulebook, err: os.Stderr}
	reg, session, err := registry.Open(ctx, dir, registry.Unlock{Passphrase: passphrase}, p.options())
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	id, err := reg.PutRecord(ctx, session, registry.RecordChange{Kind: "publication", Fields: casefile.Fields{"kind": {"article"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reg.AddCapture(ctx, session, registry.NewCapture{Publication: id, Name: "Жасампазов.html", Content: strings.NewReader("<p>Жасампазов")}); err != nil {
		t.Fatal(err)
	}
}
