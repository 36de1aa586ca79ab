// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// A dangerous act asks for the passphrase once more. Its handler knows nothing
// of that: it answers registry.ErrProof, the visitor gets a page that asks for
// the passphrase and carries the form, and the form comes back to the same
// address with the passphrase in it.

const (
	// proofField carries the passphrase that a form comes back with.
	proofField = "proof"
	// postLimit is more than any form of the pages takes but those with files.
	postLimit = 1 << 20
	// How much of a form is carried from one page to the next.
	mostCarried      = 500
	mostCarriedBytes = 256 << 10
)

// secretFields are never written into a page.
var secretFields = []string{proofField, "passphrase", "old_passphrase", "new_passphrase", "code", "secret"}

// proofActs says in general words what a form does, by the pattern of its
// route: the key of the message is proof.act.<word>. What is not here is
// called a step that can't be taken back easily.
var proofActs = map[string]string{
	"POST /cases/{id}/access":          "access",
	"POST /cases/{id}/bundle":          "bundle",
	"POST /cases/{id}/hand":            "hand",
	"POST /exchange/back":              "hand",
	"POST /common/offer":               "offer",
	"POST /cases/{id}/erase":           "erase",
	"POST /exports/{id}/answer":        "export_answer",
	"POST /exports/{id}/fetch":         "export_fetch",
	"POST /encoded":                    "encoded",
	"POST /account/factor/begin":       "factor_begin",
	"POST /account/factor/off":         "factor_off",
	"POST /account/passkeys/remove":    "passkey",
	"POST /account/feed":               "feed",
	"POST /account/programs":           "apikey",
	"POST /account/webhooks":           "webhook",
	"POST /account/webhooks/allow":     "webhook_host",
	"POST /account/webhooks/disallow":  "webhook_host",
	"POST /mail":                       "mail",
	"POST /mail/end":                   "mail",
	"POST /mail/try":                   "mail",
	"POST /members/invite":             "invite",
	"POST /invitations/{id}/take-back": "take_back",
	"POST /members/{id}/roles":         "roles",
	"POST /members/{id}/second-factor": "factor",
	"POST /members/{id}/name":          "rename",
	"POST /members/{id}/end":           "end",
	"POST /organisations/{id}":         "org",
	"POST /organisations/{id}/second":  "second",
	"POST /organisations/{id}/let-in":  "let_in",
	"POST /organisations/{id}/let-out": "let_out",
	"POST /statements/{id}/publish":    "publish",
	"POST /statements/public":          "public",
	"POST /inbox/keys/{org}/new":       "intake_key",
	"POST /inbox/keys/{org}/share":     "intake_share",
}

type proofBody struct {
	Act, Action, Problem string
	Fields               []hiddenField
}

type hiddenField struct{ Name, Value string }

// proved reads the form of a request and, where it brings the passphrase,
// proves it before the handler runs. It answers false where the request has
// been answered already.
func (s *server) proved(v *visit) (bool, error) {
	if !isForm(v.r) {
		return true, nil
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, postLimit)
	if err := v.r.ParseForm(); err != nil {
		return false, errBadRequest
	}
	if !v.r.PostForm.Has(proofField) {
		return true, nil
	}
	passphrase := v.r.PostForm.Get(proofField)
	v.r.PostForm.Del(proofField)
	v.r.Form.Del(proofField)
	if passphrase == "" {
		v.status = http.StatusUnprocessableEntity
		return false, s.askProof(v, v.T("proof.empty"))
	}
	switch err := s.reg.Prove(v.r.Context(), v.session, passphrase); {
	case errors.Is(err, access.ErrSignIn):
		v.status = http.StatusUnprocessableEntity
		return false, s.askProof(v, v.T("proof.wrong"))
	case errors.Is(err, access.ErrTooMany):
		words, _ := s.retryAfter(v, err)
		v.status = http.StatusTooManyRequests
		return false, s.askProof(v, words)
	case err != nil:
		return false, err
	}
	return true, nil
}

// isForm tells whether a request is a form that can be carried: not one with files.
func isForm(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return r.Method == http.MethodPost && err == nil && media == "application/x-www-form-urlencoded"
}

// carried is a form as it is carried from one page to the next; false: it is too long.
func carried(form url.Values) ([]hiddenField, bool) {
	var fields []hiddenField
	size := 0
	for name, values := range form {
		if slices.Contains(secretFields, name) {
			continue
		}
		for _, value := range values {
			size += len(name) + len(value)
			fields = append(fields, hiddenField{name, value})
		}
	}
	// Values of one name keep their order.
	slices.SortStableFunc(fields, func(a, b hiddenField) int { return strings.Compare(a.Name, b.Name) })
	return fields, len(fields) <= mostCarried && size <= mostCarriedBytes
}

// written tells whether a form holds what somebody has written about a case, or to who sent a report.
func written(form url.Values) bool {
	for name, values := range form {
		for _, of := range []string{fieldPrefix, "person.", "report.", "answer.text"} {
			if strings.HasPrefix(name, of) && strings.Join(values, "") != "" {
				return true
			}
		}
	}
	return false
}

type againBody struct {
	Action, SignIn string
	Fields         []hiddenField
}

// askAgain answers a form that somebody sent whose session is over: nothing of
// what they wrote is lost. They sign in in another window and send it again.
// It answers false where there is nothing to be lost.
func (s *server) askAgain(v *visit) (bool, error) {
	if s.reg == nil || !isForm(v.r) {
		return false, nil
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, postLimit)
	if err := v.r.ParseForm(); err != nil || !written(v.r.PostForm) {
		return false, nil
	}
	v.r.PostForm.Del("then")
	body := againBody{Action: v.r.URL.RequestURI(), SignIn: "/sign-in"}
	var ok bool
	if body.Fields, ok = carried(v.r.PostForm); !ok {
		return false, nil
	}
	v.status = http.StatusUnauthorized
	return true, s.show(v, "again", v.T("again.title"), body)
}

// askProof shows the page that asks for the passphrase and carries the form.
func (s *server) askProof(v *visit, problem string) error {
	if !isForm(v.r) {
		return oops{http.StatusForbidden, "proof"}
	}
	act := proofActs[v.r.Pattern]
	if act == "" {
		act = "other"
	}
	body := proofBody{Act: v.T("proof.act." + act), Action: v.r.URL.RequestURI(), Problem: problem}
	var ok bool
	if body.Fields, ok = carried(v.r.PostForm); !ok {
		return oops{http.StatusRequestEntityTooLarge, "proof_long"}
	}
	if problem == "" {
		v.status = http.StatusForbidden
	}
	return s.show(v, "proof", v.T("proof.title"), body)
}

// answered is what becomes of the error of a handler: a missing proof is asked for.
func (s *server) answered(v *visit, err error) error {
	if errors.Is(err, registry.ErrProof) {
		return s.askProof(v, "")
	}
	return err
}
