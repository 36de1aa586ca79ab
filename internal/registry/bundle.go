// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/dossier"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
)

// bundleKind is the kind of the record that a bundle leaves. It is written here alone.
const bundleKind = "bundle"

// How a bundle is sealed (list bundle_sealed).
const (
	SealedToKey        = "key"
	SealedToPassphrase = "passphrase"
	SealedOpen         = "open"
)

// MaxBundle is how many cases one bundle can have.
const MaxBundle = 50

// What whoever makes a bundle can be told. Nothing was handed out.
var (
	ErrBundleCases = fmt.Errorf("a bundle is of one case or more, and of %d at most", MaxBundle)
	ErrBundleFor   = errors.New("say whom the bundle is for (court, lawyer, cat, srt or wgad), in which language (en, ru or kk), and how it is sealed")
	ErrBundleWords = errors.New("say to whom the bundle goes, and why")
	ErrBundleFile  = errors.New("one of the files asked for is not in these cases, or is nothing that can be handed out")
	// ErrBundleRefused says that somebody has refused or withdrawn their consent.
	ErrBundleRefused = errors.New("the person has refused this, or taken their consent back: nothing of the case is handed out; 'kua case show' shows the consents")
)

// BundleQuery asks for a bundle.
type BundleQuery struct {
	Cases  []string // ids or numbers
	For    string   // code of list bundle_for
	Lang   string   // of the bundle: en, ru or kk
	Files  []string // ids of those that go along; nil: every original
	To     string   // who gets it, in words
	Reason string   // why, in words
	Sealed string   // code of list bundle_sealed
}

// BundlePlan is what a bundle would hold.
type BundlePlan struct {
	Cases      []BundleCase
	Files      []BundleFile // all that could go along
	Gaps       []dossier.Gap
	Forms      []string // documents filled for whom it is for, by their titles
	Entries    int
	Stamps     int
	Checkpoint uint64    // how many entries it covers
	Stamped    time.Time // when an authority attested it; zero: none has
	Bytes      int64     // of the exhibits
	Proved     bool      // the member has just given their passphrase
}

// BundleCase is one case of a bundle.
type BundleCase struct {
	Row     Row
	Names   bool     // who somebody is leaves with it
	Refused bool     // the person has refused this, or taken their consent back
	Limits  []string // of the consent, in the words in which it was given
	People  int
	Unnamed int // of them, those whose names are left out
	Events  int
	Things  int // evidence that is no file
}

// BundleFile is a file that could go along.
type BundleFile struct {
	FileView
	Number string // of its case
	Thing  string // what it belongs to, in words
	In     bool
}

// BundleView is a bundle that was handed out. Files, To and Reason are empty for
// those who may not read all of its cases whole.
type BundleView struct {
	At         time.Time
	By         string
	For        string
	Sealed     string
	Lang       string
	Names      bool
	Files      int
	To, Reason string
}

// bundlePurpose is the consent (list consent_purpose) that a bundle for
// somebody (list bundle_for) stands under.
func bundlePurpose(of string) string {
	switch of {
	case "court":
		return "litigation"
	case "lawyer":
		return "legal_representation"
	}
	return "un"
}

// PlanBundle says what a bundle would hold, and what is left out and why.
// Nothing is handed out.
func (r *Registry) PlanBundle(ctx context.Context, s *access.Session, q BundleQuery) (_ BundlePlan, err error) {
	defer r.refusal(ctx, s, "bundle", "", &err)
	m, err := r.makeBundle(ctx, s, q)
	if err != nil {
		return BundlePlan{}, err
	}
	m.plan.Proved = r.sessions.Fresh(s)
	if err := r.readsIdentity(ctx, s, actRead, "bundle", r.whole(s, m.rows...)...); err != nil {
		return BundlePlan{}, err
	}
	return m.plan, nil
}

// Bundle makes a bundle. That it is made, by whom, for whom and why, and of
// which cases and files, is written down before it is handed out, in the audit
// and as an act of its own. Its exhibits are read when they are asked for.
func (r *Registry) Bundle(ctx context.Context, s *access.Session, q BundleQuery) (_ dossier.Bundle, err error) {
	defer r.refusal(ctx, s, "bundle", "", &err)
	q.To, q.Reason = strings.Join(strings.Fields(q.To), " "), strings.TrimSpace(q.Reason)
	m, err := r.makeBundle(ctx, s, q)
	if err != nil {
		return dossier.Bundle{}, err
	}
	named, refused := "no", false
	for _, c := range m.plan.Cases {
		refused = refused || c.Refused
		if c.Names {
			named = "yes"
		}
	}
	fields := casefile.Fields{
		"for": {q.For}, "date": {r.Today().String()}, "sealed": {q.Sealed}, "language": {q.Lang}, "names": {named},
		"files": m.files, "to": {q.To}, "reason": {q.Reason},
	}
	ids := make([]string, len(m.rows))
	for i, row := range m.rows {
		ids[i] = row.ID
	}
	fields["case"] = ids
	list, known := r.book.List("bundle_sealed")
	if known {
		_, known = list.Code(q.Sealed)
	}
	switch {
	case refused:
		return dossier.Bundle{}, ErrBundleRefused
	case !known:
		return dossier.Bundle{}, ErrBundleFor
	case q.To == "" || q.Reason == "":
		return dossier.Bundle{}, ErrBundleWords
	case !r.sessions.Fresh(s):
		return dossier.Bundle{}, ErrProof
	}
	if problems := r.book.Validate(bundleKind, fields); len(problems) > 0 {
		return dossier.Bundle{}, &InvalidError{Kind: bundleKind, Problems: problems}
	}
	if err := m.prove(ctx); err != nil {
		return dossier.Bundle{}, err
	}
	if err := r.readsIdentity(ctx, s, actRead, "bundle", r.whole(s, m.rows...)...); err != nil {
		return dossier.Bundle{}, err
	}
	if err := r.audit(ctx, &line{act: actExport, what: "bundle", by: s.Keys.Identity, n: len(ids), cases: ids}); err != nil {
		return dossier.Bundle{}, fmt.Errorf("%w (%w)", ErrUnaudited, err)
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	id := ledger.NewID().String()
	if err := r.write(ctx, s, []act{{stream: id, puts: []Put{{Record: id, Kind: bundleKind, Fields: fields}}}}); err != nil {
		return dossier.Bundle{}, err
	}
	return m.bundle, nil
}

// Bundles are those that were handed out of a case, the newest first.
func (r *Registry) Bundles(ctx context.Context, s *access.Session, caseID string) (_ []BundleView, err error) {
	defer r.refusal(ctx, s, "bundle", caseID, &err)
	row, err := r.row(ctx, s, caseID, r.clock(Clock{}))
	if err != nil {
		return nil, err
	}
	see := r.see(s.Member)
	records, err := r.index.Outside(ctx, bundleKind, allKnown)
	if err != nil {
		return nil, err
	}
	views := []BundleView{}
	for _, rec := range records {
		if !rec.Has("case", row.ID) {
			continue
		}
		v := BundleView{
			At: rec.At, By: nameOf(r.roll(), rec.Author), For: rec.Get("for"), Sealed: rec.Get("sealed"), Lang: rec.Get("language"), Names: rec.Get("names") == "yes",
		}
		// Of several cases together the words and the files are of all of them.
		if !slices.ContainsFunc(rec.Fields["case"], func(id string) bool { return see(id) != index.All }) {
			v.Files, v.To, v.Reason = len(rec.Fields["files"]), rec.Get("to"), rec.Get("reason")
		}
		views = append(views, v)
	}
	slices.Reverse(views)
	return views, nil
}
