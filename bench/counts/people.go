// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
)

// made is one case that was made up. Days are 0 where it did not come to that.
type made struct {
	no, org, unit int // unit: the case of the same person that was written first
	restricted    bool
	written       edtf.Day // when it was first written down
	again         edtf.Day // when what came later was written; 0: all was known at once

	received, incident          edtf.Day
	called                      name // as this organisation writes it: one in ten as a passport has it
	told                        string
	task                        dated // one that is open; kind: what is to be done
	region, place, sex, ageBand string
	child, dead                 bool
	methods                     []string

	filed      string // yes, no; empty: not recorded
	complained edtf.Day
	status     string // of registration; empty: not recorded
	registered edtf.Day
	article    string
	body       string
	victim     edtf.Day // recognised as a victim

	exams     []exam
	decisions []dated
	notice    dated // kind: the channel
	noCopy    bool
	request   dated // kind: what was asked for
	denied    bool
	appeal    edtf.Day
	trial     edtf.Day
	verdict   dated
	paid      edtf.Day
	reprisal  edtf.Day
}

type exam struct {
	kind          string
	ordered, held edtf.Day
	minutes       int // 0: not recorded
	setting       string
}

type dated struct {
	kind string
	day  edtf.Day
}

// organisations is how many there are; all of them count together.
const organisations = 4

// register makes so many cases, each the same whenever it is asked for.
type register struct {
	cases int
	seed  uint64
}

// written is the day on which a case is first written down: by their numbers,
// a third of all in the months after January 2022.
func (r register) written(no int) edtf.Day {
	stretches := []struct {
		share    float64
		from, to string
	}{{0.35, "2018-01-01", "2021-12-31"}, {0.35, "2022-01-05", "2022-05-15"}, {0.30, "2022-05-16", "2024-12-31"}}
	at := float64(no) / float64(r.cases)
	for i, s := range stretches {
		if at < s.share || i == len(stretches)-1 {
			from, to := mustDay(s.from), mustDay(s.to)
			return from.Add(int(at / s.share * float64(to.Sub(from))))
		}
		at -= s.share
	}
	panic("unreachable")
}

func mustDay(text string) edtf.Day {
	day, err := edtf.ParseDay(text)
	if err != nil {
		panic(err) // a constant of this program
	}
	return day
}

// same is the case of the same person that was written first: every eighth of an organisation is one of another's, too.
func (r register) same(no int) int {
	if no%8 == 1 {
		return no - 1
	}
	return no
}

func (r register) random(no int, what uint64) *rand.Rand {
	return rand.New(rand.NewPCG(r.seed<<32|uint64(no), what))
}

func (r register) one(no int) made {
	m := made{no: no, org: no % organisations, unit: r.same(no), written: r.written(no)}
	who, x := r.random(m.unit, 1), r.random(no, 2)
	chance := func(r *rand.Rand, percent float64) bool { return r.Float64()*100 < percent }
	pick := func(r *rand.Rand, of ...string) string { return of[int(float64(len(of))*r.Float64()*r.Float64())] } // the first most

	m.sex = "m"
	if chance(who, 12) {
		m.sex = "f"
	}
	if chance(who, 5) {
		m.sex = ""
	}
	if m.child = chance(who, 9); !m.child && chance(who, 60) {
		m.ageBand = pick(who, "a25-34", "a18-24", "a35-44", "a45-59", "a60")
	}
	m.dead = chance(who, 0.5)
	m.region = pick(who, "KZ-75", "KZ-19", "KZ-10", "KZ-31", "KZ-71", "KZ-79", "KZ-43", "KZ-47", "KZ-27", "KZ-35", "KZ-11", "KZ-15", "KZ-23", "KZ-39", "KZ-55", "KZ-59", "KZ-61")
	m.place = pick(who, "police_district", "police_city", "street", "sizo", "ivs", "vehicle", "colony", "")
	for range 1 + who.IntN(3) {
		m.methods = append(m.methods, pick(who, "beat", "beat_object", "threat_death", "electric", "dry_asphyxia", "stress_position", "nudity", "medical_denied", "water", "burns", "sexual", "hang"))
	}
	m.restricted = chance(x, 0.5)
	written := r.random(no, 4)
	if m.called = named(r.random(m.unit, 3), m.sex); chance(written, 10) {
		m.called = m.called.latin()
	}
	m.told = account(written)

	lag := x.IntN(4)
	live := chance(x, 15)
	if !live {
		lag = 60 + x.IntN(340)
	}
	m.received = m.written.Add(-lag)
	m.incident = m.received.Add(-x.IntN(60))
	switch n := x.IntN(100); {
	case n < 58:
		m.filed, m.complained = "yes", m.received.Add(x.IntN(25)-5)
	case n < 70:
		m.filed, m.complained = "no", 0
	}
	last := m.complained
	if m.filed == "yes" && chance(x, 85) || m.filed == "" && chance(x, 20) {
		m.registered = m.received.Add(1 + x.IntN(40))
		switch n := x.IntN(100); {
		case n < 68:
			m.status = "erdr"
			m.article = pick(x, "146", "146", "362", "361", "190", "")
			m.body = pick(x, "acs", "police", "prosecutor", "")
		case n < 84:
			m.status = "unregistered_check"
		case n < 90:
			m.status = "kui_only"
		case n < 96:
			m.status = "refused"
		default:
			m.status = "forwarded"
		}
		last = m.registered
	}
	if m.status == "erdr" {
		if chance(x, 40) {
			m.victim = last.Add(x.IntN(60))
		}
		if chance(x, 65) {
			e := exam{kind: "sme", ordered: last.Add(1 + x.IntN(45))}
			if chance(x, 80) {
				e.held = e.ordered.Add(x.IntN(30))
			}
			e.setting = pick(x, "clinic", "police_premises", "")
			m.exams = append(m.exams, e)
		}
		if chance(x, 15) {
			m.exams = append(m.exams, exam{kind: "sppe", ordered: last.Add(10 + x.IntN(90)), minutes: 10 + x.IntN(120)})
		}
		if chance(x, 60) {
			d := dated{pick(x, "closed", "suspended", "refused", "charged", "sent_to_court"), last.Add(30 + x.IntN(300))}
			m.decisions = append(m.decisions, d)
			switch {
			case d.kind == "closed":
				if chance(x, 70) {
					m.notice, m.noCopy = dated{pick(x, "letter", "sms", "messenger"), d.day.Add(x.IntN(30))}, chance(x, 50)
				}
				if chance(x, 40) {
					m.request, m.denied = dated{pick(x, "decision_copy", "case_file"), d.day.Add(3 + x.IntN(20))}, chance(x, 60)
				}
				if chance(x, 45) {
					m.appeal = d.day.Add(1 + x.IntN(15))
				}
			case d.kind == "suspended" && chance(x, 30):
				m.decisions = append(m.decisions, dated{"closed", d.day.Add(30 + x.IntN(200))})
			case d.kind == "sent_to_court" && chance(x, 70):
				m.trial = d.day.Add(20 + x.IntN(100))
				if chance(x, 60) {
					m.verdict = dated{pick(x, "convicted", "acquitted"), m.trial.Add(x.IntN(100))}
					if chance(x, 15) {
						m.paid = m.verdict.day.Add(30 + x.IntN(300))
					}
				}
			}
		}
	}
	if chance(x, 4) {
		m.exams = append(m.exams, exam{kind: "independent_ip", ordered: m.received.Add(x.IntN(100)), held: m.received.Add(100 + x.IntN(40))})
	}
	if chance(x, 6) {
		m.reprisal = m.received.Add(x.IntN(200))
	}
	if chance(written, 20) {
		m.task = dated{pick(written, "appeal", "request_file", "contact_victim", "translate"), m.written.Add(5 + written.IntN(400))}
	}
	if live {
		m.again = m.written.Add(150 + x.IntN(200))
	}
	return m
}

// known is the day on which a record was written down in which a day is the last.
func (m made) known(last edtf.Day) edtf.Day {
	if m.again == 0 || last <= m.written {
		return m.written
	}
	return m.again
}

func (m made) number() string { return fmt.Sprintf("K-%07d", m.no) }

// caseNo answers which case an id is of.
func caseNo(id string) (no int, ok bool) {
	digits, ok := strings.CutPrefix(id, "c")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 16, 64)
	return int(n), err == nil
}

// orgID, caseID and recordID are ids such as the ledger gives.
func orgID(org int) string           { return fmt.Sprintf("%032x", 0xa0000000+org) }
func caseID(no int) string           { return fmt.Sprintf("c%031x", no) }
func (m made) recordID(k int) string { return fmt.Sprintf("d%015x%016x", m.no, k) }
func fields(of ...string) casefile.Fields {
	f := casefile.Fields{}
	for i := 0; i < len(of); i += 2 {
		if of[i+1] != "" {
			f[of[i]] = append(f[of[i]], of[i+1])
		}
	}
	return f
}

func text(d edtf.Day) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func yesno(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// record is one record of a case with the last day that stands in it.
type record struct {
	kind   string
	last   edtf.Day
	fields casefile.Fields
}

func (m made) records() []record {
	all := []record{
		{"case", 0, fields("org", orgID(m.org), "number", m.number(), "opened", text(m.written), "restricted", yesno(m.restricted))},
		{"report", 0, fields("received", text(m.received), "region", m.region)},
		{"person", 0, fields("role", "victim", "family", m.called.family, "given", m.called.given, "patronymic", m.called.patronymic, "sex", m.sex, "child", yesno(m.child), "age_band", m.ageBand)},
	}
	if m.dead {
		all[2].fields["life_status"] = []string{"dead_in_custody"}
	}
	all = append(all, record{"act", 0, fields("date", text(m.incident), "region", m.region, "place_type", m.place, "account", m.told)})
	all[3].fields["methods"] = m.methods
	if m.filed != "" {
		all = append(all, record{"complaint", m.complained, fields("filed", m.filed, "date", text(m.complained))})
	}
	if m.status != "" {
		all = append(all, record{"registration", m.registered, fields("status", m.status, "date", text(m.registered), "article", m.article, "body", m.body)})
	}
	if m.victim != 0 {
		all = append(all, record{"investigation", m.victim, fields("from", text(m.victim), "victim_status", "yes")})
	}
	for _, e := range m.exams {
		minutes := ""
		if e.minutes > 0 {
			minutes = fmt.Sprint(e.minutes)
		}
		all = append(all, record{"examination", max(e.ordered, e.held), fields("kind", e.kind, "ordered", text(e.ordered), "held", text(e.held), "minutes", minutes, "setting", e.setting)})
	}
	for _, d := range m.decisions {
		all = append(all, record{"decision", d.day, fields("kind", d.kind, "date", text(d.day))})
	}
	if m.notice.day != 0 {
		all = append(all, record{"notice", m.notice.day, fields("channel", m.notice.kind, "date", text(m.notice.day), "copy_given", yesno(!m.noCopy))})
	}
	if m.request.day != 0 {
		answer := ""
		if m.denied {
			answer = "refused"
		}
		all = append(all, record{"request", m.request.day, fields("kind", m.request.kind, "filed", text(m.request.day), "answer", answer)})
	}
	if m.appeal != 0 {
		all = append(all, record{"appeal", m.appeal, fields("date", text(m.appeal))})
	}
	if m.trial != 0 {
		all = append(all, record{"hearing", m.trial, fields("kind", "trial", "date", text(m.trial))})
	}
	if m.verdict.day != 0 {
		all = append(all, record{"verdict", m.verdict.day, fields("kind", m.verdict.kind, "date", text(m.verdict.day))})
	}
	if m.paid != 0 {
		all = append(all, record{"redress", m.paid, fields("kind", "compensation", "paid", text(m.paid))})
	}
	if m.reprisal != 0 {
		all = append(all, record{"reprisal", m.reprisal, fields("kind", "threat", "date", text(m.reprisal))})
	}
	if m.task.day != 0 {
		all = append(all, record{"task", 0, fields("kind", m.task.kind, "status", "open", "due", text(m.task.day))})
	}
	return all
}

// entries are those of some records of a case.
func (m made) entries(of func(record) bool) (entries []casefile.Entry) {
	for k, rec := range m.records() {
		if !of(rec) {
			continue
		}
		id := m.recordID(k)
		if rec.kind == "case" {
			id = caseID(m.no)
		}
		entries = append(entries, casefile.Entry{Record: id, Kind: rec.kind, Fields: rec.fields, Op: casefile.Put})
	}
	return entries
}

// acts yields the acts of the register in the order of a ledger. What a case
// does not know yet when it is first written follows in one act later.
func (r register) acts() iter.Seq[index.Act] {
	return func(yield func(index.Act) bool) {
		pos := uint64(0)
		var day edtf.Day
		second := 0
		put := func(stream string, entries ...casefile.Entry) bool {
			at := day.Time().Add(6*time.Hour + time.Duration(second)*time.Second)
			second++
			act := index.Act{}
			for _, e := range entries {
				e.Pos, e.At, e.Op, e.Author = pos, at, casefile.Put, "bench"
				act.Entries = append(act.Entries, index.Entry{Stream: stream, Entry: e})
				pos++
			}
			return yield(act)
		}
		ofCase := func(m made, from func(record) bool) bool {
			entries := m.entries(from)
			return len(entries) == 0 || put(caseID(m.no), entries...)
		}
		day = r.written(0)
		for org := range organisations {
			if !put(orgID(org), casefile.Entry{Record: orgID(org), Kind: "organisation", Fields: fields("name", fmt.Sprintf("Organisation %d (made up)", org), "counts", "yes")}) {
				return
			}
		}
		later := map[edtf.Day][]int{}
		next := 0
		for ; next < r.cases || len(later) > 0; day++ {
			for ; next < r.cases && r.written(next) <= day; next++ {
				m := r.one(next)
				if !ofCase(m, func(rec record) bool { return m.known(rec.last) == m.written }) {
					return
				}
				if m.again != 0 {
					later[m.again] = append(later[m.again], next)
				}
				if m.unit != m.no {
					id := fmt.Sprintf("e%031x", m.no)
					if !put(id, casefile.Entry{Record: id, Kind: "match", Fields: fields("a", caseID(m.unit), "b", caseID(m.no), "verdict", "same")}) {
						return
					}
				}
			}
			for _, no := range later[day] {
				m := r.one(no)
				if !ofCase(m, func(rec record) bool { return m.known(rec.last) != m.written }) {
					return
				}
			}
			delete(later, day)
			second = 0
		}
	}
}
