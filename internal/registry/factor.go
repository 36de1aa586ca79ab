// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
)

// factorKind is a record in the stream of a member. Like all that decides who
// is let in it is taken from the signed ledger: a page of the index put back
// neither brings a recovery code back that was used nor takes a factor off.
const factorKind = "second_factor"

// factorSeal says what the secret of a second factor is sealed for. It is
// sealed to its member, who has just given their passphrase where it is needed:
// not even the node opens it.
const factorSeal = "kua/second factor/v1"

var (
	// ErrFactorCompulsory says that a member may not go without a second factor.
	ErrFactorCompulsory = errors.New("an administrator has made a second factor compulsory for you: set up another one in its place, or ask them to lift that")
	// ErrNoFactor says that no second factor is being set up, or none is there.
	ErrNoFactor = errors.New("there is no second factor to be confirmed or taken off: begin with setting one up")
)

// factor is a second factor as the ledger has it.
type factor struct {
	Member, Record string
	Secret         string   // sealed to the member, base64
	Recovery       []string // marks of the codes that are left
	Since          time.Time
}

// putFactor takes a record of a second factor in, and answers false where its
// author was not entitled to it: a member sets their own and nobody else's; an
// administrator may take one off, for a phone that was lost.
func (ro *roll) putFactor(member string, e casefile.Entry) bool {
	m, author := ro.member(member), ro.member(e.Author)
	if m == nil || m.Left || author == nil || author.Left {
		return false
	}
	old := ro.factor(member)
	if e.Op != casefile.Put {
		if author.ID != member && !author.administers() {
			return false
		}
		if old != nil && old.Record == e.Record {
			ro.Factors = slices.DeleteFunc(ro.Factors, func(f *factor) bool { return f == old })
		}
		return true
	}
	if author.ID != member {
		return false
	}
	next := &factor{Member: member, Record: e.Record, Secret: first(e.Fields["secret"]), Recovery: e.Fields["recovery"], Since: e.At}
	if old != nil {
		if old.Record == e.Record {
			next.Since = old.Since
		}
		ro.Factors = slices.DeleteFunc(ro.Factors, func(f *factor) bool { return f == old })
	}
	ro.Factors = append(ro.Factors, next)
	return true
}

func (ro *roll) factor(member string) *factor {
	return find(ro.Factors, func(f *factor) string { return f.Member }, member)
}

func (f *factor) put() Put {
	return Put{Record: f.Record, Kind: factorKind, Fields: casefile.Fields{"method": {"totp"}, "secret": {f.Secret}, "recovery": f.Recovery}}
}

// FactorView is a member's second factor as they see it themself.
type FactorView struct {
	On         bool
	Since      time.Time
	Left       int  // recovery codes
	Compulsory bool // an administrator says so
}

// Factor is the second factor of the member of a session.
func (r *Registry) Factor(s *access.Session) FactorView {
	ro := r.roll()
	v := FactorView{}
	if m := ro.member(s.Member.ID); m != nil {
		v.Compulsory = m.SecondFactor
	}
	if f := ro.factor(s.Member.ID); f != nil {
		v.On, v.Since, v.Left = true, f.Since, len(f.Recovery)
	}
	return v
}

// nextStep is what a sign-in with the right passphrase still needs; empty: nothing.
func (r *Registry) nextStep(member string) access.Step {
	ro := r.roll()
	switch m := ro.member(member); {
	case ro.factor(member) != nil:
		return access.GiveCode
	case m != nil && m.SecondFactor:
		return access.SetFactor
	}
	return ""
}

// HalfOpen finds a sign-in that waits for its second step.
func (r *Registry) HalfOpen(token string) (*access.Half, bool) { return r.sessions.Halves.Get(token) }

// SignInCode ends a sign-in with a one-time code or a recovery code:
// access.ErrFactor where it is not right, an *access.WaitError where too many
// were wrong, access.ErrHalfOver where the first step is over.
func (r *Registry) SignInCode(ctx context.Context, token, code string) (*access.Session, error) {
	h, ok := r.sessions.Halves.Get(token)
	if !ok || h.Step != access.GiveCode {
		return nil, access.ErrHalfOver
	}
	f := r.roll().factor(h.Member.ID)
	if f == nil {
		return nil, access.ErrHalfOver
	}
	var err error
	if mark, is := access.RecoveryMark(h.Member.ID, code); is {
		err = r.useRecovery(ctx, h, mark)
	} else {
		var secret string
		if secret, err = f.open(h.Keys); err == nil {
			err = r.codes.Accept(h.Member.ID, secret, code, h.Known)
		}
	}
	if errors.Is(err, access.ErrFactor) {
		r.sessions.Halves.Fail(h)
		r.signInFailed(ctx, h.Member.ID)
	}
	if err != nil {
		return nil, err
	}
	return r.full(ctx, h)
}

func (f *factor) open(keys *access.Keys) (string, error) {
	sealed, err := base64.StdEncoding.DecodeString(f.Secret)
	if err != nil {
		return "", fmt.Errorf("the secret of the second factor can't be read: %w", err)
	}
	secret, err := keys.Identity.OpenOwn(factorSeal, sealed)
	if err != nil {
		return "", fmt.Errorf("the secret of the second factor can't be opened: %w", err)
	}
	return string(secret), nil
}

// full makes a session of a half-open one.
func (r *Registry) full(ctx context.Context, h *access.Half) (*access.Session, error) {
	m := r.roll().member(h.Member.ID)
	if m == nil || m.Left || !r.sessions.Halves.End(h.Token()) {
		return nil, access.ErrHalfOver
	}
	s := r.sessions.Begin(m.Member, h.Keys)
	s.DeviceToken, s.NewDevice = r.devices.Token(s.Member.Name, h.Device(), r.now()), !h.Known
	r.signedIn(ctx, s, "page", r.auditDevice(s), true)
	return s, nil
}

// useRecovery takes a recovery code out of those that are left, before it opens anything.
func (r *Registry) useRecovery(ctx context.Context, h *access.Half, mark string) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	f := r.roll().factor(h.Member.ID)
	if f == nil || !slices.Contains(f.Recovery, mark) {
		return access.ErrFactor
	}
	next := *f
	next.Recovery = without(f.Recovery, []string{mark})
	return r.write(ctx, &access.Session{Member: h.Member, Keys: h.Keys}, []act{{stream: h.Member.ID, puts: []Put{next.put()}, source: "a recovery code was used"}})
}

// BeginFactor begins to set up a second factor, also in the place of another.
// What is offered stands in the session until it is confirmed.
func (r *Registry) BeginFactor(ctx context.Context, s *access.Session) (err error) {
	defer r.did(ctx, s, "", "", &err)
	if !r.sessions.Fresh(s) {
		return ErrProof
	}
	r.sessions.SetOffer(s, access.NewFactorSecret())
	return nil
}

// ConfirmFactor sets up the second factor that the session was offered, with a
// code that shows that it works, and answers the recovery codes, which nothing
// keeps. The member's other sessions end.
func (r *Registry) ConfirmFactor(ctx context.Context, s *access.Session, code string) (codes []string, err error) {
	defer r.did(ctx, s, actFactor, "", &err)
	secret := s.Offer()
	if secret == "" {
		return nil, ErrNoFactor
	}
	codes, err = r.setFactor(ctx, s, secret, code)
	if err != nil {
		return nil, err
	}
	r.sessions.SetOffer(s, "")
	r.sessions.EndOthers(s)
	return codes, nil
}

// ConfirmFactorHalf is ConfirmFactor for a member who is not let in without a
// second factor and had none: then they are in.
func (r *Registry) ConfirmFactorHalf(ctx context.Context, token, code string) ([]string, *access.Session, error) {
	h, ok := r.sessions.Halves.Get(token)
	if !ok || h.Step != access.SetFactor || r.nextStep(h.Member.ID) != access.SetFactor {
		return nil, nil, access.ErrHalfOver
	}
	codes, err := r.setFactor(ctx, &access.Session{Member: h.Member, Keys: h.Keys}, h.Secret, code)
	if err != nil {
		return nil, nil, err
	}
	s, err := r.full(ctx, h)
	return codes, s, err
}

func (r *Registry) setFactor(ctx context.Context, s *access.Session, secret, code string) ([]string, error) {
	if err := r.codes.Accept(s.Member.ID, secret, code, true); err != nil {
		return nil, err
	}
	sealed, err := s.Keys.Identity.SealOwn(factorSeal, []byte(secret))
	if err != nil {
		return nil, err
	}
	codes := access.NewRecoveryCodes()
	f := factor{Member: s.Member.ID, Record: ledger.NewID().String(), Secret: base64.StdEncoding.EncodeToString(sealed)}
	for _, c := range codes {
		mark, _ := access.RecoveryMark(s.Member.ID, c)
		f.Recovery = append(f.Recovery, mark)
	}
	slices.Sort(f.Recovery) // their order says nothing
	r.writing.Lock()
	defer r.writing.Unlock()
	if err := r.write(ctx, s, []act{{stream: s.Member.ID, puts: []Put{f.put()}, source: "set up by the member"}}); err != nil {
		return nil, err
	}
	return codes, nil
}

// EndFactor takes a member's own second factor off.
func (r *Registry) EndFactor(ctx context.Context, s *access.Session) (err error) {
	defer r.did(ctx, s, actFactor, "", &err)
	if !r.sessions.Fresh(s) {
		return ErrProof
	}
	if r.Factor(s).Compulsory {
		return ErrFactorCompulsory
	}
	return r.takeOffFactor(ctx, s, s.Member.ID)
}

// EndFactorOf takes the second factor of another member off, for a phone that
// was lost with the recovery codes. Their sessions end. Where a second factor
// is compulsory for them they set up another at the next sign-in.
func (r *Registry) EndFactorOf(ctx context.Context, s *access.Session, id string) (err error) {
	defer r.did(ctx, s, actFactor, "members", &err)
	if err := r.mayLookAfter(s); err != nil {
		return err
	}
	if err := r.takeOffFactor(ctx, s, id); err != nil {
		return err
	}
	if id != s.Member.ID {
		r.sessions.EndMember(id)
	}
	return nil
}

func (r *Registry) takeOffFactor(ctx context.Context, s *access.Session, id string) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	f := r.roll().factor(id)
	if f == nil {
		return ErrNoFactor
	}
	return r.write(ctx, s, []act{{stream: id, withdraws: []Put{f.put()}, source: "taken off"}})
}
