// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// The feed of changes: what was written to, of what the key opens, by its id and
// nothing else. A program asks for the rest, and is told what it may know then.

const (
	longestWait = 60               // seconds, of a long poll
	streamLasts = 90 * time.Second // then the client comes back with the last id
	streamQuiet = 15 * time.Second // between signs of life
	streamAgain = 2 * time.Second  // how soon it comes back
)

// changed is one thing that was written to.
type changed struct {
	Case   string `json:"case,omitempty" pattern:"^[0-9a-f]{32}$" doc:"id of a case"`
	Record string `json:"record,omitempty" pattern:"^[0-9a-f]{32}$" doc:"id of a record outside cases"`
	Kind   string `json:"kind,omitempty" doc:"of that record"`
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
		Cursor string `query:"cursor" maxLength:"60" doc:"next, of the answer before; start: from the beginning; without it, what is yet to come"`
		Wait   int    `query:"wait" minimum:"0" maximum:"60" doc:"seconds to wait for a change where there is none (long poll)"`
	}
	type changesOut struct {
		Body struct {
			Changes []changed `json:"changes"`
			Next    string    `json:"next" doc:"cursor to go on from"`
			More    bool      `json:"more" doc:"there is more already"`
		}
	}
	reads := access.ChangeScopes()
	handle(s, s.scoped(huma.Operation{OperationID: "listChanges", Method: http.MethodGet, Path: "/changes", Summary: "What was written to since, by its id", Tags: []string{"changes"}}, reads),
		func(ctx context.Context, session *access.Session, in *changesIn) (*changesOut, error) {
			waiting, cancel := context.WithTimeout(ctx, time.Duration(min(in.Wait, longestWait))*time.Second)
			defer cancel()
			for cursor := in.Cursor; ; {
				found, err := s.reg.Changes(ctx, session, cursor)
				if err != nil {
					return nil, err
				}
				cursor = found.Next
				if len(found.Changes) > 0 || found.More || waiting.Err() != nil {
					out := &changesOut{}
					out.Body.Changes, out.Body.Next, out.Body.More = changesOf(found.Changes), cursor, found.More
					return out, nil
				}
				if err := s.reg.AwaitChange(waiting, cursor); errors.Is(err, registry.ErrAPIKey) {
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
		Cursor string `query:"cursor" maxLength:"60" doc:"as of the list of changes"`
		Last   string `header:"Last-Event-ID" maxLength:"60" doc:"the last id that was taken in; it goes before the cursor"`
	}
	op := s.scoped(huma.Operation{OperationID: "streamChanges", Method: http.MethodGet, Path: streamPath, Summary: "The same, as server-sent events", Description: "The stream ends after a minute and a half; a client comes back with the last id.", Tags: []string{"changes"}}, reads)
	op.Responses["200"] = &huma.Response{Description: "events of the type changed, each with one thing that was written to", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: "string"}}}}
	huma.Register(s.api, op, func(ctx context.Context, in *streamIn) (*huma.StreamResponse, error) {
		from := in.Cursor
		if in.Last != "" {
			from = in.Last
		}
		session, _ := ctx.Value(sessionKey{}).(*access.Session)
		secret, _ := ctx.Value(secretKey{}).(string)
		if session == nil {
			return nil, s.problem(op.Path, registry.ErrAPIKey)
		}
		found, err := s.reg.Changes(ctx, session, from)
		if err != nil {
			return nil, s.problem(op.Path, err)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) { s.stream(hc, secret, found) }}, nil
	})
}

// stream sends changes until the client goes, the key ends, the register is
// locked or the time is over. That something was written which the key does not
// open makes it send nothing, neither sooner nor otherwise.
func (s *server) stream(hc huma.Context, secret string, found registry.Changes) {
	ctx, cancel := context.WithTimeout(hc.Context(), streamLasts)
	defer cancel()
	hc.SetHeader("Content-Type", "text/event-stream")
	w := hc.BodyWriter()
	flush := func() error { return nil }
	if rw, ok := w.(http.ResponseWriter); ok {
		flush = http.NewResponseController(rw).Flush
	}
	if _, err := fmt.Fprintf(w, "retry: %d\n", streamAgain.Milliseconds()); err != nil {
		return
	}
	for {
		if sendChanges(w, found) != nil || flush() != nil {
			return
		}
		var err error
		if found, err = s.nextToSend(ctx, secret, found); err != nil {
			return
		}
	}
}

// nextToSend waits for changes that the key opens, or until a sign of life is due.
func (s *server) nextToSend(ctx context.Context, secret string, found registry.Changes) (registry.Changes, error) {
	quiet, done := context.WithTimeout(ctx, streamQuiet)
	defer done()
	for {
		if !found.More {
			if err := s.reg.AwaitChange(quiet, found.Next); errors.Is(err, registry.ErrAPIKey) {
				return found, err
			}
		}
		if ctx.Err() != nil {
			return found, ctx.Err()
		}
		session, err := s.signIn(ctx, secret) // the key may have ended meanwhile
		if err != nil {
			return found, err
		}
		found, err = s.reg.Changes(ctx, session, found.Next)
		if err != nil || len(found.Changes) > 0 || quiet.Err() != nil {
			return found, err
		}
	}
}

// sendChanges sends changes, and the id after all of them: whoever is cut off
// before gets them again.
func sendChanges(w io.Writer, found registry.Changes) error {
	for _, c := range changesOf(found.Changes) {
		b, err := json.Marshal(c)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "event: changed\ndata: %s\n\n", b); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "id: %s\n: \n\n", found.Next)
	return err
}
