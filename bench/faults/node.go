// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/pgstore"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
	"github.com/kua-registry/kua/internal/web"
)

const passphrase = "made up for a measurement"

// weak is how passphrases are stretched here: it is not what is tried.
func weak() seal.Stretch { return seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1} }

// state is what a node shows to a reader.
type state struct {
	Size  uint64         `json:"size"`
	Root  string         `json:"root"`
	Words map[string]int `json:"words"` // how often each is there
}

// verdict is what a node says of its ledger.
type verdict struct {
	Problem string `json:"problem"`
	Entries uint64 `json:"entries"`
	Root    string `json:"root"`
	Figures string `json:"figures"`
}

// node is what the process of a node does.
type node interface {
	write(ctx context.Context, word string) error
	read(ctx context.Context) (state, error)
	verify(ctx context.Context) (verdict, error)
	close() error
}

// clock is that of one node, as far from the machine's as it is told.
type clock struct{ off atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.off.Load())) }

// how says how a node's process is started.
type how struct {
	form, dir, socket, database string
}

// serve is a node's process: it answers on a socket, so that a cut line does not
// keep whoever drives it from it.
func (h how) serve(ctx context.Context) error {
	var c clock
	var n node
	var pages http.Handler
	var err error
	if h.form == formLogs {
		n, err = openLog(ctx, h)
	} else {
		var r *registerNode
		if r, err = openRegister(ctx, h, &c); err == nil {
			n = r
			pages, err = r.pages()
		}
	}
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any, err error) {
		switch {
		case err == nil:
			_ = json.NewEncoder(w).Encode(v) // whoever asked has gone
		case errors.Is(err, ledger.ErrNothing):
			http.Error(w, err.Error(), http.StatusConflict) // certain
		default:
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	}
	mux.HandleFunc("POST /fault/write", func(w http.ResponseWriter, r *http.Request) {
		err := n.write(r.Context(), r.URL.Query().Get("word"))
		answer(w, "kept", err)
	})
	mux.HandleFunc("GET /fault/read", func(w http.ResponseWriter, r *http.Request) {
		v, err := n.read(r.Context())
		answer(w, v, err)
	})
	mux.HandleFunc("GET /fault/verify", func(w http.ResponseWriter, r *http.Request) {
		v, err := n.verify(r.Context())
		answer(w, v, err)
	})
	mux.HandleFunc("POST /fault/clock", func(w http.ResponseWriter, r *http.Request) {
		off, err := strconv.ParseInt(r.URL.Query().Get("off"), 10, 64)
		c.off.Store(off)
		answer(w, "set", err)
	})
	end := make(chan struct{})
	mux.HandleFunc("POST /fault/end", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, "ended", n.close())
		close(end)
	})
	if pages != nil {
		mux.Handle("/", pages)
	}
	_ = os.Remove(h.socket)
	l, err := net.Listen("unix", h.socket)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() {
		<-end
		_ = server.Shutdown(context.Background()) // the process ends
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// registerNode is a whole register.
type registerNode struct {
	reg   *registry.Registry
	s     *access.Session
	cases []string
	turn  atomic.Uint64
}

// casesEach is among how many cases what is written is spread.
const casesEach = 3

func openRegister(ctx context.Context, h how, c *clock) (*registerNode, error) {
	o := registry.Options{Now: c.now, Stretch: weak(), Least: weak()}
	if h.database != "" {
		o.Database = registry.Database{URL: h.database}
	}
	dir := filepath.Join(h.dir, "register")
	_, err := os.Stat(filepath.Join(h.dir, "made"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(h.common(), "pass")); err == nil {
			if err := h.join(dir, o); err != nil {
				return nil, err
			}
			return openRegister(ctx, h, c)
		}
		r, err := makeRegister(ctx, h, dir, o)
		if err != nil || h.form != formMachines {
			return r, err
		}
		if err := r.pass(ctx, h, dir, o); err != nil {
			return nil, err
		}
		return openRegister(ctx, h, c)
	}
	word, err := os.ReadFile(filepath.Join(h.dir, "made"))
	if err != nil {
		return nil, err
	}
	var made [2]string // the passphrase of the case worker and the id of who starts it
	if err := json.Unmarshal(word, &made); err != nil {
		return nil, err
	}
	r := &registerNode{}
	if r.reg, _, err = registry.Open(ctx, dir, registry.Unlock{Passphrase: passphrase, Member: made[1]}, o); err != nil {
		return nil, err
	}
	if r.s, err = r.reg.SignIn(ctx, registry.SignIn{Name: "worker", Passphrase: made[0]}); err != nil {
		return nil, errors.Join(err, r.reg.Close())
	}
	page, err := r.reg.Cases(ctx, r.s, registry.Query{Limit: 100})
	if err != nil {
		return nil, errors.Join(err, r.reg.Close())
	}
	for _, row := range page.Rows {
		r.cases = append(r.cases, row.ID)
	}
	return r, nil
}

// common is the directory that all nodes of a run have.
func (h how) common() string { return filepath.Dir(h.socket) }

// pass makes a pass for the second machine, and closes the register.
func (r *registerNode) pass(ctx context.Context, h how, dir string, o registry.Options) error {
	made, err := os.ReadFile(filepath.Join(h.dir, "made"))
	if err != nil {
		return err
	}
	var of [2]string
	if err := json.Unmarshal(made, &of); err != nil {
		return err
	}
	if err := r.reg.Close(); err != nil {
		return err
	}
	reg, founder, err := registry.Open(ctx, dir, registry.Unlock{Passphrase: passphrase, Member: of[1]}, o)
	if err != nil {
		return err
	}
	file, words, err := reg.PassNode(ctx, founder, "second")
	if err = errors.Join(err, reg.Close()); err != nil {
		return err
	}
	text, err := json.Marshal(passed{file, words, made})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(h.common(), "pass"), text, 0o600)
}

// passed is what the second machine is given.
type passed struct {
	File  []byte
	Words string
	Made  []byte // as the first one's
}

// join makes the directory of the second machine.
func (h how) join(dir string, o registry.Options) error {
	text, err := os.ReadFile(filepath.Join(h.common(), "pass"))
	if err != nil {
		return err
	}
	var p passed
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	var of [2]string
	if err := json.Unmarshal(p.Made, &of); err != nil {
		return err
	}
	if _, err := registry.Join(dir, p.File, p.Words, registry.Unlock{Passphrase: passphrase, Member: of[1]}, o); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(h.dir, "made"), p.Made, 0o600)
}

func makeRegister(ctx context.Context, h how, dir string, o registry.Options) (_ *registerNode, err error) {
	r := &registerNode{}
	var founder *access.Session
	if r.reg, founder, err = registry.Create(ctx, dir, registry.FirstMember{Name: "faults", Lang: "en", Passphrase: passphrase}, o); err != nil {
		return nil, err
	}
	org, err := r.reg.AddOrganisation(ctx, founder, registry.NewOrganisation{Name: "North", Counts: true})
	if err != nil {
		return nil, err
	}
	roles := []access.Role{access.CaseWorker}
	code, _, err := r.reg.Invite(ctx, founder, registry.NewInvitation{Name: "worker", Lang: "ru", Roles: roles, Orgs: []string{org.ID}})
	if err != nil {
		return nil, err
	}
	_, words, err := r.reg.Accept(ctx, code, registry.Acceptance{})
	if err != nil {
		return nil, err
	}
	if r.s, err = r.reg.SignIn(ctx, registry.SignIn{Name: "worker", Passphrase: words}); err != nil {
		return nil, err
	}
	for range casesEach {
		row, err := r.reg.NewCase(ctx, r.s, registry.NewCase{Org: org.ID})
		if err != nil {
			return nil, err
		}
		r.cases = append(r.cases, row.ID)
	}
	made, err := json.Marshal([2]string{words, founder.Member.ID})
	if err != nil {
		return nil, err
	}
	return r, os.WriteFile(filepath.Join(h.dir, "made"), made, 0o600)
}

func (r *registerNode) pages() (http.Handler, error) {
	words, err := locale.Load()
	if err != nil {
		return nil, err
	}
	return web.New(r.reg, words, web.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
}

func (r *registerNode) write(ctx context.Context, word string) error {
	if err := r.reg.Abreast(ctx); err != nil { // as every page does
		return errors.Join(err, ledger.ErrNothing)
	}
	id := r.cases[int(r.turn.Add(1))%len(r.cases)] //nolint:gosec // small
	err := r.reg.Write(ctx, r.s, id, []registry.Put{{Record: ledger.NewID().String(), Kind: "note", Fields: casefile.Fields{"text": {word}}}}, nil, "", "")
	if errors.Is(err, registry.ErrKept) {
		return nil
	}
	return err
}

func (r *registerNode) read(ctx context.Context) (state, error) {
	if err := r.reg.Abreast(ctx); err != nil {
		return state{}, err
	}
	st := state{Words: map[string]int{}}
	for _, id := range r.cases {
		v, err := r.reg.Case(ctx, r.s, id, registry.Clock{})
		if err != nil {
			return state{}, err
		}
		for _, rec := range v.Records {
			if rec.Kind == "note" {
				st.Words[rec.Fields["text"][0]]++
			}
		}
	}
	info, err := r.reg.Info(ctx, r.s)
	st.Size, st.Root = info.Entries, info.Root
	return st, err
}

func (r *registerNode) verify(ctx context.Context) (verdict, error) {
	if err := r.reg.Abreast(ctx); err != nil {
		return verdict{}, err
	}
	v, err := r.reg.Verify(ctx, r.s, true)
	if err != nil {
		return verdict{}, err
	}
	day, err := edtf.ParseDay("2040-01-01")
	if err != nil {
		return verdict{}, err
	}
	figures, err := r.reg.Figures(ctx, r.s, registry.FigureQuery{Clock: registry.Clock{AsOf: day}})
	if err != nil {
		return verdict{}, err
	}
	text, err := json.Marshal(figures.Values)
	return verdict{v.Problem, v.Entries, v.Root, string(text)}, err
}

func (r *registerNode) close() error { return r.reg.Close() }

// logNode is a ledger that several nodes share.
type logNode struct {
	log   *ledger.Log
	id    *seal.Identity
	vault *seal.Vault

	mu      sync.Mutex
	stream  ledger.ID // of this process's own
	version uint64
	prev    ledger.Hash
	keys    seal.CaseKeys
}

func openLog(ctx context.Context, h how) (*logNode, error) {
	b, err := os.ReadFile(filepath.Join(h.dir, "..", "node.key"))
	if err != nil {
		return nil, err
	}
	locked, err := seal.DecodeLocked(b)
	if err != nil {
		return nil, err
	}
	opened, err := locked.OpenPassphrase(passphrase, weak())
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(filepath.Join(h.dir, "..", "vault.key"))
	if err != nil {
		return nil, err
	}
	vault, err := seal.OpenVault(opened.Identity, raw)
	if err != nil {
		return nil, err
	}
	store, err := pgstore.Open(ctx, pgstore.Options{URL: h.database, Create: true})
	if err != nil {
		return nil, err
	}
	o := ledger.Options{Signer: opened.Identity, HeadFile: filepath.Join(h.dir, "head"), Shared: true}
	_, err = os.Stat(o.HeadFile)
	o.TrustStore = errors.Is(err, fs.ErrNotExist) // it begins here
	log, err := ledger.Open(ctx, store, o)
	if errors.Is(err, ledger.ErrNone) {
		log, err = ledger.Create(ctx, store, o)
	}
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &logNode{log: log, id: opened.Identity, vault: vault, stream: ledger.NewID(), keys: seal.NewCaseKeys()}, nil
}

func (l *logNode) write(ctx context.Context, word string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.version >= 8 {
		l.stream, l.version, l.prev, l.keys = ledger.NewID(), 0, ledger.Hash{}, seal.NewCaseKeys()
	}
	e, err := ledger.Seal(l.log.ID(), l.id, ledger.Draft{Stream: l.stream, Version: l.version + 1, Keys: l.keys, Content: ledger.Content{
		Kind: "note", Record: ledger.NewID(), Op: ledger.Put, At: time.UnixMilli(1), Prev: l.prev, Identity: map[string][]string{"text": {word}},
	}})
	if err != nil {
		return err
	}
	b := ledger.Batch{Entries: []ledger.Entry{e}}
	if l.version == 0 {
		if b.Keys, err = ledger.WrapCaseKeys(l.vault, l.stream, l.keys); err != nil {
			return err
		}
	}
	if _, err := l.log.Append(ctx, b); err != nil {
		l.stream, l.version, l.prev, l.keys = ledger.NewID(), 0, ledger.Hash{}, seal.NewCaseKeys() // begun anew: it may have been kept
		return err
	}
	l.version, l.prev = l.version+1, e.Hash()
	return nil
}

func (l *logNode) opener() ledger.Opener {
	return ledger.Opener{Keys: l.log.Keyring(l.vault).Keys, Author: l.author}
}

func (l *logNode) read(ctx context.Context) (state, error) {
	head, err := l.log.Follow(ctx)
	if err != nil {
		return state{}, err
	}
	st := state{Size: head.Size, Root: head.Root.String(), Words: map[string]int{}}
	err = l.log.ScanOpen(ctx, 0, head.Size, l.opener(), func(e ledger.Entry, c ledger.Content, err error) error {
		if err != nil {
			return fmt.Errorf("entry %d: %w", e.Pos, err)
		}
		st.Words[c.Identity["text"][0]]++
		return nil
	})
	return st, err
}

func (l *logNode) verify(ctx context.Context) (verdict, error) {
	if _, err := l.log.Follow(ctx); err != nil {
		return verdict{}, err
	}
	rep, err := l.log.Verify(ctx, ledger.VerifyOptions{Vaults: []*seal.Vault{l.vault}, Author: l.author})
	if err != nil {
		return verdict{}, err
	}
	v := verdict{Entries: rep.Head.Size, Root: rep.Head.Root.String()}
	if rep.Fault != nil {
		v.Problem = rep.Fault.String()
	}
	return v, nil
}

func (l *logNode) author(id ledger.ID) (ed25519.PublicKey, bool) {
	return l.id.Public().Signing(), id == l.id.ID()
}

func (l *logNode) close() error { return l.log.Close() }
