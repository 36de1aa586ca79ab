// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/kua-registry/kua/internal/access"
)

type object = map[string]any

// TestWrite holds that what a program writes is written once, over what it has
// read, by the codebook, and that all of many or none are written.
func TestWrite(t *testing.T) {
	h := newHouse(t)
	key := h.keys["north"]
	note := func(text string) object { return object{"kind": "note", "fields": object{"text": text}} }
	records := func() int {
		t.Helper()
		return len(h.ask(key, http.MethodGet, "/cases/"+h.open, nil).body["records"].([]any))
	}
	is := func(what string, a answer, code int) answer {
		t.Helper()
		if a.Code != code {
			t.Errorf("%s: %d, not %d: %s", what, a.Code, code, a.Body)
		}
		return a
	}
	before := records()
	made := is("made", h.ask(key, http.MethodPost, "/cases/"+h.open+"/records", note("one"), "Idempotency-Key", "n1"), 201)
	same := is("the same again", h.ask(key, http.MethodPost, "/cases/"+h.open+"/records", note("one"), "Idempotency-Key", "n1"), 201)
	if made.Body.String() != same.Body.String() || same.Header().Get("ETag") != `"1"` || records() != before+1 {
		t.Errorf("the same again: %s, %s, %d records", made.Body, same.Body, records()-before)
	}
	is("another under its name", h.ask(key, http.MethodPost, "/cases/"+h.open+"/records", note("two"), "Idempotency-Key", "n1"), 422)
	// Another key's names are its own.
	is("by another key", h.ask(h.key(h.signIn("north"), "second"), http.MethodPost, "/cases/"+h.open+"/records", note("three"), "Idempotency-Key", "n1"), 201)
	at := "/cases/" + h.open + "/records/" + made.body["record"].(string)
	changed := note("changed")
	is("unseen", h.ask(key, http.MethodPut, at, changed), 428)
	is("an older version", h.ask(key, http.MethodPut, at, object{"kind": "note", "fields": object{"text": "x"}, "reason": "r"}, "If-Match", `"7"`), 412)
	is("without a reason", h.ask(key, http.MethodPut, at, changed, "If-Match", `"1"`), 422)
	changed["reason"] = "a mistake"
	is("changed", h.ask(key, http.MethodPut, at, changed, "If-Match", `"1"`, "Idempotency-Key", "c1"), 200)
	is("changed again", h.ask(key, http.MethodPut, at, changed, "If-Match", `"1"`, "Idempotency-Key", "c1"), 200)
	is("changed once more", h.ask(key, http.MethodPut, at, changed, "If-Match", `"1"`), 412)
	is("taken back", h.ask(key, http.MethodPost, at+"/withdraw", object{"reason": "not so"}, "If-Match", `"2"`), 200)
	if a := is("read", h.ask(key, http.MethodGet, at, nil), 200); a.body["withdrawn"] != true || len(a.body["history"].([]any)) != 3 {
		t.Errorf("taken back: %s", a.Body)
	}
	for what, body := range map[string]object{
		"no such kind": {"kind": "nothing", "fields": object{}}, "a kind of the register's own": {"kind": "grant", "fields": object{"part": "fact"}},
		"no such code": {"kind": "person", "fields": object{"role": "king"}}, "a number": {"kind": "note", "fields": object{"text": 7}},
		"one more property": {"kind": "note", "fields": object{"text": "x"}, "author": "me"}, "no fields": {"kind": "note"},
	} {
		is(what, h.ask(key, http.MethodPost, "/cases/"+h.open+"/records", body), 422)
	}
	// A case, with an id that is the same each time.
	opened := object{"org": h.north, "external_id": "N-2", "records": []object{{"kind": "report", "fields": object{"received": "2022-02-01"}}}}
	first := is("opened", h.ask(key, http.MethodPost, "/cases", opened, "Idempotency-Key", "k"), 201)
	if again := is("opened again", h.ask(key, http.MethodPost, "/cases", opened, "Idempotency-Key", "k"), 201); again.Body.String() != first.Body.String() {
		t.Errorf("opened again: %s %s", first.Body, again.Body)
	}
	is("of another organisation", h.ask(key, http.MethodPost, "/cases", object{"org": h.south}), 403)
	// Many: all or none.
	caseID := first.body["case"].(string)
	before = records()
	writes := func(last object) object {
		return object{"source": "a list", "writes": []object{
			{"case": h.open, "kind": "note", "fields": object{"text": "a"}}, {"case": h.open, "kind": "contact", "fields": object{"date": "2022-03-01"}},
			{"case": caseID, "kind": "note", "fields": object{"text": "b"}}, last}}
	}
	is("none of them", h.ask(key, http.MethodPost, "/bulk", writes(object{"case": caseID, "kind": "person", "fields": object{"role": "king"}})), 422)
	if n := records(); n != before {
		t.Errorf("%d records of a bulk of which one is wrong", n-before)
	}
	all := is("all of them", h.ask(key, http.MethodPost, "/bulk", writes(object{"case": caseID, "kind": "note", "fields": object{"text": "c"}}), "Idempotency-Key", "b"), 200)
	if n := records(); n != before+2 || len(all.body["written"].([]any)) != 4 {
		t.Errorf("%d records of a bulk: %s", n-before, all.Body)
	}
	is("with another's", h.ask(key, http.MethodPost, "/bulk", object{"writes": []object{{"case": h.hidden, "kind": "note", "fields": object{"text": "c"}}}}), 200)
	// Outside cases.
	body := is("outside", h.ask(h.keys["founder"], http.MethodPost, "/records", object{"kind": "body", "fields": object{"name": "Үлгі басқармасы"}}), 201)
	out := "/records/" + body.body["record"].(string)
	is("outside, changed", h.ask(h.keys["founder"], http.MethodPut, out, object{"kind": "body", "fields": object{"name": "Үлгі басқарма"}, "reason": "spelling"}, "If-Match", `"1"`), 200)
	is("outside, read", h.ask(h.keys["founder"], http.MethodGet, out, nil), 200)
	is("outside, taken back", h.ask(h.keys["founder"], http.MethodPost, out+"/withdraw", object{"reason": "twice"}, "If-Match", `"2"`), 200)

	// What was answered is remembered by the register, not by the program that serves it.
	h.api = New(h.reg, Options{Logger: slog.New(slog.DiscardHandler)})
	if again := is("served anew", h.ask(key, http.MethodPost, "/cases", opened, "Idempotency-Key", "k"), 201); again.Body.String() != first.Body.String() {
		t.Errorf("served anew: %s", again.Body)
	}
}

// TestNobodyWritesForeignCases tries every way to write, with a key for
// everything, as each member of the south: nothing of the north's changes, and
// of the hidden case they are told what they are told of one that is not there.
func TestNobodyWritesForeignCases(t *testing.T) {
	h := newHouse(t)
	record := h.ask(h.keys["north"], http.MethodGet, "/cases/"+h.hidden, nil).body["records"].([]any)[0].(map[string]any)["id"].(string)
	const nowhere = "0123456789abcdef0123456789abcdef"
	at := h.ask(h.keys["north"], http.MethodGet, "/changes", nil).body["next"].(string)
	for _, who := range southerners() {
		for method, paths := range map[string][]string{
			http.MethodPost: {"/cases/{}/records", "/cases/{}/records/" + record + "/withdraw", "/bulk"}, http.MethodPut: {"/cases/{}/records/" + record},
		} {
			for _, path := range paths {
				said := map[string]string{}
				for _, of := range []string{h.open, h.hidden, nowhere} {
					body := object{"kind": "note", "fields": object{"text": "x"}, "reason": "r"}
					switch {
					case path == "/bulk":
						body = object{"writes": []object{{"case": of, "kind": "note", "fields": object{"text": "x"}}}}
					case method == http.MethodPost && path != "/cases/{}/records":
						body = object{"reason": "r"}
					}
					address := path
					if i := len("/cases/"); len(path) > i && path[i:i+1] == "{" {
						address = path[:i] + of + path[i+2:]
					}
					a := h.ask(h.keys[who], method, address, body, "If-Match", `"1"`)
					if a.Code < 400 {
						t.Errorf("%s writes %s %s: %d", who, method, address, a.Code)
					}
					said[of] = a.Body.String()
				}
				if said[h.hidden] != said[nowhere] {
					t.Errorf("%s of %s %s: %s, of what is nowhere %s", who, method, path, said[h.hidden], said[nowhere])
				}
			}
		}
		for _, org := range []string{h.north} {
			if a := h.ask(h.keys[who], http.MethodPost, "/cases", object{"org": org}); a.Code < 400 {
				t.Errorf("%s opens a case of the north: %d", who, a.Code)
			}
		}
	}
	if a := h.ask(h.keys["north"], http.MethodGet, "/changes?cursor="+at, nil); len(a.body["changes"].([]any)) != 0 {
		t.Errorf("something was written: %s", a.Body)
	}
	// Nor does a key without the scope.
	if a := h.ask(h.key(h.signIn("north"), "reads", access.ReadCases), http.MethodPost, "/cases/"+h.open+"/records", object{"kind": "note", "fields": object{"text": "x"}}); a.Code != http.StatusForbidden {
		t.Errorf("a key to read: %d", a.Code)
	}
}

// TestChanges holds that the feed tells of what was written to, once, by its id,
// to whoever may see it and to nobody else; that a poll is answered when
// something comes; and that a key that has ended hears no more.
func TestChanges(t *testing.T) {
	h := newHouse(t)
	write := func() {
		t.Helper()
		if a := h.ask(h.keys["north"], http.MethodPost, "/cases/"+h.hidden+"/records", object{"kind": "note", "fields": object{"text": "x"}}); a.Code != 201 {
			t.Fatal(a.Body)
		}
	}
	cursors := map[string]string{}
	for _, who := range []string{"north", "case_worker", "analyst"} {
		cursors[who] = h.ask(h.keys[who], http.MethodGet, "/changes", nil).body["next"].(string)
	}
	write()
	for who, want := range map[string]int{"north": 1, "case_worker": 0, "analyst": 0} {
		a := h.ask(h.keys[who], http.MethodGet, "/changes?cursor="+cursors[who], nil)
		if list := a.body["changes"].([]any); len(list) != want || want == 1 && list[0].(map[string]any)["case"] != h.hidden {
			t.Errorf("%s: %s", who, a.Body)
		}
		if a := h.ask(h.keys[who], http.MethodGet, "/changes?cursor="+a.body["next"].(string), nil); len(a.body["changes"].([]any)) != 0 {
			t.Errorf("%s, once more: %s", who, a.Body)
		}
	}
	if a := h.ask(h.keys["north"], http.MethodGet, "/changes?cursor=start", nil); len(a.body["changes"].([]any)) != 2 {
		t.Errorf("from the start: %s", a.Body)
	}
	cursor := h.ask(h.keys["north"], http.MethodGet, "/changes", nil).body["next"].(string)
	answered := make(chan answer)
	go func() { answered <- h.ask(h.keys["north"], http.MethodGet, "/changes?wait=60&cursor="+cursor, nil) }()
	write()
	if a := <-answered; len(a.body["changes"].([]any)) != 1 {
		t.Errorf("waited for: %s", a.Body)
	}
	// The register is being locked: nobody is kept waiting.
	go func() { answered <- h.ask(h.keys["north"], http.MethodGet, "/changes?wait=60", nil) }()
	h.reg.EndAll()
	if a := <-answered; a.Code != http.StatusUnauthorized {
		t.Errorf("locked: %d %s", a.Code, a.Body)
	}
}
