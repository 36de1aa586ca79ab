// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/registry"
)

func (s *server) recordRoutes() []route {
	routes := []route{
		{"GET /cases/{id}/add", s.signed(s.addPage)},
		{"GET /cases/{id}/add/{kind}", s.signed(s.recordForm)},
		{"POST /cases/{id}/add/{kind}", s.signed(s.writeRecord)},
		{"GET /cases/{id}/records/{record}", s.signed(s.recordPage)},
		{"GET /cases/{id}/records/{record}/edit", s.signed(s.recordForm)},
		{"POST /cases/{id}/records/{record}/edit", s.signed(s.writeRecord)},
		{"GET /cases/{id}/records/{record}/withdraw", s.signed(s.withdrawPage)},
		{"POST /cases/{id}/records/{record}/withdraw", s.signed(s.withdrawRecord)},
		{"GET /state/{kind}/new", s.signed(s.recordForm)},
		{"POST /state/{kind}/new", s.signed(s.writeRecord)},
		{"GET /state/{kind}/{record}/edit", s.signed(s.recordForm)},
		{"POST /state/{kind}/{record}/edit", s.signed(s.writeRecord)},
		{"GET /state/{kind}/{record}/withdraw", s.signed(s.withdrawPage)},
		{"POST /state/{kind}/{record}/withdraw", s.signed(s.withdrawRecord)},
	}
	for _, kind := range registry.SaidKinds() {
		of := func(answer func(*visit) error) http.HandlerFunc {
			return s.signed(func(v *visit) error {
				v.r.SetPathValue("kind", kind)
				return answer(v)
			})
		}
		base := outsideBase(kind)
		routes = append(routes, []route{
			{"GET " + base + "/new", of(s.recordForm)},
			{"POST " + base + "/new", of(s.writeRecord)},
			{"GET " + base + "/{record}/edit", of(s.recordForm)},
			{"POST " + base + "/{record}/edit", of(s.writeRecord)},
			{"GET " + base + "/{record}/withdraw", of(s.withdrawPage)},
			{"POST " + base + "/{record}/withdraw", of(s.withdrawRecord)},
		}...)
	}
	return routes
}

// recordRegister is what the forms of records ask of the registry.
type recordRegister interface {
	NewCase(ctx context.Context, s *access.Session, n registry.NewCase) (registry.Row, error)
	PutRecord(ctx context.Context, s *access.Session, c registry.RecordChange) (string, error)
	WithdrawRecord(ctx context.Context, s *access.Session, caseID, record string, seen int, reason string) error
	Known(ctx context.Context, s *access.Session, kind string) ([]registry.OutsideRecord, error)
	KnownRecord(ctx context.Context, s *access.Session, id string) (*casefile.Record, error)
	draftRegister
}

// sharedKind tells whether records of a kind stand outside cases and are shared
// by all who work with them.
func sharedKind(kind string) bool { return slices.Contains(registry.SharedKinds(), kind) }

// saidKind tells whether records of a kind are of what others said in public.
func saidKind(kind string) bool { return slices.Contains(registry.SaidKinds(), kind) }

// outsideKind tells whether records of a kind stand outside cases and have forms and pages.
func outsideKind(kind string) bool { return sharedKind(kind) || saidKind(kind) }

// outsideBase is the address under which the records of a kind outside cases stand.
func outsideBase(kind string) string {
	switch kind {
	case "official_figure":
		return "/outside"
	case "commitment":
		return "/commitments"
	case "follow_up":
		return "/followed"
	}
	return "/state/" + kind
}

// outsidePath is the address of a record outside cases.
func outsidePath(kind, id string) string { return outsideBase(kind) + "/" + url.PathEscape(id) }

// mayWriteOutside tells whether a member may write records of a kind outside cases.
func (s *server) mayWriteOutside(v *visit, kind string) bool {
	if saidKind(kind) {
		return s.reg.May(v.session, access.WriteOutside)
	}
	return s.mayWriteShared(v)
}

// formable tells whether a kind of a case has a form: what the register itself
// keeps, and what has acts of its own, has none.
func formable(k *codebook.Kind) bool {
	return k.Scope == codebook.InCase && k.Group != "register"
}

// keptFields are fields of the record of a case that no form changes.
var keptFields = []string{"org", "number", "opened", "restricted"}

// desk is one record at which a member writes: where it stands, what is there,
// and what they typed.
type desk struct {
	*fieldForm
	caseID   string // empty: outside cases
	number   string // of the case
	path     string // of the case, or of the records outside cases
	record   *casefile.Record
	typed    url.Values
	draftID  string
	others   []casefile.Change
	problem  string
	fresh    bool // nothing was typed yet
	gone     bool // withdrawn
	comments bool // only notes may be written
	ask      string
}

// openDesk finds the record that the address names, or the kind of a new one.
func (s *server) openDesk(v *visit) (*desk, error) {
	ctx, r := v.r.Context(), v.r
	d := &desk{caseID: r.PathValue("id")}
	kind := r.PathValue("kind")
	record := r.PathValue("record")
	var c *caseReader // nil: outside cases
	if d.caseID != "" {
		file, err := s.reg.Case(ctx, v.session, d.caseID, registry.Clock{})
		if err != nil {
			return nil, err
		}
		if !file.MayWrite && !file.MayComment {
			return nil, registry.ErrNotAllowed
		}
		d.caseID, d.number, d.path, d.comments = file.Row.ID, file.Row.Number, casePath(file.Row), !file.MayWrite
		if record != "" {
			if d.record = recordOf(file, record); d.record == nil {
				return nil, registry.ErrNotFound
			}
			kind = d.record.Kind
		}
		c = newCaseReader(v, file)
	} else {
		if !outsideKind(kind) {
			return nil, registry.ErrNotFound
		}
		if !s.mayWriteOutside(v, kind) {
			return nil, registry.ErrNotAllowed
		}
		d.path = outsideBase(kind)
		if record != "" {
			rec, err := s.reg.KnownRecord(ctx, v.session, record)
			if err != nil {
				return nil, err
			}
			if rec.Kind != kind {
				return nil, registry.ErrNotFound
			}
			d.record = rec
		}
	}
	d.gone = d.record != nil && d.record.Withdrawn
	k, ok := v.book.Kind(kind)
	isCase := d.record != nil && d.record.ID == d.caseID
	switch {
	case !ok, d.caseID != "" && !formable(k) && !isCase:
		return nil, registry.ErrNotFound
	case d.comments && (kind != "note" || d.record != nil):
		return nil, registry.ErrNotAllowed
	}
	d.fieldForm = &fieldForm{visit: v, kind: k, prefix: fieldPrefix, refs: map[string]referable{}}
	if isCase {
		d.hide = keptFields
	}
	if list := r.URL.Query().Get("fields"); list != "" {
		d.only = strings.Split(list, ",")
	}
	return d, s.findRefs(v, d.fieldForm, c)
}

// recordOf is a record of a case, live or withdrawn; nil: there is none.
func recordOf(file registry.CaseView, id string) *casefile.Record {
	for _, records := range [][]*casefile.Record{file.Records, file.Withdrawn} {
		if i := slices.IndexFunc(records, func(rec *casefile.Record) bool { return rec.ID == id }); i >= 0 {
			return records[i]
		}
	}
	return nil
}

// findRefs finds what the fields of the form can refer to: in the case, where
// there is one, and outside it.
func (s *server) findRefs(v *visit, f *fieldForm, c *caseReader) error {
	for _, field := range f.all() {
		if field.Type != codebook.Ref {
			continue
		}
		if _, ok := f.refs[field.RefKind]; ok {
			continue
		}
		k, ok := v.book.Kind(field.RefKind)
		switch {
		case ok && k.Scope == codebook.InCase && c != nil:
			f.refs[field.RefKind] = c.referable(field.RefKind)
		case outsideKind(field.RefKind):
			known, err := s.reg.Known(v.r.Context(), v.session, field.RefKind)
			if err != nil && !errors.Is(err, registry.ErrNotFound) {
				return err
			}
			f.refs[field.RefKind] = v.knownRefs(known)
		case field.RefKind == "organisation":
			orgs, err := s.reg.Organisations(v.r.Context(), v.session)
			if err != nil && !errors.Is(err, registry.ErrNotAllowed) {
				return err
			}
			refs := referable{titles: map[string]string{}}
			for _, o := range orgs {
				refs.ids = append(refs.ids, o.ID)
				refs.titles[o.ID] = o.Name
			}
			f.refs[field.RefKind] = refs
		}
	}
	return nil
}

// referable are the records of a kind in a case, each with a title of its own.
func (c *caseReader) referable(kind string) referable {
	refs := referable{titles: map[string]string{}}
	for _, rec := range c.file.Records {
		if rec.Kind != kind {
			continue
		}
		title := c.title(rec, c.names)
		if !rec.Date.IsZero() {
			title = join([]string{title, c.DateShort(rec.Date)})
		}
		refs.add(rec.ID, title, c.kind(kind))
	}
	return refs
}

// knownRefs are records outside cases, in the order of their names.
func (v *visit) knownRefs(known []registry.OutsideRecord) referable {
	refs := referable{titles: map[string]string{}}
	for _, rec := range known {
		refs.add(rec.ID, v.outsideName(rec), v.kind(rec.Kind))
	}
	order := v.Collator()
	slices.SortFunc(refs.ids, func(a, b string) int { return order.CompareString(refs.titles[a], refs.titles[b]) })
	return refs
}

// add adds a record under a title that no other has.
func (r *referable) add(id, title, kind string) {
	if title == "" {
		title = kind
	}
	for _, t := range r.titles {
		if sameWords(t, title) {
			title += " · " + short(id)
			break
		}
	}
	r.ids = append(r.ids, id)
	r.titles[id] = title
}

// outsideName is a record outside cases in a line, its name in the page's language where it has one.
func (v *visit) outsideName(rec registry.OutsideRecord) string {
	if saidKind(rec.Kind) {
		return v.saidName(rec)
	}
	fields := rec.Fields
	if name := v.OwnName(fields); name != "" {
		fields = maps.Clone(fields)
		fields["name"] = []string{name}
	}
	title := v.title(&casefile.Record{ID: rec.ID, Kind: rec.Kind, Fields: fields}, func(string) valueText { return valueText{} })
	if rec.Kind == "incident" || rec.Kind == "publication" {
		date := ""
		if !rec.Date.IsZero() {
			date = v.DateShort(rec.Date)
		}
		title = join([]string{date, title, first(fields, "city"), first(fields, "outlet")})
	}
	return title
}

// here is the address of the form.
func (d *desk) here() string {
	switch {
	case d.caseID == "" && d.record == nil:
		return d.path + "/new"
	case d.caseID == "":
		return d.path + "/" + d.record.ID + "/edit"
	case d.record == nil:
		return d.path + "/add/" + d.kind.ID
	}
	return d.path + "/records/" + d.record.ID + "/edit"
}

// page is the address of the record itself.
func (d *desk) page(record string) string {
	if d.caseID == "" {
		return d.path + "/" + record
	}
	return d.path + "/records/" + record
}

// list is the address of what the record stands among. What followed stands on
// the page of its commitment.
func (d *desk) list() string {
	if d.caseID != "" || d.kind.ID != "follow_up" {
		return d.path
	}
	of := d.typed.Get(d.name("commitment"))
	if d.record != nil {
		of = d.record.Get("commitment")
	}
	if _, known := d.refs["commitment"].titles[of]; !known {
		return outsideBase("commitment")
	}
	return outsidePath("commitment", of)
}

// recordForm shows an empty form, one with what is recorded, an earlier version
// of it, or a draft.
func (s *server) recordForm(v *visit) error {
	d, err := s.openDesk(v)
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	d.typed, d.fresh = url.Values{}, true
	if d.record != nil {
		fields := d.record.Fields
		if n, err := strconv.Atoi(q.Get("version")); err == nil && n > 0 && n <= len(d.record.History) && d.record.History[n-1].Op == casefile.Put {
			fields = d.record.History[n-1].Fields
			d.ask = v.T("form.version", v.moment(d.record.History[n-1].At))
		}
		d.typed = d.fieldForm.typed(fields)
		d.typed.Set("seen", strconv.Itoa(len(d.record.History)))
	}
	for name, values := range q { // another page may fill in what it knows
		if strings.HasPrefix(name, fieldPrefix) {
			d.typed[name] = values
			d.fresh = false
		}
	}
	if back := q.Get("back"); back != "" {
		d.typed.Set("back", back)
	}
	if id := q.Get("draft"); id != "" {
		kept, err := s.reg.Draft(v.r.Context(), v.session, id)
		if err != nil {
			return err
		}
		recordID := ""
		if d.record != nil {
			recordID = d.record.ID
		}
		if kept.Case != d.caseID || kept.Kind != d.kind.ID || kept.Record != recordID {
			return registry.ErrNotFound
		}
		d.typed, d.draftID, d.fresh = kept.Form, id, false
	}
	d.meet()
	return s.showDesk(v, d)
}

// meet sees to what somebody else has written since the form was opened.
func (d *desk) meet() {
	if !d.fresh || d.record != nil {
		d.read(d.typed)
	}
	if d.record == nil {
		if d.fresh {
			d.problems = nil
		}
		return
	}
	seen, now := seenOf(d.typed), len(d.record.History)
	if seen == now {
		if d.draftID != "" || d.fresh {
			d.problems = nil // what is begun is not yet wrong
		}
		return
	}
	saw := casefile.Fields{}
	for i, change := range d.record.History {
		if i < seen && change.Op == casefile.Put {
			saw = change.Fields
		}
		if i >= seen {
			d.others = append(d.others, change)
		}
	}
	d.merged(saw, d.record.Fields, d.typed)
	d.typed.Set("seen", strconv.Itoa(now))
}

// writeRecord saves a record, or keeps what was typed as a draft.
func (s *server) writeRecord(v *visit) error {
	d, err := s.openDesk(v)
	if err != nil {
		return err
	}
	d.typed = v.r.PostForm
	d.draftID = d.typed.Get("draft")
	then := d.typed.Get("then")
	d.typed.Del("then")
	switch {
	case then == "autosave":
		return s.autosave(v, d)
	case then == "draft":
		if _, err := s.keep(v, d); err != nil {
			return s.draftRefused(v, d, err)
		}
		v.redirect("/drafts")
		return nil
	case then == "spell":
		d.read(d.typed)
		d.problems = nil
		d.spelt = spellings(d.typed, d.prefix)
		return s.showDesk(v, d)
	case strings.HasPrefix(then, "new."):
		return s.newReferred(v, d, strings.TrimPrefix(then, "new."))
	}
	for _, name := range d.typed["spelt"] {
		d.typed.Add(d.name("other_names"), name)
	}
	d.meet()
	change := registry.RecordChange{
		Case: d.caseID, Kind: d.kind.ID, Fields: d.fields, Seen: seenOf(d.typed),
		Reason: strings.TrimSpace(d.typed.Get("reason")), Source: strings.TrimSpace(d.typed.Get("source")),
	}
	if d.record != nil {
		change.Record = d.record.ID
		change.Fields = d.whole()
		if len(d.others) > 0 {
			return s.refuseDesk(v, d, v.T("form.problem.changed"))
		}
		if change.Reason == "" {
			return s.refuseDesk(v, d, v.T("form.problem.reason"))
		}
	}
	if len(d.problems) > 0 {
		return s.refuseDesk(v, d, "")
	}
	if len(change.Fields) == 0 {
		return s.refuseDesk(v, d, v.T("form.problem.empty"))
	}
	id, err := s.reg.PutRecord(v.r.Context(), v.session, change)
	var invalid *registry.InvalidError
	switch {
	case errors.Is(err, registry.ErrChanged), errors.Is(err, registry.ErrConflict):
		fresh, ferr := s.openDesk(v)
		if ferr != nil {
			return ferr
		}
		fresh.typed, fresh.draftID = d.typed, d.draftID
		fresh.meet()
		return s.refuseDesk(v, fresh, v.T("form.problem.changed"))
	case errors.As(err, &invalid):
		for _, p := range invalid.Problems {
			if field, ok := d.kind.Field(p.Field); ok {
				d.problems[p.Field] = d.fieldForm.problem(field, p)
			}
		}
		return s.refuseDesk(v, d, "")
	case err != nil:
		return err
	}
	if d.draftID != "" {
		if err := s.reg.DropDraft(v.r.Context(), v.session, d.draftID); err != nil {
			return err
		}
	}
	if back := d.typed.Get("back"); back != "" {
		return s.goBack(v, back, id)
	}
	v.redirect(d.page(id) + "?saved=1")
	return nil
}

// whole are all fields of the record as they will stand: those without an
// input stay as they are.
func (d *desk) whole() casefile.Fields {
	all := casefile.Fields{}
	shown := map[string]bool{}
	for _, f := range d.all() {
		shown[f.ID] = true
	}
	for id, values := range d.record.Fields {
		if !shown[id] {
			all[id] = values
		}
	}
	maps.Copy(all, d.fields)
	return all
}

// refuseDesk shows a form that was not taken.
func (s *server) refuseDesk(v *visit, d *desk, problem string) error {
	v.status = http.StatusUnprocessableEntity
	d.problem = problem
	return s.showDesk(v, d)
}

// keep keeps what was typed as a draft.
func (s *server) keep(v *visit, d *desk) (string, error) {
	kept := registry.Draft{ID: d.draftID, Case: d.caseID, Kind: d.kind.ID, Form: maps.Clone(map[string][]string(d.typed))}
	if d.record != nil {
		kept.Record = d.record.ID
	}
	delete(kept.Form, "draft")
	id, err := s.reg.KeepDraft(v.r.Context(), v.session, kept)
	if errors.Is(err, registry.ErrNotFound) && d.draftID != "" { // dropped meanwhile in another window
		kept.ID = ""
		id, err = s.reg.KeepDraft(v.r.Context(), v.session, kept)
	}
	return id, err
}

func (s *server) draftRefused(v *visit, d *desk, err error) error {
	key := draftProblem(err)
	if key == "" {
		return err
	}
	d.read(d.typed)
	return s.refuseDesk(v, d, v.T(key))
}

// autosaved answers the script of the forms.
type autosaved struct {
	Draft   string            `json:"draft"`
	Words   string            `json:"words"`
	Read    map[string]string `json:"read"`    // by the id of the input: a date as it was understood
	Problem map[string]string `json:"problem"` // by the id of the input: why it was not
}

// autosave keeps what is being typed, and says how its dates are understood.
func (s *server) autosave(v *visit, d *desk) error {
	out := autosaved{Read: map[string]string{}, Problem: map[string]string{}}
	id, err := s.keep(v, d)
	switch {
	case err == nil:
		out.Draft, out.Words = id, v.T("form.autosaved")
	case draftProblem(err) != "":
		out.Words = v.T(draftProblem(err))
	default:
		return err
	}
	d.read(d.typed)
	for _, f := range d.all() {
		if f.Type != codebook.Date {
			continue
		}
		in := d.input(f, d.typed)
		out.Read[in.ID], out.Problem[in.ID] = in.Understood, in.Problem
	}
	v.w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(v.w).Encode(out)
}

// newReferred puts the form aside and opens that of a record it is to refer to.
func (s *server) newReferred(v *visit, d *desk, fieldID string) error {
	field, ok := d.kind.Field(fieldID)
	if !ok || field.Type != codebook.Ref || !d.creatable(field.RefKind) {
		return errBadRequest
	}
	id, err := s.keep(v, d)
	if err != nil {
		return s.draftRefused(v, d, err)
	}
	to := outsideBase(field.RefKind) + "/new"
	if !outsideKind(field.RefKind) {
		to = d.path + "/add/" + field.RefKind
	}
	v.redirect(link(to, "back", id+"."+field.ID))
	return nil
}

// goBack goes on with the form that was put aside, which now refers to the new record.
func (s *server) goBack(v *visit, back, record string) error {
	draftID, fieldID, _ := strings.Cut(back, ".")
	kept, err := s.reg.Draft(v.r.Context(), v.session, draftID)
	if err != nil {
		return err
	}
	k, ok := v.book.Kind(kept.Kind)
	if !ok {
		return registry.ErrNotFound
	}
	field, ok := k.Field(fieldID)
	if !ok || field.Type != codebook.Ref {
		return registry.ErrNotFound
	}
	form := url.Values(kept.Form)
	if !field.Many {
		form.Del(fieldPrefix + fieldID)
	}
	form.Add(fieldPrefix+fieldID, record)
	if _, err := s.reg.KeepDraft(v.r.Context(), v.session, kept); err != nil {
		return err
	}
	v.redirect(draftPath(kept) + "#" + inputID(fieldPrefix+fieldID))
	return nil
}

// deskBody is the page of a form.
type deskBody struct {
	Title, Lead, Shared string
	CaseHref, CaseText  string
	Here                string
	Hidden              []hiddenField
	Sections            []formSection
	Lists               []proposals
	Problem             string
	Problems            []formProblem
	Others              []changeView
	Ask                 string
	Reason, Source      string
	AskReason           bool
	Reasons             []string
	Spell               bool // spellings of a name can be proposed
	Drafted             string
	Cancel              string
	Withdraw            string
	Back                string // what the form is filled in for
}

func (s *server) showDesk(v *visit, d *desk) error {
	if d.problems == nil {
		d.problems = map[string]string{}
	}
	sections := d.sections(d.typed)
	body := deskBody{
		Title: v.T("form.add", v.kind(d.kind.ID)), Lead: v.in(d.kind.Help), Here: d.here(),
		Sections: sections, Lists: d.proposalLists(), Problem: d.problem, Problems: d.problemLines(sections),
		Ask: d.ask, Reason: d.typed.Get("reason"), Source: d.typed.Get("source"), AskReason: d.record != nil,
		Cancel: d.list(),
	}
	for _, code := range []string{"slip", "news", "source", "undo"} {
		body.Reasons = append(body.Reasons, v.T("form.reason."+code))
	}
	for _, name := range []string{"seen", "back"} {
		if value := d.typed.Get(name); value != "" {
			body.Hidden = append(body.Hidden, hiddenField{name, value})
		}
	}
	body.Hidden = append(body.Hidden, hiddenField{"draft", d.draftID})
	if len(d.only) > 0 {
		body.Here = link(body.Here, "fields", strings.Join(d.only, ","))
	}
	if d.draftID != "" {
		body.Drafted = v.T("form.drafted")
	}
	if d.caseID == "" {
		body.Shared, body.CaseHref, body.CaseText = v.T("form.shared"), d.list(), v.in(d.kind.Plural)
		if saidKind(d.kind.ID) {
			body.Shared = v.T("form.said")
		}
	} else {
		body.CaseHref, body.CaseText = d.path, d.number
	}
	if d.record != nil {
		body.Title = v.T("form.edit", v.kind(d.kind.ID))
		body.Cancel = d.page(d.record.ID)
		if !d.gone && d.record.ID != d.caseID {
			body.Withdraw = d.page(d.record.ID) + "/withdraw"
		}
	}
	if d.gone {
		body.Ask = v.T("form.gone")
	}
	if d.typed.Get("back") != "" {
		body.Back = v.T("form.back")
		for i := range body.Sections { // no more than the form that waits needs
			body.Sections[i].Folded = i > 0 && !slices.ContainsFunc(body.Sections[i].Inputs, filled)
		}
	}
	body.Spell = d.kind.ID == "person" || d.kind.ID == "official"
	for _, change := range d.others {
		body.Others = append(body.Others, v.change(change))
	}
	v.script("form.js")
	title := body.Title
	if d.number != "" {
		title = d.number + " · " + title
	}
	return s.show(v, "form", title, body)
}
