// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	ics "github.com/arran4/golang-ical"

	"github.com/kua-registry/kua/internal/registry"
)

func TestGoldenTold(t *testing.T) {
	for _, lang := range languages {
		b := signedIn(t, newFake(t), lang)
		golden(t, lang+"-feed", b.post("/account/feed").Body.Bytes())
		golden(t, lang+"-account-address", b.post("/account/reminders", "often", "daily", "address", hostile).Body.Bytes())
		f := newFake(t)
		admin := newBrowser(t, newPages(t, f), lang)
		admin.post("/sign-in", "name", "Sample Administrator", "passphrase", rightWord)
		golden(t, lang+"-mail", admin.get("/mail?done=saved").Body.Bytes())
		golden(t, lang+"-mail-problem", admin.post("/mail", "host", "", "port", "0", "tls", "none", "user", hostile, "secret", "never shown", "from_address", hostile).Body.Bytes())
		golden(t, lang+"-mail-refused", admin.post("/mail/try", "address", "a@b.example").Body.Bytes())
		f.empty = true
		golden(t, lang+"-mail-none", admin.get("/mail").Body.Bytes())
		golden(t, lang+"-calendar-file", newBrowser(t, admin.pages, "en").get("/feed/"+feedSecret+lang+".ics").Body.Bytes())
	}
}

// TestFeedIsACalendar reads the file with somebody else's parser.
func TestFeedIsACalendar(t *testing.T) {
	f := newFake(t)
	nobody := newBrowser(t, newPages(t, f), "en")
	for lang, want := range map[string]string{"en": "Our deadline: Complaint to the court (2)", "ru": "Наш срок: Жалоба в суд (2)", "kk": "Біздің мерзім: Сотқа шағым (2)"} {
		w := nobody.get("/feed/" + feedSecret + lang + ".ics")
		if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK || got != "text/calendar; charset=utf-8" {
			t.Fatalf("%s: %d %q", lang, w.Code, got)
		}
		if w.Header().Get("Cache-Control") != "no-store" || len(w.Result().Cookies()) > 0 {
			t.Errorf("%s: what a calendar is told stays somewhere: %v", lang, w.Header())
		}
		raw := w.Body.String()
		for _, line := range strings.Split(strings.TrimSuffix(raw, "\r\n"), "\r\n") {
			if len(line) > 75 || !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n") {
				t.Errorf("%s: a line of %d bytes: %q", lang, len(line), line)
			}
		}
		cal, err := ics.ParseCalendar(strings.NewReader(raw))
		if err != nil {
			t.Fatalf("%s: %v", lang, err)
		}
		events := cal.Events()
		if len(events) != 9 {
			t.Errorf("%s: %d events", lang, len(events))
		}
		uids, found := map[string]bool{}, false
		for _, e := range events {
			uids[e.Id()] = true
			start, err := e.GetAllDayStartAt()
			if err != nil {
				t.Errorf("%s: %v", lang, err)
				continue
			}
			end, err := e.GetAllDayEndAt()
			if err != nil || end.Sub(start) != 24*time.Hour {
				t.Errorf("%s: an event ends %v after it begins: %v", lang, end.Sub(start), err)
			}
			summary := e.GetProperty(ics.ComponentPropertySummary).Value
			found = found || summary == want && start.Format(time.DateOnly) == "2022-06-28"
		}
		if len(uids) != len(events) || !found {
			t.Errorf("%s: %d names of %d events; the deadline is there: %v\n%s", lang, len(uids), len(events), found, raw)
		}
	}
}

// TestFeedNamesNobodyRegression holds the whole file against what is in the
// register: no case, no number, no name, no word of a task.
func TestFeedNamesNobodyRegression(t *testing.T) {
	f := newFake(t)
	raw := newBrowser(t, newPages(t, f), "en").get("/feed/" + feedSecret + "ru.ics").Body.String()
	raw = strings.ReplaceAll(raw, "\r\n ", "")
	for _, row := range f.rows() {
		for _, word := range []string{row.ID, row.Number, row.Name, row.ExternalID, row.OrgName} {
			if word != "" && strings.Contains(raw, word) {
				t.Errorf("the file holds %q", word)
			}
		}
	}
	for _, word := range []string{"archive", "Sample Member", "K-0", "script", taskOne, "Kua", "kua"} {
		if strings.Contains(raw, word) {
			t.Errorf("the file holds %q", word)
		}
	}
	if lines := regexp.MustCompile(`(?m)^(DESCRIPTION|URL|LOCATION|ORGANIZER|ATTENDEE|CATEGORIES)`).FindString(raw); lines != "" {
		t.Errorf("the file says more than it should: %s", lines)
	}
}

// TestFeedOfNobody holds that whoever has no calendar link is told the same as
// of any page that is not there, signed in or not.
func TestFeedOfNobody(t *testing.T) {
	f := newFake(t)
	b := newBrowser(t, newPages(t, f), "en")
	missing := b.get("/nothing").Body.String()
	for _, path := range []string{"/feed/x.ics", "/feed/" + strings.Repeat("A", 43) + ".ics", "/feed/" + feedSecret, "/feed/" + feedSecret + "en", "/feed/.ics", "/feed/x.ics/y", "/feed/"} {
		if w := b.get(path); w.Code != http.StatusNotFound || w.Body.String() != missing {
			t.Errorf("%s: %d, or another page than of what is not there", path, w.Code)
		}
	}
	if w := b.get("/feed/" + feedBusy + ".ics"); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "600" {
		t.Errorf("too often: %d %q", w.Code, w.Header().Get("Retry-After"))
	}
}

// TestToldByForms holds what the forms of the account and of mail do.
func TestToldByForms(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "en")
	for _, tt := range []struct {
		path  string
		pairs []string
		code  int
		to    string
	}{
		{"/account/reminders", []string{"often", "weekly", "address", "a@b.example"}, 303, "/account?done=reminders"},
		{"/account/reminders", []string{"often", ""}, 303, "/account?done=reminders"},
		{"/account/reminders", []string{"often", "hourly"}, 400, ""},
		{"/account/reminders", []string{"often", "daily", "address", "nowhere"}, 422, ""},
		{"/account/feed/end", nil, 303, "/account?done=feed_ended"},
		{"/mail", []string{"host", "h", "port", "25"}, 403, ""},
		{"/mail/end", nil, 403, ""},
	} {
		if w := b.post(tt.path, tt.pairs...); w.Code != tt.code || w.Header().Get("Location") != tt.to {
			t.Errorf("%s %v: %d to %q", tt.path, tt.pairs, w.Code, w.Header().Get("Location"))
		}
	}
	if got := strings.Join(f.did, "; "); got != "reminders weekly a@b.example; reminders  ; feed ended" {
		t.Errorf("done: %q", got)
	}
	if w := b.get("/mail"); w.Code != http.StatusForbidden {
		t.Errorf("who administers nothing sees the mail server: %d", w.Code)
	}
	f.at = f.at.Add(10 * time.Minute)
	b.cookies["kua"] = f.sessions.Begin(f.member("Sample Member"), nil).Token()
	f.at = f.at.Add(10 * time.Minute)
	if w := b.post("/account/feed"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "make a calendar link") {
		t.Errorf("a calendar link without a passphrase: %d", w.Code)
	}
	if w := b.post("/account/feed", "proof", rightWord); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "http://example.com/feed/"+feedSecret+".ics") {
		t.Errorf("a calendar link: %d %s", w.Code, w.Body)
	}
	admin := newBrowser(t, b.pages, "en")
	admin.post("/sign-in", "name", "Sample Administrator", "passphrase", rightWord)
	f.did = nil
	admin.post("/mail", "host", " mail.sample.example ", "port", "587", "tls", "starttls", "user", "u", "secret", "p w", "from_address", "o@s.example")
	if got := strings.Join(f.did, "; "); got != "mail by mail.sample.example starttls u p w o@s.example" {
		t.Errorf("set up: %q", got)
	}
	if w := admin.post("/mail", "host", "", "secret", "never shown"); w.Code != 422 || strings.Contains(w.Body.String(), "never shown") {
		t.Errorf("not set up: %d", w.Code)
	}
	if w := admin.post("/mail/try", "address", "good@b.example"); w.Header().Get("Location") != "/mail?done=tried" {
		t.Errorf("tried: %d to %q", w.Code, w.Header().Get("Location"))
	}
	if w := admin.get("/account"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Calendar link") {
		t.Errorf("account: %d", w.Code)
	}
	office := newBrowser(t, b.pages, "en")
	office.post("/sign-in", "name", "Sample Office", "passphrase", rightWord)
	if w := office.get("/account"); strings.Contains(w.Body.String(), "/account/feed") {
		t.Error("who sees no case is offered a calendar of them")
	}
}

// fakePost sends nothing, and takes what goes to one address.
func fakePost(_ context.Context, _ registry.MailServer, l registry.Letter) error {
	if l.To == "good@b.example" {
		return nil
	}
	return &registry.MailError{Why: registry.MailSignIn}
}
