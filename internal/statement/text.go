// SPDX-License-Identifier: AGPL-3.0-or-later

package statement

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/yuin/goldmark"
)

// maxText is how long a text may be, in bytes: some three hundred pages.
const maxText = 1 << 20

// Text is a text that was read. It does not change.
type Text struct {
	source     []byte
	lines      []int // where each begins
	root       ast.Node
	directives []Directive
	passages   []Passage
}

// Passage is a sentence with what it says of a person.
type Passage struct {
	Line   int
	Text   string // in plain words; directives are left out
	Covers []Cover
}

// Cover is a stretch of text that tells of one case.
type Cover struct {
	Kind   string // story, quote, name, photo
	Case   string // number or id, as written
	Person string // of the case, as written; empty: its victim
	Line   int
}

// Parse reads a text. Its error is a *FaultError.
func Parse(source string) (*Text, error) {
	if len(source) > maxText {
		return nil, fault(1, "the text is longer than a million letters: divide it")
	}
	if !utf8.ValidString(source) {
		return nil, fault(1, "the text is not in UTF-8: save it as UTF-8 and try again")
	}
	t := &Text{source: []byte(strings.ReplaceAll(strings.ReplaceAll(source, "\r\n", "\n"), "\r", "\n"))}
	t.lines = []int{0}
	for i, b := range t.source {
		if b == '\n' {
			t.lines = append(t.lines, i+1)
		}
	}
	pc := parser.NewContext()
	pc.Set(linesKey, t)
	t.root = markdown().Parser().Parse(text.NewReader(t.source), parser.WithContext(pc))
	if err, ok := pc.Get(faultKey).(error); ok {
		return nil, err
	}
	r := reading{t: t}
	if err := r.block(t.root); err != nil {
		return nil, err
	}
	if len(r.open) > 0 {
		return nil, fault(r.open[0].Line, "{{%s}} has no {{end}}", r.open[0].Kind)
	}
	return t, nil
}

// Passages are the sentences of the text, in order.
func (t *Text) Passages() []Passage { return slices.Clone(t.passages) }

// Covers are the stretches that tell of cases, in order, each once.
func (t *Text) Covers() (covers []Cover) {
	for _, p := range t.passages {
		for _, c := range p.Covers {
			if !slices.Contains(covers, c) {
				covers = append(covers, c)
			}
		}
	}
	return covers
}

// markdown reads paragraphs, headings, lists, quotes, tables and footnotes.
// What looks like HTML or a program's text is text: a statement has neither.
func markdown() goldmark.Markdown {
	p := parser.NewParser(
		parser.WithBlockParsers(
			util.Prioritized(parser.NewSetextHeadingParser(), 100),
			util.Prioritized(parser.NewThematicBreakParser(), 200),
			util.Prioritized(parser.NewListParser(), 300),
			util.Prioritized(parser.NewListItemParser(), 400),
			util.Prioritized(parser.NewATXHeadingParser(), 600),
			util.Prioritized(parser.NewBlockquoteParser(), 800),
			util.Prioritized(parser.NewParagraphParser(), 1000),
		),
		parser.WithInlineParsers(
			util.Prioritized(directiveParser{}, 50),
			util.Prioritized(parser.NewLinkParser(), 200),
			util.Prioritized(parser.NewAutoLinkParser(), 300),
			util.Prioritized(parser.NewEmphasisParser(), 500),
		),
		parser.WithParagraphTransformers(util.Prioritized(parser.LinkReferenceParagraphTransformer, 100)),
	)
	return goldmark.New(goldmark.WithParser(p), goldmark.WithExtensions(extension.Table, extension.Footnote))
}

var (
	directiveKind = ast.NewNodeKind("Directive")
	faultKey      = parser.NewContextKey()
	linesKey      = parser.NewContextKey()
)

// directiveNode is a directive among words.
type directiveNode struct {
	ast.BaseInline
	Directive
}

func (n *directiveNode) Kind() ast.NodeKind            { return directiveKind }
func (n *directiveNode) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

// directiveParser finds directives. The first that can't be read is kept in the context.
type directiveParser struct{}

func (directiveParser) Trigger() []byte { return []byte{'{'} }

func (directiveParser) Parse(_ ast.Node, block text.Reader, pc parser.Context) ast.Node {
	line, segment := block.PeekLine()
	inner, found := bytes.CutPrefix(line, []byte("{{"))
	if !found {
		return nil
	}
	no := pc.Get(linesKey).(*Text).lineAt(segment.Start)
	end := bytes.Index(inner, []byte("}}"))
	if end < 0 {
		complain(pc, fault(no, "{{ has no }} on the same line"))
		return nil
	}
	d, err := parseDirective(string(inner[:end]), no)
	if err != nil {
		complain(pc, err)
		return nil
	}
	block.Advance(2 + end + 2)
	return &directiveNode{Directive: d}
}

func complain(pc parser.Context, err error) {
	if pc.Get(faultKey) == nil {
		pc.Set(faultKey, err)
	}
}

// reading goes once through a text.
type reading struct {
	t    *Text
	open []Cover // those that began and did not end
}

// alone is the directive that is all of a paragraph, if it is so.
func alone(n ast.Node) *directiveNode {
	if n.Kind() != ast.KindParagraph || n.ChildCount() != 1 {
		return nil
	}
	d, _ := n.FirstChild().(*directiveNode)
	return d
}

// isPart tells whether a directive makes a part of its own: a table, a picture.
func isPart(name string) bool { return name == "table" || name == "chart" || name == "map" }

// block reads a part of the text with all in it.
func (r *reading) block(n ast.Node) error {
	if n.Type() != ast.TypeDocument && (n.FirstChild() == nil || n.FirstChild().Type() == ast.TypeInline) {
		if d := alone(n); d != nil && isPart(d.Name) {
			r.t.directives = append(r.t.directives, d.Directive)
			return nil
		}
		return r.words(n, alone(n) != nil)
	}
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		before := len(r.open)
		if err := r.block(c); err != nil {
			return err
		}
		if len(r.open) != before && c.Parent().Kind() != ast.KindDocument && c.Parent().Kind() != ast.KindBlockquote {
			return fault(r.t.lineOf(c), "a story begins and ends outside lists and tables")
		}
	}
	return nil
}

// words reads a paragraph, a heading, a cell. whole: a directive is all of it.
func (r *reading) words(n ast.Node, whole bool) error {
	s := sentences{line: r.t.lineOf(n)}
	before := len(r.open)
	err := ast.Walk(n, func(c ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch c := c.(type) {
		case *directiveNode:
			return ast.WalkContinue, r.directive(c.Directive, &s)
		case *ast.Image:
			return ast.WalkStop, fault(s.line, "a picture from outside can't be part of a statement: {{chart}} and {{map}} draw the register's own")
		case *ast.Text:
			s.line = r.t.lineAt(c.Segment.Start)
			s.add(string(c.Segment.Value(r.t.source)), r.open)
			if c.SoftLineBreak() || c.HardLineBreak() {
				s.add(" ", r.open)
			}
		case *ast.String:
			s.add(string(c.Value), r.open)
		case *extast.FootnoteLink, *extast.FootnoteBacklink:
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return err
	}
	if !whole && len(r.open) != before {
		return fault(s.line, "a story, a quote or a name that begins within a paragraph ends within it; one that begins on a line of its own ends on one")
	}
	s.end()
	r.t.passages = append(r.t.passages, s.done...)
	return nil
}

func (r *reading) directive(d Directive, s *sentences) error {
	_, covers, _ := shapes(d.Name)
	switch {
	case isPart(d.Name):
		return fault(d.Line, "{{%s}} stands in a paragraph of its own", d.Name)
	case d.Name == "end":
		if len(r.open) == 0 {
			return fault(d.Line, "{{end}} has nothing to end")
		}
		r.open = r.open[:len(r.open)-1]
	case covers:
		if d.Args["case"] == "" {
			return fault(d.Line, `{{%s}} wants to know of which case it tells: {{%s case="…"}}`, d.Name, d.Name)
		}
		r.open = append(slices.Clone(r.open), Cover{d.Name, d.Args["case"], d.Args["person"], d.Line})
	default:
		s.add("…", r.open)
		s.ended = false // it stands for a figure
	}
	r.t.directives = append(r.t.directives, d)
	return nil
}

// lineAt is the line, from 1, of a place in the source.
func (t *Text) lineAt(place int) int {
	i, found := slices.BinarySearch(t.lines, place)
	if found {
		i++
	}
	return max(1, i)
}

// lineOf is the line on which a part begins.
func (t *Text) lineOf(n ast.Node) int {
	for ; n != nil; n = n.Parent() {
		if n.Type() == ast.TypeBlock && n.Lines().Len() > 0 {
			return t.lineAt(n.Lines().At(0).Start)
		}
	}
	return 1
}

// sentences divides words into sentences.
type sentences struct {
	line    int
	current strings.Builder
	began   int
	covers  []Cover
	ended   bool // the last letter ends a sentence, if a space follows
	done    []Passage
}

func (s *sentences) add(words string, open []Cover) {
	for _, r := range words {
		if s.ended && unicode.IsSpace(r) {
			s.end()
			continue
		}
		if s.current.Len() == 0 {
			if unicode.IsSpace(r) {
				continue
			}
			s.began = s.line
		}
		s.current.WriteRune(r)
		for _, c := range open {
			if !slices.Contains(s.covers, c) {
				s.covers = append(s.covers, c)
			}
		}
		switch {
		case strings.ContainsRune(".!?…", r):
			s.ended = true
		case strings.ContainsRune(`"»”)'`, r): // belongs to the sentence before it
		default:
			s.ended = false
		}
	}
}

func (s *sentences) end() {
	if text := strings.TrimSpace(s.current.String()); text != "" {
		s.done = append(s.done, Passage{s.began, text, s.covers})
	}
	s.current.Reset()
	s.covers, s.ended = nil, false
}
