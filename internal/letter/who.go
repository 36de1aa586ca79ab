// SPDX-License-Identifier: AGPL-3.0-or-later

package letter

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/names"
)

// leftOut stands where something is left out for want of a consent.
var leftOut = map[string]string{
	"en": "left out, no consent",
	"ru": "опущено, нет согласия",
	"kk": "алынып тасталды, келісім жоқ",
}

// withheld is what stands in place of something that is left out.
type withheld struct {
	Blank
	instead string
}

// held says whether what a field says is left out: of a person who has not
// consented, who they are; of the case, what was told in words, unless the
// victim has.
func (f *filler) held(from source) (withheld, bool) {
	rec := f.record(from.name)
	if rec == nil {
		return withheld{}, false
	}
	if rec.Kind == "person" {
		field, ok := fieldOf(f.of.kind(rec.Kind), from.field)
		switch {
		case f.mayName(rec):
			return withheld{}, false
		case from.field == fullName || ok && ofName(field.ID):
			return withheld{f.consentOf(rec), f.alias(rec)}, true
		case ok && field.Class == codebook.Identity:
			return withheld{f.consentOf(rec), blankMark + " [" + field.Label.In(f.words.Code()) + ": " + leftOut[f.words.Code()] + "]"}, true
		}
		return withheld{}, false
	}
	k := f.of.kind(rec.Kind)
	field, ok := fieldOf(k, from.field)
	if !ok || field.Type != codebook.Prose || f.agreed() {
		return withheld{}, false
	}
	return withheld{f.consentOf(f.victim()), blankMark + " [" + field.Label.In(f.words.Code()) + ": " + leftOut[f.words.Code()] + "]"}, true
}

// ofName tells whether a field of a person is a name.
func ofName(field string) bool {
	return slices.Contains([]string{"full_name", "family", "given", "patronymic", "other_names"}, field)
}

// isName tells whether what a field says is the name of somebody who may be
// named, or stands in its place: only there names are not looked for.
func (f *filler) isName(from source) bool {
	if from.name == today || from.name == due || from.name == nth {
		return true
	}
	rec := f.record(from.name)
	if rec == nil {
		return true
	}
	if rec.Kind == "person" {
		return from.field == fullName || ofName(from.field)
	}
	field, ok := fieldOf(f.of.kind(rec.Kind), from.field)
	return ok && field.Type == codebook.Ref && field.RefKind == "person"
}

// consentOf is the blank of the consent that a person has not given.
func (f *filler) consentOf(rec *casefile.Record) Blank {
	lang := f.words.Code()
	label := ""
	if k, ok := f.of.book.Kind(Consents); ok {
		label = k.Label.In(lang) + ": "
	}
	b := Blank{Kind: Consents, Field: "purpose", Label: label + f.of.book.Label("consent_purpose", f.Purpose, lang)}
	if rec != nil {
		b.Record = rec.ID
		b.Label += " (" + f.role(rec) + ")"
	}
	return b
}

// victim is the one the case is about; nil: no such person is recorded.
func (f *filler) victim() *casefile.Record {
	for _, rec := range f.c.Records {
		if rec.Kind == "person" && rec.Has("role", "victim") {
			return rec
		}
	}
	return nil
}

// agreed says whether the victim has consented to the purpose of the letter.
func (f *filler) agreed() bool {
	if v := f.victim(); v != nil {
		return f.mayName(v)
	}
	state, _ := casefile.Consent(f.c.Records, f.Purpose, f.c.Today, func(person string) bool { return person == "" })
	return state == casefile.ConsentGiven
}

// mayName says whether a person may be named: they have consented to the
// purpose, or they sign the letter and have not refused. A consent that names
// nobody is the victim's.
func (f *filler) mayName(rec *casefile.Record) bool {
	if may, ok := f.named[rec.ID]; ok {
		return may
	}
	if f.named == nil {
		f.named = map[string]bool{}
	}
	victim := f.victim() == rec
	state, _ := casefile.Consent(f.c.Records, f.Purpose, f.c.Today, func(person string) bool { return person == rec.ID || victim && person == "" })
	may := state == casefile.ConsentGiven || state == casefile.NoConsent && !victim && f.signsIt(rec)
	f.named[rec.ID] = may
	return may
}

// signsIt says whether a person is one of those who sign the letter.
func (f *filler) signsIt(rec *casefile.Record) bool {
	return slices.ContainsFunc(f.signs, func(name string) bool {
		by := f.record(name)
		return by == rec || by != nil && by.Kind != "person" && f.refers(by, rec.ID)
	})
}

// role is what a person is in the case, with a number where there are several.
func (f *filler) role(rec *casefile.Record) string {
	role := rec.Get("role")
	n, of := 0, 0
	for _, other := range f.c.Records {
		if other.Kind == "person" && other.Get("role") == role {
			of++
			if other == rec {
				n = of
			}
		}
	}
	label := f.of.book.Label("person_role", role, f.words.Code())
	if label == "" || codebook.Missing(role) {
		if k := f.of.kind("person"); k != nil {
			label = k.Label.In(f.words.Code())
		}
	}
	if of > 1 {
		label += " " + strconv.Itoa(n)
	}
	return label
}

// alias stands in place of a name: the role, of the victim with the number of the case.
func (f *filler) alias(rec *casefile.Record) string {
	alias := f.role(rec)
	if rec == f.victim() && f.c.Number != "" {
		alias += ", " + f.c.Number
	}
	return alias + " [" + leftOut[f.words.Code()] + "]"
}

// people are those of a case who may not be named, by their names and by what leads to them.
type people struct {
	mark  string
	names [][]rune     // parts of names, folded, cut to their stem
	any   names.Hidden // the same in other scripts
	exact []string     // telephone numbers, addresses and the like
}

func (f *filler) people() *people {
	p := &people{mark: "[" + leftOut[f.words.Code()] + "]"}
	for _, rec := range f.c.Records {
		if rec.Kind != "person" || f.mayName(rec) {
			continue
		}
		k := f.of.kind(rec.Kind)
		for id, values := range rec.Fields {
			field, ok := fieldOf(k, id)
			if !ok || field.Class != codebook.Identity || field.Type == codebook.Date || field.Type == codebook.Prose && id != "address" {
				continue
			}
			for _, v := range values {
				if codebook.Missing(v) {
					continue
				}
				if ofName(id) {
					p.name(v)
					continue
				}
				if v = strings.TrimSpace(visible(v)); utf8.RuneCountInString(v) >= shortest && id != "nationality" && id != "ethnicity" && id != "occupation" {
					p.exact = append(p.exact, v)
				}
			}
		}
	}
	slices.SortFunc(p.exact, func(a, b string) int { return len(b) - len(a) })
	return p
}

// Lengths of names, in letters: of the shortest whose endings are not looked
// at, and of what Russian and Kazakh put after a name.
const (
	shortest = 4
	longest  = 7
)

// endings are those that a short name may have. A longer one may have any.
const endings = " а я е у ю ы и ой ей ою ею ом ем ам ям ами ями ах ях ов ев ью " +
	"ның нің дың дің тың тің ға ге қа ке на не ны ні ды ді ты ті да де та те нда нде дан ден тан тен нан нен мен бен пен s "

func (p *people) name(full string) {
	p.any.Add(visible(full))
	for part := range strings.FieldsFuncSeq(visible(full), notOfWord) {
		stem := []rune(fold(part))
		if n := len(stem); n > 2 && strings.ContainsRune("аяоеёйьыиіуюaeiouy", stem[n-1]) {
			stem = stem[:n-1]
		}
		p.names = append(p.names, stem)
	}
}

// hide puts a mark in place of each name in a text, whatever its ending. It
// rather hides a word that only looks like a name than shows a name.
func (p *people) hide(text string) string {
	if len(p.names) == 0 && len(p.exact) == 0 {
		return text
	}
	text = visible(text)
	for _, exact := range p.exact {
		text = strings.ReplaceAll(text, exact, p.mark)
	}
	var b strings.Builder
	for len(text) > 0 {
		if strings.HasPrefix(text, p.mark) {
			b.WriteString(p.mark)
			text = text[len(p.mark):]
			continue
		}
		end := strings.IndexFunc(text, notOfWord)
		if end < 0 {
			end = len(text)
		}
		if end == 0 {
			_, end = utf8.DecodeRuneInString(text)
			b.WriteString(text[:end])
		} else if word := text[:end]; p.is(word) {
			b.WriteString(p.mark)
		} else {
			b.WriteString(word)
		}
		text = text[end:]
	}
	return b.String()
}

func (p *people) is(word string) bool {
	if p.any.Word(word) {
		return true
	}
	letters := []rune(fold(word))
	return slices.ContainsFunc(p.names, func(stem []rune) bool {
		if len(letters) < len(stem) || !slices.Equal(letters[:len(stem)], stem) {
			return false
		}
		rest := string(letters[len(stem):])
		switch n := len(stem); {
		case rest == "":
			return n > 1 || unicode.IsUpper([]rune(word)[0])
		case n < 2:
			return false
		case n <= shortest:
			return strings.Contains(endings, " "+rest+" ")
		}
		return len(letters)-len(stem) <= longest
	})
}

func notOfWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) }

func fold(word string) string { return strings.ReplaceAll(strings.ToLower(word), "ё", "е") }

// visible is a text without what a document drops when it is written, so that
// no name comes together only there: package paper writes it composed.
func visible(text string) string {
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && r != '\r' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "")))
}
