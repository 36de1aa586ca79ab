// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// A passkey (WebAuthn Level 3) signs its member in without a passphrase where
// its authenticator gives a secret (the extension prf): that opens the member's
// key file. The passkey asks for a PIN, a finger or a face, so that it is two
// factors in one. One that gives no secret is a second step after the
// passphrase, and so is, if its member likes, each of the others. Which passkeys
// are whose is read from the signed ledger, and never from the index or the key file.

// What somebody with a passkey can be told.
var (
	// ErrNoPasskeys says that the address of the pages can't have passkeys.
	ErrNoPasskeys = errors.New("passkeys need the pages at an address with a name, by TLS or on this machine: give it with --origin")
	// ErrPasskey says that a passkey could not be taken: it is unknown, was
	// removed, answers another page's question, or one that is too old.
	ErrPasskey = errors.New("this passkey does not open the register")
	// ErrPasskeyGives says that an authenticator gives no secret to open the key
	// file with. As a second step it is taken where its member has one-time codes.
	ErrPasskeyGives = errors.New("this passkey can't open the register by itself: its device gives no secret for it")
	// ErrPasskeyCopied says that a passkey counts backwards: two of it are in use.
	ErrPasskeyCopied = errors.New("this passkey counts backwards: it was copied, or its device was set back; sign in with the passphrase and remove it")
	// ErrPasskeyName says that a passkey has no name, or too long a one.
	ErrPasskeyName = errors.New("a passkey needs a name of 1 to 80 letters, by which you know it again")
)

// maxPasskeys is how many passkeys a member may have: more are of no use, and
// each is tried by nobody but its member.
const maxPasskeys = 16

// challengeLasts is how long a page's question to a passkey can be answered:
// to find the stick in the drawer, and no longer.
const challengeLasts = 5 * time.Minute

// PasskeyView is a passkey as the ledger has it.
type PasskeyView struct {
	ID, Member, Name string
	Credential       []byte
	PublicKey        []byte // COSE
	Count            uint32 // as the passkey itself counts; 0: it does not
	Opens            bool   // by itself, without the passphrase
	Synced           bool   // it may be on several devices
	Removed          bool
	Since            time.Time
}

// fields is the record of a passkey.
func (k *PasskeyView) fields() casefile.Fields {
	f := casefile.Fields{
		"member": {k.Member}, "name": {k.Name}, "opens": {yesNo(k.Opens)}, "synced": {yesNo(k.Synced)},
		"credential": {base64.RawURLEncoding.EncodeToString(k.Credential)}, "public_key": {base64.RawURLEncoding.EncodeToString(k.PublicKey)},
	}
	if k.Count > 0 {
		f["count"] = []string{strconv.FormatUint(uint64(k.Count), 10)}
	}
	return f
}

// putPasskey takes the record of a passkey in: its member alone makes it, and
// from then on only its name and its count change.
func (ro *roll) putPasskey(id string, c casefile.Entry) bool {
	author := ro.member(c.Author)
	k := PasskeyView{ID: id, Member: first(c.Fields["member"]), Name: first(c.Fields["name"]), Since: c.At,
		Opens: first(c.Fields["opens"]) == "yes", Synced: first(c.Fields["synced"]) == "yes"}
	var err, err2, err3 error
	k.Credential, err = base64.RawURLEncoding.DecodeString(first(c.Fields["credential"]))
	k.PublicKey, err2 = base64.RawURLEncoding.DecodeString(first(c.Fields["public_key"]))
	if text := first(c.Fields["count"]); text != "" {
		var n uint64
		n, err3 = strconv.ParseUint(text, 10, 32)
		k.Count = uint32(n)
	}
	if author == nil || author.Left || author.ID != k.Member || errors.Join(err, err2, err3) != nil || len(k.Credential) == 0 {
		return false
	}
	old := ro.passkey(k.Credential)
	if old == nil {
		ro.Passkeys = append(ro.Passkeys, &k)
		return true
	}
	if old.ID != id || old.Member != k.Member || old.Removed || k.Count < old.Count || !bytes.Equal(old.PublicKey, k.PublicKey) ||
		old.Opens != k.Opens || old.Synced != k.Synced {
		return false
	}
	old.Name, old.Count = k.Name, k.Count
	return true
}

// removePasskey takes in that a passkey was withdrawn: for good.
func (ro *roll) removePasskey(id, author string) bool {
	k := find(ro.Passkeys, func(k *PasskeyView) string { return k.ID }, id)
	if k == nil || k.Member != author || k.Removed {
		return false
	}
	k.Removed = true
	return true
}

// passkey finds a passkey, also one that was removed: its credential is never taken again.
func (ro *roll) passkey(credential []byte) *PasskeyView {
	if i := slices.IndexFunc(ro.Passkeys, func(k *PasskeyView) bool { return bytes.Equal(k.Credential, credential) }); i >= 0 {
		return ro.Passkeys[i]
	}
	return nil
}

// passkeysOf are the passkeys of a member that open something.
func (ro *roll) passkeysOf(member string) []*PasskeyView {
	return slices.DeleteFunc(slices.Clone(ro.Passkeys), func(k *PasskeyView) bool { return k.Removed || k.Member != member })
}

// passkeys asks passkeys questions and checks their answers. It remembers no
// question: each carries the time and a seal by which it is known again, so
// that whoever asks for a million pages fills nothing.
type passkeys struct {
	origin string
	party  *webauthn.WebAuthn
	key    [32]byte // of the seals

	mu   sync.Mutex
	used map[string]time.Time // questions that were answered, until they are too old anyway
}

func newPasskeys(origin string) (*passkeys, error) {
	if origin == "" {
		return nil, nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Path != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost") {
		return nil, fmt.Errorf("the address of the pages can't be %q: write it as https://kua.example, without a path", origin)
	}
	if net.ParseIP(u.Hostname()) != nil {
		return nil, nil
	}
	p := &passkeys{origin: origin, used: map[string]time.Time{}}
	rand.Read(p.key[:])
	p.party, err = webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: partyName, RPOrigins: []string{origin},
		AttestationPreference: protocol.PreferNoAttestation,
	})
	if err != nil {
		return nil, fmt.Errorf("passkeys can't be had at %s: %w", origin, err)
	}
	return p, nil
}

// partyName is all that a device shows of a passkey: neither the member nor
// the register, because devices are looked through.
const partyName = "Kua"

// The questions that a passkey is asked.
const (
	askMake = "make"
	askOpen = "open"
	askStep = "step"
)

// challenge makes a question. It is asked of a member, or in a half-open
// sign-in of that token, and answered there alone; empty: anybody may answer.
func (p *passkeys) challenge(what, member string, now time.Time) []byte {
	b := make([]byte, 16, 16+8+sha256.Size)
	rand.Read(b)
	b = binary.BigEndian.AppendUint64(b, uint64(now.UnixMilli()))
	return append(b, p.seal(what, member, b)...)
}

func (p *passkeys) seal(what, member string, b []byte) []byte {
	mac := hmac.New(sha256.New, p.key[:])
	mac.Write([]byte(what + "\x00" + member + "\x00"))
	mac.Write(b)
	return mac.Sum(nil)
}

// asked tells whether an answer is to a question of ours, of late, that was
// not answered before.
func (p *passkeys) asked(what, member, challenge string, now time.Time) bool {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(challenge, "="))
	if err != nil || len(b) != 16+8+sha256.Size || !hmac.Equal(b[24:], p.seal(what, member, b[:24])) {
		return false
	}
	age := now.Sub(time.UnixMilli(int64(binary.BigEndian.Uint64(b[16:]))))
	p.mu.Lock()
	defer p.mu.Unlock()
	_, again := p.used[string(b[:16])]
	return !again && age >= 0 && age <= challengeLasts
}

// answered remembers that a question was answered, well: false where it was already.
func (p *passkeys) answered(challenge string, now time.Time) bool {
	b, _ := base64.RawURLEncoding.DecodeString(strings.TrimRight(challenge, "=")) // asked has read it
	p.mu.Lock()
	defer p.mu.Unlock()
	for nonce, at := range p.used {
		if now.Sub(at) > 2*challengeLasts {
			delete(p.used, nonce)
		}
	}
	if _, again := p.used[string(b[:16])]; again {
		return false
	}
	p.used[string(b[:16])] = now
	return true
}

// session is what the library wants to know of the question.
func (p *passkeys) session(challenge string, user []byte) webauthn.SessionData {
	return webauthn.SessionData{
		Challenge: challenge, RelyingPartyID: p.party.Config.RPID, UserID: user,
		UserVerification: protocol.VerificationRequired, CredParams: webauthn.CredentialParametersDefault(),
	}
}

// keyHolder is a member as the library sees them.
type keyHolder struct {
	id   []byte
	keys []webauthn.Credential
}

func (h keyHolder) WebAuthnID() []byte                         { return h.id }
func (h keyHolder) WebAuthnName() string                       { return partyName }
func (h keyHolder) WebAuthnDisplayName() string                { return partyName }
func (h keyHolder) WebAuthnCredentials() []webauthn.Credential { return h.keys }

func holderOf(member ledger.ID, keys []*PasskeyView) keyHolder {
	h := keyHolder{id: member[:]}
	for _, k := range keys {
		h.keys = append(h.keys, webauthn.Credential{
			ID: k.Credential, PublicKey: k.PublicKey,
			Flags:         webauthn.CredentialFlags{BackupEligible: k.Synced},
			Authenticator: webauthn.Authenticator{SignCount: k.Count},
		})
	}
	return h
}

// PasskeyQuestion is what a page hands to the browser: JSON of the options of
// WebAuthn, binary values in base64url. Origin is the only address where the
// browser will take it.
type PasskeyQuestion struct{ Options, Origin string }

type (
	jsonKey   = map[string]any
	jsonKeys  = []map[string]any
	base64URL = protocol.URLEncodedBase64
)

// prf is what is asked of the pseudo-random function of an authenticator: the
// same in all its life, another in every register.
func (r *Registry) prf() jsonKey {
	input := sha256.Sum256([]byte("kua/prf/v1\x00" + string(id16(r.log.ID()))))
	return jsonKey{"prf": jsonKey{"eval": jsonKey{"first": base64URL(input[:])}}}
}

func id16(id ledger.ID) []byte { return id[:] }

// AskToOpen is the question of the sign-in page: ErrNoPasskeys where there can be none.
func (r *Registry) AskToOpen() (PasskeyQuestion, error) {
	if r.passkeys == nil {
		return PasskeyQuestion{}, ErrNoPasskeys
	}
	return r.question(jsonKey{
		"challenge": base64URL(r.passkeys.challenge(askOpen, "", r.now())), "rpId": r.passkeys.party.Config.RPID,
		"userVerification": "required", "timeout": challengeLasts.Milliseconds(), "extensions": r.prf(),
	})
}

// AskToMake is the question of the page on which a member makes a passkey.
func (r *Registry) AskToMake(s *access.Session) (PasskeyQuestion, error) {
	if r.passkeys == nil {
		return PasskeyQuestion{}, ErrNoPasskeys
	}
	id, err := ledger.ParseID(s.Member.ID)
	if err != nil {
		return PasskeyQuestion{}, err
	}
	algorithms := jsonKeys{}
	for _, p := range webauthn.CredentialParametersDefault() {
		algorithms = append(algorithms, jsonKey{"type": "public-key", "alg": p.Algorithm})
	}
	return r.question(jsonKey{
		"challenge":        base64URL(r.passkeys.challenge(askMake, s.Member.ID, r.now())),
		"rp":               jsonKey{"id": r.passkeys.party.Config.RPID, "name": partyName},
		"user":             jsonKey{"id": base64URL(id[:]), "name": partyName, "displayName": partyName},
		"pubKeyCredParams": algorithms, "excludeCredentials": r.credentials(s.Member.ID), "attestation": "none",
		"authenticatorSelection": jsonKey{"residentKey": "required", "requireResidentKey": true, "userVerification": "required"},
		"timeout":                challengeLasts.Milliseconds(), "extensions": r.prf(),
	})
}

// AskToStep is the question of the page that asks for the second step of the
// sign-in of that token: ErrNoPasskeys where its member has none.
func (r *Registry) AskToStep(token string) (PasskeyQuestion, error) {
	h, ok := r.sessions.Halves.Get(token)
	if !ok {
		return PasskeyQuestion{}, access.ErrHalfOver
	}
	allow := r.credentials(h.Member.ID)
	if r.passkeys == nil || len(allow) == 0 {
		return PasskeyQuestion{}, ErrNoPasskeys
	}
	return r.question(jsonKey{
		"challenge": base64URL(r.passkeys.challenge(askStep, token, r.now())), "rpId": r.passkeys.party.Config.RPID,
		"allowCredentials": allow, "userVerification": "required", "timeout": challengeLasts.Milliseconds(),
	})
}

// credentials names the passkeys of a member to a browser.
func (r *Registry) credentials(member string) jsonKeys {
	list := jsonKeys{}
	for _, k := range r.roll().passkeysOf(member) {
		list = append(list, jsonKey{"type": "public-key", "id": base64URL(k.Credential)})
	}
	return list
}

func (r *Registry) question(options jsonKey) (PasskeyQuestion, error) {
	b, err := json.Marshal(options)
	return PasskeyQuestion{string(b), r.passkeys.origin}, err
}

// Passkeys are a member's own passkeys, the oldest first.
func (r *Registry) Passkeys(s *access.Session) []PasskeyView {
	var views []PasskeyView
	for _, k := range r.roll().passkeysOf(s.Member.ID) {
		views = append(views, *k)
	}
	return views
}

// NewPasskey is a passkey that a member has just made.
type NewPasskey struct {
	Name       string
	Passphrase string // the member's: a passkey opens what it opens
	Answer     []byte // of the browser, JSON
	Secret     []byte // what its pseudo-random function gave; empty: it gives none
}

// AddPasskey takes a passkey in. It asks for the passphrase in any case:
// access.ErrSignIn where it is not right. One that gives no secret is a second
// step only: ErrPasskeyGives where its member has no one-time codes, and so no
// recovery codes for the day when the device is lost.
func (r *Registry) AddPasskey(ctx context.Context, s *access.Session, n NewPasskey) (err error) {
	defer r.did(ctx, s, actFactor, "", &err)
	if r.passkeys == nil {
		return ErrNoPasskeys
	}
	if r.beside {
		return ledger.ErrLocked
	}
	if n.Name, err = passkeyName(n.Name); err != nil {
		return err
	}
	opens := len(n.Secret) > 0
	if !opens && r.roll().factor(s.Member.ID) == nil {
		return ErrPasskeyGives
	}
	member, err := ledger.ParseID(s.Member.ID)
	if err != nil {
		return err
	}
	answer, err := protocol.ParseCredentialCreationResponseBytes(n.Answer)
	if err != nil || !r.passkeys.asked(askMake, s.Member.ID, answer.Response.CollectedClientData.Challenge, r.now()) {
		return ErrPasskey
	}
	made, err := r.passkeys.party.CreateCredential(keyHolder{id: member[:]}, r.passkeys.session(answer.Response.CollectedClientData.Challenge, member[:]), answer)
	if err != nil {
		return ErrPasskey
	}
	end, err := r.enterAgain(ctx, s)
	if err != nil {
		return err
	}
	defer end(true)
	r.writing.Lock()
	defer r.writing.Unlock()
	if r.roll().passkey(made.ID) != nil || len(r.roll().passkeysOf(s.Member.ID)) >= maxPasskeys {
		return ErrPasskey
	}
	locked, opened, err := r.unlockMember(memberFile(member), n.Passphrase)
	switch {
	case errors.Is(err, seal.ErrPassphrase):
		end(false)
		r.sessions.Doubt(s)
		return access.ErrSignIn
	case err != nil:
		return err
	}
	r.sessions.Prove(s)
	if opens {
		if err := locked.SetPasskey(opened, made.ID, n.Secret); err != nil {
			return ErrPasskey
		}
	}
	k := PasskeyView{
		ID: ledger.NewID().String(), Member: s.Member.ID, Name: n.Name, Credential: made.ID, PublicKey: made.PublicKey,
		Count: made.Authenticator.SignCount, Opens: opens, Synced: made.Flags.BackupEligible,
	}
	if !r.passkeys.answered(answer.Response.CollectedClientData.Challenge, r.now()) {
		return ErrPasskey
	}
	// The file first: a slot of a passkey that the ledger does not know opens nothing here.
	if opens {
		if err := r.writeLocked(memberFile(member), locked); err != nil {
			return err
		}
	}
	return r.write(ctx, s, []act{{stream: k.ID, puts: []Put{{Record: k.ID, Kind: passkeyKind, Fields: k.fields()}}, source: "made a passkey"}})
}

// passkeyName is a name as it is kept, without needless spaces.
func passkeyName(name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	if name == "" || utf8.RuneCountInString(name) > 80 {
		return "", ErrPasskeyName
	}
	return name, nil
}

// RenamePasskey gives one of a member's own passkeys another name.
func (r *Registry) RenamePasskey(ctx context.Context, s *access.Session, id, name string) (err error) {
	defer r.did(ctx, s, "", "", &err)
	if name, err = passkeyName(name); err != nil {
		return err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	k := find(r.roll().passkeysOf(s.Member.ID), func(k *PasskeyView) string { return k.ID }, id)
	switch {
	case k == nil:
		return ErrNotFound
	case k.Name == name:
		return nil
	}
	next := *k
	next.Name = name
	return r.write(ctx, s, []act{{stream: k.ID, puts: []Put{{Record: k.ID, Kind: passkeyKind, Fields: next.fields()}}, source: "renamed a passkey"}})
}

// RemovePasskey takes one of a member's own passkeys away, for good: ErrProof
// where their passphrase, or a passkey, was not given of late.
func (r *Registry) RemovePasskey(ctx context.Context, s *access.Session, id string) (err error) {
	defer r.did(ctx, s, actFactor, "", &err)
	if !r.sessions.Fresh(s) {
		return ErrProof
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	i := slices.IndexFunc(r.Passkeys(s), func(k PasskeyView) bool { return k.ID == id })
	if i < 0 {
		return ErrNotFound
	}
	k := r.Passkeys(s)[i]
	if err := r.write(ctx, s, []act{{stream: k.ID, withdraws: []Put{{Record: k.ID, Kind: passkeyKind}}, reason: "removed by its member", source: "removed a passkey"}}); err != nil {
		return err
	}
	member, err := ledger.ParseID(s.Member.ID)
	if err != nil {
		return err
	}
	locked, err := r.readLocked(memberFile(member))
	if err != nil {
		return err
	}
	locked.RemovePasskey(k.Credential)
	return r.writeLocked(memberFile(member), locked)
}

// PasskeyAnswer is what a browser answers for a passkey at the sign-in.
type PasskeyAnswer struct {
	Answer []byte // JSON
	Secret []byte // what its pseudo-random function gave; empty: it gives none
	Device string // the token that the browser was given at an earlier sign-in
}

// SignInByPasskey opens a session by a passkey alone: ErrPasskey where it is
// not one of a member's, or answers no question of ours; ErrPasskeyCopied where
// it counts backwards. Which of its reasons it is is told to nobody.
func (r *Registry) SignInByPasskey(ctx context.Context, a PasskeyAnswer) (*access.Session, error) {
	if r.passkeys == nil {
		return nil, ErrNoPasskeys
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes(a.Answer)
	if err != nil {
		return nil, ErrPasskey
	}
	challenge := answer.Response.CollectedClientData.Challenge
	if !r.passkeys.asked(askOpen, "", challenge, r.now()) {
		return nil, ErrPasskey
	}
	var member *access.Member
	found, err := r.checkPasskey(challenge, answer, &member)
	if err != nil {
		if member != nil {
			r.signInFailed(ctx, member.ID)
		}
		return nil, err
	}
	if len(a.Secret) == 0 {
		return nil, ErrPasskeyGives
	}
	if !r.passkeys.answered(challenge, r.now()) {
		return nil, ErrPasskey
	}
	id, err := ledger.ParseID(member.ID)
	if err != nil {
		return nil, err
	}
	locked, err := r.readLocked(memberFile(id))
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, ErrPasskey
		}
		return nil, err
	}
	if locked.Public().ID() != [16]byte(id) || locked.Purpose() != "member" {
		return nil, fmt.Errorf("%s: its name and its content do not belong together: %w", memberFile(id), seal.ErrDamaged)
	}
	opened, err := locked.OpenPasskey(found.ID, a.Secret)
	switch {
	case errors.Is(err, seal.ErrPassphrase), errors.Is(err, seal.ErrNotSealedToYou):
		r.signInFailed(ctx, member.ID)
		return nil, ErrPasskey
	case err != nil:
		return nil, err
	}
	keys, err := r.openVaults(opened.Identity)
	if err != nil {
		return nil, err
	}
	device, known := r.devices.Known(member.Name, a.Device, r.now())
	s := r.sessions.Begin(*member, keys)
	s.DeviceToken, s.NewDevice = r.devices.Token(member.Name, device, r.now()), !known
	if err := r.countPasskey(ctx, s, found); err != nil {
		r.sessions.End(s.Token())
		r.signInFailed(ctx, member.ID)
		return nil, err
	}
	r.signedIn(ctx, s, "page", r.auditDevice(s), true)
	return s, nil
}

// SignInPasskeyStep ends a sign-in with any passkey of the member in the place
// of a code, by what their browser answered, JSON: ErrPasskey where it is not
// one of theirs or answers another question, ErrPasskeyCopied where it counts
// backwards, access.ErrHalfOver where the first step is over. It is asked for
// its PIN, finger or face here too. A wrong one counts as a wrong code does.
func (r *Registry) SignInPasskeyStep(ctx context.Context, token string, answer []byte) (*access.Session, error) {
	if r.passkeys == nil {
		return nil, ErrNoPasskeys
	}
	h, ok := r.sessions.Halves.Get(token)
	if !ok || h.Step != access.GiveCode || r.roll().factor(h.Member.ID) == nil {
		return nil, access.ErrHalfOver
	}
	if err := r.takeStep(ctx, h, answer); err != nil {
		if errors.Is(err, ErrPasskey) || errors.Is(err, ErrPasskeyCopied) {
			r.sessions.Halves.Fail(h)
			r.signInFailed(ctx, h.Member.ID)
		}
		return nil, err
	}
	return r.full(ctx, h)
}

// takeStep checks the answer of a passkey in a half-open sign-in, and counts it.
func (r *Registry) takeStep(ctx context.Context, h *access.Half, text []byte) error {
	id, err := ledger.ParseID(h.Member.ID)
	if err != nil {
		return err
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes(text)
	if err != nil {
		return ErrPasskey
	}
	challenge := answer.Response.CollectedClientData.Challenge
	if !r.passkeys.asked(askStep, h.Token(), challenge, r.now()) {
		return ErrPasskey
	}
	if len(answer.Response.UserHandle) == 0 { // a device that is told which passkey it is need not say whose
		answer.Response.UserHandle = id[:]
	}
	var member *access.Member
	found, err := r.checkPasskey(challenge, answer, &member)
	switch {
	case member == nil || member.ID != h.Member.ID: // before anything is told of another's passkey
		return ErrPasskey
	case err != nil:
		return err
	case !r.passkeys.answered(challenge, r.now()):
		return ErrPasskey
	}
	return r.countPasskey(ctx, &access.Session{Member: h.Member, Keys: h.Keys}, found)
}

// checkPasskey checks an answer against what the ledger knows of the passkey.
func (r *Registry) checkPasskey(challenge string, answer *protocol.ParsedCredentialAssertionData, member **access.Member) (*webauthn.Credential, error) {
	whose := func(credential, handle []byte) (webauthn.User, error) {
		if len(handle) != len(ledger.ID{}) {
			return nil, ErrPasskey
		}
		id := ledger.ID(handle)
		for _, m := range r.members() {
			if m.ID == id.String() {
				*member = &m
				return holderOf(id, r.roll().passkeysOf(m.ID)), nil
			}
		}
		return nil, ErrPasskey
	}
	_, found, err := r.passkeys.party.ValidatePasskeyLogin(whose, r.passkeys.session(challenge, nil), answer)
	switch {
	case err != nil:
		return nil, ErrPasskey
	case found.Authenticator.CloneWarning:
		r.opt.Log.Warn("a passkey counts backwards and was refused: it was copied, or its device was set back")
		return nil, ErrPasskeyCopied
	}
	return found, nil
}

// countPasskey keeps how often a passkey says it was used, where it counts. It
// is an entry, so that an old count can't be put back.
func (r *Registry) countPasskey(ctx context.Context, s *access.Session, found *webauthn.Credential) error {
	if found.Authenticator.SignCount == 0 || r.beside {
		return nil
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	k := r.roll().passkey(found.ID)
	switch {
	case k == nil || k.Removed:
		return ErrPasskey
	case k.Count >= found.Authenticator.SignCount: // the other one was faster
		return ErrPasskeyCopied
	}
	next := *k
	next.Count = found.Authenticator.SignCount
	err := r.write(ctx, s, []act{{stream: k.ID, puts: []Put{{Record: k.ID, Kind: passkeyKind, Fields: next.fields()}}, source: "used a passkey"}})
	if err != nil && r.roll().passkey(found.ID).Count < next.Count {
		// A full disk must not shut out who could make room. What is lost is that a copy is noticed this once.
		r.opt.Log.Error("the count of a passkey could not be kept", slog.Any("error", err))
	}
	return nil
}
