// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
)

// Kinds of what others said in public.
const (
	figureKind      = "official_figure"
	commitmentKind  = "commitment"
	followUpKind    = "follow_up"
	publicationKind = "publication"
	captureKind     = "capture" // what was kept of a publication: put by its own act alone
)

// allReports is the figure that counts every report.
const allReports = "reports"

// SaidKinds are the kinds outside cases of what others said in public: figures,
// commitments, and what followed. All who count read them. The coordinator alone
// writes them: what stands beside the coalition's figures is said for all of its
// organisations, and its source holds names, which an analyst never reads.
func SaidKinds() []string { return []string{figureKind, commitmentKind, followUpKind} }

func said(kind string) bool { return slices.Contains(SaidKinds(), kind) }

// mayReadOutside tells whether a member may read records of a kind outside cases,
// the facts at least.
func mayReadOutside(m access.Member, kind string) bool {
	switch {
	case shared(kind):
		return access.Decide(m, access.ReadShared, access.Thing{Part: access.Fact})
	case said(kind):
		return access.Decide(m, access.Count, access.Thing{})
	}
	return false
}

// mayWriteOutside tells whether a member may write records of a kind outside cases.
func mayWriteOutside(m access.Member, kind string) bool {
	switch {
	case shared(kind):
		return access.Decide(m, access.WriteShared, access.Thing{})
	case said(kind):
		return access.Decide(m, access.WriteOutside, access.Thing{})
	}
	return false
}

// Beside is one of our figures as it stands beside somebody else's.
type Beside struct {
	Value int  // ours
	Base  int  // what ours is a part of; -1: nothing
	Gap   int  // theirs less ours; in percent points where theirs is a share
	Share int  // ours in thousandths of theirs; -1: theirs is 0, or a share itself
	None  bool // nothing was known yet: there was no report to count
}

// OutsideFigure is a figure that somebody else has published, with ours beside it.
type OutsideFigure struct {
	Record OutsideRecord
	Day    edtf.Day // up to which it counts: as it says, else the day on which it was published; 0: neither is recorded
	Value  int
	Share  bool   // it is a share in percent
	Ours   string // id of the figure of ours that stands beside it; empty: none does
	Now    Beside // ours as of that day, by what is known at the clock
	Then   Beside // ours as of that day, by what was known at its end
	Next   string // id of the later figure that replaces it; empty: it stands
}

// Beside reports whether a figure of ours stands beside it.
func (f OutsideFigure) Beside() bool { return f.Ours != "" && f.Day != 0 }

// ComparisonQuery asks for the figures of others.
type ComparisonQuery struct {
	Figure    string // id of one: it, and all of its series; empty: all
	Indicator string // code of list indicator; empty: all
	Clock     Clock
	Verified  bool // ours count verified cases alone
}

// Comparison is what others published, by the day to which it counts.
type Comparison struct {
	Clock    Clock
	Verified bool
	Figures  []OutsideFigure
	Named    map[string]OutsideRecord // what they refer to, by id
	Entries  uint64                   // of the ledger ours were counted from
	Root     string
}

// Comparison sets the figures of others beside ours. Ours are counted, never
// typed in: as of the day to which each of theirs counts.
func (r *Registry) Comparison(ctx context.Context, s *access.Session, q ComparisonQuery) (_ Comparison, err error) {
	defer r.refusal(ctx, s, "outside", "", &err)
	if !access.Decide(s.Member, access.Count, access.Thing{}) {
		return Comparison{}, ErrNotAllowed
	}
	q.Clock = r.clock(q.Clock)
	records, err := r.outside(ctx, figureKind, q.Clock)
	if err != nil {
		return Comparison{}, err
	}
	out := Comparison{Clock: q.Clock, Verified: q.Verified}
	size, root, err := r.counted(ctx)
	if err != nil {
		return Comparison{}, err
	}
	out.Entries, out.Root = size, root.String()
	if q.Figure != "" {
		at := slices.IndexFunc(records, func(rec OutsideRecord) bool { return rec.ID == q.Figure })
		if at < 0 {
			return Comparison{}, ErrNotFound
		}
		one := seriesOf(records[at])
		records = slices.DeleteFunc(records, func(rec OutsideRecord) bool {
			return rec.ID != q.Figure && (one.indicator == "" || seriesOf(rec) != one)
		})
	}
	if q.Indicator != "" {
		records = slices.DeleteFunc(records, func(rec OutsideRecord) bool { return first(rec.Fields["indicator"]) != q.Indicator })
	}
	next := map[string]string{}
	for _, rec := range records {
		for _, old := range rec.Fields["supersedes"] {
			next[old] = rec.ID
		}
	}
	counted := &countedBeside{ids: []string{allReports}, values: map[countedAt]map[string]FigureValue{}}
	for _, rec := range records {
		if id := r.oursFor(rec); id != "" && !slices.Contains(counted.ids, id) {
			counted.ids = append(counted.ids, id)
		}
	}
	for _, rec := range records {
		f, err := r.outsideFigure(ctx, rec, q, counted)
		if err != nil {
			return Comparison{}, err
		}
		f.Next = next[rec.ID]
		out.Figures = append(out.Figures, f)
	}
	slices.SortStableFunc(out.Figures, func(a, b OutsideFigure) int { return int(a.Day) - int(b.Day) })
	out.Named, err = r.referredBy(ctx, s, records, q.Clock)
	return out, err
}

// series is what a figure is a figure of: what is counted, in which unit, by whom.
type series struct{ indicator, unit, by, part string }

func seriesOf(rec OutsideRecord) series {
	f := rec.Fields
	by := first(f["by_body"])
	if by == "" || codebook.Missing(by) {
		by = first(f["by"])
	}
	return series{first(f["indicator"]), first(f["unit"]), by, first(f["part_of"])}
}

// countedAt is a moment at which our figures were counted for a comparison.
type countedAt struct {
	day   edtf.Day
	known time.Time
}

// countedBeside are our figures at the moments of a comparison, each counted once.
type countedBeside struct {
	ids    []string
	values map[countedAt]map[string]FigureValue
}

// oursFor is the figure of ours that a figure of others stands beside; empty: none.
func (r *Registry) oursFor(rec OutsideRecord) string {
	id := first(rec.Fields["beside"])
	if id == "" {
		id = first(rec.Fields["indicator"]) // figures and what is counted share their ids
	}
	def, ok := r.rules.Figure(id)
	if !ok || first(rec.Fields["unit"]) == "percent" && def.Base == "" {
		return ""
	}
	return id
}

func (r *Registry) outsideFigure(ctx context.Context, rec OutsideRecord, q ComparisonQuery, counted *countedBeside) (OutsideFigure, error) {
	f := OutsideFigure{Record: rec, Share: first(rec.Fields["unit"]) == "percent"}
	if _, err := fmt.Sscan(first(rec.Fields["value"]), &f.Value); err != nil {
		return f, nil // not known how many: nothing stands beside it
	}
	f.Day = countsTo(rec)
	id := r.oursFor(rec)
	if id == "" || f.Day == 0 {
		return f, nil
	}
	f.Ours = id
	end := startOf(f.Day+1, r.now().Location()).Add(-time.Nanosecond)
	if !q.Clock.KnownBy.IsZero() && q.Clock.KnownBy.Before(end) {
		end = q.Clock.KnownBy
	}
	for _, one := range []struct {
		known time.Time
		into  *Beside
	}{{q.Clock.KnownBy, &f.Now}, {end, &f.Then}} {
		at := countedAt{f.Day, one.known}
		if counted.values[at] == nil {
			values, err := r.index.Figures(ctx, Clock{AsOf: f.Day, KnownBy: one.known}, index.Coalition, q.Verified, counted.ids)
			if err != nil {
				return f, err
			}
			counted.values[at] = map[string]FigureValue{}
			for _, v := range values {
				counted.values[at][v.ID] = v
			}
		}
		*one.into = beside(f, counted.values[at][id])
		one.into.None = counted.values[at][allReports].Value == 0
	}
	return f, nil
}

// beside sets one of ours beside one of theirs.
func beside(f OutsideFigure, ours FigureValue) Beside {
	b := Beside{Value: ours.Value, Base: ours.Base, Share: -1}
	if f.Share {
		percent := 0
		if ours.Base > 0 {
			percent = (200*ours.Value + ours.Base) / (2 * ours.Base)
		}
		b.Gap = f.Value - percent
		return b
	}
	b.Gap = f.Value - ours.Value
	if f.Value > 0 {
		b.Share = (2000*ours.Value + f.Value) / (2 * f.Value)
	}
	return b
}

// countsTo is the last day that a figure counts: as it says, else the day on
// which it was published. Of an uncertain date it is the last possible day.
func countsTo(rec OutsideRecord) edtf.Day {
	date := rec.Date
	if d, err := edtf.Parse(first(rec.Fields["as_of"])); err == nil && !d.IsZero() {
		date = d
	}
	if date.IsZero() || date.Latest().Bound() {
		return 0
	}
	return date.Latest()
}

// Standing is where a commitment stands. It is derived from what followed and
// never typed in.
type Standing struct {
	Status   string    // code of list commitment_status, by the last that says so; empty: nothing does
	Due      edtf.Day  // the last day on which it could be kept in time; 0: none was set
	Answered edtf.Date // of the first answer; zero: there is none
	Late     bool      // it was answered after it was due
	Overdue  bool      // it was due, and nothing answers it: the silence is a fact
	Days     int       // since it was due, where it is overdue; else since it was made, where nothing answers it
	Silent   bool      // nothing answers it
}

// Commitment is who promised or was asked what, with what followed.
type Commitment struct {
	Record   OutsideRecord
	Standing Standing
	Followed []OutsideRecord // the oldest first
}

// Commitments are all of them as of a day.
type Commitments struct {
	Clock Clock
	List  []Commitment             // the oldest first
	Named map[string]OutsideRecord // what they refer to, by id
}

// Commitments are who promised or was asked what, when, by when, and what followed.
func (r *Registry) Commitments(ctx context.Context, s *access.Session, clock Clock) (_ Commitments, err error) {
	defer r.refusal(ctx, s, "outside", "", &err)
	if !access.Decide(s.Member, access.Count, access.Thing{}) {
		return Commitments{}, ErrNotAllowed
	}
	clock = r.clock(clock)
	out := Commitments{Clock: clock}
	records, err := r.outside(ctx, commitmentKind, clock)
	if err != nil {
		return Commitments{}, err
	}
	followed, err := r.outside(ctx, followUpKind, clock)
	if err != nil {
		return Commitments{}, err
	}
	of := map[string][]OutsideRecord{}
	for _, rec := range followed {
		id := first(rec.Fields["commitment"])
		of[id] = append(of[id], rec)
	}
	for _, rec := range records {
		out.List = append(out.List, Commitment{rec, standing(rec, of[rec.ID], clock.AsOf), of[rec.ID]})
	}
	out.Named, err = r.referredBy(ctx, s, slices.Concat(records, followed), clock)
	return out, err
}

// settled are states after which nothing more is waited for.
var settled = []string{"kept", "not_kept", "withdrawn"}

// standing derives where a commitment stands on a day. followed are in the order of their dates.
func standing(rec OutsideRecord, followed []OutsideRecord, day edtf.Day) Standing {
	st := Standing{Status: first(rec.Fields["status"])}
	if d, err := edtf.Parse(first(rec.Fields["due"])); err == nil && !d.IsZero() && !d.Latest().Bound() {
		st.Due = d.Latest()
	}
	if d, err := edtf.Parse(first(rec.Fields["answered"])); err == nil && !d.IsZero() && d.Latest() <= day {
		st.Answered = d
	}
	for _, up := range followed {
		if status := first(up.Fields["status"]); status != "" && !codebook.Missing(status) {
			st.Status = status
		}
		if first(up.Fields["kind"]) == "answer" && (st.Answered.IsZero() || up.Date.Latest() < st.Answered.Latest()) {
			st.Answered = up.Date
		}
	}
	st.Late = st.Due != 0 && !st.Answered.IsZero() && st.Answered.Earliest() > st.Due
	asks := st.Due != 0 || st.Status != "" // an order that was carried out waits for no answer
	st.Silent = asks && st.Answered.IsZero() && !slices.Contains(settled, st.Status) && st.Status != "partly"
	st.Overdue = st.Silent && st.Due != 0 && st.Due < day
	switch {
	case st.Overdue:
		st.Days = day.Sub(st.Due)
	case st.Silent && !rec.Date.IsZero() && !rec.Date.Latest().Bound():
		st.Days = max(0, day.Sub(rec.Date.Latest()))
	}
	return st
}

// SaidView is one record of what others said, with all of its history.
type SaidView struct {
	Record *casefile.Record
	May    bool                     // the member may change it
	Named  map[string]OutsideRecord // what it refers to, or did
}

// Said is one record of what others said in public, live or withdrawn.
func (r *Registry) Said(ctx context.Context, s *access.Session, kind, id string, clock Clock) (_ SaidView, err error) {
	defer r.refusal(ctx, s, "outside", "", &err)
	if !said(kind) || !access.Decide(s.Member, access.Count, access.Thing{}) {
		return SaidView{}, ErrNotFound
	}
	rec, err := r.knownRecord(ctx, s, id, clock)
	if err != nil {
		return SaidView{}, err
	}
	if rec.Kind != kind {
		return SaidView{}, ErrNotFound
	}
	view := SaidView{Record: rec, May: mayWriteOutside(s.Member, kind)}
	var was []OutsideRecord
	for _, change := range rec.History {
		was = append(was, OutsideRecord{Kind: rec.Kind, Fields: change.Fields})
	}
	view.Named, err = r.referredBy(ctx, s, was, clock)
	return view, err
}

// saidIn is what others said in a publication.
func (r *Registry) saidIn(ctx context.Context, id string, clock Clock) ([]OutsideRecord, error) {
	var out []OutsideRecord
	for _, kind := range SaidKinds() {
		records, err := r.outside(ctx, kind, clock)
		if err != nil {
			return nil, err
		}
		out = append(out, slices.DeleteFunc(records, func(rec OutsideRecord) bool { return !slices.Contains(rec.Fields["publication"], id) })...)
	}
	return out, nil
}

// referredBy are the records outside cases that some others refer to, as the
// member may read them.
func (r *Registry) referredBy(ctx context.Context, s *access.Session, records []OutsideRecord, clock Clock) (map[string]OutsideRecord, error) {
	var ids []string
	may := func(kind string) bool { return mayReadOutside(s.Member, kind) }
	for _, rec := range records {
		ids = append(ids, r.refs(rec.Kind, rec.Fields, may)...)
	}
	return r.sharedViews(ctx, s, ids, clock)
}
