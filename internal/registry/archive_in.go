// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/archive"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
)

// What whoever takes an archive in can be told. Nothing was written.
var (
	// ErrClaims says that a source reads as if its entry had come in with an archive.
	ErrClaims = errors.New("a source that begins with 'archive: ' is kept for what comes in with an archive: write it in other words")
	// ErrArchiveUnfit says that an archive can't be taken in whole.
	ErrArchiveUnfit = errors.New("the archive does not fit this register: nothing was taken in")
	// ErrArchiveOrg says that an archive has cases of an organisation that the register does not know.
	ErrArchiveOrg = errors.New("the archive has cases of an organisation that this register does not know: say whose they become (--org NAME)")
)

// ArchiveIn says how an archive is to be taken in.
type ArchiveIn struct {
	Org    string // id of the organisation whose cases all become; empty: that of the same id or name
	DryRun bool   // look, and write nothing

	batch int // instead of archiveBatch
}

// ArchiveTaken is what was taken in, or would be.
type ArchiveTaken struct {
	Cases    Import         `json:"cases"`
	Outside  Import         `json:"outside"`
	Files    int            `json:"files"`
	Findings []ArchiveFound `json:"findings"`
}

// ArchiveFound is something of an archive that was not taken in, and why.
type ArchiveFound struct {
	Why    string `json:"why"`              // one of the reasons below
	Case   string `json:"case,omitempty"`   // id; empty: outside cases
	Record string `json:"record,omitempty"` // id; empty: all of the case
	Kind   string `json:"kind,omitempty"`
	Detail string `json:"detail,omitempty"` // fields and what is wrong; never what is in them
	Fatal  bool   `json:"fatal"`            // nothing at all is taken in
}

// Why something of an archive is not taken in.
const (
	FoundErased     = "erased"      // it was erased here, and stays so
	FoundClosed     = "closed"      // its id is that of a case that is not the member's to write
	FoundChanged    = "changed"     // the record was changed here since: that stays
	FoundFactsOnly  = "facts_only"  // the case is here whole, and the archive has its facts alone
	FoundNoMatching = "matching"    // whether two cases are one person is decided by coordinators
	FoundDecided    = "decided"     // decisions here speak against it, or one of its cases is not here
	FoundKind       = "kind"        // records of the kind can't come in this way; fatal
	FoundFields     = "fields"      // they do not fit the codebook; fatal
	FoundOther      = "contradicts" // the archive says of an entry what this register does not; fatal
)

// mostFound is how many findings are kept one by one.
const mostFound = 1000

// archiveBatch is after how many entries what was found fit is written. Three
// such batches are in memory at a time.
const archiveBatch = 5_000

// ImportArchive takes an archive in: all that it holds or, where something does
// not fit, nothing. It is read twice, first to its end. What is here already is
// not written again, so a second import changes nothing.
func (r *Registry) ImportArchive(ctx context.Context, s *access.Session, a *archive.Archive, in ArchiveIn, progress func(done, total int)) (_ ArchiveTaken, err error) {
	defer r.refusal(ctx, s, "import", "", &err)
	if in.Org != "" && !access.Decide(s.Member, access.WriteCase, access.Thing{Org: in.Org}) || !access.Decide(s.Member, access.WriteShared, access.Thing{}) {
		return ArchiveTaken{}, ErrNotAllowed
	}
	if r.beside && !in.DryRun {
		return ArchiveTaken{}, ledger.ErrLocked
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	if err := r.writing.ours(); err != nil {
		return ArchiveTaken{}, r.whyNot(err)
	}
	in.batch = cmp.Or(in.batch, archiveBatch)
	t := &takingIn{r: r, s: s, a: a, in: in, see: r.see(s.Member), at: r.last, people: map[string]string{}, orgs: map[string]string{}}
	for _, p := range a.Manifest.People {
		t.people[p.ID] = p.Name
	}
	if t.numbers, err = r.index.Numbers(ctx); err != nil {
		return ArchiveTaken{}, err
	}
	counts := a.Manifest.Counts
	total, done := int(counts.Entries+counts.OutsideEntries), 0
	t.step = func(n int) {
		if done += n; progress != nil && !in.DryRun {
			progress(min(done/2, total), total)
		}
	}
	if err := t.pass(ctx, func(*act) error { return nil }); err != nil {
		return ArchiveTaken{}, err
	}
	if err := t.checkFiles(); err != nil {
		return ArchiveTaken{}, err
	}
	if t.fatal {
		return ArchiveTaken{Findings: t.taken.Findings}, ErrArchiveUnfit
	}
	if in.DryRun {
		return t.taken, nil
	}
	if err := r.settle(ctx); err != nil {
		return ArchiveTaken{}, r.whyNot(err)
	}
	t.taken, t.files, t.writes = ArchiveTaken{}, nil, true
	err = t.pass(ctx, func(a *act) error { return t.collect(ctx, a) })
	if err == nil {
		err = t.flush(ctx)
	}
	err = errors.Join(t.written(), err)
	return t.taken, err
}

// takingIn is an archive that is taken in.
type takingIn struct {
	r       *Registry
	s       *access.Session
	a       *archive.Archive
	in      ArchiveIn
	see     index.See
	people  map[string]string // names of who wrote
	orgs    map[string]string // of the archive → here
	numbers map[string]bool   // that cases have
	taken   ArchiveTaken
	fatal   bool
	step    func(entries int)

	files   map[string]bool // digests of those that come in
	next    portion         // found fit, and not on its way yet
	on      *writingIn      // nil: nothing is on its way
	at      time.Time       // of the last that was
	decided *together       // nil: not read yet
	writes  bool            // it is the second reading, and all fits
}

// pass reads an archive, and hands each act that it makes to do.
func (t *takingIn) pass(ctx context.Context, do func(*act) error) error {
	each := func(of []archive.Entry, err error, make func(context.Context, []archive.Entry) (*act, error)) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		t.step(len(of))
		a, err := make(ctx, of)
		if err != nil || a == nil {
			return err
		}
		return do(a)
	}
	// What is outside cases first: the cases refer to it. Decisions about cases last.
	for _, decisions := range []bool{false, true} {
		for of, err := range t.a.Outside() {
			if err != nil || (of[0].Kind == "match") == decisions {
				if err := each(of, err, t.outside); err != nil {
					return err
				}
			}
		}
		if decisions {
			break
		}
		for of, err := range t.a.Cases() {
			if err := each(of, err, t.caseAct); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *takingIn) found(why string, e *archive.Entry, whole bool, detail string) {
	f := ArchiveFound{Why: why, Case: e.Case, Record: e.Record, Kind: e.Kind, Detail: detail}
	if whole {
		f.Record, f.Kind = "", ""
	}
	switch why {
	case FoundKind, FoundFields, FoundOther:
		f.Fatal, t.fatal = true, true
	}
	if len(t.taken.Findings) < mostFound {
		t.taken.Findings = append(t.taken.Findings, f)
	}
}

// place names an entry for ever.
type place struct {
	register string
	entry    uint64
}

// here is what of a stream is in the register.
type here struct {
	entries map[place]casefile.Entry
	kinds   map[string]string // of the records
	own     map[string]bool   // records that were changed here and not by the archive
	erased  bool
	last    map[string]casefile.Entry
}

func (t *takingIn) here(ctx context.Context, of []archive.Entry) (here, error) {
	h := here{entries: map[place]casefile.Entry{}, kinds: map[string]string{}, own: map[string]bool{}, last: map[string]casefile.Entry{}}
	stream, err := ledger.ParseID(of[0].Stream())
	if err != nil {
		return h, err
	}
	version, _, err := t.r.log.Last(ctx, stream)
	if err != nil || version == 0 {
		return h, err
	}
	entries, err := t.r.index.Entries(ctx, of[0].Stream())
	if err != nil {
		return h, err
	}
	h.erased = len(entries) == 0
	known := make(map[place]bool, len(of))
	for i := range of {
		known[place{of[i].Register, of[i].Entry}] = true
	}
	for _, e := range entries {
		h.erased = h.erased || e.Kind == kindErasure
		at := place{t.r.log.ID().String(), e.Pos}
		if c, ok := casefile.ClaimedIn(e.Source); ok {
			at = place{c.Register, c.Entry}
		}
		h.entries[at], h.last[e.Record] = e, e
		if h.kinds[e.Record] == "" {
			h.kinds[e.Record] = e.Kind
		}
		if !known[at] {
			h.own[e.Record] = true
		}
	}
	return h, nil
}

// contradicts tells whether the archive says of an entry that is here what is not so.
func contradicts(e *archive.Entry, old casefile.Entry) bool {
	if e.Record != old.Record || e.Kind != old.Kind || (e.Op == archive.Withdraw) != (old.Op == casefile.Withdraw) {
		return true
	}
	if e.FactsOnly || e.Partial || e.Missing || old.IdentityMissing || e.Kind == "case" {
		return false
	}
	if e.Kind == fileKind {
		return first(e.Fields["sha256"]) != first(old.Fields["sha256"])
	}
	return !equal(e.Fields, old.Fields)
}

// put is what an entry of an archive puts here.
func (t *takingIn) put(e *archive.Entry) Put {
	p := Put{Record: e.Record, Kind: e.Kind, Fields: clean(e.Fields), came: &came{withdraw: e.Op == archive.Withdraw, lacking: e.FactsOnly || e.Partial || e.Missing, reason: e.Reason}}
	if t.writes { // looking only, nobody reads it
		p.came.source = casefile.Claimed{Register: e.Register, Entry: e.Entry, At: e.At, By: e.By, Name: t.people[e.By], Source: e.Source}.String()
	}
	return p
}

// fits says whether a put fits the codebook, and what does not. What was found
// fit is not asked again until it is written.
func (t *takingIn) fits(e *archive.Entry, p Put) bool {
	if t.writes {
		return true
	}
	problems := t.r.problems(p)
	for _, problem := range problems {
		t.found(FoundFields, e, false, problem.Field+": "+problem.What)
	}
	return len(problems) == 0
}

// outside makes the act of a record outside cases; nil: there is nothing to write.
func (t *takingIn) outside(ctx context.Context, of []archive.Entry) (*act, error) {
	kind := of[0].Kind
	switch {
	case kind == "match":
		if !access.Decide(t.s.Member, access.Match, access.Thing{}) {
			t.found(FoundNoMatching, &of[0], false, "")
			return nil, nil
		}
	case !shared(kind):
		t.found(FoundKind, &of[0], false, "")
		return nil, nil
	}
	h, err := t.here(ctx, of)
	if err != nil {
		return nil, err
	}
	if h.erased {
		t.found(FoundClosed, &of[0], false, "")
		return nil, nil
	}
	a := &act{stream: of[0].Record}
	changed := false
	for i := range of {
		e := &of[i]
		if e.Kind != kind || h.kinds[e.Record] != "" && h.kinds[e.Record] != kind {
			t.found(FoundKind, e, false, "")
			return nil, nil
		}
		if old, ok := h.entries[place{e.Register, e.Entry}]; ok {
			if contradicts(e, old) {
				t.found(FoundOther, e, false, "")
			}
			continue
		}
		if h.own[e.Record] || e.Partial && len(h.entries) > 0 || kind == "match" && len(h.entries) > 0 {
			changed = true
			continue
		}
		p := t.put(e)
		if p.came.lacking = true; t.fits(e, p) { // what is required of them may have been closed to who made the archive
			a.puts = append(a.puts, p)
		}
	}
	if changed {
		t.found(FoundChanged, &of[0], false, "")
	}
	if len(a.puts) == 0 {
		t.taken.Outside.Same++
		return nil, nil
	}
	if kind == "match" {
		if fit, err := t.decides(ctx, of); err != nil || !fit {
			return nil, err
		}
	}
	if len(h.entries) == 0 {
		t.taken.Outside.New++
	} else {
		t.taken.Outside.Changed++
	}
	t.taken.Outside.Entries += len(a.puts)
	return a, nil
}

// decides tells whether a decision about two cases can stand beside those here.
// Before the cases are written it can't be known: then it is taken to.
func (t *takingIn) decides(ctx context.Context, of []archive.Entry) (bool, error) {
	last := of[len(of)-1]
	if !t.writes || last.Op == archive.Withdraw { // or it decides nothing any more
		return true, nil
	}
	if t.decided == nil {
		if err := errors.Join(t.flush(ctx), t.written()); err != nil { // the cases
			return false, err
		}
		known, err := t.r.decisions(ctx, t.see)
		if err != nil {
			return false, err
		}
		t.decided = newTogether(known)
	}
	d := Decision{A: first(last.Fields["a"]), B: first(last.Fields["b"]), Verdict: Verdict(first(last.Fields["verdict"]))}
	if d.A == d.B || t.see(d.A) == index.Nothing || t.see(d.B) == index.Nothing || t.decided.add(d) != nil {
		t.found(FoundDecided, &last, false, "")
		return false, nil
	}
	return true, nil
}

// comesIn tells whether records of a kind come in with an archive.
func (t *takingIn) comesIn(e *archive.Entry) bool {
	k, ok := t.r.book.Kind(e.Kind)
	return ok && k.Scope == codebook.InCase && !staysHere(e.Kind, e.Fields) && (e.Kind == "case") == (e.Record == e.Case)
}

// caseAct makes the act of a case; nil: there is nothing to write.
func (t *takingIn) caseAct(ctx context.Context, of []archive.Entry) (*act, error) {
	id, head := of[0].Case, -1
	for i := range of {
		if of[i].Kind == "case" && of[i].Op == archive.Put && of[i].Record == id {
			head = i
		}
	}
	h, err := t.here(ctx, of)
	if err != nil {
		return nil, err
	}
	thing, there := t.r.thing(id)
	switch {
	case h.erased:
		t.found(FoundErased, &of[0], true, "")
		return nil, nil
	case len(h.entries) > 0 && (!there || t.see(id) != index.All || !access.Decide(t.s.Member, access.WriteCase, thing)):
		t.found(FoundClosed, &of[0], true, "")
		return nil, nil
	case !there && head < 0:
		t.found(FoundKind, &of[0], true, "the record of the case itself is missing")
		return nil, nil
	}
	a := &act{stream: id}
	org, number := thing.Org, ""
	if !there {
		if org, err = t.org(first(of[head].Fields["org"])); err != nil {
			return nil, err
		}
		a.newFor = org
		switch number = first(of[head].Fields["number"]); {
		case !t.writes: // whatever it becomes
		case number == "" || t.numbers[number]:
			number = newNumber(t.numbers)
		default:
			t.numbers[number] = true
		}
	} else {
		number = first(h.last[id].Fields["number"])
	}
	restricted := thing.Restricted
	changed, facts := map[string]bool{}, false
	for i := range of {
		e := &of[i]
		if !t.comesIn(e) || h.kinds[e.Record] != "" && h.kinds[e.Record] != e.Kind {
			t.found(FoundKind, e, false, "")
			continue
		}
		h.kinds[e.Record] = e.Kind
		if old, ok := h.entries[place{e.Register, e.Entry}]; ok {
			if contradicts(e, old) {
				t.found(FoundOther, e, false, "")
			}
			continue
		}
		if h.own[e.Record] {
			if !changed[e.Record] {
				changed[e.Record] = true
				t.found(FoundChanged, e, false, "")
			}
			continue
		}
		if (e.FactsOnly || e.Partial) && there {
			facts = true
			continue
		}
		p := t.put(e)
		if e.Kind == "case" && !p.came.withdraw {
			p.Fields["org"], p.Fields["number"] = []string{org}, []string{number}
			if number == "" { // it is drawn when it is written
				p.came.lacking = true
				delete(p.Fields, "number")
			}
			if there && restricted != (first(p.Fields["restricted"]) == "yes") {
				delete(p.Fields, "restricted") // who may know of it is said here
				if restricted {
					p.Fields["restricted"] = []string{"yes"}
				}
			}
			if !there {
				restricted = restricted || first(p.Fields["restricted"]) == "yes"
			}
		}
		if e.Kind == fileKind && !p.came.withdraw {
			t.fileFields(e, &p)
		}
		if t.fits(e, p) {
			a.puts = append(a.puts, p)
		}
	}
	if facts {
		t.found(FoundFactsOnly, &of[0], true, "")
	}
	switch {
	case len(a.puts) == 0:
		t.taken.Cases.Same++
		return nil, nil
	case there:
		t.taken.Cases.Changed++
	default:
		t.taken.Cases.New++
		if restricted {
			a.puts = append(a.puts, t.r.ownGrant(t.s.Member, id)...)
		}
	}
	t.taken.Cases.Entries += len(a.puts)
	return a, nil
}

// org is the organisation here whose the cases of one of the archive become.
func (t *takingIn) org(id string) (string, error) {
	if t.in.Org != "" {
		return t.in.Org, nil
	}
	if org, ok := t.orgs[id]; ok {
		return org, nil
	}
	to := ""
	ro := t.r.roll()
	if ro.org(id) != nil {
		to = id
	}
	for _, o := range t.a.Manifest.About.Organisations {
		if o.ID != id || to != "" {
			continue
		}
		for _, own := range ro.Orgs {
			if access.FoldName(own.Name) == access.FoldName(o.Name) {
				to = own.ID
			}
		}
	}
	if to == "" {
		return "", ErrArchiveOrg
	}
	if !access.Decide(t.s.Member, access.WriteCase, access.Thing{Org: to}) {
		return "", ErrNotAllowed
	}
	t.orgs[id] = to
	return to, nil
}

// fileFields leaves of the record of a file what is not found out anew here.
func (t *takingIn) fileFields(e *archive.Entry, p *Put) {
	digest := first(e.Fields["sha256"])
	for _, field := range fileSecrets {
		delete(p.Fields, field)
	}
	p.came.lacking = true // the key is made when the file is sealed
	if !t.a.Has(digest) {
		return
	}
	if t.files == nil {
		t.files = map[string]bool{}
	}
	t.files[digest] = true
}

// checkFiles reads the files that come in to their ends.
func (t *takingIn) checkFiles() error {
	for _, digest := range slices.Sorted(maps.Keys(t.files)) {
		content, err := t.a.File(digest)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, content)
		if err = errors.Join(err, content.Close()); err != nil {
			return err
		}
	}
	t.taken.Files = len(t.files)
	return nil
}
