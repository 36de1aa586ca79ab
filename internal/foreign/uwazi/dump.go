// SPDX-License-Identifier: AGPL-3.0-or-later

package uwazi

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/intake"
)

// Dump is the format of a dump of Uwazi's database.
func Dump() foreign.Format {
	return foreign.Format{Name: "uwazi-dump", About: "a folder of mongodump with Uwazi's database", Read: readDump, Map: mapDump}
}

// dump is what a dump holds.
type dump struct {
	templates    []template
	dictionaries []dictionary
	relations    map[string]string // id → name
	connections  []connection
	entities     []*entity
	byID         map[string]*entity // by shared id
	languages    []string
	rows         int // entities, each once for each of its languages
	files        []document
}

type template struct {
	id, name   string
	properties []property
}

type property struct{ name, label, kind, content string }

type dictionary struct {
	id, name string
	values   []option
	labels   map[string]string // id of a value → label, or group::label
}

type option struct{ id, label, group string }

type connection struct{ id, entity, hub, relation string }

// entity is what all the languages of one shared id say.
type entity struct {
	id, template string
	no           int // of its first document
	in           map[string]document
}

const mainLanguage = "en"

// base is what an entity says in the language that its sheet is in.
func (d *dump) base(e *entity) (string, document) {
	for _, l := range d.languages {
		if doc, ok := e.in[l]; ok {
			return l, doc
		}
	}
	return "", nil
}

func loadDump(folder fs.FS, limits intake.Limits) (*dump, error) {
	d := &dump{relations: map[string]string{}, byID: map[string]*entity{}}
	read := func(name string, f func(no int, doc document) error) error {
		return collection(folder, name, limits, f)
	}
	languages := map[string]bool{}
	err := errors.Join(
		read("templates", func(_ int, doc document) error {
			t := template{id: doc.text("_id"), name: cmp.Or(doc.text("name"), doc.text("_id"))}
			for _, p := range doc.list("properties") {
				t.properties = append(t.properties, property{p.text("name"), cmp.Or(p.text("label"), p.text("name")), p.text("type"), p.text("content")})
			}
			d.templates = append(d.templates, t)
			return nil
		}),
		read("dictionaries", func(_ int, doc document) error {
			t := dictionary{id: doc.text("_id"), name: doc.text("name"), labels: map[string]string{}}
			for _, v := range doc.list("values") {
				inner := v.list("values")
				if len(inner) == 0 {
					t.values = append(t.values, option{id: v.text("id"), label: v.text("label")})
					t.labels[v.text("id")] = v.text("label")
				}
				for _, w := range inner {
					t.values = append(t.values, option{w.text("id"), w.text("label"), v.text("label")})
					t.labels[w.text("id")] = v.text("label") + "::" + w.text("label")
				}
			}
			d.dictionaries = append(d.dictionaries, t)
			return nil
		}),
		read("relationtypes", func(_ int, doc document) error {
			d.relations[doc.text("_id")] = doc.text("name")
			return nil
		}),
		read("connections", func(_ int, doc document) error {
			c := connection{doc.text("_id"), doc.text("entity"), doc.text("hub"), doc.text("template")}
			if c.id == "" || c.entity == "" || c.hub == "" {
				return errors.New("a connection without its id, entity or hub")
			}
			d.connections = append(d.connections, c)
			return nil
		}),
		read("files", func(_ int, doc document) error {
			d.files = append(d.files, doc)
			return nil
		}),
		read("entities", func(no int, doc document) error {
			id := doc.text("sharedId")
			if id == "" {
				return errors.New("an entity without its sharedId")
			}
			e, ok := d.byID[id]
			if !ok {
				e = &entity{id: id, template: doc.text("template"), no: no, in: map[string]document{}}
				d.byID[id] = e
				d.entities = append(d.entities, e)
			}
			l := doc.text("language")
			if e.in[l] != nil {
				return fmt.Errorf("entity %s is there twice in the language %q", id, l)
			}
			e.in[l] = doc
			languages[l] = true
			d.rows++
			return nil
		}),
	)
	if err != nil {
		return nil, err
	}
	if d.rows == 0 {
		return nil, &foreign.PlaceError{What: "there is no entities.bson with entities: give the folder that mongodump wrote, in which it lies"}
	}
	d.languages = slices.SortedFunc(maps.Keys(languages), func(a, b string) int {
		if a == mainLanguage || b == mainLanguage {
			return map[bool]int{true: -1, false: 1}[a == mainLanguage]
		}
		return strings.Compare(a, b)
	})
	return d, nil
}

func readDump(folder fs.FS, name string, opts foreign.Reading) (*foreign.File, error) {
	if name != "." && !strings.HasSuffix(name, ".bson") {
		return nil, &foreign.PlaceError{What: "is no dump: give the folder that mongodump wrote, or the entities.bson in it"}
	}
	d, err := loadDump(folder, opts.Limits)
	if err != nil {
		return nil, err
	}
	b := dumpSheets{dump: d, folder: folder, sheets: map[string]*foreign.Sheet{}, linked: d.links()}
	return b.file(cmp.Or(strings.TrimSuffix(name, "."), "dump"), opts.Limits)
}

// links are the entities that stand with an entity in some hub, by template.
func (d *dump) links() map[string]map[string][]string {
	hubs := map[string][]string{}
	for _, c := range d.connections {
		hubs[c.hub] = append(hubs[c.hub], c.entity)
	}
	out := map[string]map[string][]string{}
	for _, hub := range slices.Sorted(maps.Keys(hubs)) {
		for _, a := range hubs[hub] {
			for _, b := range hubs[hub] {
				other := d.byID[b]
				if a == b || other == nil {
					continue
				}
				if out[a] == nil {
					out[a] = map[string][]string{}
				}
				if !slices.Contains(out[a][other.template], b) {
					out[a][other.template] = append(out[a][other.template], b)
				}
			}
		}
	}
	return out
}

// Headings of the sheets of a dump.
const (
	dumpID      = "id"
	dumpTitle   = "Title"
	dumpAdded   = "Date added"
	dumpState   = "Published"
	dumpLang    = "Language"
	linkHeading = "linked " // and the name of a template
	connections = "Connections"
	thesauri    = "Thesauri"
)

type dumpSheets struct {
	*dump
	folder   fs.FS
	sheets   map[string]*foreign.Sheet // by template
	linked   map[string]map[string][]string
	findings []intake.Finding
}

// caseWords are in the names of templates that are cases, in the languages that
// Uwazi is used in most.
var caseWords = []string{"case", "caso", "causa", "cas ", "affaire", "дело", "дела", "іс", "victim", "víctima", "victime", "жертва", "пострадав", "жәбірленуші", "detention", "detención", "detainee", "задержан"}

// caseTemplate guesses which template is a case.
func (d *dump) caseTemplate() string {
	best, most := "", -1
	for i, t := range d.templates {
		score := len(t.properties)
		for j, w := range caseWords {
			if strings.Contains(strings.ToLower(t.name)+" ", w) {
				score += 1000 - j
				break
			}
		}
		if score > most {
			best, most = d.templates[i].id, score
		}
	}
	return best
}

func (b *dumpSheets) file(name string, limits intake.Limits) (*foreign.File, error) {
	names := map[string]string{} // of the sheets: each once
	taken := map[string]bool{connections: true, thesauri: true}
	order := slices.Clone(b.templates)
	first := b.caseTemplate()
	slices.SortStableFunc(order, func(x, y template) int {
		return map[bool]int{true: 0, false: 1}[x.id == first] - map[bool]int{true: 0, false: 1}[y.id == first]
	})
	var sheets []*foreign.Sheet
	for _, t := range order {
		name := t.name
		for taken[name] {
			name += " " + t.id
		}
		taken[name], names[t.id] = true, name
		b.sheets[t.id] = foreign.NewSheet(name, dumpID, dumpTitle, dumpAdded, dumpState, dumpLang)
		sheets = append(sheets, b.sheets[t.id])
	}
	without := 0
	for _, e := range b.entities {
		s, ok := b.sheets[e.template]
		if !ok {
			without++
			continue
		}
		b.row(s.Row(e.no), e, names)
	}
	if without > 0 {
		b.findings = append(b.findings, intake.Finding{File: name, Severity: intake.Warning, What: fmt.Sprintf("%d entities are of a template that is not in templates.bson: they are not taken in", without)})
	}
	links := foreign.NewSheet(connections, dumpID, "hub", "relation", "entity", dumpTitle, "template")
	hubs := map[string][]string{}
	for _, c := range b.connections {
		hubs[c.hub] = append(hubs[c.hub], c.entity)
	}
	for i, c := range b.connections {
		row := links.Row(i + 1)
		row.Set(dumpID, c.id)
		row.Set("hub", c.hub)
		row.Set("relation", b.relations[c.relation])
		row.Set("entity", c.entity)
		if e := b.byID[c.entity]; e != nil {
			_, doc := b.base(e)
			row.Set(dumpTitle, doc.text("title"))
			row.Set("template", names[e.template])
		}
		done := map[string]bool{}
		for _, id := range hubs[c.hub] {
			if e := b.byID[id]; e != nil && names[e.template] != "" && !done[id] {
				done[id] = true
				row.Set(linkHeading+names[e.template], id)
			}
		}
	}
	words := foreign.NewSheet(thesauri, "thesaurus", dumpID, "label", "group")
	for _, t := range b.dictionaries {
		for _, v := range t.values {
			row := words.Row(words.Len() + 1)
			row.Set("thesaurus", t.name)
			row.Set(dumpID, v.id)
			row.Set("label", v.label)
			row.Set("group", v.group)
		}
	}
	t, err := foreign.Table(name, "uwazi-dump", limits, append(sheets, links, words)...)
	if err != nil {
		return nil, err
	}
	return &foreign.File{Table: t, Attached: b.attached(first), Findings: b.findings}, nil
}

// row fills the row of an entity: in its main language, with what the others say
// otherwise beside it.
func (b *dumpSheets) row(row foreign.Row, e *entity, names map[string]string) {
	language, doc := b.base(e)
	row.Set(dumpID, e.id)
	row.Set(dumpTitle, doc.text("title"))
	if ms, ok := number(doc["creationDate"]); ok {
		row.SetDate(dumpAdded, dayOf(ms/1000))
	}
	state := "no"
	if doc["published"] == true {
		state = "yes"
	}
	row.Set(dumpState, state)
	row.Set(dumpLang, language)
	var of template
	for _, t := range b.templates {
		if t.id == e.template {
			of = t
		}
	}
	said := map[string][]string{}
	for _, p := range of.properties {
		said[p.name] = b.property(row, p, p.label, doc)
	}
	for _, l := range b.languages {
		other, ok := e.in[l]
		if !ok || l == language {
			continue
		}
		if title := other.text("title"); title != doc.text("title") {
			row.Set(dumpTitle+"__"+l, title)
		}
		for _, p := range of.properties {
			switch p.kind {
			case "text", "markdown", "link", "nested":
				if v := plainValues(p, other); !slices.Equal(v, said[p.name]) {
					row.Set(p.label+"__"+l, v...)
				}
			}
		}
	}
	for _, t := range b.templates {
		row.Set(linkHeading+names[t.id], b.linked[e.id][t.id]...)
	}
}

// property puts the values of a property under its label.
func (b *dumpSheets) property(row foreign.Row, p property, label string, doc document) []string {
	metadata, _ := doc["metadata"].(document)
	if label == dumpID || label == dumpTitle || label == dumpAdded || label == dumpState || label == dumpLang {
		label += " (" + p.name + ")"
	}
	switch p.kind {
	case "date", "multidate":
		for _, v := range metadata.list(p.name) {
			if s, ok := number(v["value"]); ok {
				row.SetDate(label, dayOf(s))
			}
		}
	case "daterange", "multidaterange":
		for _, v := range metadata.list(p.name) {
			ends, _ := v["value"].(document)
			row.SetDate(label, rangeOf(ends))
		}
	case "select", "multiselect":
		var labels map[string]string
		for _, d := range b.dictionaries {
			if d.id == p.content {
				labels = d.labels
			}
		}
		for _, v := range metadata.list(p.name) {
			row.Set(label, cmp.Or(labels[v.text("value")], v.text("label"), v.text("value")))
		}
	case "relationship":
		for _, v := range metadata.list(p.name) {
			row.Set(label, v.text("label"))
			row.Set(label+" (id)", v.text("value"))
		}
	default:
		out := plainValues(p, doc)
		row.Set(label, out...)
		return out
	}
	return nil
}

// plainValues are values that need nothing but themselves to be read.
func plainValues(p property, doc document) (out []string) {
	metadata, _ := doc["metadata"].(document)
	for _, v := range metadata.list(p.name) {
		inner, ok := v["value"].(document)
		s := text(v["value"])
		switch {
		case ok && p.kind == "geolocation":
			s = inner.text("lat") + "|" + inner.text("lon")
		case ok && p.kind == "link":
			s = inner.text("label") + "|" + inner.text("url")
		case ok: // nested: a row of a table in the entity
			var parts []string
			for _, key := range slices.Sorted(maps.Keys(inner)) {
				items, _ := inner[key].([]any)
				for _, item := range items {
					if t := text(item); t != "" {
						parts = append(parts, key+": "+t)
					}
				}
			}
			s = strings.Join(parts, ", ")
		}
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// dayOf is the day of seconds since 1970: Uwazi keeps days as midnight UTC.
func dayOf(seconds int64) string {
	t := time.Unix(seconds, 0).UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return ""
	}
	return edtf.DayOf(t).String()
}

func rangeOf(ends document) string {
	from, to := "..", ".."
	if s, ok := number(ends["from"]); ok {
		from = dayOf(s)
	}
	if s, ok := number(ends["to"]); ok {
		to = dayOf(s)
	}
	if from == to {
		return strings.Trim(from, ".")
	}
	return from + "/" + to
}

// attached are the files of the entities, of cases and of what is linked to them.
func (b *dumpSheets) attached(caseTemplate string) (out []foreign.Attached) {
	missing := 0
	for _, f := range b.files {
		e := b.byID[f.text("entity")]
		name := f.text("filename")
		if e == nil || name == "" || f.text("type") == "thumbnail" {
			continue
		}
		keys := b.linked[e.id][caseTemplate]
		if e.template == caseTemplate {
			keys = []string{e.id}
		}
		for _, key := range keys {
			a, err := foreign.Attach(b.folder, path.Join("uploaded_documents", name), key)
			for _, dir := range []string{"attachments", "."} {
				if err != nil {
					a, err = foreign.Attach(b.folder, path.Join(dir, name), key)
				}
			}
			if err != nil {
				missing++
				continue
			}
			a.Name = cmp.Or(f.text("originalname"), name)
			if ms, ok := number(f["creationDate"]); ok {
				a.Date = dayOf(ms / 1000)
			}
			out = append(out, a)
		}
	}
	if missing > 0 {
		b.findings = append(b.findings, intake.Finding{File: "files.bson", Severity: intake.Warning, What: fmt.Sprintf("%d files are not in the folder: they are not taken in", missing),
			Want: "Uwazi's folders uploaded_documents and attachments beside the dump"})
	}
	return out
}

// mapDump drafts the mapping of a dump: a case of each row of the first sheet,
// and the rest kept as it was found, with the cases it is linked to.
func mapDump(f *foreign.File, book *codebook.Book) []byte {
	var b strings.Builder
	main := f.Table.Sheets[0]
	b.WriteString("# A draft. Which template holds the cases was guessed: put another name at sheet,\n# and at key of the steps (linked NAME). Map what is under ignore and what its\n# linked sheets hold; what is not mapped stays in the raw rows alone.\nmapping: 1\nname: Uwazi\n")
	fmt.Fprintf(&b, "sheet: %s\nkey: id\n", quote(main.Name))
	text := ""
	var ignored []string
	for _, c := range main.Rows[0].Cells {
		switch c.Text {
		case dumpID, dumpTitle, dumpAdded:
			continue
		}
		long := false
		for i, h := range main.Rows[0].Cells {
			if h.Text != c.Text {
				continue
			}
			for _, row := range main.Rows[1:] {
				long = long || len(row.Text(i)) > 200
			}
		}
		if text == "" && long && !strings.Contains(c.Text, "__") {
			text = c.Text
			continue
		}
		ignored = append(ignored, quote(c.Text))
	}
	fmt.Fprintf(&b, "records:\n- kind: case\n  fields:\n    note: %s\n- kind: report\n  fields:\n    received: %s\n", quote(dumpTitle), quote(dumpAdded))
	if text != "" {
		fmt.Fprintf(&b, "    summary: %s\n", quote(text))
	}
	fmt.Fprintf(&b, "ignore: [%s]\n", strings.Join(ignored, ", "))
	link := linkHeading + main.Name
	steps := 0
	for _, s := range f.Table.Sheets[1:] {
		var ignored []string
		linked := false
		for _, c := range s.Rows[0].Cells {
			if c.Text == link {
				linked = true
			} else if c.Text != dumpID {
				ignored = append(ignored, quote(c.Text))
			}
		}
		if !linked {
			continue
		}
		if steps++; steps == 1 {
			b.WriteString("steps:\n")
		}
		fmt.Fprintf(&b, "- sheet: %s\n  key: %s\n  id: id\n  unmatched: warn\n  records: []\n  ignore: [%s]\n", quote(s.Name), quote(link), strings.Join(ignored, ", "))
	}
	return []byte(b.String())
}

// quote writes a text as a value of YAML.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
