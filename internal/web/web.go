// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/bodymap"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/letter"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/rules"
	"github.com/kua-registry/kua/internal/takein"
)

// register is what the pages ask of the registry. Its second user is the
// invented register of the tests.
type register interface {
	SignIn(ctx context.Context, in registry.SignIn) (*access.Session, error)
	Abreast(ctx context.Context) error
	Session(token string) (*access.Session, bool)
	SignOut(s *access.Session)
	LockOwn(s *access.Session)
	MayLock(s *access.Session) error
	LocksAll(s *access.Session) error
	Audit(ctx context.Context, s *access.Session, q registry.AuditQuery) (registry.AuditPage, error)
	Alarms(ctx context.Context, s *access.Session) ([]registry.Alarm, error)
	SeeAlarm(ctx context.Context, s *access.Session, id, note string) error
	AskToOpen() (registry.PasskeyQuestion, error)
	AskToStep(token string) (registry.PasskeyQuestion, error)
	AskToMake(s *access.Session) (registry.PasskeyQuestion, error)
	Passkeys(s *access.Session) []registry.PasskeyView
	AddPasskey(ctx context.Context, s *access.Session, n registry.NewPasskey) error
	RenamePasskey(ctx context.Context, s *access.Session, id, name string) error
	RemovePasskey(ctx context.Context, s *access.Session, id string) error
	SignInByPasskey(ctx context.Context, a registry.PasskeyAnswer) (*access.Session, error)
	Prove(ctx context.Context, s *access.Session, passphrase string) error
	NameDevice(s *access.Session, device string)
	OwnSessions(s *access.Session) []access.SessionView
	EndSession(s *access.Session, id string) error
	EndOthers(s *access.Session) int
	HalfOpen(token string) (*access.Half, bool)
	SignInCode(ctx context.Context, token, code string) (*access.Session, error)
	SignInPasskeyStep(ctx context.Context, token string, answer []byte) (*access.Session, error)
	Factor(s *access.Session) registry.FactorView
	BeginFactor(ctx context.Context, s *access.Session) error
	ConfirmFactor(ctx context.Context, s *access.Session, code string) ([]string, error)
	ConfirmFactorHalf(ctx context.Context, token, code string) ([]string, *access.Session, error)
	EndFactor(ctx context.Context, s *access.Session) error
	ChangePassphrase(ctx context.Context, s *access.Session, old, next string) (string, error)
	SetLanguage(ctx context.Context, s *access.Session, id, lang string) error
	Organisation(ctx context.Context, nameOrID string) (registry.Org, bool)
	Overview(ctx context.Context, s *access.Session, q registry.OverviewQuery) (registry.Overview, error)
	Cases(ctx context.Context, s *access.Session, q registry.Query) (registry.Page, error)
	Case(ctx context.Context, s *access.Session, idOrNumber string, clock registry.Clock) (registry.CaseView, error)
	Holders(ctx context.Context, s *access.Session, caseID string) ([]registry.Holder, error)
	Grant(ctx context.Context, s *access.Session, caseID string, g registry.NewGrant) (registry.GrantView, error)
	Revoke(ctx context.Context, s *access.Session, caseID, grant, reason string) error
	RevokeKept(ctx context.Context, s *access.Session, caseID, org, reason string) (registry.RevocationView, error)
	Restrict(ctx context.Context, s *access.Session, caseID string, restricted bool) error
	Erase(ctx context.Context, s *access.Session, caseID string, e registry.Erasure) error
	ErasureFinal() time.Time
	AskReview(ctx context.Context, s *access.Session, caseID, comment string) error
	TakeBackReview(ctx context.Context, s *access.Session, caseID, comment string) error
	Review(ctx context.Context, s *access.Session, caseID string, v registry.ReviewVerdict) error
	Figures(ctx context.Context, s *access.Session, q registry.FigureQuery) (registry.FigureTable, error)
	Organisations(ctx context.Context, s *access.Session) ([]registry.Org, error)
	Info(ctx context.Context, s *access.Session) (registry.Info, error)
	Recovery(s *access.Session) (registry.RecoveryView, error)
	backupRegister
	apiKeyRegister
	webhookRegister
	statusRegister
	memberRegister
	recordRegister
	termsRegister
	stateRegister
	outsideRegister
	captureRegister
	fileRegister
	uploadRegister
	copyRegister
	letterRegister
	bundleRegister
	bulkRegister
	analysisRegister
	estimateRegister
	encodedRegister
	matchingRegister
	statementRegister
	stampRegister
	inboxRegister
	exchangeRegister
	exportRegister
	takein.Register
	Book() *codebook.Book
	Rules() *rules.Set
	Today() edtf.Day
}

// Options are what an installation decides about its pages.
type Options struct {
	Secure bool         // the pages are reached by TLS: cookies are never sent without it
	Logger *slog.Logger // required
	// LockAll begins to lock the whole register and does not wait for it; nil:
	// whoever serves the pages can't.
	LockAll func()
	// Published is told that something was published, or that the public page is
	// to be another; nil: nobody wants to know.
	Published func()
	// Post sends a letter, to try a mail server; nil: none can be tried.
	Post registry.Post
	// Ask asks a time-stamping authority; nil: none can be asked from the pages.
	Ask registry.Ask
	// Around says how it stands around the register; nil: it can't be told.
	Around func() (Around, error)
	// Reports is what is published of the keys for reports from outside; nil: it
	// can't be told.
	Reports func() (Reports, error)
}

// server serves the pages of one register. It may be shared.
type server struct {
	reg       register // nil: it is locked
	words     *locale.Catalogue
	pages     map[string]*templates // by language
	assets    *assets
	views     []bodymap.View
	letters   *letter.Set // nil: it is locked
	secure    bool
	log       *slog.Logger
	lockAll   func() // nil: not to be had
	post      registry.Post
	ask       registry.Ask            // nil: not to be had
	reports   func() (Reports, error) // nil: not to be had
	around    func() (Around, error)  // never nil
	published func()                  // tells whoever serves the pages; never nil
	takenOut  takenOut                // what exports carried that were fetched
	lists     sentLists               // that wait to be taken in
	said      func() []sentence       // what readers of files may say; put together when first asked for
	zips      sync.Pool               // of *gzip.Writer
}

// New makes the pages of a register.
func New(reg register, words *locale.Catalogue, opts Options) (http.Handler, error) {
	s, err := newServer(reg, words, opts)
	if err != nil {
		return nil, err
	}
	return s.protect(s.mux()), nil
}

func newServer(reg register, words *locale.Catalogue, opts Options) (*server, error) {
	s := &server{reg: reg, words: words, secure: opts.Secure, log: opts.Logger, lockAll: opts.LockAll, post: opts.Post, ask: opts.Ask, reports: opts.Reports, published: opts.Published, around: opts.Around, pages: map[string]*templates{}}
	if s.around == nil {
		s.around = nothingAround
	}
	if s.published == nil {
		s.published = func() {}
	}
	var err error
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	s.views = bodymap.Views()
	s.said = sync.OnceValue(func() []sentence { return saidSentences(words) })
	if reg != nil {
		if s.letters, err = reg.Letters(); err != nil {
			return nil, err
		}
	}
	for _, l := range words.Languages() {
		if s.pages[l.Code()], err = newTemplates(s.voice(l), s.assets); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// protect refuses the forms of other sites and sets the header of every answer.
func (s *server) protect(pages http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(s.visit(w, r), oops{http.StatusForbidden, "cross"})
	}))
	return s.guard(cross.Handler(s.abreast(pages)))
}

// abreast has an answer stand on what was written on other machines, too. Where
// it can't be known what that is, nothing is shown: it could be the past.
func (s *server) abreast(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.reg != nil && !strings.HasPrefix(r.URL.Path, "/static/") {
			if err := s.reg.Abreast(r.Context()); err != nil {
				v := &visit{w: w, r: r, status: http.StatusOK, zips: &s.zips}
				v.voice = s.voice(s.language(r, nil))
				s.fail(v, err)
				return
			}
		}
		pages.ServeHTTP(w, r)
	})
}

// route is an address and what answers there. All routes stand in one table,
// which a test goes through to see that none gives away what is not open.
type route struct {
	pattern string
	answer  http.HandlerFunc
}

func (s *server) routes() []route {
	return slices.Concat(s.memberRoutes(), s.bulkRoutes(), s.keysRoutes(), s.apiKeyRoutes(), s.webhookRoutes(), s.termsRoutes(), s.recordRoutes(), s.draftRoutes(), s.newCaseRoutes(), s.examinationRoutes(), s.custodyRoutes(), s.stateRoutes(), s.outsideRoutes(), s.captureRoutes(), s.fileRoutes(), s.uploadRoutes(), s.copyRoutes(), s.letterRoutes(), s.bundleRoutes(), s.analysisRoutes(), s.estimateRoutes(), s.encodedRoutes(), s.matchingRoutes(), s.statementRoutes(), s.stampRoutes(), s.inboxRoutes(), s.exchangeRoutes(), s.exportRoutes(), s.importRoutes(), s.handbookRoutes(), []route{
		{"GET /sign-in", s.open(s.signInPage)},
		{"POST /sign-in", s.open(s.signIn)},
		{"GET /sign-in/code", s.open(s.codePage)},
		{"POST /sign-in/code", s.open(s.giveCode)},
		{"POST /sign-in/code/passkey", s.open(s.stepByPasskey)},
		{"GET /sign-in/factor", s.open(s.mustSetFactor)},
		{"POST /sign-in/factor", s.open(s.mustConfirmFactor)},
		{"POST /sign-in/passkey", s.open(s.signInByPasskey)},
		{"POST /sign-out", s.open(s.signOut)},
		{"POST /lock", s.open(s.lock)},
		{"POST /lock-all", s.signed(s.lockForAll)},
		{"POST /unlock", s.open(s.unlocked)},
		{"GET /{$}", s.signed(s.overview)},
		{"GET /cases", s.signed(s.cases)},
		{"GET /cases/{id}", s.signed(s.oneCase)},
		{"GET /cases/{id}/access", s.signed(s.accessPage)},
		{"POST /cases/{id}/access", s.signed(s.changeAccess)},
		{"GET /cases/{id}/erase", s.signed(s.erasePage)},
		{"POST /cases/{id}/erase", s.signed(s.erase)},
		{"GET /cases/{id}/review", s.signed(s.reviewPage)},
		{"POST /cases/{id}/review", s.signed(s.reviewCase)},
		{"GET /figures", s.signed(s.figures)},
		{"GET /about", s.signed(s.about)},
		{"GET /status", s.signed(s.status)},
		{"GET /audit", s.signed(s.audit)},
		{"POST /audit/seen", s.signed(s.seeAlarm)},
		{"GET /account", s.signed(s.account)},
		{"POST /account/sessions/end", s.signed(s.endSession)},
		{"POST /account/sessions/others", s.signed(s.endOthers)},
		{"POST /account/language", s.signed(s.setLanguage)},
		{"GET /account/passkeys", s.signed(s.passkeysPage)},
		{"POST /account/passkeys", s.signed(s.addPasskey)},
		{"POST /account/passkeys/rename", s.signed(s.renamePasskey)},
		{"POST /account/passkeys/remove", s.signed(s.removePasskey)},
		{"POST /account/passphrase", s.signed(s.changePassphrase)},
		{"POST /account/browser/forget", s.signed(s.forgetBrowser)},
		{"POST /account/factor/begin", s.signed(s.beginFactor)},
		{"GET /account/factor", s.signed(s.factorPage)},
		{"POST /account/factor", s.signed(s.confirmFactor)},
		{"POST /account/factor/off", s.signed(s.endFactor)},
		{"GET /static/{hash}/{name}", s.assets.serve},
		{"/", s.open(func(*visit) error { return registry.ErrNotFound })},
	})
}

func (s *server) mux() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.HandleFunc(r.pattern, r.answer)
	}
	return mux
}

// open answers a request that needs no session.
func (s *server) open(answer func(*visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := s.visit(w, r)
		if s.switchLanguage(v) {
			return
		}
		if err := answer(v); err != nil {
			s.fail(v, err)
		}
	}
}

// signed answers a request of a member who has signed in, and leads everyone
// else to the sign-in.
func (s *server) signed(answer func(*visit) error) http.HandlerFunc {
	return s.open(func(v *visit) error {
		if v.session == nil {
			if done, err := s.askAgain(v); done || err != nil {
				return err
			}
			over := ""
			if _, err := v.r.Cookie(s.cookieName()); err == nil {
				over = "1"
				s.setCookie(v, s.cookieName(), "", -1)
			}
			v.redirect(link("/sign-in", "next", nextPage(v.r.URL.Path), "over", over))
			return nil
		}
		if ok, err := s.proved(v); !ok || err != nil {
			return err
		}
		return s.answered(v, answer(v))
	})
}

// oops is a failure that has a page of its own: error.<page>.title, error.<page>.text.
type oops struct {
	status int
	page   string
}

func (o oops) Error() string { return fmt.Sprintf("%d %s", o.status, o.page) }

var errBadRequest = oops{http.StatusBadRequest, "400"}

// fail shows why there is no page, without anything of the inside.
func (s *server) fail(v *visit, err error) {
	var o oops
	switch {
	case errors.As(err, &o):
	case errors.Is(err, registry.ErrNotFound):
		o = oops{http.StatusNotFound, "404"}
	case errors.Is(err, registry.ErrUnaudited):
		o = oops{http.StatusServiceUnavailable, "unaudited"}
		s.log.Error("a page with names was not shown, because it could not be written down who reads it: is the disk full, or the database away?", slog.String("route", v.r.Pattern))
	case errors.Is(err, registry.ErrAway):
		o = oops{http.StatusServiceUnavailable, "away"}
		s.log.Warn("a file is in the bucket, which does not hand it out: 'kua evidence place' says why", slog.String("route", v.r.Pattern))
	case errors.Is(err, registry.ErrKept):
		o = oops{http.StatusServiceUnavailable, "kept"}
		s.log.Error("a write is kept, and the index could not follow: is the disk full?", slog.String("route", v.r.Pattern))
	case errors.Is(err, registry.ErrUnknown):
		o = oops{http.StatusServiceUnavailable, "unknown"}
		s.log.Error("it is not known whether a write was kept: does the ledger's database run?", slog.String("route", v.r.Pattern))
	case errors.Is(err, registry.ErrDiskFull):
		o = oops{http.StatusInsufficientStorage, "full"}
		s.log.Error("a disk is full: the register's, or its database's", slog.String("route", v.r.Pattern))
	case errors.Is(err, registry.ErrReturned):
		o = oops{http.StatusConflict, "restored"}
	case errors.Is(err, registry.ErrBusy):
		o = oops{http.StatusServiceUnavailable, "busy"}
		s.log.Warn("another machine of the register has been writing for some time", slog.String("route", v.r.Pattern))
	case errors.Is(err, registry.ErrNoAnswer):
		o = oops{http.StatusServiceUnavailable, "noanswer"}
		s.log.Error("the ledger's database does not answer", slog.String("route", v.r.Pattern))
	case errors.Is(err, registry.ErrNotAllowed):
		o = oops{http.StatusForbidden, "403"}
	case errors.Is(err, access.ErrTooMany):
		s.retryAfter(v, err)
		o = oops{http.StatusTooManyRequests, "429"}
	case errors.Is(err, context.Canceled):
		return // nobody waits for the answer
	default:
		o = oops{http.StatusInternalServerError, "500"}
		// The error's words may hold a search term or a name: they are written down at no level.
		s.log.Error("a page failed", slog.String("route", v.r.Pattern), slog.String("type", types(err)))
	}
	s.showError(v, o)
}

// types are the types of an error and of what it wraps: all of it that may be
// written down.
func types(err error) string {
	var names []string
	for ; err != nil && len(names) < 8; err = errors.Unwrap(err) {
		names = append(names, fmt.Sprintf("%T", err))
	}
	return strings.Join(names, " of ")
}

// showError shows an error page.
func (s *server) showError(v *visit, o oops) {
	body := errorPage{
		Status: o.status,
		Title:  v.T("error." + o.page + ".title"),
		Text:   v.T("error." + o.page + ".text"),
		Href:   "/", Action: v.T("error.back"),
	}
	if v.session == nil {
		body.Href, body.Action = "/sign-in", v.T("error.signin")
	}
	v.status = o.status
	if err := s.show(v, "error", body.Title, body); err != nil {
		s.log.Error("the error page failed", slog.String("type", types(err)))
	}
}

type errorPage struct {
	Status                    int
	Title, Text, Href, Action string
}
