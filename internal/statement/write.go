// SPDX-License-Identifier: AGPL-3.0-or-later

package statement

import (
	"strings"

	"github.com/kua-registry/kua/internal/locale"
)

// write writes a number as a directive wants it: in digits or in words, in a
// grammatical case, with its noun.
func write(l *locale.Language, d Directive, n int) (string, error) {
	g := locale.Grammar{Owned: d.Args["owned"] != "", Capital: d.Args["capital"] != ""}
	var ok bool
	if g.Case, ok = locale.ParseCase(d.Args["case"]); !ok {
		return "", fault(d.Line, `case="%s" is no case: nominative, genitive, dative, accusative, instrumental, locative (or prepositional), ablative`, clip(d.Args["case"]))
	}
	switch gender := d.Args["gender"]; gender {
	case "", "masculine":
	case "feminine":
		g.Gender = locale.Feminine
	case "neuter":
		g.Gender = locale.Neuter
	default:
		return "", fault(d.Line, `gender="%s": masculine, feminine or neuter`, clip(gender))
	}
	words := false
	switch as := d.Args["as"]; as {
	case "", "digits":
	case "words":
		words = true
	default:
		return "", fault(d.Line, `as="%s": digits or words`, clip(as))
	}
	noun := d.Args["noun"]
	if noun != "" && !l.HasNoun(noun) {
		return "", fault(d.Line, "noun=%q is not known: %s", clip(noun), strings.Join(l.Nouns(), ", "))
	}
	switch {
	case noun != "":
		return l.Counted(n, noun, g, words), nil
	case words:
		return l.Cardinal(n, g), nil
	case g.Case != locale.Nominative || g.Owned:
		return l.Numeral(n, g), nil // Kazakh digits take the ending of their word: 69-дан
	}
	return l.Number(n), nil
}
