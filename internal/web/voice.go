// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"time"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/wording"
)

// voice says what the pages say in one language: messages, dates, and records in words.
type voice struct {
	wording.Words
	reg  register
	book *codebook.Book
}

func (s *server) voice(l *locale.Language) *voice {
	if s.reg == nil {
		return &voice{Words: wording.New(l, nil)} // enough for a page without records
	}
	book := s.reg.Book()
	return &voice{Words: wording.New(l, book), reg: s.reg, book: book}
}

// in returns a label in the voice's language.
func (v *voice) in(l codebook.Label) string { return l.In(v.Code()) }

// label, kind and moment are those of the words.
func (v *voice) label(list, code string) string { return v.Label(list, code) }
func (v *voice) kind(id string) string          { return v.Kind(id) }
func (v *voice) moment(at time.Time) string     { return v.Moment(at) }

// valueText is one value of a record as the page shows it.
type valueText struct{ Text, Href string }

// texts writes the values of a field.
func (v *voice) texts(f *codebook.Field, values []string, names namer) []valueText {
	out := make([]valueText, 0, len(values))
	for _, value := range values {
		one := valueText{Text: v.Value(f, value, names.words())}
		if f.Type == codebook.Ref && !codebook.Missing(value) {
			one.Href = names(value).Href
		}
		out = append(out, one)
	}
	return out
}

// namer names the record a value refers to; empty where it does not know it.
type namer func(id string) valueText

func (n namer) words() wording.Namer { return func(id string) string { return n(id).Text } }

// short is enough of an id to tell it from others on a page.
func short(id string) string { return wording.Short(id) }

// title is a record in a line: the fields its kind names for it.
func (v *voice) title(rec *casefile.Record, names namer) string { return v.Title(rec, names.words()) }

// join puts parts in a line with a separator that needs no grammar; empty ones are left out.
func join(parts []string) string { return wording.Join(parts...) }

// unreviewed are the warnings of the packs that no lawyer has confirmed.
func (v *voice) unreviewed() []string {
	var out []string
	for _, p := range v.book.Packs() {
		if warning, draft := p.Banner(); draft {
			out = append(out, v.in(warning))
		}
	}
	return out
}

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
