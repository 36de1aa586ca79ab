// SPDX-License-Identifier: AGPL-3.0-or-later

package statement

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/kua-registry/kua/internal/codebook"
)

// ManifestFormat is the first word of every manifest: what it is and in which version.
const ManifestFormat = "kua statement manifest 1"

// Manifest is what a published statement is bound to. It is signed as a C2SP
// note whose text is this as JSON (docs/spec/statement.md).
type Manifest struct {
	Format     string          `json:"format"`
	Register   string          `json:"register"`  // the ledger's id
	Statement  string          `json:"statement"` // the statement's id
	Corrects   string          `json:"corrects,omitempty"`
	Published  time.Time       `json:"published"`
	Entries    uint64          `json:"entries"`    // of the ledger that was counted from
	Root       string          `json:"root"`       // the ledger's root hash at that size, hex
	KnownBy    time.Time       `json:"known_by"`   // entries up to that moment, where a figure says nothing else
	Checkpoint string          `json:"checkpoint"` // a signed checkpoint of that size or a later one
	K          int             `json:"k"`          // no cell of a breakdown tells of fewer people
	Least      int             `json:"least"`      // the smallest group that this and all earlier statements tell, or let compute; 0: none
	Accepted   string          `json:"accepted,omitempty"`
	Texts      []TextSum       `json:"texts"`
	Figures    []Frozen        `json:"figures"`
	Outside    []FrozenOutside `json:"outside,omitempty"`
}

// TextSum binds a text to its manifest.
type TextSum struct {
	Lang   string `json:"lang"`
	Title  string `json:"title"`
	SHA256 string `json:"sha256"` // of the text as it was written, hex
}

// Frozen is a figure as it was published.
type Frozen struct {
	ID         string         `json:"id"` // within the manifest: f1, f2, …
	Figure     string         `json:"figure"`
	AsOf       string         `json:"as_of"`
	KnownBy    time.Time      `json:"known_by"`
	Scope      string         `json:"scope"`
	Verified   bool           `json:"verified_only,omitempty"`
	Label      codebook.Label `json:"label"`
	Definition codebook.Label `json:"definition"`
	Expression string         `json:"expression"`
	Source     codebook.Label `json:"source"`
	Unit       codebook.Label `json:"unit"`
	Of         string         `json:"of,omitempty"`
	Value      int            `json:"value"`
	Base       *int           `json:"base,omitempty"`
	By         []string       `json:"by,omitempty"`
	Cells      []FrozenCell   `json:"cells,omitempty"`
	Rest       *FrozenCell    `json:"rest,omitempty"`
	Cases      string         `json:"cases"` // the salted commitment to the cases, hex
}

// FrozenCell is a cell as it was published; no value: it was kept back.
type FrozenCell struct {
	Codes []string `json:"codes,omitempty"`
	Value *int     `json:"value,omitempty"`
}

// FrozenOutside is what somebody else published, as it was cited. By and On are
// how the text asks for it.
type FrozenOutside struct {
	By        string         `json:"by,omitempty"`
	On        string         `json:"on,omitempty"`
	Record    string         `json:"record"`
	Indicator string         `json:"indicator"`
	Value     string         `json:"value"`
	Date      string         `json:"date,omitempty"`
	Publisher codebook.Label `json:"publisher"`
	Kind      string         `json:"kind"` // of source: code of list figure_source
	Says      codebook.Label `json:"says"`
}

// Ask is the question whose answer was frozen.
func (f Frozen) Ask() (Ask, error) {
	d := Directive{Name: "table", What: []string{f.Figure}, Args: map[string]string{"asof": f.AsOf}}
	asks, err := d.asks(Settings{KnownBy: f.KnownBy, Scope: f.Scope}, nil)
	if err != nil {
		return Ask{}, err
	}
	a := asks[0]
	a.Verified, a.By = f.Verified, f.By
	return a, nil
}

// Freeze makes of an answer what is published of it.
func Freeze(id string, a Answer, salt []byte) Frozen {
	f := Frozen{ID: id, Figure: a.Figure, AsOf: a.AsOf.String(), KnownBy: a.KnownBy.UTC(), Scope: a.Scope, Verified: a.Verified,
		Label: a.Label, Definition: a.Help, Expression: a.Expr, Source: a.Norm, Unit: a.Unit, Of: a.Of, Value: a.Value, By: a.By,
		Cases: Commitment(salt, id, a.Units)}
	if a.Base >= 0 {
		f.Base = &a.Base
	}
	if len(a.By) > 0 {
		for _, c := range a.Cells {
			f.Cells = append(f.Cells, freezeCell(c))
		}
		rest := freezeCell(a.Rest)
		f.Rest = &rest
	}
	return f
}

func freezeCell(c Cell) FrozenCell {
	if c.Hidden {
		return FrozenCell{Codes: c.Codes}
	}
	return FrozenCell{c.Codes, &c.Value}
}

// SaltSize is how many random bytes a manifest's commitments are salted with: a
// case's id is not short, but who has a list of them must not be able to try.
const SaltSize = 32

// Commitment binds a figure to its cases without telling them: SHA-256 over a
// heading, the salt, the figure's place, and a line for each unit with the ids
// of its cases and its codes, all in order.
func Commitment(salt []byte, id string, units []Unit) string {
	lines := make([]string, len(units))
	for i, u := range units {
		line := strings.Join(slices.Sorted(slices.Values(u.Cases)), " ")
		for _, codes := range u.Codes {
			line += "\t" + strings.Join(slices.Sorted(slices.Values(codes)), " ")
		}
		if u.Whole {
			line += "\t-"
		}
		lines[i] = line + "\n"
	}
	slices.Sort(lines)
	h := sha256.New()
	fmt.Fprintf(h, "kua statement cases 1\n%x\n%s\n%d\n", salt, id, len(units))
	for _, line := range lines {
		h.Write([]byte(line))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Sum is what binds a text to its manifest.
func Sum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Text is the manifest as the text of a note.
func (m Manifest) Text() (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(m); err != nil {
		return "", err
	}
	return b.String(), nil
}

// What is wrong with a manifest.
var (
	ErrNoManifest = errors.New("this is no manifest of a statement: give the file manifest.txt that stands beside a published statement")
	ErrAltered    = errors.New("the manifest was altered, or another register signed it: what it says can't be relied on")
)

// maxManifest is how long a manifest may be, in bytes.
const maxManifest = 16 << 20

// Open reads a signed manifest. key is the verifier key of the register that
// signed it, in the form of C2SP signed notes.
func Open(signed []byte, key string) (Manifest, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return Manifest{}, fmt.Errorf("the key of the register can't be read: %w", err)
	}
	m, err := Peek(signed)
	if err != nil {
		return Manifest{}, err
	}
	if _, err := note.Open(signed, note.VerifierList(verifier)); err != nil {
		return m, ErrAltered
	}
	return m, nil
}

// Peek reads what a manifest says without asking who signed it.
func Peek(signed []byte) (m Manifest, err error) {
	if len(signed) > maxManifest {
		return m, ErrNoManifest
	}
	text, _, ok := bytes.Cut(signed, []byte("\n\n"))
	if !ok {
		return m, ErrNoManifest
	}
	dec := json.NewDecoder(bytes.NewReader(append(text, '\n')))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil || m.Format != ManifestFormat || dec.More() {
		return Manifest{}, ErrNoManifest
	}
	return m, nil
}

// Freeze makes of what others published what is bound to the manifest.
func (a OutsideAnswer) Freeze() FrozenOutside {
	return FrozenOutside{By: a.By, On: a.On, Record: a.Record, Indicator: a.Indicator, Value: a.Value, Date: a.Date, Publisher: a.Publisher, Kind: a.SourceKind, Says: a.Says}
}

// Filling is what the texts of a published statement are filled with: what was
// frozen, and nothing that was counted since.
func (m Manifest) Filling(facets func(by []string) []Facet, sets func(string) []string) (Filling, error) {
	f := Filling{Sets: sets, Names: map[string]string{}, Settings: Settings{K: m.K}, Entries: m.Entries, Root: m.Root}
	for _, frozen := range m.Figures {
		a, err := frozen.Answer(facets(frozen.By))
		if err != nil {
			return Filling{}, err
		}
		f.Answers = append(f.Answers, a)
		f.Names[a.Key()] = frozen.ID
	}
	for _, o := range m.Outside {
		f.Outside = append(f.Outside, o.answer())
	}
	return f, nil
}

// Answer is a frozen figure as an answer that a text can be filled with. Whom
// it counts it does not say.
func (f Frozen) Answer(facets []Facet) (Answer, error) {
	ask, err := f.Ask()
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Ask: ask, Label: f.Label, Help: f.Definition, Unit: f.Unit, Norm: f.Source, Expr: f.Expression, Value: f.Value, Base: -1, Of: f.Of, Facet: facets}
	if f.Base != nil {
		a.Base = *f.Base
	}
	thaw := func(c FrozenCell) Cell {
		if c.Value == nil {
			return Cell{Codes: c.Codes, Hidden: true}
		}
		return Cell{Codes: c.Codes, Value: *c.Value}
	}
	for _, c := range f.Cells {
		a.Cells = append(a.Cells, thaw(c))
	}
	if f.Rest != nil {
		a.Rest = thaw(*f.Rest)
	}
	return a, nil
}

// Equal tells whether two figures were frozen alike.
func (f Frozen) Equal(o Frozen) bool {
	a, errA := json.Marshal(f)
	b, errB := json.Marshal(o)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// Differences names what another manifest says otherwise: the ids of figures,
// the names of other parts.
func (m Manifest) Differences(o Manifest) (names []string) {
	for _, f := range m.Figures {
		i := slices.IndexFunc(o.Figures, func(g Frozen) bool { return g.ID == f.ID })
		if i < 0 || !f.Equal(o.Figures[i]) {
			names = append(names, f.ID)
		}
	}
	for _, f := range o.Figures {
		if !slices.ContainsFunc(m.Figures, func(g Frozen) bool { return g.ID == f.ID }) {
			names = append(names, f.ID)
		}
	}
	m.Figures, o.Figures = nil, nil
	mine, theirs := m.parts(), o.parts()
	for _, part := range slices.Sorted(maps.Keys(mine)) {
		if !bytes.Equal(mine[part], theirs[part]) {
			names = append(names, part)
		}
	}
	for _, part := range slices.Sorted(maps.Keys(theirs)) {
		if _, ok := mine[part]; !ok {
			names = append(names, part)
		}
	}
	return names
}

// parts are the parts of the manifest by their names.
func (m Manifest) parts() map[string]json.RawMessage {
	parts := map[string]json.RawMessage{}
	if text, err := json.Marshal(m); err == nil {
		_ = json.Unmarshal(text, &parts) // what was just written can be read
	}
	return parts
}

// answer is the inverse of Freeze.
func (o FrozenOutside) answer() OutsideAnswer {
	return OutsideAnswer{OutsideAsk: OutsideAsk{Indicator: o.Indicator, By: o.By, On: o.On}, Record: o.Record, Value: o.Value, Date: o.Date,
		Publisher: o.Publisher, SourceKind: o.Kind, Says: o.Says}
}
