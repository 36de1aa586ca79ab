// SPDX-License-Identifier: AGPL-3.0-or-later

package reporting

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/kua-registry/kua/internal/inbox"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/reporting/reportingtest"
	"github.com/kua-registry/kua/internal/submission"
)

// asServer makes of the test's program the server of an inbox: its folder, and
// the recipient, separated by a space.
const asServer = "KUA_TEST_REPORTING"

func TestMain(m *testing.M) {
	if dir, recipient, ok := strings.Cut(os.Getenv(asServer), " "); ok {
		if err := serveForTest(dir, recipient); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// serveForTest serves until it is killed, and prints where.
func serveForTest(dir, recipient string) error {
	words, err := locale.Load()
	if err != nil {
		return err
	}
	store, err := inbox.Open(inbox.Options{Dir: dir, Most: 1 << 40, Now: time.Now})
	if err != nil {
		return err
	}
	pages, err := New(Options{
		Inbox: store, Words: words, Now: time.Now, Most: 1 << 20, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Intakes: func() ([]Intake, error) { return []Intake{{"Sample", recipient, ""}}, nil },
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	return http.Serve(l, pages)
}

// running is a server in a process of its own.
type running struct {
	cmd  *exec.Cmd
	base string
}

func start(t testing.TB, dir, recipient string) running {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), asServer+"="+dir+" "+recipient)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the server did not say where it is: %v", err)
	}
	return running{cmd, strings.TrimSpace(line)}
}

// kill kills the server, as a power cut would: nothing of it is asked.
func (r running) kill() {
	_ = r.cmd.Process.Kill() // it may have ended
	_ = r.cmd.Wait()
}

// told is a report that a test sends, with a file of pieces.
type told struct {
	reportingtest.Sealed
	upload string
	pieces [][]byte
}

func newReport(t testing.TB, to []age.Recipient, text string, piece []byte, pieces int) (r told) {
	t.Helper()
	m := submission.Message{Format: 1, Language: "ru", Told: text}
	r.upload = submission.NewUpload()
	for range pieces {
		sealed, err := submission.SealPiece(to, piece)
		if err != nil {
			t.Fatal(err)
		}
		r.pieces = append(r.pieces, sealed)
	}
	var err error
	if r.Sealed, err = reportingtest.Seal(to, m); err != nil {
		t.Fatal(err)
	}
	if pieces > 0 {
		r.Files = []submission.File{{Upload: r.upload, Pieces: pieces}}
	}
	return r
}

// sent sends it, and tells whether it was acknowledged.
func (r told) sent(c *reportingtest.Client) bool {
	for n, piece := range r.pieces {
		if c.PutPiece(r.upload, n, piece) != nil {
			return false
		}
	}
	return c.Send(r.Sealed) == nil
}

// TestKilledServer kills the server while reports come in, starts it again, and
// looks whether each that was acknowledged is there, whole.
func TestKilledServer(t *testing.T) {
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	to := []age.Recipient{id.Recipient()}
	piece := bytes.Repeat([]byte("p"), 1000)
	for _, after := range []int{1, 2, 3, 4, 5, 6, 8, 11, 30} { // requests until it is killed
		dir := t.TempDir()
		known := map[inbox.Door]string{}
		for range 2 {
			server := start(t, dir, id.Recipient().String())
			reports := make([]told, 30)
			for i := range reports {
				reports[i] = newReport(t, to, fmt.Sprint("told ", i), piece, i%3)
			}
			c := &reportingtest.Client{Base: server.base} // whose line is cut when it is killed
			c.HTTP.Transport = &countdown{left: after, then: server.kill, next: &http.Transport{}}
			for i, r := range reports {
				if r.sent(c) {
					known[inbox.Door(r.Door)] = fmt.Sprint("told ", i)
				}
			}
			server.kill()
		}
		store, err := inbox.Open(inbox.Options{Dir: dir, Most: 1 << 40, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		for door, told := range known {
			r, err := store.Get(door)
			if err != nil || len(r.Messages) != 1 {
				t.Fatalf("%s was acknowledged, and is not there: %v", told, err)
			}
			sealed, err := store.Message(door, r.Messages[0])
			if err != nil {
				t.Fatal(err)
			}
			if m, err := submission.Open(id, sealed); err != nil || m.Told != told {
				t.Fatalf("%s reads %q: %v", told, m.Told, err)
			}
			for _, f := range r.Messages[0].Files {
				for n := range f.Pieces {
					in, err := store.Piece(door, r.Messages[0], f.Upload, n)
					if err != nil {
						t.Fatal(err)
					}
					b, err := io.ReadAll(in)
					in.Close()
					if plain, bad := submission.OpenPiece(id, submission.File{Bytes: 1000, Pieces: 1}, 0, b); err != nil || bad != nil || !bytes.Equal(plain, piece) {
						t.Fatalf("piece %d of %s: %v, %v", n, told, err, bad)
					}
				}
			}
		}
		if after > 9 && len(known) == 0 {
			t.Error("nothing was acknowledged before it was killed")
		}
	}
}

// countdown kills after so many requests, while the last one is on its way.
type countdown struct {
	left int
	then func()
	next http.RoundTripper
}

func (c *countdown) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.left--; c.left == 0 {
		go c.then()
	}
	if c.left < 0 {
		return nil, net.ErrClosed
	}
	return c.next.RoundTrip(r)
}
