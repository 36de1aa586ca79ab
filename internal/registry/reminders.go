// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/rules"
)

// How often a member is reminded.
const (
	Never  = ""
	Daily  = "daily"
	Weekly = "weekly"
)

// How a mail server is reached.
const (
	StartTLS = "starttls" // TLS begins before anything is said, or nothing is
	WithTLS  = "tls"      // TLS from the first byte
	NoTLS    = "none"     // a server on this machine alone
)

// MailServer is what reminders are sent by.
type MailServer struct {
	Host     string
	Port     int
	TLS      string
	User     string // empty: without signing in
	Password string `json:",omitempty"`
	From     string
}

// Letter is one reminder: numbers, and nothing of any case.
type Letter struct {
	To, Lang  string
	Weekly    bool
	Urgent    int // urgent reports that the member has not been told of: at once, and of nothing else
	Deadlines int // of ours that end today, or this week
	Tasks     int // that are due by then: urgent reports, tasks, contacts, evidence, hearings
	Overdue   int // deadlines of ours and tasks whose day is over
}

// Total is how much there is to be reminded of.
func (l Letter) Total() int { return l.Urgent + l.Deadlines + l.Tasks + l.Overdue }

// Why mail can't be sent, in a word that may stand in a log.
const (
	MailUnreachable = "unreachable" // nobody answers, or too late
	MailTLS         = "tls"         // no TLS, or a certificate that is not right
	MailSignIn      = "signin"      // the name or the password is not right
	MailRefused     = "refused"     // the server does not take the message
	MailUnclear     = "unclear"     // it broke off; the message may have been taken
)

// MailError says that a reminder was not sent.
type MailError struct {
	Why   string // one of the words above
	Maybe bool   // it may have been sent nevertheless
}

func (e *MailError) Error() string { return "the reminder was not sent: " + e.Why }

// Post sends a letter: nil when the server has taken it, else a *MailError.
type Post func(ctx context.Context, by MailServer, l Letter) error

// What somebody can be told who sets reminders up.
var (
	// ErrAddress says that an address can't be one.
	ErrAddress = errors.New("this is no e-mail address: write it as name@example.org")
	// ErrOften says that a choice is unknown.
	ErrOften = errors.New("reminders come daily, weekly or never")
	// ErrMailServer says that a mail server can't be meant.
	ErrMailServer = errors.New("give the mail server's host, a port from 1 to 65535, starttls or tls (none only for a server on this machine), and the address that reminders come from")
	// ErrNoMail says that no mail server is set up.
	ErrNoMail = errors.New("no mail server is set up: an administrator does so with 'kua mail set' or on the page Mail")
)

// address reads an e-mail address, and nothing but an address: no name, no
// comment, and no line break by which a header could be added.
func address(text string) (string, error) {
	text = strings.TrimSpace(text)
	a, err := mail.ParseAddress(text)
	if err != nil || a.Name != "" || a.Address != text || len(text) > 254 || strings.ContainsAny(text, "\r\n\x00<>\" ") {
		return "", ErrAddress
	}
	return text, nil
}

// RemindersView is how a member is reminded, as they see it themself.
type RemindersView struct {
	Often, Address string
	Mail           bool // a mail server is set up
}

// Reminders are the reminders of the member of a session.
func (r *Registry) Reminders(s *access.Session) RemindersView {
	_, err := r.mailServer()
	v := RemindersView{Mail: err == nil}
	if w := r.roll().reminders(s.Member.ID); w != nil {
		v.Often, v.Address = w.Often, w.Address
	}
	return v
}

// SetReminders says how often the member of a session is reminded, and where.
// Never forgets the address for what is to come; the ledger keeps that it was there.
func (r *Registry) SetReminders(ctx context.Context, s *access.Session, often, to string) (err error) {
	defer r.did(ctx, s, actMail, "", &err)
	r.writing.Lock()
	defer r.writing.Unlock()
	old := r.roll().reminders(s.Member.ID)
	switch often {
	case Never:
		if old == nil {
			return nil
		}
		return r.write(ctx, s, []act{{stream: s.Member.ID, withdraws: []Put{{Record: old.Record, Kind: remindersKind}}, source: "by the member"}})
	case Daily, Weekly:
	default:
		return ErrOften
	}
	if to, err = address(to); err != nil {
		return err
	}
	put := Put{Record: ledger.NewID().String(), Kind: remindersKind, Fields: casefile.Fields{"often": {often}, "address": {to}}}
	if old != nil {
		put.Record = old.Record
	}
	return r.write(ctx, s, []act{{stream: s.Member.ID, puts: []Put{put}, source: "by the member"}})
}

// The files of the mail server and of what was sent, sealed to the node. They
// are no part of the ledger: a password that was changed is gone.
const (
	mailFile, mailLabel         = "mail", "kua/mail/v1"
	remindedFile, remindedLabel = "reminded", "kua/reminded/v1"
)

func (r *Registry) mailServer() (MailServer, error) {
	var m MailServer
	err := r.openSealed(mailFile, mailLabel, &m)
	if errors.Is(err, os.ErrNotExist) {
		err = ErrNoMail
	}
	return m, err
}

func (r *Registry) openSealed(file, label string, to any) error {
	sealed, err := os.ReadFile(filepath.Join(r.dir, file))
	if err != nil {
		return err
	}
	text, err := r.node.OpenOwn(label, sealed)
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		return fmt.Errorf("the file %s can't be opened: set up anew what is kept in it: %w", file, err)
	}
	return nil
}

func (r *Registry) keepSealed(file, label string, what any) error {
	text, err := json.Marshal(what)
	if err != nil {
		return err
	}
	sealed, err := r.node.SealOwn(label, text)
	if err != nil {
		return err
	}
	return r.writeKey(file, sealed)
}

func (m MailServer) check() error {
	local := m.Host == "localhost" || net.ParseIP(m.Host).IsLoopback()
	switch {
	case m.Host == "" || len(m.Host) > 253 || strings.ContainsAny(m.Host, " \r\n\t/@") || m.Port < 1 || m.Port > 65535:
		return ErrMailServer
	case m.TLS != StartTLS && m.TLS != WithTLS && (m.TLS != NoTLS || !local):
		return ErrMailServer
	case strings.ContainsAny(m.User+m.Password, "\r\n\x00") || (m.User == "") != (m.Password == ""):
		return ErrMailServer
	}
	return nil
}

// MailView is how reminders are sent, as administrators see it. The password
// is shown to nobody.
type MailView struct {
	On       bool
	Server   MailServer // without its password
	Password bool       // there is one
	Members  int        // who want to be reminded
	Waiting  int        // of them, those whom the server has refused a reminder that is tried again
	Sent     int        // at the last time anything was sent or tried
	Failed   int
	Why      string    // the last failure since then; empty: none
	At       time.Time // of the last time; zero: never
}

// Mail is how reminders are sent.
func (r *Registry) Mail(ctx context.Context, s *access.Session) (_ MailView, err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return MailView{}, ErrNotAllowed
	}
	v := MailView{}
	switch m, err := r.mailServer(); {
	case err == nil:
		v.On, v.Password = true, m.Password != ""
		m.Password = ""
		v.Server = m
	case !errors.Is(err, ErrNoMail):
		return MailView{}, err
	}
	ro := r.roll()
	st, err := r.reminded()
	for _, w := range ro.Reminders {
		if m := ro.member(w.Member); m == nil || m.Left {
			continue
		}
		v.Members++
		if last := st.Members[w.Member]; last.Failed && last.Tries < mailTries && last.Period == periodOf(w.Often, r.now()) {
			v.Waiting++
		}
	}
	v.Sent, v.Failed, v.Why, v.At = st.Last.Sent, st.Last.Failed, st.Last.Why, st.Last.At
	return v, err
}

// SetMail sets up what reminders are sent by. An empty password keeps the one
// there was, if the host and the user are the same.
func (r *Registry) SetMail(ctx context.Context, s *access.Session, m MailServer) (err error) {
	defer r.did(ctx, s, actMail, "", &err)
	if err := r.mayLookAfter(s); err != nil {
		return err
	}
	if r.beside {
		return ledger.ErrLocked
	}
	if m.From, err = address(m.From); err != nil {
		return err
	}
	if m.User != "" && m.Password == "" {
		if old, err := r.mailServer(); err == nil && old.Host == m.Host && old.User == m.User {
			m.Password = old.Password
		}
	}
	if err := m.check(); err != nil {
		return err
	}
	return r.keepSealed(mailFile, mailLabel, m)
}

// EndMail lets go of the mail server: nobody is reminded any more.
func (r *Registry) EndMail(ctx context.Context, s *access.Session) (err error) {
	defer r.did(ctx, s, actMail, "", &err)
	if err := r.mayLookAfter(s); err != nil {
		return err
	}
	if r.beside {
		return ledger.ErrLocked
	}
	return r.removeKey(mailFile)
}

// TryMail sends a letter without numbers to an address, to see that it can be done.
func (r *Registry) TryMail(ctx context.Context, s *access.Session, to string, post Post) (err error) {
	defer r.did(ctx, s, actMail, "", &err)
	if err := r.mayLookAfter(s); err != nil {
		return err
	}
	m, err := r.mailServer()
	if err != nil {
		return err
	}
	if to, err = address(to); err != nil {
		return err
	}
	return post(ctx, m, Letter{To: to, Lang: s.Member.Lang})
}

// sentState is what was sent to whom, so that nobody is reminded twice.
type sentState struct {
	Members map[string]sentTo `json:"members"`
	Urgent  map[string]sentOf `json:"urgent,omitempty"`
	Last    sentLast          `json:"last"`
}

// sentTo is what became of the reminder of a member's last period.
type sentTo struct {
	Period string    `json:"period"` // a day, or a week as 2022-W25
	Failed bool      `json:"failed,omitempty"`
	Tries  int       `json:"tries"`
	At     time.Time `json:"at"`
}

// sentOf is what a member was told of urgent reports.
type sentOf struct {
	Tasks  []string  `json:"tasks"` // the open ones that they were told of
	Failed time.Time `json:"failed,omitzero"`
}

type sentLast struct {
	At           time.Time
	Sent, Failed int
	Why          string
}

func (r *Registry) reminded() (sentState, error) {
	var st sentState
	err := r.openSealed(remindedFile, remindedLabel, &st)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if st.Members == nil {
		st.Members = map[string]sentTo{}
	}
	if st.Urgent == nil {
		st.Urgent = map[string]sentOf{}
	}
	return st, err
}

// remindFrom is the hour from which reminders are sent, by the clock of the installation.
const remindFrom = 7

// A reminder that the server certainly did not take is tried again, so often
// and after so long a time, within its day or week.
const (
	mailTries = 5
	mailAgain = time.Hour
)

// urgentAgain is how long after a letter about an urgent report that the server
// did not take the next is tried, as long as it is urgent.
const urgentAgain = 10 * time.Minute

// periodOf is the day or the week that a reminder is for; empty: it is too early in it.
func periodOf(often string, now time.Time) string {
	if often == Daily {
		if now.Hour() < remindFrom {
			return ""
		}
		return now.Format(time.DateOnly)
	}
	if now.Weekday() == time.Monday && now.Hour() < remindFrom {
		return ""
	}
	year, week := now.ISOWeek()
	return fmt.Sprintf("%d-W%02d", year, week)
}

// Reminded says what came of sending reminders.
type Reminded struct {
	Sent    int    // taken by the server, or, where nothing was to be sent, that would be
	Nothing int    // members with nothing to be reminded of
	Failed  int    // not sent
	Why     string // the last failure
}

// Remind sends the reminders that are due now, by the program's own clock; nil
// error where no mail server is set up. Each is written down as sent before it
// is sent: after a crash in between it is not sent at all, and never twice.
func (r *Registry) Remind(ctx context.Context, post Post) (Reminded, error) {
	done, err := r.remind(ctx, post)
	if errors.Is(err, ErrNoMail) {
		return Reminded{}, nil
	}
	return done, err
}

// RemindNow is Remind for an administrator at the command line: ErrNoMail
// where no mail server is set up. A nil post sends nothing, writes nothing and
// answers what would be sent.
func (r *Registry) RemindNow(ctx context.Context, s *access.Session, post Post) (_ Reminded, err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return Reminded{}, ErrNotAllowed
	}
	return r.remind(ctx, post)
}

func (r *Registry) remind(ctx context.Context, post Post) (Reminded, error) {
	if r.beside && post != nil {
		return Reminded{}, ledger.ErrLocked
	}
	r.reminding.Lock()
	defer r.reminding.Unlock()
	if n := r.nodes; n != nil && post != nil {
		turn, err := n.store.TryTurn(ctx, turnReminders)
		if turn == nil || err != nil { // another machine is at it
			return Reminded{}, err
		}
		defer turn.End()
		if err := r.takeOver(ctx); err != nil { // what it has sent is known from here on
			return Reminded{}, err
		}
	}
	d := &sending{r: r, post: post}
	var err error
	if d.by, err = r.mailServer(); err != nil {
		return Reminded{}, err
	}
	if d.st, err = r.reminded(); err != nil {
		return Reminded{}, err
	}
	ro := r.roll()
	for _, w := range ro.Reminders {
		m := ro.member(w.Member)
		if m == nil || m.Left || !hasDue(m.Member) {
			continue
		}
		err := d.urgent(ctx, m.Member, w)
		if err == nil {
			err = d.usual(ctx, m.Member, w)
		}
		if err != nil {
			return d.done, err
		}
	}
	if d.done.Failed > 0 {
		r.opt.Log.Warn("reminders could not be sent", slog.Int("failed", d.done.Failed), slog.Int("sent", d.done.Sent), slog.String("why", d.done.Why))
	}
	return d.done, nil
}

// sending is one round of reminders.
type sending struct {
	r    *Registry
	post Post // nil: nothing is sent, and nothing written
	by   MailServer
	st   sentState
	done Reminded
}

// usual sends a member the reminder of their day or week.
func (d *sending) usual(ctx context.Context, m access.Member, w *reminders) error {
	now := d.r.now()
	period, last := periodOf(w.Often, now), d.st.Members[w.Member]
	if period == "" || last.Period == period && (!last.Failed || last.Tries >= mailTries || now.Sub(last.At) < mailAgain) {
		return nil
	}
	l, err := d.r.letter(ctx, m, w)
	if err != nil {
		return err
	}
	next := sentTo{Period: period, Tries: 1, At: now}
	if last.Period == period {
		next.Tries += last.Tries
	}
	return d.send(ctx, l, func(failed bool) {
		next.Failed = failed
		d.st.Members[w.Member] = next
	})
}

// urgent tells a member at once of reports in which life is at risk that they
// were not told of, however often they are reminded and whatever the hour.
func (d *sending) urgent(ctx context.Context, m access.Member, w *reminders) error {
	items, err := d.r.urgentFor(ctx, m)
	if err != nil {
		return err
	}
	was, now := d.st.Urgent[w.Member], d.r.now()
	next := sentOf{}
	fresh := 0
	for _, item := range items {
		next.Tasks = append(next.Tasks, item.Due.Record)
		if !slices.Contains(was.Tasks, item.Due.Record) {
			fresh++
		}
	}
	if fresh == 0 || now.Sub(was.Failed) < urgentAgain {
		return nil
	}
	return d.send(ctx, Letter{To: w.Address, Lang: m.Lang, Urgent: fresh}, func(failed bool) {
		if d.st.Urgent[w.Member] = next; failed {
			d.st.Urgent[w.Member] = sentOf{Tasks: was.Tasks, Failed: now}
		}
	})
}

// send sends a letter. mark is told before that it is sent, and after, where it
// is so, that it certainly was not; each time that is written down.
func (d *sending) send(ctx context.Context, l Letter, mark func(failed bool)) error {
	switch {
	case d.post == nil && l.Total() > 0:
		d.done.Sent++
		return nil
	case d.post == nil:
		d.done.Nothing++
		return nil
	}
	mark(false)
	if err := d.r.keepSealed(remindedFile, remindedLabel, d.st); err != nil {
		return fmt.Errorf("no reminder was sent, because it could not be written down: %w", err)
	}
	if l.Total() == 0 {
		d.done.Nothing++
		return nil
	}
	if err := d.post(ctx, d.by, l); err != nil {
		d.done.Failed++
		d.done.Why = MailUnclear
		var not *MailError
		if errors.As(err, &not) {
			d.done.Why = not.Why
			mark(!not.Maybe)
		}
	} else {
		d.done.Sent++
	}
	d.st.Last = sentLast{At: d.r.now(), Sent: d.done.Sent, Failed: d.done.Failed, Why: d.done.Why}
	if err := d.r.keepSealed(remindedFile, remindedLabel, d.st); err != nil {
		return err
	}
	return ctx.Err()
}

// letter counts what a member is to be reminded of: in the cases of their own
// organisations that they may see, ours to do by the end of the day or week.
func (r *Registry) letter(ctx context.Context, m access.Member, w *reminders) (Letter, error) {
	l := Letter{To: w.Address, Lang: m.Lang, Weekly: w.Often == Weekly}
	today := r.Today()
	end := today
	if l.Weekly {
		end = today.Add(int(7-today.Weekday()) % 7) // Sunday
	}
	kinds := slices.DeleteFunc(DueKinds(), func(kind string) bool { return kind == DueTheirs })
	items, err := r.dueItems(ctx, m, DueQuery{From: edtf.MinDay + 1, To: end, Kinds: kinds, Own: len(m.Orgs) > 0})
	if err != nil {
		return l, err
	}
	for _, d := range items {
		def, _ := r.rules.Rule(d.Rule)
		switch {
		case d.Overdue(today):
			l.Overdue++
		case d.Day < today || def.Kind == rules.Opens: // what has been there, and a right without an end
		case d.What == DueOurs:
			l.Deadlines++
		default:
			l.Tasks++
		}
	}
	return l, nil
}
