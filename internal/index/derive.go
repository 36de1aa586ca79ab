// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/names"
	"github.com/kua-registry/kua/internal/rules"
)

// facetField says where a facet's codes are found: any of the fields of the
// kinds, in the order in which one is preferred for the list.
type facetField struct{ kind, field string }

// facet is one of the fields by which cases are filtered and counted.
type facet struct {
	id   string
	list string // empty: not the codes of a list
	from []facetField
}

// facets are the facets that come from records; org and stage come from elsewhere.
func facets() []facet {
	return []facet{
		{"region", "region", []facetField{{"act", "region"}, {"detention", "region"}, {"report", "region"}}},
		{"place_type", "place_type", []facetField{{"act", "place_type"}, {"detention", "place_type"}}},
		{"sex", "sex", []facetField{{"person", "sex"}}},
		{"child", "yesno", []facetField{{"person", "child"}}},
		{"age_band", "age_band", []facetField{{"person", "age_band"}}},
		{"method", "method", []facetField{{"act", "methods"}}},
		{"article", "article", []facetField{{"registration", "article"}}},
		{"offence", "offence", []facetField{{"registration", "offence"}}},
		{"body", "body", []facetField{{"investigation", "body"}, {"registration", "body"}}},
		{id: "review", list: "review_state"}, // of no field: see derive
	}
}

// changedSince is the code of list review_state that a case has besides its
// state where it changed since the verdict.
const changedSince = "changed"

// facetSep separates the facets of a row; no code contains it.
const facetSep = "\x1f"

// victims answers the people of a case who are its victims.
func victims(c *casefile.Case) []*casefile.Record {
	var found []*casefile.Record
	for _, r := range c.Of("person") {
		if slices.Contains(r.Fields["role"], "victim") {
			found = append(found, r)
		}
	}
	return found
}

// facetRecords are the records of a kind whose codes count for a case: of its
// people the victims alone.
func facetRecords(c *casefile.Case, kind string) []*casefile.Record {
	if kind == "person" {
		return victims(c)
	}
	return c.Of(kind)
}

// derive makes the row of a case from its file.
func (ix *Index) derive(c *casefile.Case, entries []casefile.Entry, stages []stageFrom, answers *rules.Answers) row {
	var r row
	if rec, ok := c.Record(c.ID); ok {
		r.org = first(rec.Fields, "org")
		r.number = first(rec.Fields, "number")
		r.externalID = first(rec.Fields, "external_id")
		if restricted(rec.Fields) {
			r.restricted = 1
		}
	}
	for _, v := range victims(c) {
		if r.name = personName(v.Fields); r.name != "" {
			break
		}
	}
	var codes []string
	for _, f := range ix.facets {
		found := map[string]bool{}
		for _, from := range f.from {
			for _, rec := range facetRecords(c, from.kind) {
				for _, code := range rec.Fields[from.field] {
					if !found[code] {
						found[code] = true
						codes = append(codes, f.id+"="+code)
					}
					switch {
					case f.id == "region":
						r.region = cmp.Or(r.region, code)
					case f.id == "place_type":
						r.placeType = cmp.Or(r.placeType, code)
					case f.id == "sex":
						r.sex = cmp.Or(r.sex, code)
					case f.id == "child" && code == "yes":
						r.child = 1
					}
				}
			}
		}
	}
	review := c.Review()
	r.review, r.verdict = review.State, review.Verdict
	codes = append(codes, "review="+review.State)
	if len(review.Changed) > 0 {
		r.changed = 1
		codes = append(codes, "review="+changedSince)
	}
	slices.Sort(codes)
	r.facets = strings.Join(codes, facetSep)

	if incident := incidentDate(c); !incident.IsZero() {
		r.incident = incident.String()
		r.incidentDay = int64(incident.Earliest())
	}
	for _, e := range entries {
		r.updated = max(r.updated, e.At.UnixMilli())
	}
	if day, ok := c.Reported(); ok {
		r.reported = int64(day)
	} else if rec, ok := c.Record(c.ID); ok {
		r.reported = int64(rec.Counts)
	}
	r.stages, r.standings, r.terms = encodeStages(stages), ix.encodeStandings(answers.Standings), ix.encodeTerms(c, answers.Waiting)
	r.ties = encodeKnots(ix.knots(c, edtf.Day(r.reported)))
	return r
}

// personName is a person's name as a list shows it.
func personName(f casefile.Fields) string {
	if full := first(f, "full_name"); full != "" {
		return full
	}
	return strings.Join(strings.Fields(first(f, "family")+" "+first(f, "given")+" "+first(f, "patronymic")), " ")
}

// incidentDate is when it happened: the earliest act, else the earliest detention.
func incidentDate(c *casefile.Case) edtf.Date {
	var date edtf.Date
	for _, kind := range []string{"act", "detention"} {
		for _, r := range c.Of(kind) {
			if !r.Date.IsZero() && (date.IsZero() || r.Date.Earliest() < date.Earliest()) {
				date = r.Date
			}
		}
		if !date.IsZero() {
			break
		}
	}
	return date
}

// stages evaluates the stage on each day on which it can change.
func (ix *Index) stages(c *casefile.Case) []stageFrom {
	var stages []stageFrom
	for _, day := range c.Turns() {
		s := c.Stage(day)
		if n := len(stages); n > 0 && stages[n-1].id == s.ID && stages[n-1].since == s.Since {
			continue
		}
		stages = append(stages, stageFrom{day, s.ID, s.Since})
	}
	return stages
}

// document is what a case is found by.
type document struct {
	numbers, names, words string   // what only those find who may read who somebody is
	factNumbers, facts    string   // what all find who may read the facts
	keys                  []string // strong keys of the names in it, each once
}

// document gathers the texts of a case.
func (ix *Index) document(c *casefile.Case) document {
	var texts, numbers [2][]string // of the facts, and of all else
	var named []string
	keys := map[string]bool{}
	for _, rec := range c.Records() {
		kind, ok := ix.book.Kind(rec.Kind)
		if !ok || rec.Kind == "import_row" || rec.Kind == "file_stamp" { // the raw row repeats what the records say, with the headings of its table; a time stamp has no words
			continue
		}
		for i := range kind.Fields {
			f := &kind.Fields[i]
			if rec.Kind == "file" && f.ID != "name" && f.ID != "capture_address" {
				continue // hashes and keys are no words
			}
			class := 1 // what is not known to be a fact is not one
			if f.Class == codebook.Fact {
				class = 0
			}
			for _, value := range rec.Fields[f.ID] {
				switch {
				case f.Type == codebook.Code && (f.ID == "region" || f.ID == "city"):
					for _, lang := range []string{"en", "ru", "kk"} {
						texts[class] = append(texts[class], ix.book.Label(f.List, value, lang))
					}
				case f.Type == codebook.Text || f.Type == codebook.Prose:
					value = clean(value)
					texts[class] = append(texts[class], value)
					if f.Type == codebook.Text {
						numbers[class] = append(numbers[class], numberTokens(value)...)
					}
					if isName(rec.Kind, f.ID) {
						for _, key := range names.SearchKeys(value) {
							keys[key] = true
						}
					}
				}
			}
		}
	}
	d := document{}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		named = append(named, string(markKey)+key)
		if !strings.HasPrefix(key, weakKey) {
			d.keys = append(d.keys, key)
		}
	}
	for _, list := range numbers {
		for i, n := range list {
			list[i] = string(markNumber) + n
		}
	}
	d.factNumbers, d.facts = strings.Join(numbers[0], " "), strings.Join(texts[0], "\n")
	d.numbers, d.names, d.words = strings.Join(numbers[1], " "), strings.Join(named, " "), strings.Join(texts[1], "\n")
	return d
}

// weakKey opens those keys of a name that many names share.
const weakKey = "~"

// isName tells whether a field holds the name of somebody.
func isName(kind, field string) bool {
	switch field {
	case "family", "given", "patronymic", "full_name", "other_names":
		return true
	case "name":
		return kind == "suspect"
	}
	return false
}

// numberTokens are the tokens of the words of a text that have a digit in
// them: the whole without its punctuation, and its parts with a digit.
func numberTokens(text string) []string {
	var found []string
	for _, word := range strings.Fields(text) {
		if strings.IndexFunc(word, unicode.IsDigit) < 0 {
			continue
		}
		whole := ""
		var parts []string
		for start, end := range words(word) {
			part := fold(word[start:end])
			whole += part
			if strings.IndexFunc(part, unicode.IsDigit) >= 0 {
				parts = append(parts, part)
			}
		}
		found = append(found, whole)
		if len(parts) > 1 || len(parts) == 1 && parts[0] != whole {
			found = append(found, parts...)
		}
	}
	return found
}
