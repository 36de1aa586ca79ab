// SPDX-License-Identifier: AGPL-3.0-or-later

package names

// Reason is one thing that spoke for or against, for people to read.
type Reason struct {
	Code string // stable: role and level ("given.typo"), or "swapped", "sexes"
	A, B string // what stood on either side, as written
}

// Explain compares and gives the reasons too.
func (p *Prepared) Explain(q *Prepared) Comparison {
	c := p.Compare(q)
	a, b := p.name, q.name
	if c.Swapped {
		c.Reasons = append(c.Reasons, Reason{Code: "swapped", A: a.String(), B: b.String()})
	}
	for _, r := range []struct {
		role  string
		level Level
		a, b  string
	}{
		{"family", c.Family, a.Family, b.Family},
		{"given", c.Given, a.Given, b.Given},
		{"patronymic", c.Patronymic, a.Patronymic, b.Patronymic},
	} {
		if r.a != "" || r.b != "" {
			c.Reasons = append(c.Reasons, Reason{Code: r.role + "." + r.level.String(), A: r.a, B: r.b})
		}
	}
	if c.Sexes {
		c.Reasons = append(c.Reasons, Reason{Code: "sexes", A: a.Patronymic, B: b.Patronymic})
	}
	return c
}

// Text says the reason in lang ("en", "ru", "kk"), English for any other.
func (r Reason) Text(lang string) string {
	t, ok := reasonTexts[r.Code]
	if !ok {
		return r.Code
	}
	switch lang {
	case "ru":
		return t[1]
	case "kk":
		return t[2]
	}
	return t[0]
}

var reasonTexts = map[string][3]string{
	"family.same":          {"family names agree", "фамилии совпадают", "тектері сәйкес"},
	"family.variant":       {"family names are spellings of one name", "фамилии — варианты написания одной", "тектері — бір тектің әртүрлі жазылуы"},
	"family.typo":          {"family names are a typing error apart", "фамилии отличаются опечаткой", "тектерінің айырмасы — бір қате әріп"},
	"family.initial":       {"the initial of the family name agrees", "инициал фамилии совпадает", "тегінің бас әрпі сәйкес"},
	"family.missing":       {"one side has no family name", "фамилия есть только с одной стороны", "тегі бір жағында ғана бар"},
	"family.different":     {"family names differ", "фамилии различаются", "тектері әртүрлі"},
	"given.same":           {"given names agree", "имена совпадают", "аттары сәйкес"},
	"given.variant":        {"given names are spellings of one name", "имена — варианты написания одного", "аттары — бір аттың әртүрлі жазылуы"},
	"given.typo":           {"given names are a typing error apart", "имена отличаются опечаткой", "аттарының айырмасы — бір қате әріп"},
	"given.initial":        {"the initial of the given name agrees", "инициал имени совпадает", "атының бас әрпі сәйкес"},
	"given.missing":        {"one side has no given name", "имя есть только с одной стороны", "аты бір жағында ғана бар"},
	"given.different":      {"given names differ", "имена различаются", "аттары әртүрлі"},
	"patronymic.same":      {"the father's name agrees", "отчества совпадают", "әкесінің аты сәйкес"},
	"patronymic.variant":   {"patronymics are spellings of one name", "отчества — варианты написания одного", "әкесінің аты — бір аттың әртүрлі жазылуы"},
	"patronymic.typo":      {"patronymics are a typing error apart", "отчества отличаются опечаткой", "әкесі атының айырмасы — бір қате әріп"},
	"patronymic.initial":   {"the initial of the patronymic agrees", "инициал отчества совпадает", "әкесі атының бас әрпі сәйкес"},
	"patronymic.missing":   {"one side has no patronymic, which says nothing", "отчество есть только с одной стороны: это ничего не значит", "әкесінің аты бір жағында ғана бар: бұл ештеңені білдірмейді"},
	"patronymic.different": {"the fathers' names conflict", "отчества противоречат друг другу", "әкелерінің аты қайшы келеді"},
	"swapped":              {"family name and given name stand in each other's place", "фамилия и имя переставлены", "тегі мен аты орын ауысқан"},
	"sexes":                {"one patronymic is a man's, the other a woman's", "одно отчество мужское, другое женское", "әкесі атының бірі ер адамдікі, бірі әйелдікі"},
}
