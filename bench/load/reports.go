// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"time"

	"filippo.io/age"

	"github.com/kua-registry/kua/internal/inbox"
	"github.com/kua-registry/kua/internal/reporting/reportingtest"
	"github.com/kua-registry/kua/internal/submission"
)

// senders is how many people outside send at once at the most.
const senders = 8

// What is asked for of reports that come beside normal work.
const (
	askedMemory = 300                    // MiB of the server, at the most
	askedPage   = 200 * time.Millisecond // 99th percentile of the page of a case
)

// withReports measures the workers alone, and then while reports come from
// outside, evenly over the time. In the end the inbox is held against what was
// sent: a report that was acknowledged and is not there, byte for byte, is lost.
func (d *driver) withReports(ctx context.Context) error {
	to, err := d.takesReports(ctx)
	if err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	d.serveArgs = []string{"--report", address}
	stop, err := d.serve(ctx)
	if err != nil {
		return err
	}
	running := true
	defer func() {
		if running {
			stop()
		}
	}()
	workers, err := d.signIn(ctx)
	if err != nil {
		return err
	}
	think := d.thinks[0]
	fmt.Println("\nwithout reports:")
	lasts := d.lasts
	d.lasts = min(lasts, 2*time.Minute) // enough to set the other beside
	_, err = d.measure(ctx, workers, think)
	if d.lasts = lasts; err != nil {
		return err
	}
	before := d.most()
	fmt.Printf("\nwith %d reports of %d bytes in %s:\n", d.reports, d.reportBytes, d.lasts)
	all := make(chan []sentReport, 1)
	go func() {
		select {
		case <-time.After(d.warm):
		case <-ctx.Done():
		}
		all <- d.send(ctx, "http://"+address, to)
	}()
	result, err := d.measure(ctx, workers, think)
	sent := <-all
	if err != nil {
		return err
	}
	most := d.most()
	stop()
	running = false
	return d.held(sent, result, before, most)
}

// takesReports makes the first organisation of the register take reports, where
// it does not yet, and answers to whom is sealed.
func (d *driver) takesReports(ctx context.Context) ([]age.Recipient, error) {
	kua := func(args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, d.kua, append(args, "--registry", d.dir, "--passphrase-file", filepath.Join(d.dir, "demo-passphrase.txt"))...)
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			err = fmt.Errorf("kua %s: %w: %s", args[0], err, said.Bytes())
		}
		return out, err
	}
	card, err := kua("report", "card")
	if err != nil {
		if err := d.letTakeReports(kua); err != nil {
			return nil, err
		}
		if card, err = kua("report", "card"); err != nil {
			return nil, err
		}
	}
	var c struct {
		Intakes []struct{ Recipient string }
	}
	if err := json.Unmarshal(card, &c); err != nil {
		return nil, err
	}
	return submission.Recipients(c.Intakes[0].Recipient)
}

func (d *driver) letTakeReports(kua func(args ...string) ([]byte, error)) error {
	out, err := kua("org", "list", "--json")
	if err != nil {
		return err
	}
	var listed struct {
		Organisations []struct{ Name string }
	}
	if err := json.Unmarshal(out, &listed); err != nil || len(listed.Organisations) == 0 {
		return fmt.Errorf("the register has no organisation: %s (%w)", out, err)
	}
	org := listed.Organisations[0].Name
	if out, err = kua("member", "invite", "takes-reports", "--role", "intake", "--org", org, "--lang", "en", "--json"); err != nil {
		return err
	}
	var invited struct{ Code string }
	if err := json.Unmarshal(out, &invited); err != nil {
		return err
	}
	code := filepath.Join(d.dir, "takes-reports.code")
	if err := os.WriteFile(code, []byte(invited.Code), 0o600); err != nil {
		return err
	}
	if _, err = kua("member", "accept", "--code-file", code, "--json"); err != nil {
		return err
	}
	_, err = kua("intake", "key", "new", org)
	return err
}

// sentReport is one that was sent, and what it is held against.
type sentReport struct {
	door           inbox.Door
	upload         inbox.Upload
	message, piece [32]byte // SHA-256 of what is sealed
	took           time.Duration
	err            error // it was not acknowledged
}

// send sends the reports, evenly over the time.
func (d *driver) send(ctx context.Context, base string, to []age.Recipient) (all []sentReport) {
	next := make(chan struct{})
	var mu sync.Mutex
	var going sync.WaitGroup
	for range senders {
		going.Go(func() {
			c := &reportingtest.Client{Base: base}
			for range next {
				r := d.sendOne(c, to)
				mu.Lock()
				all = append(all, r)
				mu.Unlock()
			}
		})
	}
	start := time.Now()
	for i := range d.reports {
		select {
		case <-time.After(time.Until(start.Add(d.lasts * time.Duration(i) / time.Duration(d.reports)))):
			next <- struct{}{}
		case <-ctx.Done():
		}
	}
	close(next)
	going.Wait()
	return all
}

// sendOne does what the page does for somebody: seals a file and what they tell,
// works, sends both.
func (d *driver) sendOne(c *reportingtest.Client, to []age.Recipient) (r sentReport) {
	content := make([]byte, d.reportBytes)
	_, _ = rand.Read(content) // it never fails
	start := time.Now()
	sum := sha256.Sum256(content)
	f := submission.File{Name: "invented.jpg", Bytes: int64(len(content)), Upload: submission.NewUpload(), Pieces: 1, SHA256: hex.EncodeToString(sum[:])}
	piece, err := submission.SealPiece(to, content)
	if err == nil {
		r.piece = sha256.Sum256(piece)
		err = c.PutPiece(f.Upload, 0, piece)
	}
	raw, bad := hex.DecodeString(f.Upload)
	var sealed reportingtest.Sealed
	if err = errors.Join(err, bad); err == nil {
		r.upload = inbox.Upload(raw)
		sealed, err = reportingtest.Seal(to, submission.Message{Format: 1, Language: "ru", Told: "Выдумано для измерения.", Files: []submission.File{f}})
	}
	if err == nil {
		r.door, r.message = sealed.Door, sha256.Sum256(sealed.Message)
		err = c.Send(sealed)
	}
	r.took, r.err = time.Since(start), err
	return r
}

// held holds the inbox against what was sent, and says what came of it.
func (d *driver) held(sent []sentReport, result *result, before, most int) error {
	store, err := inbox.Beside(inbox.Options{Dir: filepath.Join(d.dir, "inbox"), Most: 1 << 40, Now: time.Now})
	if err != nil {
		return err
	}
	lost, refused := 0, 0
	var why error // each that was not acknowledged, or is not there
	var times []time.Duration
	for _, r := range sent {
		if r.err != nil {
			refused++
			why = errors.Join(why, r.err)
			continue
		}
		times = append(times, r.took)
		if err := r.there(store); err != nil {
			lost++
			why = errors.Join(why, err)
		}
	}
	fmt.Println()
	line("a report, sealed, worked for, sent", times)
	pages := result.times["a case"]
	line("the page of a case, meanwhile", pages)
	fmt.Printf("%d reports sent, %d not acknowledged, %d lost; the server at most %d MiB, %d before the reports\n", len(sent), refused, lost, most, before)
	fmt.Printf("asked for: none lost, at most %d MiB, pages of cases under %s\n", askedMemory, askedPage)
	if lost > 0 || refused > 0 || len(sent) != d.reports {
		return fmt.Errorf("%d of %d reports were sent, %d not acknowledged, %d lost: %w", len(sent), d.reports, refused, lost, why)
	}
	return nil
}

// there tells whether a report is in the inbox as it was sent.
func (r sentReport) there(store *inbox.Store) error {
	report, err := store.Get(r.door)
	if err != nil {
		return err
	}
	message, err := store.First(r.door)
	if err != nil {
		return err
	}
	in, err := store.Piece(r.door, report.Messages[0], r.upload, 0)
	if err != nil {
		return err
	}
	piece, err := io.ReadAll(in)
	if err = errors.Join(err, in.Close()); err == nil && (sha256.Sum256(message) != r.message || sha256.Sum256(piece) != r.piece) {
		err = errors.New("it is not what was sent")
	}
	return err
}

// most is the most memory that the serving processes had, in MiB (Linux).
func (d *driver) most() (n int) {
	for _, pid := range d.pids {
		status, err := os.ReadFile("/proc/" + pid + "/status")
		if err != nil {
			continue
		}
		if found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status); found != nil {
			kilo, _ := strconv.Atoi(string(found[1])) // digits
			n += kilo >> 10
		}
	}
	return n
}
