// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/kua-registry/kua/internal/registry"
)

// step is a line as README or the handbook shows it, typed in a folder that has what it names. Words that stand for what
// nobody could type as it is (the number of a case, a key) are replaced, as the reader would.
type step struct {
	line string
	as   []string // pairs: a word of the line and what is typed for it
	in   string   // another folder than the first
	do   func(t *testing.T, out string)
}

// notTyped are the lines that are shown and not typed here, by how they begin, and what runs them: a script of
// testdata/script, a test, or a target of make.
var notTyped = map[string]string{
	"kua serve":                "TestServePublic", // serves until it is ended; also make container, make systemd, make bare-debian
	"kua lock":                 "lock.txtar",      // of a program that serves
	"kua relay":                "coalition.txtar",
	"kua exchange":             "coalition.txtar",
	"kua init DIR --coalition": "coalition.txtar",
	"kua case hand":            "coalition.txtar",
	"kua common":               "common.txtar",
	"kua bench generate":       "bench.txtar", // of 100,000 cases: make bench-generate
	"kua move":                 "move.txtar",  // a PostgreSQL of its own
	"kua node":                 "node.txtar",
	"kua join":                 "node.txtar",
	"kua evidence pla":         "evidence-place.txtar", // a bucket
	"kua timestamp":            "timestamp.txtar",      // an authority
	"kua intake":               "intake.txtar",         // reports that somebody sent
	"kua report":               "report-card.txtar",
	"kua seal":                 "seal.txtar",
	"kua recover":              "share.txtar", // shares that trustees type
	"kua restore FOLDER --to DIR --keys COPY --trustees": "backup-trustees.txtar",
	"kua estimate":        "estimate.txtar", // many seconds of drawing
	"kua encode":          "encode.txtar",
	"kua compare":         "encode.txtar",
	"kua import FILE":     "foreign-formats.txtar", // a file of each system
	"kua statement verif": "statement.txtar",
	"kua grant":           "grant.txtar", // another member who has come
	"kua revoke":          "grant.txtar",
	"kua webhook":         "webhook.txtar",
}

// bare is a line without what KUA_REGISTRY says as well.
func bare(line string) string { return strings.Replace(line, " --registry DIR", "", 1) }

// TestShownLinesAreTyped types the lines that README and the handbook show, one after the other, in this process.
func TestShownLinesAreTyped(t *testing.T) {
	startedIn, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("KUA_REGISTRY", "DIR") // as the handbook says, once
	root := filepath.Join(startedIn, "..", "..")
	put := func(name string, text []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, from := range map[string]string{
		"LIST.xlsx": "examples/own-list/mended.xlsx", "map.yaml": "examples/own-list/map.yaml",
		"TEXT.en.md": "examples/statement/2022-06-24.en.md", "TEXT.ru.md": "examples/statement/2022-06-24.ru.md",
	} {
		text, err := os.ReadFile(filepath.Join(root, from))
		if err != nil {
			t.Fatal(err)
		}
		put(name, text)
	}
	put("pass", []byte("correct horse battery staple eight words in all\n"))
	put("FILE", []byte("a photograph that was invented"))
	put("A.csv", []byte("id,name,born\n1,Примеров Арман,1990-01-05\n2,Sample Bolat,1985-02-03\n"))
	put("B.csv", []byte("id,name,born\n1,Primerov Arman,1990-01-05\n"))
	reader, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	put("KEYFILE", []byte(reader.String()+"\n"))
	key := ""
	steps := []step{
		{line: "kua init DIR"},
		{line: "kua map LIST.xlsx"},
		{line: "kua import LIST.xlsx --map map.yaml --org NAME --dry-run"},
		{line: "kua --registry DIR import LIST.xlsx --map map.yaml --org NAME"},
		{line: "kua match"},
		{line: "kua --registry DIR match --apply"},
		{line: "kua figures --as-of 2022-05-17"},
		{line: "kua --registry DIR figures --as-of 2022-05-17 --json"},
		{line: "kua figures --by region"},
		{line: "kua statement check TEXT.en.md TEXT.ru.md"},
		{line: "kua --registry DIR statement put TEXT.en.md TEXT.ru.md"},
		{line: "kua --registry DIR outside compare"},
		{line: "kua --registry DIR evidence add CASE FILE", as: []string{"CASE", "1"}},
		{line: "kua dossier CASE --for court --plan", as: []string{"CASE", "1"}},
		{line: "kua --registry DIR dossier CASE --for court --whom NAME --reason WORDS --to age1… --out F", as: []string{"CASE", "1", "age1…", reader.Recipient().String()}},
		{line: "kua --registry DIR export CASE --format kua --purpose un --reason WORDS --to age1… --out F", as: []string{"CASE", "1", "age1…", reader.Recipient().String(), "F", "F2"}},
		{line: "kua --registry DIR review CASE --ask", as: []string{"CASE", "1"}},
		{line: "kua --registry DIR case restrict CASE", as: []string{"CASE", "1"}},
		{line: "kua audit"},
		{line: "kua --registry DIR apikey new --name NAME --scope figures"},
		{line: "kua apikey new --name first --scope facts,cases,write"},
		{line: "kua apikey list", do: func(t *testing.T, out string) {
			for line := range strings.Lines(out) {
				if strings.Contains(line, "first") {
					key = regexp.MustCompile(`\b[0-9a-f]{8,32}\b`).FindString(line)
				}
			}
			if key == "" {
				t.Fatalf("no key is listed: %s", out)
			}
		}},
		{line: "kua webhook allow receiver.example.org"},
		{line: "kua webhook new --key ID --url https://receiver.example.org/kua", as: []string{"ID", "KEY"}},
		{line: "kua webhook list"},
		{line: "kua apikey end ID", as: []string{"ID", "KEY"}},
		{line: "kua --registry DIR mail set --host HOST --from ADDRESS", as: []string{"HOST", "mail.sample.example", "ADDRESS", "kua@sample.example"}},
		{line: "kua --registry DIR public on --name NAME"},
		{line: "kua verify --deep"},
		{line: "kua --registry DIR doctor"},
		{line: "kua forget copy FOLDER", do: func(t *testing.T, _ string) {
			if err := os.Rename("FOLDER", "COPY"); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir("FOLDER", 0o700); err != nil {
				t.Fatal(err)
			}
		}},
		{line: "kua --registry DIR backup FOLDER"},
		{line: "kua --registry DIR backup list"},
		{line: "kua restore --rehearse"},
		{line: "kua restore FOLDER --to DIR --keys COPY", in: "another"},
		{line: "kua share create --trustees A,B,C --need 2"},
		{line: "kua member invite NAME --role case-worker --org ORG", as: []string{"ORG", "NAME"}},
		{line: "kua --registry DIR erase CASE --identity --reason WORDS", as: []string{"CASE", "2"}},
		{line: "kua --registry DIR import F --format kua --identity KEYFILE", in: "another", as: []string{"F", filepath.Join("..", "F2"), "KEYFILE", filepath.Join("..", "KEYFILE")}},
		{line: "kua relay init DIR --address https://HOST:PORT", in: "relay", as: []string{"https://HOST:PORT", "https://127.0.0.1:8443"}},
		{line: "kua man COMMAND", as: []string{"COMMAND", "backup"}},
		{line: "kua man --out FOLDER", in: "manuals"},
		{line: "kua handbook --out FOLDER", in: "book"},
		{line: "kua link A.csv B.csv --out pairs.csv --clusters people.csv"},
	}
	for _, name := range []string{"FOLDER", "another", "manuals", "book", "relay"} {
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"FOLDER", "COPY"} {
		if err := os.Symlink(filepath.Join(dir, name), filepath.Join("another", name)); err != nil {
			t.Fatal(err)
		}
	}
	rulebook := registry.Rulebooks(loadRulebook)
	for _, s := range steps {
		t.Chdir(filepath.Join(dir, s.in))
		var args []string
		for _, w := range strings.Fields(s.line)[1:] {
			for i := 0; i < len(s.as); i += 2 {
				if w == s.as[i] {
					w = s.as[i+1]
					break
				}
			}
			if w == "KEY" {
				w = key
			}
			args = append(args, w)
		}
		var out, complaint bytes.Buffer
		p := &program{now: func() time.Time { return today }, stretch: quick(), shut: func() error { return nil }, machine: testMachine, rulebook: rulebook}
		// A terminal would ask for the passphrase.
		code := p.run(t.Context(), append([]string{"--passphrase-file", filepath.Join(dir, "pass")}, args...), strings.NewReader(""), &out, &complaint)
		if code != exitDone && code != exitFindings {
			t.Errorf("%q: %d: %s", s.line, code, complaint.String())
			continue
		}
		if s.do != nil {
			s.do(t, out.String())
		}
	}

	// Each line that is shown is typed above, or is said to be run elsewhere.
	tests, err := filepath.Glob(filepath.Join(startedIn, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for begins, by := range notTyped {
		switch {
		case strings.HasSuffix(by, ".txtar"):
			if _, err := os.Stat(filepath.Join(startedIn, "testdata", "script", by)); err != nil {
				t.Errorf("%s: %v", begins, err)
			}
		case !slices.ContainsFunc(tests, func(name string) bool {
			text, err := os.ReadFile(name)
			return err == nil && bytes.Contains(text, []byte("func "+by+"("))
		}):
			t.Errorf("%s: there is no test %s", begins, by)
		}
	}
	all, used := map[string]bool{}, map[string]bool{}
	paths := []string{"README.md"}
	for _, lang := range []string{"en", "ru", "kk"} {
		chapters, err := filepath.Glob(filepath.Join(root, "handbook", lang, "*.md"))
		if err != nil {
			t.Fatal(err)
		}
		for _, chapter := range chapters {
			paths = append(paths, strings.TrimPrefix(chapter, root+string(filepath.Separator)))
		}
	}
	for _, path := range paths {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range commandsIn(path, string(text)) {
			line := bare(strings.Join(strings.Fields(gap.Split(strings.TrimPrefix(strings.TrimSpace(s.line), "bin/"), 2)[0]), " "))
			if all[line] {
				continue
			}
			all[line] = true
			if slices.ContainsFunc(steps, func(s step) bool { return bare(s.line) == line }) {
				continue
			}
			elsewhere := false
			for begins := range notTyped {
				if strings.HasPrefix(line+" ", begins) {
					elsewhere, used[begins] = true, true
				}
			}
			if !elsewhere {
				t.Errorf("%s shows %q, which nothing types: add it to the steps of this test, or to notTyped what runs it", path, line)
			}
		}
	}
	for _, s := range steps {
		if !all[bare(s.line)] {
			t.Errorf("%q is typed, and shown nowhere", s.line)
		}
	}
	for begins := range notTyped {
		if !used[begins] {
			t.Errorf("nothing is shown any more that begins %q: take it out of notTyped", begins)
		}
	}
	t.Logf("%d lines are shown, %d are typed", len(all), len(steps))
}

// onOtherMachines are the lines that README shows and that no process of a test can run, with the script that does it in
// a Debian of its own and the words by which it is seen there (make bare-debian, make systemd).
var onOtherMachines = map[string][2]string{
	"sudo apt install ./dist/kua_*_amd64.deb": {"bare-debian.sh", "apt-get install"},
	"sudo journalctl -u kua":                  {"systemd.sh", "journalctl -u kua"},
}

// TestShownLinesOfOthers holds that what README shows of make is a target, and that each other line is known, and typed by a
// script on a machine of its own where there is one.
func TestShownLinesOfOthers(t *testing.T) {
	read := func(path ...string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, path...)...))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	readme, targets := read("README.md"), read("Makefile")
	made := regexp.MustCompile("(?m)(?:^|`)make ([a-z-]+)").FindAllStringSubmatch(readme, -1)
	for _, m := range made {
		if !strings.Contains(targets, "\n"+m[1]+":") {
			t.Errorf("README shows 'make %s', which is no target", m[1])
		}
	}
	others := regexp.MustCompile("(?m)(?:^|`)(sudo [^`\n]+)").FindAllStringSubmatch(readme, -1)
	for _, m := range others {
		by, known := onOtherMachines[m[1]]
		if !known || !strings.Contains(read("packaging", by[0]), by[1]) {
			t.Errorf("README shows %q, which no script of packaging types", m[1])
		}
	}
	if len(made) < 4 || len(others) != len(onOtherMachines) {
		t.Errorf("%d lines of make and %d others: this test finds nothing, or not all", len(made), len(others))
	}
}
