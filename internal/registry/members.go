// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// What somebody who looks after members can be told.
var (
	// ErrProof says that a dangerous act needs the passphrase once more.
	ErrProof = errors.New("give your passphrase once more: this act asks for it if you last gave it more than five minutes ago")
	// ErrGive says that a member would give what is not theirs to give.
	ErrGive = errors.New("nobody gives what they don't have, and nobody gives themself cases to read: a coordinator is made by a coordinator, an analyst by an analyst or a coordinator, and an organisation is opened by one of its own members")
	// ErrLastOne says that nobody would be left who can do something.
	ErrLastOne = errors.New("nobody else could administer the register, start it, or open an organisation's cases: ask another member in first; if there is no time, leave them the role of a trustee alone, which opens no case")
	// ErrFirstMember says that only somebody who may start the register can end who made it.
	ErrFirstMember = errors.New("this member made the register and their passphrase starts it: somebody who may start it, too, must end them")
	// ErrNameTaken says that a name is another member's, or promised to one.
	ErrNameTaken = errors.New("a member, or an invitation, has this name already: choose another")
	// ErrName says that a name can't be a member's.
	ErrName = errors.New("a name has 1 to 80 letters")
	// ErrRole says that a role is missing or unknown.
	ErrRole = errors.New("give at least one role, from the list of roles")
	// ErrLanguage says that there is no such language.
	ErrLanguage = errors.New("the languages are en, ru and kk")
)

// fields is the record of a member.
func (m *MemberView) fields() casefile.Fields {
	f := casefile.Fields{"name": {m.Name}, "lang": {m.Lang}, "org": m.Orgs, "sign_key": {hex.EncodeToString(m.SignKey)}}
	for _, role := range m.Roles {
		f["roles"] = append(f["roles"], string(role))
	}
	if m.SecondFactor {
		f["second_factor"] = []string{"yes"}
	}
	return f
}

// Members are the members, those who left too, and the invitations that can
// still be accepted.
func (r *Registry) Members(ctx context.Context, s *access.Session) (_ []MemberView, _ []InvitationView, err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return nil, nil, ErrNotAllowed
	}
	ro := r.roll()
	var members []MemberView
	for _, m := range ro.Members {
		members = append(members, *m)
	}
	var open []InvitationView
	for _, v := range ro.Invitations {
		if v.Open(r.now()) {
			open = append(open, *v)
		}
	}
	return members, open, nil
}

// May tells whether a member may do what belongs to no case: so that no page
// leads them where nothing is open to them.
func (r *Registry) May(s *access.Session, a access.Action) bool {
	return access.Decide(s.Member, a, access.Thing{})
}

// LooksAfter tells whether a member looks after members or organisations.
func (r *Registry) LooksAfter(s *access.Session) bool {
	return access.Decide(s.Member, access.Administer, access.Thing{}) || slices.ContainsFunc(s.Member.Orgs, func(org string) bool {
		return access.Decide(s.Member, access.LetIn, access.Thing{Org: org})
	})
}

// Givable are the roles that the session's member may give to another, or,
// where it is their own id, to themself.
func (r *Registry) Givable(s *access.Session, to string) []access.Role {
	return slices.DeleteFunc(access.Roles(), func(role access.Role) bool { return !mayGive(s.Member, to, []access.Role{role}) })
}

// FindMember finds a member who has not left by name, without regard to case,
// or by id, for those who look after members or let them into an organisation.
func (r *Registry) FindMember(ctx context.Context, s *access.Session, nameOrID string) (_ MemberView, err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	if !r.LooksAfter(s) {
		return MemberView{}, ErrNotAllowed
	}
	nameOrID = strings.Join(strings.Fields(norm.NFC.String(nameOrID)), " ")
	for _, m := range r.roll().Members {
		if !m.Left && (m.ID == nameOrID || strings.EqualFold(m.Name, nameOrID)) {
			return *m, nil
		}
	}
	return MemberView{}, ErrNotFound
}

// mayLookAfter tells whether the session may do what changes members now.
func (r *Registry) mayLookAfter(s *access.Session) error {
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return ErrNotAllowed
	}
	if !r.sessions.Fresh(s) {
		return ErrProof
	}
	return nil
}

// turning is one change of a member's record.
type turning struct {
	source string
	change func(ro *roll, next *MemberView) error
	keys   func(ro *roll) error // opens and closes key files once it is clear that the change may be made; nil: none
	done   func() error         // when it is written; nil: nothing
}

// turn changes the record of a member who has not left, if the session's
// member may. It holds r.writing meanwhile.
func (r *Registry) turn(ctx context.Context, s *access.Session, id string, t turning) error {
	if r.beside {
		return ledger.ErrLocked
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	ro := r.roll()
	m := ro.member(id)
	if m == nil || m.Left {
		return ErrNotFound
	}
	next := *m
	if err := t.change(ro, &next); err != nil {
		return err
	}
	if !ro.mayTurn(ro.member(s.Member.ID), *m, next, r.now()) {
		return ErrGive
	}
	if m.administers() && !next.administers() && !ro.anotherAdministers(id) {
		return ErrLastOne
	}
	if t.keys != nil {
		if err := t.keys(ro); err != nil {
			return err
		}
	}
	fields := next.fields()
	if next.Left {
		fields["left"] = []string{r.Today().String()}
	}
	if err := r.write(ctx, s, []act{{stream: id, puts: []Put{{Record: id, Kind: memberKind, Fields: fields}}, source: t.source}}); err != nil {
		return err
	}
	if t.done == nil {
		return nil
	}
	return t.done()
}

// SetRoles gives a member other roles. Their sessions end: the next one has the new roles.
func (r *Registry) SetRoles(ctx context.Context, s *access.Session, id string, roles []access.Role) (err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	if err := r.mayLookAfter(s); err != nil {
		return err
	}
	if err := r.knownRoles(roles); err != nil {
		return err
	}
	return r.turn(ctx, s, id, turning{source: "roles", change: func(_ *roll, next *MemberView) error {
		next.Roles = roles
		return nil
	}, done: func() error {
		r.sessions.EndMember(id)
		return r.sweep(false) // the invitations of somebody who no longer administers
	}})
}

func (r *Registry) knownRoles(roles []access.Role) error {
	list, ok := r.book.List("member_role")
	if !ok || len(roles) == 0 {
		return ErrRole
	}
	for _, role := range roles {
		if _, ok := list.Code(string(role)); !ok {
			return ErrRole
		}
	}
	return nil
}

// SetSecondFactor makes a second factor compulsory for a member, or lifts that.
// Their sessions end, but for the one that asks.
func (r *Registry) SetSecondFactor(ctx context.Context, s *access.Session, id string, compulsory bool) (err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	if err := r.mayLookAfter(s); err != nil {
		return err
	}
	return r.turn(ctx, s, id, turning{source: "second factor", change: func(_ *roll, next *MemberView) error {
		next.SecondFactor = compulsory
		return nil
	}, done: func() error {
		if id != s.Member.ID {
			r.sessions.EndMember(id)
		}
		return nil
	}})
}

// Rename gives a member another name to sign in under.
func (r *Registry) Rename(ctx context.Context, s *access.Session, id, name string) (err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	if err := r.mayLookAfter(s); err != nil {
		return err
	}
	name, err = memberName(name)
	if err != nil {
		return err
	}
	return r.turn(ctx, s, id, turning{source: "renamed", change: func(ro *roll, next *MemberView) error {
		if ro.nameTaken(name, id, r.now()) {
			return ErrNameTaken
		}
		next.Name = name
		return nil
	}})
}

// SetLanguage is in which language a member is spoken to: theirs alone to say,
// or an administrator's.
func (r *Registry) SetLanguage(ctx context.Context, s *access.Session, id, lang string) (err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	if id != s.Member.ID && !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return ErrNotAllowed
	}
	if err := r.knownLanguage(lang); err != nil {
		return err
	}
	return r.turn(ctx, s, id, turning{source: "language", change: func(_ *roll, next *MemberView) error {
		next.Lang = lang
		return nil
	}, done: func() error {
		if id == s.Member.ID {
			s.Member.Lang = lang
			r.sessions.Update(s)
		}
		return nil
	}})
}

func (r *Registry) knownLanguage(lang string) error {
	list, ok := r.book.List("interface_language")
	if !ok {
		return ErrLanguage
	}
	if _, ok := list.Code(lang); !ok {
		return ErrLanguage
	}
	return nil
}

func memberName(name string) (string, error) {
	name = strings.Join(strings.Fields(norm.NFC.String(name)), " ")
	if name == "" || utf8.RuneCountInString(name) > 80 {
		return "", ErrName
	}
	return name, nil
}

// EndMember ends a member: their sessions at once, the invitations they gave,
// and the slots that open the node's and the organisations' key files to them.
func (r *Registry) EndMember(ctx context.Context, s *access.Session, id string) (err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	if err := r.mayLookAfter(s); err != nil {
		return err
	}
	lost, err := ledger.ParseID(id)
	if err != nil {
		return ErrNotFound
	}
	return r.turn(ctx, s, id, turning{source: "ended", change: func(_ *roll, next *MemberView) error {
		next.Left = true
		return nil
	}, keys: func(ro *roll) error {
		if err := r.othersCanOpen(ro, lost, ""); err != nil {
			return err
		}
		if ro.Members[0].ID == id { // the passphrase that made the register has a slot of its own
			return r.forgetNodePassphrase(s)
		}
		return nil
	}, done: func() error {
		r.sessions.EndMember(id)
		return errors.Join(r.sweep(false), r.begun.DropMember(ctx, id))
	}})
}

// LetIn opens an organisation to a member: whoever lets them in is one of its
// own. Their sessions end: the next one has its keys.
func (r *Registry) LetIn(ctx context.Context, s *access.Session, org, id string) (err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	if !access.Decide(s.Member, access.LetIn, access.Thing{Org: org}) {
		return ErrNotAllowed
	}
	if !r.sessions.Fresh(s) {
		return ErrProof
	}
	who, err := ledger.ParseID(id)
	if err != nil {
		return ErrNotFound
	}
	return r.turn(ctx, s, id, turning{source: "let in", change: func(_ *roll, next *MemberView) error {
		next.Orgs = append(without(next.Orgs, []string{org}), org)
		return nil
	}, keys: func(*roll) error {
		locked, err := r.readLocked(memberFile(who))
		if err != nil {
			return err
		}
		if locked.Public().ID() != [16]byte(who) {
			return fmt.Errorf("%s: its name and its content do not belong together: %w", memberFile(who), seal.ErrDamaged)
		}
		return r.addSlots(s.Keys.Identity, locked.Public(), []string{org}, false)
	}, done: func() error {
		r.sessions.EndMember(id)
		return nil
	}})
}

// LetOut closes an organisation to a member: one of its own does it, or an
// administrator. Their sessions end at once. Somebody must be left who can open it.
func (r *Registry) LetOut(ctx context.Context, s *access.Session, org, id string) (err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	if !access.Decide(s.Member, access.LetIn, access.Thing{Org: org}) && !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return ErrNotAllowed
	}
	if !r.sessions.Fresh(s) {
		return ErrProof
	}
	lost, err := ledger.ParseID(id)
	if err != nil {
		return ErrNotFound
	}
	return r.turn(ctx, s, id, turning{source: "let out", change: func(_ *roll, next *MemberView) error {
		if !slices.Contains(next.Orgs, org) {
			return ErrNotFound
		}
		next.Orgs = without(next.Orgs, []string{org})
		return nil
	}, keys: func(ro *roll) error {
		return r.othersCanOpen(ro, lost, org)
	}, done: func() error {
		r.sessions.EndMember(id)
		return r.sweep(false)
	}})
}

// TakeBack ends an invitation before it is accepted.
func (r *Registry) TakeBack(ctx context.Context, s *access.Session, id string) (err error) {
	defer r.refusal(ctx, s, "members", "", &err)
	if err := r.mayLookAfter(s); err != nil {
		return err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	v := r.roll().invitation(id)
	if v == nil || !v.Open(r.now()) {
		return ErrNotFound
	}
	fields := v.fields()
	fields["taken_back"] = []string{"yes"}
	if err := r.write(ctx, s, []act{{stream: id, puts: []Put{{Record: id, Kind: invitationKind, Fields: fields}}, source: "taken back"}}); err != nil {
		return err
	}
	return r.sweep(false)
}

// keyFiles are the key files that are opened by slots.
func (r *Registry) keyFiles() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(r.dir, keysDir, "org-*.key"))
	if err != nil {
		return nil, err
	}
	names := []string{nodeKeyFile}
	for _, f := range files {
		names = append(names, filepath.Join(keysDir, filepath.Base(f)))
	}
	return names, nil
}

// othersCanOpen refuses to leave a key file that no member could open: of one
// organisation, or any where org is empty.
func (r *Registry) othersCanOpen(ro *roll, lost ledger.ID, org string) error {
	if r.seesAlone(lost.String(), org) {
		return ErrLastOne
	}
	files, err := r.keyFiles()
	if err != nil {
		return err
	}
	for _, file := range files {
		if org != "" && file != orgFile(org, ".key") {
			continue
		}
		locked, err := r.readLocked(file)
		if err != nil {
			return err
		}
		ids := locked.Identities()
		if !slices.Contains(ids, [16]byte(lost)) {
			continue
		}
		if !slices.ContainsFunc(ids, func(id [16]byte) bool {
			m := ro.member(ledger.ID(id).String())
			return ledger.ID(id) != lost && m != nil && !m.Left
		}) {
			return ErrLastOne
		}
	}
	return nil
}

// forgetNodePassphrase puts a passphrase that nobody knows in the place of the
// one the register was made with. The slot itself stays: a sign-in under a
// name that nobody has costs a stretch on it.
func (r *Registry) forgetNodePassphrase(s *access.Session) error {
	locked, err := r.readLocked(nodeKeyFile)
	if err != nil {
		return err
	}
	opened, err := locked.OpenIdentity(s.Keys.Identity)
	if errors.Is(err, seal.ErrNotSealedToYou) {
		return ErrFirstMember
	}
	if err != nil {
		return err
	}
	nobodys, err := seal.NewPassphrase()
	if err != nil {
		return err
	}
	if err := locked.SetPassphrase(opened, nobodys, r.opt.Stretch); err != nil {
		return err
	}
	b, err := locked.Encode()
	if err != nil {
		return err
	}
	return r.replaceKey(nodeKeyFile, b)
}

// addSlots opens the key files of organisations, and of the node where starts
// says so, to another identity. by must be able to open them.
func (r *Registry) addSlots(by *seal.Identity, to seal.Public, orgs []string, starts bool) error {
	changed := map[string]*seal.Locked{}
	files := make([]string, 0, len(orgs)+1)
	for _, org := range orgs {
		files = append(files, orgFile(org, ".key"))
	}
	if starts {
		files = append(files, nodeKeyFile)
	}
	for _, file := range files {
		locked, err := r.readLocked(file)
		if errors.Is(err, os.ErrNotExist) {
			return ErrGive
		}
		if err != nil {
			return err
		}
		opened, err := locked.OpenIdentity(by)
		if errors.Is(err, seal.ErrNotSealedToYou) {
			return ErrGive
		}
		if err != nil {
			return err
		}
		if err := locked.AddIdentity(opened, to); err != nil {
			return err
		}
		changed[file] = locked
	}
	for _, file := range slices.Sorted(maps.Keys(changed)) {
		if err := r.writeLocked(file, changed[file]); err != nil {
			return err
		}
	}
	return nil
}

// sweep takes away what opens key files to nobody's right: the slots of members
// who have left an organisation or the register, those of invitations that are
// over, and what an interrupted write left. The ledger says what is over.
//
// At opening, when the ledger is known whole, the key files of members go that
// an interrupted acceptance left; later, one may be about to be written.
func (r *Registry) sweep(opening bool) error {
	if err := r.sweepFiles(opening); err != nil {
		return fmt.Errorf("keys that are over could not be taken away: close the register and open it again, which repeats it: %w", err)
	}
	return nil
}

func (r *Registry) sweepFiles(opening bool) error {
	ro, now := r.roll(), r.now()
	lost := map[[16]byte]bool{}
	for _, m := range ro.Members {
		if m.Left {
			lost[seal.IDOf(m.SignKey)] = true
		}
	}
	for _, v := range ro.Invitations {
		if !v.Open(now) {
			lost[seal.IDOf(v.SignKey)] = true
		}
	}
	left, err := r.leftBehind(ro, opening, lost)
	if err != nil {
		return err
	}
	files, err := r.keyFiles()
	if err != nil {
		return err
	}
	for _, file := range files {
		locked, err := r.readLocked(file)
		if err != nil {
			return err
		}
		org := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "org-"), ".key")
		var kept, dropped int // the recovery's slot alone keeps no organisation that nobody ever had
		for _, id := range locked.Identities() {
			m := ro.member(ledger.ID(id).String())
			if lost[id] || m != nil && file != nodeKeyFile && !slices.Contains(m.Orgs, org) {
				locked.RemoveIdentity(id)
				dropped++
			} else if set := ro.shareSet(); set == nil || seal.IDOf(set.SignKey) != id {
				kept++
			}
		}
		switch {
		case dropped == 0:
		case kept > 0 || file == nodeKeyFile || len(locked.Identities()) > 0 && ro.org(org) != nil && ro.org(org).Settled:
			if err := r.writeLocked(file, locked); err != nil {
				return err
			}
		case ro.org(org) == nil || !ro.org(org).Settled: // nobody ever had it: its keys are made anew for whoever is asked next
			left = append(left, file, orgFile(org, ".vault"))
		default:
			r.opt.Log.Error("the key file of an organisation would be open to nobody and is left as it is")
		}
	}
	if err := r.sweepIntake(ro); err != nil {
		return err
	}
	// The slots first: as long as a file is there, the next sweep finds them.
	for _, file := range left {
		if err := r.removeKey(file); err != nil {
			return err
		}
	}
	return nil
}

// leftBehind finds key files that nobody will need, and adds the identities in
// them to those that are lost.
func (r *Registry) leftBehind(ro *roll, opening bool, lost map[[16]byte]bool) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(r.dir, keysDir))
	if err != nil {
		return nil, err
	}
	var left []string
	for _, e := range entries {
		file := filepath.Join(keysDir, e.Name())
		id, found := strings.CutSuffix(e.Name(), ".key")
		set, isRecovery := strings.CutPrefix(strings.TrimSuffix(id, ".set"), "recovery-")
		invitation, isInvitation := strings.CutPrefix(id, "invite-")
		member, isMember := strings.CutPrefix(id, "member-")
		key, isAPIKey := strings.CutPrefix(id, apiKeyPrefix)
		switch {
		case strings.HasPrefix(e.Name(), unfinished):
			left = append(left, file)
			continue
		case isRecovery:
			if v := ro.shareSet(); v != nil && v.ID[:len(v.ID)/2] == set {
				continue
			}
		case !found:
			continue
		case isAPIKey: // it opens its member, who is not lost with it
			if found && !ro.apiKeyLives(key, r.Today()) {
				left = append(left, file)
			}
			continue
		case isInvitation:
			if v := ro.invitation(invitation); v != nil && v.Open(r.now()) {
				continue
			}
		case isMember:
			if !opening || ro.member(member) != nil || ro.Refused[member] {
				continue
			}
		default:
			continue
		}
		if locked, err := r.readLocked(file); err == nil { // one that can't be read names nobody
			lost[locked.Public().ID()] = true
		}
		left = append(left, file)
	}
	return left, nil
}
