// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// The test's own program is the child that Run starts; with other arguments it
// tries from inside the walls what the walls are there against.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 {
		do := probes[os.Args[1]]
		if os.Args[1] == Command {
			do = Make
		}
		if do != nil {
			os.Exit(child(context.Background(), os.Stdin, os.Stdout, os.Stderr, do))
		}
	}
	os.Exit(m.Run())
}

type doing = func(context.Context, Job, io.Reader, io.Writer) (Report, error)

var probes = map[string]doing{
	"try-files": func(_ context.Context, job Job, in io.Reader, _ io.Writer) (r Report, _ error) {
		list, _ := io.ReadAll(in)
		for path := range strings.Lines(string(list)) {
			path = strings.TrimSpace(path)
			if f, err := os.Open(path); err == nil {
				r.Text += "read " + path + "\n"
				f.Close()
			}
			if err := os.WriteFile(path+".new", nil, 0o600); err == nil {
				r.Text += "wrote beside " + path + "\n"
			}
		}
		if out, err := exec.Command("/bin/sh", "-c", "echo started").Output(); err == nil {
			r.Text += string(out)
		}
		return r, nil
	},
	"try-network": func(_ context.Context, job Job, in io.Reader, _ io.Writer) (r Report, _ error) {
		addresses, _ := io.ReadAll(in)
		for line := range strings.Lines(string(addresses)) {
			network, address, _ := strings.Cut(strings.TrimSpace(line), " ")
			if c, err := net.DialTimeout(network, address, time.Second); err == nil {
				r.Text += "connected to " + network + "\n"
				if network == "udp" {
					_, _ = c.Write([]byte("x"))
				}
				c.Close()
			}
		}
		if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
			r.Text += "listens\n"
			l.Close()
		}
		return r, nil
	},
	"try-memory": func(context.Context, Job, io.Reader, io.Writer) (Report, error) {
		var kept [][]byte
		for range 1 << 20 {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			kept = append(kept, b)
		}
		return Report{Text: fmt.Sprint(len(kept))}, nil
	},
	"try-time": func(context.Context, Job, io.Reader, io.Writer) (Report, error) {
		for i := 0; ; i++ {
			if i < 0 {
				return Report{}, nil
			}
		}
	},
	"try-crash": func(context.Context, Job, io.Reader, io.Writer) (Report, error) {
		panic("a name that must not be told")
	},
	"try-lie": func(_ context.Context, _ Job, _ io.Reader, out io.Writer) (Report, error) {
		_, _ = out.Write(make([]byte, 1<<20))
		os.Exit(7)
		return Report{}, nil
	},
	"try-environment": func(context.Context, Job, io.Reader, io.Writer) (Report, error) {
		return Report{Text: strings.Join(os.Environ(), " ")}, nil
	},
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func shut(t *testing.T, arg string, job Job, in string) (Report, []byte, error) {
	t.Helper()
	if job.Limits == (Limits{}) {
		job.Limits = DefaultLimits()
	}
	var out bytes.Buffer
	r, err := start(context.Background(), self(t), arg, job, strings.NewReader(in), &out)
	return r, out.Bytes(), err
}

func TestChildMakesTheSameCopy(t *testing.T) {
	files := map[Kind][]byte{JPEG: asJPEG(t, drawn(60, 40)), PNG: asPNG(t, drawn(60, 40)), Text: []byte("words")}
	if find("pdftoppm") != "" {
		files[PDF] = written("", "The words of the witness")
	}
	if find("ffmpeg") != "" {
		path := filepath.Join(t.TempDir(), "a.mp4")
		if out, err := exec.Command(find("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "testsrc=d=1:s=64x64", path).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		files[MP4] = mustRead(t, path)
	}
	for kind, file := range files {
		want, inside, err := made(t, Job{}, file)
		if err != nil {
			t.Fatal(kind, err)
		}
		var out bytes.Buffer
		have, err := Run(context.Background(), self(t), Job{Limits: DefaultLimits()}, bytes.NewReader(file), &out)
		if err != nil {
			t.Errorf("%s: %v, %+v", kind, err, have)
			continue
		}
		if !bytes.Equal(out.Bytes(), inside) || have.Copy != want.Copy || have.Text != want.Text || !bytes.Equal(have.Thumbnail, want.Thumbnail) || !slices.Equal(have.Metadata, want.Metadata) {
			t.Errorf("%s: the child's copy is another one: %+v, %+v", kind, have, want)
		}
		if runtime.GOOS == "linux" && !slices.Contains(have.Walls, WallLimits) {
			t.Errorf("walls %v", have.Walls)
		}
		t.Logf("%s: walls %v", kind, have.Walls)
	}
	r, _, err := shut(t, Command, Job{}, "<html>")
	var refusal *RefusedError
	if !errors.As(err, &refusal) || refusal.Code != IsHTML || r.Refused == nil {
		t.Errorf("%v", err)
	}
	if find("tesseract") != "" {
		r, _, err := shut(t, Command, Job{Do: Read}, string(asPNG(t, drawn(200, 100))))
		if err != nil || len(r.Notes) != 0 {
			t.Errorf("reading: %v, %+v", err, r)
		}
	}
}

// wall requires a wall to stand where the kernel has what it is made of.
func wall(t *testing.T, r Report, name string) bool {
	t.Helper()
	has := slices.Contains(r.Walls, name)
	if runtime.GOOS == "linux" && !has {
		t.Logf("this system has no %s; walls %v", name, r.Walls)
	}
	return has
}

func TestChildOpensNoFile(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	paths := secret + "\n" + self(t) + "\n/etc/passwd\n/proc/self/environ\n/tmp\n/dev/null\n/usr/bin\n"
	r, _, err := shut(t, "try-files", Job{}, paths)
	if err != nil {
		t.Fatal(err)
	}
	if wall(t, r, WallFiles) && r.Text != "" {
		t.Errorf("from inside the walls: %s", r.Text)
	}
	// For a PDF the renderers may be read, and nothing else.
	r, _, err = shut(t, "try-files", Job{}, "%PDF-1.4\n"+secret+"\n/etc/passwd\n/proc/self/environ\n"+dir+"\n/root\n/home\n/var\n")
	if err != nil {
		t.Fatal(err)
	}
	if wall(t, r, WallFiles) && strings.ReplaceAll(r.Text, "started\n", "") != "" {
		t.Errorf("from inside the walls: %s", r.Text)
	}
}

func TestChildConnectsToNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	path := filepath.Join(t.TempDir(), "s")
	u, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	for _, begin := range []string{"", "%PDF-1.4\n"} {
		r, _, err := shut(t, "try-network", Job{}, begin+"tcp "+l.Addr().String()+"\nunix "+path+"\n"+"udp "+l.Addr().String()+"\n")
		if err != nil {
			t.Fatal(err)
		}
		if (wall(t, r, WallSockets) || wall(t, r, WallNetwork)) && strings.Contains(r.Text, "tcp") || wall(t, r, WallSockets) && r.Text != "" {
			t.Errorf("from inside the walls: %s", r.Text)
		}
	}
}

func code(err error) Code {
	var r *RefusedError
	if errors.As(err, &r) {
		return r.Code
	}
	return ""
}

func TestChildIsBounded(t *testing.T) {
	limits := DefaultLimits()
	limits.Memory = 128 << 20
	// It ends there; whether its runtime gets to say why, or fails while it cleans up without memory, is chance.
	if _, _, err := shut(t, "try-memory", Job{Limits: limits}, "x"); runtime.GOOS == "linux" && code(err) != TooMuchRAM && code(err) != Crashed {
		t.Errorf("memory: %v", err)
	}
	limits = DefaultLimits()
	limits.Time = time.Second / 2
	if _, _, err := shut(t, "try-time", Job{Limits: limits}, "x"); code(err) != TooLong {
		t.Errorf("time: %v", err)
	}
	// A sender that never ends doesn't hold us either.
	r, w := io.Pipe()
	defer w.Close()
	if _, err := Run(context.Background(), self(t), Job{Limits: limits}, r, io.Discard); code(err) != TooLong {
		t.Errorf("waiting for the file: %v", err)
	}
	r2, _, err := shut(t, "try-crash", Job{}, "x")
	if code(err) != Crashed || strings.Contains(fmt.Sprint(r2, err), "a name") {
		t.Errorf("crash: %v, %+v", err, r2)
	}
	limits = DefaultLimits()
	limits.Bytes = 1000
	if _, out, err := shut(t, "try-lie", Job{Limits: limits}, "x"); code(err) != TooManyBytes || len(out) > 1000 {
		t.Errorf("a child that writes too much: %d bytes, %v", len(out), err)
	}
	if _, _, err := shut(t, "try-lie", Job{}, "x"); code(err) != Crashed {
		t.Errorf("a child that ends without a report: %v", err)
	}
	t.Setenv("KUA_SECRET", "passphrase")
	if r, _, err := shut(t, "try-environment", Job{}, "x"); err != nil || r.Text != "GOTRACEBACK=none" {
		t.Errorf("environment %q, %v", r.Text, err)
	}
	if _, err := Run(context.Background(), "/nonexistent", Job{Limits: limits}, strings.NewReader("x"), io.Discard); err == nil || code(err) != "" {
		t.Errorf("no program: %v", err)
	}
}

func FuzzChildJob(f *testing.F) {
	f.Add([]byte(`{"Media":"image/png"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		// Without a job nothing is shut in, and nothing done.
		if bytes.IndexByte(data, '\n') >= 0 {
			return
		}
		if child(context.Background(), bytes.NewReader(data), io.Discard, io.Discard, nil) != 2 {
			t.Fatal("a job without an end is taken")
		}
	})
}
