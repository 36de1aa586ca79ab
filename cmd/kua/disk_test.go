// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"
)

const diskMapping = `
mapping: 1
name: made up
dates: 2006-01-02
key: No
records:
- kind: report
  fields: {received: Received, summary: Words}
- kind: person
  fields: {role: {const: victim}, family: Family, given: Given, other_names: Latin, iin: Number, phones: Phone, address: Address, sex: Sex}
- kind: act
  fields: {date: Day}
`

// plant makes 200 names, numbers and phrases of people who do not exist, eight
// for each of 25 rows: in Russian, Kazakh and Latin letters.
func plant(r *rand.Rand) (rows [][]string) {
	word := func(syllables ...string) string {
		var b strings.Builder
		for range 4 {
			b.WriteString(syllables[r.IntN(len(syllables))])
		}
		return b.String()
	}
	russian := []string{"бро", "щук", "вед", "зло", "муш", "кря", "пло", "жур", "стя", "гри"}
	kazakh := []string{"қаб", "ғым", "түй", "өрк", "шың", "бұл", "жәр", "мөң", "тіл", "сыр"}
	latin := []string{"bro", "schuk", "ved", "zlo", "mush", "krya", "plo", "zhur", "stya", "gri"}
	title := func(s string) string {
		letters := []rune(s)
		return strings.ToUpper(string(letters[:1])) + string(letters[1:])
	}
	for range 25 {
		rows = append(rows, []string{
			fmt.Sprintf("Қ-%07d", r.IntN(1e7)),
			title(word(kazakh...)), title(word(russian...)), title(word(latin...)),
			fmt.Sprintf("%012d", 100000000000+r.Int64N(899999999999)), fmt.Sprintf("+7701%07d", r.IntN(1e7)),
			"улица " + title(word(russian...)) + " 7", "держали в " + word(russian...) + " и " + word(kazakh...),
		})
	}
	return rows
}

// layIn are the ways in which a text may lie on a disk.
func layIn(text string) [][]byte {
	little, big := []byte{}, []byte{}
	for _, u := range utf16.Encode([]rune(text)) {
		little, big = append(little, byte(u), byte(u>>8)), append(big, byte(u>>8), byte(u))
	}
	ways := [][]byte{[]byte(text), []byte(strings.ToLower(text)), little, big, []byte(url.QueryEscape(text))}
	if b, err := charmap.Windows1251.NewEncoder().Bytes([]byte(text)); err == nil {
		ways = append(ways, b)
	}
	return ways
}

// onDisk searches every file below a directory, its name too, for what is planted.
func onDisk(t *testing.T, dir string, rows [][]string) (found map[string]int, files int) {
	t.Helper()
	found = map[string]int{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		content = append(content, path...)
		for _, row := range rows {
			for _, text := range row {
				for _, way := range layIn(text) {
					if bytes.Contains(content, way) {
						found[filepath.Base(path)]++
						break
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, files
}

// TestNothingOnTheDisk plants 200 texts, works with them as people do, and
// searches every file that the program has written: its register, its
// temporary directory, its home, what it logged. After normal work, after a
// crash, and in a copy made while it ran.
func TestNothingOnTheDisk(t *testing.T) {
	const seed = 20220105
	t.Logf("seed %d", seed)
	rows := plant(rand.New(rand.NewPCG(seed, 0)))
	outside, inside := t.TempDir(), t.TempDir()
	for _, sub := range []string{"tmp", "home"} {
		if err := os.Mkdir(filepath.Join(inside, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) string {
		path := filepath.Join(outside, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const passphrase = "words for a machine that will be seized"
	pass, mapping := write("pass", passphrase+"\n"), write("map.yaml", diskMapping)
	var list strings.Builder
	list.WriteString("No,Received,Family,Given,Latin,Number,Phone,Address,Words,Sex,Day\n")
	for i, p := range rows {
		fmt.Fprintf(&list, "%s,2022-01-%02d,%s,%s,%s,%s,%s,%s,%s,m,2022-01-05\n", p[0], 6+i%20, p[1], p[2], p[3], p[4], p[5], p[6], p[7])
	}
	csv := write("list.csv", list.String())
	if found, _ := onDisk(t, outside, rows); found["list.csv"] != 200 {
		t.Fatalf("%d of 200 texts are found where they do lie: this test finds nothing", found["list.csv"])
	}
	source := write("source.yaml", "about: made up\noutside:\n- kind: publication\n  id: p\n  source: made up\n  fields: {kind: article, date: 2022-03-14}\n")
	reg := filepath.Join(inside, "register")
	program := func(args ...string) *exec.Cmd {
		cmd := exec.Command(os.Args[0], append([]string{"--registry", reg, "--passphrase-file", pass}, args...)...)
		cmd.Dir = inside
		cmd.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+filepath.Join(inside, "tmp"), "HOME="+filepath.Join(inside, "home"))
		return cmd
	}
	logged := &bytes.Buffer{} // what a program says on standard error may be kept by whoever started it
	run := func(args ...string) string {
		t.Helper()
		cmd := program(args...)
		cmd.Stderr = logged
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("kua %v: %v %s", args, err, logged)
		}
		return string(out)
	}
	nothing := func(when string) {
		t.Helper()
		write := filepath.Join(inside, "stderr")
		if err := os.WriteFile(write, logged.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		found, files := onDisk(t, inside, rows)
		for file, n := range found {
			t.Errorf("%s: %d of the planted texts lie in %s", when, n, file)
		}
		if files < 8 {
			t.Errorf("%s: only %d files were searched", when, files)
		}
		t.Logf("%s: %d files searched for 200 texts in 6 encodings", when, files)
	}

	run("init", reg)
	run("import", csv, "--map", mapping, "--org", "Invented")
	run("import", source)
	published := regexp.MustCompile(`"id": "([0-9a-f]{32})"`).FindStringSubmatch(run("outside", "list", "--json"))[1]
	run("evidence", "add", csv, "--publication", published) // a copy that holds all that is planted
	run("match", "--apply")
	if shown := run("case", "show", rows[0][0]); !strings.Contains(shown, rows[0][1]) {
		t.Fatalf("the case does not show its name:\n%s", shown)
	}
	run("case", "list", "--json")
	run("check", "--all")
	run("figures")
	// What is published lies in the open, on purpose: and nothing else does.
	text := write("statement.en.md", "---\nlang: en\ntitle: Sample\n---\n\nThere were {{figure \"reports\"}} reports.\n\n{{table \"reports\" by=\"sex\"}}\n")
	run("statement", "publish", strings.TrimSpace(run("statement", "put", text)))
	if said := run("public", "on", "--name", "Sample coalition"); !strings.Contains(said, "statements: 1") {
		t.Fatalf("the public page: %s", said)
	}
	run("verify", "--deep")
	nothing("after normal work")

	p := serving(t, program("serve", "--listen", "127.0.0.1:0"), logged)
	p.signIn("coordinator", passphrase)
	for _, row := range rows {
		page := p.get("/cases?" + url.Values{"q": {row[1]}}.Encode())
		if !strings.Contains(page, row[2]) {
			t.Fatal("a search does not find what is planted")
		}
		p.get("/cases/" + caseLink.FindStringSubmatch(page)[1])
		p.get("/cases?" + url.Values{"q": {row[7]}, "figure": {row[3]}, "known_by": {row[4]}}.Encode())
		p.get("/" + url.PathEscape(row[6]))
	}
	if out, err := exec.Command("cp", "-a", reg, filepath.Join(inside, "copy")).CombinedOutput(); err != nil { // there is a socket in it
		t.Fatalf("%v: %s", err, out)
	}
	nothing("while it is served, and in a copy made meanwhile")
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait()
	nothing("after a crash")

	p = serving(t, program("serve", "--listen", "127.0.0.1:0"), logged)
	p.signIn("coordinator", passphrase)
	p.get("/cases?" + url.Values{"q": {rows[1][1]}}.Encode())
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	nothing("after it was stopped")
}

var caseLink = regexp.MustCompile(`href="/cases/([0-9a-f]{32})`)

// served is a program that serves, and a browser that has its cookies.
type served struct {
	t       *testing.T
	cmd     *exec.Cmd
	address string
	client  *http.Client
}

func serving(t *testing.T, cmd *exec.Cmd, logged io.Writer) *served {
	t.Helper()
	cmd.Stderr = logged
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	address := regexp.MustCompile(`http://[0-9.:]+`).FindString(line)
	if err != nil || address == "" {
		t.Fatalf("the program does not say where its pages are: %q %v", line, err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &served{t, cmd, address, &http.Client{Jar: jar}}
}

func (p *served) get(path string) string {
	p.t.Helper()
	return p.read(p.client.Get(p.address + path))
}

func (p *served) signIn(name, passphrase string) {
	p.t.Helper()
	page := p.read(p.client.PostForm(p.address+"/sign-in", url.Values{"name": {name}, "passphrase": {passphrase}}))
	if !strings.Contains(page, `action="/sign-out"`) {
		p.t.Fatal("the sign-in did not lead into the register")
	}
}

func (p *served) read(resp *http.Response, err error) string {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(body)
}
