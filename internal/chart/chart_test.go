// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/edtf"
)

var update = flag.Bool("update", false, "write the golden files anew")

// frame has numbers, shares and days written as Russian pages write them.
func frame(id, title string) Frame {
	return Frame{
		ID: id, Title: title, Desc: "Придуманные данные",
		Number: func(n int) string {
			if n >= 1000 {
				return fmt.Sprintf("%d\u00a0%03d", n/1000, n%1000)
			}
			return fmt.Sprint(n)
		},
		Share: func(part, whole int) string { return fmt.Sprintf("%d\u00a0%%", (200*part+whole)/(2*whole)) },
		Day:   func(d edtf.Day) string { return d.Time().Format("02.01.2006") },
	}
}

// The samples are invented.
var (
	steps = []Bar{
		{Label: "Сообщения, полученные коалицией", Href: "/cases?figure=reports&as_of=2022-05-17", Value: 1164},
		{Label: "Жалоба подана", Href: "/cases?figure=complaints", Value: 820},
		{Label: "Жалоба не подана", Value: 300, Branch: true},
		{Label: "Неизвестно, подана ли жалоба", Value: 44, Branch: true, Rest: true},
		{Label: "Зарегистрировано в Едином реестре досудебных расследований по статье 146", Href: "/cases?figure=146", Value: 69},
		{Label: "Назначена судебно-медицинская экспертиза", Value: 52, Of: 69, Branch: true},
		{Label: "Приговор", Value: 0},
	}
	parts  = []string{"Соблюдено", "Нарушено", "Нельзя установить"}
	stacks = []Stack{
		{Label: "Регистрация в течение 24 часов", Href: "/cases?check=registered", Values: []int{31, 88, 45}},
		{Label: "Медицинский осмотр при доставлении", Values: []int{2, 140, 0}},
		{Label: "Уведомление о прекращении", Values: []int{0, 1, 7}},
	}
	series = []Series{
		{Label: "Сообщения", Points: []Point{{day("2022-01-10"), 3}, {day("2022-02-01"), 48}, {day("2022-03-14"), 96}, {day("2022-05-17"), 164}}},
		{Label: "Зарегистрировано", Points: []Point{{day("2022-05-17"), 69}, {day("2022-01-20"), 1}, {day("2022-03-14"), 40}}},
		{Label: "Прекращено", Points: []Point{{day("2022-04-17"), 2}, {day("2022-05-17"), 8}, {edtf.MaxDay, 9}}},
	}
	regions = []Tile{
		{Code: "KZ-75", Label: "город Алматы", Short: "Алматы қ.", Href: "/cases?region=KZ-75", Value: 61},
		{Code: "KZ-19", Label: "Алматинская область", Short: "Алмат. обл.", Value: 24},
		{Code: "KZ-43", Label: "Кызылординская область", Short: "Қызылорда", Value: 1},
		{Code: "KZ-71", Label: "Астана", Short: "Астана", Value: 0},
		{Code: "KZ-10", Label: "область Абай", Short: "Абай", Unknown: true},
		{Code: "KZ-27", Label: "Западно-Казахстанская область", Value: 12},
		{Code: "KZ-27", Label: "Дважды", Unknown: true},
		{Code: "", Label: "Регион неизвестен", Href: "/cases?region=unknown", Value: 5},
	}
	nodes = []Node{
		{ID: "reports", Label: "Сообщения, полученные коалицией", Href: "/cases?figure=reports", Value: 1164},
		{ID: "complaints", Label: "Жалоба подана", Href: "/cases?figure=complaints", Value: 820},
		{ID: "none", Label: "Жалоба не подана", Value: 300},
		{ID: "unknown", Label: "Неизвестно, подана ли жалоба", Value: 44, Rest: true},
		{ID: "146", Label: "Зарегистрировано в Едином реестре досудебных расследований по статье 146", Href: "/cases?figure=146", Value: 372},
		{ID: "other", Label: "Зарегистрировано по другой статье", Value: 90},
		{ID: "closed", Label: "Прекращено", Value: 210},
		{ID: "court", Label: "Передано в суд", Value: 3},
		{ID: "nobody", Label: "Приговор", Value: 0},
	}
	links = []Link{
		{"reports", "complaints", "из сообщений", "/cases?figure=reports_complaints", 820},
		{"reports", "none", "из сообщений", "", 300},
		{"reports", "unknown", "из сообщений", "", 44},
		{"complaints", "146", "после жалобы", "/cases?figure=complaints_146", 310},
		{"none", "146", "без жалобы, по собственной инициативе органа", "", 41},
		{"complaints", "other", "после жалобы", "", 90},
		{"146", "closed", "из зарегистрированных по статье 146", "", 180},
		{"other", "closed", "из зарегистрированных по другой статье", "", 30},
		{"146", "court", "из зарегистрированных по статье 146", "", 3},
		{"court", "nobody", "из переданных", "", 0},
		{"closed", "complaints", "назад", "", 2},
		{"closed", "nowhere", "никуда", "", 9},
	}
	curve = Curve{Median: 34, Steps: []Step{
		{0, 164, 4, 0, .9756, .9364, .9908}, {3, 160, 40, 0, .7317, .6567, .7929}, {17, 120, 10, 12, .6707, .5932, .7368},
		{34, 98, 30, 2, .4654, .3866, .5405}, {60, 66, 0, 20, .4654, .3866, .5405}, {90, 46, 9, 1, .3744, .2940, .4549}, {131, 36, 0, 36, .3744, .2940, .4549},
	}, Words: CurveWords{"Ещё не зарегистрировано", "95 % доверительный интервал", "дело ещё открыто: последний день, до которого оно известно", "дней от сообщения", "Медиана: 34 дня (от 20 до 61)", "Под наблюдением"}}
	nasty = `<script>alert("1")</script> & 'Қа"за́қ'` + "\x00\x1b\u0085\xff\n"
)

func day(s string) edtf.Day { return edtf.MustParse(s).Latest() }

// drawings are all charts and tables, by the name of their golden file.
// Of lists and of weights.
var (
	weighed = []Weight{
		{"До сравнения", "", -13.2, "−13,2", false}, {"Фамилия", "другое написание", 8.1, "+8,1", false}, {"Имя", "совпадает", 6, "+6,0", false},
		{"Дата рождения", "различается", -3.4, "−3,4", false}, {"Регион", "совпадает", 0.02, "0,0", false}, {"Итого", "скорее всего, разные", 0, "−2,5", true},
	}
	lists        = []string{"Север", "Юг", "Коалиция организаций по защите прав человека и соблюдению законности"}
	combinations = []Combination{
		{[]bool{true, false, false}, 84}, {[]bool{false, true, false}, 63}, {[]bool{true, true, false}, 12}, {[]bool{false, false, true}, 1041},
		{[]bool{true, false, true}, 12}, {[]bool{false, true, true}, 0}, {[]bool{true, true, true}, 3},
	}
	combinationWords = CombinationWords{"Списки", "Только в них", func(n int) string { return fmt.Sprintf("ещё %d сочетаний", n) }}
	twelve           = strings.Split("One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve", " ")
	densities        = []Density{
		{"Разложимые графы", bump(612, 1804), 480, 2600, []float64{612, 1804}, "95 %: от 480 до 2 600; ответов два"},
		{"Скрытые классы", bump(900), 700, 1300, []float64{900}, "95 %: от 700 до 1 300"},
	}
)

// bump is a density with these modes.
func bump(modes ...float64) (curve []DensityPoint) {
	for i := range 120 {
		n := 300 * math.Exp(float64(i)*math.Log(15)/119)
		y := 0.0
		for k, m := range modes {
			y += math.Exp(-math.Pow(math.Log(n/m)/.18, 2)/2) / float64(k+1)
		}
		curve = append(curve, DensityPoint{n, y})
	}
	return curve
}

func manyCombinations() (all []Combination) {
	for x := 1; x < 40; x++ {
		in := make([]bool, 12)
		for j := range in {
			in[j] = x*97>>j&1 == 1
		}
		all = append(all, Combination{in, 40 - x})
	}
	return all
}

func drawings() map[string]string {
	wide := frame("wide", "Путь дела")
	wide.Width = 640
	file := frame("file", "Сообщения по регионам, полученные коалицией после января 2022 года")
	file.File, file.Notes = true, []string{"На 17 мая 2022 года; известно на сегодня. Учтено 164 сообщения коалиции.", "Реестр: 412 записей, корень 5f0e…"}
	bare := Frame{ID: "bare", Title: "Bare"}
	escaped := frame(nasty, nasty)
	escaped.Desc = nasty
	return map[string]string{
		"funnel.svg":      Funnel(frame("way", "От сообщения до возмещения"), steps),
		"funnel-wide.svg": Funnel(wide, steps),
		"bars.svg":        Bars(bare, []Bar{{Label: "Beating", Value: 120}, {Label: "Electric shock", Value: 31}, {Label: "No status known", Value: 13, Rest: true}}),
		"stacked.svg":     StackedBars(frame("checks", "Проверки"), parts, stacks),
		"sankey.svg":      Sankey(frame("flow", "Путь дела"), nodes, links),
		"sankey-wide.svg": Sankey(wide, nodes, links),
		"steps.svg":       Steps(frame("wait", "До регистрации"), curve),
		"steps-gone.svg": Steps(bare, Curve{Median: 5, Steps: []Step{{5, 3, 2, 0, 1.0 / 3, .01, .77}, {9, 1, 1, 0, 0, math.NaN(), math.NaN()}},
			Words: CurveWords{"Waiting", "Interval", "Censored", "Days", "", "At risk"}}),
		"line.svg":              Line(frame("days", "Сообщения по дням"), series),
		"line-one.svg":          Line(bare, []Series{{Label: "One day", Points: []Point{{day("2022-01-05"), 7}}}}),
		"ranges.svg":            Ranges(frame("unseen", "Сколько всего"), []Range{{Label: "Сообщено", Value: 675, Exact: true}, {Label: "Скрытые классы (LCMCR)", Low: 1106, Value: 1221, High: 1433, Words: "от 1 106 до 1 433"}, {Label: nasty, Words: nasty}}),
		"weights.svg":           Weights(frame("why", "Почему это, может быть, один человек"), weighed),
		"combinations.svg":      Combinations(frame("lists", "Кто в чьём списке"), lists, combinations, combinationWords),
		"combinations-many.svg": Combinations(Frame{ID: "many", Title: "Twelve lists"}, twelve, manyCombinations(), combinationWords),
		"densities.svg":         Densities(frame("post", "Насколько вероятно каждое число"), densities),
		"tiles-file.svg":        Tiles(file, places, regions),
		"tiles.svg":             Tiles(frame("map", "Сообщения по регионам"), places, regions),
		"areas.svg": Areas(frame("own", "Сообщения по регионам"), 900, 600, []Area{
			{Tile: regions[0], Rings: [][][2]int{{{300, 300}, {600, 300}, {600, 600}, {300, 600}}, {{400, 400}, {400, 500}, {500, 500}, {500, 400}}}},
			{Tile: regions[1], Rings: [][][2]int{{{400, 400}, {500, 400}, {500, 500}, {400, 500}}}}, {Tile: regions[4], Rings: [][][2]int{{{0, 0}, {300, 0}, {300, 300}}}},
			{Tile: regions[3], Rings: [][][2]int{{{600, 0}, {900, 0}, {900, 300}}}}, {Tile: regions[7]}, {Tile: Tile{Label: nasty, Href: nasty, Value: 3}, Rings: [][][2]int{{{0, 400}, {4, 400}, {4, 404}}}},
		}),
		"empty.svg": Funnel(bare, nil) + Bars(bare, nil) + StackedBars(bare, nil, nil) + Line(bare, nil) + Line(bare, []Series{{Label: "None"}}) + Tiles(bare, places, nil) + Areas(bare, 0, 0, nil) + Sankey(bare, nil, nil) + Sankey(bare, []Node{{ID: "a"}}, []Link{{"a", "a", "", "", 0}}) + Steps(bare, Curve{}) + Ranges(bare, nil) + Weights(bare, nil) + Combinations(bare, nil, nil, CombinationWords{}) + Combinations(bare, []string{"A"}, nil, CombinationWords{}) + Densities(bare, nil) + Densities(bare, []Density{{Curve: []DensityPoint{{0, 1}, {math.NaN(), 1}}}}),
		"escaped.svg": Funnel(escaped, []Bar{{Label: nasty, Href: "/?q=" + nasty, Value: 1}, {Label: "no link", Href: "javascript:alert(1)"}}) +
			StackedBars(escaped, []string{nasty}, []Stack{{Label: nasty, Href: nasty, Values: []int{4}}}) +
			Line(escaped, []Series{{Label: nasty, Points: []Point{{day("2022-01-05"), 7}}}}) +
			Sankey(escaped, []Node{{nasty, nasty, nasty, 3, false}, {"b", nasty, "//x", 2, true}}, []Link{{nasty, "b", nasty, "javascript:", 1}}) +
			Steps(escaped, Curve{Steps: curve.Steps, Words: CurveWords{nasty, nasty, nasty, nasty, nasty, nasty}}) +
			Weights(escaped, []Weight{{nasty, nasty, math.NaN(), nasty, false}, {nasty, nasty, math.Inf(-1), nasty, true}}) +
			Combinations(escaped, []string{nasty}, []Combination{{[]bool{true, true}, 3}, {nil, 2}}, CombinationWords{nasty, nasty, nil}) +
			Densities(escaped, []Density{{nasty, densities[0].Curve, 1, 1e9, []float64{-1, 1e300}, nasty}}) +
			Tiles(escaped, places, []Tile{{Code: "KZ-75", Label: nasty, Short: nasty, Href: nasty}, {Code: nasty, Label: nasty}}),
		"tables.html": BarsTable(frame("", "От сообщения до возмещения"), [3]string{"Шаг", "Число", "Доля"}, steps).HTML() +
			StacksTable(frame("", "Проверки"), "Проверка", "Всего", parts, stacks).HTML() +
			LineTable(frame("", "По дням"), "День", series).HTML() +
			TilesTable(frame("", "По регионам"), [2]string{"Регион", "Число"}, regions).HTML() +
			WeightsTable(frame("", "Почему"), [3]string{"Что", "Как", "Вес"}, weighed).HTML() +
			CombinationsTable(frame("", "Кто в чьём списке"), [2]string{"Списки", "Людей"}, lists, combinations).HTML() +
			SankeyTable(frame("", "Путь дела"), [3]string{"Куда", "Откуда", "Число"}, nodes, links).HTML() +
			StepsTable(frame("", "До регистрации"), [7]string{"День", "Под наблюдением", "Наступило", "Открыто", "Доля", "от", "до"}, curve).HTML() +
			BarsTable(Frame{Title: nasty}, [3]string{nasty, nasty}, []Bar{{Label: nasty}}).HTML(),
	}
}

func TestGolden(t *testing.T) {
	for name, got := range drawings() {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is drawn otherwise; see with -update and git diff", path)
		}
		if again := drawings()[name]; again != got {
			t.Errorf("%s is not the same twice", name)
		}
		check(t, got)
	}
}

type reporter interface {
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// check holds what every drawing promises: well-formed, no script, no style, safe links.
func check(t reporter, drawing string) {
	decoder := xml.NewDecoder(strings.NewReader("<all>" + drawing + "</all>"))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, drawing)
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch element.Name.Local {
		case "all", "svg", "title", "desc", "g", "a", "text", "rect", "path", "circle",
			"table", "caption", "thead", "tbody", "tr", "th", "td":
		default:
			t.Errorf("there is an element %s", element.Name.Local)
		}
		for _, a := range element.Attr {
			if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") {
				t.Errorf("%s has the attribute %s", element.Name.Local, a.Name.Local)
			}
			if a.Name.Local == "href" && safeLink(a.Value) == "" {
				t.Errorf("there is a link to %q", a.Value)
			}
			if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") || a.Value == "-0" {
				t.Errorf("%s has %s=%q", element.Name.Local, a.Name.Local, a.Value)
			}
		}
	}
}

func TestRoles(t *testing.T) {
	all := drawings()
	for name, role := range map[string]string{"funnel.svg": "group", "bars.svg": "img", "line.svg": "img", "tiles.svg": "group"} {
		if !strings.Contains(all[name], `role="`+role+`" aria-labelledby="`) {
			t.Errorf("%s has not the role %s", name, role)
		}
	}
}

func TestTilesHaveTheirOwnPlaces(t *testing.T) {
	codes, spots := map[string]bool{}, map[[2]int]bool{}
	for _, p := range places {
		codes[p.Code], spots[[2]int{p.Column, p.Row}] = true, true
	}
	if len(codes) != 20 || len(spots) != 20 {
		t.Errorf("the map has %d regions in %d places, the country has 20", len(codes), len(spots))
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text    string
		letters int
		want    string
	}{
		{"", 10, ""},
		{"Приговор", 10, "Приговор"},
		{"Жалоба не подана", 10, "Жалоба не|подана"},
		{"Судебно-медицинская экспертиза", 10, "Судебно-ме|дицинская|экспертиза"},
		{"a b", 0, "a b"},
	} {
		if got := strings.Join(wrap(c.text, c.letters), "|"); got != c.want {
			t.Errorf("wrap(%q, %d) is %q, want %q", c.text, c.letters, got, c.want)
		}
	}
	if got := cut("Қызылорда", 6); got != "Қызыл…" {
		t.Error(got)
	}
}

func TestTick(t *testing.T) {
	for top, want := range map[int]int{0: 1, 1: 1, 4: 1, 5: 2, 8: 2, 9: 5, 20: 5, 21: 10, 164: 50, 1164: 500, 10_000: 5000} {
		if got := tick(top); got != want {
			t.Errorf("tick(%d) is %d, want %d", top, got, want)
		}
	}
}

// TestAnything draws whatever comes: no label and no number may break a drawing.
func TestAnything(t *testing.T) {
	count := rapid.IntRange(-3, 1_000_000_000)
	bar := rapid.Custom(func(t *rapid.T) Bar {
		return Bar{
			Label: rapid.String().Draw(t, "label"), Href: rapid.String().Draw(t, "href"),
			Value: count.Draw(t, "value"), Of: count.Draw(t, "of"),
			Branch: rapid.Bool().Draw(t, "branch"), Rest: rapid.Bool().Draw(t, "rest"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		f := frame(rapid.String().Draw(t, "id"), rapid.String().Draw(t, "title"))
		f.Width = rapid.IntRange(0, 900).Draw(t, "width")
		bars := rapid.SliceOfN(bar, 0, 5).Draw(t, "bars")
		var names []string
		var lines []Series
		var tiles []Tile
		var values []int
		var nodes []Node
		var links []Link
		var weights []Weight
		var sets []Combination
		var curves []Density
		curve := Curve{Median: count.Draw(t, "median"), Words: CurveWords{Line: f.Title, Median: f.Title}}
		for i, b := range bars {
			names, values = append(names, b.Label), append(values, b.Value)
			nodes = append(nodes, Node{ID: b.Href, Label: b.Label, Value: b.Value, Rest: b.Rest})
			links = append(links, Link{bars[b.Of&0xff%len(bars)].Href, b.Href, b.Label, b.Href, b.Of})
			curve.Steps = append(curve.Steps, Step{b.Value, b.Of, b.Value, b.Of, rapid.Float64().Draw(t, "s"), float64(b.Of) / 1e9, math.NaN()})
			weights = append(weights, Weight{b.Label, b.Href, rapid.Float64().Draw(t, "weight"), b.Label, b.Rest})
			sets = append(sets, Combination{[]bool{b.Rest, b.Branch}, b.Value})
			curves = append(curves, Density{b.Label, []DensityPoint{{float64(b.Value), float64(b.Of)}, {float64(b.Of), rapid.Float64().Draw(t, "density")}}, float64(b.Of), float64(b.Value), []float64{float64(b.Value)}, b.Href})
			lines = append(lines, Series{b.Label, []Point{{edtf.Day(b.Value), b.Of}, {edtf.Day(b.Of), b.Value}, {edtf.MinDay, 1}}})
			tiles = append(tiles, Tile{Code: []string{"KZ-75", "KZ-10", b.Href}[i%3], Label: b.Label, Short: b.Href, Href: b.Href, Value: b.Value, Unknown: b.Branch})
		}
		for _, drawing := range []string{
			Funnel(f, bars), Bars(f, bars), Line(f, lines), Tiles(f, places, tiles),
			StackedBars(f, names, []Stack{{Label: f.Title, Values: values}, {Values: append(values, 1, 2)}}),
			Weights(f, weights), Combinations(f, names, sets, combinationWords), Densities(f, curves),
			Sankey(f, nodes, links), Steps(f, curve), SankeyTable(f, [3]string{}, nodes, links).HTML(), StepsTable(f, [7]string{}, curve).HTML(),
			BarsTable(f, [3]string{"a", "b", "c"}, bars).HTML(), LineTable(f, "day", lines).HTML(),
		} {
			check(t, drawing)
		}
	})
}

// TestEstimatedRangeHasItsEnds: a number that is estimated is never written
// without its ends, and never drawn as what was counted.
func TestEstimatedRangeHasItsEnds(t *testing.T) {
	estimated := Ranges(Frame{ID: "a", Title: "a"}, []Range{{Label: "x", Low: 1106, Value: 1221, High: 1433}})
	if !strings.Contains(estimated, "1106 – 1433") || strings.Contains(estimated, "chart-rest") {
		t.Error("an estimated number stands without its ends, or as a bar")
	}
	counted := Ranges(Frame{ID: "a", Title: "a"}, []Range{{Label: "x", Value: 1221, Exact: true}})
	if strings.Contains(counted, " – ") || !strings.Contains(counted, "chart-rest") || strings.Contains(counted, "chart-base") {
		t.Error("a counted number has ends, or is a band")
	}
}

// places are the regions of Kazakhstan, as its pack has them.
var places = []Place{
	{"KZ-59", 3, 0},
	{"KZ-27", 0, 1}, {"KZ-15", 1, 1}, {"KZ-39", 2, 1}, {"KZ-11", 3, 1}, {"KZ-71", 4, 1}, {"KZ-55", 5, 1},
	{"KZ-23", 0, 2}, {"KZ-62", 3, 2}, {"KZ-35", 4, 2}, {"KZ-10", 5, 2}, {"KZ-63", 6, 2},
	{"KZ-47", 0, 3}, {"KZ-43", 2, 3}, {"KZ-61", 3, 3}, {"KZ-31", 4, 3}, {"KZ-19", 5, 3}, {"KZ-33", 6, 3},
	{"KZ-79", 3, 4}, {"KZ-75", 5, 4},
}
