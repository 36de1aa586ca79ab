// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/ledger"
)

// Put is a record to be put: all its fields, as they will stand.
type Put struct {
	Record string // 32 hex digits
	Kind   string
	Fields casefile.Fields
	Source string // who says so, where that is more than the act's own source

	came *came // nil: it did not come in with an archive
}

// came is an entry that came in with an archive: what it says in place of its act.
type came struct {
	withdraw       bool
	reason, source string
	lacking        bool // who somebody is was erased there, or not open: what is required may be missing
}

// CaseImport is one case of a list. Key is the list's own number for it, by
// which a second import finds the case again. Records makes its records for
// the id the case has in the register; the first is the case itself.
type CaseImport struct {
	Key     string
	Records func(caseID string) []Put
}

// Import says what an import did.
type Import struct {
	New     int `json:"new"`
	Changed int `json:"changed"`
	Same    int `json:"same"`
	Entries int `json:"entries"`
}

// Import takes in the cases of an organisation's list: all of them or, on any
// error, none. A case that was imported before is changed only where the list
// changed since: what people wrote meanwhile stays.
func (r *Registry) Import(ctx context.Context, s *access.Session, org, source string, cases []CaseImport, progress func(done, total int)) (_ Import, err error) {
	defer r.refusal(ctx, s, "import", "", &err)
	if !access.Decide(s.Member, access.WriteCase, access.Thing{Org: org}) {
		return Import{}, ErrNotAllowed
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	result, acts, after, err := r.planned(ctx, s, org, source, cases, progress)
	if err != nil {
		return Import{}, err
	}
	if err := r.write(ctx, s, acts); err != nil {
		return Import{}, err
	}
	for _, forget := range after {
		if err := forget(); err != nil {
			return Import{}, err
		}
	}
	return result, nil
}

// PlanImport says what Import would do with a list, and changes nothing.
func (r *Registry) PlanImport(ctx context.Context, s *access.Session, org, source string, cases []CaseImport) (_ Import, err error) {
	defer r.refusal(ctx, s, "import", "", &err)
	if !access.Decide(s.Member, access.WriteCase, access.Thing{Org: org}) {
		return Import{}, ErrNotAllowed
	}
	result, _, _, err := r.planned(ctx, s, org, source, cases, nil)
	return result, err
}

// planned are the acts by which a list is taken in, and what has to be done after them.
func (r *Registry) planned(ctx context.Context, s *access.Session, org, source string, cases []CaseImport, progress func(done, total int)) (result Import, acts []act, after []func() error, err error) {
	// What the member may not see is not there: a list changes no case by its
	// number that its importer could not open.
	known, err := r.index.ExternalIDs(ctx, org, r.see(s.Member))
	if err != nil {
		return Import{}, nil, nil, err
	}
	numbers, err := r.index.Numbers(ctx)
	if err != nil {
		return Import{}, nil, nil, err
	}
	seen := map[string]bool{}
	for i, c := range cases {
		if seen[c.Key] {
			return Import{}, nil, nil, fmt.Errorf("the list has two cases with the number %q; nothing was taken in", c.Key)
		}
		seen[c.Key] = true
		if id, ok := known[c.Key]; ok {
			puts := c.Records(id)
			if err := r.ordinary(puts, id); err != nil {
				return Import{}, nil, nil, err
			}
			change, err := r.difference(ctx, id, source, puts)
			if err != nil {
				return Import{}, nil, nil, err
			}
			if change == nil {
				result.Same++
			} else {
				result.Changed++
				var forget func() error
				if change.handed, forget, err = r.lapsed(ctx, s, id); err != nil {
					return Import{}, nil, nil, err
				}
				after = append(after, forget)
				acts = append(acts, *change)
			}
		} else {
			id := ledger.NewID().String()
			puts := c.Records(id)
			if err := r.ordinary(puts, id); err != nil {
				return Import{}, nil, nil, err
			}
			head := caseRecord(puts, id)
			head.Fields["org"] = []string{org}
			head.Fields["number"] = []string{newNumber(numbers)}
			head.Fields["opened"] = []string{r.Today().String()}
			head.Fields["external_id"] = []string{c.Key}
			rest := slices.DeleteFunc(slices.Clone(puts), func(p Put) bool { return p.Record == id })
			if first(head.Fields["restricted"]) == "yes" {
				rest = append(rest, r.ownGrant(s.Member, id)...)
			}
			acts = append(acts, act{stream: id, newFor: org, puts: append([]Put{head}, rest...), source: source})
			result.New++
		}
		if progress != nil && (i%256 == 255 || i == len(cases)-1) {
			progress(i+1, len(cases))
		}
	}
	for _, a := range acts {
		result.Entries += len(a.puts) + len(a.withdraws)
	}
	return result, acts, after, nil
}

// caseRecord finds the record of the case itself among its records, or makes it.
func caseRecord(puts []Put, id string) Put {
	for _, p := range puts {
		if p.Record == id {
			p.Fields = maps.Clone(p.Fields)
			if p.Fields == nil {
				p.Fields = casefile.Fields{}
			}
			return p
		}
	}
	return Put{Record: id, Kind: "case", Fields: casefile.Fields{}}
}

// imported marks the source of what a list said, so that a later import can
// tell it from what people wrote.
func imported(source string) bool {
	return strings.HasPrefix(source, "list: ") || strings.HasPrefix(source, "file: ")
}

// difference is what a list says of a case now and did not say at its last
// import; nil where it says the same.
func (r *Registry) difference(ctx context.Context, id, source string, puts []Put) (*act, error) {
	entries, err := r.index.Entries(ctx, id)
	if err != nil {
		return nil, err
	}
	last := map[string]casefile.Entry{}
	kinds := map[string]string{}
	for _, e := range entries {
		if kinds[e.Record] == "" {
			kinds[e.Record] = e.Kind
		}
		if imported(e.Source) {
			last[e.Record] = e
		}
	}
	change := act{stream: id, source: source, reason: "the list changed"}
	for _, p := range puts {
		// Nothing is written over by giving a record the id of another: neither a grant, nor a verdict.
		if kind := kinds[p.Record]; kind != "" && kind != p.Kind {
			return nil, fmt.Errorf("the list has a record of kind %s where the case has one of kind %s: give it another name in the mapping; nothing was taken in", p.Kind, kind)
		}
		old, ok := last[p.Record]
		if p.Record == id { // the case itself: what the register gave it stays
			continue
		}
		if !ok || old.Op == casefile.Withdraw || !equal(old.Fields, p.Fields) {
			change.puts = append(change.puts, p)
		}
		delete(last, p.Record)
	}
	for _, record := range slices.Sorted(maps.Keys(last)) {
		if e := last[record]; record != id && e.Op == casefile.Put {
			change.withdraws = append(change.withdraws, Put{Record: record, Kind: e.Kind})
		}
	}
	if len(change.puts)+len(change.withdraws) == 0 {
		return nil, nil
	}
	return &change, nil
}

func equal(a, b casefile.Fields) bool {
	return maps.EqualFunc(clean(a), clean(b), slices.Equal)
}

// clean leaves out fields without a value: an empty list is not recorded.
func clean(f casefile.Fields) casefile.Fields {
	out := make(casefile.Fields, len(f))
	for id, values := range f {
		if len(values) > 0 {
			out[id] = values
		}
	}
	return out
}

// newNumber draws the number of a new case and adds it to those that are given.
// Numbers don't run on: a gap in them would tell of a case that is not shown,
// and the newest how many there are.
func newNumber(given map[string]bool) string {
	for {
		n, err := rand.Int(rand.Reader, big.NewInt(9_000_000))
		if err != nil { // never (crypto/rand)
			panic(err)
		}
		number := fmt.Sprintf("K-%d", n.Int64()+1_000_000)
		if !given[number] {
			given[number] = true
			return number
		}
	}
}

// ordinary refuses what a list or a form may not put into a case: records that
// only the acts may put that also make their keys, those that stand outside
// cases, and a second record of the case itself. What comes in gives nobody
// access, verifies nothing and takes no case from its organisation.
func (r *Registry) ordinary(puts []Put, caseID string) error {
	for _, p := range puts {
		k, known := r.book.Kind(p.Kind)
		switch {
		case p.Kind == grantKind, p.Kind == kindErasure, p.Kind == casefile.ReviewKind, p.Kind == fileStampKind, p.Kind == fileKind, p.Kind == copyKind, known && k.Scope == codebook.Outside,
			(p.Kind == "case") != (p.Record == caseID):
			return &InvalidError{Kind: p.Kind, Problems: []codebook.Problem{{What: codebook.UnknownKind, Want: "a kind that is written by itself", Msg: fmt.Sprintf("a record of kind %s can't be put this way", p.Kind)}}}
		}
	}
	return nil
}

// PutOutside puts records outside cases, each in a stream of its own. What is
// there already with the same fields is left as it is.
func (r *Registry) PutOutside(ctx context.Context, s *access.Session, source string, puts []Put) (_ Import, err error) {
	defer r.refusal(ctx, s, "outside", "", &err)
	if !access.Decide(s.Member, access.WriteOutside, access.Thing{}) {
		return Import{}, ErrNotAllowed
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	var result Import
	var acts []act
	for _, p := range puts {
		if doorOfItsOwn(p.Kind) {
			return Import{}, fmt.Errorf("a record of kind %s can't be put this way", p.Kind)
		}
		if k, ok := r.book.Kind(p.Kind); !ok || k.Scope != codebook.Outside {
			return Import{}, fmt.Errorf("a record of kind %q does not stand outside cases", p.Kind)
		}
		entries, err := r.index.Entries(ctx, p.Record)
		if err != nil {
			return Import{}, err
		}
		if len(entries) > 0 && entries[0].Kind != p.Kind { // another record's stream, which may be a case
			return Import{}, fmt.Errorf("the id of a record of kind %s can't be used: make a new one", p.Kind)
		}
		if n := len(entries); n > 0 && entries[n-1].Op == casefile.Put && equal(entries[n-1].Fields, p.Fields) {
			result.Same++
			continue
		}
		if len(entries) > 0 {
			result.Changed++
		} else {
			result.New++
		}
		acts = append(acts, act{stream: p.Record, puts: []Put{p}, source: source})
		result.Entries++
	}
	if err := r.write(ctx, s, acts); err != nil {
		return Import{}, err
	}
	return result, nil
}

// doorOfItsOwn tells whether records of a kind outside cases are written by a
// use case of their own, and never as they are.
func doorOfItsOwn(kind string) bool {
	switch kind {
	case "match", factorKind, searchKind, captureKind, statementKind, releaseKind, publicKind, bulkKind, bundleKind, exportKind, mapKind, authorityKind, stampKind, nodeKind, arrivalKind, encodingKind, encodingRowsKind, commonKind, revocationKind, packKind:
		return true
	}
	return told(kind) || forProgramsKind(kind) || onRoll(kind)
}
