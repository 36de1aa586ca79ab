// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// redraw writes a drawing that package chart knows anew: what isn't markup of ours can't
// come through. Without links what leads somewhere is drawn and leads nowhere.
func redraw(svg string, links bool) (string, error) {
	in := xml.NewDecoder(strings.NewReader(svg))
	var b strings.Builder
	var open []string
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return strings.TrimSpace(b.String()) + "\n", nil
		}
		if err != nil {
			return "", fmt.Errorf("the document can't be written: a picture is broken: %w", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			open = append(open, start(&b, token, links))
		case xml.EndElement:
			b.WriteString("</" + open[len(open)-1] + ">")
			open = open[:len(open)-1]
		case xml.CharData:
			b.WriteString(inDrawing(string(token)))
		}
	}
}

// start writes the beginning of an element and returns its name.
func start(b *strings.Builder, e xml.StartElement, links bool) string {
	name, attributes := e.Name.Local, ""
	for _, a := range e.Attr {
		switch a.Name.Local {
		case "xmlns":
			attributes += ` xmlns="http://www.w3.org/2000/svg"`
		case "href":
			if to := within(a.Value) + outside(a.Value) + site(a.Value); to == "" || !links {
				name = "g"
				continue
			}
			attributes += ` href="` + escape(a.Value) + `"`
		default:
			attributes += " " + a.Name.Local + `="` + escape(a.Value) + `"`
		}
	}
	b.WriteString("<" + name + attributes + ">")
	return name
}

// inDrawing is a text of a drawing, whose lines may stay lines.
func inDrawing(text string) string {
	if strings.TrimSpace(text) == "" {
		return text
	}
	return escape(text)
}
