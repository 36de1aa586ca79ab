// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/registry"
)

// Writing: what is written is answered by ids and versions alone, so that an
// answer can be kept for whoever asks again.

// written is a record that was written.
type written struct {
	Case    string `json:"case,omitempty" pattern:"^[0-9a-f]{32}$"`
	Record  id     `json:"record"`
	Version int    `json:"version" doc:"its ETag"`
}

// named is how a request to write is named, so that it is done once.
type Named struct {
	Key string `header:"Idempotency-Key" maxLength:"200" doc:"a name of your own for this request: asked again within a day it is not done again, and answered the same"`
}

// ifMatch is the version that whoever writes has seen.
type Seen struct {
	IfMatch string `header:"If-Match" maxLength:"40" doc:"the ETag of the record as it was read; required of a record that is there"`
}

// errUnseen says that a record that is there is to be written over unseen.
var errUnseen = huma.NewError(http.StatusPreconditionRequired, "say in If-Match which version you have read: its ETag")

func (s Seen) version() (int, error) {
	if s.IfMatch == "" {
		return 0, errUnseen
	}
	n, err := strconv.Atoi(strings.Trim(s.IfMatch, `"`))
	if err != nil || n < 1 || !strings.HasPrefix(s.IfMatch, `"`) {
		return 0, registry.ErrChanged // the ETag of something else, or one that is no longer
	}
	return n, nil
}

// newRecord is a record as it is taken.
type newRecord struct {
	Kind   string         `json:"kind"`
	Fields map[string]any `json:"fields"`
	Reason string         `json:"reason"`
	Source string         `json:"source"`
}

// Body is the body of a request that is read here: what the document says of it
// is made from the codebook, and the codebook says best what is wrong.
type Body struct {
	RawBody []byte `maxLength:"1048576"`
}

func unreadable(what, at string) error {
	return huma.NewError(http.StatusUnprocessableEntity, "the body is not what the document says", &huma.ErrorDetail{Message: what, Location: at})
}

// read reads a body, strictly.
func read(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return unreadable("expected a JSON object with the properties of the document and no others", "body")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return unreadable("expected one JSON object", "body")
	}
	return nil
}

// fieldsOf are the fields of a record as a program gives them: text, or a list of texts.
func fieldsOf(given map[string]any) (casefile.Fields, error) {
	out := casefile.Fields{}
	for name, value := range given {
		switch v := value.(type) {
		case string:
			out[name] = []string{v}
		case []any:
			for _, one := range v {
				text, ok := one.(string)
				if !ok {
					return nil, unreadable("expected a list of texts", "body.fields."+name)
				}
				out[name] = append(out[name], text)
			}
			if len(v) == 0 {
				return nil, unreadable("expected at least one value: leave the field out", "body.fields."+name)
			}
		default:
			return nil, unreadable("expected a text or a list of texts", "body.fields."+name)
		}
	}
	return out, nil
}

func (r newRecord) check() error {
	if r.Kind == "" || r.Fields == nil {
		return unreadable("expected kind and fields", "body")
	}
	if len([]rune(r.Reason)) > maxWords || len([]rune(r.Source)) > maxWords {
		return unreadable(fmt.Sprintf("expected at most %d letters", maxWords), "body.reason")
	}
	return nil
}

// taking says what the body of an operation is: by a description of its own.
func taking(op huma.Operation, schema *huma.Schema) huma.Operation {
	op.SkipValidateBody = true
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
	return op
}

// once writes for a program, once, and answers what was written.
func (s *server) once(ctx context.Context, session *access.Session, n Named, request string, body []byte, do func(newID func() string, again bool) ([]written, error)) ([]written, error) {
	b, err := s.reg.Once(ctx, session, n.Key, append([]byte(request+"\x00"), body...), func(newID func() string, again bool) ([]byte, error) {
		list, err := do(newID, again)
		if err != nil {
			return nil, err
		}
		return json.Marshal(list)
	})
	if err != nil {
		return nil, err
	}
	var list []written
	return list, json.Unmarshal(b, &list)
}

type oneWritten struct {
	Status int
	ETag   string `header:"ETag"`
	Body   written
}

func oneOf(status int, list []written, err error) (*oneWritten, error) {
	if err != nil {
		return nil, err
	}
	return &oneWritten{status, versionTag(list[0].Version), list[0]}, nil
}

// write writes one record.
func (s *server) write(ctx context.Context, session *access.Session, n Named, request string, body []byte, w registry.ProgramWrite, reason, source string, status int) (*oneWritten, error) {
	list, err := s.once(ctx, session, n, request, body, func(newID func() string, again bool) ([]written, error) {
		if w.Record == "" {
			w.Record = newID()
		}
		if err := s.reg.WritePrograms(ctx, session, []registry.ProgramWrite{w}, reason, source, again); err != nil {
			return nil, err
		}
		return []written{{w.Case, id(w.Record), w.Seen + 1}}, nil
	})
	return oneOf(status, list, err)
}

var (
	writesCases   = []access.Scope{access.WriteCases}
	writesOutside = []access.Scope{access.PutOutside}
)

func (s *server) writeOperations() {
	s.shapes.requests()
	s.newCaseOperation()
	type recordsIn struct {
		Named
		Body
		Case id `path:"case"`
	}
	type recordIn struct {
		Named
		Seen
		Body
		Case   id `path:"case"`
		Record id `path:"record"`
	}
	post := func(opID, path, summary, tag string, scopes []access.Scope, status int, schema string) huma.Operation {
		op := taking(s.scoped(huma.Operation{OperationID: opID, Method: http.MethodPost, Path: path, Summary: summary, Tags: []string{tag}, DefaultStatus: status}, scopes), ref(schema))
		return op
	}
	put := func(op huma.Operation) huma.Operation { op.Method = http.MethodPut; return op }
	given := func(body []byte) (newRecord, casefile.Fields, error) {
		var in newRecord
		if err := read(body, &in); err != nil {
			return in, nil, err
		}
		if err := in.check(); err != nil {
			return in, nil, err
		}
		fields, err := fieldsOf(in.Fields)
		return in, fields, err
	}
	handle(s, post("newCaseRecord", "/cases/{case}/records", "Put a new record into a case", "cases", writesCases, 201, "NewCaseRecord"), func(ctx context.Context, session *access.Session, in *recordsIn) (*oneWritten, error) {
		r, fields, err := given(in.RawBody)
		if err != nil {
			return nil, err
		}
		return s.write(ctx, session, in.Named, "POST "+string(in.Case), in.RawBody, registry.ProgramWrite{Case: string(in.Case), Kind: r.Kind, Fields: fields}, r.Reason, r.Source, 201)
	})
	handle(s, put(post("changeCaseRecord", "/cases/{case}/records/{record}", "Change a record of a case, or restore one", "cases", writesCases, 200, "ChangedCaseRecord")), func(ctx context.Context, session *access.Session, in *recordIn) (*oneWritten, error) {
		r, fields, err := given(in.RawBody)
		if err != nil {
			return nil, err
		}
		version, err := in.version()
		if err != nil {
			return nil, err
		}
		return s.write(ctx, session, in.Named, "PUT "+in.IfMatch+string(in.Case+in.Record), in.RawBody, registry.ProgramWrite{Case: string(in.Case), Record: string(in.Record), Kind: r.Kind, Fields: fields, Seen: version}, r.Reason, r.Source, 200)
	})
	type reasonBody struct {
		Reason string `json:"reason"`
	}
	why := func(body []byte) (string, error) {
		var in reasonBody
		if err := read(body, &in); err != nil {
			return "", err
		}
		if strings.TrimSpace(in.Reason) == "" || len([]rune(in.Reason)) > maxWords {
			return "", unreadable("expected why it is taken back", "body.reason")
		}
		return in.Reason, nil
	}
	handle(s, post("withdrawCaseRecord", "/cases/{case}/records/{record}/withdraw", "Take a record of a case back", "cases", writesCases, 200, "Withdrawal"), func(ctx context.Context, session *access.Session, in *recordIn) (*oneWritten, error) {
		reason, err := why(in.RawBody)
		if err != nil {
			return nil, err
		}
		version, err := in.version()
		if err != nil {
			return nil, err
		}
		return s.write(ctx, session, in.Named, "withdraw "+in.IfMatch+string(in.Case+in.Record), in.RawBody, registry.ProgramWrite{Case: string(in.Case), Record: string(in.Record), Seen: version, Withdraw: true}, reason, "", 200)
	})

	type outsideIn struct {
		Named
		Body
	}
	type outsideOneIn struct {
		Named
		Seen
		Body
		Record id `path:"record"`
	}
	const outside = "records outside cases"
	handle(s, post("newRecord", "/records", "Put a new record outside cases", outside, writesOutside, 201, "NewOutsideRecord"), func(ctx context.Context, session *access.Session, in *outsideIn) (*oneWritten, error) {
		r, fields, err := given(in.RawBody)
		if err != nil {
			return nil, err
		}
		return s.write(ctx, session, in.Named, "POST", in.RawBody, registry.ProgramWrite{Kind: r.Kind, Fields: fields}, r.Reason, r.Source, 201)
	})
	handle(s, put(post("changeRecord", "/records/{record}", "Change a record outside cases, or restore one", outside, writesOutside, 200, "NewOutsideRecord")), func(ctx context.Context, session *access.Session, in *outsideOneIn) (*oneWritten, error) {
		r, fields, err := given(in.RawBody)
		if err != nil {
			return nil, err
		}
		version, err := in.version()
		if err != nil {
			return nil, err
		}
		return s.write(ctx, session, in.Named, "PUT "+in.IfMatch+string(in.Record), in.RawBody, registry.ProgramWrite{Record: string(in.Record), Kind: r.Kind, Fields: fields, Seen: version}, r.Reason, r.Source, 200)
	})
	handle(s, post("withdrawRecord", "/records/{record}/withdraw", "Take a record outside cases back", outside, writesOutside, 200, "Withdrawal"), func(ctx context.Context, session *access.Session, in *outsideOneIn) (*oneWritten, error) {
		reason, err := why(in.RawBody)
		if err != nil {
			return nil, err
		}
		version, err := in.version()
		if err != nil {
			return nil, err
		}
		return s.write(ctx, session, in.Named, "withdraw "+in.IfMatch+string(in.Record), in.RawBody, registry.ProgramWrite{Record: string(in.Record), Seen: version, Withdraw: true}, reason, "", 200)
	})
	s.bulkOperation()
}

func (s *server) newCaseOperation() {
	type in struct {
		Named
		Body
	}
	type body struct {
		Org        string      `json:"org"`
		ExternalID string      `json:"external_id"`
		Context    string      `json:"context"`
		Restricted bool        `json:"restricted"`
		Records    []newRecord `json:"records"`
	}
	op := taking(s.scoped(huma.Operation{OperationID: "newCase", Method: http.MethodPost, Path: "/cases", Summary: "Open a case", Tags: []string{"cases"}, DefaultStatus: 201}, writesCases), ref("NewCase"))
	handle(s, op, func(ctx context.Context, session *access.Session, in *in) (*oneWritten, error) {
		var b body
		if err := read(in.RawBody, &b); err != nil {
			return nil, err
		}
		if len(b.Records) > registry.MaxProgramWrites {
			return nil, registry.ErrManyWrites
		}
		n := registry.NewCase{Org: b.Org, ExternalID: b.ExternalID, Context: b.Context, Restricted: b.Restricted}
		for _, r := range b.Records {
			if err := r.check(); err != nil {
				return nil, err
			}
			fields, err := fieldsOf(r.Fields)
			if err != nil {
				return nil, err
			}
			n.Records = append(n.Records, registry.Put{Kind: r.Kind, Fields: fields, Source: r.Source})
		}
		list, err := s.once(ctx, session, in.Named, "new case", in.RawBody, func(newID func() string, again bool) ([]written, error) {
			n.ID = newID()
			done := []written{{n.ID, id(n.ID), 1}}
			if again {
				if _, err := s.reg.Case(ctx, session, n.ID, registry.Clock{}); err == nil {
					return done, nil
				}
			}
			if _, err := s.reg.NewCase(ctx, session, n); err != nil {
				return nil, err
			}
			return done, nil
		})
		return oneOf(201, list, err)
	})
}

// bulkOperation writes many records: all of them or none.
func (s *server) bulkOperation() {
	type in struct {
		Named
		Body
	}
	type one struct {
		Case     string         `json:"case"`
		Record   string         `json:"record"`
		Version  int            `json:"version"`
		Kind     string         `json:"kind"`
		Fields   map[string]any `json:"fields"`
		Withdraw bool           `json:"withdraw"`
	}
	type body struct {
		Reason string `json:"reason"`
		Source string `json:"source"`
		Writes []one  `json:"writes"`
	}
	type out struct {
		Body struct {
			Written []written `json:"written" doc:"in the order of the request"`
		}
	}
	op := taking(s.scoped(huma.Operation{OperationID: "bulk", Method: http.MethodPost, Path: "/bulk", Summary: "Write many records, all of them or none",
		Description: fmt.Sprintf("At most %d, each record once. A case that is named needs the scope write, a record outside cases write_outside.", registry.MaxProgramWrites), Tags: []string{"bulk"}},
		[]access.Scope{access.WriteCases, access.PutOutside}), ref("Bulk"))
	handle(s, op, func(ctx context.Context, session *access.Session, in *in) (*out, error) {
		var b body
		if err := read(in.RawBody, &b); err != nil {
			return nil, err
		}
		if len(b.Writes) == 0 || len(b.Writes) > registry.MaxProgramWrites {
			return nil, registry.ErrManyWrites
		}
		if len([]rune(b.Reason)) > maxWords || len([]rune(b.Source)) > maxWords {
			return nil, unreadable(fmt.Sprintf("expected at most %d letters", maxWords), "body.reason")
		}
		writes := make([]registry.ProgramWrite, len(b.Writes))
		for i, w := range b.Writes {
			fields, err := fieldsOf(w.Fields)
			if err != nil {
				return nil, err
			}
			if (w.Record == "") != (w.Version == 0) || w.Version < 0 || w.Withdraw && w.Record == "" || !w.Withdraw && w.Kind == "" || !isID(w.Case) || !isID(w.Record) {
				return nil, unreadable("expected a new record (kind, fields) or one that is there (record, version) by its ids", fmt.Sprintf("body.writes[%d]", i))
			}
			writes[i] = registry.ProgramWrite{Case: w.Case, Record: w.Record, Kind: w.Kind, Fields: fields, Seen: w.Version, Withdraw: w.Withdraw}
		}
		list, err := s.once(ctx, session, in.Named, "bulk", in.RawBody, func(newID func() string, again bool) ([]written, error) {
			var done []written
			for i := range writes {
				if writes[i].Record == "" {
					writes[i].Record = newID()
				}
				done = append(done, written{writes[i].Case, id(writes[i].Record), writes[i].Seen + 1})
			}
			return done, s.reg.WritePrograms(ctx, session, writes, b.Reason, b.Source, again)
		})
		if err != nil {
			return nil, err
		}
		o := &out{}
		o.Body.Written = list
		return o, nil
	})
}

// isID tells whether a text is an id, or none.
func isID(text string) bool {
	return text == "" || len(text) == 32 && strings.Trim(text, "0123456789abcdef") == ""
}

// requests describes what is taken besides a record.
func (sh *shapes) requests() {
	text := func(max int) *huma.Schema { return &huma.Schema{Type: "string", MaxLength: length(max)} }
	sh.all["Withdrawal"] = &huma.Schema{Type: "object", AdditionalProperties: false, Required: []string{"reason"}, Properties: map[string]*huma.Schema{
		"reason": {Type: "string", MinLength: length(1), MaxLength: length(maxWords), Description: "why it is taken back"},
	}}
	sh.all["NewCase"] = &huma.Schema{Type: "object", AdditionalProperties: false, Required: []string{"org"}, Properties: map[string]*huma.Schema{
		"org":         ref("ID"),
		"external_id": {Type: "string", MaxLength: length(200), Description: "the organisation's own number"},
		"context":     {Type: "string", MaxLength: length(80), Description: "a code of list context"},
		"restricted":  {Type: "boolean", Description: "its existence is shown to nobody who is not named"},
		"records":     {Type: "array", MaxItems: length(registry.MaxProgramWrites), Items: ref("NewCaseRecord")},
	}}
	sh.all["Bulk"] = &huma.Schema{Type: "object", AdditionalProperties: false, Required: []string{"writes"}, Properties: map[string]*huma.Schema{
		"reason": text(maxWords), "source": text(maxWords),
		"writes": {Type: "array", MinItems: length(1), MaxItems: length(registry.MaxProgramWrites), Items: &huma.Schema{Type: "object", AdditionalProperties: false, Properties: map[string]*huma.Schema{
			"case":     ref("ID"),
			"record":   ref("ID"),
			"version":  {Type: "integer", Minimum: number(1), Description: "of a record that is there: as it was read"},
			"kind":     {Type: "string", Description: "of a record that is put"},
			"fields":   {Type: "object", Description: "as in NewCaseRecord or NewOutsideRecord", AdditionalProperties: &huma.Schema{AnyOf: []*huma.Schema{{Type: "string"}, {Type: "array", Items: &huma.Schema{Type: "string"}}}}},
			"withdraw": {Type: "boolean", Description: "it is taken back"},
		}}},
	}}
}
