// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/rules"
)

// today is the day on which the twelve questions are asked: all was written down by then but some of what came later.
var today = mustDay("2025-02-03")

// question is one of the twelve. It is asked many times, each time about something else.
type question struct {
	name string
	// ours and theirs answer with numbers by name; of a question that is after
	// somebody, how many of those wanted were found, under "found".
	ours, theirs func(ctx context.Context, r *rand.Rand) (map[string]int, error)
	wanted       int // how many are looked for each time; 0: both must answer the same
}

// The indexes that the twelve questions want besides.
const questionIndexes = `
CREATE EXTENSION pg_trgm;
CREATE INDEX person_latin ON person USING gin (latin gin_trgm_ops);
CREATE INDEX account_words ON account USING gin (words);
CREATE INDEX ON cases(org, updated DESC, no); CREATE INDEX ON cases(reported DESC, no); CREATE INDEX ON cases(incident, no);
CREATE INDEX ON act(region) INCLUDE (no); CREATE INDEX ON registration(article) INCLUDE (no); CREATE INDEX ON registration(no);
CREATE INDEX ON stage(no, dfrom, dto) INCLUDE (stage) WHERE kto = 'infinity'; CREATE INDEX ON stage(stage, dfrom, dto) INCLUDE (no) WHERE kto = 'infinity';
CREATE INDEX ON overdue(rule, dfrom, dto) INCLUDE (no) WHERE kto = 'infinity'; CREATE INDEX ON overdue(no, rule);
CREATE INDEX ON term(due) INCLUDE (no, what, dfrom, dto) WHERE kto = 'infinity';
CREATE INDEX ON complaint(no); CREATE INDEX ON investigation(no); CREATE INDEX ON examination(no); CREATE INDEX ON decision(no); CREATE INDEX ON notice(no);
CREATE INDEX ON request(no); CREATE INDEX ON appeal(no); CREATE INDEX ON hearing(no); CREATE INDEX ON verdict(no); CREATE INDEX ON redress(no);
CREATE INDEX ON reprisal(no); CREATE INDEX ON task(no); CREATE INDEX ON account(no);
VACUUM ANALYZE`

// rowsOf reads the rows of the list of the cases in hit, in their order o.
const rowsOf = `
SELECT h.no, h.n, c.number, concat_ws(' ', p.family, p.given, p.patronymic), p.sex, a.region, a.place_type, c.incident, c.reported, s.stage
FROM hit h JOIN cases c USING (no) JOIN person p USING (no) JOIN act a USING (no)
LEFT JOIN stage s ON s.no = h.no AND s.kto = 'infinity' AND s.dfrom <= $1 AND s.dto > $1 ORDER BY h.o`

// Closed are the stages in which nothing is open any more.
var closedStages = []string{"closed", "convicted", "acquitted", "redress", "tried", "opening_refused"}

func date(d edtf.Day) time.Time { return d.Time() }

// endOf is the last moment of a day.
func endOf(d edtf.Day) time.Time { return d.Add(1).Time().Add(-time.Millisecond) }

// list asks the index for a page of cases: how many there are, and which are on it, in their order.
func (a *asked) list(ctx context.Context, q index.Query) (map[string]int, index.Page, error) {
	if q.Clock.AsOf == 0 {
		q.Clock.AsOf = today
	}
	page, err := a.ix.Cases(ctx, q)
	found := map[string]int{"cases": page.Total}
	for i, row := range page.Rows {
		found[fmt.Sprint("row ", i)], _ = caseNo(row.ID)
	}
	return found, page, err
}

// list asks PostgreSQL for a page of cases: with is what makes hit(no, n, o): a case, how many there are, its place. $1 is the day.
func (p *postgres) list(ctx context.Context, with string, args ...any) (map[string]int, error) {
	rows, err := p.db.Query(ctx, "WITH "+with+rowsOf, append([]any{date(today)}, args...)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[string]int{"cases": 0}
	for i := 0; rows.Next(); i++ {
		values, err := rows.Values() // all of a row is read, as a page would
		if err != nil {
			return nil, err
		}
		found[fmt.Sprint("row ", i)], found["cases"] = int(values[0].(int32)), int(values[1].(int64)) //nolint:forcetypeassert // the question says so
	}
	return found, rows.Err()
}

// search draws somebody and how their name is asked for: in the other letters, with a slip of the pen.
func (r register) search(random *rand.Rand) (no int, text string) {
	m := r.one(random.IntN(r.cases))
	who := m.called
	if latin := m.called.latin(); latin == m.called {
		who = named(r.random(m.unit, 3), m.sex) // written as in a passport: asked for in Cyrillic
	} else {
		who = latin
	}
	return m.no, slip(random, who.family) + " " + who.given
}

// place tells whether among the first rows is somebody who is called as somebody else is: many are.
func (r register) place(found map[string]int, no int) int {
	called := func(no int) string {
		n := r.one(no).called.latin()
		return n.family + " " + n.given
	}
	wanted := called(no)
	for i := range 20 {
		if at, ok := found[fmt.Sprint("row ", i)]; ok && (r.same(at) == r.same(no) || called(at) == wanted) {
			return 1
		}
	}
	return 0
}

func pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

// questions are the twelve, chosen before either side was measured.
func (b bench) questions(a *asked, p *postgres) []question {
	orgs := make(map[string]int, b.cases) // as the registry knows whose each case is
	for no := range b.cases {
		orgs[caseID(no)] = no % organisations
	}
	day := func(r *rand.Rand) edtf.Day {
		from := mustDay("2022-06-01")
		return from.Add(r.IntN(today.Sub(from)))
	}
	bySimilarity := func(limit int) string {
		return fmt.Sprintf(`near AS MATERIALIZED (SELECT no, similarity(latin, $2) s FROM person WHERE latin %% $2 ORDER BY s DESC, no LIMIT %d),
			hit AS (SELECT no, 0::bigint n, row_number() OVER (ORDER BY s DESC, no) o FROM near)`, limit)
	}
	inLatin := func(text string) string {
		family, given, _ := strings.Cut(text, " ")
		n := name{family: family, given: given}.latin()
		return strings.ToLower(n.family + " " + n.given)
	}
	words := [][2]string{{"подвал", "дубинка"}, {"больница", "почка"}, {"вокзал", "пакет"}, {"рынок", "утюг"}, {"гараж", "ток"}, {"спортзал", "палка"}, {"площадь", "противогаз"}, {"автобус", "челюсть"}}
	stages := []string{"registered", "complained", "examined", "investigated", "closed", "interrupted"}
	regions := []string{"KZ-75", "KZ-19", "KZ-10", "KZ-31", "KZ-71", "KZ-79", "KZ-43", "KZ-47", "KZ-27", "KZ-35", "KZ-11", "KZ-15", "KZ-23", "KZ-39", "KZ-55", "KZ-59", "KZ-61"}
	overdues := []string{"reg_24h", "closure_copy", "closure_file"}
	var open []string
	if list, ok := a.book.List("stage"); ok {
		for _, code := range list.Codes {
			if !slices.Contains(closedStages, code.Code) {
				open = append(open, code.Code)
			}
		}
	}
	return []question{
		{
			name: "somebody by a misspelt name in the other script, the first 20", wanted: 1,
			ours: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				no, text := b.search(r)
				found, _, err := a.list(ctx, index.Query{Text: text, Limit: 20})
				return map[string]int{"found": b.place(found, no)}, err
			},
			theirs: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				no, text := b.search(r)
				found, err := p.list(ctx, bySimilarity(20), inLatin(text))
				return map[string]int{"found": b.place(found, no)}, err
			},
		},
		{
			name: "accounts with two words in whatever form, the latest 50 and how many",
			ours: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				w := words[r.IntN(len(words))]
				found, _, err := a.list(ctx, index.Query{Text: w[0] + " " + w[1]})
				return found, err
			},
			theirs: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				w := words[r.IntN(len(words))]
				return p.list(ctx, `said AS MATERIALIZED (SELECT t.no, c.reported FROM account t JOIN cases c USING (no) WHERE t.words @@ plainto_tsquery('russian', $2)),
					hit AS (SELECT no, count(*) OVER () n, row_number() OVER (ORDER BY reported DESC, no) o FROM said ORDER BY o LIMIT 50)`, w[0]+" "+w[1])
			},
		},
		{
			name: "the open cases of one organisation, changed last first, 50 and how many",
			ours: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				org := orgID(r.IntN(organisations))
				found, _, err := a.list(ctx, index.Query{Facets: map[string][]string{"org": {org}, "stage": open}, Sort: "updated"})
				return found, err
			},
			theirs: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				return p.list(ctx, `n AS (SELECT count(*) n FROM cases c JOIN stage s ON s.no = c.no AND s.kto = 'infinity' AND s.dfrom <= $1 AND s.dto > $1 AND s.stage <> ALL ($3) WHERE c.org = $2),
					hit AS (SELECT c.no, (SELECT n FROM n), row_number() OVER (ORDER BY updated DESC, c.no) o FROM cases c WHERE c.org = $2
						AND EXISTS (SELECT FROM stage s WHERE s.no = c.no AND s.kto = 'infinity' AND s.dfrom <= $1 AND s.dto > $1 AND s.stage <> ALL ($3)) ORDER BY updated DESC, c.no LIMIT 50)`,
					r.IntN(organisations), closedStages)
			},
		},
		{
			name: "the list by stage, region and article, 50, how many, and the counts beside its filters",
			ours: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				q := index.Query{Facets: map[string][]string{"stage": {pick(r, stages...)}, "region": {pick(r, regions[:8]...)}, "article": {pick(r, "146", "362")}}}
				found, page, err := a.list(ctx, q)
				for _, f := range page.Facets {
					for _, v := range f.Values {
						if slices.Contains([]string{"stage", "region", "place_type", "sex", "child", "age_band", "method", "article", "body"}, f.ID) && v.Count > 0 {
							found[f.ID+" "+v.Code] = v.Count
						}
					}
				}
				return found, err
			},
			theirs: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				stage, region, article := pick(r, stages...), pick(r, regions[:8]...), pick(r, "146", "362")
				found, err := p.list(ctx, `all_ AS MATERIALIZED (SELECT c.no, c.reported FROM act a JOIN registration g USING (no) JOIN stage s ON s.no = a.no AND s.kto = 'infinity' AND s.dfrom <= $1 AND s.dto > $1
						JOIN cases c ON c.no = a.no WHERE a.region = $2 AND g.article = $3 AND s.stage = $4),
					hit AS (SELECT no, count(*) OVER () n, row_number() OVER (ORDER BY reported DESC, no) o FROM all_ ORDER BY o LIMIT 50)`, region, article, stage)
				if err != nil {
					return nil, err
				}
				rows, err := p.db.Query(ctx, facetCounts, date(today), region, article, stage)
				if err != nil {
					return nil, err
				}
				defer rows.Close()
				for rows.Next() {
					var facet, code string
					var n int
					if err := rows.Scan(&facet, &code, &n); err != nil {
						return nil, err
					}
					found[facet+" "+code] = n
				}
				return found, rows.Err()
			},
		},
		{
			name: "all steps of one case, as known on a day",
			ours: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				m := b.one(r.IntN(b.cases))
				by := m.written.Add(r.IntN(300))
				found := map[string]int{}
				file, err := a.ix.Case(ctx, caseID(m.no), endOf(by))
				if err != nil {
					return nil, err
				}
				for _, rec := range file.Records() {
					if rec.Kind != "case" {
						found[rec.Kind]++
					}
				}
				return found, nil
			},
			theirs: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				m := b.one(r.IntN(b.cases))
				by := m.written.Add(r.IntN(300))
				rows, err := p.db.Query(ctx, steps, m.no, date(by))
				if err != nil {
					return nil, err
				}
				defer rows.Close()
				found := map[string]int{}
				for rows.Next() {
					values, err := rows.Values()
					if err != nil {
						return nil, err
					}
					found[values[0].(string)]++ //nolint:forcetypeassert // the question says so
				}
				return found, rows.Err()
			},
		},
		{
			name: "where the State is late with one thing, the oldest 50 and how many",
			ours: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				found, _, err := a.list(ctx, index.Query{Rule: pick(r, overdues...), Sort: "incident"})
				return found, err
			},
			theirs: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				return p.list(ctx, `late AS MATERIALIZED (SELECT DISTINCT no FROM overdue WHERE rule = $2 AND kto = 'infinity' AND dfrom <= $1 AND dto > $1),
					hit AS (SELECT no, count(*) OVER () n, row_number() OVER (ORDER BY incident, no) o FROM late JOIN cases USING (no) ORDER BY o LIMIT 50)`, pick(r, overdues...))
			},
		},
		{
			name: "what one organisation has to do in the next 14 days",
			ours: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				org, from := r.IntN(organisations), day(r)
				see := func(id string) index.Sight {
					if orgs[id] == org {
						return index.All
					}
					return index.Nothing
				}
				due, err := a.ix.Due(ctx, index.Clock{AsOf: from}, from, from.Add(13), false, see, func(d index.Due) bool {
					return (d.Rule == "" || a.owes[d.Rule] == rules.Us)
				})
				found := map[string]int{}
				for _, d := range due {
					what := d.Rule
					if what == "" {
						what = d.Kind + " " + d.Code
					}
					found[d.Case+" "+what+" "+d.Day.String()]++
				}
				return found, err
			},
			theirs: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				org, from := r.IntN(organisations), day(r)
				rows, err := p.db.Query(ctx, `SELECT t.no, t.what, t.due FROM term t JOIN cases c USING (no)
					WHERE t.kto = 'infinity' AND t.due >= $1 AND t.due < $1::date + 14 AND t.dfrom <= $1 AND t.dto > $1 AND c.org = $2 ORDER BY t.due, t.what, t.no`, date(from), org)
				if err != nil {
					return nil, err
				}
				defer rows.Close()
				found := map[string]int{}
				for rows.Next() {
					var no int
					var what string
					var due time.Time
					if err := rows.Scan(&no, &what, &due); err != nil {
						return nil, err
					}
					found[caseID(no)+" "+what+" "+due.Format(time.DateOnly)]++
				}
				return found, rows.Err()
			},
		},
		{
			name: "every figure of the statement, as of a day, as known on another",
			ours: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				asOf := day(r)
				values, err := a.ix.Figures(ctx, index.Clock{AsOf: asOf, KnownBy: endOf(asOf.Add(r.IntN(200)))}, index.Coalition, false, a.of("statement"))
				found := map[string]int{}
				for _, v := range values {
					found[v.ID] = v.Value
				}
				return found, err
			},
			theirs: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				asOf := day(r)
				return p.ask(ctx, on(asOf, knownBy(asOf.Add(r.IntN(200)), counts(figures))))
			},
		},
		{
			name: "one figure over 24 ends of months",
			ours: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				found := map[string]int{}
				for _, end := range months(day(r)) {
					n, err := a.figures(ctx, end, "registered_146")
					if err != nil {
						return nil, err
					}
					found[end.String()] = n["registered_146"]
				}
				return found, nil
			},
			theirs: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				ends := months(day(r))
				return p.ask(ctx, `WITH met AS (SELECT unit, min(t.day) AS day FROM registration t JOIN cases c USING (no) WHERE t.status = 'erdr' AND t.article = '146' AND t.day <= $2 GROUP BY unit),
					told AS (SELECT unit, min(r.day) AS day FROM report r JOIN cases c USING (no) WHERE r.day <= $2 AND c.unit IN (SELECT unit FROM met) GROUP BY unit),
					since AS (SELECT date_trunc('month', greatest(met.day, told.day, $1)) AS month, count(*) n FROM met JOIN told USING (unit) GROUP BY 1)
					SELECT (m + interval '1 month - 1 day')::date::text, coalesce((SELECT sum(n) FROM since WHERE month <= m), 0)::bigint FROM generate_series(date_trunc('month', $1::date), $2, interval '1 month') m`,
					date(ends[0]), date(ends[len(ends)-1]))
			},
		},
		{
			name: "cases by stage and region",
			ours: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				asOf := day(r)
				found := map[string]int{}
				for _, region := range regions {
					page, err := a.ix.Cases(ctx, index.Query{Facets: map[string][]string{"region": {region}}, Limit: 1, Clock: index.Clock{AsOf: asOf}})
					if err != nil {
						return nil, err
					}
					for _, f := range page.Facets {
						for _, v := range f.Values {
							if f.ID == "stage" {
								found[region+" "+v.Code] = v.Count
							}
						}
					}
				}
				return found, nil
			},
			theirs: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				return p.ask(ctx, `SELECT a.region || ' ' || s.stage, count(*) FROM act a JOIN stage s USING (no) WHERE s.kto = 'infinity' AND s.dfrom <= $1 AND s.dto > $1 GROUP BY a.region, s.stage`, date(day(r)))
			},
		},
		{
			name: "days from complaint to registration, with those that still wait",
			ours: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				spread, err := a.ix.Spread(ctx, index.SpreadQuery{Clock: index.Clock{AsOf: day(r)}, Scope: index.Coalition, Figure: "complaint_filed",
					Waits: []index.Wait{{ID: "wait", Start: "complaint_filed", Event: "registered"}}})
				if err != nil {
					return nil, err
				}
				found := map[string]int{}
				for _, s := range spread.Survivals[0].Steps {
					found[fmt.Sprint("came ", s.Day)], found[fmt.Sprint("open ", s.Day)] = s.Events, s.Censored
				}
				return found, nil
			},
			theirs: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				return p.ask(ctx, `WITH met AS (SELECT c.unit, min(coalesce(t.day, r.day)) AS day FROM complaint t JOIN cases c USING (no) JOIN report r USING (no) WHERE t.filed = 'yes' AND coalesce(t.day, r.day) <= $1 GROUP BY 1),
					told AS (SELECT c.unit, min(r.day) AS day FROM report r JOIN cases c USING (no) WHERE r.day <= $1 GROUP BY 1),
					came AS (SELECT c.unit, min(t.day) AS day FROM registration t JOIN cases c USING (no) WHERE t.status = 'erdr' AND t.day <= $1 GROUP BY 1),
					wait AS (SELECT greatest(met.day, told.day) AS start, came.day AS came FROM met JOIN told USING (unit) LEFT JOIN came USING (unit))
					SELECT CASE WHEN came IS NULL THEN 'open ' || $1::date - start ELSE 'came ' || greatest(came - start, 0) END, count(*) FROM wait GROUP BY 1`, date(day(r)))
			},
		},
		{
			name: "who of a new list of 100 names is there already, 5 for each", wanted: 50,
			ours: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				found := 0
				for i, n := range b.newList(r) {
					page, _, err := a.list(ctx, index.Query{Text: n.text, Limit: 5})
					if err != nil {
						return nil, err
					}
					if i%2 == 0 {
						found += b.place(page, n.no)
					}
				}
				return map[string]int{"found": found}, nil
			},
			theirs: func(ctx context.Context, r *rand.Rand) (map[string]int, error) {
				found := 0
				for i, n := range b.newList(r) {
					page, err := p.list(ctx, bySimilarity(5), inLatin(n.text))
					if err != nil {
						return nil, err
					}
					if i%2 == 0 {
						found += b.place(page, n.no)
					}
				}
				return map[string]int{"found": found}, nil
			},
		},
	}
}

// listedName is a line of a new list; every second is of nobody in the register.
type listedName struct {
	no   int
	text string
}

func (r register) newList(random *rand.Rand) []listedName {
	all := make([]listedName, 100)
	for i := range all {
		if i%2 == 0 {
			all[i].no, all[i].text = r.search(random)
			continue
		}
		n := named(random, pick(random, "m", "f"))
		all[i] = listedName{-1, n.family + " " + n.given}
	}
	return all
}

// months are 24 ends of months from that of a day on.
func months(from edtf.Day) (ends []edtf.Day) {
	first := from.Add(1 - from.DayOfMonth())
	for i := range 24 {
		ends = append(ends, first.AddMonths(i+1).Add(-1))
	}
	return ends
}

// facetCounts counts beside each filter what the two others select, and beside all else what all three do.
const facetCounts = `
WITH near AS MATERIALIZED (
	SELECT a.no, s.stage, a.region, a.place_type, g.article, g.body, s.stage = $4 AS fs, a.region = $2 AS fr, g.article = $3 AS fa
	FROM act a JOIN stage s ON s.no = a.no AND s.kto = 'infinity' AND s.dfrom <= $1 AND s.dto > $1 LEFT JOIN registration g ON g.no = a.no
	WHERE (a.region = $2)::int + (g.article IS NOT DISTINCT FROM $3)::int + (s.stage = $4)::int >= 2),
all_ AS MATERIALIZED (SELECT * FROM near WHERE fs AND fr AND fa)
SELECT 'stage', stage, count(*) FROM near WHERE fr AND fa GROUP BY 2
UNION ALL SELECT 'region', region, count(*) FROM near WHERE fs AND fa GROUP BY 2
UNION ALL SELECT 'article', article, count(*) FROM near WHERE fs AND fr AND article IS NOT NULL GROUP BY 2
UNION ALL SELECT 'place_type', place_type, count(*) FROM all_ WHERE place_type IS NOT NULL GROUP BY 2
UNION ALL SELECT 'body', body, count(*) FROM all_ WHERE body IS NOT NULL GROUP BY 2
UNION ALL SELECT 'sex', sex, count(*) FROM all_ JOIN person USING (no) WHERE sex IS NOT NULL GROUP BY 2
UNION ALL SELECT 'child', child, count(*) FROM all_ JOIN person USING (no) WHERE child IS NOT NULL GROUP BY 2
UNION ALL SELECT 'age_band', age_band, count(*) FROM all_ JOIN person USING (no) WHERE age_band IS NOT NULL GROUP BY 2
UNION ALL SELECT 'method', method, count(*) FROM all_ JOIN act_method USING (no) GROUP BY 2`

// steps reads all of a case: a record a row.
const steps = `
SELECT 'report', day, region, NULL, NULL FROM report WHERE no = $1 AND known <= $2
UNION ALL SELECT 'person', NULL, concat_ws(' ', family, given, patronymic), concat_ws(' ', sex, child, age_band), life_status FROM person WHERE no = $1 AND known <= $2
UNION ALL SELECT 'act', day, concat_ws(' ', region, place_type), (SELECT string_agg(method, ' ') FROM act_method m WHERE m.no = $1), (SELECT told FROM account t WHERE t.no = $1) FROM act WHERE no = $1 AND known <= $2
UNION ALL SELECT 'complaint', day, filed, NULL, NULL FROM complaint WHERE no = $1 AND known <= $2
UNION ALL SELECT 'registration', day, status, article, body FROM registration WHERE no = $1 AND known <= $2
UNION ALL SELECT 'investigation', day, victim_status, NULL, NULL FROM investigation WHERE no = $1 AND known <= $2
UNION ALL SELECT 'examination', ordered, concat_ws(' ', kind, held), minutes::text, setting FROM examination WHERE no = $1 AND known <= $2
UNION ALL SELECT 'decision', day, kind, NULL, NULL FROM decision WHERE no = $1 AND known <= $2
UNION ALL SELECT 'notice', day, channel, copy_given, NULL FROM notice WHERE no = $1 AND known <= $2
UNION ALL SELECT 'request', day, kind, answer, NULL FROM request WHERE no = $1 AND known <= $2
UNION ALL SELECT 'appeal', day, NULL, NULL, NULL FROM appeal WHERE no = $1 AND known <= $2
UNION ALL SELECT 'hearing', day, kind, NULL, NULL FROM hearing WHERE no = $1 AND known <= $2
UNION ALL SELECT 'verdict', day, kind, NULL, NULL FROM verdict WHERE no = $1 AND known <= $2
UNION ALL SELECT 'redress', paid, kind, NULL, NULL FROM redress WHERE no = $1 AND known <= $2
UNION ALL SELECT 'reprisal', day, NULL, NULL, NULL FROM reprisal WHERE no = $1 AND known <= $2
UNION ALL SELECT 'task', due, kind, NULL, NULL FROM task WHERE no = $1 AND known <= $2`

// twelve asks both sides the twelve questions by turns, and prints how long each took.
func (b bench) twelve(ctx context.Context, a *asked, p *postgres) error {
	faster := 0
	all := b.questions(a, p)
	for number, q := range all {
		if len(b.only) > 0 && !slices.Contains(b.only, strconv.Itoa(number+1)) {
			continue
		}
		var took [2][]time.Duration
		var found [2]int
		numbers, asks := 0, 0
		sides := [2]func(context.Context, *rand.Rand) (map[string]int, error){q.ours, q.theirs}
		for begun := time.Now(); asks <= b.times && (asks < 6 || time.Since(begun) < b.most); asks++ {
			var answers [2]map[string]int
			for turn := range 2 {
				side := (turn + asks) % 2
				if side == 1 && p == nil {
					continue
				}
				random := rand.New(rand.NewPCG(b.seed+uint64(asks), uint64(number)))
				start := time.Now()
				answer, err := sides[side](ctx, random)
				if err != nil {
					return fmt.Errorf("%s: %w", q.name, err)
				}
				if answers[side] = answer; asks > 0 { // the first warms up
					took[side] = append(took[side], time.Since(start))
				}
				found[side] += answer["found"]
			}
			if q.wanted == 0 && p != nil {
				n, err := agree(q.name, today, answers[0], answers[1])
				if err != nil {
					return err
				}
				numbers += n
			}
		}
		for i := range took {
			slices.Sort(took[i])
		}
		said := fmt.Sprintf("%d numbers agree", numbers)
		if q.wanted > 0 {
			said = fmt.Sprintf("found %d and %d of %d", found[0], found[1], asks*q.wanted)
		}
		mid := func(t []time.Duration) time.Duration { return t[len(t)/2] }
		fmt.Printf("| %d | %s | %s, %s ", number+1, q.name, round(mid(took[0])), round(took[0][len(took[0])*99/100]))
		if p == nil {
			fmt.Printf("| %d times; found %d of %d |\n", len(took[0]), found[0], asks*q.wanted)
			continue
		}
		fmt.Printf("| %s, %s | %.2f | %s, %d times |\n", round(mid(took[1])), round(took[1][len(took[1])*99/100]), float64(mid(took[1]))/float64(mid(took[0])), said, len(took[0]))
		if mid(took[0]) < mid(took[1]) {
			faster++
		}
	}
	fmt.Printf("faster on %d\n", faster)
	return nil
}

// owed says who owes what each deadline asks for.
func owed(book *codebook.Book) map[string]string {
	owes := map[string]string{}
	for _, def := range book.Rules() {
		owes[def.ID] = def.Owes
	}
	return owes
}
