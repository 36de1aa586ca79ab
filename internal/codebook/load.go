// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/kua-registry/kua/internal/edtf"
)

// Data is the codebook that ships with the program.
//
//go:embed data
var Data embed.FS

// Load reads a codebook and lays packs and an installation's extensions over it, in the order given. Each is a
// tree of files: groups.yaml, common.yaml, kinds/*.yaml, lists/*.yaml, rules/*.yaml, letters/*.yaml, exports/*.yaml and, in a pack, pack.yaml;
// the tree may stand in a folder named data. Unknown keys, names that are not there and anything defined twice
// are refused with the file and the place.
func Load(fsys fs.FS, packs ...fs.FS) (*Book, error) {
	l := &loader{
		book:   &Book{kind: map[string]*Kind{}, list: map[string]*List{}, letters: Letters{Shared: map[string][]PassageDef{}, Picks: map[string]PickDef{}}},
		common: map[string]Field{},
		origin: map[string]string{},
	}
	for i, tree := range append([]fs.FS{fsys}, packs...) {
		if sub, err := fs.Sub(tree, "data"); err == nil {
			if _, err := fs.Stat(sub, "."); err == nil {
				tree = sub
			}
		}
		l.base = i == 0
		if err := l.tree(tree); err != nil {
			return nil, fmt.Errorf("codebook: %w", err)
		}
	}
	if err := l.finish(); err != nil {
		return nil, fmt.Errorf("codebook: %w", err)
	}
	return l.book, nil
}

type loader struct {
	book   *Book
	common map[string]Field
	origin map[string]string // "kind person", "field person.sex", "code region KZ-10" … → file that defines it
	base   bool              // reading the codebook itself, not a pack or extension
}

// UnmarshalYAML reads a label as [English, Russian, Kazakh], or as a mapping for extensions that know fewer languages.
func (l *Label) UnmarshalYAML(n *yaml.Node) error {
	switch n.Kind {
	case yaml.SequenceNode:
		if len(n.Content) != 3 {
			return fmt.Errorf("line %d: a label is [English, Russian, Kazakh]; here are %d texts", n.Line, len(n.Content))
		}
		for i, to := range []*string{&l.En, &l.Ru, &l.Kk} {
			*to = n.Content[i].Value
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			v := n.Content[i+1].Value
			switch key := n.Content[i].Value; key {
			case "en":
				l.En = v
			case "ru":
				l.Ru = v
			case "kk":
				l.Kk = v
			default:
				return fmt.Errorf("line %d: a label has the languages en, ru and kk, not %q", n.Content[i].Line, key)
			}
		}
	default:
		return fmt.Errorf("line %d: a label is [English, Russian, Kazakh]", n.Line)
	}
	if l.En == "" {
		return fmt.Errorf("line %d: a label needs at least its English text", n.Line)
	}
	return nil
}

// decode reads one YAML document strictly; errors name the file and the line.
func decode(file string, data []byte, into any) error {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		if errors.Is(err, io.EOF) {
			return nil // an empty file says nothing
		}
		return fmt.Errorf("%s: %s", file, strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: ")), " "))
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: only one YAML document may stand in the file", file)
	}
	return nil
}

func (l *loader) tree(fsys fs.FS) error {
	one := func(name string, into any) (bool, error) {
		data, err := fs.ReadFile(fsys, name)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		return true, decode(name, data, into)
	}
	var groups struct {
		Groups []Group `yaml:"groups"`
	}
	if _, err := one("groups.yaml", &groups); err != nil {
		return err
	}
	for _, g := range groups.Groups {
		if err := l.define("group "+g.ID, g.ID, "groups.yaml"); err != nil {
			return err
		}
		l.book.groups = append(l.book.groups, g)
	}
	var common struct {
		Fields []Field `yaml:"fields"`
	}
	if _, err := one("common.yaml", &common); err != nil {
		return err
	}
	for _, f := range common.Fields {
		if err := l.define("common field "+f.ID, f.ID, "common.yaml"); err != nil {
			return err
		}
		l.common[f.ID] = f
	}
	// Reading YAML is what starting the program spends its time on: all files at once, then in order what they say.
	var reading sync.WaitGroup
	lists, err := parseAll(&reading, fsys, "lists", func(file string, data []byte) ([]*List, error) {
		var f struct {
			Lists []*List `yaml:"lists"`
		}
		err := decode(file, data, &f)
		return f.Lists, err
	})
	if err != nil {
		return err
	}
	kinds, err := parseAll(&reading, fsys, "kinds", func(file string, data []byte) ([]*Kind, error) {
		var f struct {
			Kinds []*Kind `yaml:"kinds"`
		}
		err := decode(file, data, &f)
		return f.Kinds, err
	})
	if err != nil {
		return err
	}
	rules, err := parseAll(&reading, fsys, "rules", parseRules)
	if err != nil {
		return err
	}
	letters, err := parseAll(&reading, fsys, "letters", parseLetters)
	if err != nil {
		return err
	}
	purposes, err := parseAll(&reading, fsys, "exports", parsePurposes)
	if err != nil {
		return err
	}
	reading.Wait()
	for _, f := range lists {
		if f.err != nil {
			return f.err
		}
		for _, list := range f.value {
			if err := l.addList(f.file, list); err != nil {
				return err
			}
		}
	}
	for _, f := range kinds {
		if f.err != nil {
			return f.err
		}
		for _, kind := range f.value {
			if err := l.addKind(f.file, kind); err != nil {
				return err
			}
		}
	}
	for _, f := range rules {
		if f.err != nil {
			return f.err
		}
		for _, d := range f.value {
			if err := l.define("rule "+d.ID, d.ID, f.file); err != nil {
				return err
			}
		}
		l.book.rules = append(l.book.rules, f.value...)
	}
	for _, f := range purposes {
		if f.err != nil {
			return f.err
		}
		for _, p := range f.value {
			if err := l.addPurpose(f.file, p); err != nil {
				return err
			}
		}
	}
	for _, f := range letters {
		if f.err != nil {
			return f.err
		}
		if err := l.addLetters(f.file, f.value); err != nil {
			return err
		}
	}
	var pack Pack
	found, err := one("pack.yaml", &pack)
	if err != nil {
		return err
	}
	if found {
		if err := l.define("pack "+pack.ID, pack.ID, "pack.yaml"); err != nil {
			return err
		}
		l.book.packs = append(l.book.packs, &pack)
		if err := pack.call(l.book); err != nil {
			return fmt.Errorf("pack.yaml: pack %s: %w", pack.ID, err)
		}
	}
	return nil
}

// parsed is what a file of a folder says.
type parsed[T any] struct {
	file  string
	value T
	err   error
}

// parseAll starts reading every YAML file of a folder and returns them by name; they are there when reading is
// done. A folder that is not there is empty.
func parseAll[T any](reading *sync.WaitGroup, fsys fs.FS, dir string, parse func(file string, data []byte) (T, error)) ([]parsed[T], error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return e.IsDir() || !strings.HasSuffix(e.Name(), ".yaml")
	})
	out := make([]parsed[T], len(entries))
	for i, e := range entries {
		f := &out[i]
		f.file = dir + "/" + e.Name()
		reading.Go(func() {
			data, err := fs.ReadFile(fsys, f.file)
			if err != nil {
				f.err = err
				return
			}
			f.value, f.err = parse(f.file, data)
		})
	}
	return out, nil
}

// name is what ids and codes look like: they stand in files, addresses and expressions.
var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`)

// define notes who defines a name and refuses a second definition: what is there keeps its meaning.
func (l *loader) define(what, id, file string) error {
	if !name.MatchString(id) {
		return fmt.Errorf("%s: %s: an id is made of the letters a to z, digits and . _ + -", file, what)
	}
	if by, ok := l.origin[what]; ok {
		return fmt.Errorf("%s: %s is defined already in %s and keeps its meaning; choose another id", file, what, by)
	}
	l.origin[what] = file
	return nil
}

func (l *loader) addList(file string, list *List) error {
	if list == nil {
		return fmt.Errorf("%s: a list is empty", file)
	}
	if list.Extend {
		old, ok := l.book.list[list.ID]
		switch {
		case !ok:
			return fmt.Errorf("%s: list %s: there is no such list to extend", file, list.ID)
		case old.Closed:
			return fmt.Errorf("%s: list %s is closed: the program gives its codes a meaning, none can be added", file, list.ID)
		case list.Label != Label{} || list.Closed:
			return fmt.Errorf("%s: list %s: an extension adds codes and nothing else", file, list.ID)
		}
		if err := l.defineCodes(file, list); err != nil {
			return err
		}
		old.Codes = append(old.Codes, list.Codes...)
		return nil
	}
	if err := l.define("list "+list.ID, list.ID, file); err != nil {
		return err
	}
	if list.Label == (Label{}) {
		return fmt.Errorf("%s: list %s has no label", file, list.ID)
	}
	l.book.list[list.ID] = list
	l.book.lists = append(l.book.lists, list)
	return l.defineCodes(file, list)
}

func (l *loader) defineCodes(file string, list *List) error {
	for _, c := range list.Codes {
		if by, ok := l.origin["code "+c.Code+" of list standard"]; ok && !list.Closed {
			return fmt.Errorf("%s: list %s: code %s stands in every list already (%s)", file, list.ID, c.Code, by)
		}
		if err := l.define("code "+c.Code+" of list "+list.ID, c.Code, file); err != nil {
			return err
		}
		if c.Label == (Label{}) {
			return fmt.Errorf("%s: list %s: code %s has no label", file, list.ID, c.Code)
		}
		for _, day := range []string{c.From, c.Until} {
			if day == "" {
				continue
			}
			if _, err := edtf.ParseDay(day); err != nil {
				return fmt.Errorf("%s: list %s: code %s: %w", file, list.ID, c.Code, err)
			}
		}
		if c.From != "" && c.Until != "" && c.From > c.Until {
			return fmt.Errorf("%s: list %s: code %s: valid from %s, after it ends on %s", file, list.ID, c.Code, c.From, c.Until)
		}
	}
	return nil
}

func (l *loader) addKind(file string, kind *Kind) error {
	if kind == nil {
		return fmt.Errorf("%s: a kind is empty", file)
	}
	if kind.Extend {
		old, ok := l.book.kind[kind.ID]
		if !ok {
			return fmt.Errorf("%s: kind %s: there is no such kind to extend", file, kind.ID)
		}
		if kind.Label != (Label{}) || kind.Plural != (Label{}) || kind.Help != (Label{}) || kind.Group != "" ||
			kind.Scope != "" || kind.Date != "" || kind.Title != nil || kind.Common != nil {
			return fmt.Errorf("%s: kind %s: an extension adds fields and nothing else", file, kind.ID)
		}
		for _, f := range kind.Fields {
			if f.Required {
				return fmt.Errorf("%s: kind %s: field %s: an added field cannot be required: records written before have none", file, kind.ID, f.ID)
			}
		}
		old.Fields = append(old.Fields, kind.Fields...)
		return l.defineFields(file, old, kind.Fields)
	}
	if err := l.define("kind "+kind.ID, kind.ID, file); err != nil {
		return err
	}
	for _, id := range kind.Common {
		f, ok := l.common[id]
		if !ok {
			return fmt.Errorf("%s: kind %s: there is no common field %s", file, kind.ID, id)
		}
		kind.Fields = append(kind.Fields, f)
	}
	l.book.kind[kind.ID] = kind
	l.book.kinds = append(l.book.kinds, kind)
	return l.defineFields(file, kind, kind.Fields)
}

func (l *loader) defineFields(file string, k *Kind, fields []Field) error {
	for _, f := range fields {
		if err := l.define("field "+f.ID+" of kind "+k.ID, f.ID, file); err != nil {
			return err
		}
		if err := checkField(f); err != nil {
			return fmt.Errorf("%s: kind %s: field %s: %w", file, k.ID, f.ID, err)
		}
	}
	return nil
}

func checkField(f Field) error {
	switch {
	case f.Label == Label{}:
		return errors.New("has no label")
	case f.Class != Fact && f.Class != Identity:
		return fmt.Errorf("class is fact or identity, not %q; when in doubt, identity", f.Class)
	case !slices.Contains([]Type{Text, Prose, Code, Date, Number, Share, YesNo, Ref}, f.Type):
		return fmt.Errorf("there is no type %q", f.Type)
	case (f.Type == Code) != (f.List != ""):
		return errors.New("a field of type code, and no other, names its list")
	case (f.Type == Ref) != (f.RefKind != ""):
		return errors.New("a field of type ref, and no other, names the kind it refers to in ref_kind")
	case !slices.Contains([]string{"", "main", "where", "more", "words", "known"}, f.Section):
		return fmt.Errorf("a form has no section %q", f.Section)
	case f.Unit != "" && f.Type != Number:
		return errors.New("only a number has a unit")
	case f.Max != 0 && f.Type != Text && f.Type != Prose:
		return errors.New("only a text has a longest length")
	}
	return nil
}

// finish checks what can only be checked when everything is read, and builds the look-ups.
func (l *loader) finish() error {
	b := l.book
	standard, ok := b.list["standard"]
	if !ok {
		return errors.New("lists: there is no list standard, which holds the codes that stand in every list: other, unknown, not_asked, declined")
	}
	if list, ok := b.list["our_figure"]; ok {
		list.Codes = b.figureCodes()
	}
	for _, list := range b.lists {
		if !list.Closed {
			list.Codes = append(list.Codes, standard.Codes...)
		}
		list.index = make(map[string]int, len(list.Codes))
		for i, c := range list.Codes {
			list.index[c.Code] = i
		}
		for _, c := range list.Codes {
			if err := checkParents(list, c); err != nil {
				return fmt.Errorf("%s: %w", l.origin["code "+c.Code+" of list "+list.ID], err)
			}
		}
	}
	slices.SortFunc(b.lists, func(x, y *List) int { return strings.Compare(x.ID, y.ID) })

	order := map[string]int{}
	for i, g := range b.groups {
		order[g.ID] = i
	}
	for _, k := range b.kinds {
		if err := l.finishKind(k, order); err != nil {
			return fmt.Errorf("%s: kind %s: %w", l.origin["kind "+k.ID], k.ID, err)
		}
	}
	slices.SortStableFunc(b.kinds, func(x, y *Kind) int { return order[x.Group] - order[y.Group] })

	for i := range b.rules {
		if err := b.checkStep(&b.rules[i]); err != nil {
			return fmt.Errorf("%s: rule %s: %w", b.rules[i].File, b.rules[i].ID, err)
		}
	}
	for _, p := range b.purposes {
		if err := l.finishPurpose(p); err != nil {
			return fmt.Errorf("%s: purpose %s: %w", l.origin["purpose "+p.ID], p.ID, err)
		}
	}
	for _, p := range b.packs {
		if err := p.check(b); err != nil {
			return fmt.Errorf("pack.yaml: pack %s: %w", p.ID, err)
		}
	}
	return nil
}

// figureCodes are the figures of the rules as codes, in the order in which they are shown, without the links of the way,
// which nobody else counts: what others publish can stand beside them.
func (b *Book) figureCodes() []ListCode {
	var figures []RuleDef
	for _, r := range b.rules {
		if r.Use == Figure && !slices.Equal(r.Sets, []string{"flow"}) {
			figures = append(figures, r)
		}
	}
	slices.SortStableFunc(figures, func(x, y RuleDef) int { return x.Place - y.Place })
	var out []ListCode
	for _, r := range figures {
		out = append(out, ListCode{Code: r.ID, Label: r.Label})
	}
	return out
}

func checkParents(list *List, c ListCode) error {
	at := c.Code
	for range list.Codes {
		p, ok := list.Code(at)
		if !ok {
			return fmt.Errorf("list %s: code %s: there is no code %s for it to belong to", list.ID, c.Code, at)
		}
		if p.Parent == "" {
			return nil
		}
		at = p.Parent
	}
	return fmt.Errorf("list %s: code %s belongs to itself in a circle", list.ID, c.Code)
}

func (l *loader) finishKind(k *Kind, groups map[string]int) error {
	if k.Label == (Label{}) || k.Plural == (Label{}) {
		return errors.New("needs label and plural")
	}
	if _, ok := groups[k.Group]; !ok {
		return fmt.Errorf("there is no group %q", k.Group)
	}
	if k.Scope != InCase && k.Scope != Outside {
		return fmt.Errorf("scope is case or outside, not %q", k.Scope)
	}
	k.index = make(map[string]int, len(k.Fields))
	k.other = map[string]*Field{}
	for i, f := range k.Fields {
		k.index[f.ID] = i
		switch f.Type {
		case Code:
			list, ok := l.book.list[f.List]
			if !ok {
				return fmt.Errorf("field %s: there is no list %s", f.ID, f.List)
			}
			if !list.Closed {
				k.other[f.ID+"_other"] = &Field{
					ID: f.ID + "_other", Type: Text, Class: Identity, Many: f.Many, OtherOf: f.ID,
					Label: Label{
						En: f.Label.En + ": in words",
						Ru: f.Label.Ru + ": словами",
						Kk: f.Label.Kk + ": сөзбен",
					},
				}
			}
		case Ref:
			if _, ok := l.book.kind[f.RefKind]; !ok {
				return fmt.Errorf("field %s: there is no kind %s to refer to", f.ID, f.RefKind)
			}
		}
	}
	for id := range k.other {
		if _, ok := k.index[id]; ok {
			return fmt.Errorf("field %s takes the name under which the words behind %s are kept", id, strings.TrimSuffix(id, "_other"))
		}
	}
	for _, id := range k.DateFields() {
		i, ok := k.index[id]
		if !ok || k.Fields[i].Type != Date || k.Fields[i].Many {
			return fmt.Errorf("date: %s is not a field of type date with one value", id)
		}
	}
	for _, id := range k.Title {
		if _, ok := k.index[id]; !ok {
			return fmt.Errorf("title: there is no field %s", id)
		}
	}
	return nil
}
