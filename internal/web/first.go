// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
)

// firstMost is how many letters the name of the first member or organisation may have.
const firstMost = 80

// First is a register that is to be made.
type First struct {
	Org    string // the organisation of its first member
	Pack   string // whose law and bodies it knows
	Member registry.FirstMember
}

// FirstStart is what the pages of a place without a register need. Whoever has
// the code makes the register: it is shown to whoever started the program.
type FirstStart struct {
	Code       access.Code
	Packs      []FirstPack                        // to choose from; one at the least
	Passphrase func() (string, error)             // makes one up
	Make       func(context.Context, First) error // once
}

// FirstPack is whose law and bodies a register can know.
type FirstPack struct {
	ID    string
	Label codebook.Label
	Draft bool // no lawyer has reviewed it
}

// NewFirst makes the pages of a place in which there is no register yet.
func NewFirst(start FirstStart, words *locale.Catalogue, opts Options) (http.Handler, error) {
	s, err := newServer(nil, words, opts)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /first", s.open(func(v *visit) error { return s.first(v, start) }))
	mux.HandleFunc("GET /static/{hash}/{name}", s.assets.serve)
	for _, r := range s.handbookRoutes() {
		mux.HandleFunc(r.pattern, r.answer)
	}
	mux.HandleFunc("GET /", s.open(func(v *visit) error {
		v.status = http.StatusServiceUnavailable
		return s.showFirst(v, firstBody{Step: "who", Packs: v.firstPacks(start, "")})
	}))
	return s.protect(mux), nil
}

type firstBody struct {
	Step            string // "who", "words", "confirm", "done"
	Problem         string
	Code, Org, Name string
	Pack            string
	Packs           []option // to choose from
	Made            string   // a passphrase
}

// firstPacks are the packs to choose from. None is chosen beforehand: it can't be changed later.
func (v *voice) firstPacks(start FirstStart, chosen string) []option {
	out := []option{{Text: v.T("first.pack.choose"), Selected: chosen == ""}}
	for _, p := range start.Packs {
		text := v.in(p.Label)
		if p.Draft {
			text = v.T("first.pack.draft", text)
		}
		out = append(out, option{Value: p.ID, Text: text, Selected: p.ID == chosen})
	}
	return out
}

func (s *server) showFirst(v *visit, body firstBody) error {
	return s.show(v, "first", v.T("first.title"), body)
}

// first goes from one step to the next. What was typed comes along in the form:
// nothing is kept of it until the register is made.
func (s *server) first(v *visit, start FirstStart) error {
	if err := limitedForm(v); err != nil {
		return err
	}
	value := func(name string) string { return strings.TrimSpace(v.r.PostFormValue(name)) }
	body := firstBody{Step: "who", Code: value("code"), Org: value("org"), Name: value("name"), Pack: value("pack"), Made: value("made")}
	body.Packs = v.firstPacks(start, body.Pack)
	again := func(problem string) error {
		v.status, body.Problem = http.StatusUnprocessableEntity, v.T(problem)
		return s.showFirst(v, body)
	}
	code, err := access.ParseCode(body.Code)
	if err != nil || code != start.Code {
		return again("first.code.wrong")
	}
	for _, name := range []string{body.Org, body.Name} {
		if n := utf8.RuneCountInString(name); n == 0 || n > firstMost {
			return again("first.empty")
		}
	}
	if !slices.ContainsFunc(start.Packs, func(p FirstPack) bool { return p.ID == body.Pack }) {
		return again("first.pack.none")
	}
	switch step := value("step"); {
	case body.Made == "" || step == "show":
		if body.Made == "" {
			if body.Made, err = start.Passphrase(); err != nil {
				return err
			}
		}
		body.Step = "words"
		return s.showFirst(v, body)
	case step == "written":
		body.Step = "confirm"
		return s.showFirst(v, body)
	}
	body.Step = "confirm"
	if !sameWords(value("typed"), body.Made) {
		return again("first.confirm.wrong")
	}
	err = start.Make(v.r.Context(), First{Org: body.Org, Pack: body.Pack, Member: registry.FirstMember{Name: body.Name, Lang: v.Code(), Passphrase: body.Made}})
	if errors.Is(err, context.Canceled) {
		return err
	}
	if err != nil {
		s.log.Error("the register could not be made", slog.Any("error", err)) // of folders and disks, never of what was typed
		return again("first.failed")
	}
	return s.showFirst(v, firstBody{Step: "done", Name: body.Name})
}
