// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/linkage"
)

// Why a decision about two cases was not taken.
var (
	// ErrItself says that both sides are one case.
	ErrItself = errors.New("a case can't be compared with itself")
	// ErrApart says that the decision would put cases together of which somebody decided that they are different.
	ErrApart = errors.New("this would put cases together that were decided to be different: take that decision back first")
	// ErrTogether says that other decisions put the two cases together.
	ErrTogether = errors.New("other decisions put these two cases together: take one of them back first")
)

// DecidedError says that somebody has decided this pair already.
type DecidedError struct{ Decision MatchDecision }

func (e *DecidedError) Error() string {
	return fmt.Sprintf("this pair is decided already (%s, decision %s): take that back first", e.Decision.Verdict, e.Decision.ID)
}

// MatchDecision is a decision that stands.
type MatchDecision struct {
	ID          string
	A, B        string // case ids
	Verdict     Verdict
	Probability float64 // of the proposal it rested on; 0: there was none
	Program     bool    // the program decided it, because it was sure
	Common      string  // the proposal of another node that it answers; empty: none
	Who         string  // the name of the member whose session it was
	At          time.Time
	Reason      string
}

// decisions are those that stand, between cases that a reader may know of.
func (r *Registry) decisions(ctx context.Context, see index.See) ([]MatchDecision, error) {
	records, err := r.index.Outside(ctx, "match", allKnown)
	if err != nil {
		return nil, err
	}
	ro := r.roll()
	var found []MatchDecision
	for _, m := range records {
		d := MatchDecision{
			ID: m.ID, A: first(m.Fields["a"]), B: first(m.Fields["b"]), Verdict: Verdict(first(m.Fields["verdict"])),
			Program: first(m.Fields["by"]) == "program", Common: first(m.Fields["common"]), Who: nameOf(ro, m.Author), At: m.At,
		}
		if see(d.A) == index.Nothing || see(d.B) == index.Nothing {
			continue
		}
		_, _ = fmt.Sscan(first(m.Fields["probability"]), &d.Probability) // nothing: there was none
		if n := len(m.History); n > 0 {
			d.Reason = m.History[n-1].Reason
		}
		found = append(found, d)
	}
	return found, nil
}

// together is which cases decisions put together, and which they keep apart.
type together struct {
	parent    map[string]string
	decided   map[[2]string]MatchDecision
	different [][2]string
}

func newTogether(decisions []MatchDecision) *together {
	t := &together{parent: map[string]string{}, decided: map[[2]string]MatchDecision{}}
	for _, d := range decisions {
		t.decided[pairKey(d.A, d.B)] = d
		if d.Verdict == Same {
			t.parent[t.find(d.A)] = t.find(d.B)
		} else {
			t.different = append(t.different, [2]string{d.A, d.B})
		}
	}
	return t
}

func (t *together) find(id string) string {
	for {
		up, ok := t.parent[id]
		if !ok || up == id {
			return id
		}
		id = up
	}
}

// one tells whether decisions put two cases together.
func (t *together) one(a, b string) bool { return t.find(a) == t.find(b) }

// apart tells whether a decision keeps what is together with one case from what is together with the other.
func (t *together) apart(a, b string) bool {
	x, y := t.find(a), t.find(b)
	return slices.ContainsFunc(t.different, func(d [2]string) bool {
		p, q := t.find(d[0]), t.find(d[1])
		return p == x && q == y || p == y && q == x
	})
}

// add takes a decision in, unless those before stand against it.
func (t *together) add(d Decision) error {
	key := pairKey(d.A, d.B)
	if before, there := t.decided[key]; there {
		return &DecidedError{before}
	}
	switch {
	case d.Verdict == Different && t.one(d.A, d.B):
		return ErrTogether
	case d.Verdict == Different:
		t.different = append(t.different, key)
	case t.apart(d.A, d.B):
		return ErrApart
	default:
		t.parent[t.find(d.A)] = t.find(d.B)
	}
	t.decided[key] = MatchDecision{A: d.A, B: d.B, Verdict: d.Verdict}
	return nil
}

// matching keeps what the program made of the cases last, so that the pages
// don't compare all of them with each other for every pair. Decisions change
// nothing of how alike two cases are: they are laid over it.
type matching struct {
	mu   sync.Mutex
	made []*linked // for whoever sees other cases; the newest last
}

// mostLinked is for how many circles of cases it is kept.
const mostLinked = 3

// linked is what was made of the cases. It does not change, but for counted.
type linked struct {
	counted   uint64   // entries of the ledger: of the state it was made from, moved on by decisions
	cases     [32]byte // digest of which were compared
	decisions map[[2]string]MatchDecision
	pairs     []linkage.Pair    // the likeliest first
	place     map[[2]string]int // of a pair
	warnings  []string
}

// forget lets go of what was made: something of it was erased.
func (m *matching) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.made = nil
}

// decided calls what writes decisions and nothing else, and keeps what was made
// of the cases: it is the same after them.
func (r *Registry) decided(write func() error) error {
	before := r.index.Counted()
	err := write()
	after := r.index.Counted()
	r.matching.mu.Lock()
	defer r.matching.mu.Unlock()
	for _, made := range r.matching.made {
		if made.counted == before {
			made.counted = after
		}
	}
	return err
}

// visible are the cases that a reader may know of, in order.
func (r *Registry) visible(see index.See) []string {
	r.rights.mu.RLock()
	ids := make([]string, 0, len(r.rights.cases))
	for id := range r.rights.cases {
		ids = append(ids, id)
	}
	r.rights.mu.RUnlock()
	ids = slices.DeleteFunc(ids, func(id string) bool { return see(id) == index.Nothing })
	slices.Sort(ids)
	return ids
}

// linked compares the cases that a reader may know of, or answers what was made
// of them before. With exact, the decisions are those of now, and so is what is
// sure; else they may be those of before.
func (r *Registry) linked(ctx context.Context, see index.See, exact bool) (*linked, error) {
	digest := sha256.New()
	for _, id := range r.visible(see) {
		_, _ = io.WriteString(digest, id)
	}
	at, cases := r.index.Counted(), [32]byte(digest.Sum(nil))
	decisions, err := r.decisions(ctx, see)
	if err != nil {
		return nil, err
	}
	m := &r.matching
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, made := range m.made {
		if made.counted == at && made.cases == cases && (!exact || sameDecisions(made.decisions, decisions)) {
			return made, nil
		}
	}
	made := &linked{counted: at, cases: cases, decisions: map[[2]string]MatchDecision{}, place: map[[2]string]int{}}
	cfg := linkage.CaseConfig()
	for _, d := range decisions {
		made.decisions[pairKey(d.A, d.B)] = d
		cfg.Decided = append(cfg.Decided, linkage.Decision{A: d.A, B: d.B, Same: d.Verdict == Same})
	}
	var people []linkage.Record
	for file, err := range r.index.Files(ctx, allKnown) {
		if err != nil {
			return nil, err
		}
		if see(file.ID) != index.Nothing {
			people = append(people, person(file))
		}
	}
	result, err := linkage.Link(ctx, people, cfg)
	if err != nil {
		return nil, err
	}
	made.pairs, made.warnings = result.Pairs, result.Warnings
	for i, p := range made.pairs {
		made.place[pairKey(p.A, p.B)] = i
	}
	m.made = slices.DeleteFunc(m.made, func(old *linked) bool { return old.cases == cases })
	if r.index.Counted() == at { // else a case was written meanwhile, and it is of neither state
		m.made = append(m.made, made)
		m.made = m.made[max(0, len(m.made)-mostLinked):]
	}
	return made, nil
}

func sameDecisions(before map[[2]string]MatchDecision, now []MatchDecision) bool {
	n := 0
	for _, d := range now {
		if before[pairKey(d.A, d.B)].ID == d.ID {
			n++
		}
	}
	return n == len(now) && n == len(before)
}

// The parts of the queue.
const (
	MatchOpen    = "open"    // nobody decided, and the program is not sure
	MatchSure    = "sure"    // nobody decided, and the program is sure
	MatchDecided = "decided" // somebody did
)

// MatchQuery asks for a part of the queue.
type MatchQuery struct {
	Show        string // MatchOpen, MatchSure or MatchDecided; empty: MatchOpen
	Between     string // ids of one or two organisations with a comma between: pairs of theirs alone; empty: all
	Skip, Limit int    // Limit 0: 50
}

// MatchList is a part of the queue.
type MatchList struct {
	Open, Sure, Decided int // in all
	Found               int // of what is shown, between the organisations asked for
	Between             []MatchOrgs
	Rows                []MatchRow
	Warnings            []string // what was not compared
}

// MatchOrgs are two organisations between whose cases there are pairs, or one.
type MatchOrgs struct {
	ID    string   // as in MatchQuery.Between
	Names []string // one or two
	Pairs int
}

// MatchRow is a pair in the queue.
type MatchRow struct {
	A, B        Row
	Probability float64 // 0: the program did not propose it
	Decision    *MatchDecision
}

// Matches is a part of the queue: of what is open, the likeliest first; of what
// is decided, the newest.
func (r *Registry) Matches(ctx context.Context, s *access.Session, q MatchQuery) (_ MatchList, err error) {
	defer r.refusal(ctx, s, "matching", "", &err)
	if !access.Decide(s.Member, access.Match, access.Thing{}) {
		return MatchList{}, ErrNotAllowed
	}
	see := r.see(s.Member)
	queue, err := r.queue(ctx, see)
	if err != nil {
		return MatchList{}, err
	}
	list := MatchList{Open: len(queue.open), Sure: len(queue.sure), Decided: len(queue.decided), Warnings: queue.made.warnings}
	part, err := queue.part(cmp.Or(q.Show, MatchOpen))
	if err != nil {
		return MatchList{}, err
	}
	orgs := map[string]*MatchOrgs{}
	var pairs []linkage.Pair
	for _, p := range part {
		id, names := r.between(p.A, p.B)
		if orgs[id] == nil {
			orgs[id] = &MatchOrgs{ID: id, Names: names}
		}
		orgs[id].Pairs++
		if q.Between == "" || q.Between == id {
			pairs = append(pairs, p)
		}
	}
	for _, o := range orgs {
		list.Between = append(list.Between, *o)
	}
	slices.SortFunc(list.Between, func(a, b MatchOrgs) int {
		return cmp.Or(slices.Compare(a.Names, b.Names), cmp.Compare(a.ID, b.ID))
	})
	list.Found = len(pairs)
	pairs = pairs[min(max(q.Skip, 0), len(pairs)):]
	pairs = pairs[:min(cmp.Or(max(q.Limit, 0), 50), len(pairs))]
	rows, err := r.matchRows(ctx, see, pairs)
	if err != nil {
		return MatchList{}, err
	}
	var shown []Row
	for _, p := range pairs {
		a, okA := rows[p.A]
		b, okB := rows[p.B]
		if !okA || !okB {
			continue // erased meanwhile
		}
		row := MatchRow{A: a, B: b, Probability: p.Probability}
		if d, there := queue.together.decided[pairKey(p.A, p.B)]; there {
			row.Decision, row.Probability = &d, d.Probability
		}
		list.Rows, shown = append(list.Rows, row), append(shown, a, b)
	}
	return list, r.readsIdentity(ctx, s, actList, "matching", r.whole(s, shown...)...)
}

// between names the organisations of two cases, always in the same order.
func (r *Registry) between(a, b string) (id string, names []string) {
	ro := r.roll()
	r.rights.mu.RLock()
	defer r.rights.mu.RUnlock()
	var orgs []string
	for _, c := range []string{a, b} {
		if rights := r.rights.cases[c]; rights != nil && !slices.Contains(orgs, rights.Org) {
			orgs = append(orgs, rights.Org)
		}
	}
	slices.SortFunc(orgs, func(a, b string) int { return cmp.Or(cmp.Compare(nameOf(ro, a), nameOf(ro, b)), cmp.Compare(a, b)) })
	for i, org := range orgs {
		if i > 0 {
			id += ","
		}
		id, names = id+org, append(names, nameOf(ro, org))
	}
	return id, names
}

// queue is what the program proposes, beside what was decided up to now.
type queue struct {
	made                *linked
	together            *together
	open, sure, decided []linkage.Pair
}

func (r *Registry) queue(ctx context.Context, see index.See) (*queue, error) {
	made, err := r.linked(ctx, see, false)
	if err != nil {
		return nil, err
	}
	decisions, err := r.decisions(ctx, see)
	if err != nil {
		return nil, err
	}
	q := &queue{made: made, together: newTogether(decisions)}
	for _, p := range made.pairs {
		switch _, there := q.together.decided[pairKey(p.A, p.B)]; {
		case there, q.together.apart(p.A, p.B): // or it could not be decided to be the same
		case p.Accepted && !p.Decided:
			q.sure = append(q.sure, p)
		case q.together.one(p.A, p.B): // it follows from what was decided
		default:
			p.Probability = probabilityOf(p) // of one taken back since, too
			q.open = append(q.open, p)
		}
	}
	slices.SortStableFunc(q.open, func(a, b linkage.Pair) int { return cmp.Compare(b.Probability, a.Probability) })
	slices.SortStableFunc(decisions, func(a, b MatchDecision) int { return b.At.Compare(a.At) })
	for _, d := range decisions {
		if number, err := r.index.NumberOf(ctx, d.A); err != nil || number == "" {
			continue // withdrawn
		}
		q.decided = append(q.decided, linkage.Pair{A: d.A, B: d.B, Probability: d.Probability})
	}
	return q, nil
}

func (q *queue) part(show string) ([]linkage.Pair, error) {
	switch show {
	case MatchOpen:
		return q.open, nil
	case MatchSure:
		return q.sure, nil
	case MatchDecided:
		return q.decided, nil
	}
	return nil, ErrNotFound
}

// MatchView is one pair side by side.
type MatchView struct {
	A, B        MatchSide
	Proposed    bool // the program proposes it
	Sure        bool
	Probability float64               // without what was decided; 0: the program did not propose it
	Fields      []linkage.FieldWeight // why, field by field; without values
	Values      bool                  // both cases are open whole: their values that name somebody are shown
	Decision    *MatchDecision        // that stands on this pair
	Together    bool                  // other decisions put them together
	Apart       bool                  // a decision keeps what is together with one from what is together with the other
	Weak        []WeakBridge          // what would be joined with it though it is hardly alike
	Next        [2]string             // the ids of the next open pair; empty: this is the last
	Open        int                   // pairs that are open, between the organisations asked for
}

// MatchSide is one case of a pair.
type MatchSide struct {
	Row       Row
	Values    map[string][]string // of what is compared, by the fields of linkage.CaseConfig
	With      []Row               // the other cases that are the same person by decisions
	Decisions []MatchNote         // that stand on this case, with others than that of the pair
}

// MatchNote is a decision on a case and another.
type MatchNote struct {
	MatchDecision
	Other Row
}

// WeakBridge is a pair that would be joined by joining two others.
type WeakBridge struct {
	A, B        Row
	Probability float64 // 0: too little to be proposed
}

// identityFields are those of what is compared that could name somebody. They are
// shown only where both cases are open whole: one side and "the same" tells the other.
var identityFields = [...]string{"family", "given", "patronymic", "full_name", "other_names", "birth", "register_no"}

// Match is one pair side by side, with what it would join. The pair after it is
// the next open one between the organisations that between names (see MatchQuery).
func (r *Registry) Match(ctx context.Context, s *access.Session, a, b, between string) (_ MatchView, err error) {
	defer r.refusal(ctx, s, "matching", "", &err)
	if !access.Decide(s.Member, access.Match, access.Thing{}) {
		return MatchView{}, ErrNotAllowed
	}
	see := r.see(s.Member)
	if a == b || see(a) == index.Nothing || see(b) == index.Nothing {
		return MatchView{}, ErrNotFound
	}
	q, err := r.queue(ctx, see)
	if err != nil {
		return MatchView{}, err
	}
	view := MatchView{Values: see(a) == index.All && see(b) == index.All, Together: q.together.one(a, b), Apart: q.together.apart(a, b)}
	if i, there := q.made.place[pairKey(a, b)]; there {
		p := q.made.pairs[i]
		view.Proposed, view.Probability = true, probabilityOf(p)
		view.Sure = p.Accepted && !p.Decided && !view.Apart
		view.Fields = shownFields(func(string) index.Sight { return index.Facts }, p)
		if p.A == b {
			a, b = b, a
		}
	}
	if d, there := q.together.decided[pairKey(a, b)]; there {
		view.Decision = &d
	}
	sides := [2]*MatchSide{&view.A, &view.B}
	var shown []Row
	for i, id := range [2]string{a, b} {
		if *sides[i], err = r.matchSide(ctx, see, q.together, id, [2]string{a, b}, view.Values); err != nil {
			return MatchView{}, err
		}
		shown = append(append(shown, sides[i].Row), sides[i].With...)
		for _, n := range sides[i].Decisions {
			shown = append(shown, n.Other)
		}
	}
	if !view.Together {
		view.Weak = q.weak(view.A, view.B)
	}
	view.Next, view.Open = r.nextMatch(q, pairKey(a, b), between)
	return view, r.readsIdentity(ctx, s, actList, "matching", r.whole(s, shown...)...)
}

// matchSide is one case of a pair.
func (r *Registry) matchSide(ctx context.Context, see index.See, t *together, id string, pair [2]string, whole bool) (MatchSide, error) {
	file, err := r.index.Case(ctx, id, allKnown)
	if err != nil {
		return MatchSide{}, notThere(err)
	}
	same, err := r.index.Same(ctx, id, allKnown)
	if err != nil {
		return MatchSide{}, notThere(err)
	}
	rec := person(file)
	side := MatchSide{Values: rec.Fields}
	if !whole {
		for _, f := range identityFields {
			delete(side.Values, f)
		}
	}
	wanted := slices.Clone(same)
	var notes []MatchDecision
	for key, d := range t.decided {
		if key != pairKey(pair[0], pair[1]) && (d.A == id || d.B == id) {
			notes = append(notes, d)
			wanted = append(wanted, d.A, d.B)
		}
	}
	rows, err := r.index.Rows(ctx, wanted, Clock{AsOf: r.Today()}, see)
	if err != nil {
		return MatchSide{}, err
	}
	byID := map[string]Row{}
	for _, row := range rows {
		byID[row.ID] = row
		switch {
		case row.ID == id:
			side.Row = row
		case slices.Contains(same, row.ID) && !slices.Contains(pair[:], row.ID):
			side.With = append(side.With, row)
		}
	}
	if side.Row.ID == "" {
		return MatchSide{}, ErrNotFound
	}
	slices.SortFunc(notes, func(a, b MatchDecision) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID)) })
	for _, d := range notes {
		other := d.A
		if other == id {
			other = d.B
		}
		if row, there := byID[other]; there {
			side.Decisions = append(side.Decisions, MatchNote{d, row})
		}
	}
	return side, nil
}

func notThere(err error) error {
	if errors.Is(err, index.ErrNotFound) {
		return ErrNotFound
	}
	return err
}

// weakBelow is the probability under which two cases that would be joined with a
// pair are told: they are likelier two people than one.
const weakBelow = 0.5

// weak are the pairs that joining two cases would join with them, though they are hardly alike.
func (q *queue) weak(a, b MatchSide) (weak []WeakBridge) {
	for _, x := range append([]Row{a.Row}, a.With...) {
		for _, y := range append([]Row{b.Row}, b.With...) {
			if x.ID == a.Row.ID && y.ID == b.Row.ID || x.ID == y.ID {
				continue
			}
			p := 0.0
			if i, there := q.made.place[pairKey(x.ID, y.ID)]; there {
				p = probabilityOf(q.made.pairs[i])
			}
			if p < weakBelow {
				weak = append(weak, WeakBridge{x, y, p})
			}
		}
	}
	return weak
}

// nextMatch is the open pair after a pair, whether or not that one is open still;
// after the last one there is none.
func (r *Registry) nextMatch(q *queue, key [2]string, between string) (next [2]string, open int) {
	at, before := -1.0, false // of a pair that the program did not propose the first is next
	if i, there := q.made.place[key]; there {
		at, before = probabilityOf(q.made.pairs[i]), true
	}
	past := false
	for _, p := range q.open {
		if between != "" {
			if id, _ := r.between(p.A, p.B); id != between {
				continue
			}
		}
		open++
		this := pairKey(p.A, p.B)
		switch {
		case next != [2]string{}:
		case this == key:
			past = true
		case !before, past, p.Probability < at, p.Probability == at && q.made.place[this] > q.made.place[key]:
			next = [2]string{p.A, p.B}
		}
	}
	return next, open
}

// probabilityOf is how likely a pair is without what was decided of it.
func probabilityOf(p linkage.Pair) float64 { return 1 / (1 + math.Exp2(-p.Weight)) }
