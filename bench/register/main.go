// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/intake"
	"github.com/kua-registry/kua/internal/invented"
	"github.com/kua-registry/kua/internal/registry"
)

func main() {
	cases := flag.Int("cases", 10_000, "how many cases")
	seed := flag.Uint64("seed", 1, "seed of the made-up people")
	served := flag.Bool("pages", false, "serve the pages on loopback and measure their first byte and their size")
	of := flag.String("of", "", "open this register, made by kua bench generate, with its index made anew, and measure that alone")
	profile := flag.String("cpuprofile", "", "with -of: write a profile of making the index anew to this file")
	memory := flag.String("memprofile", "", "with -of: write a profile of what was allocated until then to this file")
	flag.Parse()
	if *of != "" {
		if err := anew(context.Background(), *of, *profile, *memory); err != nil {
			fmt.Fprintln(os.Stderr, "bench/register:", err)
			os.Exit(1)
		}
		return
	}
	measure := run
	if *served {
		measure = pages
	}
	if err := inTemp(func(dir string) error { return measure(context.Background(), dir, *cases, *seed) }); err != nil {
		fmt.Fprintln(os.Stderr, "bench/register:", err)
		os.Exit(1)
	}
}

// passphrase opens the register that is measured.
const passphrase = "made up for a measurement"

func options() registry.Options { return registry.Options{Now: time.Now} }

// inTemp makes a place for a register and takes it away again.
func inTemp(measure func(dir string) error) error {
	tmp, err := os.MkdirTemp("", "kua-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	return measure(filepath.Join(tmp, "register"))
}

func run(ctx context.Context, dir string, cases int, seed uint64) error {
	reg, session, err := registry.Create(ctx, dir, registry.FirstMember{Name: "bench", Lang: "en", Passphrase: passphrase}, options())
	if err != nil {
		return err
	}
	fmt.Printf("%d cases, seed %d, %d processors, %s\n", cases, seed, runtime.NumCPU(), runtime.Version())

	org, err := reg.AddOrganisation(ctx, session, registry.NewOrganisation{Name: "Bench", Counts: true})
	if err != nil {
		return err
	}
	station, err := reg.PutRecord(ctx, session, madeUpStation)
	if err != nil {
		return err
	}
	data := list(world(cases, 1, seed), 0)
	entries, err := takeIn(ctx, reg, session, org.ID, station, data)
	if err != nil {
		return err
	}
	if err := review(ctx, reg, session); err != nil {
		return err
	}
	if err := ask(ctx, reg, session, station, seed); err != nil {
		return err
	}
	if err := reg.Close(); err != nil {
		return err
	}

	start := time.Now()
	if reg, session, err = registry.Open(ctx, dir, registry.Unlock{Passphrase: passphrase}, options()); err != nil {
		return err
	}
	said("opening the register, passphrase and all", time.Since(start))
	start = time.Now()
	if _, err := reg.Figures(ctx, session, registry.FigureQuery{Clock: registry.Clock{AsOf: reg.Today()}}); err != nil {
		return err
	}
	said("  the first answer after that: all figures", time.Since(start))
	if err := reg.Close(); err != nil {
		return err
	}

	if err := index.Remove(filepath.Join(dir, "index.db")); err != nil {
		return err
	}
	start = time.Now()
	if reg, session, err = registry.Open(ctx, dir, registry.Unlock{Passphrase: passphrase}, options()); err != nil {
		return err
	}
	took := time.Since(start)
	said("opening with the index made anew", took)
	fmt.Printf("%-48s %10.0f entries/s\n", "  of it", float64(entries)/took.Seconds())
	start = time.Now()
	v, err := reg.Verify(ctx, session, false)
	if err != nil {
		return err
	}
	if v.Problem != "" {
		return fmt.Errorf("verify: %s", v.Problem)
	}
	said(fmt.Sprintf("verify, %d entries", v.Entries), time.Since(start))
	return reg.Close()
}

// madeUpStation is the place in which a fifth of all cases happened.
var madeUpStation = registry.RecordChange{Kind: "facility", Fields: map[string][]string{"name": {"Made-up station"}, "region": {"KZ-75"}}}

// world is a register that is made up, until the end of 2025.
func world(cases, orgs int, seed uint64) invented.Register {
	return invented.Register{Seed: seed, Cases: cases, Orgs: orgs, Until: invented.LastDay}
}

// misspelt is the name of somebody of a register as it might have been heard: in Latin letters, with a slip.
func misspelt(of invented.Register, r *rand.Rand) string {
	name := of.Case(r.IntN(of.Cases)).Person.Misspelt(r, invented.Latin)
	return name.Family + " " + name.Given
}

// takeIn imports the list and answers how many entries it made.
func takeIn(ctx context.Context, reg *registry.Registry, session *access.Session, org, station string, data []byte) (int, error) {
	mapping, err := intake.ParseMapping([]byte(mappingYAML), reg.Book())
	if err != nil {
		return 0, err
	}
	start := time.Now()
	t, err := intake.ReadTable(data, mapping.ReadOptions("bench.csv"))
	if err != nil {
		return 0, err
	}
	imported, findings, err := mapping.Run(reg.Book(), t, intake.RunOptions{Today: reg.Today()})
	if err != nil {
		return 0, err
	}
	if imported == nil {
		return 0, fmt.Errorf("the list does not fit its mapping: %v", findings[0])
	}
	said("reading the list by its mapping", time.Since(start))
	rows := make([]registry.CaseImport, len(imported.Rows))
	for i, row := range imported.Rows {
		rows[i] = registry.CaseImport{Key: row.Key, Records: func(id string) []registry.Put {
			puts := make([]registry.Put, len(row.Records))
			for j, r := range row.Records {
				puts[j] = registry.Put{Record: intake.RecordID(id, r.Local), Kind: r.Kind, Fields: r.Resolve(id)}
				if i%5 == 0 && r.Kind == "act" { // one place in which many suffered
					puts[j].Fields["facility"] = []string{station}
				}
			}
			return puts
		}}
	}
	start, work := time.Now(), worked()
	done, err := reg.Import(ctx, session, org, "list: bench.csv", rows, nil)
	if err != nil {
		return 0, err
	}
	took, work := time.Since(start), worked()-work
	said(fmt.Sprintf("taking it in: %d entries", done.Entries), took)
	fmt.Printf("%-48s %10.0f entries/s; %.0f µs of the processors' time an entry\n", "  of it", float64(done.Entries)/took.Seconds(), float64(work.Microseconds())/float64(done.Entries))
	resident()
	return done.Entries, nil
}

// reviewed is how many cases are verified: each takes two entries of their own, and a case is folded for each.
const reviewed = 1000

// review has many cases verified by a second member.
func review(ctx context.Context, reg *registry.Registry, session *access.Session) error {
	orgs, err := reg.Organisations(ctx, session)
	if err != nil {
		return err
	}
	code, _, err := reg.Invite(ctx, session, registry.NewInvitation{Name: "reviewer", Lang: "en", Orgs: []string{orgs[0].ID}, Roles: []access.Role{access.Reviewer}})
	if err != nil {
		return err
	}
	_, passphrase, err := reg.Accept(ctx, code, registry.Acceptance{})
	if err != nil {
		return err
	}
	peer, err := reg.SignIn(ctx, registry.SignIn{Name: "reviewer", Passphrase: passphrase})
	if err != nil {
		return err
	}
	start, done := time.Now(), 0
	for q := (registry.Query{Sort: "number", Limit: 200}); done < reviewed; {
		page, err := reg.Cases(ctx, session, q)
		if err != nil {
			return err
		}
		for _, row := range page.Rows {
			if err := reg.AskReview(ctx, session, row.ID, ""); err != nil {
				return err
			}
			if err := reg.Review(ctx, peer, row.ID, registry.ReviewVerdict{Verdict: "verified", Comment: "made up for a measurement"}); err != nil {
				return err
			}
			done++
		}
		if page.Next == "" {
			break
		}
		q.After = page.Next
	}
	took := time.Since(start)
	said(fmt.Sprintf("asking for %d reviews and giving verdicts", done), took)
	fmt.Printf("%-48s %10s\n", "  each step", round(took/time.Duration(max(1, 2*done))))
	reg.SignOut(peer)
	return nil
}

// ask asks what the pages ask, many times, and says the median and the 99th percentile.
func ask(ctx context.Context, reg *registry.Registry, session *access.Session, station string, seed uint64) error {
	r := rand.New(rand.NewPCG(seed, 7))
	first, err := edtf.ParseDay("2022-01-01")
	if err != nil {
		return err
	}
	day := func() registry.Clock { return registry.Clock{AsOf: first.Add(r.IntN(400))} }
	page, err := reg.Cases(ctx, session, registry.Query{Limit: 200})
	if err != nil {
		return err
	}
	for _, q := range []struct {
		name  string
		times int
		ask   func() error
	}{
		{"all figures, as of any day", 200, func() error {
			_, err := reg.Figures(ctx, session, registry.FigureQuery{Clock: day()})
			return err
		}},
		{"all figures of verified cases, as of any day", 200, func() error {
			_, err := reg.Figures(ctx, session, registry.FigureQuery{Clock: day(), Verified: true})
			return err
		}},
		{"a page of the verified cases behind a figure", 100, func() error {
			_, err := reg.Cases(ctx, session, registry.Query{Figure: "registered_146", Scope: "coalition", Verified: true, Clock: day()})
			return err
		}},
		{"a page of the cases behind a figure", 100, func() error {
			_, err := reg.Cases(ctx, session, registry.Query{Figure: "registered_146", Scope: "coalition", Clock: day()})
			return err
		}},
		{"a page of the list with its facets", 50, func() error {
			_, err := reg.Cases(ctx, session, registry.Query{Clock: day()})
			return err
		}},
		{"search by a name in another script", 100, func() error {
			_, err := reg.Cases(ctx, session, registry.Query{Text: misspelt(world(page.Total, 1, seed), r), Clock: day()})
			return err
		}},
		{"a case with timeline, checks, deadlines", 200, func() error {
			_, err := reg.Case(ctx, session, page.Rows[r.IntN(len(page.Rows))].ID, day())
			return err
		}},
		{"a month of the calendar", 100, func() error {
			from := first.Add(r.IntN(300))
			_, err := reg.Due(ctx, session, registry.DueQuery{From: from, To: from.Add(41), PerDay: 3})
			return err
		}},
		{"two weeks of the agenda, with names", 50, func() error {
			from := first.Add(r.IntN(300))
			_, err := reg.Due(ctx, session, registry.DueQuery{From: from, To: from.Add(13), PerDay: 20, Names: true})
			return err
		}},
		{"a page of open tasks", 50, func() error {
			_, err := reg.Tasks(ctx, session, registry.TaskQuery{Skip: 50 * r.IntN(10)})
			return err
		}},
		{"a facility with a fifth of all cases", 50, func() error {
			_, err := reg.StateRecord(ctx, session, "facility", station, day())
			return err
		}},
		{"a page of its cases", 50, func() error {
			term, _ := registry.ParseTerm("facility:" + station)
			_, err := reg.Cases(ctx, session, registry.Query{With: []registry.Term{term}, Clock: day()})
			return err
		}},
		{"what recurs over all cases", 20, func() error {
			_, err := reg.Patterns(ctx, session, day())
			return err
		}},
		{"the map of the regions", 50, func() error {
			_, err := reg.Regions(ctx, session, day(), nil)
			return err
		}},
		{"the overview", 20, func() error {
			_, err := reg.Overview(ctx, session, registry.OverviewQuery{Clock: day()})
			return err
		}},
	} {
		times := make([]time.Duration, q.times)
		for i := range times {
			start := time.Now()
			if err := q.ask(); err != nil {
				return fmt.Errorf("%s: %w", q.name, err)
			}
			times[i] = time.Since(start)
		}
		slices.Sort(times)
		fmt.Printf("%-48s %10s median, %s at the 99th percentile\n", q.name, round(times[len(times)/2]), round(times[len(times)*99/100]))
	}
	return nil
}

func said(what string, took time.Duration) { fmt.Printf("%-48s %10s\n", what, round(took)) }

func round(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}

const mappingYAML = `
mapping: 1
name: Made up for a measurement
dates: 2006-01-02
key: No
records:
- kind: report
  fields: {received: Received, region: Region}
- kind: person
  fields:
    role: {const: victim}
    family: Family
    given: Given
    patronymic: Patronymic
    sex: Sex
    birth: Born
    child: {child: {born: Born, on: Day}}
- kind: act
  fields: {date: Day, region: Region, place_type: Place, methods: {column: Methods, split: ;}}
- kind: complaint
  when: Complaint
  fields: {filed: {const: "yes"}, date: Complaint, to_body: {const: prosecutor}}
- kind: registration
  when: Registered
  fields: {status: {const: erdr}, date: Registered, article: {const: "146"}, article_written: {const: "146 part 2"}, body: {const: police}}
- name: sme
  kind: examination
  when: Examined
  fields: {kind: {const: sme}, official: {const: "yes"}, ordered: Examined}
- kind: task
  when: Task
  fields: {kind: {const: appeal}, status: {const: open}, due: Task}
- kind: decision
  when: Closed
  fields: {kind: {const: closed}, date: Closed}
`

// list is a list of people who do not exist, as an organisation might keep it.
func list(world invented.Register, org int) []byte {
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	write := func(cells ...string) {
		if err := w.Write(cells); err != nil {
			panic(err) // a bytes.Buffer takes everything
		}
	}
	write("No", "Received", "Family", "Given", "Patronymic", "Sex", "Born", "Region", "Place", "Day", "Methods", "Complaint", "Registered", "Examined", "Closed", "Task")
	for n := org; n < world.Cases; n += world.Orgs {
		of := map[string]invented.Entry{} // the first record of each kind
		for _, e := range world.Case(n).Records() {
			if _, ok := of[e.Kind]; !ok {
				of[e.Kind] = e
			}
		}
		cell := func(kind, field string) string { return strings.Join(of[kind].Fields[field], ";") }
		day := func(kind, field string) string { // the list has whole days
			if d := cell(kind, field); len(d) == len(time.DateOnly) && !strings.Contains(d, "X") {
				return d
			}
			return ""
		}
		when := func(is bool, then string) string {
			if is {
				return then
			}
			return ""
		}
		write(strconv.Itoa(n+1), day("report", "received"), cell("person", "family"), cell("person", "given"), cell("person", "patronymic"), cell("person", "sex"), day("person", "birth"),
			cell("report", "region"), cell("act", "place_type"), day("act", "date"), cell("act", "methods"), day("complaint", "date"), when(cell("registration", "article") == "146", day("registration", "date")),
			when(cell("examination", "kind") == "sme", day("examination", "ordered")), when(cell("decision", "kind") == "closed", day("decision", "date")), day("task", "due"))
	}
	w.Flush()
	return buf.Bytes()
}
