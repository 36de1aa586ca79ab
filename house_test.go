// SPDX-License-Identifier: AGPL-3.0-or-later

package kua

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/kua-registry/kua"

// floors is the order of ideas of the house, from the ground up. A room may
// use the rooms of the floors below its own and, on the ground floor of pure
// packages, those that stand before it in allowedPure.
var floors = [][]string{
	{"edtf", "locale", "typeface", "geo", "chart", "bodymap", "names", "estimate", "codebook", "linkage", "encoded", "casefile", "custody", "wording", "rules", "letter", "istanbul", "survival", "paper", "statement", "dossier", "archive", "receipt", "invented"},
	{"seal", "submission", "sqlfile", "wholefile", "linkage/linkagetest", "browsertest", "timestamp", "timestamp/timestamptest", "registry/registrytest", "safecopy", "webarchive", "bucket", "doctor"},
	{"ledger"},
	{"ledger/sqlitestore", "ledger/pgstore", "ledger/pgstore/pgtest", "ledger/ledgertest", "evidence", "draft", "once", "exchange", "inbox", "reporting/reportingtest", "relay", "backup"},
	{"index"},
	{"access"},
	{"registry"},
	{"sheet", "intake", "foreign", "foreign/systems", "foreign/foreigntest", "foreign/xmldoc", "foreign/jsondoc", "foreign/contentline", "foreign/huridocs", "foreign/martus", "foreign/primero", "foreign/kobo", "foreign/bayanat", "foreign/globaleaks", "foreign/vcard", "foreign/ics", "foreign/uwazi", "foreign/ftm", "takeout", "takein", "linkcsv", "post", "webhook", "public", "reporting", "pocket"},
	{"web", "api"},
}

// exceptions are rooms that stand lower than their floor says because they are pure readers.
var pure = map[string]bool{
	"edtf": true, "locale": true, "geo": true, "chart": true, "names": true, "estimate": true,
	"codebook": true, "linkage": true, "encoded": true, "casefile": true, "custody": true, "wording": true, "rules": true, "letter": true, "bodymap": true, "istanbul": true, "survival": true, "typeface": true, "paper": true, "statement": true, "dossier": true, "archive": true, "receipt": true, "invented": true,
}

// TestImportsGoDown holds the import order of the house over everything each
// room reaches, not only over what it names.
func TestImportsGoDown(t *testing.T) {
	level := map[string]int{}
	for i, floor := range floors {
		for _, room := range floor {
			level[room] = i
		}
	}
	for room, deps := range rooms(t) {
		own, ok := level[room]
		if !ok {
			t.Errorf("internal/%s has no floor in the house: give it one in house_test.go and in README.md", room)
			continue
		}
		for _, dep := range deps {
			inner, ok := strings.CutPrefix(dep, module+"/internal/")
			if !ok || inner == room {
				continue
			}
			if pure[room] && !pure[inner] {
				t.Errorf("internal/%s is pure and reaches internal/%s", room, inner)
			}
			if level[inner] > own {
				t.Errorf("internal/%s reaches up to internal/%s", room, inner)
			}
		}
	}
}

// TestWalls names what must never be reached from where.
func TestWalls(t *testing.T) {
	walls := []struct {
		from, to, why string
	}{
		{"web", "internal/ledger/sqlitestore", "pages reach no store"},
		{"api", "internal/ledger/sqlitestore", "the API reaches no store"},
		{"ledger/pgstore", "internal/seal", "a database driver cannot reach a key"},
		{"ledger/sqlitestore", "internal/seal", "a store cannot reach a key"},
		{"ledger/sqlitestore", "filippo.io/age", "a store cannot reach a key"},
		{"timestamp", "net/http", "a time stamp is verified without a network"},
		{"safecopy", "net/http", "what opens files from outside reaches no network"},
		{"safecopy", "filippo.io/age", "what opens files from outside reaches no key"},
		{"evidence", "internal/bucket", "sealed files know no store"},
		{"submission", "internal/seal", "a report is sealed where there is no register"},
		{"submission", "os", "a report is sealed in memory"},
		{"foreign", "internal/registry", "files of others are read without a register"},
		{"foreign", "net/http", "files of others are read without a network"},
		{"inbox", "internal/seal", "what comes from outside is not opened where it is kept"},
		{"inbox", "filippo.io/age", "what comes from outside is not opened where it is kept"},
		{"evidence", "net/http", "sealed files know no network"},
	}
	all := rooms(t)
	for _, dep := range all["bucket"] {
		if strings.HasPrefix(dep, module+"/") || strings.HasPrefix(dep, "filippo.io/") {
			t.Errorf("internal/bucket reaches %s: a store is given sealed bytes and names, and nothing else", dep)
		}
	}
	for _, room := range []string{"registry", "index", "access", "draft", "ledger", "ledger/sqlitestore", "seal", "sqlfile", "evidence"} {
		if slices.Contains(all["public"], module+"/internal/"+room) {
			t.Errorf("internal/public reaches internal/%s: what it is not given it can't give away", room)
		}
	}
	for _, room := range []string{"registry", "index", "access", "draft", "ledger", "ledger/sqlitestore", "seal", "sqlfile", "evidence"} {
		for _, from := range []string{"reporting", "pocket"} {
			if slices.Contains(all[from], module+"/internal/"+room) {
				t.Errorf("internal/%s reaches internal/%s: who reports from outside meets no register", from, room)
			}
		}
	}
	for _, w := range walls {
		for _, dep := range imports(t, w.from) {
			if strings.HasSuffix(dep, w.to) {
				t.Errorf("internal/%s imports %s: %s", w.from, dep, w.why)
			}
		}
	}
	for room := range pure {
		for _, dep := range all[room] {
			switch dep {
			case "net", "net/http", "os/exec", "database/sql":
				t.Errorf("internal/%s is pure and reaches %s", room, dep)
			}
		}
	}
}

// TestEveryRoomSaysWhatItIsFor requires a doc.go in every package.
func TestEveryRoomSaysWhatItIsFor(t *testing.T) {
	for _, dir := range append(list(t, "-f", "{{.Dir}}", "./..."), mustAbs(t, ".")) {
		doc := filepath.Join(dir, "doc.go")
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Errorf("%v: every package has a doc.go", err)
			continue
		}
		if !strings.Contains(string(text), "// SPDX-License-Identifier: AGPL-3.0-or-later") {
			t.Errorf("%s: no SPDX line", doc)
		}
	}
}

// TestDecisionsHaveTheirNumber holds that a decision is named by one number, in
// its file as in its title: two that were written beside each other took one.
func TestDecisionsHaveTheirNumber(t *testing.T) {
	files, err := filepath.Glob("docs/adr/[0-9]*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no decisions: %v", err)
	}
	has := map[string]string{}
	for _, file := range files {
		number, _, _ := strings.Cut(filepath.Base(file), "-")
		if other, ok := has[number]; ok {
			t.Errorf("%s and %s have one number", other, file)
		}
		has[number] = file
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if title := "# " + strings.TrimLeft(number, "0") + ". "; !strings.HasPrefix(string(text), title) {
			t.Errorf("%s does not begin with %q", file, title)
		}
	}
}

func rooms(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, line := range list(t, "-f", `{{.ImportPath}} {{join .Deps " "}}`, "./internal/...") {
		fields := strings.Fields(line)
		found[strings.TrimPrefix(fields[0], module+"/internal/")] = fields[1:]
	}
	return found
}

func imports(t *testing.T, room string) []string {
	t.Helper()
	if _, err := os.Stat(filepath.Join("internal", room)); err != nil {
		return nil // a room of a later day
	}
	return strings.Fields(strings.Join(list(t, "-f", `{{join .Imports " "}}`, "./internal/"+room), " "))
}

func list(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
