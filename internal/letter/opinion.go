// SPDX-License-Identifier: AGPL-3.0-or-later

package letter

import (
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/istanbul"
)

// aside are the fields of an examination that are the register's own business
// and not said in an opinion.
var aside = []string{
	"kind", "official", "requested", "ordered", "order_shown", "conclusion_shown", "conclusion_shown_on", "compared_with", "comparison",
	"verification", "evidence", "note", "dependent", "treating_doctor", "former_specialist", "physical_part",
}

// section writes what an examination holds of a section of the Istanbul
// Protocol: what is said in a word as lines, what was told as paragraphs, and a
// blank for what the Protocol asks for and the examination does not hold.
func (f *filler) section(name string, part istanbul.Section) {
	lang := f.words.Code()
	kind := f.of.kind("examination")
	if kind == nil {
		return
	}
	asked := f.asks(name, part)
	var rows, told []Passage
	var sources []string
	checked := true
	for i, item := range part.Items {
		fields := slices.DeleteFunc(slices.Clone(item.Fields), func(id string) bool { return slices.Contains(aside, id) })
		if asked[i] {
			if !slices.Contains(sources, item.Source) {
				sources = append(sources, item.Source)
			}
			checked = checked && item.Conf == "R"
		}
		said := slices.ContainsFunc(fields, func(id string) bool { return f.recorded(source{name, id}, Row) != "" })
		for n, id := range fields {
			field, ok := kind.Field(id)
			if !ok || f.recorded(source{name, id}, Row) == "" && (said || !asked[i] || n > 0) {
				continue
			}
			label, style := field.Label.In(lang), Row
			if field.Type == codebook.Prose {
				style = Plain
			}
			from := source{name, id}
			text := blankMark // what belongs there stands beside it
			if f.recorded(from, style) != "" {
				text = f.fill([]piece{{from: []source{from}}}, style)
			} else {
				f.miss(f.missing(from))
			}
			if style == Row {
				rows = append(rows, Passage{Row, label + " | " + text})
			} else {
				told = append(told, Passage{Part, label}, Passage{Plain, strings.Join(strings.Fields(text), " ")})
			}
		}
	}
	if len(sources) > 0 {
		text := strings.NewReplacer("IP ", f.words.T("exam.source.ip")+" ", "annex ", f.words.T("exam.source.annex")+" ").Replace(strings.Join(sources, "; "))
		if !checked {
			text += " " + mark[lang]
		}
		f.draft.Passages = append(f.draft.Passages, Passage{Small, sourceMark[lang] + text})
	}
	f.draft.Passages = append(append(f.draft.Passages, rows...), told...)
}

// asks says which items of a section the Protocol asks of an examination; of
// none, all that it asks of any.
func (f *filler) asks(name string, part istanbul.Section) []bool {
	out := make([]bool, len(part.Items))
	exam := f.record(name)
	for i, item := range part.Items {
		out[i] = item.Source != "" && item.Of == "" && exam == nil
	}
	if exam == nil {
		return out
	}
	for _, p := range istanbul.Completeness(f.of.book, exam, istanbul.Findings(f.c.Records, exam.ID)) {
		for _, a := range p.Answers {
			i := slices.IndexFunc(part.Items, func(item istanbul.Item) bool {
				return p.ID == part.ID && a.Item.Of == "" && slices.Equal(item.Fields, a.Item.Fields)
			})
			if i >= 0 {
				out[i] = true
			}
		}
	}
	return out
}
