// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"context"
	"slices"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

// What others said, in the invented register.
const (
	figureEarly  = "90000000000000000000000000000001"
	figureLate   = "90000000000000000000000000000002"
	figureOther  = "90000000000000000000000000000003"
	figureShare  = "90000000000000000000000000000004"
	promiseOpen  = "91000000000000000000000000000001"
	promiseDue   = "91000000000000000000000000000002"
	promiseOrder = "91000000000000000000000000000003"
	answerID     = "92000000000000000000000000000001"
	askedID      = "92000000000000000000000000000002"
	sourceID     = "93000000000000000000000000000001"
)

func (f *fake) fakeSaid() map[string]*casefile.Record {
	at := moment("2022-06-01T09:00:00Z")
	out := map[string]*casefile.Record{}
	put := func(id, kind string, entries ...casefile.Fields) {
		var all []casefile.Entry
		for i, fields := range entries {
			e := casefile.Entry{Pos: uint64(i + 1), At: at, Record: id, Kind: kind, Op: casefile.Put, Fields: fields}
			if i > 0 {
				e.Reason = hostile
			}
			all = append(all, e)
		}
		rec, _ := casefile.Fold(f.book, id, all).Record(id)
		out[id] = rec
	}
	allegations := func(day, value string, more casefile.Fields) casefile.Fields {
		fields := casefile.Fields{"date": {day}, "indicator": {"reports"}, "value": {value}, "by": {"Sample Prosecutor"}, "source_kind": {"official"},
			"says": {"Sample: allegations received"}, "says_ru": {"Пример: поступило обращений"}, "says_kk": {"Үлгі: түскен арыздар"}}
		for id, v := range more {
			fields[id] = v
		}
		return fields
	}
	put(figureEarly, "official_figure", allegations("2022-02-01", "120", casefile.Fields{"as_of": {"2022-01-31"}}))
	put(figureLate, "official_figure", allegations("2022-03-14", "300", nil), allegations("2022-03-14", "301", casefile.Fields{
		"supersedes": {figureEarly}, "compares": {"other_unit", "wider"}, "compares_note": {hostile}, "quote": {"Түскен арыздар " + hostile}, "quote_lang": {"kk"},
		"locus": {"2-бет"}, "retrieved": {"2022-03-15"}, "publication": {sourceID}}))
	put(figureOther, "official_figure", casefile.Fields{"date": {"2022-06-24"}, "indicator": {"detained"}, "value": {"10000"}, "at_least": {"yes"}, "says": {hostile}, "by": {hostile}, "source_kind": {"reported"}})
	put(figureShare, "official_figure", casefile.Fields{"date": {"2022-06-24"}, "value": {"2"}, "unit": {"percent"}, "source_kind": {"reported"}})
	put(promiseOpen, "commitment", casefile.Fields{"date": {"2022-03-03"}, "kind": {"promise"}, "by": {"Sample President"}, "to": {"Sample Prosecutor"},
		"says": {"Sample: a thorough investigation"}, "says_ru": {"Пример: тщательное расследование"}, "says_kk": {"Үлгі: жан-жақты тергеу"}, "status": {"open"}, "quote": {"“Exactly so.”"}, "publication": {sourceID}})
	put(promiseDue, "commitment", casefile.Fields{"date": {"2022-01-11~"}, "kind": {"promise"}, "by": {hostile}, "says": {hostile}, "due": {"2022-02-01"}, "status": {"open"}})
	put(promiseOrder, "commitment", casefile.Fields{"date": {"2022-01-07"}, "kind": {"order"}, "by": {"Sample President"}, "says": {"Sample: an order"}})
	put(answerID, "follow_up", casefile.Fields{"commitment": {promiseOpen}, "date": {"2022-05-01"}, "kind": {"answer"}, "by": {"Sample Prosecutor"}, "says": {"Sample: it goes on"}, "quote": {hostile}, "quote_lang": {"ru"}, "publication": {sourceID}})
	put(askedID, "follow_up", casefile.Fields{"commitment": {promiseDue}, "date": {"2022-04-01~"}, "kind": {"asked_again"}, "says": {"Sample: asked again"}})
	put(sourceID, "publication", casefile.Fields{"date": {"2022-03-14"}, "title": {"Sample briefing"}})
	return out
}

func (f *fake) saidOf(kind string) []registry.OutsideRecord {
	var out []registry.OutsideRecord
	for _, rec := range f.fakeSaid() {
		if rec.Kind == kind && !f.empty {
			out = append(out, outsideOf(rec))
		}
	}
	slices.SortFunc(out, func(a, b registry.OutsideRecord) int {
		return cmp.Or(cmp.Compare(a.Date.Latest(), b.Date.Latest()), cmp.Compare(a.ID, b.ID))
	})
	return out
}

func (f *fake) namedSaid() map[string]registry.OutsideRecord {
	out := map[string]registry.OutsideRecord{}
	for id, rec := range f.fakeSaid() {
		out[id] = outsideOf(rec)
	}
	return out
}

func (f *fake) Comparison(_ context.Context, _ *access.Session, q registry.ComparisonQuery) (registry.Comparison, error) {
	out := registry.Comparison{Clock: q.Clock, Verified: q.Verified, Named: f.namedSaid(), Entries: 1234, Root: "00aa11bb22cc33dd"}
	for _, rec := range f.saidOf("official_figure") {
		if q.Figure != "" && rec.ID != q.Figure && (rec.ID != figureEarly && rec.ID != figureLate || q.Figure != figureEarly && q.Figure != figureLate) {
			continue
		}
		one := registry.OutsideFigure{Record: rec, Day: rec.Date.Latest()}
		switch rec.ID {
		case figureEarly:
			one.Value, one.Ours, one.Next, one.Day = 120, "reports", figureLate, day("2022-01-31")
			one.Now, one.Then = registry.Beside{Value: 130, Base: -1, Gap: -10, Share: 1083}, registry.Beside{Base: -1, Gap: 120, Share: 0, None: true}
		case figureLate:
			one.Value, one.Ours = 301, "reports"
			one.Now, one.Then = registry.Beside{Value: 164, Base: -1, Gap: 137, Share: 545}, registry.Beside{Value: 150, Base: -1, Gap: 151, Share: 498}
		case figureOther:
			one.Value = 10000
		case figureShare:
			one.Value, one.Share, one.Ours = 2, true, "closed"
			one.Now = registry.Beside{Value: 8, Base: 164, Gap: -3, Share: -1}
			one.Then = one.Now
		}
		out.Figures = append(out.Figures, one)
	}
	return out, f.fails
}

func (f *fake) Commitments(_ context.Context, _ *access.Session, c registry.Clock) (registry.Commitments, error) {
	out := registry.Commitments{Clock: c, Named: f.namedSaid()}
	for _, rec := range f.saidOf("commitment") {
		one := registry.Commitment{Record: rec}
		for _, up := range f.saidOf("follow_up") {
			if first(up.Fields, "commitment") == rec.ID {
				one.Followed = append(one.Followed, up)
			}
		}
		switch rec.ID {
		case promiseOpen:
			one.Standing = registry.Standing{Status: "open", Answered: edtf.MustParse("2022-05-01")}
		case promiseDue:
			one.Standing = registry.Standing{Status: "open", Due: day("2022-02-01"), Overdue: true, Silent: true, Days: 143}
		}
		out.List = append(out.List, one)
	}
	return out, f.fails
}

func (f *fake) Said(_ context.Context, s *access.Session, kind, id string, _ registry.Clock) (registry.SaidView, error) {
	rec, ok := f.fakeSaid()[id]
	if !ok || rec.Kind != kind {
		return registry.SaidView{}, registry.ErrNotFound
	}
	return registry.SaidView{Record: rec, May: f.May(s, access.WriteOutside), Named: f.namedSaid()}, f.fails
}
