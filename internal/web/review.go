// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/registry"
)

// reviewCard is where the review of a case stands, and the forms of those who may do something about it.
type reviewCard struct {
	Title, Since, Stands, Comment string
	Draft                         bool
	Changed                       []changedLine
	Steps                         []stepLine
	Action, Seen                  string
	MayAsk, MayTakeBack           bool
	MayReview, OwnWork            bool
	Verdicts                      []choice

	// Of a form that was not taken: why, and what was written in it.
	Problem, Kept string
	Meanwhile     []changedLine
}

type changedLine struct{ What, How, Anchor string }

type stepLine struct{ When, What, Comment string }

// reviewForm is what somebody sent who asks, takes back or gives a verdict.
type reviewForm struct {
	step, comment string
	refused       error
}

// reviewCase takes a step of the review of a case. A step that is not taken is
// told on the page of the case, with all that was written.
func (s *server) reviewCase(v *visit) error {
	form := reviewForm{step: v.r.PostFormValue("step"), comment: v.r.PostFormValue("comment")}
	id, ctx := v.r.PathValue("id"), v.r.Context()
	var err error
	switch form.step {
	case casefile.AskReview:
		err = s.reg.AskReview(ctx, v.session, id, form.comment)
	case casefile.TakeBackReview:
		err = s.reg.TakeBackReview(ctx, v.session, id, form.comment)
	default:
		given := registry.ReviewVerdict{Verdict: form.step, Comment: form.comment}
		if given.Seen, err = strconv.ParseUint(v.r.PostFormValue("seen"), 10, 64); err != nil || given.Seen == 0 {
			return errBadRequest // a verdict from a page is on what that page showed
		}
		err = s.reg.Review(ctx, v.session, id, given)
	}
	if err == nil {
		v.redirect("/cases/" + url.PathEscape(id) + "#review")
		return nil
	}
	if v.reviewProblem(err) == "" {
		return err
	}
	form.refused = err
	v.status = http.StatusUnprocessableEntity
	return s.showCase(v, caseForms{review: form})
}

// reviewPage is the address of the form: there is nothing to read but the case.
func (s *server) reviewPage(v *visit) error {
	v.redirect("/cases/" + url.PathEscape(v.r.PathValue("id")) + "#review")
	return nil
}

// reviewProblem says why a step was not taken; empty: that is not for the page of the case to say.
func (v *visit) reviewProblem(err error) string {
	var changed *registry.ChangedError
	switch {
	case err == nil:
	case errors.As(err, &changed):
		return v.T("review.problem.changed")
	case errors.Is(err, registry.ErrComment):
		return v.T("review.problem.comment")
	case errors.Is(err, registry.ErrVerdict):
		return v.T("review.problem.verdict")
	case errors.Is(err, registry.ErrInReview):
		return v.T("review.problem.in_review")
	case errors.Is(err, registry.ErrNotInReview):
		return v.T("review.problem.not_in_review")
	case errors.Is(err, registry.ErrReviewed):
		return v.T("review.problem.reviewed")
	case errors.Is(err, registry.ErrOwnWork):
		return v.T("review.own")
	}
	return ""
}

// reviewTags say where the review of a case stands; nothing of a case nobody asked about.
func (v *voice) reviewTags(r registry.Row) []string {
	var out []string
	if r.Review != "" && r.Review != casefile.Draft {
		out = append(out, v.label("review_state", r.Review))
	}
	if r.Changed {
		out = append(out, v.label("review_state", "changed"))
	}
	return out
}

// review makes the card.
func (c *caseReader) review(form reviewForm) reviewCard {
	r := c.file.Review
	card := reviewCard{
		Title: c.label("review_state", r.State), Draft: r.State == casefile.Draft,
		Action: casePath(c.file.Row) + "/review#review", Seen: strconv.FormatUint(r.Seen, 10),
		MayAsk: r.MayAsk, MayTakeBack: r.MayTakeBack, MayReview: r.MayReview, OwnWork: r.OwnWork,
		Changed: c.changedLines(r.Changed), Problem: c.reviewProblem(form.refused), Kept: form.comment,
	}
	if r.Verdict != "" && r.Verdict != r.State {
		card.Stands = c.T("review.stands", c.label("review_state", r.Verdict))
	}
	for i, step := range r.Steps {
		line := stepLine{When: c.moment(step.At), What: join([]string{c.label("review_step", step.Step), step.By}), Comment: step.Comment}
		if step.Closed {
			line.What = join([]string{line.What, c.T("review.closed")})
		}
		if i == len(r.Steps)-1 {
			card.Since, card.Comment = join([]string{line.When, step.By}), step.Comment
		}
		card.Steps = append(card.Steps, line)
	}
	slices.Reverse(card.Steps)
	if len(card.Steps) == 1 {
		card.Steps = nil // said above
	}
	var changed *registry.ChangedError
	if errors.As(form.refused, &changed) {
		card.Meanwhile = c.changedLines(changed.Changed)
	}
	for _, code := range []string{casefile.Verified, casefile.Rejected, casefile.FalselyAttributed} {
		card.Verdicts = append(card.Verdicts, choice{code, c.label("review_state", code), c.T("review.hint." + code), form.step == code})
	}
	return card
}

func (c *caseReader) changedLines(changed []registry.ChangedView) []changedLine {
	var out []changedLine
	for _, ch := range changed {
		line := changedLine{What: c.kind(ch.Kind), Anchor: anchor(ch.Record)}
		how := "review.changed.put"
		switch {
		case ch.Gone:
			how, line.Anchor = "review.changed.gone", "" // it is not on the page any more
		case ch.New:
			how = "review.changed.new"
		}
		line.How = join([]string{c.T(how), c.moment(ch.At)})
		out = append(out, line)
	}
	return out
}
