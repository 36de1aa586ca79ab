// SPDX-License-Identifier: AGPL-3.0-or-later

package wording

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/locale"
)

// Words are the words for records in one language.
type Words struct {
	*locale.Language
	book *codebook.Book
}

// New makes the words of a language for the records of a codebook.
func New(l *locale.Language, book *codebook.Book) Words { return Words{l, book} }

// Namer names the record that a value refers to; empty where it does not know it.
type Namer func(id string) string

// Label is the label of a code, and of yes, no and not known where the list has none.
func (w Words) Label(list, code string) string {
	if code == "" {
		return ""
	}
	if text := w.book.Label(list, code, w.Code()); text != code {
		return text
	}
	if key := "value." + code; w.Has(key) {
		return w.T(key)
	}
	return code
}

// Kind is the label of a kind of record.
func (w Words) Kind(id string) string {
	if k, ok := w.book.Kind(id); ok {
		return k.Label.In(w.Code())
	}
	return id
}

// Moment writes a moment of the ledger, which is always in UTC.
func (w Words) Moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	d, err := edtf.Parse(at.UTC().Format("2006-01-02T15:04Z"))
	if err != nil {
		return at.UTC().Format(time.RFC3339)
	}
	return w.Date(d)
}

// Value writes one value of a field.
func (w Words) Value(f *codebook.Field, value string, names Namer) string {
	if codebook.Missing(value) {
		return w.T("value." + value)
	}
	switch f.Type {
	case codebook.Code:
		return w.Label(f.List, value)
	case codebook.YesNo:
		return w.Label("", value)
	case codebook.Date:
		if d, err := edtf.Parse(value); err == nil {
			return w.Date(d)
		}
	case codebook.Number:
		if n, err := strconv.Atoi(value); err == nil && f.Unit != "" {
			return w.Unit(f.Unit, n)
		}
	case codebook.Ref:
		if named := names(value); named != "" {
			return named
		}
		return w.T("record.ref", w.Kind(f.RefKind), Short(value))
	}
	return value
}

// Unit writes a number with its unit.
func (w Words) Unit(unit string, n int) string {
	if key := "unit." + unit; w.Has(key) {
		return w.N(key, n)
	}
	return w.Number(n) + " " + unit
}

// Title is a record in a line: the fields its kind names for it.
func (w Words) Title(rec *casefile.Record, names Namer) string {
	k, ok := w.book.Kind(rec.Kind)
	if !ok {
		return ""
	}
	var parts []string
	for _, id := range k.Title {
		f, ok := k.Field(id)
		if !ok {
			continue
		}
		for _, value := range rec.Fields[id] {
			text := w.Value(f, value, names)
			if f.Type == codebook.YesNo { // by itself a yes says nothing
				text = f.Label.In(w.Code()) + ": " + text
			}
			parts = append(parts, text)
		}
	}
	return Join(parts...)
}

// OwnName is the name that a record bears: in the words' language, where it has one there.
func (w Words) OwnName(f casefile.Fields) string {
	first := func(id string) string {
		if values := f[id]; len(values) > 0 {
			return values[0]
		}
		return ""
	}
	return cmp.Or(first("name_"+w.Code()), first("name"))
}

// Outside names a record outside cases by its own name, else by its title.
func (w Words) Outside(kind string, fields casefile.Fields) string {
	if name := w.OwnName(fields); name != "" {
		return name
	}
	return w.Title(&casefile.Record{Kind: kind, Fields: fields}, func(string) string { return "" })
}

// Short is enough of an id to tell it from others.
func Short(id string) string {
	const enough = 8
	if len(id) <= enough {
		return id
	}
	return id[:enough]
}

// Join puts parts in a line with a separator that needs no grammar; empty ones are left out.
func Join(parts ...string) string { return join(" · ", parts...) }

// join joins what is not empty.
func join(by string, parts ...string) string {
	var out strings.Builder
	for _, p := range parts {
		if p != "" && out.Len() > 0 {
			out.WriteString(by)
		}
		out.WriteString(p)
	}
	return out.String()
}
