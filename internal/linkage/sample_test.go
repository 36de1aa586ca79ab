// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/linkage/linkagetest"
)

var regionCodes = codes(`KZ-15 Aktyubinskaya oblast|Актюбинская область|Ақтөбе облысы
KZ-19 Almatinskaya oblast|Алматинская область|Алматы облысы
KZ-23 Atyrauskaya oblast|Атырауская область|Атырау облысы
KZ-35 Karagandinskaya oblast|Карагандинская область|Қарағанды облысы
KZ-39 Kostanayskaya oblast|Костанайская область|Қостанай облысы
KZ-43 Kyzylordinskaya oblast|Кызылординская область|Қызылорда облысы
KZ-47 Mangistauskaya oblast|Мангистауская область|Маңғыстау облысы
KZ-63 Vostochno-Kazakhstanskaya oblast|Восточно-Казахстанская область|Шығыс Қазақстан облысы
KZ-27 Zapadno-Kazakhstanskaya oblast|Западно-Казахстанская область|Батыс Қазақстан облысы
KZ-31 Zhambylskaya oblast|Жамбылская область|Жамбыл облысы
KZ-75 g. Almaty|г. Алматы|Алматы қаласы
KZ-79 g. Shymkent|г. Шымкент|Шымкент қаласы`)

var placeCodes = codes(`city_police City police department|Городское управление полиции
district_police District police station|Районный отдел полиции
knb National Security Committee building|Здание ДКНБ
vehicle Police vehicle|Полицейский автомобиль
sizo Pre-trial prison (SIZO)|СИЗО
special Special detention centre|Спецприёмник
street Street or square|Улица, площадь
ivs Temporary detention (IVS)|ИВС (изолятор временного содержания)`)

var methodCodes = codes(`burns burns with an iron|прижигание утюгом
beating beating|побои
truncheon truncheon blows|удары дубинкой
bag suffocation with a bag|удушение пакетом
electric electric shocks|электрошок
position forced position|вынужденная поза
nudity forced nudity|раздевание
medical denial of medical care|лишение медицинской помощи
sign forced to sign documents|принуждение подписать документы
gunshot gunshot wound|огнестрельное ранение
sexual sexual violence|сексуальное насилие
threats threats|угрозы`)

var sexCodes = map[string]string{"M": "m", "F": "f", "м": "m", "ж": "f", "муж": "m", "жен": "f", "ер": "m", "әйел": "f"}

func codes(table string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(table) {
		code, texts, _ := strings.Cut(strings.TrimSpace(line), " ")
		for text := range strings.SplitSeq(texts, "|") {
			out[text] = code
		}
	}
	return out
}

// day turns 05.01.2022 into 2022-01-05; other texts stay.
func day(s string) string {
	if len(s) == 10 && s[2] == '.' {
		return s[6:] + "-" + s[3:5] + "-" + s[:2]
	}
	return s
}

func sampleRecord(t testing.TB, list, id string, fields map[string]string) Record {
	t.Helper()
	r := Record{ID: list + ":" + id, List: list, Fields: map[string][]string{}}
	for k, v := range fields {
		if v != "" {
			r.Fields[k] = []string{v}
		}
	}
	coded := func(field string, table map[string]string, sep string) {
		text := fields[field]
		if text == "" {
			return
		}
		r.Fields[field] = nil
		parts := []string{text}
		if sep != "" {
			parts = strings.Split(text, sep)
		}
		for _, p := range parts {
			code, ok := table[strings.TrimSpace(p)]
			if !ok {
				t.Fatalf("%s: %s %q has no code here", r.ID, field, p)
			}
			r.Fields[field] = append(r.Fields[field], code)
		}
	}
	coded("region", regionCodes, "")
	coded("place_type", placeCodes, "")
	coded("sex", sexCodes, "")
	coded("methods", methodCodes, map[bool]string{true: ";", false: ","}[strings.Contains(fields["methods"], ";")])
	return r
}

// sampleRecords reads the four members' lists as the registry would hand them over.
func sampleRecords(t testing.TB) []Record {
	t.Helper()
	var out []Record
	for _, r := range linkagetest.Sheet(t, linkagetest.Material(t, "january-2022/northern-bureau.xlsx"), "Cases") {
		out = append(out, sampleRecord(t, "northern-bureau", r["Case ID"], map[string]string{
			"family": r["Family name"], "given": r["Given name"], "sex": r["Sex"], "birth": r["Date of birth"], "region": r["Region"],
			"incident": r["Date of incident"], "place_type": r["Place of ill-treatment"], "register_no": r["UPRI No."], "complaint": r["Complaint date"],
			"methods": r["Methods"],
		}))
	}
	path := linkagetest.Material(t, "january-2022/legal-aid.xlsx")
	complaint, number := map[string]string{}, map[string]string{}
	for _, r := range linkagetest.Sheet(t, path, "Процесс") {
		switch r["Действие"] {
		case "жалоба подана":
			complaint[r["№ дела"]] = day(r["Дата"])
		case "зарегистрировано в ЕРДР":
			number[r["№ дела"]] = r["Номер ЕРДР"]
		}
	}
	for _, r := range linkagetest.Sheet(t, path, "Обращения") {
		_, place, _ := strings.Cut(r["Место"], ", ")
		id := r["№"]
		out = append(out, sampleRecord(t, "legal-aid", id, map[string]string{
			"other_names": r["ФИО"], "sex": r["Пол"], "birth": day(r["Дата рождения"]), "region": r["Область"], "incident": day(r["Дата события"]),
			"place_type": place, "register_no": number[id], "complaint": complaint[id], "methods": r["Виды насилия"],
		}))
	}
	for _, r := range linkagetest.CSV(t, linkagetest.Material(t, "january-2022/detention-watch.csv"), ';', true) {
		out = append(out, sampleRecord(t, "detention-watch", r["Номер"], map[string]string{
			"family": r["Фамилия"], "given": r["Имя"], "patronymic": r["Отчество"], "sex": r["Пол"], "birth": r["Год рождения"], "region": r["Регион"],
			"incident": day(r["Дата"]), "place_type": r["Учреждение"], "register_no": r["ЕРДР"], "complaint": day(r["Жалоба"]), "methods": r["Насилие"],
		}))
	}
	for _, r := range linkagetest.CSV(t, linkagetest.Material(t, "january-2022/family-line.csv"), ',', false) {
		out = append(out, sampleRecord(t, "family-line", r["Нөмір"], map[string]string{
			"family": r["Тегі"], "given": r["Аты"], "patronymic": r["Әкесінің аты"], "sex": r["Жынысы"], "birth": r["Туған күні"], "region": r["Өңір"],
			"incident": r["Оқиға күні"], "register_no": r["СДТБТ нөмірі"], "complaint": r["Шағым берілді"],
		}))
	}
	return out
}

// quality counts pairs in clusters against the truth.
type quality struct{ tp, fp, fn int }

func (q quality) f1() float64        { return 2 * float64(q.tp) / float64(2*q.tp+q.fp+q.fn) }
func (q quality) precision() float64 { return float64(q.tp) / float64(max(1, q.tp+q.fp)) }
func (q quality) recall() float64    { return float64(q.tp) / float64(max(1, q.tp+q.fn)) }
func (q quality) String() string {
	return fmt.Sprintf("F1 %.4f, precision %.4f, recall %.4f (%d right, %d wrong, %d missed)", q.f1(), q.precision(), q.recall(), q.tp, q.fp, q.fn)
}

// judge compares clusters with the truth: record id → person.
func judge(clusters [][]string, truth map[string]string) quality {
	var q quality
	people := map[string]int{}
	for _, p := range truth {
		people[p]++
	}
	all := 0
	for _, n := range people {
		all += n * (n - 1) / 2
	}
	for _, c := range clusters {
		for i, a := range c {
			for _, b := range c[i+1:] {
				if truth[a] == truth[b] {
					q.tp++
				} else {
					q.fp++
				}
			}
		}
	}
	q.fn = all - q.tp
	return q
}

func show(p Pair) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s p %.4f weight %.1f:", p.A, p.B, p.Probability, p.Weight)
	for _, f := range p.Fields {
		fmt.Fprintf(&b, " %s.%s %+.1f (%s|%s)", f.Field, f.Level, f.Weight, f.A, f.B)
	}
	return b.String()
}

// TestSampleRegister is the one that the statement's figures rest on: 212 rows of four lists are 175 people.
func TestSampleRegister(t *testing.T) {
	records := sampleRecords(t)
	truth := map[string]string{}
	for _, r := range linkagetest.CSV(t, linkagetest.Material(t, "january-2022/truth-clusters.csv"), ',', false) {
		truth[r["member"]+":"+r["row"]] = r["case"]
	}
	if len(records) != len(truth) {
		t.Fatalf("%d rows read, %d in the truth", len(records), len(truth))
	}
	res, err := Link(context.Background(), records, CaseConfig())
	if err != nil {
		t.Fatal(err)
	}
	q := judge(res.Clusters, truth)
	t.Logf("%d rows in %d clusters; %v", len(records), len(res.Clusters), q)
	wrongest, faintest := Pair{}, Pair{Probability: 1, Weight: 99}
	for _, p := range res.Pairs {
		same := truth[p.A] == truth[p.B]
		if same != p.Accepted {
			t.Logf("wrong: %v %s", same, show(p))
		}
		if !same && p.Probability > wrongest.Probability {
			wrongest = p
		}
		if same && p.Weight < faintest.Weight {
			faintest = p
		}
	}
	t.Logf("faintest true pair: %s", show(faintest))
	t.Logf("likeliest false pair: %s", show(wrongest))
	if q.fp > 0 || q.fn > 0 {
		t.Errorf("the clusters are not those of the truth: %v", q)
	}
	if len(res.Clusters) != 175 {
		t.Errorf("%d clusters, want 175", len(res.Clusters))
	}
	if len(res.Warnings) > 0 {
		t.Errorf("warnings: %v", res.Warnings)
	}
	for _, l := range res.Model.Levels {
		if l.M < leastShare || l.U < leastShare || l.M > 1 || l.U > 1 {
			t.Errorf("%+v", l)
		}
	}
	// Which list comes first must not matter.
	slices.Reverse(records)
	again, err := Link(context.Background(), records, CaseConfig())
	if err != nil {
		t.Fatal(err)
	}
	if q := judge(again.Clusters, truth); q.fp+q.fn > 0 {
		t.Errorf("in reverse order: %v", q)
	}
}

// TestSampleWithLess takes fields away, for registers that hold less. Every
// figure is printed; no false merge is the floor.
func TestSampleWithLess(t *testing.T) {
	truth := map[string]string{}
	for _, r := range linkagetest.CSV(t, linkagetest.Material(t, "january-2022/truth-clusters.csv"), ',', false) {
		truth[r["member"]+":"+r["row"]] = r["case"]
	}
	for _, c := range []struct {
		without []string
		missed  int
	}{
		{[]string{"methods", "place_type"}, 0},
		{[]string{"methods", "place_type", "register_no", "complaint"}, 0},
		{[]string{"methods", "place_type", "register_no", "complaint", "region"}, 0},
		{[]string{"methods", "place_type", "register_no", "complaint", "incident"}, 0},
		{[]string{"methods", "place_type", "register_no", "complaint", "birth"}, 0},
		{[]string{"patronymic", "other_names"}, 0},
		{[]string{"family"}, 0},
		{[]string{"register_no", "complaint", "region", "incident", "place_type", "methods", "sex"}, 0},
	} {
		records := sampleRecords(t)
		for _, r := range records {
			for _, f := range c.without {
				delete(r.Fields, f)
			}
		}
		res, err := Link(context.Background(), records, CaseConfig())
		if err != nil {
			t.Fatal(err)
		}
		q := judge(res.Clusters, truth)
		t.Logf("without %v: %v; %d pairs proposed", c.without, q, len(res.Pairs))
		if q.fp > 0 || q.fn > c.missed {
			t.Errorf("without %v: %v", c.without, q)
		}
	}
}
