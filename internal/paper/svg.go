// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

var errPicture = errors.New("the document can't be written: a picture isn't one of the program's own drawings; take it out, or draw it anew")

// drawn are the elements of package chart's drawings, and which of them hold text.
var drawn = map[string]bool{
	"svg": false, "g": false, "a": false, "rect": false, "line": false, "path": false, "circle": false,
	"polyline": false, "polygon": false, "title": true, "desc": true, "text": true, "tspan": true,
}

// redraw writes a drawing anew with what is known to be harmless in it. It
// returns errPicture for a drawing that has anything else: a picture that comes
// from elsewhere has no place within a page.
func redraw(svg string, links bool) (string, error) {
	in := xml.NewDecoder(strings.NewReader(svg))
	var b strings.Builder
	var open []string
	for done := false; ; {
		token, err := in.Token()
		if errors.Is(err, io.EOF) && done && len(open) == 0 {
			b.WriteByte('\n')
			return b.String(), nil
		}
		if err != nil {
			return "", errPicture
		}
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			if _, known := drawn[name]; !known || done || (len(open) == 0) != (name == "svg") {
				return "", errPicture
			}
			if name == "a" && !links {
				name = "g"
			}
			b.WriteString("<" + name)
			for _, a := range token.Attr {
				if !harmless(a) {
					return "", errPicture
				}
				if a.Name.Local == "href" && !links {
					continue
				}
				b.WriteString(" " + a.Name.Local + `="` + escape(a.Value) + `"`)
			}
			b.WriteString(">")
			open = append(open, name)
		case xml.EndElement:
			b.WriteString("</" + open[len(open)-1] + ">")
			open = open[:len(open)-1]
			done = len(open) == 0
		case xml.CharData:
			text := string(token)
			if strings.TrimSpace(text) == "" {
				if len(open) > 0 {
					b.WriteString("\n")
				}
				continue
			}
			if len(open) == 0 || !drawn[open[len(open)-1]] {
				return "", errPicture
			}
			b.WriteString(escape(text))
		default: // comments, instructions, directives
			return "", errPicture
		}
	}
}

// harmless tells whether an attribute only says how something is drawn, is a
// name, or leads to a page of the site or to the web.
func harmless(a xml.Attr) bool {
	name := a.Name.Local
	switch {
	case a.Name.Space != "" || strings.HasPrefix(strings.ToLower(name), "on") || name == "style" || name == "src":
		return false
	case name == "xmlns":
		return a.Value == "http://www.w3.org/2000/svg"
	case name == "href":
		return within(a.Value)+outside(a.Value)+site(a.Value) != ""
	}
	return !strings.Contains(strings.ToLower(a.Value), "url(") && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-'
	})
}
