// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"filippo.io/age"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/dossier"
	"github.com/kua-registry/kua/internal/registry"
)

// bundleRegister is what the page of bundles asks of the registry.
type bundleRegister interface {
	PlanBundle(ctx context.Context, s *access.Session, q registry.BundleQuery) (registry.BundlePlan, error)
	Bundle(ctx context.Context, s *access.Session, q registry.BundleQuery) (dossier.Bundle, error)
	Bundles(ctx context.Context, s *access.Session, caseID string) ([]registry.BundleView, error)
}

func (s *server) bundleRoutes() []route {
	return []route{
		{"GET /cases/{id}/bundle", s.signed(s.bundlePage)},
		{"POST /cases/{id}/bundle", s.signed(s.makeBundle)},
	}
}

type bundleBody struct {
	Number, Back, Action string
	Readers, Langs       []option
	Problem              string
	Chosen               bool // for whom it is: the rest is shown
	For, In              string
	Refused              bool
	Names                bool
	Limits               []string
	Facts                []fact
	Forms, Gaps          []string
	Files                []bundleFileView
	Whom, Reason, Keys   string
	Seal                 string
	Proved               bool
	Past                 []bundlePast
}

type bundleFileView struct {
	ID, Name, Line string
	In, Missing    bool
}

type bundlePast struct{ When, Line, To, Reason string }

// bundleAsked reads what a form asks for.
func (v *visit) bundleAsked() (registry.BundleQuery, error) {
	if err := v.r.ParseForm(); err != nil {
		return registry.BundleQuery{}, errBadRequest
	}
	q := registry.BundleQuery{Cases: []string{v.r.PathValue("id")}, For: v.r.Form.Get("for"), Lang: v.r.Form.Get("in")}
	if !slices.Contains(custodyLangs, q.Lang) {
		q.Lang = v.Code()
	}
	return q, nil
}

// bundlePage says what a bundle would hold before it is made.
func (s *server) bundlePage(v *visit) error {
	q, err := v.bundleAsked()
	if err != nil {
		return err
	}
	return s.showBundle(v, q, "")
}

func (s *server) showBundle(v *visit, q registry.BundleQuery, problem string) error {
	file, err := s.reg.Case(v.r.Context(), v.session, v.r.PathValue("id"), registry.Clock{})
	if err != nil {
		return err
	}
	if !file.MayHandOver {
		return registry.ErrNotAllowed
	}
	form := v.r.PostForm // empty where nothing was sent
	body := bundleBody{
		Number: file.Row.Number, Back: casePath(file.Row), Action: casePath(file.Row) + "/bundle", Problem: problem, For: q.For, In: q.Lang,
		Whom: form.Get("whom"), Reason: form.Get("reason"), Keys: form.Get("keys"), Seal: form.Get("seal"),
	}
	if list, ok := v.book.List("bundle_for"); ok {
		for _, c := range list.Codes {
			body.Readers = append(body.Readers, option{c.Code, v.in(c.Label), c.Code == q.For})
			body.Chosen = body.Chosen || c.Code == q.For
		}
	}
	for _, code := range custodyLangs {
		body.Langs = append(body.Langs, option{code, v.T("custody.in." + code), code == q.Lang})
	}
	if body.Chosen {
		// What is left out is told here in the language of the page.
		ask := q
		ask.Lang = v.Code()
		plan, err := s.reg.PlanBundle(v.r.Context(), v.session, ask)
		if err != nil {
			return err
		}
		v.planned(&body, plan, v.r.Method == http.MethodPost)
	}
	past, err := s.reg.Bundles(v.r.Context(), v.session, file.Row.ID)
	if err != nil {
		return err
	}
	for _, b := range past {
		line := join([]string{v.label("bundle_for", b.For), v.label("bundle_sealed", b.Sealed), b.By})
		if b.Names {
			line = join([]string{line, v.T("bundle.past.names")})
		}
		if b.Files > 0 {
			line = join([]string{line, v.N("bundle.past.files", b.Files)})
		}
		body.Past = append(body.Past, bundlePast{v.moment(b.At), line, b.To, b.Reason})
	}
	return s.show(v, "bundle", file.Row.Number+" · "+v.T("bundle.title"), body)
}

// planned puts into the page what a bundle would hold.
func (v *visit) planned(body *bundleBody, plan registry.BundlePlan, sent bool) {
	var events, things, people, unnamed int
	for _, c := range plan.Cases {
		body.Refused = body.Refused || c.Refused
		body.Names = body.Names || c.Names
		body.Limits = append(body.Limits, c.Limits...)
		events, things, people, unnamed = events+c.Events, things+c.Things, people+c.People, unnamed+c.Unnamed
	}
	in := 0
	for _, f := range plan.Files {
		view := bundleFileView{ID: f.ID, Name: f.Name, In: f.In, Missing: f.Missing}
		if view.Name == "" {
			view.Name = v.kind("file") + " " + short(f.ID)
		}
		form := ""
		if f.Form != "" {
			form = v.label("file_form", f.Form)
		}
		view.Line = join([]string{f.Thing, form, f.Media, v.Unit("byte", int(f.Bytes))})
		if sent {
			view.In = slices.Contains(v.r.PostForm["file"], f.ID)
		}
		if f.In {
			in++
		}
		if body.Names {
			body.Files = append(body.Files, view)
		}
	}
	attested := v.T("bundle.unattested")
	if !plan.Stamped.IsZero() {
		attested = v.T("bundle.attested", v.moment(plan.Stamped))
	}
	body.Facts = []fact{
		{Label: v.T("bundle.events"), Text: v.Number(events)},
		{Label: v.T("bundle.people"), Text: v.T("bundle.people.of", people-unnamed, people)},
		{Label: v.T("bundle.exhibits"), Text: join([]string{v.Number(in), v.Unit("byte", int(plan.Bytes))})},
		{Label: v.T("bundle.things"), Text: v.Number(things)},
		{Label: v.T("bundle.entries"), Text: v.Number(plan.Entries)},
		{Label: v.T("bundle.stamps"), Text: attested},
	}
	body.Forms, body.Proved = plan.Forms, plan.Proved
	for _, g := range plan.Gaps {
		body.Gaps = append(body.Gaps, g.Text)
	}
}

// makeBundle makes a bundle and hands it out as it is written: nothing of it is
// ever on the disk of the register in the clear.
func (s *server) makeBundle(v *visit) error {
	q, err := v.bundleAsked()
	if err != nil {
		return err
	}
	form := v.r.PostForm
	q.Files, q.To, q.Reason, q.Sealed = append([]string{}, form["file"]...), form.Get("whom"), form.Get("reason"), form.Get("seal")
	again := func(problem string) error {
		v.status = http.StatusUnprocessableEntity
		return s.showBundle(v, q, problem)
	}
	var to []age.Recipient
	var weak *access.WeakError
	switch q.Sealed {
	case registry.SealedToKey:
		to, err = dossier.Recipients(form.Get("keys"))
		if err != nil {
			return again(v.T("bundle.problem.key"))
		}
	case registry.SealedToPassphrase:
		secret := strings.TrimSpace(form.Get("secret"))
		if secret == "" {
			return again(v.T("bundle.problem.secret"))
		}
		if errors.As(access.CheckPassphrase(secret), &weak) {
			return again(v.T("bundle.problem." + weak.Why))
		}
		one, err := dossier.Passphrase(secret)
		if err != nil {
			return err
		}
		to = []age.Recipient{one}
	case registry.SealedOpen:
	default:
		return again(v.T("bundle.problem.seal"))
	}
	b, err := s.reg.Bundle(v.r.Context(), v.session, q)
	var invalid *registry.InvalidError
	switch {
	case errors.Is(err, registry.ErrBundleWords), errors.As(err, &invalid):
		return again(v.T("bundle.problem.words"))
	case errors.Is(err, registry.ErrBundleFor):
		return again(v.T("bundle.problem.for"))
	case errors.Is(err, registry.ErrBundleFile):
		return again(v.T("bundle.problem.file"))
	case errors.Is(err, registry.ErrBundleRefused):
		return again(v.T("bundle.problem.refused"))
	case err != nil:
		return err
	}
	return s.sendBundle(v, b, to)
}

// sendBundle sends a bundle. Its name says nothing of the case.
func (s *server) sendBundle(v *visit, b dossier.Bundle, to []age.Recipient) error {
	name, write := "bundle.age", func(w io.Writer) error { return dossier.Seal(w, b, to...) }
	if len(to) == 0 {
		name, write = "bundle.zip", func(w io.Writer) error { return dossier.Write(w, b) }
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set(headers[0][0], filePolicy)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	if err := write(v.moving()); err != nil {
		s.log.Error("a bundle did not go out whole: 'kua verify --deep' says whether a file was altered", slog.String("type", types(err)))
		panic(http.ErrAbortHandler) // the browser sees that the file is not whole
	}
	return nil
}
