// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/registry"
)

// TestStatus holds who is told how it stands, and that what could not be looked
// at is said and not shown as well.
func TestStatus(t *testing.T) {
	f := newFake(t)
	for _, who := range []string{"Sample Worker", "Sample Member"} {
		if w := signedInAs(t, f, who, "en").get("/status"); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "1.2.3") {
			t.Errorf("%s is told: %d", who, w.Code)
		}
	}
	if w := signedInAs(t, f, "Sample Worker", "en").get("/members"); strings.Contains(w.Body.String(), "/status") {
		t.Error("a link leads somebody to what they may not see")
	}
	office := signedInAs(t, f, "Sample Office", "en")
	if text := office.get("/status").Body.String(); strings.Count(text, "<li>") != 9 || !strings.Contains(text, "1.2.3") || !strings.Contains(text, "12 GB free of 100 GB") {
		t.Errorf("the page does not say how it stands: %s", text)
	}
	f.broken = errors.New("made up")
	log := &bytes.Buffer{}
	b := newBrowser(t, newPagesLogging(t, f, log), "en")
	b.post("/sign-in", "name", "Sample Office", "passphrase", rightWord)
	if w := b.get("/status"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "could not be looked at") || !strings.Contains(log.String(), "made up") {
		t.Errorf("a machine that can't be looked at: %d, the log says %s", w.Code, log)
	}
	f.broken, f.empty, f.backup = nil, true, registry.BackupState{Why: "none"}
	if text := office.get("/status").Body.String(); !strings.Contains(text, "There is no backup") || !strings.Contains(text, "kua backup FOLDER") {
		t.Error("that there is no backup is not said, or not what helps")
	}
}
