// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/codebook"
)

// DraftMapping drafts a mapping for a table from its headings and the look of
// its cells, with comments where a person has to decide. What it is not sure of
// it leaves out: a column that nobody mapped is warned of at every import, a
// column mapped wrongly is not.
func DraftMapping(t *Table, book *codebook.Book) []byte {
	d := &drafter{t: t, book: book}
	return []byte(d.draft())
}

// concept is what a column may hold: the record and field it goes to and the
// headings by which lists call it, in English, Russian and Kazakh; what a country
// adds is in its pack.
type concept struct {
	record, kind, field string
	words               string // separated by |
}

// The key and the action of a step are concepts without a record.
func concepts() []concept {
	return []concept{
		{"", "", "key", "№|no|no.|n|id|case id|case no|case number|case|number|номер|номер дела|№ дела|№ п/п|п/п|код|шифр|нөмір|нөмірі|іс нөмірі|р/с|іс №"},
		{"", "", "action", "action|step|event|действие|шаг|событие|мера|әрекет|қадам|іс-әрекет"},
		{"", "", "step_date", "date|дата|күні|дата действия"},
		{"", "", "step_body", "body|authority|орган|ведомство|органы"},
		{"", "", "details", "details|remarks|comment|notes|подробности|примечание|комментарий|сведения|ескерту|толығырақ"},
		{"report", "report", "received", "date received|received|received on|reported on|date of report|поступило|дата обращения|дата поступления|обратился|когда обратился|когда сообщил|дата сообщения|түскен күні|өтініш күні|хабарласқан күні"},
		{"report", "report", "region", "region|oblast|province|регион|область|өңір|облыс|облысы|аймақ"},
		{"report", "report", "channel", "channel|how received|канал|как поступило|каналы"},
		{"person", "person", "full_name", "name|full name|victim|victim name|фио|ф.и.о.|фамилия, имя|пострадавший|заявитель|фамилия имя отчество|аты-жөні|аты жөні|т.а.ә.|жәбірленуші"},
		{"person", "person", "family", "family name|surname|last name|фамилия|тегі"},
		{"person", "person", "given", "given name|first name|имя|аты|есімі"},
		{"person", "person", "patronymic", "patronymic|middle name|отчество|әкесінің аты"},
		{"person", "person", "sex", "sex|gender|пол|жынысы"},
		{"person", "person", "birth", "date of birth|birth date|born|dob|birthday|дата рождения|родился|туған күні"},
		{"person", "person", "birth_year", "year of birth|birth year|год рождения|г.р.|туған жылы"},
		{"person", "person", "child", "minor|child|under 18|несовершеннолетний|ребенок|дети|кәмелетке толмаған|бала"},
		{"person", "person", "iin", "personal number|личный номер|жеке нөмірі"},
		{"person", "person", "phones", "phone|telephone|tel|mobile|телефон|тел.|контакты|байланыс"},
		{"person", "person", "address", "address|адрес|мекенжайы"},
		{"act", "act", "date", "date of incident|incident date|incident|date of torture|date of ill-treatment|дата события|дата происшествия|дата пыток|дата избиения|когда|когда били|когда произошло|оқиға күні|азаптау күні"},
		{"act", "act", "city", "city|town|settlement|город|населенный пункт|қала|елді мекен"},
		{"act", "act", "place_type", "place|place of ill-treatment|place of torture|facility|where|место|место пыток|место избиения|учреждение|где|где били|где произошло|орны|оқиға орны|мекеме"},
		{"act", "act", "methods", "methods|method|type of ill-treatment|violence|forms of violence|виды насилия|насилие|методы|способы|вид пыток|что делали|что сделали|как пытали|әдістері|азаптау түрі|зорлық түрі"},
		{"act", "act", "body", "perpetrators|perpetrator body|кто|кто бил|кто применял|кто пытал|чьи сотрудники|кім азаптады"},
		{"detention", "detention", "from", "detained on|date of detention|дата задержания|когда задержали|задержан|ұсталған күні"},
		{"complaint", "complaint", "filed", "complaint|complaint filed|filed complaint|жалоба|жалоба подана|подана жалоба|заявление|подано заявление|заявление подано|шағым|шағым берілді"},
		{"complaint", "complaint", "date", "complaint date|date of complaint|filed on|дата жалобы|дата заявления|когда подана|когда подано|когда подал|шағым күні"},
		{"complaint", "complaint", "to_body", "filed with|complaint to|куда подана|куда подано|куда подал|кому подана|қайда берілді"},
		{"no-complaint", "complaint", "no_complaint_reason", "if not, why|why not|reason for no complaint|no complaint reason|причина отсутствия жалобы|почему нет жалобы|шағым болмау себебі"},
		{"registration", "registration", "register_no", "register no|registration number|номер в реестре|тізілім нөмірі"},
		{"registration", "registration", "article_written", "article|article of the criminal code|статья|статья ук|ст. ук|бап|қк бабы"},
		{"registration", "registration", "date", "registered on|registration date|date of registration|дата ердр|дата регистрации|зарегистрировано|тіркелген күні"},
		{"investigation", "investigation", "body", "investigated by|investigating body|кто расследует|орган расследования|тергеуші орган"},
		{"sme", "examination", "ordered", "forensic medical exam ordered|forensic exam ordered|forensic examination ordered|смэ назначена|назначена смэ|смэ назначено|смс тағайындалды"},
		{"sme", "examination", "held", "forensic medical exam done|forensic exam done|forensic examination held|смэ проведена|проведена смэ|смс өткізілді"},
		{"psychological", "examination", "held", "psychological exam done|psychological examination|ппэ|психолого-психиатрическая экспертиза|псэ|психологиялық сараптама"},
		{"psychological", "examination", "minutes", "minutes|duration|минут|продолжительность|минуты|ұзақтығы"},
		{"independent", "examination", "held", "independent exam|independent examination|независимая экспертиза|независимое обследование|тәуелсіз сараптама"},
		{"decision", "decision", "date", "closed on|closed|date closed|прекращено|дата прекращения|дело прекращено|тоқтатылды|қысқартылды"},
		{"decision", "decision", "ground", "ground|grounds|reason for closing|основание|основание прекращения|негізі"},
		{"notice", "notice", "channel", "notified by|how notified|notice|уведомление|как уведомлен|уведомлен|хабарлама|қалай хабарланды"},
		{"notice", "notice", "copy_given", "copy of decision|copy|copy given|копия|копия постановления|көшірме|көшірмесі"},
		{"appeal", "appeal", "date", "appealed on|appealed|appeal|обжаловано|дата обжалования|жалоба на прекращение|шағымданды|шағымданған күні"},
	}
}

// concepts are those of every country, with the words that the packs add.
func (d *drafter) concepts() []concept {
	all := concepts()
	for _, p := range d.book.Packs() {
		for _, c := range p.Columns {
			for i := range all {
				if all[i].kind == c.Kind && all[i].field == c.Field {
					all[i].words += "|" + strings.Join(c.Words, "|")
				}
			}
		}
	}
	return all
}

// constants are the fields that a record has besides its columns.
func constants(record string) []string {
	return map[string][]string{
		"person":        {"role: {const: victim}"},
		"no-complaint":  {"filed: {const: no}"},
		"sme":           {"kind: {const: sme}", "official: {const: yes}"},
		"psychological": {"kind: {const: sppe}", "official: {const: yes}"},
		"independent":   {"kind: {const: independent_ip}", "official: {const: no}"},
		"decision":      {"kind: {const: closed}"},
		"notice":        {"of: {record: decision}"},
		"appeal":        {"of: {record: decision}"},
	}[record]
}

// actions are the steps that lists name, each with the record it makes.
func actions() []concept {
	return []concept{
		{"complaint", "complaint", "date", "complaint filed|complaint|жалоба подана|подана жалоба|шағым берілді"},
		{"registration", "registration", "date", "registered|registered in upri|зарегистрировано в ердр|зарегистрировано|регистрация в ердр|сдтбт-да тіркелді|тіркелді"},
		{"unregistered", "registration", "date", "investigated without registration|проверка без регистрации в ердр|проверка без регистрации|тіркеусіз тексеру"},
		{"sme", "examination", "ordered", "forensic medical exam ordered|назначена смэ|смэ назначена|смс тағайындалды"},
		{"sme", "examination", "held", "forensic medical exam done|проведена смэ|смэ проведена|смс өткізілді"},
		{"psychological", "examination", "held", "psychological exam|психолого-психиатрическая экспертиза|психологическая экспертиза|ппэ|психологиялық-психиатриялық сараптама"},
		{"independent", "examination", "held", "independent exam|independent examination|независимая экспертиза|тәуелсіз сараптама"},
		{"decision", "decision", "date", "closed|case closed|дело прекращено|прекращено|іс тоқтатылды|тоқтатылды"},
		{"appeal", "appeal", "date", "appealed|обжаловано|шағымданды"},
	}
}

type drafter struct {
	t    *Table
	book *codebook.Book
	b    strings.Builder
	used []*codebook.List // code lists of which a text is not known
}

// profile is what is seen of a column.
type profile struct {
	col      int
	heading  string
	values   []string // distinct, in order of appearance
	filled   int
	blank    int
	unique   bool
	concept  concept
	dated    string   // the form of its dates; empty: no dates
	undated  []string // what among dates in words is none
	unsure   bool     // the dates can be read in two ways
	isYear   bool
	twice    bool // another column has the same heading
	reserved bool
}

// name is how a mapping names the column.
func (p profile) name() string {
	if p.twice || p.heading == "" || strings.HasPrefix(p.heading, "=") {
		return quote("=" + ColumnLetter(p.col))
	}
	return quote(p.heading)
}

func (p profile) examples() string {
	var out []string
	for _, v := range p.values[:min(3, len(p.values))] {
		out = append(out, short(v))
	}
	return strings.Join(out, " · ")
}

func (d *drafter) line(indent int, format string, args ...any) {
	d.b.WriteString(strings.Repeat("  ", indent))
	fmt.Fprintf(&d.b, format, args...)
	d.b.WriteByte('\n')
}

func (d *drafter) draft() string {
	d.line(0, "# A draft, made from the headings of %s. Check every line; what is marked", commentText(d.t.File))
	d.line(0, "# CHECK needs a decision. Then: kua import FILE --map THIS --org NAME --dry-run")
	d.line(0, "# It says of each cell that does not fit where it stands; mend it in the list or here, and try again.")
	d.line(0, "mapping: 1")
	d.line(0, "name: %s", quote(strings.TrimSuffix(d.t.File, "."+d.t.Format)))
	if d.t.Format == "csv" {
		d.line(0, "encoding: %s", d.t.Encoding)
		d.line(0, "delimiter: %s", map[string]string{",": "comma", ";": "semicolon", "\t": "tab"}[d.t.Delimiter])
	}
	main, key := d.mainSheet()
	if main < 0 {
		d.line(0, "key: CHECK # no sheet with headings and rows was found")
		d.line(0, "records: []")
		return d.b.String()
	}
	sheet := &d.t.Sheets[main]
	head, columns := d.columns(sheet)
	if sheet.Name != "" {
		d.line(0, "sheet: %s", quote(sheet.Name))
	}
	if head > sheet.Rows[0].No {
		d.line(0, "header: %d", head)
	}
	d.dates(0, columns)
	d.line(0, "key: %s", columns[key].name())
	if !columns[key].unique {
		d.line(0, "# CHECK: %s has the same value in several rows; the key has to be the row's own number", commentText(columns[key].heading))
	}
	columns[key].reserved = true
	d.line(0, "")
	d.line(0, "records:")
	d.records(columns)
	keys := map[string]bool{}
	for _, v := range columns[key].values {
		keys[v] = true
	}
	first := true
	for i := range d.t.Sheets {
		if i == main {
			continue
		}
		if d.steps(&d.t.Sheets[i], keys, first) {
			first = false
		}
	}
	d.codesUsed()
	return d.b.String()
}

// mainSheet finds the sheet with a row a case: the first with headings that has
// a column of numbers of its own.
func (d *drafter) mainSheet() (sheet, key int) {
	for i := range d.t.Sheets {
		head, columns := d.columns(&d.t.Sheets[i])
		if head == 0 {
			continue
		}
		key := -1
		for j, c := range columns {
			if c.concept.field == "key" && c.unique && key < 0 {
				key = j
			}
		}
		for j, c := range columns {
			if c.unique && key < 0 && c.dated == "" && c.concept.kind != "person" {
				key = j
			}
		}
		if key >= 0 {
			return i, key
		}
	}
	for i := range d.t.Sheets {
		if head, columns := d.columns(&d.t.Sheets[i]); head > 0 && len(columns) > 0 {
			return i, 0
		}
	}
	return -1, 0
}

// columns looks at the columns of a sheet; head is the row of the headings.
func (d *drafter) columns(s *Sheet) (head int, out []profile) {
	start := -1
	for i, row := range s.Rows[:min(10, len(s.Rows))] {
		n := 0
		for _, c := range row.Cells {
			if c.Text != "" && c.Type == TextCell {
				n++
			}
		}
		if n >= 2 && n*2 >= len(row.Cells) {
			start = i
			break
		}
	}
	if start < 0 || start == len(s.Rows)-1 {
		return 0, nil
	}
	seen := map[string]int{}
	for _, c := range s.Rows[start].Cells {
		seen[fold(c.Text)]++
	}
	for col, c := range s.Rows[start].Cells {
		p := profile{col: col, heading: c.Text, twice: seen[fold(c.Text)] > 1, unique: true}
		if c.Text == "" {
			continue
		}
		had := map[string]bool{}
		var sample []Cell
		for _, row := range s.Rows[start+1:] {
			cell := row.cell(col)
			if cell.Text == "" {
				if len(row.Cells) > 0 {
					p.blank++
				}
				continue
			}
			p.filled++
			if had[cell.Text] {
				p.unique = false
				continue
			}
			had[cell.Text] = true
			p.values = append(p.values, cell.Text)
			if len(sample) < 500 {
				sample = append(sample, cell)
			}
		}
		p.dated, p.unsure, p.isYear = guessDates(sample)
		if p.dated == "words" {
			for _, c := range sample {
				if _, bad := parseDate(c, []layout{{"words", "words", 0}}); bad != nil && !bad.warning {
					p.undated = append(p.undated, short(c.Text))
				}
			}
		}
		p.concept = d.recognise(p)
		p.unique = p.unique && p.filled > 0 && (p.blank == 0 || p.concept.field == "key" && p.blank*10 <= p.filled) // below a list stand its totals
		out = append(out, p)
	}
	return s.Rows[start].No, out
}

// guessDates finds the form that fits every cell.
func guessDates(cells []Cell) (form string, unsure, year bool) {
	if len(cells) == 0 {
		return "", false, false
	}
	var fitting []string
	for _, l := range layouts() {
		if l.order == "edtf" || l.order == "serial" || l.order == "words" {
			continue
		}
		ok := true
		for _, c := range cells {
			if c.Type == DateCell {
				continue
			}
			if _, p := parseDate(c, []layout{l}); p != nil && !p.warning || l.order != "ymd" && isISO(c.Text) {
				ok = false
				break
			}
		}
		if ok {
			if l.order == "y" {
				return "2006", false, true
			}
			fitting = append(fitting, l.text)
		}
	}
	switch len(fitting) {
	case 0:
		if inWords(cells) {
			return "words", false, false
		}
		return "", false, false
	case 1:
		return fitting[0], false, false
	}
	// Both orders fit. With dots the day comes first everywhere.
	return fitting[0], strings.ContainsAny(fitting[0], "/-") && !strings.HasPrefix(fitting[0], "2006"), false
}

// inWords says whether two of three cells are dates as people write them.
func inWords(cells []Cell) bool {
	read, written := 0, false
	for _, c := range cells {
		if _, p := parseDate(c, []layout{{"words", "words", 0}}); p == nil || p.warning {
			read++
			written = written || c.Type == DateCell || !isDigits(c.Text)
		}
	}
	return written && read*3 >= len(cells)*2
}

func isISO(s string) bool { return len(s) >= 10 && s[4] == '-' && s[7] == '-' }

// recognise finds what a column holds by its heading, then by the labels of the
// codebook in any of its languages.
func (d *drafter) recognise(p profile) concept {
	h := strings.Trim(fold(p.heading), " :.*")
	best, length := concept{}, 0
	for _, c := range d.concepts() {
		for _, w := range strings.Split(c.words, "|") {
			w = strings.Trim(fold(w), " :.")
			switch {
			case w == h:
				return c.unless(p)
			case (len([]rune(w)) >= 5 && strings.Contains(h, w) || len([]rune(w)) >= 3 && strings.HasPrefix(h, w+" ")) && len(w) > length:
				best, length = c, len(w)
			}
		}
	}
	if best.field != "" {
		return best.unless(p)
	}
	for _, kind := range []string{"person", "report", "act", "detention", "complaint", "registration", "decision", "case"} {
		k, ok := d.book.Kind(kind)
		if !ok {
			continue
		}
		for _, f := range k.Fields {
			if f.Type != codebook.Ref && (fold(f.Label.En) == h || fold(f.Label.Ru) == h || fold(f.Label.Kk) == h) && f.ID != "external_id" && f.ID != "number" && f.ID != "opened" {
				return concept{record: kind, kind: kind, field: f.ID}
			}
		}
	}
	return concept{}
}

// unless takes back what the cells speak against.
func (c concept) unless(p profile) concept {
	if c.field == "birth" && p.isYear {
		c.field = "birth_year"
	}
	if c.field == "step_date" && c.record == "" && p.dated == "" && p.filled > 0 {
		return concept{}
	}
	return c
}

// dates writes the form that most columns with dates have.
func (d *drafter) dates(indent int, columns []profile) string {
	count := map[string]int{}
	unsure := false
	for _, c := range columns {
		if c.dated != "" && !c.isYear {
			count[c.dated]++
			unsure = unsure || c.unsure
		}
	}
	best := ""
	for _, l := range layouts() {
		if count[l.text] > count[best] {
			best = l.text
		}
	}
	if best == "" {
		return ""
	}
	if unsure {
		d.line(indent, "# CHECK: day first or month first? Nothing in the file says so. %s means the 2nd of January 2006.", best)
	}
	d.line(indent, "dates: %s", quote(best))
	return best
}

// records writes the records of the sheet of cases, in the order of the concepts.
func (d *drafter) records(columns []profile) {
	main := d.formOf(columns)
	// A list with one date calls it "Date": of the incident, since the others say what they are.
	has := func(record, field string) *profile {
		for i := range columns {
			if columns[i].concept.record == record && columns[i].concept.field == field && !columns[i].reserved {
				return &columns[i]
			}
		}
		return nil
	}
	if has("act", "date") == nil {
		for i := range columns {
			if columns[i].concept.field == "step_date" {
				columns[i].concept = concept{record: "act", kind: "act", field: "date"}
				break
			}
		}
	}
	if filed := has("complaint", "filed"); filed != nil && filed.dated == "" {
		if reason := has("no-complaint", "no_complaint_reason"); reason != nil {
			reason.concept.record = "complaint" // one record answers both
		}
	}
	var order []string
	for _, c := range d.concepts() {
		if c.record != "" && !slices.Contains(order, c.record) {
			order = append(order, c.record)
		}
	}
	for _, c := range columns {
		if c.concept.record != "" && !slices.Contains(order, c.concept.record) {
			order = append(order, c.concept.record)
		}
	}
	used := map[string]bool{}
	for _, record := range order {
		var mine []profile
		for _, c := range columns {
			id := c.concept.record + "." + c.concept.field
			if c.concept.record == record && !c.reserved && !used[id] {
				used[id] = true
				mine = append(mine, c)
			}
		}
		if len(mine) == 0 && record != "person" {
			continue
		}
		d.record(record, mine, has, main)
	}
	d.rest(columns, used)
}

func (d *drafter) formOf(columns []profile) string {
	quiet := &drafter{}
	return quiet.dates(0, columns)
}

func (d *drafter) record(record string, mine []profile, has func(record, field string) *profile, main string) {
	kind := record
	if len(mine) > 0 {
		kind = mine[0].concept.kind
	}
	if record == kind {
		d.line(0, "- kind: %s", kind)
	} else {
		d.line(0, "- name: %s", record)
		d.line(0, "  kind: %s", kind)
	}
	d.line(0, "  fields:")
	for _, c := range constants(record) {
		if strings.Contains(c, "record: decision") && has("decision", "date") == nil {
			continue
		}
		d.line(2, "%s", c)
	}
	if record == "notice" && has("notice", "channel") == nil {
		d.line(2, "channel: {const: unknown} # CHECK: how the person was told")
	}
	if record == "complaint" && has("complaint", "filed") == nil {
		d.line(2, "filed: {const: yes}")
	}
	if record == "report" && has("report", "received") == nil {
		d.line(2, "received: {const: unknown} # CHECK: while it is unknown, no case is in any figure. Name the column, or the day on which you got the list, as in {const: 2022-02-15}")
	}
	for _, c := range mine {
		d.field(c, has, main)
	}
	if record == "act" {
		if r := has("report", "region"); r != nil {
			d.line(2, "region: %s", r.name())
		}
	}
	if record == "person" {
		born, on := has("person", "birth"), has("act", "date")
		if born == nil {
			born = has("person", "birth_year")
		}
		if born != nil && on != nil {
			d.line(2, "child:")
			d.line(3, "child:")
			d.line(4, "born: %s", d.dateSource(*born, main))
			d.line(4, "on: %s", d.dateSource(*on, main))
			if says := has("person", "child"); says != nil {
				d.line(4, "says: %s", says.name())
			}
		}
	}
}

// dateSource names a column with its own form of dates where that differs.
func (d *drafter) dateSource(p profile, main string) string {
	if p.dated == "" || p.dated == main {
		return p.name()
	}
	return fmt.Sprintf("{column: %s, dates: %s}", p.name(), quote(p.dated))
}

// field writes one field; the look of the cells decides how it is read.
func (d *drafter) field(c profile, has func(record, field string) *profile, main string) {
	k, ok := d.book.Kind(c.concept.kind)
	if !ok {
		return
	}
	f, ok := k.Field(c.concept.field)
	if !ok {
		return
	}
	switch {
	case c.concept.record == "person" && f.ID == "child":
		if has("person", "birth") == nil && has("person", "birth_year") == nil || has("act", "date") == nil {
			d.line(2, "child: %s", c.name())
		}
		return // else said together with the dates
	case c.concept.kind == "complaint" && f.ID == "filed" && c.dated != "":
		d.line(2, "filed: {const: yes}")
		d.line(2, "date: %s", d.dateSource(c, main))
		return
	case c.concept.kind == "registration" && f.ID == "article_written":
		d.article(c)
		return
	case c.concept.kind == "registration" && f.ID == "register_no" && has("registration", "article_written") == nil:
		d.line(2, "status: {const: erdr}")
	case c.concept.kind == "registration" && f.ID == "date" && has("registration", "article_written") == nil && has("registration", "register_no") == nil:
		d.line(2, "status: {const: erdr}")
	case c.concept.kind == "person" && f.ID == "birth_year" && c.isYear:
		d.line(2, "birth: {column: %s, dates: \"2006\"}", c.name())
	case c.concept.kind == "person" && f.ID == "birth" && has("person", "birth_year") == nil:
		d.line(2, "birth_year: %s", takeYear(d.dateSource(c, main)))
	case c.concept.kind == "person" && f.ID == "full_name":
		for _, part := range []string{"family", "given", "patronymic"} {
			d.line(2, "%s: {column: %s, take: %s}", part, c.name(), part)
		}
	}
	switch f.Type {
	case codebook.Date:
		if c.dated == "" && c.filled > 0 {
			d.line(2, "# CHECK: not every cell of %s reads as a date: %s", commentText(c.heading), commentText(c.examples()))
		}
		d.line(2, "%s: %s", f.ID, d.dateSource(c, main))
		if c.dated == "words" && len(c.undated) > 0 {
			d.line(2, "# CHECK: these cells of %s are no dates: write them anew in the list, or say unmatched: warn here: %s", commentText(c.heading), commentText(strings.Join(c.undated, " · ")))
		}
	case codebook.Code:
		d.coded(f, c)
	case codebook.YesNo:
		d.line(2, "%s: %s", f.ID, c.name())
		if unknown := slices.DeleteFunc(slices.Clone(c.values), func(s string) bool { _, ok := yesNo(fold(s)); return ok }); len(unknown) > 0 {
			d.meanings(f.ID, c.name(), unknown, func(string) (string, string) { return "CODE", "yes, no or unknown" })
		}
	default:
		d.line(2, "%s: %s", f.ID, c.name())
	}
}

func takeYear(src string) string {
	if s, ok := strings.CutSuffix(src, "}"); ok {
		return s + ", take: year}"
	}
	return "{column: " + src + ", take: year}"
}

// article writes the fields of a registration that come from one cell such as "146 part 2".
func (d *drafter) article(c profile) {
	var numbered, words []string
	for _, v := range c.values {
		if strings.ContainsAny(v, "0123456789") {
			numbered = append(numbered, v)
		} else {
			words = append(words, v)
		}
	}
	if len(words) == 0 {
		d.line(2, "status: {const: erdr}")
	} else {
		d.line(2, "# CHECK: these cells name no article; what do they say of the registration?")
		d.line(2, "status: {column: %s, else: erdr, values: {%s: unregistered_check}}", c.name(), strings.Join(quoteAll(words), ": unregistered_check, "))
	}
	d.line(2, "article_written: {column: %s, pattern: '^(.*\\d.*)$', unmatched: skip}", c.name())
	d.line(2, "article: {column: %s, pattern: '(\\d{3})', unmatched: skip}", c.name())
	d.line(2, "part: {column: %s, pattern: '\\d{3}\\D+(\\d)', unmatched: skip}", c.name())
	if len(numbered) > 0 {
		d.line(2, "# CHECK: name the offence of each article by the law of the time, as in")
		d.line(2, "# offence: {column: %s, values: {%s: CODE}}", commentText(c.name()), strings.Join(quoteAll(numbered[:min(4, len(numbered))]), ": CODE, "))
	}
}

// coded writes a field with codes. Texts that the code list does not know are
// listed for a person to decide.
func (d *drafter) coded(f *codebook.Field, c profile) {
	list, ok := d.book.List(f.List)
	if !ok {
		return
	}
	known := func(s string) bool { _, ok := list.Find(s); return ok }
	find := func(pieces []string) (hits, all int) {
		for _, s := range pieces {
			if s = strings.TrimSpace(s); s == "" {
				continue
			}
			if all++; known(s) {
				hits++
			}
		}
		return hits, all
	}
	expr, best, pieces := c.name(), -1.0, c.values
	try := func(e string, p []string) {
		hits, all := find(p)
		if all == 0 {
			all = 1
		}
		if share := float64(hits) / float64(all); share > best+0.001 {
			best, expr, pieces = share, e, p
		}
	}
	try(c.name(), c.values)
	if f.Many {
		for _, sep := range []string{";", ","} {
			if p := splitAll(c.values, sep); len(p) > 0 {
				try(fmt.Sprintf("{column: %s, split: %s}", c.name(), quote(sep)), p)
			}
		}
	} else {
		var after []string
		for _, v := range c.values {
			if _, rest, ok := strings.Cut(v, ", "); ok {
				after = append(after, rest)
			}
		}
		if len(after) == len(c.values) {
			try(fmt.Sprintf("{column: %s, pattern: '^[^,]+, (.+)$'}", c.name()), after)
		}
	}
	if strings.Contains(expr, "pattern") && f.ID == "place_type" {
		d.line(2, "city: {column: %s, pattern: '^([^,]+), '}", c.name())
	}
	d.line(2, "%s: %s", f.ID, expr)
	var unknown []string
	for _, s := range pieces {
		if s = strings.TrimSpace(s); s != "" && !known(s) && !slices.Contains(unknown, s) {
			unknown = append(unknown, s)
		}
	}
	if len(unknown) == 0 {
		return
	}
	if f.ID == "child" || len(unknown) == len(pieces) && len(unknown) > 30 {
		d.line(2, "# CHECK: the cells of %s are no known values: %s", commentText(c.heading), commentText(c.examples()))
		return
	}
	var words []string
	codes := map[string]string{} // the code of each label
	for _, code := range list.Codes {
		for _, w := range []string{code.Label.In(d.lang()), code.Label.En, code.Label.Ru, code.Label.Kk} {
			if _, had := codes[w]; !had {
				codes[w] = code.Code
				words = append(words, w)
			}
		}
	}
	d.meanings(f.ID, expr, unknown, func(text string) (code, label string) {
		if near := nearest(text, words); len(near) > 0 {
			return codes[near[0]], d.book.Label(f.List, codes[near[0]], d.lang()) + "?"
		}
		return "CODE", ""
	})
	d.line(2, "# The codes of %s stand at the end of this file.", f.List)
	if !slices.Contains(d.used, list) {
		d.used = append(d.used, list)
	}
}

// meanings writes what a person has to finish where texts of a column are not known: the field anew, as a comment from
// which the sign of the comment is taken away. What a text may mean is a guess, so it is never more than a comment.
func (d *drafter) meanings(field, expr string, unknown []string, guess func(text string) (code, label string)) {
	d.line(2, "# CHECK: these texts are not known. Say what they mean, take the signs # away, and the line above out:")
	d.line(2, "# %s:", field)
	if inner, ok := strings.CutPrefix(expr, "{column: "); ok {
		column, rest, _ := strings.Cut(strings.TrimSuffix(inner, "}"), ", ")
		d.line(2, "#   column: %s", commentText(column))
		if rest != "" {
			d.line(2, "#   %s", commentText(rest))
		}
	} else {
		d.line(2, "#   column: %s", commentText(expr))
	}
	d.line(2, "#   values:")
	for _, s := range unknown[:min(20, len(unknown))] {
		code, label := guess(s)
		if label != "" {
			label = " # " + label
		}
		d.line(2, "#     %s: %s%s", commentText(quote(s)), code, commentText(label))
	}
	if len(unknown) > 20 {
		d.line(2, "#     # and %d more", len(unknown)-20)
	}
}

// lang is the language of the headings: labels are shown in it.
func (d *drafter) lang() string {
	head := ""
	for _, s := range d.t.Sheets {
		for _, row := range s.Rows[:min(10, len(s.Rows))] {
			for _, c := range row.Cells {
				head += c.Text
			}
		}
	}
	switch {
	case strings.Contains(fold(head), "жөн") || strings.ContainsAny(head, "әғқңұүһӘҒҚҢҰҮҺ") && !strings.ContainsAny(head, "щЩ"):
		return "kk"
	case strings.ContainsFunc(head, func(r rune) bool { return r >= 'а' && r <= 'я' }):
		return "ru"
	}
	return "en"
}

// codesUsed lists the codes of the code lists of which a text is not known.
func (d *drafter) codesUsed() {
	for _, list := range d.used {
		d.line(0, "")
		d.line(0, "# The codes of %s:", list.ID)
		for _, c := range list.Codes {
			d.line(0, "#   %s: %s", c.Code, commentText(c.Label.In(d.lang())))
		}
	}
}

func splitAll(values []string, sep string) []string {
	var out []string
	found := false
	for _, v := range values {
		found = found || strings.Contains(v, sep)
		out = append(out, strings.Split(v, sep)...)
	}
	if !found {
		return nil
	}
	return out
}

// rest lists the columns for which no place was found.
func (d *drafter) rest(columns []profile, used map[string]bool) {
	var out []string
	for _, c := range columns {
		if !c.reserved && (c.concept.record == "" || !used[c.concept.record+"."+c.concept.field]) {
			out = append(out, fmt.Sprintf("#   %s: %s", commentText(c.heading), commentText(c.examples())))
		}
	}
	if len(out) == 0 {
		return
	}
	d.line(0, "# CHECK: not recognised. Map them, or list them under ignore: [...] at the top.")
	for _, s := range out {
		d.line(0, "%s", s)
	}
}

// steps writes a sheet with a row a step, if one of its columns holds the keys of the cases.
func (d *drafter) steps(s *Sheet, keys map[string]bool, first bool) bool {
	head, columns := d.columns(s)
	if head == 0 {
		return false
	}
	key := -1
	for i, c := range columns {
		hits := 0
		for _, v := range c.values {
			if keys[v] {
				hits++
			}
		}
		if len(c.values) > 0 && hits*10 >= len(c.values)*9 {
			key = i
			break
		}
	}
	if key < 0 {
		d.line(0, "# CHECK: sheet %s is not read: no column of it holds the numbers of the cases", commentText(s.Name))
		return false
	}
	columns[key].reserved = true
	action, date, body, register, article := -1, -1, -1, -1, -1
	for i, c := range columns {
		if c.reserved {
			continue
		}
		set := func(at *int) {
			if *at < 0 {
				*at = i
			}
		}
		switch {
		case c.concept.field == "action":
			set(&action)
		case c.dated != "" && !c.isYear:
			set(&date)
		case c.concept.field == "step_body":
			set(&body)
		case c.concept.field == "register_no":
			set(&register)
		case c.concept.field == "article_written":
			set(&article)
		}
	}
	if first {
		d.line(0, "")
		d.line(0, "steps:")
	}
	d.line(0, "- sheet: %s", quote(s.Name))
	if head > s.Rows[0].No {
		d.line(0, "  header: %d", head)
	}
	main := d.dates(1, columns)
	d.line(0, "  key: %s", columns[key].name())
	columnLine := func(indent int, field string, at int) {
		if at >= 0 {
			d.line(indent, "%s: %s", field, columns[at].name())
			columns[at].reserved = true
		}
	}
	if action < 0 || date < 0 {
		d.line(1, "# CHECK: which column says what the row is? Name it as column:, and its texts under cases:")
		d.line(1, "records:")
		d.line(1, "- kind: note")
		d.line(1, "  fields:")
		d.line(3, "text: %s", columns[max(action, (key+1)%len(columns))].name())
		return true
	}
	d.line(0, "  column: %s", columns[action].name())
	d.line(0, "  cases:")
	columns[action].reserved = true
	for _, v := range columns[action].values[:min(60, len(columns[action].values))] {
		c := recogniseAction(v)
		if c.record == "" {
			d.line(2, "%s: # CHECK: makes nothing yet", quote(v))
			continue
		}
		name := c.record
		if name == "unregistered" {
			name = "registration"
		}
		d.line(2, "%s:", quote(v))
		if name == c.kind {
			d.line(2, "- kind: %s", c.kind)
		} else {
			d.line(2, "- name: %s", name)
			d.line(2, "  kind: %s", c.kind)
		}
		d.line(2, "  fields:")
		for _, k := range constants(name) {
			if !strings.Contains(k, "record: decision") || slices.ContainsFunc(columns[action].values, func(v string) bool { return recogniseAction(v).record == "decision" }) {
				d.line(4, "%s", k)
			}
		}
		d.line(4, "%s: %s", c.field, d.dateSource(columns[date], main))
		columns[date].reserved = true
		switch c.record {
		case "complaint":
			d.line(4, "filed: {const: yes}")
			columnLine(4, "to_body", body)
		case "registration":
			d.line(4, "status: {const: erdr}")
			columnLine(4, "body", body)
			columnLine(4, "register_no", register)
			if article >= 0 {
				columns[article].reserved = true
				d.line(4, "article_written: %s", columns[article].name())
				d.line(4, "article: {column: %s, pattern: '(\\d{3})', unmatched: skip}", columns[article].name())
				d.line(4, "part: {column: %s, pattern: '\\d{3}\\D+(\\d)', unmatched: skip}", columns[article].name())
				d.line(4, "# CHECK: offence: {column: %s, values: {...}} by the law of the time", commentText(columns[article].name()))
			}
		case "unregistered":
			d.line(4, "status: {const: unregistered_check}")
			columnLine(4, "body", body)
		case "decision":
			columnLine(4, "by_body", body)
			d.line(4, "# CHECK: ground: {column: ..., pattern: ...}, if the row says it")
		case "sme", "independent":
			if c.field == "held" {
				columnLine(4, "by_body", body)
			} else {
				columnLine(4, "ordered_by", body)
			}
		}
	}
	d.rest(columns, map[string]bool{})
	return true
}

func recogniseAction(v string) concept {
	v = fold(v)
	for _, c := range actions() {
		if slices.Contains(strings.Split(c.words, "|"), v) {
			return c
		}
	}
	return concept{}
}

var plainText = regexp.MustCompile(`^[\p{L}][\p{L}\d ._()/-]*[\p{L}\d.)]$`)

// quote writes a text as a YAML value.
func quote(s string) string {
	switch strings.ToLower(s) {
	case "yes", "no", "true", "false", "null", "on", "off":
	default:
		if plainText.MatchString(s) {
			return s
		}
	}
	if strings.ContainsAny(s, "\n\r\t") || strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff
	}) {
		return fmt.Sprintf("%q", s)
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

func quoteAll(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, quote(s))
	}
	return out
}

// commentText keeps a text of the file inside its comment.
func commentText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff {
			return ' '
		}
		return r
	}, s)
}
