// SPDX-License-Identifier: AGPL-3.0-or-later

package xmldoc

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/kua-registry/kua/internal/foreign"
)

// What a file may hold at most: far above any export of records, far below what
// hurts.
const (
	MaxDepth    = 64
	MaxElements = 3_000_000
)

// Element is an element and what stands in it.
type Element struct {
	Name     string // without its namespace
	Space    string // its namespace
	Text     string // all text directly in it, as it stands
	Elements []*Element
	Line     int // from 1

	attributes []xml.Attr
}

// Parse reads a document. Every error is a *foreign.PlaceError; file is named in
// it where there are several, and may be empty.
func Parse(file string, data []byte) (*Element, error) {
	at := func(line int, format string, args ...any) error {
		return &foreign.PlaceError{File: file, Line: line, What: fmt.Sprintf(format, args...)}
	}
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = func(charset string, r io.Reader) (io.Reader, error) {
		if strings.EqualFold(charset, "us-ascii") {
			return r, nil
		}
		return nil, fmt.Errorf("is written in %q: save it as UTF-8", charset)
	}
	var root *Element
	var open []*Element
	var texts [][]byte
	count := 0
	for {
		line, _ := d.InputPos()
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			var syntax *xml.SyntaxError
			if errors.As(err, &syntax) {
				return nil, at(syntax.Line, "is no whole XML: %s", syntax.Msg)
			}
			return nil, at(line, "%v", err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			count++
			switch {
			case len(open) == 0 && root != nil:
				return nil, at(line, "a second document begins: put one in each file")
			case len(open) >= MaxDepth:
				return nil, at(line, "elements stand more than %d deep in each other", MaxDepth)
			case count > MaxElements:
				return nil, at(line, "more than %d elements: split the file", MaxElements)
			}
			e := &Element{Name: t.Name.Local, Space: t.Name.Space, Line: line, attributes: t.Copy().Attr}
			if len(open) == 0 {
				root = e
			} else {
				up := open[len(open)-1]
				up.Elements = append(up.Elements, e)
			}
			open, texts = append(open, e), append(texts, nil)
		case xml.EndElement:
			open[len(open)-1].Text = string(texts[len(texts)-1])
			open, texts = open[:len(open)-1], texts[:len(texts)-1]
		case xml.CharData:
			if len(texts) > 0 {
				texts[len(texts)-1] = append(texts[len(texts)-1], t...)
			}
		case xml.Directive:
			if up := strings.ToUpper(string(t)); strings.HasPrefix(up, "ENTITY") || strings.Contains(up, "<!ENTITY") || strings.Contains(up, "SYSTEM") || strings.Contains(up, "PUBLIC") {
				return nil, at(line, "declares entities or names a file elsewhere, which is not read: take the <!DOCTYPE …> out")
			}
		}
	}
	if root == nil {
		return nil, at(0, "holds no XML element")
	}
	return root, nil
}

// Attribute returns the value of an attribute, empty if it is not there.
func (e *Element) Attribute(name string) string {
	for _, a := range e.attributes {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// First returns the first element of that name directly below, or nil.
func (e *Element) First(name string) *Element {
	if e == nil {
		return nil
	}
	for _, c := range e.Elements {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// All returns the elements of that name directly below.
func (e *Element) All(name string) []*Element {
	var out []*Element
	if e != nil {
		for _, c := range e.Elements {
			if c.Name == name {
				out = append(out, c)
			}
		}
	}
	return out
}

// Value is the text of the first element of that name directly below, without
// the space around it; empty if there is none.
func (e *Element) Value(name string) string {
	if c := e.First(name); c != nil {
		return strings.TrimSpace(c.Text)
	}
	return ""
}
