// SPDX-License-Identifier: AGPL-3.0-or-later

package xmldoc

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	root, err := Parse("x.xml", []byte("<?xml version=\"1.0\"?>\n<a>\n<b c='1'> t &amp; u </b>\n<b/></a>"))
	if err != nil {
		t.Fatal(err)
	}
	b := root.All("b")
	if len(b) != 2 || b[0].Attribute("c") != "1" || root.Value("b") != "t & u" || b[0].Line != 3 || root.First("z") != nil || root.Value("z") != "" {
		t.Errorf("got %+v %+v", root, b[0])
	}
}

// TestRefused holds that what costs too much or is no document is refused with its place.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"entities":   {"<!DOCTYPE a [<!ENTITY b \"c\">]>\n<a>&b;</a>", "x.xml, line 1: declares entities"},
		"elsewhere":  {"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", "names a file elsewhere"},
		"unknown":    {"<a>&b;</a>", "invalid character entity"},
		"deep":       {strings.Repeat("<a>\n", MaxDepth+1), "line 65: elements stand more than 64 deep"},
		"cut off":    {"<a>\n<b>", "line 2: is no whole XML"},
		"two":        {"<a/>\n<b/>", "line 2: a second document"},
		"nothing":    {"  ", "holds no XML element"},
		"encoding":   {`<?xml version="1.0" encoding="windows-1251"?><a/>`, "save it as UTF-8"},
		"wrong tags": {"<a></b>", "is no whole XML"},
	} {
		if _, err := Parse("x.xml", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
