// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
)

// What somebody who reviews, or asks for it, can be told.
var (
	// ErrComment says that a verdict has no comment.
	ErrComment = errors.New("a verdict needs a comment: say in a few words what it rests on")
	// ErrVerdict says that there is no such verdict.
	ErrVerdict = errors.New("a verdict is one of verified, rejected, falsely_attributed")
	// ErrInReview says that the case was asked to be reviewed before.
	ErrInReview = errors.New("the case is in review already")
	// ErrNotInReview says that nobody asked for a review, or that it is over.
	ErrNotInReview = errors.New("the case is not in review: one who writes it asks for a review first")
	// ErrReviewed says that the verdict stands and nothing changed since.
	ErrReviewed = errors.New("nothing changed in the case since the verdict: there is nothing to review again")
	// ErrOwnWork says that nobody verifies what they wrote.
	ErrOwnWork = errors.New("you wrote in this case or asked for its review: somebody else has to give the verdict")
)

// ChangedError says that a case changed while its reviewer was reading. Nothing
// was written: the verdict is to be given again on the case as it stands.
type ChangedError struct {
	Changed []ChangedView
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("the case changed while you were reading it (records: %d): look at what changed, then give your verdict again", len(e.Changed))
}

// ReviewVerdict is what a reviewer says of a case.
type ReviewVerdict struct {
	Verdict string // verified, rejected, falsely_attributed: codes of list review_step
	Comment string // what it rests on; never empty
	Seen    uint64 // ReviewView.Seen of what the reviewer read; 0: the case as it stands
}

// ReviewView is where the review of a case stands, for one who may read the case.
type ReviewView struct {
	State   string    // code of list review_state
	Verdict string    // the last verdict, which stands until the next one; empty: none
	Since   time.Time // of State; zero where nobody ever asked
	Steps   []ReviewStepView
	Changed []ChangedView // since what the last verdict saw
	Seen    uint64        // the place in the ledger of the newest entry of the case

	// What the member may do now; never to a case as it was known in the past.
	MayAsk, MayTakeBack, MayReview bool
	OwnWork                        bool // they could review it, had they not written in it
}

// ReviewStepView is one step of a review.
type ReviewStepView struct {
	Step    string // code of list review_step
	At      time.Time
	By      string // the member's name
	Comment string
	Closed  bool // who took it and what they said is not open to the reader
}

// ChangedView is a record that is not what the verdict saw.
type ChangedView struct {
	Record, Kind string
	At           time.Time
	New, Gone    bool // it was not there; it was withdrawn
}

// AskReview asks for a case to be reviewed. The comment may be empty.
func (r *Registry) AskReview(ctx context.Context, s *access.Session, caseID, comment string) (err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	return r.reviewStep(ctx, s, caseID, access.WriteCase, func(file *casefile.Case) (casefile.Fields, error) {
		at := file.Review()
		switch {
		case at.State == casefile.InReview:
			return nil, ErrInReview
		case at.Verdict != "" && at.Verdict != casefile.Rejected && len(at.Changed) == 0:
			return nil, ErrReviewed
		}
		return stepFields(casefile.AskReview, comment), nil
	})
}

// TakeBackReview takes a case out of review: it stands where it stood before.
func (r *Registry) TakeBackReview(ctx context.Context, s *access.Session, caseID, comment string) (err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	return r.reviewStep(ctx, s, caseID, access.WriteCase, func(file *casefile.Case) (casefile.Fields, error) {
		if file.Review().State != casefile.InReview {
			return nil, ErrNotInReview
		}
		return stepFields(casefile.TakeBackReview, comment), nil
	})
}

// Review gives a verdict on a case in review. What is written in the case
// between ReviewVerdict.Seen and now is not in the verdict: where there is such a
// thing the answer is a *ChangedError.
func (r *Registry) Review(ctx context.Context, s *access.Session, caseID string, v ReviewVerdict) (err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	return r.reviewStep(ctx, s, caseID, access.ReviewCase, func(file *casefile.Case) (casefile.Fields, error) {
		switch {
		case !casefile.IsVerdict(v.Verdict):
			return nil, ErrVerdict
		case strings.TrimSpace(v.Comment) == "":
			return nil, ErrComment
		case file.Review().State != casefile.InReview:
			return nil, ErrNotInReview
		case file.Wrote(s.Member.ID):
			return nil, ErrOwnWork
		}
		if v.Seen != 0 {
			if changed := changedViews(file.ChangedSince(v.Seen)); len(changed) > 0 {
				return nil, &ChangedError{changed}
			}
		}
		fields := stepFields(v.Verdict, v.Comment)
		fields["saw"] = []string{strconv.FormatUint(file.Newest(), 10)}
		return fields, nil
	})
}

func stepFields(step, comment string) casefile.Fields {
	fields := casefile.Fields{"step": {step}}
	if comment = strings.TrimSpace(comment); comment != "" {
		fields["comment"] = []string{comment}
	}
	return fields
}

// reviewStep writes one step of a review. What decides about it, who wrote in
// the case and where its review stands, is read from the ledger.
func (r *Registry) reviewStep(ctx context.Context, s *access.Session, caseID string, a access.Action, step func(*casefile.Case) (casefile.Fields, error)) error {
	row, err := r.row(ctx, s, caseID, Clock{AsOf: r.Today()})
	if err != nil {
		return err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	if !r.may(s.Member, a, row.ID) {
		return ErrNotAllowed
	}
	file, err := r.fromLedger(ctx, row.ID)
	if err != nil {
		return err
	}
	fields, err := step(file)
	if err != nil {
		return err
	}
	handed, after, err := r.lapsed(ctx, s, row.ID)
	if err != nil {
		return err
	}
	put := Put{Record: ledger.NewID().String(), Kind: casefile.ReviewKind, Fields: fields}
	if err := r.write(ctx, s, []act{{stream: row.ID, puts: []Put{put}, handed: handed, source: "reviewed"}}); err != nil {
		return err
	}
	return after()
}

// fromLedger folds a case of its signed entries: what decides is never taken
// from the index.
func (r *Registry) fromLedger(ctx context.Context, id string) (*casefile.Case, error) {
	stream, err := ledger.ParseID(id)
	if err != nil {
		return nil, err
	}
	authors, err := r.authors()
	if err != nil {
		return nil, err
	}
	opener := ledger.Opener{Keys: r.keyring.Keys, Author: authors}
	var entries []casefile.Entry
	err = r.log.Stream(ctx, stream, func(e ledger.Entry) error {
		c, err := opener.Open(e)
		if errors.Is(err, ledger.ErrNoKey) { // erased
			return nil
		}
		if err != nil {
			return fmt.Errorf("entry %d can't be read: %w; 'kua verify' says more", e.Pos, err)
		}
		entries = append(entries, opened(e, c).Entry)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return casefile.Fold(r.book, id, entries), nil
}

// reviewView is where the review of a case stands. The file is all of the case,
// also where the reader may read its facts alone: who reviewed it and what they
// said is then left out.
func (r *Registry) reviewView(s *access.Session, file *casefile.Case, clock Clock) (ReviewView, error) {
	thing, ok := r.thing(file.ID)
	if !ok {
		return ReviewView{}, ErrNotFound
	}
	thing.Part = access.Identity
	whole := access.Decide(s.Member, access.ReadCase, thing)
	at := file.Review()
	view := ReviewView{State: at.State, Verdict: at.Verdict, Since: at.Since, Changed: changedViews(at.Changed), Seen: file.Newest()}
	var names map[string]string
	if whole && len(at.Steps) > 0 {
		names = r.memberNames()
	}
	for _, step := range at.Steps {
		out := ReviewStepView{Step: step.Step, At: step.At, Closed: !whole}
		if whole {
			out.By, out.Comment, out.Closed = names[step.Author], step.Comment, step.IdentityMissing
		}
		view.Steps = append(view.Steps, out)
	}
	if !clock.KnownBy.IsZero() {
		return view, nil // of the past there is nothing to be decided
	}
	if access.Decide(s.Member, access.WriteCase, thing) {
		view.MayTakeBack = at.State == casefile.InReview
		view.MayAsk = !view.MayTakeBack && (at.Verdict == "" || at.Verdict == casefile.Rejected || len(at.Changed) > 0)
	}
	if at.State == casefile.InReview && access.Decide(s.Member, access.ReviewCase, thing) {
		view.OwnWork = file.Wrote(s.Member.ID)
		view.MayReview = !view.OwnWork
	}
	return view, nil
}

func changedViews(changed []casefile.RecordChanged) []ChangedView {
	var out []ChangedView
	for _, ch := range changed {
		out = append(out, ChangedView{Record: ch.Record.ID, Kind: ch.Record.Kind, At: ch.How.At, New: ch.New, Gone: ch.Gone})
	}
	return out
}
