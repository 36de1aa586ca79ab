// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/invented"
)

// A program comes to the interface for programs with keys of a member, which it
// makes on their page and ends when it is done. Several: one may ask 20 times a
// second, and what is measured is the server.
const keysOfProgram = 10

// programReads are what programs read, about as often as they do.
var programReads = []page{
	{"a case", 24, (*worker).apiCase},
	{"a case, unless it is the same", 12, (*worker).apiSame},
	{"search, misspelt, another script", 8, (*worker).apiSearch},
	{"a page of 50 cases, and the next", 14, (*worker).apiPage},
	{"a page of a figure's cases", 4, (*worker).apiFigureCases},
	{"what was written to since", 24, (*worker).apiChanges},
	{"figures", 4, apiAt("/figures")},
	{"what is due in a month", 4, (*worker).apiDue},
	{"the State's bodies", 2, apiAt("/records?kind=body")},
}

// programWrites are what they write. Each is read again, and found among what
// was written to.
var programWrites = []page{
	{writing + "a note, asked twice", 3, (*worker).apiNote},
	{writing + "a record over what was read", 1, (*worker).apiCorrect},
	{writing + "20 notes at once", 0.3, (*worker).apiBulk},
}

var madeKey = regexp.MustCompile(`kua_([0-9a-f]{32})_[A-Za-z0-9_-]{43}`)

// makeKeys makes the keys of a program, on the page of its member.
func (w *worker) makeKeys(ctx context.Context) error {
	scopes := []string{"facts", "cases", "write", "outside", "figures"}
	for range keysOfProgram {
		values := url.Values{"name": {"bench/load"}, "scope": scopes, "until": {time.Now().Add(24 * time.Hour).UTC().Format(time.DateOnly)}}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address+"/account/programs", strings.NewReader(values.Encode()))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := w.client.Do(req)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			return err
		}
		made := madeKey.FindStringSubmatch(string(text))
		if made == nil {
			return fmt.Errorf("no key was made: %d", answer.StatusCode)
		}
		w.keys = append(w.keys, made[0])
	}
	return nil
}

// endKeys ends them.
func (w *worker) endKeys() error {
	for _, key := range w.keys {
		answer, err := w.client.PostForm(w.address+"/account/programs/end", url.Values{"id": {madeKey.FindStringSubmatch(key)[1]}})
		if err != nil {
			return err
		}
		answer.Body.Close()
	}
	w.keys = nil
	return nil
}

// ask asks the interface, reads the answer to its last byte and into what is
// given, and notes how long it took. Answers other than those wanted are wrong.
func (w *worker) ask(ctx context.Context, method, path string, body, into any, headers map[string]string, want ...int) (status int, tag string, err error) {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, "", err
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, w.address+"/api/v1"+path, in)
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+w.keys[w.turn%len(w.keys)])
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	name := w.page
	if method == http.MethodGet && strings.HasPrefix(name, writing) {
		name = "around a write: the record, the feed"
	}
	status, head, text, err := w.do(req, name)
	if err != nil {
		return 0, "", err
	}
	if !slices.Contains(want, status) {
		return 0, "", fmt.Errorf("it was answered with %d: %.200s", status, text)
	}
	if into != nil && status < 300 {
		err = json.Unmarshal([]byte(text), into)
	}
	return status, head.Get("ETag"), err
}

func apiAt(path string) func(*worker, context.Context) error {
	return func(w *worker, ctx context.Context) error {
		_, _, err := w.ask(ctx, http.MethodGet, path, nil, nil, nil, http.StatusOK)
		return err
	}
}

// apiFound is as much of a case as is looked at.
type apiFound struct {
	Case    struct{ ID, Number string }
	Records []struct{ ID, Kind string }
}

func (w *worker) apiCase(ctx context.Context) error { return w.apiRead(ctx, w.own()) }

func (w *worker) apiRead(ctx context.Context, c invented.Case) error {
	var found apiFound
	_, tag, err := w.ask(ctx, http.MethodGet, "/cases/"+c.ID, nil, &found, nil, http.StatusOK)
	if err == nil && (found.Case.ID != c.ID || found.Case.Number != c.Number || len(found.Records) == 0 || tag == "") {
		err = errors.New("the case is another")
	}
	w.last, w.lastTag = c.ID, tag
	return err
}

// apiSame asks for the case that was read last, unless it is the same.
func (w *worker) apiSame(ctx context.Context) error {
	if w.lastTag == "" {
		return w.apiCase(ctx)
	}
	_, tag, err := w.ask(ctx, http.MethodGet, "/cases/"+w.last, nil, nil, map[string]string{"If-None-Match": w.lastTag}, http.StatusOK, http.StatusNotModified)
	w.lastTag = tag
	return err
}

type apiCases struct {
	Cases []struct{ ID string }
	Total int
	Next  string
}

func (w *worker) apiSearch(ctx context.Context) error {
	_, _, err := w.ask(ctx, http.MethodGet, "/cases?q="+url.QueryEscape(w.heard()), nil, &apiCases{}, nil, http.StatusOK)
	return err
}

// apiPage asks for the next page of all cases, and begins again after the last.
func (w *worker) apiPage(ctx context.Context) error {
	var found apiCases
	_, _, err := w.ask(ctx, http.MethodGet, "/cases?limit=50&cursor="+url.QueryEscape(w.next50), nil, &found, nil, http.StatusOK)
	if err == nil && len(found.Cases) == 0 {
		err = errors.New("a page of the list is empty")
	}
	w.next50 = found.Next
	return err
}

func (w *worker) apiFigureCases(ctx context.Context) error {
	_, _, err := w.ask(ctx, http.MethodGet, "/cases?limit=50&figure=registered_146&within=coalition", nil, &apiCases{}, nil, http.StatusOK)
	return err
}

func (w *worker) apiDue(ctx context.Context) error {
	_, _, err := w.ask(ctx, http.MethodGet, fmt.Sprintf("/due?from=%s&to=%s", w.d.of.Until, w.d.of.Until.Add(30)), nil, nil, nil, http.StatusOK)
	return err
}

type apiChanges struct {
	Changes []struct{ Case string }
	Next    string
	More    bool
}

// apiChanges reads on in the feed.
func (w *worker) apiChanges(ctx context.Context) error {
	_, err := w.follow(ctx)
	return err
}

// follow reads the feed to its end, and answers the cases in it.
func (w *worker) follow(ctx context.Context) (cases []string, err error) {
	for more := true; more && err == nil; {
		var found apiChanges
		_, _, err = w.ask(ctx, http.MethodGet, "/changes?cursor="+w.cursor, nil, &found, nil, http.StatusOK)
		for _, c := range found.Changes {
			cases = append(cases, c.Case)
		}
		w.cursor, more = found.Next, found.More
	}
	return cases, err
}

type object = map[string]any

// wroteTo holds that what was written to is in the feed.
func (w *worker) wroteTo(ctx context.Context, id string) error {
	cases, err := w.follow(ctx)
	if err == nil && !slices.Contains(cases, id) {
		err = errors.New("what was written is not in the feed")
	}
	return err
}

// apiNote writes a note, asks once more as one does whose line was cut, and
// reads it.
func (w *worker) apiNote(ctx context.Context) error {
	if _, err := w.follow(ctx); err != nil {
		return err
	}
	c, word := w.own(), w.word()
	var made, again struct{ Record string }
	for _, into := range []any{&made, &again} {
		if _, _, err := w.ask(ctx, http.MethodPost, "/cases/"+c.ID+"/records", object{"kind": "note", "fields": object{"text": "Позвонили ещё раз. " + word}}, into, map[string]string{"Idempotency-Key": word}, http.StatusCreated); err != nil {
			return err
		}
	}
	if made != again {
		return errors.New("asked twice it was written twice")
	}
	if _, err := w.apiRecord(ctx, c.ID, made.Record, word); err != nil {
		return err
	}
	return w.wroteTo(ctx, c.ID)
}

// apiRecord reads a record, in which a word must stand, and answers its ETag.
func (w *worker) apiRecord(ctx context.Context, id, record, word string) (tag string, err error) {
	var found json.RawMessage
	_, tag, err = w.ask(ctx, http.MethodGet, "/cases/"+id+"/records/"+record, nil, &found, nil, http.StatusOK)
	if err == nil && !bytes.Contains(found, []byte(word)) {
		err = errors.New("what was written is not there")
	}
	return tag, err
}

// apiCorrect puts right what a report says, over what was read: where somebody
// was faster it reads again.
func (w *worker) apiCorrect(ctx context.Context) error {
	if _, err := w.follow(ctx); err != nil {
		return err
	}
	c, word := w.own(), w.word()
	for _, e := range c.Records() {
		if e.Kind != "report" {
			continue
		}
		fields := object{}
		for name, values := range e.Fields {
			fields[name] = values
			if len(values) == 1 {
				fields[name] = values[0]
			}
		}
		fields["summary"] = e.Fields["summary"][0] + " Уточнено: " + word
		for {
			tag, err := w.apiRecord(ctx, c.ID, e.Record, "")
			if err != nil {
				return err
			}
			status, _, err := w.ask(ctx, http.MethodPut, "/cases/"+c.ID+"/records/"+e.Record, object{"kind": "report", "fields": fields, "reason": "исправлена ошибка при вводе"}, nil, map[string]string{"If-Match": tag}, http.StatusOK, http.StatusPreconditionFailed)
			if err != nil {
				return err
			}
			if status == http.StatusOK {
				break
			}
		}
		return w.wroteTo(ctx, c.ID)
	}
	return errors.New("a case has no report")
}

func (w *worker) apiBulk(ctx context.Context) error {
	if _, err := w.follow(ctx); err != nil {
		return err
	}
	c := w.own()
	var writes []object
	for range 20 {
		writes = append(writes, object{"case": c.ID, "kind": "note", "fields": object{"text": "Сделано программой. " + w.word()}})
	}
	if _, _, err := w.ask(ctx, http.MethodPost, "/bulk", object{"writes": writes}, nil, map[string]string{"Idempotency-Key": w.word()}, http.StatusOK, http.StatusCreated); err != nil {
		return err
	}
	return w.wroteTo(ctx, c.ID)
}
