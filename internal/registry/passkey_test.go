// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/seal"
)

const testOrigin = "https://kua.example"

// softKey is an authenticator in software, with one passkey and a
// pseudo-random function.
type softKey struct {
	t      *testing.T
	id     []byte
	key    *ecdsa.PrivateKey
	secret [32]byte
	user   []byte
	count  uint32
	origin string // of the page it believes to be on
	flags  byte
}

func newSoftKey(t *testing.T) *softKey {
	d := &softKey{t: t, id: make([]byte, 32), origin: testOrigin, flags: 1 | 4} // somebody is there, and is who they are
	rand.Read(d.id)
	rand.Read(d.secret[:])
	var err error
	if d.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	return d
}

// asked is what a question's JSON holds.
type asked struct {
	Challenge string
	User      struct{ ID string }
	RPID      string `json:"rpId"`
	RP        struct{ ID string }
	Exclude   []struct{ ID string } `json:"excludeCredentials"`
	Extension struct {
		PRF struct{ Eval struct{ First string } }
	} `json:"extensions"`
}

func (d *softKey) read(q PasskeyQuestion) asked {
	d.t.Helper()
	var a asked
	if err := json.Unmarshal([]byte(q.Options), &a); err != nil {
		d.t.Fatal(err)
	}
	if q.Origin != testOrigin || a.RPID+a.RP.ID != "kua.example" {
		d.t.Fatalf("asked for %s at %s", a.RPID+a.RP.ID, q.Origin)
	}
	return a
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (d *softKey) clientData(kind, challenge string) []byte {
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.origin, "crossOrigin": false})
	if err != nil {
		d.t.Fatal(err)
	}
	return b
}

func (d *softKey) data(flags byte) []byte {
	party := sha256.Sum256([]byte("kua.example"))
	return binary.BigEndian.AppendUint32(append(party[:], flags), d.count)
}

// prf is the extension's answer.
func (d *softKey) prf(a asked) []byte {
	input, err := base64.RawURLEncoding.DecodeString(a.Extension.PRF.Eval.First)
	if err != nil || len(input) != 32 {
		d.t.Fatalf("the input of the pseudo-random function: %d bytes, %v", len(input), err)
	}
	mac := hmac.New(sha256.New, d.secret[:])
	mac.Write(input)
	return mac.Sum(nil)
}

func (d *softKey) make(q PasskeyQuestion, name, passphrase string) NewPasskey {
	d.t.Helper()
	a := d.read(q)
	var err error
	if d.user, err = base64.RawURLEncoding.DecodeString(a.User.ID); err != nil {
		d.t.Fatal(err)
	}
	point, err := d.key.PublicKey.Bytes()
	if err != nil {
		d.t.Fatal(err)
	}
	cose, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		d.t.Fatal(err)
	}
	data := append(d.data(d.flags|0x40), make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(d.id)))
	data = append(append(data, d.id...), cose...)
	attestation, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	if err != nil {
		d.t.Fatal(err)
	}
	answer, err := json.Marshal(map[string]any{
		"id": text(d.id), "rawId": text(d.id), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": text(d.clientData("webauthn.create", a.Challenge)), "attestationObject": text(attestation)},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return NewPasskey{Name: name, Passphrase: passphrase, Answer: answer, Secret: d.prf(a)}
}

func (d *softKey) open(q PasskeyQuestion) PasskeyAnswer {
	d.t.Helper()
	a := d.read(q)
	client, data := d.clientData("webauthn.get", a.Challenge), d.data(d.flags)
	hash := sha256.Sum256(client)
	signed := sha256.Sum256(append(bytes.Clone(data), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, signed[:])
	if err != nil {
		d.t.Fatal(err)
	}
	answer, err := json.Marshal(map[string]any{
		"id": text(d.id), "rawId": text(d.id), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": text(client), "authenticatorData": text(data), "signature": text(signature), "userHandle": text(d.user)},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return PasskeyAnswer{Answer: answer, Secret: d.prf(a)}
}

// keyed is a register whose first member makes passkeys.
type keyed struct {
	*Registry
	t   *testing.T
	dir string
	at  time.Time
	opt Options
	s   *access.Session
}

const keyedPass = "seven good words nobody else would say"

func newKeyed(t *testing.T) *keyed {
	t.Helper()
	k := &keyed{t: t, dir: filepath.Join(t.TempDir(), "reg"), at: time.Date(2022, 7, 1, 9, 0, 0, 0, time.UTC)}
	cheap := seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1}
	k.opt = Options{Now: func() time.Time { return k.at }, Stretch: cheap, Least: cheap, Origin: testOrigin, Rulebook: testRulebook}
	var err error
	if k.Registry, k.s, err = Create(context.Background(), k.dir, FirstMember{Name: "Aigerim", Lang: "kk", Passphrase: keyedPass}, k.opt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

func (k *keyed) again() {
	k.t.Helper()
	if err := k.Close(); err != nil {
		k.t.Fatal(err)
	}
	var err error
	if k.Registry, k.s, err = Open(context.Background(), k.dir, Unlock{Passphrase: keyedPass}, k.opt); err != nil {
		k.t.Fatal(err)
	}
}

func (k *keyed) toMake() PasskeyQuestion {
	k.t.Helper()
	q, err := k.AskToMake(k.s)
	if err != nil {
		k.t.Fatal(err)
	}
	return q
}

func (k *keyed) toOpen() PasskeyQuestion {
	k.t.Helper()
	q, err := k.AskToOpen()
	if err != nil {
		k.t.Fatal(err)
	}
	return q
}

func (k *keyed) add(d *softKey, name string) {
	k.t.Helper()
	if err := k.AddPasskey(context.Background(), k.s, d.make(k.toMake(), name, keyedPass)); err != nil {
		k.t.Fatal(err)
	}
}

// mustOpen signs in with a passkey and answers the session, or sees that it is refused with want.
func (k *keyed) mustOpen(d *softKey, want error) *access.Session {
	k.t.Helper()
	s, err := k.SignInByPasskey(context.Background(), d.open(k.toOpen()))
	if !errors.Is(err, want) {
		k.t.Fatalf("signing in by a passkey: %v, want %v", err, want)
	}
	return s
}

// TestPasskey takes passkeys through their life.
func TestPasskey(t *testing.T) {
	ctx := context.Background()
	k := newKeyed(t)
	stick, phone := newSoftKey(t), newSoftKey(t)
	k.mustOpen(stick, ErrPasskey) // nobody's
	k.add(stick, " blue   stick ")
	k.add(phone, "phone")
	views := k.Passkeys(k.s)
	if len(views) != 2 || views[0].Name != "blue stick" || !views[0].Opens {
		t.Fatalf("%+v", views)
	}
	if a := stick.read(k.toMake()); len(a.Exclude) != 2 || a.Exclude[0].ID != text(stick.id) {
		t.Errorf("a device is not told which passkeys there are: %+v", a.Exclude)
	}
	s := k.mustOpen(stick, nil)
	if s.Member.Name != "Aigerim" || !k.sessions.Fresh(s) || s.DeviceToken == "" {
		t.Errorf("the session of a passkey: %+v", s.Member)
	}
	if _, err := k.AddOrganisation(ctx, s, NewOrganisation{Name: "North"}); err != nil { // it can sign and write
		t.Error(err)
	}
	k.again()
	k.mustOpen(phone, nil)

	// One that counts is noticed when it was copied.
	stick.count = 7
	k.mustOpen(stick, nil)
	stick.count = 8
	k.mustOpen(stick, nil)
	k.again()
	for _, count := range []uint32{8, 3, 0} {
		stick.count = count
		k.mustOpen(stick, ErrPasskeyCopied)
	}
	stick.count = 9
	k.mustOpen(stick, nil)

	// Another passphrase leaves passkeys as they are.
	if _, err := k.ChangePassphrase(ctx, k.s, keyedPass, ""); err != nil {
		t.Fatal(err)
	}
	k.mustOpen(phone, nil)
}

// TestPasskeyRefused holds what is no answer to the question of this page.
func TestPasskeyRefused(t *testing.T) {
	ctx := context.Background()
	k := newKeyed(t)
	d := newSoftKey(t)
	k.add(d, "stick")
	refused := func(what string, a PasskeyAnswer, want error) {
		t.Helper()
		if s, err := k.SignInByPasskey(ctx, a); !errors.Is(err, want) || s != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	once := d.open(k.toOpen())
	if _, err := k.SignInByPasskey(ctx, once); err != nil {
		t.Fatal(err)
	}
	refused("an answer a second time", once, ErrPasskey)
	late := d.open(k.toOpen())
	k.at = k.at.Add(challengeLasts + time.Second)
	refused("an answer that comes late", late, ErrPasskey)
	early := d.open(k.toOpen())
	k.at = k.at.Add(-time.Minute)
	refused("an answer from the future", early, ErrPasskey)
	k.at = k.at.Add(time.Minute)

	other := newKeyed(t)
	refused("an answer to another register", d.open(other.toOpen()), ErrPasskey)
	q := k.toMake()
	q.Options = strings.Replace(q.Options, `"rp":{"id":"kua.example","name":"Kua"}`, `"rpId":"kua.example"`, 1)
	refused("an answer to another question", d.open(q), ErrPasskey)
	d.origin = "https://kua.example.elsewhere.example"
	refused("from a false page", d.open(k.toOpen()), ErrPasskey)
	d.origin = testOrigin
	d.flags = 1
	refused("without a PIN, a finger or a face", d.open(k.toOpen()), ErrPasskey)
	d.flags = 1 | 4

	a := d.open(k.toOpen())
	a.Secret = nil
	refused("without a secret", a, ErrPasskeyGives)
	a = d.open(k.toOpen())
	a.Secret[0] ^= 1
	refused("with another secret", a, ErrPasskey)
	a = d.open(k.toOpen())
	a.Answer = bytes.Replace(a.Answer, []byte(`"userHandle":"`), []byte(`"userHandle":"AAAA`), 1)
	refused("for another member", a, ErrPasskey)
	impostor := newSoftKey(t)
	impostor.id, impostor.user = d.id, d.user
	refused("signed by another key", impostor.open(k.toOpen()), ErrPasskey)
	for _, garbage := range []string{"", "{}", "null", `{"id":"AA"}`, strings.Repeat("[", 1000)} {
		refused("garbage", PasskeyAnswer{Answer: []byte(garbage), Secret: make([]byte, 32)}, ErrPasskey)
	}

	add := func(what string, n NewPasskey, want error) {
		t.Helper()
		before := len(k.Passkeys(k.s))
		if err := k.AddPasskey(ctx, k.s, n); !errors.Is(err, want) || len(k.Passkeys(k.s)) != before {
			t.Errorf("%s: %v", what, err)
		}
	}
	next := newSoftKey(t)
	add("a wrong passphrase", next.make(k.toMake(), "x", "not the words"), access.ErrSignIn)
	add("no name", next.make(k.toMake(), "  ", keyedPass), ErrPasskeyName)
	add("one that is there already", d.make(k.toMake(), "again", keyedPass), ErrPasskey)
	add("an answer to another member's page", next.make(other.toMake(), "x", keyedPass), ErrPasskey)
	n := next.make(k.toMake(), "x", keyedPass)
	n.Secret = nil
	add("no secret", n, ErrPasskeyGives)
	k.mustOpen(d, nil)

	nowhere := k.opt
	for origin, want := range map[string]bool{
		"": false, "https://192.0.2.7": false, "https://[::1]:8470": false, "http://localhost:8470": true, "https://kua.example:8443": true,
	} {
		nowhere.Origin = origin
		if p, err := newPasskeys(nowhere.Origin); err != nil || (p != nil) != want {
			t.Errorf("passkeys at %q: %v, %v", origin, p != nil, err)
		}
	}
	for _, origin := range []string{"http://kua.example", "kua.example", "https://kua.example/path", "ftp://localhost"} {
		if _, err := newPasskeys(origin); err == nil {
			t.Errorf("passkeys at %q", origin)
		}
	}
}

// TestPasskeyRemovedRegression puts back what a passkey was in before it was
// removed, the member's key file and the index: it stays removed.
func TestPasskeyRemovedRegression(t *testing.T) {
	ctx := context.Background()
	k := newKeyed(t)
	d, kept := newSoftKey(t), newSoftKey(t)
	k.add(d, "lost")
	k.add(kept, "kept")
	files, err := filepath.Glob(filepath.Join(k.dir, keysDir, "member-*.key"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	old := map[string][]byte{}
	for _, file := range []string{files[0], filepath.Join(k.dir, "index.db"), filepath.Join(k.dir, "rights")} {
		if old[file], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	if k.Registry, k.s, err = Open(ctx, k.dir, Unlock{Passphrase: keyedPass}, k.opt); err != nil {
		t.Fatal(err)
	}
	id := k.Passkeys(k.s)[0].ID
	k.at = k.at.Add(access.ProofLimit + time.Second)
	if err := k.RemovePasskey(ctx, k.s, id); !errors.Is(err, ErrProof) {
		t.Fatalf("removed without fresh proof: %v", err)
	}
	s := k.mustOpen(kept, nil) // a passkey is fresh proof
	if err := k.RemovePasskey(ctx, s, "00"); !errors.Is(err, ErrNotFound) {
		t.Errorf("one that is not there: %v", err)
	}
	if err := k.RemovePasskey(ctx, s, id); err != nil {
		t.Fatal(err)
	}
	k.mustOpen(d, ErrPasskey)
	k.mustOpen(kept, nil)
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	for file, content := range old {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, side := range []string{"-wal", "-shm"} {
		_ = os.Remove(filepath.Join(k.dir, "index.db"+side))
	}
	if k.Registry, k.s, err = Open(ctx, k.dir, Unlock{Passphrase: keyedPass}, k.opt); err != nil {
		t.Fatal(err)
	}
	k.mustOpen(d, ErrPasskey)
	k.mustOpen(kept, nil)
	if err := k.AddPasskey(ctx, k.s, d.make(k.toMake(), "back", keyedPass)); !errors.Is(err, ErrPasskey) {
		t.Errorf("a passkey that was removed is taken again: %v", err)
	}
}
