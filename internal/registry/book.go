// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"fmt"
	"sync"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/letter"
	"github.com/kua-registry/kua/internal/rules"
	"github.com/kua-registry/kua/packs/kz"
)

// LoadBook loads the codebook with the packs that ship with the program.
func LoadBook() (*codebook.Book, error) {
	book, err := codebook.Load(codebook.Data, kz.Data)
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
// so that whoever opens more than one register does it once: see Options.
func LoadRulebook() (*Rulebook, error) {
	book, err := LoadBook()
	if err != nil {
		return nil, err
	}
	set, err := rules.Compile(book)
	if err != nil {
		return nil, fmt.Errorf("the rules are damaged: %w", err)
	}
	return &Rulebook{book: book, rules: set, letters: sync.OnceValues(func() (*letter.Set, error) { return letter.Compile(book) })}, nil
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
