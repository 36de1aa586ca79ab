// SPDX-License-Identifier: AGPL-3.0-or-later

package dossier_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/dossier"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/ledgertest"
	"github.com/kua-registry/kua/internal/paper"
	"github.com/kua-registry/kua/internal/timestamp"
	"github.com/kua-registry/kua/internal/timestamp/timestamptest"
)

var made = time.Date(2022, 6, 24, 9, 30, 0, 0, time.UTC)

const ledgerID = "00112233445566778899aabbccddeeff"

// register is a ledger of some entries with its key.
type register struct {
	key        ed25519.PrivateKey
	hashes     []tlog.Hash
	leaves     []tlog.Hash
	checkpoint []byte
}

type signer struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (s signer) Sign(text []byte) ([]byte, error) { return ed25519.Sign(s.key, text), nil }

type failer interface {
	Helper()
	Fatal(...any)
}

func (r *register) signer(t failer, name string) note.Signer {
	t.Helper()
	text, err := note.NewEd25519VerifierKey(name, r.key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(text)
	if err != nil {
		t.Fatal(err)
	}
	return signer{v, r.key}
}

func newRegister(t failer, size int) *register {
	t.Helper()
	r := &register{key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))}
	for i := range size {
		entry := fmt.Appendf(nil, "entry %d", i)
		stored, err := tlog.StoredHashes(int64(i), entry, r)
		if err != nil {
			t.Fatal(err)
		}
		r.hashes = append(r.hashes, stored...)
		r.leaves = append(r.leaves, tlog.RecordHash(entry))
	}
	root, err := tlog.TreeHash(int64(size), r)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("kua/ledger/%s\n%d\n%s\n", ledgerID, size, base64.StdEncoding.EncodeToString(root[:]))
	r.checkpoint, err = note.Sign(&note.Note{Text: text}, r.signer(t, "kua/ledger/"+ledgerID))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *register) ReadHashes(at []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(at))
	for i, n := range at {
		found[i] = r.hashes[n]
	}
	return found, nil
}

func (r *register) entry(t failer, i int) dossier.Entry {
	t.Helper()
	proof, err := tlog.ProveRecord(int64(len(r.leaves)), int64(i), r)
	if err != nil {
		t.Fatal(err)
	}
	e := dossier.Entry{Index: uint64(i), Leaf: r.leaves[i], About: "the report"}
	for _, h := range proof {
		e.Proof = append(e.Proof, h)
	}
	return e
}

func (r *register) bundle(t failer) dossier.Bundle {
	t.Helper()
	return dossier.Bundle{
		Lang: "en", Title: "Case 2", Made: made, Checkpoint: r.checkpoint,
		Key: r.key.Public().(ed25519.PublicKey), Signer: r.signer(t, "kua/bundle/"+ledgerID),
	}
}

func exhibit(name string, data []byte) dossier.Exhibit {
	return dossier.Exhibit{
		Title: "A file", Name: name, SHA256: sha256.Sum256(data), Size: int64(len(data)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
	}
}

// full is a bundle with all there is, in a language.
func full(t *testing.T, lang string) dossier.Bundle {
	r := newRegister(t, 11)
	b := r.bundle(t)
	b.Lang, b.Title, b.From = lang, "«Дело № 2»", "Invented Coalition"
	photo := bytes.Repeat([]byte("a picture "), 1000)
	b.Exhibits = []dossier.Exhibit{exhibit("фото с места.JPG", photo), exhibit("../../etc/\n\u202egpj.exe", []byte("x")), exhibit("", nil)}
	b.For, b.Gaps = "a court", []dossier.Gap{{Case: "2", Text: "A name is left out."}}
	b.Exhibits[0].Custody = dossier.Custody{Hands: []dossier.Handover{{When: "2022-01-07", What: "Received", From: "A. Samplova", To: "B. Exampleev", How: "in person", Seal: "no. 17", State: "whole", Gaps: []string{"by somebody who did not hold it"}}}, Digest: strings.Repeat("0a", 32)}
	b.Things = []dossier.Thing{{Title: "A jacket", Case: "2", Custody: b.Exhibits[0].Custody}}
	b.Forms = []dossier.Form{{Name: "../Complaint", Document: paper.Document{Lang: lang, Title: "Complaint", Blocks: []paper.Block{paper.Paragraph{Text: paper.Words("It was so.")}}}}}
	b.Cases = []dossier.Case{{Number: "2", Title: "Night of 5 January", People: []dossier.Person{{Role: "Victim", Name: "Sample"}, {Role: "Witness"}}, Events: []dossier.Event{
		{When: "2022-01-05", What: "Detained on the way home", Details: []string{"Officers: 3"}, Sources: []string{"statement of the person"}, Exhibits: []int{1, 2}},
		{When: "2022-01-11", What: "Complaint handed in"},
	}}}
	for _, i := range []int{0, 3, 7, 9, 10} {
		b.Entries = append(b.Entries, r.entry(t, i))
	}
	authority := timestamptest.New(t, func() time.Time { return made })
	for over, data := range [][]byte{r.checkpoint, photo} {
		token, err := timestamp.Parse(authority.Stamp(data, crypto.SHA256, true))
		if err != nil {
			t.Fatal(err)
		}
		b.Stamps = append(b.Stamps, dossier.Stamp{Exhibit: over, Token: token.Raw, Root: authority.RootPEM(), Time: token.Time, Authority: "Invented Authority"})
	}
	b.Chained = []dossier.Chained{
		{Proof: chained(b.Checkpoint)},
		{Exhibit: 2, Proof: chained([]byte("x")), Blocks: []dossier.Block{{Height: 900000, Root: strings.Repeat("ab", 32)}}},
	}
	return b
}

// chained is the beginning of a proof of OpenTimestamps, and an end that says nothing.
func chained(data []byte) []byte {
	sum := sha256.Sum256(data)
	return append([]byte("\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01\x08"), append(sum[:], "end"...)...)
}

func written(t failer, b dossier.Bundle) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := dossier.Write(&out, b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func unpacked(t failer, archive []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range z.File {
		from, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(from)
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := files[f.Name]; twice {
			t.Fatal("twice in the archive: " + f.Name)
		}
		files[f.Name] = data
	}
	return files
}

func lay(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// publicTools skips a test where what an expert has is not there.
func publicTools(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"sh", "sha256sum", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed: the bundle can't be checked with public tools here", tool)
		}
	}
	if v, err := exec.Command("openssl", "version").Output(); err != nil || !regexp.MustCompile(`^OpenSSL [3-9]`).Match(v) {
		t.Skipf("openssl is %q, not OpenSSL 3: the bundle can't be checked with public tools here", v)
	}
}

func run(t *testing.T, dir, command string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), "sh", "-c", command)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// check does what the README says, with nothing of this program.
func check(t *testing.T, dir string) (string, error) {
	t.Helper()
	return run(t, dir, `sed -n '/^#!/,/^# end/p' README.txt > check.sh && sh check.sh`)
}

func TestExpertChecksWithPublicTools(t *testing.T) {
	publicTools(t)
	for lang, good := range map[string]string{
		"en": "All of it is as the register signed it.", "ru": "Всё так, как подписал реестр.", "kk": "Бәрі тізілім қол қойған күйінде.",
	} {
		files := unpacked(t, written(t, full(t, lang)))
		dir := lay(t, files)
		if out, err := run(t, dir, "sha256sum -c SHA256SUMS"); err != nil {
			t.Errorf("%s: sha256sum: %v\n%s", lang, err, out)
		}
		out, err := check(t, dir)
		if err != nil || strings.Contains(out, "FAILED") || !strings.HasSuffix(strings.TrimSpace(out), good) {
			t.Errorf("%s: %v\n%s", lang, err, out)
		}
		for _, line := range []string{"proofs/checkpoint: OK", "manifest.note: OK", "proofs/05.tlog-proof: OK", "timestamps/01.tst: OK", "timestamps/02.tst: OK", "timestamps/01.ots: OK", "timestamps/02.ots: OK"} {
			if !strings.Contains(out, line) {
				t.Errorf("%s: the script does not say %q:\n%s", lang, line, out)
			}
		}
		// The fingerprint that the script prints is the one the README asks for.
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if fp := lines[len(lines)-2]; !strings.Contains(string(files["README.txt"]), fp) || len(fp) != 64 {
			t.Errorf("%s: fingerprint %q is not in the README", lang, fp)
		}
	}
}

// The tree has another shape at every size, and proofs of none to many hashes.
func TestExpertChecksEveryShapeOfTree(t *testing.T) {
	publicTools(t)
	for _, size := range []int{1, 2, 3, 6, 8, 13} {
		r := newRegister(t, size)
		b := r.bundle(t)
		for i := range size {
			b.Entries = append(b.Entries, r.entry(t, i))
		}
		if out, err := check(t, lay(t, unpacked(t, written(t, b)))); err != nil || strings.Count(out, ".tlog-proof: OK") != 2*size {
			t.Errorf("a ledger of %d: %v\n%s", size, err, out)
		}
	}
}

// What a real ledger proves, the expert's tools check: under an earlier
// checkpoint, too, when the ledger has grown on.
func TestExpertChecksARealLedger(t *testing.T) {
	publicTools(t)
	l := ledgertest.New(t, ledgertest.InMemory())
	stream := ledger.NewID()
	for version := range uint64(5) {
		if err := l.Write(t, l.Draft(stream, version+1, "a record")); err != nil {
			t.Fatal(err)
		}
	}
	head := l.Head()
	if err := l.Write(t, l.Draft(stream, 6, "written later")); err != nil {
		t.Fatal(err)
	}
	signer, err := ledger.BundleSigner(l.ID(), l.Node)
	if err != nil {
		t.Fatal(err)
	}
	b := dossier.Bundle{
		Lang: "kk", Title: "№ 2", Made: made, Checkpoint: head.Checkpoint, Key: l.Node.Public().Signing(), Signer: signer,
		Exhibits: []dossier.Exhibit{exhibit("сурет.png", []byte("a picture"))},
	}
	for pos := range head.Size {
		p, err := l.Prove(t.Context(), head, pos)
		if err != nil {
			t.Fatal(err)
		}
		e := dossier.Entry{Index: p.Pos, Leaf: p.Leaf, About: "a record"}
		for _, h := range p.Path {
			e.Proof = append(e.Proof, h)
		}
		b.Entries = append(b.Entries, e)
	}
	if out, err := check(t, lay(t, unpacked(t, written(t, b)))); err != nil || strings.Count(out, ".tlog-proof: OK") != 2*len(b.Entries) || len(b.Entries) < 5 {
		t.Errorf("%v\n%s", err, out)
	}
}

// One bit changed anywhere is named, and so is a file too many or too few.
func TestOneBitFails(t *testing.T) {
	publicTools(t)
	files := unpacked(t, written(t, full(t, "en")))
	dir := lay(t, files)
	if out, err := check(t, dir); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for name, data := range files {
		if len(data) == 0 {
			continue
		}
		path := filepath.Join(dir, name)
		bit := random.IntN(8 * len(data))
		altered := slices.Clone(data)
		altered[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, altered, 0o600); err != nil {
			t.Fatal(err)
		}
		// The script is the one of the README as it was.
		if out, err := run(t, dir, "sh check.sh"); err == nil || !strings.Contains(out, "FAILED") {
			t.Errorf("bit %d of %s is another, and the script ends with %v:\n%s", bit, name, err, out)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "exhibits", "04-more.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, dir, "sh check.sh"); err == nil || !strings.Contains(out, "exhibits/04-more.txt") || !strings.Contains(out, "no file added: FAILED") {
		t.Errorf("a file was added, and the script ends well:\n%s", out)
	}
}

// Whoever makes the list anew after an alteration can't sign it; each part of
// the check stands for itself.
func TestForgedListFails(t *testing.T) {
	publicTools(t)
	for name, alter := range map[string]func(files map[string][]byte){
		"proofs/02.tlog-proof": func(f map[string][]byte) {
			leaf := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{9}, 32))
			f["proofs/02.tlog-proof"] = regexp.MustCompile(`extra .*`).ReplaceAll(f["proofs/02.tlog-proof"], []byte("extra "+leaf))
		},
		"proofs/03.tlog-proof": func(f map[string][]byte) {
			f["proofs/03.tlog-proof"] = regexp.MustCompile(`index \d+`).ReplaceAll(f["proofs/03.tlog-proof"], []byte("index 6"))
		},
		"proofs/checkpoint": func(f map[string][]byte) {
			f["proofs/checkpoint"] = bytes.Replace(f["proofs/checkpoint"], []byte("\n11\n"), []byte("\n12\n"), 1)
		},
		"timestamps/01.tst": func(f map[string][]byte) { f["timestamps/01.tst"] = f["timestamps/02.tst"] },
		"timestamps/01.ots": func(f map[string][]byte) { f["timestamps/01.ots"] = f["timestamps/02.ots"] },
		"manifest.note": func(f map[string][]byte) { // a checkpoint is signed by the key, too
			f["manifest.note"] = bytes.ReplaceAll(f["proofs/checkpoint"], []byte("kua/ledger"), []byte("kua/bundle"))
		},
	} {
		files := unpacked(t, written(t, full(t, "en")))
		alter(files)
		var sums bytes.Buffer
		for other, data := range files {
			if other != "SHA256SUMS" && other != "manifest.note" {
				fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(data), other)
			}
		}
		files["SHA256SUMS"] = sums.Bytes()
		out, err := check(t, lay(t, files))
		if err == nil || !strings.Contains(out, name+": FAILED") || !strings.Contains(out, "manifest.note: FAILED") {
			t.Errorf("%s was forged: %v\n%s", name, err, out)
		}
	}
}

func TestSameBundleSameBytes(t *testing.T) {
	b := full(t, "kk")
	one := written(t, b)
	b.Made = b.Made.Add(time.Millisecond).In(time.FixedZone("", 6*3600))
	if !bytes.Equal(one, written(t, b)) {
		t.Error("the same bundle has other bytes")
	}
}

func TestWrongBundleIsRefused(t *testing.T) {
	for want, spoil := range map[string]func(b *dossier.Bundle){
		"exhibit 1 is not the file": func(b *dossier.Bundle) { b.Exhibits[0].SHA256[3]++ },
		"exhibit 2 is not the file": func(b *dossier.Bundle) { b.Exhibits[1].Size = 0 },
		"opening exhibit 1": func(b *dossier.Bundle) {
			b.Exhibits[0].Open = func() (io.ReadCloser, error) { return nil, errors.New("gone") }
		},
		"chronology names exhibit": func(b *dossier.Bundle) { b.Cases[0].Events[0].Exhibits = []int{4} },
		"entry 2 of the bundle":    func(b *dossier.Bundle) { b.Entries[1].Leaf[0]++ },
		"entry 1 of the bundle":    func(b *dossier.Bundle) { b.Entries[0].Index = 1 << 63 },
		"register's key alone": func(b *dossier.Bundle) {
			b.Checkpoint = bytes.Replace(b.Checkpoint, []byte("\n11\n"), []byte("\n12\n"), 1)
		},
		"no signer": func(b *dossier.Bundle) { b.Signer = nil },
		"another key": func(b *dossier.Bundle) {
			b.Signer = (&register{key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32))}).signer(t, b.Signer.Name())
		},
		"no token":            func(b *dossier.Bundle) { b.Stamps[0].Token = []byte("no") },
		"of other data":       func(b *dossier.Bundle) { b.Chained[0].Exhibit = 1 },
		"none, or of":         func(b *dossier.Bundle) { b.Chained[0].Proof = []byte("no") },
		"over exhibit 9":      func(b *dossier.Bundle) { b.Chained[0].Exhibit = 9 },
		"no root certificate": func(b *dossier.Bundle) { b.Stamps[0].Root = nil },
		"en, ru or kk":        func(b *dossier.Bundle) { b.Lang = "de" },
		"of the year 1":       func(b *dossier.Bundle) { b.Made = time.Time{} },
	} {
		b := full(t, "en")
		spoil(&b)
		var out bytes.Buffer
		err := dossier.Write(&out, b)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err == nil && slices.ContainsFunc(z.File, func(f *zip.File) bool { return f.Name == "README.txt" }) { // a file in it may be a zip
			t.Errorf("%s: what was written opens", want)
		}
	}
}

func TestSealed(t *testing.T) {
	b := full(t, "ru")
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	phrase, err := age.NewScryptRecipient("eight words that nobody guesses")
	if err != nil {
		t.Fatal(err)
	}
	phrase.SetWorkFactor(10)
	open, err := age.NewScryptIdentity("eight words that nobody guesses")
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range []struct {
		to age.Recipient
		by age.Identity
	}{{id.Recipient(), id}, {phrase, open}} {
		var out bytes.Buffer
		if err := dossier.Seal(&out, b, way.to); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(out.Bytes(), []byte("README")) {
			t.Error("a sealed bundle shows what is in it")
		}
		plain, err := age.Decrypt(&out, way.by)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(plain)
		if err != nil || !bytes.Equal(data, written(t, b)) {
			t.Errorf("what was sealed does not open to the bundle: %v", err)
		}
	}
	if err := dossier.Seal(io.Discard, b); err == nil {
		t.Error("a bundle was sealed to nobody")
	}
}

// An exhibit is streamed: of 64 MiB, a small part is held at any time.
func TestExhibitIsStreamed(t *testing.T) {
	const size = 64 << 20
	hash := sha256.New()
	if _, err := io.CopyN(hash, zeros{}, size); err != nil {
		t.Fatal(err)
	}
	b := newRegister(t, 1).bundle(t)
	w := &watched{}
	b.Exhibits = []dossier.Exhibit{{Name: "long.mp4", Size: size, SHA256: [32]byte(hash.Sum(nil)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.TeeReader(io.LimitReader(zeros{}, size), &w.read)), nil
	}}}
	if err := dossier.Write(w, b); err != nil {
		t.Fatal(err)
	}
	if w.most > 1<<20 {
		t.Errorf("%d bytes were read before they were written", w.most)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type count int64

func (c *count) Write(p []byte) (int, error) { *c += count(len(p)); return len(p), nil }

// watched sees how far reading is ahead of writing.
type watched struct {
	read, written count
	most          count
}

func (w *watched) Write(p []byte) (int, error) {
	w.most = max(w.most, w.read-w.written)
	return w.written.Write(p)
}

var safe = regexp.MustCompile(`^exhibits/\d{2,}-[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)?$`)

// Whatever a bundle is named and filled with, it is whole: every file listed
// with its hash, every name safe, the README's script the one there is.
func TestBundlesOfAnySort(t *testing.T) {
	hostile := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"../../x", "a/b\\c.jpg", "con", "NUL.txt", "\u202egpj.exe", "a\nb", "-rf", ".", "..", ".htaccess", "\xff\xfe", "#!/bin/sh", "\n#!/bin/sh\nexit 0\n# end\n",
		"<script>alert(1)</script>", "$(touch x)", "`x`", "'\"", strings.Repeat("ж", 5000), "фото.JPG", "é.png", "a\x00b",
	}))
	script := ""
	rapid.Check(t, func(t *rapid.T) {
		r := newRegister(t, rapid.IntRange(1, 9).Draw(t, "size"))
		b := r.bundle(t)
		b.Lang = rapid.SampledFrom([]string{"en", "ru", "kk"}).Draw(t, "lang")
		b.Title, b.From = hostile.Draw(t, "title"), hostile.Draw(t, "from")
		for i := range rapid.IntRange(0, 4).Draw(t, "exhibits") {
			e := exhibit(hostile.Draw(t, "name"), []byte(rapid.String().Draw(t, "data")))
			e.Title, e.Media, e.Case = hostile.Draw(t, "exhibit"), hostile.Draw(t, "media"), hostile.Draw(t, "of")
			e.Hands = []dossier.Handover{{When: hostile.Draw(t, "when"), To: hostile.Draw(t, "to"), Gaps: []string{hostile.Draw(t, "gap")}}}
			b.Exhibits = append(b.Exhibits, e)
			b.Cases = append(b.Cases, dossier.Case{Number: hostile.Draw(t, "number"), Events: []dossier.Event{{What: hostile.Draw(t, "what"), Sources: []string{hostile.Draw(t, "source")}, Exhibits: []int{i + 1}}}})
		}
		b.For, b.Gaps, b.Things = hostile.Draw(t, "for"), []dossier.Gap{{Text: hostile.Draw(t, "left out")}}, []dossier.Thing{{Title: hostile.Draw(t, "thing")}}
		b.Forms = []dossier.Form{{Name: hostile.Draw(t, "form"), Document: paper.Document{Lang: b.Lang, Title: hostile.Draw(t, "form title")}}}
		for i := range rapid.IntRange(0, len(r.leaves)).Draw(t, "entries") {
			e := r.entry(t, i)
			e.About = hostile.Draw(t, "about")
			b.Entries = append(b.Entries, e)
		}
		files := unpacked(t, written(t, b))

		listed := 0
		for _, line := range strings.Split(strings.TrimSuffix(string(files["SHA256SUMS"]), "\n"), "\n") {
			sum, name, ok := strings.Cut(line, "  ")
			data, there := files[name]
			if !ok || !there || fmt.Sprintf("%x", sha256.Sum256(data)) != sum {
				t.Fatalf("SHA256SUMS has %q", line)
			}
			listed++
		}
		if listed != len(files)-2 {
			t.Fatalf("SHA256SUMS has %d of %d files", listed, len(files)-2)
		}
		var exhibits int
		for name := range files {
			if strings.HasPrefix(name, "exhibits/") {
				exhibits++
				if !safe.MatchString(name) || len(name) > 100 {
					t.Fatalf("the name %q", name)
				}
			}
		}
		if exhibits != len(b.Exhibits) {
			t.Fatalf("%d exhibits of %d", exhibits, len(b.Exhibits))
		}
		if _, err := note.Open(files["manifest.note"], note.VerifierList(b.Signer.(signer).Verifier)); err != nil {
			t.Fatal(err)
		}
		if !json.Valid(files["manifest.json"]) {
			t.Fatal("manifest.json is no JSON")
		}
		if bytes.Contains(files["index.html"], []byte("<script>alert")) {
			t.Fatal("text became markup")
		}
		// What `sed -n '/^#!/,/^# end/p'` takes out is always the same.
		found := regexp.MustCompile(`(?ms)^#!.*?^# end$`).FindAllString(string(files["README.txt"]), -1)
		if len(found) != 1 {
			t.Fatalf("%d scripts in the README", len(found))
		}
		lines := strings.Split(found[0], "\n")
		body := strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, "bad = 0") }), "\n")
		if script != "" && body != script {
			t.Fatal("the script depends on the bundle")
		}
		script = body
	})
}
