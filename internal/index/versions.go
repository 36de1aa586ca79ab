// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/rules"
)

// What a batch does to versions is done in memory: those that hold of the cases
// it touches are read once, and only what has come of them is written. A
// version that another act of the batch ends at once is never written.

// rowVersion is a version of the row of a case.
type rowVersion struct {
	v, from, to, cluster int64
	row                  row
	stored               int64 // the end it has in the table; 0: it is not there
}

// unitVersion is a version of a unit.
type unitVersion struct {
	v, scope, from, to int64
	members            []int64
	spans, cells       []byte
	stored             int64 // as of a rowVersion
}

// versions are those that a batch has to do with.
type versions struct {
	rows  map[int64][]*rowVersion  // by stream: that hold, or ended in this batch
	units map[int64][]*unitVersion // the same, by the streams of their members
	byV   map[int64]*unitVersion
	gone  []int64 // numbers of stored rows to be taken away
	left  []*unitVersion
	fresh map[int64]bool // streams of which nothing is stored
}

func newVersions() versions {
	return versions{rows: map[int64][]*rowVersion{}, units: map[int64][]*unitVersion{}, byV: map[int64]*unitVersion{}, fresh: map[int64]bool{}}
}

// readVersions reads the versions of a case that hold, or ended at a moment of
// which this batch can have acts.
func (p *plan) readVersions(c *conn, stream, known int64) error {
	if _, ok := p.versions.rows[stream]; ok {
		return nil
	}
	p.versions.rows[stream] = nil
	if p.versions.fresh[stream] {
		return nil
	}
	err := c.Run(`SELECT v, kfrom, kto, cluster, `+rowColumns+` FROM file WHERE stream = ? AND kto >= ?`, func(s *sqlite3.Stmt) error {
		r := &rowVersion{s.ColumnInt64(0), s.ColumnInt64(1), s.ColumnInt64(2), s.ColumnInt64(3), scanRow(s, 4), s.ColumnInt64(2)}
		p.versions.rows[stream] = append(p.versions.rows[stream], r)
		return nil
	}, stream, known)
	if err != nil {
		return err
	}
	var read []*unitVersion
	err = c.Run(`SELECT u.v, u.scope, u.kfrom, u.kto, u.spans, u.cells FROM member m JOIN unit u ON u.v = m.v WHERE m.stream = ? AND u.kto >= ?`, func(s *sqlite3.Stmt) error {
		if v := s.ColumnInt64(0); p.versions.byV[v] == nil {
			read = append(read, &unitVersion{v: v, scope: s.ColumnInt64(1), from: s.ColumnInt64(2), to: s.ColumnInt64(3),
				spans: s.ColumnBlob(4, nil), cells: s.ColumnBlob(5, nil), stored: s.ColumnInt64(3)})
		}
		return nil
	}, stream, known)
	for _, u := range read {
		if err == nil {
			u.members, err = membersOf(c, u.v)
		}
		p.versions.add(u)
	}
	return err
}

func (v *versions) add(u *unitVersion) {
	v.byV[u.v] = u
	for _, m := range u.members {
		v.units[m] = append(v.units[m], u)
	}
}

func (v *versions) drop(u *unitVersion) {
	for _, m := range u.members {
		v.units[m] = slices.DeleteFunc(v.units[m], func(o *unitVersion) bool { return o == u })
	}
	if u.stored != 0 {
		v.left = append(v.left, u)
	} else {
		delete(v.byV, u.v)
	}
}

// version ends the rows and units that a change makes untrue and begins those
// that are true from then on. What did not change keeps its version.
func (p *plan) version(c *conn, ch *change) error {
	rows := map[int64]file{}
	for _, f := range ch.files {
		rows[f.stream] = f
	}
	units := map[string]unit{}
	for _, u := range ch.units {
		units[unitKey(u.scope, u.members)] = u
	}
	for _, stream := range ch.touched {
		if err := p.readVersions(c, stream, ch.known); err != nil {
			return err
		}
	}
	same := map[int64]bool{} // units that go on
	for _, stream := range ch.touched {
		p.endRow(stream, ch.known, rows)
		if err := p.endUnits(stream, ch.known, units, same); err != nil {
			return err
		}
	}
	for _, f := range ch.files { // in the order of the plan, so that numbers don't depend on chance
		if _, ok := rows[f.stream]; ok {
			p.beginRow(f, ch.known)
		}
	}
	for _, u := range ch.units {
		if _, ok := units[unitKey(u.scope, u.members)]; !ok {
			continue
		}
		if err := p.beginUnit(u, ch.known); err != nil {
			return err
		}
	}
	return nil
}

func unitKey(scope int64, members []int64) string {
	key := binary.AppendVarint(nil, scope)
	for _, m := range members {
		key = binary.AppendVarint(key, m)
	}
	return string(key)
}

// endRow ends the row of a case unless rows holds the same one, which is then taken out of rows.
func (p *plan) endRow(stream, known int64, rows map[int64]file) {
	all := p.versions.rows[stream]
	i := slices.IndexFunc(all, func(r *rowVersion) bool { return r.to == forever })
	if i < 0 {
		return
	}
	old := all[i]
	if f, ok := rows[stream]; ok && f.cluster == old.cluster && f.eval.row == old.row {
		delete(rows, stream)
		return
	}
	if old.from != known {
		old.to = known
		return
	}
	if old.stored != 0 {
		p.versions.gone = append(p.versions.gone, old.v)
	}
	p.versions.rows[stream] = slices.Delete(all, i, i+1)
}

func (p *plan) beginRow(f file, known int64) {
	for _, r := range p.versions.rows[f.stream] {
		if r.to == known && r.cluster == f.cluster && r.row == f.eval.row { // see reopen
			r.to = forever
			return
		}
	}
	p.versions.rows[f.stream] = append(p.versions.rows[f.stream],
		&rowVersion{v: p.nextVersion(), from: known, to: forever, cluster: f.cluster, row: f.eval.row})
}

// nextVersion gives a version its number.
func (p *plan) nextVersion() int64 {
	p.st.next++
	return p.st.next - 1
}

// endUnits ends the open units of a case unless units holds the same, which is
// then taken out of units and noted.
func (p *plan) endUnits(stream, known int64, units map[string]unit, goesOn map[int64]bool) error {
	for _, u := range slices.Clone(p.versions.units[stream]) {
		if u.to != forever || goesOn[u.v] {
			continue
		}
		key := unitKey(u.scope, u.members)
		if same, ok := units[key]; ok && bytes.Equal(same.eval.spans, u.spans) && bytes.Equal(same.cells(), u.cells) {
			delete(units, key)
			goesOn[u.v] = true
			continue
		}
		if err := p.tally(u, known, -1); err != nil {
			return err
		}
		p.sheet(u.scope, u.members[0], nil)
		if u.from == known {
			p.versions.drop(u)
		} else {
			u.to = known
		}
	}
	return nil
}

// reopen goes on with a unit that ended at this very moment and was the same.
// What was true in between, for no time at all, leaves no trace: whoever reads
// the ledger from its start may never have seen it.
func (p *plan) reopen(u unit, known int64) (bool, error) {
	for _, e := range p.versions.units[u.members[0]] {
		if e.to == known && e.scope == u.scope && slices.Equal(e.members, u.members) && bytes.Equal(e.spans, u.eval.spans) && bytes.Equal(e.cells, u.cells()) {
			e.to = forever
			return true, p.tally(e, known, 1)
		}
	}
	return false, nil
}

func membersOf(c *conn, v int64) (members []int64, err error) {
	err = c.Run(`SELECT stream FROM member WHERE v = ? ORDER BY stream`, func(s *sqlite3.Stmt) error {
		members = append(members, s.ColumnInt64(0))
		return nil
	}, v)
	return members, err
}

func (p *plan) beginUnit(u unit, known int64) error {
	if p.changed != nil {
		body, err := p.ix.compact(nil, u.eval.spans, u.cells(), u.members[1:])
		if err != nil {
			return err
		}
		p.sheet(u.scope, u.members[0], body)
	}
	if same, err := p.reopen(u, known); err != nil || same {
		return err
	}
	made := &unitVersion{v: p.nextVersion(), scope: u.scope, from: known, to: forever, members: u.members, spans: u.eval.spans, cells: u.cells()}
	p.versions.add(made)
	return p.tally(made, known, 1)
}

// writeVersions writes what has come of the versions, in the order of their numbers.
func (p *plan) writeVersions(c *conn) error {
	v := &p.versions
	var rows []*rowVersion
	stream := map[int64]int64{} // of rows, by their number
	for no, of := range v.rows {
		for _, r := range of {
			if r.stored != r.to {
				rows = append(rows, r)
				stream[r.v] = no
			}
		}
	}
	slices.SortFunc(rows, func(a, b *rowVersion) int { return cmp.Compare(a.v, b.v) })
	for _, gone := range v.gone {
		if err := c.Run(`DELETE FROM file WHERE v = ?`, nil, gone); err != nil {
			return err
		}
	}
	for _, r := range rows {
		var err error
		if r.stored != 0 {
			err = c.Run(`UPDATE file SET kto = ? WHERE v = ?`, nil, r.to, r.v)
		} else {
			args := append([]any{r.v, stream[r.v], r.from, r.to, r.cluster}, r.row.args()...)
			err = c.Run(`INSERT INTO file(v, stream, kfrom, kto, cluster, `+rowColumns+`) VALUES(?, ?, ?, ?, ?, `+rowMarks+`)`, nil, args...)
		}
		if err != nil {
			return err
		}
	}
	for _, u := range v.left {
		delete(v.byV, u.v)
		for _, m := range u.members {
			if err := c.Run(`DELETE FROM member WHERE v = ? AND stream = ?`, nil, u.v, m); err != nil {
				return err
			}
		}
		if err := c.Run(`DELETE FROM unit WHERE v = ?`, nil, u.v); err != nil {
			return err
		}
	}
	for _, no := range slices.Sorted(maps.Keys(v.byV)) {
		if err := v.byV[no].write(c); err != nil {
			return err
		}
	}
	return nil
}

func (u *unitVersion) write(c *conn) error {
	switch u.stored {
	case u.to:
		return nil
	case 0:
	default:
		return c.Run(`UPDATE unit SET kto = ? WHERE v = ?`, nil, u.to, u.v)
	}
	err := c.Run(`INSERT INTO unit(v, scope, kfrom, kto, spans, cells) VALUES(?, ?, ?, ?, ?, ?)`, nil, u.v, u.scope, u.from, u.to, u.spans, u.cells)
	for _, m := range u.members {
		if err == nil {
			err = c.Run(`INSERT INTO member(v, stream) VALUES(?, ?)`, nil, u.v, m)
		}
	}
	return err
}

// sheet notes what a unit is from now on: see sheets.follow.
func (p *plan) sheet(scope, stream int64, body []byte) {
	if p.changed != nil {
		p.changed[counted{scope, stream}] = body
	}
}

// tallied is a day on which the number of units changes for which a rule holds in a scope.
type tallied struct {
	scope, rule int32
	day         edtf.Day
}

// turn is by how much it changes.
type turn struct {
	now, then int32 // by what is known now; by what was known at the end of that day
}

// tally notes that a version begins to be true (1), or ends (-1), at a known
// time. Along the diagonal of both clocks a version that is true counts from the
// day it became known, on the days of its spans; one that ended counts until the day it did.
func (p *plan) tally(u *unitVersion, known int64, n int32) error {
	began, ends := dayOf(u.from), dayOf(known)
	return eachSpan(u.spans, func(rule int64, from, until edtf.Day) error {
		add := func(day edtf.Day, now, then int32) {
			if day == edtf.MaxDay {
				return // that is no day
			}
			at := tallied{int32(u.scope), int32(rule), day}
			t := p.tallies[at]
			p.tallies[at] = turn{t.now + now, t.then + then}
		}
		add(from, n, 0)
		add(until, -n, 0)
		diagonal := func(until edtf.Day, n int32) {
			if from := max(from, began); from < until {
				add(from, 0, n)
				add(until, 0, -n)
			}
		}
		diagonal(until, n)
		if u.from < known { // it was true before, and is no more; or it is again, and was not to be
			diagonal(min(until, ends), -n)
		}
		return nil
	})
}

// dayOf is the day of a known time, UTC.
func dayOf(known int64) edtf.Day {
	day := known / msOfDay
	if known%msOfDay < 0 {
		day--
	}
	return edtf.Day(day)
}

// writeTallies writes what was noted, by days and by months, in the order of
// the table. What comes to nothing stays as a zero.
func (p *plan) writeTallies(c *conn) error {
	months := map[tallied]turn{}
	for at, t := range p.tallies {
		at.day = monthOf(at.day)
		m := months[at]
		months[at] = turn{m.now + t.now, m.then + t.then}
	}
	for month, noted := range []map[tallied]turn{p.tallies, months} {
		keys := slices.SortedFunc(maps.Keys(noted), func(a, b tallied) int {
			return cmp.Or(cmp.Compare(a.scope, b.scope), cmp.Compare(a.rule, b.rule), cmp.Compare(a.day, b.day))
		})
		for _, at := range keys {
			t := noted[at]
			if t == (turn{}) {
				continue
			}
			err := c.Run(`INSERT INTO tally(scope, rule, month, day, n, d) VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n, d = d + excluded.d`,
				nil, int64(at.scope), int64(at.rule), month, int64(at.day), int64(t.now), int64(t.then))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// monthOf is the first day of the month of a day.
func monthOf(day edtf.Day) edtf.Day { return day.Add(1 - day.DayOfMonth()) }

// span is one stretch of days on which a figure counts.
type span struct {
	rule     int64
	from, to edtf.Day
}

// spans encodes when the figures of a file hold, in one order.
func (ix *Index) spans(intervals []rules.Interval) []byte {
	var all []span
	for _, i := range intervals {
		if no, ok := ix.ruleNo[i.Rule]; ok && i.From < i.To {
			all = append(all, span{no, i.From, i.To})
		}
	}
	slices.SortFunc(all, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.from, b.from))
	})
	spans := []byte{} // not nil: that would be a NULL
	for _, s := range all {
		spans = binary.AppendUvarint(spans, uint64(s.rule))
		spans = binary.AppendVarint(spans, int64(s.from))
		spans = binary.AppendVarint(spans, int64(s.to))
	}
	return spans
}

// eachSpan decodes spans.
func eachSpan(spans []byte, f func(rule int64, from, to edtf.Day) error) error {
	for len(spans) > 0 {
		rule, n := binary.Uvarint(spans)
		if n <= 0 {
			return errDamaged
		}
		from, m := binary.Varint(spans[n:])
		if m <= 0 {
			return errDamaged
		}
		to, o := binary.Varint(spans[n+m:])
		if o <= 0 {
			return errDamaged
		}
		spans = spans[n+m+o:]
		if err := f(int64(rule), edtf.Day(from), edtf.Day(to)); err != nil {
			return err
		}
	}
	return nil
}

// stageFrom is what a case's stage is from a day on.
type stageFrom struct {
	from  edtf.Day
	id    string
	since edtf.Day
}

func encodeStages(stages []stageFrom) string {
	var b []byte
	for _, s := range stages {
		b = binary.AppendVarint(b, int64(s.from))
		b = binary.AppendVarint(b, int64(s.since))
		b = binary.AppendUvarint(b, uint64(len(s.id)))
		b = append(b, s.id...)
	}
	return string(b)
}

func decodeStages(stages string) (found []stageFrom, err error) {
	b := []byte(stages)
	for len(b) > 0 {
		from, n := binary.Varint(b)
		if n <= 0 {
			return nil, errDamaged
		}
		since, m := binary.Varint(b[n:])
		if m <= 0 {
			return nil, errDamaged
		}
		size, o := binary.Uvarint(b[n+m:])
		if o <= 0 || uint64(len(b)-n-m-o) < size {
			return nil, errDamaged
		}
		b = b[n+m+o:]
		found = append(found, stageFrom{edtf.Day(from), string(b[:size]), edtf.Day(since)})
		b = b[size:]
	}
	return found, nil
}

// row is all that a list shows of a case, and what it is filtered and sorted by.
type row struct {
	org, number, externalID, name string
	child, restricted             int64 // 1: yes
	sex, region, placeType        string
	incident                      string // EDTF
	incidentDay, reported         int64
	updated                       int64  // milliseconds
	review, verdict               string // where its review stands; the last verdict, which stands until the next
	changed                       int64  // 1: since the verdict
	facets                        string // facet=code, separated by facetSep, in order
	stages                        string
	ties                          string // what it may have in common with other cases: encodeKnots
	standings                     string // see Index.encodeStandings
	terms                         string // see Index.encodeTerms
}

const (
	rowColumns = `org, number, external_id, name, child, sex, region, place_type, incident, incident_day, reported, updated, facets, stages, restricted, review, verdict, changed, ties, standings, terms`
	rowMarks   = `?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?`
)

func (r *row) args() []any {
	return []any{r.org, r.number, r.externalID, r.name, r.child, r.sex, r.region, r.placeType,
		r.incident, r.incidentDay, r.reported, r.updated, r.facets, []byte(r.stages), r.restricted, r.review, r.verdict, r.changed, []byte(r.ties), []byte(r.standings), []byte(r.terms)}
}

func scanRow(s *sqlite3.Stmt, at int) row {
	return row{
		org: s.ColumnText(at), number: s.ColumnText(at + 1), externalID: s.ColumnText(at + 2), name: s.ColumnText(at + 3),
		child: s.ColumnInt64(at + 4), sex: s.ColumnText(at + 5), region: s.ColumnText(at + 6), placeType: s.ColumnText(at + 7),
		incident: s.ColumnText(at + 8), incidentDay: s.ColumnInt64(at + 9), reported: s.ColumnInt64(at + 10),
		updated: s.ColumnInt64(at + 11), facets: s.ColumnText(at + 12), stages: string(s.ColumnRawBlob(at + 13)),
		restricted: s.ColumnInt64(at + 14), review: s.ColumnText(at + 15), verdict: s.ColumnText(at + 16), changed: s.ColumnInt64(at + 17),
		ties: string(s.ColumnRawBlob(at + 18)), standings: string(s.ColumnRawBlob(at + 19)), terms: string(s.ColumnRawBlob(at + 20)),
	}
}

// entriesOf reads the entries of a stream as known at a moment.
func entriesOf(c *conn, stream, known int64) ([]casefile.Entry, error) {
	var found []casefile.Entry
	err := c.Run(`SELECT body FROM entry WHERE stream = ? AND known <= ? ORDER BY pos`, func(s *sqlite3.Stmt) error {
		e, err := decodeEntry(s.ColumnRawBlob(0))
		found = append(found, e)
		return err
	}, stream, known)
	if err != nil {
		return nil, fmt.Errorf("entries of a stream: %w", err)
	}
	return found, nil
}
