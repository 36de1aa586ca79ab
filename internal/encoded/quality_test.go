// SPDX-License-Identifier: AGPL-3.0-or-later

package encoded

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/linkage/linkagetest"
)

// source is a list and under which of its headings each input stands.
type source struct {
	name, id string
	rows     []map[string]string
	columns  map[string]string
}

// sample is the four lists of the sample register, as their members have them.
// Regions and sexes are written in four ways: they are coded, as the register
// does it, or they could not be compared in any way.
func sample(t testing.TB) []source {
	t.Helper()
	return []source{
		{"northern-bureau", "Case ID", linkagetest.Sheet(t, linkagetest.Material(t, "january-2022/northern-bureau.xlsx"), "Cases"),
			map[string]string{"family": "Family name", "given": "Given name", "birth": "Date of birth", "incident": "Date of incident", "sex": "Sex", "region": "Region"}},
		{"legal-aid", "№", linkagetest.Sheet(t, linkagetest.Material(t, "january-2022/legal-aid.xlsx"), "Обращения"),
			map[string]string{"full_name": "ФИО", "birth": "Дата рождения", "incident": "Дата события", "sex": "Пол", "region": "Область"}},
		{"detention-watch", "Номер", linkagetest.CSV(t, linkagetest.Material(t, "january-2022/detention-watch.csv"), ';', true),
			map[string]string{"family": "Фамилия", "given": "Имя", "patronymic": "Отчество", "birth": "Год рождения", "incident": "Дата", "sex": "Пол", "region": "Регион"}},
		{"family-line", "Нөмір", linkagetest.CSV(t, linkagetest.Material(t, "january-2022/family-line.csv"), ',', false),
			map[string]string{"family": "Тегі", "given": "Аты", "patronymic": "Әкесінің аты", "birth": "Туған күні", "incident": "Оқиға күні", "sex": "Жынысы", "region": "Өңір"}},
	}
}

// codes are regions and sexes as all agreed to write them.
var codes = func() map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(`m M|м|муж|ер
f F|ж|жен|әйел
15 Aktyubinskaya oblast|Актюбинская область|Ақтөбе облысы
19 Almatinskaya oblast|Алматинская область|Алматы облысы
23 Atyrauskaya oblast|Атырауская область|Атырау облысы
35 Karagandinskaya oblast|Карагандинская область|Қарағанды облысы
39 Kostanayskaya oblast|Костанайская область|Қостанай облысы
43 Kyzylordinskaya oblast|Кызылординская область|Қызылорда облысы
47 Mangistauskaya oblast|Мангистауская область|Маңғыстау облысы
63 Vostochno-Kazakhstanskaya oblast|Восточно-Казахстанская область|Шығыс Қазақстан облысы
27 Zapadno-Kazakhstanskaya oblast|Западно-Казахстанская область|Батыс Қазақстан облысы
31 Zhambylskaya oblast|Жамбылская область|Жамбыл облысы
75 g. Almaty|г. Алматы|Алматы қаласы
79 g. Shymkent|г. Шымкент|Шымкент қаласы`) {
		code, texts, _ := strings.Cut(strings.TrimSpace(line), " ")
		for text := range strings.SplitSeq(texts, "|") {
			out[text] = code
		}
	}
	return out
}()

func testKey(t testing.TB, n byte) Key {
	t.Helper()
	return linkagetest.Must[Key](t)(NewKey(bytes.NewReader(bytes.Repeat([]byte{n}, 32))))
}

// encodeList encodes a list and says whose row is where.
func encodeList(t testing.TB, key Key, s Schema, src source) (*File, []string) {
	t.Helper()
	e := linkagetest.Must[*Encoder](t)(NewEncoder(key, s))
	var filters [][]uint64
	for _, row := range src.rows {
		filter, _ := e.Encode(func(input string) []string {
			v := row[src.columns[input]]
			if code, ok := codes[v]; ok {
				v = code
			}
			return []string{v}
		})
		filters = append(filters, filter)
	}
	f, order, err := NewFile(key, s, filters, rand.NewChaCha8([32]byte{byte(len(src.rows))}))
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(order))
	for i, at := range order {
		ids[i] = src.rows[at][src.id]
	}
	return f, ids
}

// quality counts pairs against the truth.
type quality struct{ tp, fp, fn int }

func (q quality) f1() float64 { return 2 * float64(q.tp) / float64(2*q.tp+q.fp+q.fn) }
func (q quality) String() string {
	return fmt.Sprintf("F1 %.4f (%d right, %d wrong, %d missed)", q.f1(), q.tp, q.fp, q.fn)
}

// linked is lists encoded under one schema, and whose rows they are.
type linked struct {
	files  []*File
	person [][]string // list, row → the person
	pairs  int        // of rows that are one person's
}

func encodeAll(t testing.TB, s Schema, lists []source, person func(list int, id string) string) linked {
	t.Helper()
	var out linked
	on := map[string][]int{}
	for i, src := range lists {
		f, ids := encodeList(t, testKey(t, 1), s, src)
		for j, id := range ids {
			p := person(i, id)
			ids[j] = p
			if on[p] == nil {
				on[p] = make([]int, len(lists))
			}
			on[p][i]++
		}
		out.files, out.person = append(out.files, f), append(out.person, ids)
	}
	for _, n := range on {
		for i := range n {
			for j := i + 1; j < len(n); j++ {
				out.pairs += n[i] * n[j]
			}
		}
	}
	return out
}

func (l linked) at(t testing.TB, threshold float64) quality {
	t.Helper()
	joined := linkagetest.Must[Joined](t)(Join(t.Context(), l.files, threshold, 2))
	var q quality
	for _, g := range joined.Groups {
		for i, a := range g {
			for _, b := range g[i+1:] {
				if l.person[a.List][a.Row] == l.person[b.List][b.Row] {
					q.tp++
				} else {
					q.fp++
				}
			}
		}
	}
	q.fn = l.pairs - q.tp
	return q
}

func schema(t testing.TB, text string) Schema {
	t.Helper()
	return linkagetest.Must[Schema](t)(ReadSchema(strings.NewReader(text)))
}

// TestSampleLists: the four lists of the sample register, which write names,
// dates, regions and sexes in four ways, find one another encoded as the
// register's own matching does in clear.
func TestSampleLists(t *testing.T) {
	truth := map[string]string{}
	for _, r := range linkagetest.CSV(t, linkagetest.Material(t, "january-2022/truth-clusters.csv"), ',', false) {
		truth[r["member"]+":"+r["row"]] = r["case"]
	}
	lists := sample(t)
	all := encodeAll(t, schema(t, string(CaseSchema())), lists, func(list int, id string) string { return truth[lists[list].name+":"+id] })
	for _, threshold := range []float64{0.55, 0.60, 0.65, 0.70, 0.75, 0.80} {
		q := all.at(t, threshold)
		t.Logf("likeness %.2f: %v", threshold, q)
		if threshold >= 0.65 && threshold <= 0.75 && q.f1() < 0.99 {
			t.Errorf("F1 at %.2f is %.4f, and was 1", threshold, q.f1())
		}
	}
}

const febrl = `
version: 1
round: ""
length: 1024
features:
  - {identifier: birth year, read: year, input: date_of_birth, bits: 24}
  - {identifier: month, read: month, input: date_of_birth, bits: 24}
  - {identifier: day, read: day, input: date_of_birth, bits: 24}
  - {identifier: family, read: name, input: surname, ngram: 2, bits: 80}
  - {identifier: given, read: name, input: given_name, ngram: 2, bits: 80}
  - {identifier: street, read: text, input: address_1, ngram: 2, bits: 60}
  - {identifier: suburb, read: text, input: suburb, ngram: 2, bits: 60}
  - {identifier: postcode, read: text, input: postcode, ngram: 1, positional: true, bits: 40}
`

// TestFEBRL4 says what each wall costs on a set that has slips in every field,
// the year of birth included: 5,000 people on two lists.
func TestFEBRL4(t *testing.T) {
	var lists []source
	for _, name := range []string{"febrl4a", "febrl4b"} {
		src := source{name, "rec_id", linkagetest.CSV(t, linkagetest.Material(t, "linkage/"+name+".csv"), ',', false), map[string]string{}}
		for _, c := range []string{"given_name", "surname", "address_1", "suburb", "postcode", "date_of_birth"} {
			src.columns[c] = c
		}
		lists = append(lists, src)
	}
	person := func(_ int, id string) string { return strings.Split(id, "-")[1] }
	harden := schema(t, string(CaseSchema())).Harden
	salted := func(which ...Read) Schema {
		out := schema(t, febrl)
		out.Harden = harden
		for i, f := range out.Features {
			if i > 0 && slices.Contains(which, f.Read) {
				out.Features[i].Salt = "birth year"
			}
		}
		return out
	}
	for _, c := range []struct {
		what      string
		schema    Schema
		threshold float64
		least     float64
	}{
		{"plain", schema(t, febrl), 0.56, 0.995},
		{"hardened as cases are", salted(), 0.57, 0.95},
		{"and all salted by year", salted(Name, Text, Month, Day), 0.59, 0.905},
	} {
		q := encodeAll(t, c.schema, lists, person).at(t, c.threshold)
		t.Logf("%-26s likeness %.2f: %v", c.what, c.threshold, q)
		if q.f1() < c.least {
			t.Errorf("%s: F1 %.4f, and was above %.3f", c.what, q.f1(), c.least)
		}
	}
}
