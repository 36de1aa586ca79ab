// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/intake"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/takein"
)

func (s *server) importRoutes() []route {
	return []route{
		{"GET /imports", s.signed(s.importsPage)},
		{"POST /imports", s.signed(s.sendList)},
		{"GET /imports/list", s.signed(s.listPage)},
		{"POST /imports/list", s.signed(s.takeList)},
		{"GET /imports/list/mapping", s.signed(s.listMapping)},
		{"POST /imports/list/mapping", s.signed(s.mapList)},
		{"POST /imports/list/drop", s.signed(s.dropList)},
	}
}

const (
	// importLimit is how many bytes one list may have here, with the files that
	// came with it. Larger ones are for 'kua import'.
	importLimit = 64 << 20
	// mostSent is how many files may come with a list.
	mostSent = 500
	// sentKept is how many bytes of lists wait at once, of all members together.
	sentKept = 4 * importLimit
	// sentFor is for how long a list waits to be taken in.
	sentFor = time.Hour
)

// importLimits are those of a page that somebody waits for: seconds on a small machine.
func importLimits() intake.Limits {
	return intake.Limits{Bytes: importLimit, Unpacked: 128 << 20, Rows: 20_000, Cells: 1_000_000}
}

// sentLists are the lists that were looked at and not yet taken in: one for each
// session, in memory alone, for an hour or until the register locks.
type sentLists struct {
	mu      sync.Mutex
	waiting []*sentList // the oldest first
	reading sync.Mutex  // one is read at a time
}

// sentList is a list that somebody has sent.
type sentList struct {
	token string // of the session
	file  string // its name
	org   string
	sent  *takein.Sent
	drop  *time.Timer

	// by whoever holds reading:
	from takein.From
	list *takein.List
	err  error // why it can't be taken in
}

func (l *sentLists) of(s *access.Session) *sentList {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.waiting, func(w *sentList) bool { return w.token == s.Token() })
	if i < 0 {
		return nil
	}
	return l.waiting[i]
}

// forget drops the list of a session.
func (l *sentLists) forget(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(w *sentList) bool {
		if w.token == token {
			w.drop.Stop()
		}
		return w.token == token
	})
}

// keep keeps a list in place of what the session had sent before. Where all that
// waits becomes too much, the oldest goes.
func (l *sentLists) keep(w *sentList) {
	l.forget(w.token)
	l.mu.Lock()
	defer l.mu.Unlock()
	size := w.sent.Size()
	for _, o := range l.waiting {
		size += o.sent.Size()
	}
	for len(l.waiting) > 0 && size > sentKept {
		size -= l.waiting[0].sent.Size()
		l.waiting[0].drop.Stop()
		l.waiting = slices.Delete(l.waiting, 0, 1)
	}
	w.drop = time.AfterFunc(sentFor, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.waiting = slices.DeleteFunc(l.waiting, func(o *sentList) bool { return o == w })
	})
	l.waiting = append(l.waiting, w)
}

type importsBody struct {
	Problem, Wrong string
	WrongFile      bool
	Waiting        string // a list that was looked at and not taken in
	Orgs           []option
	Kinds          []option
	Size           string
}

func (s *server) importsPage(v *visit) error { return s.showImports(v, importsBody{}, "", "") }

func (s *server) showImports(v *visit, body importsBody, org, kind string) error {
	if !s.mayOpenCases(v) {
		return registry.ErrNotAllowed
	}
	for _, o := range s.ownOrgs(v) {
		o.Selected = o.Value == org
		body.Orgs = append(body.Orgs, o)
	}
	body.Kinds = append(body.Kinds, option{"", v.T("import.kind.sheet"), kind == ""})
	for _, name := range takein.Formats() {
		body.Kinds = append(body.Kinds, option{name, v.formatName(name), name == kind})
	}
	body.WrongFile = body.Wrong != "" && body.Wrong != "org" && body.Wrong != "kind"
	body.Size = v.size(importLimit)
	if w := s.lists.of(v.session); w != nil {
		body.Waiting = w.file
	}
	if body.Problem != "" {
		v.status = http.StatusUnprocessableEntity
	}
	return s.show(v, "imports", v.T("import.title"), body)
}

// formatName is what a format of another system is called.
func (v *visit) formatName(name string) string {
	return v.T("import.kind." + strings.ReplaceAll(name, "-", "_"))
}

// sendList takes a file, looks at it and keeps it in memory until its sender has
// looked, too. Nothing of the register is changed.
func (s *server) sendList(v *visit) error {
	if !s.mayOpenCases(v) {
		return registry.ErrNotAllowed
	}
	v.moving()
	w, org, kind, problem, err := s.sentForm(v)
	if err != nil {
		return err
	}
	if problem == "" && !slices.ContainsFunc(s.ownOrgs(v), func(o option) bool { return o.Value == org }) {
		problem = "org"
	}
	if problem == "" && kind != "" && !slices.Contains(takein.Formats(), kind) {
		problem = "kind"
	}
	if problem != "" {
		return s.showImports(v, importsBody{Problem: v.T("import.problem."+problem, v.size(importLimit)), Wrong: problem}, org, kind)
	}
	w.org, w.from.Format, w.token, w.file = org, kind, v.session.Token(), w.from.Name
	ctx, cancel := v.patient()
	defer cancel()
	if !s.lists.reading.TryLock() {
		return s.showImports(v, importsBody{Problem: v.T("import.problem.busy")}, org, kind)
	}
	defer s.lists.reading.Unlock()
	w.list, w.err = takein.Read(v.book, w.from, s.reg.Today())
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.lists.keep(w)
	v.redirect("/imports/list")
	return nil
}

// sentForm reads a form with files into memory; problem is the word for what is wrong with it.
func (s *server) sentForm(v *visit) (w *sentList, org, kind, problem string, err error) {
	w = &sentList{sent: &takein.Sent{}}
	w.from.Limits = importLimits()
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, importLimit)
	parts, err := v.r.MultipartReader()
	if err != nil {
		return nil, "", "", "", errBadRequest
	}
	text := func(p *multipart.Part, most int64) ([]byte, error) {
		b, err := io.ReadAll(io.LimitReader(p, most+1))
		if err == nil && int64(len(b)) > most {
			err = takein.ErrSent
		}
		return b, err
	}
	for files := 0; ; {
		var p *multipart.Part
		if p, err = parts.NextPart(); errors.Is(err, io.EOF) {
			break
		}
		var one []byte
		switch {
		case err != nil:
		case p.FormName() == "org":
			one, err = text(p, 100)
			org = string(one)
		case p.FormName() == "kind":
			one, err = text(p, 100)
			kind = string(one)
		case p.FileName() == "": // none was chosen
		case p.FormName() == "mapping":
			if one, err = text(p, takein.MaxText); len(one) > 0 {
				w.from.Mapping, w.from.MapName = one, p.FileName()
			}
		case files == mostSent:
			return w, org, kind, "many", nil
		default:
			var name string
			if name, err = w.sent.Add(p.FileName(), p); p.FormName() == "file" {
				w.from.Name = name
			}
			files++
		}
		var long *http.MaxBytesError
		switch {
		case errors.As(err, &long):
			return w, org, kind, "size", nil
		case errors.Is(err, takein.ErrSent):
			return w, org, kind, "names", nil
		case err != nil:
			return w, org, kind, "broken", nil
		}
	}
	if w.from.Name == "" {
		return w, org, kind, "none", nil
	}
	w.from.Folder, err = w.sent.Folder()
	return w, org, kind, "", err
}

type listBody struct {
	Done, Problem string
	File, Org     string
	Digest        string // of what is shown; empty: it can't be taken in
	Facts         []fact
	Routes        []routeView
	Findings      []listFinding
	More          string // findings that are not shown
	Errors        string
	Mapping       string
	MappingWrong  bool
	Drafted       bool
	Taken         bool
}

type routeView struct {
	Sheet, Column, To string
	Left              bool
}

type listFinding struct {
	Bad                bool
	Place, Value, Text string
	Foreign            bool // the text is said in English alone
}

// findingsListed is how many findings a page has, the errors first.
const findingsListed = 200

func (s *server) listPage(v *visit) error { return s.showList(v, "") }

func (s *server) showList(v *visit, problem string) error {
	w := s.lists.of(v.session)
	if w == nil {
		v.redirect("/imports")
		return nil
	}
	if !s.lists.reading.TryLock() { // it is being read, or taken in, from another window
		return s.showImports(v, importsBody{Problem: v.T("import.problem.busy")}, "", "")
	}
	defer s.lists.reading.Unlock()
	l := w.list
	body := listBody{File: l.File, Problem: problem}
	s.counted(v, &body, w.org, nil)
	var wrong *takein.MappingError
	var unfit *takein.UnfitError
	switch {
	case w.err == nil:
		plan, err := l.Plan(v.r.Context(), s.reg, v.session, w.org)
		if err != nil {
			return s.notTaken(v, err)
		}
		body.Facts = nil
		s.counted(v, &body, w.org, &plan)
		if n := len(l.Outside); n > 0 {
			body.fact(v, "import.outside", n)
		}
		if n := len(l.Attached); n > 0 {
			body.fact(v, "import.files", n)
		}
		body.Digest = w.sent.Digest(l.Mapping)
	case errors.As(w.err, &unfit):
		body.Errors = v.N("import.unfit", unfit.Cells)
	case errors.As(w.err, &wrong):
		body.MappingWrong = true
		body.Problem = cmp.Or(body.Problem, v.T("import.problem.mapping", wrong.Error()))
	default:
		said, _ := s.saidOf(v, w.err.Error(), l.File)
		body.Problem = cmp.Or(body.Problem, v.T("import.problem.file", said))
	}
	body.Mapping, body.Drafted = string(l.Mapping), w.from.Mapping == nil && w.from.Format == "" && l.Mapping != nil
	for _, r := range l.Routes {
		body.Routes = append(body.Routes, v.routeView(r))
	}
	s.listFindings(v, &body, l.Findings)
	return s.show(v, "import-list", v.T("import.list"), body)
}

func (b *listBody) fact(v *visit, key string, n int) {
	b.Facts = append(b.Facts, fact{Label: v.T(key), Text: v.Number(n)})
}

// counted puts into the page whose list it is, and how many cases it has.
func (s *server) counted(v *visit, body *listBody, org string, cases *registry.Import) {
	if o, ok := s.reg.Organisation(v.r.Context(), org); ok {
		body.Facts = append(body.Facts, fact{Label: v.T("import.org"), Text: o.Name})
	}
	if cases != nil {
		body.fact(v, "import.new", cases.New)
		body.fact(v, "import.changed", cases.Changed)
		body.fact(v, "import.same", cases.Same)
	}
}

// routeView says where a column goes, in the words of the codebook.
func (v *visit) routeView(r intake.Route) routeView {
	out := routeView{Sheet: r.Sheet, Column: r.Column, Left: r.Left}
	if letter, ok := strings.CutPrefix(r.Column, "="); ok {
		out.Column = v.T("import.column", letter)
	}
	k, ok := v.book.Kind(r.Kind)
	switch {
	case r.Left:
		out.To = v.T("import.left")
	case !ok:
		out.To = v.T("import.key")
	default:
		out.To = v.in(k.Label)
		if f, ok := k.Field(r.Field); ok {
			out.To = v.T("import.to", v.in(k.Label), v.in(f.Label))
			if r.Always != nil {
				var values []string
				for _, code := range r.Always {
					label := ""
					if f.List != "" {
						label = v.label(f.List, code)
					}
					values = append(values, cmp.Or(label, code))
				}
				out.Column = v.T("import.always", strings.Join(values, ", "))
			}
		}
	}
	return out
}

// listFindings puts what was found into the page, the errors first.
func (s *server) listFindings(v *visit, body *listBody, all []intake.Finding) {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b intake.Finding) int { return cmp.Compare(a.Severity, b.Severity) }) // error, warning
	for i, f := range all {
		if i == findingsListed {
			body.More = v.N("import.more", len(all)-i)
			break
		}
		one := listFinding{Bad: f.Severity == intake.Error, Value: f.Value}
		var place []string
		if f.Sheet != "" {
			place = append(place, v.T("import.sheet", f.Sheet))
		}
		if f.Row > 0 {
			place = append(place, v.T("import.row", f.Row))
		}
		if f.Column != "" {
			place = append(place, v.T("import.column", f.Column))
		}
		one.Place = strings.Join(place, ", ")
		what, known := s.saidOf(v, f.What, "")
		one.Text, one.Foreign = what, !known
		if f.Want != "" {
			want, known := s.saidOf(v, f.Want, "")
			one.Text, one.Foreign = what+"; "+want, one.Foreign || !known
		}
		body.Findings = append(body.Findings, one)
	}
}

// listMapping hands out the mapping, to be kept beside the list.
func (s *server) listMapping(v *visit) error {
	w := s.lists.of(v.session)
	if w == nil {
		return registry.ErrNotFound
	}
	s.lists.reading.Lock()
	text := w.list.Mapping
	s.lists.reading.Unlock()
	if text == nil {
		return registry.ErrNotFound
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set(headers[0][0], filePolicy)
	h.Set("Content-Disposition", `attachment; filename="map.yaml"`)
	_, _ = v.w.Write(text) // who has gone needs no answer
	return nil
}

// mapList looks at the list once more, by another mapping.
func (s *server) mapList(v *visit) error {
	w := s.lists.of(v.session)
	if w == nil {
		v.redirect("/imports")
		return nil
	}
	if !s.lists.reading.TryLock() {
		return s.showImports(v, importsBody{Problem: v.T("import.problem.busy")}, "", "")
	}
	defer s.lists.reading.Unlock()
	w.from.Mapping, w.from.MapName = []byte(v.r.PostForm.Get("mapping")), ""
	w.list, w.err = takein.Read(v.book, w.from, s.reg.Today())
	v.redirect("/imports/list")
	return nil
}

// takeList takes in what was looked at, and nothing else.
func (s *server) takeList(v *visit) error {
	w := s.lists.of(v.session)
	if w == nil {
		v.redirect("/imports")
		return nil
	}
	ctx, cancel := v.patient()
	defer cancel()
	if !s.lists.reading.TryLock() {
		return s.showImports(v, importsBody{Problem: v.T("import.problem.busy")}, "", "")
	}
	if w.err != nil || v.r.PostForm.Get("digest") != w.sent.Digest(w.list.Mapping) {
		s.lists.reading.Unlock()
		v.status = http.StatusUnprocessableEntity
		return s.showList(v, v.T("import.problem.other"))
	}
	defer s.lists.reading.Unlock()
	done, err := w.list.TakeIn(ctx, s.reg, v.session, w.org, takein.Progress{})
	if err != nil && done.Files == nil {
		return s.notTaken(v, err)
	}
	s.lists.forget(w.token)
	if err != nil { // the cases are in, and not all of their files
		return err
	}
	body := listBody{File: w.file, Taken: true, Done: v.T("import.taken")}
	s.counted(v, &body, w.org, &done.Import)
	body.fact(v, "import.entries", done.Entries)
	if f := done.Files; f != nil {
		body.fact(v, "import.files.new", f.New)
		body.fact(v, "import.files.same", f.Same)
		if f.NoCase > 0 {
			body.fact(v, "import.files.no_case", f.NoCase)
		}
		if len(f.Refused) > 0 {
			body.Facts = append(body.Facts, fact{Label: v.T("import.files.refused"), Text: strings.Join(f.Refused, ", ")})
		}
	}
	return s.show(v, "import-list", v.T("import.list"), body)
}

// notTaken says why a list can't be taken in, where that is for its sender to mend.
func (s *server) notTaken(v *visit, err error) error {
	var invalid *registry.InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	return s.showImports(v, importsBody{Problem: v.T("import.problem.invalid", v.kind(invalid.Kind))}, "", "")
}

func (s *server) dropList(v *visit) error {
	s.lists.forget(v.session.Token())
	v.redirect("/imports")
	return nil
}
