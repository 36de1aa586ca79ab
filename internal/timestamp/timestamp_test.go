// SPDX-License-Identifier: AGPL-3.0-or-later

package timestamp_test

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/crypto/ripemd160" //nolint:staticcheck // proofs of 2015 go over it

	"github.com/kua-registry/kua/internal/timestamp"
	"github.com/kua-registry/kua/internal/timestamp/timestamptest"
)

// acceptance is where the time stamps of real authorities lie.
const acceptance = "../../../shared/acceptance/timestamps"

func real(t *testing.T, file string) []byte {
	t.Helper()
	der, err := os.ReadFile(filepath.Join(acceptance, file))
	if err != nil {
		t.Skipf("the acceptance material is not here: the time stamps of real authorities are not verified (%v)", err)
	}
	return der
}

func publicRoots(t *testing.T, files ...string) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join("testdata/roots", f+".pem"))
		if err != nil {
			t.Fatal(err)
		}
		if !pool.AppendCertsFromPEM(text) {
			t.Fatalf("%s holds no certificate", f)
		}
	}
	return pool
}

const (
	identrust  = "identrust-commercial-root-ca-1"
	digicert   = "digicert-trusted-root-g4"
	digicertID = "digicert-assured-id-root-ca"
)

// fb71 is the digest that four of the five cover; the data are not known.
func fb71(t *testing.T) []byte {
	t.Helper()
	digest, err := hex.DecodeString("fb71a6009f6fa1f43baf746a09cb6339df7f1ad46ee62390847d92438c23abf4f50b0de3f1c2e1cd6cf40dc5bf42e30852c744ddcb2a47e0c3e2f8061223cc64")
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func TestRealAuthorities(t *testing.T) {
	all := publicRoots(t, identrust, digicert, digicertID)
	hello := sha512.Sum512([]byte("hello"))
	for _, c := range []struct {
		file   string
		digest []byte
		roots  *x509.CertPool
		want   timestamp.Outcome
		why    string
		at     string
		bare   bool
	}{
		{"valid_timestamp.tsr", fb71(t), all, timestamp.Good, "", "2025-03-11T10:43:58Z", false},
		{"valid_timestamp.tsr", fb71(t), publicRoots(t, identrust), timestamp.Good, "", "2025-03-11T10:43:58Z", false},
		{"valid_timestamp.tsr", fb71(t), publicRoots(t, digicert), timestamp.Unverified, "IdenTrust Commercial Root CA 1", "2025-03-11T10:43:58Z", false},
		{"valid_timestamp.tsr", fb71(t), nil, timestamp.Unverified, "not anchored", "2025-03-11T10:43:58Z", false},
		{"valid_timestamp.tsr", hello[:], all, timestamp.WrongData, "other data", "2025-03-11T10:43:58Z", false},
		{"timestamp_token_http-timestamp-identrust-com", fb71(t), all, timestamp.Good, "", "2025-03-11T10:43:58Z", true},
		{"rfc3161-client-issue-104.tsr", hello[:], all, timestamp.Good, "", "2025-03-11T08:52:08Z", false},
		{"rfc3161-client-issue-104.tsr", fb71(t), all, timestamp.WrongData, "other data", "2025-03-11T08:52:08Z", false},
		{"digicert.tsr", fb71(t), publicRoots(t, digicert), timestamp.Good, "", "2025-03-24T11:17:47Z", false},
		{"digicert.tsr", fb71(t), publicRoots(t, digicertID), timestamp.Good, "", "2025-03-24T11:17:47Z", false},
		{"digicert.tsr", fb71(t), publicRoots(t, identrust), timestamp.Unverified, "DigiCert Assured ID Root CA", "2025-03-24T11:17:47Z", false},
		{"self_signed.tsr", fb71(t), all, timestamp.Unverified, "CA POLITICA SELLADO DE TIEMPO - COSTA RICA v2", "2025-03-24T11:38:16Z", false},
		{"self_signed.tsr", hello[:], all, timestamp.WrongData, "other data", "2025-03-24T11:38:16Z", false},
	} {
		token, err := timestamp.Parse(real(t, c.file))
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		v := token.Verify(c.digest, c.roots)
		if v.Outcome != c.want || !strings.Contains(v.Why, c.why) || (v.Why == "") != (c.want == timestamp.Good) {
			t.Errorf("%s: %s (%s), want %s (… %s …)", c.file, v.Outcome, v.Why, c.want, c.why)
		}
		if at := token.Time.Format(time.RFC3339); at != c.at || token.Bare != c.bare {
			t.Errorf("%s: of %s, bare %t; want %s, %t", c.file, at, token.Bare, c.at, c.bare)
		}
		if c.want == timestamp.Good && len(v.Chain) < 2 {
			t.Errorf("%s: good without its chain", c.file)
		}
	}
	v, err := timestamp.Verify(real(t, "rfc3161-client-issue-104.tsr"), strings.NewReader("hello"), all)
	if err != nil || v.Outcome != timestamp.Good || v.Authority != "TrustID Timestamp Authority" {
		t.Errorf("hello: %s by %q (%s), %v", v.Outcome, v.Authority, v.Why, err)
	}
	v, err = timestamp.Verify(real(t, "rfc3161-client-issue-104.tsr"), strings.NewReader("hello\n"), all)
	if err != nil || v.Outcome != timestamp.WrongData {
		t.Errorf("hello with a new line: %s (%s), %v", v.Outcome, v.Why, err)
	}
}

// TestOneBit changes every fifth bit of a real answer, and of one made here: what is
// still called good says what it said before.
func TestOneBit(t *testing.T) {
	now := time.Date(2022, 5, 17, 9, 0, 0, 0, time.UTC)
	tsa := timestamptest.New(t, func() time.Time { return now })
	data := []byte("invented")
	digest := sha256.Sum256(data)
	for _, c := range []struct {
		name   string
		der    []byte
		digest []byte
		roots  *x509.CertPool
	}{
		{"made here", tsa.Stamp(data, crypto.SHA256, true), digest[:], tsa.Roots()},
		{"real", real(t, "valid_timestamp.tsr"), fb71(t), publicRoots(t, identrust)},
	} {
		whole, err := timestamp.Parse(c.der)
		if err != nil {
			t.Fatal(err)
		}
		if v := whole.Verify(c.digest, c.roots); v.Outcome != timestamp.Good {
			t.Fatalf("%s: %s (%s)", c.name, v.Outcome, v.Why)
		}
		from := bytes.Index(c.der, whole.Digest)
		for i := 0; i < len(c.der)*8; i += 5 { // each bit of a byte in turn
			changed := slices.Clone(c.der)
			changed[i/8] ^= 1 << (i % 8)
			v := timestamp.Verdict{Outcome: timestamp.NotToken}
			token, err := timestamp.Parse(changed)
			if err == nil {
				v = token.Verify(c.digest, c.roots)
			}
			if v.Outcome == timestamp.Good && (!token.Time.Equal(whole.Time) || !bytes.Equal(token.Digest, whole.Digest) || token.Serial.Cmp(whole.Serial) != 0 || token.Policy != whole.Policy) {
				t.Fatalf("%s: bit %d changed: good, and says something else", c.name, i)
			}
			if at := i / 8; at >= from && at < from+len(whole.Digest) && v.Outcome != timestamp.Altered {
				t.Fatalf("%s: bit %d of the digest changed: %s (%s)", c.name, i, v.Outcome, v.Why)
			}
		}
	}
}

func TestVerdicts(t *testing.T) {
	now := time.Date(2022, 5, 17, 9, 0, 0, 0, time.UTC)
	tsa := timestamptest.New(t, func() time.Time { return now })
	data := []byte("invented")
	verify := func(der []byte) timestamp.Verdict {
		t.Helper()
		v, err := timestamp.Verify(der, bytes.NewReader(data), tsa.Roots())
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	expect := func(what string, v timestamp.Verdict, want timestamp.Outcome, why string) {
		t.Helper()
		if v.Outcome != want || !strings.Contains(v.Why, why) {
			t.Errorf("%s: %s (%s), want %s (… %s …)", what, v.Outcome, v.Why, want, why)
		}
	}
	expect("good", verify(tsa.Stamp(data, crypto.SHA512, true)), timestamp.Good, "")
	expect("other data", verify(tsa.Stamp([]byte("other"), crypto.SHA256, true)), timestamp.WrongData, "other data")
	expect("without certificates", verify(tsa.Stamp(data, crypto.SHA256, false)), timestamp.Unverified, "the certificate of its signer is not in it")
	expect("nothing", verify(nil), timestamp.NotToken, "")
	expect("a picture", verify([]byte("\x89PNG\r\n\x1a\n")), timestamp.NotToken, "")
	good := tsa.Stamp(data, crypto.SHA256, true)
	expect("cut off", verify(good[:len(good)-1]), timestamp.NotToken, "")
	expect("something after it", verify(append(slices.Clone(good), 0)), timestamp.NotToken, "")
	expect("a certificate alone", verify([]byte(tsa.RootPEM())), timestamp.NotToken, "")
	expect("signature of another", verify(changed(t, good, -1)), timestamp.Altered, "signature")
	now = now.AddDate(20, 0, 0)
	expect("made when its certificate had ended", verify(tsa.Stamp(data, crypto.SHA256, true)), timestamp.Unverified, "not valid at its time")
	if _, err := timestamp.Verify(good, iotest.ErrReader(errors.New("torn off")), tsa.Roots()); err == nil {
		t.Error("data that can't be read are taken for data")
	}
}

// changed is an answer with its last bit changed: that of the signature.
func changed(t *testing.T, der []byte, from int) []byte {
	t.Helper()
	der = slices.Clone(der)
	der[len(der)+from] ^= 1
	return der
}

func TestRequest(t *testing.T) {
	now := time.Date(2022, 5, 17, 9, 0, 0, 0, time.UTC)
	tsa := timestamptest.New(t, func() time.Time { return now })
	digest := sha256.Sum256([]byte("invented"))
	q := timestamp.NewRequest(digest, []byte("12345678"))
	query, err := q.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	token, err := q.Answer(tsa.Answer(query))
	if err != nil {
		t.Fatal(err)
	}
	if v := token.Verify(digest[:], tsa.Roots()); v.Outcome != timestamp.Good || !token.Time.Equal(now) || token.Accuracy != time.Second {
		t.Errorf("%s (%s), %v ± %v", v.Outcome, v.Why, token.Time, token.Accuracy)
	}
	other := timestamp.NewRequest(digest, []byte("87654321"))
	if _, err := other.Answer(tsa.Answer(query)); !errors.Is(err, timestamp.ErrOtherAnswer) {
		t.Errorf("an answer to another request, with an older time, is taken: %v", err)
	}
	tsa.Refuse = true
	var refused *timestamp.RefusedError
	if _, err := q.Answer(tsa.Answer(query)); !errors.As(err, &refused) || refused.Status != 2 || !strings.Contains(refused.Error(), "system failure") {
		t.Errorf("a refusal: %v", err)
	}
}

// TestOpenSSL holds the verdicts against those of openssl, which a court's expert uses.
func TestOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed: its verdicts are not compared")
	}
	dir := t.TempDir()
	now := time.Now()
	tsa := timestamptest.New(t, func() time.Time { return now })
	data := []byte("invented")
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	in, roots, answer := write("data", data), write("root.pem", tsa.RootPEM()), write("answer.tsr", tsa.Stamp(data, crypto.SHA256, true))
	if out, err := exec.Command(openssl, "ts", "-verify", "-data", in, "-in", answer, "-CAfile", roots).CombinedOutput(); err != nil {
		t.Errorf("openssl does not take what is good here: %v\n%s", err, out)
	}
	other := write("other", []byte("other"))
	if out, err := exec.Command(openssl, "ts", "-verify", "-data", other, "-in", answer, "-CAfile", roots).CombinedOutput(); err == nil {
		t.Errorf("openssl takes what is wrong data here:\n%s", out)
	}
	q := timestamp.NewRequest(sha256.Sum256(data), []byte("12345678"))
	query, err := q.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(openssl, "ts", "-query", "-in", write("query.tsq", query), "-text").CombinedOutput(); err != nil || !bytes.Contains(out, []byte("Certificate required: yes")) {
		t.Errorf("openssl does not read the request: %v\n%s", err, out)
	}
}

// proof is a proof file over a digest: two ways, a promise and a block.
func proof(digest [32]byte) []byte {
	return proofOf(digest, "\xff\xf0\x04salt\x08\x00\x83\xdf\xe3\x0d\x2e\xf9\x0c\x8e\x05\x04cal."+
		"\xf1\x03abc\x08\x00\x05\x88\x96\x0d\x73\xd7\x19\x01\x03\xb5\xe4\x2c")
}

func proofOf(digest [32]byte, steps string) []byte {
	return []byte("\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01\x08" + string(digest[:]) + steps)
}

func reversed(text string) string {
	b, _ := hex.DecodeString(text)
	slices.Reverse(b)
	return string(b)
}

func TestProof(t *testing.T) {
	digest := sha256.Sum256([]byte("invented"))
	p, err := timestamp.ParseProof(proof(digest))
	if err != nil {
		t.Fatal(err)
	}
	root := sha256.Sum256(append([]byte("abc"), digest[:]...))
	slices.Reverse(root[:])
	want := []timestamp.Block{{Height: 733749, Root: hex.EncodeToString(root[:])}}
	if !p.Covers(digest[:]) || !slices.Equal(p.Calendars, []string{"cal."}) || !slices.Equal(p.Blocks, want) || p.Others != 0 {
		t.Errorf("%+v", p)
	}
	if other := sha256.Sum256([]byte("other")); p.Covers(other[:]) {
		t.Error("a proof covers what it is none of")
	}
	for n := range proof(digest) {
		if _, err := timestamp.ParseProof(proof(digest)[:n]); !errors.Is(err, timestamp.ErrNotProof) {
			t.Errorf("cut off after %d bytes: %v", n, err)
		}
	}
}

// TestProofOfRealBlock follows a proof to block 170 of Bitcoin, the first with
// two transactions, whose Merkle root everybody can look up.
func TestProofOfRealBlock(t *testing.T) {
	const (
		first  = "b1fea52486ce0c62bb442b530a3f0132b826c74e473d1f2c220bfa78111c5082"
		second = "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16"
		root   = "7dac2c5666815c17a3b36427de37bb9d2e2c5ccec3f8633eb91a4205cb4c10ff"
	)
	digest := [32]byte([]byte(reversed(second)))
	p, err := timestamp.ParseProof(proofOf(digest, "\xf1\x20"+reversed(first)+"\x08\x08\x00\x05\x88\x96\x0d\x73\xd7\x19\x01\x02\xaa\x01"))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Blocks) != 1 || p.Blocks[0] != (timestamp.Block{Height: 170, Root: root}) {
		t.Errorf("%+v", p.Blocks)
	}
}

// TestProofSteps takes each step that a proof may have, and refuses what is none.
func TestProofSteps(t *testing.T) {
	digest := sha256.Sum256([]byte("invented"))
	block := "\x00\x05\x88\x96\x0d\x73\xd7\x19\x01\x01\x05"
	hash := func(b []byte) []byte { s := sha256.Sum256(b); return s[:] }
	written := func(b []byte) string {
		b = slices.Clone(b)
		slices.Reverse(b)
		return hex.EncodeToString(b)
	}
	backwards := slices.Clone(digest[:])
	slices.Reverse(backwards)
	short := sha1.Sum(digest[:])
	ripe := ripemd160.New()
	ripe.Write(digest[:])
	for steps, want := range map[string]string{
		"\xf0\x01a\x08" + block:                        written(hash(append(digest[:], 'a'))),
		"\xf1\x01a\x08" + block:                        written(hash(append([]byte("a"), digest[:]...))),
		"\xf2\x08" + block:                             written(hash(backwards)),
		"\xf3\x08" + block:                             written(hash([]byte(hex.EncodeToString(digest[:])))),
		"\x02\x08" + block:                             written(hash(short[:])),
		"\x03\x08" + block:                             written(hash(ripe.Sum(nil))),
		"\x67\x08" + block:                             "",
		"\xff\x00abcdefgh\x03xyz" + "\x08\x08" + block: written(hash(hash(digest[:]))),
	} {
		p, err := timestamp.ParseProof(proofOf(digest, steps))
		if err != nil || len(p.Blocks) != 1 || p.Blocks[0].Root != want {
			t.Errorf("%q: %+v, %v", steps, p, err)
		}
	}
	for what, steps := range map[string]string{
		"a step that is not known":         "\x55" + block,
		"a root of another length":         "\xf0\x01a" + block,
		"an empty suffix":                  "\xf0\x00" + block,
		"a suffix that is too long":        "\xf0\x81\x20" + strings.Repeat("a", 4097) + "\x08" + block,
		"a message that is too long":       "\xf0\x80\x20" + strings.Repeat("a", 4096) + "\x08" + block,
		"something after the height":       "\x00\x05\x88\x96\x0d\x73\xd7\x19\x01\x02\x05\x05",
		"a calendar with an odd address":   "\x00\x83\xdf\xe3\x0d\x2e\xf9\x0c\x8e\x05\x04<a>\n",
		"something after it":               block + "x",
		"a number without an end":          "\x00\x05\x88\x96\x0d\x73\xd7\x19\x01\x0a" + strings.Repeat("\x80", 10),
		"a hundred thousand steps":         strings.Repeat("\xf2", 100000),
		"hex of hex until it is of a size": strings.Repeat("\xf3", 40) + "\x08" + block,
	} {
		if p, err := timestamp.ParseProof(proofOf(digest, steps)); !errors.Is(err, timestamp.ErrNotProof) {
			t.Errorf("%s: %+v, %v", what, p, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	tsa := timestamptest.New(f, func() time.Time { return time.Date(2022, 5, 17, 9, 0, 0, 0, time.UTC) })
	data := []byte("invented")
	f.Add(tsa.Stamp(data, crypto.SHA256, true))
	f.Add(tsa.Stamp(data, crypto.SHA512, false))
	files, _ := filepath.Glob(filepath.Join(acceptance, "*.tsr"))
	for _, file := range files {
		if der, err := os.ReadFile(file); err == nil {
			f.Add(der)
		}
	}
	nobody := x509.NewCertPool()
	f.Fuzz(func(t *testing.T, der []byte) {
		v, err := timestamp.Verify(der, bytes.NewReader(data), nobody)
		if err != nil {
			t.Fatal(err)
		}
		if v.Outcome == timestamp.Good || v.Why == "" {
			t.Fatalf("%s without a root (%q)", v.Outcome, v.Why)
		}
	})
}

func FuzzParseProof(f *testing.F) {
	f.Add(proof(sha256.Sum256([]byte("invented"))))
	f.Add(proofOf(sha256.Sum256([]byte("invented")), "\xff\x00abcdefgh\x03xyz\xf2\xf3\x02\x03\x67\x08\x00\x05\x88\x96\x0d\x73\xd7\x19\x01\x01\x05"))
	f.Fuzz(func(t *testing.T, file []byte) {
		p, err := timestamp.ParseProof(file)
		if err != nil {
			return
		}
		if len(p.Digest) != sha256.Size {
			t.Fatal("a proof without a digest")
		}
		for _, b := range p.Blocks {
			if b.Root != "" && len(b.Root) != 64 {
				t.Fatalf("a root of %d digits", len(b.Root))
			}
		}
	})
}
