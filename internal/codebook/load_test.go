// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/packs/kg"
	"github.com/kua-registry/kua/packs/kz"
)

func book(t testing.TB, extensions ...fs.FS) *codebook.Book {
	t.Helper()
	b, err := codebook.Load(codebook.Data, append([]fs.FS{kz.Data}, extensions...)...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// each runs a test for the codebook with each of the packs that ship with the program.
func each(t *testing.T, test func(t *testing.T, b *codebook.Book)) {
	t.Helper()
	for id, data := range map[string]fs.FS{"kz": kz.Data, "kg": kg.Data} {
		b, err := codebook.Load(codebook.Data, data)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(id, func(t *testing.T) { test(t, b) })
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := codebook.Load(codebook.Data, kz.Data); err != nil {
			b.Fatal(err)
		}
	}
}

func TestLoadsWithoutPacks(t *testing.T) {
	// The rules that ship may name codes of no pack: what ships must stand alone.
	if _, err := codebook.Load(codebook.Data); err != nil {
		t.Fatal(err)
	}
}

func tree(files map[string]string) fs.FS {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

// TestExtend: an installation adds fields, codes, kinds and lists without a rebuild.
func TestExtend(t *testing.T) {
	b := book(t, tree(map[string]string{
		"lists/own.yaml": `
lists:
- id: method
  extend: true
  codes:
  - {code: x-cold-shower, label: [Cold shower, Холодный душ, Суық душ], group: deprivation, aliases: [ice water]}
- id: x-colour
  label: [Colour of the folder, Цвет папки, Папканың түсі]
  codes:
  - {code: red, label: {en: Red}}
`,
		"kinds/own.yaml": `
kinds:
- id: person
  extend: true
  fields:
  - {id: x-folder, label: [Folder, Папка, Папка], type: code, list: x-colour, class: fact}
- id: x-meeting
  label: [Meeting, Встреча, Кездесу]
  plural: [Meetings, Встречи, Кездесулер]
  group: work
  scope: case
  date: held
  title: [held]
  fields:
  - {id: held, label: [Held on, Проведена, Өткен күні], type: date, class: fact}
`,
	}))
	if got := b.Label("method", "x-cold-shower", "kk"); got != "Суық душ" {
		t.Errorf("label of the added code: %q", got)
	}
	methods, _ := b.List("method")
	if code, ok := methods.Find("Ice-water"); !ok || code != "x-cold-shower" {
		t.Errorf("alias of the added code: %q, %v", code, ok)
	}
	if got := b.Label("x-colour", "red", "kk"); got != "Red" {
		t.Errorf("a label without Kazakh falls back to English, not %q", got)
	}
	if p := b.Validate("person", map[string][]string{"role": {"victim"}, "x-folder": {"red"}}); p != nil {
		t.Errorf("added field: %v", p)
	}
	if p := b.Validate("x-meeting", map[string][]string{"held": {"2022-06~"}}); p != nil {
		t.Errorf("added kind: %v", p)
	}
}

// TestRefuses: what ships keeps its meaning, and every complaint names the file and the place.
func TestRefuses(t *testing.T) {
	field := func(s string) map[string]string {
		return map[string]string{"kinds/own.yaml": "kinds:\n- id: person\n  extend: true\n  fields:\n  - " + s + "\n"}
	}
	list := func(s string) map[string]string {
		return map[string]string{"lists/own.yaml": "lists:\n" + s + "\n"}
	}
	tests := []struct {
		name  string
		files map[string]string
		want  []string // must stand in the error
	}{
		{"a field again", field("{id: sex, label: [Sex, Пол, Жынысы], type: text, class: fact}"),
			[]string{"kinds/own.yaml", "field sex of kind person", "defined already in kinds/1-people.yaml"}},
		{"a code again", list("- {id: sex, extend: true, codes: [{code: f, label: [Male, Мужской, Ер]}]}"),
			[]string{"lists/own.yaml", "code f of list sex", "lists/1-people.yaml"}},
		{"a standing code again", list("- {id: sex, extend: true, codes: [{code: unknown, label: [Whatever, Что угодно, Бәрібір]}]}"),
			[]string{"lists/own.yaml", "unknown", "sex"}},
		{"a list again", list("- {id: sex, label: [Sex, Пол, Жынысы]}"),
			[]string{"lists/own.yaml", "list sex", "defined already"}},
		{"a kind again", map[string]string{"kinds/own.yaml": "kinds:\n- {id: person, label: [P, Л, А], plural: [P, Л, А], group: people, scope: case}\n"},
			[]string{"kinds/own.yaml", "kind person", "defined already"}},
		{"a kind's date", map[string]string{"kinds/own.yaml": "kinds:\n- {id: report, extend: true, date: other}\n"},
			[]string{"kinds/own.yaml", "kind report", "adds fields and nothing else"}},
		{"a list's label", list("- {id: sex, extend: true, label: [S, П, Ж]}"),
			[]string{"lists/own.yaml", "list sex", "adds codes and nothing else"}},
		{"a closed list", list("- {id: stage, extend: true, codes: [{code: x, label: [X, Икс, Икс]}]}"),
			[]string{"lists/own.yaml", "stage", "closed"}},
		{"a required field", field("{id: x, label: [X, Икс, Икс], type: text, class: fact, required: true}"),
			[]string{"kinds/own.yaml", "person", "x", "cannot be required"}},
		{"an unknown key", field("{id: x, label: [X, Икс, Икс], type: text, class: fact, colour: red}"),
			[]string{"kinds/own.yaml", "line 5", "colour"}},
		{"an unknown type", field("{id: x, label: [X, Икс, Икс], type: colour, class: fact}"),
			[]string{"kinds/own.yaml", "person", "x", "colour"}},
		{"no class", field("{id: x, label: [X, Икс, Икс], type: text}"),
			[]string{"kinds/own.yaml", "person", "x", "class"}},
		{"no list", field("{id: x, label: [X, Икс, Икс], type: code, class: fact, list: nowhere}"),
			[]string{"kind person", "x", "no list nowhere"}},
		{"no such kind", field("{id: x, label: [X, Икс, Икс], type: ref, class: fact, ref_kind: nowhere}"),
			[]string{"kind person", "x", "no kind nowhere"}},
		{"a taken companion", field("{id: sex_other, label: [X, Икс, Икс], type: text, class: identity}"),
			[]string{"kind person", "sex_other"}},
		{"two languages", field("{id: x, label: [X, Икс], type: text, class: fact}"),
			[]string{"kinds/own.yaml", "line 5", "[English, Russian, Kazakh]"}},
		{"a fourth language", field("{id: x, label: {en: X, uz: X}, type: text, class: fact}"),
			[]string{"kinds/own.yaml", "line 5", "uz"}},
		{"broken YAML", map[string]string{"lists/own.yaml": "lists: [\n"},
			[]string{"lists/own.yaml", "line"}},
		{"two documents", map[string]string{"lists/own.yaml": "lists: []\n---\nlists: []\n"},
			[]string{"lists/own.yaml", "one YAML document"}},
		{"an empty kind", map[string]string{"kinds/own.yaml": "kinds: [null]\n"}, []string{"kinds/own.yaml", "empty"}},
		{"an empty list", list("- ~"), []string{"lists/own.yaml", "empty"}},
		{"no such parent", list("- {id: body, extend: true, codes: [{code: x, label: [X, Икс, Икс], parent: nowhere}]}"),
			[]string{"lists/own.yaml", "body", "x", "nowhere"}},
		{"a circle", list("- {id: body, extend: true, codes: [{code: x, label: [X, Икс, Икс], parent: y}, {code: y, label: [Y, Игрек, Игрек], parent: x}]}"),
			[]string{"lists/own.yaml", "body", "circle"}},
		{"a bad day", list("- {id: region, extend: true, codes: [{code: x, label: [X, Икс, Икс], from: 2022-13-01}]}"),
			[]string{"lists/own.yaml", "region", "x"}},
		{"a bad id", list("- {id: \"a b\", label: [X, Икс, Икс]}"),
			[]string{"lists/own.yaml", "a b"}},
		{"a pack without its mark", map[string]string{"pack.yaml": "id: xx\nlabel: [X, Икс, Икс]\nstatus: unreviewed\ncounting: {basis: law, conf: K}\n"},
			[]string{"pack.yaml", "xx", "warning"}},
		{"a pack sure of nothing", map[string]string{"pack.yaml": "id: xx\nlabel: [X, Икс, Икс]\nstatus: reviewed\ncounting: {basis: law, conf: Z}\n"},
			[]string{"pack.yaml", "xx", "counting", "conf"}},
		{"a pack with a stray key", map[string]string{"pack.yaml": "id: xx\ncolour: red\n"},
			[]string{"pack.yaml", "line 2", "colour"}},
		{"the pack twice", map[string]string{"pack.yaml": "id: kz\n"},
			[]string{"pack.yaml", "pack kz", "defined already"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := codebook.Load(codebook.Data, kz.Data, tree(test.files))
			if err == nil {
				t.Fatal("was taken")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not name %q: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error is more than one line: %v", err)
			}
		})
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("kinds:\n- {id: person, extend: true, fields: [{id: x, label: [X, Y, Z], type: text, class: fact}]}", "lists: []", "id: xx")
	f.Add("kinds: []", "lists:\n- {id: x, label: {en: X}, codes: [{code: a, label: [A, B, C], parent: a}]}", "status: reviewed")
	base := tree(map[string]string{
		"groups.yaml":   "groups: [{id: people, label: [People, Люди, Адамдар]}]",
		"lists/a.yaml":  "lists:\n- {id: standard, label: [S, С, С], closed: true, codes: [{code: other, label: [Other, Иное, Өзге]}]}",
		"kinds/a.yaml":  "kinds:\n- {id: person, label: [P, Л, А], plural: [P, Л, А], group: people, scope: case, fields: [{id: a, label: [A, А, А], type: text, class: identity}]}",
		"common.yaml":   "",
		"rules/a.yaml":  "",
		"lists/b.txt":   "not read",
		"rules/b/c.yml": "not read",
	})
	f.Fuzz(func(t *testing.T, kinds, lists, pack string) {
		b, err := codebook.Load(base, tree(map[string]string{"kinds/x.yaml": kinds, "lists/x.yaml": lists, "pack.yaml": pack}))
		if err == nil {
			b.Validate("person", map[string][]string{"a": {"x"}})
		}
	})
}
