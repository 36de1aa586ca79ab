// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
)

// Unlock opens the register with a passphrase: registry.ErrUnlock where it is
// not right, registry.ErrInUse where another program has the register open,
// access.ErrTooMany where too many are trying.
type Unlock func(ctx context.Context, passphrase string) error

// NewLocked makes the one page of a register that is locked. Who its members
// are can't be known while it is; so it asks for a passphrase and no name.
func NewLocked(unlock Unlock, words *locale.Catalogue, opts Options) (http.Handler, error) {
	s, err := newServer(nil, words, opts)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /unlock", s.open(func(v *visit) error { return s.unlock(v, unlock) }))
	mux.HandleFunc("GET /static/{hash}/{name}", s.assets.serve)
	for _, r := range s.handbookRoutes() {
		mux.HandleFunc(r.pattern, r.answer)
	}
	mux.HandleFunc("GET /", s.open(func(v *visit) error {
		return s.showLocked(v, lockedBody{Next: nextPage(v.r.URL.Path)}, http.StatusServiceUnavailable)
	}))
	mux.HandleFunc("/", s.open(func(v *visit) error { // a form that was open when the register was locked
		v.redirect("/")
		return nil
	}))
	return s.protect(mux), nil
}

type lockedBody struct{ Next, Problem string }

func (s *server) showLocked(v *visit, body lockedBody, status int) error {
	v.status = status
	return s.show(v, "locked", v.T("locked.title"), body)
}

func (s *server) unlock(v *visit, unlock Unlock) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, formLimit)
	if err := v.r.ParseForm(); err != nil {
		return errBadRequest
	}
	body := lockedBody{Next: nextPage(v.r.PostFormValue("next"))}
	passphrase := v.r.PostFormValue("passphrase")
	if passphrase == "" {
		body.Problem = v.T("locked.empty")
		return s.showLocked(v, body, http.StatusUnprocessableEntity)
	}
	err := unlock(v.r.Context(), passphrase)
	switch {
	case err == nil:
		v.redirect(landing(body.Next))
		return nil
	case errors.Is(err, access.ErrTooMany):
		v.w.Header().Set("Retry-After", "60")
		return oops{http.StatusTooManyRequests, "429"}
	case errors.Is(err, context.Canceled):
		body.Problem = v.T("locked.again")
	case errors.Is(err, registry.ErrUnlock):
		body.Problem = v.T("locked.wrong")
	case errors.Is(err, registry.ErrMayNotStart):
		body.Problem = v.T("locked.notyou")
	case errors.Is(err, registry.ErrInUse):
		body.Problem = v.T("locked.used")
	case errors.Is(err, registry.ErrManyStart):
		body.Problem = v.T("locked.many")
	default:
		body.Problem = v.T("locked.failed")
		s.log.Error("the register could not be opened", slog.Any("error", err)) // of files and keys, never of content
		return s.showLocked(v, body, http.StatusInternalServerError)
	}
	return s.showLocked(v, body, http.StatusUnprocessableEntity)
}

// unlocked answers the form of a locked page that somebody else was faster with.
func (s *server) unlocked(v *visit) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, formLimit)
	v.redirect(landing(nextPage(v.r.PostFormValue("next"))))
	return nil
}
