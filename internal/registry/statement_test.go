// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/statement"
)

// crowded is a register with so many cases of North more, region by region: each
// person of a name of their own.
func crowded(t *testing.T, regions map[string]string) *register {
	t.Helper()
	ctx := context.Background()
	g := newRegister(t)
	org, ok := g.Organisation(ctx, "North")
	if !ok {
		t.Fatal("no North")
	}
	var cases []CaseImport
	n := 0
	for _, region := range slices.Sorted(keysOf(regions)) {
		for _, sex := range regions[region] {
			n++
			name := fmt.Sprintf("Қиялов%s", strings.Repeat("а", n))
			cases = append(cases, CaseImport{Key: fmt.Sprintf("M-%03d", n), Records: func(id string) []Put {
				return []Put{
					{Record: id, Kind: "case", Fields: casefile.Fields{}},
					{Record: ledger.NewID().String(), Kind: "report", Fields: casefile.Fields{"received": {"2022-01-12"}, "region": {region}}},
					{Record: ledger.NewID().String(), Kind: "person", Fields: casefile.Fields{"role": {"victim"}, "family": {name}, "given": {"Асан"}, "sex": {string(sex)}}},
				}
			}})
		}
	}
	if _, err := g.Import(ctx, g.session, org.ID, "list: many.csv", cases, nil); err != nil {
		t.Fatal(err)
	}
	return g
}

func keysOf(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// writes keeps a text in English and answers its id.
func (g *register) writes(text string) string {
	g.t.Helper()
	id, err := g.PutStatement(context.Background(), g.session, StatementChange{StatementText: StatementText{
		AsOf: day(g.t, "2022-05-17"), Titles: map[string]string{"en": "Statement"}, Texts: map[string]string{"en": text},
	}})
	if err != nil {
		g.t.Fatal(err)
	}
	return id
}

// publishes publishes a statement.
func (g *register) publishes(id, accept string) ([]byte, error) {
	g.t.Helper()
	ctx := context.Background()
	view, err := g.Statement(ctx, g.session, id)
	if err != nil {
		g.t.Fatal(err)
	}
	g.proves()
	out, err := g.PublishStatement(ctx, g.session, id, view.Seen, accept)
	return out.Manifest, err
}

// proves gives the passphrase once more.
func (g *register) proves() {
	g.t.Helper()
	if err := g.Prove(context.Background(), g.session, testPassphrase); err != nil {
		g.t.Fatal(err)
	}
}

func (g *register) verifies(manifest []byte) StatementVerdict {
	g.t.Helper()
	v, err := g.VerifyStatement(context.Background(), g.session, manifest)
	if err != nil {
		g.t.Fatal(err)
	}
	return v
}

// stopped are the kinds of findings that an error of publishing has.
func stopped(t *testing.T, err error) (kinds []string) {
	t.Helper()
	var un *UnpublishedError
	if !errors.As(err, &un) {
		t.Fatalf("not stopped: %v", err)
	}
	for _, f := range un.Findings {
		if f.Stops || f.Accept {
			kinds = append(kinds, f.Kind)
		}
	}
	return kinds
}

// TestPublishedFigureStaysTrue withdraws a case after publication: the published figure stays what it was, and what
// it would be today is told with the case that went.
func TestPublishedFigureStaysTrue(t *testing.T) {
	ctx := context.Background()
	g := crowded(t, map[string]string{"KZ-75": "mmmmmmmmm"})
	id := g.writes("We registered {{figure \"reports\"}} reports.")
	manifest, err := g.publishes(id, "")
	if err != nil {
		t.Fatal(err)
	}
	v := g.verifies(manifest)
	if !v.Holds() || len(v.Figures) != 1 || v.Figures[0].State != FigureSame || v.Figures[0].Published != 15 {
		t.Fatalf("just published: %+v", v)
	}
	if _, err := g.PutStatement(ctx, g.session, StatementChange{ID: id, Seen: 1, StatementText: StatementText{Texts: map[string]string{"en": "other"}}}); !errors.Is(err, ErrPublished) {
		t.Errorf("a published statement was changed: %v", err)
	}
	if _, err := g.publishes(id, ""); !errors.Is(err, ErrPublished) {
		t.Errorf("a statement was published twice: %v", err)
	}

	gone := g.cases[0]
	view, err := g.Case(ctx, g.session, gone, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	report := view.Records[slices.IndexFunc(view.Records, func(r *casefile.Record) bool { return r.Kind == "report" })]
	if err := g.WithdrawRecord(ctx, g.session, gone, report.ID, len(report.History), "told by mistake"); err != nil {
		t.Fatal(err)
	}
	v = g.verifies(manifest)
	f := v.Figures[0]
	if !v.Holds() || f.State != FigureChanged || f.Then != 15 || f.Now != 14 || len(f.Went) != 1 || f.Went[0].ID != gone || f.Went[0].Why != ChangeFacts || len(f.Came) != 0 {
		t.Errorf("after the withdrawal: %+v", f)
	}
	// A correction names its ancestor; the ancestor then names it.
	next, err := g.PutStatement(ctx, g.session, StatementChange{StatementText: StatementText{AsOf: day(t, "2022-05-17"), Corrects: id, Texts: map[string]string{"en": "It was {{figure \"reports\"}}."}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.publishes(next, ""); err == nil {
		t.Error("the difference to the ancestor is one case, and nobody said why it is told")
	} else if kinds := stopped(t, err); !slices.Contains(kinds, FindRevealed) {
		t.Errorf("stopped for %v", kinds)
	}
	if _, err := g.publishes(next, "one report was withdrawn; the correction has to say so"); err != nil {
		t.Fatal(err)
	}
	if v = g.verifies(manifest); v.CorrectedBy != next || !v.Holds() {
		t.Errorf("corrected by %q, holds: %v", v.CorrectedBy, v.Holds())
	}
	second, err := g.PutStatement(ctx, g.session, StatementChange{StatementText: StatementText{AsOf: day(t, "2022-05-17"), Corrects: id, Texts: map[string]string{"en": "Nothing."}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.publishes(second, ""); !errors.Is(err, ErrNoAncestor) {
		t.Errorf("a second correction of the same statement: %v", err)
	}
}

// TestAlteredManifestRegression changes every digit and letter of a manifest's figures, one at a time: none passes.
func TestAlteredManifestRegression(t *testing.T) {
	g := crowded(t, map[string]string{"KZ-75": "mmmmmmmmm", "KZ-71": "ffffff"})
	id := g.writes("We registered {{figure \"reports\"}}.\n\n{{table \"reports\" by=\"sex\"}}\n")
	manifest, err := g.publishes(id, "")
	if err != nil {
		t.Fatal(err)
	}
	start := bytes.Index(manifest, []byte(`"figures"`))
	tried := 0
	for i := start; i < len(manifest); i += 7 {
		forged := bytes.Clone(manifest)
		switch c := forged[i]; {
		case c >= '0' && c <= '8', c >= 'a' && c <= 'y':
			forged[i]++
		default:
			continue
		}
		tried++
		v, err := g.VerifyStatement(context.Background(), g.session, forged)
		if errors.Is(err, statement.ErrNoManifest) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if v.Signed || v.Holds() {
			t.Fatalf("byte %d, %q made %q, and it holds", i, manifest[i], forged[i])
		}
	}
	t.Logf("%d bytes changed, one at a time", tried)
	forged := bytes.Replace(manifest, []byte(`"value": 21`), []byte(`"value": 12`), 1)
	if bytes.Equal(forged, manifest) {
		t.Fatal("the figure is not in the manifest")
	}
	if v := g.verifies(forged); v.Signed || v.Holds() || !slices.Contains(v.Altered, "f1") || v.Figures[0].State != FigureTampered {
		t.Errorf("%+v", v)
	}
	if v := g.verifies(manifest); !v.Holds() {
		t.Errorf("the true one: %+v", v)
	}
}

// consents puts a consent into a case.
func (g *register) consents(caseID string, fields casefile.Fields) {
	g.t.Helper()
	if _, err := g.PutRecord(context.Background(), g.session, RecordChange{Case: caseID, Kind: "consent", Fields: fields}); err != nil {
		g.t.Fatal(err)
	}
}

// TestNoStoryWithoutConsentRegression tries to publish a story, a quote, a name and a photo without what covers them.
func TestNoStoryWithoutConsentRegression(t *testing.T) {
	ctx := context.Background()
	g := newRegister(t)
	caseID := g.cases[1]
	row, err := g.row(ctx, g.session, caseID, g.clockNow())
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("What was told:\n\n{{story case=%q}}\n\nHe was held for three days. Nobody told his family.\n\n{{end}}\n", row.Number)
	id := g.writes(text)
	tryIt := func(what string, want ...string) {
		t.Helper()
		_, err := g.publishes(id, "")
		if len(want) == 0 {
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
			return
		}
		kinds := stopped(t, err)
		if !slices.Equal(slices.Compact(kinds), want) {
			t.Errorf("%s: stopped for %v, want %v", what, kinds, want)
		}
	}
	tryIt("no consent", FindConsent)
	checked, err := g.CheckStatement(ctx, g.session, StatementText{Texts: map[string]string{"en": text}})
	if err != nil {
		t.Fatal(err)
	}
	var sentences []string
	for _, f := range checked.Findings {
		sentences = append(sentences, fmt.Sprintf("%d %s", f.Line, f.Sentence))
	}
	if got := strings.Join(sentences, "|"); got != "5 He was held for three days.|5 Nobody told his family." {
		t.Errorf("the sentences that are not covered: %s", got)
	}
	g.consents(caseID, casefile.Fields{"purpose": {"statistics"}, "state": {"given"}, "given": {"2022-02-01"}})
	tryIt("a consent for another purpose", FindConsent)
	g.consents(caseID, casefile.Fields{"purpose": {"publish_anonymous"}, "state": {"refused"}, "given": {"2022-02-01"}})
	tryIt("refused", FindWithdrawn)
	g.consents(caseID, casefile.Fields{"purpose": {"publish_anonymous"}, "state": {"given"}, "given": {"2022-02-02"}, "expires": {"2022-02-03"}})
	tryIt("expired", FindExpired)
	g.consents(caseID, casefile.Fields{"purpose": {"publish_anonymous"}, "state": {"given"}, "given": {"2022-02-04"}, "withdrawn": {"2022-02-05"}})
	tryIt("withdrawn", FindWithdrawn)
	g.consents(caseID, casefile.Fields{"purpose": {"publish_anonymous"}, "state": {"given"}, "given": {"2022-02-06"}})
	if _, err := g.PutRecord(ctx, g.session, RecordChange{Case: caseID, Kind: "risk", Fields: casefile.Fields{"level": {"r3"}, "assessed": {"2022-02-06"}}}); err != nil {
		t.Fatal(err)
	}
	tryIt("high risk", FindRisk)
	if _, err := g.PutRecord(ctx, g.session, RecordChange{Case: caseID, Kind: "risk", Fields: casefile.Fields{"level": {"r1"}, "assessed": {"2022-02-07"}}}); err != nil {
		t.Fatal(err)
	}

	// A name needs a consent of its own, and one that slips in is found.
	named, err := g.CheckStatement(ctx, g.session, StatementText{Texts: map[string]string{"ru": "Рассказывает Болат Омаров."}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(named.Findings, func(f StatementFinding) bool { return f.Kind == FindName && f.Stops }) {
		t.Errorf("a name that slipped in: %+v", named.Findings)
	}
	named, err = g.CheckStatement(ctx, g.session, StatementText{Texts: map[string]string{"ru": fmt.Sprintf("Рассказывает {{name case=%q}}Болат Омаров{{end}}.", row.Number)}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(named.Findings, func(f StatementFinding) bool { return f.Kind == FindConsent && f.Stops && f.Args[1] == "publish_named" }) {
		t.Errorf("a name under a consent to publish without one: %+v", named.Findings)
	}
	tryIt("all is there")

	// Withdrawn after publication: the verification says so.
	view, err := g.Statement(ctx, g.session, id)
	if err != nil {
		t.Fatal(err)
	}
	g.consents(caseID, casefile.Fields{"purpose": {"publish_anonymous"}, "state": {"withdrawn"}, "given": {"2022-02-06"}, "withdrawn": {"2022-02-08"}})
	if v := g.verifies(view.Manifest); !v.Holds() || len(v.Findings) == 0 || v.Findings[0].Kind != FindWithdrawn {
		t.Errorf("the consent was withdrawn after publication: %+v", v.Findings)
	}
}

// TestTwoCrossTablesRegression publishes one table, then tries a second that leaves one person as the difference.
func TestTwoCrossTablesRegression(t *testing.T) {
	g := crowded(t, map[string]string{"KZ-75": "ffffffffffff", "KZ-71": "ffffffffffm", "KZ-10": "mmmmmmmm"})
	first := g.writes("{{table \"women_and_girls\" by=\"region\"}}\n")
	if _, err := g.publishes(first, ""); err != nil {
		t.Fatal(err)
	}
	second := g.writes("{{table \"reports\" by=\"region\"}}\n")
	view, err := g.Statement(context.Background(), g.session, second)
	if err != nil {
		t.Fatal(err)
	}
	checked, err := g.CheckStatement(context.Background(), g.session, view.Text)
	if err != nil {
		t.Fatal(err)
	}
	cells := map[string]bool{}
	for _, c := range checked.Answers[0].Cells {
		cells[c.Codes[0]] = c.Hidden
	}
	if !cells["KZ-71"] {
		t.Errorf("one man of KZ-71 is the difference to the women published before: %v", cells)
	}
	if checked.Least > 0 && checked.Least < 5 {
		t.Errorf("somebody is told with k = %d: %+v", checked.Least, checked.Findings)
	}
	// As single figures nothing can be kept back: it is stopped, with the reason.
	third := g.writes("In one region there were {{figure \"reports\" by=\"region\" code=\"KZ-71\"}}; in all {{figure \"men_and_boys\" by=\"region\" code=\"KZ-71\"}} of men.")
	checkedView, err := g.Statement(context.Background(), g.session, third)
	if err != nil {
		t.Fatal(err)
	}
	checked, err = g.CheckStatement(context.Background(), g.session, checkedView.Text)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range checked.Answers {
		for _, c := range a.Cells {
			if c.Codes[0] == "KZ-71" && !c.Hidden {
				t.Errorf("%s of KZ-71: %d is told", a.Figure, c.Value)
			}
		}
	}
}

// TestStatementsAreApart: who may not write statements learns nothing of them, who may not publish can't.
func TestStatementsAreApart(t *testing.T) {
	ctx := context.Background()
	g := newRegister(t)
	id := g.writes("We registered {{figure \"reports\"}}.")
	north := g.session.Member.Orgs[0]
	analyst := g.join("saule", []access.Role{access.Analyst}, north)
	clinician := g.join("dana", []access.Role{access.Clinician}, north)
	if _, err := g.Statement(ctx, analyst, id); err != nil {
		t.Errorf("an analyst reads it: %v", err)
	}
	if _, err := g.PublishStatement(ctx, analyst, id, 1, ""); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("an analyst publishes it: %v", err)
	}
	if _, err := g.Statement(ctx, clinician, id); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a clinician reads a draft: %v", err)
	}
	if _, err := g.PutOutside(ctx, g.session, "list", []Put{{Record: ledger.NewID().String(), Kind: "release", Fields: casefile.Fields{"statement": {id}, "manifest": {"x"}, "salt": {"00"}}}}); err == nil {
		t.Error("a publication was put by hand")
	}
	// Of a case of an organisation that is not theirs they learn nothing by citing it.
	for _, number := range []string{"nowhere", g.cases[4]} {
		checked, err := g.CheckStatement(ctx, g.join("x"+number[:3], []access.Role{access.CaseWorker}, north), StatementText{Texts: map[string]string{"en": fmt.Sprintf("{{quote case=%q}}He said no.{{end}}", number)}})
		if err != nil {
			t.Fatal(err)
		}
		if len(checked.Findings) != 1 || checked.Findings[0].Kind != FindCase {
			t.Errorf("%s: %+v", number, checked.Findings)
		}
	}
}

// TestErasedIsNotTampered erases a case for good after publication: what was published can't be counted again, which is
// told as what it is, and a forged figure is still told from it.
func TestErasedIsNotTampered(t *testing.T) {
	ctx := context.Background()
	g := crowded(t, map[string]string{"KZ-75": "mmmmmmmmm"})
	id := g.writes("We registered {{figure \"reports\"}} reports.")
	manifest, err := g.publishes(id, "")
	if err != nil {
		t.Fatal(err)
	}
	g.proves()
	if err := g.Erase(ctx, g.session, g.cases[0], Erasure{Why: "wish", Reason: "asked for it"}); err != nil {
		t.Fatal(err)
	}
	if v := g.verifies(manifest); !v.Holds() || v.Figures[0].State != FigureSame {
		t.Errorf("the identity alone erased: %+v", v.Figures)
	}
	g.proves()
	if err := g.Erase(ctx, g.session, g.cases[1], Erasure{Whole: true, Why: "wish", Reason: "asked for it"}); err != nil {
		t.Fatal(err)
	}
	v := g.verifies(manifest)
	if !v.Holds() || v.Figures[0].State != FigureErased || v.Erased != 1 || v.Figures[0].Then != 14 {
		t.Errorf("a whole case erased: %+v", v)
	}
	if v := g.verifies(bytes.Replace(manifest, []byte(`"value": 15`), []byte(`"value": 16`), 1)); v.Holds() || v.Figures[0].State != FigureTampered {
		t.Errorf("forged after the erasure: %+v", v)
	}
}
