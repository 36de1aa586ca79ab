// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plain is text from outside as it may stand on a page or a line: at most that
// many letters, one line, and what can't be seen or turns the line around written
// as its number. It doesn't escape for HTML; templates do.
func Plain(s string, most int) string {
	var b strings.Builder
	n, gap := 0, false
	for _, r := range s {
		if n >= most {
			b.WriteString("…")
			break
		}
		switch {
		case unicode.IsSpace(r):
			gap = n > 0
			continue
		case r == utf8.RuneError:
			r = '�'
		}
		if gap {
			b.WriteByte(' ')
			n, gap = n+1, false
		}
		n++
		if unicode.IsPrint(r) && !turns(r) {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, "[U+%04X]", r)
	}
	return b.String()
}

// turns says whether a sign changes the direction of what stands after it, or
// joins letters without being seen.
func turns(r rune) bool {
	return unicode.In(r, unicode.Bidi_Control, unicode.Cf, unicode.Zl, unicode.Zp)
}

// Name is the name of a file from outside as it may be shown and proposed for
// saving: its last part, without anything that could leave a folder, break a line,
// turn it around or hide its ending. A file without a usable name is "file".
func Name(name string) string {
	name = strings.ReplaceAll(strings.ToValidUTF8(name, "_"), "\\", "/")
	name = path.Base(name)
	name = strings.Map(func(r rune) rune {
		switch {
		case turns(r):
			return -1
		case !unicode.IsPrint(r) || strings.ContainsRune("/:*?\"<>|", r):
			return '_'
		}
		return r
	}, name)
	name = strings.Trim(name, ". ")
	const most = 120
	if letters := []rune(name); len(letters) > most {
		ending := []rune(path.Ext(name))
		if len(ending) > 12 {
			ending = nil
		}
		name = string(letters[:most-len(ending)]) + string(ending)
	}
	if strings.Trim(name, "_") == "" {
		return "file"
	}
	return name
}
