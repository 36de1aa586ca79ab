// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/kua-registry/kua/internal/registry"
)

// meters are what a program that watches machines may know of this one: how
// many answers, how fast, how much memory and disk. Nothing in them says who,
// of what, or which page; reports from outside are not counted at all, so that
// nobody can keep by them when one came.
type meters struct {
	all     *prometheus.Registry
	answers *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func (h *host) newMeters() *meters {
	m := &meters{
		all:     prometheus.NewRegistry(),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kua_answers_total", Help: "Answers of the pages, by status code."}, []string{"code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "kua_answer_seconds", Help: "How long answers of the pages took.", Buckets: prometheus.ExponentialBuckets(0.005, 4, 7)}, nil),
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	backup := func(of func(*registry.Registry, context.Context) (time.Time, bool, error)) func() float64 {
		return func() float64 {
			reg := h.opened.Load()
			if reg == nil {
				return -1
			}
			at, is, err := of(reg, context.Background())
			switch {
			case err != nil:
				return -1
			case !is:
				return 0
			}
			return float64(at.Unix())
		}
	}
	m.all.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), m.answers, m.seconds,
		gauge("kua_register_open", "1 while the register is open, 0 while it is locked.", func() float64 {
			if h.open.Load() {
				return 1
			}
			return 0
		}),
		gauge("kua_disk_free_bytes", "What is free on the disk of the register; -1 where that is not known.", func() float64 {
			machine := h.p.machine()
			if machine.Disk == nil {
				return -1
			}
			d, err := machine.Disk(h.dir)
			if err != nil {
				return -1
			}
			return float64(d.Free)
		}),
		gauge("kua_backup_made_timestamp_seconds", "When the last backup was made, in seconds since 1970; 0: there is none; -1: not known while the register is locked.", backup((*registry.Registry).LastBackup)),
		gauge("kua_backup_proven_timestamp_seconds", "When the newest backup was made that was restored as a trial, likewise.", backup((*registry.Registry).LastProvenBackup)),
	)
	return m
}

// count counts the answers of pages.
func (m *meters) count(pages http.Handler) http.Handler {
	return promhttp.InstrumentHandlerCounter(m.answers, promhttp.InstrumentHandlerDuration(m.seconds, pages))
}

// watched answers programs of this machine. A page of somewhere else whose name
// was made to lead here is not one.
func (h *host) watched() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(h.meters.all, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		state := isLocked
		if h.open.Load() {
			state = isOpen
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, "{\"state\": %q}\n", state)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.Host
		if host, _, err := net.SplitHostPort(name); err == nil {
			name = host
		}
		if !ofThisMachine(name) {
			http.Error(w, "only this machine is answered", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// serveMeters answers on loopback until the context ends.
func (h *host) serveMeters(ctx context.Context, l net.Listener) {
	server := &http.Server{Handler: h.watched(), ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, WriteTimeout: requestTimeout, IdleTimeout: idleTimeout, ErrorLog: log.New(io.Discard, "", 0)}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := serveOn(server, l, nil); err != nil {
		h.log.Error("the meters are not served any more: start the program again", slog.Any("error", err))
	}
}
