// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
)

// waiting is what waits for somebody, as new and urgent reports.
func (h *house) waiting(who string) string {
	h.t.Helper()
	n, err := h.InboxCount(context.Background(), h.people[who])
	if err != nil {
		h.t.Fatal(err)
	}
	return fmt.Sprint(n.New, " ", n.Urgent, " ", n.More)
}

func TestInboxIsCounted(t *testing.T) {
	h := takes(t)
	ctx := context.Background()
	if got := h.waiting("saule"); got != "0 0 false" {
		t.Errorf("before anything was sent: %s", got)
	}
	one, two := h.outside(1), h.outside(2)
	id := one.sends(t, "one")
	two.sends(t, "two")
	others := h.outside(3) // sealed to somebody else: nothing of the North's
	if err := others.store.Put(others.door, others.reads.Recipient().String(), []byte("not sealed to anybody"), nil); err != nil {
		t.Fatal(err)
	}
	for who, want := range map[string]string{"saule": "2 0 false", "erlan": "2 0 false", "asel": "0 0 false", "madina": "0 0 false"} {
		for range 2 {
			if got := h.waiting(who); got != want {
				t.Errorf("%s is told of %s, want %s", who, got, want)
			}
		}
	}
	yes, more, spam := true, SubmissionMore, SubmissionSpam
	sorted := func(to SubmissionSort, want string) {
		t.Helper()
		if err := h.SortSubmission(ctx, h.people["saule"], id, to); err != nil {
			t.Fatal(err)
		}
		if got := h.waiting("erlan"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	sorted(SubmissionSort{Urgent: &yes}, "2 1 false")
	sorted(SubmissionSort{Status: &more}, "1 1 false")
	sorted(SubmissionSort{Status: &spam}, "1 0 false")
	if err := two.store.Withdraw(two.door); err != nil {
		t.Fatal(err)
	}
	if got := h.waiting("saule"); got != "0 0 false" {
		t.Errorf("taken back, it is still counted: %s", got)
	}
}

// TestInboxIsCountedWithTheKeysOfNow: what opened with none of somebody's keys is
// tried again once there is a key more, and not before.
func TestInboxIsCountedWithTheKeysOfNow(t *testing.T) {
	h := takes(t)
	h.outside(1).sends(t, "one")
	h.join("late", "North", access.Intake)
	for range 2 {
		if got := h.waiting("late"); got != "0 0 false" {
			t.Errorf("who has no key yet is told of %s", got)
		}
	}
	h.signIn("saule")
	if err := h.ShareIntake(context.Background(), h.people["saule"], h.orgs["North"]); err != nil {
		t.Fatal(err)
	}
	if got := h.waiting("late"); got != "1 0 false" {
		t.Errorf("with the key: %s", got)
	}
	h.prove()
	if _, err := h.TurnIntake(context.Background(), h.session, h.orgs["North"], ""); err != nil {
		t.Fatal(err)
	}
	h.outside(2).sends(t, "two")
	foreign := h.outside(3)
	if err := foreign.store.Put(foreign.door, foreign.reads.Recipient().String(), []byte("not sealed to anybody"), nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := h.waiting("late"); got != "2 0 false" {
			t.Errorf("with two keys: %s", got)
		}
	}
	known, _ := h.people["late"].Keys.Opened.Load(foreign.door)
	if n, err := h.intakeKeysOf(h.people["late"], []string{h.orgs["North"], h.orgs["South"]}); err != nil || n != 2 || known.(listedReport).tried != n {
		t.Errorf("%d keys are sealed to them, a report was tried with %+v (%v)", n, known, err)
	}
}

// TestUrgentReportIsDue holds that a report in which life is at risk is due at
// once for each who takes reports, wherever they look, and for nobody else.
func TestUrgentReportIsDue(t *testing.T) {
	h := takes(t)
	ctx := context.Background()
	today := h.Today()
	id := h.outside(1).sends(t, "he is being beaten now")
	yes, no := true, false
	if err := h.SortSubmission(ctx, h.people["saule"], id, SubmissionSort{Urgent: &yes}); err != nil {
		t.Fatal(err)
	}
	feeds := map[string]string{"saule": h.feedOf("saule"), "erlan": h.feedOf("erlan"), "asel": h.feedOf("asel")}
	// told is in how many ways somebody is told, and whether the day is over.
	told := func(who string) string {
		t.Helper()
		s := h.people[who]
		days, err := h.Due(ctx, s, DueQuery{From: edtf.MinDay, To: edtf.MaxDay, Kinds: []string{DueReport}, Names: true})
		if err != nil {
			t.Fatal(who, err)
		}
		due := 0
		for _, d := range days {
			for _, item := range d.Items {
				if item.Submission != id || item.Case != "" || item.Row.ID != "" || item.Record != nil || d.Day != today {
					t.Errorf("%s is shown %+v", who, item)
				}
				due++
			}
		}
		page, err := h.Tasks(ctx, s, TaskQuery{Mine: true})
		if err != nil {
			t.Fatal(who, err)
		}
		if len(page.Tasks) > 0 && page.Tasks[0].What != DueReport {
			t.Errorf("%s sees another task first", who)
		}
		events := 0
		content, err := h.FeedOf(ctx, feeds[who])
		if err != nil {
			t.Fatal(who, err)
		}
		for _, e := range content.Events {
			if e.What == DueReport {
				events += e.N
			}
		}
		l, err := h.letter(ctx, s.Member, &reminders{Often: Daily})
		if err != nil {
			t.Fatal(who, err)
		}
		return fmt.Sprintf("%d due, %d tasks, %d events, %d to be reminded of, %d overdue", due, page.Total, events, l.Tasks, l.Overdue)
	}
	if got := told("asel"); !strings.HasPrefix(got, "0 due, 0 tasks, 0 events") {
		t.Errorf("who takes no reports is told %s", got)
	}
	if got := told("erlan"); got != "1 due, 1 tasks, 1 events, 1 to be reminded of, 0 overdue" {
		t.Errorf("who only takes reports is told %s", got)
	}
	if got := told("saule"); !strings.HasPrefix(got, "1 due, 1 tasks, 1 events") {
		t.Errorf("who works with cases, too, is told %s", got)
	}
	h.later(24 * time.Hour)
	if got := told("erlan"); got != "1 due, 1 tasks, 1 events, 0 to be reminded of, 1 overdue" {
		t.Errorf("a day later: %s", got)
	}
	if err := h.SortSubmission(ctx, h.people["erlan"], id, SubmissionSort{Urgent: &no}); err != nil {
		t.Fatal(err)
	}
	if got := told("erlan"); got != "0 due, 0 tasks, 0 events, 0 to be reminded of, 0 overdue" {
		t.Errorf("when it is over: %s", got)
	}
	if _, err := h.Due(ctx, h.people["zhanna"], DueQuery{}); !errors.Is(err, ErrNotAllowed) || h.HasDue(h.people["zhanna"]) {
		t.Errorf("something is due for who only administers: %v", err)
	}
}
