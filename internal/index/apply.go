// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/rules"
)

// Apply adds acts, in the order of the ledger, and moves to head: all in one
// transaction. Small batches serve a running register, big ones a rebuild; how
// the acts are cut into batches leaves no trace in the content.
func (ix *Index) Apply(ctx context.Context, acts []Act, head Head) error {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	// Planning walks the acts in order and says which files have to be evaluated
	// as they stood after each act; writing walks the plan in order again. Both
	// are done on one core, as the database has one writer. Evaluating has no
	// order: it begins with the first file planned, uses all cores that are left,
	// and writing waits only for the files that it is about to write.
	stoppable, stop := context.WithCancel(ctx)
	defer stop()
	work, stopped := errgroup.WithContext(stoppable)
	p := newPlan(ix, ix.state)
	p.work, p.stopped, p.cores = work, stopped, make(chan struct{}, runtime.GOMAXPROCS(0))
	if ix.sheets.kept() {
		p.changed = map[counted][]byte{}
	}
	var list *listing
	noted := 0
	err := ix.writeAnd(ctx, func(c *conn) error {
		if _, _, err := notBefore(c, ix.Head()); err != nil {
			return err
		}
		for i, act := range acts {
			if err := p.add(c, act); err != nil {
				return fmt.Errorf("act %d: %w", i, err)
			}
		}
		found := p.documents()
		for _, ch := range p.changes {
			if err := p.evaluated(ch); err != nil {
				return err
			}
			if err := p.version(c, ch); err != nil {
				return err
			}
		}
		if err := work.Wait(); err != nil {
			return err
		}
		if err := p.writeVersions(c); err != nil {
			return err
		}
		if err := p.search(c, found); err != nil {
			return err
		}
		if err := p.writeTallies(c); err != nil {
			return err
		}
		changed := map[int64]bool{}
		for _, ch := range p.changes {
			for _, stream := range ch.touched {
				changed[stream] = true
			}
		}
		var err error
		if list, err = ix.nextListing(c, head, changed, p.names); err != nil {
			return err
		}
		for stream := range p.entries {
			changed[stream] = true
		}
		if noted = len(changed); noted > 0 {
			if err := note(c, changed); err != nil {
				return err
			}
		}
		return putHead(c, head, ix.state.latest, ix.state.counted, ix.state.next)
	}, func() {
		ix.sheets.follow(ix.Head(), head, p.changed)
		ix.wrote, ix.behind = true, ix.behind+noted
		ix.list.Store(list)
		ix.head.Store(&head)
		ix.counted.Store(uint64(ix.state.counted))
	})
	if err != nil {
		stop()
		_ = work.Wait() // it says that it was stopped, or what err says
	}
	if errors.Is(err, errOld) { // what is known of the cases must not be taken from it
		return failed("adding entries", err)
	}
	if err != nil {
		return failed("adding entries", errors.Join(err, ix.load(ctx)))
	}
	if p.orgs {
		ix.publishOrgs()
	}
	return nil
}

// plan is what a batch of acts changes.
type plan struct {
	ix       *Index
	st       *state
	entries  map[int64][]casefile.Entry // of the streams touched, as far as planned
	files    map[int64]*casefile.Case   // the last of each case; only where files are evaluated at once: see folded
	dirty    map[int64]string           // cases to be searched anew
	names    map[int64][]string         // cases whose names changed, with the keys of those they have now; not all of very many
	orgs     bool                       // an organisation changed
	changes  []*change
	evals    map[string]*eval            // the files as they stood: ids and numbers of entries
	last     map[string]*eval            // the last of each file: ids; only where they are evaluated at once
	work     *errgroup.Group             // nil: files are evaluated when they are planned
	stopped  context.Context             // of work
	scope    func(string) (int64, error) // numbers a scope that is new; nil: it is written
	cores    chan struct{}               // has an element for each that works
	versions versions
	tallies  map[tallied]turn
	runs     *runs              // where entries are put; nil: into their table
	moment   int64              // the last that was written
	changed  map[counted][]byte // that changed, as sheets keep them; empty: it is none any more; nil: no sheet is kept
}

func newPlan(ix *Index, st *state) *plan {
	return &plan{ix: ix, st: st, entries: map[int64][]casefile.Entry{}, files: map[int64]*casefile.Case{}, dirty: map[int64]string{}, names: map[int64][]string{}, tallies: map[tallied]turn{},
		evals: map[string]*eval{}, last: map[string]*eval{}, versions: newVersions()}
}

// change is what one act does to rows and units.
type change struct {
	known   int64
	touched []int64 // cases whose versions this act may end
	files   []file  // the rows that hold from now on
	units   []unit  // the units that hold from now on
}

type file struct {
	stream  int64
	cluster int64
	eval    *eval
}

type unit struct {
	scope   int64
	members []int64
	told    bool // none of its cases is restricted: it stands in breakdowns
	eval    *eval
}

// cells are the cells of the unit, encoded.
func (u unit) cells() []byte {
	if !u.told {
		return []byte{} // not nil: that would be a NULL
	}
	return u.eval.cells
}

// eval is one file to be evaluated: of a case, or merged of several.
type eval struct {
	ready   chan struct{} // closed when it was evaluated
	id      string        // of the cluster
	parts   []part
	before  *eval // of the same cases as they stood before, where that was evaluated
	keeps   bool  // it is to be one of those
	file    *casefile.Case
	answers *rules.Answers
	stages  []stageFrom
	row     row    // of a single case only
	spans   []byte // of the figures
	cells   []byte // of the breakdowns
}

// part is a case as it stood after some act.
type part struct {
	id      string
	entries []casefile.Entry
	file    *casefile.Case // nil: it is made when it is evaluated
}

// add plans one act and writes its entries.
func (p *plan) add(c *conn, act Act) error {
	if len(act.Entries) == 0 {
		return errors.New("it has no entries")
	}
	id := act.Entries[0].Stream
	if act.Entries[0].Kind == kindAudit {
		return p.auditOnly(c, act)
	}
	_, known := p.st.streams[id]
	no, err := p.writeEntries(c, act)
	if err != nil {
		return err
	}
	entries, ok := p.entries[no]
	if !ok && known {
		if entries, err = entriesOf(c, no, forever); err != nil {
			return err
		}
		entries = entries[:len(entries)-len(act.Entries)] // those before
	}
	for _, e := range act.Entries {
		if line, ok := auditLine(id, entries, e.Entry); ok {
			if err := writeAudit(c, line); err != nil {
				return err
			}
		}
		entries = append(entries, e.Entry)
	}
	p.entries[no] = entries
	return p.take(c, id, no)
}

// writeEntries writes the entries of an act, and what is found by them alone.
// It answers the number of their stream, which is given one if it is new.
func (p *plan) writeEntries(c *conn, act Act) (no int64, err error) {
	st, id := p.st, act.Entries[0].Stream
	no, known := st.streams[id]
	if !known {
		kind := kindCase
		if k := act.Entries[0].Kind; outside(p.ix.book, k) {
			kind = k
		}
		no = int64(len(st.streams)) + 1
		if st.streams[id] = no; kind != kindCase {
			st.kinds[no] = kind
		}
		p.versions.fresh[no] = true
		if err := c.Run(`INSERT INTO stream(no, id, kind) VALUES(?, ?, ?)`, nil, no, id, kind); err != nil {
			return 0, err
		}
	}
	// A clock that was set back must not end a version before it began.
	// What came from another node was known when it arrived, which an entry of the
	// own before it says, and not when it was written there.
	if act.Entries[0].From == "" {
		st.latest = max(st.latest, act.Entries[0].At.UnixMilli())
	}
	if p.moment != st.latest {
		if err := c.Run(`INSERT OR IGNORE INTO moment(known) VALUES(?)`, nil, st.latest); err != nil {
			return 0, err
		}
		p.moment = st.latest
	}
	for _, e := range act.Entries {
		if e.Stream != id {
			return 0, errors.New("its entries are of more than one stream")
		}
		body, err := encodeEntry(e.Entry)
		if err != nil {
			return 0, err
		}
		if p.runs != nil {
			err = p.runs.add(staged{no, int64(e.Pos), st.latest, body})
		} else {
			err = c.Run(`INSERT INTO entry(stream, pos, known, body) VALUES(?, ?, ?, ?)`, nil, no, int64(e.Pos), st.latest, body)
		}
		if err == nil {
			err = keeps(c, no, e.Entry)
		}
		if err != nil {
			return 0, err
		}
		st.counted = max(st.counted, int64(e.Pos)+1)
	}
	return no, nil
}

// take plans what the last act of a stream changes: its entries are among those
// of the plan.
func (p *plan) take(c *conn, id string, no int64) error {
	st, entries := p.st, p.entries[no]
	var touched []string
	switch st.kindOf(no) {
	case kindCase:
		f := last(entries)
		st.cases[no] = caseState{live: isLive(entries),
			org: first(f, "org"), restricted: restricted(f), verified: p.verified(no, id)}
		p.dirty[no] = id
		touched = st.cluster(id)
	case kindMatch:
		before := st.matches[id]
		touched = append(st.cluster(before.a), st.cluster(before.b)...)
		st.setMatch(id, entries)
		after := st.matches[id]
		touched = append(touched, append(st.cluster(after.a), st.cluster(after.b)...)...)
	case kindOrganisation:
		before := st.orgs[id]
		st.setOrg(id, entries)
		p.orgs = true
		if before.counts != st.orgs[id].counts {
			for c, no := range st.streams {
				if st.cases[no].org == id {
					touched = append(touched, st.cluster(c)...)
				}
			}
		}
	}
	return p.change(c, touched)
}

// isLive tells whether there is a case. Without its first record it can't be
// told: nothing of it is listed or counted.
func isLive(entries []casefile.Entry) bool {
	return last(entries) != nil && entries[0].Kind == kindCase
}

// auditOnly writes the lines of an act that is nothing but lines of the audit.
func (p *plan) auditOnly(c *conn, act Act) error {
	for _, e := range act.Entries {
		if e.Stream != act.Entries[0].Stream || e.Kind != kindAudit {
			return errors.New("its entries are of more than one stream, or not all of the audit")
		}
		if line, ok := auditLine(e.Stream, nil, e.Entry); ok {
			if err := writeAudit(c, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// change plans the rows and units of the cases touched, and of all that are the same person.
func (p *plan) change(c *conn, touched []string) error {
	st := p.st
	slices.Sort(touched)
	ch := &change{known: st.latest}
	done := map[string]bool{}
	for _, id := range touched {
		if _, ok := st.caseOf(id); !ok || done[id] {
			continue
		}
		var members []*member
		for _, id := range st.cluster(id) {
			done[id] = true
			if m, ok := st.caseOf(id); ok {
				ch.touched = append(ch.touched, m.no)
				if m.live {
					members = append(members, m)
				}
			}
		}
		if err := p.units(c, ch, members); err != nil {
			return err
		}
	}
	if len(ch.touched) > 0 {
		slices.Sort(ch.touched)
		p.changes = append(p.changes, ch)
	}
	return nil
}

// units plans the rows and units of one cluster.
func (p *plan) units(c *conn, ch *change, members []*member) error {
	st := p.st
	evaluation := func(of []*member) (*eval, error) {
		// Entries are only ever added: their number tells how a case stood. One that
		// another of its cluster, a match or an organisation touched stands as before.
		var key, who []byte
		e := &eval{id: of[0].id, ready: make(chan struct{})}
		for _, m := range of {
			entries, ok := p.entries[m.no]
			if !ok {
				var err error
				if entries, err = entriesOf(c, m.no, forever); err != nil {
					return nil, err
				}
				p.entries[m.no] = entries
			}
			one := part{id: m.id, entries: slices.Clip(entries)}
			if p.work == nil {
				one.file = p.folded(m.no, m.id)
			}
			e.parts = append(e.parts, one)
			key = binary.AppendUvarint(append(key, m.id...), uint64(len(entries)))
			who = append(who, m.id...)
		}
		if same := p.evals[string(key)]; same != nil {
			return same, nil
		}
		p.evals[string(key)] = e
		if p.work == nil { // else it would have to be waited for
			e.before, e.keeps, p.last[string(who)] = p.last[string(who)], true, e
		}
		p.do(func() {
			p.ix.evaluate(e)
			close(e.ready)
		})
		return e, nil
	}
	plan := func(scope string, of []*member) error {
		no, known := st.scopes[scope]
		if !known {
			var err error
			if no, err = p.newScope(c, scope); err != nil {
				return err
			}
			st.scopes[scope] = no
		}
		e, err := evaluation(of)
		if err != nil {
			return err
		}
		u := unit{scope: no, told: true, eval: e}
		for _, m := range of {
			u.members = append(u.members, m.no)
			u.told = u.told && !m.restricted
		}
		slices.Sort(u.members)
		ch.units = append(ch.units, u)
		return nil
	}

	// Each scope twice: of all its cases, and of those alone that are verified.
	scoped := func(scope string, of []*member) error {
		if err := plan(scope, of); err != nil {
			return err
		}
		var verified []*member
		for _, m := range of {
			if m.verified {
				verified = append(verified, m)
			}
		}
		if len(verified) == 0 {
			return nil
		}
		return plan(scope+verifiedOnly, verified)
	}
	var counted []*member
	ofOrg := map[string][]*member{}
	for _, m := range members {
		e, err := evaluation([]*member{m})
		if err != nil {
			return err
		}
		ch.files = append(ch.files, file{m.no, members[0].no, e})
		if m.org != "" {
			// Figures of one organisation are compared with lists of its cases: one
			// more in the figure would tell of a case that the list does not show.
			if !m.restricted {
				ofOrg[m.org] = append(ofOrg[m.org], m)
			}
			if st.orgs[m.org].counts {
				counted = append(counted, m)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ofOrg)) {
		if err := scoped(id, ofOrg[id]); err != nil {
			return err
		}
	}
	if len(counted) > 0 {
		return scoped(Coalition, counted)
	}
	return nil
}

// newScope numbers a scope.
func (p *plan) newScope(c *conn, scope string) (int64, error) {
	if p.scope != nil {
		return p.scope(scope)
	}
	no := int64(len(p.st.scopes)) + 1
	return no, c.Run(`INSERT INTO scope(no, id) VALUES(?, ?)`, nil, no, scope)
}

// verified tells whether the last verdict on a case is that it is verified.
func (p *plan) verified(no int64, id string) bool {
	entries := p.entries[no]
	if !slices.ContainsFunc(entries, func(e casefile.Entry) bool { return e.Kind == casefile.ReviewKind }) {
		return false // as of most: not worth folding
	}
	return p.folded(no, id).Review().Verdict == casefile.Verified
}

// folded is the file of a case as far as planned. One goroutine at a time may
// ask: where files are evaluated beside the planning, only that does.
func (p *plan) folded(no int64, id string) *casefile.Case {
	if before := p.files[no]; before != nil {
		p.files[no] = before.Next(p.entries[no])
	} else {
		p.files[no] = casefile.Fold(p.ix.book, id, p.entries[no])
	}
	return p.files[no]
}

// do has f done on one of the cores.
func (p *plan) do(f func()) {
	if p.work == nil {
		f()
		return
	}
	p.work.Go(func() error {
		select {
		case p.cores <- struct{}{}:
		case <-p.stopped.Done():
			return p.stopped.Err()
		}
		defer func() { <-p.cores }()
		if err := p.stopped.Err(); err != nil {
			return err
		}
		f()
		return nil
	})
}

// evaluated waits until all files of a change are.
func (p *plan) evaluated(ch *change) error {
	wait := func(e *eval) error {
		select {
		case <-e.ready:
			return nil
		case <-p.stopped.Done():
			return p.stopped.Err()
		}
	}
	for _, f := range ch.files {
		if err := wait(f.eval); err != nil {
			return err
		}
	}
	for _, u := range ch.units {
		if err := wait(u.eval); err != nil {
			return err
		}
	}
	return nil
}

// evaluate folds and evaluates a file.
func (ix *Index) evaluate(e *eval) {
	files := make([]*casefile.Case, len(e.parts))
	for i, part := range e.parts {
		if files[i] = part.file; files[i] == nil {
			files[i] = casefile.Fold(ix.book, part.id, part.entries)
		}
	}
	c := files[0]
	if len(files) > 1 {
		c = casefile.Merge(e.id, files...)
	}
	var had eval
	if e.before != nil {
		had, e.before = *e.before, nil
	}
	answers := ix.set.Answers(c, had.answers)
	var stages []stageFrom
	if had.file != nil && c.StagesAs(had.file) {
		stages = had.stages
	} else {
		stages = ix.stages(c)
	}
	if e.keeps {
		e.file, e.answers, e.stages = c, answers, stages
	}
	e.spans, e.cells = ix.spans(answers.Intervals), encodeCells(ix.cells(c, stages))
	if len(files) == 1 {
		e.row = ix.derive(c, e.parts[0].entries, stages, answers)
	}
}
