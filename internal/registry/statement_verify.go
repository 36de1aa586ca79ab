// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/statement"
)

// StatementVerdict is what can be said today of a published statement.
type StatementVerdict struct {
	Manifest    statement.Manifest
	Signed      bool     // this register signed it, and not a letter was changed since
	Known       bool     // it is the one this register published
	Altered     []string // what is otherwise than this register published it: f3, k, texts …
	Ledger      bool     // the ledger holds, at the size that was counted, what was signed then
	Figures     []FigureVerdict
	Outside     []OutsideVerdict
	Texts       []TextVerdict
	Findings    []StatementFinding // passages whose consent or risk is no longer what it was
	Erased      int                // cases that were erased for good since it was published
	CorrectedBy string             // id of the published statement that corrects it
}

// Holds tells whether all that was published is as it was published.
func (v StatementVerdict) Holds() bool {
	return v.Signed && v.Known && v.Ledger && len(v.Altered) == 0 &&
		!slices.ContainsFunc(v.Figures, func(f FigureVerdict) bool { return f.State == FigureTampered }) &&
		!slices.ContainsFunc(v.Texts, func(t TextVerdict) bool { return !t.Same })
}

// The states of a published figure.
const (
	FigureSame     = "same"     // counted again, at its clocks and as of the same day today, it is what was published
	FigureChanged  = "changed"  // at its clocks it is what was published; what is known today gives another number, or other cases
	FigureErased   = "erased"   // at its clocks it is less than what was published, by no more than was erased for good since: it can't be counted again
	FigureTampered = "tampered" // at its clocks it is not what was published: the manifest or the register was altered
)

// FigureVerdict is what can be said today of one published figure.
type FigureVerdict struct {
	ID         string
	State      string
	Published  int
	Then       int  // counted again at its clocks
	Now        int  // as of the same day, by all that is known today
	Definition bool // the definition is what it was
	Came, Went []CaseChange
	Changed    []CaseChange // counted in both, of other cases together than then
	Unseen     int          // cases among these that the reader may not know of
}

// CaseChange says why a case is counted or no longer counted.
type CaseChange struct {
	CaseRef
	Why string // Change…
}

// Why a figure has other cases than when it was published.
const (
	ChangeWithdrawn = "withdrawn" // the case was withdrawn
	ChangeNew       = "new"       // it was not yet in the register
	ChangeSame      = "same"      // other cases turned out to be the same person, or not to be
	ChangeFacts     = "facts"     // what is recorded of it changed
)

// OutsideVerdict is whether what others published still stands in the register as it was cited.
type OutsideVerdict struct {
	statement.FrozenOutside
	Same bool
}

// TextVerdict is whether a text is the one that was published.
type TextVerdict struct {
	Lang string
	Same bool
}

// VerifyStatement holds a published statement against the register. A manifest
// that is none is statement.ErrNoManifest; one that was altered is answered,
// with what is altered in it.
func (r *Registry) VerifyStatement(ctx context.Context, s *access.Session, signed []byte) (_ StatementVerdict, err error) {
	defer r.refusal(ctx, s, "statement", "", &err)
	if !access.Decide(s.Member, access.Verify, access.Thing{}) || !access.Decide(s.Member, access.Count, access.Thing{}) {
		return StatementVerdict{}, ErrNotAllowed
	}
	key, err := r.statementKey()
	if err != nil {
		return StatementVerdict{}, err
	}
	m, err := statement.Open(signed, key)
	v := StatementVerdict{Manifest: m, Signed: err == nil}
	if err != nil && !errors.Is(err, statement.ErrAltered) {
		return StatementVerdict{}, err
	}
	released, err := r.releases(ctx)
	if err != nil {
		return StatementVerdict{}, err
	}
	own, ok := released[m.Statement]
	if !ok {
		return v, nil // another register's, or made up: there is nothing to hold it against
	}
	v.Known = true
	published, err := statement.Peek(own.manifest)
	if err != nil {
		return StatementVerdict{}, err
	}
	v.Altered = published.Differences(m)
	salt, err := hex.DecodeString(own.salt)
	if err != nil {
		return StatementVerdict{}, err
	}
	if root, err := r.log.RootAt(ctx, published.Entries); err == nil {
		v.Ledger = root.String() == published.Root
	}
	if v.Erased, err = r.erasedSince(ctx, published.Published); err != nil {
		return StatementVerdict{}, err
	}
	see := r.see(s.Member)
	for _, f := range m.Figures {
		verdict, err := r.verdict(ctx, see, f, salt, v.Erased)
		if err != nil {
			return StatementVerdict{}, err
		}
		if i := slices.IndexFunc(published.Figures, func(p statement.Frozen) bool { return p.ID == f.ID }); i < 0 || !published.Figures[i].Equal(f) {
			verdict.State = FigureTampered
		}
		v.Figures = append(v.Figures, verdict)
	}
	for _, o := range published.Outside {
		found, err := r.publishedFigures(ctx, statement.OutsideAsk{Indicator: o.Indicator, By: o.By, On: o.On})
		if err != nil {
			return StatementVerdict{}, err
		}
		v.Outside = append(v.Outside, OutsideVerdict{o, slices.ContainsFunc(found, func(a statement.OutsideAnswer) bool {
			return a.Record == o.Record && a.Freeze() == o
		})})
	}
	rec, _, err := r.statementRecord(ctx, m.Statement)
	if err != nil {
		return StatementVerdict{}, err
	}
	t := statementOf(rec)
	for _, sum := range m.Texts {
		v.Texts = append(v.Texts, TextVerdict{sum.Lang, statement.Sum(t.Texts[sum.Lang]) == sum.SHA256})
	}
	if v.Findings, err = r.coversNow(ctx, s, t); err != nil {
		return StatementVerdict{}, err
	}
	records, err := r.index.Outside(ctx, statementKind, allKnown)
	if err != nil {
		return StatementVerdict{}, err
	}
	for _, other := range records {
		if _, out := released[other.ID]; out && first(other.Fields["corrects"]) == m.Statement {
			v.CorrectedBy = other.ID
		}
	}
	return v, nil
}

// erasedSince counts the cases that were erased for good after a moment.
func (r *Registry) erasedSince(ctx context.Context, at time.Time) (int, error) {
	lines, err := r.index.AuditBetween(ctx, at, r.now().Add(time.Hour))
	if err != nil {
		return 0, err
	}
	erased := map[string]bool{}
	for _, l := range lines {
		if l.Act != actErase {
			continue
		}
		for _, id := range l.Cases {
			if _, there := r.thing(id); !there {
				erased[id] = true
			}
		}
	}
	return len(erased), nil
}

// coversNow looks once more whether the passages about people stand under a consent.
func (r *Registry) coversNow(ctx context.Context, s *access.Session, t StatementText) ([]StatementFinding, error) {
	c := &checking{r: r, s: s}
	for _, lang := range statement.Languages() {
		text, err := statement.Parse(t.Texts[lang])
		if err != nil {
			continue // it was read when it was published
		}
		if err := c.covers(ctx, lang, text); err != nil {
			return nil, err
		}
	}
	return c.Findings, nil
}

// verdict counts a figure again: at its own clocks, and as of the same day by
// what is known now.
func (r *Registry) verdict(ctx context.Context, see index.See, f statement.Frozen, salt []byte, erased int) (FigureVerdict, error) {
	v := FigureVerdict{ID: f.ID, Published: f.Value, State: FigureTampered}
	ask, err := f.Ask()
	if err != nil {
		return v, nil // no register published such a figure
	}
	def, ok := r.rules.Figure(f.Figure)
	if !ok {
		return v, nil
	}
	v.Definition = def.Expr == f.Expression && def.Base == f.Of
	then, err := r.thawed(ctx, f, map[string]string{})
	if errors.Is(err, index.ErrNoRule) || errors.Is(err, index.ErrNoFacet) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	v.Then = then.Value
	again := statement.Freeze(f.ID, then, salt)
	again.Label, again.Definition, again.Source, again.Unit, again.Expression, again.Scope = f.Label, f.Definition, f.Source, f.Unit, f.Expression, f.Scope
	holds := again.Equal(f)
	ask.KnownBy = time.Time{}
	now, err := r.answer(ctx, ask, r.scopeID(ctx, ask.Scope), map[string]string{})
	if err != nil {
		return v, err
	}
	v.Now = now.Value
	if err := r.differences(ctx, see, &v, then, now, f.KnownBy); err != nil {
		return v, err
	}
	switch {
	case !holds && v.Definition && v.Then < f.Value && f.Value-v.Then <= erased:
		v.State = FigureErased
	case !holds: // also where the definition changed: what was frozen can't be counted again by it
	case len(v.Came)+len(v.Went)+len(v.Changed)+v.Unseen > 0 || v.Now != v.Then:
		v.State = FigureChanged
	default:
		v.State = FigureSame
	}
	if !holds && !v.Definition {
		v.State = FigureChanged
	}
	return v, nil
}

// differences names the cases that a figure counts now and did not, and did and
// does not, of those the reader may know.
func (r *Registry) differences(ctx context.Context, see index.See, v *FigureVerdict, then, now statement.Answer, known time.Time) error {
	unitOf := func(a statement.Answer) map[string]statement.Unit {
		of := map[string]statement.Unit{}
		for _, u := range a.Units {
			for _, id := range u.Cases {
				of[id] = u
			}
		}
		return of
	}
	before, after := unitOf(then), unitOf(now)
	all := map[string]bool{}
	for id := range before {
		all[id] = true
	}
	for id := range after {
		all[id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		b, was := before[id]
		a, is := after[id]
		if was && is && slices.Equal(a.Cases, b.Cases) {
			continue
		}
		if see(id) == index.Nothing {
			v.Unseen++
			continue
		}
		change, err := r.change(ctx, id, known, was, is)
		if err != nil {
			return err
		}
		switch {
		case was && is:
			v.Changed = append(v.Changed, change)
		case is:
			v.Came = append(v.Came, change)
		default:
			v.Went = append(v.Went, change)
		}
	}
	return nil
}

// change says why a case is counted otherwise than at a moment.
func (r *Registry) change(ctx context.Context, id string, known time.Time, was, is bool) (CaseChange, error) {
	c := CaseChange{CaseRef: CaseRef{ID: id}, Why: ChangeFacts}
	now, err := r.index.Case(ctx, id, allKnown)
	if err != nil {
		return c, notFound(err)
	}
	if rec, ok := now.Record(id); ok {
		c.Number = first(rec.Fields["number"])
		if rec.Withdrawn {
			c.Why = ChangeWithdrawn
			return c, nil
		}
	}
	if _, err := r.index.Case(ctx, id, known); errors.Is(err, index.ErrNotFound) {
		c.Why = ChangeNew
		return c, nil
	} else if err != nil {
		return c, err
	}
	same, err := r.index.Same(ctx, id, allKnown)
	if err != nil && !errors.Is(err, index.ErrNotFound) {
		return c, err
	}
	before, err := r.index.Same(ctx, id, known)
	if err != nil && !errors.Is(err, index.ErrNotFound) {
		return c, err
	}
	if was && is || !slices.Equal(same, before) {
		c.Why = ChangeSame
	}
	return c, nil
}
