// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kua-registry/kua/internal/doctor"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/safecopy"
	"github.com/kua-registry/kua/internal/seal"
	"github.com/kua-registry/kua/internal/timestamp/timestamptest"
)

// today is the day on which the scripts run.
var today = time.Date(2022, 7, 1, 9, 0, 0, 0, time.UTC)

// quick stretches passphrases as little as a key file may be made with: the
// scripts open a register a hundred times.
func quick() seal.Stretch { return seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1} }

// rulebook is loaded once for all that runs in the process of the tests.
var rulebook = registry.Rulebooks(registry.LoadRulebook)

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" || len(os.Args) == 2 && os.Args[1] == safecopy.Command { // which is started without anything of the environment
		testProgram()
	}
	testscript.Main(m, map[string]func(){
		"kua": testProgram,
	})
}

// testMachine is one on which nothing but the register's own files is looked at.
func testMachine() doctor.Machine {
	return doctor.Machine{Owner: thisMachine().Owner}
}

// testProgram is the program on the scripts' day, with quick stretches.
func testProgram() {
	p := &program{now: func() time.Time { return today }, stretch: quick(), shut: func() error { return nil }, machine: testMachine}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := p.run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if file := os.Getenv(sayMemory); file != "" {
		if err := os.WriteFile(file, []byte(strconv.Itoa(mostMemory("self"))), 0o600); err != nil {
			code = 1
		}
	}
	os.Exit(code)
}

func TestScripts(t *testing.T) {
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"cptree": func(ts *testscript.TestScript, _ bool, args []string) { // cptree FROM TO, as a backup does
				ts.Check(os.CopyFS(ts.MkAbs(args[1]), os.DirFS(ts.MkAbs(args[0]))))
			},
			"cut":  cutFile,
			"bomb": zipBomb,
			"flip": flipByte,

			"database": serveDatabase,
			"words": func(ts *testscript.TestScript, _ bool, args []string) { // words JSON FILE: those of an answer
				var out struct{ Words string }
				ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &out))
				ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(out.Words+"\n"), 0o600))
			},

			"takereports": func(ts *testscript.TestScript, _ bool, args []string) { // takereports DIR: a register that takes reports
				_, err := takeReports(ts.MkAbs(args[0]))
				ts.Check(err)
			},

			"tsa":   serveTimeAuthority,
			"store": serveStore(t),
			"answer": func(ts *testscript.TestScript, _ bool, args []string) { // answer QUERY ANSWER: as the time-stamping authority does
				tsa := ts.Value(timeAuthority{}).(*timestamptest.Authority)
				ts.Check(os.WriteFile(ts.MkAbs(args[1]), tsa.Answer([]byte(ts.ReadFile(args[0]))), 0o600))
			},

			"proof": proofOf,
			"warc":  writeWARC,

			"traverse": traversingFile,

			"number": numberOf,
			"copyid": copyOf,
			"field":  fieldOf,
			"await":  awaitServed,
			"sheet":  sheetOf,

			"miscopy": miscopy,
			"keep": func(ts *testscript.TestScript, _ bool, args []string) { // keep NAME PATTERN: what its group stands for in the last output
				found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
				if found == nil {
					ts.Fatalf("there is no %s in the output", args[1])
				}
				ts.Setenv(args[0], found[1])
			},
			"envfile": func(ts *testscript.TestScript, _ bool, args []string) { // envfile NAME FILE: its first line
				ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
			},
			"forge": func(ts *testscript.TestScript, _ bool, args []string) { // forge OLD NEW FILE: the first time it stands there
				text := ts.ReadFile(args[2])
				if !strings.Contains(text, args[0]) {
					ts.Fatalf("%s has no %q", args[2], args[0])
				}
				ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(strings.Replace(text, args[0], args[1], 1)), 0o600))
			},
		},
		Condition: func(name string) (bool, error) {
			if name != "postgres" {
				return false, fmt.Errorf("no condition %q", name)
			}
			return hasPostgres(), nil
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("EXAMPLES", examples)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("KUA_REGISTRY", "")
			env.Values[storeKey{}] = newObjectStore(t)
			env.Values[timeAuthority{}] = timestamptest.New(t, func() time.Time { return today })
			return nil
		},
	})
}

// timeAuthority is the key of a script's time-stamping authority.
type timeAuthority struct{}

// serveTimeAuthority serves it at $TSA and writes its root: tsa ROOT.
func serveTimeAuthority(ts *testscript.TestScript, _ bool, args []string) {
	tsa := ts.Value(timeAuthority{}).(*timestamptest.Authority)
	server := httptest.NewServer(tsa)
	ts.Defer(server.Close)
	ts.Setenv("TSA", server.URL)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), tsa.RootPEM(), 0o600))
}

// cutFile writes the first half of a file: cut FROM TO.
func cutFile(ts *testscript.TestScript, _ bool, args []string) {
	data := []byte(ts.ReadFile(args[0]))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data[:len(data)/2], 0o600))
}

// zipBomb writes an XLSX with a sheet that unpacks to 600 MB: bomb FROM TO.
func zipBomb(ts *testscript.TestScript, _ bool, args []string) {
	from, err := zip.OpenReader(ts.MkAbs(args[0]))
	ts.Check(err)
	defer from.Close()
	var out bytes.Buffer
	to := zip.NewWriter(&out)
	for _, part := range from.File {
		w, err := to.Create(part.Name)
		ts.Check(err)
		if part.Name == "xl/worksheets/sheet1.xml" {
			_, err = io.WriteString(w, "<worksheet><sheetData>")
			row := bytes.Repeat([]byte("<row><c><v>1</v></c></row>"), 1<<14)
			for i := 0; i < 600<<20 && err == nil; i += len(row) {
				_, err = w.Write(row)
			}
		} else {
			var r io.ReadCloser
			r, err = part.Open()
			ts.Check(err)
			_, err = io.Copy(w, r)
		}
		ts.Check(err)
	}
	ts.Check(to.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), out.Bytes(), 0o600))
}

// flipByte changes one bit in the middle of a file: flip FILE.
func flipByte(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	data[len(data)/2] ^= 1
	ts.Check(os.WriteFile(path, data, 0o600))
}

// fieldOf writes a field of the JSON that was just answered to a file: field NAME FILE.
func fieldOf(ts *testscript.TestScript, _ bool, args []string) {
	var answer map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &answer))
	text, ok := answer[args[0]].(string)
	if !ok || text == "" {
		ts.Fatalf("the answer has no %s", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text+"\n"), 0o600))
}

// copyOf keeps the id of the first stored copy, or file of a case, that a file lists: copyid VARIABLE FILE.
func copyOf(ts *testscript.TestScript, _ bool, args []string) {
	var answer struct{ Copies, Files []struct{ ID string } }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &answer))
	answer.Copies = append(answer.Copies, answer.Files...)
	if len(answer.Copies) == 0 {
		ts.Fatalf("%s lists no copy", args[1])
	}
	ts.Setenv(args[0], answer.Copies[0].ID)
}

// numberOf keeps the number that a case got, by its number in the list it came
// from: number VARIABLE EXTERNAL reads what 'kua case list --json' has just said.
func numberOf(ts *testscript.TestScript, _ bool, args []string) {
	var answer struct {
		Cases []struct {
			Number   string `json:"number"`
			External string `json:"external_id"`
		} `json:"cases"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &answer))
	for _, c := range answer.Cases {
		if c.External == args[1] {
			ts.Setenv(args[0], c.Number)
			return
		}
	}
	ts.Fatalf("no case was listed as %s", args[1])
}

// awaitServed waits until a program in the background serves a register: await DIR.
func awaitServed(ts *testscript.TestScript, _ bool, args []string) {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for range 600 {
		if _, err := askControl(context.Background(), ts.MkAbs(args[0]), sayState); err == nil {
			return
		}
		<-again.C
	}
	ts.Fatalf("nothing serves %s", args[0])
}

// traversingFile writes an XLSX whose relations and parts lead out of it: traverse FROM TO.
func traversingFile(ts *testscript.TestScript, _ bool, args []string) {
	from, err := zip.OpenReader(ts.MkAbs(args[0]))
	ts.Check(err)
	defer from.Close()
	var out bytes.Buffer
	to := zip.NewWriter(&out)
	for _, part := range from.File {
		r, err := part.Open()
		ts.Check(err)
		text, err := io.ReadAll(r)
		ts.Check(err)
		if strings.HasSuffix(part.Name, ".rels") {
			text = bytes.ReplaceAll(text, []byte(`Target="`), []byte(`Target="../../../`))
		}
		for _, name := range []string{part.Name, "../" + part.Name, "../../evil.xml"} {
			w, err := to.Create(name)
			ts.Check(err)
			_, err = w.Write(text)
			ts.Check(err)
		}
	}
	ts.Check(to.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), out.Bytes(), 0o600))
}

// sheetOf keeps a trustee's share and what opens it: sheet N FILE [PASSPHRASE]
// reads what 'kua share create --json' has just said.
func sheetOf(ts *testscript.TestScript, _ bool, args []string) {
	var answer struct {
		Shares []struct {
			Words []string
			Apart string
		}
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &answer))
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	s := answer.Shares[n-1]
	opens := s.Apart
	if len(args) > 2 {
		opens = strings.TrimSpace(ts.ReadFile(args[2]))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Join(s.Words, " ")+"\n\n"+opens+"\n"), 0o600))
}

// miscopy copies a share with a mistake: miscopy FROM N TO puts another word in
// the place of word N; miscopy FROM OTHER TO takes what opens it from OTHER.
func miscopy(ts *testscript.TestScript, _ bool, args []string) {
	words, opens, _ := strings.Cut(ts.ReadFile(args[0]), "\n\n")
	if n, err := strconv.Atoi(args[1]); err == nil {
		all := strings.Fields(words)
		if all[n-1] == "able" {
			all[n-1] = "actor"
		} else {
			all[n-1] = "able"
		}
		words = strings.Join(all, " ")
	} else {
		_, opens, _ = strings.Cut(ts.ReadFile(args[1]), "\n\n")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(words+"\n\n"+opens), 0o600))
}

// proofOf makes a proof of OpenTimestamps over a file that leads to block 900,000
// of Bitcoin: proof FILE PROOF.
func proofOf(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), otsProof([]byte(ts.ReadFile(args[0]))), 0o600))
}

func otsProof(data []byte) []byte {
	sum := sha256.Sum256(data)
	return []byte("\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01\x08" + string(sum[:]) +
		"\xff\xf0\x04salt\x08\x00\x83\xdf\xe3\x0d\x2e\xf9\x0c\x8e\x17\x16https://ots.example.kz" +
		"\x08\x00\x05\x88\x96\x0d\x73\xd7\x19\x01\x03\xa0\xf7\x36")
}

// writeWARC writes a web capture with one answer, whole, altered or cut off: warc FILE STATE.
func writeWARC(ts *testscript.TestScript, _ bool, args []string) {
	block := "HTTP/1.1 200 OK\r\n\r\nThree days."
	text := fmt.Sprintf("WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: https://news.sample.example/\r\nContent-Type: application/http\r\nWARC-Block-Digest: sha256:%x\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n", sha256.Sum256([]byte(block)), len(block), block)
	switch args[1] {
	case "altered":
		text = strings.Replace(text, "Three", "Throe", 1)
	case "cut":
		text = text[:len(text)-10]
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}
