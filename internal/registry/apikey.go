// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// A key of the interface for programs opens what its member's passphrase opens:
// their identity, sealed in a key file of its own (keys/api-*.key) to the secret
// of the key, which nothing keeps. What a program may then do is what the member
// may, less what the key leaves out (access.Limit). Whose key it is, what it
// leaves and until when it holds is read from the signed ledger, and never from
// the file: a file put back opens nothing.

// apiKeyKind is a record in the stream of a member.
const apiKeyKind = "api_key"

const (
	apiKeyPrefix  = "api-"    // of the names of their files
	apiKeyPurpose = "api key" // of their files
	apiKeyText    = "kua_"    // begins a key as a program has it, so that it is known where it should not be
)

// The bounds of keys.
const (
	maxAPIKeys    = 16  // of a member
	MaxAPIKeyDays = 366 // that a key may last
)

// What somebody with a key can be told.
var (
	// ErrAPIKey says that a key opens nothing: there is none such, it has ended, or
	// its member has left. Which of them it is nobody is told.
	ErrAPIKey = errors.New("this key opens nothing: there is none such, or it has ended; its member makes another")
	// ErrAPIKeyName says that a key has no name, or too long a one.
	ErrAPIKeyName = errors.New("a key needs a name of 1 to 80 letters, by which you know it again")
	// ErrAPIKeyScope says that a key can't be for this.
	ErrAPIKeyScope = fmt.Errorf("say what the key is for: one or several of %s; write needs cases, write_outside needs outside", scopeNames())
	// ErrAPIKeyUntil says that a key can't last so long.
	ErrAPIKeyUntil = fmt.Errorf("a key ends on a day within %d days from today", MaxAPIKeyDays)
	// ErrAPIKeyMany says that a member has as many keys as one may.
	ErrAPIKeyMany = fmt.Errorf("you have %d keys: end one before you make another", maxAPIKeys)
)

func scopeNames() string {
	var names []string
	for _, s := range access.Scopes() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// apiKey is a key as the ledger has it.
type apiKey struct {
	Member, Record string
	Name, Mark     string
	Scopes         []access.Scope
	Org            string `json:",omitempty"`
	Until          edtf.Day
	Since          time.Time
}

// putAPIKey takes a record of a key in, and answers false where its author was
// not entitled to it: a member makes their own and nobody else's; an
// administrator may end one.
func (ro *roll) putAPIKey(member string, e casefile.Entry) bool {
	m, author, old := ro.member(member), ro.member(e.Author), ro.apiKey(e.Record)
	if m == nil || author == nil || author.Left {
		return false
	}
	if e.Op != casefile.Put {
		if old == nil || old.Member != member || author.ID != member && !author.administers() {
			return false
		}
		ro.APIKeys = slices.DeleteFunc(ro.APIKeys, func(k *apiKey) bool { return k == old })
		ro.Webhooks = slices.DeleteFunc(ro.Webhooks, func(w *webhook) bool { return w.Key == e.Record }) // they end with it
		return true
	}
	until, err := edtf.ParseDay(first(e.Fields["until"]))
	if m.Left || author.ID != member || old != nil || err != nil {
		return false
	}
	k := &apiKey{Member: member, Record: e.Record, Name: first(e.Fields["name"]), Mark: first(e.Fields["mark"]), Org: first(e.Fields["org"]), Until: until, Since: e.At}
	for _, s := range e.Fields["scope"] {
		k.Scopes = append(k.Scopes, access.Scope(s))
	}
	ro.APIKeys = append(ro.APIKeys, k)
	return true
}

func (ro *roll) apiKey(id string) *apiKey {
	return find(ro.APIKeys, func(k *apiKey) string { return k.Record }, id)
}

// apiKeyLives tells whether a key opens something on a day.
func (ro *roll) apiKeyLives(id string, day edtf.Day) bool {
	k := ro.apiKey(id)
	if k == nil || k.Until < day {
		return false
	}
	m := ro.member(k.Member)
	return m != nil && !m.Left
}

func apiKeyFile(id string) string { return filepath.Join(keysDir, apiKeyPrefix+id+".key") }

// apiKeyMark is what the ledger keeps of a secret of 256 bits of chance: a
// plain hash can't be turned back.
func apiKeyMark(secret []byte) string {
	sum := sha256.Sum256(append([]byte("kua/api key/v1\x00"), secret...))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// apiFileKey opens the key file. The mark is of no use in its place.
func apiFileKey(secret []byte) seal.Key {
	return sha256.Sum256(append([]byte("kua/api key file/v1\x00"), secret...))
}

// readAPIKey reads a key as a program has it: the id, and the secret.
func readAPIKey(text string) (id string, secret []byte, ok bool) {
	rest, found := strings.CutPrefix(text, apiKeyText)
	id, coded, cut := strings.Cut(rest, "_")
	if !found || !cut {
		return "", nil, false
	}
	if _, err := ledger.ParseID(id); err != nil {
		return "", nil, false
	}
	secret, err := base64.RawURLEncoding.Strict().DecodeString(coded)
	return id, secret, err == nil && len(secret) == 32
}

// NewAPIKey is a key to be made.
type NewAPIKey struct {
	Name   string
	Scopes []access.Scope
	Org    string   // the id of one of the member's organisations: the key is for what is theirs alone; empty: for all
	Until  edtf.Day // the last day on which it opens something
}

// APIKeyView is a key as its member, or an administrator, sees it.
type APIKeyView struct {
	ID, Member, MemberName, Name string
	Scopes                       []access.Scope
	Org                          string // id; empty: all
	OrgName                      string
	Until                        edtf.Day
	Since                        time.Time
	Over                         bool      // it opens nothing any more
	Used                         time.Time // last, since the register was opened; zero: not yet
}

// MakeAPIKey makes a key and answers its text, which nothing keeps. ErrProof
// where the member's passphrase was not given of late.
func (r *Registry) MakeAPIKey(ctx context.Context, s *access.Session, n NewAPIKey) (_ APIKeyView, text string, err error) {
	defer r.did(ctx, s, actAPIKey, "", &err)
	today := r.Today()
	n.Name = strings.Join(strings.Fields(n.Name), " ")
	n.Scopes = slices.Compact(slices.Sorted(slices.Values(n.Scopes)))
	l := access.Limit{Scopes: n.Scopes}
	switch {
	case r.beside:
		return APIKeyView{}, "", ledger.ErrLocked
	case !r.sessions.Fresh(s):
		return APIKeyView{}, "", ErrProof
	case n.Name == "" || utf8.RuneCountInString(n.Name) > 80:
		return APIKeyView{}, "", ErrAPIKeyName
	case len(n.Scopes) == 0 || slices.ContainsFunc(n.Scopes, func(s access.Scope) bool { return !slices.Contains(access.Scopes(), s) }),
		l.Has(access.WriteCases) && !l.Has(access.ReadCases), l.Has(access.PutOutside) && !l.Has(access.ReadOutside):
		return APIKeyView{}, "", ErrAPIKeyScope
	case n.Until < today || n.Until > today.Add(MaxAPIKeyDays):
		return APIKeyView{}, "", ErrAPIKeyUntil
	case n.Org != "" && !slices.Contains(s.Member.Orgs, n.Org):
		return APIKeyView{}, "", ErrNotFound
	}
	secret := make([]byte, 32)
	rand.Read(secret) // never fails (crypto/rand)
	locked, err := seal.LockKey(s.Keys.Identity, apiKeyPurpose, apiFileKey(secret))
	if err != nil {
		return APIKeyView{}, "", err
	}
	id := ledger.NewID().String()
	fields := casefile.Fields{"name": {n.Name}, "mark": {apiKeyMark(secret)}, "until": {n.Until.String()}}
	for _, scope := range n.Scopes {
		fields["scope"] = append(fields["scope"], string(scope))
	}
	if n.Org != "" {
		fields["org"] = []string{n.Org}
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	if len(r.ownAPIKeys(s.Member.ID)) >= maxAPIKeys {
		return APIKeyView{}, "", ErrAPIKeyMany
	}
	// The file first: one that the ledger does not know opens nothing here.
	if err := r.writeLocked(apiKeyFile(id), locked); err != nil {
		return APIKeyView{}, "", err
	}
	err = r.write(ctx, s, []act{{stream: s.Member.ID, puts: []Put{{Record: id, Kind: apiKeyKind, Fields: fields}}, source: "made by the member"}})
	if err != nil && r.roll().apiKey(id) == nil {
		return APIKeyView{}, "", errors.Join(err, r.removeKey(apiKeyFile(id)))
	}
	view := r.apiKeyView(r.roll(), r.roll().apiKey(id))
	return view, apiKeyText + id + "_" + base64.RawURLEncoding.EncodeToString(secret), nil
}

// ownAPIKeys are the keys of a member that have not ended.
func (r *Registry) ownAPIKeys(member string) []*apiKey {
	ro, today := r.roll(), r.Today()
	return slices.DeleteFunc(slices.Clone(ro.APIKeys), func(k *apiKey) bool { return k.Member != member || !ro.apiKeyLives(k.Record, today) })
}

func (r *Registry) apiKeyView(ro *roll, k *apiKey) APIKeyView {
	v := APIKeyView{ID: k.Record, Member: k.Member, Name: k.Name, Scopes: slices.Clone(k.Scopes), Org: k.Org, OrgName: nameOf(ro, k.Org), Until: k.Until, Since: k.Since, Over: !ro.apiKeyLives(k.Record, r.Today()), Used: r.apiKeys.used(k.Record)}
	if m := ro.member(k.Member); m != nil {
		v.MemberName = m.Name
	}
	return v
}

// APIKeys are the member's own keys, the newest first; to an administrator
// those of everybody.
func (r *Registry) APIKeys(s *access.Session) []APIKeyView {
	all := access.Decide(s.Member, access.Administer, access.Thing{})
	ro := r.roll()
	var views []APIKeyView
	for _, k := range ro.APIKeys {
		if all || k.Member == s.Member.ID {
			views = append(views, r.apiKeyView(ro, k))
		}
	}
	slices.SortFunc(views, func(a, b APIKeyView) int { return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.ID, b.ID)) })
	return views
}

// EndAPIKey ends a key at once: one's own, or as an administrator anybody's.
// It needs no passphrase: who is in a hurry must not look for it.
func (r *Registry) EndAPIKey(ctx context.Context, s *access.Session, id string) (err error) {
	defer r.did(ctx, s, actAPIKey, "", &err)
	r.writing.Lock()
	defer r.writing.Unlock()
	k := r.roll().apiKey(id)
	if k == nil || k.Member != s.Member.ID && !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return ErrNotFound
	}
	if err := r.write(ctx, s, []act{{stream: k.Member, withdraws: []Put{{Record: id, Kind: apiKeyKind}}, source: "ended"}}); err != nil && r.roll().apiKey(id) != nil {
		return err
	}
	r.apiKeys.end(id)
	return r.removeKey(apiKeyFile(id))
}

// asksAMinute is how often a key may be asked with in a minute.
const asksAMinute = 1200

// apiKeys are the keys that are in use: what they opened, in memory only.
type apiKeys struct {
	mu    *sync.Mutex
	open  map[string]*openAPIKey // by id
	asked map[string]*asks       // by id, of this minute
	ended chan struct{}          // closed when all of them end: what waits for changes ends with them
}

type openAPIKey struct {
	roll *roll // by which it was opened: where that is another by now, it is opened anew
	keys *access.Keys
}

func newAPIKeys() apiKeys {
	return apiKeys{mu: &sync.Mutex{}, open: map[string]*openAPIKey{}, asked: map[string]*asks{}, ended: make(chan struct{})}
}

// endAll lets go of what all keys opened: the lock.
func (a *apiKeys) endAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.open)
	select {
	case <-a.ended:
	default:
		close(a.ended)
	}
}

func (a *apiKeys) end(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, id)
}

func (a *apiKeys) used(id string) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := a.asked[id]; n != nil {
		return n.last
	}
	return time.Time{}
}

// ask counts, and answers how long to wait where it was too often.
func (a *apiKeys) ask(id string, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.asked[id]
	if n == nil {
		n = &asks{}
		a.asked[id] = n
	}
	return n.wait(now, time.Minute, asksAMinute)
}

// SignInByKey is the session of a program that comes with a key, for one
// request: ErrAPIKey where the key opens nothing, an *access.WaitError where it
// was asked with too often. Its member is limited to what the key leaves.
func (r *Registry) SignInByKey(ctx context.Context, text string) (*access.Session, error) {
	id, secret, ok := readAPIKey(text)
	if !ok {
		return nil, ErrAPIKey
	}
	ro := r.roll()
	k := ro.apiKey(id)
	if k == nil {
		return nil, ErrAPIKey
	}
	if subtle.ConstantTimeCompare([]byte(apiKeyMark(secret)), []byte(k.Mark)) != 1 {
		r.signInFailed(ctx, k.Member)
		return nil, ErrAPIKey
	}
	if !ro.apiKeyLives(id, r.Today()) {
		return nil, ErrAPIKey
	}
	if wait := r.apiKeys.ask(id, r.now()); wait > 0 {
		return nil, &access.WaitError{Wait: wait}
	}
	keys, err := r.openAPIKey(ctx, ro, k, secret)
	if err != nil {
		return nil, err
	}
	return access.KeySession(ro.limited(k), keys, id), nil
}

// limited is the member of a key, limited to what the key leaves.
func (ro *roll) limited(k *apiKey) access.Member {
	m := ro.member(k.Member).Member
	m.Limit = &access.Limit{Scopes: k.Scopes, Org: k.Org}
	if k.Org != "" {
		m.Orgs = slices.DeleteFunc(slices.Clone(m.Orgs), func(org string) bool { return org != k.Org })
	}
	return m
}

// openAPIKey opens what a key opens, or knows it from a request before.
func (r *Registry) openAPIKey(ctx context.Context, ro *roll, k *apiKey, secret []byte) (*access.Keys, error) {
	r.apiKeys.mu.Lock()
	known := r.apiKeys.open[k.Record]
	r.apiKeys.mu.Unlock()
	if known != nil && known.roll == ro {
		return known.keys, nil
	}
	locked, err := r.readLocked(apiKeyFile(k.Record))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrAPIKey
	}
	if err != nil {
		return nil, err
	}
	if ledger.ID(locked.Public().ID()).String() != k.Member || locked.Purpose() != apiKeyPurpose {
		return nil, fmt.Errorf("%s: its name and its content do not belong together: %w", apiKeyFile(k.Record), seal.ErrDamaged)
	}
	opened, err := locked.OpenKey(apiFileKey(secret))
	if errors.Is(err, seal.ErrPassphrase) {
		return nil, ErrAPIKey
	}
	if err != nil {
		return nil, err
	}
	keys, err := r.openVaults(opened.Identity)
	if err != nil {
		return nil, err
	}
	if k.Org != "" {
		for org := range keys.Vaults {
			if org != k.Org {
				delete(keys.Vaults, org)
			}
		}
	}
	if known == nil {
		_ = r.audit(ctx, &line{act: actSignIn, what: "api", by: keys.Identity, device: k.Mark[:min(16, len(k.Mark))], owed: true})
	}
	r.apiKeys.mu.Lock()
	defer r.apiKeys.mu.Unlock()
	select {
	case <-r.apiKeys.ended:
		return nil, ErrAPIKey // the register is being locked
	default:
	}
	r.apiKeys.open[k.Record] = &openAPIKey{ro, keys}
	return keys, nil
}
