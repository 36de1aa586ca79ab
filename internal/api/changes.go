// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// The feed of changes: what was written to, of what the key opens, by its id and
// nothing else. A program asks for the rest, and is told what it may know then.

const (
	longestWait  = 60               // seconds, of a long poll
	streamLasts  = 90 * time.Second // then the client comes back with the last id
	streamQuiet  = 15 * time.Second // between signs of life
	streamAgain  = 2 * time.Second  // how soon it comes back
	fromTheStart = "start"
)

// changed is one thing that was written to.
type changed struct {
	Case   string `json:"case,omitempty" pattern:"^[0-9a-f]{32}$" doc:"id of a case"`
	Record string `json:"record,omitempty" pattern:"^[0-9a-f]{32}$" doc:"id of a record outside cases"`
	Kind   string `json:"kind,omitempty" doc:"of that record"`
}

// cursorText is a place in the ledger as a cursor.
func cursorText(at uint64) string { return "c" + strconv.FormatUint(at, 36) }

// cursor reads a cursor; none is what is yet to come.
func (s *server) cursor(text string) (uint64, error) {
	switch text {
	case "":
		return s.reg.Newest(), nil
	case fromTheStart:
		return 0, nil
	}
	at, err := strconv.ParseUint(text[1:], 36, 63)
	if err != nil || text[0] != 'c' {
		return 0, registry.ErrCursor
	}
	return at, nil
}

func changesOf(list []registry.Change) []changed {
	out := make([]changed, 0, len(list))
	for _, c := range list {
		out = append(out, changed{c.Case, c.Record, c.Kind})
	}
	return out
}

func (s *server) changeOperations() {
	type changesIn struct {
		Cursor string `query:"cursor" maxLength:"20" doc:"next, of the answer before; start: from the beginning; without it, what is yet to come"`
		Wait   int    `query:"wait" minimum:"0" maximum:"60" doc:"seconds to wait for a change where there is none (long poll)"`
	}
	type changesOut struct {
		Body struct {
			Changes []changed `json:"changes"`
			Next    string    `json:"next" doc:"cursor to go on from"`
			More    bool      `json:"more" doc:"there is more already"`
		}
	}
	reads := []access.Scope{access.ReadFacts, access.ReadCases, access.ReadOutside}
	handle(s, s.scoped(huma.Operation{OperationID: "listChanges", Method: http.MethodGet, Path: "/changes", Summary: "What was written to since, by its id", Tags: []string{"changes"}}, reads),
		func(ctx context.Context, session *access.Session, in *changesIn) (*changesOut, error) {
			at, err := s.cursor(in.Cursor)
			if err != nil {
				return nil, err
			}
			waiting, cancel := context.WithTimeout(ctx, time.Duration(min(in.Wait, longestWait))*time.Second)
			defer cancel()
			for {
				found, err := s.reg.Changes(ctx, session, at)
				if err != nil {
					return nil, err
				}
				at = found.Next
				if len(found.Changes) > 0 || found.More || waiting.Err() != nil {
					out := &changesOut{}
					out.Body.Changes, out.Body.Next, out.Body.More = changesOf(found.Changes), cursorText(at), found.More
					return out, nil
				}
				if err := s.reg.AwaitChange(waiting, at); errors.Is(err, registry.ErrAPIKey) {
					return nil, err
				}
				// The key may have ended meanwhile.
				secret, _ := ctx.Value(secretKey{}).(string)
				if session, err = s.signIn(ctx, secret); err != nil {
					return nil, err
				}
			}
		})

	type streamIn struct {
		Cursor string `query:"cursor" maxLength:"20" doc:"as of the list of changes"`
		Last   string `header:"Last-Event-ID" maxLength:"20" doc:"the last id that was taken in; it goes before the cursor"`
	}
	op := s.scoped(huma.Operation{OperationID: "streamChanges", Method: http.MethodGet, Path: streamPath, Summary: "The same, as server-sent events", Description: "The stream ends after a minute and a half; a client comes back with the last id.", Tags: []string{"changes"}}, reads)
	op.Responses["200"] = &huma.Response{Description: "events of the type changed, each with one thing that was written to", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: "string"}}}}
	huma.Register(s.api, op, func(ctx context.Context, in *streamIn) (*huma.StreamResponse, error) {
		from := in.Cursor
		if in.Last != "" {
			from = in.Last
		}
		at, err := s.cursor(from)
		if err != nil {
			return nil, s.problem(op.Path, err)
		}
		session, _ := ctx.Value(sessionKey{}).(*access.Session)
		secret, _ := ctx.Value(secretKey{}).(string)
		return &huma.StreamResponse{Body: func(hc huma.Context) { s.stream(hc, session, secret, at) }}, nil
	})
}

// stream sends changes until the client goes, the key ends, the register is
// locked or the time is over.
func (s *server) stream(hc huma.Context, session *access.Session, secret string, at uint64) {
	ctx, cancel := context.WithTimeout(hc.Context(), streamLasts)
	defer cancel()
	hc.SetHeader("Content-Type", "text/event-stream")
	w := hc.BodyWriter()
	flush := func() error { return nil }
	if rw, ok := w.(http.ResponseWriter); ok {
		flush = http.NewResponseController(rw).Flush
	}
	if _, err := fmt.Fprintf(w, "retry: %d\nid: %s\n\n", streamAgain.Milliseconds(), cursorText(at)); err != nil || flush() != nil {
		return
	}
	for {
		found, err := s.reg.Changes(ctx, session, at)
		if err != nil {
			return
		}
		at = found.Next
		for _, c := range changesOf(found.Changes) {
			b, err := json.Marshal(c)
			if err != nil {
				return
			}
			if _, err := fmt.Fprintf(w, "event: changed\ndata: %s\n\n", b); err != nil {
				return
			}
		}
		// The id comes after all of them: whoever is cut off before gets them again.
		if _, err := fmt.Fprintf(w, "id: %s\n: \n\n", cursorText(at)); err != nil || flush() != nil {
			return
		}
		if found.More {
			continue
		}
		waiting, done := context.WithTimeout(ctx, streamQuiet)
		err = s.reg.AwaitChange(waiting, at)
		done()
		if ctx.Err() != nil || errors.Is(err, registry.ErrAPIKey) {
			return
		}
		if session, err = s.signIn(ctx, secret); err != nil {
			return
		}
	}
}
