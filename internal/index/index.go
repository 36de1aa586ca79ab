// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/rules"
)

// ErrUnusable is wrapped by every error that says the index can't be used and
// must be removed and rebuilt: a wrong key, damage, another schema, another codebook.
var ErrUnusable = errors.New("the index can't be used and must be rebuilt from the ledger")

// ErrNotFound says that no such case is known (at that moment).
var ErrNotFound = errors.New("no such case")

// Coalition is the scope of the figures of all organisations that count together.
const Coalition = "coalition"

// Head is the place in the ledger an index was made from.
// An index never written to has the zero Head.
type Head struct {
	Ledger [16]byte // the ledger's id
	Size   uint64   // entries
	Root   [32]byte // root hash of the tree at that size
}

// Entry is an opened entry of the ledger with its stream (32 hex digits).
type Entry struct {
	Stream string
	casefile.Entry
}

// Act is one act of writing: consecutive entries of one stream with the same At.
type Act struct {
	Entries []Entry
}

// Stats says what the index holds at a clock.
type Stats struct {
	Cases  int            // cases
	Units  int            // clusters: cases of the same person counted once
	ByOrg  map[string]int // organisation → cases
	Latest time.Time      // time of the last entry
}

// Index is an open index. Its methods may be called concurrently.
type Index struct{}

// Open opens the index at path, or makes an empty one where there is none.
// It answers ErrUnusable where the file can't be opened with key, is damaged,
// or was made by another schema, codebook or set of rules.
func Open(ctx context.Context, path string, key [32]byte, book *codebook.Book, set *rules.Set) (*Index, error) {
	return nil, errors.ErrUnsupported
}

// Remove deletes the index at path with its side files. It must not be open.
func Remove(path string) error { return errors.ErrUnsupported }

// Close closes the index.
func (ix *Index) Close() error { return nil }

// Head tells which place in the ledger the index was made from.
func (ix *Index) Head() Head { return Head{} }

// Apply adds acts, in the order of the ledger, and moves to head: all in one
// transaction. Small batches serve a running register, big ones a rebuild.
func (ix *Index) Apply(ctx context.Context, acts []Act, head Head) error {
	return errors.ErrUnsupported
}

// Reset empties the index for a rebuild; its Head is zero afterwards.
func (ix *Index) Reset(ctx context.Context) error { return errors.ErrUnsupported }

// Cases answers a query. AsOf must be set.
func (ix *Index) Cases(ctx context.Context, q Query) (Page, error) {
	return Page{}, errors.ErrUnsupported
}

// Row answers the list row of one case at a clock. AsOf must be set.
func (ix *Index) Row(ctx context.Context, id string, clock Clock) (Row, error) {
	return Row{}, errors.ErrUnsupported
}

// Entries answers the entries of a stream in the order of the ledger.
func (ix *Index) Entries(ctx context.Context, stream string) ([]casefile.Entry, error) {
	return nil, errors.ErrUnsupported
}

// Case folds the file of a case as known by a moment (zero: all).
func (ix *Index) Case(ctx context.Context, id string, knownBy time.Time) (*casefile.Case, error) {
	return nil, errors.ErrUnsupported
}

// Files folds every case as known by a moment (zero: all), in the order of their ids.
func (ix *Index) Files(ctx context.Context, knownBy time.Time) iter.Seq2[*casefile.Case, error] {
	return func(yield func(*casefile.Case, error) bool) {}
}

// Outside answers the live records of a kind outside cases, in the order they were first written.
func (ix *Index) Outside(ctx context.Context, kind string, knownBy time.Time) ([]*casefile.Record, error) {
	return nil, errors.ErrUnsupported
}

// Same answers the ids of all cases of the same person as case id, itself included, in order.
func (ix *Index) Same(ctx context.Context, id string, knownBy time.Time) ([]string, error) {
	return nil, errors.ErrUnsupported
}

// Figures answers figures at a clock in a scope; no ids: all figures of the rules, in their order.
func (ix *Index) Figures(ctx context.Context, clock Clock, scope string, ids []string) ([]FigureValue, error) {
	return nil, errors.ErrUnsupported
}

// RuleCounts answers for each check and deadline in how many cases of orgs
// (nil: all) it is breached or overdue at a clock. Rules without a case are absent.
func (ix *Index) RuleCounts(ctx context.Context, clock Clock, orgs []string) (map[string]int, error) {
	return nil, errors.ErrUnsupported
}

// ExternalIDs answers the cases of an organisation by the number it gave them itself.
func (ix *Index) ExternalIDs(ctx context.Context, org string) (map[string]string, error) {
	return nil, errors.ErrUnsupported
}

// Stats answers what the index holds as known by a moment (zero: all).
func (ix *Index) Stats(ctx context.Context, knownBy time.Time) (Stats, error) {
	return Stats{}, errors.ErrUnsupported
}

var _ = edtf.MinDay
