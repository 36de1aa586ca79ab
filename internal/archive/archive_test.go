// SPDX-License-Identifier: AGPL-3.0-or-later

package archive

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
)

var (
	made   = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	ledger = strings.Repeat("ab", 16)
	about  = About{Made: made, Program: "kua test", Register: ledger, By: Person{ID: idOf(1), Name: "Invented"}, Purpose: "own", Pack: "kz"}
)

func idOf(n int) string { return fmt.Sprintf("%032x", n) }

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

type held struct {
	cases, outside []Entry
	files          []string
}

func (h held) write(t interface{ Fatal(...any) }) []byte {
	var b bytes.Buffer
	w, err := NewWriter(&b, about, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range append(slices.Clone(h.cases), h.outside...) {
		if err := w.Add(&e); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range h.files {
		if err := w.AddFile(digest(f), strings.NewReader(f)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(made); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read reads all of an archive.
func read(data []byte) (h held, a *Archive, err error) {
	if a, err = Open(bytes.NewReader(data), int64(len(data))); err != nil {
		return h, nil, err
	}
	for of, err := range a.Cases() {
		if err != nil {
			return h, a, err
		}
		h.cases = append(h.cases, of...)
	}
	for of, err := range a.Outside() {
		if err != nil {
			return h, a, err
		}
		h.outside = append(h.outside, of...)
	}
	for name := range a.members {
		if digest, ok := strings.CutPrefix(name, filesFolder); ok {
			f, err := a.File(digest)
			if err != nil {
				return h, a, err
			}
			content, err := io.ReadAll(f)
			if err = errors.Join(err, f.Close()); err != nil {
				return h, a, err
			}
			h.files = append(h.files, string(content))
		}
	}
	slices.Sort(h.files)
	return h, a, nil
}

func drawn() *rapid.Generator[held] {
	text := rapid.StringN(0, 12, 40)
	return rapid.Custom(func(t *rapid.T) (h held) {
		entry := func(stream int, inCase bool) Entry {
			e := Entry{Record: idOf(stream), Kind: rapid.SampledFrom([]string{"report", "person", "x_own"}).Draw(t, "kind"), Op: Put, By: idOf(rapid.IntRange(1, 3).Draw(t, "by")), Register: ledger, Reason: text.Draw(t, "reason"), Source: text.Draw(t, "source"), At: made.Add(time.Duration(rapid.IntRange(0, 1<<30).Draw(t, "at")) * time.Millisecond), Entry: rapid.Uint64().Draw(t, "place"), Missing: rapid.Bool().Draw(t, "missing")}
			if inCase {
				e.Case, e.Record = idOf(stream), idOf(rapid.IntRange(0, 9).Draw(t, "record"))
			}
			if rapid.Bool().Draw(t, "withdrawn") {
				e.Op = Withdraw
			} else {
				e.Fields = casefile.Fields(rapid.MapOfN(rapid.SampledFrom([]string{"a", "b_2", "c"}), rapid.SliceOfN(text, 1, 3), 1, 3).Draw(t, "fields"))
			}
			return e
		}
		for stream := range rapid.IntRange(0, 4).Draw(t, "cases") {
			for range rapid.IntRange(1, 4).Draw(t, "entries") {
				h.cases = append(h.cases, entry(stream, true))
			}
		}
		for stream := range rapid.IntRange(0, 3).Draw(t, "outside") {
			h.outside = append(h.outside, entry(stream, false))
		}
		h.files = rapid.SliceOfNDistinct(text, 0, 3, rapid.ID[string]).Draw(t, "files")
		slices.Sort(h.files)
		return h
	})
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawn().Draw(t, "archive")
		data := h.write(t)
		got, a, err := read(data)
		if err != nil {
			t.Fatal(err)
		}
		if len(h.files) == 0 {
			got.files, h.files = nil, nil
		}
		if !reflect.DeepEqual(got, h) {
			t.Fatalf("%+v is read as %+v", h, got)
		}
		n := a.Manifest.Counts
		if n.Entries != int64(len(h.cases)) || n.OutsideEntries != int64(len(h.outside)) || n.Files != int64(len(h.files)) {
			t.Fatalf("the manifest counts %+v", n)
		}
		if !bytes.Equal(data, h.write(t)) {
			t.Fatal("the same is written as other bytes")
		}
	})
}

var some = held{
	cases:   []Entry{{Case: idOf(1), Record: idOf(1), Kind: "case", Op: Put, Fields: casefile.Fields{"number": {"K-1"}}, By: idOf(1), Register: ledger, At: made, Entry: 1}, {Case: idOf(2), Record: idOf(2), Kind: "case", Op: Put, Fields: casefile.Fields{"number": {"K-2"}}, By: idOf(1), Register: ledger, At: made, Entry: 2}},
	outside: []Entry{{Record: idOf(9), Kind: "facility", Op: Put, Fields: casefile.Fields{"name": {"invented"}}, By: idOf(1), Register: ledger, At: made, Entry: 3}},
	files:   []string{"the bytes of a file"},
}

// TestChangedBitIsFound: no bit of what an archive holds changes unseen.
func TestChangedBitIsFound(t *testing.T) {
	data := some.write(t)
	for at := range data {
		changed := bytes.Clone(data)
		changed[at] ^= 1 << (at % 8)
		if got, _, err := read(changed); err == nil && !reflect.DeepEqual(got, some) {
			t.Fatalf("byte %d changed: %+v is read", at, got)
		}
	}
	for _, n := range []int{0, 1, len(data) / 2, len(data) - 1} {
		if _, _, err := read(data[:n]); err == nil {
			t.Errorf("the first %d bytes are read as an archive", n)
		}
	}
}

// TestHostileArchives: what was made to harm a reader is refused, and said why.
func TestHostileArchives(t *testing.T) {
	pack := func(members ...string) []byte { // name, content, …
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for i := 0; i < len(members); i += 2 {
			w, err := z.Create(members[i])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, members[i+1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	archive := func(cases string) []byte {
		m := Manifest{Format: Format, Version: Version, About: about, Members: []Member{{casesName, digest(cases), int64(len(cases))}, {outsideName, digest(""), 0}}}
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return pack(casesName, cases, outsideName, "", manifestName, string(text))
	}
	line := func(e Entry) string {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return string(text) + "\n"
	}
	one := line(some.cases[0])
	if got, _, err := read(archive(one)); err != nil || len(got.cases) != 1 {
		t.Fatalf("a plain one: %v", err)
	}
	newer := strings.Replace(string(pack(manifestName, `{"format":"kua-archive","version":2}`)), "", "", 1)
	for what, c := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":              {nil, ErrNot},
		"text":                 {[]byte("not a zip at all"), ErrNot},
		"another zip":          {pack("a.txt", "x"), ErrNot},
		"a path":               {pack("../etc/passwd", "x", manifestName, "{}"), ErrNot},
		"an absolute path":     {pack("/tmp/x", "x"), ErrNot},
		"a file of no digest":  {pack(filesFolder+"x", "x"), ErrNot},
		"a member twice":       {pack(casesName, "", casesName, ""), ErrNot},
		"newer":                {[]byte(newer), ErrNewer},
		"no manifest":          {pack(casesName, "", outsideName, ""), ErrNot},
		"a manifest of zeros":  {pack(manifestName, strings.Repeat("\x00", 64)), ErrNot},
		"a bomb":               {archive(strings.Repeat(" ", 16<<20)), ErrLimits},
		"a line without end":   {archive(`{"reason":"` + strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz", maxLine/36+1)), nil},
		"a field of tomorrow":  {archive(strings.Replace(one, `"op"`, `"new":1,"op"`, 1)), nil},
		"two on a line":        {archive(strings.TrimSpace(one) + one), nil},
		"one on two lines":     {archive(strings.Replace(one, ",", ",\n", 1)), nil},
		"an empty line":        {archive("\n" + one), nil},
		"a line of blanks":     {archive(one + " \n"), nil},
		"a case twice":         {archive(line(some.cases[1]) + one), nil},
		"no id":                {archive(strings.Replace(one, idOf(1), "1", 1)), nil},
		"an id in capitals":    {archive(strings.Replace(one, ledger, strings.ToUpper(ledger), 1)), nil},
		"an operation of none": {archive(strings.Replace(one, `"put"`, `"burn"`, 1)), nil},
		"no time":              {archive(strings.Replace(one, made.Format(time.RFC3339), "0001-01-01T00:00:00Z", 1)), nil},
		"outside in cases":     {archive(line(some.outside[0])), nil},
	} {
		_, _, err := read(c.data)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "K-1") {
			t.Errorf("%s: the error says what is in it: %v", what, err)
		}
	}
}

// TestPiecesAreWhole: however long the lines are beside what is read at once, all
// are read, in their order; who stops early gets no more of them.
func TestPiecesAreWhole(t *testing.T) {
	var h held
	for i, size := range []int{1, pieceBytes - 300, 10, pieceBytes, 3 * pieceBytes, 2, pieceBytes / 2, pieceBytes / 2, 5} {
		e := some.cases[0]
		e.Case, e.Record, e.Reason = idOf(1+i), idOf(1+i), strings.Repeat("cause ", size/6+1)
		h.cases = append(h.cases, e)
	}
	got, a, err := read(h.write(t))
	if err != nil || !reflect.DeepEqual(got.cases, h.cases) {
		t.Fatalf("%d entries are read of %d: %v", len(got.cases), len(h.cases), err)
	}
	for n := range h.cases {
		for of, err := range a.Cases() {
			if err != nil || of[0].Case > h.cases[n].Case {
				t.Fatalf("%v after %s", err, h.cases[n].Case)
			}
			if of[0].Case == h.cases[n].Case {
				break
			}
		}
	}
}

// TestLinesAreStrict: what a line says can be read one way alone.
func TestLinesAreStrict(t *testing.T) {
	good, err := json.Marshal(some.cases[0])
	if err != nil {
		t.Fatal(err)
	}
	line := string(good)
	for what, text := range map[string]string{
		"a field that is not known":      strings.Replace(line, "{", `{"other":1,`, 1),
		"a field twice":                  strings.Replace(line, "{", `{"op":"withdraw",`, 1),
		"a field in other letters":       strings.Replace(line, `"op":`, `"Op":`, 1),
		"two entries on a line":          line + line,
		"words behind the entry":         line + " x",
		"an entry that is cut off":       line[:len(line)-1],
		"bytes that are no UTF-8":        strings.Replace(line, `"op":`, "\"\xff\":", 1),
		"a list":                         "[" + line + "]",
		"nothing":                        "",
		"a number in the place of words": strings.Replace(line, `"op":"put"`, `"op":1`, 1),
	} {
		for first, text := range map[int]string{1: text + "\n", 2: line + "\n" + text + "\n"} {
			p := &piece{text: []byte(text), first: 1, parsed: make(chan struct{})}
			if p.parse(true); p.err == nil || !strings.Contains(p.err.Error(), fmt.Sprintf("line %d: ", first)) {
				t.Errorf("%s: %v", what, p.err)
			}
		}
	}
	p := &piece{text: good, first: 1, parsed: make(chan struct{})}
	if p.parse(true); p.err != nil || len(p.entries) != 1 {
		t.Errorf("the last line without its end: %v", p.err)
	}
}

// TestWriterRefuses what it could not read again.
func TestWriterRefuses(t *testing.T) {
	for what, do := range map[string]func(w *Writer) error{
		"a case behind another": func(w *Writer) error { return errors.Join(w.Add(&some.cases[1]), w.Add(&some.cases[0])) },
		"a case behind what is outside": func(w *Writer) error {
			return errors.Join(w.Add(&some.outside[0]), w.Add(&some.cases[0]))
		},
		"an entry behind a file": func(w *Writer) error {
			return errors.Join(w.AddFile(digest("x"), strings.NewReader("x")), w.Add(&some.outside[0]))
		},
		"a file of another digest": func(w *Writer) error { return w.AddFile(digest("x"), strings.NewReader("y")) },
		"no id": func(w *Writer) error {
			e := some.cases[0]
			e.By = ""
			return w.Add(&e)
		},
	} {
		w, err := NewWriter(io.Discard, about, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := do(w); err == nil {
			t.Errorf("%s is written", what)
		}
		if _, err := w.Finish(made); err == nil {
			t.Errorf("%s: the archive is finished", what)
		}
	}
}

// TestSchema: every kind and field of the codebook is in the schema, and every code.
func TestSchema(t *testing.T) {
	book, err := codebook.Load(codebook.Data)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Schema(book)
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs map[string]struct {
			Properties map[string]struct {
				Items struct{ OneOf []struct{ Const string } }
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	for _, k := range book.Kinds() {
		for i := range k.Fields {
			f := &k.Fields[i]
			field, ok := schema.Defs[k.ID].Properties[f.ID]
			if list, coded := book.List(f.List); !ok || coded && f.Type == codebook.Code && len(field.Items.OneOf) != len(list.Codes) {
				t.Errorf("%s.%s is not in the schema", k.ID, f.ID)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(some.write(f))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, _, err := read(data)
		if err != nil {
			return
		}
		if _, _, err := read(got.write(t)); err != nil {
			t.Fatalf("what is read can't be written and read again: %v", err)
		}
	})
}
