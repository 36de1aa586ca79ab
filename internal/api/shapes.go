// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/registry"
)

// shapes describe the records of a codebook: as they are answered, and as they
// are taken.
type shapes struct {
	book  *codebook.Book
	lists map[string]bool // that are described
	all   map[string]*huma.Schema
}

// ref refers to a description by its name.
func ref(name string) *huma.Schema { return &huma.Schema{Ref: "#/components/schemas/" + name} }

// missing are the values that any field may hold.
var missing = []string{"unknown", "not_asked", "declined"}

func newShapes(book *codebook.Book, schemas huma.Registry) *shapes {
	sh := &shapes{book: book, lists: map[string]bool{}, all: schemas.Map()}
	sh.ids()
	var in, out []*codebook.Kind
	for _, k := range book.Kinds() {
		switch {
		case k.Scope == codebook.InCase:
			in = append(in, k)
		case outsideKind(k.ID):
			out = append(out, k)
		}
	}
	sh.union("CaseRecord", in, sh.answered)
	sh.union("OutsideRecord", out, sh.answered)
	writable := func(k *codebook.Kind) bool { return !readOnly(k.ID) }
	sh.union("NewCaseRecord", slices.DeleteFunc(slices.Clone(in), func(k *codebook.Kind) bool { return !writable(k) || k.ID == "case" }), sh.taken)
	sh.union("ChangedCaseRecord", slices.DeleteFunc(slices.Clone(in), func(k *codebook.Kind) bool { return !writable(k) }), sh.taken)
	sh.union("NewOutsideRecord", out, sh.taken)
	return sh
}

// outsideKind tells whether records of a kind outside cases are read and written here.
func outsideKind(id string) bool {
	return slices.Contains(registry.SharedKinds(), id) || slices.Contains(registry.SaidKinds(), id)
}

// readOnly tells whether records of a kind in a case are written by acts of
// their own, which this interface has not.
func readOnly(id string) bool {
	switch id {
	case "grant", "erasure", casefile.ReviewKind, "file_stamp", "file", "copy":
		return true
	}
	return false
}

// union describes a record that is of one of several kinds.
func (sh *shapes) union(name string, kinds []*codebook.Kind, one func(*codebook.Kind) (string, *huma.Schema)) {
	s := &huma.Schema{Discriminator: &huma.Discriminator{PropertyName: "kind", Mapping: map[string]string{}}}
	for _, k := range kinds {
		of, shape := one(k)
		sh.all[of] = shape
		s.OneOf = append(s.OneOf, ref(of))
		s.Discriminator.Mapping[k.ID] = "#/components/schemas/" + of
	}
	sh.all[name] = s
}

// label is what stands beside a kind, a field or a code: what it is called.
func label(l codebook.Label) map[string]string {
	return map[string]string{"en": l.In("en"), "ru": l.In("ru"), "kk": l.In("kk")}
}

func extended(s *huma.Schema, l codebook.Label, more map[string]any) *huma.Schema {
	s.Extensions = map[string]any{"x-label": label(l)}
	for k, v := range more {
		s.Extensions[k] = v
	}
	return s
}

// answered describes a record of a kind as it is answered. No field is
// required: those that could name somebody are only there for whoever may read them.
func (sh *shapes) answered(k *codebook.Kind) (string, *huma.Schema) {
	text := func(about string) *huma.Schema { return &huma.Schema{Type: "string", Description: about} }
	return "Record_" + k.ID, extended(&huma.Schema{
		Type: "object", AdditionalProperties: false, Required: []string{"id", "kind", "version", "fields", "written"},
		Properties: map[string]*huma.Schema{
			"id":         ref("ID"),
			"kind":       {Type: "string", Enum: []any{k.ID}},
			"version":    {Type: "integer", Minimum: number(1), Description: "how often it was written; its ETag"},
			"fields":     sh.fields(k, false),
			"date":       text("its effective date, EDTF (ISO 8601-2)"),
			"written":    {Type: "string", Format: "date-time", Description: "when it was last written"},
			"author":     ref("ID"),
			"source":     text("who says so; only where the record is open whole"),
			"facts_only": {Type: "boolean", Description: "fields that could name somebody are there and not open to you"},
			"withdrawn":  {Type: "boolean"},
			"history":    {Type: "array", Items: ref("RecordChange"), Description: "all of its changes, the oldest first; only where one record was asked for"},
		},
	}, k.Label, map[string]any{"x-help": label(k.Help)})
}

// taken describes a record of a kind as it is taken.
func (sh *shapes) taken(k *codebook.Kind) (string, *huma.Schema) {
	return "New_" + k.ID, extended(&huma.Schema{
		Type: "object", AdditionalProperties: false, Required: []string{"kind", "fields"},
		Properties: map[string]*huma.Schema{
			"kind":   {Type: "string", Enum: []any{k.ID}},
			"fields": sh.fields(k, true),
			"reason": {Type: "string", MaxLength: length(maxWords), Description: "why it is changed; required of a record that is there"},
			"source": {Type: "string", MaxLength: length(maxWords), Description: "who says so"},
		},
	}, k.Label, nil)
}

// maxWords is the longest reason or source.
const maxWords = 2000

func (sh *shapes) fields(k *codebook.Kind, taken bool) *huma.Schema {
	s := &huma.Schema{Type: "object", Properties: map[string]*huma.Schema{}}
	for i := range k.Fields {
		f := &k.Fields[i]
		s.Properties[f.ID] = sh.field(f, taken)
		if other, ok := k.Field(f.ID + "_other"); ok && other.OtherOf == f.ID {
			s.Properties[other.ID] = sh.field(other, taken)
		}
		if taken && f.Required {
			s.Required = append(s.Required, f.ID)
		}
	}
	if taken {
		s.AdditionalProperties = false
	} else { // what another codebook knows and this one does not
		s.AdditionalProperties = &huma.Schema{AnyOf: []*huma.Schema{{Type: "string"}, {Type: "array", Items: &huma.Schema{Type: "string"}}}}
	}
	return s
}

func (sh *shapes) field(f *codebook.Field, taken bool) *huma.Schema {
	s := sh.value(f, taken)
	if f.Many {
		s = &huma.Schema{Type: "array", Items: s}
		if taken {
			s.MinItems = length(1)
		}
	} else if s.Ref != "" {
		s = &huma.Schema{AllOf: []*huma.Schema{s}} // so that what is said of the field stands beside it
	}
	more := map[string]any{"x-class": string(f.Class), "x-type": string(f.Type)}
	if f.List != "" {
		more["x-list"] = f.List
	}
	if f.RefKind != "" {
		more["x-ref-kind"] = f.RefKind
	}
	if f.Unit != "" {
		more["x-unit"] = f.Unit
	}
	return extended(s, f.Label, more)
}

// value describes one value of a field. Every value is text. What is answered
// was taken once, perhaps by an older codebook: only its form is promised.
func (sh *shapes) value(f *codebook.Field, taken bool) *huma.Schema {
	if f.Type == codebook.Code {
		if l, ok := sh.book.List(f.List); ok {
			return sh.list(l)
		}
	}
	s := &huma.Schema{Type: "string"}
	if !taken {
		return s
	}
	s.MinLength = length(1)
	or := "|" + missing[0] + "|" + missing[1] + "|" + missing[2]
	switch f.Type {
	case codebook.Date:
		s.Format = "edtf"
	case codebook.Number:
		s.Pattern = "^([+-]?[0-9]{1,18}" + or + ")$"
	case codebook.Share:
		s.Pattern = `^(0|1|[01]\.[0-9]+` + or + ")$"
	case codebook.YesNo:
		s.Enum = []any{"yes", "no"}
		for _, m := range missing {
			s.Enum = append(s.Enum, m)
		}
	case codebook.Ref:
		s.Pattern = "^([0-9a-f]{32}" + or + ")$"
	default:
		if f.Max > 0 {
			s.MaxLength = length(f.Max)
		}
	}
	return s
}

// list describes a code list, once.
func (sh *shapes) list(l *codebook.List) *huma.Schema {
	name := "Code_" + l.ID
	if !sh.lists[l.ID] {
		sh.lists[l.ID] = true
		s := &huma.Schema{Type: "string"}
		labels := map[string]any{}
		for _, c := range l.Codes {
			s.Enum = append(s.Enum, c.Code)
			labels[c.Code] = label(c.Label)
		}
		sh.all[name] = extended(s, l.Label, map[string]any{"x-codes": labels})
	}
	return ref(name)
}

func length(n int) *int         { return &n }
func number(n float64) *float64 { return &n }

// values gives the fields of a record their form: text where the codebook takes
// one value, a list where it takes several.
func (sh *shapes) values(kind string, fields casefile.Fields) map[string]any {
	out := make(map[string]any, len(fields))
	k, known := sh.book.Kind(kind)
	for id, values := range fields {
		one := false
		if known {
			if f, ok := k.Field(id); ok {
				one = !f.Many && len(values) == 1
			}
		}
		if one {
			out[id] = values[0]
		} else {
			out[id] = values
		}
	}
	return out
}

// ids describes what is referred to by its id, and a change of a record.
func (sh *shapes) ids() {
	sh.all["ID"] = &huma.Schema{Type: "string", Pattern: "^[0-9a-f]{32}$", Description: "the id of a record, a case, an organisation or a member"}
	sh.all["RecordChange"] = &huma.Schema{
		Type: "object", AdditionalProperties: false, Required: []string{"at", "author", "withdrawn"},
		Properties: map[string]*huma.Schema{
			"at":        {Type: "string", Format: "date-time"},
			"author":    ref("ID"),
			"withdrawn": {Type: "boolean", Description: "it was taken back; put again it is restored"},
			"fields":    {Type: "object", AdditionalProperties: &huma.Schema{AnyOf: []*huma.Schema{{Type: "string"}, {Type: "array", Items: &huma.Schema{Type: "string"}}}}},
			"reason":    {Type: "string"},
			"source":    {Type: "string"},
		},
	}
}
