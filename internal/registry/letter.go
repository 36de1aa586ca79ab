// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/letter"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/paper"
	"github.com/kua-registry/kua/internal/rules"
)

// Letters are the letters and forms of the codebook and its packs.
func (r *Registry) Letters() (*letter.Set, error) {
	set, err := r.letters()
	if err != nil {
		return nil, fmt.Errorf("the letters are damaged: %w", err)
	}
	return set, nil
}

// TakesLetter writes down that a member takes a letter out of the register that
// was drafted from a case, before it leaves.
func (r *Registry) TakesLetter(ctx context.Context, s *access.Session, caseID string) (err error) {
	defer r.refusal(ctx, s, "letter", caseID, &err)
	row, err := r.row(ctx, s, caseID, r.clock(Clock{}))
	if err != nil {
		return err
	}
	if err := r.audit(ctx, &line{act: actExport, what: "letter", by: s.Keys.Identity, n: 1, cases: []string{row.ID}}); err != nil {
		return fmt.Errorf("%w (%w)", ErrUnaudited, err)
	}
	return nil
}

// FormsQuery asks for the forms of a case.
type FormsQuery struct {
	Reader string // court, lawyer, srt, cat or wgad; empty: all
	ID     string // of one of them; empty: all
	Lang   string // en, ru or kk; a form that is not written in it comes in the language of its reader
	Words  *locale.Catalogue
}

// Form is a document for a reader, filled from a case as far as the case and
// the consents of its people go.
type Form struct {
	ID, Lang string
	Record   string // the record it is about, where a case may have several; else empty
	Label    codebook.Label
	Document paper.Document
	Blanks   []letter.Blank // what it lacks, and whose consent
}

// Forms are the forms of a case for a reader. One that is about a record, such
// as the opinion on an examination, comes once for each and not at all without.
// That they leave the register is for who asks to write down: TakesLetter.
func (r *Registry) Forms(ctx context.Context, s *access.Session, caseID string, q FormsQuery) ([]Form, error) {
	file, err := r.Case(ctx, s, caseID, Clock{})
	if err != nil {
		return nil, err
	}
	return r.fillForms(file, q)
}

// fillForms fills the forms for a reader from what is handed to it of a case.
func (r *Registry) fillForms(file CaseView, q FormsQuery) ([]Form, error) {
	set, err := r.Letters()
	if err != nil {
		return nil, err
	}
	var out []Form
	for _, l := range set.Forms(q.Reader) {
		if q.ID != "" && l.ID != q.ID {
			continue
		}
		words := q.Words.Lang(q.Lang)
		if !slices.Contains(l.Langs, words.Code()) {
			words = q.Words.Lang(l.Langs[0])
		}
		about := []string{""}
		if l.About != "" {
			about = l.Records(file.Records)
		}
		for _, record := range about {
			draft := l.Fill(words, LetterCase(file, r.rules, r.Today(), "", record))
			out = append(out, Form{
				ID: l.ID, Lang: words.Code(), Record: record, Label: l.Label,
				Document: l.Document(words.Code(), draft), Blanks: draft.Blanks,
			})
		}
	}
	return out, nil
}

// LetterCase is what a letter is filled from: a case, with the rule that calls
// for the letter and the record that it started from or is about, if there are.
func LetterCase(file CaseView, set *rules.Set, today edtf.Day, rule, record string) letter.Case {
	c := letter.Case{Number: file.Row.Number, Records: file.Records, Start: record, Today: today, Due: dueOf(file, set, rule, record), Outside: map[string]letter.Named{}}
	for _, rec := range file.Records {
		if rec.Kind == "case" && rec.Get("org") != "" {
			c.Outside[rec.Get("org")] = letter.Named{Kind: "organisation", Fields: casefile.Fields{"name": {file.Row.OrgName}}}
		}
	}
	for id, rec := range file.Outside {
		c.Outside[id] = letter.Named{Kind: rec.Kind, Fields: rec.Fields}
	}
	for _, d := range file.Deadlines {
		if slices.Contains([]string{rules.Running, rules.Open, rules.Overdue}, d.State) {
			c.Terms = append(c.Terms, d)
		}
	}
	slices.SortStableFunc(c.Terms, func(a, b rules.Deadline) int { return cmp.Compare(a.Due, b.Due) })
	for _, f := range file.Checks {
		if f.State == rules.Breached {
			c.Breaches = append(c.Breaches, f)
		}
	}
	return c
}

// dueOf is the last day of the term that calls for a letter: of the deadline
// itself, or of one that the check follows; 0 where there is none.
func dueOf(file CaseView, set *rules.Set, rule, record string) edtf.Day {
	def, ok := set.Rule(rule)
	if !ok {
		return 0
	}
	of := append([]string{rule}, def.Of...)
	for _, exact := range []bool{true, false} {
		for _, d := range file.Deadlines {
			if slices.Contains(of, d.Rule) && d.Due != 0 && !d.Due.Bound() && (d.Record == record || !exact) {
				return d.Due
			}
		}
	}
	return 0
}
