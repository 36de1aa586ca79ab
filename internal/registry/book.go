// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/letter"
	"github.com/kua-registry/kua/internal/rules"
	"github.com/kua-registry/kua/packs/kg"
	"github.com/kua-registry/kua/packs/kz"
)

// DefaultPack is the pack of a register that was made without saying one.
const DefaultPack = "kz"

// packKind is the kind of the record that says which pack a register has. The
// ledger has it, so that every machine that opens the ledger and every backup
// has it too; it is written when the register is made and never again.
const packKind = "pack"

func packAct(id string) act {
	record := ledger.NewID().String()
	return act{stream: record, puts: []Put{{Record: record, Kind: packKind, Fields: casefile.Fields{"pack": {id}}}}, source: "made with the register"}
}

// packs are those that ship with the program.
func packs() map[string]fs.FS { return map[string]fs.FS{DefaultPack: kz.Data, "kg": kg.Data} }

// Packs are their ids, in order.
func Packs() []string { return slices.Sorted(maps.Keys(packs())) }

// LoadBook loads the codebook with one of the packs that ship with the program.
func LoadBook(pack string) (*codebook.Book, error) {
	data, ok := packs()[pack]
	if !ok {
		return nil, fmt.Errorf("there is no pack %q in this program: it has %v; a register made with another needs the program that made it, or a newer one", pack, Packs())
	}
	book, err := codebook.Load(codebook.Data, data)
	if err != nil {
		return nil, fmt.Errorf("the codebook is damaged: %w", err)
	}
	return book, nil
}

// Rulebook is the codebook with its checks, deadlines, figures and letters
// compiled. It is read-only and safe for use by several registers at once.
type Rulebook struct {
	book    *codebook.Book
	rules   *rules.Set
	letters func() (*letter.Set, error) // compiled when first asked for
}

// LoadRulebook loads what ships with the program; it takes a fifth of a second,
// so that whoever opens more than one register does it once: see Rulebooks.
func LoadRulebook(pack string) (*Rulebook, error) {
	book, err := LoadBook(pack)
	if err != nil {
		return nil, err
	}
	set, err := rules.Compile(book)
	if err != nil {
		return nil, fmt.Errorf("the rules are damaged: %w", err)
	}
	return &Rulebook{book: book, rules: set, letters: sync.OnceValues(func() (*letter.Set, error) { return letter.Compile(book) })}, nil
}

// Rulebooks gives the rulebook of each pack, loaded when first asked for, by
// LoadRulebook or by what does it with something around it: one at a time.
func Rulebooks(load func(pack string) (*Rulebook, error)) func(pack string) (*Rulebook, error) {
	var mu sync.Mutex
	loaded := map[string]*Rulebook{}
	return func(pack string) (*Rulebook, error) {
		mu.Lock()
		defer mu.Unlock()
		if known := loaded[pack]; known != nil {
			return known, nil
		}
		known, err := load(pack)
		if err == nil {
			loaded[pack] = known
		}
		return known, err
	}
}

// openBook takes the rulebook of the register's pack.
func (r *Registry) openBook(pack string) error {
	if pack == "" {
		pack = DefaultPack
	}
	known, err := r.opt.Rulebook(pack)
	if err != nil {
		return err
	}
	r.book, r.rules, r.letters = known.book, known.rules, known.letters
	return nil
}

// pack is the pack of the register.
func (r *Registry) pack() string {
	r.rights.mu.RLock()
	defer r.rights.mu.RUnlock()
	return cmp.Or(r.rights.pack, DefaultPack)
}

// Book is the codebook of the register.
func (r *Registry) Book() *codebook.Book { return r.book }

// Rules are the compiled checks, deadlines and figures.
func (r *Registry) Rules() *rules.Set { return r.rules }

// Today is the calendar day of the register's place.
func (r *Registry) Today() edtf.Day { return edtf.DayOf(r.now()) }

// RuleLabel is what a check or a deadline is called.
func (r *Registry) RuleLabel(id, lang string) string {
	if def, ok := r.rules.Rule(id); ok {
		return def.Label.In(lang)
	}
	return id
}
