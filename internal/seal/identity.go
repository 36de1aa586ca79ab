// SPDX-License-Identifier: AGPL-3.0-or-later

package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"filippo.io/age"
)

// Identity is who can open and sign: a member, an organisation or a node. It
// is an age hybrid identity (ML-KEM-768 and X25519) and an Ed25519 key. It
// does not print itself.
type Identity struct {
	age  *age.HybridIdentity
	sign ed25519.PrivateKey
	pub  Public
}

// Public is the half of an identity that everyone may know. Made by
// Identity.Public, or read back by json.Unmarshal, which checks it.
type Public struct {
	recipient *age.HybridRecipient
	written   string // the recipient as text: writing it anew takes as long as reading it
	signing   ed25519.PublicKey
	proof     []byte // the signing key's word that the recipient is of the same identity
}

// NewIdentity makes an identity.
func NewIdentity() (*Identity, error) {
	a, err := age.GenerateHybridIdentity()
	if err != nil {
		return nil, fmt.Errorf("making an identity: %w", err)
	}
	_, sign, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making an identity: %w", err)
	}
	return newIdentity(a, sign), nil
}

func newIdentity(a *age.HybridIdentity, sign ed25519.PrivateKey) *Identity {
	recipient := a.Recipient()
	written := recipient.String()
	return &Identity{age: a, sign: sign, pub: Public{
		recipient: recipient,
		written:   written,
		signing:   sign.Public().(ed25519.PublicKey),
		proof:     ed25519.Sign(sign, proofText(written)),
	}}
}

func proofText(recipient string) []byte { return []byte("kua/public/v1\x00" + recipient) }

// Public is the public half of the identity.
func (id *Identity) Public() Public { return id.pub }

// ID is the name of the identity: see IDOf.
func (id *Identity) ID() [16]byte { return id.pub.ID() }

// Sign signs a message. Every kind of message begins with words of its own,
// so that a signature for one never counts for another.
func (id *Identity) Sign(message []byte) []byte { return ed25519.Sign(id.sign, message) }

func (id *Identity) String() string             { return redacted }
func (id *Identity) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }
func (id *Identity) LogValue() slog.Value       { return slog.StringValue(redacted) }

// IDOf is the name of whoever signs with the key: the first 128 bits of its
// SHA-256. So a public key from anywhere can be checked against a name.
func IDOf(signing ed25519.PublicKey) [16]byte {
	sum := sha256.Sum256(signing)
	return [16]byte(sum[:16])
}

// ID is the name of the identity: see IDOf.
func (p Public) ID() [16]byte { return IDOf(p.signing) }

// Recipient is the age recipient as text: age1pq1…
func (p Public) Recipient() string { return p.written }

// Signing is the key that checks signatures of the identity.
func (p Public) Signing() ed25519.PublicKey { return bytes.Clone(p.signing) }

// Seal seals a secret to the identity. The label says what it is for and must
// be the same at opening. Whoever has the public half can seal: where that
// matters, use SealOwn.
func (p Public) Seal(label string, secret []byte) ([]byte, error) {
	if p.recipient == nil {
		return nil, errors.New("sealing: no recipient")
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, p.recipient)
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	text := append([]byte(label+"\x00"), secret...)
	if _, err = w.Write(text); err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	return out.Bytes(), nil
}

// Open opens what was sealed to the identity under the label.
func (id *Identity) Open(label string, sealed []byte) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), id.age)
	if err != nil {
		var no *age.NoIdentityMatchError
		if errors.As(err, &no) {
			return nil, ErrNotSealedToYou
		}
		return nil, ErrDamaged
	}
	text, err := io.ReadAll(io.LimitReader(r, MaxPlain))
	if err != nil {
		return nil, ErrDamaged
	}
	secret, ok := bytes.CutPrefix(text, []byte(label+"\x00"))
	if !ok {
		return nil, fmt.Errorf("sealed for another purpose: %w", ErrDamaged)
	}
	return secret, nil
}

// Unwrap opens the key of an age file: the identity is an age.Identity for what
// others sealed to its recipient, which has no label.
func (id *Identity) Unwrap(stanzas []*age.Stanza) ([]byte, error) { return id.age.Unwrap(stanzas) }

// SealOwn seals a secret of the identity to itself, signed, so that nobody who
// only knows the public half can put another secret in its place.
func (id *Identity) SealOwn(label string, secret []byte) ([]byte, error) {
	return id.pub.Seal(label, append(id.Sign(ownText(label, secret)), secret...))
}

// OpenOwn opens what SealOwn made.
func (id *Identity) OpenOwn(label string, sealed []byte) ([]byte, error) {
	text, err := id.Open(label, sealed)
	if err != nil {
		return nil, err
	}
	if len(text) < ed25519.SignatureSize {
		return nil, ErrDamaged
	}
	signature, secret := text[:ed25519.SignatureSize], text[ed25519.SignatureSize:]
	if !ed25519.Verify(id.pub.signing, ownText(label, secret), signature) {
		return nil, fmt.Errorf("sealed by somebody else: %w", ErrDamaged)
	}
	return secret, nil
}

func ownText(label string, secret []byte) []byte {
	return append([]byte("kua/own/v1\x00"+label+"\x00"), secret...)
}

// publicFile is the form of Public in files.
type publicFile struct {
	Recipient string `json:"recipient"` // age1pq1…
	Signing   []byte `json:"signing"`
	Proof     []byte `json:"proof"`
}

// MarshalJSON writes the public half.
func (p Public) MarshalJSON() ([]byte, error) {
	if p.recipient == nil {
		return nil, errors.New("no public half to write")
	}
	return json.Marshal(publicFile{p.written, p.signing, p.proof})
}

// UnmarshalJSON reads a public half and checks that its two keys belong together.
func (p *Public) UnmarshalJSON(data []byte) error {
	var f publicFile
	if err := json.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("the public half of an identity is %w", ErrFormat)
	}
	recipient, err := age.ParseHybridRecipient(f.Recipient)
	if err != nil || len(f.Signing) != ed25519.PublicKeySize {
		return fmt.Errorf("the public half of an identity is %w", ErrFormat)
	}
	if !ed25519.Verify(f.Signing, proofText(f.Recipient), f.Proof) {
		return fmt.Errorf("the public half of an identity is %w", ErrDamaged)
	}
	*p = Public{recipient, f.Recipient, f.Signing, f.Proof}
	return nil
}
