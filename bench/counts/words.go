// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/names"
)

// name is what somebody who does not exist is called.
type name struct{ family, given, patronymic string }

// The parts of made-up names: 60 by 40 by 4 family names for each sex, of which the first are the most frequent.
var (
	heads = strings.Fields(`Нұр Ахмет Қали Сейіт Оспан Бай Жұма Исаб Төле Мұса Рахим Кенже Әбді Дүйсен Сапар Ержан Тілеу Омар Жақс Бек
		Иван Петр Смирн Кузн Попо Сокол Мороз Волк Лебед Козл Айт Есен Сүлей Мырза Шәріп Қожа Абыл Темір Қайр Болат
		Серік Жан Алтын Күміс Тас Дос Ерм Қуан Сәт Шаяхм Юлд Рустам Хаким Азим Карим Гулям Турсын Махм Надыр Зия`)
	middles = strings.Fields(`- бек бай жан хан ғали мұрат кер тай сұлтан берді гелді дәулет мағамбет болат қара жігіт ақын шал шора
		бол қан сар лан мар тар дин рат жол күл шын бар сап тұр ман кен жар дос ым ел`)
	ends  = [][2]string{{"ов", "ова"}, {"ев", "ева"}, {"ин", "ина"}, {"ұлы", "қызы"}}
	given = [2][]string{
		strings.Fields("Болат Ерлан Тимур Қайрат Нұржан Айдос Мақсат Жандос Серік Алексей Максим Руслан Асхат Данияр Ержан Бауыржан Сергей Андрей Дмитрий Марат Ғалым Нұрлан Талғат Азамат Әділ Бекзат Виктор Игорь Олжас Самат Рашид Фархад Ильяс Мирас Арман Санжар"),
		strings.Fields("Асель Мадина Жанар Айжан Гүлнар Дина Әлия Светлана Ольга Наталья Ирина Сәуле Роза Зарина Назгүл Ботагөз Қарлығаш Анар Жұлдыз Лаура Мәншүк Фатима Гульзат Елена Татьяна Динара Айгерім Перизат Томирис Меруерт"),
	}
)

// often picks one of many, the first most.
func often(r *rand.Rand, of []string) string {
	return of[int(float64(len(of))*r.Float64()*r.Float64())]
}

// named makes a name up.
func named(r *rand.Rand, sex string) name {
	f := 0
	if sex == "f" {
		f = 1
	}
	n := name{family: often(r, heads) + strings.Trim(often(r, middles), "-") + ends[r.IntN(len(ends))][f], given: often(r, given[f])}
	father := often(r, given[0])
	n.patronymic = father + [2]string{"ұлы", "қызы"}[f]
	return n
}

// latin is how a passport has it.
func (n name) latin() name {
	spell := func(s string) string { return names.Transliterate(s).Latin }
	return name{spell(n.family), spell(n.given), spell(n.patronymic)}
}

// slip is a slip of the pen in a word of some length: two letters swapped, one left out, doubled or taken for another.
func slip(r *rand.Rand, word string) string {
	letters := []rune(word)
	if len(letters) < 5 {
		return word
	}
	i := 1 + r.IntN(len(letters)-2)
	switch r.IntN(4) {
	case 0:
		letters[i], letters[i+1] = letters[i+1], letters[i]
	case 1:
		letters = slices.Delete(letters, i, i+1)
	case 2:
		letters = slices.Insert(letters, i, letters[i])
	default:
		letters[i] = []rune("aeioukmnrst")[r.IntN(11)]
	}
	return string(letters)
}

// What accounts are made of: each line is a choice, in the forms in which sentences have the words.
var phrases = [][]string{
	{"Меня задержали", "Нас задержали", "Его задержали", "Сына забрали", "Мужа увезли", "Брата остановили"},
	{"на площади", "у вокзала", "возле дома", "на улице", "в автобусе", "на рынке", "у больницы", "на посту", "в магазине", "возле акимата"},
	{"вечером", "ночью", "утром", "днём", "на рассвете", "после полуночи"},
	{"люди в масках", "сотрудники полиции", "военные", "спецназовцы", "участковый", "следователь с оперативниками", "неизвестные в штатском"},
	{"и привезли в отдел.", "и доставили в изолятор.", "и отвели в подвал.", "и посадили в машину.", "и бросили в автозак.", "и увели в гараж."},
	{"Били дубинками", "Избивали палкой", "Ударили прикладом", "Пинали ногами", "Душили пакетом", "Пытали током", "Обливали водой", "Прижигали утюгом", "Били кулаками", "Надевали противогаз"},
	{"по почкам", "по спине", "по голове", "по рёбрам", "по пяткам", "по рукам", "по лицу", "по коленям"},
	{"в кабинете", "в камере", "в коридоре", "во дворе", "в спортзале", "в подвале", "в туалете", "в актовом зале"},
	{"и требовали признания.", "и заставляли подписать протокол.", "и угрожали семье.", "и снимали на телефон.", "и смеялись.", "и спрашивали про оружие.", "и называли террористом."},
	{"Врача не вызвали.", "Врач осмотрел и промолчал.", "Адвоката не пустили.", "Адвокат пришёл через три дня.", "Родственникам не сообщили.", "Жалобу не приняли.", "Скорая увезла в больницу."},
	{"Сломаны рёбра.", "Остались шрамы.", "Болит спина.", "Потерял сознание.", "Перестал слышать.", "Не может спать.", "Сотрясение мозга.", "Сломана челюсть.", "Отбиты почки."},
	{"Свидетели боятся.", "Есть видео с камеры.", "Соседи видели всё.", "Запись стёрли.", "Документы изъяли.", "Телефон не вернули.", "Одежду сожгли.", "Справку из травмпункта потеряли."},
}

// account makes an account up.
func account(r *rand.Rand) string {
	said := make([]string, len(phrases))
	for i, of := range phrases {
		said[i] = of[r.IntN(len(of))]
	}
	return strings.Join(said, " ")
}
