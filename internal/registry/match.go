// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/linkage"
)

// Verdict is what was decided of two cases.
type Verdict string

// The verdicts.
const (
	Same      Verdict = "same"
	Different Verdict = "different"
)

// Decision says that two cases are the same person and incident, or surely are not.
type Decision struct {
	A, B        string // case ids
	Verdict     Verdict
	Probability float64  // of the proposal it rests on; 0: there was none
	Reasons     []string // of the proposal, field by field
	Reason      string   // in the decider's words
	Common      string   // the proposal of another node that it answers; empty: none
}

// Proposal is a pair of cases that may be the same person.
type Proposal struct {
	A, B        Row
	Probability float64
	Fields      []linkage.FieldWeight // why, field by field
	Sure        bool                  // likely enough to be decided without a person
	Decision    string                // the id of the decision taken on it, if one was
	Verdict     Verdict               // the decision
}

// Proposals are all pairs worth a person's look.
type Proposals struct {
	Proposals []Proposal
	Warnings  []string // what was not compared, in one line each
}

// Propose compares all cases with each other. Decisions taken before bind it.
func (r *Registry) Propose(ctx context.Context, s *access.Session) (_ Proposals, err error) {
	defer r.refusal(ctx, s, "matching", "", &err)
	if !access.Decide(s.Member, access.Match, access.Thing{}) {
		return Proposals{}, ErrNotAllowed
	}
	see := r.see(s.Member)
	made, err := r.linked(ctx, see, true)
	if err != nil {
		return Proposals{}, err
	}
	rows, err := r.matchRows(ctx, see, made.pairs)
	if err != nil {
		return Proposals{}, err
	}
	out := Proposals{Warnings: made.warnings}
	for _, p := range made.pairs {
		a, okA := rows[p.A]
		b, okB := rows[p.B]
		if !okA || !okB {
			continue // erased meanwhile
		}
		d := made.decisions[pairKey(p.A, p.B)]
		out.Proposals = append(out.Proposals, Proposal{
			A: a, B: b, Probability: p.Probability, Fields: shownFields(see, p),
			Sure:     p.Accepted,
			Decision: d.ID, Verdict: d.Verdict,
		})
	}
	if err := r.readsIdentity(ctx, s, actList, "matching", r.whole(s, slices.Collect(maps.Values(rows))...)...); err != nil {
		return Proposals{}, err
	}
	return out, nil
}

// matchRows are the rows of the cases of some pairs, as their reader may see them.
func (r *Registry) matchRows(ctx context.Context, see index.See, pairs []linkage.Pair) (map[string]Row, error) {
	var ids []string
	for _, p := range pairs {
		ids = append(ids, p.A, p.B)
	}
	found, err := r.index.Rows(ctx, ids, Clock{AsOf: r.Today()}, see)
	rows := make(map[string]Row, len(found))
	for _, row := range found {
		rows[row.ID] = row
	}
	return rows, err
}

// shownFields are the reasons of a pair without the values, unless both cases
// are open whole: how alike they are is the coordinator's to know; what they say is not.
func shownFields(see index.See, p linkage.Pair) []linkage.FieldWeight {
	fields := slices.Clone(p.Fields)
	if see(p.A) != index.All || see(p.B) != index.All {
		for i := range fields {
			fields[i].A, fields[i].B = "", ""
		}
	}
	return fields
}

func pairKey(a, b string) [2]string {
	if b < a {
		a, b = b, a
	}
	return [2]string{a, b}
}

// Apply decides the sure proposals that nobody has decided, in one act. What
// somebody decided meanwhile it leaves. It answers how many it decided.
func (r *Registry) Apply(ctx context.Context, s *access.Session, found Proposals) (_ int, err error) {
	defer r.refusal(ctx, s, "matching", "", &err)
	var decisions []Decision
	for _, p := range found.Proposals {
		if !p.Sure || p.Verdict != "" {
			continue
		}
		decisions = append(decisions, Decision{A: p.A.ID, B: p.B.ID, Verdict: Same, Probability: p.Probability, Reasons: reasons(p.Fields)})
	}
	ids, err := r.decide(ctx, s, decisions, "program")
	return len(ids), err
}

func reasons(fields []linkage.FieldWeight) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = fmt.Sprintf("%s %s %+.1f", f.Field, f.Level, f.Weight)
	}
	return out
}

// Decide writes a person's decision and answers its id. A pair that is decided
// already is a [DecidedError]; a decision that others contradict is ErrApart or ErrTogether.
func (r *Registry) Decide(ctx context.Context, s *access.Session, d Decision) (_ string, err error) {
	defer r.refusal(ctx, s, "matching", "", &err)
	ids, err := r.decide(ctx, s, []Decision{d}, "person")
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

func (r *Registry) decide(ctx context.Context, s *access.Session, decisions []Decision, by string) ([]string, error) {
	if !access.Decide(s.Member, access.Match, access.Thing{}) {
		return nil, ErrNotAllowed
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	var acts []act
	var ids []string
	see := r.see(s.Member)
	before, err := r.decisions(ctx, see)
	if err != nil {
		return nil, err
	}
	known := newTogether(before)
	for _, d := range decisions {
		if d.A == d.B {
			return nil, ErrItself
		}
		for _, id := range []string{d.A, d.B} {
			if number, err := r.index.NumberOf(ctx, id); err != nil || number == "" || see(id) == index.Nothing {
				return nil, ErrNotFound
			}
		}
		switch err := known.add(d); {
		case err == nil:
		case by == "program": // somebody decided meanwhile: theirs stands
			continue
		default:
			return nil, err
		}
		fields := casefile.Fields{
			"a": {d.A}, "b": {d.B}, "verdict": {string(d.Verdict)}, "by": {by},
			"date": {r.Today().String()}, "reasons": d.Reasons,
		}
		if d.Probability > 0 {
			fields["probability"] = []string{strconv.FormatFloat(d.Probability, 'f', 6, 64)}
		}
		if d.Common != "" {
			fields["common"] = []string{d.Common}
		}
		id := ledger.NewID().String()
		ids = append(ids, id)
		acts = append(acts, act{stream: id, puts: []Put{{Record: id, Kind: "match", Fields: fields}}, reason: d.Reason, source: "match"})
	}
	return ids, r.decided(func() error { return r.write(ctx, s, acts) })
}

// Undo takes a decision back. It stays readable in the ledger.
func (r *Registry) Undo(ctx context.Context, s *access.Session, decision, reason string) (err error) {
	defer r.refusal(ctx, s, "matching", "", &err)
	if !access.Decide(s.Member, access.Match, access.Thing{}) {
		return ErrNotAllowed
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	records, err := r.index.Outside(ctx, "match", allKnown)
	if err != nil {
		return err
	}
	see := r.see(s.Member)
	open := func(id string) bool { return see(id) != index.Nothing }
	if !slices.ContainsFunc(records, func(m *casefile.Record) bool {
		return m.ID == decision && open(first(m.Fields["a"])) && open(first(m.Fields["b"]))
	}) {
		return ErrNotFound
	}
	acts := []act{{stream: decision, withdraws: []Put{{Record: decision, Kind: "match"}}, reason: reason, source: "match"}}
	return r.decided(func() error { return r.write(ctx, s, acts) })
}

// person is what is compared of a case: the fields linkage.CaseConfig names.
func person(file *casefile.Case) linkage.Record {
	rec := linkage.Record{ID: file.ID, Fields: map[string][]string{}}
	add := func(field string, values []string) {
		for _, v := range values {
			if v != "" && v != "unknown" && !slices.Contains(rec.Fields[field], v) {
				rec.Fields[field] = append(rec.Fields[field], v)
			}
		}
	}
	for _, p := range file.Of("case") {
		rec.List = first(p.Fields["org"])
	}
	for _, p := range file.Of("person") {
		if !slices.Contains(p.Fields["role"], "victim") {
			continue
		}
		for _, id := range []string{"family", "given", "patronymic", "full_name", "other_names", "sex", "birth"} {
			add(id, p.Fields[id])
		}
		if len(p.Fields["birth"]) == 0 {
			add("birth", p.Fields["birth_year"])
		}
	}
	for _, a := range file.Of("act") {
		add("incident", a.Fields["date"])
		add("region", a.Fields["region"])
		add("place_type", a.Fields["place_type"])
		add("methods", a.Fields["methods"])
	}
	for _, rep := range file.Of("report") {
		add("region", rep.Fields["region"])
	}
	for _, c := range file.Of("complaint") {
		add("complaint", c.Fields["date"])
	}
	for _, reg := range file.Of("registration") {
		add("register_no", reg.Fields["register_no"])
	}
	return rec
}
