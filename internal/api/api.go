// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// Prefix is where the interface is, below the address of the pages.
const Prefix = "/api/"

// root is where this version of it is.
const root = "/api/v1"

// Options are what an installation decides about the interface.
type Options struct {
	Logger  *slog.Logger // required
	Version string       // of the program
}

// server serves the interface of one register. It may be shared.
type server struct {
	reg    *registry.Registry
	log    *slog.Logger
	api    huma.API
	shapes *shapes
	mux    *http.ServeMux
}

// New makes the interface of an open register.
func New(reg *registry.Registry, opts Options) http.Handler {
	s := &server{reg: reg, log: opts.Logger, mux: http.NewServeMux()}
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Kua", Version: opts.Version,
				Description: "The interface of a Kua register for programs. Records are described as this register's codebook has them; labels in English, Russian and Kazakh stand beside each kind, field and code as x-label.",
				License:     &huma.License{Name: "AGPL-3.0-or-later", Identifier: "AGPL-3.0-or-later"},
			},
			Servers:    []*huma.Server{{URL: root}},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)},
		},
		// No page of documentation: those of the library load from elsewhere.
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{withoutValues},
	}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"key": {Type: "http", Scheme: "bearer", BearerFormat: "kua_…", Description: "A key that a member has made: in their account under Programs, or by kua apikey new."},
	}
	s.shapes = newShapes(reg.Book(), config.Components.Schemas)
	s.api = humago.NewWithPrefix(s.mux, root, config)
	s.api.UseMiddleware(s.signed)
	s.caseOperations()
	s.outsideOperations()
	s.figureOperations()
	s.workOperations()
	s.changeOperations()
	s.writeOperations()
	s.document()
	s.mux.HandleFunc("/", s.elsewhere)
	return withHeaders(conditional(s.mux))
}

// Locked answers programs while the register is locked.
func Locked() http.Handler {
	return withHeaders(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		writeProblem(w, http.StatusServiceUnavailable, "the register is locked: a member opens it in the pages, and nobody but them")
	}))
}

// withHeaders sets what every answer has: nothing of it is kept on the way, shown
// as a page or read by a page of another site.
func withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

// elsewhere answers where nothing is, and where something is for another method.
func (s *server) elsewhere(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := s.mux.Handler(other); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeProblem(w, http.StatusMethodNotAllowed, "this address does not take "+methodName(r.Method))
		return
	}
	writeProblem(w, http.StatusNotFound, "there is nothing at this address: "+root+"/openapi.json lists what there is")
}

// methodName is a method as it may be repeated: one that is known.
func methodName(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return method
	}
	return "this method"
}

type (
	sessionKey struct{}
	secretKey  struct{}
)

// signed lets a request in that comes with a key: 401 where the key opens
// nothing, 403 where it is not for this, 429 where it asks too often.
func (s *server) signed(ctx huma.Context, next func(huma.Context)) {
	text, ok := strings.CutPrefix(ctx.Header("Authorization"), "Bearer ")
	if !ok {
		text = ""
	}
	session, err := s.signIn(ctx.Context(), text)
	if err != nil {
		s.fail(ctx, err)
		return
	}
	for _, all := range scopesOf(ctx.Operation()) { // of each group one
		if !session.Member.Limit.Has(all...) {
			s.fail(ctx, registry.ErrNotAllowed)
			return
		}
	}
	ctx = huma.WithValue(huma.WithValue(ctx, sessionKey{}, session), secretKey{}, text)
	next(ctx)
}

func (s *server) signIn(ctx context.Context, text string) (*access.Session, error) {
	if err := s.reg.Abreast(ctx); err != nil {
		return nil, err
	}
	return s.reg.SignInByKey(ctx, text)
}

// scoped says in the description of an operation which scopes it needs: of each
// group one.
func (s *server) scoped(op huma.Operation, groups ...[]access.Scope) huma.Operation {
	op.Metadata = map[string]any{"scopes": groups}
	var names []string
	var words []string
	for _, group := range groups {
		var any []string
		for _, scope := range group {
			any = append(any, string(scope))
		}
		names = append(names, any...)
		words = append(words, strings.Join(any, " or "))
	}
	op.Responses = map[string]*huma.Response{"default": {Description: "an error (RFC 9457)", Content: map[string]*huma.MediaType{
		"application/problem+json": {Schema: s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[huma.ErrorModel](), true, "")},
	}}}
	if op.Method == http.MethodGet && op.Path != streamPath {
		op.Responses["304"] = &huma.Response{Description: "it is what If-None-Match says"}
	}
	op.Security = []map[string][]string{{"key": {}}}
	if len(words) > 0 {
		op.Description = strings.TrimSpace(op.Description + " Scope of the key: " + strings.Join(words, ", and ") + ".")
		op.Extensions = map[string]any{"x-scopes": names}
	}
	return op
}

func scopesOf(op *huma.Operation) [][]access.Scope {
	groups, _ := op.Metadata["scopes"].([][]access.Scope)
	return groups
}

// handle registers an operation whose answer is asked for in a session.
func handle[I, O any](s *server, op huma.Operation, answer func(context.Context, *access.Session, *I) (*O, error)) {
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		session, ok := ctx.Value(sessionKey{}).(*access.Session)
		if !ok {
			return nil, s.problem(op.Path, registry.ErrAPIKey)
		}
		out, err := answer(ctx, session, in)
		if err != nil {
			return nil, s.problem(op.Path, err)
		}
		return out, nil
	})
}

// withoutValues takes out of an error what its request held: an error says what
// is wrong and where, and never repeats it.
func withoutValues(_ huma.Context, _ string, v any) (any, error) {
	e, ok := v.(*huma.ErrorModel)
	if !ok || len(e.Errors) == 0 {
		return v, nil
	}
	clean := *e
	clean.Errors = nil
	for _, d := range e.Errors {
		if d != nil {
			clean.Errors = append(clean.Errors, &huma.ErrorDetail{Message: d.Message, Location: d.Location})
		}
	}
	return &clean, nil
}

// fail writes the answer to an error that is met before an operation.
func (s *server) fail(ctx huma.Context, err error) {
	err = s.problem(ctx.Operation().Path, err)
	var headers huma.HeadersError
	if errors.As(err, &headers) {
		for name, values := range headers.GetHeaders() {
			for _, v := range values {
				ctx.SetHeader(name, v)
			}
		}
	}
	var status huma.StatusError
	if !errors.As(err, &status) {
		return
	}
	var model *huma.ErrorModel
	detail := http.StatusText(status.GetStatus())
	if errors.As(err, &model) {
		detail = model.Detail
	}
	_, w := humago.Unwrap(ctx)
	writeProblem(w, status.GetStatus(), detail)
}

// problem is what a program is told of an error: what it can do about it, and
// nothing of the inside.
func (s *server) problem(route string, err error) error {
	var invalid *registry.InvalidError
	var wait *access.WaitError
	var status huma.StatusError
	say := func(code int) error { return huma.NewError(code, err.Error()) }
	switch {
	case errors.As(err, &status):
		return err
	case errors.As(err, &invalid):
		var details []error
		for _, p := range invalid.Problems {
			at := "body.fields"
			if p.Field != "" {
				at += "." + p.Field
			}
			details = append(details, &huma.ErrorDetail{Message: p.What + ": expected " + p.Want, Location: at})
		}
		return huma.NewError(http.StatusUnprocessableEntity, "the record does not fit the codebook", details...)
	case errors.Is(err, registry.ErrAPIKey):
		return huma.ErrorWithHeaders(huma.NewError(http.StatusUnauthorized, registry.ErrAPIKey.Error()), http.Header{"Www-Authenticate": {"Bearer"}})
	case errors.As(err, &wait):
		seconds := max(1, int(math.Ceil(wait.Wait.Seconds())))
		return huma.ErrorWithHeaders(huma.NewError(http.StatusTooManyRequests, "this key asks too often"), http.Header{"Retry-After": {strconv.Itoa(seconds)}})
	case errors.Is(err, registry.ErrNotFound):
		return huma.NewError(http.StatusNotFound, registry.ErrNotFound.Error())
	case errors.Is(err, registry.ErrNotAllowed):
		return huma.NewError(http.StatusForbidden, "neither the key nor its member may do this")
	case errors.Is(err, registry.ErrChanged):
		return huma.NewError(http.StatusPreconditionFailed, "the record is not what If-Match says: read it again")
	case errors.Is(err, registry.ErrConflict):
		return huma.NewError(http.StatusConflict, "somebody else wrote to the same case meanwhile; nothing was written: try again")
	case errors.Is(err, registry.ErrCursor):
		return huma.NewError(http.StatusUnprocessableEntity, "this cursor is none of this list: begin without one")
	case errors.Is(err, registry.ErrNoRule):
		return huma.NewError(http.StatusUnprocessableEntity, "there is no such figure, check or deadline")
	case errors.Is(err, registry.ErrOther):
		return huma.NewError(http.StatusUnprocessableEntity, "this Idempotency-Key stands for another request of today: take another")
	case errors.Is(err, registry.ErrDoing):
		return huma.NewError(http.StatusConflict, "a request with this Idempotency-Key is still being done: ask again in a moment")
	case errors.Is(err, registry.ErrReason), errors.Is(err, registry.ErrNoHolder), errors.Is(err, registry.ErrManyWrites):
		return say(http.StatusUnprocessableEntity)
	case errors.Is(err, registry.ErrDiskFull):
		return huma.NewError(http.StatusInsufficientStorage, "a disk is full; nothing was written")
	case errors.Is(err, registry.ErrKept):
		return huma.NewError(http.StatusServiceUnavailable, registry.ErrKept.Error())
	case errors.Is(err, registry.ErrUnknown), errors.Is(err, registry.ErrUnaudited), errors.Is(err, registry.ErrBusy), errors.Is(err, registry.ErrNoAnswer), errors.Is(err, registry.ErrInUse):
		s.log.Warn("a program was not answered", slog.String("route", route), slog.String("type", fmt.Sprintf("%T", err)))
		return huma.ErrorWithHeaders(huma.NewError(http.StatusServiceUnavailable, "this can't be answered just now: try again, and where you wrote, read first"), http.Header{"Retry-After": {"5"}})
	case errors.Is(err, context.Canceled):
		return huma.NewError(http.StatusServiceUnavailable, "the request was broken off")
	}
	// The error's words may hold a search term or a name: they are written down at no level.
	s.log.Error("the interface for programs failed", slog.String("route", route), slog.String("type", fmt.Sprintf("%T", err)))
	return huma.NewError(http.StatusInternalServerError, "this failed inside; the register's log says where")
}
