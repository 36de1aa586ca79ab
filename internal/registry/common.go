// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/encoded"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
)

// Common cases between nodes. A node offers its cases as encoded rows: filters
// that are alike where the people are, made under a key that the organisations
// share and no register keeps. They are sealed to the other nodes of the
// coalition alone. Each node compares its own rows with those of others; a person
// proposes a pair to the other side, a person there decides, and the decision is
// a record of kind match as any other: the figures count the person once. Which
// case a row is stays at home until then. See docs/spec/exchange.md.

// The kinds of record of it.
const (
	encodingKind     = "encoding"
	encodingRowsKind = "encoding_rows" // never leaves the node
	commonKind       = "common"
)

const (
	// encodingPiece is how much of a file of rows is in one value, in bytes.
	encodingPiece = 60 << 10
	// encodingMost bounds the file of rows: as one entry it must be carried whole.
	encodingMost = 9 << 20
)

// What somebody who looks for common cases can be told.
var (
	// ErrNoEncoding says that there is nothing to compare.
	ErrNoEncoding = errors.New("this node has no encoded cases there: offer them first")
	// ErrEncodingLong says that there are too many cases.
	ErrEncodingLong = errors.New("these are more cases than one encoded list may have in the exchange: use 'kua encode --cases' and 'kua compare'")
	// ErrNoRows says that no case could be encoded.
	ErrNoRows = errors.New("no case can be encoded: none of yours counts with the coalition, or their year of birth is missing, or nobody agrees to be shared")
	// ErrEncodingGone says that the other side's encoded cases were withdrawn or replaced.
	ErrEncodingGone = errors.New("those encoded cases were withdrawn or replaced: compare once more")
	// ErrProposed says that this was proposed already.
	ErrProposed = errors.New("this pair was proposed already: the other organisation decides")
)

// OfferedEncoding is what was offered.
type OfferedEncoding struct {
	ID       string
	List     encoded.List
	Replaced int // of one's own that were withdrawn for it
}

// CommonCases is how a node stands with what it may have in common with others.
type CommonCases struct {
	Encodings []EncodingView
	Found     []CommonPair     // by comparing, and nobody has proposed or decided it yet; the most alike first
	Asked     []CommonProposal // by other organisations: to be decided here
	Proposed  []CommonProposal // to other organisations
}

// EncodingView is an encoded list that is there.
type EncodingView struct {
	ID, Node   string // Node: the name of the other; empty: one's own
	Rows       int
	At         time.Time
	Comparable bool // of another: with one's own, by key, schema and round
}

// CommonPair is a case here and a row of another node that may be the same person.
type CommonPair struct {
	Case     Row
	Node     string
	Encoding string
	Row      int
	Likeness float64
}

// CommonProposal is a pair that one organisation has proposed to another.
type CommonProposal struct {
	ID       string
	Ours     Row // zero where Stale
	Theirs   Row // zero in one's own proposals that nobody has agreed to
	Node     string
	Likeness float64 // as the proposing side measured it
	At       time.Time
	Decision *MatchDecision // that was taken on it; nil: none
	Stale    bool           // it rests on encoded cases that were withdrawn or replaced, or the case is gone
}

// mayMatchAbroad tells whether a session may look for common cases.
func (r *Registry) mayMatchAbroad(s *access.Session) error {
	switch {
	case !access.Decide(s.Member, access.Match, access.Thing{}):
		return ErrNotAllowed
	case r.coalition == nil:
		return ErrNoCoalition
	}
	return nil
}

// OfferEncoding encodes the member's own cases that count, and offers them to the
// other nodes, sealed to these. Who refuses to be shared with the coalition is
// not in it, nor is a restricted case. What the member had offered before is
// withdrawn. The key is used and not kept.
func (r *Registry) OfferEncoding(ctx context.Context, s *access.Session, key encoded.Key, schema encoded.Schema) (_ OfferedEncoding, err error) {
	defer r.refusal(ctx, s, "common", "", &err)
	if r.coalition == nil {
		return OfferedEncoding{}, ErrNoCoalition
	}
	list, cases, err := r.encode(ctx, s, key, schema, func(t access.Thing) bool { return t.Counts && !t.Restricted })
	if err != nil {
		return OfferedEncoding{}, err
	}
	if list.File.Rows == 0 {
		return OfferedEncoding{}, ErrNoRows
	}
	var file bytes.Buffer
	if err := list.File.Write(&file); err != nil {
		return OfferedEncoding{}, err
	}
	if file.Len() > encodingMost {
		return OfferedEncoding{}, ErrEncodingLong
	}
	var data []string
	for piece := range slices.Chunk(file.Bytes(), encodingPiece) {
		data = append(data, base64.StdEncoding.EncodeToString(piece))
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	before, err := r.ownEncodings(ctx)
	if err != nil {
		return OfferedEncoding{}, err
	}
	before = slices.DeleteFunc(before, func(e ownEncoding) bool { return !r.hasOffered(s, e) })
	offered := OfferedEncoding{ID: ledger.NewID().String(), List: list, Replaced: len(before)}
	rows := ledger.NewID().String()
	acts := []act{
		{stream: offered.ID, source: "offered", puts: []Put{{Record: offered.ID, Kind: encodingKind, Fields: casefile.Fields{"rows": {strconv.Itoa(list.File.Rows)}, "data": data}}}},
		{stream: rows, source: "offered", puts: []Put{{Record: rows, Kind: encodingRowsKind, Fields: casefile.Fields{"encoding": {offered.ID}, "case": cases}}}},
	}
	for _, e := range before {
		acts = append(acts, e.withdraw("offered anew")...)
	}
	if err := r.write(ctx, s, acts); err != nil {
		return OfferedEncoding{}, err
	}
	return offered, r.audit(ctx, &line{act: actExchange, what: "common", by: s.Keys.Identity, n: list.File.Rows})
}

// WithdrawEncodings withdraws what the member's organisations have offered. The
// other nodes, and the relay, let go of the keys when they take the entry in that
// says so: what they hold can't be opened any more. It answers how many lists.
func (r *Registry) WithdrawEncodings(ctx context.Context, s *access.Session, reason string) (_ int, err error) {
	defer r.refusal(ctx, s, "common", "", &err)
	switch {
	case !r.MayEncode(s):
		return 0, ErrNotAllowed
	case r.coalition == nil:
		return 0, ErrNoCoalition
	case strings.TrimSpace(reason) == "":
		return 0, ErrReason
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	all, err := r.ownEncodings(ctx)
	if err != nil {
		return 0, err
	}
	var acts []act
	n := 0
	for _, e := range all {
		if r.hasOffered(s, e) {
			acts = append(acts, e.withdraw(reason)...)
			n++
		}
	}
	if err := r.write(ctx, s, acts); err != nil {
		return 0, err
	}
	return n, r.audit(ctx, &line{act: actExchange, what: "common", by: s.Keys.Identity, n: n})
}

// ownEncoding is a list that this node offers.
type ownEncoding struct {
	encoding, rows *casefile.Record
	cases          []string // of each row
}

func (e ownEncoding) withdraw(reason string) []act {
	return []act{
		{stream: e.encoding.ID, withdraws: []Put{{Record: e.encoding.ID, Kind: encodingKind}}, reason: reason, source: "withdrawn"},
		{stream: e.rows.ID, withdraws: []Put{{Record: e.rows.ID, Kind: encodingRowsKind}}, reason: reason, source: "withdrawn"},
	}
}

// hasOffered tells whether a list is of a member's organisations: of what is
// gone nobody asks whose it was.
func (r *Registry) hasOffered(s *access.Session, e ownEncoding) bool {
	return !slices.ContainsFunc(e.cases, func(id string) bool {
		t, ok := r.thing(id)
		return ok && !slices.Contains(s.Member.Orgs, t.Org)
	})
}

// ownEncodings are the lists that this node offers.
func (r *Registry) ownEncodings(ctx context.Context) ([]ownEncoding, error) {
	encodings, err := r.index.Outside(ctx, encodingKind, allKnown)
	if err != nil {
		return nil, err
	}
	rows, err := r.index.Outside(ctx, encodingRowsKind, allKnown)
	if err != nil {
		return nil, err
	}
	var own []ownEncoding
	for _, e := range encodings {
		if r.from(authorOf(e)) != "" {
			continue
		}
		for _, rec := range rows {
			if first(rec.Fields["encoding"]) == e.ID {
				own = append(own, ownEncoding{encoding: e, rows: rec, cases: rec.Fields["case"]})
			}
		}
	}
	return own, nil
}

// authorOf is the id of who wrote a record; zero where that is none.
func authorOf(rec *casefile.Record) ledger.ID {
	id, err := ledger.ParseID(rec.Author)
	if err != nil {
		return ledger.ID{}
	}
	return id
}

// rowsOf are the rows of an encoded list.
func rowsOf(rec *casefile.Record) (*encoded.File, error) {
	var b []byte
	for _, text := range rec.Fields["data"] {
		piece, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, encoded.ErrNotEncoded
		}
		b = append(b, piece...)
	}
	return encoded.ReadFile(bytes.NewReader(b))
}

// CommonCases compares the rows that this node offers with those of the others,
// from a likeness on, and tells what was proposed by whom. The others learn
// nothing of it.
func (r *Registry) CommonCases(ctx context.Context, s *access.Session, likeness float64) (_ CommonCases, err error) {
	defer r.refusal(ctx, s, "common", "", &err)
	if err := r.mayMatchAbroad(s); err != nil {
		return CommonCases{}, err
	}
	if err := r.abreast(ctx); err != nil {
		return CommonCases{}, err
	}
	c, err := r.abroad(ctx, s)
	if err != nil {
		return CommonCases{}, err
	}
	out := CommonCases{Encodings: c.views}
	if out.Asked, out.Proposed, err = c.proposals(ctx); err != nil {
		return CommonCases{}, err
	}
	if out.Found, err = c.compare(ctx, likeness); err != nil {
		return CommonCases{}, err
	}
	var shown []Row
	for _, p := range out.Found {
		shown = append(shown, p.Case)
	}
	for _, p := range append(slices.Clone(out.Asked), out.Proposed...) {
		shown = append(shown, p.Ours, p.Theirs)
	}
	return out, r.readsIdentity(ctx, s, actList, "common", r.whole(s, shown...)...)
}

// abroadRows is what there is to be compared, as a member may see it.
type abroadRows struct {
	r         *Registry
	see       index.See
	own       []ownEncoding
	files     map[string]*encoded.File // by the id of the encoding
	others    []*casefile.Record
	common    []*casefile.Record
	decisions []MatchDecision
	on        map[string]MatchDecision // by the proposal that they answer
	views     []EncodingView
}

func (r *Registry) abroad(ctx context.Context, s *access.Session) (*abroadRows, error) {
	c := &abroadRows{r: r, see: r.see(s.Member), files: map[string]*encoded.File{}, on: map[string]MatchDecision{}}
	var err error
	if c.own, err = r.ownEncodings(ctx); err != nil {
		return nil, err
	}
	if c.common, err = r.index.Outside(ctx, commonKind, allKnown); err != nil {
		return nil, err
	}
	all, err := r.index.Outside(ctx, encodingKind, allKnown)
	if err != nil {
		return nil, err
	}
	for _, rec := range all {
		if r.from(authorOf(rec)) != "" {
			c.others = append(c.others, rec)
		}
		if c.files[rec.ID], err = rowsOf(rec); err != nil { // another node's program made it so: it is compared with nothing
			delete(c.files, rec.ID)
		}
	}
	if c.decisions, err = r.decisions(ctx, c.see); err != nil {
		return nil, err
	}
	for _, d := range c.decisions {
		if d.Common != "" {
			c.on[d.Common] = d
		}
	}
	for _, rec := range all {
		v := EncodingView{ID: rec.ID, Node: r.partnerName(r.from(authorOf(rec))), At: rec.At}
		v.Rows, _ = strconv.Atoi(first(rec.Fields["rows"]))
		v.Comparable = v.Node != "" && slices.ContainsFunc(c.own, func(o ownEncoding) bool { return c.comparable(o, rec.ID) })
		c.views = append(c.views, v)
	}
	return c, nil
}

// partnerName is what another node is called here.
func (r *Registry) partnerName(id string) string {
	for node, p := range r.met() {
		if node.String() == id {
			return p.card.Name
		}
	}
	return ""
}

func (c *abroadRows) comparable(own ownEncoding, other string) bool {
	a, b := c.files[own.encoding.ID], c.files[other]
	return a != nil && b != nil && encoded.Comparable(a, b) == nil && len(own.cases) == a.Rows
}

// rows are the rows of cases, as far as the member may know of them.
func (c *abroadRows) rows(ctx context.Context, ids []string) (map[string]Row, error) {
	found, err := c.r.index.Rows(ctx, ids, Clock{AsOf: c.r.Today()}, c.see)
	rows := map[string]Row{}
	for _, row := range found {
		rows[row.ID] = row
	}
	return rows, err
}

// compare finds pairs of a case here and a row of another node: for each row the
// one that is most alike.
func (c *abroadRows) compare(ctx context.Context, likeness float64) ([]CommonPair, error) {
	if len(c.own) == 0 {
		return nil, nil
	}
	asked := map[[2]string]bool{} // a case, and encoding and row
	for _, rec := range c.common {
		asked[[2]string{first(rec.Fields["a"]), first(rec.Fields["encoding"]) + "/" + first(rec.Fields["row"])}] = true
	}
	// Decided pairs are known by their cases; the row of the other's case is not, but
	// one's own case that is joined with one of that node has its answer.
	answered := map[[2]string]bool{} // a case here, and a node
	for _, d := range c.decisions {
		for _, pair := range [][2]string{{d.A, d.B}, {d.B, d.A}} {
			if node := c.r.nodeOfCase(pair[1]); node != "" && d.Verdict == Same {
				answered[[2]string{pair[0], node}] = true
			}
		}
	}
	var pairs []CommonPair
	var ids []string
	for _, own := range c.own {
		for _, other := range c.others {
			if !c.comparable(own, other.ID) {
				continue
			}
			joined, err := encoded.Join(ctx, []*encoded.File{c.files[own.encoding.ID], c.files[other.ID]}, likeness, runtime.GOMAXPROCS(0))
			if err != nil {
				return nil, err
			}
			node := c.r.from(authorOf(other))
			for _, m := range joined.Matches {
				id := own.cases[m.A.Row]
				if c.see(id) == index.Nothing || answered[[2]string{id, node}] || asked[[2]string{id, other.ID + "/" + strconv.Itoa(m.B.Row)}] {
					continue
				}
				ids = append(ids, id)
				pairs = append(pairs, CommonPair{Case: Row{ID: id}, Node: c.r.partnerName(node), Encoding: other.ID, Row: m.B.Row, Likeness: m.Similarity})
			}
		}
	}
	rows, err := c.rows(ctx, ids)
	if err != nil {
		return nil, err
	}
	pairs = slices.DeleteFunc(pairs, func(p CommonPair) bool { return rows[p.Case.ID].ID == "" }) // erased meanwhile
	for i := range pairs {
		pairs[i].Case = rows[pairs[i].Case.ID]
	}
	slices.SortStableFunc(pairs, func(a, b CommonPair) int {
		return cmp.Or(cmp.Compare(b.Likeness, a.Likeness), cmp.Compare(a.Case.Number, b.Case.Number))
	})
	return pairs, nil
}

// nodeOfCase is the node of another organisation that a case is of; empty: it is of this one.
func (r *Registry) nodeOfCase(id string) string {
	t, ok := r.thing(id)
	if !ok {
		return ""
	}
	if o := r.roll().org(t.Org); o != nil {
		return o.Node
	}
	return ""
}

// proposals are those that others have made to this node, and its own.
func (c *abroadRows) proposals(ctx context.Context) (asked, proposed []CommonProposal, err error) {
	var ids []string
	for _, rec := range c.common {
		p := CommonProposal{ID: rec.ID, At: rec.At}
		p.Likeness, _ = strconv.ParseFloat(first(rec.Fields["likeness"]), 64)
		if d, there := c.on[rec.ID]; there {
			p.Decision = &d
		}
		a := first(rec.Fields["a"])
		from := c.r.from(authorOf(rec))
		if from == "" {
			p.Node, p.Ours.ID = c.r.partnerName(first(rec.Fields["node"])), a
			p.Stale = p.Decision == nil && !slices.ContainsFunc(c.others, func(e *casefile.Record) bool { return e.ID == first(rec.Fields["encoding"]) })
			if p.Decision != nil {
				p.Theirs.ID = otherOf(*p.Decision, a)
			}
			proposed = append(proposed, p)
		} else {
			p.Node, p.Theirs.ID = c.r.partnerName(from), a
			if p.Decision != nil {
				p.Ours.ID = otherOf(*p.Decision, a)
			} else {
				p.Ours.ID = c.caseOf(rec)
			}
			p.Stale = p.Ours.ID == ""
			asked = append(asked, p)
		}
		ids = append(ids, p.Ours.ID, p.Theirs.ID)
	}
	rows, err := c.rows(ctx, slices.DeleteFunc(ids, func(id string) bool { return id == "" }))
	if err != nil {
		return nil, nil, err
	}
	for _, list := range [][]CommonProposal{asked, proposed} {
		for i := range list {
			p := &list[i]
			theirs := p.Theirs.ID != ""
			p.Ours, p.Theirs = rows[p.Ours.ID], rows[p.Theirs.ID]
			p.Stale = p.Stale || p.Ours.ID == "" || theirs && p.Theirs.ID == ""
		}
	}
	return asked, proposed, nil
}

func otherOf(d MatchDecision, id string) string {
	if d.A == id {
		return d.B
	}
	return d.A
}

// caseOf is the case here of the row that a proposal names; empty: the row is not
// offered any more.
func (c *abroadRows) caseOf(proposal *casefile.Record) string {
	row, err := strconv.Atoi(first(proposal.Fields["row"]))
	for _, own := range c.own {
		if own.encoding.ID == first(proposal.Fields["encoding"]) && err == nil && row >= 0 && row < len(own.cases) {
			return own.cases[row]
		}
	}
	return ""
}

// ProposeCommon says to another node that a case here is the same person as a row
// of its encoded list. That node alone learns it, and which case here it is.
func (r *Registry) ProposeCommon(ctx context.Context, s *access.Session, caseID, encoding string, row int, reason string) (_ string, err error) {
	defer r.refusal(ctx, s, "common", caseID, &err)
	if err := r.mayMatchAbroad(s); err != nil {
		return "", err
	}
	ours, err := r.row(ctx, s, caseID, Clock{AsOf: r.Today()})
	if err != nil {
		return "", err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	c, err := r.abroad(ctx, s)
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(c.others, func(e *casefile.Record) bool { return e.ID == encoding })
	if at < 0 {
		return "", ErrEncodingGone
	}
	own, i := c.rowOf(ours.ID, encoding)
	theirs := c.files[encoding]
	switch {
	case i < 0:
		return "", ErrNoEncoding
	case row < 0 || row >= theirs.Rows:
		return "", ErrNotFound
	}
	for _, rec := range c.common {
		if first(rec.Fields["a"]) == ours.ID && first(rec.Fields["encoding"]) == encoding && first(rec.Fields["row"]) == strconv.Itoa(row) {
			return "", ErrProposed
		}
	}
	likeness := encoded.Dice(c.files[own.encoding.ID].Filter(i), theirs.Filter(row))
	id := ledger.NewID().String()
	err = r.write(ctx, s, []act{{stream: id, reason: reason, source: "proposed", puts: []Put{{Record: id, Kind: commonKind, Fields: casefile.Fields{
		"a": {ours.ID}, "node": {r.from(authorOf(c.others[at]))}, "encoding": {encoding}, "row": {strconv.Itoa(row)},
		"likeness": {strconv.FormatFloat(likeness, 'f', 4, 64)}, "date": {r.Today().String()},
	}}}}})
	if err != nil {
		return "", err
	}
	return id, r.audit(ctx, &line{act: actExchange, what: "common", by: s.Keys.Identity, cases: []string{ours.ID}, n: 1})
}

// rowOf is the list with a case in it that can be compared with another, and its row; -1: none.
func (c *abroadRows) rowOf(id, other string) (ownEncoding, int) {
	for _, own := range c.own {
		if i := slices.Index(own.cases, id); i >= 0 && c.comparable(own, other) {
			return own, i
		}
	}
	return ownEncoding{}, -1
}

// AnswerCommon decides what another node has proposed, and answers the id of the
// decision: it is one on two cases as any other, and all who count with them are told.
func (r *Registry) AnswerCommon(ctx context.Context, s *access.Session, proposal string, verdict Verdict, reason string) (_ string, err error) {
	defer r.refusal(ctx, s, "common", "", &err)
	if err := r.mayMatchAbroad(s); err != nil {
		return "", err
	}
	c, err := r.abroad(ctx, s)
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(c.common, func(rec *casefile.Record) bool { return rec.ID == proposal && r.from(authorOf(rec)) != "" })
	if at < 0 {
		return "", ErrNotFound
	}
	ours := c.caseOf(c.common[at])
	if ours == "" {
		return "", ErrEncodingGone
	}
	d := Decision{A: first(c.common[at].Fields["a"]), B: ours, Verdict: verdict, Reason: reason, Common: proposal}
	ids, err := r.decide(ctx, s, []Decision{d}, "person")
	if err != nil {
		return "", err
	}
	return ids[0], r.audit(ctx, &line{act: actExchange, what: "common", by: s.Keys.Identity, cases: []string{ours}, n: 1})
}

// retireEncodings withdraws lists with a case in them that may not be shared any
// more: it was erased, hidden or taken out, or the person has taken their word
// back. streams are those that changed. The caller holds r.writing.
func (r *Registry) retireEncodings(ctx context.Context, streams []ledger.ID) error {
	own, err := r.ownEncodings(ctx)
	if err != nil || len(own) == 0 {
		return err
	}
	var acts []act
	for _, e := range own {
		in := map[string]bool{}
		for _, id := range e.cases {
			in[id] = true
		}
		for _, stream := range streams {
			if !in[stream.String()] {
				continue
			}
			shared, err := r.stillShared(ctx, stream.String())
			if err != nil {
				return err
			}
			if !shared {
				acts = append(acts, e.withdraw("a case in it is not shared any more")...)
				break
			}
		}
	}
	return r.write(ctx, r.asNode(), acts)
}

// stillShared tells whether a case that was encoded may be among the encoded still.
func (r *Registry) stillShared(ctx context.Context, id string) (bool, error) {
	t, ok := r.thing(id)
	if !ok || !t.Counts || t.Restricted || r.nodeOfCase(id) != "" || r.handedTo(id) != "" {
		return false, nil
	}
	file, err := r.fromLedger(ctx, id)
	if err != nil {
		return false, fmt.Errorf("a case among the encoded: %w", err)
	}
	return len(file.Of("case")) > 0 && len(file.Of(kindErasure)) == 0 && !r.refusesCoalition(file), nil
}
