// SPDX-License-Identifier: AGPL-3.0-or-later

package invented

import (
	"fmt"

	"github.com/kua-registry/kua/internal/casefile"
)

// region is a region with its towns and what part of all cases is from it.
type region struct {
	code  string
	share int
	towns []string // as in Russian texts
	kk    string   // the first of them, in Kazakh
}

var regions = []region{
	{"KZ-75", 30, []string{"Алматы"}, "Алматы"},
	{"KZ-19", 9, []string{"Талгар", "Каскелен", "Есик"}, "Талғар"},
	{"KZ-33", 7, []string{"Талдыкорган", "Жаркент", "Текели"}, "Талдықорған"},
	{"KZ-31", 8, []string{"Тараз", "Шу"}, "Тараз"},
	{"KZ-79", 7, []string{"Шымкент"}, "Шымкент"},
	{"KZ-43", 6, []string{"Кызылорда", "Арал"}, "Қызылорда"},
	{"KZ-47", 5, []string{"Актау", "Жанаозен"}, "Ақтау"},
	{"KZ-23", 4, []string{"Атырау", "Кульсары"}, "Атырау"},
	{"KZ-15", 4, []string{"Актобе", "Хромтау"}, "Ақтөбе"},
	{"KZ-35", 4, []string{"Караганда", "Темиртау", "Балхаш"}, "Қарағанды"},
	{"KZ-71", 4, []string{"Астана"}, "Астана"},
	{"KZ-27", 3, []string{"Уральск", "Аксай"}, "Орал"},
	{"KZ-10", 3, []string{"Семей", "Аягоз"}, "Семей"},
	{"KZ-63", 2, []string{"Усть-Каменогорск", "Риддер"}, "Өскемен"},
	{"KZ-39", 1, []string{"Костанай", "Рудный"}, "Қостанай"},
	{"KZ-55", 1, []string{"Павлодар", "Экибастуз"}, "Павлодар"},
	{"KZ-11", 1, []string{"Кокшетау"}, "Көкшетау"},
	{"KZ-61", 1, []string{"Туркестан", "Сарыагаш"}, "Түркістан"},
}

// facilities of a region, by kind of place.
var facilityKinds = []struct{ kind, ru, kk, body string }{
	{"police_city", "Управление полиции", "Полиция басқармасы", "police"},
	{"police_district", "Районный отдел полиции № 1", "№ 1 аудандық полиция бөлімі", "police"},
	{"police_station", "Участковый пункт полиции № 7", "№ 7 учаскелік полиция пункті", "police"},
	{"ivs", "Изолятор временного содержания", "Уақытша ұстау изоляторы", "police"},
	{"sizo", "Следственный изолятор", "Тергеу изоляторы", "penal"},
	{"colony", "Исправительная колония", "Түзеу колониясы", "penal"},
}

// Shared is a record that stands outside cases: a facility, an official.
type Shared struct {
	Kind, ID string
	Fields   casefile.Fields
}

// Shared are the facilities and the officials of a register: those that its
// cases name. There are as many officials as fit its size.
func (r Register) Shared() []Shared {
	var all []Shared
	for i := range len(regions) * len(facilityKinds) {
		at, kind := regions[i/len(facilityKinds)], facilityKinds[i%len(facilityKinds)]
		all = append(all, Shared{Kind: "facility", ID: r.facility(i), Fields: fields(
			"name", kind.ru+", "+at.towns[0]+" (invented)", "name_ru", kind.ru+", "+at.towns[0]+" (вымышлено)", "name_kk", kind.kk+", "+at.kk+" (ойдан шығарылған)",
			"kind", kind.kind, "body_code", kind.body, "region", at.code, "city", at.towns[0])})
	}
	for i := range r.officials() {
		x := r.random(i, "official")
		p := person(x, "m", 0)
		s := p.In(Russian)
		all = append(all, Shared{Kind: "official", ID: r.official(i), Fields: fields("family", s.Family, "given", s.Given, "patronymic", s.Patronymic,
			"body", most(x, "police", "police", "special_units", "nsc", "penal"), "rank", most(x, "старший лейтенант", "капитан", "майор", "лейтенант", "подполковник"),
			"post", most(x, "оперуполномоченный", "следователь", "участковый", "начальник смены"), "status", most(x, "in_post_uncharged", "in_post_uncharged", "suspended", "promoted", "dismissed"))})
	}
	return all
}

func (r Register) officials() int { return max(12, r.Cases/80) }

func (r Register) facility(i int) string { return r.id("facility", uint64(i)) }
func (r Register) official(i int) string { return r.id("official", uint64(i)) }

// OrgName is the name of an organisation of the register.
func OrgName(k int) string { return fmt.Sprintf("Organisation %d (invented)", k+1) }

// OrgID is an id for an organisation, where no register has given it one.
func (r Register) OrgID(k int) string { return r.id("organisation", uint64(k)) }
