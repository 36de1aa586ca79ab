// SPDX-License-Identifier: AGPL-3.0-or-later

package jsondoc

import (
	"fmt"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	docs, err := Parse("x.json", []byte("\ufeff{\"b\":\n1.50, \"a\": [true, null, {\"c\": \"d\"}], \"b\": \"last\"}\n{\"b\": 2}"))
	if err != nil {
		t.Fatal(err)
	}
	if len(docs) != 2 || docs[0].Members[0].Value.Text != "1.50" || docs[0].Get("b").Text != "last" || docs[1].Line != 3 || docs[0].Has("z") || docs[0].Get("z").Text != "" {
		t.Errorf("got %+v", docs)
	}
	if got := fmt.Sprint(docs[0].Leaves("/")); got != "[{b 1.50} {a true} {a/c d} {b last}]" {
		t.Error(got)
	}
}

func TestSplit(t *testing.T) {
	docs, err := Parse("", []byte(`{"a": 1, "b": {"c": ["x", "y"], "d": [{"e": 1}, {"e": 2}]}, "f": [], "g": null}`))
	if err != nil {
		t.Fatal(err)
	}
	plain, rows := docs[0].Split("/")
	if got := fmt.Sprint(plain); got != "[{a 1} {b/c x} {b/c y}]" || len(rows) != 1 || rows[0].Path != "b/d" || len(rows[0].Items) != 2 {
		t.Error(plain, rows)
	}
}

func TestJoined(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": [{"b": 1}` + "\n" + `{"b": "}{"},{}` + "\n" + `{}]}`: `{"a": [{"b": 1}` + "\n" + `,{"b": "}{"},{}` + "\n" + `,{}]}`,
		`{"a": 1}` + "\n" + `{"a": "[{}{\"}{"}`:                     `{"a": 1}` + "\n" + `{"a": "[{}{\"}{"}`,
		`[{}[{}{}]]`:                                                `[{}[{},{}]]`,
	} {
		if got := string(Joined([]byte(text))); got != want {
			t.Errorf("%s: got %s", text, got)
		}
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "holds no JSON",
		"{\n\"a\":":                     "line 2: is no whole JSON: the file breaks off",
		"[1,\n2,\nx]":                   "line 3: is no whole JSON",
		"[1}":                           "is no whole JSON",
		strings.Repeat("[", 1000):       "more than 64 deep",
		strings.Repeat("{\"a\":", 1000): "more than 64 deep",
	} {
		if _, err := Parse("x.json", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
}
