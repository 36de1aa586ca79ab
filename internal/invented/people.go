// SPDX-License-Identifier: AGPL-3.0-or-later

package invented

import (
	"math/rand/v2"
	"strings"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/names"
)

// Person is somebody who does not exist, as their own papers would have them:
// in Kazakh letters.
type Person struct {
	Family, Given, Patronymic string
	Sex                       string // f or m
	Born                      edtf.Day
	Phone                     string
}

// Script is how a list writes names.
type Script int

// The scripts. Lists of one coalition are kept in all of them.
const (
	Kazakh Script = iota
	Russian
	Latin
)

// Spelt is a name as somebody wrote it.
type Spelt struct{ Family, Given, Patronymic string }

// Full is the name in one line.
func (s Spelt) Full() string {
	return strings.Join(strings.Fields(s.Family+" "+s.Given+" "+s.Patronymic), " ")
}

// In spells the name in a script.
func (p Person) In(script Script) Spelt {
	return Spelt{script.spell(p.Family), script.spell(p.Given), script.spell(p.Patronymic)}
}

// spell writes a Kazakh name in a script.
func (s Script) spell(name string) string {
	switch s {
	case Russian:
		return names.Transliterate(name).Russian
	case Latin:
		return names.Transliterate(name).Latin
	}
	return name
}

// person makes somebody up. January 2022 hit men of working age most.
func person(r *rand.Rand, sex string, born edtf.Day) Person {
	p := Person{Sex: sex, Born: born, Family: pick(r, heads) + pick(r, tails)}
	father := pick(r, men)
	p.Given = pick(r, men)
	ending := []string{"ұлы", "ұлы", "ович"}
	if sex == "f" {
		p.Given = pick(r, women)
		p.Family += "а"
		ending = []string{"қызы", "қызы", "овна"}
	}
	p.Patronymic = father + pick(r, ending)
	if chance(r, 70) {
		p.Phone = "+7 7" + digits(r, 2) + " " + digits(r, 3) + " " + digits(r, 4)
	}
	return p
}

// slip is a slip of the pen in a word: a letter left out, doubled, turned round
// with the next, or a vowel for another.
func slip(r *rand.Rand, word string) string {
	w := []rune(word)
	if len(w) < 5 {
		return word
	}
	i := 1 + r.IntN(len(w)-3) // the first letter is seldom wrong, and the last two tell the sex
	switch r.IntN(4) {
	case 0:
		return string(w[:i]) + string(w[i+1:])
	case 1:
		return string(w[:i+1]) + string(w[i:])
	case 2:
		w[i], w[i+1] = w[i+1], w[i]
	default:
		for j := i; j < len(w)-2; j++ {
			if other, ok := vowels[w[j]]; ok {
				w[j] = other
				break
			}
		}
	}
	return string(w)
}

// vowels are those that are written for one another.
var vowels = map[rune]rune{'а': 'о', 'о': 'а', 'е': 'и', 'и': 'е', 'ы': 'и', 'і': 'и', 'ұ': 'у', 'ү': 'у', 'ә': 'а', 'ө': 'о', 'a': 'o', 'o': 'a', 'e': 'i', 'i': 'e', 'y': 'i', 'u': 'o'}

// asWritten is a name as an organisation writes it: now and then with a slip of
// the pen, without the patronymic, with a first name cut short.
func (p Person) asWritten(r *rand.Rand, script Script) Spelt {
	s := p.In(script)
	if chance(r, 9) {
		s.Family = slip(r, s.Family)
	}
	if chance(r, 5) {
		s.Given = slip(r, s.Given)
	}
	if chance(r, 18) {
		s.Patronymic = ""
	}
	return s
}

// Misspelt is the name as somebody might type it who has heard it: in a script,
// with a slip of the pen in the family name.
func (p Person) Misspelt(r *rand.Rand, script Script) Spelt {
	s := p.In(script)
	s.Family = slip(r, s.Family)
	return s
}

func chance(r *rand.Rand, percent float64) bool { return r.Float64()*100 < percent }

// pick takes one of a list, the first ones most often.
func pick[T any](r *rand.Rand, of []T) T {
	return of[int(float64(len(of))*r.Float64()*(0.35+0.65*r.Float64()))]
}

// most takes one of a list, the first ones very much more often.
func most(r *rand.Rand, of ...string) string {
	return of[int(float64(len(of))*r.Float64()*r.Float64())]
}

func digits(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + r.IntN(10))
	}
	return string(b)
}

// The parts of names.
var (
	men   = strings.Fields("Нұрлан Ерлан Болат Серік Айдос Данияр Азамат Бауыржан Марат Асхат Тимур Қайрат Руслан Жандос Алмас Дәурен Ержан Талғат Әділ Қанат Мақсат Абай Абылай Әділбек Азат Айбек Айдар Айдын Ақжол Алмат Арман Арыстан Асан Асқар Әлібек Әмір Бағдат Бақыт Батыр Бейбіт Бекзат Берік Дамир Дархан Дастан Дәулет Досжан Думан Ерболат Ерғали Ермек Ернар Жалғас Жанболат Жанат Жасұлан Жәнібек Жомарт Жұмабек Ибрагим Ислам Кәрім Кенжебек Қадыр Қайсар Қасым Қуандық Мағжан Манас Марғұлан Медет Мейрам Мирас Мұрат Мұхтар Нұрбек Нұрғали Нұржан Олжас Оразбек Өмірбек Рауан Рашид Рүстем Сабит Самат Санжар Сәкен Сағын Сейіт Сұлтан Төлеген Тұрар Үмбет Шыңғыс Ыбырай Ілияс")
	women = strings.Fields("Айгүл Айжан Асель Динара Мадина Жанар Гүлнар Сәуле Айнұр Әйгерім Назым Алия Айсұлу Ақмарал Алма Алтынай Анар Арайлым Әсем Баян Бибігүл Ботагөз Гауһар Гүлжан Гүлмира Данагүл Дана Дариға Ділдә Еркежан Жазира Жансая Жібек Зарина Зере Камила Камшат Қарлығаш Күләш Ләззат Лейла Майра Маржан Меруерт Мөлдір Назгүл Нәзіра Нұргүл Перизат Раушан Рысты Салтанат Сандуғаш Толқын Ұлжан Ұлпан Фатима Шолпан Шынар Індіра")
	heads = strings.Fields("Ахмет Оспан Сапар Жүніс Ибра Серік Қали Сейіт Мұқан Сүлей Кәрім Омар Абди Абыл Айтба Алда Алим Аман Асан Әбді Әлі Байжан Байту Бапа Бекен Бекмұ Берді Бозта Дәулет Досжан Дүйсен Елеу Ерға Ермек Есен Жайлау Жақсы Жаман Жапар Жұма Исма Кемел Кенже Көпба Қасым Қожа Қоныс Құрман Қуаныш Мақа Мамыт Мұса Мырза Нұрға Нұрма Нүсіп Оразба Өмір Өтен Рахым Рысбе Сағым Сарсен Смағұл Тілеу Тоқта Төле Тұрсын Үсен Шайма Шора Шоқ Ыбы Ысқа")
	tails = strings.Fields("ов баев беков ғалиев жанов қалиев ев ханов канов беталов дінов қожаев құлов манов мағанов мұратов насыров рахманов рбаев сеитов таев шаров")
)
