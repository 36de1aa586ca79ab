// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/api"
)

func main() {
	program := flag.String("schemathesis", "schemathesis", "the program")
	seconds := flag.Int("seconds", 600, "how long all of it takes")
	seed := flag.Uint64("seed", 1, "of what is asked")
	keep := flag.String("keep", "", "a new folder for what was asked and answered; empty: it is not kept")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := all(ctx, *program, *seconds, *seed, *keep)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/schemathesis:", err)
		os.Exit(1)
	}
}

// run is one run of schemathesis.
type run struct {
	what   string
	share  int // of a hundred parts of the time
	key    string
	opens  bool // the key opens something
	ids    map[string]string
	mode   string // of what is drawn: positive fits the document, all does and does not
	checks string
}

const (
	checks      = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance"
	checksOfKey = checks + ",ignored_auth,unsupported_method"
)

// ownCases is the run in which something of cases is answered.
const ownCases = "a key for everything, its own cases"

// perMinute is how often it asks in a minute: less than a key may.
const perMinute = 1000

func all(ctx context.Context, program string, seconds int, seed uint64, keep string) (err error) {
	dir := keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "schemathesis-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	} else if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	m, err := makeUp(ctx, filepath.Join(dir, "register"))
	if err != nil {
		return err
	}
	defer func() { _ = m.reg.Close() }()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: api.New(m.reg, api.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})), Version: "made up"}), ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(listener) }() // until it is closed
	defer func() { _ = server.Close(); <-served }()
	runs := []run{
		{"a key for everything, ids drawn", 25, m.whole, true, nil, "all", checksOfKey},
		{ownCases, 25, m.second, true, m.own, "positive", checksOfKey},
		{"a key for everything, cases of others", 20, m.third, true, m.others, "positive", checksOfKey},
		{"a key of a small scope", 15, m.small, true, m.own, "positive", checksOfKey},
		{"a key that has ended", 8, m.ended, false, m.own, "all", checks},
		{"a key that never was", 7, m.never, false, m.own, "all", checks},
	}
	bad := 0
	for i, r := range runs {
		err := m.one(ctx, r, filepath.Join(dir, fmt.Sprint(i+1)), program, "http://"+listener.Addr().String()+"/api/v1", max(5, seconds*r.share/100), seed+uint64(i))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			bad++
			fmt.Printf("  WRONG: %v\n", err)
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d runs went wrong", bad, len(runs))
	}
	return nil
}

// one makes one run and reads what was answered in it.
func (m *madeUp) one(ctx context.Context, r run, dir, program, address string, seconds int, seed uint64) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	config, har := filepath.Join(dir, "schemathesis.toml"), filepath.Join(dir, "har.json")
	if err := os.WriteFile(config, []byte(configOf(r.ids)), 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, "--config-file", config, "run", address+"/openapi.json", "--url", address,
		"-H", "Authorization: Bearer "+r.key, "--checks", r.checks, "--mode", r.mode, "--phases", "examples,coverage,fuzzing",
		"--max-time", fmt.Sprint(seconds), "--rate-limit", fmt.Sprintf("%d/m", perMinute), "--seed", fmt.Sprint(seed), "--exclude-path-regex", "stream|openapi", "--request-timeout", "30",
		"--report", "har", "--report-har-path", har, "--output-sanitize", "false", "--no-color", "--continue-on-failure")
	cmd.Dir = dir
	if !r.opens { // the document is read by a key that opens it
		document := filepath.Join(dir, "openapi.json")
		if err := m.fetch(ctx, address+"/openapi.json", document); err != nil {
			return err
		}
		cmd.Args[4] = document
	}
	start := time.Now()
	said, failed := cmd.CombinedOutput()
	if err := os.WriteFile(filepath.Join(dir, "said.txt"), said, 0o600); err != nil {
		return err
	}
	answers, err := readAnswers(har)
	if err != nil {
		return fmt.Errorf("%w; it said:\n%s", err, said)
	}
	statuses, own := map[int]int{}, false
	var wrong []string
	for _, a := range answers {
		statuses[a.Status]++
		own = own || a.Status == http.StatusOK && strings.Contains(a.Text, m.own["case"])
		for marker, what := range m.markers {
			if strings.Contains(a.Text, marker) {
				wrong = append(wrong, fmt.Sprintf("%s %s is answered %d with %s", a.Method, a.URL, a.Status, what))
			}
		}
		if a.Status >= 500 || !r.opens && a.Status != http.StatusUnauthorized && a.Status != http.StatusMethodNotAllowed && a.Status != http.StatusNotFound {
			wrong = append(wrong, fmt.Sprintf("%s %s is answered %d", a.Method, a.URL, a.Status))
		}
	}
	var counted []string
	for _, status := range slices.Sorted(maps.Keys(statuses)) {
		counted = append(counted, fmt.Sprintf("%d: %d", status, statuses[status]))
	}
	fmt.Printf("%-40s %5.0f s  %6d answers  %s\n", r.what, time.Since(start).Seconds(), len(answers), strings.Join(counted, ", "))
	switch {
	case len(answers) < 100:
		return fmt.Errorf("too few answers to say anything; it said:\n%s", said)
	case failed != nil:
		return fmt.Errorf("%w; it said:\n%s", failed, said)
	case r.what == ownCases && !own:
		return errors.New("nothing of its own was answered: what is looked for in answers would not be found either")
	case len(wrong) > 0:
		return fmt.Errorf("%d answers: %s", len(wrong), strings.Join(wrong[:min(5, len(wrong))], "; "))
	}
	return nil
}

// configOf has the ids of a run asked for where an address has one.
func configOf(ids map[string]string) string {
	text := "[[operations]]\ninclude-path = \"/changes\"\nparameters = { \"query.wait\" = 0 }\n"
	if ids == nil {
		return text
	}
	return text + fmt.Sprintf("\n[[operations]]\ninclude-path-regex = \"^/cases/\"\nparameters = { \"path.case\" = %q, \"path.record\" = %q }\n\n[[operations]]\ninclude-path-regex = \"^/records/\"\nparameters = { \"path.record\" = %q }\n", ids["case"], ids["record"], ids["outside"])
}

func (m *madeUp) fetch(ctx context.Context, address, into string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+m.whole)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	f, err := os.Create(into)
	if err != nil {
		return err
	}
	_, err = f.ReadFrom(resp.Body)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// answer is what one request was answered.
type answer struct {
	Method, URL string
	Status      int
	Text        string // head and body
}

// readAnswers reads the answers of a HAR file (HTTP Archive 1.2).
func readAnswers(path string) ([]answer, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var har struct {
		Log struct {
			Entries []struct {
				Request  struct{ Method, URL string }
				Response struct {
					Status  int
					Headers []struct{ Name, Value string }
					Content struct{ Text, Encoding string }
				}
			}
		}
	}
	if err := json.Unmarshal(b, &har); err != nil {
		return nil, err
	}
	var all []answer
	for _, e := range har.Log.Entries {
		text := e.Response.Content.Text
		if e.Response.Content.Encoding != "" {
			return nil, fmt.Errorf("an answer is encoded as %q, which is not read", e.Response.Content.Encoding)
		}
		for _, h := range e.Response.Headers {
			text += "\n" + h.Name + ": " + h.Value
		}
		all = append(all, answer{e.Request.Method, e.Request.URL, e.Response.Status, text})
	}
	return all, nil
}
