// SPDX-License-Identifier: AGPL-3.0-or-later

package timestamp

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // of the certificates that older tokens name, never of data
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// MaxSize is the most bytes a token may have. Those of public authorities have
// five to seven thousand.
const MaxSize = 256 << 10

// ErrNotToken says that something is no time stamp of RFC 3161.
var ErrNotToken = errors.New("this is not a time stamp of RFC 3161")

// Token is a time stamp that was read and not yet verified.
type Token struct {
	Raw  []byte // the token, without the answer around it
	Bare bool   // there was no answer around it

	Hash      crypto.Hash // of the data; 0: one that is not known, or SHA-1, which can be forged
	Digest    []byte      // of the data
	Time      time.Time   // when the authority says it saw the digest
	Accuracy  time.Duration
	Policy    string // object identifier
	Serial    *big.Int
	Nonce     *big.Int            // nil: none
	Certs     []*x509.Certificate // all that are in the token, in its order
	signer    signerInfo
	content   []byte // TSTInfo as it was signed
	attrs     []byte // the signed attributes as a SET, as they were signed
	attribute map[string]asn1.RawValue
}

var (
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTSTInfo       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningCert   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	oidSigningCertV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}

	oidSHA1   = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	oidSHA256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
)

// hashOf is a hash function by its identifier; 0 for one that is not known.
func hashOf(oid asn1.ObjectIdentifier) crypto.Hash {
	switch {
	case oid.Equal(oidSHA256):
		return crypto.SHA256
	case oid.Equal(oidSHA384):
		return crypto.SHA384
	case oid.Equal(oidSHA512):
		return crypto.SHA512
	case oid.Equal(oidSHA1):
		return crypto.SHA1
	}
	return 0
}

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"explicit,tag:0"`
}

type signedData struct {
	Version    int
	Algorithms []pkix.AlgorithmIdentifier `asn1:"set"`
	Content    struct {
		Type asn1.ObjectIdentifier
		Data asn1.RawValue `asn1:"explicit,tag:0"`
	}
	Certificates asn1.RawValue   `asn1:"optional,tag:0"`
	CRLs         asn1.RawValue   `asn1:"optional,tag:1"`
	Signers      []asn1.RawValue `asn1:"set"`
}

type signerInfo struct {
	Version    int
	Who        asn1.RawValue // issuer and serial number, or [0] subject key identifier
	Digest     pkix.AlgorithmIdentifier
	Attributes asn1.RawValue `asn1:"optional,tag:0"`
	Algorithm  pkix.AlgorithmIdentifier
	Signature  []byte
	Unsigned   asn1.RawValue `asn1:"optional,tag:1"`
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

type tstInfo struct {
	Version int
	Policy  asn1.ObjectIdentifier
	Imprint struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	Serial   *big.Int
	Time     time.Time `asn1:"generalized"`
	Accuracy struct {
		Seconds int64 `asn1:"optional"`
		Millis  int64 `asn1:"optional,tag:0"`
		Micros  int64 `asn1:"optional,tag:1"`
	} `asn1:"optional"`
	Ordering   bool          `asn1:"optional"`
	Nonce      *big.Int      `asn1:"optional"`
	Authority  asn1.RawValue `asn1:"optional,explicit,tag:0"`
	Extensions asn1.RawValue `asn1:"optional,tag:1"`
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values asn1.RawValue // SET OF
}

// whole reads one value that has nothing after it.
func whole(der []byte, into any) error {
	rest, err := asn1.Unmarshal(der, into)
	if err == nil && len(rest) > 0 {
		err = errors.New("something follows it")
	}
	return err
}

func notToken(what string, err error) error {
	if err == nil {
		return fmt.Errorf("%w: %s", ErrNotToken, what)
	}
	return fmt.Errorf("%w: %s: %w", ErrNotToken, what, err)
}

// Parse reads a token, bare or in the answer of an authority. Its error is
// ErrNotToken, or a RefusedError where the answer is a refusal.
func Parse(der []byte) (*Token, error) {
	if len(der) > MaxSize {
		return nil, notToken("it is too long", nil)
	}
	var info contentInfo
	if err := whole(der, &info); err == nil && info.Type.Equal(oidSignedData) {
		t, err := parse(der, info)
		if t != nil {
			t.Bare = true
		}
		return t, err
	}
	token, err := answered(der)
	if err != nil {
		return nil, err
	}
	if err := whole(token, &info); err != nil {
		return nil, notToken("the answer", err)
	}
	return parse(token, info)
}

func parse(raw []byte, info contentInfo) (*Token, error) {
	if !info.Type.Equal(oidSignedData) {
		return nil, notToken("it is not signed data", nil)
	}
	var data signedData
	if err := whole(info.Content.Bytes, &data); err != nil {
		return nil, notToken("the signed data", err)
	}
	if !data.Content.Type.Equal(oidTSTInfo) {
		return nil, notToken("what is signed in it is something else", nil)
	}
	if len(data.Signers) != 1 {
		return nil, notToken("it has not one signer", nil)
	}
	t := &Token{Raw: raw}
	if err := whole(data.Content.Data.Bytes, &t.content); err != nil {
		return nil, notToken("what is signed", err)
	}
	var tst tstInfo
	if err := whole(t.content, &tst); err != nil {
		return nil, notToken("what is signed", err)
	}
	if tst.Version != 1 || len(tst.Imprint.Digest) == 0 {
		return nil, notToken("it is of another version", nil)
	}
	if a := tst.Accuracy; min(a.Seconds, a.Millis, a.Micros) < 0 || max(a.Seconds, a.Millis, a.Micros) > 1<<31 {
		return nil, notToken("its accuracy is no length of time", nil)
	}
	t.Digest = tst.Imprint.Digest
	if hash := hashOf(tst.Imprint.Algorithm.Algorithm); hash != crypto.SHA1 {
		t.Hash = hash
	}
	t.Time, t.Policy, t.Serial, t.Nonce = tst.Time.UTC(), tst.Policy.String(), tst.Serial, tst.Nonce
	t.Accuracy = time.Duration(tst.Accuracy.Seconds)*time.Second + time.Duration(tst.Accuracy.Millis)*time.Millisecond + time.Duration(tst.Accuracy.Micros)*time.Microsecond
	if err := t.readCerts(data.Certificates.Bytes); err != nil {
		return nil, err
	}
	return t, t.readSigner(data.Signers[0].FullBytes)
}

// readCerts reads the certificates of a token. One that can't be read, or is of
// another sort, is passed over: the signer's must be among the others.
func (t *Token) readCerts(der []byte) error {
	for len(der) > 0 {
		var one asn1.RawValue
		rest, err := asn1.Unmarshal(der, &one)
		if err != nil {
			return notToken("its certificates", err)
		}
		if cert, err := x509.ParseCertificate(one.FullBytes); err == nil {
			t.Certs = append(t.Certs, cert)
		}
		der = rest
	}
	return nil
}

func (t *Token) readSigner(der []byte) error {
	if err := whole(der, &t.signer); err != nil {
		return notToken("its signer", err)
	}
	if len(t.signer.Attributes.FullBytes) == 0 {
		return notToken("it has no signed attributes", nil)
	}
	t.attrs = slices.Clone(t.signer.Attributes.FullBytes)
	t.attrs[0] = 0x31 // it is signed as a SET (RFC 5652, 5.4)
	t.attribute = map[string]asn1.RawValue{}
	for rest := t.signer.Attributes.Bytes; len(rest) > 0; {
		var a attribute
		var err error
		if rest, err = asn1.Unmarshal(rest, &a); err != nil {
			return notToken("its signed attributes", err)
		}
		if _, twice := t.attribute[a.Type.String()]; twice {
			return notToken("a signed attribute is in it twice", nil)
		}
		t.attribute[a.Type.String()] = a.Values
	}
	for _, needed := range []asn1.ObjectIdentifier{oidContentType, oidMessageDigest} {
		if _, ok := t.attribute[needed.String()]; !ok {
			return notToken("it lacks a signed attribute", nil)
		}
	}
	_, v1 := t.attribute[oidSigningCert.String()]
	if _, v2 := t.attribute[oidSigningCertV2.String()]; !v1 && !v2 {
		return notToken("it does not name its signer's certificate", nil)
	}
	return nil
}

// signerCert is the certificate of the signer, nil where it is not in the token.
func (t *Token) signerCert() *x509.Certificate {
	var named issuerAndSerial
	if t.signer.Who.Class == asn1.ClassUniversal && whole(t.signer.Who.FullBytes, &named) != nil {
		return nil
	}
	for _, c := range t.Certs {
		switch {
		case named.Serial == nil:
			if t.signer.Who.Class == asn1.ClassContextSpecific && t.signer.Who.Tag == 0 && len(c.SubjectKeyId) > 0 && bytes.Equal(c.SubjectKeyId, t.signer.Who.Bytes) {
				return c
			}
		case bytes.Equal(c.RawIssuer, named.Issuer.FullBytes) && c.SerialNumber.Cmp(named.Serial) == 0:
			return c
		}
	}
	return nil
}
