// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// kindAudit is the kind of the entries that say who signed in, read who
// somebody is, took something out or was refused. They hold no name, no search
// term and no word of a case. docs/spec/audit.md says what is written and why.
const kindAudit = "audit"

// The acts that get an entry of their own (list audit_act). What is an entry
// already, such as a grant, is shown from that entry and not written twice.
const (
	actSignIn       = "sign_in"
	actSignInFailed = "sign_in_failed"
	actSignOut      = "sign_out"
	actLock         = "lock"
	actSessionEnded = "session_ended"
	actRead         = "read"  // the file of a case with who somebody is
	actList         = "list"  // names in a list, a search, the overview
	actErase        = "erase" // an entry of its own, which the index makes a line of
	actExport       = "export"
	actRefused      = "refused"
	actAlarmSeen    = "alarm_seen"
	actPassphrase   = "passphrase"
	actFactor       = "factor"
	actFeed         = "feed"
	actAPIKey       = "api_key"
	actWebhook      = "webhook"
	actMail         = "mail"
	actPlace        = "place" // of sealed files
	actKeys         = "keys"  // copied, let go of, destroyed
	actBackup       = "backup"
	actExchange     = "exchange"
	actNodes        = "nodes" // of the coalition, added
)

// commandLine is the device of those who sign in at the command line.
const commandLine = "command"

const (
	// readAgain is for how long the same case shown again to the same session
	// makes no second line: somebody at work on a case opens it many times.
	readAgain = 15 * time.Minute
	// casesPerLine bounds an entry; a longer list makes several.
	casesPerLine = 500
	// linesPerStream is after how many lines the next stream begins.
	linesPerStream = 4096
	// linesOwed bounds what waits in memory for a disk that takes nothing.
	linesOwed = 1000
	// Acts that somebody can repeat without end, failed sign-ins and refusals,
	// get a line each up to singleLines in an hour, then one for each crowdOf.
	singleLines, crowdOf = 30, 100
)

// ErrUnaudited says that something was not shown or done because it could not
// be written down who did it.
var ErrUnaudited = errors.New("this can't be shown, because the register could not write down that you read it: make room on its disk, then try again")

// line is one line of the audit on its way to the disk.
type line struct {
	act, what   string
	by          *seal.Identity // who signs; nil: the node
	member      string         // on whose account it was tried, where the node signs
	cases       []string
	n           int
	device      string
	alarm, note string
	at          time.Time

	owed bool       // it is written later where it can't be written now
	told chan error // who waits for it is told once that it is written, or why not; nil: nobody waits
}

// auditor writes lines: whoever comes first writes for all that came meanwhile,
// so that many readers share one write to the disk.
type auditor struct {
	queueing sync.Mutex
	queue    []*line
	leading  bool // somebody writes, and looks at the queue again before they end
	waits    bool // lines have come since the queue was last taken

	writing sync.Mutex // all below is of the goroutine that holds it
	stream  ledger.ID  // zero: the next line begins a new one
	version uint64
	prev    ledger.Hash
	keys    seal.CaseKeys
	last    time.Time // of the last line
	lost    int       // lines that the disk never took

	seeing sync.Mutex
	seen   map[string]map[string]glance // token of a session → case
	crowds map[string]*crowd
}

// glance is when a session was last shown a case.
type glance struct{ named, opened time.Time }

// crowd counts what somebody did too often for a line each.
type crowd struct {
	hour   time.Time
	n      int // in this hour
	silent int // since the last line
}

// audit writes lines and answers when they are on the disk. Nothing that a line
// is about leaves the registry before.
func (r *Registry) audit(ctx context.Context, lines ...*line) error {
	if len(lines) == 0 {
		return nil
	}
	a := &r.auditor
	told := make(chan error, 1)
	lines[0].told = told // all of them are written together
	a.queueing.Lock()
	a.queue, a.waits = append(a.queue, lines...), true
	lead := !a.leading
	a.leading = true
	a.queueing.Unlock()
	if lead {
		r.leadAudit(context.WithoutCancel(ctx))
	}
	// Those who wait do not stand in line for a lock: each would have to be woken
	// before the next, and on a busy machine that takes longer than the disk.
	return <-told
}

// leadAudit writes what waits. What comes meanwhile is written by somebody who
// is not waited for.
func (r *Registry) leadAudit(ctx context.Context) {
	a := &r.auditor
	a.writing.Lock()
	r.writeQueue(ctx)
	a.writing.Unlock()
	a.queueing.Lock()
	a.leading = a.waits
	more := a.leading
	a.queueing.Unlock()
	if more {
		go r.leadAudit(ctx)
	}
}

// writeQueue writes all lines that wait. The caller holds auditor.writing.
func (r *Registry) writeQueue(ctx context.Context) {
	a := &r.auditor
	a.queueing.Lock()
	lines := a.queue
	a.queue, a.waits = nil, false
	a.queueing.Unlock()
	err := r.writeLines(ctx, lines)
	var owed []*line
	for _, l := range lines {
		if l.told != nil {
			l.told <- err
			l.told = nil
		}
		if err != nil && l.owed {
			owed = append(owed, l)
		}
	}
	if err == nil {
		if a.lost > 0 {
			r.opt.Log.Warn("lines of the audit were lost because the disk took nothing for too long", slog.Int("lines", a.lost))
			a.lost = 0
		}
		return
	}
	a.stream = ledger.ID{} // whether it was kept is not known for sure: begin anew
	if over := len(owed) - linesOwed; over > 0 {
		a.lost += over
		owed = owed[over:]
	}
	a.queueing.Lock()
	a.queue = append(owed, a.queue...)
	a.queueing.Unlock()
}

// writeLines signs, seals and appends lines. The caller holds auditor.writing.
func (r *Registry) writeLines(ctx context.Context, lines []*line) error {
	switch {
	case r.faulty.Load():
		return ledger.ErrAltered
	case r.beside && len(lines) > 0:
		return r.spool(lines)
	case !r.beside:
		r.takeSpool(ctx)
	}
	if len(lines) == 0 {
		return nil
	}
	a := &r.auditor
	var batch ledger.Batch
	var opened []index.Entry
	if a.stream.IsZero() || a.version+uint64(len(lines)) > linesPerStream {
		a.stream, a.version, a.prev, a.keys = ledger.NewID(), 0, ledger.Hash{}, seal.NewCaseKeys()
		var err error
		if batch.Keys, err = ledger.WrapCaseKeys(r.vault, a.stream, a.keys); err != nil {
			return err
		}
	}
	version, prev := a.version, a.prev
	for _, l := range lines {
		l.at = r.auditMoment()
		e, c, err := r.sealLine(l, a.stream, version+1, prev, a.keys)
		if err != nil {
			return err
		}
		version, prev = version+1, e.Hash()
		batch.Entries = append(batch.Entries, e)
		opened = append(opened, openedEntry(e, c))
	}
	if err := r.appendLines(ctx, batch, opened); err != nil {
		return err
	}
	a.version, a.prev = version, prev
	return nil
}

// auditMoment is now, and never before the last line.
func (r *Registry) auditMoment() time.Time {
	now := r.now().UTC().Truncate(time.Millisecond)
	if now.Before(r.auditor.last) {
		return r.auditor.last
	}
	r.auditor.last = now
	return now
}

// sealLine makes the entry of a line.
func (r *Registry) sealLine(l *line, stream ledger.ID, version uint64, prev ledger.Hash, keys seal.CaseKeys) (ledger.Entry, ledger.Content, error) {
	fields := casefile.Fields{"act": {l.act}, "case": l.cases}
	for field, value := range map[string]string{"what": l.what, "member": l.member, "device": l.device, "alarm": l.alarm, "note": l.note} {
		if value != "" {
			fields[field] = []string{value}
		}
	}
	if l.n > 1 {
		fields["n"] = []string{strconv.Itoa(l.n)}
	}
	if problems := r.book.Validate(kindAudit, fields); len(problems) > 0 {
		return ledger.Entry{}, ledger.Content{}, &InvalidError{Kind: kindAudit, Problems: problems}
	}
	by := l.by
	if by == nil {
		by = r.node
	}
	c := ledger.Content{Kind: kindAudit, Record: ledger.NewID(), Op: ledger.Put, At: l.at, Prev: prev}
	c.Fact, c.Identity = r.split(kindAudit, fields)
	e, err := ledger.Seal(r.log.ID(), by, ledger.Draft{Stream: stream, Version: version, Keys: keys, Content: c})
	c.Author = ledger.ID(by.ID())
	return e, c, err
}

// appendLines appends sealed lines and hands them on to the index.
func (r *Registry) appendLines(ctx context.Context, batch ledger.Batch, opened []index.Entry) error {
	if err := r.appendBatch(ctx, batch, opened); err != nil {
		return r.whyNot(err)
	}
	// A long write, an import, does not keep readers waiting: it takes the lines
	// along when it is done.
	if r.writing.TryLock() {
		defer r.writing.Unlock()
		if err := r.settle(ctx); err != nil {
			r.opt.Log.Warn("the index could not take in lines of the audit; it will before the next write", slog.String("type", fmt.Sprintf("%T", err)))
		}
	}
	return nil
}

// openedEntry is what the index takes in of an entry made here.
func openedEntry(e ledger.Entry, c ledger.Content) index.Entry {
	entry := opened(e, c)
	// As the opener gives it, so that the index made anew is the same.
	entry.Fields = maps.Clone(entry.Fields)
	return entry
}

// readsIdentity writes down, before the answer leaves, of which cases it shows
// who somebody is. A case that the same session was shown in the last minutes
// makes no second line; opening it does after its name stood in a list.
func (r *Registry) readsIdentity(ctx context.Context, s *access.Session, act, what string, cases ...string) error {
	now := r.now()
	a := &r.auditor
	fresh := make([]string, 0, len(cases))
	a.seeing.Lock()
	for _, id := range cases {
		g := a.seen[s.Token()][id]
		at := g.opened
		if act == actList && g.named.After(at) {
			at = g.named
		}
		if at.IsZero() || now.Sub(at) >= readAgain || now.Before(at) {
			fresh = append(fresh, id)
		}
	}
	a.seeing.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	var lines []*line
	for some := range slices.Chunk(fresh, casesPerLine) {
		lines = append(lines, &line{act: act, what: what, by: s.Keys.Identity, cases: some, n: len(some)})
	}
	if err := r.audit(ctx, lines...); err != nil {
		return fmt.Errorf("%w (%w)", ErrUnaudited, err)
	}
	a.seeing.Lock()
	defer a.seeing.Unlock()
	if a.seen[s.Token()] == nil {
		maps.DeleteFunc(a.seen, func(_ string, of map[string]glance) bool { // of sessions that are over
			for _, g := range of {
				if now.Sub(g.opened) < readAgain || now.Sub(g.named) < readAgain {
					return false
				}
			}
			return true
		})
		a.seen[s.Token()] = map[string]glance{}
	}
	for _, id := range fresh {
		g := a.seen[s.Token()][id]
		if act == actRead {
			g.opened = now
		} else {
			g.named = now
		}
		a.seen[s.Token()][id] = g
	}
	return nil
}

// whole are the cases of rows of which the member sees who somebody is.
func (r *Registry) whole(s *access.Session, rows ...Row) []string {
	see := r.see(s.Member)
	ids := map[string]bool{}
	for _, row := range rows {
		if see(row.ID) == index.All {
			ids[row.ID] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// signedIn writes down that a session began. Where now is false, with the next
// line or when the register is closed: a command that reads writes nothing
// before it has looked at the ledger.
func (r *Registry) signedIn(ctx context.Context, s *access.Session, what, device string, now bool) {
	defer r.openGranted(ctx, s)
	l := &line{act: actSignIn, what: what, by: s.Keys.Identity, device: device, owed: true}
	if now {
		_ = r.audit(ctx, l) // owed: written later if not now
		return
	}
	r.owe(l)
}

// owe writes a line with the next one, or when the register is closed.
func (r *Registry) owe(l *line) {
	r.auditor.queueing.Lock()
	defer r.auditor.queueing.Unlock()
	r.auditor.queue = append(r.auditor.queue, l)
}

// owes tells whether a line of an act waits.
func (r *Registry) owes(act string) bool {
	r.auditor.queueing.Lock()
	defer r.auditor.queueing.Unlock()
	return slices.ContainsFunc(r.auditor.queue, func(l *line) bool { return l.act == act })
}

// finishAudit writes what is still owed, and takes the spool in.
func (r *Registry) finishAudit(ctx context.Context) {
	r.auditor.writing.Lock()
	defer r.auditor.writing.Unlock()
	r.writeQueue(ctx)
}

// TakesOut writes down that a member takes figures or a list out of the
// register, before they leave: what (a code of list audit_what) and how many.
func (r *Registry) TakesOut(ctx context.Context, s *access.Session, what string, n int) error {
	if !access.Decide(s.Member, access.Count, access.Thing{}) {
		return ErrNotAllowed
	}
	if err := r.audit(ctx, &line{act: actExport, what: what, by: s.Keys.Identity, n: n}); err != nil {
		return fmt.Errorf("%w (%w)", ErrUnaudited, err)
	}
	return nil
}

// refusal writes down that somebody was refused something, if err says so. Of
// what is not there and of what is not open it does alike, and takes as long.
func (r *Registry) refusal(ctx context.Context, s *access.Session, what, idOrNumber string, err *error) {
	if !errors.Is(*err, ErrNotAllowed) && !errors.Is(*err, ErrNotFound) {
		return
	}
	l := &line{act: actRefused, what: what, by: s.Keys.Identity, owed: true}
	if idOrNumber != "" {
		id, lookErr := r.index.Numbered(ctx, idOrNumber)
		if _, there := r.thing(idOrNumber); there {
			id = idOrNumber
		}
		if lookErr == nil && id != "" {
			l.cases = []string{id}
		}
	}
	var write bool
	if l.n, write = r.crowd(actRefused + s.Member.ID); write {
		_ = r.audit(ctx, l) // owed: written later if not now
	}
}

// did writes down that somebody did something that is no entry by itself, or
// was refused it, or gave a wrong passphrase for it.
func (r *Registry) did(ctx context.Context, s *access.Session, act, what string, err *error) {
	switch {
	case errors.Is(*err, access.ErrSignIn):
		r.signInFailed(ctx, s.Member.ID)
	case *err != nil:
		r.refusal(ctx, s, what, "", err)
	case act != "":
		_ = r.audit(ctx, &line{act: act, what: what, by: s.Keys.Identity, owed: true})
	}
}

// crowd counts an act that somebody can repeat without end, and says whether
// it gets a line now, and for how many of them.
func (r *Registry) crowd(key string) (n int, write bool) {
	now := r.now()
	a := &r.auditor
	a.seeing.Lock()
	defer a.seeing.Unlock()
	c := a.crowds[key]
	if c == nil {
		c = &crowd{hour: now}
		a.crowds[key] = c
	}
	if passed := now.Sub(c.hour); passed >= time.Hour || passed < 0 {
		c.hour, c.n = now, 0
	}
	c.n++
	c.silent++
	if c.n > singleLines && c.silent < crowdOf {
		return 0, false
	}
	n, c.silent = c.silent, 0
	return n, true
}

// mayBeBy refuses what a node signed but must not sign: in its own name it writes
// lines of the audit, when something came from the coalition and what it tells the
// other nodes, and nothing else; another node, what it tells.
func (r *Registry) mayBeBy(c ledger.Content) error {
	if c.Author == ledger.ID(r.node.ID()) {
		if c.Kind == kindAudit || c.Kind == arrivalKind || ofNode(c) {
			return nil
		}
		return ledger.ErrAuthor
	}
	if _, other := r.met()[c.Author]; other && !ofNode(c) {
		return ledger.ErrAuthor
	}
	return nil
}

// ofNode tells whether an entry is one that a node writes for others in its own
// name: who it is, and that what it had offered is withdrawn.
func ofNode(c ledger.Content) bool {
	switch c.Kind {
	case nodeKind:
		return c.Record == c.Author
	case encodingKind, encodingRowsKind:
		return c.Op == ledger.Withdraw
	}
	return false
}

// settle brings the index up to the ledger.
func (r *Registry) settle(ctx context.Context) error {
	r.settling.Lock()
	defer r.settling.Unlock()
	defer r.bell.ring()
	return r.settleNow(ctx)
}

// settleNow is settle with settling held.
func (r *Registry) settleNow(ctx context.Context) error {
	r.appending.Lock()
	waiting, head := r.unapplied, r.head()
	r.unapplied = nil
	r.appending.Unlock()
	if r.index.Head().Size+uint64(len(waiting)) != head.Size { // it could not follow an earlier write
		return r.catchUpNow(ctx)
	}
	if len(waiting) == 0 {
		return nil
	}
	err := r.index.Apply(ctx, group(waiting), head)
	if errors.Is(err, index.ErrUnusable) {
		r.remade = indexDamaged
		err = r.makeAnew(ctx)
	}
	return err
}

// counted is the state of the ledger that figures are counted of: with the last
// entry that is no line of the audit. So it is the same when it is asked again.
func (r *Registry) counted(ctx context.Context) (size uint64, root ledger.Hash, err error) {
	size = min(r.index.Counted(), r.log.Head().Size)
	root, err = r.log.RootAt(ctx, size)
	return size, root, err
}
