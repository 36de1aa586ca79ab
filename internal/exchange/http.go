// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/kua-registry/kua/internal/ledger"
)

// Names of headers. Each request is signed by its node, each answer by the relay.
const (
	headerNode   = "Kua-Node"
	headerTime   = "Kua-Time"
	headerSigned = "Kua-Signed"
)

// clocks is by how much the clocks of a node and the relay may differ.
const clocks = 10 * time.Minute

func requestMessage(of ledger.ID, method, uri, at string, body []byte) []byte {
	return signed("kua/request/1", append([]byte(of.String()+"\n"+method+"\n"+uri+"\n"+at+"\n"), body...))
}

func answerMessage(request []byte, status int, body []byte) []byte {
	return signed("kua/answer/1", append(fmt.Appendf(nil, "%x\n%d\n", request, status), body...))
}

// Handler answers the nodes of the coalition: POST /submit, GET /page?from=N,
// POST /cosigned, GET /notes, and of files that go with a stream GET /files, POST
// /file, GET /file?parcel=P&from=N, POST /again?parcel=P. now is the clock.
func (r *Relay) Handler(now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, MaxEnvelope))
		if err != nil {
			http.Error(w, "too long, or cut off", http.StatusRequestEntityTooLarge)
			return
		}
		node, err := ledger.ParseID(q.Header.Get(headerNode))
		key, known := r.nodes[node]
		signature, bad := base64.StdEncoding.DecodeString(q.Header.Get(headerSigned))
		at, late := strconv.ParseInt(q.Header.Get(headerTime), 10, 64)
		message := requestMessage(r.log.ID(), q.Method, q.URL.RequestURI(), q.Header.Get(headerTime), body)
		if err != nil || !known || bad != nil || late != nil || !ed25519.Verify(key, message, signature) {
			http.Error(w, ErrStranger.Error(), http.StatusForbidden)
			return
		}
		status, answer := http.StatusOK, []byte(nil)
		if now().Sub(time.Unix(at, 0)).Abs() > clocks {
			status, answer = http.StatusBadRequest, []byte("the clock of one of the two machines is wrong: set it right")
		} else if answer, err = r.answer(q, node, body); err != nil {
			status, answer = http.StatusServiceUnavailable, []byte("the relay can't do that now: try again later")
		}
		w.Header().Set(headerSigned, base64.StdEncoding.EncodeToString(r.id.Sign(answerMessage(signature, status, answer))))
		w.Header().Set("Content-Type", "application/octet-stream")
		w.WriteHeader(status)
		_, _ = w.Write(answer) // a line that was cut is seen by the other end
	})
}

func (r *Relay) answer(q *http.Request, node ledger.ID, body []byte) ([]byte, error) {
	switch q.Method + " " + q.URL.Path {
	case "POST /submit":
		o, err := r.Submit(q.Context(), body)
		return []byte{byte(o)}, err
	case "POST /cosigned":
		return nil, r.Cosigned(q.Context(), body)
	case "GET /files":
		return r.files(q.Context(), node)
	case "POST /file":
		o, have, err := r.TakePart(q.Context(), node, body)
		return binary.BigEndian.AppendUint64([]byte{byte(o)}, have), err
	case "GET /file":
		return r.file(q, node, false)
	case "POST /again":
		return r.file(q, node, true)
	case "GET /page":
		from, err := strconv.ParseUint(q.URL.Query().Get("from"), 10, 62)
		if err != nil {
			return nil, err
		}
		return r.Page(q.Context(), from)
	case "GET /notes":
		notes, err := r.Notes(q.Context())
		return appendEntries(nil, notes), err
	}
	return nil, errors.New("no such page")
}

// Client speaks with a relay in the name of a node.
type Client struct {
	HTTP *http.Client
	URL  string // of the relay, without a slash at its end
}

func (c Client) do(ctx context.Context, n *Node, method, path string, body []byte) ([]byte, error) {
	q, err := http.NewRequestWithContext(ctx, method, c.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	at := strconv.FormatInt(n.now().Unix(), 10)
	signature := n.id.Sign(requestMessage(n.log.ID(), method, q.URL.RequestURI(), at, body))
	q.Header.Set(headerNode, ledger.ID(n.id.ID()).String())
	q.Header.Set(headerTime, at)
	q.Header.Set(headerSigned, base64.StdEncoding.EncodeToString(signature))
	a, err := c.HTTP.Do(q)
	if err != nil {
		return nil, fmt.Errorf("the relay can't be reached, all waits in the outbox: %w", err)
	}
	defer a.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(a.Body, maxChunk+1))
	if err != nil || len(answer) > maxChunk {
		return nil, fmt.Errorf("the relay's answer: %w", ErrFormat)
	}
	by, err := base64.StdEncoding.DecodeString(a.Header.Get(headerSigned))
	if err != nil || !ed25519.Verify(n.relay, answerMessage(signature, a.StatusCode, answer), by) {
		return nil, fmt.Errorf("what answers is not the relay of this coalition (status %d): see its address, and whether it knows this node", a.StatusCode)
	}
	if a.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the relay: %.200s", answer)
	}
	return answer, nil
}

// Follow hands in what waits, takes over what is new, signs what it has come to
// and holds it against what the others have signed. Cut off anywhere, it goes on
// the next time where it stood.
func (n *Node) Follow(ctx context.Context, c Client) error {
	out, err := n.Outbox()
	if err != nil {
		return err
	}
	for _, b := range out {
		answer, err := c.do(ctx, n, http.MethodPost, "/submit", b)
		if err != nil {
			return err
		}
		if len(answer) != 1 {
			return fmt.Errorf("the relay's answer: %w", ErrFormat)
		}
		if err := n.Answered(b, Outcome(answer[0])); err != nil {
			return err
		}
	}
	for {
		was := n.log.Head().Size
		b, err := c.do(ctx, n, http.MethodGet, "/page?from="+strconv.FormatUint(was, 10), nil)
		if err != nil {
			return err
		}
		head, err := n.TakePage(ctx, b)
		if errors.Is(err, ledger.ErrInconsistent) {
			return n.blame(b)
		}
		if err != nil {
			return err
		}
		if head.Size == was {
			break
		}
	}
	note, err := n.Cosign(ctx)
	if err != nil {
		return err
	}
	if note != nil {
		if _, err := c.do(ctx, n, http.MethodPost, "/cosigned", note); err != nil {
			return err
		}
	}
	b, err := c.do(ctx, n, http.MethodGet, "/notes", nil)
	if err != nil {
		return err
	}
	r := reader{b: b}
	for _, note := range r.entries() {
		if err := n.TakeNote(ctx, note); err != nil {
			return err
		}
	}
	if r.bad || len(r.b) > 0 {
		return fmt.Errorf("the relay's answer: %w", ErrFormat)
	}
	return nil
}

// blame keeps the proof that the relay has answered, in its own name, with
// entries that do not follow what it had signed.
func (n *Node) blame(b []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	p, err := openPage(b)
	if err != nil {
		return err
	}
	return n.note(&ledger.ForkError{Ours: n.log.Head().Checkpoint, Theirs: p.Checkpoint})
}
