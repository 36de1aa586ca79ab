// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
)

// almaty is where the invented installation stands: five hours before Greenwich.
var almaty = time.FixedZone("Almaty", 5*60*60)

// at is a moment of a day of 2022 by the clock of the installation.
func at(day, hour, minute int) time.Time { return time.Date(2022, 6, day, hour, minute, 0, 0, almaty) }

func caseID(n int) string { return fmt.Sprintf("%032x", n) }

// opens are lines of a member who opens so many cases, one each step.
func opens(member string, from time.Time, step time.Duration, first, n int) []index.AuditLine {
	var lines []index.AuditLine
	for i := range n {
		lines = append(lines, index.AuditLine{At: from.Add(time.Duration(i) * step), Member: member, Act: actRead, N: 1, Cases: []string{caseID(first + i)}})
	}
	return lines
}

func many(l index.AuditLine, n int, step time.Duration) []index.AuditLine {
	var lines []index.AuditLine
	for i := range n {
		next := l
		next.At, next.N = l.At.Add(time.Duration(i)*step), 1
		lines = append(lines, next)
	}
	return lines
}

// raised are the alarms of lines, in words, the oldest first.
func raised(lines ...[]index.AuditLine) string {
	days := map[edtf.Day][]index.AuditLine{}
	all := slices.Concat(lines...)
	slices.SortStableFunc(all, func(a, b index.AuditLine) int { return a.At.Compare(b.At) })
	for _, l := range all {
		days[dayOf(l.At, almaty)] = append(days[dayOf(l.At, almaty)], l)
	}
	sums := map[edtf.Day]map[string]*daily{}
	for day, lines := range days {
		sums[day] = summarise(lines, almaty)
	}
	out := ""
	found := alarms(sums, 0)
	slices.Reverse(found)
	for _, a := range found {
		out += fmt.Sprintf("%s %s %s; ", a.Kind, a.Member, a.Day.String()[8:])
	}
	return out
}

func TestAlarms(t *testing.T) {
	signIn := func(member, device string, when time.Time) []index.AuditLine {
		return []index.AuditLine{{At: when, Member: member, Act: actSignIn, Device: device, N: 1}}
	}
	working := func(days, cases int) (lines []index.AuditLine) {
		for d := range days {
			lines = append(lines, opens("a", at(1+d, 10, 0), 5*time.Minute, 100*d, cases)...)
		}
		return lines
	}
	refused := index.AuditLine{At: at(20, 10, 0), Member: "a", Act: actRefused}
	failed := index.AuditLine{At: at(20, 10, 0), Member: "a", Act: actSignInFailed}
	strangers := index.AuditLine{At: at(20, 10, 0), Act: actSignInFailed}
	list := func(first, n int) []index.AuditLine {
		var ids []string
		for i := range n {
			ids = append(ids, caseID(first+i))
		}
		return []index.AuditLine{{At: at(20, 10, 0), Member: "a", Act: actList, Cases: ids, N: n}}
	}
	for _, tt := range []struct {
		name  string
		lines [][]index.AuditLine
		want  string
	}{
		{"work", [][]index.AuditLine{working(15, 8), opens("a", at(20, 10, 0), 3*time.Minute, 0, 19)}, ""},
		{"39 in an hour", [][]index.AuditLine{opens("a", at(20, 10, 0), time.Minute, 0, openedHour-1)}, ""},
		{"40 in an hour", [][]index.AuditLine{opens("a", at(20, 10, 0), time.Minute, 0, openedHour)}, "bulk a 20; "},
		{"40 in two hours", [][]index.AuditLine{opens("a", at(20, 10, 0), 3*time.Minute, 0, openedHour)}, ""},
		{"the same one a hundred times", [][]index.AuditLine{many(index.AuditLine{At: at(20, 10, 0), Member: "a", Act: actRead, Cases: []string{caseID(1)}}, 100, time.Minute)}, ""},
		{"a whole list", [][]index.AuditLine{list(0, namedHour)}, "bulk a 20; "},
		{"some pages", [][]index.AuditLine{list(0, namedHour-1)}, ""},
		{"120 in a day", [][]index.AuditLine{opens("a", at(20, 8, 0), 6*time.Minute, 0, openedDay)}, "bulk a 20; "},
		{"unusually many", [][]index.AuditLine{working(15, 4), opens("a", at(20, 10, 0), 4*time.Minute, 0, openedUnusual)}, "bulk a 20; "},
		{"unusually many and few", [][]index.AuditLine{working(15, 1), opens("a", at(20, 10, 0), 4*time.Minute, 0, openedUnusual-1)}, ""},
		{"many, and nothing usual yet", [][]index.AuditLine{working(4, 4), opens("a", at(20, 10, 0), 4*time.Minute, 0, openedUnusual)}, ""},
		{"a known device at night", [][]index.AuditLine{signIn("a", "x", at(1, 10, 0)), signIn("a", "x", at(20, 23, 0))}, ""},
		{"a new device by day", [][]index.AuditLine{signIn("a", "x", at(1, 10, 0)), signIn("a", "y", at(20, 10, 0))}, ""},
		{"a new device at night", [][]index.AuditLine{signIn("a", "x", at(1, 10, 0)), signIn("a", "y", at(20, 23, 0))}, "device a 20; "},
		{"before six", [][]index.AuditLine{signIn("a", "x", at(1, 10, 0)), signIn("a", "y", at(20, 5, 59))}, "device a 20; "},
		{"at six", [][]index.AuditLine{signIn("a", "x", at(1, 10, 0)), signIn("a", "y", at(20, 6, 0))}, ""},
		{"the first device", [][]index.AuditLine{signIn("a", "x", at(20, 23, 0))}, ""},
		{"nine refusals", [][]index.AuditLine{many(refused, refusalsHour-1, time.Minute)}, ""},
		{"ten refusals", [][]index.AuditLine{many(refused, refusalsHour, time.Minute)}, "refusals a 20; "},
		{"twenty in a day", [][]index.AuditLine{many(refused, refusalsDay, 30*time.Minute)}, "refusals a 20; "},
		{"nine failures", [][]index.AuditLine{many(failed, failuresDay-1, time.Minute)}, ""},
		{"ten failures", [][]index.AuditLine{many(failed, failuresDay, time.Minute)}, "failures a 20; "},
		{"ten strangers", [][]index.AuditLine{many(strangers, failuresDay, time.Minute)}, ""},
		{"fifty strangers", [][]index.AuditLine{many(strangers, strangersDay, time.Minute)}, "failures  20; "},
		{"over midnight", [][]index.AuditLine{many(index.AuditLine{At: at(20, 23, 55), Member: "a", Act: actRefused}, refusalsHour, time.Minute)}, ""},
	} {
		if got := raised(tt.lines...); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestAlarmsProperties draws lines and holds: one alarm of a kind for a member
// and a day, whatever was read; none of a quiet day; more reading never takes an
// absolute alarm away; and the same however the days were summed up before.
func TestAlarmsProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var lines []index.AuditLine
		now := at(1, 0, 0)
		for range rapid.IntRange(0, 300).Draw(rt, "lines") {
			now = now.Add(time.Duration(rapid.IntRange(0, 90).Draw(rt, "minutes")) * time.Minute)
			l := index.AuditLine{At: now, Member: rapid.SampledFrom([]string{"a", "b", ""}).Draw(rt, "member"), N: rapid.IntRange(1, 3).Draw(rt, "n")}
			l.Act = rapid.SampledFrom([]string{actRead, actList, actRefused, actSignIn, actSignInFailed}).Draw(rt, "act")
			l.Device = rapid.SampledFrom([]string{"x", "y", "z"}).Draw(rt, "device")
			if l.Act == actRead || l.Act == actList {
				first := rapid.IntRange(0, 500).Draw(rt, "first")
				for i := range rapid.IntRange(1, 60).Draw(rt, "cases") {
					l.Cases = append(l.Cases, caseID(first+i))
				}
			}
			lines = append(lines, l)
		}
		got := raised(lines)
		days := map[edtf.Day]map[string]*daily{}
		for _, l := range lines {
			day := dayOf(l.At, almaty)
			if days[day] == nil {
				days[day] = summarise(slices.DeleteFunc(slices.Clone(lines), func(o index.AuditLine) bool { return dayOf(o.At, almaty) != day }), almaty)
			}
		}
		ids := map[string]bool{}
		for _, a := range alarms(days, 0) {
			if ids[a.ID] {
				rt.Fatalf("twice: %s", a.ID)
			}
			ids[a.ID] = true
			if dayOf(a.At, almaty) != a.Day {
				rt.Fatalf("%s was raised on %v", a.ID, a.At)
			}
			d := days[a.Day][a.Member]
			if a.Kind == AlarmBulk && d.opened < openedUnusual && d.named < namedUnusual ||
				a.Kind == AlarmRefusals && d.refused < refusalsHour || a.Kind == AlarmFailures && d.failed < failuresDay {
				rt.Fatalf("%s of a quiet day: %+v", a.ID, d)
			}
		}
		if again := raised(lines); again != got {
			rt.Fatalf("%q and then %q", got, again)
		}
		more := raised(lines, opens("a", now.Add(time.Minute), time.Second, 1000, openedHour))
		if day := dayOf(now.Add(2*time.Minute), almaty).String()[8:]; !strings.Contains(more, "bulk a "+day+"; ") && dayOf(now.Add(2*time.Minute), almaty) == dayOf(now.Add(time.Minute), almaty) {
			rt.Fatalf("40 more cases in a minute raised nothing: %q", more)
		}
	})
}

// TestAlarmIsLookedAfter follows an alarm from the acts that raise it to the
// note of what came of it.
func TestAlarmIsLookedAfter(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	for range refusalsHour {
		_, _ = g.Case(ctx, g.session, "K-0000000", Clock{})
		g.clock.t = g.clock.t.Add(time.Minute)
	}
	all, err := g.Alarms(ctx, g.session)
	if err != nil || len(all) != 1 || all[0].Kind != AlarmRefusals || all[0].Name != "aigerim" || all[0].Seen {
		t.Fatal(all, err)
	}
	if o, err := g.Overview(ctx, g.session, OverviewQuery{}); err != nil || o.Alarms != 1 {
		t.Errorf("the overview tells of %d alarms, %v", o.Alarms, err)
	}
	if err := g.SeeAlarm(ctx, g.session, all[0].ID, " "); !errors.Is(err, ErrNote) {
		t.Error("an alarm was marked without a note")
	}
	worker := *g.session
	worker.Member.Roles = []access.Role{access.CaseWorker}
	if err := g.SeeAlarm(ctx, &worker, all[0].ID, "nothing"); !errors.Is(err, ErrNotAllowed) {
		t.Error("somebody else marked an alarm")
	}
	if o, err := g.Overview(ctx, &worker, OverviewQuery{}); err != nil || o.Alarms != 0 {
		t.Errorf("the overview tells a case worker of %d alarms, %v", o.Alarms, err)
	}
	if err := g.SeeAlarm(ctx, g.session, all[0].ID, "mistyped the number, asked them"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		all, err = g.Alarms(ctx, g.session)
		if err != nil || len(all) != 1 || !all[0].Seen || all[0].SeenBy != "aigerim" || all[0].Note == "" {
			t.Fatal(all, err)
		}
		g.reopen()
	}
}

// TestAuditTellsOfNoHiddenCase holds that the audit tells nobody of a case that
// they may not know of, neither by a line nor by a line left out.
func TestAuditTellsOfNoHiddenCaseRegression(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	g.clock.t = g.clock.t.Add(time.Minute)
	hidden := g.cases[1]
	if err := g.Restrict(ctx, g.session, hidden, true); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Case(ctx, g.session, hidden, Clock{}); err != nil {
		t.Fatal(err)
	}
	org, _ := g.Organisation(ctx, "North")
	as := func(id string, roles ...access.Role) *access.Session {
		s := g.sessions.Begin(access.Member{ID: id, Name: "other", Roles: roles, Orgs: []string{org.ID}}, g.session.Keys)
		return s
	}
	of := func(s *access.Session) (lines, naming int) {
		page, err := g.Audit(ctx, s, AuditQuery{Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range page.Lines {
			lines++
			naming += len(l.Cases)
			if slices.ContainsFunc(l.Cases, func(c CaseRef) bool { return c.ID == hidden }) {
				t.Errorf("%v is told of a hidden case: %+v", s.Member.Roles, l)
			}
		}
		return lines, naming
	}
	other := caseID(77)
	if n, naming := of(as(other, access.Administrator)); n == 0 || naming > 0 {
		t.Errorf("an administrator sees %d lines, %d cases by number", n, naming)
	}
	of(as(other, access.Administrator, access.Coordinator))
	if n, _ := of(as(other, access.CaseWorker)); n == 0 {
		t.Error("a case worker sees nothing of their organisation's cases")
	}
	if n, _ := of(as(other, access.Analyst)); n != 0 {
		t.Errorf("an analyst sees %d lines of others", n)
	}
	for _, s := range []*access.Session{as(other, access.Administrator, access.Coordinator), as(other, access.CaseWorker)} {
		if _, err := g.Audit(ctx, s, AuditQuery{Case: hidden}); !errors.Is(err, ErrNotFound) {
			t.Errorf("the audit of a hidden case: %v", err)
		}
	}
	// What was tried is in the audit alike, whether it is there or not.
	trying := as(other, access.CaseWorker)
	admin := as(caseID(78), access.Administrator, access.Coordinator)
	before, _ := of(admin)
	if _, err := g.Case(ctx, trying, hidden, Clock{}); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	one, _ := of(admin)
	if _, err := g.Case(ctx, trying, caseID(5), Clock{}); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	two, _ := of(admin)
	if one-before != 1 || two-one != 1 {
		t.Errorf("trying a hidden case makes %d lines, one that is not there %d", one-before, two-one)
	}
	// The member whose case it is sees who tried it.
	page, err := g.Audit(ctx, g.session, AuditQuery{Case: hidden, Refused: true})
	if err != nil || len(page.Lines) != 1 {
		t.Errorf("who tried the case: %+v, %v", page.Lines, err)
	}
	view, err := g.Case(ctx, g.session, hidden, Clock{})
	if err != nil || len(view.Readers) != 1 || view.Readers[0].Refused != 1 {
		t.Errorf("who read the case: %+v, %v", view.Readers, err)
	}
}
