// SPDX-License-Identifier: AGPL-3.0-or-later

package jsondoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/kua-registry/kua/internal/foreign"
)

// What a file may hold at most: far above any export of records, far below what
// hurts.
const (
	MaxDepth  = 64
	MaxValues = 5_000_000
)

// Kind is what a value is.
type Kind uint8

// The kinds of values.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Object
)

// Value is one value.
type Value struct {
	Kind    Kind
	Text    string // of a string, a number as written, true or false
	Items   []*Value
	Members []Member // in the order of the file
	Line    int      // from 1
}

// Member is a key of an object and its value.
type Member struct {
	Key   string
	Value *Value
}

// Get returns the value of a key; of a key that stands twice the last one, as
// most programs read it. A key that is not there gives an empty Value, never nil.
func (v *Value) Get(key string) *Value {
	for i := len(v.Members) - 1; i >= 0; i-- {
		if v.Members[i].Key == key {
			return v.Members[i].Value
		}
	}
	return &Value{Line: v.Line}
}

// Has says whether the object has the key.
func (v *Value) Has(key string) bool {
	for _, m := range v.Members {
		if m.Key == key {
			return true
		}
	}
	return false
}

// Leaf is a plain value somewhere in another, and the keys that lead to it.
type Leaf struct {
	Path string // keys with between them the separator; the places in lists are left out
	Text string
}

// Leaves returns all plain values that are not empty, in the order of the file.
func (v *Value) Leaves(separator string) []Leaf {
	var out []Leaf
	v.leaves("", separator, &out)
	return out
}

func (v *Value) leaves(path, separator string, out *[]Leaf) {
	switch v.Kind {
	case List:
		for _, i := range v.Items {
			i.leaves(path, separator, out)
		}
	case Object:
		for _, m := range v.Members {
			p := m.Key
			if path != "" {
				p = path + separator + m.Key
			}
			m.Value.leaves(p, separator, out)
		}
	default:
		if v.Text != "" {
			*out = append(*out, Leaf{path, v.Text})
		}
	}
}

type reader struct {
	file   string
	data   []byte
	d      *json.Decoder
	values int
	line   int // of the byte at seen
	seen   int64
}

// Parse reads all documents of a file. Every error is a *foreign.PlaceError;
// file is named in it where there are several, and may be empty.
func Parse(file string, data []byte) ([]*Value, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	r := &reader{file: file, data: data, d: json.NewDecoder(bytes.NewReader(data)), line: 1}
	r.d.UseNumber()
	var out []*Value
	for {
		t, err := r.d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, r.fault(err)
		}
		v, err := r.value(t, 0)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	if len(out) == 0 {
		return nil, &foreign.PlaceError{File: file, What: "holds no JSON"}
	}
	return out, nil
}

// at is the line at which the reader stands.
func (r *reader) at() int {
	to := min(r.d.InputOffset(), int64(len(r.data)))
	if to > r.seen {
		r.line += bytes.Count(r.data[r.seen:to], []byte{'\n'})
		r.seen = to
	}
	return r.line
}

func (r *reader) fault(err error) error {
	what := strings.TrimPrefix(err.Error(), "json: ")
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		what = "the file breaks off"
	}
	return &foreign.PlaceError{File: r.file, Line: r.at(), What: "is no whole JSON: " + what}
}

func (r *reader) value(t json.Token, depth int) (*Value, error) {
	v := &Value{Line: r.at()}
	if r.values++; r.values > MaxValues {
		return nil, &foreign.PlaceError{File: r.file, Line: v.Line, What: fmt.Sprintf("more than %d values: split the file", MaxValues)}
	}
	if depth > MaxDepth {
		return nil, &foreign.PlaceError{File: r.file, Line: v.Line, What: fmt.Sprintf("values stand more than %d deep in each other", MaxDepth)}
	}
	switch t := t.(type) {
	case nil:
	case bool:
		v.Kind, v.Text = Bool, fmt.Sprint(t)
	case json.Number:
		v.Kind, v.Text = Number, t.String()
	case string:
		v.Kind, v.Text = String, t
	case json.Delim:
		v.Kind = List
		if t == '{' {
			v.Kind = Object
		}
		for r.d.More() {
			key := ""
			if v.Kind == Object {
				k, err := r.d.Token()
				if err != nil {
					return nil, r.fault(err)
				}
				key, _ = k.(string)
			}
			next, err := r.d.Token()
			if err != nil {
				return nil, r.fault(err)
			}
			child, err := r.value(next, depth+1)
			if err != nil {
				return nil, err
			}
			if v.Kind == Object {
				v.Members = append(v.Members, Member{key, child})
			} else {
				v.Items = append(v.Items, child)
			}
		}
		if _, err := r.d.Token(); err != nil { // the closing sign
			return nil, r.fault(err)
		}
	}
	return v, nil
}

// Rows is a list of objects somewhere in a value: rows of a table of its own.
type Rows struct {
	Path  string
	Items []*Value
}

// Split takes an object apart: what is plain (several values of one path where
// a list holds them), and each list of objects. Objects in it are gone into,
// their keys joined by the separator.
func (v *Value) Split(separator string) (plain []Leaf, rows []Rows) {
	v.split("", separator, &plain, &rows)
	return plain, rows
}

func (v *Value) split(path, separator string, plain *[]Leaf, rows *[]Rows) {
	for _, m := range v.Members {
		p := m.Key
		if path != "" {
			p = path + separator + m.Key
		}
		switch {
		case m.Value.Kind == Object:
			m.Value.split(p, separator, plain, rows)
		case m.Value.Kind == List && len(m.Value.Items) > 0 && m.Value.Items[0].Kind == Object:
			*rows = append(*rows, Rows{p, m.Value.Items})
		default:
			m.Value.leaves(p, separator, plain)
		}
	}
}

// Joined puts the commas in that are missing between the objects of a list:
// a program that writes a list in chunks may forget them between two chunks.
// Nothing else is changed, and no line moves.
func Joined(data []byte) []byte {
	var out []byte
	var open []byte // what is open
	text, escaped, ended := false, false, false
	from := 0
	for i, c := range data {
		if text {
			switch {
			case escaped:
				escaped = false
			case c == '\\':
				escaped = true
			case c == '"':
				text = false
			}
			continue
		}
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case '"':
			text = true
		case '{', '[':
			if c == '{' && ended && len(open) > 0 && open[len(open)-1] == '[' {
				out = append(append(out, data[from:i]...), ',')
				from = i
			}
			if len(open) > MaxDepth {
				return data // refused when it is read
			}
			open = append(open, c)
		case '}', ']':
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		}
		ended = c == '}'
	}
	if from == 0 {
		return data
	}
	return append(out, data[from:]...)
}
