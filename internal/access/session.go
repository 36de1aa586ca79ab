// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/seal"
)

// ErrSignIn says that the name or the passphrase is not right, and no more.
var ErrSignIn = errors.New("the name or the passphrase is not right")

// How long a session lasts. A phone taken from a hand is a session taken.
const (
	IdleLimit     = 30 * time.Minute // without a page opened
	AbsoluteLimit = 12 * time.Hour   // a long working day; then the passphrase again
	// ProofLimit is how long a passphrase that was given vouches for dangerous acts.
	ProofLimit = 5 * time.Minute
	// MostWrongProofs is how many wrong passphrases in a row end a session.
	MostWrongProofs = 5
)

// Session is a member who has signed in. Keys is what their passphrase opened;
// it lives in memory only and is let go when the session ends.
//
// Sessions gives everyone who asks a copy of their own, so that what one
// request changes of it is no other's.
type Session struct {
	Member Member
	Keys   *Keys

	// DeviceToken is what the browser keeps, so that it is known at the next
	// sign-in (see Devices); NewDevice says that it was not known at this one.
	// Both are set at the sign-in and stay.
	DeviceToken string
	NewDevice   bool

	token               string
	device              string
	since, seen, proved time.Time
	doubts              int    // wrong passphrases since the last right one
	offer               string // secret of a second factor that is being set up
}

// Offer is the secret of the second factor that the session was offered; empty: none.
func (s *Session) Offer() string { return s.offer }

// Keys are what a member's passphrase opens: whoever holds them can write in
// the member's name and read what their organisations may. They do not change.
type Keys struct {
	Identity *seal.Identity
	Vaults   map[string]*seal.Vault // by the id of the organisation

	// Opened is what was opened with them of what is listed again and again. It
	// goes with them.
	Opened sync.Map
}

// With are the keys and the vault of one more organisation.
func (k *Keys) With(org string, vault *seal.Vault) *Keys {
	next := &Keys{Identity: k.Identity, Vaults: maps.Clone(k.Vaults)}
	next.Vaults[org] = vault
	return next
}

// Token is the secret that a browser holds for the session.
func (s *Session) Token() string { return s.token }

// Sessions are the sessions of one running program. They are in memory only.
type Sessions struct {
	Halves *Halves // those that need a second step; they end with those that are open

	now func() time.Time

	mu   sync.Mutex
	open map[string]*Session
	used time.Time // when a session was last begun or used
}

// NewSessions makes an empty set of sessions that tells time by now.
func NewSessions(now func() time.Time) *Sessions {
	return &Sessions{Halves: NewHalves(now), now: now, open: map[string]*Session{}, used: now()}
}

// Begin opens a session for a member whose passphrase was right.
func (all *Sessions) Begin(m Member, keys *Keys) *Session {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails (crypto/rand)
	now := all.now()
	s := &Session{Member: m, Keys: keys, token: base64.RawURLEncoding.EncodeToString(secret), since: now, seen: now, proved: now}
	all.mu.Lock()
	defer all.mu.Unlock()
	for token, other := range all.open {
		if other.over(now) {
			delete(all.open, token)
		}
	}
	all.open[s.token] = s
	all.used = now
	own := *s
	return &own
}

// KeySession is the session of a program that comes with a key of the member,
// for one request. It is among no sessions: nothing that wants a passphrase of
// late is done in it, and it keeps no register open.
func KeySession(m Member, keys *Keys, id string) *Session {
	return &Session{Member: m, Keys: keys, token: "key " + id}
}

// Get finds the session of a token and marks it as used. It is false for a
// token that is unknown or whose session is over.
func (all *Sessions) Get(token string) (*Session, bool) {
	now := all.now()
	all.mu.Lock()
	defer all.mu.Unlock()
	s, ok := all.open[token]
	if !ok {
		return nil, false
	}
	if s.over(now) {
		delete(all.open, token)
		return nil, false
	}
	s.seen, all.used = now, now
	own := *s
	return &own, true
}

// Update keeps what a session has become: its member and their keys.
func (all *Sessions) Update(s *Session) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if kept := all.open[s.token]; kept != nil {
		kept.Member, kept.Keys = s.Member, s.Keys
	}
}

// End ends one session at once.
func (all *Sessions) End(token string) {
	all.mu.Lock()
	defer all.mu.Unlock()
	delete(all.open, token)
}

// EndMember ends every session of a member at once.
func (all *Sessions) EndMember(id string) {
	all.Halves.EndMember(id)
	all.mu.Lock()
	defer all.mu.Unlock()
	maps.DeleteFunc(all.open, func(_ string, s *Session) bool { return s.Member.ID == id })
}

// EndIf ends the sessions of which over says so.
func (all *Sessions) EndIf(over func(*Session) bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	maps.DeleteFunc(all.open, func(_ string, s *Session) bool { return over(s) })
}

// Prove marks that the member of a session has just given their passphrase again.
func (all *Sessions) Prove(s *Session) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if kept := all.open[s.token]; kept != nil {
		kept.proved, kept.doubts = all.now(), 0
	}
}

// Doubt marks that somebody in a session gave a passphrase that is not its
// member's. Too many end the session.
func (all *Sessions) Doubt(s *Session) {
	all.mu.Lock()
	defer all.mu.Unlock()
	kept := all.open[s.token]
	if kept == nil {
		return
	}
	if kept.doubts++; kept.doubts >= MostWrongProofs {
		delete(all.open, s.token)
	}
}

// Fresh tells whether the session is open and its passphrase was given within ProofLimit.
func (all *Sessions) Fresh(s *Session) bool {
	now := all.now()
	all.mu.Lock()
	defer all.mu.Unlock()
	kept := all.open[s.token]
	return kept != nil && !kept.over(now) && elapsed(kept.proved, now) <= ProofLimit
}

// SessionView is an open session as its own member sees it.
type SessionView struct {
	ID          string // not the token, and of no use in its place
	Device      string // what the browser calls itself
	Since, Seen time.Time
	Here        bool // the session that asks
}

// Own lists the open sessions of the member of a session, the oldest first.
func (all *Sessions) Own(s *Session) []SessionView {
	now := all.now()
	all.mu.Lock()
	defer all.mu.Unlock()
	var views []SessionView
	for _, other := range all.open {
		if other.Member.ID == s.Member.ID && !other.over(now) {
			views = append(views, SessionView{other.publicID(), other.device, other.since, other.seen, other.token == s.token})
		}
	}
	slices.SortFunc(views, func(a, b SessionView) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
	return views
}

// EndOwn ends one session of the member of a session, by its SessionView.ID.
// It is false where they have none such.
func (all *Sessions) EndOwn(s *Session, id string) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	for token, other := range all.open {
		if other.Member.ID == s.Member.ID && other.publicID() == id {
			delete(all.open, token)
			return true
		}
	}
	return false
}

// EndOthers ends all sessions of the member of a session but that one, and
// answers how many there were.
func (all *Sessions) EndOthers(s *Session) int {
	all.mu.Lock()
	defer all.mu.Unlock()
	n := len(all.open)
	maps.DeleteFunc(all.open, func(token string, other *Session) bool {
		return other.Member.ID == s.Member.ID && token != s.token
	})
	return n - len(all.open)
}

// SetDevice keeps what the browser of a session calls itself.
func (all *Sessions) SetDevice(s *Session, device string) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if kept := all.open[s.token]; kept != nil {
		kept.device = device
	}
}

// SetOffer keeps the secret of a second factor that is being set up.
func (all *Sessions) SetOffer(s *Session, secret string) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if kept := all.open[s.token]; kept != nil {
		kept.offer = secret
	}
	s.offer = secret
}

func (s *Session) publicID() string {
	sum := sha256.Sum256([]byte("kua/session/v1\x00" + s.token))
	return hex.EncodeToString(sum[:8])
}

// EndAll ends every session: the lock.
func (all *Sessions) EndAll() {
	all.Halves.EndAll()
	all.mu.Lock()
	defer all.mu.Unlock()
	clear(all.open)
}

// Idle is how long no session was begun or used.
func (all *Sessions) Idle() time.Duration {
	now := all.now()
	all.mu.Lock()
	defer all.mu.Unlock()
	return elapsed(all.used, now)
}

func (s *Session) over(now time.Time) bool {
	return elapsed(s.seen, now) > IdleLimit || elapsed(s.since, now) > AbsoluteLimit
}

// elapsed is the time between two moments by the clock on the wall or by the
// one that counts from the start, whichever says more: the one stands still
// while a laptop sleeps, the other can be set back.
func elapsed(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}
