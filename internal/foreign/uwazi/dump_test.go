// SPDX-License-Identifier: AGPL-3.0-or-later

package uwazi

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/foreigntest"
	"github.com/kua-registry/kua/internal/intake"
)

// TestRealDump holds the counts of a real dump, by its own ids.
func TestRealDump(t *testing.T) {
	folder, err := fs.Sub(samples(t), "dump")
	must(t, err)
	d, err := loadDump(folder, intake.Limits{})
	must(t, err)
	hubs, published, perLanguage := map[string]bool{}, 0, map[string]int{}
	for _, c := range d.connections {
		hubs[c.hub] = true
	}
	for _, e := range d.entities {
		for l, doc := range e.in {
			perLanguage[l]++
			if doc["published"] == true {
				published++
			}
		}
	}
	if fmt.Sprint(d.rows, len(d.entities), perLanguage, len(d.connections), len(hubs), published) != "891 297 map[ar:297 en:297 es:297] 1571 576 876" {
		t.Error(d.rows, len(d.entities), perLanguage, len(d.connections), len(hubs), published)
	}
	for _, v := range d.dictionaries {
		if v.name == "Descriptores" && len(v.values) != 97 {
			t.Errorf("%d descriptors", len(v.values))
		}
	}
	imp, file, findings := foreigntest.Import(t, Dump(), folder, ".")
	rows := map[string]int{}
	for _, s := range file.Table.Sheets {
		rows[s.Name] = len(s.Rows) - 1
	}
	for name, n := range map[string]int{"Causa": 12, "Sentencia de la corte": 14, "Informe de admisibilidad": 7, "Juez y/o Comisionado": 136, "País": 30, connections: 1571} {
		if rows[name] != n {
			t.Errorf("%s: %d rows, expected %d", name, rows[name], n)
		}
	}
	if n := rows["Ordenes de la corte"] + rows["Ordenes del presidente"]; n != 72 {
		t.Errorf("%d orders in %v", n, rows)
	}
	cases := file.Table.Sheets[0]
	state := map[string]int{}
	for _, c := range under(t, cases, "Estado") {
		state[c.Text]++
	}
	torture := 0
	for _, c := range under(t, cases, "Descriptores") {
		if slices.Contains(values(c), "Tortura y tratos crueles, inhumanos o degradantes") {
			torture++
		}
	}
	if len(imp.Rows) != 12 || state["Activo"] != 11 || state["Cerrado"] != 1 || torture != 2 {
		t.Errorf("%d cases, %v, %d of torture", len(imp.Rows), state, torture)
	}
	// What is no case is told, sheet by sheet, and what is linked to one lies with it.
	told := fmt.Sprint(findings)
	for _, want := range []string{"sheet Juez y/o Comisionado", "sheet País", "sheet Thesauri: the sheet is not in the mapping"} {
		if !strings.Contains(told, want) {
			t.Errorf("%s is not told: %s", want, told)
		}
	}
	kept := 0
	for _, row := range imp.Rows {
		for _, r := range row.Records {
			if r.Kind == "import_row" && slices.Equal(r.Fields["sheet"], []string{connections}) {
				kept++
			}
		}
	}
	if kept == 0 {
		t.Error("no connection is kept with its case")
	}
}

// small is a dump of an installation that does not exist.
func small(t testing.TB) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	put := func(name string, docs ...bson.D) {
		var all []byte
		for _, d := range docs {
			b, err := bson.Marshal(d)
			must(t, err)
			all = append(all, b...)
		}
		out[name+".bson"] = &fstest.MapFile{Data: all}
	}
	val := func(v any) bson.A { return bson.A{bson.D{{Key: "value", Value: v}}} }
	put("templates",
		bson.D{{Key: "_id", Value: "t2"}, {Key: "name", Value: "Judge"}},
		bson.D{{Key: "_id", Value: "t1"}, {Key: "name", Value: "Case"}, {Key: "properties", Value: bson.A{
			bson.D{{Key: "name", Value: "when"}, {Key: "label", Value: "When"}, {Key: "type", Value: "daterange"}},
			bson.D{{Key: "name", Value: "where"}, {Key: "label", Value: "Where"}, {Key: "type", Value: "geolocation"}},
			bson.D{{Key: "name", Value: "kind"}, {Key: "label", Value: "Kind"}, {Key: "type", Value: "multiselect"}, {Key: "content", Value: "d1"}},
		}}})
	put("dictionaries", bson.D{{Key: "_id", Value: "d1"}, {Key: "name", Value: "Kinds"}, {Key: "values", Value: bson.A{
		bson.D{{Key: "id", Value: "v1"}, {Key: "label", Value: "Group"}, {Key: "values", Value: bson.A{bson.D{{Key: "id", Value: "v2"}, {Key: "label", Value: "One"}}}}},
		bson.D{{Key: "id", Value: "v3"}, {Key: "label", Value: "Two"}}}}})
	entity := func(id, template, language, title string, metadata bson.D) bson.D {
		return bson.D{{Key: "sharedId", Value: id}, {Key: "template", Value: template}, {Key: "language", Value: language}, {Key: "title", Value: title},
			{Key: "published", Value: true}, {Key: "creationDate", Value: int64(1641340800000)}, {Key: "metadata", Value: metadata}}
	}
	said := bson.D{
		{Key: "when", Value: val(bson.D{{Key: "from", Value: 1641340800.0}, {Key: "to", Value: nil}})},
		{Key: "where", Value: val(bson.D{{Key: "lat", Value: 0.0}, {Key: "lon", Value: 0.0}})},
		{Key: "kind", Value: bson.A{bson.D{{Key: "value", Value: "v2"}}, bson.D{{Key: "value", Value: "v3"}}}},
	}
	put("entities", entity("c1", "t1", "ru", "Дело", said), entity("c1", "t1", "en", "A case", said), entity("j1", "t2", "en", "A judge", nil), entity("j2", "t2", "en", "Another judge", nil))
	put("connections",
		bson.D{{Key: "_id", Value: "x1"}, {Key: "entity", Value: "c1"}, {Key: "hub", Value: "h1"}, {Key: "template", Value: nil}},
		bson.D{{Key: "_id", Value: "x2"}, {Key: "entity", Value: "j1"}, {Key: "hub", Value: "h1"}, {Key: "template", Value: "r1"}})
	put("relationtypes", bson.D{{Key: "_id", Value: "r1"}, {Key: "name", Value: "Judged by"}})
	put("files",
		bson.D{{Key: "entity", Value: "c1"}, {Key: "type", Value: "document"}, {Key: "filename", Value: "1x.pdf"}, {Key: "originalname", Value: "decision.pdf"}, {Key: "creationDate", Value: int64(1641340800000)}},
		bson.D{{Key: "entity", Value: "j1"}, {Key: "type", Value: "attachment"}, {Key: "filename", Value: "not there"}})
	out["uploaded_documents/1x.pdf"] = &fstest.MapFile{Data: []byte("%PDF-invented")}
	return out
}

// TestSample: the dump among the examples is the one that is made here.
func TestSample(t *testing.T) {
	for name, file := range small(t) {
		kept, err := os.ReadFile(filepath.Join("..", "..", "..", "examples", "formats", "uwazi-dump", filepath.FromSlash(name)))
		if err != nil || !bytes.Equal(kept, file.Data) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDump(t *testing.T) {
	imp, file, findings := foreigntest.Import(t, Dump(), small(t), "entities.bson")
	s := file.Table.Sheets[0]
	for heading, want := range map[string]string{"When": "2022-01-05/..", "Where": "0|0", "Kind": "Group::One; Two", "Title": "A case", "Title__ru": "Дело", "linked Judge": "j1", "Published": "yes", "Date added": "2022-01-05"} {
		if got := under(t, s, heading)[0].Text; s.Name != "Case" || got != want {
			t.Errorf("%s: %q, expected %q", heading, got, want)
		}
	}
	if len(imp.Rows) != 1 || imp.Rows[0].Key != "c1" {
		t.Errorf("%+v", imp.Rows)
	}
	told := fmt.Sprint(findings)
	if !strings.Contains(told, "sheet Judge: 1 rows are of no case here") || !strings.Contains(told, "1 files are not in the folder") {
		t.Errorf("%s", told)
	}
	if len(file.Attached) != 1 || file.Attached[0].Key != "c1" || file.Attached[0].Name != "decision.pdf" || file.Attached[0].Date != "2022-01-05" {
		t.Errorf("%+v", file.Attached)
	}
	// It is refused with its place.
	for want, spoil := range map[string]func(fstest.MapFS){
		"entities.bson, document 4: it says that it has": func(m fstest.MapFS) { e := m["entities.bson"]; e.Data = e.Data[:len(e.Data)-3] },
		"no entities.bson with entities":                 func(m fstest.MapFS) { delete(m, "entities.bson") },
		"connections.bson, document 1: a: a": func(m fstest.MapFS) {
			var d any = "x"
			for range 40 {
				d = bson.D{{Key: "a", Value: d}}
			}
			b, err := bson.Marshal(d)
			must(t, err)
			m["connections.bson"].Data = b
		},
		"entities.bson, document 5: entity c1 is there twice": func(m fstest.MapFS) {
			e := m["entities.bson"]
			n := int(e.Data[0]) | int(e.Data[1])<<8
			e.Data = append(slices.Clone(e.Data), e.Data[:n]...)
		},
	} {
		m := small(t)
		spoil(m)
		if _, err := readDump(m, ".", foreign.Reading{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; expected %s", err, want)
		}
	}
}

// FuzzDump: whatever a collection holds, the reader answers.
func FuzzDump(f *testing.F) {
	base := small(f)
	for _, name := range []string{"entities", "templates", "connections"} {
		f.Add(base[name+".bson"].Data)
	}
	f.Add([]byte{5, 0, 0, 0, 0})
	book := foreigntest.Book(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		m := fstest.MapFS{}
		for name, file := range base {
			m[name] = file
		}
		for _, name := range []string{"entities.bson", "templates.bson", "connections.bson", "dictionaries.bson", "files.bson"} {
			m[name] = &fstest.MapFile{Data: data}
			file, err := readDump(m, ".", foreign.Reading{Limits: intake.Limits{Bytes: 1 << 16}})
			m[name] = base[name]
			if err != nil {
				continue
			}
			if p, err := intake.ParseMapping(mapDump(file, book), book); err == nil {
				_, _, _ = p.Run(book, file.Table, intake.RunOptions{})
			}
		}
	})
}
