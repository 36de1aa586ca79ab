// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// What a member is told outside the register: a calendar link and reminders.

// toldRegister is what those pages ask of the registry.
type toldRegister interface {
	Feed(s *access.Session) registry.FeedView
	MakeFeed(ctx context.Context, s *access.Session) (string, error)
	EndFeed(ctx context.Context, s *access.Session) error
	FeedOf(ctx context.Context, secret string) (registry.FeedContent, error)
	Reminders(s *access.Session) registry.RemindersView
	SetReminders(ctx context.Context, s *access.Session, often, address string) error
	Mail(ctx context.Context, s *access.Session) (registry.MailView, error)
	SetMail(ctx context.Context, s *access.Session, m registry.MailServer) error
	EndMail(ctx context.Context, s *access.Session) error
	Place(ctx context.Context, s *access.Session, ask bool) (registry.PlaceView, error)
	TryMail(ctx context.Context, s *access.Session, to string, post registry.Post) error
}

func (s *server) toldRoutes() []route {
	return []route{
		{"POST /account/feed", s.signed(s.makeFeed)},
		{"POST /account/feed/end", s.signed(s.endFeed)},
		{"POST /account/reminders", s.signed(s.setReminders)},
		{"GET /mail", s.signed(s.mailPage)},
		{"POST /mail", s.signed(s.setMail)},
		{"POST /mail/end", s.signed(s.endMail)},
		{"POST /mail/try", s.signed(s.tryMail)},
		{"GET /feed/{secret}", s.open(s.feed)},
	}
}

// toldCard is what a member's account says of it.
type toldCard struct {
	Feed          bool
	Since, Asked  string
	Often         []option
	Address       string
	NoMail, Wrong bool
	Urgent        bool // urgent reports can become theirs
}

// told is nil for those for whom nothing is ever due.
func (s *server) told(v *visit, wrong bool) *toldCard {
	if !s.reg.HasDue(v.session) {
		return nil
	}
	feed, reminders := s.reg.Feed(v.session), s.reg.Reminders(v.session)
	card := &toldCard{Feed: feed.On, Address: reminders.Address, NoMail: !reminders.Mail, Wrong: wrong, Urgent: v.session.Member.Is(access.Intake)}
	if feed.On {
		card.Since, card.Asked = v.T("told.feed.on", v.moment(feed.Since)), v.T("told.feed.unasked")
		if !feed.Asked.IsZero() {
			card.Asked = v.T("told.feed.asked", v.moment(feed.Asked))
		}
	}
	if wrong {
		card.Address, reminders.Often = v.r.PostFormValue("address"), v.r.PostFormValue("often")
	}
	for _, often := range []string{registry.Never, registry.Weekly, registry.Daily} {
		key := often
		if key == registry.Never {
			key = "never"
		}
		card.Often = append(card.Often, option{often, v.T("told.reminders." + key), often == reminders.Often})
	}
	return card
}

type feedMadeBody struct{ Link string }

// makeFeed makes a calendar link and shows it, this once.
func (s *server) makeFeed(v *visit) error {
	secret, err := s.reg.MakeFeed(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	scheme := "http://"
	if s.secure {
		scheme = "https://"
	}
	return s.show(v, "feed", v.T("told.feed.made"), feedMadeBody{scheme + v.r.Host + "/feed/" + secret + ".ics"})
}

func (s *server) endFeed(v *visit) error {
	if err := s.reg.EndFeed(v.r.Context(), v.session); err != nil && !errors.Is(err, registry.ErrNoFeed) {
		return err // one that is withdrawn already is withdrawn
	}
	v.redirect("/account?done=feed_ended")
	return nil
}

func (s *server) setReminders(v *visit) error {
	err := s.reg.SetReminders(v.r.Context(), v.session, v.r.PostFormValue("often"), v.r.PostFormValue("address"))
	switch {
	case errors.Is(err, registry.ErrAddress):
		v.status = http.StatusUnprocessableEntity
		return s.showAccount(v, "", "")
	case errors.Is(err, registry.ErrOften):
		return errBadRequest
	case err != nil:
		return err
	}
	v.redirect("/account?done=reminders")
	return nil
}

// feed answers a calendar program. Whoever has no such link is told what they
// are told of any page that is not there.
func (s *server) feed(v *visit) error {
	secret, ok := strings.CutSuffix(v.r.PathValue("secret"), ".ics")
	if !ok {
		return registry.ErrNotFound
	}
	content, err := s.reg.FeedOf(v.r.Context(), secret)
	if err != nil {
		return err
	}
	lang, ok := s.words.Lookup(content.Lang)
	if !ok {
		lang = v.Language
	}
	v.voice = s.voice(lang)
	h := v.w.Header()
	h.Set("Content-Type", "text/calendar; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="calendar.ics"`)
	_, _ = v.w.Write(v.calendarFile(content)) // who has gone needs no answer
	return nil
}

type mailBody struct {
	On, Password              bool
	Host, Port, User, From    string
	TLS                       []option
	Members, State, Why, Done string
	Problem                   bool
	Try                       bool
	TryTo, TryProblem         string
}

// mailPage is how reminders are sent, for administrators.
func (s *server) mailPage(v *visit) error {
	done := ""
	switch v.r.URL.Query().Get("done") {
	case "saved":
		done = v.T("mail.saved")
	case "ended":
		done = v.T("mail.ended")
	case "tried":
		done = v.T("mail.tried")
	}
	return s.showMail(v, mailBody{Done: done}, nil)
}

// showMail shows the page, with what was sent and not taken in place of what is set up.
func (s *server) showMail(v *visit, body mailBody, sent *registry.MailServer) error {
	view, err := s.reg.Mail(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	server := view.Server
	if server.TLS == "" {
		server.TLS, server.Port = registry.StartTLS, 587
	}
	if sent != nil {
		server = *sent
	}
	body.On, body.Password, body.Try = view.On, view.Password, view.On && s.post != nil
	body.Host, body.User, body.From = server.Host, server.User, server.From
	if server.Port > 0 {
		body.Port = strconv.Itoa(server.Port)
	}
	for _, how := range []string{registry.StartTLS, registry.WithTLS, registry.NoTLS} {
		body.TLS = append(body.TLS, option{how, v.T("mail.tls." + how), how == server.TLS})
	}
	body.Members, body.State = v.N("mail.members", view.Members), v.T("mail.never")
	if !view.At.IsZero() {
		body.State = v.T("mail.last", v.moment(view.At), view.Sent, view.Failed)
	}
	if view.Why != "" {
		body.Why = v.T("mail.why." + view.Why)
	}
	return s.show(v, "mail", v.T("mail.title"), body)
}

func (s *server) setMail(v *visit) error {
	port, _ := strconv.Atoi(strings.TrimSpace(v.r.PostFormValue("port"))) // 0 is refused
	m := registry.MailServer{
		Host: strings.TrimSpace(v.r.PostFormValue("host")), Port: port, TLS: v.r.PostFormValue("tls"),
		User: strings.TrimSpace(v.r.PostFormValue("user")), Password: v.r.PostFormValue("secret"), From: v.r.PostFormValue("from_address"),
	}
	err := s.reg.SetMail(v.r.Context(), v.session, m)
	if errors.Is(err, registry.ErrMailServer) || errors.Is(err, registry.ErrAddress) {
		v.status = http.StatusUnprocessableEntity
		return s.showMail(v, mailBody{Problem: true}, &m)
	}
	if err != nil {
		return err
	}
	v.redirect("/mail?done=saved")
	return nil
}

func (s *server) endMail(v *visit) error {
	if err := s.reg.EndMail(v.r.Context(), v.session); err != nil {
		return err
	}
	v.redirect("/mail?done=ended")
	return nil
}

func (s *server) tryMail(v *visit) error {
	if s.post == nil {
		return registry.ErrNotFound
	}
	to := v.r.PostFormValue("address")
	err := s.reg.TryMail(v.r.Context(), v.session, to, s.post)
	var not *registry.MailError
	body := mailBody{TryTo: to}
	switch {
	case err == nil:
		v.redirect("/mail?done=tried")
		return nil
	case errors.As(err, &not):
		body.TryProblem = v.T("mail.why." + not.Why)
	case errors.Is(err, registry.ErrAddress):
		body.TryProblem = v.T("told.reminders.problem")
	default:
		return err
	}
	v.status = http.StatusUnprocessableEntity
	return s.showMail(v, body, nil)
}
