// SPDX-License-Identifier: AGPL-3.0-or-later

package encoded

import (
	"bytes"
	"encoding/hex"
	"math/bits"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/linkage/linkagetest"
)

func TestKeyText(t *testing.T) {
	k := testKey(t, 9)
	text := k.Text()
	for _, as := range []string{text, strings.ToUpper(text), " " + strings.ReplaceAll(text, "-", " ") + "\r\n", "\ufeff" + text} {
		got, err := ParseKey(as)
		if err != nil || got != k {
			t.Errorf("%q: %v", as, err)
		}
	}
	if s := k.String(); strings.Contains(s, text[14:20]) {
		t.Error("a key prints itself")
	}
	// Each letter counts.
	for i := len(keyMark); i < len(text); i++ {
		if text[i] == '-' {
			continue
		}
		wrong := []byte(text)
		wrong[i] = map[bool]byte{true: 'b', false: 'a'}[wrong[i] == 'a']
		if _, err := ParseKey(string(wrong)); err == nil {
			t.Errorf("letter %d can be another", i)
		}
	}
	for _, no := range []string{"", "kua-encode-1", text[:len(text)-1], text + "a", "kua-encode-2" + text[12:], strings.Replace(text, "-", "1", 4)} {
		if _, err := ParseKey(no); err == nil {
			t.Errorf("%q is taken for a key", no)
		}
	}
}

func values(m map[string]string) func(string) []string {
	return func(input string) []string { return []string{m[input]} }
}

func TestScriptsMeet(t *testing.T) {
	e := linkagetest.Must[*Encoder](t)(NewEncoder(testKey(t, 1), schema(t, string(CaseSchema()))))
	encode := func(m map[string]string) []uint64 {
		f, _ := e.Encode(values(m))
		return f
	}
	a := encode(map[string]string{"family": "Қасымова", "given": "Әлия", "birth": "1990-05-17", "sex": "f"})
	for _, m := range []map[string]string{
		{"full_name": "Касымова Алия", "birth": "17.05.1990", "sex": "f"},
		{"family": "Kassymova", "given": "Aliya", "birth": "19900517", "sex": "F"},
	} {
		if d := Dice(a, encode(m)); d < 0.95 {
			t.Errorf("%v: likeness %.3f", m, d)
		}
	}
	for what, m := range map[string]map[string]string{
		"a sister":      {"full_name": "Касымова Асель", "birth": "1993-02-03", "sex": "f"},
		"another year":  {"full_name": "Касымова Алия", "birth": "1991-05-17", "sex": "f"},
		"somebody else": {"full_name": "Оспанов Ерлан", "birth": "1990-05-17", "sex": "m"},
	} {
		if d := Dice(a, encode(m)); d > 0.7 {
			t.Errorf("%s: likeness %.3f", what, d)
		}
	}
	if f, missing := e.Encode(values(map[string]string{"family": "Ким"})); f != nil || !reflect.DeepEqual(missing, []string{"birth year", "birthday", "given", "father", "sex", "region", "incident"}) {
		t.Errorf("missing: %v", missing)
	}
}

func TestLargestGroup(t *testing.T) {
	e := linkagetest.Must[*Encoder](t)(NewEncoder(testKey(t, 1), schema(t, string(CaseSchema()))))
	for _, birth := range []string{"1990-01-01", "1990-02-02", "1991-01-01", ""} {
		e.Encode(values(map[string]string{"full_name": "Касымова Алия", "birth": birth}))
	}
	if f, n := e.Largest(); f != "birth year" || n != 2 {
		t.Errorf("%q, %d", f, n)
	}
}

// TestFiltersAreApart: another key, round, feature or salt gives other bits.
func TestFiltersAreApart(t *testing.T) {
	s := schema(t, "version: 1\nround: a\nlength: 1024\nfeatures:\n  - {identifier: x, read: text, input: x, bits: 60}\n")
	other := s
	other.Round = "b"
	y := s
	y.Features = []Feature{{ID: "y", Read: Text, Input: "x", Bits: 60}}
	encode := func(k Key, s Schema) []uint64 {
		f, _ := linkagetest.Must[*Encoder](t)(NewEncoder(k, s)).Encode(values(map[string]string{"x": "word"}))
		return f
	}
	first := encode(testKey(t, 1), s)
	if !reflect.DeepEqual(first, encode(testKey(t, 1), s)) {
		t.Fatal("the same is not the same")
	}
	for what, f := range map[string][]uint64{"key": encode(testKey(t, 2), s), "round": encode(testKey(t, 1), other), "feature": encode(testKey(t, 1), y)} {
		if d := Dice(first, f); d > 0.25 {
			t.Errorf("another %s, and the likeness is %.2f", what, d)
		}
	}
}

func TestHardening(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var harden []Hardening
		for _, h := range []Hardening{Fold, Rule90, Balance} {
			if rapid.Bool().Draw(rt, string(h)) {
				harden = append(harden, h)
			}
		}
		s := schema(t, string(CaseSchema())).without(false, harden...)
		e, err := NewEncoder(testKey(t, 1), s)
		if err != nil {
			rt.Fatal(err)
		}
		f, _ := e.Encode(values(map[string]string{"full_name": rapid.String().Draw(rt, "name"), "family": "Ким", "given": "Ан", "birth": rapid.SampledFrom([]string{"1990", "1990-01-02", "1990-01", "01.02.1990"}).Draw(rt, "birth")}))
		if len(f)*64 != s.Length {
			rt.Fatalf("%d words", len(f))
		}
		ones := 0
		for _, x := range f {
			ones += bits.OnesCount64(x)
		}
		if s.Has(Balance) && ones != s.Length/2 {
			rt.Fatalf("%d ones in a balanced filter", ones)
		}
	})
}

func TestSchemaRefused(t *testing.T) {
	ok := "version: 1\nround: a\nlength: 128\nfeatures:\n  - {identifier: x, read: text, input: x, bits: 60}\n"
	schema(t, ok)
	for what, text := range map[string]string{
		"another version": strings.Replace(ok, "version: 1", "version: 2", 1),
		"a length":        strings.Replace(ok, "128", "100", 1),
		"a key":           ok + "more: 1\n",
		"an order":        ok + "harden: [balance, fold]\n",
		"a step":          ok + "harden: [blip]\n",
		"a salt":          strings.Replace(ok, "bits: 60", "bits: 60, salt: y", 1),
		"itself":          strings.Replace(ok, "bits: 60", "bits: 60, salt: x", 1),
		"both kinds":      strings.Replace(ok, "bits: 60", "bits: 60, bits_per_piece: 2", 1),
		"no bits":         strings.Replace(ok, "bits: 60", "bits: 0", 1),
		"an input":        strings.Replace(ok, "input: x, ", "", 1),
		"a reading":       strings.Replace(ok, "text", "soundex", 1),
		"twice":           ok + "  - {identifier: x, read: text, input: x, bits: 60}\n",
		"nothing":         "",
	} {
		if _, err := ReadSchema(strings.NewReader(text)); err == nil {
			t.Errorf("%s is taken", what)
		} else if strings.Contains(err.Error(), "\n") && what != "a key" && what != "a step" {
			t.Errorf("%s: %q is more than a line", what, err)
		}
	}
}

// TestColumnsAreNoPartOfTheHash: each organisation has its own headings.
func TestColumnsAreNoPartOfTheHash(t *testing.T) {
	text := string(CaseSchema())
	a := schema(t, text)
	b := schema(t, string(Draft([]byte(text), []string{"№", "ФИО", "Дата рождения", "Имя файла"}))+"values:\n  sex: {муж: m}\n")
	if a.Hash() != b.Hash() {
		t.Error("own headings change the hash")
	}
	if !reflect.DeepEqual(b.Columns["full_name"], Headings{"ФИО"}) || !reflect.DeepEqual(b.Columns["birth"], Headings{"Дата рождения"}) || !reflect.DeepEqual(b.Columns[RowID], Headings{"№"}) || len(b.Columns["given"]) != 0 {
		t.Errorf("%v", b.Columns)
	}
	if b.Agreed("sex", " муж ") != "m" || b.Agreed("sex", "жен") != "жен" {
		t.Error("own words")
	}
}

// TestVector is the example of docs/spec/encoded.md, byte for byte.
func TestVector(t *testing.T) {
	text, err := os.ReadFile("../../docs/spec/encoded.md")
	if err != nil {
		t.Fatal(err)
	}
	var secret [32]byte
	for i := range secret {
		secret[i] = byte(i)
	}
	key := linkagetest.Must[Key](t)(NewKey(bytes.NewReader(secret[:])))
	s := schema(t, "version: 1\nround: example\nlength: 128\nharden: [fold, balance]\nfeatures:\n  - {identifier: birth year, read: year, input: birth, required: true}\n  - {identifier: family, read: family, ngram: 2, bits: 12, salt: birth year}\n")
	e := linkagetest.Must[*Encoder](t)(NewEncoder(key, s))
	filter, _ := e.Encode(values(map[string]string{"family": "Ким", "birth": "1990"}))
	f, _, err := NewFile(key, s, [][]uint64{filter}, rand.NewChaCha8([32]byte{}))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	var raw []string
	for _, at := range e.positions(1, "1990", "_k", 3, s.raw()) {
		raw = append(raw, strconv.Itoa(at))
	}
	got := key.Text() + "\n" + string(s.Canonical()) + "\n" + strings.Join(raw, " ") + "\n"
	for i, x := range b.Bytes() {
		switch {
		case i > 0 && i%32 == 0:
			got += "\n"
		case i > 0 && i%2 == 0:
			got += " "
		}
		got += hex.EncodeToString([]byte{x})
	}
	if !strings.Contains(string(text), got+"\n") {
		t.Errorf("the example is not in docs/spec/encoded.md:\n%s", got)
	}
}

func TestReadFile(t *testing.T) {
	s := schema(t, string(CaseSchema()))
	key := testKey(t, 1)
	e := linkagetest.Must[*Encoder](t)(NewEncoder(key, s))
	var rows [][]uint64
	for _, p := range population(rand.New(rand.NewPCG(1, 1)), 20) {
		f, _ := e.Encode(p.values)
		rows = append(rows, f)
	}
	f, order, err := NewFile(key, s, rows, rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range order {
		if !reflect.DeepEqual(f.Filter(i), rows[at]) {
			t.Fatalf("row %d is not where it is said to be", i)
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	got, err := ReadFile(bytes.NewReader(whole))
	if err != nil || !reflect.DeepEqual(got, f) {
		t.Fatalf("%v", err)
	}
	for i := range whole { // one flipped bit anywhere
		changed := bytes.Clone(whole)
		changed[i] ^= 1 << (i % 8)
		if _, err := ReadFile(bytes.NewReader(changed)); err == nil {
			t.Fatalf("byte %d can be another", i)
		}
	}
	for _, n := range []int{0, 5, 16, 71, 72, 200, len(whole) - 1} {
		if _, err := ReadFile(bytes.NewReader(whole[:n])); err == nil {
			t.Errorf("%d bytes are enough", n)
		}
	}
	if _, err := ReadFile(bytes.NewReader(append(bytes.Clone(whole), 0))); err == nil {
		t.Error("a byte too many")
	}
	if bytes.Contains(whole, []byte(key.Text())) || bytes.Contains(whole, key.secret[:]) {
		t.Error("the key is in the file")
	}
}

func FuzzReadFile(f *testing.F) {
	x := &File{Length: 64, Rows: 2, bits: []uint64{1, 2}}
	var b bytes.Buffer
	if err := x.Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := ReadFile(bytes.NewReader(data))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := file.Write(&again); err != nil || !bytes.Equal(again.Bytes(), data) {
			t.Fatalf("read and written again it is another: %v", err)
		}
	})
}

func FuzzSchema(f *testing.F) {
	f.Add(caseSchema, "Ахметов Серик", "1990-05-17")
	f.Add([]byte(febrl), "x", "19600230")
	f.Fuzz(func(t *testing.T, data []byte, name, birth string) {
		s, err := ReadSchema(bytes.NewReader(data))
		Draft(data, []string{name, birth})
		if err != nil {
			return
		}
		e, err := NewEncoder(Key{}, s)
		if err != nil {
			t.Fatalf("a schema that was read is not taken: %v", err)
		}
		if filter, _ := e.Encode(func(input string) []string { return []string{name, birth} }); filter != nil && len(filter)*64 != s.Length {
			t.Fatalf("%d words", len(filter))
		}
	})
}

// TestJoin: a person is on a list once, and the more alike win.
func TestJoin(t *testing.T) {
	row := func(ones ...int) []uint64 {
		w := make([]uint64, 2)
		for _, i := range ones {
			w[i/64] |= 1 << (i % 64)
		}
		return w
	}
	file := func(rows ...[]uint64) *File {
		f := &File{Length: 128, Rows: len(rows)}
		for _, r := range rows {
			f.bits = append(f.bits, r...)
		}
		return f
	}
	a := file(row(1, 2, 3, 4), row(1, 2, 3, 5), row(100, 101))
	b := file(row(1, 2, 3, 4), row(50, 51))
	c := file(row(50, 51), row(1, 2, 3, 4), row(90))
	j := linkagetest.Must[Joined](t)(Join(t.Context(), []*File{a, b, c}, 0.7, 2))
	want := [][]Row{{{0, 0}, {1, 0}, {2, 1}}, {{1, 1}, {2, 0}}}
	if !reflect.DeepEqual(j.Groups, want) {
		t.Errorf("groups %v", j.Groups)
	}
	if !reflect.DeepEqual(j.Common, [][]int{{3, 1, 1}, {1, 2, 2}, {1, 2, 3}}) {
		t.Errorf("common %v", j.Common)
	}
	if !reflect.DeepEqual(j.Patterns, map[int]int{7: 1, 6: 1, 1: 2, 4: 1}) {
		t.Errorf("patterns %v", j.Patterns)
	}
	if len(j.Matches) != 4 {
		t.Errorf("matches %v", j.Matches)
	}
	if _, err := Join(t.Context(), []*File{a}, 0.7, 1); err == nil {
		t.Error("one list is compared")
	}
	other := file(row(1))
	other.Check[0] = 1
	if _, err := Join(t.Context(), []*File{a, other}, 0.7, 1); err == nil || !strings.Contains(err.Error(), "different keys") {
		t.Errorf("another key: %v", err)
	}
}

// TestJoinProperties: each list at most once in a group, all rows counted once,
// whatever the order of the lists.
func TestJoinProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		var files []*File
		rows := 0
		for range rapid.IntRange(2, 5).Draw(t, "lists") {
			var like *File
			if len(files) > 0 {
				like = files[0]
			}
			f := random(rng, rapid.IntRange(0, 30).Draw(t, "rows"), 128, 0.4, false, like)
			files, rows = append(files, f), rows+f.Rows
		}
		j, err := Join(t.Context(), files, 0.7, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range j.Groups {
			for i := 1; i < len(g); i++ {
				if g[i].List <= g[i-1].List {
					t.Fatalf("a list twice in a group: %v", g)
				}
			}
		}
		total := 0
		for pattern, n := range j.Patterns {
			total += n * bits.OnesCount(uint(pattern))
		}
		if total != rows {
			t.Fatalf("%d rows counted of %d", total, rows)
		}
	})
}

// TestDraftFindsTheIDOfTheRows: a number of a street is none, and one column is enough.
func TestDraftFindsTheIDOfTheRows(t *testing.T) {
	text := string(Draft(CaseSchema(), []string{"street_number", "rec_id", "soc_sec_id", "surname"}))
	if !strings.Contains(text, `  id: ["rec_id"]`) || !strings.Contains(text, `  family: ["surname"]`) {
		t.Errorf("%s", text[strings.Index(text, "columns:"):])
	}
}
