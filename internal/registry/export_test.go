// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
)

// exported is all that an export says, as text, and the ids of its cases.
func (g *register) exported(s *access.Session, q ExportQuery) (text string, ids []string, err error) {
	g.t.Helper()
	out, err := g.Export(context.Background(), s, q)
	if err != nil {
		return "", nil, err
	}
	var b strings.Builder
	add := func(records []*casefile.Record) {
		for _, rec := range records {
			line, err := json.Marshal(rec)
			if err != nil {
				g.t.Fatal(err)
			}
			b.Write(line)
		}
	}
	for c, err := range out.Cases {
		if err != nil {
			return b.String(), ids, err
		}
		ids = append(ids, c.ID)
		add(c.Records())
		add(c.Withdrawn())
		outside, err := out.Outside(c.Records())
		if err != nil {
			g.t.Fatal(err)
		}
		add(outside)
		files, err := out.Files(c.ID)
		if err != nil {
			g.t.Fatal(err)
		}
		for _, f := range files {
			content, err := f.Open()
			if err != nil {
				g.t.Fatal(err)
			}
			read, err := io.ReadAll(content)
			if err = errors.Join(err, content.Close()); err != nil {
				g.t.Fatal(err)
			}
			b.WriteString(f.Name)
			b.Write(read)
		}
	}
	if out.Total != len(ids) {
		g.t.Errorf("an export of %d cases has %d", out.Total, len(ids))
	}
	return b.String(), ids, nil
}

// TestExportKeepsConfidences: what leaves in an export is what its member could
// have handed on case by case, and nothing else.
func TestExportKeepsConfidences(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	north, south := g.session.Member.Orgs[0], g.session.Member.Orgs[1]
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	view, err := g.Case(ctx, g.session, g.cases[0], Clock{})
	must(err)
	report := view.Records[slices.IndexFunc(view.Records, func(r *casefile.Record) bool { return r.Kind == "report" })]
	g.later()
	_, err = g.PutRecord(ctx, g.session, RecordChange{Case: g.cases[0], Record: report.ID, Kind: "report", Seen: 1, Reason: "heard again", Fields: casefile.Fields{"received": {"2022-01-13"}, "summary": {"told anew"}}})
	must(err)
	_, err = g.AddFile(ctx, g.session, g.cases[0], NewFile{Name: "photo of planted.txt", Content: strings.NewReader("what is in the file")})
	must(err)
	must(g.AskReview(ctx, g.session, g.cases[0], "please look"))
	_, err = g.Grant(ctx, g.session, g.cases[1], NewGrant{To: "South", Part: access.Fact})
	must(err)
	must(g.Restrict(ctx, g.session, g.cases[2], true))

	worker := g.join("worker", []access.Role{access.CaseWorker}, north)
	text, ids, err := g.exported(worker, ExportQuery{})
	must(err)
	if slices.Sort(ids); !slices.Equal(ids, slices.Sorted(slices.Values(g.cases[:2]))) {
		t.Errorf("a case worker of the north exports %v", ids)
	}
	for _, want := range append(slices.Clone(planted[:]), "told anew", "heard again", "what is in the file", "photo of planted.txt") {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the export of one who reads it", want)
		}
	}
	for _, never := range []string{`"key"`, `"sealed"`, "please look", `"grant"`} {
		if strings.Contains(text, never) {
			t.Errorf("%s leaves with an export", never)
		}
	}

	// A coordinator of the south hands on the facts of what is open to them, and no word.
	coordinator := g.join("coordinator", []access.Role{access.Coordinator}, south)
	text, ids, err = g.exported(coordinator, ExportQuery{})
	must(err)
	if len(ids) != 3 || slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(g.cases[:3], id) }) {
		t.Errorf("a coordinator of the south exports %v", ids)
	}
	if strings.Contains(text, "Омаров") || strings.Contains(text, "нечего") || !strings.Contains(text, "2022-01-12") {
		t.Errorf("facts alone leave as %s", text)
	}

	// Who may not hand a case on exports none, and what is not open is not there.
	for _, role := range []access.Role{access.Analyst, access.Reviewer, access.Administrator, access.Intake, access.Trustee} {
		s := g.join(string(role), []access.Role{role}, south)
		if text, ids, err := g.exported(s, ExportQuery{}); len(ids) > 0 || text != "" || err != nil && !errors.Is(err, ErrNotAllowed) {
			t.Errorf("a %s exports %v: %v", role, ids, err)
		}
	}
	other := g.join("other", []access.Role{access.CaseWorker}, south)
	for _, id := range []string{g.cases[0], g.cases[2], view.Row.Number} {
		if _, _, err := g.exported(other, ExportQuery{Cases: []string{id}}); !errors.Is(err, ErrNotFound) {
			t.Errorf("another's case is %v", err)
		}
	}
	if _, _, err := g.exported(other, ExportQuery{Cases: []string{g.cases[1]}}); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a case granted to be read is handed on: %v", err)
	}

	// What was known at a moment leaves as it was then.
	text, _, err = g.exported(worker, ExportQuery{Cases: []string{view.Row.Number}, Query: Query{Clock: Clock{KnownBy: report.At}}})
	must(err)
	if strings.Contains(text, "told anew") || !strings.Contains(text, planted[8]) {
		t.Error("what was written later leaves with what was known before")
	}
}

// TestExportIsWrittenDownFirst: no case leaves before the audit says so, and
// none once its member may not hand it on any more.
func TestExportIsWrittenDownFirst(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	out, err := g.Export(ctx, g.session, ExportQuery{Query: Query{Facets: map[string][]string{"org": {g.session.Member.Orgs[0]}}}})
	if err != nil || out.Total != 3 {
		t.Fatalf("%+v %v", out, err)
	}
	before := len(g.lines(0))
	for range out.Cases {
		if got := acts(g.lines(before)); got != "read/cases/3 export/cases/3" && got != "export/cases/3" {
			t.Fatalf("the audit says %q when the first case leaves", got)
		}
		break
	}
	south := g.join("south", []access.Role{access.CaseWorker}, g.session.Member.Orgs[1])
	if out, err = g.Export(ctx, south, ExportQuery{}); err != nil {
		t.Fatal(err)
	}
	if err := g.Restrict(ctx, g.session, g.cases[4], true); err != nil {
		t.Fatal(err)
	}
	n := 0
	for c, err := range out.Cases {
		if err != nil || c.ID == g.cases[4] {
			t.Fatalf("a case that was restricted meanwhile leaves: %v", err)
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d cases left", n)
	}
}
