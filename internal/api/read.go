// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/rules"
)

// document hands out the OpenAPI document, made once. Whoever has a key reads
// it: fields and codes that an installation added stand in it.
func (s *server) document() {
	op := s.scoped(huma.Operation{OperationID: "openapi", Method: http.MethodGet, Path: "/openapi.json", Summary: "This document", Tags: []string{"about"}})
	op.Responses["200"] = &huma.Response{Description: "OpenAPI 3.1", Content: map[string]*huma.MediaType{"application/openapi+json": {Schema: &huma.Schema{Type: "object"}}}}
	var document []byte
	type output struct {
		ContentType string `header:"Content-Type"`
		Body        []byte
	}
	handle(s, op, func(context.Context, *access.Session, *struct{}) (*output, error) {
		return &output{"application/openapi+json", document}, nil
	})
	document, _ = json.Marshal(s.api.OpenAPI()) // of what was just made
}

// id is the id of something.
type id string

// Schema describes it.
func (id) Schema(huma.Registry) *huma.Schema { return ref("ID") }

// Clock are the two clocks of a question.
type Clock struct {
	AsOf    string    `query:"as_of" format:"date" doc:"facts up to the end of this day; without it, today"`
	KnownBy time.Time `query:"known_by" doc:"what was written up to this moment; without it, all"`
}

func (c Clock) read() (registry.Clock, error) {
	out := registry.Clock{KnownBy: c.KnownBy}
	var err error
	out.AsOf, err = day("as_of", c.AsOf)
	return out, err
}

// day reads a day; none is 0.
func day(name, text string) (edtf.Day, error) {
	if text == "" {
		return 0, nil
	}
	d, err := edtf.ParseDay(text)
	if err != nil {
		return 0, huma.NewError(http.StatusUnprocessableEntity, "this is no day", &huma.ErrorDetail{Location: "query." + name, Message: "expected a day such as 2022-06-30"})
	}
	return d, nil
}

// dayText writes a day; none is empty.
func dayText(d edtf.Day) string {
	if d == 0 || d.Bound() {
		return ""
	}
	return d.String()
}

type organisation struct {
	ID     id     `json:"id"`
	Name   string `json:"name"`
	Counts bool   `json:"counts" doc:"its cases count in the coalition's figures"`
}

type caseRow struct {
	ID         id        `json:"id"`
	Number     string    `json:"number"`
	Org        id        `json:"org"`
	ExternalID string    `json:"external_id,omitempty" doc:"the organisation's own number"`
	Name       string    `json:"name,omitempty" doc:"whom it is about; only where the case is open whole"`
	FactsOnly  bool      `json:"facts_only" doc:"who anybody is, is not open to you"`
	Others     int       `json:"others" doc:"other cases of the same person and incident that you may see"`
	Child      bool      `json:"child"`
	Sex        string    `json:"sex,omitempty"`
	Region     string    `json:"region,omitempty"`
	PlaceType  string    `json:"place_type,omitempty"`
	Incident   string    `json:"incident,omitempty" doc:"when it happened, EDTF"`
	Reported   string    `json:"reported,omitempty" doc:"the day of the first report"`
	Stage      string    `json:"stage,omitempty" doc:"a code of list stage"`
	StageSince string    `json:"stage_since,omitempty"`
	Breaches   int       `json:"breaches" doc:"checks that are breached"`
	Overdue    int       `json:"overdue" doc:"deadlines that were let pass"`
	Review     string    `json:"review,omitempty" doc:"a code of list review_state"`
	Updated    time.Time `json:"updated"`
}

func rowOf(r registry.Row) caseRow {
	return caseRow{
		ID: id(r.ID), Number: r.Number, Org: id(r.Org), ExternalID: r.ExternalID, Name: r.Name, FactsOnly: r.FactsOnly, Others: r.Others, Child: r.Child,
		Sex: r.Sex, Region: r.Region, PlaceType: r.PlaceType, Incident: r.Incident.String(), Reported: dayText(r.Reported),
		Stage: r.Stage, StageSince: dayText(r.StageSince), Breaches: r.Breaches, Overdue: r.Overdue, Review: r.Review, Updated: r.Updated.UTC(),
	}
}

// record is a record as it is answered.
type record struct {
	ID        string         `json:"id"`
	Kind      string         `json:"kind"`
	Version   int            `json:"version"`
	Fields    map[string]any `json:"fields"`
	Date      string         `json:"date,omitempty"`
	Written   time.Time      `json:"written"`
	Author    string         `json:"author,omitempty"`
	Source    string         `json:"source,omitempty"`
	FactsOnly bool           `json:"facts_only,omitempty"`
	Withdrawn bool           `json:"withdrawn,omitempty"`
	History   []change       `json:"history,omitempty"`
}

type change struct {
	At        time.Time      `json:"at"`
	Author    string         `json:"author"`
	Withdrawn bool           `json:"withdrawn"`
	Fields    map[string]any `json:"fields,omitempty"`
	Reason    string         `json:"reason,omitempty"`
	Source    string         `json:"source,omitempty"`
}

type (
	caseRecord    record
	outsideRecord record
)

// Schema describes it: by its kind.
func (caseRecord) Schema(huma.Registry) *huma.Schema { return ref("CaseRecord") }

// Schema describes it: by its kind.
func (outsideRecord) Schema(huma.Registry) *huma.Schema { return ref("OutsideRecord") }

func (s *server) recordOf(r *casefile.Record, history bool) record {
	out := record{
		ID: r.ID, Kind: r.Kind, Version: len(r.History), Fields: s.shapes.values(r.Kind, r.Fields), Date: r.Date.String(), Written: r.At.UTC(),
		Author: r.Author, Source: r.Source, FactsOnly: r.IdentityMissing, Withdrawn: r.Withdrawn,
	}
	if history {
		for _, c := range r.History {
			out.History = append(out.History, change{
				At: c.At.UTC(), Author: c.Author, Withdrawn: c.Op == casefile.Withdraw, Fields: s.shapes.values(r.Kind, c.Fields), Reason: c.Reason, Source: c.Source,
			})
		}
	}
	return out
}

// versionTag is the ETag of a record: its version.
func versionTag(version int) string { return `"` + strconv.Itoa(version) + `"` }

type labels struct {
	En string `json:"en"`
	Ru string `json:"ru"`
	Kk string `json:"kk"`
}

func labelsOf(l codebook.Label) labels { return labels{l.In("en"), l.In("ru"), l.In("kk")} }

type check struct {
	Rule    string   `json:"rule"`
	Label   labels   `json:"label"`
	State   string   `json:"state" enum:"met,breached,cannot_tell"`
	Since   string   `json:"since,omitempty" doc:"since when it has been breached without a break"`
	Records []string `json:"records" doc:"the records that caused it"`
	Missing []string `json:"missing" doc:"the fields for want of which it cannot be told, as kind.field"`
	Norm    labels   `json:"norm"`
	Checked bool     `json:"checked" doc:"the text of the norm was read; where not, it is for a lawyer to check"`
}

type deadline struct {
	Rule     string `json:"rule"`
	Label    labels `json:"label"`
	Owes     string `json:"owes" doc:"who owes it: them, us"`
	State    string `json:"state"`
	Due      string `json:"due,omitempty" doc:"the cautious day"`
	Arguable string `json:"arguable,omitempty" doc:"the latest day that can be argued for"`
	Done     string `json:"done,omitempty"`
	Record   string `json:"record,omitempty" doc:"the record that started it"`
	Norm     labels `json:"norm"`
	Checked  bool   `json:"checked"`
}

type caseAnswer struct {
	Case      caseRow      `json:"case"`
	AsOf      string       `json:"as_of"`
	Records   []caseRecord `json:"records"`
	Withdrawn []caseRecord `json:"withdrawn"`
	Same      []caseRow    `json:"same" doc:"the other cases of the same person that you may see"`
	Checks    []check      `json:"checks"`
	Deadlines []deadline   `json:"deadlines"`
	MayWrite  bool         `json:"may_write"`
}

var readsCases = []access.Scope{access.ReadFacts, access.ReadCases}

func (s *server) caseOperations() {
	type casesIn struct {
		Clock
		Q         string   `query:"q" maxLength:"200" doc:"search: names in any script, numbers, places, words"`
		Org       []string `query:"org,explode" maxItems:"50"`
		Stage     []string `query:"stage,explode" maxItems:"50"`
		Region    []string `query:"region,explode" maxItems:"50"`
		PlaceType []string `query:"place_type,explode" maxItems:"50"`
		Sex       []string `query:"sex,explode" maxItems:"50"`
		Review    []string `query:"review,explode" maxItems:"50"`
		Figure    string   `query:"figure" maxLength:"80" doc:"only cases that this figure counts"`
		Within    string   `query:"within" maxLength:"80" doc:"with figure: coalition, or an organisation's id"`
		Rule      string   `query:"rule" maxLength:"80" doc:"only cases in which this check is breached or this deadline overdue"`
		Verified  bool     `query:"verified" doc:"only cases whose last verdict is that they are verified"`
		Sort      string   `query:"sort" enum:"number,reported,updated,incident,stage"`
		Cursor    string   `query:"cursor" maxLength:"400" doc:"next, of the page before"`
		Limit     int      `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	type casesOut struct {
		Body struct {
			Cases []caseRow `json:"cases"`
			Total int       `json:"total"`
			Next  string    `json:"next,omitempty" doc:"cursor of the next page; none: this is the last"`
		}
	}
	handle(s, s.scoped(huma.Operation{OperationID: "listCases", Method: http.MethodGet, Path: "/cases", Summary: "Cases, a page at a time", Tags: []string{"cases"}}, readsCases),
		func(ctx context.Context, session *access.Session, in *casesIn) (*casesOut, error) {
			at, err := in.read()
			if err != nil {
				return nil, err
			}
			q := registry.Query{Text: in.Q, Facets: map[string][]string{}, Figure: in.Figure, Scope: in.Within, Rule: in.Rule, Verified: in.Verified, Clock: at, Sort: in.Sort, After: in.Cursor, Limit: in.Limit}
			if q.Figure == "" {
				q.Scope = ""
			}
			for facet, codes := range map[string][]string{"org": in.Org, "stage": in.Stage, "region": in.Region, "place_type": in.PlaceType, "sex": in.Sex, "review": in.Review} {
				if len(codes) > 0 {
					q.Facets[facet] = codes
				}
			}
			page, err := s.reg.Cases(ctx, session, q)
			if err != nil {
				return nil, err
			}
			out := &casesOut{}
			out.Body.Cases, out.Body.Total, out.Body.Next = rowsOf(page.Rows), page.Total, page.Next
			return out, nil
		})

	type caseIn struct {
		Clock
		Case string `path:"case" maxLength:"80" doc:"its id or number"`
	}
	type caseOut struct{ Body caseAnswer }
	handle(s, s.scoped(huma.Operation{OperationID: "getCase", Method: http.MethodGet, Path: "/cases/{case}", Summary: "A case with its records, checks and deadlines", Tags: []string{"cases"}}, readsCases),
		func(ctx context.Context, session *access.Session, in *caseIn) (*caseOut, error) {
			at, err := in.read()
			if err != nil {
				return nil, err
			}
			view, err := s.reg.Case(ctx, session, in.Case, at)
			if err != nil {
				return nil, err
			}
			out := &caseOut{caseAnswer{
				Case: rowOf(view.Row), AsOf: dayText(view.Clock.AsOf), Records: []caseRecord{}, Withdrawn: []caseRecord{}, Same: rowsOf(view.Same),
				Checks: []check{}, Deadlines: []deadline{}, MayWrite: view.MayWrite,
			}}
			for _, r := range view.Records {
				out.Body.Records = append(out.Body.Records, caseRecord(s.recordOf(r, false)))
			}
			for _, r := range view.Withdrawn {
				out.Body.Withdrawn = append(out.Body.Withdrawn, caseRecord(s.recordOf(r, false)))
			}
			for _, c := range view.Checks {
				out.Body.Checks = append(out.Body.Checks, checkOf(c))
			}
			for _, d := range view.Deadlines {
				out.Body.Deadlines = append(out.Body.Deadlines, deadlineOf(d))
			}
			return out, nil
		})

	type recordIn struct {
		Case   string `path:"case" maxLength:"80" doc:"its id or number"`
		Record id     `path:"record"`
	}
	type recordOut struct {
		ETag string `header:"ETag" doc:"its version, for If-Match"`
		Body caseRecord
	}
	handle(s, s.scoped(huma.Operation{OperationID: "getCaseRecord", Method: http.MethodGet, Path: "/cases/{case}/records/{record}", Summary: "A record of a case with its history", Tags: []string{"cases"}}, readsCases),
		func(ctx context.Context, session *access.Session, in *recordIn) (*recordOut, error) {
			view, err := s.reg.Case(ctx, session, in.Case, registry.Clock{})
			if err != nil {
				return nil, err
			}
			for _, list := range [][]*casefile.Record{view.Records, view.Withdrawn} {
				for _, r := range list {
					if r.ID == string(in.Record) {
						return &recordOut{versionTag(len(r.History)), caseRecord(s.recordOf(r, true))}, nil
					}
				}
			}
			return nil, registry.ErrNotFound
		})
}

func rowsOf(rows []registry.Row) []caseRow {
	out := make([]caseRow, 0, len(rows))
	for _, r := range rows {
		out = append(out, rowOf(r))
	}
	return out
}

func checkOf(c rules.Finding) check {
	return check{
		Rule: c.Rule, Label: labelsOf(c.Label), State: c.State, Since: dayText(c.Since), Records: texts(c.Records), Missing: texts(c.Missing),
		Norm: labelsOf(c.Norm), Checked: !c.Unchecked,
	}
}

func deadlineOf(d rules.Deadline) deadline {
	return deadline{
		Rule: d.Rule, Label: labelsOf(d.Label), Owes: d.Owes, State: d.State, Due: dayText(d.Due), Arguable: dayText(d.DueArguable), Done: dayText(d.Done),
		Record: d.Record, Norm: labelsOf(d.Norm), Checked: !d.Unchecked,
	}
}

// texts is never nil: an empty list is a list.
func texts(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func (s *server) outsideOperations() {
	type listIn struct {
		Kind string `query:"kind" required:"true" enum:"facility,body,official,incident,publication,official_figure,commitment,follow_up"`
	}
	type listOut struct {
		Body struct {
			Records []outsideRow `json:"records"`
		}
	}
	reads := []access.Scope{access.ReadOutside}
	handle(s, s.scoped(huma.Operation{OperationID: "listRecords", Method: http.MethodGet, Path: "/records", Summary: "Records outside cases, of one kind", Tags: []string{"records outside cases"}}, reads),
		func(ctx context.Context, session *access.Session, in *listIn) (*listOut, error) {
			known, err := s.reg.Known(ctx, session, in.Kind)
			if err != nil {
				return nil, err
			}
			out := &listOut{}
			out.Body.Records = []outsideRow{}
			for _, r := range known {
				out.Body.Records = append(out.Body.Records, outsideRow{id(r.ID), r.Kind, s.shapes.values(r.Kind, r.Fields), r.Date.String(), r.At.UTC()})
			}
			return out, nil
		})

	type oneIn struct {
		Record id `path:"record"`
	}
	type oneOut struct {
		ETag string `header:"ETag" doc:"its version, for If-Match"`
		Body outsideRecord
	}
	handle(s, s.scoped(huma.Operation{OperationID: "getRecord", Method: http.MethodGet, Path: "/records/{record}", Summary: "A record outside cases with its history", Tags: []string{"records outside cases"}}, reads),
		func(ctx context.Context, session *access.Session, in *oneIn) (*oneOut, error) {
			r, err := s.reg.KnownRecord(ctx, session, string(in.Record))
			if err != nil {
				return nil, err
			}
			return &oneOut{versionTag(len(r.History)), outsideRecord(s.recordOf(r, true))}, nil
		})
}

// outsideRow is a record outside cases in a list.
type outsideRow struct {
	ID      id             `json:"id"`
	Kind    string         `json:"kind"`
	Fields  map[string]any `json:"fields" doc:"as in OutsideRecord"`
	Date    string         `json:"date,omitempty"`
	Written time.Time      `json:"written"`
}

func (s *server) figureOperations() {
	type figuresIn struct {
		Clock
		Within   string `query:"within" maxLength:"80" doc:"an organisation's id; without it, the coalition"`
		Set      string `query:"set" maxLength:"80" doc:"a set of figures; without it, all"`
		Verified bool   `query:"verified" doc:"count only verified cases"`
	}
	type figure struct {
		ID    string `json:"id"`
		Label labels `json:"label"`
		Value int    `json:"value"`
		Base  *int   `json:"base,omitempty" doc:"the value of the figure it is a share of"`
	}
	type figuresOut struct {
		Body struct {
			AsOf     string    `json:"as_of"`
			KnownBy  time.Time `json:"known_by,omitzero"`
			Within   string    `json:"within"`
			Verified bool      `json:"verified"`
			Entries  uint64    `json:"entries" doc:"of the ledger it was counted from"`
			Root     string    `json:"root" doc:"the ledger's root hash at that size"`
			Figures  []figure  `json:"figures"`
		}
	}
	counts := []access.Scope{access.CountFigures}
	handle(s, s.scoped(huma.Operation{OperationID: "getFigures", Method: http.MethodGet, Path: "/figures", Summary: "Figures as of a day, by what was known at a moment", Tags: []string{"figures"}}, counts),
		func(ctx context.Context, session *access.Session, in *figuresIn) (*figuresOut, error) {
			at, err := in.read()
			if err != nil {
				return nil, err
			}
			if in.Within == "" && session.Member.Limit != nil {
				in.Within = session.Member.Limit.Org
			}
			table, err := s.reg.Figures(ctx, session, registry.FigureQuery{Clock: at, Scope: in.Within, Set: in.Set, Verified: in.Verified})
			if err != nil {
				return nil, err
			}
			if err := s.reg.TakesOut(ctx, session, "figures", len(table.Values)); err != nil {
				return nil, err
			}
			out := &figuresOut{}
			b := &out.Body
			b.AsOf, b.KnownBy, b.Within, b.Verified, b.Entries, b.Root, b.Figures = dayText(table.Clock.AsOf), table.Clock.KnownBy, table.Scope, table.Verified, table.Entries, table.Root, []figure{}
			for _, v := range table.Values {
				f := figure{ID: v.ID, Value: v.Value}
				if def, ok := table.Defs[v.ID]; ok {
					f.Label = labelsOf(def.Label)
				}
				if v.Base >= 0 {
					f.Base = &v.Base
				}
				b.Figures = append(b.Figures, f)
			}
			return out, nil
		})

	type orgsOut struct {
		Body struct {
			Organisations []organisation `json:"organisations"`
		}
	}
	handle(s, s.scoped(huma.Operation{OperationID: "listOrganisations", Method: http.MethodGet, Path: "/organisations", Summary: "The organisations of the coalition", Tags: []string{"figures"}}, counts),
		func(ctx context.Context, session *access.Session, _ *struct{}) (*orgsOut, error) {
			orgs, err := s.reg.Organisations(ctx, session)
			if err != nil {
				return nil, err
			}
			out := &orgsOut{}
			out.Body.Organisations = []organisation{}
			for _, o := range orgs {
				out.Body.Organisations = append(out.Body.Organisations, organisation{id(o.ID), o.Name, o.Counts})
			}
			return out, nil
		})
}

func (s *server) workOperations() {
	type meOut struct {
		Body struct {
			Member        id       `json:"member"`
			Scopes        []string `json:"scopes"`
			Organisations []id     `json:"organisations" doc:"whose member the key is for"`
		}
	}
	handle(s, s.scoped(huma.Operation{OperationID: "getKey", Method: http.MethodGet, Path: "/me", Summary: "What the key opens", Tags: []string{"about"}}),
		func(_ context.Context, session *access.Session, _ *struct{}) (*meOut, error) {
			out := &meOut{}
			out.Body.Member, out.Body.Scopes, out.Body.Organisations = id(session.Member.ID), []string{}, []id{}
			for _, scope := range session.Member.Limit.Scopes {
				out.Body.Scopes = append(out.Body.Scopes, string(scope))
			}
			for _, org := range session.Member.Orgs {
				out.Body.Organisations = append(out.Body.Organisations, id(org))
			}
			return out, nil
		})

	type dueIn struct {
		From string   `query:"from" format:"date" doc:"the first day; without it, today"`
		To   string   `query:"to" format:"date" doc:"the last day; without it, 30 days later"`
		Kind []string `query:"kind,explode" enum:"ours,theirs,task,contact,evidence,hearing" maxItems:"6"`
		Own  bool     `query:"own" doc:"only in cases of your own organisations"`
	}
	type dueItem struct {
		Day      string `json:"day"`
		Arguable string `json:"arguable,omitempty"`
		What     string `json:"what" enum:"ours,theirs,task,contact,evidence,hearing"`
		Case     id     `json:"case"`
		Number   string `json:"number"`
		Rule     string `json:"rule,omitempty"`
		State    string `json:"state,omitempty"`
		Record   string `json:"record,omitempty"`
		Code     string `json:"code,omitempty"`
		Overdue  bool   `json:"overdue"`
	}
	type dueOut struct {
		Body struct {
			From  string    `json:"from"`
			To    string    `json:"to"`
			Items []dueItem `json:"items"`
		}
	}
	handle(s, s.scoped(huma.Operation{OperationID: "listDue", Method: http.MethodGet, Path: "/due", Summary: "What is due on the days of a span", Description: "At most 400 days; cases by their number, without names.", Tags: []string{"due"}}, readsCases, []access.Scope{access.CountFigures}),
		func(ctx context.Context, session *access.Session, in *dueIn) (*dueOut, error) {
			today := s.reg.Today()
			from, err := day("from", in.From)
			to, err2 := day("to", in.To)
			if err := errors.Join(err, err2); err != nil {
				return nil, err
			}
			if from == 0 {
				from = today
			}
			if to == 0 {
				to = from.Add(30)
			}
			if to < from || to.Sub(from) > 400 {
				return nil, huma.NewError(http.StatusUnprocessableEntity, "the span ends before it begins, or has more than 400 days", &huma.ErrorDetail{Location: "query.to", Message: "expected a day within 400 days after from"})
			}
			days, err := s.reg.Due(ctx, session, registry.DueQuery{From: from, To: to, Kinds: in.Kind, Own: in.Own})
			if err != nil {
				return nil, err
			}
			out := &dueOut{}
			out.Body.From, out.Body.To, out.Body.Items = dayText(from), dayText(to), []dueItem{}
			for _, d := range days {
				for _, i := range d.Items {
					if i.InNoCase() {
						continue // not for programs
					}
					out.Body.Items = append(out.Body.Items, dueItem{dayText(i.Day), dayText(i.Arguable), i.What, id(i.Row.ID), i.Row.Number, i.Rule, i.State, i.Due.Record, i.Code, i.Overdue(today)})
				}
			}
			return out, nil
		})

	type auditIn struct {
		Act     string `query:"act" maxLength:"80" doc:"a code of list audit_act"`
		Case    string `query:"case" maxLength:"80" doc:"number or id"`
		Mine    bool   `query:"mine" doc:"only what was done in your name"`
		Refused bool   `query:"refused" doc:"only what was not let happen"`
		From    string `query:"from" format:"date"`
		To      string `query:"to" format:"date"`
		Cursor  string `query:"cursor" maxLength:"400" doc:"next, of the page before"`
		Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	type auditLine struct {
		At      time.Time `json:"at"`
		Member  string    `json:"member,omitempty" doc:"id; none: nobody known"`
		Act     string    `json:"act"`
		What    string    `json:"what,omitempty"`
		N       int       `json:"n" doc:"how many cases, rows or acts it stands for"`
		Cases   []id      `json:"cases" doc:"of those that you may know, the first few"`
		Refused bool      `json:"refused"`
	}
	type auditOut struct {
		Body struct {
			Lines []auditLine `json:"lines" doc:"the newest first"`
			Next  string      `json:"next,omitempty"`
		}
	}
	handle(s, s.scoped(huma.Operation{OperationID: "listAudit", Method: http.MethodGet, Path: "/audit", Summary: "Who did what, as far as you may know", Tags: []string{"audit"}}, []access.Scope{access.ReadAudit}),
		func(ctx context.Context, session *access.Session, in *auditIn) (*auditOut, error) {
			q := registry.AuditQuery{Act: in.Act, Case: in.Case, Refused: in.Refused, After: in.Cursor, Limit: in.Limit}
			if in.Mine {
				q.Member = registry.Me
			}
			var err, err2 error
			q.From, err = day("from", in.From)
			q.To, err2 = day("to", in.To)
			if err := errors.Join(err, err2); err != nil {
				return nil, err
			}
			page, err := s.reg.Audit(ctx, session, q)
			if err != nil {
				return nil, err
			}
			out := &auditOut{}
			out.Body.Lines, out.Body.Next = []auditLine{}, page.Next
			for _, l := range page.Lines {
				line := auditLine{At: l.At.UTC(), Member: l.Member, Act: l.Act, What: l.What, N: l.N, Cases: []id{}, Refused: l.Refused}
				for _, c := range l.Cases {
					line.Cases = append(line.Cases, id(c.ID))
				}
				out.Body.Lines = append(out.Body.Lines, line)
			}
			return out, nil
		})
}
