// SPDX-License-Identifier: AGPL-3.0-or-later

package dossier

import (
	"fmt"
	"path"
	"strings"
	"unicode"

	"github.com/kua-registry/kua/internal/names"
)

const (
	mostStem = 60 // bytes of a file name, without number and ending
	mostExt  = 10
)

// fileNames are the paths of the exhibits in the bundle. Each begins with its
// number: no two are the same, on any file system, and none is a name that a
// system keeps for itself.
func (b *Bundle) fileNames() []string {
	paths := make([]string, len(b.Exhibits))
	for i, e := range b.Exhibits {
		paths[i] = "exhibits/" + numbered(i, len(b.Exhibits)) + "-" + safeName(e.Name)
	}
	return paths
}

// formName is the path of a form, without its ending.
func (b *Bundle) formName(i int) string {
	name := plain(b.Forms[i].Name, mostStem)
	if name == "" {
		name = "form"
	}
	return "forms/" + numbered(i, len(b.Forms)) + "-" + name
}

func (b *Bundle) proofName(i int) string {
	return "proofs/" + numbered(i, len(b.Entries)) + ".tlog-proof"
}

func (b *Bundle) stampName(i int) string { return "timestamps/" + numbered(i, len(b.Stamps)) }

func (b *Bundle) chainedName(i int) string {
	return "timestamps/" + numbered(i, len(b.Chained)) + ".ots"
}

// over is the file that a time stamp is over.
func over(exhibit int, names []string) string {
	if exhibit > 0 {
		return names[exhibit-1]
	}
	return checkName
}

// numbered is the number of the i-th of n, as wide as the widest.
func numbered(i, n int) string {
	return fmt.Sprintf("%0*d", max(2, len(fmt.Sprint(n))), i+1)
}

// safeName is a file name in letters that every system writes alike: a-z, A-Z,
// 0-9, and single - and _ between them; Cyrillic is spelt in Latin. An unpacker
// that knows no Unicode, or another form of it, must not break the list.
func safeName(name string) string {
	ext := plain(strings.TrimPrefix(path.Ext(name), "."), mostExt)
	stem := plain(strings.TrimSuffix(name, path.Ext(name)), mostStem)
	if stem == "" {
		stem = "file"
	}
	if ext == "" {
		return stem
	}
	return stem + "." + ext
}

func plain(text string, most int) string {
	// What is cut off below would be cut off anyway: a name may be a megabyte.
	if r := []rune(text); len(r) > 4*most {
		text = string(r[:4*most])
	}
	latin := names.Transliterate(text).Latin
	var s strings.Builder
	for _, r := range latin {
		switch {
		case s.Len() >= most:
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)), r == '_':
			s.WriteRune(r)
		case s.Len() > 0 && !strings.HasSuffix(s.String(), "-"):
			s.WriteByte('-')
		}
	}
	return strings.Trim(s.String(), "-_")
}

// shown is text as it is printed: on one line, and what can't be seen, or turns
// the text around, is seen.
func shown(text string) string {
	var s strings.Builder
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			s.WriteByte(' ')
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r):
			fmt.Fprintf(&s, "<U+%04X>", r)
		default:
			s.WriteRune(r)
		}
	}
	return strings.TrimSpace(s.String())
}
