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
	cfg := linkage.CaseConfig()
	type decided struct {
		id      string
		verdict Verdict
	}
	before := map[[2]string]decided{}
	records, err := r.index.Outside(ctx, "match", allKnown)
	if err != nil {
		return Proposals{}, err
	}
	for _, m := range records {
		a, b := first(m.Fields["a"]), first(m.Fields["b"])
		verdict := Verdict(first(m.Fields["verdict"]))
		cfg.Decided = append(cfg.Decided, linkage.Decision{A: a, B: b, Same: verdict == Same})
		before[pairKey(a, b)] = decided{m.ID, verdict}
	}
	see := r.see(s.Member)
	var people []linkage.Record
	for file, err := range r.index.Files(ctx, allKnown) {
		if err != nil {
			return Proposals{}, err
		}
		if see(file.ID) == index.Nothing {
			continue
		}
		people = append(people, person(file))
	}
	result, err := linkage.Link(ctx, people, cfg)
	if err != nil {
		return Proposals{}, err
	}
	clock := Clock{AsOf: r.Today()}
	out := Proposals{Warnings: result.Warnings}
	rows := map[string]Row{}
	row := func(id string) (Row, error) {
		if found, ok := rows[id]; ok {
			return found, nil
		}
		found, err := r.index.Row(ctx, id, clock, see)
		rows[id] = found
		return found, err
	}
	for _, p := range result.Pairs {
		d := before[pairKey(p.A, p.B)]
		a, err := row(p.A)
		if err != nil {
			return Proposals{}, err
		}
		b, err := row(p.B)
		if err != nil {
			return Proposals{}, err
		}
		if see(p.A) != index.All || see(p.B) != index.All {
			for i := range p.Fields { // how alike they are is the coordinator's to know; what they say is not
				p.Fields[i].A, p.Fields[i].B = "", ""
			}
		}
		out.Proposals = append(out.Proposals, Proposal{
			A: a, B: b, Probability: p.Probability, Fields: p.Fields,
			Sure:     p.Accepted,
			Decision: d.id, Verdict: d.verdict,
		})
	}
	if err := r.readsIdentity(ctx, s, actList, "matching", r.whole(s, slices.Collect(maps.Values(rows))...)...); err != nil {
		return Proposals{}, err
	}
	return out, nil
}

func pairKey(a, b string) [2]string {
	if b < a {
		a, b = b, a
	}
	return [2]string{a, b}
}

// Apply decides the sure proposals that nobody has decided, in one act. It
// answers how many it decided.
func (r *Registry) Apply(ctx context.Context, s *access.Session, found Proposals) (_ int, err error) {
	defer r.refusal(ctx, s, "matching", "", &err)
	var decisions []Decision
	for _, p := range found.Proposals {
		if !p.Sure || p.Verdict != "" {
			continue
		}
		decisions = append(decisions, Decision{A: p.A.ID, B: p.B.ID, Verdict: Same, Probability: p.Probability, Reasons: reasons(p.Fields), Reason: "proposed by the program and sure"})
	}
	_, err = r.decide(ctx, s, decisions, "program")
	return len(decisions), err
}

func reasons(fields []linkage.FieldWeight) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = fmt.Sprintf("%s %s %+.1f", f.Field, f.Level, f.Weight)
	}
	return out
}

// Decide writes a person's decision and answers its id.
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
	for _, d := range decisions {
		if d.A == d.B {
			return nil, fmt.Errorf("a case can't be compared with itself")
		}
		for _, id := range []string{d.A, d.B} {
			if _, err := r.index.Row(ctx, id, Clock{AsOf: r.Today()}, r.see(s.Member)); err != nil {
				return nil, ErrNotFound
			}
		}
		fields := casefile.Fields{
			"a": {d.A}, "b": {d.B}, "verdict": {string(d.Verdict)}, "by": {by},
			"date": {r.Today().String()}, "reasons": d.Reasons,
		}
		if d.Probability > 0 {
			fields["probability"] = []string{strconv.FormatFloat(d.Probability, 'f', 6, 64)}
		}
		id := ledger.NewID().String()
		ids = append(ids, id)
		acts = append(acts, act{stream: id, puts: []Put{{Record: id, Kind: "match", Fields: fields}}, reason: d.Reason, source: "match"})
	}
	return ids, r.write(ctx, s, acts)
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
	return r.write(ctx, s, []act{{stream: decision, withdraws: []Put{{Record: decision, Kind: "match"}}, reason: reason, source: "match"}})
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
