// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/custody"
	"github.com/kua-registry/kua/internal/dossier"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/paper"
	"github.com/kua-registry/kua/internal/timestamp/timestamptest"
)

// handed is a register with a case that can be handed over. Its people are invented.
type handed struct {
	*register
	tsa     *timestamptest.Authority
	id      string
	victim  string
	witness string
	jacket  string
	film    string // evidence with a file
	file    FileView
}

const filmText = "a film of the gate"

func newHanded(t *testing.T) *handed {
	t.Helper()
	ctx := context.Background()
	h := &handed{register: newRegister(t)}
	h.tsa = timestamptest.New(t, h.now)
	h.id = h.cases[0]
	if err := h.SetTimeAuthority(ctx, h.join("admin", []access.Role{access.Administrator}), TimeAuthority{Name: "invented", Address: "http://tsa.sample.example", Roots: string(h.tsa.RootPEM())}); err != nil {
		t.Fatal(err)
	}
	file, err := h.fromLedger(ctx, h.id)
	if err != nil {
		t.Fatal(err)
	}
	h.victim = victimOf(file)
	h.witness = h.put("person", casefile.Fields{"role": {"witness"}, "family": {"Куәгеров"}, "given": {"Сырбай"}})
	h.film = h.put("evidence", casefile.Fields{"kind": {"video"}, "description": {"film of the gate"}})
	h.jacket = h.put("evidence", casefile.Fields{"kind": {"clothing"}, "description": {"a jacket"}})
	h.put("detention", casefile.Fields{"from": {"2022-01-05"}, "body": {"police"}, "officers": {"3"}, "city": {"Sampletown"}, "place": {"behind the house of Kuagerova"}, "evidence": {h.film}})
	h.put(custody.Kind, casefile.Fields{"evidence": {h.film}, "event": {"received"}, "date": {"2022-01-12"}, "from": {"Сырбаю Куәгеровке"}, "from_role": {"victim"}, "to": {"Receiving Sample"}, "to_role": {"us"}})
	h.put(custody.Kind, casefile.Fields{"evidence": {h.jacket}, "event": {"received"}, "date": {"2022-01-13"}, "from_role": {"victim"}, "to": {"Receiving Sample"}, "seal": {"A-17"}})
	if h.file, err = h.AddFile(ctx, h.session, h.id, NewFile{Evidence: h.film, Name: "Kuagerov gate.mp4", Content: strings.NewReader(filmText)}); err != nil {
		t.Fatal(err)
	}
	h.put("task", casefile.Fields{"kind": {"contact_victim"}, "status": {"open"}, "text": {"between ourselves"}})
	return h
}

func (h *handed) put(kind string, fields casefile.Fields) string {
	h.t.Helper()
	id, err := h.PutRecord(context.Background(), h.session, RecordChange{Case: h.id, Kind: kind, Fields: fields, Source: "told by her"})
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

func (h *handed) consent(person, purpose, state string) {
	h.t.Helper()
	f := casefile.Fields{"purpose": {purpose}, "state": {state}, "given": {"2022-06-01"}, "scope": {"not her street"}}
	if person != "" {
		f["person"] = []string{person}
	}
	h.put("consent", f)
}

func (h *handed) query(of string) BundleQuery {
	return BundleQuery{Cases: []string{h.id}, For: of, Lang: "en", To: "Somebody at the court", Reason: "an appeal", Sealed: SealedToKey}
}

// text is all that a bundle says in words.
func (h *handed) text(b dossier.Bundle) string {
	h.t.Helper()
	var out bytes.Buffer
	if err := dossier.Write(&out, b); err != nil {
		h.t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		h.t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range b.Forms { // packed in the archive, where no word of them is found
		if err := paper.HTML(&text, f.Document); err != nil {
			h.t.Fatal(err)
		}
	}
	for _, f := range z.File {
		text.WriteString(f.Name + "\n")
		from, err := f.Open()
		if err != nil {
			h.t.Fatal(err)
		}
		if _, err := io.Copy(&text, from); err != nil {
			h.t.Fatal(err)
		}
	}
	return text.String()
}

func (h *handed) bundle(of string) (dossier.Bundle, string) {
	h.t.Helper()
	b, err := h.Bundle(context.Background(), h.session, h.query(of))
	if err != nil {
		h.t.Fatal(err)
	}
	return b, h.text(b)
}

// holds looks whether a text has some words, and has not others.
func holds(t *testing.T, what, text string, want, not []string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%s: there is no %q", what, w)
		}
	}
	for _, w := range not {
		if strings.Contains(text, w) {
			t.Errorf("%s: it says %q", what, w)
		}
	}
}

// TestBundleLeavesByConsent holds that names, words and files leave by consent to
// that very purpose alone, each person's name by their own, and that what is
// left out is named.
func TestBundleLeavesByConsent(t *testing.T) {
	h := newHanded(t)
	names := []string{"Жасампазов", "Zhasampazov", "Sampletown", "Receiving Sample", "A-17", "told by her", "a jacket"}
	others := []string{"Куәгеров", "Сырбай", "Kuagerov", "between ourselves", "not her street", "870101399999", "+77019998877"}
	never := others[3:]
	_, text := h.bundle("court")
	holds(t, "without consent", text, []string{"Number of officers", "Police", "no consent to “Use in court” is recorded", "1 file is left out", "Working papers"}, append(slices.Concat(names, others), filmText, h.file.SHA256))

	h.consent("", "un", "given")
	_, text = h.bundle("court")
	holds(t, "by another consent", text, nil, names)

	h.consent("", "litigation", "given")
	b, text := h.bundle("court")
	holds(t, "by consent", text, append(names, filmText, h.file.SHA256, "A name is left out (Witness)", "“Place” is left out", "“Name of the file” is left out"), others)
	if len(b.Forms) == 0 {
		t.Error("no form for a court")
	}
	if len(b.Exhibits) != 1 || len(b.Things) != 1 || b.Exhibits[0].Digest != "" || b.Things[0].Digest == "" || len(b.Exhibits[0].Hands) != 1 {
		t.Errorf("%+v", b)
	}
	found := false
	for _, e := range b.Cases[0].Events {
		found = found || strings.HasPrefix(e.What, "Detention") && slices.Equal(e.Exhibits, []int{1}) && slices.Contains(e.Sources, "told by her")
	}
	if !found {
		t.Errorf("no event names the exhibit that shows it: %+v", b.Cases[0].Events)
	}

	h.consent(h.witness, "litigation", "given")
	b, text = h.bundle("court")
	holds(t, "by everybody's consent", text, append(names, "Куәгеров", "behind the house of Kuagerova", "Kuagerov gate.mp4"), never)
	if want := h.digest(h.film); b.Exhibits[0].Digest != want {
		t.Errorf("the digest of custody is %q, want %q", b.Exhibits[0].Digest, want)
	}

	h.consent(h.victim, "litigation", "withdrawn")
	if _, err := h.Bundle(context.Background(), h.session, h.query("court")); !errors.Is(err, ErrBundleRefused) {
		t.Errorf("a consent that was taken back: %v", err)
	}
	plan, err := h.PlanBundle(context.Background(), h.session, h.query("court"))
	if err != nil || !plan.Cases[0].Refused || plan.Cases[0].Names {
		t.Errorf("%+v, %v", plan, err)
	}
	if plan, err = h.PlanBundle(context.Background(), h.session, h.query("srt")); err != nil || plan.Cases[0].Refused || !plan.Cases[0].Names || !slices.Equal(plan.Cases[0].Limits, []string{"not her street"}) {
		t.Errorf("for the UN: %+v, %v", plan, err)
	}
}

func (h *handed) digest(evidence string) string {
	h.t.Helper()
	links, err := h.Custody(context.Background(), h.session, h.id, evidence)
	if err != nil {
		h.t.Fatal(err)
	}
	return custody.Chain{Links: links}.Digest(evidence)
}

// TestBundleIsWrittenDown holds that nothing is handed out without a fresh proof,
// words, and a line; and that what was is told to those who may read it.
func TestBundleIsWrittenDown(t *testing.T) {
	h := newHanded(t)
	ctx := context.Background()
	h.consent("", "litigation", "given")
	for want, spoil := range map[error]func(q *BundleQuery){
		ErrBundleWords: func(q *BundleQuery) { q.Reason = " " },
		ErrBundleFor:   func(q *BundleQuery) { q.Sealed = "somehow" },
		ErrBundleCases: func(q *BundleQuery) { q.Cases = nil },
		ErrBundleFile:  func(q *BundleQuery) { q.Files = []string{h.jacket} },
		ErrNotFound:    func(q *BundleQuery) { q.Cases = append(q.Cases, h.jacket) },
	} {
		q := h.query("court")
		spoil(&q)
		if _, err := h.Bundle(ctx, h.session, q); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	q := h.query("everybody")
	if _, err := h.PlanBundle(ctx, h.session, q); !errors.Is(err, ErrBundleFor) {
		t.Errorf("for everybody: %v", err)
	}
	before := len(h.lines(0))
	if _, err := h.Bundle(ctx, h.session, h.query("court")); err != nil {
		t.Fatal(err)
	}
	if got := acts(h.lines(before)); !strings.Contains(got, "export/bundle/1") {
		t.Errorf("the audit has %s", got)
	}
	views, err := h.Bundles(ctx, h.session, h.id)
	if err != nil || len(views) != 1 || views[0].To != "Somebody at the court" || views[0].Reason != "an appeal" || views[0].For != "court" || views[0].By != "aigerim" || !views[0].Names || views[0].Files != 1 {
		t.Errorf("%+v, %v", views, err)
	}
	counter := h.join("counter", []access.Role{access.Analyst}, h.session.Member.Orgs[0])
	if views, err = h.Bundles(ctx, counter, h.id); err != nil || len(views) != 1 || views[0].To+views[0].Reason != "" || views[0].Files != 0 {
		t.Errorf("who counts is told %+v, %v", views, err)
	}
	h.clock.t = h.clock.t.Add(access.ProofLimit + 1)
	if plan, err := h.PlanBundle(ctx, h.session, h.query("court")); err != nil || plan.Proved {
		t.Errorf("%+v, %v", plan, err)
	}
	before = len(h.lines(0))
	if b, err := h.Bundle(ctx, h.session, h.query("court")); !errors.Is(err, ErrProof) || b.Exhibits != nil {
		t.Errorf("without a fresh proof: %v", err)
	}
	if got := acts(h.lines(before)); strings.Contains(got, "export/bundle") {
		t.Errorf("nothing was handed out, and the audit has %s", got)
	}
}

// TestBundleKeepsConfidences holds who may hand over what.
func TestBundleKeepsConfidences(t *testing.T) {
	h := newHanded(t)
	ctx := context.Background()
	h.consent("", "litigation", "given")
	north := h.session.Member.Orgs[0]
	for who, want := range map[*access.Session]error{
		h.join("south", []access.Role{access.CaseWorker}):          ErrNotFound,
		h.join("counts", []access.Role{access.Analyst}, north):     ErrNotAllowed,
		h.join("reviews", []access.Role{access.Reviewer}, north):   ErrNotAllowed,
		h.join("elsewhere", []access.Role{access.Coordinator}):     ErrNotAllowed, // facts are counted, not handed on
		h.join("holds", []access.Role{access.Trustee}):             ErrNotFound,
		h.join("runs it", []access.Role{access.Administrator}):     ErrNotFound,
		h.join("leads", []access.Role{access.Coordinator}, north):  nil,
		h.join("defends", []access.Role{access.Lawyer}, north):     nil,
		h.join("examines", []access.Role{access.Clinician}, north): nil,
	} {
		plan, err := h.PlanBundle(ctx, who, h.query("court"))
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", who.Member.Name, err, want)
		}
		if err == nil && (len(plan.Files) > 0) != plan.Cases[0].Names {
			t.Errorf("%s: %+v", who.Member.Name, plan)
		}
		if b, err := h.Bundle(ctx, who, h.query("court")); err == nil && who.Member.Is(access.Coordinator) {
			holds(t, "facts alone", h.text(b), []string{"may hand over the facts alone", "Number of officers"}, []string{"Жасампазов", "Sampletown", "Receiving Sample", "told by her", filmText})
		}
	}
}

// TestBundleStandsUnderItsTimeStamp holds that the newest checkpoint that is
// well stamped and covers all is taken, and that the bundle says where none is.
func TestBundleStandsUnderItsTimeStamp(t *testing.T) {
	h := newHanded(t)
	ctx := context.Background()
	ask := func(_ context.Context, _ string, query []byte) ([]byte, error) { return h.tsa.Answer(query), nil }
	h.consent("", "litigation", "given")
	if _, err := h.StampNow(ctx, h.session, "", ask); err != nil {
		t.Fatal(err)
	}
	early := h.put("act", casefile.Fields{"date": {"2022-01-05"}, "methods": {"beat"}})
	b, text := h.bundle("court")
	holds(t, "after the time stamp", text, []string{"No outside authority has attested", early[:8]}, nil)
	if len(b.Stamps) != 0 {
		t.Errorf("%d time stamps", len(b.Stamps))
	}
	// A proof of OpenTimestamps that leads to a block holds it, until an authority does.
	point := h.log.Head().Checkpoint
	sum := sha256.Sum256(point)
	if _, err := h.AddStamp(ctx, h.session, point, []byte("\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01\x08"+string(sum[:])+"\x08\x00\x05\x88\x96\x0d\x73\xd7\x19\x01\x03\xa0\xf7\x36")); err != nil {
		t.Fatal(err)
	}
	b, text = h.bundle("court")
	holds(t, "under a proof", text, []string{"No outside authority has attested", "900000"}, nil)
	if len(b.Chained) != 1 || len(b.Chained[0].Blocks) != 1 || string(b.Checkpoint) != string(point) {
		t.Errorf("%d proofs, %s", len(b.Chained), b.Checkpoint)
	}
	if _, err := h.StampNow(ctx, h.session, "", ask); err != nil {
		t.Fatal(err)
	}
	if _, err := h.AddFileStamp(ctx, h.session, h.id, h.film, nil); err == nil {
		t.Error("no time stamp was kept as one")
	}
	b, text = h.bundle("court")
	holds(t, "under the time stamp", text, nil, []string{"No outside authority"})
	if len(b.Stamps) != 1 || b.Stamps[0].Exhibit != 0 || b.Stamps[0].Authority != "Invented authority" || len(b.Entries) < 5 {
		t.Errorf("%d entries, %+v", len(b.Entries), b.Stamps)
	}
	for _, e := range b.Entries {
		err := h.log.Scan(ctx, e.Index, e.Index+1, func(of ledger.Entry) error {
			if ledger.LeafHash(of.Sealed) != ledger.Hash(e.Leaf) || e.About == "" {
				t.Errorf("entry %d is another", e.Index)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestNamesAreFound(t *testing.T) {
	var u unnamed
	u.add(&casefile.Record{Kind: "person", Fields: casefile.Fields{"family": {"Сейдахметова"}, "given": {"Әлия"}, "patronymic": {"unknown"}}})
	for text, want := range map[string]bool{
		"к Сейдахметовой пришли": true, "Seidakhmetova": true, "Сейдахметовтың үйі": true, "Әлияның сөзі": true, "Aliya": true,
		"unknown": false, "полиция": false, "Сейф": false, "": false,
	} {
		if u.In(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
	u.except(&casefile.Record{Kind: "person", Fields: casefile.Fields{"full_name": {"Алия Сампле"}}})
	if u.In("Әлия") || !u.In("Сейдахметова") {
		t.Error("whom the case is about can't be named")
	}
}
