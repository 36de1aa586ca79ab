// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/kua-registry/kua/internal/inbox"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/reporting/reportingtest"
	"github.com/kua-registry/kua/internal/submission"
)

// taking is a register that takes reports, and its case worker saule, who opens them.
type taking struct {
	t    *testing.T
	dir  string // of the test
	reg  string
	pass string
	to   []age.Recipient
	card string
}

func newTaking(t *testing.T) *taking {
	t.Helper()
	k := &taking{t: t, dir: t.TempDir()}
	k.reg = filepath.Join(k.dir, "r")
	intake, err := takeReports(k.reg)
	if err != nil {
		t.Fatal(err)
	}
	if k.to, err = submission.Recipients(intake.Recipient); err != nil {
		t.Fatal(err)
	}
	k.pass = k.write("pass", []byte(saulePassphrase+"\n"))
	var card, stderr bytes.Buffer
	p := &program{now: func() time.Time { return today }}
	if code := p.run(context.Background(), []string{"--registry", k.reg, "report", "card"}, nil, &card, &stderr); code != exitDone {
		t.Fatal(stderr.String())
	}
	k.card = k.write("card.json", card.Bytes())
	return k
}

func (k *taking) write(name string, b []byte) string {
	k.t.Helper()
	path := filepath.Join(k.dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		k.t.Fatal(err)
	}
	return path
}

// open are the flags with which saule opens the register.
func (k *taking) open(args ...string) []string {
	return append(args, "--registry", k.reg, "--passphrase-file", k.pass, "--json")
}

// child runs the program in a process of its own and kills it after a time.
func (k *taking) child(after time.Duration, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), after)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], k.open(args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return err
}

// photograph writes a picture that its sender's machine knows the place of.
func (k *taking) photograph(name string, shade uint8) string {
	k.t.Helper()
	picture := image.NewGray(image.Rect(0, 0, 40, 30))
	for i := range picture.Pix {
		picture.Pix[i] = color.Gray{Y: shade + uint8(i%7)}.Y
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		k.t.Fatal(err)
	}
	return k.write(name, b.Bytes())
}

type reportAnswer struct {
	ID, Status, Number string
	Messages           []struct {
		Shut, Doubtful bool
		Message        submission.Message
	}
}

// list are the reports that saule opens.
func (k *taking) list() []reportAnswer {
	k.t.Helper()
	var listed struct{ Submissions []reportAnswer }
	answer(k.t, &listed, k.open("intake", "list")...)
	return listed.Submissions
}

// inCase holds what is in a case against the files that it must have, each once,
// with a piece of evidence and its way here, and the safe copies of pictures.
func (k *taking) inCase(number string, files map[string]string, pictures int) {
	k.t.Helper()
	var listed struct{ Files []sealedFile }
	answer(k.t, &listed, k.open("evidence", "list", number)...)
	have := map[string]int{}
	for _, f := range listed.Files {
		have[f.SHA256]++
	}
	for sum, name := range files {
		if have[sum] != 1 {
			k.t.Errorf("case %s has %s %d times", number, name, have[sum])
		}
	}
	ctx := context.Background()
	p := &program{now: func() time.Time { return today }, stretch: quick(), rulebook: rulebook, err: os.Stderr}
	reg, s, err := registry.Open(ctx, k.reg, registry.Unlock{Passphrase: saulePassphrase}, p.options())
	if err != nil {
		k.t.Fatal(err)
	}
	defer reg.Close()
	v, err := reg.Case(ctx, s, number, registry.Clock{})
	if err != nil {
		k.t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, rec := range v.Records {
		kinds[rec.Kind]++
	}
	if kinds["report"] != 1 || kinds["evidence"] != len(files) || kinds["handover"] != len(files) {
		k.t.Errorf("case %s of %d files has %v", number, len(files), kinds)
	}
	all, err := reg.Files(ctx, s, v.Row.ID)
	if err != nil {
		k.t.Fatal(err)
	}
	safe := 0
	for _, f := range all {
		if f.OfFile != "" {
			continue
		}
		copies, err := reg.FileCopies(ctx, s, v.Row.ID, f.ID)
		if err != nil {
			k.t.Fatal(err)
		}
		for _, c := range copies {
			if c.Form == registry.SafeCopy && c.File != "" {
				safe++
			}
		}
	}
	if safe != pictures {
		k.t.Errorf("case %s has %d safe copies, not %d", number, safe, pictures)
	}
}

// whole holds the register to be whole.
func (k *taking) whole() {
	k.t.Helper()
	var verified struct {
		Problem string
		Index   bool
	}
	answer(k.t, &verified, k.open("verify", "--deep")...)
	if verified.Problem != "" || !verified.Index {
		k.t.Errorf("%+v", verified)
	}
}

// TestIntakeKilled kills the program, as kill -9 does, at random moments while it
// takes in a sealed file and while it makes a case of it. The same command goes
// on where it was; in the end each report is there once, its case has each file
// once, with the right hash, and nothing else is anywhere.
func TestIntakeKilled(t *testing.T) {
	reports, each := 3, 3
	if *thorough {
		reports, each = 12, 10
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	k := newTaking(t)
	killed := map[string]int{}
	took := map[string]time.Duration{}
	// until runs a command again and again, killed at random moments, and at last to its end.
	until := func(args ...string) {
		t.Helper()
		for range each {
			longest, measured := took[args[1]]
			if !measured { // once, so that the kills fall all over it
				break
			}
			if k.child(time.Duration(chance.Int64N(int64(longest))), args...) == nil {
				break
			}
			killed[args[1]]++
		}
		start := time.Now()
		if err := k.child(time.Hour, args...); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		took[args[1]] = max(took[args[1]], time.Since(start))
	}
	for n := range reports {
		files := map[string]string{}
		args := []string{"seal", k.card, "--lang", "ru", "--out", filepath.Join(k.dir, fmt.Sprint("sealed", n))}
		for i := range 2 {
			path := filepath.Join(k.dir, fmt.Sprintf("film%d-%d.bin", n, i))
			files[makeUp(t, path, 5<<20+int64(i), seed+uint64(10*n+i))] = path
			args = append(args, "--file", path)
		}
		picture := k.photograph(fmt.Sprintf("wound%d.png", n), uint8(20*n))
		b, err := os.ReadFile(picture)
		if err != nil {
			t.Fatal(err)
		}
		files[fmt.Sprintf("%x", sha256.Sum256(b))] = picture
		var out, stderr bytes.Buffer
		p := &program{now: func() time.Time { return today }}
		if code := p.run(context.Background(), append(args, "--file", picture), strings.NewReader(fmt.Sprint("Его били, ", n)), &out, &stderr); code != exitDone {
			t.Fatal(stderr.String())
		}
		until("intake", "add", filepath.Join(k.dir, fmt.Sprint("sealed", n)))
		all := k.list()
		if len(all) != n+1 {
			t.Fatalf("%d reports, not %d", len(all), n+1)
		}
		for _, r := range all {
			if r.Status == registry.SubmissionCase {
				continue
			}
			until("intake", "case", r.ID)
			var shown reportAnswer
			answer(t, &shown, k.open("intake", "show", r.ID)...)
			if len(shown.Messages) != 1 || shown.Messages[0].Message.Told != fmt.Sprint("Его били, ", n) || shown.Status != registry.SubmissionCase {
				t.Errorf("report %d: %+v", n, shown)
			}
			k.inCase(shown.Number, files, 1)
		}
		var listed struct{ Cases []caseRow }
		answer(t, &listed, k.open("case", "list")...)
		if len(listed.Cases) != n+1 {
			t.Errorf("%d cases of %d reports", len(listed.Cases), n+1)
		}
	}
	k.whole()
	if _, err := inbox.Open((&program{now: time.Now}).inboxOf(k.reg)); err != nil { // as who takes reports does
		t.Fatal(err)
	}
	for _, half := range []string{"inbox/*/.*", "inbox/reports/*/.*", "inbox/uploads/*"} {
		if left, err := filepath.Glob(filepath.Join(k.reg, half)); err != nil || len(left) > 0 {
			t.Errorf("left half done: %v (%v)", left, err)
		}
	}
	t.Logf("killed %v", killed)
}

// cutting cuts the line at every piece: before it is asked, in the middle of what
// is sent, and before the answer, in turns.
type cutting struct {
	next http.RoundTripper
	n    int
}

var errCut = errors.New("the line was cut")

func (c *cutting) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		return c.next.RoundTrip(r)
	}
	c.n++
	switch c.n % 4 {
	case 1:
		return nil, errCut
	case 2:
		body := r.Body
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(body, r.ContentLength/2), broken{}))
		answer, err := c.next.RoundTrip(r)
		if err == nil {
			answer.Body.Close()
			err = errors.New("half a request was answered")
		}
		return nil, err
	case 3:
		answer, err := c.next.RoundTrip(r)
		if err == nil {
			answer.Body.Close()
			err = errCut
		}
		return nil, err
	}
	return c.next.RoundTrip(r)
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errCut }

// takingServer is the program that takes reports, in a process of its own.
type takingServer struct {
	cmd  *exec.Cmd
	base string
}

func (k *taking) serve(more ...string) *takingServer {
	k.t.Helper()
	args := []string{"--registry", k.reg, "serve", "--locked", "--listen", "127.0.0.1:0", "--report", "127.0.0.1:0"}
	cmd := exec.Command(os.Args[0], append(args, more...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	said := make([]byte, 200)
	n, err := out.Read(said)
	base := regexp.MustCompile(`http://[0-9.:]+`).FindString(string(said[:n]))
	if err != nil || base == "" {
		k.t.Fatalf("the program does not say where reports are taken: %q %v", said[:n], err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return &takingServer{cmd, base}
}

// most is the most memory that the program had, in MiB; 0: the system doesn't say.
func (s *takingServer) most() int { return mostMemory(strconv.Itoa(s.cmd.Process.Pid)) }

// mostMemory is the most memory that a process had since it began, in MiB; 0:
// the system doesn't say.
func mostMemory(pid string) int {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(found[1])) // digits
	return n >> 10
}

// TestLargeFileFromOutside sends a file of many pieces (of 2 GiB, thoroughly) as
// the page does, over a line that is cut at every one of them and to a server
// that is killed on the way; makes a case of the report; and finds the file in
// it whole, as evidence, without more memory than a small one takes.
func TestLargeFileFromOutside(t *testing.T) {
	size := int64(6*submission.PieceBytes + 12345)
	if *thorough {
		size = submission.MaxFile
	}
	k := newTaking(t)
	film := filepath.Join(k.dir, "film.mp4")
	want := makeUp(t, film, size, 1)
	picture := k.photograph("wound.png", 50)
	server := k.serve()
	memory := 0
	kills, pieces := 0, submission.PiecesOf(size)
	line := &cutting{next: &http.Transport{}}
	c := &reportingtest.Client{Base: server.base}
	c.HTTP.Transport = line
	c.Cut = func(error) error {
		if line.n > (kills+1)*pieces && kills < 3 { // three times on the way
			kills++
			memory = max(memory, server.most())
			_ = server.cmd.Process.Kill()
			_ = server.cmd.Wait()
			server = k.serve()
			c.Base = server.base
		}
		return nil
	}
	var sent []submission.File
	for _, path := range []string{film, picture} {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		file, err := c.SendFile(k.to, filepath.Base(path), f, info.Size())
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		sent = append(sent, file)
	}
	if err := os.Remove(film); err != nil { // 2 GiB of disk
		t.Fatal(err)
	}
	r, err := reportingtest.Seal(k.to, submission.Message{Format: 1, Language: "kk", Told: "Ұрды", Files: sent})
	if err == nil {
		err = c.Send(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	if sent[0].SHA256 != want || kills == 0 {
		t.Fatalf("sent %+v, killed %d times", sent[0], kills)
	}
	memory = max(memory, server.most())
	_ = server.cmd.Process.Kill()
	_ = server.cmd.Wait()
	all := k.list()
	if len(all) != 1 {
		t.Fatalf("%d reports", len(all))
	}
	cmd := exec.Command(os.Args[0], k.open("intake", "case", all[0].ID)...)
	said := filepath.Join(t.TempDir(), "memory")
	cmd.Env = append(os.Environ(), asProgram+"=1", sayMemory+"="+said)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	most, err := os.ReadFile(said)
	if err != nil {
		t.Fatal(err)
	}
	opening, err := strconv.Atoi(string(most))
	if err != nil {
		t.Fatal(err)
	}
	k.inCase(k.list()[0].Number, map[string]string{want: film, sent[1].SHA256: picture}, 1)
	var verified struct {
		Problem string
		Files   int
	}
	answer(t, &verified, k.open("evidence", "verify")...)
	if verified.Problem != "" {
		t.Errorf("%+v", verified)
	}
	t.Logf("%d MiB in %d pieces, the line cut %d times, the server killed %d times; at the most %d MiB of memory to take it, %d to make a case", size>>20, pieces, line.n*3/4, kills, memory, opening)
	if memory > 200 || opening > 400 {
		t.Errorf("%d MiB of memory were used to take it, %d to make a case", memory, opening)
	}
}
