// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/kua-registry/kua/examples"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/timestamp/timestamptest"
)

// bundleTools skips a test where what an expert has is not there.
func bundleTools(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"sh", "sha256sum", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed: a bundle can't be checked with public tools here", tool)
		}
	}
	if v, err := exec.Command("openssl", "version").Output(); err != nil || !regexp.MustCompile(`^OpenSSL [3-9]`).Match(v) {
		t.Skipf("openssl is %q, not OpenSSL 3: a bundle can't be checked with public tools here", v)
	}
}

const vanPhoto = "\xff\xd8\xff\xe0 a picture that nobody has taken"

// vanRegister is a register with the second of the three stories, the man who
// was beaten in a police van: his consent, a photograph of the bruises that his
// lawyer took, a jacket, who held them, and time stamps. It answers the number
// of the case.
func vanRegister(t *testing.T, dir, passphrase string) (number string) {
	t.Helper()
	ctx := context.Background()
	p := &program{now: func() time.Time { return today }, stretch: quick(), rulebook: rulebook, err: os.Stderr}
	reg, s, err := registry.Create(ctx, dir, registry.FirstMember{Name: "aigerim", Lang: "ru", Passphrase: passphrase}, p.options())
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	story, err := examples.Files.ReadFile("stories/2-van.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "2-van.yaml")
	if err := os.WriteFile(path, story, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.importList(ctx, reg, s, path, listFlags{}, "", false); err != nil {
		t.Fatal(err)
	}
	found, err := reg.Cases(ctx, s, registry.Query{Limit: 10})
	if err != nil || len(found.Rows) != 1 {
		t.Fatalf("%d cases, %v", len(found.Rows), err)
	}
	id := found.Rows[0].ID
	put := func(kind string, fields casefile.Fields) string {
		t.Helper()
		record, err := reg.PutRecord(ctx, s, registry.RecordChange{Case: id, Kind: kind, Fields: fields, Source: "the lawyer's file"})
		if err != nil {
			t.Fatal(err)
		}
		return record
	}
	put("consent", casefile.Fields{"purpose": {"litigation"}, "state": {"given"}, "given": {"2022-06-20"}})
	photo := put("evidence", casefile.Fields{"kind": {"photo"}, "date": {"2022-01-05"}, "description": {"Bruises on the back of the neck"}})
	jacket := put("evidence", casefile.Fields{"kind": {"clothing"}, "description": {"His jacket, with a torn collar"}})
	for _, of := range []string{photo, jacket} {
		put("handover", casefile.Fields{"evidence": {of}, "event": {"received"}, "date": {"2022-01-06"}, "from_role": {"victim"}, "to": {"Sample Lawyer"}, "to_role": {"lawyer"}, "how": {"in_person"}, "state": {"unchanged"}})
	}
	put("handover", casefile.Fields{"evidence": {jacket}, "event": {"transferred"}, "date": {"2022-02-01"}, "from": {"Sample Other"}, "to": {"Sample Expert"}, "to_role": {"court"}, "seal": {"A-17"}})
	file, err := reg.AddFile(ctx, s, id, registry.NewFile{Evidence: photo, Name: "шея 5 января.JPG", Content: strings.NewReader(vanPhoto)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reg.AddFile(ctx, s, id, registry.NewFile{Name: "../../sms.txt", Content: strings.NewReader("Дело прекращено.")}); err != nil {
		t.Fatal(err)
	}
	tsa := timestamptest.New(t, func() time.Time { return today })
	server := httptest.NewServer(tsa)
	defer server.Close()
	if err := reg.SetTimeAuthority(ctx, s, registry.TimeAuthority{Name: "invented", Address: server.URL, Roots: string(tsa.RootPEM())}); err != nil {
		t.Fatal(err)
	}
	view, err := reg.Case(ctx, s, id, registry.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	evidence := view.Records[slices.IndexFunc(view.Records, func(r *casefile.Record) bool { return r.ID == photo })]
	fields := casefile.Fields{"sha256": {file.SHA256}}
	for field, values := range evidence.Fields {
		fields[field] = values
	}
	if _, err := reg.PutRecord(ctx, s, registry.RecordChange{Case: id, Record: photo, Kind: "evidence", Fields: fields, Seen: len(evidence.History), Reason: "its digest"}); err != nil {
		t.Fatal(err)
	}
	if _, err := reg.StampFile(ctx, s, id, photo, "", askAuthority); err != nil {
		t.Fatal(err)
	}
	if _, err := reg.AddFileStamp(ctx, s, id, photo, otsProof([]byte(vanPhoto))); err != nil {
		t.Fatal(err)
	}
	stamp, err := reg.StampNow(ctx, s, "", askAuthority)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reg.AddStamp(ctx, s, []byte(stamp.Checkpoint), otsProof([]byte(stamp.Checkpoint))); err != nil {
		t.Fatal(err)
	}
	return found.Rows[0].Number
}

// unsealed opens a sealed bundle as its reader does, and lays its files out.
func unsealed(t *testing.T, path string, by age.Identity) string {
	t.Helper()
	sealed, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer sealed.Close()
	plain, err := age.Decrypt(sealed, by)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, z); err != nil {
		t.Fatal(err)
	}
	return dir
}

func inShell(dir, command string) (string, error) {
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestBundleOfTheSecondStory goes the whole way: a case with files, custody and
// time stamps becomes a bundle at the command line, its reader opens it with age
// and checks it with sha256sum, openssl and the script of its README. What is
// altered afterwards, the script names.
func TestBundleOfTheSecondStory(t *testing.T) {
	bundleTools(t)
	dir := filepath.Join(t.TempDir(), "register")
	passphrase := filepath.Join(t.TempDir(), "passphrase")
	if err := os.WriteFile(passphrase, []byte(founderPassphrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	number := vanRegister(t, dir, founderPassphrase)
	reader, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "bundle.age")
	var made bundleAnswer
	answer(t, &made, "dossier", number, "--for", "court", "--lang", "en", "--whom", "the city court", "--reason", "an appeal", "--to", reader.Recipient().String(),
		"--out", out, "--registry", dir, "--passphrase-file", passphrase, "--json")
	if made.Exhibits != 2 || made.Stamped == "" || made.Entries < 20 || len(made.Forms) == 0 || made.Sealed != registry.SealedToKey {
		t.Errorf("%+v", made)
	}
	there := unsealed(t, out, reader)
	said, err := inShell(there, `sed -n '/^#!/,/^# end/p' README.txt > check.sh && sh check.sh`)
	if err != nil || strings.Contains(said, "FAILED") || !strings.HasSuffix(strings.TrimSpace(said), "All of it is as the register signed it.") || !strings.Contains(said, made.Fingerprint) {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, line := range []string{"proofs/checkpoint: OK", "manifest.note: OK", "timestamps/01.tst: OK", "timestamps/02.tst: OK", "timestamps/01.ots: OK", "timestamps/02.ots: OK", "exhibits/01-sheya-5-yanvarya.JPG: OK", "exhibits/02-sms.txt: OK"} {
		if !strings.Contains(said, line) {
			t.Errorf("the script does not say %q:\n%s", line, said)
		}
	}
	if strings.Count(said, ".tlog-proof: OK") != 2*made.Entries {
		t.Errorf("%d entries:\n%s", made.Entries, said)
	}
	index, err := os.ReadFile(filepath.Join(there, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Detention", "Number of officers", "146 part 2", "the lawyer&#39;s file", "Bruises on the back of the neck", "by somebody who did not hold it", "A name is left out (Lawyer)", "A-17", "Proofs of OpenTimestamps", ">900000<"} {
		if !strings.Contains(string(index), want) {
			t.Errorf("the index does not say %q", want)
		}
	}
	// What is altered afterwards is named, each by itself.
	forged := []string{"exhibits/01-sheya-5-yanvarya.JPG", "manifest.json", "proofs/05.tlog-proof", "timestamps/02.tst", "timestamps/02.ots", "index.pdf"}
	for _, name := range forged {
		path := filepath.Join(there, filepath.FromSlash(name))
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data[min(len(data)/2, 40)] ^= 1
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if said, err = inShell(there, "sh check.sh"); err == nil {
		t.Errorf("what was altered is well:\n%s", said)
	}
	for _, name := range append(forged, "manifest.note") {
		if !strings.Contains(said, name+": FAILED") {
			t.Errorf("%s was altered, and is not named:\n%s", name, said)
		}
	}
	if strings.Contains(said, "exhibits/02-sms.txt: FAILED") || strings.Count(said, "proofs/05.tlog-proof: FAILED") != 2 || strings.Count(said, "timestamps/02.tst: FAILED") != 2 {
		t.Errorf("what was altered is not told from the rest:\n%s", said)
	}
}

// TestBundleToAPassphrase: what one person types opens it; without a consent to
// that purpose no file leaves.
func TestBundleToAPassphrase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "register")
	at := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(at, name)
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const words = "eight invented words that nobody will ever guess"
	number := vanRegister(t, dir, founderPassphrase)
	out := filepath.Join(at, "bundle.age")
	var made bundleAnswer
	answer(t, &made, "dossier", number, "--for", "lawyer", "--lang", "ru", "--whom", "the lawyer", "--reason", "to defend him", "--seal-file", write("seal", words),
		"--out", out, "--registry", dir, "--passphrase-file", write("passphrase", founderPassphrase), "--json")
	if made.Sealed != registry.SealedToPassphrase || made.Exhibits != 0 { // no consent to that
		t.Errorf("%+v", made)
	}
	by, err := age.NewScryptIdentity(words)
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(unsealed(t, out, by), "README.txt"))
	if err != nil || !bytes.Contains(readme, []byte("Изъято или недостаёт")) {
		t.Errorf("%s, %v", readme, err)
	}
	if left, err := filepath.Glob(filepath.Join(at, ".bundle-*")); err != nil || len(left) > 0 {
		t.Errorf("%q is left, %v", left, err)
	}
}
