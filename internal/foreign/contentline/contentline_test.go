// SPDX-License-Identifier: AGPL-3.0-or-later

package contentline

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	lines, err := Parse([]byte("\ufeffTEL;CELL;TYPE=\"a:b\":+7\r\n\r\nitem1.note;ENCODING=QUOTED-PRINTABLE:=D0=90=\r\n=D0=91\r\nX:1\r\n 2\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(lines); got != "[{TEL [{TYPE CELL} {TYPE a:b}] +7 1} {NOTE [{ENCODING QUOTED-PRINTABLE}] АБ 3} {X [] 12 5}]" {
		t.Error(got)
	}
	for text, want := range map[string]string{"A:1\nhello": "line 2: \"hello\" is no line", "A;b": "has no value", "A\xff:": "not written in UTF-8", ":1": "is no line", "A B:1": "is no line"} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestOutAndIn holds that any text comes back as it was written.
func TestOutAndIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.StringMatching(`[\pL\pN ,;:\\"\n=]{0,60}`), 1, 4).Draw(t, "texts")
		var value []string
		for _, s := range texts {
			value = append(value, Escape(s))
		}
		var b strings.Builder
		if err := Fold(&b, "X;TYPE=a:"+strings.Join(value, ";")); err != nil {
			t.Fatal(err)
		}
		lines, err := Parse([]byte(b.String()))
		if err != nil || len(lines) != 1 {
			t.Fatalf("%v %v", lines, err)
		}
		if got := Split(lines[0].Value, ';'); fmt.Sprint(got) != fmt.Sprint(texts) {
			t.Fatalf("%q came back as %q", texts, got)
		}
	})
}

// TestLines holds folding and escaping against any text.
func TestLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.ToValidUTF8(rapid.String().Draw(t, "text"), "")
		var b strings.Builder
		if err := Fold(&b, "SUMMARY:"+Escape(text)); err != nil {
			t.Fatal(err)
		}
		folded := b.String()
		for _, line := range strings.Split(strings.TrimSuffix(folded, "\r\n"), "\r\n") {
			if len(line) > 75 || !utf8.ValidString(line) {
				t.Fatalf("a line of %d bytes: %q", len(line), line)
			}
		}
		plain := strings.ReplaceAll(strings.TrimSuffix(folded, "\r\n"), "\r\n ", "")
		if strings.ContainsAny(plain, "\r\n") {
			t.Fatalf("a line break is left in %q", plain)
		}
		if got := strings.TrimPrefix(plain, "SUMMARY:"); got != Escape(text) {
			t.Fatalf("%q was folded from %q", got, Escape(text))
		}
	})
	if got := Escape("a,b;c\\d\ne\rf\x00"); got != `a\,b\;c\\d\nef` {
		t.Errorf("escaped: %q", got)
	}
}
