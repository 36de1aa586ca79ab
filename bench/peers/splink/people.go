// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/names"
)

// columns of the file that is made up: an id and eight fields.
var columns = []string{"id", "family", "given", "patronymic", "sex", "birth", "region", "town", "phone"}

// inventor makes up people nobody has met.
type inventor struct {
	rng      *rand.Rand
	families *rand.Zipf
	given    *rand.Zipf
	town     *rand.Zipf
	family   []string
	latin    map[string]string
	russian  map[string]string
}

var (
	men   = strings.Fields("Абай Абзал Абылай Адал Әділ Әділбек Азамат Азат Айбар Айбек Айболат Айдар Айдос Айдын Айтбай Ақан Ақжол Алдияр Алмас Алмат Алтай Арман Арыстан Асан Асқар Асхат Аян Әлібек Әмір Бағдат Бақыт Батыр Бауыржан Бейбіт Бекзат Бекболат Берік Болат Дамир Данияр Дархан Дастан Дәулет Дәурен Досжан Думан Ебра Ералы Ерболат Ерғали Ержан Ерік Ерлан Ермек Ернар Жалғас Жандос Жанболат Жанат Жасұлан Жәнібек Жомарт Жұмабек Зейнолла Ибрагим Ислам Кәрім Кемел Кенжебек Қадыр Қайрат Қайсар Қанат Қасым Қуандық Мағжан Манас Марат Марғұлан Медет Мейрам Мирас Мұрат Мұхтар Нұрбек Нұрғали Нұржан Нұрлан Олжас Оразбек Өмірбек Рауан Рашид Руслан Рүстем Сабит Самат Санжар Сәкен Сағын Сейіт Серік Сұңқар Сұлтан Талғат Тимур Төлеген Тұрар Үмбет Шыңғыс Ыбырай Ілияс")
	women = strings.Fields("Айгүл Айда Айжан Айнұр Айсұлу Ақмарал Алия Алма Алтынай Анар Арайлым Асель Әсем Әйгерім Баян Бибігүл Ботагөз Гауһар Гүлжан Гүлмира Гүлнар Данагүл Дана Дариға Динара Ділдә Еркежан Жазира Жанар Жансая Жібек Зарина Зере Зәуре Камила Камшат Қарлығаш Күләш Ләззат Лейла Мадина Майра Маржан Мейрамгүл Меруерт Мөлдір Назгүл Назым Нәзіра Нұргүл Перизат Раушан Рысты Сәуле Салтанат Сандуғаш Сара Толқын Ұлжан Ұлпан Фатима Шолпан Шынар Індіра")
	heads = strings.Fields("Абди Абыл Айтба Алда Алим Аман Асан Ахмет Әбді Әлі Байжан Байту Бапа Бекен Бекмұ Берді Бозта Дәулет Досжан Дүйсен Елеу Ерға Ермек Есен Жайлау Жақсы Жаман Жапар Жұма Жүніс Ибра Исма Кәрім Кемел Кенже Көпба Қали Қасым Қожа Қоныс Құрман Қуаныш Мақа Мамыт Мұқан Мұса Мырза Нұрға Нұрма Нүсіп Оразба Оспан Өмір Өтен Рахым Рысбе Сағым Сапар Сарсен Сейіт Серік Смағұл Сүлей Тілеу Тоқта Төле Тұрсын Үсен Шайма Шора Шоқ Ыбы Ысқа")
	tails = strings.Fields("баев беков бетов ғалиев дінов жанов канов қалиев қожаев құлов манов мағанов молдин мұратов мухамедов насыров нияз пісов рахманов рбаев сеитов таев ханов шаров ырбаев")
	towns = strings.Fields("Алматы Астана Шымкент Қарағанды Ақтөбе Тараз Павлодар Өскемен Семей Атырау Қостанай Қызылорда Орал Петропавл Ақтау Теміртау Түркістан Көкшетау Талдықорған Екібастұз Рудный Жаңаөзен Жезқазған Балқаш Кентау Сәтбаев Қаскелең Құлсары Риддер Степногорск Арқалық Сарыағаш Аягөз Лисаков Шу Шахтинск Қапшағай Жаркент Аксай Есік Зайсан Хромтау Макинск Абай Арал Форт Сарань Атбасар Текелі Ушарал")
)

func newInventor(seed uint64) *inventor {
	v := &inventor{rng: rand.New(rand.NewPCG(seed, 2)), latin: map[string]string{}, russian: map[string]string{}} //nolint:gosec // invented people, no secret
	for _, h := range heads {
		for _, t := range tails {
			v.family = append(v.family, h+t)
		}
	}
	v.rng.Shuffle(len(v.family), func(i, j int) { v.family[i], v.family[j] = v.family[j], v.family[i] })
	v.families = rand.NewZipf(v.rng, 1.05, 60, uint64(len(v.family)-1))
	v.given = rand.NewZipf(v.rng, 1.1, 15, 10_000)
	v.town = rand.NewZipf(v.rng, 1.2, 5, uint64(len(towns)-1))
	return v
}

// person is one invented person as the papers would have it.
type person struct{ family, given, father, sex, birth, region, town, phone string }

func (v *inventor) person() person {
	pool, p := men, person{sex: "m"}
	if v.rng.IntN(100) < 30 {
		pool, p.sex = women, "f"
	}
	p.family = v.family[v.families.Uint64()]
	if p.sex == "f" && strings.HasSuffix(p.family, "в") {
		p.family += "а"
	}
	p.given = pool[v.given.Uint64()%uint64(len(pool))]
	p.father = men[v.given.Uint64()%uint64(len(men))]
	day := time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, v.rng.IntN(55*365))
	p.birth = day.Format(time.DateOnly)
	town := v.town.Uint64()
	p.town = towns[town]
	p.region = fmt.Sprintf("KZ-%d", 10+town%17)
	if v.rng.IntN(100) < 70 {
		p.phone = fmt.Sprintf("+77%09d", v.rng.IntN(1_000_000_000))
	}
	return p
}

// patronymic writes a father's name in one of the usual ways.
func (v *inventor) patronymic(p person) string {
	ends := [2]string{"ұлы", "ович"}
	if p.sex == "f" {
		ends = [2]string{"қызы", "овна"}
	}
	return p.father + ends[v.rng.IntN(2)]
}

// row writes a person as one list has them.
func (v *inventor) row(p person) []string {
	return []string{p.family, p.given, v.patronymic(p), p.sex, p.birth, p.region, p.town, p.phone}
}

// again writes the same person as another list would: another script, a slip, what is not known.
func (v *inventor) again(p person) []string {
	r := v.row(p)
	chance := func(percent int) bool { return v.rng.IntN(100) < percent }
	switch v.rng.IntN(10) {
	case 0, 1:
		for k := range 3 {
			r[k] = v.spelt(v.latin, r[k], func(s names.Spellings) string { return s.Latin })
		}
	case 2, 3, 4:
		for k := range 3 {
			r[k] = v.spelt(v.russian, r[k], func(s names.Spellings) string { return s.Russian })
		}
	}
	if chance(15) {
		r[0] = v.slip(r[0])
	}
	if chance(10) {
		r[1] = v.slip(r[1])
	}
	if chance(40) {
		r[2] = ""
	}
	switch n := v.rng.IntN(100); {
	case n < 12:
		r[4] = r[4][:4]
	case n < 17 && r[4][8:] <= "12":
		r[4] = r[4][:4] + "-" + r[4][8:] + "-" + r[4][5:7]
	case n < 22:
		r[4] = r[4][:9] + strconv.Itoa(v.rng.IntN(10))
	case n < 27:
		r[4] = ""
	}
	if chance(8) {
		r[6] = towns[v.town.Uint64()]
	}
	if chance(35) {
		r[7] = ""
	}
	return r
}

func (v *inventor) spelt(known map[string]string, name string, pick func(names.Spellings) string) string {
	s, ok := known[name]
	if !ok {
		if s = pick(names.Transliterate(name)); s == "" {
			s = name
		}
		known[name] = s
	}
	return s
}

// slip makes one typing error: a letter lost, doubled, or two in the wrong order.
func (v *inventor) slip(s string) string {
	r := []rune(s)
	if len(r) < 5 {
		return s
	}
	k := 1 + v.rng.IntN(len(r)-2)
	switch v.rng.IntN(3) {
	case 0:
		return string(r[:k]) + string(r[k+1:])
	case 1:
		return string(r[:k]) + string(r[k]) + string(r[k:])
	}
	r[k], r[k+1] = r[k+1], r[k]
	return string(r)
}

// write makes a file of rows, a fifth of them somebody again, and says who each is.
func (v *inventor) write(w io.Writer, rows int) ([]int32, error) {
	buffered := bufio.NewWriterSize(w, 1<<20)
	out := csv.NewWriter(buffered)
	if err := out.Write(columns); err != nil {
		return nil, err
	}
	truth := make([]int32, 0, rows)
	var recent []person
	var numbers []int
	people := 0
	for n := range rows {
		var r []string
		who := people
		if len(recent) > 100 && v.rng.IntN(5) == 0 {
			k := v.rng.IntN(len(recent))
			r, who = v.again(recent[k]), numbers[k]
		} else {
			p := v.person()
			r = v.row(p)
			people++
			if len(recent) < 200_000 {
				recent, numbers = append(recent, p), append(numbers, who)
			} else {
				k := v.rng.IntN(len(recent))
				recent[k], numbers[k] = p, who
			}
		}
		truth = append(truth, int32(who)) //nolint:gosec // fewer than there are rows
		if err := out.Write(append([]string{"r" + strconv.Itoa(n)}, r...)); err != nil {
			return nil, err
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return nil, err
	}
	return truth, buffered.Flush()
}
