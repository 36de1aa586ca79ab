// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// Tie is something a case has that other cases may have, too: a facility, an
// official, a method, a day. Ties come from facts alone: whoever may read only
// the facts of a case reads the same ties as those who read all of it.
type Tie struct{ Dim, Value string }

// The dimensions of ties. Those of records outside cases are named as their
// kinds, and the value is the record's id.
const (
	TieIncident    = "incident"
	TieFacility    = "facility"
	TieBody        = "body"
	TieOfficial    = "official" // in whatever role
	TiePublication = "publication"
	TieAlleged     = "alleged"    // an official as an alleged perpetrator
	TieMethod      = "method"     // code of list method
	TieInstrument  = "instrument" // code of list instrument
	TiePlace       = "place"      // place type and region, "ivs@KZ-75", of a record that names no facility
	TieForce       = "force"      // code of list perpetrator_body
	TieAuthority   = "authority"  // code of list body
	TieDay         = "day"        // of violence or detention, where at most three days come into question
	TieRegion      = "region"     // where it happened: one for each case, or NoRegion

	// tieTold is the region of a report: where it happened, if nothing else says so.
	tieTold = "told"
	// tieBefore asks for what happened before a day. No case has it.
	tieBefore = "before"
)

// NoRegion is the region of a case in which none is recorded.
const NoRegion = "none"

// tieDims are the dimensions that are written down, in the order of their numbers.
var tieDims = [...]string{TieIncident, TieFacility, TieBody, TieOfficial, TiePublication, TieAlleged,
	TieMethod, TieInstrument, TiePlace, TieForce, TieAuthority, TieDay, TieRegion, tieTold}

// ofRecords is how many of them name a record outside cases.
const ofRecords = 6

// knot is what one record ties its case to: things that stand together.
type knot struct {
	from edtf.Day // the day from which it counts
	on   edtf.Day // the latest day on which it can have happened; 0: not known
	ties []Tie
}

// daysTied is how many days may come into question for a case to be tied to them.
const daysTied = 3

// knots gathers what the records of a case tie it to. What happened counts from
// its own day, and not before the case was reported.
func (ix *Index) knots(c *casefile.Case, reported edtf.Day) []knot {
	var all []knot
	official := map[string]string{} // suspect → official
	for _, rec := range c.Of("suspect") {
		official[rec.ID] = rec.Get("official")
	}
	where := place(c)
	if where == nil {
		all = append(all, knot{from: reported, ties: []Tie{{tieTold, NoRegion}}})
	}
	for _, rec := range c.Records() {
		k := knot{from: max(rec.Counts, reported), on: happened(rec), ties: ix.tiesOf(rec, official)}
		if rec == where {
			dim := TieRegion
			if rec.Kind == "report" {
				dim = tieTold
			}
			k.ties = append(k.ties, Tie{dim, rec.Get("region")})
		}
		if len(k.ties) > 0 {
			all = append(all, k)
		}
	}
	return all
}

// happened is the latest day on which a record can have happened; 0: not known.
func happened(rec *casefile.Record) edtf.Day {
	if rec.Date.IsZero() || rec.Date.Latest().Bound() {
		return 0
	}
	return rec.Date.Latest()
}

// place is the record that says in which region it happened: the earliest
// violence, else the earliest detention, else the first report; nil: none does.
func place(c *casefile.Case) *casefile.Record {
	for _, kind := range []string{"act", "detention", "report"} {
		var found *casefile.Record
		for _, rec := range c.Of(kind) {
			if code := rec.Get("region"); code == "" || codebook.Missing(code) {
				continue
			}
			if on := happened(rec); found == nil || on != 0 && (happened(found) == 0 || on < happened(found)) {
				found = rec
			}
		}
		if found != nil {
			return found
		}
	}
	return nil
}

// tiesOf are the ties of one record, in or outside a case, but for where it happened.
func (ix *Index) tiesOf(rec *casefile.Record, official map[string]string) []Tie {
	kind, ok := ix.book.Kind(rec.Kind)
	if !ok {
		return nil
	}
	var ties []Tie
	add := func(dim, value string) {
		if value != "" && !codebook.Missing(value) && !slices.Contains(ties, Tie{dim, value}) {
			ties = append(ties, Tie{dim, value})
		}
	}
	happens := rec.Kind == "act" || rec.Kind == "detention" || rec.Kind == TieIncident
	for i := range kind.Fields {
		f := &kind.Fields[i]
		if f.Class != codebook.Fact {
			continue
		}
		for _, value := range rec.Fields[f.ID] {
			switch {
			case f.Type == codebook.Ref && f.RefKind == "suspect":
				add(TieOfficial, official[value])
				add(TieAlleged, official[value])
			case f.Type == codebook.Ref && slices.Contains(tieDims[:ofRecords], f.RefKind):
				add(f.RefKind, value)
				if rec.Kind == "suspect" && f.RefKind == TieOfficial {
					add(TieAlleged, value)
				}
			case f.Type != codebook.Code:
			case f.List == "perpetrator_body":
				add(TieForce, value)
			case f.List == "body":
				add(TieAuthority, value)
			case happens && (f.List == TieMethod || f.List == TieInstrument):
				add(f.List, value)
			}
		}
	}
	if !happens {
		return ties
	}
	if rec.Get("facility") == "" || codebook.Missing(rec.Get("facility")) {
		if at, region := rec.Get("place_type"), rec.Get("region"); at != "" && region != "" && !codebook.Missing(at) && !codebook.Missing(region) {
			add(TiePlace, at+"@"+region)
		}
	}
	if on := happened(rec); on != 0 {
		if first := rec.Date.Earliest(); !first.Bound() && on.Sub(first) < daysTied {
			for day := first; day <= on; day++ {
				add(TieDay, day.String())
			}
		}
	}
	return ties
}

// encodeKnots writes knots in few bytes: they stand in every row of the list.
func encodeKnots(all []knot) string {
	var b []byte
	for _, k := range all {
		var ties []byte
		n := 0
		for _, t := range k.ties {
			dim := slices.Index(tieDims[:], t.Dim)
			value := []byte(t.Value)
			if dim < ofRecords {
				id, err := hex.DecodeString(t.Value)
				if err != nil || len(id) != 16 {
					continue // no id of a record: nothing can be there
				}
				value = id
			}
			ties = append(ties, byte(dim))
			ties = binary.AppendUvarint(ties, uint64(len(value)))
			ties = append(ties, value...)
			n++
		}
		if n == 0 {
			continue
		}
		b = binary.AppendVarint(b, int64(k.from))
		b = binary.AppendVarint(b, int64(k.on))
		b = binary.AppendUvarint(b, uint64(n))
		b = append(b, ties...)
	}
	return string(b)
}

// decodeKnots reads what encodeKnots wrote.
func decodeKnots(b []byte) ([]knot, error) {
	var all []knot
	varint := func() (int64, bool) {
		v, n := binary.Varint(b)
		if n <= 0 {
			return 0, false
		}
		b = b[n:]
		return v, true
	}
	uvarint := func() (uint64, bool) {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, false
		}
		b = b[n:]
		return v, true
	}
	for len(b) > 0 {
		from, ok1 := varint()
		on, ok2 := varint()
		n, ok3 := uvarint()
		if !ok1 || !ok2 || !ok3 || n > uint64(len(b)) {
			return nil, errDamaged
		}
		k := knot{from: edtf.Day(from), on: edtf.Day(on), ties: make([]Tie, 0, n)}
		for range n {
			if len(b) == 0 || int(b[0]) >= len(tieDims) {
				return nil, errDamaged
			}
			dim := int(b[0])
			b = b[1:]
			size, ok := uvarint()
			if !ok || size > uint64(len(b)) {
				return nil, errDamaged
			}
			value := string(b[:size])
			b = b[size:]
			if dim < ofRecords {
				value = hex.EncodeToString([]byte(value))
			}
			k.ties = append(k.ties, Tie{tieDims[dim], value})
		}
		all = append(all, k)
	}
	return all, nil
}

// Term is what a case must have in one record: all of its parts, each with any
// of its values. "facility:ID+method:beat" is a beating in that facility.
type Term []TermPart

// TermPart is a dimension with the values of which one must be there.
type TermPart struct {
	Dim string
	Any []string
}

// What a question may hold.
const (
	maxTerms     = 6
	maxTermParts = 4
	maxTermAny   = 8
	maxTermText  = 600
)

// ParseTerm reads a term as an address has it; false: it is none.
func ParseTerm(text string) (Term, bool) {
	if len(text) > maxTermText {
		return nil, false
	}
	var term Term
	for part := range strings.SplitSeq(text, "+") {
		dim, values, ok := strings.Cut(part, ":")
		known := dim == tieBefore || dim != tieTold && slices.Contains(tieDims[:], dim)
		if !ok || !known || len(term) == maxTermParts {
			return nil, false
		}
		p := TermPart{Dim: dim, Any: strings.Split(values, "|")}
		if len(p.Any) > maxTermAny || slices.Contains(p.Any, "") {
			return nil, false
		}
		if dim == tieBefore {
			if _, err := edtf.ParseDay(values); err != nil {
				return nil, false
			}
		}
		term = append(term, p)
	}
	return term, true
}

// String is the term as ParseTerm reads it.
func (t Term) String() string {
	var parts []string
	for _, p := range t {
		parts = append(parts, p.Dim+":"+strings.Join(p.Any, "|"))
	}
	return strings.Join(parts, "+")
}

// With is a term of one tie, or of several that stand together.
func With(ties ...Tie) Term {
	var term Term
	for _, t := range ties {
		term = append(term, TermPart{t.Dim, []string{t.Value}})
	}
	return term
}
