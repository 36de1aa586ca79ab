// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/statement"
)

// publicKind is the kind of the record that says whether there is a public page.
const publicKind = "public_page"

// What somebody who switches the public page on can be told.
var (
	ErrPublicName    = errors.New("the public page needs to say who publishes: give a name of at most 160 letters")
	ErrPublicAddress = errors.New("the address of the public page begins with https:// or http:// and a host")
)

// PublicPage is what an installation has decided about its public page. There
// is none until somebody wants one.
type PublicPage struct {
	On      bool
	Name    string // who publishes, as readers know them
	Address string // where the page is reached, as https://kua.example/; may be empty
}

// PublicStatement is a published statement as everybody may have it.
type PublicStatement struct {
	ID                    string
	Text                  StatementText
	Filling               statement.Filling
	Manifest              []byte
	Published             time.Time
	Corrects, CorrectedBy string
	Verified              map[string]bool // by the figure's id in the manifest: counted again at its own clocks it is what was published
	Withheld              bool            // somebody it tells of no longer agrees, or is in danger by it
}

// PublicSite is all that stands on the public page.
type PublicSite struct {
	PublicPage
	Register   string // the ledger's id
	Key        string // that verifies the manifests
	Day        edtf.Day
	Statements []PublicStatement // the last first
}

// mayPublic tells whether a member decides about the public page.
func mayPublic(s *access.Session) bool {
	return access.Decide(s.Member, access.Publish, access.Thing{}) || access.Decide(s.Member, access.Administer, access.Thing{})
}

// PublicPage is what was decided about the public page, and whether the member may decide otherwise.
func (r *Registry) PublicPage(ctx context.Context, s *access.Session) (_ PublicPage, may bool, err error) {
	defer r.refusal(ctx, s, "statement", "", &err)
	may = mayPublic(s)
	if !may && !access.Decide(s.Member, access.WriteText, access.Thing{}) {
		return PublicPage{}, false, ErrNotAllowed
	}
	page, _, err := r.publicPage(ctx)
	return page, may, err
}

func (r *Registry) publicPage(ctx context.Context) (PublicPage, string, error) {
	records, err := r.index.Outside(ctx, publicKind, allKnown)
	if err != nil || len(records) == 0 {
		return PublicPage{}, "", err
	}
	rec := records[0]
	return PublicPage{On: rec.Get("on") == "yes", Name: rec.Get("name"), Address: rec.Get("address")}, rec.ID, nil
}

// SetPublicPage switches the public page on or off. What was published then
// lies in the open on the disk of the register, or no longer.
func (r *Registry) SetPublicPage(ctx context.Context, s *access.Session, p PublicPage) (err error) {
	defer r.refusal(ctx, s, "statement", "", &err)
	if !mayPublic(s) {
		return ErrNotAllowed
	}
	if !r.sessions.Fresh(s) {
		return ErrProof
	}
	p.Name, p.Address = strings.TrimSpace(p.Name), strings.TrimSpace(p.Address)
	if p.On && p.Name == "" || utf8.RuneCountInString(p.Name) > 160 {
		return ErrPublicName
	}
	if p.Address != "" {
		if u, err := url.Parse(p.Address); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || len(p.Address) > 200 {
			return ErrPublicAddress
		}
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	_, id, err := r.publicPage(ctx)
	if err != nil {
		return err
	}
	if id == "" {
		id = ledger.NewID().String()
	}
	fields := casefile.Fields{"on": {"no"}}
	if p.On {
		fields["on"] = []string{"yes"}
	}
	for name, value := range map[string]string{"name": p.Name, "address": p.Address} {
		if value != "" {
			fields[name] = []string{value}
		}
	}
	return r.write(ctx, s, []act{{stream: id, puts: []Put{{Record: id, Kind: publicKind, Fields: fields}}}})
}

// PublicSite is what stands on the public page today: every published
// statement with what was frozen, each figure counted again at its own clocks.
// Nothing of a case is in it but what was published. Without a public page
// there is nothing in it.
func (r *Registry) PublicSite(ctx context.Context) (PublicSite, error) {
	page, _, err := r.publicPage(ctx)
	if err != nil || !page.On {
		return PublicSite{PublicPage: page}, err
	}
	key, err := r.statementKey()
	if err != nil {
		return PublicSite{}, err
	}
	site := PublicSite{PublicPage: page, Register: r.log.ID().String(), Key: key, Day: r.Today()}
	released, err := r.releases(ctx)
	if err != nil {
		return PublicSite{}, err
	}
	records, err := r.index.Outside(ctx, statementKind, allKnown)
	if err != nil {
		return PublicSite{}, err
	}
	for _, rec := range records {
		out, ok := released[rec.ID]
		if !ok {
			continue
		}
		one, err := r.publicStatement(ctx, statementOf(rec), out)
		if err != nil {
			return PublicSite{}, err
		}
		site.Statements = append(site.Statements, one)
	}
	for i := range site.Statements {
		for _, other := range site.Statements {
			if other.Corrects == site.Statements[i].ID {
				site.Statements[i].CorrectedBy = other.ID
			}
		}
	}
	slices.SortStableFunc(site.Statements, func(a, b PublicStatement) int { return b.Published.Compare(a.Published) })
	return site, nil
}

func (r *Registry) publicStatement(ctx context.Context, t StatementText, out release) (PublicStatement, error) {
	m, err := statement.Peek(out.manifest)
	if err != nil {
		return PublicStatement{}, err
	}
	one := PublicStatement{ID: out.statement, Text: t, Manifest: out.manifest, Published: m.Published, Corrects: m.Corrects, Verified: map[string]bool{}}
	if one.Withheld, err = r.withheld(ctx, t); err != nil {
		return one, err
	}
	if one.Filling, err = m.Filling(r.facetsOf, r.FigureSet); err != nil {
		return one, err
	}
	one.Filling.Settings.AsOf, one.Filling.Settings.KnownBy = t.AsOf, m.KnownBy
	salt, err := hex.DecodeString(out.salt)
	if err != nil {
		return one, err
	}
	nobody := func(string) index.Sight { return index.Nothing }
	for _, f := range m.Figures {
		v, err := r.verdict(ctx, nobody, f, salt, 0)
		if err != nil {
			return one, err
		}
		one.Verified[f.ID] = v.Definition && (v.State == FigureSame || v.State == FigureChanged)
	}
	return one, nil
}

// withheld tells whether a published text has a passage about somebody that
// would not be published today.
func (r *Registry) withheld(ctx context.Context, t StatementText) (bool, error) {
	for _, lang := range statement.Languages() {
		text, err := statement.Parse(t.Texts[lang])
		if err != nil {
			continue // it was read when it was published
		}
		for _, cover := range text.Covers() {
			file, err := r.coveredCase(ctx, cover.Case)
			if errors.Is(err, ErrNotFound) {
				return true, nil // erased, or withdrawn: nobody can say that they agree
			}
			if err != nil {
				return true, err
			}
			if kind, _ := consentFor(file, purposes(cover.Kind), cover.Person, r.Today()); kind != "" || riskOf(file) > riskLimit {
				return true, nil
			}
		}
	}
	return false, nil
}

// coveredCase is the case that a text names, by whatever it names it.
func (r *Registry) coveredCase(ctx context.Context, name string) (*casefile.Case, error) {
	file, err := r.index.Case(ctx, name, allKnown)
	if err == nil || !errors.Is(err, index.ErrNotFound) {
		return file, err
	}
	page, err := r.index.Cases(ctx, Query{Text: name, Clock: r.clock(Clock{}), Limit: 200}) // of all, whoever asks: nothing of it is told
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(page.Rows, func(row Row) bool { return row.Number == name || row.ExternalID == name })
	if i < 0 || name == "" {
		return nil, ErrNotFound
	}
	file, err = r.index.Case(ctx, page.Rows[i].ID, allKnown)
	return file, notFound(err)
}

// PublicStamp is another when the public page would be another: on another day,
// after a publication, when a consent was withdrawn.
func (r *Registry) PublicStamp(ctx context.Context) (string, error) {
	page, _, err := r.publicPage(ctx)
	if err != nil || !page.On {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%q\n%q\n", r.Today(), page.Name, page.Address)
	released, err := r.releases(ctx)
	if err != nil {
		return "", err
	}
	records, err := r.index.Outside(ctx, statementKind, allKnown)
	if err != nil {
		return "", err
	}
	for _, rec := range records {
		if _, ok := released[rec.ID]; !ok {
			continue
		}
		withheld, err := r.withheld(ctx, statementOf(rec))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %v\n", rec.ID, withheld)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
