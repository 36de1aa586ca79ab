// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/kua-registry/kua/internal/casefile"
)

// An index that is made from the whole ledger is made in two passes. The first
// takes the acts in their order and writes down the entries alone. The second
// takes case by case, with those that were ever said to be the same person, and
// goes through all that became of them: so a version is written once, with its
// end, and nothing of it has to be found again. Cases know nothing of each
// other, so all cores take part; the database has one writer.
//
// What comes out is what Apply would have made of the same acts.

// Build makes an empty index from all acts of the ledger: fill hands them over,
// in their order, and answers the head that they lead to. An index whose
// building did not come to its end can't be used: see ErrUnusable.
func (ix *Index) Build(ctx context.Context, fill func(add func([]Act) error) (Head, error)) error {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	return failed("making it anew", ix.build(ctx, fill))
}

// buildCacheKiB is the page cache of the writer while it builds.
const buildCacheKiB = 96 << 10

// The full text gathers what it takes in until it has so much, and puts it away
// as one piece; many small pieces have to be merged again.
const (
	buildTextBytes = 32 << 20
	textBytes      = 1 << 20 // as FTS5 has it by itself
)

const holdText = `INSERT INTO search(search, rank) VALUES('hashsize', ?)`

func (ix *Index) build(ctx context.Context, fill func(add func([]Act) error) (Head, error)) (err error) {
	c := ix.writer
	if ix.Head() != (Head{}) || len(ix.state.streams) > 0 {
		return errors.New("it is not empty")
	}
	c.SetInterrupt(ctx)
	defer c.SetInterrupt(context.Background())
	// From here to its end the file is of no use to anybody, and says so.
	if err := c.Run(`INSERT INTO meta(key, value) VALUES('building', x'01')`, nil); err != nil {
		return err
	}
	// Indexes are kept up from the start: most grow at their end, and one made of
	// all rows at once is sorted in memory, which millions of rows do not fit.
	// Nothing of it outlives a crash: no journal, and nothing is waited for.
	if err := c.Exec(fmt.Sprintf("PRAGMA journal_mode=off; PRAGMA synchronous=off; PRAGMA cache_size=-%d; BEGIN IMMEDIATE", buildCacheKiB)); err != nil {
		return err
	}
	if err := c.Run(holdText, nil, buildTextBytes); err != nil {
		return err
	}
	b := &building{ix: ix, c: c, st: ix.state, plan: newPlan(ix, ix.state), runs: &runs{c: c, most: ix.held}, scopes: maps.Clone(ix.state.scopes)}
	b.plan.runs = b.runs
	head, err := fill(b.add)
	if err == nil {
		err = b.replayAll(ctx)
	}
	if err == nil {
		err = b.finish(head)
	}
	if err != nil {
		return err
	}
	if err := c.Run(holdText, nil, textBytes); err != nil {
		return err
	}
	// From the mark's going on it is whole: what was written is synced before.
	err = c.Exec(fmt.Sprintf("COMMIT; PRAGMA synchronous=full; PRAGMA journal_mode=wal; DELETE FROM meta WHERE key='building'; PRAGMA wal_checkpoint(truncate); PRAGMA synchronous=normal; PRAGMA cache_size=-%d", cacheKiB))
	if err != nil {
		return err
	}
	if err := ix.load(ctx); err != nil {
		return err
	}
	return ix.keepPages(ctx)
}

// building is an index that is being made.
type building struct {
	ix    *Index
	c     *conn
	st    *state
	plan  *plan // of the first pass: it takes entries
	runs  *runs
	names heldNames

	joined  map[string]string  // case → one it was ever said to be the same as, towards the first of them
	matches map[string][]int64 // the first of them → the streams of the decisions
	orgs    []turning          // acts that change which organisations count

	mu     sync.Mutex // held while scopes is used
	scopes map[string]int64
}

// turning is an act on an organisation.
type turning struct {
	no      int64
	id      string
	known   int64
	entries []casefile.Entry // of the organisation, until then and with it
}

// add is the first pass over some acts.
func (b *building) add(acts []Act) error {
	for i, act := range acts {
		var err error
		switch {
		case len(act.Entries) == 0:
			err = errors.New("it has no entries")
		case act.Entries[0].Kind == kindAudit:
			err = b.plan.auditOnly(b.c, act)
		default:
			_, err = b.plan.writeEntries(b.c, act)
		}
		if err != nil {
			return fmt.Errorf("act %d: %w", i, err)
		}
	}
	return nil
}

// stored is an entry as it is read for the second pass.
type stored struct {
	no, known int64
	entry     casefile.Entry
}

// outsiders goes through the streams that are no cases: what they join, what
// they change for all, what the audit says of them.
func (b *building) outsiders() error {
	b.joined, b.matches = map[string]string{}, map[string][]int64{}
	about := map[int64][]string{} // of decisions: cases that they were ever about
	ids := b.ids()
	for no := int64(1); no < int64(len(ids)); no++ {
		kind := b.st.kindOf(no)
		if kind == kindCase {
			continue
		}
		rows, err := b.runs.read(no, no)
		if err != nil {
			return err
		}
		all := make([]stored, len(rows))
		for i, row := range rows {
			e, err := decodeEntry(row.body)
			if err != nil {
				return err
			}
			all[i] = stored{no, row.known, e}
		}
		var before []casefile.Entry
		for at := 0; at < len(all); {
			end := actEnd(all, at)
			for _, s := range all[at:end] {
				if line, ok := auditLine(ids[no], before, s.entry); ok {
					if err := writeAudit(b.c, line); err != nil {
						return err
					}
				}
				before = append(before, s.entry)
			}
			switch kind {
			case kindOrganisation:
				b.orgs = append(b.orgs, turning{no, ids[no], all[at].known, slices.Clone(before)})
			case kindMatch:
				if f := last(before); f != nil && first(f, "verdict") == "same" {
					a, o := first(f, "a"), first(f, "b")
					b.join(a, o)
					about[no] = append(about[no], a)
				}
			}
			at = end
		}
	}
	for _, no := range slices.Sorted(maps.Keys(about)) {
		for _, id := range about[no] {
			if of := b.root(id); !slices.Contains(b.matches[of], no) {
				b.matches[of] = append(b.matches[of], no)
			}
		}
	}
	slices.SortFunc(b.orgs, func(a, o turning) int { return cmp.Compare(a.pos(), o.pos()) })
	return nil
}

// pos is the place of the act in the ledger.
func (t turning) pos() uint64 { return t.entries[len(t.entries)-1].Pos }

// actEnd is where the act ends that begins at a place: its entries follow each
// other in the ledger and have one time.
func actEnd(all []stored, at int) int {
	end := at + 1
	for end < len(all) && all[end].no == all[at].no && all[end].entry.Pos == all[end-1].entry.Pos+1 && all[end].entry.At.Equal(all[at].entry.At) {
		end++
	}
	return end
}

// ids are the ids of the streams by their numbers.
func (b *building) ids() []string {
	ids := make([]string, len(b.st.streams)+1)
	for id, no := range b.st.streams {
		ids[no] = id
	}
	return ids
}

func (b *building) root(id string) string {
	for b.joined[id] != "" {
		id = b.joined[id]
	}
	return id
}

func (b *building) join(a, o string) {
	if a, o = b.root(a), b.root(o); a != o && a != "" && o != "" {
		b.joined[max(a, o)] = min(a, o)
	}
}

// person is what is gone through at once: cases that were ever said to be of
// the same person, with all that was said of it.
type person struct {
	cases, matches []int64
	bodies         []staged // of all of them
}

// became is what came of a person.
type became struct {
	plan     *plan
	audit    []AuditLine
	found    found // what the first of the cases is found by
	versions int64
}

// done is what came of all that was gone through at once.
type done struct {
	persons []*became
	found   []found  // what the cases are found by, in their order
	entries []staged // of all streams up to one
	to      int64
}

// Some persons are gone through between two turns of the writer: what became of
// them, which is much, is in memory until it is written.
const (
	personsAtOnce = 64
	turnsAhead    = 4
)

// replayAll is the second pass.
func (b *building) replayAll(ctx context.Context) error {
	b.runs.all()
	if err := b.outsiders(); err != nil {
		return err
	}
	ids := b.ids()
	members := map[string][]int64{} // by the first of them; of those that were joined alone
	for id := range b.joined {
		if no, ok := b.st.streams[id]; ok && b.st.kindOf(no) == kindCase {
			root := b.root(id)
			members[root] = append(members[root], no)
		}
	}
	for root := range members {
		if no, ok := b.st.streams[root]; ok && b.st.kindOf(no) == kindCase {
			members[root] = append(members[root], no)
		}
		slices.Sort(members[root])
	}
	work, stopped := errgroup.WithContext(ctx)
	work.SetLimit(runtime.GOMAXPROCS(0))
	var ahead []chan done
	writeFirst := func() error {
		first := ahead[0]
		ahead = ahead[1:]
		select {
		case all := <-first:
			return b.write(all)
		case <-stopped.Done():
			return stopped.Err()
		}
	}
	var err error
	send := func(persons []person, others, entries []staged, to int64) {
		answer := make(chan done, 1)
		ahead = append(ahead, answer)
		work.Go(func() error {
			all := done{found: make([]found, 0, len(persons)), entries: entries, to: to}
			for _, p := range persons {
				if err := stopped.Err(); err != nil {
					return err
				}
				came, err := b.replay(ids, p)
				if err != nil {
					return err
				}
				all.persons, all.found = append(all.persons, came), append(all.found, came.found)
			}
			rest, err := b.others(ids, others)
			if err != nil {
				return err
			}
			// The full text takes rows in their order; any other it must first put away.
			all.found = append(all.found, rest...)
			slices.SortFunc(all.found, func(a, o found) int { return cmp.Compare(a.stream, o.stream) })
			answer <- all
			return nil
		})
	}
	for from := int64(1); err == nil && from < int64(len(ids)); from += personsAtOnce {
		to := min(from+personsAtOnce, int64(len(ids))) - 1
		entries, failed := b.runs.read(from, to)
		if err = failed; err != nil {
			break
		}
		var persons []person
		var others []staged
		if persons, others, err = b.persons(ids, members, entries, from, to); err != nil {
			break
		}
		send(persons, others, entries, to)
		for err == nil && len(ahead) > turnsAhead {
			err = writeFirst()
		}
	}
	for err == nil && len(ahead) > 0 {
		err = writeFirst()
	}
	return errors.Join(work.Wait(), err)
}

// persons finds those whose first case is among some streams, of which the
// entries are given, and the entries of the other cases that are among them.
func (b *building) persons(ids []string, members map[string][]int64, entries []staged, from, to int64) (persons []person, others []staged, err error) {
	of := map[int64]*person{}
	var order []int64
	for no := from; no <= to; no++ {
		if b.st.kindOf(no) != kindCase {
			continue
		}
		p := &person{cases: []int64{no}}
		if root := b.root(ids[no]); len(members[root]) > 0 {
			if p.cases = members[root]; p.cases[0] != no {
				continue // it was with the first of them
			}
			p.matches = b.matches[root]
		}
		of[no] = p
		order = append(order, no)
	}
	for at := 0; at < len(entries); {
		no, end := entries[at].no, at+1
		for end < len(entries) && entries[end].no == no {
			end++
		}
		if p := of[no]; p != nil {
			p.bodies = entries[at:end:end]
		} else if b.st.kindOf(no) == kindCase {
			others = append(others, entries[at:end]...)
		}
		at = end
	}
	for _, no := range order {
		p := of[no]
		for _, other := range slices.Concat(p.cases[1:], p.matches) {
			rows, err := b.runs.read(other, other)
			if err != nil {
				return nil, nil, err
			}
			p.bodies = append(p.bodies, rows...)
		}
		persons = append(persons, *p)
	}
	return persons, others, nil
}

// others gathers what cases are found by that were gone through with another one
// of the same person.
func (b *building) others(ids []string, bodies []staged) (all []found, err error) {
	for at := 0; at < len(bodies); {
		no := bodies[at].no
		var entries []casefile.Entry
		for ; at < len(bodies) && bodies[at].no == no; at++ {
			e, err := decodeEntry(bodies[at].body)
			if err != nil {
				return nil, err
			}
			entries = append(entries, e)
		}
		f := found{stream: no, live: isLive(entries)}
		if f.live {
			f.document = b.ix.document(casefile.Fold(b.ix.book, ids[no], entries))
		}
		all = append(all, f)
	}
	return all, nil
}

// replay goes through what became of a person.
func (b *building) replay(ids []string, who person) (*became, error) {
	all := make([]stored, len(who.bodies))
	for i, body := range who.bodies {
		e, err := decodeEntry(body.body)
		if err != nil {
			return nil, err
		}
		all[i] = stored{body.no, body.known, e}
	}
	slices.SortFunc(all, func(a, o stored) int { return cmp.Compare(a.entry.Pos, o.entry.Pos) })
	st := newState()
	st.next = 1
	for _, no := range slices.Concat(who.cases, who.matches) {
		st.streams[ids[no]] = no
	}
	for _, no := range who.matches {
		st.kinds[no] = b.st.kinds[no]
	}
	p := newPlan(b.ix, st)
	p.scope = b.scope
	for _, no := range who.cases {
		p.versions.fresh[no] = true
	}
	came := &became{plan: p}
	orgs := b.orgs
	for at := 0; at < len(all); {
		for len(orgs) > 0 && orgs[0].pos() < all[at].entry.Pos {
			if err := p.turn(orgs[0]); err != nil {
				return nil, err
			}
			orgs = orgs[1:]
		}
		no, end := all[at].no, actEnd(all, at)
		st.latest = all[at].known
		for _, s := range all[at:end] {
			if line, ok := auditLine(ids[no], p.entries[no], s.entry); ok && st.kindOf(no) == kindCase {
				came.audit = append(came.audit, line)
			}
			p.entries[no] = append(p.entries[no], s.entry)
		}
		if err := p.take(nil, ids[no], no); err != nil {
			return nil, err
		}
		if err := p.settle(); err != nil {
			return nil, err
		}
		at = end
	}
	for _, turn := range orgs {
		if err := p.turn(turn); err != nil {
			return nil, err
		}
	}
	no := who.cases[0]
	if came.found = (found{stream: no, live: isLive(p.entries[no])}); came.found.live {
		came.found.document = b.ix.document(p.folded(no, ids[no]))
	}
	came.versions = st.next - 1
	return came, nil
}

// turn takes an act on an organisation.
func (p *plan) turn(t turning) error {
	p.st.kinds[t.no], p.st.streams[t.id] = kindOrganisation, t.no
	p.st.latest, p.entries[t.no] = t.known, t.entries
	if err := p.take(nil, t.id, t.no); err != nil {
		return err
	}
	return p.settle()
}

// settle does to versions what was planned.
func (p *plan) settle() error {
	for _, ch := range p.changes {
		if err := p.version(nil, ch); err != nil {
			return err
		}
	}
	p.changes = p.changes[:0]
	return nil
}

// scope numbers a scope; it is written at the end.
func (b *building) scope(id string) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	no, ok := b.scopes[id]
	if !ok {
		no = int64(len(b.scopes)) + 1
		b.scopes[id] = no
	}
	return no, nil
}

// maxTallies is how many of them are kept until they are written.
const maxTallies = 1 << 19

// write writes what came of some persons.
func (b *building) write(all done) error {
	if err := b.runs.write(all.entries, all.to); err != nil {
		return err
	}
	for _, came := range all.persons {
		v := &came.plan.versions
		for _, rows := range v.rows {
			for _, r := range rows {
				r.v += b.st.next - 1
			}
		}
		byV := make(map[int64]*unitVersion, len(v.byV))
		for no, u := range v.byV {
			u.v = no + b.st.next - 1
			byV[u.v] = u
		}
		v.byV = byV
		b.st.next += came.versions
		if err := came.plan.writeVersions(b.c); err != nil {
			return err
		}
		for _, line := range came.audit {
			if err := writeAudit(b.c, line); err != nil {
				return err
			}
		}
		for at, t := range came.plan.tallies {
			n := b.plan.tallies[at]
			b.plan.tallies[at] = turn{n.now + t.now, n.then + t.then}
		}
		if len(b.plan.tallies) > maxTallies {
			if err := b.plan.writeTallies(b.c); err != nil {
				return err
			}
			clear(b.plan.tallies)
		}
	}
	for i := range all.found {
		f := &all.found[i]
		for _, key := range f.keys {
			b.names = append(b.names, nameRow{key, f.stream})
		}
		if err := f.writeTexts(b.c); err != nil {
			return err
		}
	}
	if len(b.names) > mostNames {
		return b.names.write(b.c)
	}
	return nil
}

// finish writes what is left.
func (b *building) finish(head Head) error {
	if err := errors.Join(b.plan.writeTallies(b.c), b.names.write(b.c), b.runs.end()); err != nil {
		return err
	}
	for id, no := range b.scopes {
		if _, ok := b.st.scopes[id]; !ok {
			if err := b.c.Run(`INSERT INTO scope(no, id) VALUES(?, ?)`, nil, no, id); err != nil {
				return err
			}
		}
	}
	return putHead(b.c, head, b.st.latest, b.st.counted, b.st.next)
}
