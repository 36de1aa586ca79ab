// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/statement"
)

type publishBody struct {
	Href, Title, Problem string
	Unreviewed           []string
	Stops, Accepts, More []findingLine
	K, Least             string
	Few                  bool // the smallest group is smaller than k
	Seen, Accept         string
	Figures              []frozenLine
	Outside              []pair
	Facts                []pair
	Langs                string
	May                  bool // nothing stands in the way
}

// frozenLine is a figure as it is, or will be, bound to a statement.
type frozenLine struct {
	ID, Label, Help, Value, Href, Clocks, Unit, Norm, Expr, Scope, Cells, Cases string
}

// clocksOf says of what days a figure is.
func (v *visit) clocksOf(asOf edtf.Day, known time.Time) string {
	if known.IsZero() {
		return v.T("statements.clocks.now", asOf)
	}
	return v.T("statements.clocks", asOf, v.moment(known))
}

// frozenAnswer is what of an answer would be frozen.
func (s *server) frozenAnswer(v *visit, a statement.Answer) frozenLine {
	l := frozenLine{Label: v.in(a.Label), Help: v.in(a.Help), Value: v.Number(a.Value), Href: s.casesBehind(v)(a, nil), Unit: v.in(a.Unit), Norm: v.norm(a.Norm), Expr: a.Expr, Scope: v.scopeName(a.Scope)}
	l.Clocks = v.clocksOf(a.AsOf, a.KnownBy)
	if len(a.By) > 0 {
		hidden := 0
		for _, c := range append(a.Cells, a.Rest) {
			if c.Hidden {
				hidden++
			}
		}
		l.Cells = v.T("statements.cells", len(a.Cells), hidden)
		var by []string
		for _, f := range a.Facet {
			by = append(by, v.in(f.Label))
		}
		l.Label = join(append([]string{l.Label}, by...))
	}
	return l
}

// frozen is a figure that was frozen.
func (s *server) frozen(v *visit, f statement.Frozen, a statement.Answer) frozenLine {
	l := s.frozenAnswer(v, a)
	l.ID, l.Cases = f.ID, f.Cases
	return l
}

// scopeName names whose cases are counted.
func (v *visit) scopeName(scope string) string {
	if scope == statement.Coalition {
		return v.T("figures.scope.coalition")
	}
	if org, ok := v.reg.Organisation(v.r.Context(), scope); ok {
		return org.Name
	}
	return scope
}

func (s *server) publishPage(v *visit) error {
	view, err := s.reg.Statement(v.r.Context(), v.session, v.r.PathValue("id"))
	switch {
	case err != nil:
		return err
	case !view.MayPublish:
		return registry.ErrNotAllowed
	case view.Manifest != nil:
		v.redirect(statementPath(view.ID))
		return nil
	}
	return s.showPublish(v, view, "", "")
}

func (s *server) showPublish(v *visit, view registry.StatementView, accept, problem string) error {
	checked, err := s.reg.CheckStatement(v.r.Context(), v.session, view.Text)
	if err != nil {
		return err
	}
	body := publishBody{
		Href: statementPath(view.ID), Title: v.statementTitle(view.Titles), Problem: problem, Unreviewed: v.unreviewed(),
		K: v.Number(checked.Settings.K), Least: v.least(checked.Least), Few: checked.Least > 0 && checked.Least < checked.Settings.K,
		Seen: strconv.Itoa(view.Seen), Accept: accept, Langs: v.langNames(view.Text.Texts),
	}
	for _, f := range v.findings(view.Text, checked.Findings, body.Href+"/edit") {
		switch {
		case f.Stops:
			body.Stops = append(body.Stops, f)
		case f.Accept:
			body.Accepts = append(body.Accepts, f)
		default:
			body.More = append(body.More, f)
		}
	}
	body.May = len(body.Stops) == 0 && len(view.Text.Texts) > 0
	for _, a := range checked.Answers {
		body.Figures = append(body.Figures, s.frozenAnswer(v, a))
	}
	for _, a := range checked.Outside {
		body.Outside = append(body.Outside, pair{join([]string{v.in(a.Label), v.in(a.Publisher)}), a.Value})
	}
	body.Facts = []pair{{v.T("statements.as_of"), v.Day(view.Text.AsOf)}, {v.T("statements.known_by"), v.knownBy(view.Text.KnownBy)}, {v.T("about.entries"), v.Number(int(checked.Entries))}}
	return s.show(v, "statement-publish", v.T("statements.publish"), body)
}

// publishStatement publishes; the registry asks for the passphrase.
func (s *server) publishStatement(v *visit) error {
	ctx := v.r.Context()
	id, accept := v.r.PathValue("id"), strings.TrimSpace(v.r.PostFormValue("accept"))
	_, err := s.reg.PublishStatement(ctx, v.session, id, seenOf(v.r.PostForm), accept)
	problem := ""
	var un *registry.UnpublishedError
	switch {
	case err == nil:
		s.published()
		v.redirect(link(statementPath(id), "done", "published"))
		return nil
	case errors.Is(err, registry.ErrAccept):
		problem = v.T("statements.problem.accept")
	case errors.As(err, &un):
		problem = v.T("statements.problem.stops")
	case errors.Is(err, registry.ErrChanged):
		problem = v.T("statements.problem.changed")
	case errors.Is(err, registry.ErrNoText):
		problem = v.T("statements.problem.text")
	case errors.Is(err, registry.ErrNoAncestor):
		problem = v.T("statements.problem.ancestor")
	case errors.Is(err, registry.ErrPublished):
		v.redirect(statementPath(id))
		return nil
	default:
		return err
	}
	view, verr := s.reg.Statement(ctx, v.session, id)
	if verr != nil {
		return verr
	}
	v.status = http.StatusUnprocessableEntity
	return s.showPublish(v, view, accept, problem)
}

// verifyLimit is how long a manifest may be that is given to be verified, in bytes.
const verifyLimit = 4 << 20

type verifyBody struct {
	Problem     string
	Given       bool   // there is a verdict
	Own         string // address of the statement; empty: it was given as a file
	Title       string
	Good, Bad   string // the verdict as a sentence
	Reasons     []string
	Published   string
	Figures     []verdictLine
	Outside     []outsideVerdict
	Findings    []findingLine
	Correct     string
	CorrectedBy valueText
	Changed     bool
}

type verdictLine struct {
	ID, Label, State, Tag, Published, Then, Now, Clocks, Href string
	Definition                                                string // what became of the definition
	Came, Went, Moved                                         []caseChange
	Unseen                                                    string
}

type caseChange struct{ Number, Href, Why string }

type outsideVerdict struct {
	Label, Value string
	Same         bool
}

// verifyPage asks for a manifest.
func (s *server) verifyPage(v *visit) error {
	if _, err := s.reg.StatementKey(v.r.Context(), v.session); err != nil { // who may verify has the key
		return err
	}
	return s.show(v, "statement-verify", v.T("statements.verify"), verifyBody{})
}

// verifyGiven verifies a manifest that somebody has.
func (s *server) verifyGiven(v *visit) error {
	signed, err := v.given("manifest", verifyLimit)
	if err != nil {
		return err
	}
	return s.showVerdict(v, signed, "")
}

// given is what a form brings, as a file or as text. It is read in memory:
// nothing of it lies in a temporary file.
func (v *visit) given(name string, most int64) ([]byte, error) {
	media, _, err := mime.ParseMediaType(v.r.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" {
		return []byte(strings.ReplaceAll(v.r.PostFormValue(name), "\r\n", "\n")), nil
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, most)
	parts, err := v.r.MultipartReader()
	if err != nil {
		return nil, errBadRequest
	}
	var text []byte
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return text, nil
		}
		if err != nil {
			return nil, errBadRequest
		}
		if part.FormName() != name {
			continue
		}
		read, err := io.ReadAll(part)
		if err != nil {
			return nil, errBadRequest
		}
		if len(read) > 0 {
			text = read
		}
		if part.FileName() == "" {
			text = []byte(strings.ReplaceAll(string(text), "\r\n", "\n"))
		}
	}
}

// verifyStatement verifies a published statement of this register.
func (s *server) verifyStatement(v *visit) error {
	view, err := s.reg.Statement(v.r.Context(), v.session, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if view.Manifest == nil {
		return registry.ErrNotFound
	}
	return s.showVerdict(v, view.Manifest, view.ID)
}

func (s *server) showVerdict(v *visit, signed []byte, own string) error {
	ctx := v.r.Context()
	verdict, err := s.reg.VerifyStatement(ctx, v.session, signed)
	if errors.Is(err, statement.ErrNoManifest) {
		v.status = http.StatusUnprocessableEntity
		return s.show(v, "statement-verify", v.T("statements.verify"), verifyBody{Problem: v.T("statements.problem.manifest")})
	}
	if err != nil {
		return err
	}
	m := verdict.Manifest
	body := verifyBody{Given: true, Published: v.moment(m.Published), Title: v.T("statements.verify")}
	titles := map[string]string{}
	for _, t := range m.Texts {
		titles[t.Lang] = t.Title
	}
	body.Title = v.statementTitle(titles)
	if verdict.Known {
		own = m.Statement
	}
	if own != "" {
		body.Own = statementPath(own)
	}
	switch {
	case verdict.Holds():
		body.Good = v.T("statements.verdict.holds")
	case !verdict.Known:
		body.Bad = v.T("statements.verdict.unknown")
	default:
		body.Bad = v.T("statements.verdict.broken")
	}
	say := func(bad bool, key string, args ...any) {
		if bad {
			body.Reasons = append(body.Reasons, v.T("statements.verdict."+key, args...))
		}
	}
	say(!verdict.Signed, "signature")
	say(verdict.Known && !verdict.Ledger, "ledger")
	say(len(verdict.Altered) > 0, "altered", strings.Join(verdict.Altered, ", "))
	for _, t := range verdict.Texts {
		say(!t.Same, "text", v.T("statement.lang."+t.Lang))
	}
	for i, f := range verdict.Figures {
		line := s.verdictLine(v, m.Figures[i], f)
		body.Changed = body.Changed || f.State != registry.FigureSame
		body.Figures = append(body.Figures, line)
	}
	for _, o := range verdict.Outside {
		body.Outside = append(body.Outside, outsideVerdict{join([]string{v.label("indicator", o.Indicator), v.in(o.Publisher)}), o.Value, o.Same})
	}
	body.Findings = v.findings(registry.StatementText{}, verdict.Findings, "")
	for i := range body.Findings {
		body.Findings[i].Href = ""
	}
	if verdict.CorrectedBy != "" {
		next, err := s.reg.Statement(ctx, v.session, verdict.CorrectedBy)
		if err != nil && !errors.Is(err, registry.ErrNotAllowed) {
			return err
		}
		body.CorrectedBy = valueText{v.statementTitle(next.Titles), statementPath(verdict.CorrectedBy)}
	} else if verdict.Known {
		body.Correct = link("/statements/new", "corrects", m.Statement)
	}
	return s.show(v, "statement-verify", v.T("statements.verify"), body)
}

func (s *server) verdictLine(v *visit, f statement.Frozen, verdict registry.FigureVerdict) verdictLine {
	line := verdictLine{
		ID: f.ID, Label: v.in(f.Label), State: v.T("statement.state." + verdict.State), Published: v.Number(verdict.Published), Then: v.Number(verdict.Then), Now: v.Number(verdict.Now),
	}
	line.Tag = map[string]string{registry.FigureSame: "good", registry.FigureChanged: "wait", registry.FigureErased: "wait", registry.FigureTampered: "bad"}[verdict.State]
	if ask, err := f.Ask(); err == nil {
		line.Clocks = v.clocksOf(ask.AsOf, f.KnownBy)
		line.Href = s.casesBehind(v)(statement.Answer{Ask: statement.Ask{Figure: ask.Figure, AsOf: ask.AsOf, Scope: ask.Scope, Verified: ask.Verified}}, nil)
		if _, ok := s.reg.Rules().Figure(ask.Figure); !ok {
			line.Href = ""
		}
	}
	if !verdict.Definition {
		line.Definition = v.T("statements.verdict.definition")
	}
	changes := func(list []registry.CaseChange) (out []caseChange) {
		for _, c := range list {
			out = append(out, caseChange{c.Number, "/cases/" + c.ID, v.T("statement.change." + c.Why)})
		}
		return out
	}
	line.Came, line.Went, line.Moved = changes(verdict.Came), changes(verdict.Went), changes(verdict.Changed)
	if verdict.Unseen > 0 {
		line.Unseen = v.N("statements.unseen", verdict.Unseen)
	}
	return line
}
