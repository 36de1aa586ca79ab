// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"syscall"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/invented"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/web"
)

// Each page is asked so many times; after a write, so many.
const (
	asked      = 60
	afterWrite = 12
)

// page is a page that is measured. Its address may be another each time.
type page struct {
	name string
	path func(n int) string
}

func at(path string) func(int) string { return func(int) string { return path } }

// pages serves a register of two organisations over HTTP on loopback and asks
// for its pages, as a member of one of them and as a coordinator.
func pages(ctx context.Context, dir string, cases int, seed uint64) error {
	reg, founder, err := registry.Create(ctx, dir, registry.FirstMember{Name: "bench", Lang: "en", Passphrase: passphrase}, options())
	if err != nil {
		return err
	}
	station, err := reg.PutRecord(ctx, founder, madeUpStation)
	if err != nil {
		return err
	}
	var orgs []registry.Org
	for i, name := range []string{"North", "South"} {
		org, err := reg.AddOrganisation(ctx, founder, registry.NewOrganisation{Name: name, Counts: true})
		if err != nil {
			return err
		}
		orgs = append(orgs, org)
		data := list(world(cases, 2, seed), i)
		if _, err := takeIn(ctx, reg, founder, org.ID, station, data); err != nil {
			return err
		}
	}
	worker, err := invite(ctx, reg, founder, "worker", orgs[0].ID, access.CaseWorker)
	if err != nil {
		return err
	}
	coordinator, err := invite(ctx, reg, founder, "coordinator", "", access.Coordinator)
	if err != nil {
		return err
	}
	if err := reg.Close(); err != nil {
		return err
	}
	// Anew, so that nothing is in memory but what opening puts there.
	if reg, founder, err = registry.Open(ctx, dir, registry.Unlock{Passphrase: passphrase}, options()); err != nil {
		return err
	}
	address, stop, err := serve(reg)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Printf("\n%d cases of two organisations; processor time of a request, its asking included, median; first byte: the very first time after the start, median and 99th percentile of %d, median and worst of %d each right after a write; size as sent\n",
		cases, asked, afterWrite)
	for _, who := range []struct{ name, passphrase string }{{"worker", worker}, {"coordinator", coordinator}} {
		s, err := reg.SignIn(ctx, registry.SignIn{Name: who.name, Passphrase: who.passphrase})
		if err != nil {
			return err
		}
		found, err := reg.Cases(ctx, s, registry.Query{Limit: 200})
		if err != nil {
			return err
		}
		fmt.Printf("\n%-44s %8s %8s %8s %8s %8s %8s %8s\n", who.name+fmt.Sprintf(", who sees %d cases", found.Total), "work", "first", "median", "99 %", "written", "worst", "kB")
		m := &meter{reg: reg, founder: founder, session: s, address: address, rows: found.Rows, next: found.Next, station: station, world: world(cases, 2, seed), seed: seed}
		if err := m.all(ctx); err != nil {
			return err
		}
	}
	return reg.Close()
}

// invite takes a member in and answers their passphrase.
func invite(ctx context.Context, reg *registry.Registry, founder *access.Session, name, org string, role access.Role) (string, error) {
	n := registry.NewInvitation{Name: name, Lang: "ru", Roles: []access.Role{role}}
	if org != "" {
		n.Orgs = []string{org}
	}
	code, _, err := reg.Invite(ctx, founder, n)
	if err != nil {
		return "", err
	}
	_, passphrase, err := reg.Accept(ctx, code, registry.Acceptance{})
	return passphrase, err
}

func serve(reg *registry.Registry) (address string, stop func(), err error) {
	words, err := locale.Load()
	if err != nil {
		return "", nil, err
	}
	handler, err := web.New(reg, words, web.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return "", nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // until it is closed
	return "http://" + listener.Addr().String(), func() { _ = server.Close() }, nil
}

// meter asks for pages as one member.
type meter struct {
	reg     *registry.Registry
	founder *access.Session
	session *access.Session
	address string
	rows    []registry.Row
	next    string // cursor of a second page
	station string // the facility of a fifth of all cases
	world   invented.Register
	seed    uint64
}

func (m *meter) all(ctx context.Context) error {
	r := mathrand.New(mathrand.NewPCG(m.seed, 11))
	first, err := edtf.ParseDay("2022-01-01")
	if err != nil {
		return err
	}
	whole := "/cases/" + m.rows[0].ID
	if err := m.fill(ctx, m.rows[0].ID); err != nil {
		return fmt.Errorf("filling a case: %w", err)
	}
	// A day nobody asked about before.
	day := func(path, and string) func(int) string {
		return func(n int) string { return fmt.Sprintf("%s?as_of=%v%s", path, first.Add(3*n), and) }
	}
	for _, p := range []page{
		{"overview", at("/")},
		{"overview, another day each time", day("/", "")},
		{"overview, as known by the day it began", at("/?as_of=2023-06-01&known_by=" + m.reg.Today().String() + "T00:00")},
		{"list of cases", at("/cases")},
		{"list, the page after it", at("/cases?sort=number&after=bnVtYmVyADAwAC0xADAA")},
		{"list, a name in another script", func(int) string { return "/cases?q=" + url.QueryEscape(misspelt(m.world, r)) }},
		{"list, filtered", at("/cases?region=KZ-75&sex=m&method=beat&sort=incident")},
		{"list, behind a figure", at("/cases?figure=registered_146&scope=coalition")},
		{"list, a check breached, another day", day("/cases", "&rule=MED-01")},
		{"a case, another each time", func(n int) string { return "/cases/" + m.rows[n%len(m.rows)].ID }},
		{"a case of 200 records", at(whole)},
		{"a case of 200 records, all unfolded", at(whole + "?open=all")},
		{"a letter drafted from it", at(whole + "/letters/decision_appeal?rule=DEC-04")},
		{"figures", at("/figures")},
		{"figures, another day each time", day("/figures", "")},
		{"figures, another language", at("/figures?lang=kk")},
		{"calendar", at("/calendar")},
		{"tasks", at("/tasks")},
		{"the State's bodies and places", at("/state")},
		{"a facility of a fifth of all cases", at("/state/facility/" + m.station)},
		{"the same, another day each time", day("/state/facility/"+m.station, "")},
		{"list, the cases of the facility", at("/cases?with=facility:" + m.station)},
		{"list of facilities", at("/state/facility")},
		{"what recurs over all cases", at("/patterns")},
		{"map", at("/map")},
		{"saved searches", at("/searches")},
		{"account", at("/account")},
		{"about", at("/about")},
	} {
		if err := m.measure(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

func (m *meter) measure(ctx context.Context, p page) error {
	start, _, status, err := m.get(ctx, p.path(0))
	if err != nil {
		return err
	}
	if status == http.StatusNotFound || status == http.StatusForbidden || status == http.StatusSeeOther {
		return nil // not of this register, or not for this member
	}
	if status != http.StatusOK {
		return fmt.Errorf("it was answered with %d", status)
	}
	times, written, size := make([]time.Duration, asked), make([]time.Duration, afterWrite), 0
	work := make([]time.Duration, asked)
	for i := range times {
		n, before := 0, worked()
		if times[i], n, _, err = m.get(ctx, p.path(i+1)); err != nil {
			return err
		}
		size, work[i] = max(size, n), worked()-before
	}
	for i := range written {
		if err := m.write(ctx, m.rows[(i*7)%len(m.rows)].ID); err != nil {
			return err
		}
		if written[i], _, _, err = m.get(ctx, p.path(asked+i+1)); err != nil {
			return err
		}
	}
	slices.Sort(times)
	slices.Sort(written)
	slices.Sort(work)
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
	fmt.Printf("%-44s %8s %8s %8s %8s %8s %8s %8.1f\n", p.name, ms(work[len(work)/2]), ms(start), ms(times[len(times)/2]), ms(times[len(times)*99/100]),
		ms(written[len(written)/2]), ms(written[len(written)-1]), float64(size)/1000)
	return nil
}

// worked is the processor time this process has used. Other work on the machine
// makes answers late and leaves this as it is.
func worked() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// write adds a complaint to a case, so that what is due in it changes.
func (m *meter) write(ctx context.Context, id string) error {
	return m.reg.Write(ctx, m.founder, id, []registry.Put{{Record: newRecord(), Kind: "complaint",
		Fields: map[string][]string{"filed": {"yes"}, "date": {"2022-03-01"}, "to_body": {"prosecutor"}}}}, nil, "", "made up for a measurement")
}

// records is how many records a case is filled up to.
const records = 200

// fill adds records of many kinds to a case.
func (m *meter) fill(ctx context.Context, id string) error {
	view, err := m.reg.Case(ctx, m.founder, id, registry.Clock{})
	if err != nil {
		return err
	}
	first, err := edtf.ParseDay("2022-01-04")
	if err != nil {
		return err
	}
	var puts []registry.Put
	for n := len(view.Records); n < records; n++ {
		day := []string{first.Add(n).String()}
		kinds := []registry.Put{
			{Kind: "act", Fields: map[string][]string{"date": day, "methods": {"beat", "beat_object", "threat_death"}, "place_type": {"vehicle"}, "body": {"police"}, "account": {"made up for a measurement, at some length, as accounts are"}}},
			{Kind: "injury", Fields: map[string][]string{"date": day, "kind": {"bruise"}, "body_region": {"head", "neck_back"}}},
			{Kind: "complaint", Fields: map[string][]string{"filed": {"yes"}, "date": day, "to_body": {"prosecutor"}, "receipt_given": {"no"}}},
			{Kind: "registration", Fields: map[string][]string{"status": {"erdr"}, "date": day, "article_written": {"146 part 2"}, "article": {"146"}, "body": {"acs"}}},
			{Kind: "examination", Fields: map[string][]string{"kind": {"sme"}, "ordered": day, "held": day, "minutes": {"20"}, "setting": {"acs_premises"}}},
			{Kind: "evidence", Fields: map[string][]string{"kind": {"cctv"}, "date": day, "state": {"exists_not_secured"}}},
			{Kind: "request", Fields: map[string][]string{"kind": {"decision_copy"}, "filed": day, "answer": {"refused"}}},
			{Kind: "decision", Fields: map[string][]string{"kind": {"closed"}, "date": day, "ground": {"kz.35-2"}, "reasons_given": {"no"}}},
			{Kind: "notice", Fields: map[string][]string{"date": day, "channel": {"sms"}, "copy_given": {"no"}}},
			{Kind: "task", Fields: map[string][]string{"kind": {"secure_video"}, "status": {"open"}, "set": day}},
		}
		put := kinds[n%len(kinds)]
		put.Record = newRecord()
		puts = append(puts, put)
	}
	if len(puts) == 0 {
		return nil
	}
	return m.reg.Write(ctx, m.founder, id, puts, nil, "", "made up for a measurement")
}

// newRecord is an id by chance.
func newRecord() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // it never fails
	return hex.EncodeToString(id[:])
}

// get asks for a page and answers when its first byte came, its size as sent, and its status.
func (m *meter) get(ctx context.Context, path string) (first time.Duration, size, status int, err error) {
	var begun time.Time
	trace := &httptrace.ClientTrace{
		WroteRequest:         func(httptrace.WroteRequestInfo) { begun = time.Now() },
		GotFirstResponseByte: func() { first = time.Since(begun) },
	}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodGet, m.address+path, nil)
	if err != nil {
		return 0, 0, 0, err
	}
	req.Header.Set("Accept-Encoding", "gzip") // set by hand: what comes is not unpacked
	req.AddCookie(&http.Cookie{Name: "kua", Value: m.session.Token()})
	answer, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, 0, 0, err
	}
	n, err := io.Copy(io.Discard, answer.Body)
	if end := answer.Body.Close(); err == nil {
		err = end
	}
	return first, int(n), answer.StatusCode, err
}
