// SPDX-License-Identifier: AGPL-3.0-or-later

package casefile

import (
	"slices"
	"strconv"
	"time"
)

// ReviewKind is the kind of the records that are the steps of a review.
const ReviewKind = "review"

// The steps of a review: codes of list review_step. The last three are verdicts.
const (
	AskReview         = "ask"
	TakeBackReview    = "take_back"
	Verified          = "verified"
	Rejected          = "rejected"
	FalselyAttributed = "falsely_attributed"
)

// The states of a review but for the verdicts: codes of list review_state.
const (
	Draft    = "draft"     // nobody has been asked, or what was asked was taken back
	InReview = "in_review" // asked for, no verdict yet
)

// IsVerdict tells whether a step gives a verdict.
func IsVerdict(step string) bool {
	return step == Verified || step == Rejected || step == FalselyAttributed
}

// Review is where the peer review of a case stands. It is never typed in: it is derived from the steps.
type Review struct {
	State   string          // code of list review_state
	Verdict string          // the last verdict, which stands until the next one; empty: none was ever given
	Since   time.Time       // when State came to be; zero for a case nobody asked about
	Steps   []ReviewStep    // those that count, oldest first
	Changed []RecordChanged // what changed in the case since what the last verdict saw
}

// ReviewStep is one step of a review.
type ReviewStep struct {
	Step            string // code of list review_step
	At              time.Time
	Pos             uint64 // place in the ledger
	Author          string // member id
	Saw             uint64 // of a verdict: the place in the ledger of the newest entry it was given on
	Comment         string
	IdentityMissing bool // the comment exists and could not be opened
}

// RecordChanged is a record that is not what it was.
type RecordChanged struct {
	Record *Record
	How    Change // the entry that made it what it is
	New    bool   // it was not there
	Gone   bool   // it was withdrawn
}

// Review derives where the review of a case stands. It takes one case, not several read as one.
//
// A step that comes out of turn is none: a verdict on what nobody asked about, or by one who wrote in the case. Nor is
// what was written later under the id of a step: a step is put once.
func (c *Case) Review() Review {
	r := Review{State: Draft}
	var steps []ReviewStep
	for _, rec := range c.all {
		if rec.Kind != ReviewKind || len(rec.History) == 0 {
			continue
		}
		put := rec.History[0]
		s := ReviewStep{At: put.At, Pos: put.Pos, Author: put.Author, IdentityMissing: put.IdentityMissing}
		s.Step, s.Comment = firstOf(put.Fields, "step"), firstOf(put.Fields, "comment")
		s.Saw = put.Pos
		if n, err := strconv.ParseUint(firstOf(put.Fields, "saw"), 10, 64); err == nil && n < put.Pos {
			s.Saw = n // what it says of the time to come, it can't know
		}
		steps = append(steps, s)
	}
	for _, s := range steps { // all is in the order of the ledger
		switch {
		case s.Step == AskReview && r.State != InReview:
			r.State = InReview
		case s.Step == TakeBackReview && r.State == InReview:
			if r.State = r.Verdict; r.State == "" {
				r.State = Draft
			}
		case IsVerdict(s.Step) && r.State == InReview && !c.wrote(s.Author, s.Pos):
			r.State, r.Verdict = s.Step, s.Step
			r.Changed = c.ChangedSince(s.Saw)
		default:
			continue
		}
		r.Since = s.At
		r.Steps = append(r.Steps, s)
	}
	return r
}

// Wrote tells whether a member wrote in the case, and so can't review it. A note is a comment, and a verdict is not
// part of what it is given on.
func (c *Case) Wrote(member string) bool { return c.wrote(member, c.Newest()+1) }

func (c *Case) wrote(member string, before uint64) bool {
	return slices.ContainsFunc(c.all, func(r *Record) bool {
		return r.Kind != "note" && slices.ContainsFunc(r.History, func(ch Change) bool {
			verdict := r.Kind == ReviewKind && IsVerdict(firstOf(ch.Fields, "step"))
			return ch.Author == member && ch.Pos < before && !verdict
		})
	})
}

// Newest is the place in the ledger of the newest entry of the case.
func (c *Case) Newest() uint64 {
	var newest uint64
	for _, r := range c.all {
		for _, ch := range r.History {
			newest = max(newest, ch.Pos)
		}
	}
	return newest
}

// beside are the kinds that say nothing of what happened: a case does not change by them.
var beside = []string{ReviewKind, "note", "grant", "erasure"}

// ChangedSince returns the records that are not what they were at a place in the ledger, in the order in which they
// were first written. What was changed and changed back is not among them.
func (c *Case) ChangedSince(pos uint64) []RecordChanged {
	var out []RecordChanged
	for _, r := range c.all {
		if slices.Contains(beside, r.Kind) || len(r.History) == 0 {
			continue
		}
		var then Fields
		there := false
		for _, ch := range r.History {
			if ch.Pos <= pos {
				then, there = ch.Fields, ch.Op == Put
			}
		}
		if there == !r.Withdrawn && (!there || r.sameFields(then)) {
			continue
		}
		out = append(out, RecordChanged{Record: r, How: r.History[len(r.History)-1], New: !there, Gone: r.Withdrawn})
	}
	return out
}

// sameFields tells whether the record says what it said then. That a case is restricted concerns who reads it, not what
// it says.
func (r *Record) sameFields(then Fields) bool {
	within := func(a, b Fields) bool {
		for field, values := range a {
			if !slices.Equal(values, b[field]) && (r.Kind != "case" || field != "restricted") {
				return false
			}
		}
		return true
	}
	return within(then, r.Fields) && within(r.Fields, then)
}

func firstOf(f Fields, field string) string {
	if v := f[field]; len(v) > 0 {
		return v[0]
	}
	return ""
}
