// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kua-registry/kua/internal/codebook"
)

// Mapping says what the columns of a list mean.
type Mapping struct {
	Name      string
	Encoding  string
	Delimiter string

	sheet   string
	header  int // row of the headings; 0: the first that is not empty
	dates   []layout
	key     column
	ignore  []column
	records []recordSpec
	steps   []stepSpec
}

// column names a column by its heading, or by its letter as "=F".
type column struct {
	name string
	line int
}

// stepSpec is a sheet with a row a step, tied to the cases by their key.
type stepSpec struct {
	sheet   string
	header  int
	dates   []layout
	key     column
	id      column                  // the row's own id in the system it comes from; none: rows are counted
	action  column                  // what the row is; none: every row makes records
	cases   map[string][]recordSpec // by the folded text of the action column
	actions []string                // as written, for suggestions
	records []recordSpec
	ignore  []column
	warn    bool // rows of no case of the list are told of and stay outside
	line    int
}

// recordSpec makes one record of a row.
type recordSpec struct {
	name, kind string
	when       *condition
	fields     []fieldSpec
	line       int
}

// condition decides whether a record is made: one of the columns is filled, or
// has (has not) one of the values.
type condition struct {
	columns  []column
	is, isnt map[string]bool
}

// fieldSpec makes the values of one field.
type fieldSpec struct {
	field     *codebook.Field
	constant  []string
	record    string // the name of another record of the row
	recordID  column // the column with the id of that record's own row; none: the record of this row, else the last one
	column    column
	values    map[string][]string // folded text → values
	written   []string            // the texts as written, for suggestions
	otherwise string              // for a filled cell that nothing else explains
	empty     string              // for an empty cell
	split     string
	pattern   *regexp.Regexp
	lenient   bool   // a cell that the pattern does not fit gives nothing instead of a finding
	warn      bool   // a cell that does not fit gives nothing but a warning: the raw row keeps it
	take      string // family, given, patronymic, year
	dates     []layout
	child     *childSpec
	line      int
}

type childSpec struct {
	born, on fieldSpec
	says     *fieldSpec
}

// MappingError is one thing that is wrong in a mapping or a record file.
type MappingError struct {
	Line int
	What string
}

func (e MappingError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.What) }

// MappingErrors are all that is wrong; as an error it says the first.
type MappingErrors []MappingError

func (e MappingErrors) Error() string {
	if len(e) == 1 {
		return e[0].Error()
	}
	return fmt.Sprintf("%s (and %d more)", e[0].Error(), len(e)-1)
}

const maxMapping = 4 << 20

// ParseMapping reads a mapping and checks it against the codebook; an error
// (MappingErrors) names the line of the mapping and what is expected there.
func ParseMapping(data []byte, book *codebook.Book) (*Mapping, error) {
	p := &parser{book: book}
	root, err := p.document(data)
	if err != nil {
		return nil, err
	}
	m := p.mapping(root)
	if err := p.failed(); err != nil {
		return nil, err
	}
	return m, nil
}

// ReadOptions are how the mapping says the file is to be read.
func (m *Mapping) ReadOptions(file string) ReadOptions {
	return ReadOptions{Name: file, Encoding: m.Encoding, Delimiter: m.Delimiter}
}

// parser reads YAML nodes strictly and gathers what is wrong with them.
type parser struct {
	book   *codebook.Book
	errs   MappingErrors
	tables map[string]*yaml.Node
}

func (p *parser) fail(n *yaml.Node, format string, args ...any) {
	line := 1
	if n != nil {
		line = n.Line
	}
	p.failLine(line, format, args...)
}

func (p *parser) failLine(line int, format string, args ...any) {
	if len(p.errs) < 100 {
		p.errs = append(p.errs, MappingError{Line: line, What: fmt.Sprintf(format, args...)})
	}
}

func (p *parser) failed() error {
	if len(p.errs) == 0 {
		return nil
	}
	slices.SortStableFunc(p.errs, func(a, b MappingError) int { return a.Line - b.Line })
	return p.errs
}

var yamlLine = regexp.MustCompile(`^yaml: (?:unmarshal errors:\n\s*)?(?:line (\d+): )?(.*)`)

// document reads one YAML document. Aliases are refused: nothing here needs
// them, and they are how a small file becomes a huge one.
func (p *parser) document(data []byte) (*yaml.Node, error) {
	if len(data) > maxMapping {
		return nil, MappingErrors{{1, "larger than " + size(maxMapping)}}
	}
	d := yaml.NewDecoder(strings.NewReader(string(data)))
	var doc yaml.Node
	if err := d.Decode(&doc); err != nil {
		line, what := 1, err.Error()
		if m := yamlLine.FindStringSubmatch(what); m != nil {
			line, _ = strconv.Atoi(m[1])
			what = m[2]
		}
		if what == "EOF" {
			what = "the file is empty"
		}
		return nil, MappingErrors{{max(line, 1), what}}
	}
	var next yaml.Node
	if err := d.Decode(&next); err == nil {
		return nil, MappingErrors{{max(next.Line, 1), "a second document: put one in each file"}}
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil, MappingErrors{{1, "the file is empty"}}
	}
	if line := aliasLine(doc.Content[0]); line > 0 {
		return nil, MappingErrors{{line, "anchors and aliases (& and *) are not read here: write the value out"}}
	}
	return doc.Content[0], nil
}

func aliasLine(n *yaml.Node) int {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return n.Line
	}
	for _, c := range n.Content {
		if line := aliasLine(c); line > 0 {
			return line
		}
	}
	return 0
}

// fields reads a YAML mapping with known keys.
func (p *parser) fields(n *yaml.Node, what string, known ...string) map[string]*yaml.Node {
	out := map[string]*yaml.Node{}
	if n.Kind != yaml.MappingNode {
		p.fail(n, "%s: expected keys and values (%s)", what, strings.Join(known, ", "))
		return out
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case !slices.Contains(known, k.Value):
			p.fail(k, "%s: unknown key %q%s", what, k.Value, didYouMean(k.Value, known, "known: "+strings.Join(known, ", ")))
		case out[k.Value] != nil:
			p.fail(k, "%s: %s stands twice", what, k.Value)
		default:
			out[k.Value] = v
		}
	}
	return out
}

func (p *parser) text(n *yaml.Node, what string) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		p.fail(n, "%s: expected one value", what)
		return ""
	}
	if n.Tag == "!!null" {
		return ""
	}
	return strings.TrimSpace(n.Value)
}

// texts reads one value or a list of them.
func (p *parser) texts(n *yaml.Node, what string) []string {
	if n == nil {
		return nil
	}
	if n.Kind == yaml.SequenceNode {
		var out []string
		for _, c := range n.Content {
			if s := p.text(c, what); s != "" {
				out = append(out, s)
			}
		}
		return out
	}
	if s := p.text(n, what); s != "" {
		return []string{s}
	}
	return nil
}

func (p *parser) column(n *yaml.Node, what string) column {
	if n == nil {
		return column{}
	}
	return column{name: p.text(n, what), line: n.Line}
}

func (p *parser) columns(n *yaml.Node, what string) []column {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		if c := p.column(n, what); c.name != "" {
			return []column{c}
		}
		return nil
	}
	var out []column
	for _, c := range n.Content {
		if c := p.column(c, what); c.name != "" {
			out = append(out, c)
		}
	}
	return out
}

func (p *parser) layouts(n *yaml.Node) []layout {
	var out []layout
	for _, s := range p.texts(n, "dates") {
		l, err := parseLayout(s)
		if err != nil {
			p.fail(n, "dates: %v", err)
			continue
		}
		out = append(out, l)
	}
	if err := checkLayouts(out); err != nil {
		p.fail(n, "dates: %v", err)
	}
	return out
}

func (p *parser) number(n *yaml.Node, what string) int {
	s := p.text(n, what)
	if s == "" {
		return 0
	}
	x, err := strconv.Atoi(s)
	if err != nil || x < 1 {
		p.fail(n, "%s: %q is not a row number", what, s)
		return 0
	}
	return x
}

func (p *parser) mapping(root *yaml.Node) *Mapping {
	m := &Mapping{}
	f := p.fields(root, "mapping", "mapping", "name", "encoding", "delimiter", "dates", "sheet", "header", "key", "ignore", "values", "records", "steps")
	if v := p.text(f["mapping"], "mapping"); v != "1" {
		n := f["mapping"]
		if n == nil {
			n = root
		}
		p.fail(n, "mapping: 1 is expected as the version of the format")
	}
	m.Name = p.text(f["name"], "name")
	m.Encoding = p.text(f["encoding"], "encoding")
	if n := f["delimiter"]; n != nil {
		m.Delimiter = n.Value
	}
	m.dates = p.layouts(f["dates"])
	m.sheet = p.text(f["sheet"], "sheet")
	m.header = p.number(f["header"], "header")
	m.key = p.column(f["key"], "key")
	if m.key.name == "" {
		p.fail(root, "key is missing: name the column that holds the list's own number of the case")
	}
	m.ignore = p.columns(f["ignore"], "ignore")
	p.tables = map[string]*yaml.Node{}
	if n := f["values"]; n != nil {
		if n.Kind != yaml.MappingNode {
			p.fail(n, "values: expected named tables")
		} else {
			for i := 0; i+1 < len(n.Content); i += 2 {
				p.tables[n.Content[i].Value] = n.Content[i+1]
			}
		}
	}
	kinds := map[string]string{} // name of a record → its kind, over all sheets
	m.records = p.records(f["records"], kinds)
	if n := f["steps"]; n != nil {
		if n.Kind != yaml.SequenceNode {
			p.fail(n, "steps: expected a list of sheets")
		} else {
			for _, c := range n.Content {
				m.steps = append(m.steps, p.steps(c, kinds))
			}
		}
	}
	if f["records"] == nil && len(p.errs) == 0 {
		p.fail(root, "records is missing: say what is to be made of a row")
	}
	p.checkRefs(m, kinds)
	return m
}

func (p *parser) steps(n *yaml.Node, kinds map[string]string) stepSpec {
	f := p.fields(n, "steps", "sheet", "header", "dates", "key", "id", "unmatched", "column", "cases", "records", "ignore")
	s := stepSpec{
		sheet: p.text(f["sheet"], "sheet"), header: p.number(f["header"], "header"), dates: p.layouts(f["dates"]),
		key: p.column(f["key"], "key"), id: p.column(f["id"], "id"), action: p.column(f["column"], "column"), ignore: p.columns(f["ignore"], "ignore"),
		cases: map[string][]recordSpec{}, line: n.Line,
	}
	switch p.text(f["unmatched"], "unmatched") {
	case "", "error":
	case "warn":
		s.warn = true
	default:
		p.fail(f["unmatched"], "unmatched: warn or error")
	}
	if s.sheet == "" {
		p.fail(n, "steps: sheet is missing")
	}
	if s.key.name == "" {
		p.fail(n, "steps: key is missing: name the column that holds the number of the case")
	}
	s.records = p.records(f["records"], kinds)
	if c := f["cases"]; c != nil {
		if s.action.name == "" {
			p.fail(c, "steps: column is missing: name the column that says what the row is")
		}
		if c.Kind != yaml.MappingNode {
			p.fail(c, "cases: expected the texts of the column, each with its records")
			return s
		}
		for i := 0; i+1 < len(c.Content); i += 2 {
			k, v := c.Content[i], c.Content[i+1]
			key := fold(k.Value)
			if _, twice := s.cases[key]; twice {
				p.fail(k, "cases: %q stands twice", k.Value)
			}
			s.actions = append(s.actions, k.Value)
			if v.Tag == "!!null" {
				s.cases[key] = nil // a row that is known and makes nothing
				continue
			}
			s.cases[key] = p.records(v, kinds)
		}
	} else if f["records"] == nil {
		p.fail(n, "steps: neither cases nor records: say what is to be made of a row (records: [] keeps the raw rows alone)")
	}
	return s
}

var localName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`)

func (p *parser) records(n *yaml.Node, kinds map[string]string) []recordSpec {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		p.fail(n, "expected a list of records, each with kind and fields")
		return nil
	}
	var out []recordSpec
	here := map[string]bool{}
	for _, c := range n.Content {
		f := p.fields(c, "record", "name", "kind", "when", "fields")
		r := recordSpec{kind: p.text(f["kind"], "kind"), name: p.text(f["name"], "name"), line: c.Line}
		if r.name == "" {
			r.name = r.kind
		}
		k, ok := p.book.Kind(r.kind)
		switch {
		case r.kind == "":
			p.fail(c, "record: kind is missing")
			continue
		case !ok:
			p.fail(f["kind"], "there is no kind %q%s", r.kind, didYouMean(r.kind, kindIDs(p.book), ""))
			continue
		case k.Scope != codebook.InCase || r.kind == "import_row":
			p.fail(f["kind"], "records of kind %s are not made of the rows of a list", r.kind)
			continue
		case !localName.MatchString(r.name):
			p.fail(c, "name %q: use small Latin letters, digits, - and _", r.name)
		case (r.name == CaseLocal) != (r.kind == "case"):
			p.fail(c, "the name case belongs to the record of kind case")
		case here[r.name]:
			p.fail(c, "two records are named %s: give each a name of its own", r.name)
		case kinds[r.name] != "" && kinds[r.name] != r.kind:
			p.fail(c, "%s is a record of kind %s elsewhere in the mapping", r.name, kinds[r.name])
		}
		here[r.name], kinds[r.name] = true, r.kind
		r.when = p.condition(f["when"])
		fn := f["fields"]
		if fn == nil || fn.Kind != yaml.MappingNode {
			p.fail(c, "record %s: fields is missing", r.name)
			continue
		}
		set := map[string]bool{}
		for i := 0; i+1 < len(fn.Content); i += 2 {
			id, v := fn.Content[i], fn.Content[i+1]
			field, ok := k.Field(id.Value)
			switch {
			case !ok:
				p.fail(id, "%s has no field %q%s", r.kind, id.Value, didYouMean(id.Value, fieldIDs(k), "its fields: "+strings.Join(fieldIDs(k), ", ")))
				continue
			case r.kind == "case" && slices.Contains([]string{"org", "number", "opened", "external_id"}, id.Value):
				p.fail(id, "%s of a case is set by the register itself", id.Value)
				continue
			case set[id.Value]:
				p.fail(id, "%s stands twice", id.Value)
				continue
			}
			set[id.Value] = true
			r.fields = append(r.fields, p.field(v, r.kind, field))
		}
		out = append(out, r)
	}
	return out
}

func (p *parser) condition(n *yaml.Node) *condition {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		if cols := p.columns(n, "when"); len(cols) > 0 {
			return &condition{columns: cols}
		}
		p.fail(n, "when: name a column, several, or column with is or isnt")
		return nil
	}
	f := p.fields(n, "when", "column", "is", "isnt")
	c := &condition{columns: p.columns(f["column"], "column")}
	if len(c.columns) != 1 {
		p.fail(n, "when: column is missing")
		return nil
	}
	set := func(key string) map[string]bool {
		if f[key] == nil {
			return nil
		}
		out := map[string]bool{}
		for _, s := range p.texts(f[key], key) {
			out[fold(s)] = true
		}
		return out
	}
	c.is, c.isnt = set("is"), set("isnt")
	return c
}

// field reads how a field gets its values: a heading alone, or keys.
func (p *parser) field(n *yaml.Node, kind string, field *codebook.Field) fieldSpec {
	s := fieldSpec{field: field, line: n.Line}
	if n.Kind == yaml.ScalarNode {
		if s.column = p.column(n, field.ID); s.column.name == "" {
			p.fail(n, "%s: name a column", field.ID)
		}
		return s
	}
	f := p.fields(n, field.ID, "column", "const", "record", "child", "values", "else", "empty", "split", "pattern", "unmatched", "take", "dates", "id")
	sources := 0
	for _, key := range []string{"column", "const", "record", "child"} {
		if f[key] != nil {
			sources++
		}
	}
	if sources != 1 {
		p.fail(n, "%s: exactly one of column, const, record and child is expected", field.ID)
		return s
	}
	s.column = p.column(f["column"], "column")
	if f["column"] != nil && s.column.name == "" {
		p.fail(n, "%s: name a column", field.ID)
	}
	s.constant = p.texts(f["const"], "const")
	p.checkValues(f["const"], kind, field, s.constant)
	if r := f["record"]; r != nil {
		s.record = p.text(r, "record")
		if field.Type != codebook.Ref {
			p.fail(r, "%s does not refer to a record", field.ID)
		}
		if s.recordID = p.column(f["id"], "id"); f["id"] != nil && s.recordID.name == "" {
			p.fail(n, "%s: id names the column with the id of the other record's row", field.ID)
		}
	} else if f["id"] != nil {
		p.fail(f["id"], "%s: id stands beside record alone", field.ID)
	} else if field.Type == codebook.Ref && f["const"] == nil {
		p.fail(n, "%s refers to a record of kind %s: use record: NAME", field.ID, field.RefKind)
	}
	if c := f["child"]; c != nil {
		s.child = p.child(c, field)
	}
	if v := f["values"]; v != nil {
		p.valueTable(v, kind, field, &s)
	}
	s.otherwise = p.text(f["else"], "else")
	s.empty = p.text(f["empty"], "empty")
	for _, key := range []string{"else", "empty"} {
		p.checkValues(f[key], kind, field, p.texts(f[key], key))
	}
	if c := f["split"]; c != nil {
		s.split = c.Value
		if strings.TrimSpace(s.split) == "" {
			p.fail(c, "split: name the sign that stands between the values, such as \";\"")
		}
		if !field.Many {
			p.fail(c, "%s takes one value: it cannot be split", field.ID)
		}
	}
	if c := f["pattern"]; c != nil {
		re, err := regexp.Compile(c.Value)
		switch {
		case err != nil:
			p.fail(c, "pattern: %v", err)
		case re.NumSubexp() != 1:
			p.fail(c, "pattern: put what is to be taken into one pair of parentheses")
		default:
			s.pattern = re
		}
	}
	if c := f["unmatched"]; c != nil {
		switch p.text(c, "unmatched") {
		case "skip":
			s.lenient = true
		case "warn":
			s.warn = true
		case "error":
		default:
			p.fail(c, "unmatched: skip, warn or error")
		}
	}
	if c := f["take"]; c != nil {
		s.take = p.text(c, "take")
		if !slices.Contains([]string{"family", "given", "patronymic", "year"}, s.take) {
			p.fail(c, "take: family, given, patronymic or year")
		}
	}
	s.dates = p.layouts(f["dates"])
	return s
}

func (p *parser) child(n *yaml.Node, field *codebook.Field) *childSpec {
	f := p.fields(n, "child", "born", "on", "says")
	if f["born"] == nil || f["on"] == nil {
		p.fail(n, "child: born and on are expected: the columns of the date of birth and of the incident")
		return nil
	}
	if field.Type != codebook.YesNo {
		p.fail(n, "%s is not answered by yes or no", field.ID)
	}
	c := &childSpec{
		born: p.field(f["born"], "person", &codebook.Field{ID: "born", Type: codebook.Date}),
		on:   p.field(f["on"], "person", &codebook.Field{ID: "on", Type: codebook.Date}),
	}
	if f["says"] != nil {
		says := p.field(f["says"], "person", field)
		c.says = &says
	}
	return c
}

// valueTable reads text → value, inline or by the name of a table under values.
func (p *parser) valueTable(n *yaml.Node, kind string, field *codebook.Field, s *fieldSpec) {
	if n.Kind == yaml.ScalarNode {
		t, ok := p.tables[n.Value]
		if !ok {
			var names []string
			for name := range p.tables {
				names = append(names, name)
			}
			p.fail(n, "there is no table %q under values%s", n.Value, didYouMean(n.Value, names, ""))
			return
		}
		n = t
	}
	if n.Kind != yaml.MappingNode {
		p.fail(n, "values: expected texts, each with its value")
		return
	}
	s.values = map[string][]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		key := fold(k.Value)
		if _, twice := s.values[key]; twice {
			p.fail(k, "values: %q stands twice", k.Value)
		}
		values := p.texts(v, "values")
		if len(values) > 1 && !field.Many {
			p.fail(v, "%s takes one value", field.ID)
		}
		p.checkValues(v, kind, field, values)
		s.values[key] = values
		s.written = append(s.written, k.Value)
	}
}

// checkValues holds values written in the mapping against the codebook.
func (p *parser) checkValues(n *yaml.Node, kind string, field *codebook.Field, values []string) {
	if len(values) == 0 || field.ID == "born" || field.ID == "on" {
		return
	}
	for _, problem := range p.book.Validate(kind, map[string][]string{field.ID: values}) {
		if problem.Field == field.ID && problem.What != codebook.Required {
			p.fail(n, "%s", problem.Msg)
		}
	}
}

// checkRefs sees to it that every record that is referred to is made somewhere,
// and is of the kind that the field takes.
func (p *parser) checkRefs(m *Mapping, kinds map[string]string) {
	check := func(records []recordSpec) {
		for _, r := range records {
			for _, f := range r.fields {
				if f.record == "" {
					continue
				}
				kind, ok := kinds[f.record]
				switch {
				case !ok:
					p.failLine(f.line, "%s: no record is named %q", f.field.ID, f.record)
				case f.field.RefKind != "" && kind != f.field.RefKind:
					p.failLine(f.line, "%s refers to a record of kind %s; %s is of kind %s", f.field.ID, f.field.RefKind, f.record, kind)
				}
			}
		}
	}
	check(m.records)
	for _, s := range m.steps {
		check(s.records)
		for _, records := range s.cases {
			check(records)
		}
	}
}

func kindIDs(b *codebook.Book) []string {
	var out []string
	for _, k := range b.Kinds() {
		if k.Scope == codebook.InCase {
			out = append(out, k.ID)
		}
	}
	return out
}

func fieldIDs(k *codebook.Kind) []string {
	var out []string
	for _, f := range k.Fields {
		out = append(out, f.ID)
	}
	return out
}
