// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/encoded"
	"github.com/kua-registry/kua/internal/ledger"
)

// join lets somebody in and signs them in.
func (g *register) join(name string, roles []access.Role, orgs ...string) *access.Session {
	g.t.Helper()
	ctx := context.Background()
	// The inviter's session may be of long ago: what is tested is not that.
	host, err := g.SignIn(ctx, "aigerim", testPassphrase)
	if err != nil {
		g.t.Fatal(err)
	}
	defer g.SignOut(host)
	code, _, err := g.Invite(ctx, host, NewInvitation{Name: name, Lang: "ru", Orgs: orgs, Roles: roles})
	if err != nil {
		g.t.Fatal(err)
	}
	_, passphrase, err := g.Accept(ctx, code, Acceptance{})
	if err != nil {
		g.t.Fatal(err)
	}
	s, err := g.SignIn(ctx, name, passphrase)
	if err != nil {
		g.t.Fatal(err)
	}
	return s
}

// review is where the review of a case stands, for somebody.
func (g *register) review(s *access.Session, id string) ReviewView {
	g.t.Helper()
	view, err := g.Case(context.Background(), s, id, Clock{})
	if err != nil {
		g.t.Fatal(err)
	}
	return view.Review
}

func (g *register) later() { g.clock.t = g.clock.t.Add(time.Minute) }

func act1(id, date string) Put {
	return Put{Record: id, Kind: "act", Fields: casefile.Fields{"date": {date}, "methods": {"beat"}}}
}

func TestReview(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	north, south := g.session.Member.Orgs[0], g.session.Member.Orgs[1]
	saule := g.join("saule", []access.Role{access.Reviewer}, north)
	marat := g.join("marat", []access.Role{access.Reviewer, access.CaseWorker}, north)
	olzhas := g.join("olzhas", []access.Role{access.Reviewer}, south)
	aset := g.join("aset", []access.Role{access.Analyst}, north)
	id := g.cases[0]
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	refused := func(err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("answered %v, want %v", err, want)
		}
	}
	state := func(want string) {
		t.Helper()
		if got := g.review(g.session, id).State; got != want {
			t.Errorf("the review stands at %s, want %s", got, want)
		}
	}
	verdict := func(s *access.Session, v, comment string) error {
		return g.Review(ctx, s, id, ReviewVerdict{Verdict: v, Comment: comment})
	}

	// Nobody asked.
	state(casefile.Draft)
	refused(verdict(saule, "verified", "read the file"), ErrNotInReview)
	refused(g.TakeBackReview(ctx, g.session, id, ""), ErrNotInReview)
	refused(g.AskReview(ctx, saule, id, ""), ErrNotAllowed)
	refused(g.AskReview(ctx, olzhas, id, ""), ErrNotFound)

	// Asked, taken back, asked again.
	g.later()
	must(g.AskReview(ctx, g.session, id, "ready"))
	refused(g.AskReview(ctx, g.session, id, ""), ErrInReview)
	refused(g.TakeBackReview(ctx, saule, id, ""), ErrNotAllowed)
	must(g.TakeBackReview(ctx, g.session, id, "one more document"))
	state(casefile.Draft)
	must(g.AskReview(ctx, g.session, id, ""))
	state(casefile.InReview)

	// Who may not give a verdict, and which are none.
	refused(verdict(g.session, "verified", "my own work"), ErrNotAllowed)
	refused(verdict(olzhas, "verified", "not mine to read"), ErrNotFound)
	refused(verdict(aset, "verified", "facts alone"), ErrNotAllowed)
	refused(verdict(saule, "verified", " \n"), ErrComment)
	refused(verdict(saule, "excellent", "read the file"), ErrVerdict)
	refused(verdict(saule, "ask", "read the file"), ErrVerdict)
	if v := g.review(saule, id); !v.MayReview || v.MayAsk || v.MayTakeBack || v.OwnWork {
		t.Errorf("a reviewer may %+v", v)
	}
	if v := g.review(g.session, id); v.MayReview || !v.MayTakeBack || v.OwnWork {
		t.Errorf("one who writes may %+v", v)
	}

	// The case changes while it is read: the reviewer is told, and nothing is written.
	seen := g.review(saule, id).Seen
	g.later()
	actID := ledger.NewID().String()
	must(g.Write(ctx, marat, id, []Put{act1(actID, "2022-01-06")}, nil, "told later", ""))
	var changed *ChangedError
	size := g.index.Counted()
	err := g.Review(ctx, saule, id, ReviewVerdict{Verdict: "rejected", Comment: "no act", Seen: seen})
	if !errors.As(err, &changed) || len(changed.Changed) != 1 || changed.Changed[0].Record != actID || !changed.Changed[0].New {
		t.Errorf("the change is told as %v", err)
	}
	if g.index.Counted() != size {
		t.Error("something was written")
	}

	// One who wrote in it can't, reviewer or not; a note is no writing.
	refused(verdict(marat, "verified", "I wrote a bit of it"), ErrOwnWork)
	if v := g.review(marat, id); v.MayReview || !v.OwnWork {
		t.Errorf("one who wrote and reviews may %+v", v)
	}
	must(g.Write(ctx, saule, id, []Put{{Record: ledger.NewID().String(), Kind: "note", Fields: casefile.Fields{"text": {"where is the decision?"}}}}, nil, "", ""))
	g.later()
	must(g.Review(ctx, saule, id, ReviewVerdict{Verdict: "verified", Comment: "read all of it", Seen: g.review(saule, id).Seen}))
	state(casefile.Verified)
	refused(verdict(saule, "rejected", "on second thoughts"), ErrNotInReview)
	refused(g.AskReview(ctx, g.session, id, ""), ErrReviewed)
	v := g.review(g.session, id)
	if len(v.Changed) != 0 || v.MayAsk || len(v.Steps) != 4 || v.Steps[3].By != "saule" || v.Steps[3].Comment != "read all of it" || !v.Since.Equal(g.clock.t) {
		t.Errorf("verified: %+v", v)
	}

	// Who reads facts alone learns where it stands, and not who said what.
	if v := g.review(aset, id); v.State != casefile.Verified || v.Steps[3].By != "" || v.Steps[3].Comment != "" || !v.Steps[3].Closed {
		t.Errorf("to one who reads facts: %+v", v)
	}

	// Changed since, and asked again: the verdict stands until the next.
	before := g.clock.t
	g.later()
	must(g.Write(ctx, g.session, id, []Put{act1(actID, "2022-01-07")}, nil, "a mistake", ""))
	v = g.review(g.session, id)
	if v.State != casefile.Verified || len(v.Changed) != 1 || v.Changed[0].Kind != "act" || !v.MayAsk {
		t.Errorf("changed since: %+v", v)
	}
	must(g.AskReview(ctx, g.session, id, ""))
	if v = g.review(saule, id); v.State != casefile.InReview || v.Verdict != casefile.Verified || !v.MayReview {
		t.Errorf("in review again: %+v", v)
	}
	g.later()
	must(verdict(saule, "falsely_attributed", "another night"))
	state(casefile.FalselyAttributed)

	// As it was known.
	past, err := g.Case(ctx, saule, id, Clock{KnownBy: before})
	if err != nil || past.Review.State != casefile.Verified || past.Review.MayReview || len(past.Review.Steps) != 4 {
		t.Errorf("as known before: %+v %v", past.Review, err)
	}
	g.verify()
	g.reopen()
	state(casefile.FalselyAttributed)
}

// A reviewer from outside is asked by name; a grant to their organisation is to read.
func TestReviewerFromOutside(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	south := g.session.Member.Orgs[1]
	olzhas := g.join("olzhas", []access.Role{access.Reviewer}, south)
	id := g.cases[0]
	if err := g.AskReview(ctx, g.session, id, ""); err != nil {
		t.Fatal(err)
	}
	give := func() error {
		return g.Review(ctx, olzhas, id, ReviewVerdict{Verdict: "verified", Comment: "read from outside"})
	}
	for _, tt := range []struct {
		grant NewGrant
		want  error
	}{
		{NewGrant{To: "South", Part: access.Identity}, ErrNotAllowed},
		{NewGrant{To: "olzhas", Part: access.Fact}, ErrNotAllowed},
		{NewGrant{To: "olzhas", Part: access.Identity}, nil},
	} {
		if _, err := g.Grant(ctx, g.session, id, tt.grant); err != nil {
			t.Fatal(err)
		}
		if err := give(); !errors.Is(err, tt.want) {
			t.Errorf("granted %+v: %v, want %v", tt.grant, err, tt.want)
		}
	}
	if v := g.review(g.session, id); v.State != casefile.Verified || v.Steps[1].By != "olzhas" {
		t.Errorf("%+v", v)
	}
	note := []Put{{Record: ledger.NewID().String(), Kind: "note", Fields: casefile.Fields{"text": {"from outside"}}}}
	if err := g.Write(ctx, olzhas, id, note, nil, "", ""); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a reviewer from outside writes notes: %v", err)
	}
	g.verify()
}

// TestReviewAfterErasure: where the identity was erased, what was said of it is
// gone with it, and the verdict stands.
func TestReviewAfterErasure(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	saule := g.join("saule", []access.Role{access.Reviewer}, g.session.Member.Orgs[0])
	id := g.cases[0]
	for _, err := range []error{
		g.AskReview(ctx, g.session, id, ""),
		g.Review(ctx, saule, id, ReviewVerdict{Verdict: "verified", Comment: planted[0] + " was seen by a doctor"}),
		g.Erase(ctx, g.session, id, Erasure{Why: "wish", Reason: "at the wish of the person"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	v := g.review(g.session, id)
	if v.State != casefile.Verified || v.Steps[1].Comment != "" || !v.Steps[1].Closed || len(v.Changed) != 0 {
		t.Errorf("after the erasure: %+v", v)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if found := g.holds(g.dir); len(found) > 0 {
		t.Errorf("still there:\n%s", strings.Join(found, "\n"))
	}
}

// TestReviewerCannotEditRegression: a reviewer changes nothing by any door of
// the registry but by a note and a verdict, and nobody makes a verdict by
// writing one. Each exported method that takes a session is tried or said to
// be one that only reads; one that is added tomorrow fails this test until it
// is in it.
func TestReviewerCannotEditRegression(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	north := g.session.Member.Orgs[0]
	saule := g.join("saule", []access.Role{access.Reviewer}, north)
	id, other := g.cases[0], g.cases[1]
	view, err := g.Case(ctx, saule, id, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	report := view.Records[slices.IndexFunc(view.Records, func(r *casefile.Record) bool { return r.Kind == "report" })]
	grant, err := g.Grant(ctx, g.session, id, NewGrant{To: "South", Part: access.Fact})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.AskReview(ctx, g.session, id, ""); err != nil {
		t.Fatal(err)
	}
	proposals, err := g.Propose(ctx, g.session)
	if err != nil {
		t.Fatal(err)
	}
	decision, err := g.Decide(ctx, g.session, Decision{A: id, B: other, Verdict: "different"})
	if err != nil {
		t.Fatal(err)
	}
	newID := func() string { return ledger.NewID().String() }
	note := func(record string) Put {
		return Put{Record: record, Kind: "note", Fields: casefile.Fields{"text": {"a note"}}}
	}
	step := Put{Record: newID(), Kind: casefile.ReviewKind, Fields: casefile.Fields{"step": {"verified"}, "comment": {"written as a record"}}}
	changed := Put{Record: report.ID, Kind: "report", Fields: casefile.Fields{"received": {"2021-01-01"}}}
	write := func(s *access.Session, puts, withdraws []Put) func() error {
		return func() error { return g.Write(ctx, s, id, puts, withdraws, "", "list: x") }
	}
	list := func(s *access.Session, key string, puts ...Put) func() error {
		return func() error {
			_, err := g.Import(ctx, s, north, "list: x", []CaseImport{{Key: key, Records: func(string) []Put { return puts }}}, nil)
			return err
		}
	}
	size := uint64(0)
	tried := map[string]func() error{
		"Write: a new record":            write(saule, []Put{act1(newID(), "2022-01-06")}, nil),
		"Write: a changed one":           write(saule, []Put{changed}, nil),
		"Write: the case itself":         write(saule, []Put{{Record: id, Kind: "case", Fields: view.Records[0].Fields}}, nil),
		"Write: withdrawn":               write(saule, nil, []Put{{Record: report.ID, Kind: "report"}}),
		"Write: a note and a change":     write(saule, []Put{note(newID()), changed}, nil),
		"Write: a note over a record":    write(saule, []Put{note(report.ID)}, nil),
		"Write: a note and a withdrawal": write(saule, []Put{note(newID())}, []Put{{Record: report.ID, Kind: "note"}}),
		"Write: a step as a record":      write(saule, []Put{step}, nil),
		"Import: a changed case":         list(saule, planted[7], changed),
		"Import: a new case":             list(saule, "Z-1", act1(newID(), "2022-01-06")),
		"Import: a step":                 list(saule, planted[7], step),
		"SetOwnMap":                      func() error { _, err := g.SetOwnMap(ctx, saule, MapFile{GeoJSON: []byte("{}")}); return err },
		"RemoveOwnMap":                   func() error { return g.RemoveOwnMap(ctx, saule) },
		"PutOutside": func() error {
			_, err := g.PutOutside(ctx, saule, "list: x", []Put{{Record: id, Kind: "incident", Fields: casefile.Fields{"date": {"2022-01-06"}}}})
			return err
		},
		"Grant": func() error {
			_, err := g.Grant(ctx, saule, id, NewGrant{To: "South", Part: access.Identity})
			return err
		},
		"MakeFeed: in no session": func() error {
			_, err := g.MakeFeed(ctx, &access.Session{Member: saule.Member, Keys: saule.Keys})
			return err
		},
		"EndFeed: there is none":   func() error { return g.EndFeed(ctx, saule) },
		"SetReminders: no address": func() error { return g.SetReminders(ctx, saule, Daily, "") },
		"PutStatement": func() error {
			_, err := g.PutStatement(ctx, saule, StatementChange{StatementText: StatementText{Texts: map[string]string{"en": "x"}}})
			return err
		},
		"SetPublicPage":       func() error { return g.SetPublicPage(ctx, saule, PublicPage{On: true, Name: "Own"}) },
		"PublishStatement":    func() error { _, err := g.PublishStatement(ctx, saule, id, 1, ""); return err },
		"SetTimeAuthority":    func() error { return g.SetTimeAuthority(ctx, saule, TimeAuthority{Name: "own"}) },
		"RemoveTimeAuthority": func() error { return g.RemoveTimeAuthority(ctx, saule, "own") },
		"StampNow":            func() error { _, err := g.StampNow(ctx, saule, "", nil); return err },
		"AddStamp":            func() error { _, err := g.AddStamp(ctx, saule, g.log.Head().Checkpoint, nil); return err },
		"AddFile": func() error {
			_, err := g.AddFile(ctx, saule, id, NewFile{Content: strings.NewReader("x")})
			return err
		},
		"ImportFiles": func() error {
			_, err := g.ImportFiles(ctx, saule, north, "list", []CaseFile{{Key: planted[7], Name: "x", Open: func() (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader("x")), nil
			}}}, nil)
			return err
		},
		"MakeCopy":    func() error { _, err := g.MakeCopy(ctx, saule, id, report.ID, false); return err },
		"ReadText":    func() error { _, err := g.ReadText(ctx, saule, id, report.ID, false); return err },
		"Redact":      func() error { _, err := g.Redact(ctx, saule, id, report.ID, oneBox, ""); return err },
		"BeginUpload": func() error { _, err := g.BeginUpload(ctx, saule, id, NewUpload{Name: "x", Bytes: 1}); return err },
		"ContinueUpload": func() error {
			_, err := g.ContinueUpload(ctx, saule, id, report.ID, 0, strings.NewReader("x"))
			return err
		},
		"FinishUpload":              func() error { _, err := g.FinishUpload(ctx, saule, id, report.ID, ""); return err },
		"DropUpload":                func() error { return g.DropUpload(ctx, saule, id, report.ID) },
		"WithdrawFile":              func() error { return g.WithdrawFile(ctx, saule, id, report.ID, "because") },
		"StampFile":                 func() error { _, err := g.StampFile(ctx, saule, id, report.ID, "", nil); return err },
		"AddFileStamp":              func() error { _, err := g.AddFileStamp(ctx, saule, id, report.ID, nil); return err },
		"SetMail":                   func() error { return g.SetMail(ctx, saule, sampleServer) },
		"SetPlace":                  func() error { _, err := g.SetPlace(ctx, saule, Bucket{}); return err },
		"EndPlace":                  func() error { _, err := g.EndPlace(ctx, saule, func(int, int) {}); return err },
		"Sync":                      func() error { _, err := g.Sync(ctx, saule); return err },
		"ReadStick":                 func() error { _, err := g.ReadStick(ctx, saule, strings.NewReader("")); return err },
		"WriteStick":                func() error { _, err := g.WriteStick(ctx, saule, io.Discard, 0); return err },
		"MoveLedger":                func() error { _, err := g.MoveLedger(ctx, saule, Database{URL: "host=/nowhere"}, nil); return err },
		"HandCase":                  func() error { return g.HandCase(ctx, saule, id, "South", "because") },
		"TakeCase":                  func() error { return g.TakeCase(ctx, saule, id) },
		"RevokeKept":                func() error { _, err := g.RevokeKept(ctx, saule, id, "South", "because"); return err },
		"WithdrawEncodings":         func() error { _, err := g.WithdrawEncodings(ctx, saule, "because"); return err },
		"OfferEncoding":             func() error { _, err := g.OfferEncoding(ctx, saule, encoded.Key{}, encoded.Schema{}); return err },
		"ProposeCommon":             func() error { _, err := g.ProposeCommon(ctx, saule, id, report.ID, 0, ""); return err },
		"AnswerCommon":              func() error { _, err := g.AnswerCommon(ctx, saule, report.ID, Same, ""); return err },
		"EndMail":                   func() error { return g.EndMail(ctx, saule) },
		"FinishTask: there is none": func() error { return g.FinishTask(ctx, saule, id, report.ID, 1, "done") },
		"Revoke":                    func() error { return g.Revoke(ctx, saule, id, grant.ID, "") },
		"Restrict":                  func() error { return g.Restrict(ctx, saule, id, true) },
		"Erase":                     func() error { return g.Erase(ctx, saule, id, Erasure{Why: "wish", Reason: "because"}) },
		"AskReview":                 func() error { return g.AskReview(ctx, saule, other, "") },
		"TakeBackReview":            func() error { return g.TakeBackReview(ctx, saule, id, "") },
		"Decide":                    func() error { _, err := g.Decide(ctx, saule, Decision{A: id, B: other, Verdict: "same"}); return err },
		"Apply":                     func() error { _, err := g.Apply(ctx, saule, proposals); return err },
		"Undo":                      func() error { return g.Undo(ctx, saule, decision, "") },
		"AddOrganisation":           func() error { _, err := g.AddOrganisation(ctx, saule, NewOrganisation{Name: "Own"}); return err },
		"Bundle": func() error {
			_, err := g.Bundle(ctx, saule, BundleQuery{Cases: []string{id}, For: "court", Lang: "en", To: "x", Reason: "x", Sealed: SealedOpen})
			return err
		},
		"Invite": func() error {
			_, _, err := g.Invite(ctx, saule, NewInvitation{Name: "friend", Roles: []access.Role{access.CaseWorker}})
			return err
		},
		"SetRoles":                     func() error { return g.SetRoles(ctx, saule, saule.Member.ID, []access.Role{access.CaseWorker}) },
		"EndMember":                    func() error { return g.EndMember(ctx, saule, g.session.Member.ID) },
		"TakeBack":                     func() error { return g.TakeBack(ctx, saule, newID()) },
		"SetSecondFactor":              func() error { return g.SetSecondFactor(ctx, saule, saule.Member.ID, false) },
		"Rename":                       func() error { return g.Rename(ctx, saule, saule.Member.ID, "boss") },
		"SetLanguage: another's":       func() error { return g.SetLanguage(ctx, saule, g.session.Member.ID, "en") },
		"LetIn":                        func() error { return g.LetIn(ctx, saule, north, saule.Member.ID) },
		"LetOut":                       func() error { return g.LetOut(ctx, saule, north, g.session.Member.ID) },
		"ChangeOrganisation":           func() error { return g.ChangeOrganisation(ctx, saule, north, "Own", false) },
		"EndFactor: there is none":     func() error { return g.EndFactor(ctx, saule) },
		"AddPasskey: an empty one":     func() error { return g.AddPasskey(ctx, saule, NewPasskey{}) },
		"RenamePasskey: there is none": func() error { return g.RenamePasskey(ctx, saule, newID(), "stick") },
		"RemovePasskey: there is none": func() error { return g.RemovePasskey(ctx, saule, newID()) },
		"MakeAPIKey: one for nothing":  func() error { _, _, err := g.MakeAPIKey(ctx, saule, NewAPIKey{Name: "n"}); return err },
		"WritePrograms": func() error {
			return g.WritePrograms(ctx, saule, []ProgramWrite{{Case: id, Record: newID(), Kind: "contact", Fields: casefile.Fields{"date": {"2022-02-01"}}}}, "", "", false)
		},
		"Once: nothing is done": func() error {
			_, err := g.Once(ctx, saule, "", nil, func(func() string, bool) ([]byte, error) { return nil, ErrNotAllowed })
			return err
		},
		"MakeWebhook: with another's key": func() error {
			_, _, err := g.MakeWebhook(ctx, saule, NewWebhook{Key: newID(), URL: "https://receiver.sample.example/"})
			return err
		},
		"EndWebhook: there is none":    func() error { return g.EndWebhook(ctx, saule, newID()) },
		"AllowWebhookHost":             func() error { return g.AllowWebhookHost(ctx, saule, "receiver.sample.example", true) },
		"DisallowWebhookHost":          func() error { return g.DisallowWebhookHost(ctx, saule, "receiver.sample.example") },
		"EndAPIKey: there is none":     func() error { return g.EndAPIKey(ctx, saule, newID()) },
		"EndFactorOf":                  func() error { return g.EndFactorOf(ctx, saule, g.session.Member.ID) },
		"ConfirmFactor: none is begun": func() error { _, err := g.ConfirmFactor(ctx, saule, "123456"); return err },
		"CreateShares":                 func() error { _, err := g.CreateShares(ctx, saule, NewShares{}); return err },
		"Rehearse":                     func() error { _, err := g.Rehearse(ctx, saule, &Gathering{}); return err },
		"Review: of a case nobody asked about": func() error {
			return g.Review(ctx, saule, other, ReviewVerdict{Verdict: "verified", Comment: "unasked"})
		},

		"SortSubmission: there is none": func() error { return g.SortSubmission(ctx, saule, newID(), SubmissionSort{}) },
		"CaseOfSubmission: there is none": func() error {
			_, err := g.CaseOfSubmission(ctx, saule, newID())
			return err
		},
		"NewCase": func() error { _, err := g.NewCase(ctx, saule, NewCase{Org: north}); return err },
		"PutRecord: a new record": func() error {
			_, err := g.PutRecord(ctx, saule, RecordChange{Case: id, Kind: "contact", Fields: casefile.Fields{"date": {"2022-02-01"}}})
			return err
		},
		"PutRecord: a changed one": func() error {
			_, err := g.PutRecord(ctx, saule, RecordChange{Case: id, Record: report.ID, Kind: "report", Fields: report.Fields, Seen: 1, Reason: "why"})
			return err
		},
		"PutRecord: what all share": func() error {
			_, err := g.PutRecord(ctx, saule, RecordChange{Kind: "facility", Fields: casefile.Fields{"name": {"Station"}}})
			return err
		},
		"AddCapture": func() error {
			_, err := g.AddCapture(ctx, saule, NewCapture{Publication: newID(), Content: strings.NewReader("x")})
			return err
		},
		"WithdrawCapture":            func() error { _, err := g.WithdrawCapture(ctx, saule, newID(), "why"); return err },
		"WithdrawRecord":             func() error { return g.WithdrawRecord(ctx, saule, id, report.ID, 1, "why") },
		"SaveSearch: without a name": func() error { _, err := g.SaveSearch(ctx, saule, NewSearch{}); return err },
		"DropSearch: there is none":  func() error { return g.DropSearch(ctx, saule, newID()) },
		"DoBulk": func() error {
			b := Bulk{What: BulkTask, Cases: []string{id, other}, Task: casefile.Fields{"kind": {"appeal"}, "status": {"open"}}}
			plan, err := g.PlanBulk(ctx, saule, b)
			if err != nil {
				return err
			}
			_, err = g.DoBulk(ctx, saule, b, plan.Set, "at once")
			return err
		},
		"RehearseRestore": func() error {
			_, err := g.RehearseRestore(ctx, saule, BackupPlace{}, Unlock{Passphrase: testPassphrase}, RestoreOptions{})
			return err
		},
		"AskExport": func() error {
			_, err := g.AskExport(ctx, saule, NewExport{Cases: []string{id}, Format: "kua", Purpose: "un", To: "x", Key: "x", Reason: "x"})
			return err
		},
		"FetchExport": func() error {
			a, err := g.AskExport(ctx, g.session, NewExport{Cases: []string{id}, Format: "kua", Purpose: "un", To: "x", Key: "x", Reason: "x"})
			if err != nil {
				t.Fatal(err)
			}
			size = g.index.Counted()
			_, err = g.FetchExport(ctx, saule, a.ID)
			return err
		},
		"AnswerExport": func() error {
			a, err := g.AskExport(ctx, g.session, NewExport{Cases: []string{id}, Format: "kua", Purpose: "un", To: "x", Key: "x", Reason: "x"})
			if err != nil {
				t.Fatal(err)
			}
			size = g.index.Counted()
			return g.AnswerExport(ctx, saule, a.ID, true, "")
		},
		"WantSecond": func() error { return g.WantSecond(ctx, saule, north, true) },
		"ImportArchive": func() error {
			_, err := g.ImportArchive(ctx, saule, g.archived(g.session, ArchiveQuery{}), ArchiveIn{}, nil)
			return err
		},
		"Fill": func() error { _, _, err := g.Fill(ctx, saule, slices.Values([][]FilledAct{{}})); return err },

		"UndoBulk: there is none": func() error { _, err := g.UndoBulk(ctx, saule, newID(), "why"); return err },

		// Nor does one who writes make a verdict.
		"Write by a case worker: a step":                write(g.session, []Put{step}, nil),
		"Import by a case worker: a step":               list(g.session, planted[7], step),
		"Import by a case worker: a step in a new case": list(g.session, "Z-2", act1(newID(), "2022-01-06"), step),
	}
	calls, doors := readDoors(t)
	writes := func(name string) bool {
		seen := map[string]bool{}
		var reach func(string) bool
		reach = func(name string) bool {
			if seen[name] {
				return false
			}
			seen[name] = true
			return calls[name]["Registry.write"] || slices.ContainsFunc(slices.Collect(maps.Keys(calls[name])), reach)
		}
		return reach("Registry." + name)
	}
	for name, session := range doors {
		there := !writes(name)
		for what := range tried {
			there = there || what == name || strings.HasPrefix(what, name+":") || strings.HasPrefix(what, name+" ")
		}
		if session && !there {
			t.Errorf("Registry.%s writes and is not tried with a reviewer's session: add it to tried", name)
		}
	}
	size = g.index.Counted()
	for what, try := range tried {
		if err := try(); err == nil {
			t.Errorf("%s was taken", what)
		}
		if now := g.index.Counted(); now != size {
			t.Errorf("%s wrote %d entries", what, now-size)
			size = now
		}
	}

	// A verdict that stands is not written over by another record of its id.
	if err := g.Review(ctx, saule, id, ReviewVerdict{Verdict: "rejected", Comment: "nothing supports it"}); err != nil {
		t.Fatal(err)
	}
	file, err := g.fromLedger(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	steps := file.Of(casefile.ReviewKind)
	given := steps[len(steps)-1].ID
	for what, try := range map[string]func() error{
		"a note over it":            write(g.session, []Put{note(given)}, nil),
		"withdrawn":                 write(g.session, nil, []Put{{Record: given, Kind: casefile.ReviewKind}}),
		"withdrawn as a note":       write(g.session, nil, []Put{{Record: given, Kind: "note"}}),
		"a list's record over it":   list(g.session, planted[7], note(given)),
		"a list's record that goes": list(g.session, planted[7]),
	} {
		err := try()
		if v := g.review(g.session, id); v.State != casefile.Rejected || len(v.Steps) != 2 {
			t.Errorf("%s (%v): the review is %+v", what, err, v)
		}
		if err == nil && !strings.Contains(what, "that goes") {
			t.Errorf("%s was taken", what)
		}
	}
	g.verify()
	t.Logf("%d ways tried", len(tried)+5)
}

// TestVerifiedFigures: figures limited to verified cases, as of any day and as
// known by any moment, with the cases behind them; the others stay what they are.
func TestVerifiedFigures(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	north, south := g.session.Member.Orgs[0], g.session.Member.Orgs[1]
	saule := g.join("saule", []access.Role{access.Reviewer}, north, south)
	unlimited := g.figures()
	id := g.cases[0]
	moments := []time.Time{g.clock.t}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		moments = append(moments, g.clock.t)
		g.later()
	}
	g.later()
	do(g.AskReview(ctx, g.session, id, ""))
	do(g.Review(ctx, saule, id, ReviewVerdict{Verdict: "verified", Comment: "read"}))
	if got := g.figures(); got != unlimited {
		t.Errorf("the figures changed by a verdict:\n%s", got)
	}
	// A list that changes the case leaves it verified, and that it changed is seen.
	view, err := g.Case(ctx, g.session, id, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.Import(ctx, g.session, north, "list: later.csv", []CaseImport{{Key: planted[7], Records: func(string) []Put {
		puts := []Put{act1(ledger.NewID().String(), "2022-01-06")}
		for _, rec := range view.Records {
			puts = append(puts, Put{Record: rec.ID, Kind: rec.Kind, Fields: rec.Fields})
		}
		return puts
	}}}, nil)
	do(err)
	do(g.AskReview(ctx, g.session, id, ""))
	do(g.Review(ctx, saule, id, ReviewVerdict{Verdict: "rejected", Comment: "the act is another's"}))

	count := func(day string, known time.Time, scope string) (n int) {
		t.Helper()
		asOf, err := edtf.ParseDay(day)
		if err != nil {
			t.Fatal(err)
		}
		clock := Clock{AsOf: asOf, KnownBy: known}
		table, err := g.Figures(ctx, g.session, FigureQuery{Clock: clock, Scope: scope, Verified: true})
		if err != nil || !table.Verified {
			t.Fatalf("%v %v", table.Verified, err)
		}
		for _, v := range table.Values {
			if v.ID == "reports" {
				n = v.Value
			}
		}
		page, err := g.Cases(ctx, g.session, Query{Figure: "reports", Scope: scope, Verified: true, Clock: clock})
		if err != nil || page.Total != n || n == 1 && page.Rows[0].ID != id {
			t.Errorf("%d counted, and the cases behind are %d %v", n, page.Total, err)
		}
		return n
	}
	for i, want := range []int{0, 0, 1, 1, 1, 0} { // made, asked, verified, changed, asked again, rejected
		for _, scope := range []string{"coalition", north} {
			if got := count("2022-06-24", moments[i], scope); got != want {
				t.Errorf("at moment %d %s counts %d, want %d", i, scope, got, want)
			}
		}
		if got := count("2022-01-11", moments[i], "coalition"); got != 0 {
			t.Errorf("at moment %d it counts %d before the case was reported", i, got)
		}
		if got := count("2022-06-24", moments[i], south); got != 0 {
			t.Errorf("at moment %d another organisation counts %d", i, got)
		}
	}
	row := func(known time.Time) Row {
		t.Helper()
		view, err := g.Case(ctx, g.session, id, Clock{KnownBy: known})
		if err != nil {
			t.Fatal(err)
		}
		return view.Row
	}
	if r := row(moments[2]); r.Review != casefile.Verified || r.Changed {
		t.Errorf("verified: %+v", r)
	}
	if r := row(moments[3]); r.Review != casefile.Verified || !r.Changed {
		t.Errorf("changed by a list: %+v", r)
	}
	if r := row(moments[4]); r.Review != casefile.InReview || r.Verdict != casefile.Verified {
		t.Errorf("in review again: %+v", r)
	}
	overview, err := g.Overview(ctx, saule, OverviewQuery{Clock: Clock{KnownBy: moments[4]}})
	if err != nil || overview.InReview != 1 {
		t.Errorf("%d wait, %v", overview.InReview, err)
	}
	for code, known := range map[string]time.Time{"in_review": moments[1], "verified": moments[2], "changed": moments[3], "rejected": {}} {
		page, err := g.Cases(ctx, g.session, Query{Facets: map[string][]string{"review": {code}}, Clock: Clock{KnownBy: known}})
		if err != nil || page.Total != 1 || page.Rows[0].ID != id {
			t.Errorf("%s: %d cases %v", code, page.Total, err)
		}
	}
}

// TestReviewAfterAGrantIsOver: a step of the review, too, makes new keys where
// the last day of a grant has passed.
func TestReviewAfterAGrantIsOver(t *testing.T) {
	h := newHouse(t)
	ctx, id := context.Background(), h.cases[0]
	south := h.nodeOf("South")
	h.grant("asel", id, "South", access.Fact, "2022-06-30")
	south.take(id)
	if facts, _ := south.opens(id); facts == 0 {
		t.Fatal("what was granted does not open: this test finds nothing")
	}
	h.later(7 * 24 * time.Hour)
	h.signIn("asel")
	if err := h.AskReview(ctx, h.people["asel"], id, ""); err != nil {
		t.Fatal(err)
	}
	south.take(id)
	if facts, _ := south.opens(id); facts != 0 {
		t.Errorf("after the last day %d entries open with the keys that are left for them", facts)
	}
}
