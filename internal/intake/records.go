// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
)

// RecordFile is a YAML file of records: cases of one organisation, records
// outside cases, or both.
//
//	about: what the file holds
//	organisation: whose cases these are
//	counts: no            # whether they count in the coalition's figures; yes if not said
//	outside:              # records outside cases
//	- kind: publication
//	  id: interview       # its name in this file
//	  facts: ["1.8"]      # which numbered facts of a story it holds; for the reader
//	  source: who says so
//	  fields: {kind: interview, date: unknown}
//	cases:
//	- key: story-1        # the organisation's own number
//	  records:
//	  - kind: complaint
//	    id: complaint
//	    fields: {filed: no, reason_source: interview}
//
// A field that refers to a record names it by its id: one of the same case, or
// one outside cases in the same file.
type RecordFile struct {
	About        string
	Organisation string
	Counts       bool
	Cases        []Row
	Outside      []NewRecord
}

// OutsideID makes the id of a record outside cases out of whose file it is in,
// its kind and its name: the same at every import, and in two files of one
// organisation the same record.
func OutsideID(organisation, kind, local string) string {
	h := sha256.Sum256([]byte("kua/import/outside/1\x00" + organisation + "\x00" + kind + "\x00" + local))
	return hex.EncodeToString(h[:16])
}

var (
	recordName = regexp.MustCompile(`^[\p{L}\d][\p{L}\d._-]{0,63}$`)
	wholeID    = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// ReadRecords reads a YAML record file strictly; an error (MappingErrors) names the line.
func ReadRecords(data []byte, book *codebook.Book) (*RecordFile, error) {
	p := &parser{book: book}
	root, err := p.document(data)
	if err != nil {
		return nil, err
	}
	f := p.fields(root, "record file", "about", "organisation", "counts", "outside", "cases")
	out := &RecordFile{About: p.text(f["about"], "about"), Organisation: p.text(f["organisation"], "organisation"), Counts: true}
	switch s := p.text(f["counts"], "counts"); s {
	case "", "yes", "true":
	case "no", "false":
		out.Counts = false
	default:
		p.fail(f["counts"], "counts: %q is neither yes nor no", s)
	}
	r := &recordReader{parser: p, file: out, outside: map[string]written{}}
	outside := r.list(f["outside"], codebook.Outside)
	for _, rec := range outside {
		r.outside[rec.id] = rec
	}
	for _, rec := range outside {
		if made, ok := r.make(rec, nil); ok {
			made.Local = OutsideID(out.Organisation, rec.kind.ID, rec.id)
			out.Outside = append(out.Outside, made)
		}
	}
	if n := f["cases"]; n != nil {
		if out.Organisation == "" {
			p.fail(n, "organisation is missing: say whose cases these are")
		}
		r.cases(n)
	}
	if err := p.failed(); err != nil {
		return nil, err
	}
	return out, nil
}

type recordReader struct {
	*parser
	file    *RecordFile
	outside map[string]written
}

// written is a record as it stands in the file.
type written struct {
	kind          *codebook.Kind
	id, source    string
	facts         []string
	fields, where *yaml.Node
}

func (r *recordReader) cases(n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "cases: expected a list, each with key and records")
		return
	}
	seen := map[string]bool{}
	for _, c := range n.Content {
		f := r.fields(c, "case", "key", "records")
		row := Row{Key: r.text(f["key"], "key"), RowNo: c.Line}
		switch {
		case row.Key == "":
			r.fail(c, "case: key is missing: the organisation's own number for it")
			continue
		case seen[row.Key]:
			r.fail(f["key"], "two cases have the key %q", row.Key)
			continue
		}
		seen[row.Key] = true
		records := r.list(f["records"], codebook.InCase)
		byID := map[string]written{}
		for _, rec := range records {
			byID[rec.id] = rec
		}
		whole := NewRecord{Local: CaseLocal, Kind: "case", Fields: casefile.Fields{}}
		var rest []NewRecord
		for _, rec := range records {
			made, ok := r.make(rec, byID)
			switch {
			case !ok:
			case rec.kind.ID == "case":
				whole = made
			default:
				rest = append(rest, made)
			}
		}
		whole.Fields["external_id"] = []string{row.Key}
		row.Records = append([]NewRecord{whole}, rest...)
		r.file.Cases = append(r.file.Cases, row)
	}
}

// list reads records without looking into their fields.
func (r *recordReader) list(n *yaml.Node, scope codebook.Scope) []written {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "expected a list of records, each with kind, id and fields")
		return nil
	}
	var out []written
	seen := map[string]bool{}
	for _, c := range n.Content {
		f := r.fields(c, "record", "kind", "id", "facts", "source", "fields")
		rec := written{id: r.text(f["id"], "id"), source: r.text(f["source"], "source"), facts: r.texts(f["facts"], "facts"), fields: f["fields"], where: c}
		name := r.text(f["kind"], "kind")
		k, ok := r.book.Kind(name)
		switch {
		case name == "":
			r.fail(c, "record: kind is missing")
			continue
		case !ok:
			var ids []string
			for _, k := range r.book.Kinds() {
				ids = append(ids, k.ID)
			}
			r.fail(f["kind"], "there is no kind %q%s", name, didYouMean(name, ids, ""))
			continue
		case k.Scope != scope && scope == codebook.InCase:
			r.fail(f["kind"], "records of kind %s stand outside cases: put it under outside", name)
			continue
		case k.Scope != scope:
			r.fail(f["kind"], "records of kind %s belong to a case: put it under cases", name)
			continue
		}
		if rec.id == "" {
			rec.id = name
		}
		switch {
		case !recordName.MatchString(rec.id) || wholeID.MatchString(rec.id):
			r.fail(c, "id %q: use letters, digits, dots, - and _, at most 64 of them", short(rec.id))
			continue
		case (rec.id == CaseLocal) != (name == "case"):
			r.fail(c, "the id case belongs to the record of kind case")
			continue
		case seen[rec.id]:
			r.fail(c, "two records here have the id %s", rec.id)
			continue
		case rec.fields != nil && rec.fields.Kind != yaml.MappingNode:
			r.fail(rec.fields, "fields: expected fields and their values")
			continue
		}
		seen[rec.id] = true
		rec.kind = k
		out = append(out, rec)
	}
	return out
}

// make reads the fields of a record and holds them against the codebook.
func (r *recordReader) make(rec written, inCase map[string]written) (NewRecord, bool) {
	before := len(r.errs)
	out := NewRecord{Local: rec.id, Kind: rec.kind.ID, Source: rec.source, Facts: rec.facts, Fields: casefile.Fields{}}
	trial := map[string][]string{}
	at := map[string]*yaml.Node{}
	if rec.fields != nil {
		for i := 0; i+1 < len(rec.fields.Content); i += 2 {
			k, v := rec.fields.Content[i], rec.fields.Content[i+1]
			if at[k.Value] != nil {
				r.fail(k, "%s stands twice", k.Value)
				continue
			}
			at[k.Value] = k
			if rec.kind.ID == "case" && slices.Contains([]string{"org", "number", "opened", "external_id"}, k.Value) {
				r.fail(k, "%s of a case is set by the register itself", k.Value)
				continue
			}
			values := r.texts(v, k.Value)
			if len(values) == 0 {
				r.fail(v, "%s is empty: leave the field out, or say unknown", k.Value)
				continue
			}
			trial[k.Value], out.Fields[k.Value] = values, values
			if f, ok := rec.kind.Field(k.Value); ok && f.Type == codebook.Ref {
				trial[k.Value], out.Fields[k.Value] = r.refs(v, f, values, inCase)
			}
		}
	}
	if rec.kind.ID == "case" {
		trial["org"], trial["number"] = []string{nobody}, []string{"-"}
	}
	for _, problem := range r.book.Validate(rec.kind.ID, trial) {
		n := at[problem.Field]
		if n == nil {
			n = rec.where
		}
		r.fail(n, "%s %s: %s", rec.kind.ID, rec.id, problem.Msg)
	}
	return out, len(r.errs) == before
}

// refs turns names of records into what stands for their ids.
func (r *recordReader) refs(n *yaml.Node, f *codebook.Field, values []string, inCase map[string]written) (trial, out []string) {
	for _, v := range values {
		trial = append(trial, nobody)
		target, here := inCase[v]
		if !here {
			var ok bool
			if target, ok = r.outside[v]; !ok {
				if wholeID.MatchString(v) || codebook.Missing(v) {
					out = append(out, v)
					continue
				}
				var names []string
				for id := range inCase {
					names = append(names, id)
				}
				for id := range r.outside {
					names = append(names, id)
				}
				slices.Sort(names)
				r.fail(n, "%s: no record here has the id %q%s", f.ID, v, didYouMean(v, names, ""))
				continue
			}
		}
		if f.RefKind != "" && target.kind.ID != f.RefKind {
			r.fail(n, "%s refers to a record of kind %s; %s is of kind %s", f.ID, f.RefKind, v, target.kind.ID)
			continue
		}
		if here {
			out = append(out, refMark+v)
		} else {
			out = append(out, OutsideID(r.file.Organisation, target.kind.ID, v))
		}
	}
	return trial, out
}
