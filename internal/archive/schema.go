// SPDX-License-Identifier: AGPL-3.0-or-later

package archive

import (
	"encoding/json"

	"github.com/kua-registry/kua/internal/codebook"
)

type object = map[string]any

// Schema is the JSON Schema of the entries of an archive, made of a codebook: for
// each kind of record its fields, and for each of these what text is valid. The
// words are English; "x-label" has them in Russian and Kazakh.
func Schema(book *codebook.Book) ([]byte, error) {
	defs, rules := object{}, []any{}
	for _, k := range book.Kinds() {
		fields, required := object{}, []string{}
		for j := range k.Fields {
			f := &k.Fields[j]
			fields[f.ID] = fieldSchema(book, f)
			if other, ok := k.Field(f.ID + "_other"); ok && other.OtherOf == f.ID {
				fields[other.ID] = fieldSchema(book, other)
			}
			if f.Required {
				required = append(required, f.ID)
			}
		}
		def := object{"type": "object", "title": k.Label.En, "x-label": labels(k.Label), "x-scope": string(k.Scope), "properties": fields, "additionalProperties": false}
		if len(required) > 0 {
			def["x-required"] = required // of what was never erased, and where who somebody is was open
		}
		if k.Help.En != "" {
			def["description"] = k.Help.En
		}
		if k.Date != "" {
			def["x-date"] = k.DateFields()
		}
		defs[k.ID] = def
		rules = append(rules, object{
			"if":   object{"properties": object{"kind": object{"const": k.ID}}},
			"then": object{"properties": object{"fields": object{"$ref": "#/$defs/" + k.ID}}},
		})
	}
	id := object{"type": "string", "pattern": "^[0-9a-f]{32}$"}
	text, yes := object{"type": "string"}, object{"const": true}
	return json.MarshalIndent(object{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "An entry of a register, one line of cases.jsonl or outside.jsonl",
		"type":        "object",
		"required":    []string{"record", "kind", "op", "at", "by", "register", "entry"},
		"properties":  object{"case": id, "record": id, "kind": text, "op": object{"enum": []string{Put, Withdraw}}, "fields": object{"type": "object"}, "missing": yes, "facts_only": yes, "partial": yes, "at": object{"type": "string", "format": "date-time"}, "by": id, "reason": text, "source": text, "register": id, "entry": object{"type": "integer", "minimum": 0}},
		"allOf":       rules,
		"$defs":       defs,
		"description": "Values are text, each field a list of them. Dates are EDTF (ISO 8601-2). A put replaces all fields of its record; a withdrawal takes the record back.",

		"additionalProperties": false,
	}, "", " ")
}

func labels(l codebook.Label) object { return object{"ru": l.Ru, "kk": l.Kk} }

func fieldSchema(book *codebook.Book, f *codebook.Field) object {
	value := object{"type": "string"}
	switch f.Type {
	case codebook.Code:
		if list, ok := book.List(f.List); ok {
			var codes []any
			for i := range list.Codes {
				c := &list.Codes[i]
				codes = append(codes, object{"const": c.Code, "title": c.Label.En, "x-label": labels(c.Label)})
			}
			value["oneOf"] = codes
		}
	case codebook.YesNo:
		value["enum"] = []string{"yes", "no", "unknown", "not_asked", "declined"}
	case codebook.Date:
		value["x-format"] = "edtf"
	case codebook.Number:
		value["pattern"], value["x-unit"] = "^(-?[0-9]+|unknown|not_asked|declined)$", f.Unit
	case codebook.Ref:
		value["x-refers-to"] = f.RefKind
	}
	if f.Max > 0 {
		value["maxLength"] = f.Max
	}
	out := object{"type": "array", "items": value, "title": f.Label.En, "x-label": labels(f.Label), "x-class": string(f.Class), "x-type": string(f.Type)}
	if !f.Many {
		out["maxItems"] = 1
	}
	return out
}
