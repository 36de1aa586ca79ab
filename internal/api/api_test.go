// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// TestEachConfidenceStays tries every address that is read with everything that
// is the north's in every parameter, as a stranger and as each member of the
// south, with a key for everything: not one byte of what could name somebody
// comes out, and of what they may not know to be there they are told what they
// are told of what is not there.
func TestEachConfidenceStays(t *testing.T) {
	h := newHouse(t)
	h.learn()
	wildcard := regexp.MustCompile(`\{[a-z]+\}`)
	records := func(caseID string) []string {
		a := h.ask(h.keys["north"], http.MethodGet, "/cases/"+caseID, nil)
		var ids []string
		for _, r := range a.body["records"].([]any) {
			ids = append(ids, r.(map[string]any)["id"].(string))
		}
		return ids
	}
	planted := map[string][]string{h.open: records(h.open), h.hidden: records(h.hidden)}
	const nowhere = "0123456789abcdef0123456789abcdef"
	tried := 0
	for _, who := range append([]string{"nobody", "founder"}, southerners()...) {
		key := h.keys[who]
		mayKnow := who == string(access.Analyst) || who == "founder" // the facts of the open case are theirs to count, the founder is of the north, too
		if who == "founder" {
			continue
		}
		for path, item := range h.document["paths"].(map[string]any) {
			op, _ := item.(map[string]any)["get"].(map[string]any)
			if op == nil || strings.HasSuffix(path, "/stream") {
				continue
			}
			control := strings.ReplaceAll(h.ask(key, http.MethodGet, wildcard.ReplaceAllString(path, nowhere), nil).Body.String(), nowhere, "X")
			for _, of := range []struct {
				id      string
				planted []string
				alike   bool
			}{{h.open, openPlanted, !mayKnow}, {h.hidden, hiddenPlanted, true}} {
				asked := func(value, address string) string {
					tried++
					a := h.ask(key, http.MethodGet, address, nil)
					if who == "nobody" && a.Code != http.StatusUnauthorized {
						t.Errorf("a stranger asks %s: %d", address, a.Code)
					}
					text := a.Body.String()
					for _, p := range of.planted {
						if strings.Contains(text, p) && p != value {
							t.Errorf("%s asks %s and is told %q", who, address, p)
						}
					}
					if of.id == h.hidden && value != h.hidden && strings.Contains(text, h.hidden) {
						t.Errorf("%s asks %s and is told of the hidden case", who, address)
					}
					return strings.ReplaceAll(text, value, "X")
				}
				for _, value := range append([]string{of.id, of.planted[0], of.planted[3]}, planted[of.id]...) {
					address := wildcard.ReplaceAllString(path, url.PathEscape(value))
					if got := asked(value, address); of.alike && address != path && len(value) == len(nowhere) && got != control {
						t.Errorf("%s asks %s and is told %s, of what is nowhere %s", who, address, got, control)
					}
					if !slices.Contains([]string{of.id, of.planted[0], of.planted[3]}, value) {
						continue // the id of a record is tried in the path
					}
					params, _ := op["parameters"].([]any)
					for _, p := range params {
						if p := p.(map[string]any); p["in"] == "query" {
							asked(value, wildcard.ReplaceAllString(path, of.id)+"?"+p["name"].(string)+"="+url.QueryEscape(value))
						}
					}
				}
			}
		}
		h.clock.turn(2 * 60 * 1e9) // so that no key asks too often
	}
	if tried < 1000 {
		t.Errorf("only %d tried", tried)
	}
	if text := h.log.String(); slices.ContainsFunc(slices.Concat(openPlanted, hiddenPlanted), func(p string) bool { return strings.Contains(text, p) }) {
		t.Errorf("the log holds what was planted: %s", text)
	}
	t.Logf("%d asked", tried)
}

func southerners() []string {
	var names []string
	for _, role := range access.Roles() {
		if role != access.Coordinator {
			names = append(names, string(role))
		}
	}
	return names
}

// TestScopes holds that each operation asks for its scope, and says so in the document.
func TestScopes(t *testing.T) {
	h := newHouse(t)
	h.learn()
	wildcard := regexp.MustCompile(`\{[a-z]+\}`)
	none := 0
	for path, item := range h.document["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			scopes, _ := op.(map[string]any)["x-scopes"].([]any)
			if len(scopes) == 0 {
				if path != "/me" && path != "/openapi.json" {
					t.Errorf("%s %s asks for no scope", method, path)
				}
				none++
				continue
			}
			var others []access.Scope
			for _, s := range access.Scopes() {
				if !slices.ContainsFunc(scopes, func(of any) bool { return of == string(s) }) && s != access.WriteCases && s != access.PutOutside {
					others = append(others, s)
				}
			}
			if len(others) == 0 {
				continue
			}
			key := h.key(h.signIn("founder"), "without", others...)
			if a := h.ask(key, strings.ToUpper(method), wildcard.ReplaceAllString(path, h.open), nil); a.Code != http.StatusForbidden {
				t.Errorf("%s %s without its scope: %d %s", method, path, a.Code, a.Body)
			}
			for _, v := range h.reg.APIKeys(h.signIn("founder")) {
				if v.Name == "without" {
					if err := h.reg.EndAPIKey(t.Context(), h.signIn("founder"), v.ID); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
	if none != 2 {
		t.Errorf("%d operations without a scope", none)
	}
}

// TestRead holds what a program reads: cases with what the key opens, conditional
// answers, figures as the pages have them.
func TestRead(t *testing.T) {
	h := newHouse(t)
	whole, facts := h.key(h.signIn("north"), "whole", access.ReadCases), h.key(h.signIn("north"), "facts", access.ReadFacts)
	a := h.ask(whole, http.MethodGet, "/cases?q="+url.QueryEscape(openPlanted[0]), nil)
	if list := a.body["cases"].([]any); len(list) != 1 || list[0].(map[string]any)["external_id"] != openPlanted[3] {
		t.Fatalf("found: %s", a.Body)
	}
	tag := a.Header().Get("ETag")
	if a := h.ask(whole, http.MethodGet, "/cases?q="+url.QueryEscape(openPlanted[0]), nil, "If-None-Match", `"x", W/`+tag); a.Code != http.StatusNotModified || a.Body.Len() != 0 {
		t.Errorf("the same: %d", a.Code)
	}
	if a := h.ask(facts, http.MethodGet, "/cases?q="+url.QueryEscape(openPlanted[0]), nil); a.body["total"] != 0.0 {
		t.Errorf("found by a name, with a key for facts: %s", a.Body)
	}
	for key, want := range map[string]bool{whole: true, facts: false} {
		a := h.ask(key, http.MethodGet, "/cases/"+h.open, nil)
		if got := strings.Contains(a.Body.String(), openPlanted[4]); got != want || len(a.body["records"].([]any)) < 3 || len(a.body["checks"].([]any)) == 0 {
			t.Errorf("the words of a case: %t", got)
		}
		for _, r := range a.body["records"].([]any) {
			r := r.(map[string]any)
			one := h.ask(key, http.MethodGet, "/cases/"+h.open+"/records/"+r["id"].(string), nil)
			if one.Code != http.StatusOK || one.Header().Get("ETag") != `"1"` || len(one.body["history"].([]any)) != 1 {
				t.Errorf("a record: %d %s", one.Code, one.Body)
			}
		}
	}
	all := h.ask(h.keys["founder"], http.MethodGet, "/figures?as_of=2022-06-01", nil)
	if len(all.body["figures"].([]any)) < 10 || all.body["as_of"] != "2022-06-01" {
		t.Errorf("figures: %s", all.Body)
	}
	for _, path := range []string{"/due", "/audit", "/organisations", "/me", "/records?kind=body", "/records?kind=official_figure"} {
		if a := h.ask(h.keys["founder"], http.MethodGet, path, nil); a.Code != http.StatusOK {
			t.Errorf("%s: %d %s", path, a.Code, a.Body)
		}
	}
	for path, code := range map[string]int{
		"/cases?as_of=never": 422, "/cases?limit=0": 422, "/cases?cursor=nonsense": 422, "/cases?sort=name": 422, "/cases?figure=none&within=coalition": 422, "/nothing": 404,
		"/records?kind=member": 422, "/changes?cursor=x": 422, "/due?from=2022-01-01&to=2024-01-01": 422, "/audit?cursor=nonsense": 422, "/cases/nobody": 404, "/figures?set=none": 404,
	} {
		if a := h.ask(h.keys["founder"], http.MethodGet, path, nil); a.Code != code {
			t.Errorf("%s: %d %s", path, a.Code, a.Body)
		}
	}
	if a := h.ask(whole, http.MethodPut, "/cases", map[string]any{}); a.Code != http.StatusMethodNotAllowed || !strings.Contains(a.Header().Get("Allow"), "GET") {
		t.Errorf("another method: %d %q", a.Code, a.Header().Get("Allow"))
	}
	// An error never repeats what was asked.
	if a := h.ask(whole, http.MethodGet, "/cases?limit=Қарлығашева", nil); a.Code != 422 || strings.Contains(a.Body.String(), "Қарлығашева") {
		t.Errorf("an error: %d %s", a.Code, a.Body)
	}
	// What left with names stands in the audit.
	page, err := h.reg.Audit(t.Context(), h.signIn("north"), registry.AuditQuery{Member: registry.Me, Act: "read"})
	if err != nil || len(page.Lines) == 0 || page.Lines[0].What != "case" {
		t.Errorf("the audit: %+v %v", page.Lines, err)
	}
}

// TestCursors holds that a list that is read in pages has each case once,
// whatever the size of a page and its order.
func TestCursors(t *testing.T) {
	h := newHouse(t)
	north := h.signIn("north")
	for range 13 {
		h.take(north, h.north, []string{"Үлгі", "Үлгі", "1", "N-" + strings.Repeat("1", 3), "үлгі"}, false)
	}
	rapid.Check(t, func(t *rapid.T) {
		h.clock.turn(60e9)
		limit := rapid.IntRange(1, 17).Draw(t, "limit")
		sort := rapid.SampledFrom([]string{"", "&sort=number", "&sort=updated", "&sort=stage", "&sort=incident", "&sort=reported"}).Draw(t, "sort")
		seen := map[string]bool{}
		cursor := ""
		for pages := 0; pages == 0 || cursor != ""; pages++ {
			r := httptest.NewRequest(http.MethodGet, root+"/cases?limit="+strconv.Itoa(limit)+sort+"&cursor="+url.QueryEscape(cursor), nil)
			a := h.ask(h.keys["north"], http.MethodGet, strings.TrimPrefix(r.URL.RequestURI(), root), nil)
			for _, c := range a.body["cases"].([]any) {
				id := c.(map[string]any)["id"].(string)
				if seen[id] {
					t.Fatalf("%s came twice", id)
				}
				seen[id] = true
			}
			if len(seen) < 15 && a.body["next"] == nil || pages > 20 {
				t.Fatalf("%d of 15 cases after %d pages", len(seen), pages+1)
			}
			cursor, _ = a.body["next"].(string)
		}
		if len(seen) != 15 {
			t.Fatalf("%d cases", len(seen))
		}
	})
}
