// SPDX-License-Identifier: AGPL-3.0-or-later

package estimate

// Code says what is to be known of an estimate, or why there is none. Its texts
// for people are the messages estimate.refuse.CODE and estimate.finding.CODE.
type Code string

// Why there is no estimate.
const (
	Nobody       Code = "nobody"         // the table is empty
	TooFewLists  Code = "too_few_lists"  // with two, nothing tells chance from dependence
	TooManyLists Code = "too_many_lists" // for this method
	ListAlone    Code = "list_alone"     // a list shares nobody with any other
	TooFewShared Code = "too_few_shared" // hardly anybody is on two lists
	NoModel      Code = "no_model"       // no log-linear model has an estimate
)

// LeastShared is how many people must be on two lists or more. With seven or
// more, an estimate from two samples is within its own error of the truth in 95
// of 100 cases (Robson and Regier, Trans. Am. Fish. Soc. 93, 1964).
const LeastShared = 7

// LeastLists is from how many lists on there are estimates.
const LeastLists = 3

// RefusedError says that no honest estimate exists.
type RefusedError struct {
	Code  Code
	Lists []string // those that it is about
	Count int      // of lists, or of people
}

// Error says the code. People are told by Text, in their language.
func (e *RefusedError) Error() string { return "there is no honest estimate: " + string(e.Code) }

// Check refuses a table from which nothing honest can be told.
func (t Table) Check() error {
	if t.Observed() == 0 {
		return &RefusedError{Code: Nobody}
	}
	if len(t.Lists) < LeastLists {
		return &RefusedError{Code: TooFewLists, Count: len(t.Lists)}
	}
	shared := t.Observed()
	for j := range t.Lists {
		only := t.Counts[1<<j]
		shared -= only
		if t.On(j) == only {
			return &RefusedError{Code: ListAlone, Lists: []string{t.Lists[j]}}
		}
	}
	if shared < LeastShared {
		return &RefusedError{Code: TooFewShared, Count: shared}
	}
	return nil
}

// What is to be known of an estimate.
const (
	FewShared       Code = "few_shared"       // few people are on two lists
	PairEmpty       Code = "pair_empty"       // two lists share nobody
	ListInside      Code = "list_inside"      // everybody of one list is on another
	FewPeople       Code = "few_people"       // the table is small
	PairDepends     Code = "pair_depends"     // two lists depend on each other
	PoorFit         Code = "poor_fit"         // no log-linear model fits the table
	ModelsDiffer    Code = "models_differ"    // log-linear models as good as each other tell other numbers
	MethodsDiffer   Code = "methods_differ"   // so do the methods
	Wide            Code = "wide"             // the interval says little
	BoundDecides    Code = "bound_decides"    // the most people that were thought possible decide the answer
	PriorDecides    Code = "prior_decides"    // what was assumed beforehand does
	ListDecides     Code = "list_decides"     // one list does
	TwoModes        Code = "two_modes"        // there are two answers
	NotConverged    Code = "not_converged"    // the chains don't agree
	LowerBound      Code = "lower_bound"      // whoever could be on no list is not estimated
	MethodUndefined Code = "method_undefined" // a method has no answer for this table
)

// Finding is something to be known of an estimate.
type Finding struct {
	Code   Code
	Method Method    // that it is about, or none
	Lists  []string  // that it is about
	Values []float64 // of its text, in order
}
