// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

//go:embed words/*.yaml messages/*/*.yaml
var texts embed.FS

// textFiles are where a language's texts are: the few words the language itself
// needs, and the messages of the pages, a file for each part of them.
func textFiles(code string) ([]string, error) {
	messages, err := fs.Glob(texts, "messages/"+code+"/*.yaml")
	return append([]string{"words/" + code + ".yaml"}, messages...), err
}

// codes are the languages in the order in which a page offers them; the first
// is what a reader gets whose own language is not among them.
var codes = [...]string{"en", "ru", "kk"}

// Catalogue holds all languages. It never changes and may be shared.
type Catalogue struct {
	languages []*Language
	matcher   language.Matcher
}

// Language says everything in one language. It never changes and may be shared.
type Language struct {
	code     string
	tag      language.Tag
	texts    map[string]string            // key → text
	plurals  map[string]map[string]string // key → CLDR form → text
	grammar  grammar
	notation notation
	nouns    map[string]noun
}

// Load reads the messages that come with the program.
func Load() (*Catalogue, error) {
	c := &Catalogue{}
	var tags []language.Tag
	for _, code := range codes {
		l := newLanguage(code)
		files, err := textFiles(code)
		if err != nil {
			return nil, fmt.Errorf("locale: %w", err)
		}
		for _, name := range files {
			text, err := texts.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("locale: %w", err)
			}
			if err := l.read(text); err != nil {
				return nil, fmt.Errorf("locale: %s: %w", name, err)
			}
		}
		nouns, err := nounFiles.ReadFile("nouns/" + code + ".yaml")
		if err != nil {
			return nil, fmt.Errorf("locale: %w", err)
		}
		if err := l.readNouns(nouns); err != nil {
			return nil, fmt.Errorf("locale: nouns/%s.yaml: %w", code, err)
		}
		c.languages = append(c.languages, l)
		tags = append(tags, l.tag)
	}
	c.matcher = language.NewMatcher(tags)
	return c, nil
}

func newLanguage(code string) *Language {
	return &Language{
		code:     code,
		tag:      language.MustParse(code),
		texts:    map[string]string{},
		plurals:  map[string]map[string]string{},
		grammar:  grammars[code],
		notation: notations[code],
	}
}

// read adds the messages of one file.
func (l *Language) read(text []byte) error {
	var nodes map[string]yaml.Node
	if err := yaml.Unmarshal(text, &nodes); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(nodes)) {
		node := nodes[key]
		switch {
		case l.Has(key):
			return fmt.Errorf("line %d: %s: there is a message of this key already", node.Line, key)
		case node.Kind == yaml.ScalarNode && strings.TrimSpace(node.Value) != "":
			l.texts[key] = node.Value
		case node.Kind == yaml.MappingNode:
			var forms map[string]string
			if err := node.Decode(&forms); err != nil {
				return fmt.Errorf("line %d: %s: expected a text or the forms of a plural: %w", node.Line, key, err)
			}
			for form := range forms {
				if !slices.Contains(formNames[:], form) {
					return fmt.Errorf("line %d: %s: no plural form %q; expected one of %s", node.Line, key, form, strings.Join(formNames[:], ", "))
				}
			}
			l.plurals[key] = forms
		default:
			return fmt.Errorf("line %d: %s: expected a text or the forms of a plural", node.Line, key)
		}
	}
	return nil
}

// Languages returns all languages in the order in which a page offers them.
func (c *Catalogue) Languages() []*Language { return slices.Clone(c.languages) }

// Lookup returns the language of a code as "ru".
func (c *Catalogue) Lookup(code string) (*Language, bool) {
	for _, l := range c.languages {
		if l.code == code {
			return l, true
		}
	}
	return nil, false
}

// Lang returns the language of a code as "ru", English for any that is not spoken here.
func (c *Catalogue) Lang(code string) *Language {
	if l, ok := c.Lookup(code); ok {
		return l
	}
	return c.languages[0]
}

// Match returns the language that suits an Accept-Language header best.
func (c *Catalogue) Match(acceptLanguage string) *Language {
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil { // a header that cannot be read states no wish
		return c.languages[0]
	}
	_, best, _ := c.matcher.Match(wanted...)
	return c.languages[best]
}

// formNames are the plural forms as CLDR names them, by the number x/text gives them.
var formNames = [...]string{
	plural.Other: "other", plural.Zero: "zero", plural.One: "one",
	plural.Two: "two", plural.Few: "few", plural.Many: "many",
}

// Code returns the language's code, "ru"; it is also what the lang attribute takes.
func (l *Language) Code() string { return l.code }

// Name returns the language's name in itself.
func (l *Language) Name() string { return l.notation.name }

// Has reports whether there is a message of that key.
func (l *Language) Has(key string) bool {
	_, text := l.texts[key]
	_, forms := l.plurals[key]
	return text || forms
}

// Keys returns the keys of all messages, sorted.
func (l *Language) Keys() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for key := range l.texts {
			if !yield(key) {
				return
			}
		}
		for key := range l.plurals {
			if !yield(key) {
				return
			}
		}
	})
}

// T returns the message of a key with its arguments in place, or the key
// itself where there is no such message.
func (l *Language) T(key string, args ...any) string {
	text, ok := l.texts[key]
	if !ok {
		return key
	}
	return l.fill(text, nil, args)
}

// N returns the form of a message that goes with the number n, or the key
// itself where there is no such message. {n} in the message is the number.
func (l *Language) N(key string, n int, args ...any) string {
	forms, ok := l.plurals[key]
	if !ok {
		return key
	}
	text, ok := forms[formNames[l.form(n)]]
	if !ok {
		text, ok = forms["other"]
	}
	if !ok {
		return key
	}
	return l.fill(text, &n, args)
}

// form returns the plural form that goes with a whole number.
func (l *Language) form(n int) plural.Form {
	return plural.Cardinal.MatchPlural(l.tag, max(n, -n), 0, 0, 0, 0)
}

// fill puts the arguments in place in one pass, so that braces within an
// argument stay what they are.
func (l *Language) fill(text string, n *int, args []any) string {
	if !strings.Contains(text, "{") {
		return text
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, ok := strings.Cut(rest, "}")
		switch i := argument(name); {
		case ok && name == "n" && n != nil:
			b.WriteString(l.Number(*n))
		case ok && i >= 0 && i < len(args):
			b.WriteString(l.Text(args[i]))
		default: // not a placeholder
			b.WriteByte('{')
			after = rest
		}
		text = after
	}
}

// argument returns the index a placeholder of one digit names, or -1.
func argument(name string) int {
	if len(name) != 1 || name[0] < '0' || name[0] > '9' {
		return -1
	}
	return int(name[0] - '0')
}
