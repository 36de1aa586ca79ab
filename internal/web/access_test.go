// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// fakeGrants are invented grants.
var fakeGrants = []registry.GrantView{
	{ID: "000000000000000000000000000000e1", To: "Южный пример", Org: true, Part: access.Fact, Until: day("2022-12-31"), By: "Sample Member", At: moment("2022-05-02T10:30:00Z")},
	{ID: "000000000000000000000000000000e2", To: hostile, Part: access.Identity, By: "Әбілғазы", At: moment("2022-06-20T08:00:00Z")},
	{ID: "000000000000000000000000000000e3", To: "Übersample", Part: access.Fact, Until: day("2022-06-01"), Over: true, By: "Sample Member", At: moment("2022-06-20T08:00:00Z")},
}

// fakeRevoked are invented revocations, and fakeKept and fakeBeaten the cases as
// who kept it before sees it, and who keeps it now.
var (
	fakeRevoked = []registry.RevocationView{{ID: "000000000000000000000000000000f1", To: "Южный пример", By: "Northern node", Reason: "she fears " + hostile, At: moment("2022-06-02T10:30:00Z")}, {ID: "000000000000000000000000000000f2", To: hostile, By: "Northern node", At: moment("2022-06-03T10:30:00Z")}}
	fakeGiven   = []registry.GrantView{{ID: fakeGrants[0].ID, To: "Южный пример", Org: true, Part: access.Fact, By: "Sample Member", At: moment("2022-06-03T10:30:00Z"), Revoked: fakeRevoked[:1]}}
	fakeKept    = registry.CaseView{Handed: "Южный пример", MayRevoke: true, Grants: fakeGiven, Revoked: fakeRevoked}
	fakeBeaten  = registry.CaseView{HandTo: []registry.Holder{{ID: orgSouth, Name: hostile, Org: true}}, MayGrant: true, Counted: true, Grants: fakeGiven, Revoked: fakeRevoked}
)

// TestAFormerKeeperSaysWhoIsNotToRead: who kept a case sees what was granted and
// said, and says more; who keeps it grants despite that when they say so.
func TestAFormerKeeperSaysWhoIsNotToRead(t *testing.T) {
	f := newFake(t)
	view := fakeKept
	view.Row = f.rows()[0]
	f.whole = &view
	b := signedIn(t, f, "en")
	page := b.get("/cases/" + caseOne).Body.String()
	for _, want := range []string{"Южный пример is not to read this case", "she fears", "given before it was known what Northern node says", `value="revoke-kept"`} {
		if !strings.Contains(page, want) {
			t.Errorf("who kept it does not see %q", want)
		}
	}
	for _, not := range []string{`value="grant"`, `value="restrict"`, `value="revoke"`, memberID} {
		if strings.Contains(page, not) {
			t.Errorf("who kept it sees %q", not)
		}
	}
	if w := b.post("/cases/"+caseTwo+"/access", "act", "revoke-kept", "to", orgSouth, "reason", "she asked"); w.Code != http.StatusSeeOther || f.access != "revoked of "+orgSouth+": she asked" {
		t.Errorf("%d, done %q", w.Code, f.access)
	}
	view = fakeBeaten
	view.Row = f.rows()[0]
	f.against = true
	one := "/cases/" + caseOne + "/access"
	w := b.post(one, "act", "grant", "to", orgSouth, "part", "fact")
	if body := w.Body.String(); w.Code != http.StatusUnprocessableEntity || !strings.Contains(body, `name="despite"`) || !strings.Contains(body, "not to read it: read why above") {
		t.Errorf("granted against what is said: %d", w.Code)
	}
	if w := b.post(one, "act", "grant", "to", orgSouth, "part", "fact", "despite", "yes"); w.Code != http.StatusSeeOther {
		t.Errorf("granted despite it: %d", w.Code)
	}
}

func (f *fake) Holders(context.Context, *access.Session, string) ([]registry.Holder, error) {
	return []registry.Holder{{ID: orgSouth, Name: "Южный пример", Org: true}, {ID: orgApart, Name: hostile, Org: true}, {ID: memberID, Name: "Colleague <i>", Roles: []access.Role{access.Lawyer, access.Reviewer}}}, f.fails
}

func (f *fake) Grant(_ context.Context, s *access.Session, id string, g registry.NewGrant) (registry.GrantView, error) {
	switch {
	case f.fails != nil:
		return registry.GrantView{}, f.fails
	case id != caseOne:
		return registry.GrantView{}, registry.ErrNotFound
	case !f.sessions.Fresh(s):
		return registry.GrantView{}, registry.ErrProof
	case g.Part != access.Fact && g.Part != access.Identity:
		return registry.GrantView{}, registry.ErrPart
	case g.To == "":
		return registry.GrantView{}, registry.ErrNoHolder
	case f.against && !g.Despite:
		return registry.GrantView{}, registry.ErrRevoked
	}
	f.access = fmt.Sprintf("%s %s %s", g.To, g.Part, g.Until)
	return registry.GrantView{}, nil
}

func (f *fake) RevokeKept(_ context.Context, _ *access.Session, id, org, reason string) (registry.RevocationView, error) {
	switch {
	case f.fails != nil:
		return registry.RevocationView{}, f.fails
	case id != caseTwo:
		return registry.RevocationView{}, registry.ErrNotKept
	case strings.TrimSpace(reason) == "":
		return registry.RevocationView{}, registry.ErrReason
	}
	f.access = fmt.Sprintf("revoked of %s: %s", org, reason)
	return registry.RevocationView{}, nil
}

func (f *fake) Revoke(_ context.Context, _ *access.Session, id, grant, reason string) error {
	switch {
	case f.fails != nil:
		return f.fails
	case id != caseOne || grant != fakeGrants[0].ID && grant != fakeGrants[1].ID:
		return registry.ErrNotFound
	case strings.TrimSpace(reason) == "":
		return registry.ErrReason
	}
	f.access = "revoked " + grant[30:] + " " + reason
	return nil
}

func (f *fake) Restrict(_ context.Context, _ *access.Session, id string, restricted bool) error {
	if id != caseOne && id != caseThree {
		return registry.ErrNotFound
	}
	f.access = fmt.Sprint("restricted ", restricted)
	return f.fails
}

func (f *fake) Erase(_ context.Context, s *access.Session, id string, e registry.Erasure) error {
	switch {
	case f.fails != nil:
		return f.fails
	case id != caseOne:
		return registry.ErrNotFound
	case !f.sessions.Fresh(s):
		return registry.ErrProof
	case strings.TrimSpace(e.Reason) == "":
		return registry.ErrReason
	}
	f.access = fmt.Sprintf("erased %v %s %s", e.Whole, e.Why, e.Reason)
	return nil
}

func (f *fake) ErasureFinal() time.Time { return moment("2022-07-06T09:00:00Z") }

func TestAccessForms(t *testing.T) {
	f := newFake(t)
	b := newBrowser(t, newPages(t, f), "en")
	b.post("/sign-in", "name", "Sample Member", "passphrase", rightWord)
	one, home := "/cases/"+caseOne+"/access", "/cases/"+caseOne+"#access"
	for _, tt := range []struct {
		form  []string
		did   string
		say   string
		where string
	}{
		{[]string{"act", "grant", "to", orgSouth, "part", "fact", "until", "2022-12-31"}, orgSouth + " fact 2022-12-31", "", home},
		{[]string{"act", "grant", "to", "", "other", " far.away ", "part", "identity"}, "far.away identity ", "", home},
		{[]string{"act", "grant", "to", "", "part", "fact"}, "", "There is no organisation and no member of that name", ""},
		{[]string{"act", "grant", "to", orgSouth}, "", "Choose what they may read", ""},
		{[]string{"act", "revoke", "grant", fakeGrants[1].ID, "reason", "their phone was taken"}, "revoked e2 their phone was taken", "", home},
		{[]string{"act", "revoke", "grant", fakeGrants[1].ID, "reason", " "}, "", "Say why in a few words", ""},
		{[]string{"act", "restrict"}, "restricted true", "", home},
		{[]string{"act", "lift"}, "restricted false", "", home},
	} {
		f.access = ""
		w := b.post(one, tt.form...)
		if tt.say != "" {
			if body := w.Body.String(); w.Code != http.StatusUnprocessableEntity || !strings.Contains(body, tt.say) || f.access != "" {
				t.Errorf("%v: %d, done %q", tt.form, w.Code, f.access)
			}
			continue
		}
		if !strings.HasPrefix(f.access, tt.did) || w.Code != http.StatusSeeOther || w.Header().Get("Location") != tt.where {
			t.Errorf("%v: %d to %s, done %q", tt.form, w.Code, w.Header().Get("Location"), f.access)
		}
	}
	// What was written is kept where it is not taken.
	w := b.post(one, "act", "grant", "other", "far & away", "until", "2022-12-31")
	if body := w.Body.String(); !strings.Contains(body, `value="far &amp; away"`) || !strings.Contains(body, `value="2022-12-31"`) {
		t.Error("what was written is lost")
	}
	f.access = ""
	for want, form := range map[int][]string{
		http.StatusBadRequest: {"act", "everything"},
		http.StatusNotFound:   {"act", "revoke", "grant", "nonsense", "reason", "because"},
	} {
		if w := b.post(one, form...); w.Code != want || f.access != "" {
			t.Errorf("%v: %d, done %q", form, w.Code, f.access)
		}
	}
	if w := b.post(one, "act", "grant", "to", orgSouth, "part", "fact", "until", "tomorrow"); w.Code != http.StatusBadRequest {
		t.Errorf("a day that is none: %d", w.Code)
	}
	if w := b.post("/cases/"+caseTwo+"/access", "act", "restrict"); w.Code != http.StatusNotFound {
		t.Errorf("a case of others: %d", w.Code)
	}
	if w := b.get(one); w.Code != http.StatusSeeOther || w.Header().Get("Location") != home {
		t.Errorf("the address of the forms: %d", w.Code)
	}

	// Erasure.
	erase := "/cases/" + caseOne + "/erase"
	for _, tt := range []struct {
		form  []string
		did   string
		say   string
		where string
	}{
		{[]string{"what", "identity", "why", "wish", "reason", "asked for"}, "erased false wish asked for", "", "/cases/" + caseOne},
		{[]string{"what", "whole", "why", "danger", "reason", "asked for"}, "erased true danger asked for", "", "/cases"},
		{[]string{"what", "identity", "why", "wish", "reason", " "}, "", "Say why in a few words", ""},
		{[]string{"why", "wish", "reason", "asked for"}, "", "Choose what is to be erased", ""},
		{[]string{"what", "all", "why", "wish", "reason", "asked for"}, "", "Choose what is to be erased", ""},
		{[]string{"what", "whole", "why", "", "reason", "asked for"}, "", "Choose what is to be erased", ""},
	} {
		f.access = ""
		w := b.post(erase, tt.form...)
		if tt.say != "" {
			if body := w.Body.String(); w.Code != http.StatusUnprocessableEntity || !strings.Contains(body, tt.say) || f.access != "" {
				t.Errorf("%v: %d, done %q", tt.form, w.Code, f.access)
			}
			continue
		}
		if f.access != tt.did || w.Code != http.StatusSeeOther || w.Header().Get("Location") != tt.where {
			t.Errorf("%v: %d to %s, done %q", tt.form, w.Code, w.Header().Get("Location"), f.access)
		}
	}
	if w := b.get("/cases/" + caseTwo + "/erase"); w.Code != http.StatusForbidden {
		t.Errorf("who may not erase gets the page: %d", w.Code)
	}

	// After five minutes both ask for the passphrase, and are done with it.
	f.at, f.access = f.at.Add(access.ProofLimit+time.Second), ""
	for path, form := range map[string]url.Values{
		one:   {"act": {"grant"}, "to": {orgSouth}, "part": {"fact"}},
		erase: {"what": {"identity"}, "why": {"wish"}, "reason": {"asked for"}},
	} {
		w := b.form(path, form)
		if w.Code != http.StatusForbidden || f.access != "" {
			t.Fatalf("%s: %d, done %q", path, w.Code, f.access)
		}
		action, again := resend(t, w.Body.String())
		again.Set("proof", rightWord)
		if w := b.form(action, again); w.Code != http.StatusSeeOther || f.access == "" {
			t.Errorf("%s with the passphrase: %d, done %q", path, w.Code, f.access)
		}
		f.at, f.access = f.at.Add(access.ProofLimit+time.Second), ""
	}
}

// TestAccessIsShownToThoseWhoMayGrant: of who else reads a case everybody else sees nothing.
func TestAccessIsShownToThoseWhoMayGrant(t *testing.T) {
	b := signedIn(t, newFake(t), "en")
	if page := b.get("/cases/" + caseOne).Body.String(); !strings.Contains(page, `id="access"`) || !strings.Contains(page, "Южный пример") || !strings.Contains(page, "/erase") {
		t.Error("who may grant does not see who reads the case")
	}
	page := b.get("/cases/" + caseTwo).Body.String()
	for _, word := range []string{`id="access"`, "Who may read", "/access", "/erase", "Restrict"} {
		if strings.Contains(page, word) {
			t.Errorf("who may not grant sees %s", word)
		}
	}
}
