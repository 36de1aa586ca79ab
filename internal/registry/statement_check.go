// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/names"
	"github.com/kua-registry/kua/internal/statement"
)

// What the findings about a text are. The words for each are the message
// statement.finding.<kind>, with the finding's arguments.
const (
	FindFault     = "fault"     // the text can't be read: the words of the fault
	FindFigure    = "figure"    // there is no such figure: its name
	FindFacet     = "facet"     // a figure can't be broken down so: the facet
	FindScope     = "scope"     // no such organisation, or not to be counted by the member: its name
	FindOutside   = "outside"   // nobody published such a figure: the indicator
	FindAmbiguous = "ambiguous" // several did: the indicator, how many
	FindCase      = "case"      // no such case, or not open to the member: its number
	FindConsent   = "consent"   // no consent for the purpose: number, purpose
	FindWithdrawn = "withdrawn" // the consent was withdrawn or refused: number, purpose, day
	FindExpired   = "expired"   // it holds no longer: number, purpose, day
	FindRisk      = "risk"      // the risk is above the limit: number, level
	FindName      = "name"      // it names somebody of a case: number
	FindSmall     = "small"     // a whole figure tells of few: figure, value
	FindRevealed  = "revealed"  // a reader can compute the number of few: how many, from what
	FindKept      = "kept"      // a reader can compute a number kept back: which, from what
	FindLanguages = "languages" // a language has figures that another has not: language, figure
)

// StatementFinding is something to know before a text is published.
type StatementFinding struct {
	Kind     string
	Lang     string // of the text; empty: all
	Line     int    // of the text; 0: none
	Sentence string // that is not covered
	Args     []string
	Stops    bool // it can't be published so
	Accept   bool // it can, if somebody says why
}

// In says a finding in a language.
func (f StatementFinding) In(l *locale.Language, book *codebook.Book) string {
	args := make([]any, len(f.Args))
	for i, arg := range f.Args {
		switch {
		case i == 1 && (f.Kind == FindConsent || f.Kind == FindWithdrawn || f.Kind == FindExpired):
			arg = book.Label("consent_purpose", arg, l.Code())
		case i == 1 && f.Kind == FindRisk:
			arg = book.Label("risk_level", arg, l.Code())
		}
		args[i] = arg
	}
	return l.T("statement.finding."+f.Kind, args...)
}

// StatementCheck is what a text would say, and what is to be known of it.
type StatementCheck struct {
	Answers  []statement.Answer
	Outside  []statement.OutsideAnswer
	Findings []StatementFinding
	Settings statement.Settings
	Least    int // the smallest group that is told, or can be computed with all that was published before; 0: none
	Entries  uint64
	Root     string
}

// Filling is what the texts are filled with.
func (c StatementCheck) Filling(sets func(string) []string) statement.Filling {
	return statement.Filling{Settings: c.Settings, Sets: sets, Answers: c.Answers, Outside: c.Outside}
}

func (c StatementCheck) mustAccept() bool {
	return slices.ContainsFunc(c.Findings, func(f StatementFinding) bool { return f.Accept })
}

// riskLimit is the highest risk at which a story, a quote, a name or a photo
// of somebody goes out. Above it publishing waits, whatever was consented to.
const riskLimit = "r2"

// CheckStatement answers the figures of a text and what stands in the way of
// publishing it.
func (r *Registry) CheckStatement(ctx context.Context, s *access.Session, t StatementText) (_ StatementCheck, err error) {
	defer r.refusal(ctx, s, "statement", "", &err)
	if !access.Decide(s.Member, access.WriteText, access.Thing{}) || !access.Decide(s.Member, access.Count, access.Thing{}) {
		return StatementCheck{}, ErrNotAllowed
	}
	if t.AsOf == 0 {
		t.AsOf = r.Today()
	}
	set, err := t.settings()
	if err != nil {
		return StatementCheck{}, err
	}
	return r.checkText(ctx, s, t, set)
}

// FigureSet are the ids of the figures of a set, in order.
func (r *Registry) FigureSet(set string) (ids []string) {
	for _, def := range r.rules.Figures() {
		if slices.Contains(def.Sets, set) {
			ids = append(ids, def.ID)
		}
	}
	return ids
}

// checking is a text under examination.
type checking struct {
	r   *Registry
	s   *access.Session
	set statement.Settings
	StatementCheck
	who map[string]string // unit, by its first case → its name in all answers
}

func (r *Registry) checkText(ctx context.Context, s *access.Session, t StatementText, set statement.Settings) (StatementCheck, error) {
	c := &checking{r: r, s: s, set: set, who: map[string]string{}}
	c.Settings = set
	size, root, err := r.counted(ctx)
	if err != nil {
		return StatementCheck{}, err
	}
	c.Entries, c.Root = size, root.String()
	asked := map[string]map[string]string{} // by language: key → figure
	for _, lang := range statement.Languages() {
		source, ok := t.Texts[lang]
		if !ok {
			continue
		}
		text, err := statement.Parse(source)
		if err != nil {
			c.faulty(lang, err)
			continue
		}
		asks, err := text.Asks(set, r.FigureSet)
		if err != nil {
			c.faulty(lang, err)
			continue
		}
		asked[lang] = map[string]string{}
		for _, ask := range asks {
			asked[lang][ask.Key()] = ask.Figure
			if err := c.ask(ctx, lang, text, ask); err != nil {
				return StatementCheck{}, err
			}
		}
		for _, ask := range text.OutsideAsks() {
			if err := c.askOutside(ctx, lang, text, ask); err != nil {
				return StatementCheck{}, err
			}
		}
		if err := c.covers(ctx, lang, text); err != nil {
			return StatementCheck{}, err
		}
		if err := c.unsaidNames(ctx, lang, text); err != nil {
			return StatementCheck{}, err
		}
	}
	c.compareLanguages(asked)
	if err := c.disclosure(ctx); err != nil {
		return StatementCheck{}, err
	}
	return c.StatementCheck, nil
}

func (c *checking) find(f StatementFinding) {
	if !slices.ContainsFunc(c.Findings, func(o StatementFinding) bool {
		return o.Kind == f.Kind && o.Lang == f.Lang && o.Line == f.Line && o.Sentence == f.Sentence && slices.Equal(o.Args, f.Args)
	}) {
		c.Findings = append(c.Findings, f)
	}
}

func (c *checking) faulty(lang string, err error) {
	f := StatementFinding{Kind: FindFault, Lang: lang, Args: []string{err.Error()}, Stops: true}
	var at *statement.FaultError
	if errors.As(err, &at) {
		f.Line, f.Args = at.Line, []string{at.Text}
	}
	c.find(f)
}

// ask answers one question, once for all languages.
func (c *checking) ask(ctx context.Context, lang string, text *statement.Text, ask statement.Ask) error {
	if slices.ContainsFunc(c.Answers, func(a statement.Answer) bool { return a.Key() == ask.Key() }) {
		return nil
	}
	stop := func(kind, arg string) error {
		c.find(StatementFinding{Kind: kind, Lang: lang, Line: text.LineOf(ask.Key(), c.set, c.r.FigureSet), Args: []string{arg}, Stops: true})
		return nil
	}
	scope := c.r.scopeID(ctx, ask.Scope)
	if !c.r.countsScope(ctx, c.s.Member, scope) {
		return stop(FindScope, ask.Scope)
	}
	a, err := c.r.answer(ctx, ask, scope, c.who)
	switch {
	case errors.Is(err, index.ErrNoRule):
		return stop(FindFigure, ask.Figure)
	case errors.Is(err, index.ErrNoFacet):
		return stop(FindFacet, strings.Join(ask.By, ", "))
	case err != nil:
		return err
	}
	c.Answers = append(c.Answers, a)
	return nil
}

// scopeID is the scope of the index that a text names: an organisation may be
// named by its name.
func (r *Registry) scopeID(ctx context.Context, scope string) string {
	if org, ok := r.Organisation(ctx, scope); ok && scope != statement.Coalition {
		return org.ID
	}
	return scope
}

// answer counts. who takes in what the units are called in all answers.
func (r *Registry) answer(ctx context.Context, ask statement.Ask, scope string, who map[string]string) (statement.Answer, error) {
	clock := Clock{AsOf: ask.AsOf, KnownBy: ask.KnownBy}
	def, ok := r.rules.Figure(ask.Figure)
	if !ok {
		return statement.Answer{}, index.ErrNoRule
	}
	values, err := r.index.Figures(ctx, clock, scope, ask.Verified, []string{ask.Figure})
	if err != nil {
		return statement.Answer{}, err
	}
	units, err := r.index.Units(ctx, clock, scope, ask.Verified, ask.Figure, ask.By)
	if err != nil {
		return statement.Answer{}, err
	}
	if len(units) != values[0].Value {
		return statement.Answer{}, errors.New("the index counts in two ways and comes to two numbers: stop the program and start it anew, which makes the index again")
	}
	a := statement.Answer{Ask: ask, Label: def.Label, Help: def.Help, Unit: def.Unit, Norm: def.Source, Expr: def.Expr,
		Value: values[0].Value, Base: values[0].Base, Of: def.Base}
	found, called := unitsOf(units)
	a.Units = found
	maps.Copy(who, called)
	r.breakDown(&a)
	return a, nil
}

// breakDown counts the cells of an answer.
func (r *Registry) breakDown(a *statement.Answer) {
	if len(a.By) == 0 {
		return
	}
	a.Facet = r.facetsOf(a.By)
	order := make([]map[string]int, len(a.By)) // of codes, as the codebook has them: an order by number would tell of numbers kept back
	for i, f := range a.Facet {
		order[i] = map[string]int{}
		if list, ok := r.book.List(f.List); ok {
			for n, code := range list.Codes {
				order[i][code.Code] = n + 1
			}
		}
	}
	counts := map[string]int{}
	for _, u := range a.Units {
		if u.Whole || slices.ContainsFunc(u.Codes, func(codes []string) bool { return len(codes) == 0 }) {
			a.Rest.Value++
			continue
		}
		for _, combination := range combine(u.Codes) {
			counts[strings.Join(combination, "\x1f")]++
		}
		for i, codes := range u.Codes {
			a.Facet[i].Many = a.Facet[i].Many || len(codes) > 1
		}
	}
	for key, n := range counts {
		a.Cells = append(a.Cells, statement.Cell{Codes: strings.Split(key, "\x1f"), Value: n})
	}
	slices.SortFunc(a.Cells, func(x, y statement.Cell) int {
		for i := range x.Codes {
			if d := cmp.Or(cmp.Compare(order[i][x.Codes[i]], order[i][y.Codes[i]]), cmp.Compare(x.Codes[i], y.Codes[i])); d != 0 {
				return d
			}
		}
		return 0
	})
}

// facetsOf are the facets of a breakdown.
func (r *Registry) facetsOf(by []string) (facets []statement.Facet) {
	for _, id := range by {
		f := statement.Facet{ID: id}
		for _, def := range r.index.FacetDefs() {
			if def.ID == id {
				f.List = def.List
				if list, ok := r.book.List(def.List); ok {
					f.Label = list.Label
				}
				if k, ok := r.book.Kind(def.Kind); ok {
					if field, ok := k.Field(def.Field); ok {
						f.Label = field.Label
					}
				}
			}
		}
		facets = append(facets, f)
	}
	return facets
}

// combine answers every choice of one code of each facet.
func combine(codes [][]string) (all [][]string) {
	all = [][]string{nil}
	for _, facet := range codes {
		var next [][]string
		for _, before := range all {
			for _, code := range facet {
				next = append(next, append(slices.Clone(before), code))
			}
		}
		all = next
	}
	return all
}

// askOutside finds what others published.
func (c *checking) askOutside(ctx context.Context, lang string, text *statement.Text, ask statement.OutsideAsk) error {
	if slices.ContainsFunc(c.Outside, func(a statement.OutsideAnswer) bool { return a.OutsideAsk == ask }) {
		return nil
	}
	found, err := c.r.publishedFigures(ctx, ask)
	if err != nil {
		return err
	}
	line := text.LineOf(ask.Key(), c.set, c.r.FigureSet)
	switch len(found) {
	case 0:
		c.find(StatementFinding{Kind: FindOutside, Lang: lang, Line: line, Args: []string{ask.Indicator}, Stops: true})
	case 1:
		c.Outside = append(c.Outside, found[0])
	default:
		c.find(StatementFinding{Kind: FindAmbiguous, Lang: lang, Line: line, Args: []string{ask.Indicator, strconv.Itoa(len(found))}, Stops: true})
	}
	return nil
}

// publishedFigures are the outside figures that a question names.
func (r *Registry) publishedFigures(ctx context.Context, ask statement.OutsideAsk) (found []statement.OutsideAnswer, err error) {
	records, err := r.index.Outside(ctx, "official_figure", allKnown)
	if err != nil {
		return nil, err
	}
	for _, rec := range records {
		get := func(field string) string { return first(rec.Fields[field]) }
		publisher := codebook.Label{En: get("by")} // in the language of the register's own records
		if body := get("by_body"); body != "" {
			publisher = r.labelOf("body", body)
		}
		if get("indicator") != ask.Indicator || ask.On != "" && get("date") != ask.On ||
			ask.By != "" && ask.By != get("by_body") && !strings.EqualFold(ask.By, get("by")) {
			continue
		}
		found = append(found, statement.OutsideAnswer{
			OutsideAsk: ask, Record: rec.ID, Label: r.labelOf("indicator", ask.Indicator), Value: get("value"), AtLeast: get("at_least") == "yes",
			Unit: get("unit"), Publisher: publisher, SourceKind: get("source_kind"), Date: get("date"), CountedTo: get("as_of"),
			Says: codebook.Label{En: get("says"), Ru: cmp.Or(get("says_ru"), get("says")), Kk: cmp.Or(get("says_kk"), get("says"))},
		})
	}
	return found, nil
}

func (r *Registry) labelOf(list, code string) codebook.Label {
	return codebook.Label{En: r.book.Label(list, code, "en"), Ru: r.book.Label(list, code, "ru"), Kk: r.book.Label(list, code, "kk")}
}

// purposes are the consents that cover a kind of passage, any of them.
func purposes(kind string) []string {
	switch kind {
	case "name":
		return []string{"publish_named"}
	case "photo":
		return []string{"publish_image"}
	}
	return []string{"publish_anonymous", "publish_named"}
}

// covers looks whether each passage about a person stands under a consent, and
// whether the risk allows it.
func (c *checking) covers(ctx context.Context, lang string, text *statement.Text) error {
	found := map[statement.Cover]StatementFinding{} // one story has many sentences
	for _, p := range text.Passages() {
		for _, cover := range p.Covers {
			f, ok := found[cover]
			if !ok {
				var err error
				if f, err = c.r.covered(ctx, c.s, cover); err != nil {
					return err
				}
				found[cover] = f
			}
			if f.Kind != "" {
				f.Lang, f.Line, f.Sentence, f.Stops = lang, p.Line, p.Text, true
				c.find(f)
			}
		}
	}
	return nil
}

// covered answers what stands in the way of a passage about a case; nothing: no Kind.
func (r *Registry) covered(ctx context.Context, s *access.Session, cover statement.Cover) (StatementFinding, error) {
	row, err := r.row(ctx, s, cover.Case, r.clock(Clock{}))
	if errors.Is(err, ErrNotFound) {
		return StatementFinding{Kind: FindCase, Args: []string{cover.Case}}, nil
	}
	if err != nil {
		return StatementFinding{}, err
	}
	file, err := r.index.Case(ctx, row.ID, allKnown)
	if err != nil {
		return StatementFinding{}, notFound(err)
	}
	if kind, args := consentFor(file, purposes(cover.Kind), cover.Person, r.Today()); kind != "" {
		return StatementFinding{Kind: kind, Args: append([]string{row.Number}, args...)}, nil
	}
	if level := riskOf(file); level > riskLimit {
		return StatementFinding{Kind: FindRisk, Args: []string{row.Number, level}}, nil
	}
	return StatementFinding{}, nil
}

// consentFor answers what is wrong with the consent of a case for one of
// several purposes on a day; nothing: it is given. Of several consents for a
// purpose the one dated last is the one that holds.
func consentFor(file *casefile.Case, purposes []string, person string, day edtf.Day) (kind string, args []string) {
	kind, args = FindConsent, []string{purposes[0]}
	for _, purpose := range purposes {
		state, last := casefile.Consent(file.Records(), purpose, day, func(of string) bool { return person == "" || of == "" || of == person })
		switch state {
		case casefile.ConsentWithdrawn:
			kind, args = FindWithdrawn, []string{purpose, last.Get("withdrawn")}
		case casefile.ConsentExpired:
			kind, args = FindExpired, []string{purpose, last.Get("expires")}
		case casefile.ConsentGiven:
			return "", nil
		}
	}
	return kind, args
}

// riskOf is the level of the risk assessed last; none: empty.
func riskOf(file *casefile.Case) string {
	var last *casefile.Record
	for _, rec := range file.Of("risk") {
		if last == nil || rec.Counts > last.Counts || rec.Counts == last.Counts && !rec.At.Before(last.At) {
			last = rec
		}
	}
	if last == nil {
		return ""
	}
	return first(last.Fields["level"])
}

// unsaidNames looks for the names of people of the cases that the member may
// read whole, outside passages that say so.
func (c *checking) unsaidNames(ctx context.Context, lang string, text *statement.Text) error {
	for _, p := range text.Passages() {
		words := map[string][]string{} // keys → words of the passage that have it
		var keys []string
		for _, word := range strings.FieldsFunc(p.Text, func(r rune) bool { return !unicode.IsLetter(r) && r != '-' && r != '\'' && r != '’' }) {
			if first, _ := utf8.DecodeRuneInString(word); !unicode.IsUpper(first) || utf8.RuneCountInString(word) < 3 {
				continue
			}
			for _, key := range names.SearchKeys(word) {
				if !strings.HasPrefix(key, "~") {
					words[key] = append(words[key], word)
					keys = append(keys, key)
				}
			}
		}
		if len(keys) < 2 {
			continue
		}
		found, err := c.r.index.Named(ctx, keys, c.r.see(c.s.Member))
		if err != nil {
			return err
		}
		said := map[string]map[string]bool{} // case → words of the passage that name somebody of it
		for key, cases := range found {
			for _, id := range cases {
				if said[id] == nil {
					said[id] = map[string]bool{}
				}
				for _, word := range words[key] {
					said[id][word] = true
				}
			}
		}
		for _, id := range slices.Sorted(maps.Keys(said)) {
			if len(said[id]) < 2 {
				continue
			}
			file, err := c.r.index.Case(ctx, id, allKnown)
			if err != nil {
				return notFound(err)
			}
			row, err := c.r.row(ctx, c.s, id, c.r.clock(Clock{}))
			if err != nil {
				return err
			}
			covered := slices.ContainsFunc(p.Covers, func(cover statement.Cover) bool {
				return cover.Kind == "name" && (cover.Case == id || cover.Case == row.Number || cover.Case == row.ExternalID)
			})
			if !covered && slices.ContainsFunc(file.Of("person"), func(rec *casefile.Record) bool { return namedIn(rec, words) }) {
				c.find(StatementFinding{Kind: FindName, Lang: lang, Line: p.Line, Sentence: p.Text, Args: []string{row.Number}, Stops: true})
			}
		}
	}
	return nil
}

// namedIn tells whether two words of somebody's name are among words by key.
func namedIn(person *casefile.Record, words map[string][]string) bool {
	hit := map[string]bool{}
	for _, field := range []string{"full_name", "family", "given", "patronymic"} {
		for _, value := range person.Fields[field] {
			for _, word := range strings.Fields(value) {
				for _, key := range names.SearchKeys(word) {
					for _, w := range words[key] {
						hit[w] = true
					}
				}
			}
		}
	}
	return len(hit) >= 2
}

// compareLanguages finds figures that one language has and another has not:
// one text in three languages says the same.
func (c *checking) compareLanguages(asked map[string]map[string]string) {
	for _, lang := range slices.Sorted(maps.Keys(asked)) {
		for _, other := range slices.Sorted(maps.Keys(asked)) {
			for _, key := range slices.Sorted(maps.Keys(asked[other])) {
				if _, ok := asked[lang][key]; !ok {
					c.find(StatementFinding{Kind: FindLanguages, Lang: lang, Args: []string{asked[other][key]}})
				}
			}
		}
	}
}

// disclosure keeps back what would tell of few, and finds what can't be kept back.
func (c *checking) disclosure(ctx context.Context) error {
	before, err := c.r.toldBefore(ctx, c.who)
	if err != nil {
		return err
	}
	lang := c.s.Member.Lang
	what := func(a statement.Ask) string {
		def, _ := c.r.rules.Figure(a.Figure)
		name := def.Label.In(lang)
		if len(a.By) > 0 {
			name += " / " + strings.Join(a.By, ", ")
		}
		return name + " (" + a.AsOf.String() + ")"
	}
	unit := func(u statement.Unit) string { return cmp.Or(c.who[u.Cases[0]], u.Cases[0]) }
	statement.Protect(c.Answers, before, what, unit, c.set.K)
	told := before
	for _, a := range c.Answers {
		told = append(told, a.Numbers(what(a.Ask), unit, false)...)
		if a.Value > 0 && a.Value < c.set.K {
			c.find(StatementFinding{Kind: FindSmall, Args: []string{a.Label.In(lang), strconv.Itoa(a.Value)}, Accept: true})
		}
	}
	found, least := statement.Disclosure(told, c.set.K)
	c.Least = least
	for _, f := range found {
		kind, args := FindRevealed, []string{strconv.Itoa(f.Size), strings.Join(f.From, "; ")}
		if f.Kept != "" {
			kind, args = FindKept, []string{f.Kept, strings.Join(f.From, "; ")}
		}
		c.find(StatementFinding{Kind: kind, Args: args, Stops: !f.Whole, Accept: f.Whole})
	}
	return nil
}

// toldBefore are the numbers of all published statements, with whom they count.
func (r *Registry) toldBefore(ctx context.Context, who map[string]string) (told []statement.Told, err error) {
	released, err := r.releases(ctx)
	if err != nil {
		return nil, err
	}
	unit := func(u statement.Unit) string { return cmp.Or(who[u.Cases[0]], u.Cases[0]) }
	for _, id := range slices.Sorted(maps.Keys(released)) {
		m, err := statement.Peek(released[id].manifest)
		if err != nil {
			return nil, err
		}
		for _, f := range m.Figures {
			a, err := r.thawed(ctx, f, who)
			if err != nil {
				return nil, err
			}
			what := a.Label.In("en") + " (" + f.AsOf + ", " + m.Published.Format("2006-01-02") + ")"
			told = append(told, a.Numbers(what, unit, true)...)
		}
	}
	return told, nil
}

// thawed counts a frozen figure again at its own clocks, with the cells that
// were kept back when it was published.
func (r *Registry) thawed(ctx context.Context, f statement.Frozen, who map[string]string) (statement.Answer, error) {
	ask, err := f.Ask()
	if err != nil {
		return statement.Answer{}, err
	}
	a, err := r.answer(ctx, ask, r.scopeID(ctx, ask.Scope), who)
	if err != nil {
		return a, err
	}
	for i, c := range a.Cells {
		a.Cells[i].Hidden = slices.ContainsFunc(f.Cells, func(fc statement.FrozenCell) bool { return fc.Value == nil && slices.Equal(fc.Codes, c.Codes) })
	}
	a.Rest.Hidden = f.Rest != nil && f.Rest.Value == nil
	return a, nil
}

// newSalt makes the salt of a manifest's commitments.
func newSalt() []byte {
	salt := make([]byte, statement.SaltSize)
	rand.Read(salt) // never fails
	return salt
}
