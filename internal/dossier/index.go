// SPDX-License-Identifier: AGPL-3.0-or-later

package dossier

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/paper"
)

// index is what people read: cases with their chronology, exhibits, custody,
// and what can be checked.
func (b *Bundle) index(names []string) (paper.Document, error) {
	l, err := b.language()
	if err != nil {
		return paper.Document{}, err
	}
	size, root, err := b.head()
	if err != nil {
		return paper.Document{}, err
	}
	day := edtf.DayOf(b.Made)
	d := paper.Document{Lang: b.Lang, Title: b.heading(l), Subtitle: shown(b.From), Dateline: l.Day(day), Date: day, Foot: b.heading(l)}
	add := func(blocks ...paper.Block) { d.Blocks = append(d.Blocks, blocks...) }

	add(paragraph(l.T("dossier.lead")))
	if b.For != "" {
		add(fact(l.T("dossier.for"), shown(b.For)))
	}
	add(heading(1, l.T("dossier.gaps")))
	if len(b.Gaps) == 0 {
		add(paragraph(l.T("dossier.gaps.none")))
	} else {
		var left paper.List
		for _, g := range b.Gaps {
			text := shown(g.Text)
			if g.Case != "" && len(b.Cases) > 1 {
				text = l.T("dossier.case", shown(g.Case)) + ": " + text
			}
			left.Items = append(left.Items, []paper.Block{paragraph(text)})
		}
		add(left)
	}
	for _, c := range b.Cases {
		add(heading(1, strings.TrimSuffix(l.T("dossier.case", shown(c.Number))+". "+shown(c.Title), ". ")))
		if len(c.People) > 0 {
			t := table(l, "dossier.people", "role", "name")
			for _, p := range c.People {
				name := shown(p.Name)
				if name == "" {
					name = l.T("dossier.people.unnamed")
				}
				t.Rows = append(t.Rows, []paper.Cell{lines(p.Role), lines(name)})
			}
			add(t)
		}
		if len(c.Events) == 0 {
			add(paragraph(l.T("dossier.chronology.none")))
			continue
		}
		t := table(l, "dossier.chronology", "when", "what", "sources", "exhibits")
		for _, e := range c.Events {
			numbers := make([]string, len(e.Exhibits))
			for i, n := range e.Exhibits {
				numbers[i] = strconv.Itoa(n)
			}
			t.Rows = append(t.Rows, []paper.Cell{lines(e.When), lines(append([]string{e.What}, e.Details...)...), lines(e.Sources...), lines(strings.Join(numbers, ", "))})
		}
		add(t)
	}

	add(heading(1, l.T("dossier.exhibits")))
	if len(b.Exhibits) == 0 {
		add(paragraph(l.T("dossier.exhibits.none")))
	}
	for i, e := range b.Exhibits {
		b.addExhibit(add, l, i, e, names[i])
	}
	if len(b.Things) > 0 {
		add(heading(1, l.T("dossier.things")), paragraph(l.T("dossier.things.lead")))
	}
	for _, t := range b.Things {
		add(heading(2, shown(t.Title)))
		if t.Case != "" {
			add(fact(l.T("dossier.of"), shown(t.Case)))
		}
		addCustody(add, l, t.Custody)
	}
	if len(b.Forms) > 0 {
		add(heading(1, l.T("dossier.forms")))
		t := table(l, "dossier.forms", "form", "file")
		for i, f := range b.Forms {
			t.Rows = append(t.Rows, []paper.Cell{lines(f.Document.Title), lines(b.formName(i)+".pdf", b.formName(i)+".docx")})
		}
		add(t)
	}

	add(heading(1, l.T("dossier.check")), paragraph(l.T("dossier.check.lead")))
	add(fact(l.T("dossier.key"), inFours(b.fingerprint())))
	add(fact(l.T("dossier.checkpoint"), l.T("dossier.checkpoint.of", size, inFours(hex.EncodeToString(root[:])))))
	if len(b.Entries) > 0 {
		t := table(l, "dossier.entries", "entry", "about", "file")
		for i, e := range b.Entries {
			t.Rows = append(t.Rows, paper.Row(strconv.FormatUint(e.Index, 10), shown(e.About), b.proofName(i)))
		}
		add(t)
	}
	if len(b.Stamps) > 0 {
		t := table(l, "dossier.stamps", "over", "time", "authority", "file")
		for i, s := range b.Stamps {
			over := l.T("dossier.checkpoint")
			if s.Exhibit > 0 {
				over = l.T("dossier.exhibit", s.Exhibit)
			}
			t.Rows = append(t.Rows, paper.Row(over, s.Time.UTC().Format("2006-01-02 15:04:05 UTC"), shown(s.Authority), b.stampName(i)+".tst"))
		}
		add(t)
	}
	if len(b.Chained) > 0 {
		t := table(l, "dossier.chained", "over", "block", "root", "file")
		for i, c := range b.Chained {
			over := l.T("dossier.checkpoint")
			if c.Exhibit > 0 {
				over = l.T("dossier.exhibit", c.Exhibit)
			}
			if len(c.Blocks) == 0 {
				t.Rows = append(t.Rows, paper.Row(over, l.T("dossier.chained.open"), "", b.chainedName(i)))
			}
			for _, block := range c.Blocks {
				t.Rows = append(t.Rows, paper.Row(over, strconv.FormatUint(block.Height, 10), inFours(block.Root), b.chainedName(i)))
			}
		}
		add(paragraph(l.T("dossier.chained.lead")), t)
	}
	return d, nil
}

func (b *Bundle) addExhibit(add func(...paper.Block), l *locale.Language, i int, e Exhibit, name string) {
	add(heading(2, strings.TrimSuffix(l.T("dossier.exhibit", i+1)+". "+shown(e.Title), ". ")))
	if e.Case != "" {
		add(fact(l.T("dossier.of"), shown(e.Case)))
	}
	add(fact(l.T("dossier.file"), name))
	if e.Name != "" {
		add(fact(l.T("dossier.name"), shown(e.Name)))
	}
	if e.Media != "" {
		add(fact(l.T("dossier.media"), shown(e.Media)))
	}
	add(fact(l.T("dossier.size"), l.T("dossier.bytes", strconv.FormatInt(e.Size, 10))))
	add(fact("SHA-256", inFours(hex.EncodeToString(e.SHA256[:]))))
	addCustody(add, l, e.Custody)
}

func addCustody(add func(...paper.Block), l *locale.Language, c Custody) {
	if len(c.Hands) == 0 {
		add(fact(l.T("dossier.custody"), l.T("dossier.custody.none")))
		return
	}
	t := table(l, "dossier.custody", "when", "what", "from", "to", "state")
	for _, h := range c.Hands {
		what := []string{h.What, h.How}
		for _, g := range h.Gaps {
			what = append(what, l.T("dossier.custody.gap", shown(g)))
		}
		t.Rows = append(t.Rows, []paper.Cell{lines(h.When), lines(what...), lines(h.From), lines(h.To, h.Place), lines(h.State, h.Seal)})
	}
	add(t)
	if c.Digest != "" {
		add(fact(l.T("dossier.custody.digest"), inFours(c.Digest)))
	}
}

// lines is a cell of some lines; empty ones are left out.
func lines(texts ...string) paper.Cell {
	var c paper.Cell
	for _, text := range texts {
		if text = shown(text); text == "" {
			continue
		}
		if len(c.Text) > 0 {
			c.Text = append(c.Text, paper.Break{})
		}
		c.Text = append(c.Text, paper.Plain(text))
	}
	return c
}

func heading(level int, text string) paper.Heading {
	return paper.Heading{Level: level, Text: paper.Words(text)}
}

func paragraph(text string) paper.Paragraph { return paper.Paragraph{Text: paper.Words(text)} }

func fact(name, value string) paper.Paragraph {
	return paper.Paragraph{Text: []paper.Inline{paper.Strong(paper.Words(name + ": ")), paper.Plain(value)}}
}

func table(l *locale.Language, key string, columns ...string) paper.Table {
	t := paper.Table{Caption: paper.Words(l.T(key)), Columns: make([]paper.Column, len(columns))}
	head := make([]string, len(columns))
	for i, c := range columns {
		head[i] = l.T("dossier.column." + c)
	}
	t.Head = [][]paper.Cell{paper.Row(head...)}
	return t
}

// inFours is a number as people compare it.
func inFours(digits string) string {
	var s strings.Builder
	for i, r := range digits {
		if i > 0 && i%4 == 0 {
			s.WriteByte(' ')
		}
		s.WriteRune(r)
	}
	return s.String()
}
