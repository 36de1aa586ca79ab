// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/edtf"
)

// Citation is an article as cited, understood by the law of a day.
type Citation struct {
	Article string // 146, 412-1
	Part    int    // 0: none was cited
	Point   int
	Offence string          // stable key; empty where the pack does not know the article or the citation leaves it open
	Also    []string        // other offences that stood in the same place on that day
	Version *OffenceVersion // the version of the law it was read by; nil where Offence is empty
	Known   bool            // the article is in list article
	Fits    bool            // the article had such a part on that day, as far as the pack knows
}

// longestCitation bounds what is worth reading: a citation is a line, not a page.
const longestCitation = 200

var citationToken = regexp.MustCompile(`\d+(?:[-–]\d+)?|\p{L}+|[(),;]`)

type citationRole int

const (
	noRole citationRole = iota
	articleRole
	partRole
	pointRole
	andRole // between two of a sort
	ignored
)

// citationWords are the words that stand in citations, by what they say of a number, in Russian and English. What a country
// adds, and words of its language that follow their number, are in its pack.
var citationWords = map[string]citationRole{
	"ст": articleRole, "статья": articleRole, "статьи": articleRole, "статье": articleRole, "статьей": articleRole,
	"статью": articleRole, "art": articleRole, "article": articleRole, "articles": articleRole,
	"ч": partRole, "часть": partRole, "части": partRole, "частью": partRole, "part": partRole, "pt": partRole,
	"п": pointRole, "пп": pointRole, "пункт": pointRole, "пункта": pointRole, "пункту": pointRole,
	"подпункт": pointRole, "подпункта": pointRole, "point": pointRole, "item": pointRole,
	"ук": ignored, "уголовного": ignored, "уголовный": ignored, "кодекса": ignored, "кодекс": ignored,
	"республики": ignored, "по": ignored, "и": andRole, "of": ignored, "the": ignored,
	"criminal": ignored, "code": ignored, "cc": ignored, "under": ignored, "and": andRole, "uk": ignored,
	"st": articleRole, "ch": partRole, "p": pointRole,
}

// role is what the first words that match say of a number.
func (w CitationWords) role(match func(word string) bool) citationRole {
	for _, of := range []struct {
		role  citationRole
		words []string
	}{{articleRole, w.Article}, {partRole, w.Part}, {pointRole, w.Point}, {andRole, w.And}, {ignored, w.Ignored}} {
		if slices.ContainsFunc(of.words, match) {
			return of.role
		}
	}
	return noRole
}

// citationRole is what a word says of a number; declined: its number stands before it.
func (b *Book) citationRole(word string) (role citationRole, declined bool) {
	if role, ok := citationWords[word]; ok {
		return role, false
	}
	for _, p := range b.packs {
		if role := p.Citation.Words.role(func(w string) bool { return w == word }); role != noRole {
			return role, false
		}
	}
	for _, p := range b.packs {
		if role := p.Citation.Stems.role(func(stem string) bool { return strings.HasPrefix(word, stem) }); role != noRole {
			return role, true
		}
	}
	return noRole, false
}

// ParseArticle reads an article as members and authorities write it ("146 part 2", "ст.146 ч.2", "146-2", "ч. 2 ст. 146
// УК РК", "146-баптың 2-бөлігі", "362(4)(1)") and says what it meant on the day. What is no citation of one article
// is an error.
func (b *Book) ParseArticle(text string, day edtf.Day) (Citation, error) {
	shown := text
	if utf8.RuneCountInString(shown) > 40 {
		shown = string([]rune(shown)[:40]) + "…"
	}
	if len(text) > longestCitation {
		return Citation{}, fmt.Errorf("%q is too long to be an article", shown)
	}
	articles := b.list["article"] // may be nil: a book without the list knows no article
	numbers, err := b.citationNumbers(strings.ToLower(text), articles)
	if err != nil {
		return Citation{}, fmt.Errorf("%q is not an article of the law: %w", shown, err)
	}
	c := Citation{Article: numbers.article, Part: numbers.part, Point: numbers.point, Fits: true}
	if articles != nil {
		_, c.Known = articles.Code(c.Article)
	}
	b.understand(&c, day)
	return c, nil
}

// understand finds the offence that stood at the cited place on the day.
func (b *Book) understand(c *Citation, day edtf.Day) {
	for _, p := range b.packs {
		for _, a := range p.Articles {
			if a.Article == c.Article && inForce(a.From, a.Until, day) && c.Part > a.Parts {
				c.Fits = false
			}
		}
	}
	if !c.Fits {
		return
	}
	exact := b.offencesAt(c.Article, c.Part, c.Point, day)
	if len(exact) == 0 && c.Part != 0 { // the pack knows the article, not this part of it
		exact = b.offencesAt(c.Article, 0, 0, day)
	}
	for i, found := range exact {
		if i == 0 {
			c.Offence, c.Version = found.key, found.version
			continue
		}
		c.Also = append(c.Also, found.key)
	}
}

type offenceAt struct {
	key     string
	version *OffenceVersion
}

func (b *Book) offencesAt(article string, part, point int, day edtf.Day) []offenceAt {
	var out []offenceAt
	for _, p := range b.packs {
		for i := range p.Offences {
			o := &p.Offences[i]
			for j := range o.Versions {
				v := &o.Versions[j]
				if v.Article == article && v.Part == part && inForce(v.From, v.Until, day) && hasPoint(v.Points, point) {
					out = append(out, offenceAt{o.Key, v})
				}
			}
		}
	}
	return out
}

// hasPoint says whether a version covers a cited point: one that names no points covers all.
func hasPoint(points []int, point int) bool {
	if len(points) == 0 {
		return true
	}
	for _, p := range points {
		if p == point {
			return true
		}
	}
	return false
}

type citationParts struct {
	article     string
	part, point int
}

func (b *Book) citationNumbers(text string, articles *List) (citationParts, error) {
	type number struct {
		text   string
		role   citationRole
		listed bool // stands after a comma or "and": a second one of the same sort
	}
	var nums []number
	next := noRole
	depth := 0
	comma := false
	for _, tok := range citationToken.FindAllString(text, -1) {
		switch {
		case tok == "(":
			depth++
		case tok == ")":
			if depth--; depth < 0 {
				return citationParts{}, fmt.Errorf("the brackets do not match")
			}
		case tok == "," || tok == ";":
			comma = true
		case tok[0] >= '0' && tok[0] <= '9':
			nums = append(nums, number{strings.ReplaceAll(tok, "–", "-"), next, comma && next == noRole})
			next, comma = noRole, false
		default:
			role, declined := b.citationRole(tok)
			if role == noRole {
				return citationParts{}, fmt.Errorf("the word %q does not belong in a citation", tok)
			}
			if declined && len(nums) > 0 && nums[len(nums)-1].role == noRole {
				nums[len(nums)-1].role = role
				continue
			}
			switch role {
			case andRole:
				comma = true
			case ignored:
			default:
				next = role
			}
		}
	}
	if next != noRole {
		return citationParts{}, fmt.Errorf("a number is missing at the end")
	}
	if depth != 0 {
		return citationParts{}, fmt.Errorf("the brackets do not match")
	}
	var out citationParts
	set := func(to *int, text, what string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 99 {
			return fmt.Errorf("%s is no %s", text, what)
		}
		if *to != 0 {
			return fmt.Errorf("it names more than one %s", what)
		}
		*to = n
		return nil
	}
	setArticle := func(text string) error {
		if out.article != "" {
			return fmt.Errorf("it names more than one article; write one registration for each")
		}
		base, tail, hyphen := strings.Cut(text, "-")
		if hyphen && articles != nil {
			if _, ok := articles.Code(text); !ok { // 146-2 is part 2 of 146, 412-1 is an article of its own
				if err := set(&out.part, tail, "part"); err != nil {
					return err
				}
				text = base
			}
		}
		if n, err := strconv.Atoi(base); err != nil || n < 1 || n > 999 {
			return fmt.Errorf("%s is no article", text)
		}
		out.article = text
		return nil
	}
	// Numbers whose role is said come first; the others fill what is left: article, part, point.
	for _, n := range nums {
		var err error
		switch n.role {
		case articleRole:
			err = setArticle(n.text)
		case partRole:
			err = set(&out.part, n.text, "part")
		case pointRole:
			if out.point == 0 { // the first of several points is enough
				err = set(&out.point, n.text, "point")
			}
		}
		if err != nil {
			return citationParts{}, err
		}
	}
	last := noRole
	for _, n := range nums {
		if n.role != noRole {
			last = n.role
			continue
		}
		var err error
		switch {
		case n.listed && last == pointRole:
			continue
		case n.listed:
			err = fmt.Errorf("it names more than one article or part; write one registration for each")
		case out.article == "":
			err, last = setArticle(n.text), articleRole
		case out.part == 0:
			err, last = set(&out.part, n.text, "part"), partRole
		case out.point == 0:
			err, last = set(&out.point, n.text, "point"), pointRole
		default:
			err = fmt.Errorf("it has a number too many")
		}
		if err != nil {
			return citationParts{}, err
		}
	}
	if out.article == "" {
		return citationParts{}, fmt.Errorf("no number of an article in it")
	}
	return out, nil
}
