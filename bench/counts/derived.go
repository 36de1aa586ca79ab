// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/rules"
)

// What follows from a case by its rules is given to PostgreSQL as the program
// derives it, as history by both clocks: it has to derive nothing, nor to keep it up to date.
const derivedTables = `
CREATE TABLE stage(no int NOT NULL, stage text NOT NULL, dfrom date NOT NULL, dto date NOT NULL, kfrom date NOT NULL, kto date NOT NULL);
CREATE TABLE overdue(no int NOT NULL, rule text NOT NULL, dfrom date NOT NULL, dto date NOT NULL, kfrom date NOT NULL, kto date NOT NULL);
CREATE TABLE term(no int NOT NULL, what text NOT NULL, due date NOT NULL, dfrom date NOT NULL, dto date NOT NULL, kfrom date NOT NULL, kto date NOT NULL)`

// line is a row of a table.
type line struct {
	table  string
	values []any
}

// derived makes the rows of the derived tables, in order of the cases.
func (b bench) derived(book *codebook.Book, set *rules.Set, row func(table string, values ...any) error) error {
	const chunk = 4096
	lines := make([][]line, chunk)
	for first := 0; first < b.cases; first += chunk {
		n := min(chunk, b.cases-first)
		var g errgroup.Group
		for core := range runtime.NumCPU() {
			g.Go(func() error {
				for i := core; i < n; i += runtime.NumCPU() {
					lines[i] = derive(b.one(first+i), book, set)
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for _, of := range lines[:n] {
			for _, l := range of {
				if err := row(l.table, l.values...); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func derive(m made, book *codebook.Book, set *rules.Set) (lines []line) {
	for _, known := range []edtf.Day{m.written, m.again} {
		entries := m.entries(func(rec record) bool { return m.known(rec.last) <= known })
		if known == 0 || known == m.again && len(entries) == len(m.entries(func(rec record) bool { return m.known(rec.last) <= m.written })) {
			continue // nothing was written then
		}
		to := edtf.Day(0)
		if known == m.written && m.again != 0 && len(entries) < len(m.records()) {
			to = m.again
		}
		for i := range entries {
			entries[i].Pos, entries[i].At = uint64(i), m.known(0).Time().Add(6*time.Hour)
		}
		c := casefile.Fold(book, caseID(m.no), entries)
		put := func(table string, from, until edtf.Day, values ...any) {
			lines = append(lines, line{table, append(append([]any{m.no}, values...), since(from), ever(until), known, ever(to))})
		}
		turns := c.Turns()
		for i, day := range turns {
			until := edtf.MaxDay
			if i+1 < len(turns) {
				until = turns[i+1]
			}
			if s := c.Stage(day); s.ID != "" {
				put("stage", day, until, s.ID)
			}
		}
		standings, waits := set.Standings(c)
		for _, s := range standings {
			if def, _ := set.Rule(s.Rule); s.Due == 0 && def.Use == codebook.Deadline {
				put("overdue", s.From, s.To, s.Rule)
			}
		}
		for _, w := range waits {
			if def, _ := set.Rule(w.Rule); def.Owes == rules.Us && !w.Due.Bound() {
				put("term", w.From, w.To, w.Rule, w.Due)
			}
		}
		if m.task.day != 0 {
			put("term", 0, 0, "task "+m.task.kind, m.task.day)
		}
		if m.trial != 0 && m.known(m.trial) <= known {
			put("term", 0, 0, "hearing trial", m.trial)
		}
	}
	return lines
}

// since and ever write days without a beginning and without an end as PostgreSQL has them.
func since(d edtf.Day) any {
	if d <= 0 {
		return "-infinity"
	}
	return d
}

func ever(d edtf.Day) any {
	if d == 0 || d == edtf.MaxDay {
		return "infinity"
	}
	return d
}
