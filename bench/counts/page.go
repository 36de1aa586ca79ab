// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/web"
)

// counting is a register whose analysis is counted from the index of this
// measurement. All else of it, sessions and organisations, is a register of its
// own without a case.
type counting struct {
	*registry.Registry
	asked *asked
}

// Analysis counts what [registry.Registry.Analysis] counts of the coalition.
func (r *counting) Analysis(ctx context.Context, _ *access.Session, q registry.AnalysisQuery) (registry.Analysis, error) {
	a := registry.Analysis{Clock: q.Clock, Scope: index.Coalition, Figure: cmp.Or(q.Figure, "reports"), Figures: map[string]registry.FigureValue{},
		Entries: r.asked.ix.Head().Size}
	values, err := r.asked.ix.Figures(ctx, a.Clock, a.Scope, false, append(r.asked.of("way", "flow"), a.Figure))
	if err != nil {
		return a, err
	}
	for _, v := range values {
		a.Figures[v.ID] = v
	}
	for _, def := range r.asked.set.Figures() {
		if def.From != "" {
			a.Flows = append(a.Flows, registry.Flow{From: def.From, To: def.To, Figure: def.ID, Value: a.Figures[def.ID].Value})
		}
	}
	spread, err := r.asked.spread(ctx, a.Clock, a.Figure)
	a.Series, a.Breakdowns, a.Survivals = spread.Series, spread.Breakdowns, spread.Survivals
	return a, err
}

// page asks for the page of the analysis over HTTP on loopback, as of each day,
// and prints when its last byte had come.
func (a *asked) page(ctx context.Context, days []edtf.Day) (err error) {
	dir, err := os.MkdirTemp("", "kua-bench-page-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	reg, session, err := registry.Create(ctx, filepath.Join(dir, "register"),
		registry.FirstMember{Name: "bench", Lang: "en", Passphrase: "made up for a measurement"}, registry.Options{Now: time.Now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reg.Close()) }()
	words, err := locale.Load()
	if err != nil {
		return err
	}
	handler, err := web.New(&counting{reg, a}, words, web.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // until it is closed
	defer func() { err = errors.Join(err, server.Close()) }()

	var firsts, wholes []time.Duration
	size := 0
	for _, day := range days {
		first, whole, n, err := get(ctx, "http://"+listener.Addr().String()+"/analysis?as_of="+day.String(), session.Token())
		if err != nil {
			return err
		}
		firsts, wholes, size = append(firsts, first), append(wholes, whole), max(size, n)
	}
	slices.Sort(firsts)
	slices.Sort(wholes)
	fmt.Printf("%-64s %10s median, %s at the 99th percentile of %d days; the first byte %s; %d kB as sent\n", "the page of the analysis, over HTTP, its last byte",
		round(median(wholes)), round(wholes[len(wholes)*99/100]), len(days), round(median(firsts)), size/1000)
	return nil
}

// get asks for a page: when its first and its last byte had come, and its size as sent.
func get(ctx context.Context, address, token string) (first, whole time.Duration, size int, err error) {
	start := time.Now()
	trace := &httptrace.ClientTrace{GotFirstResponseByte: func() { first = time.Since(start) }}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodGet, address, nil)
	if err != nil {
		return 0, 0, 0, err
	}
	req.Header.Set("Accept-Encoding", "gzip") // set by hand: what comes is not unpacked
	req.AddCookie(&http.Cookie{Name: "kua", Value: token})
	answer, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, 0, 0, err
	}
	n, err := io.Copy(io.Discard, answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("the page of the analysis was answered with %s", answer.Status)
	}
	return first, time.Since(start), int(n), err
}
