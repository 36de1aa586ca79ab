// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/ledger/pgstore/pgtest"
)

// postgres is a throw-away cluster on a socket in a temporary directory, and
// one connection that asks it. Times are from the question to the last row of its answer.
type postgres struct {
	*pgtest.Cluster
	db *pgx.Conn
}

// tables are normalised: a table a kind of record, as the register has them,
// with the indexes its questions want.
const tables = `
CREATE TABLE cases(no int PRIMARY KEY, unit int NOT NULL, org int NOT NULL, restricted bool NOT NULL, number text NOT NULL, reported date NOT NULL, incident date NOT NULL, updated bigint NOT NULL, known date NOT NULL);
CREATE TABLE report(no int NOT NULL, day date NOT NULL, region text, written date NOT NULL, known date NOT NULL);
CREATE TABLE person(no int NOT NULL, sex text, child text, age_band text, life_status text, family text NOT NULL, given text NOT NULL, patronymic text NOT NULL, latin text NOT NULL, known date NOT NULL);
CREATE TABLE act(no int NOT NULL, day date, region text, place_type text, known date NOT NULL);
CREATE TABLE act_method(no int NOT NULL, method text NOT NULL, known date NOT NULL);
CREATE TABLE account(no int NOT NULL, told text NOT NULL, words tsvector GENERATED ALWAYS AS (to_tsvector('russian', told)) STORED, known date NOT NULL);
CREATE TABLE complaint(no int NOT NULL, day date, filed text NOT NULL, known date NOT NULL);
CREATE TABLE registration(no int NOT NULL, day date NOT NULL, status text NOT NULL, article text, body text, known date NOT NULL);
CREATE TABLE investigation(no int NOT NULL, day date NOT NULL, victim_status text, known date NOT NULL);
CREATE TABLE examination(no int NOT NULL, kind text NOT NULL, ordered date, held date, minutes int, setting text, known date NOT NULL);
CREATE TABLE decision(no int NOT NULL, kind text NOT NULL, day date NOT NULL, known date NOT NULL);
CREATE TABLE notice(no int NOT NULL, channel text NOT NULL, day date NOT NULL, copy_given text, known date NOT NULL);
CREATE TABLE request(no int NOT NULL, kind text NOT NULL, day date NOT NULL, answer text, known date NOT NULL);
CREATE TABLE appeal(no int NOT NULL, day date NOT NULL, known date NOT NULL);
CREATE TABLE hearing(no int NOT NULL, kind text NOT NULL, day date NOT NULL, known date NOT NULL);
CREATE TABLE verdict(no int NOT NULL, kind text NOT NULL, day date NOT NULL, known date NOT NULL);
CREATE TABLE redress(no int NOT NULL, kind text NOT NULL, paid date, known date NOT NULL);
CREATE TABLE reprisal(no int NOT NULL, day date NOT NULL, known date NOT NULL);
CREATE TABLE task(no int NOT NULL, kind text NOT NULL, due date NOT NULL, known date NOT NULL)`

const indexes = `
CREATE INDEX ON cases(unit); CREATE INDEX ON cases(no) INCLUDE (unit, restricted);
CREATE INDEX ON report(day) INCLUDE (no); CREATE INDEX ON report(no) INCLUDE (day);
CREATE INDEX ON person(no); CREATE INDEX ON act(no); CREATE INDEX ON act_method(no);
CREATE INDEX ON complaint(filed, day) INCLUDE (no); CREATE INDEX ON registration(status, article, day) INCLUDE (no);
CREATE INDEX ON investigation(day) INCLUDE (no); CREATE INDEX ON examination(kind, ordered) INCLUDE (no, held);
CREATE INDEX ON decision(kind, day) INCLUDE (no); CREATE INDEX ON notice(channel, day) INCLUDE (no);
CREATE INDEX ON request(kind, day) INCLUDE (no); CREATE INDEX ON appeal(day) INCLUDE (no);
CREATE INDEX ON hearing(kind, day) INCLUDE (no); CREATE INDEX ON verdict(kind, day) INCLUDE (no);
CREATE INDEX ON redress(paid) INCLUDE (no); CREATE INDEX ON reprisal(day) INCLUDE (no);
VACUUM ANALYZE`

// postgres starts the cluster and loads the same cases.
func (b bench) postgres(ctx context.Context, a *asked) (_ *postgres, err error) {
	p := &postgres{}
	p.Cluster, err = pgtest.New(ctx, b.bin, "fsync=off", "shared_buffers=2GB", "work_mem=512MB", "maintenance_work_mem=1GB", "max_wal_size=8GB", "jit=off")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if p.db, err = pgx.Connect(ctx, p.URL()); err != nil {
		return nil, err
	}
	start := time.Now()
	if err := p.exec(ctx, tables); err != nil {
		return nil, err
	}
	if b.asking {
		if err := p.exec(ctx, derivedTables); err != nil {
			return nil, err
		}
	}
	if err := b.load(ctx, p, a); err != nil {
		return nil, err
	}
	said("PostgreSQL: made and copied", time.Since(start))
	start = time.Now()
	if err := p.exec(ctx, indexes); err != nil {
		return nil, err
	}
	if b.asking {
		if err := p.exec(ctx, questionIndexes); err != nil {
			return nil, err
		}
	}
	said("PostgreSQL: indexed and analysed", time.Since(start))
	rows, err := p.ask(ctx, "SELECT 'size', pg_database_size('postgres') / 1048576")
	if err != nil {
		return nil, err
	}
	fmt.Printf("%-64s %7d MiB\n", "  on the disk, in the clear", rows["size"])
	return p, nil
}

// load copies the cases, table by table.
func (b bench) load(ctx context.Context, p *postgres, a *asked) error {
	dir, err := os.MkdirTemp(p.Dir(), "load-")
	if err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	files := map[string]*bufio.Writer{}
	var open []*os.File
	row := func(table string, values ...any) error {
		w := files[table]
		if w == nil {
			f, err := os.OpenFile(filepath.Join(dir, table), os.O_CREATE|os.O_WRONLY, 0o644)
			if err != nil {
				return err
			}
			w = bufio.NewWriterSize(f, 1<<16)
			files[table], open = w, append(open, f)
		}
		for i, v := range values {
			text := fmt.Sprint(v)
			if d, ok := v.(edtf.Day); ok && d == 0 || text == "" {
				text = `\N`
			}
			if i > 0 {
				text = "\t" + text
			}
			if _, err := w.WriteString(text); err != nil {
				return err
			}
		}
		return w.WriteByte('\n')
	}
	updated := make([]int64, b.cases) // when the last act of each was
	for act := range b.acts() {
		if no, ok := caseNo(act.Entries[0].Stream); ok {
			updated[no] = act.Entries[0].At.UnixMilli()
		}
	}
	for no := range b.cases {
		m := b.one(no)
		var errs []error
		put := func(table string, last edtf.Day, values ...any) {
			errs = append(errs, row(table, append(append([]any{no}, values...), m.known(last))...))
		}
		dead := ""
		if m.dead {
			dead = "dead_in_custody"
		}
		latin := m.called.latin()
		put("cases", 0, m.unit, m.org, m.restricted, m.number(), m.received, m.incident, updated[no])
		put("report", 0, m.received, m.region, m.written)
		put("person", 0, m.sex, yesno(m.child), m.ageBand, dead, m.called.family, m.called.given, m.called.patronymic, strings.ToLower(latin.family+" "+latin.given))
		put("act", 0, m.incident, m.region, m.place)
		methods := slices.Clone(m.methods)
		slices.Sort(methods)
		for _, method := range slices.Compact(methods) {
			put("act_method", 0, method)
		}
		put("account", 0, m.told)
		if m.filed != "" {
			put("complaint", m.complained, m.complained, m.filed)
		}
		if m.status != "" {
			put("registration", m.registered, m.registered, m.status, m.article, m.body)
		}
		if m.victim != 0 {
			put("investigation", m.victim, m.victim, "yes")
		}
		for _, e := range m.exams {
			minutes := ""
			if e.minutes > 0 {
				minutes = strconv.Itoa(e.minutes)
			}
			put("examination", max(e.ordered, e.held), e.kind, e.ordered, e.held, minutes, e.setting)
		}
		for _, d := range m.decisions {
			put("decision", d.day, d.kind, d.day)
		}
		if m.notice.day != 0 {
			put("notice", m.notice.day, m.notice.kind, m.notice.day, yesno(!m.noCopy))
		}
		if m.request.day != 0 {
			answer := ""
			if m.denied {
				answer = "refused"
			}
			put("request", m.request.day, m.request.kind, m.request.day, answer)
		}
		if m.appeal != 0 {
			put("appeal", m.appeal, m.appeal)
		}
		if m.trial != 0 {
			put("hearing", m.trial, "trial", m.trial)
		}
		if m.verdict.day != 0 {
			put("verdict", m.verdict.day, m.verdict.kind, m.verdict.day)
		}
		if m.paid != 0 {
			put("redress", m.paid, "compensation", m.paid)
		}
		if m.reprisal != 0 {
			put("reprisal", m.reprisal, m.reprisal)
		}
		if m.task.day != 0 {
			put("task", 0, m.task.kind, m.task.day)
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	if b.asking {
		if err := b.derived(a.book, a.set, row); err != nil {
			return err
		}
	}
	var errs []error
	for _, w := range files {
		errs = append(errs, w.Flush())
	}
	for _, f := range open {
		errs = append(errs, f.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, table := range slices.Sorted(maps.Keys(files)) {
		if err := p.exec(ctx, fmt.Sprintf("COPY %s FROM '%s'", columns(table), filepath.Join(dir, table))); err != nil {
			return err
		}
	}
	return os.RemoveAll(dir)
}

// columns names those of a table that are copied, where some are not.
func columns(table string) string {
	if table == "account" {
		return "account(no, told, known)" // the rest it makes itself
	}
	return table
}

// exec executes statements, one after the other.
func (p *postgres) exec(ctx context.Context, statements string) error {
	for sql := range strings.SplitSeq(statements, ";") {
		if _, err := p.db.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", strings.TrimSpace(sql), err)
		}
	}
	return nil
}

// ask puts a question and reads rows of a name and a number.
func (p *postgres) ask(ctx context.Context, sql string, args ...any) (map[string]int, error) {
	rows, err := p.db.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	found := map[string]int{}
	var name string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error {
		found[name] = n
		return nil
	})
	return found, err
}

func (p *postgres) close() error {
	var errs []error
	if p.db != nil {
		errs = append(errs, p.db.Close(context.Background()))
	}
	return errors.Join(append(errs, p.Close())...)
}

// flags are what holds of each unit by a day, DAY, a bit each: one pass over each
// table and one sum over all. (A join of the tables, each summed up by unit, is the
// plainer question; at a million cases its planner takes it for one without an end.)
const flags = `
WITH each_ AS (
	SELECT c.unit, (1)::bigint f, r.day AS day, NULL::date AS registered, NULL::date AS examined, NULL::date AS decision FROM report r JOIN cases c USING (no) WHERE r.day <= DAY KNOWN(r)
	UNION ALL SELECT c.unit, (CASE WHEN t.child = 'yes' THEN 2 ELSE 0 END | CASE WHEN t.sex = 'f' THEN 4 ELSE 0 END | CASE WHEN t.sex = 'm' THEN 8 ELSE 0 END | CASE WHEN t.life_status = 'dead_in_custody' THEN 16 ELSE 0 END)::bigint f, NULL::date AS day, NULL::date AS registered, NULL::date AS examined, NULL::date AS decision FROM person t JOIN cases c USING (no) JOIN report r USING (no) WHERE r.day <= DAY KNOWN(t)
	UNION ALL SELECT c.unit, (CASE WHEN t.filed = 'yes' THEN 32 ELSE 0 END | CASE WHEN t.filed = 'no' THEN 64 ELSE 0 END)::bigint f, NULL::date AS day, NULL::date AS registered, NULL::date AS examined, NULL::date AS decision FROM complaint t JOIN cases c USING (no) JOIN report r USING (no) WHERE coalesce(t.day, r.day) <= DAY KNOWN(t)
	UNION ALL SELECT c.unit, (CASE WHEN t.status = 'erdr' THEN 128 ELSE 0 END | CASE WHEN t.status = 'erdr' AND t.article = '146' THEN 256 ELSE 0 END | CASE WHEN t.status = 'erdr' AND t.article = '362' THEN 512 ELSE 0 END | CASE WHEN t.status = 'unregistered_check' THEN 1024 ELSE 0 END | CASE WHEN t.status IN ('refused', 'forwarded', 'kui_only') THEN 2048 ELSE 0 END | CASE WHEN true THEN 4096 ELSE 0 END)::bigint f, NULL::date AS day, CASE WHEN t.status = 'erdr' THEN t.day END AS registered, NULL::date AS examined, NULL::date AS decision FROM registration t JOIN cases c USING (no) WHERE t.day <= DAY KNOWN(t)
	UNION ALL SELECT c.unit, (CASE WHEN t.victim_status = 'yes' THEN 8192 ELSE 0 END)::bigint f, NULL::date AS day, NULL::date AS registered, NULL::date AS examined, NULL::date AS decision FROM investigation t JOIN cases c USING (no) WHERE t.day <= DAY KNOWN(t)
	UNION ALL SELECT c.unit, (CASE WHEN t.kind = 'sme' THEN 16384 ELSE 0 END | CASE WHEN t.kind <> 'independent_ip' THEN 32768 ELSE 0 END | CASE WHEN t.kind <> 'independent_ip' AND t.held <= DAY THEN 65536 ELSE 0 END | CASE WHEN t.kind = 'independent_ip' THEN 131072 ELSE 0 END | CASE WHEN t.kind IN ('sppe', 'psych') THEN 262144 ELSE 0 END | CASE WHEN t.kind IN ('sppe', 'psych') AND t.minutes < 60 THEN 524288 ELSE 0 END | CASE WHEN t.kind <> 'independent_ip' AND t.setting = 'police_premises' THEN 1048576 ELSE 0 END)::bigint f, NULL::date AS day, NULL::date AS registered, CASE WHEN t.kind <> 'independent_ip' THEN t.ordered END AS examined, NULL::date AS decision FROM examination t JOIN cases c USING (no) WHERE t.ordered <= DAY KNOWN(t)
	UNION ALL SELECT c.unit, (CASE WHEN t.kind = 'suspended' THEN 2097152 ELSE 0 END | CASE WHEN t.kind = 'closed' THEN 4194304 ELSE 0 END | CASE WHEN t.kind IN ('charged', 'indictment', 'sent_to_court') THEN 8388608 ELSE 0 END | CASE WHEN t.kind = 'sent_to_court' THEN 16777216 ELSE 0 END | CASE WHEN true THEN 33554432 ELSE 0 END)::bigint f, NULL::date AS day, NULL::date AS registered, NULL::date AS examined, t.day AS decision FROM decision t JOIN cases c USING (no) WHERE t.day <= DAY KNOWN(t)
	UNION ALL SELECT c.unit, (CASE WHEN t.channel IN ('sms', 'messenger') THEN 67108864 ELSE 0 END | CASE WHEN t.copy_given = 'no' THEN 134217728 ELSE 0 END)::bigint f, NULL::date AS day, NULL::date AS registered, NULL::date AS examined, NULL::date AS decision FROM notice t JOIN cases c USING (no) WHERE t.day <= DAY KNOWN(t)
	UNION ALL SELECT c.unit, (CASE WHEN t.kind = 'decision_copy' AND t.answer = 'refused' THEN 268435456 ELSE 0 END | CASE WHEN t.kind = 'case_file' AND t.answer = 'refused' THEN 536870912 ELSE 0 END)::bigint f, NULL::date AS day, NULL::date AS registered, NULL::date AS examined, NULL::date AS decision FROM request t JOIN cases c USING (no) WHERE t.day <= DAY KNOWN(t)
	UNION ALL SELECT c.unit, (CASE WHEN true THEN 1073741824 ELSE 0 END)::bigint f, NULL::date AS day, NULL::date AS registered, NULL::date AS examined, NULL::date AS decision FROM appeal t JOIN cases c USING (no) WHERE t.day <= DAY KNOWN(t)
	UNION ALL SELECT c.unit, (CASE WHEN t.kind IN ('preliminary', 'trial', 'appeal') THEN 2147483648 ELSE 0 END)::bigint f, NULL::date AS day, NULL::date AS registered, NULL::date AS examined, NULL::date AS decision FROM hearing t JOIN cases c USING (no) WHERE t.day <= DAY KNOWN(t)
	UNION ALL SELECT c.unit, (CASE WHEN true THEN 4294967296 ELSE 0 END | CASE WHEN t.kind = 'convicted' THEN 8589934592 ELSE 0 END | CASE WHEN t.kind = 'acquitted' THEN 17179869184 ELSE 0 END)::bigint f, NULL::date AS day, NULL::date AS registered, NULL::date AS examined, NULL::date AS decision FROM verdict t JOIN cases c USING (no) WHERE t.day <= DAY KNOWN(t)
	UNION ALL SELECT c.unit, (CASE WHEN true THEN 34359738368 ELSE 0 END)::bigint f, NULL::date AS day, NULL::date AS registered, NULL::date AS examined, NULL::date AS decision FROM redress t JOIN cases c USING (no) WHERE t.paid <= DAY KNOWN(t)
	UNION ALL SELECT c.unit, (CASE WHEN true THEN 68719476736 ELSE 0 END)::bigint f, NULL::date AS day, NULL::date AS registered, NULL::date AS examined, NULL::date AS decision FROM reprisal t JOIN cases c USING (no) WHERE t.day <= DAY KNOWN(t)),
sum_ AS (SELECT unit, bit_or(f) f, min(day) AS day, min(registered) registered, min(examined) examined, min(decision) decision FROM each_ GROUP BY unit),
flag AS (SELECT unit, day, registered, examined, decision, f & 16777216 <> 0 OR f & 2147483648 <> 0 OR f & 4294967296 <> 0 AS court, f & 4096 = 0 AS nothing, f & 2 <> 0 AS child, f & 4 <> 0 AS f, f & 8 <> 0 AS m, f & 16 <> 0 AS dead, f & 32 <> 0 AS yes, f & 64 <> 0 AS no, f & 128 <> 0 AS erdr, f & 256 <> 0 AS a146, f & 512 <> 0 AS a362, f & 1024 <> 0 AS checked, f & 2048 <> 0 AS away, f & 4096 <> 0 AS something, f & 8192 <> 0 AS victim, f & 16384 <> 0 AS sme, f & 32768 <> 0 AS official, f & 65536 <> 0 AS held, f & 131072 <> 0 AS independent, f & 262144 <> 0 AS psych, f & 524288 <> 0 AS short, f & 1048576 <> 0 AS premises, f & 2097152 <> 0 AS suspended, f & 4194304 <> 0 AS closed, f & 8388608 <> 0 AS charged, f & 16777216 <> 0 AS sent, f & 33554432 <> 0 AS decided, f & 67108864 <> 0 AS byText, f & 134217728 <> 0 AS noCopy, f & 268435456 <> 0 AS copyDenied, f & 536870912 <> 0 AS fileDenied, f & 1073741824 <> 0 AS appealed, f & 2147483648 <> 0 AS heard, f & 4294967296 <> 0 AS tried, f & 8589934592 <> 0 AS convicted, f & 17179869184 <> 0 AS acquitted, f & 34359738368 <> 0 AS paid, f & 68719476736 <> 0 AS reprisals
	FROM sum_ WHERE f & 1 <> 0)
`

// figures says what each figure is in the terms of the flags.
var figures = []struct{ id, expr string }{
	{"reports", "true"}, {"children", "child"}, {"women_and_girls", "f"}, {"men_and_boys", "m"}, {"sex_not_known", "NOT f AND NOT m"},
	{"complaint_filed", "yes"}, {"not_complained", "NOT yes AND no"}, {"complaint_not_known", "NOT yes AND NOT no"},
	{"registered", "erdr"}, {"registered_146", "a146"}, {"registered_362", "a362"}, {"registered_other", "erdr AND NOT a146 AND NOT a362"},
	{"registered_146_exam_ordered", "a146 AND sme"}, {"investigated_unregistered", "checked"}, {"turned_away", "NOT erdr AND away"}, {"no_status_known", "nothing"},
	{"exam_ordered", "sme"}, {"exam_held", "held"}, {"independent_exam", "independent"}, {"psychological_exam", "psych"}, {"psychological_exam_under_60", "short"},
	{"exam_on_law_enforcement_premises", "premises"}, {"victim_status_granted", "victim"}, {"interrupted", "suspended"}, {"closed", "closed"},
	{"closed_appealed", "closed AND appealed"}, {"notified_by_text", "closed AND byText"}, {"copy_withheld", "closed AND (noCopy OR copyDenied)"}, {"file_denied", "closed AND fileDenied"},
	{"charged", "charged"}, {"in_court", "court"}, {"convicted", "convicted"}, {"acquitted", "acquitted"}, {"compensated", "paid"}, {"reprisals", "reprisals"}, {"died_in_custody", "dead"},
}

// wayFigures are those of the analysis: stations, and where the way divides.
func wayFigures() []struct{ id, expr string } {
	type figure = struct{ id, expr string }
	all := []figure{
		{"reports", "true"}, {"complaint_filed", "yes"}, {"registered", "erdr"}, {"examined", "official"}, {"decided", "decided"}, {"closed", "closed"},
		{"appealed", "appealed"}, {"in_court", "court"}, {"tried", "tried"}, {"redressed", "paid"}, {"not_complained", "NOT yes AND no"}, {"complaint_not_known", "NOT yes AND NOT no"},
	}
	status := []figure{{"registered", "erdr"}, {"checked", "NOT erdr AND checked"}, {"turned_away", "NOT erdr AND NOT checked AND away"}, {"no_status", "NOT erdr AND NOT checked AND NOT away"}}
	for _, s := range status[1:] {
		all = append(all, figure{"flow_" + s.id, s.expr})
	}
	for _, from := range []figure{{"filed", "yes"}, {"unfiled", "NOT yes AND no"}, {"unknown", "NOT yes AND NOT no"}} {
		for _, to := range status {
			all = append(all, figure{"flow_" + from.id + "_" + to.id, from.expr + " AND " + to.expr})
		}
	}
	decided := []figure{{"decided", "(decided OR court)"}, {"undecided", "NOT (decided OR court)"}}
	exams := []figure{{"examined", "official"}, {"unexamined", "NOT official"}}
	for _, e := range exams {
		all = append(all, figure{"flow_" + e.id, "erdr AND " + e.expr})
		for _, d := range decided {
			all = append(all, figure{"flow_" + e.id + "_" + d.id, "erdr AND " + e.expr + " AND " + d.expr})
		}
	}
	for _, d := range decided {
		all = append(all, figure{"flow_" + d.id, "erdr AND " + d.expr})
	}
	return append(all,
		figure{"flow_court", "erdr AND court"}, figure{"flow_closed", "erdr AND NOT court AND closed"}, figure{"flow_other_decision", "erdr AND decided AND NOT court AND NOT closed"},
		figure{"flow_closed_appealed", "erdr AND NOT court AND closed AND appealed"}, figure{"flow_closed_unappealed", "erdr AND NOT court AND closed AND NOT appealed"},
		figure{"flow_tried", "erdr AND tried"}, figure{"flow_untried", "erdr AND court AND NOT tried"},
		figure{"flow_redressed", "erdr AND tried AND paid"}, figure{"flow_unredressed", "erdr AND tried AND NOT paid"})
}

func on(day edtf.Day, sql string) string {
	return strings.NewReplacer("DAY", "date '"+day.String()+"'", "KNOWN(r)", "", "KNOWN(t)", "").Replace(sql)
}

// knownBy is a question of flags as of what was written down by the end of a day.
func knownBy(day edtf.Day, sql string) string {
	by := ".known <= date '" + day.String() + "'"
	return strings.NewReplacer("KNOWN(r)", "AND r"+by, "KNOWN(t)", "AND t"+by).Replace(sql)
}

// counts is a question about flags: a row a figure.
func counts(of []struct{ id, expr string }) string {
	var names, values []string
	for _, f := range of {
		names = append(names, "'"+f.id+"'")
		values = append(values, "count(*) FILTER (WHERE "+f.expr+")")
	}
	return flags + "SELECT x.* FROM (SELECT ARRAY[" + strings.Join(names, ", ") + "] AS name, ARRAY[" + strings.Join(values, ", ") + "] AS n FROM flag) all_, unnest(name, n) x"
}

func (p *postgres) figures(ctx context.Context, day edtf.Day, id string) (map[string]int, error) {
	if id == "" {
		return p.ask(ctx, on(day, counts(figures)))
	}
	return p.ask(ctx, on(day, `SELECT 'registered_146', count(DISTINCT c.unit) FROM registration t JOIN cases c USING (no)
		WHERE t.status = 'erdr' AND t.article = '146' AND t.day <= DAY AND EXISTS (SELECT FROM cases o JOIN report r USING (no) WHERE o.unit = c.unit AND r.day <= DAY)`))
}

// analysis asks what the analysis page shows, but for the stage.
func (p *postgres) analysis(ctx context.Context, day edtf.Day) (map[string]int, error) {
	found := map[string]int{}
	breakdown := func(facet, from string) string {
		return `, b AS MATERIALIZED (SELECT DISTINCT told.unit, code FROM told JOIN (` + from + `) f USING (unit) WHERE code IS NOT NULL)
			SELECT '` + facet + ` ' || code, count(*) FROM b GROUP BY code UNION ALL SELECT '` + facet + `', (SELECT count(*) FROM u) - (SELECT count(DISTINCT unit) FROM b)`
	}
	const told = `WITH u AS MATERIALIZED (SELECT DISTINCT c.unit FROM report r JOIN cases c USING (no) WHERE r.day <= DAY),
		told AS MATERIALIZED (SELECT unit FROM u WHERE NOT EXISTS (SELECT FROM cases c WHERE c.unit = u.unit AND c.restricted))`
	person := func(field string) string {
		return `SELECT c.unit, t.` + field + ` code FROM person t JOIN cases c USING (no) JOIN report r USING (no) WHERE r.day <= DAY`
	}
	wait := func(id, column string) string {
		return `SELECT '` + id + ` came ' || greatest(` + column + ` - day, 0), count(*) FROM flag WHERE ` + column + ` IS NOT NULL GROUP BY greatest(` + column + ` - day, 0)
			UNION ALL SELECT '` + id + ` open ' || DAY - day, count(*) FROM flag WHERE ` + column + ` IS NULL GROUP BY DAY - day`
	}
	for _, sql := range []string{
		counts(wayFigures()),
		told + breakdown("region", `SELECT c.unit, t.region code FROM act t JOIN cases c USING (no) WHERE t.day <= DAY UNION ALL SELECT c.unit, t.region FROM report t JOIN cases c USING (no) WHERE t.day <= DAY`),
		told + breakdown("place_type", `SELECT c.unit, t.place_type code FROM act t JOIN cases c USING (no) WHERE t.day <= DAY`),
		told + breakdown("method", `SELECT c.unit, m.method code FROM act t JOIN cases c USING (no) JOIN act_method m USING (no) WHERE t.day <= DAY`),
		told + breakdown("article", `SELECT c.unit, t.article code FROM registration t JOIN cases c USING (no) WHERE t.day <= DAY`),
		told + breakdown("body", `SELECT c.unit, t.body code FROM registration t JOIN cases c USING (no) WHERE t.day <= DAY`),
		told + breakdown("sex", person("sex")), told + breakdown("child", person("child")), told + breakdown("age_band", person("age_band")),
		flags + wait("registration", "registered") + " UNION ALL " + wait("examination", "examined") + " UNION ALL " + wait("decision", "decision"),
		`WITH u AS MATERIALIZED (SELECT min(r.day) AS day, min(greatest(r.day, r.written)) AS met FROM report r JOIN cases c USING (no) WHERE r.day <= DAY GROUP BY c.unit),
			month AS (SELECT least((date_trunc('month', m) + interval '1 month - 1 day')::date, DAY) AS last FROM generate_series(date_trunc('month', greatest((SELECT min(day) FROM u), (date_trunc('month', DAY) - interval '59 months')::date)), DAY::timestamp, interval '1 month') m),
			now_ AS (SELECT last, (SELECT count(*) FROM u WHERE day <= last) n FROM month),
			then_ AS (SELECT last, (SELECT count(*) FROM u WHERE met <= last) n FROM month)
			SELECT 'now ' || last, n FROM now_ UNION ALL SELECT 'then ' || last, n FROM then_`,
	} {
		rows, err := p.ask(ctx, on(day, sql))
		if err != nil {
			return nil, err
		}
		maps.Copy(found, rows)
	}
	for name, n := range found { // as the program's answer has no zeros in these
		if n == 0 && strings.Contains(name, " ") {
			delete(found, name)
		}
	}
	return found, nil
}
