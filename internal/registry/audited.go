// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
)

// Me stands for the member who asks, in AuditQuery.Member.
const Me = "me"

// AuditQuery selects lines of the audit. Zero values select all.
type AuditQuery struct {
	Member   string // who did it: a name, an id, or Me
	Act      string // code of list audit_act
	Case     string // number or id
	Refused  bool   // only what was not let happen
	From, To edtf.Day
	After    string // cursor of the page before
	Limit    int    // 1 to 200; 0: 50
}

// AuditLine is a line as its reader may see it.
type AuditLine struct {
	At      time.Time
	Member  string // id; empty: nobody known
	Name    string // of the member; empty: nobody known, or the program itself
	Program bool   // nobody had signed in: the program wrote it
	Act     string // code of list audit_act
	What    string // code of list audit_what
	About   string // the name of the member, organisation or invitation it was done to
	N       int    // how many cases, rows, or acts it stands for
	Device  string
	Note    string
	Cases   []CaseRef // of those that the reader may know, the first few
	Refused bool
}

// CaseRef names a case without saying who is in it.
type CaseRef struct{ ID, Number string }

// AuditPage is a page of lines, the newest first.
type AuditPage struct {
	Lines []AuditLine
	Next  string // cursor of the next page; empty: this is the last
	All   bool   // the reader sees the acts of everybody
	Names []string
}

// Reader is somebody to whom a case was shown with who is in it.
type Reader struct {
	Name          string
	Opened, Named int // looks: the case opened, its name seen in a list
	Refused       int // times they were refused it
	Last          time.Time
}

// casesShown is how many cases of a line are named.
const casesShown = 5

// Audit is a page of who did what: of everybody for administrators, of the
// cases of their organisation for those who work with them, and for everybody
// of their own account. What tells of a case tells it to nobody who may not
// know of that case.
func (r *Registry) Audit(ctx context.Context, s *access.Session, q AuditQuery) (_ AuditPage, err error) {
	defer r.refusal(ctx, s, "audit", "", &err)
	r.upToDate(ctx)
	in := index.AuditQuery{Act: q.Act, Refused: q.Refused, After: q.After, Limit: q.Limit, Show: r.showLine(s.Member)}
	ro := r.roll()
	switch member := strings.TrimSpace(q.Member); member {
	case "":
	case Me:
		in.Member = s.Member.ID
	default:
		for _, m := range ro.Members {
			if m.ID == member || access.FoldName(m.Name) == access.FoldName(member) {
				in.Member = m.ID
			}
		}
		if in.Member == "" {
			return AuditPage{}, ErrNoHolder
		}
	}
	if q.Case != "" {
		row, err := r.row(ctx, s, strings.TrimSpace(q.Case), r.clock(Clock{}))
		if err != nil {
			return AuditPage{}, err
		}
		in.Case = row.ID
	}
	zone := r.now().Location()
	if q.From != 0 {
		in.From = startOf(q.From, zone)
	}
	if q.To != 0 {
		in.To = startOf(q.To+1, zone)
	}
	found, err := r.index.Audit(ctx, in)
	if err != nil {
		return AuditPage{}, err
	}
	page := AuditPage{Next: found.Next, All: access.Decide(s.Member, access.Audit, access.Thing{})}
	for _, l := range found.Lines {
		line, err := r.auditLine(ctx, ro, l)
		if err != nil {
			return AuditPage{}, err
		}
		page.Lines = append(page.Lines, line)
	}
	for _, m := range ro.Members {
		if page.All || m.ID == s.Member.ID {
			page.Names = append(page.Names, m.Name)
		}
	}
	slices.Sort(page.Names)
	return page, nil
}

// startOf is the first moment of a day by the clock of the installation.
func startOf(day edtf.Day, zone *time.Location) time.Time {
	return time.Date(1970, 1, 1+int(day-edtf.DayOf(time.Unix(0, 0).UTC())), 0, 0, 0, 0, zone)
}

// upToDate takes what waits, here and in the spool, into the index.
func (r *Registry) upToDate(ctx context.Context) {
	if r.beside {
		return
	}
	r.finishAudit(ctx)
	if r.writing.TryLock() { // else whoever writes takes it along
		defer r.writing.Unlock()
		_ = r.settle(ctx) // made good before the next write
	}
}

// showLine is what of each line a member may see.
func (r *Registry) showLine(m access.Member) func(index.AuditLine) (index.AuditLine, bool) {
	all := access.Decide(m, access.Audit, access.Thing{})
	counts := access.Decide(m, access.Count, access.Thing{})
	knows, sees := r.knows(m), r.see(m)
	return func(l index.AuditLine) (index.AuditLine, bool) {
		own := l.Member == m.ID
		if len(l.Cases) == 0 {
			return l, all || own
		}
		listed := l.Act == actList
		var known, theirs []string
		for _, id := range l.Cases {
			if counts && knows(id) != index.Nothing {
				known = append(known, id)
			}
			if r.may(m, access.Audit, id) {
				theirs = append(theirs, id)
			}
		}
		switch {
		case all && !counts: // they know of no case: no line tells more than another
			l.Cases = nil
			return l, true
		case own && l.Act == actRefused:
			// That there is a case of that id they were not told when they asked for it, nor are they here.
			l.Cases = slices.DeleteFunc(known, func(id string) bool { return sees(id) == index.Nothing })
			return l, true
		case own:
			l.Cases = known
			return l, true
		case all && (l.Act == actRefused || l.Act == actErase):
			// Shown in any case: a line left out would tell that what was tried is there.
			l.Cases = known
			return l, true
		case all:
			l.Cases = known
		default:
			l.Cases = theirs
		}
		if listed {
			l.N = len(l.Cases)
		}
		return l, len(l.Cases) > 0
	}
}

// auditLine puts names to a line.
func (r *Registry) auditLine(ctx context.Context, ro *roll, l index.AuditLine) (AuditLine, error) {
	out := AuditLine{
		At: l.At, Member: l.Member, Act: l.Act, What: l.What, N: l.N, Device: l.Device, Note: l.Note,
		Program: l.Member == ledger.ID(r.node.ID()).String(), Refused: l.Refused(),
	}
	out.Name = nameOf(ro, l.Member)
	out.About = nameOf(ro, l.About)
	for _, id := range l.Cases[:min(len(l.Cases), casesShown)] {
		number, err := r.index.NumberOf(ctx, id)
		if err != nil {
			return AuditLine{}, err
		}
		if number != "" {
			out.Cases = append(out.Cases, CaseRef{id, number})
		}
	}
	return out, nil
}

// nameOf is the name of a member, an organisation or an invitation.
func nameOf(ro *roll, id string) string {
	if id == "" {
		return ""
	}
	if m := ro.member(id); m != nil {
		return m.Name
	}
	if o := ro.org(id); o != nil {
		return o.Name
	}
	if v := ro.invitation(id); v != nil {
		return v.Name
	}
	return ""
}

// readersOf is how many of the newest lines of a case its page sums up.
const readersOf = 200

// readers are those to whom a case was shown, the last first.
func (r *Registry) readers(ctx context.Context, id string) ([]Reader, error) {
	page, err := r.index.Audit(ctx, index.AuditQuery{Case: id, Limit: readersOf})
	if err != nil {
		return nil, err
	}
	ro := r.roll()
	var found []Reader
	at := map[string]int{}
	for _, l := range page.Lines {
		if l.Act != actRead && l.Act != actList && l.Act != actRefused {
			continue
		}
		i, ok := at[l.Member]
		if !ok {
			i = len(found)
			at[l.Member] = i
			found = append(found, Reader{Name: cmp.Or(nameOf(ro, l.Member), l.Member[:min(len(l.Member), 8)]), Last: l.At})
		}
		switch l.Act {
		case actRead:
			found[i].Opened++
		case actList:
			found[i].Named++
		default:
			found[i].Refused += l.N
		}
	}
	return found, nil
}

// alarmed keeps the sums of days that are over, which change no more.
type alarmed struct {
	mu   sync.Mutex
	upTo edtf.Day // the days before are summed up
	days map[edtf.Day]map[string]*daily
}

// Alarms are those of the last 30 days, the newest first.
func (r *Registry) Alarms(ctx context.Context, s *access.Session) (_ []Alarm, err error) {
	defer r.refusal(ctx, s, "audit", "", &err)
	if !access.Decide(s.Member, access.Audit, access.Thing{}) {
		return nil, ErrNotAllowed
	}
	return r.alarms(ctx)
}

func (r *Registry) alarms(ctx context.Context) ([]Alarm, error) {
	r.upToDate(ctx)
	zone := r.now().Location()
	today := r.Today()
	days, err := r.dailies(ctx, today, zone)
	if err != nil {
		return nil, err
	}
	found := alarms(days, today-alarmDays)
	ro := r.roll()
	seen, err := r.alarmsSeen(ctx, ro, startOf(today-alarmDays, zone))
	if err != nil {
		return nil, err
	}
	for i := range found {
		a := &found[i]
		a.Name = nameOf(ro, a.Member)
		if l, ok := seen[a.ID]; ok {
			a.Seen, a.SeenBy, a.SeenAt, a.Note = true, nameOf(ro, l.Member), l.At, l.Note
		}
	}
	return found, nil
}

// dailies are the sums of all days that alarms ask about.
func (r *Registry) dailies(ctx context.Context, today edtf.Day, zone *time.Location) (map[edtf.Day]map[string]*daily, error) {
	al := &r.alarmed
	al.mu.Lock()
	defer al.mu.Unlock()
	from := al.upTo
	if al.days == nil || today < al.upTo {
		al.days, from = map[edtf.Day]map[string]*daily{}, today-alarmDays-deviceDays
	}
	lines, err := r.index.AuditBetween(ctx, startOf(from, zone), startOf(today+1, zone))
	if err != nil {
		al.days = nil
		return nil, err
	}
	for len(lines) > 0 {
		day := dayOf(lines[0].At, zone)
		n := slices.IndexFunc(lines, func(l index.AuditLine) bool { return dayOf(l.At, zone) != day })
		if n < 0 {
			n = len(lines)
		}
		al.days[day] = summarise(lines[:n], zone)
		lines = lines[n:]
	}
	al.upTo = today
	days := make(map[edtf.Day]map[string]*daily, len(al.days))
	for day, sums := range al.days {
		if day < today-alarmDays-deviceDays {
			delete(al.days, day)
			continue
		}
		days[day] = sums
	}
	return days, nil
}

// forgetDailies lets the sums be made anew: a line came late.
func (r *Registry) forgetDailies() {
	r.alarmed.mu.Lock()
	defer r.alarmed.mu.Unlock()
	r.alarmed.days = nil
}

// alarmsSeen are the lines that say that an alarm was looked after, by alarm.
// Only those of administrators count, and nobody's about themselves where
// another could have looked.
func (r *Registry) alarmsSeen(ctx context.Context, ro *roll, from time.Time) (map[string]index.AuditLine, error) {
	seen := map[string]index.AuditLine{}
	q := index.AuditQuery{Act: actAlarmSeen, From: from, Limit: 200}
	for {
		page, err := r.index.Audit(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, l := range page.Lines {
			if m := ro.member(l.Member); m != nil && m.Is(access.Administrator) {
				seen[l.Alarm] = l
			}
		}
		if page.Next == "" {
			return seen, nil
		}
		q.After = page.Next
	}
}

// What whoever looks after an alarm can be told.
var (
	// ErrOwnAlarm says that an alarm is about the member themself.
	ErrOwnAlarm = errors.New("this alarm is about you: another administrator must look after it")
	// ErrNote says that a note is missing, or too long.
	ErrNote = errors.New("say in a few words what came of it: 1 to 400 letters")
)

// SeeAlarm marks an alarm as looked after, with a note of what came of it. The
// note stays in the ledger.
func (r *Registry) SeeAlarm(ctx context.Context, s *access.Session, id, note string) (err error) {
	defer r.refusal(ctx, s, "audit", "", &err)
	if !access.Decide(s.Member, access.Audit, access.Thing{}) {
		return ErrNotAllowed
	}
	note = strings.Join(strings.Fields(note), " ")
	if n := utf8.RuneCountInString(note); n == 0 || n > 400 {
		return ErrNote
	}
	all, err := r.alarms(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(a Alarm) bool { return a.ID == id })
	switch {
	case i < 0:
		return ErrNotFound
	case all[i].Seen:
		return nil
	case all[i].Member == s.Member.ID && r.roll().anotherAdministers(s.Member.ID):
		return ErrOwnAlarm
	}
	if err := r.audit(ctx, &line{act: actAlarmSeen, by: s.Keys.Identity, alarm: id, note: note}); err != nil {
		return fmt.Errorf("it could not be written down: %w", err)
	}
	return nil
}
