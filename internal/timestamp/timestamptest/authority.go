// SPDX-License-Identifier: AGPL-3.0-or-later

package timestamptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
)

// Authority answers requests for time stamps. It is an http.Handler.
type Authority struct {
	t      testing.TB
	now    func() time.Time
	root   *x509.Certificate
	signer *x509.Certificate
	key    *ecdsa.PrivateKey

	Refuse bool             // answers that it can't
	Alter  func(der []byte) // of an answer before it is sent
}

// New makes an authority whose clock is now. Its certificates are valid for ten
// years around the time it is made at.
func New(t testing.TB, now func() time.Time) *Authority {
	t.Helper()
	year := 365 * 24 * time.Hour
	make := func(serial int64, name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey, change func(*x509.Certificate)) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: now().Add(-5 * year), NotAfter: now().Add(5 * year), BasicConstraintsValid: true}
		change(c)
		if parent == nil {
			parent, parentKey = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), parentKey)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert, key
	}
	root, rootKey := make(1, "Invented root", nil, nil, func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign })
	signer, key := make(2, "Invented authority", root, rootKey, func(c *x509.Certificate) {
		// Critical, as RFC 3161, 2.3 wants it.
		usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
		if err != nil {
			t.Fatal(err)
		}
		c.KeyUsage = x509.KeyUsageDigitalSignature
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}}
	})
	return &Authority{t: t, now: now, root: root, signer: signer, key: key}
}

// Roots are what to trust, so that its time stamps are good.
func (a *Authority) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	return pool
}

// RootPEM is its root as a file has it.
func (a *Authority) RootPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw})
}

// Answer answers a request.
func (a *Authority) Answer(query []byte) []byte {
	a.t.Helper()
	if a.Refuse {
		der, err := timestamp.CreateErrorResponse(timestamp.Rejection, timestamp.SystemFailure)
		if err != nil {
			a.t.Fatal(err)
		}
		return der
	}
	q, err := timestamp.ParseRequest(query)
	if err != nil {
		a.t.Fatal(err)
	}
	answer := timestamp.Timestamp{
		HashAlgorithm: q.HashAlgorithm, HashedMessage: q.HashedMessage, Time: a.now().UTC(), Nonce: q.Nonce,
		Policy: asn1.ObjectIdentifier{1, 2, 3}, Accuracy: time.Second, AddTSACertificate: q.Certificates,
	}
	der, err := answer.CreateResponseWithOpts(a.signer, a.key, crypto.SHA256)
	if err != nil {
		a.t.Fatal(err)
	}
	if a.Alter != nil {
		a.Alter(der)
	}
	return der
}

// Stamp is the answer to a request for data.
func (a *Authority) Stamp(data []byte, hash crypto.Hash, certificates bool) []byte {
	a.t.Helper()
	h := hash.New()
	h.Write(data)
	q := timestamp.Request{HashAlgorithm: hash, HashedMessage: h.Sum(nil), Certificates: certificates}
	der, err := q.Marshal()
	if err != nil {
		a.t.Fatal(err)
	}
	return a.Answer(der)
}

// ServeHTTP answers a request as RFC 3161, 3.4 has it.
func (a *Authority) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	query, err := io.ReadAll(io.LimitReader(req.Body, 1<<16))
	if err != nil || req.Header.Get("Content-Type") != "application/timestamp-query" {
		http.Error(w, "not a request for a time stamp", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	if _, err := w.Write(a.Answer(query)); err != nil {
		a.t.Error(err)
	}
}
