// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/statement"
)

const (
	draftStatement = "51000000000000000000000000000001"
	outStatement   = "51000000000000000000000000000002"
	fakeKey        = "kua/0123+89abcdef+AZ"
)

// fakeStatements is what is said in the invented register: one statement that
// is being written, and one that is published.
type fakeStatements struct {
	put       *registry.StatementChange
	published string // the id, and the reason that was given
	accept    bool   // something tells of few people
	tampered  bool
	public    registry.PublicPage
}

func fakeText(id string) registry.StatementText {
	t := registry.StatementText{AsOf: day("2022-05-17"), KnownBy: "2022-06-23", Titles: map[string]string{"en": "Joint statement", "ru": "Совместное заявление"}}
	t.Texts = map[string]string{
		"en": "# Torture goes unpunished\n\nWe registered **{{figure \"reports\"}}** people. Of these {{figure \"complaint_filed\"}} complained.[^1]\n\n{{chart \"reports\" \"complaint_filed\" \"closed\"}}\n\n{{table set=\"way\"}}\n\n{{quote case=\"K-0001\"}}They did not let me sleep.{{end}}\n\n[^1]: " + hostile + "\n",
		"ru": "# Пытки остаются безнаказанными\n\nМы получили {{figure \"reports\"}} сообщений; пожаловались {{figure \"complaint_filed\"}}.\n\n{{table \"reports\" by=\"region\"}}\n",
	}
	if id == draftStatement {
		t.KnownBy, t.Corrects = "", outStatement
		t.Titles["en"] = hostile
		t.Texts["en"] += "\n{{story case=\"K-0002\"}}\n\nHe was held for three days. Nobody told his family.\n\n{{end}}\n"
		t.Texts["kk"] = "Бізге {{figure \"жоқ\"}} хабар түсті.\n"
	}
	return t
}

func (f *fake) statementRows() []registry.StatementRow {
	return []registry.StatementRow{
		{ID: draftStatement, Titles: fakeText(draftStatement).Titles, AsOf: day("2022-05-17"), Changed: moment("2022-06-24T08:00:00Z"), Corrects: outStatement},
		{ID: outStatement, Titles: fakeText(outStatement).Titles, AsOf: day("2022-05-17"), Changed: moment("2022-06-20T08:00:00Z"), Published: moment("2022-06-23T12:00:00Z")},
	}
}

func (f *fake) Statements(_ context.Context, s *access.Session) ([]registry.StatementRow, error) {
	switch {
	case !access.Decide(s.Member, access.WriteText, access.Thing{}):
		return nil, registry.ErrNotAllowed
	case f.fails != nil || f.empty:
		return nil, f.fails
	}
	return f.statementRows(), nil
}

func (f *fake) Statement(ctx context.Context, s *access.Session, id string) (registry.StatementView, error) {
	rows, err := f.Statements(ctx, s)
	if err != nil {
		return registry.StatementView{}, err
	}
	i := slices.IndexFunc(rows, func(r registry.StatementRow) bool { return r.ID == id })
	if i < 0 {
		return registry.StatementView{}, registry.ErrNotFound
	}
	view := registry.StatementView{StatementRow: rows[i], Text: fakeText(id), Seen: 3, MayPublish: access.Decide(s.Member, access.Publish, access.Thing{})}
	if !rows[i].Published.IsZero() {
		view.Manifest = f.manifest()
	}
	return view, nil
}

// manifest is that of the published statement.
func (f *fake) manifest() []byte {
	checked := f.check(fakeText(outStatement))
	m := statement.Manifest{
		Format: statement.ManifestFormat, Register: "the invented register", Statement: outStatement, Published: moment("2022-06-23T12:00:00Z"), Entries: 2381,
		Root: strings.Repeat("5a1c0f", 10) + "77ee", KnownBy: moment("2022-06-22T23:59:59Z"), Checkpoint: "kua\n2381\n", K: 5, Least: 8, Accepted: hostile,
		Texts: []statement.TextSum{{Lang: "en", Title: "Joint statement", SHA256: "00"}, {Lang: "ru", Title: "Совместное заявление", SHA256: "00"}},
	}
	for i, a := range checked.Answers {
		a.KnownBy = m.KnownBy
		m.Figures = append(m.Figures, statement.Freeze("f"+string(rune('1'+i)), a, []byte("salt")))
	}
	text, err := m.Text()
	if err != nil {
		panic(err)
	}
	return []byte(text + "\n— kua AAAA\n")
}

func (f *fake) PublishedStatement(ctx context.Context, s *access.Session, id string) (registry.StatementView, statement.Filling, error) {
	view, err := f.Statement(ctx, s, id)
	if err != nil {
		return view, statement.Filling{}, err
	}
	if view.Manifest == nil {
		return view, statement.Filling{}, registry.ErrNotFound
	}
	m, err := statement.Peek(view.Manifest)
	if err != nil {
		return view, statement.Filling{}, err
	}
	filling, err := m.Filling(func(by []string) []statement.Facet { return f.facets(by) }, f.FigureSet)
	filling.Settings.AsOf, filling.Settings.KnownBy = view.Text.AsOf, m.KnownBy
	return view, filling, err
}

func (f *fake) PutStatement(_ context.Context, _ *access.Session, c registry.StatementChange) (string, error) {
	switch {
	case f.refuses != nil:
		return "", f.refuses
	case c.ID == outStatement:
		return "", registry.ErrPublished
	case c.ID == draftStatement && c.Seen != 3:
		return "", registry.ErrChanged
	}
	f.said.put = &c
	if c.ID == "" {
		c.ID = draftStatement
	}
	return c.ID, nil
}

func (f *fake) facets(by []string) (facets []statement.Facet) {
	for _, facet := range f.StatementFacets() {
		if slices.Contains(by, facet.ID) {
			facets = append(facets, facet)
		}
	}
	return facets
}

func (f *fake) StatementFacets() []statement.Facet {
	return []statement.Facet{
		{ID: "region", List: "region", Label: codebook.Label{En: "Region", Ru: "Регион", Kk: "Өңір"}},
		{ID: "sex", List: "sex", Label: codebook.Label{En: "Sex", Ru: "Пол", Kk: "Жынысы"}},
	}
}

func (f *fake) FigureSet(set string) (ids []string) {
	for _, v := range fakeValues {
		if def, ok := f.rules.Figure(v.ID); ok && slices.Contains(def.Sets, set) {
			ids = append(ids, v.ID)
		}
	}
	return ids
}

// check answers the figures of a text with the invented numbers.
func (f *fake) check(t registry.StatementText) registry.StatementCheck {
	c := registry.StatementCheck{Settings: statement.Settings{AsOf: t.AsOf, K: 5}, Entries: 2381, Root: strings.Repeat("5a1c0f", 10) + "77ee", Least: 8}
	if t.K != 0 {
		c.Settings.K = t.K
	}
	if c.Settings.AsOf == 0 {
		c.Settings.AsOf = f.Today()
	}
	if at, err := statement.ParseMoment(t.KnownBy); err == nil {
		c.Settings.KnownBy = at
	}
	for _, lang := range statement.Languages() {
		if t.Texts[lang] == "" {
			continue
		}
		text, err := statement.Parse(t.Texts[lang])
		var asks []statement.Ask
		if err == nil {
			asks, err = text.Asks(c.Settings, f.FigureSet)
		}
		if err != nil {
			found := registry.StatementFinding{Kind: registry.FindFault, Lang: lang, Args: []string{err.Error()}, Stops: true}
			var at *statement.FaultError
			if errors.As(err, &at) {
				found.Line, found.Args = at.Line, []string{at.Text}
			}
			c.Findings = append(c.Findings, found)
			continue
		}
		for _, ask := range asks {
			i := slices.IndexFunc(fakeValues, func(v registry.FigureValue) bool { return v.ID == ask.Figure })
			def, ok := f.rules.Figure(ask.Figure)
			if i < 0 || !ok {
				c.Findings = append(c.Findings, registry.StatementFinding{Kind: registry.FindFigure, Lang: lang, Line: text.LineOf(ask.Key(), c.Settings, f.FigureSet), Args: []string{ask.Figure}, Stops: true})
				continue
			}
			a := statement.Answer{Ask: ask, Label: def.Label, Help: def.Help, Unit: def.Unit, Norm: def.Source, Expr: def.Expr, Value: fakeValues[i].Value, Base: fakeValues[i].Base, Of: def.Base, Facet: f.facets(ask.By)}
			if len(ask.By) == 1 {
				a.Cells = []statement.Cell{{Codes: []string{"R-1"}, Value: 120}, {Codes: []string{"R-2"}, Value: 4, Hidden: true}}
				a.Rest = statement.Cell{Value: 40, Hidden: true}
			}
			if !slices.ContainsFunc(c.Answers, func(o statement.Answer) bool { return o.Key() == a.Key() }) {
				c.Answers = append(c.Answers, a)
			}
		}
		for _, p := range text.Passages() {
			for _, cover := range p.Covers {
				if cover.Case == "K-0002" {
					c.Findings = append(c.Findings, registry.StatementFinding{Kind: registry.FindConsent, Lang: lang, Line: p.Line, Sentence: p.Text, Args: []string{"K-0002", "publish_anonymous"}, Stops: true})
				}
			}
		}
	}
	if t.Corrects != "" {
		c.Findings = append(c.Findings, registry.StatementFinding{Kind: registry.FindLanguages, Lang: "ru", Args: []string{"closed"}})
	}
	if f.said.accept {
		c.Least = 1
		c.Findings = append(c.Findings, registry.StatementFinding{Kind: registry.FindRevealed, Args: []string{"1", hostile}, Accept: true})
	}
	return c
}

func (f *fake) CheckStatement(_ context.Context, _ *access.Session, t registry.StatementText) (registry.StatementCheck, error) {
	return f.check(t), f.fails
}

func (f *fake) PublishStatement(_ context.Context, s *access.Session, id string, seen int, accept string) (registry.Release, error) {
	switch {
	case !f.sessions.Fresh(s):
		return registry.Release{}, registry.ErrProof
	case f.refuses != nil:
		return registry.Release{}, f.refuses
	case seen != 3:
		return registry.Release{}, registry.ErrChanged
	}
	f.said.published = id + " " + accept
	return registry.Release{Statement: id, Manifest: f.manifest()}, nil
}

func (f *fake) VerifyStatement(_ context.Context, _ *access.Session, signed []byte) (registry.StatementVerdict, error) {
	m, err := statement.Peek(signed)
	if err != nil {
		return registry.StatementVerdict{}, err
	}
	v := registry.StatementVerdict{Manifest: m, Signed: true, Known: m.Statement == outStatement, Ledger: true}
	for i, fig := range m.Figures {
		verdict := registry.FigureVerdict{ID: fig.ID, State: registry.FigureSame, Published: fig.Value, Then: fig.Value, Now: fig.Value, Definition: true}
		if i == 0 {
			verdict.State, verdict.Now, verdict.Unseen = registry.FigureChanged, fig.Value-1, 2
			verdict.Went = []registry.CaseChange{{CaseRef: registry.CaseRef{ID: caseOne, Number: "K-0001"}, Why: registry.ChangeWithdrawn}}
			verdict.Came = []registry.CaseChange{{CaseRef: registry.CaseRef{ID: caseTwo, Number: "K-0002"}, Why: registry.ChangeNew}}
		}
		if f.said.tampered && i == 1 {
			verdict.State, verdict.Then = registry.FigureTampered, fig.Value+7
		}
		v.Figures = append(v.Figures, verdict)
	}
	if f.said.tampered {
		v.Signed, v.Ledger, v.Altered = false, false, []string{"f2", "k"}
		v.Texts = []registry.TextVerdict{{Lang: "ru"}}
		v.Findings = []registry.StatementFinding{{Kind: registry.FindWithdrawn, Lang: "en", Line: 3, Sentence: hostile, Args: []string{"K-0001", "publish_anonymous", "2022-06-23"}, Stops: true}}
	}
	return v, nil
}

func (f *fake) StatementKey(_ context.Context, s *access.Session) (string, error) {
	if !access.Decide(s.Member, access.WriteText, access.Thing{}) && !access.Decide(s.Member, access.Verify, access.Thing{}) {
		return "", registry.ErrNotAllowed
	}
	return fakeKey, f.fails
}

func (f *fake) PublicPage(_ context.Context, s *access.Session) (registry.PublicPage, bool, error) {
	return f.said.public, access.Decide(s.Member, access.Publish, access.Thing{}) || access.Decide(s.Member, access.Administer, access.Thing{}), f.fails
}

func (f *fake) SetPublicPage(_ context.Context, s *access.Session, p registry.PublicPage) error {
	switch {
	case !f.sessions.Fresh(s):
		return registry.ErrProof
	case p.On && p.Name == "":
		return registry.ErrPublicName
	}
	f.said.public = p
	return nil
}
