// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook_test

import (
	"testing"
)

// TestFind: what the lists of four members say, in their own words.
func TestFind(t *testing.T) {
	b := book(t)
	for list, words := range map[string]map[string]string{
		"region": {
			"Mangistauskaya oblast": "KZ-47", "Мангистауская область": "KZ-47", "Маңғыстау облысы": "KZ-47",
			"Aktyubinskaya oblast": "KZ-15", "Актюбинская область": "KZ-15", "Ақтөбе облысы": "KZ-15",
			"Almatinskaya oblast": "KZ-19", "Алматинская область": "KZ-19", "Алматы облысы": "KZ-19",
			"Atyrauskaya oblast": "KZ-23", "Атырауская область": "KZ-23", "Атырау облысы": "KZ-23",
			"Karagandinskaya oblast": "KZ-35", "Карагандинская область": "KZ-35", "Қарағанды облысы": "KZ-35",
			"Kostanayskaya oblast": "KZ-39", "Костанайская область": "KZ-39", "Қостанай облысы": "KZ-39",
			"Kyzylordinskaya oblast": "KZ-43", "Кызылординская область": "KZ-43", "Қызылорда облысы": "KZ-43",
			"Vostochno-Kazakhstanskaya oblast": "KZ-63", "Восточно-Казахстанская область": "KZ-63", "Шығыс Қазақстан облысы": "KZ-63",
			"Zapadno-Kazakhstanskaya oblast": "KZ-27", "Западно-Казахстанская область": "KZ-27", "Батыс Қазақстан облысы": "KZ-27",
			"Zhambylskaya oblast": "KZ-31", "Жамбылская область": "KZ-31", "Жамбыл облысы": "KZ-31",
			"g. Almaty": "KZ-75", "г. Алматы": "KZ-75", "Алматы қаласы": "KZ-75", "Г.АЛМАТЫ": "KZ-75",
			"g. Shymkent": "KZ-79", "г. Шымкент": "KZ-79", "Шымкент қаласы": "KZ-79", " kz-79 ": "KZ-79",
		},
		"place_type": {
			"City police department": "police_city", "Городское управление полиции": "police_city",
			"District police station": "police_district", "Районный отдел полиции": "police_district",
			"Police vehicle": "vehicle", "Полицейский автомобиль": "vehicle",
			"National Security Committee building": "nsc_site", "Здание ДКНБ": "nsc_site",
			"Temporary detention (IVS)": "ivs", "ИВС (изолятор временного содержания)": "ivs",
			"Special detention centre": "special_reception", "Спецприёмник": "special_reception", "спецприемник": "special_reception",
			"Pre-trial prison (SIZO)": "sizo", "СИЗО": "sizo",
			"Street or square": "street", "Улица, площадь": "street",
		},
		"method": {
			"beating": "beat", "побои": "beat", "truncheon blows": "beat_object", "удары дубинкой": "beat_object",
			"burns with an iron": "burn", "прижигание утюгом": "burn", "electric shocks": "electric", "электрошок": "electric",
			"suffocation with a bag": "dry_asphyxia", "удушение пакетом": "dry_asphyxia",
			"forced position": "stress_position", "вынужденная поза": "stress_position",
			"forced nudity": "nudity", "раздевание": "nudity", "gunshot wound": "gunshot", "огнестрельное ранение": "gunshot",
			"denial of medical care": "medical_denied", "лишение медицинской помощи": "medical_denied",
			"threats": "threat", "угрозы": "threat", "sexual violence": "sexual", "сексуальное насилие": "sexual",
			"forced to sign documents": "forced_signature", "принуждение подписать документы": "forced_signature",
		},
		"no_complaint_reason": {
			"fear of reprisals": "fear_of_reprisals", "опасается преследования": "fear_of_reprisals",
			"no trust in the outcome": "no_trust", "не верит в результат": "no_trust",
			"no access to a complaint mechanism in detention": "no_access_in_detention",
			"нет доступа к жалобам в изоляторе":               "no_access_in_detention",
			"did not know how": "no_knowledge", "не знает как": "no_knowledge",
		},
		"body": {
			"Police Department": "police", "департамент полиции": "police", "Prosecutor's Office": "prosecutor",
			"Prosecutor’s Office": "prosecutor", "прокуратура": "prosecutor", "National Security Committee": "nsc", "КНБ": "nsc",
			"Anti-Corruption Service": "acs", "антикоррупционная служба": "acs",
			"центр судебных экспертиз": "forensic_centre", "коалиция": "coalition",
		},
		"exam_setting": {"здание антикоррупционной службы": "acs_premises", "центр судебных экспертиз": "forensic_centre"},
		"exam_kind":    {"независимая экспертиза": "independent_ip", "психолого-психиатрическая экспертиза": "sppe", "СМЭ": "sme"},
		"closure_ground": {
			"no event of a crime": "kz.35-1-1", "за отсутствием события преступления": "kz.35-1-1",
			"no elements of a crime": "kz.35-1-2", "за отсутствием состава преступления": "kz.35-1-2",
			"not proven": "kz.35-2", "за недоказанностью": "kz.35-2",
		},
		"notice_channel": {
			"letter": "post", "письмо": "post", "text message": "sms", "СМС": "sms", "через адвоката": "via_lawyer",
			"not notified": "none", "не уведомлён": "none", "не уведомлен": "none",
		},
		"registration_state": {
			"investigated without registration": "unregistered_check", "проверка без регистрации в ЕРДР": "unregistered_check",
			"зарегистрировано в ЕРДР": "erdr",
		},
		"sex":   {"M": "m", "F": "f", "м": "m", "ж": "f", "муж": "m", "жен": "f", "Муж.": "m", "ер": "m", "әйел": "f", "ЕР": "m", "Әйел": "f"},
		"yesno": {"yes": "yes", "no": "no", "да": "yes", "нет": "no", "Да": "yes", "иә": "yes", "жоқ": "no", "unknown": "unknown"},
	} {
		l, ok := b.List(list)
		if !ok {
			t.Errorf("no list %s", list)
			continue
		}
		for text, want := range words {
			if got, ok := l.Find(text); !ok || got != want {
				t.Errorf("%s: %q finds %q, not %q", list, text, got, want)
			}
		}
		for _, text := range []string{"", " ", "—", "Atlantis", "совсем не то"} {
			if got, ok := l.Find(text); ok {
				t.Errorf("%s: %q finds %q", list, text, got)
			}
		}
	}
}

func FuzzFind(f *testing.F) {
	b := book(f)
	l, _ := b.List("region")
	for _, s := range []string{"г. Алматы", "Алматы қаласы", "\xff", "ё", "kz-75"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		code, ok := l.Find(s)
		if _, there := l.Code(code); ok && !there {
			t.Errorf("%q finds %q, which is no code", s, code)
		}
		again, _ := l.Find("  " + s + ". ")
		if again != code {
			t.Errorf("%q finds %q, with spaces and a stop %q", s, code, again)
		}
	})
}
