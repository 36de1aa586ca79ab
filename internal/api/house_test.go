// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
)

// The people are invented. Each text stands in a field that could name
// somebody, once in an open case of the north and once in a restricted one.
var (
	openPlanted   = []string{"Жасампазов", "Ерғазы", "870101399999", "N-777-open", "сказал что его держали в гараже"}
	hiddenPlanted = []string{"Қарлығашева", "Мөлдір", "910202499999", "N-888-hidden", "везли в машине без номеров"}
)

const passphrase = "seven good words nobody else would say"

var rulebook = registry.Rulebooks(registry.LoadRulebook)

// clocked is a clock that a test turns.
type clocked struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clocked) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clocked) turn(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }

// house is a register of two organisations that keep a case each from the
// other, with somebody of every role in the south.
type house struct {
	t            *testing.T
	reg          *registry.Registry
	clock        *clocked
	api          http.Handler
	log          *bytes.Buffer
	north, south string
	open, hidden string // ids of cases of the north
	keys         map[string]string
	schema       *jsonschema.Compiler
	document     map[string]any
}

func newHouse(t *testing.T) *house {
	t.Helper()
	ctx := context.Background()
	least := seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1}
	h := &house{t: t, clock: &clocked{t: time.Date(2022, 6, 24, 9, 0, 0, 0, time.UTC)}, log: &bytes.Buffer{}, keys: map[string]string{}}
	reg, founder, err := registry.Create(ctx, filepath.Join(t.TempDir(), "r"), registry.FirstMember{Name: "founder", Lang: "en", Passphrase: passphrase},
		registry.Options{Now: h.clock.now, Stretch: least, Least: least, Rulebook: rulebook})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reg.Close() })
	h.reg = reg
	for name, into := range map[string]*string{"North": &h.north, "South": &h.south} {
		org, err := reg.AddOrganisation(ctx, founder, registry.NewOrganisation{Name: name, Counts: true})
		if err != nil {
			t.Fatal(err)
		}
		*into = org.ID
	}
	founder = h.signIn("founder")
	h.key(founder, "founder")
	join := func(who, org string, role access.Role) *access.Session {
		code, _, err := reg.Invite(ctx, founder, registry.NewInvitation{Name: who, Lang: "en", Orgs: []string{org}, Roles: []access.Role{role}})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := reg.Accept(ctx, code, registry.Acceptance{Passphrase: passphrase}); err != nil {
			t.Fatal(err)
		}
		s := h.signIn(who)
		h.key(s, who)
		return s
	}
	north := join("north", h.north, access.CaseWorker)
	for _, role := range access.Roles() {
		if role != access.Coordinator { // the founder is one
			join(string(role), h.south, role)
		}
	}
	h.open, h.hidden = h.take(north, h.north, openPlanted, false), h.take(north, h.north, hiddenPlanted, true)
	h.take(h.signIn("case_worker"), h.south, []string{"Омаров", "Болат", "1", "S-1", "ничего"}, false)
	h.api = New(reg, Options{Logger: slog.New(slog.NewTextHandler(h.log, nil)), Version: "test"})
	return h
}

func (h *house) signIn(name string) *access.Session {
	h.t.Helper()
	s, err := h.reg.SignIn(context.Background(), registry.SignIn{Name: name, Passphrase: passphrase})
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// key makes a key with the scopes, all where none is said, and keeps it under a name.
func (h *house) key(s *access.Session, name string, scopes ...access.Scope) string {
	h.t.Helper()
	if len(scopes) == 0 {
		scopes = access.Scopes()
	}
	_, text, err := h.reg.MakeAPIKey(context.Background(), s, registry.NewAPIKey{Name: name, Scopes: scopes, Until: h.reg.Today().Add(300)})
	if err != nil {
		h.t.Fatal(err)
	}
	h.keys[name] = text
	return text
}

// take takes in a case with what is planted, and answers its id.
func (h *house) take(s *access.Session, org string, p []string, restricted bool) string {
	h.t.Helper()
	row, err := h.reg.NewCase(context.Background(), s, registry.NewCase{Org: org, ExternalID: p[3], Restricted: restricted, Records: []registry.Put{
		{Record: ledger.NewID().String(), Kind: "report", Fields: casefile.Fields{"received": {"2022-01-12"}, "region": {"KZ-75"}, "summary": {p[4]}}},
		{Record: ledger.NewID().String(), Kind: "person", Fields: casefile.Fields{"role": {"victim"}, "family": {p[0]}, "given": {p[1]}, "sex": {"m"}, "child": {"no"}, "iin": {p[2]}}},
		{Record: ledger.NewID().String(), Kind: "complaint", Fields: casefile.Fields{"filed": {"yes"}, "date": {"2022-01-20"}}},
	}})
	if err != nil {
		h.t.Fatal(err)
	}
	return row.ID
}

// answer is what came back, held against the document.
type answer struct {
	*httptest.ResponseRecorder
	body map[string]any
}

func (h *house) ask(key, method, path string, body any, headers ...string) answer {
	h.t.Helper()
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			h.t.Fatal(err)
		}
		in = bytes.NewReader(b)
	}
	r := httptest.NewRequest(method, root+path, in)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.api.ServeHTTP(w, r)
	a := answer{ResponseRecorder: w}
	if w.Body.Len() > 0 && strings.Contains(w.Header().Get("Content-Type"), "json") {
		if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil {
			h.t.Fatalf("%s %s: %v", method, path, err)
		}
	}
	if w.Code >= http.StatusInternalServerError {
		h.t.Errorf("%s %s: %d %s\n%s", method, path, w.Code, w.Body, h.log)
	}
	h.conforms(r, a)
	return a
}

// learn reads the document.
func (h *house) learn() {
	h.t.Helper()
	if h.document != nil {
		return
	}
	r := httptest.NewRequest(http.MethodGet, root+"/openapi.json", nil)
	r.Header.Set("Authorization", "Bearer "+h.keys["founder"])
	w := httptest.NewRecorder()
	h.api.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		h.t.Fatalf("the document: %d %s", w.Code, w.Body)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		h.t.Fatal(err)
	}
	h.document = doc.(map[string]any)
	h.schema = jsonschema.NewCompiler()
	h.schema.DefaultDraft(jsonschema.Draft2020)
	h.schema.AssertFormat()
	if err := h.schema.AddResource("openapi.json", doc); err != nil {
		h.t.Fatal(err)
	}
}

// conforms holds an answer against the document by somebody else's validator:
// its status, its media type, its form.
func (h *house) conforms(r *http.Request, a answer) {
	h.t.Helper()
	h.learn()
	path := h.pathOf(r)
	if path == "" {
		if a.Code != http.StatusNotFound && a.Code != http.StatusMethodNotAllowed {
			h.t.Errorf("%s %s: %d, and the document has no such address", r.Method, r.URL, a.Code)
		}
		return
	}
	op, _ := h.document["paths"].(map[string]any)[path].(map[string]any)[strings.ToLower(r.Method)].(map[string]any)
	if op == nil {
		if a.Code != http.StatusMethodNotAllowed {
			h.t.Errorf("%s %s: %d, and the document has no such method", r.Method, r.URL, a.Code)
		}
		return
	}
	responses := op["responses"].(map[string]any)
	status := fmt.Sprint(a.Code)
	response, ok := responses[status].(map[string]any)
	if !ok {
		status = "default"
		if response, ok = responses[status].(map[string]any); !ok {
			h.t.Errorf("%s %s: %d is in no response of the document", r.Method, r.URL, a.Code)
			return
		}
	}
	content, _ := response["content"].(map[string]any)
	if len(content) == 0 {
		if a.Body.Len() > 0 {
			h.t.Errorf("%s %s: %d has a body, and none in the document", r.Method, r.URL, a.Code)
		}
		return
	}
	media, _, _ := strings.Cut(a.Header().Get("Content-Type"), ";")
	if _, ok := content[media]; !ok {
		h.t.Errorf("%s %s: %d of the type %q, which is not in the document", r.Method, r.URL, a.Code, media)
		return
	}
	if !strings.HasSuffix(media, "json") {
		return
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	schema, err := h.schema.Compile("openapi.json#/paths/" + escape.Replace(path) + "/" + strings.ToLower(r.Method) + "/responses/" + status + "/content/" + escape.Replace(media) + "/schema")
	if err != nil {
		h.t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.Body.Bytes()))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		h.t.Errorf("%s %s: %d is not what the document says: %v\n%s", r.Method, r.URL, a.Code, err, a.Body)
	}
}

// pathOf is the address of the document that a request asks; empty: none.
func (h *house) pathOf(r *http.Request) string {
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), root), "/")
	best := ""
	for path := range h.document["paths"].(map[string]any) {
		of := strings.Split(path, "/")
		if len(of) != len(parts) {
			continue
		}
		fits := true
		for i := range of {
			fits = fits && (of[i] == parts[i] || strings.HasPrefix(of[i], "{") && parts[i] != "")
		}
		if fits && (best == "" || strings.Count(path, "{") < strings.Count(best, "{")) {
			best = path
		}
	}
	return best
}
