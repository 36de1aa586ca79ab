// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/ledger"
)

// fetched is all that an export says that is fetched.
func (g *register) fetched(s *access.Session, id string) (string, error) {
	g.t.Helper()
	out, err := g.FetchExport(context.Background(), s, id)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for c, err := range out.Export.Cases {
		if err != nil {
			return "", err
		}
		for _, rec := range c.Records() {
			b.WriteString(rec.Kind + " ")
			for _, id := range slices.Sorted(func(yield func(string) bool) {
				for id := range rec.Fields {
					if !yield(id) {
						return
					}
				}
			}) {
				b.WriteString(id + "=" + strings.Join(rec.Fields[id], ";") + " ")
			}
			b.WriteString(rec.Source)
			for _, ch := range rec.History {
				b.WriteString(ch.Reason + ch.Source)
			}
		}
	}
	return b.String(), nil
}

// TestExportForAPurpose: what leaves is what the purpose names, by the consent to
// it, and nothing where it is refused.
func TestExportForAPurpose(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	id := g.cases[0]
	ask := NewExport{Cases: []string{id}, Format: "kua", Purpose: "un", To: "the Committee", Key: "age1x", Reason: "a letter"}
	leaves := func(want, never []string) {
		t.Helper()
		a, err := g.AskExport(ctx, g.session, ask)
		if err != nil {
			t.Fatal(err)
		}
		if a.State != ExportOpen || !a.MayFetch || a.MayAnswer {
			t.Fatalf("asked for, it is %+v", a)
		}
		text, err := g.fetched(g.session, a.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%q does not leave for %s: %s", w, ask.Purpose, text)
			}
		}
		for _, w := range never {
			if strings.Contains(text, w) {
				t.Errorf("%q leaves for %s", w, ask.Purpose)
			}
		}
	}
	consent := func(purpose, state string) {
		t.Helper()
		g.later()
		if err := g.Write(ctx, g.session, id, []Put{{Record: ledger.NewID().String(), Kind: "consent", Fields: casefile.Fields{"purpose": {purpose}, "state": {state}, "given": {"2022-01-12"}}}}, nil, "", "told by phone"); err != nil {
			t.Fatal(err)
		}
	}
	words := append(slices.Clone(planted[:4]), planted[8])
	leaves([]string{"received=2022-01-12", "sex=m"}, planted)
	consent("un", "given")
	leaves(words, append(slices.Clone(planted[4:7]), planted[9], "told by phone", "consent")) // no number, no telephone, no address, no source
	ask.Purpose = "research"
	consent("research", "given")
	leaves([]string{"received=2022-01-12"}, planted)
	ask.Purpose = "own"
	leaves(planted, nil)
	consent("un", "withdrawn")
	ask.Purpose = "un"
	leaves(nil, []string{"received"})

	for what, change := range map[string]func(n *NewExport){
		"no purpose":          func(n *NewExport) { n.Purpose = "curiosity" },
		"nobody":              func(n *NewExport) { n.To = " " },
		"no reason":           func(n *NewExport) { n.Reason = "" },
		"no key":              func(n *NewExport) { n.Key = "" },
		"no case":             func(n *NewExport) { n.Cases = nil },
		"all and some":        func(n *NewExport) { n.All = true },
		"whole in their form": func(n *NewExport) { n.Purpose, n.Format = "own", "uwazi" },
		"not there":           func(n *NewExport) { n.Cases = []string{"K-1"} },
	} {
		n := ask
		change(&n)
		if _, err := g.AskExport(ctx, g.session, n); err == nil {
			t.Errorf("%s: taken", what)
		}
	}

	// It is over after its days, and nobody else fetches it.
	a, err := g.AskExport(ctx, g.session, ask)
	if err != nil {
		t.Fatal(err)
	}
	other := g.join("other", []access.Role{access.CaseWorker}, g.session.Member.Orgs[0])
	if _, err := g.fetched(other, a.ID); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("somebody else fetches it: %v", err)
	}
	stranger := g.join("stranger", []access.Role{access.CaseWorker}, g.session.Member.Orgs[1])
	if _, err := g.fetched(stranger, a.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("a stranger is told %v", err)
	}
	if acts, err := g.Exports(ctx, stranger); err != nil || len(acts) > 0 {
		t.Errorf("a stranger sees %+v: %v", acts, err)
	}
	g.clock.t = g.clock.t.Add((ExportLasts + 1) * 24 * time.Hour)
	s, err := g.SignIn(ctx, "aigerim", testPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.fetched(s, a.ID); !errors.Is(err, ErrExportClosed) {
		t.Errorf("after its last day it is fetched: %v", err)
	}
}

// TestExportNeedsTwo: where an organisation wants it, nothing of its cases leaves
// before a second of its people agreed, who may hand them on themself.
func TestExportNeedsTwo(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	north, south := g.session.Member.Orgs[0], g.session.Member.Orgs[1]
	must(g.WantSecond(ctx, g.session, north, true))
	second := g.join("second", []access.Role{access.CaseWorker}, north)
	stranger := g.join("stranger", []access.Role{access.CaseWorker}, south)
	reader := g.join("reader", []access.Role{access.Reviewer}, north)
	if err := g.WantSecond(ctx, stranger, north, false); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a stranger says that nobody else is needed: %v", err)
	}
	ask := NewExport{All: true, Format: "kua", Purpose: "own", To: "ourselves", Key: "age1x", Reason: "we move"}
	for _, n := range []NewExport{ask, {Cases: []string{g.cases[0], g.cases[3]}, Format: "kua", Purpose: "un", To: "x", Key: "age1x", Reason: "y"}} {
		before := len(g.lines(0))
		a, err := g.AskExport(ctx, second, n)
		if n.All {
			must(err)
		} else {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("cases of the south are asked for: %v", err)
			}
			continue
		}
		if a.State != ExportAsked {
			t.Fatalf("it is %s", a.State)
		}
		if got := acts(g.lines(before)); !strings.Contains(got, "export/export_asked/3") {
			t.Errorf("the audit says %q", got)
		}
		if _, err := g.fetched(second, a.ID); !errors.Is(err, ErrExportWaits) {
			t.Errorf("it is fetched before anybody agreed: %v", err)
		}
		if err := g.AnswerExport(ctx, second, a.ID, true, ""); !errors.Is(err, ErrExportSelf) {
			t.Errorf("one agrees to one's own: %v", err)
		}
		for _, s := range []*access.Session{stranger, reader} {
			if err := g.AnswerExport(ctx, s, a.ID, true, ""); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s agrees: %v", s.Member.Name, err)
			}
		}
		for _, w := range []struct {
			s     *access.Session
			waits int
		}{{g.session, 1}, {second, 0}, {stranger, 0}, {reader, 0}} { // who may agree is told of it, and nobody else
			page, err := g.Tasks(ctx, w.s, TaskQuery{})
			must(err)
			n := 0
			for _, d := range page.Tasks {
				if d.Export == a.ID {
					n++
				}
			}
			letter, err := g.letter(ctx, w.s.Member, &reminders{Often: Daily})
			must(err)
			none, err := g.dueItems(ctx, w.s.Member, DueQuery{From: edtf.MinDay, To: edtf.MaxDay, Kinds: []string{DueExport}})
			must(err)
			if n != w.waits || len(none) != w.waits || letter.Tasks < w.waits {
				t.Errorf("%s is told of %d exports, %d are due, the letter says %+v", w.s.Member.Name, n, len(none), letter)
			}
			if one, err := g.OneExport(ctx, w.s, a.ID); w.s == stranger || w.s == reader {
				if !errors.Is(err, ErrNotFound) {
					t.Errorf("%s looks at it: %v", w.s.Member.Name, err)
				}
			} else if err != nil || one.ID != a.ID || one.MayAnswer != (w.waits == 1) {
				t.Errorf("%s looks at %+v, %v", w.s.Member.Name, one, err)
			}
		}
		if seen, err := g.Exports(ctx, g.session); err != nil || len(seen) != 1 || !seen[0].MayAnswer || seen[0].By != "second" {
			t.Errorf("who may agree sees %+v: %v", seen, err)
		}
		if err := g.AnswerExport(ctx, g.session, a.ID, false, ""); !errors.Is(err, ErrReason) {
			t.Errorf("refused without a word: %v", err)
		}
		must(g.AnswerExport(ctx, g.session, a.ID, true, "as agreed"))
		for range 2 { // that it was fetched is written by who fetched it, who has not agreed by that
			text, err := g.fetched(second, a.ID)
			if err != nil || !strings.Contains(text, planted[0]) {
				t.Errorf("agreed to, it is %q: %v", text, err)
			}
			if seen, err := g.Exports(ctx, g.session); err != nil || seen[0].Fetched != g.Today() || seen[0].AnsweredBy != g.session.Member.Name {
				t.Errorf("once fetched it is %+v: %v", seen, err)
			}
		}
		if err := g.AnswerExport(ctx, g.session, a.ID, false, "no"); !errors.Is(err, ErrExportClosed) {
			t.Errorf("answered twice: %v", err)
		}
	}
	a, err := g.AskExport(ctx, second, ask)
	must(err)
	must(g.AnswerExport(ctx, g.session, a.ID, false, "not without the board"))
	if _, err := g.fetched(second, a.ID); !errors.Is(err, ErrExportClosed) {
		t.Errorf("refused, it is fetched: %v", err)
	}
}
