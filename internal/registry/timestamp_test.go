// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/timestamp/timestamptest"
)

// stamped is a register with an authority, and a case with a file of a known digest.
func stamped(t *testing.T) (g *register, tsa *timestamptest.Authority, ask Ask, evidence string) {
	t.Helper()
	ctx := context.Background()
	g = newRegister(t)
	tsa = timestamptest.New(t, g.now)
	ask = func(_ context.Context, address string, query []byte) ([]byte, error) {
		if address != "http://tsa.sample.example" {
			t.Errorf("%q is asked", address)
		}
		return tsa.Answer(query), nil
	}
	admin := g.join("admin", []access.Role{access.Administrator})
	if err := g.SetTimeAuthority(ctx, admin, TimeAuthority{Name: "invented", Address: "http://tsa.sample.example", Roots: string(tsa.RootPEM())}); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("a film"))
	evidence, err := g.PutRecord(ctx, g.session, RecordChange{Case: g.cases[0], Kind: "evidence", Fields: casefile.Fields{"kind": {"video"}, "sha256": {hex.EncodeToString(digest[:])}}})
	if err != nil {
		t.Fatal(err)
	}
	return g, tsa, ask, evidence
}

func TestStampsOfTheRegister(t *testing.T) {
	g, tsa, ask, _ := stamped(t)
	ctx := context.Background()
	stamp, err := g.StampNow(ctx, g.session, "", ask)
	if err != nil {
		t.Fatal(err)
	}
	if stamp.Outcome != "good" || stamp.Authority != "Invented authority" || strings.Count(stamp.Chain, "BEGIN CERTIFICATE") != 2 {
		t.Errorf("%+v", stamp)
	}
	checkpoint, err := g.Checkpoint(ctx, g.session)
	if err != nil {
		t.Fatal(err)
	}
	proof := "\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01\x08"
	sum := sha256.Sum256(checkpoint)
	proof += string(sum[:]) + "\xf0\x04salt\x08\x00\x05\x88\x96\x0d\x73\xd7\x19\x01\x03\xb5\xe4\x2c"
	for _, token := range [][]byte{tsa.Stamp(checkpoint, crypto.SHA512, true), []byte(proof)} {
		if _, err := g.AddStamp(ctx, g.session, checkpoint, token); err != nil {
			t.Error(err)
		}
	}
	other := append(slices.Clone(checkpoint), '\n')
	altered := tsa.Stamp(checkpoint, crypto.SHA256, true)
	altered[len(altered)-1] ^= 1
	for what, token := range map[string][]byte{
		"altered": altered, "of other data": tsa.Stamp(other, crypto.SHA256, true), "without its certificate": tsa.Stamp(checkpoint, crypto.SHA256, false),
		"no token": []byte("x"), "a proof of other data": []byte(strings.Replace(proof, string(sum[:]), strings.Repeat("x", 32), 1)),
	} {
		var bad *BadStampError
		if _, err := g.AddStamp(ctx, g.session, checkpoint, token); !errors.As(err, &bad) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := g.AddStamp(ctx, g.session, other, tsa.Stamp(other, crypto.SHA256, true)); !errors.Is(err, ErrNotCheckpoint) {
		t.Errorf("over no checkpoint: %v", err)
	}
	all, err := g.TimeStamps(ctx, g.session)
	if err != nil || len(all) != 3 {
		t.Fatalf("%d time stamps, %v", len(all), err)
	}
	if v, err := g.Verify(ctx, g.session, true); err != nil || v.Problem != "" || v.Stamps != 3 {
		t.Errorf("%+v, %v", v, err)
	}
	if err := g.RemoveTimeAuthority(ctx, g.join("other admin", []access.Role{access.Administrator}), "invented"); err != nil {
		t.Fatal(err)
	}
	if all, err = g.TimeStamps(ctx, g.session); err != nil || all[0].Outcome != "unverified" || !strings.Contains(all[0].Why, "not anchored") {
		t.Errorf("%+v, %v", all[0], err)
	}
}

// TestBadStampIsNamedRegression puts bad time stamps into the ledger past the
// door that refuses them: verifying names each.
func TestBadStampIsNamedRegression(t *testing.T) {
	ctx := context.Background()
	for what, bad := range map[string]func(g *register, tsa *timestamptest.Authority, checkpoint []byte) (string, []byte){
		"its signature is not right": func(_ *register, tsa *timestamptest.Authority, checkpoint []byte) (string, []byte) {
			token := tsa.Stamp(checkpoint, crypto.SHA256, true)
			token[len(token)-1] ^= 1
			return string(checkpoint), token
		},
		"it covers other data": func(_ *register, tsa *timestamptest.Authority, checkpoint []byte) (string, []byte) {
			return string(checkpoint), tsa.Stamp([]byte("other"), crypto.SHA256, true)
		},
		"was not signed by this register": func(_ *register, tsa *timestamptest.Authority, checkpoint []byte) (string, []byte) {
			other := bytes.Replace(checkpoint, []byte("\n"), []byte("0\n"), 1)
			return string(other), tsa.Stamp(other, crypto.SHA256, true)
		},
	} {
		g, tsa, _, _ := stamped(t)
		text, token := bad(g, tsa, g.log.Head().Checkpoint)
		id := ledger.NewID().String()
		g.writing.Lock()
		err := g.write(ctx, g.session, []act{{stream: id, puts: []Put{{Record: id, Kind: stampKind, Fields: casefile.Fields{
			"form": {RFC3161}, "entries": {"1"}, "checkpoint": {text}, "token": {base64.StdEncoding.EncodeToString(token)}}}}}})
		g.writing.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		if v, err := g.Verify(ctx, g.session, false); err != nil || !strings.Contains(v.Problem, what) || !strings.Contains(v.Problem, id) {
			t.Errorf("%s: %q, %v", what, v.Problem, err)
		}
	}
}

func TestStampsOfFiles(t *testing.T) {
	g, tsa, ask, evidence := stamped(t)
	ctx := context.Background()
	id := g.cases[0]
	if _, err := g.StampFile(ctx, g.session, id, evidence, "invented", ask); err != nil {
		t.Fatal(err)
	}
	if _, err := g.AddFileStamp(ctx, g.session, id, evidence, tsa.Stamp([]byte("a film"), crypto.SHA256, true)); err != nil {
		t.Fatal(err)
	}
	var bad *BadStampError
	if _, err := g.AddFileStamp(ctx, g.session, id, evidence, tsa.Stamp([]byte("another film"), crypto.SHA256, true)); !errors.As(err, &bad) {
		t.Errorf("of another file: %v", err)
	}
	if _, err := g.AddFileStamp(ctx, g.session, g.cases[1], evidence, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("of another case: %v", err)
	}
	all, err := g.FileStamps(ctx, g.session, id)
	if err != nil || len(all) != 2 || all[0].Outcome != "good" || all[1].Outcome != "good" || all[0].Evidence != evidence {
		t.Errorf("%+v, %v", all, err)
	}
	for _, who := range []*access.Session{g.join("counter", []access.Role{access.Analyst}), g.join("south", []access.Role{access.CaseWorker})} {
		if all, err := g.FileStamps(ctx, who, id); err == nil {
			t.Errorf("%s sees %d time stamps of a case", who.Member.Name, len(all))
		}
	}
	if err := g.Write(ctx, g.session, id, []Put{{Record: all[0].ID, Kind: fileStampKind, Fields: casefile.Fields{"evidence": {evidence}, "form": {RFC3161}, "sha256": {"x"}, "token": {"x"}}}}, nil, "", ""); err == nil {
		t.Error("a time stamp is written as a record")
	}
	view, err := g.Case(ctx, g.session, id, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(view.Records, func(r *casefile.Record) bool { return r.ID == evidence })
	changed := view.Records[i].Fields
	changed["sha256"] = []string{strings.Repeat("0", 64)}
	if _, err := g.PutRecord(ctx, g.session, RecordChange{Case: id, Record: evidence, Kind: "evidence", Fields: changed, Seen: 1, Reason: "swapped"}); err != nil {
		t.Fatal(err)
	}
	if v, err := g.Verify(ctx, g.session, true); err != nil || !strings.Contains(v.Problem, "another SHA-256") {
		t.Errorf("a file that was swapped under its time stamp: %q, %v", v.Problem, err)
	}
}

// TestStampsOfKeptFiles: time stamps over files of the register itself, by their
// own ids, and what one bit does to them.
func TestStampsOfKeptFiles(t *testing.T) {
	g, tsa, ask, evidence := stamped(t)
	ctx := context.Background()
	id := g.cases[0]
	film, err := g.AddFile(ctx, g.session, id, NewFile{Evidence: evidence, Name: "film.mp4", Content: strings.NewReader("a film")})
	if err != nil {
		t.Fatal(err)
	}
	loose, err := g.AddFile(ctx, g.session, id, NewFile{Name: "loose.txt", Content: strings.NewReader("of no evidence")})
	if err != nil {
		t.Fatal(err)
	}
	query, err := g.FileQuery(ctx, g.session, id, loose.ID)
	if err != nil {
		t.Fatal(err)
	}
	answer := tsa.Answer(query)
	if _, err := g.AddFileStamp(ctx, g.session, id, loose.ID, answer); err != nil {
		t.Fatal(err)
	}
	var bad *BadStampError
	if _, err := g.AddFileStamp(ctx, g.session, id, film.ID, answer); !errors.As(err, &bad) || bad.Outcome != "wrong-data" {
		t.Errorf("over another file: %v", err)
	}
	if stamp, err := g.StampFile(ctx, g.session, id, film.ID, "", ask); err != nil || stamp.File != film.ID || stamp.Evidence != evidence {
		t.Errorf("%+v, %v", stamp, err)
	}
	all, err := g.FileStamps(ctx, g.session, id)
	if err != nil || len(all) != 2 || all[0].Outcome != "good" || all[0].File != loose.ID || all[0].Evidence != "" || all[1].Outcome != "good" {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := g.FileQuery(ctx, g.session, g.cases[1], loose.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("a file of another case: %v", err)
	}
	if v, err := g.Verify(ctx, g.session, true); err != nil || v.Problem != "" || v.Stamps != 2 {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestBadFileStampIsNamedRegression: one bit changed in the token over a file is
// named, and of which case, when everything is verified.
func TestBadFileStampIsNamedRegression(t *testing.T) {
	g, tsa, _, evidence := stamped(t)
	ctx := context.Background()
	token := tsa.Stamp([]byte("a film"), crypto.SHA256, true)
	token[len(token)-1] ^= 1
	digest := sha256.Sum256([]byte("a film"))
	id := ledger.NewID().String()
	g.writing.Lock()
	err := g.write(ctx, g.session, []act{{stream: g.cases[0], puts: []Put{{Record: id, Kind: fileStampKind, Fields: casefile.Fields{
		"evidence": {evidence}, "form": {RFC3161}, "sha256": {hex.EncodeToString(digest[:])}, "token": {base64.StdEncoding.EncodeToString(token)}}}}}})
	g.writing.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if v, err := g.Verify(ctx, g.session, true); err != nil || !strings.Contains(v.Problem, id) || !strings.Contains(v.Problem, g.cases[0]) || !strings.Contains(v.Problem, "its signature is not right") {
		t.Errorf("%q, %v", v.Problem, err)
	}
}
