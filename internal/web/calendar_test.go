// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/registry"
)

// TestTaskDone holds that a task is marked as done by a form, and what is said
// where somebody else was faster or it is not there.
func TestTaskDone(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "ru")
	w := b.post("/tasks/done", "case", caseTwo, "record", taskOne, "seen", "1")
	if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || to != "/tasks?done=1" {
		t.Errorf("done: %d to %q", w.Code, to)
	}
	if len(f.did) != 1 || !strings.HasPrefix(f.did[0], "task done: Отмечено") {
		t.Errorf("what was done: %q", f.did)
	}
	if w := b.post("/tasks/done", "case", caseOne, "record", taskSeen, "seen", "1"); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "Эту задачу изменили") {
		t.Errorf("changed meanwhile: %d", w.Code)
	}
	for _, seen := range []string{"", "x"} {
		if w := b.post("/tasks/done", "case", caseTwo, "record", taskOne, "seen", seen); w.Code != http.StatusBadRequest {
			t.Errorf("seen %q: %d", seen, w.Code)
		}
	}
	if w := b.post("/tasks/done", "case", caseOne, "record", taskOne, "seen", "1"); w.Code != http.StatusNotFound {
		t.Errorf("of another case: %d", w.Code)
	}
	if w := b.get("/tasks/new?case=K-17%2F2"); w.Header().Get("Location") != "/cases/K-17%2F2/add/task" {
		t.Errorf("a new task leads to %q", w.Header().Get("Location"))
	}
}

// TestCalendarAddresses holds that an address that makes no sense is refused,
// that whoever counts nothing has no calendar, and that no page names a case
// outside the agenda.
func TestCalendarAddresses(t *testing.T) {
	b := signedIn(t, newFake(t), "en")
	for path, want := range map[string]int{
		"/calendar?from=2022-13": 400, "/calendar?from=x": 400, "/calendar?from=1500-01": 400, "/calendar?from=2022-02-30": 400,
		"/calendar?from=2022-02-28": 200, "/calendar?from=2100-12": 200, "/calendar?from=1990-01": 200, "/calendar?view=other&show=nothing&cases=x": 200,
		"/tasks?skip=-5": 200, "/tasks?skip=x": 200,
	} {
		if w := b.get(path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	if page := b.get("/calendar").Body.String(); strings.Contains(page, "Примеров") || !strings.Contains(page, "K-0002") {
		t.Error("the month names who a case is about, or not the case")
	}
	office := newBrowser(t, b.pages, "en")
	office.post("/sign-in", "name", "Sample Office", "passphrase", rightWord)
	for _, path := range []string{"/calendar", "/calendar?view=agenda", "/tasks"} {
		if w := office.get(path); w.Code != http.StatusForbidden {
			t.Errorf("whoever only administers gets %d of %s", w.Code, path)
		}
	}
	f := newFake(t)
	f.fails = registry.ErrUnaudited
	if w := signedIn(t, f, "en").get("/calendar?view=agenda"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("unaudited: %d", w.Code)
	}
}
