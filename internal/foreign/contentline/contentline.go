// SPDX-License-Identifier: AGPL-3.0-or-later

package contentline

import (
	"bytes"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/foreign"
)

// Line is a line, put together again.
type Line struct {
	Name   string  // in capitals, without the group before it (item1.TEL)
	Params []Param // in their order
	Value  string  // as it stands, escapes and all; quoted-printable is undone
	No     int     // of its first line in the file, from 1
}

// Param is a parameter; its name is TYPE where version 2.1 has the value alone.
type Param struct{ Name, Value string }

// Param returns the first value of a parameter, empty if it is not there.
func (l Line) Param(name string) string {
	for _, p := range l.Params {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

const maxLines = 2_000_000

// Parse reads all lines that are not empty. Every error is a *foreign.PlaceError.
func Parse(data []byte) ([]Line, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, &foreign.PlaceError{What: "is not written in UTF-8: save it so"}
	}
	var out []Line
	var raw strings.Builder
	first, no, quoted := 0, 0, false
	put := func() error {
		if strings.TrimSpace(raw.String()) == "" {
			raw.Reset()
			return nil
		}
		l, what := line(raw.String())
		raw.Reset()
		if what == "" && len(out) >= maxLines {
			what = fmt.Sprintf("more than %d lines: split the file", maxLines)
		}
		if what != "" {
			return &foreign.PlaceError{Line: first, What: what}
		}
		l.No = first
		out = append(out, l)
		return nil
	}
	for text := range bytes.Lines(data) {
		no++
		text = bytes.TrimRight(text, "\r\n")
		if len(text) > 0 && (text[0] == ' ' || text[0] == '\t') && raw.Len() > 0 {
			raw.Write(text[1:]) // folded
			continue
		}
		if quoted && strings.HasSuffix(raw.String(), "=") { // broken after an equals sign, as version 2.1 does
			raw.WriteString("\r\n")
			raw.Write(text)
			continue
		}
		if err := put(); err != nil {
			return nil, err
		}
		first = no
		raw.Write(text)
		head, _, _ := bytes.Cut(text, []byte(":"))
		quoted = bytes.Contains(bytes.ToUpper(head), []byte("QUOTED-PRINTABLE"))
	}
	if err := put(); err != nil {
		return nil, err
	}
	return out, nil
}

// line takes a line apart; what says what is wrong with it.
func line(text string) (l Line, what string) {
	end := strings.IndexAny(text, ":;")
	if end <= 0 {
		return l, fmt.Sprintf("%q is no line of NAME:VALUE", short(text))
	}
	l.Name = strings.ToUpper(text[:end])
	if _, after, ok := strings.Cut(l.Name, "."); ok {
		l.Name = after
	}
	if l.Name == "" || strings.Trim(l.Name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return l, fmt.Sprintf("%q is no line of NAME:VALUE", short(text))
	}
	rest := text[end:]
	for strings.HasPrefix(rest, ";") {
		rest = rest[1:]
		n := 0
		for in := false; n < len(rest) && (in || rest[n] != ';' && rest[n] != ':'); n++ {
			if rest[n] == '"' {
				in = !in
			}
		}
		name, value, ok := strings.Cut(rest[:n], "=")
		switch {
		case ok:
			l.Params = append(l.Params, Param{strings.ToUpper(name), strings.Trim(value, `"`)})
		case strings.EqualFold(name, "QUOTED-PRINTABLE") || strings.EqualFold(name, "BASE64"):
			l.Params = append(l.Params, Param{"ENCODING", name})
		case name != "":
			l.Params = append(l.Params, Param{"TYPE", name})
		}
		rest = rest[n:]
	}
	value, ok := strings.CutPrefix(rest, ":")
	if !ok {
		return l, fmt.Sprintf("%q has no value", short(text))
	}
	l.Value = value
	if strings.EqualFold(l.Param("ENCODING"), "quoted-printable") {
		plain, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(value)))
		if err != nil || !utf8.Valid(plain) {
			return l, fmt.Sprintf("%q is no quoted-printable UTF-8", short(text))
		}
		l.Value = strings.NewReplacer("\r\n", `\n`, "\n", `\n`).Replace(string(plain))
	}
	return l, ""
}

func short(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// Text is a value as a text.
func Text(value string) string { return Split(value, 0)[0] }

// Split takes a value apart at the sign, where that is not escaped; 0: nowhere.
func Split(value string, sign byte) []string {
	var out []string
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		switch {
		case value[i] == '\\' && i+1 < len(value):
			i++
			if value[i] == 'n' || value[i] == 'N' {
				b.WriteByte('\n')
			} else {
				b.WriteByte(value[i])
			}
		case value[i] == sign && sign != 0:
			out = append(out, b.String())
			b.Reset()
		default:
			b.WriteByte(value[i])
		}
	}
	return append(out, b.String())
}

// Escape writes a text as a value (RFC 5545, 3.3.11; RFC 6350, 3.4).
func Escape(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == '\r' || r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, text)
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(text)
}

// Fold writes a content line in pieces of at most 75 bytes (RFC 5545, 3.1), none
// of which ends within a letter. The error is that of the writer.
func Fold(w io.StringWriter, text string) error {
	const most = 75
	var b strings.Builder
	room := most
	for text != "" {
		n := min(room, len(text))
		for n < len(text) && n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		b.WriteString(text[:n])
		if text = text[n:]; text != "" {
			b.WriteString("\r\n ")
			room = most - 1
		}
	}
	b.WriteString("\r\n")
	_, err := w.WriteString(b.String())
	return err
}
