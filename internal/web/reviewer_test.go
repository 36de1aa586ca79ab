// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/kua-registry/kua/internal/registry"
)

// TestReviewerCannotEditRegression sends every form there is, filled with all
// that could mean something, as a reviewer of the case's organisation: not one
// entry is added to the case. The same forms from one who writes it add some.
func TestReviewerCannotEditRegression(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	south, err := h.reg.SignIn(ctx, registry.SignIn{Name: "case_worker", Passphrase: confidencePassphrase})
	if err != nil {
		t.Fatal(err)
	}
	ids := h.ids(south, "S-1")
	newest := func() uint64 {
		t.Helper()
		view, err := h.reg.Case(ctx, south, ids.id, registry.Clock{})
		if err != nil {
			t.Fatal(err)
		}
		return view.Review.Seen
	}
	names := parameters(t)
	values := []string{"yes", "1", "ask", "take_back", "verified", "identity", "2022-01-06", ids.id, ids.records[0]}
	values = append(values, h.others...)
	// send tries all forms, until one has done what is looked for.
	send := func(b *explorer, done func() bool) (tried int) {
		for _, r := range h.routes {
			sent := map[string]bool{} // one address takes a form once, whatever it could be about
			for _, at := range append([]string{ids.id, ids.number}, ids.records...) {
				method, address := filledIn(r.pattern, at)
				if method != http.MethodPost || sent[address] {
					continue
				}
				sent[address] = true
				for _, value := range values {
					form := url.Values{}
					for _, name := range names {
						if name != proofField { // a wrong passphrase sends every form back
							form.Set(name, value)
						}
					}
					b.send(method, address, form)
					form.Set("seen", "1000000") // a verdict, where one is asked for
					b.send(method, address, form)
					tried += 2
				}
			}
			if done() {
				break
			}
		}
		return tried
	}
	before := newest()
	tried := send(&explorer{house: h, who: "reviewer"}, func() bool { return false })
	if after := newest(); after != before {
		t.Errorf("a reviewer added to the case: its newest entry is %d, was %d", after, before)
	}
	t.Logf("%d forms tried", tried)
	if send(&explorer{house: h, who: "case_worker"}, func() bool { return newest() != before }); newest() == before {
		t.Error("nobody adds anything with these forms: this test finds nothing")
	}
}
