// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"strconv"
	"time"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
)

// voice says what the pages say in one language: messages, dates, and the labels of the codebook.
type voice struct {
	*locale.Language
	reg  register
	book *codebook.Book
}

func (s *server) voice(l *locale.Language) *voice {
	if s.reg == nil {
		return &voice{Language: l} // enough for a page without records
	}
	return &voice{Language: l, reg: s.reg, book: s.reg.Book()}
}

// in returns a label in the voice's language.
func (v *voice) in(l codebook.Label) string { return l.In(v.Code()) }

// label returns the label of a code, and of yes, no and not known where the list has none.
func (v *voice) label(list, code string) string {
	if code == "" {
		return ""
	}
	if text := v.book.Label(list, code, v.Code()); text != code {
		return text
	}
	if key := "value." + code; v.Has(key) {
		return v.T(key)
	}
	return code
}

// kind returns the label of a kind.
func (v *voice) kind(id string) string {
	if k, ok := v.book.Kind(id); ok {
		return v.in(k.Label)
	}
	return id
}

// moment writes a moment of the ledger, which is always in UTC.
func (v *voice) moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	d, err := edtf.Parse(at.UTC().Format("2006-01-02T15:04Z"))
	if err != nil {
		return at.UTC().Format(time.RFC3339)
	}
	return v.Date(d)
}

// valueText is one value of a record as the page shows it.
type valueText struct{ Text, Href string }

// texts writes the values of a field.
func (v *voice) texts(f *codebook.Field, values []string, names namer) []valueText {
	out := make([]valueText, 0, len(values))
	for _, value := range values {
		out = append(out, v.value(f, value, names))
	}
	return out
}

// namer names the record a value refers to; empty where it does not know it.
type namer func(id string) valueText

func (v *voice) value(f *codebook.Field, value string, names namer) valueText {
	if codebook.Missing(value) {
		return valueText{Text: v.T("value." + value)}
	}
	switch f.Type {
	case codebook.Code:
		return valueText{Text: v.label(f.List, value)}
	case codebook.YesNo:
		return valueText{Text: v.label("", value)}
	case codebook.Date:
		if d, err := edtf.Parse(value); err == nil {
			return valueText{Text: v.Date(d)}
		}
	case codebook.Number:
		if n, err := strconv.Atoi(value); err == nil && f.Unit != "" {
			return valueText{Text: v.unit(f.Unit, n)}
		}
	case codebook.Ref:
		if named := names(value); named.Text != "" {
			return named
		}
		return valueText{Text: v.T("record.ref", v.kind(f.RefKind), short(value))}
	}
	return valueText{Text: value}
}

// unit writes a number with its unit.
func (v *voice) unit(unit string, n int) string {
	if key := "unit." + unit; v.Has(key) {
		return v.N(key, n)
	}
	return v.Number(n) + " " + unit
}

// short is enough of an id to tell it from others on a page.
func short(id string) string {
	const enough = 8
	if len(id) <= enough {
		return id
	}
	return id[:enough]
}

// title is a record in a line: the fields its kind names for it.
func (v *voice) title(rec *casefile.Record, names namer) string {
	k, ok := v.book.Kind(rec.Kind)
	if !ok {
		return ""
	}
	var parts []string
	for _, id := range k.Title {
		f, ok := k.Field(id)
		if !ok {
			continue
		}
		for _, t := range v.texts(f, rec.Fields[id], names) {
			if f.Type == codebook.YesNo { // by itself a yes says nothing
				t.Text = v.in(f.Label) + ": " + t.Text
			}
			parts = append(parts, t.Text)
		}
	}
	return join(parts)
}

// join puts parts in a line with a separator that needs no grammar; empty ones are left out.
func join(parts []string) string {
	out := ""
	for _, p := range parts {
		switch {
		case p == "":
		case out == "":
			out = p
		default:
			out += " · " + p
		}
	}
	return out
}

// unreviewed are the warnings of the packs that no lawyer has confirmed.
func (v *voice) unreviewed() []string {
	var out []string
	for _, p := range v.book.Packs() {
		if p.Status == packUnreviewed {
			out = append(out, v.in(p.Warning))
		}
	}
	return out
}

const packUnreviewed = "unreviewed"

// norm is what a rule rests on.
func (v *voice) norm(l codebook.Label) string {
	if text := v.in(l); text != "" {
		return text
	}
	return v.T("figures.source.none")
}

// unchecked says whether a lawyer is to check the norm: its text was not read, and it is no rule of our own.
func unchecked(conf string) bool { return conf != "R" && conf != "H" }

// first is the only or first value of a field; empty where there is none.
func first(fields casefile.Fields, id string) string {
	if values := fields[id]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// casePath is the address of a case.
func casePath(r registry.Row) string { return "/cases/" + r.ID }
