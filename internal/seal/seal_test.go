// SPDX-License-Identifier: AGPL-3.0-or-later

package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// cheap is little work on a passphrase, for tests only.
func cheap() Stretch { return Stretch{MemoryKiB: 64, Passes: 1, Lanes: 1} }

func newIdentityT(t testing.TB) *Identity {
	t.Helper()
	id, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestPartRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(t, "plain")
		header := rapid.SliceOf(rapid.Byte()).Draw(t, "header")
		part := rapid.SampledFrom([]Part{FactPart, IdentityPart}).Draw(t, "part")
		key := NewKey()
		sealed, err := new(Parts).Seal(nil, key, part, header, plain)
		if err != nil {
			t.Fatal(err)
		}
		if len(sealed) != PaddedLen(len(plain))+Overhead {
			t.Fatalf("%d bytes sealed to %d, not to %d", len(plain), len(sealed), PaddedLen(len(plain))+Overhead)
		}
		got, err := new(Parts).Open(key, part, header, sealed)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("opened to %x, %v", got, err)
		}

		i := rapid.IntRange(0, len(sealed)*8-1).Draw(t, "bit")
		flipped := bytes.Clone(sealed)
		flipped[i/8] ^= 1 << (i % 8)
		for what, open := range map[string]func() ([]byte, error){
			"a flipped bit":  func() ([]byte, error) { return new(Parts).Open(key, part, header, flipped) },
			"another header": func() ([]byte, error) { return new(Parts).Open(key, part, append(bytes.Clone(header), 0), sealed) },
			"another part":   func() ([]byte, error) { return new(Parts).Open(key, 3-part, header, sealed) },
			"another key":    func() ([]byte, error) { return new(Parts).Open(NewKey(), part, header, sealed) },
			"a cut":          func() ([]byte, error) { return new(Parts).Open(key, part, header, sealed[:len(sealed)-1]) },
		} {
			if _, err := open(); !errors.Is(err, ErrDamaged) {
				t.Fatalf("%s: %v", what, err)
			}
		}
	})
}

func TestNoKeyIsRefused(t *testing.T) {
	if _, err := new(Parts).Seal(nil, Key{}, FactPart, nil, nil); err == nil {
		t.Error("sealed under no key")
	}
	if _, err := NewVault().WrapCaseKey([16]byte{1}, FactPart, 1, Key{}); err == nil {
		t.Error("wrapped no key")
	}
}

func TestPadmeHidesAllButTheMagnitude(t *testing.T) {
	lengths := map[int]bool{}
	for n := range 1 << 20 {
		p := PaddedLen(n)
		if p <= n || p < minPadded || n > minPadded && float64(p) > 1.13*float64(n+1) {
			t.Fatalf("%d is padded to %d", n, p)
		}
		if PaddedLen(p-1) != p {
			t.Fatalf("%d is padded to %d, and %d to %d", n, p, p-1, PaddedLen(p-1))
		}
		lengths[p] = true
	}
	if len(lengths) > 250 {
		t.Errorf("%d different lengths up to 1 MiB", len(lengths))
	}
}

func TestVault(t *testing.T) {
	owner, v := newIdentityT(t), NewVault()
	sealed, err := v.Seal(owner)
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenVault(owner, sealed)
	if err != nil || again.ID() != v.ID() {
		t.Fatal(err)
	}
	stream, key := [16]byte{7}, NewKey()
	wrapped, err := v.WrapCaseKey(stream, IdentityPart, 3, key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.UnwrapCaseKey(stream, IdentityPart, 3, wrapped); err != nil || got != key {
		t.Fatal(err)
	}
	for bit := range len(wrapped) * 8 {
		flipped := bytes.Clone(wrapped)
		flipped[bit/8] ^= 1 << (bit % 8)
		if _, err := v.UnwrapCaseKey(stream, IdentityPart, 3, flipped); !errors.Is(err, ErrDamaged) {
			t.Fatalf("bit %d: %v", bit, err)
		}
	}
	for what, unwrap := range map[string]func() (Key, error){
		"another stream": func() (Key, error) { return v.UnwrapCaseKey([16]byte{8}, IdentityPart, 3, wrapped) },
		"another part":   func() (Key, error) { return v.UnwrapCaseKey(stream, FactPart, 3, wrapped) },
		"another epoch":  func() (Key, error) { return v.UnwrapCaseKey(stream, IdentityPart, 4, wrapped) },
		"another vault":  func() (Key, error) { return NewVault().UnwrapCaseKey(stream, IdentityPart, 3, wrapped) },
	} {
		if _, err := unwrap(); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := OpenVault(newIdentityT(t), sealed); !errors.Is(err, ErrNotSealedToYou) {
		t.Errorf("somebody else opened the vault: %v", err)
	}
}

// Whoever knows the public half of a node must not be able to give it a vault
// or an index key of their choice.
func TestAForgedVaultIsRefused(t *testing.T) {
	owner, thief := newIdentityT(t), newIdentityT(t)
	secret := make([]byte, 48)
	forged, err := owner.Public().Seal(vaultLabel, append(thief.Sign(ownText(vaultLabel, secret)), secret...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenVault(owner, forged); !errors.Is(err, ErrDamaged) {
		t.Errorf("a forged vault was opened: %v", err)
	}
	vault, err := NewVault().Seal(owner)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenIndexKey(owner, vault); !errors.Is(err, ErrDamaged) {
		t.Errorf("a vault was opened as an index key: %v", err)
	}
	key := NewKey()
	sealed, err := SealIndexKey(owner, key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenIndexKey(owner, sealed); err != nil || got != key {
		t.Errorf("the index key: %v", err)
	}
}

func TestKeyFile(t *testing.T) {
	id := newIdentityT(t)
	locked, err := LockPassphrase(id, "member", "куә witness  слово", cheap())
	if err != nil {
		t.Fatal(err)
	}
	b, err := locked.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := DecodeLocked(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, typed := range []string{"куә witness слово", " куә\twitness слово\n", "куә witness слово"} {
		o, err := again.OpenPassphrase(typed, cheap())
		if err != nil {
			t.Fatalf("%q: %v", typed, err)
		}
		if o.Identity.ID() != id.ID() {
			t.Fatal("another identity")
		}
		sealed, err := id.Public().Seal("test", []byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := o.Identity.Open("test", sealed); err != nil || string(got) != "secret" {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if _, err := again.OpenPassphrase("куә witness", cheap()); !errors.Is(err, ErrPassphrase) {
		t.Errorf("a wrong passphrase: %v", err)
	}
	if _, err := LockPassphrase(id, "member", "  ", cheap()); err == nil {
		t.Error("an empty passphrase was taken")
	}
}

func TestKeyFileOfANodeOpensWithAMember(t *testing.T) {
	node, member, other := newIdentityT(t), newIdentityT(t), newIdentityT(t)
	locked, opened, err := Lock(node, "node")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := locked.Encode(); err == nil {
		t.Error("a key file that nobody could open was written")
	}
	if err := locked.AddIdentity(opened, member.Public()); err != nil {
		t.Fatal(err)
	}
	b, err := locked.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if locked, err = DecodeLocked(b); err != nil {
		t.Fatal(err)
	}
	o, err := locked.OpenIdentity(member)
	if err != nil || o.Identity.ID() != node.ID() {
		t.Fatal(err)
	}
	if _, err := locked.OpenIdentity(other); !errors.Is(err, ErrNotSealedToYou) {
		t.Errorf("somebody else: %v", err)
	}
	if _, err := locked.OpenPassphrase("x", cheap()); err == nil || errors.Is(err, ErrPassphrase) {
		t.Errorf("no passphrase slot: %v", err)
	}
	if err := locked.AddIdentity(o, other.Public()); err != nil {
		t.Fatal(err)
	}
	locked.RemoveIdentity(member.ID())
	if _, err := locked.OpenIdentity(other); err != nil {
		t.Error(err)
	}
	if _, err := locked.OpenIdentity(member); !errors.Is(err, ErrNotSealedToYou) {
		t.Errorf("a removed slot: %v", err)
	}
}

// Every flipped bit of a key file is noticed: the file is no key file, or does
// not open, or opens to the same identity because the bit says nothing (the
// case of a letter of a hexadecimal or field name).
func TestKeyFileFlippedBits(t *testing.T) {
	id := newIdentityT(t)
	locked, err := LockPassphrase(id, "member", "pass", cheap())
	if err != nil {
		t.Fatal(err)
	}
	b, err := locked.Encode()
	if err != nil {
		t.Fatal(err)
	}
	// The work asked for is refused outside its bounds, so that flipping it costs no test time.
	for i := range b {
		flipped := bytes.Clone(b)
		flipped[i] ^= 1
		l, err := DecodeLocked(flipped)
		if err != nil {
			continue
		}
		if o, err := l.OpenPassphrase("pass", cheap()); err == nil && (o.Identity.ID() != id.ID() || l.Public().ID() != id.ID()) {
			t.Fatalf("byte %d: opened to another identity", i)
		}
	}
}

func TestKeyFileAsksForSaneWork(t *testing.T) {
	locked, err := LockPassphrase(newIdentityT(t), "member", "pass", cheap())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := locked.OpenPassphrase("pass", LeastStretch()); !errors.Is(err, ErrDamaged) {
		t.Errorf("too little work: %v", err)
	}
	locked.slots[0].Passphrase.MemoryKiB = 1 << 31
	if _, err := locked.OpenPassphrase("pass", cheap()); !errors.Is(err, ErrDamaged) {
		t.Errorf("too much memory: %v", err)
	}
	if err := StandardStretch().within(LeastStretch(), mostStretch()); err != nil {
		t.Error(err)
	}
}

// A recipient put into somebody's key file is noticed before anything is sealed to it.
func TestPublicHalvesBelongTogether(t *testing.T) {
	mine, thief := newIdentityT(t).Public(), newIdentityT(t).Public()
	mine.recipient, mine.written = thief.recipient, thief.written
	b, err := json.Marshal(mine)
	if err != nil {
		t.Fatal(err)
	}
	var got Public
	if err := json.Unmarshal(b, &got); !errors.Is(err, ErrDamaged) {
		t.Errorf("a swapped recipient: %v", err)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	id := newIdentityT(t)
	keys, vault := NewCaseKeys(), NewVault()
	_, opened, err := Lock(id, "member")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	log := slog.New(slog.NewJSONHandler(&out, nil))
	for _, v := range []any{id, keys, &keys, keys.Fact, vault, opened, []Key{keys.Fact}, map[string]Key{"k": keys.Identity}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		log.Info("x", slog.Any("v", v))
		b, _ := json.Marshal(v)
		out.Write(b)
	}
	secrets := []any{[32]byte(keys.Fact), [32]byte(keys.Identity), [32]byte(vault.key), [32]byte(opened.fileKey), []byte(id.sign.Seed()), id.age.String()}
	for _, secret := range secrets {
		for _, verb := range []string{"%v", "%x", "%X", "%d", "%s"} {
			text := strings.Trim(fmt.Sprintf(verb, secret), "[]")
			if len(text) > 16 && strings.Contains(out.String(), text[:16]) {
				t.Errorf("printed: %T as %s", secret, verb)
			}
		}
	}
}

func TestPassphrase(t *testing.T) {
	words := strings.Fields(wordList)
	seen := map[string]bool{}
	for _, w := range words {
		if len(w) < 4 || len(w) > 6 || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") != "" {
			t.Errorf("word %q", w)
		}
		if seen[w[:4]] {
			t.Errorf("word %q begins like another one", w)
		}
		seen[w[:4]] = true
	}
	if len(words) != 1024 {
		t.Errorf("%d words: not 10 bits each", len(words))
	}
	a, err := NewPassphrase()
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := NewPassphrase(); a == b || len(strings.Fields(a)) != passphraseWords {
		t.Errorf("%q, %q", a, b)
	}
}

func FuzzDecodeLocked(f *testing.F) {
	id := newIdentityT(f)
	locked, err := LockPassphrase(id, "member", "pass", cheap())
	if err != nil {
		f.Fatal(err)
	}
	b, err := locked.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"format":"kua key file 1","slots":[{}]}`))
	credential, secret := []byte("a credential"), bytes.Repeat([]byte{7}, 32)
	o, err := locked.OpenPassphrase("pass", cheap())
	if err != nil {
		f.Fatal(err)
	}
	if err := locked.SetPasskey(o, credential, secret); err != nil {
		f.Fatal(err)
	}
	if b, err = locked.Encode(); err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := DecodeLocked(b)
		if err != nil {
			return
		}
		again, err := l.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeLocked(again); err != nil {
			t.Fatal(err)
		}
		_, _ = l.OpenIdentity(id)
		if o, err := l.OpenPasskey(credential, secret); err == nil && o.Identity.ID() != l.Public().ID() {
			t.Error("an altered file opens to somebody else")
		}
	})
}

// TestKeyFileOpensWithAPasskey takes a key file through the life of a passkey.
func TestKeyFileOpensWithAPasskey(t *testing.T) {
	id := newIdentityT(t)
	locked, err := LockPassphrase(id, "member", "pass", cheap())
	if err != nil {
		t.Fatal(err)
	}
	o, err := locked.OpenPassphrase("pass", cheap())
	if err != nil {
		t.Fatal(err)
	}
	one, two := []byte("one"), []byte("two")
	secret, other := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	if err := errors.Join(locked.SetPasskey(o, one, secret), locked.SetPasskey(o, two, other)); err != nil {
		t.Fatal(err)
	}
	b, err := locked.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if locked, err = DecodeLocked(b); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		credential, secret []byte
		want               error
	}{
		{one, secret, nil}, {two, other, nil}, {one, other, ErrPassphrase}, {two, secret, ErrPassphrase},
		{one, nil, ErrPassphrase}, {[]byte("three"), secret, ErrNotSealedToYou}, {nil, secret, ErrNotSealedToYou},
	} {
		got, err := locked.OpenPasskey(tt.credential, tt.secret)
		if !errors.Is(err, tt.want) || err == nil && got.Identity.ID() != id.ID() {
			t.Errorf("%q with %x: %v, want %v", tt.credential, tt.secret, err, tt.want)
		}
	}
	// The slot of one passkey under the name of another opens nothing.
	locked.slots[1].Passkey.Credential = two
	if _, err := locked.OpenPasskey(two, secret); !errors.Is(err, ErrPassphrase) {
		t.Errorf("a renamed slot: %v", err)
	}
	if locked, err = DecodeLocked(b); err != nil {
		t.Fatal(err)
	}
	// Another passphrase leaves the passkeys, a passkey that goes leaves the rest.
	if err := locked.SetPassphrase(o, "another", cheap()); err != nil {
		t.Fatal(err)
	}
	locked.RemovePasskey(one)
	if _, err := locked.OpenPasskey(one, secret); !errors.Is(err, ErrNotSealedToYou) {
		t.Errorf("a passkey that was removed: %v", err)
	}
	if _, err := locked.OpenPasskey(two, other); err != nil {
		t.Error(err)
	}
	for _, bad := range [][2][]byte{{nil, secret}, {one, secret[:31]}, {one, bytes.Repeat(secret, 3)}, {bytes.Repeat(one, 400), secret}} {
		if err := locked.SetPasskey(o, bad[0], bad[1]); !errors.Is(err, ErrFormat) {
			t.Errorf("a passkey of %d bytes with a secret of %d: %v", len(bad[0]), len(bad[1]), err)
		}
	}
}
