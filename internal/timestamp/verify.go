// SPDX-License-Identifier: AGPL-3.0-or-later

package timestamp

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Outcome is what is to be said of a time stamp.
type Outcome string

// The outcomes. Only Good proves when the data was there.
const (
	Good       Outcome = "good"       // signed by an authority under one of the roots, over these data
	Unverified Outcome = "unverified" // the signature is right; who signed, or by what means, can't be relied on
	WrongData  Outcome = "wrong-data" // the signature is right, over other data
	Altered    Outcome = "altered"    // the signature is not right
	NotToken   Outcome = "not-a-token"
)

// Verdict is what Verify found.
type Verdict struct {
	Outcome   Outcome
	Why       string              // in one line, why it is not good; empty: it is
	Token     *Token              // nil: it is none
	Authority string              // the name in its signer's certificate; empty: it has none
	Chain     []*x509.Certificate // of a good one: from the signer to the root
}

// Verify verifies a token, bare or in an answer, over data and against roots:
// certificates are judged as of the time of the token, since it is kept for
// longer than they are valid. The error is that of reading the data.
func Verify(token []byte, data io.Reader, roots *x509.CertPool) (Verdict, error) {
	t, err := Parse(token)
	if err != nil {
		return Verdict{Outcome: NotToken, Why: err.Error()}, nil
	}
	if t.Hash == 0 {
		return t.Verify(nil, roots), nil
	}
	h := t.Hash.New()
	if _, err := io.Copy(h, data); err != nil {
		return Verdict{}, fmt.Errorf("the data of a time stamp can't be read: %w", err)
	}
	return t.Verify(h.Sum(nil), roots), nil
}

// Verify is Verify over the digest of the data by the hash of the token.
func (t *Token) Verify(digest []byte, roots *x509.CertPool) Verdict {
	v := Verdict{Token: t}
	say := func(o Outcome, why string) Verdict { v.Outcome, v.Why = o, why; return v }
	signer := t.signerCert()
	if signer == nil {
		return say(Unverified, "the certificate of its signer is not in it: ask the authority for a time stamp with its certificates")
	}
	v.Authority = NameOf(signer)
	switch weak, err := t.signed(signer); {
	case err != nil:
		return say(Altered, err.Error())
	case t.Hash == 0:
		return say(Unverified, "it covers the data by a hash function that is not known here, or that can be forged")
	case !bytes.Equal(digest, t.Digest):
		return say(WrongData, "it covers other data than these")
	case weak != "":
		return say(Unverified, weak)
	}
	chain, why := t.anchored(signer, roots)
	if why != "" {
		return say(Unverified, why)
	}
	v.Chain = chain
	return say(Good, "")
}

// signed checks the signature of a token, and that it is of what the token says.
// weak says by what means that can be forged it was made.
func (t *Token) signed(signer *x509.Certificate) (weak string, err error) {
	hash := hashOf(t.signer.Digest.Algorithm)
	if hash == 0 {
		return "it is signed by means that are not known here", nil
	}
	var kind asn1.ObjectIdentifier
	if err := whole(t.attribute[oidContentType.String()].Bytes, &kind); err != nil || !kind.Equal(oidTSTInfo) {
		return "", errors.New("its signature is for something else")
	}
	var digest []byte
	if err := whole(t.attribute[oidMessageDigest.String()].Bytes, &digest); err != nil || !bytes.Equal(digest, sum(hash, t.content)) {
		return "", errors.New("what it says is not what was signed")
	}
	if !t.names(signer) {
		return "", errors.New("its signer's certificate is not the one that it was signed with")
	}
	if hash == crypto.SHA1 {
		return "it is signed with SHA-1, which can be forged", nil
	}
	algorithm := algorithmOf(t.signer.Algorithm, hash, signer.PublicKeyAlgorithm)
	if algorithm == x509.UnknownSignatureAlgorithm {
		return "it is signed by means that are not known here", nil
	}
	if err := signer.CheckSignature(algorithm, t.attrs, t.signer.Signature); err != nil {
		return "", errors.New("its signature is not right")
	}
	return "", nil
}

func sum(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

// names tells whether the first certificate that the signed attributes name is
// the signer's: RFC 5035, and RFC 2634 by SHA-1.
func (t *Token) names(signer *x509.Certificate) bool {
	hash, value := crypto.SHA256, t.attribute[oidSigningCertV2.String()]
	if value.Bytes == nil {
		hash, value = crypto.SHA1, t.attribute[oidSigningCert.String()]
	}
	var outer, list, first, field asn1.RawValue
	if whole(value.Bytes, &outer) != nil {
		return false
	}
	if _, err := asn1.Unmarshal(outer.Bytes, &list); err != nil {
		return false
	}
	if _, err := asn1.Unmarshal(list.Bytes, &first); err != nil {
		return false
	}
	rest, err := asn1.Unmarshal(first.Bytes, &field)
	if err != nil {
		return false
	}
	if field.Class == asn1.ClassUniversal && field.Tag == asn1.TagSequence { // version 2 with another hash than SHA-256
		var algorithm pkix.AlgorithmIdentifier
		if whole(field.FullBytes, &algorithm) != nil {
			return false
		}
		if hash = hashOf(algorithm.Algorithm); hash == 0 {
			return false
		}
		if _, err := asn1.Unmarshal(rest, &field); err != nil {
			return false
		}
	}
	return field.Class == asn1.ClassUniversal && field.Tag == asn1.TagOctetString && bytes.Equal(field.Bytes, sum(hash, signer.Raw))
}

// algorithmOf is how a token was signed. Many authorities write the algorithm of
// their key alone and leave the hash to the digest beside it.
func algorithmOf(a pkix.AlgorithmIdentifier, hash crypto.Hash, key x509.PublicKeyAlgorithm) x509.SignatureAlgorithm {
	pick := func(s256, s384, s512 x509.SignatureAlgorithm) x509.SignatureAlgorithm {
		switch hash {
		case crypto.SHA256:
			return s256
		case crypto.SHA384:
			return s384
		case crypto.SHA512:
			return s512
		}
		return x509.UnknownSignatureAlgorithm
	}
	switch a.Algorithm.String() {
	case "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13": // RSA; with SHA-256, -384, -512
		return pick(x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA)
	case "1.2.840.113549.1.1.10":
		return pick(x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS)
	case "1.2.840.10045.2.1", "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4": // elliptic curve; with SHA-256, -384, -512
		return pick(x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512)
	case "1.3.101.112":
		if key == x509.Ed25519 {
			return x509.PureEd25519
		}
	}
	return x509.UnknownSignatureAlgorithm
}

// anchored follows the certificates of a token from its signer to one of the
// roots, or says why there is no way.
func (t *Token) anchored(signer *x509.Certificate, roots *x509.CertPool) ([]*x509.Certificate, string) {
	if !slices.Contains(signer.ExtKeyUsage, x509.ExtKeyUsageTimeStamping) {
		return nil, "its signer's certificate is not for time stamps"
	}
	if t.Time.Before(signer.NotBefore) || t.Time.After(signer.NotAfter) {
		return nil, "its signer's certificate was not valid at its time"
	}
	if roots == nil {
		roots = x509.NewCertPool() // none, and not the machine's
	}
	between := x509.NewCertPool()
	for _, c := range t.Certs {
		between.AddCert(c)
	}
	chains, err := signer.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: t.Time,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	})
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		return chains[0], ""
	case errors.As(err, &unknown):
		return nil, fmt.Sprintf("its authority is not anchored: the way from %q ends at %q, and no root that is trusted here stands behind it", NameOf(signer), t.last(signer))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return nil, "a certificate between its signer and the root was not valid at its time"
	}
	return nil, "the certificates between its signer and a root do not hold"
}

// last names who should have issued the last certificate on the way up.
func (t *Token) last(signer *x509.Certificate) string {
	at := signer
	for range t.Certs { // no further than there are certificates, whatever circle they make
		i := slices.IndexFunc(t.Certs, func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawSubject, at.RawIssuer) && !bytes.Equal(c.Raw, at.Raw)
		})
		if i < 0 {
			break
		}
		at = t.Certs[i]
	}
	if at.Issuer.CommonName != "" {
		return at.Issuer.CommonName
	}
	return at.Issuer.String()
}

// NameOf is whose certificate one is, as it says.
func NameOf(c *x509.Certificate) string {
	if c.Subject.CommonName != "" {
		return c.Subject.CommonName
	}
	return c.Subject.String()
}
